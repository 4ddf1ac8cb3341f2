//===- RunProgram.cpp - Runs saved programs on files ------------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The twin of RunModel.cpp for programs that are compiled already: same files,
// same random numbers, same report, and no LLVM. numpy has no bf16: such inputs
// are read from f32 and rounded, and such outputs are written as f32.
//
//===----------------------------------------------------------------------===//

#include "et/Tools/RunProgram.h"

#include "HostArray.h"
#include "et/Runtime/CPUDevice.h"
#include "et/Runtime/CUDADevice.h"
#include "et/Runtime/Executable.h"
#include "et/Support/Npy.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <random>
#include <unistd.h>

using namespace mlir::et;
using namespace mlir::et::runtime;

using Clock = std::chrono::steady_clock;

static double getMicroseconds(Clock::time_point from) {
  return std::chrono::duration<double, std::micro>(Clock::now() - from).count();
}

//===----------------------------------------------------------------------===//
// Inputs
//===----------------------------------------------------------------------===//

/// Assigns \p arguments, `file` or `name=file`, to \p tensors: one path for each, empty for those without.
static Result<std::vector<std::string>> assignFiles(const std::vector<std::string> &arguments,
                                                    const std::vector<Tensor> &tensors, const std::string &what) {
  std::vector<std::string> paths(tensors.size());
  for (const std::string &argument : arguments) {
    size_t equals = argument.find('=');
    std::string name = argument.substr(0, equals),
                path = equals == std::string::npos ? "" : argument.substr(equals + 1);
    size_t position =
        std::find_if(tensors.begin(), tensors.end(), [&](const Tensor &tensor) { return tensor.name == name; }) -
        tensors.begin();
    if (path.empty() || position == tensors.size()) {
      // Not `name=file` with a name of this program's: a file, for the first that has none.
      if (equals != std::string::npos && (what == "output" || ::access(argument.c_str(), F_OK) != 0)) {
        std::string names;
        for (const Tensor &tensor : tensors)
          names += (names.empty() ? "'" : ", '") + tensor.name + "'";
        return Error("expected --" + what + " to name one of " + (names.empty() ? "none" : names) + ", but got '" +
                     argument + "'");
      }
      path = argument;
      position = std::find(paths.begin(), paths.end(), "") - paths.begin();
    }
    if (position == paths.size())
      return Error("expected at most " + std::to_string(tensors.size()) + " " + what + "s, but got '" + argument +
                   "' too");
    if (!paths[position].empty())
      return Error("expected " + what + " '" + tensors[position].name + "' once, but got '" + paths[position] +
                   "' and '" + path + "'");
    paths[position] = path;
  }
  return paths;
}

/// Reads \p path for the input \p tensor; shapes are checked by the program.
static Result<HostArray> readInput(const Program &program, const Tensor &tensor, const std::string &path) {
  Result<NpyArray> npy = readNpy(path);
  if (!npy)
    return npy.getError();
  std::string expected = getNpyType(tensor.type);
  if (npy->type != expected)
    return Error("expected input " + describe(program, tensor) + " to be stored as numpy type '" + expected +
                 "', but '" + path + "' holds '" + npy->type + "'" +
                 (tensor.type == ElementType::BF16
                      ? "; numpy has no bf16, whose bits would pass for numbers: give f32, which is rounded"
                      : "; convert it with .astype('" + expected + "')"));
  if (tensor.type != ElementType::BF16) {
    HostArray array;
    array.shape = npy->shape;
    array.numBytes = npy->numBytes;
    array.data = std::move(npy->data);
    if (tensor.type == ElementType::Bool)
      for (size_t i = 0; i < array.numBytes; ++i)
        array.data[i] = array.data[i] != 0;
    return array;
  }
  Result<HostArray> array = HostArray::allocate(tensor.type, npy->shape);
  if (!array)
    return array;
  for (size_t i = 0; i < array->numBytes / 2; ++i)
    storeElement(ElementType::BF16, array->data.get() + 2 * i, loadElement(ElementType::F32, npy->data.get() + 4 * i));
  return array;
}

