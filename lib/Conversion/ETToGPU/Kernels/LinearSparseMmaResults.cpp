//===- LinearSparseMmaResults.cpp - Sums of linear kernels with squares -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Sums of a warp are outputs by tokens: see LinearSparseMma.cpp.
//
//===----------------------------------------------------------------------===//

#include "LinearSparseMmaEmitter.h"

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::gpu_kernels;
using namespace mlir::et::nvidia;
using namespace mlir::et::gpu_kernels::sparse_mma;

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

void SparseMmaEmitter::storeTile(ValueRange sums, const Part &part, Value m, ArrayRef<BiasPair> biases) {
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
    // Boxes take turns in the last squares of the ring.
    int64_t inRing = kRingBytes - (2 - at / kTokens % 2) * kBoxBytes;
    Value box = b.offset(shared, b.add(b.mul(warp, kRingBytes), layout.rings + inRing));
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
