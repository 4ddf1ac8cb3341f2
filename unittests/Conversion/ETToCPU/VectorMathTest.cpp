//===- VectorMathTest.cpp - Vector functions against float64 -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Evaluates each function on many arguments for every level the machine has, and
// compares with the C library in float64: in units in the last place, or in
// absolute error where that is what the function promises. Then the translation
// of scalar bodies, and what it refuses.
//
//===----------------------------------------------------------------------===//

#include "KernelTestUtils.h"

#include "et/Conversion/ETToCPU/VectorMath.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Parser/Parser.h"

#include "gtest/gtest.h"

using namespace mlir;
using namespace mlir::et::cpu;

namespace {
using Emit = llvm::function_ref<Value(OpBuilder &, Location, Value)>;

/// Compiles a loop over vectors of an array and applies it to \p in.
std::vector<float> apply(ISALevel level, Emit emit, std::vector<float> in, bool scalar = false) {
  MLIRContext context;
  loadKernelDialects(context);
  ISA isa = ISA::get(level);
  OpBuilder b(&context);
  Location loc = b.getUnknownLoc();
  auto module = ModuleOp::create(loc);
  b.setInsertionPointToEnd(module.getBody());
  auto mem = MemRefType::get({ShapedType::kDynamic}, b.getF32Type());
  Type index = b.getIndexType();
  auto func = func::FuncOp::create(b, loc, "apply", b.getFunctionType({index, index, mem, mem}, {}));
  func->setAttr("llvm.emit_c_interface", b.getUnitAttr());
  b.setInsertionPointToStart(func.addEntryBlock());
  const int64_t lanes = scalar ? 1 : isa.vectorBits / 32;
  Value zero = arith::ConstantIndexOp::create(b, loc, 0);
  Value step = arith::ConstantIndexOp::create(b, loc, lanes);
  Value end = memref::DimOp::create(b, loc, func.getArgument(2), zero);
  auto loop = scf::ForOp::create(b, loc, zero, end, step);
  b.setInsertionPointToStart(loop.getBody());
  Value iv = loop.getInductionVar();
  if (scalar) {
    Value x = memref::LoadOp::create(b, loc, func.getArgument(2), iv);
    memref::StoreOp::create(b, loc, emit(b, loc, x), func.getArgument(3), iv);
  } else {
    auto vec = VectorType::get({lanes}, b.getF32Type());
    Value x = vector::LoadOp::create(b, loc, vec, func.getArgument(2), iv);
    vector::StoreOp::create(b, loc, emit(b, loc, x), func.getArgument(3), iv);
  }
  b.setInsertionPointToEnd(&func.front());
  func::ReturnOp::create(b, loc);
  KernelJITOptions options;
  options.keepAssembly = true;
  auto jit = KernelJIT::compile(module, isa, options);
  module->erase();
  if (!jit) {
    ADD_FAILURE() << "does not compile";
    return {};
  }
  EXPECT_EQ(libraryCalls(jit->assembly), "") << stringifyISALevel(level).str();
  while (in.size() % 16)
    in.push_back(0);
  Array x(DType::F32, {int64_t(in.size())}), y(DType::F32, {int64_t(in.size())});
  memcpy(x.data(), in.data(), in.size() * 4);
  callKernel(jit->lookup("_mlir_ciface_apply"), {&x, &y}, 1);
  std::vector<float> out(in.size());
  memcpy(out.data(), y.data(), out.size() * 4);
  return out;
}

double phi(double x) { return 0.5 * std::erfc(-x * M_SQRT1_2); }

struct Case {
  const char *name;
  MathFn fn;
  double (*reference)(double);
  double low, high;
  /// Bound in ulp, or in absolute error where `absolute` is set. Results pass
  /// when either holds.
  double ulp, absolute;
};

const Case cases[] = {
    {"exp", MathFn::Exp, [](double x) { return std::exp(x); }, -110, 92, 1.5, 0},
    {"exp2", MathFn::Exp2, [](double x) { return std::exp2(x); }, -155, 130, 1.5, 0},
    {"expm1", MathFn::Expm1, [](double x) { return std::expm1(x); }, -20, 90, 8, 0},
    {"expm1 near 0", MathFn::Expm1, [](double x) { return std::expm1(x); }, -0.1, 0.1, 8, 0},
    {"log", MathFn::Log, [](double x) { return std::log(x); }, 1e-40, 10, 2, 0},
    {"log large", MathFn::Log, [](double x) { return std::log(x); }, 1, 1e38, 2, 0},
    {"log2", MathFn::Log2, [](double x) { return std::log2(x); }, 1e-3, 100, 4, 0},
    {"log1p", MathFn::Log1p, [](double x) { return std::log1p(x); }, -0.99, 30, 4, 0},
    {"tanh", MathFn::Tanh, [](double x) { return std::tanh(x); }, -12, 12, 8, 0},
    {"tanh near 0", MathFn::Tanh, [](double x) { return std::tanh(x); }, -1e-2, 1e-2, 6, 0},
    {"erf", MathFn::Erf, [](double x) { return std::erf(x); }, -6, 6, 8, 0},
    {"erf near 0", MathFn::Erf, [](double x) { return std::erf(x); }, -1e-2, 1e-2, 6, 0},
    {"sigmoid", MathFn::Sigmoid, [](double x) { return 1 / (1 + std::exp(-x)); }, -86, 40, 3.5, 0},
    {"rsqrt", MathFn::Rsqrt, [](double x) { return 1 / std::sqrt(x); }, 1e-6, 1e6, 1.5, 0},
    {"sin", MathFn::Sin, [](double x) { return std::sin(x); }, -8192, 8192, 3, 3e-7},
    {"cos", MathFn::Cos, [](double x) { return std::cos(x); }, -8192, 8192, 3, 3e-7},
    {"floor", MathFn::Floor, [](double x) { return std::floor(x); }, -1e8, 1e8, 0, 0},
    {"ceil", MathFn::Ceil, [](double x) { return std::ceil(x); }, -100, 100, 0, 0},
    {"roundeven", MathFn::RoundEven, [](double x) { return std::nearbyint(x); }, -100, 100, 0, 0},
    {"gelu erf", MathFn::GeluErf, [](double x) { return x * phi(x); }, -12, 12, 1, 5e-7},
    {"gelu erf near 0", MathFn::GeluErf, [](double x) { return x * phi(x); }, -1e-2, 1e-2, 40, 0},
    {"gelu tanh", MathFn::GeluTanh,
     [](double x) { return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x))); }, -12, 12, 3,
     5e-7},
    {"gelu sigmoid", MathFn::GeluSigmoid, [](double x) { return x / (1 + std::exp(-1.702 * x)); }, -20, 20, 3, 5e-7},
};

