//===- VectorMath.cpp - Transcendental functions on f32 vectors -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// All exponentials are 2^n * 2^f with n an integer and f in [-0.5, 0.5]. On
// AVX-512, vscalefps multiplies by 2^n with correct overflow, underflow and
// infinities, so no clamps are needed. Elsewhere 2^n is built from the exponent
// bits, after clamping. Integers are rounded by adding 1.5 * 2^23 where there is
// no rounding instruction, which also leaves the integer in the low bits.
//
// Polynomials are minimax fits made for this file unless a source is named.
//
//===----------------------------------------------------------------------===//

#include "et/Conversion/ETToCPU/VectorMath.h"

#include "KernelBuilder.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace mlir::et::cpu;

namespace {
/// Emits functions of one vector of f32.
class MathEmitter : public KernelBuilder {
public:
  MathEmitter(OpBuilder &builder, Location loc, const ISA &isa)
      : KernelBuilder(builder, loc, isa), hasScalef(isa.level == ISALevel::AVX512) {}

  Value exp(Value x);
  Value exp2(Value x);
  Value exp2Softmax(Value x);
  Value expm1(Value x);
  Value log(Value x);
  Value log1p(Value x);
  Value tanh(Value x);
  Value erf(Value x);
  Value sigmoid(Value x);
  Value sinCos(Value x, bool cosine);
  Value floorCeil(Value x, bool ceil);
  Value roundEven(Value x);
  Value geluErf(Value x);
  Value geluTanh(Value x);
  Value geluSigmoid(Value x);

private:
  const bool hasScalef;

  Value c(double value) { return splat(value); }
  Value ci(uint32_t value) {
    return arith::ConstantOp::create(*this, getLoc(), DenseElementsAttr::get(intType(), APInt(32, uint64_t(value))));
  }
  VectorType intType() { return vecType(getI32Type()); }
  Value bits(Value x) { return arith::BitcastOp::create(*this, getLoc(), intType(), x); }
  Value floats(Value x) { return arith::BitcastOp::create(*this, getLoc(), vecF32(), x); }
  Value shl(Value x, unsigned n) { return arith::ShLIOp::create(*this, getLoc(), x, ci(n)); }
  Value sar(Value x, unsigned n) { return arith::ShRSIOp::create(*this, getLoc(), x, ci(n)); }
  Value andBits(Value x, uint32_t mask) { return land(x, ci(mask)); }
  Value abs(Value x) { return floats(andBits(bits(x), 0x7fffffff)); }
  Value neg(Value x) { return arith::NegFOp::create(*this, getLoc(), x); }
  /// The magnitude of \p x with the sign of \p sign.
  Value copySign(Value x, Value sign) { return floats(lor(bits(x), andBits(bits(sign), 0x80000000))); }
  Value cmp(arith::CmpFPredicate p, Value a, Value b) { return arith::CmpFOp::create(*this, getLoc(), p, a, b); }
  /// Clamps to [low, high]; NaN stays NaN.
  Value clamp(Value x, double low, double high) { return minf(c(high), maxf(c(low), x)); }
  /// Horner's scheme, highest coefficient first.
  Value poly(Value x, ArrayRef<double> coefficients) {
    Value p = c(coefficients.front());
    for (double coefficient : coefficients.drop_front())
      p = fma(p, x, c(coefficient));
    return p;
  }
  Value hardwareRound(Value x) { return math::RoundEvenOp::create(*this, getLoc(), x); }
  Value scalef(Value x, Value n);
  Value pow2Fraction(Value f, bool accurate);
  Value scaleByPow2(Value p, Value n);
  Value permute(Value table, Value index);
  Value constTable(ArrayRef<float> values) {
    return arith::ConstantOp::create(*this, getLoc(), DenseElementsAttr::get(vecF32(), values));
  }
};
} // namespace

//===----------------------------------------------------------------------===//
// Exponentials
//===----------------------------------------------------------------------===//

