//===- DecomposeUtils.cpp - Building blocks of the decompositions -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "DecomposeUtils.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::et;

Value et::convertFloat(OpBuilder &builder, Location loc, Value value, Type type) {
  unsigned from = value.getType().getIntOrFloatBitWidth(), to = type.getIntOrFloatBitWidth();
  if (value.getType() == type)
    return value;
  if (from < to)
    return arith::ExtFOp::create(builder, loc, type, value);
  if (from == to)
    value = arith::ExtFOp::create(builder, loc, builder.getF32Type(), value);
  return arith::TruncFOp::create(builder, loc, type, value);
}

AffineMap LinalgBuilder::getMap(unsigned numDims, ArrayRef<unsigned> results) {
  return AffineMap::getMultiDimMapWithTargets(numDims, results, builder.getContext());
}

Value LinalgBuilder::constant(OpBuilder &b, double value) {
  return arith::ConstantOp::create(b, loc, b.getFloatAttr(type, value));
}

Value LinalgBuilder::index(int64_t value) { return arith::ConstantIndexOp::create(builder, loc, value); }

Value LinalgBuilder::empty(ArrayRef<OpFoldResult> sizes, Type element) {
  return tensor::EmptyOp::create(builder, loc, sizes, element ? element : type);
}

Value LinalgBuilder::fill(ArrayRef<OpFoldResult> sizes, double value) {
  return linalg::FillOp::create(builder, loc, constant(value), empty(sizes)).getResult(0);
}

Value LinalgBuilder::generic(ValueRange inputs, Value init, ArrayRef<AffineMap> maps, Body body) {
  AffineMap last = maps.back();
  SmallVector<utils::IteratorType> iterators(last.getNumDims(), utils::IteratorType::reduction);
  for (AffineExpr expr : last.getResults())
    iterators[cast<AffineDimExpr>(expr).getPosition()] = utils::IteratorType::parallel;
  bool reduces = llvm::is_contained(iterators, utils::IteratorType::reduction);
  auto build = [&](OpBuilder &b, Location l, ValueRange args) {
    // The body reads the result so far only when it reduces.
    SmallVector<Value> converted;
    for (Value arg : reduces ? args : args.drop_back())
      converted.push_back(isa<FloatType>(arg.getType()) ? convertFloat(b, l, arg, type) : arg);
    Value result = body(b, l, converted);
    linalg::YieldOp::create(b, l, convertFloat(b, l, result, args.back().getType()));
  };
  return linalg::GenericOp::create(builder, loc, init.getType(), inputs, init, maps, iterators, build).getResult(0);
}

FloatType et::getArithmeticType(Operation *op, const DecomposeOptions &options) {
  Builder builder(op->getContext());
  if (options.accumulateF64)
    return builder.getF64Type();
  for (Type type : op->getOperandTypes())
    if (getElementTypeOrSelf(type).isF64())
      return builder.getF64Type();
  return builder.getF32Type();
}

SmallVector<Value> et::castToResults(OpBuilder &builder, Operation *op, ValueRange values) {
  SmallVector<Value> results;
  for (auto [value, type] : llvm::zip_equal(values, op->getResultTypes()))
    results.push_back(value.getType() == type ? value : tensor::CastOp::create(builder, op->getLoc(), type, value));
  return results;
}

FailureOr<SmallVector<Value>> et::decompose(OpBuilder &builder, Operation *op, const DecomposeOptions &options) {
  return TypeSwitch<Operation *, FailureOr<SmallVector<Value>>>(op)
      .Case<AttentionOp, LinearOp, EmbeddingOp, LayerNormOp, RmsNormOp, ChunkStatsOp, NormStatsOp, GeluOp>(
          [&](auto concrete) { return decompose(builder, concrete, options); })
      .Default([](Operation *) { return failure(); });
}
