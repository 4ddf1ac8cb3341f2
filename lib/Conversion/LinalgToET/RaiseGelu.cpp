//===- RaiseGelu.cpp - Raise GELU to et.gelu -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Recognises, as polynomials in x and one function f of x,
//
//   x/2 + x/2 * erf(x / sqrt(2))
//   x/2 + x/2 * tanh(sqrt(2/pi) * (x + 0.044715 x^3)), or x / (1 + exp(-2 * that))
//   x / (1 + exp(-1.702 x))
//
// x is what multiplies f, so it may itself be computed in the same op. Refuses
// what has the shape of one of them and other constants.
//
//===----------------------------------------------------------------------===//

#include "RaiseUtils.h"
#include "et/Conversion/LinalgToET/LinalgToET.h"

#include "mlir/IR/Remarks.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>

namespace mlir::et {
#define GEN_PASS_DEF_RAISEGELUPASS
#include "et/Conversion/LinalgToET/Passes.h.inc"
} // namespace mlir::et

#define DEBUG_TYPE "et-raise-gelu"

using namespace mlir;
using namespace mlir::et;

/// What torch-mlir writes for sqrt(2 / pi) when it decomposes PyTorch's tanh form.
static constexpr double kTorchMlirFactor = 0.797724;

namespace {
/// One attempt: \p root computed from tensor \p input.
struct GeluMatcher {
  TensorExprs exprs;
  Polynomials polys;
  Value root;
  Value stop;
  bool allowTorchMlirTanh;
  DenseSet<Operation *> between;
  SmallVector<Index, 4> indices;
  Expr *input = nullptr;
  GeluKind kind = GeluKind::Erf;
  Refusal refusal;

  GeluMatcher(const DimSizes &sizes, Value root, Value stop, bool allowTorchMlirTanh)
      : exprs(sizes), polys(
                          exprs, [this](Expr *load) { return isExpanded(load); },
                          getTolerance(cast<RankedTensorType>(root.getType()).getElementType())),
        root(root), stop(stop), allowTorchMlirTanh(allowTorchMlirTanh) {
    between = getOpsBetween(stop, root);
  }

  bool isExpanded(Expr *load) {
    Operation *op = load->value.getDefiningOp();
    if (!op || load->value == stop)
      return false;
    Expr *definition = between.contains(op) ? nullptr : exprs.define(load);
    return between.contains(op) || (definition && definition->kind == Expr::Kind::Constant);
  }

  LogicalResult refuse(int progress, const Twine &reason,
                       StringRef suggestion = "use x * Phi(x) or one of its two usual approximations") {
    refusal.merge({progress, reason.str(), suggestion.str()});
    return failure();
  }

  Poly getTanhArgument(const Poly &x, double factor = std::sqrt(2 / M_PI)) {
    Poly cube = polys.multiply(x, polys.multiply(x, x));
    return polys.scale(polys.add(x, cube, 0.044715), factor);
  }

  LogicalResult match() {
    indices = exprs.makeIndices(root);
    Expr *load = exprs.load(root, indices);
    if (load->kind != Expr::Kind::Load || load->value != root)
      return failure();
    Poly result = polys.get(load);
    // The one function in it, and what it is multiplied by.
    std::optional<unsigned> function;
    for (const auto &[monomial, coefficient] : result)
      for (auto [number, power] : monomial)
        if (polys[number].kind == Atom::Kind::Function) {
          if ((function && *function != number) || power != 1)
            return failure();
          function = number;
        }
    if (!function)
      return failure();
    Poly with, without;
    for (const auto &[monomial, coefficient] : result) {
      if (auto it = monomial.find(*function); it != monomial.end()) {
        Monomial rest = monomial;
        rest.erase(*function);
        with[rest] = coefficient;
      } else {
        without[monomial] = coefficient;
      }
    }
    const Atom atom = polys[*function];
    Poly x;
    if (atom.isFunction("erf") || atom.isFunction("tanh")) {
      // erf and tanh are odd, so the sign of x is that of the other half.
      Poly half = without;
      if (!polys.equal(with, half) && !polys.equal(polys.scale(with, -1), half))
        return failure();
      double sign = polys.equal(with, half) ? 1 : -1;
      x = polys.scale(half, 2);
      Poly argument = polys.scale(atom.body, sign);
      bool isErf = atom.isFunction("erf");
      kind = isErf ? GeluKind::Erf : GeluKind::Tanh;
      bool isTorchMlir = !isErf && polys.equal(argument, getTanhArgument(x, kTorchMlirFactor));
      if (isTorchMlir && !allowTorchMlirTanh)
        return refuse(1, "the argument of tanh has torch-mlir's 0.797724 for sqrt(2 / pi) = 0.797885",
                      "allow it with allow-torch-mlir-tanh=true");
      if (!isTorchMlir && !polys.equal(argument, isErf ? polys.scale(x, M_SQRT1_2) : getTanhArgument(x)))
        return refuse(1, isErf ? "the argument of erf is not x / sqrt(2)"
                               : "the argument of tanh is not sqrt(2 / pi) * (x + 0.044715 x^3)");
    } else if (atom.isFunction("recip") && without.empty()) {
      // 1 / (1 + exp(-z))
      x = with;
      const std::pair<const Monomial, double> *exponential = nullptr;
      double one = 0;
      for (const auto &term : atom.body) {
        if (term.first.empty())
          one = term.second;
        else if (term.first.size() == 1 && term.first.begin()->second == 1 &&
                 polys[term.first.begin()->first].isFunction("exp"))
          exponential = &term;
      }
      if (!exponential || atom.body.size() != 2 || !polys.near(one, exponential->second))
        return failure();
      // The reciprocal was scaled to a leading coefficient of one.
      x = polys.scale(x, 1 / one);
      Poly z = polys.scale(polys[exponential->first.begin()->first].body, -1);
      if (polys.equal(z, polys.scale(x, 1.702)))
        kind = GeluKind::Sigmoid;
      else if (polys.equal(z, polys.scale(getTanhArgument(x), 2)))
        kind = GeluKind::Tanh;
      else if (z.size() == 1 && x.size() == 1 && z.begin()->first == x.begin()->first &&
               std::abs(z.begin()->second / x.begin()->second - 1.702) < 0.2)
        return refuse(1, llvm::formatv("the argument of the sigmoid is {0} x, expected 1.702 x",
                                       z.begin()->second / x.begin()->second));
      else
        return failure();
    } else {
      return failure();
    }
    Type element = cast<RankedTensorType>(root.getType()).getElementType();
    if (!isa<FloatType>(element) || polys.narrowest < element.getIntOrFloatBitWidth())
      return refuse(2, llvm::formatv("a value in the middle is rounded to {0} bits, but the result is {1}",
                                     polys.narrowest, element));
    auto *single = Polynomials::getSingle(x);
    if (!single || single->first.size() != 1 || single->first.begin()->second != 1 || !polys.near(single->second, 1) ||
        !polys[single->first.begin()->first].leaf || polys[single->first.begin()->first].leaf->kind != Expr::Kind::Load)
      return refuse(2, "the value that GELU is applied to is not in a tensor of its own");
    input = polys[single->first.begin()->first].leaf;
    if (input->type.getIntOrFloatBitWidth() > element.getIntOrFloatBitWidth())
      return refuse(2, llvm::formatv("the input is {0}, but the result is {1}", input->type, element));
    return success();
  }

