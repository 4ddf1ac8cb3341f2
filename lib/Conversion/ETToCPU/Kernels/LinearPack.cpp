//===- LinearPack.cpp - Tilings and packed weights of linear kernels -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Chooses the loop nest of a linear kernel and brings weights into the order in
// which that kernel reads them: [panel][k][nr], a panel being nr outputs, or,
// of a sparse weight, [kept column][nr] with an index of the columns.
//
//===----------------------------------------------------------------------===//

#include "et/Conversion/ETToCPU/LinearKernel.h"

#include "llvm/ADT/bit.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <cstring>
#include <thread>

using namespace mlir;
using namespace mlir::et::cpu;

//===----------------------------------------------------------------------===//
// Tiling
//===----------------------------------------------------------------------===//

namespace {
/// A register tile: rows, and vectors of outputs.
struct RegisterTile {
  int64_t rows, vectors;
};
} // namespace

/// Returns the register tiles of \p level, best first. Accumulators, one vector
/// per column of w and one broadcast of x fill the registers: 8 * 3 + 3 + 1 =
/// 28 of 32, or 4 * 3 + 3 + 1 = 16 of 16. Without FMA the product takes one
/// more. Each vector of w feeds several rows and each x several vectors, since
/// two loads per multiply-add would be the limit.
static ArrayRef<RegisterTile> getRegisterTiles(ISALevel level) {
  static constexpr RegisterTile avx512[] = {{8, 3}, {6, 4}};
  static constexpr RegisterTile avx2[] = {{4, 3}, {6, 2}};
  static constexpr RegisterTile baseline[] = {{3, 3}, {4, 2}};
  switch (level) {
  case ISALevel::Baseline:
    return baseline;
  case ISALevel::AVX2:
    return avx2;
  case ISALevel::AVX512:
    return avx512;
  }
  llvm_unreachable("unknown instruction set level");
}

LinearTiling et::cpu::chooseLinearTiling(const ISA &isa, int64_t n, int64_t k) {
  const int64_t lanes = isa.vectorBits / 32;
  // The tile that pads the outputs least.
  auto paddedVectors = [&](const RegisterTile &tile) {
    return int64_t(llvm::divideCeil(n, tile.vectors * lanes)) * tile.vectors;
  };
  ArrayRef<RegisterTile> tiles = getRegisterTiles(isa.level);
  RegisterTile best = tiles.front();
  for (const RegisterTile &tile : tiles.drop_front())
    if (paddedVectors(tile) < paddedVectors(best))
      best = tile;
  // Few outputs do not fill a wide panel.
  best.vectors = std::min<int64_t>(best.vectors, llvm::divideCeil(n, lanes));

  LinearTiling tiling;
  tiling.mr = best.rows;
  tiling.nr = best.vectors * lanes;
  // A panel is used once per tile of the row block and should stay in L2, which
  // up to 600 KB do in 1 MB. Longer panels are cut into equal parts.
  constexpr int64_t kMaxPanelBytes = 600 << 10;
  int64_t longest = std::max<int64_t>(1, kMaxPanelBytes / (tiling.nr * 4));
  tiling.kc = llvm::divideCeil(k, llvm::divideCeil(k, longest));
  // Rows enough that reading w from L3 or memory once per row block is cheap;
  // more would push the panel out of L2.
  tiling.mc = 128;
  return tiling;
}

LinearTiling et::cpu::chooseSparseLinearTiling(const ISA &isa, int64_t k, int64_t tileRows) {
  const int64_t lanes = isa.vectorBits / 32;
  // LLVM loads the x of all rows first, which have addresses of their own when the distance of rows is not known: rows
  // and accumulators together have to fit in the registers.
  static constexpr RegisterTile avx512[] = {{6, 4}, {6, 3}, {8, 2}, {12, 1}};
  static constexpr RegisterTile narrow[] = {{6, 2}, {6, 1}};
  static constexpr RegisterTile baseline[] = {{4, 2}, {8, 1}};
  ArrayRef<RegisterTile> tiles = isa.level == ISALevel::AVX512 ? ArrayRef(avx512)
                                 : isa.level == ISALevel::AVX2 ? ArrayRef(narrow)
                                                               : ArrayRef(baseline);
  RegisterTile best = tiles.back();
  for (const RegisterTile &tile : llvm::reverse(tiles))
    if (tileRows % (tile.vectors * lanes) == 0)
      best = tile;
  LinearTiling tiling;
  tiling.mr = best.rows;
  tiling.nr = best.vectors * lanes;
  // Few columns of a panel are kept: K is never blocked.
  tiling.kc = k;
  tiling.mc = 128;
  return tiling;
}

