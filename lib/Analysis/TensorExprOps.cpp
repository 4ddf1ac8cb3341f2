//===- TensorExprOps.cpp - Ops of tensors as scalar expressions -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// `load` walks through ops that only move elements; `define` opens one op that
// computes. What neither understands stays a load of an opaque tensor, which
// is always right: a matcher that needs more has to decline.
//
//===----------------------------------------------------------------------===//

#include "et/Analysis/TensorExpr.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace mlir::et;

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

/// Value of a numeric or boolean attribute, or nothing.
static std::optional<double> getNumber(Attribute attr) {
  if (auto elements = dyn_cast_or_null<DenseElementsAttr>(attr)) {
    if (!elements.isSplat() || !isa<FloatType, IntegerType, IndexType>(elements.getElementType()))
      return std::nullopt;
    attr = elements.getSplatValue<Attribute>();
  }
  if (auto number = dyn_cast_or_null<FloatAttr>(attr))
    return number.getValueAsDouble();
  if (auto boolean = dyn_cast_or_null<BoolAttr>(attr))
    return boolean.getValue() ? 1.0 : 0.0;
  if (auto number = dyn_cast_or_null<IntegerAttr>(attr))
    return number.getType().isIndex() || number.getValue().getBitWidth() > 1
               ? static_cast<double>(number.getValue().getSExtValue())
               : static_cast<double>(number.getValue().getZExtValue());
  return std::nullopt;
}

