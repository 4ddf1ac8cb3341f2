//===- NormDecompose.cpp - Norms and GELU as linalg -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A norm is a chain over rows:
//
//   s = x + r -> mean over D -> variance over D -> (s - mean) / sqrt(var + eps)
//
// rms_norm is the same chain with the mean taken as zero. The variance is the
// mean of squared differences, never E[s^2] - E[s]^2, which cancels.
//
//===----------------------------------------------------------------------===//

#include "DecomposeUtils.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include <cmath>

using namespace mlir;
using namespace mlir::et;

/// Decomposes a layer norm, or an RMS norm when there is no \p centred mean to subtract.
template <typename NormOp>
static FailureOr<SmallVector<Value>> decomposeNorm(OpBuilder &builder, NormOp op, Value beta, bool centred,
                                                   const DecomposeOptions &options) {
  LinalgBuilder lb(builder, op.getLoc(), getArithmeticType(op, options));
  Type element = op.getInput().getType().getElementType();
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(builder, op.getLoc(), op.getInput());
  ArrayRef<OpFoldResult> rowSizes = ArrayRef(sizes).drop_back();
  unsigned rank = sizes.size();
  AffineMap full = builder.getMultiDimIdentityMap(rank), row = full.dropResult(rank - 1);
  AffineMap column = lb.getMap(rank, {rank - 1});
  Value size = lb.constant(op.getInput().getType().getShape().back());

  // The sum in the arithmetic type: the norm reads it before it is rounded for the second result.
  Value sum = op.getInput();
  if (op.getResidual())
    sum = lb.generic({op.getInput(), op.getResidual()}, lb.empty(sizes), {full, full, full},
                     [](OpBuilder &b, Location loc, ValueRange args) -> Value {
                       return arith::AddFOp::create(b, loc, args[0], args[1]);
                     });

  Value mean;
  if (centred) {
    Value total =
        lb.generic(sum, lb.fill(rowSizes, 0.0), {full, row}, [](OpBuilder &b, Location loc, ValueRange args) -> Value {
          return arith::AddFOp::create(b, loc, args[0], args[1]);
        });
    mean = lb.generic(total, lb.empty(rowSizes),
                      {builder.getMultiDimIdentityMap(rank - 1), builder.getMultiDimIdentityMap(rank - 1)},
                      [&](OpBuilder &b, Location loc, ValueRange args) -> Value {
                        return arith::DivFOp::create(b, loc, args[0], size);
                      });
  }
  auto centre = [&](OpBuilder &b, Location loc, Value x, ValueRange mean) -> Value {
    return centred ? arith::SubFOp::create(b, loc, x, mean[0]).getResult() : x;
  };
  SmallVector<Value> inputs = {sum};
  SmallVector<AffineMap> maps = {full};
  if (centred) {
    inputs.push_back(mean);
    maps.push_back(row);
  }
  SmallVector<AffineMap> squareMaps = maps;
  squareMaps.push_back(row);
  Value squares =
      lb.generic(inputs, lb.fill(rowSizes, 0.0), squareMaps, [&](OpBuilder &b, Location loc, ValueRange args) -> Value {
        Value x = centre(b, loc, args[0], args.drop_front());
        return arith::AddFOp::create(b, loc, args.back(), arith::MulFOp::create(b, loc, x, x));
      });

  unsigned squareArg = inputs.size();
  inputs.push_back(squares);
  maps.push_back(row);
  for (Value vector : {op.getGamma(), cast_or_null<TypedValue<RankedTensorType>>(beta)})
    if (vector) {
      inputs.push_back(vector);
      maps.push_back(column);
    }
  maps.push_back(full);
  Value eps = lb.constant(op.getEps().convertToFloat());
  Value result =
      lb.generic(inputs, lb.empty(sizes, element), maps, [&](OpBuilder &b, Location loc, ValueRange args) -> Value {
        Value variance = arith::DivFOp::create(b, loc, args[squareArg], size);
        Value deviation = math::SqrtOp::create(b, loc, arith::AddFOp::create(b, loc, variance, eps));
        Value y = arith::DivFOp::create(b, loc, centre(b, loc, args[0], args.drop_front()), deviation);
        unsigned next = squareArg + 1;
        if (op.getGamma())
          y = arith::MulFOp::create(b, loc, y, args[next++]);
        if (beta)
          y = arith::AddFOp::create(b, loc, y, args[next]);
        return y;
      });

  SmallVector<Value> results = {result};
  if (op.getSum()) {
    if (cast<RankedTensorType>(sum.getType()).getElementType() != element)
      sum = lb.generic(sum, lb.empty(sizes, element), {full, full},
                       [](OpBuilder &, Location, ValueRange args) { return args[0]; });
    results.push_back(sum);
  }
  return castToResults(builder, op, results);
}

