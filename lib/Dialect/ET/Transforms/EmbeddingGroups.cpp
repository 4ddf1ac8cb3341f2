//===- EmbeddingGroups.cpp - Embeddings that are added up -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What an encoder starts with:
//
//   %w = et.embedding %ids, %words : tensor<?x?xD>
//   %n = linalg.generic { linalg.index 0 } : tensor<?xi64>          // 0, 1, 2, ...
//   %p = et.embedding %n, %positions : tensor<?xD>
//   %y = linalg.generic ins(%w, %p, %vector) { sum of the three }
//
//===----------------------------------------------------------------------===//

#include "EmbeddingGroups.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

using namespace mlir;
using namespace mlir::et;

/// Whether \p op yields 0, 1, 2, ... in one dimension.
static bool counts(Operation *op) {
  auto generic = dyn_cast_or_null<linalg::GenericOp>(op);
  if (!generic || generic.getNumLoops() != 1 || generic.getNumParallelLoops() != 1 || generic.getNumDpsInputs() != 0 ||
      generic.getNumResults() != 1 || !generic.getIndexingMapsArray()[0].isIdentity())
    return false;
  auto cast = generic.getBody()->getTerminator()->getOperand(0).getDefiningOp<arith::IndexCastOp>();
  return cast && cast.getIn().getDefiningOp<linalg::IndexOp>();
}

/// Whether \p value is the sum of the first \p numTerms arguments of \p block, each taken once; marks them in \p seen.
static bool isSum(Value value, Block *block, unsigned numTerms, llvm::SmallBitVector &seen) {
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    unsigned number = argument.getArgNumber();
    if (argument.getOwner() != block || number >= numTerms || seen[number])
      return false;
    seen.set(number);
    return true;
  }
  auto add = value.getDefiningOp<arith::AddFOp>();
  return add && isSum(add.getLhs(), block, numTerms, seen) && isSum(add.getRhs(), block, numTerms, seen);
}

/// Whether \p sum adds up embeddings and vectors of one type; collects the embeddings.
static bool isEmbeddingSum(linalg::GenericOp sum, SmallVectorImpl<EmbeddingOp> &embeddings) {
  if (sum.getNumResults() != 1 || sum.getNumParallelLoops() != sum.getNumLoops())
    return false;
  int64_t rank = sum.getNumLoops();
  auto type = cast<RankedTensorType>(sum.getResult(0).getType());
  AffineMap identity = AffineMap::getMultiDimIdentityMap(rank, sum.getContext());
  if (rank < 2 || type.isDynamicDim(rank - 1) || sum.getIndexingMapsArray().back() != identity)
    return false;
  for (OpOperand *input : sum.getDpsInputOperands()) {
    auto inputType = dyn_cast<RankedTensorType>(input->get().getType());
    AffineMap map = sum.getMatchingIndexingMap(input);
    if (!inputType || inputType.getElementType() != type.getElementType())
      return false;
    if (auto embedding = input->get().getDefiningOp<EmbeddingOp>(); embedding && embedding->hasOneUse()) {
      // All rows, or rows that start again with each sequence.
      if (embedding->getBlock() != sum->getBlock() || (map != identity && map != identity.getMinorSubMap(2)))
        return false;
      embeddings.push_back(embedding);
      continue;
    }
    if (map != identity.getMinorSubMap(1))
      return false;
  }
  Block *body = sum.getBody();
  llvm::SmallBitVector seen(sum.getNumDpsInputs());
  return isSum(body->getTerminator()->getOperand(0), body, sum.getNumDpsInputs(), seen) && seen.all();
}

SmallVector<Operation *> et::findEmbeddingSum(EmbeddingOp embedding) {
  SmallVector<Operation *> alone = {embedding};
  if (!embedding->hasOneUse())
    return alone;
  auto sum = dyn_cast<linalg::GenericOp>(*embedding->user_begin());
  SmallVector<EmbeddingOp> embeddings;
  if (!sum || !isEmbeddingSum(sum, embeddings))
    return alone;
  // The rows of the result come from the first: it has all of them.
  auto hasAllRows = [&](EmbeddingOp term) {
    return term.getResult().getType().getRank() == static_cast<int64_t>(sum.getNumLoops());
  };
  if (embeddings.front() != embedding || !hasAllRows(embedding))
    return alone;
  SmallVector<Operation *> ops = {embedding};
  for (EmbeddingOp term : ArrayRef(embeddings).drop_front()) {
    Operation *ids = term.getIds().getDefiningOp();
    if (counts(ids) && ids->hasOneUse() && ids->getBlock() == sum->getBlock())
      ops.push_back(ids);
    ops.push_back(term);
  }
  ops.push_back(sum);
  return ops;
}
