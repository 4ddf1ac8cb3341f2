//===- Npy.h - Arrays in numpy's .npy files ---------------------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Reads and writes one array per file, format versions 1.0 to 3.0, elements in
// row-major order and little-endian. Files come from anywhere: everything they
// say is checked before it is used. Needs no LLVM: tools that only run programs
// use it too.
//
//===----------------------------------------------------------------------===//

#ifndef ET_SUPPORT_NPY_H
#define ET_SUPPORT_NPY_H

#include "et/Runtime/Error.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace mlir::et {

/// An array, row-major and contiguous.
struct NpyArray {
  /// Kind and size of an element as numpy writes them, without the byte order: f4, i8, u2, b1.
  std::string type;
  std::vector<int64_t> shape;
  /// The elements; aligned as operator new aligns.
  std::unique_ptr<char[]> data;
  size_t numBytes = 0;
};

/// Reads the array in the file \p path. The error names the file and what is wrong with it.
runtime::Result<NpyArray> readNpy(const std::string &path);

/// Parses the contents of a file; the error says what is wrong with them.
runtime::Result<NpyArray> parseNpy(std::string_view contents);

/// Writes elements of \p type (f4, i8, b1, ...) to the file \p path.
runtime::Error writeNpy(const std::string &path, const std::string &type, const std::vector<int64_t> &shape,
                        const char *data);

} // namespace mlir::et

#endif // ET_SUPPORT_NPY_H
