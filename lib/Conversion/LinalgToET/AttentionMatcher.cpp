//===- AttentionMatcher.cpp - Prove that a formula is attention -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The result is expanded into a polynomial down to the first product. A match
// peels it from the outside: value, sum of exponentials, maximum, masks and
// scale, product of query and key. Each step that fails says what it found.
//
//===----------------------------------------------------------------------===//

#include "AttentionMatcher.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>

using namespace mlir;
using namespace mlir::et;

/// Scores up to this magnitude vanish beside a finite mask that is added instead of selected; see matchSelect.
static constexpr double kLargestScore = 16;
/// A finite constant no larger than this is meant as a mask.
static constexpr double kFiniteMask = -10000;

/// Whether \p expr is nothing but a product or quotient with a constant, or widens its operand.
static bool isScaling(Expr *expr) {
  if (expr->isOp("arith.extf"))
    return true;
  auto isConstant = [](Expr *e) { return e->kind == Expr::Kind::Constant; };
  return (expr->isOp("arith.mulf") && (isConstant(expr->operands[0]) || isConstant(expr->operands[1]))) ||
         (expr->isOp("arith.divf") && isConstant(expr->operands[1]));
}

AttentionMatcher::AttentionMatcher(const DimSizes &sizes, Operation *first, Value root, bool allowFiniteMask)
    : exprs(sizes), polys(
                        exprs, [this](Expr *load) { return isExpanded(load); },
                        getTolerance(cast<RankedTensorType>(root.getType()).getElementType())),
      root(root), allowFiniteMask(allowFiniteMask) {
  dependents = getDependents(first, root.getDefiningOp(), escape);
  for (OpOperand &operand : first->getOpOperands())
    for (Value source : getSources(operand.get(), 12))
      aboveFirst.insert(source.getDefiningOp());
  polys.hook = [this](Expr *op) { return seeThroughSafeSoftmax(op); };
}

bool AttentionMatcher::isExpanded(Expr *load) {
  Operation *op = load->value.getDefiningOp();
  if (!op)
    return false;
  if (dependents.contains(op))
    return true;
  // A scale on the query or the key belongs to the scores.
  Expr *definition = exprs.define(load);
  return definition && (definition->isOp("arith.extf") || (aboveFirst.contains(op) && isScaling(definition)) ||
                        definition->kind == Expr::Kind::Constant);
}

bool AttentionMatcher::mentionsFirst(Expr *expr) {
  if (expr->kind == Expr::Kind::Load)
    return dependents.contains(expr->value.getDefiningOp());
  return llvm::any_of(expr->operands, [&](Expr *operand) { return mentionsFirst(operand); });
}

LogicalResult AttentionMatcher::refuse(int progress, const Twine &reason, const Twine &suggestion) {
  refusal.merge({progress, reason.str(), suggestion.str()});
  return failure();
}

/// PyTorch's safe softmax selects zero where all scores of a row are -inf; et.attention does so by definition.
std::optional<Poly> AttentionMatcher::seeThroughSafeSoftmax(Expr *op) {
  if (!op->isOp("arith.select") || !op->operands[1]->isConstant(0) || !mentionsFirst(op->operands[2]))
    return std::nullopt;
  Expr *condition = op->operands[0];
  while (condition->kind == Expr::Kind::Load && exprs.define(condition))
    condition = exprs.define(condition);
  if (condition->kind != Expr::Kind::Reduce || condition->combiner != Combiner::And || condition->bound.size() != 1)
    return std::nullopt;
  emptyRows.push_back(condition);
  return polys.get(op->operands[2]);
}

LogicalResult AttentionMatcher::match() {
  rootIndices = exprs.makeIndices(root);
  Expr *load = exprs.load(root, rootIndices);
  // The root may be a reshape or a transpose of what is computed: then the result is built in its layout.
  if (load->kind != Expr::Kind::Load)
    return failure();
  Poly result = polys.get(load);
  if (failed(matchProbabilities(result)))
    return failure();
  Type element = cast<RankedTensorType>(root.getType()).getElementType();
  if (!isa<FloatType>(element) || polys.narrowest < element.getIntOrFloatBitWidth())
    return refuse(
        4,
        llvm::formatv("a value in the middle is rounded to {0} bits, but the result is {1}", polys.narrowest, element),
        "keep the scores and the probabilities as wide as the result");
  if (failed(matchScores(scorePoly, 1.0)) || failed(matchDimensions()))
    return failure();
  if (finiteCausal && (!conditions.empty() || !bias.empty()))
    return refuse(8, "a causal mask with a finite constant stands beside another mask",
                  "mask with -inf, or allow it with allow-finite-mask=true");
  if (escape)
    return refuse(9, llvm::formatv("the scores or the probabilities are also used by '{0}'", escape->getName()),
                  "compute what else needs them separately");
  return success();
}

