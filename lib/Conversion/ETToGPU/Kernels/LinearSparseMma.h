//===- LinearSparseMma.h - Linear kernels with weights of squares -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What the kernel, its verification and its cost model agree on.
//
//===----------------------------------------------------------------------===//

#ifndef ET_LIB_CONVERSION_ETTOGPU_KERNELS_LINEARSPARSEMMA_H
#define ET_LIB_CONVERSION_ETTOGPU_KERNELS_LINEARSPARSEMMA_H

#include "LinearEmitter.h"

#include "llvm/ADT/bit.h"

namespace mlir::et::gpu_kernels {

/// Threads and shared memory of a SparseMma schedule. In order: the ring of x; of each warp the ring of squares; the
/// barriers. With splitK the rings are overwritten by the partial sums.
struct SparseMmaLayout {
  /// Squares that a warp requests ahead.
  static constexpr int64_t kRing = 16, kSquareBytes = 512, kRingBytes = kRing * kSquareBytes;
  /// Rows of x that a copy of shared memory wants together: the swizzle repeats behind them.
  static constexpr int64_t kSwizzleRows = 8;

  /// Strips that a block multiplies at once, and the warps that do: each strip has splitK.
  int64_t strips = 0, warps = 0;
  /// Blocks of K of a warp, of which a stage holds so many, and the steps of its main loop.
  int64_t blocksK = 0, blocksPerStage = 1, steps = 0;
  int64_t stageBytes = 0, rings = 0, barriers = 0, total = 0;
  /// A stage is filled again when all warps have left it, which is asked for this many steps later.
  int64_t lag() const { return blocksPerStage == 1 ? 2 : 1; }
  /// Tiles of tileM tokens and 64 inputs in a stage, and the warps that request them where there is TMA.
  int64_t boxes() const { return warps / strips * blocksPerStage; }
  int64_t copiers() const { return std::min<int64_t>(boxes(), llvm::bit_floor<uint64_t>(warps)); }
  int64_t threads() const { return warps * nvidia::kWarpSize; }
};
SparseMmaLayout getSparseMmaLayout(const LinearKernelSpec &spec, const LinearSchedule &schedule);

/// Thread blocks that a multiprocessor should hold at once.
int64_t getSparseMmaBlocksPerSM(const LinearKernelSpec &spec, const LinearSchedule &schedule, const nvidia::SM &sm);

/// As verifyLinearKernel, for what only SparseMma is particular about.
std::optional<std::string> verifySparseMma(const LinearKernelSpec &spec, const LinearSchedule &schedule,
                                           const nvidia::SM &sm);
/// As estimateLinearCycles and chooseLinearSchedule.
double getSparseMmaCycles(const LinearKernelSpec &spec, const LinearSchedule &schedule, const nvidia::SM &sm,
                          int64_t rows);
LinearSchedule chooseSparseMma(LinearKernelSpec spec, const nvidia::SM &sm, int64_t rows);

BuiltKernel buildSparseMmaLinear(OpBuilder &builder, Location loc, StringRef name, const LinearKernelSpec &spec,
                                 const LinearSchedule &schedule, const nvidia::SM &sm);

} // namespace mlir::et::gpu_kernels

#endif // ET_LIB_CONVERSION_ETTOGPU_KERNELS_LINEARSPARSEMMA_H
