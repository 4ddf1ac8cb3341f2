//===- LinearLaunch.cpp - GPU kernels for linear layers and what is fused behind them -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The region of a linear launch is et.linear, then element-wise ops on its result,
// which run on sums in registers. Statistics of the rows of the input, for a norm
// that is applied to the sums, come from chunks that the launch in front stored;
// those of the result are stored in turn, by the same kernel where it can, else by
// one behind it. The number of rows is known at launch only, so a
// launch has a kernel for few rows, for many, and for what lies between: each
// schedule is listed with the number of rows that it begins at.
//
//===----------------------------------------------------------------------===//

#include "LaunchKernels.h"
#include "ScheduleVariants.h"

#include "et/Conversion/ETToCPU/LaunchRows.h"
#include "et/Conversion/ETToGPU/GPUMath.h"
#include "et/Conversion/ETToGPU/LinearKernel.h"
#include "et/Conversion/ETToGPU/LoopKernel.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::gpu_kernels;

/// Numbers of rows that schedules are asked for; each holds for more rows than the number in front of it.
static constexpr int64_t kRows[] = {64, 128, 256, 512, 1024, 4096, 16384};

namespace {
/// The kernel of one linear launch, but for its schedule.
class LinearLaunch {
public:
  /// \p takesStats: whether the kernel makes the statistics of rows, if there are some, or reads what one in front of
  /// it made.
  LinearLaunch(LaunchOp launch, bool takesStats);

  /// Statistics of the rows of the input, and of the result; null without them.
  NormStatsOp normStats;
  ChunkStatsOp chunkStats;
  LinearKernelSpec spec;
  SmallVector<unsigned> operands;
  SmallVector<LaunchSize> sizes;

private:
  std::pair<Value, Value> emitEpilogue(nvidia::NVVMBuilder &b, const LinearEpilogueArgs &args);
  unsigned getExtra(Value value) const { return llvm::find(extras, value) - extras.begin(); }
  void addExtra(Value value, AffineMap map);
  /// The operand of the launch that \p value of its region stands for: an argument, or what is yielded to an output.
  unsigned getOperand(Value value);
  /// Whether rows of \p operand start at multiples of 16 bytes.
  bool isAligned(unsigned operand) const;

  LaunchOp launch;
  LinearOp linear;
  /// Ops on the result of the layer, in order.
  SmallVector<Operation *> epilogue;
  SmallVector<Value> extras;
};
} // namespace

static unsigned getOperandNumber(Value value) { return cast<BlockArgument>(value).getArgNumber(); }

bool LinearLaunch::isAligned(unsigned operand) const {
  Layout layout = getLayout(launch->getOperand(operand));
  auto type = cast<MemRefType>(launch->getOperand(operand).getType());
  int64_t grain = 128 / type.getElementTypeBitWidth();
  int64_t rank = type.getRank();
  return layout.offsetDivisor % grain == 0 && (rank < 2 || layout.divisors[rank - 2] % grain == 0);
}

/// A size that is the distance between the rows of \p operand, as a symbol even where it is static.
static LaunchSize getRowStride(LaunchOp launch, unsigned operand) {
  auto type = cast<MemRefType>(launch->getOperand(operand).getType());
  if (type.getRank() < 2)
    return {LaunchSize::Dim, operand, 0};
  // Rows of a memref without gaps are as far apart as they are long.
  if (type.getLayout().isIdentity())
    return {LaunchSize::Dim, operand, static_cast<unsigned>(type.getRank() - 1)};
  return {LaunchSize::Stride, operand, static_cast<unsigned>(type.getRank() - 2)};
}

