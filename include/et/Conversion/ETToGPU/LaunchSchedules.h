//===- LaunchSchedules.h - Schedules that a user chooses -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What --et-schedule-gpu chooses, somebody else may: a script, a tuner, a person.
//
//===----------------------------------------------------------------------===//

#ifndef ET_CONVERSION_ETTOGPU_LAUNCHSCHEDULES_H
#define ET_CONVERSION_ETTOGPU_LAUNCHSCHEDULES_H

#include "et/Dialect/ET/IR/ET.h"

#include <string>

namespace mlir::et::gpu_kernels {

/// Whether \p schedule is one that --et-schedule-gpu made.
bool isGPUSchedule(DictionaryAttr schedule);

/// The schedule of \p launch, which has one, with \p variants in place of its own: each a dictionary of what the family
/// lets choose, and from how many rows or keys on (`from`, 0 if it is not there). Null where the launch has no kernel
/// with it, and \p reason says why.
DictionaryAttr replaceVariants(LaunchOp launch, ArrayRef<Attribute> variants, std::string &reason);

/// Up to \p count variants that \p launch, which has a schedule, has kernels with, for \p size rows or keys, the best
/// first as far as the compiler knows.
SmallVector<DictionaryAttr> listVariants(LaunchOp launch, int64_t size, unsigned count);

/// What \p variant is, for people.
std::string describeVariant(DictionaryAttr variant);

} // namespace mlir::et::gpu_kernels

#endif // ET_CONVERSION_ETTOGPU_LAUNCHSCHEDULES_H
