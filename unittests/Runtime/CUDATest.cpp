//===- CUDATest.cpp - The CUDA device on a driver that is not there -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CUDA/Driver.h"
#include "MockCUDA.h"
#include "SampleProgram.h"
#include "et/Runtime/CUDADevice.h"
#include "et/Runtime/Executable.h"

#include "gtest/gtest.h"
#include <cmath>
#include <dlfcn.h>

using namespace mlir::et::runtime;
using namespace mlir::et::runtime::test;
using namespace mlir::et::runtime::cuda;

TEST(CUDATarget, Parses) {
  CUDATarget target = CUDATarget::parse("sm_90a");
  EXPECT_EQ(target.major, 9);
  EXPECT_EQ(target.minor, 0);
  EXPECT_EQ(target.suffix, 'a');
  EXPECT_EQ(CUDATarget::parse("sm_120").major, 12);
  EXPECT_EQ(CUDATarget::parse("sm_86").minor, 6);
  for (const char *name : {"", "sm_", "sm_9", "sm_90b", "sm_90aa", "sm_9000", "avx512", "sm_-9", "SM_90"})
    EXPECT_EQ(CUDATarget::parse(name).major, 0) << name;
}

TEST(CUDATarget, KnowsWhereCodeRuns) {
  auto canRun = [](const char *target, CodeKind kind, int major, int minor) {
    return CUDATarget::parse(target).canRun(kind, major, minor);
  };
  EXPECT_TRUE(canRun("sm_90a", CodeKind::Cubin, 9, 0));
  EXPECT_FALSE(canRun("sm_90a", CodeKind::Cubin, 10, 0));
  EXPECT_FALSE(canRun("sm_90a", CodeKind::PTX, 10, 0));
  EXPECT_TRUE(canRun("sm_80", CodeKind::Cubin, 8, 9));
  EXPECT_FALSE(canRun("sm_86", CodeKind::Cubin, 8, 0));
  EXPECT_FALSE(canRun("sm_80", CodeKind::Cubin, 9, 0));
  EXPECT_TRUE(canRun("sm_80", CodeKind::PTX, 9, 0));
  EXPECT_FALSE(canRun("sm_90", CodeKind::PTX, 8, 9));
  EXPECT_FALSE(canRun("x86-64-v4", CodeKind::Cubin, 9, 0));
  EXPECT_FALSE(canRun("sm_90", CodeKind::ELFObject, 9, 0));
}

TEST(CUDADriver, SaysWhatIsMissing) {
  Result<std::shared_ptr<Device>> device = createCUDADevice(0, "libcuda-that-is-nowhere.so.1");
  ASSERT_FALSE(device);
  EXPECT_EQ(device.getError().getMessage().find("there is no CUDA driver here (libcuda-that-is-nowhere.so.1"), 0u)
      << device.getError().getMessage();
  device = createCUDADevice(0, "libm.so.6");
  ASSERT_FALSE(device);
  EXPECT_EQ(device.getError().getMessage(),
            "the CUDA driver libm.so.6 lacks cuInit; E.T. needs a driver of CUDA 12.0 or newer");
}

namespace {
class CUDATest : public testing::Test {
protected:
  void SetUp() override {
    void *library = ::dlopen(ET_MOCK_CUDA, RTLD_NOW | RTLD_LOCAL);
    ASSERT_TRUE(library) << ::dlerror();
    mock = reinterpret_cast<MockCUDA *(*)()>(::dlsym(library, "etMockCUDA"))();
    *mock = MockCUDA();
    HostKernelTable kernels = getSampleKernels();
    mock->kernels["double"] = {kernels["double"], {8, 8, 4, 4}};
    mock->kernels["add"] = {kernels["add"], {128, 8, 8, 8, 8}};
  }

  /// Whatever happened, nothing is left behind.
  void TearDown() override {
    EXPECT_EQ(mock->pushed, 0);
    EXPECT_EQ(mock->allocations, 0);
    EXPECT_EQ(mock->modules, 0);
    EXPECT_EQ(mock->streams, 0);
    EXPECT_EQ(mock->events, 0);
    EXPECT_EQ(mock->graphs, 0);
    EXPECT_EQ(mock->contexts, 0);
  }

  std::shared_ptr<Device> open() {
    Result<std::shared_ptr<Device>> device = createCUDADevice(0, ET_MOCK_CUDA);
    EXPECT_TRUE(device) << device.getError().getMessage();
    return device ? *device : nullptr;
  }

  std::string getOpenError(int ordinal = 0) {
    Result<std::shared_ptr<Device>> device = createCUDADevice(ordinal, ET_MOCK_CUDA);
    return device ? "" : device.getError().getMessage();
  }

