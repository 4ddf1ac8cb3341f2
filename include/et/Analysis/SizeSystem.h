//===- SizeSystem.h - What is known of sizes, and what follows -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Sizes are polynomials over variables: the symbols of a program, and what
// divisions, minima and products that are not linear come to. Conditions on them
// are decided with MLIR's Presburger library, for which each product of variables
// is a variable of its own. So "it always holds" is a proof; a size that breaks a
// condition is only believed when it does so on evaluation.
//
//===----------------------------------------------------------------------===//

#ifndef ET_ANALYSIS_SIZESYSTEM_H
#define ET_ANALYSIS_SIZESYSTEM_H

#include "mlir/IR/Location.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace mlir::et {

/// A sum of products of variables, by number, with integer coefficients.
class SizeExpr {
public:
  /// Variables of a product in ascending order; empty for the constant.
  using Product = std::vector<unsigned>;

  SizeExpr(int64_t constant = 0) {
    if (constant)
      terms[{}] = constant;
  }
  static SizeExpr variable(unsigned number) {
    SizeExpr result;
    result.terms[{number}] = 1;
    return result;
  }

  std::optional<int64_t> getConstant() const;
  const std::map<Product, int64_t> &getTerms() const { return terms; }
  bool operator==(const SizeExpr &other) const { return terms == other.terms; }
  bool operator<(const SizeExpr &other) const { return terms < other.terms; }

  /// Null when a coefficient does not fit into 64 bits.
  static std::optional<SizeExpr> add(const SizeExpr &a, const SizeExpr &b, int64_t factor = 1);
  static std::optional<SizeExpr> multiply(const SizeExpr &a, const SizeExpr &b);
  /// a / b when the division leaves nothing, term by term; b has one term.
  static std::optional<SizeExpr> divideExactly(const SizeExpr &a, const SizeExpr &b);
  /// The product of the variables that are in all terms of both, as often as they are.
  static SizeExpr getCommonFactor(const SizeExpr &a, const SizeExpr &b);

private:
  std::map<Product, int64_t> terms;
};

/// A condition on sizes: expr == 0, expr >= 0, or several of these.
struct SizeCondition {
  enum class Kind { True, False, Equal, NotNegative, And, Or };
  Kind kind = Kind::True;
  SizeExpr expr;
  std::vector<SizeCondition> parts;

  static SizeCondition equal(SizeExpr expr) { return {Kind::Equal, std::move(expr), {}}; }
  static SizeCondition notNegative(SizeExpr expr) { return {Kind::NotNegative, std::move(expr), {}}; }
  static SizeCondition constant(bool holds) { return {holds ? Kind::True : Kind::False, {}, {}}; }
  static SizeCondition both(SizeCondition a, SizeCondition b) { return {Kind::And, {}, {std::move(a), std::move(b)}}; }
  static SizeCondition either(SizeCondition a, SizeCondition b) { return {Kind::Or, {}, {std::move(a), std::move(b)}}; }
  SizeCondition negate() const;
};

/// What a variable stands for.
struct SizeVariable {
  enum class Kind {
    Symbol,   ///< a size that the user of the program chooses
    Unknown,  ///< a value that is known when the program runs
    TooLarge, ///< a value beyond 64 bits
    FloorDiv, ///< lhs / rhs, rounded down
    Min,
    Max,
  };
  Kind kind;
  std::string name;
  Location loc;
  SizeExpr lhs, rhs;
  /// Known bounds.
  std::optional<int64_t> min, max;
  int64_t multipleOf = 1;
};

/// A value for each symbol, by name.
using SizeExample = std::map<std::string, int64_t>;

/// Conditions that hold, and decisions about others.
class SizeSystem {
public:
  enum class Truth { Always, Never, Sometimes, Unknown };
  struct Decision {
    Truth truth;
    /// Of Never and Sometimes: sizes with which the condition fails and everything else holds.
    SizeExample example;
    /// Of Unknown: why.
    std::string reason;
  };

  /// Decisions after \p deadline are Unknown.
  explicit SizeSystem(std::chrono::steady_clock::time_point deadline) : deadline(deadline), states(1) {}

  SizeExpr addSymbol(SizeVariable variable);
  SizeExpr add(const SizeExpr &a, const SizeExpr &b, Location loc, int64_t factor = 1);
  SizeExpr multiply(const SizeExpr &a, const SizeExpr &b, Location loc);
  /// Rounded down; \p b is not zero.
  SizeExpr floorDiv(const SizeExpr &a, const SizeExpr &b, Location loc);
  SizeExpr minMax(SizeVariable::Kind kind, const SizeExpr &a, const SizeExpr &b, Location loc);

  /// From here on \p condition holds.
  void assume(const SizeCondition &condition);
  /// Whether nothing contradicts what was assumed: false is a proof.
  bool isPossible();
  /// Whether \p condition holds for all sizes for which everything assumed does.
  Decision decide(const SizeCondition &condition);

private:
  /// Conditions expr == 0 (true) or expr >= 0, all of which hold.
  using Conjunction = std::vector<std::pair<SizeExpr, bool>>;
  /// Any of which holds; null when they are too many.
  using Cases = std::optional<std::vector<Conjunction>>;

  SizeExpr define(SizeVariable variable);
  SizeExpr tooLarge(Location loc);
  std::optional<int64_t> getMin(const SizeExpr &expr) const;
  std::optional<int64_t> getMin(const SizeExpr::Product &product) const;
  static Cases getCases(const SizeCondition &condition);
  /// The same without positive factors of its sides: n k == 2 n q is k == 2 q.
  SizeCondition reduce(const SizeCondition &condition) const;
  Conjunction getFacts() const;
  /// Values of all variables that satisfy the conditions, products apart; with \p below, symbols have one of their
  /// first so many values. With
  /// \p proof, only whether there are any.
  std::optional<std::vector<int64_t>> sample(const Conjunction &state, const Conjunction &extra,
                                             std::optional<int64_t> below, bool proof, bool &exists) const;
  bool isEmpty(const Conjunction &state, const Conjunction &extra) const;
  bool isLate() const { return std::chrono::steady_clock::now() > deadline; }

  /// Values of all variables when symbols have those of \p values; null when something cannot be computed.
  bool complete(std::vector<std::optional<int64_t>> &values) const;
  std::optional<int64_t> evaluate(const SizeExpr &expr, const std::vector<std::optional<int64_t>> &values) const;
  std::optional<bool> evaluate(const SizeCondition &condition, const std::vector<std::optional<int64_t>> &values) const;
  /// Whether with these values of the symbols everything assumed holds, and \p condition does not.
  bool breaks(std::vector<std::optional<int64_t>> values, const SizeCondition &condition) const;
  std::optional<SizeExample> findExample(const SizeCondition &condition, const Cases &broken) const;
  std::optional<SizeExample> searchExample(const SizeCondition &condition) const;
  SizeExample getExample(const std::vector<std::optional<int64_t>> &values) const;
  void collect(const SizeExpr &expr, std::vector<bool> &used) const;
  void collect(const SizeCondition &condition, std::vector<bool> &used) const;
  std::string explain(const SizeCondition &condition) const;

  std::chrono::steady_clock::time_point deadline;
  std::vector<SizeVariable> variables;
  std::vector<SizeCondition> assumed;
  std::vector<Conjunction> states;
};

} // namespace mlir::et

#endif // ET_ANALYSIS_SIZESYSTEM_H
