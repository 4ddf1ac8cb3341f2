//===- DeviceTest.cpp - The runtime on a GPU -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The sample program with kernels in PTX: launches, graphs and their updates,
// programmatic edges, tensor maps, streams and errors on a real driver. Skipped
// where there is none. Needs the driver and nothing else: copy it to a machine.
//
//===----------------------------------------------------------------------===//

#include "SampleProgram.h"
#include "et/Runtime/CUDADevice.h"
#include "et/Runtime/Executable.h"

#include "gtest/gtest.h"
#include <chrono>
#include <cmath>
#include <dlfcn.h>

using namespace mlir::et::runtime;
using namespace mlir::et::runtime::test;

// Four rows of 8 per block; and one row per block, which TMA brings to shared memory.
static const char kernels[] = R"(
.version 8.0
.target sm_90
.address_size 64
.extern .shared .align 128 .b8 smem[];

.visible .entry sample_double(.param .u64 px, .param .u64 py, .param .u32 prows, .param .f32 pfactor)
{
  .reg .b32 %r<6>; .reg .b64 %d<6>; .reg .f32 %f<4>; .reg .pred %p;
  mov.u32 %r0, %ctaid.x;
  mov.u32 %r1, %tid.x;
  shl.b32 %r2, %r0, 5;
  add.u32 %r3, %r2, %r1;
  ld.param.u32 %r4, [prows];
  shl.b32 %r5, %r4, 3;
  setp.ge.u32 %p, %r1, 32;
  @%p bra DONE;
  setp.ge.u32 %p, %r3, %r5;
  @%p bra DONE;
  ld.param.u64 %d0, [px];
  ld.param.u64 %d1, [py];
  ld.param.f32 %f0, [pfactor];
  mul.wide.u32 %d2, %r3, 4;
  add.u64 %d3, %d0, %d2;
  add.u64 %d4, %d1, %d2;
  ld.global.f32 %f1, [%d3];
  mul.f32 %f2, %f0, %f1;
  st.global.f32 [%d4], %f2;
DONE:
  griddepcontrol.launch_dependents;
  ret;
}

.visible .entry sample_add(.param .align 64 .b8 pmap[128], .param .u64 pw, .param .u64 py, .param .u64 pstatus, .param .u64 pcode)
{
  .reg .b32 %r<12>; .reg .b64 %d<12>; .reg .f32 %f<4>; .reg .pred %p;
  mov.u32 %r0, %ctaid.x;
  mov.u32 %r1, %tid.x;
  mov.u32 %r2, smem;
  add.u32 %r3, %r2, 512;
  setp.ne.u32 %p, %r1, 0;
  @%p bra READY;
  mbarrier.init.shared.b64 [%r3], 1;
  fence.mbarrier_init.release.cluster;
READY:
  bar.sync 0;
  griddepcontrol.wait;
  @%p bra LOADED;
  mov.b64 %d0, pmap;
  cvta.param.u64 %d1, %d0;
  mov.u32 %r4, 0;
  mbarrier.arrive.expect_tx.shared.b64 %d2, [%r3], 128;
  cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [%r2], [%d1, {%r4, %r0}], [%r3];
LOADED:
  mbarrier.try_wait.parity.shared.b64 %p, [%r3], 0;
  @!%p bra LOADED;
  setp.ge.u32 %p, %r1, 8;
  @%p bra DONE;
  shl.b32 %r5, %r1, 2;
  add.u32 %r6, %r2, %r5;
  ld.shared.f32 %f0, [%r6];
  ld.param.u64 %d3, [pw];
  mul.wide.u32 %d4, %r1, 4;
  add.u64 %d5, %d3, %d4;
  ld.global.f32 %f1, [%d5];
  add.f32 %f2, %f0, %f1;
  ld.param.u64 %d6, [py];
  shl.b32 %r7, %r0, 3;
  add.u32 %r8, %r7, %r1;
  mul.wide.u32 %d7, %r8, 4;
  add.u64 %d8, %d6, %d7;
  st.global.f32 [%d8], %f2;
  setp.neu.f32 %p, %f0, 0f41D00000;
  @%p bra DONE;
  ld.param.u64 %d9, [pstatus];
  ld.param.u32 %r9, [pcode];
  atom.global.cas.b32 %r10, [%d9], 0, %r9;
  setp.ne.u32 %p, %r10, 0;
  @%p bra DONE;
  cvt.u64.u32 %d10, %r0;
  st.global.u64 [%d9+8], %d10;
DONE:
  ret;
}
)";

