//===- LinearSparseTest.cpp - PTX and launches of kernels with slabs -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// As LinearKernelTest.cpp, for Sparse, and for Simt with weights in strips. Numbers
// are checked on a device by benchmarks/gpu/sparse.py.
//
//===----------------------------------------------------------------------===//

#include "SparseTestSupport.h"

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::gpu_kernels;

/// A weight of slabs.
static TestSpec makeSlabs(int64_t n = 768, int64_t k = 768, int64_t tileColumns = 64, bool hasEverything = false) {
  return {n, k, /*useBF16=*/hasEverything, hasEverything, 0.25, /*unitRows=*/64, tileColumns};
}

static LinearSchedule makeSchedule(int64_t tokens, int64_t consumers, int64_t stages, bool persistent = false,
                                   bool exclusive = false) {
  return {S::Sparse, tokens, 64 * consumers, 64, stages, 1, persistent, exclusive};
}

//===----------------------------------------------------------------------===//
// PTX
//===----------------------------------------------------------------------===//

TEST(LinearSparseTest, SlabsAreOperandAOfWgmma) {
  std::string ptx = Built("sm_90a", makeSlabs(), makeSchedule(256, 2, 4, /*persistent=*/true)).module.getPTX();
  for (const char *op :
       {"wgmma.mma_async.sync.aligned.m64n256k16.f32.f16.f16", "cp.async.bulk.tensor.2d.shared::cta",
        "cp.async.bulk.shared::cta.global.mbarrier", "vote.sync.ballot", "setmaxnreg.inc.sync.aligned.u32",
        "setmaxnreg.dec.sync.aligned.u32", "stmatrix.sync.aligned.m8n8.x4.trans",
        "cp.async.bulk.tensor.2d.global.shared::cta", ".reqntid 384"})
    EXPECT_PRED_FORMAT2(::testing::IsSubstring, op, ptx);
  EXPECT_PRED_FORMAT2(::testing::IsNotSubstring, "movmatrix", ptx);
  // Whole tiles are multiplied without asking for each slab.
  EXPECT_EQ(StringRef(ptx).count("wgmma.mma_async"), 4u);
}

TEST(LinearSparseTest, RegistersOfWarpgroupsFitWhatABlockStartsWith) {
  // Others would wait for ever for registers that nobody gives up.
  Built built("sm_90a", makeSlabs(), makeSchedule(256, 2, 4, /*persistent=*/true));
  std::string ptx = built.module.getPTX();
  auto read = [&](StringRef name) {
    int64_t value = 0;
    StringRef number = StringRef(ptx).split(name).second.split(';').first.trim();
    EXPECT_FALSE(number.getAsInteger(10, value)) << name.str() << ": " << number.str();
    return value;
  };
  EXPECT_GT(read("setmaxnreg.inc.sync.aligned.u32"), 200);
  EXPECT_LE(2 * read("setmaxnreg.inc.sync.aligned.u32") + read("setmaxnreg.dec.sync.aligned.u32"),
            65536 / built.kernel.threads / 8 * 8 * 3);
}

TEST(LinearSparseTest, NarrowTilesAskForEachSlab) {
  for (auto [columns, branches] : {std::pair(32, 2), std::pair(16, 4)}) {
    std::string ptx = Built("sm_90a", makeSlabs(768, 768, columns), makeSchedule(64, 1, 4)).module.getPTX();
    EXPECT_EQ(StringRef(ptx).count("wgmma.mma_async"), 4u);
    EXPECT_EQ(StringRef(ptx).count("wgmma.commit_group"), 1u) << branches;
  }
}

TEST(LinearSparseTest, SlabsAreRequestedBeforeThePreviousKernelEnds) {
  std::string ptx = Built("sm_90a", makeSlabs(), makeSchedule(32, 1, 8, false, true)).module.getPTX();
  StringRef producer = StringRef(ptx);
  size_t slabs = producer.find("cp.async.bulk.shared::cta.global");
  size_t x = producer.find("cp.async.bulk.tensor.2d.shared::cta");
  ASSERT_NE(slabs, StringRef::npos);
  ASSERT_NE(x, StringRef::npos);
  StringRef between = producer.slice(slabs, x);
  EXPECT_GE(between.count("griddepcontrol.wait"), 1u);
  EXPECT_LT(producer.find("griddepcontrol.launch_dependents"), slabs);
}