// Added to a number below 2^22 it leaves the nearest integer in the low bits.
static constexpr double kMagic = 12582912.0;
static constexpr double kLog2e = 1.44269504088896340736;
// kLog2e - (float)kLog2e.
static constexpr double kLog2eLow = 1.92596299112661746887e-8;

Value MathEmitter::scalef(Value x, Value n) {
  Value mask = arith::ConstantOp::create(*this, getLoc(), getI16IntegerAttr(-1));
  Value rounding = arith::ConstantOp::create(*this, getLoc(), getI32IntegerAttr(4));
  return LLVM::CallIntrinsicOp::create(*this, getLoc(), vecF32(), getStringAttr("llvm.x86.avx512.mask.scalef.ps.512"),
                                       ValueRange{x, n, x, mask, rounding})
      .getResults();
}

Value MathEmitter::permute(Value table, Value index) {
  return LLVM::CallIntrinsicOp::create(*this, getLoc(), vecF32(), getStringAttr("llvm.x86.avx512.permvar.sf.512"),
                                       ValueRange{table, index})
      .getResults();
}

/// 2^f on [-0.5, 0.5]: 2e-9 relative, or 7.5e-8 with one multiplication less.
Value MathEmitter::pow2Fraction(Value f, bool accurate) {
  if (accurate)
    return poly(f, {1.5345812185985734e-4, 1.339993146369032e-3, 9.618488958555198e-3, 5.5503287763620276e-2,
                    2.402264689060095e-1, 6.931472057375447e-1, 1.0});
  return poly(f, {1.3276472201345885e-3, 9.67554158453115e-3, 5.5507132750284606e-2, 2.4022119719235074e-1,
                  6.93146967062461e-1, 1.0000000716556103});
}

/// p * 2^n for an integral n in [-252, 254], in two steps so that the factors
/// stay normal numbers; the product rounds to a denormal number or infinity.
Value MathEmitter::scaleByPow2(Value p, Value n) {
  Value i = arith::SubIOp::create(*this, getLoc(), bits(addf(n, c(kMagic))), ci(0x4b400000));
  Value half = sar(i, 1);
  Value rest = arith::SubIOp::create(*this, getLoc(), i, half);
  auto pow2 = [&](Value e) { return floats(shl(add(e, ci(127)), 23)); };
  return mulf(mulf(p, pow2(half)), pow2(rest));
}

Value MathEmitter::exp(Value x) {
  // Beyond these bounds the result is infinite or zero.
  x = clamp(x, -104.0, 89.0);
  Value n = roundEven(mulf(x, c(kLog2e)));
  Value f;
  if (isa.fma) {
    f = fma(x, c(kLog2e), neg(n));
    f = fma(x, c(kLog2eLow), f);
  } else {
    // Cody and Waite: n * 0.693359375 is exact.
    Value r = subf(x, mulf(n, c(0.693359375)));
    r = addf(r, mulf(n, c(2.12194440054690583e-4)));
    f = mulf(r, c(kLog2e));
  }
  Value p = pow2Fraction(f, /*accurate=*/true);
  return hasScalef ? scalef(p, n) : scaleByPow2(p, n);
}

Value MathEmitter::exp2(Value x) {
  if (!hasScalef)
    x = clamp(x, -151.0, 129.0);
  Value n = roundEven(x);
  Value p = pow2Fraction(subf(x, n), /*accurate=*/true);
  return hasScalef ? scalef(p, n) : scaleByPow2(p, n);
}

Value MathEmitter::exp2Softmax(Value x) {
  if (hasScalef) {
    Value n = hardwareRound(x);
    return scalef(pow2Fraction(subf(x, n), /*accurate=*/false), n);
  }
  // At n = -127 the exponent bits are zero, and so is the factor.
  x = maxf(c(-127.0), x);
  Value shifted = addf(x, c(kMagic + 127));
  Value n = subf(shifted, c(kMagic + 127));
  Value p = pow2Fraction(subf(x, n), /*accurate=*/false);
  return mulf(p, floats(shl(bits(shifted), 23)));
}

