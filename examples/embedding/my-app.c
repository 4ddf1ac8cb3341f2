/*===- my-app.c - Runs a saved program ------------------------------*- C -*-===*\
|*
|* Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
|* See LICENSE for license information.
|* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
|*
|*===----------------------------------------------------------------------===*|
|*
|*   my-app PROGRAM.etp ROWS
|*
|* Runs a program with one input and one output, matrices of f32, on ROWS rows of
|* the numbers 0, 1/8, 2/8, ..., and prints what comes out.
|*
\*===----------------------------------------------------------------------===*/

#include "et-c/Runtime.h"

#include <stdio.h>
#include <stdlib.h>

/* Ends the program with the message of an error. */
static void check(EtRuntimeError error) {
  if (error) {
    fprintf(stderr, "my-app: error: %s\n", etRuntimeErrorGetMessage(error));
    exit(1);
  }
}

int main(int argc, char **argv) {
  EtSavedProgram program;
  EtDevice device;
  EtExecutable executable;
  EtTensor input, output;
  int64_t inputShape[2], outputShape[2], i;
  float *x, *y;

  if (argc != 3 || atoi(argv[2]) <= 0) {
    fprintf(stderr, "usage: my-app PROGRAM.etp ROWS\n");
    return 1;
  }
  check(etSavedProgramLoad(argv[1], /*checkWeights=*/1, &program));
  if (etSavedProgramGetNumInputs(program) != 1 || etSavedProgramGetInputType(program, 0) != ET_F32 ||
      etSavedProgramGetInputRank(program, 0) != 2) {
    fprintf(stderr, "my-app: error: expected a program with one matrix of f32\n");
    return 1;
  }
  check(etDeviceCreateCPU(/*threads=*/1, &device));
  check(etExecutableCreate(program, device, /*options=*/NULL, &executable));

  inputShape[0] = atoi(argv[2]);
  inputShape[1] = etSavedProgramGetInputSize(program, 0, 1);
  x = malloc(sizeof(float) * inputShape[0] * inputShape[1]);
  for (i = 0; i < inputShape[0] * inputShape[1]; ++i)
    x[i] = (float)i / 8;
  input.data = x;
  input.elementType = ET_F32;
  input.shape = inputShape;
  input.rank = 2;

  check(etExecutableComputeShapes(executable, &input, 1, outputShape));
  y = malloc(sizeof(float) * outputShape[0] * outputShape[1]);
  output = input;
  output.data = y;
  output.shape = outputShape;
  check(etExecutableRun(executable, &input, 1, &output, 1, /*stream=*/NULL));
  check(etExecutableSynchronize(executable, /*stream=*/NULL));
  for (i = 0; i < outputShape[0] * outputShape[1]; ++i)
    printf("%.9g\n", y[i]);

  free(x);
  free(y);
  etExecutableDestroy(executable);
  etDeviceDestroy(device);
  etSavedProgramDestroy(program);
  return 0;
}