TEST(LinearSparseTest, EpiloguesThatAskForRowsGetThem) {
  std::string ptx = Built("sm_90a", makeSlabs(768, 768, 64, true), makeSchedule(128, 2, 4)).module.getPTX();
  EXPECT_PRED_FORMAT2(::testing::IsSubstring, "movmatrix.sync.aligned.m8n8.trans.b16", ptx);
  EXPECT_PRED_FORMAT2(::testing::IsSubstring, "stmatrix.sync.aligned.m8n8.x4", ptx);
  EXPECT_PRED_FORMAT2(::testing::IsNotSubstring, "x4.trans", ptx);
}

TEST(LinearSparseTest, GridsCoverStripsAndTokens) {
  Built few("sm_90a", makeSlabs(1000, 768), makeSchedule(64, 1, 4, false, true));
  EXPECT_EQ(evaluate(few.kernel.grid[0], {65, 0, 0}), 16);
  EXPECT_EQ(evaluate(few.kernel.grid[1], {65, 0, 0}), 2);
  EXPECT_EQ(few.kernel.threads, 160);
  // Nobody else on its multiprocessor.
  EXPECT_GT(few.kernel.sharedBytes, few.sm.sharedPerSM / 2 - 1);
  Built pair("sm_90a", makeSlabs(1000, 768), makeSchedule(64, 2, 4));
  EXPECT_EQ(evaluate(pair.kernel.grid[0], {65, 0, 0}), 8);
  for (int64_t consumers : {1, 2}) {
    Built many("sm_90a", makeSlabs(), makeSchedule(128, consumers, 3, /*persistent=*/true));
    // Two blocks of one consumer share a multiprocessor.
    EXPECT_EQ(evaluate(many.kernel.grid[0], {100000, 0, 0}), consumers == 1 ? 264 : 132);
    EXPECT_EQ(evaluate(many.kernel.grid[0], {0, 0, 0}), 0);
  }
}

TEST(LinearSparseTest, WhatTMACannotStoreThreadsDo) {
  KernelModule module(*SM::get("sm_90a"));
  LinearKernelSpec spec = makeSpec(module.getContext(), makeSlabs());
  spec.yType = Float32Type::get(module.getContext());
  OpBuilder builder = module.getBuilder();
  BuiltKernel kernel =
      buildLinearKernel(builder, module.getLoc(), "sparse", spec, makeSchedule(64, 1, 4), *SM::get("sm_90a"));
  EXPECT_EQ(kernel.maps.size(), 1u);
  std::string ptx = module.getPTX();
  EXPECT_PRED_FORMAT2(::testing::IsSubstring, "st.global", ptx);
  EXPECT_PRED_FORMAT2(::testing::IsNotSubstring, "stmatrix", ptx);
}

TEST(LinearSparseTest, SimtReadsStrips) {
  for (int64_t unitRows : {64, 16}) {
    TestSpec test{77, 131, false, true, 0.25, unitRows, 16};
    std::string ptx = Built("sm_80", test, {S::Simt, 64, 64, 16, 1}).module.getPTX();
    // Squares of a slab in front of another are counted.
    EXPECT_EQ(StringRef(ptx).contains("popc.b32"), unitRows == 16);
    EXPECT_PRED_FORMAT2(::testing::IsNotSubstring, "mma", ptx);
  }
}

//===----------------------------------------------------------------------===//
// ptxas
//===----------------------------------------------------------------------===//

TEST(LinearSparseTest, AssemblesWithoutSpills) {
  for (int64_t columns : {64, 16})
    for (bool all : {false, true})
      // Lists of 32, 64 and more blocks.
      for (auto [n, k] : {std::pair(1000, 1024), std::pair(768, 3072), std::pair(328, 8192)})
        for (const LinearSchedule &schedule :
             {makeSchedule(256, 2, 4, /*persistent=*/true), makeSchedule(192, 1, 3, /*persistent=*/true),
              makeSchedule(128, 2, 4), makeSchedule(64, 1, 8, false, true), makeSchedule(16, 1, 8, false, true)})
          expectAssembles("sm_90a", makeSlabs(n, k, columns, all), schedule, /*mayInjectArrives=*/columns != 64);
}

