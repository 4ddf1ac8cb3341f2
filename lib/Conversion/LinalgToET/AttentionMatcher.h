//===- AttentionMatcher.h - Prove that a formula is attention -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Matches one candidate and builds et.attention from it.
//
//===----------------------------------------------------------------------===//

#ifndef ET_LIB_CONVERSION_LINALGTOET_ATTENTIONMATCHER_H
#define ET_LIB_CONVERSION_LINALGTOET_ATTENTIONMATCHER_H

#include "RaiseUtils.h"
#include "et/Dialect/ET/IR/ET.h"

#include "llvm/ADT/SetVector.h"

namespace mlir::et {

class AttentionMatcher {
public:
  /// \p first is the product of query and key, \p root the tensor to replace.
  AttentionMatcher(const DimSizes &sizes, Operation *first, Value root, bool allowFiniteMask);

  LogicalResult match();
  /// Builds et.attention before the root's op; the value has the root's type.
  FailureOr<Value> build(OpBuilder &builder, Location loc);
  const Refusal &getRefusal() const { return refusal; }
  /// What was raised, in words.
  std::string describe() const;

private:
  LogicalResult refuse(int progress, const Twine &reason, const Twine &suggestion);
  std::optional<Poly> seeThroughSafeSoftmax(Expr *op);
  LogicalResult matchProbabilities(const Poly &result);
  LogicalResult refuseUnnormalised(const Poly &result);
  LogicalResult matchMaximum(const Poly &exponent, Poly &scores);
  LogicalResult matchScores(const Poly &scores, double factor);
  LogicalResult matchSelect(Expr *select, double factor);
  LogicalResult matchFirstProduct(const Atom &product, double factor);
  LogicalResult matchDimensions();
  bool matchCausal(Expr *condition, bool negated);
  bool matchBooleanBias(const Monomial &term, double factor);
  void addCondition(Expr *condition, bool negated);
  bool isExpanded(Expr *load);
  bool mentionsFirst(Expr *expr);
  FailureOr<Value> buildMask(OpBuilder &builder, Location loc, SmallVectorImpl<Var *> &dims);

  TensorExprs exprs;
  Polynomials polys;
  Value root;
  bool allowFiniteMask;
  Refusal refusal;
  Operation *escape = nullptr;
  llvm::SetVector<Operation *> dependents;
  DenseSet<Operation *> aboveFirst;

  SmallVector<Index, 4> rootIndices;
  SmallVector<Var *, 4> rootVars, batch;
  /// The conditions of safe softmaxes that were seen through: all scores of a row are -inf.
  SmallVector<Expr *> emptyRows;
  Poly scorePoly;
  unsigned exponential = 0;
  Expr *query = nullptr, *key = nullptr, *value = nullptr;
  Var *m = nullptr, *n = nullptr, *k = nullptr, *v = nullptr;
  double scale = 1;
  bool causal = false, finiteCausal = false;
  /// Conditions under which a score counts; true in the second half: it counts where the condition does not hold.
  SmallVector<std::pair<Expr *, bool>> conditions;
  /// Terms added to the scaled score.
  Poly bias;
};

} // namespace mlir::et

#endif // ET_LIB_CONVERSION_LINALGTOET_ATTENTIONMATCHER_H
