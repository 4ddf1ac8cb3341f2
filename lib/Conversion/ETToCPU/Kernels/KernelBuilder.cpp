//===- KernelBuilder.cpp - Shorthands for writing CPU kernels -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Partial vectors: AVX-512 masks every element type and AVX2 masks 32 and 64
// bits. Elsewhere a count known at compile time is split into powers of two, and
// a count known at run time goes element by element through a small buffer,
// because LLVM would expand a masked access into one branch per lane.
//
//===----------------------------------------------------------------------===//

#include "KernelBuilder.h"

#include "et/Conversion/ETToCPU/HalfFloat.h"

using namespace mlir;
using namespace mlir::et::cpu;

//===----------------------------------------------------------------------===//
// Index arithmetic
//===----------------------------------------------------------------------===//

Value KernelBuilder::idx(int64_t value) { return arith::ConstantIndexOp::create(*this, getLoc(), value); }
Value KernelBuilder::add(Value lhs, Value rhs) { return arith::AddIOp::create(*this, getLoc(), lhs, rhs); }
Value KernelBuilder::sub(Value lhs, Value rhs) { return arith::SubIOp::create(*this, getLoc(), lhs, rhs); }
Value KernelBuilder::mul(Value lhs, Value rhs) { return arith::MulIOp::create(*this, getLoc(), lhs, rhs); }
Value KernelBuilder::div(Value lhs, Value rhs) { return arith::DivUIOp::create(*this, getLoc(), lhs, rhs); }
Value KernelBuilder::rem(Value lhs, Value rhs) { return arith::RemUIOp::create(*this, getLoc(), lhs, rhs); }
Value KernelBuilder::ceilDiv(Value lhs, Value rhs) { return div(add(lhs, sub(rhs, idx(1))), rhs); }
Value KernelBuilder::min(Value lhs, Value rhs) { return arith::MinSIOp::create(*this, getLoc(), lhs, rhs); }
Value KernelBuilder::max(Value lhs, Value rhs) { return arith::MaxSIOp::create(*this, getLoc(), lhs, rhs); }
Value KernelBuilder::lt(Value lhs, Value rhs) {
  return arith::CmpIOp::create(*this, getLoc(), arith::CmpIPredicate::slt, lhs, rhs);
}
Value KernelBuilder::le(Value lhs, Value rhs) {
  return arith::CmpIOp::create(*this, getLoc(), arith::CmpIPredicate::sle, lhs, rhs);
}
Value KernelBuilder::eq(Value lhs, Value rhs) {
  return arith::CmpIOp::create(*this, getLoc(), arith::CmpIPredicate::eq, lhs, rhs);
}
Value KernelBuilder::land(Value lhs, Value rhs) { return arith::AndIOp::create(*this, getLoc(), lhs, rhs); }
Value KernelBuilder::lor(Value lhs, Value rhs) { return arith::OrIOp::create(*this, getLoc(), lhs, rhs); }
Value KernelBuilder::select(Value cond, Value ifTrue, Value ifFalse) {
  return arith::SelectOp::create(*this, getLoc(), cond, ifTrue, ifFalse);
}

//===----------------------------------------------------------------------===//
// Control flow
//===----------------------------------------------------------------------===//

/// Loops are emitted as they should run. LLVM would unroll the hot ones to no use
/// and vectorise the loops over leftovers, which doubles the time to compile. The
/// attribute reaches the branch of the loop under this name.
LLVM::LoopAnnotationAttr KernelBuilder::getLoopAnnotation() {
  MLIRContext *context = getContext();
  auto off = getBoolAttr(true);
  auto vectorize = LLVM::LoopVectorizeAttr::get(context, /*disable=*/off, {}, {}, {}, {}, {}, {});
  auto unroll = LLVM::LoopUnrollAttr::get(context, /*disable=*/off, {}, {}, {}, {}, {}, {});
  return LLVM::LoopAnnotationAttr::get(context, {}, vectorize, {}, unroll, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {});
}

SmallVector<Value> KernelBuilder::loop(Value lb, Value ub, Value step, ValueRange init, LoopBody body) {
  auto op = scf::ForOp::create(*this, getLoc(), lb, ub, step, init);
  op->setAttr("loop_annotation", getLoopAnnotation());
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(op.getBody());
  SmallVector<Value> next = body(op.getInductionVar(), op.getRegionIterArgs());
  if (!init.empty())
    scf::YieldOp::create(*this, getLoc(), next);
  return SmallVector<Value>(op.getResults());
}

void KernelBuilder::loop(Value lb, Value ub, Value step, llvm::function_ref<void(Value)> body) {
  loop(lb, ub, step, ValueRange(), [&](Value iv, ValueRange) {
    body(iv);
    return SmallVector<Value>();
  });
}

