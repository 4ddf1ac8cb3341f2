//===- Compiler.cpp - Options in, program out -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "et/Compiler/Compiler.h"

#include "OpenMPRuntime.h"
#include "SoftFloat.h"
#include "et/Compiler/Pipelines.h"
#include "et/Compiler/SavedProgram.h"
#include "et/Conversion/ETToCPU/ISA.h"
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
#include "mlir/ExecutionEngine/ExecutionEngine.h"
#include "mlir/ExecutionEngine/OptUtils.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/OpenMP/OpenMPToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Host.h"

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
  bool isGPU = stage == Stage::GPU || stage == Stage::PTX || stage == Stage::Cubin || stage == Stage::Program;
  if (!isShared && isGPU != chip->has_value())
    return module.emitError(isGPU
                                ? "the stages gpu, ptx, cubin and program are those of a GPU; compile for a target "
                                  "such as cuda:sm_90a"
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

/// Code generation for the instruction set level \p isa.
static FailureOr<std::unique_ptr<llvm::TargetMachine>> createTargetMachine(ModuleOp module, StringRef isaName,
                                                                           bool jit) {
  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();
  FailureOr<cpu::ISALevel> level = cpu::ISA::parse(isaName);
  if (failed(level))
    return module.emitError("expected isa to be baseline, avx2, avx512 or native, but got '") << isaName << "'";
  if (jit && *level > cpu::ISA::host())
    return module.emitError("cannot run code for ") << stringifyISALevel(*level) << ": this machine offers "
                                                    << stringifyISALevel(cpu::ISA::host()) << " at most";
  cpu::ISA isa = cpu::ISA::get(*level);
  llvm::Triple triple(llvm::sys::getDefaultTargetTriple());
  std::string error;
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return module.emitError("no code generator for ") << triple.str() << ": " << error;
  std::unique_ptr<llvm::TargetMachine> machine(
      target->createTargetMachine(triple, isa.targetCPU(), isa.targetFeatures(), {}, llvm::Reloc::PIC_, std::nullopt,
                                  llvm::CodeGenOptLevel::Default, jit));
  if (!machine)
    return module.emitError("no code generator for ") << isa.targetCPU() << " on " << triple.str();
  return machine;
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

LogicalResult et::emitStage(ModuleOp module, Stage stage, const CompileOptions &options, llvm::raw_ostream &os) {
  FailureOr<func::FuncOp> entry = findEntry(module, options.entry);
  if (failed(entry))
    return failure();
  FailureOr<ProgramSignature> signature = getSignature(*entry);
  if (failed(signature))
    return failure();
  eraseOthers(module, *entry);
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
  FailureOr<std::unique_ptr<llvm::TargetMachine>> machine = createTargetMachine(module, options.isa, /*jit=*/false);
  if (failed(machine))
    return failure();
  llvm::LLVMContext context;
  // The weights section is not code.
  for (auto weight : llvm::make_early_inc_range(module.getOps<WeightOp>()))
    weight.erase();
  std::unique_ptr<llvm::Module> llvmModule = translateModuleToLLVMIR(module, context);
  if (!llvmModule)
    return module.emitError("does not translate to LLVM IR");
  ExecutionEngine::setupTargetTripleAndDataLayout(llvmModule.get(), machine->get());
  if (llvm::Error error = makeOptimizingTransformer(3, 0, machine->get())(llvmModule.get()))
    return module.emitError("cannot be optimised: ") << llvm::toString(std::move(error));
  if (stage == Stage::LLVMIR) {
    llvmModule->print(os, nullptr);
    return success();
  }
  llvm::SmallVector<char> buffer;
  llvm::raw_svector_ostream stream(buffer);
  llvm::legacy::PassManager codegen;
  auto kind = stage == Stage::Assembly ? llvm::CodeGenFileType::AssemblyFile : llvm::CodeGenFileType::ObjectFile;
  if ((*machine)->addPassesToEmitFile(codegen, stream, nullptr, kind))
    return module.emitError("the code generator cannot emit this kind of file");
  codegen.run(*llvmModule);
  os << StringRef(buffer.data(), buffer.size());
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
  FailureOr<std::unique_ptr<llvm::TargetMachine>> machine = createTargetMachine(module, options.isa, /*jit=*/true);
  if (failed(machine))
    return failure();
  if (failed(runPasses(module, Stage::Planned, options)))
    return failure();

  unsigned threads = options.threads ? options.threads : getNumProcessors();
  const OpenMPRuntime &openMP = OpenMPRuntime::get();
  if (threads > 1 && !openMP.missing.empty()) {
    remark::missed(module.getLoc(), remark::RemarkOpts::name("OneThread").category(DEBUG_TYPE))
        << remark::reason("the program runs on one thread: {0}", openMP.missing)
        << remark::suggest("install libomp (Debian: libomp-dev)");
    threads = 1;
  }

  WeightsOptions weightsOptions;
  weightsOptions.allowNonFinite = options.allowNonFinite;
  weightsOptions.threads = getNumProcessors();
  FailureOr<WeightsSection> weights = buildWeights(module, weightsOptions);
  if (failed(weights))
    return failure();
  for (auto weight : llvm::make_early_inc_range(module.getOps<WeightOp>()))
    weight.erase();

  for (const std::string &name : {signature->entry, signature->entry + ".sizes"})
    if (auto function = module.lookupSymbol<func::FuncOp>(name))
      function->setAttr(LLVM::LLVMDialect::getEmitCWrapperAttrName(), UnitAttr::get(module.getContext()));
  PassManager pm(module.getContext());
  if (options.configurePassManager && failed(options.configurePassManager(pm)))
    return failure();
  buildPlannedToLLVMPipeline(pm);
  if (failed(pm.run(module)))
    return failure();

  auto transformer = makeOptimizingTransformer(3, 0, machine->get());
  ExecutionEngineOptions engineOptions;
  engineOptions.transformer = transformer;
  engineOptions.jitCodeGenOptLevel = llvm::CodeGenOptLevel::Default;
  engineOptions.enableGDBNotificationListener = false;
  engineOptions.enablePerfNotificationListener = false;
  auto engine = ExecutionEngine::create(module, engineOptions, std::move(*machine));
  if (!engine)
    return module.emitError("cannot be loaded: ") << llvm::toString(engine.takeError());
  (*engine)->registerSymbols([&](llvm::orc::MangleAndInterner interner) {
    llvm::orc::SymbolMap map;
    for (const auto &[name, address] : openMP.symbols)
      map[interner(name)] = {llvm::orc::ExecutorAddr::fromPtr(address), llvm::JITSymbolFlags::Exported};
    for (auto [name, address] : getSoftFloatFunctions())
      map[interner(name)] = {llvm::orc::ExecutorAddr::fromPtr(address), llvm::JITSymbolFlags::Exported};
    return map;
  });
  (*engine)->initialize();
  // Finds what generated code calls, and generates it: the last step that can fail.
  for (const std::string &name : {signature->entry, signature->entry + ".sizes"})
    if (auto function = (*engine)->lookupPacked("_mlir_ciface_" + name); !function)
      return module.emitError("cannot be loaded: ") << llvm::toString(function.takeError());
  return std::make_unique<Program>(std::move(*signature), std::move(*weights), std::move(*engine), threads);
}
