//===- KernelDump.h - Compiles GPU kernels and describes their launches -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// For tests and for the scripts in benchmarks/gpu, which run on machines without
// LLVM: a kernel becomes a cubin, and a launch a JSON object with every number
// filled in.
//
//===----------------------------------------------------------------------===//

#ifndef ET_UNITTESTS_CONVERSION_ETTOGPU_KERNELDUMP_H
#define ET_UNITTESTS_CONVERSION_ETTOGPU_KERNELDUMP_H

#include "et/Conversion/ETToGPU/GPUKernel.h"
#include "et/Target/NVIDIA/Serialize.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/JSON.h"

namespace mlir::et::gpu_kernels {

/// A context, and a gpu.module in it to build kernels in.
class KernelModule {
public:
  explicit KernelModule(const nvidia::SM &sm);

  MLIRContext *getContext() { return &context; }
  Location getLoc() { return UnknownLoc::get(&context); }
  gpu::GPUModuleOp getModule() { return module; }
  /// At the end of the gpu.module.
  OpBuilder getBuilder() { return OpBuilder::atBlockEnd(module.getBody()); }
  /// Verifies and lowers the module; empty, with errors on stderr, on failure.
  std::string getPTX();

private:
  nvidia::SM sm;
  MLIRContext context;
  OwningOpRef<ModuleOp> owner;
  gpu::GPUModuleOp module;
};

/// Value of \p expr where symbol i is \p symbols[i].
int64_t evaluate(LaunchExpr expr, ArrayRef<int64_t> symbols);

/// Everything needed to launch \p kernel with the given sizes.
llvm::json::Object describeLaunch(const BuiltKernel &kernel, ArrayRef<int64_t> symbols);

} // namespace mlir::et::gpu_kernels

#endif // ET_UNITTESTS_CONVERSION_ETTOGPU_KERNELDUMP_H
