//===- AttentionSpec.h - From et.attention to a kernel's specification -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The attention kernels of the CPU and of GPUs are specified alike, but in structs of
// their own, as GPU kernels know strides. What the op alone says is read here for both.
//
//===----------------------------------------------------------------------===//

#ifndef ET_CONVERSION_ATTENTIONSPEC_H
#define ET_CONVERSION_ATTENTIONSPEC_H

#include "et/Dialect/ET/IR/ET.h"

#include <algorithm>
#include <optional>
#include <string>

namespace mlir::et {

/// Type of an element of \p tensor in memory, where booleans are bytes.
inline Type getAttentionElementType(Value tensor) {
  Type type = cast<ShapedType>(tensor.getType()).getElementType();
  return type.isInteger(1) ? IntegerType::get(type.getContext(), 8) : type;
}

/// The specification of \p op, but for its score region and what its operands say about memory.
template <typename Spec> Spec readAttentionSpec(AttentionOp op) {
  using Operand = decltype(Spec::query);
  using Structure = decltype(Spec::structure);
  auto getOperand = [](AffineMap map, Value tensor) {
    Operand operand;
    for (AffineExpr expr : map.getResults())
      operand.dims.push_back(cast<AffineDimExpr>(expr).getPosition());
    operand.elementType = getAttentionElementType(tensor);
    return operand;
  };
  Spec spec;
  spec.numBatchDims = op.getNumBatchDims();
  spec.query = getOperand(op.getQueryMap(), op.getQuery());
  spec.key = getOperand(op.getKeyMap(), op.getKey());
  spec.value = getOperand(op.getValueMap(), op.getValue());
  spec.output = getOperand(op.getResultMap(), op.getResult());
  if (op.getMask())
    spec.mask = getOperand(op.getMaskMap(), op.getMask());
  if (op.getLengths())
    spec.lengths = getOperand(op.getLengthsMap(), op.getLengths());
  if (op.getOffsets())
    spec.offsets = getAttentionElementType(op.getOffsets());
  if (op.getKeyOffsets())
    spec.keyOffsets = getAttentionElementType(op.getKeyOffsets());
  spec.headSizeK = op.getStaticDimSize(op.getKDim());
  spec.headSizeV = op.getStaticDimSize(op.getVDim());
  spec.scale = op.getScaleValue();
  spec.leftPadding = op.getPadding() == PaddingSide::Left;
  auto getBound = [](int64_t bound) {
    constexpr int64_t unbounded = Spec::kUnbounded;
    return bound < 0 ? unbounded : std::min<int64_t>(bound, unbounded);
  };
  MaskAttr structure = op.getStructure();
  switch (structure.getKind()) {
  case MaskKind::None:
    break;
  case MaskKind::Causal:
    spec.structure = structure.getLowerRight() ? Structure::CausalLowerRight : Structure::Causal;
    break;
  case MaskKind::Window:
    spec.structure = Structure::Window;
    spec.windowLeft = getBound(structure.getLeft());
    spec.windowRight = getBound(structure.getRight());
    spec.windowGlobal = getBound(structure.getGlobal());
    break;
  }
  return spec;
}

/// What is wrong with the types of lengths and offsets of \p spec, and with what stands beside offsets.
template <typename Spec> std::optional<std::string> verifyAttentionSequences(const Spec &spec) {
  auto isInteger = [](Type type) { return type.isInteger(32) || type.isInteger(64); };
  if (spec.lengths && !isInteger(spec.lengths->elementType))
    return "expected lengths of i32 or i64";
  for (Type type : {spec.offsets, spec.keyOffsets})
    if (type && !isInteger(type))
      return "expected offsets of i32 or i64";
  if (spec.keyOffsets && !spec.offsets)
    return "expected offsets of rows with those of keys";
  if (spec.offsets && (spec.mask || spec.lengths))
    return "expected neither a mask nor lengths with offsets";
  return std::nullopt;
}

/// What is wrong with the sizes of heads and windows of \p spec.
template <typename Spec> std::optional<std::string> verifyAttentionSizes(const Spec &spec) {
  for (int64_t size : {spec.headSizeK, spec.headSizeV})
    if (size < 1 || size > 512)
      return ("expected head sizes from 1 to 512, but got " + Twine(size)).str();
  if (spec.structure == decltype(Spec::structure)::Window)
    for (int64_t size : {spec.windowLeft, spec.windowRight, spec.windowGlobal})
      if (size < 0 || size > Spec::kUnbounded)
        return ("expected window sizes from 0 to 2^30, but got " + Twine(size)).str();
  return std::nullopt;
}

} // namespace mlir::et

#endif // ET_CONVERSION_ATTENTIONSPEC_H
