//===- SizeDecisions.cpp - Decide conditions on sizes -----------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A product of variables is a column of its own in front of the Presburger
// library, with what follows from the least values of its factors. That no
// integers satisfy the columns proves that no sizes do; integers that do are put
// into the conditions themselves, and when they fail there, small sizes are tried.
//
//===----------------------------------------------------------------------===//

#include "et/Analysis/SizeSystem.h"

#include "mlir/Analysis/Presburger/IntegerRelation.h"
#include "mlir/Analysis/Presburger/Simplex.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::et;

/// How far above their least values symbols may be in an example, in turn: people understand small ones.
static constexpr int64_t kSmall[] = {1, 2, 3, 4, 5, 8, 16, 64, 1024};
/// What symbols are tried with where products stand in the way, and how many combinations.
static constexpr int64_t kTried[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 16, 17, 32, 63, 64, 100, 128, 129, 512, 1000};
static constexpr int64_t kMostTries = 20000;

//===----------------------------------------------------------------------===//
// Proofs
//===----------------------------------------------------------------------===//

SizeSystem::Conjunction SizeSystem::getFacts() const {
  Conjunction facts;
  for (auto [number, variable] : llvm::enumerate(variables)) {
    SizeExpr self = SizeExpr::variable(number);
    auto require = [&](const SizeExpr &a, const SizeExpr &b, int64_t factor, int64_t constant = 0) {
      std::optional<SizeExpr> sum = SizeExpr::add(a, b, factor);
      if (sum)
        sum = SizeExpr::add(*sum, SizeExpr(constant));
      if (sum)
        facts.push_back({*sum, /*isEquality=*/false});
    };
    if (variable.min)
      require(self, SizeExpr(*variable.min), -1);
    if (variable.max)
      require(SizeExpr(*variable.max), self, -1);
    std::optional<int64_t> least = getMin(variable.rhs);
    if (variable.kind != SizeVariable::Kind::FloorDiv || !least || *least < 1)
      continue;
    std::optional<SizeExpr> whole = SizeExpr::multiply(self, variable.rhs);
    if (!whole)
      continue;
    require(variable.lhs, *whole, -1);
    if (std::optional<SizeExpr> next = SizeExpr::add(*whole, variable.rhs))
      require(*next, variable.lhs, -1, -1);
  }
  return facts;
}

std::optional<std::vector<int64_t>> SizeSystem::sample(const Conjunction &state, const Conjunction &extra,
                                                       std::optional<int64_t> below, bool proof, bool &exists) const {
  Conjunction rows = extra;
  llvm::append_range(rows, state);
  llvm::append_range(rows, getFacts());
  if (proof) {
    // What shares no variable with the question, directly or not, cannot contradict it: the state is possible.
    std::vector<bool> used(variables.size());
    for (const auto &[expr, isEquality] : extra)
      collect(expr, used);
    std::vector<bool> taken(rows.size());
    for (bool changed = true; changed;) {
      changed = false;
      for (auto [index, row] : llvm::enumerate(rows)) {
        std::vector<bool> own(variables.size());
        collect(row.first, own);
        bool shares = llvm::any_of(llvm::seq<size_t>(0, own.size()), [&](size_t i) { return own[i] && used[i]; });
        if (taken[index] || !(shares || index < extra.size()))
          continue;
        taken[index] = changed = true;
        for (size_t i = 0; i < own.size(); ++i)
          used[i] = used[i] || own[i];
      }
    }
    Conjunction kept;
    for (auto [index, row] : llvm::enumerate(rows))
      if (taken[index])
        kept.push_back(row);
    rows = std::move(kept);
  }
  if (below)
    for (auto [number, variable] : llvm::enumerate(variables)) {
      int64_t most;
      if (variable.kind != SizeVariable::Kind::Symbol || llvm::AddOverflow(variable.min.value_or(1) - 1, *below, most))
        continue;
      if (std::optional<SizeExpr> room = SizeExpr::add(SizeExpr(most), SizeExpr::variable(number), -1))
        rows.push_back({*room, /*isEquality=*/false});
    }

  // Columns, and what products are at least.
  std::map<SizeExpr::Product, unsigned> columns;
  for (size_t index = 0; index < rows.size(); ++index) {
    // Rows are added on the way.
    SizeExpr expr = rows[index].first;
    for (const auto &[product, coefficient] : expr.getTerms()) {
      if (product.empty() || !columns.try_emplace(product, columns.size()).second || product.size() == 1)
        continue;
      SizeExpr::Product rest(product.begin() + 1, product.end());
      std::optional<int64_t> minFirst = getMin(SizeExpr::Product{product.front()}), minRest = getMin(rest);
      if (!minFirst || !minRest)
        continue;
      // (first - min)(rest - min) >= 0
      auto asExpr = [](ArrayRef<unsigned> numbers) {
        SizeExpr result(1);
        for (unsigned number : numbers)
          result = *SizeExpr::multiply(result, SizeExpr::variable(number));
        return result;
      };
      SizeExpr fact = *SizeExpr::add(asExpr(product), asExpr(rest), -*minFirst);
      std::optional<SizeExpr> less = SizeExpr::add(fact, SizeExpr::variable(product.front()), -*minRest);
      int64_t both;
      if (!less || llvm::MulOverflow(*minFirst, *minRest, both))
        continue;
      if (std::optional<SizeExpr> whole = SizeExpr::add(*less, SizeExpr(both)))
        rows.push_back({*whole, /*isEquality=*/false});
    }
  }
  using namespace presburger;
  IntegerPolyhedron polyhedron(PresburgerSpace::getSetSpace(columns.size()));
  for (const auto &[expr, isEquality] : rows) {
    SmallVector<int64_t> row(columns.size() + 1);
    for (const auto &[product, coefficient] : expr.getTerms())
      row[product.empty() ? columns.size() : columns[product]] = coefficient;
    if (isEquality)
      polyhedron.addEquality(row);
    else
      polyhedron.addInequality(row);
  }
  exists = false;
  if (polyhedron.isEmptyByGCDTest() || Simplex(polyhedron).isEmpty())
    return std::nullopt;
  std::optional<SmallVector<llvm::DynamicAPInt, 8>> found = polyhedron.findIntegerSample();
  exists = found.has_value();
  if (!found)
    return std::nullopt;
  std::vector<int64_t> values(variables.size());
  for (auto [number, variable] : llvm::enumerate(variables)) {
    // Whoever takes no part has its least value.
    int64_t least = variable.min.value_or(0);
    values[number] = llvm::divideCeilSigned(least, variable.multipleOf) * variable.multipleOf;
    auto it = columns.find({unsigned(number)});
    if (it == columns.end())
      continue;
    const llvm::DynamicAPInt &value = (*found)[it->second];
    if (value > llvm::DynamicAPInt(INT64_MAX) || value < llvm::DynamicAPInt(INT64_MIN))
      return std::nullopt;
    values[number] = int64_t(value);
  }
  return values;
}

