//===- CondenseWeights.cpp - Store only the rows or columns that are left -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   %y = et.linear %x, %w bias(%b)       // %w of #et.columns; columns 1, 4, 5 are not zero
// becomes
//   %g[.., j] = %x[.., ids[j]]           // ids = [1, 4, 5], a linalg.generic
//   %y = et.linear %g, %w' bias(%b)      // %w' dense, three columns
//
//   %y = et.linear %x, %w bias(%b)       // %w of #et.rows
// becomes
//   %c = et.linear %x, %w' bias(%b')     // the rows that are left
//   %y[.., n] = at[n] < 0 ? %b[n] : %c[.., at[n]]
//
// and the second generic takes along the one element-wise generic that reads %y, a
// residual as a rule. What is left is a dense layer for any kernel there is. So that
// sizes suit kernels, some rows or columns that are zero stay.
//
//===----------------------------------------------------------------------===//

#include "PruningUtils.h"

#include "et/Dialect/ET/IR/ConvertFloat.h"
#include "et/Dialect/ET/IR/ET.h"
#include "et/Dialect/ET/Transforms/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/ScopeExit.h"

#include <cstring>

#define DEBUG_TYPE "et-condense-weights"

namespace mlir::et {
#define GEN_PASS_DEF_CONDENSEWEIGHTSPASS
#include "et/Dialect/ET/Transforms/Passes.h.inc"
} // namespace mlir::et

using namespace mlir;
using namespace mlir::et;

namespace {
/// A weight without some of its rows or columns.
struct Condensed {
  /// The rows or columns that are left, ascending; all of them when nothing is gained.
  SmallVector<int32_t> kept;
  WeightOp weight;
};

struct CondenseWeightsPass final : et::impl::CondenseWeightsPassBase<CondenseWeightsPass> {
  using Base::Base;

  void runOnOperation() override {
    if (multiple == 0) {
      getOperation().emitError("expected option multiple of --et-condense-weights to be positive, but got 0");
      return signalPassFailure();
    }
    condensed.clear();
    plain.clear();
    gathered.clear();
    indices.clear();
    symbols.emplace(getOperation());
    SmallVector<LinearOp> layers;
    getOperation().walk([&](LinearOp op) { layers.push_back(op); });
    for (LinearOp layer : layers)
      if (failed(visit(layer)))
        return signalPassFailure();
  }

private:
  LogicalResult visit(LinearOp layer);
  FailureOr<Condensed> condense(WeightOp weight);
  Value keepDense(LinearOp layer, WeightOp weight);
  Value refer(OpBuilder &builder, Location loc, WeightOp weight);
  Value getIndices(OpBuilder &builder, Location loc, ArrayRef<int32_t> values, StringRef name);
  Value gather(LinearOp layer, const Condensed &weight);
  LogicalResult condenseRows(LinearOp layer, const Condensed &weight);

  std::optional<SymbolTable> symbols;
  /// By the encoded weight.
  DenseMap<Operation *, Condensed> condensed;
  DenseMap<Operation *, WeightOp> plain;
  /// By what is gathered, the indices, and the block.
  DenseMap<std::tuple<Value, Attribute, Block *>, Value> gathered;
  /// Vectors of indices that have a place among the weights.
  DenseMap<Attribute, WeightOp> indices;
};
} // namespace

/// Adds numbers below \p total that \p kept lacks, the first ones, until it has \p target; keeps it ascending.
static void fillUp(SmallVector<int32_t> &kept, int64_t total, int64_t target) {
  SmallVector<char> has(total, false);
  for (int32_t number : kept)
    has[number] = true;
  for (int32_t i = 0; i < total && static_cast<int64_t>(kept.size()) < target; ++i)
    if (!has[i])
      kept.push_back(i);
  llvm::sort(kept);
}

