/*===- layout.c - The layout of public structures ------------------*- C -*-===*\
|*
|* Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
|* See LICENSE for license information.
|* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
|*
|*===----------------------------------------------------------------------===*|
|*
|* Programs that were built with an older header pass structures of its layout and
|* size, which the library fills and reads: later fields take the place of reserved
|* ones, no other field moves and no size changes. What is written down here is that
|* of the first release; it compiles or it does not. A test in Python looks that no
|* field is missing.
|*
\*===----------------------------------------------------------------------===*/

#include "et-c/Check.h"
#include "et-c/Compile.h"
#include "et-c/Dialect.h"
#include "et-c/Runtime.h"

/* C99 has no static assertion: an array of a negative size is refused. */
#define AT(type, field, offset) typedef char type##_##field[offsetof(type, field) == (offset) ? 1 : -1]
#define SIZE(type, size) typedef char sizeof_##type[sizeof(type) == (size) ? 1 : -1]
#define VALUE(name, value) typedef char name##_value[(name) == (value) ? 1 : -1]

AT(EtTensor, data, 0);
AT(EtTensor, elementType, 8);
AT(EtTensor, shape, 16);
AT(EtTensor, rank, 24);
SIZE(EtTensor, 32);

AT(EtResource, name, 0);
AT(EtResource, data, 8);
AT(EtResource, size, 16);
SIZE(EtResource, 24);

AT(EtCompileOptions, isa, 0);
AT(EtCompileOptions, entry, 8);
AT(EtCompileOptions, threads, 16);
AT(EtCompileOptions, allowNonFinite, 20);
AT(EtCompileOptions, target, 24);
AT(EtCompileOptions, foldNorms, 32);
AT(EtCompileOptions, partialAttentionFrom, 40);
AT(EtCompileOptions, tuned, 48);
AT(EtCompileOptions, numTuned, 56);
AT(EtCompileOptions, expectedRows, 64);
AT(EtCompileOptions, transformLibrary, 72);
AT(EtCompileOptions, reserved, 80);
SIZE(EtCompileOptions, 128);

AT(EtCheckOptions, maxPaths, 0);
AT(EtCheckOptions, timeLimit, 8);
AT(EtCheckOptions, reserved, 16);
SIZE(EtCheckOptions, 64);

AT(EtExecutableOptions, maxShapes, 0);
AT(EtExecutableOptions, useGraphs, 8);
AT(EtExecutableOptions, mapWeights, 12);
AT(EtExecutableOptions, reserved, 16);
SIZE(EtExecutableOptions, 64);

AT(EtExecutableStatistics, runs, 0);
AT(EtExecutableStatistics, plansResolved, 8);
AT(EtExecutableStatistics, graphsMade, 16);
AT(EtExecutableStatistics, graphReplays, 24);
AT(EtExecutableStatistics, launchesUpdated, 32);
AT(EtExecutableStatistics, shapesKept, 40);
AT(EtExecutableStatistics, arenaBytes, 48);
AT(EtExecutableStatistics, weightBytes, 56);
AT(EtExecutableStatistics, reserved, 64);
SIZE(EtExecutableStatistics, 128);

AT(EtHostLaunchInfo, grid, 0);
AT(EtHostLaunchInfo, threads, 12);
AT(EtHostLaunchInfo, sharedBytes, 16);
AT(EtHostLaunchInfo, clusterSize, 20);
AT(EtHostLaunchInfo, name, 24);
SIZE(EtHostLaunchInfo, 32);

AT(EtHostKernel, symbol, 0);
AT(EtHostKernel, function, 8);
SIZE(EtHostKernel, 16);

VALUE(ET_F16, 0);
VALUE(ET_BF16, 1);
VALUE(ET_F32, 2);
VALUE(ET_F64, 3);
VALUE(ET_BOOL, 4);
VALUE(ET_I8, 5);
VALUE(ET_I16, 6);
VALUE(ET_I32, 7);
VALUE(ET_I64, 8);
VALUE(ET_CPU, 0);
VALUE(ET_CUDA, 1);
VALUE(ET_MASK_NONE, 0);
VALUE(ET_MASK_CAUSAL, 1);
VALUE(ET_MASK_WINDOW, 2);
VALUE(ET_PADDING_RIGHT, 0);
VALUE(ET_PADDING_LEFT, 1);
VALUE(ET_GELU_ERF, 0);
VALUE(ET_GELU_TANH, 1);
VALUE(ET_GELU_SIGMOID, 2);

int main(void) { return 0; }
