//===- ETBytecode.h - Versioned bytecode of the et dialect -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef ET_LIB_DIALECT_ET_IR_ETBYTECODE_H
#define ET_LIB_DIALECT_ET_IR_ETBYTECODE_H

namespace mlir::et {

class ETDialect;

/// Makes \p dialect read and write versioned bytecode.
void addBytecodeInterface(ETDialect &dialect);

} // namespace mlir::et

#endif // ET_LIB_DIALECT_ET_IR_ETBYTECODE_H
