//===- RaiseUtils.cpp - Walks and refusals of the raising passes -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The walks only find candidates, cheaply; what they find is proved on
// expressions afterwards.
//
//===----------------------------------------------------------------------===//

#include "RaiseUtils.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace mlir::et;

void mlir::et::forEachFunction(Operation *op, llvm::function_ref<void(Operation *)> run) {
  if (isa<FunctionOpInterface>(op))
    return run(op);
  op->walk([&](FunctionOpInterface function) {
    if (!function.isExternal())
      run(function);
  });
}

void mlir::et::emitRefusal(Location loc, StringRef name, StringRef category, const Refusal &refusal) {
  if (refusal.progress == 0)
    return;
  remark::missed(loc, remark::RemarkOpts::name(name).category(category))
      << remark::reason("{0}", refusal.reason) << remark::suggest("{0}", refusal.suggestion);
}

bool mlir::et::containsOp(Operation *op, ArrayRef<StringRef> names) {
  if (llvm::is_contained(names, op->getName().getStringRef()))
    return true;
  if (!isa<linalg::LinalgOp>(op))
    return false;
  return op
      ->walk([&](Operation *inner) {
        return llvm::is_contained(names, inner->getName().getStringRef()) ? WalkResult::interrupt()
                                                                          : WalkResult::advance();
      })
      .wasInterrupted();
}

bool mlir::et::isContraction(Operation *op) {
  auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
  return linalgOp && linalgOp.hasPureTensorSemantics() && linalgOp.getNumReductionLoops() > 0 &&
         linalgOp.getNumDpsInputs() >= 2 && linalgOp.getNumDpsInits() == 1 &&
         containsOp(op, {"arith.mulf", "math.fma"});
}

bool mlir::et::isLightweight(Operation *op) {
  if (isa<linalg::SoftmaxOp, tensor::ExpandShapeOp, tensor::CollapseShapeOp, tensor::CastOp>(op))
    return true;
  if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op))
    return linalgOp.hasPureTensorSemantics() && !isContraction(op);
  return op->hasTrait<OpTrait::Elementwise>() && op->getNumResults() == 1 &&
         isa<RankedTensorType>(op->getResult(0).getType()) &&
         isa<arith::ArithDialect, math::MathDialect>(op->getDialect());
}

/// The uses of \p value that read its elements.
static SmallVector<Operation *> getReaders(Value value) {
  SmallVector<Operation *> readers;
  for (Operation *user : value.getUsers())
    if (!isa<tensor::DimOp>(user) && !llvm::is_contained(readers, user))
      readers.push_back(user);
  return readers;
}

SmallVector<Value> mlir::et::getSingleUseChain(Value start) {
  SmallVector<Value> chain = {start};
  while (chain.size() < 16) {
    SmallVector<Operation *> readers = getReaders(chain.back());
    if (readers.size() != 1 || !isLightweight(readers[0]) || isa<linalg::SoftmaxOp>(readers[0]) ||
        readers[0]->getNumResults() != 1)
      break;
    auto linalgOp = dyn_cast<linalg::LinalgOp>(readers[0]);
    if (linalgOp && linalgOp.getNumReductionLoops() > 0)
      break;
    chain.push_back(readers[0]->getResult(0));
  }
  return chain;
}

llvm::SetVector<Operation *> mlir::et::getDependents(Operation *start, Operation *root, Operation *&escape) {
  llvm::SetVector<Operation *> result;
  result.insert(start);
  for (unsigned i = 0; i < result.size(); ++i) {
    Operation *op = result[i];
    if (op == root)
      continue;
    if (op->hasTrait<OpTrait::IsTerminator>() || !isMemoryEffectFree(op) ||
        (op->getNumRegions() && !isa<linalg::LinalgOp>(op))) {
      if (!escape)
        escape = op;
      continue;
    }
    // A reader inside the body of another op makes that op a dependent.
    for (Operation *user : op->getUsers())
      if (Operation *ancestor = start->getBlock()->findAncestorOpInBlock(*user); !isa<tensor::DimOp>(user))
        result.insert(ancestor ? ancestor : user);
  }
  return result;
}

SmallVector<Value> mlir::et::getSources(Value value, unsigned limit) {
  llvm::SetVector<Value> result;
  result.insert(value);
  for (unsigned i = 0; i < result.size() && result.size() < limit; ++i) {
    Operation *op = result[i].getDefiningOp();
    if (!op || !isLightweight(op))
      continue;
    auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
    for (OpOperand &operand : op->getOpOperands())
      if (isa<RankedTensorType>(operand.get().getType()) && !(linalgOp && linalgOp.isDpsInit(&operand)))
        result.insert(operand.get());
  }
  return SmallVector<Value>(result.begin(), result.end());
}

DenseSet<Operation *> mlir::et::getOpsBetween(Value source, Value root) {
  // Depth first from the root: an op is between when one of its operands is, or is the source.
  DenseSet<Operation *> between, visited;
  std::function<bool(Value)> reaches = [&](Value value) {
    if (value == source)
      return true;
    Operation *op = value.getDefiningOp();
    if (!op || !isLightweight(op))
      return false;
    if (!visited.insert(op).second || visited.size() > 128)
      return between.contains(op);
    bool found = false;
    for (Value operand : op->getOperands())
      found |= reaches(operand);
    if (found)
      between.insert(op);
    return found;
  };
  reaches(root);
  return between;
}

SmallVector<Value> mlir::et::getElementwiseResults(Value start, unsigned limit) {
  llvm::SetVector<Value> result;
  result.insert(start);
  for (unsigned i = 0; i < result.size() && result.size() < limit; ++i)
    for (Operation *user : getReaders(result[i])) {
      auto linalgOp = dyn_cast<linalg::LinalgOp>(user);
      if (isLightweight(user) && user->getNumResults() == 1 && !isa<linalg::SoftmaxOp>(user) &&
          !(linalgOp && linalgOp.getNumReductionLoops() > 0))
        result.insert(user->getResult(0));
    }
  // Breadth first is not program order, which is what tells inner from outer.
  SmallVector<Value> sorted(result.begin(), result.end());
  llvm::sort(sorted, [](Value a, Value b) {
    Operation *x = a.getDefiningOp(), *y = b.getDefiningOp();
    return x->getBlock() == y->getBlock() && x != y && x->isBeforeInBlock(y);
  });
  return sorted;
}

void mlir::et::eraseDeadOps(Operation *function) {
  for (Region &region : function->getRegions())
    for (Block &block : region)
      for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
        if (isOpTriviallyDead(&op))
          op.erase();
}

double mlir::et::getTolerance(Type type) {
  // Four units in the last place of a constant written in the type, and never finer than f32: constants come from
  // there.
  if (type.isBF16())
    return 0x1p-6;
  if (type.isF16())
    return 0x1p-9;
  return 0x1p-18;
}
