//===- AttentionSimt.cpp - Attention without tensor cores -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// For f32, which no tensor core multiplies exactly, and for heads of more than 256.
// A warp has four rows, whose queries are in shared memory as f32:
//
//   for each 32 keys, one per lane:
//     s = q k, four rows at a time
//     p = 2^(s - max)
//     for each of the keys: part += p v, with a column of v per lane
//     o = o * 2^(old max - max) + part
//
//===----------------------------------------------------------------------===//

#include "AttentionEmitter.h"

#include <limits>

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::gpu_kernels;
using nvidia::kWarpSize;

static constexpr int64_t kRows = AttentionSchedule::kSimtRowsPerWarp;

/// Reduces over the lanes of a warp.
template <typename Combine> static Value reduceWarp(nvidia::NVVMBuilder &b, Value value, Combine combine) {
  for (int64_t mask = kWarpSize / 2; mask > 0; mask /= 2)
    value = combine(value, b.shuffleXor(value, mask));
  return value;
}

/// Score, mask and limits for the score of one key per lane.
Value AttentionEmitter::finishScore(Value score, const SimtRow &row, Value key) {
  Value none = f32(-std::numeric_limits<double>::infinity());
  if (!scaleInExponent() && spec.scale != 1.0f)
    score = mulf(score, f32(spec.scale));
  if (spec.score) {
    auto toIndex = [&](Value value) {
      return arith::IndexCastOp::create(*this, getLoc(), getIndexType(), value).getResult();
    };
    SmallVector<Value> batchIndex;
    for (Value value : batch)
      batchIndex.push_back(toIndex(value));
    score = spec.score(*this, getLoc(), {score, batchIndex, toIndex(row.index), toIndex(key)});
  }
  if (spec.mask) {
    Type elt = spec.mask->elementType;
    Value inside = min(key, sub(sizeN, 1));
    Value bits = load(elt, element(row.mask, strided(*spec.mask, spec.dimN(), inside), elt));
    if (elt.isInteger(8)) {
      Value zero = arith::ConstantOp::create(*this, getLoc(), getZeroAttr(elt));
      score = select(cmp(arith::CmpIPredicate::ne, bits, zero), score, none);
    } else {
      score = addf(score, toF32(bits));
    }
  }
  Value keep = land(le(row.keys.begin, key), lt(key, row.keys.end));
  if (spec.structure == AttentionStructure::Window && spec.windowGlobal)
    keep = lor(keep, land(le(sequence.begin, key), lt(key, min(sequence.end, i32(spec.windowGlobal)))));
  return select(keep, score, none);
}

void AttentionEmitter::emitSimt() {
  if (sm.hasProgrammaticLaunch)
    waitForPrevious();
  shared = sharedMemory();
  withTile([&](Value firstRow) { emitSimtTile(firstRow); });
}

