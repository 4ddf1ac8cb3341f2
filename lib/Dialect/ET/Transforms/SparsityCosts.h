//===- SparsityCosts.h - When sparse weights pay ----------------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The time of a linear layer with an encoded weight as a share of that of the dense
// layer: fits to measurements, with which --et-encode-sparsity chooses.
//
//===----------------------------------------------------------------------===//

#ifndef ET_LIB_DIALECT_ET_TRANSFORMS_SPARSITYCOSTS_H
#define ET_LIB_DIALECT_ET_TRANSFORMS_SPARSITYCOSTS_H

#include "et/Dialect/ET/IR/ET.h"
#include "et/Dialect/ET/Transforms/Passes.h"

namespace mlir::et {

/// What the time of a linear layer depends on.
struct LayerCosts {
  SparseKernels kernels = SparseKernels::CPU;
  /// Of the weight.
  int64_t outputs = 0, inputs = 0;
  int64_t elementBytes = 4;
  /// Rows of the input.
  int64_t tokens = 0;
  /// Launches that a gather in front of the layer, and a scatter behind it, keep from being fused with it.
  unsigned lostInFront = 0, lostBehind = 0;

  /// With \p kept of \p total tiles of \p tile.
  double getTiles(TileAttr tile, int64_t kept, int64_t total) const;
  /// With \p kept inputs, gathered in front.
  double getColumns(int64_t kept) const;
  /// With \p kept outputs, put in their places behind.
  double getRows(int64_t kept) const;

private:
  double getGPULinear(int64_t outputs, int64_t inputs) const;
  double getGPULaunches(unsigned count, double elements) const;
};

} // namespace mlir::et

#endif // ET_LIB_DIALECT_ET_TRANSFORMS_SPARSITYCOSTS_H
