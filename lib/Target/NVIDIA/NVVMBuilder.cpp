//===- NVVMBuilder.cpp - Shorthands for writing GPU kernels -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Kernels, arithmetic, control flow and threads. Memory is in NVVMBuilderMemory.cpp,
// the tensor cores are in NVVMBuilderMatrix.cpp.
//
//===----------------------------------------------------------------------===//

#include "et/Target/NVIDIA/NVVMBuilder.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/IR/SymbolTable.h"

using namespace mlir;
using namespace mlir::et::nvidia;

//===----------------------------------------------------------------------===//
// Kernels and types
//===----------------------------------------------------------------------===//

Type NVVMBuilder::globalPtr() { return LLVM::LLVMPointerType::get(getContext(), 1); }
Type NVVMBuilder::sharedPtr() { return LLVM::LLVMPointerType::get(getContext(), 3); }
Type NVVMBuilder::tensorMapPtr() { return LLVM::LLVMPointerType::get(getContext()); }

LLVM::LLVMFuncOp NVVMBuilder::createKernel(StringRef name, ArrayRef<Type> parameters, const KernelLimits &limits) {
  MLIRContext *context = getContext();
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(context), parameters);
  auto function = LLVM::LLVMFuncOp::create(*this, name, type);
  function->setAttr("nvvm.kernel", getUnitAttr());
  function->setAttr("gpu.kernel", getUnitAttr());
  // ptxas takes one of reqntid and maxntid, not both, and needs one for setmaxnreg and minnctapersm.
  function->setAttr("nvvm.reqntid", getDenseI32ArrayAttr({int32_t(limits.threads), 1, 1}));
  function->setAttr("nvvm.minctasm", getI32IntegerAttr(limits.minBlocks));
  if (limits.clusterSize > 1)
    function->setAttr("nvvm.cluster_dim", getDenseI32ArrayAttr({int32_t(limits.clusterSize), 1, 1}));
  for (auto [i, parameter] : llvm::enumerate(parameters)) {
    if (parameter != tensorMapPtr())
      continue;
    function.setArgAttr(i, "llvm.align", getI64IntegerAttr(64));
    function.setArgAttr(i, "llvm.byval", TypeAttr::get(LLVM::LLVMArrayType::get(getI8Type(), 128)));
    function.setArgAttr(i, "nvvm.grid_constant", getUnitAttr());
  }
  Block *entry = function.addEntryBlock(*this);
  setInsertionPointToStart(entry);
  Operation *end = LLVM::ReturnOp::create(*this, ValueRange{});
  setInsertionPoint(end);
  return function;
}

Value NVVMBuilder::sharedMemory() {
  // gpu.dynamic_shared_memory would become an internal global of 16-byte alignment.
  constexpr StringRef kName = "et_shared_memory";
  Operation *table = SymbolTable::getNearestSymbolTable(getInsertionBlock()->getParentOp());
  auto global = SymbolTable::lookupNearestSymbolFrom<LLVM::GlobalOp>(table, getStringAttr(kName));
  if (!global) {
    OpBuilder::InsertionGuard guard(*this);
    setInsertionPointToStart(&table->getRegion(0).front());
    global = LLVM::GlobalOp::create(*this, LLVM::LLVMArrayType::get(getI8Type(), 0), /*isConstant=*/false,
                                    LLVM::Linkage::External, kName, Attribute(), /*alignment=*/1024, /*addrSpace=*/3);
  }
  return LLVM::AddressOfOp::create(*this, global);
}

//===----------------------------------------------------------------------===//
// Integers
//===----------------------------------------------------------------------===//

Value NVVMBuilder::i32(int64_t value) { return arith::ConstantOp::create(*this, getI32IntegerAttr(value)); }
Value NVVMBuilder::i64(int64_t value) { return arith::ConstantOp::create(*this, getI64IntegerAttr(value)); }
Value NVVMBuilder::i1(bool value) { return arith::ConstantOp::create(*this, getBoolAttr(value)); }
Value NVVMBuilder::constantLike(Value value, int64_t constant) {
  return arith::ConstantOp::create(*this, getIntegerAttr(value.getType(), constant));
}

