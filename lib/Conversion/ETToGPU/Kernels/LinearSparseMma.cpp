//===- LinearSparseMma.cpp - Linear kernels with weights of squares -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// y^T = W x^T. Of the weight only squares of 16 outputs by 16 inputs are stored (see Strips.h). A warp multiplies a
// strip of 64 outputs by tileM tokens, all warps of a block have the same tokens:
//
//   request the first squares of the strip
//   wait for the previous kernel
//   request the first blocks of x
//   for each tile
//     for each block of K
//       wait full[stage]
//       for each 16 inputs of which squares are stored
//         wait for the squares, load x once and each square
//         multiply, request squares in place of a chunk that is done
//       release the stage
//       wait empty[an earlier stage], request x for it
//     request the first squares of the next tile
//     transpose sums, add bias, epilogue, store
//
// The squares of a strip lie next to each other, so each warp runs through them by a ring of its own, however they are
// spread over the blocks of K. Where there is TMA it brings x, requested by one thread, for all blocks of a cluster at
// once, and bulk copies bring squares; elsewhere all warps copy x by cp.async, which arrives at the same barriers.
// There is no warp for x alone: registers are given to four warps at a time, and a ninth would leave 168 to each.
//
// With splitK as many warps share a strip, each with a range of the blocks of K, and add up their sums through shared
// memory at the end.
//
// The sums of a square are outputs by tokens. An epilogue that does not ask for rows runs on them as they are, and
// stmatrix transposes. For others movmatrix makes tokens by outputs of them, the fragments that dense kernels have.
//
//===----------------------------------------------------------------------===//

#include "LinearSparseMma.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::gpu_kernels;
using namespace mlir::et::nvidia;

namespace {
constexpr int64_t kBlockK = StripsLayout::kBlockColumns, kRowBytes = 128, kChunk = SparseMmaLayout::kChunk,
                  kChunks = SparseMmaLayout::kChunks, kRing = kChunk * kChunks,
                  kSquareBytes = SparseMmaLayout::kSquareBytes, kChunkBytes = SparseMmaLayout::kChunkBytes,
                  kRingBytes = SparseMmaLayout::kRingBytes;
/// Squares of 16 outputs in a strip, and of 16 inputs in a block of K.
constexpr int64_t kPanels = 4, kSlabs = 4;
/// Tokens of a fragment of the transposed sums, and of an mma.
constexpr int64_t kTokens = 16, kMmaTokens = 8;
/// Registers for what the epilogue of 16 tokens loads at once.
constexpr int64_t kAheadRegisters = 24;
/// Bytes of 16 tokens of a strip on their way out.
constexpr int64_t kBoxBytes = kTokens * kRowBytes;
static_assert(kBoxBytes == kChunkBytes && kChunks >= 4, "boxes stand in chunks that are not requested yet");
/// A stage is filled again when all warps have left it, which is asked for this many blocks of K later.
constexpr int64_t kLag = 2;

class SparseMmaEmitter : public LinearEmitter {
public:
  SparseMmaEmitter(OpBuilder &builder, Location loc, const LinearKernelSpec &spec, const LinearSchedule &schedule,
                   const SM &sm)
      : LinearEmitter(builder, loc, spec, schedule, sm), storage(spec.strips->layout),
        layout(getSparseMmaLayout(spec, schedule)), tokens(schedule.tileM), stages(schedule.stages),
        splitK(schedule.splitK), cluster(schedule.cluster), sumsPerPanel(tokens / 2),
        groups(ceilDiv(storage.numStrips(), layout.strips)),
        ahead(std::min(stages - std::min(kLag, stages - 1), layout.blocksK)) {}

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
    /// Its first square, and their number (i32).
    Value squares, count;
  };

  Slot advance(Slot slot);
  Value full(Value stage) { return b.offset(barriers, b.mul(stage, 8)); }
  Value empty(Value stage) { return b.offset(barriers, b.add(b.mul(stage, 8), 8 * stages)); }
  /// The barrier of the chunk that square \p place of this warp's stream is in.
  Value ringBarrier(Value place) {
    return b.offset(ringBarriers, b.mul(b.band(b.shr(place, llvm::Log2_64(kChunk)), kChunks - 1), 8));
  }

  /// First token and first strip (its place in the order) of a tile; \p tile is its number in a persistent kernel.
  std::pair<Value, Value> getTile(Value tile);
  /// Runs \p body for each tile of this block; \p next is the number of the one behind it.
  using TileBody = llvm::function_ref<SmallVector<Value>(Value tile, Value next, ValueRange carried)>;
  void forEachTile(ValueRange init, TileBody body);
  /// A persistent block may have none.
  void ifHasTile(llvm::function_ref<void()> body);

  /// Copies a block of K of x to \p slot, which this waits for.
  void requestX(Slot slot, Value block, Value m);
  /// The same for a thread or, without TMA, all threads, when the stage is free.
  void copyX(Value stage, Value block, Value m);

