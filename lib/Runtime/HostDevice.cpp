//===- HostDevice.cpp - Runs plans with C functions -------------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "et/Runtime/HostDevice.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>

using namespace mlir::et::runtime;

Graph::~Graph() = default;
Kernels::~Kernels() = default;
Device::~Device() = default;

Error Kernels::launchAll(const std::vector<StepLaunch> &launches, Stream stream) {
  for (const StepLaunch &launch : launches)
    if (Error error = this->launch(launch, stream))
      return Error("cannot launch step " + std::to_string(launch.step) + " (" + launch.launch->symbol +
                   "): " + error.getMessage());
  return Error::success();
}

static void run(const HostKernel &kernel, const StepLaunch &step, void **arguments) {
  const Launch &launch = *step.launch;
  HostLaunchInfo info = {{step.grid[0], step.grid[1], step.grid[2]},
                         launch.threads,
                         launch.sharedBytes,
                         launch.clusterSize,
                         launch.name.c_str()};
  kernel(arguments, info);
}

namespace {
/// A launch with its own copy of the arguments, as a device keeps it.
struct RecordedLaunch {
  HostKernel kernel;
  StepLaunch step;
  std::vector<EncodedMap> values;
  std::vector<void *> arguments;

  void record(const StepLaunch &from) {
    step = from;
    const std::vector<Argument> &kinds = from.launch->arguments;
    values.resize(kinds.size());
    arguments.resize(kinds.size());
    for (size_t i = 0; i < kinds.size(); ++i) {
      size_t size = kinds[i].kind == ArgumentKind::TensorMap ? sizeof(EncodedMap) : sizeof(uint64_t);
      std::memcpy(&values[i], from.arguments[i], size);
      arguments[i] = &values[i];
    }
  }
};

class HostGraph final : public Graph {
public:
  explicit HostGraph(std::vector<RecordedLaunch> launches) : launches(std::move(launches)) {}

  bool canUpdate() const override { return true; }

  Error update(size_t i, const StepLaunch &launch) override {
    launches[i].record(launch);
    return Error::success();
  }

  Error launch(Stream) override {
    for (RecordedLaunch &launch : launches)
      run(launch.kernel, launch.step, launch.arguments.data());
    return Error::success();
  }

private:
  std::vector<RecordedLaunch> launches;
};

class HostKernels final : public Kernels {
public:
  /// One function for each step.
  explicit HostKernels(std::vector<HostKernel> functions) : functions(std::move(functions)) {}

  Error encode(const ResolvedMap &map, void *address, EncodedMap &encoded) override {
    HostTensorMap host = {};
    host.data = static_cast<char *>(address);
    host.rank = map.rank;
    host.swizzle = map.swizzle;
    host.elementType = static_cast<uint32_t>(map.type);
    std::copy(map.box.begin(), map.box.end(), host.box);
    std::copy(map.sizes.begin(), map.sizes.end(), host.sizes);
    std::copy(map.strides.begin(), map.strides.end(), host.strides);
    std::memset(&encoded, 0, sizeof(encoded));
    std::memcpy(&encoded, &host, sizeof(host));
    return Error::success();
  }

  Error launch(const StepLaunch &step, Stream) override {
    run(functions[step.step], step, step.arguments);
    return Error::success();
  }

  Result<std::unique_ptr<Graph>> makeGraph(const std::vector<StepLaunch> &steps) override {
    std::vector<RecordedLaunch> launches(steps.size());
    for (size_t i = 0; i < steps.size(); ++i) {
      launches[i].kernel = functions[steps[i].step];
      launches[i].record(steps[i]);
    }
    return std::unique_ptr<Graph>(new HostGraph(std::move(launches)));
  }

private:
  std::vector<HostKernel> functions;
};

class HostDevice final : public Device {
public:
  explicit HostDevice(HostKernelTable table) : table(std::move(table)) {}

  DeviceKind getKind() const override { return DeviceKind::Host; }
  std::string describe() const override { return "the host"; }

  Result<const Plan *> choosePlan(const Program &program) const override {
    auto isForHost = [](const Plan &plan) { return plan.device == DeviceKind::Host; };
    auto plan = std::find_if(program.plans.begin(), program.plans.end(), isForHost);
    return plan == program.plans.end() ? &program.plans.front() : &*plan;
  }

  Result<std::unique_ptr<Kernels>> load(const Program &, const Plan &plan) override {
    std::vector<HostKernel> functions;
    for (const Launch &launch : plan.steps) {
      auto found = table.find(launch.symbol);
      if (found == table.end())
        return Error("the host has no kernel '" + launch.symbol + "', which the plan for " + plan.target +
                     " launches; compile the program for a device that is here");
      functions.push_back(found->second);
    }
    return std::unique_ptr<Kernels>(new HostKernels(std::move(functions)));
  }

  Result<void *> allocate(size_t size) override {
    size_t rounded = (std::max<size_t>(size, 1) + 1023) / 1024 * 1024;
    void *memory = rounded < size ? nullptr : std::aligned_alloc(1024, rounded);
    if (!memory)
      return Error("there is no memory for " + std::to_string(size) + " bytes on the host; use smaller inputs");
    return memory;
  }
  void release(void *memory) override { std::free(memory); }
  bool sharesHostMemory() const override { return true; }

  Error copyToDevice(void *to, const void *from, size_t size, Stream) override {
    if (size > 0)
      std::memcpy(to, from, size);
    return Error::success();
  }
  Error copyFromDevice(void *to, const void *from, size_t size, Stream stream) override {
    return copyToDevice(to, from, size, stream);
  }
  Error clear(void *memory, size_t size, Stream) override {
    if (size > 0)
      std::memset(memory, 0, size);
    return Error::success();
  }

  // Everything is done when a call returns.
  Result<Stream> createStream() override { return Stream(nullptr); }
  void destroyStream(Stream) override {}
  Error synchronize(Stream) override { return Error::success(); }
  Error waitFor(Stream, Stream) override { return Error::success(); }
  bool isRecording(Stream) const override { return false; }

  using Clock = std::chrono::steady_clock;
  Result<void *> createMark() override { return static_cast<void *>(new Clock::time_point()); }
  void destroyMark(void *mark) override { delete static_cast<Clock::time_point *>(mark); }
  Error recordMark(void *mark, Stream) override {
    *static_cast<Clock::time_point *>(mark) = Clock::now();
    return Error::success();
  }
  Result<double> getMicroseconds(void *from, void *to) override {
    Clock::duration duration = *static_cast<Clock::time_point *>(to) - *static_cast<Clock::time_point *>(from);
    return std::chrono::duration<double, std::micro>(duration).count();
  }

private:
  HostKernelTable table;
};
} // namespace

std::unique_ptr<Device> mlir::et::runtime::createHostDevice(HostKernelTable table) {
  return std::unique_ptr<Device>(new HostDevice(std::move(table)));
}
