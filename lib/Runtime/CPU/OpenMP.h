//===- OpenMP.h - Teams of threads -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// LLVM's OpenMP runtime, opened when the first CPU device is made: programs
// load, and run on one thread, where it is missing. One team runs a whole plan,
// since starting one costs microseconds and a barrier a fraction of one.
//
//===----------------------------------------------------------------------===//

#ifndef ET_LIB_RUNTIME_CPU_OPENMP_H
#define ET_LIB_RUNTIME_CPU_OPENMP_H

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace mlir::et::runtime {

/// The OpenMP functions that we call.
class OpenMP {
public:
  /// That of this process.
  static const OpenMP &get();

  /// That of the first of \p libraries that can be opened.
  static OpenMP load(std::initializer_list<const char *> libraries);

  /// Why there is none; empty when there is one.
  const std::string &whyMissing() const { return missing; }

  /// What each thread of a team does: \p thread of \p numThreads.
  using Body = void (*)(void *context, int64_t thread, int64_t numThreads);

  /// Runs \p body on each of \p threads threads, or of as many as there are, and waits for them.
  void run(unsigned threads, Body body, void *context) const;

  /// Waits for the other threads of the team of \p numThreads that the caller runs in.
  void wait(int64_t numThreads) const;

  /// The function that code calls as \p name to wait for its team; null when it is another.
  void *find(std::string_view name) const;

private:
  std::string missing;
  int32_t (*globalThreadNum)(void *) = nullptr;
  void (*pushNumThreads)(void *, int32_t, int32_t) = nullptr;
  void (*forkCall)(void *, int32_t, void (*)(int32_t *, int32_t *, ...), ...) = nullptr;
  void (*barrier)(void *, int32_t) = nullptr;
  int (*numThreads)() = nullptr;
};

/// Processors that this process may use.
unsigned getNumProcessors();

} // namespace mlir::et::runtime

#endif // ET_LIB_RUNTIME_CPU_OPENMP_H
