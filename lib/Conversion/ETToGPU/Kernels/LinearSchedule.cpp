//===- LinearSchedule.cpp - Choosing and checking schedules of linear kernels -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LinearSparse.h"
#include "LinearSparseMma.h"

#include "llvm/Support/FormatVariadic.h"

#include <cmath>

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::gpu_kernels;
using nvidia::SM;

/// Inputs of a stage of the tensor core schedules: 128 bytes.
static constexpr int64_t kTensorTileK = 64;

StringRef gpu_kernels::getLinearKindName(LinearSchedule::Kind kind) {
  static constexpr StringRef names[] = {"wgmma", "mma", "simt", "overlap", "sparse", "sparse_mma"};
  return names[kind];
}

static bool isHalf(Type type) { return type.isF16() || type.isBF16(); }

/// The ring of a tensor core schedule, and the barriers of Wgmma.
static int64_t getRingBytes(const LinearSchedule &schedule) {
  return schedule.stages * (schedule.tileM + schedule.tileN) * schedule.tileK * 2;
}
static int64_t getBarrierBytes(const LinearSchedule &schedule) { return 2 * 8 * schedule.stages; }

/// Whether a Sparse kernel has registers for the chunks of rows beside its sums. With many rows other kernels for them
/// are cheaper than every tile taking them.
static bool hasRoomForStats(const LinearSchedule &schedule) {
  return !schedule.persistent && schedule.tileM <= 128 && schedule.tileN == StripsLayout::kStripRows;
}

bool gpu_kernels::takesRowStats(const LinearSchedule &schedule) {
  if (schedule.kind == LinearSchedule::Sparse)
    return hasRoomForStats(schedule);
  return schedule.kind != LinearSchedule::Overlap && schedule.kind != LinearSchedule::SparseMma;
}

bool gpu_kernels::storesChunks(const LinearKernelSpec &spec, const LinearSchedule &schedule) {
  if (schedule.kind == LinearSchedule::Sparse)
    return hasRoomForStats(schedule) && getSparseLayout(spec, schedule).boxTokens;
  // A warp of Mma has half of the outputs of a tile.
  int64_t columns = schedule.kind == LinearSchedule::Mma ? schedule.tileN / 2 : schedule.tileN;
  bool hasFragments = schedule.kind == LinearSchedule::Wgmma || schedule.kind == LinearSchedule::Mma;
  return hasFragments && columns % kLinearChunkSize == 0;
}

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

OverlapLayout gpu_kernels::getOverlapLayout(const LinearKernelSpec &spec, const LinearSchedule &schedule) {
  OverlapLayout layout;
  layout.stageBytes = (schedule.tileM + schedule.tileN) * schedule.tileK * 2;
  layout.sums = layout.stageBytes * schedule.stages;
  layout.bias = layout.sums + schedule.tileM * schedule.tileN * (schedule.exactSums ? 4 : 2);
  if (spec.biasType && !schedule.exactSums)
    layout.biasBytes = schedule.tileN * spec.biasType.getIntOrFloatBitWidth() / 8;
  layout.barriers = layout.bias + 2 * layout.biasBytes;
  layout.total = layout.barriers + 2 * 8 * schedule.stages;
  return layout;
}

