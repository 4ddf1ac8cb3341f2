//===- AttentionKernel.h - Builder of fused attention kernels for GPUs -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Emits softmax(score(scale * Q K^T) + mask) V as one kernel whose scores never
// leave the registers; the schedule Partial, as two with the products Q K^T in memory. The iteration domain is
// (batch..., m, n, k, v) as in et.attention; the sizes of the batch dimensions, m and n are values at launch, so one
// kernel serves every length.
//
// Launch-time integers are expressions over these symbols:
//
//   s0 .. s(B-1)   sizes of the batch dimensions
//   sB, s(B+1)     sizes of m and n
//   s(B+2) ..      whatever the caller's strides use
//
// Semantics:
// - A row without any key to attend (all masked, or no keys) yields zeros.
// - A bool mask excludes keys; a float mask is added to the scaled score and may
//   hold -inf or large finite numbers (-3.4e38) with the meaning PyTorch gives
//   them.
// - A NaN or +inf score that is attended makes the row NaN.
// - With offsets, rows and keys of sequences lie one behind the other, and a row
//   attends its own sequence, from whose start structure and score count. Rows behind
//   the last offset yield zeros. What other sequences hold never matters.
// - Keys are taken in blocks. Blocks that causal, window and lengths exclude as a
//   whole are not read. In a block that they exclude in part, what the excluded keys
//   hold does not matter, but their values have to be finite: they are weighted with
//   zero.
//
//===----------------------------------------------------------------------===//

#ifndef ET_CONVERSION_ETTOGPU_ATTENTIONKERNEL_H
#define ET_CONVERSION_ETTOGPU_ATTENTIONKERNEL_H

#include "et/Conversion/ETToGPU/GPUKernel.h"
#include "et/Target/NVIDIA/SM.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"

#include <functional>
#include <optional>
#include <string>

namespace mlir::et::gpu_kernels {

/// One operand of an attention kernel.
struct AttentionOperand {
  /// For each dimension of the operand, the iteration dimension it is: 0 .. numBatchDims-1, then m, n, k, v.
  SmallVector<unsigned> dims;
  /// Element type in memory.
  Type elementType;
  /// Distance in elements along each dimension.
  SmallVector<LaunchExpr> strides;
};

/// Numbers of the operands in KernelArgument and TensorMapSpec.
enum AttentionOperandNumber : unsigned {
  kAttentionQuery,
  kAttentionKey,
  kAttentionValue,
  kAttentionMask,
  kAttentionLengths,
  kAttentionOutput,
  kAttentionOffsets,
  kAttentionKeyOffsets,
  /// Of the schedule Partial: f32, attentionScoreElements() of them, aligned to 16 bytes.
  kAttentionScores
};

enum class AttentionStructure {
  None,
  /// n <= m.
  Causal,
  /// n <= m + size(n) - size(m).
  CausalLowerRight,
  /// m - left <= n <= m + right, or m < global, or n < global.
  Window
};

/// What a score callback gets for one score.
struct AttentionScoreArgs {
  /// The scaled score, f32.
  Value score;
  /// Index of each batch dimension, of the query row and of the key (index).
  ValueRange batch;
  Value m, n;
};

/// Emits the replacement of a score, f32. Must not read or write memory that the kernel writes.
using AttentionScoreFn = std::function<Value(OpBuilder &, Location, const AttentionScoreArgs &)>;

struct AttentionKernelSpec {
  unsigned numBatchDims = 0;
  /// All of one type: f16, bf16 or f32. Scores, softmax and sums are f32.
  AttentionOperand query, key, value, output;
  /// Element type i8 (a bool: 0 or not) or f32, f16, bf16 (added).
  std::optional<AttentionOperand> mask;
  /// Number of valid keys per sequence, i32 or i64; batch dimensions only.
  std::optional<AttentionOperand> lengths;
  /// Ragged batches: where each sequence starts among the rows and, last, where the last one ends; i32 or i64. Null for
  /// one sequence per batch index.
  Type offsets;
  /// The same among the keys; null where they are those of the rows.
  Type keyOffsets;
  /// With offsets: how many there are, one more than sequences, and elements between neighbours.
  LaunchExpr numOffsets, offsetStride, keyOffsetStride;
  /// Static sizes of k and v, 1 to 512.
  int64_t headSizeK = 0, headSizeV = 0;
  float scale = 1.0f;
  AttentionStructure structure = AttentionStructure::None;
  /// A window size that no sequence reaches. Kernels compare positions in 32 bits, where its sum with one fits.
  static constexpr int64_t kUnbounded = int64_t(1) << 30;
  /// From 0 to kUnbounded.
  int64_t windowLeft = 0, windowRight = 0, windowGlobal = 0;
  /// Whether the valid keys are the last ones instead of the first ones.
  bool leftPadding = false;
  /// Null for none.
  AttentionScoreFn score;
  /// Whether the caller has memory for kAttentionScores.
  bool hasScoreBuffer = false;

