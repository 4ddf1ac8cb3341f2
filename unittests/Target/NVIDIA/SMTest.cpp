//===- SMTest.cpp - Table of NVIDIA architectures -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "et/Target/NVIDIA/SM.h"

#include "gtest/gtest.h"

using namespace mlir;
using namespace mlir::et::nvidia;

TEST(SMTest, EveryNameIsFound) {
  for (const SM &sm : SM::all()) {
    FailureOr<SM> found = SM::get(sm.chip);
    ASSERT_TRUE(succeeded(found));
    EXPECT_EQ(found->chip, sm.chip);
    EXPECT_LE(sm.sharedPerBlock + SM::sharedReserved, sm.sharedPerSM);
  }
}

TEST(SMTest, RefusesOtherNames) {
  for (StringRef name : {"", "sm_50", "sm_90A", "90a", "sm_100a"})
    EXPECT_TRUE(failed(SM::get(name))) << name.str();
}

TEST(SMTest, WgmmaIsArchitectureSpecific) {
  EXPECT_TRUE(SM::get("sm_90a")->hasWgmma);
  EXPECT_FALSE(SM::get("sm_90")->hasWgmma);
  EXPECT_TRUE(SM::get("sm_90")->hasTMA);
  EXPECT_FALSE(SM::get("sm_89")->hasTMA);
  EXPECT_FALSE(SM::get("sm_80")->hasProgrammaticLaunch);
}
