//===- CPUCode.cpp - From the LLVM dialect to machine code of a CPU -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CPUCode.h"

#include "mlir/ExecutionEngine/OptUtils.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Host.h"

using namespace mlir;
using namespace mlir::et;

FailureOr<cpu::ISALevel> et::parseISA(ModuleOp module, StringRef name) {
  FailureOr<cpu::ISALevel> level = cpu::ISA::parse(name);
  if (failed(level))
    return module.emitError("expected isa to be baseline, avx2, avx512 or native, but got '") << name << "'";
  return level;
}

FailureOr<std::unique_ptr<llvm::TargetMachine>> et::createTargetMachine(ModuleOp module, cpu::ISALevel level) {
  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();
  cpu::ISA isa = cpu::ISA::get(level);
  llvm::Triple triple(llvm::sys::getDefaultTargetTriple());
  std::string error;
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return module.emitError("no code generator for ") << triple.str() << ": " << error;
  std::unique_ptr<llvm::TargetMachine> machine(
      target->createTargetMachine(triple, isa.targetCPU(), isa.targetFeatures(), {}, llvm::Reloc::PIC_, std::nullopt,
                                  llvm::CodeGenOptLevel::Default));
  if (!machine)
    return module.emitError("no code generator for ") << isa.targetCPU() << " on " << triple.str();
  return machine;
}

FailureOr<std::unique_ptr<llvm::Module>> et::translateToLLVM(ModuleOp module, llvm::TargetMachine &machine,
                                                             llvm::LLVMContext &context) {
  std::unique_ptr<llvm::Module> llvmModule = translateModuleToLLVMIR(module, context);
  if (!llvmModule)
    return module.emitError("does not translate to LLVM IR");
  llvmModule->setDataLayout(machine.createDataLayout());
  llvmModule->setTargetTriple(machine.getTargetTriple());
  if (llvm::Error error = makeOptimizingTransformer(3, 0, &machine)(llvmModule.get()))
    return module.emitError("cannot be optimised: ") << llvm::toString(std::move(error));
  return llvmModule;
}

FailureOr<std::string> et::generateCode(ModuleOp module, llvm::Module &llvmModule, llvm::TargetMachine &machine,
                                        bool isAssembly) {
  llvm::SmallVector<char, 0> buffer;
  llvm::raw_svector_ostream stream(buffer);
  llvm::legacy::PassManager codegen;
  auto kind = isAssembly ? llvm::CodeGenFileType::AssemblyFile : llvm::CodeGenFileType::ObjectFile;
  if (machine.addPassesToEmitFile(codegen, stream, nullptr, kind))
    return module.emitError("the code generator cannot emit this kind of file");
  codegen.run(llvmModule);
  return std::string(buffer.data(), buffer.size());
}
