//===- SavedProgram.cpp - From kernels and launches to a saved program -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Walks the host function, whose ops are sizes, views, tensor maps and launches,
// and adds a step per launch. @<entry>.sizes says how large the arena and the
// outputs are.
//
//===----------------------------------------------------------------------===//

#include "et/Compiler/SavedProgram.h"

#include "LaunchEvaluator.h"
#include "et/Dialect/ET/IR/ET.h"
#include "et/Target/NVIDIA/Serialize.h"
#include "et/Version.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/StringMap.h"

#define DEBUG_TYPE "et-compile"

using namespace mlir;
using namespace mlir::et;
using runtime::Argument;
using runtime::Buffer;
using runtime::Expr;

FailureOr<KernelCode> et::compileKernels(ModuleOp module, StringRef chip, bool assemble) {
  FailureOr<nvidia::SM> sm = nvidia::SM::get(chip);
  if (failed(sm))
    return module.emitError("expected a target such as cuda:sm_90a, but got an unknown architecture, '") << chip << "'";
  KernelCode code;
  code.chip = sm->chip.str();
  auto kernels = llvm::to_vector(module.getOps<gpu::GPUModuleOp>());
  if (kernels.empty())
    return code;
  FailureOr<std::string> ptx = nvidia::translateToPTX(kernels.front(), *sm);
  if (failed(ptx))
    return failure();
  code.ptx = std::move(*ptx);
  if (!assemble)
    return code;
  std::optional<std::string> ptxas = nvidia::findPtxas(nvidia::PtxasSearch::fromEnvironment());
  if (!ptxas) {
    remark::missed(module.getLoc(), remark::RemarkOpts::name("NoPtxas").category(DEBUG_TYPE))
        << remark::reason("the program holds PTX only, which the driver compiles when it is loaded: there is no ptxas")
        << remark::suggest("install the CUDA toolkit or PyPI's nvidia-cuda-nvcc, or name a ptxas with ET_PTXAS");
    return code;
  }
  nvidia::AssemblyReport report;
  FailureOr<std::string> cubin = nvidia::assemblePTX(module.getLoc(), code.ptx, *sm, *ptxas, &report);
  if (failed(cubin))
    return failure();
  code.cubin = std::move(*cubin);
  for (const nvidia::KernelReport &kernel : report.kernels)
    if (kernel.spillStoreBytes || kernel.spillLoadBytes)
      remark::missed(module.getLoc(), remark::RemarkOpts::name("Spills").category(DEBUG_TYPE))
          << remark::reason("kernel {0} keeps {1} bytes of registers in memory", kernel.name, kernel.spillStoreBytes);
  return code;
}

// The two enums list the same types in the same order.
static_assert(static_cast<int>(ElementType::I64) == static_cast<int>(runtime::ElementType::I64) &&
              static_cast<int>(ElementType::Bool) == static_cast<int>(runtime::ElementType::Bool));
static runtime::ElementType convert(ElementType type) { return static_cast<runtime::ElementType>(type); }

