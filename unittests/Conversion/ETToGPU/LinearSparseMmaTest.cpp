//===- LinearSparseMmaTest.cpp - PTX and launches of kernels with squares -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// As LinearKernelTest.cpp, for SparseMma. Numbers are checked on a device by
// benchmarks/gpu/sparse.py.
//
//===----------------------------------------------------------------------===//

#include "SparseTestSupport.h"

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::gpu_kernels;

/// A schedule of SparseMma with \p tokens tokens and \p strips strips.
static LinearSchedule makeSchedule(int64_t tokens, int64_t strips, int64_t stages, int64_t splitK = 1,
                                   bool persistent = false, int64_t cluster = 1, int64_t tileK = 64) {
  return {S::SparseMma, tokens, 64 * strips, tileK, stages, splitK, persistent, /*exclusive=*/false, cluster};
}

//===----------------------------------------------------------------------===//
// PTX
//===----------------------------------------------------------------------===//

TEST(LinearSparseMmaTest, HopperStreamsSquares) {
  std::string ptx = Built("sm_90a", {}, makeSchedule(64, 8, 8)).module.getPTX();
  for (const char *op :
       {"cp.async.bulk.tensor.2d.shared::cta.global.tile", "cp.async.cg.shared.global", "cp.async.wait_group \t14",
        "ldmatrix.sync.aligned.m8n8.x4", "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32",
        "stmatrix.sync.aligned.m8n8.x4.trans", "cp.async.bulk.tensor.2d.global.shared::cta", ".reqntid 256"})
    EXPECT_PRED_FORMAT2(::testing::IsSubstring, op, ptx);
  for (const char *op :
       {"wgmma", "multicast", "barrier.cluster", "cp.async.bulk.shared::cta", "cp.async.mbarrier", "movmatrix"})
    EXPECT_PRED_FORMAT2(::testing::IsNotSubstring, op, ptx);
}

TEST(LinearSparseMmaTest, EpiloguesThatAskForRowsGetThem) {
  TestSpec everything;
  everything.hasEverything = true;
  std::string ptx = Built("sm_90a", everything, makeSchedule(64, 8, 8)).module.getPTX();
  EXPECT_PRED_FORMAT2(::testing::IsSubstring, "movmatrix.sync.aligned.m8n8.trans.b16", ptx);
  EXPECT_PRED_FORMAT2(::testing::IsSubstring, "stmatrix.sync.aligned.m8n8.x4", ptx);
  EXPECT_PRED_FORMAT2(::testing::IsNotSubstring, "x4.trans", ptx);
}

TEST(LinearSparseMmaTest, AmpereHasTheSamePipeline) {
  TestSpec test;
  test.useBF16 = true;
  std::string ptx = Built("sm_80", test, makeSchedule(64, 4, 4)).module.getPTX();
  for (const char *op : {"cp.async.cg.shared.global", "cp.async.mbarrier.arrive.noinc", "mbarrier.test_wait.parity",
                         "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32", "movmatrix"})
    EXPECT_PRED_FORMAT2(::testing::IsSubstring, op, ptx);
  for (const char *op : {"cp.async.bulk", "griddepcontrol", "stmatrix", "try_wait"})
    EXPECT_PRED_FORMAT2(::testing::IsNotSubstring, op, ptx);
}

TEST(LinearSparseMmaTest, SquaresAreRequestedBeforeThePreviousKernelEnds) {
  std::string ptx = Built("sm_90a", {}, makeSchedule(16, 2, 4, 2)).module.getPTX();
  StringRef text(ptx);
  size_t wait = text.find("griddepcontrol.wait");
  ASSERT_NE(wait, StringRef::npos);
  EXPECT_EQ(text.take_front(wait).count("cp.async.cg.shared.global"), 16u);
  EXPECT_EQ(text.take_front(wait).count("cp.async.bulk.tensor"), 0u);
  EXPECT_LT(text.find("griddepcontrol.launch_dependents"), wait);
}

