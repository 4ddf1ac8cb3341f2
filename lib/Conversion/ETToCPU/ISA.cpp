//===- ISA.cpp - x86 instruction set levels of the CPU kernels -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Properties, names and detection of the instruction set levels. The LLVM CPU
// names are the psABI micro-architecture levels, so generated code depends on
// the level only and not on the machine that happened to compile it.
//
//===----------------------------------------------------------------------===//

#include "et/Conversion/ETToCPU/ISA.h"

#include "llvm/ADT/StringSwitch.h"
#include "llvm/TargetParser/Host.h"

using namespace mlir;
using namespace mlir::et::cpu;

unsigned ISA::vectorLanes(Type elt) const { return vectorBits / elt.getIntOrFloatBitWidth(); }

llvm::StringRef ISA::targetCPU() const {
  switch (level) {
  case ISALevel::Baseline:
    return "x86-64";
  case ISALevel::AVX2:
    return "x86-64-v3";
  case ISALevel::AVX512:
    return "x86-64-v4";
  }
  llvm_unreachable("unknown instruction set level");
}

llvm::StringRef ISA::targetFeatures() const {
  // x86-64-v4 prefers 256-bit vectors where LLVM vectorises by itself. Kernels
  // ask for 512 bits explicitly; the rest should not fall behind.
  return level == ISALevel::AVX512 ? "-prefer-256-bit" : "";
}

ISA ISA::get(ISALevel level) {
  switch (level) {
  case ISALevel::Baseline:
    return {level, 128, 16, /*fma=*/false, /*f16c=*/false};
  case ISALevel::AVX2:
    return {level, 256, 16, /*fma=*/true, /*f16c=*/true};
  case ISALevel::AVX512:
    return {level, 512, 32, /*fma=*/true, /*f16c=*/true};
  }
  llvm_unreachable("unknown instruction set level");
}

ISALevel ISA::host() {
  // getHostCPUFeatures() also asks the operating system whether it saves the
  // wide registers.
  const llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
  auto hasAll = [&](std::initializer_list<llvm::StringRef> names) {
    for (llvm::StringRef name : names)
      if (!features.lookup(name))
        return false;
    return true;
  };
  if (!hasAll({"avx", "avx2", "fma", "f16c", "bmi", "bmi2", "lzcnt", "movbe", "popcnt"}))
    return ISALevel::Baseline;
  if (!hasAll({"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}))
    return ISALevel::AVX2;
  return ISALevel::AVX512;
}

FailureOr<ISALevel> ISA::parse(llvm::StringRef name) {
  if (name == "native")
    return ISA::host();
  return llvm::StringSwitch<FailureOr<ISALevel>>(name)
      .Case("baseline", ISALevel::Baseline)
      .Case("avx2", ISALevel::AVX2)
      .Case("avx512", ISALevel::AVX512)
      .Default(failure());
}

llvm::StringRef mlir::et::cpu::stringifyISALevel(ISALevel level) {
  switch (level) {
  case ISALevel::Baseline:
    return "baseline";
  case ISALevel::AVX2:
    return "avx2";
  case ISALevel::AVX512:
    return "avx512";
  }
  llvm_unreachable("unknown instruction set level");
}
