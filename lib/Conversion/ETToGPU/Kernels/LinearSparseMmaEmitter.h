//===- LinearSparseMmaEmitter.h - Emits linear kernels with squares -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// LinearSparseMma.cpp has the pipeline and the products, LinearSparseMmaResults.cpp
// what becomes of sums.
//
//===----------------------------------------------------------------------===//

#ifndef ET_LIB_CONVERSION_ETTOGPU_KERNELS_LINEARSPARSEMMAEMITTER_H
#define ET_LIB_CONVERSION_ETTOGPU_KERNELS_LINEARSPARSEMMAEMITTER_H

#include "LinearSparseMma.h"

namespace mlir::et::gpu_kernels::sparse_mma {

inline constexpr int64_t kBlockK = StripsLayout::kBlockColumns, kRowBytes = 128, kRing = SparseMmaLayout::kRing,
                         kSquareBytes = SparseMmaLayout::kSquareBytes, kRingBytes = SparseMmaLayout::kRingBytes;
/// Squares of 16 outputs in a strip, and of 16 inputs in a block of K.
inline constexpr int64_t kPanels = 4, kSlabs = 4;
/// Tokens of a fragment of the transposed sums, and of an mma.
inline constexpr int64_t kTokens = 16, kMmaTokens = 8;
/// Registers for what the epilogue of 16 tokens loads at once.
inline constexpr int64_t kAheadRegisters = 24;
/// Bytes of 16 tokens of a strip on their way out.
inline constexpr int64_t kBoxBytes = kTokens * kRowBytes;
/// Squares of a ring that two boxes stand in, its last: they are requested when the boxes have left.
inline constexpr int64_t kBoxSquares = 2 * kBoxBytes / kSquareBytes;
static_assert(kRing > kBoxSquares, "squares of the next tile come while boxes leave");

class SparseMmaEmitter : public LinearEmitter {
public:
  SparseMmaEmitter(OpBuilder &builder, Location loc, const LinearKernelSpec &spec, const LinearSchedule &schedule,
                   const nvidia::SM &sm)
      : LinearEmitter(builder, loc, spec, schedule, sm), storage(spec.strips->layout),
        layout(getSparseMmaLayout(spec, schedule)), tokens(schedule.tileM), stages(schedule.stages),
        splitK(schedule.splitK), cluster(schedule.cluster), sumsPerPanel(tokens / 2),
        groups(ceilDiv(storage.numStrips(), layout.strips)),
        ahead(std::min(stages - std::min(layout.lag(), stages - 1), layout.steps)) {}

  BuiltKernel build(StringRef name);

private:
  /// A position in the ring of x: stage and parity, i32.
  struct Slot {
    Value stage, parity;
  };
  /// What a warp has of the weight in a tile.
  struct Part {
    /// The place of its strip in the order, whether there is one (i1), and its number.
    Value strip, exists, number;
    /// This lane's bytes of its first square, and their number (i32).
    Value squares, count;
  };

  Slot advance(Slot slot);
  Value full(Value stage) { return b.offset(barriers, b.mul(stage, 8)); }
  Value empty(Value stage) { return b.offset(barriers, b.add(b.mul(stage, 8), 8 * stages)); }
  /// First token and first strip (its place in the order) of a tile; \p tile is its number in a persistent kernel.
  std::pair<Value, Value> getTile(Value tile);
  /// Runs \p body for each tile of this block; \p next is the number of the one behind it.
  using TileBody = llvm::function_ref<SmallVector<Value>(Value tile, Value next, ValueRange carried)>;
  void forEachTile(ValueRange init, TileBody body);
  /// A persistent block may have none.
  void ifHasTile(llvm::function_ref<void()> body);

  /// Copies the blocks of K of step \p step of x to \p slot, which this waits for.
  void requestX(Slot slot, Value step, Value m);
  /// The same for a thread of each warp that copies or, without TMA, all threads, when the stage is free.
  void copyX(Value stage, Value step, Value m);

