//===- ElementwiseLaunch.cpp - Kernels for element-wise ops on their own -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A linalg.generic of parallel loops, or et.gelu, that no linear layer takes
// along. What the vectorised kernel does not take (reads at computed positions,
// an output that is also read) runs as loops.
//
//===----------------------------------------------------------------------===//

#include "LaunchKernels.h"

#include "et/Conversion/ETToCPU/ElementwiseKernel.h"
#include "et/Conversion/ETToCPU/HalfFloat.h"
#include "et/Conversion/ETToCPU/VectorMath.h"

#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::cpu;

/// The kernel of \p generic, the only op of its launch; failure when it runs as loops.
static FailureOr<ElementwiseKernelSpec> getSpec(linalg::GenericOp generic, const ISA &isa) {
  if (generic.getNumLoops() != generic.getNumParallelLoops() || generic.getNumLoops() == 0)
    return failure();
  for (OpOperand &init : generic.getDpsInitsMutable())
    if (generic.payloadUsesValueFromOperand(&init))
      return failure();
  llvm::SetVector<Value> captured;
  getUsedValuesDefinedAbove(generic->getRegions(), captured);
  if (!llvm::all_of(captured, [](Value value) {
        return value.getDefiningOp() && value.getDefiningOp()->hasTrait<OpTrait::ConstantLike>();
      }))
    return failure();
  for (AffineMap map : generic.getIndexingMapsArray())
    if (!map.isProjectedPermutation())
      return failure();
  std::string reason;
  FailureOr<ElementwiseKernelSpec> spec =
      getElementwiseSpec(*generic.getBody(), generic.getIndexingMapsArray(), generic.getNumDpsInputs(), isa, reason);
  if (failed(spec) || verifyElementwiseSpec(*spec))
    return failure();
  return spec;
}

/// The kernel of et.gelu on its own.
static ElementwiseKernelSpec getSpec(GeluOp gelu, const ISA &isa) {
  ElementwiseKernelSpec spec;
  RankedTensorType type = gelu.getInput().getType();
  spec.numDims = type.getRank();
  ElementwiseOperand operand;
  operand.dims = llvm::to_vector(llvm::seq<int64_t>(0, type.getRank()));
  operand.elementType = type.getElementType();
  spec.inputs = {operand};
  spec.outputs = {operand};
  spec.body = [kind = gelu.getApproximate(), isa](OpBuilder &b, Location loc, ValueRange inputs, ValueRange) {
    Value x = extendToF32(b, loc, inputs[0], isa);
    return SmallVector<Value>{truncateFromF32(b, loc, emitMath(b, loc, getGeluFunction(kind), x, isa),
                                              getElementTypeOrSelf(inputs[0].getType()), isa)};
  };
  return spec;
}

FailureOr<LaunchKernel> cpu::buildElementwiseLaunch(OpBuilder &builder, LaunchOp launch, StringRef name,
                                                    const ISA &isa) {
  Operation *root = getRoot(launch);
  for (Operation &op : launch.getBody().front().without_terminator())
    if (&op != root && !op.hasTrait<OpTrait::ConstantLike>())
      return failure();
  FailureOr<ElementwiseKernelSpec> spec = failure();
  LaunchKernel kernel;
  if (auto gelu = dyn_cast<GeluOp>(root)) {
    spec = getSpec(gelu, isa);
  } else if (auto generic = dyn_cast<linalg::GenericOp>(root)) {
    // Every operand must be an argument, and every result go straight to its output.
    if (!llvm::all_of(generic->getOperands(), llvm::IsaPred<BlockArgument>) ||
        launch.getYield().getValues() != generic.getResults())
      return failure();
    for (auto [i, init] : llvm::enumerate(generic.getDpsInits()))
      if (init != launch.getBodyArgument(launch.getInputs().size() + i))
        return failure();
    spec = getSpec(generic, isa);
  }
  if (failed(spec))
    return failure();
  unsigned numInputs = spec->inputs.size();
  for (Value input : root->getOperands().take_front(numInputs))
    kernel.operands.push_back(cast<BlockArgument>(input).getArgNumber());
  for (unsigned i = 0; i < launch.getOutputs().size(); ++i)
    kernel.operands.push_back(launch.getInputs().size() + i);
  kernel.function = buildElementwiseKernel(builder, launch.getLoc(), name, *spec, isa);
  return kernel;
}
