//===- Compiler.cpp - Options in, program out -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "et/Compiler/Compiler.h"

#include "CPUCode.h"
#include "EmitProgram.h"
#include "et/Compiler/Pipelines.h"
#include "et/Compiler/SavedProgram.h"
#include "et/Dialect/ET/IR/ET.h"
#include "et/Dialect/ET/Transforms/Passes.h"
#include "et/Target/NVIDIA/Serialize.h"
#include "et/Target/NVIDIA/TunedTable.h"

#include "mlir/IR/Remarks.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Target/TargetMachine.h"

#define DEBUG_TYPE "et-compile"

using namespace mlir;
using namespace mlir::et;

FailureOr<Stage> et::parseStage(StringRef name) {
  std::optional<Stage> stage = llvm::StringSwitch<std::optional<Stage>>(name)
                                   .Case("et", Stage::ET)
                                   .Case("planned", Stage::Planned)
                                   .Case("llvm", Stage::LLVM)
                                   .Case("llvm-ir", Stage::LLVMIR)
                                   .Case("asm", Stage::Assembly)
                                   .Case("obj", Stage::Object)
                                   .Case("gpu", Stage::GPU)
                                   .Case("ptx", Stage::PTX)
                                   .Case("cubin", Stage::Cubin)
                                   .Case("program", Stage::Program)
                                   .Default(std::nullopt);
  if (!stage)
    return failure();
  return *stage;
}

bool et::isText(Stage stage) { return stage != Stage::Object && stage != Stage::Cubin && stage != Stage::Program; }

FailureOr<std::optional<std::string>> et::parseTarget(StringRef target) {
  if (target == "cpu")
    return std::optional<std::string>();
  if (target.consume_front("cuda:") && succeeded(nvidia::SM::get(target)))
    return std::optional<std::string>(target.str());
  return failure();
}

/// The architecture that \p options name, nothing for a CPU. Emits an error when they name neither, or when \p stage
/// belongs to the other.
static FailureOr<std::optional<std::string>> getChip(ModuleOp module, Stage stage, const CompileOptions &options) {
  if (StringRef(options.target).contains(','))
    return module.emitError(
               "a saved program can be for several targets, but a stage in front of it is for one; choose one "
               "of '")
           << options.target << "'";
  FailureOr<std::optional<std::string>> chip = parseTarget(options.target);
  if (failed(chip))
    return emitUnknownTarget(module, options.target);
  bool isShared = stage == Stage::ET || stage == Stage::Planned;
  bool isGPU = stage == Stage::GPU || stage == Stage::PTX || stage == Stage::Cubin;
  if (!isShared && isGPU != chip->has_value())
    return module.emitError(isGPU
                                ? "the stages gpu, ptx and cubin are those of a GPU; compile for a target such as "
                                  "cuda:sm_90a"
                                : "the stages llvm, llvm-ir, asm and obj are those of a CPU; for a GPU there are gpu, "
                                  "ptx, cubin and program");
  return chip;
}

LogicalResult et::runPasses(ModuleOp module, Stage stage, const CompileOptions &options) {
  FailureOr<std::optional<std::string>> chip = getChip(module, stage, options);
  if (failed(chip))
    return failure();
  PassManager pm(module.getContext());
  if (options.configurePassManager && failed(options.configurePassManager(pm)))
    return failure();
  CPUPipelineOptions pipeline;
  pipeline.isa = options.isa;
  pipeline.transformLibrary = options.transformLibrary;
  if (stage == Stage::ET) {
    pm.addPass(createCanonicalizerPass());
    pm.addPass(createCSEPass());
  } else if (*chip) {
    GPUPipelineOptions gpuPipeline;
    gpuPipeline.chip = **chip;
    gpuPipeline.foldNorms = options.foldNorms == FoldNorms::On;
    gpuPipeline.prefetchWeights = options.prefetchWeights;
    gpuPipeline.partialAttention = options.partialAttention;
    gpuPipeline.expectedRows = options.expectedRows;
    gpuPipeline.transformLibrary = options.transformLibrary;
    for (const std::string &path : options.tuned)
      gpuPipeline.tuned.push_back(path);
    if (options.useTunedCache)
      if (std::string path = nvidia::getUserTunedTable(**chip); !path.empty() && llvm::sys::fs::exists(path))
        gpuPipeline.tuned.push_back(path);
    buildGPUPlanPipeline(pm, gpuPipeline);
    if (stage != Stage::Planned)
      buildPlannedToGPUPipeline(pm);
  } else {
    buildCPUPlanPipeline(pm, pipeline);
    if (stage != Stage::Planned)
      buildPlannedToLLVMPipeline(pm);
  }
  return pm.run(module);
}

/// Erases the public functions of \p module other than \p entry: only what is asked for is compiled.
static void eraseOthers(ModuleOp module, func::FuncOp entry) {
  for (auto function : llvm::make_early_inc_range(module.getOps<func::FuncOp>()))
    if (function != entry && !function.isPrivate())
      function.erase();
}

