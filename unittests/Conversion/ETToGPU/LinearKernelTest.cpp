//===- LinearKernelTest.cpp - PTX and launches of linear GPU kernels -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What can be seen without a GPU: the instructions of each schedule, what ptxas says
// of them on every architecture, launches, and what is refused. Numbers are checked
// on a device by benchmarks/gpu/linear.py.
//
//===----------------------------------------------------------------------===//

#include "KernelDump.h"

#include "et/Conversion/ETToGPU/GPUMath.h"
#include "et/Conversion/ETToGPU/LinearKernel.h"

#include "gtest/gtest.h"

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::gpu_kernels;
using nvidia::NVVMBuilder;
using nvidia::SM;

namespace {
using S = LinearSchedule;

/// What a test varies; types are made when there is a context.
struct TestSpec {
  int64_t n = 768, k = 768;
  bool bf16 = false, f32 = false, bias = false, residual = false, strided = false;
  std::optional<MathFn> activation = std::nullopt;
};

LinearKernelSpec makeSpec(MLIRContext *context, const TestSpec &test) {
  Builder types(context);
  Type elt = test.f32 ? Type(types.getF32Type()) : test.bf16 ? Type(types.getBF16Type()) : Type(types.getF16Type());
  LinearKernelSpec spec;
  spec.n = test.n;
  spec.k = test.k;
  spec.xType = spec.wType = spec.yType = elt;
  if (test.bias)
    spec.biasType = elt;
  if (test.strided)
    spec.xStride = spec.yStride = ShapedType::kDynamic;
  if (test.residual)
    spec.extras.push_back({LinearExtra::Matrix, elt, test.n % 2 == 0});
  if (test.residual || test.activation)
    spec.epilogue = [test](NVVMBuilder &b, const LinearEpilogueArgs &args) {
      Value lo = args.lo, hi = args.hi;
      if (test.activation) {
        lo = emitMath(b, *test.activation, lo);
        hi = emitMath(b, *test.activation, hi);
      }
      if (test.residual) {
        auto [addLo, addHi] = loadLinearExtra(b, args, 0);
        lo = b.addf(lo, addLo);
        hi = b.addf(hi, addHi);
      }
      return std::pair(lo, hi);
    };
  return spec;
}

/// A kernel, in a module of its own.
struct Built {
  Built(StringRef chip, const TestSpec &test, const LinearSchedule &schedule) : sm(*SM::get(chip)), module(sm) {
    spec = makeSpec(module.getContext(), test);
    if (std::optional<std::string> reason = verifyLinearKernel(spec, schedule, sm)) {
      ADD_FAILURE() << *reason;
      return;
    }
    OpBuilder builder = module.getBuilder();
    kernel = buildLinearKernel(builder, module.getLoc(), "linear", spec, schedule, sm);
  }
  SM sm;
  KernelModule module;
  LinearKernelSpec spec;
  BuiltKernel kernel;
};

/// Expects that ptxas, if there is one, has no complaint about \p schedule on \p chip.
void expectAssembles(StringRef chip, const TestSpec &test, const LinearSchedule &schedule) {
  std::string name = chip.str() + " " + stringifyLinearSchedule(schedule);
  Built built(chip, test, schedule);
  std::string ptx = built.module.getPTX();
  ASSERT_FALSE(ptx.empty()) << name;
  std::optional<std::string> ptxas = nvidia::findPtxas(nvidia::PtxasSearch::fromEnvironment());
  if (!ptxas)
    GTEST_SKIP() << "no ptxas";
  nvidia::AssemblyReport report;
  ASSERT_TRUE(succeeded(nvidia::assemblePTX(built.module.getLoc(), ptx, built.sm, *ptxas, &report))) << name;
  ASSERT_EQ(report.kernels.size(), 1u) << name;
  EXPECT_FALSE(report.hasSpills()) << name << ": " << report.kernels[0].spillStoreBytes << " bytes";
  for (const std::string &advisory : report.advisories)
    ADD_FAILURE() << name << ": " << advisory;
  EXPECT_LE(built.kernel.sharedBytes, built.sm.sharedPerBlock) << name;
}

/// Expects that \p schedule is refused with a reason that contains \p part.
void expectRefused(StringRef part, const TestSpec &test, const LinearSchedule &schedule, StringRef chip = "sm_90a",
                   llvm::function_ref<void(LinearKernelSpec &, MLIRContext *)> change = nullptr) {
  MLIRContext context;
  LinearKernelSpec spec = makeSpec(&context, test);
  if (change)
    change(spec, &context);
  std::optional<std::string> reason = verifyLinearKernel(spec, schedule, *SM::get(chip));
  ASSERT_TRUE(reason) << "accepted, expected: " << part.str();
  EXPECT_PRED_FORMAT2(::testing::IsSubstring, part.str(), *reason);
}
} // namespace

