//===- linear_gpu_kernels.cpp - Cubins and launches for linear.py -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Builds the linear kernels that linear.py and sparse.py check and time on a GPU
// machine, which needs neither LLVM nor a toolkit:
//
//   linear_gpu_kernels DIR [FILTER]   writes DIR/*.ptx, DIR/*.cubin and DIR/linear.json
//   python3 benchmarks/gpu/linear.py DIR
//   python3 benchmarks/gpu/sparse.py DIR
//
// Kernels of sparse weights find in the storage of the weight what there is to
// multiply: one serves all patterns and ratios.
//
//===----------------------------------------------------------------------===//

#include "KernelDump.h"

#include "et/Conversion/ETToGPU/GPUMath.h"
#include "et/Conversion/ETToGPU/LinearKernel.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::gpu_kernels;
using nvidia::NVVMBuilder;

namespace {
/// One kernel, launched for each number of rows.
struct Case {
  std::string name;
  SmallVector<int64_t> rows;
  int64_t n = 0, k = 0;
  LinearSchedule schedule;
  bool useBF16 = false, isFloat = false, hasBias = false, hasResidual = false, strided = false;
  /// y = scale (sum - mean shift) + offset: a norm in front of the layer, with values per row and per column.
  bool isFolded = false;
  /// "", or the name of a function as linear.py knows it.
  std::string activation;
  bool isTimed = false;
  /// Of a weight in strips: rows of its units, and inputs that are stored together. 0 for dense weights.
  int64_t unitRows = 0, tileColumns = 64;
};
} // namespace

/// Elements added to each row of strided operands.
static constexpr int64_t kPadding = 8;

/// Kernels for weights in strips. Those that are timed are what the cost model could choose.
static void addSparseCases(SmallVector<Case> &cases, const nvidia::SM &sm) {
  using S = LinearSchedule;
  auto add = [&](const std::string &name, ArrayRef<int64_t> rows, int64_t n, int64_t k, LinearSchedule schedule,
                 int64_t unitRows, int64_t tileColumns) -> Case & {
    Case c;
    c.name = name;
    c.rows = llvm::to_vector(rows);
    c.n = n;
    c.k = k;
    c.schedule = schedule;
    c.unitRows = unitRows;
    c.tileColumns = tileColumns;
    cases.push_back(c);
    return cases.back();
  };
  int64_t odd[] = {1, 7, 64, 130, 1000};
  for (auto [unitRows, tileColumns] : {std::pair(64, 64), std::pair(64, 16), std::pair(16, 16), std::pair(16, 64)})
    add(llvm::formatv("sparse_odd_simt{0}x{1}", unitRows, tileColumns).str(), odd, 77, 131, {S::Simt, 64, 64, 16, 1},
        unitRows, tileColumns)
        .hasBias = true;
  if (!sm.hasWgmma)
    return;
  auto sparse = [](int64_t tileM, int64_t tileN, int64_t stages, bool persistent, bool exclusive) {
    return LinearSchedule{S::Sparse, tileM, tileN, 64, stages, 1, persistent, exclusive};
  };
  for (int64_t columns : {64, 32, 16}) {
    std::string suffix = llvm::formatv("_c{0}", columns).str();
    // As far past a whole block as tiles allow.
    auto odder = [&, columns = columns](int64_t k) { return columns == 16 ? k + 8 : k + columns; };
    Case &one = add("sparse_odd_one" + suffix, odd, 1000, odder(1024), sparse(64, 64, 4, false, true), 64, columns);
    one.hasBias = true;
    Case &two = add("sparse_odd_two" + suffix, odd, 328, odder(4160), sparse(128, 128, 4, false, false), 64, columns);
    two.activation = "gelu_erf";
    two.useBF16 = true;
    Case &tall = add("sparse_odd_many" + suffix, odd, 1000, odder(704), sparse(256, 128, 4, true, false), 64, columns);
    tall.hasBias = tall.hasResidual = tall.strided = true;
    // Groups of tokens, walked back and forth; the last is not full.
    tall.rows.push_back(5000);
    Case &narrow = add("sparse_odd_narrow" + suffix, odd, 72, odder(320), sparse(48, 64, 6, true, false), 64, columns);
    narrow.hasResidual = true;
    narrow.activation = "gelu_tanh";
    narrow.rows.push_back(2500);
  }
  for (auto [n, k] : {std::pair(4096, 4096), std::pair(3072, 768), std::pair(768, 3072), std::pair(768, 768)}) {
    auto time = [&, n = n, k = k](int64_t m, LinearSchedule schedule, int64_t tileColumns = 64) {
      add(llvm::formatv("sparse_{0}x{1}x{2}_{3}x{4}s{5}{6}_c{7}", m, n, k, schedule.tileM, schedule.tileN,
                        schedule.stages, schedule.persistent ? "p" : "", tileColumns)
              .str(),
          {m}, n, k, schedule, 64, tileColumns)
          .isTimed = true;
    };
    time(4096, sparse(256, 128, 4, true, false));
    time(4096, sparse(192, 128, 4, true, false));
    time(4096, sparse(192, 64, 3, true, false));
    time(4096, sparse(128, 64, 4, true, false));
    if (n == 4096)
      time(4096, sparse(256, 128, 4, true, false), 16);
    for (int64_t m : {128, 384})
      for (int64_t tokens : {16, 32, 64, 128})
        if (tokens == 128 ? m == 384 : tokens >= m / 16)
          time(m, sparse(tokens, 64, tokens < 128 ? 8 : 6, false, true));
  }
}

