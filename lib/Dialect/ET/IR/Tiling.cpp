//===- Tiling.cpp - Tiling of linear layers, embeddings, norms, GELU -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Iteration domains:
//
//   linear      (leading..., n, k)   k is reduced and never tiled; n only in static tiles of a weight without encoding
//   embedding   (ids..., d)          d only in static tiles
//   norms       (leading...)         a row is never tiled
//   gelu        every dimension
//
//===----------------------------------------------------------------------===//

#include "TilingUtils.h"

#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Utils/StructuredOpsUtils.h"

using namespace mlir;
using namespace mlir::et;

using OpFoldResults = SmallVector<OpFoldResult>;

//===----------------------------------------------------------------------===//
// LinearOp
//===----------------------------------------------------------------------===//

SmallVector<utils::IteratorType> LinearOp::getLoopIteratorTypes() {
  SmallVector<utils::IteratorType> types(getInput().getType().getRank(), utils::IteratorType::parallel);
  types.push_back(utils::IteratorType::reduction);
  return types;
}

SmallVector<Range> LinearOp::getIterationDomain(OpBuilder &builder) {
  OpFoldResults sizes = tensor::getMixedSizes(builder, getLoc(), getInput());
  sizes.back() = builder.getIndexAttr(getNumOutputs());
  sizes.push_back(builder.getIndexAttr(getNumInputs()));
  return getRanges(builder, sizes);
}

FailureOr<TilingResult> LinearOp::getTiledImplementation(OpBuilder &builder, ArrayRef<OpFoldResult> offsets,
                                                         ArrayRef<OpFoldResult> sizes) {
  unsigned k = sizes.size() - 1, n = k - 1;
  if (!isWhole(offsets[k], sizes[k], getNumInputs()))
    return failure();
  // A slice of an encoded weight is not a weight, and a weight has static sizes.
  bool wholeN = isWhole(offsets[n], sizes[n], getNumOutputs());
  if (!wholeN && (getWeight().getType().getEncoding() || !getConstantIntValue(sizes[n])))
    return failure();

  Slicer slice{builder, getLoc(), {}};
  OpFoldResults inputOffsets(offsets.drop_back()), inputSizes(sizes.drop_back());
  inputOffsets.back() = offsets[k];
  inputSizes.back() = sizes[k];
  SmallVector<Value> operands = {slice(getInput(), inputOffsets, inputSizes), getWeight()};
  if (!wholeN)
    operands[1] = slice(getWeight(), offsets.take_back(2), sizes.take_back(2));
  if (getBias())
    operands.push_back(wholeN ? getBias() : slice(getBias(), offsets[n], sizes[n]));
  Type type = tensor::ExtractSliceOp::inferResultType(getResult().getType(), sizes.drop_back());
  return slice.finish(mlir::clone(builder, *this, type, operands));
}

LogicalResult LinearOp::getResultTilePosition(OpBuilder &, unsigned, ArrayRef<OpFoldResult> offsets,
                                              ArrayRef<OpFoldResult> sizes, OpFoldResults &resultOffsets,
                                              OpFoldResults &resultSizes) {
  resultOffsets.assign(offsets.begin(), offsets.end() - 1);
  resultSizes.assign(sizes.begin(), sizes.end() - 1);
  return success();
}

LogicalResult LinearOp::getIterationDomainTileFromResultTile(OpBuilder &builder, unsigned,
                                                             ArrayRef<OpFoldResult> offsets,
                                                             ArrayRef<OpFoldResult> sizes,
                                                             SmallVectorImpl<OpFoldResult> &domainOffsets,
                                                             SmallVectorImpl<OpFoldResult> &domainSizes) {
  domainOffsets.assign(offsets.begin(), offsets.end());
  domainSizes.assign(sizes.begin(), sizes.end());
  domainOffsets.push_back(builder.getIndexAttr(0));
  domainSizes.push_back(builder.getIndexAttr(getNumInputs()));
  return success();
}

//===----------------------------------------------------------------------===//
// EmbeddingOp
//===----------------------------------------------------------------------===//

SmallVector<utils::IteratorType> EmbeddingOp::getLoopIteratorTypes() {
  return SmallVector<utils::IteratorType>(getResult().getType().getRank(), utils::IteratorType::parallel);
}

