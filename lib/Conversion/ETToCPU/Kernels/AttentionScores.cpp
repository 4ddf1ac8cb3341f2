//===- AttentionScores.cpp - Scores, softmax, weighted sums -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The work on one block of queries and one block of keys, with queries in the
// lanes. The two products are register tiles, emitted for blocks of one and of
// two vectors of queries; everything else runs vector by vector.
//
//===----------------------------------------------------------------------===//

#include "AttentionEmitter.h"

using namespace mlir;
using namespace mlir::et::cpu;

//===----------------------------------------------------------------------===//
// S^T = K Q^T
//===----------------------------------------------------------------------===//

/// Scores of \p keys keys from \p firstKey on with all queries of the block,
/// stored to S^T. Returns the updated maxima.
SmallVector<Value> AttentionEmitter::scoreTile(const QueryBlock &block, int64_t vectors, int64_t keys, const Matrix &k,
                                               Value firstKey, ValueRange maxima) {
  SmallVector<Value> rows;
  for (int64_t i = 0; i < keys; ++i)
    rows.push_back(add(k.base, mul(add(firstKey, i), k.rowStride)));
  SmallVector<Value> acc(keys * vectors, splat(0.0));
  Value queries = at(tiling.queryAt, block.number, tiling.paddedK * tiling.queries);
  acc = loop(idx(0), idx(spec.headSizeK), idx(1), acc, [&](Value ki, ValueRange in) {
    SmallVector<Value> out(in), q;
    Value from = add(queries, mul(ki, tiling.queries));
    for (int64_t v = 0; v < vectors; ++v)
      q.push_back(loadScratch(add(from, v * lanes())));
    Value column = mul(ki, k.colStride);
    for (int64_t i = 0; i < keys; ++i) {
      Value s = broadcast(load(k.mem, add(rows[i], column)));
      for (int64_t v = 0; v < vectors; ++v)
        out[i * vectors + v] = fma(s, q[v], out[i * vectors + v]);
    }
    return out;
  });
  Value to = at(tiling.scoreAt, firstKey, tiling.queries);
  for (int64_t i = 0; i < keys; ++i)
    for (int64_t v = 0; v < vectors; ++v)
      storeScratch(acc[i * vectors + v], add(to, i * tiling.queries + v * lanes()));
  SmallVector<Value> result;
  for (int64_t v = 0; v < vectors; ++v) {
    Value top = maxima[v];
    for (int64_t i = 0; i < keys; ++i)
      top = maxf(acc[i * vectors + v], top);
    result.push_back(top);
  }
  return result;
}

/// All scores of the block and their maxima. The last tile overlaps the one
/// before instead of being shorter.
void AttentionEmitter::computeScores(const QueryBlock &block, int64_t vectors, const Matrix &k, Value numKeys) {
  SmallVector<Type> types(vectors, vecF32());
  SmallVector<Value> init(vectors, splat(-kInf));
  SmallVector<Value> maxima = ifElse(
      le(idx(tiling.keyTile), numKeys), types,
      [&] {
        Value last = sub(numKeys, idx(tiling.keyTile));
        return loop(idx(0), numKeys, idx(tiling.keyTile), init, [&](Value n, ValueRange in) {
          return scoreTile(block, vectors, tiling.keyTile, k, min(n, last), in);
        });
      },
      [&] {
        return loop(idx(0), numKeys, idx(1), init,
                    [&](Value n, ValueRange in) { return scoreTile(block, vectors, 1, k, n, in); });
      });
  for (int64_t v = 0; v < vectors; ++v)
    storeScratch(maxima[v], idx(tiling.factorAt + v * lanes()));
}

//===----------------------------------------------------------------------===//
// Masks
//===----------------------------------------------------------------------===//

/// Whether some score of the block can be excluded by the structure; null if
/// there is no structure.
Value AttentionEmitter::maskNeeded(const QueryBlock &block, Value begin, Value numKeys) {
  Value end = add(begin, numKeys);
  Value lastRow = sub(add(block.firstRow, block.numRows), idx(1));
  switch (spec.structure) {
  case AttentionStructure::None:
    return Value();
  case AttentionStructure::Causal:
    return lt(add(block.firstRow, 1), end);
  case AttentionStructure::CausalLowerRight:
    return lt(add(add(block.firstRow, 1), sub(sizeN, sizeM)), end);
  case AttentionStructure::Window: {
    Value left = lt(add(begin, spec.windowLeft), lastRow);
    Value right = lt(add(block.firstRow, spec.windowRight + 1), end);
    return lor(left, right);
  }
  }
  llvm_unreachable("unknown structure");
}

