//===- AttentionKernelTest.cpp - Tests of the GPU attention kernels -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What can be known without a GPU: the PTX, what ptxas says of it, the launch, and
// what is refused. benchmarks/gpu/attention.py runs the same kernels.
//
//===----------------------------------------------------------------------===//

#include "AttentionCases.h"
#include "KernelDump.h"

#include "gtest/gtest.h"

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::gpu_kernels;
using S = AttentionSchedule;

namespace {

nvidia::SM getSM(StringRef chip) { return *nvidia::SM::get(chip); }

/// A kernel with its module.
struct Built {
  explicit Built(const nvidia::SM &sm) : module(sm) {}
  KernelModule module;
  BuiltKernel kernel;
  /// Of the schedule Partial, the one in front.
  std::optional<BuiltKernel> scores;
};

AttentionCase findCase(MLIRContext *context, const nvidia::SM &sm, StringRef name) {
  for (AttentionCase &c : getAttentionCases(context, sm))
    if (c.name == name)
      return c;
  ADD_FAILURE() << "no case " << name.str();
  return {};
}

std::unique_ptr<Built> build(StringRef chip, StringRef name) {
  nvidia::SM sm = getSM(chip);
  auto built = std::make_unique<Built>(sm);
  AttentionCase c = findCase(built->module.getContext(), sm, name);
  OpBuilder builder = built->module.getBuilder();
  if (c.schedule.family == S::Partial)
    built->scores = buildAttentionScoresKernel(builder, built->module.getLoc(), "scores", c.spec, c.schedule, sm);
  built->kernel = buildAttentionKernel(builder, built->module.getLoc(), "attention", c.spec, c.schedule, sm);
  return built;
}

std::string getPTX(StringRef chip, StringRef name) { return build(chip, name)->module.getPTX(); }

size_t count(StringRef text, StringRef what) { return text.count(what); }

} // namespace

//===----------------------------------------------------------------------===//
// PTX
//===----------------------------------------------------------------------===//

TEST(GPUAttentionPTX, ScoresStayInRegisters) {
  // Outputs leave by the copy engine; nothing else is written, to global or (but for stmatrix) to shared memory.
  for (StringRef name : {"wgmma_plain", "pingpong_plain", "wgmma_causal", "pingpong_mask_f32"}) {
    std::string ptx = getPTX("sm_90a", name);
    EXPECT_EQ(count(ptx, "st.global"), 0u) << name.str();
    EXPECT_EQ(count(ptx, "st.shared"), 0u) << name.str();
    EXPECT_EQ(count(ptx, "mma.sync"), 0u) << name.str();
    EXPECT_EQ(count(ptx, "cp.async.bulk.tensor.4d.global.shared::cta"), 1u) << name.str();
  }
}

TEST(GPUAttentionPTX, FirstSoftmaxIsExact) {
  // Two blocks of 64 keys in the first softmax and one in the loop: four wgmma each for Q K^T and for P V.
  std::string ptx = getPTX("sm_90a", "wgmma_64x2_w1_s3_b3");
  EXPECT_EQ(count(ptx, "wgmma.mma_async.sync.aligned.m64n64k16.f32.f16.f16"), 24u);
  // A thread has 64 of the 64 x 128 scores in the first softmax, and rescales only in the loop.
  EXPECT_EQ(count(ptx, "ex2.approx.ftz.f32"), 64u + 32u + 2u + 2u);
  EXPECT_EQ(count(ptx, "ex2.approx.f32"), 0u);
}

TEST(GPUAttentionPTX, ElementTypes) {
  EXPECT_NE(getPTX("sm_90a", "wgmma_bf16_inside").find("m64n64k16.f32.bf16.bf16"), std::string::npos);
  EXPECT_NE(getPTX("sm_80", "mma_bf16_inside").find("m16n8k16.row.col.f32.bf16.bf16.f32"), std::string::npos);
}

TEST(GPUAttentionPTX, RanksOfTensorMaps) {
  EXPECT_EQ(count(getPTX("sm_90a", "wgmma_flat"), "bulk.tensor.4d"), 0u);
  EXPECT_NE(count(getPTX("sm_90a", "wgmma_flat"), "bulk.tensor.3d"), 0u);
  // Keys and values of grouped heads have one dimension less than queries and outputs.
  std::string ptx = getPTX("sm_90a", "wgmma_grouped");
  EXPECT_NE(count(ptx, "bulk.tensor.5d"), 0u);
  EXPECT_NE(count(ptx, "bulk.tensor.4d"), 0u);
}

