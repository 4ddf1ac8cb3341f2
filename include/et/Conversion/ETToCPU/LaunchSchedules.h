//===- LaunchSchedules.h - Schedules that a user chooses -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What --et-schedule-cpu chooses, somebody else may, within what the packed weight
// of a launch allows.
//
//===----------------------------------------------------------------------===//

#ifndef ET_CONVERSION_ETTOCPU_LAUNCHSCHEDULES_H
#define ET_CONVERSION_ETTOCPU_LAUNCHSCHEDULES_H

#include "et/Dialect/ET/IR/ET.h"

#include <string>

namespace mlir::et::cpu {

/// The schedule of \p launch, which has one for a CPU, with the entries of \p changes in place of its own: `mr`, `kc`
/// and `mc` of a linear layer (LinearTiling). Null where there is no kernel with them, and \p reason says why.
DictionaryAttr changeSchedule(LaunchOp launch, DictionaryAttr changes, std::string &reason);

} // namespace mlir::et::cpu

#endif // ET_CONVERSION_ETTOCPU_LAUNCHSCHEDULES_H
