//===- PropagatePruningAttention.cpp - Remove pruned features of attention -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   %q, %k, %v = et.linear, as heads                  H heads of d and of d features
//   %z = et.attention query(%q) key(%k) value(%v) =>  H' heads of k and of v features
//   %y = et.linear %z joined, %wo bias(%bo)
//
// A feature of a value goes when its row in W_V is zero, or when nobody reads it: its columns in W_O are zero. The
// weights of a row of attention add up to one, so that a feature with a zero row is its bias everywhere, which is put
// into bo; but rows that attend to nothing are zero, and where there may be any, only a bias of zero will do. A head
// of which all features go, goes with its queries and keys. A feature of query and key goes from both when one of them
// is zero, bias included: it adds nothing to any score. All heads keep the same number of features.
//
// Heads may be grouped: values or keys that several queries share go when they are not needed in any.
//
//===----------------------------------------------------------------------===//

#include "AttentionProjections.h"
#include "PruningUtils.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SmallBitVector.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>

#define DEBUG_TYPE "et-propagate-pruning"

using namespace mlir;
using namespace mlir::et;

namespace {
/// What is known of the outputs of a layer, by their rows.
struct RowFacts {
  /// Zero; no value that is not finite.
  SmallVector<char> zero, finite;
  /// What the elementwise ops make of the bias, for zero rows; nothing where that is not known.
  SmallVector<std::optional<double>> constant;

  bool isZero(int64_t row) const { return zero[row] && constant[row] == 0.0; }
};

/// A layer on one side of an attention, and what is left of it.
struct Side {
  Projection projection;
  /// Why it is not known; empty when it is.
  std::string reason;
  std::optional<LayerValues> values;
  /// By head, the features of it that stay, in order.
  SmallVector<SmallVector<int64_t>> kept;
  bool changed = false;

  explicit operator bool() const { return reason.empty(); }
  const HeadSpace &heads() const { return projection.heads; }
  int64_t headSize() const { return projection.headSize; }
};

class AttentionPruner {
public:
  AttentionPruner(AttentionOp attention, PrunedWeights &weights, int64_t multiple, bool report);
  int64_t run();

private:
  void declined(const std::string &reason, const std::string &suggestion = "");
  bool readSide(Side &side);
  void findDeadValues();
  bool canRemoveHeads(unsigned dim, std::string &why);
  void removeHeads();
  void narrowValues();
  void narrowScores();
  SmallVector<SmallVector<int64_t>> chooseKept(const Side &side, function_ref<bool(int64_t, int64_t)> isDead,
                                               function_ref<bool(int64_t, int64_t)> isFolded, StringRef what);
  bool foldConstants(std::vector<float> &bias);
  bool isAlive(const HeadSpace &space, int64_t head) const;
  HeadSpace shrink(const HeadSpace &space) const;
  std::pair<Value, Value> shrinkWeights(const Side &side);
  Value rebuildOperand(Side &side, Value old);
  void rebuild(ArrayRef<float> bias);

  AttentionOp attention;
  PrunedWeights &weights;
  int64_t multiple;
  bool report;
  Side query, key, value, output;
  /// By feature of the output: whether it may go, and its value if it is a constant other than zero.
  SmallVector<char> dead;
  SmallVector<double> folded;
  /// By batch dimension, which heads stay; only for dimensions that lose some.
  llvm::MapVector<unsigned, llvm::SmallBitVector> left;
};
} // namespace

//===----------------------------------------------------------------------===//
// What is around the attention
//===----------------------------------------------------------------------===//

AttentionPruner::AttentionPruner(AttentionOp attention, PrunedWeights &weights, int64_t multiple, bool report)
    : attention(attention), weights(weights), multiple(multiple), report(report) {
  auto match = [&](Side &side, Value operand, AffineMap map, unsigned sizeDim, StringRef name) {
    side.reason = matchProjection(attention, operand, map, sizeDim, name, side.projection).value_or("");
  };
  match(query, attention.getQuery(), attention.getQueryMap(), attention.getKDim(), "query");
  match(key, attention.getKey(), attention.getKeyMap(), attention.getKDim(), "key");
  match(value, attention.getValue(), attention.getValueMap(), attention.getVDim(), "value");
  output.reason = matchOutputProjection(attention, output.projection).value_or("");
  // Each head that the map of an operand tells apart must be one of its features.
  auto agree = [](Side &side, AffineMap map, const Side &whole, const std::string &reason) {
    if (!side || !whole)
      return;
    for (unsigned dim : side.heads().dims)
      if (!whole.heads().has(dim))
        side.reason = reason;
    for (unsigned dim : whole.heads().dims)
      if (map.isFunctionOfDim(dim) && !side.heads().has(dim))
        side.reason = reason;
  };
  agree(value, attention.getValueMap(), output, "heads of its value and of its result are not the same dimensions");
  agree(key, attention.getKeyMap(), query, "heads of its query and of its key are not the same dimensions");
}

