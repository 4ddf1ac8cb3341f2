//===- LinearSparseSchedule.cpp - Schedules of tile-sparse linear kernels -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LinearSparse.h"

#include "llvm/Support/FormatVariadic.h"

#include <cmath>

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::gpu_kernels;
using nvidia::SM;

static constexpr int64_t kRowBytes = StripsLayout::kBlockColumns * 2;
static constexpr int64_t kStripRows = StripsLayout::kStripRows;

SparseLayout gpu_kernels::getSparseLayout(const LinearKernelSpec &spec, const LinearSchedule &schedule) {
  SparseLayout layout;
  int64_t consumers = schedule.tileN / kStripRows;
  layout.stageBytes = (schedule.tileM + schedule.tileN) * kRowBytes;
  bool isHalf = spec.yType.isF16() || spec.yType.isBF16();
  if (isHalf && spec.yAligned && spec.n % 8 == 0 && (spec.yStride == ShapedType::kDynamic || spec.yStride % 8 == 0))
    layout.boxTokens = schedule.tileM % 64 == 0 ? 64 : schedule.tileM % 32 == 0 ? 32 : 16;
  layout.boxes = schedule.stages * layout.stageBytes;
  layout.notes = layout.boxes + 2 * consumers * layout.boxTokens * kRowBytes;
  layout.barriers = layout.notes + 16 * schedule.stages;
  layout.chunks = layout.barriers + 2 * 8 * schedule.stages;
  layout.total = layout.chunks + (spec.yChunks ? consumers * 4 * schedule.tileM * 8 : 0);
  return layout;
}

int64_t gpu_kernels::getSparseBlocksPerSM(const LinearSchedule &schedule) {
  return schedule.exclusive || schedule.tileN > kStripRows ? 1 : 2;
}