/// Finds what \p weight keeps and makes a smaller one of it, once.
FailureOr<Condensed> CondenseWeightsPass::condense(WeightOp weight) {
  auto found = condensed.find(weight);
  if (found != condensed.end())
    return found->second;
  FailureOr<RawElements> raw = getRawElements(weight);
  if (failed(raw))
    return failure();
  RankedTensorType type = weight.getTensorType();
  bool byColumn = isa<ColumnsAttr>(type.getEncoding());
  int64_t rows = type.getDimSize(0), columns = type.getDimSize(1), total = byColumn ? columns : rows;
  int64_t size = getElementSize(type.getElementType());
  Condensed result;
  result.kept = findUsedFeatures(*raw, type, byColumn);
  fillUp(result.kept, total,
         std::min<int64_t>(llvm::alignTo(std::max<size_t>(result.kept.size(), 1), multiple.getValue()), total));
  int64_t kept = result.kept.size();
  if (kept < total) {
    std::vector<char> data(type.getNumElements() / total * kept * size);
    char *target = data.data();
    for (int64_t row = 0; row < (byColumn ? rows : kept); ++row) {
      const char *source = raw->data + (byColumn ? row : result.kept[row]) * columns * size;
      if (!byColumn) {
        std::memcpy(target, source, columns * size);
        target += columns * size;
        continue;
      }
      for (int32_t column : result.kept) {
        std::memcpy(target, source + column * size, size);
        target += size;
      }
    }
    auto smaller = RankedTensorType::get({byColumn ? rows : kept, byColumn ? kept : columns}, type.getElementType());
    result.weight = createRawWeight(weight.getLoc(), (weight.getSymName() + ".kept").str(), smaller, data, *symbols);
  }
  return condensed[weight] = result;
}

Value CondenseWeightsPass::refer(OpBuilder &builder, Location loc, WeightOp weight) {
  return WeightRefOp::create(builder, loc, weight.getTensorType(), FlatSymbolRefAttr::get(weight.getSymNameAttr()));
}

/// Makes \p layer read \p weight as a plain dense one.
Value CondenseWeightsPass::keepDense(LinearOp layer, WeightOp weight) {
  WeightOp &dense = plain[weight];
  if (!dense) {
    OpBuilder builder(weight);
    dense = WeightOp::create(builder, weight.getLoc(), (weight.getSymName() + ".dense").str(),
                             weight.getTensorType().dropEncoding(), weight.getSources());
    symbols->insert(dense);
  }
  OpBuilder builder(layer);
  return refer(builder, layer.getLoc(), dense);
}

/// A reference to a vector of i32.
Value CondenseWeightsPass::getIndices(OpBuilder &builder, Location loc, ArrayRef<int32_t> values, StringRef name) {
  auto type = RankedTensorType::get({static_cast<int64_t>(values.size())}, builder.getI32Type());
  WeightOp &weight = indices[DenseI32ArrayAttr::get(&getContext(), values)];
  if (!weight)
    weight = createRawWeight(loc, name, type,
                             ArrayRef(reinterpret_cast<const char *>(values.data()), values.size() * sizeof(int32_t)),
                             *symbols);
  return refer(builder, loc, weight);
}

/// A tensor like \p source with \p size features.
static Value createEmpty(OpBuilder &builder, Location loc, Value source, int64_t size) {
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(builder, loc, source);
  sizes.back() = builder.getIndexAttr(size);
  return tensor::EmptyOp::create(builder, loc, sizes, cast<RankedTensorType>(source.getType()).getElementType());
}

/// A generic over the shape of \p init: \p vectors have one element per feature, and \p body gets them, and reads
/// other tensors at the positions it makes of the one of \p init.
static linalg::GenericOp
createByFeature(OpBuilder &builder, Location loc, Value init, ValueRange vectors,
                llvm::function_ref<Value(OpBuilder &, Location, ValueRange args, SmallVector<Value> position)> body) {
  int64_t rank = cast<RankedTensorType>(init.getType()).getRank();
  AffineMap identity = builder.getMultiDimIdentityMap(rank);
  SmallVector<AffineMap> maps(vectors.size(), identity.getSubMap(rank - 1));
  maps.push_back(identity);
  SmallVector<utils::IteratorType> iterators(rank, utils::IteratorType::parallel);
  return linalg::GenericOp::create(builder, loc, init.getType(), vectors, init, maps, iterators,
                                   [&](OpBuilder &b, Location l, ValueRange args) {
                                     SmallVector<Value> position;
                                     for (int64_t i = 0; i < rank - 1; ++i)
                                       position.push_back(linalg::IndexOp::create(b, l, i));
                                     linalg::YieldOp::create(b, l, body(b, l, args, position));
                                   });
}

