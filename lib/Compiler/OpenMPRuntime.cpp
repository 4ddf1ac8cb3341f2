//===- OpenMPRuntime.cpp - libomp for generated code -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "OpenMPRuntime.h"

#include <cstdarg>
#include <cstdint>
#include <dlfcn.h>

using namespace mlir;
using namespace mlir::et;

//===----------------------------------------------------------------------===//
// A team of one thread, for processes without libomp
//===----------------------------------------------------------------------===//

static int32_t serialGlobalThreadNum(void *) { return 0; }
static void serialPushNumThreads(void *, int32_t, int32_t) {}
static void serialBarrier(void *, int32_t) {}
static int serialThreadNum() { return 0; }
static int serialNumThreads() { return 1; }

/// Calls \p microtask with \p count captured arguments, as __kmpc_fork_call does on each thread of a team.
static void serialForkCall(void *, int32_t count, void (*microtask)(int32_t *, int32_t *, ...), ...) {
  using Task1 = void (*)(int32_t *, int32_t *, void *);
  int32_t zero = 0;
  va_list arguments;
  va_start(arguments, microtask);
  // The OpenMP IR builder hands all captured values over in one struct.
  void *captured = count > 0 ? va_arg(arguments, void *) : nullptr;
  va_end(arguments);
  reinterpret_cast<Task1>(reinterpret_cast<void *>(microtask))(&zero, &zero, captured);
}

//===----------------------------------------------------------------------===//
// libomp
//===----------------------------------------------------------------------===//

static OpenMPRuntime load() {
  OpenMPRuntime runtime;
  const std::pair<const char *, void *> serial[] = {
      {"__kmpc_fork_call", reinterpret_cast<void *>(&serialForkCall)},
      {"__kmpc_global_thread_num", reinterpret_cast<void *>(&serialGlobalThreadNum)},
      {"__kmpc_push_num_threads", reinterpret_cast<void *>(&serialPushNumThreads)},
      {"__kmpc_barrier", reinterpret_cast<void *>(&serialBarrier)},
      {"omp_get_thread_num", reinterpret_cast<void *>(&serialThreadNum)},
      {"omp_get_num_threads", reinterpret_cast<void *>(&serialNumThreads)},
  };
  void *library = nullptr;
  for (const char *name : {"libomp.so.5", "libomp.so", "libiomp5.so"})
    if ((library = dlopen(name, RTLD_NOW | RTLD_LOCAL)))
      break;
  if (!library)
    runtime.missing = dlerror();
  for (auto [name, fallback] : serial) {
    void *address = library ? dlsym(library, name) : fallback;
    if (!address) {
      runtime.missing = std::string("the OpenMP library lacks ") + name;
      runtime.symbols.clear();
      for (auto [serialName, serialAddress] : serial)
        runtime.symbols.emplace_back(serialName, serialAddress);
      return runtime;
    }
    runtime.symbols.emplace_back(name, address);
  }
  return runtime;
}

const OpenMPRuntime &OpenMPRuntime::get() {
  static const OpenMPRuntime runtime = load();
  return runtime;
}
