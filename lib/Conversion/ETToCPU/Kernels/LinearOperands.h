//===- LinearOperands.h - Operands of linear kernels in memory -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Vectors with a tail, and the parts of a sparse weight.
//
//===----------------------------------------------------------------------===//

#ifndef ET_LIB_CONVERSION_ETTOCPU_KERNELS_LINEAROPERANDS_H
#define ET_LIB_CONVERSION_ETTOCPU_KERNELS_LINEAROPERANDS_H

#include "et/Conversion/ETToCPU/LinearKernel.h"

#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace mlir::et::cpu {

/// Loads \p type from \p memref, with zeros where \p mask is false; a null mask loads everything.
Value loadVector(ImplicitLocOpBuilder &b, VectorType type, Value memref, ValueRange indices, Value mask);

/// Stores the lanes of \p value for which \p mask is true; a null mask stores everything.
void storeVector(ImplicitLocOpBuilder &b, Value value, Value memref, ValueRange indices, Value mask);

/// A weight of kept columns, seen as its parts (packKeptColumns() says how they lie).
class SparseWeightView {
public:
  SparseWeightView() = default;
  /// Emits views of \p bytes.
  SparseWeightView(ImplicitLocOpBuilder &b, const LinearKernelSpec &spec, Value bytes);

  /// Number of columns in front of \p panel.
  Value loadStart(ImplicitLocOpBuilder &b, Value panel) const;
  /// Input feature of the kept column \p position.
  Value loadColumn(ImplicitLocOpBuilder &b, Value position) const;
  /// memref<?x nr x wType>, one row per kept column.
  Value getValues() const { return values; }
  /// Where they start, in bytes.
  Value getValuesOffset() const { return valuesOffset; }

  /// The first (panel, tile) pair, counted panel by panel, of part \p part of \p parts when each of \p panels panels
  /// has
  /// \p tiles tiles and work is shared by kept columns.
  Value findFirstUnit(ImplicitLocOpBuilder &b, Value panels, Value tiles, Value part, Value parts) const;

private:
  /// Work in front of \p panel, per tile.
  Value getWork(ImplicitLocOpBuilder &b, Value panel) const;

  Value starts, columns, values, valuesOffset;
};

} // namespace mlir::et::cpu

#endif // ET_LIB_CONVERSION_ETTOCPU_KERNELS_LINEAROPERANDS_H
