//===- Polynomial.cpp - Canonical form of scalar expressions -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Rules that make the form canonical: odd functions take an argument with a
// positive leading coefficient; exp2(p) is exp(p ln 2); erfc(p) is 1 - erf(p);
// powers of 1/2 are rsqrt; a sum over an index is linear, and factors without
// the index leave it; a maximum of c p with c > 0 is c times that of p.
//
//===----------------------------------------------------------------------===//

#include "et/Analysis/Polynomial.h"

#include "mlir/IR/BuiltinTypes.h"

#include <cmath>

using namespace mlir;
using namespace mlir::et;

/// Beyond this many monomials an expression is an atom: no formula we look for is that long.
static constexpr size_t kMaxTerms = 48;

bool Polynomials::near(double a, double b) const {
  return a == b || std::abs(a - b) <= tolerance * std::max(std::abs(a), std::abs(b));
}

Poly Polynomials::add(const Poly &a, const Poly &b, double factor) const {
  Poly result = a;
  for (const auto &[monomial, coefficient] : b) {
    double other = coefficient * factor;
    auto [it, inserted] = result.try_emplace(monomial, other);
    if (inserted)
      continue;
    // What is left of two equal coefficients is rounding.
    double total = it->second + other;
    if (std::abs(total) <= tolerance * std::max(std::abs(it->second), std::abs(other)))
      result.erase(it);
    else
      it->second = total;
  }
  return result;
}

Poly Polynomials::multiply(const Poly &a, const Poly &b) const {
  Poly result;
  for (const auto &[ma, ca] : a)
    for (const auto &[mb, cb] : b) {
      Monomial product = ma;
      for (auto [atom, exponent] : mb)
        if ((product[atom] += exponent) == 0)
          product.erase(atom);
      result = add(result, {{product, ca * cb}});
    }
  return result;
}

Poly Polynomials::scale(const Poly &a, double factor) const { return multiply(a, constant(factor)); }

std::optional<double> Polynomials::getConstant(const Poly &a) const {
  if (a.empty())
    return 0.0;
  if (a.size() == 1 && a.begin()->first.empty())
    return a.begin()->second;
  return std::nullopt;
}

bool Polynomials::equal(const Poly &a, const Poly &b) const {
  return a.size() == b.size() && llvm::all_of(llvm::zip(a, b), [&](auto pair) {
           auto &[x, y] = pair;
           return x.first == y.first && near(x.second, y.second);
         });
}

Poly Polynomials::reciprocal(const Poly &a) {
  if (auto *single = getSingle(a)) {
    Monomial inverse;
    for (auto [atom, exponent] : single->first)
      inverse[atom] = -exponent;
    return {{inverse, 1.0 / single->second}};
  }
  return function("recip", a);
}

/// Replaces max(p, 0) by p. Only for what is then proved to be a variance, which is never negative.
Poly Polynomials::dropClamps(const Poly &a) {
  Poly result;
  for (const auto &[monomial, coefficient] : a) {
    Expr *clamp = nullptr;
    if (monomial.size() == 1 && monomial.begin()->second == 1)
      clamp = atoms[monomial.begin()->first].leaf;
    bool isClamp = clamp && (clamp->isOp("arith.maximumf") || clamp->isOp("arith.maxnumf"));
    for (unsigned i = 0; isClamp && i < 2; ++i)
      if (clamp->operands[i]->isConstant(0)) {
        result = add(result, get(clamp->operands[1 - i]), coefficient);
        clamp = nullptr;
        break;
      }
    if (!isClamp || clamp)
      result = add(result, {{monomial, coefficient}});
  }
  return result;
}

Poly Polynomials::function(StringRef name, const Poly &argument) {
  if (std::optional<double> c = getConstant(argument)) {
    if (name == "exp")
      return constant(std::exp(*c));
    if (name == "rsqrt" && *c > 0)
      return constant(1 / std::sqrt(*c));
    if (name == "tanh")
      return constant(std::tanh(*c));
    if (name == "erf")
      return constant(std::erf(*c));
    if (name == "recip" && *c != 0)
      return constant(1 / *c);
  }
  Poly inner = name == "rsqrt" ? dropClamps(argument) : argument;
  double factor = 1;
  if (!inner.empty()) {
    double leading = inner.rbegin()->second;
    if (name == "recip") {
      factor = 1 / leading;
      inner = scale(inner, 1 / leading);
    } else if ((name == "tanh" || name == "erf") && leading < 0) {
      factor = -1;
      inner = scale(inner, -1);
    }
  }
  Atom atom(Atom::Kind::Function);
  atom.name = name;
  atom.body = inner;
  return {{{{intern(std::move(atom)), 1}}, factor}};
}

