//===- attention_kernel_bench.cpp - Speed of attention kernels -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Times the fused attention kernel on one thread beside a loop of multiply-adds
// on registers, in turns, because other load on a machine changes its speed from
// one moment to the next. Prints the best and the median share of that peak; the
// two matrix products count as work, the softmax does not.
//
//   attention_kernel_bench [--isa=avx512] [--rounds=30] [--type=f32] [--asm=FILE]
//                          [--mask] [--causal] [SxD...]
//
//===----------------------------------------------------------------------===//

#include "KernelTestUtils.h"

#include "et/Conversion/ETToCPU/AttentionKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <cstdio>
#include <ctime>

using namespace mlir;
using namespace mlir::et::cpu;
namespace cl = llvm::cl;

static cl::opt<std::string> isaName("isa", cl::init("native"));
static cl::opt<int> numRounds("rounds", cl::init(30));
static cl::opt<int> numHeads("heads", cl::init(12));
static cl::opt<std::string> typeName("type", cl::init("f32"));
static cl::opt<std::string> asmFile("asm");
static cl::opt<bool> withMask("mask");
static cl::opt<bool> causal("causal");
static cl::list<std::string> shapes(cl::Positional);

/// Processor time of this thread: time in which other processes had the core does
/// not count.
static double now() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return t.tv_sec + 1e-9 * t.tv_nsec;
}

/// A loop of independent multiply-adds on registers; returns its arithmetic
/// operations per call.
static double buildPeak(OpBuilder &b, const ISA &isa) {
  Location loc = b.getUnknownLoc();
  const int64_t lanes = isa.vectorBits / 32, chains = 12, iterations = 20000;
  auto vec = VectorType::get({lanes}, b.getF32Type());
  auto mem = MemRefType::get({ShapedType::kDynamic}, b.getF32Type());
  auto func = func::FuncOp::create(b, loc, "peak", b.getFunctionType({b.getIndexType(), b.getIndexType(), mem}, {}));
  func->setAttr("llvm.emit_c_interface", b.getUnitAttr());
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(func.addEntryBlock());
  Value zero = arith::ConstantIndexOp::create(b, loc, 0);
  Value one = arith::ConstantIndexOp::create(b, loc, 1);
  Value end = arith::ConstantIndexOp::create(b, loc, iterations);
  Value x = vector::LoadOp::create(b, loc, vec, func.getArgument(2), zero);
  SmallVector<Value> init(chains, x);
  for (auto [i, v] : llvm::enumerate(init)) {
    Value c = arith::ConstantOp::create(b, loc, DenseElementsAttr::get(vec, b.getF32FloatAttr(i * 0.01f)));
    v = arith::AddFOp::create(b, loc, x, c);
  }
  auto loop = scf::ForOp::create(b, loc, zero, end, one, init);
  {
    OpBuilder::InsertionGuard inner(b);
    b.setInsertionPointToStart(loop.getBody());
    SmallVector<Value> next;
    for (Value v : loop.getRegionIterArgs()) {
      if (isa.fma)
        next.push_back(vector::FMAOp::create(b, loc, v, x, x));
      else
        next.push_back(arith::AddFOp::create(b, loc, arith::MulFOp::create(b, loc, v, x), x));
    }
    scf::YieldOp::create(b, loc, next);
  }
  Value sum = loop.getResult(0);
  for (Value v : loop.getResults().drop_front())
    sum = arith::AddFOp::create(b, loc, sum, v);
  vector::StoreOp::create(b, loc, sum, func.getArgument(2), ValueRange(zero));
  func::ReturnOp::create(b, loc);
  return 2.0 * lanes * chains * iterations;
}

