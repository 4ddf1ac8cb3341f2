/*===- runtime.c - The runtime's C API as a C program uses it ------*- C -*-===*\
|*
|* Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
|* See LICENSE for license information.
|* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
|*
|*===----------------------------------------------------------------------===*|
|*
|* Loads the sample program (unittests/Runtime/SampleProgram.h), runs it with
|* kernels of its own, and gets every kind of error; runs a program on the CPU.
|* C99; takes the two programs.
|*
\*===----------------------------------------------------------------------===*/

#include "check.h"

#include "et-c/Runtime.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The error must be there and say `text`. */
static void expectError(EtRuntimeError error, const char *text) {
  CHECK(error != NULL);
  if (!strstr(etRuntimeErrorGetMessage(error), text)) {
    fprintf(stderr, "expected an error with '%s', but got '%s'\n", text, etRuntimeErrorGetMessage(error));
    exit(1);
  }
  etRuntimeErrorDestroy(error);
}

static void expectSuccess(EtRuntimeError error) {
  if (error) {
    fprintf(stderr, "expected success, but got '%s'\n", etRuntimeErrorGetMessage(error));
    exit(1);
  }
}

static int numLaunches = 0;

static void runDouble(void **arguments, const EtHostLaunchInfo *info) {
  const float *x = *(const float **)arguments[0];
  float *y = *(float **)arguments[1];
  int32_t rows = *(int32_t *)arguments[2], i;
  CHECK(info->grid[0] == (uint32_t)(rows + 3) / 4 && info->threads == 128 && strcmp(info->name, "double") == 0);
  for (i = 0; i < rows * 8; ++i)
    y[i] = *(float *)arguments[3] * x[i];
  ++numLaunches;
}

static void runAdd(void **arguments, const EtHostLaunchInfo *info) {
  /* The address comes first in a tensor map on the host. */
  const float *x = *(const float **)arguments[0], *w = *(const float **)arguments[1];
  float *y = *(float **)arguments[2];
  uint32_t i;
  for (i = 0; i < info->grid[0] * 8; ++i)
    y[i] = x[i] + w[i % 8];
  ++numLaunches;
}

/* A layer that compile.c left: y = x w', w being the numbers from 1 to 6. */
static void testCPU(const char *path, int isMapped) {
  EtSavedProgram program = NULL;
  EtDevice device = NULL;
  EtExecutable executable = NULL;
  EtExecutableOptions options;
  EtExecutableStatistics statistics;
  const float x[2][2] = {{1, 2}, {3, -1}};
  float y[2][3];
  const int64_t xShape[] = {2, 2}, yShape[] = {2, 3};
  EtTensor input, output;
  int i, j;

  expectSuccess(etSavedProgramLoad(path, 1, &program));
  CHECK(etSavedProgramGetNumPlans(program) == 1 && etSavedProgramGetPlanDevice(program, 0) == ET_CPU);
  CHECK(strcmp(etSavedProgramGetPlanTarget(program, 0), "x86-64") == 0);
  expectSuccess(etDeviceCreateCPU(0, &device));
  CHECK(strstr(etDeviceGetDescription(device), "the CPU (x86-64") != NULL);
  etDeviceDestroy(device);
  expectSuccess(etDeviceCreateCPU(1, &device));
  CHECK(strstr(etDeviceGetDescription(device), ", 1 thread)") != NULL);
  CHECK(strcmp(etDeviceGetNotice(device), "") == 0);
  etExecutableOptionsInit(&options);
  CHECK(options.mapWeights == 0);
  options.mapWeights = isMapped;
  expectSuccess(etExecutableCreate(program, device, &options, &executable));
  etSavedProgramDestroy(program);
  etDeviceDestroy(device);
  input.data = (void *)x;
  input.elementType = ET_F32;
  input.shape = xShape;
  input.rank = 2;
  output = input;
  output.data = y;
  output.shape = yShape;
  expectSuccess(etExecutableRun(executable, &input, 1, &output, 1, NULL));
  for (i = 0; i < 2; ++i)
    for (j = 0; j < 3; ++j)
      CHECK(y[i][j] == x[i][0] * (float)(2 * j + 1) + x[i][1] * (float)(2 * j + 2));
  etExecutableGetStatistics(executable, &statistics);
  CHECK(statistics.runs == 1 && statistics.graphReplays == 0);
  CHECK(statistics.weightBytes == (isMapped ? 0u : 1024u));
  etExecutableDestroy(executable);
}

