//===- WriteSample.cpp - Writes the sample program as a file -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// For tests in other languages: et-sample-program <file.etp>.
//
//===----------------------------------------------------------------------===//

#include "SampleProgram.h"

#include <cstdio>

using namespace mlir::et::runtime;

int main(int argc, char **argv) {
  if (argc != 2)
    return 2;
  test::SampleProgram sample;
  if (Error error = sample.builder.write(argv[1])) {
    std::fprintf(stderr, "%s\n", error.getMessage().c_str());
    return 1;
  }
  return 0;
}
