//===- LoopLaunch.cpp - Kernels for everything else, as loops -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The ops of the region run one after another on memrefs, each as a loop nest of
// which threads share one parallel loop. Ops of et are decomposed first. This is
// the path that takes every op and is not fast; scheduling says when it is taken.
//
//===----------------------------------------------------------------------===//

#include "LaunchKernels.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::cpu;

/// Lets thread \p tid of \p nth run its share of \p loops, the loops of \p op from the outermost in. The loop that is
/// shared is the first parallel one with at least as many iterations as there are threads, else the first parallel one;
/// without any, one thread does all.
static void shareLoops(IRRewriter &rewriter, Location loc, MutableArrayRef<scf::ForOp> loops,
                       ArrayRef<utils::IteratorType> iterators, Value tid, Value nth) {
  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPoint(loops.front());
  Value zero = arith::ConstantIndexOp::create(rewriter, loc, 0);
  SmallVector<unsigned> parallel;
  for (auto [i, iterator] : llvm::enumerate(iterators))
    if (iterator == utils::IteratorType::parallel)
      parallel.push_back(i);
  if (parallel.empty()) {
    // No iterations for all threads but the first.
    Value first = arith::CmpIOp::create(rewriter, loc, arith::CmpIPredicate::eq, tid, zero);
    scf::ForOp outer = loops.front();
    outer.setUpperBound(arith::SelectOp::create(rewriter, loc, first, outer.getUpperBound(), outer.getLowerBound()));
    return;
  }
  Value taken = arith::ConstantIntOp::create(rewriter, loc, 0, 1);
  Value truth = arith::ConstantIntOp::create(rewriter, loc, 1, 1);
  SmallVector<Value> enough;
  for (unsigned i : parallel) {
    Value wide = arith::CmpIOp::create(rewriter, loc, arith::CmpIPredicate::uge, loops[i].getUpperBound(), nth);
    enough.push_back(arith::AndIOp::create(rewriter, loc, wide, arith::XOrIOp::create(rewriter, loc, taken, truth)));
    taken = arith::OrIOp::create(rewriter, loc, taken, wide);
  }
  // None is wide enough: share the first.
  enough[0] = arith::OrIOp::create(rewriter, loc, enough[0], arith::XOrIOp::create(rewriter, loc, taken, truth));
  Value next = arith::AddIOp::create(rewriter, loc, tid, arith::ConstantIndexOp::create(rewriter, loc, 1));
  for (auto [i, shared] : llvm::zip(parallel, enough)) {
    scf::ForOp loop = loops[i];
    Value size = loop.getUpperBound();
    auto bound = [&](Value thread) {
      Value product = arith::MulIOp::create(rewriter, loc, thread, size);
      return arith::DivUIOp::create(rewriter, loc, product, nth).getResult();
    };
    Value begin = arith::SelectOp::create(rewriter, loc, shared, bound(tid), loop.getLowerBound());
    Value end = arith::SelectOp::create(rewriter, loc, shared, bound(next), size);
    loop.setLowerBound(begin);
    loop.setUpperBound(end);
  }
}

namespace {
/// Lowers the region of a launch to loops on the arguments of a function.
class LoopLaunchBuilder {
public:
  LoopLaunchBuilder(LaunchOp launch, func::FuncOp function)
      : launch(launch), function(function), builder(launch.getLoc(), OpBuilder::atBlockEnd(&function.front())) {}

  LogicalResult run();

private:
  LogicalResult lower(Operation *op);
  LogicalResult lowerGeneric(linalg::GenericOp generic);
  LogicalResult lowerToLoops(linalg::GenericOp generic);

  LaunchOp launch;
  func::FuncOp function;
  ImplicitLocOpBuilder builder;
  /// Tensors and scalars of the region to memrefs and scalars of the function.
  IRMapping mapping;
};
} // namespace

/// Lowers \p generic, on memrefs, to loops of which threads share one; erases it.
LogicalResult LoopLaunchBuilder::lowerToLoops(linalg::GenericOp generic) {
  IRRewriter rewriter(builder);
  Location loc = generic.getLoc();
  SmallVector<utils::IteratorType> iterators = generic.getIteratorTypesArray();
  if (iterators.empty()) {
    // A single element: one thread computes it.
    Value zero = arith::ConstantIndexOp::create(builder, 0);
    Value first = arith::CmpIOp::create(builder, arith::CmpIPredicate::eq, function.getArgument(0), zero);
    auto guard = scf::IfOp::create(builder, first);
    rewriter.setInsertionPoint(generic);
    generic->moveBefore(guard.thenBlock()->getTerminator());
    rewriter.setInsertionPoint(generic);
    if (failed(linalg::linalgOpToLoops(rewriter, generic)))
      return launch.emitOpError("cannot run as loops: '") << generic->getName() << "' does not lower to loops";
    rewriter.eraseOp(generic);
    builder.setInsertionPointAfter(guard);
  } else {
    rewriter.setInsertionPoint(generic);
    FailureOr<linalg::LinalgLoops> loops = linalg::linalgOpToLoops(rewriter, generic);
    if (failed(loops))
      return launch.emitOpError("cannot run as loops: '") << generic->getName() << "' does not lower to loops";
    SmallVector<scf::ForOp> nest;
    for (Operation *loop : *loops)
      nest.push_back(cast<scf::ForOp>(loop));
    rewriter.eraseOp(generic);
    shareLoops(rewriter, loc, nest, iterators, function.getArgument(0), function.getArgument(1));
    builder.setInsertionPointToEnd(&function.front());
  }
  return success();
}

