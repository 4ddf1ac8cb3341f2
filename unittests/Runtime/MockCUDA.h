//===- MockCUDA.h - A CUDA driver on the host -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A shared library with the functions of libcuda.so.1 that the runtime opens.
// Memory is the host's, kernels are functions by their names, streams and graphs
// keep what was launched. Tests look at what the runtime did with it.
//
//===----------------------------------------------------------------------===//

#ifndef ET_UNITTESTS_RUNTIME_MOCKCUDA_H
#define ET_UNITTESTS_RUNTIME_MOCKCUDA_H

#include "et/Runtime/HostDevice.h"

#include <map>
#include <string>
#include <vector>

namespace mlir::et::runtime::test {

/// The whole driver.
struct MockCUDA {
  struct Kernel {
    HostKernel function;
    /// Bytes of each parameter.
    std::vector<size_t> parameters;
  };
  /// Kernels that modules have, by name.
  std::map<std::string, Kernel> kernels;
  int major = 9, minor = 0, numDevices = 1;
  size_t freeMemory = size_t(1) << 30;
  /// Functions that fail, with what they return.
  std::map<std::string, int> failures;
  /// Modules that do not load, by their contents.
  std::map<std::string, int> refusedImages;

  /// One line for each call that changes something.
  std::vector<std::string> log;
  /// What is there now: contexts pushed, and memory, modules, streams, events, graphs not destroyed.
  int pushed = 0, allocations = 0, modules = 0, streams = 0, events = 0, graphs = 0, contexts = 0;

  size_t count(const std::string &start) const {
    size_t result = 0;
    for (const std::string &line : log)
      result += line.compare(0, start.size(), start) == 0;
    return result;
  }
};

} // namespace mlir::et::runtime::test

/// The one driver of the library; found by dlsym.
extern "C" mlir::et::runtime::test::MockCUDA *etMockCUDA();

#endif // ET_UNITTESTS_RUNTIME_MOCKCUDA_H
