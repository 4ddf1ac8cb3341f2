//===- AttentionSchedule.cpp - What attention kernels can do, and how -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Checks of specifications and schedules, and the choice among the latter.
//
//===----------------------------------------------------------------------===//

#include "et/Conversion/AttentionSpec.h"
#include "et/Conversion/ETToGPU/AttentionKernel.h"

#include "llvm/ADT/SmallSet.h"
#include "llvm/ADT/Twine.h"

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::gpu_kernels;
using llvm::Twine;

//===----------------------------------------------------------------------===//
// Specifications
//===----------------------------------------------------------------------===//

static std::optional<std::string> verifyOperand(const AttentionKernelSpec &spec, StringRef name,
                                                const AttentionOperand &operand, ArrayRef<unsigned> required,
                                                ArrayRef<unsigned> allowed = {}) {
  llvm::SmallSet<unsigned, 8> seen;
  for (unsigned dim : operand.dims) {
    if (dim >= spec.numBatchDims && !llvm::is_contained(required, dim) && !llvm::is_contained(allowed, dim))
      return ("expected no iteration dimension " + Twine(dim) + " in " + name).str();
    if (!seen.insert(dim).second)
      return ("expected each dimension once in " + name + ", but " + Twine(dim) + " is repeated").str();
  }
  for (unsigned dim : required)
    if (!seen.contains(dim))
      return ("expected " + name + " to use iteration dimension " + Twine(dim)).str();
  if (operand.strides.size() != operand.dims.size())
    return ("expected one stride for each of the " + Twine(operand.dims.size()) + " dimensions of " + name +
            ", but got " + Twine(operand.strides.size()))
        .str();
  for (LaunchExpr stride : operand.strides)
    if (!stride || !stride.isSymbolicOrConstant())
      return ("expected strides of " + name + " to be expressions over symbols").str();
  return std::nullopt;
}

std::optional<std::string> gpu_kernels::verifyAttentionSpec(const AttentionKernelSpec &spec) {
  const unsigned m = spec.dimM(), n = spec.dimN();
  if (auto error = verifyOperand(spec, "query", spec.query, {m, spec.dimK()}))
    return error;
  if (auto error = verifyOperand(spec, "key", spec.key, {n, spec.dimK()}))
    return error;
  if (auto error = verifyOperand(spec, "value", spec.value, {n, spec.dimV()}))
    return error;
  SmallVector<unsigned> all{m, spec.dimV()};
  for (unsigned dim = 0; dim < spec.numBatchDims; ++dim)
    all.push_back(dim);
  if (auto error = verifyOperand(spec, "output", spec.output, all))
    return error;
  Type elt = spec.query.elementType;
  if (!elt.isF16() && !elt.isBF16() && !elt.isF32())
    return "expected query, key, value and output of f16, bf16 or f32";
  for (const AttentionOperand *operand : {&spec.key, &spec.value, &spec.output})
    if (operand->elementType != elt)
      return "expected query, key, value and output of the same type";
  if (spec.mask) {
    if (auto error = verifyOperand(spec, "mask", *spec.mask, {}, {m, n}))
      return error;
    Type type = spec.mask->elementType;
    if (!type.isF32() && !type.isF16() && !type.isBF16() && !type.isInteger(8))
      return "expected a mask of i8, f32, f16 or bf16";
  }
  if (spec.lengths)
    if (auto error = verifyOperand(spec, "lengths", *spec.lengths, {}))
      return error;
  if (auto error = verifyAttentionSequences(spec))
    return error;
  if ((spec.offsets && (!spec.numOffsets || !spec.offsetStride)) || (spec.keyOffsets && !spec.keyOffsetStride))
    return "expected the number and the strides of offsets";
  return verifyAttentionSizes(spec);
}

