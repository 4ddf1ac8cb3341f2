//===- Executable.cpp - A program on a device -------------------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "et/Runtime/Executable.h"

#include "Profile.h"

#include <algorithm>
#include <cstring>

using namespace mlir::et::runtime;

/// What is known for one set of dynamic sizes.
struct Executable::Shape {
  ResolvedPlan plan;

  /// What the kernels get. Nothing here moves once it is built.
  std::vector<uint64_t> values;
  std::vector<EncodedMap> maps;
  std::vector<void *> arguments;
  std::vector<StepLaunch> launches;

  /// Addresses of inputs, outputs and arena that are in `values` and `maps`; empty before the first run.
  std::vector<char *> addresses;
  /// Launches whose arguments changed since the graph got them.
  std::vector<bool> isStale;
  std::unique_ptr<Graph> graph;
  /// Runs since the last one that could not use a graph.
  uint64_t runs = 0;

  void build(const Plan &from);
};

/// Lays out the arguments of all launches.
void Executable::Shape::build(const Plan &from) {
  size_t numArguments = 0;
  for (const ResolvedStep &step : plan.steps)
    numArguments += step.values.size();
  values.resize(numArguments);
  arguments.resize(numArguments);
  maps.resize(plan.maps.size());
  isStale.assign(plan.steps.size(), false);
  size_t next = 0;
  for (const ResolvedStep &step : plan.steps) {
    const Launch &launch = from.steps[step.step];
    // Nothing comes before the first launch of a graph; without one, what comes before it is not ours.
    bool programmatic = launch.programmatic && !launches.empty();
    launches.push_back({&launch, step.step, step.grid, programmatic, arguments.data() + next});
    for (size_t i = 0; i < step.values.size(); ++i, ++next) {
      bool isMap = launch.arguments[i].kind == ArgumentKind::TensorMap;
      values[next] = step.values[i];
      arguments[next] = isMap ? static_cast<void *>(&maps[launch.arguments[i].map]) : &values[next];
    }
  }
}

Executable::Executable(std::shared_ptr<const LoadedProgram> program, std::shared_ptr<Device> device,
                       const ExecutableOptions &options)
    : loaded(std::move(program)), device(std::move(device)), options(options) {
  this->options.maxShapes = std::max<size_t>(options.maxShapes, 1);
}

Executable::~Executable() {
  // What is still running uses our memory. There is nobody to tell if waiting fails.
  if (hasRun)
    (void)static_cast<bool>(device->synchronize(lastStream));
  shapes.clear();
  kernels.reset();
  for (char *memory : retiredArenas)
    device->release(memory);
  for (char *memory : {weightMemory, status, arena})
    if (memory)
      device->release(memory);
}

Result<std::unique_ptr<Executable>> Executable::create(std::shared_ptr<const LoadedProgram> program,
                                                       std::shared_ptr<Device> device,
                                                       const ExecutableOptions &options) {
  std::unique_ptr<Executable> executable(new Executable(std::move(program), std::move(device), options));
  if (Error error = executable->prepare())
    return error;
  return Result<std::unique_ptr<Executable>>(std::move(executable));
}

Error Executable::prepare() {
  Result<const Plan *> chosen = device->choosePlan(getProgram());
  if (!chosen)
    return chosen.getError();
  plan = *chosen;
  Result<std::unique_ptr<Kernels>> made = device->load(getProgram(), *plan);
  if (!made)
    return made.getError();
  kernels = std::move(*made);
  Result<void *> memory = device->allocate(sizeof(StatusRecord));
  if (!memory)
    return memory.getError();
  status = static_cast<char *>(*memory);
  if (Error error = device->clear(status, sizeof(StatusRecord), nullptr))
    return error;
  if (Error error = uploadWeights())
    return error;
  // Weights and status are there before any stream runs.
  return device->synchronize(nullptr);
}

