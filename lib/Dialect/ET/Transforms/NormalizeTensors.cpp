//===- NormalizeTensors.cpp - Rewrite what stands beside et into generics and views -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Brings linalg, tensor and arith-on-tensor ops into the few forms that
// et-form-launches takes: linalg.generic, and slices and reshapes, which are
// views after bufferization.
//
//===----------------------------------------------------------------------===//

#include "et/Dialect/ET/IR/ET.h"
#include "et/Dialect/ET/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Transforms.h"
#include "mlir/Dialect/Tensor/Transforms/Transforms.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace mlir::et {
#define GEN_PASS_DEF_NORMALIZETENSORSPASS
#include "et/Dialect/ET/Transforms/Passes.h.inc"
} // namespace mlir::et

using namespace mlir;
using namespace mlir::et;

namespace {
/// linalg.softmax as generics; attention has its own op and never gets here.
struct DecomposeSoftmax final : OpRewritePattern<linalg::SoftmaxOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(linalg::SoftmaxOp op, PatternRewriter &rewriter) const override {
    FailureOr<SmallVector<Value>> results = op.decomposeOperation(rewriter);
    if (failed(results))
      return rewriter.notifyMatchFailure(op, "softmax does not decompose");
    rewriter.replaceOp(op, *results);
    return success();
  }
};

struct NormalizeTensorsPass final : et::impl::NormalizeTensorsPassBase<NormalizeTensorsPass> {
  void runOnOperation() override {
    MLIRContext *context = &getContext();
    {
      RewritePatternSet patterns(context);
      patterns.add<DecomposeSoftmax>(context);
      tensor::populateDecomposeTensorConcatPatterns(patterns);
      linalg::populateDecomposePadPatterns(patterns);
      linalg::populateElementwiseToLinalgConversionPatterns(patterns);
      linalg::populateLinalgNamedOpsGeneralizationPatterns(patterns);
      linalg::populateInlineConstantOperandsPatterns(patterns);
      memref::populateResolveRankedShapedTypeResultDimsPatterns(patterns);
      memref::populateResolveShapedTypeResultDimsPatterns(patterns);
      if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
        return signalPassFailure();
    }
    {
      RewritePatternSet patterns(context);
      linalg::populateElementwiseOpsFusionPatterns(patterns, [](OpOperand *operand) {
        // A producer with several consumers would be computed several times.
        return operand->get().hasOneUse();
      });
      linalg::populateEraseUnusedOperandsAndResultsPatterns(patterns);
      linalg::populateInlineConstantOperandsPatterns(patterns);
      memref::populateResolveRankedShapedTypeResultDimsPatterns(patterns);
      memref::populateResolveShapedTypeResultDimsPatterns(patterns);
      // What no linalg op consumes in place: tensor.generate, tensor.from_elements, tensor.splat.
      linalg::populateConvertToDestinationStylePatterns(patterns);
      for (RegisteredOperationName name : context->getRegisteredOperations())
        if (isa<tensor::TensorDialect, linalg::LinalgDialect>(name.getDialect()))
          name.getCanonicalizationPatterns(patterns, context);
      if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
        return signalPassFailure();
    }
  }
};
} // namespace
