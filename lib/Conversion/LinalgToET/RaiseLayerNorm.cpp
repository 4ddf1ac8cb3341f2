//===- RaiseLayerNorm.cpp - Raise layer and RMS normalisation -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// With S = sum x and Q = sum x^2 over the last dimension of size D, recognises
//
//   layer norm: (x - S/D) * rsqrt(Q/D - S^2/D^2 + eps) * gamma + beta
//   RMS norm:   x * rsqrt(Q/D + eps) * gamma
//
// in any form: as polynomials, the mean of squared differences and the
// difference of means are the same, and so are gamma applied to the root or to
// the difference. x is one tensor, tried nearest to the root first.
//
// Refuses other divisors than D, an epsilon outside the root, means over other
// dimensions, and gamma or beta that vary along other dimensions.
//
//===----------------------------------------------------------------------===//

#include "RaiseUtils.h"
#include "et/Conversion/LinalgToET/LinalgToET.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Remarks.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>

namespace mlir::et {
#define GEN_PASS_DEF_RAISELAYERNORMPASS
#include "et/Conversion/LinalgToET/Passes.h.inc"
} // namespace mlir::et

#define DEBUG_TYPE "et-raise-layer-norm"

using namespace mlir;
using namespace mlir::et;

namespace {
/// One attempt: \p root computed from tensor \p x.
struct NormMatcher {
  TensorExprs exprs;
  Polynomials polys;
  Value root, x;
  bool rms;
  DenseSet<Operation *> between;
  SmallVector<Index, 4> indices;
  SmallVector<Var *, 4> rows, columns;
  Expr *input = nullptr, *gamma = nullptr, *beta = nullptr;
  double eps = 0, gammaConstant = 1, betaConstant = 0;
  Refusal refusal;

  NormMatcher(const DimSizes &sizes, Value root, Value x, bool rms)
      : exprs(sizes), polys(
                          exprs, [this](Expr *load) { return isExpanded(load); },
                          getTolerance(cast<RankedTensorType>(root.getType()).getElementType())),
        root(root), x(x), rms(rms), between(getOpsBetween(x, root)) {}

  bool isExpanded(Expr *load) {
    Operation *op = load->value.getDefiningOp();
    if (!op || load->value == x)
      return false;
    if (between.contains(op))
      return true;
    Expr *definition = exprs.define(load);
    return definition && (definition->kind == Expr::Kind::Constant || definition->isOp("arith.extf"));
  }

  LogicalResult refuse(int progress, const Twine &reason, const Twine &suggestion) {
    refusal.merge({progress, reason.str(), suggestion.str()});
    return failure();
  }

  bool isInput(unsigned number) {
    Expr *leaf = polys[number].leaf;
    return leaf && leaf->kind == Expr::Kind::Load && leaf->value == x;
  }

  /// The sum of squares of x in \p argument.
  std::optional<unsigned> findSquares(const Poly &argument) {
    for (const auto &[monomial, coefficient] : argument)
      if (monomial.size() == 1 && monomial.begin()->second == 1) {
        const Atom &atom = polys[monomial.begin()->first];
        if (atom.isReduce(Combiner::Sum) && atom.body.size() == 1 && atom.body.begin()->first.size() == 1 &&
            atom.body.begin()->first.begin()->second == 2 && isInput(atom.body.begin()->first.begin()->first))
          return monomial.begin()->first;
      }
    return std::nullopt;
  }

