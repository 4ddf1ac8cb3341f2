//===- VectorMath.h - Transcendental functions on f32 vectors -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Emits exp, tanh, erf, GELU and friends as straight-line vector code, for each
// instruction set level with the instructions it has, and never as a call into a
// math library. Also turns the scalar body of an elementwise operation into the
// same computation on vectors.
//
//===----------------------------------------------------------------------===//

#ifndef ET_CONVERSION_ETTOCPU_VECTORMATH_H
#define ET_CONVERSION_ETTOCPU_VECTORMATH_H

#include "et/Conversion/ETToCPU/ISA.h"

#include "mlir/IR/Builders.h"

#include <optional>
#include <string>

namespace mlir::et::cpu {

/// The functions that can be emitted. Errors are the largest seen against
/// float64 over the whole range, see VectorMathTest.
enum class MathFn {
  Exp,     ///< 1.1 ulp (1.5 without FMA)
  Exp2,    ///< 1 ulp
  Expm1,   ///< 3 ulp
  Log,     ///< 1 ulp
  Log2,    ///< 2 ulp
  Log1p,   ///< 3 ulp
  Tanh,    ///< 5 ulp (7 without FMA)
  Erf,     ///< 6 ulp (7 without FMA)
  Sigmoid, ///< 3 ulp
  Rsqrt,   ///< 1.5 ulp (a square root and a division)
  Sin,     ///< 1e-7 absolute up to 8192, worse beyond
  Cos,     ///< as Sin
  Floor,
  Ceil,
  RoundEven,
  /// x * Phi(x), the exact GELU: 3e-7 absolute or 1 ulp.
  GeluErf,
  /// The tanh approximation of GELU: 5e-7 absolute or 1 ulp.
  GeluTanh,
  /// x * sigmoid(1.702 x).
  GeluSigmoid,
};

/// Emits \p fn of \p x, which is an f32 or a vector of f32 with as many elements
/// as the level has lanes. Infinities, NaN, overflow and underflow behave as in
/// the C library.
Value emitMath(OpBuilder &builder, Location loc, MathFn fn, Value x, const ISA &isa);

/// Emits 2^x for x <= 0 as softmax needs it: results below the smallest normal
/// number become zero, 2^-inf is exactly zero, NaN stays NaN; 3 ulp.
Value emitExp2Softmax(OpBuilder &builder, Location loc, Value x, const ISA &isa);

/// Returns the value of an operation that a caller knows better, for example
/// `linalg.index`; null for any other operation.
using ResolveOpFn = llvm::function_ref<Value(Operation *)>;

/// Returns why \p op has no vector form here, or nullopt if it has one.
std::optional<std::string> whyNotVectorizable(Operation *op);

/// Returns why vectorizeBlock() refuses \p block, or nullopt if it takes it.
/// Operations for which \p known is true are the caller's.
std::optional<std::string> whyNotVectorizable(Block &block, llvm::function_ref<bool(Operation *)> known = nullptr);

/// Emits the scalar operation \p op on vectors: \p operands holds one value per
/// operand, either a scalar or, in place of a scalar of type T, a
/// vector<lanes x T> with the lanes of f32. Operations of `math` are expanded
/// through emitMath(); f16 and bf16 are computed in f32 and rounded. Results are
/// scalars if all operands are. Requires !whyNotVectorizable(op).
SmallVector<Value> vectorizeScalarOp(OpBuilder &builder, Operation *op, ValueRange operands, const ISA &isa);

/// Emits the body of \p block with its arguments replaced by \p args, scalars or
/// vectors, and returns the operands of the terminator. Scalar constants from
/// outside of the block are cloned. On failure \p reason names the operation.
FailureOr<SmallVector<Value>> vectorizeBlock(OpBuilder &builder, Block &block, ValueRange args, const ISA &isa,
                                             std::string &reason, ResolveOpFn resolve = nullptr);

/// Makes \p value a vector of the level's f32 lane count, if it is a scalar.
Value broadcastToLanes(OpBuilder &builder, Location loc, Value value, const ISA &isa);

} // namespace mlir::et::cpu

#endif // ET_CONVERSION_ETTOCPU_VECTORMATH_H