void LinearLaunch::addExtra(Value value, AffineMap map) {
  if (llvm::is_contained(extras, value))
    return;
  LinearExtra extra;
  extra.elementType = getElementTypeOrSelf(value.getType());
  extra.vectorAligned = isAligned(getOperand(value));
  int64_t rank = linear.getResult().getType().getRank();
  auto reads = [&](int64_t dim) { return map.isFunctionOfDim(dim); };
  extra.kind = map.getNumResults() == 0                  ? LinearExtra::Scalar
               : map.getNumResults() == rank && rank > 1 ? LinearExtra::Matrix
               : reads(rank - 1)                         ? LinearExtra::Columns
                                                         : LinearExtra::Rows;
  extra.constant = extra.kind == LinearExtra::Columns && isWeight(launch->getOperand(getOperand(value)));
  spec.extras.push_back(extra);
  extras.push_back(value);
}

unsigned LinearLaunch::getOperand(Value value) {
  if (isa<BlockArgument>(value))
    return getOperandNumber(value);
  return launch.getInputs().size() +
         (llvm::find(launch.getYield().getValues(), value) - launch.getYield().getValues().begin());
}

/// How \p linear stores its weight when that is sparse. The region says which units the kernel reads, the size of the
/// operand how many there are.
static std::optional<LinearStrips> getStrips(LaunchOp launch, LinearOp linear) {
  RankedTensorType type = linear.getWeight().getType();
  auto tile = dyn_cast_or_null<TileAttr>(type.getEncoding());
  if (!tile)
    return std::nullopt;
  LinearStrips strips;
  strips.tileColumns = tile.getColumns();
  strips.layout = {type.getDimSize(0), type.getDimSize(1), tile.getRows(), 0};
  auto storage = cast<MemRefType>(launch->getOperand(getOperandNumber(linear.getWeight())).getType());
  strips.layout.kept = (storage.getNumElements() - strips.layout.unitsOffset()) / strips.layout.unitBytes();
  return strips;
}

LinearLaunch::LinearLaunch(LaunchOp launch, bool takesStats)
    : launch(launch), linear(cast<LinearOp>(cpu::getRoot(launch))) {
  // Asking for a size is no use of the values.
  auto getUser = [](Value value) -> Operation * {
    for (Operation *user : value.getUsers())
      if (!isa<tensor::DimOp, ChunkStatsOp>(user))
        return user;
    return nullptr;
  };
  Value current = linear.getResult();
  while (Operation *user = getUser(current)) {
    if (isa<YieldOp>(user))
      break;
    epilogue.push_back(user);
    current = user->getResult(0);
  }
  spec.n = linear.getNumOutputs();
  spec.k = linear.getNumInputs();
  spec.xType = linear.getInput().getType().getElementType();
  spec.wType = linear.getWeight().getType().getElementType();
  spec.strips = getStrips(launch, linear);
  spec.yType = cast<RankedTensorType>(launch.getYield().getValues()[0].getType()).getElementType();
  spec.exactSums = linear.getResult().getType().getElementType().isF32() && !spec.yType.isF32();
  unsigned x = getOperandNumber(linear.getInput()), y = launch.getInputs().size();
  operands = {x, getOperandNumber(linear.getWeight())};
  if (linear.getBias()) {
    spec.biasType = linear.getBias().getType().getElementType();
    operands.push_back(getOperandNumber(linear.getBias()));
    spec.biasAligned = isAligned(operands.back());
  }
  for (Operation &op : launch.getBody().front()) {
    if (auto stats = dyn_cast<NormStatsOp>(op))
      normStats = stats;
    if (auto stats = dyn_cast<ChunkStatsOp>(op))
      chunkStats = stats;
  }
  if (normStats && takesStats) {
    spec.rowStats = LinearRowStats{bool(normStats.getMean()), normStats.getEps().convertToFloat(),
                                   static_cast<int64_t>(normStats.getSize())};
    operands.push_back(getOperandNumber(normStats.getChunks()));
  }
  auto isContiguous = [&](unsigned operand) {
    return cast<MemRefType>(launch->getOperand(operand).getType()).getLayout().isIdentity();
  };
  spec.xStride = isContiguous(x) ? 0 : ShapedType::kDynamic;
  spec.yStride = isContiguous(y) ? 0 : ShapedType::kDynamic;
  spec.xAligned = isAligned(x);
  spec.yAligned = isAligned(y);
  for (Operation *op : epilogue)
    if (auto generic = dyn_cast<linalg::GenericOp>(op))
      for (OpOperand *input : generic.getDpsInputOperands())
        if (isa<BlockArgument>(input->get()) || (!takesStats && input->get().getDefiningOp<NormStatsOp>()))
          addExtra(input->get(), generic.getMatchingIndexingMap(input));
  sizes = {{LaunchSize::Rows, x}, getRowStride(launch, x), getRowStride(launch, y)};
  for (auto [value, extra] : llvm::zip(extras, spec.extras)) {
    unsigned operand = getOperand(value);
    operands.push_back(operand);
    sizes.push_back(extra.kind == LinearExtra::Matrix ? getRowStride(launch, operand) : sizes[0]);
  }
  operands.push_back(y);
  if (normStats && takesStats)
    for (Value result : normStats.getResults())
      operands.push_back(getOperand(result));
  // Schedules that do not store chunks ignore the last operand.
  spec.yChunks = chunkStats && spec.n % kLinearChunkSize == 0 &&
                 chunkStats.getResult().getType().getShape().take_back(2).front() == spec.n / kLinearChunkSize;
  if (chunkStats)
    operands.push_back(getOperand(chunkStats.getResult()));
  if (!epilogue.empty())
    spec.epilogue = [this](nvidia::NVVMBuilder &b, const LinearEpilogueArgs &args) { return emitEpilogue(b, args); };
}

