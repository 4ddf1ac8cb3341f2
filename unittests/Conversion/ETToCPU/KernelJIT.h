//===- KernelJIT.h - Compiles one kernel for a test or benchmark -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Takes a module of kernels through the lowering, LLVM and the assembler for a
// given instruction set level, and keeps what tests want to look at: the
// assembly and the time of each step. It is not the product's JIT.
//
//===----------------------------------------------------------------------===//

#ifndef ET_UNITTESTS_CONVERSION_ETTOCPU_KERNELJIT_H
#define ET_UNITTESTS_CONVERSION_ETTOCPU_KERNELJIT_H

#include "et/Conversion/ETToCPU/ISA.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace mlir::et::cpu {

/// Loads the dialects the kernel builders use and their translations.
void loadKernelDialects(MLIRContext &context);

struct KernelJITOptions {
  /// LLVM optimisation level, 0 to 3.
  int optLevel = 3;
  bool keepAssembly = false;
  /// Keep the LLVM IR from before optimisation.
  bool keepLLVMIR = false;
  /// Functions the kernel may call, besides those of this process.
  std::vector<std::pair<std::string, void *>> symbols;
};

class KernelJIT {
public:
  /// Compiles \p module, which is lowered in place; null after an error, which
  /// has been printed. Functions with `llvm.emit_c_interface` can be called
  /// through their "_mlir_ciface_" wrapper.
  static std::unique_ptr<KernelJIT> compile(ModuleOp module, const ISA &isa, const KernelJITOptions &options);

  /// Returns the address of \p symbol, or null.
  void *lookup(llvm::StringRef symbol);

  std::string assembly, llvmIR;
  double lowerMs = 0, optMs = 0, codegenMs = 0;

private:
  std::unique_ptr<llvm::orc::LLJIT> jit;
};

/// The C interface of a memref descriptor of rank \p Rank.
template <int Rank> struct MemRef {
  void *allocated, *aligned;
  int64_t offset;
  int64_t sizes[Rank], strides[Rank];
};

} // namespace mlir::et::cpu

#endif // ET_UNITTESTS_CONVERSION_ETTOCPU_KERNELJIT_H
