//===- HalfFloat.h - Half precision conversions in kernels -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Conversions between f32 and the two 16-bit formats, emitted so that they
// never become calls into a compiler runtime library, which a JIT does not
// have.
//
//===----------------------------------------------------------------------===//

#ifndef ET_CONVERSION_ETTOCPU_HALFFLOAT_H
#define ET_CONVERSION_ETTOCPU_HALFFLOAT_H

#include "et/Conversion/ETToCPU/ISA.h"

#include "mlir/IR/Builders.h"

namespace mlir::et::cpu {

/// Converts \p value, a scalar or vector of f32, f16 or bf16, to f32.
Value extendToF32(OpBuilder &builder, Location loc, Value value, const ISA &isa);

/// Rounds \p value, a scalar or vector of f32, to \p elt (f32, f16 or bf16):
/// to nearest even; NaN stays NaN, too large values become infinite.
Value truncateFromF32(OpBuilder &builder, Location loc, Value value, Type elt, const ISA &isa);

} // namespace mlir::et::cpu

#endif // ET_CONVERSION_ETTOCPU_HALFFLOAT_H
