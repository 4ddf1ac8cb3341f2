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
//   request the first stages of x
//   for each tile
//     for each stage of 1, 2 or 4 blocks of K
//       wait full[stage]
//       for each 16 inputs of which squares are stored
//         load x
//         for each panel of 16 outputs whose square is stored
//           request a square in place of this one, wait for the next and load it
//           multiply
//       release the stage
//       wait empty[an earlier stage], request x for it
//     request the first squares of the next tile
//     transpose sums, add bias, epilogue, store
//
// The squares of a strip lie next to each other, so each warp runs through them by a ring of its own, however they are
// spread over the blocks of K. A lane copies the 16 bytes of a square that it will multiply itself, by cp.async: that
// takes no barrier, and the warps of a multiprocessor have more than a hundred squares on their way. Where there is
// TMA it brings x, requested by a thread of some warps, for all blocks of a cluster at once; elsewhere all warps copy x
// by cp.async, which arrives at the same barriers. There is no warp for x alone: registers are given to four warps at a
// time, and a ninth would leave 168 to each.
//
// With few squares the time goes into what a warp does one after the other, not into multiplying. So work is by bits
// that are set: a loop over those 16 inputs that are needed, branches over panels that are not, and stages of several
// blocks of K, whose barriers cost the same.
//
// With splitK as many warps share a strip, each with a range of the blocks of K, and add up their sums through shared
// memory at the end.
//
// The sums of a square are outputs by tokens. An epilogue that does not ask for rows runs on them as they are, and
// stmatrix transposes. For others movmatrix makes tokens by outputs of them, the fragments that dense kernels have.
//
//===----------------------------------------------------------------------===//

#include "LinearSparseMmaEmitter.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::gpu_kernels;
using namespace mlir::et::nvidia;
using namespace mlir::et::gpu_kernels::sparse_mma;

SparseMmaEmitter::Slot SparseMmaEmitter::advance(Slot slot) {
  Value next = b.add(slot.stage, 1);
  Value wrap = b.eq(next, stages);
  return {b.select(wrap, b.i32(0), next), b.bxor(slot.parity, b.zext(wrap, b.getI32Type()))};
}

