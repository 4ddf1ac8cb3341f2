//===- LaunchWork.cpp - What a launch moves and computes at least -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// For profiles: the bytes of a launch's operands, each once, and the operations of
// its product. Both are arithmetic on sizes in front of the launch.
//
//===----------------------------------------------------------------------===//

#include "et/Conversion/ETToCPU/LaunchWork.h"

#include "et/Conversion/ETToCPU/LaunchRows.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

using namespace mlir;
using namespace mlir::et;

namespace {
/// Arithmetic on sizes, folded where they are static.
class SizeEmitter {
public:
  explicit SizeEmitter(ImplicitLocOpBuilder &b) : b(b) {}

  Value constant(int64_t value) { return arith::ConstantIndexOp::create(b, value); }
  Value add(Value lhs, Value rhs) { return b.createOrFold<arith::AddIOp>(lhs, rhs); }
  Value sub(Value lhs, Value rhs) { return b.createOrFold<arith::SubIOp>(lhs, rhs); }
  Value mul(Value lhs, Value rhs) { return b.createOrFold<arith::MulIOp>(lhs, rhs); }
  Value min(Value lhs, Value rhs) { return b.createOrFold<arith::MinUIOp>(lhs, rhs); }
  Value half(Value value) { return b.createOrFold<arith::DivUIOp>(value, constant(2)); }

  Value getDim(Value memref, int64_t dim) {
    auto type = cast<MemRefType>(memref.getType());
    if (!type.isDynamicDim(dim))
      return constant(type.getDimSize(dim));
    return memref::DimOp::create(b, memref, dim);
  }

  /// Product of the first \p numDims sizes of \p memref, times \p factor.
  Value getProduct(Value memref, int64_t numDims, int64_t factor) {
    auto type = cast<MemRefType>(memref.getType());
    Value product;
    for (int64_t dim = 0; dim < numDims; ++dim) {
      if (!type.isDynamicDim(dim))
        factor *= type.getDimSize(dim);
      else
        product = product ? mul(product, getDim(memref, dim)) : getDim(memref, dim);
    }
    return product ? mul(product, constant(factor)) : constant(factor);
  }

  Value getBytes(Value memref) {
    auto type = cast<MemRefType>(memref.getType());
    // Booleans are a byte each.
    Type element = type.getElementType();
    int64_t bits = element.isIndex() ? 64 : std::max(8u, element.getIntOrFloatBitWidth());
    return getProduct(memref, type.getRank(), bits / 8);
  }

private:
  ImplicitLocOpBuilder &b;
};
} // namespace

static Value getOperand(LaunchOp launch, Value tensor) {
  auto argument = dyn_cast<BlockArgument>(tensor);
  return argument ? launch->getOperand(argument.getArgNumber()) : Value();
}

/// Multiply-adds of \p linear per row: of a sparse weight, those of the columns or units that its storage has.
static int64_t getNumProducts(LaunchOp launch, LinearOp linear) {
  RankedTensorType type = linear.getWeight().getType();
  auto tile = dyn_cast_or_null<TileAttr>(type.getEncoding());
  Value operand = getOperand(launch, linear.getWeight());
  auto storage = operand ? dyn_cast<MemRefType>(operand.getType()) : MemRefType();
  if (!tile || !storage || !storage.getElementType().isInteger(8) || !storage.hasStaticShape())
    return linear.getNumOutputs() * linear.getNumInputs();
  // Tensor cores read strips, whose units do not differ in size.
  if (launch.getScheduleAttr() && launch.getScheduleAttr().contains("chip")) {
    StripsLayout layout{type.getDimSize(0), type.getDimSize(1), tile.getRows(), 0};
    return (storage.getNumElements() - layout.unitsOffset()) / layout.unitBytes() * layout.unitBytes() / 2;
  }
  return SparsePanelsAttr::getKeptOfStorage(type, tile.getRows(), storage.getNumElements()) * tile.getRows();
}

static Value emitBytes(SizeEmitter &emitter, LaunchOp launch, Operation *root) {
  Value bytes = emitter.constant(0);
  llvm::SmallPtrSet<Value, 8> read;
  for (auto [i, operand] : llvm::enumerate(launch->getOperands())) {
    bool isInput = i < launch.getInputs().size();
    if (!isa<MemRefType>(operand.getType()) || (isInput && !read.insert(operand).second))
      continue;
    Value counted = operand;
    // Of the table, the rows that are looked up: as many as the result has.
    if (auto embedding = dyn_cast_or_null<EmbeddingOp>(root);
        embedding && getOperand(launch, embedding.getTable()) == operand)
      counted = launch.getOutputs().front();
    bytes = emitter.add(bytes, emitter.getBytes(counted));
  }
  return bytes;
}