/// Constant that a scalar or tensor value holds in every element, seen through casts and sizes.
static std::optional<double> getConstant(Value value, const DimSizes &sizes) {
  Operation *op = value.getDefiningOp();
  if (!op)
    return std::nullopt;
  if (auto constant = dyn_cast<arith::ConstantOp>(op))
    return getNumber(constant.getValue());
  if (isa<arith::IndexCastOp, arith::SIToFPOp, arith::UIToFPOp, arith::ExtFOp, arith::TruncFOp, arith::ExtSIOp>(op))
    return getConstant(op->getOperand(0), sizes);
  if (auto dim = dyn_cast<tensor::DimOp>(op))
    if (std::optional<int64_t> index = dim.getConstantIndex();
        index && isa<RankedTensorType>(dim.getSource().getType()))
      if (int64_t size = sizes.get(dim.getSource(), *index); size >= 0)
        return static_cast<double>(size);
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Reading linalg ops
//===----------------------------------------------------------------------===//

namespace {
/// The loops of one linalg op when its result number `result` is read at given indices.
struct Loops {
  SmallVector<Index, 4> indices;
  SmallVector<Var *, 2> bound;
};
} // namespace

static bool isUnit(Value tensor, int64_t dim, const DimSizes &sizes) { return sizes.get(tensor, dim) == 1; }

/// Indices of \p operand in an iteration of the loops, or nothing when its map is not a projection.
static std::optional<SmallVector<Index, 4>> applyMap(AffineMap map, Value operand, const Loops &loops,
                                                     const DimSizes &sizes) {
  SmallVector<Index, 4> indices;
  for (auto [dim, expr] : llvm::enumerate(map.getResults())) {
    if (isUnit(operand, dim, sizes)) {
      indices.push_back({});
    } else if (auto loop = dyn_cast<AffineDimExpr>(expr)) {
      indices.push_back(loops.indices[loop.getPosition()]);
    } else if (auto constant = dyn_cast<AffineConstantExpr>(expr)) {
      Index index;
      index.constant = constant.getValue();
      indices.push_back(index);
    } else {
      return std::nullopt;
    }
  }
  return indices;
}

static std::optional<Loops> solveLoops(linalg::LinalgOp op, unsigned result, ArrayRef<Index> indices,
                                       TensorExprs &exprs) {
  const DimSizes &sizes = exprs.getSizes();
  Loops loops;
  loops.indices.resize(op.getNumLoops());
  SmallVector<bool> solved(op.getNumLoops(), false);
  OpOperand *init = op.getDpsInitOperand(result);
  for (auto [dim, expr] : llvm::enumerate(op.getMatchingIndexingMap(init).getResults())) {
    if (auto loop = dyn_cast<AffineDimExpr>(expr)) {
      loops.indices[loop.getPosition()] = indices[dim];
      solved[loop.getPosition()] = true;
    } else if (!isUnit(init->get(), dim, sizes)) {
      return std::nullopt;
    }
  }
  SmallVector<utils::IteratorType> iterators = op.getIteratorTypesArray();
  for (unsigned loop = 0; loop < op.getNumLoops(); ++loop) {
    if (solved[loop])
      continue;
    std::optional<int64_t> size;
    for (OpOperand &operand : op->getOpOperands()) {
      if (!isa<RankedTensorType>(operand.get().getType()))
        continue;
      for (auto [dim, expr] : llvm::enumerate(op.getMatchingIndexingMap(&operand).getResults()))
        if (auto d = dyn_cast<AffineDimExpr>(expr); d && d.getPosition() == loop)
          size = sizes.get(operand.get(), dim);
    }
    if (!size)
      return std::nullopt;
    if (*size == 1)
      continue;
    if (iterators[loop] != utils::IteratorType::reduction)
      return std::nullopt;
    Var *var = exprs.makeVar(*size);
    loops.bound.push_back(var);
    loops.indices[loop].vars.push_back(var);
  }
  return loops;
}

namespace {
/// Turns the body of a linalg op into an expression.
struct BodyReader {
  linalg::LinalgOp op;
  const Loops &loops;
  TensorExprs &exprs;
  /// Whether the running values of the results may be read: only when nothing is reduced.
  bool readsInits;
  DenseMap<Value, Expr *> seen = DenseMap<Value, Expr *>();

  Expr *read(Value value) {
    if (Expr *known = seen.lookup(value))
      return known;
    Expr *expr = readNew(value);
    if (expr)
      seen[value] = expr;
    return expr;
  }

  Expr *readNew(Value value) {
    const DimSizes &sizes = exprs.getSizes();
    if (auto arg = dyn_cast<BlockArgument>(value); arg && arg.getOwner() == op.getBlock()) {
      OpOperand *operand = op.getMatchingOpOperand(arg);
      if (op.isDpsInit(operand) && !readsInits)
        return nullptr;
      if (!isa<RankedTensorType>(operand->get().getType()))
        return readScalar(operand->get());
      std::optional<SmallVector<Index, 4>> indices =
          applyMap(op.getMatchingIndexingMap(operand), operand->get(), loops, sizes);
      return indices ? exprs.load(operand->get(), *indices) : nullptr;
    }
    Operation *def = value.getDefiningOp();
    if (!def || def->getBlock() != op.getBlock())
      return readScalar(value);
    if (std::optional<double> constant = getConstant(value, sizes))
      return exprs.makeConstant(*constant, value.getType());
    if (auto index = dyn_cast<linalg::IndexOp>(def)) {
      const Index &loop = loops.indices[index.getDim()];
      if (loop.constant || loop.vars.empty())
        return exprs.makeConstant(loop.constant.value_or(0), value.getType());
      return makeIndex(loop, value.getType());
    }
    if (def->getNumRegions() || def->getNumResults() != 1 || !isPure(def) ||
        !isa_and_nonnull<arith::ArithDialect, math::MathDialect>(def->getDialect()))
      return nullptr;
    SmallVector<Expr *> operands;
    for (Value operand : def->getOperands()) {
      Expr *expr = read(operand);
      if (!expr)
        return nullptr;
      operands.push_back(expr);
    }
    return exprs.makeOp(def->getName().getStringRef(), value.getType(), operands, getPredicate(def));
  }

  static int64_t getPredicate(Operation *def) {
    if (auto cmp = dyn_cast<arith::CmpFOp>(def))
      return static_cast<int64_t>(cmp.getPredicate());
    if (auto cmp = dyn_cast<arith::CmpIOp>(def))
      return static_cast<int64_t>(cmp.getPredicate());
    return 0;
  }

  Expr *readScalar(Value value) {
    // JAX passes scalars around as tensors without dimensions.
    if (auto extract = value.getDefiningOp<tensor::ExtractOp>(); extract && extract.getIndices().empty())
      return exprs.load(extract.getTensor(), {});
    if (std::optional<double> constant = getConstant(value, exprs.getSizes()))
      return exprs.makeConstant(*constant, value.getType());
    return exprs.makeScalar(value);
  }

  Expr *makeIndex(const Index &index, Type type) { return exprs.makeIndexValue(index, type); }
};
} // namespace

Expr *TensorExprs::makeScalar(Value value) {
  Expr expr(Expr::Kind::Scalar, value.getType());
  expr.value = value;
  return make(std::move(expr));
}

Expr *TensorExprs::makeIndexValue(const Index &index, Type type) {
  Expr expr(Expr::Kind::Index, type);
  expr.indices.push_back(index);
  return make(std::move(expr));
}

/// The argument of the body that \p op copies into result \p result, if it does nothing else.
static OpOperand *getCopied(linalg::LinalgOp op, unsigned result) {
  auto arg = dyn_cast<BlockArgument>(op.getBlock()->getTerminator()->getOperand(result));
  if (!arg || arg.getOwner() != op.getBlock() || op.getNumReductionLoops() != 0)
    return nullptr;
  OpOperand *operand = op.getMatchingOpOperand(arg);
  return op.isDpsInit(operand) || !isa<RankedTensorType>(operand->get().getType()) ? nullptr : operand;
}

/// True if all elements of \p tensor are one scalar that its op does not compute.
static bool isFilled(Value tensor) {
  if (tensor.getDefiningOp<tensor::SplatOp>())
    return true;
  auto op = tensor.getDefiningOp<linalg::LinalgOp>();
  if (!op || !op.hasPureTensorSemantics() || op.getNumReductionLoops() != 0)
    return false;
  Value yielded = op.getBlock()->getTerminator()->getOperand(cast<OpResult>(tensor).getResultNumber());
  if (auto arg = dyn_cast<BlockArgument>(yielded); arg && arg.getOwner() == op.getBlock())
    return !isa<RankedTensorType>(op.getMatchingOpOperand(arg)->get().getType());
  Operation *def = yielded.getDefiningOp();
  return !def || def->getBlock() != op.getBlock() || def->hasTrait<OpTrait::ConstantLike>();
}

Expr *TensorExprs::load(Value tensor, ArrayRef<Index> given) {
  SmallVector<Index, 4> indices(given);
  for (auto [dim, index] : llvm::enumerate(indices))
    if (sizes.get(tensor, dim) == 1)
      index = Index();
  while (Operation *op = tensor.getDefiningOp()) {
    SmallVector<Index, 4> next;
    Value source;
    if (auto castOp = dyn_cast<tensor::CastOp>(op); castOp && isa<RankedTensorType>(castOp.getSource().getType())) {
      source = castOp.getSource();
      next = indices;
    } else if (auto collapse = dyn_cast<tensor::CollapseShapeOp>(op)) {
      source = collapse.getSrc();
      next.resize(collapse.getSrcType().getRank());
      bool done = true;
      for (auto [dim, group] : llvm::enumerate(collapse.getReassociationIndices())) {
        SmallVector<int64_t> targets;
        for (int64_t inner : group)
          targets.push_back(sizes.get(source, inner));
        SmallVector<Index> pieces;
        if (!(done = cut(indices[dim], targets, pieces)))
          break;
        for (auto [inner, piece] : llvm::zip(group, pieces))
          next[inner] = piece;
      }
      if (!done)
        break;
    } else if (auto expand = dyn_cast<tensor::ExpandShapeOp>(op)) {
      source = expand.getSrc();
      bool done = true;
      for (ReassociationIndices &group : expand.getReassociationIndices()) {
        Index joined;
        for (int64_t inner : group) {
          if (indices[inner].constant && *indices[inner].constant != 0)
            done = false;
          llvm::append_range(joined.vars, resolve(indices[inner]));
        }
        // A constant beside variables is no list of variables, unless its dimension is of size one.
        bool constant = llvm::any_of(group, [&](int64_t inner) { return indices[inner].constant.has_value(); });
        if (constant && !joined.vars.empty())
          done = false;
        if (constant && joined.vars.empty())
          joined.constant = 0;
        next.push_back(joined);
      }
      if (!done)
        break;
    } else if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op)) {
      // Only a slice of everything: it may still drop dimensions of size one.
      source = slice.getSource();
      if (!slice.hasUnitStride() || !llvm::all_of(slice.getMixedOffsets(), isZeroInteger))
        break;
      llvm::SmallBitVector dropped = slice.getDroppedDims();
      unsigned resultDim = 0;
      bool whole = true;
      for (int64_t dim = 0; dim < slice.getSourceType().getRank(); ++dim) {
        if (dropped.test(dim)) {
          whole &= sizes.get(source, dim) == 1;
          next.push_back({});
          continue;
        }
        whole &= sizes.get(source, dim) == sizes.get(tensor, resultDim);
        next.push_back(indices[resultDim++]);
      }
      if (!whole)
        break;
    } else if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op)) {
      unsigned result = cast<OpResult>(tensor).getResultNumber();
      OpOperand *copied = linalgOp.hasPureTensorSemantics() ? getCopied(linalgOp, result) : nullptr;
      if (!copied)
        break;
      std::optional<Loops> loops = solveLoops(linalgOp, result, indices, *this);
      std::optional<SmallVector<Index, 4>> read;
      if (loops)
        read = applyMap(linalgOp.getMatchingIndexingMap(copied), copied->get(), *loops, sizes);
      if (!read)
        break;
      source = copied->get();
      next = *read;
    } else {
      break;
    }
    tensor = source;
    indices = next;
    for (auto [dim, index] : llvm::enumerate(indices))
      if (sizes.get(tensor, dim) == 1)
        index = Index();
  }
  Type element = cast<RankedTensorType>(tensor.getType()).getElementType();
  if (std::optional<double> constant = getConstant(tensor, sizes))
    return makeConstant(*constant, element);
  Expr expr(Expr::Kind::Load, element);
  expr.value = tensor;
  expr.indices = indices;
  Expr *result = make(std::move(expr));
  // A tensor filled with a constant is that constant.
  if (indices.empty() || isFilled(tensor))
    if (Expr *definition = define(result); definition && definition->kind == Expr::Kind::Constant)
      return definition;
  return result;
}

