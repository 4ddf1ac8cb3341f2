//===- Compiler.cpp - Options in, program out -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "et/Compiler/Compiler.h"

#include "CPUCode.h"
#include "CPUPlan.h"
#include "et/Compiler/Pipelines.h"
#include "et/Compiler/SavedProgram.h"
#include "et/Dialect/ET/IR/ET.h"
#include "et/Dialect/ET/Transforms/Passes.h"
#include "et/Target/NVIDIA/Serialize.h"
#include "et/Target/NVIDIA/TunedTable.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Bufferization/Transforms/FuncBufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/Transforms/AllInterfaces.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/OpenMP/OpenMPDialect.h"
#include "mlir/Dialect/Tensor/IR/TensorInferTypeOpInterfaceImpl.h"
#include "mlir/Dialect/Tensor/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/OpenMP/OpenMPToLLVMIRTranslation.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Target/TargetMachine.h"

#include <sched.h>
#include <thread>

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
  FailureOr<std::optional<std::string>> chip = parseTarget(options.target);
  if (failed(chip))
    return module.emitError("expected target to be cpu or cuda: and one of sm_80, sm_86, sm_89, sm_90 and sm_90a, but "
                            "got '")
           << options.target << "'";
  bool isShared = stage == Stage::ET || stage == Stage::Planned;
  bool isGPU = stage == Stage::GPU || stage == Stage::PTX || stage == Stage::Cubin;
  if (!isShared && stage != Stage::Program && isGPU != chip->has_value())
    return module.emitError(isGPU
                                ? "the stages gpu, ptx and cubin are those of a GPU; compile for a target such as "
                                  "cuda:sm_90a"
                                : "the stages llvm, llvm-ir, asm and obj are those of a CPU; for a GPU there are gpu, "
                                  "ptx, cubin and program");
  return chip;
}

void et::registerCompilerDialects(DialectRegistry &registry) {
  registry.insert<ETDialect, cf::ControlFlowDialect, omp::OpenMPDialect, LLVM::LLVMDialect, math::MathDialect,
                  affine::AffineDialect>();
  registerBufferizableOpInterfaceExternalModels(registry);
  arith::registerBufferizableOpInterfaceExternalModels(registry);
  bufferization::func_ext::registerBufferizableOpInterfaceExternalModels(registry);
  linalg::registerAllDialectInterfaceImplementations(registry);
  tensor::registerBufferizableOpInterfaceExternalModels(registry);
  tensor::registerInferTypeOpInterfaceExternalModels(registry);
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  registerOpenMPDialectTranslation(registry);
  nvidia::registerPTXTranslation(registry);
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
  if (stage == Stage::ET) {
    pm.addPass(createCanonicalizerPass());
    pm.addPass(createCSEPass());
  } else if (*chip) {
    GPUPipelineOptions gpuPipeline;
    gpuPipeline.chip = **chip;
    gpuPipeline.foldNorms = options.foldNorms;
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

/// Processors this process may use.
static unsigned getNumProcessors() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0)
    return std::max(1, CPU_COUNT(&set));
  return std::max(1u, std::thread::hardware_concurrency());
}

/// Writes what \p stage makes of \p module, the result of --et-to-gpu, to \p os.
static LogicalResult emitGPUStage(ModuleOp module, Stage stage, const CompileOptions &options,
                                  const ProgramSignature &signature, llvm::raw_ostream &os) {
  std::string chip = **parseTarget(options.target);
  // Weights first: what is wrong with them is found before the long part.
  FailureOr<WeightsSection> weights = WeightsSection();
  if (stage == Stage::Program) {
    WeightsOptions weightsOptions;
    weightsOptions.allowNonFinite = options.allowNonFinite;
    weightsOptions.threads = getNumProcessors();
    weights = buildWeights(module, weightsOptions);
    if (failed(weights))
      return failure();
  }
  FailureOr<KernelCode> code = compileKernels(module, chip, /*assemble=*/stage != Stage::PTX);
  if (failed(code))
    return failure();
  if (stage == Stage::PTX) {
    os << code->ptx;
    return success();
  }
  if (stage == Stage::Cubin) {
    if (code->cubin.empty() && !code->ptx.empty())
      return module.emitError("there is no ptxas to make a cubin; install the CUDA toolkit or PyPI's nvidia-cuda-nvcc, "
                              "or name one with ET_PTXAS");
    os << code->cubin;
    return success();
  }
  FailureOr<std::string> program = buildSavedProgram(module, signature, *weights, *code);
  if (failed(program))
    return failure();
  os << *program;
  return success();
}

// Vectors of a CPU may begin anywhere.
static constexpr uint32_t kCPUAlignment = 1;

/// Adds the plan for \p level to \p writer and returns its weights. Consumes \p module.
static FailureOr<WeightsSection> planForCPU(ProgramWriter &writer, ModuleOp module, cpu::ISALevel level,
                                            const CompileOptions &options) {
  CompileOptions planOptions = options;
  planOptions.isa = stringifyISALevel(level).str();
  if (failed(runPasses(module, Stage::Planned, planOptions)))
    return failure();
  WeightsOptions weightsOptions;
  weightsOptions.allowNonFinite = options.allowNonFinite;
  weightsOptions.threads = getNumProcessors();
  FailureOr<WeightsSection> weights = buildWeights(module, weightsOptions);
  if (failed(weights) || failed(addCPUPlan(writer, module, *weights, level, options)))
    return failure();
  return weights;
}

/// Writes a saved program for the instruction set levels of \p options, one plan each, to \p os.
static LogicalResult emitCPUProgram(ModuleOp module, const CompileOptions &options, const ProgramSignature &signature,
                                    llvm::raw_ostream &os) {
  SmallVector<StringRef> names;
  StringRef(options.isa).split(names, ',');
  llvm::SmallSetVector<cpu::ISALevel, 4> levels;
  for (StringRef name : names) {
    FailureOr<cpu::ISALevel> level = parseISA(module, name);
    if (failed(level))
      return failure();
    levels.insert(*level);
  }
  ProgramWriter writer(signature, kCPUAlignment);
  // The program refers to them until it is written.
  std::vector<WeightsSection> weights;
  for (cpu::ISALevel level : levels) {
    OwningOpRef<ModuleOp> copy = module.clone();
    FailureOr<WeightsSection> section = planForCPU(writer, *copy, level, options);
    if (failed(section))
      return failure();
    weights.push_back(std::move(*section));
  }
  std::string file;
  if (runtime::Error error = writer.getBuilder().serialize(file))
    return module.emitError("cannot be saved: ") << error.getMessage();
  os << file;
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
  if (stage == Stage::Program && options.target == "cpu")
    return emitCPUProgram(module, options, *signature, os);
  if (failed(runPasses(module, stage, options)))
    return failure();
  if (stage == Stage::PTX || stage == Stage::Cubin || stage == Stage::Program)
    return emitGPUStage(module, stage, options, *signature, os);
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
  FailureOr<WeightsSection> weights = planForCPU(writer, module, *level, options);
  if (failed(weights))
    return failure();
  auto program =
      Program::load(std::move(*signature), writer.getSharedBuilder(), std::move(*weights), std::move(*device));
  if (!program)
    return module.emitError("cannot be loaded: ") << program.getError().getMessage();
  return std::move(*program);
}
