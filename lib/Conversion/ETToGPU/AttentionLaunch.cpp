//===- AttentionLaunch.cpp - GPU kernels for et.attention -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Lengths are known at launch only, so a launch has a kernel for short rows, whose
// softmax is exact in registers, and others for longer ones: each schedule is
// listed with the number of keys that it begins at, and some with the number of
// tiles up to which it is better than the one behind it.
//
//===----------------------------------------------------------------------===//

#include "et/Conversion/ETToGPU/AttentionKernel.h"

#include "LaunchKernels.h"
#include "ScheduleVariants.h"

#include "et/Conversion/AttentionSpec.h"
#include "et/Conversion/ETToCPU/LaunchRows.h"
#include "et/Conversion/ETToGPU/LoopKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::gpu_kernels;

/// Numbers of keys that schedules are asked for; each holds for more keys than the number in front of it.
static constexpr int64_t kKeys[] = {64, 128, 256, 384, 512, 1024, 2048, 8192};

std::string gpu_kernels::whyNoAttention(AttentionOp op) {
  if (op.getAccumulatorType().isF64())
    return "kernels accumulate in f32, and the attention in f64";
  AttentionKernelSpec spec = readAttentionSpec<AttentionKernelSpec>(op);
  // Strides are known when there are buffers; rows without gaps stand for them.
  auto setStrides = [&](AttentionOperand &operand) {
    operand.strides.assign(operand.dims.size(), getAffineConstantExpr(1, op.getContext()));
    for (unsigned dim = 0; dim + 1 < operand.dims.size(); ++dim)
      operand.strides[dim] = getAffineConstantExpr(1 << 12, op.getContext());
  };
  for (AttentionOperand *operand : {&spec.query, &spec.key, &spec.value, &spec.output})
    setStrides(*operand);
  if (spec.mask)
    setStrides(*spec.mask);
  if (spec.lengths)
    setStrides(*spec.lengths);
  spec.numOffsets = spec.offsetStride = spec.keyOffsetStride = getAffineConstantExpr(1, op.getContext());
  return verifyAttentionSpec(spec).value_or("");
}

namespace {
/// The kernel of one attention launch, but for its schedule.
struct AttentionLaunch {
  explicit AttentionLaunch(LaunchOp launch);

  AttentionOp op;
  AttentionKernelSpec spec;
  /// By AttentionOperandNumber.
  SmallVector<unsigned> operands;
  SmallVector<LaunchSize> sizes;
};
} // namespace

/// Emits the score region of \p op for one score.
static Value emitScore(OpBuilder &b, Location loc, AttentionOp op, const AttentionScoreArgs &args) {
  Block &block = op.getScore().front();
  IRMapping mapping;
  SmallVector<Value> arguments{args.score};
  llvm::append_range(arguments, args.batch);
  arguments.push_back(args.m);
  arguments.push_back(args.n);
  for (auto [argument, value] : llvm::zip(block.getArguments(), arguments))
    mapping.map(argument, value);
  for (Operation &inner : block.without_terminator())
    b.clone(inner, mapping);
  return mapping.lookup(block.getTerminator()->getOperand(0));
}

