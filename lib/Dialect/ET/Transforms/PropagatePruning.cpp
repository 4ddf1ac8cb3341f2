//===- PropagatePruning.cpp - Remove pruned features between layers -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   %h = et.linear %x, %w1 bias(%b1)          N features
//   %g = act(%h)                        =>    the same with the features that matter
//   %y = et.linear %g, %w2 bias(%b2)
//
// Feature i goes when row i of w1 is zero, its value then being act(b1[i]), which is put into b2; or when column i of
// w2 is zero, so that nobody reads it. act is a chain of gelus and of generics of one input that act on each element
// alone. PropagatePruningAttention.cpp does the same around attention. Refused: results with other uses, weights that
// are not outlined dense constants, values that are not finite.
//
//===----------------------------------------------------------------------===//

#include "PruningUtils.h"

#include "et/Dialect/ET/IR/ET.h"
#include "et/Dialect/ET/Transforms/Passes.h"
#include "et/Dialect/ET/Transforms/WeightValues.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>

#define DEBUG_TYPE "et-propagate-pruning"

namespace mlir::et {
#define GEN_PASS_DEF_PROPAGATEPRUNINGPASS
#include "et/Dialect/ET/Transforms/Passes.h.inc"
} // namespace mlir::et

using namespace mlir;
using namespace mlir::et;

namespace {
/// Two linear layers and what stands between them, in order.
struct Chain {
  LinearOp first, second;
  SmallVector<Operation *> between;
};
} // namespace

/// Follows the result of \p first to the next layer. Nothing when another kind of op comes first.
static std::optional<Chain> findChain(LinearOp first) {
  Chain chain{first, {}, {}};
  for (Value value = first.getResult(); value.hasOneUse();) {
    Operation *user = *value.user_begin();
    if (auto second = dyn_cast<LinearOp>(user)) {
      if (second.getInput() != value)
        return std::nullopt;
      chain.second = second;
      return chain;
    }
    if (user->getBlock() != first->getBlock() || user->getNumResults() != 1 || !isElementwise(user))
      return std::nullopt;
    chain.between.push_back(user);
    value = user->getResult(0);
  }
  return std::nullopt;
}

/// Rebuilds \p chain with the rows of \p kept.
static void rebuild(const Chain &chain, Value weight1, Value bias1, Value weight2, Value bias2, int64_t size) {
  OpBuilder b(chain.first);
  auto shrink = [&](Type type) {
    auto tensor = cast<RankedTensorType>(type);
    SmallVector<int64_t> shape(tensor.getShape());
    shape.back() = size;
    return tensor.clone(shape);
  };
  LinearOp first = chain.first, second = chain.second;
  Value value =
      LinearOp::create(b, first.getLoc(), shrink(first.getResult().getType()), first.getInput(), weight1, bias1);
  value = cloneElementwise(chain.between, value);
  b.setInsertionPoint(second);
  Value result = LinearOp::create(b, second.getLoc(), second.getResult().getType(), value, weight2, bias2);
  second.getResult().replaceAllUsesWith(result);
  second.erase();
  for (Operation *op : llvm::reverse(chain.between))
    op->erase();
  first.erase();
}

namespace {
struct PropagatePruningPass final : et::impl::PropagatePruningPassBase<PropagatePruningPass> {
  using Base::Base;

  void runOnOperation() override {
    if (multiple == 0) {
      getOperation().emitError("expected option multiple of --et-propagate-pruning to be positive, but got 0");
      return signalPassFailure();
    }
    if (headMultiple == 0) {
      getOperation().emitError("expected option head-multiple of --et-propagate-pruning to be positive, but got 0");
      return signalPassFailure();
    }
    SymbolTable symbols(getOperation());
    PrunedWeights weights(symbols);
    // Features that go may leave a layer before without readers: repeat until nothing changes.
    for (bool changed = true; changed;) {
      changed = false;
      SmallVector<LinearOp> layers;
      getOperation().walk([&](LinearOp op) { layers.push_back(op); });
      DenseSet<Operation *> erased;
      for (LinearOp layer : layers) {
        if (erased.contains(layer))
          continue;
        std::optional<Chain> chain = findChain(layer);
        if (!chain)
          continue;
        Operation *second = chain->second;
        if (visit(*chain, weights)) {
          // Its copy is a new op, seen in the next round.
          erased.insert(second);
          changed = true;
        }
      }
      changed |= visitAttentions(weights, /*report=*/false);
    }
    visitAttentions(weights, /*report=*/true);
  }

  /// Whether features of an attention went. What stays is reported only once nothing goes any more.
  bool visitAttentions(PrunedWeights &weights, bool report) {
    SmallVector<AttentionOp> attentions;
    getOperation().walk([&](AttentionOp op) { attentions.push_back(op); });
    int64_t removed = 0;
    for (AttentionOp attention : attentions)
      removed += pruneAttention(attention, weights, headMultiple, report);
    numRemoved += removed;
    return removed != 0;
  }

  bool visit(const Chain &chain, PrunedWeights &weights);
};
} // namespace