static MathFn getGeluFunction(GeluKind kind) {
  switch (kind) {
  case GeluKind::Erf:
    return MathFn::GeluErf;
  case GeluKind::Tanh:
    return MathFn::GeluTanh;
  case GeluKind::Sigmoid:
    return MathFn::GeluSigmoid;
  }
  llvm_unreachable("unknown kind of GELU");
}

static bool isSmallFloat(Type type) { return type.isF16() || type.isBF16(); }

/// Emits the payload of an element-wise op on f32 scalars, whatever floats it is written for.
static Value emitPayload(nvidia::NVVMBuilder &b, Block &block, ArrayRef<Value> arguments) {
  IRMapping mapping;
  // The destination is not read.
  for (auto [argument, value] : llvm::zip(block.getArguments(), arguments))
    mapping.map(argument, value);
  auto lookup = [&](Value value) {
    if (Value known = mapping.lookupOrNull(value))
      return known;
    // A constant of the launch's region.
    Attribute constant;
    if (matchPattern(value, m_Constant(&constant)))
      if (auto number = dyn_cast<FloatAttr>(constant)) {
        Value f32 = b.f32(number.getValueAsDouble());
        mapping.map(value, f32);
        return f32;
      }
    Value cloned = b.clone(*value.getDefiningOp(), mapping)->getResult(0);
    return cloned;
  };
  auto getMath = [](Operation *op) -> std::optional<MathFn> {
    if (isa<math::TanhOp>(op))
      return MathFn::Tanh;
    if (isa<math::ExpOp>(op))
      return MathFn::Exp;
    if (isa<math::ErfOp>(op))
      return MathFn::Erf;
    if (isa<math::LogOp>(op))
      return MathFn::Log;
    return std::nullopt;
  };
  for (Operation &op : block.without_terminator()) {
    for (Value operand : op.getOperands())
      (void)lookup(operand);
    bool isF32 =
        op.getNumResults() == 1 && (op.getResult(0).getType().isF32() || isSmallFloat(op.getResult(0).getType()));
    if (isa<arith::ExtFOp, arith::TruncFOp>(op)) {
      mapping.map(op.getResult(0), mapping.lookup(op.getOperand(0)));
    } else if (auto constant = dyn_cast<arith::ConstantOp>(op); constant && isF32) {
      mapping.map(op.getResult(0), b.f32(cast<FloatAttr>(constant.getValue()).getValueAsDouble()));
    } else if (std::optional<MathFn> fn = getMath(&op)) {
      mapping.map(op.getResult(0), emitMath(b, *fn, mapping.lookup(op.getOperand(0))));
    } else {
      Operation *cloned = b.clone(op, mapping);
      for (OpResult result : cloned->getResults())
        if (isSmallFloat(result.getType()))
          result.setType(b.getF32Type());
    }
  }
  return lookup(block.getTerminator()->getOperand(0));
}