/// Says why \p result, which no exponential is a plain factor of, is not attention, if it resembles it.
LogicalResult AttentionMatcher::refuseUnnormalised(const Poly &result) {
  for (unsigned i = 0; i < polys.getNumAtoms(); ++i) {
    const Atom &sum = polys[i];
    if (!sum.isReduce(Combiner::Sum))
      continue;
    for (const auto &[monomial, coefficient] : sum.body)
      for (auto [number, exponent] : monomial) {
        Expr *leaf = polys[number].leaf;
        if (!leaf || monomial.size() < 2 || !mentionsFirst(leaf))
          continue;
        if (leaf->isOp("arith.select"))
          return refuse(1, "a select changes the probabilities after the softmax",
                        "mask the scores before the softmax instead");
        if (leaf->kind == Expr::Kind::Load)
          return refuse(1,
                        llvm::formatv("the probabilities pass through '{0}', which is not understood",
                                      leaf->value.getDefiningOp()->getName()),
                        "multiply all probabilities with all values, and give reshapes static sizes");
      }
  }
  return failure();
}

LogicalResult AttentionMatcher::matchProbabilities(const Poly &result) {
  // Find the second product: a sum that has an exponential and something else as plain factors.
  std::optional<unsigned> second;
  for (const auto &[monomial, coefficient] : result)
    for (auto [number, power] : monomial) {
      const Atom &atom = polys[number];
      if (power != 1 || !atom.isReduce(Combiner::Sum) || atom.body.size() != 1)
        continue;
      for (auto [inner, innerPower] : atom.body.begin()->first)
        if (innerPower == 1 && polys[inner].isFunction("exp") && atom.body.begin()->first.size() > 1)
          second = number;
    }
  if (!second)
    return refuseUnnormalised(result);
  if (result.size() != 1)
    return refuse(1, "something is added to the probabilities after the softmax, or to the result",
                  "add masks to the scores, before the softmax");

  const auto &[rootFactors, coefficient] = *result.begin();
  const Atom product = polys[*second];
  SmallVector<Var *, 4> bound = TensorExprs::resolve(product.bound);
  if (bound.size() != 1)
    return refuse(2, llvm::formatv("the second product sums over {0} dimensions", bound.size()),
                  "collapse the key dimensions into one");
  n = bound[0];
  std::optional<unsigned> sum, valueAtom;
  for (auto [number, power] : product.body.begin()->first) {
    const Atom &atom = polys[number];
    if (atom.isFunction("exp") && power == 1)
      exponential = number;
    else if (atom.isReduce(Combiner::Sum) && power == -1)
      return refuse(3, "the softmax sums over another dimension than the keys of the second product",
                    "take the softmax over the key dimension");
    else if (atom.kind == Atom::Kind::Leaf && power == 1 && atom.leaf->kind == Expr::Kind::Load && !valueAtom)
      valueAtom = number;
    else
      return refuse(2, "the probabilities are multiplied by something else than the value after the softmax",
                    "mask the scores before the softmax, and scale the scores or the value");
  }
  if (!valueAtom)
    return refuse(2, "the value of the second product is not a tensor", "store the value in a tensor first");
  value = polys[*valueAtom].leaf;
  for (auto [number, power] : rootFactors) {
    if (number == *second)
      continue;
    if (power != -1 || !polys[number].isReduce(Combiner::Sum) || sum)
      return refuse(2, "the result of the second product is multiplied by something else than the reciprocal sum",
                    "apply other factors in an op of their own");
    sum = number;
  }
  if (!sum)
    return refuse(2, "the exponentials are never divided by their sum", "divide by the sum over the key dimension");
  const Atom divisor = polys[*sum];
  auto *single = Polynomials::getSingle(divisor.body);
  SmallVector<Var *, 4> sumBound = TensorExprs::resolve(divisor.bound);
  bool alike = single && single->first.size() == 1 && single->first.begin()->second == 1 && sumBound.size() == 1;
  if (alike) {
    VarMap names;
    names[sumBound[0]] = n;
    alike = polys.equal(polys.rename(divisor.body, names), polys.atom(exponential));
  }
  if (!alike)
    return refuse(3, "the divisor is not the sum of the same exponentials over the key dimension",
                  "divide by the sum of the exponentials that are multiplied with the value");
  if (!polys.near(coefficient, 1))
    return refuse(3, llvm::formatv("the probabilities are scaled by {0} after the softmax", coefficient),
                  "scale the scores, before the softmax");
  return matchMaximum(polys[exponential].body, scorePoly);
}

