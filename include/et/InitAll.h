//===- InitAll.h - Register everything E.T.'s tools know --------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One entry for every tool that takes any dialect and any pass. The headers
// behind it (MLIR's InitAll*.h) are the costliest to compile, so they are
// included in lib/InitAll.cpp and nowhere else.
//
//===----------------------------------------------------------------------===//

#ifndef ET_INITALL_H
#define ET_INITALL_H

namespace mlir {
class DialectRegistry;

namespace et {

/// Adds the et dialect and every upstream dialect, extension and translation to \p registry.
void registerAllDialects(DialectRegistry &registry);

/// Registers the passes and pipelines of E.T. and of upstream MLIR for textual pipelines and command lines.
void registerAllPasses();

} // namespace et
} // namespace mlir

#endif // ET_INITALL_H
