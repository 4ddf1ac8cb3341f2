//===- AttentionScores.cpp - Masks and softmax in registers -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What happens to the scores of one step between the two products:
//
//   s = scale * s; s = score(s); s += mask      only where there is one
//   s = begin <= key < end ? s : -inf           only in steps at the edge of the keys
//   max' = max(max, s); p = 2^((s - max') * log2(e)); sum = sum * 2^(..max - max'..) + p
//
// Without score and float mask, and with a positive scale, the scale is part of the
// factor in the exponent: one multiply-add and one ex2 per score. Otherwise the
// difference is taken first, because log2(e) * -3.4e38 would overflow.
//
// Structure and lengths come down to a range of keys per row (with global keys, to two),
// so that masking is a comparison with a constant per score.
//
//===----------------------------------------------------------------------===//

#include "AttentionEmitter.h"

#include "llvm/Support/MathExtras.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::gpu_kernels;

static constexpr double kLog2E = 1.4426950408889634;
static constexpr double kInf = std::numeric_limits<double>::infinity();

//===----------------------------------------------------------------------===//
// Which keys
//===----------------------------------------------------------------------===//

AttentionEmitter::KeyRange AttentionEmitter::sequenceKeys() {
  if (!spec.lengths)
    return {i32(0), sizeN};
  Type type = spec.lengths->elementType;
  Value length = load(type, element(pointers[kAttentionLengths], batchOffset(*spec.lengths), type));
  if (type.isInteger(64))
    length = trunc(min(max(length, i64(0)), sext(sizeN, type)), getI32Type());
  else
    length = min(max(length, i32(0)), sizeN);
  if (spec.leftPadding)
    return {sub(sizeN, length), sizeN};
  return {i32(0), length};
}

/// Whether a window bound excludes anything at all.
static bool bounded(int64_t window) { return window < AttentionKernelSpec::kUnbounded; }

AttentionEmitter::KeyRange AttentionEmitter::blockKeys(Value first, int64_t count) {
  KeyRange keys = sequence;
  switch (spec.structure) {
  case AttentionStructure::None:
    break;
  case AttentionStructure::Causal:
    keys.end = min(keys.end, add(first, count));
    break;
  case AttentionStructure::CausalLowerRight:
    keys.end = min(keys.end, add(add(first, count), sub(sizeN, sizeM)));
    break;
  case AttentionStructure::Window: {
    Value end = keys.end;
    if (bounded(spec.windowRight))
      end = min(end, add(first, count + spec.windowRight));
    if (!spec.windowGlobal) {
      keys.end = end;
      if (bounded(spec.windowLeft))
        keys.begin = max(keys.begin, sub(first, spec.windowLeft));
      break;
    }
    // Global keys are the first ones: the range reaches back to them. A global row attends all keys.
    end = max(end, min(keys.end, i32(spec.windowGlobal)));
    keys.end = select(lt(first, spec.windowGlobal), keys.end, end);
    break;
  }
  }
  return keys;
}

AttentionEmitter::Steps AttentionEmitter::stepsOf(const KeyRange &keys, Value firstRow, int64_t least) {
  const int64_t block = schedule.keyBlock;
  Steps steps;
  steps.begin = keys.begin;
  Value all = ceilDiv(max(sub(keys.end, keys.begin), i32(0)), block);
  steps.count = least ? max(all, i32(least)) : all;
  if (spec.structure != AttentionStructure::Window || !spec.windowGlobal || !bounded(spec.windowLeft))
    return steps;
  // Blocks count from the first key, so that none is both global and in the window.
  Value global = ceilDiv(max(sub(min(sequence.end, i32(spec.windowGlobal)), keys.begin), i32(0)), block);
  Value window = div(max(sub(sub(firstRow, spec.windowLeft), keys.begin), i32(0)), block);
  // The steps of the first softmax are neighbours.
  window = min(window, sub(steps.count, least));
  Value skipped = max(sub(window, global), i32(0));
  skipped = select(lt(firstRow, spec.windowGlobal), i32(0), skipped);
  steps.windowSteps = sub(steps.count, window);
  steps.count = sub(steps.count, skipped);
  steps.gap = mul(skipped, block);
  return steps;
}

