//===- StripsTest.cpp - Storage of weights in strips ------------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "et/Dialect/ET/IR/Strips.h"

#include "llvm/ADT/bit.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>

using namespace mlir::et;

namespace {
/// A weight of random bits, none of them zero, of which a share of tiles is left.
std::vector<uint16_t> makeWeight(int64_t n, int64_t k, int64_t tileRows, int64_t tileColumns, double density,
                                 unsigned seed) {
  std::mt19937 random(seed);
  std::bernoulli_distribution keeps(density);
  std::vector<uint16_t> weight(n * k);
  for (int64_t row = 0; row < n; row += tileRows)
    for (int64_t column = 0; column < k; column += tileColumns) {
      bool isKept = keeps(random);
      for (int64_t i = row; i < std::min(row + tileRows, n); ++i)
        for (int64_t j = column; j < std::min(column + tileColumns, k); ++j)
          weight[i * k + j] = isKept ? 1 + random() % 0x7bff : random() % 2 * 0x8000;
    }
  return weight;
}

/// The element of output \p i and input \p j of the unit at \p unit.
uint16_t readUnit(const uint16_t *unit, int64_t unitRows, int64_t i, int64_t j) {
  if (unitRows == 64)
    return unit[(j / 8) * 512 + i * 8 + j % 8];
  int64_t lane = i % 8 * 4 + j % 8 / 2, number = i / 8 + 2 * (j / 8);
  return unit[lane * 8 + number * 2 + j % 2];
}

struct Sizes {
  int64_t n, k, unitRows, tileRows, tileColumns;
  double density;
};
class StripsTest : public testing::TestWithParam<Sizes> {};
} // namespace

TEST_P(StripsTest, StoresEveryElementOnce) {
  Sizes s = GetParam();
  std::vector<uint16_t> weight = makeWeight(s.n, s.k, s.tileRows, s.tileColumns, s.density, 7);
  StripsPattern pattern = findStrips(weight.data(), s.n, s.k, s.unitRows);
  const StripsLayout &layout = pattern.layout;
  EXPECT_EQ(layout.unitsOffset() % 128, 0);
  EXPECT_EQ(layout.masksOffset() % 16, 0);
  // What is not written shows, and so does what is written behind the end.
  std::vector<char> storage(layout.storageBytes() + 16, '\x5a');
  packStrips(weight.data(), pattern, storage.data());
  EXPECT_EQ(std::string(storage.end() - 16, storage.end()), std::string(16, '\x5a'));
  const auto *order = reinterpret_cast<const int32_t *>(storage.data());
  const auto *starts = reinterpret_cast<const int32_t *>(storage.data() + layout.startsOffset());
  const auto *masks = reinterpret_cast<const uint16_t *>(storage.data() + layout.masksOffset());
  const auto *units = reinterpret_cast<const uint16_t *>(storage.data() + layout.unitsOffset());
  std::vector<uint16_t> dense(s.n * s.k);
  int64_t panels = 64 / s.unitRows, count = 0;
  for (int64_t place = 0; place < layout.numStrips(); ++place) {
    EXPECT_EQ(starts[place], count);
    for (int64_t block = 0; block < layout.maskStride(); ++block)
      for (int64_t bit = 0; bit < 16; ++bit) {
        if (!(masks[place * layout.maskStride() + block] >> bit & 1))
          continue;
        ASSERT_LT(block, layout.numBlocks());
        const uint16_t *unit = units + count++ * layout.unitBytes() / 2;
        bool any = false;
        for (int64_t i = 0; i < s.unitRows; ++i)
          for (int64_t j = 0; j < 16; ++j) {
            int64_t row = order[place] * 64 + bit % panels * s.unitRows + i,
                    column = block * 64 + bit / panels * 16 + j;
            uint16_t value = readUnit(unit, s.unitRows, i, j);
            any |= (value & 0x7fff) != 0;
            if (row < s.n && column < s.k)
              dense[row * s.k + column] = value;
            else
              EXPECT_EQ(value, 0);
          }
        EXPECT_TRUE(any) << "a unit of zeros is stored";
      }
  }
  EXPECT_EQ(starts[layout.numStrips()], count);
  EXPECT_EQ(layout.kept, count);
  for (size_t i = 0; i < dense.size(); ++i)
    if (weight[i] & 0x7fff || dense[i] & 0x7fff)
      ASSERT_EQ(dense[i], weight[i]) << "row " << i / s.k << " column " << i % s.k;
}

TEST_P(StripsTest, OrdersEveryStripOnceLongestFirst) {
  Sizes s = GetParam();
  std::vector<uint16_t> weight = makeWeight(s.n, s.k, s.tileRows, s.tileColumns, s.density, 8);
  StripsPattern pattern = findStrips(weight.data(), s.n, s.k, s.unitRows);
  std::vector<int32_t> order = orderStrips(pattern), sorted = order;
  std::sort(sorted.begin(), sorted.end());
  for (int64_t i = 0; i < pattern.layout.numStrips(); ++i)
    EXPECT_EQ(sorted[i], i);
  auto count = [&](int32_t strip) {
    int64_t units = 0;
    for (int64_t block = 0; block < pattern.layout.numBlocks(); ++block)
      units += llvm::popcount(pattern.mask(strip, block));
    return units;
  };
  for (size_t i = 2; i < order.size(); i += 2)
    EXPECT_LE(count(order[i]), count(order[i - 2]));
}

INSTANTIATE_TEST_SUITE_P(Sizes, StripsTest,
                         testing::Values(Sizes{256, 192, 64, 64, 64, 0.5}, Sizes{256, 192, 16, 16, 16, 0.3},
                                         Sizes{1, 1, 64, 64, 64, 1}, Sizes{1, 1, 16, 16, 16, 1},
                                         Sizes{100, 72, 64, 64, 16, 0.4}, Sizes{331, 587, 16, 16, 16, 0.2},
                                         Sizes{331, 587, 64, 48, 24, 0.2}, Sizes{192, 640, 64, 64, 64, 0},
                                         Sizes{192, 640, 16, 16, 16, 0}));

TEST(Strips, TellsTheWidthOfTiles) {
  for (int64_t columns : {64, 32, 16})
    for (int64_t unitRows : {64, 16}) {
      std::vector<uint16_t> weight = makeWeight(512, 512, unitRows, columns, 0.5, 9);
      EXPECT_EQ(findStrips(weight.data(), 512, 512, unitRows).tileColumns(), columns);
    }
  // Half a tile is past the last input.
  std::vector<uint16_t> weight = makeWeight(64, 96, 64, 64, 1, 10);
  EXPECT_EQ(findStrips(weight.data(), 64, 96, 64).tileColumns(), 32);
}

TEST(Strips, PutsLikeStripsTogether) {
  // Strips of two kinds in turn: in order each pair has as many blocks as one of it.
  std::vector<uint16_t> weight(512 * 512);
  for (int64_t row = 0; row < 512; ++row)
    for (int64_t column = 0; column < 512; ++column)
      weight[row * 512 + column] = column / 64 % 2 == row / 64 % 2;
  StripsPattern pattern = findStrips(weight.data(), 512, 512, 64);
  std::vector<int32_t> order = orderStrips(pattern);
  EXPECT_EQ(pattern.countSharedBlocks(order), 4 * 4);
  EXPECT_EQ(pattern.countSharedBlocks({0, 1, 2, 3, 4, 5, 6, 7}), 4 * 8);
}
