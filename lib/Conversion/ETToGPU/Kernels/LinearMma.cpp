//===- LinearMma.cpp - Linear kernels with mma.sync -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Four warps share a tile of tileM x tileN, two by two. A ring of stages is filled
// by cp.async, all threads copying; the copy of the stage that is needed last is
// issued before the multiplications of the one at hand.
//
// A stage is x [tileM][64] and w [tileN][64], 16-byte chunk c of row r at place
// c ^ (r % 8) of the row: copies and ldmatrix are then free of bank conflicts.
//
//===----------------------------------------------------------------------===//

#include "LinearEmitter.h"

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::gpu_kernels;
using namespace mlir::et::nvidia;

namespace {
constexpr int64_t kThreads = 128, kBlockK = 64, kRowBytes = 128;
/// Elements of a 16-byte chunk, and chunks of a row.
constexpr int64_t kChunk = 8, kChunks = kBlockK / kChunk;
/// Rows that all threads copy at once, a chunk each.
constexpr int64_t kRowsPerPass = kThreads / kChunks;

class MmaEmitter : public LinearEmitter {
public:
  MmaEmitter(OpBuilder &builder, Location loc, const LinearKernelSpec &spec, const LinearSchedule &schedule,
             const SM &sm)
      : LinearEmitter(builder, loc, spec, schedule, sm), tileM(schedule.tileM), tileN(schedule.tileN),
        stages(schedule.stages), blocksK(ceilDiv(spec.k, kBlockK)), stageBytes((tileM + tileN) * kRowBytes) {}

  BuiltKernel build(StringRef name);

private:
  /// Copies block \p block of K of \p tileRows rows from \p base into \p target. \p starts are pointers to chunk 0 of
  /// block 0 of this thread's rows, \p inside whether they exist.
  void copyTile(ArrayRef<Value> starts, ArrayRef<Value> inside, Value target, Value block);
  void copyStage(Value stage, Value block);
  /// Pointers and existence of the rows that this thread copies.
  void prepareRows(Value base, Value stride, Value first, Value count, int64_t tileRows, SmallVector<Value> &starts,
                   SmallVector<Value> &inside);
  SmallVector<Value> multiply(Value stage, ArrayRef<Value> acc);

  int64_t tileM, tileN, stages, blocksK, stageBytes;
  Value x, w, xStride;
  Value shared, thread, warpM, warpN;
  SmallVector<Value> xStarts, xInside, wStarts, wInside;
};
} // namespace

void MmaEmitter::prepareRows(Value base, Value stride, Value first, Value count, int64_t tileRows,
                             SmallVector<Value> &starts, SmallVector<Value> &inside) {
  Value chunk = b.band(thread, kChunks - 1);
  for (int64_t pass = 0; pass < tileRows / kRowsPerPass; ++pass) {
    Value row = b.add(b.add(first, b.shr(thread, 3)), pass * kRowsPerPass);
    inside.push_back(b.lt(row, count));
    // Rows that do not exist read nothing, but their address is computed: keep it inside.
    Value safe = b.min(row, b.sub(count, 1));
    starts.push_back(elementPointer(base, safe, stride, b.mul(chunk, kChunk), spec.xType));
  }
}

void MmaEmitter::copyTile(ArrayRef<Value> starts, ArrayRef<Value> inside, Value target, Value block) {
  Value row = b.shr(thread, 3), chunk = b.band(thread, kChunks - 1);
  Value place = b.offset(target, b.add(b.mul(row, kRowBytes), b.mul(b.bxor(chunk, b.band(row, 7)), 16)));
  Value column = b.mul(block, kBlockK);
  Value columnInside;
  if (spec.k % kBlockK)
    columnInside = b.lt(b.add(column, b.mul(chunk, kChunk)), spec.k);
  for (auto [pass, start] : llvm::enumerate(starts)) {
    Value exists = columnInside ? b.land(inside[pass], columnInside) : inside[pass];
    Value bytes = b.select(exists, b.i32(16), b.i32(0));
    // A chunk behind the end of the row is not read, whatever its address.
    b.copyAsync(b.offset(place, pass * kRowsPerPass * kRowBytes), b.element(start, column, spec.xType), 16, bytes);
  }
}

void MmaEmitter::copyStage(Value stage, Value block) {
  Value start = b.offset(shared, b.mul(stage, stageBytes));
  copyTile(xStarts, xInside, start, block);
  copyTile(wStarts, wInside, b.offset(start, tileM * kRowBytes), block);
}

