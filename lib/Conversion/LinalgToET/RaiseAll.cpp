//===- RaiseAll.cpp - The pipeline that raises everything -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Attention goes first, for a linear layer could take one of its products;
// sizes are resolved before, so that a `tensor.dim` of an intermediate does not
// keep it alive.
//
//===----------------------------------------------------------------------===//

#include "et/Conversion/LinalgToET/LinalgToET.h"

#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace mlir::et;

void mlir::et::buildRaiseAllPipeline(OpPassManager &pm, const RaiseAllOptions &options) {
  auto clean = [&] {
    pm.addPass(createCanonicalizerPass());
    pm.addPass(createCSEPass());
  };
  pm.addPass(memref::createResolveShapedTypeResultDimsPass());
  clean();
  RaiseAttentionPassOptions attention;
  attention.allowFiniteMask = options.allowFiniteMask;
  pm.addNestedPass<func::FuncOp>(createRaiseAttentionPass(attention));
  clean();
  pm.addNestedPass<func::FuncOp>(createRaiseLayerNormPass());
  RaiseGeluPassOptions gelu;
  gelu.allowTorchMlirTanh = options.allowTorchMlirTanh;
  pm.addNestedPass<func::FuncOp>(createRaiseGeluPass(gelu));
  pm.addNestedPass<func::FuncOp>(createRaiseLinearPass());
  clean();
}

void mlir::et::registerLinalgToETPasses() {
  registerETRaisePasses();
  PassPipelineRegistration<RaiseAllOptions>("et-raise-all",
                                            "Raise attention, normalisations, GELU and linear layers from linalg to et",
                                            buildRaiseAllPipeline);
}
