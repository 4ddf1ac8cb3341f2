//===- PlanTest.cpp - Sizes as values: expressions, shapes, plans -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SampleProgram.h"
#include "et/Runtime/Expressions.h"
#include "et/Runtime/ResolvedPlan.h"

#include "gtest/gtest.h"
#include <functional>

using namespace mlir::et::runtime;
using namespace mlir::et::runtime::test;

TEST(Expressions, RoundAsTheirNamesSay) {
  EXPECT_EQ(evaluate(ExprKind::FloorDiv, 7, 2), 3);
  EXPECT_EQ(evaluate(ExprKind::FloorDiv, -7, 2), -4);
  EXPECT_EQ(evaluate(ExprKind::CeilDiv, 7, 2), 4);
  EXPECT_EQ(evaluate(ExprKind::CeilDiv, -7, 2), -3);
  EXPECT_EQ(evaluate(ExprKind::Mod, 7, 3), 1);
  EXPECT_EQ(evaluate(ExprKind::Mod, -7, 3), 2);
  EXPECT_EQ(evaluate(ExprKind::Min, -1, 1), -1);
  EXPECT_EQ(evaluate(ExprKind::Max, -1, 1), 1);
  EXPECT_EQ(evaluate(ExprKind::Sub, 3, 5), -2);
}

TEST(Expressions, NothingOverflowsOrDividesByZero) {
  EXPECT_FALSE(evaluate(ExprKind::Add, INT64_MAX, 1));
  EXPECT_FALSE(evaluate(ExprKind::Sub, INT64_MIN, 1));
  EXPECT_FALSE(evaluate(ExprKind::Mul, INT64_MIN, -1));
  for (ExprKind kind : {ExprKind::FloorDiv, ExprKind::CeilDiv, ExprKind::Mod}) {
    EXPECT_FALSE(evaluate(kind, 1, 0));
    // INT64_MIN / -1 would trap.
    EXPECT_FALSE(evaluate(kind, INT64_MIN, -1));
    EXPECT_TRUE(evaluate(kind, INT64_MIN, 1));
    EXPECT_TRUE(evaluate(kind, INT64_MAX, INT64_MAX));
    EXPECT_TRUE(evaluate(kind, INT64_MIN, INT64_MAX));
  }
}

TEST(Expressions, ErrorsBelongToWhoAsks) {
  ProgramBuilder builder("errors");
  Expr n = builder.addSymbol({"n"});
  Expr good = builder.add(n, builder.constant(1)), bad = builder.floorDiv(builder.constant(8), n);
  Expr worse = builder.add(bad, n);
  Program program = builder.getProgram();
  Evaluation zero(program, {0}), two(program, {2});
  EXPECT_EQ(*zero.get(good, "it"), 1);
  EXPECT_EQ(zero.get(worse, "the grid").getError().getMessage(),
            "the grid cannot be computed with n = 0: it overflows 64 bits or divides by a number below 1");
  EXPECT_EQ(*two.get(worse, "the grid"), 6);
  EXPECT_EQ(two.get(worse, 0, 5, "the grid").getError().getMessage(),
            "expected the grid to be from 0 to 5, but with n = 2 it is 6");
}

/// Why \p program refuses inputs of \p shapes; empty when it takes them.
static std::string getRefusal(const Program &program, std::vector<std::vector<int64_t>> shapes) {
  std::vector<TensorView> views;
  for (const std::vector<int64_t> &shape : shapes)
    views.push_back({nullptr, shape.data(), shape.size()});
  Result<std::vector<int64_t>> symbols = bindSymbols(program, views);
  return symbols ? "" : symbols.getError().getMessage();
}

