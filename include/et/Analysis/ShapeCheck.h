//===- ShapeCheck.h - Find sizes that break a program -----------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Follows every path of a function whose sizes are symbolic, collects what its
// operations demand of them, and decides each demand: the verdicts are those of
// PyTea (Jhoo et al., "A Static Analyzer for Detecting Tensor Shape Errors in Deep
// Neural Network Training Code", section 4), with Presburger arithmetic in place of
// an SMT solver.
//
//===----------------------------------------------------------------------===//

#ifndef ET_ANALYSIS_SHAPECHECK_H
#define ET_ANALYSIS_SHAPECHECK_H

#include "et/Analysis/SizeSystem.h"

#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/Support/JSON.h"

namespace mlir::et {

struct ShapeCheckOptions {
  /// Paths that are followed; further ones are left out, and the report is not complete.
  int64_t maxPaths = 256;
  /// Milliseconds for a function; what is asked later is undecidable.
  int64_t timeLimit = 5000;
};

/// A demand, or a wish, that sizes can break.
struct ShapeIssue {
  std::string message;
  Location loc;
  /// Sizes that break it.
  SizeExample example;
  /// All sizes do.
  bool always = false;
  /// Why it could not be decided.
  std::string reason;
};

enum class ShapeVerdict { Valid, Invalid, Undecidable, Unreachable };
StringRef stringifyVerdict(ShapeVerdict verdict);

struct ShapePath {
  ShapeVerdict verdict = ShapeVerdict::Valid;
  /// The branches on the way: where, and whether the condition holds.
  SmallVector<std::pair<Location, bool>> branches;
  /// Invalid: the first demand that fails. Undecidable: the first that could not be decided.
  std::optional<ShapeIssue> issue;
  SmallVector<ShapeIssue> notes;
};

struct ShapeReport {
  std::string function;
  std::vector<ShapePath> paths;
  /// All paths were followed.
  bool isComplete = true;
};

/// Checks \p function, whose body is on tensors, or on sizes alone (docs/ShapeChecking.md). The argument attributes
/// `et.dims` (tensors) and `et.dim`, `et.min`, `et.max`, `et.multiple_of` (sizes) say what is known of sizes; those
/// without a name are named after their argument. Ops of `et` that are not decomposed demand nothing.
ShapeReport checkShapes(FunctionOpInterface function, const ShapeCheckOptions &options = {});

llvm::json::Value toJSON(const ShapeReport &report);
/// `batch = 1, sequence = 7`.
std::string toString(const SizeExample &example);

} // namespace mlir::et

#endif // ET_ANALYSIS_SHAPECHECK_H