Value AttentionEmitter::startOf(const Steps &steps, Value step) {
  Value start = add(steps.begin, mul(sub(sub(steps.count, 1), step), schedule.keyBlock));
  return steps.gap ? add(start, select(lt(step, steps.windowSteps), steps.gap, i32(0))) : start;
}

/// Keys of one row, global keys aside.
AttentionEmitter::KeyRange AttentionEmitter::rowKeys(Value row) {
  KeyRange keys = sequence;
  switch (spec.structure) {
  case AttentionStructure::None:
    break;
  case AttentionStructure::Causal:
    keys.end = min(keys.end, add(row, 1));
    break;
  case AttentionStructure::CausalLowerRight:
    keys.end = min(keys.end, add(add(row, 1), sub(sizeN, sizeM)));
    break;
  case AttentionStructure::Window: {
    if (bounded(spec.windowLeft))
      keys.begin = max(keys.begin, sub(row, spec.windowLeft));
    if (bounded(spec.windowRight))
      keys.end = min(keys.end, add(row, spec.windowRight + 1));
    if (spec.windowGlobal) {
      Value global = lt(row, spec.windowGlobal);
      keys.begin = select(global, sequence.begin, keys.begin);
      keys.end = select(global, sequence.end, keys.end);
    }
    break;
  }
  }
  return keys;
}

AttentionEmitter::Rows AttentionEmitter::rowsOf(Value first, int64_t count) {
  Rows rows;
  rows.first = first;
  rows.count = count;
  Value row = add(add(first, shl(warp, 4)), shr(lane, 2));
  for (int r = 0; r < 2; ++r) {
    rows.row[r] = add(row, 8 * r);
    rows.keys[r] = rowKeys(rows.row[r]);
    if (spec.mask) {
      // Rows behind the last one are computed and not stored.
      Value inside = min(rows.row[r], sub(sizeM, 1));
      Value start = add(batchOffset(*spec.mask), strided(*spec.mask, spec.dimM(), inside));
      rows.mask[r] = element(pointers[kAttentionMask], start, spec.mask->elementType);
    }
  }
  return rows;
}

/// Whether steps other than those at the end of the keys may have excluded keys.
bool AttentionEmitter::masksEveryStep() const { return spec.structure != AttentionStructure::None; }

/// Whether structure or lengths exclude one of \p count keys from \p start on for some row of the warpgroup.
Value AttentionEmitter::limitsNeeded(const Rows &rows, Value start, int64_t count) {
  KeyRange first = rowKeys(rows.first), last = rowKeys(add(rows.first, rows.count - 1));
  Value end = first.end, begin = last.begin;
  if (spec.structure == AttentionStructure::Window && spec.windowGlobal) {
    // A global row is no bound for the rows behind it.
    if (bounded(spec.windowRight))
      end = min(end, add(rows.first, spec.windowRight + 1));
  }
  return lor(lt(end, add(start, count)), lt(start, begin));
}

//===----------------------------------------------------------------------===//
// Masks
//===----------------------------------------------------------------------===//

bool AttentionEmitter::scaleInExponent() const {
  const bool floatMask = spec.mask && !spec.mask->elementType.isInteger(8);
  return spec.scale > 0.0f && !floatMask && !spec.score;
}

double AttentionEmitter::lowestScore() const { return -3.0e38 / std::max(1.0, spec.scale * kLog2E); }

void AttentionEmitter::applyScore(SmallVector<Value> &scores, const Rows &rows, Value start) {
  Type index = getIndexType();
  auto toIndex = [&](Value value) { return arith::IndexCastOp::create(*this, getLoc(), index, value).getResult(); };
  SmallVector<Value> batchIndex;
  for (Value value : batch)
    batchIndex.push_back(toIndex(value));
  std::array<Value, 2> m{toIndex(rows.row[0]), toIndex(rows.row[1])};
  Value first = add(start, shl(band(lane, 3), 1));
  for (int64_t i = 0, e = scores.size() / 4; i < e; ++i)
    for (int64_t j = 0; j < 2; ++j) {
      Value n = toIndex(add(first, 8 * i + j));
      for (int64_t r = 0; r < 2; ++r) {
        Value &score = scores[4 * i + 2 * r + j];
        score = spec.score(*this, getLoc(), {score, batchIndex, m[r], n});
      }
    }
}

