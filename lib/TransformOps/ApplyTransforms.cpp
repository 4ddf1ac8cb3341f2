//===- ApplyTransforms.cpp - Run a transform script -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "et/TransformOps/Passes.h"

#include "mlir/Dialect/Transform/Transforms/TransformInterpreterUtils.h"

namespace mlir::et {
#define GEN_PASS_DEF_APPLYTRANSFORMSPASS
#include "et/TransformOps/Passes.h.inc"
} // namespace mlir::et

using namespace mlir;

namespace {
struct ApplyTransformsPass final : et::impl::ApplyTransformsPassBase<ApplyTransformsPass> {
  using Base::Base;

  /// Reads the file here, where dialects that it needs may be loaded.
  LogicalResult initialize(MLIRContext *context) override {
    auto fail = [&](const Twine &text) { return emitError(UnknownLoc::get(context)) << text; };
    if (library.empty())
      return fail("expected a file with a transform script: library=FILE");
    // Each of these says itself what is wrong.
    OwningOpRef<ModuleOp> parsed;
    if (failed(transform::detail::parseTransformModuleFromFile(context, library, parsed)))
      return failure();
    script = std::make_shared<OwningOpRef<ModuleOp>>(std::move(parsed));
    entry = transform::detail::findTransformEntryPoint(script->get(), ModuleOp());
    return success(entry);
  }

  void runOnOperation() override {
    if (failed(
            transform::applyTransformNamedSequence(getOperation(), entry, ModuleOp(), transform::TransformOptions())))
      signalPassFailure();
  }

private:
  /// Clones of the pass share it.
  std::shared_ptr<OwningOpRef<ModuleOp>> script;
  transform::TransformOpInterface entry;
};
} // namespace