void AttentionPruner::declined(const std::string &reason, const std::string &suggestion) {
  if (!report)
    return;
  auto missed = remark::missed(attention.getLoc(), remark::RemarkOpts::name("HeadsStay").category(DEBUG_TYPE));
  missed << remark::reason("{0}", reason);
  if (!suggestion.empty())
    missed << remark::suggest("{0}", suggestion);
  if (value)
    missed << remark::metric("Weight", getWeightName(value.projection.layer, weights.getSymbols()));
}

bool AttentionPruner::readSide(Side &side) {
  if (side && !side.values) {
    std::string reason;
    FailureOr<LayerValues> values = readLayer(side.projection.layer, weights.getSymbols(), reason);
    if (succeeded(values))
      side.values = std::move(*values);
    else
      side.reason = "a weight or bias cannot be read: " + reason;
  }
  return static_cast<bool>(side);
}

static RowFacts getRowFacts(const Side &side) {
  RowFacts facts;
  const LayerValues &values = *side.values;
  LinearOp layer = side.projection.layer;
  int64_t rows = side.projection.getNumFeatures(), inputs = layer.getNumInputs();
  for (int64_t row = 0; row < rows; ++row) {
    ArrayRef<float> elements = ArrayRef(values.weight).slice(row * inputs, inputs);
    float bias = values.bias.empty() ? 0 : values.bias[row];
    bool zero = llvm::all_of(elements, [](float element) { return element == 0; });
    facts.zero.push_back(zero);
    facts.finite.push_back(std::isfinite(bias) &&
                           llvm::all_of(elements, [](float element) { return std::isfinite(element); }));
    std::optional<double> constant;
    if (zero && std::isfinite(bias))
      constant = evaluateElementwise(side.projection.between, bias);
    if (constant && !std::isfinite(*constant))
      constant = std::nullopt;
    facts.constant.push_back(constant);
  }
  return facts;
}

//===----------------------------------------------------------------------===//
// What may go
//===----------------------------------------------------------------------===//

bool AttentionPruner::isAlive(const HeadSpace &space, int64_t head) const {
  return llvm::all_of(left, [&](const auto &entry) {
    return !space.has(entry.first) || entry.second.test(space.getIndex(head, entry.first));
  });
}

HeadSpace AttentionPruner::shrink(const HeadSpace &space) const {
  HeadSpace result = space;
  for (auto [dim, size] : llvm::zip(result.dims, result.sizes))
    if (auto it = left.find(dim); it != left.end())
      size = it->second.count();
  return result;
}

/// Fills dead and folded.
void AttentionPruner::findDeadValues() {
  RowFacts rows = getRowFacts(value);
  int64_t features = output.projection.getNumFeatures(), size = output.headSize();
  int64_t outputs = output.projection.layer.getNumOutputs();
  SmallVector<char> zeroColumn(features, true), finiteColumn(features, true);
  for (int64_t out = 0; out < outputs; ++out) {
    for (int64_t i = 0; i < features; ++i) {
      float element = output.values->weight[out * features + i];
      zeroColumn[i] &= element == 0;
      finiteColumn[i] &= std::isfinite(element);
    }
  }
  std::string why;
  bool maySkip = mayHaveEmptyRows(attention, query ? &query.projection : nullptr, value.projection, why);
  int64_t numUnknown = 0, numSkipped = 0;
  dead.assign(features, false);
  folded.assign(features, 0.0);
  for (int64_t i = 0; i < features; ++i) {
    int64_t row = output.heads().project(i / size, value.heads()) * size + i % size;
    if (!finiteColumn[i])
      continue;
    if (zeroColumn[i]) {
      dead[i] = rows.finite[row];
      continue;
    }
    if (!rows.zero[row])
      continue;
    if (!rows.constant[row]) {
      ++numUnknown;
    } else if (*rows.constant[row] != 0 && maySkip) {
      ++numSkipped;
    } else {
      dead[i] = true;
      folded[i] = *rows.constant[row];
    }
  }
  if (numUnknown)
    declined(llvm::formatv("{0} features of the output of attention are constant, but of a value that is not known "
                           "when compiling",
                           numUnknown));
  if (numSkipped)
    declined(llvm::formatv("{0} features of the output of attention are constants other than zero and stay: {1} may "
                           "leave a row nothing to attend to, which makes them zero",
                           numSkipped, why),
             "prune the bias of the value as well");
}

