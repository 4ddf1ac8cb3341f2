//===- AttentionEmitter.h - Inside of the attention kernels -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One class for all schedules, over several files:
//
//   AttentionKernel.cpp    arguments, tensor maps, from blocks to batch indices
//   AttentionRagged.cpp    from blocks to sequences of a ragged batch
//   AttentionScores.cpp    which keys a row attends, masks, softmax
//   AttentionWgmma.cpp     the products by wgmma; schedule Wgmma
//   AttentionPingPong.cpp  schedule WgmmaPingPong
//   AttentionMma.cpp       schedule Mma, and the second kernel of Partial
//   AttentionPartial.cpp   the first kernel of schedule Partial, scores in memory
//   AttentionSimt.cpp      schedule Simt
//
// A warp has 16 rows; a lane holds rows l/4 and l/4 + 8 of them, and of each group of
// eight keys (or columns of the output) 2*(l%4) and the one behind. Score 4*i + 2*r + j
// of a lane is row r, key 8*i + 2*(l%4) + j, with wgmma and mma.sync alike.
//
//===----------------------------------------------------------------------===//

#ifndef ET_LIB_CONVERSION_ETTOGPU_KERNELS_ATTENTIONEMITTER_H
#define ET_LIB_CONVERSION_ETTOGPU_KERNELS_ATTENTIONEMITTER_H

#include "et/Conversion/ETToGPU/AttentionKernel.h"
#include "et/Target/NVIDIA/NVVMBuilder.h"

#include "llvm/ADT/MapVector.h"

namespace mlir::et::gpu_kernels {

/// How a matrix whose rows are a head lies in shared memory: panels of `swizzle` bytes per row.
struct AttentionPanels {
  explicit AttentionPanels(int64_t headSize);
  int64_t headSize;
  /// Bytes of a row of a panel, and the swizzle of the tensor map.
  int64_t swizzle;
  /// Elements of a row of a panel.
  int64_t columns() const { return swizzle / 2; }
  int64_t count() const { return llvm::divideCeil(headSize, columns()); }
  int64_t bytes(int64_t rows) const { return count() * rows * swizzle; }
};

/// Bytes of shared memory by what they hold.
struct AttentionLayout {
  /// \p isScores: of the first kernel of the schedule Partial.
  AttentionLayout(const AttentionKernelSpec &spec, const AttentionSchedule &schedule, bool isScores = false);
  AttentionPanels k, v;
  /// Of a warpgroup's queries, which its part of the output replaces; of a block of keys; of a block of values.
  int64_t queryBytes = 0, keyBytes = 0, valueBytes = 0;
  int64_t queryAt = 0, outputAt = 0, keyAt = 0, valueAt = 0, barrierAt = 0, sequenceAt = 0, total = 0;
  /// What a block of a ragged batch remembers of its sequence.
  static constexpr int64_t kSequenceBytes = 32;
};

class AttentionEmitter : public nvidia::NVVMBuilder {
public:
  AttentionEmitter(OpBuilder &builder, Location loc, const nvidia::SM &sm, const AttentionKernelSpec &spec,
                   const AttentionSchedule &schedule, bool isScores = false)
      : NVVMBuilder(builder, loc, sm), spec(spec), schedule(schedule), isScores(isScores),
        layout(spec, schedule, isScores) {}

  BuiltKernel emitKernel(StringRef name);

private:
  /// Keys begin, begin + 1, ... end - 1; none if end <= begin.
  struct KeyRange {
    Value begin, end;
  };
  /// The rows of a lane.
  struct Rows {
    /// First of the `count` rows of the warpgroup, the same in all its lanes.
    Value first;
    int64_t count;
    /// Rows r = 0, 1 of the lane and the keys that structure and lengths leave them.
    std::array<Value, 2> row;
    std::array<KeyRange, 2> keys;
    /// First element of the mask of the row.
    std::array<Value, 2> mask;
  };
  /// Running maximum and sum of the rows of a lane; the sum is over the lane's own keys.
  struct Softmax {
    std::array<Value, 2> max, sum;
  };

  const AttentionKernelSpec &spec;
  const AttentionSchedule &schedule;
  /// Whether this is the first kernel of the schedule Partial.
  const bool isScores;
  const AttentionLayout layout;
  bool isPartial() const { return schedule.family == AttentionSchedule::Partial; }

  //===--------------------------------------------------------------------===//
  // Arguments (AttentionKernel.cpp)
  //===--------------------------------------------------------------------===//