AttentionLaunch::AttentionLaunch(LaunchOp launch)
    : op(cast<AttentionOp>(cpu::getRoot(launch))), spec(readAttentionSpec<AttentionKernelSpec>(op)) {
  unsigned output = launch.getInputs().size();
  auto getNumber = [](Value value) { return cast<BlockArgument>(value).getArgNumber(); };
  auto getOptional = [&](Value value) { return value ? getNumber(value) : output; };
  operands = {getNumber(op.getQuery()),     getNumber(op.getKey()),          getNumber(op.getValue()),
              getOptional(op.getMask()),    getOptional(op.getLengths()),    output,
              getOptional(op.getOffsets()), getOptional(op.getKeyOffsets()), output};
  if (launch->getAttrOfType<IntegerAttr>(kPartialAttention) && launch.getOutputs().size() == 2) {
    spec.hasScoreBuffer = true;
    operands[kAttentionScores] = output + 1;
  }
  // Symbols: the batch dimensions and m as the output has them, n as the key has it, dynamic strides.
  auto addDim = [&](const AttentionOperand &operand, unsigned number, unsigned dim) {
    for (auto [i, iteration] : llvm::enumerate(operand.dims))
      if (iteration == dim) {
        sizes.push_back({LaunchSize::Dim, number, static_cast<unsigned>(i)});
        return;
      }
  };
  for (unsigned dim = 0; dim <= spec.numBatchDims; ++dim)
    addDim(spec.output, output, dim);
  addDim(spec.key, operands[kAttentionKey], spec.dimN());
  auto getStride = [&](const Layout &layout, unsigned number, unsigned dim) -> AffineExpr {
    if (!ShapedType::isDynamic(layout.strides[dim]))
      return getAffineConstantExpr(layout.strides[dim], op.getContext());
    int64_t divisor = layout.divisors[dim];
    AffineExpr expr = getAffineSymbolExpr(sizes.size(), op.getContext()) * divisor;
    sizes.push_back({LaunchSize::Stride, number, dim, divisor});
    return expr;
  };
  auto setStrides = [&](AttentionOperand &operand, unsigned number) {
    Layout layout = getLayout(launch->getOperand(number));
    for (unsigned dim = 0; dim < layout.strides.size(); ++dim)
      operand.strides.push_back(getStride(layout, number, dim));
  };
  setStrides(spec.query, operands[kAttentionQuery]);
  setStrides(spec.key, operands[kAttentionKey]);
  setStrides(spec.value, operands[kAttentionValue]);
  if (spec.mask)
    setStrides(*spec.mask, operands[kAttentionMask]);
  if (spec.lengths)
    setStrides(*spec.lengths, operands[kAttentionLengths]);
  auto getOffsetStride = [&](unsigned number) {
    return getStride(getLayout(launch->getOperand(operands[number])), operands[number], 0);
  };
  if (spec.offsets) {
    spec.offsetStride = getOffsetStride(kAttentionOffsets);
    spec.numOffsets = getAffineSymbolExpr(sizes.size(), op.getContext());
    sizes.push_back({LaunchSize::Dim, operands[kAttentionOffsets], 0});
  }
  if (spec.keyOffsets)
    spec.keyOffsetStride = getOffsetStride(kAttentionKeyOffsets);
  setStrides(spec.output, output);
  if (!op.getScore().empty())
    spec.score = [op = op](OpBuilder &b, Location loc, const AttentionScoreArgs &args) mutable {
      return emitScore(b, loc, op, args);
    };
}

//===----------------------------------------------------------------------===//
// Schedules as attributes
//===----------------------------------------------------------------------===//

static constexpr StringRef kFamilies[] = {"wgmma", "wgmma_ping_pong", "mma", "simt", "partial"};

static DictionaryAttr getAttribute(Builder &builder, const AttentionSchedule &schedule, int64_t fromKeys) {
  NamedAttrList entries;
  auto set = [&](StringRef name, int64_t value) { entries.set(name, builder.getI64IntegerAttr(value)); };
  entries.set("kind", builder.getStringAttr(kFamilies[schedule.family]));
  set("from", fromKeys);
  set("key_block", schedule.keyBlock);
  set("exact_blocks", schedule.exactBlocks);
  set("warpgroups", schedule.warpgroups);
  set("stages", schedule.stages);
  set("blocks_per_sm", schedule.blocksPerSM);
  if (schedule.valueSplits != 1)
    set("value_splits", schedule.valueSplits);
  return entries.getDictionary(builder.getContext());
}

