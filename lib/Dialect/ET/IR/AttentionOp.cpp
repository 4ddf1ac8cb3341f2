//===- AttentionOp.cpp - Verifier and shapes of et.attention -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Each operand of et.attention has an indexing map over one iteration domain
// (batch..., m, n, k, v). The verifier proves that every map uses just the
// dimensions its role allows and that sizes agree; everything behind it may
// rely on that.
//
//===----------------------------------------------------------------------===//

#include "et/Dialect/ET/IR/ET.h"

#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/OpImplementation.h"

#include <cmath>

using namespace mlir;
using namespace mlir::et;

namespace {
/// An operand (or the result) with its map and the dimensions it must and may use.
struct Role {
  StringRef name;
  AffineMap map;
  RankedTensorType type;
  llvm::SmallBitVector required;
  llvm::SmallBitVector allowed;
};
} // namespace

/// The operands that are present and the result, in the order of the indexing maps.
static SmallVector<Role> collectRoles(AttentionOp op) {
  unsigned numDims = op.getNumDomainDims(), numBatch = op.getNumBatchDims();
  auto set = [&](bool batch, ArrayRef<unsigned> dims) {
    llvm::SmallBitVector bits(numDims);
    if (batch)
      bits.set(0, numBatch);
    for (unsigned dim : dims)
      bits.set(dim);
    return bits;
  };
  unsigned m = op.getMDim(), n = op.getNDim(), k = op.getKDim(), v = op.getVDim();
  SmallVector<Role> roles;
  roles.push_back({"query", op.getQueryMap(), op.getQuery().getType(), set(true, {m, k}), set(true, {m, k})});
  roles.push_back({"key", op.getKeyMap(), op.getKey().getType(), set(false, {n, k}), set(true, {n, k})});
  roles.push_back({"value", op.getValueMap(), op.getValue().getType(), set(false, {n, v}), set(true, {n, v})});
  if (op.getMask())
    roles.push_back({"mask", op.getMaskMap(), op.getMask().getType(), set(false, {}), set(true, {m, n})});
  if (op.getLengths())
    roles.push_back({"lengths", op.getLengthsMap(), op.getLengths().getType(), set(false, {}), set(true, {})});
  roles.push_back({"the result", op.getResultMap(), op.getResult().getType(), set(true, {m, v}), set(true, {m, v})});
  return roles;
}

/// Name of a domain dimension for diagnostics.
static std::string getDimName(AttentionOp op, unsigned dim) {
  if (dim < op.getNumBatchDims())
    return "batch dimension " + std::to_string(dim);
  static constexpr const char *names[] = {"m", "n", "k", "v"};
  return std::string("dimension ") + names[dim - op.getNumBatchDims()];
}

/// What makes the batch ragged; \p numRows and \p numKeys are the sizes of m and n.
static LogicalResult verifyOffsets(AttentionOp op, int64_t numRows, int64_t numKeys) {
  // attention_c10
  int64_t size = ShapedType::kDynamic;
  for (auto [name, offsets] : {std::pair<StringRef, TypedValue<RankedTensorType>>{"offsets", op.getOffsets()},
                               {"key_offsets", op.getKeyOffsets()}}) {
    if (!offsets)
      continue;
    RankedTensorType type = offsets.getType();
    if (type.getRank() != 1)
      return op.emitOpError("expected ") << name << " to have one dimension, but got " << type;
    if (type.getDimSize(0) == 0)
      return op.emitOpError("expected ") << name << " to have an element more than there are sequences, but got "
                                         << type;
    if (!ShapedType::isDynamic(size) && !type.isDynamicDim(0) && type.getDimSize(0) != size)
      return op.emitOpError("expected offsets and key_offsets of the same size, but got ")
             << size << " and " << type.getDimSize(0);
    size = type.getDimSize(0);
  }
  // attention_c11
  if (op.getKeyOffsets() && !op.getOffsets())
    return op.emitOpError("expected offsets with key_offsets, but there are none");
  for (auto [name, operand] : {std::pair<StringRef, Value>{"mask", op.getMask()}, {"lengths", op.getLengths()}})
    if (op.getOffsets() && operand)
      return op.emitOpError("expected no ") << name << " with offsets, which say where each sequence ends";
  // attention_c12
  if (op.getOffsets() && !op.getKeyOffsets() && !ShapedType::isDynamic(numRows) && !ShapedType::isDynamic(numKeys) &&
      numRows != numKeys)
    return op.emitOpError("expected key_offsets for dimensions m and n of different sizes, but got ")
           << numRows << " and " << numKeys;
  return success();
}