/// Tiles of each shape, in the order kind, tileM, tileN, tileK, stages, splitK, persistent, exclusive, cluster,
/// exactSums.
static const LinearSchedule kSmall{S::Wgmma, 64, 64, 64, 8, 1, false, true};
static const LinearSchedule kSplit{S::Wgmma, 64, 64, 64, 8, 4, false, true};
static const LinearSchedule kLarge{S::Wgmma, 128, 256, 64, 4, 1, true};
static const LinearSchedule kOverlap{S::Overlap, 128, 192, 64, 4};
static const LinearSchedule kOverlapPair{S::Overlap, 128, 256, 64, 3, 1, false, false, 2};
static const LinearSchedule kOverlapExact{S::Overlap, 128, 192, 64, 3, 1, false, false, 1, true};
static const LinearSchedule kMma{S::Mma, 128, 128, 64, 3};
static const LinearSchedule kSimt{S::Simt, 64, 64, 16, 1};

//===----------------------------------------------------------------------===//
// PTX
//===----------------------------------------------------------------------===//

TEST(LinearKernelTest, HopperMultipliesFromSharedMemory) {
  std::string ptx = Built("sm_90a", {}, kSmall).module.getPTX();
  for (const char *op :
       {"wgmma.mma_async.sync.aligned.m64n64k16.f32.f16.f16", "cp.async.bulk.tensor.2d.shared::cta.global.tile",
        "stmatrix.sync.aligned.m8n8.x4", "cp.async.bulk.tensor.2d.global.shared::cta"})
    EXPECT_PRED_FORMAT2(::testing::IsSubstring, op, ptx);
  for (const char *op : {"setmaxnreg", "barrier.cluster", "mma.sync"})
    EXPECT_PRED_FORMAT2(::testing::IsNotSubstring, op, ptx);
}

TEST(LinearKernelTest, WeightsAreRequestedBeforeThePreviousKernelEnds) {
  std::string ptx = Built("sm_90a", {}, kSmall).module.getPTX();
  StringRef text(ptx);
  size_t wait = text.find("griddepcontrol.wait");
  ASSERT_NE(wait, StringRef::npos);
  // One copy per stage: the weights. x comes behind the wait.
  EXPECT_EQ(text.take_front(wait).count("cp.async.bulk.tensor.2d.shared::cta"), size_t(kSmall.stages));
  EXPECT_LT(text.find("griddepcontrol.launch_dependents"), wait);
}

TEST(LinearKernelTest, TwoConsumersTakeTheProducersRegisters) {
  std::string ptx = Built("sm_90a", {}, kLarge).module.getPTX();
  for (const char *op :
       {"m64n256k16", "setmaxnreg.inc.sync.aligned.u32 \t232", "setmaxnreg.dec.sync.aligned.u32 \t40", ".reqntid 384"})
    EXPECT_PRED_FORMAT2(::testing::IsSubstring, op, ptx);
}

TEST(LinearKernelTest, SplitKAddsThroughTheCluster) {
  Built built("sm_90a", {768, 3072, false, false, true}, kSplit);
  std::string ptx = built.module.getPTX();
  for (const char *op : {".reqnctapercluster 4", "mapa.shared::cluster.u32", "ld.shared::cluster.v2.f32",
                         "barrier.cluster.wait.aligned"})
    EXPECT_PRED_FORMAT2(::testing::IsSubstring, op, ptx);
  EXPECT_EQ(built.kernel.clusterSize, 4);
}

