//===- NVVMBuilderMemory.cpp - Memory, mbarriers and copies of GPU kernels -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "et/Target/NVIDIA/NVVMBuilder.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace mlir::et::nvidia;

Value NVVMBuilder::inlineAsm(StringRef text, StringRef constraints, ValueRange operands, Type result,
                             bool sideEffects) {
  auto op = LLVM::InlineAsmOp::create(
      *this, result ? TypeRange(result) : TypeRange(), operands, text, constraints, sideEffects,
      /*is_align_stack=*/false, LLVM::tailcallkind::TailCallKind::None,
      LLVM::AsmDialectAttr::get(getContext(), LLVM::AsmDialect::AD_ATT), /*operand_attrs=*/ArrayAttr());
  return result ? op->getResult(0) : Value();
}

Value NVVMBuilder::intrinsic(StringRef name, ValueRange operands, Type result) {
  return LLVM::CallIntrinsicOp::create(*this, result, getStringAttr(name), operands).getResult(0);
}

//===----------------------------------------------------------------------===//
// Pointers, loads and stores
//===----------------------------------------------------------------------===//

Value NVVMBuilder::offset(Value pointer, Value bytes) { return element(pointer, bytes, getI8Type()); }
Value NVVMBuilder::offset(Value pointer, int64_t bytes) {
  if (!bytes)
    return pointer;
  return LLVM::GEPOp::create(*this, pointer.getType(), getI8Type(), pointer,
                             ArrayRef<LLVM::GEPArg>{LLVM::GEPArg(int32_t(bytes))});
}
Value NVVMBuilder::element(Value pointer, Value index, Type elt) {
  return LLVM::GEPOp::create(*this, pointer.getType(), elt, pointer, ArrayRef<LLVM::GEPArg>{LLVM::GEPArg(index)});
}
Value NVVMBuilder::sharedAddress(Value pointer) { return LLVM::PtrToIntOp::create(*this, getI32Type(), pointer); }

Value NVVMBuilder::load(Type type, Value pointer, int64_t align) {
  return LLVM::LoadOp::create(*this, type, pointer, unsigned(align));
}
void NVVMBuilder::store(Value value, Value pointer, int64_t align) {
  LLVM::StoreOp::create(*this, value, pointer, unsigned(align));
}
Value NVVMBuilder::loadInvariant(Type type, Value pointer, int64_t align) {
  return LLVM::LoadOp::create(*this, type, pointer, unsigned(align), /*isVolatile=*/false, /*isNonTemporal=*/false,
                              /*isInvariant=*/true);
}

void NVVMBuilder::storeIf(Value cond, ArrayRef<Value> words, Value pointer) {
  // A masked store of LLVM would be a branch again.
  SmallVector<Value> operands{pointer};
  operands.append(words.begin(), words.end());
  operands.push_back(zext(cond, getI32Type()));
  inlineAsm("{ .reg .pred p; setp.ne.b32 p, $5, 0; @p st.global.v4.b32 [$0], {$1, $2, $3, $4}; }",
            "l,r,r,r,r,r,~{memory}", operands);
}

SmallVector<Value> NVVMBuilder::loadSharedIf(Value cond, Value pointer) {
  auto type = LLVM::LLVMStructType::getLiteral(getContext(), SmallVector<Type>(4, getI32Type()));
  Value result = inlineAsm("{ .reg .pred p; setp.ne.b32 p, $5, 0; @p ld.shared.v4.b32 {$0, $1, $2, $3}, [$4]; }",
                           "=r,=r,=r,=r,r,r,~{memory}", {sharedAddress(pointer), cond}, type);
  return unpackStruct(result, 4);
}

SmallVector<Value> NVVMBuilder::unpackStruct(Value value, int64_t count) {
  SmallVector<Value> fields;
  for (int64_t i = 0; i < count; ++i)
    fields.push_back(LLVM::ExtractValueOp::create(*this, value, i));
  return fields;
}

SmallVector<Value> NVVMBuilder::loadRemoteF32x2(Value shared, Value rank) {
  // nvvm.mapa gives a !llvm.ptr<7>, whose vector loads LLVM 22 takes apart.
  auto type = LLVM::LLVMStructType::getLiteral(getContext(), SmallVector<Type>(2, getF32Type()));
  Value result = inlineAsm("{ .reg .b32 a; mapa.shared::cluster.u32 a, $2, $3; "
                           "ld.shared::cluster.v2.f32 {$0, $1}, [a]; }",
                           "=f,=f,r,r,~{memory}", {sharedAddress(shared), rank}, type);
  return unpackStruct(result, 2);
}

void NVVMBuilder::copyAsync(Value shared, Value global, int64_t bytes, Value srcBytes) {
  // Only 16 bytes can pass by L1.
  auto modifier = bytes == 16 ? NVVM::LoadCacheModifierKind::CG : NVVM::LoadCacheModifierKind::CA;
  NVVM::CpAsyncOp::create(*this, shared, global, uint32_t(bytes), modifier, srcBytes);
}
void NVVMBuilder::commitAsync() { NVVM::CpAsyncCommitGroupOp::create(*this); }
void NVVMBuilder::waitAsync(int64_t pending) { NVVM::CpAsyncWaitGroupOp::create(*this, uint32_t(pending)); }
void NVVMBuilder::arriveAfterCopies(Value barrier) {
  NVVM::CpAsyncMBarrierArriveOp::create(*this, barrier, /*noinc=*/true);
}

