//===- LinearDecompose.cpp - Linear layers and embeddings as linalg -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A weight with an encoding is a dense tensor as far as its value goes: the
// encoding only promises where zeros are. So it is read like any other tensor,
// and upstream's bufferization gives it a dense buffer.
//
//===----------------------------------------------------------------------===//

#include "DecomposeUtils.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::et;

FailureOr<SmallVector<Value>> et::decompose(OpBuilder &builder, LinearOp op, const DecomposeOptions &options) {
  LinalgBuilder lb(builder, op.getLoc(), getArithmeticType(op, options));
  // Domain (leading..., n, k).
  unsigned numLeading = op.getInput().getType().getRank() - 1, n = numLeading, k = numLeading + 1;
  SmallVector<unsigned> inputDims = llvm::to_vector(llvm::seq(0u, numLeading));
  SmallVector<unsigned> resultDims = inputDims;
  inputDims.push_back(k);
  resultDims.push_back(n);
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(builder, op.getLoc(), op.getInput());
  sizes.back() = builder.getIndexAttr(op.getNumOutputs());

  Value product = lb.generic({op.getInput(), op.getWeight()}, lb.fill(sizes, 0.0),
                             {lb.getMap(k + 1, inputDims), lb.getMap(k + 1, {n, k}), lb.getMap(k + 1, resultDims)},
                             [](OpBuilder &b, Location loc, ValueRange args) -> Value {
                               Value term = arith::MulFOp::create(b, loc, args[0], args[1]);
                               return arith::AddFOp::create(b, loc, args[2], term);
                             });

  // Bias and rounding to the storage type.
  Type element = op.getResult().getType().getElementType();
  if (op.getBias() || element != lb.getType()) {
    SmallVector<Value> inputs = {product};
    SmallVector<AffineMap> maps = {lb.getMap(k, resultDims)};
    if (op.getBias()) {
      inputs.push_back(op.getBias());
      maps.push_back(lb.getMap(k, {n}));
    }
    maps.push_back(lb.getMap(k, resultDims));
    product = lb.generic(inputs, lb.empty(sizes, element), maps, [&](OpBuilder &b, Location loc, ValueRange args) {
      return op.getBias() ? arith::AddFOp::create(b, loc, args[0], args[1]) : args[0];
    });
  }
  return castToResults(builder, op, product);
}

FailureOr<SmallVector<Value>> LinearOp::decomposeOperation(OpBuilder &builder) {
  return decompose(builder, *this, DecomposeOptions());
}

FailureOr<SmallVector<Value>> et::decompose(OpBuilder &builder, EmbeddingOp op, const DecomposeOptions &) {
  RankedTensorType table = op.getTable().getType();
  Location loc = op.getLoc();
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(builder, loc, op.getIds());
  unsigned numIds = sizes.size();
  sizes.push_back(builder.getIndexAttr(table.getDimSize(1)));
  Value init = tensor::EmptyOp::create(builder, loc, sizes, table.getElementType());

  AffineMap resultMap = builder.getMultiDimIdentityMap(numIds + 1);
  SmallVector<utils::IteratorType> iterators(numIds + 1, utils::IteratorType::parallel);
  Value rows = linalg::GenericOp::create(builder, loc, init.getType(), op.getIds(), init,
                                         {resultMap.dropResult(numIds), resultMap}, iterators,
                                         [&](OpBuilder &b, Location l, ValueRange args) {
                                           Value row = arith::IndexCastOp::create(b, l, b.getIndexType(), args[0]);
                                           Value column = linalg::IndexOp::create(b, l, numIds);
                                           Value element =
                                               tensor::ExtractOp::create(b, l, op.getTable(), ValueRange{row, column});
                                           linalg::YieldOp::create(b, l, element);
                                         })
                   .getResult(0);
  return castToResults(builder, op, rows);
}

FailureOr<SmallVector<Value>> EmbeddingOp::decomposeOperation(OpBuilder &builder) {
  return decompose(builder, *this, DecomposeOptions());
}
