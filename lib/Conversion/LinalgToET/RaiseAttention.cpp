//===- RaiseAttention.cpp - Raise linalg attention to et.attention -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Recognises, whatever ops write it,
//
//   s(.., m, n) = mask(scale * sum_k q(.., m, k) * key(.., n, k))
//   e(.., m, n) = exp(s(.., m, n) - max_n' s(.., m, n'))
//   o(.., m, v) = sum_n e(.., m, n) * value(.., n, v) / sum_n' e(.., m, n')
//
// A candidate is a contraction (the second product) that exponentials reach
// from another contraction (the first). From the result, or from an
// elementwise op behind it for a division after the product, the matcher
// expands the formula as far as the first product and proves it term by term.
//
// Refuses what differs from it by anything but layout, and scores that are
// used elsewhere.
//
//===----------------------------------------------------------------------===//

#include "AttentionMatcher.h"
#include "et/Conversion/LinalgToET/LinalgToET.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Remarks.h"
#include "mlir/IR/Verifier.h"

namespace mlir::et {
#define GEN_PASS_DEF_RAISEATTENTIONPASS
#include "et/Conversion/LinalgToET/Passes.h.inc"
} // namespace mlir::et

#define DEBUG_TYPE "et-raise-attention"

using namespace mlir;
using namespace mlir::et;

/// The contractions from which exponentials and a reduction of them lead to \p second.
static SmallVector<Operation *> getFirstProducts(Operation *second) {
  bool sawExp = containsOp(second, {"math.exp", "math.exp2"}), sawReduction = false;
  SmallVector<Operation *> products;
  llvm::SetVector<Operation *> seen;
  auto push = [&](Operation *op) {
    auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
    for (OpOperand &operand : op->getOpOperands())
      if (Operation *def = operand.get().getDefiningOp();
          def && isa<RankedTensorType>(operand.get().getType()) && !(linalgOp && linalgOp.isDpsInit(&operand)))
        seen.insert(def);
    // Elements that a body extracts from a tensor.
    if (linalgOp)
      op->walk([&](tensor::ExtractOp extract) {
        if (Operation *def = extract.getTensor().getDefiningOp())
          seen.insert(def);
      });
  };
  push(second);
  for (unsigned i = 0; i < seen.size() && i < 64; ++i) {
    Operation *op = seen[i];
    if (isContraction(op)) {
      products.push_back(op);
      continue;
    }
    // Movement that the expressions do not see through is walked as well: a near-miss is to be told.
    if (!isLightweight(op) && !isa<tensor::TensorDialect>(op->getDialect()))
      continue;
    auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
    sawExp |= containsOp(op, {"math.exp", "math.exp2", "linalg.softmax"});
    sawReduction |= isa<linalg::SoftmaxOp>(op) || (linalgOp && linalgOp.getNumReductionLoops() > 0);
    push(op);
  }
  if (!sawExp || !sawReduction)
    products.clear();
  return products;
}

namespace {
struct RaiseAttentionPass final : mlir::et::impl::RaiseAttentionPassBase<RaiseAttentionPass> {
  using RaiseAttentionPassBase::RaiseAttentionPassBase;

  void runOnOperation() override {
    forEachFunction(getOperation(), [this](Operation *function) { runOnFunction(function); });
  }

  void runOnFunction(Operation *function) {
    SmallVector<Operation *> candidates;
    function->walk([&](linalg::LinalgOp op) {
      if (isContraction(op))
        candidates.push_back(op);
    });
    std::optional<DimSizes> sizes;
    for (Operation *second : candidates) {
      Refusal refusal;
      bool raised = false;
      for (Operation *first : getFirstProducts(second)) {
        if (!sizes)
          sizes.emplace(function);
        SmallVector<Value> chain = getSingleUseChain(second->getResult(0));
        for (Value root : llvm::reverse(chain)) {
          AttentionMatcher matcher(*sizes, first, root, allowFiniteMask);
          if (succeeded(matcher.match()) && succeeded(raise(matcher, root, second))) {
            raised = true;
            break;
          }
          refusal.merge(matcher.getRefusal());
        }
        if (raised)
          break;
      }
      if (raised) {
        sizes.reset();
        ++numRaised;
      } else {
        emitRefusal(second->getLoc(), "RaiseAttention", DEBUG_TYPE, refusal);
      }
    }
    eraseDeadOps(function);
  }

  LogicalResult raise(AttentionMatcher &matcher, Value root, Operation *second) {
    OpBuilder builder(root.getDefiningOp());
    FailureOr<Value> result = matcher.build(builder, second->getLoc());
    if (failed(result))
      return failure();
    root.replaceAllUsesWith(*result);
    remark::passed(second->getLoc(), remark::RemarkOpts::name("RaiseAttention").category(DEBUG_TYPE))
        << remark::add("raised to et.attention: {0}", matcher.describe());
    return success();
  }
};
} // namespace
