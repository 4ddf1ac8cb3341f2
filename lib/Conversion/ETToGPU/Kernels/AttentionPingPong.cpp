//===- AttentionPingPong.cpp - Attention over long rows by wgmma -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One block per multiprocessor, which takes tile after tile. Warpgroup 0 copies, the
// others compute 64 rows of the tile each, and the exponentials of a warpgroup run
// under the products of two: its own P V and those of the others.
//
//   copies    for each tile: Q; for each block of keys: K, V   as slots become free
//
//   computes  S = Q K^T; P = softmax(S)
//             for each other block of keys:
//               take the turn
//               S' = Q K^T            asynchronous
//               O = O + P V           asynchronous
//               pass the turn on
//               P' = softmax(S')      when S' is there, under P V
//               O = O * 2^(old max - max)
//             O = O + P V; O / sum -> shared memory -> global memory
//
// The turn is a named barrier per warpgroup on which the one before arrives: products
// are issued in order, so that the warpgroups drift apart by a third of a step. The
// last block of keys comes first, see AttentionWgmma.cpp.
//
//===----------------------------------------------------------------------===//

#include "AttentionEmitter.h"

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::gpu_kernels;

/// Named barriers: 1 to 3 are for the stores of the warpgroups, those from here on for the turns.
static constexpr int64_t kFirstTurn = 4;

// Barriers of the rings of keys and values; queries behind them.
static int64_t keysFull(int64_t) { return 0; }
static int64_t keysFree(int64_t stages) { return stages; }
static int64_t valuesFull(int64_t stages) { return 2 * stages; }
static int64_t valuesFree(int64_t stages) { return 3 * stages; }
static int64_t queriesFull(int64_t stages) { return 4 * stages; }
static int64_t queriesFree(int64_t stages) { return 4 * stages + 1; }

AttentionEmitter::Tile AttentionEmitter::tileOf(Value number, Value rowBlocks) {
  Tile tile;
  tile.firstRow = mul(decodeTile(number, rowBlocks), schedule.rowsPerBlock());
  sequence = sequenceKeys();
  tile.taken = stepsOf(blockKeys(tile.firstRow, schedule.rowsPerBlock()), tile.firstRow, 1);
  return tile;
}

SmallVector<Value> AttentionEmitter::nextSlot(Value slot, Value parity) {
  Value last = eq(slot, schedule.stages - 1);
  return {select(last, i32(0), add(slot, 1)), bxor(parity, zext(last, getI32Type()))};
}

void AttentionEmitter::emitPingPong() {
  const int64_t stages = schedule.stages;
  shared = sharedMemory();
  batch.assign(spec.numBatchDims, Value());
  ifThen(eq(thread, 0), [&] {
    prefetchMaps();
    for (int64_t i = 0; i < stages; ++i) {
      initBarrier(barrier(keysFull(stages) + i), 1);
      initBarrier(barrier(valuesFull(stages) + i), 1);
      initBarrier(barrier(keysFree(stages) + i), schedule.warpgroups);
      initBarrier(barrier(valuesFree(stages) + i), schedule.warpgroups);
    }
    initBarrier(barrier(queriesFull(stages)), 1);
    initBarrier(barrier(queriesFree(stages)), schedule.warpgroups);
    fenceBarrierInit();
  });
  syncThreads();
  Value rowBlocks = ceilDiv(sizeM, schedule.rowsPerBlock());
  Value tiles = rowBlocks;
  for (unsigned dim = 0; dim < spec.numBatchDims; ++dim)
    tiles = mul(tiles, size(dim));
  // What the copies leave to the others; setmaxnreg counts in eights.
  const bool two = schedule.warpgroups == 2;
  ifThenElse(
      eq(warpgroup, 0),
      [&] {
        decreaseRegisters(two ? 24 : 32);
        ifThen(eq(thread, 0), [&] { emitProducer(tiles, rowBlocks); });
      },
      [&] {
        increaseRegisters(two ? 240 : 160);
        emitConsumer(tiles, rowBlocks, sub(warpgroup, 1));
      });
}

void AttentionEmitter::emitProducer(Value tiles, Value rowBlocks) {
  const int64_t stages = schedule.stages;
  if (sm.hasProgrammaticLaunch)
    waitForPrevious();
  // A fresh barrier passes parity 1: all slots are free at first.
  loop(blockId(0), tiles, gridDim(0), {i32(0), i32(1), i32(1)}, [&](Value number, ValueRange in) {
    Value queryParity = in[2];
    Tile tile = tileOf(number, rowBlocks);
    waitBarrier(barrier(queriesFree(stages)), queryParity);
    expectBytes(barrier(queriesFull(stages)), schedule.warpgroups * layout.k.bytes(64));
    loadQueries(tile.firstRow, barrier(queriesFull(stages)));
    SmallVector<Value> ring = loop(i32(0), tile.taken.count, i32(1), in.take_front(2), [&](Value step, ValueRange in) {
      Value slot = in[0], parity = in[1], start = startOf(tile.taken, step);
      waitBarrier(barrier(keysFree(stages), slot), parity);
      loadKeys(slot, start, barrier(keysFull(stages), slot));
      waitBarrier(barrier(valuesFree(stages), slot), parity);
      loadValues(slot, start, barrier(valuesFull(stages), slot));
      return nextSlot(slot, parity);
    });
    return SmallVector<Value>{ring[0], ring[1], bxor(queryParity, 1)};
  });
}