/// Random numbers that are the same on every machine: floats from [-1, 1), integers 0 or 1, which are valid as ids, as
/// masks and as lengths.
static Result<HostArray> makeRandom(const Tensor &tensor, const std::vector<int64_t> &shape, std::mt19937_64 &random) {
  Result<HostArray> array = HostArray::allocate(tensor.type, shape);
  if (!array)
    return array;
  int64_t elementSize = getSize(tensor.type);
  bool isFloat = tensor.type <= ElementType::F64;
  for (size_t offset = 0; offset < array->numBytes; offset += elementSize) {
    uint64_t bits = random();
    double value = isFloat ? static_cast<double>(bits >> 11) * 0x1p-52 - 1.0 : static_cast<double>(bits >> 63);
    storeElement(tensor.type, array->data.get() + offset, value);
  }
  return array;
}

namespace {
/// Collects the inputs of a program.
class InputCollector {
public:
  InputCollector(const Program &program, const RunProgramOptions &options)
      : program(program), options(options), symbols(program.symbols.size()) {}

  Result<std::vector<HostArray>> collect(std::FILE *out) {
    if (Error error = parseDims())
      return error;
    Result<std::vector<std::string>> paths = assignFiles(options.inputs, program.inputs, "input");
    if (!paths)
      return paths.getError();
    // Files first: they say how large dimensions are that other inputs share.
    std::vector<HostArray> arrays(program.inputs.size());
    for (size_t i = 0; i < arrays.size(); ++i)
      if (!(*paths)[i].empty())
        if (Error error = read(i, (*paths)[i], arrays[i]))
          return error;
    std::mt19937_64 random(options.seed);
    std::string made;
    for (size_t i = 0; i < arrays.size(); ++i) {
      if (!(*paths)[i].empty())
        continue;
      Result<std::vector<int64_t>> shape = getShape(program.inputs[i]);
      if (!shape)
        return shape.getError();
      Result<HostArray> array = makeRandom(program.inputs[i], *shape, random);
      if (!array)
        return array.getError();
      arrays[i] = std::move(*array);
      made += (made.empty() ? "random inputs with --seed=" + std::to_string(options.seed) + ": '" : ", '") +
              program.inputs[i].name + "' " + describeShape(shape->data(), shape->size());
    }
    if (!made.empty())
      std::fprintf(out, "%s\n", made.c_str());
    return arrays;
  }

private:
  /// The symbol that \p expr is, if it is one.
  std::optional<uint32_t> getSymbol(Expr expr) const {
    const ExprNode &node = program.expressions[expr.index];
    return node.kind == ExprKind::Symbol ? std::optional(node.lhs) : std::nullopt;
  }

  /// The symbol named \p name, or that is dimension 1 of input x when it is `x.1`.
  std::optional<uint32_t> findSymbol(const std::string &name) const {
    for (size_t i = 0; i < program.symbols.size(); ++i)
      if (program.symbols[i].name == name)
        return i;
    for (const Tensor &tensor : program.inputs)
      for (size_t dim = 0; dim < tensor.shape.size(); ++dim)
        if (tensor.name + "." + std::to_string(dim) == name)
          return getSymbol(tensor.shape[dim]);
    return std::nullopt;
  }

  Error parseDims() {
    for (const std::string &dim : options.dims) {
      size_t equals = dim.rfind('=');
      std::string name = dim.substr(0, equals), digits = equals == std::string::npos ? "" : dim.substr(equals + 1);
      if (name.empty() || digits.empty() || digits.size() > 18 ||
          digits.find_first_not_of("0123456789") != std::string::npos)
        return Error("expected --dim to be name=size, but got '" + dim + "'");
      std::optional<uint32_t> symbol = findSymbol(name);
      if (!symbol)
        return Error("no input has a dynamic dimension '" + name + "', whose size --dim gives");
      if (symbols[*symbol])
        return Error("expected the size of dimension '" + name + "' once");
      symbols[*symbol] = std::stoll(digits);
    }
    return Error::success();
  }

