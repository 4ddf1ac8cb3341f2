//===- RaiseUtils.h - What the raising passes share -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// From expressions back to tensors, walks along def-use chains, and refusals.
//
//===----------------------------------------------------------------------===//

#ifndef ET_LIB_CONVERSION_LINALGTOET_RAISEUTILS_H
#define ET_LIB_CONVERSION_LINALGTOET_RAISEUTILS_H

#include "et/Analysis/Polynomial.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/SetVector.h"

#include <string>

namespace mlir::et {

/// Why a match failed. The refusal that got furthest is the one a user hears about; at progress 0 none is.
struct Refusal {
  int progress = 0;
  std::string reason;
  std::string suggestion;

  /// Keeps the refusal with more progress.
  void merge(const Refusal &other) {
    if (other.progress > progress)
      *this = other;
  }
};

/// Calls \p run for \p op if it is a function, else for all functions in it.
void forEachFunction(Operation *op, llvm::function_ref<void(Operation *)> run);
/// Emits \p refusal as a `missed` remark of pass \p category, if it got anywhere.
void emitRefusal(Location loc, StringRef name, StringRef category, const Refusal &refusal);

//===----------------------------------------------------------------------===//
// Walks
//===----------------------------------------------------------------------===//

/// True for a linalg op that sums products.
bool isContraction(Operation *op);
/// True if a body or the op itself has an op called \p name.
bool containsOp(Operation *op, ArrayRef<StringRef> names);
/// True for ops that compute or move elements one by one, and for reductions that are no contractions.
bool isLightweight(Operation *op);
/// The results of \p start and of what follows it, nearest first, as long as each value has one user and that is
/// elementwise or moves elements.
SmallVector<Value> getSingleUseChain(Value start);
/// Ops that depend on \p start, not through \p root. Fills \p escape with an op of them that is not pure tensor code.
llvm::SetVector<Operation *> getDependents(Operation *start, Operation *root, Operation *&escape);
/// Tensors that lightweight ops compute on the way to \p value, nearest first, down to what other ops or nothing
/// defines.
SmallVector<Value> getSources(Value value, unsigned limit = 32);
/// Lightweight ops that compute \p root from \p source, directly or not.
DenseSet<Operation *> getOpsBetween(Value source, Value root);
/// Values that lightweight ops without reductions compute from \p start, itself first.
SmallVector<Value> getElementwiseResults(Value start, unsigned limit = 16);
/// Erases ops of \p function that nothing uses.
void eraseDeadOps(Operation *function);
/// Tolerance with which constants in arithmetic of \p type agree.
double getTolerance(Type type);

//===----------------------------------------------------------------------===//
// Back to tensors
//===----------------------------------------------------------------------===//

/// Variables of all indices of a load, or nothing if one is a constant or a variable comes twice.
std::optional<SmallVector<Var *, 4>> getVars(ArrayRef<Index> indices);
/// The tensor of \p load with one dimension per variable, in the order of its indices.
FailureOr<Value> materialize(OpBuilder &builder, Location loc, Expr *load);
/// The same with dimensions in the order of \p groups, the variables of one group collapsed.
FailureOr<Value> materialize(OpBuilder &builder, Location loc, Expr *load, ArrayRef<SmallVector<Var *, 4>> groups);
/// \p value, which has one dimension per variable of \p indices, as a tensor of \p type.
FailureOr<Value> restore(OpBuilder &builder, Location loc, Value value, ArrayRef<Index> indices, RankedTensorType type);
/// A tensor with one dimension per variable of \p dims whose elements are \p build's, given the elements of \p loads.
FailureOr<Value> compute(OpBuilder &builder, Location loc, ArrayRef<Var *> dims, Type elementType,
                         ArrayRef<Expr *> loads,
                         llvm::function_ref<Value(OpBuilder &, llvm::function_ref<Value(Expr *)>)> build);
/// Builds \p expr in the body of an op, loads and indices by \p leaf. Null for what is no scalar op.
Value emitExpr(OpBuilder &builder, Location loc, Expr *expr, llvm::function_ref<Value(Expr *)> leaf);
/// The loads and indices in \p expr that are not taken apart.
void collectLeaves(Expr *expr, SmallVectorImpl<Expr *> &leaves);
/// \p value converted to element type \p type.
Value convertElements(OpBuilder &builder, Location loc, Value value, Type type);

} // namespace mlir::et

#endif // ET_LIB_CONVERSION_LINALGTOET_RAISEUTILS_H