void AttentionEmitter::applyMask(SmallVector<Value> &scores, const Rows &rows, Value start) {
  Type elt = spec.mask->elementType;
  const bool hasM = llvm::is_contained(spec.mask->dims, spec.dimM());
  const bool hasN = llvm::is_contained(spec.mask->dims, spec.dimN());
  Value first = add(start, shl(band(lane, 3), 1));
  Value lastKey = sub(sizeN, 1), none = f32(-kInf);
  auto loadMask = [&](int64_t r, int64_t column) {
    Value key = hasN ? strided(*spec.mask, spec.dimN(), min(add(first, column), lastKey)) : i64(0);
    Value bits = load(elt, element(rows.mask[r], key, elt));
    if (elt.isInteger(8))
      return cmp(arith::CmpIPredicate::ne, bits, arith::ConstantOp::create(*this, getLoc(), getZeroAttr(elt)));
    return toF32(bits);
  };
  std::array<Value, 2> rowMask;
  for (int64_t i = 0, e = scores.size() / 4; i < e; ++i)
    for (int64_t j = 0; j < 2; ++j) {
      std::array<Value, 2> mask;
      for (int64_t r = 0; r < 2; ++r) {
        if (r == 1 && !hasM)
          mask[1] = mask[0];
        else if (hasN)
          mask[r] = loadMask(r, 8 * i + j);
        else
          mask[r] = rowMask[r] = rowMask[r] ? rowMask[r] : loadMask(r, 0);
      }
      for (int64_t r = 0; r < 2; ++r) {
        Value &score = scores[4 * i + 2 * r + j];
        score = elt.isInteger(8) ? select(mask[r], score, none) : addf(score, mask[r]);
      }
    }
}

void AttentionEmitter::applyLimits(SmallVector<Value> &scores, const Rows &rows, Value start) {
  Value first = add(start, shl(band(lane, 3), 1)), none = f32(-kInf);
  // The keys relative to the lane's first one, so that each comparison is with a constant.
  const bool hasGlobal = spec.structure == AttentionStructure::Window && spec.windowGlobal;
  const bool hasBegin = spec.structure == AttentionStructure::Window || spec.leftPadding;
  Value sequenceBegin = sub(sequence.begin, first);
  Value globalEnd = hasGlobal ? sub(min(sequence.end, i32(spec.windowGlobal)), first) : Value();
  for (int64_t r = 0; r < 2; ++r) {
    Value begin = sub(rows.keys[r].begin, first), end = sub(rows.keys[r].end, first);
    for (int64_t i = 0, e = scores.size() / 4; i < e; ++i)
      for (int64_t j = 0; j < 2; ++j) {
        Value key = i32(8 * i + j);
        Value keep = lt(key, end);
        if (hasBegin)
          keep = land(keep, le(begin, key));
        if (hasGlobal) {
          Value global = lt(key, globalEnd);
          if (spec.leftPadding)
            global = land(global, le(sequenceBegin, key));
          keep = lor(keep, global);
        }
        Value &score = scores[4 * i + 2 * r + j];
        score = select(keep, score, none);
      }
  }
}

SmallVector<Value> AttentionEmitter::finishScores(SmallVector<Value> scores, const Rows &rows, Value start,
                                                  bool mayLimit) {
  if (!scaleInExponent() && spec.scale != 1.0f) {
    Value scale = f32(spec.scale);
    for (Value &score : scores)
      score = mulf(score, scale);
  }
  if (spec.score)
    applyScore(scores, rows, start);
  if (spec.mask)
    applyMask(scores, rows, start);
  if (!mayLimit)
    return scores;
  SmallVector<Type> types(scores.size(), getF32Type());
  return ifElse(
      limitsNeeded(rows, start, scores.size() * 2), types,
      [&] {
        SmallVector<Value> limited = scores;
        applyLimits(limited, rows, start);
        return limited;
      },
      [&] { return scores; });
}

//===----------------------------------------------------------------------===//
// Softmax
//===----------------------------------------------------------------------===//