/// Whether heads of the batch dimension \p dim can be left out, or \p why not.
bool AttentionPruner::canRemoveHeads(unsigned dim, std::string &why) {
  if (attention.getMask() && attention.getMaskMap().isFunctionOfDim(dim))
    why = "its mask differs from head to head";
  else if (attention.getLengths() && attention.getLengthsMap().isFunctionOfDim(dim))
    why = "its lengths differ from head to head";
  else if (!attention.getScore().empty() && !attention.getScore().getArgument(1 + dim).use_empty())
    why = "its score region uses the number of the head";
  if (!why.empty())
    return false;
  for (auto [side, map] : {std::pair(&query, attention.getQueryMap()), {&key, attention.getKeyMap()}}) {
    if (!readSide(*side)) {
      why = side->reason;
      return false;
    }
    if (!map.isFunctionOfDim(dim))
      continue;
    // An operand that does not take part in the agreement of heads.
    if (!side->heads().has(dim)) {
      why = "its heads are not features of one layer";
      return false;
    }
    // Left out, what is not finite would no longer reach the scores.
    if (!llvm::all_of(getRowFacts(*side).finite, [](char finite) { return finite; })) {
      why = "a weight or bias of its query or key is not finite";
      return false;
    }
  }
  return true;
}

void AttentionPruner::removeHeads() {
  const HeadSpace &heads = output.heads();
  int64_t size = output.headSize();
  for (auto [dim, count] : llvm::zip(heads.dims, heads.sizes)) {
    llvm::SmallBitVector needed(count);
    for (int64_t head = 0; head < heads.getNumHeads(); ++head)
      if (isAlive(heads, head) &&
          !llvm::all_of(ArrayRef(dead).slice(head * size, size), [](char isDead) { return isDead; }))
        needed.set(heads.getIndex(head, dim));
    // One is left of attention that does nothing.
    if (needed.none() && count > 0)
      needed.set(0);
    if (needed.all())
      continue;
    std::string why;
    if (canRemoveHeads(dim, why))
      left[dim] = needed;
    else
      declined(llvm::formatv("{0} of {1} heads stay, although all of their values were pruned: {2}",
                             count - needed.count(), count, why));
  }
}

/// The features of each head of \p side that stay, as many in each; those of heads that go are empty.
SmallVector<SmallVector<int64_t>> AttentionPruner::chooseKept(const Side &side,
                                                              function_ref<bool(int64_t, int64_t)> isDead,
                                                              function_ref<bool(int64_t, int64_t)> isFolded,
                                                              StringRef what) {
  int64_t size = side.headSize(), numHeads = side.heads().getNumHeads(), most = 1, numDead = 0;
  SmallVector<SmallVector<int64_t>> gone(numHeads), kept(numHeads);
  for (int64_t head = 0; head < numHeads; ++head) {
    if (!isAlive(side.heads(), head))
      continue;
    for (int64_t i = 0; i < size; ++i)
      if (isDead(head, i))
        gone[head].push_back(i);
    numDead += gone[head].size();
    most = std::max<int64_t>(most, size - gone[head].size());
  }
  int64_t width = std::min<int64_t>(llvm::alignTo(most, multiple), size);
  if (width == size && numDead)
    declined(most == size ? llvm::formatv("{0} features of {1} stay: one head needs all of its {2}, and heads keep "
                                          "the same number",
                                          numDead, what, size)
                                .str()
                          : llvm::formatv("{0} features of {1} stay: heads of {2} are no smaller as a multiple of {3}",
                                          numDead, what, most, multiple)
                                .str(),
             most == size ? "prune as many features of each head" : "");
  for (int64_t head = 0; head < numHeads; ++head) {
    if (!isAlive(side.heads(), head))
      continue;
    // Features with a value to fold go last, so that those kept to fill up need no sum.
    llvm::sort(gone[head],
               [&](int64_t a, int64_t b) { return std::pair(isFolded(head, a), a) < std::pair(isFolded(head, b), b); });
    llvm::SmallBitVector stays(size, true);
    for (int64_t i : ArrayRef(gone[head]).take_front(size - width))
      stays.reset(i);
    llvm::append_range(kept[head], stays.set_bits());
  }
  return kept;
}

