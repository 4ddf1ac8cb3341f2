//===- Decompose.h - et ops as linalg ---------------------------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Every et op can be written with linalg, tensor, arith and math alone. That
// form is the meaning of the op: lowerings are compared with it. Upstream's
// AggregatedOpInterface gives it in the arithmetic that the op states; the
// functions here can also give it in f64, the reference of all numeric tests.
//
//===----------------------------------------------------------------------===//

#ifndef ET_DIALECT_ET_IR_DECOMPOSE_H
#define ET_DIALECT_ET_IR_DECOMPOSE_H

#include "et/Dialect/ET/IR/ET.h"

namespace mlir::et {

/// How an op is decomposed.
struct DecomposeOptions {
  /// Do all arithmetic in f64, whatever the operands are stored in: operands are extended, and only the final results
  /// of the op are rounded to their storage type.
  bool accumulateF64 = false;
};

/// Writes \p op, an op of the et dialect with tensor results, in terms of linalg at the insertion point of \p builder.
/// Returns one value per result of \p op, or failure when \p op has no decomposition.
FailureOr<SmallVector<Value>> decompose(OpBuilder &builder, Operation *op, const DecomposeOptions &options = {});

FailureOr<SmallVector<Value>> decompose(OpBuilder &builder, AttentionOp op, const DecomposeOptions &options);
FailureOr<SmallVector<Value>> decompose(OpBuilder &builder, LinearOp op, const DecomposeOptions &options);
FailureOr<SmallVector<Value>> decompose(OpBuilder &builder, EmbeddingOp op, const DecomposeOptions &options);
FailureOr<SmallVector<Value>> decompose(OpBuilder &builder, LayerNormOp op, const DecomposeOptions &options);
FailureOr<SmallVector<Value>> decompose(OpBuilder &builder, RmsNormOp op, const DecomposeOptions &options);
FailureOr<SmallVector<Value>> decompose(OpBuilder &builder, NormStatsOp op, const DecomposeOptions &options);
FailureOr<SmallVector<Value>> decompose(OpBuilder &builder, GeluOp op, const DecomposeOptions &options);

/// Condition under which query row \p i may attend to key \p j by the structure \p mask, for \p numQueries rows and
/// \p numKeys keys; null when it always may. All values are of index type.
Value createStructureCondition(OpBuilder &builder, Location loc, MaskAttr mask, Value i, Value j, Value numQueries,
                               Value numKeys);

} // namespace mlir::et

#endif // ET_DIALECT_ET_IR_DECOMPOSE_H
