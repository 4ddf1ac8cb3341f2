//===- AttentionPartial.cpp - Attention with its scores in memory -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The schedule Partial, "partial on the fly": Q K^T is a product of the whole GPU,
// and what follows it a kernel that takes 64 rows per block.
//
//   kernel 1   a block for each 64 rows and block of keys that some of them attend:
//                Q and K -> shared memory; S = Q K^T -> global memory, f32
//   kernel 2   for each block of keys: P = 2^(S - max); O = O * 2^(old max - max) + P V
//              (AttentionMma.cpp)
//
// Scores are f32 and neither scaled nor masked: the second kernel does with them what
// the schedule Mma does with those in its registers, to the last bit where both take
// the same blocks of keys. f16 would halve the traffic, and overflow where the scale comes later.
// The maximum is a running one, although the row is there: to find it first would take
// another pass over the scores. Both kernels wait for scores on their way to and from
// memory: mma.sync keeps up.
//
// In memory, scores lie as lanes hold them: a unit is 16 rows of 8 keys, 16 bytes per
// lane, so that a warp moves 512 bytes in a row and no row has an end to look after.
//
//   [batch ..., rows / 16, keys / 8, lane, (row, row + 8) x (key, key + 1)]
//
// Rows behind the last one and keys behind theirs are in there as zeros. Blocks of
// keys begin at multiples of their size, unlike those of the other schedules, so that
// both kernels cut the keys alike.
//
//===----------------------------------------------------------------------===//

#include "AttentionEmitter.h"

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::gpu_kernels;

/// Rows and keys of a unit, and what a lane has of it.
static constexpr int64_t kUnitRows = 16, kUnitKeys = 8, kPerLane = 4;
static constexpr int64_t kUnitElements = kUnitRows * kUnitKeys, kUnitBytes = 4 * kUnitElements;

AttentionEmitter::KeyRange AttentionEmitter::alignKeys(KeyRange keys) {
  keys.begin = mul(div(keys.begin, schedule.keyBlock), schedule.keyBlock);
  return keys;
}

Value AttentionEmitter::scoreRows(Value firstRow) {
  Type wide = getI64Type();
  Value number = i64(0);
  for (unsigned dim = 0; dim < spec.numBatchDims; ++dim)
    number = add(mul(number, sext(size(dim), wide)), sext(batch[dim], wide));
  const int64_t rows = schedule.rowsPerBlock(), keys = schedule.keyBlock;
  Value rowUnits = mul(ceilDiv(sizeM, rows), rows / kUnitRows);
  Value keyUnits = mul(ceilDiv(sizeN, keys), keys / kUnitKeys);
  Value rowUnit = add(div(firstRow, kUnitRows), shr(thread, 5));
  number = add(mul(number, sext(rowUnits, wide)), sext(rowUnit, wide));
  number = mul(number, sext(keyUnits, wide));
  Value units = offset(pointers[kAttentionScores], mul(number, kUnitBytes));
  return offset(units, mul(lane, 4 * kPerLane));
}

SmallVector<Value> AttentionEmitter::loadScores(Value rows, Value start) {
  auto type = VectorType::get({kPerLane}, getF32Type());
  Value from = offset(rows, mul(sext(div(start, kUnitKeys), getI64Type()), kUnitBytes));
  SmallVector<Value> scores;
  for (int64_t unit = 0; unit < schedule.keyBlock / kUnitKeys; ++unit) {
    Value four = load(type, offset(from, unit * kUnitBytes), 4 * kPerLane);
    for (int64_t i = 0; i < kPerLane; ++i)
      scores.push_back(LLVM::ExtractElementOp::create(*this, four, i32(i)));
  }
  return scores;
}

void AttentionEmitter::storeScores(ValueRange scores, Value rows, Value start) {
  auto type = VectorType::get({kPerLane}, getF32Type());
  Value to = offset(rows, mul(sext(div(start, kUnitKeys), getI64Type()), kUnitBytes));
  for (int64_t unit = 0; unit < schedule.keyBlock / kUnitKeys; ++unit) {
    Value four = LLVM::UndefOp::create(*this, type);
    for (int64_t i = 0; i < kPerLane; ++i)
      four = LLVM::InsertElementOp::create(*this, four, scores[unit * kPerLane + i], i32(i));
    store(four, offset(to, unit * kUnitBytes), 4 * kPerLane);
  }
}

void AttentionEmitter::emitScores() {
  if (sm.hasProgrammaticLaunch)
    waitForPrevious();
  shared = sharedMemory();
  const int64_t rows = schedule.rowsPerBlock(), block = schedule.keyBlock;
  // Blocks of keys innermost: neighbours have the same queries.
  Value tile = decodeBlock(), keyBlocks = ceilDiv(sizeN, block);
  Value rowBlock = div(tile, keyBlocks);
  Value firstRow = mul(rowBlock, rows), start = mul(sub(tile, mul(rowBlock, keyBlocks)), block);
  sequence = sequenceKeys();
  KeyRange keys = alignKeys(blockKeys(firstRow, rows));
  ifThen(land(le(keys.begin, start), lt(start, keys.end)), [&] {
    Value queryBase = element(pointers[kAttentionQuery], batchOffset(spec.query), spec.query.elementType);
    Value keyBase = element(pointers[kAttentionKey], batchOffset(spec.key), spec.key.elementType);
    copyRows(spec.query, queryBase, spec.dimM(), spec.dimK(), spec.headSizeK, firstRow, sizeM, rows,
             at(layout.queryAt));
    copyRows(spec.key, keyBase, spec.dimN(), spec.dimK(), spec.headSizeK, start, sizeN, block, at(layout.keyAt));
    commitAsync();
    waitAsync(0);
    syncThreads();
    SmallVector<Value> scores = multiplyScores({}, at(layout.keyAt));
    storeScores(scores, scoreRows(firstRow), start);
  });
  if (sm.hasProgrammaticLaunch)
    launchNext();
}