/// Calls \p test for the heads of \p whole that stay and belong to head \p head of \p part, until one is false.
static bool allHeadsOf(const HeadSpace &whole, const HeadSpace &part, int64_t head, function_ref<bool(int64_t)> test) {
  for (int64_t i = 0; i < whole.getNumHeads(); ++i)
    if (whole.project(i, part) == head && !test(i))
      return false;
  return true;
}

void AttentionPruner::narrowValues() {
  const HeadSpace &heads = output.heads();
  int64_t size = output.headSize();
  auto isDead = [&](int64_t head, int64_t i) {
    return allHeadsOf(heads, value.heads(), head,
                      [&](int64_t all) { return !isAlive(heads, all) || dead[all * size + i]; });
  };
  auto isFolded = [&](int64_t head, int64_t i) {
    return !allHeadsOf(heads, value.heads(), head, [&](int64_t all) { return folded[all * size + i] == 0; });
  };
  value.kept = chooseKept(value, isDead, isFolded, "the values");
  for (int64_t head = 0; head < heads.getNumHeads(); ++head)
    output.kept.push_back(isAlive(heads, head) ? value.kept[heads.project(head, value.heads())]
                                               : SmallVector<int64_t>());
}

void AttentionPruner::narrowScores() {
  RowFacts q = getRowFacts(query), k = getRowFacts(key);
  const HeadSpace &heads = query.heads();
  int64_t size = query.headSize();
  auto isDead = [&](int64_t head, int64_t i) {
    int64_t keyRow = head * size + i;
    return allHeadsOf(heads, key.heads(), head, [&](int64_t all) {
      int64_t row = all * size + i;
      return !isAlive(heads, all) || (q.isZero(row) && k.finite[keyRow]) || (k.isZero(keyRow) && q.finite[row]);
    });
  };
  key.kept = chooseKept(key, isDead, [](int64_t, int64_t) { return false; }, "query and key");
  for (int64_t head = 0; head < heads.getNumHeads(); ++head)
    query.kept.push_back(isAlive(heads, head) ? key.kept[heads.project(head, key.heads())] : SmallVector<int64_t>());
}

/// Adds the constants that go to \p bias, which stays empty when there are none. False when the sums are not finite.
bool AttentionPruner::foldConstants(std::vector<float> &bias) {
  int64_t size = output.headSize(), features = output.projection.getNumFeatures();
  SmallVector<char> gone(features, true);
  for (auto [head, kept] : llvm::enumerate(output.kept))
    for (int64_t i : kept)
      gone[head * size + i] = false;
  LinearOp layer = output.projection.layer;
  SmallVector<double> sums(layer.getNumOutputs(), 0.0);
  llvm::copy(output.values->bias, sums.begin());
  bool any = false;
  for (int64_t i = 0; i < features; ++i) {
    if (!gone[i] || folded[i] == 0)
      continue;
    any = true;
    for (int64_t out = 0; out < layer.getNumOutputs(); ++out)
      sums[out] += folded[i] * output.values->weight[out * features + i];
  }
  if (!any)
    return true;
  bias.assign(sums.begin(), sums.end());
  roundWeightValues(getElementTypeOrSelf(layer.getBias() ? layer.getBias().getType() : layer.getWeight().getType()),
                    bias);
  return llvm::all_of(bias, [](float element) { return std::isfinite(element); });
}

//===----------------------------------------------------------------------===//
// The smaller attention
//===----------------------------------------------------------------------===//

