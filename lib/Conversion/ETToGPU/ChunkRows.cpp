//===- ChunkRows.cpp - Run two linear layers chunk by chunk of rows -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   h = alloc(M, 3072)                      h = alloc(R, 3072)
//   launch "linear+gelu" (x, ..) -> h       launch "linear+gelu" (x[0 .. R], ..) -> h
//   launch "linear" (h, .., r) -> y    =>   launch "linear" (h, .., r[0 .. R]) -> y[0 .. R]
//                                           launch "linear+gelu" (x[R .. 2R], ..) -> h
//                                           ...
//
// The hidden activations of a feed-forward layer are four times as large as its input,
// and leave the L2 cache before the second layer reads them when there are many rows. A
// chunk of them stays, in one buffer that all chunks use.
//
// The number of rows is known at launch only, so R is computed, and so is where a chunk
// begins. Chunks that turn out empty have no blocks: their launches do not happen.
//
//===----------------------------------------------------------------------===//

#include "et/Conversion/ETToCPU/LaunchRows.h"
#include "et/Conversion/ETToGPU/Passes.h"
#include "et/Dialect/ET/IR/ET.h"
#include "et/Target/NVIDIA/SM.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Remarks.h"

#include <optional>

namespace mlir::et {
#define GEN_PASS_DEF_CHUNKROWSPASS
#include "et/Conversion/ETToGPU/Passes.h.inc"
} // namespace mlir::et

#define DEBUG_TYPE "et-chunk-rows"

using namespace mlir;
using namespace mlir::et;

/// Rows of a tile of the schedules for many rows, and the widths that their tiles have.
static constexpr int64_t kTileRows = 128, kTileColumns[] = {192, 256};
/// Launches that a chunk asks for in vain cost nothing on the device, but each is a step of the program.
static constexpr int64_t kFewRows = 1024;
/// Dimensions that an operand may have for each row.
static constexpr int64_t kMaxInner = 2;

namespace {
/// Two launches of which the first writes what only the second reads.
struct Pair {
  LaunchOp first, second;
  memref::AllocOp hidden;
};

struct ChunkRowsPass final : et::impl::ChunkRowsPassBase<ChunkRowsPass> {
  using Base::Base;

  void runOnOperation() override;

private:
  int64_t getChunk(const Pair &pair, const nvidia::SM &sm);
  void chunk(Pair &pair, int64_t limit);
};
} // namespace

static LinearOp getLinear(LaunchOp launch) {
  return launch.hasBufferOperands() ? dyn_cast_or_null<LinearOp>(cpu::getRoot(launch)) : LinearOp();
}

/// Position among the operands of \p launch of the input of its layer.
static unsigned getInputNumber(LaunchOp launch) {
  return cast<BlockArgument>(getLinear(launch).getInput()).getArgNumber();
}

/// Dimensions of what operand \p number of \p launch has for each row of the layer: none for a value, one for a row,
/// two for statistics of its chunks. Nothing when it does not follow the rows.
static std::optional<int64_t> follows(LaunchOp launch, unsigned number) {
  LinearOp linear = getLinear(launch);
  auto type = dyn_cast<MemRefType>(launch->getOperand(number).getType());
  BlockArgument argument = launch.getBodyArgument(number);
  if (!type || argument == linear.getWeight() || argument == linear.getBias())
    return std::nullopt;
  ArrayRef<int64_t> rows = linear.getInput().getType().getShape().drop_back();
  int64_t inner = type.getRank() - static_cast<int64_t>(rows.size());
  if (inner < 0 || inner > kMaxInner || type.getShape().take_front(rows.size()) != rows)
    return std::nullopt;
  if (inner > 0)
    return inner;
  // One value per column may have the same shape.
  for (OpOperand &use : argument.getUses())
    if (auto generic = dyn_cast<linalg::GenericOp>(use.getOwner()))
      if (generic.getMatchingIndexingMap(&use).isFunctionOfDim(rows.size()))
        return std::nullopt;
  return 0;
}