void AttentionEmitter::emitConsumer(Value tiles, Value rowBlocks, Value group) {
  const int64_t stages = schedule.stages, groups = schedule.warpgroups;
  const int64_t sumCount = valueColumns() / 2, weightCount = schedule.keyBlock / 4;
  if (sm.hasProgrammaticLaunch && (spec.lengths || spec.mask || spec.score))
    waitForPrevious();
  Value zero = i32(0);
  Value leader = eq(band(thread, nvidia::kWarpgroupSize - 1), 0);
  auto release = [&](Value bar) { ifThen(leader, [&] { arriveBarrier(bar); }); };
  // A turn is over when the warpgroup before has arrived on it.
  Value mine = add(group, kFirstTurn);
  Value next = select(eq(group, groups - 1), i32(kFirstTurn), add(mine, 1));
  auto takeTurn = [&] { sync(mine, 2 * nvidia::kWarpgroupSize); };
  auto passTurn = [&] { arrive(next, 2 * nvidia::kWarpgroupSize); };
  ifThen(eq(group, groups - 1), passTurn);

  Value queries = queryDescriptor(group), keyBase = keyDescriptor(), valueBase = valueDescriptor();
  auto packed = [&](ValueRange flat) {
    SmallVector<SmallVector<Value, 4>> weights;
    for (size_t i = 0; i < flat.size(); i += 4)
      weights.emplace_back(flat.slice(i, 4));
    return weights;
  };
  auto flatten = [](ArrayRef<SmallVector<Value, 4>> weights) {
    SmallVector<Value> flat;
    for (const auto &registers : weights)
      llvm::append_range(flat, registers);
    return flat;
  };
  loop(blockId(0), tiles, gridDim(0), {zero, zero, zero}, [&](Value number, ValueRange in) {
    Value slot = in[0], parity = in[1], queryParity = in[2];
    Tile tile = tileOf(number, rowBlocks);
    Rows rows = rowsOf(add(tile.firstRow, mul(group, 64)), 64);
    waitBarrier(barrier(queriesFull(stages)), queryParity);
    waitBarrier(barrier(keysFull(stages), slot), parity);
    takeTurn();
    wgmmaFence();
    SmallVector<Value> scores = issueScores(queries, inSlot(keyBase, slot, layout.keyBytes));
    wgmmaCommit();
    passTurn();
    scores = wgmmaWait(0, scores);
    release(barrier(keysFree(stages), slot));
    scores = finishScores(scores, rows, startOf(tile.taken, zero), /*mayLimit=*/true);
    Softmax state;
    softmax(scores, state);

    // Carried: sums, softmax, weights, then the slots of the next keys and of the values that belong to the weights.
    SmallVector<Value> rest = flatten(packWeights(scores));
    llvm::append_range(rest, nextSlot(slot, parity));
    rest.append({slot, parity});
    SmallVector<Value> init(sumCount, f32(0.0));
    SmallVector<Value> carried =
        loop(i32(1), tile.taken.count, i32(1), carry(init, state, rest), [&](Value step, ValueRange in) {
          auto [sums, state] = uncarry(in);
          ValueRange rest = in.drop_front(sumCount + 4), ring = rest.drop_front(weightCount);
          SmallVector<SmallVector<Value, 4>> weights = packed(rest.take_front(weightCount));
          Value keySlot = ring[0], keyParity = ring[1], valueSlot = ring[2], valueParity = ring[3];
          waitBarrier(barrier(keysFull(stages), keySlot), keyParity);
          takeTurn();
          wgmmaFence();
          SmallVector<Value> scores = issueScores(queries, inSlot(keyBase, keySlot, layout.keyBytes));
          wgmmaCommit();
          waitBarrier(barrier(valuesFull(stages), valueSlot), valueParity);
          wgmmaFence();
          sums = issueSum(weights, inSlot(valueBase, valueSlot, layout.valueBytes), sums, /*first=*/false);
          wgmmaCommit();
          passTurn();
          scores = wgmmaWait(1, scores);
          release(barrier(keysFree(stages), keySlot));
          scores = finishScores(scores, rows, startOf(tile.taken, step), masksEveryStep());
          std::array<Value, 2> factors = softmax(scores, state);
          sums = wgmmaWait(0, sums);
          release(barrier(valuesFree(stages), valueSlot));
          sums = scaleRows(sums, factors);
          SmallVector<Value> rest2 = flatten(packWeights(scores));
          llvm::append_range(rest2, nextSlot(keySlot, keyParity));
          rest2.append({keySlot, keyParity});
          return carry(sums, state, rest2);
        });
    auto [sums, last] = uncarry(carried);
    ValueRange left = ValueRange(carried).drop_front(sumCount + 4), ring = left.drop_front(weightCount);
    release(barrier(queriesFree(stages)));
    waitBarrier(barrier(valuesFull(stages), ring[2]), ring[3]);
    wgmmaFence();
    sums = issueSum(packed(left.take_front(weightCount)), inSlot(valueBase, ring[2], layout.valueBytes), sums,
                    /*first=*/false);
    wgmmaCommit();
    // The output of the tile before must have left shared memory.
    ifThen(leader, [&] { waitBulk(0, /*read=*/true); });
    sync(add(group, 1), nvidia::kWarpgroupSize);
    sums = wgmmaWait(0, sums);
    release(barrier(valuesFree(stages), ring[2]));
    storeTile(sums, last, offset(at(layout.outputAt), mul(group, layout.queryBytes)), rows.first, group);
    return SmallVector<Value>{ring[0], ring[1], bxor(queryParity, 1)};
  });
  if (sm.hasProgrammaticLaunch)
    launchNext();
  // Every turn that was passed has to be taken.
  ifThen(eq(group, 0), takeTurn);
  ifThen(leader, [&] { waitBulk(0, /*read=*/true); });
}