TEST(LinearSparseMmaTest, ClustersShareTokens) {
  Built built("sm_90a", {1000, 768}, makeSchedule(64, 4, 6, 1, /*persistent=*/false, /*cluster=*/2));
  std::string ptx = built.module.getPTX();
  for (const char *op : {".reqnctapercluster 2", "multicast::cluster", "mapa.shared::cluster.u32"})
    EXPECT_PRED_FORMAT2(::testing::IsSubstring, op, ptx);
  // Each brings half of the tokens; the last strip's block has a neighbour without strips.
  EXPECT_EQ(built.kernel.maps[0].box[1], 32);
  EXPECT_EQ(built.kernel.clusterSize, 2);
  EXPECT_EQ(evaluate(built.kernel.grid[0], {65, 0, 0}), 4);
  EXPECT_EQ(evaluate(built.kernel.grid[1], {65, 0, 0}), 2);
}

TEST(LinearSparseMmaTest, StagesHoldSeveralBlocks) {
  auto copies = [](int64_t tileK, int64_t splitK) {
    Built built("sm_90a", {768, 3072}, makeSchedule(32, 1, 3, splitK, false, 1, tileK));
    EXPECT_EQ(built.kernel.sharedBytes, 3 * splitK * 32 * tileK * 2 + splitK * 8192 + 3 * 16);
    std::string ptx = built.module.getPTX();
    return StringRef(ptx).count("cp.async.bulk.tensor.2d.shared::cta");
  };
  // Requested in front of the loop, twice with long stages, and in it; warps share the boxes.
  EXPECT_EQ(copies(64, 1), 2u);
  EXPECT_EQ(copies(128, 1), 6u);
  EXPECT_EQ(copies(256, 1), 12u);
  EXPECT_EQ(copies(64, 4), 2u);
  EXPECT_EQ(copies(128, 4), 6u);
}

TEST(LinearSparseMmaTest, PanelsThatAreNotStoredAreBranchedOver) {
  std::string ptx = Built("sm_90a", {}, makeSchedule(64, 8, 4)).module.getPTX();
  // One branch for each, which waits, multiplies 64 tokens, and requests a square.
  EXPECT_EQ(StringRef(ptx).count("mma.sync.aligned.m16n8k16"), 32u);
  EXPECT_EQ(StringRef(ptx).count("cp.async.wait_group \t14"), 4u + 1);
  EXPECT_EQ(StringRef(ptx).count("cp.async.commit_group"), 4u + 16);
}

TEST(LinearSparseMmaTest, WarpsOfABlockShareK) {
  Built built("sm_90a", {768, 3072}, makeSchedule(32, 2, 4, 4));
  EXPECT_EQ(built.kernel.clusterSize, 1);
  EXPECT_EQ(built.kernel.threads, 256);
  EXPECT_EQ(evaluate(built.kernel.grid[0], {100, 0, 0}), 6);
  EXPECT_EQ(evaluate(built.kernel.grid[1], {100, 0, 0}), 4);
  std::string ptx = built.module.getPTX();
  // Sums pass through shared memory, and leave from registers.
  EXPECT_PRED_FORMAT2(::testing::IsSubstring, "st.shared.v4", ptx);
  EXPECT_PRED_FORMAT2(::testing::IsNotSubstring, "stmatrix", ptx);
}

TEST(LinearSparseMmaTest, PersistentKernelsFillTheDeviceOrStayAway) {
  for (int64_t strips : {8, 4}) {
    Built built("sm_90a", {}, makeSchedule(64, strips, 6, 1, /*persistent=*/true, /*cluster=*/2));
    // Two small blocks fit on a multiprocessor.
    EXPECT_EQ(evaluate(built.kernel.grid[0], {100000, 0, 0}), strips == 8 ? 132 : 264);
    EXPECT_EQ(evaluate(built.kernel.grid[0], {0, 0, 0}), 0);
  }
}

//===----------------------------------------------------------------------===//
// ptxas
//===----------------------------------------------------------------------===//

