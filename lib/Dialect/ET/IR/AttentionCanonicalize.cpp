//===- AttentionCanonicalize.cpp - Canonical form of et.attention -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The canonical form says each thing once and in the smallest way: layout and
// broadcasts in the maps rather than in ops around the attention, no mask that
// masks nothing, no attribute that repeats its default.
//
//===----------------------------------------------------------------------===//

#include "CanonicalizeUtils.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"

#include <cmath>

using namespace mlir;
using namespace mlir::et;

/// Removes the indexing map at \p position.
static ArrayAttr withoutMap(AttentionOp op, unsigned position) {
  SmallVector<Attribute> maps(op.getIndexingMaps().getValue());
  maps.erase(maps.begin() + position);
  return ArrayAttr::get(op.getContext(), maps);
}

/// Replaces the indexing map at \p position by \p map.
static ArrayAttr withMap(AttentionOp op, unsigned position, AffineMap map) {
  SmallVector<Attribute> maps(op.getIndexingMaps().getValue());
  maps[position] = AffineMapAttr::get(map);
  return ArrayAttr::get(op.getContext(), maps);
}

namespace {
/// A mask that lets every query attend to every key goes away.
struct DropTrivialMask final : public OpRewritePattern<AttentionOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(AttentionOp op, PatternRewriter &rewriter) const override {
    if (!op.getMask())
      return failure();
    bool additive = isa<FloatType>(op.getMask().getType().getElementType());
    if (!isSplatOf(op.getMask(), additive ? 0.0 : 1.0))
      return rewriter.notifyMatchFailure(op, "the mask is not known to let everything pass");
    rewriter.modifyOpInPlace(op, [&] {
      op.setIndexingMapsAttr(withoutMap(op, 3));
      op.getMaskMutable().clear();
    });
    return success();
  }
};

/// Lengths that cover all keys go away, and the side of the padding with them.
struct DropFullLengths final : public OpRewritePattern<AttentionOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(AttentionOp op, PatternRewriter &rewriter) const override {
    int64_t numKeys = op.getStaticDimSize(op.getNDim());
    DenseIntElementsAttr lengths;
    if (!op.getLengths() || ShapedType::isDynamic(numKeys) || !matchPattern(op.getLengths(), m_Constant(&lengths)))
      return failure();
    if (!llvm::all_of(lengths.getValues<APInt>(),
                      [&](const APInt &length) { return length.getSExtValue() >= numKeys; }))
      return rewriter.notifyMatchFailure(op, "a sequence is shorter than the keys");
    rewriter.modifyOpInPlace(op, [&] {
      op.setIndexingMapsAttr(withoutMap(op, op.getMask() ? 4 : 3));
      op.getLengthsMutable().clear();
      op.setPadding(PaddingSide::Right);
    });
    return success();
  }
};

/// The structure in its simplest form.
struct SimplifyStructure final : public OpRewritePattern<AttentionOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(AttentionOp op, PatternRewriter &rewriter) const override {
    MaskAttr mask = op.getStructure(), simple = mask;
    int64_t numQueries = op.getStaticDimSize(op.getMDim()), numKeys = op.getStaticDimSize(op.getNDim());
    if (mask.getKind() == MaskKind::Window && mask.getLeft() == -1 && mask.getRight() == -1)
      simple = MaskAttr::get(op.getContext(), MaskKind::None);
    // Sequences of ragged batches have sizes of their own.
    if (mask.getLowerRight() && !op.getOffsets()) {
      // The only query of a decoding step stands at the end of the keys.
      if (numQueries == 1)
        simple = MaskAttr::get(op.getContext(), MaskKind::None);
      else if (!ShapedType::isDynamic(numQueries) && numQueries == numKeys)
        simple = MaskAttr::get(op.getContext(), MaskKind::Causal);
    }
    if (simple == mask)
      return failure();
    rewriter.modifyOpInPlace(op, [&] { op.setStructureAttr(simple); });
    return success();
  }
};

/// An accumulator that repeats its default, and a score region that returns its score, go away. A scale stays even
/// where it is the default: it says what the model was written with.
struct DropDefaults final : public OpRewritePattern<AttentionOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(AttentionOp op, PatternRewriter &rewriter) const override {
    FloatType defaultAccumulator = op.getQuery().getType().getElementType().isF64()
                                       ? cast<FloatType>(rewriter.getF64Type())
                                       : cast<FloatType>(rewriter.getF32Type());
    bool dropAccumulator = op.getAccumulator() && *op.getAccumulator() == defaultAccumulator;
    bool dropScore = !op.getScore().empty() &&
                     op.getScore().front().getTerminator()->getOperand(0) == op.getScore().front().getArgument(0);
    if (!dropAccumulator && !dropScore)
      return failure();
    if (dropScore)
      rewriter.eraseBlock(&op.getScore().front());
    if (dropAccumulator)
      rewriter.modifyOpInPlace(op, [&] { op.removeAccumulatorAttr(); });
    return success();
  }
};

