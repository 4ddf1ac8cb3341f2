//===- LaunchKernels.h - GPU kernels for launches -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Builds the kernel of an et.launch. There is one builder per kind of launch, told
// by the first op of its region that computes:
//
//   LinearLaunch.cpp      et.linear and what is fused behind it
//   AttentionLaunch.cpp   et.attention
//   RowLaunch.cpp         norms and et.embedding
//   LoopLaunch.cpp        everything else, as loops
//
// A launch may have several kernels, each for a range of sizes: those whose range
// the size is in run, in order.
//
// A kernel's launch-time integers are expressions over symbols; here is said
// which size of the launch each symbol is.
//
//===----------------------------------------------------------------------===//

#ifndef ET_LIB_CONVERSION_ETTOGPU_LAUNCHKERNELS_H
#define ET_LIB_CONVERSION_ETTOGPU_LAUNCHKERNELS_H

#include "et/Conversion/ETToGPU/GPUKernel.h"
#include "et/Dialect/ET/IR/ET.h"
#include "et/Target/NVIDIA/SM.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"

#include <string>

namespace mlir {
class ImplicitLocOpBuilder;
}

namespace mlir::et::gpu_kernels {

/// A size that is known when a program starts to run.
struct LaunchSize {
  enum Kind {
    Dim,      ///< size of dimension `dim` of an operand
    Rows,     ///< product of all sizes of an operand but the last
    Elements, ///< product of all sizes of an operand
    Stride,   ///< elements between neighbours in dimension `dim` of an operand, divided by `divisor`
    Scalar,   ///< the operand itself, an integer
    Check,    ///< the status code of check `operand` of the kernel
    Prefetch  ///< bytes of view `operand` of the et.prefetch in front of the launch; 0 where it asks for nothing
  } kind = Dim;
  unsigned operand = 0, dim = 0;
  int64_t divisor = 1;
};

/// How the elements of a memref lie in memory.
struct Layout {
  /// Elements between neighbours in each dimension; ShapedType::kDynamic where that depends on sizes.
  SmallVector<int64_t> strides;
  /// What each stride, and the distance of the first element from an aligned address, is known to be a multiple of.
  SmallVector<int64_t> divisors;
  int64_t offsetDivisor = 1;

  bool operator==(const Layout &other) const {
    return strides == other.strides && divisors == other.divisors && offsetDivisor == other.offsetDivisor;
  }
};

/// Follows the views that \p memref is made by.
Layout getLayout(Value memref);

/// A kernel with what it is given.
struct LaunchKernel {
  BuiltKernel kernel;
  /// Position in the launch's operands of each operand of the kernel, or kStatus.
  static constexpr unsigned kStatus = ~0u;
  /// Position that stands for view \p view of the et.prefetch in front of the launch.
  static constexpr unsigned getPrefetch(unsigned view) { return kStatus - 1 - view; }
  SmallVector<unsigned> operands;
  /// What the symbols of the kernel are.
  SmallVector<LaunchSize> sizes;
  /// The kernel runs when symbol `rangeSymbol` is at least `rangeMin` and below `rangeEnd` (-1: no end).
  unsigned rangeSymbol = 0;
  int64_t rangeMin = 0, rangeEnd = -1;
  /// Whether it runs beside the kernel that does the work.
  bool isHelper = false;

