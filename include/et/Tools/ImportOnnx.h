//===- ImportOnnx.h - ONNX files as modules ---------------------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef ET_TOOLS_IMPORTONNX_H
#define ET_TOOLS_IMPORTONNX_H

#include "mlir/Support/LLVM.h"

#include <string>
#include <vector>

namespace mlir::et {

class Session;

/// How an ONNX file is imported.
struct OnnxOptions {
  /// The Python that has the packages `et`, `torch` and `onnx`: a path, or a name to be looked for in PATH.
  std::string python = "python3";
  /// The folder of the running tool: the package of a checkout that was built is found from there.
  std::string toolFolder;
  /// Sizes of dynamic dimensions to fix, each as `name=size`.
  std::vector<std::string> dims;
  /// Rows of attention whose keys are all masked: `exact` or `ignore`.
  std::string maskedRows = "exact";
};

/// Whether \p path names an ONNX file.
bool isOnnxFile(StringRef path);

/// Reads the ONNX file \p path into \p session, as a module with its weights. Says on stderr what is wrong.
LogicalResult readOnnx(Session &session, StringRef path, const OnnxOptions &options);

} // namespace mlir::et

#endif // ET_TOOLS_IMPORTONNX_H
