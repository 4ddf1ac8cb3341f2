//===- ToolMain.h - What the main of every tool does first ------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Start-up that the tools share: crash handling, --version, and the defaults in
// which E.T.'s tools differ from upstream's.
//
//===----------------------------------------------------------------------===//

#ifndef ET_SUPPORT_TOOLMAIN_H
#define ET_SUPPORT_TOOLMAIN_H

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/InitLLVM.h"

namespace llvm::cl {
class OptionCategory;
} // namespace llvm::cl

namespace mlir::et {

/// Construct first in a tool's main, and hand argc() and argv() on in place of main's own.
///
/// Sets up LLVM's crash handlers, makes `--version` print the versions of E.T. and LLVM, and in a build with assertions
/// adds `--et-debug-only=` (libLLVM is built without `--debug-only`). libLLVM registers over a thousand options of its
/// code generators at load time; they still work, but only `--help-hidden` lists them. A tool that defines options at
/// namespace scope puts them in one category and passes it as \p category, which keeps them in `--help`.
class ToolMain {
public:
  ToolMain(int argc, char **argv, const llvm::cl::OptionCategory *category = nullptr);

  /// Passes `--name=value` unless the user already gave `--name`; for defaults that differ from upstream's.
  void setDefault(llvm::StringRef name, llvm::StringRef value);

  /// Whether the user gave an option whose name starts with \p prefix.
  bool hasOption(llvm::StringRef prefix) const;

  int argc() { return static_cast<int>(args.size()) - 1; }
  char **argv() { return args.data(); }

private:
  llvm::InitLLVM init;
  /// The command line, terminated by a null pointer as main's is.
  llvm::SmallVector<char *> args;
};

} // namespace mlir::et

#endif // ET_SUPPORT_TOOLMAIN_H