int64_t gpu_kernels::getLinearSharedBytes(const LinearKernelSpec &spec, const LinearSchedule &schedule) {
  if (schedule.kind == LinearSchedule::Simt)
    return 2 * 16 * (64 + 4) * 4;
  if (schedule.kind == LinearSchedule::Mma)
    return getRingBytes(schedule);
  if (schedule.kind == LinearSchedule::Overlap)
    return getOverlapLayout(spec, schedule).total;
  if (schedule.kind == LinearSchedule::Sparse) {
    int64_t bytes = getSparseLayout(spec, schedule).total;
    return schedule.exclusive ? std::max(bytes, SM::get("sm_90a")->sharedPerSM / 2) : bytes;
  }
  if (schedule.kind == LinearSchedule::SparseMma)
    return getSparseMmaLayout(spec, schedule).total;
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
  if (spec.rowStats && (spec.rowStats->chunkSize < 1 || spec.k % spec.rowStats->chunkSize))
    return str(llvm::formatv("expected {0} inputs to be chunks of {1}", spec.k, spec.rowStats->chunkSize));
  if (spec.strips && !isHalf(spec.wType))
    return std::string("expected a weight in strips to be f16 or bf16; store it dense");
  if (spec.strips && (spec.strips->layout.n != spec.n || spec.strips->layout.k != spec.k))
    return str(llvm::formatv("expected strips of a weight of {0} outputs and {1} inputs, but they are of {2} and {3}",
                             spec.n, spec.k, spec.strips->layout.n, spec.strips->layout.k));
  if (spec.yChunks && spec.n % kLinearChunkSize)
    return str(llvm::formatv("expected {0} outputs to be chunks of {1}", spec.n, kLinearChunkSize));
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
  // SparseMma has stages of several blocks too.
  if (schedule.kind != LinearSchedule::SparseMma && schedule.tileK != kTensorTileK)
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

static std::optional<std::string> verifyOverlap(const LinearKernelSpec &spec, const LinearSchedule &schedule,
                                                const SM &sm) {
  auto str = [](auto &&format) { return std::optional(format.str()); };
  if (!sm.hasWgmma)
    return str(llvm::formatv("wgmma needs sm_90a, but the target is {0}; use Mma", sm.chip));
  if (schedule.tileM != 128)
    return str(llvm::formatv("tileM is {0}, but there are two consumers of 64 rows; use 128", schedule.tileM));
  if (schedule.tileN < 64 || schedule.tileN > 256 || schedule.tileN % 64)
    return str(
        llvm::formatv("tileN is {0}, but sums are handed over in groups of 64 columns up to 256", schedule.tileN));
  if (schedule.splitK != 1 || schedule.exclusive)
    return std::string("Overlap has one persistent block per multiprocessor and does not split K; use 1 and false");
  if (schedule.cluster != 1 && schedule.cluster != 2)
    return str(llvm::formatv("cluster is {0}, but 1 or 2 blocks share their weights", schedule.cluster));
  if (!isHalf(spec.yType) || !spec.yAligned || (spec.yStride != ShapedType::kDynamic && spec.yStride % 8))
    return std::string("the epilogue stores 16 bytes at once, but the output is not f16 or bf16 with start and row "
                       "stride at multiples of 16 bytes; use Wgmma");
  if (spec.exactSums && !schedule.exactSums)
    return std::string("the epilogue is owed sums as f32, but they are handed over rounded; use exactSums");
  if (spec.biasType && !spec.biasAligned)
    return std::string("the bias is copied 16 bytes at once, but may start anywhere; use Wgmma");
  // The bias of a tile is overwritten by that of the tile after the next, at most a ring ahead.
  int64_t blocks = ceilDiv(spec.k, kTensorTileK);
  if (schedule.stages > blocks)
    return str(llvm::formatv("{0} stages, but {1} inputs are {2} blocks of 64; use fewer stages", schedule.stages,
                             spec.k, blocks));
  return std::nullopt;
}

std::optional<std::string> gpu_kernels::verifyLinearKernel(const LinearKernelSpec &spec, const LinearSchedule &schedule,
                                                           const SM &sm) {
  if (std::optional<std::string> reason = verifySpec(spec))
    return reason;
  if (spec.rowStats && !takesRowStats(schedule))
    return llvm::formatv("{0} takes no statistics of rows; compute them in a kernel in front of it, and pass them as "
                         "extras",
                         getLinearKindName(schedule.kind))
        .str();
  if (spec.yChunks && !storesChunks(spec, schedule))
    return llvm::formatv("a block has no whole chunks of {0} outputs with {1}; store them in a kernel behind it",
                         kLinearChunkSize, stringifyLinearSchedule(schedule))
        .str();
  if (schedule.kind == LinearSchedule::Simt)
    return std::nullopt;
  // Before its shared memory is asked for, which divides by its sizes.
  if (schedule.kind == LinearSchedule::SparseMma) {
    if (std::optional<std::string> reason = verifySparseMma(spec, schedule, sm))
      return reason;
  } else if (spec.strips && schedule.kind != LinearSchedule::Sparse) {
    return std::string("the weight is stored in strips, but the schedule is one for dense weights; use Sparse for "
                       "slabs and SparseMma for squares, or Simt");
  }
  if (std::optional<std::string> reason = verifyTensorCore(spec, schedule, sm))
    return reason;
  if (schedule.kind == LinearSchedule::Sparse)
    return verifySparse(spec, schedule, sm);
  if (schedule.kind == LinearSchedule::Wgmma)
    return verifyWgmma(spec, schedule, sm);
  if (schedule.kind == LinearSchedule::Overlap)
    return verifyOverlap(spec, schedule, sm);
  if (schedule.kind == LinearSchedule::SparseMma)
    return std::nullopt;
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

/// Cycles that the epilogue of one tile takes beyond bias and store: a residual waits for memory, anything else is
/// mostly arithmetic.
static double getEpilogueCycles(const LinearKernelSpec &spec, const LinearSchedule &schedule) {
  if (!spec.epilogue)
    return 0;
  bool readsMatrix =
      llvm::any_of(spec.extras, [](const LinearExtra &extra) { return extra.kind == LinearExtra::Matrix; });
  return readsMatrix ? 5000.0 * schedule.tileN / 192 : 12.0 * schedule.tileN;
}

/// Bytes that L2 delivers in a cycle: less when it is kept up for many tiles.
static double getL2Bytes(int64_t rows) { return rows > 1024 ? 7000 : 9000; }

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
  // A warpgroup that takes statistics reads every stage of x as well, and is slower than the tensor cores.
  if (spec.rowStats && rows > 1024)
    multiply *= 2.2;
  double copy = (tileM + tileN) * 128 / std::min(100.0, getL2Bytes(rows) / active);
  double stages = ceilDiv(ceilDiv(spec.k, kTensorTileK), splitK);

  // Per tile the epilogue, which nothing hides; without boxes the stores are narrow, with boxes of 16 columns many.
  StoreBoxes boxes = getStoreBoxes(spec, schedule);
  double epilogue = 900 + (boxes.count ? 3.0 : 4.5) * tileN + (boxes.columns == 16 ? 350 : 0);
  if (tileM == 128)
    epilogue += getEpilogueCycles(spec, schedule);
  // Launch and last store, and the first copies, which find L2 cold and everybody asking.
  double fixed = 1070 + 9 * (tileM + tileN) * active / sm.numSMs;
  // Two barriers of the cluster, and the partial sums through it at 11 bytes per cycle.
  if (splitK > 1)
    fixed += 810 + tileM * tileN * 4 / 11;
  return fixed + waves * (stages * (std::max(multiply, copy) + 14) + epilogue);
}

/// As getWgmmaCycles, fitted to kernels with 4096 and 12288 rows.
static double getOverlapCycles(const LinearKernelSpec &spec, const LinearSchedule &schedule, const SM &sm,
                               int64_t rows) {
  int64_t tileN = schedule.tileN, blocks = ceilDiv(rows, schedule.tileM) * ceilDiv(spec.n, tileN);
  double waves = ceilDiv(blocks, sm.numSMs), active = std::min(blocks, sm.numSMs);
  double stages = ceilDiv(spec.k, kTensorTileK);
  double drop = (schedule.exactSums ? 5.5 : 2.3) * tileN;
  double multiply = std::max(1.12 * schedule.tileM * tileN / 32,
                             (schedule.tileM + tileN) * 128 / std::min(100.0, getL2Bytes(rows) / active));
  double fixed = 1070 + 9 * (schedule.tileM + tileN) * active / sm.numSMs;
  // A kernel in front sums up chunks.
  if (spec.rowStats)
    fixed += 3500;
  // Nothing is left to hide the epilogue of the last tile behind, and comes behind a way through shared memory.
  double last = 1500 + 3.0 * tileN + getEpilogueCycles(spec, schedule);
  return fixed + waves * (stages * (multiply + 14) + drop) + last;
}

/// What a schedule for \p rows rows is compared by: cycles per row. Beyond a few waves rows stand for whole ranges, of
/// which no multiple of the multiprocessors is typical.
static double getScore(const LinearKernelSpec &spec, const LinearSchedule &schedule, const SM &sm, int64_t rows) {
  SmallVector<int64_t, 4> counts = {rows};
  if (rows > 5000)
    counts = {rows, rows * 3 / 4, rows / 2, rows * 3 / 8};
  double score = 0;
  for (int64_t count : counts)
    score += (schedule.kind == LinearSchedule::Overlap ? getOverlapCycles(spec, schedule, sm, count)
                                                       : getWgmmaCycles(spec, schedule, sm, count)) /
             count;
  return score;
}

/// Overlap schedules, of which there is one per width of a tile.
static SmallVector<LinearSchedule> getOverlapCandidates(LinearKernelSpec spec, const SM &sm) {
  // A kernel in front takes them.
  spec.rowStats = std::nullopt;
  SmallVector<LinearSchedule> candidates;
  for (int64_t tileN : {256, 192, 128}) {
    LinearSchedule schedule{LinearSchedule::Overlap, 128, tileN, kTensorTileK, ceilDiv(spec.k, kTensorTileK)};
    schedule.exactSums = spec.exactSums;
    schedule.stages = std::min<int64_t>(schedule.stages, 6);
    while (schedule.stages > 3 && getLinearSharedBytes(spec, schedule) > sm.sharedPerBlock)
      --schedule.stages;
    if (!verifyLinearKernel(spec, schedule, sm))
      candidates.push_back(schedule);
  }
  return candidates;
}

double gpu_kernels::estimateLinearCycles(const LinearKernelSpec &spec, const LinearSchedule &schedule, const SM &sm,
                                         int64_t rows) {
  if (schedule.kind == LinearSchedule::Sparse)
    return getSparseCycles(spec, schedule, sm, rows);
  if (schedule.kind == LinearSchedule::Wgmma || schedule.kind == LinearSchedule::Overlap)
    return getScore(spec, schedule, sm, rows) * rows;
  if (schedule.kind == LinearSchedule::SparseMma)
    return getSparseMmaCycles(spec, schedule, sm, rows);
  // Of the others only the tiles are compared: they keep the multiprocessors busy, and large ones read less.
  return static_cast<double>(spec.k) *
         ceilDiv(ceilDiv(rows, schedule.tileM) * ceilDiv(spec.n, schedule.tileN), sm.numSMs) * schedule.tileM *
         schedule.tileN;
}

static LinearSchedule chooseWgmma(const LinearKernelSpec &spec, const SM &sm, int64_t rows) {
  LinearSchedule best;
  double bestScore = INFINITY;
  auto consider = [&](const LinearSchedule &schedule) {
    double score = getScore(spec, schedule, sm, rows);
    if (score < bestScore) {
      bestScore = score;
      best = schedule;
    }
  };
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
        if (!verifyLinearKernel(spec, schedule, sm))
          consider(schedule);
      }
    }
  }
  // With fewer rows there is no next tile behind which an epilogue could hide, and plain sums have nothing to hide: in
  // a chain of kernels, where power is the limit, the way through shared memory then costs more than it saves.
  if (rows > 1024 && spec.epilogue)
    for (const LinearSchedule &schedule : getOverlapCandidates(spec, sm))
      consider(schedule);
  return best;
}