Type et::cpu::packedLinearWeightType(const ISA &isa, Type elt) {
  // Every use of an f16 weight would convert it with a dozen instructions.
  if (elt.isF16() && !isa.f16c)
    return Float32Type::get(elt.getContext());
  return elt;
}

//===----------------------------------------------------------------------===//
// Packing
//===----------------------------------------------------------------------===//

int64_t et::cpu::getPackedLinearWeightSize(const LinearTiling &tiling, int64_t n, int64_t k, Type packedType) {
  return llvm::divideCeil(n, tiling.nr) * k * tiling.nr * (packedType.getIntOrFloatBitWidth() / 8);
}

namespace {
/// Conversions as types, so that they are inlined into the loops below.
struct Keep {
  template <typename T> T operator()(T value) const { return value; }
};

struct WidenF16 {
  float operator()(uint16_t half) const {
    uint32_t magnitude = half & 0x7fff;
    uint32_t sign = static_cast<uint32_t>(half & 0x8000) << 16;
    // Rebases the exponent; denormals become normal on the way.
    float scaled = llvm::bit_cast<float>(magnitude << 13) * 0x1p112f;
    uint32_t word = magnitude > 0x7bff ? 0x7f800000 | (magnitude << 13) : llvm::bit_cast<uint32_t>(scaled);
    return llvm::bit_cast<float>(word | sign);
  }
};

struct WidenBF16 {
  float operator()(uint16_t half) const { return llvm::bit_cast<float>(static_cast<uint32_t>(half) << 16); }
};

/// Calls \p pack with an element of \p srcType, one of \p packedType and the conversion between them.
template <typename Pack> void dispatchPack(Type srcType, Type packedType, Pack pack) {
  if (srcType.isF32())
    return pack(float(), float(), Keep());
  if (srcType == packedType)
    return pack(uint16_t(), uint16_t(), Keep());
  assert(packedType.isF32() && "weights are widened or kept");
  if (srcType.isF16())
    return pack(uint16_t(), float(), WidenF16());
  pack(uint16_t(), float(), WidenBF16());
}

/// Packs panels of one pair of types.
template <typename Src, typename Dst, typename Convert> struct Packer {
  const Src *src;
  Dst *dst;
  int64_t n, k, nr;

  /// Packs panels [begin, end). Each step reads one cache line per output and
  /// writes a few consecutive lines, so both sides stay in L1.
  void run(int64_t begin, int64_t end) const {
    constexpr int64_t kDepth = 64 / sizeof(Src);
    for (int64_t panel = begin; panel < end; ++panel) {
      const Src *from = src + panel * nr * k;
      Dst *to = dst + panel * nr * k;
      int64_t outputs = std::min(nr, n - panel * nr);
      for (int64_t k0 = 0; k0 < k; k0 += kDepth) {
        int64_t depth = std::min(kDepth, k - k0);
        for (int64_t j = 0; j < outputs; ++j)
          for (int64_t i = 0; i < depth; ++i)
            to[(k0 + i) * nr + j] = Convert()(from[j * k + k0 + i]);
        if (outputs == nr)
          continue;
        for (int64_t i = 0; i < depth; ++i)
          std::fill(to + (k0 + i) * nr + outputs, to + (k0 + i + 1) * nr, Dst(0));
      }
    }
  }
};
} // namespace

