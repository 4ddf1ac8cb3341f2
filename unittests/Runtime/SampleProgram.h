//===- SampleProgram.h - A small program that tests take apart -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef ET_UNITTESTS_RUNTIME_SAMPLEPROGRAM_H
#define ET_UNITTESTS_RUNTIME_SAMPLEPROGRAM_H

#include "et/Runtime/HostDevice.h"
#include "et/Runtime/LoadedProgram.h"
#include "et/Runtime/ProgramBuilder.h"

namespace mlir::et::runtime::test {

/// `y = 2 * x + w` for x of shape [rows, 8], in two steps through the arena; rows is a multiple of `multiple` up to
/// 1000. The second step reads the arena through a tensor map, and writes status code 1 at the first row that holds
/// a 13.
struct SampleProgram {
  explicit SampleProgram(int64_t multiple = 1, DeviceKind device = DeviceKind::CUDA, std::string target = "sm_90a",
                         std::string code = "double add", CodeKind kind = CodeKind::Cubin,
                         const std::string &prefix = "");

  std::string serialize() const;
  std::shared_ptr<const LoadedProgram> load() const;

  std::vector<float> weight;
  ProgramBuilder builder;
  Expr rows;
  PlanBuilder *plan;
};

/// The kernels of the sample for the host.
HostKernelTable getSampleKernels();

/// A kernel that the sample launched: for tests of the order and of what was passed.
extern std::vector<std::string> launchedKernels;

} // namespace mlir::et::runtime::test

#endif // ET_UNITTESTS_RUNTIME_SAMPLEPROGRAM_H
