//===- SparseLinearKernelTest.cpp - Sparse linear kernels compute y = x w^T + b -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The kernels of weights with zeros, at every instruction set level this machine
// has, against the sums of the whole weight in double precision.
//
//===----------------------------------------------------------------------===//

#include "LinearTestSupport.h"

#include "gtest/gtest.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

#include <cmath>
#include <limits>
#include <thread>

using namespace mlir;
using namespace mlir::et::cpu;

namespace {
class SparseLinearKernelTest : public testing::TestWithParam<ISALevel> {
protected:
  SparseLinearKernelTest() : context(MLIRContext::Threading::DISABLED) { loadKernelDialects(context); }
  void SetUp() override {
    if (GetParam() > ISA::host())
      GTEST_SKIP() << "this machine does not run " << stringifyISALevel(GetParam()).str();
  }
  Type f32() { return Float32Type::get(&context); }

  /// All f32 with a bias and the tiling for tiles of \p tileRows outputs.
  LinearKernelSpec makeSpec(int64_t n, int64_t k, int64_t tileRows) {
    LinearKernelSpec spec;
    spec.n = n;
    spec.k = k;
    spec.sparse = true;
    spec.xType = spec.wType = spec.yType = spec.biasType = f32();
    spec.tiling = chooseSparseLinearTiling(ISA::get(GetParam()), k, tileRows);
    return spec;
  }

  MLIRContext context;
};

std::string printLevel(const testing::TestParamInfo<ISALevel> &info) { return stringifyISALevel(info.param).str(); }
} // namespace

INSTANTIATE_TEST_SUITE_P(Levels, SparseLinearKernelTest,
                         testing::Values(ISALevel::Baseline, ISALevel::AVX2, ISALevel::AVX512), printLevel);

//===----------------------------------------------------------------------===//
// Sizes and patterns
//===----------------------------------------------------------------------===//

// No tile size divides most of these.
TEST_P(SparseLinearKernelTest, AwkwardSizes) {
  for (auto [n, k] : {std::pair<int64_t, int64_t>{1, 1}, {2, 384}, {47, 13}, {65, 1}, {97, 31}, {131, 127}})
    for (ZeroTiles zeros : {ZeroTiles{64, 16, 0.4}, ZeroTiles{16, 4, 0.3}}) {
      LinearFixture fixture(context, makeSpec(n, k, zeros.rows), GetParam(), {}, zeros);
      for (int64_t m : {0, 1, 2, 5, 7, 8, 13, 64, 67, 131})
        for (int64_t nth : {1, 2, 3})
          fixture.check(m, nth);
    }
}

TEST_P(SparseLinearKernelTest, TileSizes) {
  for (auto [rows, columns] :
       {std::pair<int64_t, int64_t>{64, 16}, {64, 1}, {48, 8}, {32, 1}, {16, 16}, {16, 4}, {8, 2}, {3, 5}, {1, 1}})
    for (double density : {0.1, 0.5}) {
      LinearFixture fixture(context, makeSpec(200, 72, rows), GetParam(), {}, {rows, columns, density});
      for (int64_t m : {1, 11, 70})
        fixture.check(m, 2);
    }
}

// Sums are made of parts from 192 columns on.
TEST_P(SparseLinearKernelTest, LongRows) {
  for (int64_t k : {192, 193, 500, 1536})
    for (double density : {0.05, 0.5, 0.9}) {
      LinearFixture fixture(context, makeSpec(128, k, 64), GetParam(), {}, {64, 1, density});
      for (int64_t m : {1, 17, 64})
        fixture.check(m, 2);
    }
}

TEST_P(SparseLinearKernelTest, NothingOrEverythingKept) {
  for (double density : {0.0, 1.0})
    for (int64_t k : {20, 400}) {
      LinearFixture fixture(context, makeSpec(100, k, 32), GetParam(), {}, {32, 4, density});
      for (int64_t m : {0, 1, 9, 80})
        for (int64_t nth : {1, 3})
          fixture.check(m, nth);
    }
}