/// Reads what getAttribute writes; nothing when it says something else.
static std::optional<AttentionSchedule> parseSchedule(DictionaryAttr attribute) {
  AttentionSchedule schedule;
  auto kind = attribute.getAs<StringAttr>("kind");
  auto known = kind ? llvm::find(kFamilies, kind.getValue()) : std::end(kFamilies);
  if (known == std::end(kFamilies))
    return std::nullopt;
  schedule.family = static_cast<AttentionSchedule::Family>(known - std::begin(kFamilies));
  bool complete = true;
  auto get = [&](StringRef name) -> int64_t {
    auto value = attribute.getAs<IntegerAttr>(name);
    complete &= bool(value);
    return value ? value.getInt() : 0;
  };
  schedule.keyBlock = get("key_block");
  schedule.exactBlocks = get("exact_blocks");
  schedule.warpgroups = get("warpgroups");
  schedule.stages = get("stages");
  schedule.blocksPerSM = get("blocks_per_sm");
  if (auto splits = attribute.getAs<IntegerAttr>("value_splits"))
    schedule.valueSplits = splits.getInt();
  if (!complete)
    return std::nullopt;
  return schedule;
}

/// What a size of \p memref is, as far as views tell: a value and -1, or a memref and the number of its dimension.
static std::pair<Value, int64_t> getSizeOrigin(Value memref, int64_t dim) {
  auto follow = [](OpFoldResult size, Value memref, int64_t dim) -> std::pair<Value, int64_t> {
    auto value = dyn_cast<Value>(size);
    if (!value)
      return {memref, dim};
    if (auto op = value.getDefiningOp<memref::DimOp>(); op && op.getConstantIndex())
      return getSizeOrigin(op.getSource(), *op.getConstantIndex());
    return {value, -1};
  };
  if (auto view = memref.getDefiningOp<memref::SubViewOp>(); view && view.getDroppedDims().none())
    return follow(view.getMixedSizes()[dim], memref, dim);
  if (auto view = memref.getDefiningOp<memref::ExpandShapeOp>())
    return follow(view.getMixedOutputShape()[dim], memref, dim);
  if (auto view = memref.getDefiningOp<memref::ViewOp>())
    return follow(getMixedValues(view.getType().getShape(), view.getSizes(), view.getContext())[dim], memref, dim);
  return {memref, dim};
}

/// Whether there may be rows but no keys, which have no tensor map then.
static bool mayLackKeys(const AttentionLaunch &attention, LaunchOp launch) {
  const AttentionKernelSpec &spec = attention.spec;
  auto getOrigin = [&](const AttentionOperand &operand, unsigned number, unsigned dim) {
    return getSizeOrigin(launch->getOperand(attention.operands[number]),
                         llvm::find(operand.dims, dim) - operand.dims.begin());
  };
  return !spec.offsets &&
         getOrigin(spec.query, kAttentionQuery, spec.dimM()) != getOrigin(spec.key, kAttentionKey, spec.dimN());
}

bool gpu_kernels::isAttentionSchedule(DictionaryAttr schedule) { return parseSchedule(schedule).has_value(); }

DictionaryAttr gpu_kernels::getScheduleAttr(Builder &builder, const AttentionSchedule &schedule) {
  return getAttribute(builder, schedule, 0);
}

std::string gpu_kernels::stringifyAttentionSchedule(const AttentionSchedule &schedule) {
  return llvm::formatv("{0} {1}x{2} stages {3} blocks per multiprocessor {4}", kFamilies[schedule.family],
                       schedule.rowsPerBlock(), schedule.keyBlock, schedule.stages, schedule.blocksPerSM)
             .str() +
         (schedule.valueSplits > 1 ? " value splits " + std::to_string(schedule.valueSplits) : "");
}

