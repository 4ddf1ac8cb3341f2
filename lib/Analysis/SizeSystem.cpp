//===- SizeSystem.cpp - Variables and what is known of them -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// SizeDecisions.cpp decides conditions.
//
//===----------------------------------------------------------------------===//

#include "et/Analysis/SizeSystem.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::et;

/// Cases of alternatives that are told apart; more of them are not worth it.
static constexpr size_t kMostCases = 64;

//===----------------------------------------------------------------------===//
// Variables
//===----------------------------------------------------------------------===//

SizeExpr SizeSystem::define(SizeVariable variable) {
  // The same definition is the same variable.
  for (auto [number, known] : llvm::enumerate(variables))
    if (known.kind == variable.kind && known.lhs == variable.lhs && known.rhs == variable.rhs)
      return SizeExpr::variable(number);
  variables.push_back(std::move(variable));
  return SizeExpr::variable(variables.size() - 1);
}

SizeExpr SizeSystem::addSymbol(SizeVariable variable) {
  Location loc = variable.loc;
  int64_t multipleOf = variable.multipleOf;
  variables.push_back(std::move(variable));
  SizeExpr result = SizeExpr::variable(variables.size() - 1);
  if (multipleOf > 1) {
    SizeExpr times = floorDiv(result, SizeExpr(multipleOf), loc);
    assume(SizeCondition::equal(add(result, times, loc, -multipleOf)));
  }
  return result;
}

SizeExpr SizeSystem::tooLarge(Location loc) {
  variables.push_back({SizeVariable::Kind::TooLarge, "", loc, {}, {}, std::nullopt, std::nullopt, 1});
  return SizeExpr::variable(variables.size() - 1);
}

SizeExpr SizeSystem::add(const SizeExpr &a, const SizeExpr &b, Location loc, int64_t factor) {
  if (std::optional<SizeExpr> sum = SizeExpr::add(a, b, factor))
    return *sum;
  return tooLarge(loc);
}

SizeExpr SizeSystem::multiply(const SizeExpr &a, const SizeExpr &b, Location loc) {
  if (std::optional<SizeExpr> product = SizeExpr::multiply(a, b))
    return *product;
  return tooLarge(loc);
}

std::optional<int64_t> SizeSystem::getMin(const SizeExpr::Product &product) const {
  int64_t result = 1;
  for (unsigned number : product) {
    std::optional<int64_t> min = variables[number].min;
    if (!min || *min < 0 || llvm::MulOverflow(result, *min, result))
      return std::nullopt;
  }
  return result;
}

std::optional<int64_t> SizeSystem::getMin(const SizeExpr &expr) const {
  int64_t result = 0;
  for (const auto &[product, coefficient] : expr.getTerms()) {
    std::optional<int64_t> least;
    if (coefficient > 0 || product.empty())
      least = getMin(product);
    else if (product.size() == 1)
      least = variables[product[0]].max;
    int64_t scaled;
    if (!least || llvm::MulOverflow(*least, coefficient, scaled) || llvm::AddOverflow(result, scaled, result))
      return std::nullopt;
  }
  return result;
}

SizeExpr SizeSystem::floorDiv(const SizeExpr &a, const SizeExpr &b, Location loc) {
  if (std::optional<SizeExpr> exact = SizeExpr::divideExactly(a, b))
    return *exact;
  // What both are multiples of cancels, if it is positive: k n / (2 n) is k / 2.
  SizeExpr common = SizeExpr::getCommonFactor(a, b);
  std::optional<int64_t> least = getMin(common);
  if (!common.getConstant() && least && *least >= 1)
    return floorDiv(*SizeExpr::divideExactly(a, common), *SizeExpr::divideExactly(b, common), loc);
  std::optional<int64_t> divisor = b.getConstant();
  std::optional<int64_t> dividend = a.getConstant();
  if (divisor && dividend)
    return SizeExpr(llvm::divideFloorSigned(*dividend, *divisor));
  SizeExpr whole, rest = a;
  if (divisor && *divisor > 0) {
    // Terms that the divisor divides leave the fraction.
    for (const auto &[product, coefficient] : a.getTerms()) {
      int64_t quotient = llvm::divideFloorSigned(coefficient, *divisor);
      if (!quotient)
        continue;
      SizeExpr term(1);
      for (unsigned number : product)
        term = multiply(term, SizeExpr::variable(number), loc);
      whole = add(whole, term, loc, quotient);
      rest = add(rest, multiply(term, SizeExpr(*divisor), loc), loc, -quotient);
    }
  }
  std::optional<int64_t> min = getMin(rest), minDivisor = getMin(b);
  bool notNegative = min && *min >= 0 && minDivisor && *minDivisor >= 1;
  SizeVariable variable{SizeVariable::Kind::FloorDiv, "a quotient", loc, rest, b, std::nullopt, std::nullopt, 1};
  if (notNegative)
    variable.min = divisor ? *min / *divisor : 0;
  return add(whole, define(std::move(variable)), loc);
}

