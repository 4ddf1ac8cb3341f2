//===- LaunchEvaluator.cpp - Sizes and views as expressions of a program -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LaunchEvaluator.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::et;
using runtime::Expr;
using runtime::ExprKind;

FailureOr<Expr> LaunchEvaluator::getExpr(OpFoldResult value) {
  if (std::optional<int64_t> constant = getConstantIntValue(value))
    return builder.constant(*constant);
  return getExpr(cast<Value>(value));
}

FailureOr<Expr> LaunchEvaluator::getExpr(Value value) {
  auto known = exprs.find(value);
  if (known != exprs.end())
    return known->second;
  auto result = dyn_cast<OpResult>(value);
  if (!result)
    return emitError(value.getLoc(), "expected sizes to depend on sizes of the arguments, but one depends on a scalar");
  FailureOr<Expr> expr = computeExpr(result);
  if (succeeded(expr))
    exprs[value] = *expr;
  return expr;
}

/// The kind of an op of two operands; nothing when it has none.
static std::optional<ExprKind> getKind(Operation *op) {
  using Kind = std::optional<ExprKind>;
  return llvm::TypeSwitch<Operation *, Kind>(op)
      .Case<arith::AddIOp>([](auto) { return ExprKind::Add; })
      .Case<arith::SubIOp>([](auto) { return ExprKind::Sub; })
      .Case<arith::MulIOp>([](auto) { return ExprKind::Mul; })
      // Sizes are not negative.
      .Case<arith::DivUIOp, arith::DivSIOp, arith::FloorDivSIOp>([](auto) { return ExprKind::FloorDiv; })
      .Case<arith::CeilDivUIOp, arith::CeilDivSIOp>([](auto) { return ExprKind::CeilDiv; })
      .Case<arith::RemUIOp, arith::RemSIOp>([](auto) { return ExprKind::Mod; })
      .Case<arith::MinUIOp, arith::MinSIOp>([](auto) { return ExprKind::Min; })
      .Case<arith::MaxUIOp, arith::MaxSIOp>([](auto) { return ExprKind::Max; })
      .Default([](auto) -> Kind { return std::nullopt; });
}

FailureOr<Expr> LaunchEvaluator::getDim(Value memref, Value dim) {
  std::optional<int64_t> position = getConstantIntValue(dim);
  FailureOr<BufferView> view = getView(memref);
  if (failed(view) || !position || *position < 0 || *position >= static_cast<int64_t>(view->sizes.size()))
    return failure();
  return view->sizes[*position];
}

FailureOr<Expr> LaunchEvaluator::getAffine(AffineExpr expr, ArrayRef<Expr> dims, ArrayRef<Expr> symbols) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return builder.constant(constant.getValue());
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return dims[dim.getPosition()];
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
    return symbols[symbol.getPosition()];
  auto binary = cast<AffineBinaryOpExpr>(expr);
  FailureOr<Expr> lhs = getAffine(binary.getLHS(), dims, symbols), rhs = getAffine(binary.getRHS(), dims, symbols);
  if (failed(lhs) || failed(rhs))
    return failure();
  switch (binary.getKind()) {
  case AffineExprKind::Add:
    return builder.add(*lhs, *rhs);
  case AffineExprKind::Mul:
    return builder.mul(*lhs, *rhs);
  case AffineExprKind::FloorDiv:
    return builder.floorDiv(*lhs, *rhs);
  case AffineExprKind::CeilDiv:
    return builder.ceilDiv(*lhs, *rhs);
  default:
    return builder.mod(*lhs, *rhs);
  }
}

