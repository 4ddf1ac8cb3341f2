/*===- SampleKernels.c - Kernels of a CPU, as object code -------------*- C -*-===*\
|*
|* Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
|* See LICENSE for license information.
|* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
|*
|*===----------------------------------------------------------------------===*|
|*
|* Compiled to an object that CPUDeviceTest.cpp puts into programs: with the kinds
|* of sections and relocations that compilers write. Includes nothing, so that it
|* needs nothing but what the runtime offers.
|*
\*===----------------------------------------------------------------------===*/

float expf(float x);
void *memcpy(void *to, const void *from, unsigned long size);

/* Data, memory of zeros, constants, and pointers that are relocated. */
static int counters[2] = {40, 0};
static int zeros[16];
static const float table[4] = {1, 2, 3, 4};
static const char *const names[] = {"zero", "one"};

#define KERNEL __attribute__((visibility("default"))) void
#define ARGUMENT(type, i) (*(type *)arguments[i])

/* y = x + table: each thread takes its rows of four. */
KERNEL sample_add(void **arguments, long thread, long numThreads, char *scratch) {
  const float *x = ARGUMENT(const float *, 0);
  float *y = ARGUMENT(float *, 1);
  long rows = ARGUMENT(long, 2);
  for (long row = thread; row < rows; row += numThreads) {
    /* Through memory of its own: 64 bytes for each thread. */
    float *mine = (float *)(scratch + 64 * thread);
    memcpy(mine, x + 4 * row, 16);
    for (int i = 0; i < 4; ++i)
      y[4 * row + i] = mine[i] + table[i];
  }
}

/* y = exp(y), in place; reports a row that is 13 in front. */
KERNEL sample_exp(void **arguments, long thread, long numThreads, char *scratch) {
  float *y = ARGUMENT(float *, 0);
  long rows = ARGUMENT(long, 1);
  long *status = ARGUMENT(long *, 2);
  (void)scratch;
  for (long row = thread; row < rows; row += numThreads) {
    if (y[4 * row] == 13) {
      status[1] = row;
      status[0] = 1;
    }
    for (int i = 0; i < 4; ++i)
      y[4 * row + i] = expf(y[4 * row + i]);
  }
}

/* For the fuzzer, which loads it and calls nothing. */
KERNEL sample_double(void **arguments, long thread, long numThreads, char *scratch) {
  (void)arguments, (void)thread, (void)numThreads, (void)scratch;
}

/* Results that hang on every kind of section. */
KERNEL sample_sections(void **arguments, long thread, long numThreads, char *scratch) {
  int *result = ARGUMENT(int *, 0);
  (void)numThreads;
  (void)scratch;
  if (thread != 0)
    return;
  counters[1] += 2;
  zeros[3] += 1;
  result[0] = counters[0] + counters[1];
  result[1] = zeros[3];
  switch (result[1] % 7) {
  case 0:
    result[2] = 10;
    break;
  case 1:
    result[2] = 21;
    break;
  case 2:
    result[2] = 35;
    break;
  case 3:
    result[2] = 47;
    break;
  case 4:
    result[2] = 51;
    break;
  default:
    result[2] = 68;
    break;
  }
  result[3] = names[result[1] % 2][0];
}
