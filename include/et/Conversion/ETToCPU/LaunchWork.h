//===- LaunchWork.h - What a launch moves and computes at least -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef ET_CONVERSION_ETTOCPU_LAUNCHWORK_H
#define ET_CONVERSION_ETTOCPU_LAUNCHWORK_H

#include "et/Dialect/ET/IR/ET.h"

#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace mlir::et::cpu {

/// Emits et.work: what \p launch (on memrefs) moves and computes at least, on any target.
void emitLaunchWork(ImplicitLocOpBuilder &b, LaunchOp launch);

} // namespace mlir::et::cpu

#endif // ET_CONVERSION_ETTOCPU_LAUNCHWORK_H
