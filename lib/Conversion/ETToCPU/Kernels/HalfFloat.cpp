//===- HalfFloat.cpp - Half precision conversions in kernels -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// bf16 is the upper half of an f32, so integer shifts convert it on every
// level. f16 uses the conversion instructions where they exist. Without them it
// goes through integers: the exponent is rebased by a multiplication with
// 2^112, which also normalises denormals, and rounding relies on an f32
// addition that shifts the bits to be dropped out of the significand.
//
//===----------------------------------------------------------------------===//

#include "et/Conversion/ETToCPU/HalfFloat.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

using namespace mlir;
using namespace mlir::et::cpu;

/// Returns \p elt, or a vector of it if \p like is the type of a vector.
static Type withShape(Type like, Type elt) {
  if (auto vector = dyn_cast<VectorType>(like))
    return vector.clone(elt);
  return elt;
}

namespace {
/// Emits elementwise integer code on values shaped like one given type.
class Bits {
public:
  Bits(OpBuilder &builder, Location loc, Type like)
      : b(loc, builder), like(like), i32(withShape(like, b.getI32Type())), f32(withShape(like, b.getF32Type())) {}

  Value constant(uint32_t value) {
    TypedAttr attr = b.getI32IntegerAttr(static_cast<int32_t>(value));
    if (auto vector = dyn_cast<VectorType>(i32))
      attr = DenseElementsAttr::get(vector, APInt(32, static_cast<uint64_t>(value)));
    return arith::ConstantOp::create(b, attr);
  }
  Value toInt(Value v) {
    auto bits = getElementTypeOrSelf(v).getIntOrFloatBitWidth();
    return arith::BitcastOp::create(b, withShape(like, b.getIntegerType(bits)), v);
  }
  Value toFloat(Value v) { return arith::BitcastOp::create(b, f32, v); }
  Value widen(Value v) { return arith::ExtUIOp::create(b, i32, v); }
  Value narrow(Value v, Type elt) {
    Type i16 = withShape(like, b.getI16Type());
    return arith::BitcastOp::create(b, withShape(like, elt), arith::TruncIOp::create(b, i16, v));
  }
  Value shl(Value v, unsigned n) { return arith::ShLIOp::create(b, v, constant(n)); }
  Value shr(Value v, unsigned n) { return arith::ShRUIOp::create(b, v, constant(n)); }
  Value band(Value v, uint32_t mask) { return arith::AndIOp::create(b, v, constant(mask)); }
  Value bor(Value v, Value w) { return arith::OrIOp::create(b, v, w); }
  Value add(Value v, Value w) { return arith::AddIOp::create(b, v, w); }
  Value ugt(Value v, uint32_t bound) { return arith::CmpIOp::create(b, arith::CmpIPredicate::ugt, v, constant(bound)); }
  Value select(Value cond, Value v, Value w) { return arith::SelectOp::create(b, cond, v, w); }

  ImplicitLocOpBuilder b;
  Type like, i32, f32;
};
} // namespace

static Value extendF16(Bits &bits, Value value) {
  Value half = bits.widen(bits.toInt(value));
  Value magnitude = bits.band(half, 0x7fff);
  Value sign = bits.shl(bits.band(half, 0x8000), 16);
  // Reads the f16 exponent with the bias of f32, then multiplies by 2^112.
  Value scaled =
      arith::MulFOp::create(bits.b, bits.toFloat(bits.shl(magnitude, 13)), bits.toFloat(bits.constant(0x77800000)));
  Value finite = bits.toInt(scaled);
  Value special = bits.bor(finite, bits.constant(0x7f800000));
  Value result = bits.select(bits.ugt(magnitude, 0x7bff), special, finite);
  return bits.toFloat(bits.bor(result, sign));
}

static Value truncateToF16(Bits &bits, Value value, Type elt) {
  Value word = bits.toInt(value);
  Value sign = bits.shr(bits.band(word, 0x80000000), 16);
  Value magnitude = bits.band(word, 0x7fffffff);
  // Below the smallest normal f16, 2^-14: adding 0.5 leaves the rounded
  // denormal in the low bits of the sum.
  Value denormal =
      bits.toInt(arith::AddFOp::create(bits.b, bits.toFloat(magnitude), bits.toFloat(bits.constant(0x3f000000))));
  denormal = bits.add(denormal, bits.constant(0u - 0x3f000000u));
  // Normal: rebase the exponent and round to nearest even.
  Value odd = bits.band(bits.shr(magnitude, 13), 1);
  Value normal = bits.add(magnitude, bits.constant(0xc8000fffu));
  normal = bits.shr(bits.add(normal, odd), 13);
  // 2^16 and above is infinite, but NaN stays NaN.
  Value special = bits.select(bits.ugt(magnitude, 0x7f800000), bits.constant(0x7e00), bits.constant(0x7c00));
  Value result = bits.select(bits.ugt(magnitude, 0x387fffff), normal, denormal);
  result = bits.select(bits.ugt(magnitude, 0x477fffff), special, result);
  return bits.narrow(bits.bor(result, sign), elt);
}

static Value truncateToBF16(Bits &bits, Value value, Type elt) {
  Value word = bits.toInt(value);
  Value odd = bits.band(bits.shr(word, 16), 1);
  Value rounded = bits.shr(bits.add(bits.add(word, bits.constant(0x7fff)), odd), 16);
  // Rounding could carry a NaN into infinity or zero.
  Value nan = bits.bor(bits.shr(word, 16), bits.constant(0x40));
  Value isNaN = bits.ugt(bits.band(word, 0x7fffffff), 0x7f800000);
  return bits.narrow(bits.select(isNaN, nan, rounded), elt);
}

Value et::cpu::extendToF32(OpBuilder &builder, Location loc, Value value, const ISA &isa) {
  Type elt = getElementTypeOrSelf(value);
  if (elt.isF32())
    return value;
  Bits bits(builder, loc, value.getType());
  if (elt.isBF16())
    return bits.toFloat(bits.shl(bits.widen(bits.toInt(value)), 16));
  assert(elt.isF16() && "expected f32, f16 or bf16");
  if (isa.f16c)
    return arith::ExtFOp::create(builder, loc, bits.f32, value);
  return extendF16(bits, value);
}

Value et::cpu::truncateFromF32(OpBuilder &builder, Location loc, Value value, Type elt, const ISA &isa) {
  if (elt.isF32())
    return value;
  Bits bits(builder, loc, value.getType());
  if (elt.isBF16())
    return truncateToBF16(bits, value, elt);
  assert(elt.isF16() && "expected f32, f16 or bf16");
  if (isa.f16c)
    return arith::TruncFOp::create(builder, loc, withShape(value.getType(), elt), value);
  return truncateToF16(bits, value, elt);
}
