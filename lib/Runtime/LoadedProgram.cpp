//===- LoadedProgram.cpp - A saved program in memory ------------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// From the outside in: the trailer says whether the file is whole, checksums
// whether it is the one that was written, FlatBuffers whether its structure
// holds, verifyProgram whether what it says makes sense. Checksums stop damage,
// not malice; the later steps take nothing for granted because of them.
//
//===----------------------------------------------------------------------===//

#include "et/Runtime/LoadedProgram.h"

#include "Container.h"
#include "Hash.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace mlir::et::runtime;

LoadedProgram::~LoadedProgram() {
  if (isMapped)
    ::munmap(const_cast<char *>(data), size);
  else
    std::free(const_cast<char *>(data));
}

Error LoadedProgram::parse(const LoadOptions &options) {
  // The size of the FlatBuffer and its identifier: enough to tell our files from others.
  uint32_t flatBufferSize;
  if (size < 12 || std::memcmp(data + 8, "ETP1", 4) != 0)
    return Error("it is not a saved program: it lacks the identifier ETP1");
  std::memcpy(&flatBufferSize, data, sizeof(flatBufferSize));
  Trailer trailer;
  uint64_t blobStart = alignTo(uint64_t(flatBufferSize) + sizeof(flatBufferSize), kBlobAlignment);
  if (size < blobStart + sizeof(trailer))
    return Error("it is cut short: its description ends at byte " + std::to_string(blobStart) + ", but the file has " +
                 std::to_string(size));
  std::memcpy(&trailer, data + size - sizeof(trailer), sizeof(trailer));
  if (std::memcmp(trailer.magic, kTrailerMagic, sizeof(trailer.magic)) != 0)
    return Error("it is cut short or damaged: it does not end as a saved program does");
  if (trailer.fileSize != size)
    return Error("it is cut short or damaged: it was written with " + std::to_string(trailer.fileSize) +
                 " bytes, but has " + std::to_string(size));
  if (hashBytes(data, blobStart) != trailer.programHash)
    return Error("it is damaged: the checksum of its description is wrong");

  uint64_t weightsSize = 0;
  if (Error error = readFlatBuffer(data, flatBufferSize + sizeof(flatBufferSize), program, weightsSize))
    return error;
  if (weightsSize != size - blobStart - sizeof(trailer))
    return Error("expected " + std::to_string(weightsSize) + " bytes of weights, but there are " +
                 std::to_string(size - blobStart - sizeof(trailer)));
  if (Error error = verifyProgram(program, weightsSize))
    return error;
  for (const Weight &weight : program.weights)
    weights.push_back(data + blobStart + weight.offset);
  if (options.checkWeights && hashBytes(data + blobStart, weightsSize) != trailer.weightsHash)
    return Error("it is damaged: the checksum of its weights is wrong");
  return Error::success();
}

namespace {
/// Closes a file at the end of its scope.
struct File {
  ~File() {
    if (descriptor >= 0)
      ::close(descriptor);
  }
  int descriptor;
};
} // namespace

Result<std::shared_ptr<const LoadedProgram>> LoadedProgram::load(const std::string &path, const LoadOptions &options) {
  std::string open = "cannot open '" + path + "': ", load = "cannot load '" + path + "': ";
  File file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  struct stat status;
  if (file.descriptor < 0 || ::fstat(file.descriptor, &status) != 0)
    return Error(open + std::strerror(errno));
  if (!S_ISREG(status.st_mode))
    return Error(open + "it is not a regular file");
  if (status.st_size == 0)
    return Error(load + "it is empty");
  void *mapped = ::mmap(nullptr, status.st_size, PROT_READ, MAP_PRIVATE, file.descriptor, 0);
  if (mapped == MAP_FAILED)
    return Error(open + std::strerror(errno));
  std::shared_ptr<LoadedProgram> program(new LoadedProgram());
  program->data = static_cast<const char *>(mapped);
  program->size = status.st_size;
  program->isMapped = true;
  if (Error error = program->parse(options))
    return Error(load + error.getMessage());
  return std::shared_ptr<const LoadedProgram>(std::move(program));
}

Result<std::shared_ptr<const LoadedProgram>> LoadedProgram::loadMemory(const void *data, size_t size,
                                                                       const LoadOptions &options) {
  std::shared_ptr<LoadedProgram> program(new LoadedProgram());
  // FlatBuffers and kernels need alignment that the caller's bytes may lack.
  void *copy =
      size > 0 && size < SIZE_MAX / 2 ? std::aligned_alloc(kBlobAlignment, alignTo(size, kBlobAlignment)) : nullptr;
  if (!copy)
    return Error("cannot load a program of " + std::to_string(size) +
                 " bytes: " + (size == 0 ? "it is empty" : "there is no memory for it"));
  std::memcpy(copy, data, size);
  program->data = static_cast<const char *>(copy);
  program->size = size;
  if (Error error = program->parse(options))
    return Error("cannot load the program: " + error.getMessage());
  return std::shared_ptr<const LoadedProgram>(std::move(program));
}
