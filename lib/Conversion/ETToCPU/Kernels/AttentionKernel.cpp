//===- AttentionKernel.cpp - Builder of fused attention kernels -*- C++ -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// See https://llvm.org/LICENSE.txt for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Everything is computed transposed, with queries in the lanes of vectors:
//
//   for each block of queries (a task)              Q^T in scratch, scaled
//     for each block of keys                        online softmax:
//       S^T = K Q^T       tiles of keys x queries   running maximum in registers
//       S^T += mask       only where there is one
//       P^T = 2^(S^T - max), sum
//       O^T = O^T * 2^(old max - max) + V^T P^T     tiles of v x queries
//     O = (O^T / sum)^T
//
// K and V enter as broadcast scalars, so they are read in place whatever their
// strides, and maximum and sum are plain vector operations with no reduction
// across lanes. Q and O are transposed in registers, once per task. Keys need no
// padding; a block of queries is filled up to whole vectors by repeating the
// last row.
//
// Scores are kept in units of log2(e), so that the exponential is 2^x; where a
// float mask or a score callback needs the natural unit, the factor is applied
// to the difference to the maximum instead (log2(e) * -3.4e38 would overflow).
//
//===----------------------------------------------------------------------===//

#include "et/Conversion/ETToCPU/AttentionKernel.h"

#include "AttentionTiling.h"
#include "KernelBuilder.h"
#include "et/Conversion/ETToCPU/VectorMath.h"

#include <limits>

using namespace mlir;
using namespace mlir::et::cpu;

static constexpr double kLog2e = 1.44269504088896340736;
static constexpr double kInf = std::numeric_limits<double>::infinity();

namespace {
/// A row-major f32 matrix that is read element by element.
struct Matrix {
  Value mem, base, rowStride, colStride;
};

/// Keys [begin, end) of a task.
struct KeyRange {
  Value begin, end;
};

class AttentionEmitter : public KernelBuilder {
public:
  AttentionEmitter(OpBuilder &builder, Location loc,
                   const AttentionKernelSpec &spec, const ISA &isa)
      : KernelBuilder(builder, loc, isa), spec(spec), tiling(spec, isa),
        natural(spec.score ||
                (spec.mask && !spec.mask->elementType.isInteger(8))) {}

  void emitKernel(Block *entry);

private:
  const AttentionKernelSpec &spec;
  const AttentionTiling tiling;
  /// Whether scores are in natural units instead of log2(e).
  const bool natural;

  FlatMemRef query, key, value, mask, lengths, output;
  Value scratch;
  Value sizeM, sizeN;

  // Of the current task.
  SmallVector<Value> batch;
  Value firstRow, numRows;
  Value queryBase, keyBase, valueBase, maskBase, outputBase;

  void emitTask(Value task, Value numBlocks);
  void emitBlock(int64_t vectors);
  KeyRange keyLimits();
  KeyRange trimMasked(KeyRange keys);

  Value batchOffset(const FlatMemRef &flat, const AttentionOperand &operand);
  Value stride(const FlatMemRef &flat, const AttentionOperand &operand,
               unsigned dim);
  Value size(const FlatMemRef &flat, const AttentionOperand &operand,
             unsigned dim);

  void copyRow(const FlatMemRef &src, Value base, Value elemStride,
               int64_t count, Value dstBase, std::optional<double> factor);
  void storeRow(Value srcBase, int64_t count, Value base, Value elemStride);
  void loadQueries(int64_t vectors);
  void storeOutput(int64_t vectors, ValueRange sums);
  Matrix packRows(const FlatMemRef &src, Value base, Value rowStride,
                  Value elemStride, int64_t count, int64_t at, int64_t padded,
                  Value numKeys);

  SmallVector<Value> emitKeyBlock(int64_t vectors, Value begin, Value numKeys,
                                  ValueRange state);
  SmallVector<Value> scoreTile(int64_t vectors, int64_t keys, Matrix k,
                               Value firstKey, ValueRange maxima);
  Value maskNeeded(Value begin, Value numKeys);
  Value stagePerKeyMask(Value begin, Value numKeys);
  void stageFullMask(int64_t vectors, Value begin, Value numKeys);
  Value maskToF32(Value value);
  SmallVector<Value> applyMasks(int64_t vectors, Value begin, Value numKeys);
  void accumulate(int64_t vectors, Matrix v, Value numKeys, ValueRange alpha);

  Value exp2(Value x) {
    if (natural)
      x = mulf(x, splat(kLog2e));
    return emitExp2Softmax(*this, getLoc(), x, isa);
  }
  Value loadScratch(Value at) { return loadVector(scratch, at, lanes()); }
  void storeScratch(Value vector, Value at) {
    storeVector(vector, scratch, at, lanes());
  }
  /// Index of element [row][column] of a scratch array with \p width columns.
  Value at(int64_t array, Value row, int64_t width, int64_t column) {
    return add(mul(row, width), array + column);
  }
};
} // namespace