std::optional<std::string> gpu_kernels::verifyAttentionTensorMap(const AttentionKernelSpec &spec,
                                                                 const AttentionOperand &operand) {
  constexpr size_t kMostDims = 5;
  if (operand.dims.size() > kMostDims)
    return ("a tensor map has at most 5 dimensions, but the operand has " + Twine(operand.dims.size())).str();
  for (auto [dim, stride] : llvm::zip(operand.dims, operand.strides)) {
    if (dim == spec.dimK() || dim == spec.dimV()) {
      auto constant = dyn_cast<AffineConstantExpr>(stride);
      if (!constant || constant.getValue() != 1)
        return "a tensor map needs heads that are contiguous in memory";
    } else if (stride.getLargestKnownDivisor() % 8 != 0) {
      return ("a tensor map needs strides that are multiples of 8 elements, which is not known of dimension " +
              Twine(dim))
          .str();
    }
  }
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Schedules
//===----------------------------------------------------------------------===//

std::optional<std::string> gpu_kernels::verifyAttentionSchedule(const AttentionKernelSpec &spec,
                                                                const AttentionSchedule &schedule,
                                                                const nvidia::SM &sm) {
  const bool pingPong = schedule.family == AttentionSchedule::WgmmaPingPong;
  if (schedule.family != AttentionSchedule::Simt) {
    if (spec.query.elementType.isF32())
      return "expected the family without tensor cores for f32, which they would round";
    if (std::max(spec.headSizeK, spec.headSizeV) > 256)
      return ("expected the family without tensor cores for heads of more than 256, but got " +
              Twine(std::max(spec.headSizeK, spec.headSizeV)))
          .str();
  } else if (schedule.keyBlock != nvidia::kWarpSize) {
    return ("expected a key per lane in this family, but got " + Twine(schedule.keyBlock)).str();
  }
  if (schedule.usesWgmma()) {
    if (!sm.hasWgmma)
      return ("expected mma.sync on " + sm.chip + ", which has no wgmma").str();
    std::pair<StringRef, const AttentionOperand *> operands[] = {
        {"query", &spec.query}, {"key", &spec.key}, {"value", &spec.value}, {"output", &spec.output}};
    for (auto [name, operand] : operands)
      if (auto reason = verifyAttentionTensorMap(spec, *operand))
        return ("expected mma.sync for this " + name + ": " + *reason).str();
  }
  if (spec.offsets && pingPong)
    return "expected no offsets in this family, whose blocks take tiles of one size";
  if (spec.offsets && schedule.usesWgmma() && spec.headSizeV % 8)
    return ("expected mma.sync for offsets with value heads that are no multiple of 8, but got " +
            Twine(spec.headSizeV))
        .str();
  if (schedule.keyBlock < 16 || schedule.keyBlock > 256 || schedule.keyBlock % 16)
    return ("expected blocks of 16 to 256 keys in multiples of 16, but got " + Twine(schedule.keyBlock)).str();
  if (schedule.family == AttentionSchedule::Partial) {
    if (spec.offsets)
      return "expected no offsets in the family with scores in memory, whose room for them follows from sizes alone";
    if (!spec.hasScoreBuffer)
      return "expected a buffer for scores in the family that has them in memory; plan with partial-attention";
    if (AttentionSchedule::kPartialKeys % schedule.keyBlock)
      return ("expected blocks of 16, 32 or 64 keys in the family with scores in memory, but got " +
              Twine(schedule.keyBlock))
          .str();
    if (schedule.warpgroups != 1)
      return ("expected one warpgroup in the family with scores in memory, but got " + Twine(schedule.warpgroups))
          .str();
  }
  if (schedule.exactBlocks < 1 || schedule.exactBlocks * schedule.keyBlock > 256)
    return ("expected a first softmax over 1 to 256 keys, but got " + Twine(schedule.exactBlocks) + " blocks of " +
            Twine(schedule.keyBlock))
        .str();
  if (schedule.exactBlocks != 1 && schedule.family != AttentionSchedule::Wgmma)
    return "expected a first softmax over one block of keys in this family";
  if (schedule.valueSplits != 1) {
    if (schedule.family != AttentionSchedule::Wgmma)
      return "expected blocks that share a tile in the family of many small blocks of wgmma only";
    const int64_t columns = schedule.valueSplits > 0 ? spec.headSizeV / schedule.valueSplits : 0;
    if (schedule.valueSplits < 1 || columns * schedule.valueSplits != spec.headSizeV ||
        (columns != 16 && columns != 32 && columns % 64 != 0))
      return ("expected parts of 16, 32 or a multiple of 64 columns of the values, but got " +
              Twine(schedule.valueSplits) + " of " + Twine(spec.headSizeV))
          .str();
  }
  if (pingPong ? schedule.warpgroups < 2 || schedule.warpgroups > 3
               : schedule.warpgroups < 1 || schedule.warpgroups > 4)
    return ("expected " + Twine(pingPong ? "2 or 3" : "1 to 4") + " warpgroups that compute, but got " +
            Twine(schedule.warpgroups))
        .str();
  if (schedule.family != AttentionSchedule::Simt &&
      (schedule.stages < std::max<int64_t>(2, schedule.exactBlocks) || schedule.stages > 8))
    return ("expected 2 to 8 stages, and those of the first softmax, but got " + Twine(schedule.stages)).str();
  const int64_t threads = nvidia::kWarpgroupSize * (schedule.warpgroups + pingPong);
  if (schedule.blocksPerSM < 1 || schedule.blocksPerSM * threads > sm.threadsPerSM)
    return ("expected blocks of " + Twine(threads) + " threads that fit on a multiprocessor, but got " +
            Twine(schedule.blocksPerSM))
        .str();
  if (pingPong && schedule.blocksPerSM != 1)
    return "expected one block per multiprocessor in this family";
  const int64_t bytes = attentionSharedBytes(spec, schedule);
  if (bytes > sm.sharedPerBlock || schedule.blocksPerSM * (bytes + sm.sharedReserved) > sm.sharedPerSM)
    return ("expected shared memory for " + Twine(schedule.blocksPerSM) + " blocks of " + Twine(bytes) +
            " bytes, but " + sm.chip + " has " + Twine(sm.sharedPerSM))
        .str();
  return std::nullopt;
}

/// The first of \p schedules that can be used.
static std::optional<AttentionSchedule> firstThatFits(const AttentionKernelSpec &spec, const nvidia::SM &sm,
                                                      ArrayRef<AttentionSchedule> schedules) {
  for (const AttentionSchedule &schedule : schedules)
    if (!verifyAttentionSchedule(spec, schedule, sm))
      return schedule;
  return std::nullopt;
}

AttentionSchedule gpu_kernels::chooseAttentionSchedule(const AttentionKernelSpec &spec, const nvidia::SM &sm,
                                                       std::optional<int64_t> rows, std::optional<int64_t> keys) {
  using S = AttentionSchedule;
  const int64_t head = std::max(spec.headSizeK, spec.headSizeV);
  // Measured on an H200 (benchmarks/gpu/attention.py). family, keyBlock, exactBlocks, warpgroups, stages, blocksPerSM
  SmallVector<AttentionSchedule> candidates;
  // What is read or computed for each score takes registers.
  const bool heavy = spec.mask || spec.score;
  // Tiles of one block are dealt out evenly, which is only fair when they take the same time.
  const bool even = !heavy && spec.structure == AttentionStructure::None && !spec.offsets;
  if (head <= 64) {
    // Five blocks of one warpgroup hide each other's latencies best. From 129 to 256 keys it gains from one exchange
    // less between softmax and products, and from 513 on from fewer of them. Very many keys gain from products that
    // never wait for a softmax.
    if (even && keys && *keys > 2048)
      candidates.push_back({S::WgmmaPingPong, 128, 1, 3, 3, 1});
    const bool causal = spec.structure == AttentionStructure::Causal;
    if (!heavy && keys && ((*keys > 128 && *keys <= 256 && !causal) || *keys > 512))
      candidates.push_back({S::Wgmma, 128, 1, 1, 2, 3});
    candidates.push_back({S::Wgmma, 64, 1, 1, 2, heavy ? 4 : 5});
  } else if (head <= 128) {
    if (even && keys && *keys > 128)
      candidates.push_back({S::WgmmaPingPong, 128, 1, 2, 2, 1});
    if (!heavy && keys && *keys > 128)
      candidates.push_back({S::Wgmma, 64, 1, 2, 2, 1});
    candidates.push_back({S::Wgmma, 64, 1, 1, 2, 2});
  } else {
    candidates.push_back({S::Wgmma, 64, 1, 2, 2, 1});
  }
  candidates.push_back({S::Mma, 64, 1, 1, 2, head <= 64 ? 3 : head <= 128 ? 2 : 1});
  candidates.push_back({S::Mma, 32, 1, 1, 2, head <= 64 ? 2 : 1});
  candidates.push_back({S::Mma, 16, 1, 1, 2, 1});
  candidates.push_back({S::Simt, 32, 1, 2, 1, 2});
  candidates.push_back({S::Simt, 32, 1, 1, 1, 1});
  std::optional<AttentionSchedule> schedule = firstThatFits(spec, sm, candidates);
  assert(schedule && "the last one fits every architecture");
  return *schedule;
}

std::optional<AttentionSchedule> gpu_kernels::chooseAttentionScheduleForFewTiles(const AttentionKernelSpec &spec,
                                                                                 const nvidia::SM &sm, int64_t keys) {
  using S = AttentionSchedule;
  // Measured on an H200 with one sequence of 12 heads: with up to 128 keys two blocks for each tile, all keys in the
  // first softmax, take a tenth less time. With more keys the scores that both compute cost more than that.
  if (keys > 128 || spec.mask || spec.score || spec.offsets || spec.structure != AttentionStructure::None)
    return std::nullopt;
  if (std::max(spec.headSizeK, spec.headSizeV) <= 64)
    return firstThatFits(spec, sm, {S{S::Wgmma, 64, 2, 1, 3, 3, 2}});
  return firstThatFits(spec, sm, {S{S::Wgmma, 128, 1, 1, 2, 1, 2}});
}

std::optional<AttentionSchedule> gpu_kernels::choosePartialAttentionSchedule(const AttentionKernelSpec &spec,
                                                                             const nvidia::SM &sm) {
  using S = AttentionSchedule;
  const int64_t head = std::max(spec.headSizeK, spec.headSizeV);
  return firstThatFits(spec, sm,
                       {S{S::Partial, 64, 1, 1, 2,
                          head <= 64    ? 3
                          : head <= 128 ? 2
                                        : 1},
                        S{S::Partial, 32, 1, 1, 2, head <= 64 ? 2 : 1}, S{S::Partial, 16, 1, 1, 2, 1}});
}

LaunchExpr gpu_kernels::attentionScoreElements(unsigned numBatchDims, MLIRContext *context) {
  constexpr int64_t rows = AttentionSchedule::kPartialRows, keys = AttentionSchedule::kPartialKeys;
  LaunchExpr elements = getAffineSymbolExpr(numBatchDims, context).ceilDiv(rows) *
                        getAffineSymbolExpr(numBatchDims + 1, context).ceilDiv(keys) * (rows * keys);
  for (unsigned dim = 0; dim < numBatchDims; ++dim)
    elements = elements * getAffineSymbolExpr(dim, context);
  return elements;
}
