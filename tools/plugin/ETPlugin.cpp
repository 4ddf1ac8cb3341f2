//===- ETPlugin.cpp - E.T. inside a stock mlir-opt -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The two entry points that MLIR's plugin loader asks for: every tool built on
// MlirOptMain takes this library with --load-dialect-plugin and
// --load-pass-plugin. docs/Embedding.md shows the commands.
//
//===----------------------------------------------------------------------===//

#include "et/Compiler/Register.h"
#include "et/Version.h"

#include "mlir/IR/DialectRegistry.h"
#include "mlir/Tools/Plugins/DialectPlugin.h"
#include "mlir/Tools/Plugins/PassPlugin.h"

using namespace mlir;

extern "C" LLVM_ATTRIBUTE_VISIBILITY_DEFAULT DialectPluginLibraryInfo mlirGetDialectPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "E.T.", ET_VERSION_STRING,
          [](DialectRegistry *registry) { et::registerCompilerDialects(*registry); }};
}

extern "C" LLVM_ATTRIBUTE_VISIBILITY_DEFAULT PassPluginLibraryInfo mlirGetPassPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "E.T.", ET_VERSION_STRING, et::registerCompilerPasses};
}