  LogicalResult match() {
    indices = exprs.makeIndices(root);
    Expr *load = exprs.load(root, indices);
    auto type = cast<RankedTensorType>(root.getType());
    if (load->kind != Expr::Kind::Load || load->value != root || !isa<FloatType>(type.getElementType()))
      return failure();
    Poly result = polys.get(load);
    std::optional<unsigned> rootAtom;
    for (const auto &[monomial, coefficient] : result)
      for (auto [number, power] : monomial) {
        if (polys[number].isFunction("recip"))
          for (const auto &[inner, c] : polys[number].body)
            if (inner.size() == 1 && inner.begin()->second == -1 && polys[inner.begin()->first].isFunction("rsqrt") &&
                findSquares(polys[inner.begin()->first].body))
              return refuse(1, "epsilon is added outside the square root", "add it to the variance");
        if (polys[number].isFunction("rsqrt")) {
          if (power != 1 || (rootAtom && *rootAtom != number))
            return failure();
          rootAtom = number;
        }
      }
    if (!rootAtom)
      return failure();
    Poly argument = polys[*rootAtom].body;
    std::optional<unsigned> squares = findSquares(argument);
    if (!squares)
      return failure();

    // x * root * gamma, the mean's term, and beta.
    const std::pair<const Monomial, double> *main = nullptr, *mean = nullptr, *shift = nullptr;
    std::optional<unsigned> inputAtom;
    for (const auto &term : result) {
      auto it = llvm::find_if(term.first, [&](auto entry) { return isInput(entry.first); });
      const std::pair<const Monomial, double> *&slot = !term.first.count(*rootAtom) ? shift
                                                       : it != term.first.end()     ? main
                                                                                    : mean;
      if (slot)
        return failure();
      slot = &term;
      if (&slot == &main) {
        if (it->second != 1)
          return failure();
        inputAtom = it->first;
      }
    }
    if (!main)
      return failure();
    input = polys[*inputAtom].leaf;

    // The dimensions that the sum of squares runs over.
    const Atom squareSum = polys[*squares];
    Expr *inner = polys[squareSum.body.begin()->first.begin()->first].leaf;
    SmallVector<Var *, 4> bound = TensorExprs::resolve(squareSum.bound);
    VarMap names;
    int64_t size = 1;
    for (auto [dim, index] : llvm::enumerate(inner->indices)) {
      SmallVector<Var *, 4> from = TensorExprs::resolve(index), to = TensorExprs::resolve(input->indices[dim]);
      if (from.empty() || !llvm::is_contained(bound, from[0]))
        continue;
      if (from.size() != to.size())
        return failure();
      for (auto [a, b] : llvm::zip(from, to)) {
        names[a] = b;
        columns.push_back(b);
        size = b->size < 0 || size < 0 ? -1 : size * b->size;
      }
    }
    if (columns.size() != bound.size() || !polys.equal(polys.rename(squareSum.body, names),
                                                       polys.multiply(polys.atom(*inputAtom), polys.atom(*inputAtom))))
      return failure();
    if (size < 0)
      return refuse(2, "the normalised dimension is dynamic", "give it a static size");

    // Where the argument has its sum of x, the mean was subtracted; then so it must be outside.
    std::optional<unsigned> sum;
    for (const auto &[monomial, coefficient] : argument)
      if (monomial.size() == 1 && monomial.begin()->second == 2 &&
          polys[monomial.begin()->first].isReduce(Combiner::Sum))
        sum = monomial.begin()->first;
    if (rms == sum.has_value())
      return rms ? failure()
                 : (mean ? refuse(1, "the variance does not subtract the mean that is subtracted from the value",
                                  "compute both from the same values")
                         : failure());
    double squareFactor = argument.find(polys.atom(*squares).begin()->first)->second;
    if (!polys.near(squareFactor * size, 1))
      return refuse(2,
                    llvm::formatv("the {0} divides by {1}, but the dimension has {2} elements",
                                  rms ? "mean of squares" : "variance", std::round(1000 / squareFactor) / 1000, size),
                    "divide by the size of the dimension, without Bessel's correction");
    Poly expected = polys.scale(polys.atom(*squares), 1.0 / size);
    if (!rms) {
      Poly s = polys.atom(*sum);
      expected = polys.add(expected, polys.multiply(s, s), -1.0 / size / size);
    }
    Poly rest = polys.add(argument, expected, -1);
    std::optional<double> constant = polys.getConstant(rest);
    if (!constant)
      return refuse(2,
                    rms ? "something else than epsilon is added to the mean of squares"
                        : "the variance is not that of the value over the normalised dimension",
                    "take mean and variance of the same values over the last dimension");
    eps = *constant;
    if (!(eps >= 0) || !std::isfinite(eps))
      return refuse(2, llvm::formatv("epsilon is {0:e}", eps), "use an epsilon that is not negative");
    if (!rms) {
      Monomial meanFactors = main->first;
      meanFactors.erase(*inputAtom);
      meanFactors[*sum] += 1;
      if (!mean || mean->first != meanFactors || !polys.near(mean->second, -main->second / size))
        return refuse(2, "the mean that is subtracted is not that of the value over the normalised dimension",
                      "subtract the sum over the last dimension divided by its size");
      const Atom sumAtom = polys[*sum];
      VarMap sumNames;
      for (auto [a, b] : llvm::zip(TensorExprs::resolve(sumAtom.bound), columns))
        sumNames[a] = b;
      if (sumAtom.bound.empty() || !polys.equal(polys.rename(sumAtom.body, sumNames), polys.atom(*inputAtom)))
        return refuse(2, "the mean runs over another dimension than the variance", "take both over the last dimension");
    } else if (mean) {
      return failure();
    }
    return matchScaleAndShift(*main, shift, *rootAtom, *inputAtom, type.getElementType());
  }

