//===- LinearSparseResults.cpp - Sums of tile-sparse linear kernels -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Sums of a consumer are outputs by tokens: see LinearSparse.cpp.
//
//===----------------------------------------------------------------------===//

#include "LinearSparseEmitter.h"

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::gpu_kernels;
using namespace mlir::et::gpu_kernels::sparse;
using namespace mlir::et::nvidia;

void SparseEmitter::storeBoxes(FinishStep finish, Value place, bool transpose, Value strip, Value firstToken,
                               Value consumer) {
  int64_t boxTokens = layout.boxTokens;
  Value boxes = b.offset(shared, b.add(b.mul(consumer, 2 * boxTokens * kRowBytes), layout.boxes));
  Value barrier = b.add(consumer, 1), isFirst = b.eq(b.band(thread, kWarpgroupSize - 1), 0);
  for (int64_t t = 0; t < tokens / 16; ++t) {
    SmallVector<Value> packed = finish(t);
    int64_t inBox = 16 * t % boxTokens;
    Value box = b.offset(boxes, 16 * t / boxTokens % 2 * boxTokens * kRowBytes);
    if (inBox == 0) {
      // Nobody writes a box that is still read.
      b.ifThen(isFirst, [&] { b.waitBulk(1, /*read=*/true); });
      b.sync(barrier, kWarpgroupSize);
    }
    b.stmatrix(b.offset(box, b.add(place, inBox * kRowBytes)), packed, transpose);
    if (inBox + 16 < boxTokens)
      continue;
    b.fenceAsyncShared();
    b.sync(barrier, kWarpgroupSize);
    b.ifThen(isFirst, [&] {
      b.tmaStore(yMap, box, {b.mul(strip, StripsLayout::kStripRows), b.add(firstToken, 16 * t + 16 - boxTokens)});
      b.commitBulk();
    });
  }
}

/// Byte in a step of 16 tokens of the 16 bytes \p chunk of \p token, swizzled as the tensor map of y has it.
static Value getRowPlace(NVVMBuilder &b, Value token, Value chunk) {
  return b.add(b.mul(token, kRowBytes), b.mul(b.bxor(chunk, b.band(token, 7)), 16));
}

void SparseEmitter::storeColumns(ValueRange acc, Value strip, Value firstToken, Value consumer) {
  Value lane = b.laneId(), warp = b.band(b.shr(thread, 5), 3);
  Value column = b.add(b.add(b.mul(strip, StripsLayout::kStripRows), b.mul(warp, 16)), b.shr(lane, 2));
  // Sums of a lane are of two outputs, each of pairs of tokens.
  std::array<Value, 2> columns;
  std::array<BiasPair, 2> biases;
  for (int64_t half = 0; half < 2; ++half) {
    columns[half] = b.min(b.add(column, 8 * half), b.i32(spec.n - 1));
    if (bias)
      biases[half] = BiasPair(2, loadBiasElement(columns[half]));
  }
  LinearRow row;
  auto finishStep = [&](int64_t t) {
    row.index = clampRow(b.add(firstToken, 16 * t));
    SmallVector<Value> packed;
    for (int64_t g = 2 * t; g < 2 * t + 2; ++g)
      for (int64_t half = 0; half < 2; ++half) {
        auto [lo, hi] =
            finish(acc[4 * g + 2 * half], acc[4 * g + 2 * half + 1], biases[half], row, columns[half], columns[half]);
        packed.push_back(b.pack(lo, hi, spec.yType));
      }
    return packed;
  };
  // stmatrix, transposed: lane l stores eight outputs, of half l / 8 % 2, of token l % 8 + 8 (l / 16).
  Value token = b.add(b.band(lane, 7), b.mul(b.shr(lane, 4), 8));
  Value chunk = b.add(b.mul(warp, 2), b.band(b.shr(lane, 3), 1));
  storeBoxes(finishStep, getRowPlace(b, token, chunk), /*transpose=*/true, strip, firstToken, consumer);
}

Value SparseEmitter::warpColumn(Value strip) {
  return b.add(b.mul(strip, StripsLayout::kStripRows), b.mul(b.band(b.shr(thread, 5), 3), 16));
}

FragmentInputs SparseEmitter::loadStep(int64_t t, Value strip, Value firstToken) {
  FragmentInputs inputs = loadFragmentRows(b.add(firstToken, 16 * t));
  if (countPairRegisters(2, 2) > 0)
    loadFragmentPairs(inputs, 2, warpColumn(strip));
  return inputs;
}

void SparseEmitter::finishStats(FragmentInputs &inputs, int64_t t, Value strip, Value firstToken) {
  if (spec.rowStats && !inputs.rows[0].scale)
    finishFragmentInputs(inputs, b.add(firstToken, 16 * t), b.eq(warpColumn(strip), 0));
}

std::vector<FragmentInputs> SparseEmitter::loadAhead(Value strip, Value firstToken) {
  std::vector<FragmentInputs> steps;
  if (schedule.persistent || (layout.boxTokens && ignoresRows()))
    return steps;
  int64_t registers = std::max<int64_t>(1, countPairRegisters(2, 2));
  int64_t count = std::clamp<int64_t>(kAheadRegisters / registers, 1, tokens / 16);
  for (int64_t t = 0; t < count; ++t)
    steps.push_back(loadStep(t, strip, firstToken));
  for (int64_t t = 0; t < count; ++t)
    finishStats(steps[t], t, strip, firstToken);
  return steps;
}

