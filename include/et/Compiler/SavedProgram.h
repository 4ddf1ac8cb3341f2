//===- SavedProgram.h - From kernels and launches to a saved program -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The last step for a GPU: a function of launches, a gpu.module and weights become
// the bytes of a .etp file (et/Runtime/Program.h says what it holds).
//
//===----------------------------------------------------------------------===//

#ifndef ET_COMPILER_SAVEDPROGRAM_H
#define ET_COMPILER_SAVEDPROGRAM_H

#include "et/Compiler/Signature.h"
#include "et/Compiler/Weights.h"

#include "mlir/IR/BuiltinOps.h"

#include <string>

namespace mlir::et {

/// Kernels in the forms that a program can hold.
struct KernelCode {
  /// sm_90a, ...
  std::string chip;
  std::string ptx;
  /// Empty when there is no ptxas.
  std::string cubin;
};

/// Lowers the kernels of \p module, the result of --et-to-gpu, in place, to PTX, and with \p assemble to a cubin when a
/// ptxas is found; a remark says so when there is none. Emits an error when that fails.
FailureOr<KernelCode> compileKernels(ModuleOp module, StringRef chip, bool assemble);

class ProgramWriter;

/// What the addresses of inputs and outputs of a program for GPUs are a multiple of: TMA and 16-byte loads need it.
inline constexpr uint32_t kGPUAlignment = 16;

/// Adds the plan of \p module, the result of --et-to-gpu, to \p writer. Its weights are in \p weights, as
/// ProgramWriter::beginPlan wants it. Emits an error on what a program cannot hold.
LogicalResult addGPUPlan(ProgramWriter &writer, ModuleOp module, const WeightsSection &weights, const KernelCode &code);

/// A module, the result of --et-to-gpu, with its weights and kernels.
struct GPUModule {
  ModuleOp module;
  const WeightsSection &weights;
  const KernelCode &code;
};

/// Whether the launches of \p module say how many rows its first linear layer has.
bool hasRows(ModuleOp module, StringRef entry);

/// Adds one plan of two ways to compute the same: the launches of \p few run with up to \p mostRows rows in its first
/// linear layer, those of \p many with more. Requires hasRows() of \p few.
LogicalResult addGPUPlanByRows(ProgramWriter &writer, const GPUModule &few, const GPUModule &many, int64_t mostRows);

/// Puts a program together from \p module, the result of --et-to-gpu. \p signature is that of the function on tensors,
/// \p weights the section that buildWeights made. Emits an error on what a program cannot hold.
FailureOr<std::string> buildSavedProgram(ModuleOp module, const ProgramSignature &signature,
                                         const WeightsSection &weights, const KernelCode &code);

} // namespace mlir::et

#endif // ET_COMPILER_SAVEDPROGRAM_H
