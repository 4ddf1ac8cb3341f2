//===- Passes.h - Run a transform script -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef ET_TRANSFORMOPS_PASSES_H
#define ET_TRANSFORMOPS_PASSES_H

#include "mlir/Dialect/Transform/IR/TransformDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace mlir::et {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "et/TransformOps/Passes.h.inc"

} // namespace mlir::et

#endif // ET_TRANSFORMOPS_PASSES_H
