//===- ConvertFloat.h - A float as another type -----------------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef ET_DIALECT_ET_IR_CONVERTFLOAT_H
#define ET_DIALECT_ET_IR_CONVERTFLOAT_H

#include "mlir/IR/Builders.h"

namespace mlir::et {

/// The float \p value as \p type: extended, truncated, or through f32 to another type of the same width.
Value convertFloat(OpBuilder &builder, Location loc, Value value, Type type);

} // namespace mlir::et

#endif // ET_DIALECT_ET_IR_CONVERTFLOAT_H
