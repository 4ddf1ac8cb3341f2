//===- MergeValueOutput.cpp - Merge value and output projections of attention -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The output of attention is a sum over heads, S_h the rows of softmax scores:
//
//   sum_h S_h (x Wv_h^T + bv_h) Wo_h^T + bo  =  sum_h S_h (x M_h^T + c_h) + bo,    M_h = Wo_h Wv_h,  c_h = Wo_h bv_h
//
//   %v = et.linear %x, %wv bias(%bv)              %v = et.linear %x, %m bias(%c)     // H * outputs rows
//   %z = et.attention .. value(%v as heads)  =>   %z = et.attention .. value(%v as heads of all outputs)
//   %y = et.linear %z, %wo bias(%bo)              %y = sum of %z over heads, + %bo
//
// (Chen et al., "E.T.: Re-Thinking Self-Attention for Transformer Models on GPUs", SC 2021, section 3.1.) A row that
// attends to nothing stays zero before the bias, since c_h is part of the values.
//
//===----------------------------------------------------------------------===//

#include "AttentionProjections.h"

#include "et/Dialect/ET/IR/ET.h"
#include "et/Dialect/ET/Transforms/Passes.h"
#include "et/Dialect/ET/Transforms/WeightValues.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Remarks.h"
#include "llvm/Support/FormatVariadic.h"

#define DEBUG_TYPE "et-merge-value-output"

namespace mlir::et {
#define GEN_PASS_DEF_MERGEVALUEOUTPUTPASS
#include "et/Dialect/ET/Transforms/Passes.h.inc"
} // namespace mlir::et

using namespace mlir;
using namespace mlir::et;

namespace {
/// An attention between its two projections.
struct Projections {
  LinearOp value, output;
  /// Null for one head without a dimension of its own.
  tensor::ExpandShapeOp split;
  tensor::CollapseShapeOp join;
  AttentionOp attention;
  int64_t numHeads = 1, headSize = 0, numInputs = 0, numOutputs = 0;
};
} // namespace

static bool isLastTwoDims(ArrayRef<ReassociationIndices> groups, int64_t rank) {
  if (groups.empty() || groups.back() != ReassociationIndices{rank - 2, rank - 1})
    return false;
  return llvm::all_of(groups.drop_back(), [](const ReassociationIndices &group) { return group.size() == 1; });
}

/// Fills \p found with what stands around \p attention, or returns why the projections cannot be merged.
static std::optional<std::string> match(AttentionOp attention, Projections &found) {
  Projection value, output;
  if (std::optional<std::string> reason = matchOutputProjection(attention, output))
    return reason;
  if (output.join && !isLastTwoDims(output.join.getReassociationIndices(), attention.getResult().getType().getRank()))
    return "the heads of its result are not joined into one dimension";
  if (std::optional<std::string> reason = matchProjection(attention, attention.getValue(), attention.getValueMap(),
                                                          attention.getVDim(), "value", value))
    return reason;
  if (value.split && !isLastTwoDims(value.split.getReassociationIndices(), attention.getValue().getType().getRank()))
    return "its value is not taken apart into heads next to the head size";
  if (!value.between.empty())
    return "its value is not the result of a linear layer";
  if (!value.split != !output.join)
    return "only one of its value and its result has heads";
  // Each query head has values of its own.
  if (value.heads.dims != output.heads.dims)
    return "heads of its value and of its result are not the same dimension, next to the head size";
  found = {value.layer,
           output.layer,
           value.split,
           output.join,
           attention,
           value.heads.getNumHeads(),
           value.headSize,
           value.layer.getNumInputs(),
           output.layer.getNumOutputs()};
  return std::nullopt;
}

/// Multiply-adds for one row of the input when \p numKeys keys are attended to, before and after merging.
static std::pair<int64_t, int64_t> getCosts(const Projections &p, int64_t numKeys) {
  int64_t width = p.numHeads * p.headSize, merged = p.numHeads * p.numOutputs;
  int64_t sums = p.numHeads > 1 ? merged : 0;
  return {p.numInputs * width + numKeys * width + width * p.numOutputs, p.numInputs * merged + numKeys * merged + sums};
}

