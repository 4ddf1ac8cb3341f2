//===- linear_kernel_bench.cpp - Speed of dense linear kernels -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Times the linear kernel for given shapes beside a loop of register-only
// multiply-adds, which runs between any two measurements on the same threads:
// on a shared machine only figures taken side by side compare. Several tilings
// take turns for the same reason.
//
//   linear_kernel_bench [--isa=native] [--num-threads=1,2] [--shape=MxNxK,...]
//                       [--rounds=N] [--cold] [--small-pages] [--weights=f32|f16|bf16]
//                       [--tiling=MRxNRxKCxMC,...]
//
// --cold uses a new copy of the weights for each call, from a set larger than
// the last-level cache, as in a model whose weights do not fit there.
//
// "elapsed" is the best call and the 10th percentile by the clock on the wall.
// "cpu" is the best, the 10th percentile and the median of what the slowest
// thread computed for: the same on an idle machine, but without the time that
// other programs had the core. "compile" is building + lowering + optimisation +
// code generation.
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
#include <cstdio>
#include <functional>
#include <immintrin.h>
#include <memory>
#include <numeric>
#include <pthread.h>
#include <sys/mman.h>
#include <thread>

using namespace mlir;
using namespace mlir::et::cpu;
namespace cl = llvm::cl;

static cl::opt<std::string> isaName("isa", cl::init("native"), cl::desc("instruction set level"));
static cl::list<unsigned> threadCounts("num-threads", cl::CommaSeparated, cl::desc("thread counts"));
static cl::list<std::string> shapeNames("shape", cl::CommaSeparated, cl::desc("shapes, MxNxK"));
static cl::opt<unsigned> rounds("rounds", cl::init(40), cl::desc("measurements per shape"));
static cl::opt<bool> cold("cold", cl::desc("read weights from memory"));
static cl::opt<bool> smallPages("small-pages", cl::desc("do not ask for huge pages"));
static cl::opt<std::string> weights("weights", cl::init("f32"), cl::desc("type of the weights"));
static cl::list<std::string> tilingSizes("tiling", cl::CommaSeparated, cl::desc("MRxNRxKCxMC"));
static cl::opt<int> optLevel("opt", cl::init(3), cl::desc("LLVM optimisation level"));
static cl::opt<std::string> asmFile("asm", cl::desc("write the assembly here"));
static cl::opt<std::string> llvmFile("llvm", cl::desc("write the LLVM IR here"));

using Clock = std::chrono::steady_clock;

static double seconds(Clock::time_point from) { return std::chrono::duration<double>(Clock::now() - from).count(); }

/// CPU time of the calling thread: time taken by other programs is not in it.
static double threadSeconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return double(now.tv_sec) + double(now.tv_nsec) * 1e-9;
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