bool SizeSystem::isEmpty(const Conjunction &state, const Conjunction &extra) const {
  if (isLate())
    return false;
  bool exists;
  sample(state, extra, std::nullopt, /*proof=*/true, exists);
  return !exists;
}

bool SizeSystem::isPossible() {
  llvm::erase_if(states, [&](const Conjunction &state) {
    if (isLate())
      return false;
    bool exists;
    sample(state, {}, std::nullopt, /*proof=*/false, exists);
    return !exists;
  });
  return !states.empty();
}

SizeSystem::Decision SizeSystem::decide(const SizeCondition &condition) {
  auto isImpossible = [&](const Cases &cases) {
    return cases && llvm::all_of(states, [&](const Conjunction &state) {
             return llvm::all_of(*cases, [&](const Conjunction &extra) { return isEmpty(state, extra); });
           });
  };
  Cases broken = getCases(reduce(condition).negate());
  if (isImpossible(broken))
    return {Truth::Always, {}, ""};
  Truth truth = isImpossible(getCases(reduce(condition))) ? Truth::Never : Truth::Sometimes;
  std::optional<SizeExample> example = findExample(condition, broken);
  if (!example)
    example = searchExample(condition);
  if (truth == Truth::Never)
    return {truth, example.value_or(SizeExample()), ""};
  std::vector<bool> used(variables.size());
  collect(condition, used);
  bool isKnown = llvm::all_of(llvm::enumerate(variables), [&](auto entry) {
    return !used[entry.index()] ||
           (entry.value().kind != SizeVariable::Kind::Unknown && entry.value().kind != SizeVariable::Kind::TooLarge);
  });
  if (!example || !isKnown)
    return {Truth::Unknown, {}, explain(condition)};
  return {truth, *example, ""};
}

//===----------------------------------------------------------------------===//
// Examples
//===----------------------------------------------------------------------===//

std::optional<int64_t> SizeSystem::evaluate(const SizeExpr &expr,
                                            const std::vector<std::optional<int64_t>> &values) const {
  int64_t sum = 0;
  for (const auto &[product, coefficient] : expr.getTerms()) {
    int64_t term = coefficient;
    for (unsigned number : product)
      if (!values[number] || llvm::MulOverflow(term, *values[number], term))
        return std::nullopt;
    if (llvm::AddOverflow(sum, term, sum))
      return std::nullopt;
  }
  return sum;
}

