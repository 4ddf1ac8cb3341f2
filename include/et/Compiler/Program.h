//===- Program.h - A compiled model that runs in this process -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What compiling yields is a saved program that was not saved: the same plan, run
// by the same runtime, with weights and code where the compiler left them.
//
//===----------------------------------------------------------------------===//

#ifndef ET_COMPILER_PROGRAM_H
#define ET_COMPILER_PROGRAM_H

#include "et/Compiler/Signature.h"
#include "et/Compiler/Weights.h"
#include "et/Runtime/CPUDevice.h"
#include "et/Runtime/Executable.h"

#include <memory>
#include <optional>
#include <string>

namespace mlir::et {

namespace runtime {
class ProgramBuilder;
}

/// A tensor in memory of the caller, row-major and contiguous.
struct TensorView {
  void *data = nullptr;
  SmallVector<int64_t> shape;
};

/// A compiled model. Calls are serialised: they share one arena.
class Program {
public:
  /// Loads what \p builder holds, whose weights are in \p weights, to run on \p device.
  static runtime::Result<std::unique_ptr<Program>> load(ProgramSignature signature,
                                                        std::shared_ptr<const runtime::ProgramBuilder> builder,
                                                        WeightsSection weights,
                                                        std::shared_ptr<runtime::CPUDevice> device);

  const ProgramSignature &getSignature() const { return signature; }
  unsigned getThreads() const { return device->getThreads(); }
  /// Threads of later calls. Returns why there cannot be so many, or nothing.
  std::optional<std::string> setThreads(unsigned count);
  /// Bytes of weights, and of the arena as it is now.
  size_t getWeightsSize() const { return weightsSize; }
  size_t getArenaSize() const { return executable->getStatistics().arenaBytes; }

  /// Writes the program to the file \p path. Returns what went wrong, or nothing.
  std::optional<std::string> save(const std::string &path) const;

  /// Checks \p inputs against the signature and computes the shape of every output. Returns what is wrong, or nothing.
  std::optional<std::string> computeShapes(ArrayRef<TensorView> inputs, SmallVectorImpl<SmallVector<int64_t>> &shapes);

  std::optional<std::string> computeShapes(const std::vector<runtime::TensorView> &inputs,
                                           std::vector<std::vector<int64_t>> &shapes);

  /// Runs on \p inputs; \p outputs have memory for the shapes that computeShapes gave. Returns what went wrong, or
  /// nothing.
  std::optional<std::string> run(ArrayRef<TensorView> inputs, ArrayRef<TensorView> outputs);
  /// The same, for callers with views as the runtime has them.
  std::optional<std::string> run(const std::vector<runtime::TensorView> &inputs,
                                 const std::vector<runtime::TensorView> &outputs);

private:
  Program() = default;

  ProgramSignature signature;
  size_t weightsSize = 0;
  std::shared_ptr<const runtime::ProgramBuilder> builder;
  std::shared_ptr<runtime::CPUDevice> device;
  std::unique_ptr<runtime::Executable> executable;
};

} // namespace mlir::et

#endif // ET_COMPILER_PROGRAM_H