std::optional<std::string> gpu_kernels::verifySparse(const LinearKernelSpec &spec, const LinearSchedule &schedule,
                                                     const SM &sm) {
  auto str = [](auto &&format) { return std::optional(format.str()); };
  if (!sm.hasWgmma)
    return str(llvm::formatv("wgmma needs sm_90a, but the target is {0}; use SparseMma", sm.chip));
  if (!spec.strips || spec.strips->layout.unitRows != kStripRows)
    return std::string("Sparse multiplies slabs of 64 outputs, but the weight is not stored in them; use Wgmma for "
                       "dense weights, and SparseMma for squares");
  if (int64_t columns = spec.strips->tileColumns; columns != 16 && columns != 32 && columns != 64)
    return str(llvm::formatv("tiles have {0} inputs, but a block holds 4 slabs of 16; use 16, 32 or 64", columns));
  if (int64_t columns = spec.strips->tileColumns; spec.k % columns && columns != 16)
    return str(llvm::formatv("tiles of {0} inputs reach past the last of {1}, where not all of their slabs are stored; "
                             "use 16",
                             columns, spec.k));
  if (schedule.tileM < 16 || schedule.tileM > 256 || schedule.tileM % 16)
    return str(llvm::formatv("tileM is {0}, but wgmma takes multiples of 16 tokens from 16 to 256", schedule.tileM));
  if (schedule.tileN != kStripRows && schedule.tileN != 2 * kStripRows)
    return str(llvm::formatv("tileN is {0}, but there are one or two consumers of 64 outputs", schedule.tileN));
  if (schedule.splitK != 1 || schedule.cluster != 1)
    return std::string("Sparse neither splits K nor shares loads in a cluster; use 1 and 1");
  if (spec.k > int64_t(1) << 20)
    return str(llvm::formatv("{0} inputs are more than a list of blocks takes; use Simt", spec.k));
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Choice
//===----------------------------------------------------------------------===//

namespace {
/// What parts of a kernel cost, in cycles: a fit to 188 measurements on an H200 (benchmarks/gpu/sparse.py) with 128 and
/// 384 rows, and with 4096, which it meets within 12 % on average.
struct SparseCosts {
  /// Of the tensor cores' own time, and of each stage beyond it.
  double multiply, stage;
  /// Bytes that L2 delivers in a cycle, to one multiprocessor and to all.
  double bytesPerSM, bytes;
  /// What a tile costs beyond its products: lists, transposing and storing; for each token; and the kernel.
  double tile, token, fixed, fill;
};
} // namespace

double gpu_kernels::getSparseCycles(const LinearKernelSpec &spec, const LinearSchedule &schedule, const SM &sm,
                                    int64_t rows) {
  static constexpr SparseCosts kOneTile = {0.91, 27, 50, 3660, 2270, 0, 690, 0};
  static constexpr SparseCosts kPersistent = {1.33, 37, 75, 5625, 600, 2, 520, 28};
  const SparseCosts &costs = schedule.persistent ? kPersistent : kOneTile;
  const LinearStrips &strips = *spec.strips;
  int64_t tokens = schedule.tileM, consumers = schedule.tileN / kStripRows;
  int64_t numBlocks = strips.layout.numBlocks(), groups = ceilDiv(strips.layout.numStrips(), consumers);
  int64_t tiles = ceilDiv(rows, tokens) * groups;
  int64_t perSM = getSparseBlocksPerSM(schedule), resident = sm.numSMs * perSM;
  double active = std::min(tiles, resident);
  // Persistent blocks that had long strips take fewer.
  double waves = schedule.persistent ? std::max(1.0, double(tiles) / resident) : ceilDiv(tiles, resident);

  // Of a strip: the share of its blocks that has a unit, and slabs of those. Tiles are taken to lie at random.
  double density = double(strips.layout.kept) / (strips.layout.numStrips() * numBlocks * 4);
  double perTile = strips.tileColumns / 16;
  double present = 1 - std::pow(1 - density, 4 / perTile);
  double shared = 1 - std::pow(1 - present, consumers);
  double slabs = density * numBlocks * 4, stages = shared * numBlocks;

  // A slab is multiplied in tokens / 2 cycles by the four tensor cores, which consumers share.
  double multiply = slabs * consumers * perSM * tokens / 2 * costs.multiply + stages * costs.stage;
  double bytes = stages * tokens * kRowBytes + slabs * consumers * kStripRows * StripsLayout::kSlabColumns * 2;
  double copy = bytes * perSM / std::min(costs.bytesPerSM, costs.bytes * perSM / active);
  double epilogue = costs.tile + costs.token * tokens * perSM;
  return costs.fixed + costs.fill * (tokens + schedule.tileN) + waves * (std::max(multiply, copy) + epilogue);
}

LinearSchedule gpu_kernels::chooseSparse(const LinearKernelSpec &spec, const SM &sm, int64_t rows) {
  LinearSchedule best;
  double bestCycles = INFINITY;
  for (int64_t tileN : {2 * kStripRows, kStripRows}) {
    for (int64_t tileM : {256, 192, 128, 96, 64, 48, 32, 16}) {
      LinearSchedule schedule{LinearSchedule::Sparse, tileM, tileN, StripsLayout::kBlockColumns, 8};
      int64_t tiles = ceilDiv(rows, tileM) * ceilDiv(spec.n, tileN);
      // Few tiles run alone on a multiprocessor; of many, two share one where there is a consumer each.
      schedule.exclusive = tiles <= sm.numSMs;
      schedule.persistent = tiles > sm.numSMs * getSparseBlocksPerSM(schedule);
      // A kernel in front takes statistics that this one does not.
      LinearKernelSpec taken = spec;
      if (!takesRowStats(schedule))
        taken.rowStats = std::nullopt;
      int64_t room = sm.sharedPerSM / getSparseBlocksPerSM(schedule) - 2048;
      while (schedule.stages > 2 && getSparseLayout(taken, schedule).total > std::min(room, sm.sharedPerBlock))
        --schedule.stages;
      if (schedule.stages < 3 || verifyLinearKernel(taken, schedule, sm))
        continue;
      double cycles = getSparseCycles(spec, schedule, sm, rows);
      if (cycles < bestCycles) {
        bestCycles = cycles;
        best = schedule;
      }
    }
  }
  return best;
}
