//===- Measure.cpp - Times the candidates of et-bench -----------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A candidate is a program of many equal launches on inputs of their own. It is
// timed twice: with one set of inputs for all launches, which then lie in the
// cache, and with a set for each, which are more than the cache holds. Models are
// in between, so the mean counts. Candidates of a problem take turns and share
// their memory, and have to agree on the result.
//
//===----------------------------------------------------------------------===//

#include "et/Tools/Measure.h"

#include "HostArray.h"
#include "et/Runtime/CUDADevice.h"
#include "et/Runtime/Executable.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <map>
#include <random>
#include <sstream>

using namespace mlir::et;
using namespace mlir::et::runtime;

/// Runs that are timed at once, and how often.
static constexpr int kRuns = 4, kRounds = 7;

/// Results of two schedules differ by the order of sums, and by an ulp of what they are stored as.
static constexpr double kTolerance = 0.02;

/// How many schedules of a problem the table gets, and how much slower than the fastest they may be.
static constexpr int kMaxTaken = 4;
static constexpr double kNearlyBest = 1.08;

namespace {
struct Candidate {
  std::string problem, file, schedule, entry;
  double launches = 1;
  std::unique_ptr<Executable> executable;
  double hot = 0, cold = 0;
  bool isGood = true;
  double getTime() const { return (hot + cold) / 2; }
};

/// Memory for the inputs and outputs of one problem.
class Problem {
public:
  Problem(Device &device, Stream stream) : device(device), stream(stream) {}
  ~Problem() {
    // What failed may still run.
    (void)static_cast<bool>(device.synchronize(stream));
    for (void *memory : allocations)
      device.release(memory);
    for (void *mark : marks)
      device.destroyMark(mark);
  }
  Problem(const Problem &) = delete;
  Problem &operator=(const Problem &) = delete;

  Error allocate(Executable &executable);
  /// Times one run of \p executable, in microseconds, with the inputs of all launches the same, or not.
  Error time(Executable &executable, bool isHot, double &microseconds);
  /// Compares the first output with that of the first candidate.
  Error check(Executable &executable, bool &isGood);

private:
  Result<void *> allocate(size_t size) {
    Result<void *> memory = device.allocate(size);
    if (memory)
      allocations.push_back(*memory);
    return memory;
  }

  Device &device;
  Stream stream;
  std::vector<void *> allocations, marks;
  std::vector<std::vector<int64_t>> shapes, outputShapes;
  std::vector<TensorView> hot, cold, outputs;
  std::vector<double> reference;
};
} // namespace

Error Problem::allocate(Executable &executable) {
  const Program &program = executable.getProgram();
  std::mt19937_64 random(1);
  // Inputs are numbered: w0, w1, ... of which the first stands for all.
  std::map<std::string, void *> first;
  std::vector<std::vector<int64_t>> inputShapes;
  for (const Tensor &tensor : program.inputs) {
    Result<std::vector<int64_t>> shape = Evaluation(program, {}).getShape(tensor, "input");
    if (!shape)
      return shape.getError();
    inputShapes.push_back(*shape);
  }
  shapes = std::move(inputShapes);
  Result<HostArray> array = Error("no input yet");
  for (size_t i = 0; i < shapes.size(); ++i) {
    const Tensor &tensor = program.inputs[i];
    // What is in them does not matter: those of one shape hold the same.
    bool isNew = i == 0 || shapes[i] != shapes[i - 1];
    if (isNew)
      array = HostArray::allocate(tensor.type, shapes[i]);
    if (!array)
      return array.getError();
    for (size_t at = 0; isNew && at < array->numBytes; at += getSize(tensor.type))
      storeElement(tensor.type, array->data.get() + at, static_cast<double>(random() >> 11) * 0x1p-52 - 1.0);
    Result<void *> memory = allocate(array->numBytes);
    if (!memory)
      return memory.getError();
    if (Error error = device.copyToDevice(*memory, array->data.get(), array->numBytes, stream))
      return error;
    cold.push_back({*memory, shapes[i].data(), shapes[i].size()});
    std::string name = tensor.name.substr(0, tensor.name.find_first_of("0123456789"));
    hot.push_back({first.try_emplace(name, *memory).first->second, shapes[i].data(), shapes[i].size()});
  }
  if (Error error = executable.computeShapes(cold, outputShapes))
    return error;
  for (size_t i = 0; i < outputShapes.size(); ++i) {
    Result<HostArray> array = HostArray::allocate(program.outputs[i].type, outputShapes[i]);
    if (!array)
      return array.getError();
    Result<void *> memory = allocate(array->numBytes);
    if (!memory)
      return memory.getError();
    outputs.push_back({*memory, outputShapes[i].data(), outputShapes[i].size()});
  }
  for (int i = 0; i < 2; ++i) {
    Result<void *> mark = device.createMark();
    if (!mark)
      return mark.getError();
    marks.push_back(*mark);
  }
  return Error::success();
}