SmallVector<Value> MmaEmitter::multiply(Value stage, ArrayRef<Value> acc) {
  int64_t fragmentsM = tileM / 2 / 16, fragmentsN = tileN / 2 / 8;
  SmallVector<Value> result(acc);
  Value lane = b.laneId();
  Value start = b.offset(shared, b.mul(stage, stageBytes));
  // x: matrices are rows 0-7 and 8-15 of the first 8 inputs, then of the next 8. w: inputs first, then outputs.
  Value xRow = b.add(b.mul(warpM, tileM / 2), b.band(lane, 15)), xChunk = b.shr(lane, 4);
  Value wRow = b.add(b.mul(warpN, tileN / 2), b.add(b.band(lane, 7), b.shl(b.shr(lane, 4), 3)));
  Value wChunk = b.band(b.shr(lane, 3), 1);
  Value swizzle = b.band(lane, 7);
  Value xStart = b.offset(start, b.mul(xRow, kRowBytes));
  Value wStart = b.offset(b.offset(start, tileM * kRowBytes), b.mul(wRow, kRowBytes));
  for (int64_t k = 0; k < kBlockK / 16; ++k) {
    Value xPlace = b.offset(xStart, b.mul(b.bxor(b.add(xChunk, 2 * k), swizzle), 16));
    Value wPlace = b.offset(wStart, b.mul(b.bxor(b.add(wChunk, 2 * k), swizzle), 16));
    SmallVector<SmallVector<Value>> xs, ws;
    for (int64_t i = 0; i < fragmentsM; ++i)
      xs.push_back(b.ldmatrix(b.offset(xPlace, i * 16 * kRowBytes), 4));
    for (int64_t j = 0; j < fragmentsN / 2; ++j) {
      SmallVector<Value> both = b.ldmatrix(b.offset(wPlace, j * 16 * kRowBytes), 4);
      ws.push_back({both[0], both[1]});
      ws.push_back({both[2], both[3]});
    }
    for (int64_t i = 0; i < fragmentsM; ++i) {
      for (int64_t j = 0; j < fragmentsN; ++j) {
        MutableArrayRef<Value> sums = MutableArrayRef(result).slice(4 * (i * fragmentsN + j), 4);
        llvm::copy(b.mma(spec.xType, xs[i], ws[j], sums), sums.begin());
      }
    }
  }
  return result;
}

BuiltKernel MmaEmitter::build(StringRef name) {
  declarePointer(0);
  declarePointer(1);
  if (spec.xStride == ShapedType::kDynamic)
    declareI32(symbol(kSymbolXStride));
  declareCommon(/*yByPointer=*/true);
  createKernel(name, kThreads, /*minBlocks=*/1);
  x = takeParameter();
  w = takeParameter();
  xStride = spec.xStride == ShapedType::kDynamic ? takeParameter() : b.i32(spec.xStride ? spec.xStride : spec.k);
  takeCommon(/*yByPointer=*/true);

  shared = b.sharedMemory();
  thread = b.threadId();
  Value warp = b.uniform(b.shr(thread, 5));
  warpM = b.shr(warp, 1);
  warpN = b.band(warp, 1);
  Value m = b.mul(b.blockId(1), tileM), n = b.mul(b.blockId(0), tileN);
  bool programmatic = b.sm.hasProgrammaticLaunch;
  if (programmatic) {
    b.launchNext();
    b.waitForPrevious();
  }
  prepareRows(x, xStride, m, rows, tileM, xStarts, xInside);
  prepareRows(w, b.i32(spec.k), n, b.i32(spec.n), tileN, wStarts, wInside);

  for (int64_t i = 0; i < stages - 1; ++i) {
    if (i < blocksK)
      copyStage(b.i32(i), b.i32(i));
    b.commitAsync();
  }
  int64_t count = tileM * tileN / kThreads;
  SmallVector<Value> init(count, b.f32(0.0));
  init.append({b.i32(0), b.i32(stages - 1)});
  auto advance = [&](Value stage) {
    Value next = b.add(stage, 1);
    return b.select(b.eq(next, stages), b.i32(0), next);
  };
  SmallVector<Value> end = b.loop(b.i32(0), b.i32(blocksK), b.i32(1), init, [&](Value block, ValueRange carried) {
    SmallVector<Value> acc(carried.take_front(count));
    Value stage = carried[count], fill = carried[count + 1];
    b.waitAsync(stages - 2);
    // Also: everyone has finished with the stage that is filled next.
    b.syncThreads();
    Value next = b.add(block, stages - 1);
    b.ifThen(b.lt(next, blocksK), [&] { copyStage(fill, next); });
    b.commitAsync();
    acc = multiply(stage, acc);
    acc.append({advance(stage), advance(fill)});
    return acc;
  });

  int64_t fragmentsM = tileM / 2 / 16, perRow = tileN / 2 / 8 * 4;
  Value row = b.add(m, b.mul(warpM, tileM / 2)), col = b.add(n, b.mul(warpN, tileN / 2));
  SmallVector<BiasPair> biases = loadFragmentBias(tileN / 2 / 8, col);
  for (int64_t i = 0; i < fragmentsM; ++i)
    storeFragments(ValueRange(end).slice(i * perRow, perRow), biases, b.add(row, i * 16), col);

  kernel.grid = {constant(ceilDiv(spec.n, tileN)), symbol(kSymbolRows).ceilDiv(tileM), constant(1)};
  kernel.sharedBytes = getLinearSharedBytes(spec, schedule);
  kernel.programmatic = programmatic;
  return std::move(kernel);
}

BuiltKernel gpu_kernels::buildMmaLinear(OpBuilder &builder, Location loc, StringRef name, const LinearKernelSpec &spec,
                                        const LinearSchedule &schedule, const SM &sm) {
  return MmaEmitter(builder, loc, spec, schedule, sm).build(name);
}
