//===- ET.h - The et dialect ------------------------------------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Dialect, attributes and ops of `et`. docs/reference/ETDialect.md describes
// each of them.
//
//===----------------------------------------------------------------------===//

#ifndef ET_DIALECT_ET_IR_ET_H
#define ET_DIALECT_ET_IR_ET_H

#include "et/Dialect/ET/IR/Strips.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/IR/TensorEncoding.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Interfaces/TilingInterface.h"

#include "et/Dialect/ET/IR/ETDialect.h.inc"
#include "et/Dialect/ET/IR/ETEnums.h.inc"

#define GET_ATTRDEF_CLASSES
#include "et/Dialect/ET/IR/ETAttrs.h.inc"

#define GET_TYPEDEF_CLASSES
#include "et/Dialect/ET/IR/ETTypes.h.inc"

#define GET_OP_CLASSES
#include "et/Dialect/ET/IR/ETOps.h.inc"

#endif // ET_DIALECT_ET_IR_ET_H
