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
// Tuned tables come first, the user's before that of the project; then cost models.
// Remarks say for each launch what was chosen, and what keeps it from tensor cores.
//
//===----------------------------------------------------------------------===//

#include "LaunchKernels.h"
#include "ScheduleVariants.h"

#include "et/Conversion/ETToCPU/LaunchRows.h"
#include "et/Conversion/ETToGPU/Passes.h"
#include "et/Conversion/ETToGPU/TunedSchedules.h"

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
    FailureOr<nvidia::SM> sm = nvidia::SM::get(getOperation(), chip);
    if (failed(sm))
      return signalPassFailure();
    nvidia::TunedTables tables;
    if (failed(readTables(*sm, tables)))
      return signalPassFailure();
    gpu_kernels::ScheduleContext context{*sm, tables};
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
        gpu_kernels::scheduleLinear(launch, context, entries);
      if (isa_and_nonnull<AttentionOp>(root) && launch.hasBufferOperands())
        gpu_kernels::scheduleAttention(launch, context, entries);
      launch.setScheduleAttr(entries.getDictionary(&getContext()));
    });
  }

private:
  LogicalResult readTables(const nvidia::SM &sm, nvidia::TunedTables &tables) {
    for (const std::string &path : tuned) {
      llvm::Expected<nvidia::TunedTable> table = nvidia::TunedTable::read(path);
      if (!table)
        return getOperation().emitError() << llvm::toString(table.takeError());
      if (std::string reason = gpu_kernels::verifyTunedTable(&getContext(), *table); !reason.empty())
        return getOperation().emitError() << reason;
      if (table->getChip() != sm.chip)
        return getOperation().emitError("tuned table '") << path << "' holds schedules for " << table->getChip()
                                                         << ", but the module is compiled for " << sm.chip;
      tables.push_back(std::move(*table));
    }
    tables.push_back(nvidia::TunedTable::builtin(sm.chip));
    return success();
  }
};
} // namespace
