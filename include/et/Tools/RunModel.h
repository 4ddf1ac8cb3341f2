//===- RunModel.h - What et-run does ----------------------------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef ET_TOOLS_RUNMODEL_H
#define ET_TOOLS_RUNMODEL_H

#include "et/Compiler/Compiler.h"
#include "et/Compiler/Signature.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Error.h"

#include <memory>
#include <string>
#include <vector>

namespace mlir::et {

struct RunOptions {
  CompileOptions compile;
  /// Files, `file.npy` in the order of the signature or `name=file.npy`.
  std::vector<std::string> inputs, outputs;
  /// Sizes of dimensions, `batch=2`, for inputs without a file.
  std::vector<std::string> dims;
  /// Seed of the inputs without a file.
  uint64_t seed = 0;
  /// Timed calls; 0 for none.
  unsigned benchmark = 0;
};

/// Sizes of dimensions by their name; dimension 1 of input `x` is `x.1` as well.
using DimSizes = llvm::StringMap<int64_t>;

/// A tensor with its elements.
struct HostTensor {
  SmallVector<int64_t> shape;
  std::unique_ptr<char[]> data;
  size_t numBytes = 0;

  /// Elements of \p type, all zero.
  static llvm::Expected<HostTensor> allocate(ElementType type, ArrayRef<int64_t> shape);
};

/// Reads or makes up every input of \p signature.
llvm::Expected<std::vector<HostTensor>> prepareInputs(const ProgramSignature &signature, const RunOptions &options,
                                                      llvm::raw_ostream &log);

/// Floating-point operations of linear layers, attention and matrix products in one call of \p entry on inputs of the
/// sizes \p inputs; nothing when a size is not known before the call.
std::optional<double> countFlops(ModuleOp module, StringRef entry, ArrayRef<SmallVector<int64_t>> inputs);

/// Compiles \p module, which is consumed, runs it as \p options say, and reports to \p os.
llvm::Error runModel(ModuleOp module, const RunOptions &options, llvm::raw_ostream &os);

} // namespace mlir::et

#endif // ET_TOOLS_RUNMODEL_H