class VectorMath : public testing::TestWithParam<ISALevel> {};

TEST_P(VectorMath, Accuracy) {
  ISA isa = ISA::get(GetParam());
  unsigned seed = std::random_device{}();
  std::mt19937 rng(seed);
  for (const Case &c : cases) {
    std::vector<float> in;
    std::uniform_real_distribution<double> dist(c.low, c.high);
    for (int i = 0; i < 200000; ++i)
      in.push_back(dist(rng));
    in.push_back(c.low);
    in.push_back(c.high);
    auto out =
        apply(GetParam(), [&](OpBuilder &b, Location loc, Value x) { return emitMath(b, loc, c.fn, x, isa); }, in);
    ASSERT_GE(out.size(), in.size());
    double worstUlp = 0, worstAbs = 0;
    int failures = 0;
    for (size_t i = 0; i < in.size(); ++i) {
      double want = c.reference(in[i]);
      double ulp = ulpError(out[i], want), abs = std::abs(out[i] - want);
      if (std::isfinite(float(want)))
        worstAbs = std::max(worstAbs, abs);
      worstUlp = std::max(worstUlp, ulp);
      bool good = ulp <= c.ulp || (c.absolute && abs <= c.absolute);
      if (!good && failures++ < 3)
        ADD_FAILURE() << c.name << "(" << in[i] << ") = " << out[i] << ", not " << want << " (" << ulp << " ulp), seed "
                      << seed;
    }
    printf("  %-16s %8.2f ulp  %.2e absolute\n", c.name, worstUlp, worstAbs);
  }
}

