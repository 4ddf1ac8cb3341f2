//===- RowLaunch.cpp - GPU kernels for norms -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LaunchKernels.h"

#include "et/Conversion/ETToCPU/LaunchRows.h"
#include "et/Conversion/ETToGPU/RowKernel.h"

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::gpu_kernels;

static unsigned getOperandNumber(Value value) { return cast<BlockArgument>(value).getArgNumber(); }

/// Position in the launch's operands of the output that yields \p value; nothing when none does.
static std::optional<unsigned> getOutputNumber(LaunchOp launch, Value value) {
  for (auto [i, yielded] : llvm::enumerate(launch.getYield().getValues()))
    if (yielded == value)
      return launch.getInputs().size() + i;
  return std::nullopt;
}

template <typename NormOp>
static FailureOr<LaunchKernel> buildNorm(OpBuilder &builder, LaunchOp launch, NormOp norm, Value beta, bool rms,
                                         StringRef name, const nvidia::SM &sm) {
  NormKernelSpec spec;
  RankedTensorType type = norm.getInput().getType();
  spec.size = type.getShape().back();
  spec.eps = norm.getEps().convertToFloat();
  spec.rms = rms;
  spec.elementType = type.getElementType();
  spec.programmatic = sm.hasProgrammaticLaunch;
  LaunchKernel kernel;
  kernel.sizes.push_back({LaunchSize::Rows, getOperandNumber(norm.getInput())});
  auto take = [&](unsigned operand) {
    kernel.operands.push_back(operand);
    return addRowStride(launch, operand, kernel.sizes);
  };
  spec.xStride = take(getOperandNumber(norm.getInput()));
  spec.constantVectors = true;
  for (auto [value, has] : {std::pair(Value(norm.getGamma()), &spec.hasGamma), {beta, &spec.hasBeta}}) {
    *has = bool(value);
    if (!value)
      continue;
    unsigned operand = getOperandNumber(value);
    kernel.operands.push_back(operand);
    spec.vectorType = getElementTypeOrSelf(value.getType());
    spec.constantVectors &= isWeight(launch->getOperand(operand));
  }
  spec.hasResidual = bool(norm.getResidual());
  if (spec.hasResidual)
    spec.residualStride = take(getOperandNumber(norm.getResidual()));
  std::optional<unsigned> result = getOutputNumber(launch, norm.getResult());
  if (!result)
    return launch.emitOpError("expected the result of the norm to be used; remove the norm and add its operands");
  spec.yStride = take(*result);
  if (norm.getSum())
    if (std::optional<unsigned> sum = getOutputNumber(launch, norm.getSum())) {
      spec.hasSum = true;
      spec.sumStride = take(*sum);
    }
  if (std::optional<std::string> reason = verifyNormSpec(spec))
    return launch.emitOpError("has no GPU kernel: ") << *reason;
  kernel.kernel = buildNormKernel(builder, launch.getLoc(), name, spec);
  return kernel;
}

FailureOr<LaunchKernel> gpu_kernels::buildNormStats(OpBuilder &builder, LaunchOp launch, NormStatsOp stats,
                                                    StringRef name, const nvidia::SM &sm) {
  NormKernelSpec spec;
  RankedTensorType type = stats.getInput().getType();
  spec.size = type.getShape().back();
  spec.eps = stats.getEps().convertToFloat();
  spec.rms = !stats.getMean();
  spec.elementType = type.getElementType();
  spec.programmatic = sm.hasProgrammaticLaunch;
  spec.statsOnly = true;
  LaunchKernel kernel;
  unsigned x = getOperandNumber(stats.getInput());
  kernel.operands.push_back(x);
  kernel.sizes.push_back({LaunchSize::Rows, x});
  spec.xStride = addRowStride(launch, x, kernel.sizes);
  for (Value result : stats.getResults()) {
    std::optional<unsigned> output = getOutputNumber(launch, result);
    if (!output)
      return launch.emitOpError("expected the launch to yield every result of et.norm_stats");
    kernel.operands.push_back(*output);
  }
  if (std::optional<std::string> reason = verifyNormSpec(spec))
    return launch.emitOpError("has no GPU kernel: ") << *reason;
  kernel.kernel = buildNormKernel(builder, launch.getLoc(), name, spec);
  return kernel;
}

FailureOr<LaunchKernel> gpu_kernels::buildRowLaunch(OpBuilder &builder, LaunchOp launch, StringRef name,
                                                    const nvidia::SM &sm) {
  Operation *root = cpu::getRoot(launch);
  if (auto norm = dyn_cast<LayerNormOp>(root))
    return buildNorm(builder, launch, norm, norm.getBeta(), /*rms=*/false, name, sm);
  if (auto norm = dyn_cast<RmsNormOp>(root))
    return buildNorm(builder, launch, norm, Value(), /*rms=*/true, name, sm);
  if (auto stats = dyn_cast<NormStatsOp>(root))
    return buildNormStats(builder, launch, stats, name, sm);
  return buildEmbeddingLaunch(builder, launch, name, sm);
}