TEST(GPUAttentionPTX, RaggedTilesEndWithTheirSequence) {
  // Whole tiles leave by tensor map, others row by row; one warp looks for the sequence.
  std::string ptx = getPTX("sm_90a", "wgmma_ragged");
  EXPECT_NE(count(ptx, "cp.async.bulk.tensor.3d.global"), 0u);
  EXPECT_NE(count(ptx, "st.global.v4"), 0u);
  EXPECT_GE(count(ptx, "shfl.sync.idx"), 32u);
  EXPECT_EQ(count(getPTX("sm_90a", "wgmma_plain"), "st.global"), 0u);
}

TEST(GPUAttentionPTX, MmaCopies) {
  std::string ptx = getPTX("sm_80", "mma_plain");
  EXPECT_NE(count(ptx, "cp.async.cg.shared.global"), 0u);
  EXPECT_NE(count(ptx, "mma.sync.aligned.m16n8k16"), 0u);
  EXPECT_EQ(count(ptx, "griddepcontrol"), 0u);
  // Rows that start anywhere cannot be copied 16 bytes at a time.
  ptx = getPTX("sm_80", "mma_odd");
  EXPECT_EQ(count(ptx, "cp.async.cg"), 0u);
  EXPECT_NE(count(ptx, "ld.global.b16"), 0u);
}

TEST(GPUAttentionPTX, PartialKeepsScoresInMemory) {
  auto built = build("sm_80", "partial_plain");
  std::string ptx = built->module.getPTX();
  size_t second = ptx.find(".entry attention(");
  ASSERT_NE(second, std::string::npos);
  std::string scores = ptx.substr(0, second), rest = ptx.substr(second);
  // 16 bytes per lane for each eight of 64 keys, in and out, and nothing else.
  EXPECT_EQ(count(scores, "st.global.v4.b32"), 8u);
  EXPECT_EQ(count(scores, "st.global"), 8u);
  EXPECT_EQ(count(rest, "ld.global.v4.b32"), 8u);
  EXPECT_EQ(count(rest, "ld.global"), 8u);
  // Each kernel has one of the two products: 4 x 8 of them for a block of keys.
  EXPECT_EQ(count(scores, "mma.sync"), 32u);
  EXPECT_EQ(count(rest, "mma.sync"), 32u);
  EXPECT_EQ(count(scores, "ex2.approx"), 0u);
  EXPECT_NE(count(rest, "ex2.approx"), 0u);
  // Masks are the second kernel's, queries and keys the first one's.
  built = build("sm_80", "partial_mask_bool");
  auto takes = [](const BuiltKernel &kernel, unsigned operand) {
    return llvm::any_of(kernel.arguments, [&](const KernelArgument &argument) {
      return argument.kind == KernelArgument::Pointer && argument.operand == operand;
    });
  };
  for (unsigned operand : {kAttentionQuery, kAttentionKey, kAttentionScores})
    EXPECT_TRUE(takes(*built->scores, operand)) << operand;
  for (unsigned operand : {kAttentionValue, kAttentionMask, kAttentionOutput})
    EXPECT_FALSE(takes(*built->scores, operand)) << operand;
  for (unsigned operand : {kAttentionQuery, kAttentionKey})
    EXPECT_FALSE(takes(built->kernel, operand)) << operand;
  for (unsigned operand : {kAttentionValue, kAttentionMask, kAttentionScores, kAttentionOutput})
    EXPECT_TRUE(takes(built->kernel, operand)) << operand;
}

TEST(GPUAttentionPTX, ProgrammaticLaunch) {
  EXPECT_EQ(count(getPTX("sm_90a", "partial_plain"), "griddepcontrol.wait"), 2u);
  for (StringRef name : {"wgmma_plain", "wgmma_lengths", "pingpong_plain", "mma_plain"}) {
    auto built = build("sm_90a", name);
    EXPECT_TRUE(built->kernel.programmatic);
    std::string ptx = built->module.getPTX();
    EXPECT_NE(count(ptx, "griddepcontrol.wait"), 0u) << name.str();
    // With few blocks, before everything else.
    EXPECT_EQ(count(ptx, "griddepcontrol.launch_dependents"), name.starts_with("wgmma") ? 2u : 1u) << name.str();
  }
  // How many blocks of a ragged batch have work nobody knows.
  EXPECT_EQ(count(getPTX("sm_90a", "wgmma_ragged"), "griddepcontrol.launch_dependents"), 1u);
  EXPECT_FALSE(build("sm_80", "mma_plain")->kernel.programmatic);
}

