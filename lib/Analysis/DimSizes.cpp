//===- DimSizes.cpp - Which dimensions have the same size -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One walk joins the dimensions that an op forces to agree: those one loop of
// a linalg op runs over, both sides of a cast or a reshape, `tensor.dim` and
// the tensors it sizes, and arguments that share a name in `et.dims`.
//
//===----------------------------------------------------------------------===//

#include "et/Analysis/TensorExpr.h"
#include "et/Dialect/ET/IR/ET.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

using namespace mlir;
using namespace mlir::et;

/// Second half of the key of a scalar, which has no dimensions.
static constexpr int64_t kScalar = -1;

DimSizes::DimSizes(Operation *root) {
  root->walk([&](Operation *op) { visit(op); });
}

unsigned DimSizes::key(Value value, int64_t dim) {
  auto [it, inserted] = keys.try_emplace({value, dim}, parent.size());
  if (inserted) {
    parent.push_back(parent.size());
    int64_t size = ShapedType::kDynamic;
    APInt constant;
    if (dim != kScalar)
      size = cast<RankedTensorType>(value.getType()).getDimSize(dim);
    else if (matchPattern(value, m_ConstantInt(&constant)))
      size = constant.getSExtValue();
    known.push_back(size);
  }
  unsigned k = it->second;
  while (parent[k] != k)
    k = parent[k];
  return k;
}

void DimSizes::join(unsigned a, unsigned b) {
  while (parent[a] != a)
    a = parent[a];
  while (parent[b] != b)
    b = parent[b];
  if (a == b)
    return;
  parent[b] = a;
  if (ShapedType::isDynamic(known[a]))
    known[a] = known[b];
}

int64_t DimSizes::get(Value tensor, int64_t dim) const {
  int64_t size = cast<RankedTensorType>(tensor.getType()).getDimSize(dim);
  if (!ShapedType::isDynamic(size))
    return size;
  // Every tensor below the root was visited, so its dimensions are known.
  auto it = keys.find({tensor, dim});
  if (it == keys.end())
    return -1 - static_cast<int64_t>(parent.size()) - dim;
  unsigned k = it->second;
  while (parent[k] != k)
    k = parent[k];
  return ShapedType::isDynamic(known[k]) ? -1 - static_cast<int64_t>(k) : known[k];
}

static int64_t getRank(Value value) { return cast<RankedTensorType>(value.getType()).getRank(); }