/// The combiner of a reduction whose body yields \p yielded, and the value it combines with the running one.
static std::optional<std::pair<Combiner, SmallVector<Value, 2>>> matchCombiner(Value yielded, BlockArgument running) {
  Operation *op = yielded.getDefiningOp();
  if (!op || op->getBlock() != running.getOwner())
    return std::nullopt;
  using Result = std::pair<Combiner, SmallVector<Value, 2>>;
  if (op->getName().getStringRef() == "math.fma" && op->getOperand(2) == running)
    return Result{Combiner::Sum, {op->getOperand(0), op->getOperand(1)}};
  if (auto select = dyn_cast<arith::SelectOp>(op)) {
    // max(a, b) written as select(a > b, a, b), with the running value on either side.
    auto cmp = select.getCondition().getDefiningOp<arith::CmpFOp>();
    Value a = select.getTrueValue(), b = select.getFalseValue();
    if (!cmp || (a != running && b != running) || a == b)
      return std::nullopt;
    bool same = cmp.getLhs() == a && cmp.getRhs() == b, swapped = cmp.getLhs() == b && cmp.getRhs() == a;
    using P = arith::CmpFPredicate;
    bool greater = llvm::is_contained({P::OGT, P::OGE, P::UGT, P::UGE}, cmp.getPredicate());
    bool less = llvm::is_contained({P::OLT, P::OLE, P::ULT, P::ULE}, cmp.getPredicate());
    if ((!same && !swapped) || (!greater && !less))
      return std::nullopt;
    return Result{greater == same ? Combiner::Max : Combiner::Min, {a == running ? b : a}};
  }
  std::optional<Combiner> combiner;
  if (isa<arith::AddFOp, arith::AddIOp>(op))
    combiner = Combiner::Sum;
  else if (isa<arith::MulFOp, arith::MulIOp>(op))
    combiner = Combiner::Product;
  else if (isa<arith::MaximumFOp, arith::MaxNumFOp>(op))
    combiner = Combiner::Max;
  else if (isa<arith::MinimumFOp, arith::MinNumFOp>(op))
    combiner = Combiner::Min;
  else if (isa<arith::AndIOp>(op))
    combiner = Combiner::And;
  else if (isa<arith::OrIOp>(op))
    combiner = Combiner::Or;
  if (!combiner || op->getNumOperands() != 2)
    return std::nullopt;
  if (op->getOperand(0) == running)
    return Result{*combiner, {op->getOperand(1)}};
  if (op->getOperand(1) == running)
    return Result{*combiner, {op->getOperand(0)}};
  return std::nullopt;
}

