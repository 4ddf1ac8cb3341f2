//===- RowLaunch.cpp - Kernels for norms and embeddings on their own -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LaunchKernels.h"

#include "et/Conversion/ETToCPU/NormKernel.h"

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::cpu;

static unsigned getOperandNumber(Value value) { return cast<BlockArgument>(value).getArgNumber(); }

/// Position in the launch's operands of the output that yields \p value; nothing when none does.
static std::optional<unsigned> getOutputNumber(LaunchOp launch, Value value) {
  for (auto [i, yielded] : llvm::enumerate(launch.getYield().getValues()))
    if (yielded == value)
      return launch.getInputs().size() + i;
  return std::nullopt;
}

/// Norms that yield their sum only are not built: the sum is then an addition.
template <typename NormOp>
static FailureOr<LaunchKernel> buildNorm(OpBuilder &builder, LaunchOp launch, NormOp norm, Value beta, bool rms,
                                         StringRef name, const ISA &isa) {
  NormKernelSpec spec;
  RankedTensorType type = norm.getInput().getType();
  spec.rows = {type.getShape().back(), norm.getEps().convertToFloat(), rms};
  spec.elementType = type.getElementType();
  LaunchKernel kernel;
  kernel.operands.push_back(getOperandNumber(norm.getInput()));
  auto take = [&](Value value, bool &has) {
    has = bool(value);
    if (value)
      kernel.operands.push_back(getOperandNumber(value));
  };
  take(norm.getGamma(), spec.hasGamma);
  take(beta, spec.hasBeta);
  if (Value vector = norm.getGamma() ? norm.getGamma() : beta)
    spec.vectorType = getElementTypeOrSelf(vector.getType());
  take(norm.getResidual(), spec.hasResidual);
  std::optional<unsigned> result = getOutputNumber(launch, norm.getResult());
  if (!result)
    return launch.emitOpError("expected the result of the norm to be used; remove the norm and add its operands");
  kernel.operands.push_back(*result);
  if (norm.getSum())
    if (std::optional<unsigned> sum = getOutputNumber(launch, norm.getSum())) {
      spec.hasSum = true;
      kernel.operands.push_back(*sum);
    }
  kernel.function = buildNormKernel(builder, launch.getLoc(), name, spec, isa);
  return kernel;
}

FailureOr<LaunchKernel> cpu::buildRowLaunch(OpBuilder &builder, LaunchOp launch, StringRef name, const ISA &isa) {
  Operation *root = getRoot(launch);
  if (auto norm = dyn_cast<LayerNormOp>(root))
    return buildNorm(builder, launch, norm, norm.getBeta(), /*rms=*/false, name, isa);
  if (auto norm = dyn_cast<RmsNormOp>(root))
    return buildNorm(builder, launch, norm, Value(), /*rms=*/true, name, isa);
  auto embedding = cast<EmbeddingOp>(root);
  EmbeddingKernelSpec spec;
  spec.tableRows = embedding.getTable().getType().getDimSize(0);
  spec.size = embedding.getTable().getType().getDimSize(1);
  spec.idType = embedding.getIds().getType().getElementType();
  spec.elementType = embedding.getTable().getType().getElementType();
  LaunchKernel kernel;
  kernel.operands = {getOperandNumber(embedding.getIds()), getOperandNumber(embedding.getTable()), 2};
  kernel.takesStatus = true;
  kernel.function = buildEmbeddingKernel(builder, launch.getLoc(), name, spec, isa);
  return kernel;
}