  unsigned dimM() const { return numBatchDims; }
  unsigned dimN() const { return numBatchDims + 1; }
  unsigned dimK() const { return numBatchDims + 2; }
  unsigned dimV() const { return numBatchDims + 3; }
};

/// How a kernel goes about its work. Every schedule is right for every size.
struct AttentionSchedule {
  enum Family {
    /// wgmma. Each warpgroup has 64 query rows and asks for its own keys: many small blocks per multiprocessor.
    Wgmma,
    /// wgmma with a warpgroup that only copies; one block per multiprocessor that takes tile after tile, and
    /// warpgroups that take turns, so that the softmax of one runs under the products of the others.
    WgmmaPingPong,
    /// mma.sync: sm_80 on, and operands that no tensor map describes.
    Mma,
    /// No tensor cores: f32, and heads of more than 256.
    Simt,
    /// Two kernels of mma.sync: one leaves Q K^T in memory, the other takes it from there ("partial on the fly").
    Partial
  };
  static constexpr int64_t kSimtRowsPerWarp = 4;
  /// Partial: rows and keys of which there is always room for a multiple.
  static constexpr int64_t kPartialRows = 64, kPartialKeys = 64;
  Family family = Mma;
  /// Keys per step, a multiple of 16; 32 in Simt.
  int64_t keyBlock = 64;
  /// Wgmma: steps that the first softmax takes at once; with no more keys than that the softmax is exact and nothing
  /// is rescaled.
  int64_t exactBlocks = 1;
  /// Groups of four warps that compute, 64 rows each; Simt: 16 rows.
  int64_t warpgroups = 1;
  /// Blocks of keys and of values in shared memory.
  int64_t stages = 2;
  /// Blocks that should fit on a multiprocessor: the register budget.
  int64_t blocksPerSM = 1;
  /// Wgmma: blocks that share the rows of a tile. Each computes all scores and a part of the columns of the output, so
  /// that few tiles keep more multiprocessors busy.
  int64_t valueSplits = 1;

  bool usesWgmma() const { return family == Wgmma || family == WgmmaPingPong; }
  int64_t rowsPerBlock() const { return (family == Simt ? 4 * kSimtRowsPerWarp : 64) * warpgroups; }
};

/// Returns what is wrong with \p spec, or nullopt if a kernel of some schedule can be built for every architecture.
std::optional<std::string> verifyAttentionSpec(const AttentionKernelSpec &spec);

/// Returns why \p schedule cannot be used for \p spec on \p sm, or nullopt. \p spec must verify.
std::optional<std::string> verifyAttentionSchedule(const AttentionKernelSpec &spec, const AttentionSchedule &schedule,
                                                   const nvidia::SM &sm);

/// Returns why no tensor map describes \p operand, or nullopt if one does.
std::optional<std::string> verifyAttentionTensorMap(const AttentionKernelSpec &spec, const AttentionOperand &operand);

/// Bytes of shared memory of a block.
int64_t attentionSharedBytes(const AttentionKernelSpec &spec, const AttentionSchedule &schedule);

/// A schedule that verifies. \p rows and \p keys are sizes of m and n to be good for, nullopt where not known.
AttentionSchedule chooseAttentionSchedule(const AttentionKernelSpec &spec, const nvidia::SM &sm,
                                          std::optional<int64_t> rows = std::nullopt,
                                          std::optional<int64_t> keys = std::nullopt);

/// A schedule that is better for \p keys keys where there are at most numSMs / valueSplits tiles of 64 rows, if there
/// is one.
std::optional<AttentionSchedule> chooseAttentionScheduleForFewTiles(const AttentionKernelSpec &spec,
                                                                    const nvidia::SM &sm, int64_t keys);

/// A schedule of the family Partial that verifies, if there is one. No choice above is one of these.
std::optional<AttentionSchedule> choosePartialAttentionSchedule(const AttentionKernelSpec &spec, const nvidia::SM &sm);

/// Elements of kAttentionScores, over the symbols of the sizes.
LaunchExpr attentionScoreElements(unsigned numBatchDims, MLIRContext *context);

/// Emits the kernel at the insertion point of \p builder, which is in a gpu.module. \p spec and \p schedule must
/// verify. With the schedule Partial it is the second of the two kernels.
BuiltKernel buildAttentionKernel(OpBuilder &builder, Location loc, StringRef name, const AttentionKernelSpec &spec,
                                 const AttentionSchedule &schedule, const nvidia::SM &sm);

/// Emits the first kernel of a schedule of the family Partial, which leaves in kAttentionScores what the second takes.
BuiltKernel buildAttentionScoresKernel(OpBuilder &builder, Location loc, StringRef name,
                                       const AttentionKernelSpec &spec, const AttentionSchedule &schedule,
                                       const nvidia::SM &sm);

} // namespace mlir::et::gpu_kernels

#endif // ET_CONVERSION_ETTOGPU_ATTENTIONKERNEL_H
