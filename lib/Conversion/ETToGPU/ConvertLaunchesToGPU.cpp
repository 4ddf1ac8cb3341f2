//===- ConvertLaunchesToGPU.cpp - Turn launches into launches of GPU kernels -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   func @f(...) { sizes; views; et.launch A; et.launch B; et.launch A }
// becomes
//   gpu.module @kernels { llvm.func @A(...); llvm.func @B(...) }
//   func @f(...) {
//     sizes; views
//     gpu.launch_func @kernels::@A ...; gpu.launch_func @kernels::@B ...; gpu.launch_func @kernels::@A ...
//   }
//
// What remains in @f beside launches is arithmetic on sizes, views and
// et.tensor_map: a list of launches that a program can hold.
//
//===----------------------------------------------------------------------===//

#include "LaunchKernels.h"

#include "et/Conversion/ETToCPU/LaunchRows.h"
#include "et/Conversion/ETToCPU/LaunchWork.h"
#include "et/Conversion/ETToGPU/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace mlir::et {
#define GEN_PASS_DEF_CONVERTLAUNCHESTOGPUPASS
#include "et/Conversion/ETToGPU/Passes.h.inc"
} // namespace mlir::et

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::gpu_kernels;

/// Name of the module that holds the kernels.
static constexpr StringRef kKernels = "kernels";

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

/// Whether operand \p number of \p launch is a sparse weight: how many bytes it takes is data to the kernel.
static bool isSparseWeight(LaunchOp launch, unsigned number) {
  auto type = dyn_cast<RankedTensorType>(launch.getBodyArgument(number).getType());
  return type && isa_and_nonnull<TileAttr>(type.getEncoding());
}

static bool isSameLaunch(LaunchOp a, LaunchOp b) {
  if (a.getScheduleAttr() != b.getScheduleAttr() || a->getNumOperands() != b->getNumOperands() ||
      a.getOutputs().size() != b.getOutputs().size())
    return false;
  for (auto [i, x, y] : llvm::enumerate(a->getOperandTypes(), b->getOperandTypes()))
    if (x != y && !(isSparseWeight(a, i) && isSparseWeight(b, i)))
      return false;
  // Kernels read weights before their predecessors have finished, and 16 bytes at once where addresses allow it.
  for (auto [x, y] : llvm::zip(a->getOperands(), b->getOperands()))
    if (isa<MemRefType>(x.getType()) && (isWeight(x) != isWeight(y) || !(getLayout(x) == getLayout(y))))
      return false;
  return OperationEquivalence::isRegionEquivalentTo(&a.getBody(), &b.getBody(), OperationEquivalence::IgnoreLocations);
}

namespace {
struct ConvertLaunchesToGPUPass final : et::impl::ConvertLaunchesToGPUPassBase<ConvertLaunchesToGPUPass> {
  void runOnOperation() override {
    SmallVector<func::FuncOp> functions;
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (!function.isPrivate() && !function.isExternal() && function->hasAttr("et.scratch"))
        functions.push_back(function);
    for (func::FuncOp function : functions)
      if (failed(convert(function)))
        return signalPassFailure();
  }

private:
  LogicalResult convert(func::FuncOp function);
  LogicalResult collectPrefetches(func::FuncOp function);
  FailureOr<ArrayRef<LaunchKernel>> getKernels(LaunchOp launch);
  gpu::GPUModuleOp getKernelModule();
  void launchKernel(LaunchOp launch, const LaunchKernel &kernel, func::FuncOp function, bool isFirst);

  gpu::GPUModuleOp kernelModule;
  std::vector<std::pair<LaunchOp, LaunchKernels>> kernels;
  unsigned nextKernel = 0;
  llvm::DenseMap<size_t, SmallVector<unsigned, 2>> kernelsByHash;
  SmallVector<std::string> checks;
  /// What launches of the function ask for, the most views of one of them, and the most rows with which one asks.
  llvm::DenseMap<Operation *, PrefetchOp> prefetches;
  unsigned prefetchViews = 0;
  int64_t prefetchRows = 0;
  /// The first linear launch of the function.
  LaunchOp rowsLaunch;
};
} // namespace

