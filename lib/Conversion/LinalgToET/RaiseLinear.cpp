//===- RaiseLinear.cpp - Raise products with a weight to et.linear -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Recognises y[.., n] = sum_k x[.., k] * w[n, k] (+ b[n]) in any layout of x,
// w and y: flattened rows, a weight broadcast over the batch, a transposed
// weight. The bias may be what the product accumulates into.
//
// Refuses weights that are computed from activations, and scaled products.
//
//===----------------------------------------------------------------------===//

#include "RaiseUtils.h"
#include "et/Conversion/LinalgToET/LinalgToET.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/FormatVariadic.h"

namespace mlir::et {
#define GEN_PASS_DEF_RAISELINEARPASS
#include "et/Conversion/LinalgToET/Passes.h.inc"
} // namespace mlir::et

#define DEBUG_TYPE "et-raise-linear"

using namespace mlir;
using namespace mlir::et;

/// True for what is the same in every run or given by the caller: no activation was computed for it.
static bool isWeight(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op)
    return isa<FunctionOpInterface>(cast<BlockArgument>(value).getOwner()->getParentOp());
  return op->hasTrait<OpTrait::ConstantLike>() || op->getNumOperands() == 0;
}

namespace {
struct LinearMatcher {
  TensorExprs exprs;
  Polynomials polys;
  Value root;
  llvm::SetVector<Operation *> dependents;
  Operation *escape = nullptr;
  SmallVector<Index, 4> indices;
  SmallVector<Var *, 4> rows;
  Var *n = nullptr;
  SmallVector<Var *, 4> k;
  Expr *input = nullptr, *weight = nullptr, *bias = nullptr;
  Refusal refusal;

  LinearMatcher(const DimSizes &sizes, Operation *product, Value root)
      : exprs(sizes), polys(exprs, [this](Expr *load) { return isExpanded(load); }, 0x1p-18), root(root) {
    dependents = getDependents(product, root.getDefiningOp(), escape);
  }

  bool isExpanded(Expr *load) {
    Operation *op = load->value.getDefiningOp();
    if (!op)
      return false;
    Expr *definition = dependents.contains(op) ? nullptr : exprs.define(load);
    return dependents.contains(op) ||
           (definition && (definition->isOp("arith.extf") || definition->kind == Expr::Kind::Constant));
  }

  LogicalResult refuse(int progress, const Twine &reason, const Twine &suggestion) {
    refusal.merge({progress, reason.str(), suggestion.str()});
    return failure();
  }

  Expr *getLoad(unsigned number) {
    Expr *leaf = polys[number].leaf;
    return leaf && leaf->kind == Expr::Kind::Load && getVars(leaf->indices) ? leaf : nullptr;
  }

  LogicalResult match() {
    indices = exprs.makeIndices(root);
    Expr *load = exprs.load(root, indices);
    auto type = cast<RankedTensorType>(root.getType());
    if (load->kind != Expr::Kind::Load || !isa<FloatType>(type.getElementType()))
      return failure();
    Poly result = polys.get(load);
    std::optional<unsigned> product;
    std::optional<Monomial> added;
    double factor = 1;
    for (const auto &[monomial, coefficient] : result) {
      bool isProduct = llvm::any_of(monomial, [&](auto entry) { return polys[entry.first].isReduce(Combiner::Sum); });
      if (isProduct && (product || monomial.size() != 1 || monomial.begin()->second != 1))
        return failure();
      if (isProduct) {
        product = monomial.begin()->first;
        factor = coefficient;
      } else if (added || !polys.near(coefficient, 1)) {
        return failure();
      } else {
        added = monomial;
      }
    }
    if (!product)
      return failure();
    const Atom sum = polys[*product];
    SmallVector<Expr *, 2> operands;
    for (auto [number, power] : sum.body.begin()->first)
      if (Expr *operand = power == 1 ? getLoad(number) : nullptr)
        operands.push_back(operand);
    if (operands.size() != 2 || sum.body.begin()->first.size() != 2)
      return failure();
    std::optional<SmallVector<Var *, 4>> rootVars = getVars(indices);
    k = TensorExprs::resolve(sum.bound);
    // The weight is the operand that has the last dimension of the result and the summed ones, and no others.
    if (!rootVars || rootVars->empty())
      return failure();
    auto isWeightLike = [&](Expr *operand) {
      SmallVector<Var *, 4> vars = *getVars(operand->indices);
      return vars.size() == 1 + k.size() && llvm::is_contained(vars, rootVars->back()) &&
             llvm::all_of(k, [&](Var *var) { return llvm::is_contained(vars, var); });
    };
    bool second = isWeightLike(operands[1]), firstToo = isWeightLike(operands[0]);
    if (!second && !firstToo)
      return failure();
    // With a single row both may look alike: the one that is stored is the weight.
    bool takeSecond = second && (!firstToo || isWeight(operands[1]->value));
    weight = operands[takeSecond ? 1 : 0];
    input = operands[takeSecond ? 0 : 1];
    n = rootVars->back();
    rows.assign(rootVars->begin(), rootVars->end() - 1);
    SmallVector<Var *, 4> inputVars = *getVars(input->indices);
    if (inputVars.size() != rows.size() + k.size() ||
        !llvm::all_of(rows, [&](Var *var) { return llvm::is_contained(inputVars, var); }))
      return failure();
    if (n->size < 0 || llvm::any_of(k, [](Var *var) { return var->size < 0; })) {
      if (!isWeight(weight->value))
        return failure();
      return refuse(1, "the weight has a dynamic size", "give both dimensions of the weight static sizes");
    }
    if (!isWeight(weight->value)) {
      // Products of two activations are not ours to report, unless the other operand is stored.
      if (!isWeight(input->value))
        return failure();
      return refuse(1, "the weight is computed, expected a constant or an argument", "fold what computes the weight");
    }
    if (!polys.near(factor, 1))
      return refuse(2, llvm::formatv("the product is scaled by {0}", factor), "fold the factor into the weight");
    Type element = type.getElementType();
    if (polys.narrowest < element.getIntOrFloatBitWidth())
      return refuse(2,
                    llvm::formatv("a value in the middle is rounded to {0} bits, but the result is {1}",
                                  polys.narrowest, element),
                    "keep the product as wide as the result");
    if (input->type.getIntOrFloatBitWidth() > element.getIntOrFloatBitWidth())
      return refuse(2, llvm::formatv("the input is {0}, but the result is {1}", input->type, element),
                    "round the input to the type of the result first");
    if (added) {
      bias = added->size() == 1 && added->begin()->second == 1 ? getLoad(added->begin()->first) : nullptr;
      if (!bias || *getVars(bias->indices) != SmallVector<Var *, 4>{n})
        return refuse(2, "what is added to the product does not vary along the output features alone",
                      "add it in an op of its own");
    }
    if (escape)
      return refuse(2, llvm::formatv("the product is also used by '{0}'", escape->getName()), "use the result alone");
    return success();
  }

