//===- LinearSparse.cpp - Tile-sparse linear kernels for Hopper -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// y^T = w x^T, so that a kept tile of w is what wgmma takes as 64 rows, and tokens are
// its columns, of which there are up to 256: the more, the fewer bytes of shared memory
// a product reads.
//
//   producer (one warp)                       consumer warpgroup c: one strip of w
//   -------------------                       ------------------------------------
//   for each tile of strips and tokens        for each tile
//     for each block of 64 inputs of which      for each stage of the tile
//     one of the strips has a unit                wait full[stage]
//       wait empty[stage]                         wgmma with the slabs of this strip
//       note which slabs there are                release the stage before
//       request the block of x and the          transpose, add bias, epilogue, store
//       slabs -> full[stage]
//
// The list of blocks comes from the masks of the strips: each lane of the producer has
// that of one block, a vote tells which have a unit. Lists of the next tile are loaded
// while those of this one are worked off. A tile without units has one stage without
// anything.
//
// Tiles are numbered by groups of tokens whose x stays in L2: it comes from memory once.
// In a group strips go first to last, in the next one last to first. They stand in the
// order of their length, so blocks that take every gridDim-th tile end together.
//
// Shared memory: stages of x [tokens][64] with the 128-byte swizzle and, for each
// consumer, up to four slabs; two boxes of 64 tokens by 64 outputs for each consumer, if
// y leaves by TMA; for each stage what the producer notes; full and empty barriers.
//
//===----------------------------------------------------------------------===//

#include "LinearSparseEmitter.h"

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::gpu_kernels;
using namespace mlir::et::gpu_kernels::sparse;
using namespace mlir::et::nvidia;

SparseEmitter::Slot SparseEmitter::advance(Slot slot) {
  Value next = b.add(slot.stage, 1);
  Value wrap = b.eq(next, stages);
  return {b.select(wrap, b.i32(0), next), b.bxor(slot.parity, b.zext(wrap, b.getI32Type()))};
}

std::pair<Value, Value> SparseEmitter::getTile(Value tile) {
  if (!schedule.persistent)
    return {b.blockId(0), b.mul(b.blockId(1), tokens)};
  auto [m, group] = walkTiles(tile, tilesM, numGroups(), getCachedTiles(spec.k, tokens), /*backAndForth=*/true);
  return {group, b.mul(m, tokens)};
}

std::pair<Value, Value> SparseEmitter::getPlace(Value group, Value c) {
  Value place = b.add(b.mul(group, consumers), c), exists;
  if (strips.numStrips() % consumers) {
    exists = b.lt(place, strips.numStrips());
    place = b.min(place, b.i32(strips.numStrips() - 1));
  }
  return {place, exists};
}

//===----------------------------------------------------------------------===//
// Producer
//===----------------------------------------------------------------------===//

SmallVector<Value> SparseEmitter::loadMasks(Value group, Value firstBlock) {
  Type i16 = b.getI16Type();
  Value block = b.add(firstBlock, b.laneId()), start = b.offset(weight, strips.masksOffset());
  Value inside = b.min(block, b.i32(strips.numBlocks() - 1));
  SmallVector<Value> masks;
  for (int64_t c = 0; c < consumers; ++c) {
    auto [place, exists] = getPlace(group, b.i32(c));
    Value mask = b.loadInvariant(i16, b.element(start, b.add(b.mul(place, strips.maskStride()), inside), i16));
    Value isThere = b.lt(block, strips.numBlocks());
    if (exists)
      isThere = b.land(isThere, exists);
    masks.push_back(b.select(isThere, b.zext(mask, b.getI32Type()), b.i32(0)));
  }
  return masks;
}

SparseEmitter::Lists SparseEmitter::loadLists(Value group) {
  Lists lists;
  Type i32 = b.getI32Type();
  for (int64_t c = 0; c < consumers; ++c) {
    Value place = getPlace(group, b.i32(c)).first;
    lists.units.push_back(b.loadInvariant(i32, b.element(b.offset(weight, strips.startsOffset()), place, i32)));
  }
  for (int64_t chunk = 0; chunk < numAhead(); ++chunk)
    llvm::append_range(lists.masks, loadMasks(group, b.i32(chunk * kWarpSize)));
  return lists;
}

SparseEmitter::Lists SparseEmitter::takeLists(ValueRange values) {
  Lists lists;
  llvm::append_range(lists.units, values.take_front(consumers));
  llvm::append_range(lists.masks, values.slice(consumers, numAhead() * consumers));
  return lists;
}

