//===- ScheduleGPU.cpp - Choose how each launch runs on a GPU -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   et.launch "layer_norm" ...   ->   et.launch "layer_norm" schedule {chip = "sm_90a", family = "rows"} ...
//
//===----------------------------------------------------------------------===//

#include "LaunchKernels.h"

#include "et/Conversion/ETToCPU/LaunchRows.h"
#include "et/Conversion/ETToGPU/Passes.h"

#include "mlir/IR/BuiltinOps.h"

namespace mlir::et {
#define GEN_PASS_DEF_SCHEDULEGPUPASS
#include "et/Conversion/ETToGPU/Passes.h.inc"
} // namespace mlir::et

using namespace mlir;
using namespace mlir::et;

/// The family of kernels that takes a launch whose root is \p root.
static StringRef getFamily(Operation *root) {
  if (isa_and_nonnull<LinearOp>(root))
    return "linear";
  if (isa_and_nonnull<AttentionOp>(root))
    return "attention";
  return isa_and_nonnull<LayerNormOp, RmsNormOp, ChunkStatsOp, NormStatsOp, EmbeddingOp>(root) ? "rows" : "loops";
}

namespace {
struct ScheduleGPUPass final : et::impl::ScheduleGPUPassBase<ScheduleGPUPass> {
  using Base::Base;

  void runOnOperation() override {
    FailureOr<nvidia::SM> sm = nvidia::SM::get(chip);
    if (failed(sm)) {
      getOperation().emitError("expected chip to be sm_80, sm_86, sm_89, sm_90 or sm_90a, but got '") << chip << "'";
      return signalPassFailure();
    }
    Builder builder(&getContext());
    getOperation().walk([&](LaunchOp launch) {
      if (launch.getScheduleAttr())
        return;
      NamedAttrList entries;
      Operation *root = cpu::getRoot(launch);
      entries.set("chip", builder.getStringAttr(sm->chip));
      entries.set("family", builder.getStringAttr(getFamily(root)));
      // What lies in memory decides: tensor maps and wide loads need aligned addresses.
      if (isa_and_nonnull<LinearOp>(root) && launch.hasBufferOperands())
        gpu_kernels::scheduleLinear(launch, *sm, entries);
      if (isa_and_nonnull<AttentionOp>(root) && launch.hasBufferOperands())
        gpu_kernels::scheduleAttention(launch, *sm, entries);
      launch.setScheduleAttr(entries.getDictionary(&getContext()));
    });
  }
};
} // namespace
