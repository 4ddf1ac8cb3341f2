//===- LinearSparseEmitter.h - Emits tile-sparse linear kernels -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// LinearSparse.cpp has the pipeline and the products, LinearSparseResults.cpp what
// becomes of sums.
//
//===----------------------------------------------------------------------===//

#ifndef ET_LIB_CONVERSION_ETTOGPU_KERNELS_LINEARSPARSEEMITTER_H
#define ET_LIB_CONVERSION_ETTOGPU_KERNELS_LINEARSPARSEEMITTER_H

#include "LinearSparse.h"

namespace mlir::et::gpu_kernels::sparse {

/// Inputs of a block, and of a slab, and the bytes of a token in a block: the width of the swizzle.
inline constexpr int64_t kBlockK = StripsLayout::kBlockColumns, kSlabK = StripsLayout::kSlabColumns;
inline constexpr int64_t kRowBytes = kBlockK * 2;
inline constexpr int64_t kSlabBytes = StripsLayout::kStripRows * kSlabK * 2;
inline constexpr int64_t kSlabs = kBlockK / kSlabK;
/// Registers of a producer's and a consumer's thread with two consumer warpgroups: together no more than 168 for each
/// thread, which is what a block starts with.
inline constexpr int64_t kProducerRegisters = 72, kConsumerRegisters = 216;
static_assert(kProducerRegisters + 2 * kConsumerRegisters <= 3 * 168);
/// Registers for what the epilogue reads, loaded before the products.
inline constexpr int64_t kAheadRegisters = 64;

class SparseEmitter : public LinearEmitter {
public:
  SparseEmitter(OpBuilder &builder, Location loc, const LinearKernelSpec &spec, const LinearSchedule &schedule,
                const nvidia::SM &sm)
      : LinearEmitter(builder, loc, spec, schedule, sm), strips(spec.strips->layout), tokens(schedule.tileM),
        consumers(schedule.tileN / StripsLayout::kStripRows), stages(schedule.stages),
        layout(getSparseLayout(spec, schedule)) {}

  BuiltKernel build(StringRef name);

private:
  /// A position in the ring: stage and parity, i32.
  struct Slot {
    Value stage, parity;
  };
  /// What a tile has to multiply: for each consumer the next unit of its strip, and in each lane the mask of one block,
  /// for each 32 blocks that are loaded ahead.
  struct Lists {
    SmallVector<Value> units, masks;
    SmallVector<Value> flatten() const {
      SmallVector<Value> values(units);
      values.append(masks);
      return values;
    }
  };
  Slot advance(Slot slot);
  Value full(Value stage) { return b.offset(barriers, b.mul(stage, 8)); }
  Value empty(Value stage) { return b.offset(barriers, b.add(b.mul(stage, 8), 8 * stages)); }
  Value stageStart(Value stage) { return b.offset(shared, b.mul(stage, layout.stageBytes)); }
  /// The notes of a stage: how many stages its tile has, and the mask of each consumer.
  Value note(Value stage, int64_t word) { return b.offset(notes, b.add(b.mul(stage, 16), 4 * word)); }

  /// Group of strips and first token of a tile; \p tile is its number in a persistent kernel.
  std::pair<Value, Value> getTile(Value tile);
  /// The place of the strip of consumer \p c of group \p group, some other one where there is none, and whether there
  /// is one; null if there always is.
  std::pair<Value, Value> getPlace(Value group, Value c);

  //===--- producer ---===//
  /// Of each consumer the mask of block \p firstBlock plus the lane; 0 where there is none.
  SmallVector<Value> loadMasks(Value group, Value firstBlock);
  Lists loadLists(Value group);
  Lists takeLists(ValueRange values);
  /// Which of 32 blocks some consumer has a unit of, from \p start (i32, 0 to 32) on if there is one.
  Value getBlocks(ArrayRef<Value> masks, Value start = {});
  /// By all lanes: requests the slabs of block \p lane of \p masks, and announces them and x. Moves \p units.
  void requestSlabs(Value stage, Value count, Value lane, ArrayRef<Value> masks, SmallVectorImpl<Value> &units);
  void requestX(Value stage, Value block, Value firstToken);
  Value countStages(const Lists &lists, Value group);
  void emitProducer();

  //===--- consumers ---===//
  SmallVector<Value> multiply(Value slabs, Value x, Value mask, ValueRange acc);
  SmallVector<Value> emitMainLoop(Slot &slot, Value consumer);
  /// Whether the epilogue is the same wherever a row of y is: it runs on sums as they are.
  bool ignoresRows() const {
    return !spec.rowStats && !spec.yChunks && llvm::all_of(spec.extras, [](const LinearExtra &extra) {
      return extra.kind == LinearExtra::Columns || extra.kind == LinearExtra::Scalar;
    });
  }
  /// Finishes the sums of 16 tokens, step \p t of a tile, as pairs for stmatrix.
  using FinishStep = llvm::function_ref<SmallVector<Value>(int64_t t)>;
  /// Stores what \p finish makes of each step by boxes. \p place is that of this lane's row in a step.
  void storeBoxes(FinishStep finish, Value place, bool transpose, Value strip, Value firstToken, Value consumer);
  /// The first of a warp's 16 outputs.
  Value warpColumn(Value strip);
  /// What the epilogue of step \p t reads of its rows, and of their pairs at the outputs of this warp.
  FragmentInputs loadStep(int64_t t, Value strip, Value firstToken);
  /// Makes statistics of the rows, unless that was done.
  void finishStats(FragmentInputs &inputs, int64_t t, Value strip, Value firstToken);
  /// loadStep() and finishStats() of the first steps, as many as kAheadRegisters allow: while the first stages are
  /// filled.
  std::vector<FragmentInputs> loadAhead(Value strip, Value firstToken);
  void storeColumns(ValueRange acc, Value strip, Value firstToken, Value consumer);
  /// \p steps is loadAhead().
  void storeTile(ValueRange acc, Value strip, Value firstToken, Value consumer, std::vector<FragmentInputs> steps);
  /// Where warp \p warp of the consumer puts its chunk of 16 outputs of token \p token of the tile.
  Value chunkPlace(Value consumer, Value warp, Value token);
  /// Joins the chunks of two warps each and stores them.
  void storeChunks(Value strip, Value firstToken, Value consumer);
  void emitConsumer(Value consumer);

  /// How many times 32 blocks are loaded ahead, and how many there are.
  int64_t numAhead() const { return std::min<int64_t>(2, numChunks()); }
  int64_t numChunks() const { return ceilDiv(strips.numBlocks(), nvidia::kWarpSize); }
  int64_t numGroups() const { return ceilDiv(strips.numStrips(), consumers); }

  const StripsLayout &strips;
  int64_t tokens, consumers, stages;
  SparseLayout layout;
  Value xMap, yMap, weight;
  Value shared, notes, barriers, thread, elected;
  /// Tiles of tokens, and of all, of a persistent kernel, i32.
  Value tilesM, tiles;
};

} // namespace mlir::et::gpu_kernels::sparse

#endif // ET_LIB_CONVERSION_ETTOGPU_KERNELS_LINEARSPARSEEMITTER_H