LogicalResult AttentionMatcher::matchMaximum(const Poly &exponent, Poly &scores) {
  std::optional<unsigned> maximum;
  double factor = 0;
  for (const auto &[monomial, coefficient] : exponent) {
    if (monomial.size() != 1 || !polys[monomial.begin()->first].isReduce(Combiner::Max))
      continue;
    if (maximum || monomial.begin()->second != 1 || coefficient >= 0)
      return refuse(3, "a maximum is not subtracted from the scores once",
                    "subtract the maximum over the key dimension");
    maximum = monomial.begin()->first;
    factor = -coefficient;
  }
  // Without a maximum the formula is the same; it only overflows earlier.
  scores = exponent;
  if (maximum) {
    scores = polys.add(exponent, polys.atom(*maximum), factor);
    const Atom atom = polys[*maximum];
    SmallVector<Var *, 4> bound = TensorExprs::resolve(atom.bound);
    if (polys.dependsOn(*maximum, n))
      return refuse(3, "the maximum runs over another dimension than the keys",
                    "take the maximum over the key dimension");
    VarMap names;
    if (bound.size() == 1)
      names[bound[0]] = n;
    if (bound.size() != 1 || !polys.equal(polys.scale(polys.rename(atom.body, names), factor), scores))
      return refuse(3, "the maximum that is subtracted is not that of the scores in the exponent",
                    "subtract the maximum of the same scores");
  }
  // A row whose scores are all -inf is a row of zeros, but only if the test is on these scores.
  for (Expr *condition : emptyRows) {
    VarMap names;
    SmallVector<Var *, 4> bound = TensorExprs::resolve(condition->bound);
    Expr *test = condition->operands[0];
    while (test->kind == Expr::Kind::Load && exprs.define(test))
      test = exprs.define(test);
    bool isTest = bound.size() == 1 && test->isOp("arith.cmpf") &&
                  (test->predicate == static_cast<int64_t>(arith::CmpFPredicate::OEQ) ||
                   test->predicate == static_cast<int64_t>(arith::CmpFPredicate::UEQ)) &&
                  test->operands[1]->isConstant(-INFINITY) && condition->operands[1]->kind == Expr::Kind::Constant &&
                  condition->operands[1]->number != 0;
    if (isTest) {
      names[bound[0]] = n;
      isTest = polys.equal(polys.rename(polys.get(test->operands[0]), names), scores);
    }
    if (!isTest)
      return refuse(3, "rows are cleared on another condition than all their scores being -inf",
                    "clear rows on the scores that the softmax takes");
  }
  return success();
}

/// Takes \p scores times \p factor apart: one term has the first product, the others are added masks.
LogicalResult AttentionMatcher::matchScores(const Poly &scores, double factor) {
  const std::pair<const Monomial, double> *core = nullptr;
  for (const auto &term : scores) {
    bool isCore = llvm::any_of(term.first, [&](auto entry) {
      const Atom &atom = polys[entry.first];
      if (atom.kind == Atom::Kind::Leaf)
        return mentionsFirst(atom.leaf);
      return atom.isReduce(Combiner::Sum) && atom.body.begin()->first.size() > 1;
    });
    if (!isCore) {
      if (!matchBooleanBias(term.first, term.second * factor))
        bias = polys.add(bias, Poly{term}, factor);
      continue;
    }
    if (llvm::any_of(term.first, [&](auto entry) {
          Expr *leaf = polys[entry.first].leaf;
          return leaf && leaf->kind == Expr::Kind::Reduce;
        }))
      return refuse(5, "a maximum or a sum of the scores starts from another value than its neutral one",
                    "start a maximum from -inf and a sum from zero");
    if (core)
      return refuse(5, "the score is a sum of two products", "add one of them as a mask");
    core = &term;
  }
  if (!core)
    return refuse(5, "the score is not linear in a product of query and key",
                  "apply other functions to the scores in a score region");
  if (core->first.size() != 1 || core->first.begin()->second != 1)
    return refuse(5, "the scale of the scores is not a constant", "scale the query by it in an op of its own");
  const Atom atom = polys[core->first.begin()->first];
  double total = factor * core->second;
  if (atom.kind == Atom::Kind::Reduce)
    return matchFirstProduct(atom, total);
  if (!atom.leaf->isOp("arith.select"))
    return refuse(5,
                  llvm::formatv("'{0}' is applied to the scores before the softmax",
                                atom.leaf->kind == Expr::Kind::Op ? atom.leaf->name : StringRef("an op")),
                  "only masks and a constant scale may stand between the product and the softmax");
  return matchSelect(atom.leaf, total);
}

