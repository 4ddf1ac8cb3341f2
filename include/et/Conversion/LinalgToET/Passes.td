//===- Passes.td - Passes that raise linalg to et ---------*- tablegen -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef ET_CONVERSION_LINALGTOET_PASSES_TD
#define ET_CONVERSION_LINALGTOET_PASSES_TD

include "mlir/Pass/PassBase.td"

// The passes work function by function, on a function or on all in a module: their flags work on a file as it is.

def RaiseAttentionPass : Pass<"et-raise-attention"> {
  let summary = "Raise linalg attention to et.attention";
  let description = [{
    Numerics: R2. The softmax is reassociated, a scale moves to the scores, and values in the middle are no longer
    rounded to the element type. Fully masked rows become zeros where the original gives NaN; a softmax without a
    maximum no longer overflows. Otherwise the same formula over the real numbers.

    Before: a product of query and key, a softmax in any form, a product with the value, as linalg and tensor ops.
    After: one `et.attention` whose indexing maps carry the layout, with the mask as an operand or, when it is proved to
    be causal, as structure.

    The match is on meaning: both products, the maximum and the sum are read as formulas over named indices, reshapes
    and transposes as index arithmetic. Proved: sum and maximum run over the key index of both products; the maximum is
    that of the scores in the exponent; the divisor is the sum of the same exponentials; the scale is one constant;
    masks are added or selected before the softmax; scores go nowhere else; nothing is rounded to a type narrower
    than the result.

    Refuses, with a `missed` remark that gives the reason: whatever cannot be proved.
  }];
  let options = [
    Option<"allowFiniteMask", "allow-finite-mask", "bool", /*default=*/"false",
           "Treat a select with a finite constant of at most -10000 as a mask: a fully masked row becomes zeros instead of the mean of all values">,
  ];
  let statistics = [Statistic<"numRaised", "num-raised", "Attention subgraphs raised">];
  let dependentDialects = ["mlir::et::ETDialect"];
}

def RaiseLinearPass : Pass<"et-raise-linear"> {
  let summary = "Raise products with a weight to et.linear";
  let description = [{
    Numerics: R2. Sums run in f32 whatever the original accumulated in, and the bias is added before the result is
    rounded.

    Before: a contraction of an activation with a static two-dimensional weight, in any layout, optionally a bias added
    to it or accumulated into. After: `et.linear`, the weight transposed to `[N, K]` where it is not yet.

    A weight is a constant, a function argument or a global, seen through reshapes, transposes and broadcasts. Refuses,
    with a `missed` remark, products with such a weight that are no linear layer.
  }];
  let statistics = [Statistic<"numRaised", "num-raised", "Linear layers raised">];
  let dependentDialects = ["mlir::et::ETDialect"];
}

def RaiseLayerNormPass : Pass<"et-raise-layer-norm"> {
  let summary = "Raise layer normalisation and RMS normalisation";
  let description = [{
    Numerics: R2. The variance may have been computed as the mean of squared differences or as a difference of means;
    both become the op's own way. Statistics run in f32.

    Before: means over the last dimension, a reciprocal square root, a scale and a shift, in any order and form.
    After: `et.layer_norm` or `et.rms_norm`. Proved: both means divide by the size of the dimension, run over the last
    dimension and over the same values; epsilon stands inside the root; scale and shift vary along the last dimension
    only.

    Refuses, with a `missed` remark that gives the reason: whatever cannot be proved.
  }];
  let statistics = [Statistic<"numRaised", "num-raised", "Normalisations raised">];
  let dependentDialects = ["mlir::et::ETDialect"];
}

def RaiseGeluPass : Pass<"et-raise-gelu"> {
  let summary = "Raise GELU in its erf, tanh and sigmoid forms";
  let description = [{
    Numerics: R1. The same formula, in f32 whatever the original computed in. With `allow-torch-mlir-tanh` R3.

    Before: elementwise ops around `math.erf`, `math.erfc`, `math.tanh` or a logistic function. After: `et.gelu`.
    Refuses, with a `missed` remark, formulas that have the shape of a GELU and another constant.
  }];
  let options = [
    Option<"allowTorchMlirTanh", "allow-torch-mlir-tanh", "bool", /*default=*/"false",
           "Take torch-mlir's 0.797724 for sqrt(2 / pi): results change by up to 1e-4, towards PyTorch's">,
  ];
  let statistics = [Statistic<"numRaised", "num-raised", "GELU subgraphs raised">];
  let dependentDialects = ["mlir::et::ETDialect"];
}

#endif // ET_CONVERSION_LINALGTOET_PASSES_TD