void DimSizes::visit(Operation *op) {
  for (Value value :
       llvm::concat<const Value>(SmallVector<Value>(op->getOperands()), SmallVector<Value>(op->getResults())))
    if (isa<RankedTensorType>(value.getType()))
      for (int64_t dim = 0, rank = getRank(value); dim < rank; ++dim)
        key(value, dim);
  auto joinAll = [&](Value a, Value b) {
    for (int64_t dim = 0, rank = getRank(a); dim < rank; ++dim)
      join(a, dim, b, dim);
  };
  auto joinSizes = [&](Value tensor, ValueRange dynamicSizes) {
    unsigned next = 0;
    auto type = cast<RankedTensorType>(tensor.getType());
    for (int64_t dim = 0; dim < type.getRank() && next < dynamicSizes.size(); ++dim)
      if (type.isDynamicDim(dim))
        join(dynamicSizes[next++], kScalar, tensor, dim);
  };
  auto joinReshape = [&](Value narrow, Value wide, ArrayRef<ReassociationIndices> groups) {
    auto type = cast<RankedTensorType>(wide.getType());
    for (auto [dim, group] : llvm::enumerate(groups)) {
      SmallVector<int64_t> real;
      for (int64_t inner : group)
        if (type.getDimSize(inner) != 1)
          real.push_back(inner);
      if (real.size() == 1)
        join(narrow, dim, wide, real[0]);
    }
  };

  if (auto function = dyn_cast<FunctionOpInterface>(op)) {
    llvm::StringMap<std::pair<Value, int64_t>> named;
    if (function.isExternal())
      return;
    for (BlockArgument arg : function.getArguments()) {
      auto type = dyn_cast<RankedTensorType>(arg.getType());
      auto dims = function.getArgAttrOfType<ArrayAttr>(arg.getArgNumber(), ETDialect::getDimsAttrName());
      if (!type || !dims || static_cast<int64_t>(dims.size()) != type.getRank())
        continue;
      for (auto [dim, name] : llvm::enumerate(dims.getAsRange<StringAttr>()))
        if (type.isDynamicDim(dim) && !name.empty()) {
          auto [it, inserted] = named.try_emplace(name, std::pair<Value, int64_t>(arg, dim));
          if (!inserted)
            join(it->second.first, it->second.second, arg, dim);
        }
    }
  } else if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op)) {
    if (!linalgOp.hasPureTensorSemantics())
      return;
    SmallVector<std::optional<unsigned>> loops(linalgOp.getNumLoops());
    for (OpOperand &operand : op->getOpOperands()) {
      if (!isa<RankedTensorType>(operand.get().getType()))
        continue;
      for (auto [dim, expr] : llvm::enumerate(linalgOp.getMatchingIndexingMap(&operand).getResults()))
        if (auto loop = dyn_cast<AffineDimExpr>(expr)) {
          unsigned k = key(operand.get(), dim);
          if (loops[loop.getPosition()])
            join(key(operand.get(), dim), *loops[loop.getPosition()]);
          loops[loop.getPosition()] = k;
        }
    }
    for (auto [result, init] : llvm::zip(op->getResults(), linalgOp.getDpsInits()))
      joinAll(init, result);
  } else if (auto softmax = dyn_cast<linalg::SoftmaxOp>(op)) {
    if (softmax->getNumResults() == 1) {
      joinAll(softmax.getInput(), softmax->getResult(0));
      joinAll(softmax.getOutput(), softmax->getResult(0));
    }
  } else if (auto dim = dyn_cast<tensor::DimOp>(op)) {
    if (std::optional<int64_t> index = dim.getConstantIndex();
        index && isa<RankedTensorType>(dim.getSource().getType()))
      join(dim.getSource(), *index, dim.getResult(), kScalar);
  } else if (isa<arith::IndexCastOp, arith::IndexCastUIOp>(op)) {
    if (!isa<ShapedType>(op->getResult(0).getType()))
      join(op->getOperand(0), kScalar, op->getResult(0), kScalar);
  } else if (auto empty = dyn_cast<tensor::EmptyOp>(op)) {
    joinSizes(empty.getResult(), empty.getDynamicSizes());
  } else if (auto cast = dyn_cast<tensor::CastOp>(op)) {
    if (isa<RankedTensorType>(cast.getSource().getType()) && isa<RankedTensorType>(cast.getType()))
      joinAll(cast.getSource(), cast.getResult());
  } else if (auto expand = dyn_cast<tensor::ExpandShapeOp>(op)) {
    joinReshape(expand.getSrc(), expand.getResult(), expand.getReassociationIndices());
    joinSizes(expand.getResult(), expand.getOutputShape());
  } else if (auto collapse = dyn_cast<tensor::CollapseShapeOp>(op)) {
    joinReshape(collapse.getResult(), collapse.getSrc(), collapse.getReassociationIndices());
  } else if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op)) {
    llvm::SmallBitVector dropped = slice.getDroppedDims();
    int64_t resultDim = 0;
    for (auto [dim, size] : llvm::enumerate(slice.getMixedSizes())) {
      if (dropped.test(dim))
        continue;
      if (auto value = dyn_cast<Value>(size))
        join(value, kScalar, slice.getResult(), resultDim);
      ++resultDim;
    }
  } else if (isa<GeluOp, LayerNormOp, RmsNormOp>(op)) {
    joinAll(op->getOperand(0), op->getResult(0));
  } else if (auto stats = dyn_cast<NormStatsOp>(op)) {
    for (Value result : stats.getResults())
      for (int64_t dim = 0, rank = getRank(result); dim < rank; ++dim)
        join(stats.getInput(), dim, result, dim);
  } else if (auto linear = dyn_cast<LinearOp>(op)) {
    for (int64_t dim = 0, rank = getRank(linear.getInput()); dim + 1 < rank; ++dim)
      join(linear.getInput(), dim, linear.getResult(), dim);
  } else if (op->hasTrait<OpTrait::Elementwise>() && op->getNumResults() == 1 &&
             isa<RankedTensorType>(op->getResult(0).getType())) {
    for (Value operand : op->getOperands())
      if (isa<RankedTensorType>(operand.getType()))
        joinAll(operand, op->getResult(0));
  }
}