  Error read(size_t i, const std::string &path, HostArray &array) {
    const Tensor &tensor = program.inputs[i];
    Result<HostArray> found = readInput(program, tensor, path);
    if (!found)
      return found.getError();
    array = std::move(*found);
    for (size_t dim = 0; dim < std::min(tensor.shape.size(), array.shape.size()); ++dim)
      if (std::optional<uint32_t> symbol = getSymbol(tensor.shape[dim]); symbol && !symbols[*symbol])
        symbols[*symbol] = array.shape[dim];
    return Error::success();
  }

  Result<std::vector<int64_t>> getShape(const Tensor &tensor) const {
    std::vector<int64_t> values;
    for (std::optional<int64_t> value : symbols)
      values.push_back(value.value_or(0));
    for (size_t i = 0; i < symbols.size(); ++i)
      if (!symbols[i])
        return Error("the size of dimension '" + program.symbols[i].name + "' is not known; give it with --dim " +
                     program.symbols[i].name + "=N, or give an input that has it with --input");
    return Evaluation(program, std::move(values)).getShape(tensor, "input");
  }

  const Program &program;
  const RunProgramOptions &options;
  std::vector<std::optional<int64_t>> symbols;
};
} // namespace

//===----------------------------------------------------------------------===//
// Reports
//===----------------------------------------------------------------------===//

/// One line for people: shape, type, and the range and mean of the elements.
static void summarize(const Tensor &tensor, const HostArray &array, std::FILE *out) {
  int64_t elementSize = getSize(tensor.type), count = array.numBytes / elementSize, nans = 0;
  double low = INFINITY, high = -INFINITY, sum = 0;
  for (int64_t i = 0; i < count; ++i) {
    double value = loadElement(tensor.type, array.data.get() + i * elementSize);
    nans += std::isnan(value);
    low = std::fmin(low, value);
    high = std::fmax(high, value);
    sum += value;
  }
  std::fprintf(out, "output '%s' %s %s", tensor.name.c_str(),
               describeShape(array.shape.data(), array.shape.size()).c_str(), getName(tensor.type));
  if (count > nans)
    std::fprintf(out, ": min %.6g, max %.6g, mean %.6g", low, high, sum / count);
  if (nans)
    std::fprintf(out, ", %lld not a number", static_cast<long long>(nans));
  std::fprintf(out, "\n");
}

static Error writeOutput(const Tensor &tensor, const HostArray &array, const std::string &path) {
  if (tensor.type != ElementType::BF16)
    return writeNpy(path, getNpyType(tensor.type), array.shape, array.data.get());
  Result<HostArray> wide = HostArray::allocate(ElementType::F32, array.shape);
  if (!wide)
    return wide.getError();
  for (size_t i = 0; i < array.numBytes / 2; ++i)
    storeElement(ElementType::F32, wide->data.get() + 4 * i, loadElement(ElementType::BF16, array.data.get() + 2 * i));
  return writeNpy(path, "f4", wide->shape, wide->data.get());
}

