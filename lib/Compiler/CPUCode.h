//===- CPUCode.h - From the LLVM dialect to machine code of a CPU -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef ET_LIB_COMPILER_CPUCODE_H
#define ET_LIB_COMPILER_CPUCODE_H

#include "et/Conversion/ETToCPU/ISA.h"

#include "mlir/IR/BuiltinOps.h"

#include <memory>
#include <string>

namespace llvm {
class LLVMContext;
class Module;
class TargetMachine;
} // namespace llvm

namespace mlir::et {

/// The instruction set level named \p name. Emits an error on \p module when it is none.
FailureOr<cpu::ISALevel> parseISA(ModuleOp module, StringRef name);

/// Code generation for \p level.
FailureOr<std::unique_ptr<llvm::TargetMachine>> createTargetMachine(ModuleOp module, cpu::ISALevel level);

/// Translates \p module, in the LLVM dialect, to LLVM IR, and optimises it.
FailureOr<std::unique_ptr<llvm::Module>> translateToLLVM(ModuleOp module, llvm::TargetMachine &machine,
                                                         llvm::LLVMContext &context);

/// Assembly of \p module, or an object file.
FailureOr<std::string> generateCode(ModuleOp module, llvm::Module &llvmModule, llvm::TargetMachine &machine,
                                    bool isAssembly);

} // namespace mlir::et

#endif // ET_LIB_COMPILER_CPUCODE_H
