//===- InitAll.cpp - Register everything E.T.'s tools know ------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The only file that includes MLIR's InitAll*.h. A new dialect, pass library or
// pipeline of E.T. is registered here and is then known to every tool.
//
//===----------------------------------------------------------------------===//

#include "et/InitAll.h"

#include "et/Compiler/Pipelines.h"
#include "et/Conversion/ETToCPU/Passes.h"
#include "et/Conversion/ETToGPU/Passes.h"
#include "et/Conversion/LinalgToET/LinalgToET.h"
#include "et/Dialect/ET/IR/ET.h"
#include "et/Dialect/ET/Transforms/Passes.h"

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Target/LLVMIR/Dialect/All.h"

void mlir::et::registerAllDialects(DialectRegistry &registry) {
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  mlir::registerAllToLLVMIRTranslations(registry);
  registry.insert<ETDialect>();
  registerBufferizableOpInterfaceExternalModels(registry);
}

void mlir::et::registerAllPasses() {
  mlir::registerAllPasses();
  registerETPasses();
  registerETToCPUPasses();
  registerETToGPUPasses();
  registerPipelines();
  registerLinalgToETPasses();
}