Value MathEmitter::expm1(Value x) {
  // Kahan: with u = exp(x) rounded, (u - 1) * x / log(u) cancels its error.
  Value u = exp(x);
  Value um1 = subf(u, c(1.0));
  Value general = mulf(um1, divf(x, log(u)));
  Value result = select(cmp(arith::CmpFPredicate::OEQ, u, c(1.0)), x, general);
  result = select(cmp(arith::CmpFPredicate::OEQ, um1, c(-1.0)), c(-1.0), result);
  Value large = cmp(arith::CmpFPredicate::OGT, x, c(80.0));
  return select(large, um1, result);
}

//===----------------------------------------------------------------------===//
// Logarithms
//===----------------------------------------------------------------------===//

Value MathEmitter::log(Value x) {
  // x = m * 2^e with m in [sqrt(1/2), sqrt(2)); the polynomial is that of
  // Cephes' logf. Denormal numbers are scaled up first.
  Value tiny = cmp(arith::CmpFPredicate::OLT, x, c(1.17549435e-38));
  Value scaled = select(tiny, mulf(x, c(8388608.0)), x);
  Value word = bits(scaled);
  Value biased = arith::SubIOp::create(*this, getLoc(), word, ci(0x3f3504f3));
  Value e = arith::SIToFPOp::create(*this, getLoc(), vecF32(), sar(biased, 23));
  e = subf(e, select(tiny, c(23.0), c(0.0)));
  Value m = floats(add(andBits(biased, 0x007fffff), ci(0x3f3504f3)));
  Value f = subf(m, c(1.0));
  Value z = mulf(f, f);
  Value y = poly(f, {7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1,
                     -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1});
  y = mulf(mulf(f, z), y);
  y = fma(e, c(-2.12194440e-4), y);
  y = fma(z, c(-0.5), y);
  y = addf(f, y);
  y = fma(e, c(0.693359375), y);
  constexpr double inf = std::numeric_limits<double>::infinity();
  y = select(cmp(arith::CmpFPredicate::OEQ, x, c(inf)), x, y);
  y = select(cmp(arith::CmpFPredicate::OEQ, x, c(0.0)), c(-inf), y);
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  return select(cmp(arith::CmpFPredicate::UGE, x, c(0.0)), select(cmp(arith::CmpFPredicate::UNO, x, x), x, y), c(nan));
}

Value MathEmitter::log1p(Value x) {
  // log(u) / (u - 1) is smooth, so the rounding error of u = 1 + x cancels.
  Value u = addf(x, c(1.0));
  Value um1 = subf(u, c(1.0));
  Value general = mulf(log(u), divf(x, um1));
  constexpr double inf = std::numeric_limits<double>::infinity();
  Value keep = lor(cmp(arith::CmpFPredicate::OEQ, um1, c(0.0)), cmp(arith::CmpFPredicate::OEQ, x, c(inf)));
  return select(keep, x, general);
}

//===----------------------------------------------------------------------===//
// Sigmoid-shaped functions
//===----------------------------------------------------------------------===//

Value MathEmitter::tanh(Value x) {
  // The rational approximation of Eigen (generic_fast_tanh_float).
  Value t = clamp(x, -7.90531110763549805, 7.90531110763549805);
  Value z = mulf(t, t);
  Value p = poly(z, {-2.76076847742355e-16, 2.00018790482477e-13, -8.60467152213735e-11, 5.12229709037114e-08,
                     1.48572235717979e-05, 6.37261928875436e-04, 4.89352455891786e-03});
  Value q = poly(z, {1.19825839466702e-06, 1.18534705686654e-04, 2.26843463243900e-03, 4.89352518554385e-03});
  Value y = divf(mulf(t, p), q);
  // Keeps tiny arguments, whose square vanishes, exact.
  return select(cmp(arith::CmpFPredicate::OLT, abs(x), c(4e-4)), x, y);
}

