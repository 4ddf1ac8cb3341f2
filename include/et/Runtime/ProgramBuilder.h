//===- ProgramBuilder.h - Writes saved programs -----------------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Puts a program together and writes it as a file (docs/Runtime.md):
//
//   ProgramBuilder builder("minilm");
//   Expr batch = builder.addSymbol({"batch", 1, 64});
//   uint32_t ids = builder.addInput({"ids", ElementType::I64, {batch, builder.constant(128)}});
//   uint32_t w = builder.addWeight("w", ElementType::F16, {384, 384}, data, size);
//   uint32_t cubin = builder.addCode(CodeKind::Cubin, "sm_90a", std::move(bytes));
//   PlanBuilder &plan = builder.addPlan(DeviceKind::CUDA, "sm_90a");
//   uint32_t module = plan.addModule({cubin});
//   plan.setArenaSize(builder.mul(batch, builder.constant(98304)));
//   Launch launch;
//   launch.module = module;
//   launch.symbol = "linear";
//   launch.grid = {builder.ceilDiv(batch, builder.constant(64)), builder.constant(6), builder.constant(1)};
//   launch.threads = 256;
//   launch.arguments = {Argument::pointer(Buffer::arena(), builder.constant(0)), ...};
//   plan.addStep(std::move(launch));
//   if (Error error = builder.write("minilm.etp"))
//     ... error.getMessage()
//
// What it writes passes the verifier of the loader, or is not written: the
// verifier runs first, and its reason comes back.
//
//===----------------------------------------------------------------------===//

#ifndef ET_RUNTIME_PROGRAMBUILDER_H
#define ET_RUNTIME_PROGRAMBUILDER_H

#include "et/Runtime/Error.h"
#include "et/Runtime/LoadedProgram.h"
#include "et/Runtime/Program.h"

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace mlir::et::runtime {

/// One plan of a program that is being built; owned by the ProgramBuilder.
class PlanBuilder {
public:
  /// Bytes of working memory; a buffer at offset 0 of the arena is aligned to 1024 bytes.
  void setArenaSize(Expr bytes) { plan.arenaSize = bytes; }

  /// Bytes for each thread of a CPU.
  void setScratchSize(uint64_t bytes) { plan.scratchBytes = bytes; }

  /// Adds kernels, given as one or more code objects that all define the same functions.
  uint32_t addModule(std::vector<uint32_t> code);

  /// Adds a tensor map, or finds the one that is the same.
  uint32_t addTensorMap(TensorMap map);

  /// Adds a launch behind the others.
  void addStep(Launch launch) { plan.steps.push_back(std::move(launch)); }

  const Plan &getPlan() const { return plan; }

private:
  friend class ProgramBuilder;
  Plan plan;
};

/// Collects a program and writes it.
class ProgramBuilder {
public:
  explicit ProgramBuilder(std::string name);
  ProgramBuilder(const ProgramBuilder &) = delete;
  ProgramBuilder &operator=(const ProgramBuilder &) = delete;

  /// Expressions. Equal ones share a node, and what is constant is computed now (unless it overflows).
  Expr constant(int64_t value);
  Expr add(Expr lhs, Expr rhs) { return binary(ExprKind::Add, lhs, rhs); }
  Expr sub(Expr lhs, Expr rhs) { return binary(ExprKind::Sub, lhs, rhs); }
  Expr mul(Expr lhs, Expr rhs) { return binary(ExprKind::Mul, lhs, rhs); }
  Expr floorDiv(Expr lhs, Expr rhs) { return binary(ExprKind::FloorDiv, lhs, rhs); }
  Expr ceilDiv(Expr lhs, Expr rhs) { return binary(ExprKind::CeilDiv, lhs, rhs); }
  Expr mod(Expr lhs, Expr rhs) { return binary(ExprKind::Mod, lhs, rhs); }
  Expr min(Expr lhs, Expr rhs) { return binary(ExprKind::Min, lhs, rhs); }
  Expr max(Expr lhs, Expr rhs) { return binary(ExprKind::Max, lhs, rhs); }
  Expr binary(ExprKind kind, Expr lhs, Expr rhs);

  /// Adds a dynamic size; some dimension of an input must be exactly this expression.
  Expr addSymbol(Symbol symbol);

  /// Refuses runs in which \p value lies outside of \p min .. \p max, with \p message.
  void addConstraint(Expr value, int64_t min, int64_t max, std::string message);

  uint32_t addInput(Tensor tensor);
  uint32_t addOutput(Tensor tensor);

  /// Adds a constant of \p size bytes. \p data is not copied: it must live until the program is written.
  /// \p size may exceed what the shape says (padding), never fall below it.
  uint32_t addWeight(std::string name, ElementType type, std::vector<int64_t> shape, const void *data, uint64_t size);

  /// Adds machine code.
  uint32_t addCode(CodeKind kind, std::string target, std::string bytes);

  /// Adds a check that kernels make and gives its status code, which is not 0. {0} in \p message stands for the
  /// position.
  int32_t addCheck(std::string message);

  /// Adds a plan; the reference stays valid.
  PlanBuilder &addPlan(DeviceKind device, std::string target);

  /// The program so far; its weights have their offsets.
  Program getProgram() const;

  /// Verifies the program and stores the contents of its file in \p file.
  Error serialize(std::string &file) const;

  /// Verifies the program and loads it as it is, without a copy of weights and code: the builder, and \p owner of the
  /// data of its weights, live as long as the program.
  static Result<std::shared_ptr<const LoadedProgram>> load(std::shared_ptr<const ProgramBuilder> builder,
                                                           std::shared_ptr<const void> owner);

  /// Verifies the program and writes it to \p path, beside it first: a file that cannot be finished is never left
  /// there.
  Error write(const std::string &path) const;

private:
  Program program;
  std::vector<const void *> weightData;
  /// Addresses of strings must not change: code objects view them.
  std::vector<std::unique_ptr<std::string>> codeData;
  std::vector<std::unique_ptr<PlanBuilder>> plans;
  std::map<std::tuple<ExprKind, uint32_t, uint32_t, int64_t>, uint32_t> nodes;
};

} // namespace mlir::et::runtime

#endif // ET_RUNTIME_PROGRAMBUILDER_H