/// M, heads one below the other, and c of the header.
static std::pair<std::vector<float>, std::vector<float>> multiplyWeights(const Projections &p, ArrayRef<float> value,
                                                                         ArrayRef<float> output, ArrayRef<float> bias) {
  int64_t width = p.numHeads * p.headSize;
  std::vector<float> m, c;
  m.reserve(p.numHeads * p.numOutputs * p.numInputs);
  std::vector<double> row(p.numInputs);
  for (int64_t head = 0; head < p.numHeads; ++head) {
    for (int64_t out = 0; out < p.numOutputs; ++out) {
      llvm::fill(row, 0.0);
      double sum = 0;
      for (int64_t i = 0; i < p.headSize; ++i) {
        int64_t inner = head * p.headSize + i;
        double factor = output[out * width + inner];
        const float *from = value.data() + inner * p.numInputs;
        for (int64_t in = 0; in < p.numInputs; ++in)
          row[in] += factor * from[in];
        if (!bias.empty())
          sum += factor * bias[inner];
      }
      m.insert(m.end(), row.begin(), row.end());
      c.push_back(sum);
    }
  }
  return {std::move(m), std::move(c)};
}

static Value toF32(OpBuilder &b, Location loc, Value value) {
  return value.getType().isF32() ? value : arith::ExtFOp::create(b, loc, b.getF32Type(), value).getResult();
}

/// Adds \p bias, unless it is null, to \p sum in f32, and rounds to \p type.
static Value addBias(OpBuilder &b, Location loc, Value sum, Value bias, RankedTensorType type) {
  int64_t rank = type.getRank();
  AffineMap identity = b.getMultiDimIdentityMap(rank);
  SmallVector<Value> inputs = {sum};
  SmallVector<AffineMap> maps = {identity};
  if (bias) {
    inputs.push_back(bias);
    maps.push_back(AffineMap::get(rank, 0, b.getAffineDimExpr(rank - 1), b.getContext()));
  }
  maps.push_back(identity);
  SmallVector<utils::IteratorType> iterators(rank, utils::IteratorType::parallel);
  Value target = tensor::EmptyOp::create(b, loc, tensor::getMixedSizes(b, loc, sum), type.getElementType());
  auto body = [&](OpBuilder &nested, Location, ValueRange args) {
    Value value = toF32(nested, loc, args[0]);
    if (bias)
      value = arith::AddFOp::create(nested, loc, value, toF32(nested, loc, args[1]));
    if (!type.getElementType().isF32())
      value = arith::TruncFOp::create(nested, loc, type.getElementType(), value);
    linalg::YieldOp::create(nested, loc, value);
  };
  return linalg::GenericOp::create(b, loc, type, inputs, target, maps, iterators, body).getResult(0);
}

/// Adds up the heads of \p z, the last dimension but one, in f32.
static Value sumHeads(OpBuilder &b, Location loc, Value z) {
  MLIRContext *context = b.getContext();
  int64_t rank = cast<RankedTensorType>(z.getType()).getRank() - 1;
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, loc, z);
  sizes.erase(sizes.end() - 2);
  Type f32 = b.getF32Type();
  // Loops: the dimensions of the result, then heads.
  SmallVector<AffineExpr> dims;
  for (int64_t i = 0; i < rank; ++i)
    dims.push_back(b.getAffineDimExpr(i));
  AffineMap result = AffineMap::get(rank + 1, 0, dims, context);
  SmallVector<AffineExpr> withHeads(dims);
  withHeads.insert(withHeads.end() - 1, b.getAffineDimExpr(rank));
  AffineMap source = AffineMap::get(rank + 1, 0, withHeads, context);
  SmallVector<utils::IteratorType> iterators(rank, utils::IteratorType::parallel);
  Value zero = arith::ConstantOp::create(b, loc, b.getF32FloatAttr(0));
  Value empty = tensor::EmptyOp::create(b, loc, sizes, f32);
  Value init = linalg::FillOp::create(b, loc, zero, empty).getResult(0);
  iterators.push_back(utils::IteratorType::reduction);
  auto body = [&](OpBuilder &nested, Location, ValueRange args) {
    Value next = arith::AddFOp::create(nested, loc, args[1], toF32(nested, loc, args[0]));
    linalg::YieldOp::create(nested, loc, next);
  };
  return linalg::GenericOp::create(b, loc, init.getType(), z, init, {source, result}, iterators, body).getResult(0);
}

