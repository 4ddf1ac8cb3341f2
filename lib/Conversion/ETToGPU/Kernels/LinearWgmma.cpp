//===- LinearWgmma.cpp - Linear kernels for Hopper -*- C++ -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// See https://llvm.org/LICENSE.txt for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   producer (one thread)                 consumer warpgroup c: rows 64c .. 64c+63
//   ---------------------                 ----------------------------------------
//   request the first weights             wait for the previous kernel
//   wait for the previous kernel          for each tile
//   for each tile                           for each block of K
//     for each block of K                     wait full[stage]
//       wait empty[stage]                     wgmma on the stage
//       request x and w -> full[stage]        release the stage before
//                                           add bias, epilogue, store
//
// Shared memory: stages of x [tileM][64] and w [tileN][64], both with the 128-byte
// swizzle; two boxes of 64x64 results per consumer, if y leaves by TMA; full and empty
// barriers. With splitK the first stages hold the partial sums at the end:
// fragment g of thread t at (g * 128 + t) * 16 bytes, so that the thread with the same
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
/// A box of 64 x 64 results.
constexpr int64_t kBoxColumns = 64, kBoxBytes = kInstM * kRowBytes;
/// Boxes of results per consumer: one is written while the other is being stored.
constexpr int64_t kBoxes = 2;
/// Row tiles that are walked together in a persistent kernel, so that their weights stay in L2.
constexpr int64_t kGroup = 8;
/// Registers of a producer's and a consumer's thread with one producer and two consumer warpgroups.
constexpr int64_t kProducerRegisters = 40, kConsumerRegisters = 232;

class WgmmaEmitter : public LinearEmitter {
public:
  WgmmaEmitter(OpBuilder &builder, Location loc, const LinearKernelSpec &spec, const LinearSchedule &schedule,
               const SM &sm)
      : LinearEmitter(builder, loc, spec, schedule, sm), tileM(schedule.tileM), tileN(schedule.tileN),
        stages(schedule.stages), consumers(tileM / kInstM), blocksK(ceilDiv(spec.k, kBlockK)),
        stageBytes((tileM + tileN) * kRowBytes), tmaStore(storesByTMA(spec, schedule)) {}

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

  using TileBody = llvm::function_ref<SmallVector<Value>(Value m, Value n, ValueRange carried)>;
  /// Runs \p body for each tile of this block with its first row and output.
  void forEachTile(ValueRange init, TileBody body);
  void loadX(Value stage, Value block, Value m);
  void loadW(Value stage, Value block, Value n);
  void emitProducer();
  void emitConsumer(Value consumer);
  /// Multiplies all blocks of K; returns the finished accumulators and moves \p slot.
  SmallVector<Value> emitMainLoop(Slot &slot, Value consumer, Value leader);
  void storeTile(ValueRange acc, Value consumer, Value leader, Value m, Value n);
  void storePartialSums(ValueRange acc);
  void reducePartialSums();

  int64_t tileM, tileN, stages, consumers, blocksK, stageBytes;
  bool tmaStore;
  Value xMap, wMap, yMap;
  Value shared, barriers, thread;
  /// First block of K of this thread block, and their number.
  Value firstBlock, numBlocks;
  /// Row and output tiles, i32, of a persistent kernel.
  Value tilesM;
};
} // namespace

WgmmaEmitter::Slot WgmmaEmitter::advance(Slot slot) {
  Value next = b.add(slot.stage, 1);
  Value wrap = b.eq(next, stages);
  return {b.select(wrap, b.i32(0), next), b.bxor(slot.parity, b.zext(wrap, b.getI32Type()))};
}