TEST(LinearKernelTest, OverlapHandsSumsToAnotherWarpgroup) {
  std::string ptx = Built("sm_90a", {768, 768, false, false, true, true}, kOverlap).module.getPTX();
  // The bias comes with the first block of K; rows leave as 16 bytes per thread.
  for (const char *op :
       {".reqntid 512", "setmaxnreg.inc.sync.aligned.u32 \t168", "setmaxnreg.inc.sync.aligned.u32 \t136",
        "setmaxnreg.dec.sync.aligned.u32 \t40", "m64n192k16", "stmatrix.sync.aligned.m8n8.x4", "bar.arrive",
        "cp.async.bulk.tensor.1d.shared::cta", "st.global.v4.b32"})
    EXPECT_PRED_FORMAT2(::testing::IsSubstring, op, ptx);
  for (const char *op : {"barrier.cluster", "cp.async.bulk.tensor.2d.global", "mapa"})
    EXPECT_PRED_FORMAT2(::testing::IsNotSubstring, op, ptx);
  // No instruction takes more registers than the kernel starts with.
  EXPECT_PRED_FORMAT2(::testing::IsNotSubstring, "m64n256k16", Built("sm_90a", {}, kOverlapPair).module.getPTX());
}

TEST(LinearKernelTest, OverlapHandsExactSumsAsF32) {
  TestSpec test{768, 768, false, false, true};
  std::string ptx = Built("sm_90a", test, kOverlapExact).module.getPTX();
  EXPECT_PRED_FORMAT2(::testing::IsSubstring, "st.shared.v2", ptx);
  // The epilogue adds the bias, which no copy brings.
  for (const char *op : {"stmatrix", "cp.async.bulk.tensor.1d"})
    EXPECT_PRED_FORMAT2(::testing::IsNotSubstring, op, ptx);
}

TEST(LinearKernelTest, OverlapSharesWeightsInACluster) {
  Built built("sm_90a", {}, kOverlapPair);
  std::string ptx = built.module.getPTX();
  for (const char *op : {".reqnctapercluster 2", "multicast::cluster", "mapa.shared::cluster.u32"})
    EXPECT_PRED_FORMAT2(::testing::IsSubstring, op, ptx);
  EXPECT_EQ(built.kernel.clusterSize, 2);
  // Each of the two brings half of w.
  EXPECT_EQ(built.kernel.maps[1].box[1], 128);
  EXPECT_EQ(evaluate(built.kernel.grid[0], {1000, 0, 0}), 132);
  EXPECT_EQ(evaluate(built.kernel.grid[0], {0, 0, 0}), 0);
}

TEST(LinearKernelTest, BF16HasItsOwnInstructions) {
  TestSpec test;
  test.bf16 = true;
  EXPECT_PRED_FORMAT2(::testing::IsSubstring, "f32.bf16.bf16", Built("sm_90a", test, kSmall).module.getPTX());
  std::string ptx = Built("sm_80", test, kMma).module.getPTX();
  EXPECT_PRED_FORMAT2(::testing::IsSubstring, "m16n8k16.row.col.f32.bf16.bf16.f32", ptx);
  EXPECT_PRED_FORMAT2(::testing::IsSubstring, "cvt.rn.bf16x2.f32", ptx);
}

TEST(LinearKernelTest, AmpereCopiesAsynchronously) {
  std::string ptx = Built("sm_80", {}, kMma).module.getPTX();
  for (const char *op : {"cp.async.cg.shared.global", "ldmatrix.sync.aligned.m8n8.x4", "mma.sync.aligned.m16n8k16"})
    EXPECT_PRED_FORMAT2(::testing::IsSubstring, op, ptx);
  EXPECT_PRED_FORMAT2(::testing::IsNotSubstring, "griddepcontrol", ptx);
}

TEST(LinearKernelTest, EpilogueHasNoCalls) {
  for (MathFn fn : {MathFn::Exp, MathFn::Log, MathFn::Tanh, MathFn::Erf, MathFn::Sigmoid, MathFn::Relu, MathFn::GeluErf,
                    MathFn::GeluTanh, MathFn::GeluSigmoid}) {
    TestSpec test;
    test.activation = fn;
    std::string ptx = Built("sm_90a", test, kSmall).module.getPTX();
    EXPECT_FALSE(ptx.empty());
    EXPECT_PRED_FORMAT2(::testing::IsNotSubstring, "__nv_", ptx);
    EXPECT_PRED_FORMAT2(::testing::IsNotSubstring, "call", ptx);
  }
}

