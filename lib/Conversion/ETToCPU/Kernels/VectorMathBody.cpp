//===- VectorMathBody.cpp - Scalar bodies on vectors -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Turns scalar operations into operations on vectors:
//
//   %0 = math.exp %x : f32              straight-line code of VectorMath
//   %1 = arith.addf %0, %c : f32   ->   arith.addf : vector<16xf32>
//   %2 = arith.truncf %1 : f32 to f16   a conversion that is never a call
//
// Refused: operations with regions or memory effects, math on f64, and those
// that LLVM would turn into calls of a math library.
//
//===----------------------------------------------------------------------===//

#include "et/Conversion/ETToCPU/VectorMath.h"

#include "KernelBuilder.h"
#include "et/Conversion/ETToCPU/HalfFloat.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::et::cpu;

/// The function that \p op is, if emitMath() has it.
static std::optional<MathFn> getMathFn(Operation *op) {
  return llvm::TypeSwitch<Operation *, std::optional<MathFn>>(op)
      .Case([](math::ExpOp) { return MathFn::Exp; })
      .Case([](math::Exp2Op) { return MathFn::Exp2; })
      .Case([](math::ExpM1Op) { return MathFn::Expm1; })
      .Case([](math::LogOp) { return MathFn::Log; })
      .Case([](math::Log2Op) { return MathFn::Log2; })
      .Case([](math::Log1pOp) { return MathFn::Log1p; })
      .Case([](math::TanhOp) { return MathFn::Tanh; })
      .Case([](math::ErfOp) { return MathFn::Erf; })
      .Case([](math::RsqrtOp) { return MathFn::Rsqrt; })
      .Case([](math::SinOp) { return MathFn::Sin; })
      .Case([](math::CosOp) { return MathFn::Cos; })
      .Case([](math::FloorOp) { return MathFn::Floor; })
      .Case([](math::CeilOp) { return MathFn::Ceil; })
      .Case([](math::RoundEvenOp) { return MathFn::RoundEven; })
      .Default([](Operation *) { return std::nullopt; });
}

/// An exponent of math.powf that needs no power function.
static std::optional<double> getSimpleExponent(math::PowFOp op) {
  FloatAttr exponent;
  if (!matchPattern(op.getRhs(), m_Constant(&exponent)))
    return std::nullopt;
  double value = exponent.getValueAsDouble();
  if (value == 0.5 || value == -0.5 || value == 1.0 || value == 2.0 || value == 3.0 || value == 4.0 || value == -1.0 ||
      value == -2.0)
    return value;
  return std::nullopt;
}

static bool isHalf(Type type) { return type.isF16() || type.isBF16(); }

static bool isPlainType(Type type) {
  return type.isIndex() || type.isF32() || type.isF64() || isHalf(type) ||
         (type.isSignlessInteger() && type.getIntOrFloatBitWidth() <= 64);
}

std::optional<std::string> et::cpu::whyNotVectorizable(Operation *op) {
  auto because = [&](const Twine &why) { return (Twine("'") + op->getName().getStringRef() + "' " + why).str(); };
  for (Type type : op->getOperandTypes())
    if (!isPlainType(type))
      return because("has an operand that is not a scalar");
  for (Type type : op->getResultTypes())
    if (!isPlainType(type))
      return because("has a result that is not a scalar");
  if (op->getNumRegions())
    return because("has a region");
  if (mlir::isa<arith::ConstantOp>(op))
    return std::nullopt;
  bool hasF64 = op->getNumResults() && op->getResult(0).getType().isF64();
  if (getMathFn(op))
    return hasF64 ? std::optional(because("is expanded for f32, not for f64")) : std::nullopt;
  if (auto pow = dyn_cast<math::PowFOp>(op)) {
    if (hasF64)
      return because("is expanded for f32, not for f64");
    if (!getSimpleExponent(pow))
      return because("has an exponent that is no small constant");
    return std::nullopt;
  }
  if (mlir::isa<math::SqrtOp, math::AbsFOp, math::FmaOp, math::CopySignOp, math::AbsIOp>(op)) {
    if (hasF64 && mlir::isa<math::FmaOp>(op))
      return because("is expanded for f32, not for f64");
    return std::nullopt;
  }
  if (mlir::isa<arith::RemFOp>(op))
    return because("would become a library call");
  if (isa_and_nonnull<arith::ArithDialect>(op->getDialect()) && OpTrait::hasElementwiseMappableTraits(op))
    return std::nullopt;
  return because("has no vector form in the CPU kernels");
}

/// The scalar constant that \p value is, if it is one.
static arith::ConstantOp getScalarConstant(Value value) {
  auto constant = value.getDefiningOp<arith::ConstantOp>();
  return constant && isPlainType(constant.getType()) ? constant : nullptr;
}

std::optional<std::string> et::cpu::whyNotVectorizable(Block &block, llvm::function_ref<bool(Operation *)> known) {
  for (Operation &op : block) {
    if (known && known(&op))
      continue;
    if (&op != block.getTerminator())
      if (auto why = whyNotVectorizable(&op))
        return why;
    for (Value operand : op.getOperands())
      if (operand.getParentBlock() != &block && !getScalarConstant(operand))
        return "the body uses a value from outside that is no scalar constant";
  }
  return std::nullopt;
}

Value et::cpu::broadcastToLanes(OpBuilder &builder, Location loc, Value value, const ISA &isa) {
  if (mlir::isa<VectorType>(value.getType()))
    return value;
  return KernelBuilder(builder, loc, isa).broadcast(value);
}