TEST(LinearSparseMmaTest, AssemblesEverywhereWithoutSpills) {
  MLIRContext context;
  for (StringRef chip : {"sm_80", "sm_86", "sm_89", "sm_90", "sm_90a"})
    for (bool all : {false, true}) {
      TestSpec test{1000, 4104, /*useBF16=*/all, /*hasEverything=*/all};
      for (const LinearSchedule &schedule :
           {makeSchedule(64, 8, 4), makeSchedule(64, 4, 2), makeSchedule(64, 6, 3, 1, /*persistent=*/true),
            makeSchedule(64, 1, 2, 4), makeSchedule(32, 8, 4, 1, /*persistent=*/true), makeSchedule(32, 2, 2, 4),
            makeSchedule(16, 4, 4), makeSchedule(16, 4, 2, 2), makeSchedule(64, 4, 2, 1, false, 1, 128),
            makeSchedule(64, 4, 2, 1, true, 1, 256), makeSchedule(32, 1, 2, 4, false, 1, 128)}) {
        if (getLinearSharedBytes(makeSpec(&context, test), schedule) <= SM::get(chip)->sharedPerBlock)
          expectAssembles(chip, test, schedule);
      }
    }
}

TEST(LinearSparseMmaTest, ClustersAssembleWithoutSpills) {
  TestSpec all{1000, 4104, /*useBF16=*/true, /*hasEverything=*/true};
  for (int64_t cluster : {2, 4})
    for (bool persistent : {false, true}) {
      expectAssembles("sm_90a", all, makeSchedule(64, 8, 8, 1, persistent, cluster));
      expectAssembles("sm_90a", {}, makeSchedule(64, 8, 4, 1, persistent, cluster, 256));
      expectAssembles("sm_90", {}, makeSchedule(64, 4, 5, 1, persistent, cluster));
      expectAssembles("sm_90a", all, makeSchedule(32, 8, 8, 1, persistent, cluster));
    }
  expectAssembles("sm_90a", all, makeSchedule(32, 2, 4, 4, /*persistent=*/false, 4));
  expectAssembles("sm_90a", all, makeSchedule(16, 4, 4, 2, /*persistent=*/false, 2));
}

//===----------------------------------------------------------------------===//
// Refusals
//===----------------------------------------------------------------------===//

TEST(LinearSparseMmaTest, RefusesOtherWeights) {
  const LinearSchedule schedule = makeSchedule(64, 4, 4);
  expectRefused("SparseMma reads weights that are stored as squares, but this one is dense; use Mma", {}, schedule,
                "sm_90a", [](LinearKernelSpec &spec, MLIRContext *) { spec.strips = std::nullopt; });
  expectRefused("squares of 16 outputs, but the weight is stored in slabs of 64; use Sparse", {}, schedule, "sm_90a",
                [](LinearKernelSpec &spec, MLIRContext *) { spec.strips->layout.unitRows = 64; });
  expectRefused("strips of a weight of 768 outputs and 768 inputs, but they are of 704 and 768", {}, schedule, "sm_90a",
                [](LinearKernelSpec &spec, MLIRContext *) { spec.strips->layout.n = 704; });
  expectRefused("but the schedule is one for dense weights", {}, {S::Mma, 64, 64, 64, 4}, "sm_80");
  expectRefused("but the schedule is one for dense weights", {}, {S::Wgmma, 64, 64, 64, 4});
  expectRefused("the weight is not stored in them", {}, {S::Sparse, 128, 128, 64, 4});
}