// One tile in all of the weight: most panels are empty, and one thread has all the work.
TEST_P(SparseLinearKernelTest, OneTile) {
  LinearFixture fixture(context, makeSpec(64, 16, 64), GetParam(), {}, {64, 16, 1.0});
  for (int64_t m : {1, 3, 40})
    for (int64_t nth : {1, 2, 40})
      fixture.check(m, nth);
}

TEST_P(SparseLinearKernelTest, StridedRows) {
  for (int64_t given : {int64_t(160), int64_t(ShapedType::kDynamic)}) {
    LinearKernelSpec spec = makeSpec(61, 40, 16);
    spec.xStride = spec.yStride = given;
    LinearFixture fixture(context, spec, GetParam(), {}, {16, 4, 0.5});
    for (int64_t m : {1, 6, 17, 70})
      fixture.check(m, 2);
  }
}

//===----------------------------------------------------------------------===//
// Types and values
//===----------------------------------------------------------------------===//

TEST_P(SparseLinearKernelTest, HalfPrecisionStorage) {
  for (Type half : {Type(Float16Type::get(&context)), Type(BFloat16Type::get(&context))}) {
    LinearKernelSpec spec = makeSpec(75, 37, 32);
    spec.wType = half;
    LinearFixture weightsOnly(context, spec, GetParam(), {}, {32, 3, 0.5});
    for (int64_t m : {1, 5, 21})
      weightsOnly.check(m, 2);
    spec.xType = spec.yType = spec.biasType = half;
    LinearFixture everything(context, spec, GetParam(), {}, {32, 3, 0.5});
    for (int64_t m : {1, 5, 21})
      everything.check(m, 2);
  }
}

// What is not kept is not read: NaN in x meets kept columns only. A NaN in the weight is kept.
TEST_P(SparseLinearKernelTest, NaNCountsWhereColumnsAreKept) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> weight = {0.0f, 1.0f, -0.0f, nan};
  KeptColumns kept = findKeptColumns(weight.data(), f32(), 1, 4, 16);
  EXPECT_EQ(kept.columns, (std::vector<int32_t>{1, 3}));
  EXPECT_EQ(kept.starts, (std::vector<int32_t>{0, 2}));
}

//===----------------------------------------------------------------------===//
// Epilogue, row phase and shares
//===----------------------------------------------------------------------===//

TEST_P(SparseLinearKernelTest, EpilogueAndRowPhase) {
  const int64_t n = 101, k = 30;
  LinearKernelSpec spec = makeSpec(n, k, 16);
  spec.tiling.mc = 40;
  spec.epilogue = [&](OpBuilder &b, Location loc, const LinearEpilogueArgs &args) -> Value {
    return arith::AddFOp::create(b, loc, args.acc, args.acc);
  };
  // The first element of each row is overwritten once the row is complete.
  spec.rowPhase = [&](OpBuilder &b, Location loc, const LinearRowPhaseArgs &args) {
    auto index = [&](int64_t i) -> Value { return arith::ConstantIndexOp::create(b, loc, i); };
    auto rows = scf::ForOp::create(b, loc, args.begin, args.end, index(1));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(rows.getBody());
    Value last = memref::LoadOp::create(b, loc, args.y, ValueRange{rows.getInductionVar(), index(n - 1)});
    memref::StoreOp::create(b, loc, last, args.y, ValueRange{rows.getInductionVar(), index(0)});
  };
  spec.barrier = [](OpBuilder &, Location) {};
  LinearFixture fixture(context, spec, GetParam(), {}, {16, 2, 0.4});
  std::vector<double> last(200);
  for (int64_t m : {1, 20, 63, 150}) {
    // One thread: there is no barrier here.
    std::vector<float> xData(m * k), yData(m * n);
    std::uniform_real_distribution<float> uniform(-1.0f, 1.0f);
    for (float &v : xData)
      v = uniform(fixture.random);
    MemRef<2> x = fixture.describeX(m, xData.data()), y = fixture.describeY(m, yData.data());
    fixture.call(0, 1, x, y);
    for (int64_t i = 0; i < m; ++i)
      for (int64_t j = 0; j < n; ++j) {
        double magnitude;
        double expected = 2 * fixture.reference(x, i, j == 0 ? n - 1 : j, magnitude);
        ASSERT_NEAR(yData[i * n + j], expected, 2 * magnitude * (k + 4) * 0x1p-24) << "row " << i << ", column " << j;
      }
  }
}