/// Why \p schedule does without wgmma, or without tensor cores at all where \p sm has no wgmma; empty when it does not.
static std::string whySlow(const AttentionKernelSpec &spec, const AttentionSchedule &schedule, const nvidia::SM &sm) {
  // Scores in memory are what the user asks for.
  if (schedule.usesWgmma() || schedule.family == AttentionSchedule::Partial ||
      (schedule.family == AttentionSchedule::Mma && !sm.hasWgmma))
    return "";
  AttentionSchedule fast;
  fast.family = sm.hasWgmma ? AttentionSchedule::Wgmma : AttentionSchedule::Mma;
  fast.keyBlock = sm.hasWgmma ? 64 : 16;
  return verifyAttentionSchedule(spec, fast, sm).value_or("nothing faster is known for these sizes");
}

/// Keys up to which one kernel takes \p launch, where there is a buffer for the scores of more of them.
static std::optional<int64_t> getMostInOneKernel(const AttentionLaunch &attention, LaunchOp launch) {
  auto most = launch->getAttrOfType<IntegerAttr>(kPartialAttention);
  return attention.spec.hasScoreBuffer && most ? std::optional<int64_t>(most.getInt()) : std::nullopt;
}

static nvidia::TunedKey getTunedKey(const AttentionKernelSpec &spec) {
  nvidia::TunedKey key;
  key.operation = nvidia::TunedKey::Attention;
  key.type = getTunedType(spec.query.elementType);
  key.n = spec.headSizeK;
  key.k = spec.headSizeV;
  key.mask = spec.structure == AttentionStructure::None     ? "none"
             : spec.structure == AttentionStructure::Window ? "window"
                                                            : "causal";
  return key;
}

static constexpr AttentionSchedule kWithoutKeys{AttentionSchedule::Simt, 32, 1, 1, 1, 1};

DictionaryAttr gpu_kernels::getVariantWithoutKeys(LaunchOp launch, DictionaryAttr variant) {
  AttentionLaunch attention(launch);
  bool mayBeNone = ShapedType::isDynamic(attention.op.getStaticDimSize(attention.spec.dimN()));
  if (!mayBeNone || !mayLackKeys(attention, launch) || !parseSchedule(variant)->usesWgmma())
    return nullptr;
  Builder builder(launch.getContext());
  return getAttribute(builder, kWithoutKeys, 0);
}

nvidia::TunedKey gpu_kernels::getAttentionKey(LaunchOp launch) { return getTunedKey(AttentionLaunch(launch).spec); }

ScoreBuffer gpu_kernels::getScoreBuffer(LaunchOp launch, int64_t most, const nvidia::SM &sm) {
  ScoreBuffer buffer;
  AttentionLaunch attention(launch);
  attention.spec.hasScoreBuffer = true;
  std::optional<std::string> reason = verifyAttentionSpec(attention.spec);
  if (!reason && !choosePartialAttentionSchedule(attention.spec, sm)) {
    AttentionSchedule smallest{AttentionSchedule::Partial, 16};
    reason = verifyAttentionSchedule(attention.spec, smallest, sm);
  }
  buffer.whyNot = reason.value_or("");
  MLIRContext *context = launch.getContext();
  LaunchExpr keys = getAffineSymbolExpr(attention.spec.dimN(), context);
  // Nothing where one kernel takes them all.
  buffer.elements =
      attentionScoreElements(attention.spec.numBatchDims, context) * keys.floorDiv(most + 1).ceilDiv(int64_t(1) << 31);
  buffer.sizes.assign(attention.sizes.begin(), attention.sizes.begin() + attention.spec.numBatchDims + 2);
  int64_t known = attention.op.getStaticDimSize(attention.spec.dimN());
  buffer.isNeeded = ShapedType::isDynamic(known) || known > most;
  return buffer;
}