TEST(LinearSparseMmaTest, RefusesWhatTensorCoresCannot) {
  const LinearSchedule schedule = makeSchedule(64, 4, 4);
  expectRefused("a multiple of 8 outputs, but got 77", {77, 768}, schedule);
  expectRefused("131 inputs are not a multiple of 8", {768, 131}, schedule);
  expectRefused("both f16 or both bf16", {}, schedule, "sm_90a",
                [](LinearKernelSpec &spec, MLIRContext *context) { spec.xType = Float32Type::get(context); });
  expectRefused("input's start and row stride", {}, schedule, "sm_80",
                [](LinearKernelSpec &spec, MLIRContext *) { spec.xAligned = false; });
  expectRefused("sparse_mma takes no statistics of rows", {}, schedule, "sm_90a",
                [](LinearKernelSpec &spec, MLIRContext *) { spec.rowStats = LinearRowStats{true, 1e-5f, 32}; });
  expectRefused("no whole chunks of 32 outputs with sparse_mma 64x256x64 stages 4", {}, schedule, "sm_90a",
                [](LinearKernelSpec &spec, MLIRContext *) { spec.yChunks = true; });
  LinearSchedule wrong = schedule;
  wrong.tileK = 32;
  expectRefused("tileK is 32, but a stage of SparseMma holds 64, 128 or 256 inputs", {}, wrong);
  wrong.tileK = 192;
  expectRefused("tileK is 192, but a stage of SparseMma holds 64, 128 or 256 inputs", {}, wrong);
  wrong.tileK = 256;
  expectRefused("tileK is 256, but a warp has only 128 inputs; use 128 or less", {768, 128}, wrong);
  expectRefused("tileK is 128, but a warp has only 64 inputs; use 64 or less", {768, 256},
                makeSchedule(16, 2, 2, 4, false, 1, 128));
  // Only squares have stages of several blocks.
  expectRefused("tileK is 128, but a stage holds 64 inputs", {}, {S::Mma, 64, 64, 128, 2}, "sm_80",
                [](LinearKernelSpec &spec, MLIRContext *) { spec.strips = std::nullopt; });
  wrong = schedule;
  wrong.stages = 1;
  expectRefused("at least 2 stages, but got 1", {}, wrong);
  expectRefused("but a block of sm_86 has 101376", {}, makeSchedule(64, 8, 6), "sm_86");
}

TEST(LinearSparseMmaTest, RefusesSchedules) {
  expectRefused("tileM is 128, but a warp of SparseMma takes 16, 32 or 64 tokens", {}, makeSchedule(128, 4, 4));
  LinearSchedule narrow = makeSchedule(64, 4, 4);
  narrow.tileN = 96;
  expectRefused("tileN is 96, but each warp of SparseMma has a strip of 64 outputs", {}, narrow);
  narrow.tileN = 0;
  expectRefused("tileN is 0", {}, narrow);
  expectRefused("splitK is 3, but 1, 2, 4 or 8 warps share a strip", {}, makeSchedule(64, 1, 4, 3));
  expectRefused("splitK is 0", {}, makeSchedule(64, 1, 4, 0));
  expectRefused("sums of 16 tokens cannot be shared out to 8 warps in squares of 16; use a splitK of at most 4",
                {768, 3072}, makeSchedule(16, 1, 4, 8));
  expectRefused("splitK is for blocks that are not persistent", {}, makeSchedule(64, 2, 4, 2, /*persistent=*/true));
  expectRefused("128 inputs are 2 blocks of 64, too few to split 4 ways", {768, 128}, makeSchedule(64, 2, 4, 4));
  expectRefused("cluster is 3, but 1, 2 or 4 blocks share their tokens", {}, makeSchedule(64, 4, 4, 1, false, 3));
  expectRefused("clusters need sm_90, but the target is sm_89; use 1", {}, makeSchedule(64, 4, 4, 1, false, 2),
                "sm_89");
  expectRefused("16 tokens cannot be shared by 4 blocks, of which each copies 8; use a cluster of 2", {},
                makeSchedule(16, 4, 4, 1, false, 4));
  expectRefused("16 warps of about 232 registers do not fit", {768, 3072}, makeSchedule(64, 4, 2, 4));
  LinearSchedule exact = makeSchedule(64, 4, 4);
  exact.exactSums = true;
  expectRefused("neither exclusive blocks nor rounded sums", {}, exact);
}

//===----------------------------------------------------------------------===//
// Choice
//===----------------------------------------------------------------------===//

