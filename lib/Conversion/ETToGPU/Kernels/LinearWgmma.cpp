//===- LinearWgmma.cpp - Linear kernels for Hopper -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   producer (one thread)                 consumer warpgroup c: rows 64c .. 64c+63
//   ---------------------                 ----------------------------------------
//   request the first weights             load the bias
//   wait for the previous kernel          wait for the previous kernel
//   request the first rows of x           for each tile
//   for each tile                           for each block of K
//     for each block of K                     wait full[stage]
//       wait empty[stage]                     wgmma on the stage
//       request x and w -> full[stage]        release the stage before
//                                           add bias, epilogue, store
//
// Where the statistics of rows are asked for, a warpgroup of its own reads x of
// each stage too, a row or half a row per thread, and hands scale and mean of each
// row to the consumers through shared memory behind the barriers. The sums are
// taken of differences from the mean of the row's first eight elements, so they do
// not cancel where the mean is large.
//
// Shared memory: stages of x [tileM][64] and w [tileN][64], both with the 128-byte
// swizzle; boxes of 16 rows of results for each warp, if y leaves by TMA; full and
// empty barriers. With splitK the first stages hold the partial sums at the end:
// fragment g of thread t of T consumers at (g * T + t) * 16 bytes, so that the thread with the same
// number in every block of the cluster reads the same address in all of them.
//
//===----------------------------------------------------------------------===//

#include "LinearEmitter.h"

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::gpu_kernels;
using namespace mlir::et::nvidia;

namespace {
/// Rows of a wgmma, inputs of one, and inputs of a block of K: 128 bytes, the width of the swizzle.
constexpr int64_t kInstM = 64, kInstK = 16, kBlockK = 64;
constexpr int64_t kRowBytes = 128;
/// Rows of a warp.
constexpr int64_t kWarpM = 16;
/// Row tiles that are walked together in a persistent kernel, so that their weights stay in L2.
constexpr int64_t kGroup = 8;
/// Registers of a producer's and a consumer's thread with one producer and two consumer warpgroups.
constexpr int64_t kProducerRegisters = 40, kConsumerRegisters = 232;
/// The same with a warpgroup for statistics: these, and 128 threads of it, make 65536 registers.
constexpr int64_t kProducerBesideStats = 32, kConsumerBesideStats = 216, kStatsRegisters = 48;
/// Registers of a consumer's thread that may hold accumulators and what the epilogue loads ahead.
constexpr int64_t kAheadRegisters = 128;
/// Elements of 16 bytes of x, and such chunks of a row of a stage.
constexpr int64_t kChunk = 8, kChunks = kBlockK / kChunk;

class WgmmaEmitter : public LinearEmitter {
public:
  WgmmaEmitter(OpBuilder &builder, Location loc, const LinearKernelSpec &spec, const LinearSchedule &schedule,
               const SM &sm)
      : LinearEmitter(builder, loc, spec, schedule, sm), tileM(schedule.tileM), tileN(schedule.tileN),
        stages(schedule.stages), consumers(tileM / kInstM), blocksK(ceilDiv(spec.k, kBlockK)),
        stageBytes((tileM + tileN) * kRowBytes), boxes(getStoreBoxes(spec, schedule)) {}

  BuiltKernel build(StringRef name);

private:
  /// A position in the ring: stage and parity, i32.
  struct Slot {
    Value stage, parity;
  };
  Slot advance(Slot slot);
  Value full(Value stage) { return b.offset(barriers, b.mul(stage, 8)); }
  Value empty(Value stage) { return b.offset(barriers, b.add(b.mul(stage, 8), 8 * stages)); }
  Value stageStart(Value stage) { return b.offset(shared, b.mul(stage, stageBytes)); }

