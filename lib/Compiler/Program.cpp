//===- Program.cpp - A compiled model that runs in this process -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Calls go through the C interface of the generated functions: a memref is
// passed as a pointer to its descriptor, and everything else by value; the
// packed entry points take an array of pointers to these.
//
//===----------------------------------------------------------------------===//

#include "et/Compiler/Program.h"

#include "mlir/ExecutionEngine/ExecutionEngine.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace mlir::et;

namespace {
/// Arguments of one call in the form of the packed entry points.
class CallFrame {
public:
  explicit CallFrame(size_t numMemRefs) {
    // Pointers to elements are taken: nothing may move.
    descriptors.reserve(numMemRefs);
    pointers.reserve(numMemRefs);
    scalars.reserve(4);
  }

  /// Adds a contiguous memref.
  void addMemRef(void *data, ArrayRef<int64_t> shape) {
    SmallVector<int64_t, 12> &descriptor = descriptors.emplace_back();
    int64_t address = reinterpret_cast<int64_t>(data);
    descriptor.append({address, address, 0});
    llvm::append_range(descriptor, shape);
    size_t strides = descriptor.size();
    descriptor.resize(strides + shape.size());
    int64_t stride = 1;
    for (size_t i = shape.size(); i-- > 0;) {
      descriptor[strides + i] = stride;
      stride *= shape[i];
    }
    pointers.push_back(descriptor.data());
    arguments.push_back(&pointers.back());
  }

  void addInt32(int32_t value) {
    scalars.push_back(value);
    arguments.push_back(&scalars.back());
  }

  void **data() { return arguments.data(); }

private:
  SmallVector<SmallVector<int64_t, 12>> descriptors;
  SmallVector<void *> pointers;
  SmallVector<int32_t, 4> scalars;
  SmallVector<void *> arguments;
};
} // namespace

Program::Program(ProgramSignature signature, WeightsSection weights, std::unique_ptr<ExecutionEngine> engine,
                 unsigned threads)
    : signature(std::move(signature)), weights(std::move(weights)), engine(std::move(engine)), threads(threads) {
  auto lookup = [&](const std::string &name) {
    return llvm::cantFail(this->engine->lookupPacked("_mlir_ciface_" + name));
  };
  runFunction = lookup(this->signature.entry);
  sizesFunction = lookup(this->signature.entry + ".sizes");
}

Program::~Program() = default;

void Program::setThreads(unsigned count) {
  std::lock_guard<std::mutex> lock(mutex);
  threads = std::max(1u, count);
}

static std::string describeShape(ArrayRef<int64_t> shape) {
  std::string text = "[";
  for (auto [i, size] : llvm::enumerate(shape))
    text += (i ? ", " : "") + std::to_string(size);
  return text + "]";
}

std::optional<std::string> Program::checkInputs(ArrayRef<TensorView> inputs) const {
  if (inputs.size() != signature.inputs.size())
    return "expected " + std::to_string(signature.inputs.size()) + " inputs, but got " + std::to_string(inputs.size());
  // Size of each named dimension, and the input it was first seen on.
  llvm::StringMap<std::pair<int64_t, const TensorSignature *>> sizes;
  for (auto [expected, input] : llvm::zip(signature.inputs, inputs)) {
    if (input.shape.size() != expected.shape.size())
      return "expected input " + expected.describe() + " to have " + std::to_string(expected.shape.size()) +
             " dimensions, but its shape is " + describeShape(input.shape);
    for (auto [dim, size] : llvm::enumerate(input.shape)) {
      if (size < 0)
        return "expected sizes of input '" + expected.name + "' not to be negative, but its shape is " +
               describeShape(input.shape);
      if (!ShapedType::isDynamic(expected.shape[dim])) {
        if (size != expected.shape[dim])
          return "expected dimension " + std::to_string(dim) + " of input " + expected.describe() + " to be " +
                 std::to_string(expected.shape[dim]) + ", but its shape is " + describeShape(input.shape);
        continue;
      }
      if (expected.dims[dim].empty())
        continue;
      auto [known, isNew] = sizes.try_emplace(expected.dims[dim], size, &expected);
      if (!isNew && known->second.first != size)
        return "expected dimension '" + expected.dims[dim] + "' to be the same in inputs '" +
               known->second.second->name + "' and '" + expected.name + "', but got " +
               std::to_string(known->second.first) + " and " + std::to_string(size);
    }
    int64_t numElements = 1;
    for (int64_t size : input.shape)
      numElements *= size;
    if (!input.data && numElements > 0)
      return "expected data for input '" + expected.name + "', but got a null pointer";
  }
  return std::nullopt;
}

