//===- LinearPack.cpp - Tilings and packed weights of linear kernels -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Chooses the loop nest of a linear kernel and brings weights into the order in
// which that kernel reads them: [panel][k][nr], a panel being nr outputs.
//
//===----------------------------------------------------------------------===//

#include "et/Conversion/ETToCPU/LinearKernel.h"

#include "llvm/ADT/bit.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>
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
  if (srcType.isF32())
    return pack<float, float, Keep>(src, dst, tiling, n, k, threads);
  if (srcType == packedType)
    return pack<uint16_t, uint16_t, Keep>(src, dst, tiling, n, k, threads);
  assert(packedType.isF32() && "weights are widened or kept");
  if (srcType.isF16())
    return pack<uint16_t, float, WidenF16>(src, dst, tiling, n, k, threads);
  pack<uint16_t, float, WidenBF16>(src, dst, tiling, n, k, threads);
}
