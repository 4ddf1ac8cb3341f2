//===- Bench.h - What et-bench does -----------------------------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Tuned tables in three steps, of which only the second needs a GPU, and only the
// others LLVM:
//
//   --prepare=FOLDER             a program per problem and schedule
//   --measure=FOLDER -o FILE     time them, write a table (et-run-program does it too)
//   --merge=FILE -o TABLE        take a table's entries into another one
//
// --tune does all of them.
//
//===----------------------------------------------------------------------===//

#ifndef ET_TOOLS_BENCH_H
#define ET_TOOLS_BENCH_H

#include "mlir/Support/LLVM.h"

#include <string>
#include <vector>

namespace mlir::et {

struct BenchOptions {
  /// Folder to write programs to, or to measure those of; empty for none.
  std::string prepare, measure;
  /// Tables to merge.
  std::vector<std::string> merge;
  /// Prepare in a temporary folder, measure, and merge.
  bool tune = false;
  /// Where the table goes; the user's table when it is empty.
  std::string output;
  std::string target = "cuda:sm_90a";
  /// What to measure; kDefaultProblems when empty. `linear:f16:128x768x3072` is 128 rows, 768 outputs and 3072 inputs,
  /// `attention:f16:none:8x12x128x64` a batch of 8, 12 heads, 128 keys and heads of 64.
  std::vector<std::string> problems;
  /// Schedules for each.
  unsigned candidates = 12;
  int device = 0;
};

/// Does what \p options say. Returns what went wrong; empty when nothing did.
std::string runBench(const BenchOptions &options);

} // namespace mlir::et

#endif // ET_TOOLS_BENCH_H
