//===- RunProgram.h - Runs saved programs on files --------------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef ET_TOOLS_RUNPROGRAM_H
#define ET_TOOLS_RUNPROGRAM_H

#include "et/Runtime/Device.h"
#include "et/Runtime/Error.h"

#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace mlir::et {

struct RunProgramOptions {
  /// The program.
  std::string path;
  /// Files, `file.npy` in the order of the signature or `name=file.npy`.
  std::vector<std::string> inputs, outputs;
  /// Sizes of dimensions, `batch=2` or `x.1=16`, for inputs without a file.
  std::vector<std::string> dims;
  /// Seed of the inputs without a file.
  uint64_t seed = 0;
  /// Timed runs; 0 for none.
  unsigned benchmark = 0;
  /// Print how long each step takes, and how that compares with what it had to do; and files for it as JSON, and as a
  /// trace of Chrome's format, which Perfetto opens; empty for none.
  bool profile = false;
  std::string profileJSON, profileTrace;
  /// Give profilers NVTX ranges, by this library or, when it is empty, by the system's.
  bool useRanges = false;
  std::string rangesLibrary;
  /// Print the program instead of running it.
  bool describe = false;
  /// Replay graphs.
  bool useGraphs = true;
  /// Read weights where the file is mapped (CPU).
  bool mapWeights = false;
  /// GPU to run on, or kCPU; without one, GPU 0 when the program has a plan for GPUs, else the CPU.
  static constexpr int kCPU = -1;
  std::optional<int> device;
  /// Threads on a CPU; 0 for one per processor.
  unsigned threads = 0;
};

/// Whether \p path names a saved program, by its ending.
bool isSavedProgram(const std::string &path);

/// Does what \p options say, on \p device or, when it is null, on the one that they name, and reports to \p out.
runtime::Error runProgram(const RunProgramOptions &options, std::FILE *out,
                          std::shared_ptr<runtime::Device> device = nullptr);

} // namespace mlir::et

#endif // ET_TOOLS_RUNPROGRAM_H
