//===- LinearOperands.cpp - Operands of linear kernels in memory -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LinearOperands.h"

#include "et/Conversion/ETToCPU/HalfFloat.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::et::cpu;

//===----------------------------------------------------------------------===//
// Operand types
//===----------------------------------------------------------------------===//

static MemRefType getRowsType(Type elt, int64_t columns, int64_t stride) {
  if (stride == 0)
    return MemRefType::get({ShapedType::kDynamic, columns}, elt);
  auto layout = StridedLayoutAttr::get(elt.getContext(), ShapedType::kDynamic, {stride, 1});
  return MemRefType::get({ShapedType::kDynamic, columns}, elt, layout);
}

MemRefType et::cpu::getLinearInputType(const LinearKernelSpec &spec) {
  return getRowsType(spec.xType, spec.k, spec.xStride);
}

MemRefType et::cpu::getLinearWeightType(const LinearKernelSpec &spec) {
  if (spec.sparse)
    return MemRefType::get({ShapedType::kDynamic}, IntegerType::get(spec.wType.getContext(), 8));
  int64_t panels = llvm::divideCeil(spec.n, spec.tiling.nr);
  return MemRefType::get({panels, spec.k, spec.tiling.nr}, spec.wType);
}

MemRefType et::cpu::getLinearBiasType(const LinearKernelSpec &spec) { return MemRefType::get({spec.n}, spec.biasType); }

MemRefType et::cpu::getLinearOutputType(const LinearKernelSpec &spec) {
  return getRowsType(spec.yType, spec.n, spec.yStride);
}

//===----------------------------------------------------------------------===//
// Vectors
//===----------------------------------------------------------------------===//

/// Returns the address of an element of \p memref as an LLVM pointer.
static Value getElementPointer(ImplicitLocOpBuilder &b, Value memref, ValueRange indices) {
  auto metadata = memref::ExtractStridedMetadataOp::create(b, memref);
  Value element = metadata.getOffset();
  for (auto [index, stride] : llvm::zip_equal(indices, metadata.getStrides()))
    element = arith::AddIOp::create(b, element, arith::MulIOp::create(b, index, stride));
  int64_t bytes = cast<MemRefType>(memref.getType()).getElementTypeBitWidth() / 8;
  Value start = memref::ExtractAlignedPointerAsIndexOp::create(b, memref);
  Value offset = arith::MulIOp::create(b, element, arith::ConstantIndexOp::create(b, bytes));
  Value address = arith::IndexCastOp::create(b, b.getI64Type(), arith::AddIOp::create(b, start, offset));
  return LLVM::IntToPtrOp::create(b, LLVM::LLVMPointerType::get(b.getContext()), address);
}

Value et::cpu::loadVector(ImplicitLocOpBuilder &b, VectorType type, Value memref, ValueRange indices, Value mask) {
  if (!mask)
    return vector::LoadOp::create(b, type, memref, indices);
  if (type.getElementType().isF32()) {
    Value zero = arith::ConstantOp::create(b, b.getZeroAttr(type));
    return vector::MaskedLoadOp::create(b, type, memref, indices, mask, zero);
  }
  // LLVM has no masked accesses of 16-bit floats and would go through f32 with
  // calls into a runtime library. Integers it takes apart without.
  Type words = type.clone(b.getI16Type());
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(words));
  Value loaded = LLVM::MaskedLoadOp::create(b, words, getElementPointer(b, memref, indices), mask, zero,
                                            /*alignment=*/2);
  return arith::BitcastOp::create(b, type, loaded);
}

void et::cpu::storeVector(ImplicitLocOpBuilder &b, Value value, Value memref, ValueRange indices, Value mask) {
  if (!mask) {
    vector::StoreOp::create(b, value, memref, indices);
    return;
  }
  auto type = cast<VectorType>(value.getType());
  if (type.getElementType().isF32()) {
    vector::MaskedStoreOp::create(b, memref, indices, mask, value);
    return;
  }
  Value words = arith::BitcastOp::create(b, type.clone(b.getI16Type()), value);
  LLVM::MaskedStoreOp::create(b, words, getElementPointer(b, memref, indices), mask, /*alignment=*/2);
}

