//===- FoldNorms.cpp - Let linear layers apply the norms in front of them -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A norm is a shift and a scale per row, and a scale and a shift per column. The
// latter go into the weight behind it when compiling, the former are applied to
// the sums of the layer:
//
//   %y = et.layer_norm %x gamma beta           %acc = et.linear %x, W'               // f32
//   %z = et.linear %y, W bias(b)         =>    %scale, %mean = et.norm_stats %x
//                                              %z = scale * (acc - mean * s) + c
//
//   W'[n][k] = round(gamma[k] * W[n][k])   s[n] = sum_k W'[n][k]
//   c[n] = sum_k beta[k] * W[n][k] + b[n]
//
// Where the norm's result is added to something else (the residual of a post-norm
// model), the norm is applied there, element by element. A residual of the norm
// itself is added in front of it:
//
//   %y = et.layer_norm %a residual(%r)   =>    %x = a + r, and %y is the norm of %x
//
// Refuses, and says so: norms whose result must stand in memory because something
// else reads it, weights that are not dense constants or that would leave the range
// of their type, sums of two values that no kernel yields, and f32.
//
//===----------------------------------------------------------------------===//

#include "et/Dialect/ET/Transforms/Passes.h"
#include "et/Dialect/ET/Transforms/WeightValues.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Remarks.h"

#include <cmath>

namespace mlir::et {
#define GEN_PASS_DEF_FOLDNORMSPASS
#include "et/Dialect/ET/Transforms/Passes.h.inc"
} // namespace mlir::et

#define DEBUG_TYPE "et-fold-norms"

using namespace mlir;
using namespace mlir::et;

/// The largest product of gamma and a weight must be this large, or its rounding as a subnormal f16 would show.
static constexpr float kMinProduct = 0x1p-8f;
static constexpr float kMaxHalf = 65504;

namespace {
/// A layer_norm or rms_norm.
struct Norm {
  Operation *op = nullptr;
  Value input, gamma, beta, residual, result, sum;
  APFloat eps = APFloat(0.0f);
  bool centred = false;

  static std::optional<Norm> get(Operation *op) {
    if (auto norm = dyn_cast<LayerNormOp>(op))
      return Norm{op,
                  norm.getInput(),
                  norm.getGamma(),
                  norm.getBeta(),
                  norm.getResidual(),
                  norm.getResult(),
                  norm.getSum(),
                  norm.getEps(),
                  true};
    if (auto norm = dyn_cast<RmsNormOp>(op))
      return Norm{op,
                  norm.getInput(),
                  norm.getGamma(),
                  Value(),
                  norm.getResidual(),
                  norm.getResult(),
                  norm.getSum(),
                  norm.getEps(),
                  false};
    return std::nullopt;
  }
};

/// What a linear layer becomes.
struct FoldedLinear {
  LinearOp op;
  std::vector<float> weight, sums, shifts;
};

/// The rows of a norm as they are in memory, and what applies the norm to them.
struct NormedRows {
  Value x, scale, mean, gamma, beta;
};

class NormFolder {
public:
  explicit NormFolder(SymbolTable &symbols) : symbols(symbols) {}
  /// Folds \p norm into what uses it, or returns why not.
  std::optional<std::string> fold(Norm norm);

private:
  std::optional<std::string> foldValues(const Norm &norm, LinearOp linear, FoldedLinear &folded);
  void replaceLinear(const NormedRows &rows, FoldedLinear &folded);
  void addResidual(const NormedRows &rows, Operation *user, Value normed);

  SymbolTable &symbols;
};
} // namespace

//===----------------------------------------------------------------------===//
// Element-wise ops
//===----------------------------------------------------------------------===//

using Body = llvm::function_ref<Value(ImplicitLocOpBuilder &, ArrayRef<Value>)>;

