//===- LinearOverlap.cpp - Producer and consumers of a linear kernel with overlap -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What brings x and w, what multiplies them, and how roles are shared out to warps.
//
//===----------------------------------------------------------------------===//

#include "LinearOverlap.h"

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::gpu_kernels;
using namespace mlir::et::gpu_kernels::overlap;
using namespace mlir::et::nvidia;

OverlapEmitter::Slot OverlapEmitter::advance(Slot slot) {
  Value next = b.add(slot.stage, 1);
  Value wrap = b.eq(next, stages);
  return {b.select(wrap, b.i32(0), next), b.bxor(slot.parity, b.zext(wrap, b.getI32Type()))};
}

std::pair<Value, Value> OverlapEmitter::getTile(Value tile) {
  auto [m, n] = walkTiles(tile, tilesM, ceilDiv(spec.n, tileN), kGroup / cluster);
  if (cluster > 1)
    m = b.add(b.mul(m, cluster), rank);
  return {b.mul(m, kTileM), b.mul(n, tileN)};
}

void OverlapEmitter::forEachTile(ValueRange init, TileBody body) {
  b.loop(firstTile, tiles, tileStep, init, [&](Value tile, ValueRange carried) {
    auto [m, n] = getTile(tile);
    return body(tile, m, n, carried);
  });
}

//===----------------------------------------------------------------------===//
// Producer
//===----------------------------------------------------------------------===//

void OverlapEmitter::loadX(Value stage, Value block, Value m) {
  b.tmaLoad(stageStart(stage), xMap, full(stage), {b.mul(block, kBlockK), m});
}

void OverlapEmitter::loadW(Value stage, Value block, Value n) {
  Value start = b.offset(stageStart(stage), kTileM * kRowBytes);
  if (cluster == 1) {
    b.tmaLoad(start, wMap, full(stage), {b.mul(block, kBlockK), n});
    return;
  }
  Value half = b.mul(rank, tileN / cluster);
  Value everyone = LLVM::ConstantOp::create(b, b.getI16Type(), b.getI16IntegerAttr((1 << cluster) - 1));
  b.tmaLoad(b.offset(start, b.mul(half, kRowBytes)), wMap, full(stage), {b.mul(block, kBlockK), b.add(n, half)},
            everyone);
}

void OverlapEmitter::emitStart() {
  b.prefetchMap(wMap);
  b.prefetchMap(xMap);
  for (int64_t i = 0; i < stages; ++i) {
    b.initBarrier(full(b.i32(i)), 1);
    b.initBarrier(empty(b.i32(i)), kConsumers * cluster);
  }
  b.fenceBarrierInit();
}

void OverlapEmitter::emitProducer() {
  auto expect = [&](Value stage, bool withBias, Value n, Value flip) {
    b.expectBytes(full(stage), layout.stageBytes + (withBias ? layout.biasBytes : 0));
    if (withBias)
      b.tmaLoad(biasStart(flip), biasMap, full(stage), {n});
  };
  // The first weights are requested before the wait for the previous kernel.
  b.ifThen(b.lt(firstTile, tiles), [&] {
    auto [m, n] = getTile(firstTile);
    for (int64_t i = 0; i < early; ++i) {
      expect(b.i32(i), biasMap && i == 0, n, b.i32(0));
      loadW(b.i32(i), b.i32(i), n);
    }
    b.waitForPrevious();
    for (int64_t i = 0; i < early; ++i)
      loadX(b.i32(i), b.i32(i), m);
  });
  // Carried: the block of K to start with, the slot, and which of the two biases is next.
  SmallVector<Value> init = {b.i32(early), b.i32(early % stages), b.i32(early == stages ? 0 : 1), b.i32(0)};
  forEachTile(init, [&](Value, Value m, Value n, ValueRange carried) {
    Value flip = carried[3];
    SmallVector<Value> end =
        b.loop(carried[0], b.i32(blocksK), b.i32(1), carried.slice(1, 2), [&](Value block, ValueRange at) {
          Slot slot{at[0], at[1]};
          b.waitBarrier(empty(slot.stage), slot.parity);
          if (biasMap)
            b.ifThenElse(
                b.eq(block, 0), [&] { expect(slot.stage, true, n, flip); },
                [&] { expect(slot.stage, false, n, flip); });
          else
            expect(slot.stage, false, n, flip);
          loadX(slot.stage, block, m);
          loadW(slot.stage, block, n);
          Slot next = advance(slot);
          return SmallVector<Value>{next.stage, next.parity};
        });
    return SmallVector<Value>{b.i32(0), end[0], end[1], b.bxor(flip, 1)};
  });
}

