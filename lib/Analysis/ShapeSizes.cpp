//===- ShapeSizes.cpp - Sizes that a program computes -----------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ShapePaths.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::et;

static SizeVariable makeUnknown(Location loc, std::optional<int64_t> min, std::optional<int64_t> max) {
  return {SizeVariable::Kind::Unknown, "a value", loc, {}, {}, min, max, 1};
}

SizeExpr PathState::getSize(Value value) {
  auto it = sizes.find(value);
  if (it != sizes.end())
    return it->second;
  if (std::optional<int64_t> constant = getConstantIntValue(value))
    return SizeExpr(*constant);
  return sizes[value] = system.addSymbol(makeUnknown(value.getLoc(), std::nullopt, std::nullopt));
}

SizeExpr PathState::getSize(OpFoldResult value) {
  if (std::optional<int64_t> constant = getConstantIntValue(value))
    return SizeExpr(*constant);
  return getSize(cast<Value>(value));
}

SizeCondition PathState::getCondition(Value value) {
  auto it = conditions.find(value);
  if (it != conditions.end())
    return it->second;
  if (std::optional<int64_t> constant = getConstantIntValue(value))
    return SizeCondition::constant(*constant != 0);
  // One of two values.
  SizeExpr flag = system.addSymbol(makeUnknown(value.getLoc(), 0, 1));
  return conditions[value] = SizeCondition::equal(system.add(flag, SizeExpr(-1), value.getLoc()));
}

SmallVector<SizeExpr> PathState::getShape(Value tensor) {
  auto it = shapes.find(tensor);
  if (it != shapes.end())
    return it->second;
  SmallVector<SizeExpr> shape;
  for (int64_t size : cast<RankedTensorType>(tensor.getType()).getShape())
    shape.push_back(ShapedType::isDynamic(size) ? system.addSymbol(makeUnknown(tensor.getLoc(), 0, std::nullopt))
                                                : SizeExpr(size));
  return shapes[tensor] = shape;
}

/// The condition a <predicate> b.
static SizeCondition compare(SizeSystem &system, arith::CmpIPredicate predicate, const SizeExpr &a, const SizeExpr &b,
                             Location loc) {
  using P = arith::CmpIPredicate;
  auto notLess = [&](const SizeExpr &more, const SizeExpr &less, int64_t by) {
    return SizeCondition::notNegative(system.add(system.add(more, less, loc, -1), SizeExpr(-by), loc));
  };
  switch (predicate) {
  case P::eq:
    return SizeCondition::equal(system.add(a, b, loc, -1));
  case P::ne:
    return SizeCondition::equal(system.add(a, b, loc, -1)).negate();
  case P::sge:
  case P::uge:
    return notLess(a, b, 0);
  case P::sgt:
  case P::ugt:
    return notLess(a, b, 1);
  case P::sle:
  case P::ule:
    return notLess(b, a, 0);
  case P::slt:
  case P::ult:
    return notLess(b, a, 1);
  }
  llvm_unreachable("unknown predicate");
}

static SizeCondition combine(Operation *op, SizeCondition a, SizeCondition b) {
  if (isa<arith::AndIOp>(op))
    return SizeCondition::both(std::move(a), std::move(b));
  if (isa<arith::OrIOp>(op))
    return SizeCondition::either(std::move(a), std::move(b));
  // Exactly one of them.
  SizeCondition first = SizeCondition::both(a, b.negate()), second = SizeCondition::both(a.negate(), b);
  return SizeCondition::either(std::move(first), std::move(second));
}

/// A constant condition with nothing else in it.
static SizeCondition simplify(const SizeCondition &condition) {
  using Kind = SizeCondition::Kind;
  if (condition.kind == Kind::Equal || condition.kind == Kind::NotNegative) {
    std::optional<int64_t> value = condition.expr.getConstant();
    if (value)
      return SizeCondition::constant(condition.kind == Kind::Equal ? *value == 0 : *value >= 0);
    return condition;
  }
  if (condition.kind != Kind::And && condition.kind != Kind::Or)
    return condition;
  Kind neutral = condition.kind == Kind::And ? Kind::True : Kind::False;
  Kind absorbing = condition.kind == Kind::And ? Kind::False : Kind::True;
  SizeCondition result{condition.kind, {}, {}};
  for (const SizeCondition &part : condition.parts) {
    SizeCondition simple = simplify(part);
    if (simple.kind == absorbing)
      return simple;
    if (simple.kind != neutral)
      result.parts.push_back(std::move(simple));
  }
  if (result.parts.empty())
    return SizeCondition::constant(neutral == Kind::True);
  return result.parts.size() == 1 ? result.parts.front() : result;
}

static SizeExpr evaluate(PathState &state, AffineExpr expr, ArrayRef<SizeExpr> dims, ArrayRef<SizeExpr> symbols,
                         Location loc) {
  SizeSystem &system = state.system;
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return SizeExpr(constant.getValue());
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return dims[dim.getPosition()];
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
    return symbols[symbol.getPosition()];
  auto binary = cast<AffineBinaryOpExpr>(expr);
  SizeExpr lhs = evaluate(state, binary.getLHS(), dims, symbols, loc);
  SizeExpr rhs = evaluate(state, binary.getRHS(), dims, symbols, loc);
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    return system.add(lhs, rhs, loc);
  case AffineExprKind::Mul:
    return system.multiply(lhs, rhs, loc);
  case AffineExprKind::FloorDiv:
    return system.floorDiv(lhs, rhs, loc);
  case AffineExprKind::CeilDiv:
    return system.floorDiv(system.add(system.add(lhs, rhs, loc), SizeExpr(-1), loc), rhs, loc);
  case AffineExprKind::Mod:
    return system.add(lhs, system.multiply(system.floorDiv(lhs, rhs, loc), rhs, loc), loc, -1);
  default:
    llvm_unreachable("not a binary expression");
  }
}

