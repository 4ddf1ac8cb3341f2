//===- LinalgToET.h - Raise linalg on tensors to et -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The passes that find attention, linear layers, normalisations and GELU in
// the IR of other compilers, and the pipeline that runs them in order.
//
//===----------------------------------------------------------------------===//

#ifndef ET_CONVERSION_LINALGTOET_LINALGTOET_H
#define ET_CONVERSION_LINALGTOET_LINALGTOET_H

#include "et/Dialect/ET/IR/ET.h"

#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassOptions.h"

namespace mlir::et {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "et/Conversion/LinalgToET/Passes.h.inc"

/// Options of `--et-raise-all`.
struct RaiseAllOptions : public PassPipelineOptions<RaiseAllOptions> {
  PassOptions::Option<bool> allowFiniteMask{
      *this, "allow-finite-mask", llvm::cl::desc("Treat a select with a finite constant of at most -10000 as a mask"),
      llvm::cl::init(false)};
  PassOptions::Option<bool> allowTorchMlirTanh{*this, "allow-torch-mlir-tanh",
                                               llvm::cl::desc("Take torch-mlir's 0.797724 for sqrt(2 / pi)"),
                                               llvm::cl::init(false)};
};

/// Appends the passes that raise everything: attention first, for it must see both of its products.
void buildRaiseAllPipeline(OpPassManager &pm, const RaiseAllOptions &options);

/// Registers the passes above and `--et-raise-all`.
void registerLinalgToETPasses();

} // namespace mlir::et

#endif // ET_CONVERSION_LINALGTOET_LINALGTOET_H
