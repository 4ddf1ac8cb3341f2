//===- Session.cpp - A module read by a command line tool -------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "et/Tools/Session.h"

#include "et/Compiler/Compiler.h"
#include "et/Compiler/Register.h"
#include "et/Compiler/Resources.h"
#include "et/Conversion/ETToCPU/Passes.h"
#include "et/Dialect/ET/Transforms/Passes.h"
#include "et/Tools/Safetensors.h"

#include "mlir/IR/AsmState.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Support/FileUtilities.h"
#include "mlir/Support/Timing.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/WithColor.h"

using namespace mlir;
using namespace mlir::et;

static DialectRegistry createRegistry() {
  DialectRegistry registry;
  registerCompilerDialects(registry);
  return registry;
}

Session::Session(bool remarks) : context(createRegistry()) {
  context.loadAllAvailableDialects();
  // A diagnostic on a module would otherwise print it whole.
  context.printOpOnDiagnostic(false);
  handler = std::make_unique<SourceMgrDiagnosticHandler>(sources, &context);
  if (remarks)
    enableRemarks(context, [](StringRef text) { llvm::errs() << text << '\n'; });
}

Session::~Session() = default;

LogicalResult Session::error(const Twine &message) {
  llvm::WithColor::error() << message << '\n';
  return failure();
}

LogicalResult Session::read(StringRef path, StringRef weightsPath) {
  std::string message;
  std::unique_ptr<llvm::MemoryBuffer> file = openInputFile(path, &message);
  if (!file)
    return error(message);
  sources.AddNewSourceBuffer(std::move(file), llvm::SMLoc());
  module = parseSourceFile<ModuleOp>(sources, ParserConfig(&context));
  if (!module)
    return failure();
  if (weightsPath.empty())
    return success();
  auto data = llvm::MemoryBuffer::getFile(weightsPath, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!data)
    return error("cannot open '" + weightsPath + "': " + data.getError().message());
  weights = std::move(*data);
  if (llvm::Error wrong = attachSafetensors(*module, weights->getBuffer()))
    return error("cannot take weights from '" + weightsPath + "': " + llvm::toString(std::move(wrong)));
  return success();
}

void et::registerCommonOptions() {
  // Options that name passes know those that have been registered.
  registerTransformsPasses();
  registerETPasses();
  registerETToCPUPasses();
  registerAsmPrinterCLOptions();
  registerPassManagerCLOptions();
  registerDefaultTimingManagerCLOptions();
}

LogicalResult et::applyCommonOptions(PassManager &pm) {
  applyDefaultTimingPassManagerCLOptions(pm);
  return applyPassManagerCLOptions(pm);
}