//===----------------------------------------------------------------------===//
// ptxas
//===----------------------------------------------------------------------===//

TEST(LinearKernelTest, HopperSchedulesAssembleWithoutSpills) {
  TestSpec all{1000, 1032, true, false, true, true, true, MathFn::GeluErf};
  TestSpec gelu{768, 768, false, false, true, false, false, MathFn::GeluTanh};
  for (int64_t tileN : {16, 32, 48, 64, 96, 128, 160, 192, 256}) {
    expectAssembles("sm_90a", all, {S::Wgmma, 64, tileN, 64, 4, 1, false, true});
    expectAssembles("sm_90a", gelu, {S::Wgmma, 128, tileN, 64, 3, 1, true});
  }
  all.k = 4104;
  for (int64_t splitK : {2, 4, 8}) {
    expectAssembles("sm_90a", all, {S::Wgmma, 64, 64, 64, 4, splitK});
    expectAssembles("sm_90a", all, {S::Wgmma, 128, 128, 64, 4, splitK});
  }
}

TEST(LinearKernelTest, OverlapSchedulesAssembleWithoutSpills) {
  TestSpec all{1000, 1032, true, false, true, true, true, MathFn::GeluErf};
  TestSpec gelu{768, 768, false, false, true, false, false, MathFn::GeluTanh};
  for (int64_t tileN : {64, 128, 192, 256})
    for (int64_t cluster : {1, 2}) {
      expectAssembles("sm_90a", all, {S::Overlap, 128, tileN, 64, 3, 1, false, false, cluster});
      expectAssembles("sm_90a", gelu, {S::Overlap, 128, tileN, 64, 3, 1, false, false, cluster});
      if (tileN < 256)
        expectAssembles("sm_90a", all, {S::Overlap, 128, tileN, 64, 3, 1, false, false, cluster, true});
    }
}

TEST(LinearKernelTest, MmaSchedulesAssembleEverywhere) {
  TestSpec all{1000, 1032, true, false, true, true, true, MathFn::GeluErf};
  for (const SM &sm : SM::all())
    for (int64_t tile : {32, 64, 128})
      expectAssembles(sm.chip, all, {S::Mma, tile, tile, 64, tile == 128 ? 3 : 4});
}

TEST(LinearKernelTest, SimtAssemblesEverywhere) {
  TestSpec odd{77, 131, false, true, true, true, true, MathFn::Tanh};
  for (const SM &sm : SM::all())
    expectAssembles(sm.chip, odd, kSimt);
}

//===----------------------------------------------------------------------===//
// What Overlap refuses
//===----------------------------------------------------------------------===//

TEST(LinearKernelTest, OverlapSaysWhatItCannotDo) {
  TestSpec bias{768, 768, false, false, true};
  auto with = [](auto change) {
    LinearSchedule schedule = kOverlap;
    change(schedule);
    return schedule;
  };
  expectRefused("wgmma needs sm_90a", bias, kOverlap, "sm_90");
  expectRefused("tileM is 64, but there are two consumers", bias, with([](S &s) { s.tileM = 64; }));
  expectRefused("tileN is 96, but sums are handed over in groups of 64", bias, with([](S &s) { s.tileN = 96; }));
  expectRefused("tileN is 320", bias, with([](S &s) {
                  s.tileN = 320;
                  s.stages = 2;
                }));
  expectRefused("does not split K", bias, with([](S &s) { s.splitK = 2; }));
  expectRefused("does not split K", bias, with([](S &s) { s.exclusive = true; }));
  expectRefused("cluster is 4", bias, with([](S &s) { s.cluster = 4; }));
  expectRefused("needs 278576 bytes of shared memory", bias,
                with([](S &s) { s.tileN = 256, s.stages = 3, s.exactSums = true; }));
  expectRefused("4 stages, but 128 inputs are 2 blocks of 64", {768, 128}, kOverlap);
  expectRefused("the epilogue stores 16 bytes at once", bias, kOverlap, "sm_90a",
                [](LinearKernelSpec &spec, MLIRContext *context) { spec.yType = Float32Type::get(context); });
  expectRefused("the epilogue stores 16 bytes at once", bias, kOverlap, "sm_90a",
                [](LinearKernelSpec &spec, MLIRContext *) { spec.yStride = 772; });
  expectRefused("the bias is copied 16 bytes at once", bias, kOverlap, "sm_90a",
                [](LinearKernelSpec &spec, MLIRContext *) { spec.biasAligned = false; });
  expectRefused("owed sums as f32, but they are handed over rounded", bias, kOverlap, "sm_90a",
                [](LinearKernelSpec &spec, MLIRContext *) { spec.exactSums = true; });
  expectRefused("overlap takes no statistics of rows", {768, 768}, kOverlap, "sm_90a",
                [](LinearKernelSpec &spec, MLIRContext *) { spec.rowStats = LinearRowStats{true, 1e-5f, 32}; });
}