  Part loadPart(Value tile);
  /// Which squares of 32 blocks of K from \p block on are stored, one block per lane; \p block counts from the warp's
  /// first.
  Value loadMasks(const Part &part, Value block);
  /// Requests chunk \p chunk of \p part, if there is one; its squares begin at place \p start of the stream.
  void requestChunk(const Part &part, Value start, Value chunk);
  void emitTiles();
  /// What the main loop moves on: the slots that are read and filled, and the place in the stream of squares.
  struct State {
    Slot slot, fill;
    Value place;
  };
  /// Multiplies all blocks of K of the tile with tokens from \p m on; returns the sums. Requests x for the tile behind
  /// it, with tokens from \p nextM on, if \p hasNext (i1).
  SmallVector<Value> emitMainLoop(const Part &part, State &state, Value m, Value nextM, Value hasNext);
  /// Multiplies 16 inputs; \p bits says of which panels. Returns the sums.
  SmallVector<Value> multiply(ValueRange sums, Value x, Value slab, Value bits, Value place);
  /// The fragments of \p panels panels of a strip and 16 tokens, of sums of outputs by tokens.
  SmallVector<Value> transpose(ValueRange sums, int64_t panels);
  /// The sums of 16 tokens and all panels, in front of transpose().
  SmallVector<Value> takeTokens(ValueRange sums, int64_t at);
  void storeTile(ValueRange sums, const Part &part, Value m, Value place, ArrayRef<BiasPair> biases);
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
  /// How many blocks of K x is requested ahead.
  int64_t ahead;
  bool hasBoxes = false;
  Value x, xMap, yMap, w, xStride;
  Value shared, barriers, ring, ringBarriers, lane, warp;
  /// First block of K of this warp, i32.
  Value firstBlock;
  /// Tiles of tokens, and tiles of the cluster in all, of a persistent kernel, i32.
  Value tilesM, tiles;
};
} // namespace

SparseMmaEmitter::Slot SparseMmaEmitter::advance(Slot slot) {
  Value next = b.add(slot.stage, 1);
  Value wrap = b.eq(next, stages);
  return {b.select(wrap, b.i32(0), next), b.bxor(slot.parity, b.zext(wrap, b.getI32Type()))};
}

std::pair<Value, Value> SparseMmaEmitter::getTile(Value tile) {
  if (!schedule.persistent)
    return {b.mul(b.blockId(1), tokens), b.mul(b.blockId(0), layout.strips)};
  // All tokens of the longest strips first. The blocks of a cluster have neighbouring strips.
  Value group = b.div(tile, tilesM);
  Value m = b.sub(tile, b.mul(group, tilesM));
  group = b.mul(group, cluster);
  if (cluster > 1)
    group = b.add(group, b.clusterRank());
  return {b.mul(m, tokens), b.mul(group, layout.strips)};
}

void SparseMmaEmitter::forEachTile(ValueRange init, TileBody body) {
  if (!schedule.persistent) {
    body(Value(), Value(), init);
    return;
  }
  Value step = b.div(b.gridDim(), cluster);
  b.loop(b.div(b.blockId(), cluster), tiles, step, init,
         [&](Value tile, ValueRange carried) { return body(tile, b.add(tile, step), carried); });
}

void SparseMmaEmitter::ifHasTile(llvm::function_ref<void()> body) {
  if (schedule.persistent)
    b.ifThen(b.lt(b.div(b.blockId(), cluster), tiles), body);
  else
    body();
}

//===----------------------------------------------------------------------===//
// x
//===----------------------------------------------------------------------===//

void SparseMmaEmitter::requestX(Slot slot, Value block, Value m) {
  auto request = [&] {
    b.waitBarrier(empty(slot.stage), slot.parity);
    copyX(slot.stage, block, m);
  };
  if (b.sm.hasTMA)
    b.ifThen(b.eq(b.threadId(), 0), request);
  else
    request();
}

