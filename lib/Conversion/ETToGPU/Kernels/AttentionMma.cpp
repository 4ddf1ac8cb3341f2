//===- AttentionMma.cpp - Attention by mma.sync -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// For sm_80 to sm_89, and for operands that no tensor map describes. A warp has 16
// rows, a block 64 per group of four warps.
//
//   Q, K and V of the first blocks of keys -> shared memory, asynchronously
//   for each block of keys, the last one first:
//     wait for it; ask for the one `stages` - 1 further on
//     S = Q K^T; P = 2^(S - max); O = O * 2^(old max - max) + P V
//   O / sum -> global memory
//
// Rows in shared memory are a multiple of 16 halves and 16 bytes more, so that the
// eight rows of a matrix lie in different banks. Operands with contiguous, aligned
// rows come by cp.async of 16 bytes, others half by half; what lies behind a head or
// the last row is zero.
//
// The second kernel of the schedule Partial is the same loop over blocks of keys, but
// that it finds S in memory and copies V only: AttentionPartial.cpp.
//
//===----------------------------------------------------------------------===//

#include "AttentionEmitter.h"

#include <limits>

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::gpu_kernels;

/// Halves of a copy of 16 bytes.
static constexpr int64_t kChunk = 8;
/// Larger heads leave no registers for the queries.
static constexpr int64_t kMostQueriesInRegisters = 128;

static int64_t rowBytes(int64_t headSize) { return llvm::alignTo(headSize, 16) * 2 + 16; }

bool AttentionEmitter::hasAlignedRows(const AttentionOperand &operand, unsigned columnDim, int64_t multiple) {
  for (auto [dim, expr] : llvm::zip(operand.dims, operand.strides))
    if (dim == columnDim ? expr != getAffineConstantExpr(1) : expr.getLargestKnownDivisor() % multiple != 0)
      return false;
  return true;
}

/// Copies \p count rows from \p firstRow on to \p to; rows from \p numRows on are zero.
void AttentionEmitter::copyRows(const AttentionOperand &operand, Value base, unsigned rowDim, unsigned columnDim,
                                int64_t headSize, Value firstRow, Value numRows, int64_t count, Value to) {
  const int64_t chunks = llvm::alignTo(headSize, 16) / kChunk, total = count * chunks;
  const bool whole = headSize % kChunk == 0 && hasAlignedRows(operand, columnDim, kChunk);
  Value lastRow = sub(numRows, 1);
  auto copyChunk = [&](Value index) {
    Value rowInBlock = div(index, chunks);
    Value column = mul(sub(index, mul(rowInBlock, chunks)), kChunk);
    Value row = add(firstRow, rowInBlock);
    Value inside = lt(row, numRows);
    Value rowStart = strided(operand, rowDim, min(row, lastRow));
    Value target = offset(to, add(mul(rowInBlock, rowBytes(headSize)), shl(column, 1)));
    if (whole) {
      if (chunks * kChunk != headSize)
        inside = land(inside, lt(column, headSize));
      // Where nothing is read the address does not matter, but stay inside of the row.
      Value from =
          element(base, add(rowStart, sext(min(column, i32(headSize - kChunk)), getI64Type())), operand.elementType);
      copyAsync(target, from, 16, select(inside, i32(16), i32(0)));
      return;
    }
    Type half = getI16Type();
    Value none = arith::ConstantOp::create(*this, getLoc(), getZeroAttr(half));
    SmallVector<Value> halves;
    for (int64_t i = 0; i < kChunk; ++i) {
      Value own = add(column, i);
      Value valid = headSize % kChunk ? land(inside, lt(own, headSize)) : inside;
      Value place = add(rowStart, strided(operand, columnDim, min(own, i32(headSize - 1))));
      halves.push_back(zext(select(valid, load(half, element(base, place, half)), none), getI32Type()));
    }
    for (int64_t i = 0; i < kChunk; i += 2)
      store(bor(halves[i], shl(halves[i + 1], 16)), offset(target, 2 * i));
  };
  for (int64_t first = 0; first < total; first += kernel.threads) {
    Value index = add(thread, first);
    if (first + kernel.threads <= total)
      copyChunk(index);
    else
      ifThen(lt(index, total), [&] { copyChunk(index); });
  }
}

