//===- CheckShapes.h - Check the sizes of a module --------------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef ET_DIALECT_ET_TRANSFORMS_CHECKSHAPES_H
#define ET_DIALECT_ET_TRANSFORMS_CHECKSHAPES_H

#include "et/Analysis/ShapeCheck.h"

#include "mlir/IR/BuiltinOps.h"

namespace mlir::et {

/// Checks each function of \p module that has a body, with et ops as what they decompose into. \p module stays as it
/// is.
FailureOr<std::vector<ShapeReport>> checkModuleShapes(ModuleOp module, const ShapeCheckOptions &options);

/// `{"functions": [...]}`.
llvm::json::Value toJSON(ArrayRef<ShapeReport> reports);

} // namespace mlir::et

#endif // ET_DIALECT_ET_TRANSFORMS_CHECKSHAPES_H