std::pair<Value, Value> LinearLaunch::emitEpilogue(nvidia::NVVMBuilder &b, const LinearEpilogueArgs &args) {
  DenseMap<Value, std::pair<Value, Value>> pairs{{linear.getResult(), {args.lo, args.hi}}};
  if (args.rowScale)
    pairs[normStats.getScale()] = {args.rowScale, args.rowScale};
  if (args.rowMean)
    pairs[normStats.getMean()] = {args.rowMean, args.rowMean};
  std::pair<Value, Value> last{args.lo, args.hi};
  for (Operation *op : epilogue) {
    if (auto gelu = dyn_cast<GeluOp>(op)) {
      MathFn fn = getGeluFunction(gelu.getApproximate());
      auto [lo, hi] = pairs.lookup(gelu.getInput());
      Value low = emitMath(b, fn, lo);
      last = {low, emitMath(b, fn, hi)};
    } else {
      auto generic = cast<linalg::GenericOp>(op);
      SmallVector<Value> los, his;
      for (Value input : generic.getDpsInputs()) {
        auto known = pairs.find(input);
        auto [lo, hi] = known != pairs.end() ? known->second : loadLinearExtra(b, args, getExtra(input));
        los.push_back(lo);
        his.push_back(hi);
      }
      los.push_back(args.lo);
      his.push_back(args.hi);
      Value low = emitPayload(b, *generic.getBody(), los);
      last = {low, emitPayload(b, *generic.getBody(), his)};
    }
    pairs[op->getResult(0)] = last;
  }
  return last;
}

//===----------------------------------------------------------------------===//
// Schedules as attributes
//===----------------------------------------------------------------------===//

static DictionaryAttr getAttribute(Builder &builder, const LinearSchedule &schedule, int64_t fromRows) {
  NamedAttrList entries;
  auto set = [&](StringRef name, int64_t value) { entries.set(name, builder.getI64IntegerAttr(value)); };
  entries.set("kind", builder.getStringAttr(getLinearKindName(schedule.kind)));
  set("from", fromRows);
  if (schedule.kind != LinearSchedule::Simt) {
    entries.set("tile", builder.getDenseI64ArrayAttr({schedule.tileM, schedule.tileN, schedule.tileK}));
    set("stages", schedule.stages);
  }
  if (schedule.splitK != 1)
    set("split_k", schedule.splitK);
  if (schedule.persistent)
    entries.set("persistent", builder.getUnitAttr());
  if (schedule.cluster != 1)
    set("cluster", schedule.cluster);
  if (schedule.exclusive && schedule.kind == LinearSchedule::Sparse)
    entries.set("exclusive", builder.getUnitAttr());
  if (schedule.exactSums)
    entries.set("exact_sums", builder.getUnitAttr());
  return entries.getDictionary(builder.getContext());
}

/// Reads what getAttribute writes; nothing when it says something else.
static std::optional<LinearSchedule> parseSchedule(DictionaryAttr attribute) {
  LinearSchedule schedule{LinearSchedule::Simt, 64, 64, 16, 1};
  auto kind = attribute.getAs<StringAttr>("kind");
  const LinearSchedule::Kind *known = llvm::find_if(
      kLinearKinds, [&](LinearSchedule::Kind k) { return kind && getLinearKindName(k) == kind.getValue(); });
  if (known == std::end(kLinearKinds))
    return std::nullopt;
  schedule.kind = *known;
  if (schedule.kind == LinearSchedule::Simt)
    return schedule;
  auto tile = attribute.getAs<DenseI64ArrayAttr>("tile");
  auto stages = attribute.getAs<IntegerAttr>("stages");
  if (!tile || tile.size() != 3 || !stages)
    return std::nullopt;
  schedule.tileM = tile[0];
  schedule.tileN = tile[1];
  schedule.tileK = tile[2];
  schedule.stages = stages.getInt();
  auto splitK = attribute.getAs<IntegerAttr>("split_k");
  schedule.splitK = splitK ? splitK.getInt() : 1;
  schedule.persistent = attribute.contains("persistent");
  auto cluster = attribute.getAs<IntegerAttr>("cluster");
  schedule.cluster = cluster ? cluster.getInt() : 1;
  schedule.exactSums = attribute.contains("exact_sums");
  // Not written where it follows from the kind.
  schedule.exclusive = schedule.kind == LinearSchedule::Wgmma || attribute.contains("exclusive");
  return schedule;
}

