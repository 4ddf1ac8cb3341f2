//===- AttentionBuild.cpp - From a formula that was proved to et.attention -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The second half of AttentionMatcher: tensors for what it found, in the layouts in
// which they are, and masks and biases as one mask operand.
//
//===----------------------------------------------------------------------===//

#include "AttentionMatcher.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Verifier.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>

using namespace mlir;
using namespace mlir::et;

FailureOr<Value> AttentionMatcher::buildMask(OpBuilder &builder, Location loc, SmallVectorImpl<Var *> &dims) {
  // A mask that is a tensor already is taken as it is.
  Expr *whole = nullptr;
  if (bias.empty() && conditions.size() == 1 && !conditions[0].second)
    whole = conditions[0].first;
  if (auto *single = Polynomials::getSingle(bias); single && conditions.empty() && polys.near(single->second, 1) &&
                                                   single->first.size() == 1 && single->first.begin()->second == 1)
    whole = polys[single->first.begin()->first].leaf;
  if (whole && whole->kind == Expr::Kind::Load) {
    llvm::append_range(dims, *getVars(whole->indices));
    return materialize(builder, loc, whole);
  }
  SmallVector<Expr *> leaves, loads;
  for (auto [condition, negated] : conditions)
    collectLeaves(condition, leaves);
  for (const auto &[monomial, coefficient] : bias)
    for (auto [number, power] : monomial)
      collectLeaves(polys[number].leaf, leaves);
  SmallVector<Var *> used;
  for (Expr *leaf : leaves) {
    if (leaf->kind == Expr::Kind::Load && !llvm::is_contained(loads, leaf))
      loads.push_back(leaf);
    llvm::append_range(used, *getVars(leaf->indices));
  }
  SmallVector<Var *, 8> order(batch.begin(), batch.end());
  order.push_back(m);
  order.push_back(n);
  for (Var *var : order)
    if (llvm::is_contained(used, var))
      dims.push_back(var);
  Type floatType = Float32Type::get(builder.getContext());
  if (query->type.isF64())
    floatType = query->type;
  Type type = bias.empty() ? Type(builder.getI1Type()) : floatType;
  return compute(builder, loc, dims, type, loads,
                 [&](OpBuilder &body, llvm::function_ref<Value(Expr *)> leaf) -> Value {
                   Value keep;
                   for (auto [condition, negated] : conditions) {
                     Value value = emitExpr(body, loc, condition, leaf);
                     if (!value || !value.getType().isInteger(1))
                       return {};
                     if (negated)
                       value = arith::XOrIOp::create(body, loc, value, arith::ConstantIntOp::create(body, loc, 1, 1));
                     keep = keep ? arith::AndIOp::create(body, loc, keep, value).getResult() : value;
                   }
                   if (bias.empty())
                     return keep;
                   auto number = [&](double x) -> Value {
                     return arith::ConstantOp::create(body, loc, body.getFloatAttr(floatType, x));
                   };
                   Value total;
                   for (const auto &[monomial, coefficient] : bias) {
                     Value term;
                     for (auto [atom, power] : monomial) {
                       Value factor = emitExpr(body, loc, polys[atom].leaf, leaf);
                       if (!factor || !isa<FloatType>(factor.getType()))
                         return {};
                       if (factor.getType().getIntOrFloatBitWidth() < floatType.getIntOrFloatBitWidth())
                         factor = arith::ExtFOp::create(body, loc, floatType, factor);
                       else if (factor.getType() != floatType)
                         return {};
                       for (int i = 0; i < power; ++i)
                         term = term ? arith::MulFOp::create(body, loc, term, factor).getResult() : factor;
                     }
                     if (!term)
                       term = number(coefficient);
                     else if (!polys.near(coefficient, 1))
                       term = arith::MulFOp::create(body, loc, term, number(coefficient));
                     total = total ? arith::AddFOp::create(body, loc, total, term).getResult() : term;
                   }
                   return keep ? arith::SelectOp::create(body, loc, keep, total, number(-INFINITY)).getResult() : total;
                 });
}