/// Zeros on huge pages: on small ones each panel of a weight costs as many misses
/// of the translation buffer as it has pages, and prefetches suffer most.
struct Buffer {
  static constexpr size_t kHugePage = 2 << 20;
  explicit Buffer(size_t size) : bytes(llvm::alignTo(size, kHugePage)), data(std::aligned_alloc(kHugePage, bytes)) {
    if (!smallPages)
      madvise(data, bytes, MADV_HUGEPAGE);
    std::memset(data, 0, bytes);
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

namespace {
/// One tiling of one shape, compiled, with its weights.
struct Variant {
  using Kernel = void (*)(int64_t, int64_t, MemRef<2> *, MemRef<3> *, MemRef<1> *, MemRef<3> *, MemRef<2> *);
  LinearTiling tiling;
  std::unique_ptr<KernelJIT> jit;
  Kernel kernel = nullptr;
  std::vector<std::unique_ptr<Buffer>> weights;
  size_t next = 0;
  double buildMs = 0;
  /// Per call: elapsed time, and the largest CPU time of any thread.
  std::vector<double> times, cpuTimes;
};
} // namespace

static bool prepare(MLIRContext &context, const ISA &isa, const Shape &shape, Variant &variant) {
  OpBuilder builder(&context);
  Type f32 = builder.getF32Type();
  Type wType = weights == "f16" ? Type(builder.getF16Type()) : weights == "bf16" ? Type(builder.getBF16Type()) : f32;
  LinearKernelSpec spec;
  spec.n = shape.n;
  spec.k = shape.k;
  spec.xType = spec.yType = spec.biasType = f32;
  spec.wType = packedLinearWeightType(isa, wType);
  spec.tiling = variant.tiling;
  spec.nextWeightType = getLinearWeightType(spec);

  OwningOpRef<ModuleOp> module = ModuleOp::create(builder.getUnknownLoc());
  builder.setInsertionPointToEnd(module->getBody());
  Clock::time_point start = Clock::now();
  func::FuncOp func = buildLinearKernel(builder, builder.getUnknownLoc(), "linear", spec, isa);
  variant.buildMs = seconds(start) * 1e3;
  func->setAttr("llvm.emit_c_interface", builder.getUnitAttr());
  KernelJITOptions options;
  options.optLevel = optLevel;
  options.keepAssembly = !asmFile.empty();
  options.keepLLVMIR = !llvmFile.empty();
  variant.jit = KernelJIT::compile(*module, isa, options);
  if (!variant.jit)
    return false;
  std::error_code error;
  if (!llvmFile.empty())
    llvm::raw_fd_ostream(llvmFile, error) << variant.jit->llvmIR;
  if (!asmFile.empty())
    llvm::raw_fd_ostream(asmFile, error) << variant.jit->assembly;
  variant.kernel = reinterpret_cast<Variant::Kernel>(variant.jit->lookup("_mlir_ciface_linear"));

  size_t bytes = getPackedLinearWeightSize(spec.tiling, shape.n, shape.k, spec.wType);
  size_t copies = cold ? std::max<size_t>(2, (size_t(160) << 20) / bytes) : 1;
  for (size_t i = 0; i < copies; ++i)
    variant.weights.push_back(std::make_unique<Buffer>(bytes));
  return variant.kernel;
}

static bool measure(MLIRContext &context, const ISA &isa, const Shape &shape, unsigned numThreads) {
  const int64_t m = shape.m, n = shape.n, k = shape.k;
  std::vector<Variant> variants(std::max<size_t>(1, tilingSizes.size()));
  for (size_t i = 0; i < variants.size(); ++i) {
    LinearTiling &tiling = variants[i].tiling;
    if (tilingSizes.empty()) {
      tiling = chooseLinearTiling(isa, n, k);
    } else if (std::sscanf(tilingSizes[i].c_str(), "%ldx%ldx%ldx%ld", &tiling.mr, &tiling.nr, &tiling.kc, &tiling.mc) !=
               4) {
      llvm::errs() << "expected a tiling MRxNRxKCxMC, got '" << tilingSizes[i] << "'\n";
      return false;
    }
    if (!prepare(context, isa, shape, variants[i]))
      return false;
  }
  Buffer x(m * k * 4), bias(n * 4), y(m * n * 4);
  MemRef<2> xRef = {x.data, x.data, 0, {m, k}, {k, 1}};
  MemRef<2> yRef = {y.data, y.data, 0, {m, n}, {n, 1}};
  MemRef<1> bRef = {bias.data, bias.data, 0, {n}, {1}};

  auto *peak = isa.level == ISALevel::AVX512 ? peak512 : isa.level == ISALevel::AVX2 ? peak256 : peak128;
  Team team(numThreads);
  auto call = [&](Variant &variant) {
    auto describe = [&](size_t i) -> MemRef<3> {
      void *w = variant.weights[i % variant.weights.size()]->data;
      int64_t nr = variant.tiling.nr;
      return {w, w, 0, {int64_t(llvm::divideCeil(n, nr)), k, nr}, {k * nr, nr, 1}};
    };
    MemRef<3> wRef = describe(variant.next++);
    MemRef<3> nextRef = describe(variant.next);
    std::vector<double> cpu(numThreads);
    Clock::time_point from = Clock::now();
    team.run([&](unsigned tid) {
      double start = threadSeconds();
      variant.kernel(tid, numThreads, &xRef, &wRef, &bRef, &nextRef, &yRef);
      cpu[tid] = threadSeconds() - start;
    });
    variant.times.push_back(seconds(from));
    variant.cpuTimes.push_back(*std::max_element(cpu.begin(), cpu.end()));
  };
  double flops = 2.0 * double(m) * double(n) * double(k);
  // About a millisecond per tiling and round.
  int repeats = std::max(1, int(1e8 * numThreads / flops));
  std::vector<double> peakRates;
  for (unsigned round = 0; round < rounds; ++round) {
    std::vector<double> rates(numThreads);
    team.run([&](unsigned tid) {
      double start = threadSeconds();
      double done = peak();
      rates[tid] = done / (threadSeconds() - start) * 1e-9;
    });
    peakRates.push_back(std::accumulate(rates.begin(), rates.end(), 0.0));
    for (Variant &variant : variants)
      for (int i = 0; i < repeats; ++i)
        call(variant);
  }
  for (const Variant &variant : variants) {
    auto rate = [&](const std::vector<double> &times, double q) { return flops / quantile(times, q) * 1e-9; };
    double limit = quantile(peakRates, 1.0);
    const LinearTiling &tiling = variant.tiling;
    llvm::outs() << llvm::format("%5ld x %5ld x %5ld  %u threads  peak %5.1f  elapsed %5.1f %5.1f  "
                                 "cpu %5.1f %5.1f %5.1f GF/s  = %5.1f %5.1f %5.1f %%  best %8.1f us  "
                                 "compile %.0f+%.0f+%.0f+%.0f ms  %ldx%ldx%ldx%ld\n",
                                 long(m), long(n), long(k), numThreads, limit, rate(variant.times, 0.0),
                                 rate(variant.times, 0.1), rate(variant.cpuTimes, 0.0), rate(variant.cpuTimes, 0.1),
                                 rate(variant.cpuTimes, 0.5), 100 * rate(variant.cpuTimes, 0.0) / limit,
                                 100 * rate(variant.cpuTimes, 0.1) / limit, 100 * rate(variant.cpuTimes, 0.5) / limit,
                                 quantile(variant.times, 0.0) * 1e6, variant.buildMs, variant.jit->lowerMs,
                                 variant.jit->optMs, variant.jit->codegenMs, long(tiling.mr), long(tiling.nr),
                                 long(tiling.kc), long(tiling.mc));
  }
  llvm::outs().flush();
  return true;
}

int main(int argc, char **argv) {
  cl::ParseCommandLineOptions(argc, argv, "Linear kernel benchmark\n");
  FailureOr<ISALevel> level = ISA::parse(isaName);
  if (failed(level)) {
    llvm::errs() << "expected --isa to be baseline, avx2, avx512 or native, got '" << isaName << "'\n";
    return 1;
  }
  ISA isa = ISA::get(*level);
  std::vector<Shape> shapes;
  for (const std::string &name : shapeNames) {
    llvm::SmallVector<llvm::StringRef> parts;
    llvm::StringRef(name).split(parts, 'x');
    Shape shape;
    if (parts.size() != 3 || parts[0].getAsInteger(10, shape.m) || parts[1].getAsInteger(10, shape.n) ||
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
