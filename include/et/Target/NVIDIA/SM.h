//===- SM.h - What each NVIDIA architecture can do -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The numbers that kernel builders and schedules ask for, in one table. Sizes are
// those of the CUDA C++ Programming Guide, "Compute Capabilities", table of
// technical specifications.
//
//===----------------------------------------------------------------------===//

#ifndef ET_TARGET_NVIDIA_SM_H
#define ET_TARGET_NVIDIA_SM_H

#include "mlir/Support/LLVM.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <cstdint>

namespace mlir {
class Operation;
} // namespace mlir

namespace mlir::et::nvidia {

/// Threads of a warp and of a warpgroup.
constexpr int64_t kWarpSize = 32;
constexpr int64_t kWarpgroupSize = 128;

/// What a kernel builder has to know about an architecture.
struct SM {
  /// Name that LLVM and ptxas know: sm_80, sm_86, sm_89, sm_90 or sm_90a.
  llvm::StringRef chip;
  /// 80, 86, 89 or 90.
  unsigned version = 80;
  /// Bytes of shared memory that one block can have, and that the blocks of one multiprocessor share; each block takes
  /// `sharedReserved` more than it asks for.
  int64_t sharedPerBlock = 0, sharedPerSM = 0;
  static constexpr int64_t sharedReserved = 1024;
  /// 32-bit registers of a multiprocessor, and the most one thread can have.
  static constexpr int64_t registersPerSM = 65536, registersPerThread = 255;
  /// Threads that one multiprocessor holds.
  int64_t threadsPerSM = 0;
  /// Multiprocessors of the common product: a hint for schedules, never a promise.
  int64_t numSMs = 0;
  /// Tensor memory copies with mbarriers, thread block clusters with distributed shared memory, programmatic launch.
  bool hasTMA = false, hasClusters = false, hasProgrammaticLaunch = false;
  /// wgmma and setmaxnreg: only with the architecture-specific `a` targets.
  bool hasWgmma = false;

  /// Returns the architecture that \p chip names.
  static FailureOr<SM> get(llvm::StringRef chip);
  /// The same for an option `chip` of a pass on \p op, at which an error names those that there are.
  static FailureOr<SM> get(Operation *op, llvm::StringRef chip);
  /// All architectures.
  static llvm::ArrayRef<SM> all();

  /// The LLVM feature string that fixes the PTX version of all code: 8.6 is the first with TMA loads to shared::cta,
  /// and old enough for every driver of CUDA 12.7 on.
  static llvm::StringRef features() { return "+ptx86"; }
};

} // namespace mlir::et::nvidia

#endif // ET_TARGET_NVIDIA_SM_H
