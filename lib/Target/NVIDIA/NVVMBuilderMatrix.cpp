//===- NVVMBuilderMatrix.cpp - Tensor core instructions of GPU kernels -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "et/Target/NVIDIA/NVVMBuilder.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mlir::et::nvidia;

static Type getStructOf(Type type, int64_t count) {
  return LLVM::LLVMStructType::getLiteral(type.getContext(), SmallVector<Type>(count, type));
}

/// "{$first, $first+1, ...}"
static void printRegisters(llvm::raw_ostream &os, int64_t first, int64_t count) {
  os << '{';
  for (int64_t i = 0; i < count; ++i)
    os << (i ? ", $" : "$") << first + i;
  os << '}';
}

//===----------------------------------------------------------------------===//
// wgmma
//===----------------------------------------------------------------------===//

Value NVVMBuilder::wgmmaDescriptor(Value address, int64_t swizzle, int64_t stride, int64_t leading) {
  // PTX ISA, "Matrix descriptor format": bits 62-63 are 1, 2, 3 for 128, 64, 32 bytes, and 0 for no swizzle.
  uint64_t mode = swizzle == 128 ? 1 : swizzle == 64 ? 2 : swizzle == 32 ? 3 : 0;
  uint64_t high = mode << 62 | uint64_t(stride >> 4) << 32 | uint64_t(leading >> 4) << 16;
  Value field = shr(band(address, 0x3ffff), 4);
  return bor(zext(field, getI64Type()), i64(int64_t(high)));
}

void NVVMBuilder::wgmmaFence() { NVVM::WgmmaFenceAlignedOp::create(*this); }
void NVVMBuilder::wgmmaCommit() { NVVM::WgmmaGroupSyncAlignedOp::create(*this); }

SmallVector<Value> NVVMBuilder::wgmma(int64_t n, Type elt, const WgmmaOperand &a, Value b, ValueRange acc,
                                      Value accumulate, bool transposeB) {
  // nvvm.wgmma.mma_async has no A in registers, and its choice to ignore D is one of compile time.
  // Operands: n/2 results; the accumulators, tied to them; A; B; [accumulate].
  int64_t count = n / 2, operand = 2 * count;
  std::string text, constraints;
  llvm::raw_string_ostream os(text), cs(constraints);
  if (accumulate)
    os << "{ .reg .pred p; setp.ne.b32 p, $" << operand + a.values.size() + 1 << ", 0; ";
  StringRef type = elt.isBF16() ? "bf16" : "f16";
  os << "wgmma.mma_async.sync.aligned.m64n" << n << "k16.f32." << type << '.' << type << ' ';
  printRegisters(os, 0, count);
  os << ", ";
  if (a.inRegisters())
    printRegisters(os, operand, 4);
  else
    os << '$' << operand;
  operand += a.values.size();
  os << ", $" << operand << (accumulate ? ", p, 1, 1" : ", 1, 1, 1");
  if (!a.inRegisters())
    os << ", 0";
  os << ", " << int(transposeB) << ';' << (accumulate ? " }" : "");

  for (int64_t i = 0; i < count; ++i)
    cs << (i ? ",=f" : "=f");
  for (int64_t i = 0; i < count; ++i)
    cs << ',' << i;
  cs << (a.inRegisters() ? ",r,r,r,r,l" : ",l,l") << (accumulate ? ",r" : "");

  SmallVector<Value> operands(acc.begin(), acc.end());
  operands.append(a.values.begin(), a.values.end());
  operands.push_back(b);
  if (accumulate)
    operands.push_back(accumulate);
  return unpackStruct(inlineAsm(text, constraints, operands, getStructOf(getF32Type(), count)), count);
}

