//===- ProgramWriter.cpp - What plans of all devices have in common -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ProgramWriter.h"

#include "et/Dialect/ET/IR/ET.h"

#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace mlir::et;
using runtime::Buffer;
using runtime::Expr;

// The two enums list the same types in the same order.
static_assert(static_cast<int>(ElementType::I64) == static_cast<int>(runtime::ElementType::I64) &&
              static_cast<int>(ElementType::Bool) == static_cast<int>(runtime::ElementType::Bool));
static runtime::ElementType convert(ElementType type) { return static_cast<runtime::ElementType>(type); }

/// The element type of a program for \p type, a type of weights and tensor maps.
std::optional<runtime::ElementType> et::getProgramElementType(Type type) {
  using Kind = runtime::ElementType;
  if (type.isF16())
    return Kind::F16;
  if (type.isBF16())
    return Kind::BF16;
  if (type.isF32())
    return Kind::F32;
  if (type.isF64())
    return Kind::F64;
  if (!type.isIntOrIndex())
    return std::nullopt;
  switch (type.isIndex() ? 64 : type.getIntOrFloatBitWidth()) {
  case 1:
    return Kind::Bool;
  case 8:
    return Kind::I8;
  case 16:
    return Kind::I16;
  case 32:
    return Kind::I32;
  case 64:
    return Kind::I64;
  default:
    return std::nullopt;
  }
}

ProgramWriter::ProgramWriter(const ProgramSignature &signature, uint32_t alignment)
    : signature(signature), alignment(alignment), builder(std::make_shared<runtime::ProgramBuilder>(signature.entry)) {
  // The address of every input is that of a tensor of its own.
  addInputs();
}

LogicalResult ProgramWriter::addWeights(ModuleOp module, const WeightsSection &section) {
  places.clear();
  for (auto weight : module.getOps<WeightOp>()) {
    MemRefType type = weight.getStorageType();
    std::optional<runtime::ElementType> element = getProgramElementType(type.getElementType());
    if (!element)
      return weight.emitOpError("cannot be part of a saved program: its type is ") << weight.getTensorType();
    int64_t offset = *weight.getOffset(), size = weight.getStorageSize();
    StringRef bytes(section.data() + offset, size);
    auto known = llvm::find_if(knownWeights, [&](const KnownWeight &other) {
      return other.name == weight.getSymName() && other.type == type && other.bytes == bytes;
    });
    if (known != knownWeights.end()) {
      places.push_back({offset, size, known->index});
      continue;
    }
    std::vector<int64_t> shape(type.getShape());
    uint32_t index = builder->addWeight(weight.getSymName().str(), *element, shape, bytes.data(), size);
    knownWeights.push_back({weight.getSymName().str(), type, bytes, index});
    places.push_back({offset, size, index});
  }
  return success();
}

/// Dimensions of one name are one symbol; those without a name are symbols of their own.
void ProgramWriter::addInputs() {
  auto nameOf = [](const TensorSignature &input, size_t dim) {
    return input.dims[dim].empty() ? input.name + "." + std::to_string(dim) : input.dims[dim];
  };
  // Whatever one dimension needs holds for all of its name.
  llvm::StringMap<int64_t> least;
  for (const TensorSignature &input : signature.inputs)
    for (auto [dim, size] : llvm::enumerate(input.minSizes)) {
      int64_t &known = least[nameOf(input, dim)];
      known = std::max(known, size);
    }
  llvm::StringMap<Expr> symbols;
  for (const TensorSignature &input : signature.inputs) {
    runtime::Tensor tensor;
    tensor.name = input.name;
    tensor.type = convert(input.elementType);
    tensor.alignment = alignment;
    SmallVector<Expr> &shape = inputShapes.emplace_back();
    for (auto [dim, size] : llvm::enumerate(input.shape)) {
      if (!ShapedType::isDynamic(size)) {
        shape.push_back(builder->constant(size));
        continue;
      }
      std::string name = nameOf(input, dim);
      auto known = symbols.find(name);
      if (known == symbols.end()) {
        runtime::Symbol symbol;
        symbol.name = name;
        symbol.min = least.lookup(name);
        known = symbols.try_emplace(name, builder->addSymbol(symbol)).first;
      }
      shape.push_back(known->second);
    }
    tensor.shape.assign(shape.begin(), shape.end());
    builder->addInput(std::move(tensor));
  }
}

