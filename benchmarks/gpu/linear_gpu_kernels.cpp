//===- linear_gpu_kernels.cpp - Cubins and launches for linear.py -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Builds the linear kernels that linear.py checks and times on a GPU machine, which
// needs neither LLVM nor a toolkit:
//
//   linear_gpu_kernels DIR [FILTER]   writes DIR/*.ptx, DIR/*.cubin and DIR/linear.json
//   python3 benchmarks/gpu/linear.py DIR
//
//===----------------------------------------------------------------------===//

#include "LinearCases.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::gpu_kernels;

static std::vector<LinearCase> getCases(MLIRContext *context, const nvidia::SM &sm) {
  using S = LinearSchedule;
  std::vector<LinearCase> cases;
  auto newCase = [](StringRef name, ArrayRef<int64_t> rows, int64_t n, int64_t k, LinearSchedule schedule) {
    LinearCase c;
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
    LinearCase c = newCase(name, rows, n, k, schedule);
    c.setOptions(options);
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
  check("odd_mma128", odd, 264, 200, {S::Mma, 128, 128, 64, 3}, "bias gelu_erf");
  check("odd_mma64", odd, 200, 1032, {S::Mma, 64, 64, 64, 4}, "bf16 bias residual strided");
  check("odd_mma32", odd, 72, 72, {S::Mma, 32, 32, 64, 4}, "sigmoid");
  time("4096x4096x4096_mma", 4096, 4096, 4096, {S::Mma, 128, 128, 64, 3});
  check("odd_simt", odd, 77, 131, {S::Simt, 64, 64, 16, 1}, "bias residual gelu_erf");
  check("odd_simt_f32", odd, 77, 131, {S::Simt, 64, 64, 16, 1}, "f32 bias residual strided erf");
  check("odd_simt_bf16", odd, 77, 131, {S::Simt, 64, 64, 16, 1}, "bf16 exp");
  return cases;
}

int main(int argc, char **argv) { return dumpLinearCases(argc, argv, "linear", getCases); }
