//===- LinearSparseMmaSchedule.cpp - Choosing and checking SparseMma -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LinearSparseMma.h"

#include "llvm/Support/FormatVariadic.h"

#include <cmath>

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::gpu_kernels;
using nvidia::SM;

static constexpr int64_t kStripRows = StripsLayout::kStripRows, kRowBytes = StripsLayout::kBlockColumns * 2;
/// 16 inputs of a block of K.
static constexpr int64_t kSlabs = StripsLayout::kBlockColumns / StripsLayout::kSlabColumns;
/// Squares of a strip and 16 inputs.
static constexpr int64_t kPanels = 4;

SparseMmaLayout gpu_kernels::getSparseMmaLayout(const LinearKernelSpec &spec, const LinearSchedule &schedule) {
  SparseMmaLayout layout;
  layout.strips = schedule.tileN / kStripRows;
  layout.warps = layout.strips * schedule.splitK;
  layout.blocksK = ceilDiv(ceilDiv(spec.k, StripsLayout::kBlockColumns), schedule.splitK);
  layout.blocksPerStage = std::max<int64_t>(1, schedule.tileK / StripsLayout::kBlockColumns);
  layout.steps = ceilDiv(layout.blocksK, layout.blocksPerStage);
  layout.stageBytes = schedule.splitK * layout.blocksPerStage * schedule.tileM * kRowBytes;
  layout.rings = schedule.stages * layout.stageBytes;
  layout.barriers = layout.rings + layout.warps * SparseMmaLayout::kRingBytes;
  if (schedule.splitK > 1)
    layout.barriers = std::max(layout.barriers, layout.warps * schedule.tileM * kStripRows * 4);
  layout.total = layout.barriers + 16 * schedule.stages;
  return layout;
}

/// Registers that a thread should have: sums, x and squares of 16 inputs, and everything else.
static int64_t getRegisters(const LinearSchedule &schedule) {
  return 2 * schedule.tileM + schedule.tileM / 4 + 4 * kPanels + 72;
}

/// Registers that a thread can have with \p warps warps on a multiprocessor, each quarter of which has its own.
static int64_t getRegisterLimit(int64_t warps) {
  int64_t limit = SM::registersPerSM / 4 / nvidia::kWarpSize / ceilDiv(warps, 4) / 8 * 8;
  return std::min(limit, SM::registersPerThread);
}

int64_t gpu_kernels::getSparseMmaBlocksPerSM(const LinearKernelSpec &spec, const LinearSchedule &schedule,
                                             const SM &sm) {
  SparseMmaLayout layout = getSparseMmaLayout(spec, schedule);
  int64_t blocks = std::min(sm.sharedPerSM / (layout.total + SM::sharedReserved), sm.threadsPerSM / layout.threads());
  while (blocks > 1 && getRegisterLimit(blocks * layout.warps) < getRegisters(schedule))
    --blocks;
  return std::max<int64_t>(1, blocks);
}

