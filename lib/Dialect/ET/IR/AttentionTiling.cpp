//===- AttentionTiling.cpp - Tiling of et.attention -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Batch dimensions, m and v can be tiled: n and k are reduced inside the op. A
// tile counts its rows from 0, so what depends on the position of a row is
// rewritten: indices of a score region get the offset of the tile added, and a
// mask structure becomes a score region when m is tiled. With offsets m stays whole.
//
//===----------------------------------------------------------------------===//

#include "TilingUtils.h"

#include "et/Dialect/ET/IR/Decompose.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Utils/StructuredOpsUtils.h"
#include "mlir/IR/IRMapping.h"

#include <limits>

using namespace mlir;
using namespace mlir::et;

using OpFoldResults = SmallVector<OpFoldResult>;

SmallVector<utils::IteratorType> AttentionOp::getLoopIteratorTypes() {
  SmallVector<utils::IteratorType> types(getNumDomainDims(), utils::IteratorType::parallel);
  types[getNDim()] = types[getKDim()] = utils::IteratorType::reduction;
  return types;
}

SmallVector<Range> AttentionOp::getIterationDomain(OpBuilder &builder) {
  OpFoldResults sizes;
  for (unsigned dim = 0; dim < getNumDomainDims(); ++dim)
    sizes.push_back(getDimSize(builder, dim));
  return getRanges(builder, sizes);
}

/// Offsets or sizes of an operand with indexing map \p map, of those of the domain.
static OpFoldResults project(AffineMap map, ArrayRef<OpFoldResult> domain) {
  return llvm::map_to_vector(map.getResults(),
                             [&](AffineExpr expr) { return domain[cast<AffineDimExpr>(expr).getPosition()]; });
}

/// Makes the score region of the tile \p op count from \p offsets, where it does not count from 0 anyway, and moves
/// \p structure into it unless that is none.
static void shiftScore(OpBuilder &builder, AttentionOp op, ArrayRef<OpFoldResult> offsets, MaskAttr structure,
                       Value numQueries, Value numKeys) {
  OpBuilder::InsertionGuard guard(builder);
  Location loc = op.getLoc();
  unsigned numIndices = op.getNumBatchDims() + 2;
  SmallVector<Value> shifts;
  for (OpFoldResult offset : offsets.take_front(numIndices))
    shifts.push_back(isConstantIntValue(offset, 0) ? Value() : getValueOrCreateConstantIndexOp(builder, loc, offset));

  if (op.getScore().empty()) {
    SmallVector<Type> types(1 + numIndices, builder.getIndexType());
    types[0] = op.getAccumulatorType();
    Block *body = builder.createBlock(&op.getScore(), {}, types, SmallVector<Location>(types.size(), loc));
    YieldOp::create(builder, loc, body->getArgument(0));
  }
  Block &body = op.getScore().front();
  builder.setInsertionPointToStart(&body);
  SmallVector<Value> indices(body.getArguments().drop_front());
  for (auto [i, shift] : llvm::enumerate(shifts)) {
    if (!shift)
      continue;
    BlockArgument index = body.getArgument(1 + i);
    auto shifted = arith::AddIOp::create(builder, loc, index, shift);
    index.replaceAllUsesExcept(shifted, shifted);
    indices[i] = shifted;
  }
  Operation *yield = body.getTerminator();
  builder.setInsertionPoint(yield);
  if (Value condition = createStructureCondition(builder, loc, structure, indices[numIndices - 2],
                                                 indices[numIndices - 1], numQueries, numKeys)) {
    Value masked = arith::ConstantOp::create(
        builder, loc, builder.getFloatAttr(op.getAccumulatorType(), -std::numeric_limits<double>::infinity()));
    yield->setOperand(0, arith::SelectOp::create(builder, loc, condition, yield->getOperand(0), masked));
  }
}