SmallVector<Range> EmbeddingOp::getIterationDomain(OpBuilder &builder) {
  OpFoldResults sizes = tensor::getMixedSizes(builder, getLoc(), getIds());
  sizes.push_back(builder.getIndexAttr(getTable().getType().getDimSize(1)));
  return getRanges(builder, sizes);
}

FailureOr<TilingResult> EmbeddingOp::getTiledImplementation(OpBuilder &builder, ArrayRef<OpFoldResult> offsets,
                                                            ArrayRef<OpFoldResult> sizes) {
  RankedTensorType tableType = getTable().getType();
  bool whole = isWhole(offsets.back(), sizes.back(), tableType.getDimSize(1));
  if (!whole && !getConstantIntValue(sizes.back()))
    return failure();
  Slicer slice{builder, getLoc(), {}};
  SmallVector<Value> operands = {slice(getIds(), offsets.drop_back(), sizes.drop_back()), getTable()};
  if (!whole)
    operands[1] = slice(getTable(), {builder.getIndexAttr(0), offsets.back()},
                        {builder.getIndexAttr(tableType.getDimSize(0)), sizes.back()});
  Type type = tensor::ExtractSliceOp::inferResultType(getResult().getType(), sizes);
  return slice.finish(mlir::clone(builder, *this, type, operands));
}

LogicalResult EmbeddingOp::getResultTilePosition(OpBuilder &, unsigned, ArrayRef<OpFoldResult> offsets,
                                                 ArrayRef<OpFoldResult> sizes, OpFoldResults &resultOffsets,
                                                 OpFoldResults &resultSizes) {
  resultOffsets.assign(offsets.begin(), offsets.end());
  resultSizes.assign(sizes.begin(), sizes.end());
  return success();
}

LogicalResult EmbeddingOp::getIterationDomainTileFromResultTile(OpBuilder &, unsigned, ArrayRef<OpFoldResult> offsets,
                                                                ArrayRef<OpFoldResult> sizes,
                                                                SmallVectorImpl<OpFoldResult> &domainOffsets,
                                                                SmallVectorImpl<OpFoldResult> &domainSizes) {
  domainOffsets.assign(offsets.begin(), offsets.end());
  domainSizes.assign(sizes.begin(), sizes.end());
  return success();
}

//===----------------------------------------------------------------------===//
// Norms and GELU
//===----------------------------------------------------------------------===//

/// Tiles an op whose domain is the leading dimensions of its input and whose operands are tensors of the type of the
/// input, which are sliced, or vectors along the last dimension, which are not.
template <typename OpTy>
static FailureOr<TilingResult> tileRows(OpTy op, OpBuilder &builder, ArrayRef<OpFoldResult> offsets,
                                        ArrayRef<OpFoldResult> sizes) {
  RankedTensorType type = op.getInput().getType();
  OpFoldResults allOffsets(offsets), allSizes(sizes);
  if (sizes.size() < static_cast<size_t>(type.getRank())) {
    allOffsets.push_back(builder.getIndexAttr(0));
    allSizes.push_back(builder.getIndexAttr(type.getShape().back()));
  }
  Slicer slice{builder, op.getLoc(), {}};
  SmallVector<Value> operands;
  Value gamma, beta;
  if constexpr (!std::is_same_v<OpTy, GeluOp>)
    gamma = op.getGamma();
  if constexpr (std::is_same_v<OpTy, LayerNormOp>)
    beta = op.getBeta();
  for (Value operand : op->getOperands())
    operands.push_back(operand == gamma || operand == beta ? operand : slice(operand, allOffsets, allSizes));
  Type tileType = tensor::ExtractSliceOp::inferResultType(type, allSizes);
  SmallVector<Type> resultTypes(op->getNumResults(), tileType);
  return slice.finish(mlir::clone(builder, op, resultTypes, operands));
}

/// Number of leading dimensions that are tiled.
template <typename OpTy> static unsigned getNumTiledDims(OpTy op) {
  return op.getInput().getType().getRank() - (std::is_same_v<OpTy, GeluOp> ? 0 : 1);
}

