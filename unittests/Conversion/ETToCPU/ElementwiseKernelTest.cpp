//===- ElementwiseKernelTest.cpp - Elementwise kernels -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Parses bodies of linalg.generic, builds kernels from them for every level the
// machine has, and compares with the same formula in float64 for awkward sizes,
// memory orders, broadcasts and element types.
//
//===----------------------------------------------------------------------===//

#include "KernelTestUtils.h"

#include "et/Conversion/ETToCPU/ElementwiseKernel.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"

#include "gtest/gtest.h"

using namespace mlir;
using namespace mlir::et::cpu;

namespace {
/// A kernel made from the only linalg.generic of a function.
struct Kernel {
  Kernel(ISALevel level, const std::string &text) {
    loadKernelDialects(context);
    context.loadDialect<linalg::LinalgDialect, tensor::TensorDialect>();
    auto source = parseSourceString<ModuleOp>(text, &context);
    EXPECT_TRUE(source) << text;
    if (!source)
      return;
    linalg::GenericOp generic;
    source->walk([&](linalg::GenericOp op) { generic = op; });
    ISA isa = ISA::get(level);
    auto spec =
        getElementwiseSpec(*generic.getBody(), generic.getIndexingMapsArray(), generic.getNumDpsInputs(), isa, reason);
    if (failed(spec))
      return;
    OpBuilder b(&context);
    auto module = ModuleOp::create(b.getUnknownLoc());
    b.setInsertionPointToEnd(module.getBody());
    auto func = buildElementwiseKernel(b, b.getUnknownLoc(), "kernel", *spec, isa);
    func->setAttr("llvm.emit_c_interface", b.getUnitAttr());
    EXPECT_TRUE(succeeded(verify(module)));
    KernelJITOptions options;
    options.keepAssembly = true;
    jit = KernelJIT::compile(module, isa, options);
    module->erase();
    if (!jit)
      return;
    EXPECT_EQ(libraryCalls(jit->assembly), "");
    symbol = jit->lookup("_mlir_ciface_kernel");
  }
  MLIRContext context;
  std::unique_ptr<KernelJIT> jit;
  void *symbol = nullptr;
  std::string reason;
};

/// A function with one linalg.generic over \p inputs (types) and one output.
std::string generic(const std::string &iterators, std::vector<std::pair<std::string, std::string>> operands,
                    const std::string &body) {
  std::string args, maps, ins, types, blockArgs;
  for (size_t i = 0; i < operands.size(); ++i) {
    auto &[map, type] = operands[i];
    std::string name = "%a" + std::to_string(i);
    std::string elt = type.substr(type.rfind('x') + 1);
    elt = elt.substr(0, elt.find('>'));
    if (type.find('x') == std::string::npos)
      elt = type.substr(7, type.size() - 8);
    args += (i ? ", " : "") + name + ": " + type;
    maps += (i ? ", " : "") + std::string("affine_map<") + map + ">";
    blockArgs += (i ? ", %x" : "%x") + std::to_string(i) + ": " + elt;
    if (i + 1 < operands.size()) {
      ins += (i ? ", " : "") + name;
      types += (i ? ", " : "") + type;
    }
  }
  std::string out = "%a" + std::to_string(operands.size() - 1);
  std::string outType = operands.back().second;
  return "func.func @f(" + args + ") -> " + outType +
         " {\n%two = arith.constant 2.0 : f32\n%r = linalg.generic "
         "{indexing_maps = [" +
         maps + "], iterator_types = [" + iterators + "]} " + (ins.empty() ? "" : "ins(" + ins + " : " + types + ") ") +
         "outs(" + out + " : " + outType + ") {\n^bb0(" + blockArgs + "):\n" + body + "\n} -> " + outType +
         "\nreturn %r : " + outType + "\n}";
}

class Elementwise : public testing::TestWithParam<ISALevel> {};

const std::string par2 = "\"parallel\", \"parallel\"";
const std::string par3 = "\"parallel\", \"parallel\", \"parallel\"";

TEST_P(Elementwise, BroadcastAddGelu) {
  // gelu(x * 2 + row bias) with a constant from outside.
  Kernel kernel(GetParam(), generic(par3,
                                    {{"(a, b, c) -> (a, b, c)", "tensor<?x?x?xf32>"},
                                     {"(a, b, c) -> (c)", "tensor<?xf32>"},
                                     {"(a, b, c) -> (b, 0)", "tensor<?x1xf32>"},
                                     {"(a, b, c) -> (a, b, c)", "tensor<?x?x?xf32>"}},
                                    R"(
      %0 = arith.mulf %x0, %two : f32
      %1 = arith.addf %0, %x1 : f32
      %2 = arith.subf %1, %x2 : f32
      %3 = math.tanh %2 : f32
      linalg.yield %3 : f32)"));
  ASSERT_NE(kernel.symbol, nullptr) << kernel.reason;
  std::mt19937 rng(std::random_device{}());
  double worst = 0;
  for (std::vector<int64_t> size : {std::vector<int64_t>{1, 1, 1},
                                    {2, 3, 5},
                                    {3, 1, 16},
                                    {2, 7, 33},
                                    {1, 2, 9001},
                                    {0, 3, 5},
                                    {4, 0, 2},
                                    {2, 3, 0}})
    for (std::vector<int> order : {std::vector<int>{0, 1, 2}, {2, 0, 1}, {1, 0, 2}})
      for (int64_t padding : {0, 3})
        for (int64_t threads : {1, 3}) {
          Array x(DType::F32, size), bias(DType::F32, {size[2]}), row(DType::F32, {size[1], 1}),
              y(DType::F32, size, order, padding);
          for (Array *array : {&x, &bias, &row})
            array->fillNormal(rng);
          callKernel(kernel.symbol, {&x, &bias, &row, &y}, threads);
          EXPECT_TRUE(y.guardsIntact());
          y.forEach([&](llvm::ArrayRef<int64_t> i) {
            double want = std::tanh(2 * x.at(i) + bias.get(i[2]) - row.get(i[1]));
            worst = std::max(worst, std::abs(want - y.at(i)));
          });
        }
  printf("  max abs error %.2e (compiled in %.0f + %.0f + %.0f ms)\n", worst, kernel.jit->lowerMs, kernel.jit->optMs,
         kernel.jit->codegenMs);
  EXPECT_LE(worst, 8e-7);
}

TEST_P(Elementwise, InPlace) {
  Kernel kernel(GetParam(),
                generic(par2, {{"(a, b) -> (a, b)", "tensor<?x?xf32>"}, {"(a, b) -> (a, b)", "tensor<?x?xf32>"}},
                        R"(
      %0 = arith.addf %x0, %two : f32
      linalg.yield %0 : f32)"));
  ASSERT_NE(kernel.symbol, nullptr) << kernel.reason;
  Array x(DType::F32, {5, 37}, {}, 2);
  x.fill([] { return 1.0; });
  callKernel(kernel.symbol, {&x, &x}, 2);
  x.forEach([&](llvm::ArrayRef<int64_t> i) { EXPECT_EQ(x.at(i), 3.0); });
}

TEST_P(Elementwise, Transposes) {
  Kernel kernel(GetParam(),
                generic(par2, {{"(a, b) -> (b, a)", "tensor<?x?xf16>"}, {"(a, b) -> (a, b)", "tensor<?x?xf32>"}},
                        R"(
      %0 = arith.extf %x0 : f16 to f32
      linalg.yield %0 : f32)"));
  ASSERT_NE(kernel.symbol, nullptr) << kernel.reason;
  std::mt19937 rng(std::random_device{}());
  Array x(DType::F16, {41, 19}), y(DType::F32, {19, 41});
  x.fillNormal(rng);
  callKernel(kernel.symbol, {&x, &y}, 2);
  y.forEach([&](llvm::ArrayRef<int64_t> i) { EXPECT_EQ(y.at(i), x.at({i[1], i[0]})); });
}

TEST_P(Elementwise, BoolsAndIntegers) {
  // where(mask && id > 3, half, 0) with a bool in and one out.
  Kernel kernel(GetParam(), generic(par2,
                                    {{"(a, b) -> (a, b)", "tensor<?x?xi1>"},
                                     {"(a, b) -> (b)", "tensor<?xi64>"},
                                     {"(a, b) -> (a, b)", "tensor<?x?xi1>"}},
                                    R"(
      %three = arith.constant 3 : i64
      %0 = arith.cmpi sgt, %x1, %three : i64
      %1 = arith.andi %x0, %0 : i1
      linalg.yield %1 : i1)"));
  ASSERT_NE(kernel.symbol, nullptr) << kernel.reason;
  std::mt19937 rng(std::random_device{}());
  Array mask(DType::I8, {7, 45}), ids(DType::I64, {45}), out(DType::I8, {7, 45});
  mask.fill([&] { return rng() % 2; });
  ids.fill([&] { return rng() % 7; });
  callKernel(kernel.symbol, {&mask, &ids, &out}, 2);
  EXPECT_TRUE(out.guardsIntact());
  out.forEach([&](llvm::ArrayRef<int64_t> i) { EXPECT_EQ(out.at(i), mask.at(i) && ids.get(i[1]) > 3); });
}

TEST_P(Elementwise, Indices) {
  // A causal mask out of nothing: 0 or -inf.
  Kernel kernel(GetParam(), generic(par2, {{"(a, b) -> (a, b)", "tensor<?x?xbf16>"}},
                                    R"(
      %i = linalg.index 0 : index
      %j = linalg.index 1 : index
      %keep = arith.cmpi sle, %j, %i : index
      %zero = arith.constant 0.0 : bf16
      %low = arith.constant 0xFF80 : bf16
      %0 = arith.select %keep, %zero, %low : bf16
      linalg.yield %0 : bf16)"));
  ASSERT_NE(kernel.symbol, nullptr) << kernel.reason;
  Array out(DType::BF16, {21, 50});
  callKernel(kernel.symbol, {&out}, 2);
  out.forEach([&](llvm::ArrayRef<int64_t> i) { EXPECT_EQ(out.at(i), i[1] <= i[0] ? 0.0 : -INFINITY); });
}

TEST_P(Elementwise, Scalars) {
  Kernel kernel(GetParam(), generic("", {{"() -> ()", "tensor<f32>"}, {"() -> ()", "tensor<f32>"}},
                                    R"(
      %0 = math.exp %x0 : f32
      linalg.yield %0 : f32)"));
  ASSERT_NE(kernel.symbol, nullptr) << kernel.reason;
  Array x(DType::F32, {}), y(DType::F32, {});
  x.set(0, 1.0);
  callKernel(kernel.symbol, {&x, &y}, 2);
  EXPECT_NEAR(y.get(0), std::exp(1.0), 1e-6);
}

INSTANTIATE_TEST_SUITE_P(Levels, Elementwise, testing::ValuesIn(testableLevels()),
                         [](const testing::TestParamInfo<ISALevel> &info) {
                           return stringifyISALevel(info.param).str();
                         });

TEST(ElementwiseSpec, Refuses) {
  struct {
    std::string text, reason;
  } bad[] = {
      {generic("\"parallel\", \"reduction\"",
               {{"(a, b) -> (a, b)", "tensor<?x?xf32>"}, {"(a, b) -> (a)", "tensor<?xf32>"}},
               "%0 = arith.addf %x0, %x1 : f32\nlinalg.yield %0 : f32"),
       "reductions are not elementwise"},
      {generic(par2, {{"(a, b) -> (a, b)", "tensor<?x?xf32>"}, {"(a, b) -> (a, b)", "tensor<?x?xf32>"}},
               "%0 = arith.addf %x0, %x1 : f32\nlinalg.yield %0 : f32"),
       "previous value of an output"},
      {generic(par2, {{"(a, b) -> (a + b)", "tensor<?xf32>"}, {"(a, b) -> (a, b)", "tensor<?x?xf32>"}},
               "linalg.yield %x0 : f32"),
       "plain dimensions and zeros"},
      {generic(par2, {{"(a, b) -> (a, b)", "tensor<?x?xf32>"}, {"(a, b) -> (a, b)", "tensor<?x?xf32>"}},
               "%0 = math.atan2 %x0, %x0 : f32\nlinalg.yield %0 : f32"),
       "no vector form"},
  };
  for (auto &test : bad) {
    Kernel kernel(ISALevel::Baseline, test.text);
    EXPECT_EQ(kernel.symbol, nullptr);
    EXPECT_NE(kernel.reason.find(test.reason), std::string::npos) << kernel.reason;
  }
}
} // namespace
