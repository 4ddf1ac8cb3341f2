//===- ExecutableTest.cpp - Plans on the host device -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "et/Runtime/Executable.h"
#include "SampleProgram.h"

#include "gtest/gtest.h"
#include <cmath>
#include <thread>

using namespace mlir::et::runtime;
using namespace mlir::et::runtime::test;

namespace {
/// A matrix of the caller with 8 columns.
struct Matrix {
  explicit Matrix(int64_t rows) : shape{rows, 8}, data(rows * 8 + 4) {
    for (int64_t i = 0; i < rows * 8; ++i)
      get()[i] = i % 5 - 2;
  }
  /// Aligned to 16 bytes.
  float *get() { return reinterpret_cast<float *>((reinterpret_cast<uintptr_t>(data.data()) + 15) / 16 * 16); }
  TensorView view() { return {get(), shape.data(), shape.size()}; }

  std::vector<int64_t> shape;
  std::vector<float> data;
};

class ExecutableTest : public testing::Test {
protected:
  std::unique_ptr<Executable> create(const ExecutableOptions &options = {}) {
    Result<std::unique_ptr<Executable>> created =
        Executable::create(sample.load(), createHostDevice(getSampleKernels()), options);
    EXPECT_TRUE(created) << created.getError().getMessage();
    return created ? std::move(*created) : nullptr;
  }

  static void runAndCheck(Executable &executable, Matrix &x, Matrix &y) {
    std::fill(y.get(), y.get() + x.shape[0] * 8, NAN);
    Error error = executable.run({x.view()}, {y.view()}, nullptr);
    ASSERT_FALSE(error) << error.getMessage();
    for (int64_t i = 0; i < x.shape[0] * 8; ++i)
      ASSERT_EQ(y.get()[i], 2 * x.get()[i] + (i % 8 + 1)) << i;
  }

  static std::string getError(Executable &executable, std::vector<TensorView> inputs, std::vector<TensorView> outputs) {
    Error error = executable.run(inputs, outputs, nullptr);
    return error ? error.getMessage() : "";
  }

  SampleProgram sample;
};
} // namespace

TEST_F(ExecutableTest, ComputesAndReplays) {
  std::unique_ptr<Executable> executable = create();
  ASSERT_TRUE(executable);
  Matrix x(10), y(10);
  launchedKernels.clear();
  for (int i = 0; i < 4; ++i)
    runAndCheck(*executable, x, y);
  EXPECT_EQ(launchedKernels.size(), 8u);
  EXPECT_EQ(launchedKernels[6], "double");
  EXPECT_EQ(launchedKernels[7], "add");
  ExecutableStatistics statistics = executable->getStatistics();
  EXPECT_EQ(statistics.runs, 4u);
  EXPECT_EQ(statistics.plansResolved, 1u);
  EXPECT_EQ(statistics.graphsMade, 1u);
  EXPECT_EQ(statistics.graphReplays, 3u);
  EXPECT_EQ(statistics.launchesUpdated, 0u);
  EXPECT_EQ(statistics.arenaBytes, 10u * 32 + 64);
}

TEST_F(ExecutableTest, NewPointersUpdateOnlyTheirLaunches) {
  std::unique_ptr<Executable> executable = create();
  ASSERT_TRUE(executable);
  Matrix x(10), y(10), other(10), otherY(10);
  for (int64_t i = 0; i < 80; ++i)
    other.get()[i] = -i;
  runAndCheck(*executable, x, y);
  runAndCheck(*executable, x, y);
  runAndCheck(*executable, other, y);
  EXPECT_EQ(executable->getStatistics().launchesUpdated, 1u);
  runAndCheck(*executable, other, otherY);
  EXPECT_EQ(executable->getStatistics().launchesUpdated, 2u);
  runAndCheck(*executable, x, y);
  EXPECT_EQ(executable->getStatistics().launchesUpdated, 4u);
  EXPECT_EQ(executable->getStatistics().graphsMade, 1u);
}

TEST_F(ExecutableTest, AnArenaThatMovesReachesGraphs) {
  std::unique_ptr<Executable> executable = create();
  ASSERT_TRUE(executable);
  Matrix x(10), y(10), large(1000), largeY(1000);
  runAndCheck(*executable, x, y);
  runAndCheck(*executable, x, y);
  runAndCheck(*executable, large, largeY);
  runAndCheck(*executable, x, y);
  runAndCheck(*executable, large, largeY);
  EXPECT_EQ(executable->getStatistics().arenaBytes, 32064u);
}

