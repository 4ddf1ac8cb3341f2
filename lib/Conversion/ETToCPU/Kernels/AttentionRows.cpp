//===- AttentionRows.cpp - Rows of attention operands -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Brings Q, K, V and masks to scratch memory as f32 and the output back. Q, masks
// and the output change between rows and lanes by transposing whole register
// tiles; leftovers go element by element.
//
//===----------------------------------------------------------------------===//

#include "AttentionEmitter.h"

using namespace mlir;
using namespace mlir::et::cpu;

/// Copies \p count elements to scratch as f32, multiplied by \p factor. Vectors
/// where the elements are next to each other, one by one otherwise.
void AttentionEmitter::copyRow(const FlatMemRef &src, Value base, Value elemStride, int64_t count, Value dstBase,
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
          loop(idx(0), idx(whole), idx(lanes()), [&](Value at) { chunk(at, lanes()); });
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
void AttentionEmitter::storeRow(Value srcBase, int64_t count, Value base, Value elemStride) {
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
          loop(idx(0), idx(whole), idx(lanes()), [&](Value at) { chunk(at, lanes()); });
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

/// Q^T of the block, scaled. Lanes past the end repeat the last row.
void AttentionEmitter::loadQueries(const QueryBlock &block) {
  double factor = natural ? spec.scale : spec.scale * kLog2e;
  Value strideM = stride(query, spec.query, spec.dimM());
  Value strideK = stride(query, spec.query, spec.dimK());
  Value start = mul(block.number, tiling.paddedK * tiling.queries);
  loop(block.numVectors, [&](Value vec) {
    Value vecRow = add(block.firstRow, mul(vec, lanes()));
    loop(idx(lanes()), [&](Value r) {
      Value row = min(add(vecRow, r), sub(sizeM, idx(1)));
      copyRow(query, add(queryBase, mul(row, strideM)), strideK, spec.headSizeK,
              at(tiling.stageAt, r, tiling.stageStride), factor);
    });
    loop(idx(0), idx(tiling.paddedK), idx(lanes()), [&](Value col) {
      SmallVector<Value> rows;
      for (int64_t r = 0; r < lanes(); ++r)
        rows.push_back(loadScratch(add(col, tiling.stageAt + r * tiling.stageStride)));
      rows = transpose(rows);
      Value to = add(start, add(at(tiling.queryAt, col, tiling.queries), mul(vec, lanes())));
      for (int64_t r = 0; r < lanes(); ++r)
        storeScratch(rows[r], add(to, r * tiling.queries));
    });
  });
}

/// O = (O^T / sum)^T. A row without keys has a sum of zero and yields zeros.
void AttentionEmitter::storeOutput(const QueryBlock &block) {
  Value strideM = stride(output, spec.output, spec.dimM());
  Value strideV = stride(output, spec.output, spec.dimV());
  Value start = mul(block.number, tiling.paddedV * tiling.queries);
  loop(block.numVectors, [&](Value vec) {
    Value column = mul(vec, lanes());
    Value sum = loadScratch(add(column, at(tiling.sumAt, block.number, tiling.queries)));
    Value none = arith::CmpFOp::create(*this, getLoc(), arith::CmpFPredicate::OEQ, sum, splat(0.0));
    Value factor = select(none, splat(0.0), divf(splat(1.0), sum));
    loop(idx(0), idx(tiling.paddedV), idx(lanes()), [&](Value col) {
      SmallVector<Value> rows;
      Value from = add(start, add(at(tiling.outputAt, col, tiling.queries), column));
      for (int64_t r = 0; r < lanes(); ++r)
        rows.push_back(mulf(loadScratch(add(from, r * tiling.queries)), factor));
      rows = transpose(rows);
      for (int64_t r = 0; r < lanes(); ++r)
        storeScratch(rows[r], add(col, tiling.stageAt + r * tiling.stageStride));
    });
    loop(min(sub(block.numRows, column), idx(lanes())), [&](Value r) {
      Value row = add(add(block.firstRow, column), r);
      storeRow(at(tiling.stageAt, r, tiling.stageStride), spec.headSizeV, add(outputBase, mul(row, strideM)), strideV);
    });
  });
}

/// Rows of K or V for the register tiles: in place if they are f32, otherwise
/// converted in scratch.
AttentionEmitter::Matrix AttentionEmitter::packRows(const FlatMemRef &src, Value base, Value rowStride,
                                                    Value elemStride, int64_t count, int64_t start, int64_t padded,
                                                    Value numKeys) {
  if (src.getElementType().isF32())
    return {src.mem, base, rowStride, elemStride};
  loop(numKeys, [&](Value n) {
    copyRow(src, add(base, mul(n, rowStride)), elemStride, count, at(start, n, padded), std::nullopt);
  });
  return {scratch, idx(start), idx(padded), idx(1)};
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
  Value zero = arith::ConstantOp::create(*this, getLoc(), getZeroAttr(value.getType()));
  Value keep = arith::CmpIOp::create(*this, getLoc(), arith::CmpIPredicate::ne, value, zero);
  return select(keep, constF32(0.0, f32), constF32(-kInf, f32));
}

/// Brings the mask of keys [begin, begin + numKeys) to scratch; returns whether it
/// is anything but zero.
Value AttentionEmitter::stagePerKeyMask(Value begin, Value numKeys) {
  Value strideN = stride(mask, *spec.mask, spec.dimN());
  Value base = add(maskBase, mul(begin, strideN));
  Value whole = mul(div(numKeys, lanes()), lanes());
  Value vectorised = select(eq(strideN, idx(1)), whole, idx(0));
  auto differs = [&](Value v) {
    return arith::CmpFOp::create(*this, getLoc(), arith::CmpFPredicate::UNE, v, constF32(0.0, v.getType())).getResult();
  };
  Value no = arith::ConstantOp::create(*this, getLoc(), getBoolAttr(false));
  Value any = loop(idx(0), vectorised, idx(lanes()), broadcast(no), [&](Value n, ValueRange in) -> SmallVector<Value> {
    Value v = maskToF32(loadVector(mask.mem, add(base, n), lanes()));
    storeScratch(v, add(n, tiling.maskAt));
    return {lor(in[0], differs(v))};
  })[0];
  any = vector::ReductionOp::create(*this, getLoc(), vector::CombiningKind::OR, any);
  return loop(vectorised, numKeys, idx(1), any, [&](Value n, ValueRange in) -> SmallVector<Value> {
    Value v = maskToF32(load(mask.mem, add(base, mul(n, strideN))));
    store(v, scratch, add(n, tiling.maskAt));
    return {lor(in[0], differs(v))};
  })[0];
}

/// Brings the mask of the block of queries and those keys to scratch.
void AttentionEmitter::stageFullMask(const QueryBlock &block, Value begin, Value numKeys) {
  Value strideM = stride(mask, *spec.mask, spec.dimM());
  Value strideN = stride(mask, *spec.mask, spec.dimN());
  Value base = add(maskBase, mul(begin, strideN));
  Value whole = mul(div(numKeys, lanes()), lanes());
  Value vectorised = select(eq(strideN, idx(1)), whole, idx(0));
  loop(block.numVectors, [&](Value vec) {
    Value column = mul(vec, lanes());
    Value first = add(block.firstRow, column);
    auto rowBase = [&](Value r) {
      Value row = min(add(first, r), sub(sizeM, idx(1)));
      return add(base, mul(row, strideM));
    };
    loop(idx(0), vectorised, idx(lanes()), [&](Value n) {
      SmallVector<Value> rows;
      for (int64_t r = 0; r < lanes(); ++r)
        rows.push_back(maskToF32(loadVector(mask.mem, add(rowBase(idx(r)), n), lanes())));
      rows = transpose(rows);
      Value to = add(at(tiling.maskAt, n, tiling.queries), column);
      for (int64_t r = 0; r < lanes(); ++r)
        storeScratch(rows[r], add(to, r * tiling.queries));
    });
    loop(vectorised, numKeys, idx(1), [&](Value n) {
      Value to = add(at(tiling.maskAt, n, tiling.queries), column);
      loop(idx(lanes()), [&](Value r) {
        Value v = load(mask.mem, add(rowBase(r), mul(n, strideN)));
        store(maskToF32(v), scratch, add(to, r));
      });
    });
  });
}