/// An element-wise op of the shape and type \p type, whose sizes are those of \p like but for the last. Each of
/// \p inputs has the shape of the result, of its rows (one value each), or of its columns, as its rank and \p columns
/// say; \p body gets them as f32.
static Value createElementwise(OpBuilder &builder, Location loc, RankedTensorType type, Value like, ValueRange inputs,
                               ArrayRef<bool> columns, Body body) {
  unsigned rank = type.getRank();
  AffineMap full = builder.getMultiDimIdentityMap(rank);
  SmallVector<AffineMap> maps;
  for (auto [input, isColumns] : llvm::zip(inputs, columns)) {
    bool isFull = cast<RankedTensorType>(input.getType()).getRank() == rank && !isColumns;
    maps.push_back(isFull ? full : isColumns ? full.getMinorSubMap(1) : full.getMajorSubMap(rank - 1));
  }
  maps.push_back(full);
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(builder, loc, like);
  sizes.back() = builder.getIndexAttr(type.getShape().back());
  Value init = tensor::EmptyOp::create(builder, loc, sizes, type.getElementType());
  // Static sizes that only the type knows.
  if (init.getType() != type)
    init = tensor::CastOp::create(builder, loc, type, init);
  SmallVector<utils::IteratorType> iterators(rank, utils::IteratorType::parallel);
  return linalg::GenericOp::create(builder, loc, type, inputs, init, maps, iterators,
                                   [&](OpBuilder &b, Location l, ValueRange arguments) {
                                     ImplicitLocOpBuilder ib(l, b);
                                     SmallVector<Value> values;
                                     for (Value argument : arguments.drop_back()) {
                                       if (!argument.getType().isF32())
                                         argument = arith::ExtFOp::create(ib, ib.getF32Type(), argument);
                                       values.push_back(argument);
                                     }
                                     Value result = body(ib, values);
                                     if (!type.getElementType().isF32())
                                       result = arith::TruncFOp::create(ib, type.getElementType(), result);
                                     linalg::YieldOp::create(ib, result);
                                   })
      .getResult(0);
}

/// a * b + c, in one rounding.
static Value createFma(ImplicitLocOpBuilder &b, Value x, Value y, Value z) { return math::FmaOp::create(b, x, y, z); }

/// other + norm(rows), at the insertion point; without \p other just the norm.
static Value createApplied(OpBuilder &builder, Location loc, const NormedRows &rows, Value other) {
  SmallVector<Value> inputs{rows.x, rows.scale};
  SmallVector<bool> columns{false, false};
  auto addInput = [&](Value value, bool isColumns) {
    if (!value)
      return;
    inputs.push_back(value);
    columns.push_back(isColumns);
  };
  addInput(rows.mean, false);
  addInput(rows.gamma, true);
  addInput(rows.beta, true);
  addInput(other, false);
  return createElementwise(builder, loc, cast<RankedTensorType>(rows.x.getType()), rows.x, inputs, columns,
                           [&](ImplicitLocOpBuilder &b, ArrayRef<Value> values) {
                             Value x = values[0], scale = values[1];
                             const Value *next = values.begin() + 2;
                             if (rows.mean)
                               x = arith::SubFOp::create(b, x, *next++);
                             x = arith::MulFOp::create(b, x, scale);
                             Value gamma = rows.gamma ? *next++ : Value(), beta = rows.beta ? *next++ : Value();
                             if (gamma && beta)
                               x = createFma(b, x, gamma, beta);
                             else if (gamma)
                               x = arith::MulFOp::create(b, x, gamma);
                             else if (beta)
                               x = arith::AddFOp::create(b, x, beta);
                             return other ? arith::AddFOp::create(b, x, *next).getResult() : x;
                           });
}

//===----------------------------------------------------------------------===//
// What can be folded
//===----------------------------------------------------------------------===//

/// Whether a kernel yields \p value and could add something to it on the way.
static bool takesSum(Value value) {
  Operation *op = value.getDefiningOp();
  auto reads = [](Operation *user) { return !isa<tensor::DimOp>(user); };
  if (!op || llvm::count_if(value.getUsers(), reads) != 1)
    return false;
  if (auto generic = dyn_cast<linalg::GenericOp>(op))
    return generic.getNumResults() == 1 && generic.getNumLoops() == generic.getNumParallelLoops();
  return isa<LinearOp, GeluOp>(op);
}

/// Whether \p op adds to each element of \p value, or maps it otherwise, without moving it.
static bool isElementwiseUser(Operation *op, Value value) {
  auto generic = dyn_cast<linalg::GenericOp>(op);
  if (!generic || generic.getNumResults() != 1 || generic.getNumLoops() != generic.getNumParallelLoops() ||
      llvm::is_contained(generic.getDpsInits(), value))
    return false;
  return llvm::all_of(generic.getDpsInputOperands(), [&](OpOperand *operand) {
    return operand->get() != value || generic.getMatchingIndexingMap(operand).isIdentity();
  });
}

