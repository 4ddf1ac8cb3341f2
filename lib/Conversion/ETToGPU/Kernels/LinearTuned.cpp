//===- LinearTuned.cpp - Measured schedules of linear kernels -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The fastest of what was timed on an H200 with benchmarks/gpu/linear.py (f16, programmatic launches in a graph), for
// sizes of common encoders. It comes before the cost model, for row counts with as many tiles of 64 rows.
//
//===----------------------------------------------------------------------===//

#include "LinearEmitter.h"

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::gpu_kernels;

namespace {
struct TunedLinear {
  int64_t rows, n, k;
  int64_t tileM, tileN, stages, splitK;
};
} // namespace

/// The last number of each line is microseconds.
static constexpr TunedLinear kHopper[] = {
    {64, 768, 768, 64, 32, 12, 1},     // 2.30
    {64, 2304, 768, 64, 32, 12, 1},    // 2.46
    {64, 3072, 768, 64, 64, 8, 1},     // 2.54
    {64, 768, 3072, 64, 64, 6, 8},     // 3.78
    {64, 4096, 4096, 64, 64, 8, 2},    // 7.70
    {128, 768, 768, 64, 32, 12, 1},    // 2.38
    {128, 2304, 768, 64, 64, 8, 1},    // 2.66
    {128, 3072, 768, 64, 64, 8, 1},    // 3.07
    {128, 768, 3072, 64, 64, 8, 4},    // 4.50
    {128, 4096, 4096, 128, 64, 6, 2},  // 10.42
    {256, 768, 768, 64, 64, 8, 1},     // 2.54
    {256, 2304, 768, 64, 96, 8, 1},    // 3.81
    {256, 3072, 768, 128, 64, 8, 1},   // 4.05
    {256, 768, 3072, 128, 64, 8, 4},   // 5.93
    {384, 768, 768, 64, 64, 8, 1},     // 2.64
    {384, 2304, 768, 128, 64, 8, 1},   // 4.16
    {384, 3072, 768, 128, 80, 7, 1},   // 5.01
    {384, 768, 3072, 64, 64, 8, 1},    // 6.92
    {1024, 768, 768, 128, 64, 8, 1},   // 3.88
    {1024, 2304, 768, 128, 144, 5, 1}, // 7.62
    {1024, 3072, 768, 128, 192, 4, 1}, // 8.81
    {1024, 768, 3072, 64, 96, 8, 1},   // 8.71
};

std::optional<LinearSchedule> gpu_kernels::findTunedLinear(const LinearKernelSpec &spec, const nvidia::SM &sm,
                                                           int64_t rows) {
  if (!sm.hasWgmma)
    return std::nullopt;
  for (const TunedLinear &tuned : kHopper) {
    if (spec.n != tuned.n || spec.k != tuned.k || ceilDiv(rows, 64) != ceilDiv(tuned.rows, 64))
      continue;
    LinearSchedule schedule{LinearSchedule::Wgmma, tuned.tileM, tuned.tileN, 64, tuned.stages, tuned.splitK};
    schedule.exclusive = true;
    // Other types or strides may not allow it.
    if (!verifyLinearKernel(spec, schedule, sm))
      return schedule;
  }
  return std::nullopt;
}
