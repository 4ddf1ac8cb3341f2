//===- AttentionKernelTest.cpp - Fused attention against float64 -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Compiles attention kernels for every level the machine has and compares them
// with a float64 evaluation of the definition, on fresh random inputs of awkward
// sizes, layouts and masks. Each kernel takes all its sizes, as sizes are values.
//
//===----------------------------------------------------------------------===//

#include "KernelTestUtils.h"

#include "et/Conversion/ETToCPU/AttentionKernel.h"
#include "et/Conversion/ETToCPU/VectorMath.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/Verifier.h"

#include "gtest/gtest.h"

using namespace mlir;
using namespace mlir::et::cpu;

namespace {
// Iteration dimensions of all tests: two batch dimensions, (b, h, m, n, k, v).
constexpr unsigned B = 0, H = 1, M = 2, N = 3, K = 4, V = 5;

struct Config {
  std::vector<unsigned> queryDims{B, M, H, K}, keyDims{B, N, H, K}, valueDims{B, N, H, V}, outputDims{B, M, H, V};
  DType type = DType::F32;
  std::optional<std::vector<unsigned>> maskDims;
  DType maskType = DType::I8;
  bool lengths = false, leftPadding = false;
  /// Ragged: offsets of the rows, and of the keys.
  bool offsets = false, keyOffsets = false;
  DType offsetType = DType::I32;
  AttentionStructure structure = AttentionStructure::None;
  int64_t left = 0, right = 0, global = 0;
  int64_t k = 32, v = 32;
  /// score + n * 0.01 - m * 0.02 + h * 0.5 where set.
  bool score = false;
};

class AttentionKernel {
public:
  AttentionKernel(const Config &config, ISALevel level) : config(config) {
    loadKernelDialects(context);
    ISA isa = ISA::get(level);
    OpBuilder builder(&context);
    auto operand = [&](std::vector<unsigned> dims, DType type) {
      return AttentionOperand{SmallVector<unsigned>(dims.begin(), dims.end()), toMLIR(&context, type)};
    };
    AttentionKernelSpec spec;
    spec.numBatchDims = 2;
    spec.query = operand(config.queryDims, config.type);
    spec.key = operand(config.keyDims, config.type);
    spec.value = operand(config.valueDims, config.type);
    spec.output = operand(config.outputDims, config.type);
    if (config.maskDims)
      spec.mask = operand(*config.maskDims, config.maskType);
    if (config.lengths)
      spec.lengths = operand({B}, DType::I64);
    if (config.offsets)
      spec.offsets = toMLIR(&context, config.offsetType);
    if (config.keyOffsets)
      spec.keyOffsets = toMLIR(&context, config.offsetType);
    spec.headSizeK = config.k;
    spec.headSizeV = config.v;
    scale = spec.scale = 1.0f / std::sqrt(float(config.k));
    spec.structure = config.structure;
    spec.windowLeft = config.left;
    spec.windowRight = config.right;
    spec.windowGlobal = config.global;
    spec.leftPadding = config.leftPadding;
    if (config.score)
      spec.score = [&](OpBuilder &b, Location loc, const AttentionScoreArgs &args) -> Value {
        auto toFloat = [&](Value v, double factor) {
          v = broadcastToLanes(b, loc, v, isa);
          auto type = cast<VectorType>(args.score.getType());
          v = arith::IndexCastOp::create(b, loc, type.clone(b.getI32Type()), v);
          v = arith::SIToFPOp::create(b, loc, type, v);
          Value c = arith::ConstantOp::create(b, loc, DenseElementsAttr::get(type, b.getF32FloatAttr(factor)));
          return arith::MulFOp::create(b, loc, v, c).getResult();
        };
        Value s = args.score;
        s = arith::AddFOp::create(b, loc, s, toFloat(args.n, 0.01));
        s = arith::AddFOp::create(b, loc, s, toFloat(args.m, -0.02));
        return arith::AddFOp::create(b, loc, s, toFloat(args.batch[1], 0.5));
      };
    EXPECT_EQ(verifyAttentionSpec(spec), std::nullopt);
    scratchBytes = attentionScratchBytes(spec, isa);
    auto module = ModuleOp::create(builder.getUnknownLoc());
    builder.setInsertionPointToEnd(module.getBody());
    auto func = buildAttentionKernel(builder, builder.getUnknownLoc(), "kernel", spec, isa);
    func->setAttr("llvm.emit_c_interface", builder.getUnitAttr());
    EXPECT_TRUE(succeeded(verify(module)));
    jit = KernelJIT::compile(module, isa, {});
    module->erase();
    symbol = jit ? jit->lookup("_mlir_ciface_kernel") : nullptr;
    EXPECT_NE(symbol, nullptr);
  }