/// The weight and bias of \p side with the rows that stay.
std::pair<Value, Value> AttentionPruner::shrinkWeights(const Side &side) {
  LinearOp layer = side.projection.layer;
  int64_t inputs = layer.getNumInputs(), rows = 0;
  std::vector<float> weight, bias;
  for (auto [head, kept] : llvm::enumerate(side.kept)) {
    for (int64_t i : kept) {
      int64_t row = head * side.headSize() + i;
      auto begin = side.values->weight.begin() + row * inputs;
      weight.insert(weight.end(), begin, begin + inputs);
      if (layer.getBias())
        bias.push_back(side.values->bias[row]);
      ++rows;
    }
  }
  Value newWeight = weights.create(layer, layer.getWeight(), {rows, inputs}, weight,
                                   getElementTypeOrSelf(layer.getWeight().getType()));
  Value newBias;
  if (layer.getBias())
    newBias = weights.create(layer, layer.getBias(), {rows}, bias, getElementTypeOrSelf(layer.getBias().getType()));
  return {newWeight, newBias};
}

/// \p type with \p last as its last dimensions.
static RankedTensorType resize(RankedTensorType type, ArrayRef<int64_t> last) {
  SmallVector<int64_t> shape(type.getShape().drop_back(last.size()));
  llvm::append_range(shape, last);
  return type.clone(shape);
}

/// How many features each head of \p side keeps.
static int64_t getWidth(const Side &side) {
  for (ArrayRef<int64_t> kept : side.kept)
    if (!kept.empty())
      return kept.size();
  return 0;
}

/// The operand \p old of the smaller attention.
Value AttentionPruner::rebuildOperand(Side &side, Value old) {
  if (!side.changed)
    return old;
  Projection &p = side.projection;
  auto [weight, bias] = shrinkWeights(side);
  SmallVector<int64_t> sizes = shrink(p.heads).sizes;
  sizes.push_back(getWidth(side));
  OpBuilder b(p.layer);
  int64_t rows = cast<RankedTensorType>(weight.getType()).getDimSize(0);
  Value result = LinearOp::create(b, p.layer.getLoc(), resize(p.layer.getResult().getType(), {rows}),
                                  p.layer.getInput(), weight, bias);
  result = cloneElementwise(p.between, result);
  if (!p.split)
    return result;
  b.setInsertionPoint(p.split);
  SmallVector<OpFoldResult> shape = p.split.getMixedOutputShape();
  for (auto [at, size] : llvm::zip(MutableArrayRef(shape).take_back(sizes.size()), sizes))
    at = b.getIndexAttr(size);
  return tensor::ExpandShapeOp::create(b, p.split.getLoc(), resize(p.split.getResultType(), sizes), result,
                                       p.split.getReassociationIndices(), shape);
}

static void eraseOperand(Side &side) {
  if (!side.changed)
    return;
  if (side.projection.split)
    side.projection.split.erase();
  for (Operation *op : llvm::reverse(side.projection.between))
    op->erase();
  side.projection.layer.erase();
}

/// Replaces everything by what is left; \p bias is the new one of the output, if it is not empty.
void AttentionPruner::rebuild(ArrayRef<float> bias) {
  OpBuilder b(attention);
  IRMapping mapping;
  mapping.map(attention.getQuery(), rebuildOperand(query, attention.getQuery()));
  mapping.map(attention.getKey(), rebuildOperand(key, attention.getKey()));
  mapping.map(attention.getValue(), rebuildOperand(value, attention.getValue()));
  auto smaller = cast<AttentionOp>(b.clone(*attention, mapping));
  // The default depends on the head size.
  if (query.changed)
    smaller.setScale(APFloat(attention.getScaleValue()));
  if (!output.changed) {
    attention.getResult().replaceAllUsesWith(smaller.getResult());
  } else {
    Projection &p = output.projection;
    LinearOp layer = p.layer;
    SmallVector<int64_t> sizes = shrink(p.heads).sizes;
    sizes.push_back(getWidth(output));
    smaller.getResult().setType(resize(attention.getResult().getType(), sizes));
    Value joined = smaller.getResult();
    SmallVector<int64_t> columns;
    for (auto [head, kept] : llvm::enumerate(output.kept))
      for (int64_t i : kept)
        columns.push_back(head * output.headSize() + i);
    int64_t count = columns.size();
    if (p.join) {
      b.setInsertionPoint(p.join);
      joined = tensor::CollapseShapeOp::create(b, p.join.getLoc(), resize(p.join.getResultType(), {count}), joined,
                                               p.join.getReassociationIndices());
    }
    std::vector<float> elements;
    for (int64_t out = 0; out < layer.getNumOutputs(); ++out)
      for (int64_t i : columns)
        elements.push_back(output.values->weight[out * p.getNumFeatures() + i]);
    Type element = getElementTypeOrSelf(layer.getWeight().getType());
    Value weight = weights.create(layer, layer.getWeight(), {layer.getNumOutputs(), count}, elements, element);
    Value newBias = layer.getBias();
    if (!bias.empty())
      newBias = weights.create(layer, newBias, {layer.getNumOutputs()}, bias,
                               newBias ? getElementTypeOrSelf(newBias.getType()) : element);
    b.setInsertionPoint(layer);
    Value y = LinearOp::create(b, layer.getLoc(), layer.getResult().getType(), joined, weight, newBias);
    layer.getResult().replaceAllUsesWith(y);
    layer.erase();
    if (p.join)
      p.join.erase();
  }
  attention.erase();
  for (Side *side : {&query, &key, &value})
    eraseOperand(*side);
}

