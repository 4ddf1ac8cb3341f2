//===- FoldAttentionScale.cpp - Put the scale of attention into the query's weight -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   %q = et.linear %x, %w bias(%b)                     %q = et.linear %x, %sw bias(%sb)     // scale * w, scale * b
//   %z = et.attention query(%q) .. {scale = s}   =>    %z = et.attention query(%q) .. {scale = 1}
//
// (Chen et al., SC 2021, section 3.3: scores that are scaled before the product do not overflow f16.) Views may stand
// between the two.
//
//===----------------------------------------------------------------------===//

#include "et/Dialect/ET/IR/ET.h"
#include "et/Dialect/ET/Transforms/Passes.h"
#include "et/Dialect/ET/Transforms/WeightValues.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/APFloat.h"

#define DEBUG_TYPE "et-fold-attention-scale"

namespace mlir::et {
#define GEN_PASS_DEF_FOLDATTENTIONSCALEPASS
#include "et/Dialect/ET/Transforms/Passes.h.inc"
} // namespace mlir::et

using namespace mlir;
using namespace mlir::et;

/// The linear layer whose result \p query is a view of, if nothing else uses it; otherwise null.
static LinearOp getQueryLayer(Value query) {
  while (query.hasOneUse()) {
    Operation *def = query.getDefiningOp();
    if (auto layer = dyn_cast_or_null<LinearOp>(def))
      return layer;
    if (!isa_and_nonnull<tensor::ExpandShapeOp, tensor::CollapseShapeOp, tensor::CastOp>(def))
      return {};
    query = def->getOperand(0);
  }
  return {};
}

/// \p values times \p scale as they are stored in \p type; nothing when one of them is rounded and \p exactly is set,
/// or becomes infinite.
static std::optional<std::vector<float>> scaleValues(ArrayRef<float> values, float scale, FloatType type,
                                                     bool exactly) {
  std::vector<float> scaled;
  scaled.reserve(values.size());
  for (float value : values) {
    APFloat product(double(value) * scale);
    bool losesInfo = false;
    product.convert(type.getFloatSemantics(), APFloat::rmNearestTiesToEven, &losesInfo);
    if ((exactly && losesInfo) || !product.isFinite())
      return std::nullopt;
    product.convert(APFloat::IEEEsingle(), APFloat::rmNearestTiesToEven, &losesInfo);
    scaled.push_back(product.convertToFloat());
  }
  return scaled;
}

namespace {
struct FoldAttentionScalePass final : et::impl::FoldAttentionScalePassBase<FoldAttentionScalePass> {
  using Base::Base;

  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    getOperation().walk([&](AttentionOp attention) {
      if (attention.getScaleValue() != 1.0f)
        visit(attention, symbols);
    });
  }

  void visit(AttentionOp attention, SymbolTable &symbols) {
    auto declined = [&](const std::string &reason) {
      remark::missed(attention.getLoc(), remark::RemarkOpts::name("ScaleStays").category(DEBUG_TYPE))
          << remark::reason("the scale of attention stays out of the query's weight: {0}", reason);
    };
    LinearOp layer = getQueryLayer(attention.getQuery());
    if (!layer)
      return declined("the query is not a view of a linear layer's result that nothing else uses");
    float scale = attention.getScaleValue();
    OpBuilder b(layer);
    SmallVector<std::tuple<unsigned, std::string, std::vector<float>>> replacements;
    for (OpOperand &operand : layer->getOpOperands()) {
      if (operand.get() == layer.getInput())
        continue;
      WeightOp weight = getOutlinedWeight(operand.get(), symbols);
      std::string reason = "it is no outlined constant";
      FailureOr<std::vector<float>> values =
          weight ? readWeightValues(weight, reason) : FailureOr<std::vector<float>>();
      if (failed(values))
        return declined("its weight or bias cannot be read: " + reason);
      auto type = cast<RankedTensorType>(operand.get().getType());
      std::optional<std::vector<float>> scaled =
          scaleValues(*values, scale, cast<FloatType>(type.getElementType()), !rounding);
      if (!scaled)
        return declined(rounding ? "a scaled weight is too large for its type"
                                 : "a scaled weight would be rounded; the option rounding allows that");
      std::string name = weight.getSymName().str() + "_scaled";
      replacements.emplace_back(operand.getOperandNumber(), std::move(name), std::move(*scaled));
    }
    for (auto &[number, name, values] : replacements) {
      auto type = cast<RankedTensorType>(layer->getOperand(number).getType());
      layer->setOperand(number, createWeight(b, layer.getLoc(), name, type, values, symbols));
    }
    attention.setScale(APFloat(1.0f));
    remark::passed(attention.getLoc(), remark::RemarkOpts::name("ScaleFolded").category(DEBUG_TYPE))
        << remark::reason("put the scale {0} of attention into the weight of its query", scale);
    ++numFolded;
  }
};
} // namespace
