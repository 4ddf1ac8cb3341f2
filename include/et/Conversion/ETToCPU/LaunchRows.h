//===- LaunchRows.h - What launches compute, and rows in memory -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Two questions that every target asks of a launch.
//
//===----------------------------------------------------------------------===//

#ifndef ET_CONVERSION_ETTOCPU_LAUNCHROWS_H
#define ET_CONVERSION_ETTOCPU_LAUNCHROWS_H

#include "et/Dialect/ET/IR/ET.h"

namespace mlir::et::cpu {

/// The first op of the region of \p launch that computes (not a constant or a size).
Operation *getRoot(LaunchOp launch);

/// Whether all dimensions of \p memref but the last can be walked as one, with one stride: that of the last but one.
bool hasEvenRows(Value memref);

} // namespace mlir::et::cpu

#endif // ET_CONVERSION_ETTOCPU_LAUNCHROWS_H
