//===- KernelJIT.cpp - Compiles one kernel for a test or benchmark -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The object is emitted here rather than by ORC, so that optimisation and code
// generation can be timed separately and the assembly be kept.
//
//===----------------------------------------------------------------------===//

#include "KernelJIT.h"

#include "et/Conversion/ETToCPU/LowerToLLVM.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/OpenMP/OpenMPDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/OpenMP/OpenMPToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/ExecutionEngine/Orc/AbsoluteSymbols.h"
#include "llvm/ExecutionEngine/Orc/ExecutionUtils.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/SmallVectorMemoryBuffer.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Transforms/Utils/Cloning.h"

#include <chrono>

using namespace mlir;
using namespace mlir::et::cpu;

using Clock = std::chrono::steady_clock;

static double milliseconds(Clock::time_point from) {
  return std::chrono::duration<double, std::milli>(Clock::now() - from).count();
}

void et::cpu::loadKernelDialects(MLIRContext &context) {
  DialectRegistry registry;
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  registerOpenMPDialectTranslation(registry);
  context.appendDialectRegistry(registry);
  context
      .loadDialect<arith::ArithDialect, cf::ControlFlowDialect, func::FuncDialect, LLVM::LLVMDialect, math::MathDialect,
                   memref::MemRefDialect, omp::OpenMPDialect, scf::SCFDialect, vector::VectorDialect>();
}

static std::unique_ptr<llvm::TargetMachine> createMachine(const ISA &isa, int optLevel) {
  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();
  llvm::Triple triple("x86_64-unknown-linux-gnu");
  std::string error;
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!target) {
    llvm::errs() << error << "\n";
    return nullptr;
  }
  auto level = optLevel >= 3   ? llvm::CodeGenOptLevel::Aggressive
               : optLevel == 2 ? llvm::CodeGenOptLevel::Default
               : optLevel == 1 ? llvm::CodeGenOptLevel::Less
                               : llvm::CodeGenOptLevel::None;
  return std::unique_ptr<llvm::TargetMachine>(target->createTargetMachine(triple, isa.targetCPU(), isa.targetFeatures(),
                                                                          llvm::TargetOptions(), llvm::Reloc::PIC_,
                                                                          std::nullopt, level, /*JIT=*/true));
}

static void optimize(llvm::Module &module, llvm::TargetMachine &machine, int optLevel) {
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager graphs;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(&machine);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(graphs);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, graphs, modules);
  llvm::OptimizationLevel level = optLevel >= 3   ? llvm::OptimizationLevel::O3
                                  : optLevel == 2 ? llvm::OptimizationLevel::O2
                                  : optLevel == 1 ? llvm::OptimizationLevel::O1
                                                  : llvm::OptimizationLevel::O0;
  llvm::ModulePassManager pm =
      optLevel == 0 ? builder.buildO0DefaultPipeline(level) : builder.buildPerModuleDefaultPipeline(level);
  pm.run(module, modules);
}

/// Runs the code generator of \p machine on \p module.
static llvm::SmallVector<char, 0> emit(llvm::Module &module, llvm::TargetMachine &machine, llvm::CodeGenFileType type) {
  llvm::SmallVector<char, 0> buffer;
  llvm::raw_svector_ostream os(buffer);
  llvm::legacy::PassManager pm;
  if (machine.addPassesToEmitFile(pm, os, nullptr, type))
    llvm::report_fatal_error("this target emits no files");
  pm.run(module);
  return buffer;
}

std::unique_ptr<KernelJIT> KernelJIT::compile(ModuleOp module, const ISA &isa, const KernelJITOptions &options) {
  auto result = std::make_unique<KernelJIT>();
  Clock::time_point start = Clock::now();
  PassManager pm(module.getContext());
  buildCPUToLLVMPipeline(pm);
  if (failed(pm.run(module)))
    return nullptr;
  auto context = std::make_unique<llvm::LLVMContext>();
  std::unique_ptr<llvm::Module> llvmModule = translateModuleToLLVMIR(module, *context);
  if (!llvmModule)
    return nullptr;
  result->lowerMs = milliseconds(start);

  if (options.keepLLVMIR) {
    llvm::raw_string_ostream os(result->llvmIR);
    llvmModule->print(os, nullptr);
  }

  start = Clock::now();
  std::unique_ptr<llvm::TargetMachine> machine = createMachine(isa, options.optLevel);
  if (!machine)
    return nullptr;
  llvmModule->setTargetTriple(machine->getTargetTriple());
  llvmModule->setDataLayout(machine->createDataLayout());
  optimize(*llvmModule, *machine, options.optLevel);
  result->optMs = milliseconds(start);

  if (options.keepAssembly) {
    std::unique_ptr<llvm::Module> copy = llvm::CloneModule(*llvmModule);
    llvm::SmallVector<char, 0> text = emit(*copy, *machine, llvm::CodeGenFileType::AssemblyFile);
    result->assembly.assign(text.begin(), text.end());
  }

  start = Clock::now();
  llvm::SmallVector<char, 0> object = emit(*llvmModule, *machine, llvm::CodeGenFileType::ObjectFile);
  result->codegenMs = milliseconds(start);

  auto jit = llvm::orc::LLJITBuilder().create();
  if (!jit) {
    llvm::errs() << toString(jit.takeError()) << "\n";
    return nullptr;
  }
  result->jit = std::move(*jit);
  llvm::orc::JITDylib &dylib = result->jit->getMainJITDylib();
  // memset and the like come from the C library of this process.
  auto process =
      llvm::orc::DynamicLibrarySearchGenerator::GetForCurrentProcess(result->jit->getDataLayout().getGlobalPrefix());
  if (!process) {
    llvm::errs() << toString(process.takeError()) << "\n";
    return nullptr;
  }
  dylib.addGenerator(std::move(*process));
  llvm::orc::SymbolMap symbols;
  for (const auto &[name, address] : options.symbols)
    symbols[result->jit->mangleAndIntern(name)] = {llvm::orc::ExecutorAddr::fromPtr(address),
                                                   llvm::JITSymbolFlags::Exported};
  llvm::cantFail(dylib.define(llvm::orc::absoluteSymbols(std::move(symbols))));
  if (llvm::Error error =
          result->jit->addObjectFile(std::make_unique<llvm::SmallVectorMemoryBuffer>(std::move(object)))) {
    llvm::errs() << toString(std::move(error)) << "\n";
    return nullptr;
  }
  return result;
}

void *KernelJIT::lookup(llvm::StringRef symbol) {
  auto address = jit->lookup(symbol);
  if (!address) {
    llvm::errs() << toString(address.takeError()) << "\n";
    return nullptr;
  }
  return address->toPtr<void *>();
}
