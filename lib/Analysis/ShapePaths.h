//===- ShapePaths.h - A path through a function, and its sizes -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef ET_LIB_ANALYSIS_SHAPEPATHS_H
#define ET_LIB_ANALYSIS_SHAPEPATHS_H

#include "et/Analysis/ShapeCheck.h"

#include "mlir/IR/Operation.h"
#include "llvm/ADT/DenseMap.h"

namespace mlir::et {

/// What is known at a point of a path. Copied where paths part.
struct PathState {
  explicit PathState(SizeSystem system) : system(std::move(system)) {}

  SizeSystem system;
  /// Of integers and indices; of i1; of tensors, a size per dimension.
  DenseMap<Value, SizeExpr> sizes;
  DenseMap<Value, SizeCondition> conditions;
  DenseMap<Value, SmallVector<SizeExpr>> shapes;
  ShapePath path;

  /// The size that \p value is; what nothing is known of becomes unknown.
  SizeExpr getSize(Value value);
  SizeCondition getCondition(Value value);
  /// Sizes of a ranked tensor's dimensions.
  SmallVector<SizeExpr> getShape(Value tensor);
  SizeExpr getSize(OpFoldResult value);

  /// \p condition has to hold. False when it fails, and the path ends.
  bool demand(const SizeCondition &condition, const llvm::Twine &message, Location loc);
  bool demandEqual(const SizeExpr &a, const SizeExpr &b, const llvm::Twine &message, Location loc);
  void wish(const SizeCondition &condition, const llvm::Twine &message, Location loc);
};

/// Gives the results of an op on sizes their values. False when the op is none.
bool visitSizeOp(PathState &state, Operation *op);
/// Adds what an op on tensors demands, and gives its results their shapes. False when the path ends.
bool visitTensorOp(PathState &state, Operation *op);

} // namespace mlir::et

#endif // ET_LIB_ANALYSIS_SHAPEPATHS_H