//===----------------------------------------------------------------------===//
// Consumers
//===----------------------------------------------------------------------===//

SmallVector<Value> OverlapEmitter::emitMainLoop(Slot &slot, Value consumer, Value thread) {
  // ptxas takes no instruction that needs more registers than the kernel starts with, 65536 / 512: one of 256 columns
  // does.
  int64_t count = tileN / 2, instN = tileN == 256 ? 128 : tileN;
  Value base = b.sharedAddress(shared);
  Value descX = b.wgmmaDescriptor(b.add(base, b.mul(consumer, kInstM * kRowBytes)));
  Value descW = b.wgmmaDescriptor(b.add(base, kTileM * kRowBytes));
  // One thread tells each block of the cluster.
  Value tells = b.lt(thread, cluster);
  auto release = [&](Value stage, Value cond) {
    b.ifThen(cond, [&] {
      if (cluster > 1)
        b.arriveRemoteBarrier(empty(stage), thread);
      else
        b.arriveBarrier(empty(stage));
    });
  };

  // Carried: accumulators, stage, parity, the stage of the block before. Undefined sums are ignored in the first block.
  SmallVector<Value> init = b.undefF32(count);
  init.append({slot.stage, slot.parity, slot.stage});
  SmallVector<Value> end = b.loop(b.i32(0), b.i32(blocksK), b.i32(1), init, [&](Value block, ValueRange carried) {
    SmallVector<Value> acc(carried.take_front(count));
    Slot at{carried[count], carried[count + 1]};
    Value before = carried[count + 2];
    b.waitBarrier(full(at.stage), at.parity);
    Value step = b.zext(b.mul(at.stage, layout.stageBytes >> 4), b.getI64Type());
    Value x = b.add(descX, step), w = b.add(descW, step);
    b.wgmmaFence();
    for (int64_t k = 0; k < kBlockK / kInstK; ++k) {
      int64_t inside = k * kInstK * 2 >> 4;
      SmallVector<Value> sums;
      for (int64_t n = 0; n < tileN; n += instN)
        llvm::append_range(sums, b.wgmma(instN, spec.xType, b.add(x, inside), b.add(w, inside + (n * kRowBytes >> 4)),
                                         ValueRange(acc).slice(n / 2, instN / 2),
                                         k == 0 ? b.zext(b.gt(block, 0), b.getI32Type()) : Value()));
      acc = std::move(sums);
    }
    b.wgmmaCommit();
    // The block before is done: its stage may be filled again.
    b.wgmmaWait(1);
    release(before, b.land(tells, b.gt(block, 0)));
    Slot next = advance(at);
    acc.append({next.stage, next.parity, at.stage});
    return acc;
  });
  SmallVector<Value> acc = b.wgmmaWait(0, ValueRange(end).take_front(count));
  release(end[count + 2], tells);
  slot = {end[count], end[count + 1]};
  return acc;
}

