//===- LaunchKernels.cpp - GPU kernels for launches -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LaunchKernels.h"

#include "et/Conversion/ETToCPU/LaunchRows.h"
#include "et/Conversion/ETToGPU/PrefetchKernel.h"
#include "et/Conversion/ETToGPU/RowKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

#include <numeric>

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::gpu_kernels;

bool gpu_kernels::isWeight(Value memref) {
  while (auto view = memref.getDefiningOp<ViewLikeOpInterface>())
    memref = view.getViewSource();
  auto argument = dyn_cast<BlockArgument>(memref);
  auto function = argument ? dyn_cast<func::FuncOp>(argument.getOwner()->getParentOp()) : nullptr;
  // A planned function ends in arena, weights, status, threads.
  return function && function->hasAttr("et.scratch") && argument.getArgNumber() + 3 == function.getNumArguments();
}

/// Products and greatest common divisors below stay far from overflow: an address divides by more than any vector asks.
static constexpr int64_t kAligned = 1 << 20;

/// The layout of a memref whose type says all that is known.
static Layout getTypeLayout(MemRefType type) {
  Layout layout;
  int64_t offset = 0;
  if (failed(type.getStridesAndOffset(layout.strides, offset)))
    layout.strides.assign(type.getRank(), ShapedType::kDynamic);
  for (int64_t stride : layout.strides)
    layout.divisors.push_back(ShapedType::isDynamic(stride) ? 1 : stride);
  layout.offsetDivisor = offset == 0 ? kAligned : ShapedType::isDynamic(offset) ? 1 : offset;
  if (!type.getLayout().isIdentity())
    return layout;
  // Without gaps, a stride is the product of the sizes behind it.
  int64_t divisor = 1;
  for (int64_t dim = type.getRank() - 1; dim >= 0; --dim) {
    layout.divisors[dim] = divisor;
    if (!type.isDynamicDim(dim))
      divisor = std::min(divisor * std::max<int64_t>(type.getDimSize(dim), 1), kAligned);
  }
  return layout;
}

Layout gpu_kernels::getLayout(Value memref) {
  Layout layout = getTypeLayout(cast<MemRefType>(memref.getType()));
  auto refine = [](int64_t &known, int64_t divisor) { known = std::lcm(known, std::max<int64_t>(divisor, 1)); };
  if (cast<MemRefType>(memref.getType()).getLayout().isIdentity())
    return layout;
  if (auto subview = memref.getDefiningOp<memref::SubViewOp>()) {
    Layout source = getLayout(subview.getSource());
    llvm::SmallBitVector dropped = subview.getDroppedDims();
    int64_t offset = source.offsetDivisor;
    unsigned kept = 0;
    for (auto [dim, start] : llvm::enumerate(subview.getMixedOffsets())) {
      std::optional<int64_t> constant = getConstantIntValue(start);
      offset = std::gcd(offset, constant ? *constant * source.divisors[dim] : source.divisors[dim]);
      if (!dropped.test(dim))
        refine(layout.divisors[kept++], source.divisors[dim]);
    }
    refine(layout.offsetDivisor, offset);
    return layout;
  }
  if (auto expand = memref.getDefiningOp<memref::ExpandShapeOp>()) {
    Layout source = getLayout(expand.getSrc());
    refine(layout.offsetDivisor, source.offsetDivisor);
    for (auto [dim, group] : llvm::enumerate(expand.getReassociationIndices())) {
      int64_t divisor = source.divisors[dim];
      for (int64_t result : llvm::reverse(group)) {
        refine(layout.divisors[result], divisor);
        int64_t size = expand.getResultType().getDimSize(result);
        divisor *= ShapedType::isDynamic(size) ? 1 : std::max<int64_t>(size, 1);
      }
    }
    return layout;
  }
  if (auto collapse = memref.getDefiningOp<memref::CollapseShapeOp>()) {
    Layout source = getLayout(collapse.getSrc());
    refine(layout.offsetDivisor, source.offsetDivisor);
    for (auto [dim, group] : llvm::enumerate(collapse.getReassociationIndices()))
      refine(layout.divisors[dim], source.divisors[group.back()]);
    return layout;
  }
  if (auto cast = memref.getDefiningOp<memref::CastOp>()) {
    Layout source = getLayout(cast.getSource());
    refine(layout.offsetDivisor, source.offsetDivisor);
    for (auto [known, divisor] : llvm::zip(layout.divisors, source.divisors))
      refine(known, divisor);
  }
  return layout;
}

Value gpu_kernels::emitLaunchExpr(ImplicitLocOpBuilder &b, LaunchExpr expr, ArrayRef<Value> symbols) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return arith::ConstantIndexOp::create(b, constant.getValue());
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
    return symbols[symbol.getPosition()];
  auto binary = cast<AffineBinaryOpExpr>(expr);
  Value lhs = emitLaunchExpr(b, binary.getLHS(), symbols), rhs = emitLaunchExpr(b, binary.getRHS(), symbols);
  switch (binary.getKind()) {
  case AffineExprKind::Add:
    return b.createOrFold<arith::AddIOp>(lhs, rhs);
  case AffineExprKind::Mul:
    return b.createOrFold<arith::MulIOp>(lhs, rhs);
  case AffineExprKind::FloorDiv:
    return b.createOrFold<arith::DivUIOp>(lhs, rhs);
  case AffineExprKind::CeilDiv:
    return b.createOrFold<arith::CeilDivUIOp>(lhs, rhs);
  default:
    return b.createOrFold<arith::RemUIOp>(lhs, rhs);
  }
}

