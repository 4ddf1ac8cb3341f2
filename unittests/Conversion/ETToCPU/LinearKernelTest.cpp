//===- LinearKernelTest.cpp - Dense linear kernels compute y = x w^T + b -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Runs compiled kernels at every instruction set level this machine has. All
// buffers end at a page that faults, so reading or writing past an operand ends
// the test.
//
//===----------------------------------------------------------------------===//

#include "LinearTestSupport.h"

#include "et/Conversion/ETToCPU/HalfFloat.h"

#include "gtest/gtest.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

#include <atomic>
#include <cmath>
#include <limits>
#include <thread>

using namespace mlir;
using namespace mlir::et::cpu;

namespace {
class LinearKernelTest : public testing::TestWithParam<ISALevel> {
protected:
  LinearKernelTest() : context(MLIRContext::Threading::DISABLED) { loadKernelDialects(context); }
  void SetUp() override {
    if (GetParam() > ISA::host())
      GTEST_SKIP() << "this machine does not run " << stringifyISALevel(GetParam()).str();
  }
  Type f32() { return Float32Type::get(&context); }
  Type f16() { return Float16Type::get(&context); }
  Type bf16() { return BFloat16Type::get(&context); }

  /// All f32 with a bias and the default tiling.
  LinearKernelSpec makeSpec(int64_t n, int64_t k) {
    LinearKernelSpec spec;
    spec.n = n;
    spec.k = k;
    spec.xType = spec.wType = spec.yType = spec.biasType = f32();
    spec.tiling = chooseLinearTiling(ISA::get(GetParam()), n, k);
    return spec;
  }

  MLIRContext context;
};

std::string printLevel(const testing::TestParamInfo<ISALevel> &info) { return stringifyISALevel(info.param).str(); }
} // namespace

INSTANTIATE_TEST_SUITE_P(Levels, LinearKernelTest,
                         testing::Values(ISALevel::Baseline, ISALevel::AVX2, ISALevel::AVX512), printLevel);

//===----------------------------------------------------------------------===//
// Sizes
//===----------------------------------------------------------------------===//

TEST_P(LinearKernelTest, AwkwardSizes) {
  for (auto [n, k] : {std::pair<int64_t, int64_t>{1, 1}, {2, 384}, {47, 13}, {48, 16}, {49, 1}, {97, 31}, {113, 127}}) {
    LinearFixture fixture(context, makeSpec(n, k), GetParam());
    for (int64_t m : {0, 1, 2, 3, 5, 7, 8, 9, 13, 16, 64, 67, 131, 200})
      for (int64_t nth : {1, 2, 3})
        fixture.check(m, nth);
  }
}

TEST_P(LinearKernelTest, ModelSizes) {
  LinearFixture fixture(context, makeSpec(384, 384), GetParam());
  for (int64_t m : {1, 13, 16, 64, 128, 300})
    fixture.check(m, 2);
  // More threads than panels and tiles.
  fixture.check(1, 40);
  fixture.check(9, 40);
}

TEST_P(LinearKernelTest, NoBias) {
  LinearKernelSpec spec = makeSpec(50, 19);
  spec.biasType = Type();
  LinearFixture fixture(context, spec, GetParam());
  fixture.check(11, 2);
}

TEST_P(LinearKernelTest, StridedRows) {
  for (int64_t given : {int64_t(160), int64_t(ShapedType::kDynamic)}) {
    LinearKernelSpec spec = makeSpec(61, 40);
    spec.xStride = spec.yStride = given;
    LinearFixture fixture(context, spec, GetParam());
    for (int64_t m : {1, 6, 17, 70})
      fixture.check(m, 2);
  }
}

TEST_P(LinearKernelTest, BlockedDepthAndRows) {
  for (auto [n, k] : {std::pair<int64_t, int64_t>{53, 50}, {96, 48}, {5, 33}}) {
    LinearKernelSpec spec = makeSpec(n, k);
    spec.tiling.kc = 16;
    spec.tiling.mc = 16;
    LinearFixture fixture(context, spec, GetParam());
    for (int64_t m : {1, 15, 17, 50, 130})
      for (int64_t nth : {1, 3})
        fixture.check(m, nth);
  }
}

TEST_P(LinearKernelTest, PrefetchesTheNextWeight) {
  for (int64_t depth : {16, 40}) {
    LinearKernelSpec spec = makeSpec(60, 40);
    spec.tiling.kc = depth;
    spec.nextWeightType = MemRefType::get({3, 10, 16}, f32());
    LinearFixture fixture(context, spec, GetParam());
    GuardedBuffer weight(3 * 10 * 16 * 4);
    MemRef<3> next = {weight.data(), weight.data(), 0, {3, 10, 16}, {160, 16, 1}};
    // It is passed where the runner passes an extra operand.
    for (int64_t m : {1, 20, 200})
      fixture.check(m, 2, nullptr, {reinterpret_cast<MemRef<2> *>(&next)});
    EXPECT_TRUE(weight.isIntact());
  }
}

