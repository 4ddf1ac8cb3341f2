//===- SIMT.cpp - What plain GPU kernels are made of -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SIMT.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::et::gpu_kernels;

/// Address spaces of NVPTX.
static constexpr unsigned kGlobal = 1, kShared = 3;

SIMTKernel::SIMTKernel(OpBuilder &builder, Location loc, StringRef name, BuiltKernel &kernel)
    : b(loc, builder), programmatic(kernel.programmatic) {
  SmallVector<Type> types;
  for (const KernelArgument &argument : kernel.arguments) {
    assert(argument.kind != KernelArgument::TensorMap && "plain kernels take no tensor maps");
    bool isPointer = argument.kind == KernelArgument::Pointer;
    types.push_back(isPointer ? Type(LLVM::LLVMPointerType::get(b.getContext(), kGlobal)) : b.getI32Type());
  }
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()), types);
  function = kernel.function = LLVM::LLVMFuncOp::create(b, name, type);
  function->setAttr(NVVM::NVVMDialect::getKernelFuncAttrName(), b.getUnitAttr());
  function->setAttr(gpu::GPUDialect::getKernelFuncAttrName(), b.getUnitAttr());
  function->setAttr(NVVM::NVVMDialect::getReqntidAttrName(),
                    b.getDenseI32ArrayAttr({static_cast<int32_t>(kernel.threads), 1, 1}));
  b.setInsertionPointToStart(function.addEntryBlock(b));
}

Value SIMTKernel::size(unsigned i) { return arith::ExtUIOp::create(b, b.getI64Type(), argument(i)); }
Value SIMTKernel::constant(int64_t value) { return arith::ConstantIntOp::create(b, b.getI64Type(), value); }
Value SIMTKernel::constant32(int64_t value) { return arith::ConstantIntOp::create(b, b.getI32Type(), value); }
Value SIMTKernel::add(Value x, Value y) { return b.createOrFold<arith::AddIOp>(x, y); }
Value SIMTKernel::mul(Value x, Value y) { return b.createOrFold<arith::MulIOp>(x, y); }
Value SIMTKernel::div(Value x, Value y) { return b.createOrFold<arith::DivUIOp>(x, y); }
Value SIMTKernel::rem(Value x, Value y) { return b.createOrFold<arith::RemUIOp>(x, y); }
Value SIMTKernel::less(Value x, Value y) { return b.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::slt, x, y); }

Value SIMTKernel::threadId() {
  return arith::ExtUIOp::create(b, b.getI64Type(), NVVM::ThreadIdXOp::create(b, b.getI32Type()));
}

Value SIMTKernel::blockId() {
  return arith::ExtUIOp::create(b, b.getI64Type(), NVVM::BlockIdXOp::create(b, b.getI32Type()));
}

void SIMTKernel::waitForPredecessors() {
  if (!programmatic)
    return;
  NVVM::GriddepcontrolOp::create(b, NVVM::GridDepActionKind::wait);
  // The blocks behind are small and wait as well: they may be there early.
  NVVM::GriddepcontrolOp::create(b, NVVM::GridDepActionKind::launch_dependents);
}

/// Multiprocessors of the smallest data-centre GPU with programmatic dependent launch.
static constexpr int64_t kFewBlocks = 114;

void SIMTKernel::letSuccessorsStart() {
  if (!programmatic)
    return;
  // They wait for this kernel, which waits for those in front.
  Value blocks = arith::ExtUIOp::create(b, b.getI64Type(), NVVM::GridDimXOp::create(b, b.getI32Type()));
  when(less(blocks, constant(kFewBlocks + 1)),
       [&] { NVVM::GriddepcontrolOp::create(b, NVVM::GridDepActionKind::launch_dependents); });
}

Value SIMTKernel::load(Type type, Value pointer, Value offset, int64_t count, int64_t alignment) {
  bool isBool = type.isInteger(1);
  Type stored = isBool ? Type(b.getI8Type()) : type;
  Type loaded = count ? Type(VectorType::get({count}, stored)) : stored;
  Value address = LLVM::GEPOp::create(b, pointer.getType(), stored, pointer, ValueRange{offset});
  Value value = LLVM::LoadOp::create(b, loaded, address, alignment);
  if (!isBool)
    return value;
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(loaded));
  return arith::CmpIOp::create(b, arith::CmpIPredicate::ne, value, zero);
}

