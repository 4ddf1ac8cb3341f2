//===- ISATest.cpp - Instruction set levels -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Names, properties and the host's level.
//
//===----------------------------------------------------------------------===//

#include "et/Conversion/ETToCPU/ISA.h"

#include "gtest/gtest.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/MLIRContext.h"

using namespace mlir;
using namespace mlir::et::cpu;

TEST(ISATest, ParsesWhatItPrints) {
  for (ISALevel level : {ISALevel::Baseline, ISALevel::AVX2, ISALevel::AVX512}) {
    FailureOr<ISALevel> parsed = ISA::parse(stringifyISALevel(level));
    ASSERT_TRUE(succeeded(parsed));
    EXPECT_EQ(*parsed, level);
    EXPECT_EQ(ISA::get(level).level, level);
  }
}

TEST(ISATest, NativeIsTheHost) {
  FailureOr<ISALevel> parsed = ISA::parse("native");
  ASSERT_TRUE(succeeded(parsed));
  EXPECT_EQ(*parsed, ISA::host());
}

TEST(ISATest, RefusesOtherNames) {
  EXPECT_TRUE(failed(ISA::parse("")));
  EXPECT_TRUE(failed(ISA::parse("AVX2")));
  EXPECT_TRUE(failed(ISA::parse("avx10")));
}

TEST(ISATest, LanesFollowTheElementType) {
  MLIRContext context;
  Type f32 = Float32Type::get(&context), f16 = Float16Type::get(&context);
  EXPECT_EQ(ISA::get(ISALevel::Baseline).vectorLanes(f32), 4u);
  EXPECT_EQ(ISA::get(ISALevel::AVX2).vectorLanes(f32), 8u);
  EXPECT_EQ(ISA::get(ISALevel::AVX512).vectorLanes(f32), 16u);
  EXPECT_EQ(ISA::get(ISALevel::AVX512).vectorLanes(f16), 32u);
}