FailureOr<Expr> LaunchEvaluator::computeExpr(OpResult result) {
  Operation *op = result.getOwner();
  if (std::optional<int64_t> constant = getConstantIntValue(result))
    return builder.constant(*constant);
  if (std::optional<ExprKind> kind = getKind(op)) {
    FailureOr<Expr> lhs = getExpr(op->getOperand(0)), rhs = getExpr(op->getOperand(1));
    if (failed(lhs) || failed(rhs))
      return failure();
    return builder.binary(*kind, *lhs, *rhs);
  }
  if (isa<arith::IndexCastOp, arith::IndexCastUIOp, arith::ExtSIOp, arith::ExtUIOp, arith::TruncIOp>(op))
    return getExpr(op->getOperand(0));
  if (auto dim = dyn_cast<memref::DimOp>(op))
    return getDim(dim.getSource(), dim.getIndex());
  // Rounding down: x & -64 is x - x % 64.
  if (auto conjunction = dyn_cast<arith::AndIOp>(op))
    if (std::optional<int64_t> mask = getConstantIntValue(conjunction.getRhs());
        mask && *mask < 0 && llvm::isPowerOf2_64(-*mask)) {
      FailureOr<Expr> lhs = getExpr(conjunction.getLhs());
      if (failed(lhs))
        return failure();
      return builder.sub(*lhs, builder.mod(*lhs, builder.constant(-*mask)));
    }
  if (isa<arith::ShLIOp, arith::ShRUIOp>(op))
    if (std::optional<int64_t> bits = getConstantIntValue(op->getOperand(1)); bits && *bits >= 0 && *bits < 63) {
      FailureOr<Expr> lhs = getExpr(op->getOperand(0));
      if (failed(lhs))
        return failure();
      Expr factor = builder.constant(int64_t(1) << *bits);
      return isa<arith::ShLIOp>(op) ? builder.mul(*lhs, factor) : builder.floorDiv(*lhs, factor);
    }
  if (auto metadata = dyn_cast<memref::ExtractStridedMetadataOp>(op)) {
    FailureOr<BufferView> view = getView(metadata.getSource());
    if (failed(view))
      return failure();
    if (result == metadata.getOffset())
      return view->offset;
    for (auto [size, expr] : llvm::zip(metadata.getSizes(), view->sizes))
      if (size == result)
        return expr;
    for (auto [stride, expr] : llvm::zip(metadata.getStrides(), view->strides))
      if (stride == result)
        return expr;
  }
  if (isa<affine::AffineApplyOp, affine::AffineMinOp, affine::AffineMaxOp>(op)) {
    AffineMap map = cast<AffineMapAttr>(op->getAttr("map")).getValue();
    SmallVector<Expr> operands;
    for (Value operand : op->getOperands()) {
      FailureOr<Expr> expr = getExpr(operand);
      if (failed(expr))
        return failure();
      operands.push_back(*expr);
    }
    std::optional<Expr> total;
    for (AffineExpr piece : map.getResults()) {
      FailureOr<Expr> expr = getAffine(piece, ArrayRef(operands).take_front(map.getNumDims()),
                                       ArrayRef(operands).drop_front(map.getNumDims()));
      if (failed(expr))
        return failure();
      ExprKind kind = isa<affine::AffineMinOp>(op) ? ExprKind::Min : ExprKind::Max;
      total = total ? builder.binary(kind, *total, *expr) : *expr;
    }
    return *total;
  }
  return op->emitOpError("cannot be part of a saved program: programs compute sizes with sums, products, quotients, "
                         "minima and maxima of sizes");
}

//===----------------------------------------------------------------------===//
// Views
//===----------------------------------------------------------------------===//

Expr LaunchEvaluator::getByteOffset(const BufferView &view) {
  return builder.add(view.base, builder.mul(view.offset, builder.constant(view.elementBytes)));
}

void LaunchEvaluator::setContiguousStrides(BufferView &view) {
  view.strides.assign(view.sizes.size(), builder.constant(1));
  for (size_t dim = view.sizes.size(); dim-- > 1;)
    view.strides[dim - 1] = builder.mul(view.strides[dim], view.sizes[dim]);
}

static int64_t getElementBytes(Type memref) {
  return llvm::divideCeil(cast<MemRefType>(memref).getElementTypeBitWidth(), 8);
}

LogicalResult LaunchEvaluator::setShape(BufferView &view, MemRefType type, ValueRange dynamic) {
  view.sizes.clear();
  for (int64_t dim = 0; dim < type.getRank(); ++dim) {
    if (!type.isDynamicDim(dim)) {
      view.sizes.push_back(builder.constant(type.getDimSize(dim)));
      continue;
    }
    FailureOr<Expr> size = getExpr(dynamic[type.getDynamicDimIndex(dim)]);
    if (failed(size))
      return failure();
    view.sizes.push_back(*size);
  }
  view.elementBytes = getElementBytes(type);
  setContiguousStrides(view);
  return success();
}

FailureOr<BufferView> LaunchEvaluator::getView(Value memref) {
  auto known = views.find(memref);
  if (known != views.end())
    return known->second;
  Operation *op = memref.getDefiningOp();
  if (!op)
    return emitError(memref.getLoc(), "expected a launch to take buffers of the program");
  FailureOr<BufferView> view = computeView(op);
  if (succeeded(view))
    views[memref] = *view;
  return view;
}

FailureOr<BufferView> LaunchEvaluator::computeView(Operation *op) {
  using Result = FailureOr<BufferView>;
  return llvm::TypeSwitch<Operation *, Result>(op)
      .Case([&](memref::ViewOp view) { return viewBytes(view); })
      .Case([&](memref::SubViewOp slice) { return takeSlice(slice); })
      .Case([&](memref::ExpandShapeOp shape) { return expand(shape); })
      .Case([&](memref::CollapseShapeOp shape) { return collapse(shape); })
      .Case([&](memref::ReinterpretCastOp cast) { return reinterpret(cast); })
      .Case([&](memref::CastOp cast) { return getView(cast.getSource()); })
      // Booleans as bytes, which they are in memory.
      .Case([&](UnrealizedConversionCastOp cast) { return getView(cast.getInputs().front()); })
      .Default([&](Operation *other) -> Result {
        return other->emitOpError("cannot be part of a saved program: it is no view that programs know");
      });
}