  /// First row and output of a tile; \p tile is its number in a persistent kernel.
  std::pair<Value, Value> getTile(Value tile);
  /// A persistent block may have none.
  void ifHasTile(llvm::function_ref<void()> body);
  using TileBody = llvm::function_ref<SmallVector<Value>(Value m, Value n, ValueRange carried)>;
  /// Runs \p body for each tile of this block with its first row and output.
  void forEachTile(ValueRange init, TileBody body);
  void loadX(Value stage, Value block, Value m);
  void loadW(Value stage, Value block, Value n);
  /// What the producer's thread does before anything else: barriers, and the first weights, which no kernel writes.
  void emitStart();
  void emitProducer();
  void emitConsumer(Value consumer);
  /// Statistics of the rows of every tile of this block, by a warpgroup whose threads are numbered \p thread.
  void emitStats(Value thread);
  Value statsFull() { return b.offset(barriers, 16 * stages); }
  Value statsEmpty() { return b.offset(barriers, 16 * stages + 8); }
  /// Scale and mean of row \p row of the tile, two f32.
  Value statsOf(Value row) { return b.offset(barriers, b.add(b.mul(row, 8), 16 * stages + 16)); }
  /// Waits for the statistics of a tile, and reads those of rows \p row and \p row + 8 of it.
  void takeStats(FragmentInputs &inputs, Value row, Value parity);
  /// Multiplies all blocks of K; returns the finished accumulators and moves \p slot.
  SmallVector<Value> emitMainLoop(Slot &slot, Value consumer, Value leader);
  /// \p biases belongs to the whole tile, or to its first box.
  void storeTile(ValueRange acc, SmallVector<BiasPair> biases, const FragmentInputs &inputs, Value firstRow, Value n);
  void storePartialSums(ValueRange acc);
  void reducePartialSums();
  /// First column that this block of a cluster finishes, and groups of eight of them.
  int64_t shareOfGroups() { return tileN / 8 / schedule.splitK; }
  Value shareColumn(Value n) { return b.add(n, b.mul(b.clusterRank(), 8 * shareOfGroups())); }

  int64_t tileM, tileN, stages, consumers, blocksK, stageBytes;
  /// Stages that are requested before the loop.
  int64_t early = 0;
  StoreBoxes boxes;
  /// What the epilogue of a block of a cluster reads.
  SmallVector<BiasPair> shareBiases;
  FragmentInputs shareInputs;
  Value xMap, wMap, yMap;
  Value shared, barriers, thread;
  /// First block of K of this thread block, and their number.
  Value firstBlock, numBlocks;
  /// Tiles of rows, and of all, of a persistent kernel, i32.
  Value tilesM, tiles;
};
} // namespace

WgmmaEmitter::Slot WgmmaEmitter::advance(Slot slot) {
  Value next = b.add(slot.stage, 1);
  Value wrap = b.eq(next, stages);
  return {b.select(wrap, b.i32(0), next), b.bxor(slot.parity, b.zext(wrap, b.getI32Type()))};
}

std::pair<Value, Value> WgmmaEmitter::getTile(Value tile) {
  if (!schedule.persistent)
    return {b.mul(b.blockId(1), tileM), b.mul(b.div(b.blockId(0), schedule.splitK), tileN)};
  // Groups of kGroup row tiles, each walked output tile by output tile.
  int64_t tilesN = ceilDiv(spec.n, tileN);
  Value group = b.div(tile, kGroup * tilesN);
  Value first = b.mul(group, kGroup);
  Value height = b.min(b.sub(tilesM, first), b.i32(kGroup));
  Value rest = b.sub(tile, b.mul(group, kGroup * tilesN));
  Value n = b.div(rest, height);
  Value m = b.add(first, b.sub(rest, b.mul(n, height)));
  return {b.mul(m, tileM), b.mul(n, tileN)};
}

void WgmmaEmitter::forEachTile(ValueRange init, TileBody body) {
  if (!schedule.persistent) {
    auto [m, n] = getTile(Value());
    body(m, n, init);
    return;
  }
  b.loop(b.blockId(), tiles, b.gridDim(), init, [&](Value tile, ValueRange carried) {
    auto [m, n] = getTile(tile);
    return body(m, n, carried);
  });
}