//===----------------------------------------------------------------------===//
// Launches
//===----------------------------------------------------------------------===//

TEST(LinearKernelTest, LaunchFollowsTheRows) {
  Built built("sm_90a", {768, 1024, false, false, true, true, true}, kSmall);
  auto grid = [&](int64_t m) {
    SmallVector<int64_t> sizes;
    for (LaunchExpr expr : built.kernel.grid)
      sizes.push_back(evaluate(expr, {m, 1040, 800, 784}));
    return sizes;
  };
  EXPECT_EQ(grid(1), (SmallVector<int64_t>{12, 1, 1}));
  EXPECT_EQ(grid(65), (SmallVector<int64_t>{12, 2, 1}));
  // Nothing to do: skipped.
  EXPECT_EQ(grid(0), (SmallVector<int64_t>{12, 0, 1}));

  ASSERT_EQ(built.kernel.maps.size(), 3u);
  const TensorMapSpec &x = built.kernel.maps[0], &w = built.kernel.maps[1], &y = built.kernel.maps[2];
  EXPECT_EQ(evaluate(x.sizes[1], {65, 1040, 800, 784}), 65);
  EXPECT_EQ(evaluate(x.strides[0], {65, 1040, 800, 784}), 1040);
  EXPECT_EQ(evaluate(w.strides[0], {65, 1040, 800, 784}), 1024);
  EXPECT_EQ(evaluate(y.strides[0], {65, 1040, 800, 784}), 800);
  EXPECT_EQ(w.operand, 1u);
  EXPECT_EQ(y.operand, built.spec.outputOperand());
  EXPECT_EQ(built.spec.outputOperand(), 4u);

  llvm::json::Object launch = describeLaunch(built.kernel, {65, 1040, 800, 784});
  EXPECT_EQ(launch.getInteger("threads"), 160);
  EXPECT_EQ(launch.getBoolean("programmatic"), true);
  EXPECT_EQ(launch.getArray("arguments")->size(), LLVM::LLVMFuncOp(built.kernel.function).getNumArguments());
}

TEST(LinearKernelTest, PersistentKernelsFillTheDeviceOrStayAway) {
  Built built("sm_90a", {}, kLarge);
  EXPECT_EQ(evaluate(built.kernel.grid[0], {100000, 0, 0}), 132);
  EXPECT_EQ(evaluate(built.kernel.grid[0], {0, 0, 0}), 0);
}

TEST(LinearKernelTest, ExclusiveBlocksTakeMoreThanHalf) {
  SM sm = *SM::get("sm_90a");
  MLIRContext context;
  LinearKernelSpec spec = makeSpec(&context, {});
  LinearSchedule schedule{S::Wgmma, 64, 32, 64, 4};
  EXPECT_LT(2 * (getLinearSharedBytes(spec, schedule) + SM::sharedReserved), sm.sharedPerSM);
  schedule.exclusive = true;
  EXPECT_GT(2 * (getLinearSharedBytes(spec, schedule) + SM::sharedReserved), sm.sharedPerSM);
}

//===----------------------------------------------------------------------===//
// Choice
//===----------------------------------------------------------------------===//

