//===- CopyUnevenRows.cpp - Copy slices that row kernels cannot walk -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Linear layers, norms and embeddings walk rows: all dimensions but the last as
// one, with one stride. Most slices allow that (columns of a merged layer, the
// first token of each sequence). Others do not: the first head of a tensor of
// tokens by heads, say. They are read from, or written through, a buffer.
//
//===----------------------------------------------------------------------===//

#include "LaunchKernels.h"

#include "et/Conversion/ETToCPU/Passes.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/Remarks.h"

namespace mlir::et {
#define GEN_PASS_DEF_COPYUNEVENROWSPASS
#include "et/Conversion/ETToCPU/Passes.h.inc"
} // namespace mlir::et

#define DEBUG_TYPE "et-copy-uneven-rows"

using namespace mlir;
using namespace mlir::et;

/// Whether the kernel of \p launch can take \p memref as it lies in memory.
static bool isWalkable(LaunchOp launch, Value memref) {
  auto type = cast<MemRefType>(memref.getType());
  if (type.getLayout().isIdentity())
    return true;
  // Indices of an embedding, biases and the like are vectors without gaps.
  bool isIds = isa<EmbeddingOp>(cpu::getRoot(launch)) && type.getElementType().isInteger();
  if (type.getRank() < 2 || isIds)
    return false;
  SmallVector<int64_t> strides;
  int64_t offset;
  if (failed(type.getStridesAndOffset(strides, offset)) || strides.back() != 1)
    return false;
  return type.getRank() == 2 || cpu::hasEvenRows(memref);
}

namespace {
struct CopyUnevenRowsPass final : et::impl::CopyUnevenRowsPassBase<CopyUnevenRowsPass> {
  void runOnOperation() override {
    getOperation()->walk([&](LaunchOp launch) {
      if (!isa_and_nonnull<LinearOp, LayerNormOp, RmsNormOp, NormStatsOp, EmbeddingOp>(cpu::getRoot(launch)))
        return;
      for (OpOperand &operand : launch->getOpOperands())
        if (isa<MemRefType>(operand.get().getType()) && !isWalkable(launch, operand.get()))
          goThroughBuffer(launch, operand);
    });
  }

  /// Copies \p operand before \p launch, or after it if it is an output.
  void goThroughBuffer(LaunchOp launch, OpOperand &operand) {
    OpBuilder builder(launch);
    Location loc = launch.getLoc();
    Value view = operand.get();
    auto type = cast<MemRefType>(view.getType());
    SmallVector<Value> sizes;
    for (int64_t dim = 0; dim < type.getRank(); ++dim)
      if (type.isDynamicDim(dim))
        sizes.push_back(memref::DimOp::create(builder, loc, view, dim));
    Value buffer = memref::AllocOp::create(builder, loc, MemRefType::get(type.getShape(), type.getElementType()), sizes,
                                           builder.getI64IntegerAttr(64));
    bool isInput = operand.getOperandNumber() < launch.getInputs().size();
    if (!isInput)
      builder.setInsertionPointAfter(launch);
    memref::CopyOp::create(builder, loc, isInput ? view : buffer, isInput ? buffer : view);
    operand.set(buffer);
    ++numCopies;
    remark::missed(loc, remark::RemarkOpts::name("Copy").category(DEBUG_TYPE))
        << remark::reason("{0} is copied: the rows of {1} are not evenly spaced in memory",
                          isInput ? "an operand" : "a result", Type(type))
        << remark::suggest("slice the last dimension, or take one element of the dimension before it");
  }
};
} // namespace
