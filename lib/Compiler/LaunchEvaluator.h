//===- LaunchEvaluator.h - Sizes and views as expressions of a program -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The host function of a program computes with sizes of its arguments and makes
// views of its buffers. Here each index value becomes an expression over the
// symbols of the program, and each memref a buffer with an offset:
//
//   %dim = memref.dim %ids, %c1                    symbol "sequence"
//   %v = memref.view %arena[%o][%dim]              arena + o, sizes (sequence)
//   %s = memref.subview %v[2] [%dim] [1]           arena + o + 2 * element
//
//===----------------------------------------------------------------------===//

#ifndef ET_LIB_COMPILER_LAUNCHEVALUATOR_H
#define ET_LIB_COMPILER_LAUNCHEVALUATOR_H

#include "et/Dialect/ET/IR/ET.h"
#include "et/Runtime/ProgramBuilder.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/AffineMap.h"

namespace mlir::et {

/// A memref: where it lies, and its sizes and strides in elements.
struct BufferView {
  runtime::Buffer buffer;
  /// In bytes, of the memref's own buffer, and in elements behind it.
  runtime::Expr base, offset;
  SmallVector<runtime::Expr> sizes, strides;
  int64_t elementBytes = 1;
};

/// A piece of the weights argument.
struct WeightPlace {
  int64_t offset, size;
  uint32_t index;
};

/// Evaluates values of one function.
class LaunchEvaluator {
public:
  LaunchEvaluator(runtime::ProgramBuilder &builder, ArrayRef<WeightPlace> weights)
      : builder(builder), weights(weights) {}

  /// Says what an argument of the function is. The weights argument has no buffer: views of it find theirs.
  void setBuffer(Value argument, BufferView view) { views[argument] = std::move(view); }
  void setWeights(Value argument) { weightsArgument = argument; }
  void setInteger(Value argument, runtime::Expr expr) { exprs[argument] = expr; }

  /// The expression that \p value, an integer or index, is. Emits an error on the op that has no such form.
  FailureOr<runtime::Expr> getExpr(Value value);
  FailureOr<BufferView> getView(Value memref);
  /// Offset in bytes of the first element of \p view.
  runtime::Expr getByteOffset(const BufferView &view);

  /// Says in \p launch what \p work counts.
  LogicalResult setWork(WorkOp work, runtime::Launch &launch);

  /// Sizes of \p type, whose dynamic ones are \p dynamic, and the strides of rows without gaps.
  LogicalResult setShape(BufferView &view, MemRefType type, ValueRange dynamic);
  void setContiguousStrides(BufferView &view);

private:
  FailureOr<runtime::Expr> getExpr(OpFoldResult value);
  FailureOr<runtime::Expr> computeExpr(OpResult result);
  FailureOr<runtime::Expr> getAffine(AffineExpr expr, ArrayRef<runtime::Expr> dims, ArrayRef<runtime::Expr> symbols);
  FailureOr<runtime::Expr> getDim(Value memref, Value dim);
  FailureOr<BufferView> computeView(Operation *op);
  FailureOr<BufferView> viewBytes(memref::ViewOp op);
  FailureOr<BufferView> takeSlice(memref::SubViewOp op);
  FailureOr<BufferView> expand(memref::ExpandShapeOp op);
  FailureOr<BufferView> collapse(memref::CollapseShapeOp op);
  FailureOr<BufferView> reinterpret(memref::ReinterpretCastOp op);

  runtime::ProgramBuilder &builder;
  ArrayRef<WeightPlace> weights;
  Value weightsArgument;
  DenseMap<Value, runtime::Expr> exprs;
  DenseMap<Value, BufferView> views;
};

} // namespace mlir::et

#endif // ET_LIB_COMPILER_LAUNCHEVALUATOR_H