LinearSchedule gpu_kernels::chooseLinearSchedule(const LinearKernelSpec &spec, const SM &sm, int64_t rows) {
  LinearSchedule simt{LinearSchedule::Simt, 64, 64, 16, 1};
  if (spec.strips && spec.strips->layout.unitRows == 16)
    return chooseSparseMma(spec, sm, rows);
  if (spec.strips) {
    LinearSchedule schedule = chooseSparse(spec, sm, rows);
    return schedule.kind == LinearSchedule::Simt ? simt : schedule;
  }
  if (sm.hasWgmma) {
    LinearSchedule schedule = chooseWgmma(spec, sm, rows);
    return schedule.kind == LinearSchedule::Simt ? simt : schedule;
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
  case LinearSchedule::Overlap:
    return buildOverlapLinear(builder, loc, name, spec, schedule, sm);
  case LinearSchedule::Mma:
    return buildMmaLinear(builder, loc, name, spec, schedule, sm);
  case LinearSchedule::Sparse:
    return buildSparseLinear(builder, loc, name, spec, schedule, sm);
  case LinearSchedule::SparseMma:
    return buildSparseMmaLinear(builder, loc, name, spec, schedule, sm);
  case LinearSchedule::Simt:
    return buildSimtLinear(builder, loc, name, spec, schedule, sm);
  }
  llvm_unreachable("covered switch");
}

std::string gpu_kernels::stringifyLinearSchedule(const LinearSchedule &schedule) {
  StringRef kind = getLinearKindName(schedule.kind);
  std::string text = llvm::formatv("{0} {1}x{2}x{3} stages {4}", kind, schedule.tileM, schedule.tileN, schedule.tileK,
                                   schedule.stages);
  if (schedule.splitK > 1)
    text += llvm::formatv(" split {0}", schedule.splitK);
  if (schedule.persistent)
    text += " persistent";
  if (schedule.exclusive)
    text += " exclusive";
  if (schedule.cluster > 1)
    text += llvm::formatv(" cluster {0}", schedule.cluster);
  if (schedule.exactSums)
    text += " exact";
  return text;
}
