//===- WeightData.h - The bytes of weights -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A weight joins the elements of its sources, which lie in attributes, in
// resources or in the memory of a caller. What packs weights or looks for zeros
// in them reads them here, without a copy wherever they lie in one piece.
//
//===----------------------------------------------------------------------===//

#ifndef ET_DIALECT_ET_IR_WEIGHTDATA_H
#define ET_DIALECT_ET_IR_WEIGHTDATA_H

#include "et/Dialect/ET/IR/ET.h"

#include <memory>

namespace mlir::et {

/// Row-major elements as they lie in memory; owned when they had to be spread out or joined.
struct RawElements {
  const char *data = nullptr;
  std::unique_ptr<char[]> owned;
};

/// Bytes of one element of \p type in memory.
int64_t getElementSize(Type type);

/// The elements of \p source, one of \p weight. Emits an error on \p weight when they are not there.
FailureOr<RawElements> getRawElements(WeightOp weight, Attribute source);

/// The elements of all sources of \p weight, one behind the other. Emits an error on \p weight when some are not there.
FailureOr<RawElements> getRawElements(WeightOp weight);

/// Whether the data of every source of \p weight is there.
bool hasData(WeightOp weight);

} // namespace mlir::et

#endif // ET_DIALECT_ET_IR_WEIGHTDATA_H
