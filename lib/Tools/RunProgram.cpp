//===- RunProgram.cpp - Runs saved programs on files ------------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The twin of RunModel.cpp for programs that are compiled already: same files,
// same random numbers, same report, and no LLVM.
//
//===----------------------------------------------------------------------===//

#include "et/Tools/RunProgram.h"

#include "ProfileReport.h"
#include "ProgramFiles.h"
#include "et/Runtime/CPUDevice.h"
#include "et/Runtime/CUDADevice.h"
#include "et/Runtime/Executable.h"
#include "et/Runtime/NVTX.h"

#include <algorithm>
#include <chrono>

using namespace mlir::et;
using namespace mlir::et::runtime;

using Clock = std::chrono::steady_clock;

static double getMicroseconds(Clock::time_point from) {
  return std::chrono::duration<double, std::micro>(Clock::now() - from).count();
}

namespace {
/// Everything of one run that has to be given back.
class Session {
public:
  Session(std::shared_ptr<Device> device) : device(std::move(device)) {}
  ~Session() {
    executable.reset();
    for (void *memory : allocations)
      device->release(memory);
    for (void *mark : marks)
      device->destroyMark(mark);
    if (stream)
      device->destroyStream(stream);
  }
  Session(const Session &) = delete;
  Session &operator=(const Session &) = delete;

  Error run(std::shared_ptr<const LoadedProgram> loaded, const RunProgramOptions &options, std::FILE *out);

private:
  Result<void *> allocate(size_t size) {
    Result<void *> memory = device->allocate(size);
    if (memory)
      allocations.push_back(*memory);
    return memory;
  }
  Error runOnce() { return executable->run(inputViews, outputViews, stream); }
  Error benchmark(unsigned count, std::FILE *out);
  Error profile(const RunProgramOptions &options, std::FILE *out);

  std::shared_ptr<Device> device;
  std::unique_ptr<Executable> executable;
  Stream stream = nullptr;
  std::vector<void *> allocations, marks;
  std::vector<TensorView> inputViews, outputViews;
};
} // namespace

Error Session::benchmark(unsigned count, std::FILE *out) {
  // A tenth more runs let caches and clocks settle, and the second one records the graph.
  for (unsigned i = 0; i < count / 10 + 3; ++i)
    if (Error error = runOnce())
      return error;
  if (Error error = device->synchronize(stream))
    return error;

  // One behind the other, timed on the device.
  for (int i = 0; i < 2; ++i) {
    Result<void *> mark = device->createMark();
    if (!mark)
      return mark.getError();
    marks.push_back(*mark);
  }
  if (Error error = device->recordMark(marks[0], stream))
    return error;
  for (unsigned i = 0; i < count; ++i)
    if (Error error = runOnce())
      return error;
  if (Error error = device->recordMark(marks[1], stream))
    return error;
  Result<double> total = device->getMicroseconds(marks[0], marks[1]);
  if (!total)
    return total.getError();

  // Each on its own, with the way there and back.
  std::vector<double> times;
  for (unsigned i = 0; i < count; ++i) {
    Clock::time_point start = Clock::now();
    if (Error error = runOnce())
      return error;
    if (Error error = device->synchronize(stream))
      return error;
    times.push_back(getMicroseconds(start));
  }
  std::sort(times.begin(), times.end());
  ExecutableStatistics statistics = executable->getStatistics();
  std::fprintf(out,
               "%u runs: %.2f us each back to back; one at a time: min %.2f us, median %.2f us, p90 %.2f us "
               "(%llu of %llu runs replayed a graph)\n",
               count, *total / count, times.front(), times[times.size() / 2], times[times.size() * 9 / 10],
               static_cast<unsigned long long>(statistics.graphReplays),
               static_cast<unsigned long long>(statistics.runs));
  return Error::success();
}

Error Session::profile(const RunProgramOptions &options, std::FILE *out) {
  ProfileReport report;
  report.program = executable->getProgram().name;
  report.target = executable->getPlan().target;
  report.device = device->describe();
  report.peaks = device->getPeaks();
  if (Error error = executable->profile(inputViews, outputViews, stream, report.steps))
    return error;
  if (options.profile)
    printProfile(report, out);
  if (!options.profileJSON.empty())
    if (Error error = writeProfileJSON(report, options.profileJSON))
      return error;
  if (!options.profileTrace.empty())
    return writeProfileTrace(report, options.profileTrace);
  return Error::success();
}

