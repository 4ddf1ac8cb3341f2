//===- Toolbox.h - C API: the tools as functions -*- C -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Beside the functions of Compile.h and Check.h, the library of the Python package
// holds the command line tools (tools/toolbox).
//
//===----------------------------------------------------------------------===//

#ifndef ET_C_TOOLBOX_H
#define ET_C_TOOLBOX_H

#include "et-c/Tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Runs the tool whose name is the last part of the path \p argv[0] and returns its exit status; 2 for another name.
/// May be called once in a process.
ET_CAPI_EXPORTED int etToolMain(int argc, char **argv);

/// Version of the LLVM and MLIR inside.
ET_CAPI_EXPORTED const char *etToolboxLLVMVersion(void);

/// Back ends of LLVM inside, separated by commas; "all" when LLVM is a library of the machine.
ET_CAPI_EXPORTED const char *etToolboxTargets(void);

#ifdef __cplusplus
}
#endif

#endif // ET_C_TOOLBOX_H
