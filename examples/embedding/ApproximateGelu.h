//===- ApproximateGelu.h - A pass of another project -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef APPROXIMATEGELU_H
#define APPROXIMATEGELU_H

#include "mlir/Pass/Pass.h"

/// A pass that replaces the exact form of GELU (erf) with the one of tanh.
std::unique_ptr<mlir::Pass> createApproximateGeluPass();

#endif // APPROXIMATEGELU_H