TEST(LinearSparseTest, StatisticsAndChunksAssembleWithoutSpills) {
  for (bool all : {false, true}) {
    TestSpec test = makeSlabs(800, 768, 64, all);
    test.takesStats = test.storesChunks = true;
    for (const LinearSchedule &schedule : {makeSchedule(128, 1, 6, false, true), makeSchedule(64, 1, 8, false, true),
                                           makeSchedule(32, 1, 8, false, true), makeSchedule(16, 1, 8, false, true)})
      expectAssembles("sm_90a", test, schedule);
    Built built("sm_90a", test, makeSchedule(32, 1, 8, false, true));
    std::string ptx = built.module.getPTX();
    // 24 chunks of a row are loaded by four lanes, two at a time, and statistics of two warps' outputs are joined.
    EXPECT_PRED_FORMAT2(::testing::IsSubstring, "ld.global.v4", ptx);
    EXPECT_PRED_FORMAT2(::testing::IsSubstring, "rsqrt.approx", ptx);
    EXPECT_PRED_FORMAT2(::testing::IsSubstring, "st.shared.v2", ptx);
    EXPECT_PRED_FORMAT2(::testing::IsSubstring, "st.global.v2", ptx);
  }
}

TEST(LinearSparseTest, FewRowsAreChosenToTakeStatisticsAndManyAreNot) {
  MLIRContext context;
  TestSpec test = makeSlabs();
  test.takesStats = true;
  LinearKernelSpec spec = makeSpec(&context, test);
  LinearSchedule few = chooseLinearSchedule(spec, *SM::get("sm_90a"), 128);
  EXPECT_EQ(few.kind, S::Sparse);
  EXPECT_TRUE(takesRowStats(few));
  LinearSchedule many = chooseLinearSchedule(spec, *SM::get("sm_90a"), 16384);
  EXPECT_EQ(many.kind, S::Sparse);
  EXPECT_FALSE(takesRowStats(many));
}

//===----------------------------------------------------------------------===//
// Refusals
//===----------------------------------------------------------------------===//

TEST(LinearSparseTest, RefusesOtherWeightsAndDevices) {
  const LinearSchedule schedule = makeSchedule(128, 2, 4);
  TestSpec squares;
  expectRefused("slabs of 64 outputs, but the weight is not stored in them", squares, schedule);
  expectRefused("slabs of 64 outputs, but the weight is not stored in them; use Wgmma for dense weights", makeSlabs(),
                schedule, "sm_90a", [](LinearKernelSpec &spec, MLIRContext *) { spec.strips = std::nullopt; });
  expectRefused("wgmma needs sm_90a, but the target is sm_90; use SparseMma", makeSlabs(), schedule, "sm_90");
  expectRefused("expected a weight in strips to be f16 or bf16; store it dense", makeSlabs(), {S::Simt, 64, 64, 16, 1},
                "sm_90a", [](LinearKernelSpec &spec, MLIRContext *context) { spec.wType = Float32Type::get(context); });
  expectRefused("tiles have 8 inputs, but a block holds 4 slabs of 16; use 16, 32 or 64", makeSlabs(768, 768, 8),
                schedule);
  expectRefused("tiles of 64 inputs reach past the last of 800, where not all of their slabs are stored; use 16",
                makeSlabs(768, 800, 64), schedule);
  expectRefused("sparse takes no statistics of rows", makeSlabs(), makeSchedule(128, 2, 4, /*persistent=*/true),
                "sm_90a",
                [](LinearKernelSpec &spec, MLIRContext *) { spec.rowStats = LinearRowStats{true, 1e-5f, 32}; });
  expectRefused("no whole chunks of 32 outputs with sparse", makeSlabs(), makeSchedule(128, 2, 4, /*persistent=*/true),
                "sm_90a", [](LinearKernelSpec &spec, MLIRContext *) { spec.yChunks = true; });
  expectRefused("sparse takes no statistics of rows", makeSlabs(), makeSchedule(256, 1, 3), "sm_90a",
                [](LinearKernelSpec &spec, MLIRContext *) { spec.rowStats = LinearRowStats{true, 1e-5f, 32}; });
  expectRefused("no whole chunks of 32 outputs with sparse", makeSlabs(), makeSchedule(64, 2, 4), "sm_90a",
                [](LinearKernelSpec &spec, MLIRContext *) { spec.yChunks = true; });
  // Where threads store y themselves nobody has a chunk.
  expectRefused("no whole chunks of 32 outputs with sparse", makeSlabs(), makeSchedule(64, 1, 4), "sm_90a",
                [](LinearKernelSpec &spec, MLIRContext *context) {
                  spec.yChunks = true;
                  spec.yType = Float32Type::get(context);
                });
  expectRefused("input's start and row stride", makeSlabs(), schedule, "sm_90a",
                [](LinearKernelSpec &spec, MLIRContext *) { spec.xAligned = false; });
}

