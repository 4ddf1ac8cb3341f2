//===- LinearOverlapEpilogue.cpp - Epilogue of a linear kernel with overlap -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A warpgroup of its own takes the sums of a tile from shared memory while consumers
// are at the next. It works on pieces of eight neighbouring outputs, several at once.
//
//===----------------------------------------------------------------------===//

#include "LinearOverlap.h"

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::gpu_kernels;
using namespace mlir::et::gpu_kernels::overlap;
using namespace mlir::et::nvidia;

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