  LogicalResult matchScaleAndShift(const std::pair<const Monomial, double> &main,
                                   const std::pair<const Monomial, double> *shift, unsigned rootAtom,
                                   unsigned inputAtom, Type element) {
    auto getVector = [&](const Monomial &factors) -> Expr * {
      if (factors.size() != 1 || factors.begin()->second != 1)
        return nullptr;
      Expr *leaf = polys[factors.begin()->first].leaf;
      if (!leaf || leaf->kind != Expr::Kind::Load)
        return nullptr;
      std::optional<SmallVector<Var *, 4>> vars = getVars(leaf->indices);
      return vars && *vars == columns ? leaf : nullptr;
    };
    Monomial factors = main.first;
    factors.erase(rootAtom);
    factors.erase(inputAtom);
    gammaConstant = main.second;
    if (!factors.empty()) {
      gamma = getVector(factors);
      if (!gamma)
        return refuse(3, "the scale does not vary along the normalised dimension alone",
                      "apply other factors in an op of their own");
      if (!polys.near(main.second, 1))
        return refuse(3, llvm::formatv("the result is scaled by {0}", main.second), "fold the factor into the scale");
    }
    if (shift && rms)
      return failure();
    if (shift && shift->first.empty()) {
      betaConstant = shift->second;
    } else if (shift) {
      beta = getVector(shift->first);
      if (!beta || !polys.near(shift->second, 1))
        return refuse(3, "the shift does not vary along the normalised dimension alone", "add it in an op of its own");
    }
    if (polys.narrowest < element.getIntOrFloatBitWidth())
      return refuse(3,
                    llvm::formatv("a value in the middle is rounded to {0} bits, but the result is {1}",
                                  polys.narrowest, element),
                    "keep the statistics as wide as the result");
    if (input->type.getIntOrFloatBitWidth() > element.getIntOrFloatBitWidth())
      return refuse(1, llvm::formatv("the input is {0}, but the result is {1}", input->type, element),
                    "normalise before rounding");
    std::optional<SmallVector<Var *, 4>> rootVars = getVars(indices), inputVars = getVars(input->indices);
    if (!rootVars || !inputVars || rootVars->size() != inputVars->size() || rootVars->size() < columns.size())
      return refuse(3, "the result has dimensions that the value lacks", "broadcast after the normalisation");
    if (ArrayRef<Var *>(*rootVars).take_back(columns.size()) != ArrayRef<Var *>(columns))
      return refuse(3, "the normalised dimension is not the last", "transpose it to the end");
    rows.assign(rootVars->begin(), rootVars->end() - columns.size());
    return success();
  }

  FailureOr<Value> build(OpBuilder &builder, Location loc) {
    auto type = cast<RankedTensorType>(root.getType());
    SmallVector<SmallVector<Var *, 4>> groups;
    for (Var *row : rows)
      groups.push_back({row});
    groups.push_back(columns);
    FailureOr<Value> value = materialize(builder, loc, input, groups);
    if (failed(value))
      return failure();
    int64_t size = 1;
    for (Var *column : columns)
      size *= column->size;
    bool exact = true;
    auto vector = [&](Expr *load, double constant, double neutral) -> Value {
      if (load) {
        FailureOr<Value> tensor = materialize(builder, loc, load, {columns});
        exact &= succeeded(tensor);
        return succeeded(tensor) ? *tensor : Value();
      }
      if (polys.near(constant, neutral))
        return {};
      auto vectorType = RankedTensorType::get({size}, type.getElementType());
      Attribute element = builder.getFloatAttr(type.getElementType(), constant);
      return arith::ConstantOp::create(builder, loc, DenseElementsAttr::get(vectorType, element));
    };
    Value g = vector(gamma, gammaConstant, 1), b = vector(beta, betaConstant, 0);
    Value in = convertElements(builder, loc, *value, type.getElementType());
    auto inType = cast<RankedTensorType>(in.getType());
    if (!exact || ShapedType::isDynamic(inType.getShape().back()))
      return failure();
    FloatAttr epsilon = builder.getF32FloatAttr(static_cast<float>(eps));
    Value result;
    if (rms)
      result = RmsNormOp::create(builder, loc, inType, Type(), in, g, Value(), epsilon).getResult();
    else
      result = LayerNormOp::create(builder, loc, inType, Type(), in, g, b, Value(), epsilon).getResult();
    // A single group per dimension of the root needs no reshape.
    return restoreGroups(builder, loc, result, type);
  }

