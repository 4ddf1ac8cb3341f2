//===- Weights.h - The weights section of a program -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef ET_COMPILER_WEIGHTS_H
#define ET_COMPILER_WEIGHTS_H

#include "et/Runtime/HostMemory.h"

#include "mlir/Support/LLVM.h"

namespace mlir {
class ModuleOp;
}

namespace mlir::et {

/// Bytes of a program's weights.
using WeightsSection = runtime::HostMemory;

/// Options of buildWeights.
struct WeightsOptions {
  /// Take weights of linear layers that are infinite or not a number.
  bool allowNonFinite = false;
  /// Threads that pack.
  unsigned threads = 1;
};

/// Writes every et.weight of \p module, a planned module, to a new section, packed as its type says. Emits an error on
/// the weight when it has no data, or holds values that are not finite.
FailureOr<WeightsSection> buildWeights(ModuleOp module, const WeightsOptions &options = {});

} // namespace mlir::et

#endif // ET_COMPILER_WEIGHTS_H
