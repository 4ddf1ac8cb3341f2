//===- LaunchSchedules.cpp - Schedules that a user chooses -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Whether there is a kernel is found by building it: the only answer that cannot
// differ from what lowering says.
//
//===----------------------------------------------------------------------===//

#include "et/Conversion/ETToGPU/LaunchSchedules.h"

#include "LaunchKernels.h"
#include "ScheduleVariants.h"

#include "et/Conversion/ETToCPU/LaunchRows.h"
#include "et/Conversion/ETToGPU/TunedSchedules.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::gpu_kernels;

bool gpu_kernels::isGPUSchedule(DictionaryAttr schedule) { return schedule.getAs<StringAttr>("chip") != nullptr; }

/// Why \p launch has no kernels with \p schedule; empty when it has.
static std::string whyNoKernels(LaunchOp launch, DictionaryAttr schedule, const nvidia::SM &sm) {
  std::string reason;
  ScopedDiagnosticHandler handler(launch.getContext(), [&](Diagnostic &diagnostic) {
    if (diagnostic.getSeverity() == DiagnosticSeverity::Error && reason.empty())
      reason = diagnostic.str();
    return success();
  });
  OpBuilder builder(launch.getContext());
  OwningOpRef<gpu::GPUModuleOp> scratch = gpu::GPUModuleOp::create(builder, launch.getLoc(), "scratch");
  builder.setInsertionPointToEnd(scratch->getBody());
  DictionaryAttr before = launch.getScheduleAttr();
  launch.setScheduleAttr(schedule);
  bool isBuilt = succeeded(buildKernels(builder, launch, "kernel", sm));
  launch.setScheduleAttr(before);
  if (isBuilt)
    return "";
  // The op is named by the caller.
  StringRef text(reason);
  text.consume_front("'et.launch' op ");
  return text.empty() ? "has no GPU kernel" : text.str();
}

/// What keeps \p variant from being one of \p root, but for what its kernel says; empty when nothing does.
static std::string whyNoVariant(Operation *root, DictionaryAttr variant) {
  bool isLinear = isa<LinearOp>(root);
  if (!(isLinear ? isLinearSchedule(variant) : isAttentionSchedule(variant))) {
    if (isLinear)
      return "expected a schedule of a linear layer: kind (wgmma, overlap, sparse, sparse_mma, mma or simt) and, but "
             "for "
             "simt, tile (rows, outputs and inputs) and stages";
    return "expected a schedule of attention: kind (wgmma, wgmma_ping_pong, mma, simt or partial), key_block, "
           "exact_blocks, warpgroups, stages and blocks_per_sm";
  }
  static constexpr StringRef linear[] = {"kind",       "from",    "tile",      "stages",    "split_k",
                                         "persistent", "cluster", "exclusive", "exact_sums"};
  static constexpr StringRef attention[] = {"kind",   "from",          "key_block",    "exact_blocks", "warpgroups",
                                            "stages", "blocks_per_sm", "value_splits", "to_tiles"};
  ArrayRef<StringRef> known = isLinear ? ArrayRef(linear) : ArrayRef(attention);
  for (NamedAttribute entry : variant) {
    StringRef name = entry.getName().getValue();
    if (!llvm::is_contained(known, name))
      return ("expected no '" + name + "'; a schedule of " + (isLinear ? "a linear layer" : "attention") + " has " +
              llvm::join(known, ", "))
          .str();
    bool isFlag = llvm::is_contained({"persistent", "exclusive", "exact_sums"}, name);
    // Those two are looked at by the parser.
    bool isRight = name == "kind" || name == "tile" ||
                   (isFlag ? isa<UnitAttr>(entry.getValue()) : isa<IntegerAttr>(entry.getValue()));
    if (!isRight)
      return ("expected '" + name + "' to be " + (isFlag ? "there or not, without a value" : "a number")).str();
  }
  return "";
}