/// Replaces the two projections of \p p by one whose weight is \p weight, with \p bias, which may be null.
static void merge(Projections &p, Value weight, Value bias) {
  OpBuilder b(p.value);
  Location loc = b.getFusedLoc({p.value.getLoc(), p.output.getLoc()});
  auto resize = [](RankedTensorType type, ArrayRef<int64_t> last) {
    SmallVector<int64_t> shape(type.getShape().drop_back(last.size()));
    llvm::append_range(shape, last);
    return RankedTensorType::get(shape, type.getElementType());
  };
  auto value = LinearOp::create(b, loc, resize(p.value.getResult().getType(), {p.numHeads * p.numOutputs}),
                                p.value.getInput(), weight, bias);
  Value heads = value.getResult();
  SmallVector<int64_t> last = {p.numOutputs};
  if (p.split) {
    b.setInsertionPoint(p.split);
    SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, loc, heads);
    sizes.back() = b.getIndexAttr(p.numHeads);
    sizes.push_back(b.getIndexAttr(p.numOutputs));
    last.insert(last.begin(), p.numHeads);
    heads = tensor::ExpandShapeOp::create(b, loc, resize(p.split.getResultType(), last), heads,
                                          p.split.getReassociationIndices(), sizes);
  }
  b.setInsertionPoint(p.attention);
  IRMapping mapping;
  mapping.map(p.attention.getValue(), heads);
  auto attention = cast<AttentionOp>(b.clone(*p.attention, mapping));
  attention.getResult().setType(resize(attention.getResult().getType(), last));
  b.setInsertionPoint(p.output);
  RankedTensorType type = p.output.getResult().getType();
  Value y = p.split ? sumHeads(b, loc, attention.getResult()) : attention.getResult();
  if (p.output.getBias() || y.getType() != type)
    y = addBias(b, loc, y, p.output.getBias(), type);
  p.output.getResult().replaceAllUsesWith(y);
  for (Operation *op : {p.output.getOperation(), p.join.getOperation(), p.attention.getOperation(),
                        p.split.getOperation(), p.value.getOperation()})
    if (op)
      op->erase();
}

namespace {
struct MergeValueOutputPass final : et::impl::MergeValueOutputPassBase<MergeValueOutputPass> {
  using Base::Base;

  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    SmallVector<AttentionOp> attentions;
    getOperation().walk([&](AttentionOp op) { attentions.push_back(op); });
    for (AttentionOp attention : attentions)
      visit(attention, symbols);
  }

  void visit(AttentionOp attention, SymbolTable &symbols) {
    Location loc = attention.getLoc();
    auto declined = [&](const std::string &reason) {
      remark::missed(loc, remark::RemarkOpts::name("ValueOutputApart").category(DEBUG_TYPE))
          << remark::reason("projections of value and output stay apart: {0}", reason);
    };
    Projections p;
    if (std::optional<std::string> reason = match(attention, p))
      return declined(*reason);
    if (p.numOutputs > maxHeadSize)
      return declined(llvm::formatv("values of {0} outputs are wider than the {1} that attention takes here",
                                    p.numOutputs, maxHeadSize.getValue()));
    // Keys that are not known to be few or many.
    int64_t numKeys = attention.getStaticDimSize(attention.getNDim());
    auto [before, after] = getCosts(p, ShapedType::isDynamic(numKeys) ? assumedKeys.getValue() : numKeys);
    if (!force && after >= before)
      return declined(llvm::formatv("merged they take {0:f2} times the multiply-adds ({1} heads, {2} outputs)",
                                    double(after) / before, p.numHeads, p.numOutputs));
    std::string reason;
    auto read = [&](Value value) -> FailureOr<std::vector<float>> {
      if (!value)
        return std::vector<float>();
      WeightOp weight = getOutlinedWeight(value, symbols);
      if (!weight)
        reason = "it is no outlined constant";
      return weight ? readWeightValues(weight, reason) : FailureOr<std::vector<float>>();
    };
    auto value = read(p.value.getWeight()), output = read(p.output.getWeight()), bias = read(p.value.getBias());
    if (failed(value) || failed(output) || failed(bias))
      return declined("a weight cannot be read: " + reason);
    auto [m, c] = multiplyWeights(p, *value, *output, *bias);
    OpBuilder b(p.value);
    auto create = [&](Value like, ArrayRef<int64_t> shape, ArrayRef<float> values) {
      auto type = RankedTensorType::get(shape, cast<RankedTensorType>(like.getType()).getElementType());
      std::string name = getOutlinedWeight(like, symbols).getSymName().str() + "_merged";
      return createWeight(b, loc, name, type, values, symbols);
    };
    int64_t rows = p.numHeads * p.numOutputs;
    Value weight = create(p.value.getWeight(), {rows, p.numInputs}, m);
    Value newBias = p.value.getBias() ? create(p.value.getBias(), {rows}, c) : Value();
    remark::passed(loc, remark::RemarkOpts::name("ValueOutputMerged").category(DEBUG_TYPE)) << remark::reason(
        "merged the projections of value and output: {0} in place of {1} multiply-adds a row", after, before);
    merge(p, weight, newBias);
    ++numMerged;
  }
};
} // namespace
