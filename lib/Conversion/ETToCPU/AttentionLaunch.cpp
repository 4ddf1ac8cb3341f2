//===- AttentionLaunch.cpp - Kernels for et.attention -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LaunchKernels.h"

#include "et/Conversion/AttentionSpec.h"
#include "et/Conversion/ETToCPU/AttentionKernel.h"
#include "et/Conversion/ETToCPU/VectorMath.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <limits>

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::cpu;

AttentionKernelSpec cpu::getAttentionSpec(AttentionOp op) { return readAttentionSpec<AttentionKernelSpec>(op); }

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
