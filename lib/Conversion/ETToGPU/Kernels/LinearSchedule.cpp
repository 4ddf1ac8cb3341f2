//===- LinearSchedule.cpp - Choosing and checking schedules of linear kernels -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LinearEmitter.h"

#include "llvm/Support/FormatVariadic.h"

#include <cmath>

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::gpu_kernels;
using nvidia::SM;

/// Inputs of a stage of the tensor core schedules: 128 bytes.
static constexpr int64_t kTensorTileK = 64;

static bool isHalf(Type type) { return type.isF16() || type.isBF16(); }

/// The ring of a tensor core schedule, and the barriers of Wgmma.
static int64_t getRingBytes(const LinearSchedule &schedule) {
  return schedule.stages * (schedule.tileM + schedule.tileN) * schedule.tileK * 2;
}
static int64_t getBarrierBytes(const LinearSchedule &schedule) { return 2 * 8 * schedule.stages; }

StoreBoxes gpu_kernels::getStoreBoxes(const LinearKernelSpec &spec, const LinearSchedule &schedule) {
  if (schedule.kind != LinearSchedule::Wgmma || schedule.splitK > 1 || schedule.tileN % 16 || !isHalf(spec.yType) ||
      !spec.yAligned || spec.n % 8 || (spec.yStride != ShapedType::kDynamic && spec.yStride % 8))
    return {};
  StoreBoxes boxes;
  boxes.columns = schedule.tileN % 64 == 0 ? 64 : schedule.tileN % 32 == 0 ? 32 : 16;
  // Enough for a tile if they fit, so that it is stored without waiting.
  int64_t rest = SM::get("sm_90a")->sharedPerBlock - getRingBytes(schedule) - getBarrierBytes(schedule);
  boxes.count = std::clamp<int64_t>(rest / (schedule.tileM * boxes.rowBytes()), 1, schedule.tileN / boxes.columns);
  return boxes;
}

int64_t gpu_kernels::getLinearSharedBytes(const LinearKernelSpec &spec, const LinearSchedule &schedule) {
  if (schedule.kind == LinearSchedule::Simt)
    return 2 * 16 * (64 + 4) * 4;
  if (schedule.kind == LinearSchedule::Mma)
    return getRingBytes(schedule);
  StoreBoxes boxes = getStoreBoxes(spec, schedule);
  int64_t bytes = getRingBytes(schedule) + boxes.count * boxes.rowBytes() * schedule.tileM + getBarrierBytes(schedule);
  return schedule.exclusive ? std::max(bytes, SM::get("sm_90a")->sharedPerSM / 2) : bytes;
}

//===----------------------------------------------------------------------===//
// Verification
//===----------------------------------------------------------------------===//

/// What the spec alone can be wrong about.
static std::optional<std::string> verifySpec(const LinearKernelSpec &spec) {
  auto str = [](auto &&format) { return std::optional(format.str()); };
  if (spec.n < 1 || spec.k < 1)
    return str(llvm::formatv("expected at least 1 output and 1 input, but got {0} and {1}", spec.n, spec.k));
  auto isFloat = [](Type type) { return type && (isHalf(type) || type.isF32()); };
  for (auto [type, name] :
       {std::pair(spec.xType, "the input"), std::pair(spec.wType, "the weight"), std::pair(spec.yType, "the output")})
    if (!isFloat(type))
      return str(llvm::formatv("expected {0} to be f16, bf16 or f32; convert it first", name));
  if (spec.biasType && !isFloat(spec.biasType))
    return std::string("expected the bias to be f16, bf16 or f32; convert it first");
  for (auto [i, extra] : llvm::enumerate(spec.extras))
    if (!isFloat(extra.elementType))
      return str(llvm::formatv("expected extra operand {0} to be f16, bf16 or f32; convert it first", i));
  return std::nullopt;
}

/// What both tensor core schedules need.
static std::optional<std::string> verifyTensorCore(const LinearKernelSpec &spec, const LinearSchedule &schedule,
                                                   const SM &sm) {
  auto str = [](auto &&format) { return std::optional(format.str()); };
  if (!isHalf(spec.xType) || spec.xType != spec.wType)
    return std::string("tensor cores need the input and the weight to be both f16 or both bf16; use Simt");
  if (spec.k % 8)
    return str(llvm::formatv(
        "tensor cores need rows of 16 bytes each, but {0} inputs are not a multiple of 8; use Simt", spec.k));
  if (spec.n % 8)
    return str(llvm::formatv("tensor cores need a multiple of 8 outputs, but got {0}; use Simt", spec.n));
  if (!spec.xAligned)
    return std::string("tensor cores need the input's start and row stride to be multiples of 16 bytes; use Simt");
  if (spec.yStride != ShapedType::kDynamic && spec.yStride % 2)
    return str(
        llvm::formatv("pairs are stored at once, but the output's row stride {0} is odd; use Simt", spec.yStride));
  if (spec.yStride == ShapedType::kDynamic && !spec.yAligned)
    return std::string("pairs are stored at once, but the output's rows may start anywhere; use Simt");
  if (schedule.tileK != kTensorTileK)
    return str(llvm::formatv("tileK is {0}, but a stage holds 64 inputs", schedule.tileK));
  if (schedule.stages < 2)
    return str(llvm::formatv("expected at least 2 stages, but got {0}", schedule.stages));
  int64_t shared = getLinearSharedBytes(spec, schedule);
  if (shared > sm.sharedPerBlock)
    return str(
        llvm::formatv("needs {0} bytes of shared memory, but a block of {1} has {2}; use fewer stages or smaller "
                      "tiles",
                      shared, sm.chip, sm.sharedPerBlock));
  return std::nullopt;
}