Value SparseEmitter::getBlocks(ArrayRef<Value> masks, Value start) {
  Value all = masks[0];
  for (Value mask : masks.drop_front())
    all = b.bor(all, mask);
  Value any = b.ne(all, 0);
  if (start)
    any = b.land(any, b.le(start, b.laneId()));
  return b.ballot(any);
}

void SparseEmitter::requestSlabs(Value stage, Value count, Value lane, ArrayRef<Value> masks,
                                 SmallVectorImpl<Value> &units) {
  SmallVector<Value> theirs, sizes;
  Value bytes = b.i32(tokens * kRowBytes);
  for (Value mask : masks) {
    theirs.push_back(b.shuffle(mask, lane));
    sizes.push_back(b.popcount(theirs.back()));
    bytes = b.add(bytes, b.mul(sizes.back(), kSlabBytes));
  }
  b.ifThen(elected, [&] {
    b.store(count, note(stage, 0), 4);
    for (auto [c, mask] : llvm::enumerate(theirs))
      b.store(mask, note(stage, 1 + c), 4);
    b.expectBytes(full(stage), bytes);
    for (int64_t c = 0; c < consumers; ++c)
      b.ifThen(b.ne(sizes[c], 0), [&] {
        Type i64 = b.getI64Type();
        Value from = b.add(b.mul(b.zext(units[c], i64), kSlabBytes), strips.unitsOffset());
        Value target = b.offset(stageStart(stage), tokens * kRowBytes + c * kSlabs * kSlabBytes);
        b.copyBulk(target, b.offset(weight, from), b.mul(sizes[c], kSlabBytes), full(stage));
      });
  });
  for (int64_t c = 0; c < consumers; ++c)
    units[c] = b.add(units[c], sizes[c]);
}

void SparseEmitter::requestX(Value stage, Value block, Value firstToken) {
  b.ifThen(elected, [&] { b.tmaLoad(stageStart(stage), xMap, full(stage), {b.mul(block, kBlockK), firstToken}); });
}

Value SparseEmitter::countStages(const Lists &lists, Value group) {
  Value count = b.i32(0);
  for (int64_t chunk = 0; chunk < numAhead(); ++chunk)
    count = b.add(count, b.popcount(getBlocks(ArrayRef(lists.masks).slice(chunk * consumers, consumers))));
  if (numChunks() == numAhead())
    return count;
  // Of very long rows the rest is looked at twice.
  return b.loop(b.i32(numAhead()), b.i32(numChunks()), b.i32(1), {count}, [&](Value chunk, ValueRange carried) {
    SmallVector<Value> masks = loadMasks(group, b.mul(chunk, kWarpSize));
    return SmallVector<Value>{b.add(carried[0], b.popcount(getBlocks(masks)))};
  })[0];
}

