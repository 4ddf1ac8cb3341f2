//===- AttentionCases.h - Attention kernels to look at and to run -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Kernels that cover what the attention family can do. The unit tests assemble them,
// and benchmarks/gpu runs the same ones against float64.
//
//===----------------------------------------------------------------------===//

#ifndef ET_UNITTESTS_CONVERSION_ETTOGPU_ATTENTIONCASES_H
#define ET_UNITTESTS_CONVERSION_ETTOGPU_ATTENTIONCASES_H

#include "et/Conversion/ETToGPU/AttentionKernel.h"

#include <vector>

namespace mlir::et::gpu_kernels {

/// How heads lie in memory.
enum class HeadLayout {
  /// [batch, head, row, column].
  HeadsOutside,
  /// [batch, row, head, column].
  HeadsInside,
  /// query, key and value are slices of [batch, row, 3, head, column]; m = n.
  Packed,
  /// [batch, group, head, row, column]; key and value without head.
  Grouped,
  /// [head, row, column], one batch dimension.
  Flat,
  /// [row, head, column], one batch dimension: tokens of a ragged batch.
  Tokens,
  /// [batch, head, row, column] with rows of an odd number of elements.
  OddRows
};

struct AttentionCase {
  std::string name;
  AttentionKernelSpec spec;
  AttentionSchedule schedule;
  /// For Python: the name of the score callback, empty for none.
  std::string score;
  /// Whether benchmarks/gpu times it.
  bool isTimed = false;
};

/// A plain attention of \p headSize with \p heads heads; f16 if no type is given.
AttentionKernelSpec makeAttention(MLIRContext *context, HeadLayout layout, int64_t headSize, int64_t heads,
                                  Type elementType = {});
/// Adds a mask over the given dimensions, contiguous.
void addMask(AttentionKernelSpec &spec, ArrayRef<unsigned> dims, Type elementType);
/// Adds lengths of i32 or i64 for each index of the first batch dimension.
void addLengths(AttentionKernelSpec &spec, Type elementType, bool leftPadding = false);
/// Makes the batch ragged; with \p ownKeys, keys have offsets of their own. The number of offsets is the symbol behind
/// m and n.
void addOffsets(AttentionKernelSpec &spec, Type elementType, bool ownKeys = false);
/// Subtracts |m - n| / 8 from each score: a callback that uses all that it gets.
void addDistanceScore(AttentionKernelSpec &spec);

/// Every feature in every family that \p sm has.
std::vector<AttentionCase> getAttentionCases(MLIRContext *context, const nvidia::SM &sm);

} // namespace mlir::et::gpu_kernels

#endif // ET_UNITTESTS_CONVERSION_ETTOGPU_ATTENTIONCASES_H