TEST(GPUAttentionPTX, RolesOfWarpgroups) {
  std::string ptx = getPTX("sm_90a", "pingpong_plain");
  EXPECT_EQ(count(ptx, "setmaxnreg.dec.sync.aligned.u32 \t32;"), 1u);
  EXPECT_EQ(count(ptx, "setmaxnreg.inc.sync.aligned.u32 \t160;"), 1u);
  EXPECT_EQ(count(getPTX("sm_90a", "wgmma_plain"), "setmaxnreg"), 0u);
}

//===----------------------------------------------------------------------===//
// ptxas
//===----------------------------------------------------------------------===//

/// Assembles the cases of \p chip whose name contains one of \p filters: no spills, no lost wgmma pipelines.
static void assemble(StringRef chip, ArrayRef<StringRef> filters = {}) {
  nvidia::SM sm = getSM(chip);
  std::optional<std::string> ptxas = nvidia::findPtxas(nvidia::PtxasSearch::fromEnvironment());
  MLIRContext context;
  context.loadDialect<LLVM::LLVMDialect>();
  for (const AttentionCase &c : getAttentionCases(&context, sm)) {
    if (!filters.empty() && llvm::none_of(filters, [&](StringRef f) { return StringRef(c.name).contains(f); }))
      continue;
    SCOPED_TRACE((chip + " " + c.name).str());
    std::optional<std::string> reason = verifyAttentionSchedule(c.spec, c.schedule, sm);
    ASSERT_FALSE(reason) << *reason;
    auto built = build(chip, c.name);
    std::string ptx = built->module.getPTX();
    ASSERT_FALSE(ptx.empty());
    if (!ptxas)
      continue;
    nvidia::AssemblyReport report;
    ASSERT_TRUE(succeeded(nvidia::assemblePTX(built->module.getLoc(), ptx, sm, *ptxas, &report)));
    EXPECT_FALSE(report.hasSpills());
    EXPECT_TRUE(report.advisories.empty()) << report.advisories.front();
  }
}

TEST(GPUAttentionAssembly, SM90a) { assemble("sm_90a"); }
TEST(GPUAttentionAssembly, SM80) { assemble("sm_80"); }
TEST(GPUAttentionAssembly, SM86) { assemble("sm_86", {"plain", "head", "window_global"}); }
TEST(GPUAttentionAssembly, SM89) { assemble("sm_89", {"plain", "mask", "odd"}); }
TEST(GPUAttentionAssembly, SM90) { assemble("sm_90", {"plain", "score"}); }

//===----------------------------------------------------------------------===//
// Launches
//===----------------------------------------------------------------------===//

TEST(GPUAttentionLaunch, TensorMaps) {
  auto built = build("sm_90a", "wgmma_plain");
  const BuiltKernel &kernel = built->kernel;
  ASSERT_EQ(kernel.maps.size(), 4u);
  // Batch 3, 12 heads, 100 rows, 200 keys.
  int64_t symbols[] = {3, 12, 100, 200};
  const TensorMapSpec &key = kernel.maps[1];
  EXPECT_EQ(key.operand, unsigned(kAttentionKey));
  EXPECT_EQ(key.swizzle, 128);
  EXPECT_EQ(key.box, (SmallVector<int64_t>{64, 64, 1, 1}));
  SmallVector<int64_t> sizes, strides;
  for (LaunchExpr expr : key.sizes)
    sizes.push_back(evaluate(expr, symbols));
  for (LaunchExpr expr : key.strides)
    strides.push_back(evaluate(expr, symbols));
  EXPECT_EQ(sizes, (SmallVector<int64_t>{64, 200, 12, 3}));
  EXPECT_EQ(strides, (SmallVector<int64_t>{64, 200 * 64, 12 * 200 * 64}));
}

TEST(GPUAttentionLaunch, NarrowHeadsTakeNarrowPatterns) {
  EXPECT_EQ(build("sm_90a", "wgmma_head16")->kernel.maps[0].swizzle, 32);
  EXPECT_EQ(build("sm_90a", "wgmma_head32")->kernel.maps[0].swizzle, 64);
  auto built = build("sm_90a", "wgmma_head96");
  EXPECT_EQ(built->kernel.maps[0].swizzle, 128);
  // Two panels of 64 columns; what lies behind column 96 reads as zero.
  EXPECT_EQ(built->kernel.maps[0].box[0], 64);
  EXPECT_EQ(cast<AffineConstantExpr>(built->kernel.maps[0].sizes[0]).getValue(), 96);
}

