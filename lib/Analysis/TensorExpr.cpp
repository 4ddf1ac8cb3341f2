//===- TensorExpr.cpp - Tensor programs as scalar expressions -*- C++ -*-===//
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
// Variables and indices
//===----------------------------------------------------------------------===//

Var *TensorExprs::makeVar(int64_t size) {
  vars.push_back(Var{size, {}});
  return &vars.back();
}

SmallVector<Var *, 4> TensorExprs::resolve(ArrayRef<Var *> vars) {
  SmallVector<Var *, 4> result;
  for (Var *var : vars) {
    if (var->parts.empty())
      result.push_back(var);
    else
      llvm::append_range(result, resolve(var->parts));
  }
  return result;
}

SmallVector<Var *, 4> TensorExprs::resolve(const Index &index) { return resolve(ArrayRef<Var *>(index.vars)); }

SmallVector<Index, 4> TensorExprs::makeIndices(Value tensor) {
  SmallVector<Index, 4> indices;
  for (int64_t dim = 0, rank = cast<RankedTensorType>(tensor.getType()).getRank(); dim < rank; ++dim) {
    Index index;
    if (int64_t size = sizes.get(tensor, dim); size != 1)
      index.vars.push_back(makeVar(size));
    indices.push_back(std::move(index));
  }
  return indices;
}

/// Cuts \p index, which runs over the product of \p targets, into one index per target.
bool TensorExprs::cut(const Index &index, ArrayRef<int64_t> targets, SmallVectorImpl<Index> &result) {
  result.assign(targets.size(), Index());
  SmallVector<unsigned> open;
  for (auto [i, size] : llvm::enumerate(targets))
    if (size != 1)
      open.push_back(i);
  if (index.constant) {
    if (open.size() > 1 && *index.constant != 0)
      return false;
    for (unsigned i : open)
      result[i].constant = index.constant;
    return true;
  }
  SmallVector<Var *, 4> atoms = resolve(index);
  if (open.empty())
    return atoms.empty();
  // A whole variable splits into just the targets; nothing has to be proved.
  if (atoms.size() == 1 && open.size() > 1) {
    for (unsigned i : open) {
      Var *part = makeVar(targets[i]);
      atoms[0]->parts.push_back(part);
      result[i].vars.push_back(part);
    }
    return true;
  }
  // Otherwise take from the right what static sizes determine, then from the left; one target may take the rest.
  while (open.size() > 1) {
    unsigned i = open.back();
    int64_t want = targets[i];
    if (atoms.empty())
      return false;
    if (atoms.back()->size == want) {
      result[i].vars.insert(result[i].vars.begin(), atoms.pop_back_val());
      open.pop_back();
      continue;
    }
    if (want < 0)
      break;
    int64_t have = 1;
    while (have < want && !atoms.empty()) {
      Var *atom = atoms.back();
      int64_t need = want / have;
      if (want % have != 0)
        return false;
      if (atom->size > need || atom->size < 0) {
        // Modulo `need` only this variable counts, provided the ones left of it step by a multiple of it.
        if (atom->size > 0 ? atom->size % need != 0 : atoms.size() > 1)
          return false;
        Var *inner = makeVar(need);
        Var *outer =
            makeVar(atom->size > 0 ? atom->size / need : -(int64_t(1) << 40) - static_cast<int64_t>(vars.size()));
        atom->parts = {outer, inner};
        atoms.back() = outer;
        atom = inner;
      } else {
        atoms.pop_back();
      }
      have *= atom->size;
      result[i].vars.insert(result[i].vars.begin(), atom);
    }
    if (have != want)
      return false;
    open.pop_back();
  }
  size_t first = 0, next = 0;
  while (open.size() - first > 1) {
    if (next >= atoms.size() || atoms[next]->size != targets[open[first]])
      return false;
    result[open[first++]].vars.push_back(atoms[next++]);
  }
  for (; next < atoms.size(); ++next)
    result[open[first]].vars.push_back(atoms[next]);
  return !result[open[first]].vars.empty();
}

//===----------------------------------------------------------------------===//
// Nodes
//===----------------------------------------------------------------------===//

Expr *TensorExprs::make(Expr expr) {
  nodes.push_back(std::move(expr));
  return &nodes.back();
}

Expr *TensorExprs::makeConstant(double number, Type type) {
  Expr expr(Expr::Kind::Constant, type);
  expr.number = number;
  return make(std::move(expr));
}

/// Arithmetic on constants, as front ends leave it around corrections and guards that are fixed.
Expr *TensorExprs::fold(StringRef name, Type type, ArrayRef<Expr *> operands, int64_t predicate) {
  auto isConstant = [&](unsigned i) { return operands[i]->kind == Expr::Kind::Constant; };
  if (name == "arith.select" && isConstant(0))
    return operands[operands[0]->number != 0 ? 1 : 2];
  if (operands.size() != 2 || !isConstant(0) || !isConstant(1))
    return nullptr;
  double a = operands[0]->number, b = operands[1]->number;
  if (name == "arith.addf")
    return makeConstant(a + b, type);
  if (name == "arith.subf")
    return makeConstant(a - b, type);
  if (name == "arith.mulf")
    return makeConstant(a * b, type);
  if (name == "arith.divf" && b != 0)
    return makeConstant(a / b, type);
  using P = arith::CmpFPredicate;
  if (name == "arith.cmpf" && static_cast<P>(predicate) == P::OGT)
    return makeConstant(a > b, type);
  return nullptr;
}

