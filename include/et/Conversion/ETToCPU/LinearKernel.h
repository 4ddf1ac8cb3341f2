//===- LinearKernel.h - Builder of dense and sparse linear CPU kernels -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Emits y[M, N] = epilogue(x[M, K] * w[N, K]^T + b[N]) as one function in
// upstream dialects. M is dynamic, N and K are static, and w has been packed
// with packLinearWeight() into panels of NR outputs. The function is SPMD:
// every thread of a team calls it with its number and takes its own share of
// the work.
//
//   func.func @name(%tid: index, %nth: index, %x: memref<?xKxT>,
//                   %w: memref<PxKxNRxT>, [%b: memref<NxT>], extras...,
//                   [%next: memref<...>], %y: memref<?xNxT>)
//
// How the work is laid out (rows of x top to bottom, panels of w left to
// right):
//
//   for each block of at most `mc` rows          x block stays in L2
//     for each block of at most `kc` of K        (one block unless K is large)
//       for each panel                           streamed once, prefetched
//         for each tile of at most `mr` rows     accumulators in registers
//
// With many rows each thread takes a range of rows; with few, a range of the
// (panel, tile) pairs, so that each byte of w is read by one thread.
//
// A sparse weight has been packed with packKeptColumns() and is bytes,
// memref<?xi8>: of each panel, the columns (input features) that are not zero in
// all of its outputs, and where they start. The kernel is the same but for the
// loop over k, which walks the kept columns; with few rows each thread takes
// (panel, tile) pairs of about as many kept columns. Which columns are kept is
// data, so that layers of one shape share a kernel. Any pattern of zeros can be
// said like this; it pays as far as the zeros of neighbouring outputs coincide.
//
// Requirements on the caller: the memory of y overlaps neither x nor an extra
// operand that the epilogue reads. For speed, w is aligned to 64 bytes and lies on
// huge pages: from small ones a weight that is not in cache costs a tenth.
//
//===----------------------------------------------------------------------===//

#ifndef ET_CONVERSION_ETTOCPU_LINEARKERNEL_H
#define ET_CONVERSION_ETTOCPU_LINEARKERNEL_H

#include "et/Conversion/ETToCPU/ISA.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"

#include <functional>
#include <vector>