  struct Inputs {
    Array query, key, value, mask, lengths, offsets, keyOffsets, output;
  };

  std::vector<int64_t> shape(const std::vector<unsigned> &dims, int64_t b, int64_t h, int64_t m, int64_t n) {
    int64_t all[] = {b, h, m, n, config.k, config.v};
    std::vector<int64_t> sizes;
    for (unsigned dim : dims)
      sizes.push_back(all[dim]);
    return sizes;
  }

  Inputs inputs(std::mt19937 &rng, int64_t b, int64_t h, int64_t m, int64_t n, double deviation = 1.0) {
    Inputs in;
    in.query = Array(config.type, shape(config.queryDims, b, h, m, n));
    in.key = Array(config.type, shape(config.keyDims, b, h, m, n));
    in.value = Array(config.type, shape(config.valueDims, b, h, m, n));
    in.output = Array(config.type, shape(config.outputDims, b, h, m, n));
    in.query.fillNormal(rng, deviation);
    in.key.fillNormal(rng, deviation);
    in.value.fillNormal(rng);
    if (config.maskDims) {
      in.mask = Array(config.maskType, shape(*config.maskDims, b, h, m, n));
      if (config.maskType == DType::I8)
        in.mask.fill([&] { return rng() % 3 != 0; });
      else
        in.mask.fill([&] {
          return rng() % 5 == 0 ? -INFINITY : rng() % 7 == 0 ? -20.0 : std::normal_distribution<>(0, 2)(rng);
        });
    }
    if (config.lengths) {
      in.lengths = Array(DType::I64, {b});
      in.lengths.fill([&] { return double(rng() % (n + 1)); });
    }
    return in;
  }

  static double at(const Array &array, const std::vector<unsigned> &dims, llvm::ArrayRef<int64_t> iteration) {
    int64_t offset = 0;
    for (size_t i = 0; i < dims.size(); ++i)
      offset += iteration[dims[i]] * array.strides[i];
    return array.get(offset);
  }

  bool attends(int64_t i, int64_t j, int64_t m, int64_t n) const {
    switch (config.structure) {
    case AttentionStructure::None:
      return true;
    case AttentionStructure::Causal:
      return j <= i;
    case AttentionStructure::CausalLowerRight:
      return j <= i + n - m;
    case AttentionStructure::Window:
      return (i - config.left <= j && j <= i + config.right) || i < config.global || j < config.global;
    }
    return true;
  }

  struct Sequence {
    int64_t row, numRows, key, numKeys;
  };

  /// The sequence of row \p i of \p m.
  Sequence sequenceOf(const Inputs &in, int64_t i, int64_t m, int64_t n) const {
    if (!config.offsets)
      return {0, m, 0, n};
    const Array &keys = config.keyOffsets ? in.keyOffsets : in.offsets;
    for (int64_t s = 0; s + 1 < in.offsets.sizes[0]; ++s)
      if (i < in.offsets.get(s + 1)) {
        int64_t row = in.offsets.get(s), key = keys.get(s);
        return {row, int64_t(in.offsets.get(s + 1)) - row, key, int64_t(keys.get(s + 1)) - key};
      }
    return {i, 1, 0, 0};
  }

