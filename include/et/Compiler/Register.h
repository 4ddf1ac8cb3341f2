//===- Register.h - What a host needs to know of E.T. -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The two calls with which another MLIR compiler takes E.T. in: nothing but what
// E.T. needs is registered, so that the host keeps its choice of upstream
// dialects and passes. Tools that know all of upstream take InitAll.h.
//
//===----------------------------------------------------------------------===//

#ifndef ET_COMPILER_REGISTER_H
#define ET_COMPILER_REGISTER_H

namespace mlir {
class DialectRegistry;

namespace et {

/// Adds the et dialect to \p registry, and the upstream dialects, interfaces and translations that its passes and
/// pipelines need.
void registerCompilerDialects(DialectRegistry &registry);

/// Registers the passes and pipelines of E.T. for textual pipelines and command lines.
void registerCompilerPasses();

} // namespace et
} // namespace mlir

#endif // ET_COMPILER_REGISTER_H