  std::unique_ptr<Executable> create(SampleProgram &sample) {
    Result<std::unique_ptr<Executable>> created = Executable::create(sample.load(), open());
    error = created ? "" : created.getError().getMessage();
    return created ? std::move(*created) : nullptr;
  }

  /// Runs on \p rows rows in memory of the device at \p offset rows into it, and checks the result.
  std::string run(Executable &executable, int64_t rows, Stream stream = nullptr, int64_t offset = 0) {
    Device &device = executable.getDevice();
    if (!input) {
      Result<void *> x = device.allocate(64 << 10), y = device.allocate(64 << 10);
      EXPECT_TRUE(x && y);
      input = static_cast<float *>(*x);
      output = static_cast<float *>(*y);
    }
    std::vector<float> x(rows * 8), y(rows * 8, NAN);
    for (size_t i = 0; i < x.size(); ++i)
      x[i] = i % 7;
    EXPECT_FALSE(device.copyToDevice(input + offset * 8, x.data(), x.size() * 4, stream));
    EXPECT_FALSE(device.copyToDevice(output + offset * 8, y.data(), y.size() * 4, stream));
    int64_t shape[] = {rows, 8};
    if (Error failure = executable.run({{input + offset * 8, shape, 2}}, {{output + offset * 8, shape, 2}}, stream))
      return failure.getMessage();
    if (device.isRecording(stream))
      return "";
    EXPECT_FALSE(device.copyFromDevice(y.data(), output + offset * 8, y.size() * 4, stream));
    for (size_t i = 0; i < y.size(); ++i)
      EXPECT_EQ(y[i], 2 * x[i] + (i % 8 + 1)) << i;
    return "";
  }

  void release(Device &device) {
    device.release(input);
    device.release(output);
    input = output = nullptr;
  }

  MockCUDA *mock = nullptr;
  std::string error;
  float *input = nullptr, *output = nullptr;
};
} // namespace

TEST_F(CUDATest, LaunchesThenReplaysThenUpdates) {
  SampleProgram sample;
  std::unique_ptr<Executable> executable = create(sample);
  ASSERT_TRUE(executable) << error;
  EXPECT_EQ(executable->getDevice().describe(), "CUDA device 0 (Mock, sm_90)");
  EXPECT_EQ(mock->count("module double add"), 1u);
  EXPECT_EQ(mock->count("attribute add 8 = 1024"), 1u);
  EXPECT_EQ(run(*executable, 10), "");
  EXPECT_EQ(mock->count("launch double"), 1u);
  EXPECT_EQ(mock->count("launch add programmatic 1"), 1u);
  EXPECT_EQ(run(*executable, 10), "");
  EXPECT_EQ(mock->count("launch add programmatic 1"), 2u);
  EXPECT_EQ(mock->count("instantiate"), 1u);
  EXPECT_EQ(mock->count("replay"), 1u);
  EXPECT_EQ(run(*executable, 10), "");
  EXPECT_EQ(mock->count("update"), 0u);
  EXPECT_EQ(run(*executable, 10, nullptr, 4), "");
  EXPECT_EQ(mock->count("update double"), 1u);
  EXPECT_EQ(mock->count("update add"), 1u);
  EXPECT_EQ(mock->count("launch"), 4u);
  EXPECT_EQ(mock->count("replay"), 3u);
  // Another length makes the arena move: the map in it is made again.
  EXPECT_EQ(run(*executable, 500), "");
  EXPECT_EQ(run(*executable, 10), "");
  EXPECT_EQ(mock->count("replay"), 4u);
  EXPECT_FALSE(executable->synchronize(nullptr));
  release(executable->getDevice());
}

TEST_F(CUDATest, WithoutNodesAGraphServesItsPointersOnly) {
  mock->failures["cuStreamGetCaptureInfo"] = 1;
  SampleProgram sample;
  std::unique_ptr<Executable> executable = create(sample);
  ASSERT_TRUE(executable) << error;
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(run(*executable, 10), "");
  EXPECT_EQ(mock->count("replay"), 2u);
  EXPECT_EQ(run(*executable, 10, nullptr, 4), "");
  EXPECT_EQ(mock->count("replay"), 2u);
  EXPECT_EQ(run(*executable, 10, nullptr, 4), "");
  EXPECT_EQ(mock->count("instantiate"), 2u);
  EXPECT_EQ(mock->count("replay"), 3u);
  release(executable->getDevice());
}

TEST_F(CUDATest, AnUpdateThatFailsFallsBack) {
  mock->failures["cuGraphExecKernelNodeSetParams"] = 1;
  SampleProgram sample;
  std::unique_ptr<Executable> executable = create(sample);
  ASSERT_TRUE(executable) << error;
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(run(*executable, 10, nullptr, i % 2), "");
  release(executable->getDevice());
}

