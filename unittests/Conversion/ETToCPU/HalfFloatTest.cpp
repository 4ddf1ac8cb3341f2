//===- HalfFloatTest.cpp - Half precision conversions in kernels -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Every f16 and bf16 value is widened, and random and special f32 values are
// narrowed, by compiled code at each level; APFloat is the reference.
//
//===----------------------------------------------------------------------===//

#include "et/Conversion/ETToCPU/HalfFloat.h"
#include "LinearTestSupport.h"

#include "gtest/gtest.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/bit.h"

#include <cmath>

using namespace mlir;
using namespace mlir::et::cpu;

namespace {
class HalfFloatTest : public testing::TestWithParam<ISALevel> {
protected:
  HalfFloatTest() : context(MLIRContext::Threading::DISABLED) { loadKernelDialects(context); }
  void SetUp() override {
    if (GetParam() > ISA::host())
      GTEST_SKIP() << "this machine does not run " << stringifyISALevel(GetParam()).str();
  }

  /// Compiles a function that converts memref<?xfrom> to memref<?xto>, whole
  /// vectors at a time, and runs it.
  void convert(Type from, Type to, void *src, void *dst, int64_t size) {
    ISA isa = ISA::get(GetParam());
    OpBuilder b(&context);
    Location loc = b.getUnknownLoc();
    int64_t lanes = isa.vectorLanes(b.getF32Type());
    ASSERT_EQ(size % lanes, 0);
    OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
    b.setInsertionPointToEnd(module->getBody());
    Type fromMem = MemRefType::get({ShapedType::kDynamic}, from);
    Type toMem = MemRefType::get({ShapedType::kDynamic}, to);
    auto func = func::FuncOp::create(b, loc, "convert", b.getFunctionType({fromMem, toMem}, {}));
    func->setAttr("llvm.emit_c_interface", b.getUnitAttr());
    Block *entry = func.addEntryBlock();
    b.setInsertionPointToStart(entry);
    auto index = [&](int64_t i) -> Value { return arith::ConstantIndexOp::create(b, loc, i); };
    auto loop = scf::ForOp::create(b, loc, index(0), index(size), index(lanes));
    func::ReturnOp::create(b, loc);
    b.setInsertionPointToStart(loop.getBody());
    Value i = loop.getInductionVar();
    Value v = vector::LoadOp::create(b, loc, VectorType::get({lanes}, from), entry->getArgument(0), i);
    v = to.isF32() ? extendToF32(b, loc, v, isa) : truncateFromF32(b, loc, v, to, isa);
    vector::StoreOp::create(b, loc, v, entry->getArgument(1), i);

    KernelJITOptions options;
    options.keepAssembly = true;
    auto jit = KernelJIT::compile(*module, isa, options);
    ASSERT_TRUE(jit);
    EXPECT_EQ(jit->assembly.find("call"), std::string::npos);
    auto run = reinterpret_cast<void (*)(MemRef<1> *, MemRef<1> *)>(jit->lookup("_mlir_ciface_convert"));
    ASSERT_TRUE(run);
    MemRef<1> srcRef = {src, src, 0, {size}, {1}};
    MemRef<1> dstRef = {dst, dst, 0, {size}, {1}};
    run(&srcRef, &dstRef);
  }

  MLIRContext context;
};
} // namespace

INSTANTIATE_TEST_SUITE_P(Levels, HalfFloatTest, testing::Values(ISALevel::Baseline, ISALevel::AVX2, ISALevel::AVX512),
                         [](const testing::TestParamInfo<ISALevel> &info) {
                           return stringifyISALevel(info.param).str();
                         });

TEST_P(HalfFloatTest, WidensEveryValue) {
  for (Type half : {Type(Float16Type::get(&context)), Type(BFloat16Type::get(&context))}) {
    std::vector<uint16_t> src(65536);
    for (size_t i = 0; i < src.size(); ++i)
      src[i] = uint16_t(i);
    std::vector<float> dst(src.size());
    convert(half, Float32Type::get(&context), src.data(), dst.data(), int64_t(src.size()));
    for (size_t i = 0; i < src.size(); ++i) {
      float expected = readElement(half, src.data(), int64_t(i));
      if (std::isnan(expected))
        ASSERT_TRUE(std::isnan(dst[i])) << i;
      else
        ASSERT_EQ(llvm::bit_cast<uint32_t>(dst[i]), llvm::bit_cast<uint32_t>(expected)) << i;
    }
  }
}

TEST_P(HalfFloatTest, RoundsToNearestEven) {
  std::vector<float> src = {0.0f,       -0.0f,    65504.0f,  65519.9f, 65520.0f, 1e30f,   -1e30f,
                            3.4e38f,    1e-8f,    5.9e-8f,   2.9e-8f,  2.99e-8f, 6.1e-5f, 6.09e-5f,
                            -6.103e-5f, INFINITY, -INFINITY, NAN,      1e-40f,   1.0f};
  // Ties, in the normal and the denormal range.
  for (float unit : {0x1p-10f, 0x1p-24f})
    for (float base : {1.0f, 0.0f, -1.0f})
      for (float half : {0.5f, 1.5f, 2.5f, 3.5f})
        src.push_back(base + half * unit);
  // A NaN whose payload is in the low bits only.
  src.push_back(llvm::bit_cast<float>(0x7f800001u));
  src.push_back(llvm::bit_cast<float>(0xffffffffu));
  std::mt19937 random(99);
  while (src.size() < 20000) {
    // Any bits, or any significand with an exponent around the range of f16.
    uint32_t bits = uint32_t(random());
    if (src.size() % 2)
      bits = (bits & 0x807fffff) | ((100 + (bits >> 23) % 46) << 23);
    src.push_back(llvm::bit_cast<float>(bits));
  }
  src.resize(src.size() / 16 * 16);
  for (Type half : {Type(Float16Type::get(&context)), Type(BFloat16Type::get(&context))}) {
    std::vector<uint16_t> dst(src.size());
    convert(Float32Type::get(&context), half, src.data(), dst.data(), int64_t(src.size()));
    for (size_t i = 0; i < src.size(); ++i) {
      uint16_t expected;
      writeElement(half, &expected, 0, src[i]);
      float got = readElement(half, &dst[i], 0);
      if (std::isnan(src[i]))
        ASSERT_TRUE(std::isnan(got)) << i;
      else
        ASSERT_EQ(dst[i], expected) << "of " << src[i];
    }
  }
}
