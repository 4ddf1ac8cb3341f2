//===- AttentionCases.cpp - Attention kernels to look at and to run -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "AttentionCases.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <cmath>

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::gpu_kernels;

using S = AttentionSchedule;

AttentionKernelSpec gpu_kernels::makeAttention(MLIRContext *context, HeadLayout layout, int64_t headSize, int64_t heads,
                                               Type elementType) {
  Type elt = elementType ? elementType : Float16Type::get(context);
  auto constant = [&](int64_t value) { return getAffineConstantExpr(value, context); };
  AttentionKernelSpec spec;
  spec.numBatchDims = layout == HeadLayout::Grouped                                ? 3
                      : layout == HeadLayout::Flat || layout == HeadLayout::Tokens ? 1
                                                                                   : 2;
  spec.headSizeK = spec.headSizeV = headSize;
  spec.scale = 1.0f / std::sqrt(float(headSize));
  auto size = [&](unsigned dim) { return getAffineSymbolExpr(dim, context); };
  auto operand = [&](unsigned row, unsigned column) {
    AttentionOperand result;
    result.elementType = elt;
    LaunchExpr one = constant(1), rows = size(row);
    switch (layout) {
    case HeadLayout::HeadsOutside:
      result.dims = {0, 1, row, column};
      result.strides = {rows * (heads * headSize), rows * headSize, constant(headSize), one};
      break;
    case HeadLayout::HeadsInside:
      result.dims = {0, row, 1, column};
      result.strides = {rows * (heads * headSize), constant(heads * headSize), constant(headSize), one};
      break;
    case HeadLayout::Packed:
      result.dims = {0, row, 1, column};
      result.strides = {rows * (3 * heads * headSize), constant(3 * heads * headSize), constant(headSize), one};
      break;
    case HeadLayout::Grouped:
      if (row == spec.dimM()) {
        result.dims = {0, 1, 2, row, column};
        result.strides = {size(1) * size(2) * rows * headSize, size(2) * rows * headSize, rows * headSize,
                          constant(headSize), one};
      } else {
        result.dims = {0, 1, row, column};
        result.strides = {size(1) * rows * headSize, rows * headSize, constant(headSize), one};
      }
      break;
    case HeadLayout::Flat:
      result.dims = {0, row, column};
      result.strides = {rows * headSize, constant(headSize), one};
      break;
    case HeadLayout::Tokens:
      result.dims = {row, 0, column};
      result.strides = {constant(heads * headSize), constant(headSize), one};
      break;
    case HeadLayout::OddRows: {
      int64_t pitch = headSize | 1;
      result.dims = {0, 1, row, column};
      result.strides = {rows * (heads * pitch), rows * pitch, constant(pitch), one};
      break;
    }
    }
    return result;
  };
  spec.query = operand(spec.dimM(), spec.dimK());
  spec.key = operand(spec.dimN(), spec.dimK());
  spec.value = operand(spec.dimN(), spec.dimV());
  spec.output = operand(spec.dimM(), spec.dimV());
  return spec;
}

void gpu_kernels::addMask(AttentionKernelSpec &spec, ArrayRef<unsigned> dims, Type elementType) {
  MLIRContext *context = elementType.getContext();
  AttentionOperand mask;
  mask.dims.assign(dims.begin(), dims.end());
  mask.elementType = elementType;
  LaunchExpr stride = getAffineConstantExpr(1, context);
  for (unsigned dim : llvm::reverse(dims)) {
    mask.strides.insert(mask.strides.begin(), stride);
    stride = stride * getAffineSymbolExpr(dim, context);
  }
  spec.mask = mask;
}

void gpu_kernels::addLengths(AttentionKernelSpec &spec, Type elementType, bool leftPadding) {
  AttentionOperand lengths;
  lengths.dims = {0};
  lengths.elementType = elementType;
  lengths.strides = {getAffineConstantExpr(1, elementType.getContext())};
  spec.lengths = lengths;
  spec.leftPadding = leftPadding;
}

void gpu_kernels::addOffsets(AttentionKernelSpec &spec, Type elementType, bool ownKeys) {
  MLIRContext *context = elementType.getContext();
  spec.offsets = elementType;
  spec.offsetStride = getAffineConstantExpr(1, context);
  spec.numOffsets = getAffineSymbolExpr(spec.numBatchDims + 2, context);
  if (ownKeys) {
    spec.keyOffsets = elementType;
    spec.keyOffsetStride = getAffineConstantExpr(1, context);
  }
}