FailureOr<SmallVector<Value>> et::decompose(OpBuilder &builder, NormStatsOp op, const DecomposeOptions &options) {
  LinalgBuilder lb(builder, op.getLoc(), getArithmeticType(op, options));
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(builder, op.getLoc(), op.getInput());
  ArrayRef<OpFoldResult> rowSizes = ArrayRef(sizes).drop_back();
  AffineMap full = builder.getMultiDimIdentityMap(sizes.size()), row = full.dropResult(sizes.size() - 1);
  AffineMap rows = builder.getMultiDimIdentityMap(sizes.size() - 1);
  Value size = lb.constant(op.getInput().getType().getShape().back());
  Value eps = lb.constant(op.getEps().convertToFloat());
  Type element = op.getScale().getType().getElementType();
  SmallVector<Value> inputs = {op.getInput()};
  SmallVector<AffineMap> maps = {full};
  if (op.getMean()) {
    Value total = lb.generic(op.getInput(), lb.fill(rowSizes, 0.0), {full, row},
                             [](OpBuilder &b, Location loc, ValueRange args) -> Value {
                               return arith::AddFOp::create(b, loc, args[0], args[1]);
                             });
    inputs.push_back(
        lb.generic(total, lb.empty(rowSizes), {rows, rows}, [&](OpBuilder &b, Location loc, ValueRange args) -> Value {
          return arith::DivFOp::create(b, loc, args[0], size);
        }));
    maps.push_back(row);
  }
  maps.push_back(row);
  Value squares =
      lb.generic(inputs, lb.fill(rowSizes, 0.0), maps, [&](OpBuilder &b, Location loc, ValueRange args) -> Value {
        Value x = args[0];
        if (op.getMean())
          x = arith::SubFOp::create(b, loc, x, args[1]);
        return arith::AddFOp::create(b, loc, args.back(), arith::MulFOp::create(b, loc, x, x));
      });
  SmallVector<Value> results = {lb.generic(
      squares, lb.empty(rowSizes, element), {rows, rows}, [&](OpBuilder &b, Location loc, ValueRange args) -> Value {
        Value variance = arith::DivFOp::create(b, loc, args[0], size);
        Value deviation = math::SqrtOp::create(b, loc, arith::AddFOp::create(b, loc, variance, eps));
        return arith::DivFOp::create(b, loc, lb.constant(b, 1.0), deviation);
      })};
  if (op.getMean()) {
    Value mean = inputs[1];
    if (cast<RankedTensorType>(mean.getType()).getElementType() != element)
      mean = lb.generic(mean, lb.empty(rowSizes, element), {rows, rows},
                        [](OpBuilder &, Location, ValueRange args) { return args[0]; });
    results.push_back(mean);
  }
  return castToResults(builder, op, results);
}

FailureOr<SmallVector<Value>> NormStatsOp::decomposeOperation(OpBuilder &builder) {
  return decompose(builder, *this, DecomposeOptions());
}

FailureOr<SmallVector<Value>> et::decompose(OpBuilder &builder, LayerNormOp op, const DecomposeOptions &options) {
  return decomposeNorm(builder, op, op.getBeta(), /*centred=*/true, options);
}

FailureOr<SmallVector<Value>> et::decompose(OpBuilder &builder, RmsNormOp op, const DecomposeOptions &options) {
  return decomposeNorm(builder, op, /*beta=*/nullptr, /*centred=*/false, options);
}

FailureOr<SmallVector<Value>> LayerNormOp::decomposeOperation(OpBuilder &builder) {
  return decompose(builder, *this, DecomposeOptions());
}

FailureOr<SmallVector<Value>> RmsNormOp::decomposeOperation(OpBuilder &builder) {
  return decompose(builder, *this, DecomposeOptions());
}

FailureOr<SmallVector<Value>> et::decompose(OpBuilder &builder, GeluOp op, const DecomposeOptions &options) {
  LinalgBuilder lb(builder, op.getLoc(), getArithmeticType(op, options));
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(builder, op.getLoc(), op.getInput());
  AffineMap map = builder.getMultiDimIdentityMap(sizes.size());
  auto gelu = [&](OpBuilder &b, Location loc, ValueRange args) -> Value {
    Value x = args[0];
    auto mul = [&](Value l, Value r) -> Value { return arith::MulFOp::create(b, loc, l, r); };
    auto add = [&](Value l, Value r) -> Value { return arith::AddFOp::create(b, loc, l, r); };
    auto c = [&](double value) { return lb.constant(b, value); };
    Value half = mul(c(0.5), x);
    switch (op.getApproximate()) {
    case GeluKind::Erf:
      return mul(half, add(c(1.0), math::ErfOp::create(b, loc, mul(x, c(M_SQRT1_2)))));
    case GeluKind::Tanh: {
      Value cube = mul(mul(x, x), x);
      Value inner = mul(c(M_SQRT2 * 0.5 * M_2_SQRTPI), add(x, mul(c(0.044715), cube)));
      return mul(half, add(c(1.0), math::TanhOp::create(b, loc, inner)));
    }
    case GeluKind::Sigmoid: {
      // exp(-1.702 x) overflows to inf for very negative x, and x / inf is the right limit.
      Value denominator = add(c(1.0), math::ExpOp::create(b, loc, mul(c(-1.702), x)));
      return arith::DivFOp::create(b, loc, x, denominator);
    }
    }
    llvm_unreachable("all kinds are covered");
  };
  Value result =
      lb.generic(op.getInput(), lb.empty(sizes, op.getResult().getType().getElementType()), {map, map}, gelu);
  return castToResults(builder, op, result);
}

FailureOr<SmallVector<Value>> GeluOp::decomposeOperation(OpBuilder &builder) {
  return decompose(builder, *this, DecomposeOptions());
}