void SparseMmaEmitter::copyX(Value stage, Value block, Value m) {
  Value start = b.offset(shared, b.mul(stage, layout.stageBytes)), barrier = full(stage);
  if (b.sm.hasTMA) {
    // Each block of a cluster brings its share of the tokens to all.
    int64_t share = tokens / cluster;
    Value row = m, mask;
    if (cluster > 1) {
      Value first = b.mul(b.clusterRank(), share);
      row = b.add(m, first);
      start = b.offset(start, b.mul(first, kRowBytes));
      mask = arith::ConstantOp::create(b, b.getI16IntegerAttr((1 << cluster) - 1));
    }
    b.expectBytes(barrier, layout.stageBytes);
    for (int64_t part = 0; part < splitK; ++part)
      b.tmaLoad(b.offset(start, part * tokens * kRowBytes), xMap, barrier,
                {b.mul(b.add(block, part * layout.blocksK), kBlockK), row}, mask);
    return;
  }
  // 16-byte chunk c of a row at place c ^ (row % 8) of it, as TMA has it. A warp copies four rows at once, a lane one
  // chunk of a row.
  constexpr int64_t kElements = 8, kLanesPerRow = kRowBytes / 16, kRows = kWarpSize / kLanesPerRow;
  int64_t steps = splitK * tokens / kRows;
  Value chunk = b.band(lane, kLanesPerRow - 1), first = b.div(lane, kLanesPerRow);
  for (int64_t at = 0; at < steps; at += layout.warps) {
    Value step = b.add(warp, at);
    auto copy = [&] {
      Value inStage = b.add(b.mul(step, kRows), first), part = b.div(inStage, tokens);
      Value row = b.add(m, b.rem(inStage, tokens));
      Value column = b.mul(b.add(block, b.mul(part, layout.blocksK)), kBlockK);
      column = b.add(column, b.mul(chunk, kElements));
      // What does not exist is not read, but its address is computed: keep it inside.
      Value source =
          elementPointer(x, b.min(row, lastRow), xStride, b.min(column, b.i32(spec.k - kElements)), spec.xType);
      Value place = b.add(b.mul(inStage, kRowBytes), b.mul(b.bxor(chunk, b.band(inStage, 7)), 16));
      Value exists = b.land(b.lt(column, spec.k), b.lt(row, rows));
      b.copyAsync(b.offset(start, place), source, 16, b.select(exists, b.i32(16), b.i32(0)));
    };
    if (at + layout.warps <= steps)
      copy();
    else
      b.ifThen(b.lt(step, steps), copy);
  }
  b.arriveAfterCopies(barrier);
}

//===----------------------------------------------------------------------===//
// Squares
//===----------------------------------------------------------------------===//

SparseMmaEmitter::Part SparseMmaEmitter::loadPart(Value tile) {
  Type i32 = b.getI32Type();
  auto loadAt = [&](int64_t start, Value index) {
    return b.loadInvariant(i32, b.element(b.offset(w, start), index, i32), 4);
  };
  Part part;
  Value place = b.add(getTile(tile).second, splitK == 1 ? warp : b.rem(warp, layout.strips));
  part.exists = b.lt(place, storage.numStrips());
  part.strip = b.min(place, b.i32(storage.numStrips() - 1));
  part.number = loadAt(0, part.strip);
  Value first = loadAt(storage.startsOffset(), part.strip);
  if (splitK == 1) {
    part.count = b.sub(loadAt(storage.startsOffset(), b.add(part.strip, 1)), first);
  } else {
    // The squares in front of this warp's blocks of K, and those in them.
    Value zero = b.i32(0), end = b.add(firstBlock, layout.blocksK);
    SmallVector<Value> counts =
        b.loop(zero, b.i32(storage.numBlocks()), b.i32(kWarpSize), {zero, zero}, [&](Value from, ValueRange carried) {
          Value block = b.add(from, lane), masks = loadMasks(part, b.sub(from, firstBlock));
          Value number = b.popcount(masks);
          Value before = b.select(b.lt(block, firstBlock), number, zero);
          Value own = b.select(b.land(b.lnot(b.lt(block, firstBlock)), b.lt(block, end)), number, zero);
          return SmallVector<Value>{b.add(carried[0], before), b.add(carried[1], own)};
        });
    for (int64_t mask = 1; mask < kWarpSize; mask *= 2)
      for (Value &count : counts)
        count = b.add(count, b.shuffleXor(count, mask));
    first = b.add(first, counts[0]);
    part.count = counts[1];
  }
  part.count = b.select(part.exists, part.count, b.i32(0));
  Value bytes = b.mul(b.zext(first, b.getI64Type()), kSquareBytes);
  part.squares = b.offset(b.offset(w, storage.unitsOffset()), bytes);
  return part;
}

Value SparseMmaEmitter::loadMasks(const Part &part, Value block) {
  Value index = b.add(b.add(firstBlock, block), lane);
  Value exists = b.land(b.lt(index, storage.numBlocks()), part.exists);
  index = b.add(b.mul(part.strip, storage.maskStride()), b.min(index, b.i32(storage.numBlocks() - 1)));
  Type i16 = b.getIntegerType(16);
  Value mask = b.loadInvariant(i16, b.element(b.offset(w, storage.masksOffset()), index, i16), 2);
  return b.select(exists, b.zext(mask, b.getI32Type()), b.i32(0));
}