TEST_P(LinearKernelTest, EveryElementBelongsToOneThread) {
  const int64_t n = 192;
  LinearFixture fixture(context, makeSpec(n, 8), GetParam());
  for (int64_t m : {1, 9, 40, 97, 130}) {
    for (int64_t nth : {2, 3, 7}) {
      std::vector<int> writers(m * n, 0);
      int64_t largest = 0;
      for (int64_t tid = 0; tid < nth; ++tid) {
        std::vector<float> xData(m * 8, 1.0f);
        std::vector<float> yData(m * n, std::numeric_limits<float>::infinity());
        MemRef<2> x = fixture.describeX(m, xData.data());
        MemRef<2> y = fixture.describeY(m, yData.data());
        fixture.call(tid, nth, x, y);
        int64_t share = 0;
        for (size_t i = 0; i < yData.size(); ++i)
          if (!std::isinf(yData[i])) {
            ++writers[i];
            ++share;
          }
        largest = std::max(largest, share);
      }
      for (int count : writers)
        ASSERT_EQ(count, 1) << "m " << m << ", " << nth << " threads";
      // Shares differ by one tile or one row, and tiles by one row in height.
      int64_t tile = fixture.spec.tiling.mr * fixture.spec.tiling.nr;
      EXPECT_LE(largest, m * n / nth + std::max(2 * tile, n)) << "m " << m << ", " << nth << " threads";
    }
  }
}

//===----------------------------------------------------------------------===//
// Types and values
//===----------------------------------------------------------------------===//

TEST_P(LinearKernelTest, HalfPrecisionStorage) {
  for (Type half : {f16(), bf16()}) {
    LinearKernelSpec spec = makeSpec(55, 37);
    spec.wType = half;
    LinearFixture weightsOnly(context, spec, GetParam());
    for (int64_t m : {1, 5, 21})
      weightsOnly.check(m, 2);
    spec.xType = spec.yType = spec.biasType = half;
    KernelJITOptions options;
    options.keepAssembly = true;
    LinearFixture everything(context, spec, GetParam(), options);
    for (int64_t m : {1, 5, 21})
      everything.check(m, 2);
    // Conversions must not become calls into a compiler runtime library.
    EXPECT_EQ(everything.jit->assembly.find("hfsf"), std::string::npos);
    EXPECT_EQ(everything.jit->assembly.find("__trunc"), std::string::npos);
  }
}

TEST_P(LinearKernelTest, NaNAndInfinityStayInTheirRow) {
  const float inf = std::numeric_limits<float>::infinity();
  const int64_t n = 50, k = 20, m = 12;
  LinearFixture fixture(context, makeSpec(n, k), GetParam());
  std::vector<float> xData(m * k, 1.0f), yData(m * n);
  xData[3 * k + 7] = std::nanf("");
  xData[5 * k + 2] = inf;
  xData[6 * k + 2] = inf;
  xData[6 * k + 3] = -inf;
  MemRef<2> x = fixture.describeX(m, xData.data());
  MemRef<2> y = fixture.describeY(m, yData.data());
  fixture.call(0, 1, x, y);
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < n; ++j) {
      double magnitude;
      double expected = fixture.reference(x, i, j, magnitude);
      float got = yData[i * n + j];
      ASSERT_EQ(std::isnan(got), std::isnan(expected)) << i << ", " << j;
      ASSERT_EQ(std::isinf(got), std::isinf(expected)) << i << ", " << j;
      if (std::isinf(expected))
        ASSERT_EQ(got > 0, expected > 0) << i << ", " << j;
    }
}

//===----------------------------------------------------------------------===//
// Epilogue and row phase
//===----------------------------------------------------------------------===//

TEST_P(LinearKernelTest, EpilogueWithResidual) {
  const ISA isa = ISA::get(GetParam());
  for (int64_t n : {48, 61}) {
    LinearKernelSpec spec = makeSpec(n, 24);
    spec.extraTypes.push_back(MemRefType::get({ShapedType::kDynamic, n}, f16()));
    // relu(sum) + residual.
    spec.epilogue = [&](OpBuilder &b, Location loc, const LinearEpilogueArgs &args) -> Value {
      Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(args.acc.getType()));
      Value relu = arith::MaximumFOp::create(b, loc, args.acc, zero);
      Value residual = loadLinearExtra(b, loc, args, args.extras[0], isa);
      return arith::AddFOp::create(b, loc, relu, residual);
    };
    LinearFixture fixture(context, spec, GetParam());
    for (int64_t m : {1, 10, 33}) {
      GuardedBuffer residual(m * n * 2);
      std::vector<float> values;
      std::uniform_real_distribution<float> uniform(-1.0f, 1.0f);
      for (int64_t i = 0; i < m * n; ++i)
        values.push_back(writeElement(f16(), residual.data(), i, uniform(fixture.random)));
      MemRef<2> extra = {residual.data(), residual.data(), 0, {m, n}, {n, 1}};
      for (int64_t nth : {1, 2})
        fixture.check(
            m, nth,
            [&](double sum, int64_t row, int64_t col) { return std::max(sum, 0.0) + double(values[row * n + col]); },
            {&extra});
    }
  }
}

