//===- et-opt.cpp - Run passes on et and upstream IR -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Upstream's mlir-opt with the et dialect and E.T.'s passes: reads IR, runs the
// passes named on the command line, prints the result.
//
//===----------------------------------------------------------------------===//

#include "et/InitAll.h"
#include "et/Support/ToolMain.h"

#include "mlir/IR/DialectRegistry.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::et::ToolMain tool(argc, argv);
  // A diagnostic on a module or a kernel would otherwise print it whole.
  tool.setDefault("mlir-print-op-on-diagnostic", "false");
  // Upstream's remark engine is not safe when passes run on several functions at once.
  if (tool.hasOption("remark"))
    tool.setDefault("mlir-disable-threading", "true");
  mlir::et::registerAllPasses();
  mlir::DialectRegistry registry;
  mlir::et::registerAllDialects(registry);
  return mlir::asMainReturnCode(mlir::MlirOptMain(tool.argc(), tool.argv(), "E.T. optimizer driver\n", registry));
}