/// Applies score callback, structure and mask to S^T, and replaces the maxima.
/// \p maskStart is the place of the first key in the staged mask of keys.
void AttentionEmitter::applyMasks(const QueryBlock &block, Value begin, Value numKeys, Value maskStart) {
  VectorType vecI32 = vecType(getI32Type());
  auto castI32 = [&](Value v) { return arith::IndexCastOp::create(*this, getLoc(), getI32Type(), v).getResult(); };
  auto constI32 = [&](int64_t v) {
    return arith::ConstantOp::create(*this, getLoc(), getI32IntegerAttr(int32_t(v))).getResult();
  };
  SmallVector<int32_t> iota(lanes());
  for (int64_t i = 0; i < lanes(); ++i)
    iota[i] = i;
  Value step = arith::ConstantOp::create(*this, getLoc(), DenseElementsAttr::get(vecI32, ArrayRef(iota)));
  loop(block.numVectors, [&](Value vec) {
    Value lane = mul(vec, lanes());
    // Rows of the lanes.
    Value rows = add(broadcast(castI32(add(block.firstRow, lane))), step);
    Value indexRows;
    if (spec.score)
      indexRows = arith::IndexCastOp::create(*this, getLoc(), vecType(getIndexType()), rows);
    auto body = [&](Value n, ValueRange top) -> SmallVector<Value> {
      Value keyIndex = add(begin, n);
      Value keyI32 = castI32(keyIndex);
      Value where = add(at(tiling.scoreAt, n, tiling.queries), lane);
      Value s = loadScratch(where);
      if (spec.score)
        s = spec.score(*this, getLoc(), {s, batch, indexRows, keyIndex});
      auto sle = [&](Value a, Value b) {
        return arith::CmpIOp::create(*this, getLoc(), arith::CmpIPredicate::sle, a, b).getResult();
      };
      Value keep;
      switch (spec.structure) {
      case AttentionStructure::None:
        break;
      case AttentionStructure::Causal:
        keep = sle(broadcast(keyI32), rows);
        break;
      case AttentionStructure::CausalLowerRight:
        keep = sle(broadcast(add(keyI32, castI32(sub(sizeM, sizeN)))), rows);
        break;
      case AttentionStructure::Window: {
        Value left = sle(rows, broadcast(add(keyI32, constI32(spec.windowLeft))));
        Value right = sle(broadcast(sub(keyI32, constI32(spec.windowRight))), rows);
        keep = land(left, right);
        if (spec.windowGlobal) {
          Value global = constI32(spec.windowGlobal - 1);
          keep = lor(keep, sle(rows, broadcast(global)));
          keep = lor(keep, broadcast(sle(keyI32, global)));
        }
        break;
      }
      }
      if (keep)
        s = select(keep, s, splat(-kInf));
      if (tiling.maskKind == MaskKind::PerKey)
        s = addf(s, broadcast(load(scratch, add(add(maskStart, n), tiling.maskAt))));
      else if (tiling.maskKind == MaskKind::Full)
        s = addf(s, loadScratch(add(at(tiling.maskAt, n, tiling.queries), lane)));
      storeScratch(s, where);
      return {maxf(s, top[0])};
    };
    Value top = splat(-kInf), first = idx(0);
    const bool causal =
        spec.structure == AttentionStructure::Causal || spec.structure == AttentionStructure::CausalLowerRight;
    if (causal && !spec.score && !spec.mask) {
      // The keys before the diagonal only enter the maximum.
      Value diagonal = add(block.firstRow, 1);
      if (spec.structure == AttentionStructure::CausalLowerRight)
        diagonal = add(diagonal, sub(sizeN, sizeM));
      constexpr int64_t unroll = 4;
      first = min(max(sub(diagonal, begin), idx(0)), numKeys);
      first = mul(div(first, unroll), unroll);
      top = loop(idx(0), first, idx(unroll), top, [&](Value n, ValueRange in) -> SmallVector<Value> {
        Value from = add(at(tiling.scoreAt, n, tiling.queries), lane);
        Value most = in[0];
        for (int64_t i = 0; i < unroll; ++i)
          most = maxf(loadScratch(add(from, i * tiling.queries)), most);
        return {most};
      })[0];
    }
    top = loop(first, numKeys, idx(1), top, body)[0];
    storeScratch(top, add(lane, tiling.factorAt));
  });
}

//===----------------------------------------------------------------------===//
// P^T = 2^(S^T - max)
//===----------------------------------------------------------------------===//