FailureOr<BufferView> LaunchEvaluator::viewBytes(memref::ViewOp op) {
  BufferView view;
  view.offset = builder.constant(0);
  if (op.getSource() == weightsArgument) {
    std::optional<int64_t> shift = getConstantIntValue(op.getByteShift());
    const WeightPlace *place = nullptr;
    for (const WeightPlace &weight : weights)
      if (shift && *shift >= weight.offset && *shift < weight.offset + std::max<int64_t>(weight.size, 1))
        place = &weight;
    if (!place)
      return op.emitOpError("expected an offset at which a weight lies");
    view.buffer = runtime::Buffer::weight(place->index);
    view.base = builder.constant(*shift - place->offset);
  } else {
    FailureOr<BufferView> source = getView(op.getSource());
    FailureOr<Expr> shift = getExpr(op.getByteShift());
    if (failed(source) || failed(shift))
      return failure();
    view.buffer = source->buffer;
    view.base = builder.add(getByteOffset(*source), *shift);
  }
  if (failed(setShape(view, op.getType(), op.getSizes())))
    return failure();
  return view;
}

FailureOr<BufferView> LaunchEvaluator::takeSlice(memref::SubViewOp op) {
  FailureOr<BufferView> source = getView(op.getSource());
  if (failed(source))
    return failure();
  BufferView view = *source;
  view.sizes.clear();
  view.strides.clear();
  llvm::SmallBitVector dropped = op.getDroppedDims();
  for (unsigned dim = 0; dim < source->sizes.size(); ++dim) {
    FailureOr<Expr> start = getExpr(op.getMixedOffsets()[dim]), size = getExpr(op.getMixedSizes()[dim]);
    FailureOr<Expr> step = getExpr(op.getMixedStrides()[dim]);
    if (failed(start) || failed(size) || failed(step))
      return failure();
    view.offset = builder.add(view.offset, builder.mul(*start, source->strides[dim]));
    if (dropped.test(dim))
      continue;
    view.sizes.push_back(*size);
    view.strides.push_back(builder.mul(*step, source->strides[dim]));
  }
  return view;
}

FailureOr<BufferView> LaunchEvaluator::expand(memref::ExpandShapeOp op) {
  FailureOr<BufferView> source = getView(op.getSrc());
  if (failed(source))
    return failure();
  BufferView view = *source;
  view.sizes.clear();
  for (OpFoldResult size : op.getMixedOutputShape()) {
    FailureOr<Expr> expr = getExpr(size);
    if (failed(expr))
      return failure();
    view.sizes.push_back(*expr);
  }
  view.strides.assign(view.sizes.size(), builder.constant(1));
  for (auto [dim, group] : llvm::enumerate(op.getReassociationIndices())) {
    Expr stride = source->strides[dim];
    for (int64_t result : llvm::reverse(group)) {
      view.strides[result] = stride;
      stride = builder.mul(stride, view.sizes[result]);
    }
  }
  return view;
}

FailureOr<BufferView> LaunchEvaluator::collapse(memref::CollapseShapeOp op) {
  FailureOr<BufferView> source = getView(op.getSrc());
  if (failed(source))
    return failure();
  BufferView view = *source;
  view.sizes.clear();
  view.strides.clear();
  for (const ReassociationIndices &group : op.getReassociationIndices()) {
    Expr size = builder.constant(1);
    for (int64_t dim : group)
      size = builder.mul(size, source->sizes[dim]);
    view.sizes.push_back(size);
    view.strides.push_back(source->strides[group.back()]);
  }
  return view;
}

FailureOr<BufferView> LaunchEvaluator::reinterpret(memref::ReinterpretCastOp op) {
  FailureOr<BufferView> source = getView(op.getSource());
  FailureOr<Expr> offset = getExpr(op.getMixedOffsets().front());
  if (failed(source) || failed(offset))
    return failure();
  BufferView view = *source;
  // Counted from the start of the buffer, not from that of the source.
  view.offset = *offset;
  view.sizes.clear();
  view.strides.clear();
  for (auto [size, stride] : llvm::zip(op.getMixedSizes(), op.getMixedStrides())) {
    FailureOr<Expr> sizeExpr = getExpr(size), strideExpr = getExpr(stride);
    if (failed(sizeExpr) || failed(strideExpr))
      return failure();
    view.sizes.push_back(*sizeExpr);
    view.strides.push_back(*strideExpr);
  }
  return view;
}

LogicalResult LaunchEvaluator::setWork(WorkOp work, runtime::Launch &launch) {
  for (auto [value, count] : {std::pair(work.getBytes(), &launch.bytes), std::pair(work.getFlops(), &launch.flops)}) {
    if (!value)
      continue;
    FailureOr<Expr> expr = getExpr(value);
    if (failed(expr))
      return failure();
    *count = *expr;
  }
  launch.math = work.getTensor() ? runtime::MathUnit::Tensor : runtime::MathUnit::Vector;
  return success();
}