#define ET_ROW_TILING(OpTy)                                                                                            \
  SmallVector<utils::IteratorType> OpTy::getLoopIteratorTypes() {                                                      \
    return SmallVector<utils::IteratorType>(getNumTiledDims(*this), utils::IteratorType::parallel);                    \
  }                                                                                                                    \
  SmallVector<Range> OpTy::getIterationDomain(OpBuilder &builder) {                                                    \
    OpFoldResults sizes = tensor::getMixedSizes(builder, getLoc(), getInput());                                        \
    return getRanges(builder, ArrayRef(sizes).take_front(getNumTiledDims(*this)));                                     \
  }                                                                                                                    \
  FailureOr<TilingResult> OpTy::getTiledImplementation(OpBuilder &builder, ArrayRef<OpFoldResult> offsets,             \
                                                       ArrayRef<OpFoldResult> sizes) {                                 \
    return tileRows(*this, builder, offsets, sizes);                                                                   \
  }                                                                                                                    \
  LogicalResult OpTy::getResultTilePosition(OpBuilder &builder, unsigned, ArrayRef<OpFoldResult> offsets,              \
                                            ArrayRef<OpFoldResult> sizes, OpFoldResults &resultOffsets,                \
                                            OpFoldResults &resultSizes) {                                              \
    resultOffsets.assign(offsets.begin(), offsets.end());                                                              \
    resultSizes.assign(sizes.begin(), sizes.end());                                                                    \
    ArrayRef<int64_t> shape = getInput().getType().getShape();                                                         \
    if (resultSizes.size() < shape.size()) {                                                                           \
      resultOffsets.push_back(builder.getIndexAttr(0));                                                                \
      resultSizes.push_back(builder.getIndexAttr(shape.back()));                                                       \
    }                                                                                                                  \
    return success();                                                                                                  \
  }                                                                                                                    \
  LogicalResult OpTy::getIterationDomainTileFromResultTile(                                                            \
      OpBuilder &, unsigned, ArrayRef<OpFoldResult> offsets, ArrayRef<OpFoldResult> sizes,                             \
      SmallVectorImpl<OpFoldResult> &domainOffsets, SmallVectorImpl<OpFoldResult> &domainSizes) {                      \
    unsigned tiled = getNumTiledDims(*this);                                                                           \
    if (tiled < sizes.size() && !isWhole(offsets.back(), sizes.back(), getInput().getType().getShape().back()))        \
      return failure();                                                                                                \
    domainOffsets.assign(offsets.begin(), offsets.begin() + tiled);                                                    \
    domainSizes.assign(sizes.begin(), sizes.begin() + tiled);                                                          \
    return success();                                                                                                  \
  }

ET_ROW_TILING(LayerNormOp)
ET_ROW_TILING(RmsNormOp)
ET_ROW_TILING(GeluOp)

//===----------------------------------------------------------------------===//
// Tiles asked for by a consumer
//===----------------------------------------------------------------------===//

/// The tile of result \p resultNumber at \p offsets, by way of the domain.
template <typename OpTy>
static FailureOr<TilingResult> generateTile(OpTy op, OpBuilder &builder, unsigned resultNumber,
                                            ArrayRef<OpFoldResult> offsets, ArrayRef<OpFoldResult> sizes) {
  OpFoldResults domainOffsets, domainSizes;
  if (failed(
          op.getIterationDomainTileFromResultTile(builder, resultNumber, offsets, sizes, domainOffsets, domainSizes)))
    return failure();
  FailureOr<TilingResult> tile = op.getTiledImplementation(builder, domainOffsets, domainSizes);
  if (succeeded(tile))
    tile->tiledValues = {tile->tiledValues[resultNumber]};
  return tile;
}

#define ET_GENERATE_TILE(OpTy)                                                                                         \
  FailureOr<TilingResult> OpTy::generateResultTileValue(                                                               \
      OpBuilder &builder, unsigned resultNumber, ArrayRef<OpFoldResult> offsets, ArrayRef<OpFoldResult> sizes) {       \
    return generateTile(*this, builder, resultNumber, offsets, sizes);                                                 \
  }

ET_GENERATE_TILE(AttentionOp)
ET_GENERATE_TILE(EmbeddingOp)
ET_GENERATE_TILE(GeluOp)
ET_GENERATE_TILE(LayerNormOp)
ET_GENERATE_TILE(LinearOp)
ET_GENERATE_TILE(RmsNormOp)
