//===- Serialize.h - From GPU kernels to PTX and cubins -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   gpu.module of kernels ──translateToPTX──> PTX ──assemblePTX (ptxas)──> cubin
//                                                        └──> AssemblyReport
//
// PTX needs only LLVM. A cubin needs ptxas, which findPtxas() looks for; a program
// without one carries PTX, and the driver compiles it when it is loaded.
//
//===----------------------------------------------------------------------===//

#ifndef ET_TARGET_NVIDIA_SERIALIZE_H
#define ET_TARGET_NVIDIA_SERIALIZE_H

#include "et/Target/NVIDIA/SM.h"

#include "mlir/IR/DialectRegistry.h"
#include "mlir/IR/Operation.h"

#include <optional>
#include <string>

namespace mlir {
class OpPassManager;
} // namespace mlir

namespace mlir::et::nvidia {

/// Registers what translateToPTX() needs: the dialects of kernels and their translations.
void registerPTXTranslation(DialectRegistry &registry);

/// Adds the passes that take the kernels of a gpu.module (scf, arith, math, vector, nvvm, llvm) to the LLVM dialect.
void buildKernelToLLVMPipeline(OpPassManager &pm);

/// Lowers the gpu.module \p module, in place, and returns its PTX. The context must hold registerPTXTranslation().
FailureOr<std::string> translateToPTX(Operation *module, const SM &sm);

/// What ptxas said of one kernel.
struct KernelReport {
  std::string name;
  int64_t registers = 0, stackBytes = 0, spillStoreBytes = 0, spillLoadBytes = 0, staticSharedBytes = 0;
};

/// What ptxas said of a module.
struct AssemblyReport {
  SmallVector<KernelReport> kernels;
  /// Lines that warn of lost performance: wgmma that is serialised, registers that are ignored (the C75xx numbers).
  SmallVector<std::string> advisories;
  bool hasSpills() const;
};

/// Parses what `ptxas -v` prints.
AssemblyReport parsePtxasOutput(StringRef output);

/// Where to look for ptxas. fromEnvironment() is what tools use; tests fill in their own.
struct PtxasSearch {
  /// If not empty, the only place: $ET_PTXAS.
  std::string explicitPath;
  /// Folders to search, in order: those of $PATH, the bin folders of $CUDA_HOME, $CUDA_PATH and /usr/local/cuda*, and
  /// where PyPI's nvidia-cuda-nvcc puts it in the site-packages of $VIRTUAL_ENV.
  SmallVector<std::string> folders;

  static PtxasSearch fromEnvironment();
};

/// Returns the path of ptxas, or nullopt if there is none.
std::optional<std::string> findPtxas(const PtxasSearch &search);

/// Assembles \p ptx for \p sm with the ptxas at \p ptxas and returns the cubin. What goes wrong is reported at \p loc
/// with the words of ptxas. \p report may be null.
FailureOr<std::string> assemblePTX(Location loc, StringRef ptx, const SM &sm, StringRef ptxas,
                                   AssemblyReport *report = nullptr);

} // namespace mlir::et::nvidia

#endif // ET_TARGET_NVIDIA_SERIALIZE_H