gpu::GPUModuleOp ConvertLaunchesToGPUPass::getKernelModule() {
  if (kernelModule)
    return kernelModule;
  ModuleOp module = getOperation();
  module->setAttr(gpu::GPUDialect::getContainerModuleAttrName(), UnitAttr::get(&getContext()));
  OpBuilder builder(&getContext());
  builder.setInsertionPointToEnd(module.getBody());
  kernelModule = gpu::GPUModuleOp::create(builder, module.getLoc(), kKernels);
  SymbolTable(module).insert(kernelModule);
  return kernelModule;
}

FailureOr<ArrayRef<LaunchKernel>> ConvertLaunchesToGPUPass::getKernels(LaunchOp launch) {
  SmallVector<unsigned, 2> &candidates = kernelsByHash[hashLaunch(launch)];
  for (unsigned i : candidates)
    if (isSameLaunch(kernels[i].first, launch))
      return ArrayRef(kernels[i].second);
  auto schedule = launch.getScheduleAttr();
  auto chip = schedule ? schedule.getAs<StringAttr>("chip") : StringAttr();
  if (!chip)
    return launch.emitOpError("has no schedule for a GPU; run --et-schedule-gpu first");
  FailureOr<nvidia::SM> sm = nvidia::SM::get(chip.getValue());
  if (failed(sm))
    return launch.emitOpError("has a schedule for an unknown architecture, ") << chip;
  OpBuilder builder(&getContext());
  builder.setInsertionPointToEnd(getKernelModule().getBody());
  std::string name = launch.getKernel().str();
  for (char &c : name)
    if (!llvm::isAlnum(c))
      c = '_';
  name += "_" + std::to_string(nextKernel++);
  FailureOr<LaunchKernels> built = buildKernels(builder, launch, name, *sm);
  if (failed(built))
    return failure();
  // Launches that ask for something, and equal ones that do not, share kernels.
  if (prefetchViews && mayPrefetch(launch))
    addPrefetches(*built, prefetchViews, prefetchRows, *sm);
  candidates.push_back(kernels.size());
  numKernels += built->size();
  kernels.emplace_back(launch, std::move(*built));
  return ArrayRef(kernels.back().second);
}

namespace {
/// Computes what one launch of a kernel is given.
class LaunchEmitter {
public:
  LaunchEmitter(ImplicitLocOpBuilder &b, LaunchOp launch, const LaunchKernel &kernel, Value status, PrefetchOp prefetch,
                llvm::function_ref<int64_t(unsigned)> getCheckCode)
      : b(b), launch(launch), kernel(kernel), status(status), prefetch(prefetch) {
    for (const LaunchSize &size : kernel.sizes)
      symbols.push_back(getSize(size, getCheckCode));
  }

  Value getOperand(unsigned operand) {
    unsigned position = kernel.operands[operand];
    if (position < launch->getNumOperands())
      return launch->getOperand(position);
    for (unsigned view = 0, count = prefetch ? prefetch.getViews().size() : 0; view < count; ++view)
      if (position == LaunchKernel::getPrefetch(view))
        return prefetch.getViews()[view];
    // A view that there is not, of which nothing is asked for, has some address too.
    return status;
  }

  /// \p expr, over the symbols of the kernel, as an index.
  Value getIndex(AffineExpr expr) { return emitLaunchExpr(b, expr, symbols); }