/// What \p layer reads, without the inputs that \p weight does not need. Layers share it.
Value CondenseWeightsPass::gather(LinearOp layer, const Condensed &weight) {
  Value input = layer.getInput();
  Value &result = gathered[{input, DenseI32ArrayAttr::get(&getContext(), weight.kept), layer->getBlock()}];
  if (result)
    return result;
  Location loc = layer.getLoc();
  OpBuilder builder(layer);
  WeightOp op = weight.weight;
  Value ids = getIndices(builder, loc, weight.kept, (op.getSymName() + ".columns").str());
  Value init = createEmpty(builder, loc, input, weight.kept.size());
  auto generic = createByFeature(builder, loc, init, ids,
                                 [&](OpBuilder &b, Location l, ValueRange args, SmallVector<Value> position) -> Value {
                                   position.push_back(arith::IndexCastOp::create(b, l, b.getIndexType(), args[0]));
                                   return tensor::ExtractOp::create(b, l, input, position);
                                 });
  ++numGathers;
  return result = generic.getResult(0);
}

/// Fuses \p producer into the one generic that reads it, if that computes each element alone.
static void fuseWithConsumer(linalg::GenericOp producer) {
  Value result = producer.getResult(0);
  if (!result.hasOneUse())
    return;
  OpOperand &use = *result.use_begin();
  auto consumer = dyn_cast<linalg::GenericOp>(use.getOwner());
  if (!consumer || consumer->getBlock() != producer->getBlock() || !consumer.isDpsInput(&use) ||
      consumer.getNumLoops() != consumer.getNumParallelLoops() || !linalg::areElementwiseOpsFusable(&use))
    return;
  IRRewriter rewriter(consumer);
  FailureOr<linalg::ElementwiseOpFusionResult> fused = linalg::fuseElementwiseOps(rewriter, &use);
  if (failed(fused))
    return;
  for (auto [from, to] : fused->replacements)
    if (from.getDefiningOp() == consumer)
      rewriter.replaceAllUsesWith(from, to);
  // Positions of the producer come as maps of those of the consumer, which are the same.
  fused->fusedOp->walk([&](affine::AffineApplyOp apply) {
    if (auto dim = dyn_cast<AffineDimExpr>(apply.getAffineMap().getResult(0)))
      rewriter.replaceOp(apply, apply.getMapOperands()[dim.getPosition()]);
  });
  rewriter.eraseOp(consumer);
  if (producer->use_empty())
    rewriter.eraseOp(producer);
}

/// Replaces \p layer by one with the rows of \p weight, and puts its outputs in their places.
LogicalResult CondenseWeightsPass::condenseRows(LinearOp layer, const Condensed &weight) {
  Location loc = layer.getLoc();
  OpBuilder builder(layer);
  int64_t total = layer.getNumOutputs();
  Value bias = layer.getBias(), keptBias;
  WeightOp smaller = weight.weight;
  if (bias) {
    WeightOp constant = getOutlinedWeight(bias, *symbols);
    FailureOr<RawElements> raw = getRawElements(constant);
    if (failed(raw))
      return failure();
    Type element = constant.getTensorType().getElementType();
    int64_t size = getElementSize(element);
    std::vector<char> data;
    for (int32_t row : weight.kept)
      data.insert(data.end(), raw->data + row * size, raw->data + (row + 1) * size);
    auto type = RankedTensorType::get({static_cast<int64_t>(weight.kept.size())}, element);
    keptBias = refer(builder, loc, createRawWeight(loc, (constant.getSymName() + ".kept").str(), type, data, *symbols));
  }
  RankedTensorType type = layer.getResult().getType();
  SmallVector<int64_t> shape(type.getShape());
  shape.back() = weight.kept.size();
  Value condensed = LinearOp::create(builder, loc, RankedTensorType::get(shape, type.getElementType()),
                                     layer.getInput(), refer(builder, loc, smaller), keptBias);
  SmallVector<int32_t> at(total, -1);
  for (auto [i, row] : llvm::enumerate(weight.kept))
    at[row] = i;
  SmallVector<Value> vectors = {getIndices(builder, loc, at, (smaller.getSymName() + ".rows").str())};
  if (bias)
    vectors.push_back(bias);
  Value init = createEmpty(builder, loc, condensed, total);
  auto scatter =
      createByFeature(builder, loc, init, vectors,
                      [&](OpBuilder &b, Location l, ValueRange args, SmallVector<Value> position) -> Value {
                        Value zero = arith::ConstantIntOp::create(b, l, 0, 32);
                        Value isGone = arith::CmpIOp::create(b, l, arith::CmpIPredicate::slt, args[0], zero);
                        Value safe = arith::SelectOp::create(b, l, isGone, zero, args[0]);
                        position.push_back(arith::IndexCastOp::create(b, l, b.getIndexType(), safe));
                        Value kept = tensor::ExtractOp::create(b, l, condensed, position);
                        Value rest =
                            bias ? convertFloat(b, l, args[1], kept.getType())
                                 : arith::ConstantOp::create(b, l, b.getFloatAttr(kept.getType(), 0.0)).getResult();
                        return arith::SelectOp::create(b, l, isGone, rest, kept);
                      });
  Value result = scatter.getResult(0);
  // The sizes of the new tensor are the old one's, static or not.
  if (result.getType() != type)
    result = tensor::CastOp::create(builder, loc, type, result);
  layer.getResult().replaceAllUsesWith(result);
  layer.erase();
  ++numScatters;
  fuseWithConsumer(scatter);
  return success();
}