  Part loadPart(Value tile);
  /// Which squares of 32 blocks of K from \p block on are stored, one block per lane; \p block counts from the warp's
  /// first. With \p isOwn none of other warps' blocks.
  Value loadMasks(const Part &part, Value block, bool isOwn);
  /// Where this lane's bytes of square \p place of the tile stand.
  Value ringPlace(Value place) { return b.offset(ring, b.mul(b.band(place, kRing - 1), kSquareBytes)); }
  /// Requests this lane's bytes of square \p place of \p part, if there is one.
  void requestSquare(const Part &part, Value place);
  /// Waits for square \p place, the earliest of as many as the ring has, and loads it.
  SmallVector<Value> loadSquare(Value place);
  void emitTiles();
  /// What the main loop moves on: the slots that are read and filled.
  struct State {
    Slot slot, fill;
  };
  /// Multiplies all blocks of K of the tile with tokens from \p m on; returns the sums. Requests x for the tile behind
  /// it, with tokens from \p nextM on, if \p hasNext (i1).
  SmallVector<Value> emitMainLoop(const Part &part, State &state, Value m, Value nextM, Value hasNext);
  /// Multiplies 16 inputs; \p bits says of which panels, and \p start is where this lane's row of x stands. \p carried:
  /// the sums, the square to multiply next, and its place; returns the same.
  SmallVector<Value> multiply(const Part &part, ValueRange carried, Value start, Value bits);
  /// The fragments of \p panels panels of a strip and 16 tokens, of sums of outputs by tokens.
  SmallVector<Value> transpose(ValueRange sums, int64_t panels);
  /// The sums of 16 tokens and all panels, in front of transpose().
  SmallVector<Value> takeTokens(ValueRange sums, int64_t at);
  void storeTile(ValueRange sums, const Part &part, Value m, ArrayRef<BiasPair> biases);
  /// Whether the epilogue is the same wherever a row of y is, and runs on the sums as they are.
  bool hasColumns() const {
    return hasBoxes && llvm::all_of(spec.extras, [](const LinearExtra &extra) {
             return extra.kind == LinearExtra::Columns || extra.kind == LinearExtra::Scalar;
           });
  }
  /// Of a lane's sums of outputs by tokens, the output of \p half of \p panel, inside of y.
  Value getSumColumn(Value col, int64_t panel, int64_t half) {
    return b.min(b.add(b.add(col, b.shr(lane, 2)), 16 * panel + 8 * half), b.i32(spec.n - 1));
  }
  /// Finish sums of 16 tokens, and pack them for stmatrix of one panel after the other: as they are, or transposed.
  SmallVector<Value> finishColumns(ValueRange sums, ArrayRef<BiasPair> biases, Value row, Value col);
  SmallVector<Value> finishRows(ValueRange sums, ArrayRef<BiasPair> biases, Value row, Value col);
  void storeBox(ArrayRef<Value> packed, Value row, Value col, Value box);
  /// What a warp finishes of sums that splitK warps share: panels and tokens, a unit for each 16 of both, are shared
  /// out.
  int64_t unitsOfWarp() const { return tokens / kTokens * kPanels / splitK; }
  int64_t panelsOfWarp() const { return std::min(unitsOfWarp(), kPanels); }
  Value firstUnit() { return b.mul(b.div(warp, layout.strips), unitsOfWarp()); }
  /// First output that this warp stores.
  Value getColumn(const Part &part);
  void reducePartialSums(ValueRange sums, const Part &part, Value m, ArrayRef<BiasPair> biases);

  const StripsLayout &storage;
  SparseMmaLayout layout;
  int64_t tokens, stages, splitK, cluster;
  /// f32 that a lane has of a panel.
  int64_t sumsPerPanel;
  /// How many times the block's strips are taken.
  int64_t groups;
  /// How many steps x is requested ahead.
  int64_t ahead;
  bool hasBoxes = false;
  Value x, xMap, yMap, w, xStride;
  /// `ring` is where this lane's bytes of the first square stand.
  Value shared, barriers, ring, lane, warp;
  /// First block of K of this warp, i32.
  Value firstBlock;
  /// Tiles of tokens, and tiles of the cluster in all, of a persistent kernel, i32.
  Value tilesM, tiles;
};

} // namespace mlir::et::gpu_kernels::sparse_mma

#endif // ET_LIB_CONVERSION_ETTOGPU_KERNELS_LINEARSPARSEMMAEMITTER_H