Value MathEmitter::erf(Value x) {
  // The rational approximation of Eigen (generic_fast_erf_float).
  Value t = clamp(x, -4.0, 4.0);
  Value z = mulf(t, t);
  Value p = poly(z, {-2.72614225801306e-10, 2.77068142495902e-08, -2.10102402082508e-06, -5.69250639462346e-05,
                     -7.34990630326855e-04, -2.95459980854025e-03, -1.60960333262415e-02});
  Value q = poly(z, {-1.45660718464996e-05, -2.13374055278905e-04, -1.68282697438203e-03, -7.37332916720468e-03,
                     -1.42647390514189e-02});
  return divf(mulf(t, p), q);
}

Value MathEmitter::sigmoid(Value x) { return divf(c(1.0), addf(c(1.0), exp(neg(x)))); }

//===----------------------------------------------------------------------===//
// GELU
//===----------------------------------------------------------------------===//

// u * (1 - Phi(u)) on [0, 5.4] in 16 pieces of degree 5 in f = u * scale - i,
// i = round(u * scale); row k holds the coefficients of f^k. 6e-9 absolute; the
// first piece passes through 0, which keeps small arguments accurate.
static constexpr double kGeluTailEnd = 5.4;
static constexpr double kGeluTailScale = 15.49 / 5.4;
static constexpr float kGeluTail[6][16] = {
    {0.00000000e+00f, 1.26786800e-01f, 1.69307819e-01f, 1.54593788e-01f, 1.13774665e-01f, 7.08755540e-02f,
     3.81394076e-02f, 1.79064602e-02f, 7.37496193e-03f, 2.67300941e-03f, 8.54240844e-04f, 2.41015504e-04f,
     6.00838496e-05f, 1.32424315e-05f, 2.58136898e-06f, 4.45174623e-07f},
    {1.74305986e-01f, 8.11616137e-02f, 8.60993683e-03f, -3.26482118e-02f, -4.49088710e-02f, -3.88907711e-02f,
     -2.62801816e-02f, -1.47235358e-02f, -7.01640718e-03f, -2.88169635e-03f, -1.02783733e-03f, -3.19911851e-04f,
     -8.71694362e-05f, -2.08404942e-05f, -4.37902622e-06f, -8.09678911e-07f},
    {-4.84832027e-02f, -4.28523807e-02f, -2.87804224e-02f, -1.27146872e-02f, -5.09387791e-04f, 5.50947552e-03f,
     6.45967279e-03f, 4.88216000e-03f, 2.86676625e-03f, 1.38522707e-03f, 5.65146613e-04f, 1.97394977e-04f,
     5.95245940e-05f, 1.55824833e-05f, 3.55484283e-06f, 7.08703744e-07f},
    {-3.53134382e-06f, 3.58412493e-03f, 5.41220254e-03f, 4.95524823e-03f, 3.05405405e-03f, 1.03380617e-03f,
     -2.47918455e-04f, -6.84324584e-04f, -6.07473972e-04f, -3.76275292e-04f, -1.83849259e-04f, -7.41187161e-05f,
     -2.52044451e-05f, -7.32165828e-06f, -1.83154955e-06f, -3.96642460e-07f},
    {9.96275355e-04f, 7.26800472e-04f, 1.61369003e-04f, -3.45263334e-04f, -5.37467395e-04f, -4.30503915e-04f,
     -2.06864139e-04f, -2.91245459e-05f, 4.95965548e-05f, 5.69161685e-05f, 3.75855880e-05f, 1.85661725e-05f,
     7.38203016e-06f, 2.43983538e-06f, 6.82101509e-07f, 1.62950517e-07f},
    {-2.61093612e-05f, -9.27964654e-05f, -1.19706140e-04f, -7.39453734e-05f, -3.89636656e-06f, 3.99165455e-05f,
     4.38587597e-05f, 2.56275765e-05f, 7.01965084e-06f, -2.49618518e-06f, -4.35156434e-06f, -3.04904463e-06f,
     -1.50320822e-06f, -5.81833025e-07f, -1.84601044e-07f, -4.94073698e-08f},
};

