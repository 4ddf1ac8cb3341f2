//===- NormKernel.cpp - Builders of norm and embedding kernels -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "et/Conversion/ETToCPU/NormKernel.h"

#include "et/Conversion/ETToCPU/HalfFloat.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::cpu;

namespace {
/// Emits loops over the vectors of a row.
class RowEmitter {
public:
  RowEmitter(ImplicitLocOpBuilder &b, int64_t size, const ISA &isa)
      : b(b), size(size), isa(isa), lanes(isa.vectorLanes(b.getF32Type())),
        vectorType(VectorType::get({lanes}, b.getF32Type())) {}

  /// Calls \p emit for each vector of the row: the column of its first lane, how many lanes are inside (at most all of
  /// them), and which of kUnroll running values it adds to. \p sums holds these values, and is updated.
  using EmitFn = function_ref<Value(Value column, int64_t valid, Value running)>;
  void forEach(SmallVectorImpl<Value> &sums, EmitFn emit);

  /// Sum of all lanes of all \p sums.
  Value reduce(ArrayRef<Value> sums);

  Value load(Value memref, ValueRange indices, int64_t valid);
  void store(Value value, Value memref, ValueRange indices, int64_t valid);
  Value splat(Value scalar) { return vector::BroadcastOp::create(b, vectorType, scalar); }
  Value constant(float value) {
    return arith::ConstantOp::create(b, SplatElementsAttr::get(vectorType, value)).getResult();
  }
  SmallVector<Value> zeros() { return SmallVector<Value>(kUnroll, constant(0)); }

  /// Independent sums, so that additions do not wait for each other.
  static constexpr int64_t kUnroll = 4;

private:
  Value mask(int64_t valid) {
    return vector::ConstantMaskOp::create(b, VectorType::get({lanes}, b.getI1Type()), ArrayRef<int64_t>{valid});
  }

  ImplicitLocOpBuilder &b;
  int64_t size;
  const ISA &isa;
  int64_t lanes;
  VectorType vectorType;
};
} // namespace

void RowEmitter::forEach(SmallVectorImpl<Value> &sums, EmitFn emit) {
  int64_t step = kUnroll * lanes, unrolled = size / step * step;
  auto index = [&](int64_t value) { return arith::ConstantIndexOp::create(b, value).getResult(); };
  if (unrolled > 0) {
    auto loop = scf::ForOp::create(b, index(0), index(unrolled), index(step), sums);
    {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(loop.getBody());
      SmallVector<Value> next(loop.getRegionIterArgs());
      for (int64_t i = 0; i < kUnroll; ++i) {
        Value column = arith::AddIOp::create(b, loop.getInductionVar(), index(i * lanes));
        Value result = emit(column, lanes, next.empty() ? Value() : next[i]);
        if (!next.empty())
          next[i] = result;
      }
      if (!next.empty())
        scf::YieldOp::create(b, next);
    }
    sums.assign(loop.getResults().begin(), loop.getResults().end());
  }
  for (int64_t column = unrolled, i = 0; column < size; column += lanes, ++i) {
    Value result = emit(index(column), std::min(lanes, size - column), sums.empty() ? Value() : sums[i]);
    if (!sums.empty())
      sums[i] = result;
  }
}

Value RowEmitter::reduce(ArrayRef<Value> sums) {
  SmallVector<Value> level(sums);
  while (level.size() > 1) {
    for (size_t i = 0; i < level.size() / 2; ++i)
      level[i] = arith::AddFOp::create(b, level[2 * i], level[2 * i + 1]);
    level.resize(level.size() / 2);
  }
  // Halves are added lane by lane: log2(lanes) steps, and better rounding than one lane after the other.
  Value value = level[0];
  for (int64_t width = lanes / 2; width >= 1; width /= 2) {
    SmallVector<int64_t> low = llvm::to_vector(llvm::seq<int64_t>(0, width));
    SmallVector<int64_t> high = llvm::to_vector(llvm::seq<int64_t>(width, 2 * width));
    value = arith::AddFOp::create(b, vector::ShuffleOp::create(b, value, value, low),
                                  vector::ShuffleOp::create(b, value, value, high));
  }
  return vector::ExtractOp::create(b, value, ArrayRef<int64_t>{0});
}

Value RowEmitter::load(Value memref, ValueRange indices, int64_t valid) {
  Type element = cast<MemRefType>(memref.getType()).getElementType();
  auto type = VectorType::get({lanes}, element);
  Value value;
  if (valid == lanes) {
    value = vector::LoadOp::create(b, type, memref, indices);
  } else {
    Value zero = arith::ConstantOp::create(b, b.getZeroAttr(type));
    value = vector::MaskedLoadOp::create(b, type, memref, indices, mask(valid), zero);
  }
  return extendToF32(b, b.getLoc(), value, isa);
}

