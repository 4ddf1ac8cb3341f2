//===- PruningUtils.cpp - What the parts of --et-propagate-pruning share -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "PruningUtils.h"

#include "et/Dialect/ET/IR/ET.h"
#include "et/Dialect/ET/IR/WeightData.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "llvm/Support/xxhash.h"

#include <cmath>

using namespace mlir;
using namespace mlir::et;

bool et::isElementwise(Operation *op) {
  if (isa<GeluOp>(op))
    return true;
  auto generic = dyn_cast<linalg::GenericOp>(op);
  if (!generic || generic.getNumDpsInputs() != 1 || generic.getNumResults() != 1 || generic.hasIndexSemantics() ||
      generic.getNumParallelLoops() != generic.getNumLoops())
    return false;
  return llvm::all_of(generic.getIndexingMapsArray(), [](AffineMap map) { return map.isIdentity(); }) &&
         generic.getRegionOutputArgs().front().use_empty();
}

/// What the body of \p generic yields for \p value, by folding its ops one after the other.
static std::optional<double> evaluate(linalg::GenericOp generic, double value) {
  DenseMap<Value, Attribute> known;
  BlockArgument arg = generic.getRegionInputArgs().front();
  known[arg] = FloatAttr::get(arg.getType(), value);
  auto find = [&](Value operand) {
    Attribute attr = known.lookup(operand);
    if (!attr)
      matchPattern(operand, m_Constant(&attr));
    return attr;
  };
  for (Operation &op : generic.getBody()->without_terminator()) {
    if (op.getNumResults() != 1 || op.getNumRegions() != 0)
      return std::nullopt;
    SmallVector<Attribute> operands = llvm::map_to_vector(op.getOperands(), find);
    // Folding may change an op in place.
    Operation *copy = op.clone();
    SmallVector<OpFoldResult> results;
    Attribute result;
    if (succeeded(copy->fold(operands, results)) && results.size() == 1) {
      result = dyn_cast<Attribute>(results.front());
      if (!result)
        result = find(cast<Value>(results.front()));
    }
    copy->destroy();
    if (!result)
      return std::nullopt;
    known[op.getResult(0)] = result;
  }
  auto result = dyn_cast_or_null<FloatAttr>(find(generic.getBody()->getTerminator()->getOperand(0)));
  return result ? std::optional<double>(result.getValueAsDouble()) : std::nullopt;
}

/// gelu of \p x in the form \p kind.
static double evaluate(GeluKind kind, double x) {
  switch (kind) {
  case GeluKind::Erf:
    return x / 2 * (1 + std::erf(x / std::sqrt(2.0)));
  case GeluKind::Tanh:
    return x / 2 * (1 + std::tanh(std::sqrt(2 / llvm::numbers::pi) * (x + 0.044715 * x * x * x)));
  case GeluKind::Sigmoid:
    return x / (1 + std::exp(-1.702 * x));
  }
  llvm_unreachable("all forms are covered");
}

std::optional<double> et::evaluateElementwise(ArrayRef<Operation *> ops, double value) {
  std::optional<double> result = value;
  for (Operation *op : ops) {
    if (auto generic = dyn_cast<linalg::GenericOp>(op))
      result = evaluate(generic, *result);
    else
      result = evaluate(cast<GeluOp>(op).getApproximate(), *result);
    if (!result)
      return std::nullopt;
  }
  return result;
}

Value et::cloneElementwise(ArrayRef<Operation *> ops, Value value) {
  for (Operation *op : ops) {
    OpBuilder b(op);
    IRMapping mapping;
    mapping.map(op->getOperand(0), value);
    auto type = cast<RankedTensorType>(value.getType());
    type = type.clone(getElementTypeOrSelf(op->getResult(0).getType()));
    if (auto generic = dyn_cast<linalg::GenericOp>(op)) {
      SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, op->getLoc(), value);
      mapping.map(generic.getDpsInits().front(),
                  tensor::EmptyOp::create(b, op->getLoc(), sizes, type.getElementType()));
    }
    Operation *copy = b.clone(*op, mapping);
    copy->getResult(0).setType(type);
    value = copy->getResult(0);
  }
  return value;
}

