//===- EmitProgram.h - Saved programs for all targets -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A saved program has a plan for each target it was compiled for, over weights that
// plans share where they read them in the same form.
//
//===----------------------------------------------------------------------===//

#ifndef ET_LIB_COMPILER_EMITPROGRAM_H
#define ET_LIB_COMPILER_EMITPROGRAM_H

#include "ProgramWriter.h"
#include "et/Compiler/Compiler.h"
#include "et/Conversion/ETToCPU/ISA.h"

namespace mlir::et {

/// What the addresses of inputs and outputs of a program for CPUs are a multiple of: vectors may begin anywhere.
inline constexpr uint32_t kCPUAlignment = 1;

/// Emits that \p target is neither a CPU nor a GPU that is known.
InFlightDiagnostic emitUnknownTarget(ModuleOp module, StringRef target);

/// Plans \p module, which is consumed, for \p level, adds the plan to \p writer and returns its weights, which must
/// live until the program is written. Emits an error when that fails.
FailureOr<WeightsSection> addPlanForCPU(ProgramWriter &writer, ModuleOp module, cpu::ISALevel level,
                                        const CompileOptions &options);

/// Writes the saved program of \p module for the targets of \p options to \p os. Emits an error when that fails.
LogicalResult emitProgram(ModuleOp module, const ProgramSignature &signature, const CompileOptions &options,
                          llvm::raw_ostream &os);

} // namespace mlir::et

#endif // ET_LIB_COMPILER_EMITPROGRAM_H
