//===- Hash.h - Checksums of saved programs ---------------------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef ET_LIB_RUNTIME_HASH_H
#define ET_LIB_RUNTIME_HASH_H

#include <cstddef>
#include <cstdint>

namespace mlir::et::runtime {

/// XXH64 with seed 0 (https://github.com/Cyan4973/xxHash, doc/xxhash_spec.md) of bytes that come in pieces: finds
/// damage, at the speed of memory.
class Hasher {
public:
  Hasher();
  void update(const void *data, size_t size);
  /// The checksum of everything so far.
  uint64_t finish() const;

private:
  uint64_t lanes[4];
  uint64_t total = 0;
  /// The last total % 32 bytes.
  unsigned char rest[32];
};

/// The checksum of \p size bytes.
uint64_t hashBytes(const void *data, size_t size);

} // namespace mlir::et::runtime

#endif // ET_LIB_RUNTIME_HASH_H
