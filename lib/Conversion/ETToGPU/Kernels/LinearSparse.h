//===- LinearSparse.h - Parts of the tile-sparse linear kernels -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef ET_LIB_CONVERSION_ETTOGPU_KERNELS_LINEARSPARSE_H
#define ET_LIB_CONVERSION_ETTOGPU_KERNELS_LINEARSPARSE_H

#include "LinearEmitter.h"

namespace mlir::et::gpu_kernels {

/// Shared memory of a Sparse kernel, in bytes from its start.
struct SparseLayout {
  int64_t stageBytes = 0;
  /// Tokens of the boxes that y leaves by, two for each consumer; 0 where threads store it.
  int64_t boxTokens = 0;
  int64_t boxes = 0, notes = 0, barriers = 0;
  /// Mean and squares of every 16 outputs of a token, with LinearKernelSpec::yChunks.
  int64_t chunks = 0, total = 0;
};
SparseLayout getSparseLayout(const LinearKernelSpec &spec, const LinearSchedule &schedule);

/// Blocks that share a multiprocessor.
int64_t getSparseBlocksPerSM(const LinearSchedule &schedule);

/// Why a Sparse kernel cannot be built, for specs and schedules that all tensor core kernels take.
std::optional<std::string> verifySparse(const LinearKernelSpec &spec, const LinearSchedule &schedule,
                                        const nvidia::SM &sm);

/// Cycles of the whole kernel.
double getSparseCycles(const LinearKernelSpec &spec, const LinearSchedule &schedule, const nvidia::SM &sm,
                       int64_t rows);

/// The best Sparse schedule; Simt where there is none.
LinearSchedule chooseSparse(const LinearKernelSpec &spec, const nvidia::SM &sm, int64_t rows);

BuiltKernel buildSparseLinear(OpBuilder &builder, Location loc, StringRef name, const LinearKernelSpec &spec,
                              const LinearSchedule &schedule, const nvidia::SM &sm);

} // namespace mlir::et::gpu_kernels

#endif // ET_LIB_CONVERSION_ETTOGPU_KERNELS_LINEARSPARSE_H
