//===- Strips.cpp - Storage of weights as the tiles that tensor cores read -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "et/Dialect/ET/IR/Strips.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/bit.h"

#include <algorithm>
#include <cstring>

using namespace mlir::et;

static constexpr int64_t kSlabs = StripsLayout::kBlockColumns / StripsLayout::kSlabColumns;
static constexpr int64_t kSquareRows = 16;

/// Of how many strips the one that fits best to another is looked for: the search is quadratic.
static constexpr size_t kMaxPartners = 64;

StripsPattern mlir::et::findStrips(const uint16_t *data, int64_t n, int64_t k, int64_t unitRows) {
  StripsPattern pattern;
  pattern.layout = {n, k, unitRows, 0};
  int64_t blocks = pattern.layout.numBlocks(), panels = StripsLayout::kStripRows / unitRows;
  pattern.masks.assign(pattern.layout.numStrips() * blocks, 0);
  for (int64_t row = 0; row < n; ++row) {
    uint16_t *masks = pattern.masks.data() + row / StripsLayout::kStripRows * blocks;
    int64_t panel = row % StripsLayout::kStripRows / unitRows;
    const uint16_t *values = data + row * k;
    for (int64_t begin = 0; begin < k; begin += StripsLayout::kSlabColumns) {
      int64_t end = std::min(begin + StripsLayout::kSlabColumns, k);
      uint16_t any = 0;
      for (int64_t i = begin; i < end; ++i)
        any |= values[i] & 0x7fff;
      int64_t slab = begin % StripsLayout::kBlockColumns / StripsLayout::kSlabColumns;
      masks[begin / StripsLayout::kBlockColumns] |= uint16_t(any != 0) << (slab * panels + panel);
    }
  }
  for (uint16_t mask : pattern.masks)
    pattern.layout.kept += llvm::popcount(mask);
  return pattern;
}

int64_t StripsPattern::tileColumns() const {
  int64_t panels = StripsLayout::kStripRows / layout.unitRows;
  uint16_t slab = (1u << panels) - 1;
  auto isRepeated = [&](int64_t slabs) {
    return std::all_of(masks.begin(), masks.end(), [&](uint16_t mask) {
      for (int64_t i = 0; i < kSlabs; ++i)
        if ((mask >> (i * panels) & slab) != (mask >> (i / slabs * slabs * panels) & slab))
          return false;
      return true;
    });
  };
  return isRepeated(4) ? 64 : isRepeated(2) ? 32 : 16;
}

int64_t StripsPattern::countSharedBlocks(const std::vector<int32_t> &order) const {
  int64_t count = 0;
  for (size_t i = 0; i < order.size(); i += 2)
    for (int64_t block = 0; block < layout.numBlocks(); ++block)
      count += (mask(order[i], block) | (i + 1 < order.size() ? mask(order[i + 1], block) : 0)) != 0;
  return count;
}

std::vector<int32_t> mlir::et::orderStrips(const StripsPattern &pattern) {
  int64_t strips = pattern.layout.numStrips(), blocks = pattern.layout.numBlocks();
  auto countUnits = [&](int32_t strip) {
    int64_t units = 0;
    for (int64_t block = 0; block < blocks; ++block)
      units += llvm::popcount(pattern.mask(strip, block));
    return units;
  };
  std::vector<int64_t> units(strips);
  std::vector<int32_t> rest(strips);
  for (int32_t strip = 0; strip < strips; ++strip) {
    rest[strip] = strip;
    units[strip] = countUnits(strip);
  }
  std::stable_sort(rest.begin(), rest.end(), [&](int32_t a, int32_t b) { return units[a] > units[b]; });
  // The longest strip that is left, and behind it the one that adds fewest blocks to it.
  std::vector<int32_t> order;
  while (!rest.empty()) {
    int32_t first = rest.front();
    order.push_back(first);
    rest.erase(rest.begin());
    if (rest.empty())
      break;
    size_t best = 0;
    int64_t bestAdded = blocks + 1;
    for (size_t i = 0; i < std::min(rest.size(), kMaxPartners); ++i) {
      int64_t added = 0;
      for (int64_t block = 0; block < blocks; ++block)
        added += pattern.mask(rest[i], block) != 0 && pattern.mask(first, block) == 0;
      if (added < bestAdded) {
        bestAdded = added;
        best = i;
      }
    }
    order.push_back(rest[best]);
    rest.erase(rest.begin() + best);
  }
  return order;
}

/// Writes the slab of a weight that begins at (\p row, \p column).
static void packSlab(const uint16_t *data, const StripsLayout &layout, int64_t row, int64_t column, uint16_t *target) {
  int64_t rows = std::min(StripsLayout::kStripRows, layout.n - row);
  int64_t columns = std::min(StripsLayout::kSlabColumns, layout.k - column);
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j)
      target[(j / 8 * 8 + i / 8) * 64 + i % 8 * 8 + j % 8] = data[(row + i) * layout.k + column + j];
}

/// Writes the square of a weight that begins at (\p row, \p column).
static void packSquare(const uint16_t *data, const StripsLayout &layout, int64_t row, int64_t column,
                       uint16_t *target) {
  int64_t rows = std::min(kSquareRows, layout.n - row);
  int64_t columns = std::min(StripsLayout::kSlabColumns, layout.k - column);
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j) {
      int64_t lane = i % 8 * 4 + j % 8 / 2;
      target[lane * 8 + (j / 8 * 2 + i / 8) * 2 + j % 2] = data[(row + i) * layout.k + column + j];
    }
}

void mlir::et::packStrips(const uint16_t *data, const StripsPattern &pattern, char *target) {
  const StripsLayout &layout = pattern.layout;
  std::memset(target, 0, layout.storageBytes());
  std::vector<int32_t> order = orderStrips(pattern);
  std::memcpy(target, order.data(), order.size() * sizeof(int32_t));
  auto *starts = reinterpret_cast<int32_t *>(target + layout.startsOffset());
  auto *masks = reinterpret_cast<uint16_t *>(target + layout.masksOffset());
  auto *unit = reinterpret_cast<uint16_t *>(target + layout.unitsOffset());
  int64_t panels = StripsLayout::kStripRows / layout.unitRows, count = 0;
  for (auto [place, strip] : llvm::enumerate(order)) {
    starts[place] = static_cast<int32_t>(count);
    for (int64_t block = 0; block < layout.numBlocks(); ++block) {
      uint16_t mask = pattern.mask(strip, block);
      masks[place * layout.maskStride() + block] = mask;
      for (int64_t bit = 0; bit < layout.unitsPerBlock(); ++bit) {
        if (!(mask >> bit & 1))
          continue;
        int64_t row = strip * StripsLayout::kStripRows + bit % panels * layout.unitRows;
        int64_t column = block * StripsLayout::kBlockColumns + bit / panels * StripsLayout::kSlabColumns;
        if (layout.unitRows == kSquareRows)
          packSquare(data, layout, row, column, unit);
        else
          packSlab(data, layout, row, column, unit);
        unit += layout.unitBytes() / 2;
        ++count;
      }
    }
  }
  starts[layout.numStrips()] = static_cast<int32_t>(count);
}
