//===- AttentionLaunch.cpp - Kernels for et.attention -*- C++ -*-===//
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
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <limits>

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::cpu;

/// An operand of the kernel for a tensor with indexing map \p map.
static AttentionOperand getOperand(AffineMap map, Type elementType) {
  AttentionOperand operand;
  for (AffineExpr expr : map.getResults())
    operand.dims.push_back(cast<AffineDimExpr>(expr).getPosition());
  // Booleans are bytes in memory.
  operand.elementType = elementType.isInteger(1) ? IntegerType::get(elementType.getContext(), 8) : elementType;
  return operand;
}

AttentionKernelSpec cpu::getAttentionSpec(AttentionOp op) {
  AttentionKernelSpec spec;
  spec.numBatchDims = op.getNumBatchDims();
  spec.query = getOperand(op.getQueryMap(), op.getQuery().getType().getElementType());
  spec.key = getOperand(op.getKeyMap(), op.getKey().getType().getElementType());
  spec.value = getOperand(op.getValueMap(), op.getValue().getType().getElementType());
  spec.output = getOperand(op.getResultMap(), op.getResult().getType().getElementType());
  if (op.getMask())
    spec.mask = getOperand(op.getMaskMap(), op.getMask().getType().getElementType());
  if (op.getLengths())
    spec.lengths = getOperand(op.getLengthsMap(), op.getLengths().getType().getElementType());
  spec.headSizeK = op.getStaticDimSize(op.getKDim());
  spec.headSizeV = op.getStaticDimSize(op.getVDim());
  spec.scale = op.getScaleValue();
  spec.leftPadding = op.getPadding() == PaddingSide::Left;
  auto getBound = [](int64_t bound) {
    constexpr int64_t unbounded = AttentionKernelSpec::kUnbounded;
    return bound < 0 ? unbounded : std::min<int64_t>(bound, unbounded);
  };
  MaskAttr structure = op.getStructure();
  switch (structure.getKind()) {
  case MaskKind::None:
    break;
  case MaskKind::Causal:
    spec.structure = structure.getLowerRight() ? AttentionStructure::CausalLowerRight : AttentionStructure::Causal;
    break;
  case MaskKind::Window:
    spec.structure = AttentionStructure::Window;
    spec.windowLeft = getBound(structure.getLeft());
    spec.windowRight = getBound(structure.getRight());
    spec.windowGlobal = getBound(structure.getGlobal());
    break;
  }
  return spec;
}

FailureOr<LaunchKernel> cpu::buildAttentionLaunch(OpBuilder &builder, LaunchOp launch, StringRef name, const ISA &isa) {
  auto op = cast<AttentionOp>(getRoot(launch));
  AttentionKernelSpec spec = getAttentionSpec(op);
  if (!op.getScore().empty())
    spec.score = [op, &isa](OpBuilder &b, Location loc, const AttentionScoreArgs &args) mutable {
      SmallVector<Value> arguments{args.score};
      llvm::append_range(arguments, args.batch);
      arguments.push_back(args.m);
      arguments.push_back(args.n);
      std::string reason;
      FailureOr<SmallVector<Value>> results = vectorizeBlock(b, op.getScore().front(), arguments, isa, reason);
      assert(succeeded(results) && "a score region that does not vectorise is refused when launches are scheduled");
      return broadcastToLanes(b, loc, (*results)[0], isa);
    };
  if (std::optional<std::string> reason = verifyAttentionSpec(spec))
    return launch.emitOpError("has no CPU kernel: ") << *reason;
  LaunchKernel kernel;
  for (Value operand : op->getOperands())
    kernel.operands.push_back(cast<BlockArgument>(operand).getArgNumber());
  kernel.operands.push_back(launch.getInputs().size());
  kernel.takesScratch = true;
  kernel.function = buildAttentionKernel(builder, launch.getLoc(), name, spec, isa);
  return kernel;
}
