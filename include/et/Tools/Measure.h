//===- Measure.h - Times the candidates of et-bench -------------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// `et-bench --prepare` leaves a folder with a program per candidate and a list,
// candidates.txt: a first line `et-candidates 1 <architecture>`, and for each
// candidate the problem, the file, the launches in it, the schedule, and an entry
// of a tuned table but for its time, with tabs between them.
//
// This needs no LLVM: folder and et-run-program can be taken to a machine with a
// GPU.
//
//===----------------------------------------------------------------------===//

#ifndef ET_TOOLS_MEASURE_H
#define ET_TOOLS_MEASURE_H

#include "et/Runtime/Device.h"
#include "et/Runtime/Error.h"

#include <cstdio>
#include <memory>
#include <string>

namespace mlir::et {

struct MeasureOptions {
  /// What et-bench --prepare made.
  std::string folder;
  /// Where the tuned table goes.
  std::string output;
  /// GPU to run on.
  int device = 0;
};

/// Times every candidate on \p device or, when it is null, on the GPU that \p options name, reports to \p out, and
/// writes the table of the fastest.
runtime::Error measureCandidates(const MeasureOptions &options, std::FILE *out,
                                 std::shared_ptr<runtime::Device> device = nullptr);

} // namespace mlir::et

#endif // ET_TOOLS_MEASURE_H
