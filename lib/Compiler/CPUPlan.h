//===- CPUPlan.h - The plan of a saved program for a CPU -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef ET_LIB_COMPILER_CPUPLAN_H
#define ET_LIB_COMPILER_CPUPLAN_H

#include "ProgramWriter.h"
#include "et/Compiler/Compiler.h"
#include "et/Conversion/ETToCPU/ISA.h"

namespace mlir::et {

/// Adds the plan of \p module, the result of --et-plan-cpu for \p level, to \p writer. The module is consumed. Its
/// weights are in \p weights, as ProgramWriter::beginPlan wants it. Emits an error when that fails.
LogicalResult addCPUPlan(ProgramWriter &writer, ModuleOp module, const WeightsSection &weights, cpu::ISALevel level,
                         const CompileOptions &options);

} // namespace mlir::et

#endif // ET_LIB_COMPILER_CPUPLAN_H