namespace {
class DeviceTest : public testing::Test {
protected:
  void SetUp() override {
    Result<std::shared_ptr<Device>> opened = createCUDADevice(0);
    if (!opened)
      GTEST_SKIP() << opened.getError().getMessage();
    device = *opened;
    if (device->describe().find("sm_9") == std::string::npos && device->describe().find("sm_1") == std::string::npos)
      GTEST_SKIP() << device->describe() << " has no TMA";
    Result<void *> x = device->allocate(kBytes), y = device->allocate(kBytes);
    ASSERT_TRUE(x && y);
    input = static_cast<float *>(*x);
    output = static_cast<float *>(*y);
  }

  void TearDown() override {
    if (!device)
      return;
    device->release(input);
    device->release(output);
  }

  std::unique_ptr<Executable> create(SampleProgram &sample, const ExecutableOptions &options = {}) {
    Result<std::unique_ptr<Executable>> created = Executable::create(sample.load(), device, options);
    error = created ? "" : created.getError().getMessage();
    return created ? std::move(*created) : nullptr;
  }

  /// Runs \p rows rows of fresh numbers, \p offset rows into the memory, and checks every element.
  void runAndCheck(Executable &executable, int64_t rows, Stream stream = nullptr, int64_t offset = 0) {
    std::vector<float> x(rows * 8), y(rows * 8, NAN);
    for (size_t i = 0; i < x.size(); ++i)
      x[i] = static_cast<float>((i * 7 + ++seed) % 12);
    ASSERT_FALSE(device->copyToDevice(input + offset * 8, x.data(), x.size() * 4, stream));
    ASSERT_FALSE(device->copyToDevice(output + offset * 8, y.data(), y.size() * 4, stream));
    int64_t shape[] = {rows, 8};
    Error failure = executable.run({{input + offset * 8, shape, 2}}, {{output + offset * 8, shape, 2}}, stream);
    ASSERT_FALSE(failure) << failure.getMessage();
    failure = executable.synchronize(stream);
    ASSERT_FALSE(failure) << failure.getMessage();
    ASSERT_FALSE(device->copyFromDevice(y.data(), output + offset * 8, y.size() * 4, stream));
    for (size_t i = 0; i < y.size(); ++i)
      ASSERT_EQ(y[i], 2 * x[i] + (i % 8 + 1)) << "element " << i << " of " << rows << " rows";
  }

  static constexpr size_t kBytes = 64 << 10;
  std::shared_ptr<Device> device;
  std::string error;
  float *input = nullptr, *output = nullptr;
  unsigned seed = 0;
};

/// The sample with kernels that the driver compiles.
SampleProgram makeSample() { return SampleProgram(1, DeviceKind::CUDA, "sm_90", kernels, CodeKind::PTX, "sample_"); }
} // namespace

TEST_F(DeviceTest, ComputesWithAndWithoutGraphs) {
  for (bool useGraphs : {false, true}) {
    SampleProgram sample = makeSample();
    ExecutableOptions options;
    options.useGraphs = useGraphs;
    options.maxShapes = 4;
    std::unique_ptr<Executable> executable = create(sample, options);
    ASSERT_TRUE(executable) << error;
    Result<Stream> stream = device->createStream();
    ASSERT_TRUE(stream);
    for (int64_t rows : {1, 2, 3, 5, 64, 997, 1000, 0, 3})
      for (int i = 0; i < 4; ++i)
        runAndCheck(*executable, rows, *stream);
    for (int i = 0; i < 3; ++i)
      runAndCheck(*executable, 100);
    ExecutableStatistics statistics = executable->getStatistics();
    EXPECT_EQ(statistics.graphReplays > 0, useGraphs);
    EXPECT_LE(statistics.shapesKept, 4u);
    executable.reset();
    device->destroyStream(*stream);
  }
}