/// True when \p a and \p b are the same number: one value or constant, or one dimension asked for twice.
static bool isSameSize(OpFoldResult a, OpFoldResult b) {
  if (isEqualConstantIntOrValue(a, b))
    return true;
  if (!isa<Value>(a) || !isa<Value>(b))
    return false;
  auto dimA = cast<Value>(a).getDefiningOp<tensor::DimOp>(), dimB = cast<Value>(b).getDefiningOp<tensor::DimOp>();
  return dimA && dimB && dimA.getSource() == dimB.getSource() && dimA.getConstantIndex() &&
         dimA.getConstantIndex() == dimB.getConstantIndex();
}

FailureOr<TilingResult> AttentionOp::getTiledImplementation(OpBuilder &builder, ArrayRef<OpFoldResult> offsets,
                                                            ArrayRef<OpFoldResult> sizes) {
  Location loc = getLoc();
  SmallVector<Range> domain = getIterationDomain(builder);
  auto isFull = [&](unsigned dim) {
    return isConstantIntValue(offsets[dim], 0) && isSameSize(sizes[dim], domain[dim].size);
  };
  // Head sizes are static.
  if (!isFull(getNDim()) || !isFull(getKDim()) || !getConstantIntValue(sizes[getVDim()]))
    return failure();
  // Offsets count all rows.
  if (getOffsets() && !isFull(getMDim()))
    return failure();

  Slicer slice{builder, loc, {}};
  SmallVector<Value> operands;
  for (auto [i, operand] : llvm::enumerate(getOperands()))
    operands.push_back(
        i >= getNumMappedOperands() ? operand : slice(operand, project(getMap(i), offsets), project(getMap(i), sizes)));
  Type type = tensor::ExtractSliceOp::inferResultType(getResult().getType(), project(getResultMap(), sizes));
  // mlir::clone does not take an empty region.
  auto tiled = cast<AttentionOp>(mlir::cloneWithoutRegions(builder, *this, type, operands));
  IRMapping mapping;
  getScore().cloneInto(&tiled.getScore(), mapping);

  // The scale may depend on k, which is whole; a structure on m, which may not be.
  MaskAttr structure = MaskAttr::get(getContext(), MaskKind::None);
  if (!isFull(getMDim()) && getStructure() != structure) {
    structure = getStructure();
    tiled.setStructureAttr(MaskAttr::get(getContext(), MaskKind::None));
  }
  if (structure.getKind() != MaskKind::None || !getScore().empty()) {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPoint(tiled);
    Value numQueries = getValueOrCreateConstantIndexOp(builder, loc, domain[getMDim()].size);
    Value numKeys = getValueOrCreateConstantIndexOp(builder, loc, domain[getNDim()].size);
    shiftScore(builder, tiled, offsets, structure, numQueries, numKeys);
  }
  return slice.finish(tiled);
}

LogicalResult AttentionOp::getResultTilePosition(OpBuilder &, unsigned, ArrayRef<OpFoldResult> offsets,
                                                 ArrayRef<OpFoldResult> sizes, OpFoldResults &resultOffsets,
                                                 OpFoldResults &resultSizes) {
  resultOffsets = project(getResultMap(), offsets);
  resultSizes = project(getResultMap(), sizes);
  return success();
}

LogicalResult AttentionOp::getIterationDomainTileFromResultTile(OpBuilder &builder, unsigned,
                                                                ArrayRef<OpFoldResult> offsets,
                                                                ArrayRef<OpFoldResult> sizes,
                                                                SmallVectorImpl<OpFoldResult> &domainOffsets,
                                                                SmallVectorImpl<OpFoldResult> &domainSizes) {
  domainOffsets.assign(getNumDomainDims(), builder.getIndexAttr(0));
  for (unsigned dim = 0; dim < getNumDomainDims(); ++dim)
    domainSizes.push_back(getDimSize(builder, dim));
  for (auto [i, expr] : llvm::enumerate(getResultMap().getResults())) {
    unsigned dim = cast<AffineDimExpr>(expr).getPosition();
    domainOffsets[dim] = offsets[i];
    domainSizes[dim] = sizes[i];
  }
  return success();
}