/// Adding select(c, 0, -inf) is masking where c does not hold.
bool AttentionMatcher::matchBooleanBias(const Monomial &term, double factor) {
  if (term.size() != 1 || term.begin()->second != 1 || !polys[term.begin()->first].leaf || factor <= 0)
    return false;
  auto open = [&](Expr *expr) {
    while (expr->kind == Expr::Kind::Load && exprs.define(expr))
      expr = exprs.define(expr);
    return expr;
  };
  Expr *select = open(polys[term.begin()->first].leaf);
  if (!select->isOp("arith.select"))
    return false;
  Expr *onTrue = open(select->operands[1]), *onFalse = open(select->operands[2]);
  bool keepsTrue = onTrue->isConstant(0);
  Expr *low = keepsTrue ? onFalse : onTrue;
  if ((!keepsTrue && !onFalse->isConstant(0)) || low->kind != Expr::Kind::Constant)
    return false;
  if (low->number != -INFINITY) {
    // A large constant is -inf where every row keeps a key, see matchSelect.
    if (low->number * factor > -kLargestScore * 0x1p25 || !matchCausal(open(select->operands[0]), !keepsTrue))
      return false;
    return finiteCausal = true;
  }
  addCondition(select->operands[0], !keepsTrue);
  return true;
}

void AttentionMatcher::addCondition(Expr *condition, bool negated) {
  // Both halves of a conjunction (of a negated disjunction) are conditions of their own.
  Expr *open = condition;
  while (open->kind == Expr::Kind::Load && exprs.define(open))
    open = exprs.define(open);
  if (open->kind == Expr::Kind::Constant && (open->number != 0) != negated)
    return;
  if (open->isOp(negated ? "arith.ori" : "arith.andi")) {
    addCondition(open->operands[0], negated);
    addCondition(open->operands[1], negated);
    return;
  }
  if (open->isOp("arith.xori"))
    for (unsigned i = 0; i < 2; ++i)
      if (open->operands[i]->kind == Expr::Kind::Constant && open->operands[i]->number != 0) {
        addCondition(open->operands[1 - i], !negated);
        return;
      }
  if (matchCausal(open, negated))
    return;
  conditions.push_back({condition, negated});
}

LogicalResult AttentionMatcher::matchSelect(Expr *select, double factor) {
  Expr *condition = select->operands[0];
  bool onTrue = mentionsFirst(select->operands[1]);
  if (onTrue == mentionsFirst(select->operands[2]) || mentionsFirst(condition))
    return refuse(5, "a select chooses between two kinds of scores",
                  "select between the score and a negative constant");
  Expr *kept = select->operands[onTrue ? 1 : 2], *other = select->operands[onTrue ? 2 : 1];
  while (other->kind == Expr::Kind::Load && exprs.define(other))
    other = exprs.define(other);
  if (other->kind != Expr::Kind::Constant)
    return refuse(5, "masked scores are replaced by something else than a constant", "replace them by -inf");
  double constant = other->number * factor;
  if (constant == -INFINITY || (allowFiniteMask && constant <= kFiniteMask)) {
    addCondition(condition, !onTrue);
  } else if (constant <= -kLargestScore * 0x1p25) {
    // A causal mask leaves every row a key, beside which the constant vanishes: no row shows what it was.
    Expr *open = condition;
    while (open->kind == Expr::Kind::Load && exprs.define(open))
      open = exprs.define(open);
    if (matchCausal(open, !onTrue)) {
      finiteCausal = true;
      return matchScores(polys.get(kept), factor);
    }
    // Rounded to f32, constant + score is the constant for any score up to the bound: adding is selecting. That holds
    // for the score alone, not for a mask added to it before.
    Poly before = bias;
    if (failed(matchScores(polys.get(kept), factor)))
      return failure();
    if (!polys.equal(bias, before))
      return refuse(5, "a select with a finite constant stands behind another mask",
                    "mask with -inf, or allow it with allow-finite-mask=true");
    Expr *zero = exprs.makeConstant(0, kept->type);
    Expr *low = exprs.makeConstant(std::max(constant, -3.4028234663852886e38), kept->type);
    Expr *added = exprs.makeOp("arith.select", kept->type, {condition, onTrue ? zero : low, onTrue ? low : zero});
    bias = polys.add(bias, polys.get(added));
    return success();
  } else {
    return refuse(
        5,
        llvm::formatv("masked scores are replaced by {0}, which leaves a fully masked row with the mean of all values",
                      constant),
        "mask with -inf, or allow it with allow-finite-mask=true");
  }
  return matchScores(polys.get(kept), factor);
}