TEST(LinearKernelTest, TheChosenScheduleCanBeBuilt) {
  MLIRContext context;
  for (const SM &sm : SM::all())
    for (int64_t rows : {1, 64, 128, 384, 1024, 4096, 100000})
      for (auto [n, k] : {std::pair(768, 768), std::pair(768, 3072), std::pair(3072, 768), std::pair(8, 8),
                          std::pair(1000, 40), std::pair(77, 131), std::pair(1, 1)}) {
        LinearKernelSpec spec = makeSpec(&context, {n, k});
        LinearSchedule schedule = chooseLinearSchedule(spec, sm, rows);
        EXPECT_EQ(verifyLinearKernel(spec, schedule, sm), std::nullopt)
            << sm.chip.str() << ' ' << rows << 'x' << n << 'x' << k << ' ' << stringifyLinearSchedule(schedule);
        bool isTensor = n % 8 == 0 && k % 8 == 0;
        EXPECT_EQ(schedule.kind, !isTensor ? S::Simt : sm.hasWgmma ? S::Wgmma : S::Mma);
      }
}

TEST(LinearKernelTest, RowsThatStartAnywhereHaveNoTensorCores) {
  MLIRContext context;
  LinearKernelSpec spec = makeSpec(&context, {768, 3072});
  EXPECT_EQ(chooseLinearSchedule(spec, *SM::get("sm_80"), 128).kind, S::Mma);
  spec.xAligned = false;
  EXPECT_EQ(chooseLinearSchedule(spec, *SM::get("sm_90a"), 128).kind, S::Simt);
}

TEST(LinearKernelTest, FewRowsSplitKAndManyRowsPersist) {
  MLIRContext context;
  SM sm = *SM::get("sm_90a");
  LinearSchedule few = chooseLinearSchedule(makeSpec(&context, {768, 3072}), sm, 64);
  EXPECT_GT(few.splitK, 1);
  EXPECT_TRUE(few.exclusive);
  LinearSchedule many = chooseLinearSchedule(makeSpec(&context, {4096, 4096}), sm, 4096);
  EXPECT_TRUE(many.persistent);
  EXPECT_EQ(stringifyLinearSchedule(many), "wgmma 128x256x64 stages 4 persistent exclusive");
}

//===----------------------------------------------------------------------===//
// Refusals
//===----------------------------------------------------------------------===//

TEST(LinearKernelTest, RefusesSizesAndTypes) {
  expectRefused("at least 1 output and 1 input, but got 0 and 768", {0, 768}, kSimt);
  expectRefused("768 and 0", {768, 0}, kSimt);
  auto integer = [](LinearKernelSpec &spec, MLIRContext *context) { spec.wType = IntegerType::get(context, 8); };
  expectRefused("expected the weight to be f16, bf16 or f32", {}, kSimt, "sm_80", integer);
  auto bias = [](LinearKernelSpec &spec, MLIRContext *context) { spec.biasType = IntegerType::get(context, 8); };
  expectRefused("expected the bias to be f16, bf16 or f32", {}, kSimt, "sm_80", bias);
  auto extra = [](LinearKernelSpec &spec, MLIRContext *context) {
    spec.extras.push_back({LinearExtra::Scalar, IntegerType::get(context, 8)});
  };
  expectRefused("expected extra operand 0 to be f16, bf16 or f32", {}, kSimt, "sm_80", extra);
}

TEST(LinearKernelTest, RefusesWhatTensorCoresCannot) {
  for (const LinearSchedule &schedule : {kSmall, kMma}) {
    expectRefused("131 inputs are not a multiple of 8; use Simt", {768, 131}, schedule);
    expectRefused("a multiple of 8 outputs, but got 77; use Simt", {77, 768}, schedule);
    expectRefused("both f16 or both bf16; use Simt", {768, 768, false, true}, schedule);
    expectRefused("input's start and row stride", {}, schedule, "sm_90a",
                  [](LinearKernelSpec &spec, MLIRContext *) { spec.xAligned = false; });
    expectRefused("row stride 769 is odd", {}, schedule, "sm_90a",
                  [](LinearKernelSpec &spec, MLIRContext *) { spec.yStride = 769; });
    expectRefused("rows may start anywhere", {}, schedule, "sm_90a", [](LinearKernelSpec &spec, MLIRContext *) {
      spec.yStride = ShapedType::kDynamic;
      spec.yAligned = false;
    });
    LinearSchedule wrong = schedule;
    wrong.tileK = 32;
    expectRefused("tileK is 32", {}, wrong);
    wrong = schedule;
    wrong.stages = 1;
    expectRefused("at least 2 stages, but got 1", {}, wrong);
    wrong.stages = 30;
    expectRefused("bytes of shared memory, but a block of sm_90a has 232448", {}, wrong);
  }
}

