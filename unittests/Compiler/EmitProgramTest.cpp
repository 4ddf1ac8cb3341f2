//===- EmitProgramTest.cpp - Programs for several targets -------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "et/Compiler/Compiler.h"
#include "et/Compiler/Register.h"
#include "et/Runtime/LoadedProgram.h"
#include "et/Runtime/ResolvedPlan.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/raw_ostream.h"

#include "gtest/gtest.h"

using namespace mlir;
using namespace mlir::et;
using runtime::DeviceKind;
using runtime::LoadedProgram;

static const char *const kEmbed = R"(
func.func @embed(%ids: tensor<?xi64> {et.name = "ids"}) -> tensor<?x64xf16> {
  %table = arith.constant dense<1.0> : tensor<100x64xf16>
  %0 = et.embedding %ids, %table : (tensor<?xi64>, tensor<100x64xf16>) -> tensor<?x64xf16>
  return %0 : tensor<?x64xf16>
})";

/// The program that \p source becomes for \p target; null after a failure.
static std::shared_ptr<const LoadedProgram> compileFor(const char *source, const char *target,
                                                       FoldNorms foldNorms = FoldNorms::Off,
                                                       bool prefetchWeights = false, int64_t partialAttention = -1) {
  DialectRegistry registry;
  registerCompilerDialects(registry);
  MLIRContext context(registry);
  context.loadAllAvailableDialects();
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(source, &context);
  if (!module)
    return nullptr;
  CompileOptions options;
  options.target = target;
  options.isa = "baseline";
  options.useTunedCache = false;
  options.foldNorms = foldNorms;
  options.prefetchWeights = prefetchWeights;
  options.partialAttention = partialAttention;
  std::string bytes;
  llvm::raw_string_ostream os(bytes);
  if (failed(emitStage(*module, Stage::Program, options, os)))
    return nullptr;
  auto loaded = LoadedProgram::loadMemory(bytes.data(), bytes.size());
  EXPECT_TRUE(bool(loaded)) << (loaded ? "" : loaded.getError().getMessage());
  return loaded ? *loaded : nullptr;
}

/// The status code that the first step of \p plan gets as its last argument.
static int64_t getCode(const runtime::Program &program, const runtime::Plan &plan) {
  runtime::Evaluation evaluation(program, std::vector<int64_t>(program.symbols.size(), 8));
  return evaluation.find(plan.steps.front().arguments.back().expr).value_or(-1);
}

TEST(EmitProgram, PlansCountTheChecksOfAll) {
  auto alone = compileFor(kEmbed, "cuda:sm_90a");
  ASSERT_TRUE(alone);
  const runtime::Program &gpu = alone->getProgram();
  ASSERT_EQ(gpu.checks.size(), 1u);
  EXPECT_EQ(getCode(gpu, gpu.plans[0]), 1);

  // The order in which targets are named changes nothing.
  for (const char *targets : {"cpu,cuda:sm_80,cuda:sm_90a", "cuda:sm_80,cuda:sm_90a,cpu"}) {
    auto loaded = compileFor(kEmbed, targets);
    ASSERT_TRUE(loaded);
    const runtime::Program &program = loaded->getProgram();
    ASSERT_EQ(program.plans.size(), 3u);
    EXPECT_EQ(program.plans[0].device, DeviceKind::Host);
    // Kernels of the CPU store 1.
    ASSERT_EQ(program.checks.size(), 2u);
    EXPECT_NE(program.checks[0], gpu.checks[0]);
    EXPECT_EQ(program.checks[1], gpu.checks[0]);
    EXPECT_EQ(getCode(program, program.plans[1]), 2);
    EXPECT_EQ(getCode(program, program.plans[2]), 2);
  }
}

TEST(EmitProgram, PlansShareWeightsOfOneForm) {
  auto one = compileFor(kEmbed, "cuda:sm_80"), two = compileFor(kEmbed, "cuda:sm_80,cuda:sm_86");
  ASSERT_TRUE(one && two);
  EXPECT_EQ(two->getProgram().plans.size(), 2u);
  EXPECT_EQ(one->getProgram().weights.size(), two->getProgram().weights.size());
}

TEST(EmitProgram, RefusesWhatIsNoTarget) {
  for (const char *target : {"", "cpu,", ",cpu", "cuda:", "cuda:sm_90a cpu", "cpu,cuda:sm_1"})
    EXPECT_FALSE(compileFor(kEmbed, target)) << target;
}