std::optional<std::string> NormFolder::foldValues(const Norm &norm, LinearOp linear, FoldedLinear &folded) {
  WeightOp weight = getOutlinedWeight(linear.getWeight(), symbols);
  if (!weight)
    return "the weight of a layer behind it is not a constant";
  std::string reason;
  auto read = [&](Value value, std::vector<float> &values) {
    if (!value)
      return true;
    WeightOp constant = getOutlinedWeight(value, symbols);
    FailureOr<std::vector<float>> known = failure();
    if (!constant)
      reason = "a vector of it, or of a layer behind it, is not a constant";
    else
      known = readWeightValues(constant, reason);
    if (succeeded(known))
      values = std::move(*known);
    return succeeded(known);
  };
  std::vector<float> gamma, beta, bias, values;
  if (!read(norm.gamma, gamma) || !read(norm.beta, beta) || !read(linear.getBias(), bias) ||
      !read(linear.getWeight(), values))
    return reason;

  folded.op = linear;
  int64_t n = linear.getNumOutputs(), k = linear.getNumInputs();
  if (norm.beta || linear.getBias()) {
    folded.shifts.resize(n);
    for (int64_t i = 0; i < n; ++i) {
      double shift = bias.empty() ? 0 : bias[i];
      for (int64_t j = 0; j < k && !beta.empty(); ++j)
        shift += double(beta[j]) * values[i * k + j];
      folded.shifts[i] = shift;
    }
  }
  if (norm.gamma) {
    float largest = 0;
    bool isHalf = weight.getTensorType().getElementType().isF16();
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j < k; ++j) {
        float &value = values[i * k + j];
        value *= gamma[j];
        largest = std::max(largest, std::abs(value));
      }
    if (!std::isfinite(largest) || (isHalf && (largest > kMaxHalf || largest < kMinProduct)))
      return "its gamma times the weight of a layer behind it leaves the range of f16";
    roundWeightValues(weight.getTensorType().getElementType(), values);
  }
  // Of the rounded weight: what the mean contributes to the sums is to vanish exactly.
  if (norm.centred) {
    folded.sums.resize(n);
    for (int64_t i = 0; i < n; ++i) {
      double sum = 0;
      for (int64_t j = 0; j < k; ++j)
        sum += values[i * k + j];
      folded.sums[i] = sum;
    }
  }
  if (norm.gamma)
    folded.weight = std::move(values);
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Folding
//===----------------------------------------------------------------------===//

/// Replaces the layer by its product with the rows as they are, and what applies the norm to that.
void NormFolder::replaceLinear(const NormedRows &rows, FoldedLinear &folded) {
  LinearOp linear = folded.op;
  OpBuilder builder(linear);
  Location loc = linear.getLoc();
  RankedTensorType type = linear.getResult().getType();
  Value weight = linear.getWeight();
  int64_t n = linear.getNumOutputs();
  StringRef name = linear.getWeight().getDefiningOp<WeightRefOp>().getWeight();
  auto vector = [&](StringRef suffix, ArrayRef<float> values) {
    auto vectorType = RankedTensorType::get(n, builder.getF32Type());
    return createWeight(builder, loc, (name + suffix).str(), vectorType, values, symbols);
  };
  if (!folded.weight.empty())
    weight = createWeight(builder, loc, (name + ".normed").str(), linear.getWeight().getType(), folded.weight, symbols);
  auto sumsType = RankedTensorType::get(type.getShape(), builder.getF32Type());
  auto product = LinearOp::create(builder, loc, sumsType, rows.x, weight, /*bias=*/Value());
  SmallVector<Value> inputs{product.getResult(), rows.scale};
  SmallVector<bool> columns{false, false};
  if (rows.mean) {
    inputs.append({rows.mean, vector(".sums", folded.sums)});
    columns.append({false, true});
  }
  if (!folded.shifts.empty()) {
    inputs.push_back(vector(".shifts", folded.shifts));
    columns.push_back(true);
  }
  // The statistics of the first layer stand right behind its product, so that they run in its kernel.
  Operation *stats = rows.scale.getDefiningOp();
  if (stats->getBlock() == linear->getBlock() && linear->isBeforeInBlock(stats))
    stats->moveAfter(product);
  Value result = createElementwise(builder, loc, type, rows.x, inputs, columns,
                                   [&](ImplicitLocOpBuilder &b, ArrayRef<Value> values) {
                                     Value sum = values[0], scale = values[1];
                                     const Value *next = values.begin() + 2;
                                     if (rows.mean) {
                                       Value mean = *next++, ofWeight = *next++;
                                       sum = createFma(b, arith::NegFOp::create(b, mean), ofWeight, sum);
                                     }
                                     if (folded.shifts.empty())
                                       return arith::MulFOp::create(b, sum, scale).getResult();
                                     return createFma(b, sum, scale, *next);
                                   });
  linear.getResult().replaceAllUsesWith(result);
  linear.erase();
}