Error Problem::time(Executable &executable, bool isHot, double &microseconds) {
  const std::vector<TensorView> &inputs = isHot ? hot : cold;
  // The first runs make the graph, or update it.
  for (int run = 0; run < 3; ++run)
    if (Error error = executable.run(inputs, outputs, stream))
      return error;
  if (Error error = device.recordMark(marks[0], stream))
    return error;
  for (int run = 0; run < kRuns; ++run)
    if (Error error = executable.run(inputs, outputs, stream))
      return error;
  if (Error error = device.recordMark(marks[1], stream))
    return error;
  Result<double> duration = device.getMicroseconds(marks[0], marks[1]);
  if (!duration)
    return duration.getError();
  microseconds = *duration / kRuns;
  return Error::success();
}

Error Problem::check(Executable &executable, bool &isGood) {
  if (Error error = executable.run(cold, outputs, stream))
    return error;
  if (Error error = executable.synchronize(stream))
    return error;
  ElementType type = executable.getProgram().outputs[0].type;
  Result<HostArray> array = HostArray::allocate(type, outputShapes[0]);
  if (!array)
    return array.getError();
  if (Error error = device.copyFromDevice(array->data.get(), outputs[0].data, array->numBytes, stream))
    return error;
  std::vector<double> values;
  for (size_t at = 0; at < array->numBytes; at += getSize(type))
    values.push_back(loadElement(type, array->data.get() + at));
  if (reference.empty())
    reference = values;
  double largest = 0, difference = 0;
  isGood = values.size() == reference.size();
  for (size_t i = 0; isGood && i < values.size(); ++i) {
    largest = std::max(largest, std::abs(reference[i]));
    difference = std::max(difference, std::abs(values[i] - reference[i]));
    isGood = std::isfinite(values[i]);
  }
  isGood &= difference <= kTolerance * largest;
  return Error::success();
}

/// Reads the list in \p folder.
static Error readCandidates(const std::string &folder, std::string &chip, std::vector<Candidate> &candidates) {
  std::string path = folder + "/candidates.txt";
  std::ifstream file(path);
  if (!file)
    return Error("cannot read '" + path + "'; make it with et-bench --prepare=" + folder);
  std::string line;
  std::getline(file, line);
  std::istringstream head(line);
  std::string format, version;
  head >> format >> version >> chip;
  if (format != "et-candidates" || version != "1" || chip.empty())
    return Error("expected '" + path + "' to begin with 'et-candidates 1' and an architecture, but got '" + line +
                 "'; make it again with et-bench --prepare=" + folder);
  while (std::getline(file, line)) {
    std::vector<std::string> parts;
    std::istringstream rest(line);
    for (std::string part; std::getline(rest, part, '\t');)
      parts.push_back(part);
    Candidate candidate;
    if (parts.size() == 5)
      candidate.launches = std::atof(parts[2].c_str());
    if (parts.size() != 5 || candidate.launches < 1)
      return Error("expected a problem, a file, a number of launches, a schedule and an entry in '" + path +
                   "', but got '" + line + "'");
    candidate.problem = parts[0];
    candidate.file = parts[1];
    candidate.schedule = parts[3];
    candidate.entry = parts[4];
    candidates.push_back(std::move(candidate));
  }
  return Error::success();
}

