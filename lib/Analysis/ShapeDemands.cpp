//===- ShapeDemands.cpp - What operations demand of sizes -------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ShapePaths.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::et;

/// A static dimension of a result is what its type says, whatever it is made of: a demand.
static bool demandType(PathState &state, Value result, MutableArrayRef<SizeExpr> shape, Location loc) {
  for (auto [dim, size] : llvm::enumerate(cast<RankedTensorType>(result.getType()).getShape())) {
    if (ShapedType::isDynamic(size))
      continue;
    if (!state.demandEqual(shape[dim], SizeExpr(size),
                           llvm::formatv("expected dimension {0} to have the size {1}", dim, size), loc))
      return false;
    shape[dim] = SizeExpr(size);
  }
  return true;
}

/// The dimensions of all operands that one loop runs over agree, and windows stay inside.
static bool visit(PathState &state, linalg::LinalgOp op) {
  Location loc = op.getLoc();
  SmallVector<std::optional<SizeExpr>> loops(op.getNumLoops());
  SmallVector<std::pair<unsigned, unsigned>> owners(op.getNumLoops());
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  for (auto [number, operand] : llvm::enumerate(op->getOperands())) {
    if (!isa<RankedTensorType>(operand.getType()))
      continue;
    SmallVector<SizeExpr> shape = state.getShape(operand);
    for (auto [dim, expr] : llvm::enumerate(maps[number].getResults())) {
      auto loop = dyn_cast<AffineDimExpr>(expr);
      if (!loop)
        continue;
      unsigned position = loop.getPosition();
      if (!loops[position]) {
        loops[position] = shape[dim];
        owners[position] = {number, dim};
      } else if (!state.demandEqual(*loops[position], shape[dim],
                                    llvm::formatv("expected dimension {0} of operand {1} to have the size of dimension "
                                                  "{2} of operand {3}",
                                                  dim, number, owners[position].second, owners[position].first),
                                    loc)) {
        return false;
      }
    }
  }
  for (auto [number, result] : llvm::enumerate(op->getResults()))
    state.shapes[result] = state.getShape(op.getDpsInits()[number]);
  return true;
}

/// Sizes of the groups that \p reassociation joins.
static SmallVector<SizeExpr> joinDims(PathState &state, ArrayRef<SizeExpr> shape,
                                      ArrayRef<ReassociationIndices> reassociation, Location loc) {
  SmallVector<SizeExpr> joined;
  for (const ReassociationIndices &group : reassociation) {
    SizeExpr size(1);
    for (int64_t dim : group)
      size = state.system.multiply(size, shape[dim], loc);
    joined.push_back(size);
  }
  return joined;
}

static bool visit(PathState &state, tensor::ExpandShapeOp op) {
  SmallVector<SizeExpr> source = state.getShape(op.getSrc()), shape;
  for (OpFoldResult size : op.getMixedOutputShape())
    shape.push_back(state.getSize(size));
  SmallVector<SizeExpr> joined = joinDims(state, shape, op.getReassociationIndices(), op.getLoc());
  for (auto [dim, sizes] : llvm::enumerate(llvm::zip(source, joined)))
    if (!state.demandEqual(std::get<0>(sizes), std::get<1>(sizes),
                           llvm::formatv("expected dimension {0} of the source to have as many elements as the "
                                         "dimensions that it expands to",
                                         dim),
                           op.getLoc()))
      return false;
  state.shapes[op.getResult()] = shape;
  return demandType(state, op.getResult(), state.shapes[op.getResult()], op.getLoc());
}

/// A slice of \p sizes from \p offsets on lies inside of \p shape.
static bool demandInside(PathState &state, ArrayRef<SizeExpr> shape, ArrayRef<OpFoldResult> offsets,
                         ArrayRef<OpFoldResult> sizes, ArrayRef<OpFoldResult> strides, Location loc) {
  SizeSystem &system = state.system;
  for (unsigned dim = 0; dim < shape.size(); ++dim) {
    SizeExpr offset = state.getSize(offsets[dim]), size = state.getSize(sizes[dim]);
    SizeExpr steps = system.multiply(system.add(size, SizeExpr(-1), loc), state.getSize(strides[dim]), loc);
    SizeExpr end = system.add(system.add(offset, steps, loc), SizeExpr(1), loc);
    SizeExpr room = system.add(shape[dim], end, loc, -1);
    // A slice of nothing may begin anywhere.
    SizeCondition inside =
        SizeCondition::either(SizeCondition::equal(size), SizeCondition::both(SizeCondition::notNegative(offset),
                                                                              SizeCondition::notNegative(room)));
    if (!state.demand(inside, llvm::formatv("expected the slice to end inside of dimension {0}", dim), loc))
      return false;
  }
  return true;
}

static bool visit(PathState &state, tensor::ExtractSliceOp op) {
  if (!demandInside(state, state.getShape(op.getSource()), op.getMixedOffsets(), op.getMixedSizes(),
                    op.getMixedStrides(), op.getLoc()))
    return false;
  llvm::SmallBitVector dropped = op.getDroppedDims();
  SmallVector<SizeExpr> shape;
  for (auto [dim, size] : llvm::enumerate(op.getMixedSizes()))
    if (!dropped[dim])
      shape.push_back(state.getSize(size));
  state.shapes[op.getResult()] = shape;
  return true;
}