void gpu_kernels::addDistanceScore(AttentionKernelSpec &spec) {
  spec.score = [](OpBuilder &b, Location loc, const AttentionScoreArgs &args) -> Value {
    Value distance = arith::SubIOp::create(b, loc, args.m, args.n);
    Value asInt = arith::IndexCastOp::create(b, loc, b.getI32Type(), distance);
    Value asFloat = arith::SIToFPOp::create(b, loc, b.getF32Type(), asInt);
    Value slope = arith::ConstantOp::create(b, loc, b.getF32FloatAttr(0.125f));
    Value negative = arith::NegFOp::create(b, loc, asFloat);
    Value size = arith::MaxNumFOp::create(b, loc, asFloat, negative);
    Value bias = arith::MulFOp::create(b, loc, size, slope);
    return arith::SubFOp::create(b, loc, args.score, bias);
  };
}

std::vector<AttentionCase> gpu_kernels::getAttentionCases(MLIRContext *context, const nvidia::SM &sm) {
  std::vector<AttentionCase> cases;
  Builder b(context);
  constexpr int64_t heads = 12;
  // family, keyBlock, exactBlocks, warpgroups, stages, blocksPerSM
  const S mma{S::Mma, 64, 1, 1, 2, 2};
  const S partial{S::Partial, 64, 1, 1, 2, 2};
  SmallVector<std::pair<std::string, S>> families{{"mma", mma}, {"partial", partial}};
  if (sm.hasWgmma) {
    families.push_back({"wgmma", {S::Wgmma, 64, 1, 1, 2, 5}});
    families.push_back({"pingpong", {S::WgmmaPingPong, 128, 1, 3, 3, 1}});
  }
  auto add = [&](const Twine &name, AttentionKernelSpec spec, S schedule, StringRef score = "") {
    spec.hasScoreBuffer = schedule.family == S::Partial;
    cases.push_back({name.str(), std::move(spec), schedule, score.str()});
  };
  auto time = [&](const Twine &name, AttentionKernelSpec spec, S schedule) {
    add(name, std::move(spec), schedule);
    cases.back().isTimed = true;
  };
  auto make = [&](HeadLayout layout, int64_t head = 64, Type type = {}) {
    return makeAttention(context, layout, head, heads, type);
  };

  for (auto &[family, schedule] : families) {
    std::string prefix = family + "_";
    // What is read for each score takes registers.
    S roomy = schedule;
    if (schedule.family == S::WgmmaPingPong)
      roomy = {S::WgmmaPingPong, 64, 1, 2, 4, 1};
    else if (schedule.family == S::Wgmma)
      roomy.blocksPerSM = 4;
    add(prefix + "plain", make(HeadLayout::HeadsOutside), schedule);
    add(prefix + "bf16_inside", make(HeadLayout::HeadsInside, 64, b.getBF16Type()), schedule);
    add(prefix + "packed", make(HeadLayout::Packed), schedule);
    add(prefix + "grouped", make(HeadLayout::Grouped), schedule);
    add(prefix + "flat", make(HeadLayout::Flat), schedule);

    AttentionKernelSpec spec = make(HeadLayout::HeadsOutside);
    spec.structure = AttentionStructure::Causal;
    add(prefix + "causal", spec, schedule);
    spec.structure = AttentionStructure::CausalLowerRight;
    add(prefix + "lower_right", spec, schedule);
    spec.structure = AttentionStructure::Window;
    spec.windowLeft = 70;
    spec.windowRight = 5;
    add(prefix + "window", spec, schedule);
    spec.windowLeft = AttentionKernelSpec::kUnbounded;
    add(prefix + "window_right", spec, schedule);
    spec.windowLeft = 30;
    spec.windowGlobal = 3;
    addLengths(spec, b.getI64Type());
    add(prefix + "window_global", spec, schedule);

    spec = make(HeadLayout::HeadsInside);
    addLengths(spec, b.getI32Type());
    add(prefix + "lengths", spec, schedule);
    addLengths(spec, b.getI64Type(), /*leftPadding=*/true);
    add(prefix + "lengths_left", spec, schedule);
    spec.structure = AttentionStructure::Causal;
    add(prefix + "lengths_left_causal", spec, schedule);

    spec = make(HeadLayout::HeadsOutside);
    addMask(spec, {0, spec.dimM(), spec.dimN()}, b.getI8Type());
    add(prefix + "mask_bool", spec, roomy);
    addMask(spec, {0, spec.dimN()}, b.getI8Type());
    add(prefix + "mask_keys", spec, roomy);
    addMask(spec, {1, spec.dimM(), spec.dimN()}, b.getF16Type());
    add(prefix + "mask_f16", spec, roomy);
    addMask(spec, {spec.dimM(), spec.dimN()}, b.getF32Type());
    add(prefix + "mask_f32", spec, roomy);

    spec = make(HeadLayout::HeadsOutside);
    addDistanceScore(spec);
    add(prefix + "score", spec, roomy, "distance");
    if (schedule.family != S::WgmmaPingPong && schedule.family != S::Partial) {
      spec = make(HeadLayout::Tokens);
      addOffsets(spec, b.getI32Type());
      time(prefix + "ragged", spec, schedule);
      AttentionKernelSpec structured = spec;
      structured.structure = AttentionStructure::Causal;
      add(prefix + "ragged_causal", structured, schedule);
      structured.structure = AttentionStructure::Window;
      structured.windowLeft = 30;
      structured.windowRight = 5;
      structured.windowGlobal = 3;
      add(prefix + "ragged_window", structured, schedule);
      addDistanceScore(structured);
      add(prefix + "ragged_window_score", structured, roomy, "distance");
      spec = make(HeadLayout::Tokens, 64, b.getBF16Type());
      addOffsets(spec, b.getI64Type(), /*ownKeys=*/true);
      spec.structure = AttentionStructure::CausalLowerRight;
      add(prefix + "ragged_keys", spec, schedule);
      for (int64_t head : {24, 80, 128}) {
        spec = make(HeadLayout::Tokens, head);
        addOffsets(spec, b.getI32Type());
        S wide = schedule;
        wide.blocksPerSM = head > 64 ? 1 : 2;
        // Queries and two stages of keys and values take 102 KiB with 128 rows at once, more than sm_86 has.
        wide.warpgroups = head > 64 && sm.sharedPerSM > 128 * 1024 ? 2 : 1;
        add(prefix + "ragged_head" + std::to_string(head), spec, wide);
      }
    }
    spec = make(HeadLayout::HeadsOutside);
    spec.scale = -0.25f;
    add(prefix + "negative_scale", spec, schedule);
  }

  // Head sizes.
  auto heads2 = [&](int64_t k, int64_t v) {
    AttentionKernelSpec spec = make(HeadLayout::HeadsOutside, k), other = make(HeadLayout::HeadsOutside, v);
    spec.value = other.value;
    spec.output = other.output;
    spec.headSizeV = v;
    return spec;
  };
  for (int64_t head : {16, 32, 40, 80, 96, 128, 256}) {
    AttentionKernelSpec spec = make(HeadLayout::HeadsOutside, head);
    std::string suffix = "head" + std::to_string(head);
    add("mma_" + suffix, spec, {S::Mma, head > 128 ? 16 : 64, 1, 1, 2, head > 64 ? 1 : 2});
    add("partial_" + suffix, spec, {S::Partial, head > 128 ? 32 : 64, 1, 1, 2, head > 64 ? 1 : 2});
    if (!sm.hasWgmma)
      continue;
    add("wgmma_" + suffix, spec, head > 128 ? S{S::Wgmma, 64, 1, 2, 2, 1} : S{S::Wgmma, 64, 1, 1, 2, 2});
    if (head <= 128)
      add("pingpong_" + suffix, spec, {S::WgmmaPingPong, head > 64 ? 64 : 128, 1, 2, 3, 1});
  }
  add("mma_head64_32", heads2(64, 32), mma);
  add("mma_head24_72", heads2(24, 72), mma);
  // Rows that start anywhere: one half at a time.
  add("partial_head24_72", heads2(24, 72), partial);
  add("partial_16_odd", make(HeadLayout::OddRows), {S::Partial, 16, 1, 1, 3, 2});
  add("mma_odd", make(HeadLayout::OddRows), mma);
  add("mma_odd_head5", make(HeadLayout::OddRows, 5), mma);
  add("mma_groups2", make(HeadLayout::HeadsOutside), {S::Mma, 64, 1, 2, 3, 1});
  // Without tensor cores.
  const S simt{S::Simt, 32, 1, 2, 1, 2};
  Type f32 = b.getF32Type();
  add("simt_plain", make(HeadLayout::HeadsOutside, 64, f32), simt);
  add("simt_odd_head5", make(HeadLayout::OddRows, 5, f32), simt);
  add("simt_grouped_head80", make(HeadLayout::Grouped, 80, f32), simt);
  add("simt_head512_f16", make(HeadLayout::HeadsInside, 512), {S::Simt, 32, 1, 1, 1, 2});
  AttentionKernelSpec single = make(HeadLayout::HeadsInside, 64, f32);
  single.structure = AttentionStructure::Causal;
  add("simt_causal", single, simt);
  addLengths(single, b.getI64Type(), /*leftPadding=*/true);
  add("simt_lengths_left_causal", single, simt);
  single.structure = AttentionStructure::Window;
  single.windowLeft = 30;
  single.windowRight = 5;
  single.windowGlobal = 3;
  add("simt_window_global", single, simt);
  single = make(HeadLayout::HeadsOutside, 64, f32);
  addMask(single, {0, single.dimM(), single.dimN()}, b.getI8Type());
  add("simt_mask_bool", single, simt);
  addMask(single, {1, single.dimM(), single.dimN()}, f32);
  addDistanceScore(single);
  add("simt_mask_score", single, simt, "distance");

  single = make(HeadLayout::Tokens, 64, f32);
  addOffsets(single, b.getI64Type(), /*ownKeys=*/true);
  add("simt_ragged_keys", single, simt);

  AttentionKernelSpec plain = make(HeadLayout::HeadsOutside);
  time("mma_64_w1_s2", plain, {S::Mma, 64, 1, 1, 2, sm.sharedPerSM > 128 * 1024 ? 3 : 2});
  time("partial_64_s2_b3", plain, {S::Partial, 64, 1, 1, 2, 3});
  time("partial_32_s2_b4", plain, {S::Partial, 32, 1, 1, 2, 4});
  if (!sm.hasWgmma)
    return cases;
  add("wgmma_head64_32", heads2(64, 32), {S::Wgmma, 64, 1, 1, 2, 3});
  add("wgmma_head24_72", heads2(24, 72), {S::Wgmma, 64, 1, 1, 2, 3});
  // Schedules.
  time("wgmma_64x1_w1_s2_b5", plain, {S::Wgmma, 64, 1, 1, 2, 5});
  time("wgmma_64x1_w2_s6_b2", plain, {S::Wgmma, 64, 1, 2, 6, 2});
  time("wgmma_64x2_w1_s3_b3", plain, {S::Wgmma, 64, 2, 1, 3, 3});
  time("wgmma_96x1_w2_s3_b2", plain, {S::Wgmma, 96, 1, 2, 3, 2});
  time("wgmma_128x1_w1_s2_b3", plain, {S::Wgmma, 128, 1, 1, 2, 3});
  time("wgmma_64x1_w1_s2_b5_v2", plain, {S::Wgmma, 64, 1, 1, 2, 5, 2});
  time("wgmma_64x2_w1_s3_b3_v2", plain, {S::Wgmma, 64, 2, 1, 3, 3, 2});
  time("wgmma_128x1_w1_s2_b3_v2", plain, {S::Wgmma, 128, 1, 1, 2, 3, 2});
  time("wgmma_128x1_w1_s2_b3_v4", plain, {S::Wgmma, 128, 1, 1, 2, 3, 4});
  AttentionKernelSpec parts = make(HeadLayout::Tokens, 128);
  addOffsets(parts, b.getI32Type());
  add("wgmma_ragged_head128_v2", parts, {S::Wgmma, 64, 1, 2, 2, 1, 2});
  add("wgmma_flat_v2", make(HeadLayout::Flat), {S::Wgmma, 64, 1, 1, 2, 4, 2});
  time("pingpong_128_w3_s3", plain, {S::WgmmaPingPong, 128, 1, 3, 3, 1});
  time("pingpong_128_w2_s4", plain, {S::WgmmaPingPong, 128, 1, 2, 4, 1});
  AttentionKernelSpec plain128 = make(HeadLayout::HeadsOutside, 128);
  time("wgmma128_64x1_w2_s2_b1", plain128, {S::Wgmma, 64, 1, 2, 2, 1});
  time("wgmma128_64x1_w1_s2_b2_v2", plain128, {S::Wgmma, 64, 1, 1, 2, 2, 2});
  time("wgmma128_64x1_w1_s2_b3_v2", plain128, {S::Wgmma, 64, 1, 1, 2, 3, 2});
  time("wgmma128_128x1_w1_s2_b1_v2", plain128, {S::Wgmma, 128, 1, 1, 2, 1, 2});
  time("wgmma128_128x1_w1_s2_b1", plain128, {S::Wgmma, 128, 1, 1, 2, 1});
  time("wgmma128_64x1_w1_s2_b2", plain128, {S::Wgmma, 64, 1, 1, 2, 2});
  time("pingpong128_128_w2_s2", plain128, {S::WgmmaPingPong, 128, 1, 2, 2, 1});
  time("pingpong128_64_w2_s4", plain128, {S::WgmmaPingPong, 64, 1, 2, 4, 1});
  time("partial128_64_s2_b2", plain128, {S::Partial, 64, 1, 1, 2, 2});
  AttentionKernelSpec causal = plain;
  causal.structure = AttentionStructure::Causal;
  time("causal_wgmma_64x1_w1_s2_b5", causal, {S::Wgmma, 64, 1, 1, 2, 5});
  time("causal_wgmma_128x1_w1_s2_b3", causal, {S::Wgmma, 128, 1, 1, 2, 3});
  time("causal_partial_64_s2_b3", causal, {S::Partial, 64, 1, 1, 2, 3});
  time("causal_pingpong_128_w3_s3", causal, {S::WgmmaPingPong, 128, 1, 3, 3, 1});
  return cases;
}