int64_t gpu_kernels::addRowStride(LaunchOp launch, unsigned operand, SmallVectorImpl<LaunchSize> &sizes) {
  Value memref = launch->getOperand(operand);
  auto type = cast<MemRefType>(memref.getType());
  if (type.getLayout().isIdentity() || type.getRank() < 2)
    return type.getShape().back();
  unsigned dim = type.getRank() - 2;
  int64_t stride = getLayout(memref).strides[dim];
  if (ShapedType::isDynamic(stride))
    sizes.push_back({LaunchSize::Stride, operand, dim});
  return stride;
}

FailureOr<LaunchKernels> gpu_kernels::buildKernels(OpBuilder &builder, LaunchOp launch, StringRef name,
                                                   const nvidia::SM &sm) {
  OpBuilder::InsertionGuard guard(builder);
  Operation *root = cpu::getRoot(launch);
  if (isa_and_nonnull<LinearOp>(root))
    return buildLinearLaunch(builder, launch, name, sm);
  if (isa_and_nonnull<AttentionOp>(root))
    return buildAttentionLaunch(builder, launch, name, sm);
  bool isRows = isa_and_nonnull<LayerNormOp, RmsNormOp, ChunkStatsOp, NormStatsOp, EmbeddingOp>(root);
  FailureOr<LaunchKernel> kernel =
      isRows ? buildRowLaunch(builder, launch, name, sm) : buildLoopLaunch(builder, launch, name, sm);
  if (failed(kernel))
    return failure();
  return LaunchKernels{std::move(*kernel)};
}

bool gpu_kernels::mayPrefetch(LaunchOp launch) {
  return isa_and_nonnull<LinearOp, AttentionOp, LayerNormOp, RmsNormOp>(cpu::getRoot(launch));
}

void gpu_kernels::addPrefetches(LaunchKernels &kernels, unsigned views, int64_t most, const nvidia::SM &sm) {
  for (LaunchKernel &kernel : kernels) {
    // A range of keys is one of rows too: there are as many rows at least.
    if (kernel.isHelper || kernel.rangeMin > most || !whyNoPrefetch(kernel.kernel, sm).empty())
      continue;
    SmallVector<PrefetchSpec> specs;
    for (unsigned view = 0; view < views; ++view) {
      MLIRContext *context = kernel.kernel.function.getContext();
      specs.push_back(
          {static_cast<unsigned>(kernel.operands.size()), getAffineSymbolExpr(kernel.sizes.size(), context)});
      kernel.operands.push_back(LaunchKernel::getPrefetch(view));
      kernel.sizes.push_back({LaunchSize::Prefetch, view});
    }
    addPrefetch(kernel.kernel, specs, sm);
  }
}

/// Whether \p type is a float that kernels compute with.
static bool isKernelFloat(Type type) { return type.isF16() || type.isBF16() || type.isF32(); }

template <typename NormOp> static std::string whyNoNorm(NormOp norm, Value beta) {
  if (norm.getResult().use_empty())
    return "only the sum of the norm is used";
  if (norm.getGamma() && beta && getElementTypeOrSelf(norm.getGamma()) != getElementTypeOrSelf(beta))
    return "gamma and beta have different element types";
  NormKernelSpec spec;
  spec.size = norm.getInput().getType().getShape().back();
  spec.elementType = norm.getInput().getType().getElementType();
  return verifyNormSpec(spec).value_or("");
}

std::string gpu_kernels::whyNoKernel(Operation *op, const nvidia::SM &sm) {
  if (isa<EmbeddingOp>(op))
    return "";
  for (Type type : llvm::concat<const Type>(op->getOperandTypes(), op->getResultTypes()))
    if (Type element = getElementTypeOrSelf(type); isa<FloatType>(element) && !isKernelFloat(element))
      return "kernels compute in f32, and the op has operands of " +
             std::string(element.isF64() ? "f64" : "another type");
  if (auto norm = dyn_cast<LayerNormOp>(op))
    return whyNoNorm(norm, norm.getBeta());
  if (auto norm = dyn_cast<RmsNormOp>(op))
    return whyNoNorm(norm, Value());
  if (isa<GeluOp, ChunkStatsOp, NormStatsOp>(op))
    return "";
  if (auto linear = dyn_cast<LinearOp>(op)) {
    // Tiles are stored as strips, or as the dense weight they stand for; of rows and columns a smaller one is made.
    Attribute encoding = linear.getWeight().getType().getEncoding();
    if (!encoding)
      return "";
    if (!isa<TileAttr, RowsAttr, ColumnsAttr>(encoding))
      return "the weight has an encoding that has no GPU kernel";
    Value weight = linear.getWeight();
    if (auto cast = weight.getDefiningOp<tensor::CastOp>())
      weight = cast.getSource();
    return weight.getDefiningOp<WeightRefOp>() ? "" : "its sparse weight is not known when compiling";
  }
  if (auto attention = dyn_cast<AttentionOp>(op))
    return whyNoAttention(attention);
  return "there is no kernel for it on " + sm.chip.str();
}