TEST(GPUAttentionLaunch, Grids) {
  auto grid = [](StringRef name, ArrayRef<int64_t> symbols) {
    auto built = build("sm_90a", name);
    SmallVector<int64_t> result;
    for (LaunchExpr expr : built->kernel.grid)
      result.push_back(evaluate(expr, symbols));
    return result;
  };
  EXPECT_EQ(grid("wgmma_plain", {3, 12, 130, 200}), (SmallVector<int64_t>{3, 12, 3}));
  EXPECT_EQ(grid("wgmma_plain", {3, 12, 0, 200}), (SmallVector<int64_t>{0, 12, 3}));
  EXPECT_EQ(grid("wgmma_flat", {36, 130, 200}), (SmallVector<int64_t>{3 * 36, 1, 1}));
  EXPECT_EQ(grid("wgmma_grouped", {2, 3, 4, 64, 64}), (SmallVector<int64_t>{1, 4, 6}));
  EXPECT_EQ(grid("pingpong_plain", {3, 12, 130, 200}), (SmallVector<int64_t>{132, 1, 1}));
  // Two blocks for each tile.
  EXPECT_EQ(grid("wgmma_64x1_w1_s2_b5_v2", {3, 12, 130, 200}), (SmallVector<int64_t>{6, 12, 3}));
  EXPECT_EQ(grid("wgmma_flat_v2", {36, 130, 200}), (SmallVector<int64_t>{6 * 36, 1, 1}));
  EXPECT_EQ(grid("wgmma_ragged_head128_v2", {12, 130, 130, 5}), (SmallVector<int64_t>{24, 2 + 5, 1}));
  // Four sequences, of which each may end inside of a tile, and what is behind them.
  EXPECT_EQ(grid("wgmma_ragged", {12, 130, 130, 5}), (SmallVector<int64_t>{12, 3 + 5, 1}));
  EXPECT_EQ(grid("wgmma_ragged", {12, 0, 0, 5})[0], 0);
  EXPECT_EQ(grid("wgmma_ragged", {12, 130, 130, 0})[0], 0);
}

TEST(GPUAttentionLaunch, GridsOfPartial) {
  auto grids = [](StringRef name, ArrayRef<int64_t> symbols) {
    auto built = build("sm_90a", name);
    std::vector<SmallVector<int64_t>> result(2);
    for (unsigned dim = 0; dim < 3; ++dim) {
      result[0].push_back(evaluate(built->scores->grid[dim], symbols));
      result[1].push_back(evaluate(built->kernel.grid[dim], symbols));
    }
    return result;
  };
  // A block for each 64 rows and 64 keys, then one for each 64 rows.
  EXPECT_EQ(grids("partial_plain", {3, 12, 130, 200}), (std::vector<SmallVector<int64_t>>{{12, 12, 3}, {3, 12, 3}}));
  EXPECT_EQ(grids("partial_32_s2_b4", {3, 12, 130, 200}), (std::vector<SmallVector<int64_t>>{{21, 12, 3}, {3, 12, 3}}));
  EXPECT_EQ(grids("partial_flat", {36, 130, 200}), (std::vector<SmallVector<int64_t>>{{12 * 36, 1, 1}, {108, 1, 1}}));
  // Without keys there is no product, and every row is zero.
  EXPECT_EQ(grids("partial_plain", {3, 12, 130, 0}), (std::vector<SmallVector<int64_t>>{{0, 12, 3}, {3, 12, 3}}));
}

TEST(GPUAttentionLaunch, RoomForScores) {
  MLIRContext context;
  LaunchExpr elements = attentionScoreElements(2, &context);
  EXPECT_EQ(evaluate(elements, {3, 12, 130, 200}), 3 * 12 * 192 * 256);
  EXPECT_EQ(evaluate(elements, {1, 1, 64, 64}), 64 * 64);
  EXPECT_EQ(evaluate(elements, {3, 12, 130, 0}), 0);
}

TEST(GPUAttentionLaunch, ArgumentsMatchParameters) {
  auto check = [](BuiltKernel &kernel, const std::string &name) {
    LLVM::LLVMFuncOp function = kernel.function;
    ASSERT_EQ(kernel.arguments.size(), function.getNumArguments()) << name;
    for (auto [i, argument] : llvm::enumerate(kernel.arguments)) {
      bool isInteger = function.getArgument(i).getType().isInteger(32);
      EXPECT_EQ(argument.kind == KernelArgument::I32, isInteger) << name;
      bool isMap = bool(function.getArgAttr(i, "nvvm.grid_constant"));
      EXPECT_EQ(argument.kind == KernelArgument::TensorMap, isMap) << name;
    }
  };
  for (StringRef name : {"wgmma_plain", "pingpong_lengths", "mma_odd", "mma_mask_bool", "wgmma_mask_keys",
                         "wgmma_ragged", "mma_ragged_keys", "partial_lengths", "partial_mask_bool"}) {
    auto built = build("sm_90a", name);
    check(built->kernel, name.str());
    if (built->scores)
      check(*built->scores, name.str());
  }
}