TEST(Shapes, AreCheckedAgainstTheProgram) {
  ProgramBuilder builder("shapes");
  Expr batch = builder.addSymbol({"batch", 1, 64}), length = builder.addSymbol({"length", 8, INT64_MAX, 8});
  builder.addInput({"ids", ElementType::I64, {batch, length}});
  builder.addInput({"mask", ElementType::Bool, {batch, builder.add(length, builder.constant(1)), builder.constant(3)}});
  builder.addConstraint(builder.mul(batch, length), 0, 512, "at most 512 tokens fit");
  Program program = builder.getProgram();
  EXPECT_EQ(getRefusal(program, {{2, 16}, {2, 17, 3}}), "");
  EXPECT_EQ(getRefusal(program, {{2, 16}}), "expected 2 inputs, but got 1");
  EXPECT_EQ(getRefusal(program, {{2}, {2, 17, 3}}),
            "expected input 'ids' [batch, length] i64 to have 2 dimensions, but its shape is [2]");
  EXPECT_EQ(getRefusal(program, {{2, 16}, {3, 17, 3}}),
            "expected dimension 'batch' to be the same in inputs 'ids' and 'mask', but got 2 and 3");
  EXPECT_EQ(getRefusal(program, {{2, 16}, {2, 16, 3}}),
            "expected dimension 1 of input 'mask' [batch, ?, 3] bool to be 17, but its shape is [2, 16, 3]");
  EXPECT_EQ(getRefusal(program, {{2, 16}, {2, 17, 4}}),
            "expected dimension 2 of input 'mask' [batch, ?, 3] bool to be 3, but its shape is [2, 17, 4]");
  EXPECT_EQ(getRefusal(program, {{65, 16}, {65, 17, 3}}),
            "expected dimension 'batch' (dimension 0 of input 'ids') to be from 1 to 64, but got 65");
  EXPECT_EQ(getRefusal(program, {{2, 0}, {2, 1, 3}}),
            "expected dimension 'length' (dimension 1 of input 'ids') to be at least 8, but got 0");
  EXPECT_EQ(getRefusal(program, {{2, 12}, {2, 13, 3}}),
            "expected dimension 'length' (dimension 1 of input 'ids') to be a multiple of 8, but got 12");
  EXPECT_EQ(getRefusal(program, {{2, -8}, {2, 17, 3}}),
            "expected sizes of input 'ids' not to be negative, but its shape is [2, -8]");
  EXPECT_EQ(getRefusal(program, {{64, 16}, {64, 17, 3}}), "at most 512 tokens fit (with batch = 64, length = 16)");
}

static Result<ResolvedPlan> resolve(const Program &program, std::vector<int64_t> symbols) {
  return resolvePlan(program, program.plans[0], symbols);
}

TEST(Plan, FollowsTheSizes) {
  Program program = SampleProgram().builder.getProgram();
  for (int64_t rows : {1, 4, 5, 999, 1000}) {
    Result<ResolvedPlan> plan = resolve(program, {rows});
    ASSERT_TRUE(plan) << plan.getError().getMessage();
    EXPECT_EQ(plan->arenaSize, rows * 32 + 64);
    EXPECT_EQ(plan->outputShapes[0], (std::vector<int64_t>{rows, 8}));
    ASSERT_EQ(plan->steps.size(), 2u);
    EXPECT_EQ(plan->steps[0].grid[0], static_cast<uint32_t>((rows + 3) / 4));
    EXPECT_EQ(plan->steps[0].values[1], 64u);
    EXPECT_EQ(plan->steps[0].values[2], static_cast<uint64_t>(rows));
    EXPECT_EQ(plan->steps[0].values[3], 0x40000000u);
    EXPECT_TRUE(plan->isMapUsed[0]);
    EXPECT_EQ(plan->maps[0].sizes[1], static_cast<uint64_t>(rows));
    EXPECT_EQ(plan->maps[0].strides[0], 32u);
    EXPECT_EQ(plan->steps[0].bytes, rows * 64);
    EXPECT_EQ(plan->steps[0].flops, rows * 8);
    EXPECT_FALSE(plan->steps[1].bytes);
  }
  // Nothing to launch for no rows, and no map of size 0 is made.
  Result<ResolvedPlan> empty = resolve(program, {0});
  ASSERT_TRUE(empty) << empty.getError().getMessage();
  EXPECT_TRUE(empty->steps.empty());
  EXPECT_FALSE(empty->isMapUsed[0]);
}

TEST(Plan, RunsWithoutCounts) {
  // One that is negative, and one that overflows.
  SampleProgram sample;
  Program program = sample.builder.getProgram();
  auto add = [&](ExprKind kind, uint32_t lhs, uint32_t rhs, int64_t value = 0) {
    program.expressions.push_back({kind, lhs, rhs, value});
    return Expr{static_cast<uint32_t>(program.expressions.size() - 1)};
  };
  Expr most = add(ExprKind::Constant, 0, 0, INT64_MAX), none = add(ExprKind::Constant, 0, 0, 0);
  program.plans[0].steps[0].bytes = add(ExprKind::Sub, none.index, sample.rows.index);
  program.plans[0].steps[0].flops = add(ExprKind::Mul, most.index, sample.rows.index);
  Result<ResolvedPlan> plan = resolve(program, {2});
  ASSERT_TRUE(plan) << plan.getError().getMessage();
  EXPECT_FALSE(plan->steps[0].bytes || plan->steps[0].flops);
}

namespace {
/// A plan that goes wrong with 10 rows.
struct Case {
  const char *message;
  std::function<void(SampleProgram &, Program &)> spoil;
};
} // namespace

/// The index of \p value among the expressions of \p program.
static Expr constant(Program &program, int64_t value) {
  program.expressions.push_back({ExprKind::Constant, 0, 0, value});
  return {static_cast<uint32_t>(program.expressions.size() - 1)};
}

