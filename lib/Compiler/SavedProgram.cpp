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

#include "ProgramWriter.h"
#include "et/Dialect/ET/IR/ET.h"
#include "et/Target/NVIDIA/Serialize.h"
#include "et/Version.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/IR/Remarks.h"

#define DEBUG_TYPE "et-compile"

using namespace mlir;
using namespace mlir::et;
using runtime::Argument;
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

namespace {
/// Adds the launches of a module for a GPU to a program.
class GPUPlanWriter {
public:
  GPUPlanWriter(ProgramWriter &writer, const KernelCode &code)
      : evaluator(writer.getEvaluator()), function(writer.getFunction()), code(code), builder(writer.getBuilder()),
        plan(writer.getPlan()) {}

  LogicalResult write();

  /// The number of rows of the first linear layer.
  FailureOr<Expr> getRows();
  /// The launches run where \p condition is 1; where it is 0, they do not.
  void setCondition(Expr condition) { this->condition = condition; }

private:
  LogicalResult addLaunch(LaunchEvaluator &evaluator, gpu::LaunchFuncOp op);
  FailureOr<Argument> getArgument(LaunchEvaluator &evaluator, Value operand);
  FailureOr<Argument> getCheck(Value operand);

  LaunchEvaluator &evaluator;
  func::FuncOp function;
  const KernelCode &code;
  runtime::ProgramBuilder &builder;
  runtime::PlanBuilder &plan;
  std::optional<Expr> condition;
  uint32_t kernels = 0;
};
} // namespace

FailureOr<Argument> GPUPlanWriter::getArgument(LaunchEvaluator &evaluator, Value operand) {
  if (isa<MemRefType>(operand.getType())) {
    FailureOr<BufferView> view = evaluator.getView(operand);
    if (failed(view))
      return failure();
    return Argument::pointer(view->buffer, evaluator.getByteOffset(*view));
  }
  if (auto map = operand.getDefiningOp<TensorMapOp>()) {
    FailureOr<BufferView> view = evaluator.getView(map.getView());
    std::optional<runtime::ElementType> type =
        getProgramElementType(cast<MemRefType>(map.getView().getType()).getElementType());
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

/// The status code of a check: the function counts its own, the program those of all plans.
FailureOr<Argument> GPUPlanWriter::getCheck(Value operand) {
  auto checks = function->getAttrOfType<ArrayAttr>("et.checks");
  std::optional<int64_t> code = getConstantIntValue(operand);
  if (!checks || !code || *code < 1 || *code > static_cast<int64_t>(checks.size()))
    return emitError(operand.getLoc(), "expected the number of one of the function's et.checks");
  return Argument::i32(builder.constant(builder.addCheck(cast<StringAttr>(checks[*code - 1]).str())));
}

LogicalResult GPUPlanWriter::addLaunch(LaunchEvaluator &evaluator, gpu::LaunchFuncOp op) {
  runtime::Launch launch;
  auto name = op->getAttrOfType<StringAttr>("et.name");
  launch.name = name ? name.str() : op.getKernelName().str();
  launch.module = kernels;
  launch.symbol = op.getKernelName().str();
  gpu::KernelDim3 grid = op.getGridSizeOperandValues();
  const Value gridSizes[] = {grid.x, grid.y, grid.z};
  for (auto [i, size] : llvm::enumerate(gridSizes)) {
    FailureOr<Expr> blocks = evaluator.getExpr(size);
    if (failed(blocks))
      return failure();
    launch.grid[i] = *blocks;
  }
  if (condition)
    launch.grid[0] = builder.mul(launch.grid[0], *condition);
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
    if (failed(evaluator.setWork(work, launch)))
      return failure();
  auto checks = op->getAttrOfType<DenseI32ArrayAttr>("et.check_arguments");
  for (auto [i, operand] : llvm::enumerate(op.getKernelOperands())) {
    bool isCheck = checks && llvm::is_contained(checks.asArrayRef(), i);
    FailureOr<Argument> argument = isCheck ? getCheck(operand) : getArgument(evaluator, operand);
    if (failed(argument))
      return failure();
    launch.arguments.push_back(*argument);
  }
  plan.addStep(std::move(launch));
  return success();
}

LogicalResult GPUPlanWriter::write() {
  std::vector<uint32_t> objects;
  if (!code.cubin.empty())
    objects.push_back(builder.addCode(runtime::CodeKind::Cubin, code.chip, code.cubin));
  // Code for an `a` architecture runs on that one only, so PTX would add nothing.
  if (!code.ptx.empty() && (code.cubin.empty() || !StringRef(code.chip).ends_with("a")))
    objects.push_back(builder.addCode(runtime::CodeKind::PTX, code.chip, code.ptx));
  if (!objects.empty())
    kernels = plan.addModule(objects);
  for (auto launch : function.getBody().front().getOps<gpu::LaunchFuncOp>())
    if (failed(addLaunch(evaluator, launch)))
      return failure();
  return success();
}

/// The operand of a launch of \p function that is the number of rows of its first linear layer; null for none.
static Value findRows(func::FuncOp function) {
  for (auto launch : function.getBody().front().getOps<gpu::LaunchFuncOp>())
    if (auto rows = launch->getAttrOfType<IntegerAttr>("et.rows_argument"))
      return launch.getKernelOperands()[rows.getInt()];
  return Value();
}

FailureOr<Expr> GPUPlanWriter::getRows() {
  Value rows = findRows(function);
  assert(rows && "expected a function with a linear layer");
  return evaluator.getExpr(rows);
}

bool et::hasRows(ModuleOp module, StringRef entry) {
  auto function = module.lookupSymbol<func::FuncOp>(entry);
  return function && findRows(function);
}

LogicalResult et::addGPUPlanByRows(ProgramWriter &writer, const GPUModule &few, const GPUModule &many,
                                   int64_t mostRows) {
  runtime::ProgramBuilder &builder = writer.getBuilder();
  if (failed(writer.beginPlan(few.module, few.weights, runtime::DeviceKind::CUDA, few.code.chip)))
    return failure();
  GPUPlanWriter first(writer, few.code);
  FailureOr<Expr> rows = first.getRows();
  if (failed(rows))
    return failure();
  Expr one = builder.constant(1);
  Expr isMany = builder.min(builder.floorDiv(*rows, builder.constant(mostRows + 1)), one);
  first.setCondition(builder.sub(one, isMany));
  if (failed(first.write()) || failed(writer.continuePlan(many.module, many.weights)))
    return failure();
  GPUPlanWriter second(writer, many.code);
  second.setCondition(isMany);
  return second.write();
}

LogicalResult et::addGPUPlan(ProgramWriter &writer, ModuleOp module, const WeightsSection &weights,
                             const KernelCode &code) {
  if (failed(writer.beginPlan(module, weights, runtime::DeviceKind::CUDA, code.chip)))
    return failure();
  return GPUPlanWriter(writer, code).write();
}

FailureOr<std::string> et::buildSavedProgram(ModuleOp module, const ProgramSignature &signature,
                                             const WeightsSection &weights, const KernelCode &code) {
  ProgramWriter writer(signature, kGPUAlignment);
  if (failed(addGPUPlan(writer, module, weights, code)))
    return failure();
  std::string file;
  if (runtime::Error error = writer.getBuilder().serialize(file))
    return module.emitError("cannot be saved: ") << error.getMessage();
  return file;
}