TEST_F(ExecutableTest, KeepsAtMostSoManyShapes) {
  ExecutableOptions options;
  options.maxShapes = 3;
  std::unique_ptr<Executable> executable = create(options);
  ASSERT_TRUE(executable);
  for (int round = 0; round < 3; ++round)
    for (int64_t rows = 1; rows <= 5; ++rows) {
      Matrix x(rows), y(rows);
      runAndCheck(*executable, x, y);
      runAndCheck(*executable, x, y);
      EXPECT_LE(executable->getStatistics().shapesKept, 3u);
    }
  // Five in turn through room for three: none is ever found again.
  EXPECT_EQ(executable->getStatistics().plansResolved, 15u);
  // The last three are there, and using one keeps it.
  for (int64_t rows : {3, 4, 5, 3, 1, 3}) {
    Matrix x(rows), y(rows);
    runAndCheck(*executable, x, y);
  }
  EXPECT_EQ(executable->getStatistics().plansResolved, 16u);
}

TEST_F(ExecutableTest, RunsWithoutGraphs) {
  ExecutableOptions options;
  options.useGraphs = false;
  options.maxShapes = 0; // as little as possible
  std::unique_ptr<Executable> executable = create(options);
  ASSERT_TRUE(executable);
  Matrix x(7), y(7);
  for (int i = 0; i < 3; ++i)
    runAndCheck(*executable, x, y);
  EXPECT_EQ(executable->getStatistics().graphsMade, 0u);
  EXPECT_EQ(executable->getStatistics().shapesKept, 1u);
}

TEST_F(ExecutableTest, NothingToDoIsFine) {
  std::unique_ptr<Executable> executable = create();
  ASSERT_TRUE(executable);
  int64_t shape[] = {0, 8};
  TensorView empty = {nullptr, shape, 2};
  launchedKernels.clear();
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(getError(*executable, {empty}, {empty}), "");
  EXPECT_TRUE(launchedKernels.empty());
}

TEST_F(ExecutableTest, StatusIsReportedOnce) {
  std::unique_ptr<Executable> executable = create();
  ASSERT_TRUE(executable);
  Matrix x(10), y(10);
  runAndCheck(*executable, x, y);
  EXPECT_FALSE(executable->synchronize(nullptr));
  x.get()[8 * 6 + 3] = 13;
  runAndCheck(*executable, x, y);
  x.get()[8 * 2] = 13;
  runAndCheck(*executable, x, y);
  Error error = executable->synchronize(nullptr);
  ASSERT_TRUE(error);
  // The first one that was seen.
  EXPECT_EQ(error.getMessage(), "row 6 of 'x' holds a 13");
  EXPECT_FALSE(executable->synchronize(nullptr));
}

TEST_F(ExecutableTest, ComputesShapes) {
  std::unique_ptr<Executable> executable = create();
  ASSERT_TRUE(executable);
  int64_t shape[] = {9, 8};
  std::vector<std::vector<int64_t>> shapes;
  EXPECT_FALSE(executable->computeShapes({{nullptr, shape, 2}}, shapes));
  EXPECT_EQ(shapes, (std::vector<std::vector<int64_t>>{{9, 8}}));
  shape[0] = 1001;
  Error error = executable->computeShapes({{nullptr, shape, 2}}, shapes);
  ASSERT_TRUE(error);
  EXPECT_EQ(error.getMessage(),
            "expected dimension 'rows' (dimension 0 of input 'x') to be from 0 to 1000, but got 1001");
}