  FailureOr<Value> restoreGroups(OpBuilder &builder, Location loc, Value result, RankedTensorType type) {
    if (columns.size() == 1)
      return restore(builder, loc, result, indices, type);
    auto narrow = cast<RankedTensorType>(result.getType());
    SmallVector<int64_t> shape(narrow.getShape().drop_back());
    SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(builder, loc, result);
    sizes.pop_back();
    SmallVector<ReassociationIndices> groups;
    for (size_t row = 0; row < rows.size(); ++row)
      groups.push_back({static_cast<int64_t>(row)});
    groups.emplace_back();
    for (Var *column : columns) {
      groups.back().push_back(shape.size());
      shape.push_back(column->size);
      sizes.push_back(builder.getIndexAttr(column->size));
    }
    result = tensor::ExpandShapeOp::create(builder, loc, narrow.clone(shape), result, groups, sizes);
    return restore(builder, loc, result, indices, type);
  }
};

struct RaiseLayerNormPass final : mlir::et::impl::RaiseLayerNormPassBase<RaiseLayerNormPass> {
  using RaiseLayerNormPassBase::RaiseLayerNormPassBase;

  void runOnOperation() override {
    forEachFunction(getOperation(), [this](Operation *function) { runOnFunction(function); });
  }

  void runOnFunction(Operation *function) {
    SmallVector<Operation *> anchors;
    function->walk([&](Operation *op) {
      if (op->getNumResults() == 1 && isa<RankedTensorType>(op->getResult(0).getType()) && isLightweight(op) &&
          containsOp(op, {"math.rsqrt", "math.sqrt", "math.powf"}))
        anchors.push_back(op);
    });
    std::optional<DimSizes> sizes;
    for (Operation *anchor : anchors) {
      if (!sizes)
        sizes.emplace(function);
      Refusal refusal;
      if (tryRaise(anchor, *sizes, refusal)) {
        sizes.reset();
        ++numRaised;
      } else {
        emitRefusal(anchor->getLoc(), "RaiseLayerNorm", DEBUG_TYPE, refusal);
      }
    }
    eraseDeadOps(function);
  }

  bool tryRaise(Operation *anchor, const DimSizes &sizes, Refusal &refusal) {
    SmallVector<Value> roots = getElementwiseResults(anchor->getResult(0));
    SmallVector<Value> sources = getSources(anchor->getResult(0));
    for (bool rms : {false, true})
      for (Value root : llvm::reverse(roots))
        for (Value x : llvm::drop_begin(sources)) {
          NormMatcher matcher(sizes, root, x, rms);
          if (failed(matcher.match())) {
            refusal.merge(matcher.refusal);
            continue;
          }
          Operation *escape = nullptr;
          getDependents(anchor, root.getDefiningOp(), escape);
          if (escape) {
            refusal.merge(
                {4,
                 llvm::formatv("the normalised value or its statistics are also used by '{0}'", escape->getName())
                     .str(),
                 "compute what else needs them separately"});
            continue;
          }
          OpBuilder builder(root.getDefiningOp());
          FailureOr<Value> result = matcher.build(builder, anchor->getLoc());
          if (failed(result))
            continue;
          root.replaceAllUsesWith(*result);
          remark::passed(anchor->getLoc(), remark::RemarkOpts::name("RaiseLayerNorm").category(DEBUG_TYPE))
              << remark::add("raised to et.{0}: epsilon {1:e}, {2} scale, {3} shift", rms ? "rms_norm" : "layer_norm",
                             matcher.eps, matcher.gamma ? "a" : "no", matcher.beta ? "a" : "no");
          return true;
        }
    return false;
  }
};
} // namespace
