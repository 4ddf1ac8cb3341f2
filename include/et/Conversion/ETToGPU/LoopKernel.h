//===- LoopKernel.h - Builder of plain loops for GPUs -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The kernel that takes every loop nest of linalg.generic: one thread computes
// one element of the result, or up to 16 bytes of it where operands allow, and
// runs the reduction loops itself. Fast for element-wise work; for products it
// is the way that always works.
//
//===----------------------------------------------------------------------===//

#ifndef ET_CONVERSION_ETTOGPU_LOOPKERNEL_H
#define ET_CONVERSION_ETTOGPU_LOOPKERNEL_H

#include "et/Conversion/ETToGPU/GPUKernel.h"

#include "mlir/Dialect/Utils/StructuredOpsUtils.h"
#include "mlir/IR/AffineMap.h"

#include <functional>

namespace mlir::et::gpu_kernels {

/// One operand of a loop nest.
struct LoopOperand {
  Type elementType;
  /// Its element for each iteration; null for one that the body reads at positions of its own.
  AffineMap map;
  /// Elements between neighbours in each of its dimensions; ShapedType::kDynamic when known at launch.
  SmallVector<int64_t> strides;
  /// What each dynamic stride is a multiple of, and the distance of the first element from an address aligned to 16
  /// bytes; 1 when nothing is known.
  SmallVector<int64_t> strideDivisors;
  int64_t offsetDivisor = 1;
};

/// What the body of a loop nest gets. Elements of 16-bit floats are f32 here, and sums stay f32 until they are stored.
struct LoopBodyArgs {
  /// Elements of the inputs that have a map, in order, then of the outputs: so far, or as they were.
  SmallVector<Value> elements;
  /// Position in the iteration space (i64).
  SmallVector<Value> position;
  /// Values of the scalars (i64).
  SmallVector<Value> scalars;
  /// Loads the element of input number `operand` at `position` (i64 each).
  std::function<Value(OpBuilder &, unsigned operand, ValueRange position)> load;
};

/// A loop nest. Operands are the inputs, then the outputs. Symbols: the dynamic sizes of the loops in order, then the
/// dynamic strides of the operands in order, then the scalars.
struct LoopKernelSpec {
  /// ShapedType::kDynamic when known at launch.
  SmallVector<int64_t> sizes;
  SmallVector<utils::IteratorType> iterators;
  SmallVector<LoopOperand> inputs, outputs;
  /// Whether each output is read before it is written.
  SmallVector<bool> readsOutput;
  /// Integers known at launch that the body uses.
  unsigned numScalars = 0;
  /// Take part in programmatic dependent launch (sm_90 on).
  bool programmatic = false;
  /// Emits the body; returns the new element of each output, f32 for 16-bit floats.
  std::function<SmallVector<Value>(OpBuilder &, Location, const LoopBodyArgs &)> body;
};

/// Builds the kernel at the insertion point of \p builder, in a gpu.module. What the body emits beyond what PTX has
/// (exponentials, error functions) is expanded. Fails, with the name of the op in \p reason, when it holds something
/// that a GPU has no form of.
FailureOr<BuiltKernel> buildLoopKernel(OpBuilder &builder, Location loc, StringRef name, const LoopKernelSpec &spec,
                                       std::string &reason);

/// Rewrites the arithmetic in \p function that NVPTX cannot select: operations on 16-bit floats become ones on f32 with
/// rounding behind each, and transcendental functions become polynomials. Returns the name of an op that remains, or
/// nothing.
std::optional<std::string> legalizeScalarMath(Operation *function);

} // namespace mlir::et::gpu_kernels

#endif // ET_CONVERSION_ETTOGPU_LOOPKERNEL_H
