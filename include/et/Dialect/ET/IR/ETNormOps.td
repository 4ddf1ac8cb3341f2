//===- ETNormOps.td - Normalisations and activations -*- tablegen -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef ET_DIALECT_ET_IR_ETNORMOPS_TD
#define ET_DIALECT_ET_IR_ETNORMOPS_TD

include "et/Dialect/ET/IR/ETAttrs.td"
include "et/Dialect/ET/IR/ETTypeConstraints.td"
include "mlir/Dialect/Linalg/IR/LinalgInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def ET_LayerNormOp : ET_Op<"layer_norm", [
    AttrSizedOperandSegments, Pure,
    DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>,
    DeclareOpInterfaceMethods<AggregatedOpInterface, ["decomposeOperation"]>,
    ET_TilingInterface]> {
  let summary = "Layer normalisation over the last dimension";
  let description = [{
    Computes `s = input + residual`, then `result = (s - mean(s)) / sqrt(var(s) + eps) * gamma + beta` over the last
    dimension, statistics in f32 (f64 for f64), the variance not corrected for bias. With two results the second is `s`,
    which pre-norm models add to later.

    - `input`, `residual`: `[..., D]`, at least one dimension.
    - `gamma`, `beta`: `[D]`; absent means 1 and 0.

    Constraints:
    - (C1) `input`, `residual` and all results have one type.
    - (C2) `D` is static and positive.
    - (C3) `gamma` and `beta` have `D` elements.
    - (C4) `eps` is finite and not negative.

    (* example: test/Dialect/ET/doc/layer_norm.mlir *)
  }];
  let arguments = (ins
    ET_FloatTensor:$input, Optional<ET_FloatTensor>:$gamma, Optional<ET_FloatTensor>:$beta,
    Optional<ET_FloatTensor>:$residual, F32Attr:$eps);
  let results = (outs ET_FloatTensor:$result, Optional<ET_FloatTensor>:$sum);
  let assemblyFormat = [{
    $input (`gamma` `(` $gamma^ `:` type($gamma) `)`)? (`beta` `(` $beta^ `:` type($beta) `)`)?
    (`residual` `(` $residual^ `:` type($residual) `)`)? attr-dict
    `:` type($input) `->` type($result) (`,` type($sum)^)?
  }];
  let hasCanonicalizer = 1;
  let hasVerifier = 1;
}

def ET_RmsNormOp : ET_Op<"rms_norm", [
    AttrSizedOperandSegments, Pure,
    DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>,
    DeclareOpInterfaceMethods<AggregatedOpInterface, ["decomposeOperation"]>,
    ET_TilingInterface]> {
  let summary = "Root-mean-square normalisation over the last dimension";
  let description = [{
    Computes `s = input + residual`, then `result = s / sqrt(mean(s * s) + eps) * gamma` over the last dimension,
    statistics in f32 (f64 for f64). With two results the second is `s`.

    - `input`, `residual`: `[..., D]`, at least one dimension.
    - `gamma`: `[D]`; absent means 1.

    Constraints:
    - (C1) `input`, `residual` and all results have one type.
    - (C2) `D` is static and positive.
    - (C3) `gamma` has `D` elements.
    - (C4) `eps` is finite and not negative.

    (* example: test/Dialect/ET/doc/rms_norm.mlir *)
  }];
  let arguments = (ins
    ET_FloatTensor:$input, Optional<ET_FloatTensor>:$gamma, Optional<ET_FloatTensor>:$residual, F32Attr:$eps);
  let results = (outs ET_FloatTensor:$result, Optional<ET_FloatTensor>:$sum);
  let assemblyFormat = [{
    $input (`gamma` `(` $gamma^ `:` type($gamma) `)`)? (`residual` `(` $residual^ `:` type($residual) `)`)? attr-dict
    `:` type($input) `->` type($result) (`,` type($sum)^)?
  }];
  let hasCanonicalizer = 1;
  let hasVerifier = 1;
}

def ET_NormStatsOp : ET_Op<"norm_stats", [
    Pure,
    DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>,
    DeclareOpInterfaceMethods<AggregatedOpInterface, ["decomposeOperation"]>]> {
  let summary = "Statistics of a norm over the last dimension";
  let description = [{
    Computes what a norm needs to know of each row, so that the norm itself can be applied elsewhere: with two results
    `scale = 1 / sqrt(var(input) + eps)`, the variance not corrected for bias, and `mean = mean(input)`, for a layer
    norm; with one result `scale = 1 / sqrt(mean(input * input) + eps)`, for an RMS norm. Statistics in f32 (f64 for
    f64). The variance is that of differences from the mean or from an element of the row, so it does not cancel where
    the mean is large.

    - `input`: `[..., D]`, at least one dimension.
    - `scale`, `mean`: `[...]`, the shape of `input` without `D`.

    Constraints:
    - (C1) `D` is static and positive.
    - (C2) the results have the shape of `input` without its last dimension.
    - (C3) the results are f32, or f64 if `input` is.
    - (C4) `eps` is finite and not negative.

    (* example: test/Dialect/ET/doc/norm_stats.mlir *)
  }];
  let arguments = (ins ET_FloatTensor:$input, F32Attr:$eps);
  let results = (outs ET_FloatTensor:$scale, Optional<ET_FloatTensor>:$mean);
  let assemblyFormat = [{
    $input attr-dict `:` type($input) `->` type($scale) (`,` type($mean)^)?
  }];
  let hasVerifier = 1;
}

def ET_GeluOp : ET_Op<"gelu", [
    Pure, SameOperandsAndResultType, Elementwise,
    DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>,
    DeclareOpInterfaceMethods<AggregatedOpInterface, ["decomposeOperation"]>,
    ET_TilingInterface]> {
  let summary = "Gaussian error linear unit";
  let description = [{
    Computes GELU element by element, arithmetic in f32 (f64 for f64), in the form that `approximate` names:

    - `erf`: `x / 2 * (1 + erf(x / sqrt(2)))`, the exact form;
    - `tanh`: `x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))`;
    - `sigmoid`: `x * sigmoid(1.702 x)`.

    (* example: test/Dialect/ET/doc/gelu.mlir *)
  }];
  let arguments = (ins
    ET_FloatTensor:$input,
    DefaultValuedAttr<ET_GeluKindAttr, "::mlir::et::GeluKind::Erf">:$approximate);
  let results = (outs ET_FloatTensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input)";
}

#endif // ET_DIALECT_ET_IR_ETNORMOPS_TD