/// One step of the online softmax: running maximum and sum, P^T in place of S^T,
/// and the factor for what O^T holds.
void AttentionEmitter::softmax(const QueryBlock &block, Value numKeys) {
  constexpr int64_t unroll = 4;
  Value whole = mul(div(numKeys, unroll), unroll);
  loop(block.numVectors, [&](Value vec) {
    Value lane = mul(vec, lanes());
    Value state = add(mul(block.number, tiling.queries), lane);
    Value maximumAt = add(state, tiling.maximumAt);
    Value sumAt = add(state, tiling.sumAt);
    Value factorAt = add(lane, tiling.factorAt);
    Value old = loadScratch(maximumAt);
    Value top = maxf(loadScratch(factorAt), old);
    // Where no key has been attended so far the maximum is -inf; any finite
    // number in its place keeps exp2(-inf - maximum) at zero.
    Value none = arith::CmpFOp::create(*this, getLoc(), arith::CmpFPredicate::OEQ, top, splat(-kInf));
    Value shift = select(none, splat(0.0), top);
    Value factor = exp2(subf(old, shift));
    storeScratch(top, maximumAt);
    storeScratch(factor, factorAt);
    auto step = [&](Value n, int64_t keys, Value sum) -> SmallVector<Value> {
      Value from = add(at(tiling.scoreAt, n, tiling.queries), lane);
      Value total;
      for (int64_t i = 0; i < keys; ++i) {
        Value where = add(from, i * tiling.queries);
        Value p = exp2(subf(loadScratch(where), shift));
        storeScratch(p, where);
        total = total ? addf(total, p) : p;
      }
      return {addf(sum, total)};
    };
    Value sum = mulf(loadScratch(sumAt), factor);
    sum = loop(idx(0), whole, idx(unroll), sum, [&](Value n, ValueRange in) { return step(n, unroll, in[0]); })[0];
    sum = loop(whole, numKeys, idx(1), sum, [&](Value n, ValueRange in) { return step(n, 1, in[0]); })[0];
    storeScratch(sum, sumAt);
  });
}

//===----------------------------------------------------------------------===//
// O^T = O^T * factor + V^T P^T
//===----------------------------------------------------------------------===//

void AttentionEmitter::accumulate(const QueryBlock &block, int64_t vectors, const Matrix &v, Value numKeys) {
  SmallVector<Value> factors;
  for (int64_t q = 0; q < vectors; ++q)
    factors.push_back(loadScratch(idx(tiling.factorAt + q * lanes())));
  Value output = at(tiling.outputAt, block.number, tiling.paddedV * tiling.queries);
  auto tile = [&](Value first, int64_t count) {
    Value where = add(output, mul(first, tiling.queries));
    auto place = [&](int64_t i, int64_t q) { return add(where, i * tiling.queries + q * lanes()); };
    SmallVector<Value> acc, columns;
    for (int64_t i = 0; i < count; ++i) {
      for (int64_t q = 0; q < vectors; ++q)
        acc.push_back(mulf(loadScratch(place(i, q)), factors[q]));
      columns.push_back(add(v.base, mul(add(first, i), v.colStride)));
    }
    acc = loop(idx(0), numKeys, idx(1), acc, [&](Value n, ValueRange in) {
      SmallVector<Value> out(in), p;
      Value from = at(tiling.scoreAt, n, tiling.queries);
      for (int64_t q = 0; q < vectors; ++q)
        p.push_back(loadScratch(add(from, q * lanes())));
      Value row = mul(n, v.rowStride);
      for (int64_t i = 0; i < count; ++i) {
        Value s = broadcast(load(v.mem, add(columns[i], row)));
        for (int64_t q = 0; q < vectors; ++q)
          out[i * vectors + q] = fma(s, p[q], out[i * vectors + q]);
      }
      return out;
    });
    for (int64_t i = 0; i < count; ++i)
      for (int64_t q = 0; q < vectors; ++q)
        storeScratch(acc[i * vectors + q], place(i, q));
  };
  int64_t whole = spec.headSizeV / tiling.valueTile * tiling.valueTile;
  if (whole)
    loop(idx(0), idx(whole), idx(tiling.valueTile), [&](Value first) { tile(first, tiling.valueTile); });
  if (whole < spec.headSizeV)
    tile(idx(whole), spec.headSizeV - whole);
}

/// One block of queries with keys [begin, begin + numKeys), which \p k and \p v
/// start at. \p skipped is the number of keys of the block of keys before them.
void AttentionEmitter::emitQueryBlock(const QueryBlock &block, const Matrix &k, const Matrix &v, Value begin,
                                      Value numKeys, Value skipped) {
  // Short blocks take narrower tiles.
  Value narrow = le(block.numRows, idx(lanes()));
  auto forWidth = [&](llvm::function_ref<void(int64_t)> emit) {
    ifElse(
        narrow, {},
        [&]() -> SmallVector<Value> {
          emit(1);
          return {};
        },
        [&]() -> SmallVector<Value> {
          emit(tiling.vectors);
          return {};
        });
  };
  forWidth([&](int64_t vectors) { computeScores(block, vectors, k, numKeys); });
  if (tiling.maskKind == MaskKind::Full)
    stageFullMask(block, begin, numKeys);
  Value needed = maskNeeded(block, begin, numKeys);
  if (tiling.maskKind == MaskKind::PerKey)
    needed = needed ? lor(needed, keysMasked) : keysMasked;
  if (spec.score || tiling.maskKind == MaskKind::Full)
    applyMasks(block, begin, numKeys, skipped);
  else if (needed)
    ifThen(needed, [&] { applyMasks(block, begin, numKeys, skipped); });
  softmax(block, numKeys);
  forWidth([&](int64_t vectors) { accumulate(block, vectors, v, numKeys); });
}
