//===- Session.h - A module read by a command line tool ---------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef ET_TOOLS_SESSION_H
#define ET_TOOLS_SESSION_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Support/LLVM.h"
#include "llvm/Support/SourceMgr.h"

#include <memory>
#include <string>

namespace llvm {
class MemoryBuffer;
} // namespace llvm

namespace mlir {
class PassManager;
class SourceMgrDiagnosticHandler;
} // namespace mlir

namespace mlir::et {

/// A context that prints diagnostics to stderr, and the module it read.
class Session {
public:
  /// Prints remarks of passes to stderr if \p remarks.
  explicit Session(bool remarks);
  ~Session();

  /// Reads the module, text or bytecode, in the file \p path (`-`: stdin), and the data of its resources from the
  /// safetensors file \p weightsPath unless that is empty. Says on stderr what is wrong.
  LogicalResult read(StringRef path, StringRef weightsPath);

  ModuleOp getModule() { return *module; }
  /// Prints `error: <message>` to stderr.
  LogicalResult error(const Twine &message);

private:
  // Destroyed last: locations and resources refer to them.
  llvm::SourceMgr sources;
  std::unique_ptr<llvm::MemoryBuffer> weights;
  MLIRContext context;
  std::unique_ptr<SourceMgrDiagnosticHandler> handler;
  OwningOpRef<ModuleOp> module;
};

/// Registers MLIR's options of pass managers, printing and timing (`--mlir-print-ir-after`, `--mlir-timing`, ...).
void registerCommonOptions();
/// Applies them to \p pm.
LogicalResult applyCommonOptions(PassManager &pm);

} // namespace mlir::et

#endif // ET_TOOLS_SESSION_H
