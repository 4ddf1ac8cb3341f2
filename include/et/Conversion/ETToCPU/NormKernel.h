//===- NormKernel.h - Builders of norm and embedding kernels -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Row by row: layer norm and RMS norm over the last dimension, and rows of a
// table selected by index. A row is read from memory once and stays in L1 for
// the passes that follow.
//
//===----------------------------------------------------------------------===//

#ifndef ET_CONVERSION_ETTOCPU_NORMKERNEL_H
#define ET_CONVERSION_ETTOCPU_NORMKERNEL_H

#include "et/Conversion/ETToCPU/ISA.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"

namespace mlir::et::cpu {

/// A norm over rows of \p size elements.
struct NormRowsSpec {
  int64_t size = 0;
  float eps = 0;
  /// Root-mean-square norm: no mean is taken off, and there is no beta.
  bool rms = false;
};

/// Memrefs a norm reads and writes; null for those it does not have. Rows are [rows, size] with unit innermost stride,
/// vectors [size]; elements are f32, f16 or bf16. `y` may be `x` or `residual`.
struct NormOperands {
  Value x, gamma, beta, residual, y, sum;
};

/// Emits the norm of rows [\p begin, \p end). Mean and variance are taken in two passes over the row, in f32.
void emitNormRows(OpBuilder &builder, Location loc, const NormRowsSpec &spec, Value begin, Value end,
                  const NormOperands &operands, const ISA &isa);

/// Which operands a norm kernel has, and their element type.
struct NormKernelSpec {
  NormRowsSpec rows;
  Type elementType;
  /// Element type of gamma and beta.
  Type vectorType;
  bool hasGamma = false, hasBeta = false, hasResidual = false, hasSum = false;
};

/// Emits `func @name(%tid, %nth, %x, [%gamma], [%beta], [%residual], %y, [%sum])` with rows of any distance.
func::FuncOp buildNormKernel(OpBuilder &builder, Location loc, StringRef name, const NormKernelSpec &spec,
                             const ISA &isa);

/// Rows of a table [\p tableRows, \p size].
struct EmbeddingKernelSpec {
  int64_t tableRows = 0, size = 0;
  Type idType, elementType;
};

/// Emits `func @name(%tid, %nth, %ids: memref<?xI>, %table: memref<VxDxT>, %y: memref<?xDxT>, %status: memref<2xi64>)`.
/// An id out of range stores 1 and the id to the status, and selects row 0.
func::FuncOp buildEmbeddingKernel(OpBuilder &builder, Location loc, StringRef name, const EmbeddingKernelSpec &spec,
                                  const ISA &isa);

} // namespace mlir::et::cpu

#endif // ET_CONVERSION_ETTOCPU_NORMKERNEL_H