SizeExpr SizeSystem::minMax(SizeVariable::Kind kind, const SizeExpr &a, const SizeExpr &b, Location loc) {
  bool isMin = kind == SizeVariable::Kind::Min;
  SizeExpr difference = add(a, b, loc, -1), opposite = add(b, a, loc, -1);
  std::optional<int64_t> above = getMin(difference), below = getMin(opposite);
  if (above && *above >= 0)
    return isMin ? b : a;
  if (below && *below >= 0)
    return isMin ? a : b;
  std::optional<int64_t> minA = getMin(a), minB = getMin(b), least;
  if (minA && minB)
    least = isMin ? std::min(*minA, *minB) : std::max(*minA, *minB);
  SizeExpr result = define({kind, isMin ? "a minimum" : "a maximum", loc, a, b, least, std::nullopt, 1});
  // It is one of the two.
  SizeExpr fromA = add(result, a, loc, -1), fromB = add(result, b, loc, -1);
  assume(SizeCondition::either(
      SizeCondition::both(SizeCondition::equal(fromA), SizeCondition::notNegative(isMin ? opposite : difference)),
      SizeCondition::both(SizeCondition::equal(fromB), SizeCondition::notNegative(isMin ? difference : opposite))));
  return result;
}

//===----------------------------------------------------------------------===//
// Conditions
//===----------------------------------------------------------------------===//

SizeSystem::Cases SizeSystem::getCases(const SizeCondition &condition) {
  using Kind = SizeCondition::Kind;
  std::vector<Conjunction> result;
  switch (condition.kind) {
  case Kind::False:
    return result;
  case Kind::True:
    result.emplace_back();
    return result;
  case Kind::Equal:
  case Kind::NotNegative:
    result.push_back({{condition.expr, condition.kind == Kind::Equal}});
    return result;
  case Kind::Or:
    for (const SizeCondition &part : condition.parts) {
      Cases more = getCases(part);
      if (!more || result.size() + more->size() > kMostCases)
        return std::nullopt;
      llvm::append_range(result, *more);
    }
    return result;
  case Kind::And:
    result.emplace_back();
    for (const SizeCondition &part : condition.parts) {
      Cases more = getCases(part);
      if (!more || result.size() * more->size() > kMostCases)
        return std::nullopt;
      std::vector<Conjunction> next;
      for (const Conjunction &a : result)
        for (const Conjunction &b : *more) {
          next.push_back(a);
          llvm::append_range(next.back(), b);
        }
      result = std::move(next);
    }
    return result;
  }
  llvm_unreachable("unknown kind");
}

SizeCondition SizeSystem::reduce(const SizeCondition &condition) const {
  SizeCondition result = condition;
  for (SizeCondition &part : result.parts)
    part = reduce(part);
  SizeExpr common = SizeExpr::getCommonFactor(condition.expr, condition.expr);
  std::optional<int64_t> least = getMin(common);
  if (!common.getConstant() && least && *least >= 1)
    result.expr = *SizeExpr::divideExactly(condition.expr, common);
  return result;
}

void SizeSystem::assume(const SizeCondition &condition) {
  if (condition.kind == SizeCondition::Kind::True)
    return;
  assumed.push_back(condition);
  Cases cases = getCases(reduce(condition));
  if (!cases)
    return;
  std::vector<Conjunction> next;
  for (const Conjunction &state : states)
    for (const Conjunction &extra : *cases) {
      if (states.size() * cases->size() > 1 && isEmpty(state, extra))
        continue;
      next.push_back(state);
      llvm::append_range(next.back(), extra);
    }
  // What is left out is still checked when an example is evaluated.
  if (next.size() <= kMostCases)
    states = std::move(next);
}

void SizeSystem::collect(const SizeExpr &expr, std::vector<bool> &used) const {
  for (const auto &[product, coefficient] : expr.getTerms())
    for (unsigned number : product)
      if (!used[number]) {
        used[number] = true;
        collect(variables[number].lhs, used);
        collect(variables[number].rhs, used);
      }
}

void SizeSystem::collect(const SizeCondition &condition, std::vector<bool> &used) const {
  collect(condition.expr, used);
  for (const SizeCondition &part : condition.parts)
    collect(part, used);
}

static std::string getLine(Location loc) {
  if (auto file = loc->findInstanceOf<FileLineColLoc>())
    return llvm::formatv(" at {0}:{1}", file.getFilename().getValue(), file.getLine()).str();
  return "";
}

std::string SizeSystem::explain(const SizeCondition &condition) const {
  if (isLate())
    return "the time for it is over";
  std::vector<bool> used(variables.size());
  collect(condition, used);
  for (auto [number, variable] : llvm::enumerate(variables))
    if (used[number] && variable.kind == SizeVariable::Kind::Unknown)
      return llvm::formatv("it depends on {0}{1}, which is known when the program runs", variable.name,
                           getLine(variable.loc));
  for (auto [number, variable] : llvm::enumerate(variables))
    if (used[number] && variable.kind == SizeVariable::Kind::TooLarge)
      return "it has sizes beyond 64 bits" + getLine(variable.loc);
  for (auto [number, variable] : llvm::enumerate(variables))
    if (used[number] && variable.kind == SizeVariable::Kind::FloorDiv && !variable.rhs.getConstant())
      return "it divides by a size" + getLine(variable.loc);
  return "it multiplies sizes with each other, and no example was found";
}
