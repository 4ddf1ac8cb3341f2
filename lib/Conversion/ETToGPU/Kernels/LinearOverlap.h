//===- LinearOverlap.h - Linear kernels that hide their epilogue -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   producer (one thread)          consumer warpgroups 0, 1           epilogue warpgroup
//   ---------------------          ------------------------           ------------------
//   for each tile                  for each tile                      for each tile but the last
//     for each block of K            for each block of K                request bias, residual
//       wait empty[stage]              wait full[stage]                 for each half
//       request x, w, bias             wgmma                              wait for its sums
//                                      release the stage before           epilogue, store
//                                    wait until their half is free        free the half
//                                    drop the sums
//                                  epilogue of the last tile
//
// Why: GELU on a tile of 128 x 256 takes a third of the time of its product with 768
// inputs, and a residual waits for memory. Consumers would need twice the registers to
// overlap that with their next product, so the sums go through shared memory. One tile
// of them fits beside three stages as halves, or 128 x 192 of them as f32.
//
// The sums of row r lie as pieces of eight columns, piece u at (u ^ r % 8) * 16, so that
// neither fragments nor rows collide in banks. As f32 there are two such planes: columns
// 0-3 of all pieces, then columns 4-7.
//
// With a cluster of two, both blocks take the same outputs of neighbouring row tiles, and
// each brings half of w for both.
//
//===----------------------------------------------------------------------===//

#ifndef ET_LIB_CONVERSION_ETTOGPU_KERNELS_LINEAROVERLAP_H
#define ET_LIB_CONVERSION_ETTOGPU_KERNELS_LINEAROVERLAP_H

#include "LinearEmitter.h"

namespace mlir::et::gpu_kernels::overlap {

/// Rows of a wgmma, inputs of one, and inputs of a block of K: 128 bytes, the width of the swizzle.
inline constexpr int64_t kInstM = 64, kInstK = 16, kBlockK = 64;
inline constexpr int64_t kRowBytes = 128;
inline constexpr int64_t kConsumers = 2, kTileM = kConsumers * kInstM;
/// Columns of 16 bytes of f16, the unit in which the epilogue reads and stores, and rows of a warp.
inline constexpr int64_t kPiece = 8, kWarpM = 16;
/// Pieces that a thread of the epilogue works on at once: as many as its registers allow, so that they hide latency.
inline constexpr int64_t kPiecesInFlight = 4;
/// Registers for what belongs to the columns of a tile. L1 would not keep it: what the kernel stores passes through.
inline constexpr int64_t kColumnRegisters = 48;
/// Row tiles that are walked together, so that their weights stay in L2.
inline constexpr int64_t kGroup = 8;
/// Registers of a thread of each role; 128 * (2 * 168 + 136 + 40) = 65536.
inline constexpr int64_t kConsumerRegisters = 168, kEpilogueRegisters = 136, kProducerRegisters = 40;
/// Named barriers: sums of consumer c are there, and have been read.
inline constexpr int64_t kSumsThere = 1, kSumsRead = kSumsThere + kConsumers, kSumsShared = kSumsRead + kConsumers;
/// Consumer c and the epilogue meet at the first two, the warps of consumer c at the last.
inline constexpr int64_t kMeeting = 2 * nvidia::kWarpgroupSize;

class OverlapEmitter : public LinearEmitter {
public:
  OverlapEmitter(OpBuilder &builder, Location loc, const LinearKernelSpec &spec, const LinearSchedule &schedule,
                 const nvidia::SM &sm)
      : LinearEmitter(builder, loc, spec, schedule, sm), tileN(schedule.tileN), stages(schedule.stages),
        blocksK(ceilDiv(spec.k, kBlockK)), cluster(schedule.cluster), layout(getOverlapLayout(spec, schedule)),
        planeBytes(tileN * 2), rowBytes(planeBytes * (schedule.exactSums ? 2 : 1)) {}