void WgmmaEmitter::ifHasTile(llvm::function_ref<void()> body) {
  if (schedule.persistent)
    b.ifThen(b.lt(b.blockId(), tiles), body);
  else
    body();
}

//===----------------------------------------------------------------------===//
// Producer
//===----------------------------------------------------------------------===//

void WgmmaEmitter::loadX(Value stage, Value block, Value m) {
  b.tmaLoad(stageStart(stage), xMap, full(stage), {b.mul(b.add(firstBlock, block), kBlockK), m});
}
void WgmmaEmitter::loadW(Value stage, Value block, Value n) {
  b.tmaLoad(b.offset(stageStart(stage), tileM * kRowBytes), wMap, full(stage),
            {b.mul(b.add(firstBlock, block), kBlockK), n});
}

void WgmmaEmitter::emitStart() {
  b.prefetchMap(wMap);
  b.prefetchMap(xMap);
  for (int64_t i = 0; i < stages; ++i) {
    b.initBarrier(full(b.i32(i)), 1);
    b.initBarrier(empty(b.i32(i)), consumers + (spec.rowStats ? kWarpgroupSize / kWarpSize : 0));
  }
  if (spec.rowStats) {
    b.initBarrier(statsFull(), kWarpgroupSize / kWarpSize);
    b.initBarrier(statsEmpty(), consumers * kWarpgroupSize / kWarpSize);
  }
  b.fenceBarrierInit();
  ifHasTile([&] {
    Value n = getTile(b.blockId()).second;
    for (int64_t i = 0; i < early; ++i) {
      b.expectBytes(full(b.i32(i)), stageBytes);
      loadW(b.i32(i), b.i32(i), n);
    }
  });
}

void WgmmaEmitter::emitProducer() {
  b.waitForPrevious();
  ifHasTile([&] {
    Value m = getTile(b.blockId()).first;
    for (int64_t i = 0; i < early; ++i)
      loadX(b.i32(i), b.i32(i), m);
  });
  // Carried: the block of K to start with, and the slot.
  SmallVector<Value> init = {b.i32(early), b.i32(early % stages), b.i32(early == stages ? 0 : 1)};
  forEachTile(init, [&](Value m, Value n, ValueRange carried) {
    SmallVector<Value> end =
        b.loop(carried[0], numBlocks, b.i32(1), carried.drop_front(), [&](Value block, ValueRange at) {
          Slot slot{at[0], at[1]};
          b.waitBarrier(empty(slot.stage), slot.parity);
          b.expectBytes(full(slot.stage), stageBytes);
          loadX(slot.stage, block, m);
          loadW(slot.stage, block, n);
          Slot next = advance(slot);
          return SmallVector<Value>{next.stage, next.parity};
        });
    return SmallVector<Value>{b.i32(0), end[0], end[1]};
  });
}

//===----------------------------------------------------------------------===//
// Consumers
//===----------------------------------------------------------------------===//

SmallVector<Value> WgmmaEmitter::emitMainLoop(Slot &slot, Value consumer, Value leader) {
  int64_t count = tileN / 2;
  Value base = b.sharedAddress(shared);
  Value descX = b.wgmmaDescriptor(b.add(base, b.mul(consumer, kInstM * kRowBytes)));
  Value descW = b.wgmmaDescriptor(b.add(base, tileM * kRowBytes));
  auto release = [&](Value stage, Value cond) { b.ifThen(cond, [&] { b.arriveBarrier(empty(stage)); }); };

  // Carried: accumulators, stage, parity, the stage of the block before. Undefined sums are ignored in the first block.
  SmallVector<Value> init = b.undefF32(count);
  init.append({slot.stage, slot.parity, slot.stage});
  SmallVector<Value> end = b.loop(b.i32(0), numBlocks, b.i32(1), init, [&](Value block, ValueRange carried) {
    SmallVector<Value> acc(carried.take_front(count));
    Slot at{carried[count], carried[count + 1]};
    Value before = carried[count + 2];
    b.waitBarrier(full(at.stage), at.parity);
    Value step = b.zext(b.mul(at.stage, stageBytes >> 4), b.getI64Type());
    Value x = b.add(descX, step), w = b.add(descW, step);
    b.wgmmaFence();
    for (int64_t k = 0; k < kBlockK / kInstK; ++k) {
      int64_t inside = k * kInstK * 2 >> 4;
      acc = b.wgmma(tileN, spec.xType, b.add(x, inside), b.add(w, inside), acc,
                    k == 0 ? b.zext(b.gt(block, 0), b.getI32Type()) : Value());
    }
    b.wgmmaCommit();
    // The block before is done: its stage may be filled again.
    b.wgmmaWait(1);
    release(before, b.land(leader, b.gt(block, 0)));
    Slot next = advance(at);
    acc.append({next.stage, next.parity, at.stage});
    return acc;
  });
  SmallVector<Value> acc = b.wgmmaWait(0, ValueRange(end).take_front(count));
  release(end[count + 2], leader);
  slot = {end[count], end[count + 1]};
  return acc;
}