/// What a program holds.
static void describeProgram(const Program &program, std::FILE *out) {
  std::fprintf(out, "program '%s', written by %s\n", program.name.c_str(), program.producer.c_str());
  for (const Symbol &symbol : program.symbols) {
    std::string range = "at least " + std::to_string(symbol.min);
    if (symbol.max != INT64_MAX)
      range = std::to_string(symbol.min) + " to " + std::to_string(symbol.max);
    if (symbol.multiple != 1)
      range += ", a multiple of " + std::to_string(symbol.multiple);
    std::fprintf(out, "  size %s: %s\n", symbol.name.c_str(), range.c_str());
  }
  for (const Tensor &tensor : program.inputs)
    std::fprintf(out, "  input %s\n", describe(program, tensor).c_str());
  for (const Tensor &tensor : program.outputs)
    std::fprintf(out, "  output %s\n", describe(program, tensor).c_str());
  uint64_t bytes = 0;
  for (const Weight &weight : program.weights)
    bytes += weight.size;
  std::fprintf(out, "  %zu weights, %llu bytes\n", program.weights.size(), static_cast<unsigned long long>(bytes));
  static const char *const kinds[] = {"cubin", "PTX", "object"};
  for (const Plan &plan : program.plans) {
    std::fprintf(out, "  plan for %s: %zu steps, %zu tensor maps;", plan.target.c_str(), plan.steps.size(),
                 plan.maps.size());
    for (const Module &module : plan.modules)
      for (uint32_t code : module.code)
        std::fprintf(out, " %s %s (%zu bytes)", kinds[static_cast<unsigned>(program.code[code].kind)],
                     program.code[code].target.c_str(), program.code[code].bytes.size());
    std::fprintf(out, "\n");
    for (const Launch &launch : plan.steps)
      std::fprintf(out, "    %s: %s, %u threads, %u bytes of shared memory%s%s\n", launch.name.c_str(),
                   launch.symbol.c_str(), launch.threads, launch.sharedBytes,
                   launch.clusterSize > 1 ? (", clusters of " + std::to_string(launch.clusterSize)).c_str() : "",
                   launch.programmatic ? ", programmatic" : "");
  }
}

//===----------------------------------------------------------------------===//
// Runs
//===----------------------------------------------------------------------===//

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
  Error profile(std::FILE *out);

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

Error Session::profile(std::FILE *out) {
  constexpr int rounds = 10;
  std::vector<StepTime> steps;
  std::vector<std::vector<double>> times;
  for (int round = 0; round < rounds; ++round) {
    if (Error error = executable->profile(inputViews, outputViews, stream, steps))
      return error;
    times.resize(steps.size());
    for (size_t i = 0; i < steps.size(); ++i)
      times[i].push_back(steps[i].microseconds);
  }
  double total = 0;
  std::fprintf(out, "median of %d rounds, each step on its own (no overlap with its neighbours, launch included):\n",
               rounds);
  for (size_t i = 0; i < steps.size(); ++i) {
    std::sort(times[i].begin(), times[i].end());
    double median = times[i][rounds / 2];
    total += median;
    std::fprintf(out, "%10.2f us  %s (%s)\n", median, steps[i].name.c_str(), steps[i].symbol.c_str());
  }
  std::fprintf(out, "%10.2f us  in %zu steps\n", total, steps.size());
  return Error::success();
}

Error Session::run(std::shared_ptr<const LoadedProgram> loaded, const RunProgramOptions &options, std::FILE *out) {
  const Program &program = loaded->getProgram();
  Result<std::vector<std::string>> paths = assignFiles(options.outputs, program.outputs, "output");
  if (!paths)
    return paths.getError();
  Result<std::vector<HostArray>> inputs = InputCollector(program, options).collect(out);
  if (!inputs)
    return inputs.getError();

  Clock::time_point start = Clock::now();
  ExecutableOptions executableOptions;
  executableOptions.useGraphs = options.useGraphs;
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
    summarize(program.outputs[i], outputs[i], out);
    if (!(*paths)[i].empty())
      if (Error error = writeOutput(program.outputs[i], outputs[i], (*paths)[i]))
        return error;
  }
  if (options.benchmark > 0)
    if (Error error = benchmark(options.benchmark, out))
      return error;
  if (options.profile)
    return profile(out);
  return Error::success();
}

bool mlir::et::isSavedProgram(const std::string &path) {
  return path.size() > 4 && path.compare(path.size() - 4, 4, ".etp") == 0;
}

/// The device that \p options name for \p program.
static Result<std::shared_ptr<Device>> createDevice(const Program &program, const RunProgramOptions &options) {
  bool isForGPU = std::any_of(program.plans.begin(), program.plans.end(),
                              [](const Plan &plan) { return plan.device == DeviceKind::CUDA; });
  int number = options.device.value_or(isForGPU ? 0 : RunProgramOptions::kCPU);
  if (number != RunProgramOptions::kCPU)
    return createCUDADevice(number);
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