std::optional<unsigned> Polynomials::find(Expr *expr) {
  for (auto [i, atom] : llvm::enumerate(atoms))
    if (atom.kind == Atom::Kind::Leaf && exprs.equal(atom.leaf, expr))
      return i;
  return std::nullopt;
}

unsigned Polynomials::intern(Atom atom) {
  // Renaming below interns atoms of its own: references into the deque outlive that, iterators do not. What it adds are
  // parts of renamed bodies, none of which can be this atom.
  for (unsigned i = 0, count = atoms.size(); i < count; ++i) {
    const Atom &known = atoms[i];
    if (known.kind != atom.kind)
      continue;
    if (atom.kind == Atom::Kind::Leaf) {
      if (exprs.equal(known.leaf, atom.leaf))
        return i;
    } else if (atom.kind == Atom::Kind::Function) {
      if (known.name == atom.name && equal(known.body, atom.body))
        return i;
    } else if (known.combiner == atom.combiner) {
      SmallVector<Var *, 4> a = TensorExprs::resolve(known.bound), b = TensorExprs::resolve(atom.bound);
      if (a.size() != b.size())
        continue;
      // Bound variables have no identity: rename ours to the known ones. Numbering is by position, sizes must agree.
      VarMap names;
      bool sizesAgree = true;
      for (auto [x, y] : llvm::zip(a, b)) {
        sizesAgree &= x->size == y->size;
        names[y] = x;
      }
      if (!sizesAgree)
        continue;
      Poly body = known.body;
      if (equal(body, rename(atom.body, names)))
        return i;
    }
  }
  atoms.push_back(std::move(atom));
  return atoms.size() - 1;
}

Poly Polynomials::leaf(Expr *expr) {
  Atom atom(Atom::Kind::Leaf);
  atom.leaf = expr;
  return this->atom(intern(std::move(atom)));
}

bool Polynomials::dependsOn(unsigned number, Var *var) {
  const Atom &atom = atoms[number];
  if (llvm::is_contained(TensorExprs::resolve(atom.bound), var))
    return false;
  return atom.kind == Atom::Kind::Leaf ? exprs.dependsOn(atom.leaf, var) : dependsOn(atom.body, var);
}

bool Polynomials::dependsOn(const Poly &a, Var *var) {
  for (const auto &entry : a)
    for (auto [atom, exponent] : entry.first)
      if (dependsOn(atom, var))
        return true;
  return false;
}

Poly Polynomials::rename(const Poly &a, const VarMap &names) {
  Poly result;
  for (const auto &[monomial, coefficient] : a) {
    Poly product = constant(coefficient);
    for (const auto &entry : monomial) {
      unsigned number = entry.first;
      int exponent = entry.second;
      bool touched = llvm::any_of(names, [&](auto pair) { return dependsOn(number, pair.first); });
      unsigned renamed = number;
      if (touched) {
        Atom copy = atoms[number];
        if (copy.kind == Atom::Kind::Leaf)
          copy.leaf = exprs.rename(copy.leaf, names);
        else
          copy.body = rename(copy.body, names);
        renamed = intern(std::move(copy));
      }
      product = multiply(product, {{{{renamed, exponent}}, 1.0}});
    }
    result = add(result, product);
  }
  return result;
}

Poly Polynomials::get(Expr *expr) {
  auto it = built.find(expr);
  if (it != built.end())
    return it->second;
  Poly poly;
  std::optional<Poly> hooked;
  if (hook && expr->kind == Expr::Kind::Op)
    hooked = hook(expr);
  poly = hooked ? *hooked : build(expr);
  if (poly.size() > kMaxTerms)
    poly = leaf(expr);
  built[expr] = poly;
  return poly;
}

