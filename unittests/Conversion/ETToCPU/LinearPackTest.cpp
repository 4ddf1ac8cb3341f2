//===- LinearPackTest.cpp - Tilings and packed weights -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Checks where every weight ends up, and that tilings fit the registers.
//
//===----------------------------------------------------------------------===//

#include "LinearTestSupport.h"

#include "gtest/gtest.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/MLIRContext.h"

using namespace mlir;
using namespace mlir::et::cpu;

namespace {
class LinearPackTest : public testing::Test {
protected:
  /// Packs the numbers 0, 1, ... (mod 251, exact in every type).
  void check(int64_t n, int64_t k, int64_t nr, Type src, Type dst, unsigned threads = 1) {
    LinearTiling tiling = {4, nr, k, 128};
    GuardedBuffer from(n * k * getElementSize(src));
    for (int64_t i = 0; i < n * k; ++i)
      writeElement(src, from.data(), i, float(i % 251));
    int64_t panels = (n + nr - 1) / nr;
    int64_t bytes = getPackedLinearWeightSize(tiling, n, k, dst);
    ASSERT_EQ(bytes, panels * k * nr * int64_t(getElementSize(dst)));
    GuardedBuffer to(bytes);
    packLinearWeight(from.data(), src, tiling, n, k, to.data(), dst, threads);
    EXPECT_TRUE(to.isIntact());
    for (int64_t panel = 0; panel < panels; ++panel)
      for (int64_t i = 0; i < k; ++i)
        for (int64_t j = 0; j < nr; ++j) {
          int64_t output = panel * nr + j;
          float expected = output < n ? float((output * k + i) % 251) : 0.0f;
          ASSERT_EQ(readElement(dst, to.data(), (panel * k + i) * nr + j), expected)
              << "panel " << panel << ", k " << i << ", output " << j;
        }
  }
  MLIRContext context;
  Type f32 = Float32Type::get(&context), f16 = Float16Type::get(&context), bf16 = BFloat16Type::get(&context);
};
} // namespace

TEST_F(LinearPackTest, FullAndRaggedPanels) {
  for (int64_t nr : {4, 16, 48})
    for (int64_t n : {1, 4, 48, 61, 96})
      for (int64_t k : {1, 15, 16, 33})
        check(n, k, nr, f32, f32);
}

TEST_F(LinearPackTest, HalfPrecision) {
  for (Type half : {f16, bf16}) {
    check(50, 35, 16, half, half);
    check(50, 35, 16, half, f32);
  }
}

TEST_F(LinearPackTest, Threads) { check(1000, 1100, 48, f32, f32, 3); }

TEST_F(LinearPackTest, WidensSpecialHalfValues) {
  const uint16_t bits[] = {0x0000, 0x8000, 0x0001, 0x83ff, 0x0400, 0x7bff, 0x7c00, 0xfc00, 0x3c00, 0xc000};
  LinearTiling tiling = {4, 4, 10, 128};
  float packed[40];
  packLinearWeight(bits, f16, tiling, 1, 10, packed, f32);
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(packed[i * 4], readElement(f16, bits, i)) << i;
  const uint16_t nan[] = {0x7e01};
  packLinearWeight(nan, f16, tiling, 1, 1, packed, f32);
  EXPECT_NE(packed[0], packed[0]);
}

TEST_F(LinearPackTest, WeightsStayNarrowWhereTheyCanBeRead) {
  ISA baseline = ISA::get(ISALevel::Baseline), avx2 = ISA::get(ISALevel::AVX2);
  EXPECT_EQ(packedLinearWeightType(baseline, f16), f32);
  EXPECT_EQ(packedLinearWeightType(baseline, bf16), bf16);
  EXPECT_EQ(packedLinearWeightType(avx2, f16), f16);
  EXPECT_EQ(packedLinearWeightType(avx2, f32), f32);
}

TEST_F(LinearPackTest, TilingsFitTheRegisters) {
  for (ISALevel level : {ISALevel::Baseline, ISALevel::AVX2, ISALevel::AVX512}) {
    ISA isa = ISA::get(level);
    int64_t lanes = isa.vectorLanes(f32);
    for (int64_t n : {1, 2, 17, 384, 30522})
      for (int64_t k : {1, 384, 3072, 100000}) {
        LinearTiling tiling = chooseLinearTiling(isa, n, k);
        ASSERT_GE(tiling.mr, 1);
        ASSERT_GE(tiling.mc, tiling.mr);
        ASSERT_GE(tiling.kc, 1);
        ASSERT_EQ(tiling.nr % lanes, 0);
        int64_t vectors = tiling.nr / lanes;
        EXPECT_LE(tiling.mr * vectors + vectors + 1, isa.numVectorRegs);
        // Padding is less than one vector where a narrow panel suffices.
        if (n < tiling.nr)
          EXPECT_LT(tiling.nr - n, lanes);
      }
  }
}