void SparseEmitter::storeTile(ValueRange acc, Value strip, Value firstToken, Value consumer,
                              std::vector<FragmentInputs> steps) {
  if (layout.boxTokens && ignoresRows()) {
    storeColumns(acc, strip, firstToken, consumer);
    return;
  }
  Value lane = b.laneId(), warp = b.band(b.shr(thread, 5), 3), column = warpColumn(strip);
  SmallVector<BiasPair> biases = loadFragmentBias(2, column);
  if (steps.empty())
    steps.push_back(loadStep(0, strip, firstToken));
  // Of each eight tokens and eight outputs, rows become tokens; what the next step reads is loaded meanwhile.
  FragmentInputs inputs;
  auto transposeStep = [&](int64_t t) {
    inputs = std::move(steps[t]);
    if (t + 1 < tokens / 16 && t + 1 == static_cast<int64_t>(steps.size()))
      steps.push_back(loadStep(t + 1, strip, firstToken));
    finishStats(inputs, t, strip, firstToken);
    SmallVector<Value> fragment(8);
    for (int64_t tokenHalf = 0; tokenHalf < 2; ++tokenHalf)
      for (int64_t half = 0; half < 2; ++half) {
        int64_t from = 4 * (2 * t + tokenHalf) + 2 * half;
        std::tie(fragment[4 * half + 2 * tokenHalf], fragment[4 * half + 2 * tokenHalf + 1]) =
            b.transposeF32(acc[from], acc[from + 1]);
      }
    return fragment;
  };
  if (!layout.boxTokens) {
    for (int64_t t = 0; t < tokens / 16; ++t) {
      SmallVector<Value> fragment = transposeStep(t);
      storeFragments(fragment, biases, b.add(firstToken, 16 * t), column, &inputs);
    }
    return;
  }
  auto finishStep = [&](int64_t t) {
    SmallVector<Value> fragment = transposeStep(t), packed;
    std::array<SmallVector<std::pair<Value, Value>>, 2> results;
    for (unsigned g = 0; g < 2; ++g)
      for (unsigned half = 0; half < 2; ++half) {
        ArrayRef<LinearExtraPair> loaded;
        if (!inputs.extras[half].empty())
          loaded = inputs.extras[half][g];
        Value col = clampColumn(b.add(laneColumn(column), 8 * g));
        auto [lo, hi] = results[half].emplace_back(finish(fragment[4 * g + 2 * half], fragment[4 * g + 2 * half + 1],
                                                          biases[g], inputs.rows[half], col, /*colHi=*/{}, loaded));
        packed.push_back(b.pack(lo, hi, spec.yType));
      }
    for (unsigned half = 0; spec.yChunks && half < 2; ++half) {
      Chunk chunk = computeChunk(results[half], /*lanes=*/4);
      Value token = b.add(b.shr(lane, 2), 16 * t + 8 * half);
      b.ifThen(b.eq(b.band(lane, 3), 0), [&] { b.store(packChunk(chunk), chunkPlace(consumer, warp, token), 8); });
    }
    return packed;
  };
  // stmatrix: lane l stores the 16 bytes of token l % 16 that its warp's outputs of half l / 16 take.
  Value place = getRowPlace(b, b.band(lane, 15), b.add(b.mul(warp, 2), b.shr(lane, 4)));
  storeBoxes(finishStep, place, /*transpose=*/false, strip, firstToken, consumer);
  if (spec.yChunks)
    storeChunks(strip, firstToken, consumer);
}

Value SparseEmitter::chunkPlace(Value consumer, Value warp, Value token) {
  Value place = b.add(b.mul(b.add(b.mul(consumer, 4), warp), tokens), token);
  return b.offset(shared, b.add(b.mul(place, 8), layout.chunks));
}

void SparseEmitter::storeChunks(Value strip, Value firstToken, Value consumer) {
  b.sync(b.add(consumer, 1), kWarpgroupSize);
  auto load = [&](Value warp, Value token) {
    Value pair = b.load(VectorType::get({2}, b.getF32Type()), chunkPlace(consumer, warp, token), 8);
    auto get = [&](int64_t i) -> Value { return LLVM::ExtractElementOp::create(b, pair, b.i32(i)); };
    return Chunk{get(0), get(1), kLinearChunkSize / 2};
  };
  // Two chunks of a token for each thread in turn.
  for (int64_t first = 0; first < 2 * tokens; first += kWarpgroupSize) {
    Value index = b.add(b.band(thread, kWarpgroupSize - 1), first);
    Value which = b.div(index, tokens), token = b.sub(index, b.mul(which, tokens));
    Value row = b.add(firstToken, token);
    Value col = b.add(b.mul(strip, StripsLayout::kStripRows), b.mul(which, kLinearChunkSize));
    Value inside = b.land(b.lt(which, 2), b.land(b.lt(row, rows), b.lt(col, spec.n)));
    b.ifThen(inside, [&] {
      Value warp = b.mul(which, 2);
      LinearEmitter::storeChunk(joinChunks(load(warp, token), load(b.add(warp, 1), token)), row, col);
    });
  }
}