  /// \p expr if the sizes are in the range of the kernel, else 0: a launch of no blocks does not happen.
  Value getBlocks(AffineExpr expr) {
    Value blocks = getIndex(expr);
    auto index = [&](int64_t value) { return arith::ConstantIndexOp::create(b, value).getResult(); };
    Value size = kernel.rangeMin > 0 || kernel.rangeEnd >= 0 ? symbols[kernel.rangeSymbol] : Value();
    // 1 from `limit` on, 0 below it.
    auto reaches = [&](int64_t limit) {
      Value times = arith::DivUIOp::create(b, size, index(limit));
      return arith::MinUIOp::create(b, times, index(1)).getResult();
    };
    if (kernel.rangeMin > 0)
      blocks = arith::MulIOp::create(b, blocks, reaches(kernel.rangeMin));
    if (kernel.rangeEnd >= 0)
      blocks = arith::MulIOp::create(b, blocks, arith::SubIOp::create(b, index(1), reaches(kernel.rangeEnd)));
    return blocks;
  }

  /// The operand, and its offset in the buffer plus \p expr elements.
  Value getOffset(Value operand, AffineExpr expr) {
    auto type = cast<MemRefType>(operand.getType());
    Value offset = getIndex(expr);
    if (type.getLayout().isIdentity())
      return offset;
    Value start = memref::ExtractStridedMetadataOp::create(b, operand).getOffset();
    return arith::AddIOp::create(b, start, offset);
  }

  Value getPointer(unsigned operand, AffineExpr offset) {
    Value memref = getOperand(operand);
    if (!offset || offset == b.getAffineConstantExpr(0))
      return memref;
    auto type = cast<MemRefType>(memref.getType());
    auto target =
        MemRefType::get({}, type.getElementType(), StridedLayoutAttr::get(b.getContext(), ShapedType::kDynamic, {}));
    return memref::ReinterpretCastOp::create(b, target, memref, OpFoldResult(getOffset(memref, offset)),
                                             ArrayRef<OpFoldResult>{}, ArrayRef<OpFoldResult>{});
  }

  Value getTensorMap(const TensorMapSpec &map) {
    Value memref = getOperand(map.operand);
    // Lists of tensor maps start at the innermost dimension.
    auto fold = [&](AffineExpr expr) -> OpFoldResult {
      if (auto constant = dyn_cast<AffineConstantExpr>(expr))
        return b.getIndexAttr(constant.getValue());
      return getIndex(expr);
    };
    SmallVector<OpFoldResult> sizes, strides;
    for (AffineExpr size : llvm::reverse(map.sizes))
      sizes.push_back(fold(size));
    for (AffineExpr stride : llvm::reverse(map.strides))
      strides.push_back(fold(stride));
    strides.push_back(b.getIndexAttr(1));
    auto [staticSizes, dynamicSizes] = split(sizes);
    auto [staticStrides, dynamicStrides] = split(strides);
    AffineExpr offset = map.offset ? map.offset : b.getAffineConstantExpr(0);
    auto type = MemRefType::get(staticSizes, map.elementType,
                                StridedLayoutAttr::get(b.getContext(), ShapedType::kDynamic, staticStrides));
    Value view =
        memref::ReinterpretCastOp::create(b, type, memref, OpFoldResult(getOffset(memref, offset)), sizes, strides);
    return TensorMapOp::create(b, TensorMapType::get(b.getContext()), view, llvm::to_vector(llvm::reverse(map.box)),
                               map.swizzle);
  }

private:
  static std::pair<SmallVector<int64_t>, SmallVector<Value>> split(ArrayRef<OpFoldResult> values) {
    std::pair<SmallVector<int64_t>, SmallVector<Value>> result;
    dispatchIndexOpFoldResults(values, result.second, result.first);
    return result;
  }