/// Kernels for weights in squares.
static void addSquareCases(SmallVector<Case> &cases, const nvidia::SM &sm) {
  auto squares = [](int64_t tokens, int64_t strips, int64_t stages, int64_t splitK, bool persistent, int64_t cluster,
                    int64_t tileK = 64) {
    LinearSchedule schedule{LinearSchedule::SparseMma, tokens, 64 * strips, tileK, stages, splitK, persistent};
    schedule.cluster = cluster;
    return schedule;
  };
  auto add = [&](StringRef prefix, ArrayRef<int64_t> rows, int64_t n, int64_t k,
                 const LinearSchedule &schedule) -> Case & {
    Case c;
    c.name = llvm::formatv("{0}_mma{1}x{2}x{3}s{4}k{5}c{6}{7}", prefix, schedule.tileM, schedule.tileN, schedule.tileK,
                           schedule.stages, schedule.splitK, schedule.cluster, schedule.persistent ? "p" : "");
    c.rows = llvm::to_vector(rows);
    c.n = n;
    c.k = k;
    c.schedule = schedule;
    c.unitRows = c.tileColumns = 16;
    cases.push_back(c);
    return cases.back();
  };
  enum { Bias = 1, Residual = 2, Strided = 4, Folded = 8, BF16 = 16 };
  auto check = [&](int64_t n, int64_t k, const LinearSchedule &schedule, StringRef activation, unsigned options) {
    SmallVector<int64_t> rows = {1, 7, 64, 130, 1000};
    if (schedule.persistent)
      rows.push_back(20000);
    Case &c = add("sparse_odd", rows, n, k, schedule);
    c.activation = activation.str();
    c.hasBias = options & Bias;
    c.hasResidual = options & Residual;
    c.strided = options & Strided;
    c.isFolded = options & Folded;
    c.useBF16 = options & BF16;
  };
  check(1000, 1032, squares(64, 8, 4, 1, false, 1), "gelu_erf", Bias);
  check(520, 200, squares(64, 4, 2, 1, false, 1), "", Residual | Strided | BF16);
  check(776, 328, squares(64, 6, 4, 1, true, 1), "", Bias | Residual);
  check(200, 1032, squares(64, 1, 2, 4, false, 1), "gelu_tanh", Bias | Residual | Strided | Folded);
  check(712, 2632, squares(32, 8, 5, 1, false, 1), "tanh", Bias | BF16);
  check(264, 1096, squares(32, 2, 3, 4, false, 1), "", Bias | Residual);
  check(72, 4104, squares(32, 1, 2, 8, false, 1), "relu", Bias | Strided | BF16);
  check(328, 72, squares(16, 4, 2, 1, false, 1), "sigmoid", 0);
  check(328, 584, squares(16, 4, 4, 2, false, 1), "", Bias | Strided | Folded);
  check(136, 4096, squares(16, 2, 4, 4, false, 1), "", Bias);
  // Stages of several blocks; the last is not full, nor that of a warp.
  check(1000, 1032, squares(64, 6, 2, 1, true, 1, 256), "", Bias | Residual);
  check(520, 200, squares(64, 4, 3, 1, false, 1, 128), "gelu_erf", Bias | Strided | BF16);
  check(328, 4104, squares(16, 2, 3, 4, false, 1, 256), "", Bias);
  check(264, 1096, squares(32, 1, 2, 4, false, 1, 128), "", Bias | Residual);
  if (sm.hasTMA) {
    check(1000, 1032, squares(64, 4, 6, 1, false, 2), "gelu_erf", Bias | Residual);
    check(1544, 2632, squares(64, 8, 6, 1, true, 2), "", Bias | Strided | BF16);
    check(1000, 584, squares(64, 4, 4, 1, true, 4), "", Bias);
    check(328, 1096, squares(32, 2, 3, 4, false, 2), "", Bias | Residual);
    check(776, 584, squares(16, 4, 4, 2, false, 2), "gelu_tanh", Bias | BF16);
    check(776, 584, squares(32, 4, 4, 1, false, 4), "", Bias | Folded);
    check(1544, 2632, squares(64, 8, 3, 1, true, 2, 256), "", Bias | Residual | Strided);
  }
  for (auto [n, k] : {std::pair(4096, 4096), std::pair(3072, 768), std::pair(768, 3072)}) {
    auto time = [&, n = n, k = k](int64_t m, int64_t tokens, int64_t strips, int64_t stages, int64_t splitK,
                                  bool persistent, int64_t cluster, int64_t tileK) {
      if (cluster == 1 || sm.hasTMA)
        add(llvm::formatv("sparse_{0}x{1}x{2}", m, n, k).str(), {m}, n, k,
            squares(tokens, strips, stages, splitK, persistent, cluster, tileK))
            .isTimed = true;
    };
    time(4096, 64, 8, 10, 1, true, 1, 64);
    time(4096, 64, 8, 8, 1, true, 1, 128);
    time(4096, 64, 8, 4, 1, true, 1, 256);
    time(4096, 64, 8, 4, 1, true, 2, 256);
    time(4096, 64, 4, 4, 1, true, 1, 128);
    time(4096, 32, 8, 4, 1, true, 1, 256);
    // Few rows: a strip, or two, for as many warps as share K.
    for (int64_t tokens : {16, 32})
      time(128, tokens, 1, 3, 4, false, 1, k == 768 ? 64 : 128);
    time(128, 32, 2, 3, 4, false, 1, 64);
    if (k == 768)
      continue;
    time(128, 32, 1, 3, 8, false, 1, 64);
    time(128, 64, 1, 2, 8, false, 1, 64);
  }
}