void gpu_kernels::scheduleAttention(LaunchOp launch, const ScheduleContext &context, NamedAttrList &entries) {
  AttentionLaunch attention(launch);
  Builder builder(launch.getContext());
  if (verifyAttentionSpec(attention.spec))
    return;
  ScheduleVariants variants(launch, context, getTunedKey(attention.spec), "keys");
  auto add = [&](int64_t keys, const AttentionSchedule &schedule, const std::string &slow) {
    variants.add(keys, getAttribute(builder, schedule, 0), stringifyAttentionSchedule(schedule), slow);
  };
  auto choose = [&](std::optional<int64_t> keys) {
    return chooseAttentionSchedule(attention.spec, context.sm, keys, keys);
  };
  // How long the sequences of a ragged batch are only their offsets know: nothing was measured for them.
  if (attention.spec.offsets) {
    AttentionSchedule schedule = choose(std::nullopt);
    add(0, schedule, whySlow(attention.spec, schedule, context.sm));
    entries.set("variants", variants.finish());
    return;
  }
  std::optional<int64_t> staticKeys = attention.op.getStaticDimSize(attention.spec.dimN());
  if (ShapedType::isDynamic(*staticKeys))
    staticKeys = std::nullopt;
  SmallVector<int64_t> sizes = variants.getSizes(kKeys, staticKeys);
  // With more keys than this, scores are in memory.
  std::optional<int64_t> most = getMostInOneKernel(attention, launch);
  std::optional<AttentionSchedule> partial;
  if (most)
    partial = choosePartialAttentionSchedule(attention.spec, context.sm);
  if (partial && !staticKeys) {
    sizes.push_back(*most + 1);
    if (*most > 0)
      sizes.push_back(*most);
    llvm::sort(sizes);
    sizes.erase(llvm::unique(sizes), sizes.end());
  }
  if (!staticKeys && mayLackKeys(attention, launch) && choose(1).usesWgmma())
    add(0, kWithoutKeys, "");
  for (int64_t keys : sizes) {
    if (partial && keys > *most) {
      variants.setOrigin("partial-attention");
      add(keys, *partial, "");
      continue;
    }
    std::optional<AttentionSchedule> schedule;
    bool isTuned = variants.findTuned(keys, [&](DictionaryAttr tuned) -> std::string {
      schedule = parseSchedule(tuned);
      // Up to here the buffer is empty.
      AttentionKernelSpec spec = attention.spec;
      spec.hasScoreBuffer = false;
      return verifyAttentionSchedule(spec, *schedule, context.sm).value_or("");
    });
    if (!isTuned) {
      schedule = choose(keys);
      if (auto few = chooseAttentionScheduleForFewTiles(attention.spec, context.sm, keys))
        variants.setFewTiles(ScheduleVariants::FewTiles{
            getAttribute(builder, *few, 0), stringifyAttentionSchedule(*few), context.sm.numSMs / few->valueSplits});
    }
    add(keys, *schedule, whySlow(attention.spec, *schedule, context.sm));
  }
  entries.set("variants", variants.finish());
}

/// Appends the kernels of \p schedule to \p kernels; returns why there is none.
static std::string appendKernels(OpBuilder &builder, LaunchOp launch, const std::string &name,
                                 const AttentionLaunch &attention, const AttentionSchedule &schedule,
                                 const nvidia::SM &sm, LaunchKernels &kernels) {
  auto append = [&](BuiltKernel built) -> LaunchKernel & {
    LaunchKernel &kernel = kernels.emplace_back();
    kernel.kernel = std::move(built);
    kernel.operands = attention.operands;
    kernel.sizes = attention.sizes;
    // The number of keys.
    kernel.rangeSymbol = attention.spec.numBatchDims + 1;
    return kernel;
  };
  if (schedule.family == AttentionSchedule::Partial)
    append(buildAttentionScoresKernel(builder, launch.getLoc(), name + "_scores", attention.spec, schedule, sm))
        .isHelper = true;
  LaunchKernel &kernel = append(buildAttentionKernel(builder, launch.getLoc(), name, attention.spec, schedule, sm));
  if (std::optional<std::string> rest = legalizeScalarMath(kernel.kernel.function))
    return "GPUs have no form of '" + *rest + "'";
  return "";
}

