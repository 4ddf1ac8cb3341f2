//===- LinearOps.cpp - Verifiers and shapes of et.linear and et.embedding -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CanonicalizeUtils.h"

#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace mlir::et;

/// Reifies \p dims as the shape of \p type: static sizes as attributes, and as values where the type leaves them open.
static SmallVector<OpFoldResult> reifyAs(OpBuilder &builder, Location loc, RankedTensorType type,
                                         SmallVector<OpFoldResult> dims) {
  for (auto [i, dim] : llvm::enumerate(dims)) {
    if (type.isDynamicDim(i))
      dim = getValueOrCreateConstantIndexOp(builder, loc, dim);
    else
      dim = builder.getIndexAttr(type.getDimSize(i));
  }
  return dims;
}

//===----------------------------------------------------------------------===//
// LinearOp
//===----------------------------------------------------------------------===//

LogicalResult LinearOp::verify() {
  RankedTensorType input = getInput().getType(), weight = getWeight().getType(), result = getResult().getType();
  // linear_c1
  if (weight.getRank() != 2 || !weight.hasStaticShape())
    return emitOpError("expected weight to be two-dimensional and static, but got ") << weight;
  // linear_c2
  if (input.getRank() == 0)
    return emitOpError("expected input to have at least one dimension, but got ") << input;
  if (input.getShape().back() != getNumInputs())
    return emitOpError("expected the last dimension of input to be ")
           << getNumInputs() << ", the second of weight, but got " << input;
  // linear_c3
  if (getBias() && getBias().getType().getShape() != ArrayRef<int64_t>{getNumOutputs()})
    return emitOpError("expected bias to have shape [")
           << getNumOutputs() << "], one element per row of weight, but got " << getBias().getType();
  // linear_c4
  SmallVector<int64_t> expected(input.getShape());
  expected.back() = getNumOutputs();
  if (failed(verifyCompatibleShape(result.getShape(), expected)))
    return emitOpError("expected the result to have the type ")
           << RankedTensorType::get(expected, result.getElementType()) << ", but got " << result;
  // linear_c5
  bool keepsSums = result.getElementType().isF32() && !input.getElementType().isF64();
  if (input.getElementType() != result.getElementType() && !keepsSums)
    return emitOpError("expected the result to have the element type of input or f32, but got ")
           << input.getElementType() << " and " << result.getElementType();
  // linear_c6
  if (Attribute encoding = weight.getEncoding();
      encoding && !isa<ETDialect>(encoding.getDialect()) && encoding.getDialect().getNamespace() != "sparse_tensor")
    return emitOpError("expected the encoding of weight to be one of the et dialect, or of sparse_tensor until "
                       "--et-import-sparse-encoding, but got ")
           << encoding;
  return success();
}

LogicalResult LinearOp::reifyResultShapes(OpBuilder &builder, ReifiedRankedShapedTypeDims &shapes) {
  SmallVector<OpFoldResult> dims = tensor::getMixedSizes(builder, getLoc(), getInput());
  dims.back() = builder.getIndexAttr(getNumOutputs());
  shapes.push_back(reifyAs(builder, getLoc(), getResult().getType(), std::move(dims)));
  return success();
}

namespace {
/// A bias of zeros adds nothing.
struct DropZeroBias final : public OpRewritePattern<LinearOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(LinearOp op, PatternRewriter &rewriter) const override {
    if (!op.getBias() || !isSplatOf(op.getBias(), 0.0))
      return rewriter.notifyMatchFailure(op, "there is no bias of zeros");
    rewriter.modifyOpInPlace(op, [&] { op.getBiasMutable().clear(); });
    return success();
  }
};
} // namespace

void LinearOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<DropZeroBias>(context);
}

//===----------------------------------------------------------------------===//
// EmbeddingOp
//===----------------------------------------------------------------------===//

LogicalResult EmbeddingOp::verify() {
  RankedTensorType ids = getIds().getType(), table = getTable().getType(), result = getResult().getType();
  // embedding_c1
  if (table.getRank() != 2 || !table.hasStaticShape())
    return emitOpError("expected table to be two-dimensional and static, but got ") << table;
  // embedding_c2
  SmallVector<int64_t> expected(ids.getShape());
  expected.push_back(table.getDimSize(1));
  if (failed(verifyCompatibleShape(result.getShape(), expected)))
    return emitOpError("expected the result to have the type ")
           << RankedTensorType::get(expected, result.getElementType()) << ", but got " << result;
  // embedding_c3
  if (table.getElementType() != result.getElementType())
    return emitOpError("expected table and result to have the same element type, but got ")
           << table.getElementType() << " and " << result.getElementType();
  return success();
}

LogicalResult EmbeddingOp::reifyResultShapes(OpBuilder &builder, ReifiedRankedShapedTypeDims &shapes) {
  SmallVector<OpFoldResult> dims = tensor::getMixedSizes(builder, getLoc(), getIds());
  dims.push_back(builder.getIndexAttr(getTable().getType().getDimSize(1)));
  shapes.push_back(reifyAs(builder, getLoc(), getResult().getType(), std::move(dims)));
  return success();
}
