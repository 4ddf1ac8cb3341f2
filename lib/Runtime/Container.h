//===- Container.h - The file around a saved program ------------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   0            u32 size, FlatBuffer (Program.fbs), zeros to a multiple of 4096
//   blobStart    weights, each at a multiple of 256
//   end - 32     Trailer
//
// All numbers are little-endian.
//
//===----------------------------------------------------------------------===//

#ifndef ET_LIB_RUNTIME_CONTAINER_H
#define ET_LIB_RUNTIME_CONTAINER_H

#include "et/Runtime/Error.h"
#include "et/Runtime/Program.h"

namespace mlir::et::runtime {

constexpr uint32_t kFormatMajor = 1, kFormatMinor = 1;
constexpr uint64_t kBlobAlignment = 4096, kWeightAlignment = 256;
/// What FlatBuffers can address, and a little less.
constexpr uint64_t kMaxFlatBufferSize = (uint64_t(1) << 31) - 4096;

/// The last bytes of a file; a file that was cut short lacks them.
struct Trailer {
  /// Checksums (hashBytes) of the bytes before the weights, and of the weights.
  uint64_t programHash, weightsHash;
  uint64_t fileSize;
  char magic[8];
};
static_assert(sizeof(Trailer) == 32);
constexpr char kTrailerMagic[9] = "ETP1.END";

constexpr uint64_t alignTo(uint64_t value, uint64_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

/// Writes \p program as a size-prefixed FlatBuffer.
Error writeFlatBuffer(const Program &program, uint64_t weightsSize, std::string &bytes);

/// Reads the size-prefixed FlatBuffer in \p size bytes at \p data, which is aligned to 64 bytes, and verifies its
/// structure; verifyProgram must follow. \p program views into \p data.
Error readFlatBuffer(const char *data, size_t size, Program &program, uint64_t &weightsSize);

/// Checks everything that a program may get wrong with its structure intact: indices, ranges, limits. Nothing that a
/// program says is used before this.
Error verifyProgram(const Program &program, uint64_t weightsSize);

} // namespace mlir::et::runtime

#endif // ET_LIB_RUNTIME_CONTAINER_H
