//===- Safetensors.h - Weights from a safetensors file ----------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef ET_TOOLS_SAFETENSORS_H
#define ET_TOOLS_SAFETENSORS_H

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>

namespace mlir {
class ModuleOp;
}

namespace mlir::et {

/// A tensor of a safetensors file.
struct SafeTensor {
  /// Element type as the file names it: F32, BF16, I64, ...
  std::string dtype;
  llvm::SmallVector<int64_t> shape;
  /// Its bytes, part of the file's contents.
  llvm::StringRef data;
};

/// Parses the contents of a safetensors file. Everything its header says is checked; the error names the tensor.
llvm::Expected<llvm::StringMap<SafeTensor>> parseSafetensors(llvm::StringRef contents);

/// Gives each `dense_resource` of \p module that has no data the tensor of its name in \p contents, a safetensors file
/// that must outlive the module's context. Types and shapes must agree.
llvm::Error attachSafetensors(ModuleOp module, llvm::StringRef contents);

} // namespace mlir::et

#endif // ET_TOOLS_SAFETENSORS_H
