/*===- check.h - What the tests in C share -------------------------*- C -*-===*\
|*
|* Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
|* See LICENSE for license information.
|* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
|*
\*===----------------------------------------------------------------------===*/

#ifndef ET_TEST_CAPI_CHECK_H
#define ET_TEST_CAPI_CHECK_H

#include <stdio.h>
#include <stdlib.h>

/* Ends the test where \p condition does not hold; assert() is not there in a release. */
#define CHECK(condition)                                                                                               \
  do {                                                                                                                 \
    if (!(condition)) {                                                                                                \
      fprintf(stderr, "%s:%d: expected %s\n", __FILE__, __LINE__, #condition);                                         \
      exit(1);                                                                                                         \
    }                                                                                                                  \
  } while (0)

#endif /* ET_TEST_CAPI_CHECK_H */
