//===- SparseTestSupport.h - Specs and kernels of sparse weights -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef ET_UNITTESTS_CONVERSION_ETTOGPU_SPARSETESTSUPPORT_H
#define ET_UNITTESTS_CONVERSION_ETTOGPU_SPARSETESTSUPPORT_H

#include "KernelDump.h"

#include "et/Conversion/ETToGPU/GPUMath.h"
#include "et/Conversion/ETToGPU/LinearKernel.h"

#include "gtest/gtest.h"

namespace mlir::et::gpu_kernels {
using nvidia::NVVMBuilder;
using nvidia::SM;
using S = LinearSchedule;

/// What a test varies; types are made when there is a context.
struct TestSpec {
  int64_t n = 768, k = 768;
  bool useBF16 = false;
  /// Bias, residual and values per row, column and tensor, strides known at launch only, GELU.
  bool hasEverything = false;
  double density = 0.25;
  /// StripsLayout::unitRows and LinearStrips::tileColumns.
  int64_t unitRows = 16, tileColumns = 16;
  /// LinearKernelSpec::rowStats and yChunks.
  bool takesStats = false, storesChunks = false;
};

inline LinearKernelSpec makeSpec(MLIRContext *context, const TestSpec &test) {
  Builder types(context);
  Type elt = test.useBF16 ? Type(types.getBF16Type()) : Type(types.getF16Type()), f32 = types.getF32Type();
  LinearKernelSpec spec;
  spec.n = test.n;
  spec.k = test.k;
  spec.xType = spec.wType = spec.yType = elt;
  LinearStrips strips;
  strips.layout = {test.n, test.k, test.unitRows, 0};
  strips.tileColumns = test.tileColumns;
  int64_t units = strips.layout.numStrips() * strips.layout.numBlocks() * strips.layout.unitsPerBlock();
  strips.layout.kept = static_cast<int64_t>(units * test.density);
  spec.strips = strips;
  spec.yChunks = test.storesChunks;
  if (test.takesStats) {
    spec.rowStats = LinearRowStats{/*centred=*/true, 1e-5f, kLinearChunkSize};
    spec.epilogue = [](NVVMBuilder &b, const LinearEpilogueArgs &args) {
      auto normalize = [&](Value sum) { return b.mulf(b.subf(sum, args.rowMean), args.rowScale); };
      return std::pair(normalize(args.lo), normalize(args.hi));
    };
  }
  if (!test.hasEverything)
    return spec;
  spec.biasType = f32;
  spec.xStride = spec.yStride = ShapedType::kDynamic;
  spec.exactSums = true;
  spec.extras = {
      {LinearExtra::Matrix, elt}, {LinearExtra::Columns, f32}, {LinearExtra::Rows, f32}, {LinearExtra::Scalar, f32}};
  spec.epilogue = [](NVVMBuilder &b, const LinearEpilogueArgs &args) {
    Value lo = emitMath(b, MathFn::GeluErf, args.lo), hi = emitMath(b, MathFn::GeluErf, args.hi);
    for (unsigned i = 0; i < args.extraSpecs.size(); ++i) {
      auto [addLo, addHi] = loadLinearExtra(b, args, i);
      lo = b.addf(lo, addLo);
      hi = b.addf(hi, addHi);
    }
    return std::pair(lo, hi);
  };
  return spec;
}

/// A kernel, in a module of its own.
struct Built {
  Built(StringRef chip, const TestSpec &test, const LinearSchedule &schedule) : sm(*SM::get(chip)), module(sm) {
    spec = makeSpec(module.getContext(), test);
    if (std::optional<std::string> reason = verifyLinearKernel(spec, schedule, sm)) {
      ADD_FAILURE() << stringifyLinearSchedule(schedule) << ": " << *reason;
      return;
    }
    OpBuilder builder = module.getBuilder();
    kernel = buildLinearKernel(builder, module.getLoc(), "sparse", spec, schedule, sm);
  }
  SM sm;
  KernelModule module;
  LinearKernelSpec spec;
  BuiltKernel kernel;
};

/// Expects that ptxas, if there is one, has no complaint, but for one that \p mayInjectArrives allows, about \p
/// schedule on \p chip.
inline void expectAssembles(StringRef chip, const TestSpec &test, const LinearSchedule &schedule,
                            bool mayInjectArrives = false) {
  std::string name = chip.str() + " " + stringifyLinearSchedule(schedule);
  Built built(chip, test, schedule);
  ASSERT_TRUE(built.kernel.function) << name;
  std::string ptx = built.module.getPTX();
  ASSERT_FALSE(ptx.empty()) << name;
  std::optional<std::string> ptxas = nvidia::findPtxas(nvidia::PtxasSearch::fromEnvironment());
  if (!ptxas)
    GTEST_SKIP() << "no ptxas";
  nvidia::AssemblyReport report;
  ASSERT_TRUE(succeeded(nvidia::assemblePTX(built.module.getLoc(), ptx, built.sm, *ptxas, &report))) << name;
  ASSERT_EQ(report.kernels.size(), 1u) << name;
  EXPECT_FALSE(report.hasSpills()) << name << ": " << report.kernels[0].spillStoreBytes << " bytes, "
                                   << report.kernels[0].registers << " registers";
  // A branch around wgmma makes ptxas add what orders the registers, which is there already.
  for (const std::string &advisory : report.advisories)
    if (!mayInjectArrives || !StringRef(advisory).contains("C7519"))
      ADD_FAILURE() << name << ": " << advisory;
  EXPECT_LE(built.kernel.sharedBytes, built.sm.sharedPerBlock) << name;
}

/// Expects that \p schedule is refused with a reason that contains \p part.
inline void expectRefused(StringRef part, const TestSpec &test, const LinearSchedule &schedule,
                          StringRef chip = "sm_90a",
                          llvm::function_ref<void(LinearKernelSpec &, MLIRContext *)> change = nullptr) {
  MLIRContext context;
  LinearKernelSpec spec = makeSpec(&context, test);
  if (change)
    change(spec, &context);
  std::optional<std::string> reason = verifyLinearKernel(spec, schedule, *SM::get(chip));
  ASSERT_TRUE(reason) << "accepted, expected: " << part.str();
  EXPECT_PRED_FORMAT2(::testing::IsSubstring, part.str(), *reason);
}

} // namespace mlir::et::gpu_kernels

#endif // ET_UNITTESTS_CONVERSION_ETTOGPU_SPARSETESTSUPPORT_H