static const char *const kNorm = R"(
func.func @norm(%x: tensor<?x128xf16> {et.name = "x"}) -> tensor<?x128xf16> {
  %w1 = arith.constant dense<0.25> : tensor<128x128xf16>
  %w2 = arith.constant dense<0.5> : tensor<128x128xf16>
  %g = arith.constant dense<1.5> : tensor<128xf16>
  %0 = et.linear %x, %w1 : (tensor<?x128xf16>, tensor<128x128xf16>) -> tensor<?x128xf16>
  %1 = et.layer_norm %0 gamma(%g : tensor<128xf16>) {eps = 1.0e-5 : f32} : tensor<?x128xf16> -> tensor<?x128xf16>
  %2 = et.linear %1, %w2 : (tensor<?x128xf16>, tensor<128x128xf16>) -> tensor<?x128xf16>
  return %2 : tensor<?x128xf16>
})";

/// \p plan for \p rows rows.
static runtime::ResolvedPlan resolve(const runtime::Program &program, const runtime::Plan &plan, int64_t rows) {
  auto resolved = runtime::resolvePlan(program, plan, std::vector<int64_t>(program.symbols.size(), rows));
  EXPECT_TRUE(bool(resolved)) << (resolved ? "" : resolved.getError().getMessage());
  return resolved ? std::move(*resolved) : runtime::ResolvedPlan();
}

/// Names of the launches that happen with \p rows rows.
static std::vector<std::string> getLaunches(const runtime::Program &program, int64_t rows) {
  std::vector<std::string> names;
  for (const runtime::ResolvedStep &step : resolve(program, program.plans[0], rows).steps)
    names.push_back(program.plans[0].steps[step.step].name);
  return names;
}

TEST(EmitProgram, FoldsNormsByRows) {
  auto off = compileFor(kNorm, "cuda:sm_90a"), on = compileFor(kNorm, "cuda:sm_90a", FoldNorms::On);
  auto both = compileFor(kNorm, "cuda:sm_90a", FoldNorms::Auto);
  ASSERT_TRUE(off && on && both);
  const runtime::Program &program = both->getProgram();
  ASSERT_EQ(program.plans.size(), 1u);
  // One of them alone runs, and needs no more memory than the larger.
  for (int64_t rows : {1, 64, 1024, 1025, 8192}) {
    const runtime::Program &same = (rows <= 1024 ? on : off)->getProgram();
    EXPECT_EQ(getLaunches(program, rows), getLaunches(same, rows)) << rows;
    auto arenaOf = [&](const runtime::Program &of) { return resolve(of, of.plans[0], rows).arenaSize; };
    EXPECT_EQ(arenaOf(program), std::max(arenaOf(on->getProgram()), arenaOf(off->getProgram()))) << rows;
  }
  EXPECT_NE(getLaunches(program, 1024), getLaunches(program, 1025));
  EXPECT_TRUE(getLaunches(program, 0).empty());
  // The first weight is the same in both.
  EXPECT_LT(program.weights.size(), on->getProgram().weights.size() + off->getProgram().weights.size());
}

TEST(EmitProgram, HasOnePlanWhereNothingIsFolded) {
  for (const char *target : {"cuda:sm_90a", "cpu"}) {
    auto off = compileFor(kEmbed, target), both = compileFor(kEmbed, target, FoldNorms::Auto);
    ASSERT_TRUE(off && both);
    EXPECT_EQ(both->getProgram().plans[0].steps.size(), off->getProgram().plans[0].steps.size());
    EXPECT_EQ(both->getProgram().weights.size(), off->getProgram().weights.size());
  }
}

static const char *const kLarge = R"(
func.func @large(%x: tensor<?x2304xf16> {et.name = "x"}) -> tensor<?x2304xf16> {
  %w1 = arith.constant dense<0.25> : tensor<2304x2304xf16>
  %w2 = arith.constant dense<0.5> : tensor<2304x2304xf16>
  %w3 = arith.constant dense<0.75> : tensor<2304x2304xf16>
  %0 = et.linear %x, %w1 : (tensor<?x2304xf16>, tensor<2304x2304xf16>) -> tensor<?x2304xf16>
  %1 = et.linear %0, %w2 : (tensor<?x2304xf16>, tensor<2304x2304xf16>) -> tensor<?x2304xf16>
  %2 = et.linear %1, %w3 : (tensor<?x2304xf16>, tensor<2304x2304xf16>) -> tensor<?x2304xf16>
  return %2 : tensor<?x2304xf16>
})";

TEST(EmitProgram, FewRowsAskForLaterWeights) {
  auto loaded = compileFor(kLarge, "cuda:sm_90a", FoldNorms::Off, /*prefetchWeights=*/true);
  auto plain = compileFor(kLarge, "cuda:sm_90a");
  ASSERT_TRUE(loaded && plain);
  const runtime::Program &program = loaded->getProgram();
  const runtime::Plan &plan = program.plans[0];
  constexpr uint64_t bytes = 2304 * 2304 * 2;
  // Only on request.
  for (const runtime::ResolvedStep &step : resolve(plain->getProgram(), plain->getProgram().plans[0], 1).steps)
    EXPECT_EQ(llvm::count(step.values, bytes), 0);
  // The first launch asks for the weight of the third, whole; nobody asks for the others.
  for (int64_t rows : {1, 512, 513, 4096}) {
    std::vector<size_t> asked;
    for (const runtime::ResolvedStep &step : resolve(program, plan, rows).steps)
      asked.push_back(llvm::count(step.values, bytes));
    ASSERT_GE(asked.size(), 3u) << rows;
    EXPECT_EQ(asked.front(), rows <= 512 ? 1u : 0u) << rows;
    EXPECT_EQ(llvm::count_if(asked, [](size_t count) { return count != 0; }), rows <= 512 ? 1 : 0) << rows;
  }
}