  Value getSize(const LaunchSize &size, llvm::function_ref<int64_t(unsigned)> getCheckCode) {
    auto getDim = [&](unsigned dim) -> Value {
      return memref::DimOp::create(b, launch->getOperand(size.operand), dim);
    };
    switch (size.kind) {
    case LaunchSize::Dim:
      return getDim(size.dim);
    case LaunchSize::Rows:
    case LaunchSize::Elements: {
      int64_t rank = cast<MemRefType>(launch->getOperand(size.operand).getType()).getRank();
      int64_t count = size.kind == LaunchSize::Rows ? rank - 1 : rank;
      Value rows = arith::ConstantIndexOp::create(b, 1);
      for (int64_t dim = 0; dim < count; ++dim)
        rows = b.createOrFold<arith::MulIOp>(rows, getDim(dim));
      return rows;
    }
    case LaunchSize::Stride:
      return getStride(launch->getOperand(size.operand), size.dim, size.divisor);
    case LaunchSize::Scalar: {
      Value scalar = launch->getOperand(size.operand);
      return scalar.getType().isIndex() ? scalar : arith::IndexCastOp::create(b, b.getIndexType(), scalar).getResult();
    }
    case LaunchSize::Check:
      return arith::ConstantIndexOp::create(b, getCheckCode(size.operand));
    case LaunchSize::Prefetch:
      return getPrefetchBytes(size.operand);
    }
    llvm_unreachable("unknown kind of size");
  }

  /// Bytes of view \p view, 0 with more rows than the prefetch is for.
  Value getPrefetchBytes(unsigned view) {
    auto index = [&](int64_t value) { return arith::ConstantIndexOp::create(b, value).getResult(); };
    if (!prefetch || view >= prefetch.getViews().size())
      return index(0);
    int64_t bytes = cast<MemRefType>(prefetch.getViews()[view].getType()).getDimSize(0);
    Value times = arith::DivUIOp::create(b, prefetch.getRows(), index(prefetch.getMost() + 1));
    Value isMany = arith::MinUIOp::create(b, times, index(1));
    return arith::MulIOp::create(b, arith::SubIOp::create(b, index(1), isMany), index(bytes));
  }

  Value getStride(Value memref, unsigned dim, int64_t divisor) {
    int64_t known = getLayout(memref).strides[dim];
    if (!ShapedType::isDynamic(known))
      return arith::ConstantIndexOp::create(b, known / divisor);
    Value stride = memref::ExtractStridedMetadataOp::create(b, memref).getStrides()[dim];
    if (divisor == 1)
      return stride;
    return arith::DivUIOp::create(b, stride, arith::ConstantIndexOp::create(b, divisor));
  }

  ImplicitLocOpBuilder &b;
  LaunchOp launch;
  const LaunchKernel &kernel;
  Value status;
  PrefetchOp prefetch;
  SmallVector<Value> symbols;
};
} // namespace

/// Replaces \p launch by a launch of \p kernel.
void ConvertLaunchesToGPUPass::launchKernel(LaunchOp launch, const LaunchKernel &launchKernel, func::FuncOp function,
                                            bool isFirst) {
  ImplicitLocOpBuilder b(launch.getLoc(), launch);
  const BuiltKernel &kernel = launchKernel.kernel;
  // Equal messages share a code; codes start at 1.
  auto getCheckCode = [&](unsigned index) -> int64_t {
    std::string message = getCheckMessage(launch, index);
    auto known = llvm::find(checks, message);
    int64_t code = known - checks.begin() + 1;
    if (known == checks.end())
      checks.push_back(message);
    return code;
  };
  Value status = function.getArgument(function.getNumArguments() - 2);
  LaunchEmitter emitter(b, launch, launchKernel, status, prefetches.lookup(launch), getCheckCode);
  SmallVector<Value> arguments;
  SmallVector<int32_t> checkArguments;
  std::optional<int32_t> rowsArgument;
  for (const KernelArgument &argument : kernel.arguments) {
    switch (argument.kind) {
    case KernelArgument::Pointer:
      arguments.push_back(emitter.getPointer(argument.operand, argument.value));
      break;
    case KernelArgument::I32:
      if (launchKernel.isCheck(argument.value))
        checkArguments.push_back(arguments.size());
      if (launchKernel.isRows(argument.value))
        rowsArgument = arguments.size();
      arguments.push_back(arith::IndexCastOp::create(b, b.getI32Type(), emitter.getIndex(argument.value)));
      break;
    case KernelArgument::TensorMap:
      arguments.push_back(emitter.getTensorMap(kernel.maps[argument.map]));
      break;
    }
  }
  auto constant = [&](int64_t value) { return arith::ConstantIndexOp::create(b, value).getResult(); };
  gpu::KernelDim3 grid{emitter.getBlocks(kernel.grid[0]), emitter.getIndex(kernel.grid[1]),
                       emitter.getIndex(kernel.grid[2])};
  gpu::KernelDim3 block{constant(kernel.threads), constant(1), constant(1)};
  std::optional<gpu::KernelDim3> cluster;
  if (kernel.clusterSize > 1)
    cluster = gpu::KernelDim3{constant(kernel.clusterSize), constant(1), constant(1)};
  Value shared;
  if (kernel.sharedBytes)
    shared = arith::ConstantIntOp::create(b, b.getI32Type(), kernel.sharedBytes);
  cpu::emitLaunchWork(b, launch);
  auto symbol = SymbolRefAttr::get(getKernelModule().getSymNameAttr(),
                                   {FlatSymbolRefAttr::get(LLVM::LLVMFuncOp(kernel.function).getSymNameAttr())});
  auto op = gpu::LaunchFuncOp::create(b, symbol, grid, block, shared, arguments, /*asyncObject=*/Value(), cluster);
  op->setAttr("et.name", launch.getKernelAttr());
  if (!checkArguments.empty())
    op->setAttr("et.check_arguments", b.getDenseI32ArrayAttr(checkArguments));
  // Programs that choose by the number of rows ask a kernel of the first layer for it.
  if (rowsArgument && launch == rowsLaunch)
    op->setAttr("et.rows_argument", b.getI32IntegerAttr(*rowsArgument));
  // The first launch follows what is not ours.
  if (kernel.programmatic && !isFirst)
    op->setAttr("et.programmatic", b.getUnitAttr());
}

