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
// listed with the number of keys that it begins at.
//
//===----------------------------------------------------------------------===//

#include "et/Conversion/ETToGPU/AttentionKernel.h"

#include "LaunchKernels.h"
#include "ScheduleVariants.h"

#include "et/Conversion/ETToCPU/LaunchRows.h"
#include "et/Conversion/ETToGPU/LoopKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::gpu_kernels;

/// Numbers of keys that schedules are asked for; each holds for more keys than the number in front of it.
static constexpr int64_t kKeys[] = {64, 128, 256, 384, 512, 4096};

/// An operand of the kernel for a tensor with indexing map \p map, without strides.
static AttentionOperand getOperand(AffineMap map, Type elementType) {
  AttentionOperand operand;
  for (AffineExpr expr : map.getResults())
    operand.dims.push_back(cast<AffineDimExpr>(expr).getPosition());
  // Booleans are bytes in memory.
  operand.elementType = elementType.isInteger(1) ? IntegerType::get(elementType.getContext(), 8) : elementType;
  return operand;
}

/// The kernel for \p op as far as tensors tell.
static AttentionKernelSpec getSpec(AttentionOp op) {
  AttentionKernelSpec spec;
  spec.numBatchDims = op.getNumBatchDims();
  spec.query = getOperand(op.getQueryMap(), op.getQuery().getType().getElementType());
  spec.key = getOperand(op.getKeyMap(), op.getKey().getType().getElementType());
  spec.value = getOperand(op.getValueMap(), op.getValue().getType().getElementType());
  spec.output = getOperand(op.getResultMap(), op.getResult().getType().getElementType());
  if (op.getMask())
    spec.mask = getOperand(op.getMaskMap(), op.getMask().getType().getElementType());
  if (op.getLengths())
    spec.lengths = getOperand(op.getLengthsMap(), op.getLengths().getType().getElementType());
  spec.headSizeK = op.getStaticDimSize(op.getKDim());
  spec.headSizeV = op.getStaticDimSize(op.getVDim());
  spec.scale = op.getScaleValue();
  spec.leftPadding = op.getPadding() == PaddingSide::Left;
  auto getBound = [](int64_t bound) {
    constexpr int64_t unbounded = AttentionKernelSpec::kUnbounded;
    return bound < 0 ? unbounded : std::min<int64_t>(bound, unbounded);
  };
  MaskAttr structure = op.getStructure();
  switch (structure.getKind()) {
  case MaskKind::None:
    break;
  case MaskKind::Causal:
    spec.structure = structure.getLowerRight() ? AttentionStructure::CausalLowerRight : AttentionStructure::Causal;
    break;
  case MaskKind::Window:
    spec.structure = AttentionStructure::Window;
    spec.windowLeft = getBound(structure.getLeft());
    spec.windowRight = getBound(structure.getRight());
    spec.windowGlobal = getBound(structure.getGlobal());
    break;
  }
  return spec;
}

std::string gpu_kernels::whyNoAttention(AttentionOp op) {
  if (op.getAccumulatorType().isF64())
    return "kernels accumulate in f32, and the attention in f64";
  AttentionKernelSpec spec = getSpec(op);
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

AttentionLaunch::AttentionLaunch(LaunchOp launch) : op(cast<AttentionOp>(cpu::getRoot(launch))), spec(getSpec(op)) {
  unsigned output = launch.getInputs().size();
  auto getNumber = [](Value value) { return cast<BlockArgument>(value).getArgNumber(); };
  auto getOptional = [&](Value value) { return value ? getNumber(value) : output; };
  operands = {getNumber(op.getQuery()),  getNumber(op.getKey()),       getNumber(op.getValue()),
              getOptional(op.getMask()), getOptional(op.getLengths()), output};
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
  auto setStrides = [&](AttentionOperand &operand, unsigned number) {
    Layout layout = getLayout(launch->getOperand(number));
    for (auto [dim, stride, divisor] : llvm::enumerate(layout.strides, layout.divisors)) {
      AffineExpr expr = getAffineConstantExpr(stride, op.getContext());
      if (ShapedType::isDynamic(stride)) {
        expr = getAffineSymbolExpr(sizes.size(), op.getContext()) * divisor;
        sizes.push_back({LaunchSize::Stride, number, static_cast<unsigned>(dim), divisor});
      }
      operand.strides.push_back(expr);
    }
  };
  setStrides(spec.query, operands[kAttentionQuery]);
  setStrides(spec.key, operands[kAttentionKey]);
  setStrides(spec.value, operands[kAttentionValue]);
  if (spec.mask)
    setStrides(*spec.mask, operands[kAttentionMask]);
  if (spec.lengths)
    setStrides(*spec.lengths, operands[kAttentionLengths]);
  setStrides(spec.output, output);
  if (!op.getScore().empty())
    spec.score = [op = op](OpBuilder &b, Location loc, const AttentionScoreArgs &args) mutable {
      return emitScore(b, loc, op, args);
    };
}

//===----------------------------------------------------------------------===//
// Schedules as attributes
//===----------------------------------------------------------------------===//

static constexpr StringRef kFamilies[] = {"wgmma", "wgmma_ping_pong", "mma", "simt"};

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
  if (!complete)
    return std::nullopt;
  return schedule;
}