//===----------------------------------------------------------------------===//
// Operands
//===----------------------------------------------------------------------===//

Value AttentionEmitter::batchOffset(const FlatMemRef &flat,
                                    const AttentionOperand &operand) {
  Value offset = flat.offset;
  for (auto [pos, dim] : llvm::enumerate(operand.dims))
    if (dim < spec.numBatchDims)
      offset = add(offset, mul(batch[dim], flat.strides[pos]));
  return offset;
}

/// The stride along an iteration dimension; 0 if the operand does not have it.
Value AttentionEmitter::stride(const FlatMemRef &flat,
                               const AttentionOperand &operand, unsigned dim) {
  const auto *it = llvm::find(operand.dims, dim);
  return it == operand.dims.end() ? idx(0)
                                  : flat.strides[it - operand.dims.begin()];
}

Value AttentionEmitter::size(const FlatMemRef &flat,
                             const AttentionOperand &operand, unsigned dim) {
  return flat.sizes[llvm::find(operand.dims, dim) - operand.dims.begin()];
}

//===----------------------------------------------------------------------===//
// Rows in and out
//===----------------------------------------------------------------------===//

/// Copies \p count elements to scratch as f32, multiplied by \p factor. Vectors
/// where the elements are next to each other, one by one otherwise.
void AttentionEmitter::copyRow(const FlatMemRef &src, Value base,
                               Value elemStride, int64_t count, Value dstBase,
                               std::optional<double> factor) {
  ifElse(
      eq(elemStride, idx(1)), {},
      [&]() -> SmallVector<Value> {
        auto chunk = [&](Value at, int64_t size) {
          Value v = loadF32(src.mem, add(base, at), size);
          if (factor)
            v = mulf(v, splat(*factor));
          storeScratch(v, add(dstBase, at));
        };
        int64_t whole = count / lanes() * lanes();
        if (whole > 4 * lanes())
          loop(idx(0), idx(whole), idx(lanes()),
               [&](Value at) { chunk(at, lanes()); });
        else
          for (int64_t at = 0; at < whole; at += lanes())
            chunk(idx(at), lanes());
        if (whole < count)
          chunk(idx(whole), count - whole);
        return {};
      },
      [&]() -> SmallVector<Value> {
        loop(idx(count), [&](Value i) {
          Value v = toF32(load(src.mem, add(base, mul(i, elemStride))));
          if (factor)
            v = mulf(v, constF32(*factor, getF32Type()));
          store(v, scratch, add(dstBase, i));
        });
        return {};
      });
}

/// Copies \p count elements from scratch to the output.
void AttentionEmitter::storeRow(Value srcBase, int64_t count, Value base,
                                Value elemStride) {
  Type elt = spec.output.elementType;
  ifElse(
      eq(elemStride, idx(1)), {},
      [&]() -> SmallVector<Value> {
        auto chunk = [&](Value at, int64_t size) {
          Value v = fromF32(loadScratch(add(srcBase, at)), elt);
          storeVector(v, output.mem, add(base, at), size);
        };
        int64_t whole = count / lanes() * lanes();
        if (whole > 4 * lanes())
          loop(idx(0), idx(whole), idx(lanes()),
               [&](Value at) { chunk(at, lanes()); });
        else
          for (int64_t at = 0; at < whole; at += lanes())
            chunk(idx(at), lanes());
        if (whole < count)
          chunk(idx(whole), count - whole);
        return {};
      },
      [&]() -> SmallVector<Value> {
        loop(idx(count), [&](Value i) {
          Value v = fromF32(load(scratch, add(srcBase, i)), elt);
          store(v, output.mem, add(base, mul(i, elemStride)));
        });
        return {};
      });
}

/// Q^T of the block, scaled. Rows past the end repeat the last one.
void AttentionEmitter::loadQueries(int64_t vectors) {
  double factor = natural ? spec.scale : spec.scale * kLog2e;
  Value strideM = stride(query, spec.query, spec.dimM());
  Value strideK = stride(query, spec.query, spec.dimK());
  loop(idx(vectors), [&](Value vec) {
    Value vecRow = add(firstRow, mul(vec, lanes()));
    loop(idx(lanes()), [&](Value r) {
      Value row = min(add(vecRow, r), sub(sizeM, idx(1)));
      copyRow(query, add(queryBase, mul(row, strideM)), strideK, spec.headSizeK,
              at(tiling.stageAt, r, tiling.stageStride, 0), factor);
    });
    loop(idx(0), idx(tiling.paddedK), idx(lanes()), [&](Value col) {
      SmallVector<Value> rows;
      for (int64_t r = 0; r < lanes(); ++r)
        rows.push_back(loadScratch(
            add(col, tiling.stageAt + r * tiling.stageStride)));
      rows = transpose(rows);
      Value to = add(at(tiling.queryAt, col, vectors * lanes(), 0),
                     mul(vec, lanes()));
      for (int64_t r = 0; r < lanes(); ++r)
        storeScratch(rows[r], add(to, r * vectors * lanes()));
    });
  });
}