/// Recognises `key index <= query index` and sets `causal`. The dimension of the index becomes m.
bool AttentionMatcher::matchCausal(Expr *condition, bool negated) {
  if (!condition->isOp("arith.cmpi"))
    return false;
  auto getIndexVar = [&](Expr *e) -> Var * {
    while (e->kind == Expr::Kind::Load && exprs.define(e))
      e = exprs.define(e);
    while (e->isOp("arith.index_cast") || e->isOp("arith.index_castui"))
      e = e->operands[0];
    if (e->kind != Expr::Kind::Index)
      return nullptr;
    SmallVector<Var *, 4> vars = TensorExprs::resolve(e->indices[0]);
    return vars.size() == 1 ? vars[0] : nullptr;
  };
  // PyTorch's tril compares a difference with zero.
  Expr *left = condition->operands[0], *right = condition->operands[1];
  while (left->kind == Expr::Kind::Load && exprs.define(left))
    left = exprs.define(left);
  if (left->isOp("arith.subi") && right->isConstant(0)) {
    right = left->operands[1];
    left = left->operands[0];
  }
  Var *lhs = getIndexVar(left), *rhs = getIndexVar(right);
  if (!lhs || !rhs || lhs == rhs || (lhs != n && rhs != n))
    return false;
  using P = arith::CmpIPredicate;
  auto predicate = static_cast<P>(condition->predicate);
  if (negated)
    predicate = arith::invertPredicate(predicate);
  bool isLessEqual = predicate == P::sle || predicate == P::ule,
       isGreaterEqual = predicate == P::sge || predicate == P::uge;
  Var *row = lhs == n ? rhs : lhs;
  if (!(lhs == n ? isLessEqual : isGreaterEqual) || (m && m != row))
    return false;
  m = row;
  causal = true;
  return true;
}

LogicalResult AttentionMatcher::matchFirstProduct(const Atom &product, double factor) {
  SmallVector<Var *, 4> bound = TensorExprs::resolve(product.bound);
  const Monomial &factors = product.body.begin()->first;
  if (bound.size() != 1)
    return refuse(5, llvm::formatv("the first product sums over {0} dimensions", bound.size()),
                  "collapse the head size into one dimension");
  k = bound[0];
  SmallVector<Expr *, 2> operands;
  for (auto [number, power] : factors)
    for (int i = 0; i < power; ++i)
      operands.push_back(polys[number].kind == Atom::Kind::Leaf && polys[number].leaf->kind == Expr::Kind::Load
                             ? polys[number].leaf
                             : nullptr);
  if (operands.size() != 2 || !operands[0] || !operands[1])
    return refuse(5, "the first product does not multiply two tensors", "store query and key in tensors of their own");
  bool keyFirst = exprs.dependsOn(operands[0], n);
  if (keyFirst == exprs.dependsOn(operands[1], n))
    return refuse(6,
                  keyFirst ? "both operands of the first product vary along the key dimension of the second"
                           : "no operand of the first product varies along the key dimension of the second",
                  "let the softmax run over the rows of the key");
  key = operands[keyFirst ? 0 : 1];
  query = operands[keyFirst ? 1 : 0];
  scale = factor;
  if (!std::isfinite(scale) || scale == 0)
    return refuse(6, llvm::formatv("the scale is {0}", scale), "scale by a finite constant other than zero");
  return success();
}

