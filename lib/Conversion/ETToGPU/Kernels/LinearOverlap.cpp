//===- LinearOverlap.cpp - Linear kernels that hide their epilogue -*- C++ -*-===//
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

#include "LinearEmitter.h"

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::gpu_kernels;
using namespace mlir::et::nvidia;

namespace {
/// Rows of a wgmma, inputs of one, and inputs of a block of K: 128 bytes, the width of the swizzle.
constexpr int64_t kInstM = 64, kInstK = 16, kBlockK = 64;
constexpr int64_t kRowBytes = 128;
constexpr int64_t kConsumers = 2, kTileM = kConsumers * kInstM;
/// Columns of 16 bytes of f16, the unit in which the epilogue reads and stores, and rows of a warp.
constexpr int64_t kPiece = 8, kWarpM = 16;
/// Pieces that a thread of the epilogue works on at once: as many as its registers allow, so that they hide latency.
constexpr int64_t kPiecesInFlight = 4;
/// Registers for what belongs to the columns of a tile. L1 would not keep it: what the kernel stores passes through.
constexpr int64_t kColumnRegisters = 48;
/// Row tiles that are walked together, so that their weights stay in L2.
constexpr int64_t kGroup = 8;
/// Registers of a thread of each role; 128 * (2 * 168 + 136 + 40) = 65536.
constexpr int64_t kConsumerRegisters = 168, kEpilogueRegisters = 136, kProducerRegisters = 40;
/// Named barriers: sums of consumer c are there, and have been read.
constexpr int64_t kSumsThere = 1, kSumsRead = kSumsThere + kConsumers, kSumsShared = kSumsRead + kConsumers;
/// Consumer c and the epilogue meet at the first two, the warps of consumer c at the last.
constexpr int64_t kMeeting = 2 * kWarpgroupSize;

class OverlapEmitter : public LinearEmitter {
public:
  OverlapEmitter(OpBuilder &builder, Location loc, const LinearKernelSpec &spec, const LinearSchedule &schedule,
                 const SM &sm)
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
} // namespace

OverlapEmitter::Slot OverlapEmitter::advance(Slot slot) {
  Value next = b.add(slot.stage, 1);
  Value wrap = b.eq(next, stages);
  return {b.select(wrap, b.i32(0), next), b.bxor(slot.parity, b.zext(wrap, b.getI32Type()))};
}

std::pair<Value, Value> OverlapEmitter::getTile(Value tile) {
  // Groups of row tiles, each walked output tile by output tile.
  int64_t tilesN = ceilDiv(spec.n, tileN), rowTiles = kGroup / cluster;
  Value walked = b.div(tile, rowTiles * tilesN);
  Value first = b.mul(walked, rowTiles);
  Value height = b.min(b.sub(tilesM, first), b.i32(rowTiles));
  Value rest = b.sub(tile, b.mul(walked, rowTiles * tilesN));
  Value n = b.div(rest, height);
  Value m = b.add(first, b.sub(rest, b.mul(n, height)));
  if (cluster > 1)
    m = b.add(b.mul(m, cluster), rank);
  return {b.mul(m, kTileM), b.mul(n, tileN)};
}

void OverlapEmitter::forEachTile(ValueRange init, TileBody body) {
  b.loop(firstTile, tiles, tileStep, init, [&](Value tile, ValueRange carried) {
    auto [m, n] = getTile(tile);
    return body(tile, m, n, carried);
  });
}

//===----------------------------------------------------------------------===//
// Producer
//===----------------------------------------------------------------------===//

void OverlapEmitter::loadX(Value stage, Value block, Value m) {
  b.tmaLoad(stageStart(stage), xMap, full(stage), {b.mul(block, kBlockK), m});
}

void OverlapEmitter::loadW(Value stage, Value block, Value n) {
  Value start = b.offset(stageStart(stage), kTileM * kRowBytes);
  if (cluster == 1) {
    b.tmaLoad(start, wMap, full(stage), {b.mul(block, kBlockK), n});
    return;
  }
  Value half = b.mul(rank, tileN / cluster);
  Value everyone = LLVM::ConstantOp::create(b, b.getI16Type(), b.getI16IntegerAttr((1 << cluster) - 1));
  b.tmaLoad(b.offset(start, b.mul(half, kRowBytes)), wMap, full(stage), {b.mul(block, kBlockK), b.add(n, half)},
            everyone);
}

void OverlapEmitter::emitStart() {
  b.prefetchMap(wMap);
  b.prefetchMap(xMap);
  for (int64_t i = 0; i < stages; ++i) {
    b.initBarrier(full(b.i32(i)), 1);
    b.initBarrier(empty(b.i32(i)), kConsumers * cluster);
  }
  b.fenceBarrierInit();
}

void OverlapEmitter::emitProducer() {
  auto expect = [&](Value stage, bool withBias, Value n, Value flip) {
    b.expectBytes(full(stage), layout.stageBytes + (withBias ? layout.biasBytes : 0));
    if (withBias)
      b.tmaLoad(biasStart(flip), biasMap, full(stage), {n});
  };
  // The first weights are requested before the wait for the previous kernel.
  b.ifThen(b.lt(firstTile, tiles), [&] {
    auto [m, n] = getTile(firstTile);
    for (int64_t i = 0; i < early; ++i) {
      expect(b.i32(i), biasMap && i == 0, n, b.i32(0));
      loadW(b.i32(i), b.i32(i), n);
    }
    b.waitForPrevious();
    for (int64_t i = 0; i < early; ++i)
      loadX(b.i32(i), b.i32(i), m);
  });
  // Carried: the block of K to start with, the slot, and which of the two biases is next.
  SmallVector<Value> init = {b.i32(early), b.i32(early % stages), b.i32(early == stages ? 0 : 1), b.i32(0)};
  forEachTile(init, [&](Value, Value m, Value n, ValueRange carried) {
    Value flip = carried[3];
    SmallVector<Value> end =
        b.loop(carried[0], b.i32(blocksK), b.i32(1), carried.slice(1, 2), [&](Value block, ValueRange at) {
          Slot slot{at[0], at[1]};
          b.waitBarrier(empty(slot.stage), slot.parity);
          if (biasMap)
            b.ifThenElse(
                b.eq(block, 0), [&] { expect(slot.stage, true, n, flip); },
                [&] { expect(slot.stage, false, n, flip); });
          else
            expect(slot.stage, false, n, flip);
          loadX(slot.stage, block, m);
          loadW(slot.stage, block, n);
          Slot next = advance(slot);
          return SmallVector<Value>{next.stage, next.parity};
        });
    return SmallVector<Value>{b.i32(0), end[0], end[1], b.bxor(flip, 1)};
  });
}

//===----------------------------------------------------------------------===//
// Consumers
//===----------------------------------------------------------------------===//

SmallVector<Value> OverlapEmitter::emitMainLoop(Slot &slot, Value consumer, Value thread) {
  // ptxas takes no instruction that needs more registers than the kernel starts with, 65536 / 512: one of 256 columns
  // does.
  int64_t count = tileN / 2, instN = tileN == 256 ? 128 : tileN;
  Value base = b.sharedAddress(shared);
  Value descX = b.wgmmaDescriptor(b.add(base, b.mul(consumer, kInstM * kRowBytes)));
  Value descW = b.wgmmaDescriptor(b.add(base, kTileM * kRowBytes));
  // One thread tells each block of the cluster.
  Value tells = b.lt(thread, cluster);
  auto release = [&](Value stage, Value cond) {
    b.ifThen(cond, [&] {
      if (cluster > 1)
        b.arriveRemoteBarrier(empty(stage), thread);
      else
        b.arriveBarrier(empty(stage));
    });
  };

  // Carried: accumulators, stage, parity, the stage of the block before. Undefined sums are ignored in the first block.
  SmallVector<Value> init = b.undefF32(count);
  init.append({slot.stage, slot.parity, slot.stage});
  SmallVector<Value> end = b.loop(b.i32(0), b.i32(blocksK), b.i32(1), init, [&](Value block, ValueRange carried) {
    SmallVector<Value> acc(carried.take_front(count));
    Slot at{carried[count], carried[count + 1]};
    Value before = carried[count + 2];
    b.waitBarrier(full(at.stage), at.parity);
    Value step = b.zext(b.mul(at.stage, layout.stageBytes >> 4), b.getI64Type());
    Value x = b.add(descX, step), w = b.add(descW, step);
    b.wgmmaFence();
    for (int64_t k = 0; k < kBlockK / kInstK; ++k) {
      int64_t inside = k * kInstK * 2 >> 4;
      SmallVector<Value> sums;
      for (int64_t n = 0; n < tileN; n += instN)
        llvm::append_range(sums, b.wgmma(instN, spec.xType, b.add(x, inside), b.add(w, inside + (n * kRowBytes >> 4)),
                                         ValueRange(acc).slice(n / 2, instN / 2),
                                         k == 0 ? b.zext(b.gt(block, 0), b.getI32Type()) : Value()));
      acc = std::move(sums);
    }
    b.wgmmaCommit();
    // The block before is done: its stage may be filled again.
    b.wgmmaWait(1);
    release(before, b.land(tells, b.gt(block, 0)));
    Slot next = advance(at);
    acc.append({next.stage, next.parity, at.stage});
    return acc;
  });
  SmallVector<Value> acc = b.wgmmaWait(0, ValueRange(end).take_front(count));
  release(end[count + 2], tells);
  slot = {end[count], end[count + 1]};
  return acc;
}

void OverlapEmitter::dropSums(ValueRange acc, Value consumer, Value thread, Value bias) {
  Value lane = b.laneId();
  Value warpRow = b.add(b.mul(consumer, kInstM), b.mul(b.shr(thread, 5), kWarpM));
  // Pieces 0 to 7, of which each row has its own order; the others follow at multiples of 128 bytes.
  SmallVector<Value> places;
  if (schedule.exactSums) {
    // A fragment holds two columns of rows lane / 4 and lane / 4 + 8.
    Value row = b.shr(lane, 2), quarter = b.band(lane, 3);
    Value start = b.add(b.add(b.mul(b.add(warpRow, row), rowBytes), b.mul(b.shr(quarter, 1), planeBytes)),
                        b.add(b.mul(b.band(quarter, 1), 8), layout.sums));
    for (int64_t i = 0; i < 8; ++i)
      places.push_back(b.offset(shared, b.add(start, b.mul(b.bxor(row, i), 16))));
    for (int64_t g = 0; g < tileN / kPiece; ++g)
      for (int64_t half = 0; half < 2; ++half) {
        Value pair = LLVM::UndefOp::create(b, VectorType::get({2}, b.getF32Type()));
        for (int64_t i = 0; i < 2; ++i)
          pair = LLVM::InsertElementOp::create(b, pair, acc[4 * g + 2 * half + i], b.i32(i));
        b.store(pair, b.offset(places[g % 8], g / 8 * 128 + half * 8 * rowBytes), 8);
      }
    return;
  }
  // stmatrix: lane l stores row l % 16 of pieces 2j + l / 16.
  Value row = b.band(lane, 15), swizzle = b.band(lane, 7);
  Value start = b.add(b.mul(b.add(warpRow, row), rowBytes), layout.sums);
  for (int64_t j = 0; j < 4; ++j)
    places.push_back(b.offset(shared, b.add(start, b.mul(b.bxor(b.add(b.shr(lane, 4), 2 * j), swizzle), 16))));
  auto addBias = [&](Value &lo, Value &hi, int64_t g) {
    Value pointer = b.offset(bias, 8 * g * (spec.biasType.getIntOrFloatBitWidth() / 8));
    std::pair<Value, Value> pair;
    if (spec.biasType.isF32()) {
      Value vector = b.load(VectorType::get({2}, b.getF32Type()), pointer, 8);
      pair = {LLVM::ExtractElementOp::create(b, vector, b.i32(0)), LLVM::ExtractElementOp::create(b, vector, b.i32(1))};
    } else {
      pair = b.unpack(b.load(b.getI32Type(), pointer, 4), spec.biasType);
    }
    lo = b.addf(lo, pair.first);
    hi = b.addf(hi, pair.second);
  };
  for (int64_t j = 0; j < tileN / 16; ++j) {
    SmallVector<Value> packed;
    for (int64_t g = 2 * j; g < 2 * j + 2; ++g)
      for (int64_t half = 0; half < 2; ++half) {
        Value lo = acc[4 * g + 2 * half], hi = acc[4 * g + 2 * half + 1];
        if (bias)
          addBias(lo, hi, g);
        packed.push_back(b.pack(lo, hi, spec.yType));
      }
    b.stmatrix(b.offset(places[j % 4], j / 4 * 128), packed);
  }
}

void OverlapEmitter::emitConsumer(Value consumer, Value thread) {
  Value zero = b.i32(0);
  // Carried: the slot, whether the sums of a tile before may still be there, and which bias is next.
  forEachTile({zero, zero, zero, zero}, [&](Value tile, Value m, Value n, ValueRange carried) {
    Slot slot{carried[0], carried[1]};
    Value flip = carried[3];
    SmallVector<Value> acc = emitMainLoop(slot, consumer, thread);
    b.ifThen(b.gt(carried[2], 0), [&] { b.sync(b.add(consumer, kSumsRead), kMeeting); });
    Value bias;
    if (biasMap)
      bias = b.offset(biasStart(flip), b.mul(b.band(b.laneId(), 3), 2 * (spec.biasType.getIntOrFloatBitWidth() / 8)));
    // Nothing is left to multiply behind the last tile: its epilogue is shared out to all consumers.
    Value isLast = b.le(tiles, b.add(tile, tileStep));
    dropSums(acc, consumer, thread, bias);
    b.ifThenElse(
        isLast,
        [&] {
          b.waitForPrevious();
          preparePieces(thread);
          prepareColumns(n);
          Value begin = b.mul(consumer, perHalf);
          SmallVector<Value> ahead = loadAhead(m, begin);
          b.sync(b.add(consumer, kSumsShared), kWarpgroupSize);
          finishTile(m, begin, b.add(begin, perHalf), ahead, /*waits=*/false);
        },
        [&] { b.arrive(b.add(consumer, kSumsThere), kMeeting); });
    return SmallVector<Value>{slot.stage, slot.parity, b.i32(1), b.bxor(flip, 1)};
  });
}

//===----------------------------------------------------------------------===//
// Epilogue
//===----------------------------------------------------------------------===//

OverlapEmitter::Piece OverlapEmitter::loadPiece(Value pointer, Type elt, bool invariant) {
  Type word = elt.isF32() ? Type(b.getF32Type()) : Type(b.getI32Type());
  auto type = VectorType::get({4}, word);
  Piece values;
  for (int64_t i = 0; i < (elt.isF32() ? 2 : 1); ++i) {
    Value at = b.offset(pointer, 16 * i);
    Value vector = invariant ? b.loadInvariant(type, at, 16) : b.load(type, at, 16);
    for (int64_t j = 0; j < 4; ++j)
      values.push_back(LLVM::ExtractElementOp::create(b, vector, b.i32(j)));
  }
  return values;
}

SmallVector<Value, 2> OverlapEmitter::getPair(const Piece &piece, Type elt, int64_t pair) {
  if (elt.isF32())
    return {piece[2 * pair], piece[2 * pair + 1]};
  return {piece[pair]};
}

SmallVector<Value> OverlapEmitter::getRows(Value iteration) {
  Value half = b.div(iteration, perHalf);
  Value start = b.add(b.mul(half, kInstM),
                      b.add(b.mul(warp, kWarpM), b.mul(b.sub(iteration, b.mul(half, perHalf)), group * deep)));
  SmallVector<Value> result;
  for (int64_t d = 0; d < deep; ++d)
    for (int64_t a = 0; a < across; ++a)
      result.push_back(b.add(groupRow[a], b.add(start, d * group)));
  return result;
}

SmallVector<Value> OverlapEmitter::loadAhead(Value m, Value iteration) {
  SmallVector<Value> result;
  if (llvm::none_of(spec.extras, [&](const LinearExtra &extra) { return isAhead(extra); }))
    return result;
  for (auto [i, tileRow] : llvm::enumerate(getRows(iteration))) {
    Value row = clampRow(b.add(m, tileRow));
    for (auto [e, extra] : llvm::enumerate(spec.extras)) {
      // Not invariant: with a programmatic launch the kernel before may still have been writing it at our start.
      if (extra.kind == LinearExtra::Rows)
        result.push_back(
            b.toF32(b.load(extra.elementType, b.element(extras[e], b.zext(row, b.getI64Type()), extra.elementType))));
      else if (isAhead(extra))
        llvm::append_range(
            result, loadPiece(elementPointer(extras[e], row, extraStrides[e], column[i % across], extra.elementType),
                              extra.elementType, /*invariant=*/false));
    }
  }
  return result;
}

void OverlapEmitter::finishPieces(Value m, Value iteration, ValueRange ahead, bool waits) {
  Value half = b.div(iteration, perHalf);
  Value inHalf = b.sub(iteration, b.mul(half, perHalf));
  if (waits)
    b.ifThen(b.eq(inHalf, 0), [&] { b.sync(b.add(half, kSumsThere), kMeeting); });

  SmallVector<Value> tileRows = getRows(iteration);
  Type sumType = schedule.exactSums ? Type(b.getF32Type()) : spec.yType;
  SmallVector<Piece> sums;
  for (auto [i, row] : llvm::enumerate(tileRows)) {
    Value place = b.mul(b.bxor(piece[i % across], b.band(row, 7)), 16);
    Value pointer = b.offset(shared, b.add(b.add(b.mul(row, rowBytes), place), layout.sums));
    Piece values;
    for (int64_t plane = 0; plane < (schedule.exactSums ? 2 : 1); ++plane) {
      Type word = schedule.exactSums ? Type(b.getF32Type()) : Type(b.getI32Type());
      Value vector = b.load(VectorType::get({4}, word), b.offset(pointer, plane * planeBytes), 16);
      for (int64_t j = 0; j < 4; ++j)
        values.push_back(LLVM::ExtractElementOp::create(b, vector, b.i32(j)));
    }
    sums.push_back(std::move(values));
  }
  for (auto [i, tileRow] : llvm::enumerate(tileRows)) {
    int64_t a = i % across;
    Value row = b.add(m, tileRow), inside = clampRow(row);
    LinearRow epilogueRow;
    epilogueRow.index = inside;
    epilogueRow.extras.resize(spec.extras.size());
    ColumnValues columns = columnValues.empty() ? loadColumns(a) : columnValues[a];
    SmallVector<Piece> pieces;
    for (auto [e, extra] : llvm::enumerate(spec.extras)) {
      Piece values = columns.extras[e];
      if (isAhead(extra)) {
        values.assign(ahead.begin(), ahead.begin() + getAheadCount(extra));
        ahead = ahead.drop_front(values.size());
      }
      if (extra.kind == LinearExtra::Rows) {
        epilogueRow.extras[e] = values.front();
        values.clear();
      }
      pieces.push_back(std::move(values));
    }
    SmallVector<Value> packed;
    for (int64_t pair = 0; pair < kPiece / 2; ++pair) {
      SmallVector<Value, 2> sum = getPair(sums[i], sumType, pair);
      auto [lo, hi] = sum.size() == 1 ? b.unpack(sum[0], sumType) : std::pair<Value, Value>(sum[0], sum[1]);
      SmallVector<LinearExtraPair> loaded(spec.extras.size());
      for (auto [e, extra] : llvm::enumerate(spec.extras))
        if (!pieces[e].empty())
          loaded[e] = getPair(pieces[e], extra.elementType, pair);
      BiasPair biasPair;
      if (!columns.bias.empty())
        biasPair = getPair(columns.bias, spec.biasType, pair);
      std::tie(lo, hi) = finish(lo, hi, biasPair, epilogueRow, b.add(column[a], 2 * pair), /*colHi=*/Value(), loaded);
      packed.push_back(b.pack(lo, hi, spec.yType));
    }
    Value pointer = elementPointer(y, inside, yStride, column[a], spec.yType);
    b.storeIf(b.land(b.lt(row, rows), isInside[a]), packed, pointer);
  }
}

void OverlapEmitter::preparePieces(Value thread) {
  warp = b.shr(thread, 5);
  groupRow.clear();
  piece.clear();
  firstColumn.clear();
  for (int64_t a = 0; a < across; ++a) {
    Value index = b.add(b.laneId(), a * kWarpSize);
    groupRow.push_back(b.div(index, tileN / kPiece));
    piece.push_back(b.sub(index, b.mul(groupRow[a], tileN / kPiece)));
    firstColumn.push_back(b.mul(piece[a], kPiece));
  }
}

OverlapEmitter::ColumnValues OverlapEmitter::loadColumns(int64_t a) {
  ColumnValues values;
  if (spec.biasType && schedule.exactSums)
    values.bias = loadPiece(b.element(bias, column[a], spec.biasType), spec.biasType, /*invariant=*/true);
  for (auto [e, extra] : llvm::enumerate(spec.extras))
    values.extras.push_back(extra.kind == LinearExtra::Columns && extra.vectorAligned
                                ? loadPiece(b.element(extras[e], column[a], extra.elementType), extra.elementType,
                                            /*invariant=*/false)
                                : Piece());
  return values;
}

bool OverlapEmitter::keepsColumns() {
  auto getRegisters = [](Type type) { return type.isF32() ? kPiece : kPiece / 2; };
  int64_t count = spec.biasType && schedule.exactSums ? getRegisters(spec.biasType) : 0;
  for (const LinearExtra &extra : spec.extras)
    if (extra.kind == LinearExtra::Columns && extra.vectorAligned)
      count += getRegisters(extra.elementType);
  return count * across <= kColumnRegisters;
}

void OverlapEmitter::prepareColumns(Value n) {
  column.clear();
  isInside.clear();
  for (Value first : firstColumn) {
    Value col = b.add(n, first);
    isInside.push_back(b.lt(col, spec.n));
    column.push_back(spec.n % tileN ? b.min(col, b.i32(spec.n - kPiece)) : col);
  }
  columnValues.clear();
  for (int64_t a = 0; keepsColumns() && a < across; ++a)
    columnValues.push_back(loadColumns(a));
}

void OverlapEmitter::finishTile(Value m, Value begin, Value end, ValueRange ahead, bool waits) {
  auto iterate = [&](Value iteration, ValueRange ahead) {
    // Asked for while the pieces before are worked on; behind the last one in vain.
    SmallVector<Value> next = loadAhead(m, b.add(iteration, 1));
    finishPieces(m, iteration, ahead, waits);
    if (waits) {
      Value half = b.div(b.add(iteration, 1), perHalf);
      Value isRead = b.eq(b.mul(half, perHalf), b.add(iteration, 1));
      b.ifThen(isRead, [&] { b.arrive(b.add(half, kSumsRead - 1), kMeeting); });
    }
    return next;
  };
  if (ahead.empty())
    b.loop(begin, end, b.i32(1), [&](Value iteration) { iterate(iteration, {}); });
  else
    b.loop(begin, end, b.i32(1), ahead, iterate);
}

void OverlapEmitter::emitEpilogue(Value thread) {
  // It reads what earlier kernels wrote, and overwrites what they read.
  b.waitForPrevious();
  preparePieces(thread);
  b.loop(firstTile, b.sub(tiles, tileStep), tileStep, [&](Value tile) {
    auto [m, n] = getTile(tile);
    prepareColumns(n);
    finishTile(m, b.i32(0), b.i32(kConsumers * perHalf), loadAhead(m, b.i32(0)), /*waits=*/true);
  });
}

//===----------------------------------------------------------------------===//
// The kernel
//===----------------------------------------------------------------------===//

BuiltKernel OverlapEmitter::build(StringRef name) {
  bool biasInConsumer = spec.biasType && !schedule.exactSums;
  declareMap({0,
              spec.xType,
              {constant(spec.k), symbol(kSymbolRows)},
              {xStrideExpr()},
              constant(0),
              {kBlockK, kTileM},
              kRowBytes});
  declareMap({1,
              spec.wType,
              {constant(spec.k), constant(spec.n)},
              {constant(spec.k)},
              constant(0),
              {kBlockK, tileN / cluster},
              kRowBytes});
  if (biasInConsumer)
    declareMap({spec.biasOperand(), spec.biasType, {constant(spec.n)}, {}, constant(0), {tileN}, 0});
  declareCommon(/*yByPointer=*/true);
  constexpr int64_t kThreads = (kConsumers + 2) * kWarpgroupSize;
  createKernel(name, kThreads, /*minBlocks=*/1);
  xMap = takeParameter();
  wMap = takeParameter();
  if (biasInConsumer)
    biasMap = takeParameter();
  takeCommon(/*yByPointer=*/true);

  shared = b.sharedMemory();
  Value thread = b.threadId();
  Value warpgroup = b.uniform(b.shr(thread, 7));
  Value inGroup = b.band(thread, kWarpgroupSize - 1);
  rank = cluster > 1 ? b.clusterRank() : b.i32(0);
  tilesM = b.ceilDiv(rows, kTileM * cluster);
  tiles = b.mul(tilesM, ceilDiv(spec.n, tileN));
  firstTile = cluster > 1 ? b.div(b.blockId(), cluster) : b.blockId();
  tileStep = cluster > 1 ? b.div(b.gridDim(), cluster) : b.gridDim();
  early = std::min(stages, blocksK);
  // The fewest rows whose pieces are shared out evenly to a warp.
  for (group = 1; group * (tileN / kPiece) % kWarpSize; group *= 2)
    ;
  across = group * (tileN / kPiece) / kWarpSize;
  for (deep = 1; 2 * deep * across <= kPiecesInFlight && 2 * deep * group <= kWarpM; deep *= 2)
    ;
  perHalf = kWarpM / (group * deep);

  Value isProducer = b.eq(thread, (kConsumers + 1) * kWarpgroupSize);
  b.ifThen(isProducer, [&] { emitStart(); });
  b.syncThreads();
  // Nobody copies into a block whose barriers are not there.
  if (cluster > 1)
    b.clusterSync();
  b.launchNext();

  // Nobody leaves while the other block of its cluster may still copy into it, or tell it.
  auto leave = [&] {
    if (cluster == 1)
      return;
    b.syncWarp();
    b.clusterSync();
  };
  b.ifThenElse(
      b.lt(warpgroup, kConsumers),
      [&] {
        b.increaseRegisters(kConsumerRegisters);
        emitConsumer(warpgroup, inGroup);
        leave();
      },
      [&] {
        b.ifThenElse(
            b.eq(warpgroup, kConsumers),
            [&] {
              b.increaseRegisters(kEpilogueRegisters);
              emitEpilogue(inGroup);
              leave();
            },
            [&] {
              b.decreaseRegisters(kProducerRegisters);
              b.ifThen(isProducer, [&] { emitProducer(); });
              leave();
            });
      });

  // No blocks for no rows.
  kernel.grid = {symbol(kSymbolRows).ceilDiv(int64_t(1) << 30) * (b.sm.numSMs / cluster * cluster), constant(1),
                 constant(1)};
  kernel.sharedBytes = layout.total;
  kernel.programmatic = true;
  return std::move(kernel);
}

BuiltKernel gpu_kernels::buildOverlapLinear(OpBuilder &builder, Location loc, StringRef name,
                                            const LinearKernelSpec &spec, const LinearSchedule &schedule,
                                            const SM &sm) {
  return OverlapEmitter(builder, loc, spec, schedule, sm).build(name);
}