void RowEmitter::store(Value value, Value memref, ValueRange indices, int64_t valid) {
  value = truncateFromF32(b, b.getLoc(), value, cast<MemRefType>(memref.getType()).getElementType(), isa);
  if (valid == lanes)
    vector::StoreOp::create(b, value, memref, indices);
  else
    vector::MaskedStoreOp::create(b, memref, indices, mask(valid), value);
}

//===----------------------------------------------------------------------===//
// Norms
//===----------------------------------------------------------------------===//

/// a * c + d, fused where the target can.
static Value multiplyAdd(ImplicitLocOpBuilder &b, Value a, Value c, Value d, const ISA &isa) {
  if (isa.fma)
    return math::FmaOp::create(b, a, c, d);
  return arith::AddFOp::create(b, arith::MulFOp::create(b, a, c), d);
}

void cpu::emitNormRows(OpBuilder &builder, Location loc, const NormRowsSpec &spec, Value begin, Value end,
                       const NormOperands &operands, const ISA &isa) {
  ImplicitLocOpBuilder b(loc, builder);
  Value one = arith::ConstantIndexOp::create(b, 1);
  auto rows = scf::ForOp::create(b, begin, end, one);
  b.setInsertionPointToStart(rows.getBody());
  Value row = rows.getInductionVar();
  RowEmitter emitter(b, spec.size, isa);
  auto loadSum = [&](Value column, int64_t valid) {
    Value value = emitter.load(operands.x, {row, column}, valid);
    if (operands.residual)
      value = arith::AddFOp::create(b, value, emitter.load(operands.residual, {row, column}, valid));
    return value;
  };
  Value size = arith::ConstantOp::create(b, b.getF32FloatAttr(static_cast<float>(spec.size)));

  Value mean;
  if (!spec.rms) {
    SmallVector<Value> sums = emitter.zeros();
    emitter.forEach(sums, [&](Value column, int64_t valid, Value running) {
      return arith::AddFOp::create(b, running, loadSum(column, valid)).getResult();
    });
    mean = emitter.splat(arith::DivFOp::create(b, emitter.reduce(sums), size));
  }
  int64_t lanes = isa.vectorLanes(b.getF32Type());
  SmallVector<Value> squares = emitter.zeros();
  emitter.forEach(squares, [&](Value column, int64_t valid, Value running) {
    Value value = loadSum(column, valid);
    if (mean) {
      value = arith::SubFOp::create(b, value, mean);
      if (valid != lanes) {
        // Lanes outside of the row are not -mean but nothing.
        Value inside =
            vector::ConstantMaskOp::create(b, VectorType::get({lanes}, b.getI1Type()), ArrayRef<int64_t>{valid});
        value = arith::SelectOp::create(b, inside, value, emitter.constant(0));
      }
    }
    return multiplyAdd(b, value, value, running, isa);
  });
  Value variance = arith::DivFOp::create(b, emitter.reduce(squares), size);
  Value eps = arith::ConstantOp::create(b, b.getF32FloatAttr(spec.eps));
  Value deviation = math::SqrtOp::create(b, arith::AddFOp::create(b, variance, eps));
  Value unit = arith::ConstantOp::create(b, b.getF32FloatAttr(1.0f));
  Value scale = emitter.splat(arith::DivFOp::create(b, unit, deviation));

  SmallVector<Value> none;
  emitter.forEach(none, [&](Value column, int64_t valid, Value) {
    Value value = loadSum(column, valid);
    if (operands.sum)
      emitter.store(value, operands.sum, {row, column}, valid);
    if (mean)
      value = arith::SubFOp::create(b, value, mean);
    value = arith::MulFOp::create(b, value, scale);
    Value gamma = operands.gamma ? emitter.load(operands.gamma, {column}, valid) : Value();
    Value beta = operands.beta ? emitter.load(operands.beta, {column}, valid) : Value();
    if (gamma && beta)
      value = multiplyAdd(b, value, gamma, beta, isa);
    else if (gamma)
      value = arith::MulFOp::create(b, value, gamma);
    else if (beta)
      value = arith::AddFOp::create(b, value, beta);
    emitter.store(value, operands.y, {row, column}, valid);
    return Value();
  });
  builder.setInsertionPointAfter(rows);
}

/// First and last row of thread \p tid of \p nth.
static std::pair<Value, Value> shareRows(ImplicitLocOpBuilder &b, Value memref, Value tid, Value nth) {
  Value rows = memref::DimOp::create(b, memref, 0);
  Value next = arith::AddIOp::create(b, tid, arith::ConstantIndexOp::create(b, 1));
  auto bound = [&](Value thread) {
    return arith::DivUIOp::create(b, arith::MulIOp::create(b, rows, thread), nth).getResult();
  };
  return {bound(tid), bound(next)};
}

/// memref<?xsizeT> with rows of any distance.
static MemRefType getRowsType(OpBuilder &builder, int64_t size, Type elementType) {
  auto layout = StridedLayoutAttr::get(builder.getContext(), ShapedType::kDynamic, {ShapedType::kDynamic, 1});
  return MemRefType::get({ShapedType::kDynamic, size}, elementType, layout);
}

