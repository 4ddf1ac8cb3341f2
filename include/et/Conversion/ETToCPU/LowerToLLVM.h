//===- LowerToLLVM.h - From CPU kernels to the LLVM dialect -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The pass list between the kernels that the builders of this directory emit
// (func, scf, cf, arith, index, memref, vector, math, omp) and the LLVM
// dialect.
//
//===----------------------------------------------------------------------===//

#ifndef ET_CONVERSION_ETTOCPU_LOWERTOLLVM_H
#define ET_CONVERSION_ETTOCPU_LOWERTOLLVM_H

namespace mlir {
class OpPassManager;
} // namespace mlir

namespace mlir::et::cpu {

/// Appends to \p pm (anchored on builtin.module) the passes that bring func,
/// scf, cf, affine, arith, index, memref, vector, math and omp to the LLVM
/// dialect. `math` operations that have no LLVM intrinsic must be gone before.
void buildCPUToLLVMPipeline(OpPassManager &pm);

} // namespace mlir::et::cpu

#endif // ET_CONVERSION_ETTOCPU_LOWERTOLLVM_H
