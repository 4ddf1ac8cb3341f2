//===- Module.h - C API: compile a module that is in memory -*- C -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What Compile.h does with text, for programs that hold MLIR themselves
// (Dialect.h). The module stays as it is: a copy is compiled, in its context, to
// which the functions add the dialects that they need. No other thread may use the
// context during the call. Errors hold the diagnostics of the call, which the
// handlers of the context do not see.
//
//===----------------------------------------------------------------------===//

#ifndef ET_C_MODULE_H
#define ET_C_MODULE_H

#include "et-c/Compile.h"

#include "mlir-c/IR.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Hands the remarks of passes that run in \p context from now on to \p remarks, those of the functions below and those
/// of a pass manager of MLIR's; to nobody, where it is null. They come from any thread of the context, one at a time.
/// \p remarkContext outlives the context's use of it.
ET_CAPI_EXPORTED void etContextSetRemarkCallback(MlirContext context, EtRemarkCallback remarks, void *remarkContext);

/// Compiles \p module to a program that runs in this process, owned by the caller. \p options may be null.
ET_CAPI_EXPORTED EtError etModuleCompile(MlirModule module, const EtCompileOptions *options, EtProgram *program);

/// Compiles \p module up to \p stage, as etEmit does, and stores what et-compile would print, or the bytes of a saved
/// program, in \p output (\p outputSize bytes, destroyed with etStringDestroy).
ET_CAPI_EXPORTED EtError etModuleEmit(MlirModule module, const EtCompileOptions *options, const char *stage,
                                      char **output, size_t *outputSize);

#ifdef __cplusplus
}
#endif

#endif // ET_C_MODULE_H