TEST(GPUAttentionLaunch, SharedMemory) {
  MLIRContext context;
  AttentionKernelSpec spec = makeAttention(&context, HeadLayout::HeadsOutside, 64, 12);
  // 64 queries, two blocks of 64 keys and values, 7 barriers.
  EXPECT_EQ(attentionSharedBytes(spec, {S::Wgmma, 64, 1, 1, 2, 5}), 8192 + 4 * 8192 + 7 * 8);
  // Queries and outputs of three warpgroups, three stages of 128 keys and values, 14 barriers.
  EXPECT_EQ(attentionSharedBytes(spec, {S::WgmmaPingPong, 128, 1, 3, 3, 1}), 6 * 8192 + 6 * 16384 + 14 * 8);
}

//===----------------------------------------------------------------------===//
// Choice
//===----------------------------------------------------------------------===//

TEST(GPUAttentionSchedule, ChoiceFitsEverywhere) {
  MLIRContext context;
  context.loadDialect<LLVM::LLVMDialect>();
  for (const nvidia::SM &sm : nvidia::SM::all())
    for (int64_t head : {1, 16, 40, 64, 96, 128, 200, 256, 300, 512})
      for (HeadLayout layout : {HeadLayout::HeadsInside, HeadLayout::OddRows})
        for (std::optional<int64_t> keys : {std::optional<int64_t>(), std::optional<int64_t>(128),
                                            std::optional<int64_t>(512), std::optional<int64_t>(8192)}) {
          AttentionKernelSpec spec = makeAttention(&context, layout, head, 12);
          AttentionSchedule schedule = chooseAttentionSchedule(spec, sm, keys, keys);
          std::optional<std::string> reason = verifyAttentionSchedule(spec, schedule, sm);
          EXPECT_FALSE(reason) << *reason;
        }
}

TEST(GPUAttentionSchedule, PartialIsChosenWhenAskedFor) {
  MLIRContext context;
  context.loadDialect<LLVM::LLVMDialect>();
  for (const nvidia::SM &sm : nvidia::SM::all())
    for (int64_t head : {1, 40, 64, 128, 256, 300}) {
      AttentionKernelSpec spec = makeAttention(&context, HeadLayout::HeadsInside, head, 12);
      spec.hasScoreBuffer = true;
      EXPECT_NE(chooseAttentionSchedule(spec, sm, 4096, 4096).family, S::Partial);
      std::optional<AttentionSchedule> schedule = choosePartialAttentionSchedule(spec, sm);
      EXPECT_EQ(schedule.has_value(), head <= 256) << sm.chip.str() << " " << head;
      if (schedule)
        EXPECT_EQ(schedule->family, S::Partial);
      spec.hasScoreBuffer = false;
      EXPECT_FALSE(choosePartialAttentionSchedule(spec, sm));
    }
}

TEST(GPUAttentionSchedule, ChoiceForFewTiles) {
  MLIRContext context;
  const nvidia::SM hopper = getSM("sm_90a");
  AttentionKernelSpec spec = makeAttention(&context, HeadLayout::HeadsInside, 64, 12);
  for (int64_t head : {32, 64, 128}) {
    AttentionKernelSpec other = makeAttention(&context, HeadLayout::HeadsInside, head, 12);
    EXPECT_EQ(chooseAttentionScheduleForFewTiles(other, hopper, 128)->valueSplits, 2);
  }
  EXPECT_FALSE(chooseAttentionScheduleForFewTiles(spec, hopper, 129));
  EXPECT_FALSE(chooseAttentionScheduleForFewTiles(spec, getSM("sm_80"), 64));
  // Columns that no tensor map divides.
  EXPECT_FALSE(
      chooseAttentionScheduleForFewTiles(makeAttention(&context, HeadLayout::HeadsInside, 40, 12), hopper, 64));
  spec.structure = AttentionStructure::Causal;
  EXPECT_FALSE(chooseAttentionScheduleForFewTiles(spec, hopper, 64));
}

