//===- KernelBuilder.h - Shorthands for writing CPU kernels -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A builder with the vocabulary of the hand-written kernels: index arithmetic,
// loops and branches that carry values, vectors of f32, and memory as a flat
// array with explicit strides. Kernels compute element offsets themselves, so
// that the address arithmetic in the hot loops is exactly what they ask for.
//
//===----------------------------------------------------------------------===//

#ifndef ET_LIB_CONVERSION_ETTOCPU_KERNELS_KERNELBUILDER_H
#define ET_LIB_CONVERSION_ETTOCPU_KERNELS_KERNELBUILDER_H

#include "et/Conversion/ETToCPU/ISA.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace mlir::et::cpu {

/// A strided memref taken apart: element (i, j, ..) is
/// `mem[offset + i * strides[0] + j * strides[1] + ..]`.
struct FlatMemRef {
  /// memref<?xT> that starts at the aligned pointer.
  Value mem;
  Value offset;
  SmallVector<Value> sizes, strides;

  Type getElementType() const { return cast<MemRefType>(mem.getType()).getElementType(); }
};

/// An ImplicitLocOpBuilder for one instruction set level.
class KernelBuilder : public ImplicitLocOpBuilder {
public:
  KernelBuilder(OpBuilder &builder, Location loc, const ISA &isa) : ImplicitLocOpBuilder(loc, builder), isa(isa) {}

  const ISA &isa;

  /// Number of f32 lanes of a vector register.
  int64_t lanes() const { return isa.vectorBits / 32; }
  /// vector<lanes x elt>.
  VectorType vecType(Type elt) const { return VectorType::get({lanes()}, elt); }
  VectorType vecF32() { return vecType(getF32Type()); }

  //===--------------------------------------------------------------------===//
  // Index arithmetic
  //===--------------------------------------------------------------------===//

  Value idx(int64_t value);
  Value add(Value lhs, Value rhs);
  Value add(Value lhs, int64_t rhs) { return rhs ? add(lhs, idx(rhs)) : lhs; }
  Value sub(Value lhs, Value rhs);
  Value mul(Value lhs, Value rhs);
  Value mul(Value lhs, int64_t rhs) { return mul(lhs, idx(rhs)); }
  Value div(Value lhs, Value rhs);
  Value div(Value lhs, int64_t rhs) { return div(lhs, idx(rhs)); }
  Value rem(Value lhs, Value rhs);
  /// ceil(lhs / rhs) of non-negative numbers.
  Value ceilDiv(Value lhs, Value rhs);
  Value min(Value lhs, Value rhs);
  Value max(Value lhs, Value rhs);
  Value lt(Value lhs, Value rhs);
  Value le(Value lhs, Value rhs);
  Value eq(Value lhs, Value rhs);
  Value land(Value lhs, Value rhs);
  Value lor(Value lhs, Value rhs);
  Value select(Value cond, Value ifTrue, Value ifFalse);

  //===--------------------------------------------------------------------===//
  // Control flow
  //===--------------------------------------------------------------------===//

  /// Keeps LLVM from unrolling and vectorising a loop.
  LLVM::LoopAnnotationAttr getLoopAnnotation();
  using LoopBody = llvm::function_ref<SmallVector<Value>(Value, ValueRange)>;
  /// for (iv = lb; iv < ub; iv += step) with loop-carried values.
  SmallVector<Value> loop(Value lb, Value ub, Value step, ValueRange init, LoopBody body);
  /// The same without carried values.
  void loop(Value lb, Value ub, Value step, llvm::function_ref<void(Value)> body);
  void loop(Value ub, llvm::function_ref<void(Value)> body) { loop(idx(0), ub, idx(1), body); }
  using Branch = llvm::function_ref<SmallVector<Value>()>;
  SmallVector<Value> ifElse(Value cond, TypeRange results, Branch then, Branch otherwise);
  void ifThen(Value cond, llvm::function_ref<void()> then);

  //===--------------------------------------------------------------------===//
  // Vectors of f32
  //===--------------------------------------------------------------------===//

  /// A constant of \p type: f32 or vector of f32.
  Value constF32(double value, Type type);
  /// A constant vector of lanes() copies.
  Value splat(double value) { return constF32(value, vecF32()); }
  Value broadcast(Value scalar);
  Value addf(Value lhs, Value rhs);
  Value subf(Value lhs, Value rhs);
  Value mulf(Value lhs, Value rhs);
  Value divf(Value lhs, Value rhs);
  /// a * b + c; fused where the level has it.
  Value fma(Value a, Value b, Value c);
  /// a > b ? a : b, one instruction; \p b where either is NaN.
  Value maxf(Value a, Value b);
  /// a < b ? a : b, one instruction; \p b where either is NaN.
  Value minf(Value a, Value b);
  /// Sum of the lanes, in any order.
  Value reduceAdd(Value vector);
  /// Transposes lanes() vectors of lanes() elements in registers.
  SmallVector<Value> transpose(ArrayRef<Value> rows);

  //===--------------------------------------------------------------------===//
  // Memory
  //===--------------------------------------------------------------------===//

  /// Takes \p memref apart.
  FlatMemRef flatten(Value memref);
  /// Offset of \p memref plus the contribution of \p index along dimension
  /// \p dim.
  Value load(Value mem, Value index);
  void store(Value value, Value mem, Value index);
  /// Loads \p count <= lanes() elements as they are, vector<lanes x T>; lanes
  /// from \p count on are zero.
  Value loadVector(Value mem, Value index, int64_t count);
  void storeVector(Value vector, Value mem, Value index, int64_t count);
  /// The same for a count that is known at run time only, 0 <= count < lanes().
  /// \p stage is a memref of lanes() elements of the same type for levels that
  /// cannot mask; it may be null on AVX-512.
  Value loadPartial(Value mem, Value index, Value count, Value stage);
  void storePartial(Value vector, Value mem, Value index, Value count, Value stage);
  /// Whether masked loads and stores of \p elt are instructions.
  bool hasMaskedAccess(Type elt) const;
  /// Scalar or vector of f32, f16 or bf16 to f32 and back.
  Value toF32(Value value);
  Value fromF32(Value value, Type elt);
  /// Loads \p count elements of a float type as vector<lanes x f32>.
  Value loadF32(Value mem, Value index, int64_t count) { return toF32(loadVector(mem, index, count)); }
};

/// Emits an empty `func.func` of the given argument types at the insertion point
/// of \p builder, with an entry block and a return.
func::FuncOp createKernelFunction(OpBuilder &builder, Location loc, StringRef name, TypeRange argTypes);

/// Returns memref<?x..xelt, strided<[?, ..], offset: ?>> of rank \p rank.
MemRefType getStridedMemRefType(unsigned rank, Type elt);

} // namespace mlir::et::cpu

#endif // ET_LIB_CONVERSION_ETTOCPU_KERNELS_KERNELBUILDER_H
