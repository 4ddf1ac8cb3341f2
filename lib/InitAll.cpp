//===- InitAll.cpp - Register everything E.T.'s tools know ------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The only file that includes MLIR's InitAll*.h.
//
//===----------------------------------------------------------------------===//

#include "et/InitAll.h"

#include "et/Compiler/Register.h"

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Target/LLVMIR/Dialect/All.h"

void mlir::et::registerAllDialects(DialectRegistry &registry) {
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  mlir::registerAllToLLVMIRTranslations(registry);
  registerCompilerDialects(registry);
}

void mlir::et::registerAllPasses() {
  mlir::registerAllPasses();
  registerCompilerPasses();
}