FailureOr<Value> AttentionMatcher::build(OpBuilder &builder, Location loc) {
  auto rootType = cast<RankedTensorType>(root.getType());
  Type element = rootType.getElementType();
  MLIRContext *context = builder.getContext();
  Var *given = m;
  if (!m)
    m = exprs.makeVar(1);
  SmallVector<Var *, 8> domain(batch.begin(), batch.end());
  domain.append({m, n, k, v});
  auto getMap = [&](ArrayRef<Var *> dims) {
    SmallVector<AffineExpr> results;
    for (Var *var : dims)
      results.push_back(getAffineDimExpr(llvm::find(domain, var) - domain.begin(), context));
    return AffineMap::get(domain.size(), 0, results, context);
  };
  auto refuseBuild = [&](StringRef what) {
    (void)refuse(8, llvm::formatv("the {0} cannot be written with one dimension per index", what),
                 "reshape it to batch, row and column dimensions");
  };

  SmallVector<Value, 4> operands;
  SmallVector<AffineMap> maps;
  for (auto [operand, name] : {std::pair<Expr *, StringRef>{query, "query"}, {key, "key"}, {value, "value"}}) {
    FailureOr<Value> tensor = materialize(builder, loc, operand);
    if (failed(tensor))
      return refuseBuild(name), failure();
    SmallVector<Var *, 4> dims = *getVars(operand->indices);
    Value converted = convertElements(builder, loc, *tensor, element);
    if (operand == query && !given) {
      // A query of one row may have lost its row dimension.
      Var *unit = exprs.makeVar(0);
      unit->size = 1;
      auto type = cast<RankedTensorType>(converted.getType());
      SmallVector<int64_t> shape(type.getShape());
      shape.push_back(1);
      SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(builder, loc, converted);
      sizes.push_back(builder.getIndexAttr(1));
      SmallVector<ReassociationIndices> groups;
      for (int64_t dim = 0; dim < type.getRank(); ++dim)
        groups.push_back({dim});
      groups.back().push_back(type.getRank());
      converted = tensor::ExpandShapeOp::create(builder, loc, type.clone(shape), converted, groups, sizes);
      dims.push_back(m);
    }
    operands.push_back(converted);
    maps.push_back(getMap(dims));
  }
  Value mask;
  if (!conditions.empty() || !bias.empty()) {
    SmallVector<Var *> dims;
    FailureOr<Value> built = buildMask(builder, loc, dims);
    if (failed(built))
      return refuseBuild("mask"), failure();
    mask = *built;
    maps.push_back(getMap(dims));
  }

  SmallVector<Var *, 4> resultDims(rootVars);
  if (!given)
    resultDims.push_back(m);
  SmallVector<int64_t> shape;
  for (Var *var : resultDims)
    shape.push_back(var->size < 0 ? ShapedType::kDynamic : var->size);
  maps.push_back(getMap(resultDims));
  auto structure = causal ? MaskAttr::get(context, MaskKind::Causal) : MaskAttr::get(context, MaskKind::None);
  auto op =
      AttentionOp::create(builder, loc, RankedTensorType::get(shape, element), operands[0], operands[1], operands[2],
                          mask, /*lengths=*/Value(), /*offsets=*/Value(), /*key_offsets=*/Value(),
                          builder.getAffineMapArrayAttr(maps), builder.getF32FloatAttr(static_cast<float>(scale)),
                          /*accumulator=*/TypeAttr(), structure, PaddingSideAttr::get(context, PaddingSide::Right));
  {
    ScopedDiagnosticHandler quiet(context, [](Diagnostic &) { return success(); });
    if (failed(verify(op))) {
      op.erase();
      return refuseBuild("operands"), failure();
    }
  }
  Value result = op.getResult();
  if (!given) {
    SmallVector<ReassociationIndices> groups;
    int64_t rank = shape.size();
    for (int64_t dim = 0; dim + 1 < rank; ++dim)
      groups.push_back({dim});
    groups.back().push_back(rank - 1);
    result = tensor::CollapseShapeOp::create(builder, loc, result, groups);
  }
  FailureOr<Value> restored = restore(builder, loc, result, rootIndices, rootType);
  if (failed(restored))
    refuseBuild("result");
  return restored;
}
