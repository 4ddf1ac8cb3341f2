//===- ConvertLaunchesToCPU.cpp - Turn launches into calls of kernels -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   func @f(..., %threads) { sizes; views; et.launch A; et.launch B; et.launch A }
// becomes
//   func @f(..., %threads) {
//     sizes
//     omp.parallel num_threads(%threads) {
//       %tid = omp_get_thread_num, %nth = omp_get_num_threads
//       views; call @A(%tid, %nth, ...); omp.barrier; call @B ...; omp.barrier; call @A ...
//     }
//   }
//
// One parallel region for the whole function: starting a team costs microseconds,
// a barrier of a running team a fraction of one.
//
//===----------------------------------------------------------------------===//

#include "LaunchKernels.h"

#include "et/Conversion/ETToCPU/LaunchWork.h"
#include "et/Conversion/ETToCPU/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/OpenMP/OpenMPDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace mlir::et {
#define GEN_PASS_DEF_CONVERTLAUNCHESTOCPUPASS
#include "et/Conversion/ETToCPU/Passes.h.inc"
} // namespace mlir::et

using namespace mlir;
using namespace mlir::et;

/// Hash and equality of launches that may share a kernel: all but names, locations and which values they are given.
static llvm::hash_code hashLaunch(LaunchOp launch) {
  llvm::hash_code hash = llvm::hash_combine(launch.getScheduleAttr());
  launch.getBody().walk([&](Operation *op) {
    hash = llvm::hash_combine(hash, OperationEquivalence::computeHash(op, OperationEquivalence::ignoreHashValue,
                                                                      OperationEquivalence::ignoreHashValue,
                                                                      OperationEquivalence::IgnoreLocations));
  });
  return hash;
}

/// Whether one kernel may take \p a and \p b, operands that \p argument stands for.
static bool isSameOperand(BlockArgument argument, Value a, Value b) {
  // How many bytes the kept columns of a sparse weight take is data to its kernel.
  auto tensor = dyn_cast<RankedTensorType>(argument.getType());
  if (tensor && isa_and_nonnull<TileAttr>(tensor.getEncoding()))
    return cast<ShapedType>(a.getType()).getElementType() == cast<ShapedType>(b.getType()).getElementType();
  return a.getType() == b.getType();
}

static bool isSameLaunch(LaunchOp a, LaunchOp b) {
  return a.getScheduleAttr() == b.getScheduleAttr() && a->getNumOperands() == b->getNumOperands() &&
         llvm::all_of(a.getBody().getArguments(),
                      [&](BlockArgument argument) {
                        unsigned number = argument.getArgNumber();
                        return isSameOperand(argument, a->getOperand(number), b->getOperand(number));
                      }) &&
         a.getOutputs().size() == b.getOutputs().size() &&
         OperationEquivalence::isRegionEquivalentTo(&a.getBody(), &b.getBody(), OperationEquivalence::IgnoreLocations);
}

namespace {
struct ConvertLaunchesToCPUPass final : et::impl::ConvertLaunchesToCPUPassBase<ConvertLaunchesToCPUPass> {
  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    for (auto function : llvm::make_early_inc_range(getOperation().getOps<func::FuncOp>()))
      if (!function.isPrivate() && !function.isExternal() && function->hasAttr("et.scratch") &&
          failed(convert(function, symbols)))
        return signalPassFailure();
  }

  using ConvertLaunchesToCPUPassBase::ConvertLaunchesToCPUPassBase;

private:
  LogicalResult convert(func::FuncOp function, SymbolTable &symbols);
  LogicalResult callSteps(ArrayRef<LaunchOp> launches, ArrayRef<cpu::LaunchKernel *> chosen, SymbolTable &symbols);
  FailureOr<cpu::LaunchKernel *> getKernel(LaunchOp launch, SymbolTable &symbols);
  func::FuncOp declare(StringRef name, SymbolTable &symbols);
  func::FuncOp declareStep(const cpu::LaunchKernel &kernel, SymbolTable &symbols);

  std::vector<std::pair<LaunchOp, cpu::LaunchKernel>> kernels;
  llvm::DenseMap<size_t, SmallVector<unsigned, 2>> kernelsByHash;
};
} // namespace

