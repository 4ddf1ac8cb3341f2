//===- Emit.cpp - What et-compile writes ------------------------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "et/Tools/Emit.h"

#include "et/Tools/Session.h"

#include "mlir/Bytecode/BytecodeWriter.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/ToolOutputFile.h"

using namespace mlir;
using namespace mlir::et;

LogicalResult et::emitToFile(Session &session, StringRef kind, const CompileOptions &options, StringRef path) {
  bool bytecode = kind == "bytecode";
  FailureOr<Stage> stage = bytecode ? Stage::ET : parseStage(kind);
  if (failed(stage))
    return session.error("expected --emit to be bytecode, et, planned, llvm, llvm-ir, asm, obj, gpu, ptx, cubin or "
                         "program, but got '" +
                         kind + "'");
  std::error_code code;
  llvm::ToolOutputFile file(path, code, llvm::sys::fs::OF_None);
  if (code)
    return session.error("cannot write '" + path + "': " + code.message());
  if ((bytecode || !isText(*stage)) && file.os().is_displayed())
    return session.error("--emit=" + kind + " is not written to a terminal; name a file with -o");
  if (bytecode) {
    if (failed(writeBytecodeToFile(session.getModule(), file.os())))
      return failure();
  } else if (failed(emitStage(session.getModule(), *stage, options, file.os()))) {
    return failure();
  }
  file.os().flush();
  if (file.os().has_error()) {
    code = file.os().error();
    file.os().clear_error();
    return session.error("cannot write '" + path + "': " + code.message());
  }
  file.keep();
  return success();
}