void WgmmaEmitter::storeTile(ValueRange acc, SmallVector<BiasPair> biases, const FragmentInputs &inputs, Value firstRow,
                             Value n) {
  if (!boxes.count) {
    storeFragments(acc, biases, firstRow, n, &inputs);
    return;
  }
  Value lane = b.laneId();

  // stmatrix: lane l stores row l % 16, 16-byte chunk 2j + l / 16.
  Value warpBoxes = b.offset(shared, b.add(b.mul(b.shr(thread, 5), boxes.count * boxes.bytes()), stages * stageBytes));
  // The swizzle moves chunks by the number of the 128-byte line.
  Value boxRow = b.band(lane, 15);
  Value line = b.div(boxRow, 128 / boxes.rowBytes()), swizzle = b.band(line, boxes.rowBytes() / 16 - 1);
  SmallVector<Value> places;
  for (int64_t j = 0; j < boxes.columns / 16; ++j) {
    Value chunk = b.bxor(b.add(b.shr(lane, 4), 2 * j), swizzle);
    places.push_back(b.add(b.mul(boxRow, boxes.rowBytes()), b.mul(chunk, 16)));
  }
  Value first = b.eq(lane, 0);
  for (int64_t box = 0; box < tileN / boxes.columns; ++box) {
    // Everything that waits for memory outside comes before the wait for the box, and the next bias before that.
    SmallVector<BiasPair> next;
    if ((box + 1) * boxes.columns < tileN)
      next = loadFragmentBias(boxes.columns / 8, b.add(n, (box + 1) * boxes.columns));
    SmallVector<Value> packed;
    for (int64_t g = 0; g < boxes.columns / 8; ++g) {
      Value col = clampColumn(b.add(laneColumn(n), box * boxes.columns + 8 * g));
      ValueRange sums = acc.slice(4 * (box * boxes.columns / 8 + g), 4);
      auto finishHalf = [&](unsigned half) {
        ArrayRef<LinearExtraPair> loaded;
        if (!inputs.extras[half].empty())
          loaded = inputs.extras[half][box * boxes.columns / 8 + g];
        return finish(sums[2 * half], sums[2 * half + 1], biases[g], inputs.rows[half], col, /*colHi=*/{}, loaded);
      };
      auto [lo0, hi0] = finishHalf(0);
      auto [lo1, hi1] = finishHalf(1);
      packed.push_back(b.pack(lo0, hi0, spec.yType));
      packed.push_back(b.pack(lo1, hi1, spec.yType));
    }
    biases = std::move(next);
    Value target = b.offset(warpBoxes, box % boxes.count * boxes.bytes());
    b.ifThen(first, [&] { b.waitBulk(boxes.count - 1, /*read=*/true); });
    b.syncWarp();
    for (int64_t j = 0; j < boxes.columns / 16; ++j)
      b.stmatrix(b.offset(target, places[j]), ArrayRef<Value>(packed).slice(4 * j, 4));
    b.fenceAsyncShared();
    b.syncWarp();
    b.ifThen(first, [&] {
      b.tmaStore(yMap, target, {b.add(n, box * boxes.columns), firstRow});
      b.commitBulk();
    });
  }
}