TEST_F(CUDATest, StreamsWaitForEachOther) {
  SampleProgram sample;
  std::unique_ptr<Executable> executable = create(sample);
  ASSERT_TRUE(executable) << error;
  Device &device = executable->getDevice();
  Result<Stream> one = device.createStream(), two = device.createStream();
  ASSERT_TRUE(one && two);
  EXPECT_EQ(run(*executable, 10, *one), "");
  EXPECT_EQ(run(*executable, 10, *one), "");
  EXPECT_EQ(mock->count("wait"), 0u);
  EXPECT_EQ(run(*executable, 10, *two), "");
  EXPECT_EQ(mock->count("wait"), 1u);
  EXPECT_EQ(run(*executable, 10, *one), "");
  EXPECT_EQ(mock->count("wait"), 2u);
  release(device);
  std::shared_ptr<Device> alive = open();
  executable.reset();
  alive->destroyStream(*one);
  alive->destroyStream(*two);
}

TEST_F(CUDATest, BecomesPartOfAGraphOfTheCaller) {
  SampleProgram sample;
  std::unique_ptr<Executable> executable = create(sample);
  ASSERT_TRUE(executable) << error;
  Device &device = executable->getDevice();
  Result<Stream> stream = device.createStream();
  ASSERT_TRUE(stream);
  void *driver = ::dlopen(ET_MOCK_CUDA, RTLD_NOW);
  auto *begin = reinterpret_cast<CUresult (*)(CUstream, int)>(::dlsym(driver, "cuStreamBeginCapture_v2"));
  auto *end = reinterpret_cast<CUresult (*)(CUstream, CUgraph *)>(::dlsym(driver, "cuStreamEndCapture"));
  auto *destroy = reinterpret_cast<CUresult (*)(CUgraph)>(::dlsym(driver, "cuGraphDestroy"));
  CUgraph graph = nullptr;
  EXPECT_EQ(run(*executable, 10, *stream), "");
  EXPECT_EQ(run(*executable, 10, *stream), "");
  begin(static_cast<CUstream>(*stream), 0);
  EXPECT_EQ(run(*executable, 10, *stream), "");
  // One graph inside of another would lose the programmatic edges: launches go in one by one.
  EXPECT_EQ(mock->count("replay"), 1u);
  EXPECT_EQ(
      run(*executable, 900, *stream),
      "this run needs 28864 bytes of working memory, which cannot be allocated while the stream is being captured; "
      "run once with these sizes before");
  std::vector<StepTime> times;
  EXPECT_TRUE(executable->profile({}, {}, *stream, times));
  end(static_cast<CUstream>(*stream), &graph);
  destroy(graph);
  // The old arena stays: the caller's graph uses it.
  int allocations = mock->allocations;
  EXPECT_EQ(run(*executable, 900, *stream), "");
  EXPECT_EQ(mock->allocations, allocations + 1);
  release(device);
  std::shared_ptr<Device> alive = open();
  executable.reset();
  alive->destroyStream(*stream);
}

TEST_F(CUDATest, TakesTheCodeThatFits) {
  SampleProgram sample(1, DeviceKind::CUDA, "sm_80", "ptx for 80");
  ProgramBuilder &builder = sample.builder;
  // Another plan for Ampere, whose module has a cubin and PTX as the way forward.
  Program program = builder.getProgram();
  PlanBuilder &plan = builder.addPlan(DeviceKind::CUDA, "sm_75");
  plan.addModule({builder.addCode(CodeKind::PTX, "sm_75", "ptx for 75"),
                  builder.addCode(CodeKind::Cubin, "sm_75", "cubin for 75"),
                  builder.addCode(CodeKind::PTX, "sm_80", "newer ptx")});
  plan.setArenaSize(program.plans[0].arenaSize);
  mock->major = 8;
  mock->minor = 9;
  EXPECT_TRUE(create(sample)) << error;
  EXPECT_EQ(mock->count("module ptx for 80"), 1u);
  mock->major = 7;
  mock->minor = 5;
  EXPECT_TRUE(create(sample)) << error;
  EXPECT_EQ(mock->count("module cubin for 75"), 1u);
  mock->major = 12;
  mock->minor = 0;
  EXPECT_TRUE(create(sample)) << error;
  EXPECT_EQ(mock->count("module newer ptx"), 1u);
  mock->major = 7;
  mock->minor = 0;
  EXPECT_FALSE(create(sample));
  EXPECT_EQ(error,
            "the program was compiled for sm_80, sm_75, which does not run on CUDA device 0 (Mock, sm_70); compile "
            "it with --target=cuda:sm_70");
}