/// Declares `int name(void)`.
func::FuncOp ConvertLaunchesToCPUPass::declare(StringRef name, SymbolTable &symbols) {
  if (auto known = symbols.lookup<func::FuncOp>(name))
    return known;
  OpBuilder builder(getOperation().getBodyRegion());
  auto function =
      func::FuncOp::create(builder, getOperation().getLoc(), name, builder.getFunctionType({}, builder.getI32Type()));
  function.setPrivate();
  symbols.insert(function);
  return function;
}

FailureOr<cpu::LaunchKernel *> ConvertLaunchesToCPUPass::getKernel(LaunchOp launch, SymbolTable &symbols) {
  SmallVector<unsigned, 2> &candidates = kernelsByHash[hashLaunch(launch)];
  for (unsigned i : candidates)
    if (isSameLaunch(kernels[i].first, launch))
      return &kernels[i].second;
  auto schedule = launch.getScheduleAttr();
  auto isaName = schedule ? schedule.getAs<StringAttr>("isa") : StringAttr();
  if (!isaName)
    return launch.emitOpError("has no schedule for a CPU; run --et-schedule-cpu first");
  FailureOr<cpu::ISALevel> level = cpu::ISA::parse(isaName.getValue());
  if (failed(level))
    return launch.emitOpError("has a schedule for an unknown instruction set level, ") << isaName;
  OpBuilder builder(&getContext());
  builder.setInsertionPointToEnd(getOperation().getBody());
  std::string name = launch.getKernel().str();
  llvm::replace(name, '+', '_');
  // The symbol table makes the name unique; kernels are built under a name nothing else has.
  name = "kernel" + std::to_string(kernels.size()) + "_" + name;
  FailureOr<cpu::LaunchKernel> kernel = cpu::buildKernel(builder, launch, name, cpu::ISA::get(*level));
  if (failed(kernel))
    return failure();
  kernel->function.setPrivate();
  candidates.push_back(kernels.size());
  kernels.emplace_back(launch, *kernel);
  ++numKernels;
  return &kernels.back().second;
}

/// Declares what a saved program calls for \p kernel: a function of its buffers. The thread's number, its scratch
/// memory and the status are the runtime's to give.
func::FuncOp ConvertLaunchesToCPUPass::declareStep(const cpu::LaunchKernel &kernel, SymbolTable &symbols) {
  func::FuncOp function = kernel.function;
  std::string name = (function.getName() + ".step").str();
  if (auto known = symbols.lookup<func::FuncOp>(name))
    return known;
  OpBuilder builder(function);
  ArrayRef<Type> buffers = function.getArgumentTypes().drop_front(2).take_front(kernel.operands.size());
  auto step = func::FuncOp::create(builder, function.getLoc(), name, builder.getFunctionType(buffers, {}));
  step.setPrivate();
  step->setAttr("et.kernel", FlatSymbolRefAttr::get(function.getNameAttr()));
  if (kernel.takesScratch)
    step->setAttr("et.takes_scratch", builder.getUnitAttr());
  if (kernel.takesStatus)
    step->setAttr("et.takes_status", builder.getUnitAttr());
  symbols.insert(step);
  return step;
}

/// Puts a call of its step where each launch is.
LogicalResult ConvertLaunchesToCPUPass::callSteps(ArrayRef<LaunchOp> launches, ArrayRef<cpu::LaunchKernel *> chosen,
                                                  SymbolTable &symbols) {
  for (auto [original, kernel] : llvm::zip(launches, chosen)) {
    LaunchOp launch = original;
    func::FuncOp step = declareStep(*kernel, symbols);
    ImplicitLocOpBuilder builder(launch.getLoc(), launch);
    SmallVector<Value> arguments;
    for (auto [operand, type] : llvm::zip(kernel->operands, step.getArgumentTypes())) {
      FailureOr<Value> adapted = cpu::adaptOperand(builder, launch.getLoc(), launch->getOperand(operand), type);
      if (failed(adapted))
        return failure();
      arguments.push_back(*adapted);
    }
    cpu::emitLaunchWork(builder, launch);
    auto call = func::CallOp::create(builder, step, arguments);
    call->setAttr("et.name", builder.getStringAttr(launch.getKernel()));
    ++numLaunches;
  }
  for (LaunchOp launch : launches)
    launch.erase();
  return success();
}