/// Pairs of query and key that the mask's structure leaves, of \p m queries and \p n keys.
static Value emitPairs(SizeEmitter &emitter, MaskAttr structure, Value m, Value n) {
  Value all = emitter.mul(m, n);
  Value one = emitter.constant(1);
  switch (structure.getKind()) {
  case MaskKind::None:
    return all;
  case MaskKind::Causal: {
    // A triangle, and a rectangle behind it: of rows, or with the diagonal at the end, of columns.
    Value side = emitter.min(m, n);
    Value triangle = emitter.half(emitter.mul(side, emitter.add(side, one)));
    Value rest =
        structure.getLowerRight() ? emitter.mul(emitter.sub(n, side), m) : emitter.mul(emitter.sub(m, side), n);
    return emitter.add(triangle, rest);
  }
  case MaskKind::Window: {
    if (structure.getLeft() < 0 || structure.getRight() < 0)
      return all;
    // But for the corners, and with global keys on top where they are bounded.
    Value width = emitter.min(n, emitter.constant(structure.getLeft() + structure.getRight() + 1));
    Value global = emitter.min(n, emitter.constant(std::max<int64_t>(structure.getGlobal(), 0)));
    Value rows = emitter.mul(m, emitter.min(n, emitter.add(width, global)));
    return emitter.min(all, emitter.add(rows, emitter.mul(emitter.min(m, global), n)));
  }
  }
  llvm_unreachable("unknown kind of mask");
}

/// Null when nobody can say.
static Value emitAttentionFlops(SizeEmitter &emitter, LaunchOp launch, AttentionOp op) {
  // What else there may be (offsets of sequences) says which pairs there are when the program runs only.
  if (op->getNumOperands() > 3u + bool(op.getMask()) + bool(op.getLengths()))
    return Value();
  SmallVector<Value> sizes(op.getNumDomainDims());
  auto read = [&](AffineMap map, Value memref) {
    if (memref)
      for (auto [position, expr] : llvm::enumerate(map.getResults()))
        if (auto dim = dyn_cast<AffineDimExpr>(expr); dim && !sizes[dim.getPosition()])
          sizes[dim.getPosition()] = emitter.getDim(memref, position);
  };
  read(op.getResultMap(), launch.getOutputs().front());
  read(op.getQueryMap(), getOperand(launch, op.getQuery()));
  read(op.getKeyMap(), getOperand(launch, op.getKey()));
  if (!llvm::all_of(sizes, [](Value size) { return bool(size); }))
    return Value();
  Value flops = emitPairs(emitter, op.getStructure(), sizes[op.getMDim()], sizes[op.getNDim()]);
  for (unsigned dim = 0; dim < op.getNumBatchDims(); ++dim)
    flops = emitter.mul(flops, sizes[dim]);
  Value perPair = emitter.add(sizes[op.getKDim()], sizes[op.getVDim()]);
  return emitter.mul(flops, emitter.mul(perPair, emitter.constant(2)));
}

void cpu::emitLaunchWork(ImplicitLocOpBuilder &b, LaunchOp launch) {
  SizeEmitter emitter(b);
  Operation *root = cpu::getRoot(launch);
  Value bytes = emitBytes(emitter, launch, root), flops;
  auto isSmall = [](Value value) {
    Type element = getElementTypeOrSelf(value.getType());
    return element.isF16() || element.isBF16();
  };
  bool tensor = false;
  if (auto linear = dyn_cast_or_null<LinearOp>(root)) {
    Value x = getOperand(launch, linear.getInput());
    int64_t perRow = 2 * getNumProducts(launch, linear);
    flops = emitter.getProduct(x, cast<MemRefType>(x.getType()).getRank() - 1, perRow);
    tensor = isSmall(linear.getInput()) && isSmall(linear.getWeight());
  } else if (auto attention = dyn_cast_or_null<AttentionOp>(root)) {
    flops = emitAttentionFlops(emitter, launch, attention);
    tensor = isSmall(attention.getQuery());
  } else if (!isa_and_nonnull<linalg::LinalgOp>(root) || cast<linalg::LinalgOp>(root).getNumReductionLoops() == 0) {
    // No products. Reductions may be some: they are not counted.
    flops = emitter.constant(0);
  }
  WorkOp::create(b, bytes, flops, tensor);
}
