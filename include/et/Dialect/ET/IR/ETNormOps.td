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

def ET_ChunkStatsOp : ET_Op<"chunk_stats", [
    Pure,
    DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>,
    DeclareOpInterfaceMethods<AggregatedOpInterface, ["decomposeOperation"]>]> {
  let summary = "Statistics of every few neighbours of a row";
  let description = [{
    Of each `D / chunks` neighbours along the last dimension of `input` computes the mean and the sum of squared
    differences from it, in f32 (f64 for f64): what `et.norm_stats` needs to know of a row. Whoever has a part of a row can
    compute those of that part.

    - `input`: `[..., D]`, at least one dimension.
    - `result`: `[..., chunks, 2]`: mean, sum of squared differences.

    Constraints:
    - (C1) `D` is static and positive.
    - (C2) the result has the shape of `input` with `D` replaced by a static number of chunks, which divides it, and 2.
    - (C3) the result is f32, or f64 if `input` is.

    (* example: test/Dialect/ET/doc/norm_stats.mlir *)
  }];
  let arguments = (ins ET_FloatTensor:$input);
  let results = (outs ET_FloatTensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

def ET_NormStatsOp : ET_Op<"norm_stats", [
    Pure,
    DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>,
    DeclareOpInterfaceMethods<AggregatedOpInterface, ["decomposeOperation"]>]> {
  let summary = "Statistics of the rows of a norm, from those of their chunks";
  let description = [{
    Computes what a norm needs to know of each row, so that the norm itself can be applied elsewhere. With two results
    `scale = 1 / sqrt(var + eps)`, the variance not corrected for bias, and `mean`, for a layer norm; with one result
    `scale = 1 / sqrt(mean of squares + eps)`, for an RMS norm. `chunks` is what `et.chunk_stats` yields of the rows. The
    variance is made of squared differences from means alone, so it does not cancel where the mean is large.

    - `chunks`: `[..., C, 2]`, at least two dimensions.
    - `size`: elements of a chunk.
    - `scale`, `mean`: `[...]`.

    Constraints:
    - (C1) the last two dimensions of `chunks` are static and positive, and the last is 2.
    - (C2) the results have the shape of `chunks` without its last two dimensions, and its element type.
    - (C3) `size` is positive.
    - (C4) `eps` is finite and not negative.

    (* example: test/Dialect/ET/doc/norm_stats.mlir *)
  }];
  let arguments = (ins ET_FloatTensor:$chunks, I64Attr:$size, F32Attr:$eps);
  let results = (outs ET_FloatTensor:$scale, Optional<ET_FloatTensor>:$mean);
  let assemblyFormat = "$chunks attr-dict `:` type($chunks) `->` type($scale) (`,` type($mean)^)?";
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