TEST_F(CUDATest, ReportsWhatTheDriverSays) {
  SampleProgram sample;
  mock->refusedImages["double add"] = 200;
  EXPECT_FALSE(create(sample));
  EXPECT_EQ(error, "cannot load module 0 of the plan for sm_90a: the driver refuses the cubin for sm_90a: error 200");
  mock->refusedImages.clear();
  mock->kernels.erase("add");
  EXPECT_FALSE(create(sample));
  EXPECT_EQ(error, "cannot find the kernel 'add' in its module: error 500");
  mock->kernels["add"] = {};
  mock->failures["cuFuncSetAttribute"] = 1;
  EXPECT_FALSE(create(sample));
  EXPECT_EQ(error.find("the device does not have the "), 0u) << error;
  mock->failures.clear();
  mock->freeMemory = 1050;
  EXPECT_FALSE(create(sample));
  EXPECT_EQ(error,
            "cannot load the weights: there is no memory for 1024 bytes on CUDA device 0 (Mock, sm_90), of whose "
            "1073741824 bytes 1050 are free: CUDA_ERROR_OUT_OF_MEMORY (out of memory)");
}

TEST_F(CUDATest, PTXErrorsComeWithTheLog) {
  SampleProgram sample;
  PlanBuilder &plan = sample.builder.addPlan(DeviceKind::CUDA, "sm_100");
  plan.addModule({sample.builder.addCode(CodeKind::PTX, "sm_100", "bad ptx")});
  mock->major = 10;
  mock->refusedImages["bad ptx"] = 218;
  EXPECT_FALSE(create(sample));
  EXPECT_EQ(error, "cannot load module 0 of the plan for sm_100: the driver refuses the PTX for sm_100: error 218\n"
                   "line 1: syntax error");
}

TEST_F(CUDATest, KnowsWhatADeviceCanDo) {
  std::shared_ptr<Device> device = open();
  ASSERT_TRUE(device);
  DevicePeaks peaks = device->getPeaks();
  EXPECT_DOUBLE_EQ(peaks.bytesPerSecond, 4916.736e9);
  EXPECT_DOUBLE_EQ(peaks.vectorFlops, 132 * 1980e6 * 256);
  EXPECT_DOUBLE_EQ(peaks.tensorFlops, 132 * 1980e6 * 4096);
  // A device that tells nothing has no floor.
  mock->failures["cuDeviceGetAttribute"] = 1;
  EXPECT_EQ(device->getPeaks().bytesPerSecond, 0);
  EXPECT_EQ(device->getPeaks().tensorFlops, 0);
  mock->failures.clear();
}

TEST_F(CUDATest, DevicesThatAreNotThere) {
  EXPECT_EQ(getOpenError(3), "expected a CUDA device from 0 to 0, but got 3");
  mock->failures["cuDeviceGetCount"] = 100;
  EXPECT_EQ(getOpenError(), "cannot count the GPUs: CUDA_ERROR_NO_DEVICE");
  mock->failures = {{"cuInit", 100}};
  EXPECT_EQ(getOpenError(), "cannot initialise the CUDA driver: CUDA_ERROR_NO_DEVICE");
  mock->failures = {{"cuDevicePrimaryCtxRetain", 2}};
  EXPECT_EQ(getOpenError(), "cannot use the GPU: CUDA_ERROR_OUT_OF_MEMORY (out of memory)");
}

TEST_F(CUDATest, FailuresOfARun) {
  SampleProgram sample;
  std::unique_ptr<Executable> executable = create(sample);
  ASSERT_TRUE(executable) << error;
  mock->failures["cuTensorMapEncodeTiled"] = 1;
  EXPECT_EQ(run(*executable, 10), "cannot make tensor map 0 of the plan: the driver refuses it: error 1");
  mock->failures = {{"cuLaunchKernelEx", 701}};
  EXPECT_EQ(run(*executable, 10), "cannot launch step 0 (double): the driver refuses the launch: error 701");
  mock->failures.clear();
  EXPECT_EQ(run(*executable, 10), "");
  EXPECT_EQ(run(*executable, 20), "");
  mock->failures["cuGraphInstantiateWithFlags"] = 2;
  EXPECT_EQ(run(*executable, 20),
            "cannot make a graph of the plan: cannot instantiate it: CUDA_ERROR_OUT_OF_MEMORY (out of memory)");
  mock->failures = {{"cuStreamSynchronize", 700}};
  EXPECT_EQ(executable->synchronize(nullptr).getMessage(), "a run on the device failed: error 700");
  mock->failures.clear();
  EXPECT_EQ(run(*executable, 20), "");
  release(executable->getDevice());
}
