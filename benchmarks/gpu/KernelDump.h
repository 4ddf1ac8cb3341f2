//===- KernelDump.h - GPU kernels as files -*- C++ -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// See https://llvm.org/LICENSE.txt for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Writes kernels as cubins and one JSON file that says how to launch them, so that a
// machine with a GPU and no LLVM can check and time them (kernels.py).
//
//===----------------------------------------------------------------------===//

#ifndef ET_BENCHMARKS_GPU_KERNELDUMP_H
#define ET_BENCHMARKS_GPU_KERNELDUMP_H

#include "et/Conversion/ETToGPU/GPUKernel.h"
#include "et/Target/NVIDIA/SM.h"

#include "llvm/Support/JSON.h"

namespace mlir::et::gpu_kernels {

/// \p expr as Python: symbol i is `s[i]`.
std::string toPython(LaunchExpr expr);

/// How to launch \p kernel.
llvm::json::Object toJSON(const BuiltKernel &kernel);

/// Compiles the gpu.module \p module, in place, and writes FOLDER/NAME.cubin, or NAME.ptx where no ptxas is found.
/// Returns the name of the file.
FailureOr<std::string> writeModule(Operation *module, const nvidia::SM &sm, StringRef folder, StringRef name);

} // namespace mlir::et::gpu_kernels

#endif // ET_BENCHMARKS_GPU_KERNELDUMP_H
