//===- Polynomial.h - Canonical form of scalar expressions -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Writes an expression as a polynomial over atoms: elements of tensors,
// functions of polynomials, and reductions. Sums leave products and constants
// leave sums, so that all ways to write a formula meet: x / s and x * (1 / s),
// a mean taken before or after the subtraction, exp2 with log2(e) folded in, a
// scale on the query, on the key, on the scores, or its square root on both.
//
// Equality holds over the real numbers, constants within a tolerance: this is
// numerics class R2.
//
//===----------------------------------------------------------------------===//

#ifndef ET_ANALYSIS_POLYNOMIAL_H
#define ET_ANALYSIS_POLYNOMIAL_H

#include "et/Analysis/TensorExpr.h"

#include <functional>
#include <map>
#include <vector>

namespace mlir::et {

/// A product of atoms, by number, with integer exponents, and what it is multiplied by: atom -> exponent.
using Monomial = std::map<unsigned, int>;
/// A sum of monomials with coefficients.
using Poly = std::map<Monomial, double>;

struct Atom {
  enum class Kind {
    Leaf,     ///< `leaf`, an expression that is not taken apart
    Function, ///< `name` of `body`: exp, tanh, erf, rsqrt, recip
    Reduce,   ///< `combiner` over `bound` of `body`
  };
  explicit Atom(Kind kind) : kind(kind) {}

  Kind kind;
  Expr *leaf = nullptr;
  StringRef name;
  Combiner combiner = Combiner::Sum;
  SmallVector<Var *, 2> bound;
  Poly body;

  bool isFunction(StringRef n) const { return kind == Kind::Function && name == n; }
  bool isReduce(Combiner c) const { return kind == Kind::Reduce && combiner == c; }
};

/// Builds polynomials and owns their atoms.
class Polynomials {
public:
  /// \p expand says which loads to open; others are atoms.
  Polynomials(TensorExprs &exprs, std::function<bool(Expr *)> expand, double tolerance)
      : exprs(exprs), expand(std::move(expand)), tolerance(tolerance) {}

  Poly get(Expr *expr);
  static Poly constant(double c) { return c == 0 ? Poly() : Poly{{{}, c}}; }
  Poly atom(unsigned number) const { return {{{{number, 1}}, 1.0}}; }
  Poly add(const Poly &a, const Poly &b, double factor = 1.0) const;
  Poly multiply(const Poly &a, const Poly &b) const;
  Poly scale(const Poly &a, double factor) const;
  Poly reciprocal(const Poly &a);
  Poly function(StringRef name, const Poly &argument);
  Poly rename(const Poly &a, const VarMap &names);

  bool equal(const Poly &a, const Poly &b) const;
  bool near(double a, double b) const;
  /// The value of a polynomial without atoms.
  std::optional<double> getConstant(const Poly &a) const;
  /// Its only monomial, if it has one.
  static const std::pair<const Monomial, double> *getSingle(const Poly &a) {
    return a.size() == 1 ? &*a.begin() : nullptr;
  }

  const Atom &operator[](unsigned number) const { return atoms[number]; }
  unsigned getNumAtoms() const { return atoms.size(); }
  bool dependsOn(const Poly &a, Var *var);
  bool dependsOn(unsigned number, Var *var);
  std::optional<unsigned> find(Expr *leaf);
  TensorExprs &getExprs() { return exprs; }

  /// Asked for each operation before the rules: lets a matcher see through its own forms.
  std::function<std::optional<Poly>(Expr *)> hook;
  /// Width of the narrowest float type a value was rounded to on the way; 64 when none was.
  unsigned narrowest = 64;

private:
  Poly build(Expr *expr);
  Poly reduce(Expr *expr);
  Poly sum(ArrayRef<Var *> bound, const Poly &body, Expr *expr);
  unsigned intern(Atom atom);
  Poly leaf(Expr *expr);
  Poly dropClamps(const Poly &a);

  TensorExprs &exprs;
  std::function<bool(Expr *)> expand;
  double tolerance;
  std::deque<Atom> atoms;
  std::map<Expr *, Poly> built;
};

} // namespace mlir::et

#endif // ET_ANALYSIS_POLYNOMIAL_H
