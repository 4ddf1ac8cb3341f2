//===- LinearKernel.h - Builder of dense linear GPU kernels -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Emits y[M, N] = epilogue(x[M, K] * w[N, K]^T + b[N]) as one kernel. M is a size
// of the launch; N and K are static. Sums are f32.
//
// A norm between two layers needs no kernel. The one in front (LinearKernelSpec::yChunks) stores mean and sum of
// squared differences of every 32 neighbours of its result; the one behind (rowStats) makes scale and mean of each row
// from them, hands these to its epilogue, which shifts and scales the sums, and stores them for whoever else wants
// them.
//
// Operands:  0 x, 1 w, then the bias if there is one, with rowStats the chunks of the rows of x ([M, chunks, 2] f32),
// then
//            the extras, then y, with rowStats scale and, if centred, mean of each row of x ([M] f32, written), with
//            yChunks the chunks of the rows of y ([M, N / 32, 2] f32, written).
// Symbols:   s0 = M, s1 = row stride of x, s2 = row stride of y,
//            s3 + i = row stride of extra i (any value for one without rows).
//
// Schedules (LinearSchedule::kind):
//
//   Wgmma   sm_90a. One producer fills a ring of stages by TMA, one or two
//           warpgroups of 64 rows each multiply. The first weights are requested
//           before the wait for the previous kernel. Few rows: many small blocks,
//           and with splitK blocks of a cluster share K and add up their partial
//           sums through distributed shared memory. Many rows: persistent blocks,
//           y leaves by TMA.
//   Overlap sm_90a, many rows. As persistent Wgmma, but the consumers only drop
//           their sums in shared memory and go on with the next tile, while one more
//           warpgroup runs the epilogue on the tile before and stores it. With
//           `cluster` two blocks share the weights of a column of tiles.
//   Sparse  sm_90a, weights in strips of slabs. y^T = w x^T: a consumer multiplies one
//           strip by the tokens of a tile, stage by stage where one of the strips of
//           the block has a unit.
//   Mma     sm_80 and up. mma.sync from tiles that cp.async brings.
//   SparseMma  sm_80 and up, weights of squares (LinearKernelSpec::strips). A warp
//           multiplies a strip of 64 outputs by tileM tokens with mma.sync, loading
//           only the squares that are stored.
//   Simt    any types, sizes and strides; f32 multiply-adds. Slow.
//
//===----------------------------------------------------------------------===//

#ifndef ET_CONVERSION_ETTOGPU_LINEARKERNEL_H
#define ET_CONVERSION_ETTOGPU_LINEARKERNEL_H

#include "et/Conversion/ETToGPU/GPUKernel.h"
#include "et/Dialect/ET/IR/Strips.h"
#include "et/Target/NVIDIA/NVVMBuilder.h"

#include "mlir/IR/BuiltinTypes.h"

#include <functional>
#include <optional>
#include <string>

