/*===- SampleUnknown.c - Object code that asks for too much -----------*- C -*-===*\
|*
|* Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
|* See LICENSE for license information.
|* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
|*
\*===----------------------------------------------------------------------===*/

int system(const char *command);

/* Calls a function that is none of the runtime's. */
__attribute__((visibility("default"))) void sample_unknown(void **arguments, long thread, long numThreads,
                                                           char *scratch) {
  (void)numThreads;
  (void)scratch;
  if (thread == 0)
    *(int *)arguments[0] = system("true");
}