/// \p spec for a schedule that stores no chunks.
static LinearKernelSpec withoutChunks(LinearKernelSpec spec) {
  spec.yChunks = false;
  return spec;
}

/// The schedule for \p rows rows: one whose kernel stores chunks, where that is asked for, before any other.
static LinearSchedule chooseSchedule(const LinearKernelSpec &spec, const nvidia::SM &sm, int64_t rows) {
  LinearSchedule schedule = chooseLinearSchedule(spec, sm, rows);
  if (!spec.yChunks || storesChunks(spec, schedule))
    return schedule;
  return chooseLinearSchedule(withoutChunks(spec), sm, rows);
}

DictionaryAttr gpu_kernels::getScheduleAttr(Builder &builder, const LinearSchedule &schedule) {
  return getAttribute(builder, schedule, 0);
}

bool gpu_kernels::isLinearSchedule(DictionaryAttr schedule) { return parseSchedule(schedule).has_value(); }

/// Why \p schedule does without wgmma, or without tensor cores at all where \p sm has no wgmma; empty when it does not.
static std::string whySlow(const LinearKernelSpec &spec, const LinearSchedule &schedule, const nvidia::SM &sm) {
  if (schedule.kind != LinearSchedule::Simt && (schedule.kind != LinearSchedule::Mma || !sm.hasWgmma))
    return "";
  LinearSchedule fast{sm.hasWgmma ? LinearSchedule::Wgmma : LinearSchedule::Mma, 64, 64, 64, 4};
  if (spec.strips)
    fast.kind =
        spec.strips->layout.unitRows == StripsLayout::kStripRows ? LinearSchedule::Sparse : LinearSchedule::SparseMma;
  std::string reason = verifyLinearKernel(spec, fast, sm).value_or("nothing faster is known for these sizes");
  // What to do instead is done.
  return StringRef(reason).split("; use ").first.str();
}

static nvidia::TunedKey getTunedKey(const LinearKernelSpec &spec) {
  nvidia::TunedKey key;
  key.operation = nvidia::TunedKey::Linear;
  key.type = getTunedType(spec.xType);
  key.n = spec.n;
  key.k = spec.k;
  return key;
}

nvidia::TunedKey gpu_kernels::getLinearKey(LaunchOp launch) {
  return getTunedKey(LinearLaunch(launch, /*takesStats=*/true).spec);
}

void gpu_kernels::scheduleLinear(LaunchOp launch, const ScheduleContext &context, NamedAttrList &entries) {
  LinearLaunch linear(launch, /*takesStats=*/true), separate(launch, /*takesStats=*/false);
  Builder builder(launch.getContext());
  ScheduleVariants variants(launch, context, getTunedKey(linear.spec), "rows");
  // Where all sizes are static, one schedule does.
  auto type = cast<MemRefType>(launch->getOperand(linear.operands.front()).getType());
  std::optional<int64_t> staticRows;
  if (ArrayRef<int64_t> sizes = type.getShape().drop_back(); !ShapedType::isDynamicShape(sizes))
    staticRows = ShapedType::getNumElements(sizes);
  SmallVector<int64_t> counts = variants.getSizes(kRows, staticRows);
  if (auto likely = launch->getAttrOfType<DenseI64ArrayAttr>("et.rows"); likely && likely.size() == 2 && !staticRows) {
    // What it begins with is for all rows below, and what it ends with for all above.
    llvm::erase_if(counts, [&](int64_t count) { return count <= likely[0] || count >= likely[1]; });
    counts.push_back(likely[1]);
  }
  for (int64_t rows : counts) {
    std::optional<LinearSchedule> schedule;
    // What tables have was measured with dense weights.
    bool isTuned = !linear.spec.strips && variants.findTuned(rows, [&](DictionaryAttr tuned) -> std::string {
      schedule = parseSchedule(tuned);
      return verifyLinearKernel(linear.spec, *schedule, context.sm).value_or("");
    });
    if (!isTuned)
      schedule = chooseSchedule(linear.spec, context.sm, rows);
    bool isSimt = schedule->kind == LinearSchedule::Simt;
    variants.add(rows, getAttribute(builder, *schedule, 0), isSimt ? "simt" : stringifyLinearSchedule(*schedule),
                 whySlow(separate.spec, *schedule, context.sm));
  }
  entries.set("variants", variants.finish());
}

