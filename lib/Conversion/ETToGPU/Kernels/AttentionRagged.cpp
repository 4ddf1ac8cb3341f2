//===- AttentionRagged.cpp - Attention over sequences one behind the other -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What the schedules need for ragged batches: which rows of which sequence a block
// takes, and how a tile ends where its sequence does.
//
//   grid    x: batch indices; y: as many tiles as the rows can have, whatever the lengths
//
//   warp 0  for 32 sequences at a time, one per lane:
//             tiles of the sequence; those of longer sequences come first
//           the lane whose tiles include that of the block leaves the sequence in shared memory
//   all     read it; a block behind the last tile ends
//
// Long sequences first, so that what runs last is short; no tile is computed that is all
// padding. Everything else counts rows and keys from the start of the sequence: sizeM and
// sizeN are its sizes, and only addresses and coordinates add where it starts.
//
// A tile that ends inside of 64 rows must not write the rows of the next sequence, as a
// copy by tensor map would: its rows are stored by the threads. Values of the next
// sequence that come along in the last block of keys are cleared, because a weight of zero
// does not stop a NaN.
//
//===----------------------------------------------------------------------===//

#include "AttentionEmitter.h"

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::gpu_kernels;
using nvidia::kWarpSize;

/// What warp 0 leaves for the other warps, in words: the first row of the tile within the sequence, and the sequence.
enum SequenceWord { kFirstRow, kFirstQuery, kNumRows, kFirstKey, kNumKeys, kNumSequenceWords };
static_assert(kNumSequenceWords * 4 <= AttentionLayout::kSequenceBytes);

AttentionEmitter::KeyRange AttentionEmitter::sequenceRange(unsigned number, Value sequence, Value numSequences,
                                                           Value size) {
  const bool isKey = number == kAttentionKeyOffsets;
  Type type = isKey ? spec.keyOffsets : spec.offsets;
  Value stride = integer(isKey ? spec.keyOffsetStride : spec.offsetStride);
  auto read = [&](Value index, Value least) {
    Value place = mul(sext(index, getI64Type()), sext(stride, getI64Type()));
    Value value = load(type, element(pointers[number], place, type));
    // Whatever the offsets say, no range leaves the tokens.
    if (type.isInteger(64))
      value = trunc(min(max(value, i64(0)), sext(size, type)), getI32Type());
    return min(max(value, least), size);
  };
  Value begin = select(eq(sequence, 0), i32(0), read(min(sequence, numSequences), i32(0)));
  return {begin, read(min(add(sequence, 1), numSequences), begin)};
}

void AttentionEmitter::leaveSequence(Value tile) {
  const int64_t rowsPerTile = schedule.rowsPerBlock();
  Value numSequences = sub(integer(spec.numOffsets), 1);
  Value allRows = sizeM, allKeys = sizeN;
  Value words = at(layout.sequenceAt);
  const unsigned keyNumber = spec.keyOffsets ? kAttentionKeyOffsets : kAttentionOffsets;
  auto leave = [&](Value firstRow, const KeyRange &rows, const KeyRange &keys) {
    const std::pair<SequenceWord, Value> values[] = {{kFirstRow, firstRow},
                                                     {kFirstQuery, rows.begin},
                                                     {kNumRows, sub(rows.end, rows.begin)},
                                                     {kFirstKey, keys.begin},
                                                     {kNumKeys, sub(keys.end, keys.begin)}};
    for (auto [word, value] : values)
      store(value, offset(words, 4 * word));
  };
  Value rest = loop(i32(0), numSequences, i32(kWarpSize), tile, [&](Value first, ValueRange in) -> SmallVector<Value> {
    Value tile = in[0], sequence = add(first, lane);
    KeyRange rows = sequenceRange(kAttentionOffsets, sequence, numSequences, allRows);
    Value count = select(lt(sequence, numSequences), sub(rows.end, rows.begin), i32(0));
    Value tiles = ceilDiv(count, rowsPerTile);
    // Unique, and the larger the earlier: by tiles, then by number.
    Value rank = sub(shl(tiles, 5), lane);
    Value before = i32(0), total = i32(0);
    for (int64_t other = 0; other < kWarpSize; ++other) {
      Value otherRank = shuffle(rank, i32(other));
      Value otherTiles = shr(add(otherRank, other), 5);
      before = add(before, select(lt(rank, otherRank), otherTiles, i32(0)));
      total = add(total, otherTiles);
    }
    Value own = sub(tile, before);
    ifThen(land(le(i32(0), own), lt(own, tiles)), [&] {
      KeyRange keys =
          spec.keyOffsets ? sequenceRange(keyNumber, sequence, numSequences, allKeys) : KeyRange{rows.begin, rows.end};
      leave(mul(own, rowsPerTile), rows, keys);
    });
    return {sub(tile, total)};
  })[0];
  // The tiles behind those of the sequences are rows that belong to none; behind these, firstRow is no row.
  ifThen(land(le(i32(0), rest), eq(lane, 0)), [&] {
    KeyRange last = sequenceRange(kAttentionOffsets, numSequences, numSequences, allRows);
    leave(mul(rest, rowsPerTile), {last.begin, allRows}, {i32(0), i32(0)});
  });
}

