//===- AttentionWgmma.cpp - Attention by wgmma, in small blocks -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The two products with wgmma, and the schedule Wgmma, in which no warp has a role of
// its own: thread 0 asks for the tiles, every warpgroup computes 64 rows, and what hides
// the latency is that several blocks share a multiprocessor.
//
//   shared memory   Q (later O) of each warpgroup | ring of K | ring of V | barriers
//
//   thread 0: Q, and keys for every slot of the rings
//   S = Q K^T of the last `exactBlocks` blocks of keys; P = softmax(S); O = P V
//   for each block of keys before them, the last one first:
//     S = Q K^T; thread 0 refills the slot of the step before
//     P = 2^(S - max); O = O * 2^(old max - max) + P V
//   O / sum -> shared memory -> global memory
//
// The last keys come first because they alone may lie behind the end of the sequence:
// without causal or window no other step compares keys with it. A sequence of no
// more than exactBlocks * keyBlock keys never enters the loop.
//
//===----------------------------------------------------------------------===//

#include "AttentionEmitter.h"

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::gpu_kernels;
using nvidia::WgmmaOperand;

/// Rows of a warpgroup, m of wgmma, and keys (k) of one wgmma of halves.
static constexpr int64_t kGroupRows = 64;
static constexpr int64_t kDepth = 16;
/// Descriptors count in units of 16 bytes.
static constexpr int64_t kUnit = 16;

//===----------------------------------------------------------------------===//
// Copies
//===----------------------------------------------------------------------===//

/// Fetches the tensor maps themselves, which the first copies would wait for.
void AttentionEmitter::prefetchMaps() {
  for (Value map : mapValues)
    prefetchMap(map);
}

void AttentionEmitter::loadQueries(Value first, Value full) {
  for (int64_t group = 0; group < schedule.warpgroups; ++group)
    for (int64_t panel = 0; panel < layout.k.count(); ++panel)
      tmaLoad(at(layout.queryAt + group * layout.queryBytes + panel * kGroupRows * layout.k.swizzle), mapValues[0],
              full, coordinates(spec.query, panel * layout.k.columns(), add(first, group * kGroupRows)));
}

void AttentionEmitter::loadKeys(Value slot, Value start, Value full) {
  expectBytes(full, layout.k.bytes(schedule.keyBlock));
  Value to = offset(at(layout.keyAt), mul(slot, layout.keyBytes));
  for (int64_t panel = 0; panel < layout.k.count(); ++panel)
    tmaLoad(offset(to, panel * schedule.keyBlock * layout.k.swizzle), mapValues[1], full,
            coordinates(spec.key, panel * layout.k.columns(), start));
}