  BuiltKernel build(StringRef name);

private:
  /// A position in the ring: stage and parity, i32.
  struct Slot {
    Value stage, parity;
  };
  Slot advance(Slot slot);
  Value full(Value stage) { return b.offset(shared, b.add(b.mul(stage, 8), layout.barriers)); }
  Value empty(Value stage) { return b.offset(shared, b.add(b.mul(stage, 8), layout.barriers + 8 * stages)); }
  Value stageStart(Value stage) { return b.offset(shared, b.mul(stage, layout.stageBytes)); }
  Value biasStart(Value flip) { return b.offset(shared, b.add(b.mul(flip, layout.biasBytes), layout.bias)); }

  /// First row and output of tile number \p tile, for this block of its cluster.
  std::pair<Value, Value> getTile(Value tile);
  /// Runs \p body for each tile of this block with its number, first row and output.
  using TileBody = llvm::function_ref<SmallVector<Value>(Value tile, Value m, Value n, ValueRange carried)>;
  void forEachTile(ValueRange init, TileBody body);

  void loadX(Value stage, Value block, Value m);
  void loadW(Value stage, Value block, Value n);
  void emitStart();
  void emitProducer();

  SmallVector<Value> emitMainLoop(Slot &slot, Value consumer, Value thread);
  void dropSums(ValueRange acc, Value consumer, Value thread, Value bias);
  void emitConsumer(Value consumer, Value thread);

  /// Eight neighbouring values, as one or two vectors of 16 bytes taken apart.
  using Piece = SmallVector<Value, 8>;
  Piece loadPiece(Value pointer, Type elt, bool invariant);
  /// Two neighbours of them: a packed register, or two f32.
  static SmallVector<Value, 2> getPair(const Piece &piece, Type elt, int64_t pair);
  /// What belongs to rows is asked for an iteration ahead: values of a piece, or the one of its row.
  bool isAhead(const LinearExtra &extra) {
    return extra.kind == LinearExtra::Rows || (extra.kind == LinearExtra::Matrix && extra.vectorAligned);
  }
  static int64_t getAheadCount(const LinearExtra &extra) {
    return extra.kind == LinearExtra::Rows ? 1 : extra.elementType.isF32() ? 8 : 4;
  }
  /// Rows of the pieces of iteration \p iteration of a tile, relative to the tile.
  SmallVector<Value> getRows(Value iteration);
  SmallVector<Value> loadAhead(Value m, Value iteration);
  void finishPieces(Value m, Value iteration, ValueRange ahead, bool waits);
  /// What does not change from tile to tile for a thread that runs the epilogue, and what does.
  void preparePieces(Value thread);
  void prepareColumns(Value n);
  /// Runs the epilogue on iterations \p begin to \p end of a tile. \p ahead are those of the first; with \p waits,
  /// it waits for consumers and tells them.
  void finishTile(Value m, Value begin, Value end, ValueRange ahead, bool waits);
  void emitEpilogue(Value thread);

  int64_t tileN, stages, blocksK, cluster;
  OverlapLayout layout;
  int64_t planeBytes, rowBytes;
  /// Stages that are requested before the loop.
  int64_t early = 0;
  Value xMap, wMap, biasMap;
  Value shared, rank;
  /// Tiles of rows of a cluster, and of all; i32. What a cluster begins with, and its stride.
  Value tilesM, tiles, firstTile, tileStep;

  /// Of the epilogue. A warp takes `group` rows at once, which are `across` pieces for each lane, and `deep` such
  /// groups.
  int64_t group = 0, across = 0, deep = 0, perHalf = 0;
  Value warp;
  /// For each piece across: row within the group, piece within the row, and the column clamped into y, and whether it
  /// is.
  SmallVector<Value> groupRow, piece, firstColumn, column, isInside;
  /// The bias, where the epilogue adds it, and of each extra what belongs to columns, for each piece across; empty for
  /// all others. Kept for a tile where registers allow it.
  struct ColumnValues {
    Piece bias;
    SmallVector<Piece> extras;
  };
  ColumnValues loadColumns(int64_t a);
  bool keepsColumns();
  SmallVector<ColumnValues> columnValues;
};

} // namespace mlir::et::gpu_kernels::overlap

#endif // ET_LIB_CONVERSION_ETTOGPU_KERNELS_LINEAROVERLAP_H