SmallVector<Value> NVVMBuilder::wgmmaWait(int64_t pending, ValueRange values) {
  if (values.empty()) {
    NVVM::WgmmaWaitGroupSyncOp::create(*this, uint64_t(pending));
    return {};
  }
  // The values pass through the wait: what reads them cannot be scheduled in front of it.
  int64_t count = values.size();
  std::string constraints;
  llvm::raw_string_ostream cs(constraints);
  for (int64_t i = 0; i < count; ++i)
    cs << (i ? ",=f" : "=f");
  for (int64_t i = 0; i < count; ++i)
    cs << ',' << i;
  cs << ",~{memory}";
  std::string text = "wgmma.wait_group.sync.aligned " + std::to_string(pending) + ";";
  return unpackStruct(inlineAsm(text, constraints, values, getStructOf(getF32Type(), count)), count);
}

SmallVector<Value> NVVMBuilder::undefF32(int64_t count) {
  Value undef = LLVM::UndefOp::create(*this, getF32Type());
  return SmallVector<Value>(count, undef);
}

//===----------------------------------------------------------------------===//
// mma.sync, ldmatrix, stmatrix
//===----------------------------------------------------------------------===//

SmallVector<Value> NVVMBuilder::mma(Type elt, ValueRange a, ValueRange b, ValueRange c) {
  // nvvm.mma.sync wants vector<2xf16> for f16 and i32 for bf16; inline PTX takes the packed registers as they are.
  StringRef type = elt.isBF16() ? "bf16" : "f16";
  std::string text = ("mma.sync.aligned.m16n8k16.row.col.f32." + type + "." + type +
                      ".f32 {$0, $1, $2, $3}, {$4, $5, $6, $7}, {$8, $9}, {$10, $11, $12, $13};")
                         .str();
  SmallVector<Value> operands(a.begin(), a.end());
  operands.append(b.begin(), b.end());
  operands.append(c.begin(), c.end());
  // Unlike wgmma it is a function of its operands; LLVM may schedule it.
  Value result = inlineAsm(text, "=f,=f,=f,=f,r,r,r,r,r,r,f,f,f,f", operands, getStructOf(getF32Type(), 4),
                           /*sideEffects=*/false);
  return unpackStruct(result, 4);
}

SmallVector<Value> NVVMBuilder::ldmatrix(Value shared, int64_t count, bool transpose) {
  Type result = count == 1 ? Type(getI32Type()) : getStructOf(getI32Type(), count);
  Value loaded = NVVM::LdMatrixOp::create(
      *this, result, shared, uint32_t(count), transpose ? NVVM::MMALayout::col : NVVM::MMALayout::row,
      NVVM::LdStMatrixShapeAttr::get(getContext(), 8, 8), NVVM::LdStMatrixEltType::B16);
  if (count == 1)
    return {loaded};
  return unpackStruct(loaded, count);
}

Value NVVMBuilder::movmatrix(Value packed) {
  // nvvm has no op for it. It exchanges values between lanes, so it stays where it is.
  return inlineAsm("movmatrix.sync.aligned.m8n8.trans.b16 $0, $1;", "=r,r", packed, getI32Type());
}

std::pair<Value, Value> NVVMBuilder::transposeF32(Value lo, Value hi) {
  // The lower halves of both and the upper ones are a matrix each.
  constexpr int64_t kLowHalves = 0x5410, kHighHalves = 0x7632;
  Value first = arith::BitcastOp::create(*this, getI32Type(), lo);
  Value second = arith::BitcastOp::create(*this, getI32Type(), hi);
  Value low = movmatrix(permuteBytes(first, second, kLowHalves));
  Value high = movmatrix(permuteBytes(first, second, kHighHalves));
  first = arith::BitcastOp::create(*this, getF32Type(), permuteBytes(low, high, kLowHalves));
  second = arith::BitcastOp::create(*this, getF32Type(), permuteBytes(low, high, kHighHalves));
  return {first, second};
}

void NVVMBuilder::stmatrix(Value shared, ValueRange registers, bool transpose) {
  NVVM::StMatrixOp::create(*this, shared, registers, transpose ? NVVM::MMALayout::col : NVVM::MMALayout::row,
                           NVVM::LdStMatrixShapeAttr::get(getContext(), 8, 8), NVVM::LdStMatrixEltType::B16);
}