void SparseMmaEmitter::requestChunk(const Part &part, Value start, Value chunk) {
  Value place = b.add(start, b.mul(chunk, kChunk));
  Value target = b.offset(ring, b.mul(b.band(place, kRing - 1), kSquareBytes)), barrier = ringBarrier(place);
  Value left = b.sub(part.count, b.mul(chunk, kChunk));
  Value source = b.offset(part.squares, b.mul(b.zext(chunk, b.getI64Type()), kChunkBytes));
  if (b.sm.hasTMA) {
    b.ifThen(b.land(b.gt(left, 0), b.eq(lane, 0)), [&] {
      Value bytes = b.mul(b.min(left, b.i32(kChunk)), kSquareBytes);
      b.expectBytes(barrier, bytes);
      b.copyBulk(target, source, bytes, barrier);
    });
    return;
  }
  // A lane reads what it has copied itself.
  b.ifThen(b.gt(left, 0), [&] {
    Value mine = b.mul(lane, 16);
    for (int64_t i = 0; i < kChunk; ++i)
      b.copyAsync(b.offset(b.offset(target, mine), i * kSquareBytes),
                  b.offset(b.offset(source, mine), i * kSquareBytes), 16, b.select(b.gt(left, i), b.i32(16), b.i32(0)));
    b.arriveAfterCopies(barrier);
  });
}

SmallVector<Value> SparseMmaEmitter::multiply(ValueRange sums, Value x, Value slab, Value bits, Value place) {
  // x, row by row of the swizzle: matrices are the first 8 inputs of 8 tokens, the next 8, then of the next 8 tokens.
  Value row = b.add(b.band(lane, 7), b.shl(b.shr(lane, 4), 3));
  Value inRow = b.mul(b.bxor(b.band(b.shr(lane, 3), 1), b.band(lane, 7)), 16);
  Value start = b.offset(b.offset(x, b.mul(row, kRowBytes)), b.bxor(inRow, b.mul(slab, 32)));
  SmallVector<SmallVector<Value>> xs, ws;
  Value mine = b.offset(ring, b.mul(lane, 16));
  for (int64_t panel = 0; panel < kPanels; ++panel) {
    ws.push_back(
        b.loadSharedIf(b.band(bits, 1 << panel), b.offset(mine, b.mul(b.band(place, kRing - 1), kSquareBytes))));
    place = b.add(place, b.band(b.shr(bits, panel), 1));
  }
  for (int64_t at = 0; at < tokens; at += kTokens) {
    SmallVector<Value> both = b.ldmatrix(b.offset(start, at * kRowBytes), 4);
    xs.push_back({both[0], both[1]});
    xs.push_back({both[2], both[3]});
  }
  SmallVector<Value> result;
  SmallVector<Type> types(sumsPerPanel, b.getF32Type());
  for (int64_t panel = 0; panel < kPanels; ++panel) {
    ValueRange own = sums.slice(panel * sumsPerPanel, sumsPerPanel);
    result.append(b.ifElse(
        b.ne(b.band(bits, 1 << panel), 0), types,
        [&] {
          SmallVector<Value> next;
          for (auto [at, fragment] : llvm::enumerate(xs))
            next.append(b.mma(spec.xType, ws[panel], fragment, own.slice(4 * at, 4)));
          return next;
        },
        [&] { return SmallVector<Value>(own); }));
  }
  return result;
}