void WgmmaEmitter::emitConsumer(Value consumer) {
  Value leader = b.eq(b.band(thread, kWarpgroupSize - 1), 0);
  Value warp = b.band(b.shr(thread, 5), 3);
  Value rowInTile = b.add(b.mul(consumer, kInstM), b.mul(warp, kWarpM));
  bool isSplit = schedule.splitK > 1;
  Value zero = b.i32(0);
  // The epilogue reads what earlier kernels wrote, and overwrites what they read.
  if (schedule.persistent)
    b.waitForPrevious();
  forEachTile({zero, zero, zero}, [&](Value m, Value n, ValueRange carried) {
    Slot slot{carried[0], carried[1]};
    Value firstRow = b.add(m, rowInTile);
    SmallVector<BiasPair> biases;
    if (isSplit)
      biases = loadFragmentBias(shareOfGroups(), shareColumn(n));
    else
      biases = loadFragmentBias((boxes.count ? boxes.columns : tileN) / 8, n);
    if (!schedule.persistent)
      b.waitForPrevious();
    // Loads that are under way while the tensor cores work.
    FragmentInputs inputs =
        isSplit ? loadFragmentInputs(shareOfGroups(), firstRow, shareColumn(n), kAheadRegisters / 2)
                : loadFragmentInputs(tileN / 8, firstRow, n, schedule.persistent ? 0 : kAheadRegisters - tileN / 2);
    SmallVector<Value> acc = emitMainLoop(slot, consumer, leader);
    if (spec.rowStats)
      takeStats(inputs, rowInTile, carried[2]);
    if (isSplit) {
      storePartialSums(acc);
      shareBiases = std::move(biases);
      shareInputs = std::move(inputs);
    } else {
      storeTile(acc, std::move(biases), inputs, firstRow, n);
    }
    return SmallVector<Value>{slot.stage, slot.parity, b.bxor(carried[2], 1)};
  });
  if (boxes.count)
    b.ifThen(b.eq(b.laneId(), 0), [&] { b.waitBulk(0, /*read=*/false); });
}

//===----------------------------------------------------------------------===//
// Statistics of rows
//===----------------------------------------------------------------------===//

void WgmmaEmitter::takeStats(FragmentInputs &inputs, Value row, Value parity) {
  b.waitBarrier(statsFull(), parity);
  row = b.add(row, b.shr(b.laneId(), 2));
  for (unsigned half = 0; half < 2; ++half) {
    Value pair = b.load(VectorType::get({2}, b.getF32Type()), statsOf(b.add(row, 8 * half)), 8);
    inputs.rows[half].scale = LLVM::ExtractElementOp::create(b, pair, b.i32(0));
    if (spec.rowStats->centred)
      inputs.rows[half].mean = LLVM::ExtractElementOp::create(b, pair, b.i32(1));
  }
  if (schedule.persistent) {
    b.syncWarp();
    b.ifThen(b.eq(b.laneId(), 0), [&] { b.arriveBarrier(statsEmpty()); });
  }
}

