//===- VerifyPlannedContract.cpp - What a planned module may hold -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "et/Dialect/ET/IR/ET.h"
#include "et/Dialect/ET/Transforms/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

namespace mlir::et {
#define GEN_PASS_DEF_VERIFYPLANNEDCONTRACTPASS
#include "et/Dialect/ET/Transforms/Passes.h.inc"
} // namespace mlir::et

using namespace mlir;
using namespace mlir::et;

/// The pass that should have removed \p op, and what it is; empty when it may stay.
static StringRef getOffence(Operation *op) {
  if (auto launch = dyn_cast<LaunchOp>(op))
    return launch.hasBufferOperands() ? "" : "a launch on tensors, which et-bufferize-launches gives buffers";
  if (llvm::any_of(op->getOperandTypes(), llvm::IsaPred<TensorType>) ||
      llvm::any_of(op->getResultTypes(), llvm::IsaPred<TensorType>))
    return "an op on tensors, which et-bufferize-launches gives buffers";
  if (isa<memref::AllocOp, memref::AllocaOp, memref::DeallocOp>(op))
    return "an allocation, which et-plan-memory places in the arena";
  if (isa<memref::CopyOp>(op))
    return "a copy outside a launch, which et-plan-memory puts into one";
  if (isa<ViewLikeOpInterface, memref::DimOp, memref::ExtractStridedMetadataOp, memref::StoreOp, memref::LoadOp,
          func::ReturnOp, PrefetchOp>(op))
    return "";
  if (isa<arith::ArithDialect, affine::AffineDialect>(op->getDialect()))
    return "";
  return "neither a launch, a view nor index arithmetic";
}

namespace {
struct VerifyPlannedContractPass final : et::impl::VerifyPlannedContractPassBase<VerifyPlannedContractPass> {
  void runOnOperation() override {
    WalkResult result = getOperation().walk<WalkOrder::PreOrder>([](Operation *op) {
      if (isa<WeightOp>(op) || isa<ModuleOp, func::FuncOp>(op))
        return WalkResult::advance();
      if (StringRef offence = getOffence(op); !offence.empty()) {
        op->emitOpError("is not allowed in a planned module: it is ") << offence;
        return WalkResult::interrupt();
      }
      return isa<LaunchOp>(op) ? WalkResult::skip() : WalkResult::advance();
    });
    if (result.wasInterrupted())
      signalPassFailure();
  }
};
} // namespace