Value NVVMBuilder::add(Value lhs, Value rhs) { return arith::AddIOp::create(*this, lhs, rhs); }
Value NVVMBuilder::add(Value lhs, int64_t rhs) { return rhs ? add(lhs, constantLike(lhs, rhs)) : lhs; }
Value NVVMBuilder::sub(Value lhs, Value rhs) { return arith::SubIOp::create(*this, lhs, rhs); }
Value NVVMBuilder::sub(Value lhs, int64_t rhs) { return add(lhs, -rhs); }
Value NVVMBuilder::mul(Value lhs, Value rhs) { return arith::MulIOp::create(*this, lhs, rhs); }
Value NVVMBuilder::mul(Value lhs, int64_t rhs) { return rhs == 1 ? lhs : mul(lhs, constantLike(lhs, rhs)); }
Value NVVMBuilder::div(Value lhs, Value rhs) { return arith::DivUIOp::create(*this, lhs, rhs); }
Value NVVMBuilder::div(Value lhs, int64_t rhs) { return rhs == 1 ? lhs : div(lhs, constantLike(lhs, rhs)); }
Value NVVMBuilder::rem(Value lhs, Value rhs) { return arith::RemUIOp::create(*this, lhs, rhs); }
Value NVVMBuilder::rem(Value lhs, int64_t rhs) { return rem(lhs, constantLike(lhs, rhs)); }
Value NVVMBuilder::ceilDiv(Value lhs, int64_t rhs) { return div(add(lhs, rhs - 1), rhs); }
Value NVVMBuilder::shl(Value lhs, int64_t rhs) { return arith::ShLIOp::create(*this, lhs, constantLike(lhs, rhs)); }
Value NVVMBuilder::shr(Value lhs, int64_t rhs) { return arith::ShRUIOp::create(*this, lhs, constantLike(lhs, rhs)); }
Value NVVMBuilder::band(Value lhs, Value rhs) { return arith::AndIOp::create(*this, lhs, rhs); }
Value NVVMBuilder::band(Value lhs, int64_t rhs) { return band(lhs, constantLike(lhs, rhs)); }
Value NVVMBuilder::bor(Value lhs, Value rhs) { return arith::OrIOp::create(*this, lhs, rhs); }
Value NVVMBuilder::bxor(Value lhs, Value rhs) { return arith::XOrIOp::create(*this, lhs, rhs); }
Value NVVMBuilder::bxor(Value lhs, int64_t rhs) { return bxor(lhs, constantLike(lhs, rhs)); }
Value NVVMBuilder::min(Value lhs, Value rhs) { return arith::MinSIOp::create(*this, lhs, rhs); }
Value NVVMBuilder::max(Value lhs, Value rhs) { return arith::MaxSIOp::create(*this, lhs, rhs); }
Value NVVMBuilder::cmp(arith::CmpIPredicate predicate, Value lhs, Value rhs) {
  return arith::CmpIOp::create(*this, predicate, lhs, rhs);
}
Value NVVMBuilder::eq(Value lhs, Value rhs) { return cmp(arith::CmpIPredicate::eq, lhs, rhs); }
Value NVVMBuilder::eq(Value lhs, int64_t rhs) { return eq(lhs, constantLike(lhs, rhs)); }
Value NVVMBuilder::ne(Value lhs, int64_t rhs) { return cmp(arith::CmpIPredicate::ne, lhs, constantLike(lhs, rhs)); }
Value NVVMBuilder::lt(Value lhs, Value rhs) { return cmp(arith::CmpIPredicate::slt, lhs, rhs); }
Value NVVMBuilder::lt(Value lhs, int64_t rhs) { return lt(lhs, constantLike(lhs, rhs)); }
Value NVVMBuilder::le(Value lhs, Value rhs) { return cmp(arith::CmpIPredicate::sle, lhs, rhs); }
Value NVVMBuilder::gt(Value lhs, int64_t rhs) { return cmp(arith::CmpIPredicate::sgt, lhs, constantLike(lhs, rhs)); }
Value NVVMBuilder::lnot(Value value) { return bxor(value, i1(true)); }
Value NVVMBuilder::select(Value cond, Value ifTrue, Value ifFalse) {
  return arith::SelectOp::create(*this, cond, ifTrue, ifFalse);
}
Value NVVMBuilder::popcount(Value value) { return LLVM::CtPopOp::create(*this, value.getType(), value); }
Value NVVMBuilder::countTrailingZeros(Value value) {
  return LLVM::CountTrailingZerosOp::create(*this, value.getType(), value, /*is_zero_poison=*/true);
}
Value NVVMBuilder::permuteBytes(Value lo, Value hi, int64_t selector) {
  return intrinsic("llvm.nvvm.prmt", {lo, hi, i32(selector)}, getI32Type());
}
Value NVVMBuilder::zext(Value value, Type type) { return arith::ExtUIOp::create(*this, type, value); }
Value NVVMBuilder::sext(Value value, Type type) { return arith::ExtSIOp::create(*this, type, value); }
Value NVVMBuilder::trunc(Value value, Type type) { return arith::TruncIOp::create(*this, type, value); }

