//===- SM.cpp - What each NVIDIA architecture can do -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "et/Target/NVIDIA/SM.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Operation.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace mlir::et::nvidia;

static constexpr int64_t KiB = 1024;

/// Compute capability, shared memory per block and per SM, threads per SM, SMs of A100, A40, L40 and H100/H200.
static SM makeSM(StringRef chip, unsigned version, int64_t block, int64_t sm, int64_t threads, int64_t count) {
  SM result;
  result.chip = chip;
  result.version = version;
  result.sharedPerBlock = block * KiB;
  result.sharedPerSM = sm * KiB;
  result.threadsPerSM = threads;
  result.numSMs = count;
  result.hasTMA = result.hasClusters = result.hasProgrammaticLaunch = version >= 90;
  result.hasWgmma = chip.ends_with("a");
  return result;
}

ArrayRef<SM> SM::all() {
  static const SM table[] = {makeSM("sm_80", 80, 163, 164, 2048, 108), makeSM("sm_86", 86, 99, 100, 1536, 84),
                             makeSM("sm_89", 89, 99, 100, 1536, 142), makeSM("sm_90", 90, 227, 228, 2048, 132),
                             makeSM("sm_90a", 90, 227, 228, 2048, 132)};
  return table;
}

FailureOr<SM> SM::get(StringRef chip) {
  const SM *found = llvm::find_if(all(), [&](const SM &sm) { return sm.chip == chip; });
  if (found == all().end())
    return failure();
  return *found;
}

FailureOr<SM> SM::get(Operation *op, StringRef chip) {
  FailureOr<SM> sm = get(chip);
  if (failed(sm))
    op->emitError("expected chip to be sm_80, sm_86, sm_89, sm_90 or sm_90a, but got '") << chip << "'";
  return sm;
}