std::pair<Value, Value> SparseMmaEmitter::getTile(Value tile) {
  if (!schedule.persistent)
    return {b.mul(b.blockId(1), tokens), b.mul(b.blockId(0), layout.strips)};
  // The blocks of a cluster have neighbouring strips.
  auto [m, place] =
      walkTiles(tile, tilesM, ceilDiv(groups, cluster), getCachedTiles(spec.k, tokens), /*backAndForth=*/true);
  Value group = b.mul(place, cluster);
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

void SparseMmaEmitter::requestX(Slot slot, Value step, Value m) {
  auto request = [&] {
    b.waitBarrier(empty(slot.stage), slot.parity);
    copyX(slot.stage, step, m);
  };
  if (b.sm.hasTMA)
    b.ifThen(b.land(b.eq(lane, 0), b.lt(warp, layout.copiers())), request);
  else
    request();
}

void SparseMmaEmitter::copyX(Value stage, Value step, Value m) {
  Value block = b.mul(step, layout.blocksPerStage);
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
    // And each warp that copies its share of the boxes.
    int64_t copiers = layout.copiers();
    b.expectBytes(barrier, layout.stageBytes / copiers);
    for (int64_t at = 0; at < layout.boxes(); at += copiers) {
      Value box = copiers > 1 ? b.add(warp, at) : b.i32(at), part = b.div(box, layout.blocksPerStage);
      Value column = b.add(b.add(block, b.mul(part, layout.blocksK)), b.rem(box, layout.blocksPerStage));
      b.tmaLoad(b.offset(start, b.mul(box, tokens * kRowBytes)), xMap, barrier, {b.mul(column, kBlockK), row}, mask);
    }
    return;
  }
  // 16-byte chunk c of a row at place c ^ (row % 8) of it, as TMA has it. A warp copies four rows at once, a lane one
  // chunk of a row.
  constexpr int64_t kElements = 8, kLanesPerRow = kRowBytes / 16, kRows = kWarpSize / kLanesPerRow;
  int64_t copies = splitK * layout.blocksPerStage * tokens / kRows;
  Value chunk = b.band(lane, kLanesPerRow - 1), first = b.div(lane, kLanesPerRow);
  auto copy = [&](Value index) {
    Value inStage = b.add(b.mul(index, kRows), first), blockOf = b.div(inStage, tokens);
    Value part = b.div(blockOf, layout.blocksPerStage);
    Value row = b.add(m, b.rem(inStage, tokens));
    Value column = b.add(block, b.mul(part, layout.blocksK));
    column = b.mul(b.add(column, b.rem(blockOf, layout.blocksPerStage)), kBlockK);
    column = b.add(column, b.mul(chunk, kElements));
    // What does not exist is not read, but its address is computed: keep it inside.
    Value source =
        elementPointer(x, b.min(row, lastRow), xStride, b.min(column, b.i32(spec.k - kElements)), spec.xType);
    Value place = b.add(b.mul(inStage, kRowBytes), b.mul(b.bxor(chunk, b.band(inStage, 7)), 16));
    Value exists = b.land(b.lt(column, spec.k), b.lt(row, rows));
    b.copyAsync(b.offset(start, place), source, 16, b.select(exists, b.i32(16), b.i32(0)));
  };
  constexpr int64_t kMostInline = 4;
  if (copies > kMostInline * layout.warps)
    // So many addresses at once would take the registers of the sums.
    b.loop(warp, b.i32(copies), b.i32(layout.warps), copy);
  else
    for (int64_t at = 0; at < copies; at += layout.warps) {
      Value index = b.add(warp, at);
      if (at + layout.warps <= copies)
        copy(index);
      else
        b.ifThen(b.lt(index, copies), [&] { copy(index); });
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
          Value block = b.add(from, lane), masks = loadMasks(part, b.sub(from, firstBlock), /*isOwn=*/false);
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
  part.squares = b.offset(b.offset(b.offset(w, storage.unitsOffset()), b.mul(lane, 16)), bytes);
  return part;
}

Value SparseMmaEmitter::loadMasks(const Part &part, Value block, bool isOwn) {
  Value inPart = b.add(block, lane), index = b.add(firstBlock, inPart);
  Value exists = b.land(b.lt(index, storage.numBlocks()), part.exists);
  if (isOwn && splitK > 1)
    exists = b.land(exists, b.lt(inPart, layout.blocksK));
  index = b.add(b.mul(part.strip, storage.maskStride()), b.min(index, b.i32(storage.numBlocks() - 1)));
  Type i16 = b.getIntegerType(16);
  Value mask = b.loadInvariant(i16, b.element(b.offset(w, storage.masksOffset()), index, i16), 2);
  return b.select(exists, b.zext(mask, b.getI32Type()), b.i32(0));
}

void SparseMmaEmitter::requestSquare(const Part &part, Value place) {
  b.ifThen(b.lt(place, part.count), [&] {
    Value bytes = b.mul(b.zext(place, b.getI64Type()), kSquareBytes);
    b.copyAsync(ringPlace(place), b.offset(part.squares, bytes), 16);
  });
  // A group each, whether there is one or not: so many requests later it has come.
  b.commitAsync();
}

SmallVector<Value> SparseMmaEmitter::loadSquare(Value place) {
  // As many were requested as the ring has, and this is the second of them; the first is in registers, or waited for
  // along with it.
  b.waitAsync(kRing - 2);
  Value four = b.load(VectorType::get({4}, b.getI32Type()), ringPlace(place), 16);
  SmallVector<Value> result;
  for (int64_t i = 0; i < 4; ++i)
    result.push_back(LLVM::ExtractElementOp::create(b, four, b.i32(i)));
  return result;
}

SmallVector<Value> SparseMmaEmitter::multiply(const Part &part, ValueRange carried, Value start, Value bits) {
  SmallVector<SmallVector<Value>> xs;
  for (int64_t at = 0; at < tokens; at += kTokens) {
    SmallVector<Value> both = b.ldmatrix(b.offset(start, at * kRowBytes), 4);
    xs.push_back({both[0], both[1]});
    xs.push_back({both[2], both[3]});
  }
  int64_t count = kPanels * sumsPerPanel;
  SmallVector<Value> result(carried);
  for (int64_t panel = 0; panel < kPanels; ++panel) {
    // What the branch changes: sums of the panel, the square, its place.
    SmallVector<Value> own(ArrayRef(result).slice(panel * sumsPerPanel, sumsPerPanel));
    own.append(result.begin() + count, result.end());
    SmallVector<Value> next = b.ifElse(
        b.ne(b.band(bits, 1 << panel), 0), TypeRange(ValueRange(own)),
        // Waiting keeps this a branch: without it ptxas issues all of it with a predicate, wanted or not.
        [&] {
          ArrayRef<Value> square = ArrayRef(own).slice(sumsPerPanel, 4);
          Value place = own.back(), following = b.add(place, 1);
          // This lane's bytes of the square are in registers, and may be overwritten; but to wait for what has just
          // been requested to be counted takes time.
          SmallVector<Value> loaded = loadSquare(following), sums;
          for (auto [at, fragment] : llvm::enumerate(xs))
            sums.append(b.mma(spec.xType, square, fragment, ArrayRef(own).slice(4 * at, 4)));
          requestSquare(part, b.add(place, kRing));
          sums.append(loaded);
          sums.push_back(following);
          return sums;
        },
        [&] { return own; });
    llvm::copy(ArrayRef(next).take_front(sumsPerPanel), result.begin() + panel * sumsPerPanel);
    llvm::copy(ArrayRef(next).drop_front(sumsPerPanel), result.begin() + count);
  }
  return result;
}

SmallVector<Value> SparseMmaEmitter::emitMainLoop(const Part &part, State &state, Value m, Value nextM, Value hasNext) {
  constexpr int64_t kWordBlocks = 2, kBlockBits = kPanels * kSlabs;
  int64_t count = kPanels * sumsPerPanel, blocks = layout.blocksPerStage, blockBytes = tokens * kRowBytes;
  // x, row by row of the swizzle: matrices are the first 8 inputs of 8 tokens, the next 8, then of the next 8 tokens.
  Value row = b.add(b.band(lane, 7), b.shl(b.shr(lane, 4), 3));
  Value inRow = b.mul(b.bxor(b.band(b.shr(lane, 3), 1), b.band(lane, 7)), 16);
  Value rowStart = b.mul(row, kRowBytes);
  if (splitK > 1)
    rowStart = b.add(rowStart, b.mul(b.div(warp, layout.strips), blocks * blockBytes));

  // Of up to two blocks, whose bits are \p mask; carried: as for multiply.
  auto multiplyWord = [&](Value x, Value mask, ValueRange carried) {
    Value any = b.bor(mask, b.shr(mask, 1));
    any = b.band(b.bor(any, b.shr(any, 2)), 0x11111111);
    SmallVector<Value> init(carried);
    init.push_back(any);
    SmallVector<Value> results = b.loop(b.i32(0), b.popcount(any), b.i32(1), init, [&](Value, ValueRange at) {
      Value left = at.back(), bit = b.countTrailingZeros(left);
      Value start = b.offset(x, b.bxor(inRow, b.shl(b.band(bit, kBlockBits - kPanels), 3)));
      if (blocks > 1)
        start = b.offset(start, b.mul(b.div(bit, kBlockBits), blockBytes));
      Value bits = arith::ShRUIOp::create(b, mask, bit);
      SmallVector<Value> result = multiply(part, at.drop_back(), start, bits);
      result.push_back(b.band(left, b.sub(left, 1)));
      return result;
    });
    results.pop_back();
    return results;
  };
  // Up to 32 blocks of K from \p first on; carried: as for multiply, then the two slots.
  auto multiplyBlocks = [&](Value first, Value masks, ValueRange carried) {
    Value end = b.i32(ceilDiv(std::min(layout.blocksK, kWarpSize), blocks));
    Value firstStep = b.div(first, blocks);
    if (layout.blocksK > kWarpSize)
      end = b.min(end, b.sub(b.i32(layout.steps), firstStep));
    return b.loop(b.i32(0), end, b.i32(1), carried, [&](Value step, ValueRange at) {
      ValueRange slots = at.take_back(4);
      Slot own{slots[0], slots[1]}, fill{slots[2], slots[3]};
      Value x = b.offset(shared, b.add(b.mul(own.stage, layout.stageBytes), rowStart));
      auto getMask = [&](Value word) {
        Value block = b.add(b.mul(step, blocks), b.mul(word, kWordBlocks)), mask = b.shuffle(masks, block);
        return blocks == 1 ? mask : b.bor(mask, b.shl(b.shuffle(masks, b.add(block, 1)), kBlockBits));
      };
      SmallVector<Value> results(at.drop_back(4));
      if (blocks <= kWordBlocks) {
        Value mask = getMask(b.i32(0));
        b.waitBarrier(full(own.stage), own.parity);
        results = multiplyWord(x, mask, results);
      } else {
        b.waitBarrier(full(own.stage), own.parity);
        results = b.loop(b.i32(0), b.i32(blocks / kWordBlocks), b.i32(1), results, [&](Value word, ValueRange inner) {
          return multiplyWord(b.offset(x, b.mul(word, kWordBlocks * blockBytes)), getMask(word), inner);
        });
      }
      b.syncWarp();
      if (cluster == 1)
        b.ifThen(b.eq(lane, 0), [&] { b.arriveBarrier(empty(own.stage)); });
      else
        b.ifThen(b.lt(lane, cluster), [&] { b.arriveRemoteBarrier(empty(own.stage), lane); });
      // x of this tile, or of the next.
      Value wanted = b.add(b.add(firstStep, step), ahead), isOwn = b.lt(wanted, layout.steps), exists = isOwn;
      Value inTile = wanted, tokensOf = m;
      if (hasNext) {
        exists = b.lor(isOwn, hasNext);
        inTile = b.select(isOwn, wanted, b.sub(wanted, layout.steps));
        tokensOf = b.select(isOwn, m, nextM);
      }
      b.ifThen(exists, [&] { requestX(fill, inTile, tokensOf); });
      Slot next = advance(own), nextFill = advance(fill);
      results.append({next.stage, next.parity, nextFill.stage, nextFill.parity});
      return results;
    });
  };

  Value zero = b.i32(0);
  SmallVector<Value> end(count, b.f32(0.0));
  Value masks = loadMasks(part, zero, /*isOwn=*/true);
  end.append(loadSquare(zero));
  end.append({zero, state.slot.stage, state.slot.parity, state.fill.stage, state.fill.parity});
  if (layout.blocksK <= kWarpSize) {
    end = multiplyBlocks(zero, masks, end);
  } else {
    // The masks of the next 32 blocks are on their way while these are multiplied.
    end.push_back(masks);
    end = b.loop(zero, b.i32(layout.blocksK), b.i32(kWarpSize), end, [&](Value first, ValueRange at) {
      Value next = loadMasks(part, b.add(first, kWarpSize), /*isOwn=*/true);
      SmallVector<Value> results = multiplyBlocks(first, at.back(), at.drop_back());
      results.push_back(next);
      return results;
    });
    end.pop_back();
  }
  ArrayRef<Value> slots = ArrayRef(end).take_back(4);
  state.slot = {slots[0], slots[1]};
  state.fill = {slots[2], slots[3]};
  end.truncate(count);
  return end;
}

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

void SparseMmaEmitter::emitTiles() {
  Value zero = b.i32(0);
  Value firstTile = schedule.persistent ? b.div(b.blockId(), cluster) : Value();
  auto request = [&](const Part &part, int64_t from, int64_t to) {
    for (int64_t place = from; place < to; ++place)
      requestSquare(part, b.i32(place));
  };
  // Beyond the last tile there are no squares.
  auto loadNext = [&](Value tile) {
    Part part = loadPart(tile);
    part.count = b.select(b.lt(tile, tiles), part.count, b.i32(0));
    return part;
  };
  Part first = schedule.persistent ? loadNext(firstTile) : loadPart(firstTile);
  request(first, 0, kRing);
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
  SmallVector<Value> init{zero, zero, b.i32(ahead), b.i32(1)};
  init.append({first.strip, first.exists, first.number, first.squares, first.count});
  forEachTile(init, [&](Value tile, Value nextTile, ValueRange carried) {
    State state{{carried[0], carried[1]}, {carried[2], carried[3]}};
    Part part{carried[4], carried[5], carried[6], carried[7], carried[8]}, next;
    Value m = getTile(tile).first, nextM, hasNext;
    if (schedule.persistent) {
      next = loadNext(nextTile);
      nextM = getTile(nextTile).first;
      hasNext = b.lt(nextTile, tiles);
    }
    SmallVector<Value> sums = emitMainLoop(part, state, m, nextM, hasNext);
    if (splitK > 1) {
      reducePartialSums(sums, part, m, biases);
      return SmallVector<Value>();
    }
    b.syncWarp();
    int64_t early = hasBoxes ? kRing - kBoxSquares : kRing;
    if (schedule.persistent)
      request(next, 0, early);
    if (schedule.persistent)
      loadBiases(part);
    b.ifThen(part.exists, [&] { storeTile(sums, part, m, biases); });
    if (!schedule.persistent)
      return SmallVector<Value>();
    request(next, early, kRing);
    SmallVector<Value> end{state.slot.stage, state.slot.parity, state.fill.stage, state.fill.parity};
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
  ring = b.offset(shared, b.add(b.add(b.mul(warp, kRingBytes), b.mul(lane, 16)), layout.rings));
  firstBlock = splitK > 1 ? b.mul(b.div(warp, layout.strips), layout.blocksK) : b.i32(0);
  if (schedule.persistent) {
    tilesM = b.ceilDiv(rows, tokens);
    tiles = b.mul(tilesM, ceilDiv(groups, cluster));
  }

  b.ifThen(b.eq(thread, 0), [&] {
    if (b.sm.hasTMA)
      b.prefetchMap(xMap);
    // Without TMA each thread that copies arrives.
    for (int64_t i = 0; i < stages; ++i) {
      b.initBarrier(full(b.i32(i)), b.sm.hasTMA ? layout.copiers() : layout.threads());
      b.initBarrier(empty(b.i32(i)), layout.warps * cluster);
    }
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