/// Says what the arguments of \p function are: inputs, and then, of @<entry>.sizes, the number of threads and where the
/// sizes go; of @<entry>, the outputs, the arena, the weights, the status and the number of threads.
LogicalResult ProgramWriter::bindArguments(LaunchEvaluator &evaluator, func::FuncOp function, bool isSizes) {
  size_t numInputs = signature.inputs.size(), numOutputs = signature.outputs.size();
  if (function.getNumArguments() != numInputs + (isSizes ? 2 : numOutputs + 4))
    return function.emitError("expected a planned function with ")
           << numInputs << " inputs and " << numOutputs << " outputs, but it has " << function.getNumArguments()
           << " arguments";
  Expr zero = builder->constant(0);
  auto setBytes = [&](unsigned argument, Buffer buffer) {
    BufferView view;
    view.buffer = buffer;
    view.base = view.offset = zero;
    // Its length is not asked for: sizes come from inputs.
    view.sizes = {zero};
    view.strides = {builder->constant(1)};
    evaluator.setBuffer(function.getArgument(argument), std::move(view));
  };
  for (size_t i = 0; i < numInputs; ++i) {
    BufferView view;
    view.buffer = Buffer::input(i);
    view.base = view.offset = zero;
    view.sizes = inputShapes[i];
    view.elementBytes = getElementSize(signature.inputs[i].elementType);
    evaluator.setContiguousStrides(view);
    evaluator.setBuffer(function.getArgument(i), std::move(view));
  }
  // Scratch memory of threads is not part of the arena of a program.
  if (isSizes) {
    evaluator.setInteger(function.getArgument(numInputs), zero);
    return success();
  }
  for (size_t i = 0; i < numOutputs; ++i)
    setBytes(numInputs + i, Buffer::output(i));
  setBytes(numInputs + numOutputs, Buffer::arena());
  evaluator.setWeights(function.getArgument(numInputs + numOutputs + 1));
  setBytes(numInputs + numOutputs + 2, Buffer::status());
  evaluator.setInteger(function.getArgument(numInputs + numOutputs + 3), zero);
  return success();
}

/// Reads the size of the arena and the shapes of the outputs from what \p sizes stores.
LogicalResult ProgramWriter::addOutputs(func::FuncOp sizes) {
  LaunchEvaluator evaluator(*builder, places);
  if (failed(bindArguments(evaluator, sizes, /*isSizes=*/true)))
    return failure();
  SmallVector<std::optional<Expr>> stored(1);
  for (const TensorSignature &output : signature.outputs)
    stored.resize(stored.size() + output.shape.size());
  for (auto store : sizes.getBody().front().getOps<memref::StoreOp>()) {
    std::optional<int64_t> position = getConstantIntValue(store.getIndices().front());
    FailureOr<Expr> value = evaluator.getExpr(store.getValueToStore());
    if (failed(value))
      return failure();
    if (!position || *position >= static_cast<int64_t>(stored.size()))
      return store.emitOpError("expected a position among the sizes of the outputs");
    stored[*position] = *value;
  }
  if (!llvm::all_of(stored, [](auto &expr) { return expr.has_value(); }))
    return sizes.emitError("expected every size of the outputs to be stored");
  // Modules of one plan share the arena: one of them runs.
  arenaSize = arenaSize ? builder->max(*arenaSize, *stored.front()) : *stored.front();
  plan->setArenaSize(*arenaSize);
  if (hasOutputs)
    return success();
  hasOutputs = true;
  ArrayRef<std::optional<Expr>> rest = ArrayRef(stored).drop_front();
  for (const TensorSignature &output : signature.outputs) {
    runtime::Tensor tensor;
    tensor.name = output.name;
    tensor.type = convert(output.elementType);
    tensor.alignment = alignment;
    for (std::optional<Expr> size : rest.take_front(output.shape.size()))
      tensor.shape.push_back(*size);
    rest = rest.drop_front(output.shape.size());
    builder->addOutput(std::move(tensor));
  }
  return success();
}

LogicalResult ProgramWriter::beginPlan(ModuleOp module, const WeightsSection &section, runtime::DeviceKind device,
                                       std::string target) {
  plan = &builder->addPlan(device, std::move(target));
  arenaSize.reset();
  return setModule(module, section);
}

LogicalResult ProgramWriter::continuePlan(ModuleOp module, const WeightsSection &section) {
  assert(plan && "expected a plan to go on with");
  return setModule(module, section);
}

LogicalResult ProgramWriter::setModule(ModuleOp module, const WeightsSection &section) {
  function = module.lookupSymbol<func::FuncOp>(signature.entry);
  auto sizes = module.lookupSymbol<func::FuncOp>(signature.entry + ".sizes");
  if (!function || !sizes)
    return module.emitError("expected a planned function '") << signature.entry << "' and its sizes";
  if (failed(addWeights(module, section)) || failed(addOutputs(sizes)))
    return failure();
  evaluator = std::make_unique<LaunchEvaluator>(*builder, places);
  return bindArguments(*evaluator, function, /*isSizes=*/false);
}
