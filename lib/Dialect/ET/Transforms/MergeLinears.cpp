//===- MergeLinears.cpp - Merge linear layers that read the same input -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   %q = et.linear %x, %wq bias(%bq)        %y = et.linear %x, %w bias(%b)     // @w from [wq, wk, wv]
//   %k = et.linear %x, %wk bias(%bk)   =>   %q = tensor.extract_slice %y [.., 0] ...
//   %v = et.linear %x, %wv bias(%bv)        %k = tensor.extract_slice %y [.., N] ...
//
// Slices of the last dimension are views, so nothing is copied.
//
//===----------------------------------------------------------------------===//

#include "et/Dialect/ET/IR/ET.h"
#include "et/Dialect/ET/Transforms/Passes.h"
#include "et/Dialect/ET/Transforms/WeightValues.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace mlir::et {
#define GEN_PASS_DEF_MERGELINEARSPASS
#include "et/Dialect/ET/Transforms/Passes.h.inc"
} // namespace mlir::et

using namespace mlir;
using namespace mlir::et;

/// A reference to a new weight that joins \p parts along their first dimension.
static Value joinWeights(OpBuilder &builder, Location loc, MutableArrayRef<WeightOp> parts, SymbolTable &symbols) {
  SmallVector<Attribute> sources;
  SmallVector<int64_t> shape(parts[0].getTensorType().getShape());
  shape[0] = 0;
  std::string name;
  for (WeightOp part : parts) {
    llvm::append_range(sources, part.getSources());
    shape[0] += part.getTensorType().getDimSize(0);
    name += (name.empty() ? "" : "|") + part.getSymName().str();
  }
  auto type = RankedTensorType::get(shape, parts[0].getTensorType().getElementType());
  WeightOp front = parts.front();
  OpBuilder moduleBuilder(front);
  auto joined = WeightOp::create(moduleBuilder, loc, name, type, builder.getArrayAttr(sources));
  symbols.insert(joined);
  return WeightRefOp::create(builder, loc, type, FlatSymbolRefAttr::get(joined.getSymNameAttr()));
}

/// Replaces \p layers, which read one input, by one layer and slices of its result.
static void merge(ArrayRef<LinearOp> layers, SymbolTable &symbols) {
  LinearOp first = layers.front();
  OpBuilder builder(first);
  SmallVector<Location> locations;
  SmallVector<WeightOp> weights, biases;
  int64_t numOutputs = 0;
  for (LinearOp layer : layers) {
    locations.push_back(layer.getLoc());
    weights.push_back(getOutlinedWeight(layer.getWeight(), symbols));
    if (layer.getBias())
      biases.push_back(getOutlinedWeight(layer.getBias(), symbols));
    numOutputs += layer.getNumOutputs();
  }
  Location loc = builder.getFusedLoc(locations);
  Value weight = joinWeights(builder, loc, weights, symbols);
  Value bias = biases.empty() ? Value() : joinWeights(builder, loc, biases, symbols);
  RankedTensorType type = first.getResult().getType();
  SmallVector<int64_t> shape(type.getShape());
  shape.back() = numOutputs;
  auto merged = LinearOp::create(builder, loc, RankedTensorType::get(shape, type.getElementType()), first.getInput(),
                                 weight, bias);
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(builder, loc, first.getInput());
  SmallVector<OpFoldResult> offsets(sizes.size(), builder.getIndexAttr(0));
  SmallVector<OpFoldResult> strides(sizes.size(), builder.getIndexAttr(1));
  int64_t offset = 0;
  for (LinearOp layer : layers) {
    offsets.back() = builder.getIndexAttr(offset);
    sizes.back() = builder.getIndexAttr(layer.getNumOutputs());
    offset += layer.getNumOutputs();
    Value slice = tensor::ExtractSliceOp::create(builder, layer.getLoc(), layer.getResult().getType(),
                                                 merged.getResult(), offsets, sizes, strides);
    layer.getResult().replaceAllUsesWith(slice);
  }
  for (LinearOp layer : layers)
    layer.erase();
}

namespace {
struct MergeLinearsPass final : et::impl::MergeLinearsPassBase<MergeLinearsPass> {
  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (!function.isExternal())
        mergeIn(function, symbols);
  }

  void mergeIn(func::FuncOp function, SymbolTable &symbols) {
    // Layers of one block that may be merged, by what they must have in common; the types are those of weight, bias
    // (null without one) and result but for its last dimension.
    using Key = std::tuple<Value, Block *, Type, Type, Type>;
    llvm::MapVector<Key, SmallVector<LinearOp>> groups;
    function.walk([&](LinearOp layer) {
      WeightOp weight = getOutlinedWeight(layer.getWeight(), symbols);
      if (!weight || weight.getTensorType().getEncoding() || !layer.getWeight().hasOneUse())
        return;
      if (layer.getBias() && !getOutlinedWeight(layer.getBias(), symbols))
        return;
      Type biasType = layer.getBias() ? layer.getBias().getType().getElementType() : Type();
      RankedTensorType type = layer.getResult().getType();
      Type rows = RankedTensorType::get(type.getShape().drop_back(), type.getElementType());
      groups[{layer.getInput(), layer->getBlock(), weight.getTensorType().getElementType(), biasType, rows}].push_back(
          layer);
    });
    for (auto &[key, layers] : groups) {
      if (layers.size() < 2)
        continue;
      merge(layers, symbols);
      numMerged += layers.size() - 1;
    }
  }
};
} // namespace
