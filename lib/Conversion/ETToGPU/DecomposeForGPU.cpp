//===- DecomposeForGPU.cpp - Decompose the et ops that no GPU kernel takes -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LaunchKernels.h"

#include "et/Conversion/ETToGPU/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

namespace mlir::et {
#define GEN_PASS_DEF_DECOMPOSEFORGPUPASS
#include "et/Conversion/ETToGPU/Passes.h.inc"
} // namespace mlir::et

#define DEBUG_TYPE "et-decompose-for-gpu"

using namespace mlir;
using namespace mlir::et;

namespace {
struct DecomposeForGPUPass final : et::impl::DecomposeForGPUPassBase<DecomposeForGPUPass> {
  using Base::Base;

  void runOnOperation() override {
    FailureOr<nvidia::SM> sm = nvidia::SM::get(getOperation(), chip);
    if (failed(sm))
      return signalPassFailure();
    SmallVector<Operation *> unsupported;
    getOperation()->walk([&](Operation *op) {
      if (auto generic = dyn_cast<linalg::GenericOp>(op)) {
        if (linalg::isaContractionOpInterface(generic))
          remark::missed(op->getLoc(), remark::RemarkOpts::name("PlainLoops").category(DEBUG_TYPE)) << remark::reason(
              "a product of two tensors runs as plain loops: it is neither a linear layer nor attention");
        return;
      }
      if (!isa<linalg::AggregatedOpInterface>(op) || !isa<ETDialect>(op->getDialect()))
        return;
      std::string reason = gpu_kernels::whyNoKernel(op, *sm);
      if (reason.empty())
        return;
      remark::missed(op->getLoc(), remark::RemarkOpts::name("PlainLoops").category(DEBUG_TYPE))
          << remark::reason("{0} runs as plain loops: {1}", op->getName().getStringRef(), reason);
      unsupported.push_back(op);
    });
    for (Operation *op : unsupported) {
      IRRewriter rewriter(op);
      FailureOr<SmallVector<Value>> results = cast<linalg::AggregatedOpInterface>(op).decomposeOperation(rewriter);
      if (failed(results)) {
        op->emitOpError("has no GPU kernel and does not decompose");
        return signalPassFailure();
      }
      rewriter.replaceOp(op, *results);
      ++numDecomposed;
    }
  }
};
} // namespace