  /// Gives \p in offsets of sequences of the lengths \p rows and \p keys.
  void setOffsets(Inputs &in, std::vector<int64_t> rows, std::vector<int64_t> keys) {
    for (auto [array, lengths] : {std::pair(&in.offsets, rows), std::pair(&in.keyOffsets, keys)}) {
      *array = Array(config.offsetType, {int64_t(lengths.size()) + 1});
      int64_t sum = 0;
      array->set(0, 0);
      for (size_t i = 0; i < lengths.size(); ++i)
        array->set(i + 1, sum += lengths[i]);
    }
  }

  /// Runs the kernel and returns the largest error relative to the largest
  /// magnitude of the row.
  double run(Inputs &in, int64_t threads) {
    Array scratch(DType::F32, {scratchBytes / 4 * threads});
    std::vector<Array *> args{&in.query, &in.key, &in.value};
    if (config.maskDims)
      args.push_back(&in.mask);
    if (config.lengths)
      args.push_back(&in.lengths);
    if (config.offsets)
      args.push_back(&in.offsets);
    if (config.keyOffsets)
      args.push_back(&in.keyOffsets);
    args.push_back(&in.output);
    args.push_back(&scratch);
    callKernel(symbol, args, threads);
    EXPECT_TRUE(in.output.guardsIntact());
    EXPECT_TRUE(scratch.guardsIntact());
    return compare(in);
  }

  double compare(const Inputs &in) {
    auto sizeOf = [&](const Array &a, const std::vector<unsigned> &dims, unsigned dim) {
      return a.sizes[llvm::find(dims, dim) - dims.begin()];
    };
    int64_t b = sizeOf(in.output, config.outputDims, B);
    int64_t h = sizeOf(in.output, config.outputDims, H);
    int64_t m = sizeOf(in.output, config.outputDims, M);
    int64_t n = sizeOf(in.key, config.keyDims, N);
    double worst = 0;
    std::vector<double> p(n), expected(config.v);
    for (int64_t bi = 0; bi < b; ++bi)
      for (int64_t hi = 0; hi < h; ++hi)
        for (int64_t i = 0; i < m; ++i) {
          int64_t length = config.lengths ? int64_t(in.lengths.get(bi)) : n;
          Sequence own = sequenceOf(in, i, m, n);
          double top = -INFINITY;
          for (int64_t j = 0; j < n; ++j) {
            double s = 0;
            for (int64_t c = 0; c < config.k; ++c)
              s += at(in.query, config.queryDims, {bi, hi, i, j, c, 0}) *
                   at(in.key, config.keyDims, {bi, hi, i, j, c, 0});
            s *= scale;
            if (config.score)
              s += 0.01 * (j - own.key) - 0.02 * (i - own.row) + 0.5 * hi;
            bool valid = config.leftPadding ? j >= n - length : j < length;
            valid &= own.key <= j && j < own.key + own.numKeys;
            if (!valid || !attends(i - own.row, j - own.key, own.numRows, own.numKeys))
              s = -INFINITY;
            if (config.maskDims) {
              double v = at(in.mask, *config.maskDims, {bi, hi, i, j, 0, 0});
              if (config.maskType == DType::I8)
                s = v ? s : -INFINITY;
              else
                s = float(s + v);
            }
            p[j] = s;
            top = std::max(top, s);
          }
          double sum = 0;
          expected.assign(config.v, 0.0);
          for (int64_t j = 0; j < n && top != -INFINITY; ++j) {
            p[j] = std::exp(p[j] - top);
            sum += p[j];
            for (int64_t c = 0; c < config.v; ++c)
              expected[c] += p[j] * at(in.value, config.valueDims, {bi, hi, i, j, 0, c});
          }
          for (int64_t c = 0; c < config.v; ++c) {
            double want = sum ? expected[c] / sum : 0.0;
            double got = at(in.output, config.outputDims, {bi, hi, i, 0, 0, c});
            double error = std::abs(want - got);
            worst = std::isnan(error) ? INFINITY : std::max(worst, error);
          }
        }
    return worst;
  }