TEST(LinearSparseMmaTest, TheChosenScheduleCanBeBuilt) {
  MLIRContext context;
  for (StringRef chip : {"sm_80", "sm_86", "sm_89", "sm_90", "sm_90a"})
    for (int64_t rows : {1, 16, 128, 512, 4096, 100000})
      for (double density : {0.0, 0.05, 0.5})
        for (auto [n, k] : {std::pair(768, 768), std::pair(768, 3072), std::pair(4096, 4096), std::pair(8, 8),
                            std::pair(1000, 40), std::pair(77, 131)}) {
          const SM sm = *SM::get(chip);
          LinearKernelSpec spec = makeSpec(&context, {n, k, false, false, density});
          LinearSchedule schedule = chooseLinearSchedule(spec, sm, rows);
          EXPECT_EQ(verifyLinearKernel(spec, schedule, sm), std::nullopt) << stringifyLinearSchedule(schedule);
          EXPECT_EQ(schedule.kind, n % 8 || k % 8 ? S::Simt : S::SparseMma) << chip.str() << ' ' << n << ' ' << k;
          // A kernel in front takes statistics.
          spec.rowStats = LinearRowStats{true, 1e-5f, 1};
          EXPECT_EQ(chooseLinearSchedule(spec, sm, rows).kind, schedule.kind);
        }
}

TEST(LinearSparseMmaTest, FewRowsSplitKAndManyRowsPersist) {
  MLIRContext context;
  SM sm = *SM::get("sm_90a");
  LinearKernelSpec spec = makeSpec(&context, {4096, 4096, false, false, 0.1});
  LinearSchedule few = chooseLinearSchedule(spec, sm, 16);
  EXPECT_GT(few.splitK, 1);
  EXPECT_LE(few.tileM, 32);
  LinearSchedule many = chooseLinearSchedule(spec, sm, 4096);
  EXPECT_TRUE(many.persistent);
  EXPECT_EQ(many.tileM, 64);
  EXPECT_EQ(many.tileN, 512);
  // A stage costs the same however many blocks it has, and there is little else.
  EXPECT_EQ(many.tileK, 256);
  // Fewer squares take less time.
  double last = 0;
  for (double density : {0.05, 0.1, 0.25, 0.5, 1.0}) {
    LinearKernelSpec part = makeSpec(&context, {4096, 4096, false, false, density});
    double cycles = estimateLinearCycles(part, many, sm, 4096);
    EXPECT_GT(cycles, last) << density;
    last = cycles;
  }
}

TEST(LinearSparseMmaTest, LaunchFollowsTheRows) {
  Built built("sm_90a", {776, 1032, true, true}, makeSchedule(32, 4, 4));
  auto grid = [&](int64_t m) {
    SmallVector<int64_t> sizes;
    for (LaunchExpr expr : built.kernel.grid)
      sizes.push_back(evaluate(expr, {m, 1040, 800, 784}));
    return sizes;
  };
  EXPECT_EQ(grid(1), (SmallVector<int64_t>{4, 1, 1}));
  EXPECT_EQ(grid(65), (SmallVector<int64_t>{4, 3, 1}));
  EXPECT_EQ(grid(0), (SmallVector<int64_t>{4, 0, 1}));
  // x and y have maps, the weight is read as it lies.
  ASSERT_EQ(built.kernel.maps.size(), 2u);
  EXPECT_EQ(evaluate(built.kernel.maps[0].strides[0], {65, 1040, 800, 784}), 1040);
  EXPECT_EQ(evaluate(built.kernel.maps[1].strides[0], {65, 1040, 800, 784}), 800);
  EXPECT_EQ(built.kernel.maps[1].operand, built.spec.outputOperand());
  llvm::json::Object launch = describeLaunch(built.kernel, {65, 1040, 800, 784});
  EXPECT_EQ(launch.getBoolean("programmatic"), true);
  EXPECT_EQ(launch.getArray("arguments")->size(), LLVM::LLVMFuncOp(built.kernel.function).getNumArguments());

  Built old("sm_80", {776, 1032, true, true}, makeSchedule(32, 4, 4));
  EXPECT_TRUE(old.kernel.maps.empty());
  EXPECT_FALSE(old.kernel.programmatic);
}