TEST_F(ExecutableTest, RefusesWrongTensors) {
  std::unique_ptr<Executable> executable = create();
  ASSERT_TRUE(executable);
  Matrix x(4), y(4), tall(5);
  EXPECT_EQ(getError(*executable, {}, {y.view()}), "expected 1 inputs, but got 0");
  EXPECT_EQ(getError(*executable, {x.view()}, {}), "expected memory for 1 outputs, but got 0");
  EXPECT_EQ(getError(*executable, {x.view()}, {tall.view()}),
            "expected output 'y' to have shape [4, 8], but got [5, 8]");
  TensorView null = x.view();
  null.data = nullptr;
  EXPECT_EQ(getError(*executable, {null}, {y.view()}), "expected data for input 'x', but got a null pointer");
  int64_t wide[] = {4, 9};
  runAndCheck(*executable, x, y);
  EXPECT_EQ(getError(*executable, {{x.get(), wide, 2}}, {y.view()}),
            "expected dimension 1 of input 'x' [rows, 8] f32 to be 8, but its shape is [4, 9]");
  EXPECT_EQ(getError(*executable, {{x.get(), wide, 1}}, {y.view()}),
            "expected input 'x' [rows, 8] f32 to have 2 dimensions, but its shape is [4]");
  EXPECT_EQ(getError(*executable, {x.view()}, {null}), "expected data for output 'y', but got a null pointer");
  TensorView odd = x.view();
  odd.data = x.get() + 1;
  EXPECT_EQ(
      getError(*executable, {odd}, {y.view()}),
      "expected the address of input 'x' to be a multiple of 16; copy it to memory of its own (in torch: .clone())");
  runAndCheck(*executable, x, y);
}

TEST_F(ExecutableTest, ThreadsTakeTurns) {
  std::unique_ptr<Executable> executable = create();
  ASSERT_TRUE(executable);
  std::vector<std::thread> threads;
  for (int64_t rows = 1; rows <= 4; ++rows)
    threads.emplace_back([&executable, rows] {
      Matrix x(rows), y(rows);
      for (int i = 0; i < 50; ++i)
        runAndCheck(*executable, x, y);
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(executable->getStatistics().runs, 200u);
}

TEST_F(ExecutableTest, ProfilesSteps) {
  std::unique_ptr<Executable> executable = create();
  ASSERT_TRUE(executable);
  Matrix x(4), y(4);
  std::vector<StepTime> times;
  Error error = executable->profile({x.view()}, {y.view()}, nullptr, times);
  ASSERT_FALSE(error) << error.getMessage();
  ASSERT_EQ(times.size(), 2u);
  EXPECT_EQ(times[0].name, "double");
  EXPECT_GE(times[1].microseconds, 0);
  EXPECT_EQ(times[1].start, times[0].microseconds);
  EXPECT_EQ(times[0].bytes, 256);
  EXPECT_EQ(times[0].flops, 32);
  EXPECT_FALSE(times[1].bytes);
  // The last run of a profile is a whole one.
  EXPECT_EQ(launchedKernels.back(), "add");
}

TEST(DevicePeaks, BoundsStepsFromBelow) {
  DevicePeaks peaks{1e12, 1e13, 1e15};
  EXPECT_EQ(peaks.getFloor(2000000, std::nullopt, MathUnit::Tensor), 2);
  EXPECT_EQ(peaks.getFloor(2000000, 5000000000, MathUnit::Tensor), 5);
  EXPECT_EQ(peaks.getFloor(2000000, 5000000000, MathUnit::Vector), 500);
  EXPECT_EQ(peaks.getFloor(std::nullopt, std::nullopt, MathUnit::Vector), 0);
  EXPECT_EQ(DevicePeaks().getFloor(1, 1, MathUnit::Vector), 0);
}

TEST_F(ExecutableTest, NamesTheKernelThatIsMissing) {
  HostKernelTable kernels = getSampleKernels();
  kernels.erase("add");
  Result<std::unique_ptr<Executable>> created = Executable::create(sample.load(), createHostDevice(std::move(kernels)));
  ASSERT_FALSE(created);
  EXPECT_EQ(created.getError().getMessage(),
            "the host has no kernel 'add', which the plan for sm_90a launches; compile "
            "the program for a device that is here");
}

TEST_F(ExecutableTest, MemoryThatIsNotThere) {
  // Two rows ask for more than any machine has.
  sample.plan->setArenaSize(sample.builder.mul(sample.rows, sample.builder.constant(int64_t(1) << 61)));
  std::unique_ptr<Executable> executable = create();
  ASSERT_TRUE(executable);
  Matrix x(2), y(2);
  EXPECT_EQ(
      getError(*executable, {x.view()}, {y.view()}),
      "cannot run with these sizes: there is no memory for 4611686018427387904 bytes on the host; use smaller inputs");
}