  Config config;
  MLIRContext context;
  std::unique_ptr<KernelJIT> jit;
  void *symbol = nullptr;
  int64_t scratchBytes = 0;
  float scale = 0;
};

/// Scores, with a mask added, are normal numbers of at most about 8. Rounding one
/// to f32 and taking its exponential changes a probability by 2 * 8 * 2^-24, about
/// 1e-6 of it; values are at most about 4; numerator and sum each carry the error.
constexpr double kTolerance = 8e-6;

class Attention : public testing::TestWithParam<ISALevel> {
protected:
  /// Runs \p config on several sizes; returns the largest error.
  double check(const Config &config, double tolerance, std::vector<std::pair<int64_t, int64_t>> sizes,
               double deviation = 1.0) {
    AttentionKernel kernel(config, GetParam());
    unsigned seed = std::random_device{}();
    std::mt19937 rng(seed);
    double worst = 0;
    for (auto [m, n] : sizes)
      for (int64_t threads : {1, 2, 3}) {
        if (threads == 2 && m * n > 5000)
          continue;
        auto in = kernel.inputs(rng, 2, threads == 3 ? 2 : 1, m, n, deviation);
        double error = kernel.run(in, threads);
        EXPECT_LE(error, tolerance) << "m " << m << " n " << n << " threads " << threads << " seed " << seed;
        worst = std::max(worst, error);
      }
    printf("  max abs error %.2e (compiled in %.0f + %.0f + %.0f ms)\n", worst, kernel.jit->lowerMs, kernel.jit->optMs,
           kernel.jit->codegenMs);
    return worst;
  }
  const std::vector<std::pair<int64_t, int64_t>> few{{1, 1}, {7, 7}, {17, 64}, {65, 33}, {33, 129}};
};

TEST_P(Attention, SequenceLengths) {
  std::vector<std::pair<int64_t, int64_t>> sizes;
  for (int64_t s : {1, 2, 7, 16, 17, 63, 64, 65, 128, 129, 300})
    sizes.push_back({s, s});
  sizes.push_back({5, 300});
  sizes.push_back({300, 3});
  sizes.push_back({9, 0});
  sizes.push_back({0, 9});
  check({}, kTolerance, sizes);
}

TEST_P(Attention, HeadSizes) {
  for (int64_t d : {1, 5, 16, 33, 64, 80, 128}) {
    Config config;
    config.k = config.v = d;
    check(config, kTolerance, few);
  }
  Config config;
  config.k = 24;
  config.v = 40;
  check(config, kTolerance, few);
}

TEST_P(Attention, LargeScores) {
  // Scores of about 1e4: rounding of the score dominates, 1e4 * 2^-24 * few.
  check({}, 2e-2, {{17, 64}, {64, 65}}, 45.0);
}

TEST_P(Attention, Layouts) {
  Config heads;
  heads.queryDims = {B, H, M, K};
  heads.keyDims = {H, B, K, N};
  heads.valueDims = {V, N, B, H};
  heads.outputDims = {H, B, V, M};
  check(heads, kTolerance, few);
  Config grouped;
  grouped.keyDims = {B, N, K};
  grouped.valueDims = {N, V};
  check(grouped, kTolerance, few);
}

TEST_P(Attention, HalfPrecision) {
  for (DType type : {DType::F16, DType::BF16}) {
    Config config;
    config.type = type;
    config.k = config.v = 40;
    // Rounding of the result only.
    check(config, type == DType::F16 ? 2e-3 : 1.6e-2, few);
    config.keyDims = {B, H, K, N};
    config.valueDims = {V, B, H, N};
    config.outputDims = {B, V, M, H};
    check(config, type == DType::F16 ? 2e-3 : 1.6e-2, few);
  }
}

TEST_P(Attention, BoolMasks) {
  for (std::vector<unsigned> dims : {std::vector<unsigned>{B, N}, {M, N}, {B, H, M, N}, {N, M}, {B, M}, {N}, {}}) {
    Config config;
    config.maskDims = dims;
    check(config, kTolerance, few);
  }
}

TEST_P(Attention, FloatMasks) {
  for (std::vector<unsigned> dims : {std::vector<unsigned>{B, N}, {H, M, N}, {B, M}, {}}) {
    Config config;
    config.maskDims = dims;
    config.maskType = DType::F32;
    check(config, kTolerance, few);
  }
  Config config;
  config.maskDims = {{B, H, M, N}};
  config.maskType = DType::F16;
  check(config, kTolerance, few);
}

TEST_P(Attention, FullyMaskedRows) {
  for (DType type : {DType::I8, DType::F32}) {
    Config config;
    config.maskDims = {{M, N}};
    config.maskType = type;
    AttentionKernel kernel(config, GetParam());
    std::mt19937 rng(std::random_device{}());
    auto in = kernel.inputs(rng, 1, 2, 20, 150);
    double off = type == DType::I8 ? 0.0 : -INFINITY;
    for (int64_t n = 0; n < 150; ++n) {
      in.mask.set(3 * 150 + n, off);
      // Masked in the first block of keys only.
      in.mask.set(5 * 150 + n, n < 140 ? off : double(type == DType::I8));
    }
    EXPECT_LE(kernel.run(in, 1), kTolerance);
    EXPECT_EQ(in.output.at({0, 3, 1, 4}), 0.0);
  }
}

TEST_P(Attention, FiniteMasksActLikePyTorch) {
  // A row masked with the lowest finite number attends to all keys equally.
  Config config;
  config.maskDims = {{B, N}};
  config.maskType = DType::F32;
  AttentionKernel kernel(config, GetParam());
  std::mt19937 rng(std::random_device{}());
  auto in = kernel.inputs(rng, 2, 1, 9, 30);
  for (int64_t n = 0; n < 30; ++n) {
    in.mask.set(n, -3.4028234663852886e38);
    in.mask.set(30 + n, n % 2 ? -3.4028234663852886e38 : 0.0);
  }
  EXPECT_LE(kernel.run(in, 1), kTolerance);
}

TEST_P(Attention, PaddedBatch) {
  // Bool masks with padding at either end, where keys are skipped.
  Config config;
  config.maskDims = {{B, N}};
  AttentionKernel kernel(config, GetParam());
  std::mt19937 rng(std::random_device{}());
  auto in = kernel.inputs(rng, 4, 1, 40, 200);
  for (int64_t n = 0; n < 200; ++n) {
    in.mask.set(n, n < 13);
    in.mask.set(200 + n, n >= 190);
    in.mask.set(400 + n, 0);
    in.mask.set(600 + n, n != 70);
  }
  EXPECT_LE(kernel.run(in, 2), kTolerance);
}

TEST_P(Attention, Lengths) {
  for (bool left : {false, true}) {
    Config config;
    config.lengths = true;
    config.leftPadding = left;
    check(config, kTolerance, few);
    AttentionKernel kernel(config, GetParam());
    std::mt19937 rng(std::random_device{}());
    auto in = kernel.inputs(rng, 3, 1, 5, 9);
    in.lengths.set(0, 0);
    in.lengths.set(1, 9);
    in.lengths.set(2, 1);
    EXPECT_LE(kernel.run(in, 1), kTolerance);
    EXPECT_EQ(in.output.at({0, 2, 0, 3}), 0.0);
  }
}

TEST_P(Attention, Ragged) {
  // Empty sequences, one of a single token, some of more than a block, and tokens behind the last one.
  const std::vector<int64_t> rows{3, 0, 70, 1, 33, 0}, keys{5, 4, 0, 130, 33, 0};
  for (bool own : {false, true})
    for (AttentionStructure structure : {AttentionStructure::None, AttentionStructure::Causal,
                                         AttentionStructure::CausalLowerRight, AttentionStructure::Window}) {
      Config config;
      config.offsets = true;
      config.keyOffsets = own;
      config.offsetType = own ? DType::I64 : DType::I32;
      config.type = own ? DType::F32 : DType::F16;
      config.structure = structure;
      config.left = 3;
      config.right = 9;
      config.global = 2;
      config.score = structure == AttentionStructure::None;
      AttentionKernel kernel(config, GetParam());
      std::mt19937 rng(std::random_device{}());
      for (int64_t extra : {0, 7})
        for (int64_t threads : {1, 3, 8}) {
          auto in = kernel.inputs(rng, 1, 2, 107 + extra, own ? 172 + extra : 107 + extra);
          kernel.setOffsets(in, rows, own ? keys : rows);
          EXPECT_LE(kernel.run(in, threads), own ? kTolerance : 2e-3) << "extra " << extra << " threads " << threads;
        }
    }
}

TEST_P(Attention, RaggedOffsetsOutsideOfTokens) {
  // Wrong offsets give rows that mean nothing, but the guards around the operands stay.
  Config config;
  config.offsets = true;
  AttentionKernel kernel(config, GetParam());
  std::mt19937 rng(std::random_device{}());
  auto in = kernel.inputs(rng, 1, 2, 20, 20);
  kernel.setOffsets(in, {1, 1, 1}, {});
  for (auto [i, offset] : llvm::enumerate(std::vector<double>{-5, 1e6, 7, -2e9}))
    in.offsets.set(i, offset);
  kernel.run(in, 3);
}

TEST_P(Attention, Causal) {
  const std::vector<std::pair<int64_t, int64_t>> sizes{{1, 1},    {7, 7},     {17, 64}, {65, 33},
                                                       {33, 200}, {130, 130}, {150, 20}};
  for (auto structure : {AttentionStructure::Causal, AttentionStructure::CausalLowerRight}) {
    Config config;
    config.structure = structure;
    check(config, kTolerance, sizes);
    config.lengths = true;
    check(config, kTolerance, sizes);
    config.lengths = false;
    config.maskDims = {{B, N}};
    check(config, kTolerance, sizes);
  }
}

TEST_P(Attention, Window) {
  const std::vector<std::pair<int64_t, int64_t>> sizes{{1, 1},     {7, 7},    {17, 64}, {65, 33},
                                                       {200, 200}, {150, 20}, {20, 300}};
  struct {
    int64_t left, right, global;
  } windows[] = {{0, 0, 0},
                 {3, 0, 0},
                 {16, 16, 0},
                 {40, 5, 1},
                 {2, 3, 5},
                 {2, AttentionKernelSpec::kUnbounded, 1},
                 {AttentionKernelSpec::kUnbounded, 3, 0}};
  for (auto window : windows) {
    Config config;
    config.structure = AttentionStructure::Window;
    config.left = window.left;
    config.right = window.right;
    config.global = window.global;
    check(config, kTolerance, sizes);
    config.lengths = true;
    check(config, kTolerance, sizes);
  }
}

TEST_P(Attention, ScoreCallback) {
  Config config;
  config.score = true;
  check(config, kTolerance, few);
  config.structure = AttentionStructure::Causal;
  config.maskDims = {{M, N}};
  check(config, kTolerance, few);
}

TEST_P(Attention, InfiniteScoresMakeTheRowNaN) {
  AttentionKernel kernel({}, GetParam());
  std::mt19937 rng(std::random_device{}());
  auto in = kernel.inputs(rng, 1, 1, 4, 40);
  for (int64_t c = 0; c < 32; ++c) {
    in.query.set(2 * 32 + c, NAN);
    in.query.set(3 * 32 + c, 0.0);
  }
  in.query.set(3 * 32, INFINITY);
  kernel.run(in, 1);
  for (int64_t c = 0; c < 32; ++c) {
    EXPECT_FALSE(std::isnan(in.output.at({0, 1, 0, c})));
    EXPECT_TRUE(std::isnan(in.output.at({0, 2, 0, c})));
    EXPECT_TRUE(std::isnan(in.output.at({0, 3, 0, c})));
  }
}

INSTANTIATE_TEST_SUITE_P(Levels, Attention, testing::ValuesIn(testableLevels()),
                         [](const testing::TestParamInfo<ISALevel> &info) {
                           return stringifyISALevel(info.param).str();
                         });

TEST(AttentionSpec, RejectsWhatItCannotBuild) {
  MLIRContext context;
  OpBuilder b(&context);
  AttentionKernelSpec good;
  good.numBatchDims = 1;
  good.query = {{0, 1, 3}, b.getF32Type()};
  good.key = {{0, 2, 3}, b.getF32Type()};
  good.value = {{0, 2, 4}, b.getF32Type()};
  good.output = {{0, 1, 4}, b.getF32Type()};
  good.headSizeK = good.headSizeV = 8;
  EXPECT_EQ(verifyAttentionSpec(good), std::nullopt);

  auto expectError = [&](llvm::function_ref<void(AttentionKernelSpec &)> change, StringRef message) {
    AttentionKernelSpec bad = good;
    change(bad);
    auto error = verifyAttentionSpec(bad);
    ASSERT_TRUE(error.has_value()) << message.str();
    EXPECT_NE(error->find(message.str()), std::string::npos) << *error;
  };
  expectError([](auto &s) { s.query.dims = {0, 1}; }, "expected query to use iteration dimension 3");
  expectError([](auto &s) { s.key.dims = {0, 1, 2, 3}; }, "expected no iteration dimension 1 in key");
  expectError([](auto &s) { s.value.dims = {0, 0, 2, 4}; }, "0 is repeated");
  expectError([](auto &s) { s.output.dims = {1, 4}; }, "expected output to use iteration dimension 0");
  expectError([&](auto &s) { s.query.elementType = b.getF64Type(); }, "f32, f16 or bf16");
  expectError([](auto &s) { s.headSizeK = 0; }, "expected head sizes from 1 to 512, but got 0");
  expectError([](auto &s) { s.headSizeV = 513; }, "but got 513");
  expectError([&](auto &s) { s.mask = {{2, 4}, b.getF32Type()}; }, "expected no iteration dimension 4 in mask");
  expectError([&](auto &s) { s.mask = {{2}, b.getI1Type()}; }, "expected a mask of i8");
  expectError([&](auto &s) { s.lengths = {{2}, b.getI64Type()}; }, "expected no iteration dimension 2 in lengths");
  expectError([&](auto &s) { s.lengths = {{0}, b.getF32Type()}; }, "expected lengths of i32 or i64");
  good.structure = AttentionStructure::Window;
  EXPECT_EQ(verifyAttentionSpec(good), std::nullopt);
  expectError([&](auto &s) { s.offsets = b.getF32Type(); }, "expected offsets of i32 or i64");
  expectError([&](auto &s) { s.keyOffsets = b.getI32Type(); }, "expected offsets of rows with those of keys");
  expectError(
      [&](auto &s) {
        s.offsets = b.getI32Type();
        s.lengths = {{0}, b.getI64Type()};
      },
      "expected neither a mask nor lengths with offsets");
  expectError([](auto &s) { s.windowLeft = -1; }, "expected window sizes from 0 to 2^30, but got -1");
  expectError([](auto &s) { s.windowRight = s.kUnbounded + 1; }, "but got 1073741825");
  expectError([](auto &s) { s.windowGlobal = s.kUnbounded + 1; }, "but got 1073741825");
}
} // namespace
