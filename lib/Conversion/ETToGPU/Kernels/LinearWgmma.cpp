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
// Shared memory: stages of x [tileM][64] and w [tileN][64], both with the 128-byte
// swizzle; boxes of 16 rows of results for each warp, if y leaves by TMA; full and
// empty barriers. With splitK the first stages hold the partial sums at the end:
// fragment g of thread t of T consumers at (g * T + t) * 16 bytes. Each block of the
// cluster finishes its share of each warp's 16 rows, neighbouring lanes with
// neighbouring columns.
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
/// Registers of a consumer's thread that may hold accumulators and what the epilogue loads ahead.
constexpr int64_t kAheadRegisters = 176;

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
  /// Multiplies all blocks of K; returns the finished accumulators and moves \p slot.
  SmallVector<Value> emitMainLoop(Slot &slot, Value consumer, Value leader);
  /// \p biases and the pairs of \p inputs belong to the whole tile, or to its first box.
  void storeTile(ValueRange acc, SmallVector<BiasPair> biases, FragmentInputs inputs, Value firstRow, Value n);
  void storePartialSums(ValueRange acc);
  void reducePartialSums();

  int64_t tileM, tileN, stages, consumers, blocksK, stageBytes;
  /// Stages that are requested before the loop.
  int64_t early = 0;
  StoreBoxes boxes;
  /// Whether pairs of extras are loaded before they are needed.
  bool isAhead = false;
  /// What this thread finishes of a tile that a cluster shares: four neighbouring columns at a time of one row.
  struct Share {
    /// The row in its warp's sixteen, and in y, where it may lie outside.
    Value warpRow, index;
    LinearRow row;
    /// Columns in the tile of each four, and of each two of them what the epilogue reads.
    SmallVector<Value> columns;
    SmallVector<BiasPair> biases;
    SmallVector<SmallVector<LinearExtraPair>> extras;
  } share;
  int64_t lanesPerRow() const { return 2 * schedule.splitK; }
  /// Before the wait for the kernels in front, and behind it.
  void startShare(Value m, Value n);
  void loadShare(Value n);
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
  auto [m, n] = walkTiles(tile, tilesM, ceilDiv(spec.n, tileN), kGroup);
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
    b.initBarrier(empty(b.i32(i)), consumers);
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

