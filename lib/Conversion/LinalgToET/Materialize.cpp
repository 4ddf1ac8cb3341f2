//===- Materialize.cpp - From expressions back to tensors -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A load names a tensor and, for each of its dimensions, the variables that
// index it. Dropping dimensions of size one and expanding those with several
// variables gives a tensor with one dimension per variable, which is what the
// indexing maps of et ops speak of. Reshapes cost nothing; only a change of
// order is a transpose.
//
//===----------------------------------------------------------------------===//

#include "RaiseUtils.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::et;

static int64_t getTypeSize(Var *var) { return var->size < 0 ? ShapedType::kDynamic : var->size; }

std::optional<SmallVector<Var *, 4>> mlir::et::getVars(ArrayRef<Index> indices) {
  SmallVector<Var *, 4> vars;
  for (const Index &index : indices) {
    if (index.constant)
      return std::nullopt;
    for (Var *var : TensorExprs::resolve(index)) {
      if (llvm::is_contained(vars, var))
        return std::nullopt;
      vars.push_back(var);
    }
  }
  return vars;
}

/// Groups dimensions so that each group holds one with \p count[dim] != 0; the others join a neighbour.
static SmallVector<ReassociationIndices> groupUnits(ArrayRef<unsigned> counts) {
  SmallVector<ReassociationIndices> groups;
  ReassociationIndices pending;
  for (auto [dim, count] : llvm::enumerate(counts)) {
    if (count != 0) {
      pending.push_back(dim);
      groups.push_back(std::move(pending));
      pending.clear();
    } else if (groups.empty()) {
      pending.push_back(dim);
    } else {
      groups.back().push_back(dim);
    }
  }
  return groups;
}

/// Gives dimensions whose sizes are known the static sizes that their type leaves open.
static Value refine(OpBuilder &builder, Location loc, Value value, ArrayRef<SmallVector<Var *, 4>> groups) {
  auto type = cast<RankedTensorType>(value.getType());
  SmallVector<int64_t> shape(type.getShape());
  for (auto [dim, group] : llvm::enumerate(groups)) {
    int64_t size = 1;
    for (Var *var : group)
      size = size < 0 || var->size < 0 ? -1 : size * var->size;
    if (ShapedType::isDynamic(shape[dim]) && size >= 0)
      shape[dim] = size;
  }
  RankedTensorType refined = type.clone(shape);
  return refined == type ? value : tensor::CastOp::create(builder, loc, refined, value).getResult();
}

FailureOr<Value> mlir::et::materialize(OpBuilder &builder, Location loc, Expr *load) {
  if (load->kind != Expr::Kind::Load || !getVars(load->indices))
    return failure();
  Value value = load->value;
  SmallVector<SmallVector<Var *, 4>> dims;
  SmallVector<unsigned> counts;
  for (const Index &index : load->indices) {
    dims.push_back(TensorExprs::resolve(index));
    counts.push_back(dims.back().size());
  }
  if (llvm::is_contained(counts, 0u)) {
    value = tensor::CollapseShapeOp::create(builder, loc, value, groupUnits(counts));
    llvm::erase_if(dims, [](auto &dim) { return dim.empty(); });
  }
  value = refine(builder, loc, value, dims);
  if (llvm::all_of(dims, [](auto &dim) { return dim.size() == 1; }))
    return value;

  auto type = cast<RankedTensorType>(value.getType());
  SmallVector<ReassociationIndices> groups;
  SmallVector<int64_t> shape;
  SmallVector<OpFoldResult> sizes;
  for (auto [dim, vars] : llvm::enumerate(dims)) {
    ReassociationIndices &group = groups.emplace_back();
    OpFoldResult whole = tensor::getMixedSize(builder, loc, value, dim);
    if (vars.size() == 1) {
      group.push_back(shape.size());
      shape.push_back(type.getDimSize(dim));
      sizes.push_back(whole);
      continue;
    }
    int64_t product = 1;
    unsigned numDynamic = 0;
    for (Var *var : vars)
      var->size < 0 ? void(++numDynamic) : void(product *= var->size);
    if (numDynamic > 1)
      return failure();
    for (Var *var : vars) {
      group.push_back(shape.size());
      if (var->size >= 0) {
        shape.push_back(var->size);
        sizes.push_back(builder.getIndexAttr(var->size));
        continue;
      }
      Value divisor = arith::ConstantIndexOp::create(builder, loc, product);
      Value size = getValueOrCreateConstantIndexOp(builder, loc, whole);
      shape.push_back(ShapedType::kDynamic);
      sizes.push_back(arith::DivUIOp::create(builder, loc, size, divisor).getResult());
    }
  }
  auto expanded = RankedTensorType::get(shape, type.getElementType(), type.getEncoding());
  return tensor::ExpandShapeOp::create(builder, loc, expanded, value, groups, sizes).getResult();
}

