//===- Passes.td - Run a transform script -----------------*- tablegen -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef ET_TRANSFORMOPS_PASSES_TD
#define ET_TRANSFORMOPS_PASSES_TD

include "mlir/Pass/PassBase.td"

def ApplyTransformsPass : Pass<"et-apply-transforms", "mlir::ModuleOp"> {
  let summary = "Run a transform script of a file on a planned module";
  let description = [{
    Numerics: of the script; `transform.et.*` are exact.

    Runs the named sequence `@__transform_main` of the file `library` on the module. Pipelines run it where launches have
    schedules, before anything is made of them, when their option `transform-library` names a file.

    Unlike upstream's `--transform-preload-library` it keeps nothing in the context, and may run any number of times.

    Refuses: a file that cannot be read, holds no transform script or no such sequence, or fails.
  }];
  let options = [Option<"library", "library", "std::string", /*default=*/"\"\"", "File with the script">];
  let dependentDialects = ["mlir::transform::TransformDialect"];
}

#endif // ET_TRANSFORMOPS_PASSES_TD