static SmallVector<Case> getCases(MLIRContext *context, const nvidia::SM &sm) {
  using S = LinearSchedule;
  SmallVector<Case> cases;
  auto newCase = [](StringRef name, ArrayRef<int64_t> rows, int64_t n, int64_t k, LinearSchedule schedule) {
    Case c;
    c.name = name.str();
    c.rows = llvm::to_vector(rows);
    c.n = n;
    c.k = k;
    c.schedule = schedule;
    return c;
  };
  auto time = [&](StringRef name, int64_t m, int64_t n, int64_t k, LinearSchedule schedule) {
    cases.push_back(newCase(name, m, n, k, schedule));
    cases.back().isTimed = true;
  };
  auto choose = [&](int64_t m, int64_t n, int64_t k) {
    Type f16 = Float16Type::get(context);
    LinearKernelSpec spec;
    spec.n = n;
    spec.k = k;
    spec.xType = spec.wType = spec.yType = f16;
    time(llvm::formatv("{0}x{1}x{2}", m, n, k).str(), m, n, k, chooseLinearSchedule(spec, sm, m));
  };
  auto check = [&](StringRef name, ArrayRef<int64_t> rows, int64_t n, int64_t k, LinearSchedule schedule,
                   StringRef options = "") {
    Case c = newCase(name, rows, n, k, schedule);
    SmallVector<StringRef> words;
    options.split(words, ' ', -1, false);
    for (StringRef word : words) {
      if (word == "bf16")
        c.useBF16 = true;
      else if (word == "f32")
        c.isFloat = true;
      else if (word == "bias")
        c.hasBias = true;
      else if (word == "residual")
        c.hasResidual = true;
      else if (word == "strided")
        c.strided = true;
      else if (word == "folded")
        c.isFolded = true;
      else
        c.activation = word.str();
    }
    cases.push_back(c);
  };
  int64_t odd[] = {1, 7, 63, 64, 65, 130, 300};
  if (sm.hasWgmma) {
    // What is chosen.
    for (int64_t m : {64, 128, 256, 384, 1024, 4096, 12288})
      for (auto [n, k] : {std::pair(768, 768), std::pair(2304, 768), std::pair(3072, 768), std::pair(768, 3072)})
        choose(m, n, k);
    for (int64_t m : {16, 128, 512})
      choose(m, 4096, 4096);
    choose(4096, 4096, 4096);
    // What else could be: compare before the constants of the cost model are changed.
    for (int64_t stages : {4, 6, 8})
      time(llvm::formatv("128x3072x768_s{0}", stages).str(), 128, 3072, 768,
           {S::Wgmma, 64, 64, 64, stages, 1, false, true});
    for (auto [tileM, tileN, split] : {std::tuple(64, 64, 2), std::tuple(64, 64, 4), std::tuple(64, 32, 2),
                                       std::tuple(128, 64, 4), std::tuple(128, 32, 4)})
      time(llvm::formatv("128x768x3072_t{0}x{1}k{2}", tileM, tileN, split).str(), 128, 768, 3072,
           {S::Wgmma, tileM, tileN, 64, 8, split, false, true});
    for (auto [tileM, tileN] : {std::tuple(64, 192), std::tuple(128, 96), std::tuple(128, 128)})
      time(llvm::formatv("384x3072x768_t{0}x{1}", tileM, tileN).str(), 384, 3072, 768,
           {S::Wgmma, tileM, tileN, 64, 6, 1, false, true});
    for (auto [tileM, tileN] : {std::tuple(64, 96), std::tuple(128, 64)})
      time(llvm::formatv("1024x768x3072_t{0}x{1}", tileM, tileN).str(), 1024, 768, 3072,
           {S::Wgmma, tileM, tileN, 64, 8, 1, false, true});
    // Epilogues.
    for (StringRef act : {"gelu_erf", "gelu_tanh", "residual"}) {
      check(("4096x3072x768_" + act).str(), {4096}, 3072, 768, {S::Wgmma, 128, 256, 64, 4, 1, true},
            ("bias " + act).str());
      cases.back().isTimed = true;
    }
    for (auto [tileN, stages, split] : {std::tuple(32, 12, 1), std::tuple(48, 8, 1), std::tuple(64, 8, 2),
                                        std::tuple(64, 8, 4), std::tuple(128, 8, 4), std::tuple(128, 8, 2)}) {
      time(llvm::formatv("16x4096x4096_t{0}k{1}", tileN, split).str(), 16, 4096, 4096,
           {S::Wgmma, 64, tileN, 64, stages, split, false, true});
      time(llvm::formatv("64x4096x4096_t{0}k{1}", tileN, split).str(), 64, 4096, 4096,
           {S::Wgmma, 64, tileN, 64, stages, split, false, true});
    }
    for (int64_t cluster : {1, 2})
      time(llvm::formatv("512x4096x4096_o{0}", cluster).str(), 512, 4096, 4096,
           {S::Overlap, 128, 128, 64, 5, 1, false, false, cluster});
    time("512x4096x4096_k2", 512, 4096, 4096, {S::Wgmma, 128, 256, 64, 4, 2, false, true});
    time("4096x4096x4096_wgmma", 4096, 4096, 4096, {S::Wgmma, 128, 256, 64, 4, 1, true});
    for (int64_t cluster : {1, 2}) {
      time(llvm::formatv("4096x4096x4096_o256c{0}", cluster).str(), 4096, 4096, 4096,
           {S::Overlap, 128, 256, 64, 3, 1, false, false, cluster});
      time(llvm::formatv("4096x4096x4096_o192c{0}", cluster).str(), 4096, 4096, 4096,
           {S::Overlap, 128, 192, 64, 4, 1, false, false, cluster});
    }
    // Many rows, epilogue beside the next tile: what the sums cost as halves or f32, and clusters.
    for (const auto &[m, n, k] :
         {std::tuple(4096, 3072, 768), std::tuple(4096, 768, 3072), std::tuple(12288, 3072, 768),
          std::tuple(12288, 768, 3072), std::tuple(12288, 2304, 768), std::tuple(12288, 768, 768)})
      for (StringRef act : {"", "gelu_erf", "residual"}) {
        if (act == "gelu_erf" && n != 3072)
          continue;
        if (act == "residual" && n != 768)
          continue;
        std::string name = llvm::formatv("overlap_{0}x{1}x{2}_{3}_", m, n, k, act).str();
        auto overlap = [&, m = m, n = n, k = k](StringRef tag, LinearSchedule schedule) {
          check((name + tag).str(), {m}, n, k, schedule, ("bias " + act).str());
          cases.back().isTimed = true;
        };
        overlap("wgmma", {S::Wgmma, 128, n % 256 || n == 768 ? 192 : 256, 64, 4, 1, true, true});
        overlap("192", {S::Overlap, 128, 192, 64, 4});
        overlap("192c2", {S::Overlap, 128, 192, 64, 4, 1, false, false, 2});
        overlap("192exact", {S::Overlap, 128, 192, 64, 3, 1, false, false, 1, true});
        if (n > 768) {
          overlap("256", {S::Overlap, 128, 256, 64, 3});
          overlap("256c2", {S::Overlap, 128, 256, 64, 3, 1, false, false, 2});
        }
      }
    for (StringRef act : {"", "gelu_erf"}) {
      check(("folded_4096x3072x768_" + act + "_wgmma").str(), {4096}, 3072, 768, {S::Wgmma, 128, 256, 64, 4, 1, true},
            ("folded " + act).str());
      cases.back().isTimed = true;
      check(("folded_4096x3072x768_" + act + "_192exact").str(), {4096}, 3072, 768,
            {S::Overlap, 128, 192, 64, 3, 1, false, false, 1, true}, ("folded " + act).str());
      cases.back().isTimed = true;
    }
    // Awkward sizes.
    int64_t many[] = {1, 127, 129, 300, 1000, 20000};
    check("odd_overlap256", many, 1032, 200, {S::Overlap, 128, 256, 64, 3}, "bias gelu_erf");
    check("odd_overlap192", many, 200, 1032, {S::Overlap, 128, 192, 64, 4}, "bf16 bias residual strided");
    check("odd_overlap128", many, 776, 328, {S::Overlap, 128, 128, 64, 5}, "residual gelu_tanh");
    check("odd_overlap64", many, 72, 584, {S::Overlap, 128, 64, 64, 6}, "bias relu");
    check("odd_overlap_c2", many, 1000, 328, {S::Overlap, 128, 256, 64, 3, 1, false, false, 2},
          "bf16 bias residual strided");
    check("odd_overlap_c2_128", many, 776, 584, {S::Overlap, 128, 128, 64, 5, 1, false, false, 2}, "bias");
    check("odd_overlap_exact", many, 712, 264, {S::Overlap, 128, 192, 64, 3, 1, false, false, 1, true},
          "bias gelu_erf residual");
    check("odd_overlap_folded", many, 712, 264, {S::Overlap, 128, 192, 64, 3, 1, false, false, 1, true},
          "bias folded gelu_erf residual strided");
    check("odd_overlap_exact_c2", many, 136, 1032, {S::Overlap, 128, 128, 64, 3, 1, false, false, 2, true},
          "bf16 bias tanh residual strided");
    check("odd_wgmma", odd, 1000, 1032, {S::Wgmma, 64, 64, 64, 4, 1}, "bias");
    check("odd_split2", odd, 776, 1032, {S::Wgmma, 64, 64, 64, 4, 2, false, true}, "bias gelu_erf");
    check("odd_split4", odd, 72, 584, {S::Wgmma, 64, 32, 64, 4, 4}, "bias residual strided");
    check("odd_split8", odd, 128, 4096, {S::Wgmma, 64, 64, 64, 4, 8}, "bf16 bias");
    check("odd_bf16", odd, 136, 40, {S::Wgmma, 64, 128, 64, 4, 1}, "bf16 gelu_tanh residual");
    check("odd_tall", {1, 127, 129, 1000}, 520, 200, {S::Wgmma, 128, 256, 64, 4, 1, true}, "bias residual strided");
    check("odd_tall_bf16", {129, 1000, 20000}, 200, 1032, {S::Wgmma, 128, 192, 64, 4, 1, true}, "bf16 bias tanh");
    check("odd_tall_grid", {129, 1000}, 200, 72, {S::Wgmma, 128, 128, 64, 4, 1}, "gelu_sigmoid");
    check("odd_tall_split", {1, 127, 129, 300}, 200, 584, {S::Wgmma, 128, 64, 64, 4, 4}, "bias gelu_tanh residual");
    check("odd_box16", odd, 200, 584, {S::Wgmma, 64, 48, 64, 4, 1}, "bias residual");
    check("odd_box32", odd, 200, 584, {S::Wgmma, 128, 160, 64, 3, 1}, "bf16 bias residual strided");
    check("odd_tall_narrow", {129, 1000}, 200, 72, {S::Wgmma, 128, 96, 64, 4, 1, true}, "relu strided");
  }
  addSparseCases(cases, sm);
  addSquareCases(cases, sm);
  check("odd_mma128", odd, 264, 200, {S::Mma, 128, 128, 64, 3}, "bias gelu_erf");
  check("odd_mma64", odd, 200, 1032, {S::Mma, 64, 64, 64, 4}, "bf16 bias residual strided");
  check("odd_mma32", odd, 72, 72, {S::Mma, 32, 32, 64, 4}, "sigmoid");
  time("4096x4096x4096_mma", 4096, 4096, 4096, {S::Mma, 128, 128, 64, 3});
  check("odd_simt", odd, 77, 131, {S::Simt, 64, 64, 16, 1}, "bias residual gelu_erf");
  check("odd_simt_f32", odd, 77, 131, {S::Simt, 64, 64, 16, 1}, "f32 bias residual strided erf");
  check("odd_simt_bf16", odd, 77, 131, {S::Simt, 64, 64, 16, 1}, "bf16 exp");
  return cases;
}

