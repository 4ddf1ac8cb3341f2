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
// say is checked before it is used.
//
//===----------------------------------------------------------------------===//

#ifndef ET_SUPPORT_NPY_H
#define ET_SUPPORT_NPY_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <memory>
#include <string>

namespace mlir::et {

/// An array, row-major and contiguous.
struct NpyArray {
  /// Kind and size of an element as numpy writes them, without the byte order: f4, i8, u2, b1.
  std::string type;
  llvm::SmallVector<int64_t> shape;
  /// The elements; aligned as operator new aligns.
  std::unique_ptr<char[]> data;
  size_t numBytes = 0;
};

/// Reads the array in the file \p path. The error names the file and what is wrong with it.
llvm::Expected<NpyArray> readNpy(llvm::StringRef path);

/// Parses the contents of a file; the error says what is wrong with them.
llvm::Expected<NpyArray> parseNpy(llvm::StringRef contents);

/// Writes elements of \p type (f4, i8, b1, ...) to the file \p path.
llvm::Error writeNpy(llvm::StringRef path, llvm::StringRef type, llvm::ArrayRef<int64_t> shape, const char *data);

} // namespace mlir::et

#endif // ET_SUPPORT_NPY_H