std::optional<std::string> gpu_kernels::verifySparseMma(const LinearKernelSpec &spec, const LinearSchedule &schedule,
                                                        const SM &sm) {
  auto str = [](auto &&format) { return std::optional(format.str()); };
  if (!spec.strips)
    return std::string("SparseMma reads weights that are stored as squares, but this one is dense; use Mma");
  const StripsLayout &storage = spec.strips->layout;
  if (storage.unitRows != 16)
    return str(llvm::formatv("SparseMma reads squares of 16 outputs, but the weight is stored in slabs of {0}; use "
                             "Sparse",
                             storage.unitRows));
  if (schedule.tileK != 64 && schedule.tileK != 128 && schedule.tileK != 256)
    return str(llvm::formatv("tileK is {0}, but a stage of SparseMma holds 64, 128 or 256 inputs", schedule.tileK));
  int64_t tokens = schedule.tileM;
  if (tokens != 16 && tokens != 32 && tokens != 64)
    return str(llvm::formatv("tileM is {0}, but a warp of SparseMma takes 16, 32 or 64 tokens", tokens));
  if (schedule.tileN < kStripRows || schedule.tileN % kStripRows)
    return str(llvm::formatv("tileN is {0}, but each warp of SparseMma has a strip of 64 outputs; use a multiple of 64",
                             schedule.tileN));
  int64_t splitK = schedule.splitK, blocks = storage.numBlocks();
  if (splitK != 1 && splitK != 2 && splitK != 4 && splitK != 8)
    return str(llvm::formatv("splitK is {0}, but 1, 2, 4 or 8 warps share a strip", splitK));
  if (splitK > tokens / 4)
    return str(llvm::formatv("sums of {0} tokens cannot be shared out to {1} warps in squares of 16; use a splitK of "
                             "at most {2}",
                             tokens, splitK, tokens / 4));
  if (splitK > 1 && schedule.persistent)
    return std::string("splitK is for blocks that are not persistent; use 1 or false");
  if ((splitK - 1) * ceilDiv(blocks, splitK) >= blocks)
    return str(llvm::formatv("{0} inputs are {1} blocks of 64, too few to split {2} ways", spec.k, blocks, splitK));
  if (int64_t inputs = ceilDiv(blocks, splitK) * StripsLayout::kBlockColumns; schedule.tileK / 2 >= inputs)
    return str(llvm::formatv("tileK is {0}, but a warp has only {1} inputs; use {1} or less", schedule.tileK, inputs));
  int64_t cluster = schedule.cluster;
  if (cluster != 1 && cluster != 2 && cluster != 4)
    return str(llvm::formatv("cluster is {0}, but 1, 2 or 4 blocks share their tokens", cluster));
  if (cluster > 1 && !sm.hasTMA)
    return str(llvm::formatv("clusters need sm_90, but the target is {0}; use 1", sm.chip));
  if (tokens / cluster < SparseMmaLayout::kSwizzleRows)
    return str(llvm::formatv("{0} tokens cannot be shared by {1} blocks, of which each copies 8; use a cluster of {2}",
                             tokens, cluster, tokens / SparseMmaLayout::kSwizzleRows));
  if (schedule.exclusive || schedule.exactSums)
    return std::string("SparseMma has neither exclusive blocks nor rounded sums; use false");
  SparseMmaLayout layout = getSparseMmaLayout(spec, schedule);
  int64_t registers = getRegisters(schedule);
  if (layout.threads() > 1024 || getRegisterLimit(layout.warps) < registers)
    return str(llvm::formatv("{0} warps of about {1} registers do not fit; use a smaller tileN or splitK, or fewer "
                             "tokens",
                             layout.warps, registers));
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Choice
//===----------------------------------------------------------------------===//

double gpu_kernels::getSparseMmaCycles(const LinearKernelSpec &spec, const LinearSchedule &schedule, const SM &sm,
                                       int64_t rows) {
  const StripsLayout &storage = spec.strips->layout;
  SparseMmaLayout layout = getSparseMmaLayout(spec, schedule);
  double tokens = schedule.tileM, warps = layout.warps;
  double squares = double(storage.numStrips() * storage.numBlocks() * storage.unitsPerBlock());
  double density = storage.kept / squares;
  int64_t perSM = getSparseMmaBlocksPerSM(spec, schedule, sm), resident = perSM * sm.numSMs;
  int64_t groups = ceilDiv(ceilDiv(storage.numStrips(), layout.strips), schedule.cluster) * schedule.cluster;
  int64_t tiles = ceilDiv(rows, schedule.tileM) * groups;
  double waves = ceilDiv(tiles, resident), active = std::min(tiles, resident);
  // Blocks of a multiprocessor, on average.
  double shared = std::max(1.0, active / sm.numSMs);

  // 16 inputs of a block: how many squares a warp has, and whether it needs x at all.
  double kept = kPanels * density, needed = 1 - std::pow(1 - density, kPanels);
  double bytesX = tokens * StripsLayout::kSlabColumns * 2, bytesW = kept * SparseMmaLayout::kSquareBytes;
  // Shared memory is written once and read by every warp, 128 bytes in a cycle; mma.sync has about three fifths of the
  // tensor cores; L2 has to deliver for all.
  double copies = (schedule.splitK * bytesX + warps * (needed * bytesX + 2 * bytesW)) / 128;
  double multiply = warps * kept * tokens / 8 * 1.66;
  double l2 = (schedule.splitK * bytesX / schedule.cluster + warps * bytesW) / std::min(60.0, 5100.0 * shared / active);
  // A warp alone: what it waits for in front of its multiplications, and these. Inputs that it has no square for take
  // nothing.
  double alone = needed * 90 + kept * (35 + tokens / 8 * 7);
  double slab = std::max({shared * copies, shared * multiply, l2, alone});
  double fixed =
      2500 + 12 * tokens + (schedule.splitK > 1 ? 400 + 3 * warps * tokens / 4 : 0) + (schedule.cluster > 1 ? 700 : 0);
  // A persistent block fills its rings for the next tile while it finishes one.
  double perTile = schedule.persistent ? 20 * tokens : 1200 + 25 * tokens;
  // The barriers of a stage, and the requests for x.
  // The blocks of a cluster wait for the slowest at each stage: measured, 300 cycles for two and far more for four.
  double perStep = 300 + 60.0 * layout.boxes() / layout.copiers();
  if (schedule.cluster > 1)
    perStep += schedule.cluster == 2 ? 300 : 2500;
  return fixed + waves * (layout.blocksK * kSlabs * slab + layout.steps * perStep + perTile);
}

LinearSchedule gpu_kernels::chooseSparseMma(LinearKernelSpec spec, const SM &sm, int64_t rows) {
  // A kernel in front takes them.
  spec.rowStats = std::nullopt;
  LinearSchedule best{LinearSchedule::Simt, 64, 64, 16, 1};
  double bestCycles = INFINITY;
  for (int64_t tokens : {64, 32, 16}) {
    for (int64_t strips : {8, 6, 4, 3, 2, 1}) {
      for (int64_t splitK : {1, 2, 4, 8}) {
        for (int64_t cluster : {1, 2, 4}) {
          for (auto [blocksPerSM, tileK] :
               {std::pair(1, 64), std::pair(1, 128), std::pair(1, 256), std::pair(2, 64), std::pair(2, 128)}) {
            LinearSchedule schedule{LinearSchedule::SparseMma, tokens, strips * kStripRows, tileK, 2, splitK};
            schedule.cluster = cluster;
            // As many stages as fit; beyond eight blocks they gain nothing.
            int64_t room = std::min(sm.sharedPerBlock, sm.sharedPerSM / blocksPerSM - SM::sharedReserved);
            int64_t rest = room - getSparseMmaLayout(spec, schedule).total;
            int64_t stageBytes = getSparseMmaLayout(spec, schedule).stageBytes;
            int64_t useful = std::max<int64_t>(2, 640 / tileK - splitK);
            schedule.stages += std::clamp<int64_t>(rest / (stageBytes + 16), 0, useful);
            int64_t groups = ceilDiv(spec.strips->layout.numStrips(), strips);
            schedule.persistent =
                splitK == 1 && ceilDiv(rows, tokens) * groups > sm.numSMs * getSparseMmaBlocksPerSM(spec, schedule, sm);
            if (verifyLinearKernel(spec, schedule, sm))
              continue;
            double cycles = getSparseMmaCycles(spec, schedule, sm, rows);
            if (cycles < bestCycles) {
              bestCycles = cycles;
              best = schedule;
            }
          }
        }
      }
    }
  }
  return best;
}
