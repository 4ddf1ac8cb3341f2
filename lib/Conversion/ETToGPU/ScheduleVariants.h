//===- ScheduleVariants.h - Chosen schedules of one launch ------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A launch has several schedules, each for a range of sizes. Which sizes are asked
// for, what tuned tables have for them, and what is said of the choice is the same
// for all families of kernels.
//
//===----------------------------------------------------------------------===//

#ifndef ET_LIB_CONVERSION_ETTOGPU_SCHEDULEVARIANTS_H
#define ET_LIB_CONVERSION_ETTOGPU_SCHEDULEVARIANTS_H

#include "et/Dialect/ET/IR/ET.h"
#include "et/Target/NVIDIA/SM.h"
#include "et/Target/NVIDIA/TunedTable.h"

#include <optional>
#include <string>

namespace mlir::et::gpu_kernels {

struct AttentionSchedule;
struct LinearSchedule;

/// What schedules depend on besides the launch.
struct ScheduleContext {
  const nvidia::SM &sm;
  /// The first that has an entry counts.
  const nvidia::TunedTables &tables;
};

/// Collects the schedules of a launch, for growing sizes, and says in remarks what was chosen and why.
class ScheduleVariants {
public:
  /// \p key is what tables know the launch by; \p unit is `rows` or `keys`.
  ScheduleVariants(LaunchOp launch, const ScheduleContext &context, nvidia::TunedKey key, StringRef unit)
      : launch(launch), context(context), key(std::move(key)), unit(unit) {}

  /// The sizes to choose schedules for: \p known when the launch always has this one, else \p common and those that
  /// tables have.
  SmallVector<int64_t> getSizes(ArrayRef<int64_t> common, std::optional<int64_t> known);

  /// Offers what tables have for \p size to \p take, which returns why it cannot be used, until it takes one.
  bool findTuned(int64_t size, llvm::function_ref<std::string(DictionaryAttr)> take);

  /// Says where the schedule that is added next comes from, where it is not what findTuned() found or did not find.
  void setOrigin(StringRef name) { origin = name.str(); }

  /// Adds \p schedule, named \p name, for sizes above the last one up to \p size. \p slow says why it does without the
  /// fastest instructions of the architecture; empty when it has them.
  void add(int64_t size, DictionaryAttr schedule, StringRef name, const std::string &slow);

  /// A schedule for the same sizes as the one that is added behind it, where there are at most \p tiles tiles.
  struct FewTiles {
    DictionaryAttr schedule;
    std::string name;
    int64_t tiles = 0;
  };
  void setFewTiles(std::optional<FewTiles> few) { fewTiles = std::move(few); }

  /// The list for the launch's schedule. Emits the remarks.
  ArrayAttr finish();

private:
  struct Variant {
    int64_t from, to;
    DictionaryAttr schedule;
    std::string name, origin, slow;
    std::optional<FewTiles> few;
  };
  std::string describeRange(const Variant &variant, bool isLast) const;

  LaunchOp launch;
  const ScheduleContext &context;
  nvidia::TunedKey key;
  StringRef unit;
  bool isKnown = false;
  /// Of the schedule that is added next.
  std::string origin = "the cost model";
  std::optional<FewTiles> fewTiles;
  SmallVector<Variant> variants;
};

/// Name of \p type in tuned tables.
std::string getTunedType(Type type);

/// What tables know \p launch by, a linear layer or attention on memrefs.
nvidia::TunedKey getLinearKey(LaunchOp launch);
nvidia::TunedKey getAttentionKey(LaunchOp launch);

/// The variant that attention \p launch needs for no keys at all, where there may be rows and none, and \p variant,
/// which is from 0 keys on, cannot do without; null otherwise.
DictionaryAttr getVariantWithoutKeys(LaunchOp launch, DictionaryAttr variant);

/// The attribute for a schedule, and a name for people.
DictionaryAttr getScheduleAttr(Builder &builder, const LinearSchedule &schedule);
DictionaryAttr getScheduleAttr(Builder &builder, const AttentionSchedule &schedule);
std::string stringifyAttentionSchedule(const AttentionSchedule &schedule);

/// Whether the family has a schedule that reads like \p schedule.
bool isLinearSchedule(DictionaryAttr schedule);
bool isAttentionSchedule(DictionaryAttr schedule);

} // namespace mlir::et::gpu_kernels

#endif // ET_LIB_CONVERSION_ETTOGPU_SCHEDULEVARIANTS_H
