//===- HostArray.h - Tensors of files and their elements --------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What lib/Tools/RunModel.cpp takes from LLVM: conversions of 16-bit floats.
//
//===----------------------------------------------------------------------===//

#ifndef ET_LIB_TOOLS_HOSTARRAY_H
#define ET_LIB_TOOLS_HOSTARRAY_H

#include "et/Runtime/Error.h"
#include "et/Runtime/Program.h"

#include <memory>
#include <vector>

namespace mlir::et {

/// A tensor in the host's memory.
struct HostArray {
  std::vector<int64_t> shape;
  std::unique_ptr<char[]> data;
  size_t numBytes = 0;

  /// Elements of \p type, all zero.
  static runtime::Result<HostArray> allocate(runtime::ElementType type, const std::vector<int64_t> &shape);
};

/// The element of \p type at \p at.
double loadElement(runtime::ElementType type, const char *at);

/// Stores \p value as an element of \p type at \p at, rounded to nearest, ties to even.
void storeElement(runtime::ElementType type, char *at, double value);

/// numpy's name for \p type; that of f32 for bf16, which numpy does not have.
const char *getNpyType(runtime::ElementType type);

} // namespace mlir::et

#endif // ET_LIB_TOOLS_HOSTARRAY_H
