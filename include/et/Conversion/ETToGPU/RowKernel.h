//===- RowKernel.h - Builders of norm and embedding kernels for GPUs -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Row by row: layer norm and RMS norm over the last dimension, and rows of a
// table selected by index. A row stays in the registers of the threads that work
// on it, one warp of them as long as it fits, so memory is read once.
//
//===----------------------------------------------------------------------===//

#ifndef ET_CONVERSION_ETTOGPU_ROWKERNEL_H
#define ET_CONVERSION_ETTOGPU_ROWKERNEL_H

#include "et/Conversion/ETToGPU/GPUKernel.h"

#include <optional>
#include <string>

namespace mlir::et::gpu_kernels {

/// A norm over rows. Operands are numbered x, [gamma], [beta], [residual], y, [sum]; those that are absent have no
/// number. Symbols: s0 is the number of rows, then come the distances between rows that are not static, in the order of
/// the operands.
struct NormKernelSpec {
  int64_t size = 0;
  float eps = 0;
  /// Root-mean-square norm: no mean is taken off, and there is no beta.
  bool rms = false;
  /// f16, bf16 or f32; arithmetic is f32. `vectorType` is that of gamma and beta.
  Type elementType, vectorType;
  bool hasGamma = false, hasBeta = false, hasResidual = false, hasSum = false;
  /// Only the statistics: operands are x, scale = 1 / sqrt(variance or mean square + eps), and unless `rms`, the mean
  /// of each row; both are f32 without gaps. No other operand is there.
  bool statsOnly = false;
  /// Gamma and beta are weights, which no launch writes.
  bool constantVectors = false;
  /// Elements between rows; ShapedType::kDynamic when known at launch.
  int64_t xStride = 0, residualStride = 0, yStride = 0, sumStride = 0;
  /// Take part in programmatic dependent launch (sm_90 on).
  bool programmatic = false;
};

/// Returns what is wrong with \p spec, or nothing if a kernel can be built.
std::optional<std::string> verifyNormSpec(const NormKernelSpec &spec);

/// Builds the kernel at the insertion point of \p builder, in a gpu.module.
BuiltKernel buildNormKernel(OpBuilder &builder, Location loc, StringRef name, const NormKernelSpec &spec);

} // namespace mlir::et::gpu_kernels

#endif // ET_CONVERSION_ETTOGPU_ROWKERNEL_H
