//===- Emit.h - What et-compile writes --------------------------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef ET_TOOLS_EMIT_H
#define ET_TOOLS_EMIT_H

#include "et/Compiler/Compiler.h"

namespace mlir::et {

class Session;

/// Compiles the module of \p session to \p kind, a stage or `bytecode`, and writes it to the file \p path (`-`:
/// stdout). Says on stderr what is wrong; no file is left behind then.
LogicalResult emitToFile(Session &session, StringRef kind, const CompileOptions &options, StringRef path);

} // namespace mlir::et

#endif // ET_TOOLS_EMIT_H
