//===- linear_kernel_bench.cpp - Speed of the dense linear kernels -*- C++
//-*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// See https://llvm.org/LICENSE.txt for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Times the linear kernel for given shapes against a loop of register-only
// multiply-adds, which runs between any two measurements on the same threads:
// on a shared machine only figures taken side by side compare.
//
//   linear_kernel_bench [--isa=native] [--num-threads=1,2] [--shape=MxNxK,...]
//                       [--rounds=N] [--cold] [--weights=f32|f16|bf16]
//                       [--tiling=mr,nr,kc,mc]
//
// --cold uses a new copy of the weights for each call, from a set larger than
// the last-level cache, as in a model whose weights do not fit there. Columns:
// best and median GF/s of the kernel, the same of the peak, and best over best
// in percent; then the compile time.
//
//===----------------------------------------------------------------------===//

#include "KernelJIT.h"
#include "et/Conversion/ETToCPU/LinearKernel.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <immintrin.h>
#include <memory>
#include <pthread.h>
#include <random>
#include <thread>

using namespace mlir;
using namespace mlir::et::cpu;
namespace cl = llvm::cl;

static cl::opt<std::string> isaName("isa", cl::init("native"),
                                    cl::desc("instruction set level"));
static cl::list<unsigned> threadCounts("num-threads", cl::CommaSeparated,
                                       cl::desc("thread counts"));
static cl::list<std::string> shapeNames("shape", cl::CommaSeparated,
                                        cl::desc("shapes, MxNxK"));
static cl::opt<unsigned> rounds("rounds", cl::init(40),
                                cl::desc("measurements per shape"));
static cl::opt<bool> cold("cold", cl::desc("read weights from memory"));
static cl::opt<std::string> weights("weights", cl::init("f32"),
                                    cl::desc("type of the weights"));
static cl::list<int64_t> tilingSizes("tiling", cl::CommaSeparated,
                                     cl::desc("mr,nr,kc,mc"));
static cl::opt<int> optLevel("opt", cl::init(3),
                             cl::desc("LLVM optimisation level"));
static cl::opt<std::string> asmFile("asm", cl::desc("write the assembly here"));

using Clock = std::chrono::steady_clock;

static double seconds(Clock::time_point from) {
  return std::chrono::duration<double>(Clock::now() - from).count();
}

//===----------------------------------------------------------------------===//
// Peak
//===----------------------------------------------------------------------===//

/// Chains in flight: latency 4 times two units leaves room on any machine.
static constexpr int kChains = 12;
static constexpr int kPeakSteps = 20000;

__attribute__((target("avx512f"), noinline)) static double peak512() {
  __m512 acc[kChains], factor = _mm512_set1_ps(0.999f);
  for (int i = 0; i < kChains; ++i)
    acc[i] = _mm512_set1_ps(float(i));
  for (int step = 0; step < kPeakSteps; ++step)
#pragma unroll
    for (int i = 0; i < kChains; ++i) {
      acc[i] = _mm512_fmadd_ps(acc[i], factor, factor);
      asm volatile("" : "+v"(acc[i]));
    }
  float sum = 0;
  for (__m512 &v : acc)
    sum += _mm512_reduce_add_ps(v);
  static std::atomic<float> sink;
  sink = sum;
  return 2.0 * 16 * kChains * kPeakSteps;
}

__attribute__((target("avx2,fma"), noinline)) static double peak256() {
  __m256 acc[kChains], factor = _mm256_set1_ps(0.999f);
  for (int i = 0; i < kChains; ++i)
    acc[i] = _mm256_set1_ps(float(i));
  for (int step = 0; step < kPeakSteps; ++step)
#pragma unroll
    for (int i = 0; i < kChains; ++i) {
      acc[i] = _mm256_fmadd_ps(acc[i], factor, factor);
      asm volatile("" : "+x"(acc[i]));
    }
  float sum = 0;
  for (__m256 &v : acc)
    sum += v[0];
  static std::atomic<float> sink;
  sink = sum;
  return 2.0 * 8 * kChains * kPeakSteps;
}

/// Multiplications and additions are separate here: two flops, two
/// instructions.
__attribute__((noinline)) static double peak128() {
  __m128 acc[kChains], factor = _mm_set1_ps(0.999f);
  for (int i = 0; i < kChains; ++i)
    acc[i] = _mm_set1_ps(float(i));
  for (int step = 0; step < kPeakSteps; ++step)
#pragma unroll
    for (int i = 0; i < kChains; ++i) {
      acc[i] = i % 2 ? _mm_mul_ps(acc[i], factor) : _mm_add_ps(acc[i], factor);
      asm volatile("" : "+x"(acc[i]));
    }
  float sum = 0;
  for (__m128 &v : acc)
    sum += v[0];
  static std::atomic<float> sink;
  sink = sum;
  return 1.0 * 4 * kChains * kPeakSteps;
}