Value et::cpu::loadLinearExtra(OpBuilder &builder, Location loc, const LinearEpilogueArgs &args, Value extra,
                               const ISA &isa) {
  ImplicitLocOpBuilder b(loc, builder);
  auto memref = cast<MemRefType>(extra.getType());
  auto type = cast<VectorType>(args.acc.getType()).clone(memref.getElementType());
  SmallVector<Value> indices;
  if (memref.getRank() == 2)
    indices.push_back(args.row);
  indices.push_back(args.col);
  Value value = loadVector(b, cast<VectorType>(type), extra, indices, args.mask);
  return extendToF32(b, loc, value, isa);
}

//===----------------------------------------------------------------------===//
// Sparse weights
//===----------------------------------------------------------------------===//

/// What a tile costs beside its kept columns, in columns: its sums go through the epilogue however few there are.
static constexpr int64_t kColumnsPerTile = 8;

SparseWeightView::SparseWeightView(ImplicitLocOpBuilder &b, const LinearKernelSpec &spec, Value bytes) {
  auto index = [&](int64_t value) -> Value { return arith::ConstantIndexOp::create(b, value); };
  auto view = [&](ArrayRef<int64_t> shape, Type element, Value offset, ValueRange sizes) -> Value {
    return memref::ViewOp::create(b, MemRefType::get(shape, element), bytes, offset, sizes);
  };
  const int64_t panels = llvm::divideCeil(spec.n, spec.tiling.nr), wordBytes = sizeof(int32_t);
  const int64_t columnsOffset = (panels + 1) * wordBytes, alignment = 64;
  starts = view({panels + 1}, b.getI32Type(), index(0), {});
  Value kept = loadStart(b, index(panels));
  columns = view({ShapedType::kDynamic}, b.getI32Type(), index(columnsOffset), kept);
  Value end =
      arith::AddIOp::create(b, arith::MulIOp::create(b, kept, index(wordBytes)), index(columnsOffset + alignment - 1));
  valuesOffset = arith::SubIOp::create(b, end, arith::RemUIOp::create(b, end, index(alignment)));
  values = view({ShapedType::kDynamic, spec.tiling.nr}, spec.wType, valuesOffset, kept);
}

Value SparseWeightView::loadStart(ImplicitLocOpBuilder &b, Value panel) const {
  return arith::IndexCastOp::create(b, b.getIndexType(), memref::LoadOp::create(b, starts, panel));
}

Value SparseWeightView::loadColumn(ImplicitLocOpBuilder &b, Value position) const {
  return arith::IndexCastOp::create(b, b.getIndexType(), memref::LoadOp::create(b, columns, position));
}

Value SparseWeightView::getWork(ImplicitLocOpBuilder &b, Value panel) const {
  Value fixed = arith::MulIOp::create(b, panel, arith::ConstantIndexOp::create(b, kColumnsPerTile));
  return arith::AddIOp::create(b, loadStart(b, panel), fixed);
}

Value SparseWeightView::findFirstUnit(ImplicitLocOpBuilder &b, Value panels, Value tiles, Value part,
                                      Value parts) const {
  Value zero = arith::ConstantIndexOp::create(b, 0), one = arith::ConstantIndexOp::create(b, 1);
  Value total = arith::MulIOp::create(b, getWork(b, panels), tiles);
  Value target = arith::DivUIOp::create(b, arith::MulIOp::create(b, total, part), parts);
  // Panels that end at or before the target are counted: there are a few dozen of them.
  auto count = scf::ForOp::create(b, zero, panels, one, zero);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(count.getBody());
    Value end = arith::MulIOp::create(b, getWork(b, arith::AddIOp::create(b, count.getInductionVar(), one)), tiles);
    Value inFront = arith::CmpIOp::create(b, arith::CmpIPredicate::ule, end, target);
    Value step = arith::SelectOp::create(b, inFront, one, zero);
    scf::YieldOp::create(b, ValueRange{arith::AddIOp::create(b, count.getRegionIterArg(0), step)});
  }
  Value panel = count.getResult(0);
  // The last part ends behind the last panel, of which there is no work to look up.
  Value known = arith::MinUIOp::create(b, panel, arith::SubIOp::create(b, panels, one));
  Value work = arith::SubIOp::create(b, getWork(b, arith::AddIOp::create(b, known, one)), getWork(b, known));
  Value rest = arith::SubIOp::create(b, target, arith::MulIOp::create(b, getWork(b, panel), tiles));
  Value tile = arith::CeilDivUIOp::create(b, rest, work);
  return arith::AddIOp::create(b, arith::MulIOp::create(b, panel, tiles), tile);
}
