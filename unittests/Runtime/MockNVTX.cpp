//===- MockNVTX.cpp - NVTX that writes down its ranges ----------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include <string>

#define EXPORT extern "C" __attribute__((visibility("default")))

/// Ranges in parentheses, by name.
EXPORT std::string etMockNVTX;
std::string etMockNVTX;

EXPORT int nvtxRangePushA(const char *name) {
  etMockNVTX += std::string("(") + name;
  return 0;
}

EXPORT int nvtxRangePop() {
  etMockNVTX += ")";
  return 0;
}