Error Executable::uploadWeights() {
  const std::vector<Weight> &weights = getProgram().weights;
  weightAddresses.assign(weights.size(), nullptr);
  // Only what this plan uses: others may have weights in forms of their own.
  std::vector<bool> isUsed(weights.size());
  auto use = [&](Buffer buffer) {
    if (buffer.kind == BufferKind::Weight)
      isUsed[buffer.index] = true;
  };
  for (const TensorMap &map : plan->maps)
    use(map.buffer);
  for (const Launch &launch : plan->steps)
    for (const Argument &argument : launch.arguments)
      if (argument.kind == ArgumentKind::Pointer)
        use(argument.buffer);

  constexpr size_t alignment = 1024;
  std::vector<size_t> offsets(weights.size());
  size_t total = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    offsets[i] = total;
    // Cannot overflow: all weights lie in one file.
    if (isUsed[i])
      total += (weights[i].size + alignment - 1) / alignment * alignment;
  }
  // What was never a file lies where its maker wants it.
  if (device->sharesHostMemory() && (options.mapWeights || !device->wantsWeightsCopied() || !loaded->isFile())) {
    for (size_t i = 0; i < weights.size(); ++i)
      if (isUsed[i])
        weightAddresses[i] = const_cast<char *>(loaded->getWeight(i));
    return Error::success();
  }
  if (total == 0)
    return Error::success();
  Result<void *> memory = device->allocate(total);
  if (!memory)
    return Error("cannot load the weights: " + memory.getError().getMessage());
  weightMemory = static_cast<char *>(*memory);
  statistics.weightBytes = total;
  for (size_t i = 0; i < weights.size(); ++i) {
    if (!isUsed[i])
      continue;
    weightAddresses[i] = weightMemory + offsets[i];
    if (Error error = device->copyToDevice(weightAddresses[i], loaded->getWeight(i), weights[i].size, nullptr))
      return error;
  }
  return Error::success();
}

//===----------------------------------------------------------------------===//
// Shapes
//===----------------------------------------------------------------------===//

/// Whether \p inputs have the shapes \p shapes.
static bool haveShapes(const std::vector<TensorView> &inputs, const std::vector<std::vector<int64_t>> &shapes) {
  if (inputs.size() != shapes.size())
    return false;
  for (size_t i = 0; i < inputs.size(); ++i)
    if (inputs[i].rank != shapes[i].size() || !std::equal(shapes[i].begin(), shapes[i].end(), inputs[i].shape))
      return false;
  return true;
}

Result<Executable::Shape *> Executable::getShape(const std::vector<TensorView> &inputs, bool mayWait) {
  // Inputs of shapes that were checked before need no look at the program.
  for (auto known = shapes.begin(); known != shapes.end(); ++known) {
    if (!haveShapes(inputs, (*known)->plan.inputShapes))
      continue;
    shapes.splice(shapes.begin(), shapes, known);
    return shapes.front().get();
  }
  Result<std::vector<int64_t>> symbols = bindSymbols(getProgram(), inputs);
  if (!symbols)
    return symbols.getError();
  Result<ResolvedPlan> resolved = resolvePlan(getProgram(), *plan, *symbols);
  if (!resolved)
    return resolved.getError();
  ++statistics.plansResolved;
  if (shapes.size() >= options.maxShapes && mayWait) {
    // Its graph may be running.
    if (hasRun && shapes.back()->graph)
      if (Error error = device->synchronize(lastStream))
        return error;
    shapes.pop_back();
  }
  auto shape = std::make_unique<Shape>();
  shape->plan = std::move(*resolved);
  shape->build(*plan);
  shapes.push_front(std::move(shape));
  return shapes.front().get();
}

Error Executable::computeShapes(const std::vector<TensorView> &inputs, std::vector<std::vector<int64_t>> &result) {
  std::lock_guard<std::mutex> lock(mutex);
  Result<Shape *> shape = getShape(inputs, /*mayWait=*/true);
  if (!shape)
    return shape.getError();
  result = (*shape)->plan.outputShapes;
  return Error::success();
}

Error Executable::checkOutputs(const Shape &shape, const std::vector<TensorView> &outputs) const {
  const std::vector<Tensor> &tensors = getProgram().outputs;
  if (outputs.size() != tensors.size())
    return Error("expected memory for " + std::to_string(tensors.size()) + " outputs, but got " +
                 std::to_string(outputs.size()));
  for (size_t i = 0; i < outputs.size(); ++i) {
    const std::vector<int64_t> &expected = shape.plan.outputShapes[i];
    if (outputs[i].rank != expected.size() || !std::equal(expected.begin(), expected.end(), outputs[i].shape))
      return Error("expected output '" + tensors[i].name + "' to have shape " +
                   describeShape(expected.data(), expected.size()) + ", but got " +
                   describeShape(outputs[i].shape, outputs[i].rank));
  }
  return Error::success();
}

Error Executable::checkPointers(const std::vector<Tensor> &tensors, const std::vector<std::vector<int64_t>> &shapes,
                                const std::vector<TensorView> &views, const char *kind) const {
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (std::find(shapes[i].begin(), shapes[i].end(), 0) != shapes[i].end())
      continue;
    std::string what = std::string(kind) + " '" + tensors[i].name + "'";
    if (!views[i].data)
      return Error("expected data for " + what + ", but got a null pointer");
    if (reinterpret_cast<uintptr_t>(views[i].data) % tensors[i].alignment != 0)
      return Error("expected the address of " + what + " to be a multiple of " + std::to_string(tensors[i].alignment) +
                   "; copy it to memory of its own (in torch: .clone())");
  }
  return Error::success();
}

