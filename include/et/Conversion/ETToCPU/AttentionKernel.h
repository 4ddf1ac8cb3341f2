//===- AttentionKernel.h - Builder of fused attention kernels -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Emits softmax(score(scale * Q K^T) + mask) V as one function in upstream
// dialects, without ever storing more than a block of scores. The function is
// SPMD: every thread of a team calls it and takes its own share of the work.
//
//   func.func @name(%tid: index, %nth: index, %query, %key, %value, [%mask],
//                   [%lengths], [%offsets], [%keyOffsets], %output,
//                   %scratch: memref<?xf32>)
//
// The iteration domain is (batch..., m, n, k, v) as in et.attention. Operands are
// memref<?x..xT, strided<[?, ..], offset: ?>>: any strides do, and an operand may
// omit batch dimensions (grouped heads). Sizes of the batch dimensions and of m
// come from the output, that of n from the key.
//
// Semantics:
// - A row without any key to attend (all masked, or no keys) yields zeros.
// - Causal, window, lengths and offsets exclude keys that are then never read.
// - A bool mask excludes keys; a float mask is added to the scaled score and may
//   hold -inf or large finite numbers (-3.4e38) with the meaning PyTorch gives
//   them.
// - A NaN or +inf score that is attended makes the row NaN.
//
//===----------------------------------------------------------------------===//

#ifndef ET_CONVERSION_ETTOCPU_ATTENTIONKERNEL_H
#define ET_CONVERSION_ETTOCPU_ATTENTIONKERNEL_H

#include "et/Conversion/ETToCPU/ISA.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"

#include <functional>
#include <optional>
#include <string>

namespace mlir::et::cpu {

/// One operand of an attention kernel.
struct AttentionOperand {
  /// For each dimension of the operand, the iteration dimension it is:
  /// 0 .. numBatchDims-1, then m, n, k, v.
  SmallVector<unsigned> dims;
  /// Element type in memory.
  Type elementType;
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

/// What a score callback gets for one vector of scores.
struct AttentionScoreArgs {
  /// The scaled scores, vector<Lxf32>.
  Value score;
  /// Index of each batch dimension (index).
  ValueRange batch;
  /// Query row of each lane, vector<Lxindex>.
  Value m;
  /// Key, the same in all lanes (index).
  Value n;
};

/// Emits the replacement of a vector of scores, vector<Lxf32>. Must not read or
/// write memory that the kernel writes.
using AttentionScoreFn = std::function<Value(OpBuilder &, Location, const AttentionScoreArgs &)>;

struct AttentionKernelSpec {
  unsigned numBatchDims = 0;
  /// f32, f16 or bf16. Arithmetic is f32.
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

  unsigned dimM() const { return numBatchDims; }
  unsigned dimN() const { return numBatchDims + 1; }
  unsigned dimK() const { return numBatchDims + 2; }
  unsigned dimV() const { return numBatchDims + 3; }
};

/// Returns what is wrong with \p spec, or nullopt if a kernel can be built.
std::optional<std::string> verifyAttentionSpec(const AttentionKernelSpec &spec);

/// Returns the bytes of scratch memory per thread, a multiple of 64. %scratch
/// must hold this many bytes for each of %nth threads and should be aligned to
/// 64 bytes.
int64_t attentionScratchBytes(const AttentionKernelSpec &spec, const ISA &isa);

/// Returns the argument types of the kernel.
SmallVector<Type> attentionArgTypes(OpBuilder &builder, const AttentionKernelSpec &spec);

/// Emits the kernel at the insertion point of \p builder (in a module). \p spec
/// must satisfy verifyAttentionSpec().
func::FuncOp buildAttentionKernel(OpBuilder &builder, Location loc, StringRef name, const AttentionKernelSpec &spec,
                                  const ISA &isa);

} // namespace mlir::et::cpu

#endif // ET_CONVERSION_ETTOCPU_ATTENTIONKERNEL_H