namespace mlir::et::gpu_kernels {

/// An operand that the epilogue reads besides the sums.
struct LinearExtra {
  enum Kind {
    /// [M, N] with a row stride: a residual.
    Matrix,
    /// [N]: one value per output.
    Columns,
    /// [M]: one value per row, without gaps.
    Rows,
    /// One value.
    Scalar
  };
  Kind kind = Matrix;
  /// f16, bf16 or f32.
  Type elementType;
  /// Whether the start and the row stride are even numbers of elements, aligned to a pair.
  bool pairAligned = true;
  /// A weight, which no kernel writes: it is loaded before the kernels in front have finished. Columns only.
  bool constant = false;
  /// Whether they are multiples of 16 bytes.
  bool vectorAligned = false;
};

/// Two neighbouring values of an extra as they were loaded: one packed register, or two f32; empty when they were not.
using LinearExtraPair = SmallVector<Value, 2>;

/// What an epilogue gets for two neighbouring sums of a row.
struct LinearEpilogueArgs {
  /// The finished sums including the bias, f32.
  Value lo, hi;
  /// Row and columns (i32), always inside of y: threads whose sums lie outside are given the position of some other
  /// element, and their result is not stored.
  Value row, col;
  /// Null: the column of `hi` is col + 1, and col is even.
  Value colHi;
  /// Pointer (!llvm.ptr<1>) of each extra, and its row stride (i32; null without rows).
  ArrayRef<Value> extras, extraStrides;
  ArrayRef<LinearExtra> extraSpecs;
  /// Of each extra with one value per row that value as f32, and of others what was loaded ahead; both may be empty.
  ArrayRef<Value> rowExtras = {};
  ArrayRef<LinearExtraPair> loaded = {};
  /// With LinearKernelSpec::rowStats, the statistics of the row, f32; the mean is null when there is none.
  Value rowScale = {}, rowMean = {};
};

/// Emits the code between the sums and the store; returns the two f32 to store. It is called for every pair of a
/// thread's tile, so it should be straight-line code.
using LinearEpilogueFn = std::function<std::pair<Value, Value>(nvidia::NVVMBuilder &, const LinearEpilogueArgs &)>;

/// Loads the values of extra \p index that belong to \p args, as f32.
std::pair<Value, Value> loadLinearExtra(nvidia::NVVMBuilder &b, const LinearEpilogueArgs &args, unsigned index);

/// Statistics of the rows of x.
struct LinearRowStats {
  /// Of a layer norm: the mean, and 1 / sqrt(variance + eps). Else of an RMS norm: 1 / sqrt(mean square + eps) alone.
  bool centred = true;
  float eps = 0;
  /// Elements of a chunk; k is a multiple of it.
  int64_t chunkSize = 0;
};

/// Neighbours of y that share a chunk.
inline constexpr int64_t kLinearChunkSize = 32;

/// A weight of which only some tiles are stored.
struct LinearStrips {
  StripsLayout layout;
  /// StripsPattern::tileColumns(): inputs that are stored together.
  int64_t tileColumns = 16;
};

/// Everything that fixes what a linear kernel computes.
struct LinearKernelSpec {
  /// Outputs and inputs; both at least 1.
  int64_t n = 0, k = 0;
  /// f16, bf16 or f32.
  Type xType, wType, yType;
  /// Element type of the bias, or null if there is none.
  Type biasType;
  /// Distance between rows in elements: 0 for contiguous rows, ShapedType::kDynamic to take it from s1 and s2.
  int64_t xStride = 0, yStride = 0;
  /// Whether the start and the row stride of x, or y, are known to be multiples of 16 bytes. Contiguous rows of k, or
  /// n, elements that are a multiple of 16 bytes are, when the start is.
  bool xAligned = true, yAligned = true;
  /// Whether the bias starts at a multiple of 16 bytes.
  bool biasAligned = true;
  SmallVector<LinearExtra> extras;
  std::optional<LinearRowStats> rowStats;
  /// Whether the kernel stores chunks of y; n is a multiple of kLinearChunkSize.
  bool yChunks = false;
  /// Whether the epilogue is owed the sums as they are, not rounded to the type of y.
  bool exactSums = false;
  /// How the weight is stored, when it is sparse; operand 1 is then that storage.
  std::optional<LinearStrips> strips;
  /// Null stores the sums as they are.
  LinearEpilogueFn epilogue;

