//===- LoadedProgram.h - A saved program in memory --------------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef ET_RUNTIME_LOADEDPROGRAM_H
#define ET_RUNTIME_LOADEDPROGRAM_H

#include "et/Runtime/Error.h"
#include "et/Runtime/Program.h"

#include <memory>
#include <string>
#include <vector>

namespace mlir::et::runtime {

struct LoadOptions {
  /// Reads the weights once to find damage. Without it they are only read when they are used.
  bool checkWeights = true;
};

/// A program whose file is mapped, and verified. The file must not change while it is in use.
class LoadedProgram {
public:
  ~LoadedProgram();
  LoadedProgram(const LoadedProgram &) = delete;
  LoadedProgram &operator=(const LoadedProgram &) = delete;

  /// Maps the file \p path.
  static Result<std::shared_ptr<const LoadedProgram>> load(const std::string &path, const LoadOptions &options = {});

  /// Takes a copy of the \p size bytes of a file at \p data.
  static Result<std::shared_ptr<const LoadedProgram>> loadMemory(const void *data, size_t size,
                                                                 const LoadOptions &options = {});

  const Program &getProgram() const { return program; }

  /// Whether the program is a file, or a copy of one.
  bool isFile() const { return data != nullptr; }

  /// The bytes of weight \p i, aligned to 256.
  const char *getWeight(size_t i) const { return weights[i]; }

private:
  friend class ProgramBuilder;
  LoadedProgram() = default;
  Error parse(const LoadOptions &options);

  const char *data = nullptr;
  size_t size = 0;
  /// Mapped from a file; else allocated here.
  bool isMapped = false;
  std::vector<const char *> weights;
  /// Of a program that was never a file: who has its weights and code.
  std::shared_ptr<const void> owner;
  Program program;
};

} // namespace mlir::et::runtime

#endif // ET_RUNTIME_LOADEDPROGRAM_H