bool gpu_kernels::isAttentionSchedule(DictionaryAttr schedule) { return parseSchedule(schedule).has_value(); }

DictionaryAttr gpu_kernels::getScheduleAttr(Builder &builder, const AttentionSchedule &schedule) {
  return getAttribute(builder, schedule, 0);
}

std::string gpu_kernels::stringifyAttentionSchedule(const AttentionSchedule &schedule) {
  return llvm::formatv("{0} {1}x{2} stages {3} blocks per multiprocessor {4}", kFamilies[schedule.family],
                       schedule.rowsPerBlock(), schedule.keyBlock, schedule.stages, schedule.blocksPerSM);
}

/// Why \p schedule does without wgmma, or without tensor cores at all where \p sm has no wgmma; empty when it does not.
static std::string whySlow(const AttentionKernelSpec &spec, const AttentionSchedule &schedule, const nvidia::SM &sm) {
  if (schedule.usesWgmma() || (schedule.family == AttentionSchedule::Mma && !sm.hasWgmma))
    return "";
  AttentionSchedule fast;
  fast.family = sm.hasWgmma ? AttentionSchedule::Wgmma : AttentionSchedule::Mma;
  fast.keyBlock = sm.hasWgmma ? 64 : 16;
  return verifyAttentionSchedule(spec, fast, sm).value_or("it was measured to be faster");
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

void gpu_kernels::scheduleAttention(LaunchOp launch, const ScheduleContext &context, NamedAttrList &entries) {
  AttentionLaunch attention(launch);
  Builder builder(launch.getContext());
  if (verifyAttentionSpec(attention.spec))
    return;
  ScheduleVariants variants(launch, context, getTunedKey(attention.spec), "keys");
  std::optional<int64_t> staticKeys = attention.op.getStaticDimSize(attention.spec.dimN());
  if (ShapedType::isDynamic(*staticKeys))
    staticKeys = std::nullopt;
  for (int64_t keys : variants.getSizes(kKeys, staticKeys)) {
    std::optional<AttentionSchedule> schedule;
    bool isTuned = variants.findTuned(keys, [&](DictionaryAttr tuned) -> std::string {
      schedule = parseSchedule(tuned);
      return verifyAttentionSchedule(attention.spec, *schedule, context.sm).value_or("");
    });
    if (!isTuned)
      schedule = chooseAttentionSchedule(attention.spec, context.sm, keys, keys);
    variants.add(keys, getAttribute(builder, *schedule, 0), stringifyAttentionSchedule(*schedule),
                 whySlow(attention.spec, *schedule, context.sm));
  }
  entries.set("variants", variants.finish());
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
  for (Attribute attribute : variants) {
    auto dictionary = dyn_cast<DictionaryAttr>(attribute);
    auto from = dictionary ? dictionary.getAs<IntegerAttr>("from") : IntegerAttr();
    std::optional<AttentionSchedule> schedule;
    if (from)
      schedule = parseSchedule(dictionary);
    if (!schedule || (!kernels.empty() && from.getInt() <= kernels.back().rangeMin))
      return launch.emitOpError("has a schedule that is none of an attention, or out of order: ") << attribute;
    if (std::optional<std::string> reason = verifyAttentionSchedule(attention.spec, *schedule, sm))
      return launch.emitOpError("has no GPU kernel with the schedule ") << attribute << ": " << *reason;
    LaunchKernel &kernel = kernels.emplace_back();
    std::string suffix = variants.size() > 1 ? "_from" + std::to_string(from.getInt()) : "";
    kernel.kernel =
        buildAttentionKernel(builder, launch.getLoc(), (name + suffix).str(), attention.spec, *schedule, sm);
    if (std::optional<std::string> rest = legalizeScalarMath(kernel.kernel.function))
      return launch.emitOpError("has no GPU kernel: GPUs have no form of '") << *rest << "'";
    kernel.operands = attention.operands;
    kernel.sizes = attention.sizes;
    // The number of keys.
    kernel.rangeSymbol = attention.spec.numBatchDims + 1;
    kernel.rangeMin = from.getInt();
    if (kernels.size() > 1)
      kernels[kernels.size() - 2].rangeEnd = from.getInt();
  }
  return kernels;
}
