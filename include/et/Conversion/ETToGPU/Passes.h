//===- Passes.h - Passes between the planned level and GPU code -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef ET_CONVERSION_ETTOGPU_PASSES_H
#define ET_CONVERSION_ETTOGPU_PASSES_H

#include "mlir/Pass/Pass.h"

namespace mlir::et {

#define GEN_PASS_DECL
#include "et/Conversion/ETToGPU/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "et/Conversion/ETToGPU/Passes.h.inc"

} // namespace mlir::et

#endif // ET_CONVERSION_ETTOGPU_PASSES_H
