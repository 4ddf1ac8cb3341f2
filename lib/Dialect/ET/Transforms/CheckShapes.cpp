//===- CheckShapes.cpp - Find sizes that break a module ---------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The demands of et ops are those of the linalg ops that they decompose into, in
// a copy of the module; locations come along.
//
//===----------------------------------------------------------------------===//

#include "et/Dialect/ET/Transforms/CheckShapes.h"

#include "et/Dialect/ET/IR/ET.h"
#include "et/Dialect/ET/Transforms/Passes.h"

#include "mlir/Pass/PassManager.h"
#include "mlir/Support/FileUtilities.h"
#include "llvm/Support/ToolOutputFile.h"

#define DEBUG_TYPE "et-check-shapes"

namespace mlir::et {
#define GEN_PASS_DEF_CHECKSHAPESPASS
#include "et/Dialect/ET/Transforms/Passes.h.inc"
} // namespace mlir::et

using namespace mlir;
using namespace mlir::et;

FailureOr<std::vector<ShapeReport>> mlir::et::checkModuleShapes(ModuleOp module, const ShapeCheckOptions &options) {
  OwningOpRef<ModuleOp> copy = module.clone();
  bool hasOps =
      copy->walk([](Operation *op) {
            return isa_and_present<ETDialect>(op->getDialect()) ? WalkResult::interrupt() : WalkResult::advance();
          })
          .wasInterrupted();
  if (hasOps) {
    PassManager manager(module.getContext());
    manager.addPass(createDecomposePass());
    if (failed(manager.run(*copy)))
      return failure();
  }
  std::vector<ShapeReport> reports;
  for (auto function : copy->getOps<FunctionOpInterface>())
    if (!function.isExternal())
      reports.push_back(checkShapes(function, options));
  return reports;
}

llvm::json::Value mlir::et::toJSON(ArrayRef<ShapeReport> reports) {
  llvm::json::Array functions;
  for (const ShapeReport &report : reports)
    functions.push_back(toJSON(report));
  return llvm::json::Object{{"functions", std::move(functions)}};
}

namespace {
struct CheckShapesPass final : et::impl::CheckShapesPassBase<CheckShapesPass> {
  using CheckShapesPassBase::CheckShapesPassBase;

  void runOnOperation() override;

private:
  void show(const ShapeReport &report, const ShapePath &path, Location where);
};
} // namespace

static std::string describe(const ShapeIssue &issue) {
  if (issue.always)
    return issue.message + ", which no sizes satisfy";
  return issue.message + ", which fails with " + toString(issue.example);
}

void CheckShapesPass::show(const ShapeReport &report, const ShapePath &path, Location where) {
  Location loc = path.issue ? path.issue->loc : where;
  auto attach = [&](InFlightDiagnostic diagnostic) {
    for (auto [branch, holds] : path.branches)
      diagnostic.attachNote(branch) << "on the path where this condition " << (holds ? "holds" : "does not hold");
  };
  switch (path.verdict) {
  case ShapeVerdict::Invalid:
    attach(emitError(loc) << describe(*path.issue));
    ++numInvalid;
    signalPassFailure();
    break;
  case ShapeVerdict::Undecidable:
    attach(emitWarning(loc) << path.issue->message << ", which could not be decided: " << path.issue->reason);
    ++numUndecidable;
    break;
  case ShapeVerdict::Unreachable:
    attach(emitRemark(loc) << "no sizes lead here");
    break;
  case ShapeVerdict::Valid:
    attach(emitRemark(loc) << "a path of '" << report.function << "' is valid for all sizes");
    break;
  }
  for (const ShapeIssue &note : path.notes)
    emitRemark(note.loc) << "note: " << describe(note);
}

void CheckShapesPass::runOnOperation() {
  ModuleOp module = getOperation();
  ShapeCheckOptions checkOptions;
  checkOptions.maxPaths = maxPaths;
  checkOptions.timeLimit = timeLimit;
  if (maxPaths < 1 || timeLimit < 1) {
    module.emitError() << "max-paths and time-limit-ms have to be positive, but they are "
                       << Twine(checkOptions.maxPaths) << " and " << Twine(checkOptions.timeLimit);
    return signalPassFailure();
  }
  FailureOr<std::vector<ShapeReport>> reports = checkModuleShapes(module, checkOptions);
  if (failed(reports))
    return signalPassFailure();
  if (!reportFile.empty()) {
    std::string message;
    std::unique_ptr<llvm::ToolOutputFile> file = openOutputFile(reportFile, &message);
    if (!file) {
      module.emitError() << "the report cannot be written: " << message;
      return signalPassFailure();
    }
    file->os() << llvm::formatv("{0:2}", toJSON(*reports)) << "\n";
    file->keep();
  }
  for (const ShapeReport &report : *reports) {
    Location where = SymbolTable::lookupSymbolIn(module, report.function)->getLoc();
    for (const ShapePath &path : report.paths)
      show(report, path, where);
    if (!report.isComplete)
      emitWarning(where) << "'" << report.function << "' has paths that were not followed: it has more than "
                         << Twine(checkOptions.maxPaths)
                         << " of them, or its body has branches that are not scf.if; raise max-paths";
  }
  markAllAnalysesPreserved();
}