LogicalResult AttentionOp::verify() {
  // Segment sizes are an attribute of the generic form: until here nothing has checked them for required operands.
  static constexpr StringLiteral kRequired[] = {"query", "key", "value"};
  for (auto [i, name] : llvm::enumerate(kRequired))
    if (size_t count = getODSOperands(i).size(); count != 1)
      return emitOpError("expected one operand as ") << name << ", but got " << count;

  // attention_c1
  Type element = getQuery().getType().getElementType();
  for (auto [name, type] : {std::pair<StringRef, RankedTensorType>{"key", getKey().getType()},
                            {"value", getValue().getType()},
                            {"the result", getResult().getType()}})
    if (type.getElementType() != element)
      return emitOpError("expected ") << name << " to have the element type of query, " << element << ", but got "
                                      << type.getElementType();

  // attention_c2
  size_t numMaps = 4 + (getMask() ? 1 : 0) + (getLengths() ? 1 : 0);
  if (getIndexingMaps().size() != numMaps)
    return emitOpError("expected ") << numMaps << " indexing maps, one per operand and one for the result, but got "
                                    << getIndexingMaps().size();
  unsigned numDims = getMap(0).getNumDims();
  if (numDims < 4)
    return emitOpError("expected indexing maps over at least the four dimensions (m, n, k, v), but query's map has ")
           << numDims;
  SmallVector<int64_t> sizes(numDims, ShapedType::kDynamic);
  SmallVector<StringRef> owner(numDims);
  for (unsigned i = 0; i < numMaps; ++i)
    if (getMap(i).getNumDims() != numDims || getMap(i).getNumSymbols() != 0)
      return emitOpError("expected all indexing maps to have ")
             << numDims << " dimensions and no symbols, but got " << AffineMapAttr::get(getMap(i));
  for (Role &role : collectRoles(*this)) {
    if (!role.map.isProjectedPermutation())
      return emitOpError("expected the map of ")
             << role.name << " to be a projected permutation, but got " << AffineMapAttr::get(role.map);
    if (role.map.getNumResults() != role.type.getRank())
      return emitOpError("expected the map of ") << role.name << " to have one result per dimension of " << role.type
                                                 << ", but got " << AffineMapAttr::get(role.map);
    // attention_c3
    llvm::SmallBitVector used(numDims);
    for (AffineExpr expr : role.map.getResults())
      used.set(cast<AffineDimExpr>(expr).getPosition());
    for (unsigned dim = 0; dim < numDims; ++dim) {
      if (role.required.test(dim) && !used.test(dim))
        return emitOpError("expected ") << role.name << " to use " << getDimName(*this, dim) << ", but its map is "
                                        << AffineMapAttr::get(role.map);
      if (used.test(dim) && !role.allowed.test(dim))
        return emitOpError("expected ") << role.name << " not to use " << getDimName(*this, dim) << ", but its map is "
                                        << AffineMapAttr::get(role.map);
    }
    // attention_c4
    for (auto [i, expr] : llvm::enumerate(role.map.getResults())) {
      unsigned dim = cast<AffineDimExpr>(expr).getPosition();
      int64_t size = role.type.getDimSize(i);
      if (ShapedType::isDynamic(size))
        continue;
      if (!ShapedType::isDynamic(sizes[dim]) && sizes[dim] != size)
        return emitOpError("expected ") << owner[dim] << " and " << role.name << " to agree on "
                                        << getDimName(*this, dim) << ", but got " << sizes[dim] << " and " << size;
      sizes[dim] = size;
      owner[dim] = role.name;
    }
  }

  // attention_c5
  for (unsigned dim : {getKDim(), getVDim()}) {
    if (ShapedType::isDynamic(sizes[dim]))
      return emitOpError("expected ") << getDimName(*this, dim) << " (a head size) to be static";
    if (sizes[dim] == 0)
      return emitOpError("expected ") << getDimName(*this, dim) << " (a head size) to be positive, but got 0";
  }

  // attention_c6
  if (std::optional<Type> given = getAccumulator();
      given &&
      (!(given->isF32() || given->isF64()) || given->getIntOrFloatBitWidth() < element.getIntOrFloatBitWidth()))
    return emitOpError("expected accumulator to be f32 or f64 and no narrower than ")
           << element << ", but got " << *given;

  // attention_c7
  if (getScale() && !getScale()->isFinite())
    return emitOpError("expected scale to be finite, but got ") << getScaleAttr();

  // attention_c9
  if (getPadding() == PaddingSide::Left && !getLengths())
    return emitOpError("expected lengths with left padding, but there are none");

  return verifyOffsets(*this, sizes[getMDim()], sizes[getNDim()]);
}