bool PropagatePruningPass::visit(const Chain &chain, PrunedWeights &weights) {
  SymbolTable &symbols = weights.getSymbols();
  LinearOp first = chain.first, second = chain.second;
  // Taken before the layers are rebuilt.
  std::string firstName = getWeightName(first, symbols), secondName = getWeightName(second, symbols);
  auto declined = [&](const std::string &reason) {
    remark::missed(first.getLoc(), remark::RemarkOpts::name("FeaturesStay").category(DEBUG_TYPE))
        << remark::reason("features between two linear layers stay: {0}", reason) << remark::metric("Weight", firstName)
        << remark::metric("WeightBehind", secondName);
    return false;
  };
  if (!hasZeroFeatures(first, /*byColumn=*/false, symbols) && !hasZeroFeatures(second, /*byColumn=*/true, symbols))
    return false;
  std::string reason;
  FailureOr<LayerValues> one = readLayer(first, symbols, reason);
  if (failed(one))
    return declined("a weight or bias of the first layer cannot be read: " + reason);
  FailureOr<LayerValues> two = readLayer(second, symbols, reason);
  if (failed(two))
    return declined("a weight or bias of the second layer cannot be read: " + reason);

  int64_t inputs = first.getNumInputs(), features = first.getNumOutputs(), outputs = second.getNumOutputs();
  ArrayRef<float> w1(one->weight), w2(two->weight), b1(one->bias);
  // Columns of the second weight: row by row, as it is stored.
  SmallVector<char> zeroColumn(features, true), finiteColumn(features, true);
  for (int64_t out = 0; out < outputs; ++out) {
    for (int64_t i = 0; i < features; ++i) {
      float value = w2[out * features + i];
      zeroColumn[i] &= value == 0;
      finiteColumn[i] &= std::isfinite(value);
    }
  }
  // Sums of the second bias, in f64 until they are complete.
  SmallVector<double> sums(outputs, 0.0);
  llvm::copy(two->bias, sums.begin());
  bool hasSums = false;
  SmallVector<char> keep(features, true);
  int64_t numKept = features, numConstant = 0;
  SmallVector<std::pair<int64_t, double>> gone;
  for (int64_t i = 0; i < features; ++i) {
    ArrayRef<float> row = w1.slice(i * inputs, inputs);
    float bias = b1.empty() ? 0 : b1[i];
    if (!finiteColumn[i] || !std::isfinite(bias))
      continue;
    bool zeroRow = llvm::all_of(row, [](float value) { return value == 0; });
    if (zeroColumn[i] && (zeroRow || llvm::all_of(row, [](float value) { return std::isfinite(value); }))) {
      gone.emplace_back(i, 0.0);
      continue;
    }
    if (!zeroRow)
      continue;
    std::optional<double> value = evaluateElementwise(chain.between, bias);
    if (value && std::isfinite(*value))
      gone.emplace_back(i, *value);
    else
      ++numConstant;
  }
  int64_t target = llvm::alignTo(std::max<int64_t>(features - gone.size(), 1), multiple.getValue());
  if (target >= features) {
    if (numConstant)
      declined(std::to_string(numConstant) + " of them are constant, but of a value that is not known when compiling");
    else if (!gone.empty())
      declined("what is left is no smaller as a multiple of " + std::to_string(multiple));
    return false;
  }
  // Features with a value to fold go last, so that those kept for the multiple need no sum.
  llvm::sort(gone,
             [](auto &a, auto &b) { return std::pair(a.second != 0, a.first) < std::pair(b.second != 0, b.first); });
  for (auto [i, value] : ArrayRef(gone).take_front(features - target)) {
    keep[i] = false;
    --numKept;
    if (value == 0)
      continue;
    hasSums = true;
    for (int64_t out = 0; out < outputs; ++out)
      sums[out] += value * w2[out * features + i];
  }

  Type element1 = getElementTypeOrSelf(first.getWeight().getType());
  Type element2 = getElementTypeOrSelf(second.getWeight().getType());
  Type biasType = second.getBias() ? getElementTypeOrSelf(second.getBias().getType()) : element2;
  std::vector<float> rounded(sums.begin(), sums.end());
  roundWeightValues(biasType, rounded);
  if (hasSums && !llvm::all_of(rounded, [](float value) { return std::isfinite(value); }))
    return declined("the values of constant ones make a bias of the second layer infinite");

  std::vector<float> kept1, keptBias, kept2;
  for (int64_t i = 0; i < features; ++i) {
    if (!keep[i])
      continue;
    kept1.insert(kept1.end(), w1.begin() + i * inputs, w1.begin() + (i + 1) * inputs);
    if (!b1.empty())
      keptBias.push_back(b1[i]);
  }
  for (int64_t out = 0; out < outputs; ++out)
    for (int64_t i = 0; i < features; ++i)
      if (keep[i])
        kept2.push_back(w2[out * features + i]);

  Value weight1 = weights.create(first, first.getWeight(), {numKept, inputs}, kept1, element1);
  Value bias1 = first.getBias();
  if (bias1)
    bias1 = weights.create(first, bias1, {numKept}, keptBias, getElementTypeOrSelf(bias1.getType()));
  Value weight2 = weights.create(second, second.getWeight(), {outputs, numKept}, kept2, element2);
  Value bias2 = second.getBias();
  if (hasSums)
    bias2 = weights.create(second, bias2, {outputs}, rounded, biasType);
  remark::passed(first.getLoc(), remark::RemarkOpts::name("FeaturesRemoved").category(DEBUG_TYPE))
      << remark::reason("removed {0} of {1} features between two linear layers", features - numKept, features)
      << remark::metric("Weight", firstName) << remark::metric("WeightBehind", secondName);
  if (numConstant)
    declined(std::to_string(numConstant) + " of them are constant, but of a value that is not known when compiling");
  numRemoved += features - numKept;
  rebuild(chain, weight1, bias1, weight2, bias2, numKept);
  return true;
}
