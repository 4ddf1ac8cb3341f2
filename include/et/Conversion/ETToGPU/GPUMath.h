//===- GPUMath.h - Transcendental functions in GPU kernels -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Straight-line code on f32 scalars, without libdevice, accurate enough that a
// result rounded to f16 differs from the rounded exact one in the last bit at most.
// Instructions of the special function unit run at a quarter of the rate of a
// multiply-add per warp scheduler and lane group, so functions use as few as pay.
//
//===----------------------------------------------------------------------===//

#ifndef ET_CONVERSION_ETTOGPU_GPUMATH_H
#define ET_CONVERSION_ETTOGPU_GPUMATH_H

#include "et/Target/NVIDIA/NVVMBuilder.h"

namespace mlir::et::gpu_kernels {

enum class MathFn {
  Exp,
  Log,
  Tanh,
  /// 3e-6 absolute.
  Erf,
  Sigmoid,
  Relu,
  /// x * Phi(x), the exact GELU: 8e-7 absolute.
  GeluErf,
  /// The tanh approximation of GELU.
  GeluTanh,
  /// x * sigmoid(1.702 x).
  GeluSigmoid,
};

/// Emits \p fn of the f32 \p x. NaN stays NaN; infinities give the limits, except that the GELUs of -inf are NaN as in
/// the formula x * 0.
Value emitMath(nvidia::NVVMBuilder &b, MathFn fn, Value x);

} // namespace mlir::et::gpu_kernels

#endif // ET_CONVERSION_ETTOGPU_GPUMATH_H
