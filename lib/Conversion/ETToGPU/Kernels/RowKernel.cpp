//===- RowKernel.cpp - Builder of norm kernels for GPUs -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A row is walked in pieces: piece c of thread t are the elements from
// (c * threads + t) * width on, one load of up to 16 bytes. All pieces of a row
// are requested before the first is used. A block is four warps with a row each,
// or, where a row does not fit into the registers of a warp, one row.
//
//===----------------------------------------------------------------------===//

#include "et/Conversion/ETToGPU/RowKernel.h"

#include "SIMT.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::et::gpu_kernels;

/// Elements of a row that a thread may hold in registers.
static constexpr int64_t kMaxElements = 32;
static constexpr int64_t kMaxThreads = 1024;
/// Warps of a block whose warps have a row each.
static constexpr int64_t kRowsPerBlock = 4;

namespace {
/// How the threads of a block share rows of `size` elements.
struct RowLayout {
  /// Elements of a load, threads of a row, pieces of a thread.
  int64_t width, threads, pieces;
  int64_t rowsPerBlock, blockThreads;
  /// Whether the last piece is not whole.
  bool hasTail;
};
} // namespace

/// The widest load that divides rows of \p size elements of \p type and all \p strides between them.
static int64_t getWidth(int64_t size, Type type, ArrayRef<int64_t> strides) {
  int64_t width = kVectorBytes * 8 / type.getIntOrFloatBitWidth();
  auto divides = [&](int64_t stride) { return !ShapedType::isDynamic(stride) && stride % width == 0; };
  while (width > 1 && (size % width != 0 || !llvm::all_of(strides, divides)))
    width /= 2;
  return width;
}

static RowLayout getLayout(int64_t size, int64_t width) {
  RowLayout layout;
  layout.width = width;
  layout.threads = kWarpSize;
  while (llvm::divideCeil(size, layout.threads * width) * width > kMaxElements && layout.threads < kMaxThreads)
    layout.threads *= 2;
  layout.pieces = llvm::divideCeil(size, layout.threads * width);
  layout.hasTail = size % (layout.threads * width) != 0;
  layout.rowsPerBlock = layout.threads == kWarpSize ? kRowsPerBlock : 1;
  layout.blockThreads = layout.rowsPerBlock * layout.threads;
  return layout;
}

std::optional<std::string> et::gpu_kernels::verifyNormSpec(const NormKernelSpec &spec) {
  for (Type type : {spec.elementType, spec.vectorType})
    if (type && !type.isF16() && !type.isBF16() && !type.isF32())
      return "expected elements of f16, bf16 or f32";
  if (spec.size > kMaxElements * kMaxThreads)
    return "expected rows of at most " + std::to_string(kMaxElements * kMaxThreads) + " elements, but got " +
           std::to_string(spec.size);
  return std::nullopt;
}

namespace {
/// Walks the pieces of one row.
class RowWalker {
public:
  RowWalker(SIMTKernel &kernel, const RowLayout &layout, int64_t size, Value thread)
      : kernel(kernel), layout(layout), size(size), thread(thread) {}

  /// First element of piece \p c.
  Value position(int64_t c) {
    return kernel.add(kernel.mul(thread, kernel.constant(layout.width)),
                      kernel.constant(c * layout.threads * layout.width));
  }

  /// Whether piece \p c is inside of the row; null when it always is.
  Value isInside(int64_t c) {
    if (!layout.hasTail || c + 1 < layout.pieces)
      return nullptr;
    return kernel.less(position(c), kernel.constant(size));
  }