void WgmmaEmitter::emitStats(Value thread) {
  bool centred = spec.rowStats->centred;
  // A thread has a row of the tile, or half of one.
  int64_t parts = kWarpgroupSize / tileM, chunks = kChunks / parts;
  Value row = b.div(thread, parts), part = b.rem(thread, parts);
  // Chunk c of row r stands at chunk c ^ (r % 8): of eight threads that read at once, each has other banks.
  Value rowStart = b.mul(row, kRowBytes), swizzle = b.band(row, kChunks - 1);
  Value firstChunk = b.mul(part, chunks);
  SmallVector<Value> places;
  for (int64_t j = 0; j < chunks; ++j)
    places.push_back(b.add(rowStart, b.mul(b.bxor(b.add(firstChunk, j), swizzle), 16)));
  Value firstPlace = b.add(rowStart, b.mul(swizzle, 16));
  auto loadChunk = [&](Value stage, Value place) {
    Value chunk = b.load(VectorType::get({4}, b.getI32Type()), b.offset(stage, place), 16);
    SmallVector<Value> values;
    for (int64_t i = 0; i < 4; ++i) {
      auto [lo, hi] = b.unpack(LLVM::ExtractElementOp::create(b, chunk, b.i32(i)), spec.xType);
      values.append({lo, hi});
    }
    return values;
  };
  // Sums that do not wait for each other.
  constexpr int64_t kSums = 4;
  Value isLane0 = b.eq(b.laneId(), 0), inverse = b.f32(1.0 / spec.k);
  b.waitForPrevious();
  forEachTile({b.i32(0), b.i32(0), b.i32(0)}, [&](Value m, Value n, ValueRange carried) {
    Slot slot{carried[0], carried[1]};
    Value shift = b.f32(0.0);
    if (centred) {
      b.waitBarrier(full(slot.stage), slot.parity);
      SmallVector<Value> values = loadChunk(stageStart(slot.stage), firstPlace);
      for (size_t width = kChunk; width > 1; width /= 2)
        for (size_t i = 0; i < width / 2; ++i)
          values[i] = b.addf(values[i], values[i + width / 2]);
      shift = b.mulf(values[0], b.f32(1.0 / kChunk));
    }
    SmallVector<Value> init(2 * kSums, b.f32(0.0));
    init.append({slot.stage, slot.parity});
    SmallVector<Value> end = b.loop(b.i32(0), numBlocks, b.i32(1), init, [&](Value block, ValueRange at) {
      SmallVector<Value> sums(at.take_front(2 * kSums));
      Slot slot{at[2 * kSums], at[2 * kSums + 1]};
      b.waitBarrier(full(slot.stage), slot.parity);
      Value start = stageStart(slot.stage);
      for (int64_t j = 0; j < chunks; ++j) {
        // The last block of K may be filled up with zeros, which are no elements.
        Value exists;
        if (spec.k % kBlockK)
          exists = b.lt(b.add(b.mul(block, kChunks), b.add(firstChunk, j)), spec.k / kChunk);
        for (auto [i, value] : llvm::enumerate(loadChunk(start, places[j]))) {
          Value &sum = sums[i % kSums], &squares = sums[kSums + i % kSums];
          Value difference = value;
          if (centred) {
            difference = b.subf(value, shift);
            if (exists)
              difference = b.select(exists, difference, b.f32(0.0));
            sum = b.addf(sum, difference);
          }
          squares = b.fma(difference, difference, squares);
        }
      }
      b.syncWarp();
      b.ifThen(isLane0, [&] { b.arriveBarrier(empty(slot.stage)); });
      Slot next = advance(slot);
      sums.append({next.stage, next.parity});
      return sums;
    });
    auto total = [&](ValueRange sums) {
      Value sum = b.addf(b.addf(sums[0], sums[1]), b.addf(sums[2], sums[3]));
      return parts == 2 ? b.addf(sum, b.shuffleXor(sum, 1)) : sum;
    };
    Value sum = total(ValueRange(end).take_front(kSums)), squares = total(ValueRange(end).slice(kSums, kSums));
    // Differences from the shift: the mean lies sum / size behind it, and their squares count that once too often.
    Value variance = b.mulf(squares, inverse), mean = shift;
    if (centred) {
      Value distance = b.mulf(sum, inverse);
      mean = b.addf(shift, distance);
      variance = b.maxf(b.fma(b.negf(distance), distance, variance), b.f32(0.0));
    }
    Value scale = b.rsqrt(b.addf(variance, b.f32(spec.rowStats->eps)));
    // The consumers have taken those of the tile before.
    if (schedule.persistent)
      b.waitBarrier(statsEmpty(), b.bxor(carried[2], 1));
    Value isFirst = b.eq(part, 0);
    b.ifThen(isFirst, [&] {
      Value pair = LLVM::UndefOp::create(b, VectorType::get({2}, b.getF32Type()));
      pair = LLVM::InsertElementOp::create(b, pair, scale, b.i32(0));
      pair = LLVM::InsertElementOp::create(b, pair, mean, b.i32(1));
      b.store(pair, statsOf(row), 8);
    });
    b.syncWarp();
    b.ifThen(isLane0, [&] { b.arriveBarrier(statsFull()); });
    Value y = b.add(m, row);
    b.ifThen(b.land(b.land(isFirst, b.eq(n, 0)), b.lt(y, rows)), [&] {
      b.store(scale, b.element(scales, y, b.getF32Type()));
      if (centred)
        b.store(mean, b.element(means, y, b.getF32Type()));
    });
    return SmallVector<Value>{end[2 * kSums], end[2 * kSums + 1], b.bxor(carried[2], 1)};
  });
}

