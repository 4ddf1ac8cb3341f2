//===- Profile.cpp - Times the launches of a plan ---------------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Steps of a few microseconds overlap their neighbours (programmatic dependent
// launch), find in L2 what the run left there, and are shorter than what it takes
// to time one. So none is timed on its own: graphs of the first 1, 2, ... n
// launches are, each behind a whole run, which leaves caches as runs do, and
//
//   time of step i = time of graph i - time of graph i - 1
//
// in each round, of which the median counts. All steps add up to the run; the
// first one has the start of the graph in it.
//
//===----------------------------------------------------------------------===//

#include "Profile.h"

#include <algorithm>
#include <cmath>

using namespace mlir::et::runtime;

/// Graphs have n * (n + 1) / 2 launches in all.
static constexpr size_t kMaxSteps = 512;
static constexpr size_t kMinRounds = 5, kMaxRounds = 40;
/// Of all rounds together.
static constexpr double kMicroseconds = 1e6;
/// Work that is queued in front of what is timed, so that the device never waits for the host in between.
static constexpr double kLead = 100;

RangeRecorder::~RangeRecorder() = default;

double DevicePeaks::getFloor(std::optional<int64_t> bytes, std::optional<int64_t> flops, MathUnit math) const {
  double peak = math == MathUnit::Tensor ? tensorFlops : vectorFlops, floor = 0;
  if (bytes && bytesPerSecond > 0)
    floor = *bytes / bytesPerSecond * 1e6;
  if (flops && peak > 0)
    floor = std::max(floor, *flops / peak * 1e6);
  return floor;
}

namespace {
class Profiler {
public:
  Profiler(Device &device, Kernels &kernels, const std::vector<StepLaunch> &launches, Stream stream)
      : device(device), kernels(kernels), launches(launches), stream(stream) {}
  ~Profiler() {
    // Graphs may still run when something failed. There is nobody to tell if waiting does too.
    (void)static_cast<bool>(device.synchronize(stream));
    for (void *mark : marks)
      device.destroyMark(mark);
  }
  Profiler(const Profiler &) = delete;
  Profiler &operator=(const Profiler &) = delete;

  /// Stores the median time of each launch.
  Error run(std::vector<double> &medians) {
    if (Error error = prepare())
      return error;
    double whole = 0;
    for (int warmUp = 0; warmUp < 2; ++warmUp)
      if (Error error = timeGraph(launches.size() - 1, /*lead=*/1, whole))
        return error;
    size_t lead = std::clamp<size_t>(std::ceil(kLead / std::max(whole, 1.0)), 1, 100);
    double perRound = whole * (lead + 0.5) * launches.size();
    size_t rounds = std::clamp<size_t>(kMicroseconds / std::max(perRound, 1.0), kMinRounds, kMaxRounds);
    std::vector<std::vector<double>> times(launches.size());
    for (size_t round = 0; round < rounds; ++round) {
      double previous = 0;
      for (size_t i = 0; i < launches.size(); ++i) {
        double time = 0;
        if (Error error = timeGraph(i, lead, time))
          return error;
        times[i].push_back(time - previous);
        previous = time;
      }
    }
    for (std::vector<double> &samples : times) {
      std::nth_element(samples.begin(), samples.begin() + samples.size() / 2, samples.end());
      // Noise may be larger than what a step adds.
      medians.push_back(std::max(samples[samples.size() / 2], 0.0));
    }
    return Error::success();
  }

private:
  Error prepare() {
    for (size_t i = 0; i < launches.size(); ++i) {
      std::vector<StepLaunch> first(launches.begin(), launches.begin() + i + 1);
      if (!kernels.hasGraphs()) {
        starts.push_back(std::move(first));
        continue;
      }
      Result<std::unique_ptr<Graph>> graph = kernels.makeGraph(first);
      if (!graph)
        return graph.getError();
      graphs.push_back(std::move(*graph));
    }
    for (int i = 0; i < 2; ++i) {
      Result<void *> mark = device.createMark();
      if (!mark)
        return mark.getError();
      marks.push_back(*mark);
    }
    return Error::success();
  }

  Error launchFirst(size_t i) {
    return graphs.empty() ? kernels.launchAll(starts[i], stream) : graphs[i]->launch(stream);
  }

  /// Times graph \p i behind \p lead whole runs.
  Error timeGraph(size_t i, size_t lead, double &microseconds) {
    for (size_t run = 0; run < lead; ++run)
      if (Error error = launchFirst(launches.size() - 1))
        return error;
    if (Error error = device.recordMark(marks[0], stream))
      return error;
    if (Error error = launchFirst(i))
      return error;
    if (Error error = device.recordMark(marks[1], stream))
      return error;
    Result<double> duration = device.getMicroseconds(marks[0], marks[1]);
    if (!duration)
      return duration.getError();
    microseconds = *duration;
    return Error::success();
  }

  Device &device;
  Kernels &kernels;
  const std::vector<StepLaunch> &launches;
  Stream stream;
  std::vector<std::unique_ptr<Graph>> graphs;
  /// The launches of each, where the device has no graphs.
  std::vector<std::vector<StepLaunch>> starts;
  std::vector<void *> marks;
};
} // namespace

Error mlir::et::runtime::profileLaunches(Device &device, Kernels &kernels, const std::vector<StepLaunch> &launches,
                                         const std::vector<ResolvedStep> &steps, Stream stream,
                                         std::vector<StepTime> &times) {
  times.clear();
  if (launches.empty())
    return Error::success();
  if (launches.size() > kMaxSteps)
    return Error("expected at most " + std::to_string(kMaxSteps) + " steps to profile, but the plan has " +
                 std::to_string(launches.size()) + " with these sizes; profile a model of fewer layers");
  std::vector<double> medians;
  if (Error error = Profiler(device, kernels, launches, stream).run(medians))
    return error;
  double start = 0;
  for (size_t i = 0; i < launches.size(); ++i) {
    const Launch &launch = *launches[i].launch;
    StepTime time;
    time.name = launch.name.empty() ? launch.symbol : launch.name;
    time.symbol = launch.symbol;
    time.start = start;
    time.microseconds = medians[i];
    time.grid = launches[i].grid;
    time.threads = launch.threads;
    time.bytes = steps[i].bytes;
    time.flops = steps[i].flops;
    time.math = launch.math;
    start += time.microseconds;
    times.push_back(std::move(time));
  }
  return Error::success();
}
