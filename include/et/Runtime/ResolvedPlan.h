//===- ResolvedPlan.h - A plan with its sizes known -------------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef ET_RUNTIME_RESOLVEDPLAN_H
#define ET_RUNTIME_RESOLVEDPLAN_H

#include "et/Runtime/Device.h"
#include "et/Runtime/Error.h"
#include "et/Runtime/Program.h"

#include <array>
#include <optional>
#include <vector>

namespace mlir::et::runtime {

/// One launch of a plan.
struct ResolvedStep {
  /// Position in the plan.
  uint32_t step = 0;
  std::array<uint32_t, 3> grid = {};
  /// Bits of the arguments: offsets of pointers in bytes, numbers; 0 for tensor maps.
  std::vector<uint64_t> values;
  /// Launch::bytes and Launch::flops.
  std::optional<int64_t> bytes, flops;
};

/// A plan for one set of dynamic sizes. Every offset lies in its buffer and every number fits its argument.
struct ResolvedPlan {
  int64_t arenaSize = 0;
  std::vector<std::vector<int64_t>> inputShapes, outputShapes;
  /// Those of the plan; `isMapUsed` says which ones a launch takes, the others are not resolved.
  std::vector<ResolvedMap> maps;
  std::vector<bool> isMapUsed;
  /// Launches with work to do.
  std::vector<ResolvedStep> steps;
};

/// Evaluates \p plan of \p program for the values \p symbols.
Result<ResolvedPlan> resolvePlan(const Program &program, const Plan &plan, const std::vector<int64_t> &symbols);

} // namespace mlir::et::runtime

#endif // ET_RUNTIME_RESOLVEDPLAN_H