//===----------------------------------------------------------------------===//
// Split K
//===----------------------------------------------------------------------===//

static Value makeF32x4(NVVMBuilder &b, ValueRange values) {
  Value vector = LLVM::UndefOp::create(b, VectorType::get({4}, b.getF32Type()));
  for (int64_t i = 0; i < 4; ++i)
    vector = LLVM::InsertElementOp::create(b, vector, values[i], b.i32(i));
  return vector;
}

void WgmmaEmitter::storePartialSums(ValueRange acc) {
  // Nobody multiplies from the stages any more.
  if (consumers > 1)
    b.sync(1, consumers * kWarpgroupSize);
  Value slot = b.offset(shared, b.mul(thread, 16));
  for (int64_t g = 0; g < tileN / 8; ++g)
    b.store(makeF32x4(b, acc.slice(4 * g, 4)), b.offset(slot, g * consumers * kWarpgroupSize * 16), 16);
}

void WgmmaEmitter::reducePartialSums() {
  // Each block of the cluster finishes its share of the columns.
  int64_t share = shareOfGroups();
  Value rank = b.clusterRank();
  auto [m, n] = getTile(Value());
  Value slot = b.offset(shared, b.add(b.mul(thread, 16), b.mul(rank, share * consumers * kWarpgroupSize * 16)));
  // As many loads in flight as registers allow: kInFlight times four.
  constexpr int64_t kInFlight = 16;
  SmallVector<Value> sums;
  for (int64_t g = 0; g < share;) {
    int64_t end = std::min(share, g + std::max<int64_t>(1, kInFlight / schedule.splitK));
    SmallVector<SmallVector<Value>> parts(schedule.splitK);
    for (int64_t at = g; at < end; ++at)
      for (int64_t block = 0; block < schedule.splitK; ++block)
        parts[block].append(b.loadRemoteF32x4(b.offset(slot, at * consumers * kWarpgroupSize * 16), b.i32(block)));
    for (size_t i = 0; i < parts[0].size(); ++i) {
      Value sum = parts[0][i];
      for (int64_t block = 1; block < schedule.splitK; ++block)
        sum = b.addf(sum, parts[block][i]);
      sums.push_back(sum);
    }
    g = end;
  }
  storeFragments(sums, shareBiases, b.add(m, b.mul(b.shr(thread, 5), 16)), shareColumn(n), &shareInputs);
}

//===----------------------------------------------------------------------===//
// The kernel
//===----------------------------------------------------------------------===//

