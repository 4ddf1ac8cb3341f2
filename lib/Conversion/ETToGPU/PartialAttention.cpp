//===- PartialAttention.cpp - Room in memory for the scores of attention -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//                                          s = alloc(batch * heads * rows * keys)
//   launch "attention" (q, k, v) -> o  =>  launch "attention" (q, k, v) -> o, s
//
// Buffers get their places in the arena before schedules are chosen, so it is decided
// here which launches may keep their scores in memory, and with how many keys they do.
// With fewer keys the buffer is empty: a plan for all lengths does not pay for it.
//
//===----------------------------------------------------------------------===//

#include "LaunchKernels.h"

#include "et/Conversion/ETToCPU/LaunchRows.h"
#include "et/Conversion/ETToGPU/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Remarks.h"

namespace mlir::et {
#define GEN_PASS_DEF_PARTIALATTENTIONPASS
#include "et/Conversion/ETToGPU/Passes.h.inc"
} // namespace mlir::et

#define DEBUG_TYPE "et-partial-attention"

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::gpu_kernels;

/// Gives \p launch room for its scores as a second output.
static void addBuffer(LaunchOp launch, const ScoreBuffer &room) {
  ImplicitLocOpBuilder b(launch.getLoc(), launch);
  SmallVector<Value> symbols;
  for (const LaunchSize &size : room.sizes)
    symbols.push_back(b.createOrFold<memref::DimOp>(launch->getOperand(size.operand), size.dim));
  Value elements = emitLaunchExpr(b, room.elements, symbols);
  std::optional<int64_t> known = getConstantIntValue(elements);
  auto type = MemRefType::get({known.value_or(ShapedType::kDynamic)}, b.getF32Type());
  Value buffer = memref::AllocOp::create(b, type, known ? ValueRange() : ValueRange(elements));
  launch.getOutputsMutable().append(buffer);

  auto tensor = RankedTensorType::get(type.getShape(), type.getElementType());
  BlockArgument argument = launch.getBody().front().addArgument(tensor, launch.getLoc());
  YieldOp yield = launch.getYield();
  b.setInsertionPoint(yield);
  SmallVector<Value> sizes;
  if (!known)
    sizes.push_back(tensor::DimOp::create(b, argument, 0));
  yield.getValuesMutable().append(tensor::EmptyOp::create(b, tensor, sizes).getResult());
}

namespace {
struct PartialAttentionPass final : et::impl::PartialAttentionPassBase<PartialAttentionPass> {
  using Base::Base;

  void runOnOperation() override {
    FailureOr<nvidia::SM> sm = nvidia::SM::get(getOperation(), chip);
    if (failed(sm))
      return signalPassFailure();
    // More keys than that no kernel counts.
    constexpr int64_t kLargest = int64_t(1) << 30;
    if (moreThan < -1 || moreThan > kLargest) {
      getOperation().emitError("expected a number of keys from 0 to 1073741824, or -1 for any, but got ")
          << int64_t(moreThan);
      return signalPassFailure();
    }
    if (moreThan == -1)
      return;
    getOperation().walk([&](LaunchOp launch) {
      if (launch.hasBufferOperands() && launch.getOutputs().size() == 1 &&
          isa_and_nonnull<AttentionOp>(cpu::getRoot(launch)))
        visit(launch, *sm);
    });
  }

private:
  void visit(LaunchOp launch, const nvidia::SM &sm) {
    ScoreBuffer room = getScoreBuffer(launch, moreThan, sm);
    if (!room.isNeeded)
      return;
    if (!room.whyNot.empty()) {
      remark::missed(launch.getLoc(), remark::RemarkOpts::name("PartialAttention").category(DEBUG_TYPE))
          << remark::reason("'{0}' keeps its scores on the chip with any number of keys: {1}", launch.getKernel(),
                            room.whyNot);
      return;
    }
    addBuffer(launch, room);
    launch->setAttr(kPartialAttention, Builder(&getContext()).getI64IntegerAttr(moreThan));
    remark::passed(launch.getLoc(), remark::RemarkOpts::name("PartialAttention").category(DEBUG_TYPE))
        << remark::reason("'{0}' has its scores in memory with more than {1} keys", launch.getKernel(),
                          int64_t(moreThan));
    ++numPartial;
  }
};
} // namespace