int main(int argc, char **argv) {
  EtSavedProgram program = NULL;
  EtDevice device = NULL;
  EtExecutable executable = NULL;
  EtStream stream = NULL;
  EtExecutableOptions options;
  EtExecutableStatistics statistics;
  EtHostKernel kernels[] = {{"double", runDouble}, {"add", runAdd}};
  int64_t shape[] = {5, 8}, sizes[2] = {0, 0};
  EtTensor x, y, wrong;
  void *xData = NULL, *yData = NULL;
  float values[40];
  int i, run;

  CHECK(argc == 3);
  CHECK(strlen(etRuntimeVersion()) > 0);

  expectError(etSavedProgramLoad("/nowhere/model.etp", 1, &program), "cannot open '/nowhere/model.etp'");
  expectError(etSavedProgramLoadMemory("not a program", 13, 1, &program), "it lacks the identifier ETP1");
  CHECK(program == NULL);
  expectSuccess(etSavedProgramLoad(argv[1], 1, &program));
  CHECK(strcmp(etSavedProgramGetName(program), "sample") == 0);
  CHECK(etSavedProgramGetNumPlans(program) == 1 && etSavedProgramGetPlanDevice(program, 0) == ET_CUDA);
  CHECK(strcmp(etSavedProgramGetPlanTarget(program, 0), "sm_90a") == 0);
  CHECK(etSavedProgramGetNumInputs(program) == 1 && etSavedProgramGetNumOutputs(program) == 1);
  CHECK(strcmp(etSavedProgramGetInputName(program, 0), "x") == 0);
  CHECK(strcmp(etSavedProgramGetOutputName(program, 0), "y") == 0);
  CHECK(etSavedProgramGetInputType(program, 0) == ET_F32 && etSavedProgramGetOutputType(program, 0) == ET_F32);
  CHECK(etSavedProgramGetInputRank(program, 0) == 2 && etSavedProgramGetOutputRank(program, 0) == 2);
  CHECK(etSavedProgramGetInputSize(program, 0, 0) == -1 && etSavedProgramGetInputSize(program, 0, 1) == 8);
  CHECK(etSavedProgramGetOutputSize(program, 0, 0) == -1 && etSavedProgramGetOutputSize(program, 0, 1) == 8);
  CHECK(strcmp(etSavedProgramGetInputDimName(program, 0, 0), "rows") == 0);
  CHECK(strcmp(etSavedProgramGetInputDimName(program, 0, 1), "") == 0);
  CHECK(strcmp(etSavedProgramGetOutputDimName(program, 0, 0), "rows") == 0);

  expectError(etDeviceCreateCUDA(-1, &device), "CUDA");
  CHECK(device == NULL);
  expectSuccess(etDeviceCreateHost(kernels, 1, &device));
  expectError(etExecutableCreate(program, device, NULL, &executable), "the host has no kernel 'add'");
  etDeviceDestroy(device);
  expectSuccess(etDeviceCreateHost(kernels, 2, &device));
  CHECK(strcmp(etDeviceGetDescription(device), "the host") == 0 && strcmp(etDeviceGetNotice(device), "") == 0);

  etExecutableOptionsInit(&options);
  CHECK(options.maxShapes == 64 && options.useGraphs == 1);
  options.reserved[2] = 3;
  expectError(etExecutableCreate(program, device, &options, &executable),
              "expected reserved[2] of EtExecutableOptions to be 0, but got 3");
  CHECK(executable == NULL);
  options.reserved[2] = 0;
  expectSuccess(etExecutableCreate(program, device, &options, &executable));
  /* The executable keeps what it needs. */
  etSavedProgramDestroy(program);
  CHECK(strcmp(etExecutableGetTarget(executable), "sm_90a") == 0);

  expectSuccess(etDeviceAllocate(device, sizeof(values), &xData));
  expectSuccess(etDeviceAllocate(device, sizeof(values), &yData));
  for (i = 0; i < 40; ++i)
    values[i] = (float)i;
  expectSuccess(etDeviceCopyTo(device, xData, values, sizeof(values), NULL));
  x.data = xData;
  x.elementType = ET_F32;
  x.shape = shape;
  x.rank = 2;
  y = x;
  y.data = yData;
  expectSuccess(etExecutableComputeShapes(executable, &x, 1, sizes));
  CHECK(sizes[0] == 5 && sizes[1] == 8);
  expectSuccess(etDeviceCreateStream(device, &stream));
  for (run = 0; run < 3; ++run) {
    expectSuccess(etExecutableRun(executable, &x, 1, &y, 1, stream));
    expectSuccess(etExecutableSynchronize(executable, stream));
    expectSuccess(etDeviceCopyFrom(device, values, yData, sizeof(values), NULL));
    for (i = 0; i < 40; ++i)
      CHECK(values[i] == 2.0f * (float)i + (float)(i % 8 + 1));
  }
  CHECK(numLaunches == 6);
  statistics.reserved[7] = 1;
  etExecutableGetStatistics(executable, &statistics);
  CHECK(statistics.reserved[7] == 0);
  CHECK(statistics.runs == 3 && statistics.plansResolved == 1 && statistics.graphReplays == 2);
  CHECK(statistics.shapesKept == 1 && statistics.arenaBytes == 224);

  wrong = x;
  wrong.elementType = ET_F16;
  expectError(etExecutableRun(executable, &wrong, 1, &y, 1, NULL),
              "expected input 'x' [rows, 8] f32 to have f32 elements, but got f16");
  wrong.elementType = (EtElementType)77;
  expectError(etExecutableComputeShapes(executable, &wrong, 1, sizes), "to have f32 elements, but got unknown ones");
  expectError(etExecutableRun(executable, &x, 1, &wrong, 1, NULL), "expected output 'y' [rows, 8] f32 to have f32");
  wrong = x;
  wrong.rank = 1;
  expectError(etExecutableRun(executable, &wrong, 1, &y, 1, NULL), "to have 2 dimensions, but its shape is [5]");
  wrong = x;
  wrong.data = NULL;
  expectError(etExecutableRun(executable, &wrong, 1, &y, 1, NULL), "expected data for input 'x', but got a null pointer");
  expectError(etExecutableRun(executable, &x, 0, &y, 1, NULL), "expected 1 inputs, but got 0");
  expectError(etExecutableRun(executable, &x, 1, &y, 0, NULL), "expected memory for 1 outputs, but got 0");

  etExecutableDestroy(executable);
  etDeviceDestroyStream(device, stream);
  etDeviceRelease(device, xData);
  etDeviceRelease(device, yData);
  etDeviceDestroy(device);
  testCPU(argv[2], 0);
  testCPU(argv[2], 1);
  return 0;
}