void SparseEmitter::emitProducer() {
  Value first = schedule.persistent ? b.blockId() : b.i32(0), step = schedule.persistent ? b.gridDim() : b.i32(1);
  Value lastTile = schedule.persistent ? tiles : b.i32(1);
  auto groupOf = [&](Value tile) { return getTile(tile).first; };
  auto nextBit = [&](Value bits) { return b.band(bits, b.sub(bits, 1)); };

  // Weights are no other kernel's result: the first are requested before the wait for the previous kernel.
  Lists lists = loadLists(groupOf(first));
  Value count = countStages(lists, groupOf(first));
  ArrayRef<Value> firstMasks = ArrayRef(lists.masks).take_front(consumers);
  Value blocks = getBlocks(firstMasks);
  Value early = b.min(b.popcount(blocks), b.i32(stages));
  SmallVector<Value> init = {blocks};
  init.append(lists.units);
  SmallVector<Value> end = b.loop(b.i32(0), early, b.i32(1), init, [&](Value stage, ValueRange carried) {
    SmallVector<Value> units(carried.drop_front());
    requestSlabs(stage, count, b.countTrailingZeros(carried[0]), firstMasks, units);
    SmallVector<Value> result = {nextBit(carried[0])};
    result.append(units);
    return result;
  });
  llvm::copy(ValueRange(end).drop_front(), lists.units.begin());
  b.waitForPrevious();
  Value firstToken = getTile(first).second;
  end = b.loop(b.i32(0), early, b.i32(1), {blocks, b.i32(0)}, [&](Value stage, ValueRange carried) {
    Value block = b.countTrailingZeros(carried[0]);
    requestX(stage, block, firstToken);
    return SmallVector<Value>{nextBit(carried[0]), b.add(block, 1)};
  });

  // Carried: the slot, the first block that is not requested yet, and the lists of the tile.
  Value isWrapped = b.eq(early, stages);
  SmallVector<Value> carried = {b.select(isWrapped, b.i32(0), early), b.select(isWrapped, b.i32(0), b.i32(1)), end[1]};
  llvm::append_range(carried, lists.flatten());
  b.loop(first, lastTile, step, carried, [&](Value tile, ValueRange values) {
    Slot slot{values[0], values[1]};
    Value start = values[2];
    Lists now = takeLists(values.drop_front(3));
    Value group, token;
    std::tie(group, token) = getTile(tile);
    // Behind the last tile nothing is used.
    Lists ahead = schedule.persistent ? loadLists(groupOf(b.min(b.add(tile, step), b.sub(tiles, 1)))) : now;
    Value stagesOfTile = countStages(now, group);
    SmallVector<Value> units = now.units;
    auto requestBlocks = [&](Value bits, Value chunkStart, ArrayRef<Value> masks) {
      SmallVector<Value> init = {slot.stage, slot.parity, bits};
      init.append(units);
      SmallVector<Value> end = b.loop(b.i32(0), b.popcount(bits), b.i32(1), init, [&](Value, ValueRange at) {
        Slot here{at[0], at[1]};
        Value lane = b.countTrailingZeros(at[2]);
        SmallVector<Value> moved(at.drop_front(3));
        b.ifThen(elected, [&] { b.waitBarrier(empty(here.stage), here.parity); });
        requestSlabs(here.stage, stagesOfTile, lane, masks, moved);
        requestX(here.stage, b.add(chunkStart, lane), token);
        Slot following = advance(here);
        SmallVector<Value> result = {following.stage, following.parity, nextBit(at[2])};
        result.append(moved);
        return result;
      });
      slot = {end[0], end[1]};
      llvm::copy(ValueRange(end).drop_front(3), units.begin());
    };
    for (int64_t chunk = 0; chunk < numAhead(); ++chunk) {
      ArrayRef<Value> masks = ArrayRef(now.masks).slice(chunk * consumers, consumers);
      requestBlocks(getBlocks(masks, chunk == 0 ? start : Value()), b.i32(chunk * kWarpSize), masks);
    }
    if (numChunks() > numAhead()) {
      SmallVector<Value> init = {slot.stage, slot.parity};
      init.append(units);
      SmallVector<Value> end =
          b.loop(b.i32(numAhead()), b.i32(numChunks()), b.i32(1), init, [&](Value chunk, ValueRange at) {
            slot = {at[0], at[1]};
            llvm::copy(at.drop_front(2), units.begin());
            Value chunkStart = b.mul(chunk, kWarpSize);
            SmallVector<Value> masks = loadMasks(group, chunkStart);
            requestBlocks(getBlocks(masks), chunkStart, masks);
            SmallVector<Value> result = {slot.stage, slot.parity};
            result.append(units);
            return result;
          });
      slot = {end[0], end[1]};
    }
    // Consumers wait for one stage at least.
    SmallVector<Value> behind = b.ifElse(
        b.eq(stagesOfTile, 0), {b.getI32Type(), b.getI32Type()},
        [&] {
          b.ifThen(elected, [&] {
            b.waitBarrier(empty(slot.stage), slot.parity);
            b.store(b.i32(1), note(slot.stage, 0), 4);
            for (int64_t c = 0; c < consumers; ++c)
              b.store(b.i32(0), note(slot.stage, 1 + c), 4);
            b.arriveBarrier(full(slot.stage));
          });
          Slot following = advance(slot);
          return SmallVector<Value>{following.stage, following.parity};
        },
        [&] { return SmallVector<Value>{slot.stage, slot.parity}; });
    SmallVector<Value> result = {behind[0], behind[1], b.i32(0)};
    llvm::append_range(result, ahead.flatten());
    return result;
  });
}

//===----------------------------------------------------------------------===//
// Consumers
//===----------------------------------------------------------------------===//

