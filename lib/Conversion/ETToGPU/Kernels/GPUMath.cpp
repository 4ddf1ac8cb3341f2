//===- GPUMath.cpp - Transcendental functions in GPU kernels -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "et/Conversion/ETToGPU/GPUMath.h"

#include <cmath>

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::gpu_kernels;
using nvidia::NVVMBuilder;

static constexpr double kLog2E = 1.4426950408889634, kLn2 = 0.6931471805599453;

/// 1 / (1 + 2^x).
static Value emitLogistic(NVVMBuilder &b, Value x) { return b.rcp(b.addf(b.ex2(x), b.f32(1.0))); }

/// 1 - erfc(|a|) for a = scale * |x|: Abramowitz and Stegun 7.1.28, erfc(a) = (1 + sum c_i a^i)^-16 within 3e-7. One
/// reciprocal is its only special function.
static Value emitErfOfAbs(NVVMBuilder &b, Value absX, double scale) {
  static constexpr double kCoefficients[] = {0.0705230784, 0.0422820123, 0.0092705272,
                                             0.0001520143, 0.0002765672, 0.0000430638};
  double power = std::pow(scale, 6);
  Value p = b.f32(kCoefficients[5] * power);
  for (int i = 4; i >= 0; --i) {
    power /= scale;
    p = b.fma(p, absX, b.f32(kCoefficients[i] * power));
  }
  p = b.fma(p, absX, b.f32(1.0));
  Value r = b.rcp(p);
  for (int i = 0; i < 3; ++i)
    r = b.mulf(r, r);
  return b.fma(b.negf(r), r, b.f32(1.0));
}

static Value copySign(NVVMBuilder &b, Value magnitude, Value sign) {
  return LLVM::CopySignOp::create(b, magnitude, sign);
}

Value gpu_kernels::emitMath(NVVMBuilder &b, MathFn fn, Value x) {
  switch (fn) {
  case MathFn::Exp:
    return b.ex2(b.mulf(x, b.f32(kLog2E)));
  case MathFn::Log:
    return b.mulf(b.lg2(x), b.f32(kLn2));
  case MathFn::Relu:
    return b.select(b.cmpf(arith::CmpFPredicate::OLT, x, b.f32(0.0)), b.f32(0.0), x);
  case MathFn::Sigmoid:
    return emitLogistic(b, b.mulf(x, b.f32(-kLog2E)));
  case MathFn::Tanh: {
    // Near zero 1 - 2 / (1 + e^2x) cancels; x - x^3/3 is exact to 1e-6 there.
    Value large = b.fma(emitLogistic(b, b.mulf(x, b.f32(2 * kLog2E))), b.f32(-2.0), b.f32(1.0));
    Value square = b.mulf(x, x);
    Value small = b.fma(b.mulf(square, b.f32(-1.0 / 3.0)), x, x);
    return b.select(b.cmpf(arith::CmpFPredicate::OLT, b.absf(x), b.f32(0.05)), small, large);
  }
  case MathFn::Erf: {
    Value absX = b.absf(x);
    Value large = copySign(b, emitErfOfAbs(b, absX, 1.0), x);
    // 2 / sqrt(pi) (x - x^3/3 + x^5/10)
    Value square = b.mulf(x, x);
    Value series = b.fma(square, b.fma(square, b.f32(0.11283791671), b.f32(-0.37612638903)), b.f32(1.12837916710));
    return b.select(b.cmpf(arith::CmpFPredicate::OLT, absX, b.f32(0.1)), b.mulf(x, series), large);
  }
  case MathFn::GeluErf: {
    // x/2 + |x/2| erf(|x| / sqrt(2))
    Value half = b.mulf(x, b.f32(0.5)), absHalf = b.absf(half);
    return b.fma(absHalf, emitErfOfAbs(b, absHalf, 1.4142135623730951), half);
  }
  case MathFn::GeluTanh: {
    // x sigmoid(2 sqrt(2/pi) (x + 0.044715 x^3))
    constexpr double c = -2.0 * 0.7978845608028654 * kLog2E;
    Value inner = b.fma(b.mulf(x, x), b.f32(c * 0.044715), b.f32(c));
    return b.mulf(x, emitLogistic(b, b.mulf(x, inner)));
  }
  case MathFn::GeluSigmoid:
    return b.mulf(x, emitLogistic(b, b.mulf(x, b.f32(-1.702 * kLog2E))));
  }
  llvm_unreachable("covered switch");
}