TEST(GPUAttentionSchedule, ChoiceOfFamily) {
  MLIRContext context;
  AttentionKernelSpec spec = makeAttention(&context, HeadLayout::HeadsInside, 64, 12);
  nvidia::SM hopper = getSM("sm_90a");
  EXPECT_EQ(chooseAttentionSchedule(spec, hopper).family, S::Wgmma);
  EXPECT_EQ(chooseAttentionSchedule(spec, hopper, 128, 128).blocksPerSM, 5);
  EXPECT_EQ(chooseAttentionSchedule(spec, hopper, 256, 256).keyBlock, 128);
  EXPECT_EQ(chooseAttentionSchedule(spec, hopper, 512, 512).keyBlock, 64);
  EXPECT_EQ(chooseAttentionSchedule(spec, hopper, 1024, 1024).keyBlock, 128);
  EXPECT_EQ(chooseAttentionSchedule(spec, hopper, 4096, 4096).family, S::WgmmaPingPong);
  EXPECT_EQ(chooseAttentionSchedule(spec, getSM("sm_90")).family, S::Mma);
  EXPECT_EQ(chooseAttentionSchedule(spec, getSM("sm_80")).family, S::Mma);
  // Tiles of causal attention do not take the same time.
  AttentionKernelSpec causal = spec;
  causal.structure = AttentionStructure::Causal;
  EXPECT_EQ(chooseAttentionSchedule(causal, hopper, 4096, 4096).family, S::Wgmma);
  EXPECT_EQ(chooseAttentionSchedule(causal, hopper, 256, 256).keyBlock, 64);
  EXPECT_EQ(chooseAttentionSchedule(causal, hopper, 4096, 4096).keyBlock, 128);
  AttentionKernelSpec wide = makeAttention(&context, HeadLayout::HeadsInside, 128, 12);
  EXPECT_EQ(chooseAttentionSchedule(wide, hopper, 128, 128).blocksPerSM, 2);
  EXPECT_EQ(chooseAttentionSchedule(wide, hopper, 256, 256).family, S::WgmmaPingPong);
  wide.structure = AttentionStructure::Causal;
  EXPECT_EQ(chooseAttentionSchedule(wide, hopper, 256, 256).warpgroups, 2);
  AttentionKernelSpec ragged = makeAttention(&context, HeadLayout::Tokens, 64, 12);
  addOffsets(ragged, IntegerType::get(&context, 32));
  EXPECT_EQ(chooseAttentionSchedule(ragged, hopper).family, S::Wgmma);
  EXPECT_EQ(chooseAttentionSchedule(ragged, hopper, 4096, 4096).family, S::Wgmma);
  EXPECT_EQ(chooseAttentionSchedule(ragged, getSM("sm_86")).family, S::Mma);
  AttentionKernelSpec odd = makeAttention(&context, HeadLayout::OddRows, 64, 12);
  EXPECT_EQ(chooseAttentionSchedule(odd, hopper, 4096, 4096).family, S::Mma);
}

//===----------------------------------------------------------------------===//
// Refusals
//===----------------------------------------------------------------------===//

namespace {
class GPUAttentionRefusals : public ::testing::Test {
protected:
  MLIRContext context;
  Builder b{&context};
  AttentionKernelSpec spec = makeAttention(&context, HeadLayout::HeadsOutside, 64, 12);
  const nvidia::SM hopper = getSM("sm_90a"), ampere = getSM("sm_80");

  void expectSpecError(StringRef message) { EXPECT_EQ(verifyAttentionSpec(spec).value_or(""), message.str()); }
  void expectScheduleError(const AttentionSchedule &schedule, const nvidia::SM &sm, StringRef message) {
    EXPECT_EQ(verifyAttentionSchedule(spec, schedule, sm).value_or(""), message.str());
  }
};
} // namespace

TEST_F(GPUAttentionRefusals, Accepts) {
  expectSpecError("");
  expectScheduleError({S::Wgmma, 64, 1, 1, 2, 5}, hopper, "");
  expectScheduleError({S::Mma, 64, 1, 1, 2, 3}, ampere, "");
}

