//===- LinearEmitter.h - What the linear kernels have in common -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Parameters, bias, epilogue and the store of pairs. A schedule derives from it,
// declares its parameters, and calls store() with the sums it has.
//
//===----------------------------------------------------------------------===//

#ifndef ET_LIB_CONVERSION_ETTOGPU_KERNELS_LINEAREMITTER_H
#define ET_LIB_CONVERSION_ETTOGPU_KERNELS_LINEAREMITTER_H

#include "et/Conversion/ETToGPU/LinearKernel.h"

#include <array>

namespace mlir::et::gpu_kernels {

/// Symbols of the launch, see LinearKernel.h.
enum LinearSymbol : unsigned { kSymbolRows = 0, kSymbolXStride = 1, kSymbolYStride = 2, kSymbolExtraStride = 3 };

/// The bias of two neighbouring outputs: one packed register, or two f32; empty for none.
using BiasPair = SmallVector<Value, 2>;

/// ceil(a / b) of positive numbers.
inline int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// A row of y and what the epilogue wants to know of it.
struct LinearRow {
  /// Its number, inside of y.
  Value index;
  /// The values of extras with one value per row, f32; null for the others.
  SmallVector<Value, 4> extras;
  /// This lane's chunks of the row of x: mean, sum of squared differences, and whether they exist (i1; null when they
  /// always do).
  SmallVector<Value> chunkMeans, chunkSquares, chunkExists;
  /// Statistics of the row of x.
  Value scale, mean;
};

/// What a lane's part of accumulator fragments needs from memory: rows l/4 and l/4 + 8, and of each of them, group of
/// eight columns by group, the pairs of every extra.
struct FragmentInputs {
  std::array<LinearRow, 2> rows;
  std::array<SmallVector<SmallVector<LinearExtraPair>>, 2> extras;
};

class LinearEmitter {
protected:
  LinearEmitter(OpBuilder &builder, Location loc, const LinearKernelSpec &spec, const LinearSchedule &schedule,
                const nvidia::SM &sm)
      : b(builder, loc, sm), spec(spec), schedule(schedule) {}

  //===--------------------------------------------------------------------===//
  // Parameters: declared in order, then the kernel is created, then they are taken in the same order
  //===--------------------------------------------------------------------===//

  LaunchExpr symbol(unsigned index) { return getAffineSymbolExpr(index, b.getContext()); }
  LaunchExpr constant(int64_t value) { return getAffineConstantExpr(value, b.getContext()); }
  /// Row stride of x or y at launch.
  LaunchExpr xStrideExpr();
  LaunchExpr yStrideExpr();
  void declareMap(TensorMapSpec map);
  void declarePointer(unsigned operand);
  void declareI32(LaunchExpr value);
  /// Bias, extras, rows and their strides; y too unless a tensor map stores it.
  void declareCommon(bool yByPointer);
  void createKernel(StringRef name, int64_t threads, int64_t minBlocks);
  Value takeParameter() { return kernel.function.getArgument(nextParameter++); }
  void takeCommon(bool yByPointer);

  //===--------------------------------------------------------------------===//
  // Tiles of a persistent kernel
  //===--------------------------------------------------------------------===//

  /// Which tile of rows and which of \p tilesN tiles of outputs number \p tile is: groups of \p span tiles of rows, so
  /// that their part of x stays in L2, each walked output tile by output tile; of two groups one forwards and the other
  /// backwards if \p backAndForth, the last one forwards. \p tilesM tiles of rows there are.
  std::pair<Value, Value> walkTiles(Value tile, Value tilesM, int64_t tilesN, int64_t span, bool backAndForth = false);
  /// A span for walkTiles(): tiles of \p rows rows of \p inputs inputs of x that L2 holds beside everything else.
  static int64_t getCachedTiles(int64_t inputs, int64_t rows);

  //===--------------------------------------------------------------------===//
  // Results
  //===--------------------------------------------------------------------===//

  /// Loads the bias of columns \p col, which is even, and col + 1, both inside of y.
  BiasPair loadBias(Value col);
  /// Bias of column \p col alone, f32.
  Value loadBiasElement(Value col);
  /// Row \p index, inside of y, with its values of extras loaded. With rowStats, the chunks of the row of x are loaded
  /// too, by the four lanes of a quad, which have the same row, a quarter each; finishRow() makes statistics of them.
  LinearRow loadRow(Value index);
  void loadChunks(LinearRow &row);
  /// Once for each row, before finish(), by all lanes of the warp. Where \p stores (i1) holds, the statistics are
  /// stored.
  void finishRow(LinearRow &row, Value stores);
  /// Mean of \p size values, and the sum of their squared differences from it.
  struct Chunk {
    Value mean, squares;
    int64_t size = 0;
  };
  /// Of what \p lanes neighbouring lanes have, by all of them: \p pairs are those of this lane.
  Chunk computeChunk(ArrayRef<std::pair<Value, Value>> pairs, int64_t lanes);
  /// Of the values of two chunks of one size.
  Chunk joinChunks(const Chunk &one, const Chunk &other);
  /// As vector<2xf32>.
  Value packChunk(const Chunk &chunk);
  /// Stores a chunk of kLinearChunkSize values at column \p col of row \p row.
  void storeChunk(const Chunk &chunk, Value row, Value col);
  /// Stores the chunk of y at column \p col of row \p row, by all lanes of the warp: \p pairs are what this lane has of
  /// it and stores, and \p lanes neighbouring lanes have as many. Nothing is stored where \p inside (i1) is false.
  void storeChunk(ArrayRef<std::pair<Value, Value>> pairs, int64_t lanes, Value row, Value col, Value inside);
  /// Adds the bias and runs the epilogue. \p loaded holds the extras' pairs, where they were loaded ahead.
  std::pair<Value, Value> finish(Value lo, Value hi, const BiasPair &bias, const LinearRow &row, Value col,
                                 Value colHi = {}, ArrayRef<LinearExtraPair> loaded = {});
  /// Stores neighbours at even \p col.
  void storePair(Value lo, Value hi, Value row, Value col);
  /// Pointer to element (\p row, \p col) of a matrix with row stride \p stride.
  Value elementPointer(Value base, Value row, Value stride, Value col, Type elt);
  /// \p row and \p col of a thread, moved inside of y.
  Value clampRow(Value row) { return b.min(row, lastRow); }
  Value clampColumn(Value col) { return spec.n % schedule.tileN ? b.min(col, b.i32(spec.n - 2)) : col; }

