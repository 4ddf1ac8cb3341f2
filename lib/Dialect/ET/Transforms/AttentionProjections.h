//===- AttentionProjections.h - The linear layers around attention -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   et.linear -> elementwise ... -> tensor.expand_shape -> et.attention        query, key, value
//   et.attention -> tensor.collapse_shape -> et.linear                         output
//
// The features of such a layer are (heads..., head size) in row-major order. One
// head without a dimension of its own needs no reshape.
//
//===----------------------------------------------------------------------===//

#ifndef ET_LIB_DIALECT_ET_TRANSFORMS_ATTENTIONPROJECTIONS_H
#define ET_LIB_DIALECT_ET_TRANSFORMS_ATTENTIONPROJECTIONS_H

#include "et/Dialect/ET/IR/ET.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include <optional>
#include <string>

namespace mlir::et {

/// Heads by number, over some of the batch dimensions of an attention; the last one runs fastest.
struct HeadSpace {
  SmallVector<unsigned> dims;
  SmallVector<int64_t> sizes;

  int64_t getNumHeads() const;
  bool has(unsigned dim) const { return llvm::is_contained(dims, dim); }
  /// The index of head \p head in \p dim, one of the dimensions.
  int64_t getIndex(int64_t head, unsigned dim) const;
  /// The head of \p other, whose dimensions are among these, that \p head belongs to.
  int64_t project(int64_t head, const HeadSpace &other) const;
};

/// A linear layer whose features are the heads of an operand or of the result of attention.
struct Projection {
  LinearOp layer;
  /// Elementwise ops behind the layer of an operand, in order.
  SmallVector<Operation *> between;
  /// The reshape of an operand, and of the result. Null for one head without a dimension of its own.
  tensor::ExpandShapeOp split;
  tensor::CollapseShapeOp join;
  HeadSpace heads;
  int64_t headSize = 0;

  int64_t getNumFeatures() const { return heads.getNumHeads() * headSize; }
};

/// Fills \p found with the layer behind \p operand, which has the map \p map and whose head size is dimension
/// \p sizeDim, or returns why there is none; \p name is what to call it.
std::optional<std::string> matchProjection(AttentionOp attention, Value operand, AffineMap map, unsigned sizeDim,
                                           StringRef name, Projection &found);

/// Fills \p found with the layer that reads \p attention, or returns why there is none.
std::optional<std::string> matchOutputProjection(AttentionOp attention, Projection &found);

/// The linear layer that \p operand comes from, through anything that has one tensor in front; null when there is none.
LinearOp findLayerBehind(Value operand);

/// Whether a row of \p attention may have nothing to attend to; \p why then says what may be the cause. \p query, which
/// may be null, and \p value are the layers of these operands.
bool mayHaveEmptyRows(AttentionOp attention, const Projection *query, const Projection &value, std::string &why);

} // namespace mlir::et

#endif // ET_LIB_DIALECT_ET_TRANSFORMS_ATTENTIONPROJECTIONS_H
