//===- DecomposeUtils.h - Building blocks of the decompositions -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A decomposition is a short chain of linalg.generic ops over temporaries of
// the arithmetic type. The builder below hides the boilerplate: sizes, empty
// tensors, fills and the conversion between storage and arithmetic types.
//
//===----------------------------------------------------------------------===//

#ifndef ET_LIB_DIALECT_ET_IR_DECOMPOSEUTILS_H
#define ET_LIB_DIALECT_ET_IR_DECOMPOSEUTILS_H

#include "et/Dialect/ET/IR/ConvertFloat.h"
#include "et/Dialect/ET/IR/Decompose.h"

namespace mlir::et {

/// Builds the linalg form of one op, with arithmetic in one float type.
class LinalgBuilder {
public:
  using Body = function_ref<Value(OpBuilder &, Location, ValueRange)>;

  LinalgBuilder(OpBuilder &builder, Location loc, FloatType type) : builder(builder), loc(loc), type(type) {}

  FloatType getType() const { return type; }
  AffineMap getMap(unsigned numDims, ArrayRef<unsigned> results);
  Value constant(double value) { return constant(builder, value); }
  Value constant(OpBuilder &b, double value);
  Value index(int64_t value);

  /// A tensor of \p sizes without a value; of the arithmetic type when \p element is null.
  Value empty(ArrayRef<OpFoldResult> sizes, Type element = nullptr);
  /// A tensor of \p sizes and the arithmetic type, filled with \p value.
  Value fill(ArrayRef<OpFoldResult> sizes, double value);

  /// A linalg.generic with the result \p init under the last map. Floats reach \p body in the arithmetic type, and
  /// what it returns is converted to the element type of \p init. Dimensions that the last map leaves out are reduced;
  /// only then \p body also gets the result so far, as its last argument.
  Value generic(ValueRange inputs, Value init, ArrayRef<AffineMap> maps, Body body);

  OpBuilder &builder;
  Location loc;

private:
  FloatType type;
};

/// Arithmetic type of an op whose float operands and results are in \p values: f64 when one of them is, else f32.
FloatType getArithmeticType(Operation *op, const DecomposeOptions &options);

/// Casts each value to the type of the result it stands for, where a size is known in one and not in the other.
SmallVector<Value> castToResults(OpBuilder &builder, Operation *op, ValueRange values);

} // namespace mlir::et

#endif // ET_LIB_DIALECT_ET_IR_DECOMPOSEUTILS_H
