//===- HostMemory.h - Memory in large pages -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef ET_RUNTIME_HOSTMEMORY_H
#define ET_RUNTIME_HOSTMEMORY_H

#include "et/Runtime/Error.h"

#include <cstddef>
#include <utility>

namespace mlir::et::runtime {

/// Memory of zeros, in large pages where the system has them: weights and working memory are read front to back by
/// every run, and with small pages the walks of the page table show.
class HostMemory {
public:
  HostMemory() = default;
  HostMemory(HostMemory &&other) noexcept { *this = std::move(other); }
  HostMemory &operator=(HostMemory &&other) noexcept {
    std::swap(bytes, other.bytes);
    std::swap(numBytes, other.numBytes);
    std::swap(mappedBytes, other.mappedBytes);
    return *this;
  }
  ~HostMemory();

  char *data() const { return bytes; }
  size_t size() const { return numBytes; }

  /// Reserves \p size bytes, aligned to a large page; fails when there is no memory.
  static Result<HostMemory> allocate(size_t size);

private:
  char *bytes = nullptr;
  size_t numBytes = 0, mappedBytes = 0;
};

} // namespace mlir::et::runtime

#endif // ET_RUNTIME_HOSTMEMORY_H