/// Registers of operand A: 16 rows of the warp, columns \p column to \p column + 15.
SmallVector<Value> AttentionEmitter::loadQueryFragment(int64_t column) {
  Value row = add(shl(shr(thread, 5), 4), band(lane, 15));
  Value from = offset(at(layout.queryAt), add(mul(row, rowBytes(spec.headSizeK)), shl(shr(lane, 4), 4)));
  return ldmatrix(offset(from, 2 * column), 4);
}

/// S = Q K^T of the block of keys at \p keys.
SmallVector<Value> AttentionEmitter::multiplyScores(ArrayRef<SmallVector<Value>> queries, Value keys) {
  Type elt = spec.query.elementType;
  // Lanes in groups of eight: keys 0-7 at columns 0 and 8, keys 8-15 at columns 0 and 8.
  Value row = add(shl(shr(lane, 4), 3), band(lane, 7));
  Value from = offset(keys, add(mul(row, rowBytes(spec.headSizeK)), shl(band(shr(lane, 3), 1), 4)));
  SmallVector<Value> scores(schedule.keyBlock / 2, f32(0.0));
  for (int64_t k = 0; k < spec.headSizeK; k += 16) {
    SmallVector<Value> a = queries.empty() ? loadQueryFragment(k) : queries[k / 16];
    for (int64_t n = 0; n < schedule.keyBlock; n += 16) {
      SmallVector<Value> b = ldmatrix(offset(from, n * rowBytes(spec.headSizeK) + 2 * k), 4);
      for (int64_t half = 0; half < 2; ++half) {
        MutableArrayRef<Value> c = MutableArrayRef(scores).slice((n / 8 + half) * 4, 4);
        llvm::copy(mma(elt, a, ArrayRef(b).slice(2 * half, 2), ArrayRef<Value>(c)), c.begin());
      }
    }
  }
  return scores;
}

/// O = O + P V of the block of values at \p values.
SmallVector<Value> AttentionEmitter::multiplySums(ArrayRef<SmallVector<Value, 4>> weights, Value values,
                                                  ValueRange sums) {
  Type elt = spec.value.elementType;
  SmallVector<Value> result(sums);
  // Lanes in groups of eight: keys 0-7 and 8-15 of eight columns, then of the next eight.
  Value from = offset(values, add(mul(band(lane, 15), rowBytes(spec.headSizeV)), shl(shr(lane, 4), 4)));
  const int64_t tiles = valueColumns() / 8;
  for (auto [i, a] : llvm::enumerate(weights))
    for (int64_t tile = 0; tile < tiles; tile += 2) {
      const int64_t count = std::min<int64_t>(2, tiles - tile);
      Value address = offset(from, int64_t(i) * 16 * rowBytes(spec.headSizeV) + 16 * tile);
      SmallVector<Value> b = ldmatrix(address, 2 * count, /*transpose=*/true);
      for (int64_t j = 0; j < count; ++j) {
        MutableArrayRef<Value> c = MutableArrayRef(result).slice((tile + j) * 4, 4);
        llvm::copy(mma(elt, a, ArrayRef(b).slice(2 * j, 2), ArrayRef<Value>(c)), c.begin());
      }
    }
  return result;
}

void AttentionEmitter::storeRows(ValueRange sums, const Softmax &state, const Rows &rows) {
  SmallVector<Value> out = scaleRows(sums, inverseSums(state));
  Type elt = spec.output.elementType;
  Value base = element(pointers[kAttentionOutput], batchOffset(spec.output), elt);
  const bool pairs = spec.headSizeV % 2 == 0 && hasAlignedRows(spec.output, spec.dimV(), 2);
  Value first = shl(band(lane, 3), 1);
  for (int64_t r = 0; r < 2; ++r)
    ifThen(lt(rows.row[r], sizeM), [&] {
      Value row = element(base, strided(spec.output, spec.dimM(), rows.row[r]), elt);
      for (int64_t tile = 0; tile < valueColumns() / 8; ++tile) {
        Value lo = out[4 * tile + 2 * r], hi = out[4 * tile + 2 * r + 1];
        Value column = add(first, 8 * tile);
        auto storePair = [&] {
          if (pairs) {
            store(pack(lo, hi, elt), element(row, column, elt), 4);
            return;
          }
          const Value pair[] = {lo, hi};
          for (auto [j, value] : llvm::enumerate(pair)) {
            Value own = add(column, int64_t(j));
            auto storeOne = [&, value = value] {
              store(fromF32(value, elt), element(row, strided(spec.output, spec.dimV(), own), elt));
            };
            if (8 * tile + 8 > spec.headSizeV)
              ifThen(lt(own, spec.headSizeV), storeOne);
            else
              storeOne();
          }
        };
        if (pairs && 8 * tile + 8 > spec.headSizeV)
          ifThen(lt(column, spec.headSizeV), storePair);
        else
          storePair();
      }
    });
}

