//===- et-lsp-server.cpp - Editor support for et IR -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Upstream's language server for MLIR with the et dialect: an editor that speaks
// the Language Server Protocol shows E.T.'s diagnostics, hovers, definitions and
// uses while a .mlir file is edited. Passes need no registration here.
//
//===----------------------------------------------------------------------===//

#include "et/InitAll.h"
#include "et/Support/ToolMain.h"

#include "mlir/IR/DialectRegistry.h"
#include "mlir/Tools/mlir-lsp-server/MlirLspServerMain.h"

#include "llvm/Support/LogicalResult.h"

int main(int argc, char **argv) {
  mlir::et::ToolMain tool(argc, argv);
  mlir::DialectRegistry registry;
  mlir::et::registerAllDialects(registry);
  return llvm::failed(mlir::MlirLspServerMain(tool.argc(), tool.argv(), registry));
}