TEST(Plan, RefusesWhatLeavesItsBuffer) {
  using S = SampleProgram;
  const Case cases[] = {
      {"expected the size of working memory to be from 0 to 9223372036854775807, but with rows = 10 it is -1",
       [](S &, Program &p) { p.plans[0].arenaSize = constant(p, -1); }},
      {"the size of working memory cannot be computed with rows = 10: it overflows",
       [](S &s, Program &p) {
         p.expressions.push_back({ExprKind::Mul, s.rows.index, constant(p, INT64_MAX).index, 0});
         p.plans[0].arenaSize = {uint32_t(p.expressions.size() - 1)};
       }},
      {"expected the offset of argument 0 of step 0 (double) to be from 0 to 320, but with rows = 10 it is 321",
       [](S &, Program &p) { p.plans[0].steps[0].arguments[0].expr = constant(p, 321); }},
      {"expected the offset of argument 0 of step 0 (double) to be from 0 to 320, but with rows = 10 it is -16",
       [](S &, Program &p) { p.plans[0].steps[0].arguments[0].expr = constant(p, -16); }},
      {"expected the offset of argument 3 of step 1 (add) to be from 0 to 16",
       [](S &, Program &p) { p.plans[0].steps[1].arguments[3].expr = constant(p, 17); }},
      {"expected the offset of argument 1 of step 1 (add) to be from 0 to 32",
       [](S &, Program &p) { p.plans[0].steps[1].arguments[1].expr = constant(p, 33); }},
      {"expected argument 2 of step 0 (double) to be from -2147483648 to 2147483647",
       [](S &, Program &p) { p.plans[0].steps[0].arguments[2].expr = constant(p, int64_t(1) << 31); }},
      {"expected the grid of step 0 (double) to be from 0 to 2147483647",
       [](S &, Program &p) { p.plans[0].steps[0].grid[0] = constant(p, int64_t(1) << 31); }},
      {"expected the grid of step 0 (double) to be from 0 to 65535",
       [](S &, Program &p) { p.plans[0].steps[0].grid[1] = constant(p, 65536); }},
      {"expected the grid of step 0 (double) to be from 0 to 65535, but with rows = 10 it is -1",
       [](S &, Program &p) { p.plans[0].steps[0].grid[2] = constant(p, -1); }},
      {"expected the grid of step 1 (add) to be whole clusters of 4, but with rows = 10 it has 10 blocks",
       [](S &, Program &p) { p.plans[0].steps[1].clusterSize = 4; }},
      {"to stay within the 384 bytes of its buffer, with an offset and strides that are multiples of 16",
       [](S &, Program &p) { p.plans[0].maps[0].sizes[1] = constant(p, 11); }},
      {"to stay within the 384 bytes of its buffer",
       [](S &, Program &p) { p.plans[0].maps[0].strides[0] = constant(p, 40); }},
      {"to stay within the 384 bytes of its buffer",
       [](S &, Program &p) { p.plans[0].maps[0].offset = constant(p, 8); }},
      {"to stay within the 384 bytes of its buffer",
       [](S &, Program &p) {
         p.plans[0].maps[0].sizes = {constant(p, int64_t(1) << 32), constant(p, int64_t(1) << 32)};
         p.plans[0].maps[0].strides = {constant(p, (int64_t(1) << 40) - 16)};
       }},
      {"expected the size of dimension 1 of the tensor map that is argument 0 of step 1 (add) to be from 1 to",
       [](S &, Program &p) { p.plans[0].maps[0].sizes[1] = constant(p, 0); }},
      {"expected the stride of dimension 1 of the tensor map that is argument 0 of step 1 (add) to be from 0 to",
       [](S &, Program &p) { p.plans[0].maps[0].strides[0] = constant(p, -32); }},
      {"expected dimension 0 of output 'y' to be from 0 to",
       [](S &, Program &p) { p.outputs[0].shape[0] = constant(p, -2); }},
      {"output 'y' [4611686018427387904, 8] f32 has more bytes than can be counted with rows = 10",
       [](S &, Program &p) { p.outputs[0].shape[0] = constant(p, int64_t(1) << 62); }},
  };
  for (const Case &mistake : cases) {
    SampleProgram sample;
    Program program = sample.builder.getProgram();
    mistake.spoil(sample, program);
    Result<ResolvedPlan> plan = resolve(program, {10});
    ASSERT_FALSE(plan) << mistake.message;
    EXPECT_NE(plan.getError().getMessage().find(mistake.message), std::string::npos)
        << "expected '" << mistake.message << "' in '" << plan.getError().getMessage() << "'";
  }
}