/// Writes the kernels of \p module, the result of --et-to-gpu for \p chip, to \p os: as PTX, or as a cubin.
static LogicalResult emitKernels(ModuleOp module, Stage stage, StringRef chip, llvm::raw_ostream &os) {
  FailureOr<KernelCode> code = compileKernels(module, chip, /*assemble=*/stage == Stage::Cubin);
  if (failed(code))
    return failure();
  if (stage == Stage::Cubin && code->cubin.empty() && !code->ptx.empty())
    return module.emitError("there is no ptxas to make a cubin; install the CUDA toolkit or PyPI's nvidia-cuda-nvcc, "
                            "or name one with ET_PTXAS");
  os << (stage == Stage::PTX ? code->ptx : code->cubin);
  return success();
}

LogicalResult et::emitStage(ModuleOp module, Stage stage, const CompileOptions &options, llvm::raw_ostream &os) {
  FailureOr<func::FuncOp> entry = findEntry(module, options.entry);
  if (failed(entry))
    return failure();
  FailureOr<ProgramSignature> signature = getSignature(*entry);
  if (failed(signature))
    return failure();
  eraseOthers(module, *entry);
  if (stage == Stage::Program)
    return emitProgram(module, *signature, options, os);
  if (options.foldNorms == FoldNorms::Auto && options.target != "cpu" && stage != Stage::ET)
    return module.emitError("only a saved program chooses by its rows whether norms are folded, the stages in front of "
                            "it are for one way; choose --fold-norms=on or --fold-norms=off, or --emit=program");
  if (failed(runPasses(module, stage, options)))
    return failure();
  if (stage == Stage::PTX || stage == Stage::Cubin)
    return emitKernels(module, stage, **parseTarget(options.target), os);
  if (stage == Stage::ET || stage == Stage::Planned || stage == Stage::LLVM || stage == Stage::GPU) {
    // Weights are data, not something to read.
    OpPrintingFlags flags;
    flags.elideLargeElementsAttrs(64).elideLargeResourceString(64).enableDebugInfo(false);
    module.print(os, flags);
    os << '\n';
    return success();
  }
  FailureOr<cpu::ISALevel> level = parseISA(module, options.isa);
  if (failed(level))
    return failure();
  FailureOr<std::unique_ptr<llvm::TargetMachine>> machine = createTargetMachine(module, *level);
  if (failed(machine))
    return failure();
  // The weights section is not code.
  for (auto weight : llvm::make_early_inc_range(module.getOps<WeightOp>()))
    weight.erase();
  llvm::LLVMContext context;
  FailureOr<std::unique_ptr<llvm::Module>> llvmModule = translateToLLVM(module, **machine, context);
  if (failed(llvmModule))
    return failure();
  if (stage == Stage::LLVMIR) {
    (*llvmModule)->print(os, nullptr);
    return success();
  }
  FailureOr<std::string> code = generateCode(module, **llvmModule, **machine, stage == Stage::Assembly);
  if (failed(code))
    return failure();
  os << *code;
  return success();
}

FailureOr<std::unique_ptr<Program>> et::compile(ModuleOp module, const CompileOptions &options) {
  if (options.target != "cpu")
    return module.emitError("a program that runs in this process is one for its CPU; save a program for the target '")
           << options.target << "' and load it where there is a GPU";
  FailureOr<func::FuncOp> entry = findEntry(module, options.entry);
  if (failed(entry))
    return failure();
  FailureOr<ProgramSignature> signature = getSignature(*entry);
  if (failed(signature))
    return failure();
  eraseOthers(module, *entry);
  FailureOr<cpu::ISALevel> level = parseISA(module, options.isa);
  if (failed(level))
    return failure();
  if (*level > cpu::ISA::host())
    return module.emitError("cannot run code for ") << stringifyISALevel(*level) << ": this machine offers "
                                                    << stringifyISALevel(cpu::ISA::host()) << " at most";
  runtime::Result<std::shared_ptr<runtime::CPUDevice>> device = runtime::CPUDevice::create(options.threads);
  if (!device)
    return module.emitError() << device.getError().getMessage();
  if (std::string missing = runtime::CPUDevice::whyOneThread(); !missing.empty())
    remark::missed(module.getLoc(), remark::RemarkOpts::name("OneThread").category(DEBUG_TYPE))
        << remark::reason("the program runs on one thread: {0}", missing)
        << remark::suggest("install libomp (Debian: libomp5)");

  ProgramWriter writer(*signature, kCPUAlignment);
  FailureOr<WeightsSection> weights = addPlanForCPU(writer, module, *level, options);
  if (failed(weights))
    return failure();
  auto program =
      Program::load(std::move(*signature), writer.getSharedBuilder(), std::move(*weights), std::move(*device));
  if (!program)
    return module.emitError("cannot be loaded: ") << program.getError().getMessage();
  return std::move(*program);
}