template <typename Src, typename Dst, typename Convert>
static void pack(const void *src, void *dst, const LinearTiling &tiling, int64_t n, int64_t k, unsigned threads) {
  Packer<Src, Dst, Convert> packer = {static_cast<const Src *>(src), static_cast<Dst *>(dst), n, k, tiling.nr};
  int64_t panels = llvm::divideCeil(n, tiling.nr);
  // Starting a thread takes about as long as packing 100 KB.
  constexpr int64_t kMinBytesPerThread = 1 << 20;
  int64_t useful = n * k * int64_t(sizeof(Src)) / kMinBytesPerThread;
  int64_t parts = std::max<int64_t>(1, std::min({int64_t(threads), panels, useful}));
  std::vector<std::thread> helpers;
  for (int64_t part = 1; part < parts; ++part)
    helpers.emplace_back([=] { packer.run(panels * part / parts, panels * (part + 1) / parts); });
  packer.run(0, panels / parts);
  for (std::thread &helper : helpers)
    helper.join();
}

void et::cpu::packLinearWeight(const void *src, Type srcType, const LinearTiling &tiling, int64_t n, int64_t k,
                               void *dst, Type packedType, unsigned threads) {
  dispatchPack(srcType, packedType, [&](auto srcElement, auto dstElement, auto convert) {
    pack<decltype(srcElement), decltype(dstElement), decltype(convert)>(src, dst, tiling, n, k, threads);
  });
}

//===----------------------------------------------------------------------===//
// Kept columns
//===----------------------------------------------------------------------===//

/// Sets \p used[i] where an element of \p rows rows of \p k elements at \p src is not zero. \p magnitude masks the bits
/// of an element but its sign.
template <typename Bits>
static void markUsedColumns(const Bits *src, int64_t rows, int64_t k, Bits magnitude, std::vector<Bits> &used) {
  std::fill(used.begin(), used.end(), Bits(0));
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t i = 0; i < k; ++i)
      used[i] |= src[row * k + i] & magnitude;
}

template <typename Bits>
static KeptColumns findKept(const void *src, int64_t n, int64_t k, int64_t width, Bits magnitude) {
  KeptColumns kept;
  kept.width = width;
  kept.starts.push_back(0);
  std::vector<Bits> used(k);
  for (int64_t row = 0; row < n; row += width) {
    markUsedColumns(static_cast<const Bits *>(src) + row * k, std::min(width, n - row), k, magnitude, used);
    for (int64_t i = 0; i < k; ++i)
      if (used[i])
        kept.columns.push_back(i);
    kept.starts.push_back(kept.columns.size());
  }
  return kept;
}

KeptColumns et::cpu::findKeptColumns(const void *src, Type srcType, int64_t n, int64_t k, int64_t width) {
  if (srcType.isF32())
    return findKept<uint32_t>(src, n, k, width, 0x7fffffffu);
  return findKept<uint16_t>(src, n, k, width, 0x7fffu);
}

void et::cpu::packKeptColumns(const void *src, Type srcType, const KeptColumns &kept, int64_t n, int64_t k, void *dst,
                              Type packedType, int64_t valuesOffset) {
  char *target = static_cast<char *>(dst);
  const int64_t startsBytes = kept.starts.size() * sizeof(int32_t), columnsBytes = kept.size() * sizeof(int32_t);
  std::fill(target, target + valuesOffset, 0);
  std::memcpy(target, kept.starts.data(), startsBytes);
  std::memcpy(target + startsBytes, kept.columns.data(), columnsBytes);
  dispatchPack(srcType, packedType, [&](auto srcElement, auto dstElement, auto convert) {
    using Src = decltype(srcElement);
    using Dst = decltype(dstElement);
    Dst *to = reinterpret_cast<Dst *>(target + valuesOffset);
    for (size_t panel = 0; panel + 1 < kept.starts.size(); ++panel) {
      const Src *from = static_cast<const Src *>(src) + panel * kept.width * k;
      int64_t outputs = std::min<int64_t>(kept.width, n - panel * kept.width);
      for (int64_t i = kept.starts[panel]; i < kept.starts[panel + 1]; ++i, to += kept.width) {
        for (int64_t j = 0; j < outputs; ++j)
          to[j] = convert(from[j * k + kept.columns[i]]);
        std::fill(to + outputs, to + kept.width, Dst(0));
      }
    }
  });
}