/// 1 where there are more than \p limit tiles of 64 rows, else 0.
static LaunchExpr isMoreTiles(const AttentionKernelSpec &spec, int64_t limit, MLIRContext *context) {
  LaunchExpr tiles = getAffineSymbolExpr(spec.dimM(), context).ceilDiv(64);
  for (unsigned dim = 0; dim < spec.numBatchDims; ++dim)
    tiles = tiles * getAffineSymbolExpr(dim, context);
  return tiles.floorDiv(limit + 1).ceilDiv(int64_t(1) << 31);
}

FailureOr<LaunchKernels> gpu_kernels::buildAttentionLaunch(OpBuilder &builder, LaunchOp launch, StringRef name,
                                                           const nvidia::SM &sm) {
  AttentionLaunch attention(launch);
  if (std::optional<std::string> reason = verifyAttentionSpec(attention.spec))
    return launch.emitOpError("has no GPU kernel: ") << *reason;
  auto variants = launch.getScheduleAttr().getAs<ArrayAttr>("variants");
  if (!variants || variants.empty())
    return launch.emitOpError("has a schedule without variants for its attention; run --et-schedule-gpu");
  LaunchKernels kernels;
  // Tiles that the variant in front has taken, where it begins at the same number of keys.
  std::optional<int64_t> taken;
  for (Attribute attribute : variants) {
    auto dictionary = dyn_cast<DictionaryAttr>(attribute);
    auto from = dictionary ? dictionary.getAs<IntegerAttr>("from") : IntegerAttr();
    std::optional<AttentionSchedule> schedule;
    if (from)
      schedule = parseSchedule(dictionary);
    auto toTiles = from ? dictionary.getAs<IntegerAttr>("to_tiles") : IntegerAttr();
    const bool isRest = taken && from && from.getInt() == kernels.back().rangeMin && !toTiles;
    if (!schedule || taken.has_value() != isRest || (toTiles && toTiles.getInt() < 1) ||
        (!kernels.empty() && !isRest && from.getInt() <= kernels.back().rangeMin))
      return launch.emitOpError("has a schedule that is none of an attention, or out of order: ") << attribute;
    if (std::optional<std::string> reason = verifyAttentionSchedule(attention.spec, *schedule, sm))
      return launch.emitOpError("has no GPU kernel with the schedule ") << attribute << ": " << *reason;
    // Where scores are in memory, there has to be room for them.
    if (schedule->family == AttentionSchedule::Partial) {
      int64_t most = *getMostInOneKernel(attention, launch);
      if (most != 0 && from.getInt() <= most && attention.op.getStaticDimSize(attention.spec.dimN()) <= most)
        return launch.emitOpError("expected scores in memory with more than ")
               << most << " keys only, for which there is a buffer, but got the schedule " << attribute;
    }
    const size_t numBefore = kernels.size();
    std::string suffix = variants.size() > 1 ? "_from" + std::to_string(from.getInt()) : "";
    if (toTiles)
      suffix += "_few";
    std::string whyNot = appendKernels(builder, launch, (name + suffix).str(), attention, *schedule, sm, kernels);
    if (!whyNot.empty())
      return launch.emitOpError("has no GPU kernel: ") << whyNot;
    for (LaunchKernel &kernel : MutableArrayRef(kernels).drop_front(numBefore)) {
      LaunchExpr &blocks = kernel.kernel.grid[0];
      if (toTiles)
        blocks = blocks * (isMoreTiles(attention.spec, toTiles.getInt(), launch.getContext()) * -1 + 1);
      else if (isRest)
        blocks = blocks * isMoreTiles(attention.spec, *taken, launch.getContext());
      kernel.rangeMin = from.getInt();
    }
    taken = toTiles ? std::optional<int64_t>(toTiles.getInt()) : std::nullopt;
    for (LaunchKernel &before : kernels)
      if (before.rangeMin < from.getInt() && before.rangeEnd < 0)
        before.rangeEnd = from.getInt();
  }
  if (taken)
    return launch.emitOpError("has a schedule for few tiles of its attention and none for more of them");
  return kernels;
}
