//===- TunedSchedules.h - Schedules of tuned tables -------------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Schedules are attributes of launches, and objects in tuned tables: the same
// members, without the size that a variant begins at.
//
//===----------------------------------------------------------------------===//

#ifndef ET_CONVERSION_ETTOGPU_TUNEDSCHEDULES_H
#define ET_CONVERSION_ETTOGPU_TUNEDSCHEDULES_H

#include "et/Target/NVIDIA/SM.h"
#include "et/Target/NVIDIA/TunedTable.h"

#include "mlir/IR/BuiltinAttributes.h"

#include <string>

namespace mlir::et::gpu_kernels {

/// The attribute for \p schedule; null when it has a member that schedules cannot have.
DictionaryAttr getScheduleAttr(MLIRContext *context, const llvm::json::Object &schedule);
llvm::json::Object getScheduleJSON(DictionaryAttr schedule);

/// Schedules to measure for \p key and \p size rows or keys, in the form of getScheduleAttr: those that a cost
/// model or experience finds most promising, at most \p count.
SmallVector<DictionaryAttr> listCandidates(MLIRContext *context, const nvidia::TunedKey &key, int64_t size,
                                           const nvidia::SM &sm, unsigned count);

/// What is wrong with the schedules of \p table; empty when nothing is. The message names its source and the entry.
std::string verifyTunedTable(MLIRContext *context, const nvidia::TunedTable &table);

} // namespace mlir::et::gpu_kernels

#endif // ET_CONVERSION_ETTOGPU_TUNEDSCHEDULES_H