  FailureOr<Value> build(OpBuilder &builder, Location loc) {
    auto type = cast<RankedTensorType>(root.getType());
    SmallVector<SmallVector<Var *, 4>> groups;
    SmallVector<Index, 4> kept;
    bool units = false;
    for (const Index &index : indices) {
      units |= index.vars.empty();
      if (!index.vars.empty())
        groups.push_back(TensorExprs::resolve(index));
    }
    FailureOr<Value> x = failure();
    if (input->indices.size() == indices.size() && llvm::all_of(llvm::zip(input->indices, indices), [](auto pair) {
          return !std::get<0>(pair).constant &&
                 TensorExprs::resolve(std::get<0>(pair)) == TensorExprs::resolve(std::get<1>(pair));
        })) {
      x = input->value;
      units = false;
    } else {
      // Another layout: one dimension per variable, then back.
      std::optional<SmallVector<Var *, 4>> vars = getVars(indices);
      SmallVector<SmallVector<Var *, 4>> each;
      for (Var *var : *vars)
        each.push_back({var});
      x = materialize(builder, loc, input, each);
      units = true;
    }
    if (failed(x))
      return failure();
    Value converted = convertElements(builder, loc, *x, type.getElementType());
    Value result =
        GeluOp::create(builder, loc, converted.getType(), converted, GeluKindAttr::get(builder.getContext(), kind));
    if (units)
      return restore(builder, loc, result, indices, type);
    if (result.getType() != type)
      result = tensor::CastOp::create(builder, loc, type, result);
    return result;
  }
};

struct RaiseGeluPass final : mlir::et::impl::RaiseGeluPassBase<RaiseGeluPass> {
  using RaiseGeluPassBase::RaiseGeluPassBase;

  void runOnOperation() override {
    forEachFunction(getOperation(), [this](Operation *function) { runOnFunction(function); });
  }

  void runOnFunction(Operation *function) {
    SmallVector<Operation *> anchors;
    function->walk([&](Operation *op) {
      bool isTensorOp = op->getNumResults() == 1 && isa<RankedTensorType>(op->getResult(0).getType());
      auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
      if (!isTensorOp || (linalgOp && linalgOp.getNumReductionLoops() > 0) || !isLightweight(op))
        return;
      if (containsOp(op, {"math.erf", "math.erfc", "math.tanh", "math.exp"}))
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
        emitRefusal(anchor->getLoc(), "RaiseGelu", DEBUG_TYPE, refusal);
      }
    }
    eraseDeadOps(function);
  }

  bool tryRaise(Operation *anchor, const DimSizes &sizes, Refusal &refusal) {
    SmallVector<Value> sources = getSources(anchor->getResult(0), 16);
    SmallVector<Value> chain = getSingleUseChain(anchor->getResult(0));
    for (Value root : llvm::reverse(chain))
      for (Value stop : llvm::drop_begin(sources)) {
        GeluMatcher matcher(sizes, root, stop, allowTorchMlirTanh);
        if (failed(matcher.match())) {
          refusal.merge(matcher.refusal);
          continue;
        }
        OpBuilder builder(root.getDefiningOp());
        FailureOr<Value> result = matcher.build(builder, anchor->getLoc());
        if (failed(result))
          continue;
        root.replaceAllUsesWith(*result);
        remark::passed(anchor->getLoc(), remark::RemarkOpts::name("RaiseGelu").category(DEBUG_TYPE))
            << remark::add("raised to et.gelu<{0}>", stringifyGeluKind(matcher.kind));
        return true;
      }
    return false;
  }
};
} // namespace