SmallVector<Value> SparseMmaEmitter::emitMainLoop(const Part &part, State &state, Value m, Value nextM, Value hasNext) {
  int64_t count = kPanels * sumsPerPanel;
  int64_t shift = llvm::Log2_64(kChunk);
  Value start = state.place, xPart = b.i32(0);
  if (splitK > 1)
    xPart = b.mul(b.div(warp, layout.strips), tokens * kRowBytes);
  SmallVector<Value> sums(count, b.f32(0.0));
  SmallVector<Type> types(count, b.getF32Type());

  // Of 16 inputs; carried: sums, place, bits of what is left of the block.
  auto slabs = [&](Value x, Value mask, ValueRange carried) {
    SmallVector<Value> init(carried);
    init.push_back(mask);
    return b.loop(b.i32(0), b.i32(kSlabs), b.i32(1), init, [&](Value slab, ValueRange at) {
      Value bits = b.band(at[count + 1], (1 << kPanels) - 1), before = at[count];
      SmallVector<Value> results = b.ifElse(
          b.ne(bits, 0), TypeRange(at).take_front(count + 1),
          [&] {
            Value next = b.add(before, b.popcount(bits)), last = b.sub(next, 1);
            auto chunkOf = [&](Value at) { return b.shr(at, shift); };
            auto differ = [&](Value lhs, Value rhs) { return b.ne(b.bxor(chunkOf(lhs), chunkOf(rhs)), 0); };
            // At most one chunk begins here, or with the last of these squares.
            b.ifThen(differ(last, b.sub(before, 1)),
                     [&] { b.waitBarrier(ringBarrier(last), b.band(b.shr(last, llvm::Log2_64(kRing)), 1)); });
            SmallVector<Value> result = multiply(at.take_front(count), x, slab, bits, before);
            b.ifThen(differ(next, before), [&] {
              b.syncWarp();
              requestChunk(part, start, b.add(chunkOf(b.sub(before, start)), kChunks));
            });
            result.push_back(next);
            return result;
          },
          [&] { return SmallVector<Value>(at.take_front(count + 1)); });
      results.push_back(b.shr(at[count + 1], kPanels));
      return results;
    });
  };
  // Up to 32 blocks of K from \p first on; carried: sums, place, the two slots.
  auto blocks = [&](Value first, Value masks, ValueRange carried) {
    Value end = b.i32(std::min(layout.blocksK, kWarpSize));
    if (layout.blocksK > kWarpSize)
      end = b.min(end, b.sub(b.i32(layout.blocksK), first));
    return b.loop(b.i32(0), end, b.i32(1), carried, [&](Value block, ValueRange at) {
      Slot own{at[count + 1], at[count + 2]}, fill{at[count + 3], at[count + 4]};
      Value mask = b.shuffle(masks, block);
      b.waitBarrier(full(own.stage), own.parity);
      Value x = b.offset(shared, b.add(b.mul(own.stage, layout.stageBytes), xPart));
      SmallVector<Value> results = slabs(x, mask, at.take_front(count + 1));
      results.pop_back();
      b.syncWarp();
      if (cluster == 1)
        b.ifThen(b.eq(lane, 0), [&] { b.arriveBarrier(empty(own.stage)); });
      else
        b.ifThen(b.lt(lane, cluster), [&] { b.arriveRemoteBarrier(empty(own.stage), lane); });
      // x of this tile, or of the next.
      Value wanted = b.add(b.add(first, block), ahead), isOwn = b.lt(wanted, layout.blocksK), exists = isOwn;
      Value inTile = wanted, tokensOf = m;
      if (hasNext) {
        exists = b.lor(isOwn, hasNext);
        inTile = b.select(isOwn, wanted, b.sub(wanted, layout.blocksK));
        tokensOf = b.select(isOwn, m, nextM);
      }
      b.ifThen(exists, [&] { requestX(fill, inTile, tokensOf); });
      Slot next = advance(own), nextFill = advance(fill);
      results.append({next.stage, next.parity, nextFill.stage, nextFill.parity});
      return results;
    });
  };

  SmallVector<Value> end = sums;
  end.append({state.place, state.slot.stage, state.slot.parity, state.fill.stage, state.fill.parity});
  Value masks = loadMasks(part, b.i32(0));
  if (layout.blocksK <= kWarpSize) {
    end = blocks(b.i32(0), masks, end);
  } else {
    // The masks of the next 32 blocks are on their way while these are multiplied.
    end.push_back(masks);
    end = b.loop(b.i32(0), b.i32(layout.blocksK), b.i32(kWarpSize), end, [&](Value first, ValueRange at) {
      Value next = loadMasks(part, b.add(first, kWarpSize));
      SmallVector<Value> results = blocks(first, at.back(), at.drop_back());
      results.push_back(next);
      return results;
    });
  }
  // What comes next begins with a chunk.
  state.place = b.band(b.add(end[count], kChunk - 1), -kChunk);
  state.slot = {end[count + 1], end[count + 2]};
  state.fill = {end[count + 3], end[count + 4]};
  end.truncate(count);
  return end;
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

SmallVector<Value> SparseMmaEmitter::takeTokens(ValueRange sums, int64_t at) {
  SmallVector<Value> result;
  for (int64_t panel = 0; panel < kPanels; ++panel)
    llvm::append_range(result, sums.slice(panel * sumsPerPanel + at / kMmaTokens * 4, 8));
  return result;
}

SmallVector<Value> SparseMmaEmitter::transpose(ValueRange sums, int64_t panels) {
  // Registers 0 and 1 of an mma are outputs 0 to 7 and become the first group of columns, 2 and 3 the second; the
  // tokens of the next mma become the rows eight further on.
  SmallVector<Value> fragments;
  for (int64_t panel = 0; panel < panels; ++panel)
    for (int64_t half = 0; half < 2; ++half)
      for (int64_t group = 0; group < 2; ++group) {
        int64_t first = panel * 8 + group * 4 + half * 2;
        auto [lo, hi] = b.transposeF32(sums[first], sums[first + 1]);
        fragments.append({lo, hi});
      }
  return fragments;
}

SmallVector<Value> SparseMmaEmitter::finishColumns(ValueRange sums, ArrayRef<BiasPair> biases, Value row, Value col) {
  // Pairs are two tokens of an output.
  LinearRow any;
  any.index = clampRow(row);
  SmallVector<Value> packed;
  for (int64_t panel = 0; panel < kPanels; ++panel)
    for (int64_t group = 0; group < 2; ++group)
      for (int64_t half = 0; half < 2; ++half) {
        Value column = getSumColumn(col, panel, half);
        int64_t first = 8 * panel + 4 * group + 2 * half;
        auto [lo, hi] = finish(sums[first], sums[first + 1], biases[2 * panel + half], any, column, column);
        packed.push_back(b.pack(lo, hi, spec.yType));
      }
  return packed;
}

SmallVector<Value> SparseMmaEmitter::finishRows(ValueRange sums, ArrayRef<BiasPair> biases, Value row, Value col) {
  FragmentInputs inputs = loadFragmentRows(row);
  int64_t groups = biases.size(), registers = countPairRegisters(groups, 2);
  if (registers > 0 && registers <= kAheadRegisters)
    loadFragmentPairs(inputs, groups, col);
  SmallVector<Value> fragments = transpose(sums, kPanels), packed;
  for (int64_t g = 0; g < groups; ++g) {
    Value at = clampColumn(b.add(laneColumn(col), 8 * g));
    for (unsigned half = 0; half < 2; ++half) {
      ArrayRef<LinearExtraPair> loaded;
      if (!inputs.extras[half].empty())
        loaded = inputs.extras[half][g];
      auto [lo, hi] = finish(fragments[4 * g + 2 * half], fragments[4 * g + 2 * half + 1], biases[g], inputs.rows[half],
                             at, /*colHi=*/{}, loaded);
      packed.push_back(b.pack(lo, hi, spec.yType));
    }
  }
  return packed;
}

void SparseMmaEmitter::storeBox(ArrayRef<Value> packed, Value row, Value col, Value box) {
  // stmatrix of rows: lane l stores token l % 16, 16-byte chunk 2j + l / 16, where the swizzle has it; transposed:
  // token l % 8 + 8 (l / 16), chunk 2j + l / 8 % 2.
  bool isTransposed = hasColumns();
  Value boxRow = isTransposed ? b.add(b.band(lane, 7), b.shl(b.shr(lane, 4), 3)) : b.band(lane, 15);
  Value inPanel = isTransposed ? b.band(b.shr(lane, 3), 1) : b.shr(lane, 4);
  for (int64_t j = 0; j < kPanels; ++j) {
    Value chunk = b.bxor(b.add(inPanel, 2 * j), b.band(lane, 7));
    b.stmatrix(b.offset(box, b.add(b.mul(boxRow, kRowBytes), b.mul(chunk, 16))), packed.slice(4 * j, 4), isTransposed);
  }
  b.fenceAsyncShared();
  b.syncWarp();
  b.ifThen(b.eq(lane, 0), [&] {
    b.tmaStore(yMap, box, {col, row});
    b.commitBulk();
  });
}

void SparseMmaEmitter::storeTile(ValueRange sums, const Part &part, Value m, Value place, ArrayRef<BiasPair> biases) {
  Value col = getColumn(part);
  for (int64_t at = 0; at < tokens; at += kTokens) {
    Value row = b.add(m, at);
    if (!hasBoxes) {
      storeFragments(transpose(takeTokens(sums, at), kPanels), biases, row, col);
      continue;
    }
    SmallVector<Value> sumsOf = takeTokens(sums, at);
    SmallVector<Value> packed =
        hasColumns() ? finishColumns(sumsOf, biases, row, col) : finishRows(sumsOf, biases, row, col);
    // Boxes take turns in the last chunks of the ring.
    Value slot = b.band(b.add(place, (kChunks - 2 + at / kTokens % 2) * kChunk), kRing - 1);
    Value box = b.offset(ring, b.mul(slot, kSquareBytes));
    if (at / kTokens >= 2) {
      b.ifThen(b.eq(lane, 0), [&] { b.waitBulk(1, /*read=*/true); });
      b.syncWarp();
    }
    storeBox(packed, row, col, box);
  }
  if (hasBoxes) {
    b.ifThen(b.eq(lane, 0), [&] { b.waitBulk(0, /*read=*/true); });
    b.syncWarp();
  }
}

Value SparseMmaEmitter::getColumn(const Part &part) {
  Value col = b.mul(part.number, StripsLayout::kStripRows);
  return splitK == 1 ? col : b.add(col, b.mul(b.band(firstUnit(), kPanels - 1), 16));
}

void SparseMmaEmitter::reducePartialSums(ValueRange sums, const Part &part, Value m, ArrayRef<BiasPair> biases) {
  // Fragment f of warp v at ((v * fragments + f) * 32 + lane) * 16 bytes; f counts tokens within panels.
  constexpr int64_t kFragmentBytes = kWarpSize * 16;
  int64_t fragments = sums.size() / 4;
  int64_t units = unitsOfWarp(), panels = panelsOfWarp();
  Value first = firstUnit(), strip = b.rem(warp, layout.strips), col = getColumn(part);
  auto vector = VectorType::get({4}, b.getF32Type());
  // Nobody reads the rings any more.
  b.syncThreads();
  Value mine = b.offset(shared, b.mul(lane, 16));
  Value target = b.offset(mine, b.mul(warp, fragments * kFragmentBytes));
  for (int64_t f = 0; f < fragments; ++f) {
    Value four = LLVM::UndefOp::create(b, vector);
    for (int64_t i = 0; i < 4; ++i)
      four = LLVM::InsertElementOp::create(b, four, sums[4 * f + i], b.i32(i));
    b.store(four, b.offset(target, f * kFragmentBytes), 16);
  }
  b.syncThreads();
  b.ifThen(part.exists, [&] {
    for (int64_t unit = 0; unit < units; unit += panels) {
      Value at = b.shr(b.add(first, unit), llvm::Log2_64(kPanels)), panel = b.band(first, kPanels - 1);
      SmallVector<Value> total;
      for (int64_t p = 0; p < panels; ++p) {
        Value fragment = b.add(b.mul(b.add(panel, p), tokens / kMmaTokens), b.mul(at, 2));
        SmallVector<Value> parts(8);
        for (int64_t k = 0; k < splitK; ++k) {
          Value from = b.add(strip, k * layout.strips);
          Value source = b.offset(mine, b.mul(b.add(b.mul(from, fragments), fragment), kFragmentBytes));
          for (int64_t f = 0; f < 2; ++f) {
            Value four = b.load(vector, b.offset(source, f * kFragmentBytes), 16);
            for (int64_t i = 0; i < 4; ++i) {
              Value value = LLVM::ExtractElementOp::create(b, four, b.i32(i));
              Value &sum = parts[4 * f + i];
              sum = k ? b.addf(sum, value) : value;
            }
          }
        }
        total.append(parts);
      }
      storeFragments(transpose(total, panels), biases, b.add(m, b.mul(at, kTokens)), col);
    }
  });
}

void SparseMmaEmitter::emitTiles() {
  Value zero = b.i32(0);
  Value firstTile = schedule.persistent ? b.div(b.blockId(), cluster) : Value();
  auto request = [&](const Part &part, Value place, int64_t from, int64_t to) {
    for (int64_t chunk = from; chunk < to; ++chunk)
      requestChunk(part, place, b.i32(chunk));
  };
  // Beyond the last tile there are no squares.
  auto loadNext = [&](Value tile) {
    Part part = loadPart(tile);
    part.count = b.select(b.lt(tile, tiles), part.count, b.i32(0));
    return part;
  };
  Part first = schedule.persistent ? loadNext(firstTile) : loadPart(firstTile);
  request(first, zero, 0, kChunks);
  SmallVector<BiasPair> biases;
  auto loadBiases = [&](const Part &part) {
    Value col = getColumn(part);
    if (!hasColumns()) {
      biases = loadFragmentBias(2 * panelsOfWarp(), col);
      return;
    }
    biases.assign(2 * kPanels, {});
    for (int64_t i = 0; bias && i < 2 * kPanels; ++i)
      biases[i] = BiasPair(2, loadBiasElement(getSumColumn(col, i / 2, i % 2)));
  };
  // There is time until x arrives.
  if (!schedule.persistent)
    loadBiases(first);
  // The epilogue reads what earlier kernels wrote, and overwrites what they read.
  if (b.sm.hasProgrammaticLaunch)
    b.waitForPrevious();
  ifHasTile([&] {
    Value m = getTile(firstTile).first;
    for (int64_t i = 0; i < ahead; ++i)
      requestX({b.i32(i), b.i32(1)}, b.i32(i), m);
  });
  // A fresh barrier lets pass who waits for the phase before the first.
  SmallVector<Value> init{zero, zero, b.i32(ahead), b.i32(1), zero};
  init.append({first.strip, first.exists, first.number, first.squares, first.count});
  forEachTile(init, [&](Value tile, Value nextTile, ValueRange carried) {
    State state{{carried[0], carried[1]}, {carried[2], carried[3]}, carried[4]};
    Part part{carried[5], carried[6], carried[7], carried[8], carried[9]}, next;
    Value m = getTile(tile).first, nextM, hasNext;
    if (schedule.persistent) {
      next = loadNext(nextTile);
      nextM = getTile(nextTile).first;
      hasNext = b.lt(nextTile, tiles);
    }
    SmallVector<Value> sums = emitMainLoop(part, state, m, nextM, hasNext);
    Value place = state.place;
    if (splitK > 1) {
      reducePartialSums(sums, part, m, biases);
      return SmallVector<Value>();
    }
    b.syncWarp();
    // The chunks that boxes stand in come when these have left.
    int64_t early = hasBoxes ? kChunks - 2 : kChunks;
    if (schedule.persistent)
      request(next, place, 0, early);
    if (schedule.persistent)
      loadBiases(part);
    b.ifThen(part.exists, [&] { storeTile(sums, part, m, place, biases); });
    if (!schedule.persistent)
      return SmallVector<Value>();
    request(next, place, early, kChunks);
    SmallVector<Value> end{state.slot.stage, state.slot.parity, state.fill.stage, state.fill.parity, place};
    end.append({next.strip, next.exists, next.number, next.squares, next.count});
    return end;
  });
  if (hasBoxes)
    b.ifThen(b.eq(lane, 0), [&] { b.waitBulk(0, /*read=*/false); });
}

//===----------------------------------------------------------------------===//
// The kernel
//===----------------------------------------------------------------------===//

BuiltKernel SparseMmaEmitter::build(StringRef name) {
  bool isStrided = spec.xStride == ShapedType::kDynamic, isHalf = !spec.yType.isF32();
  hasBoxes = b.sm.hasTMA && splitK == 1 && isHalf && spec.yAligned &&
             (spec.yStride == ShapedType::kDynamic || spec.yStride % 8 == 0);
  if (b.sm.hasTMA) {
    declareMap({0,
                spec.xType,
                {constant(spec.k), symbol(kSymbolRows)},
                {xStrideExpr()},
                constant(0),
                {kBlockK, tokens / cluster},
                kRowBytes});
    if (hasBoxes)
      declareMap({spec.outputOperand(),
                  spec.yType,
                  {constant(spec.n), symbol(kSymbolRows)},
                  {yStrideExpr()},
                  constant(0),
                  {StripsLayout::kStripRows, kTokens},
                  kRowBytes});
  } else {
    declarePointer(0);
    if (isStrided)
      declareI32(symbol(kSymbolXStride));
  }
  declarePointer(1);
  declareCommon(/*yByPointer=*/!hasBoxes);
  createKernel(name, layout.threads(), getSparseMmaBlocksPerSM(spec, schedule, b.sm));
  if (b.sm.hasTMA) {
    xMap = takeParameter();
    if (hasBoxes)
      yMap = takeParameter();
  } else {
    x = takeParameter();
    xStride = isStrided ? takeParameter() : b.i32(spec.xStride ? spec.xStride : spec.k);
  }
  w = takeParameter();
  takeCommon(/*yByPointer=*/!hasBoxes);

  shared = b.sharedMemory();
  barriers = b.offset(shared, layout.barriers);
  lane = b.laneId();
  Value thread = b.threadId();
  warp = b.uniform(b.shr(thread, 5));
  ring = b.offset(shared, b.add(b.mul(warp, kRingBytes), layout.rings));
  ringBarriers = b.offset(barriers, b.add(b.mul(warp, 8 * kChunks), 16 * stages));
  firstBlock = splitK > 1 ? b.mul(b.div(warp, layout.strips), layout.blocksK) : b.i32(0);
  if (schedule.persistent) {
    tilesM = b.ceilDiv(rows, tokens);
    tiles = b.mul(tilesM, ceilDiv(groups, cluster));
  }

  b.ifThen(b.eq(thread, 0), [&] {
    if (b.sm.hasTMA)
      b.prefetchMap(xMap);
    // Without TMA each thread that copies arrives.
    int64_t copying = b.sm.hasTMA ? 1 : kWarpSize;
    for (int64_t i = 0; i < stages; ++i) {
      b.initBarrier(full(b.i32(i)), b.sm.hasTMA ? 1 : layout.threads());
      b.initBarrier(empty(b.i32(i)), layout.warps * cluster);
    }
    Value first = b.offset(barriers, 16 * stages);
    for (int64_t i = 0; i < layout.warps * kChunks; ++i)
      b.initBarrier(b.offset(first, 8 * i), copying);
    if (b.sm.hasTMA)
      b.fenceBarrierInit();
  });
  b.syncThreads();
  if (cluster > 1)
    b.clusterSync();
  if (b.sm.hasProgrammaticLaunch)
    b.launchNext();

  emitTiles();
  // Nobody leaves while others copy to its shared memory, or arrive at its barriers.
  if (cluster > 1) {
    b.syncWarp();
    b.clusterSync();
  }

  LaunchExpr m = symbol(kSymbolRows);
  if (schedule.persistent)
    // No blocks for no rows.
    kernel.grid = {m.ceilDiv(int64_t(1) << 30) *
                       (getSparseMmaBlocksPerSM(spec, schedule, b.sm) * b.sm.numSMs / cluster * cluster),
                   constant(1), constant(1)};
  else
    kernel.grid = {constant(ceilDiv(groups, cluster) * cluster), m.ceilDiv(tokens), constant(1)};
  kernel.sharedBytes = layout.total;
  kernel.programmatic = b.sm.hasProgrammaticLaunch;
  return std::move(kernel);
}

BuiltKernel gpu_kernels::buildSparseMmaLinear(OpBuilder &builder, Location loc, StringRef name,
                                              const LinearKernelSpec &spec, const LinearSchedule &schedule,
                                              const SM &sm) {
  return SparseMmaEmitter(builder, loc, spec, schedule, sm).build(name);
}