/// Runs once the ops inside the region are verified, so that it has a terminator.
LogicalResult AttentionOp::verifyRegions() {
  if (getScore().empty())
    return success();
  // attention_c8
  FloatType accumulator = getAccumulatorType();
  Block &body = getScore().front();
  unsigned numIndices = getNumBatchDims() + 2;
  if (body.getNumArguments() != 1 + numIndices || body.getArgument(0).getType() != accumulator ||
      !llvm::all_of(body.getArguments().drop_front(), [](BlockArgument arg) { return arg.getType().isIndex(); }))
    return emitOpError("expected the score region to take the score as ")
           << accumulator << " and " << numIndices << " indices (batch dimensions, m and n)";
  auto yield = dyn_cast<YieldOp>(body.getTerminator());
  if (!yield || yield.getValues().size() != 1 || yield.getValues()[0].getType() != accumulator)
    return emitOpError("expected the score region to yield one ") << accumulator;
  for (Operation &op : body)
    if (!isMemoryEffectFree(&op))
      return emitOpError("expected the score region to have no side effects").attachNote(op.getLoc())
             << "'" << op.getName() << "' may have one";
  return success();
}

int64_t AttentionOp::getStaticDimSize(unsigned dim) {
  for (Role &role : collectRoles(*this))
    for (auto [i, expr] : llvm::enumerate(role.map.getResults()))
      if (cast<AffineDimExpr>(expr).getPosition() == dim && !role.type.isDynamicDim(i))
        return role.type.getDimSize(i);
  return ShapedType::kDynamic;
}

float AttentionOp::getScaleValue() {
  if (getScale())
    return getScale()->convertToFloat();
  return 1.0f / std::sqrt(static_cast<float>(getStaticDimSize(getKDim())));
}

FloatType AttentionOp::getAccumulatorType() {
  if (std::optional<Type> given = getAccumulator())
    return cast<FloatType>(*given);
  if (getQuery().getType().getElementType().isF64())
    return Float64Type::get(getContext());
  return Float32Type::get(getContext());
}

OpFoldResult AttentionOp::getDimSize(OpBuilder &builder, unsigned dim) {
  if (int64_t size = getStaticDimSize(dim); !ShapedType::isDynamic(size))
    return builder.getIndexAttr(size);
  // Query has the batch dimensions and m; key has n. Head sizes are static.
  bool inQuery = dim != getNDim();
  AffineMap map = inQuery ? getQueryMap() : getKeyMap();
  Value source = inQuery ? getQuery() : getKey();
  return tensor::getMixedSize(builder, getLoc(), source, *map.getResultPosition(getAffineDimExpr(dim, getContext())));
}

LogicalResult AttentionOp::reifyResultShapes(OpBuilder &builder, ReifiedRankedShapedTypeDims &shapes) {
  SmallVector<OpFoldResult> dims;
  for (auto [i, expr] : llvm::enumerate(getResultMap().getResults())) {
    OpFoldResult size = getDimSize(builder, cast<AffineDimExpr>(expr).getPosition());
    // A dimension that the result leaves open is reified as a value.
    if (getResult().getType().isDynamicDim(i))
      size = getValueOrCreateConstantIndexOp(builder, getLoc(), size);
    dims.push_back(size);
  }
  shapes.push_back(std::move(dims));
  return success();
}