Poly Polynomials::build(Expr *expr) {
  switch (expr->kind) {
  case Expr::Kind::Constant:
    return std::isfinite(expr->number) ? constant(expr->number) : leaf(expr);
  case Expr::Kind::Load:
    if (expand(expr))
      if (Expr *definition = exprs.define(expr))
        return get(definition);
    return leaf(expr);
  case Expr::Kind::Scalar:
  case Expr::Kind::Index:
    return leaf(expr);
  case Expr::Kind::Reduce:
    return reduce(expr);
  case Expr::Kind::Op:
    break;
  }
  StringRef name = expr->name;
  auto operand = [&](unsigned i) { return get(expr->operands[i]); };
  if (!isa<FloatType>(expr->type))
    return leaf(expr);
  if (name == "arith.addf")
    return add(operand(0), operand(1));
  if (name == "arith.subf")
    return add(operand(0), operand(1), -1);
  if (name == "arith.negf")
    return scale(operand(0), -1);
  if (name == "arith.mulf")
    return multiply(operand(0), operand(1));
  if (name == "math.fma")
    return add(multiply(operand(0), operand(1)), operand(2));
  if (name == "arith.divf") {
    Poly divisor = operand(1);
    return divisor.empty() ? leaf(expr) : multiply(operand(0), reciprocal(divisor));
  }
  if (name == "arith.extf")
    return operand(0);
  if (name == "arith.truncf") {
    narrowest = std::min(narrowest, expr->type.getIntOrFloatBitWidth());
    return operand(0);
  }
  if (name == "math.exp")
    return function("exp", operand(0));
  if (name == "math.exp2")
    return function("exp", scale(operand(0), std::log(2.0)));
  if (name == "math.tanh" || name == "math.erf" || name == "math.rsqrt")
    return function(name.drop_front(5), operand(0));
  if (name == "math.erfc")
    return add(constant(1), function("erf", operand(0)), -1);
  if (name == "math.sqrt")
    return reciprocal(function("rsqrt", operand(0)));
  if (name == "math.powf" || name == "math.fpowi") {
    Poly power = operand(1);
    // fpowi has an integer exponent, which is a constant expression all the same.
    std::optional<double> exponent = expr->operands[1]->kind == Expr::Kind::Constant
                                         ? std::optional<double>(expr->operands[1]->number)
                                         : getConstant(power);
    if (!exponent)
      return leaf(expr);
    if (*exponent == 0.5 || *exponent == -0.5) {
      Poly root = function("rsqrt", operand(0));
      return *exponent < 0 ? root : reciprocal(root);
    }
    if (*exponent != std::floor(*exponent) || std::abs(*exponent) > 4 || *exponent == 0)
      return leaf(expr);
    Poly base = operand(0), result = base;
    for (int i = 1; i < std::abs(*exponent); ++i)
      result = multiply(result, base);
    return *exponent < 0 ? reciprocal(result) : result;
  }
  return leaf(expr);
}

Poly Polynomials::reduce(Expr *expr) {
  Expr *init = expr->operands[1];
  if (!isa<FloatType>(expr->type))
    return leaf(expr);
  if (expr->combiner == Combiner::Sum) {
    Poly body = get(expr->operands[0]);
    if (body.size() > kMaxTerms / 2)
      return leaf(expr);
    return add(get(init), sum(expr->bound, body, expr));
  }
  if (expr->combiner != Combiner::Max)
    return leaf(expr);
  // A maximum may start from -inf or from the lowest number there is; nothing else is neutral.
  if (init->kind != Expr::Kind::Constant || init->number > -3.38e38) {
    bool half = expr->type.isF16() && init->kind == Expr::Kind::Constant && init->number <= -65504;
    if (!half)
      return leaf(expr);
  }
  Poly body = get(expr->operands[0]);
  if (body.empty())
    return leaf(expr);
  double factor = std::abs(body.rbegin()->second);
  Atom atom(Atom::Kind::Reduce);
  atom.combiner = Combiner::Max;
  atom.bound = expr->bound;
  atom.body = scale(body, 1 / factor);
  return {{{{intern(std::move(atom)), 1}}, factor}};
}

Poly Polynomials::sum(ArrayRef<Var *> bound, const Poly &body, Expr *expr) {
  Poly result;
  for (const auto &[monomial, coefficient] : body) {
    SmallVector<Var *, 4> used;
    double count = coefficient;
    for (Var *var : TensorExprs::resolve(bound)) {
      bool uses = llvm::any_of(monomial, [&](auto entry) { return dependsOn(entry.first, var); });
      if (!uses && var->size > 0)
        count *= var->size;
      else
        used.push_back(var);
    }
    Monomial inside, outside;
    for (const auto &entry : monomial) {
      bool inner = llvm::any_of(used, [&](Var *var) { return dependsOn(entry.first, var); });
      (inner ? inside : outside)[entry.first] = entry.second;
    }
    Poly term = {{outside, count}};
    if (!used.empty()) {
      Atom atom(Atom::Kind::Reduce);
      atom.combiner = Combiner::Sum;
      atom.bound.assign(used.begin(), used.end());
      atom.body = {{inside, 1.0}};
      term = multiply(term, this->atom(intern(std::move(atom))));
    }
    result = add(result, term);
  }
  return result;
}
