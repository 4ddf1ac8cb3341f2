//===- SizeExpr.cpp - Polynomials of sizes, and conditions -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "et/Analysis/SizeSystem.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>

using namespace mlir;
using namespace mlir::et;

std::optional<int64_t> SizeExpr::getConstant() const {
  if (terms.empty())
    return 0;
  if (terms.size() == 1 && terms.begin()->first.empty())
    return terms.begin()->second;
  return std::nullopt;
}

std::optional<SizeExpr> SizeExpr::add(const SizeExpr &a, const SizeExpr &b, int64_t factor) {
  SizeExpr result = a;
  for (const auto &[product, coefficient] : b.terms) {
    int64_t scaled, sum;
    auto it = result.terms.find(product);
    int64_t before = it == result.terms.end() ? 0 : it->second;
    if (llvm::MulOverflow(coefficient, factor, scaled) || llvm::AddOverflow(before, scaled, sum))
      return std::nullopt;
    if (sum)
      result.terms[product] = sum;
    else if (it != result.terms.end())
      result.terms.erase(it);
  }
  return result;
}

std::optional<SizeExpr> SizeExpr::multiply(const SizeExpr &a, const SizeExpr &b) {
  SizeExpr result;
  for (const auto &[productA, coefficientA] : a.terms)
    for (const auto &[productB, coefficientB] : b.terms) {
      SizeExpr term;
      Product product;
      std::merge(productA.begin(), productA.end(), productB.begin(), productB.end(), std::back_inserter(product));
      if (llvm::MulOverflow(coefficientA, coefficientB, term.terms[product]))
        return std::nullopt;
      std::optional<SizeExpr> sum = add(result, term);
      if (!sum)
        return std::nullopt;
      result = std::move(*sum);
    }
  return result;
}

std::optional<SizeExpr> SizeExpr::divideExactly(const SizeExpr &a, const SizeExpr &b) {
  if (b.terms.size() != 1)
    return std::nullopt;
  const auto &[divisor, by] = *b.terms.begin();
  SizeExpr result;
  for (const auto &[product, coefficient] : a.terms) {
    if (coefficient % by || !std::includes(product.begin(), product.end(), divisor.begin(), divisor.end()))
      return std::nullopt;
    Product rest;
    std::set_difference(product.begin(), product.end(), divisor.begin(), divisor.end(), std::back_inserter(rest));
    result.terms[rest] = coefficient / by;
  }
  return result;
}

SizeExpr SizeExpr::getCommonFactor(const SizeExpr &a, const SizeExpr &b) {
  std::optional<Product> common;
  for (const SizeExpr *expr : {&a, &b})
    for (const auto &[product, coefficient] : expr->terms) {
      Product both;
      if (common)
        std::set_intersection(common->begin(), common->end(), product.begin(), product.end(), std::back_inserter(both));
      common = common ? std::move(both) : product;
    }
  SizeExpr result(1);
  if (common && !common->empty())
    result.terms = {{*common, 1}};
  return result;
}

SizeCondition SizeCondition::negate() const {
  switch (kind) {
  case Kind::True:
  case Kind::False:
    return constant(kind == Kind::False);
  case Kind::NotNegative: {
    // -e - 1 >= 0; coefficients so large were never built.
    return notNegative(SizeExpr::add(SizeExpr(-1), expr, -1).value_or(SizeExpr(-1)));
  }
  case Kind::Equal: {
    SizeCondition below = notNegative(expr).negate();
    return either(notNegative(SizeExpr::add(expr, SizeExpr(-1)).value_or(SizeExpr(-1))), std::move(below));
  }
  case Kind::And:
  case Kind::Or: {
    SizeCondition result{kind == Kind::And ? Kind::Or : Kind::And, {}, {}};
    for (const SizeCondition &part : parts)
      result.parts.push_back(part.negate());
    return result;
  }
  }
  llvm_unreachable("unknown kind");
}