void AttentionEmitter::withTile(llvm::function_ref<void(Value)> body) {
  if (!spec.offsets) {
    body(mul(decodeBlock(), schedule.rowsPerBlock()));
    return;
  }
  batch.assign(spec.numBatchDims, Value());
  decodeBatch(decodeSplit(), spec.numBatchDims);
  ifThen(eq(uniform(shr(thread, 5)), 0), [&] { leaveSequence(blockId(1)); });
  syncThreads();
  auto word = [&](SequenceWord index) { return uniform(load(getI32Type(), offset(at(layout.sequenceAt), 4 * index))); };
  Value firstRow = word(kFirstRow);
  firstQuery = word(kFirstQuery);
  sizeM = word(kNumRows);
  firstKey = word(kFirstKey);
  sizeN = word(kNumKeys);
  ifThen(lt(firstRow, sizeM), [&] { body(firstRow); });
}

void AttentionEmitter::clearTail(Value slot, Value start) {
  Value valid = sub(sequence.end, start);
  ifThen(lt(valid, schedule.keyBlock), [&] {
    auto type = VectorType::get(4, getI32Type());
    Value zero = arith::ConstantOp::create(*this, getLoc(), getZeroAttr(type));
    const int64_t chunks = layout.v.swizzle / 16;
    Value panels = offset(at(layout.valueAt), mul(slot, layout.valueBytes));
    for (int64_t panel = 0; panel < layout.v.count(); ++panel) {
      Value base = offset(panels, panel * schedule.keyBlock * layout.v.swizzle);
      loop(add(mul(max(valid, i32(0)), chunks), thread), i32(schedule.keyBlock * chunks), i32(kernel.threads),
           [&](Value chunk) { store(zero, offset(base, shl(chunk, 4)), 16); });
    }
    fenceAsyncShared();
    syncThreads();
  });
}

void AttentionEmitter::storeTileRows(Value staging, Value firstRow, Value count) {
  const AttentionPanels &panels = layout.v;
  Type elt = spec.output.elementType;
  auto type = VectorType::get(4, getI32Type());
  const int64_t chunks = layout.v.headSize / 8, chunksPerPanel = panels.swizzle / 16;
  Value base = element(pointers[kAttentionOutput], batchOffset(spec.output), elt);
  if (firstColumn)
    base = element(base, firstColumn, elt);
  Value own = band(thread, nvidia::kWarpgroupSize - 1);
  loop(own, mul(count, chunks), i32(nvidia::kWarpgroupSize), [&](Value index) {
    Value row = div(index, chunks), chunk = sub(index, mul(row, chunks));
    Value panel = div(chunk, chunksPerPanel), inPanel = sub(chunk, mul(panel, chunksPerPanel));
    Value place = bxor(inPanel, swizzlePattern(row));
    Value from = offset(staging, mul(panel, 64 * panels.swizzle));
    from = offset(from, add(mul(row, panels.swizzle), shl(place, 4)));
    Value to = element(base, strided(spec.output, spec.dimM(), add(firstRow, row)), elt);
    store(load(type, from, 16), element(to, shl(chunk, 3), elt), 16);
  });
}