static LinearEpilogueFn getEpilogue(const Case &c) {
  if (c.activation.empty() && !c.hasResidual && !c.isFolded)
    return nullptr;
  static const std::pair<StringRef, MathFn> functions[] = {{"gelu_erf", MathFn::GeluErf},
                                                           {"gelu_tanh", MathFn::GeluTanh},
                                                           {"gelu_sigmoid", MathFn::GeluSigmoid},
                                                           {"tanh", MathFn::Tanh},
                                                           {"relu", MathFn::Relu},
                                                           {"sigmoid", MathFn::Sigmoid},
                                                           {"erf", MathFn::Erf},
                                                           {"exp", MathFn::Exp}};
  std::optional<MathFn> function;
  for (auto [name, fn] : functions)
    if (c.activation == name)
      function = fn;
  return [function, residual = c.hasResidual, folded = c.isFolded](NVVMBuilder &b, const LinearEpilogueArgs &args) {
    Value lo = args.lo, hi = args.hi;
    if (folded) {
      unsigned first = residual;
      Value scale = loadLinearExtra(b, args, first).first, mean = loadLinearExtra(b, args, first + 1).first;
      auto [shiftLo, shiftHi] = loadLinearExtra(b, args, first + 2);
      auto [offsetLo, offsetHi] = loadLinearExtra(b, args, first + 3);
      lo = b.fma(scale, b.fma(b.negf(mean), shiftLo, lo), offsetLo);
      hi = b.fma(scale, b.fma(b.negf(mean), shiftHi, hi), offsetHi);
    }
    if (function) {
      lo = emitMath(b, *function, lo);
      hi = emitMath(b, *function, hi);
    }
    if (residual) {
      auto [addLo, addHi] = loadLinearExtra(b, args, 0);
      lo = b.addf(lo, addLo);
      hi = b.addf(hi, addHi);
    }
    return std::pair(lo, hi);
  };
}