TEST_P(VectorMath, SpecialValues) {
  ISA isa = ISA::get(GetParam());
  const float inf = INFINITY, max = 3.4028235e38f;
  struct {
    MathFn fn;
    std::vector<std::pair<float, float>> values;
  } special[] = {
      {MathFn::Exp, {{inf, inf}, {-inf, 0}, {NAN, NAN}, {max, inf}, {-max, 0}, {0, 1}}},
      {MathFn::Exp2, {{inf, inf}, {-inf, 0}, {NAN, NAN}, {max, inf}, {-max, 0}, {-1, 0.5f}}},
      {MathFn::Expm1, {{inf, inf}, {-inf, -1}, {NAN, NAN}, {-max, -1}, {0, 0}}},
      {MathFn::Log, {{inf, inf}, {-inf, NAN}, {NAN, NAN}, {0, -inf}, {-1, NAN}, {1, 0}}},
      {MathFn::Log1p, {{inf, inf}, {-1, -inf}, {-2, NAN}, {NAN, NAN}, {0, 0}}},
      {MathFn::Tanh, {{inf, 1}, {-inf, -1}, {NAN, NAN}, {max, 1}, {0, 0}}},
      {MathFn::Erf, {{inf, 1}, {-inf, -1}, {NAN, NAN}, {-max, -1}, {0, 0}}},
      {MathFn::Sigmoid, {{inf, 1}, {-inf, 0}, {NAN, NAN}, {-max, 0}, {0, 0.5f}}},
      {MathFn::Sin, {{inf, NAN}, {NAN, NAN}, {0, 0}}},
      {MathFn::Floor, {{inf, inf}, {NAN, NAN}, {-0.5f, -1}, {max, max}}},
      {MathFn::Ceil, {{-inf, -inf}, {NAN, NAN}, {0.5f, 1}, {-max, -max}}},
      {MathFn::GeluErf, {{inf, inf}, {NAN, NAN}, {max, max}, {0, 0}, {-40, 0}}},
      {MathFn::GeluTanh, {{NAN, NAN}, {max, max}, {-max, 0}, {0, 0}}},
      {MathFn::GeluSigmoid, {{inf, inf}, {NAN, NAN}, {-max, 0}, {0, 0}}},
  };
  for (auto &test : special)
    for (bool scalar : {false, true}) {
      std::vector<float> in;
      for (auto [x, y] : test.values)
        in.push_back(x);
      auto out = apply(
          GetParam(), [&](OpBuilder &b, Location loc, Value x) { return emitMath(b, loc, test.fn, x, isa); }, in,
          scalar);
      ASSERT_GE(out.size(), in.size());
      for (size_t i = 0; i < in.size(); ++i) {
        float want = test.values[i].second;
        bool same = std::isnan(want)   ? std::isnan(out[i])
                    : std::isinf(want) ? out[i] == want
                                       : std::abs(out[i] - want) <= 2e-7f * std::abs(want) + 1e-6f;
        EXPECT_TRUE(same) << "function " << int(test.fn) << " of " << in[i] << " is " << out[i] << ", not " << want;
      }
    }
}

TEST_P(VectorMath, SoftmaxExponential) {
  ISA isa = ISA::get(GetParam());
  std::vector<float> in{0, -1, -0.5f, -126, -127, -150, -1e30f, -3.4e38f, -INFINITY, NAN};
  std::mt19937 rng(std::random_device{}());
  std::uniform_real_distribution<float> dist(-130, 0);
  for (int i = 0; i < 100000; ++i)
    in.push_back(dist(rng));
  auto out =
      apply(GetParam(), [&](OpBuilder &b, Location loc, Value x) { return emitExp2Softmax(b, loc, x, isa); }, in);
  double worst = 0;
  for (size_t i = 0; i < in.size(); ++i) {
    if (in[i] < -126)
      EXPECT_LE(std::abs(out[i]), 1.2e-38f) << in[i];
    else
      worst = std::max(worst, ulpError(out[i], std::exp2(double(in[i]))));
  }
  EXPECT_EQ(out[8], 0.0f);
  EXPECT_LE(worst, 3.0);
  printf("  exp2 for softmax %.2f ulp\n", worst);
}

/// Vectorises the body of the function in \p text and applies it.
std::vector<float> applyBody(ISALevel level, StringRef text, std::vector<float> in) {
  ISA isa = ISA::get(level);
  return apply(
      level,
      [&](OpBuilder &b, Location loc, Value x) -> Value {
        auto module = parseSourceString<ModuleOp>(text, b.getContext());
        auto func = *module->getOps<func::FuncOp>().begin();
        std::string reason;
        auto results = vectorizeBlock(b, func.front(), ValueRange(x), isa, reason);
        EXPECT_TRUE(succeeded(results)) << reason;
        return failed(results) ? x : results->front();
      },
      in);
}