void WgmmaEmitter::storeTile(ValueRange acc, SmallVector<BiasPair> biases, FragmentInputs inputs, Value firstRow,
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
    FragmentInputs nextInputs = inputs;
    if ((box + 1) * boxes.columns < tileN) {
      Value column = b.add(n, (box + 1) * boxes.columns);
      next = loadFragmentBias(boxes.columns / 8, column);
      if (isAhead)
        loadFragmentPairs(nextInputs, boxes.columns / 8, column);
    }
    SmallVector<Value> packed;
    std::array<SmallVector<std::pair<Value, Value>>, 2> results;
    for (int64_t g = 0; g < boxes.columns / 8; ++g) {
      Value col = clampColumn(b.add(laneColumn(n), box * boxes.columns + 8 * g));
      ValueRange sums = acc.slice(4 * (box * boxes.columns / 8 + g), 4);
      auto finishHalf = [&](unsigned half) {
        ArrayRef<LinearExtraPair> loaded;
        if (!inputs.extras[half].empty())
          loaded = inputs.extras[half][g];
        return finish(sums[2 * half], sums[2 * half + 1], biases[g], inputs.rows[half], col, /*colHi=*/{}, loaded);
      };
      for (unsigned half = 0; half < 2; ++half) {
        auto [lo, hi] = results[half].emplace_back(finishHalf(half));
        packed.push_back(b.pack(lo, hi, spec.yType));
      }
    }
    biases = std::move(next);
    inputs = std::move(nextInputs);
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
    constexpr int64_t perChunk = kLinearChunkSize / 8;
    for (int64_t g = 0; spec.yChunks && g < boxes.columns / 8; g += perChunk)
      for (unsigned half = 0; half < 2; ++half) {
        Value row = b.add(b.add(firstRow, b.shr(lane, 2)), 8 * half), col = b.add(n, box * boxes.columns + 8 * g);
        storeChunk(ArrayRef(results[half]).slice(g, perChunk), /*lanes=*/4, row, col,
                   b.land(b.lt(row, rows), b.lt(col, spec.n)));
      }
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
  forEachTile({zero, zero}, [&](Value m, Value n, ValueRange carried) {
    Slot slot{carried[0], carried[1]};
    Value firstRow = b.add(m, rowInTile);
    SmallVector<BiasPair> biases;
    SmallVector<SmallVector<LinearExtraPair>> constants;
    int64_t groups = (boxes.count ? boxes.columns : tileN) / 8;
    // Chunks of two rows stay in registers while a persistent block multiplies.
    int64_t chunks = schedule.persistent && spec.rowStats ? spec.k / spec.rowStats->chunkSize : 0;
    isAhead = !isSplit && countPairRegisters(groups, 2) + chunks + tileN / 2 <= kAheadRegisters;
    if (isSplit)
      startShare(m, n);
    else
      biases = loadFragmentBias(groups, n);
    if (isAhead)
      constants = loadFragmentConstants(groups, n);
    if (!schedule.persistent)
      b.waitForPrevious();
    // Loads that are under way while the first stages are filled, or while the tensor cores work.
    FragmentInputs inputs;
    if (isSplit)
      loadShare(n);
    else
      inputs = loadFragmentRows(firstRow);
    if (isAhead)
      loadFragmentPairs(inputs, groups, n, constants);
    auto finishRows = [&] { finishFragmentInputs(inputs, firstRow, b.eq(n, 0)); };
    if (!isSplit && !schedule.persistent)
      finishRows();
    SmallVector<Value> acc = emitMainLoop(slot, consumer, leader);
    if (isSplit) {
      storePartialSums(acc);
    } else {
      if (schedule.persistent)
        finishRows();
      storeTile(acc, std::move(biases), std::move(inputs), firstRow, n);
    }
    return SmallVector<Value>{slot.stage, slot.parity};
  });
  if (boxes.count)
    b.ifThen(b.eq(b.laneId(), 0), [&] { b.waitBulk(0, /*read=*/false); });
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

void WgmmaEmitter::startShare(Value m, Value n) {
  // Of each warp's 16 rows every block has 16 / splitK.
  Value lane = b.laneId(), warp = b.shr(thread, 5);
  share.warpRow = b.add(b.mul(b.clusterRank(), kWarpM / schedule.splitK), b.div(lane, lanesPerRow()));
  share.index = b.add(m, b.add(b.mul(warp, kWarpM), share.warpRow));
  Value first = b.mul(b.rem(lane, lanesPerRow()), 4);
  for (int64_t column = 0; column < tileN; column += 4 * lanesPerRow()) {
    share.columns.push_back(b.add(first, column));
    for (int64_t pair = 0; pair < 4; pair += 2) {
      Value pairColumn = clampColumn(b.add(n, b.add(share.columns.back(), pair)));
      share.biases.push_back(loadBias(pairColumn));
      share.extras.push_back(loadConstantPairs(pairColumn));
    }
  }
}

void WgmmaEmitter::loadShare(Value n) {
  share.row = loadRow(clampRow(share.index));
  if (countPairRegisters(share.biases.size(), 1) <= kAheadRegisters / 2)
    for (size_t at = 0; at < share.extras.size(); ++at)
      share.extras[at] =
          loadPairs(share.row.index, clampColumn(b.add(n, b.add(share.columns[at / 2], at % 2 * 2))), share.extras[at]);
  finishRow(share.row, b.land(b.eq(n, 0), b.lt(share.index, rows)));
}

void WgmmaEmitter::reducePartialSums() {
  Value n = getTile(Value()).second, inside = b.lt(share.index, rows);
  int64_t splitK = schedule.splitK, groupBytes = consumers * kWarpgroupSize * 16;
  // Sums of row r of a warp and columns 8g + 2q are in registers 2 * (r / 8) of lane 4 * (r % 8) + q.
  Value rowStart = b.add(b.mul(b.band(share.warpRow, 7), 4), b.mul(b.shr(thread, 5), kWarpSize));
  rowStart = b.add(b.mul(rowStart, 16), b.mul(b.shr(share.warpRow, 3), 8));
  SmallVector<std::pair<Value, Value>> results;
  // As many loads in flight as registers allow: kInFlight times two.
  constexpr int64_t kInFlight = 32;
  int64_t batch = std::max<int64_t>(1, kInFlight / (2 * splitK));
  for (int64_t first = 0, count = share.columns.size(); first < count; first += batch) {
    int64_t end = std::min(count, first + batch);
    SmallVector<SmallVector<Value>> parts(splitK);
    for (int64_t i = first; i < end; ++i) {
      Value column = share.columns[i];
      Value place = b.add(b.mul(b.shr(column, 3), groupBytes), b.mul(b.shr(b.band(column, 7), 1), 16));
      Value slot = b.offset(shared, b.add(place, rowStart));
      for (int64_t pair = 0; pair < 2; ++pair)
        for (int64_t block = 0; block < splitK; ++block)
          parts[block].append(b.loadRemoteF32x2(b.offset(slot, 16 * pair), b.i32(block)));
    }
    for (size_t i = 0; i < parts[0].size(); i += 2) {
      Value lo = parts[0][i], hi = parts[0][i + 1];
      for (int64_t block = 1; block < splitK; ++block) {
        lo = b.addf(lo, parts[block][i]);
        hi = b.addf(hi, parts[block][i + 1]);
      }
      size_t at = results.size();
      Value column = clampColumn(b.add(n, b.add(share.columns[at / 2], at % 2 * 2)));
      results.push_back(finish(lo, hi, share.biases[at], share.row, column, /*colHi=*/{}, share.extras[at]));
    }
  }
  b.ifThen(inside, [&] {
    for (size_t at = 0; at < results.size(); ++at) {
      Value column = b.add(n, b.add(share.columns[at / 2], at % 2 * 2));
      auto store = [&] { storePair(results[at].first, results[at].second, share.index, column); };
      if (spec.n % tileN)
        b.ifThen(b.lt(column, spec.n), store);
      else
        store();
    }
  });
  if (!spec.yChunks)
    return;
  // Eight lanes have a chunk, or where four have a row, these with two times four columns.
  int64_t lanes = std::min<int64_t>(lanesPerRow(), kLinearChunkSize / 4), pairs = kLinearChunkSize / lanes / 2;
  for (int64_t at = 0; at < static_cast<int64_t>(results.size()); at += pairs) {
    Value column = b.add(n, b.band(share.columns[at / 2], -kLinearChunkSize));
    storeChunk(ArrayRef(results).slice(at, pairs), lanes, share.index, column, b.land(inside, b.lt(column, spec.n)));
  }
}

//===----------------------------------------------------------------------===//
// The kernel
//===----------------------------------------------------------------------===//

BuiltKernel WgmmaEmitter::build(StringRef name) {
  // One consumer needs no more than a warp beside it; with two, a whole warpgroup gives up its registers for them.
  bool reallocate = consumers > 1;
  int64_t threads = consumers * kWarpgroupSize + (reallocate ? kWarpgroupSize : kWarpSize);

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
  Value isProducer = b.eq(thread, consumers * kWarpgroupSize);
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
          b.increaseRegisters(kConsumerRegisters);
        emitConsumer(warpgroup);
        ifSplit([&] { reducePartialSums(); });
      },
      [&] {
        if (reallocate)
          b.decreaseRegisters(kProducerRegisters);
        b.ifThen(isProducer, [&] { emitProducer(); });
        ifSplit([] {});
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