void AttentionEmitter::loadValues(Value slot, Value start, Value full) {
  expectBytes(full, layout.v.bytes(schedule.keyBlock));
  Value to = offset(at(layout.valueAt), mul(slot, layout.valueBytes));
  for (int64_t panel = 0; panel < layout.v.count(); ++panel)
    tmaLoad(offset(to, panel * schedule.keyBlock * layout.v.swizzle), mapValues[2], full,
            coordinates(spec.value, panel * layout.v.columns(), start));
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

Value AttentionEmitter::queryDescriptor(Value group) {
  Value address = sharedAddress(at(layout.queryAt));
  return wgmmaDescriptor(add(address, mul(group, layout.queryBytes)), layout.k.swizzle, 8 * layout.k.swizzle);
}

Value AttentionEmitter::keyDescriptor() {
  return wgmmaDescriptor(sharedAddress(at(layout.keyAt)), layout.k.swizzle, 8 * layout.k.swizzle);
}

Value AttentionEmitter::valueDescriptor() {
  int64_t panel = layout.v.count() > 1 ? schedule.keyBlock * layout.v.swizzle : kUnit;
  return wgmmaDescriptor(sharedAddress(at(layout.valueAt)), layout.v.swizzle, 8 * layout.v.swizzle, panel);
}

Value AttentionEmitter::inSlot(Value descriptor, Value slot, int64_t slotBytes) {
  return add(descriptor, zext(mul(slot, slotBytes / kUnit), getI64Type()));
}

/// S = Q K^T of one block of keys.
SmallVector<Value> AttentionEmitter::issueScores(Value queries, Value keys) {
  SmallVector<Value> scores = undefF32(schedule.keyBlock / 2);
  for (int64_t k = 0; k < spec.headSizeK; k += kDepth) {
    int64_t panel = k / layout.k.columns(), column = k % layout.k.columns() * 2;
    Value a = add(queries, (panel * kGroupRows * layout.k.swizzle + column) / kUnit);
    Value b = add(keys, (panel * schedule.keyBlock * layout.k.swizzle + column) / kUnit);
    scores = wgmma(schedule.keyBlock, spec.query.elementType, WgmmaOperand(a), b, scores, k ? Value() : i32(0));
  }
  return scores;
}

/// O = O + P V of one block of keys; O = P V if \p first.
SmallVector<Value> AttentionEmitter::issueSum(ArrayRef<SmallVector<Value, 4>> weights, Value values, ValueRange sums,
                                              bool first) {
  SmallVector<Value> result(sums);
  for (auto [i, registers] : llvm::enumerate(weights))
    result = wgmma(valueColumns(), spec.value.elementType, WgmmaOperand(ArrayRef<Value>(registers)),
                   add(values, int64_t(i) * kDepth * layout.v.swizzle / kUnit), result,
                   first && i == 0 ? i32(0) : Value(), /*transposeB=*/true);
  return result;
}

Value AttentionEmitter::swizzlePattern(Value row) {
  // Chunks of 16 bytes are exchanged by the bits of the address behind 128 bytes.
  const int64_t swizzle = layout.v.swizzle;
  return band(swizzle == 128 ? row : shr(row, swizzle == 64 ? 1 : 2), swizzle / 16 - 1);
}

void AttentionEmitter::storeTile(ValueRange sums, const Softmax &state, Value staging, Value firstRow, Value group) {
  SmallVector<Value> out = scaleRows(sums, inverseSums(state));
  Type elt = spec.output.elementType;
  const AttentionPanels &panels = layout.v;
  // Lanes 0-15 hold the addresses of a chunk of eight columns in the warp's 16 rows, lanes 16-31 those of the next one.
  Value row = add(shl(warp, 4), band(lane, 15));
  Value half = shr(lane, 4);
  Value pattern = swizzlePattern(row);
  Value rowStart = offset(staging, mul(row, panels.swizzle));
  // With equal layouts a warp's rows of the output replace its own queries; else all warps have to be done with them.
  if (layout.outputAt == layout.queryAt && layout.k.swizzle != panels.swizzle)
    sync(add(group, 1), nvidia::kWarpgroupSize);
  const int64_t tiles = valueColumns() / 8, tilesPerPanel = panels.columns() / 8;
  for (int64_t tile = 0; tile < tiles; tile += 2) {
    const int64_t count = std::min<int64_t>(2, tiles - tile);
    SmallVector<Value> registers;
    for (int64_t i = 4 * tile; i < 4 * (tile + count); i += 2)
      registers.push_back(pack(out[i], out[i + 1], elt));
    Value chunk = bxor(add(half, tile % tilesPerPanel), pattern);
    // Of the last, single one only lanes 0-15 give addresses; the others stay inside of the row.
    if (count == 1)
      chunk = bxor(i32(tile % tilesPerPanel), pattern);
    Value to = offset(rowStart, shl(chunk, 4));
    stmatrix(offset(to, tile / tilesPerPanel * kGroupRows * panels.swizzle), registers);
  }
  fenceAsyncShared();
  sync(add(group, 1), nvidia::kWarpgroupSize);
  auto copyTile = [&] {
    ifThen(eq(band(thread, nvidia::kWarpgroupSize - 1), 0), [&] {
      for (int64_t panel = 0; panel < panels.count(); ++panel)
        tmaStore(mapValues[3], offset(staging, panel * kGroupRows * panels.swizzle),
                 coordinates(spec.output, panel * panels.columns(), firstRow));
      commitBulk();
    });
  };
  if (!spec.offsets) {
    copyTile();
    return;
  }
  Value left = sub(sizeM, firstRow);
  ifThenElse(lt(left, kGroupRows), [&] { storeTileRows(staging, firstRow, left); }, copyTile);
}

//===----------------------------------------------------------------------===//
// Schedule
//===----------------------------------------------------------------------===//

SmallVector<Value> AttentionEmitter::carry(ValueRange sums, const Softmax &state, ValueRange rest) {
  SmallVector<Value> values(sums.begin(), sums.end());
  llvm::append_range(values, state.max);
  llvm::append_range(values, state.sum);
  llvm::append_range(values, rest);
  return values;
}

std::pair<SmallVector<Value>, AttentionEmitter::Softmax> AttentionEmitter::uncarry(ValueRange values) {
  const int64_t count = valueColumns() / 2;
  Softmax state{{values[count], values[count + 1]}, {values[count + 2], values[count + 3]}};
  return {llvm::to_vector(values.take_front(count)), state};
}

/// Barriers: queries are there; for each slot keys are there, then values are, then every warpgroup is done with it.
static constexpr int64_t kQueriesFull = 0, kKeysFull = 1;

void AttentionEmitter::emitWgmma() {
  const int64_t stages = schedule.stages, queriesFull = kQueriesFull, keysFull = kKeysFull;
  const int64_t valuesFull = keysFull + stages, slotFree = valuesFull + stages;
  shared = sharedMemory();
  ifThen(eq(thread, 0), [&] {
    prefetchMaps();
    initBarrier(barrier(queriesFull), 1);
    for (int64_t i = 0; i < stages; ++i) {
      initBarrier(barrier(keysFull + i), 1);
      initBarrier(barrier(valuesFull + i), 1);
      initBarrier(barrier(slotFree + i), schedule.warpgroups);
    }
    fenceBarrierInit();
  });
  // A grid that leaves multiprocessors free lets the next kernel set up there, and ask for its weights, while this one
  // waits and works. With many blocks it would only take room from them.
  if (sm.hasProgrammaticLaunch && !spec.offsets) {
    Value blocks = gridDim(0);
    for (unsigned dim : {1, 2})
      if (kernel.grid[dim] != getAffineConstantExpr(1))
        blocks = mul(blocks, gridDim(dim));
    ifThen(le(blocks, i32(sm.numSMs)), [&] { launchNext(); });
  }
  // What every thread reads itself, it has to wait for itself.
  const bool allRead = spec.lengths || spec.mask || spec.score || spec.offsets;
  if (sm.hasProgrammaticLaunch && allRead)
    waitForPrevious();
  withTile([&](Value firstRow) { emitWgmmaTile(firstRow, allRead); });
}

void AttentionEmitter::emitWgmmaTile(Value firstRow, bool hasWaited) {
  const int64_t stages = schedule.stages, exact = schedule.exactBlocks, block = schedule.keyBlock;
  const int64_t queriesFull = kQueriesFull, keysFull = kKeysFull, valuesFull = keysFull + stages;
  const int64_t slotFree = valuesFull + stages;
  Value first = eq(thread, 0);
  sequence = sequenceKeys();
  KeyRange keys = blockKeys(firstRow, schedule.rowsPerBlock());
  // The steps of the first softmax always take place: keys outside of the range count as excluded. Their blocks are
  // taken in order, the others from the last one on.
  Steps taken = stepsOf(keys, firstRow, exact);
  Value steps = taken.count;
  auto startOf = [&](Value step) { return AttentionEmitter::startOf(taken, step); };
  auto load = [&](Value slot, Value start) {
    loadKeys(slot, start, barrier(keysFull, slot));
    loadValues(slot, start, barrier(valuesFull, slot));
  };
  Value exactStart = startOf(i32(exact - 1));
  ifThen(first, [&] {
    if (sm.hasProgrammaticLaunch && !hasWaited)
      waitForPrevious();
    expectBytes(barrier(queriesFull), schedule.warpgroups * layout.k.bytes(kGroupRows));
    loadQueries(firstRow, barrier(queriesFull));
    for (int64_t slot = 0; slot < exact; ++slot)
      loadKeys(i32(slot), add(exactStart, slot * block), barrier(keysFull + slot));
    for (int64_t slot = 0; slot < exact; ++slot)
      loadValues(i32(slot), add(exactStart, slot * block), barrier(valuesFull + slot));
    for (int64_t slot = exact; slot < stages; ++slot)
      ifThen(lt(i32(slot), steps), [&] { load(i32(slot), startOf(i32(slot))); });
  });
  // With offsets all threads have met since the barriers are there.
  if (!spec.offsets)
    syncThreads();

  Rows rows = rowsOf(add(firstRow, mul(warpgroup, kGroupRows)), kGroupRows);
  Value queries = queryDescriptor(warpgroup), keyBase = keyDescriptor(), valueBase = valueDescriptor();
  Value leader = eq(band(thread, nvidia::kWarpgroupSize - 1), 0);
  auto release = [&](Value slot) {
    // With one warpgroup thread 0 knows by its own wait.
    if (schedule.warpgroups > 1)
      ifThen(leader, [&] { arriveBarrier(barrier(slotFree, slot)); });
  };
  // Step `step` took `slot` for the last time in the phase `parity`.
  auto refill = [&](Value step, Value slot, Value parity) {
    Value next = add(step, stages);
    ifThen(land(first, lt(next, steps)), [&] {
      if (schedule.warpgroups > 1)
        waitBarrier(barrier(slotFree, slot), parity);
      load(slot, startOf(next));
    });
  };

  // The first softmax.
  Value zero = i32(0);
  waitBarrier(barrier(queriesFull), zero);
  SmallVector<Value> scores;
  for (int64_t slot = 0; slot < exact; ++slot) {
    waitBarrier(barrier(keysFull + slot), zero);
    wgmmaFence();
    llvm::append_range(scores, issueScores(queries, inSlot(keyBase, i32(slot), layout.keyBytes)));
    wgmmaCommit();
  }
  scores = finishScores(wgmmaWait(0, scores), rows, exactStart, /*mayLimit=*/true);
  Softmax state;
  softmax(scores, state);
  SmallVector<SmallVector<Value, 4>> weights = packWeights(scores);
  SmallVector<Value> sums = undefF32(valueColumns() / 2);
  const int64_t perSlot = block / kDepth;
  for (int64_t slot = 0; slot < exact; ++slot) {
    waitBarrier(barrier(valuesFull + slot), zero);
    if (spec.offsets)
      clearTail(i32(slot), add(exactStart, slot * block));
    wgmmaFence();
    sums = issueSum(ArrayRef(weights).slice(slot * perSlot, perSlot), inSlot(valueBase, i32(slot), layout.valueBytes),
                    sums, slot == 0);
    wgmmaCommit();
  }
  sums = wgmmaWait(0, sums);
  for (int64_t slot = 0; slot < exact; ++slot) {
    release(i32(slot));
    // The last slot of the first softmax is refilled by the first step of the loop.
    if (slot + 1 < exact)
      refill(i32(slot), i32(slot), zero);
  }

  // The other steps.
  SmallVector<Value> ring{i32(exact % stages), i32(exact / stages % 2)};
  SmallVector<Value> carried =
      loop(i32(exact), steps, i32(1), carry(sums, state, ring), [&](Value step, ValueRange in) {
        auto [sums, state] = uncarry(in);
        Value slot = in[in.size() - 2], parity = in.back();
        waitBarrier(barrier(keysFull, slot), parity);
        wgmmaFence();
        SmallVector<Value> scores = issueScores(queries, inSlot(keyBase, slot, layout.keyBytes));
        wgmmaCommit();
        Value wrapped = eq(slot, 0);
        Value slotBefore = select(wrapped, i32(stages - 1), sub(slot, 1));
        refill(sub(step, 1), slotBefore, bxor(parity, zext(wrapped, getI32Type())));
        scores = finishScores(wgmmaWait(0, scores), rows, startOf(step), masksEveryStep());
        std::array<Value, 2> factors = softmax(scores, state);
        SmallVector<SmallVector<Value, 4>> weights = packWeights(scores);
        sums = scaleRows(sums, factors);
        waitBarrier(barrier(valuesFull, slot), parity);
        wgmmaFence();
        sums = issueSum(weights, inSlot(valueBase, slot, layout.valueBytes), sums, /*first=*/false);
        wgmmaCommit();
        sums = wgmmaWait(0, sums);
        release(slot);
        Value last = eq(slot, stages - 1);
        ring = {select(last, zero, add(slot, 1)), bxor(parity, zext(last, getI32Type()))};
        return carry(sums, state, ring);
      });
  if (sm.hasProgrammaticLaunch)
    launchNext();
  auto [outputs, last] = uncarry(carried);
  storeTile(outputs, last, offset(at(layout.outputAt), mul(warpgroup, layout.queryBytes)), rows.first, warpgroup);
  // Shared memory has to live until it is read; the end of the kernel waits for the writes.
  ifThen(leader, [&] { waitBulk(0, /*read=*/true); });
}
