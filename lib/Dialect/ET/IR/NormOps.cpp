//===- NormOps.cpp - Verifiers and shapes of the norms and of et.gelu -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "et/Dialect/ET/IR/ET.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/OpImplementation.h"

using namespace mlir;
using namespace mlir::et;

/// Verifies what layer_norm and rms_norm have in common (C1 to C4 of both).
template <typename NormOp> static LogicalResult verifyNorm(NormOp op, ArrayRef<std::pair<StringRef, Value>> vectors) {
  RankedTensorType input = op.getInput().getType();
  // layer_norm_c1, rms_norm_c1
  auto verifySame = [&](StringRef name, Value value) -> LogicalResult {
    if (value && value.getType() != input)
      return op.emitOpError("expected ") << name << " to have the type of input, " << input << ", but got "
                                         << value.getType();
    return success();
  };
  if (failed(verifySame("residual", op.getResidual())) || failed(verifySame("the result", op.getResult())) ||
      failed(verifySame("the sum", op.getSum())))
    return failure();
  // layer_norm_c2, rms_norm_c2
  if (input.getRank() == 0 || ShapedType::isDynamic(input.getShape().back()) || input.getShape().back() == 0)
    return op.emitOpError("expected the last dimension of input to be static and positive, but got ") << input;
  // layer_norm_c3, rms_norm_c3
  for (auto [name, value] : vectors)
    if (value && cast<RankedTensorType>(value.getType()).getShape() != input.getShape().take_back())
      return op.emitOpError("expected ") << name << " to have shape [" << input.getShape().back() << "], but got "
                                         << value.getType();
  // layer_norm_c4, rms_norm_c4
  if (!op.getEps().isFinite() || op.getEps().isNegative())
    return op.emitOpError("expected eps to be finite and not negative, but got ") << op.getEpsAttr();
  return success();
}

/// All results of a norm have the shape of its input.
template <typename NormOp>
static LogicalResult reifyNorm(NormOp op, OpBuilder &builder, ReifiedRankedShapedTypeDims &shapes) {
  shapes.assign(op->getNumResults(), tensor::getMixedSizes(builder, op.getLoc(), op.getInput()));
  return success();
}

LogicalResult LayerNormOp::verify() { return verifyNorm(*this, {{"gamma", getGamma()}, {"beta", getBeta()}}); }

LogicalResult LayerNormOp::reifyResultShapes(OpBuilder &builder, ReifiedRankedShapedTypeDims &shapes) {
  return reifyNorm(*this, builder, shapes);
}

LogicalResult RmsNormOp::verify() { return verifyNorm(*this, {{"gamma", getGamma()}}); }

LogicalResult RmsNormOp::reifyResultShapes(OpBuilder &builder, ReifiedRankedShapedTypeDims &shapes) {
  return reifyNorm(*this, builder, shapes);
}

LogicalResult GeluOp::reifyResultShapes(OpBuilder &builder, ReifiedRankedShapedTypeDims &shapes) {
  return reifyNorm(*this, builder, shapes);
}
