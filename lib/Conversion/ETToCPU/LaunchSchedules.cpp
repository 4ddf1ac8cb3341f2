//===- LaunchSchedules.cpp - Schedules that a user chooses -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "et/Conversion/ETToCPU/LaunchSchedules.h"

#include "et/Conversion/ETToCPU/ISA.h"
#include "et/Conversion/ETToCPU/LaunchRows.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::et;

DictionaryAttr cpu::changeSchedule(LaunchOp launch, DictionaryAttr changes, std::string &reason) {
  DictionaryAttr schedule = launch.getScheduleAttr();
  auto linear = dyn_cast_or_null<LinearOp>(getRoot(launch));
  auto isaName = schedule.getAs<StringAttr>("isa");
  FailureOr<ISALevel> level = isaName ? ISA::parse(isaName.getValue()) : FailureOr<ISALevel>();
  if (!linear || !schedule.contains("mr") || failed(level)) {
    reason = "expected a linear layer: on a CPU others have nothing to choose";
    return nullptr;
  }
  NamedAttrList entries(schedule);
  Builder builder(launch.getContext());
  for (NamedAttribute entry : changes) {
    StringRef name = entry.getName().getValue();
    auto value = dyn_cast<IntegerAttr>(entry.getValue());
    bool isSame = entries.get(name) == entry.getValue();
    if (!isSame && name == "nr") {
      reason = "expected 'nr' to stay, as the weight is packed in panels of that many outputs";
      return nullptr;
    }
    if (!isSame && !llvm::is_contained({"mr", "kc", "mc"}, name)) {
      reason = llvm::formatv("expected no '{0}'; a linear layer on a CPU has mr, kc and mc to choose", name);
      return nullptr;
    }
    if (!isSame && (!value || value.getInt() < 1 || value.getInt() > (int64_t(1) << 30))) {
      reason = llvm::formatv("expected '{0}' to be a positive number", name);
      llvm::raw_string_ostream(reason) << ", but got " << entry.getValue();
      return nullptr;
    }
    entries.set(name, isSame ? entry.getValue() : Attribute(builder.getI64IntegerAttr(value.getInt())));
  }
  DictionaryAttr changed = entries.getDictionary(launch.getContext());
  auto get = [&](StringRef name) { return changed.getAs<IntegerAttr>(name).getInt(); };
  // Sums that do not fit in registers go through memory with each step of K.
  ISA isa = ISA::get(*level);
  int64_t sums = get("mr") * (get("nr") / (isa.vectorBits / 32));
  if (sums >= isa.numVectorRegs) {
    reason =
        llvm::formatv("expected 'mr' to leave its sums in registers, but {0} rows of {1} outputs take {2} of the {3} "
                      "vector registers of {4}",
                      get("mr"), get("nr"), sums, isa.numVectorRegs, isaName.getValue());
    return nullptr;
  }
  if (get("kc") < linear.getNumInputs() && isa_and_nonnull<TileAttr>(linear.getWeight().getType().getEncoding())) {
    reason = "expected 'kc' to be all inputs, as a sparse weight keeps few of them";
    return nullptr;
  }
  return changed;
}