void WgmmaEmitter::forEachTile(ValueRange init, TileBody body) {
  int64_t tilesN = ceilDiv(spec.n, tileN);
  if (!schedule.persistent) {
    Value n = b.mul(b.div(b.blockId(0), schedule.splitK), tileN);
    body(b.mul(b.blockId(1), tileM), n, init);
    return;
  }
  // Groups of kGroup row tiles, each walked output tile by output tile.
  b.loop(b.blockId(), b.mul(tilesM, tilesN), b.gridDim(), init, [&](Value tile, ValueRange carried) {
    Value group = b.div(tile, kGroup * tilesN);
    Value first = b.mul(group, kGroup);
    Value height = b.min(b.sub(tilesM, first), b.i32(kGroup));
    Value rest = b.sub(tile, b.mul(group, kGroup * tilesN));
    Value n = b.div(rest, height);
    Value m = b.add(first, b.sub(rest, b.mul(n, height)));
    return body(b.mul(m, tileM), b.mul(n, tileN), carried);
  });
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

void WgmmaEmitter::emitProducer() {
  b.prefetchMap(wMap);
  b.prefetchMap(xMap);
  // Weights do not depend on the previous kernel: request those of the first tile before waiting for it.
  int64_t least = blocksK - (schedule.splitK - 1) * ceilDiv(blocksK, schedule.splitK);
  int64_t early = std::min(stages, least);
  Value isFirst = b.i32(1);
  Slot start{b.i32(0), b.i32(1)};
  forEachTile({isFirst, start.stage, start.parity}, [&](Value m, Value n, ValueRange carried) {
    Slot slot{carried[1], carried[2]};
    SmallVector<Value> from = b.ifElse(
        b.ne(carried[0], 0), {b.getI32Type(), b.getI32Type(), b.getI32Type()},
        [&] {
          for (int64_t i = 0; i < early; ++i) {
            b.expectBytes(full(b.i32(i)), stageBytes);
            loadW(b.i32(i), b.i32(i), n);
          }
          b.waitForPrevious();
          for (int64_t i = 0; i < early; ++i)
            loadX(b.i32(i), b.i32(i), m);
          return SmallVector<Value>{b.i32(early), b.i32(early % stages), b.i32(early == stages ? 0 : 1)};
        },
        [&] { return SmallVector<Value>{b.i32(0), slot.stage, slot.parity}; });
    SmallVector<Value> end = b.loop(from[0], numBlocks, b.i32(1), {from[1], from[2]}, [&](Value block, ValueRange at) {
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

void WgmmaEmitter::storeTile(ValueRange acc, Value consumer, Value leader, Value m, Value n) {
  Value warp = b.band(b.shr(thread, 5), 3), lane = b.laneId();
  Value firstRow = b.add(m, b.mul(consumer, kInstM));
  if (!tmaStore) {
    storeFragments(acc, b.add(firstRow, b.mul(warp, 16)), n);
    return;
  }

  // stmatrix: lane l stores row l % 16 of its warp's 16 rows, 16-byte chunk 2j + l / 16.
  Value boxes = b.offset(shared, b.add(b.mul(consumer, kBoxes * kBoxBytes), stages * stageBytes));
  Value boxRow = b.add(b.mul(warp, 16), b.band(lane, 15));
  SmallVector<Value> chunks;
  for (int64_t j = 0; j < kBoxColumns / 16; ++j) {
    Value chunk = b.bxor(b.add(b.shr(lane, 4), 2 * j), b.band(lane, 7));
    chunks.push_back(b.add(b.mul(boxRow, kRowBytes), b.mul(chunk, 16)));
  }
  Value barrier = b.add(consumer, 1);
  Value row0 = clampRow(b.add(firstRow, b.add(b.mul(warp, 16), b.shr(lane, 2))));
  Value row1 = clampRow(b.add(firstRow, b.add(b.mul(warp, 16), b.add(b.shr(lane, 2), 8))));
  Value laneColumn = b.add(n, b.shl(b.band(lane, 3), 1));

  SmallVector<BiasPair> biases;
  for (int64_t g = 0; g < tileN / 8; ++g)
    biases.push_back(loadBias(clampColumn(b.add(laneColumn, 8 * g))));
  for (int64_t box = 0; box < tileN / kBoxColumns; ++box) {
    // Everything that touches memory outside comes before the wait for the box.
    SmallVector<Value> packed;
    for (int64_t g = box * 8; g < box * 8 + 8; ++g) {
      Value col = clampColumn(b.add(laneColumn, 8 * g));
      auto [lo0, hi0] = finish(acc[4 * g], acc[4 * g + 1], biases[g], row0, col);
      auto [lo1, hi1] = finish(acc[4 * g + 2], acc[4 * g + 3], biases[g], row1, col);
      packed.push_back(b.pack(lo0, hi0, spec.yType));
      packed.push_back(b.pack(lo1, hi1, spec.yType));
    }
    Value target = b.offset(boxes, (box % kBoxes) * kBoxBytes);
    b.ifThen(leader, [&] { b.waitBulk(kBoxes - 1, /*read=*/true); });
    b.sync(barrier, kWarpgroupSize);
    for (int64_t j = 0; j < kBoxColumns / 16; ++j)
      b.stmatrix(b.offset(target, chunks[j]), ArrayRef<Value>(packed).slice(4 * j, 4));
    b.fenceAsyncShared();
    b.sync(barrier, kWarpgroupSize);
    b.ifThen(leader, [&] {
      b.tmaStore(yMap, target, {b.add(n, box * kBoxColumns), firstRow});
      b.commitBulk();
    });
  }
}

void WgmmaEmitter::emitConsumer(Value consumer) {
  Value leader = b.eq(b.band(thread, kWarpgroupSize - 1), 0);
  // The epilogue reads and overwrites what earlier kernels wrote and read.
  b.waitForPrevious();
  Value zero = b.i32(0);
  forEachTile({zero, zero}, [&](Value m, Value n, ValueRange carried) {
    Slot slot{carried[0], carried[1]};
    SmallVector<Value> acc = emitMainLoop(slot, consumer, leader);
    if (schedule.splitK > 1)
      storePartialSums(acc);
    else
      storeTile(acc, consumer, leader, m, n);
    return SmallVector<Value>{slot.stage, slot.parity};
  });
  if (tmaStore)
    b.ifThen(leader, [&] { b.waitBulk(0, /*read=*/false); });
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
  Value slot = b.offset(shared, b.mul(thread, 16));
  for (int64_t g = 0; g < tileN / 8; ++g)
    b.store(makeF32x4(b, acc.slice(4 * g, 4)), b.offset(slot, g * kWarpgroupSize * 16), 16);
}

void WgmmaEmitter::reducePartialSums() {
  // Each block of the cluster finishes its share of the columns.
  int64_t share = tileN / 8 / schedule.splitK;
  Value rank = b.clusterRank();
  Value slot = b.offset(shared, b.add(b.mul(thread, 16), b.mul(rank, share * kWarpgroupSize * 16)));
  SmallVector<SmallVector<Value>> parts;
  for (int64_t block = 0; block < schedule.splitK; ++block) {
    SmallVector<Value> &part = parts.emplace_back();
    for (int64_t g = 0; g < share; ++g)
      part.append(b.loadRemoteF32x4(b.offset(slot, g * kWarpgroupSize * 16), b.i32(block)));
  }
  SmallVector<Value> sums = parts.front();
  for (ArrayRef<Value> part : ArrayRef(parts).drop_front())
    for (auto [sum, value] : llvm::zip(sums, part))
      sum = b.addf(sum, value);
  Value n = b.add(b.mul(b.div(b.blockId(0), schedule.splitK), tileN), b.mul(rank, 8 * share));
  Value row = b.add(b.mul(b.blockId(1), tileM), b.mul(b.shr(thread, 5), 16));
  storeFragments(sums, row, n);
}

//===----------------------------------------------------------------------===//
// The kernel
//===----------------------------------------------------------------------===//

BuiltKernel WgmmaEmitter::build(StringRef name) {
  // One consumer needs no more than a warp beside it; with two, a whole warpgroup gives up its registers for them.
  bool reallocate = consumers > 1;
  int64_t threads = consumers * kWarpgroupSize + (reallocate ? kWarpgroupSize : kWarpSize);

  declareMap({0, spec.xType, {constant(spec.k), symbol(kSymbolRows)}, {xStrideExpr()}, constant(0), {kBlockK, tileM},
              kRowBytes});
  declareMap({1, spec.wType, {constant(spec.k), constant(spec.n)}, {constant(spec.k)}, constant(0), {kBlockK, tileN},
              kRowBytes});
  if (tmaStore)
    declareMap({spec.outputOperand(), spec.yType, {constant(spec.n), symbol(kSymbolRows)}, {yStrideExpr()},
                constant(0), {kBoxColumns, kInstM}, kRowBytes});
  declareCommon(/*yByPointer=*/!tmaStore);
  createKernel(name, threads, /*minBlocks=*/1);
  xMap = takeParameter();
  wMap = takeParameter();
  if (tmaStore)
    yMap = takeParameter();
  takeCommon(/*yByPointer=*/!tmaStore);

  shared = b.sharedMemory();
  barriers = b.offset(shared, stages * stageBytes + (tmaStore ? consumers * kBoxes * kBoxBytes : 0));
  thread = b.threadId();
  Value warpgroup = b.uniform(b.shr(thread, 7));
  if (schedule.persistent)
    tilesM = b.ceilDiv(rows, tileM);
  int64_t perBlock = ceilDiv(blocksK, schedule.splitK);
  if (schedule.splitK > 1) {
    firstBlock = b.mul(b.clusterRank(), perBlock);
    numBlocks = b.min(b.i32(perBlock), b.sub(b.i32(blocksK), firstBlock));
  } else {
    firstBlock = b.i32(0);
    numBlocks = b.i32(blocksK);
  }

  b.ifThen(b.eq(thread, 0), [&] {
    for (int64_t i = 0; i < stages; ++i) {
      b.initBarrier(full(b.i32(i)), 1);
      b.initBarrier(empty(b.i32(i)), consumers);
    }
    b.fenceBarrierInit();
  });
  b.syncThreads();
  // The next kernel may start as soon as all blocks of this one run: it waits for this one before it reads.
  b.launchNext();

  // Consumers come first, so that the producer of a small kernel is the warp behind them.
  b.ifThenElse(
      b.lt(warpgroup, consumers),
      [&] {
        if (reallocate)
          b.increaseRegisters(kConsumerRegisters);
        emitConsumer(warpgroup);
      },
      [&] {
        if (reallocate)
          b.decreaseRegisters(kProducerRegisters);
        b.ifThen(b.eq(thread, consumers * kWarpgroupSize), [&] { emitProducer(); });
      });
  if (schedule.splitK > 1) {
    b.syncWarp();
    b.clusterSync();
    b.ifThen(b.lt(warpgroup, consumers), [&] { reducePartialSums(); });
    // Nobody leaves while others read its shared memory.
    b.syncWarp();
    b.clusterSync();
  }

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