TEST(LinearSparseTest, RefusesSchedules) {
  expectRefused("tileM is 264, but wgmma takes multiples of 16 tokens from 16 to 256", makeSlabs(),
                makeSchedule(264, 1, 2));
  expectRefused("tileM is 24, but", makeSlabs(), makeSchedule(24, 1, 2));
  expectRefused("tileN is 192, but there are one or two consumers of 64 outputs", makeSlabs(), makeSchedule(64, 3, 2));
  LinearSchedule split = makeSchedule(64, 1, 4);
  split.splitK = 2;
  expectRefused("Sparse neither splits K nor shares loads in a cluster; use 1 and 1", makeSlabs(), split);
  LinearSchedule cluster = makeSchedule(64, 1, 4);
  cluster.cluster = 2;
  expectRefused("Sparse neither splits K nor shares loads in a cluster; use 1 and 1", makeSlabs(), cluster);
  expectRefused("bytes of shared memory, but a block of sm_90a has 232448", makeSlabs(), makeSchedule(256, 2, 5));
}

//===----------------------------------------------------------------------===//
// Choice
//===----------------------------------------------------------------------===//

TEST(LinearSparseTest, TheChosenScheduleCanBeBuilt) {
  MLIRContext context;
  SM sm = *SM::get("sm_90a");
  for (int64_t rows : {1, 16, 64, 128, 512, 4096, 16384})
    for (double density : {0.0, 0.05, 0.5})
      for (auto [n, k] : {std::pair(768, 768), std::pair(768, 3072), std::pair(4096, 4096), std::pair(8, 64),
                          std::pair(77, 64), std::pair(64, 131)}) {
        TestSpec test = makeSlabs(n, k, 16);
        test.density = density;
        LinearKernelSpec spec = makeSpec(&context, test);
        LinearSchedule schedule = chooseLinearSchedule(spec, sm, rows);
        EXPECT_EQ(verifyLinearKernel(spec, schedule, sm), std::nullopt) << stringifyLinearSchedule(schedule);
        EXPECT_EQ(schedule.kind, n % 8 || k % 8 ? S::Simt : S::Sparse) << n << ' ' << k;
        // A kernel in front takes statistics.
        spec.rowStats = LinearRowStats{true, 1e-5f, 1};
        EXPECT_EQ(chooseLinearSchedule(spec, sm, rows).kind, schedule.kind);
      }
}

TEST(LinearSparseTest, ManyRowsPersistAndLessIsFaster) {
  MLIRContext context;
  SM sm = *SM::get("sm_90a");
  LinearKernelSpec spec = makeSpec(&context, makeSlabs(4096, 4096));
  LinearSchedule many = chooseLinearSchedule(spec, sm, 4096);
  EXPECT_TRUE(many.persistent);
  EXPECT_EQ(many.tileM, 256);
  EXPECT_EQ(many.tileN, 128);
  LinearSchedule few = chooseLinearSchedule(makeSpec(&context, makeSlabs(3072, 768)), sm, 128);
  EXPECT_TRUE(few.exclusive);
  EXPECT_EQ(few.tileM, 64);
  double last = 0;
  for (double density : {0.05, 0.1, 0.25, 0.5, 1.0}) {
    TestSpec test = makeSlabs(4096, 4096);
    test.density = density;
    double cycles = estimateLinearCycles(makeSpec(&context, test), many, sm, 4096);
    EXPECT_GT(cycles, last);
    last = cycles;
  }
}