/// findUsedFeatures for elements of one width.
template <typename Bits>
static SmallVector<int32_t> findUsed(const char *data, int64_t rows, int64_t columns, bool byColumn) {
  // Zeros of either sign.
  constexpr Bits kMagnitude = Bits(-1) >> 1;
  const auto *bits = reinterpret_cast<const Bits *>(data);
  std::vector<Bits> used(byColumn ? columns : rows);
  for (int64_t row = 0; row < rows; ++row, bits += columns) {
    if (byColumn) {
      for (int64_t i = 0; i < columns; ++i)
        used[i] |= bits[i];
      continue;
    }
    Bits any = 0;
    for (int64_t i = 0; i < columns; ++i)
      any |= bits[i];
    used[row] = any;
  }
  SmallVector<int32_t> numbers;
  for (auto [i, any] : llvm::enumerate(used))
    if (any & kMagnitude)
      numbers.push_back(i);
  return numbers;
}

SmallVector<int32_t> et::findUsedFeatures(const RawElements &raw, RankedTensorType type, bool byColumn) {
  auto find = type.getElementTypeBitWidth() == 32 ? findUsed<uint32_t> : findUsed<uint16_t>;
  return find(raw.data, type.getDimSize(0), type.getDimSize(1), byColumn);
}

bool et::hasZeroFeatures(LinearOp layer, bool byColumn, SymbolTable &symbols) {
  WeightOp weight = getOutlinedWeight(layer.getWeight(), symbols);
  if (!weight || weight.getTensorType().getEncoding() || !hasData(weight))
    return false;
  Type element = weight.getTensorType().getElementType();
  if (!element.isF32() && !element.isF16() && !element.isBF16())
    return false;
  FailureOr<RawElements> raw = getRawElements(weight);
  if (failed(raw))
    return false;
  int64_t total = byColumn ? layer.getNumInputs() : layer.getNumOutputs();
  return static_cast<int64_t>(findUsedFeatures(*raw, weight.getTensorType(), byColumn).size()) < total;
}

FailureOr<LayerValues> et::readLayer(LinearOp layer, SymbolTable &symbols, std::string &reason) {
  LayerValues values;
  reason = "it is no outlined constant";
  for (auto [operand, target] :
       {std::pair<Value, std::vector<float> *>{layer.getWeight(), &values.weight}, {layer.getBias(), &values.bias}}) {
    if (!operand)
      continue;
    WeightOp weight = getOutlinedWeight(operand, symbols);
    FailureOr<std::vector<float>> read = weight ? readWeightValues(weight, reason) : FailureOr<std::vector<float>>();
    if (failed(read))
      return failure();
    *target = std::move(*read);
  }
  return values;
}

std::string et::getWeightName(LinearOp layer, SymbolTable &symbols) {
  WeightOp weight = getOutlinedWeight(layer.getWeight(), symbols);
  return weight ? weight.getSymName().str() : std::string();
}

Value PrunedWeights::create(LinearOp layer, Value old, ArrayRef<int64_t> shape, ArrayRef<float> values, Type element) {
  OpBuilder b(layer);
  std::string name = "bias";
  if (WeightOp weight = getOutlinedWeight(old, symbols))
    name = weight.getSymName().str();
  auto type = RankedTensorType::get(shape, element);
  ArrayRef<uint8_t> bytes(reinterpret_cast<const uint8_t *>(values.data()), values.size() * sizeof(float));
  std::pair<std::string, uint64_t> key(name, llvm::xxh3_64bits(bytes));
  for (auto [it, end] = made.equal_range(key); it != end; ++it) {
    std::string reason;
    // Values that are rounded when they are stored differ, and make a weight of their own.
    if (it->second.getTensorType() != type)
      continue;
    FailureOr<std::vector<float>> same = readWeightValues(it->second, reason);
    if (succeeded(same) && llvm::equal(*same, values))
      return WeightRefOp::create(b, layer.getLoc(), type, FlatSymbolRefAttr::get(it->second.getSymNameAttr()));
  }
  Value made = createWeight(b, layer.getLoc(), name + "_pruned", type, values, symbols);
  this->made.emplace(key, getOutlinedWeight(made, symbols));
  return made;
}
