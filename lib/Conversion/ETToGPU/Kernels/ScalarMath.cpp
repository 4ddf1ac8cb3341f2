//===- ScalarMath.cpp - Arithmetic in a form that GPUs have -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// PTX has arithmetic on f32 and f64, square roots, minima, and approximate powers
// of two and logarithms; nothing of libm. Arithmetic on f16 and bf16 runs on f32
// and is rounded behind every op, which for one op is the same as computing on 16
// bits. What libm has in f32 becomes upstream's polynomials.
//
//===----------------------------------------------------------------------===//

#include "et/Conversion/ETToGPU/LoopKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

static bool isSmallFloat(Type type) {
  Type element = getElementTypeOrSelf(type);
  return element.isF16() || element.isBF16();
}

/// Lets \p op, on 16-bit floats, compute in f32.
static void extendToF32(Operation *op) {
  OpBuilder b(op);
  auto widen = [&](Type type) -> Type {
    if (auto vector = dyn_cast<VectorType>(type))
      return vector.clone(b.getF32Type());
    return b.getF32Type();
  };
  for (OpOperand &operand : op->getOpOperands())
    if (isSmallFloat(operand.get().getType()))
      operand.set(arith::ExtFOp::create(b, op->getLoc(), widen(operand.get().getType()), operand.get()));
  b.setInsertionPointAfter(op);
  for (OpResult result : op->getResults()) {
    Type type = result.getType();
    if (!isSmallFloat(type))
      continue;
    result.setType(widen(type));
    Value rounded = arith::TruncFOp::create(b, op->getLoc(), type, result);
    result.replaceAllUsesExcept(rounded, rounded.getDefiningOp());
  }
}

/// Whether NVPTX selects \p op, of the math dialect.
static bool isNative(Operation *op) {
  if (isa<math::AbsFOp, math::AbsIOp, math::SqrtOp, math::RsqrtOp, math::FmaOp, math::FloorOp, math::CeilOp,
          math::TruncOp, math::RoundEvenOp, math::CopySignOp, math::CountLeadingZerosOp, math::CtPopOp,
          math::CountTrailingZerosOp>(op))
    return true;
  return isa<math::IsNaNOp, math::IsInfOp, math::IsFiniteOp>(op);
}

std::optional<std::string> et::gpu_kernels::legalizeScalarMath(Operation *function) {
  SmallVector<Operation *> small;
  function->walk([&](Operation *op) {
    bool isArithmetic = isa<arith::ArithDialect, math::MathDialect>(op->getDialect());
    if (!isArithmetic || isa<arith::ExtFOp, arith::TruncFOp, arith::ConstantOp, arith::SelectOp, arith::BitcastOp>(op))
      return;
    if (llvm::any_of(op->getOperandTypes(), isSmallFloat) || llvm::any_of(op->getResultTypes(), isSmallFloat))
      small.push_back(op);
  });
  for (Operation *op : small)
    extendToF32(op);

  RewritePatternSet patterns(function->getContext());
  auto isForeign = [](StringRef name) {
    // Expanded below, or native.
    return !llvm::is_contained({"math.sqrt", "math.rsqrt", "math.fma", "math.absf", "math.floor", "math.ceil",
                                "math.trunc", "math.roundeven", "math.copysign"},
                               name);
  };
  populateMathPolynomialApproximationPatterns(patterns, isForeign);
  math::populateExpansionPatterns(patterns,
                                  {"sinh", "cosh", "tan", "asinh", "acosh", "atanh", "exp2", "powf", "round", "fpowi"});
  GreedyRewriteConfig config;
  config.setRegionSimplificationLevel(GreedySimplifyRegionLevel::Disabled);
  (void)applyPatternsGreedily(function->getRegion(0), std::move(patterns), config);

  std::optional<std::string> rest;
  function->walk([&](Operation *op) {
    if (!rest && isa<math::MathDialect>(op->getDialect()) && !isNative(op))
      rest = op->getName().getStringRef().str();
  });
  return rest;
}
