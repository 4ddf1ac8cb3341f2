//===- ISA.h - x86 instruction set levels of the CPU kernels -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The CPU kernels are generated for one of three instruction set levels, which
// is chosen when a program is compiled. A level fixes the vector width, the
// number of vector registers and the LLVM target the code is generated for.
//
//===----------------------------------------------------------------------===//

#ifndef ET_CONVERSION_ETTOCPU_ISA_H
#define ET_CONVERSION_ETTOCPU_ISA_H

#include "mlir/IR/Types.h"
#include "mlir/Support/LLVM.h"
#include "llvm/ADT/StringRef.h"

namespace mlir::et::cpu {

/// An instruction set level. The order is meaningful: a host that runs a level
/// runs every smaller one.
enum class ISALevel {
  /// x86-64 with SSE2: 128-bit vectors, no FMA, no half precision conversions.
  Baseline,
  /// AVX2, FMA and F16C: 256-bit vectors, 16 registers.
  AVX2,
  /// AVX-512 F, BW, DQ, VL, CD: 512-bit vectors, 32 registers.
  AVX512
};

/// What a kernel builder has to know about an instruction set level.
struct ISA {
  ISALevel level = ISALevel::Baseline;
  /// Size of a vector register in bits.
  unsigned vectorBits = 128;
  /// Number of architectural vector registers.
  unsigned numVectorRegs = 16;
  /// Whether there is a fused multiply-add. Without it `math.fma` would become
  /// a library call, and kernels multiply and add instead.
  bool fma = false;
  /// Whether there are conversion instructions between f16 and f32.
  bool f16c = false;

  /// Returns the number of elements of type \p elt in one vector register.
  unsigned vectorLanes(Type elt) const;

  /// Returns the LLVM CPU name to generate code for.
  llvm::StringRef targetCPU() const;

  /// Returns the LLVM feature string to add to targetCPU().
  llvm::StringRef targetFeatures() const;

  /// Returns the properties of \p level.
  static ISA get(ISALevel level);

  /// Returns the highest level this machine and its operating system run.
  static ISALevel host();

  /// Parses "baseline", "avx2", "avx512" or "native" (the host's level).
  static FailureOr<ISALevel> parse(llvm::StringRef name);
};

/// Returns the name that ISA::parse() understands.
llvm::StringRef stringifyISALevel(ISALevel level);

} // namespace mlir::et::cpu

#endif // ET_CONVERSION_ETTOCPU_ISA_H