static const char *const kAttention = R"(
#q = affine_map<(b, h, m, n, k, v) -> (b, m, h, k)>
#k = affine_map<(b, h, m, n, k, v) -> (b, n, h, k)>
#v = affine_map<(b, h, m, n, k, v) -> (b, n, h, v)>
#o = affine_map<(b, h, m, n, k, v) -> (b, m, h, v)>
func.func @attention(%x: tensor<?x?x12x64xf16> {et.name = "x", et.dims = ["batch", "sequence", "", ""]})
    -> tensor<?x?x12x64xf16> {
  %0 = et.attention query(%x : tensor<?x?x12x64xf16>) key(%x : tensor<?x?x12x64xf16>) value(%x : tensor<?x?x12x64xf16>)
         {indexing_maps = [#q, #k, #v, #o], scale = 0.125 : f32} -> tensor<?x?x12x64xf16>
  return %0 : tensor<?x?x12x64xf16>
})";

TEST(EmitProgram, FewTilesOfAttentionAreShared) {
  auto loaded = compileFor(kAttention, "cuda:sm_90a");
  ASSERT_TRUE(loaded);
  const runtime::Program &program = loaded->getProgram();
  struct Case {
    int64_t batch, sequence;
    bool isShared;
  };
  // Two blocks for each of up to 66 tiles, with up to 128 keys.
  for (Case test : {Case{1, 1, true}, Case{1, 128, true}, Case{5, 64, true}, Case{6, 64, false}, Case{2, 128, true},
                    Case{3, 128, false}, Case{1, 129, false}, Case{64, 128, false}, Case{1, 4096, false}}) {
    auto plan = runtime::resolvePlan(program, program.plans[0], {test.batch, test.sequence});
    ASSERT_TRUE(bool(plan));
    ASSERT_EQ(plan->steps.size(), 1u) << test.batch << " x " << test.sequence;
    const std::string &symbol = program.plans[0].steps[plan->steps[0].step].symbol;
    EXPECT_EQ(StringRef(symbol).ends_with("_few"), test.isShared) << test.batch << " x " << test.sequence;
  }
}

TEST(EmitProgram, ManyKeysKeepScoresInMemory) {
  for (const char *target : {"cuda:sm_90a", "cuda:sm_80"}) {
    auto loaded = compileFor(kAttention, target, FoldNorms::Off, /*prefetchWeights=*/false, /*partialAttention=*/224);
    auto plain = compileFor(kAttention, target);
    ASSERT_TRUE(loaded && plain);
    auto resolveFor = [](const runtime::Program &program, int64_t batch, int64_t sequence) {
      auto plan = runtime::resolvePlan(program, program.plans[0], {batch, sequence});
      EXPECT_TRUE(bool(plan));
      return plan ? std::move(*plan) : runtime::ResolvedPlan();
    };
    const runtime::Program &program = loaded->getProgram();
    // Up to 224 keys all is as without the option, and so is the memory.
    for (int64_t sequence : {0, 1, 64, 224}) {
      runtime::ResolvedPlan plan = resolveFor(program, 3, sequence);
      EXPECT_EQ(plan.steps.size(), sequence ? 1u : 0u) << sequence;
      EXPECT_EQ(plan.arenaSize, resolveFor(plain->getProgram(), 3, sequence).arenaSize) << sequence;
    }
    // Whole blocks of 64 by 64 scores, and the product in front of the rest.
    for (auto [sequence, padded] : {std::pair(225, 256), std::pair(256, 256), std::pair(700, 704)}) {
      runtime::ResolvedPlan plan = resolveFor(program, 3, sequence);
      EXPECT_EQ(plan.arenaSize, resolveFor(plain->getProgram(), 3, sequence).arenaSize + 3 * 12 * padded * padded * 4);
      ASSERT_EQ(plan.steps.size(), 2u);
      auto getStep = [&](size_t i) -> const runtime::Launch & { return program.plans[0].steps[plan.steps[i].step]; };
      EXPECT_TRUE(StringRef(getStep(0).symbol).ends_with("_scores"));
      EXPECT_FALSE(StringRef(getStep(1).symbol).ends_with("_scores"));
      // The second one begins while the first one still runs, and waits for it.
      EXPECT_EQ(plan.steps[0].step + 1, plan.steps[1].step);
    }
  }
}