Expr *TensorExprs::define(Expr *load) {
  auto [it, inserted] = definitions.try_emplace(load, nullptr);
  if (!inserted)
    return it->second;
  Expr *definition = defineNew(load);
  definitions[load] = definition;
  return definition;
}

Expr *TensorExprs::defineNew(Expr *load) {
  Operation *op = load->kind == Expr::Kind::Load ? load->value.getDefiningOp() : nullptr;
  if (!op)
    return nullptr;
  auto scalar = [&](Value value) {
    std::optional<double> constant = getConstant(value, sizes);
    return constant ? makeConstant(*constant, value.getType()) : makeScalar(value);
  };
  if (auto splat = dyn_cast<tensor::SplatOp>(op))
    return scalar(splat.getInput());
  if (auto from = dyn_cast<tensor::FromElementsOp>(op); from && from.getElements().size() == 1)
    return scalar(from.getElements()[0]);
  if (auto softmax = dyn_cast<linalg::SoftmaxOp>(op)) {
    // By definition: exp(s - max) / sum(exp(s - max)) along the dimension.
    auto exponential = [&](ArrayRef<Index> indices) {
      SmallVector<Index, 4> inner(indices);
      Var *var = makeVar(sizes.get(softmax.getInput(), softmax.getDimension()));
      inner[softmax.getDimension()] = Index{{var}, std::nullopt};
      Expr *max = makeReduce(Combiner::Max, {var}, this->load(softmax.getInput(), inner),
                             makeConstant(-std::numeric_limits<double>::infinity(), load->type));
      Expr *shifted = makeOp("arith.subf", load->type, {this->load(softmax.getInput(), indices), max});
      return makeOp("math.exp", load->type, {shifted});
    };
    SmallVector<Index, 4> inner(load->indices);
    Var *var = makeVar(sizes.get(softmax.getInput(), softmax.getDimension()));
    inner[softmax.getDimension()] = Index{{var}, std::nullopt};
    Expr *sum = makeReduce(Combiner::Sum, {var}, exponential(inner), makeConstant(0, load->type));
    return makeOp("arith.divf", load->type, {exponential(load->indices), sum});
  }
  if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op)) {
    if (!linalgOp.hasPureTensorSemantics())
      return nullptr;
    unsigned result = cast<OpResult>(load->value).getResultNumber();
    std::optional<Loops> loops = solveLoops(linalgOp, result, load->indices, *this);
    if (!loops)
      return nullptr;
    Value yielded = linalgOp.getBlock()->getTerminator()->getOperand(result);
    if (loops->bound.empty()) {
      BodyReader reader{linalgOp, *loops, *this, /*readsInits=*/true};
      return reader.read(yielded);
    }
    OpOperand *init = linalgOp.getDpsInitOperand(result);
    auto combined = matchCombiner(yielded, linalgOp.getMatchingBlockArgument(init));
    if (!combined)
      return nullptr;
    BodyReader reader{linalgOp, *loops, *this, /*readsInits=*/false};
    Expr *body = nullptr;
    for (Value factor : combined->second) {
      Expr *expr = reader.read(factor);
      if (!expr)
        return nullptr;
      body = body ? makeOp("arith.mulf", load->type, {body, expr}) : expr;
    }
    Expr *start = this->load(init->get(), load->indices);
    if (start->kind == Expr::Kind::Load)
      if (Expr *known = define(start); known && known->kind == Expr::Kind::Constant)
        start = known;
    return makeReduce(combined->first, loops->bound, body, start);
  }
  // Arithmetic on whole tensors.
  if (op->hasTrait<OpTrait::Elementwise>() && op->getNumResults() == 1 && !op->getNumRegions() && isPure(op) &&
      isa_and_nonnull<arith::ArithDialect, math::MathDialect>(op->getDialect())) {
    SmallVector<Expr *> operands;
    for (Value operand : op->getOperands())
      operands.push_back(isa<RankedTensorType>(operand.getType()) ? this->load(operand, load->indices)
                                                                  : scalar(operand));
    return makeOp(op->getName().getStringRef(), load->type, operands, BodyReader::getPredicate(op));
  }
  return nullptr;
}
