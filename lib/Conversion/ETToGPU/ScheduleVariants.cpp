//===- ScheduleVariants.cpp - Chosen schedules of one launch ----*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ScheduleVariants.h"

#include "et/Conversion/ETToGPU/TunedSchedules.h"

#include "mlir/IR/Remarks.h"

#define DEBUG_TYPE "et-schedule-gpu"

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::gpu_kernels;

DictionaryAttr gpu_kernels::getScheduleAttr(MLIRContext *context, const llvm::json::Object &schedule) {
  Builder builder(context);
  NamedAttrList entries;
  for (const auto &[name, value] : schedule) {
    Attribute attribute;
    if (std::optional<StringRef> text = value.getAsString())
      attribute = builder.getStringAttr(*text);
    else if (std::optional<int64_t> number = value.getAsInteger())
      attribute = builder.getI64IntegerAttr(*number);
    else if (value.getAsBoolean() == true)
      attribute = builder.getUnitAttr();
    else if (const llvm::json::Array *array = value.getAsArray()) {
      SmallVector<int64_t> numbers;
      for (const llvm::json::Value &item : *array)
        if (std::optional<int64_t> number = item.getAsInteger())
          numbers.push_back(*number);
      if (numbers.size() == array->size())
        attribute = builder.getDenseI64ArrayAttr(numbers);
    }
    if (!attribute || StringRef(name) == "from")
      return nullptr;
    entries.set(StringRef(name), attribute);
  }
  return entries.getDictionary(context);
}

llvm::json::Object gpu_kernels::getScheduleJSON(DictionaryAttr schedule) {
  llvm::json::Object object;
  for (NamedAttribute entry : schedule) {
    StringRef name = entry.getName();
    if (auto text = dyn_cast<StringAttr>(entry.getValue()))
      object[name] = text.getValue().str();
    else if (auto number = dyn_cast<IntegerAttr>(entry.getValue()); number && name != "from")
      object[name] = number.getInt();
    else if (auto numbers = dyn_cast<DenseI64ArrayAttr>(entry.getValue()))
      object[name] = llvm::json::Array(numbers.asArrayRef());
    else if (isa<UnitAttr>(entry.getValue()))
      object[name] = true;
  }
  return object;
}

std::string gpu_kernels::verifyTunedTable(MLIRContext *context, const nvidia::TunedTable &table) {
  for (auto [i, entry] : llvm::enumerate(table.getEntries())) {
    bool isLinear = entry.key.operation == nvidia::TunedKey::Linear;
    DictionaryAttr schedule = getScheduleAttr(context, entry.schedule);
    if (schedule && (isLinear ? isLinearSchedule(schedule) : isAttentionSchedule(schedule)))
      continue;
    return llvm::formatv(
        "tuned table '{0}', entry {1}: expected \"schedule\" to be one of {2}, but got {3}; remove the "
        "entry, or measure again with et-bench --tune",
        table.getSource(), i, isLinear ? "a linear layer" : "an attention",
        llvm::json::Value(llvm::json::Object(entry.schedule)));
  }
  return "";
}

std::string gpu_kernels::getTunedType(Type type) { return type.isF16() ? "f16" : type.isBF16() ? "bf16" : "f32"; }

SmallVector<int64_t> ScheduleVariants::getSizes(ArrayRef<int64_t> common, std::optional<int64_t> known) {
  isKnown = known.has_value();
  if (known)
    return {*known};
  SmallVector<int64_t> sizes(common);
  for (const nvidia::TunedTable &table : context.tables)
    for (const nvidia::TunedEntry &entry : table.getEntries())
      if (entry.key == key)
        sizes.push_back(entry.size);
  llvm::sort(sizes);
  sizes.erase(llvm::unique(sizes), sizes.end());
  return sizes;
}

static std::string describeTable(const nvidia::TunedTable &table) {
  return table.getSource().empty() ? "the tuned table" : ("the tuned table '" + table.getSource() + "'").str();
}