static std::optional<Pair> findPair(LaunchOp first) {
  LinearOp linear = getLinear(first);
  if (!linear)
    return std::nullopt;
  // The next op that does anything is the other layer.
  Operation *next = first->getNextNode();
  while (next && (isa<memref::AllocOp>(next) || isMemoryEffectFree(next)))
    next = next->getNextNode();
  auto second = dyn_cast_or_null<LaunchOp>(next);
  if (!second || !getLinear(second))
    return std::nullopt;
  Value between = second->getOperand(getInputNumber(second));
  auto hidden = between.getDefiningOp<memref::AllocOp>();
  unsigned output = llvm::find(first.getOutputs(), between) - first.getOutputs().begin();
  if (!hidden || output == first.getOutputs().size() || first.readsOutput(output) ||
      llvm::is_contained(first.getInputs(), between))
    return std::nullopt;
  // Launches elsewhere may use the buffer for something else, if they write it before they read it.
  for (OpOperand &use : hidden->getUses()) {
    if (isa<memref::DimOp>(use.getOwner()))
      continue;
    if (!isa<LaunchOp>(use.getOwner()) || use.getOwner()->getBlock() != first->getBlock() ||
        (use.getOwner() == second && use.getOperandNumber() != getInputNumber(second)))
      return std::nullopt;
  }
  for (Operation *op = second->getNextNode(); op; op = op->getNextNode()) {
    auto launch = dyn_cast<LaunchOp>(op);
    if (!launch || !llvm::is_contained(launch->getOperands(), hidden.getResult()))
      continue;
    if (llvm::is_contained(launch.getInputs(), hidden.getResult()))
      return std::nullopt;
    for (auto [i, output] : llvm::enumerate(launch.getOutputs()))
      if (output == hidden.getResult() && launch.readsOutput(i))
        return std::nullopt;
    break;
  }
  return Pair{first, second, hidden};
}

/// Why the rows of \p pair cannot be cut, or nothing.
static std::optional<std::string> whyNot(const Pair &pair) {
  for (LaunchOp launch : {pair.first, pair.second})
    for (unsigned i = 0; i < launch->getNumOperands(); ++i) {
      auto type = dyn_cast<MemRefType>(launch->getOperand(i).getType());
      if (follows(launch, i) && !type.getLayout().isIdentity())
        return "operand " + std::to_string(i) + " of '" + launch.getKernel().str() +
               "' is a slice whose rows cannot be counted as one";
    }
  return std::nullopt;
}

/// Rows of a chunk: whole tiles that fill all multiprocessors again and again, as many as fit. 0 for none.
int64_t ChunkRowsPass::getChunk(const Pair &pair, const nvidia::SM &sm) {
  LinearOp layers[] = {getLinear(pair.first), getLinear(pair.second)};
  int64_t perRow = 0, weights = 0;
  auto getBytes = [](Value tensor) { return getElementTypeOrSelf(tensor.getType()).getIntOrFloatBitWidth() / 8; };
  for (LinearOp layer : layers) {
    weights += layer.getNumInputs() * layer.getNumOutputs() * getBytes(layer.getWeight());
    perRow += layer.getNumInputs() * getBytes(layer.getInput());
  }
  perRow += layers[1].getNumOutputs() * getBytes(layers[1].getResult());
  int64_t most = (l2Bytes - weights) / perRow / kTileRows;
  double bestCost = 0;
  int64_t best = 0;
  // A chunk of few tiles has little to gain: it is as well kept together.
  for (int64_t tiles = std::max<int64_t>(most / 2, 8); tiles <= most; ++tiles) {
    double cost = 0;
    for (LinearOp layer : layers) {
      double least = 0;
      for (int64_t columns : kTileColumns) {
        int64_t blocks = tiles * llvm::divideCeil(layer.getNumOutputs(), columns);
        double waves = llvm::divideCeil(blocks, sm.numSMs) * columns * layer.getNumInputs();
        least = least == 0 ? waves : std::min(least, waves);
      }
      cost += least;
    }
    cost /= tiles;
    if (best == 0 || cost <= bestCost) {
      bestCost = cost;
      best = tiles;
    }
  }
  return best * kTileRows;
}

/// Gives \p type \p count rows in place of \p rows if it has something for each of them.
static RankedTensorType replaceRows(RankedTensorType type, ArrayRef<int64_t> rows, int64_t count) {
  int64_t rank = rows.size();
  if (type.getRank() < rank || type.getRank() > rank + kMaxInner || type.getShape().take_front(rank) != rows)
    return type;
  SmallVector<int64_t> shape(type.getShape());
  std::fill(shape.begin(), shape.begin() + rank, 1);
  shape[rank - 1] = count;
  return type.clone(shape);
}

/// The first \p rank dimensions as one, and \p inner ones behind them.
static SmallVector<ReassociationIndices> getRowGroups(int64_t rank, int64_t inner) {
  SmallVector<ReassociationIndices> groups(1);
  for (int64_t dim = 0; dim < rank; ++dim)
    groups[0].push_back(dim);
  for (int64_t dim = 0; dim < inner; ++dim)
    groups.push_back({rank + dim});
  return groups;
}