SmallVector<Value> KernelBuilder::ifElse(Value cond, TypeRange results, Branch then, Branch otherwise) {
  auto op = scf::IfOp::create(*this, getLoc(), results, cond,
                              /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(*this);
  auto fill = [&](Block *block, Branch branch) {
    setInsertionPointToStart(block);
    SmallVector<Value> values = branch();
    if (!results.empty())
      scf::YieldOp::create(*this, getLoc(), values);
  };
  fill(op.thenBlock(), then);
  fill(op.elseBlock(), otherwise);
  return SmallVector<Value>(op.getResults());
}

void KernelBuilder::ifThen(Value cond, llvm::function_ref<void()> then) {
  auto op = scf::IfOp::create(*this, getLoc(), cond, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(op.thenBlock());
  then();
}

//===----------------------------------------------------------------------===//
// Vectors of f32
//===----------------------------------------------------------------------===//

Value KernelBuilder::constF32(double value, Type type) {
  FloatAttr scalar = getF32FloatAttr(static_cast<float>(value));
  TypedAttr attr = scalar;
  if (auto vector = dyn_cast<VectorType>(type))
    attr = DenseElementsAttr::get(vector, scalar);
  return arith::ConstantOp::create(*this, getLoc(), attr);
}

Value KernelBuilder::broadcast(Value scalar) {
  return vector::BroadcastOp::create(*this, getLoc(), vecType(scalar.getType()), scalar);
}
Value KernelBuilder::addf(Value lhs, Value rhs) { return arith::AddFOp::create(*this, getLoc(), lhs, rhs); }
Value KernelBuilder::subf(Value lhs, Value rhs) { return arith::SubFOp::create(*this, getLoc(), lhs, rhs); }
Value KernelBuilder::mulf(Value lhs, Value rhs) { return arith::MulFOp::create(*this, getLoc(), lhs, rhs); }
Value KernelBuilder::divf(Value lhs, Value rhs) { return arith::DivFOp::create(*this, getLoc(), lhs, rhs); }

Value KernelBuilder::fma(Value a, Value b, Value c) {
  if (isa.fma)
    return vector::FMAOp::create(*this, getLoc(), a, b, c);
  return addf(mulf(a, b), c);
}

Value KernelBuilder::maxf(Value a, Value b) {
  Value greater = arith::CmpFOp::create(*this, getLoc(), arith::CmpFPredicate::OGT, a, b);
  return select(greater, a, b);
}

Value KernelBuilder::minf(Value a, Value b) {
  Value less = arith::CmpFOp::create(*this, getLoc(), arith::CmpFPredicate::OLT, a, b);
  return select(less, a, b);
}

Value KernelBuilder::reduceAdd(Value vector) {
  return vector::ReductionOp::create(*this, getLoc(), vector::CombiningKind::ADD, vector,
                                     arith::FastMathFlags::reassoc);
}

SmallVector<Value> KernelBuilder::transpose(ArrayRef<Value> rows) {
  // Exchange the off-diagonal blocks of size 1, 2, 4, .. in turn. The first two
  // steps stay within 128-bit lanes, the others move whole lanes.
  const int64_t n = rows.size();
  SmallVector<Value> cur(rows);
  for (int64_t size = 1; size < n; size *= 2) {
    SmallVector<Value> next(n);
    SmallVector<int64_t> low, high;
    for (int64_t j = 0; j < n; ++j) {
      low.push_back(j & size ? n + j - size : j);
      high.push_back(j & size ? n + j : j + size);
    }
    for (int64_t i = 0; i < n; ++i) {
      if (i & size)
        continue;
      next[i] = vector::ShuffleOp::create(*this, getLoc(), cur[i], cur[i + size], low);
      next[i + size] = vector::ShuffleOp::create(*this, getLoc(), cur[i], cur[i + size], high);
    }
    cur = std::move(next);
  }
  return cur;
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

FlatMemRef KernelBuilder::flatten(Value memref) {
  auto type = cast<MemRefType>(memref.getType());
  auto parts = memref::ExtractStridedMetadataOp::create(*this, getLoc(), memref);
  FlatMemRef flat;
  flat.offset = parts.getOffset();
  flat.sizes.assign(parts.getSizes().begin(), parts.getSizes().end());
  flat.strides.assign(parts.getStrides().begin(), parts.getStrides().end());
  // The size is never read: a flat memref only provides the pointer.
  auto flatType = MemRefType::get({ShapedType::kDynamic}, type.getElementType());
  flat.mem =
      memref::ReinterpretCastOp::create(*this, getLoc(), flatType, parts.getBaseBuffer(), OpFoldResult(getIndexAttr(0)),
                                        {OpFoldResult(idx(0))}, {OpFoldResult(getIndexAttr(1))});
  return flat;
}

Value KernelBuilder::load(Value mem, Value index) { return memref::LoadOp::create(*this, getLoc(), mem, index); }

void KernelBuilder::store(Value value, Value mem, Value index) {
  memref::StoreOp::create(*this, getLoc(), value, mem, index);
}

bool KernelBuilder::hasMaskedAccess(Type elt) const {
  if (isa.level == ISALevel::AVX512)
    return true;
  return isa.level == ISALevel::AVX2 && elt.getIntOrFloatBitWidth() >= 32;
}

/// The first lanes [0, count) of a constant vector<lanes x i1>.
static Value constantMask(KernelBuilder &b, int64_t count) {
  return vector::ConstantMaskOp::create(b, b.getLoc(), b.vecType(b.getI1Type()), ArrayRef<int64_t>{count});
}

static Value dynamicMask(KernelBuilder &b, Value count) {
  return vector::CreateMaskOp::create(b, b.getLoc(), b.vecType(b.getI1Type()), ValueRange(count));
}

static Value zeroVector(KernelBuilder &b, VectorType type) {
  return arith::ConstantOp::create(b, b.getLoc(), b.getZeroAttr(type));
}

Value KernelBuilder::loadVector(Value mem, Value index, int64_t count) {
  Type elt = cast<MemRefType>(mem.getType()).getElementType();
  VectorType type = vecType(elt);
  if (count == lanes())
    return vector::LoadOp::create(*this, getLoc(), type, mem, index);
  if (hasMaskedAccess(elt))
    return vector::MaskedLoadOp::create(*this, getLoc(), type, mem, index, constantMask(*this, count),
                                        zeroVector(*this, type));
  Value result = zeroVector(*this, type);
  for (int64_t at = 0, size = lanes() / 2; size; size /= 2) {
    if (!(count & size))
      continue;
    Value piece = vector::LoadOp::create(*this, getLoc(), VectorType::get({size}, elt), mem, add(index, at));
    result = vector::InsertStridedSliceOp::create(*this, getLoc(), piece, result, ArrayRef<int64_t>{at},
                                                  ArrayRef<int64_t>{1});
    at += size;
  }
  return result;
}

void KernelBuilder::storeVector(Value vector, Value mem, Value index, int64_t count) {
  Type elt = cast<MemRefType>(mem.getType()).getElementType();
  if (count == lanes()) {
    vector::StoreOp::create(*this, getLoc(), vector, mem, index);
    return;
  }
  if (hasMaskedAccess(elt)) {
    vector::MaskedStoreOp::create(*this, getLoc(), mem, index, constantMask(*this, count), vector);
    return;
  }
  for (int64_t at = 0, size = lanes() / 2; size; size /= 2) {
    if (!(count & size))
      continue;
    Value piece = vector::ExtractStridedSliceOp::create(*this, getLoc(), vector, ArrayRef<int64_t>{at},
                                                        ArrayRef<int64_t>{size}, ArrayRef<int64_t>{1});
    vector::StoreOp::create(*this, getLoc(), piece, mem, add(index, at));
    at += size;
  }
}

Value KernelBuilder::loadPartial(Value mem, Value index, Value count, Value stage) {
  Type elt = cast<MemRefType>(mem.getType()).getElementType();
  VectorType type = vecType(elt);
  if (hasMaskedAccess(elt))
    return vector::MaskedLoadOp::create(*this, getLoc(), type, mem, index, dynamicMask(*this, count),
                                        zeroVector(*this, type));
  vector::StoreOp::create(*this, getLoc(), zeroVector(*this, type), stage, ValueRange(idx(0)));
  loop(count, [&](Value i) { store(load(mem, add(index, i)), stage, i); });
  return vector::LoadOp::create(*this, getLoc(), type, stage, ValueRange(idx(0)));
}

void KernelBuilder::storePartial(Value vector, Value mem, Value index, Value count, Value stage) {
  Type elt = cast<MemRefType>(mem.getType()).getElementType();
  if (hasMaskedAccess(elt)) {
    vector::MaskedStoreOp::create(*this, getLoc(), mem, index, dynamicMask(*this, count), vector);
    return;
  }
  vector::StoreOp::create(*this, getLoc(), vector, stage, ValueRange(idx(0)));
  loop(count, [&](Value i) { store(load(stage, i), mem, add(index, i)); });
}

Value KernelBuilder::toF32(Value value) { return extendToF32(*this, getLoc(), value, isa); }

Value KernelBuilder::fromF32(Value value, Type elt) { return truncateFromF32(*this, getLoc(), value, elt, isa); }

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

func::FuncOp et::cpu::createKernelFunction(OpBuilder &builder, Location loc, StringRef name, TypeRange argTypes) {
  auto type = FunctionType::get(builder.getContext(), argTypes, {});
  auto func = func::FuncOp::create(builder, loc, name, type);
  // A loop over a few elements is better than a call of memcpy.
  func->setAttr("passthrough", builder.getArrayAttr(builder.getStringAttr("no-builtins")));
  Block *entry = func.addEntryBlock();
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToEnd(entry);
  func::ReturnOp::create(builder, loc);
  return func;
}

MemRefType et::cpu::getStridedMemRefType(unsigned rank, Type elt) {
  SmallVector<int64_t> dynamic(rank, ShapedType::kDynamic);
  auto layout = StridedLayoutAttr::get(elt.getContext(), ShapedType::kDynamic, dynamic);
  return MemRefType::get(dynamic, elt, layout);
}