  FailureOr<Value> build(OpBuilder &builder, Location loc) {
    auto type = cast<RankedTensorType>(root.getType());
    SmallVector<SmallVector<Var *, 4>> groups;
    for (Var *row : rows)
      groups.push_back({row});
    groups.push_back(k);
    FailureOr<Value> x = materialize(builder, loc, input, groups);
    FailureOr<Value> w = materialize(builder, loc, weight, {SmallVector<Var *, 4>{n}, k});
    FailureOr<Value> b = bias ? materialize(builder, loc, bias, {SmallVector<Var *, 4>{n}}) : FailureOr<Value>(Value());
    if (failed(x) || failed(w) || failed(b))
      return failure();
    Value converted = convertElements(builder, loc, *x, type.getElementType());
    SmallVector<int64_t> shape(cast<RankedTensorType>(converted.getType()).getShape().drop_back());
    shape.push_back(n->size);
    auto linear =
        LinearOp::create(builder, loc, RankedTensorType::get(shape, type.getElementType()), converted, *w, *b);
    return restore(builder, loc, linear.getResult(), indices, type);
  }
};

struct RaiseLinearPass final : mlir::et::impl::RaiseLinearPassBase<RaiseLinearPass> {
  using RaiseLinearPassBase::RaiseLinearPassBase;

  void runOnOperation() override {
    forEachFunction(getOperation(), [this](Operation *function) { runOnFunction(function); });
  }

  void runOnFunction(Operation *function) {
    SmallVector<Operation *> products;
    function->walk([&](linalg::LinalgOp op) {
      if (isContraction(op))
        products.push_back(op);
    });
    std::optional<DimSizes> sizes;
    for (Operation *product : products) {
      if (!sizes)
        sizes.emplace(function);
      Refusal refusal;
      if (tryRaise(product, *sizes, refusal)) {
        sizes.reset();
        ++numRaised;
      } else {
        emitRefusal(product->getLoc(), "RaiseLinear", DEBUG_TYPE, refusal);
      }
    }
    eraseDeadOps(function);
  }

  bool tryRaise(Operation *product, const DimSizes &sizes, Refusal &refusal) {
    // A bias stands at most a reshape and a cast behind the product.
    SmallVector<Value> chain = getSingleUseChain(product->getResult(0));
    chain.truncate(std::min<size_t>(chain.size(), 5));
    for (Value root : llvm::reverse(chain)) {
      LinearMatcher matcher(sizes, product, root);
      if (failed(matcher.match())) {
        // Only the product itself can be a near-miss: what follows it need not be part of a linear layer.
        if (root == product->getResult(0))
          refusal.merge(matcher.refusal);
        continue;
      }
      OpBuilder builder(root.getDefiningOp());
      FailureOr<Value> result = matcher.build(builder, product->getLoc());
      if (failed(result))
        continue;
      root.replaceAllUsesWith(*result);
      remark::passed(product->getLoc(), remark::RemarkOpts::name("RaiseLinear").category(DEBUG_TYPE))
          << remark::add("raised to et.linear: {0} outputs, {1} bias", matcher.n->size, matcher.bias ? "a" : "no");
      return true;
    }
    return false;
  }
};
} // namespace
