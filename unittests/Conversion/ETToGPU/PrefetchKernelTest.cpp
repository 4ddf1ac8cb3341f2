//===- PrefetchKernelTest.cpp - PTX of kernels that ask for later weights -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Kernels of each family, before and after they learn to ask for weights: where in
// the kernel they do, what it adds to their arguments, and what ptxas says.
//
//===----------------------------------------------------------------------===//

#include "AttentionCases.h"
#include "KernelDump.h"

#include "et/Conversion/ETToGPU/LinearKernel.h"
#include "et/Conversion/ETToGPU/PrefetchKernel.h"
#include "et/Conversion/ETToGPU/RowKernel.h"

#include "gtest/gtest.h"

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::gpu_kernels;
using nvidia::SM;

static constexpr StringRef kPrefetch = "cp.async.bulk.prefetch.L2.global";
/// Symbols and operands that no family has.
static constexpr unsigned kFirstOperand = 20, kFirstSymbol = 20;

namespace {
using S = LinearSchedule;

/// A kernel of \p family, in a module of its own.
struct Built {
  Built(StringRef chip, StringRef family) : sm(*SM::get(chip)), module(sm) {
    OpBuilder builder = module.getBuilder();
    if (family == "attention") {
      AttentionKernelSpec spec = makeAttention(module.getContext(), HeadLayout::HeadsInside, 64, 12);
      kernel = buildAttentionKernel(builder, module.getLoc(), "kernel", spec, chooseAttentionSchedule(spec, sm), sm);
      return;
    }
    if (family == "norm") {
      NormKernelSpec spec;
      spec.size = spec.xStride = spec.yStride = 768;
      spec.eps = 1e-12f;
      spec.elementType = builder.getF16Type();
      spec.programmatic = sm.hasProgrammaticLaunch;
      kernel = buildNormKernel(builder, module.getLoc(), "kernel", spec);
      return;
    }
    linear.n = linear.k = 768;
    linear.xType = linear.wType = linear.yType = builder.getF16Type();
    S schedule = family == "split"  ? S{S::Wgmma, 64, 64, 64, 6, 2, false, true}
                 : family == "pair" ? S{S::Wgmma, 128, 64, 64, 8, 1, false, true}
                 : family == "mma"  ? S{S::Mma, 64, 64, 64, 3}
                                    : S{S::Wgmma, 64, 64, 64, 8, 1, false, true};
    EXPECT_FALSE(verifyLinearKernel(linear, schedule, sm)) << family.str();
    kernel = buildLinearKernel(builder, module.getLoc(), "kernel", linear, schedule, sm);
  }

  /// Lets the kernel ask for \p count views.
  void prefetch(unsigned count) {
    SmallVector<PrefetchSpec> specs;
    for (unsigned i = 0; i < count; ++i)
      specs.push_back({kFirstOperand + i, getAffineSymbolExpr(kFirstSymbol + i, module.getContext())});
    addPrefetch(kernel, specs, sm);
  }

  SM sm;
  KernelModule module;
  LinearKernelSpec linear;
  BuiltKernel kernel;
};

/// Every family that waits for the kernels in front, and its kernel for few rows.
constexpr StringRef kFamilies[] = {"linear", "split", "pair", "mma", "attention", "norm"};
} // namespace

TEST(PrefetchKernelTest, AsksBeforeItWaits) {
  for (StringRef family : kFamilies) {
    Built built("sm_90a", family);
    ASSERT_EQ(whyNoPrefetch(built.kernel, built.sm), "") << family.str();
    built.prefetch(2);
    std::string ptx = built.module.getPTX();
    StringRef text(ptx);
    EXPECT_EQ(text.count(kPrefetch), 2u) << family.str();
    EXPECT_LT(text.rfind(kPrefetch), text.find("griddepcontrol.wait")) << family.str();
  }
}

TEST(PrefetchKernelTest, FirstWeightsComeFirst) {
  Built built("sm_90a", "linear");
  built.prefetch(1);
  std::string ptx = built.module.getPTX();
  StringRef text = StringRef(ptx).split(kPrefetch).first;
  EXPECT_EQ(text.count("cp.async.bulk.tensor.2d.shared::cta"), 8u);
  EXPECT_EQ(text.count("griddepcontrol.launch_dependents"), 1u);
}

TEST(PrefetchKernelTest, ArgumentsComeLast) {
  for (StringRef family : kFamilies) {
    Built plain("sm_90a", family), built("sm_90a", family);
    built.prefetch(2);
    size_t count = plain.kernel.arguments.size();
    ASSERT_EQ(built.kernel.arguments.size(), count + 4) << family.str();
    EXPECT_EQ(built.kernel.function.getNumArguments(), count + 4) << family.str();
    for (unsigned i = 0; i < 2; ++i) {
      const KernelArgument &pointer = built.kernel.arguments[count + 2 * i];
      const KernelArgument &bytes = built.kernel.arguments[count + 2 * i + 1];
      EXPECT_EQ(pointer.kind, KernelArgument::Pointer);
      EXPECT_EQ(pointer.operand, kFirstOperand + i);
      EXPECT_EQ(bytes.kind, KernelArgument::I32);
      EXPECT_EQ(bytes.value, getAffineSymbolExpr(kFirstSymbol + i, built.module.getContext()));
    }
  }
}

TEST(PrefetchKernelTest, NoneWithoutBeingAsked) {
  for (StringRef family : kFamilies)
    EXPECT_EQ(StringRef(Built("sm_90a", family).module.getPTX()).count(kPrefetch), 0u) << family.str();
}

TEST(PrefetchKernelTest, Assembles) {
  std::optional<std::string> ptxas = nvidia::findPtxas(nvidia::PtxasSearch::fromEnvironment());
  if (!ptxas)
    GTEST_SKIP() << "no ptxas";
  for (StringRef family : kFamilies) {
    Built built("sm_90a", family);
    built.prefetch(2);
    nvidia::AssemblyReport report;
    ASSERT_TRUE(succeeded(nvidia::assemblePTX(built.module.getLoc(), built.module.getPTX(), built.sm, *ptxas, &report)))
        << family.str();
    EXPECT_FALSE(report.hasSpills()) << family.str();
    for (const std::string &advisory : report.advisories)
      ADD_FAILURE() << family.str() << ": " << advisory;
  }
}

TEST(PrefetchKernelTest, RefusesWhatCannotAsk) {
  Built old("sm_80", "mma");
  EXPECT_EQ(whyNoPrefetch(old.kernel, old.sm), "there are no bulk copies on sm_80");
  // A norm that is not launched early has no time to fill.
  Built built("sm_90a", "norm");
  NormKernelSpec spec;
  spec.size = spec.xStride = spec.yStride = 768;
  spec.elementType = Builder(built.module.getContext()).getF16Type();
  OpBuilder builder = built.module.getBuilder();
  BuiltKernel late = buildNormKernel(builder, built.module.getLoc(), "late", spec);
  EXPECT_EQ(whyNoPrefetch(late, built.sm),
            "the kernel does not wait for those in front: there is nothing to do meanwhile");
}
