//===- Pipelines.h - From et on tensors to code, stage by stage -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   et on tensors --plan--> launches on memrefs --to-cpu--> LLVM dialect
//                                               --to-gpu--> kernels, and launches of them
//
// Each stage ends in a contract that is verified; docs/Pipeline.md lists the
// passes.
//
//===----------------------------------------------------------------------===//

#ifndef ET_COMPILER_PIPELINES_H
#define ET_COMPILER_PIPELINES_H

#include "mlir/Pass/PassOptions.h"

#include <string>

namespace mlir {
class OpPassManager;
}

namespace mlir::et {

/// Options of the CPU pipeline.
struct CPUPipelineOptions : PassPipelineOptions<CPUPipelineOptions> {
  Option<std::string> isa{*this, "isa",
                          llvm::cl::desc("Instruction set level: baseline, avx2, avx512 or native (the best here)"),
                          llvm::cl::init("native")};
  Option<std::string> transformLibrary{
      *this, "transform-library",
      llvm::cl::desc("File with a transform script (docs/Transforms.md), run when launches have schedules"),
      llvm::cl::init("")};
};

/// Options of the GPU pipeline.
struct GPUPipelineOptions : PassPipelineOptions<GPUPipelineOptions> {
  Option<std::string> chip{*this, "chip", llvm::cl::desc("Architecture: sm_80, sm_86, sm_89, sm_90 or sm_90a"),
                           llvm::cl::init("sm_90a")};
  ListOption<std::string> tuned{*this, "tuned",
                                llvm::cl::desc("Tables of measured schedules; the first that has one counts")};
  Option<bool> foldNorms{*this, "fold-norms",
                         llvm::cl::desc("Apply norms in the linear layers around them: faster up to about 1024 rows, "
                                        "slower with many (default: false)"),
                         llvm::cl::init(false)};
  Option<bool> prefetchWeights{*this, "prefetch-weights",
                               llvm::cl::desc("Launches with few rows ask for the weights of later layers, so that L2 "
                                              "holds them in time (default: false)"),
                               llvm::cl::init(false)};
  Option<unsigned> expectedRows{
      *this, "expected-rows",
      llvm::cl::desc("Rows of a batch, sequences times tokens, where sizes are dynamic: sparse weights that pay with "
                     "many rows only stay dense with few (default: 0, thousands)"),
      llvm::cl::init(0)};
  Option<int64_t> partialAttention{
      *this, "partial-attention",
      llvm::cl::desc("Keys up to which attention runs as one kernel, and with more of them "
                     "as two, with its scores in memory (default: -1, always one)"),
      llvm::cl::init(-1)};
  Option<std::string> transformLibrary{
      *this, "transform-library",
      llvm::cl::desc("File with a transform script (docs/Transforms.md), run when launches have schedules"),
      llvm::cl::init("")};
};

/// Appends the passes from et on tensors to the planned level for a CPU.
void buildCPUPlanPipeline(OpPassManager &pm, const CPUPipelineOptions &options);

/// Appends the passes from the planned level to the LLVM dialect.
void buildPlannedToLLVMPipeline(OpPassManager &pm);

/// Appends the passes from the planned level for a CPU to calls of the steps of a saved program.
void buildPlannedToStepsPipeline(OpPassManager &pm);

/// Appends the passes from the steps of a saved program and their kernels to the LLVM dialect.
void buildStepsToLLVMPipeline(OpPassManager &pm);

/// Appends the passes from et on tensors to the planned level for a GPU.
void buildGPUPlanPipeline(OpPassManager &pm, const GPUPipelineOptions &options);

/// Appends the passes from the planned level to a gpu.module of kernels and a function that launches them.
void buildPlannedToGPUPipeline(OpPassManager &pm);

/// Registers `--et-plan-cpu`, `--et-to-cpu`, `--et-plan-gpu` and `--et-to-gpu`.
void registerPipelines();

} // namespace mlir::et

#endif // ET_COMPILER_PIPELINES_H