/// Builds \p c, writes its cubin to \p folder and appends its launches; returns whether that went well.
static bool dump(const Case &c, const nvidia::SM &sm, StringRef ptxas, StringRef folder, llvm::json::Array &launches) {
  KernelModule module(sm);
  Builder types(module.getContext());
  Type elt = c.isFloat ? Type(types.getF32Type()) : c.useBF16 ? Type(types.getBF16Type()) : Type(types.getF16Type());
  LinearKernelSpec spec;
  spec.n = c.n;
  spec.k = c.k;
  spec.xType = spec.wType = spec.yType = elt;
  if (c.hasBias)
    spec.biasType = elt;
  if (c.unitRows)
    spec.strips = LinearStrips{StripsLayout{c.n, c.k, c.unitRows, 0}, c.tileColumns};
  if (c.strided)
    spec.xStride = spec.yStride = ShapedType::kDynamic;
  if (c.hasResidual) {
    int64_t stride = c.n + (c.strided ? kPadding : 0);
    spec.extras.push_back({LinearExtra::Matrix, elt, stride % 2 == 0, stride % 8 == 0});
  }
  if (c.isFolded) {
    Type f32 = types.getF32Type();
    for (LinearExtra::Kind kind : {LinearExtra::Rows, LinearExtra::Rows, LinearExtra::Columns, LinearExtra::Columns})
      spec.extras.push_back({kind, f32, /*pairAligned=*/true, /*vectorAligned=*/true});
    spec.exactSums = true;
  }
  spec.epilogue = getEpilogue(c);
  if (std::optional<std::string> reason = verifyLinearKernel(spec, c.schedule, sm)) {
    llvm::errs() << c.name << ": " << *reason << '\n';
    return false;
  }
  OpBuilder builder = module.getBuilder();
  BuiltKernel kernel = buildLinearKernel(builder, module.getLoc(), "linear", spec, c.schedule, sm);
  SmallVector<llvm::json::Object> objects;
  for (int64_t m : c.rows) {
    int64_t pad = c.strided ? kPadding : 0;
    llvm::json::Object object = describeLaunch(kernel, {m, c.k + pad, c.n + pad, c.n + pad});
    object["case"] = c.name;
    object["cubin"] = c.name + ".cubin";
    object["schedule"] = stringifyLinearSchedule(c.schedule);
    object["m"] = m;
    object["n"] = c.n;
    object["k"] = c.k;
    object["type"] = c.isFloat ? "f32" : c.useBF16 ? "bf16" : "f16";
    object["bias"] = c.hasBias;
    object["residual"] = c.hasResidual;
    object["folded"] = c.isFolded;
    object["activation"] = c.activation;
    object["padding"] = pad;
    object["timed"] = c.isTimed;
    if (c.unitRows) {
      object["unit_rows"] = c.unitRows;
      object["tile_columns"] = c.tileColumns;
    }
    objects.push_back(std::move(object));
  }
  std::string ptx = module.getPTX();
  nvidia::AssemblyReport report;
  FailureOr<std::string> cubin = nvidia::assemblePTX(module.getLoc(), ptx, sm, ptxas, &report);
  std::error_code error;
  llvm::raw_fd_ostream(folder.str() + "/" + c.name + ".ptx", error) << ptx;
  if (failed(cubin) || ptx.empty())
    return false;
  for (const std::string &advisory : report.advisories)
    llvm::errs() << c.name << ": " << advisory << '\n';
  for (const nvidia::KernelReport &r : report.kernels) {
    llvm::errs() << c.name << ": " << r.registers << " registers, " << r.spillStoreBytes << " bytes spilled\n";
    for (llvm::json::Object &object : objects)
      object["registers"] = r.registers;
  }
  llvm::raw_fd_ostream os((folder + "/" + c.name + ".cubin").str(), error);
  os << *cubin;
  for (llvm::json::Object &object : objects)
    launches.push_back(std::move(object));
  return !error;
}

int main(int argc, char **argv) {
  if (argc < 2 || StringRef(argv[1]).starts_with("-")) {
    llvm::errs() << "usage: linear_gpu_kernels DIR [FILTER [CHIP]]\n";
    return 2;
  }
  StringRef folder = argv[1], filter = argc > 2 ? argv[2] : "";
  FailureOr<nvidia::SM> sm = nvidia::SM::get(argc > 3 ? argv[3] : "sm_90a");
  std::optional<std::string> ptxas = nvidia::findPtxas(nvidia::PtxasSearch::fromEnvironment());
  if (failed(sm) || !ptxas || llvm::sys::fs::create_directories(folder)) {
    llvm::errs() << "need a known chip, ptxas and a folder to write to\n";
    return 1;
  }
  llvm::json::Array launches;
  bool allGood = true;
  MLIRContext context;
  for (const Case &c : getCases(&context, *sm))
    if (StringRef(c.name).contains(filter))
      allGood &= dump(c, *sm, *ptxas, folder, launches);
  std::error_code error;
  llvm::raw_fd_ostream os((folder + "/linear.json").str(), error);
  os << llvm::json::Value(std::move(launches)) << '\n';
  return allGood && !error ? 0 : 1;
}
