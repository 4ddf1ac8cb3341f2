//===- AttentionTiling.h - Block sizes of attention kernels -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The block sizes of an attention kernel and the layout of its scratch memory.
//
//===----------------------------------------------------------------------===//

#ifndef ET_LIB_CONVERSION_ETTOCPU_KERNELS_ATTENTIONTILING_H
#define ET_LIB_CONVERSION_ETTOCPU_KERNELS_ATTENTIONTILING_H

#include "et/Conversion/ETToCPU/AttentionKernel.h"

namespace mlir::et::cpu {

/// Where the mask enters.
enum class MaskKind {
  None,
  /// One value per key: the mask has no m dimension.
  PerKey,
  /// One value per query and key.
  Full
};

/// Sizes of one attention kernel, and offsets into scratch memory in elements.
struct AttentionTiling {
  AttentionTiling(const AttentionKernelSpec &spec, const ISA &isa);

  /// f32 lanes of a vector.
  int64_t lanes;
  /// Vectors of queries per block, and queries per block: the width of the
  /// scratch arrays below.
  int64_t vectors, queries;
  /// Most blocks of queries that take turns on one block of keys.
  int64_t groupBlocks;
  /// Keys per register tile of Q K^T, head elements per register tile of P V.
  int64_t keyTile, valueTile;
  /// Keys per block, a multiple of keyTile and of lanes.
  int64_t keyBlock;
  /// Head sizes rounded up to vectors.
  int64_t paddedK, paddedV;
  MaskKind maskKind;

  /// Q^T, scaled [groupBlocks][paddedK][queries].
  int64_t queryAt;
  /// O^T, not yet divided by the sum [groupBlocks][paddedV][queries].
  int64_t outputAt;
  /// S^T, then P^T [keyBlock][queries].
  int64_t scoreAt;
  /// Running maximum and sum [groupBlocks][queries].
  int64_t maximumAt, sumAt;
  /// Maximum of the block of keys, then the factor for O^T [queries].
  int64_t factorAt;
  /// Mask as f32: [keyBlock] or [keyBlock][queries].
  int64_t maskAt;
  /// Rows on their way from or to memory [lanes][max(paddedK, paddedV)].
  int64_t stageAt, stageStride;
  /// K and V in f32 [keyBlock][paddedK], [keyBlock][paddedV].
  int64_t keyAt, valueAt;
  /// Elements per thread.
  int64_t total;
};

} // namespace mlir::et::cpu

#endif // ET_LIB_CONVERSION_ETTOCPU_KERNELS_ATTENTIONTILING_H