TEST_F(DeviceTest, GraphsTakeNewPointers) {
  SampleProgram sample = makeSample();
  std::unique_ptr<Executable> executable = create(sample);
  ASSERT_TRUE(executable) << error;
  for (int64_t offset : {0, 0, 0, 5, 9, 0, 300})
    runAndCheck(*executable, 64, nullptr, offset);
  ExecutableStatistics statistics = executable->getStatistics();
  EXPECT_EQ(statistics.graphsMade, 1u);
  EXPECT_EQ(statistics.graphReplays, 6u);
  EXPECT_EQ(statistics.launchesUpdated, 8u);
  // The arena moves.
  runAndCheck(*executable, 1000);
  runAndCheck(*executable, 64);
}

TEST_F(DeviceTest, ReportsStatus) {
  SampleProgram sample = makeSample();
  std::unique_ptr<Executable> executable = create(sample);
  ASSERT_TRUE(executable) << error;
  std::vector<float> x(80, 1);
  x[43] = 13;
  ASSERT_FALSE(device->copyToDevice(input, x.data(), x.size() * 4, nullptr));
  int64_t shape[] = {10, 8};
  ASSERT_FALSE(executable->run({{input, shape, 2}}, {{output, shape, 2}}, nullptr));
  Error failure = executable->synchronize(nullptr);
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure.getMessage(), "row 5 of 'x' holds a 13");
  runAndCheck(*executable, 10);
}

TEST_F(DeviceTest, IsCapturedByTheCaller) {
  void *library = ::dlopen("libcuda.so.1", RTLD_NOW);
  auto *begin = reinterpret_cast<int (*)(void *, int)>(::dlsym(library, "cuStreamBeginCapture_v2"));
  auto *end = reinterpret_cast<int (*)(void *, void **)>(::dlsym(library, "cuStreamEndCapture"));
  auto *retain = reinterpret_cast<int (*)(void **, int)>(::dlsym(library, "cuDevicePrimaryCtxRetain"));
  auto *setCurrent = reinterpret_cast<int (*)(void *)>(::dlsym(library, "cuCtxSetCurrent"));
  auto *instantiate =
      reinterpret_cast<int (*)(void **, void *, unsigned long long)>(::dlsym(library, "cuGraphInstantiateWithFlags"));
  auto *launch = reinterpret_cast<int (*)(void *, void *)>(::dlsym(library, "cuGraphLaunch"));
  SampleProgram sample = makeSample();
  std::unique_ptr<Executable> executable = create(sample);
  ASSERT_TRUE(executable) << error;
  Result<Stream> stream = device->createStream();
  ASSERT_TRUE(stream);
  runAndCheck(*executable, 10, *stream);
  void *context = nullptr, *graph = nullptr, *replay = nullptr;
  ASSERT_EQ(retain(&context, 0), 0);
  ASSERT_EQ(setCurrent(context), 0);
  ASSERT_EQ(begin(*stream, 0), 0);
  int64_t shape[] = {10, 8}, large[] = {900, 8};
  Error failure = executable->run({{input, shape, 2}}, {{output, shape, 2}}, *stream);
  EXPECT_FALSE(failure) << failure.getMessage();
  EXPECT_TRUE(executable->run({{input, large, 2}}, {{output, large, 2}}, *stream));
  ASSERT_EQ(end(*stream, &graph), 0);
  ASSERT_EQ(instantiate(&replay, graph, 0), 0);
  std::vector<float> x(80, 3), y(80, NAN);
  ASSERT_FALSE(device->copyToDevice(input, x.data(), x.size() * 4, *stream));
  ASSERT_FALSE(device->copyToDevice(output, y.data(), y.size() * 4, *stream));
  ASSERT_EQ(launch(replay, *stream), 0);
  ASSERT_FALSE(device->copyFromDevice(y.data(), output, y.size() * 4, *stream));
  for (size_t i = 0; i < y.size(); ++i)
    EXPECT_EQ(y[i], 6 + (i % 8 + 1));
  executable.reset();
  device->destroyStream(*stream);
}

