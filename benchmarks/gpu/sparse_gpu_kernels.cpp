//===- sparse_gpu_kernels.cpp - Cubins and launches for sparse.py -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Builds the sparse linear kernels that sparse.py checks and times on a GPU machine,
// which needs neither LLVM nor a toolkit:
//
//   sparse_gpu_kernels DIR [FILTER]   writes DIR/*.ptx, DIR/*.cubin and DIR/sparse.json
//   python3 benchmarks/gpu/sparse.py DIR
//
//===----------------------------------------------------------------------===//

#include "LinearCases.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::gpu_kernels;
using S = LinearSchedule;

/// Collects cases; a kernel is the same for all patterns of its sizes.
namespace {
struct Cases {
  MLIRContext *context;
  const nvidia::SM &sm;
  std::vector<LinearCase> list;

  LinearCase &add(StringRef name, ArrayRef<int64_t> rows, int64_t n, int64_t k, int64_t unitRows,
                  LinearSchedule schedule, ArrayRef<int64_t> sparsities) {
    list.emplace_back();
    LinearCase &c = list.back();
    c.name = name.str();
    c.rows = llvm::to_vector(rows);
    c.n = n;
    c.k = k;
    c.schedule = schedule;
    c.unitRows = unitRows;
    c.sparsities = llvm::to_vector(sparsities);
    return c;
  }
  void check(StringRef name, ArrayRef<int64_t> rows, int64_t n, int64_t k, int64_t unitRows, LinearSchedule schedule,
             StringRef options) {
    // 100: an empty strip; nothing but zeros.
    add(name, rows, n, k, unitRows, schedule, {50, 95, 100}).setOptions(options);
  }
  void time(StringRef name, int64_t m, int64_t n, int64_t k, int64_t unitRows, LinearSchedule schedule,
            ArrayRef<int64_t> sparsities = {50, 75, 90, 95}) {
    add(name, {m}, n, k, unitRows, schedule, sparsities).isTimed = true;
  }
  /// What is chosen for each sparsity.
  void choose(int64_t m, int64_t n, int64_t k, int64_t unitRows) {
    for (int64_t sparsity : {50, 75, 90, 95}) {
      LinearKernelSpec spec;
      spec.n = n;
      spec.k = k;
      spec.xType = spec.wType = spec.yType = Float16Type::get(context);
      spec.strips = getStripsOf(n, k, unitRows, sparsity);
      std::string name = llvm::formatv("chosen{0}_{1}x{2}x{3}_{4}", unitRows, m, n, k, sparsity);
      time(name, m, n, k, unitRows, chooseLinearSchedule(spec, sm, m), {sparsity});
    }
  }
};
} // namespace

static LinearSchedule squares(int64_t tokens, int64_t strips, int64_t stages, int64_t splitK = 1,
                              bool persistent = false, int64_t cluster = 1) {
  return {S::SparseMma, tokens, 64 * strips, 64, stages, splitK, persistent, /*exclusive=*/false, cluster};
}

static void addSquares(Cases &cases) {
  constexpr int64_t kRows = 16;
  const std::pair<int64_t, int64_t> shapes[] = {{4096, 4096}, {3072, 768}, {768, 3072}};
  bool isHopper = cases.sm.hasTMA;
  // Awkward sizes come first: times of wrong kernels say nothing.
  int64_t odd[] = {1, 7, 63, 65, 130, 1000};
  cases.check("odd16_64x8", odd, 1000, 1032, kRows, squares(64, 8, 4), "bias gelu_erf");
  cases.check("odd16_64x4", odd, 520, 200, kRows, squares(64, 4, 2), "bf16 residual strided");
  cases.check("odd16_64x6p", {1, 130, 1000, 20000}, 776, 328, kRows, squares(64, 6, 4, 1, true), "bias residual");
  cases.check("odd16_64x1k4", odd, 200, 1032, kRows, squares(64, 1, 2, 4), "bias folded gelu_tanh residual strided");
  cases.check("odd16_32x8", odd, 712, 2632, kRows, squares(32, 8, 5), "bf16 bias tanh");
  cases.check("odd16_32x2k4", odd, 264, 1096, kRows, squares(32, 2, 3, 4), "bias residual");
  cases.check("odd16_32x1k8", odd, 72, 4104, kRows, squares(32, 1, 2, 8), "bf16 bias relu strided");
  cases.check("odd16_16x4", odd, 328, 72, kRows, squares(16, 4, 2), "sigmoid");
  cases.check("odd16_16x4k2", odd, 328, 584, kRows, squares(16, 4, 4, 2), "bias folded strided");
  cases.check("odd16_16x2k4", odd, 136, 4096, kRows, squares(16, 2, 4, 4), "bias");
  if (isHopper) {
    cases.check("odd16_64x4c2", odd, 1000, 1032, kRows, squares(64, 4, 6, 1, false, 2), "bias gelu_erf residual");
    cases.check("odd16_64x8pc2", {1, 130, 1000, 20000}, 1544, 2632, kRows, squares(64, 8, 6, 1, true, 2),
                "bf16 bias strided");
    cases.check("odd16_64x4pc4", {1, 130, 1000, 20000}, 1000, 584, kRows, squares(64, 4, 4, 1, true, 4), "bias");
    cases.check("odd16_32x2k4c2", odd, 328, 1096, kRows, squares(32, 2, 3, 4, false, 2), "bias residual");
    cases.check("odd16_16x4k2c2", odd, 776, 584, kRows, squares(16, 4, 4, 2, false, 2), "bf16 bias gelu_tanh");
    cases.check("odd16_32x4c4", odd, 776, 584, kRows, squares(32, 4, 4, 1, false, 4), "bias folded");
  }
  for (auto [n, k] : shapes) {
    for (int64_t m : {4096, 128, 512, 16})
      cases.choose(m, n, k, kRows);
    auto time = [&, n = n, k = k](int64_t m, StringRef tag, LinearSchedule schedule) {
      cases.time(llvm::formatv("squares_{0}x{1}x{2}_{3}", m, n, k, tag).str(), m, n, k, kRows, schedule);
    };
    // What else could be: compare before the constants of the cost model are changed.
    time(4096, "64x8", squares(64, 8, 6));
    time(4096, "64x8p", squares(64, 8, 8, 1, true));
    time(4096, "64x4", squares(64, 4, 6));
    time(4096, "64x6p", squares(64, 6, 8, 1, true));
    time(4096, "32x8", squares(32, 8, 8));
    time(128, "32x2k4", squares(32, 2, 4, 4));
    time(128, "16x4k2", squares(16, 4, 6, 2));
    time(128, "16x2k4", squares(16, 2, 4, 4));
    if (k >= 2048)
      time(128, "32x1k8", squares(32, 1, 2, 8));
    if (!isHopper)
      continue;
    time(4096, "64x8pc2", squares(64, 8, 8, 1, true, 2));
    time(4096, "64x8pc4", squares(64, 8, 8, 1, true, 4));
    time(4096, "64x4c2", squares(64, 4, 6, 1, false, 2));
    time(4096, "64x4pc4", squares(64, 4, 6, 1, true, 4));
    time(128, "32x2k4c2", squares(32, 2, 4, 4, false, 2));
    time(128, "32x2k4c4", squares(32, 2, 4, 4, false, 4));
  }
}

static std::vector<LinearCase> getCases(MLIRContext *context, const nvidia::SM &sm) {
  Cases cases{context, sm, {}};
  addSquares(cases);
  return std::move(cases.list);
}

int main(int argc, char **argv) { return dumpLinearCases(argc, argv, "sparse", getCases); }