//===----------------------------------------------------------------------===//
// Pointers
//===----------------------------------------------------------------------===//

Error Executable::reserveArena(size_t size, bool isRecording) {
  if (size <= statistics.arenaBytes)
    return Error::success();
  if (isRecording)
    return Error("this run needs " + std::to_string(size) +
                 " bytes of working memory, which cannot be allocated while " +
                 "the stream is being captured; run once with these sizes before");
  // Whoever still uses the old one finishes first.
  if (hasRun)
    if (Error error = device->synchronize(lastStream))
      return error;
  if (arena && isArenaRecorded)
    retiredArenas.push_back(arena);
  else if (arena)
    device->release(arena);
  arena = nullptr;
  statistics.arenaBytes = 0;
  isArenaRecorded = false;
  Result<void *> memory = device->allocate(size);
  if (!memory)
    return Error("cannot run with these sizes: " + memory.getError().getMessage());
  arena = static_cast<char *>(*memory);
  statistics.arenaBytes = size;
  return Error::success();
}

char *Executable::getAddress(Buffer buffer, const std::vector<char *> &addresses) const {
  switch (buffer.kind) {
  case BufferKind::Input:
    return addresses[buffer.index];
  case BufferKind::Output:
    return addresses[getProgram().inputs.size() + buffer.index];
  case BufferKind::Arena:
    return addresses.back();
  case BufferKind::Weight:
    return weightAddresses[buffer.index];
  case BufferKind::Status:
    return status;
  }
  return nullptr;
}

/// Puts the addresses of this run where kernels find them.
Error Executable::bind(Shape &shape, const std::vector<TensorView> &inputs, const std::vector<TensorView> &outputs) {
  std::vector<char *> addresses;
  addresses.reserve(inputs.size() + outputs.size() + 1);
  for (const std::vector<TensorView> *views : {&inputs, &outputs})
    for (const TensorView &view : *views)
      addresses.push_back(static_cast<char *>(view.data));
  addresses.push_back(arena);
  if (addresses == shape.addresses)
    return Error::success();

  std::vector<bool> isMapStale(shape.maps.size());
  for (size_t i = 0; i < shape.maps.size(); ++i) {
    const ResolvedMap &map = shape.plan.maps[i];
    if (!shape.plan.isMapUsed[i])
      continue;
    char *address = getAddress(map.buffer, addresses) + map.offset;
    if (!shape.addresses.empty() && getAddress(map.buffer, shape.addresses) + map.offset == address)
      continue;
    if (Error error = kernels->encode(map, address, shape.maps[i])) {
      shape.addresses.clear();
      return Error("cannot make tensor map " + std::to_string(i) + " of the plan: " + error.getMessage());
    }
    isMapStale[i] = true;
  }
  size_t next = 0;
  for (size_t i = 0; i < shape.launches.size(); ++i) {
    const std::vector<Argument> &arguments = shape.launches[i].launch->arguments;
    for (size_t j = 0; j < arguments.size(); ++j, ++next) {
      const Argument &argument = arguments[j];
      if (argument.kind == ArgumentKind::TensorMap) {
        if (isMapStale[argument.map])
          shape.isStale[i] = true;
      } else if (argument.kind == ArgumentKind::Pointer) {
        uint64_t value =
            reinterpret_cast<uintptr_t>(getAddress(argument.buffer, addresses)) + shape.plan.steps[i].values[j];
        if (value != shape.values[next])
          shape.isStale[i] = true;
        shape.values[next] = value;
      }
    }
  }
  shape.addresses = std::move(addresses);
  return Error::success();
}

//===----------------------------------------------------------------------===//
// Runs
//===----------------------------------------------------------------------===//

