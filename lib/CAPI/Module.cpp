//===- Module.cpp - C API: compile a module that is in memory -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "et-c/Module.h"

#include "Session.h"

#include "mlir/CAPI/IR.h"
#include "mlir/IR/Remarks.h"
#include "mlir/IR/Verifier.h"

using namespace mlir;
using namespace mlir::et;

/// Runs \p work on a copy of \p given and returns its error. What the compiler emits meanwhile goes to \p messages.
static EtError withCopy(MlirModule given, llvm::function_ref<EtError(ModuleOp, Messages &)> work) {
  if (mlirModuleIsNull(given))
    return makeError("expected a module, but got a null one");
  ModuleOp module = unwrap(given);
  MLIRContext *context = module.getContext();
  context->appendDialectRegistry(getCompilerRegistry());
  context->loadAllAvailableDialects();
  Messages messages;
  ScopedDiagnosticHandler handler(context, [&](Diagnostic &diagnostic) {
    messages.add(diagnostic);
    return success();
  });
  OwningOpRef<ModuleOp> copy = module.clone();
  if (failed(verify(*copy)))
    return messages.take("the module is not valid");
  return work(*copy, messages);
}

void etContextSetRemarkCallback(MlirContext context, EtRemarkCallback remarks, void *remarkContext) {
  if (!remarks)
    return unwrap(context)->setRemarkEngine(nullptr);
  enableRemarks(*unwrap(context),
                [remarks, remarkContext](StringRef text) { remarks(text.str().c_str(), remarkContext); });
}

EtError etModuleCompile(MlirModule module, const EtCompileOptions *options, EtProgram *program) {
  CompileOptions converted;
  if (EtError error = convertOptions(options, converted))
    return error;
  return withCopy(module, [&](ModuleOp copy, Messages &messages) -> EtError {
    FailureOr<std::unique_ptr<Program>> compiled = compile(copy, converted);
    if (failed(compiled))
      return messages.take("the module cannot be compiled");
    *program = new EtProgramImpl{std::move(*compiled)};
    return nullptr;
  });
}

EtError etModuleEmit(MlirModule module, const EtCompileOptions *options, const char *stageName, char **output,
                     size_t *outputSize) {
  Stage stage;
  CompileOptions converted;
  if (EtError error = convertStage(stageName, stage))
    return error;
  if (EtError error = convertOptions(options, converted))
    return error;
  return withCopy(module, [&](ModuleOp copy, Messages &messages) {
    return emitModule(copy, messages, stage, converted, output, outputSize);
  });
}
