//===- WeightValues.h - Arithmetic on the values of weights -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Passes that move work from run time to compile time (a norm's gamma into the
// weight behind it, two weights into their product) read weights as f32 and make
// new ones. Nothing here goes through attributes element by element: a weight of
// millions of elements is one pass over its bytes.
//
//===----------------------------------------------------------------------===//

#ifndef ET_DIALECT_ET_TRANSFORMS_WEIGHTVALUES_H
#define ET_DIALECT_ET_TRANSFORMS_WEIGHTVALUES_H

#include "et/Dialect/ET/IR/ET.h"

#include "mlir/IR/SymbolTable.h"

#include <string>
#include <vector>

namespace mlir::et {

/// The weight that \p value refers to; null when \p value is null or no reference to an outlined weight.
WeightOp getOutlinedWeight(Value value, SymbolTable &symbols);

/// The elements of \p weight, of f16, bf16 or f32 without an encoding, as f32 in row-major order. On failure \p reason
/// says why they cannot be read.
FailureOr<std::vector<float>> readWeightValues(WeightOp weight, std::string &reason);

/// Rounds each of \p values to what \p type (f16, bf16 or f32) can hold, to nearest even.
void roundWeightValues(Type type, MutableArrayRef<float> values);

/// Adds a weight named \p name (made unique) that holds \p values, rounded to the element type of \p type, to the
/// module of \p symbols, and returns a reference to it at the insertion point of \p builder.
Value createWeight(OpBuilder &builder, Location loc, StringRef name, RankedTensorType type, ArrayRef<float> values,
                   SymbolTable &symbols);

/// Adds a weight named \p name (made unique) of \p type, whose elements are \p bytes, to the module of \p symbols.
WeightOp createRawWeight(Location loc, StringRef name, RankedTensorType type, ArrayRef<char> bytes,
                         SymbolTable &symbols);

} // namespace mlir::et

#endif // ET_DIALECT_ET_TRANSFORMS_WEIGHTVALUES_H