namespace mlir::et::cpu {

/// Sizes of the loop nest of a linear kernel.
struct LinearTiling {
  /// Rows and outputs of one register tile. `nr` is a multiple of the number of
  /// f32 lanes of a vector.
  int64_t mr = 0, nr = 0;
  /// Elements of K that are accumulated before partial sums go through y; at
  /// least K where K is not blocked. Ignored unless y is f32.
  int64_t kc = 0;
  /// Rows of one row block.
  int64_t mc = 0;
};

/// Chooses a tiling for \p n outputs and \p k inputs. The packed layout depends
/// on it, so one weight has one tiling.
LinearTiling chooseLinearTiling(const ISA &isa, int64_t n, int64_t k);

/// Chooses a tiling for \p k inputs and a sparse weight of tiles of \p tileRows
/// outputs: panels as wide as possible that no tile straddles, and of one vector
/// where tiles are narrower or no whole number of vectors.
LinearTiling chooseSparseLinearTiling(const ISA &isa, int64_t k, int64_t tileRows);

/// What an epilogue gets for one vector of results.
struct LinearEpilogueArgs {
  /// The finished sums including the bias, vector<Lxf32>.
  Value acc;
  /// Row of y, and the column of y of the first lane.
  Value row, col;
  /// vector<Lxi1> that is true for the lanes inside of y, or null when all are.
  Value mask;
  /// The extra operands of the kernel.
  ValueRange extras;
};

/// Emits the code between the sum and the store; returns a vector<Lxf32>.
using LinearEpilogueFn = std::function<Value(OpBuilder &, Location, const LinearEpilogueArgs &)>;

/// What a row phase gets: rows [begin, end) of `y` are complete, and no other
/// thread reads or writes them until the kernel returns.
struct LinearRowPhaseArgs {
  Value begin, end;
  Value y;
  ValueRange extras;
};

/// Emits code that runs once per finished block of rows, e.g. a layer norm.
using LinearRowPhaseFn = std::function<void(OpBuilder &, Location, const LinearRowPhaseArgs &)>;

/// Emits a barrier of all threads that run the kernel.
using LinearBarrierFn = std::function<void(OpBuilder &, Location)>;

/// Everything that fixes a linear kernel.
struct LinearKernelSpec {
  /// Outputs and inputs; both at least 1.
  int64_t n = 0, k = 0;
  /// Element types in memory: f32, f16 or bf16. Arithmetic is f32. `wType` is
  /// the type of the packed weight, see packedLinearWeightType().
  Type xType, wType, yType;
  /// Element type of the bias, or null if there is none.
  Type biasType;
  /// Distance between rows of x and y in elements: 0 for contiguous rows,
  /// ShapedType::kDynamic to take it from the memref.
  int64_t xStride = 0, yStride = 0;
  LinearTiling tiling;
  /// The weight is the kept columns of panels.
  bool sparse = false;
  /// Types of further operands that are handed to the epilogue and row phase.
  SmallVector<Type> extraTypes;
  /// Type of the packed weight of the linear that runs after this one, of static
  /// shape and identity layout, or null. Each thread ends by prefetching the start
  /// of its share: without, the first panel of a kernel comes from memory unasked.
  MemRefType nextWeightType;
  /// Null stores the sums as they are.
  LinearEpilogueFn epilogue;
  /// Null for none.
  LinearRowPhaseFn rowPhase;
  /// Barrier used around the row phase; null means `omp.barrier`.
  LinearBarrierFn barrier;
};

/// Returns the type in which weights of type \p elt are packed: \p elt itself,
/// or f32 where \p isa has no conversion from \p elt.
Type packedLinearWeightType(const ISA &isa, Type elt);

/// Returns the memref types of the operands of the kernel.
MemRefType getLinearInputType(const LinearKernelSpec &spec);
MemRefType getLinearWeightType(const LinearKernelSpec &spec);
MemRefType getLinearBiasType(const LinearKernelSpec &spec);
MemRefType getLinearOutputType(const LinearKernelSpec &spec);

/// Emits the kernel at the insertion point of \p builder (in a module). An
/// empty x (M = 0) is allowed and does nothing. NaN and infinity propagate as
/// in a loop of multiply-adds; there is no fast math.
func::FuncOp buildLinearKernel(OpBuilder &builder, Location loc, StringRef name, const LinearKernelSpec &spec,
                               const ISA &isa);

/// Loads the vector of \p extra (memref<?xNxT> or memref<NxT>, unit innermost
/// stride) that belongs to \p args as vector<Lxf32>; masked lanes read as 0.
Value loadLinearExtra(OpBuilder &builder, Location loc, const LinearEpilogueArgs &args, Value extra, const ISA &isa);

/// Returns the number of bytes of a packed weight [\p n, \p k].
int64_t getPackedLinearWeightSize(const LinearTiling &tiling, int64_t n, int64_t k, Type packedType);

/// Packs the row-major weight \p src, [\p n, \p k] of type \p srcType, into
/// \p dst as [ceil(n / nr)][k][nr] of type \p packedType, filling missing
/// outputs with zeros. Types are f32, f16 or bf16; they are equal, or
/// \p packedType is f32. Uses up to \p threads threads where it pays.
void packLinearWeight(const void *src, Type srcType, const LinearTiling &tiling, int64_t n, int64_t k, void *dst,
                      Type packedType, unsigned threads = 1);

/// The columns of a weight [n, k] that have an element other than zero in a panel of outputs.
struct KeptColumns {
  /// Outputs of a panel.
  int64_t width = 0;
  /// Number of columns in front of each panel, and of all.
  std::vector<int32_t> starts;
  /// Panel by panel, ascending.
  std::vector<int32_t> columns;

  int64_t size() const { return columns.size(); }
};

/// Finds what \p src, a row-major weight [\p n, \p k] of type \p srcType (f32, f16 or bf16), keeps in panels of \p
/// width outputs. Zeros of either sign are zero; a NaN is not.
KeptColumns findKeptColumns(const void *src, Type srcType, int64_t n, int64_t k, int64_t width);

/// Packs \p kept of the row-major weight \p src into \p dst: `starts`, `columns` and, \p valuesOffset bytes from the
/// start, values as [kept][width] of type \p packedType, filling missing outputs with zeros. Types as for
/// packLinearWeight().
void packKeptColumns(const void *src, Type srcType, const KeptColumns &kept, int64_t n, int64_t k, void *dst,
                     Type packedType, int64_t valuesOffset);

} // namespace mlir::et::cpu

#endif // ET_CONVERSION_ETTOCPU_LINEARKERNEL_H