LogicalResult ConvertLaunchesToGPUPass::collectPrefetches(func::FuncOp function) {
  prefetches.clear();
  prefetchViews = 0;
  prefetchRows = 0;
  PrefetchOp pending;
  for (Operation &op : function.getBody().front()) {
    if (auto prefetch = dyn_cast<PrefetchOp>(op)) {
      if (pending)
        return pending.emitOpError("expected a launch behind it, but there is another et.prefetch; join their views");
      pending = prefetch;
      prefetchViews = std::max<unsigned>(prefetchViews, prefetch.getViews().size());
      prefetchRows = std::max<int64_t>(prefetchRows, prefetch.getMost());
    } else if (auto launch = dyn_cast<LaunchOp>(op); launch && pending) {
      prefetches[launch] = std::exchange(pending, nullptr);
    }
  }
  if (pending)
    return pending.emitOpError("expected a launch behind it, but there is none");
  return success();
}

LogicalResult ConvertLaunchesToGPUPass::convert(func::FuncOp function) {
  checks.clear();
  if (failed(collectPrefetches(function)))
    return failure();
  rowsLaunch = nullptr;
  SmallVector<LaunchOp> launches(function.getBody().front().getOps<LaunchOp>());
  // Launches are compared with earlier ones: they go when all kernels are built, which stay where they are.
  kernels.reserve(launches.size());
  for (LaunchOp launch : launches) {
    if (!rowsLaunch && isa_and_nonnull<LinearOp>(cpu::getRoot(launch)))
      rowsLaunch = launch;
    FailureOr<ArrayRef<LaunchKernel>> chosen = getKernels(launch);
    if (failed(chosen))
      return failure();
    for (const LaunchKernel &kernel : *chosen)
      launchKernel(launch, kernel, function, launch == launches.front());
    ++numLaunches;
  }
  SmallVector<StringRef> messages(checks.begin(), checks.end());
  function->setAttr("et.checks", OpBuilder(&getContext()).getStrArrayAttr(messages));
  // Launches of later functions are compared with these: kernels are not shared between functions.
  kernels.clear();
  kernelsByHash.clear();
  for (LaunchOp launch : launches)
    launch.erase();
  for (auto prefetch : llvm::make_early_inc_range(function.getBody().front().getOps<PrefetchOp>()))
    prefetch.erase();
  return success();
}