LogicalResult ConvertLaunchesToCPUPass::convert(func::FuncOp function, SymbolTable &symbols) {
  kernels.clear();
  kernelsByHash.clear();
  // Names of arguments are for the user of the program, who has them by now.
  function.removeArgAttrsAttr();
  Block &body = function.getBody().front();
  SmallVector<LaunchOp> launches(body.getOps<LaunchOp>());
  if (launches.empty())
    return success();
  // Kernels stay valid while launches do: reserve, as pointers into the vector are kept.
  kernels.reserve(launches.size());
  SmallVector<cpu::LaunchKernel *> chosen;
  for (LaunchOp launch : launches) {
    FailureOr<cpu::LaunchKernel *> kernel = getKernel(launch, symbols);
    if (failed(kernel))
      return failure();
    chosen.push_back(*kernel);
  }

  if (steps)
    return callSteps(launches, chosen, symbols);

  unsigned numArguments = function.getNumArguments();
  Value arena = function.getArgument(numArguments - 4), status = function.getArgument(numArguments - 2);
  Value threads = function.getArgument(numArguments - 1);
  int64_t scratchBytes = function->getAttrOfType<IntegerAttr>("et.scratch").getInt();

  // Sizes and the arithmetic on them come before the parallel region; all else moves into it.
  Operation *returnOp = body.getTerminator();
  ImplicitLocOpBuilder builder(function.getLoc(), returnOp);
  omp::ParallelOperands clauses;
  clauses.numThreads = threads;
  auto parallel = omp::ParallelOp::create(builder, clauses);
  Block *region = builder.createBlock(&parallel.getRegion());
  Value tid32 = func::CallOp::create(builder, declare("omp_get_thread_num", symbols)).getResult(0);
  Value nth32 = func::CallOp::create(builder, declare("omp_get_num_threads", symbols)).getResult(0);
  Value tid = arith::IndexCastOp::create(builder, builder.getIndexType(), tid32);
  Value nth = arith::IndexCastOp::create(builder, builder.getIndexType(), nth32);
  Value scratch;
  if (scratchBytes > 0) {
    // All threads' scratch in one piece; a kernel finds its own by its thread number.
    Value zero = arith::ConstantIndexOp::create(builder, 0);
    Value each = arith::ConstantIndexOp::create(builder, scratchBytes / sizeof(float));
    Value all = arith::MulIOp::create(builder, nth, each);
    scratch = memref::ViewOp::create(builder, MemRefType::get({ShapedType::kDynamic}, builder.getF32Type()), arena,
                                     zero, ValueRange{all});
  }
  auto terminator = omp::TerminatorOp::create(builder);
  for (Operation &op : llvm::make_early_inc_range(body)) {
    if (&op == parallel.getOperation() || &op == returnOp)
      continue;
    bool isSize = isa<arith::ArithDialect, affine::AffineDialect>(op.getDialect()) || isa<memref::DimOp>(op);
    // Arithmetic on what a launch has computed follows that launch.
    bool followsData = llvm::any_of(op.getOperands(), [&](Value operand) {
      return operand.getDefiningOp() && operand.getDefiningOp()->getBlock() == region;
    });
    if (!isSize || followsData)
      op.moveBefore(terminator);
  }

  for (auto [launch, kernel] : llvm::zip(launches, chosen)) {
    builder.setLoc(launch.getLoc());
    builder.setInsertionPoint(launch);
    SmallVector<Value> arguments{tid, nth};
    ArrayRef<Type> types = kernel->function.getArgumentTypes();
    for (unsigned operand : kernel->operands) {
      FailureOr<Value> adapted =
          cpu::adaptOperand(builder, launch.getLoc(), launch->getOperand(operand), types[arguments.size()]);
      if (failed(adapted))
        return failure();
      arguments.push_back(*adapted);
    }
    if (kernel->takesScratch)
      arguments.push_back(scratch);
    if (kernel->takesStatus)
      arguments.push_back(status);
    func::CallOp::create(builder, kernel->function, arguments);
    if (launch != launches.back())
      omp::BarrierOp::create(builder);
    ++numLaunches;
  }
  for (LaunchOp launch : launches)
    launch.erase();
  return success();
}