/// Reduces by \p ways independent chains: the latency of one is hidden and few values are live.
static Value reduce(ArrayRef<Value> values, unsigned ways, llvm::function_ref<Value(Value, Value)> combine) {
  SmallVector<Value> chains(values.take_front(ways));
  for (auto [i, value] : llvm::enumerate(values.drop_front(chains.size())))
    chains[i % ways] = combine(chains[i % ways], value);
  Value result = chains.front();
  for (Value chain : ArrayRef(chains).drop_front())
    result = combine(result, chain);
  return result;
}

std::array<Value, 2> AttentionEmitter::softmax(SmallVector<Value> &scores, Softmax &state) {
  const bool scaled = scaleInExponent();
  Value factor = f32(scaled ? spec.scale * kLog2E : kLog2E);
  std::array<Value, 2> rescale;
  for (int64_t r = 0; r < 2; ++r) {
    SmallVector<Value> row;
    SmallVector<int64_t> where;
    for (int64_t i = 0, e = scores.size() / 4; i < e; ++i)
      for (int64_t j = 0; j < 2; ++j) {
        where.push_back(4 * i + 2 * r + j);
        row.push_back(scores[where.back()]);
      }
    Value top = reduce(row, 4, [&](Value a, Value b) { return maxf(a, b); });
    // Where no key has been attended so far the maximum is -inf; any finite number in its place keeps the
    // exponentials at zero. A low one is a maximum as well, and stays one for all steps.
    if (state.max[r])
      top = maxf(top, state.max[r]);
    else if (scaled)
      top = maxf(top, f32(lowestScore()));
    top = quadMax(top);
    Value shift = scaled ? top : select(cmpf(arith::CmpFPredicate::OEQ, top, f32(-kInf)), f32(0.0), top);
    Value shiftScaled = scaled ? negf(mulf(shift, factor)) : Value();
    auto exponential = [&](Value score) {
      return ex2(scaled ? fma(score, factor, shiftScaled) : mulf(subf(score, shift), factor));
    };
    for (auto [value, place] : llvm::zip(row, where)) {
      value = exponential(value);
      scores[place] = value;
    }
    Value sum = reduce(row, 2, [&](Value a, Value b) { return addf(a, b); });
    if (state.max[r]) {
      // Of the same two roundings as the exponents, so that an unchanged maximum gives exactly one.
      rescale[r] = scaled ? ex2(addf(mulf(state.max[r], factor), shiftScaled)) : exponential(state.max[r]);
      sum = fma(state.sum[r], rescale[r], sum);
    }
    state.max[r] = top;
    state.sum[r] = sum;
  }
  return rescale;
}

SmallVector<SmallVector<Value, 4>> AttentionEmitter::packWeights(ArrayRef<Value> weights) {
  // The accumulator of the first product has the layout of operand A of the second.
  Type elt = spec.value.elementType;
  SmallVector<SmallVector<Value, 4>> packed;
  for (size_t i = 0; i + 8 <= weights.size(); i += 8) {
    SmallVector<Value, 4> &registers = packed.emplace_back();
    for (size_t j = 0; j < 8; j += 2)
      registers.push_back(pack(weights[i + j], weights[i + j + 1], elt));
  }
  return packed;
}

std::array<Value, 2> AttentionEmitter::inverseSums(const Softmax &state) {
  std::array<Value, 2> inverse;
  for (int r = 0; r < 2; ++r) {
    Value sum = quadSum(state.sum[r]);
    Value none = cmpf(arith::CmpFPredicate::OEQ, sum, f32(0.0));
    if (scaleInExponent()) {
      // The weight of the maximum is not exactly one: max * factor is rounded before it is subtracted, and for large
      // scores that is seen. It entered the products rounded, and so it has to enter the sum: a row that attends one
      // key then is that value, as it is for torch, which takes another multiplication per score for it.
      Value top = state.max[r], factor = f32(spec.scale * kLog2E);
      Value weight = ex2(fma(top, factor, negf(mulf(top, factor))));
      sum = addf(sum, subf(toF32(fromF32(weight, spec.value.elementType)), weight));
    }
    inverse[r] = select(none, f32(0.0), rcp(sum));
  }
  return inverse;
}

SmallVector<Value> AttentionEmitter::scaleRows(ValueRange values, const std::array<Value, 2> &factors) {
  SmallVector<Value> scaled;
  for (auto [i, value] : llvm::enumerate(values))
    scaled.push_back(mulf(value, factors[(i >> 1) & 1]));
  return scaled;
}