  BuiltKernel kernel;
  SmallVector<Value> mapValues;
  llvm::MapVector<LaunchExpr, Value> integers;
  llvm::SmallDenseMap<unsigned, Value> pointers;
  /// Rows and keys in all, or those of the sequence at hand.
  Value sizeM, sizeN;
  /// Ragged batches: first row and key of the sequence at hand.
  Value firstQuery, firstKey;
  /// First column of the values that the block takes; null for all of them.
  Value firstColumn;
  /// Index of each batch dimension.
  SmallVector<Value> batch;
  /// The keys that lengths leave, see sequenceKeys().
  KeyRange sequence;
  Value thread, lane, warpgroup, warp;

  void createArguments(StringRef name);
  Value integer(LaunchExpr expr);
  LaunchExpr sizeExpr(unsigned dim) { return Builder::getAffineSymbolExpr(dim); }
  Value size(unsigned dim) { return integer(sizeExpr(dim)); }
  LaunchExpr stride(const AttentionOperand &operand, unsigned dim);
  TensorMapSpec tensorMap(unsigned number, const AttentionOperand &operand, unsigned rowDim, unsigned columnDim,
                          const AttentionPanels &panels, int64_t rows);
  /// Coordinates of \p operand's tensor map: \p column, \p row, then the batch dimensions that it has.
  SmallVector<Value> coordinates(const AttentionOperand &operand, int64_t column, Value row);
  /// Element of the batch (i64).
  Value batchOffset(const AttentionOperand &operand);
  /// \p index * stride along \p dim, i64.
  Value strided(const AttentionOperand &operand, unsigned dim, Value index);
  void setGrid();
  /// From the number of this block to batch indices and the number of its block of rows.
  Value decodeBlock();
  /// From the number of this block along x to that of its tile, and which columns of the values it takes.
  Value decodeSplit();
  /// Blocks for each batch index, along x.
  LaunchExpr blocksPerBatch();
  /// The same from the number of a tile, blocks of rows innermost.
  Value decodeTile(Value tile, Value rowBlocks);
  void decodeBatch(Value number, unsigned dims);

  //===--------------------------------------------------------------------===//
  // Ragged batches (AttentionRagged.cpp)
  //===--------------------------------------------------------------------===//

  /// Emits \p body, which gets the first row of the tile of this block, where the block has one. With offsets, all
  /// threads meet once before.
  void withTile(llvm::function_ref<void(Value)> body);
  /// Rows or keys of \p sequence as the offsets \p number say, of \p size in all.
  KeyRange sequenceRange(unsigned number, Value sequence, Value numSequences, Value size);
  /// Warp 0 writes to shared memory which sequence has tile number \p tile.
  void leaveSequence(Value tile);
  /// Clears values behind the sequence in a block of values that starts at key \p start.
  void clearTail(Value slot, Value start);
  /// Stores the first \p count rows of the tile that the warpgroup has written to \p staging.
  void storeTileRows(Value staging, Value firstRow, Value count);

  //===--------------------------------------------------------------------===//
  // Scores (AttentionScores.cpp)
  //===--------------------------------------------------------------------===//

  /// Whether the scale is applied inside the exponential, and thus only once per row.
  bool scaleInExponent() const;
  /// Below what any sum of products is, times the scale or not, and finite: the first maximum where the scale is in the
  /// exponential.
  double lowestScore() const;
  KeyRange sequenceKeys();
  /// The keys that some row of \p first .. \p first + \p count - 1 attends.
  KeyRange blockKeys(Value first, int64_t count);
  KeyRange rowKeys(Value row);
  /// The blocks of keys that a tile takes, the last one first. Between global keys and the window of the rows there may
  /// be blocks that no row attends: these are left out.
  struct Steps {
    Value begin, count;
    /// Keys left out, and the steps in front of them; null for none.
    Value gap, windowSteps;
  };
  /// Steps for \p keys of a tile that starts at row \p firstRow, at least \p least of them.
  Steps stepsOf(const KeyRange &keys, Value firstRow, int64_t least);
  /// First key of step \p step.
  Value startOf(const Steps &steps, Value step);
  Rows rowsOf(Value first, int64_t count);
  bool masksEveryStep() const;
  Value limitsNeeded(const Rows &rows, Value start, int64_t count);
  /// Applies scale, score, mask and limits to the scores of keys \p start on. Without \p mayLimit, the caller knows
  /// that structure and lengths exclude none of them.
  SmallVector<Value> finishScores(SmallVector<Value> scores, const Rows &rows, Value start, bool mayLimit);
  void applyScore(SmallVector<Value> &scores, const Rows &rows, Value start);
  void applyMask(SmallVector<Value> &scores, const Rows &rows, Value start);
  void applyLimits(SmallVector<Value> &scores, const Rows &rows, Value start);
  /// Replaces scores by exponentials and advances \p state, whose values are null before the first step. Returns the
  /// factors of what was summed before.
  std::array<Value, 2> softmax(SmallVector<Value> &scores, Softmax &state);
  /// Packed pairs of exponentials, four for each 16 keys: operand A of the second product.
  SmallVector<SmallVector<Value, 4>> packWeights(ArrayRef<Value> weights);
  /// 1 / sum, or 0 where there was nothing to attend.
  std::array<Value, 2> inverseSums(const Softmax &state);
  SmallVector<Value> scaleRows(ValueRange values, const std::array<Value, 2> &factors);

