//===- ETTransformOps.h - Transform ops for launches -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Hooks of the transform dialect into the planned level: which launch, which
// schedule. docs/Transforms.md shows scripts.
//
//===----------------------------------------------------------------------===//

#ifndef ET_TRANSFORMOPS_ETTRANSFORMOPS_H
#define ET_TRANSFORMOPS_ETTRANSFORMOPS_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/Transform/IR/TransformDialect.h"
#include "mlir/Dialect/Transform/Interfaces/MatchInterfaces.h"
#include "mlir/Dialect/Transform/Interfaces/TransformInterfaces.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#define GET_OP_CLASSES
#include "et/TransformOps/ETTransformOps.h.inc"

namespace mlir {
class DialectRegistry;

namespace et {

/// Adds the ops `transform.et.*` to the transform dialect of \p registry.
void registerTransformDialectExtension(DialectRegistry &registry);

} // namespace et
} // namespace mlir

#endif // ET_TRANSFORMOPS_ETTRANSFORMOPS_H