bool SizeSystem::complete(std::vector<std::optional<int64_t>> &values) const {
  // Definitions only name variables in front of them.
  for (auto [number, variable] : llvm::enumerate(variables)) {
    if (variable.kind == SizeVariable::Kind::Symbol || variable.kind == SizeVariable::Kind::Unknown) {
      int64_t value = *values[number];
      if ((variable.min && value < *variable.min) || (variable.max && value > *variable.max) ||
          value % variable.multipleOf)
        return false;
      continue;
    }
    std::optional<int64_t> lhs = evaluate(variable.lhs, values), rhs = evaluate(variable.rhs, values);
    values[number] = std::nullopt;
    if (!lhs || !rhs || variable.kind == SizeVariable::Kind::TooLarge)
      return false;
    if (variable.kind == SizeVariable::Kind::Min || variable.kind == SizeVariable::Kind::Max)
      values[number] = variable.kind == SizeVariable::Kind::Min ? std::min(*lhs, *rhs) : std::max(*lhs, *rhs);
    else if (*rhs != 0)
      values[number] = llvm::divideFloorSigned(*lhs, *rhs);
    else
      return false;
  }
  return true;
}

std::optional<bool> SizeSystem::evaluate(const SizeCondition &condition,
                                         const std::vector<std::optional<int64_t>> &values) const {
  using Kind = SizeCondition::Kind;
  switch (condition.kind) {
  case Kind::True:
  case Kind::False:
    return condition.kind == Kind::True;
  case Kind::Equal:
  case Kind::NotNegative: {
    std::optional<int64_t> value = evaluate(condition.expr, values);
    if (!value)
      return std::nullopt;
    return condition.kind == Kind::Equal ? *value == 0 : *value >= 0;
  }
  case Kind::And:
  case Kind::Or: {
    for (const SizeCondition &part : condition.parts) {
      std::optional<bool> holds = evaluate(part, values);
      if (!holds)
        return std::nullopt;
      if (*holds == (condition.kind == Kind::Or))
        return *holds;
    }
    return condition.kind == Kind::And;
  }
  }
  llvm_unreachable("unknown kind");
}

bool SizeSystem::breaks(std::vector<std::optional<int64_t>> values, const SizeCondition &condition) const {
  if (!complete(values))
    return false;
  for (const SizeCondition &one : assumed)
    if (evaluate(one, values) != std::optional(true))
      return false;
  return evaluate(condition, values) == std::optional(false);
}

SizeExample SizeSystem::getExample(const std::vector<std::optional<int64_t>> &values) const {
  SizeExample result;
  for (auto [number, variable] : llvm::enumerate(variables))
    if (variable.kind == SizeVariable::Kind::Symbol)
      result[variable.name] = *values[number];
  return result;
}

std::optional<SizeExample> SizeSystem::findExample(const SizeCondition &condition, const Cases &broken) const {
  if (!broken)
    return std::nullopt;
  SmallVector<std::optional<int64_t>> bounds(std::begin(kSmall), std::end(kSmall));
  bounds.push_back(std::nullopt);
  for (std::optional<int64_t> below : bounds)
    for (const Conjunction &state : states)
      for (const Conjunction &extra : *broken) {
        if (isLate())
          return std::nullopt;
        bool exists;
        std::optional<std::vector<int64_t>> found = sample(state, extra, below, /*proof=*/false, exists);
        if (!found)
          continue;
        std::vector<std::optional<int64_t>> values(found->begin(), found->end());
        if (breaks(values, condition))
          return getExample(values);
      }
  return std::nullopt;
}

std::optional<SizeExample> SizeSystem::searchExample(const SizeCondition &condition) const {
  // Only symbols that have something to do with it, the first few of them.
  std::vector<bool> used(variables.size());
  collect(condition, used);
  for (const SizeCondition &one : assumed)
    collect(one, used);
  SmallVector<unsigned> symbols;
  std::vector<std::optional<int64_t>> values(variables.size(), 0);
  for (auto [number, variable] : llvm::enumerate(variables)) {
    values[number] = llvm::divideCeilSigned(variable.min.value_or(0), variable.multipleOf) * variable.multipleOf;
    if (used[number] && variable.kind == SizeVariable::Kind::Symbol)
      symbols.push_back(number);
  }
  // As many values of each as there is time for, small ones first: all combinations up to a size, then the next size.
  for (size_t most = 1; most <= std::size(kTried); ++most) {
    int64_t count = 1;
    for (size_t i = 0; i < symbols.size(); ++i)
      if (llvm::MulOverflow(count, int64_t(most), count))
        count = kMostTries + 1;
    if (count > kMostTries || isLate())
      break;
    for (int64_t combination = 0; combination < count; ++combination) {
      int64_t rest = combination;
      bool isNew = symbols.empty();
      for (unsigned symbol : symbols) {
        isNew |= rest % most == most - 1;
        values[symbol] = kTried[rest % most] * variables[symbol].multipleOf;
        rest /= most;
      }
      if (isNew && breaks(values, condition))
        return getExample(values);
    }
  }
  return std::nullopt;
}
