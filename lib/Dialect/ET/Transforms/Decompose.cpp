//===- Decompose.cpp - Write et ops with linalg -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The pass behind --et-decompose. The decompositions themselves belong to the
// ops (lib/Dialect/ET/IR/*Decompose.cpp); this file only applies them.
//
//===----------------------------------------------------------------------===//

#include "et/Dialect/ET/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"

namespace mlir::et {
#define GEN_PASS_DEF_DECOMPOSEPASS
#include "et/Dialect/ET/Transforms/Passes.h.inc"
} // namespace mlir::et

using namespace mlir;
using namespace mlir::et;

namespace {
struct DecomposePattern final : public OpInterfaceRewritePattern<linalg::AggregatedOpInterface> {
  DecomposePattern(MLIRContext *context, DecomposeOptions options)
      : OpInterfaceRewritePattern(context), options(options) {}

  LogicalResult matchAndRewrite(linalg::AggregatedOpInterface op, PatternRewriter &rewriter) const override {
    if (!isa<ETDialect>(op->getDialect()))
      return rewriter.notifyMatchFailure(op, "not an op of the et dialect");
    FailureOr<SmallVector<Value>> values = decompose(rewriter, op.getOperation(), options);
    if (failed(values))
      return rewriter.notifyMatchFailure(op, "the op has no decomposition");
    rewriter.replaceOp(op, *values);
    return success();
  }

private:
  DecomposeOptions options;
};

/// Gives a constant with an et encoding a plain type: passes after this one may know nothing of the dialect.
struct DropConstantEncoding final : public OpRewritePattern<arith::ConstantOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(arith::ConstantOp op, PatternRewriter &rewriter) const override {
    auto type = dyn_cast<RankedTensorType>(op.getType());
    if (!type || !type.getEncoding() || !isa<ETDialect>(type.getEncoding().getDialect()))
      return rewriter.notifyMatchFailure(op, "the type has no encoding of the et dialect");
    RankedTensorType plain = type.dropEncoding();
    TypedAttr value;
    if (auto dense = dyn_cast<DenseElementsAttr>(op.getValue()))
      value = dense.reshape(plain);
    else if (auto resource = dyn_cast<DenseResourceElementsAttr>(op.getValue()))
      value = DenseResourceElementsAttr::get(plain, resource.getRawHandle());
    else
      return rewriter.notifyMatchFailure(op, "the value is neither dense nor a resource");
    Value constant = arith::ConstantOp::create(rewriter, op.getLoc(), value);
    rewriter.replaceOpWithNewOp<tensor::CastOp>(op, type, constant);
    return success();
  }
};

struct DecomposePass final : public et::impl::DecomposePassBase<DecomposePass> {
  using DecomposePassBase::DecomposePassBase;

  void runOnOperation() override {
    getOperation()->walk([&](linalg::AggregatedOpInterface op) {
      if (isa<ETDialect>(op->getDialect()))
        ++numDecomposed;
    });
    RewritePatternSet patterns(&getContext());
    DecomposeOptions options;
    options.accumulateF64 = accumulateF64;
    populateDecomposePatterns(patterns, options);
    walkAndApplyPatterns(getOperation(), std::move(patterns));
  }
};
} // namespace

void et::populateDecomposePatterns(RewritePatternSet &patterns, const DecomposeOptions &options) {
  patterns.add<DecomposePattern>(patterns.getContext(), options);
  patterns.add<DropConstantEncoding>(patterns.getContext());
}
