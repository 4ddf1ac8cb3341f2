//===- Passes.h - Passes on et and tensors ----------------------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef ET_DIALECT_ET_TRANSFORMS_PASSES_H
#define ET_DIALECT_ET_TRANSFORMS_PASSES_H

#include "et/Dialect/ET/IR/Decompose.h"

#include "mlir/Pass/Pass.h"

namespace mlir {
class DialectRegistry;

namespace et {

/// What multiplies sparse weights: it decides which tiles pay.
enum class SparseKernels { CPU, Wgmma, Mma };

#define GEN_PASS_DECL
#include "et/Dialect/ET/Transforms/Passes.h.inc"

/// Lets one-shot bufferization handle et.launch and et.weight_ref.
void registerBufferizableOpInterfaceExternalModels(DialectRegistry &registry);

/// Patterns that replace et ops by their decomposition.
void populateDecomposePatterns(RewritePatternSet &patterns, const DecomposeOptions &options = {});

#define GEN_PASS_REGISTRATION
#include "et/Dialect/ET/Transforms/Passes.h.inc"

} // namespace et
} // namespace mlir

#endif // ET_DIALECT_ET_TRANSFORMS_PASSES_H
