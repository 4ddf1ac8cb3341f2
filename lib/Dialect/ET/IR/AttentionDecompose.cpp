//===- AttentionDecompose.cpp - Attention as linalg -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// With all maps over (batch..., m, n, k, v):
//
//   S = Q K^T                    (batch..., m, n), reduced over k
//   S = mask(score(scale * S))   elementwise; a masked score is -inf
//   M = max S                    (batch..., m), reduced over n
//   E = exp(S - M)               0 where M is -inf: the row is fully masked
//   L = sum E                    (batch..., m)
//   O = E V                      (batch..., m, v), reduced over n
//   result = L == 0 ? 0 : O / L  rounded to the storage type, in the layout of the result
//
// With offsets, each row first finds its sequence: how many of the offsets are no
// greater than the row. Keys of other sequences are masked.
//
// S is written out in full here. That is what makes this the reference and not
// a lowering.
//
//===----------------------------------------------------------------------===//

#include "DecomposeUtils.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace mlir::et;

//===----------------------------------------------------------------------===//
// Masks
//===----------------------------------------------------------------------===//

Value et::createStructureCondition(OpBuilder &b, Location loc, MaskAttr mask, Value i, Value j, Value numQueries,
                                   Value numKeys) {
  auto constant = [&](int64_t value) -> Value { return arith::ConstantIndexOp::create(b, loc, value); };
  auto compare = [&](arith::CmpIPredicate predicate, Value l, Value r) -> Value {
    return arith::CmpIOp::create(b, loc, predicate, l, r);
  };
  switch (mask.getKind()) {
  case MaskKind::None:
    return nullptr;
  case MaskKind::Causal:
    if (mask.getLowerRight())
      i = arith::AddIOp::create(b, loc, i, arith::SubIOp::create(b, loc, numKeys, numQueries));
    return compare(arith::CmpIPredicate::sle, j, i);
  case MaskKind::Window: {
    // Differences of indices cannot overflow, sums with a bound could.
    Value condition;
    auto both = [&](Value next) {
      condition = condition ? arith::AndIOp::create(b, loc, condition, next).getResult() : next;
    };
    if (mask.getLeft() != -1)
      both(compare(arith::CmpIPredicate::sle, arith::SubIOp::create(b, loc, i, j), constant(mask.getLeft())));
    if (mask.getRight() != -1)
      both(compare(arith::CmpIPredicate::sle, arith::SubIOp::create(b, loc, j, i), constant(mask.getRight())));
    if (condition && mask.getGlobal() != 0)
      for (Value index : {i, j})
        condition = arith::OrIOp::create(b, loc, condition,
                                         compare(arith::CmpIPredicate::slt, index, constant(mask.getGlobal())));
    return condition;
  }
  }
  llvm_unreachable("all kinds are covered");
}

//===----------------------------------------------------------------------===//
// Score region
//===----------------------------------------------------------------------===//

/// Copies one op of a score region written for type \p from so that it computes in \p to. Ops that are known to mean
/// the same for every float type change their type; any other op keeps its type, and its operands and results are
/// converted.
static void cloneForType(OpBuilder &b, Operation &op, IRMapping &mapping, FloatType from, FloatType to) {
  Location loc = op.getLoc();
  auto retype = [&](Type type) -> Type { return type == from ? to : type; };
  if (auto constant = dyn_cast<arith::ConstantOp>(op); constant && constant.getType() == from) {
    double value = cast<FloatAttr>(constant.getValue()).getValueAsDouble();
    mapping.map(constant.getResult(), arith::ConstantOp::create(b, loc, b.getFloatAttr(to, value)).getResult());
    return;
  }
  if (isa<arith::ExtFOp, arith::TruncFOp>(op) &&
      (op.getOperand(0).getType() == from || op.getResult(0).getType() == from)) {
    Value operand = mapping.lookupOrDefault(op.getOperand(0));
    mapping.map(op.getResult(0), convertFloat(b, loc, operand, retype(op.getResult(0).getType())));
    return;
  }
  bool generic = isa<arith::ArithDialect, math::MathDialect>(op.getDialect()) && op.getNumRegions() == 0 &&
                 !isa<arith::BitcastOp>(op);
  if (generic) {
    Operation *copy = b.clone(op, mapping);
    for (OpResult result : copy->getResults())
      result.setType(retype(result.getType()));
    return;
  }
  IRMapping local = mapping;
  op.walk([&](Operation *nested) {
    for (Value operand : nested->getOperands())
      if (Value mapped = mapping.lookupOrNull(operand); mapped && mapped.getType() != operand.getType())
        local.map(operand, convertFloat(b, loc, mapped, operand.getType()));
  });
  Operation *copy = b.clone(op, local);
  for (auto [old, result] : llvm::zip_equal(op.getResults(), copy->getResults()))
    mapping.map(old, old.getType() == from ? convertFloat(b, loc, result, to) : result);
}