  //===--------------------------------------------------------------------===//
  // wgmma (AttentionWgmma.cpp, AttentionPingPong.cpp)
  //===--------------------------------------------------------------------===//

  Value shared;
  /// Which chunks of 16 bytes the tensor map of the output exchanges in \p row of a panel.
  Value swizzlePattern(Value row);
  int64_t valueColumns() const { return llvm::alignTo(layout.v.headSize, 8); }
  Value at(int64_t bytes) { return offset(shared, bytes); }
  /// Barrier \p index of the ring that starts at barrier \p first.
  Value barrier(int64_t first, Value index) { return offset(at(layout.barrierAt + 8 * first), shl(index, 3)); }
  Value barrier(int64_t index) { return at(layout.barrierAt + 8 * index); }
  void prefetchMaps();
  void loadQueries(Value first, Value full);
  void loadKeys(Value slot, Value start, Value full);
  void loadValues(Value slot, Value start, Value full);
  Value queryDescriptor(Value group);
  Value keyDescriptor();
  Value valueDescriptor();
  Value inSlot(Value descriptor, Value slot, int64_t slotBytes);
  SmallVector<Value> issueScores(Value queries, Value keys);
  SmallVector<Value> issueSum(ArrayRef<SmallVector<Value, 4>> weights, Value values, ValueRange sums, bool first);
  /// Writes the warpgroup's rows of the output to shared memory at \p staging and from there on.
  void storeTile(ValueRange sums, const Softmax &state, Value staging, Value firstRow, Value group);
  /// Loop-carried values: sums, softmax, then \p rest.
  SmallVector<Value> carry(ValueRange sums, const Softmax &state, ValueRange rest);
  std::pair<SmallVector<Value>, Softmax> uncarry(ValueRange values);
  void emitWgmma();
  /// \p hasWaited: all threads have waited for the kernels before this one.
  void emitWgmmaTile(Value firstRow, bool hasWaited);
  void emitPingPong();
  /// A tile of the schedule: its first row, and its keys.
  struct Tile {
    Value firstRow;
    Steps taken;
  };
  Tile tileOf(Value number, Value rowBlocks);
  /// The slot behind \p slot and the parity of its phase.
  SmallVector<Value> nextSlot(Value slot, Value parity);
  void emitProducer(Value tiles, Value rowBlocks);
  void emitConsumer(Value tiles, Value rowBlocks, Value group);

  //===--------------------------------------------------------------------===//
  // mma.sync (AttentionMma.cpp)
  //===--------------------------------------------------------------------===//

  /// Whether columns are contiguous and all other strides multiples of \p multiple.
  bool hasAlignedRows(const AttentionOperand &operand, unsigned columnDim, int64_t multiple);
  void copyRows(const AttentionOperand &operand, Value base, unsigned rowDim, unsigned columnDim, int64_t headSize,
                Value firstRow, Value numRows, int64_t count, Value to);
  SmallVector<Value> loadQueryFragment(int64_t column);
  SmallVector<Value> multiplyScores(ArrayRef<SmallVector<Value>> queries, Value keys);
  SmallVector<Value> multiplySums(ArrayRef<SmallVector<Value, 4>> weights, Value values, ValueRange sums);
  void storeRows(ValueRange sums, const Softmax &state, const Rows &rows);
  void emitMma();
  void emitMmaTile(Value firstRow);

  //===--------------------------------------------------------------------===//
  // Scores in memory (AttentionPartial.cpp)
  //===--------------------------------------------------------------------===//

  /// \p keys from the start of a block on, counted from key 0.
  KeyRange alignKeys(KeyRange keys);
  /// Where this lane's part of the scores of the warp's rows begins; the rows of the block are \p firstRow and on.
  Value scoreRows(Value firstRow);
  SmallVector<Value> loadScores(Value rows, Value start);
  void storeScores(ValueRange scores, Value rows, Value start);
  void emitScores();

  //===--------------------------------------------------------------------===//
  // No tensor cores (AttentionSimt.cpp)
  //===--------------------------------------------------------------------===//

  /// A row of a warp.
  struct SimtRow {
    Value index;
    KeyRange keys;
    /// First element of the mask of the row.
    Value mask;
  };
  Value finishScore(Value score, const SimtRow &row, Value key);
  void emitSimt();
  void emitSimtTile(Value firstRow);
};

} // namespace mlir::et::gpu_kernels

#endif // ET_LIB_CONVERSION_ETTOGPU_KERNELS_ATTENTIONEMITTER_H