Value MathEmitter::geluErf(Value x) {
  // x * Phi(x) = max(x, 0) - u * (1 - Phi(u)) with u = |x|: what is subtracted
  // is small and smooth, so an absolute error of 1e-8 is within reach.
  Value u = abs(x);
  Value positive = maxf(c(0.0), x);
  if (hasScalef) {
    // The piece is looked up by vpermps, which reads the low 4 bits only.
    u = minf(u, c(kGeluTailEnd));
    Value shifted = fma(u, c(kGeluTailScale), c(kMagic));
    Value f = fma(u, c(kGeluTailScale), neg(subf(shifted, c(kMagic))));
    Value piece = bits(shifted);
    Value tail = permute(constTable(kGeluTail[5]), piece);
    for (int k = 4; k >= 0; --k)
      tail = fma(tail, f, permute(constTable(kGeluTail[k]), piece));
    return subf(positive, tail);
  }
  // u * (1 - Phi(u)) = u * exp(-u^2 / 2) * t * R(t), t = 1 / (1 + 0.3375 u), in
  // the manner of Abramowitz and Stegun 7.1.26: 7e-8 absolute. R(1) = 1/2 keeps
  // small arguments accurate.
  Value t = divf(c(1.0), fma(u, c(0.3375), c(1.0)));
  Value r = poly(t, {-0.1068299032, 0.3405539833, -0.05093113176, 0.189531351, 0.1276757007});
  Value e = exp2Softmax(mulf(mulf(u, u), c(-0.5 * kLog2e)));
  // An infinite u meets e = 0.
  u = minf(u, c(40.0));
  return subf(positive, mulf(mulf(u, t), mulf(r, e)));
}

Value MathEmitter::geluTanh(Value x) {
  // 0.5 * (1 + tanh(y)) = 1 / (1 + exp(-2 y)), y = sqrt(2/pi) (x + 0.044715 x^3)
  constexpr double scale = -2.0 * 0.79788456080286535588 * kLog2e;
  Value z = mulf(x, x);
  Value t = mulf(x, fma(z, c(scale * 0.044715), c(scale)));
  return divf(x, addf(c(1.0), exp2(t)));
}

Value MathEmitter::geluSigmoid(Value x) { return divf(x, addf(c(1.0), exp2(mulf(x, c(-1.702 * kLog2e))))); }

//===----------------------------------------------------------------------===//
// Sine and cosine
//===----------------------------------------------------------------------===//

Value MathEmitter::sinCos(Value x, bool cosine) {
  // Reduce by multiples of pi/2 in three parts (Cody and Waite), then take the
  // sine or the cosine polynomial of the remainder (Cephes).
  Value bounded = clamp(x, -1e6, 1e6);
  Value n = roundEven(mulf(bounded, c(0.63661977236758134308)));
  Value quadrant = arith::SubIOp::create(*this, getLoc(), bits(addf(n, c(kMagic))), ci(0x4b400000));
  if (cosine)
    quadrant = add(quadrant, ci(1));
  Value r = bounded;
  // 8, 11 and 11 bits, so that the products with n are exact up to 2^13.
  for (double part : {1.5703125, 4.837512969970703125e-4, 7.54953362047672271729e-8, 2.56334406825708960e-12})
    r = fma(n, c(-part), r);
  Value z = mulf(r, r);
  Value sine = poly(z, {-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1});
  sine = fma(mulf(sine, z), r, r);
  Value cos = poly(z, {2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2});
  cos = addf(fma(mulf(cos, z), z, mulf(z, c(-0.5))), c(1.0));
  Value odd = arith::CmpIOp::create(*this, getLoc(), arith::CmpIPredicate::ne, andBits(quadrant, 1), ci(0));
  Value y = select(odd, cos, sine);
  Value sign = shl(andBits(quadrant, 2), 30);
  y = floats(arith::XOrIOp::create(*this, getLoc(), bits(y), sign));
  // sin(inf) is NaN; inf - inf and NaN - NaN provide it.
  return addf(y, subf(x, x));
}