SmallVector<Value> SparseEmitter::multiply(Value slabs, Value x, Value mask, ValueRange start) {
  SmallVector<Value> acc(start);
  int64_t together = spec.strips->tileColumns / kSlabK;
  SmallVector<Type> types(acc.size(), b.getF32Type());
  Value from = slabs;
  b.wgmmaFence();
  for (int64_t slab = 0; slab < kSlabs; slab += together) {
    auto emit = [&] {
      SmallVector<Value> sums = acc;
      for (int64_t i = 0; i < together; ++i)
        sums =
            b.wgmma(tokens, spec.xType, b.add(from, i * kSlabBytes >> 4), b.add(x, (slab + i) * kSlabK * 2 >> 4), sums);
      return sums;
    };
    if (together == kSlabs) {
      acc = emit();
      break;
    }
    Value has = b.ne(b.band(mask, int64_t(1) << slab), 0);
    acc = b.ifElse(has, types, emit, [&] { return acc; });
    from = b.add(from, b.select(has, b.i64(together * kSlabBytes >> 4), b.i64(0)));
  }
  b.wgmmaCommit();
  return acc;
}

SmallVector<Value> SparseEmitter::emitMainLoop(Slot &slot, Value consumer) {
  int64_t count = tokens / 2;
  Type i32 = b.getI32Type();
  Value base = b.sharedAddress(shared);
  Value descX = b.wgmmaDescriptor(base);
  Value descW = b.wgmmaDescriptor(b.add(base, b.add(b.mul(consumer, kSlabs * kSlabBytes), tokens * kRowBytes)),
                                  /*swizzle=*/0, /*stride=*/128, /*leading=*/1024);
  // The lane that reads the notes of a stage is the one that hands it back.
  auto readNote = [&](Value place) {
    auto read = [&] { return SmallVector<Value>{b.load(i32, place, 4)}; };
    return b.uniform(b.ifElse(elected, {i32}, read, [&] { return SmallVector<Value>{b.i32(0)}; })[0]);
  };
  auto release = [&](Value stage, Value cond) {
    b.ifThen(b.land(elected, cond), [&] { b.arriveBarrier(empty(stage)); });
  };
  b.waitBarrier(full(slot.stage), slot.parity);
  Value stagesOfTile = readNote(note(slot.stage, 0));
  Value myMask = b.offset(notes, b.add(b.mul(consumer, 4), 4));

  // Carried: accumulators, stage, parity, and the stage that is still multiplied from, -1 when there is none.
  SmallVector<Value> init(count, b.f32(0.0));
  init.append({slot.stage, slot.parity, b.i32(-1)});
  SmallVector<Type> types(count, b.getF32Type());
  types.push_back(i32);
  SmallVector<Value> end = b.loop(b.i32(0), stagesOfTile, b.i32(1), init, [&](Value, ValueRange carried) {
    SmallVector<Value> acc(carried.take_front(count));
    Slot at{carried[count], carried[count + 1]};
    Value before = carried[count + 2];
    b.waitBarrier(full(at.stage), at.parity);
    Value mask = readNote(b.offset(myMask, b.mul(at.stage, 16)));
    Value step = b.zext(b.mul(at.stage, layout.stageBytes >> 4), b.getI64Type());
    SmallVector<Value> result = b.ifElse(
        b.ne(mask, 0), types,
        [&] {
          SmallVector<Value> sums = multiply(b.add(descW, step), b.add(descX, step), mask, acc);
          // The stage before is done: it may be filled again.
          b.wgmmaWait(1);
          release(before, b.le(b.i32(0), before));
          sums.push_back(at.stage);
          return sums;
        },
        [&] {
          // Whoever has nothing to multiply must not hold on to a stage: the producer may need it to go on.
          b.wgmmaWait(0);
          release(before, b.le(b.i32(0), before));
          release(at.stage, b.i1(true));
          SmallVector<Value> same = acc;
          same.push_back(b.i32(-1));
          return same;
        });
    Slot next = advance(at);
    result.insert(result.begin() + count, {next.stage, next.parity});
    return result;
  });
  SmallVector<Value> acc = b.wgmmaWait(0, ValueRange(end).take_front(count));
  release(end[count + 2], b.le(b.i32(0), end[count + 2]));
  slot = {end[count], end[count + 1]};
  return acc;
}

