//===- PrefetchKernel.cpp - Kernels that ask for weights of later ones -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   set up, request the first weights of this kernel
//   if first thread of the last warp:            <- added
//     for at = block, block + blocks, ...:
//       cp.async.bulk.prefetch.L2 [view + 4 KiB * at]
//   wait for the kernels in front
//   ...
//
// The last warp is the producer's in linear kernels, and one among equals in others.
// What this kernel itself needs first is in the copy engine's queue by then; what
// comes behind the wait queues up behind the pieces, which have the time of the wait.
//
//===----------------------------------------------------------------------===//

#include "et/Conversion/ETToGPU/PrefetchKernel.h"

#include "et/Target/NVIDIA/NVVMBuilder.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::gpu_kernels;

/// Bytes of one piece: few instructions, and enough pieces that all blocks have some.
static constexpr int64_t kPieceBytes = 4096;

/// The op of the entry block of \p kernel in which it waits for the kernels in front; null when it does not wait.
static Operation *findWait(const BuiltKernel &kernel) {
  LLVM::LLVMFuncOp function = kernel.function;
  Block &entry = function.getBody().front();
  Operation *found = nullptr;
  function.walk<WalkOrder::PreOrder>([&](NVVM::GriddepcontrolOp op) {
    if (op.getKind() != NVVM::GridDepActionKind::wait)
      return WalkResult::advance();
    found = entry.findAncestorOpInBlock(*op);
    return WalkResult::interrupt();
  });
  return found;
}

std::string gpu_kernels::whyNoPrefetch(const BuiltKernel &kernel, const nvidia::SM &sm) {
  if (!sm.hasTMA)
    return "there are no bulk copies on " + sm.chip.str();
  if (!findWait(kernel))
    return "the kernel does not wait for those in front: there is nothing to do meanwhile";
  return "";
}

void gpu_kernels::addPrefetch(BuiltKernel &kernel, ArrayRef<PrefetchSpec> specs, const nvidia::SM &sm) {
  assert(whyNoPrefetch(kernel, sm).empty() && "expected a kernel that waits");
  LLVM::LLVMFuncOp function = kernel.function;
  OpBuilder builder(findWait(kernel));
  nvidia::NVVMBuilder b(builder, function.getLoc(), sm);
  SmallVector<std::pair<Value, Value>> views;
  auto addArgument = [&](Type type) -> Value {
    // FunctionOpInterface::insertArgument() cannot: it does not know functions that return void.
    SmallVector<Type> types(function.getFunctionType().getParams());
    types.push_back(type);
    function.setFunctionType(LLVM::LLVMFunctionType::get(function.getFunctionType().getReturnType(), types));
    if (ArrayAttr known = function.getArgAttrsAttr()) {
      SmallVector<Attribute> attributes(known.getValue());
      attributes.push_back(b.getDictionaryAttr({}));
      function.setArgAttrsAttr(b.getArrayAttr(attributes));
    }
    return function.getBody().front().addArgument(type, function.getLoc());
  };
  for (const PrefetchSpec &spec : specs) {
    kernel.addPointer(spec.operand, getAffineConstantExpr(0, b.getContext()));
    Value pointer = addArgument(b.globalPtr());
    kernel.addI32(spec.bytes);
    views.push_back({pointer, addArgument(b.getI32Type())});
  }
  // Every block asks, whatever it has to do besides.
  b.ifThen(b.eq(b.threadId(), kernel.threads - nvidia::kWarpSize), [&] {
    Value block = b.blockId(0), blocks = b.gridDim(0);
    for (unsigned dim : {1, 2})
      if (kernel.grid[dim] != getAffineConstantExpr(1, b.getContext())) {
        block = b.add(block, b.mul(blocks, b.blockId(dim)));
        blocks = b.mul(blocks, b.gridDim(dim));
      }
    Value first = b.mul(block, kPieceBytes), step = b.mul(blocks, kPieceBytes);
    for (auto [pointer, bytes] : views)
      b.loop(first, bytes, step, [&, pointer = pointer, bytes = bytes](Value at) {
        b.prefetchL2(b.offset(pointer, at), b.min(b.sub(bytes, at), b.i32(kPieceBytes)));
      });
  });
}