FailureOr<Value> mlir::et::materialize(OpBuilder &builder, Location loc, Expr *load,
                                       ArrayRef<SmallVector<Var *, 4>> groups) {
  if (load->kind != Expr::Kind::Load)
    return failure();
  std::optional<SmallVector<Var *, 4>> have = getVars(load->indices);
  SmallVector<Var *, 4> want;
  for (const auto &group : groups)
    llvm::append_range(want, group);
  if (!have || have->size() != want.size())
    return failure();
  // A dimension that is already what is asked for stays whole.
  bool inPlace = *have == want && load->indices.size() == groups.size() &&
                 llvm::all_of(llvm::zip(load->indices, groups),
                              [](auto pair) { return TensorExprs::resolve(std::get<0>(pair)) == std::get<1>(pair); });
  if (inPlace)
    return refine(builder, loc, load->value, groups);
  FailureOr<Value> flat = materialize(builder, loc, load);
  if (failed(flat))
    return failure();
  Value value = *flat;
  SmallVector<int64_t> permutation;
  for (Var *var : want) {
    auto it = llvm::find(*have, var);
    if (it == have->end())
      return failure();
    permutation.push_back(it - have->begin());
  }
  if (!llvm::is_sorted(permutation)) {
    auto type = cast<RankedTensorType>(value.getType());
    SmallVector<OpFoldResult> sizes;
    for (int64_t dim : permutation)
      sizes.push_back(tensor::getMixedSize(builder, loc, value, dim));
    Value empty = tensor::EmptyOp::create(builder, loc, sizes, type.getElementType());
    value = linalg::TransposeOp::create(builder, loc, value, empty, permutation)->getResult(0);
  }
  if (llvm::all_of(groups, [](const auto &group) { return group.size() == 1; }))
    return value;
  SmallVector<ReassociationIndices> reassociation;
  int64_t next = 0;
  for (const auto &group : groups) {
    ReassociationIndices &dims = reassociation.emplace_back();
    for (size_t i = 0; i < group.size(); ++i)
      dims.push_back(next++);
    // A group without variables would be a dimension of size one, which nobody asks for.
    if (dims.empty())
      return failure();
  }
  return tensor::CollapseShapeOp::create(builder, loc, value, reassociation).getResult();
}

FailureOr<Value> mlir::et::restore(OpBuilder &builder, Location loc, Value value, ArrayRef<Index> indices,
                                   RankedTensorType type) {
  SmallVector<unsigned> counts;
  SmallVector<ReassociationIndices> groups;
  int64_t next = 0;
  for (const Index &index : indices) {
    unsigned count = TensorExprs::resolve(index).size();
    counts.push_back(count);
    if (count == 0)
      continue;
    ReassociationIndices &group = groups.emplace_back();
    for (unsigned i = 0; i < count; ++i)
      group.push_back(next++);
  }
  if (next != cast<RankedTensorType>(value.getType()).getRank())
    return failure();
  if (llvm::any_of(groups, [](const auto &group) { return group.size() > 1; }))
    value = tensor::CollapseShapeOp::create(builder, loc, value, groups);
  if (llvm::is_contained(counts, 0u)) {
    auto narrow = cast<RankedTensorType>(value.getType());
    SmallVector<int64_t> shape;
    SmallVector<OpFoldResult> sizes;
    int64_t dim = 0;
    for (unsigned count : counts) {
      shape.push_back(count ? narrow.getDimSize(dim) : 1);
      sizes.push_back(count ? tensor::getMixedSize(builder, loc, value, dim) : builder.getIndexAttr(1));
      dim += count != 0;
    }
    value = tensor::ExpandShapeOp::create(builder, loc, RankedTensorType::get(shape, narrow.getElementType()), value,
                                          groupUnits(counts), sizes);
  }
  if (value.getType() != type)
    value = tensor::CastOp::create(builder, loc, type, value);
  return value;
}

void mlir::et::collectLeaves(Expr *expr, SmallVectorImpl<Expr *> &leaves) {
  if (expr->kind == Expr::Kind::Load || expr->kind == Expr::Kind::Index) {
    leaves.push_back(expr);
    return;
  }
  for (Expr *operand : expr->operands)
    collectLeaves(operand, leaves);
}