  /// Whether \p value is the status code of a check.
  bool isCheck(LaunchExpr value) const {
    auto symbol = dyn_cast_or_null<AffineSymbolExpr>(value);
    return symbol && sizes[symbol.getPosition()].kind == LaunchSize::Check;
  }
  /// Whether \p value is the number of rows of an operand.
  bool isRows(LaunchExpr value) const {
    auto symbol = dyn_cast_or_null<AffineSymbolExpr>(value);
    return symbol && sizes[symbol.getPosition()].kind == LaunchSize::Rows;
  }
};

/// The kernels of a launch, with ranges that cover all sizes.
using LaunchKernels = SmallVector<LaunchKernel, 0>;

/// What is wrong when check \p index of the kernel of \p launch reports an error, with {0} for the position.
std::string getCheckMessage(LaunchOp launch, unsigned index);

/// Why no kernel takes \p op, an op of et on tensors, on \p sm; empty when one does.
std::string whyNoKernel(Operation *op, const nvidia::SM &sm);

/// Why no kernel takes \p op; empty when one does.
std::string whyNoAttention(AttentionOp op);

/// On a launch of attention with a second output, room for its scores: the keys up to which it has none (i64).
inline constexpr StringRef kPartialAttention = "et.partial_attention";

/// Room for the scores of an attention that keeps them in memory.
struct ScoreBuffer {
  /// Why they cannot be in memory; empty where they can.
  std::string whyNot;
  /// Whether there may be as many keys as it takes.
  bool isNeeded = false;
  /// How many f32, and its symbols.
  LaunchExpr elements;
  SmallVector<LaunchSize> sizes;
};

/// What \p launch, one of attention, needs to keep its scores in memory with more than \p most keys.
ScoreBuffer getScoreBuffer(LaunchOp launch, int64_t most, const nvidia::SM &sm);

/// Emits \p expr over \p symbols as an index. Nothing in it is negative, so divisions are unsigned.
Value emitLaunchExpr(ImplicitLocOpBuilder &b, LaunchExpr expr, ArrayRef<Value> symbols);

/// Whether the kernels of \p launch may ask for weights of later launches: those that are long enough.
bool mayPrefetch(LaunchOp launch);

/// Lets the kernels among \p kernels that run with \p most rows ask for \p views views of the et.prefetch in front of
/// the launch, as far as they can.
void addPrefetches(LaunchKernels &kernels, unsigned views, int64_t most, const nvidia::SM &sm);

/// Whether \p memref is part of the weights, which no launch writes.
bool isWeight(Value memref);

/// Adds the distance between the rows of operand \p operand of \p launch to \p sizes when it is dynamic; returns it.
/// The rows of the operand are even.
int64_t addRowStride(LaunchOp launch, unsigned operand, SmallVectorImpl<LaunchSize> &sizes);

/// Adds what linear and attention families let choose to \p entries, the schedule of \p launch.
struct ScheduleContext;
void scheduleLinear(LaunchOp launch, const ScheduleContext &context, NamedAttrList &entries);
void scheduleAttention(LaunchOp launch, const ScheduleContext &context, NamedAttrList &entries);

/// Builds the kernels of \p launch (on memrefs) at the insertion point of \p builder, in a gpu.module, with names that
/// start with \p name. Emits an error on \p launch when there are none.
FailureOr<LaunchKernels> buildKernels(OpBuilder &builder, LaunchOp launch, StringRef name, const nvidia::SM &sm);

FailureOr<LaunchKernels> buildLinearLaunch(OpBuilder &builder, LaunchOp launch, StringRef name, const nvidia::SM &sm);
FailureOr<LaunchKernels> buildAttentionLaunch(OpBuilder &builder, LaunchOp launch, StringRef name,
                                              const nvidia::SM &sm);

/// The kernel of \p stats, an op in the region of \p launch, which yields its result, of \p input, which is an argument
/// of the region or yielded too.
FailureOr<LaunchKernel> buildChunkStats(OpBuilder &builder, LaunchOp launch, Value input, ChunkStatsOp stats,
                                        StringRef name, const nvidia::SM &sm);
FailureOr<LaunchKernel> buildEmbeddingLaunch(OpBuilder &builder, LaunchOp launch, StringRef name, const nvidia::SM &sm);
/// The kernel of \p stats, an op in the region of \p launch, which yields its results.
FailureOr<LaunchKernel> buildNormStats(OpBuilder &builder, LaunchOp launch, NormStatsOp stats, StringRef name,
                                       const nvidia::SM &sm);
FailureOr<LaunchKernel> buildRowLaunch(OpBuilder &builder, LaunchOp launch, StringRef name, const nvidia::SM &sm);
FailureOr<LaunchKernel> buildLoopLaunch(OpBuilder &builder, LaunchOp launch, StringRef name, const nvidia::SM &sm);

} // namespace mlir::et::gpu_kernels

#endif // ET_LIB_CONVERSION_ETTOGPU_LAUNCHKERNELS_H