void AttentionEmitter::emitSimtTile(Value firstRow) {
  const int64_t headK = spec.headSizeK, headV = spec.headSizeV, columns = llvm::divideCeil(headV, kWarpSize);
  Type elt = spec.query.elementType;
  sequence = sequenceKeys();
  Value queryBase = element(pointers[kAttentionQuery], batchOffset(spec.query), elt);
  Value keyBase = element(pointers[kAttentionKey], batchOffset(spec.key), elt);
  Value valueBase = element(pointers[kAttentionValue], batchOffset(spec.value), elt);
  Value outputBase = element(pointers[kAttentionOutput], batchOffset(spec.output), elt);

  loop(thread, i32(schedule.rowsPerBlock() * headK), i32(kernel.threads), [&](Value index) {
    Value row = div(index, headK), column = sub(index, mul(row, headK));
    Value inside = min(add(firstRow, row), sub(sizeM, 1));
    Value place =
        AttentionEmitter::add(strided(spec.query, spec.dimM(), inside), strided(spec.query, spec.dimK(), column));
    store(toF32(load(elt, element(queryBase, place, elt))), offset(shared, shl(index, 2)));
  });
  syncThreads();

  Value warpInBlock = uniform(shr(thread, 5));
  Value warpRow = add(firstRow, mul(warpInBlock, kRows));
  Value queries = offset(shared, mul(warpInBlock, kRows * headK * 4));
  SmallVector<SimtRow> rows;
  for (int64_t r = 0; r < kRows; ++r) {
    SimtRow row;
    row.index = add(warpRow, r);
    row.keys = rowKeys(row.index);
    if (spec.mask) {
      Value inside = min(row.index, sub(sizeM, 1));
      Value start = add(batchOffset(*spec.mask), strided(*spec.mask, spec.dimM(), inside));
      row.mask = element(pointers[kAttentionMask], start, spec.mask->elementType);
    }
    rows.push_back(row);
  }

  const bool scaled = scaleInExponent();
  constexpr double kLog2E = 1.4426950408889634;
  Value factor = f32(scaled ? spec.scale * kLog2E : kLog2E);
  Value none = f32(-std::numeric_limits<double>::infinity()), zero = f32(0.0);
  KeyRange keys = blockKeys(warpRow, kRows);
  // Carried: maxima, sums over the lane's own keys, then the columns of each row.
  SmallVector<Value> init(kRows, none);
  init.append(kRows + kRows * columns, zero);
  Steps taken = stepsOf(keys, warpRow, 0);
  SmallVector<Value> carried = loop(i32(0), taken.count, i32(1), init, [&](Value step, ValueRange in) {
    Value start = startOf(taken, step);
    SmallVector<Value> state(in);
    MutableArrayRef<Value> max(state.data(), kRows), sum(state.data() + kRows, kRows),
        out(state.data() + 2 * kRows, kRows * columns);
    Value key = add(start, lane);
    Value keyRow = element(keyBase, strided(spec.key, spec.dimN(), min(key, sub(sizeN, 1))), elt);
    SmallVector<Value> scores(kRows, zero);
    auto multiply = [&](Value begin, Value end) {
      return loop(begin, end, i32(1), SmallVector<Value>(kRows, zero), [&](Value k, ValueRange in) {
        SmallVector<Value> result(in);
        Value element = toF32(load(elt, AttentionEmitter::element(keyRow, strided(spec.key, spec.dimK(), k), elt)));
        Value query = offset(queries, shl(k, 2));
        for (int64_t r = 0; r < kRows; ++r)
          result[r] = fma(load(getF32Type(), offset(query, r * headK * 4)), element, result[r]);
        return result;
      });
    };
    // Sums of at most so many products: one chain over a large head would round as often as it is large.
    constexpr int64_t kPart = 64;
    if (headK <= kPart)
      scores = multiply(i32(0), i32(headK));
    else
      scores = loop(i32(0), i32(headK), i32(kPart), scores, [&](Value first, ValueRange in) {
        SmallVector<Value> part = multiply(first, min(AttentionEmitter::add(first, kPart), i32(headK)));
        for (auto [sum, before] : llvm::zip(part, in))
          sum = addf(before, sum);
        return part;
      });
    SmallVector<Value> weights, rescales;
    for (int64_t r = 0; r < kRows; ++r) {
      Value score = finishScore(scores[r], rows[r], key);
      Value top =
          AttentionEmitter::maxf(reduceWarp(*this, score, [&](Value a, Value b) { return maxf(a, b); }), max[r]);
      // See softmax().
      Value shift = select(cmpf(arith::CmpFPredicate::OEQ, top, none), zero, top);
      auto exponential = [&](Value value) { return ex2(mulf(subf(value, shift), factor)); };
      Value rescale = exponential(max[r]), weight = exponential(score);
      sum[r] = fma(sum[r], rescale, weight);
      max[r] = top;
      weights.push_back(weight);
      rescales.push_back(rescale);
    }
    // These keys are summed from zero: one chain over all keys would round as often as there are keys.
    Value count = min(i32(kWarpSize), sub(keys.end, start));
    SmallVector<Value> summed =
        loop(i32(0), count, i32(1), SmallVector<Value>(out.size(), zero), [&](Value i, ValueRange in) {
          SmallVector<Value> result(in);
          Value row = element(valueBase, strided(spec.value, spec.dimN(), add(start, i)), elt);
          SmallVector<Value> weight;
          for (Value own : weights)
            weight.push_back(shuffle(own, i));
          for (int64_t c = 0; c < columns; ++c) {
            Value column = min(add(lane, c * kWarpSize), i32(headV - 1));
            Value value = toF32(load(elt, element(row, strided(spec.value, spec.dimV(), column), elt)));
            for (int64_t r = 0; r < kRows; ++r)
              result[r * columns + c] = fma(weight[r], value, result[r * columns + c]);
          }
          return result;
        });
    for (auto [i, part] : llvm::enumerate(summed))
      out[i] = fma(out[i], rescales[i / columns], part);
    return state;
  });
  if (sm.hasProgrammaticLaunch)
    launchNext();
  for (int64_t r = 0; r < kRows; ++r) {
    Value sum = reduceWarp(*this, carried[kRows + r], [&](Value a, Value b) { return addf(a, b); });
    Value inverse = select(cmpf(arith::CmpFPredicate::OEQ, sum, zero), zero, rcp(sum));
    ifThen(lt(rows[r].index, sizeM), [&] {
      Value row = element(outputBase, strided(spec.output, spec.dimM(), rows[r].index), elt);
      for (int64_t c = 0; c < columns; ++c) {
        Value column = add(lane, c * kWarpSize);
        ifThen(lt(column, headV), [&] {
          Value value = mulf(carried[2 * kRows + r * columns + c], inverse);
          store(fromF32(value, elt), element(row, strided(spec.output, spec.dimV(), column), elt));
        });
      }
    });
  }
}