LogicalResult LoopLaunchBuilder::lowerGeneric(linalg::GenericOp generic) {
  if (!llvm::all_of(generic->getOperands(), [&](Value value) { return mapping.contains(value); }))
    return launch.emitOpError("cannot run as loops: ")
           << "'" << generic->getName() << "' reads an intermediate result that has no buffer";
  SmallVector<Value> inputs, outputs;
  for (Value input : generic.getDpsInputs())
    inputs.push_back(mapping.lookup(input));
  for (Value output : generic.getDpsInits())
    outputs.push_back(mapping.lookup(output));
  auto onBuffers = linalg::GenericOp::create(builder, TypeRange{}, inputs, outputs, generic.getIndexingMapsArray(),
                                             generic.getIteratorTypesArray());
  IRMapping bodyMapping = mapping;
  generic.getRegion().cloneInto(&onBuffers.getRegion(), bodyMapping);
  // Inside the body, tensors that are read element by element are memrefs now.
  onBuffers.walk([&](tensor::ExtractOp extract) {
    OpBuilder at(extract);
    Value load = memref::LoadOp::create(at, extract.getLoc(), mapping.lookupOrDefault(extract.getTensor()),
                                        extract.getIndices());
    extract.replaceAllUsesWith(load);
    extract.erase();
  });
  if (failed(lowerToLoops(onBuffers)))
    return failure();
  for (auto [result, output] : llvm::zip(generic.getResults(), outputs))
    mapping.map(result, output);
  return success();
}

LogicalResult LoopLaunchBuilder::lower(Operation *op) {
  if (auto generic = dyn_cast<linalg::GenericOp>(op))
    return lowerGeneric(generic);
  if (auto dim = dyn_cast<tensor::DimOp>(op)) {
    Value memref = mapping.lookupOrNull(dim.getSource());
    if (!memref)
      return launch.emitOpError("cannot run as loops: it asks for the size of a value that has no buffer");
    Value index = mapping.lookupOrDefault(dim.getIndex());
    mapping.map(dim.getResult(), memref::DimOp::create(builder, memref, index).getResult());
    return success();
  }
  if (isa<tensor::EmptyOp>(op))
    return success();
  if (isMemoryEffectFree(op) && !llvm::any_of(op->getResultTypes(), llvm::IsaPred<ShapedType>)) {
    builder.clone(*op, mapping);
    return success();
  }
  return launch.emitOpError("cannot run as loops: it holds '")
         << op->getName() << "'; expected linalg.generic, sizes and scalars";
}

LogicalResult LoopLaunchBuilder::run() {
  for (auto [i, argument] : llvm::enumerate(launch.getBody().getArguments()))
    mapping.map(argument, function.getArgument(i + 2));
  for (Operation &op : launch.getBody().front().without_terminator())
    if (failed(lower(&op)))
      return failure();
  // Every result must have been computed where it goes; an input that is yielded as it is, is copied there.
  for (auto [i, value] : llvm::enumerate(launch.getYield().getValues())) {
    Value output = function.getArgument(2 + launch.getInputs().size() + i);
    Value computed = mapping.lookupOrNull(value);
    if (computed == output)
      continue;
    if (!isa<BlockArgument>(value))
      return launch.emitOpError("cannot run as loops: result ") << i << " is not computed in its output";
    int64_t rank = cast<MemRefType>(output.getType()).getRank();
    AffineMap identity = builder.getMultiDimIdentityMap(rank);
    SmallVector<utils::IteratorType> iterators(rank, utils::IteratorType::parallel);
    auto copy = linalg::GenericOp::create(
        builder, TypeRange{}, computed, output, ArrayRef<AffineMap>{identity, identity}, iterators,
        [](OpBuilder &b, Location loc, ValueRange args) { linalg::YieldOp::create(b, loc, args[0]); });
    if (failed(lowerToLoops(copy)))
      return failure();
  }
  func::ReturnOp::create(builder);
  return success();
}

FailureOr<LaunchKernel> cpu::buildLoopLaunch(OpBuilder &builder, LaunchOp launch, StringRef name, const ISA &) {
  SmallVector<Type> types{builder.getIndexType(), builder.getIndexType()};
  llvm::append_range(types, launch->getOperandTypes());
  auto function = func::FuncOp::create(builder, launch.getLoc(), name, builder.getFunctionType(types, {}));
  function.addEntryBlock();
  LaunchKernel kernel;
  kernel.function = function;
  kernel.operands = llvm::to_vector(llvm::seq<unsigned>(0, launch->getNumOperands()));
  if (failed(LoopLaunchBuilder(launch, function).run()))
    return failure();
  return kernel;
}