Expr *TensorExprs::makeOp(StringRef name, Type type, ArrayRef<Expr *> operands, int64_t predicate) {
  // Conversions of constants are constants: what they round is within the tolerance constants are compared with.
  if (operands.size() == 1 && operands[0]->kind == Expr::Kind::Constant &&
      llvm::is_contained(
          {"arith.extf", "arith.truncf", "arith.sitofp", "arith.uitofp", "arith.index_cast", "arith.extsi"}, name))
    return makeConstant(operands[0]->number, type);
  if (Expr *folded = fold(name, type, operands, predicate))
    return folded;
  Expr expr(Expr::Kind::Op, type);
  expr.name = name;
  expr.operands.assign(operands.begin(), operands.end());
  expr.predicate = predicate;
  return make(std::move(expr));
}

Expr *TensorExprs::makeReduce(Combiner combiner, ArrayRef<Var *> bound, Expr *body, Expr *init) {
  Expr expr(Expr::Kind::Reduce, body->type);
  expr.combiner = combiner;
  expr.bound.assign(bound.begin(), bound.end());
  expr.operands = {body, init};
  return make(std::move(expr));
}

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

//===----------------------------------------------------------------------===//
// Renaming and equality
//===----------------------------------------------------------------------===//

static SmallVector<Var *, 4> renameVars(ArrayRef<Var *> vars, const VarMap &names) {
  SmallVector<Var *, 4> result;
  for (Var *var : vars) {
    Var *renamed = var;
    if (Var *other = names.lookup(var))
      renamed = other;
    else if (!var->parts.empty()) {
      llvm::append_range(result, renameVars(var->parts, names));
      continue;
    }
    llvm::append_range(result, TensorExprs::resolve(ArrayRef<Var *>(renamed)));
  }
  return result;
}

void TensorExprs::splitAlike(VarMap &names) {
  bool changed = true;
  while (changed) {
    changed = false;
    SmallVector<std::pair<Var *, Var *>> pairs(names.begin(), names.end());
    for (auto [from, to] : pairs) {
      if (from->parts.empty() && to->parts.empty())
        continue;
      Var *whole = from->parts.empty() ? from : to, *cutVar = from->parts.empty() ? to : from;
      if (whole->parts.empty())
        for (Var *part : cutVar->parts)
          whole->parts.push_back(makeVar(part->size));
      if (from->parts.size() != to->parts.size())
        continue;
      for (auto [a, b] : llvm::zip(from->parts, to->parts))
        changed |= names.try_emplace(a, b).second;
    }
  }
}

Expr *TensorExprs::rename(Expr *expr, const VarMap &names) {
  if (names.empty())
    return expr;
  Expr copy = *expr;
  for (Index &index : copy.indices) {
    SmallVector<Var *, 4> renamed = renameVars(index.vars, names);
    index.vars.assign(renamed.begin(), renamed.end());
  }
  for (Expr *&operand : copy.operands)
    operand = rename(operand, names);
  return make(std::move(copy));
}

bool TensorExprs::dependsOn(Expr *expr, Var *var) {
  SmallVector<Var *, 4> parts = resolve(ArrayRef<Var *>(var));
  for (const Index &index : expr->indices)
    for (Var *used : resolve(index))
      if (llvm::is_contained(parts, used))
        return true;
  return llvm::any_of(expr->operands, [&](Expr *operand) { return dependsOn(operand, var); });
}

bool TensorExprs::equal(Expr *a, Expr *b, const VarMap &names, unsigned depth) {
  if (a == b && names.empty())
    return true;
  if (depth == 0)
    return false;
  auto sameIndices = [&] {
    if (a->indices.size() != b->indices.size())
      return false;
    for (auto [x, y] : llvm::zip(a->indices, b->indices))
      if (x.constant != y.constant || resolve(x) != renameVars(y.vars, names))
        return false;
    return true;
  };
  if (a->kind == Expr::Kind::Load || b->kind == Expr::Kind::Load) {
    if (a->kind == b->kind && a->value == b->value)
      return sameIndices();
    // Two tensors computed alike hold the same elements.
    Expr *openA = a->kind == Expr::Kind::Load ? define(a) : a;
    Expr *openB = b->kind == Expr::Kind::Load ? define(b) : b;
    return openA && openB && equal(openA, openB, names, depth - 1);
  }
  if (a->kind != b->kind || a->operands.size() != b->operands.size())
    return false;
  switch (a->kind) {
  case Expr::Kind::Constant:
    return a->number == b->number;
  case Expr::Kind::Scalar:
    return a->value == b->value;
  case Expr::Kind::Index:
    return sameIndices();
  case Expr::Kind::Reduce: {
    SmallVector<Var *, 4> boundA = resolve(a->bound), boundB = resolve(b->bound);
    if (a->combiner != b->combiner || boundA.size() != boundB.size())
      return false;
    VarMap inner = names;
    for (auto [x, y] : llvm::zip(boundA, boundB)) {
      if (x->size != y->size)
        return false;
      inner[y] = x;
    }
    return equal(a->operands[0], b->operands[0], inner, depth) && equal(a->operands[1], b->operands[1], names, depth);
  }
  case Expr::Kind::Op: {
    if (a->name != b->name || a->predicate != b->predicate || a->type != b->type)
      return false;
    return llvm::all_of(llvm::zip(a->operands, b->operands),
                        [&](auto pair) { return equal(std::get<0>(pair), std::get<1>(pair), names, depth); });
  }
  case Expr::Kind::Load:
    break;
  }
  return false;
}