//===----------------------------------------------------------------------===//
// Threads
//===----------------------------------------------------------------------===//

namespace {
/// Threads that spin between jobs, one per CPU from 0 on.
class Team {
public:
  explicit Team(unsigned size) : size(size) {
    pin(0);
    for (unsigned tid = 1; tid < size; ++tid)
      threads.emplace_back([this, tid] {
        pin(tid);
        for (unsigned seen = 0;;) {
          while (generation.load(std::memory_order_acquire) == seen)
            _mm_pause();
          ++seen;
          if (stop)
            return;
          (*job)(tid);
          pending.fetch_sub(1, std::memory_order_release);
        }
      });
  }
  ~Team() {
    stop = true;
    generation.fetch_add(1, std::memory_order_release);
    for (std::thread &thread : threads)
      thread.join();
  }
  void run(const std::function<void(unsigned)> &body) {
    job = &body;
    pending = size - 1;
    generation.fetch_add(1, std::memory_order_release);
    body(0);
    while (pending.load(std::memory_order_acquire) != 0)
      _mm_pause();
  }

private:
  static void pin(unsigned cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu % std::max(1u, std::thread::hardware_concurrency()), &set);
    pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
  }

  unsigned size;
  std::vector<std::thread> threads;
  const std::function<void(unsigned)> *job = nullptr;
  std::atomic<unsigned> generation{0}, pending{0};
  bool stop = false;
};

struct Buffer {
  explicit Buffer(size_t bytes)
      : bytes(bytes),
        data(std::aligned_alloc(4096, llvm::alignTo(bytes, 4096))) {
    std::memset(data, 0, llvm::alignTo(bytes, 4096));
  }
  Buffer(const Buffer &) = delete;
  ~Buffer() { std::free(data); }
  size_t bytes;
  void *data;
};

struct Shape {
  int64_t m, n, k;
};
} // namespace

static double quantile(std::vector<double> values, double q) {
  std::sort(values.begin(), values.end());
  return values[size_t(q * double(values.size() - 1))];
}

//===----------------------------------------------------------------------===//
// One shape
//===----------------------------------------------------------------------===//

