//===- my-opt.cpp - An mlir-opt with E.T. and a pass of its own -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ApproximateGelu.h"

#include "et/Compiler/Register.h"

#include "mlir/IR/DialectRegistry.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "mlir/Transforms/Passes.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::et::registerCompilerDialects(registry);
  mlir::et::registerCompilerPasses();
  mlir::registerTransformsPasses();
  mlir::registerPass(createApproximateGeluPass);
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, "An optimizer with E.T.\n", registry));
}
