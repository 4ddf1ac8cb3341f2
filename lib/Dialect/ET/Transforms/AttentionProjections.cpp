//===- AttentionProjections.cpp - The linear layers around attention -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "AttentionProjections.h"
#include "PruningUtils.h"

using namespace mlir;
using namespace mlir::et;

int64_t HeadSpace::getNumHeads() const {
  int64_t count = 1;
  for (int64_t size : sizes)
    count *= size;
  return count;
}

int64_t HeadSpace::getIndex(int64_t head, unsigned dim) const {
  for (auto [other, size] : llvm::reverse(llvm::zip(dims, sizes))) {
    if (other == dim)
      return head % size;
    head /= size;
  }
  llvm_unreachable("expected one of the dimensions");
}

int64_t HeadSpace::project(int64_t head, const HeadSpace &other) const {
  int64_t result = 0;
  for (auto [dim, size] : llvm::zip(other.dims, other.sizes))
    result = result * size + getIndex(head, dim);
  return result;
}

/// Reads the heads off the last \p count results of \p map but one, of \p type. False where they are no static batch
/// dimensions next to the head size.
static bool readHeads(AttentionOp attention, AffineMap map, RankedTensorType type, unsigned sizeDim, int64_t count,
                      Projection &found) {
  int64_t rank = type.getRank();
  if (cast<AffineDimExpr>(map.getResults().back()).getPosition() != sizeDim)
    return false;
  found.headSize = type.getDimSize(rank - 1);
  for (int64_t i = rank - count; i < rank - 1; ++i) {
    unsigned dim = cast<AffineDimExpr>(map.getResult(i)).getPosition();
    if (dim >= attention.getNumBatchDims() || type.isDynamicDim(i))
      return false;
    found.heads.dims.push_back(dim);
    found.heads.sizes.push_back(type.getDimSize(i));
  }
  return true;
}

std::optional<std::string> et::matchProjection(AttentionOp attention, Value operand, AffineMap map, unsigned sizeDim,
                                               StringRef name, Projection &found) {
  auto because = [&](const char *reason) { return ("its " + name + " " + reason).str(); };
  int64_t numDims = 1;
  auto type = cast<RankedTensorType>(operand.getType());
  if ((found.split = operand.getDefiningOp<tensor::ExpandShapeOp>())) {
    if (!operand.hasOneUse())
      return because("has other uses");
    numDims = found.split.getReassociationIndices().back().size();
    operand = found.split.getSrc();
  }
  if (!readHeads(attention, map, type, sizeDim, numDims, found))
    return because("is not taken apart into heads next to the head size");
  Operation *op = operand.getDefiningOp();
  for (; op && !isa<LinearOp>(op); op = operand.getDefiningOp()) {
    if (op->getNumResults() != 1 || op->getBlock() != attention->getBlock() || !isElementwise(op))
      break;
    if (!op->hasOneUse())
      return because("has other uses");
    found.between.insert(found.between.begin(), op);
    operand = op->getOperand(0);
  }
  found.layer = dyn_cast_or_null<LinearOp>(op);
  if (!found.layer)
    return because("is not the result of a linear layer");
  if (!found.layer->hasOneUse())
    return because("has other uses");
  return std::nullopt;
}

std::optional<std::string> et::matchOutputProjection(AttentionOp attention, Projection &found) {
  Value z = attention.getResult();
  if (!z.hasOneUse())
    return "the result of the attention has other uses";
  int64_t numDims = 1;
  Operation *user = *z.user_begin();
  if ((found.join = dyn_cast<tensor::CollapseShapeOp>(user))) {
    numDims = found.join.getReassociationIndices().back().size();
    if (!found.join->hasOneUse())
      return "the joined heads have other uses";
    user = *found.join->user_begin();
    z = found.join.getResult();
  }
  found.layer = dyn_cast<LinearOp>(user);
  if (!found.layer || found.layer.getInput() != z)
    return "its result is not the input of a linear layer";
  if (!readHeads(attention, attention.getResultMap(), attention.getResult().getType(), attention.getVDim(), numDims,
                 found))
    return "the heads of its result are not joined into one dimension";
  return std::nullopt;
}

LinearOp et::findLayerBehind(Value operand) {
  for (Operation *op = operand.getDefiningOp(); op && op->getNumOperands() > 0;
       op = op->getOperand(0).getDefiningOp()) {
    if (auto layer = dyn_cast<LinearOp>(op))
      return layer;
    if (!isa<RankedTensorType>(op->getOperand(0).getType()))
      return nullptr;
  }
  return nullptr;
}

bool et::mayHaveEmptyRows(AttentionOp attention, const Projection *query, const Projection &value, std::string &why) {
  if (attention.getMask() || attention.getLengths() || attention.getOffsets() || !attention.getScore().empty()) {
    why = attention.getMask()      ? "its mask"
          : attention.getLengths() ? "its lengths"
          : attention.getOffsets() ? "its offsets"
                                   : "its score region";
    return true;
  }
  unsigned mDim = attention.getMDim(), nDim = attention.getNDim();
  int64_t m = attention.getStaticDimSize(mDim), n = attention.getStaticDimSize(nDim);
  // Queries and values of one tensor, at the same place in it, are as many.
  auto findInput = [](const Projection &side, AffineMap map,
                      unsigned dim) -> std::optional<std::pair<Value, unsigned>> {
    std::optional<unsigned> place = map.getResultPosition(getAffineDimExpr(dim, map.getContext()));
    if (!place || *place >= map.getNumResults() - side.heads.dims.size() - 1)
      return std::nullopt;
    if (tensor::ExpandShapeOp split = side.split) {
      SmallVector<ReassociationIndices> groups = split.getReassociationIndices();
      if (llvm::any_of(ArrayRef(groups).drop_back(), [](ArrayRef<int64_t> group) { return group.size() != 1; }))
        return std::nullopt;
    }
    LinearOp layer = side.layer;
    return std::pair<Value, unsigned>(layer.getInput(), *place);
  };
  auto from = query ? findInput(*query, attention.getQueryMap(), mDim) : std::nullopt;
  bool same = ShapedType::isStatic(m) && ShapedType::isStatic(n)
                  ? m == n
                  : from && from == findInput(value, attention.getValueMap(), nDim);
  bool isStatic = ShapedType::isStatic(m) && ShapedType::isStatic(n);
  MaskAttr structure = attention.getStructure();
  // A row sees the key of its own number in any structure, and the first key where that is all that is asked for.
  bool needsOwn = structure.getKind() == MaskKind::Window || structure.getLowerRight();
  if (same || (needsOwn ? isStatic && n >= m : ShapedType::isStatic(n) && n > 0))
    return false;
  why = "fewer keys than queries";
  return true;
}
