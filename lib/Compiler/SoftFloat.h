//===- SoftFloat.h - 16-bit floats for generated code -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef ET_LIB_COMPILER_SOFTFLOAT_H
#define ET_LIB_COMPILER_SOFTFLOAT_H

#include "mlir/Support/LLVM.h"

namespace mlir::et {

/// The functions that LLVM calls to convert 16-bit floats where the machine code level has no instructions for it: by
/// name, with their addresses. Only loops call them; kernels convert by themselves.
ArrayRef<std::pair<const char *, void *>> getSoftFloatFunctions();

} // namespace mlir::et

#endif // ET_LIB_COMPILER_SOFTFLOAT_H
