//===- RunModel.cpp - What et-run does --------------------------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Collects inputs (files, or seeded random numbers), runs, writes outputs and
// times calls. numpy has no bf16: such inputs are read from f32 and rounded, and
// such outputs are written as f32, which holds them exactly.
//
//===----------------------------------------------------------------------===//

#include "et/Tools/RunModel.h"

#include "et/Support/Npy.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/InterleavedRange.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/raw_ostream.h"

#include <chrono>
#include <cmath>
#include <cstring>
#include <new>
#include <random>

using namespace mlir;
using namespace mlir::et;

static llvm::Error makeError(const Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

static std::string describeShape(ArrayRef<int64_t> shape) {
  std::string text;
  llvm::raw_string_ostream(text) << '[' << llvm::interleaved(shape) << ']';
  return text;
}

/// numpy's name for \p type; that of f32 for bf16, which numpy does not have.
static StringRef getNpyType(ElementType type) {
  static constexpr StringRef names[] = {"f2", "f4", "f4", "f8", "b1", "i1", "i2", "i4", "i8"};
  return names[static_cast<unsigned>(type)];
}

llvm::Expected<HostTensor> HostTensor::allocate(ElementType type, ArrayRef<int64_t> shape) {
  HostTensor tensor;
  tensor.shape.assign(shape.begin(), shape.end());
  int64_t bytes = llvm::is_contained(shape, 0) ? 0 : getElementSize(type);
  for (int64_t size : shape)
    if (bytes != 0 && llvm::MulOverflow(bytes, size, bytes))
      return makeError("a tensor of shape " + describeShape(shape) + " has more elements than fit in memory");
  tensor.numBytes = bytes;
  tensor.data.reset(new (std::nothrow) char[std::max<int64_t>(bytes, 1)]());
  if (!tensor.data)
    return makeError("there is no memory for a tensor of shape " + describeShape(shape));
  return tensor;
}

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

static const llvm::fltSemantics *getSemantics(ElementType type) {
  if (type == ElementType::F16)
    return &llvm::APFloat::IEEEhalf();
  if (type == ElementType::BF16)
    return &llvm::APFloat::BFloat();
  return nullptr;
}

static double loadElement(ElementType type, const char *at) {
  auto as = [&](auto value) {
    std::memcpy(&value, at, sizeof(value));
    return value;
  };
  switch (type) {
  case ElementType::F16:
  case ElementType::BF16: {
    llvm::APFloat value(*getSemantics(type), llvm::APInt(16, as(uint16_t())));
    return value.convertToDouble();
  }
  case ElementType::F32:
    return as(float());
  case ElementType::F64:
    return as(double());
  case ElementType::Bool:
  case ElementType::I8:
    return as(int8_t());
  case ElementType::I16:
    return as(int16_t());
  case ElementType::I32:
    return as(int32_t());
  case ElementType::I64:
    return static_cast<double>(as(int64_t()));
  }
  llvm_unreachable("all types are covered");
}

static void storeElement(ElementType type, char *at, double value) {
  auto store = [&](auto converted) { std::memcpy(at, &converted, sizeof(converted)); };
  switch (type) {
  case ElementType::F16:
  case ElementType::BF16: {
    llvm::APFloat rounded(value);
    bool losesInfo;
    rounded.convert(*getSemantics(type), llvm::APFloat::rmNearestTiesToEven, &losesInfo);
    return store(static_cast<uint16_t>(rounded.bitcastToAPInt().getZExtValue()));
  }
  case ElementType::F32:
    return store(static_cast<float>(value));
  case ElementType::F64:
    return store(value);
  case ElementType::Bool:
  case ElementType::I8:
    return store(static_cast<int8_t>(value));
  case ElementType::I16:
    return store(static_cast<int16_t>(value));
  case ElementType::I32:
    return store(static_cast<int32_t>(value));
  case ElementType::I64:
    return store(static_cast<int64_t>(value));
  }
  llvm_unreachable("all types are covered");
}

//===----------------------------------------------------------------------===//
// Inputs
//===----------------------------------------------------------------------===//

/// Assigns \p arguments, `file` or `name=file`, to \p tensors: one path for each, empty for those without.
static llvm::Expected<std::vector<std::string>> assignFiles(ArrayRef<std::string> arguments,
                                                            ArrayRef<TensorSignature> tensors, StringRef what) {
  std::vector<std::string> paths(tensors.size());
  for (StringRef argument : arguments) {
    auto [name, path] = argument.split('=');
    auto named = llvm::find_if(tensors, [name = name](const TensorSignature &tensor) { return tensor.name == name; });
    size_t position = named - tensors.begin();
    if (path.data() == nullptr || path.empty() || named == tensors.end()) {
      // Not `name=file` with a name of this model's: a file, for the first that has none.
      if (argument.contains('=') && (what == "output" || !llvm::sys::fs::exists(argument))) {
        std::string names;
        llvm::raw_string_ostream os(names);
        llvm::interleaveComma(tensors, os, [&](const TensorSignature &tensor) { os << "'" << tensor.name << "'"; });
        return makeError("expected --" + what + " to name one of " + (names.empty() ? "none" : names) + ", but got '" +
                         argument + "'");
      }
      path = argument;
      position = llvm::find(paths, "") - paths.begin();
    }
    if (position == paths.size())
      return makeError("expected at most " + Twine(tensors.size()) + " " + what + "s, but got '" + argument + "' too");
    if (!paths[position].empty())
      return makeError("expected " + what + " '" + tensors[position].name + "' once, but got '" + paths[position] +
                       "' and '" + path + "'");
    paths[position] = path.str();
  }
  return paths;
}

/// Reads \p path for the input \p signature; shapes are checked by the program.
static llvm::Expected<HostTensor> readInput(const TensorSignature &signature, StringRef path) {
  runtime::Result<NpyArray> array = readNpy(path.str());
  if (!array)
    return makeError(array.getError().getMessage());
  StringRef expected = getNpyType(signature.elementType);
  // Small unsigned numbers are often how booleans are stored.
  if (array->type != expected)
    return makeError("expected input " + signature.describe() + " to be stored as numpy type '" + expected +
                     "', but '" + path + "' holds '" + array->type + "'" +
                     (signature.elementType == ElementType::BF16
                          ? "; numpy has no bf16, whose bits would pass for numbers: give f32, which is rounded"
                          : "; convert it with .astype('" + expected + "')"));
  if (signature.elementType != ElementType::BF16) {
    HostTensor tensor;
    tensor.shape.assign(array->shape.begin(), array->shape.end());
    tensor.numBytes = array->numBytes;
    tensor.data = std::move(array->data);
    if (signature.elementType == ElementType::Bool)
      for (size_t i = 0; i < tensor.numBytes; ++i)
        tensor.data[i] = tensor.data[i] != 0;
    return tensor;
  }
  llvm::Expected<HostTensor> tensor = HostTensor::allocate(signature.elementType, array->shape);
  if (!tensor)
    return tensor;
  for (size_t i = 0; i < tensor->numBytes / 2; ++i)
    storeElement(ElementType::BF16, tensor->data.get() + 2 * i,
                 loadElement(ElementType::F32, array->data.get() + 4 * i));
  return tensor;
}

/// Random numbers that are the same on every machine: floats from [-1, 1), integers 0 or 1, which are valid as ids, as
/// masks and as lengths.
static llvm::Expected<HostTensor> makeRandom(const TensorSignature &signature, ArrayRef<int64_t> shape,
                                             std::mt19937_64 &random) {
  llvm::Expected<HostTensor> tensor = HostTensor::allocate(signature.elementType, shape);
  if (!tensor)
    return tensor;
  int64_t elementSize = getElementSize(signature.elementType);
  bool isFloat = signature.elementType <= ElementType::F64;
  for (size_t offset = 0; offset < tensor->numBytes; offset += elementSize) {
    uint64_t bits = random();
    double value = isFloat ? static_cast<double>(bits >> 11) * 0x1p-52 - 1.0 : static_cast<double>(bits >> 63);
    storeElement(signature.elementType, tensor->data.get() + offset, value);
  }
  return tensor;
}

llvm::Expected<std::vector<HostTensor>> et::prepareInputs(const ProgramSignature &signature, const RunOptions &options,
                                                          llvm::raw_ostream &log) {
  DimSizes sizes;
  for (StringRef dim : options.dims) {
    auto [name, text] = dim.split('=');
    int64_t size;
    if (name.empty() || text.getAsInteger(10, size) || size < 0)
      return makeError("expected --dim to be name=size, but got '" + dim + "'");
    if (!sizes.try_emplace(name, size).second)
      return makeError("expected the size of dimension '" + name + "' once");
  }
  DimSizes unused = sizes;
  llvm::Expected<std::vector<std::string>> paths = assignFiles(options.inputs, signature.inputs, "input");
  if (!paths)
    return paths.takeError();

  // Files first: they say how large dimensions are that other inputs share.
  std::vector<HostTensor> tensors(signature.inputs.size());
  for (auto [input, path, tensor] : llvm::zip(signature.inputs, *paths, tensors)) {
    if (path.empty())
      continue;
    llvm::Expected<HostTensor> read = readInput(input, path);
    if (!read)
      return read.takeError();
    tensor = std::move(*read);
    for (auto [dim, name] : llvm::enumerate(input.dims))
      if (dim < tensor.shape.size() && !name.empty() && !options.dims.empty() && unused.erase(name) &&
          sizes[name] != tensor.shape[dim])
        return makeError("expected dimension '" + name + "' to be " + Twine(sizes[name]) + " by --dim, but '" + path +
                         "' has shape " + describeShape(tensor.shape));
      else if (dim < tensor.shape.size() && !name.empty())
        sizes.try_emplace(name, tensor.shape[dim]);
  }
  std::mt19937_64 random(options.seed);
  bool anyRandom = false;
  for (auto [input, path, tensor] : llvm::zip(signature.inputs, *paths, tensors)) {
    if (!path.empty())
      continue;
    SmallVector<int64_t> shape(input.shape);
    for (auto [dim, size] : llvm::enumerate(shape)) {
      if (!ShapedType::isDynamic(size))
        continue;
      std::string place = input.name + "." + std::to_string(dim);
      StringRef name = input.dims[dim];
      auto found = sizes.find(place);
      if (found == sizes.end() && !name.empty())
        found = sizes.find(name);
      if (found == sizes.end())
        return makeError("the size of dimension " + Twine(dim) + " of input " + input.describe() +
                         " is not known; give it with --dim " + (name.empty() ? StringRef(place) : name) +
                         "=N, or give the input with --input");
      unused.erase(found->first());
      size = found->second;
    }
    llvm::Expected<HostTensor> made = makeRandom(input, shape, random);
    if (!made)
      return made.takeError();
    tensor = std::move(*made);
    log << (anyRandom ? ", '" : "random inputs with --seed=" + std::to_string(options.seed) + ": '") << input.name
        << "' " << describeShape(shape);
    anyRandom = true;
  }
  if (anyRandom)
    log << '\n';
  if (!unused.empty())
    return makeError("no input has a dynamic dimension '" + unused.begin()->first() + "', whose size --dim gives");
  return tensors;
}

//===----------------------------------------------------------------------===//
// Outputs and timing
//===----------------------------------------------------------------------===//

/// Writes \p tensor, whose elements numpy calls \p type, to \p path.
static llvm::Error write(StringRef path, StringRef type, const HostTensor &tensor) {
  std::vector<int64_t> shape(tensor.shape.begin(), tensor.shape.end());
  if (runtime::Error error = writeNpy(path.str(), type.str(), shape, tensor.data.get()))
    return makeError(error.getMessage());
  return llvm::Error::success();
}

static llvm::Error writeOutput(const TensorSignature &signature, const HostTensor &tensor, StringRef path) {
  if (signature.elementType != ElementType::BF16)
    return write(path, getNpyType(signature.elementType), tensor);
  llvm::Expected<HostTensor> wide = HostTensor::allocate(ElementType::F32, tensor.shape);
  if (!wide)
    return wide.takeError();
  for (size_t i = 0; i < tensor.numBytes / 2; ++i)
    storeElement(ElementType::F32, wide->data.get() + 4 * i, loadElement(ElementType::BF16, tensor.data.get() + 2 * i));
  return write(path, "f4", *wide);
}

/// One line for people: shape, type, and the range and mean of the elements.
static void summarize(const TensorSignature &signature, const HostTensor &tensor, llvm::raw_ostream &os) {
  os << "output '" << signature.name << "' " << describeShape(tensor.shape) << ' '
     << stringifyElementType(signature.elementType);
  int64_t elementSize = getElementSize(signature.elementType);
  double low = INFINITY, high = -INFINITY, sum = 0;
  int64_t count = tensor.numBytes / elementSize, nans = 0;
  for (int64_t i = 0; i < count; ++i) {
    double value = loadElement(signature.elementType, tensor.data.get() + i * elementSize);
    nans += std::isnan(value);
    low = std::fmin(low, value);
    high = std::fmax(high, value);
    sum += value;
  }
  if (count > nans)
    os << llvm::format(": min %.6g, max %.6g, mean %.6g", low, high, sum / count);
  if (nans)
    os << ", " << nans << " not a number";
  os << '\n';
}

llvm::Error et::runModel(ModuleOp module, const RunOptions &options, llvm::raw_ostream &os) {
  using Clock = std::chrono::steady_clock;
  auto seconds = [](Clock::duration duration) { return std::chrono::duration<double>(duration).count(); };
  OwningOpRef<ModuleOp> original = options.benchmark ? OwningOpRef<ModuleOp>(module.clone()) : nullptr;
  auto compileStart = Clock::now();
  FailureOr<std::unique_ptr<Program>> compiled = compile(module, options.compile);
  if (failed(compiled))
    return makeError("the module was not compiled");
  double compileSeconds = seconds(Clock::now() - compileStart);
  Program &program = **compiled;
  const ProgramSignature &signature = program.getSignature();

  llvm::Expected<std::vector<std::string>> paths = assignFiles(options.outputs, signature.outputs, "output");
  if (!paths)
    return paths.takeError();
  llvm::Expected<std::vector<HostTensor>> inputs = prepareInputs(signature, options, os);
  if (!inputs)
    return inputs.takeError();
  SmallVector<TensorView> inputViews, outputViews;
  SmallVector<SmallVector<int64_t>> inputShapes, outputShapes;
  for (HostTensor &input : *inputs) {
    inputViews.push_back({input.data.get(), input.shape});
    inputShapes.push_back(input.shape);
  }
  if (std::optional<std::string> wrong = program.computeShapes(inputViews, outputShapes))
    return makeError(*wrong);
  std::vector<HostTensor> outputs;
  for (auto [output, shape] : llvm::zip(signature.outputs, outputShapes)) {
    llvm::Expected<HostTensor> tensor = HostTensor::allocate(output.elementType, shape);
    if (!tensor)
      return tensor.takeError();
    outputViews.push_back({tensor->data.get(), shape});
    outputs.push_back(std::move(*tensor));
  }
  if (std::optional<std::string> wrong = program.run(inputViews, outputViews))
    return makeError(*wrong);

  for (auto [output, tensor, path] : llvm::zip(signature.outputs, outputs, *paths)) {
    summarize(output, tensor, os);
    if (!path.empty())
      if (llvm::Error error = writeOutput(output, tensor, path))
        return error;
  }
  if (options.benchmark == 0)
    return llvm::Error::success();

  // The call above was the first; a tenth more of them lets caches, clocks and threads settle.
  for (unsigned i = 0; i < options.benchmark / 10 + 1; ++i)
    (void)program.run(inputViews, outputViews);
  SmallVector<double> times;
  for (unsigned i = 0; i < options.benchmark; ++i) {
    auto start = Clock::now();
    (void)program.run(inputViews, outputViews);
    times.push_back(seconds(Clock::now() - start));
  }
  llvm::sort(times);
  double median = times[times.size() / 2];
  os << llvm::format("compiled in %.3f s; %u calls on %u threads: min %.3f ms, median %.3f ms, p90 %.3f ms",
                     compileSeconds, options.benchmark, program.getThreads(), times.front() * 1e3, median * 1e3,
                     times[times.size() * 9 / 10] * 1e3);
  if (std::optional<double> flops = countFlops(*original, signature.entry, inputShapes); flops && *flops > 0)
    os << llvm::format(", %.1f GFLOP/s (%.4g MFLOP per call)", *flops / median * 1e-9, *flops * 1e-6);
  os << '\n';
  return llvm::Error::success();
}