Value mlir::et::emitExpr(OpBuilder &builder, Location loc, Expr *expr, llvm::function_ref<Value(Expr *)> leaf) {
  switch (expr->kind) {
  case Expr::Kind::Load:
  case Expr::Kind::Index:
    return leaf(expr);
  case Expr::Kind::Scalar:
    return expr->value;
  case Expr::Kind::Reduce:
    return {};
  case Expr::Kind::Constant:
    if (auto floatType = dyn_cast<FloatType>(expr->type))
      return arith::ConstantOp::create(builder, loc, builder.getFloatAttr(floatType, expr->number));
    return arith::ConstantOp::create(builder, loc,
                                     builder.getIntegerAttr(expr->type, static_cast<int64_t>(expr->number)));
  case Expr::Kind::Op:
    break;
  }
  SmallVector<Value> operands;
  for (Expr *operand : expr->operands) {
    Value value = emitExpr(builder, loc, operand, leaf);
    if (!value)
      return {};
    operands.push_back(value);
  }
  if (expr->isOp("arith.cmpf"))
    return arith::CmpFOp::create(builder, loc, static_cast<arith::CmpFPredicate>(expr->predicate), operands[0],
                                 operands[1]);
  if (expr->isOp("arith.cmpi"))
    return arith::CmpIOp::create(builder, loc, static_cast<arith::CmpIPredicate>(expr->predicate), operands[0],
                                 operands[1]);
  OperationState state(loc, expr->name, operands, {expr->type});
  return builder.create(state)->getResult(0);
}

FailureOr<Value> mlir::et::compute(OpBuilder &builder, Location loc, ArrayRef<Var *> dims, Type elementType,
                                   ArrayRef<Expr *> loads,
                                   llvm::function_ref<Value(OpBuilder &, llvm::function_ref<Value(Expr *)>)> build) {
  SmallVector<Value> inputs;
  SmallVector<AffineMap> maps;
  SmallVector<OpFoldResult> sizes(dims.size());
  SmallVector<int64_t> shape(dims.size());
  for (auto [dim, var] : llvm::enumerate(dims)) {
    shape[dim] = getTypeSize(var);
    if (var->size >= 0)
      sizes[dim] = builder.getIndexAttr(var->size);
  }
  for (Expr *load : loads) {
    FailureOr<Value> input = materialize(builder, loc, load);
    if (failed(input))
      return failure();
    SmallVector<AffineExpr> results;
    for (auto [i, var] : llvm::enumerate(*getVars(load->indices))) {
      auto it = llvm::find(dims, var);
      if (it == dims.end())
        return failure();
      unsigned dim = it - dims.begin();
      results.push_back(builder.getAffineDimExpr(dim));
      if (!sizes[dim])
        sizes[dim] = tensor::getMixedSize(builder, loc, *input, i);
    }
    inputs.push_back(*input);
    maps.push_back(AffineMap::get(dims.size(), 0, results, builder.getContext()));
  }
  // A dynamic dimension that no tensor has cannot be sized.
  for (OpFoldResult size : sizes)
    if (!size)
      return failure();
  maps.push_back(builder.getMultiDimIdentityMap(dims.size()));
  Value empty = tensor::EmptyOp::create(builder, loc, sizes, elementType);
  bool complete = true;
  auto generic = linalg::GenericOp::create(builder, loc, empty.getType(), inputs, empty, maps,
                                           SmallVector<utils::IteratorType>(dims.size(), utils::IteratorType::parallel),
                                           [&](OpBuilder &body, Location, ValueRange args) {
                                             auto leaf = [&](Expr *expr) -> Value {
                                               if (expr->kind == Expr::Kind::Index) {
                                                 SmallVector<Var *, 4> vars = TensorExprs::resolve(expr->indices[0]);
                                                 auto it = vars.size() == 1 ? llvm::find(dims, vars[0]) : dims.end();
                                                 if (it == dims.end())
                                                   return {};
                                                 return linalg::IndexOp::create(body, loc, it - dims.begin());
                                               }
                                               auto it = llvm::find(loads, expr);
                                               return it == loads.end() ? Value() : args[it - loads.begin()];
                                             };
                                             Value value = build(body, leaf);
                                             if (!value) {
                                               complete = false;
                                               value =
                                                   arith::ConstantOp::create(body, loc, body.getZeroAttr(elementType));
                                             }
                                             linalg::YieldOp::create(body, loc, value);
                                           });
  if (!complete) {
    generic.erase();
    return failure();
  }
  return generic.getResult(0);
}

Value mlir::et::convertElements(OpBuilder &builder, Location loc, Value value, Type type) {
  auto from = cast<RankedTensorType>(value.getType());
  if (from.getElementType() == type)
    return value;
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(builder, loc, value);
  Value empty = tensor::EmptyOp::create(builder, loc, sizes, type);
  AffineMap map = builder.getMultiDimIdentityMap(from.getRank());
  bool widens = type.getIntOrFloatBitWidth() > from.getElementType().getIntOrFloatBitWidth();
  return linalg::GenericOp::create(builder, loc, empty.getType(), value, empty, ArrayRef<AffineMap>{map, map},
                                   SmallVector<utils::IteratorType>(from.getRank(), utils::IteratorType::parallel),
                                   [&](OpBuilder &body, Location, ValueRange args) {
                                     Value converted =
                                         widens ? arith::ExtFOp::create(body, loc, type, args[0]).getResult()
                                                : arith::TruncFOp::create(body, loc, type, args[0]).getResult();
                                     linalg::YieldOp::create(body, loc, converted);
                                   })
      .getResult(0);
}
