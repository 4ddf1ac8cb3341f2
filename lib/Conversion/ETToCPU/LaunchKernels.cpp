//===- LaunchKernels.cpp - Kernels for launches -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LaunchKernels.h"

#include "et/Conversion/ETToCPU/AttentionKernel.h"
#include "et/Conversion/ETToCPU/VectorMath.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::cpu;

Operation *cpu::getRoot(LaunchOp launch) {
  for (Operation &op : launch.getBody().front().without_terminator())
    if (!op.hasTrait<OpTrait::ConstantLike>() && !isa<tensor::DimOp, tensor::EmptyOp>(op))
      return &op;
  return nullptr;
}

FailureOr<LaunchKernel> cpu::buildKernel(OpBuilder &builder, LaunchOp launch, StringRef name, const ISA &isa) {
  OpBuilder::InsertionGuard guard(builder);
  Operation *root = getRoot(launch);
  if (!root || llvm::isa<linalg::LinalgOp, GeluOp>(root)) {
    FailureOr<LaunchKernel> kernel = failure();
    if (root)
      kernel = buildElementwiseLaunch(builder, launch, name, isa);
    return succeeded(kernel) ? kernel : buildLoopLaunch(builder, launch, name, isa);
  }
  if (llvm::isa<LinearOp>(root))
    return buildLinearLaunch(builder, launch, name, isa);
  if (llvm::isa<AttentionOp>(root))
    return buildAttentionLaunch(builder, launch, name, isa);
  return buildRowLaunch(builder, launch, name, isa);
}

/// Whether \p size is dimension \p dim of \p memref.
static bool isSizeOf(OpFoldResult size, Value memref, int64_t dim) {
  auto type = cast<MemRefType>(memref.getType());
  if (!type.isDynamicDim(dim))
    return getConstantIntValue(size) == type.getDimSize(dim);
  auto value = dyn_cast<Value>(size);
  if (!value)
    return false;
  unsigned number = type.getDynamicDimIndex(dim);
  if (auto view = memref.getDefiningOp<memref::ViewOp>())
    return view.getSizes()[number] == value;
  if (auto alloc = memref.getDefiningOp<memref::AllocOp>())
    return alloc.getDynamicSizes()[number] == value;
  auto dimOp = value.getDefiningOp<memref::DimOp>();
  return dimOp && dimOp.getSource() == memref && dimOp.getConstantIndex() == dim;
}

/// All dimensions but the last of a memref of rank 3 or more, and the last.
static SmallVector<ReassociationIndices> getRowGroups(int64_t rank) {
  return {llvm::to_vector(llvm::seq<int64_t>(0, rank - 1)), {rank - 1}};
}

/// The slice that \p memref is, if it takes some columns of all rows of a memref without gaps.
static memref::SubViewOp getColumns(Value memref) {
  auto slice = memref.getDefiningOp<memref::SubViewOp>();
  if (!slice || !slice.getSourceType().getLayout().isIdentity() || !slice.hasUnitStride() ||
      slice.getSourceType().getRank() != cast<MemRefType>(memref.getType()).getRank() ||
      !llvm::all_of(ArrayRef(slice.getMixedOffsets()).drop_back(), isZeroInteger))
    return nullptr;
  SmallVector<OpFoldResult> sliceSizes = slice.getMixedSizes();
  for (auto [dim, size] : llvm::enumerate(ArrayRef(sliceSizes).drop_back()))
    if (!isSizeOf(size, slice.getSource(), dim))
      return nullptr;
  return slice;
}

bool cpu::hasEvenRows(Value memref) {
  auto type = cast<MemRefType>(memref.getType());
  return type.getRank() <= 2 || type.getLayout().isIdentity() ||
         memref::CollapseShapeOp::isGuaranteedCollapsible(type, getRowGroups(type.getRank())) || getColumns(memref);
}

/// Collapses all but the last dimension of \p memref, which hasEvenRows().
static Value collapseRows(OpBuilder &builder, Location loc, Value memref) {
  auto groups = getRowGroups(cast<MemRefType>(memref.getType()).getRank());
  memref::SubViewOp slice = getColumns(memref);
  if (!slice)
    return memref::CollapseShapeOp::create(builder, loc, memref, groups);
  Value rows = memref::CollapseShapeOp::create(builder, loc, slice.getSource(), groups);
  Value numRows = memref::DimOp::create(builder, loc, rows, 0);
  Attribute one = builder.getIndexAttr(1);
  return memref::SubViewOp::create(builder, loc, rows, {builder.getIndexAttr(0), slice.getMixedOffsets().back()},
                                   {OpFoldResult(numRows), slice.getMixedSizes().back()},
                                   {OpFoldResult(one), OpFoldResult(one)});
}

