//===- LaunchKernels.h - Kernels for launches -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Builds the kernel function of an et.launch. There is one builder per kind of
// launch, told by the first op of its region that computes:
//
//   LinearLaunch.cpp      et.linear with packed weights and what is fused behind it
//   AttentionLaunch.cpp   et.attention
//   RowLaunch.cpp         norms and et.embedding on their own
//   ElementwiseLaunch.cpp element-wise ops on their own
//   LoopLaunch.cpp        everything else, as loops
//
//===----------------------------------------------------------------------===//

#ifndef ET_LIB_CONVERSION_ETTOCPU_LAUNCHKERNELS_H
#define ET_LIB_CONVERSION_ETTOCPU_LAUNCHKERNELS_H

#include "et/Conversion/ETToCPU/LaunchRows.h"
#include "et/Conversion/ETToCPU/VectorMath.h"
#include "et/Dialect/ET/IR/ET.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlir::et::cpu {

struct AttentionKernelSpec;

/// What a kernel is given beside its thread number, the number of threads and the operands of its launch.
struct LaunchKernel {
  func::FuncOp function;
  /// Positions in the launch's operands of what the kernel takes, in its order.
  SmallVector<unsigned> operands;
  bool takesScratch = false;
  bool takesStatus = false;
};

/// Why no kernel takes \p op, an op of et on tensors; empty when one does.
std::string whyNoKernel(Operation *op);

/// The function that computes a GELU of kind \p kind.
MathFn getGeluFunction(GeluKind kind);

/// The attention kernel for \p op; element types and maps only, which is what its scratch memory depends on.
AttentionKernelSpec getAttentionSpec(AttentionOp op);

/// Builds the kernel of \p launch (on memrefs) at the insertion point of \p builder, named \p name. Emits an error on
/// \p launch when there is none.
FailureOr<LaunchKernel> buildKernel(OpBuilder &builder, LaunchOp launch, StringRef name, const ISA &isa);

FailureOr<LaunchKernel> buildLinearLaunch(OpBuilder &builder, LaunchOp launch, StringRef name, const ISA &isa);
FailureOr<LaunchKernel> buildAttentionLaunch(OpBuilder &builder, LaunchOp launch, StringRef name, const ISA &isa);
FailureOr<LaunchKernel> buildRowLaunch(OpBuilder &builder, LaunchOp launch, StringRef name, const ISA &isa);
/// Fails silently when the launch runs as loops.
FailureOr<LaunchKernel> buildElementwiseLaunch(OpBuilder &builder, LaunchOp launch, StringRef name, const ISA &isa);
FailureOr<LaunchKernel> buildLoopLaunch(OpBuilder &builder, LaunchOp launch, StringRef name, const ISA &isa);

/// Returns \p memref as \p type: leading dimensions collapsed, static strides forgotten. Emits an error when the memory
/// of \p memref cannot be seen as \p type.
FailureOr<Value> adaptOperand(OpBuilder &builder, Location loc, Value memref, Type type);

} // namespace mlir::et::cpu

#endif // ET_LIB_CONVERSION_ETTOCPU_LAUNCHKERNELS_H