/// The values of an affine op's map, in which a division by zero is undefined and never built.
static SmallVector<SizeExpr> evaluate(PathState &state, AffineMap map, ValueRange operands, Location loc) {
  SmallVector<SizeExpr> values;
  for (Value operand : operands)
    values.push_back(state.getSize(operand));
  SmallVector<SizeExpr> results;
  for (AffineExpr result : map.getResults())
    results.push_back(evaluate(state, result, ArrayRef(values).take_front(map.getNumDims()),
                               ArrayRef(values).drop_front(map.getNumDims()), loc));
  return results;
}

bool mlir::et::visitSizeOp(PathState &state, Operation *op) {
  if (op->getNumResults() != 1 || !op->getResult(0).getType().isIntOrIndex())
    return false;
  SizeSystem &system = state.system;
  Value result = op->getResult(0);
  Location loc = op->getLoc();
  auto operand = [&](unsigned i) { return state.getSize(op->getOperand(i)); };
  // A divisor that may be zero, or negative, divides nothing we know.
  auto isPositive = [&](const SizeExpr &divisor) {
    SizeExpr less = system.add(divisor, SizeExpr(-1), loc);
    if (std::optional<int64_t> value = less.getConstant())
      return *value >= 0;
    return system.decide(SizeCondition::notNegative(less)).truth == SizeSystem::Truth::Always;
  };
  if (result.getType().isInteger(1)) {
    if (auto cmp = dyn_cast<arith::CmpIOp>(op)) {
      Type type = cmp.getLhs().getType();
      if (type.isIntOrIndex() && !type.isInteger(1))
        state.conditions[result] = simplify(compare(system, cmp.getPredicate(), operand(0), operand(1), loc));
      return true;
    }
    if (isa<arith::AndIOp, arith::OrIOp, arith::XOrIOp>(op))
      state.conditions[result] =
          simplify(combine(op, state.getCondition(op->getOperand(0)), state.getCondition(op->getOperand(1))));
    return true;
  }
  return TypeSwitch<Operation *, bool>(op)
      .Case([&](arith::AddIOp) { return state.sizes[result] = system.add(operand(0), operand(1), loc), true; })
      .Case([&](arith::SubIOp) { return state.sizes[result] = system.add(operand(0), operand(1), loc, -1), true; })
      .Case([&](arith::MulIOp) { return state.sizes[result] = system.multiply(operand(0), operand(1), loc), true; })
      .Case<arith::FloorDivSIOp, arith::DivSIOp, arith::DivUIOp, arith::CeilDivSIOp, arith::CeilDivUIOp, arith::RemSIOp,
            arith::RemUIOp>([&](Operation *division) {
        SizeExpr a = operand(0), b = operand(1);
        if (!isPositive(b))
          return true;
        if (isa<arith::CeilDivSIOp, arith::CeilDivUIOp>(division))
          a = system.add(system.add(a, b, loc), SizeExpr(-1), loc);
        SizeExpr quotient = system.floorDiv(a, b, loc);
        if (isa<arith::RemSIOp, arith::RemUIOp>(division))
          quotient = system.add(a, system.multiply(quotient, b, loc), loc, -1);
        state.sizes[result] = quotient;
        return true;
      })
      .Case<arith::MinSIOp, arith::MinUIOp, arith::MaxSIOp, arith::MaxUIOp>([&](Operation *choice) {
        bool isMin = isa<arith::MinSIOp, arith::MinUIOp>(choice);
        state.sizes[result] =
            system.minMax(isMin ? SizeVariable::Kind::Min : SizeVariable::Kind::Max, operand(0), operand(1), loc);
        return true;
      })
      .Case<arith::IndexCastOp, arith::IndexCastUIOp, arith::ExtSIOp, arith::ExtUIOp, arith::TruncIOp>(
          [&](Operation *cast) {
            if (!cast->getOperand(0).getType().isInteger(1))
              state.sizes[result] = operand(0);
            return true;
          })
      .Case([&](affine::AffineApplyOp apply) {
        state.sizes[result] = evaluate(state, apply.getAffineMap(), apply.getMapOperands(), loc).front();
        return true;
      })
      .Case<affine::AffineMinOp, affine::AffineMaxOp>([&](auto choice) {
        SmallVector<SizeExpr> values = evaluate(state, choice.getAffineMap(), choice.getOperands(), loc);
        SizeExpr best = values.front();
        for (const SizeExpr &value : ArrayRef(values).drop_front())
          best = system.minMax(isa<affine::AffineMinOp>(op) ? SizeVariable::Kind::Min : SizeVariable::Kind::Max, best,
                               value, loc);
        state.sizes[result] = best;
        return true;
      })
      .Case([&](tensor::DimOp dim) {
        std::optional<int64_t> index = dim.getConstantIndex();
        if (index && isa<RankedTensorType>(dim.getSource().getType()))
          state.sizes[result] = state.getShape(dim.getSource())[*index];
        return true;
      })
      .Default(true);
}