static std::optional<std::string> verifyWgmma(const LinearKernelSpec &spec, const LinearSchedule &schedule,
                                              const SM &sm) {
  auto str = [](auto &&format) { return std::optional(format.str()); };
  if (!sm.hasWgmma)
    return str(llvm::formatv("wgmma needs sm_90a, but the target is {0}; use Mma", sm.chip));
  if (schedule.tileM != 64 && schedule.tileM != 128)
    return str(llvm::formatv("tileM is {0}, but there are one or two consumers of 64 rows", schedule.tileM));
  // With one consumer the swizzle wants w to start at a multiple of 1024 bytes, and so does the next stage.
  if (schedule.tileN < 8 || schedule.tileN > 256 || schedule.tileN % 8)
    return str(llvm::formatv("tileN is {0}, but wgmma takes multiples of 8 from 8 to 256", schedule.tileN));
  int64_t splitK = schedule.splitK, blocks = ceilDiv(spec.k, kTensorTileK);
  if (splitK == 1)
    return std::nullopt;
  if (splitK < 1 || splitK > 8 || !llvm::isPowerOf2_64(splitK))
    return str(llvm::formatv("splitK is {0}, but a cluster has 1, 2, 4 or 8 blocks", splitK));
  if (schedule.persistent)
    return std::string("splitK is for blocks that are not persistent; use 1 or false");
  if (schedule.tileN % (8 * splitK))
    return str(
        llvm::formatv("tileN {0} cannot be shared out to {1} blocks in groups of 8 columns; use a multiple of {2}",
                      schedule.tileN, splitK, 8 * splitK));
  if ((splitK - 1) * ceilDiv(blocks, splitK) >= blocks)
    return str(llvm::formatv("{0} inputs are {1} blocks of 64, too few to split {2} ways", spec.k, blocks, splitK));
  return std::nullopt;
}