Result<Executable::Shape *> Executable::begin(const std::vector<TensorView> &inputs,
                                              const std::vector<TensorView> &outputs, Stream stream, bool isRecording) {
  Result<Shape *> found = getShape(inputs, /*mayWait=*/!isRecording);
  if (!found)
    return found;
  Shape &shape = **found;
  if (Error error = checkOutputs(shape, outputs))
    return error;
  if (Error error = checkPointers(getProgram().inputs, shape.plan.inputShapes, inputs, "input"))
    return error;
  if (Error error = checkPointers(getProgram().outputs, shape.plan.outputShapes, outputs, "output"))
    return error;
  if (Error error = reserveArena(shape.plan.arenaSize, isRecording))
    return error;
  if (Error error = bind(shape, inputs, outputs))
    return error;
  isArenaRecorded |= isRecording;
  // Runs share the arena: one in another stream waits for the last one. What is being recorded, the caller orders.
  if (!isRecording) {
    if (hasRun && stream != lastStream)
      if (Error error = device->waitFor(stream, lastStream))
        return error;
    hasRun = true;
    lastStream = stream;
  }
  ++statistics.runs;
  return found;
}

Error Executable::launchAll(Shape &shape, Stream stream) {
  if (!options.ranges)
    return kernels->launchAll(shape.launches, stream);
  for (const StepLaunch &launch : shape.launches) {
    RangeScope range(options.ranges.get(), launch.launch->name.empty() ? launch.launch->symbol : launch.launch->name);
    if (Error error = kernels->launchAll({launch}, stream))
      return error;
  }
  return Error::success();
}

Error Executable::replay(Shape &shape, Stream stream) {
  if (shape.graph) {
    for (size_t i = 0; i < shape.launches.size() && shape.graph; ++i) {
      if (!shape.isStale[i])
        continue;
      // Without updates a graph only serves the pointers that it was made for.
      bool isUpdated = shape.graph->canUpdate() && !shape.graph->update(i, shape.launches[i]);
      if (!isUpdated) {
        shape.graph.reset();
        shape.runs = 0;
        break;
      }
      shape.isStale[i] = false;
      ++statistics.launchesUpdated;
    }
  } else if (shape.runs > 0) {
    Result<std::unique_ptr<Graph>> made = kernels->makeGraph(shape.launches);
    if (!made)
      return Error("cannot make a graph of the plan: " + made.getError().getMessage());
    shape.graph = std::move(*made);
    shape.isStale.assign(shape.launches.size(), false);
    ++statistics.graphsMade;
  }
  ++shape.runs;
  if (!shape.graph)
    return launchAll(shape, stream);
  ++statistics.graphReplays;
  return shape.graph->launch(stream);
}

Error Executable::run(const std::vector<TensorView> &inputs, const std::vector<TensorView> &outputs, Stream stream) {
  std::lock_guard<std::mutex> lock(mutex);
  RangeScope range(options.ranges.get(), getProgram().name);
  bool isRecording = device->isRecording(stream);
  Result<Shape *> found = begin(inputs, outputs, stream, isRecording);
  if (!found)
    return found.getError();
  Shape &shape = **found;
  if (shape.launches.empty())
    return Error::success();
  bool usesGraphs = options.useGraphs && !isRecording && kernels->hasGraphs();
  if (Error error = usesGraphs ? replay(shape, stream) : launchAll(shape, stream))
    return error;
  return device->isSynchronous() ? takeStatus(stream) : Error::success();
}

Error Executable::synchronize(Stream stream) {
  std::lock_guard<std::mutex> lock(mutex);
  return takeStatus(stream);
}

Error Executable::takeStatus(Stream stream) {
  StatusRecord record = {};
  if (Error error = device->copyFromDevice(&record, status, sizeof(record), stream))
    return error;
  if (record.code == 0)
    return Error::success();
  if (Error error = device->clear(status, sizeof(record), stream))
    return error;
  const std::vector<std::string> &checks = getProgram().checks;
  if (record.code < 0 || static_cast<size_t>(record.code) > checks.size())
    return Error("a kernel reported the unknown status " + std::to_string(record.code));
  std::string message = checks[record.code - 1];
  size_t place = message.find("{0}");
  if (place != std::string::npos)
    message.replace(place, 3, std::to_string(record.position));
  return Error(message);
}

Error Executable::profile(const std::vector<TensorView> &inputs, const std::vector<TensorView> &outputs, Stream stream,
                          std::vector<StepTime> &times) {
  std::lock_guard<std::mutex> lock(mutex);
  if (device->isRecording(stream))
    return Error("a run cannot be profiled while its stream is being captured");
  Result<Shape *> found = begin(inputs, outputs, stream, /*isRecording=*/false);
  if (!found)
    return found.getError();
  return profileLaunches(*device, *kernels, (*found)->launches, (*found)->plan.steps, stream, times);
}

ExecutableStatistics Executable::getStatistics() {
  std::lock_guard<std::mutex> lock(mutex);
  ExecutableStatistics result = statistics;
  result.shapesKept = shapes.size();
  return result;
}
