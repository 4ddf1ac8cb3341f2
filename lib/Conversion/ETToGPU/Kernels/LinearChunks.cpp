//===- LinearChunks.cpp - Statistics of rows between linear kernels -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   kernel in front                                 kernel behind
//   ---------------                                 -------------
//   y of a lane, a quad or eight lanes: 32 values   a quarter of the row's chunks per lane of a quad
//   mean and squared differences, by shuffles       mean of means, differences from that, by shuffles
//   chunks[row][column / 32] = {mean, squares}      scale = rsqrt(squares / K + eps)
//
// No block has a whole row of y, and blocks do not wait for each other: a row is
// summed up by whoever reads it, in a fixed order. Squares are always taken of
// differences from a mean, so they do not cancel where the mean is large.
//
//===----------------------------------------------------------------------===//

#include "LinearEmitter.h"

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::gpu_kernels;

void LinearEmitter::loadChunks(LinearRow &row) {
  // Two chunks are 16 bytes: lane q of the quad takes pairs q, q + 4 and so on; one that does not exist counts nothing.
  int64_t chunks = spec.k / spec.rowStats->chunkSize, width = chunks % 2 ? 1 : 2;
  Type f32 = b.getF32Type(), i64 = b.getI64Type();
  Value start = elementPointer(xChunks, row.index, b.i32(2 * chunks), b.i32(0), f32);
  Value lane = b.band(b.laneId(), 3);
  for (int64_t first = 0; first < chunks; first += 4 * width) {
    Value chunk = b.add(b.mul(lane, width), first), exists;
    if (first + 4 * width > chunks) {
      exists = b.lt(chunk, chunks);
      chunk = b.min(chunk, b.i32(chunks - width));
    }
    Value loaded =
        b.load(VectorType::get({2 * width}, f32), b.element(start, b.zext(b.mul(chunk, 2), i64), f32), 8 * width);
    for (int64_t i = 0; i < width; ++i) {
      row.chunkMeans.push_back(LLVM::ExtractElementOp::create(b, loaded, b.i32(2 * i)));
      row.chunkSquares.push_back(LLVM::ExtractElementOp::create(b, loaded, b.i32(2 * i + 1)));
      row.chunkExists.push_back(exists);
    }
  }
}

void LinearEmitter::finishRow(LinearRow &row, Value stores) {
  if (!spec.rowStats)
    return;
  const LinearRowStats &stats = *spec.rowStats;
  auto counted = [&](size_t i, Value value) {
    return row.chunkExists[i] ? b.select(row.chunkExists[i], value, b.f32(0.0)) : value;
  };
  // The mean of a row is that of its chunks' means: they are of one size.
  Value mean = b.f32(0.0), squares = b.f32(0.0);
  if (stats.centred) {
    Value sum = counted(0, row.chunkMeans[0]);
    for (size_t i = 1; i < row.chunkMeans.size(); ++i)
      sum = b.addf(sum, counted(i, row.chunkMeans[i]));
    mean = b.mulf(b.quadSum(sum), b.f32(double(stats.chunkSize) / spec.k));
  }
  for (size_t i = 0; i < row.chunkMeans.size(); ++i) {
    Value distance = b.subf(row.chunkMeans[i], mean);
    Value chunk = b.fma(b.mulf(distance, b.f32(stats.chunkSize)), distance, row.chunkSquares[i]);
    squares = b.addf(squares, counted(i, chunk));
  }
  Value variance = b.mulf(b.quadSum(squares), b.f32(1.0 / spec.k));
  row.scale = b.rsqrt(b.addf(variance, b.f32(stats.eps)));
  if (stats.centred)
    row.mean = mean;
  b.ifThen(b.land(stores, b.eq(b.band(b.laneId(), 3), 0)), [&] {
    Value place = b.zext(row.index, b.getI64Type());
    b.store(row.scale, b.element(scales, place, b.getF32Type()));
    if (stats.centred)
      b.store(row.mean, b.element(means, place, b.getF32Type()));
  });
}

LinearEmitter::Chunk LinearEmitter::computeChunk(ArrayRef<std::pair<Value, Value>> pairs, int64_t lanes) {
  // What is stored, not what it was before it was rounded: then a row of equal values has no variance.
  SmallVector<Value> values;
  for (auto [lo, hi] : pairs) {
    if (spec.yType.isF32()) {
      values.append({lo, hi});
      continue;
    }
    auto [roundedLo, roundedHi] = b.unpack(b.pack(lo, hi, spec.yType), spec.yType);
    values.append({roundedLo, roundedHi});
  }
  Value sum = values[0], squares;
  for (Value value : ArrayRef(values).drop_front())
    sum = b.addf(sum, value);
  Value mean = b.mulf(sum, b.f32(1.0 / values.size()));
  for (Value value : values) {
    Value distance = b.subf(value, mean);
    squares = squares ? b.fma(distance, distance, squares) : b.mulf(distance, distance);
  }
  Chunk chunk{mean, squares, static_cast<int64_t>(values.size())};
  for (int64_t mask = 1; mask < lanes; mask *= 2)
    chunk = joinChunks(chunk, {b.shuffleXor(chunk.mean, mask), b.shuffleXor(chunk.squares, mask), chunk.size});
  return chunk;
}

LinearEmitter::Chunk LinearEmitter::joinChunks(const Chunk &one, const Chunk &other) {
  assert(one.size == other.size && "the mean lies in the middle between those of parts of one size");
  Value distance = b.subf(one.mean, other.mean);
  Value squares = b.fma(b.mulf(distance, b.f32(one.size / 2.0)), distance, b.addf(one.squares, other.squares));
  return {b.mulf(b.addf(one.mean, other.mean), b.f32(0.5)), squares, 2 * one.size};
}

Value LinearEmitter::packChunk(const Chunk &chunk) {
  Value pair = LLVM::UndefOp::create(b, VectorType::get({2}, b.getF32Type()));
  pair = LLVM::InsertElementOp::create(b, pair, chunk.mean, b.i32(0));
  return LLVM::InsertElementOp::create(b, pair, chunk.squares, b.i32(1));
}

void LinearEmitter::storeChunk(const Chunk &chunk, Value row, Value col) {
  assert(chunk.size == kLinearChunkSize && "expected a whole chunk");
  Value first = b.mul(b.div(col, kLinearChunkSize), 2);
  Value place = elementPointer(yChunks, row, b.i32(2 * spec.n / kLinearChunkSize), first, b.getF32Type());
  b.store(packChunk(chunk), place, 8);
}

void LinearEmitter::storeChunk(ArrayRef<std::pair<Value, Value>> pairs, int64_t lanes, Value row, Value col,
                               Value inside) {
  Chunk chunk = computeChunk(pairs, lanes);
  b.ifThen(b.land(inside, b.eq(b.band(b.laneId(), lanes - 1), 0)), [&] { storeChunk(chunk, row, col); });
}
