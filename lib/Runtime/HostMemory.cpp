//===- HostMemory.cpp - Memory in large pages -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "et/Runtime/HostMemory.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <sys/mman.h>

using namespace mlir::et::runtime;

static constexpr size_t kLargePage = 2 << 20;

static size_t roundUp(size_t value) { return (value + kLargePage - 1) / kLargePage * kLargePage; }

HostMemory::~HostMemory() {
  if (bytes)
    ::munmap(bytes, mappedBytes);
}

Result<HostMemory> HostMemory::allocate(size_t size) {
  Error none("there is no memory for " + std::to_string(size) + " bytes on the host");
  if (size > SIZE_MAX - 2 * kLargePage)
    return none;
  // A large page can only be used where it is aligned: map one more, and cut what is outside.
  size_t mapped = roundUp(std::max<size_t>(size, 1)) + kLargePage;
  void *address = ::mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (address == MAP_FAILED)
    return none;
  char *begin = static_cast<char *>(address), *last = begin + mapped;
  char *aligned = begin + (roundUp(reinterpret_cast<uintptr_t>(begin)) - reinterpret_cast<uintptr_t>(begin));
  HostMemory memory;
  memory.mappedBytes = mapped - kLargePage;
  if (aligned != begin)
    ::munmap(begin, aligned - begin);
  if (aligned + memory.mappedBytes != last)
    ::munmap(aligned + memory.mappedBytes, last - aligned - memory.mappedBytes);
  // Advice: without large pages it is the same memory.
  (void)::madvise(aligned, memory.mappedBytes, MADV_HUGEPAGE);
  memory.bytes = aligned;
  memory.numBytes = size;
  return Result<HostMemory>(std::move(memory));
}