DictionaryAttr gpu_kernels::replaceVariants(LaunchOp launch, ArrayRef<Attribute> variants, std::string &reason) {
  DictionaryAttr schedule = launch.getScheduleAttr();
  Operation *root = cpu::getRoot(launch);
  if (!isa_and_nonnull<LinearOp, AttentionOp>(root) || !schedule.contains("variants")) {
    reason = "expected a linear layer or attention with a kernel family of its own: others have nothing to choose";
    return nullptr;
  }
  FailureOr<nvidia::SM> sm = nvidia::SM::get(schedule.getAs<StringAttr>("chip").getValue());
  if (failed(sm)) {
    reason = "expected the launch to have a schedule for a known architecture";
    return nullptr;
  }
  Builder builder(launch.getContext());
  SmallVector<Attribute> complete;
  for (Attribute attribute : variants) {
    auto variant = dyn_cast<DictionaryAttr>(attribute);
    reason = variant ? whyNoVariant(root, variant) : "expected a dictionary";
    if (!reason.empty()) {
      llvm::raw_string_ostream(reason) << ", but got " << attribute;
      return nullptr;
    }
    NamedAttrList entries(variant);
    if (!entries.get("from"))
      entries.set("from", builder.getI64IntegerAttr(0));
    complete.push_back(entries.getDictionary(launch.getContext()));
  }
  if (complete.empty() || cast<DictionaryAttr>(complete.front()).getAs<IntegerAttr>("from").getInt() != 0) {
    reason = "expected the first variant to be from 0 on, so that every size has one";
    return nullptr;
  }
  if (isa<AttentionOp>(root)) {
    auto first = cast<DictionaryAttr>(complete.front());
    if (DictionaryAttr without = getVariantWithoutKeys(launch, first)) {
      for (Attribute &variant : complete) {
        NamedAttrList later(cast<DictionaryAttr>(variant));
        if (cast<IntegerAttr>(later.get("from")).getInt() == 0)
          later.set("from", builder.getI64IntegerAttr(1));
        variant = later.getDictionary(launch.getContext());
      }
      complete.insert(complete.begin(), without);
    }
  }
  NamedAttrList entries(schedule);
  entries.set("variants", builder.getArrayAttr(complete));
  DictionaryAttr replaced = entries.getDictionary(launch.getContext());
  reason = whyNoKernels(launch, replaced, *sm);
  return reason.empty() ? replaced : nullptr;
}

SmallVector<DictionaryAttr> gpu_kernels::listVariants(LaunchOp launch, int64_t size, unsigned count) {
  SmallVector<DictionaryAttr> listed;
  DictionaryAttr schedule = launch.getScheduleAttr();
  Operation *root = cpu::getRoot(launch);
  FailureOr<nvidia::SM> sm = nvidia::SM::get(schedule.getAs<StringAttr>("chip").getValue());
  auto variants = schedule.getAs<ArrayAttr>("variants");
  if (!isa_and_nonnull<LinearOp, AttentionOp>(root) || failed(sm) || !variants)
    return listed;
  auto add = [&](DictionaryAttr variant) {
    NamedAttrList entries(variant);
    entries.erase("from");
    entries.erase("to_tiles");
    variant = entries.getDictionary(launch.getContext());
    std::string reason;
    if (listed.size() < count && !llvm::is_contained(listed, variant) && replaceVariants(launch, variant, reason))
      listed.push_back(variant);
  };
  // What it has for this size comes first: a table has measured it, or the cost model put it there.
  DictionaryAttr chosen;
  for (Attribute variant : variants)
    if (cast<DictionaryAttr>(variant).getAs<IntegerAttr>("from").getInt() <= size)
      chosen = cast<DictionaryAttr>(variant);
  if (chosen)
    add(chosen);
  nvidia::TunedKey key = isa<LinearOp>(root) ? getLinearKey(launch) : getAttentionKey(launch);
  // Some of those may not be for this launch; a few more make up for them.
  for (DictionaryAttr variant : listCandidates(launch.getContext(), key, size, *sm, 2 * count + 8))
    add(variant);
  return listed;
}

std::string gpu_kernels::describeVariant(DictionaryAttr variant) {
  NamedAttrList entries(variant);
  Attribute kind = entries.erase("kind");
  entries.erase("from");
  std::string text = kind ? cast<StringAttr>(kind).str() : "";
  llvm::raw_string_ostream os(text);
  for (NamedAttribute entry : entries) {
    os << ' ' << entry.getName().getValue();
    if (auto sizes = dyn_cast<DenseI64ArrayAttr>(entry.getValue()))
      llvm::interleave(sizes.asArrayRef(), os << ' ', "x");
    else if (auto number = dyn_cast<IntegerAttr>(entry.getValue()))
      os << ' ' << number.getInt();
  }
  return text;
}