/// Applies the norm whose result is \p normed where \p user reads it.
void NormFolder::addResidual(const NormedRows &rows, Operation *user, Value normed) {
  OpBuilder builder(user);
  std::optional<Norm> norm = Norm::get(user);
  if (!norm) {
    user->replaceUsesOfWith(normed, createApplied(builder, user->getLoc(), rows, Value()));
    return;
  }
  Value other = norm->residual == normed ? norm->input : norm->residual;
  Value sum = createApplied(builder, user->getLoc(), rows, other);
  if (norm->sum)
    norm->sum.replaceAllUsesWith(sum);
  auto replace = [&](auto op) {
    op.getInputMutable().assign(sum);
    op.getResidualMutable().clear();
  };
  if (auto layerNorm = dyn_cast<LayerNormOp>(user))
    replace(layerNorm);
  else
    replace(cast<RmsNormOp>(user));
}

std::optional<std::string> NormFolder::fold(Norm norm) {
  auto type = cast<RankedTensorType>(norm.input.getType());
  Type element = type.getElementType();
  if (!element.isF16() && !element.isBF16())
    return "only layers of f16 and bf16 apply norms to their sums";
  if (norm.residual && !takesSum(norm.input) && !takesSum(norm.residual))
    return "no kernel yields one of the values whose sum it normalises";

  // Everything that reads the result.
  SmallVector<FoldedLinear, 0> linears;
  SmallVector<Operation *> residuals;
  for (Operation *user : llvm::SetVector<Operation *>(norm.result.user_begin(), norm.result.user_end())) {
    if (isa<tensor::DimOp>(user))
      continue;
    if (user->getBlock() != norm.op->getBlock())
      return "its result is read in another block";
    auto linear = dyn_cast<LinearOp>(user);
    if (linear && linear.getInput() == norm.result && linear.getWeight() != norm.result) {
      if (std::optional<std::string> reason = foldValues(norm, linear, linears.emplace_back()))
        return reason;
      continue;
    }
    std::optional<Norm> other = Norm::get(user);
    bool isSum = other && other->residual && other->residual != other->input && other->gamma != norm.result &&
                 other->beta != norm.result &&
                 takesSum(other->residual == norm.result ? other->input : other->residual);
    if (!isSum && !isElementwiseUser(user, norm.result))
      return "its result is read by '" + user->getName().getStringRef().str() + "', for which it has to be in memory";
    residuals.push_back(user);
  }
  if (linears.empty())
    return "no linear layer reads its result";

  // Nothing stands in the way any more.
  OpBuilder builder(norm.op);
  Location loc = norm.op->getLoc();
  NormedRows rows{norm.input, Value(), Value(), norm.gamma, norm.beta};
  if (norm.residual)
    rows.x = createElementwise(builder, loc, type, norm.input, {norm.input, norm.residual}, {false, false},
                               [](ImplicitLocOpBuilder &b, ArrayRef<Value> values) {
                                 return arith::AddFOp::create(b, values[0], values[1]).getResult();
                               });
  if (norm.sum)
    norm.sum.replaceAllUsesWith(rows.x);
  auto statsType = RankedTensorType::get(type.getShape().drop_back(), builder.getF32Type());
  auto stats = NormStatsOp::create(builder, loc, statsType, norm.centred ? Type(statsType) : Type(), rows.x,
                                   builder.getFloatAttr(builder.getF32Type(), norm.eps));
  rows.scale = stats.getScale();
  rows.mean = stats.getMean();
  llvm::sort(linears, [](FoldedLinear &a, FoldedLinear &b) { return a.op->isBeforeInBlock(b.op); });
  // The first layer computes the statistics, unless something reads them before it.
  LinearOp first = linears.front().op;
  bool isFirst = llvm::all_of(residuals, [&](Operation *op) { return first->isBeforeInBlock(op); });
  if (isFirst)
    stats->moveAfter(first);
  for (FoldedLinear &linear : linears)
    replaceLinear(rows, linear);
  for (Operation *user : residuals)
    addResidual(rows, user, norm.result);
  norm.result.replaceAllUsesWith(rows.x);
  norm.op->erase();
  return std::nullopt;
}

namespace {
struct FoldNormsPass final : et::impl::FoldNormsPassBase<FoldNormsPass> {
  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    NormFolder folder(symbols);
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      SmallVector<Operation *> norms;
      function.walk([&](Operation *op) {
        if (Norm::get(op))
          norms.push_back(op);
      });
      for (Operation *op : norms) {
        Location loc = op->getLoc();
        if (std::optional<std::string> reason = folder.fold(*Norm::get(op))) {
          remark::missed(loc, remark::RemarkOpts::name("FoldNorms").category(DEBUG_TYPE))
              << remark::reason("{0} runs as a launch of its own: {1}", op->getName().getStringRef(), *reason);
          continue;
        }
        remark::passed(loc, remark::RemarkOpts::name("FoldNorms").category(DEBUG_TYPE))
            << remark::reason("applied by the layers behind it");
        ++numFolded;
      }
    }
  }
};
} // namespace