int64_t AttentionPruner::run() {
  SymbolTable &symbols = weights.getSymbols();
  auto hasZeros = [&](LinearOp layer, bool byColumn) { return layer && hasZeroFeatures(layer, byColumn, symbols); };
  bool valuesPruned = hasZeros(value ? value.projection.layer : findLayerBehind(attention.getValue()), false) ||
                      (output && hasZeros(output.projection.layer, true));
  bool scoresPruned = hasZeros(query ? query.projection.layer : findLayerBehind(attention.getQuery()), false) ||
                      hasZeros(key ? key.projection.layer : findLayerBehind(attention.getKey()), false);
  std::vector<float> bias;
  if (valuesPruned) {
    if (readSide(value) && readSide(output)) {
      findDeadValues();
      removeHeads();
      narrowValues();
      if (!foldConstants(bias)) {
        declined("features of the values stay: with their constants a bias of the output is not finite");
        left.clear();
        value.kept.clear();
        output.kept.clear();
      }
    } else {
      declined("pruned features of the values stay: " + (value ? output.reason : value.reason));
    }
  }
  if (scoresPruned || !left.empty()) {
    if (readSide(query) && readSide(key))
      narrowScores();
    else if (scoresPruned)
      declined("pruned features of query and key stay: " + (query ? key.reason : query.reason));
  }
  int64_t removed = 0;
  for (Side *side : {&query, &key, &value, &output}) {
    if (side->kept.empty())
      continue;
    int64_t kept = 0, all = side->projection.getNumFeatures();
    for (ArrayRef<int64_t> features : side->kept)
      kept += features.size();
    side->changed = kept < all;
    if (side != &output)
      removed += all - kept;
  }
  if (removed == 0)
    return 0;
  auto passed = [&](StringRef name, const std::string &reason, LinearOp first, LinearOp second) {
    remark::passed(attention.getLoc(), remark::RemarkOpts::name(name).category(DEBUG_TYPE))
        << remark::reason("{0}", reason) << remark::metric("Weight", getWeightName(first, symbols))
        << remark::metric("WeightBehind", getWeightName(second, symbols));
  };
  if (!left.empty())
    passed("HeadsRemoved",
           llvm::formatv("removed {0} of {1} heads of attention",
                         output.heads().getNumHeads() - shrink(output.heads()).getNumHeads(),
                         output.heads().getNumHeads()),
           value.projection.layer, output.projection.layer);
  if (value.changed && getWidth(value) < value.headSize())
    passed("ValuesNarrowed",
           llvm::formatv("heads of the values keep {0} of {1} features", getWidth(value), value.headSize()),
           value.projection.layer, output.projection.layer);
  if (query.changed && getWidth(query) < query.headSize())
    passed("ScoresNarrowed",
           llvm::formatv("heads of query and key keep {0} of {1} features", getWidth(query), query.headSize()),
           query.projection.layer, key.projection.layer);
  rebuild(bias);
  return removed;
}

int64_t et::pruneAttention(AttentionOp attention, PrunedWeights &weights, int64_t multiple, bool report) {
  return AttentionPruner(attention, weights, multiple, report).run();
}