void AttentionEmitter::emitMma() {
  if (sm.hasProgrammaticLaunch)
    waitForPrevious();
  shared = sharedMemory();
  withTile([&](Value firstRow) { emitMmaTile(firstRow); });
}

void AttentionEmitter::emitMmaTile(Value firstRow) {
  const int64_t stages = schedule.stages, block = schedule.keyBlock;
  sequence = sequenceKeys();
  KeyRange keys = blockKeys(firstRow, schedule.rowsPerBlock());
  if (isPartial())
    keys = alignKeys(keys);
  Steps taken = stepsOf(keys, firstRow, 0);
  Value steps = taken.count, queryBase, keyBase, scoreBase;
  if (isPartial()) {
    scoreBase = scoreRows(firstRow);
  } else {
    queryBase = element(pointers[kAttentionQuery], batchOffset(spec.query), spec.query.elementType);
    keyBase = element(pointers[kAttentionKey], batchOffset(spec.key), spec.key.elementType);
  }
  Value valueBase = element(pointers[kAttentionValue], batchOffset(spec.value), spec.value.elementType);
  auto startOf = [&](Value step) { return AttentionEmitter::startOf(taken, step); };
  auto keySlot = [&](Value slot) { return offset(at(layout.keyAt), mul(slot, layout.keyBytes)); };
  auto valueSlot = [&](Value slot) { return offset(at(layout.valueAt), mul(slot, layout.valueBytes)); };
  auto load = [&](Value step, Value slot) {
    ifThen(lt(step, steps), [&] {
      if (!isPartial())
        copyRows(spec.key, keyBase, spec.dimN(), spec.dimK(), spec.headSizeK, startOf(step), sizeN, block,
                 keySlot(slot));
      copyRows(spec.value, valueBase, spec.dimN(), spec.dimV(), spec.headSizeV, startOf(step), sizeN, block,
               valueSlot(slot));
    });
    commitAsync();
  };
  if (!isPartial())
    copyRows(spec.query, queryBase, spec.dimM(), spec.dimK(), spec.headSizeK, firstRow, sizeM, schedule.rowsPerBlock(),
             at(layout.queryAt));
  for (int64_t step = 0; step + 1 < stages; ++step)
    load(i32(step), i32(step));
  Rows rows = rowsOf(add(firstRow, mul(warpgroup, 64)), 64);
  SmallVector<SmallVector<Value>> queries;
  if (!isPartial() && spec.headSizeK <= kMostQueriesInRegisters) {
    waitAsync(stages - 2);
    syncThreads();
    for (int64_t k = 0; k < spec.headSizeK; k += 16)
      queries.push_back(loadQueryFragment(k));
  }

  Value none = f32(scaleInExponent() ? lowestScore() : -std::numeric_limits<double>::infinity()), zero = f32(0.0);
  Softmax state{{none, none}, {zero, zero}};
  SmallVector<Value> sums(valueColumns() / 2, zero);
  SmallVector<Value> carried =
      loop(i32(0), steps, i32(1), carry(sums, state, {i32(0), i32(stages - 1)}), [&](Value step, ValueRange in) {
        auto [sums, state] = uncarry(in);
        Value slot = in[in.size() - 2], free = in.back();
        SmallVector<Value> scores;
        // Asked for before waiting for the values.
        if (isPartial())
          scores = loadScores(scoreBase, startOf(step));
        waitAsync(stages - 2);
        syncThreads();
        load(add(step, stages - 1), free);
        if (!isPartial())
          scores = multiplyScores(queries, keySlot(slot));
        scores = finishScores(scores, rows, startOf(step), /*mayLimit=*/true);
        std::array<Value, 2> factors = softmax(scores, state);
        sums = multiplySums(packWeights(scores), valueSlot(slot), scaleRows(sums, factors));
        Value next = add(slot, 1);
        return carry(sums, state, {select(eq(next, stages), i32(0), next), slot});
      });
  if (sm.hasProgrammaticLaunch)
    launchNext();
  std::tie(sums, state) = uncarry(carried);
  storeRows(sums, state, rows);
}