/// O = (O^T / sum)^T. A row without keys has a sum of zero and yields zeros.
void AttentionEmitter::storeOutput(int64_t vectors, ValueRange sums) {
  Value strideM = stride(output, spec.output, spec.dimM());
  Value strideV = stride(output, spec.output, spec.dimV());
  for (int64_t vec = 0; vec < vectors; ++vec) {
    Value none = arith::CmpFOp::create(*this, getLoc(), arith::CmpFPredicate::OEQ,
                                       sums[vec], splat(0.0));
    Value factor = select(none, splat(0.0), divf(splat(1.0), sums[vec]));
    loop(idx(0), idx(tiling.paddedV), idx(lanes()), [&](Value col) {
      SmallVector<Value> rows;
      Value from = at(tiling.outputAt, col, vectors * lanes(), vec * lanes());
      for (int64_t r = 0; r < lanes(); ++r)
        rows.push_back(
            mulf(loadScratch(add(from, r * vectors * lanes())), factor));
      rows = transpose(rows);
      for (int64_t r = 0; r < lanes(); ++r)
        storeScratch(rows[r],
                     add(col, tiling.stageAt + r * tiling.stageStride));
    });
    Value left = sub(numRows, idx(vec * lanes()));
    loop(min(left, idx(lanes())), [&](Value r) {
      Value row = add(add(firstRow, r), vec * lanes());
      storeRow(at(tiling.stageAt, r, tiling.stageStride, 0), spec.headSizeV,
               add(outputBase, mul(row, strideM)), strideV);
    });
  }
}

/// Converts rows [0, numKeys) from \p base on to f32 in scratch.
Matrix AttentionEmitter::packRows(const FlatMemRef &src, Value base,
                                  Value rowStride, Value elemStride,
                                  int64_t count, int64_t start, int64_t padded,
                                  Value numKeys) {
  loop(numKeys, [&](Value n) {
    copyRow(src, add(base, mul(n, rowStride)), elemStride, count,
            at(start, n, padded, 0), std::nullopt);
  });
  return {scratch, idx(start), idx(padded), idx(1)};
}

//===----------------------------------------------------------------------===//
// Scores
//===----------------------------------------------------------------------===//