/// Rows \p start .. \p start + \p count of \p memref, which has one dimension of rows and maybe static ones behind it,
/// as a memref with \p rank dimensions of rows.
static Value takeRows(ImplicitLocOpBuilder &b, Value memref, OpFoldResult start, OpFoldResult count, int64_t rank) {
  ArrayRef<int64_t> source = cast<MemRefType>(memref.getType()).getShape();
  OpFoldResult one = b.getIndexAttr(1);
  SmallVector<OpFoldResult> offsets{start}, sizes{count}, strides(source.size(), one);
  SmallVector<int64_t> shape(rank - 1, 1);
  shape.push_back(getConstantIntValue(count).value_or(ShapedType::kDynamic));
  SmallVector<OpFoldResult> expanded(rank - 1, one);
  expanded.push_back(count);
  for (int64_t size : source.drop_front()) {
    offsets.push_back(b.getIndexAttr(0));
    sizes.push_back(b.getIndexAttr(size));
    expanded.push_back(sizes.back());
    shape.push_back(size);
  }
  Value part = memref::SubViewOp::create(b, memref, offsets, sizes, strides);
  if (rank == 1)
    return part;
  return memref::ExpandShapeOp::create(b, shape, part, getRowGroups(rank, source.size() - 1), expanded);
}

/// \p launch on \p operands, whose rows are \p count (or dynamic).
static LaunchOp cloneLaunch(ImplicitLocOpBuilder &b, LaunchOp launch, ArrayRef<Value> operands, int64_t count) {
  unsigned numInputs = launch.getInputs().size();
  auto clone = LaunchOp::create(b, TypeRange{}, launch.getKernel(), ValueRange(operands.take_front(numInputs)),
                                ValueRange(operands.drop_front(numInputs)), nullptr);
  clone->setDiscardableAttrs(launch->getDiscardableAttrDictionary());
  IRMapping mapping;
  launch.getBody().cloneInto(&clone.getBody(), mapping);
  SmallVector<int64_t> rows(getLinear(launch).getInput().getType().getShape().drop_back());
  Block &block = clone.getBody().front();
  for (unsigned i = 0; i < block.getNumArguments(); ++i)
    if (follows(launch, i))
      block.getArgument(i).setType(replaceRows(cast<RankedTensorType>(block.getArgument(i).getType()), rows, count));
  Value input = block.getArgument(getInputNumber(launch));
  for (Operation &op : llvm::make_early_inc_range(block)) {
    OpBuilder builder(&op);
    for (Value result : op.getResults())
      if (auto type = dyn_cast<RankedTensorType>(result.getType()))
        result.setType(replaceRows(type, rows, count));
    auto empty = dyn_cast<tensor::EmptyOp>(op);
    if (!empty || empty.getType().getRank() < static_cast<int64_t>(rows.size()) ||
        empty.getType().getShape().take_front(rows.size()) !=
            cast<RankedTensorType>(input.getType()).getShape().drop_back())
      continue;
    // Sizes that are static now are no operands any more.
    SmallVector<Value> sizes;
    if (ShapedType::isDynamic(count))
      sizes.push_back(tensor::DimOp::create(builder, op.getLoc(), input, rows.size() - 1));
    empty.replaceAllUsesWith(tensor::EmptyOp::create(builder, op.getLoc(), empty.getType(), sizes).getResult());
    empty.erase();
  }
  return clone;
}