/// A barrier of as many threads as `barrierSize` says, in place of OpenMP's.
static std::atomic<int> barrierSize, barrierArrived, barrierGeneration, barrierCalls;
static void testBarrier(void *, int) {
  barrierCalls.fetch_add(1);
  int generation = barrierGeneration.load();
  if (barrierArrived.fetch_add(1) + 1 == barrierSize.load()) {
    barrierArrived = 0;
    barrierGeneration.fetch_add(1);
    return;
  }
  while (barrierGeneration.load() == generation)
    std::this_thread::yield();
}
static int testThreadNumber(void *) { return 0; }

TEST_P(LinearKernelTest, RowPhaseSeesFinishedRows) {
  const int64_t n = 101, k = 9;
  LinearKernelSpec spec = makeSpec(n, k);
  spec.tiling.mc = 40;
  // Every element of a row becomes the sum of the row: wrong if any other
  // thread still writes to the row, or if two threads process it.
  spec.rowPhase = [&](OpBuilder &b, Location loc, const LinearRowPhaseArgs &args) {
    auto index = [&](int64_t i) -> Value { return arith::ConstantIndexOp::create(b, loc, i); };
    auto rows = scf::ForOp::create(b, loc, args.begin, args.end, index(1));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(rows.getBody());
    Value row = rows.getInductionVar();
    Value zero = arith::ConstantOp::create(b, loc, b.getF32FloatAttr(0.0f));
    auto sum = scf::ForOp::create(b, loc, index(0), index(n), index(1), zero,
                                  [&](OpBuilder &b, Location loc, Value col, ValueRange iter) {
                                    Value v = memref::LoadOp::create(b, loc, args.y, ValueRange{row, col});
                                    Value next = arith::AddFOp::create(b, loc, iter[0], v);
                                    scf::YieldOp::create(b, loc, next);
                                  });
    scf::ForOp::create(b, loc, index(0), index(n), index(1), ValueRange(),
                       [&](OpBuilder &b, Location loc, Value col, ValueRange) {
                         memref::StoreOp::create(b, loc, sum.getResult(0), args.y, ValueRange{row, col});
                         scf::YieldOp::create(b, loc);
                       });
  };
  KernelJITOptions options;
  options.symbols = {{"__kmpc_barrier", reinterpret_cast<void *>(&testBarrier)},
                     {"__kmpc_global_thread_num", reinterpret_cast<void *>(&testThreadNumber)}};
  LinearFixture fixture(context, spec, GetParam(), options);
  ASSERT_TRUE(fixture.jit);
  for (int64_t m : {1, 2, 20, 63, 96, 150}) {
    for (int nth : {1, 2, 3}) {
      barrierSize = nth;
      barrierCalls = 0;
      std::vector<float> xData(m * k), yData(m * n);
      std::uniform_real_distribution<float> uniform(-1.0f, 1.0f);
      for (float &v : xData)
        v = uniform(fixture.random);
      MemRef<2> x = fixture.describeX(m, xData.data());
      MemRef<2> y = fixture.describeY(m, yData.data());
      std::vector<std::thread> team;
      for (int tid = 0; tid < nth; ++tid)
        team.emplace_back([&, tid] { fixture.call(tid, nth, x, y); });
      for (std::thread &thread : team)
        thread.join();
      for (int64_t i = 0; i < m; ++i) {
        double expected = 0, bound = 0;
        for (int64_t j = 0; j < n; ++j) {
          double magnitude;
          expected += fixture.reference(x, i, j, magnitude);
          bound += magnitude;
        }
        for (int64_t j = 0; j < n; ++j)
          ASSERT_NEAR(yData[i * n + j], expected, bound * (n + k) * 0x1p-24)
              << "m " << m << ", " << nth << " threads, row " << i;
      }
      // Rows of its own need no waiting.
      if (m >= 32 * nth)
        EXPECT_EQ(barrierCalls, 0);
      else
        EXPECT_GE(barrierCalls, nth);
    }
  }
}

//===----------------------------------------------------------------------===//
// Generated code
//===----------------------------------------------------------------------===//

TEST_P(LinearKernelTest, InnerLoopsDoNotSpill) {
  for (auto [n, k] : {std::pair<int64_t, int64_t>{1536, 384}, {100, 77}}) {
    for (bool dynamic : {false, true}) {
      for (Type wType : {f32(), bf16()}) {
        LinearKernelSpec spec = makeSpec(n, k);
        spec.wType = wType;
        if (dynamic)
          spec.xStride = spec.yStride = ShapedType::kDynamic;
        KernelJITOptions options;
        options.keepAssembly = true;
        LinearFixture fixture(context, spec, GetParam(), options);
        int lanes = ISA::get(GetParam()).vectorLanes(f32());
        int accumulators = spec.tiling.mr * spec.tiling.nr / lanes;
        auto [blocks, spills] = countSpills(fixture.jit->assembly, accumulators);
        EXPECT_GE(blocks, 1) << "no inner loop found";
        EXPECT_EQ(spills, 0) << n << " x " << k << " dynamic " << dynamic;
      }
    }
  }
}
