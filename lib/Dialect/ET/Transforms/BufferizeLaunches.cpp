//===- BufferizeLaunches.cpp - Give the tensors between launches buffers -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "et/Dialect/ET/IR/ET.h"
#include "et/Dialect/ET/Transforms/Passes.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Bufferization/Transforms/OneShotAnalysis.h"
#include "mlir/Dialect/Bufferization/Transforms/OneShotModuleBufferize.h"
#include "mlir/Dialect/Bufferization/Transforms/Transforms.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace mlir::et {
#define GEN_PASS_DEF_BUFFERIZELAUNCHESPASS
#include "et/Dialect/ET/Transforms/Passes.h.inc"
} // namespace mlir::et

using namespace mlir;
using namespace mlir::et;

namespace {
struct BufferizeLaunchesPass final : et::impl::BufferizeLaunchesPassBase<BufferizeLaunchesPass> {
  void runOnOperation() override {
    bufferization::OneShotBufferizationOptions options;
    options.bufferizeFunctionBoundaries = true;
    options.setFunctionBoundaryTypeConversion(bufferization::LayoutMapOption::IdentityLayoutMap);
    options.bufferAlignment = 64;
    // What a launch computes is said in terms of tensors at every level.
    // A launch on buffers has been bufferized already. Bufferization checks every address that it had on its list, and
    // a new launch, whose region still holds tensors, may lie where an op was that is gone.
    options.opFilter.denyOperation([](Operation *op) {
      auto launch = dyn_cast<LaunchOp>(op);
      return op->getParentOfType<LaunchOp>() || (launch && launch.hasBufferOperands());
    });
    options.opFilter.denyOperation<WeightOp>();
    // Copies become launches when memory is planned.
    bufferization::BufferizationState state;
    if (failed(bufferization::runOneShotModuleBufferize(getOperation(), options, state)))
      return signalPassFailure();
    bufferization::removeBufferizationAttributesInModule(getOperation());
  }
};
} // namespace