FailureOr<LaunchKernels> gpu_kernels::buildLinearLaunch(OpBuilder &builder, LaunchOp launch, StringRef name,
                                                        const nvidia::SM &sm) {
  LinearLaunch fused(launch, /*takesStats=*/true), separate(launch, /*takesStats=*/false);
  auto variants = launch.getScheduleAttr().getAs<ArrayAttr>("variants");
  if (!variants || variants.empty())
    return launch.emitOpError("has a schedule without variants for its linear layer; run --et-schedule-gpu");
  LaunchKernels kernels;
  int64_t previous = -1;
  for (Attribute attribute : variants) {
    auto dictionary = dyn_cast<DictionaryAttr>(attribute);
    auto from = dictionary ? dictionary.getAs<IntegerAttr>("from") : IntegerAttr();
    std::optional<LinearSchedule> schedule;
    if (from)
      schedule = parseSchedule(dictionary);
    if (!schedule || from.getInt() <= previous)
      return launch.emitOpError("has a schedule that is none of a linear layer, or out of order: ") << attribute;
    LinearLaunch &linear = takesRowStats(*schedule) ? fused : separate;
    LinearKernelSpec spec = linear.spec;
    spec.yChunks &= storesChunks(spec, *schedule);
    if (std::optional<std::string> reason = verifyLinearKernel(spec, *schedule, sm))
      return launch.emitOpError("has no GPU kernel with the schedule ") << attribute << ": " << *reason;
    for (LaunchKernel &kernel : kernels)
      if (kernel.rangeEnd < 0)
        kernel.rangeEnd = from.getInt();
    previous = from.getInt();
    std::string suffix = variants.size() > 1 ? "_from" + std::to_string(from.getInt()) : "";
    if (linear.normStats && !takesRowStats(*schedule)) {
      FailureOr<LaunchKernel> stats =
          buildNormStats(builder, launch, linear.normStats, (name + suffix + "_stats").str(), sm);
      if (failed(stats))
        return failure();
      stats->rangeMin = from.getInt();
      stats->isHelper = true;
      kernels.push_back(std::move(*stats));
    }
    LaunchKernel &kernel = kernels.emplace_back();
    kernel.kernel = buildLinearKernel(builder, launch.getLoc(), (name + suffix).str(), spec, *schedule, sm);
    if (std::optional<std::string> rest = legalizeScalarMath(kernel.kernel.function))
      return launch.emitOpError("has no GPU kernel: GPUs have no form of '") << *rest << "'";
    kernel.operands = linear.operands;
    kernel.sizes = linear.sizes;
    kernel.rangeMin = from.getInt();
    if (!linear.chunkStats || spec.yChunks)
      continue;
    FailureOr<LaunchKernel> chunks = buildChunkStats(builder, launch, linear.chunkStats.getInput(), linear.chunkStats,
                                                     (name + suffix + "_chunks").str(), sm);
    if (failed(chunks))
      return failure();
    chunks->rangeMin = from.getInt();
    chunks->isHelper = true;
    kernels.push_back(std::move(*chunks));
  }
  return kernels;
}
