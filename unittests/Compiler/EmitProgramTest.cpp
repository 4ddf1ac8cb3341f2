//===- EmitProgramTest.cpp - Programs for several targets -------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "et/Compiler/Compiler.h"
#include "et/Runtime/LoadedProgram.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
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
static std::shared_ptr<const LoadedProgram> compileFor(const char *source, const char *target) {
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