//===----------------------------------------------------------------------===//
// Rounding
//===----------------------------------------------------------------------===//

Value MathEmitter::roundEven(Value x) {
  if (isa.level != ISALevel::Baseline)
    return hardwareRound(x);
  // SSE2 has no rounding instruction. From 2^23 on every number is an integer.
  Value a = abs(x);
  Value rounded = subf(addf(a, c(8388608.0)), c(8388608.0));
  Value small = cmp(arith::CmpFPredicate::OLT, a, c(8388608.0));
  return select(small, copySign(rounded, x), x);
}

Value MathEmitter::floorCeil(Value x, bool ceil) {
  if (isa.level != ISALevel::Baseline)
    return ceil ? math::CeilOp::create(*this, getLoc(), x).getResult()
                : math::FloorOp::create(*this, getLoc(), x).getResult();
  Value r = roundEven(x);
  Value off = ceil ? cmp(arith::CmpFPredicate::OLT, r, x) : cmp(arith::CmpFPredicate::OGT, r, x);
  Value fixed = ceil ? addf(r, c(1.0)) : subf(r, c(1.0));
  return copySign(abs(select(off, fixed, r)), x);
}

//===----------------------------------------------------------------------===//
// Entry points
//===----------------------------------------------------------------------===//

static Value emitVector(MathEmitter &b, MathFn fn, Value x) {
  switch (fn) {
  case MathFn::Exp:
    return b.exp(x);
  case MathFn::Exp2:
    return b.exp2(x);
  case MathFn::Expm1:
    return b.expm1(x);
  case MathFn::Log:
    return b.log(x);
  case MathFn::Log2:
    return b.mulf(b.log(x), b.splat(kLog2e));
  case MathFn::Log1p:
    return b.log1p(x);
  case MathFn::Tanh:
    return b.tanh(x);
  case MathFn::Erf:
    return b.erf(x);
  case MathFn::Sigmoid:
    return b.sigmoid(x);
  case MathFn::Rsqrt:
    return b.divf(b.splat(1.0), math::SqrtOp::create(b, b.getLoc(), x));
  case MathFn::Sin:
    return b.sinCos(x, /*cosine=*/false);
  case MathFn::Cos:
    return b.sinCos(x, /*cosine=*/true);
  case MathFn::Floor:
    return b.floorCeil(x, /*ceil=*/false);
  case MathFn::Ceil:
    return b.floorCeil(x, /*ceil=*/true);
  case MathFn::RoundEven:
    return b.roundEven(x);
  case MathFn::GeluErf:
    return b.geluErf(x);
  case MathFn::GeluTanh:
    return b.geluTanh(x);
  case MathFn::GeluSigmoid:
    return b.geluSigmoid(x);
  }
  llvm_unreachable("unknown function");
}

Value et::cpu::emitMath(OpBuilder &builder, Location loc, MathFn fn, Value x, const ISA &isa) {
  MathEmitter b(builder, loc, isa);
  if (mlir::isa<VectorType>(x.getType()))
    return emitVector(b, fn, x);
  // A scalar is computed in every lane of a register.
  Value result = emitVector(b, fn, b.broadcast(x));
  return vector::ExtractOp::create(b, loc, result, ArrayRef<int64_t>{0});
}

Value et::cpu::emitExp2Softmax(OpBuilder &builder, Location loc, Value x, const ISA &isa) {
  return MathEmitter(builder, loc, isa).exp2Softmax(x);
}