void OverlapEmitter::dropSums(ValueRange acc, Value consumer, Value thread, Value bias) {
  Value lane = b.laneId();
  Value warpRow = b.add(b.mul(consumer, kInstM), b.mul(b.shr(thread, 5), kWarpM));
  // Pieces 0 to 7, of which each row has its own order; the others follow at multiples of 128 bytes.
  SmallVector<Value> places;
  if (schedule.exactSums) {
    // A fragment holds two columns of rows lane / 4 and lane / 4 + 8.
    Value row = b.shr(lane, 2), quarter = b.band(lane, 3);
    Value start = b.add(b.add(b.mul(b.add(warpRow, row), rowBytes), b.mul(b.shr(quarter, 1), planeBytes)),
                        b.add(b.mul(b.band(quarter, 1), 8), layout.sums));
    for (int64_t i = 0; i < 8; ++i)
      places.push_back(b.offset(shared, b.add(start, b.mul(b.bxor(row, i), 16))));
    for (int64_t g = 0; g < tileN / kPiece; ++g)
      for (int64_t half = 0; half < 2; ++half) {
        Value pair = LLVM::UndefOp::create(b, VectorType::get({2}, b.getF32Type()));
        for (int64_t i = 0; i < 2; ++i)
          pair = LLVM::InsertElementOp::create(b, pair, acc[4 * g + 2 * half + i], b.i32(i));
        b.store(pair, b.offset(places[g % 8], g / 8 * 128 + half * 8 * rowBytes), 8);
      }
    return;
  }
  // stmatrix: lane l stores row l % 16 of pieces 2j + l / 16.
  Value row = b.band(lane, 15), swizzle = b.band(lane, 7);
  Value start = b.add(b.mul(b.add(warpRow, row), rowBytes), layout.sums);
  for (int64_t j = 0; j < 4; ++j)
    places.push_back(b.offset(shared, b.add(start, b.mul(b.bxor(b.add(b.shr(lane, 4), 2 * j), swizzle), 16))));
  auto addBias = [&](Value &lo, Value &hi, int64_t g) {
    Value pointer = b.offset(bias, 8 * g * (spec.biasType.getIntOrFloatBitWidth() / 8));
    std::pair<Value, Value> pair;
    if (spec.biasType.isF32()) {
      Value vector = b.load(VectorType::get({2}, b.getF32Type()), pointer, 8);
      pair = {LLVM::ExtractElementOp::create(b, vector, b.i32(0)), LLVM::ExtractElementOp::create(b, vector, b.i32(1))};
    } else {
      pair = b.unpack(b.load(b.getI32Type(), pointer, 4), spec.biasType);
    }
    lo = b.addf(lo, pair.first);
    hi = b.addf(hi, pair.second);
  };
  for (int64_t j = 0; j < tileN / 16; ++j) {
    SmallVector<Value> packed;
    for (int64_t g = 2 * j; g < 2 * j + 2; ++g)
      for (int64_t half = 0; half < 2; ++half) {
        Value lo = acc[4 * g + 2 * half], hi = acc[4 * g + 2 * half + 1];
        if (bias)
          addBias(lo, hi, g);
        packed.push_back(b.pack(lo, hi, spec.yType));
      }
    b.stmatrix(b.offset(places[j % 4], j / 4 * 128), packed);
  }
}

void OverlapEmitter::emitConsumer(Value consumer, Value thread) {
  Value zero = b.i32(0);
  // Carried: the slot, whether the sums of a tile before may still be there, and which bias is next.
  forEachTile({zero, zero, zero, zero}, [&](Value tile, Value m, Value n, ValueRange carried) {
    Slot slot{carried[0], carried[1]};
    Value flip = carried[3];
    SmallVector<Value> acc = emitMainLoop(slot, consumer, thread);
    b.ifThen(b.gt(carried[2], 0), [&] { b.sync(b.add(consumer, kSumsRead), kMeeting); });
    Value bias;
    if (biasMap)
      bias = b.offset(biasStart(flip), b.mul(b.band(b.laneId(), 3), 2 * (spec.biasType.getIntOrFloatBitWidth() / 8)));
    // Nothing is left to multiply behind the last tile: its epilogue is shared out to all consumers.
    Value isLast = b.le(tiles, b.add(tile, tileStep));
    dropSums(acc, consumer, thread, bias);
    b.ifThenElse(
        isLast,
        [&] {
          b.waitForPrevious();
          preparePieces(thread);
          prepareColumns(n);
          Value begin = b.mul(consumer, perHalf);
          SmallVector<Value> ahead = loadAhead(m, begin);
          b.sync(b.add(consumer, kSumsShared), kWarpgroupSize);
          finishTile(m, begin, b.add(begin, perHalf), ahead, /*waits=*/false);
        },
        [&] { b.arrive(b.add(consumer, kSumsThere), kMeeting); });
    return SmallVector<Value>{slot.stage, slot.parity, b.i32(1), b.bxor(flip, 1)};
  });
}

