//===- OpenMPRuntime.h - libomp for generated code -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Generated code calls LLVM's OpenMP runtime. The library is opened when the
// first program is built, so that the tools start, and compile, without it.
//
//===----------------------------------------------------------------------===//

#ifndef ET_LIB_COMPILER_OPENMPRUNTIME_H
#define ET_LIB_COMPILER_OPENMPRUNTIME_H

#include "mlir/Support/LLVM.h"

#include <string>

namespace mlir::et {

/// Addresses of the OpenMP functions that generated code calls.
struct OpenMPRuntime {
  SmallVector<std::pair<std::string, void *>> symbols;
  /// Why there is no OpenMP library; empty when there is one. Without it programs run on one thread.
  std::string missing;

  /// The runtime of this process.
  static const OpenMPRuntime &get();
};

} // namespace mlir::et

#endif // ET_LIB_COMPILER_OPENMPRUNTIME_H
