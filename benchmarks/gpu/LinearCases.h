//===- LinearCases.h - Linear kernels to check and time on a GPU -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What linear_gpu_kernels and sparse_gpu_kernels have in common: cases become
// cubins, and their launches a JSON file that linear.py and sparse.py read.
//
//===----------------------------------------------------------------------===//

#ifndef ET_BENCHMARKS_GPU_LINEARCASES_H
#define ET_BENCHMARKS_GPU_LINEARCASES_H

#include "KernelDump.h"

#include "et/Conversion/ETToGPU/LinearKernel.h"

#include <string>
#include <vector>

namespace mlir::et::gpu_kernels {

/// One kernel, launched for each number of rows.
struct LinearCase {
  std::string name;
  SmallVector<int64_t> rows;
  int64_t n = 0, k = 0;
  LinearSchedule schedule;
  bool useBF16 = false, isFloat = false, hasBias = false, hasResidual = false, strided = false;
  /// y = scale (sum - mean shift) + offset: a norm in front of the layer, with values per row and per column.
  bool isFolded = false;
  /// "", or the name of a function as linear.py knows it.
  std::string activation;
  bool isTimed = false;
  /// Rows of the units that are stored of the weight, see Strips.h; 0 for a dense weight.
  int64_t unitRows = 0;
  /// Which share of the units in percent to leave out, one problem for each; the kernel is the same.
  SmallVector<int64_t> sparsities;

  /// Sets what the words of \p options say: bf16, f32, bias, residual, strided, folded, or the name of a function.
  void setOptions(StringRef options);
};

/// The storage of a weight of \p n outputs and \p k inputs of which \p sparsity percent of the units of \p unitRows
/// rows are left out.
LinearStrips getStripsOf(int64_t n, int64_t k, int64_t unitRows, int64_t sparsity);

/// The main function of a tool with arguments DIR [FILTER [CHIP]]: writes DIR/*.ptx, DIR/*.cubin and DIR/\p name .json.
int dumpLinearCases(int argc, char **argv, StringRef name,
                    llvm::function_ref<std::vector<LinearCase>(MLIRContext *, const nvidia::SM &)> getCases);

} // namespace mlir::et::gpu_kernels

#endif // ET_BENCHMARKS_GPU_LINEARCASES_H