//===----------------------------------------------------------------------===//
// f32
//===----------------------------------------------------------------------===//

Value NVVMBuilder::f32(double value) { return arith::ConstantOp::create(*this, getF32FloatAttr(value)); }
Value NVVMBuilder::addf(Value lhs, Value rhs) { return arith::AddFOp::create(*this, lhs, rhs); }
Value NVVMBuilder::subf(Value lhs, Value rhs) { return arith::SubFOp::create(*this, lhs, rhs); }
Value NVVMBuilder::mulf(Value lhs, Value rhs) { return arith::MulFOp::create(*this, lhs, rhs); }
Value NVVMBuilder::negf(Value value) { return arith::NegFOp::create(*this, value); }
Value NVVMBuilder::absf(Value value) { return LLVM::FAbsOp::create(*this, value); }
Value NVVMBuilder::fma(Value a, Value b, Value c) { return LLVM::FMAOp::create(*this, a, b, c); }
// maximumf would become max.NaN.f32, which is slower.
Value NVVMBuilder::maxf(Value lhs, Value rhs) { return arith::MaxNumFOp::create(*this, lhs, rhs); }
Value NVVMBuilder::minf(Value lhs, Value rhs) { return arith::MinNumFOp::create(*this, lhs, rhs); }
Value NVVMBuilder::cmpf(arith::CmpFPredicate predicate, Value lhs, Value rhs) {
  return arith::CmpFOp::create(*this, predicate, lhs, rhs);
}
// Intrinsics and not math ops: those become calls of libdevice, or the form that keeps subnormals at a fifth of the
// speed.
Value NVVMBuilder::ex2(Value value) { return intrinsic("llvm.nvvm.ex2.approx.ftz.f32", value, getF32Type()); }
Value NVVMBuilder::rcp(Value value) { return NVVM::RcpApproxFtzF32Op::create(*this, getF32Type(), value); }
Value NVVMBuilder::rsqrt(Value value) { return intrinsic("llvm.nvvm.rsqrt.approx.ftz.f", value, getF32Type()); }
Value NVVMBuilder::lg2(Value value) { return intrinsic("llvm.nvvm.lg2.approx.ftz.f", value, getF32Type()); }
// LLVM 22 has no intrinsic for it.
Value NVVMBuilder::tanhApprox(Value value) {
  return inlineAsm("tanh.approx.f32 $0, $1;", "=f,f", value, getF32Type(), /*sideEffects=*/false);
}