void SparseEmitter::emitConsumer(Value consumer) {
  // The epilogue reads what earlier kernels wrote, and overwrites what they read.
  Value first = schedule.persistent ? b.blockId() : b.i32(0), step = schedule.persistent ? b.gridDim() : b.i32(1);
  Value lastTile = schedule.persistent ? tiles : b.i32(1);
  b.waitForPrevious();
  b.loop(first, lastTile, step, {b.i32(0), b.i32(0)}, [&](Value tile, ValueRange carried) {
    Slot slot{carried[0], carried[1]};
    auto [group, firstToken] = getTile(tile);
    auto [stripPlace, exists] = getPlace(group, consumer);
    Value strip = b.loadInvariant(b.getI32Type(), b.element(weight, stripPlace, b.getI32Type()));
    std::vector<FragmentInputs> steps = loadAhead(strip, firstToken);
    SmallVector<Value> acc = emitMainLoop(slot, consumer);
    auto store = [&, firstToken = firstToken] { storeTile(acc, strip, firstToken, consumer, std::move(steps)); };
    if (exists)
      b.ifThen(exists, store);
    else
      store();
    return SmallVector<Value>{slot.stage, slot.parity};
  });
  if (layout.boxTokens)
    b.ifThen(b.eq(b.band(thread, kWarpgroupSize - 1), 0), [&] { b.waitBulk(0, /*read=*/false); });
}

//===----------------------------------------------------------------------===//
// The kernel
//===----------------------------------------------------------------------===//

BuiltKernel SparseEmitter::build(StringRef name) {
  // One consumer needs no more than a warp beside it; with two, a whole warpgroup gives up its registers for them.
  bool reallocate = consumers > 1;
  int64_t threads = consumers * kWarpgroupSize + (reallocate ? kWarpgroupSize : kWarpSize);
  declareMap({0,
              spec.xType,
              {constant(spec.k), symbol(kSymbolRows)},
              {xStrideExpr()},
              constant(0),
              {kBlockK, tokens},
              kRowBytes});
  if (layout.boxTokens)
    declareMap({spec.outputOperand(),
                spec.yType,
                {constant(spec.n), symbol(kSymbolRows)},
                {yStrideExpr()},
                constant(0),
                {StripsLayout::kStripRows, layout.boxTokens},
                kRowBytes});
  declarePointer(1);
  declareCommon(/*yByPointer=*/!layout.boxTokens);
  createKernel(name, threads, getSparseBlocksPerSM(schedule));
  xMap = takeParameter();
  if (layout.boxTokens)
    yMap = takeParameter();
  weight = takeParameter();
  takeCommon(/*yByPointer=*/!layout.boxTokens);

  shared = b.sharedMemory();
  notes = b.offset(shared, layout.notes);
  barriers = b.offset(shared, layout.barriers);
  thread = b.threadId();
  elected = b.eq(b.laneId(), 0);
  Value warpgroup = b.uniform(b.shr(thread, 7));
  if (schedule.persistent) {
    tilesM = b.ceilDiv(rows, tokens);
    tiles = b.mul(tilesM, numGroups());
  }
  b.ifThen(b.eq(thread, consumers * kWarpgroupSize), [&] {
    b.prefetchMap(xMap);
    for (int64_t i = 0; i < stages; ++i) {
      b.initBarrier(full(b.i32(i)), 1);
      // Each warp of a consumer releases a stage.
      b.initBarrier(empty(b.i32(i)), 4 * consumers);
    }
    b.fenceBarrierInit();
  });
  b.syncThreads();
  // The next kernel may start as soon as all blocks of this one run: it waits for this one before it reads.
  b.launchNext();
  b.ifThenElse(
      b.lt(warpgroup, consumers),
      [&] {
        if (reallocate)
          b.increaseRegisters(kConsumerRegisters);
        emitConsumer(warpgroup);
      },
      [&] {
        if (reallocate)
          b.decreaseRegisters(kProducerRegisters);
        Value isProducer = b.eq(b.uniform(b.shr(thread, 5)), consumers * 4);
        if (schedule.persistent)
          isProducer = b.land(isProducer, b.lt(b.blockId(), tiles));
        b.ifThen(isProducer, [&] { emitProducer(); });
      });

  LaunchExpr m = symbol(kSymbolRows);
  if (schedule.persistent)
    // No blocks for no rows.
    kernel.grid = {m.ceilDiv(int64_t(1) << 30) * (b.sm.numSMs * getSparseBlocksPerSM(schedule)), constant(1),
                   constant(1)};
  else
    kernel.grid = {constant(numGroups()), m.ceilDiv(tokens), constant(1)};
  kernel.sharedBytes = getLinearSharedBytes(spec, schedule);
  kernel.programmatic = true;
  return std::move(kernel);
}

BuiltKernel gpu_kernels::buildSparseLinear(OpBuilder &builder, Location loc, StringRef name,
                                           const LinearKernelSpec &spec, const LinearSchedule &schedule, const SM &sm) {
  return SparseEmitter(builder, loc, spec, schedule, sm).build(name);
}
