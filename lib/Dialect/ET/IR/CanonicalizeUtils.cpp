//===- CanonicalizeUtils.cpp - What canonicalisation patterns look for -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CanonicalizeUtils.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::et;

/// True when the scalar attribute \p value is \p expected.
static bool isScalar(Attribute value, double expected) {
  if (auto number = dyn_cast_or_null<FloatAttr>(value))
    return number.getValueAsDouble() == expected;
  if (auto boolean = dyn_cast_or_null<IntegerAttr>(value))
    return boolean.getType().isInteger(1) && boolean.getValue().isOne() == (expected == 1.0);
  return false;
}

bool et::isSplatOf(Value value, double expected) {
  Attribute constant;
  while (auto cast = value.getDefiningOp<tensor::CastOp>())
    value = cast.getSource();
  if (auto fill = value.getDefiningOp<linalg::FillOp>())
    return matchPattern(fill.value(), m_Constant(&constant)) && isScalar(constant, expected);
  if (auto splat = value.getDefiningOp<tensor::SplatOp>())
    return matchPattern(splat.getInput(), m_Constant(&constant)) && isScalar(constant, expected);
  if (!matchPattern(value, m_Constant(&constant)))
    return false;
  auto elements = dyn_cast<DenseElementsAttr>(constant);
  return elements && elements.isSplat() && isScalar(elements.getSplatValue<Attribute>(), expected);
}

std::optional<DataMovement> et::matchDataMovement(Operation *op) {
  auto linalgOp = dyn_cast_or_null<linalg::LinalgOp>(op);
  if (!linalgOp || !linalgOp.hasPureTensorSemantics() || linalgOp.getNumDpsInputs() != 1 ||
      linalgOp.getNumDpsInits() != 1 || linalgOp.getNumParallelLoops() != linalgOp.getNumLoops())
    return std::nullopt;
  // The body passes the element on as it is.
  Block *body = linalgOp.getBlock();
  if (!llvm::hasSingleElement(*body) || body->getTerminator()->getOperand(0) != body->getArgument(0))
    return std::nullopt;
  AffineMap in = linalgOp.getMatchingIndexingMap(linalgOp.getDpsInputOperand(0));
  AffineMap out = linalgOp.getMatchingIndexingMap(linalgOp.getDpsInitOperand(0));
  if (!in.isProjectedPermutation() || !out.isPermutation())
    return std::nullopt;
  return DataMovement{linalgOp.getDpsInputOperand(0)->get(), in.compose(inversePermutation(out))};
}
