//===- OpenMP.cpp - Teams of threads -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "OpenMP.h"

#include <algorithm>
#include <dlfcn.h>
#include <sched.h>
#include <thread>

using namespace mlir::et::runtime;

namespace {
/// kmp.h: ident_t, where a call comes from.
struct Ident {
  int32_t reserved1 = 0;
  /// KMP_IDENT_KMPC.
  int32_t flags = 2;
  int32_t reserved2 = 0, reserved3 = 0;
  const char *source = ";unknown;unknown;0;0;;";
};

/// What a team is given: the arguments of fork calls are pointers.
struct Task {
  OpenMP::Body body;
  void *context;
  int (*numThreads)();
};
} // namespace

static Ident ident;

static void runTask(int32_t *, int32_t *thread, Task *task) { task->body(task->context, *thread, task->numThreads()); }

OpenMP OpenMP::load(std::initializer_list<const char *> libraries) {
  OpenMP result;
  void *library = nullptr;
  for (const char *name : libraries) {
    if ((library = ::dlopen(name, RTLD_NOW | RTLD_LOCAL)))
      break;
    if (result.missing.empty())
      result.missing = ::dlerror();
  }
  if (!library)
    return result;
  result.missing.clear();
  auto find = [&](auto &function, const char *name) {
    void *address = ::dlsym(library, name);
    if (!address)
      result.missing = std::string("the OpenMP library lacks ") + name;
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(address);
  };
  find(result.globalThreadNum, "__kmpc_global_thread_num");
  find(result.pushNumThreads, "__kmpc_push_num_threads");
  find(result.forkCall, "__kmpc_fork_call");
  find(result.barrier, "__kmpc_barrier");
  find(result.numThreads, "omp_get_num_threads");
  return result;
}

const OpenMP &OpenMP::get() {
  static const OpenMP openMP = load({"libomp.so.5", "libomp.so", "libiomp5.so"});
  return openMP;
}

void OpenMP::run(unsigned threads, Body body, void *context) const {
  if (!missing.empty())
    return body(context, 0, 1);
  // A team even for one: the caller may run in a team of its own, whose barriers are not ours.
  Task task = {body, context, numThreads};
  pushNumThreads(&ident, globalThreadNum(&ident), threads);
  forkCall(&ident, 1, reinterpret_cast<void (*)(int32_t *, int32_t *, ...)>(reinterpret_cast<void *>(&runTask)), &task);
}

void OpenMP::wait(int64_t numThreads) const {
  if (numThreads > 1)
    barrier(&ident, globalThreadNum(&ident));
}

static int32_t serialGlobalThreadNum(void *) { return 0; }
static void serialBarrier(void *, int32_t) {}

void *OpenMP::find(std::string_view name) const {
  if (name == "__kmpc_global_thread_num")
    return reinterpret_cast<void *>(missing.empty() ? globalThreadNum : serialGlobalThreadNum);
  if (name == "__kmpc_barrier")
    return reinterpret_cast<void *>(missing.empty() ? barrier : serialBarrier);
  return nullptr;
}

unsigned mlir::et::runtime::getNumProcessors() {
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof(set), &set) == 0)
    return std::max(1, CPU_COUNT(&set));
  return std::max(1u, std::thread::hardware_concurrency());
}
