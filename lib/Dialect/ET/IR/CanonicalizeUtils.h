//===- CanonicalizeUtils.h - What canonicalisation patterns look for -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef ET_LIB_DIALECT_ET_IR_CANONICALIZEUTILS_H
#define ET_LIB_DIALECT_ET_IR_CANONICALIZEUTILS_H

#include "et/Dialect/ET/IR/ET.h"

namespace mlir::et {

/// True when every element of the tensor \p value is known to be the float \p expected (or true, for i1 and 1.0): a
/// constant, a linalg.fill or a tensor.splat of one, or a tensor.cast of those.
bool isSplatOf(Value value, double expected);

/// A linalg op that only moves elements: `result[loops...] = source[map(loops...)]`, where the loops are the dimensions
/// of the result and \p map is a projected permutation. A permutation is a transpose, anything less a broadcast.
struct DataMovement {
  Value source;
  AffineMap map;
};
std::optional<DataMovement> matchDataMovement(Operation *op);

} // namespace mlir::et

#endif // ET_LIB_DIALECT_ET_IR_CANONICALIZEUTILS_H