  /// Piece \p c of the row that starts at element \p row of \p pointer (null: 0) as f32; zeros outside of the row.
  Value load(Type type, Value pointer, Value row, int64_t c) {
    int64_t bytes = layout.width * type.getIntOrFloatBitWidth() / 8;
    // Gamma may be wider than x: no load is wider than what its address is sure to be aligned to.
    auto loadPiece = [&] {
      Value offset = row ? kernel.add(row, position(c)) : position(c);
      return kernel.toF32(kernel.load(type, pointer, offset, layout.width, std::min(bytes, kVectorBytes)));
    };
    Value inside = isInside(c);
    if (!inside)
      return loadPiece();
    ImplicitLocOpBuilder &b = kernel.builder();
    auto guard = scf::IfOp::create(b, VectorType::get({layout.width}, b.getF32Type()), inside, /*withElseRegion=*/true);
    OpBuilder::InsertionGuard insertion(b);
    b.setInsertionPointToEnd(guard.thenBlock());
    scf::YieldOp::create(b, loadPiece());
    b.setInsertionPointToEnd(guard.elseBlock());
    scf::YieldOp::create(b, kernel.splat(0, layout.width));
    return guard.getResult(0);
  }

  /// Stores \p value, f32, as piece \p c of the row.
  void store(Value value, Type type, Value pointer, Value row, int64_t c) {
    auto storePiece = [&] {
      int64_t bytes = layout.width * type.getIntOrFloatBitWidth() / 8;
      kernel.store(kernel.fromF32(value, type), pointer, kernel.add(row, position(c)), std::min(bytes, kVectorBytes));
    };
    if (Value inside = isInside(c))
      kernel.when(inside, storePiece);
    else
      storePiece();
  }

private:
  SIMTKernel &kernel;
  const RowLayout &layout;
  int64_t size;
  Value thread;
};
} // namespace