LogicalResult CondenseWeightsPass::visit(LinearOp layer) {
  Attribute encoding = layer.getWeight().getType().getEncoding();
  if (!isa_and_nonnull<RowsAttr, ColumnsAttr>(encoding))
    return success();
  // What is no constant has no kernel: it is decomposed.
  WeightOp weight = getOutlinedWeight(layer.getWeight(), *symbols);
  if (!weight)
    return success();
  auto stayDense = [&](StringRef reason) {
    remark::missed(layer.getLoc(), remark::RemarkOpts::name("WeightNotCondensed").category(DEBUG_TYPE))
        << remark::reason("the weight stays dense: {0}", reason) << remark::metric("Weight", weight.getSymName().str());
    layer.getWeightMutable().assign(keepDense(layer, weight));
    return success();
  };
  Type element = weight.getTensorType().getElementType();
  if (!element.isF32() && !element.isF16() && !element.isBF16())
    return stayDense("only weights of f16, bf16 and f32 are condensed");
  if (weight.getTensorType().getNumElements() == 0)
    return stayDense("it has no elements");
  if (!hasData(weight))
    return stayDense("its data is not there when compiling");
  bool byColumn = isa<ColumnsAttr>(encoding);
  if (!byColumn && layer.getBias()) {
    WeightOp bias = getOutlinedWeight(layer.getBias(), *symbols);
    if (!bias || !hasData(bias))
      return stayDense("the bias, which is what outputs of zero rows are, is not known when compiling");
  }
  FailureOr<Condensed> smaller = condense(weight);
  if (failed(smaller))
    return failure();
  int64_t total = byColumn ? layer.getNumInputs() : layer.getNumOutputs();
  if (static_cast<int64_t>(smaller->kept.size()) == total) {
    std::string reason = "in multiples of " + std::to_string(multiple) + ", all of its " + std::to_string(total) +
                         (byColumn ? " columns are kept" : " rows are kept");
    return stayDense(reason);
  }
  remark::passed(layer.getLoc(), remark::RemarkOpts::name("WeightCondensed").category(DEBUG_TYPE))
      << remark::reason("stores {0} of {1} {2}; the {3}", smaller->kept.size(), total, byColumn ? "columns" : "rows",
                        byColumn ? "input is gathered" : "outputs are put in their places behind it")
      << remark::metric("Weight", weight.getSymName().str());
  ++numCondensed;
  Operation *ref = layer.getWeight().getDefiningOp();
  llvm::scope_exit eraseUnused([&] {
    if (ref->use_empty())
      ref->erase();
  });
  if (!byColumn)
    return condenseRows(layer, *smaller);
  OpBuilder builder(layer);
  layer.getInputMutable().assign(gather(layer, *smaller));
  layer.getWeightMutable().assign(refer(builder, layer.getLoc(), smaller->weight));
  return success();
}
