//===- Passes.td - Passes on et and tensors ---------------*- tablegen -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef ET_DIALECT_ET_TRANSFORMS_PASSES_TD
#define ET_DIALECT_ET_TRANSFORMS_PASSES_TD

include "mlir/Pass/PassBase.td"

#endif // ET_DIALECT_ET_TRANSFORMS_PASSES_TD
