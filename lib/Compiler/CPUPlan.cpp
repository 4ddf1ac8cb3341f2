//===- CPUPlan.cpp - The plan of a saved program for a CPU -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The planned function becomes calls of steps, one for each launch. Each call is
// a step of the plan; then the function has done its duty, and what is left of
// the module, the kernels, becomes one object file.
//
//===----------------------------------------------------------------------===//

#include "CPUPlan.h"

#include "CPUCode.h"
#include "et/Compiler/Pipelines.h"
#include "et/Dialect/ET/IR/ET.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/Target/TargetMachine.h"

using namespace mlir;
using namespace mlir::et;
using runtime::Argument;
using runtime::Buffer;
using runtime::Expr;

// The only thing that kernels of a CPU report: et.embedding. They store 1, the code of the first check.
static const char *const kIndexCheck = "index {0} is out of range of the embedding table it selects from";

/// Adds what --et-build-cpu-steps makes of the buffer \p operand: its address, dynamic sizes and dynamic strides.
static LogicalResult addBuffer(ProgramWriter &writer, Value operand, runtime::Launch &launch) {
  auto type = cast<MemRefType>(operand.getType());
  LaunchEvaluator &evaluator = writer.getEvaluator();
  runtime::ProgramBuilder &builder = writer.getBuilder();
  FailureOr<BufferView> view = evaluator.getView(operand);
  if (failed(view))
    return failure();
  SmallVector<int64_t> strides;
  int64_t offset;
  if (failed(type.getStridesAndOffset(strides, offset)))
    return emitError(operand.getLoc(), "cannot be an argument of a kernel in a saved program: its type is ") << type;
  // A kernel adds an offset that its type has.
  Expr start = evaluator.getByteOffset(*view);
  if (!ShapedType::isDynamic(offset) && offset != 0)
    start = builder.sub(start, builder.constant(offset * view->elementBytes));
  launch.arguments.push_back(Argument::pointer(view->buffer, start));
  for (auto [dim, expr] : llvm::enumerate(view->sizes))
    if (type.isDynamicDim(dim))
      launch.arguments.push_back(Argument::i64(expr));
  for (auto [stride, expr] : llvm::zip_equal(strides, view->strides))
    if (ShapedType::isDynamic(stride))
      launch.arguments.push_back(Argument::i64(expr));
  return success();
}

static LogicalResult addStep(ProgramWriter &writer, func::CallOp call, func::FuncOp step) {
  runtime::ProgramBuilder &builder = writer.getBuilder();
  runtime::Launch launch;
  launch.name = call->getAttrOfType<StringAttr>("et.name").str();
  launch.symbol = step.getName().str();
  Expr one = builder.constant(1);
  launch.grid = {one, one, one};
  launch.threads = 1;
  for (Value operand : call.getOperands()) {
    if (isa<MemRefType>(operand.getType())) {
      if (failed(addBuffer(writer, operand, launch)))
        return failure();
      continue;
    }
    FailureOr<Expr> value = writer.getEvaluator().getExpr(operand);
    if (failed(value))
      return failure();
    launch.arguments.push_back(Argument::i64(*value));
  }
  if (auto work = dyn_cast_or_null<WorkOp>(call->getPrevNode()))
    if (failed(writer.getEvaluator().setWork(work, launch)))
      return failure();
  launch.math = runtime::MathUnit::Vector;
  if (step->hasAttr("et.takes_status"))
    launch.arguments.push_back(Argument::pointer(Buffer::status(), builder.constant(0)));
  writer.getPlan().addStep(std::move(launch));
  return success();
}

LogicalResult et::addCPUPlan(ProgramWriter &writer, ModuleOp module, const WeightsSection &weights, cpu::ISALevel level,
                             const CompileOptions &options) {
  FailureOr<std::unique_ptr<llvm::TargetMachine>> machine = createTargetMachine(module, level);
  if (failed(machine))
    return failure();
  auto run = [&](function_ref<void(OpPassManager &)> build) -> LogicalResult {
    PassManager pm(module.getContext());
    if (options.configurePassManager && failed(options.configurePassManager(pm)))
      return failure();
    build(pm);
    return pm.run(module);
  };
  if (failed(run(buildPlannedToStepsPipeline)))
    return failure();

  std::string target = cpu::ISA::get(level).targetCPU().str();
  writer.getBuilder().addCheck(kIndexCheck);
  if (failed(writer.beginPlan(module, weights, runtime::DeviceKind::Host, target)))
    return failure();
  func::FuncOp function = writer.getFunction();
  writer.getPlan().setScratchSize(function->getAttrOfType<IntegerAttr>("et.scratch").getInt());
  bool hasSteps = false;
  for (auto store : function.getBody().front().getOps<memref::StoreOp>())
    return store.emitOpError("cannot be part of a saved program: what is computed between launches cannot be stored");
  for (auto call : function.getBody().front().getOps<func::CallOp>()) {
    if (failed(addStep(writer, call, module.lookupSymbol<func::FuncOp>(call.getCallee()))))
      return failure();
    hasSteps = true;
  }
  if (!hasSteps)
    return success();

  // What the plan says now, code need not.
  module.lookupSymbol<func::FuncOp>((function.getName() + ".sizes").str()).erase();
  function.erase();
  for (auto weight : llvm::make_early_inc_range(module.getOps<WeightOp>()))
    weight.erase();
  if (failed(run(buildStepsToLLVMPipeline)))
    return failure();
  llvm::LLVMContext context;
  FailureOr<std::unique_ptr<llvm::Module>> llvmModule = translateToLLVM(module, **machine, context);
  if (failed(llvmModule))
    return failure();
  FailureOr<std::string> object = generateCode(module, **llvmModule, **machine, /*isAssembly=*/false);
  if (failed(object))
    return failure();
  uint32_t code = writer.getBuilder().addCode(runtime::CodeKind::ELFObject, target, std::move(*object));
  writer.getPlan().addModule({code});
  return success();
}
