//===- et-reduce.cpp - Shrink IR that shows a bug -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Upstream's mlir-reduce with the et dialect: removes what it can from a module
// while a script of the user's still calls the rest interesting. Upstream says
// nothing when the script does not call the input itself interesting; we do.
//
//===----------------------------------------------------------------------===//

#include "et/InitAll.h"
#include "et/Support/ToolMain.h"

#include "mlir/IR/DialectRegistry.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Tools/mlir-reduce/MlirReduceMain.h"

#include "llvm/Support/WithColor.h"
#include "llvm/Support/raw_ostream.h"

int main(int argc, char **argv) {
  mlir::et::ToolMain tool(argc, argv);
  mlir::et::registerAllPasses();
  mlir::DialectRegistry registry;
  mlir::et::registerAllDialects(registry);
  mlir::MLIRContext context(registry);
  context.printOpOnDiagnostic(false);
  if (succeeded(mlir::mlirReduceMain(tool.argc(), tool.argv(), context)))
    return 0;
  llvm::WithColor::error(llvm::errs(), "et-reduce")
      << "nothing was written; if no message stands above, the test script did not call the input interesting "
         "(it must exit with status 1 for a module that shows the bug)\n";
  return 1;
}
