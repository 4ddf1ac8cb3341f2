//===- TilingUtils.h - Slices and ranges for TilingInterface -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef ET_LIB_DIALECT_ET_IR_TILINGUTILS_H
#define ET_LIB_DIALECT_ET_IR_TILINGUTILS_H

#include "et/Dialect/ET/IR/ET.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/TilingInterface.h"

namespace mlir::et {

/// Ranges from 0 to each of \p sizes.
inline SmallVector<Range> getRanges(OpBuilder &builder, ArrayRef<OpFoldResult> sizes) {
  SmallVector<Range> ranges;
  for (OpFoldResult size : sizes)
    ranges.push_back({builder.getIndexAttr(0), size, builder.getIndexAttr(1)});
  return ranges;
}

/// True when the tile from \p offset with \p size is known to be all of a dimension of \p full elements.
inline bool isWhole(OpFoldResult offset, OpFoldResult size, int64_t full) {
  return isConstantIntValue(offset, 0) && !ShapedType::isDynamic(full) && isConstantIntValue(size, full);
}

/// Slices operands of a tiled op and remembers the slices.
struct Slicer {
  OpBuilder &builder;
  Location loc;
  TilingResult result;

  Value operator()(Value source, ArrayRef<OpFoldResult> offsets, ArrayRef<OpFoldResult> sizes) {
    SmallVector<OpFoldResult> strides(offsets.size(), builder.getIndexAttr(1));
    auto slice = tensor::ExtractSliceOp::create(builder, loc, source, offsets, sizes, strides);
    result.generatedSlices.push_back(slice);
    return slice;
  }
  /// The result of tiling: the op \p tiled with all its results.
  TilingResult finish(Operation *tiled) {
    result.tiledOps = {tiled};
    result.tiledValues = llvm::to_vector_of<Value>(tiled->getResults());
    return std::move(result);
  }
};

} // namespace mlir::et

#endif // ET_LIB_DIALECT_ET_IR_TILINGUTILS_H