/// Scores of \p keys keys from \p firstKey on (counted in the block) with all
/// queries of the block, stored to S^T. Returns the updated maxima.
SmallVector<Value> AttentionEmitter::scoreTile(int64_t vectors, int64_t keys,
                                               Matrix k, Value firstKey,
                                               ValueRange maxima) {
  SmallVector<Value> rows;
  for (int64_t i = 0; i < keys; ++i)
    rows.push_back(add(k.base, mul(add(firstKey, i), k.rowStride)));
  SmallVector<Value> acc(keys * vectors, splat(0.0));
  auto step = [&](Value ki, Value koff, ValueRange in) {
    SmallVector<Value> out(in);
    SmallVector<Value> q;
    for (int64_t v = 0; v < vectors; ++v)
      q.push_back(loadScratch(
          at(tiling.queryAt, ki, vectors * lanes(), v * lanes())));
    for (int64_t i = 0; i < keys; ++i) {
      Value s = broadcast(load(k.mem, add(rows[i], koff)));
      for (int64_t v = 0; v < vectors; ++v)
        out[i * vectors + v] = fma(s, q[v], out[i * vectors + v]);
    }
    return out;
  };
  acc = loop(idx(0), idx(spec.headSizeK), idx(1), acc,
             [&](Value ki, ValueRange in) {
               return step(ki, mul(ki, k.colStride), in);
             });
  for (int64_t i = 0; i < keys; ++i)
    for (int64_t v = 0; v < vectors; ++v)
      storeScratch(acc[i * vectors + v],
                   at(tiling.scoreAt, firstKey, vectors * lanes(),
                      i * vectors * lanes() + v * lanes()));
  SmallVector<Value> result;
  for (int64_t v = 0; v < vectors; ++v) {
    Value top = maxima[v];
    for (int64_t i = 0; i < keys; ++i)
      top = maxf(acc[i * vectors + v], top);
    result.push_back(top);
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Masks
//===----------------------------------------------------------------------===//

/// The value to add to scores, for a scalar or vector of mask elements.
Value AttentionEmitter::maskToF32(Value value) {
  Type elt = getElementTypeOrSelf(value.getType());
  if (!elt.isInteger(8))
    return toF32(value);
  bool isVector = mlir::isa<VectorType>(value.getType());
  Type f32 = isVector ? Type(vecF32()) : Type(getF32Type());
  Value zero = arith::ConstantOp::create(*this, getLoc(),
                                         getZeroAttr(value.getType()));
  Value keep = arith::CmpIOp::create(*this, getLoc(), arith::CmpIPredicate::ne,
                                     value, zero);
  return select(keep, constF32(0.0, f32), constF32(-kInf, f32));
}

/// Brings the mask of the block's keys to scratch.
Value AttentionEmitter::stagePerKeyMask(Value begin, Value numKeys) {
  Value strideN = stride(mask, *spec.mask, spec.dimN());
  Value base = add(maskBase, mul(begin, strideN));
  Value whole = mul(div(numKeys, lanes()), lanes());
  Value vectorised = select(eq(strideN, idx(1)), whole, idx(0));
  loop(idx(0), vectorised, idx(lanes()), [&](Value n) {
    storeScratch(maskToF32(loadVector(mask.mem, add(base, n), lanes())),
                 add(n, tiling.maskAt));
  });
  loop(vectorised, numKeys, idx(1), [&](Value n) {
    store(maskToF32(load(mask.mem, add(base, mul(n, strideN)))), scratch,
          add(n, tiling.maskAt));
  });
  return Value();
}

void AttentionEmitter::stageFullMask(int64_t vectors, Value begin,
                                     Value numKeys) {
  Value strideM = stride(mask, *spec.mask, spec.dimM());
  Value strideN = stride(mask, *spec.mask, spec.dimN());
  Value base = add(maskBase, mul(begin, strideN));
  Value whole = mul(div(numKeys, lanes()), lanes());
  Value vectorised = select(eq(strideN, idx(1)), whole, idx(0));
  loop(idx(vectors), [&](Value vec) {
    Value column = mul(vec, lanes());
    Value first = add(firstRow, column);
    auto rowBase = [&](Value r) {
      Value row = min(add(first, r), sub(sizeM, idx(1)));
      return add(base, mul(row, strideM));
    };
    loop(idx(0), vectorised, idx(lanes()), [&](Value n) {
      SmallVector<Value> rows;
      for (int64_t r = 0; r < lanes(); ++r)
        rows.push_back(maskToF32(
            loadVector(mask.mem, add(rowBase(idx(r)), n), lanes())));
      rows = transpose(rows);
      Value to = add(at(tiling.maskAt, n, vectors * lanes(), 0), column);
      for (int64_t r = 0; r < lanes(); ++r)
        storeScratch(rows[r], add(to, r * vectors * lanes()));
    });
    loop(vectorised, numKeys, idx(1), [&](Value n) {
      Value to = add(at(tiling.maskAt, n, vectors * lanes(), 0), column);
      loop(idx(lanes()), [&](Value r) {
        Value v = load(mask.mem, add(rowBase(r), mul(n, strideN)));
        store(maskToF32(v), scratch, add(to, r));
      });
    });
  });
}

/// Whether some score of the block can be excluded by the structure; null if
/// there is no structure.
Value AttentionEmitter::maskNeeded(Value begin, Value numKeys) {
  Value end = add(begin, numKeys);
  Value lastRow = sub(add(firstRow, numRows), idx(1));
  switch (spec.structure) {
  case AttentionStructure::None:
    return Value();
  case AttentionStructure::Causal:
    return lt(add(firstRow, 1), end);
  case AttentionStructure::CausalLowerRight:
    return lt(add(add(firstRow, 1), sub(sizeN, sizeM)), end);
  case AttentionStructure::Window: {
    Value left = lt(add(begin, spec.windowLeft), lastRow);
    Value right = lt(add(firstRow, spec.windowRight + 1), end);
    return lor(left, right);
  }
  }
  llvm_unreachable("unknown structure");
}

/// Applies score callback, structure and mask to S^T; returns the block's
/// maxima.
SmallVector<Value> AttentionEmitter::applyMasks(int64_t vectors, Value begin,
                                                Value numKeys) {
  SmallVector<Value> init(vectors, splat(-kInf));
  VectorType vecI32 = vecType(getI32Type());
  auto castI32 = [&](Value v) {
    return arith::IndexCastOp::create(*this, getLoc(), getI32Type(), v)
        .getResult();
  };
  auto constI32 = [&](int64_t v) {
    return arith::ConstantOp::create(*this, getLoc(),
                                     getI32IntegerAttr(int32_t(v)))
        .getResult();
  };
  // Rows of the lanes.
  SmallVector<int32_t> iota(lanes());
  for (int64_t i = 0; i < lanes(); ++i)
    iota[i] = i;
  SmallVector<Value> rows, indexRows;
  for (int64_t v = 0; v < vectors; ++v) {
    Value step = arith::ConstantOp::create(
        *this, getLoc(), DenseElementsAttr::get(vecI32, ArrayRef(iota)));
    Value first = castI32(add(firstRow, v * lanes()));
    rows.push_back(add(broadcast(first), step));
    if (spec.score)
      indexRows.push_back(arith::IndexCastOp::create(
          *this, getLoc(), vecType(getIndexType()), rows.back()));
  }
  auto body = [&](Value n, ValueRange maxima) {
    Value keyIndex = add(begin, n);
    Value keyI32 = castI32(keyIndex);
    SmallVector<Value> result;
    for (int64_t v = 0; v < vectors; ++v) {
      Value where = at(tiling.scoreAt, n, vectors * lanes(), v * lanes());
      Value s = loadScratch(where);
      if (spec.score)
        s = spec.score(*this, getLoc(), {s, batch, indexRows[v], keyIndex});
      auto sle = [&](Value a, Value b) {
        return arith::CmpIOp::create(*this, getLoc(), arith::CmpIPredicate::sle,
                                     a, b)
            .getResult();
      };
      Value keep;
      switch (spec.structure) {
      case AttentionStructure::None:
        break;
      case AttentionStructure::Causal:
        keep = sle(broadcast(keyI32), rows[v]);
        break;
      case AttentionStructure::CausalLowerRight:
        keep = sle(broadcast(add(keyI32, castI32(sub(sizeM, sizeN)))), rows[v]);
        break;
      case AttentionStructure::Window: {
        Value left =
            sle(rows[v], broadcast(add(keyI32, constI32(spec.windowLeft))));
        Value right =
            sle(broadcast(sub(keyI32, constI32(spec.windowRight))), rows[v]);
        keep = land(left, right);
        if (spec.windowGlobal) {
          Value global = constI32(spec.windowGlobal - 1);
          keep = lor(keep, sle(rows[v], broadcast(global)));
          keep = lor(keep, broadcast(sle(keyI32, global)));
        }
        break;
      }
      }
      if (keep)
        s = select(keep, s, splat(-kInf));
      if (tiling.maskKind == MaskKind::PerKey)
        s = addf(s, broadcast(load(scratch, add(n, tiling.maskAt))));
      else if (tiling.maskKind == MaskKind::Full)
        s = addf(s, loadScratch(at(tiling.maskAt, n, vectors * lanes(),
                                   v * lanes())));
      storeScratch(s, where);
      result.push_back(maxf(s, maxima[v]));
    }
    return result;
  };
  return loop(idx(0), numKeys, idx(1), init, body);
}

//===----------------------------------------------------------------------===//
// One block of keys
//===----------------------------------------------------------------------===//

/// O^T = O^T * alpha + V^T P^T.
void AttentionEmitter::accumulate(int64_t vectors, Matrix v, Value numKeys,
                                  ValueRange alpha) {
  auto tile = [&](Value first, int64_t count) {
    SmallVector<Value> acc;
    for (int64_t i = 0; i < count; ++i)
      for (int64_t q = 0; q < vectors; ++q)
        acc.push_back(mulf(loadScratch(at(tiling.outputAt, first,
                                          vectors * lanes(),
                                          (i * vectors + q) * lanes())),
                           alpha[q]));
    SmallVector<Value> columns;
    for (int64_t i = 0; i < count; ++i)
      columns.push_back(add(v.base, mul(add(first, i), v.colStride)));
    acc = loop(idx(0), numKeys, idx(1), acc, [&](Value n, ValueRange in) {
      SmallVector<Value> out(in), p;
      for (int64_t q = 0; q < vectors; ++q)
        p.push_back(loadScratch(
            at(tiling.scoreAt, n, vectors * lanes(), q * lanes())));
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
        storeScratch(acc[i * vectors + q],
                     at(tiling.outputAt, first, vectors * lanes(),
                        (i * vectors + q) * lanes()));
  };
  int64_t whole = spec.headSizeV / tiling.valueTile * tiling.valueTile;
  loop(idx(0), idx(whole), idx(tiling.valueTile),
       [&](Value first) { tile(first, tiling.valueTile); });
  if (whole < spec.headSizeV)
    tile(idx(whole), spec.headSizeV - whole);
}

/// One step of the online softmax. \p state and the result are the running
/// maxima, then the running sums.
SmallVector<Value> AttentionEmitter::emitKeyBlock(int64_t vectors, Value begin,
                                                  Value numKeys,
                                                  ValueRange state) {
  ValueRange oldMax = state.take_front(vectors), oldSum = state.drop_front(vectors);
  Value strideN = stride(key, spec.key, spec.dimN());
  Value strideK = stride(key, spec.key, spec.dimK());
  Value keyRows = add(keyBase, mul(begin, strideN));
  Matrix k{key.mem, keyRows, strideN, strideK};
  if (tiling.packKey)
    k = packRows(key, keyRows, strideN, strideK, spec.headSizeK, tiling.keyAt,
                 tiling.paddedK, numKeys);

  // Q K^T. The last tile overlaps the one before instead of being shorter.
  SmallVector<Type> types(vectors, vecF32());
  SmallVector<Value> init(vectors, splat(-kInf));
  SmallVector<Value> blockMax = ifElse(
      le(idx(tiling.keyTile), numKeys), types,
      [&] {
        Value last = sub(numKeys, idx(tiling.keyTile));
        return loop(idx(0), numKeys, idx(tiling.keyTile), init,
                    [&](Value n, ValueRange maxima) {
                      return scoreTile(vectors, tiling.keyTile, k, min(n, last),
                                       maxima);
                    });
      },
      [&] {
        return loop(idx(0), numKeys, idx(1), init,
                    [&](Value n, ValueRange maxima) {
                      return scoreTile(vectors, 1, k, n, maxima);
                    });
      });

  if (tiling.maskKind == MaskKind::PerKey)
    stagePerKeyMask(begin, numKeys);
  else if (tiling.maskKind == MaskKind::Full)
    stageFullMask(vectors, begin, numKeys);
  if (spec.mask || spec.score)
    blockMax = applyMasks(vectors, begin, numKeys);
  else if (Value needed = maskNeeded(begin, numKeys))
    blockMax = ifElse(
        needed, types, [&] { return applyMasks(vectors, begin, numKeys); },
        [&] { return blockMax; });

  // Where no key has been attended so far the maximum is -inf; any finite
  // number in its place keeps exp2(-inf - max) at zero.
  SmallVector<Value> newMax, shift, alpha, sums;
  for (int64_t v = 0; v < vectors; ++v) {
    newMax.push_back(maxf(blockMax[v], oldMax[v]));
    Value none = arith::CmpFOp::create(*this, getLoc(), arith::CmpFPredicate::OEQ,
                                       newMax[v], splat(-kInf));
    shift.push_back(select(none, splat(0.0), newMax[v]));
    alpha.push_back(exp2(subf(oldMax[v], shift[v])));
    sums.push_back(mulf(oldSum[v], alpha[v]));
  }
  auto probabilities = [&](Value n, int64_t keys, ValueRange in) {
    SmallVector<Value> out;
    for (int64_t v = 0; v < vectors; ++v) {
      Value total;
      for (int64_t i = 0; i < keys; ++i) {
        Value where = at(tiling.scoreAt, n, vectors * lanes(),
                         (i * vectors + v) * lanes());
        Value p = exp2(subf(loadScratch(where), shift[v]));
        storeScratch(p, where);
        total = total ? addf(total, p) : p;
      }
      out.push_back(addf(in[v], total));
    }
    return out;
  };
  constexpr int64_t unroll = 4;
  Value whole = mul(div(numKeys, unroll), unroll);
  sums = loop(idx(0), whole, idx(unroll), sums, [&](Value n, ValueRange in) {
    return probabilities(n, unroll, in);
  });
  sums = loop(whole, numKeys, idx(1), sums, [&](Value n, ValueRange in) {
    return probabilities(n, 1, in);
  });

  strideN = stride(value, spec.value, spec.dimN());
  Value strideV = stride(value, spec.value, spec.dimV());
  Value valueRows = add(valueBase, mul(begin, strideN));
  Matrix v{value.mem, valueRows, strideN, strideV};
  if (tiling.packValue)
    v = packRows(value, valueRows, strideN, strideV, spec.headSizeV,
                 tiling.valueAt, tiling.paddedV, numKeys);
  accumulate(vectors, v, numKeys, alpha);

  llvm::append_range(newMax, sums);
  return newMax;
}

//===----------------------------------------------------------------------===//
// Tasks
//===----------------------------------------------------------------------===//

/// The keys that lengths and the structure leave to the task.
KeyRange AttentionEmitter::keyLimits() {
  KeyRange keys{idx(0), sizeN};
  if (spec.lengths) {
    Value length = load(lengths.mem, batchOffset(lengths, *spec.lengths));
    length =
        arith::IndexCastOp::create(*this, getLoc(), getIndexType(), length);
    length = min(max(length, idx(0)), sizeN);
    if (spec.leftPadding)
      keys.begin = sub(sizeN, length);
    else
      keys.end = length;
  }
  Value endRow = add(firstRow, numRows);
  if (spec.structure == AttentionStructure::Causal)
    keys.end = min(keys.end, endRow);
  else if (spec.structure == AttentionStructure::CausalLowerRight)
    keys.end = min(keys.end, add(endRow, sub(sizeN, sizeM)));
  return keys;
}

/// Drops keys at both ends that a bool mask excludes for all queries, which is
/// what padding looks like.
KeyRange AttentionEmitter::trimMasked(KeyRange keys) {
  Value strideN = stride(mask, *spec.mask, spec.dimN());
  Type elt = spec.mask->elementType;
  auto scan = [&](Value start, llvm::function_ref<Value(Value)> inside,
                  llvm::function_ref<Value(Value)> element, int64_t step) {
    auto op = scf::WhileOp::create(*this, getLoc(), TypeRange(getIndexType()),
                                   ValueRange(start));
    OpBuilder::InsertionGuard guard(*this);
    Block *before = createBlock(&op.getBefore(), {}, {getIndexType()}, {getLoc()});
    Value n = before->getArgument(0);
    Value more = ifElse(
        inside(n), TypeRange(getI1Type()),
        [&]() -> SmallVector<Value> {
          Value v = load(mask.mem, add(maskBase, mul(element(n), strideN)));
          Value zero =
              arith::ConstantOp::create(*this, getLoc(), getZeroAttr(elt));
          return {eq(v, zero)};
        },
        [&]() -> SmallVector<Value> {
          return {arith::ConstantOp::create(*this, getLoc(),
                                            getBoolAttr(false))};
        })[0];
    scf::ConditionOp::create(*this, getLoc(), more, n);
    Block *after = createBlock(&op.getAfter(), {}, {getIndexType()}, {getLoc()});
    Value next = add(after->getArgument(0), step);
    scf::YieldOp::create(*this, getLoc(), next);
    return op.getResult(0);
  };
  keys.end = scan(
      keys.end, [&](Value n) { return lt(keys.begin, n); },
      [&](Value n) { return sub(n, idx(1)); }, -1);
  keys.begin = scan(
      keys.begin, [&](Value n) { return lt(n, keys.end); },
      [&](Value n) { return n; }, 1);
  return keys;
}

/// All keys for the current block of at most vectors * lanes queries.
void AttentionEmitter::emitBlock(int64_t vectors) {
  loadQueries(vectors);
  loop(idx(0), idx(spec.headSizeV * vectors * lanes()), idx(lanes()),
       [&](Value i) { storeScratch(splat(0.0), add(i, tiling.outputAt)); });

  KeyRange keys = keyLimits();
  if (tiling.maskKind == MaskKind::PerKey &&
      spec.mask->elementType.isInteger(8))
    keys = trimMasked(keys);

  // A window is one range of keys, or two where some keys are global.
  const bool window = spec.structure == AttentionStructure::Window;
  const int64_t numRanges = window && spec.windowGlobal ? 2 : 1;
  SmallVector<Value> state(vectors, splat(-kInf));
  state.append(vectors, splat(0.0));
  auto overRange = [&](KeyRange range, ValueRange in) {
    // Blocks of equal size, so that the last one is not tiny.
    Value length = max(sub(range.end, range.begin), idx(0));
    Value blocks = max(ceilDiv(length, idx(tiling.keyBlock)), idx(1));
    Value size = ceilDiv(length, blocks);
    size = max(mul(ceilDiv(size, idx(tiling.keyTile)), tiling.keyTile),
               idx(tiling.keyTile));
    return loop(range.begin, range.end, size, in,
                [&](Value begin, ValueRange inner) {
                  Value numKeys = min(size, sub(range.end, begin));
                  return emitKeyBlock(vectors, begin, numKeys, inner);
                });
  };
  if (!window) {
    state = overRange(keys, state);
  } else {
    Value first = max(sub(firstRow, idx(spec.windowLeft)), idx(0));
    Value last = add(add(firstRow, numRows), spec.windowRight);
    if (numRanges == 1) {
      state = overRange({max(keys.begin, first), min(keys.end, last)}, state);
    } else {
      // Range 0: the global keys; range 1: the window after them. Rows that are
      // global themselves see all keys.
      Value global = lt(firstRow, idx(spec.windowGlobal));
      first = select(global, idx(0), max(first, idx(spec.windowGlobal)));
      last = select(global, sizeN, last);
      Value globalEnd = select(global, idx(0), idx(spec.windowGlobal));
      state = loop(idx(0), idx(2), idx(1), state,
                   [&](Value range, ValueRange in) {
                     Value isFirst = eq(range, idx(0));
                     Value begin = select(isFirst, idx(0), first);
                     Value end = select(isFirst, globalEnd, last);
                     return overRange({max(keys.begin, begin),
                                       min(keys.end, end)},
                                      in);
                   });
    }
  }
  storeOutput(vectors, ValueRange(state).drop_front(vectors));
}

/// Task number -> batch indices and block of queries.
void AttentionEmitter::emitTask(Value task, Value numBlocks) {
  Value rest = div(task, numBlocks);
  firstRow = mul(sub(task, mul(rest, numBlocks)), tiling.queries);
  numRows = min(idx(tiling.queries), sub(sizeM, firstRow));
  batch.assign(spec.numBatchDims, Value());
  for (unsigned dim = spec.numBatchDims; dim-- > 0;) {
    Value extent = size(output, spec.output, dim);
    Value next = div(rest, extent);
    batch[dim] = sub(rest, mul(next, extent));
    rest = next;
  }
  queryBase = batchOffset(query, spec.query);
  keyBase = batchOffset(key, spec.key);
  valueBase = batchOffset(value, spec.value);
  outputBase = batchOffset(output, spec.output);
  if (spec.mask)
    maskBase = batchOffset(mask, *spec.mask);

  // Short blocks take narrower tiles.
  ifElse(
      le(numRows, idx(lanes())), {},
      [&]() -> SmallVector<Value> {
        emitBlock(1);
        return {};
      },
      [&]() -> SmallVector<Value> {
        emitBlock(tiling.vectors);
        return {};
      });
}

void AttentionEmitter::emitKernel(Block *entry) {
  auto arg = entry->getArguments().begin();
  Value tid = *arg++, nth = *arg++;
  query = flatten(*arg++);
  key = flatten(*arg++);
  value = flatten(*arg++);
  if (spec.mask)
    mask = flatten(*arg++);
  if (spec.lengths)
    lengths = flatten(*arg++);
  output = flatten(*arg++);
  Value allScratch = *arg++;
  auto scratchType = MemRefType::get(
      {ShapedType::kDynamic}, getF32Type(),
      StridedLayoutAttr::get(getContext(), ShapedType::kDynamic, {1}));
  scratch = memref::SubViewOp::create(
      *this, getLoc(), scratchType, allScratch,
      ArrayRef<OpFoldResult>{OpFoldResult(mul(tid, tiling.total))},
      ArrayRef<OpFoldResult>{OpFoldResult(idx(tiling.total))},
      ArrayRef<OpFoldResult>{OpFoldResult(getIndexAttr(1))});

  sizeM = size(output, spec.output, spec.dimM());
  sizeN = size(key, spec.key, spec.dimN());
  Value numBlocks = ceilDiv(sizeM, idx(tiling.queries));
  Value numTasks = numBlocks;
  for (unsigned dim = 0; dim < spec.numBatchDims; ++dim)
    numTasks = mul(numTasks, size(output, spec.output, dim));

  const bool causal = spec.structure == AttentionStructure::Causal ||
                      spec.structure == AttentionStructure::CausalLowerRight;
  if (!causal) {
    // Neighbouring tasks share keys and values: they stay on one thread.
    Value begin = div(mul(numTasks, tid), nth);
    Value end = div(mul(numTasks, add(tid, 1)), nth);
    loop(begin, end, idx(1), [&](Value task) { emitTask(task, numBlocks); });
    return;
  }
  // Later blocks cost more: deal them out in turns of alternating direction.
  loop(ceilDiv(numTasks, nth), [&](Value turn) {
    Value odd = eq(rem(turn, idx(2)), idx(1));
    Value mine = select(odd, sub(sub(nth, idx(1)), tid), tid);
    Value task = add(mul(turn, nth), mine);
    ifThen(lt(task, numTasks), [&] { emitTask(task, numBlocks); });
  });
}

//===----------------------------------------------------------------------===//
// Entry points
//===----------------------------------------------------------------------===//

SmallVector<Type>
et::cpu::attentionArgTypes(OpBuilder &builder,
                           const AttentionKernelSpec &spec) {
  auto memref = [](const AttentionOperand &operand) {
    return getStridedMemRefType(operand.dims.size(), operand.elementType);
  };
  SmallVector<Type> types(2, builder.getIndexType());
  types.append({memref(spec.query), memref(spec.key), memref(spec.value)});
  if (spec.mask)
    types.push_back(memref(*spec.mask));
  if (spec.lengths)
    types.push_back(memref(*spec.lengths));
  types.push_back(memref(spec.output));
  types.push_back(
      MemRefType::get({ShapedType::kDynamic}, builder.getF32Type()));
  return types;
}

func::FuncOp et::cpu::buildAttentionKernel(OpBuilder &builder, Location loc,
                                           StringRef name,
                                           const AttentionKernelSpec &spec,
                                           const ISA &isa) {
  assert(!verifyAttentionSpec(spec) && "expected a specification that verifies");
  func::FuncOp func = createKernelFunction(builder, loc, name,
                                           attentionArgTypes(builder, spec));
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(&func.front());
  AttentionEmitter(builder, loc, spec, isa).emitKernel(&func.front());
  return func;
}