// The first panels keep everything, the rest little: threads take units of about as many kept columns.
TEST_P(SparseLinearKernelTest, EveryElementBelongsToOneThread) {
  const int64_t n = 640, k = 64;
  LinearFixture fixture(context, makeSpec(n, k, 64), GetParam(), {}, {64, 64, 0.4});
  for (int64_t m : {1, 9, 40, 97})
    for (int64_t nth : {2, 3, 7}) {
      std::vector<int> writers(m * n, 0);
      for (int64_t tid = 0; tid < nth; ++tid) {
        std::vector<float> xData(m * k, 1.0f), yData(m * n, std::numeric_limits<float>::infinity());
        MemRef<2> x = fixture.describeX(m, xData.data()), y = fixture.describeY(m, yData.data());
        fixture.call(tid, nth, x, y);
        for (size_t i = 0; i < yData.size(); ++i)
          writers[i] += !std::isinf(yData[i]);
      }
      for (int count : writers)
        ASSERT_EQ(count, 1) << "m " << m << ", " << nth << " threads";
    }
}

TEST_P(SparseLinearKernelTest, ThreadsShareKeptColumns) {
  // Of ten panels the first keeps all 512 columns, the others 8 each: the first is about as much as two thirds.
  const int64_t n = 640, k = 512, m = 1;
  LinearKernelSpec spec = makeSpec(n, k, 64);
  LinearFixture fixture(context, spec, GetParam(), {}, {64, 512, 0.0});
  std::vector<float> weight(n * k, 0.0f);
  for (int64_t row = 0; row < n; ++row)
    for (int64_t i = 0; i < (row < 64 ? k : 8); ++i)
      weight[row * k + i] = 1.0f;
  KeptColumns kept = findKeptColumns(weight.data(), f32(), n, k, spec.tiling.nr);
  int64_t offset = llvm::alignTo((kept.starts.size() + kept.size()) * sizeof(int32_t), 64);
  fixture.packed = std::make_unique<GuardedBuffer>(offset + kept.size() * spec.tiling.nr * sizeof(float));
  packKeptColumns(weight.data(), f32(), kept, n, k, fixture.packed->data(), f32(), offset);
  std::vector<float> xData(m * k, 1.0f), yData(m * n, -1.0f);
  MemRef<2> x = fixture.describeX(m, xData.data()), y = fixture.describeY(m, yData.data());
  fixture.call(0, 2, x, y);
  // The first of two threads takes less than half of the outputs, and all it takes is in front.
  int64_t taken = llvm::count_if(yData, [](float value) { return value != -1.0f; });
  EXPECT_LE(taken, n / 4);
  EXPECT_GT(taken, 0);
}

TEST_P(SparseLinearKernelTest, InnerLoopsDoNotSpill) {
  for (int64_t rows : {64, 48, 32, 16, 8})
    for (bool dynamic : {false, true}) {
      LinearKernelSpec spec = makeSpec(384, 384, rows);
      if (dynamic)
        spec.xStride = spec.yStride = ShapedType::kDynamic;
      KernelJITOptions options;
      options.keepAssembly = true;
      LinearFixture fixture(context, spec, GetParam(), options, {rows, 1, 0.1});
      int lanes = ISA::get(GetParam()).vectorLanes(f32());
      auto [blocks, spills] = countSpills(fixture.jit->assembly, spec.tiling.mr * spec.tiling.nr / lanes);
      EXPECT_GE(blocks, 1) << "no inner loop found";
      EXPECT_EQ(spills, 0) << "tiles of " << rows << " outputs, dynamic " << dynamic;
    }
}