TEST_F(GPUAttentionRefusals, Partial) {
  expectScheduleError({S::Partial, 64, 1, 1, 2, 3}, ampere,
                      "expected a buffer for scores in the family that has them in memory; plan with "
                      "partial-attention");
  spec.hasScoreBuffer = true;
  expectScheduleError({S::Partial, 64, 1, 1, 2, 3}, ampere, "");
  expectScheduleError({S::Partial, 64, 1, 1, 2, 3}, hopper, "");
  expectScheduleError({S::Partial, 48, 1, 1, 2, 2}, ampere,
                      "expected blocks of 16, 32 or 64 keys in the family with scores in memory, but got 48");
  expectScheduleError({S::Partial, 128, 1, 1, 2, 1}, hopper,
                      "expected blocks of 16, 32 or 64 keys in the family with scores in memory, but got 128");
  expectScheduleError({S::Partial, 0, 1, 1, 2, 1}, hopper,
                      "expected blocks of 16 to 256 keys in multiples of 16, but got 0");
  expectScheduleError({S::Partial, 64, 1, 2, 2, 1}, hopper,
                      "expected one warpgroup in the family with scores in memory, but got 2");
  spec = makeAttention(&context, HeadLayout::Tokens, 64, 12);
  addOffsets(spec, b.getI32Type());
  spec.hasScoreBuffer = true;
  expectScheduleError({S::Partial, 64, 1, 1, 2, 3}, hopper,
                      "expected no offsets in the family with scores in memory, whose room for them follows from sizes "
                      "alone");
  spec = makeAttention(&context, HeadLayout::HeadsOutside, 64, 12, b.getF32Type());
  spec.hasScoreBuffer = true;
  expectScheduleError({S::Partial, 64, 1, 1, 2, 3}, hopper,
                      "expected the family without tensor cores for f32, which they would round");
}

TEST_F(GPUAttentionRefusals, QueryWithoutRows) {
  spec.query.dims[2] = 5;
  expectSpecError("expected no iteration dimension 5 in query");
  spec.query.dims = {0, 1, 4};
  spec.query.strides.pop_back();
  expectSpecError("expected query to use iteration dimension 2");
}

TEST_F(GPUAttentionRefusals, RepeatedDimension) {
  spec.key.dims[1] = 0;
  expectSpecError("expected each dimension once in key, but 0 is repeated");
}

TEST_F(GPUAttentionRefusals, OutputWithoutBatch) {
  spec.output.dims.erase(spec.output.dims.begin());
  spec.output.strides.erase(spec.output.strides.begin());
  expectSpecError("expected output to use iteration dimension 0");
}

TEST_F(GPUAttentionRefusals, Strides) {
  spec.value.strides.pop_back();
  expectSpecError("expected one stride for each of the 4 dimensions of value, but got 3");
  spec.value.strides.push_back(b.getAffineDimExpr(0));
  expectSpecError("expected strides of value to be expressions over symbols");
}

TEST_F(GPUAttentionRefusals, ElementTypes) {
  spec.query.elementType = b.getF64Type();
  expectSpecError("expected query, key, value and output of f16, bf16 or f32");
  spec.query.elementType = b.getBF16Type();
  expectSpecError("expected query, key, value and output of the same type");
}

TEST_F(GPUAttentionRefusals, Mask) {
  addMask(spec, {0, spec.dimK()}, b.getF16Type());
  expectSpecError("expected no iteration dimension 4 in mask");
  addMask(spec, {spec.dimN()}, b.getI32Type());
  expectSpecError("expected a mask of i8, f32, f16 or bf16");
}

TEST_F(GPUAttentionRefusals, Lengths) {
  addLengths(spec, b.getF32Type());
  expectSpecError("expected lengths of i32 or i64");
  addLengths(spec, b.getI32Type());
  spec.lengths->dims = {spec.dimN()};
  expectSpecError("expected no iteration dimension 3 in lengths");
}

TEST_F(GPUAttentionRefusals, Offsets) {
  spec = makeAttention(&context, HeadLayout::Tokens, 64, 12);
  addOffsets(spec, b.getF32Type());
  expectSpecError("expected offsets of i32 or i64");
  addOffsets(spec, b.getI64Type(), /*ownKeys=*/true);
  expectSpecError("");
  spec.keyOffsetStride = {};
  expectSpecError("expected the number and the strides of offsets");
  addOffsets(spec, b.getI64Type(), /*ownKeys=*/true);
  spec.offsets = {};
  expectSpecError("expected offsets of rows with those of keys");
  addOffsets(spec, b.getI32Type());
  addLengths(spec, b.getI32Type());
  expectSpecError("expected neither a mask nor lengths with offsets");
  spec.lengths.reset();
  expectScheduleError({S::WgmmaPingPong, 128, 1, 3, 3, 1}, hopper,
                      "expected no offsets in this family, whose blocks take tiles of one size");
  spec.headSizeV = 60;
  expectScheduleError({S::Wgmma, 64, 1, 1, 2, 1}, hopper,
                      "expected mma.sync for offsets with value heads that are no multiple of 8, but got 60");
}

TEST_F(GPUAttentionRefusals, HeadSizes) {
  spec.headSizeV = 513;
  expectSpecError("expected head sizes from 1 to 512, but got 513");
  spec.headSizeV = 0;
  expectSpecError("expected head sizes from 1 to 512, but got 0");
  spec.headSizeV = 257;
  expectScheduleError({S::Mma, 64, 1, 1, 2, 1}, hopper,
                      "expected the family without tensor cores for heads of more than 256, but got 257");
}