TEST_F(DeviceTest, ErrorsAreClear) {
  SampleProgram broken(1, DeviceKind::CUDA, "sm_90", ".version 8.0\n.target sm_90\nnonsense\n", CodeKind::PTX,
                       "sample_");
  EXPECT_FALSE(create(broken));
  EXPECT_NE(error.find("the driver refuses the PTX for sm_90: CUDA_ERROR_INVALID_PTX"), std::string::npos) << error;
  SampleProgram garbage(1, DeviceKind::CUDA, "sm_90",
                        "not a cubin, but long enough for a header of one, or so it seems");
  // Newer devices have no plan at all.
  EXPECT_FALSE(create(garbage));
  EXPECT_FALSE(error.empty());
  SampleProgram other(1, DeviceKind::CUDA, "sm_50", "cubin");
  EXPECT_FALSE(create(other));
  EXPECT_NE(error.find("the program was compiled for sm_50, which does not run on CUDA device 0"), std::string::npos)
      << error;
  SampleProgram wrong(1, DeviceKind::CUDA, "sm_90", kernels, CodeKind::PTX, "other_");
  EXPECT_FALSE(create(wrong));
  EXPECT_NE(error.find("cannot find the kernel 'other_double' in its module: CUDA_ERROR_NOT_FOUND"), std::string::npos)
      << error;
  // More than any GPU has, for one row.
  SampleProgram huge = makeSample();
  huge.plan->setArenaSize(huge.builder.add(huge.builder.constant(64), huge.builder.constant(int64_t(1) << 45)));
  std::unique_ptr<Executable> executable = create(huge);
  ASSERT_TRUE(executable) << error;
  int64_t shape[] = {1, 8};
  Error failure = executable->run({{input, shape, 2}}, {{output, shape, 2}}, nullptr);
  ASSERT_TRUE(failure);
  EXPECT_NE(failure.getMessage().find("cannot run with these sizes: there is no memory for"), std::string::npos)
      << failure.getMessage();
  EXPECT_NE(failure.getMessage().find("CUDA_ERROR_OUT_OF_MEMORY"), std::string::npos) << failure.getMessage();
}

// No expectation but that it works: how much a run costs the host and the device.
TEST_F(DeviceTest, Overhead) {
  for (bool useGraphs : {false, true}) {
    SampleProgram sample = makeSample();
    ExecutableOptions options;
    options.useGraphs = useGraphs;
    std::unique_ptr<Executable> executable = create(sample, options);
    ASSERT_TRUE(executable) << error;
    Result<Stream> stream = device->createStream();
    ASSERT_TRUE(stream);
    int64_t shape[] = {64, 8};
    constexpr int count = 2000;
    std::chrono::steady_clock::time_point start;
    for (int i = -100; i < count; ++i) {
      if (i == 0) {
        ASSERT_FALSE(device->synchronize(*stream));
        start = std::chrono::steady_clock::now();
      }
      ASSERT_FALSE(executable->run({{input, shape, 2}}, {{output, shape, 2}}, *stream));
    }
    auto enqueued = std::chrono::steady_clock::now();
    ASSERT_FALSE(device->synchronize(*stream));
    auto done = std::chrono::steady_clock::now();
    auto perRun = [&](auto duration) { return std::chrono::duration<double, std::micro>(duration).count() / count; };
    std::printf("two kernels, %s: %.2f us to enqueue, %.2f us to run\n", useGraphs ? "a graph" : "launched",
                perRun(enqueued - start), perRun(done - start));
    std::vector<StepTime> times;
    ASSERT_FALSE(executable->profile({{input, shape, 2}}, {{output, shape, 2}}, *stream, times));
    EXPECT_EQ(times.size(), 2u);
    executable.reset();
    device->destroyStream(*stream);
  }
}
