//===- PrefetchKernel.h - Kernels that ask for weights of later ones -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A finished kernel of any family, changed so that its blocks ask the L2 cache for
// bytes before they wait for the kernels in front. One thread of each block asks
// for a block's share, in pieces that go round the blocks; the bulk copy engine does
// the rest. Nothing waits for what was asked for.
//
//===----------------------------------------------------------------------===//

#ifndef ET_CONVERSION_ETTOGPU_PREFETCHKERNEL_H
#define ET_CONVERSION_ETTOGPU_PREFETCHKERNEL_H

#include "et/Conversion/ETToGPU/GPUKernel.h"
#include "et/Target/NVIDIA/SM.h"

namespace mlir::et::gpu_kernels {

/// What a kernel is to ask for.
struct PrefetchSpec {
  /// The operand whose first bytes are meant.
  unsigned operand = 0;
  /// How many, a multiple of 16 below 2^31; 0 for none.
  LaunchExpr bytes;
};

/// Why \p kernel cannot ask for anything on \p sm; empty when it can.
std::string whyNoPrefetch(const BuiltKernel &kernel, const nvidia::SM &sm);

/// Adds to \p kernel that it asks for \p specs, and a pointer and a number of bytes for each of them to its arguments.
/// Requires that whyNoPrefetch() is empty.
void addPrefetch(BuiltKernel &kernel, ArrayRef<PrefetchSpec> specs, const nvidia::SM &sm);

} // namespace mlir::et::gpu_kernels

#endif // ET_CONVERSION_ETTOGPU_PREFETCHKERNEL_H