static int run(const ISA &isa, DType type, int64_t s, int64_t d) {
  MLIRContext context;
  loadKernelDialects(context);
  OpBuilder builder(&context);
  Location loc = builder.getUnknownLoc();
  auto module = ModuleOp::create(loc);
  builder.setInsertionPointToEnd(module.getBody());
  AttentionKernelSpec spec;
  Type elt = toMLIR(&context, type);
  spec.numBatchDims = 2;
  spec.query = {{0, 2, 1, 4}, elt};
  spec.key = {{0, 3, 1, 4}, elt};
  spec.value = {{0, 3, 1, 5}, elt};
  spec.output = {{0, 2, 1, 5}, elt};
  if (withMask)
    spec.mask = {{0, 3}, builder.getI8Type()};
  if (causal)
    spec.structure = AttentionStructure::Causal;
  spec.headSizeK = spec.headSizeV = d;
  spec.scale = 1.0f / std::sqrt(float(d));
  auto func = buildAttentionKernel(builder, loc, "kernel", spec, isa);
  func->setAttr("llvm.emit_c_interface", builder.getUnitAttr());
  KernelJITOptions options;
  options.keepAssembly = !asmFile.empty();
  clock_t cpu = clock();
  auto jit = KernelJIT::compile(module, isa, options);
  double cpuMs = 1e3 * (clock() - cpu) / CLOCKS_PER_SEC;
  module->erase();
  auto peakModule = ModuleOp::create(loc);
  builder.setInsertionPointToEnd(peakModule.getBody());
  double peakFlops = buildPeak(builder, isa);
  auto peakJIT = KernelJIT::compile(peakModule, isa, {});
  if (!jit || !peakJIT)
    return 1;
  if (!asmFile.empty()) {
    std::error_code error;
    llvm::raw_fd_ostream(asmFile, error) << jit->assembly;
  }
  void *kernel = jit->lookup("_mlir_ciface_kernel");
  void *peak = peakJIT->lookup("_mlir_ciface_peak");

  std::mt19937 rng(1);
  const int64_t h = numHeads;
  // Query, key and value are slices of one fused projection, as in encoders.
  Array q(type, {1, s, h, d}), k(type, {1, s, h, d}), v(type, {1, s, h, d}), o(type, {1, s, h, d}),
      mask(DType::I8, {1, s});
  Array scratch(DType::F32, {attentionScratchBytes(spec, isa) / 4});
  Array ones(DType::F32, {16});
  for (Array *array : {&q, &k, &v})
    array->fillNormal(rng);
  mask.fill([] { return 1.0; });
  ones.fill([] { return 0.5; });
  std::vector<Array *> args{&q, &k, &v};
  if (withMask)
    args.push_back(&mask);
  args.push_back(&o);
  args.push_back(&scratch);

  double flops = 4.0 * h * s * s * d * (causal ? 0.5 : 1.0);
  int repeats = std::max(1, int(4e7 / flops));
  std::vector<double> seconds, peaks;
  for (int round = 0; round < numRounds; ++round) {
    double start = now();
    callKernel(peak, {&ones}, 1);
    peaks.push_back(now() - start);
    start = now();
    for (int i = 0; i < repeats; ++i)
      callKernel(kernel, args, 1);
    seconds.push_back((now() - start) / repeats);
  }
  std::sort(seconds.begin(), seconds.end());
  std::sort(peaks.begin(), peaks.end());
  double peakRate = peakFlops / peaks.front();
  auto share = [&](double t) { return 100.0 * flops / t / peakRate; };
  printf("S %4lld d %3lld  best %8.1f us %6.1f GF/s %5.1f %% of peak (%.1f)  "
         "median %5.1f %%  compile %.0f+%.0f+%.0f ms, %.0f ms CPU\n",
         (long long)s, (long long)d, seconds.front() * 1e6, flops / seconds.front() * 1e-9, share(seconds.front()),
         peakRate * 1e-9, share(seconds[seconds.size() / 2]), jit->lowerMs, jit->optMs, jit->codegenMs, cpuMs);
  return 0;
}

int main(int argc, char **argv) {
  cl::ParseCommandLineOptions(argc, argv, "attention kernel benchmark\n");
  auto level = ISA::parse(isaName);
  if (failed(level)) {
    fprintf(stderr, "expected --isa to be baseline, avx2, avx512 or native\n");
    return 1;
  }
  DType type = typeName == "f16" ? DType::F16 : typeName == "bf16" ? DType::BF16 : DType::F32;
  std::vector<std::string> list(shapes.begin(), shapes.end());
  if (list.empty())
    list = {"128x32", "128x64", "512x32", "512x64", "17x32", "64x32", "200x64"};
  for (const std::string &shape : list) {
    int64_t s = 0, d = 0;
    if (sscanf(shape.c_str(), "%ldx%ld", &s, &d) != 2) {
      fprintf(stderr, "expected a shape such as 128x32, but got %s\n", shape.c_str());
      return 1;
    }
    if (int rc = run(ISA::get(*level), type, s, d))
      return rc;
  }
  return 0;
}