BuiltKernel WgmmaEmitter::build(StringRef name) {
  // One consumer needs no more than a warp beside it; with two, a whole warpgroup gives up its registers for them.
  bool reallocate = consumers > 1;
  int64_t warpgroups = consumers + (spec.rowStats ? 1 : 0);
  int64_t threads = warpgroups * kWarpgroupSize + (reallocate ? kWarpgroupSize : kWarpSize);

  declareMap({0,
              spec.xType,
              {constant(spec.k), symbol(kSymbolRows)},
              {xStrideExpr()},
              constant(0),
              {kBlockK, tileM},
              kRowBytes});
  declareMap({1,
              spec.wType,
              {constant(spec.k), constant(spec.n)},
              {constant(spec.k)},
              constant(0),
              {kBlockK, tileN},
              kRowBytes});
  if (boxes.count)
    declareMap({spec.outputOperand(),
                spec.yType,
                {constant(spec.n), symbol(kSymbolRows)},
                {yStrideExpr()},
                constant(0),
                {boxes.columns, kWarpM},
                boxes.rowBytes()});
  declareCommon(/*yByPointer=*/!boxes.count);
  createKernel(name, threads, /*minBlocks=*/1);
  xMap = takeParameter();
  wMap = takeParameter();
  if (boxes.count)
    yMap = takeParameter();
  takeCommon(/*yByPointer=*/!boxes.count);

  shared = b.sharedMemory();
  barriers = b.offset(shared, stages * stageBytes + boxes.count * boxes.rowBytes() * tileM);
  thread = b.threadId();
  Value warpgroup = b.uniform(b.shr(thread, 7));
  if (schedule.persistent) {
    tilesM = b.ceilDiv(rows, tileM);
    tiles = b.mul(tilesM, ceilDiv(spec.n, tileN));
  }
  int64_t perBlock = ceilDiv(blocksK, schedule.splitK);
  if (schedule.splitK > 1) {
    firstBlock = b.mul(b.clusterRank(), perBlock);
    numBlocks = b.min(b.i32(perBlock), b.sub(b.i32(blocksK), firstBlock));
  } else {
    firstBlock = b.i32(0);
    numBlocks = b.i32(blocksK);
  }

  early = std::min(stages, blocksK - (schedule.splitK - 1) * perBlock);
  Value isProducer = b.eq(thread, warpgroups * kWarpgroupSize);
  b.ifThen(isProducer, [&] { emitStart(); });
  b.syncThreads();
  // The next kernel may start as soon as all blocks of this one run: it waits for this one before it reads.
  b.launchNext();

  // Both roles pass the barriers of the cluster on their own: behind a common one ptxas would not know how many
  // registers the consumers have.
  auto ifSplit = [&](llvm::function_ref<void()> body) {
    if (schedule.splitK == 1)
      return;
    b.syncWarp();
    b.clusterSync();
    body();
    // Nobody leaves while others read its shared memory.
    b.syncWarp();
    b.clusterSync();
  };
  // Consumers come first, so that the producer of a small kernel is the warp behind them.
  b.ifThenElse(
      b.lt(warpgroup, consumers),
      [&] {
        if (reallocate)
          b.increaseRegisters(spec.rowStats ? kConsumerBesideStats : kConsumerRegisters);
        emitConsumer(warpgroup);
        ifSplit([&] { reducePartialSums(); });
      },
      [&] {
        auto produce = [&] {
          if (reallocate)
            b.decreaseRegisters(spec.rowStats ? kProducerBesideStats : kProducerRegisters);
          b.ifThen(isProducer, [&] { emitProducer(); });
          ifSplit([] {});
        };
        if (!spec.rowStats)
          return produce();
        b.ifThenElse(
            b.eq(warpgroup, consumers),
            [&] {
              if (reallocate)
                b.decreaseRegisters(kStatsRegisters);
              emitStats(b.sub(thread, consumers * kWarpgroupSize));
            },
            produce);
      });

  int64_t tilesN = ceilDiv(spec.n, tileN);
  LaunchExpr m = symbol(kSymbolRows);
  if (schedule.persistent)
    // No blocks for no rows.
    kernel.grid = {m.ceilDiv(int64_t(1) << 30) * b.sm.numSMs, constant(1), constant(1)};
  else
    kernel.grid = {constant(tilesN * schedule.splitK), m.ceilDiv(tileM), constant(1)};
  kernel.sharedBytes = getLinearSharedBytes(spec, schedule);
  kernel.programmatic = true;
  return std::move(kernel);
}

BuiltKernel gpu_kernels::buildWgmmaLinear(OpBuilder &builder, Location loc, StringRef name,
                                          const LinearKernelSpec &spec, const LinearSchedule &schedule, const SM &sm) {
  return WgmmaEmitter(builder, loc, spec, schedule, sm).build(name);
}