void SIMTKernel::store(Value value, Value pointer, Value offset, int64_t alignment) {
  Type type = getElementTypeOrSelf(value.getType());
  if (type.isInteger(1)) {
    type = b.getI8Type();
    auto vector = dyn_cast<VectorType>(value.getType());
    value = arith::ExtUIOp::create(b, vector ? Type(vector.clone(type)) : type, value);
  }
  Value address = LLVM::GEPOp::create(b, pointer.getType(), type, pointer, ValueRange{offset});
  LLVM::StoreOp::create(b, value, address, alignment);
}

Value SIMTKernel::toF32(Value value) {
  Type element = getElementTypeOrSelf(value.getType());
  if (element.isF32())
    return value;
  Type type = b.getF32Type();
  if (auto vector = dyn_cast<VectorType>(value.getType()))
    type = vector.clone(type);
  return arith::ExtFOp::create(b, type, value);
}

Value SIMTKernel::fromF32(Value value, Type elementType) {
  if (elementType.isF32())
    return value;
  Type type = elementType;
  if (auto vector = dyn_cast<VectorType>(value.getType()))
    type = vector.clone(type);
  return arith::TruncFOp::create(b, type, value);
}

Value SIMTKernel::splat(double value, int64_t count) {
  FloatAttr scalar = b.getF32FloatAttr(value);
  if (!count)
    return arith::ConstantOp::create(b, scalar);
  auto type = VectorType::get({count}, b.getF32Type());
  return arith::ConstantOp::create(b, DenseElementsAttr::get(type, {APFloat(scalar.getValue())}));
}

Value SIMTKernel::sumOfElements(Value vector) {
  int64_t count = cast<VectorType>(vector.getType()).getNumElements();
  SmallVector<Value> parts;
  for (int64_t i = 0; i < count; ++i)
    parts.push_back(LLVM::ExtractElementOp::create(b, vector, constant32(i)));
  // A tree: its rounding error grows with the logarithm of the count.
  while (parts.size() > 1) {
    SmallVector<Value> sums;
    for (size_t i = 0; i + 1 < parts.size(); i += 2)
      sums.push_back(arith::AddFOp::create(b, parts[i], parts[i + 1]));
    if (parts.size() % 2)
      sums.push_back(parts.back());
    parts = std::move(sums);
  }
  return parts.front();
}

Value SIMTKernel::allocateShared(StringRef name, int64_t count) {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(function);
  auto type = LLVM::LLVMArrayType::get(b.getF32Type(), count);
  auto global = LLVM::GlobalOp::create(b, type, /*isConstant=*/false, LLVM::Linkage::Internal,
                                       (function.getName() + "_" + name).str(), Attribute(), /*alignment=*/16, kShared);
  b.setInsertionPointToStart(&function.getBody().front());
  return LLVM::AddressOfOp::create(b, global);
}

Value SIMTKernel::sumOverThreads(Value value, int64_t threads, Value scratch) {
  Value all = constant32(-1), clamp = constant32(kWarpSize - 1);
  auto sumOverWarp = [&](Value sum) {
    for (int64_t distance = kWarpSize / 2; distance > 0; distance /= 2) {
      Value other = NVVM::ShflOp::create(b, b.getF32Type(), all, sum, constant32(distance), clamp, NVVM::ShflKind::bfly,
                                         UnitAttr());
      sum = arith::AddFOp::create(b, sum, other);
    }
    return sum;
  };
  value = sumOverWarp(value);
  if (threads == kWarpSize)
    return value;
  int64_t numWarps = threads / kWarpSize;
  Value thread = threadId();
  Value lane = rem(thread, constant(kWarpSize)), warp = div(thread, constant(kWarpSize));
  Value isFirst = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, lane, constant(0));
  // Twice: what is read here may be written again by the next sum.
  NVVM::Barrier0Op::create(b);
  when(isFirst, [&] { store(value, scratch, warp); });
  NVVM::Barrier0Op::create(b);
  // Every warp adds the sums of all; there are at most as many as lanes.
  Value index = arith::RemUIOp::create(b, lane, constant(numWarps));
  Value part = load(b.getF32Type(), scratch, index);
  Value taken = arith::SelectOp::create(b, less(lane, constant(numWarps)), part, splat(0, 0));
  return sumOverWarp(taken);
}

void SIMTKernel::when(Value condition, llvm::function_ref<void()> body) {
  auto guard = scf::IfOp::create(b, condition);
  OpBuilder::InsertionGuard insertion(b);
  b.setInsertionPoint(guard.thenBlock()->getTerminator());
  body();
}

void SIMTKernel::finish() {
  b.setInsertionPointToEnd(&function.getBody().front());
  LLVM::ReturnOp::create(b, ValueRange());
}
