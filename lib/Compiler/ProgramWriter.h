//===- ProgramWriter.h - What plans of all devices have in common -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A planned module (docs/Pipeline.md) has a function of sizes, views and launches,
// @<entry>.sizes, and weights. Inputs, outputs, weights and working memory become
// parts of a saved program here; the launches are the devices' own.
//
//===----------------------------------------------------------------------===//

#ifndef ET_LIB_COMPILER_PROGRAMWRITER_H
#define ET_LIB_COMPILER_PROGRAMWRITER_H

#include "LaunchEvaluator.h"
#include "et/Compiler/Signature.h"
#include "et/Compiler/Weights.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlir::et {

/// The element type of a program for \p type, a type of weights and tensor maps.
std::optional<runtime::ElementType> getProgramElementType(Type type);

/// Writes one program, plan by plan.
class ProgramWriter {
public:
  /// \p alignment is what addresses of inputs and outputs must be a multiple of.
  ProgramWriter(const ProgramSignature &signature, uint32_t alignment);

  /// Begins the plan of \p module, a planned one, for \p target. Its weights are in \p section, which must live until
  /// the program is written; those that an earlier plan has in the same form are shared. Emits an error on what a
  /// program cannot hold.
  LogicalResult beginPlan(ModuleOp module, const WeightsSection &section, runtime::DeviceKind device,
                          std::string target);

  /// Goes on with the plan that was begun last: behind its steps come those of \p module, another way to compute the
  /// same.
  LogicalResult continuePlan(ModuleOp module, const WeightsSection &section);

  runtime::ProgramBuilder &getBuilder() { return *builder; }
  std::shared_ptr<runtime::ProgramBuilder> getSharedBuilder() { return builder; }
  /// Those of the plan that was begun last.
  runtime::PlanBuilder &getPlan() { return *plan; }
  func::FuncOp getFunction() { return function; }
  LaunchEvaluator &getEvaluator() { return *evaluator; }

private:
  LogicalResult setModule(ModuleOp module, const WeightsSection &section);
  void addInputs();
  LogicalResult addWeights(ModuleOp module, const WeightsSection &section);
  LogicalResult addOutputs(func::FuncOp sizes);
  LogicalResult bindArguments(LaunchEvaluator &evaluator, func::FuncOp function, bool isSizes);

  /// A weight that is in the program.
  struct KnownWeight {
    std::string name;
    Type type;
    StringRef bytes;
    uint32_t index;
  };

  const ProgramSignature &signature;
  uint32_t alignment;
  std::shared_ptr<runtime::ProgramBuilder> builder;
  SmallVector<SmallVector<runtime::Expr>> inputShapes;
  std::vector<KnownWeight> knownWeights;
  bool hasOutputs = false;

  /// Of the plan.
  std::optional<runtime::Expr> arenaSize;
  runtime::PlanBuilder *plan = nullptr;
  func::FuncOp function;
  SmallVector<WeightPlace> places;
  std::unique_ptr<LaunchEvaluator> evaluator;
};

} // namespace mlir::et

#endif // ET_LIB_COMPILER_PROGRAMWRITER_H
