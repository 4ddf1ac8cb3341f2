//===- ApproximateGelu.cpp - A pass of another project -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ApproximateGelu.h"

#include "et/Dialect/ET/IR/ET.h"

#include "mlir/Pass/Pass.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace {
struct UseTanh final : OpRewritePattern<et::GeluOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(et::GeluOp op, PatternRewriter &rewriter) const override {
    if (op.getApproximate() != et::GeluKind::Erf)
      return rewriter.notifyMatchFailure(op, "expected the exact form");
    rewriter.modifyOpInPlace(op, [&] { op.setApproximate(et::GeluKind::Tanh); });
    return success();
  }
};

struct ApproximateGeluPass final : PassWrapper<ApproximateGeluPass, OperationPass<>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(ApproximateGeluPass)

  StringRef getArgument() const override { return "approximate-gelu"; }
  StringRef getDescription() const override { return "Replace the exact form of GELU with the one of tanh"; }

  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<UseTanh>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace

std::unique_ptr<Pass> createApproximateGeluPass() { return std::make_unique<ApproximateGeluPass>(); }