static Value emitPow(KernelBuilder &b, Value x, double exponent) {
  Value one = b.constF32(1.0, x.getType());
  auto sqrt = [&] { return math::SqrtOp::create(b, b.getLoc(), x).getResult(); };
  Value square = b.mulf(x, x);
  if (exponent == 1.0)
    return x;
  if (exponent == 2.0)
    return square;
  if (exponent == 3.0)
    return b.mulf(square, x);
  if (exponent == 4.0)
    return b.mulf(square, square);
  if (exponent == 0.5)
    return sqrt();
  if (exponent == -0.5)
    return b.divf(one, sqrt());
  return b.divf(one, exponent == -1.0 ? x : square);
}

/// Clones \p op onto \p operands with result types of the same shape.
static SmallVector<Value> cloneOnto(OpBuilder &builder, Operation *op, ValueRange operands, TypeRange types) {
  OperationState state(op->getLoc(), op->getName());
  state.addOperands(operands);
  state.addTypes(types);
  state.addAttributes(op->getAttrs());
  return builder.create(state)->getResults();
}

SmallVector<Value> et::cpu::vectorizeScalarOp(OpBuilder &builder, Operation *op, ValueRange operands, const ISA &isa) {
  KernelBuilder b(builder, op->getLoc(), isa);
  SmallVector<Value> in(operands);
  bool anyVector = llvm::any_of(in, [](Value v) { return llvm::isa<VectorType>(v.getType()); });
  if (anyVector)
    for (Value &v : in)
      v = broadcastToLanes(builder, op->getLoc(), v, isa);
  auto shaped = [&](Type type) { return anyVector ? Type(b.vecType(type)) : type; };
  if (auto ext = dyn_cast<arith::ExtFOp>(op))
    if (isHalf(ext.getIn().getType()) && ext.getType().isF32())
      return {b.toF32(in[0])};
  if (auto trunc = dyn_cast<arith::TruncFOp>(op))
    if (trunc.getIn().getType().isF32() && isHalf(trunc.getType()))
      return {b.fromF32(in[0], trunc.getType())};

  // A selection of half types moves bits; LLVM would convert them.
  if (auto select = dyn_cast<arith::SelectOp>(op); select && isHalf(select.getType())) {
    Type word = shaped(b.getI16Type());
    Value result = b.select(in[0], arith::BitcastOp::create(b, op->getLoc(), word, in[1]),
                            arith::BitcastOp::create(b, op->getLoc(), word, in[2]));
    return {arith::BitcastOp::create(b, op->getLoc(), shaped(select.getType()), result)};
  }

  // Floating-point arithmetic on half types happens in f32; bit casts move bits.
  bool moves = mlir::isa<arith::BitcastOp, arith::ConstantOp>(op);
  SmallVector<Type> types;
  bool half = false;
  for (Type type : op->getResultTypes()) {
    half |= isHalf(type) && !moves;
    types.push_back(shaped(isHalf(type) && !moves ? b.getF32Type() : type));
  }
  if (!moves)
    for (Value &v : in)
      if (isHalf(getElementTypeOrSelf(v)))
        v = b.toF32(v);
  SmallVector<Value> results;
  if (auto fn = getMathFn(op))
    results = {emitMath(b, op->getLoc(), *fn, in[0], isa)};
  else if (auto pow = dyn_cast<math::PowFOp>(op))
    results = {emitPow(b, in[0], *getSimpleExponent(pow))};
  else if (mlir::isa<math::FmaOp>(op) && !isa.fma)
    results = {b.addf(b.mulf(in[0], in[1]), in[2])};
  else
    results = cloneOnto(b, op, in, types);
  if (half)
    for (auto [result, type] : llvm::zip_equal(results, op->getResultTypes()))
      if (isHalf(type))
        result = b.fromF32(result, type);
  return results;
}

FailureOr<SmallVector<Value>> et::cpu::vectorizeBlock(OpBuilder &builder, Block &block, ValueRange args, const ISA &isa,
                                                      std::string &reason, ResolveOpFn resolve) {
  IRMapping mapping;
  mapping.map(block.getArguments(), args);
  // A constant from outside is brought along: kernels are functions of their own.
  auto lookup = [&](Value value) -> Value {
    if (Value mapped = mapping.lookupOrNull(value))
      return mapped;
    if (arith::ConstantOp constant = getScalarConstant(value))
      return builder.clone(*constant, mapping)->getResult(0);
    return {};
  };
  auto lookupAll = [&](Operation &op) -> FailureOr<SmallVector<Value>> {
    SmallVector<Value> operands;
    for (Value operand : op.getOperands()) {
      operands.push_back(lookup(operand));
      if (operands.back())
        continue;
      reason = "the body uses a value from outside that is no scalar constant";
      return failure();
    }
    return operands;
  };
  for (Operation &op : block.without_terminator()) {
    if (resolve)
      if (Value value = resolve(&op)) {
        mapping.map(op.getResult(0), value);
        continue;
      }
    if (auto why = whyNotVectorizable(&op)) {
      reason = *why;
      return failure();
    }
    FailureOr<SmallVector<Value>> operands = lookupAll(op);
    if (failed(operands))
      return failure();
    mapping.map(op.getResults(), vectorizeScalarOp(builder, &op, *operands, isa));
  }
  return lookupAll(*block.getTerminator());
}