/// A transpose or broadcast of an operand becomes part of its map. A broadcast of key or value along a batch dimension
/// becomes a grouped head, a broadcast of the mask a smaller mask.
struct FoldMovementIntoOperand final : public OpRewritePattern<AttentionOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(AttentionOp op, PatternRewriter &rewriter) const override {
    for (OpOperand &operand : op->getOpOperands()) {
      unsigned position = operand.getOperandNumber();
      if (position >= op.getNumMappedOperands())
        break;
      AffineMap map = op.getMap(position), newMap;
      Value source = matchMovement(operand.get(), map, newMap);
      if (!source || !keepsSizes(operand.get(), map, source, newMap) || !keepsRole(op, position, newMap))
        continue;
      rewriter.modifyOpInPlace(op, [&] {
        operand.set(source);
        op.setIndexingMapsAttr(withMap(op, position, newMap));
      });
      return success();
    }
    return failure();
  }

private:
  /// Looks behind the op that defines \p value; \p newMap is what \p map becomes for the tensor found there.
  static Value matchMovement(Value value, AffineMap map, AffineMap &newMap) {
    if (std::optional<DataMovement> movement = matchDataMovement(value.getDefiningOp())) {
      newMap = movement->map.compose(map);
      return movement->source;
    }
    // An expand_shape that only adds dimensions of size 1: they agree with dimensions of size 1 in the domain.
    auto expand = value.getDefiningOp<tensor::ExpandShapeOp>();
    if (!expand || expand.getSrcType().getRank() == 0)
      return nullptr;
    SmallVector<AffineExpr> results;
    for (const ReassociationIndices &group : expand.getReassociationIndices()) {
      std::optional<int64_t> kept;
      for (int64_t dim : group) {
        if (expand.getResultType().getDimSize(dim) == 1)
          continue;
        if (kept)
          return nullptr;
        kept = dim;
      }
      results.push_back(map.getResult(kept.value_or(group.front())));
    }
    newMap = AffineMap::get(map.getNumDims(), 0, results, map.getContext());
    return expand.getSrc();
  }

  /// A size that the old operand knows, the new one must know too: verifiers and lowerings may have relied on it.
  static bool keepsSizes(Value oldValue, AffineMap oldMap, Value newValue, AffineMap newMap) {
    auto oldType = cast<RankedTensorType>(oldValue.getType()), newType = cast<RankedTensorType>(newValue.getType());
    if (newType.getEncoding() || newType.getElementType() != oldType.getElementType())
      return false;
    for (auto [i, expr] : llvm::enumerate(newMap.getResults()))
      if (newType.getDimSize(i) != oldType.getDimSize(*oldMap.getResultPosition(expr)))
        return false;
    return true;
  }

  /// True when \p map keeps the dimensions that the operand at \p position must have (attention_c3).
  static bool keepsRole(AttentionOp op, unsigned position, AffineMap map) {
    auto uses = [&](unsigned dim) { return map.isFunctionOfDim(dim); };
    switch (position) {
    case 0:
      return map.getNumResults() == op.getNumBatchDims() + 2;
    case 1:
      return uses(op.getNDim()) && uses(op.getKDim());
    case 2:
      return uses(op.getNDim()) && uses(op.getVDim());
    default:
      return true;
    }
  }
};

/// A transpose of the result becomes part of its map.
struct FoldTransposeOfResult final : public OpRewritePattern<AttentionOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(AttentionOp op, PatternRewriter &rewriter) const override {
    if (!op.getResult().hasOneUse())
      return rewriter.notifyMatchFailure(op, "the result has more than one use");
    Operation *user = *op.getResult().user_begin();
    std::optional<DataMovement> movement = matchDataMovement(user);
    if (!movement || movement->source != op.getResult() || !movement->map.isPermutation())
      return rewriter.notifyMatchFailure(op, "the user is not a transpose");
    // result[map(loops)] = transposed[loops], so dimension i of the transpose is that of the result that map sends to
    // i.
    AffineMap map = inversePermutation(movement->map).compose(op.getResultMap());
    auto type = cast<RankedTensorType>(user->getResult(0).getType());
    for (auto [i, expr] : llvm::enumerate(map.getResults()))
      if (type.getDimSize(i) != op.getResult().getType().getDimSize(*op.getResultMap().getResultPosition(expr)))
        return rewriter.notifyMatchFailure(op, "the transpose knows other sizes");
    rewriter.modifyOpInPlace(op, [&] {
      op.setIndexingMapsAttr(withMap(op, op.getIndexingMaps().size() - 1, map));
      op.getResult().setType(type);
    });
    rewriter.replaceOp(user, op.getResult());
    return success();
  }
};
} // namespace

void AttentionOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<DropDefaults, DropFullLengths, DropTrivialMask, FoldMovementIntoOperand, FoldTransposeOfResult,
               SimplifyStructure>(context);
}
