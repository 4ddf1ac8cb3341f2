//===- Program.h - A compiled model that runs in this process -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef ET_COMPILER_PROGRAM_H
#define ET_COMPILER_PROGRAM_H

#include "et/Compiler/Signature.h"
#include "et/Compiler/Weights.h"

#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace mlir {
class ExecutionEngine;
}

namespace mlir::et {

/// A tensor in memory of the caller, row-major and contiguous.
struct TensorView {
  void *data = nullptr;
  SmallVector<int64_t> shape;
};

/// A compiled model. Calls are serialised: they share one arena.
class Program {
public:
  Program(ProgramSignature signature, WeightsSection weights, std::unique_ptr<ExecutionEngine> engine,
          unsigned threads);
  ~Program();

  const ProgramSignature &getSignature() const { return signature; }
  unsigned getThreads() const { return threads; }
  void setThreads(unsigned count);
  /// Bytes of weights, and of the arena as it is now.
  size_t getWeightsSize() const { return weights.size(); }
  size_t getArenaSize() const { return arenaSize; }

  /// Checks \p inputs against the signature and computes the shape of every output. Returns what is wrong, or nothing.
  std::optional<std::string> computeShapes(ArrayRef<TensorView> inputs, SmallVectorImpl<SmallVector<int64_t>> &shapes);

  /// Runs on \p inputs; \p outputs have memory for the shapes that computeShapes gave. Returns what went wrong, or
  /// nothing.
  std::optional<std::string> run(ArrayRef<TensorView> inputs, ArrayRef<TensorView> outputs);

private:
  using PackedFunction = void (*)(void **);
  std::optional<std::string> checkInputs(ArrayRef<TensorView> inputs) const;
  /// Calls @<entry>.sizes; \p sizes gets the bytes of the arena and the sizes of all outputs.
  void callSizes(ArrayRef<TensorView> inputs, SmallVectorImpl<int64_t> &sizes);
  std::optional<std::string> reserveArena(size_t size);

  ProgramSignature signature;
  WeightsSection weights;
  std::unique_ptr<ExecutionEngine> engine;
  PackedFunction runFunction = nullptr, sizesFunction = nullptr;
  unsigned threads;
  WeightsSection arena;
  size_t arenaSize = 0;
  std::mutex mutex;

  friend class ProgramBuilder;
};

} // namespace mlir::et

#endif // ET_COMPILER_PROGRAM_H