static bool measure(MLIRContext &context, const ISA &isa, const Shape &shape,
                    unsigned numThreads) {
  OpBuilder builder(&context);
  Type f32 = builder.getF32Type();
  Type wType = weights == "f16"    ? Type(builder.getF16Type())
               : weights == "bf16" ? Type(builder.getBF16Type())
                                   : f32;
  const int64_t m = shape.m, n = shape.n, k = shape.k;
  LinearKernelSpec spec;
  spec.n = n;
  spec.k = k;
  spec.xType = spec.yType = spec.biasType = f32;
  spec.wType = packedLinearWeightType(isa, wType);
  spec.tiling = chooseLinearTiling(isa, n, k);
  if (tilingSizes.size() == 4)
    spec.tiling = {tilingSizes[0], tilingSizes[1], tilingSizes[2],
                   tilingSizes[3]};

  OwningOpRef<ModuleOp> module = ModuleOp::create(builder.getUnknownLoc());
  builder.setInsertionPointToEnd(module->getBody());
  Clock::time_point start = Clock::now();
  func::FuncOp func =
      buildLinearKernel(builder, builder.getUnknownLoc(), "linear", spec, isa);
  double buildMs = seconds(start) * 1e3;
  func->setAttr("llvm.emit_c_interface", builder.getUnitAttr());
  KernelJITOptions options;
  options.optLevel = optLevel;
  options.keepAssembly = !asmFile.empty();
  auto jit = KernelJIT::compile(*module, isa, options);
  if (!jit)
    return false;
  if (!asmFile.empty()) {
    std::error_code error;
    llvm::raw_fd_ostream(asmFile, error) << jit->assembly;
  }
  using Kernel = void (*)(int64_t, int64_t, MemRef<2> *, MemRef<3> *,
                          MemRef<1> *, MemRef<2> *);
  auto kernel = reinterpret_cast<Kernel>(jit->lookup("_mlir_ciface_linear"));
  if (!kernel)
    return false;

  // Weights: zeros would do for speed but denormals would not; use ones.
  size_t weightBytes = getPackedLinearWeightSize(spec.tiling, n, k, spec.wType);
  size_t copies =
      cold ? std::max<size_t>(2, (size_t(160) << 20) / weightBytes) : 1;
  std::vector<std::unique_ptr<Buffer>> packed;
  for (size_t i = 0; i < copies; ++i)
    packed.push_back(std::make_unique<Buffer>(weightBytes));
  Buffer x(m * k * 4), bias(n * 4), y(m * n * 4);
  MemRef<2> xRef = {x.data, x.data, 0, {m, k}, {k, 1}};
  MemRef<2> yRef = {y.data, y.data, 0, {m, n}, {n, 1}};
  MemRef<1> bRef = {bias.data, bias.data, 0, {n}, {1}};
  int64_t panels = llvm::divideCeil(n, spec.tiling.nr);

  auto *peak = isa.level == ISALevel::AVX512 ? peak512
               : isa.level == ISALevel::AVX2 ? peak256
                                             : peak128;
  Team team(numThreads);
  size_t next = 0;
  auto call = [&] {
    void *w = packed[next++ % copies]->data;
    MemRef<3> wRef = {w,
                      w,
                      0,
                      {panels, k, spec.tiling.nr},
                      {k * spec.tiling.nr, spec.tiling.nr, 1}};
    team.run([&](unsigned tid) {
      kernel(tid, numThreads, &xRef, &wRef, &bRef, &yRef);
    });
  };
  double flops = 2.0 * double(m) * double(n) * double(k);
  int repeats = std::max(1, int(1e-3 * 1e11 * numThreads / flops));
  std::vector<double> kernelTimes, peakRates;
  for (unsigned round = 0; round < rounds; ++round) {
    std::vector<double> rates(numThreads);
    team.run([&](unsigned tid) {
      Clock::time_point from = Clock::now();
      double done = peak();
      rates[tid] = done / seconds(from) * 1e-9;
    });
    double sum = 0;
    for (double rate : rates)
      sum += rate;
    peakRates.push_back(sum);
    for (int i = 0; i < repeats; ++i) {
      Clock::time_point from = Clock::now();
      call();
      kernelTimes.push_back(seconds(from));
    }
  }
  double best = flops / quantile(kernelTimes, 0.02) * 1e-9;
  double median = flops / quantile(kernelTimes, 0.5) * 1e-9;
  double bestPeak = quantile(peakRates, 1.0);
  llvm::outs() << llvm::format(
      "%5ld x %5ld x %5ld  %u threads  %6.1f / %6.1f GF/s   peak %6.1f / %6.1f "
      "  %5.1f %% (median %5.1f %%)   %8.1f us  build %.1f lower %.1f opt %.1f "
      "codegen %.1f ms\n",
      long(m), long(n), long(k), numThreads, best, median, bestPeak,
      quantile(peakRates, 0.5), 100 * best / bestPeak,
      100 * median / quantile(peakRates, 0.5),
      quantile(kernelTimes, 0.02) * 1e6, buildMs, jit->lowerMs, jit->optMs,
      jit->codegenMs);
  llvm::outs().flush();
  return true;
}

int main(int argc, char **argv) {
  cl::ParseCommandLineOptions(argc, argv, "Linear kernel benchmark\n");
  FailureOr<ISALevel> level = ISA::parse(isaName);
  if (failed(level)) {
    llvm::errs()
        << "expected --isa to be baseline, avx2, avx512 or native, got '"
        << isaName << "'\n";
    return 1;
  }
  ISA isa = ISA::get(*level);
  std::vector<Shape> shapes;
  for (const std::string &name : shapeNames) {
    llvm::SmallVector<llvm::StringRef> parts;
    llvm::StringRef(name).split(parts, 'x');
    Shape shape;
    if (parts.size() != 3 || parts[0].getAsInteger(10, shape.m) ||
        parts[1].getAsInteger(10, shape.n) ||
        parts[2].getAsInteger(10, shape.k)) {
      llvm::errs() << "expected a shape MxNxK, got '" << name << "'\n";
      return 1;
    }
    shapes.push_back(shape);
  }
  if (shapes.empty())
    for (int64_t m : {16, 64, 128, 256, 1024})
      for (auto [n, k] : {std::pair<int64_t, int64_t>(384, 384),
                          {1152, 384},
                          {1536, 384},
                          {384, 1536},
                          {768, 768},
                          {3072, 768},
                          {768, 3072}})
        shapes.push_back({m, n, k});
  if (threadCounts.empty())
    for (unsigned count : {1, 2})
      threadCounts.push_back(count);

  MLIRContext context(MLIRContext::Threading::DISABLED);
  loadKernelDialects(context);
  for (unsigned count : threadCounts)
    for (const Shape &shape : shapes)
      if (!measure(context, isa, shape, count))
        return 1;
  return 0;
}