FailureOr<Value> cpu::adaptOperand(OpBuilder &builder, Location loc, Value value, Type type) {
  if (value.getType() == type)
    return value;
  auto target = dyn_cast<MemRefType>(type);
  auto source = dyn_cast<MemRefType>(value.getType());
  if (!target || !source)
    return emitError(loc, "expected a kernel argument of type ") << type << ", but the operand is " << value.getType();
  // Booleans are bytes in memory.
  if (target.getElementType().isInteger(8) && source.getElementType().isInteger(1)) {
    auto bytes = MemRefType::get(source.getShape(), target.getElementType(), source.getLayout());
    value = UnrealizedConversionCastOp::create(builder, loc, bytes, value).getResult(0);
    source = bytes;
  }
  if (target.getRank() == 2 && source.getRank() > 2) {
    if (!hasEvenRows(value))
      return emitError(loc, "expected an operand whose rows are evenly spaced in memory, but its layout is ")
             << source.getLayout() << "; run --et-copy-uneven-rows";
    value = collapseRows(builder, loc, value);
  } else if (target.getRank() == 1 && source.getRank() != 1) {
    if (!source.getLayout().isIdentity())
      return emitError(loc, "expected a contiguous operand, but its layout is ") << source.getLayout();
    SmallVector<ReassociationIndices> all;
    if (source.getRank() > 1)
      all.push_back(llvm::to_vector(llvm::seq<int64_t>(0, source.getRank())));
    if (source.getRank() > 1)
      value = memref::CollapseShapeOp::create(builder, loc, value, all);
    else
      value = memref::ExpandShapeOp::create(builder, loc, SmallVector<int64_t>{1}, value, all);
  } else if (target.getRank() == 2 && source.getRank() == 1) {
    value = memref::ExpandShapeOp::create(builder, loc, SmallVector<int64_t>{1, source.getDimSize(0)}, value,
                                          SmallVector<ReassociationIndices>{{0, 1}});
  }
  if (value.getType() == target)
    return value;
  if (!memref::CastOp::areCastCompatible(value.getType(), target))
    return emitError(loc, "expected a kernel argument of type ") << type << ", but the operand is " << value.getType();
  return memref::CastOp::create(builder, loc, target, value).getResult();
}

std::string cpu::whyNoKernel(Operation *op) {
  for (Type type : llvm::concat<const Type>(op->getOperandTypes(), op->getResultTypes()))
    if (getElementTypeOrSelf(type).isF64() && !isa<EmbeddingOp>(op))
      return "kernels compute in f32, and the op in f64";
  if (auto linear = dyn_cast<LinearOp>(op)) {
    if (Attribute encoding = linear.getWeight().getType().getEncoding(); encoding && !isa<TileAttr>(encoding))
      return "the weight has an encoding that has no CPU kernel";
    if (!linear.getWeight().getDefiningOp<WeightRefOp>())
      return "the weight is not a constant, so it cannot be packed when compiling";
    return "";
  }
  if (auto attention = dyn_cast<AttentionOp>(op)) {
    if (attention.getAccumulatorType().isF64())
      return "kernels accumulate in f32, and the attention in f64";
    if (!attention.getScore().empty())
      if (auto reason = whyNotVectorizable(attention.getScore().front()))
        return *reason;
    return verifyAttentionSpec(getAttentionSpec(attention)).value_or("");
  }
  if (auto norm = dyn_cast<LayerNormOp>(op);
      norm && norm.getGamma() && norm.getBeta() &&
      getElementTypeOrSelf(norm.getGamma()) != getElementTypeOrSelf(norm.getBeta()))
    return "gamma and beta have different element types";
  if (isa<LayerNormOp, RmsNormOp>(op))
    return op->getResult(0).use_empty() ? "only the sum of the norm is used" : "";
  return "";
}

MathFn cpu::getGeluFunction(GeluKind kind) {
  switch (kind) {
  case GeluKind::Erf:
    return MathFn::GeluErf;
  case GeluKind::Tanh:
    return MathFn::GeluTanh;
  case GeluKind::Sigmoid:
    return MathFn::GeluSigmoid;
  }
  llvm_unreachable("unknown kind of GELU");
}