BuiltKernel et::gpu_kernels::buildNormKernel(OpBuilder &builder, Location loc, StringRef name,
                                             const NormKernelSpec &spec) {
  SmallVector<int64_t> strides{spec.xStride, spec.yStride};
  if (spec.hasResidual)
    strides.push_back(spec.residualStride);
  if (spec.hasSum)
    strides.push_back(spec.sumStride);
  RowLayout layout = getLayout(spec.size, getWidth(spec.size, spec.elementType, strides));

  // Arguments: the operands in their order, the number of rows, the dynamic strides.
  BuiltKernel built;
  AffineExpr zero = builder.getAffineConstantExpr(0), rows = builder.getAffineSymbolExpr(0);
  built.threads = layout.blockThreads;
  built.programmatic = spec.programmatic;
  built.grid = {rows.ceilDiv(layout.rowsPerBlock), builder.getAffineConstantExpr(1), builder.getAffineConstantExpr(1)};
  unsigned numOperands = 0;
  auto addOperand = [&](bool present) -> std::optional<unsigned> {
    if (!present)
      return std::nullopt;
    built.addPointer(numOperands, zero);
    return numOperands++;
  };
  std::optional<unsigned> x = addOperand(true), gamma = addOperand(spec.hasGamma), beta = addOperand(spec.hasBeta);
  std::optional<unsigned> residual = addOperand(spec.hasResidual), y = addOperand(true), sum = addOperand(spec.hasSum);
  built.addI32(rows);
  unsigned numSymbols = 1;
  auto addStride = [&](std::optional<unsigned> operand, int64_t stride) -> std::optional<unsigned> {
    if (!operand || !ShapedType::isDynamic(stride))
      return std::nullopt;
    built.addI32(builder.getAffineSymbolExpr(numSymbols++));
    return built.arguments.size() - 1;
  };
  std::optional<unsigned> xStride = addStride(x, spec.xStride);
  std::optional<unsigned> residualStride = addStride(residual, spec.residualStride);
  std::optional<unsigned> yStride = addStride(y, spec.yStride), sumStride = addStride(sum, spec.sumStride);

  SIMTKernel kernel(builder, loc, name, built);
  ImplicitLocOpBuilder &b = kernel.builder();
  Value scratch = layout.threads == kWarpSize ? Value() : kernel.allocateShared("sums", layout.threads / kWarpSize);
  kernel.letSuccessorsStart();
  Value thread = kernel.threadId(), block = kernel.blockId();
  Value row = block;
  if (layout.rowsPerBlock > 1) {
    row = kernel.add(kernel.mul(block, kernel.constant(layout.rowsPerBlock)),
                     kernel.div(thread, kernel.constant(kWarpSize)));
    thread = kernel.rem(thread, kernel.constant(kWarpSize));
  }
  auto startOf = [&](int64_t stride, std::optional<unsigned> argument) {
    return kernel.mul(row, argument ? kernel.size(*argument) : kernel.constant(stride));
  };

  auto emitRow = [&] {
    RowWalker walker(kernel, layout, spec.size, thread);
    // Weights may be read before what is in front has finished.
    if (!spec.constantVectors)
      kernel.waitForPredecessors();
    SmallVector<Value> gammas, betas, values;
    for (int64_t c = 0; c < layout.pieces; ++c) {
      if (gamma)
        gammas.push_back(walker.load(spec.vectorType, kernel.argument(*gamma), nullptr, c));
      if (beta)
        betas.push_back(walker.load(spec.vectorType, kernel.argument(*beta), nullptr, c));
    }
    if (spec.constantVectors)
      kernel.waitForPredecessors();
    Value xRow = startOf(spec.xStride, xStride);
    for (int64_t c = 0; c < layout.pieces; ++c)
      values.push_back(walker.load(spec.elementType, kernel.argument(*x), xRow, c));
    if (residual) {
      Value residualRow = startOf(spec.residualStride, residualStride);
      for (int64_t c = 0; c < layout.pieces; ++c) {
        Value other = walker.load(spec.elementType, kernel.argument(*residual), residualRow, c);
        values[c] = arith::AddFOp::create(b, values[c], other);
      }
    }
    if (sum) {
      Value sumRow = startOf(spec.sumStride, sumStride);
      for (int64_t c = 0; c < layout.pieces; ++c)
        walker.store(values[c], spec.elementType, kernel.argument(*sum), sumRow, c);
    }
    auto sumOf = [&](ArrayRef<Value> pieces) {
      Value total = pieces.front();
      for (Value piece : pieces.drop_front())
        total = arith::AddFOp::create(b, total, piece);
      return kernel.sumOverThreads(kernel.sumOfElements(total), layout.threads, scratch);
    };
    auto spread = [&](Value scalar) {
      auto type = VectorType::get({layout.width}, b.getF32Type());
      Value vector = LLVM::PoisonOp::create(b, type);
      for (int64_t i = 0; i < layout.width; ++i)
        vector = LLVM::InsertElementOp::create(b, vector, scalar, kernel.constant32(i));
      return vector;
    };
    Value scale = kernel.splat(1.0 / spec.size, 0);
    // The variance is that of the differences from the mean: no cancellation.
    if (!spec.rms) {
      Value mean = spread(arith::MulFOp::create(b, sumOf(values), scale));
      for (int64_t c = 0; c < layout.pieces; ++c) {
        Value difference = arith::SubFOp::create(b, values[c], mean);
        if (Value inside = walker.isInside(c))
          difference = arith::SelectOp::create(b, inside, difference, kernel.splat(0, layout.width));
        values[c] = difference;
      }
    }
    SmallVector<Value> squares;
    for (Value value : values)
      squares.push_back(arith::MulFOp::create(b, value, value));
    Value variance = arith::MulFOp::create(b, sumOf(squares), scale);
    Value deviation = math::SqrtOp::create(b, arith::AddFOp::create(b, variance, kernel.splat(spec.eps, 0)));
    Value factor = spread(arith::DivFOp::create(b, kernel.splat(1, 0), deviation));
    Value yRow = startOf(spec.yStride, yStride);
    for (int64_t c = 0; c < layout.pieces; ++c) {
      Value result = arith::MulFOp::create(b, values[c], factor);
      if (gamma)
        result = arith::MulFOp::create(b, result, gammas[c]);
      if (beta)
        result = arith::AddFOp::create(b, result, betas[c]);
      walker.store(result, spec.elementType, kernel.argument(*y), yRow, c);
    }
  };
  // Every row of a grid of one row per block exists.
  if (layout.rowsPerBlock == 1)
    emitRow();
  else
    kernel.when(kernel.less(row, kernel.size(numOperands)), emitRow);
  kernel.finish();
  return built;
}