std::optional<std::string> gpu_kernels::verifyLinearKernel(const LinearKernelSpec &spec, const LinearSchedule &schedule,
                                                           const SM &sm) {
  if (std::optional<std::string> reason = verifySpec(spec))
    return reason;
  if (schedule.kind == LinearSchedule::Simt)
    return std::nullopt;
  if (std::optional<std::string> reason = verifyTensorCore(spec, schedule, sm))
    return reason;
  if (schedule.kind == LinearSchedule::Wgmma)
    return verifyWgmma(spec, schedule, sm);
  auto isTile = [](int64_t size) { return size == 32 || size == 64 || size == 128; };
  if (!isTile(schedule.tileM) || !isTile(schedule.tileN))
    return llvm::formatv("tile is {0} x {1}, but Mma takes 32, 64 and 128", schedule.tileM, schedule.tileN).str();
  if (schedule.splitK != 1 || schedule.persistent)
    return std::string("Mma has neither splitK nor persistent blocks; use 1 and false");
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Choice
//===----------------------------------------------------------------------===//

/// Cycles of the whole kernel. The constants are a fit to about a hundred kernels with 64 to 1024 rows on an H200
/// (benchmarks/gpu/linear.py), which it meets within 6 % on average.
static double getWgmmaCycles(const LinearKernelSpec &spec, const LinearSchedule &schedule, const SM &sm, int64_t rows) {
  int64_t tileM = schedule.tileM, tileN = schedule.tileN, splitK = schedule.splitK;
  int64_t blocks = ceilDiv(rows, tileM) * ceilDiv(spec.n, tileN) * splitK;
  // Clusters of more than two leave multiprocessors idle: the groups they are taken from are of odd sizes.
  int64_t resident = splitK > 2 ? sm.numSMs / 11 * 10 : sm.numSMs;
  double waves = ceilDiv(blocks, resident), active = std::min(blocks, resident);

  // One stage: the tensor cores, which one consumer keeps less busy than two, or the copies, which share what L2
  // delivers.
  double multiply = (tileM == 64 ? 1.3 : 1.12) * tileM * tileN / 32;
  double copy = (tileM + tileN) * 128 / std::min(100.0, 9000 / active);
  double stages = ceilDiv(ceilDiv(spec.k, kTensorTileK), splitK);

  // Per tile the epilogue, which nothing hides; without boxes the stores are narrow, with boxes of 16 columns many.
  StoreBoxes boxes = getStoreBoxes(spec, schedule);
  double epilogue = 900 + (boxes.count ? 3.0 : 4.5) * tileN + (boxes.columns == 16 ? 350 : 0);
  // Launch and last store, and the first copies, which find L2 cold and everybody asking.
  double fixed = 1070 + 9 * (tileM + tileN) * active / sm.numSMs;
  // Two barriers of the cluster, and the partial sums through it at 11 bytes per cycle.
  if (splitK > 1)
    fixed += 810 + tileM * tileN * 4 / 11;
  return fixed + waves * (stages * (std::max(multiply, copy) + 14) + epilogue);
}

double gpu_kernels::estimateLinearCycles(const LinearKernelSpec &spec, const LinearSchedule &schedule, const SM &sm,
                                         int64_t rows) {
  // Of the others only the tiles are compared: they keep the multiprocessors busy, and large ones read less.
  if (schedule.kind != LinearSchedule::Wgmma)
    return static_cast<double>(spec.k) *
           ceilDiv(ceilDiv(rows, schedule.tileM) * ceilDiv(spec.n, schedule.tileN), sm.numSMs) * schedule.tileM *
           schedule.tileN;
  return getWgmmaCycles(spec, schedule, sm, rows);
}

static LinearSchedule chooseWgmma(const LinearKernelSpec &spec, const SM &sm, int64_t rows) {
  LinearSchedule best;
  double bestCycles = INFINITY;
  int64_t blocksK = ceilDiv(spec.k, kTensorTileK);
  for (int64_t tileM : {128, 64}) {
    for (int64_t tileN : {256, 224, 192, 160, 144, 128, 112, 96, 80, 64, 48, 32, 16}) {
      int64_t tiles = ceilDiv(rows, tileM) * ceilDiv(spec.n, tileN);
      for (int64_t splitK : {1, 2, 4, 8}) {
        // Beside the ring stand the boxes of a tile, or two of 64 columns where that leaves three stages only.
        int64_t room = sm.sharedPerBlock - 1024, stage = (tileM + tileN) * 128;
        int64_t fit = (room - tileM * tileN * 2) / stage;
        if (fit < 4)
          fit = (room - tileM * 256) / stage;
        LinearSchedule schedule{LinearSchedule::Wgmma, tileM, tileN, kTensorTileK, 0, splitK};
        schedule.stages =
            std::max<int64_t>(2, std::min<int64_t>({tileN <= 32 ? 12 : 8, fit, ceilDiv(blocksK, splitK)}));
        schedule.persistent = tileM == 128 && splitK == 1 && tiles > sm.numSMs;
        schedule.exclusive = true;
        if (verifyLinearKernel(spec, schedule, sm))
          continue;
        double cycles = getWgmmaCycles(spec, schedule, sm, rows);
        if (cycles < bestCycles) {
          bestCycles = cycles;
          best = schedule;
        }
      }
    }
  }
  return best;
}

LinearSchedule gpu_kernels::chooseLinearSchedule(const LinearKernelSpec &spec, const SM &sm, int64_t rows) {
  LinearSchedule simt{LinearSchedule::Simt, 64, 64, 16, 1};
  if (sm.hasWgmma) {
    LinearSchedule schedule = chooseWgmma(spec, sm, rows);
    return verifyLinearKernel(spec, schedule, sm) ? simt : schedule;
  }
  for (int64_t tile : {128, 64, 32}) {
    LinearSchedule schedule{LinearSchedule::Mma, tile, tile, kTensorTileK, tile == 128 ? 3 : 4};
    int64_t tiles = ceilDiv(rows, tile) * ceilDiv(spec.n, tile);
    bool enough = tiles >= sm.numSMs || tile == 32;
    if (enough && !verifyLinearKernel(spec, schedule, sm))
      return schedule;
  }
  return simt;
}

//===----------------------------------------------------------------------===//
// Dispatch
//===----------------------------------------------------------------------===//

BuiltKernel gpu_kernels::buildLinearKernel(OpBuilder &builder, Location loc, StringRef name,
                                           const LinearKernelSpec &spec, const LinearSchedule &schedule, const SM &sm) {
  assert(!verifyLinearKernel(spec, schedule, sm) && "the caller verifies and reports");
  OpBuilder::InsertionGuard guard(builder);
  switch (schedule.kind) {
  case LinearSchedule::Wgmma:
    return buildWgmmaLinear(builder, loc, name, spec, schedule, sm);
  case LinearSchedule::Mma:
    return buildMmaLinear(builder, loc, name, spec, schedule, sm);
  case LinearSchedule::Simt:
    return buildSimtLinear(builder, loc, name, spec, schedule, sm);
  }
  llvm_unreachable("covered switch");
}

std::string gpu_kernels::stringifyLinearSchedule(const LinearSchedule &schedule) {
  StringRef kind = schedule.kind == LinearSchedule::Wgmma ? "wgmma"
                   : schedule.kind == LinearSchedule::Mma ? "mma"
                                                          : "simt";
  std::string text = llvm::formatv("{0} {1}x{2}x{3} stages {4}", kind, schedule.tileM, schedule.tileN, schedule.tileK,
                                   schedule.stages);
  if (schedule.splitK > 1)
    text += llvm::formatv(" split {0}", schedule.splitK);
  if (schedule.persistent)
    text += " persistent";
  if (schedule.exclusive)
    text += " exclusive";
  return text;
}