  /// Stores the pairs of accumulator fragments (four f32 for eight columns each, see NVVMBuilder.h) whose first row is
  /// \p row and first column \p col: the caller adds nothing for the lane. \p biases is loadFragmentBias() of them.
  /// \p inputs is loadFragmentInputs() of them, or null to load what it holds here.
  void storeFragments(ValueRange acc, ArrayRef<BiasPair> biases, Value row, Value col,
                      const FragmentInputs *inputs = nullptr);
  /// The rows of this lane, whose first is \p row, with what is there once per row.
  FragmentInputs loadFragmentRows(Value row);
  /// Loads the pairs of \p groups groups from \p col on, so that they arrive while something else is done. \p constants
  /// is loadFragmentConstants() of them, or empty.
  void loadFragmentPairs(FragmentInputs &inputs, int64_t groups, Value col,
                         ArrayRef<SmallVector<LinearExtraPair>> constants = {});
  /// Registers that the pairs of all extras take, for \p pairs pairs of columns of \p rowsOfPairs rows.
  int64_t countPairRegisters(int64_t pairs, int64_t rowsOfPairs);
  /// The pairs of constant extras at \p col; may stand before the wait for the kernels in front.
  SmallVector<LinearExtraPair> loadConstantPairs(Value col);
  /// The pair of each extra at \p row and \p col, but for those that \p known has.
  SmallVector<LinearExtraPair> loadPairs(Value row, Value col, SmallVector<LinearExtraPair> known);
  /// loadConstantPairs() of groups of eight columns.
  SmallVector<SmallVector<LinearExtraPair>> loadFragmentConstants(int64_t groups, Value col);
  /// finishRow() of both rows, whose first is \p row; statistics are stored where \p isFirstColumn (i1).
  void finishFragmentInputs(FragmentInputs &inputs, Value row, Value isFirstColumn);
  /// Loads the bias of \p groups groups of eight columns from \p col on that belongs to this lane. Called early: it
  /// takes a round trip to memory.
  SmallVector<BiasPair> loadFragmentBias(int64_t groups, Value col);
  /// Column of this lane in the group of eight that starts at \p col.
  Value laneColumn(Value col) { return b.add(col, b.shl(b.band(b.laneId(), 3), 1)); }

  nvidia::NVVMBuilder b;
  const LinearKernelSpec &spec;
  const LinearSchedule &schedule;
  BuiltKernel kernel;

  /// M and M - 1.
  Value rows, lastRow;
  Value bias, y, yStride;
  /// Where the statistics of rows come from and go.
  Value xChunks, scales, means, yChunks;
  SmallVector<Value> extras, extraStrides;

private:
  SmallVector<Type> parameterTypes;
  unsigned nextParameter = 0;
};

/// The schedules. Each requires !verifyLinearKernel().
BuiltKernel buildWgmmaLinear(OpBuilder &builder, Location loc, StringRef name, const LinearKernelSpec &spec,
                             const LinearSchedule &schedule, const nvidia::SM &sm);
BuiltKernel buildOverlapLinear(OpBuilder &builder, Location loc, StringRef name, const LinearKernelSpec &spec,
                               const LinearSchedule &schedule, const nvidia::SM &sm);
BuiltKernel buildMmaLinear(OpBuilder &builder, Location loc, StringRef name, const LinearKernelSpec &spec,
                           const LinearSchedule &schedule, const nvidia::SM &sm);
BuiltKernel buildSimtLinear(OpBuilder &builder, Location loc, StringRef name, const LinearKernelSpec &spec,
                            const LinearSchedule &schedule, const nvidia::SM &sm);

/// How a warp of a Wgmma schedule sends its 16 rows of y through shared memory by TMA.
struct StoreBoxes {
  /// Boxes that a warp has; 0 if it stores y itself.
  int64_t count = 0;
  /// Columns of a box: 64, 32 or 16.
  int64_t columns = 0;
  int64_t rowBytes() const { return columns * 2; }
  int64_t bytes() const { return 16 * rowBytes(); }
};
StoreBoxes getStoreBoxes(const LinearKernelSpec &spec, const LinearSchedule &schedule);

/// Shared memory of an Overlap schedule, in order: the ring, the sums of one tile, the biases of two tiles, barriers.
struct OverlapLayout {
  int64_t stageBytes = 0, sums = 0, bias = 0, biasBytes = 0, barriers = 0, total = 0;
};
OverlapLayout getOverlapLayout(const LinearKernelSpec &spec, const LinearSchedule &schedule);

} // namespace mlir::et::gpu_kernels

#endif // ET_LIB_CONVERSION_ETTOGPU_KERNELS_LINEAREMITTER_H