/// Times \p candidates, which are all of one problem; those that are wrong are marked so.
static Error measureProblem(const std::string &folder, std::vector<Candidate *> &candidates,
                            const std::shared_ptr<Device> &device, Stream stream, std::FILE *out) {
  Problem problem(*device, stream);
  for (Candidate *candidate : candidates) {
    Result<std::shared_ptr<const LoadedProgram>> loaded = LoadedProgram::load(folder + "/" + candidate->file);
    if (!loaded)
      return loaded.getError();
    Result<std::unique_ptr<Executable>> created = Executable::create(*loaded, device);
    if (!created)
      return created.getError();
    candidate->executable = std::move(*created);
    if (candidate == candidates.front())
      if (Error error = problem.allocate(*candidate->executable))
        return error;
    if (Error error = problem.check(*candidate->executable, candidate->isGood))
      return error;
    if (!candidate->isGood)
      std::fprintf(out, "  %s: left out, its result is not that of %s\n", candidate->schedule.c_str(),
                   candidates.front()->schedule.c_str());
  }
  for (bool isHot : {true, false}) {
    std::vector<std::vector<double>> times(candidates.size());
    for (int round = 0; round < kRounds; ++round)
      for (size_t i = 0; i < candidates.size(); ++i) {
        double time = 0;
        if (Error error = problem.time(*candidates[i]->executable, isHot, time))
          return error;
        times[i].push_back(time / candidates[i]->launches);
      }
    for (size_t i = 0; i < candidates.size(); ++i) {
      std::nth_element(times[i].begin(), times[i].begin() + kRounds / 2, times[i].end());
      (isHot ? candidates[i]->hot : candidates[i]->cold) = times[i][kRounds / 2];
    }
  }
  if (Error error = device->synchronize(stream))
    return error;
  for (Candidate *candidate : candidates)
    candidate->executable.reset();
  return Error::success();
}

Error mlir::et::measureCandidates(const MeasureOptions &options, std::FILE *out, std::shared_ptr<Device> device) {
  std::string chip;
  std::vector<Candidate> candidates;
  if (Error error = readCandidates(options.folder, chip, candidates))
    return error;
  if (!device) {
    Result<std::shared_ptr<Device>> created = createCUDADevice(options.device);
    if (!created)
      return created.getError();
    device = std::move(*created);
  }
  Result<Stream> stream = device->createStream();
  if (!stream)
    return stream.getError();
  // Of `CUDA device 0 (NVIDIA H200, sm_90)` the product.
  std::string name = device->describe();
  if (size_t open = name.find('('), comma = name.rfind(", sm_"); open < comma && comma != std::string::npos)
    name = name.substr(open + 1, comma - open - 1);
  std::fprintf(out, "%zu candidates for %s on %s\n", candidates.size(), chip.c_str(), name.c_str());

  std::string entries;
  Error failure = Error::success();
  for (size_t i = 0, next = 0; i < candidates.size() && !failure; i = next) {
    std::vector<Candidate *> group;
    for (; next < candidates.size() && candidates[next].problem == candidates[i].problem; ++next)
      group.push_back(&candidates[next]);
    failure = measureProblem(options.folder, group, device, *stream, out);
    if (failure)
      break;
    // The first is what the compiler chooses now.
    Candidate *best = group.front();
    for (Candidate *candidate : group) {
      std::fprintf(out, "  %-60s hot %9.2f us, cold %9.2f us\n", candidate->schedule.c_str(), candidate->hot,
                   candidate->cold);
      if (candidate->isGood && candidate->getTime() < best->getTime())
        best = candidate;
    }
    std::fprintf(out, "%s: %s, %.2f us; what the compiler chooses now %.2f us\n", best->problem.c_str(),
                 best->schedule.c_str(), best->getTime(), group.front()->getTime());
    // Not every launch can use the fastest: what is nearly as fast follows.
    std::sort(group.begin(), group.end(),
              [](const Candidate *a, const Candidate *b) { return a->getTime() < b->getTime(); });
    int numTaken = 0;
    for (const Candidate *candidate : group) {
      if (!candidate->isGood || candidate->getTime() > kNearlyBest * best->getTime() || ++numTaken > kMaxTaken)
        continue;
      char time[32];
      std::snprintf(time, sizeof(time), "%.2f}", candidate->getTime());
      entries += (entries.empty() ? "\n    " : ",\n    ") + candidate->entry + time;
    }
  }
  device->destroyStream(*stream);
  if (failure)
    return failure;
  std::ofstream file(options.output, std::ios::binary);
  file << "{\n  \"format\": \"et-tuned\",\n  \"version\": 1,\n  \"chip\": \"" << chip << "\",\n  \"device\": \"" << name
       << "\",\n  \"entries\": [" << entries << "\n  ]\n}\n";
  file.close();
  if (!file)
    return Error("cannot write the tuned table to '" + options.output + "': " + std::strerror(errno));
  return Error::success();
}