TEST_P(VectorMath, ScalarBodies) {
  std::vector<float> in;
  for (int i = -80; i < 80; ++i)
    in.push_back(i * 0.1f);
  // SiLU with a select, an integer detour and a constant.
  auto out = applyBody(GetParam(), R"(
    func.func @f(%x: f32) -> f32 {
      %one = arith.constant 1.0 : f32
      %zero = arith.constant 0.0 : f32
      %n = arith.negf %x : f32
      %e = math.exp %n : f32
      %d = arith.addf %e, %one : f32
      %y = arith.divf %x, %d : f32
      %big = arith.cmpf ogt, %x, %one : f32
      %i = arith.fptosi %x : f32 to i32
      %f = arith.sitofp %i : i32 to f32
      %r = arith.select %big, %f, %y : f32
      return %r : f32
    })",
                       in);
  for (size_t i = 0; i < in.size(); ++i) {
    double want = in[i] > 1 ? std::trunc(in[i]) : in[i] / (1 + std::exp(-in[i]));
    EXPECT_NEAR(out[i], want, 1e-6) << in[i];
  }
  // Half precision is computed in f32 and rounded.
  out = applyBody(GetParam(), R"(
    func.func @f(%x: f32) -> f32 {
      %h = arith.truncf %x : f32 to f16
      %t = math.tanh %h : f16
      %s = arith.mulf %t, %h : f16
            %y = arith.extf %s : f16 to f32
      return %y : f32
    })",
                  in);
  for (size_t i = 0; i < in.size(); ++i)
    EXPECT_NEAR(out[i], in[i] * std::tanh(in[i]), 8 * 0x1p-10) << in[i];
  out = applyBody(GetParam(), R"(
    func.func @f(%x: f32) -> f32 {
      %b = arith.truncf %x : f32 to bf16
      %c = arith.constant 1.0 : bf16
      %m = arith.maximumf %b, %c : bf16
      %y = arith.extf %m : bf16 to f32
      return %y : f32
    })",
                  in);
  for (size_t i = 0; i < in.size(); ++i)
    EXPECT_NEAR(out[i], std::max(in[i], 1.0f), 8 * 0x1p-8) << in[i];
}

TEST(VectorMathBody, Refuses) {
  MLIRContext context;
  loadKernelDialects(context);
  struct {
    const char *op, *reason;
  } bad[] = {
      {"%r = math.powf %x, %x : f32", "no small constant"},
      {"%d = arith.extf %x : f32 to f64\n%e = math.exp %d : f64\n"
       "%r = arith.truncf %e : f64 to f32",
       "f32, not for f64"},
      {"%r = arith.remf %x, %x : f32", "library call"},
      {"%r = math.atan %x : f32", "no vector form"},
      {"%c = arith.constant true\n%r = scf.if %c -> f32 { scf.yield %x : f32 } "
       "else { scf.yield %x : f32 }",
       "has a region"},
      {"%m = memref.alloca() : memref<f32>\n%r = memref.load %m[] : memref<f32>", "not a scalar"},
      {"%v = vector.broadcast %x : f32 to vector<4xf32>\n"
       "%r = vector.extract %v[0] : f32 from vector<4xf32>",
       "not a scalar"},
  };
  for (auto &test : bad) {
    std::string text = std::string("func.func @f(%x: f32) -> f32 {\n") + test.op + "\nreturn %r : f32 }";
    auto module = parseSourceString<ModuleOp>(text, &context);
    ASSERT_TRUE(module) << text;
    auto func = *module->getOps<func::FuncOp>().begin();
    OpBuilder b(func);
    std::string reason;
    ISA isa = ISA::get(ISALevel::Baseline);
    EXPECT_TRUE(failed(vectorizeBlock(b, func.front(), func.getArguments(), isa, reason)));
    EXPECT_NE(reason.find(test.reason), std::string::npos) << reason;
  }
}

INSTANTIATE_TEST_SUITE_P(Levels, VectorMath, testing::ValuesIn(testableLevels()),
                         [](const testing::TestParamInfo<ISALevel> &info) {
                           return stringifyISALevel(info.param).str();
                         });
} // namespace