Error Session::run(std::shared_ptr<const LoadedProgram> loaded, const RunProgramOptions &options, std::FILE *out) {
  const Program &program = loaded->getProgram();
  Result<std::vector<std::string>> paths = assignFiles(options.outputs, program.outputs, "output");
  if (!paths)
    return paths.getError();
  Result<std::vector<HostArray>> inputs = collectInputs(program, options, out);
  if (!inputs)
    return inputs.getError();

  Clock::time_point start = Clock::now();
  ExecutableOptions executableOptions;
  executableOptions.useGraphs = options.useGraphs;
  if (options.useRanges) {
    Result<std::shared_ptr<RangeRecorder>> ranges = openNVTX(options.rangesLibrary);
    if (!ranges)
      return ranges.getError();
    executableOptions.ranges = std::move(*ranges);
  }
  executableOptions.mapWeights = options.mapWeights;
  Result<std::unique_ptr<Executable>> created = Executable::create(loaded, device, executableOptions);
  if (!created)
    return created.getError();
  executable = std::move(*created);
  std::fprintf(out, "plan for %s on %s, ready in %.1f ms\n", executable->getPlan().target.c_str(),
               device->describe().c_str(), getMicroseconds(start) * 1e-3);
  Result<Stream> ownStream = device->createStream();
  if (!ownStream)
    return ownStream.getError();
  stream = *ownStream;

  for (const HostArray &input : *inputs) {
    Result<void *> memory = allocate(input.numBytes);
    if (!memory)
      return memory.getError();
    if (Error error = device->copyToDevice(*memory, input.data.get(), input.numBytes, stream))
      return error;
    inputViews.push_back({*memory, input.shape.data(), input.shape.size()});
  }
  std::vector<std::vector<int64_t>> shapes;
  if (Error error = executable->computeShapes(inputViews, shapes))
    return error;
  std::vector<HostArray> outputs;
  for (size_t i = 0; i < shapes.size(); ++i) {
    Result<HostArray> array = HostArray::allocate(program.outputs[i].type, shapes[i]);
    if (!array)
      return array.getError();
    Result<void *> memory = allocate(array->numBytes);
    if (!memory)
      return memory.getError();
    outputs.push_back(std::move(*array));
    outputViews.push_back({*memory, shapes[i].data(), shapes[i].size()});
  }
  if (Error error = runOnce())
    return error;
  if (Error error = executable->synchronize(stream))
    return error;
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (Error error = device->copyFromDevice(outputs[i].data.get(), outputViews[i].data, outputs[i].numBytes, stream))
      return error;
    summarizeOutput(program.outputs[i], outputs[i], out);
    if (!(*paths)[i].empty())
      if (Error error = writeOutput(program.outputs[i], outputs[i], (*paths)[i]))
        return error;
  }
  if (options.benchmark > 0)
    if (Error error = benchmark(options.benchmark, out))
      return error;
  if (options.profile || !options.profileJSON.empty() || !options.profileTrace.empty())
    return profile(options, out);
  return Error::success();
}

bool mlir::et::isSavedProgram(const std::string &path) {
  return path.size() > 4 && path.compare(path.size() - 4, 4, ".etp") == 0;
}

/// The device that \p options name for \p program. When they name none and there is no GPU, a program for GPUs and CPUs
/// runs on the CPU, and says why.
static Result<std::shared_ptr<Device>> createDevice(const Program &program, const RunProgramOptions &options) {
  auto isFor = [&](DeviceKind kind) {
    return std::any_of(program.plans.begin(), program.plans.end(),
                       [&](const Plan &plan) { return plan.device == kind; });
  };
  int number = options.device.value_or(isFor(DeviceKind::CUDA) ? 0 : RunProgramOptions::kCPU);
  if (number != RunProgramOptions::kCPU) {
    Result<std::shared_ptr<Device>> created = createCUDADevice(number);
    if (created || options.device || !isFor(DeviceKind::Host))
      return created;
    std::fprintf(stderr, "note: the program runs on the CPU: %s\n", created.getError().getMessage().c_str());
  }
  Result<std::shared_ptr<CPUDevice>> created = CPUDevice::create(options.threads);
  if (!created)
    return created.getError();
  return std::shared_ptr<Device>(std::move(*created));
}

Error mlir::et::runProgram(const RunProgramOptions &options, std::FILE *out, std::shared_ptr<Device> device) {
  Result<std::shared_ptr<const LoadedProgram>> loaded = LoadedProgram::load(options.path);
  if (!loaded)
    return loaded.getError();
  if (options.describe) {
    describeProgram((*loaded)->getProgram(), out);
    return Error::success();
  }
  if (!device) {
    Result<std::shared_ptr<Device>> created = createDevice((*loaded)->getProgram(), options);
    if (!created)
      return created.getError();
    device = std::move(*created);
    if (std::string notice = device->getNotice(); !notice.empty())
      std::fprintf(stderr, "note: %s\n", notice.c_str());
  }
  return Session(std::move(device)).run(std::move(*loaded), options, out);
}
