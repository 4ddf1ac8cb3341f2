//===- LinearTestSupport.cpp - Runs linear kernels against a reference -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Tolerance: k rounded additions and products err by at most about k * 2^-24
// times the sum of absolute values; results in a 16-bit type by half a unit in
// the last place more.
//
//===----------------------------------------------------------------------===//

#include "LinearTestSupport.h"

#include "gtest/gtest.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>
#include <cstring>
#include <sys/mman.h>
#include <thread>

using namespace mlir;
using namespace mlir::et::cpu;

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

static constexpr size_t kPage = 4096;
static constexpr char kPattern = '\xa5';

GuardedBuffer::GuardedBuffer(size_t bytes) : bytes(bytes) {
  mapped = llvm::alignTo(bytes, kPage) + 2 * kPage;
  mapping = static_cast<char *>(mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  std::memset(mapping, kPattern, mapped);
  mprotect(mapping, kPage, PROT_NONE);
  mprotect(mapping + mapped - kPage, kPage, PROT_NONE);
  begin = mapping + mapped - kPage - bytes;
}

GuardedBuffer::~GuardedBuffer() { munmap(mapping, mapped); }

bool GuardedBuffer::isIntact() const {
  for (char *p = mapping + kPage; p < begin; ++p)
    if (*p != kPattern)
      return false;
  return true;
}

static const llvm::fltSemantics &getSemantics(Type type) { return cast<FloatType>(type).getFloatSemantics(); }

size_t et::cpu::getElementSize(Type type) { return type.getIntOrFloatBitWidth() / 8; }

float et::cpu::readElement(Type type, const void *data, int64_t i) {
  if (type.isF32())
    return static_cast<const float *>(data)[i];
  uint16_t bits = static_cast<const uint16_t *>(data)[i];
  llvm::APFloat value(getSemantics(type), llvm::APInt(16, bits));
  bool lossy;
  value.convert(llvm::APFloat::IEEEsingle(), llvm::APFloat::rmNearestTiesToEven, &lossy);
  return value.convertToFloat();
}

float et::cpu::writeElement(Type type, void *data, int64_t i, float value) {
  if (type.isF32())
    return static_cast<float *>(data)[i] = value;
  llvm::APFloat rounded(value);
  bool lossy;
  rounded.convert(getSemantics(type), llvm::APFloat::rmNearestTiesToEven, &lossy);
  static_cast<uint16_t *>(data)[i] = static_cast<uint16_t>(rounded.bitcastToAPInt().getZExtValue());
  return readElement(type, data, i);
}

//===----------------------------------------------------------------------===//
// Fixture
//===----------------------------------------------------------------------===//

LinearFixture::LinearFixture(MLIRContext &context, LinearKernelSpec given, ISALevel level, KernelJITOptions options,
                             ZeroTiles zeros)
    : spec(std::move(given)), isa(ISA::get(level)), random(12345) {
  const int64_t n = spec.n, k = spec.k;
  Type srcType = spec.wType;
  spec.wType = packedLinearWeightType(isa, srcType);
  std::uniform_real_distribution<float> uniform(-1.0f, 1.0f);
  std::vector<char> unpacked(n * k * getElementSize(srcType));
  const int64_t tilesAcross = llvm::divideCeil(k, zeros.columns);
  std::vector<bool> keep(llvm::divideCeil(n, zeros.rows) * tilesAcross, true);
  std::uniform_real_distribution<double> chance;
  for (size_t i = 0; zeros.density < 1.0 && i < keep.size(); ++i)
    keep[i] = chance(random) < zeros.density;
  for (int64_t i = 0; i < n * k; ++i) {
    bool kept = keep[i / k / zeros.rows * tilesAcross + i % k / zeros.columns];
    weights.push_back(writeElement(srcType, unpacked.data(), i, kept ? uniform(random) : -0.0f));
  }
  if (spec.sparse) {
    KeptColumns kept = findKeptColumns(unpacked.data(), srcType, n, k, spec.tiling.nr);
    int64_t offset = llvm::alignTo((kept.starts.size() + kept.size()) * sizeof(int32_t), 64);
    packed = std::make_unique<GuardedBuffer>(offset + kept.size() * spec.tiling.nr * getElementSize(spec.wType));
    packKeptColumns(unpacked.data(), srcType, kept, n, k, packed->data(), spec.wType, offset);
  } else {
    packed = std::make_unique<GuardedBuffer>(getPackedLinearWeightSize(spec.tiling, n, k, spec.wType));
    packLinearWeight(unpacked.data(), srcType, spec.tiling, n, k, packed->data(), spec.wType);
  }
  if (spec.biasType) {
    bias = std::make_unique<GuardedBuffer>(n * getElementSize(spec.biasType));
    for (int64_t i = 0; i < n; ++i)
      biases.push_back(writeElement(spec.biasType, bias->data(), i, uniform(random)));
  }

  OpBuilder builder(&context);
  OwningOpRef<ModuleOp> module = ModuleOp::create(builder.getUnknownLoc());
  builder.setInsertionPointToEnd(module->getBody());
  func::FuncOp func = buildLinearKernel(builder, builder.getUnknownLoc(), "linear", spec, isa);
  func->setAttr("llvm.emit_c_interface", builder.getUnitAttr());
  jit = KernelJIT::compile(*module, isa, options);
  if (jit)
    function = jit->lookup("_mlir_ciface_linear");
  EXPECT_TRUE(function) << "the kernel did not compile";
}

int64_t LinearFixture::stride(int64_t given, int64_t columns) const {
  if (given == 0)
    return columns;
  return given == ShapedType::kDynamic ? columns + 5 : given;
}

MemRef<2> LinearFixture::describeX(int64_t m, void *data) const {
  return {data, data, 0, {m, spec.k}, {stride(spec.xStride, spec.k), 1}};
}

MemRef<2> LinearFixture::describeY(int64_t m, void *data) const {
  return {data, data, 0, {m, spec.n}, {stride(spec.yStride, spec.n), 1}};
}

size_t LinearFixture::bytesX(int64_t m) const {
  int64_t elements = m ? (m - 1) * stride(spec.xStride, spec.k) + spec.k : 0;
  return elements * getElementSize(spec.xType);
}

size_t LinearFixture::bytesY(int64_t m) const {
  int64_t elements = m ? (m - 1) * stride(spec.yStride, spec.n) + spec.n : 0;
  return elements * getElementSize(spec.yType);
}

void LinearFixture::call(int64_t tid, int64_t nth, MemRef<2> &x, MemRef<2> &y, ArrayRef<MemRef<2> *> extras) {
  int64_t panels = llvm::divideCeil(spec.n, spec.tiling.nr);
  MemRef<3> w = {packed->data(),
                 packed->data(),
                 0,
                 {panels, spec.k, spec.tiling.nr},
                 {spec.k * spec.tiling.nr, spec.tiling.nr, 1}};
  // A sparse weight is bytes: a descriptor that starts with the same fields.
  if (spec.sparse) {
    w.sizes[0] = packed->size();
    w.sizes[1] = 1;
  }
  MemRef<1> b = {nullptr, nullptr, 0, {spec.n}, {1}};
  if (bias)
    b.allocated = b.aligned = bias->data();
  using M2 = MemRef<2> *;
  using M3 = MemRef<3> *;
  using M1 = MemRef<1> *;
  ASSERT_LE(extras.size(), 1u);
  if (extras.empty() && bias)
    return reinterpret_cast<void (*)(int64_t, int64_t, M2, M3, M1, M2)>(function)(tid, nth, &x, &w, &b, &y);
  if (extras.empty())
    return reinterpret_cast<void (*)(int64_t, int64_t, M2, M3, M2)>(function)(tid, nth, &x, &w, &y);
  ASSERT_TRUE(bias);
  reinterpret_cast<void (*)(int64_t, int64_t, M2, M3, M1, M2, M2)>(function)(tid, nth, &x, &w, &b, extras[0], &y);
}

double LinearFixture::reference(const MemRef<2> &x, int64_t row, int64_t col, double &magnitude) const {
  double sum = biases.empty() ? 0.0 : double(biases[col]);
  magnitude = std::abs(sum);
  for (int64_t i = 0; i < spec.k; ++i) {
    double product =
        double(readElement(spec.xType, x.aligned, row * x.strides[0] + i)) * double(weights[col * spec.k + i]);
    sum += product;
    magnitude += std::abs(product);
  }
  return sum;
}

void LinearFixture::check(int64_t m, int64_t nth, const Finish &finish, ArrayRef<MemRef<2> *> extras) {
  if (!function)
    return;
  SCOPED_TRACE(testing::Message() << stringifyISALevel(isa.level).str() << ": m " << m << ", n " << spec.n << ", k "
                                  << spec.k << ", " << nth << " threads");
  GuardedBuffer xBuffer(bytesX(m)), yBuffer(bytesY(m));
  MemRef<2> x = describeX(m, xBuffer.data()), y = describeY(m, yBuffer.data());
  std::uniform_real_distribution<float> uniform(-1.0f, 1.0f);
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < spec.k; ++j)
      writeElement(spec.xType, x.aligned, i * x.strides[0] + j, uniform(random));
  // What y holds before is read only to be dropped, even if it is NaN.
  std::memset(yBuffer.data(), 0xff, yBuffer.size());

  std::vector<std::thread> team;
  for (int64_t tid = 1; tid < nth; ++tid)
    team.emplace_back([&, tid] { call(tid, nth, x, y, extras); });
  call(0, nth, x, y, extras);
  for (std::thread &thread : team)
    thread.join();

  const double half = spec.yType.isF16() ? 0x1p-11 : spec.yType.isBF16() ? 0x1p-8 : 0x1p-24;
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < spec.n; ++j) {
      double magnitude;
      double expected = reference(x, i, j, magnitude);
      if (finish)
        expected = finish(expected, i, j);
      double got = readElement(spec.yType, y.aligned, i * y.strides[0] + j);
      double tolerance = double(spec.k + 4) * 0x1p-24 * magnitude + 2 * half * std::abs(expected) + 1e-7;
      if (!(std::abs(got - expected) <= tolerance)) {
        ADD_FAILURE() << "y[" << i << ", " << j << "] is " << got << ", expected " << expected << " +- " << tolerance;
        return;
      }
    }
    // The gap between two rows of a slice belongs to somebody else.
    for (int64_t j = spec.n; i + 1 < m && j < y.strides[0]; ++j)
      for (size_t byte = 0; byte < getElementSize(spec.yType); ++byte) {
        size_t at = (i * y.strides[0] + j) * getElementSize(spec.yType) + byte;
        ASSERT_EQ(static_cast<unsigned char *>(y.aligned)[at], 0xff)
            << "row " << i << " was written beyond column " << spec.n;
      }
  }
  EXPECT_TRUE(yBuffer.isIntact()) << "memory in front of y was written";
}

//===----------------------------------------------------------------------===//
// Generated code
//===----------------------------------------------------------------------===//

std::pair<int, int> et::cpu::countSpills(llvm::StringRef assembly, int minimum) {
  int blocks = 0, spills = 0, products = 0, accesses = 0;
  auto finish = [&] {
    if (products >= minimum) {
      ++blocks;
      spills += accesses;
    }
    products = accesses = 0;
  };
  llvm::SmallVector<llvm::StringRef> lines;
  assembly.split(lines, '\n');
  for (llvm::StringRef line : lines) {
    if (line.ends_with(":"))
      finish();
    bool isProduct = line.contains("vfmadd") || line.contains("mulps");
    products += isProduct;
    bool isVector = line.contains("%xmm") || line.contains("%ymm") || line.contains("%zmm");
    accesses += isVector && (line.contains("(%rsp)") || line.contains("(%rbp)"));
    // The stores of the sums follow a loop and are meant to be there.
    if (line.contains("\tj"))
      finish();
  }
  finish();
  return {blocks, spills};
}