Value NVVMBuilder::pack(Value lo, Value hi, Type elt) {
  auto type = VectorType::get({2}, elt);
  Value pair;
  if (elt.isF16())
    pair = NVVM::ConvertF32x2ToF16x2Op::create(*this, type, hi, lo, /*random_bits=*/Value(), NVVM::FPRoundingMode::RN);
  else
    pair = NVVM::ConvertF32x2ToBF16x2Op::create(*this, type, hi, lo, /*random_bits=*/Value(), NVVM::FPRoundingMode::RN);
  return LLVM::BitcastOp::create(*this, getI32Type(), pair);
}

std::pair<Value, Value> NVVMBuilder::unpack(Value packed, Type elt) {
  if (elt.isBF16()) {
    // A bf16 is the upper half of an f32.
    Value lo = arith::BitcastOp::create(*this, getF32Type(), shl(packed, 16));
    Value hi = arith::BitcastOp::create(*this, getF32Type(), band(packed, i32(int32_t(0xffff0000u))));
    return {lo, hi};
  }
  Value pair = LLVM::BitcastOp::create(*this, VectorType::get({2}, elt), packed);
  Value lo = LLVM::ExtractElementOp::create(*this, pair, i32(0));
  Value hi = LLVM::ExtractElementOp::create(*this, pair, i32(1));
  return {toF32(lo), toF32(hi)};
}

Value NVVMBuilder::toF32(Value value) {
  return value.getType().isF32() ? value : Value(arith::ExtFOp::create(*this, getF32Type(), value));
}
Value NVVMBuilder::fromF32(Value value, Type elt) {
  return elt.isF32() ? value : Value(arith::TruncFOp::create(*this, elt, value));
}

//===----------------------------------------------------------------------===//
// Control flow
//===----------------------------------------------------------------------===//

SmallVector<Value> NVVMBuilder::loop(Value lb, Value ub, Value step, ValueRange init, LoopBody body) {
  auto loop = scf::ForOp::create(*this, lb, ub, step, init);
  OpBuilder::InsertionGuard guard(*this);
  // Without carried values the terminator is there already.
  if (init.empty())
    setInsertionPoint(loop.getBody()->getTerminator());
  else
    setInsertionPointToEnd(loop.getBody());
  SmallVector<Value> results = body(loop.getInductionVar(), loop.getRegionIterArgs());
  if (!init.empty())
    scf::YieldOp::create(*this, results);
  return llvm::to_vector(ValueRange(loop.getResults()));
}

void NVVMBuilder::loop(Value lb, Value ub, Value step, llvm::function_ref<void(Value)> body) {
  loop(lb, ub, step, ValueRange(), [&](Value iv, ValueRange) {
    body(iv);
    return SmallVector<Value>();
  });
}

SmallVector<Value> NVVMBuilder::ifElse(Value cond, TypeRange results, Branch then, Branch otherwise) {
  auto branch = scf::IfOp::create(*this, results, cond, /*addThenBlock=*/true, /*addElseBlock=*/true);
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToEnd(branch.thenBlock());
  scf::YieldOp::create(*this, then());
  setInsertionPointToEnd(branch.elseBlock());
  scf::YieldOp::create(*this, otherwise());
  return llvm::to_vector(ValueRange(branch.getResults()));
}

