//===- LinearSchedule.cpp - Choosing and checking schedules of linear kernels -*- C++ -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// See https://llvm.org/LICENSE.txt for license information.
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

bool gpu_kernels::storesByTMA(const LinearKernelSpec &spec, const LinearSchedule &schedule) {
  return schedule.kind == LinearSchedule::Wgmma && schedule.tileM > 64 && schedule.splitK == 1 &&
         schedule.tileN % 64 == 0 && isHalf(spec.yType) && spec.yAligned && spec.n % 8 == 0;
}

int64_t gpu_kernels::getLinearSharedBytes(const LinearKernelSpec &spec, const LinearSchedule &schedule) {
  if (schedule.kind == LinearSchedule::Simt)
    return 2 * 16 * (64 + 4) * 4;
  int64_t ring = schedule.stages * (schedule.tileM + schedule.tileN) * schedule.tileK * 2;
  if (schedule.kind == LinearSchedule::Mma)
    return ring;
  int64_t boxes = storesByTMA(spec, schedule) ? schedule.tileM / 64 * 2 * 64 * 128 : 0;
  return ring + boxes + 2 * 8 * schedule.stages;
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
  for (auto [type, name] : {std::pair(spec.xType, "the input"), std::pair(spec.wType, "the weight"),
                            std::pair(spec.yType, "the output")})
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
    return str(llvm::formatv("tensor cores need rows of 16 bytes each, but {0} inputs are not a multiple of 8; use Simt",
                             spec.k));
  if (spec.n % 8)
    return str(llvm::formatv("tensor cores need a multiple of 8 outputs, but got {0}; use Simt", spec.n));
  if (!spec.xAligned)
    return std::string("tensor cores need the input's start and row stride to be multiples of 16 bytes; use Simt");
  if (spec.yStride != ShapedType::kDynamic && spec.yStride % 2)
    return str(llvm::formatv("pairs are stored at once, but the output's row stride {0} is odd; use Simt", spec.yStride));
  if (spec.yStride == ShapedType::kDynamic && !spec.yAligned)
    return std::string("pairs are stored at once, but the output's rows may start anywhere; use Simt");
  if (schedule.tileK != kTensorTileK)
    return str(llvm::formatv("tileK is {0}, but a stage holds 64 inputs", schedule.tileK));
  if (schedule.stages < 2)
    return str(llvm::formatv("expected at least 2 stages, but got {0}", schedule.stages));
  int64_t shared = getLinearSharedBytes(spec, schedule);
  if (shared > sm.sharedPerBlock)
    return str(llvm::formatv("needs {0} bytes of shared memory, but a block of {1} has {2}; use fewer stages or smaller "
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
  if (schedule.tileM != 64 || schedule.persistent)
    return std::string("splitK is for tiles of 64 rows that are not persistent");
  if (schedule.tileN % (8 * splitK))
    return str(llvm::formatv("tileN {0} cannot be shared out to {1} blocks in groups of 8 columns; use a multiple of {2}",
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

/// Few rows: one block per 64 x 64 tile, and K split until the blocks fill the device about once.
static LinearSchedule chooseSmall(const LinearKernelSpec &spec, const SM &sm, int64_t rows) {
  LinearSchedule best{LinearSchedule::Wgmma, 64, 64, kTensorTileK, 6};
  double bestCost = INFINITY;
  int64_t blocks = ceilDiv(spec.k, kTensorTileK);
  for (int64_t tileN : {32, 64, 128}) {
    int64_t tiles = ceilDiv(rows, 64) * ceilDiv(spec.n, tileN);
    for (int64_t splitK : {1, 2, 4, 8}) {
      LinearSchedule schedule{LinearSchedule::Wgmma, 64, tileN, kTensorTileK, 6, splitK};
      if (verifyLinearKernel(spec, schedule, sm))
        continue;
      // In units of one block of K of a 64 x 64 tile, about 70 ns from L2 or memory; adding up through the cluster
      // costs as much as about eight.
      double waves = double(ceilDiv(tiles * splitK, sm.numSMs));
      double cost = waves * ceilDiv(blocks, splitK) * (0.5 + tileN / 128.0) + (splitK > 1 ? 8 : 0);
      if (cost < bestCost) {
        bestCost = cost;
        best = schedule;
      }
    }
  }
  // Two kernels of a chain fit on a multiprocessor at once when each takes less than half of its shared memory.
  best.stages = std::min<int64_t>({8, ceilDiv(blocks, best.splitK),
                                   (sm.sharedPerSM / 2 - 2 * SM::sharedReserved) / ((64 + best.tileN) * 128)});
  best.stages = std::max<int64_t>(best.stages, 2);
  return best;
}

/// Many rows: the widest tile whose last wave is not mostly empty.
static LinearSchedule chooseLarge(const LinearKernelSpec &spec, const SM &sm, int64_t rows) {
  LinearSchedule best;
  double bestCost = INFINITY;
  for (int64_t tileN : {256, 192, 128}) {
    LinearSchedule schedule{LinearSchedule::Wgmma, 128, tileN, kTensorTileK, tileN == 128 ? 6 : 4, 1, true};
    int64_t tiles = ceilDiv(rows, 128) * ceilDiv(spec.n, tileN);
    // Narrower tiles read more of x and w per product.
    double perTile = tileN + (tileN == 256 ? 0 : tileN == 192 ? 4 : 12) + 16;
    double cost = ceilDiv(tiles, sm.numSMs) * perTile;
    if (cost < bestCost) {
      bestCost = cost;
      best = schedule;
    }
  }
  return best;
}

LinearSchedule gpu_kernels::chooseLinearSchedule(const LinearKernelSpec &spec, const SM &sm, int64_t rows) {
  LinearSchedule simt{LinearSchedule::Simt, 64, 64, 16, 1};
  if (sm.hasWgmma) {
    int64_t tilesOf64 = ceilDiv(rows, 64) * ceilDiv(spec.n, 64);
    LinearSchedule schedule =
        tilesOf64 <= 3 * sm.numSMs ? chooseSmall(spec, sm, rows) : chooseLarge(spec, sm, rows);
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
                                           const LinearKernelSpec &spec, const LinearSchedule &schedule,
                                           const SM &sm) {
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
  StringRef kind = schedule.kind == LinearSchedule::Wgmma ? "wgmma" : schedule.kind == LinearSchedule::Mma ? "mma" : "simt";
  std::string text = llvm::formatv("{0} {1}x{2}x{3} stages {4}", kind, schedule.tileM, schedule.tileN, schedule.tileK,
                                   schedule.stages);
  if (schedule.splitK > 1)
    text += llvm::formatv(" split {0}", schedule.splitK);
  if (schedule.persistent)
    text += " persistent";
  return text;
}