//===----------------------------------------------------------------------===//
// The kernel
//===----------------------------------------------------------------------===//

BuiltKernel OverlapEmitter::build(StringRef name) {
  bool biasInConsumer = spec.biasType && !schedule.exactSums;
  declareMap({0,
              spec.xType,
              {constant(spec.k), symbol(kSymbolRows)},
              {xStrideExpr()},
              constant(0),
              {kBlockK, kTileM},
              kRowBytes});
  declareMap({1,
              spec.wType,
              {constant(spec.k), constant(spec.n)},
              {constant(spec.k)},
              constant(0),
              {kBlockK, tileN / cluster},
              kRowBytes});
  if (biasInConsumer)
    declareMap({spec.biasOperand(), spec.biasType, {constant(spec.n)}, {}, constant(0), {tileN}, 0});
  declareCommon(/*yByPointer=*/true);
  constexpr int64_t kThreads = (kConsumers + 2) * kWarpgroupSize;
  createKernel(name, kThreads, /*minBlocks=*/1);
  xMap = takeParameter();
  wMap = takeParameter();
  if (biasInConsumer)
    biasMap = takeParameter();
  takeCommon(/*yByPointer=*/true);

  shared = b.sharedMemory();
  Value thread = b.threadId();
  Value warpgroup = b.uniform(b.shr(thread, 7));
  Value inGroup = b.band(thread, kWarpgroupSize - 1);
  rank = cluster > 1 ? b.clusterRank() : b.i32(0);
  tilesM = b.ceilDiv(rows, kTileM * cluster);
  tiles = b.mul(tilesM, ceilDiv(spec.n, tileN));
  firstTile = cluster > 1 ? b.div(b.blockId(), cluster) : b.blockId();
  tileStep = cluster > 1 ? b.div(b.gridDim(), cluster) : b.gridDim();
  early = std::min(stages, blocksK);
  // The fewest rows whose pieces are shared out evenly to a warp.
  for (group = 1; group * (tileN / kPiece) % kWarpSize; group *= 2)
    ;
  across = group * (tileN / kPiece) / kWarpSize;
  for (deep = 1; 2 * deep * across <= kPiecesInFlight && 2 * deep * group <= kWarpM; deep *= 2)
    ;
  perHalf = kWarpM / (group * deep);

  Value isProducer = b.eq(thread, (kConsumers + 1) * kWarpgroupSize);
  b.ifThen(isProducer, [&] { emitStart(); });
  b.syncThreads();
  // Nobody copies into a block whose barriers are not there.
  if (cluster > 1)
    b.clusterSync();
  b.launchNext();

  // Nobody leaves while the other block of its cluster may still copy into it, or tell it.
  auto leave = [&] {
    if (cluster == 1)
      return;
    b.syncWarp();
    b.clusterSync();
  };
  b.ifThenElse(
      b.lt(warpgroup, kConsumers),
      [&] {
        b.increaseRegisters(kConsumerRegisters);
        emitConsumer(warpgroup, inGroup);
        leave();
      },
      [&] {
        b.ifThenElse(
            b.eq(warpgroup, kConsumers),
            [&] {
              b.increaseRegisters(kEpilogueRegisters);
              emitEpilogue(inGroup);
              leave();
            },
            [&] {
              b.decreaseRegisters(kProducerRegisters);
              b.ifThen(isProducer, [&] { emitProducer(); });
              leave();
            });
      });

  // No blocks for no rows.
  kernel.grid = {symbol(kSymbolRows).ceilDiv(int64_t(1) << 30) * (b.sm.numSMs / cluster * cluster), constant(1),
                 constant(1)};
  kernel.sharedBytes = layout.total;
  kernel.programmatic = true;
  return std::move(kernel);
}

BuiltKernel gpu_kernels::buildOverlapLinear(OpBuilder &builder, Location loc, StringRef name,
                                            const LinearKernelSpec &spec, const LinearSchedule &schedule,
                                            const SM &sm) {
  return OverlapEmitter(builder, loc, spec, schedule, sm).build(name);
}