TEST_F(GPUAttentionRefusals, Window) {
  spec.structure = AttentionStructure::Window;
  spec.windowLeft = -1;
  expectSpecError("expected window sizes from 0 to 2^30, but got -1");
}

TEST_F(GPUAttentionRefusals, WgmmaWithoutHopper) {
  expectScheduleError({S::Wgmma, 64, 1, 1, 2, 1}, ampere, "expected mma.sync on sm_80, which has no wgmma");
}

TEST_F(GPUAttentionRefusals, OperandsWithoutTensorMap) {
  spec.key.strides[2] = b.getAffineConstantExpr(65);
  expectScheduleError({S::Wgmma, 64, 1, 1, 2, 1}, hopper,
                      "expected mma.sync for this key: a tensor map needs strides that are multiples of 8 elements, "
                      "which is not known of dimension 3");
  // A caller's symbol may be any number.
  spec.key.strides[2] = b.getAffineSymbolExpr(9);
  EXPECT_TRUE(verifyAttentionTensorMap(spec, spec.key));
  spec.key.strides[2] = b.getAffineSymbolExpr(9) * 8;
  EXPECT_FALSE(verifyAttentionTensorMap(spec, spec.key));
  spec.query.strides[3] = b.getAffineConstantExpr(2);
  expectScheduleError({S::Wgmma, 64, 1, 1, 2, 1}, hopper,
                      "expected mma.sync for this query: a tensor map needs heads that are contiguous in memory");
  AttentionOperand many = spec.value;
  many.dims.append({0, 1});
  EXPECT_EQ(*verifyAttentionTensorMap(spec, many), "a tensor map has at most 5 dimensions, but the operand has 6");
}

TEST_F(GPUAttentionRefusals, TensorCoresForF32) {
  spec = makeAttention(&context, HeadLayout::HeadsOutside, 64, 12, b.getF32Type());
  expectSpecError("");
  expectScheduleError({S::Wgmma, 64, 1, 1, 2, 1}, hopper,
                      "expected the family without tensor cores for f32, which they would round");
  expectScheduleError({S::Simt, 64, 1, 1, 1, 1}, hopper, "expected a key per lane in this family, but got 64");
  EXPECT_EQ(chooseAttentionSchedule(spec, hopper, 128, 128).family, S::Simt);
}

TEST_F(GPUAttentionRefusals, Schedules) {
  expectScheduleError({S::Wgmma, 24, 1, 1, 2, 1}, hopper,
                      "expected blocks of 16 to 256 keys in multiples of 16, but got 24");
  expectScheduleError({S::Wgmma, 128, 3, 1, 4, 1}, hopper,
                      "expected a first softmax over 1 to 256 keys, but got 3 blocks of 128");
  expectScheduleError({S::Mma, 64, 2, 1, 2, 1}, hopper,
                      "expected a first softmax over one block of keys in this family");
  expectScheduleError({S::WgmmaPingPong, 128, 1, 4, 2, 1}, hopper,
                      "expected 2 or 3 warpgroups that compute, but got 4");
  expectScheduleError({S::Wgmma, 64, 1, 5, 2, 1}, hopper, "expected 1 to 4 warpgroups that compute, but got 5");
  expectScheduleError({S::Wgmma, 64, 3, 1, 2, 1}, hopper,
                      "expected 2 to 8 stages, and those of the first softmax, but got 2");
  expectScheduleError({S::Mma, 64, 1, 1, 2, 1, 2}, hopper,
                      "expected blocks that share a tile in the family of many small blocks of wgmma only");
  expectScheduleError({S::Wgmma, 64, 1, 1, 2, 1, 8}, hopper,
                      "expected parts of 16, 32 or a multiple of 64 columns of the values, but got 8 of 64");
  expectScheduleError({S::Wgmma, 64, 1, 1, 2, 1, 0}, hopper,
                      "expected parts of 16, 32 or a multiple of 64 columns of the values, but got 0 of 64");
  expectScheduleError({S::Wgmma, 64, 1, 4, 2, 5}, hopper,
                      "expected blocks of 512 threads that fit on a multiprocessor, but got 5");
  expectScheduleError({S::WgmmaPingPong, 64, 1, 2, 2, 2}, hopper,
                      "expected one block per multiprocessor in this family");
  expectScheduleError({S::Wgmma, 64, 1, 1, 2, 6}, hopper,
                      "expected shared memory for 6 blocks of 41016 bytes, but sm_90a has 233472");
}