func::FuncOp cpu::buildNormKernel(OpBuilder &builder, Location loc, StringRef name, const NormKernelSpec &spec,
                                  const ISA &isa) {
  MemRefType rowsType = getRowsType(builder, spec.rows.size, spec.elementType);
  auto vectorType = MemRefType::get({spec.rows.size}, spec.vectorType ? spec.vectorType : spec.elementType);
  SmallVector<Type> types{builder.getIndexType(), builder.getIndexType(), rowsType};
  if (spec.hasGamma)
    types.push_back(vectorType);
  if (spec.hasBeta)
    types.push_back(vectorType);
  if (spec.hasResidual)
    types.push_back(rowsType);
  types.push_back(rowsType);
  if (spec.hasSum)
    types.push_back(rowsType);
  auto function = func::FuncOp::create(builder, loc, name, builder.getFunctionType(types, {}));
  Block *entry = function.addEntryBlock();
  ImplicitLocOpBuilder b(loc, OpBuilder::atBlockBegin(entry));
  unsigned next = 2;
  auto take = [&](bool has) { return has ? Value(entry->getArgument(next++)) : Value(); };
  NormOperands operands;
  operands.x = take(true);
  operands.gamma = take(spec.hasGamma);
  operands.beta = take(spec.hasBeta);
  operands.residual = take(spec.hasResidual);
  operands.y = take(true);
  operands.sum = take(spec.hasSum);
  auto [begin, end] = shareRows(b, operands.x, entry->getArgument(0), entry->getArgument(1));
  emitNormRows(b, loc, spec.rows, begin, end, operands, isa);
  func::ReturnOp::create(b);
  return function;
}

//===----------------------------------------------------------------------===//
// Embedding
//===----------------------------------------------------------------------===//

func::FuncOp cpu::buildEmbeddingKernel(OpBuilder &builder, Location loc, StringRef name,
                                       const EmbeddingKernelSpec &spec, const ISA &isa) {
  Type types[] = {builder.getIndexType(),
                  builder.getIndexType(),
                  MemRefType::get({ShapedType::kDynamic}, spec.idType),
                  MemRefType::get({spec.tableRows, spec.size}, spec.elementType),
                  MemRefType::get({ShapedType::kDynamic, spec.size}, spec.elementType),
                  MemRefType::get({2}, builder.getI64Type())};
  auto function = func::FuncOp::create(builder, loc, name, builder.getFunctionType(types, {}));
  Block *entry = function.addEntryBlock();
  ImplicitLocOpBuilder b(loc, OpBuilder::atBlockBegin(entry));
  Value ids = entry->getArgument(2), table = entry->getArgument(3), y = entry->getArgument(4);
  Value status = entry->getArgument(5);
  auto [begin, end] = shareRows(b, ids, entry->getArgument(0), entry->getArgument(1));
  Value zero = arith::ConstantIndexOp::create(b, 0), one = arith::ConstantIndexOp::create(b, 1);
  auto loop = scf::ForOp::create(b, begin, end, one);
  b.setInsertionPointToStart(loop.getBody());
  Value id = memref::LoadOp::create(b, ids, loop.getInductionVar());
  Value position = arith::IndexCastOp::create(b, b.getIndexType(), id);
  Value numRows = arith::ConstantIndexOp::create(b, spec.tableRows);
  // Unsigned, so that negative ids are out of range too.
  Value outside = arith::CmpIOp::create(b, arith::CmpIPredicate::uge, position, numRows);
  auto report = scf::IfOp::create(b, outside);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(report.thenBlock());
    Value code = arith::ConstantIntOp::create(b, 1, 64);
    memref::StoreOp::create(b, arith::IndexCastOp::create(b, b.getI64Type(), position), status, one);
    memref::StoreOp::create(b, code, status, zero);
  }
  Value safe = arith::SelectOp::create(b, outside, zero, position);
  // A copy: in the type of the elements, so that nothing is converted.
  int64_t lanes = isa.vectorBits / spec.elementType.getIntOrFloatBitWidth();
  auto type = VectorType::get({lanes}, spec.elementType);
  int64_t whole = spec.size / lanes * lanes;
  if (whole > 0) {
    auto columns =
        scf::ForOp::create(b, zero, arith::ConstantIndexOp::create(b, whole), arith::ConstantIndexOp::create(b, lanes));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(columns.getBody());
    Value column = columns.getInductionVar();
    Value value = vector::LoadOp::create(b, type, table, ValueRange{safe, column});
    vector::StoreOp::create(b, value, y, ValueRange{loop.getInductionVar(), column});
  }
  for (int64_t i = whole; i < spec.size; ++i) {
    Value column = arith::ConstantIndexOp::create(b, i);
    Value value = memref::LoadOp::create(b, table, ValueRange{safe, column});
    memref::StoreOp::create(b, value, y, ValueRange{loop.getInductionVar(), column});
  }
  b.setInsertionPointToEnd(entry);
  func::ReturnOp::create(b);
  return function;
}
