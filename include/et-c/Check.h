//===- Check.h - C API: find sizes that break a program -*- C -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Checks the sizes of a module (docs/ShapeChecking.md): which of its paths work
// for all sizes, and what breaks the others.
//
//===----------------------------------------------------------------------===//

#ifndef ET_C_CHECK_H
#define ET_C_CHECK_H

#include "et-c/Compile.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Options of etCheckShapes; etCheckOptionsInit sets the defaults.
typedef struct EtCheckOptions {
  /// Paths of a function that are followed (256).
  int64_t maxPaths;
  /// Milliseconds for a function (5000); what is asked later is undecidable.
  int64_t timeLimit;
  /// Room for options of later versions: zero, as etCheckOptionsInit leaves it.
  uint64_t reserved[6];
} EtCheckOptions;

/// Sets the defaults.
ET_CAPI_EXPORTED void etCheckOptionsInit(EtCheckOptions *options);

/// Checks each function of the module \p source (text or bytecode, \p size bytes) and stores a report in \p output, as
/// JSON (\p outputSize bytes, destroyed with etStringDestroy). \p options may be null. A program that sizes can break
/// is no error; a module that cannot be parsed is.
ET_CAPI_EXPORTED EtError etCheckShapes(const char *source, size_t size, const EtCheckOptions *options, char **output,
                                       size_t *outputSize);

#ifdef __cplusplus
}
#endif

#endif // ET_C_CHECK_H