/// Inlines the score region of \p op for \p score and \p indices, in the type of \p score.
static Value inlineScore(OpBuilder &b, AttentionOp op, Value score, ValueRange indices) {
  Block &body = op.getScore().front();
  IRMapping mapping;
  mapping.map(body.getArgument(0), score);
  mapping.map(body.getArguments().drop_front(), indices);
  FloatType from = op.getAccumulatorType(), to = cast<FloatType>(score.getType());
  for (Operation &nested : body.without_terminator()) {
    if (from == to)
      b.clone(nested, mapping);
    else
      cloneForType(b, nested, mapping, from, to);
  }
  Value yielded = body.getTerminator()->getOperand(0);
  Value result = mapping.lookupOrDefault(yielded);
  return convertFloat(b, op.getLoc(), result, to);
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

/// Size of each dimension of the domain of \p op.
static SmallVector<OpFoldResult> getDomainSizes(OpBuilder &builder, AttentionOp op) {
  SmallVector<OpFoldResult> sizes;
  for (unsigned dim = 0; dim < op.getNumDomainDims(); ++dim)
    sizes.push_back(op.getDimSize(builder, dim));
  return sizes;
}

/// The sequence of each row, i64; one behind the last sequence for rows behind the last offset.
static Value createSequenceOfRows(LinalgBuilder &lb, AttentionOp op, OpFoldResult numRows) {
  OpBuilder &builder = lb.builder;
  Location loc = lb.loc;
  Value zero = arith::ConstantOp::create(builder, loc, builder.getI64IntegerAttr(0));
  Value init = linalg::FillOp::create(builder, loc, zero, lb.empty({numRows}, builder.getI64Type())).getResult(0);
  Value reached = lb.generic({op.getOffsets()}, init, {lb.getMap(2, {1}), lb.getMap(2, {0})},
                             [](OpBuilder &b, Location l, ValueRange args) -> Value {
                               Value row = linalg::IndexOp::create(b, l, 0);
                               Value offset = arith::IndexCastOp::create(b, l, b.getIndexType(), args[0]);
                               Value isReached = arith::CmpIOp::create(b, l, arith::CmpIPredicate::sle, offset, row);
                               Value one = arith::ExtUIOp::create(b, l, b.getI64Type(), isReached);
                               return arith::AddIOp::create(b, l, args[1], one);
                             });
  // The first offset is 0, so that every row has reached one.
  return lb.generic({reached}, lb.empty({numRows}, builder.getI64Type()), {lb.getMap(1, {0}), lb.getMap(1, {0})},
                    [](OpBuilder &b, Location l, ValueRange args) -> Value {
                      auto constant = [&](int64_t value) {
                        return arith::ConstantOp::create(b, l, b.getI64IntegerAttr(value)).getResult();
                      };
                      Value index = arith::SubIOp::create(b, l, args[0], constant(1));
                      return arith::MaxSIOp::create(b, l, index, constant(0));
                    });
}

namespace {
/// The sequence that a row belongs to: where its rows and keys start, and how many there are.
struct RaggedRow {
  Value firstRow, numRows, firstKey, numKeys;
};
} // namespace

/// Reads the offsets of \p op for a row of the sequence \p sequence (i64).
static RaggedRow readOffsets(OpBuilder &b, Location loc, AttentionOp op, Value sequence) {
  Value index = arith::IndexCastOp::create(b, loc, b.getIndexType(), sequence);
  Value one = arith::ConstantIndexOp::create(b, loc, 1), zero = arith::ConstantIndexOp::create(b, loc, 0);
  auto range = [&](Value offsets) -> std::pair<Value, Value> {
    Value size = tensor::DimOp::create(b, loc, offsets, zero);
    // Behind the last sequence there is nothing.
    Value next = arith::MinSIOp::create(b, loc, arith::AddIOp::create(b, loc, index, one),
                                        arith::SubIOp::create(b, loc, size, one));
    auto read = [&](Value at) -> Value {
      Value offset = tensor::ExtractOp::create(b, loc, offsets, at);
      return arith::IndexCastOp::create(b, loc, b.getIndexType(), offset);
    };
    Value begin = read(index);
    return {begin, arith::SubIOp::create(b, loc, read(next), begin)};
  };
  RaggedRow row;
  std::tie(row.firstRow, row.numRows) = range(op.getOffsets());
  std::tie(row.firstKey, row.numKeys) = range(op.getOffsetsOfKeys());
  return row;
}

FailureOr<SmallVector<Value>> et::decompose(OpBuilder &builder, AttentionOp op, const DecomposeOptions &options) {
  Location loc = op.getLoc();
  FloatType type = options.accumulateF64 ? builder.getF64Type() : op.getAccumulatorType();
  LinalgBuilder lb(builder, loc, type);
  double inf = std::numeric_limits<double>::infinity();
  double scale = op.getScale() ? op.getScale()->convertToFloat() : op.getScaleValue();
  if (!op.getScale() && type.isF64())
    scale = 1.0 / std::sqrt(static_cast<double>(op.getStaticDimSize(op.getKDim())));

  // Each step has a domain of its own: batch and two or three of m, n, k, v. The maps of the op are carried over.
  unsigned numBatch = op.getNumBatchDims(), rows = numBatch + 1;
  SmallVector<OpFoldResult> sizes = getDomainSizes(builder, op);
  SmallVector<OpFoldResult> rowSizes(ArrayRef(sizes).take_front(rows));
  SmallVector<OpFoldResult> scoreSizes(ArrayRef(sizes).take_front(rows + 1));
  SmallVector<OpFoldResult> outSizes = rowSizes;
  outSizes.push_back(sizes[op.getVDim()]);
  auto restrict = [&](AffineMap map, ArrayRef<unsigned> kept) {
    SmallVector<AffineExpr> replacements(op.getNumDomainDims(), builder.getAffineConstantExpr(0));
    for (unsigned dim = 0; dim < rows; ++dim)
      replacements[dim] = builder.getAffineDimExpr(dim);
    for (auto [i, dim] : llvm::enumerate(kept))
      replacements[dim] = builder.getAffineDimExpr(rows + i);
    return map.replaceDimsAndSymbols(replacements, {}, rows + kept.size(), 0);
  };
  unsigned n = op.getNDim(), k = op.getKDim(), v = op.getVDim();
  AffineMap scoreMap = builder.getMultiDimIdentityMap(rows + 1), rowMap = scoreMap.dropResult(rows);

  AffineMap scoreInQK = builder.getMultiDimIdentityMap(rows + 2).dropResult(rows + 1);
  Value scores = lb.generic({op.getQuery(), op.getKey()}, lb.fill(scoreSizes, 0.0),
                            {restrict(op.getQueryMap(), {n, k}), restrict(op.getKeyMap(), {n, k}), scoreInQK},
                            [](OpBuilder &b, Location l, ValueRange args) -> Value {
                              Value term = arith::MulFOp::create(b, l, args[0], args[1]);
                              return arith::AddFOp::create(b, l, args[2], term);
                            });

  SmallVector<Value> inputs = {scores};
  SmallVector<AffineMap> maps = {scoreMap};
  if (op.getMask()) {
    inputs.push_back(op.getMask());
    maps.push_back(restrict(op.getMaskMap(), {n}));
  }
  if (op.getLengths()) {
    inputs.push_back(op.getLengths());
    maps.push_back(restrict(op.getLengthsMap(), {n}));
  }
  if (op.getOffsets()) {
    inputs.push_back(createSequenceOfRows(lb, op, sizes[op.getMDim()]));
    maps.push_back(lb.getMap(rows + 1, {rows - 1}));
  }
  maps.push_back(scoreMap);
  Value numQueries = getValueOrCreateConstantIndexOp(builder, loc, sizes[op.getMDim()]);
  Value numKeys = getValueOrCreateConstantIndexOp(builder, loc, sizes[n]);
  scores = lb.generic(inputs, lb.empty(scoreSizes), maps, [&](OpBuilder &b, Location l, ValueRange args) {
    SmallVector<Value> indices;
    for (unsigned dim = 0; dim < rows + 1; ++dim)
      indices.push_back(linalg::IndexOp::create(b, l, dim));
    Value &i = indices[rows - 1], &j = indices[rows], lastQuery = numQueries, lastKey = numKeys, inSequence;
    if (op.getOffsets()) {
      RaggedRow row = readOffsets(b, l, op, args[1]);
      i = arith::SubIOp::create(b, l, i, row.firstRow);
      j = arith::SubIOp::create(b, l, j, row.firstKey);
      lastQuery = row.numRows;
      lastKey = row.numKeys;
      // As an unsigned number a key in front of the sequence is large.
      inSequence = arith::CmpIOp::create(b, l, arith::CmpIPredicate::ult, j, row.numKeys);
    }
    Value score = arith::MulFOp::create(b, l, args[0], lb.constant(b, scale));
    if (!op.getScore().empty())
      score = inlineScore(b, op, score, indices);
    Value masked = lb.constant(b, -inf);
    auto keepWhere = [&](Value condition) {
      if (condition)
        score = arith::SelectOp::create(b, l, condition, score, masked);
    };
    if (op.getMask()) {
      if (isa<FloatType>(args[1].getType()))
        score = arith::AddFOp::create(b, l, score, args[1]);
      else
        keepWhere(args[1]);
    }
    keepWhere(createStructureCondition(b, l, op.getStructure(), i, j, lastQuery, lastKey));
    keepWhere(inSequence);
    if (op.getLengths()) {
      Value length = arith::IndexCastOp::create(b, l, b.getIndexType(), args[op.getMask() ? 2 : 1]);
      bool left = op.getPadding() == PaddingSide::Left;
      Value bound = left ? arith::SubIOp::create(b, l, numKeys, length).getResult() : length;
      keepWhere(arith::CmpIOp::create(b, l, left ? arith::CmpIPredicate::sge : arith::CmpIPredicate::slt, j, bound));
    }
    return score;
  });

  Value maximum = lb.generic(scores, lb.fill(rowSizes, -inf), {scoreMap, rowMap},
                             [](OpBuilder &b, Location l, ValueRange args) -> Value {
                               return arith::MaximumFOp::create(b, l, args[1], args[0]);
                             });
  Value weights =
      lb.generic({scores, maximum}, lb.empty(scoreSizes), {scoreMap, rowMap, scoreMap},
                 [&](OpBuilder &b, Location l, ValueRange args) -> Value {
                   // Without the guard a fully masked row would be exp(-inf + inf).
                   Value none = arith::CmpFOp::create(b, l, arith::CmpFPredicate::OEQ, args[1], lb.constant(b, -inf));
                   Value base = arith::SelectOp::create(b, l, none, lb.constant(b, 0.0), args[1]);
                   return math::ExpOp::create(b, l, arith::SubFOp::create(b, l, args[0], base));
                 });
  Value total = lb.generic(
      weights, lb.fill(rowSizes, 0.0), {scoreMap, rowMap},
      [](OpBuilder &b, Location l, ValueRange args) -> Value { return arith::AddFOp::create(b, l, args[1], args[0]); });

  // Domain (batch..., m, n, v): n is reduced.
  SmallVector<unsigned> weightDims = llvm::to_vector(llvm::seq(0u, rows + 1));
  SmallVector<unsigned> outDims = llvm::to_vector(llvm::seq(0u, rows));
  outDims.push_back(rows + 1);
  Value out =
      lb.generic({weights, op.getValue()}, lb.fill(outSizes, 0.0),
                 {lb.getMap(rows + 2, weightDims), restrict(op.getValueMap(), {n, v}), lb.getMap(rows + 2, outDims)},
                 [](OpBuilder &b, Location l, ValueRange args) -> Value {
                   Value term = arith::MulFOp::create(b, l, args[0], args[1]);
                   return arith::AddFOp::create(b, l, args[2], term);
                 });

  AffineMap resultMap = restrict(op.getResultMap(), {v});
  SmallVector<OpFoldResult> resultSizes;
  for (AffineExpr expr : resultMap.getResults())
    resultSizes.push_back(outSizes[cast<AffineDimExpr>(expr).getPosition()]);
  Value result = lb.generic({out, total}, lb.empty(resultSizes, op.getResult().getType().getElementType()),
                            {scoreMap, rowMap, resultMap}, [&](OpBuilder &b, Location l, ValueRange args) -> Value {
                              // The largest weight of a row with a key is 1, so only a row without one sums to 0.
                              Value zero = lb.constant(b, 0.0);
                              Value none = arith::CmpFOp::create(b, l, arith::CmpFPredicate::OEQ, args[1], zero);
                              Value quotient = arith::DivFOp::create(b, l, args[0], args[1]);
                              return arith::SelectOp::create(b, l, none, zero, quotient);
                            });
  return castToResults(builder, op, result);
}

FailureOr<SmallVector<Value>> AttentionOp::decomposeOperation(OpBuilder &builder) {
  return decompose(builder, *this, DecomposeOptions());
}