bool ScheduleVariants::findTuned(int64_t size, llvm::function_ref<std::string(DictionaryAttr)> take) {
  origin = "the cost model";
  for (const nvidia::TunedTable &table : context.tables) {
    std::string declined;
    for (const nvidia::TunedEntry *entry : table.find(key, size)) {
      std::string reason = take(getScheduleAttr(launch.getContext(), entry->schedule));
      if (reason.empty()) {
        origin = describeTable(table);
        return true;
      }
      if (declined.empty())
        declined = reason;
    }
    // Strides, alignment or what is fused in front and behind may not allow what was measured.
    if (!declined.empty())
      remark::missed(launch.getLoc(), remark::RemarkOpts::name("TunedSchedule").category(DEBUG_TYPE))
          << remark::reason("{0} has schedules for {1} of {2} {3}, which cannot be used here: {4}",
                            describeTable(table), key.describe(), size, unit, declined);
  }
  return false;
}

void ScheduleVariants::add(int64_t size, DictionaryAttr schedule, StringRef name, const std::string &slow) {
  int64_t from = variants.empty() ? 0 : variants.back().to + 1;
  NamedAttrList entries(schedule);
  entries.erase("from");
  schedule = entries.getDictionary(launch.getContext());
  auto isSame = [](const std::optional<FewTiles> &a, const std::optional<FewTiles> &b) {
    return a.has_value() == b.has_value() && (!a || (a->schedule == b->schedule && a->tiles == b->tiles));
  };
  std::optional<FewTiles> few = std::exchange(fewTiles, std::nullopt);
  if (!variants.empty() && variants.back().schedule == schedule && isSame(variants.back().few, few)) {
    variants.back().to = size;
    if (variants.back().origin != origin)
      variants.back().origin = "the tuned table and the cost model";
    return;
  }
  variants.push_back({from, size, schedule, name.str(), origin, slow, std::move(few)});
}

std::string ScheduleVariants::describeRange(const Variant &variant, bool isLast) const {
  if (isKnown)
    return llvm::formatv("{0} {1}", variant.to, unit);
  if (!isLast)
    return llvm::formatv("up to {0} {1}", variant.to, unit);
  if (variant.from == 0)
    return llvm::formatv("any number of {0}", unit);
  return llvm::formatv("more than {0} {1}", variant.from - 1, unit);
}

ArrayAttr ScheduleVariants::finish() {
  SmallVector<Attribute> attributes;
  Builder builder(launch.getContext());
  for (size_t i = 0; i < variants.size(); ++i) {
    const auto &variant = variants[i];
    std::string range = describeRange(variant, i + 1 == variants.size());
    auto push = [&](NamedAttrList entries) {
      entries.set("from", builder.getI64IntegerAttr(variant.from));
      attributes.push_back(entries.getDictionary(launch.getContext()));
    };
    if (variant.few) {
      NamedAttrList entries(variant.few->schedule);
      entries.set("to_tiles", builder.getI64IntegerAttr(variant.few->tiles));
      push(entries);
      remark::passed(launch.getLoc(), remark::RemarkOpts::name("Schedule").category(DEBUG_TYPE))
          << remark::add("{0}: {1} for {2} in up to {3} tiles, from {4}", key.describe(), variant.few->name, range,
                         variant.few->tiles, variant.origin);
    }
    push(NamedAttrList(variant.schedule));
    remark::passed(launch.getLoc(), remark::RemarkOpts::name("Schedule").category(DEBUG_TYPE))
        << remark::add("{0}: {1} for {2}, from {3}", key.describe(), variant.name, range, variant.origin);
    if (!variant.slow.empty())
      remark::missed(launch.getLoc(), remark::RemarkOpts::name("SlowSchedule").category(DEBUG_TYPE))
          << remark::reason("{0}: {1} for {2}: {3}", key.describe(), variant.name, range, variant.slow);
  }
  return builder.getArrayAttr(attributes);
}
