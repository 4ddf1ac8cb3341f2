//===- ETLinearOps.td - Linear layers and embeddings -*- tablegen -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef ET_DIALECT_ET_IR_ETLINEAROPS_TD
#define ET_DIALECT_ET_IR_ETLINEAROPS_TD

include "et/Dialect/ET/IR/ETAttrs.td"
include "et/Dialect/ET/IR/ETTypeConstraints.td"
include "mlir/Dialect/Linalg/IR/LinalgInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def ET_LinearOp : ET_Op<"linear", [
    Pure,
    DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>,
    DeclareOpInterfaceMethods<AggregatedOpInterface, ["decomposeOperation"]>,
    ET_TilingInterface]> {
  let summary = "Linear layer";
  let description = [{
    Computes `y[..., n] = sum_k x[..., k] * weight[n, k] + bias[n]`, products and sum in f32 (f64 for f64). The type of
    the weight says how it is stored and what in it is zero: no encoding is dense, `#et.tile<16x16>` stores the tiles
    that are not zero, `#et.rows` and `#et.columns` say that whole outputs or inputs may be zero.

    - `input`: `[..., K]`, at least one dimension.
    - `weight`: `[N, K]`, one row per output feature.
    - `bias`: `[N]`, optional.

    Constraints:
    - (C1) `weight` is two-dimensional and static.
    - (C2) the last dimension of `input` is the second of `weight`.
    - (C3) `bias` has one element per row of `weight`.
    - (C4) the result has the shape of `input` with the last dimension replaced by `N`.
    - (C5) the result has the element type of `input`, or f32, which keeps the sums as they are.
    - (C6) the encoding of `weight`, if any, is an `et` encoding, or one of `sparse_tensor` at the boundary, until
      `--et-import-sparse-encoding` converts it.

    (* example: test/Dialect/ET/doc/linear.mlir *)
  }];
  let arguments = (ins ET_FloatTensor:$input, ET_WeightTensor:$weight, Optional<ET_FloatTensor>:$bias);
  let results = (outs ET_FloatTensor:$result);
  let assemblyFormat = [{
    $input `,` $weight (`bias` `(` $bias^ `:` type($bias) `)`)? attr-dict
    `:` `(` type($input) `,` type($weight) `)` `->` type($result)
  }];
  let hasCanonicalizer = 1;
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// Number of output features N and of input features K.
    int64_t getNumOutputs() { return getWeight().getType().getDimSize(0); }
    int64_t getNumInputs() { return getWeight().getType().getDimSize(1); }
  }];
}

def ET_EmbeddingOp : ET_Op<"embedding", [
    Pure,
    DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>,
    DeclareOpInterfaceMethods<AggregatedOpInterface, ["decomposeOperation"]>,
    ET_TilingInterface]> {
  let summary = "Rows of a table, selected by index";
  let description = [{
    Computes `result[..., :] = table[ids[...], :]`.

    - `ids`: any shape, i32 or i64.
    - `table`: `[V, D]`, static.

    Constraints:
    - (C1) `table` is two-dimensional and static.
    - (C2) the result has the shape of `ids` followed by `D`.
    - (C3) `table` and the result have the same element type.

    An id outside `[0, V)` makes the run fail with an error that names the id; the reference decomposition has no error
    channel and leaves that case undefined.

    (* example: test/Dialect/ET/doc/embedding.mlir *)
  }];
  let arguments = (ins ET_IntegerTensor:$ids, ET_FloatTensor:$table);
  let results = (outs ET_FloatTensor:$result);
  let assemblyFormat = "$ids `,` $table attr-dict `:` `(` type($ids) `,` type($table) `)` `->` type($result)";
  let hasVerifier = 1;
}

#endif // ET_DIALECT_ET_IR_ETLINEAROPS_TD