  unsigned biasOperand() const { return 2; }
  unsigned xChunksOperand() const { return 2 + (biasType ? 1 : 0); }
  unsigned extraOperand(unsigned index) const { return xChunksOperand() + (rowStats ? 1 : 0) + index; }
  unsigned outputOperand() const { return extraOperand(extras.size()); }
  unsigned rowScaleOperand() const { return outputOperand() + 1; }
  unsigned rowMeanOperand() const { return outputOperand() + 2; }
  unsigned yChunksOperand() const { return outputOperand() + (rowStats ? rowStats->centred ? 3 : 2 : 1); }
};

/// How it is computed.
struct LinearSchedule {
  enum Kind { Wgmma, Mma, Simt, Overlap, Sparse, SparseMma };
  Kind kind = Simt;
  /// Rows and outputs of a block's tile, and inputs of one stage of the ring. Sparse: outputs are those of the strips
  /// that a block takes, one for each consumer. SparseMma: one for each warp, or each splitK warps; stages have 64, 128
  /// or 256 inputs, all others of tensor cores 64.
  int64_t tileM = 0, tileN = 0, tileK = 0;
  int64_t stages = 0;
  /// Blocks of a cluster that share K (Wgmma), or warps of a block that do (SparseMma).
  int64_t splitK = 1;
  /// As many blocks as multiprocessors, each taking many tiles, instead of one block per tile (Wgmma, Sparse and
  /// SparseMma).
  bool persistent = false;
  /// Keeps other blocks off the multiprocessor by asking for more than half of its shared memory (Wgmma and Sparse).
  /// With no more blocks than multiprocessors, two blocks of a kernel that starts early would share one while others
  /// idle.
  bool exclusive = false;
  /// Blocks of a cluster that take neighbouring tiles of rows and share what they load of w: 1 or 2 (Overlap); or that
  /// have the same rows and share what they load of x: 1, 2 or 4 (SparseMma).
  int64_t cluster = 1;
  /// Hands the sums over as f32. Otherwise they are rounded to the type of y behind the bias, which is exact where
  /// there is no epilogue, and what a layer of its own would do where there is one (Overlap only).
  bool exactSums = false;
};

/// The name of \p kind in schedules and remarks.
StringRef getLinearKindName(LinearSchedule::Kind kind);
inline constexpr LinearSchedule::Kind kLinearKinds[] = {LinearSchedule::Wgmma,  LinearSchedule::Mma,
                                                        LinearSchedule::Simt,   LinearSchedule::Overlap,
                                                        LinearSchedule::Sparse, LinearSchedule::SparseMma};

/// Chooses a schedule for about \p rows rows by a cost model; any number of rows is computed right with it. Measured
/// schedules come before it: see TunedSchedules.h.
LinearSchedule chooseLinearSchedule(const LinearKernelSpec &spec, const nvidia::SM &sm, int64_t rows);

/// What the cost model makes of \p schedule, which must verify, for \p rows rows. Numbers compare schedules of one
/// spec.
double estimateLinearCycles(const LinearKernelSpec &spec, const LinearSchedule &schedule, const nvidia::SM &sm,
                            int64_t rows);

/// Returns why \p spec cannot be built with \p schedule on \p sm, and what to do, or nullopt if it can.
std::optional<std::string> verifyLinearKernel(const LinearKernelSpec &spec, const LinearSchedule &schedule,
                                              const nvidia::SM &sm);

/// Whether kernels of \p schedule take LinearKernelSpec::rowStats. Where they do not, a kernel in front of them has to,
/// and they get the statistics as extras with one value per row.
bool takesRowStats(const LinearSchedule &schedule);

/// Whether kernels of \p spec with \p schedule store LinearKernelSpec::yChunks. Where they do not, a kernel behind them
/// has to.
bool storesChunks(const LinearKernelSpec &spec, const LinearSchedule &schedule);

/// Dynamic shared memory of a block in bytes.
int64_t getLinearSharedBytes(const LinearKernelSpec &spec, const LinearSchedule &schedule);

/// Emits the kernel at the insertion point of \p builder, in a gpu.module. Requires !verifyLinearKernel().
BuiltKernel buildLinearKernel(OpBuilder &builder, Location loc, StringRef name, const LinearKernelSpec &spec,
                              const LinearSchedule &schedule, const nvidia::SM &sm);

/// Returns a short name of \p schedule for reports and remarks, for example "wgmma 128x256x64 stages 4 persistent".
std::string stringifyLinearSchedule(const LinearSchedule &schedule);

} // namespace mlir::et::gpu_kernels

#endif // ET_CONVERSION_ETTOGPU_LINEARKERNEL_H
