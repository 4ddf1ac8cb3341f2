//===- NormOps.cpp - Verifiers and shapes of the norms and of et.gelu -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CanonicalizeUtils.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace mlir::et;

/// Verifies what layer_norm and rms_norm have in common (C1 to C4 of both); \p vectors are the operand groups along D.
template <typename NormOp>
static LogicalResult verifyNorm(NormOp op, ArrayRef<std::pair<StringRef, unsigned>> vectors) {
  // Segment sizes are an attribute of the generic form: until here nothing has checked them for required operands.
  if (size_t count = op.getODSOperands(0).size(); count != 1)
    return op.emitOpError("expected one operand as input, but got ") << count;
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
  for (auto [name, group] : vectors)
    for (Value value : op.getODSOperands(group))
      if (cast<RankedTensorType>(value.getType()).getShape() != input.getShape().take_back())
        return op.emitOpError("expected ")
               << name << " to have shape [" << input.getShape().back() << "], but got " << value.getType();
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

namespace {
/// Operands that change nothing go away: a gamma of ones, a beta or residual of zeros.
template <typename NormOp> struct DropNeutralOperands final : public OpRewritePattern<NormOp> {
  using OpRewritePattern<NormOp>::OpRewritePattern;

  LogicalResult matchAndRewrite(NormOp op, PatternRewriter &rewriter) const override {
    bool gamma = op.getGamma() && isSplatOf(op.getGamma(), 1.0);
    bool residual = op.getResidual() && isSplatOf(op.getResidual(), 0.0);
    bool beta = false;
    if constexpr (std::is_same_v<NormOp, LayerNormOp>)
      beta = op.getBeta() && isSplatOf(op.getBeta(), 0.0);
    if (!gamma && !beta && !residual)
      return rewriter.notifyMatchFailure(op, "every operand changes the result");
    rewriter.modifyOpInPlace(op, [&] {
      if (gamma)
        op.getGammaMutable().clear();
      if (residual)
        op.getResidualMutable().clear();
      if constexpr (std::is_same_v<NormOp, LayerNormOp>)
        if (beta)
          op.getBetaMutable().clear();
    });
    return success();
  }
};

/// A sum that nothing uses, or that is the input as there is no residual, is no result.
template <typename NormOp> struct DropSum final : public OpRewritePattern<NormOp> {
  using OpRewritePattern<NormOp>::OpRewritePattern;

  LogicalResult matchAndRewrite(NormOp op, PatternRewriter &rewriter) const override {
    if (!op.getSum() || (op.getResidual() && !op.getSum().use_empty()))
      return rewriter.notifyMatchFailure(op, "there is no sum, or it is used");
    auto single = NormOp::create(rewriter, op.getLoc(), op.getResult().getType(), op->getOperands(), op->getAttrs());
    rewriter.replaceOp(op, {single.getResult(), op.getInput()});
    return success();
  }
};
} // namespace

LogicalResult LayerNormOp::verify() { return verifyNorm(*this, {{"gamma", 1}, {"beta", 2}}); }

void LayerNormOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<DropNeutralOperands<LayerNormOp>, DropSum<LayerNormOp>>(context);
}

LogicalResult LayerNormOp::reifyResultShapes(OpBuilder &builder, ReifiedRankedShapedTypeDims &shapes) {
  return reifyNorm(*this, builder, shapes);
}

LogicalResult RmsNormOp::verify() { return verifyNorm(*this, {{"gamma", 1}}); }

void RmsNormOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<DropNeutralOperands<RmsNormOp>, DropSum<RmsNormOp>>(context);
}

LogicalResult RmsNormOp::reifyResultShapes(OpBuilder &builder, ReifiedRankedShapedTypeDims &shapes) {
  return reifyNorm(*this, builder, shapes);
}

LogicalResult NormStatsOp::verify() {
  RankedTensorType input = getInput().getType();
  // norm_stats_c1
  if (input.getRank() == 0 || ShapedType::isDynamic(input.getShape().back()) || input.getShape().back() == 0)
    return emitOpError("expected the last dimension of input to be static and positive, but got ") << input;
  Type element = input.getElementType().isF64() ? input.getElementType() : Float32Type::get(getContext());
  for (Value result : getResults()) {
    StringRef name = result == getScale() ? "scale" : "mean";
    auto type = cast<RankedTensorType>(result.getType());
    // norm_stats_c2
    if (type.getShape() != input.getShape().drop_back())
      return emitOpError("expected ") << name << " to have the shape of input without its last dimension, but got "
                                      << type << " for " << input;
    // norm_stats_c3
    if (type.getElementType() != element)
      return emitOpError("expected ") << name << " to be of " << element << ", but got " << type;
  }
  // norm_stats_c4
  if (!getEps().isFinite() || getEps().isNegative())
    return emitOpError("expected eps to be finite and not negative, but got ") << getEpsAttr();
  return success();
}

LogicalResult NormStatsOp::reifyResultShapes(OpBuilder &builder, ReifiedRankedShapedTypeDims &shapes) {
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(builder, getLoc(), getInput());
  sizes.pop_back();
  shapes.assign(getNumResults(), sizes);
  return success();
}

LogicalResult GeluOp::reifyResultShapes(OpBuilder &builder, ReifiedRankedShapedTypeDims &shapes) {
  return reifyNorm(*this, builder, shapes);
}
