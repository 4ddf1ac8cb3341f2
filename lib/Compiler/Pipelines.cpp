//===- Pipelines.cpp - From et on tensors to code, stage by stage -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "et/Compiler/Pipelines.h"

#include "et/Conversion/ETToCPU/LowerToLLVM.h"
#include "et/Conversion/ETToCPU/Passes.h"
#include "et/Conversion/ETToGPU/Passes.h"
#include "et/Dialect/ET/Transforms/Passes.h"
#include "et/Target/NVIDIA/SM.h"
#include "et/TransformOps/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace mlir::et;

static void cleanUp(OpPassManager &pm) {
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

/// Adds the script of \p library, where there is one.
static void addTransforms(OpPassManager &pm, StringRef library) {
  if (library.empty())
    return;
  ApplyTransformsPassOptions options;
  options.library = library.str();
  pm.addPass(createApplyTransformsPass(options));
}

/// Features that tensor cores read at once, a block of K: features are left in multiples of it.
static constexpr unsigned kGPUFeatures = 64;

/// Features are left in multiples of what a kernel computes at once: lanes of a CPU, a block of K of tensor cores.
/// Those of heads: values of a register tile, the K of one product of tensor cores, with which tensor maps have their
/// strides.
static void addPropagatePruning(OpPassManager &pm, unsigned multiple, unsigned headMultiple) {
  PropagatePruningPassOptions options;
  options.multiple = multiple;
  options.headMultiple = headMultiple;
  pm.addPass(createPropagatePruningPass(options));
}

void et::buildCPUPlanPipeline(OpPassManager &pm, const CPUPipelineOptions &options) {
  cleanUp(pm);
  pm.addNestedPass<func::FuncOp>(createNormalizeTensorsPass());
  cleanUp(pm);
  pm.addPass(createOutlineWeightsPass());
  addPropagatePruning(pm, /*multiple=*/16, /*headMultiple=*/8);
  pm.addPass(createMergeValueOutputPass());
  pm.addPass(createMergeLinearsPass());
  pm.addPass(createEncodeSparsityPass());
  pm.addPass(createCondenseWeightsPass());
  pm.addPass(createDecomposeForCPUPass());
  pm.addNestedPass<func::FuncOp>(createNormalizeTensorsPass());
  cleanUp(pm);
  pm.addNestedPass<func::FuncOp>(createFormLaunchesPass());
  // The sizes of outputs, told in terms of the arguments.
  pm.addPass(memref::createResolveRankedShapeTypeResultDimsPass());
  cleanUp(pm);
  ScheduleCPUPassOptions schedule;
  schedule.isa = options.isa;
  pm.addPass(createScheduleCPUPass(schedule));
  pm.addPass(createBufferizeLaunchesPass());
  cleanUp(pm);
  pm.addPass(createCopyUnevenRowsPass());
  pm.addPass(createPlanMemoryPass());
  // Copies that planning put into launches of their own.
  pm.addPass(createScheduleCPUPass(schedule));
  cleanUp(pm);
  addTransforms(pm, options.transformLibrary);
  pm.addPass(createVerifyPlannedContractPass());
}

void et::buildPlannedToLLVMPipeline(OpPassManager &pm) {
  pm.addPass(createConvertLaunchesToCPUPass());
  cpu::buildCPUToLLVMPipeline(pm);
}

void et::buildPlannedToStepsPipeline(OpPassManager &pm) {
  ConvertLaunchesToCPUPassOptions options;
  options.steps = true;
  pm.addPass(createConvertLaunchesToCPUPass(options));
}

void et::buildStepsToLLVMPipeline(OpPassManager &pm) {
  pm.addPass(createBuildCPUStepsPass());
  cpu::buildCPUToLLVMPipeline(pm);
}

void et::buildGPUPlanPipeline(OpPassManager &pm, const GPUPipelineOptions &options) {
  cleanUp(pm);
  pm.addNestedPass<func::FuncOp>(createNormalizeTensorsPass());
  cleanUp(pm);
  pm.addPass(createOutlineWeightsPass());
  addPropagatePruning(pm, kGPUFeatures, /*headMultiple=*/16);
  pm.addPass(createMergeValueOutputPass());
  pm.addPass(createMergeLinearsPass());
  DecomposeForGPUPassOptions decompose;
  decompose.chip = options.chip;
  pm.addPass(createDecomposeForGPUPass(decompose));
  if (options.foldNorms)
    pm.addPass(createFoldNormsPass());
  pm.addNestedPass<func::FuncOp>(createNormalizeTensorsPass());
  cleanUp(pm);
  EncodeSparsityPassOptions encode;
  FailureOr<nvidia::SM> sm = nvidia::SM::get(options.chip);
  encode.kernels = succeeded(sm) && sm->hasWgmma ? SparseKernels::Wgmma : SparseKernels::Mma;
  encode.multiple = kGPUFeatures;
  encode.expectedRows = options.expectedRows;
  pm.addPass(createEncodeSparsityPass(encode));
  CondenseWeightsPassOptions condense;
  condense.multiple = kGPUFeatures;
  pm.addPass(createCondenseWeightsPass(condense));
  // A block has some columns of a row: norms follow in launches of their own.
  FormLaunchesPassOptions form;
  form.fuseNorms = false;
  form.fuseEmbeddings = true;
  form.takesRowValues = true;
  pm.addNestedPass<func::FuncOp>(createFormLaunchesPass(form));
  StoreStripsPassOptions strips;
  strips.chip = options.chip;
  pm.addPass(createStoreStripsPass(strips));
  pm.addPass(memref::createResolveRankedShapeTypeResultDimsPass());
  cleanUp(pm);
  pm.addPass(createBufferizeLaunchesPass());
  cleanUp(pm);
  pm.addPass(createCopyUnevenRowsPass());
  ChunkRowsPassOptions chunk;
  chunk.chip = options.chip;
  pm.addPass(createChunkRowsPass(chunk));
  if (options.partialAttention != -1) {
    PartialAttentionPassOptions partial;
    partial.chip = options.chip;
    partial.moreThan = options.partialAttention;
    pm.addPass(createPartialAttentionPass(partial));
  }
  pm.addPass(createPlanMemoryPass());
  ScheduleGPUPassOptions schedule;
  schedule.chip = options.chip;
  llvm::append_range(schedule.tuned, options.tuned);
  pm.addPass(createScheduleGPUPass(schedule));
  cleanUp(pm);
  addTransforms(pm, options.transformLibrary);
  if (options.prefetchWeights) {
    PrefetchWeightsPassOptions prefetch;
    prefetch.chip = options.chip;
    pm.addPass(createPrefetchWeightsPass(prefetch));
    cleanUp(pm);
  }
  pm.addPass(createVerifyPlannedContractPass());
}

void et::buildPlannedToGPUPipeline(OpPassManager &pm) {
  pm.addPass(createConvertLaunchesToGPUPass());
  cleanUp(pm);
}

void et::registerPipelines() {
  PassPipelineRegistration<CPUPipelineOptions>("et-plan-cpu", "Plan et on tensors for a CPU: launches, weights, arena",
                                               buildCPUPlanPipeline);
  PassPipelineRegistration<CPUPipelineOptions>("et-to-cpu", "Lower et on tensors to the LLVM dialect for a CPU",
                                               [](OpPassManager &pm, const CPUPipelineOptions &options) {
                                                 buildCPUPlanPipeline(pm, options);
                                                 buildPlannedToLLVMPipeline(pm);
                                               });
  PassPipelineRegistration<GPUPipelineOptions>("et-plan-gpu", "Plan et on tensors for a GPU: launches, weights, arena",
                                               buildGPUPlanPipeline);
  PassPipelineRegistration<GPUPipelineOptions>("et-to-gpu",
                                               "Lower et on tensors to GPU kernels and a function that launches them",
                                               [](OpPassManager &pm, const GPUPipelineOptions &options) {
                                                 buildGPUPlanPipeline(pm, options);
                                                 buildPlannedToGPUPipeline(pm);
                                               });
}
