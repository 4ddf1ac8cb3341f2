//===- ETTypes.cpp - Types of the et dialect --------------------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "et/Dialect/ET/IR/ET.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::et;

#define GET_TYPEDEF_CLASSES
#include "et/Dialect/ET/IR/ETTypes.cpp.inc"

void ETDialect::registerTypes() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "et/Dialect/ET/IR/ETTypes.cpp.inc"
      >();
}
