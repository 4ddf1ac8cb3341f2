//===- EmbeddingKernel.h - Builder of GPU kernels that gather rows -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Emits y[i] = tables[0][id_0(i)] + tables[1][id_1(i)] + ... + vectors[0] + ...: what
// the embeddings of an encoder are. Sums are f32.
//
//===----------------------------------------------------------------------===//

#ifndef ET_CONVERSION_ETTOGPU_EMBEDDINGKERNEL_H
#define ET_CONVERSION_ETTOGPU_EMBEDDINGKERNEL_H

#include "et/Conversion/ETToGPU/GPUKernel.h"

namespace mlir::et::gpu_kernels {

/// A table of rows, and where the number of the row that is taken comes from.
struct EmbeddingTable {
  int64_t rows = 0;
  /// i32 or i64; null when the numbers are 0, 1, 2, ..., in which case there is no operand for them.
  Type idType;
  /// Whether the numbers start again after every `period` rows of the result.
  bool repeats = false;
};

/// Operands: for each table its ids, unless they are counted, and the table; the vectors; y; status. Symbols: s0 is the
/// number of rows of y, s1 the period, s2 and following a status code for each table, for an id outside of it; then the
/// distance between rows of y when that is not static.
struct EmbeddingKernelSpec {
  SmallVector<EmbeddingTable> tables;
  /// Vectors [size] that are added to every row.
  unsigned numVectors = 0;
  int64_t size = 0;
  /// f16, bf16 or f32: of tables, vectors and y.
  Type elementType;
  int64_t yStride = 0;
  /// Take part in programmatic dependent launch (sm_90 on).
  bool programmatic = false;
};

/// Builds the kernel at the insertion point of \p builder, in a gpu.module. An id out of range stores its position and
/// then the code to the status, and selects row 0.
BuiltKernel buildEmbeddingKernel(OpBuilder &builder, Location loc, StringRef name, const EmbeddingKernelSpec &spec);

} // namespace mlir::et::gpu_kernels

#endif // ET_CONVERSION_ETTOGPU_EMBEDDINGKERNEL_H