static bool visit(PathState &state, tensor::InsertSliceOp op) {
  if (!demandInside(state, state.getShape(op.getDest()), op.getMixedOffsets(), op.getMixedSizes(), op.getMixedStrides(),
                    op.getLoc()))
    return false;
  SmallVector<SizeExpr> source = state.getShape(op.getSource());
  llvm::SmallBitVector dropped = op.getDroppedDims();
  unsigned next = 0;
  for (auto [dim, size] : llvm::enumerate(op.getMixedSizes())) {
    if (dropped[dim])
      continue;
    if (!state.demandEqual(source[next], state.getSize(size),
                           llvm::formatv("expected dimension {0} of the source to have the size of the slice", next),
                           op.getLoc()))
      return false;
    ++next;
  }
  state.shapes[op.getResult()] = state.getShape(op.getDest());
  return true;
}

static bool visit(PathState &state, tensor::ConcatOp op) {
  Location loc = op.getLoc();
  SmallVector<SizeExpr> shape = state.getShape(op.getInputs().front());
  for (auto [number, input] : llvm::enumerate(op.getInputs())) {
    if (number == 0)
      continue;
    for (auto [dim, size] : llvm::enumerate(state.getShape(input))) {
      if (dim == op.getDim())
        shape[dim] = state.system.add(shape[dim], size, loc);
      else if (!state.demandEqual(
                   shape[dim], size,
                   llvm::formatv("expected dimension {0} of input {1} to have the size of input 0", dim, number), loc))
        return false;
    }
  }
  state.shapes[op.getResult()] = shape;
  return demandType(state, op.getResult(), state.shapes[op.getResult()], loc);
}

bool mlir::et::visitTensorOp(PathState &state, Operation *op) {
  Location loc = op->getLoc();
  return TypeSwitch<Operation *, bool>(op)
      .Case([&](linalg::LinalgOp linalgOp) { return visit(state, linalgOp); })
      .Case<tensor::ExpandShapeOp, tensor::ExtractSliceOp, tensor::InsertSliceOp, tensor::ConcatOp>(
          [&](auto tensorOp) { return visit(state, tensorOp); })
      .Case([&](tensor::CollapseShapeOp collapse) {
        state.shapes[collapse.getResult()] =
            joinDims(state, state.getShape(collapse.getSrc()), collapse.getReassociationIndices(), loc);
        return demandType(state, collapse.getResult(), state.shapes[collapse.getResult()], loc);
      })
      .Case([&](tensor::CastOp cast) {
        if (!isa<RankedTensorType>(cast.getSource().getType()) || !isa<RankedTensorType>(cast.getType()))
          return true;
        state.shapes[cast.getResult()] = state.getShape(cast.getSource());
        return demandType(state, cast.getResult(), state.shapes[cast.getResult()], loc);
      })
      .Case<tensor::EmptyOp, tensor::SplatOp, tensor::GenerateOp>([&](auto source) {
        SmallVector<SizeExpr> shape;
        auto next = [it = source->operand_begin() + (isa<tensor::SplatOp>(op) ? 1 : 0)]() mutable { return *it++; };
        for (int64_t size : source.getType().getShape())
          shape.push_back(ShapedType::isDynamic(size) ? state.getSize(next()) : SizeExpr(size));
        state.shapes[source.getResult()] = shape;
        return true;
      })
      .Case([&](tensor::PadOp pad) {
        SmallVector<SizeExpr> shape = state.getShape(pad.getSource());
        for (auto [dim, around] : llvm::enumerate(llvm::zip(pad.getMixedLowPad(), pad.getMixedHighPad()))) {
          shape[dim] = state.system.add(shape[dim], state.getSize(std::get<0>(around)), loc);
          shape[dim] = state.system.add(shape[dim], state.getSize(std::get<1>(around)), loc);
        }
        state.shapes[pad.getResult()] = shape;
        return demandType(state, pad.getResult(), state.shapes[pad.getResult()], loc);
      })
      .Default([&](Operation *) {
        if (!op->hasTrait<OpTrait::Elementwise>())
          return true;
        // Elementwise ops on tensors: all of one shape.
        std::optional<SmallVector<SizeExpr>> shape;
        for (auto [number, operand] : llvm::enumerate(op->getOperands())) {
          if (!isa<RankedTensorType>(operand.getType()))
            continue;
          SmallVector<SizeExpr> own = state.getShape(operand);
          if (!shape) {
            shape = own;
            continue;
          }
          for (auto [dim, sizes] : llvm::enumerate(llvm::zip(*shape, own)))
            if (!state.demandEqual(std::get<0>(sizes), std::get<1>(sizes),
                                   llvm::formatv("expected dimension {0} of all operands to have one size", dim), loc))
              return false;
        }
        if (shape)
          for (Value result : op->getResults())
            if (isa<RankedTensorType>(result.getType()))
              state.shapes[result] = *shape;
        return true;
      });
}