//===----------------------------------------------------------------------===//
// mbarriers and tensor memory copies
//===----------------------------------------------------------------------===//

void NVVMBuilder::initBarrier(Value barrier, int64_t count) {
  NVVM::MBarrierInitOp::create(*this, barrier, i32(count), Value());
}
void NVVMBuilder::fenceBarrierInit() { NVVM::FenceMbarrierInitOp::create(*this); }

void NVVMBuilder::waitBarrier(Value barrier, Value parity) {
  // nvvm.mbarrier.try_wait.parity is the same loop without a clobber of memory: loads of what the barrier guards could
  // be moved in front of it. The last operand is a hint to sleep up to 10 ms: without it warps that wait take issue
  // slots from those that compute. Before sm_90 they can only ask again.
  StringRef text = sm.version >= 90 ? "{ .reg .pred p; WAIT: mbarrier.try_wait.parity.shared::cta.b64 p, [$0], $1, "
                                      "0x989680; @p bra DONE; bra WAIT; DONE: }"
                                    : "{ .reg .pred p; WAIT: mbarrier.test_wait.parity.shared::cta.b64 p, [$0], $1; "
                                      "@p bra DONE; bra WAIT; DONE: }";
  inlineAsm(text, "r,r,~{memory}", {sharedAddress(barrier), parity});
}

void NVVMBuilder::arriveBarrier(Value barrier) {
  NVVM::MBarrierArriveOp::create(*this, getI64Type(), barrier, /*count=*/Value());
}

void NVVMBuilder::expectBytes(Value barrier, Value bytes) {
  NVVM::MBarrierArriveExpectTxOp::create(*this, TypeRange{}, barrier, bytes, NVVM::MemScopeKind::CTA,
                                         /*relaxed=*/false, /*predicate=*/Value());
}

void NVVMBuilder::arriveRemoteBarrier(Value barrier, Value rank) {
  // A release at cluster scope would be a full memory barrier, and stall the tensor cores.
  inlineAsm("{ .reg .b32 a; mapa.shared::cluster.u32 a, $0, $1; mbarrier.arrive.shared::cluster.b64 _, [a]; }",
            "r,r,~{memory}", {sharedAddress(barrier), rank});
}

void NVVMBuilder::copyBulk(Value shared, Value global, Value bytes, Value barrier) {
  // nvvm.cp.async.bulk.shared.cluster.global has no destination in shared::cta, for which no cluster is needed.
  inlineAsm("cp.async.bulk.shared::cta.global.mbarrier::complete_tx::bytes [$0], [$1], $2, [$3];", "r,l,r,r,~{memory}",
            {sharedAddress(shared), global, bytes, sharedAddress(barrier)});
}

void NVVMBuilder::prefetchMap(Value map) {
  // nvvm.prefetch emits it twice, for the parameter and for its generic address.
  inlineAsm("prefetch.tensormap [$0];", "l", map);
}

void NVVMBuilder::prefetchL2(Value global, Value bytes) {
  NVVM::CpAsyncBulkPrefetchOp::create(*this, global, bytes, /*l2CacheHint=*/Value());
}

void NVVMBuilder::tmaLoad(Value shared, Value map, Value barrier, ValueRange coords, Value multicast) {
  if (multicast)
    shared = LLVM::AddrSpaceCastOp::create(*this, LLVM::LLVMPointerType::get(getContext(), 7), shared);
  NVVM::CpAsyncBulkTensorGlobalToSharedClusterOp::create(
      *this, shared, map, coords, barrier, /*im2colOffsets=*/ValueRange(), multicast, /*l2CacheHint=*/Value(),
      NVVM::TMALoadMode::TILE, /*isCTAOnly=*/!multicast, NVVM::CTAGroupKindAttr(), /*predicate=*/Value());
}

void NVVMBuilder::tmaStore(Value map, Value shared, ValueRange coords) {
  NVVM::CpAsyncBulkTensorSharedCTAToGlobalOp::create(*this, map, shared, coords, /*l2CacheHint=*/Value(),
                                                     NVVM::TMAStoreMode::TILE, /*predicate=*/Value());
}
void NVVMBuilder::commitBulk() { NVVM::CpAsyncBulkCommitGroupOp::create(*this); }
void NVVMBuilder::waitBulk(int64_t pending, bool read) {
  NVVM::CpAsyncBulkWaitGroupOp::create(*this, uint32_t(pending), read ? getUnitAttr() : UnitAttr());
}
void NVVMBuilder::fenceAsyncShared() {
  NVVM::FenceProxyOp::create(*this, NVVM::ProxyKind::async_shared,
                             NVVM::SharedSpaceAttr::get(getContext(), NVVM::SharedSpace::shared_cta));
}