void ChunkRowsPass::chunk(Pair &pair, int64_t limit) {
  ImplicitLocOpBuilder b(pair.first.getLoc(), pair.first);
  auto constant = [&](int64_t value) { return arith::ConstantIndexOp::create(b, value).getResult(); };
  Value input = pair.first->getOperand(getInputNumber(pair.first));
  int64_t rank = cast<MemRefType>(input.getType()).getRank() - 1;
  Value rows = constant(1);
  for (int64_t dim = 0; dim < rank; ++dim)
    rows = b.createOrFold<arith::MulIOp>(rows, b.createOrFold<memref::DimOp>(input, dim));
  // As many chunks as needed, of whole tiles, all of about one size.
  Value chunks = b.createOrFold<arith::CeilDivUIOp>(rows, constant(limit));
  chunks = b.createOrFold<arith::MinUIOp>(chunks, constant(maxChunks));
  chunks = b.createOrFold<arith::MaxUIOp>(chunks, constant(1));
  Value size = b.createOrFold<arith::CeilDivUIOp>(rows, chunks);
  size = b.createOrFold<arith::CeilDivUIOp>(size, constant(kTileRows));
  size = b.createOrFold<arith::MulIOp>(size, constant(kTileRows));
  size = b.createOrFold<arith::MinUIOp>(size, rows);

  int64_t width = getLinear(pair.first).getNumOutputs(),
          staticSize = getConstantIntValue(size).value_or(ShapedType::kDynamic);
  auto hiddenType = MemRefType::get({staticSize, width}, pair.hidden.getType().getElementType());
  auto hidden =
      memref::AllocOp::create(b, hiddenType, ShapedType::isDynamic(staticSize) ? ValueRange(size) : ValueRange(),
                              pair.hidden.getAlignmentAttr());
  std::optional<int64_t> staticRows = getConstantIntValue(rows);
  int64_t count = staticRows ? getConstantIntValue(chunks).value_or(maxChunks) : maxChunks;
  b.setInsertionPoint(pair.second);
  for (int64_t i = 0; i < count; ++i) {
    Value start = b.createOrFold<arith::MinUIOp>(b.createOrFold<arith::MulIOp>(size, constant(i)), rows);
    Value length = b.createOrFold<arith::MinUIOp>(b.createOrFold<arith::SubIOp>(rows, start), size);
    OpFoldResult from = getAsOpFoldResult(start), many = getAsOpFoldResult(length);
    // The same buffer for every chunk: its lines stay where they are.
    Value part = takeRows(b, hidden, b.getIndexAttr(0), many, rank);
    for (LaunchOp launch : {pair.first, pair.second}) {
      SmallVector<Value> operands(launch->getOperands());
      for (auto [number, operand] : llvm::enumerate(operands))
        if (operand == pair.hidden.getResult())
          operand = part;
        else if (std::optional<int64_t> inner = follows(launch, number))
          operand = takeRows(
              b,
              rank == 1 ? operand : memref::CollapseShapeOp::create(b, operand, getRowGroups(rank, *inner)).getResult(),
              from, many, rank);
      LaunchOp clone = cloneLaunch(b, launch, operands, getConstantIntValue(many).value_or(ShapedType::kDynamic));
      // All but the first have nothing to do unless there are many rows.
      clone->setAttr("et.rows", b.getDenseI64ArrayAttr({i == 0 ? 0 : kFewRows, limit}));
    }
  }
  remark::passed(pair.first.getLoc(), remark::RemarkOpts::name("Chunk").category(DEBUG_TYPE))
      << remark::reason("'{0}' and '{1}' run on chunks of up to {2} rows, whose hidden activations stay in L2",
                        pair.first.getKernel(), pair.second.getKernel(), limit);
  pair.first.erase();
  pair.second.erase();
  for (auto dim :
       llvm::map_to_vector(pair.hidden->getUsers(), [](Operation *user) { return dyn_cast<memref::DimOp>(user); })) {
    std::optional<int64_t> position = dim ? dim.getConstantIndex() : std::nullopt;
    if (!position)
      continue;
    OpBuilder builder(dim);
    OpFoldResult known = pair.hidden.getMixedSizes()[*position];
    dim.replaceAllUsesWith(getValueOrCreateConstantIndexOp(builder, dim.getLoc(), known));
    dim.erase();
  }
  if (pair.hidden->use_empty())
    pair.hidden.erase();
  ++numChunked;
}

void ChunkRowsPass::runOnOperation() {
  FailureOr<nvidia::SM> sm = nvidia::SM::get(getOperation(), chip);
  if (failed(sm))
    return signalPassFailure();
  if (maxChunks < 2 || l2Bytes < 1) {
    getOperation().emitError("expected max-chunks to be at least 2 and l2-bytes at least 1, but got ")
        << int64_t(maxChunks) << " and " << int64_t(l2Bytes);
    return signalPassFailure();
  }
  // Elsewhere schedules for many rows have not been measured against caches.
  if (!sm->hasWgmma)
    return;
  SmallVector<LaunchOp> launches;
  getOperation().walk([&](LaunchOp launch) { launches.push_back(launch); });
  DenseSet<Operation *> taken;
  for (LaunchOp launch : launches) {
    if (taken.contains(launch))
      continue;
    std::optional<Pair> pair = findPair(launch);
    if (!pair)
      continue;
    int64_t limit = getChunk(*pair, *sm);
    // With few rows for sure there is nothing to cut.
    auto type = cast<MemRefType>(launch->getOperand(getInputNumber(launch)).getType());
    if (limit == 0 || (type.hasStaticShape() && type.getNumElements() / type.getShape().back() <= limit))
      continue;
    if (std::optional<std::string> reason = whyNot(*pair)) {
      remark::missed(launch.getLoc(), remark::RemarkOpts::name("Chunk").category(DEBUG_TYPE))
          << remark::reason("'{0}' runs on all rows at once: {1}", launch.getKernel(), *reason)
          << remark::suggest("give the layers operands of their own");
      continue;
    }
    taken.insert(pair->second);
    chunk(*pair, limit);
  }
}