void NVVMBuilder::ifThen(Value cond, llvm::function_ref<void()> then) {
  auto branch = scf::IfOp::create(*this, cond, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPoint(branch.thenBlock()->getTerminator());
  then();
}

void NVVMBuilder::ifThenElse(Value cond, llvm::function_ref<void()> then, llvm::function_ref<void()> otherwise) {
  auto branch = scf::IfOp::create(*this, cond, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPoint(branch.thenBlock()->getTerminator());
  then();
  setInsertionPoint(branch.elseBlock()->getTerminator());
  otherwise();
}

//===----------------------------------------------------------------------===//
// Threads
//===----------------------------------------------------------------------===//

Value NVVMBuilder::threadId() { return NVVM::ThreadIdXOp::create(*this, getI32Type()); }
Value NVVMBuilder::blockId(unsigned dim) {
  if (dim == 0)
    return NVVM::BlockIdXOp::create(*this, getI32Type());
  return dim == 1 ? Value(NVVM::BlockIdYOp::create(*this, getI32Type()))
                  : Value(NVVM::BlockIdZOp::create(*this, getI32Type()));
}
Value NVVMBuilder::gridDim(unsigned dim) {
  if (dim == 0)
    return NVVM::GridDimXOp::create(*this, getI32Type());
  return dim == 1 ? Value(NVVM::GridDimYOp::create(*this, getI32Type()))
                  : Value(NVVM::GridDimZOp::create(*this, getI32Type()));
}
Value NVVMBuilder::clusterRank() { return NVVM::ClusterId::create(*this, getI32Type()); }
Value NVVMBuilder::laneId() { return band(threadId(), kWarpSize - 1); }

static constexpr int32_t kAllLanes = -1;
/// Clamp operand of shfl over whole warps.
static constexpr int32_t kShuffleClamp = 31;

Value NVVMBuilder::shuffle(Value value, Value lane) {
  return NVVM::ShflOp::create(*this, value.getType(), i32(kAllLanes), value, lane, i32(kShuffleClamp),
                              NVVM::ShflKind::idx, UnitAttr());
}
Value NVVMBuilder::shuffleXor(Value value, int64_t mask) {
  return NVVM::ShflOp::create(*this, value.getType(), i32(kAllLanes), value, i32(mask), i32(kShuffleClamp),
                              NVVM::ShflKind::bfly, UnitAttr());
}
Value NVVMBuilder::uniform(Value value) { return shuffle(value, i32(0)); }

Value NVVMBuilder::quadMax(Value value) {
  value = maxf(value, shuffleXor(value, 1));
  return maxf(value, shuffleXor(value, 2));
}
Value NVVMBuilder::quadSum(Value value) {
  value = addf(value, shuffleXor(value, 1));
  return addf(value, shuffleXor(value, 2));
}

Value NVVMBuilder::ballot(Value cond) {
  return NVVM::VoteSyncOp::create(*this, getI32Type(), i32(kAllLanes), cond, NVVM::VoteSyncKind::ballot);
}
void NVVMBuilder::syncWarp() { NVVM::SyncWarpOp::create(*this, i32(kAllLanes)); }
void NVVMBuilder::syncThreads() { NVVM::Barrier0Op::create(*this); }
void NVVMBuilder::sync(Value id, int64_t threads) {
  NVVM::BarrierOp::create(*this, TypeRange{}, id, i32(threads), NVVM::BarrierReductionAttr(), Value());
}
void NVVMBuilder::arrive(Value id, int64_t threads) { NVVM::BarrierArriveOp::create(*this, id, i32(threads)); }
void NVVMBuilder::clusterArrive() { NVVM::ClusterArriveOp::create(*this, getUnitAttr()); }
void NVVMBuilder::clusterWait() { NVVM::ClusterWaitOp::create(*this, getUnitAttr()); }
void NVVMBuilder::increaseRegisters(int64_t count) {
  NVVM::SetMaxRegisterOp::create(*this, count, NVVM::SetMaxRegisterAction::increase);
}
void NVVMBuilder::decreaseRegisters(int64_t count) {
  NVVM::SetMaxRegisterOp::create(*this, count, NVVM::SetMaxRegisterAction::decrease);
}
void NVVMBuilder::waitForPrevious() { NVVM::GriddepcontrolOp::create(*this, NVVM::GridDepActionKind::wait); }
void NVVMBuilder::launchNext() { NVVM::GriddepcontrolOp::create(*this, NVVM::GridDepActionKind::launch_dependents); }