/// The element type of a program for \p type, a type of weights and tensor maps.
static std::optional<runtime::ElementType> getElementType(Type type) {
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

namespace {
/// Writes one program.
class ProgramWriter {
public:
  ProgramWriter(ModuleOp module, const ProgramSignature &signature, const KernelCode &code)
      : module(module), signature(signature), code(code), builder(signature.entry),
        plan(builder.addPlan(runtime::DeviceKind::CUDA, code.chip)) {}

  FailureOr<std::string> write(const WeightsSection &weights);

private:
  LogicalResult addWeights(const WeightsSection &section);
  void addInputs();
  LogicalResult addOutputs(func::FuncOp sizes);
  LogicalResult bindArguments(LaunchEvaluator &evaluator, func::FuncOp function, bool isSizes);
  LogicalResult addLaunch(LaunchEvaluator &evaluator, gpu::LaunchFuncOp op);
  LogicalResult addWork(LaunchEvaluator &evaluator, WorkOp work, runtime::Launch &launch);
  FailureOr<Argument> getArgument(LaunchEvaluator &evaluator, Value operand);

  ModuleOp module;
  const ProgramSignature &signature;
  const KernelCode &code;
  runtime::ProgramBuilder builder;
  runtime::PlanBuilder &plan;
  SmallVector<SmallVector<Expr>> inputShapes;
  SmallVector<WeightPlace> places;
  uint32_t kernels = 0;
};
} // namespace

LogicalResult ProgramWriter::addWeights(const WeightsSection &section) {
  for (auto weight : module.getOps<WeightOp>()) {
    RankedTensorType type = weight.getTensorType();
    std::optional<runtime::ElementType> element = getElementType(type.getElementType());
    if (!element || type.getEncoding())
      return weight.emitOpError("cannot be part of a saved program: its type is ") << type;
    int64_t offset = *weight.getOffset(), size = weight.getStorageSize();
    uint32_t index = builder.addWeight(weight.getSymName().str(), *element, std::vector<int64_t>(type.getShape()),
                                       section.data() + offset, size);
    places.push_back({offset, size, index});
  }
  return success();
}

/// Dimensions of one name are one symbol; those without a name are symbols of their own.
void ProgramWriter::addInputs() {
  llvm::StringMap<Expr> symbols;
  for (const TensorSignature &input : signature.inputs) {
    runtime::Tensor tensor;
    tensor.name = input.name;
    tensor.type = convert(input.elementType);
    SmallVector<Expr> &shape = inputShapes.emplace_back();
    for (auto [dim, size] : llvm::enumerate(input.shape)) {
      if (!ShapedType::isDynamic(size)) {
        shape.push_back(builder.constant(size));
        continue;
      }
      std::string name = input.dims[dim].empty() ? input.name + "." + std::to_string(dim) : input.dims[dim];
      auto known = symbols.find(name);
      if (known == symbols.end()) {
        runtime::Symbol symbol;
        symbol.name = name;
        known = symbols.try_emplace(name, builder.addSymbol(symbol)).first;
      }
      shape.push_back(known->second);
    }
    tensor.shape.assign(shape.begin(), shape.end());
    builder.addInput(std::move(tensor));
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
  Expr zero = builder.constant(0);
  auto setBytes = [&](unsigned argument, Buffer buffer) {
    BufferView view;
    view.buffer = buffer;
    view.base = view.offset = zero;
    // Its length is not asked for: sizes come from inputs.
    view.sizes = {zero};
    view.strides = {builder.constant(1)};
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
  // Kernels have no scratch memory of host threads.
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
  LaunchEvaluator evaluator(builder, places);
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
  plan.setArenaSize(*stored.front());
  ArrayRef<std::optional<Expr>> rest = ArrayRef(stored).drop_front();
  for (const TensorSignature &output : signature.outputs) {
    runtime::Tensor tensor;
    tensor.name = output.name;
    tensor.type = convert(output.elementType);
    for (std::optional<Expr> size : rest.take_front(output.shape.size()))
      tensor.shape.push_back(*size);
    rest = rest.drop_front(output.shape.size());
    builder.addOutput(std::move(tensor));
  }
  return success();
}

FailureOr<Argument> ProgramWriter::getArgument(LaunchEvaluator &evaluator, Value operand) {
  if (isa<MemRefType>(operand.getType())) {
    FailureOr<BufferView> view = evaluator.getView(operand);
    if (failed(view))
      return failure();
    return Argument::pointer(view->buffer, evaluator.getByteOffset(*view));
  }
  if (auto map = operand.getDefiningOp<TensorMapOp>()) {
    FailureOr<BufferView> view = evaluator.getView(map.getView());
    std::optional<runtime::ElementType> type =
        getElementType(cast<MemRefType>(map.getView().getType()).getElementType());
    if (failed(view) || !type)
      return failure();
    runtime::TensorMap result;
    result.buffer = view->buffer;
    result.offset = evaluator.getByteOffset(*view);
    result.type = *type;
    // A tensor map counts from the innermost dimension.
    result.sizes.assign(view->sizes.rbegin(), view->sizes.rend());
    for (Expr stride : llvm::reverse(ArrayRef(view->strides).drop_back()))
      result.strides.push_back(builder.mul(stride, builder.constant(view->elementBytes)));
    result.box.assign(map.getBox().rbegin(), map.getBox().rend());
    result.swizzle = map.getSwizzle();
    return Argument::tensorMap(plan.addTensorMap(std::move(result)));
  }
  if (operand.getType().isInteger(32) || operand.getType().isInteger(64) || operand.getType().isIndex()) {
    FailureOr<Expr> value = evaluator.getExpr(operand);
    if (failed(value))
      return failure();
    return operand.getType().isInteger(32) ? Argument::i32(*value) : Argument::i64(*value);
  }
  return emitError(operand.getLoc(), "cannot be an argument of a kernel in a saved program: its type is ")
         << operand.getType();
}

LogicalResult ProgramWriter::addWork(LaunchEvaluator &evaluator, WorkOp work, runtime::Launch &launch) {
  for (auto [value, count] : {std::pair(work.getBytes(), &launch.bytes), std::pair(work.getFlops(), &launch.flops)}) {
    if (!value)
      continue;
    FailureOr<Expr> expr = evaluator.getExpr(value);
    if (failed(expr))
      return failure();
    *count = *expr;
  }
  launch.math = work.getTensor() ? runtime::MathUnit::Tensor : runtime::MathUnit::Vector;
  return success();
}

LogicalResult ProgramWriter::addLaunch(LaunchEvaluator &evaluator, gpu::LaunchFuncOp op) {
  runtime::Launch launch;
  auto name = op->getAttrOfType<StringAttr>("et.name");
  launch.name = name ? name.str() : op.getKernelName().str();
  launch.module = kernels;
  launch.symbol = op.getKernelName().str();
  gpu::KernelDim3 grid = op.getGridSizeOperandValues();
  for (auto [i, size] : llvm::enumerate(ArrayRef{grid.x, grid.y, grid.z})) {
    FailureOr<Expr> blocks = evaluator.getExpr(size);
    if (failed(blocks))
      return failure();
    launch.grid[i] = *blocks;
  }
  gpu::KernelDim3 block = op.getBlockSizeOperandValues();
  std::optional<int64_t> threads = getConstantIntValue(block.x), shared = 0, cluster = 1;
  if (op.getDynamicSharedMemorySize())
    shared = getConstantIntValue(op.getDynamicSharedMemorySize());
  if (op.hasClusterSize())
    cluster = getConstantIntValue(op.getClusterSizeX());
  if (!threads || !shared || !cluster || !isConstantIntValue(block.y, 1) || !isConstantIntValue(block.z, 1))
    return op.emitOpError("expected blocks of one dimension, and sizes of blocks, clusters and shared memory that are "
                          "constant");
  launch.threads = *threads;
  launch.sharedBytes = *shared;
  launch.clusterSize = *cluster;
  launch.programmatic = op->hasAttr("et.programmatic");
  if (auto work = dyn_cast_or_null<WorkOp>(op->getPrevNode()))
    if (failed(addWork(evaluator, work, launch)))
      return failure();
  for (Value operand : op.getKernelOperands()) {
    FailureOr<Argument> argument = getArgument(evaluator, operand);
    if (failed(argument))
      return failure();
    launch.arguments.push_back(*argument);
  }
  plan.addStep(std::move(launch));
  return success();
}

FailureOr<std::string> ProgramWriter::write(const WeightsSection &weights) {
  auto function = module.lookupSymbol<func::FuncOp>(signature.entry);
  auto sizes = module.lookupSymbol<func::FuncOp>(signature.entry + ".sizes");
  if (!function || !sizes)
    return module.emitError("expected a planned function '") << signature.entry << "' and its sizes";
  // The address of every input is that of a tensor of its own.
  addInputs();
  if (failed(addWeights(weights)) || failed(addOutputs(sizes)))
    return failure();
  if (auto checks = function->getAttrOfType<ArrayAttr>("et.checks"))
    for (StringRef check : checks.getAsValueRange<StringAttr>())
      builder.addCheck(check.str());
  std::vector<uint32_t> objects;
  if (!code.cubin.empty())
    objects.push_back(builder.addCode(runtime::CodeKind::Cubin, code.chip, code.cubin));
  // Code for an `a` architecture runs on that one only, so PTX would add nothing.
  if (!code.ptx.empty() && (code.cubin.empty() || !StringRef(code.chip).ends_with("a")))
    objects.push_back(builder.addCode(runtime::CodeKind::PTX, code.chip, code.ptx));
  if (!objects.empty())
    kernels = plan.addModule(objects);
  LaunchEvaluator evaluator(builder, places);
  if (failed(bindArguments(evaluator, function, /*isSizes=*/false)))
    return failure();
  for (auto launch : function.getBody().front().getOps<gpu::LaunchFuncOp>())
    if (failed(addLaunch(evaluator, launch)))
      return failure();
  std::string file;
  if (runtime::Error error = builder.serialize(file))
    return function.emitError("cannot be saved: ") << error.getMessage();
  return file;
}

FailureOr<std::string> et::buildSavedProgram(ModuleOp module, const ProgramSignature &signature,
                                             const WeightsSection &weights, const KernelCode &code) {
  return ProgramWriter(module, signature, code).write(weights);
}