LogicalResult AttentionMatcher::matchDimensions() {
  auto queryVars = getVars(query->indices), keyVars = getVars(key->indices), valueVars = getVars(value->indices);
  auto given = getVars(rootIndices);
  if (!queryVars || !keyVars || !valueVars || !given)
    return refuse(7, "an operand is read at a fixed index or along a diagonal", "slice it in an op of its own");
  rootVars = *given;
  auto in = [](ArrayRef<Var *> vars, Var *var) { return llvm::is_contained(vars, var); };
  for (Var *var : *queryVars)
    if (var != k && !in(rootVars, var))
      return refuse(7, "the query has a dimension that the result lacks", "reduce it in an op of its own");
  for (Var *var : *keyVars)
    if (var != k && var != n && (!in(rootVars, var) || !in(*queryVars, var)))
      return refuse(7, "the key has a dimension that the query lacks", "give the query that dimension");
  SmallVector<Var *> valueOnly, queryOnly;
  for (Var *var : *valueVars) {
    if (var == n)
      continue;
    if (!in(rootVars, var) || in(*valueVars, k))
      return refuse(7, "the value has a dimension that the result lacks", "reduce it in an op of its own");
    if (!in(*queryVars, var))
      valueOnly.push_back(var);
  }
  if (!in(*valueVars, n))
    return refuse(7, "the value does not vary along the key dimension", "multiply with the value after the sum");
  if (valueOnly.size() != 1)
    return refuse(
        7,
        llvm::formatv("the value has {0} dimensions that neither query nor key has, expected the head size alone",
                      valueOnly.size()),
        "give query and value the same batch dimensions");
  v = valueOnly[0];
  for (Var *var : rootVars) {
    if (var == v)
      continue;
    if (!in(*queryVars, var))
      return refuse(7, "the result has a dimension that the query lacks", "give the query that dimension");
    if (!in(*keyVars, var) && !in(*valueVars, var))
      queryOnly.push_back(var);
  }
  // Any dimension of the query alone can serve as rows; prefer the one that is as long as the keys, then dynamic ones.
  if (m && !in(queryOnly, m))
    return refuse(7, "the causal mask is not over rows of the query", "compare key index and query index");
  if (!m) {
    auto rank = [&](Var *var) { return var->size == n->size ? 2 : var->size < 0 ? 1 : 0; };
    for (Var *var : queryOnly)
      if (!m || rank(var) >= rank(m))
        m = var;
  }
  for (Var *var : rootVars)
    if (var != v && var != m)
      batch.push_back(var);
  for (auto [var, name] : {std::pair<Var *, StringRef>{k, "query and key"}, {v, "the value"}})
    if (var->size < 0)
      return refuse(8, llvm::formatv("the head size of {0} is dynamic", name), "give it a static size");
  auto element = cast<RankedTensorType>(root.getType()).getElementType();
  for (auto [operand, name] : {std::pair<Expr *, StringRef>{query, "query"}, {key, "key"}, {value, "value"}})
    if (operand->type.getIntOrFloatBitWidth() > element.getIntOrFloatBitWidth() ||
        (operand->type != element && operand->type.getIntOrFloatBitWidth() == element.getIntOrFloatBitWidth()))
      return refuse(8, llvm::formatv("the {0} is {1}, but the result is {2}", name, operand->type, element),
                    "use one element type for query, key, value and result");
  auto checkMaskVars = [&](ArrayRef<Expr *> leaves) {
    for (Expr *leaf : leaves) {
      auto vars = getVars(leaf->indices);
      if (!vars || llvm::any_of(*vars, [&](Var *var) { return var != n && (var == v || !in(rootVars, var)); }))
        return false;
    }
    return true;
  };
  SmallVector<Expr *> leaves;
  for (auto [condition, negated] : conditions)
    collectLeaves(condition, leaves);
  for (const auto &[monomial, coefficient] : bias)
    for (auto [number, power] : monomial) {
      if (polys[number].kind != Atom::Kind::Leaf || power < 1)
        return refuse(8, "what is added to the scores is not the element of a tensor",
                      "store the mask in a tensor of its own");
      collectLeaves(polys[number].leaf, leaves);
    }
  if (!checkMaskVars(leaves))
    return refuse(8, "a mask does not vary along batch, query and key dimensions alone",
                  "give the mask the dimensions of the scores");
  return success();
}

std::string AttentionMatcher::describe() const {
  return llvm::formatv("{0} batch dimensions, head size {1}, scale {2:f4}, {3}", batch.size(), k->size, scale,
                       causal && conditions.empty() && bias.empty() ? "causal"
                       : conditions.empty() && bias.empty()         ? "no mask"
                       : causal                                     ? "causal and a mask"
                                                                    : "a mask");
}