TEST(LinearKernelTest, RefusesStatisticsInOtherChunks) {
  auto takes = [](int64_t chunkSize) {
    return [=](LinearKernelSpec &spec, MLIRContext *) { spec.rowStats = LinearRowStats{true, 1e-5f, chunkSize}; };
  };
  expectRefused("expected 768 inputs to be chunks of 0", {768, 768}, kSmall, "sm_90a", takes(0));
  expectRefused("expected 776 inputs to be chunks of 32", {768, 776}, kSmall, "sm_90a", takes(32));
  auto stores = [](LinearKernelSpec &spec, MLIRContext *) { spec.yChunks = true; };
  expectRefused("expected 776 outputs to be chunks of 32", {776, 768}, kSmall, "sm_90a", stores);
  const LinearSchedule narrow{S::Wgmma, 64, 48, 64, 4};
  expectRefused("no whole chunks of 32 outputs with wgmma 64x48x64", {768, 768}, narrow, "sm_90a", stores);
  expectRefused("no whole chunks of 32 outputs with overlap", {768, 768}, kOverlap, "sm_90a", stores);
  expectRefused("no whole chunks of 32 outputs with simt", {768, 768}, kSimt, "sm_80", stores);
}

TEST(LinearKernelTest, RefusesWgmmaSchedules) {
  expectRefused("needs sm_90a, but the target is sm_89; use Mma", {}, {S::Wgmma, 64, 64, 64, 4}, "sm_89");
  expectRefused("needs sm_90a, but the target is sm_90; use Mma", {}, kSplit, "sm_90");
  expectRefused("tileM is 192", {}, {S::Wgmma, 192, 64, 64, 4});
  expectRefused("tileN is 264", {}, {S::Wgmma, 64, 264, 64, 2});
  expectRefused("tileN is 20", {}, {S::Wgmma, 64, 20, 64, 4});
  expectRefused("splitK is 3", {}, {S::Wgmma, 64, 64, 64, 4, 3});
  expectRefused("splitK is 16", {768, 3072}, {S::Wgmma, 64, 128, 64, 4, 16});
  expectRefused("not persistent", {}, {S::Wgmma, 64, 64, 64, 4, 2, true});
  expectRefused("use a multiple of 32", {}, {S::Wgmma, 64, 48, 64, 4, 4});
  expectRefused("128 inputs are 2 blocks of 64, too few to split 4 ways", {768, 128}, {S::Wgmma, 64, 64, 64, 4, 4});
}

TEST(LinearKernelTest, RefusesMmaSchedules) {
  expectRefused("tile is 96 x 64", {}, {S::Mma, 96, 64, 64, 3});
  expectRefused("neither splitK nor persistent", {}, {S::Mma, 64, 64, 64, 3, 2});
  expectRefused("neither splitK nor persistent", {}, {S::Mma, 64, 64, 64, 3, 1, true});
  expectRefused("but a block of sm_86 has 101376", {}, {S::Mma, 128, 128, 64, 4}, "sm_86");
}

TEST(LinearKernelTest, OverlapIsChosenWhereThereIsAnEpilogueToHide) {
  MLIRContext context;
  SM sm = *SM::get("sm_90a");
  TestSpec gelu{3072, 768, false, false, true, false, false, MathFn::GeluErf};
  EXPECT_EQ(stringifyLinearSchedule(chooseLinearSchedule(makeSpec(&context, gelu), sm, 12288)),
            "overlap 128x192x64 stages 4");
  EXPECT_EQ(chooseLinearSchedule(makeSpec(&context, gelu), sm, 512).kind, S::Wgmma);
  EXPECT_EQ(chooseLinearSchedule(makeSpec(&context, {3072, 768}), sm, 12288).kind, S::Wgmma);
  // Sums as f32 are handed over where the epilogue is owed them.
  LinearKernelSpec exact = makeSpec(&context, gelu);
  exact.exactSums = true;
  LinearSchedule schedule = chooseLinearSchedule(exact, sm, 12288);
  EXPECT_TRUE(schedule.kind != S::Overlap || schedule.exactSums);
  EXPECT_FALSE(verifyLinearKernel(exact, schedule, sm));
}