void Program::callSizes(ArrayRef<TensorView> inputs, SmallVectorImpl<int64_t> &sizes) {
  size_t count = 1;
  for (const TensorSignature &output : signature.outputs)
    count += output.shape.size();
  sizes.assign(count, 0);
  CallFrame frame(inputs.size() + 1);
  for (const TensorView &input : inputs)
    frame.addMemRef(input.data, input.shape);
  frame.addInt32(threads);
  frame.addMemRef(sizes.data(), static_cast<int64_t>(count));
  sizesFunction(frame.data());
}

std::optional<std::string> Program::computeShapes(ArrayRef<TensorView> inputs,
                                                  SmallVectorImpl<SmallVector<int64_t>> &shapes) {
  if (std::optional<std::string> wrong = checkInputs(inputs))
    return wrong;
  SmallVector<int64_t> sizes;
  callSizes(inputs, sizes);
  ArrayRef<int64_t> rest = ArrayRef(sizes).drop_front();
  shapes.clear();
  for (const TensorSignature &output : signature.outputs) {
    shapes.emplace_back(rest.take_front(output.shape.size()));
    rest = rest.drop_front(output.shape.size());
  }
  return std::nullopt;
}

std::optional<std::string> Program::reserveArena(size_t size) {
  if (size <= arenaSize)
    return std::nullopt;
  arena = WeightsSection();
  arenaSize = 0;
  FailureOr<WeightsSection> larger = WeightsSection::allocate(size);
  if (failed(larger))
    return "no memory for the " + std::to_string(size) + " bytes that this call works in; use smaller inputs";
  arena = std::move(*larger);
  arenaSize = size;
  return std::nullopt;
}

std::optional<std::string> Program::run(ArrayRef<TensorView> inputs, ArrayRef<TensorView> outputs) {
  if (std::optional<std::string> wrong = checkInputs(inputs))
    return wrong;
  std::lock_guard<std::mutex> lock(mutex);
  SmallVector<int64_t> sizes;
  callSizes(inputs, sizes);
  if (outputs.size() != signature.outputs.size())
    return "expected memory for " + std::to_string(signature.outputs.size()) + " outputs, but got " +
           std::to_string(outputs.size());
  ArrayRef<int64_t> rest = ArrayRef(sizes).drop_front();
  for (auto [expected, output] : llvm::zip(signature.outputs, outputs)) {
    ArrayRef<int64_t> shape = rest.take_front(expected.shape.size());
    if (ArrayRef<int64_t>(output.shape) != shape)
      return "expected output '" + expected.name + "' to have shape " + describeShape(shape) + ", but got " +
             describeShape(output.shape);
    rest = rest.drop_front(expected.shape.size());
  }
  if (std::optional<std::string> wrong = reserveArena(sizes[0]))
    return wrong;

  CallFrame frame(inputs.size() + outputs.size() + 3);
  for (const TensorView &input : inputs)
    frame.addMemRef(input.data, input.shape);
  for (auto [expected, output] : llvm::zip(signature.outputs, outputs)) {
    int64_t bytes = getElementSize(expected.elementType);
    for (int64_t size : output.shape)
      bytes *= size;
    frame.addMemRef(output.data, bytes);
  }
  frame.addMemRef(arena.data(), static_cast<int64_t>(arenaSize));
  frame.addMemRef(weights.data(), static_cast<int64_t>(weights.size()));
  int64_t status[2] = {0, 0};
  frame.addMemRef(status, 2);
  frame.addInt32(threads);
  runFunction(frame.data());
  // The one error a kernel can meet: et.embedding.
  if (status[0] != 0)
    return "index " + std::to_string(status[1]) + " is out of range of the embedding table it selects from";
  return std::nullopt;
}
