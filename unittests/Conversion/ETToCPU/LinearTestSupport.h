//===- LinearTestSupport.h - Runs linear kernels against a reference -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Buffers with a page that faults right behind their last element, random data
// in every element type, a reference in double precision, and a runner that
// compiles one kernel and checks it for many row and thread counts.
//
//===----------------------------------------------------------------------===//

#ifndef ET_UNITTESTS_CONVERSION_ETTOCPU_LINEARTESTSUPPORT_H
#define ET_UNITTESTS_CONVERSION_ETTOCPU_LINEARTESTSUPPORT_H

#include "KernelJIT.h"
#include "et/Conversion/ETToCPU/LinearKernel.h"

#include <random>

namespace mlir::et::cpu {

/// Memory that ends at an inaccessible page and starts behind another; the
/// slack in front of the data holds a pattern.
class GuardedBuffer {
public:
  explicit GuardedBuffer(size_t bytes);
  GuardedBuffer(const GuardedBuffer &) = delete;
  ~GuardedBuffer();
  void *data() const { return begin; }
  size_t size() const { return bytes; }
  /// Whether nothing was written in front of the data.
  bool isIntact() const;

private:
  char *mapping, *begin;
  size_t bytes, mapped;
};

/// Elements of f32, f16 or bf16 in memory.
size_t getElementSize(Type type);
float readElement(Type type, const void *data, int64_t i);
/// Rounds \p value to \p type and returns the rounded value.
float writeElement(Type type, void *data, int64_t i, float value);

/// Which tiles of a random weight are zero.
struct ZeroTiles {
  int64_t rows = 1, columns = 1;
  /// Share of the tiles that are kept.
  double density = 1.0;
};

/// A compiled linear kernel and its weights.
class LinearFixture {
public:
  /// Packs random weights, with zeros as \p zeros says, and compiles the kernel
  /// of \p spec, whose `wType` is the unpacked type here.
  LinearFixture(MLIRContext &context, LinearKernelSpec spec, ISALevel level,
                KernelJITOptions options = KernelJITOptions(), ZeroTiles zeros = ZeroTiles());

  /// Runs all threads on \p m rows of random input and compares with the
  /// reference. \p finish brings one reference sum to the result of the
  /// epilogue. Gtest failures name the first wrong element.
  using Finish = std::function<double(double sum, int64_t row, int64_t col)>;
  void check(int64_t m, int64_t nth, const Finish &finish = nullptr, ArrayRef<MemRef<2> *> extras = {});

  /// Runs thread \p tid.
  void call(int64_t tid, int64_t nth, MemRef<2> &x, MemRef<2> &y, ArrayRef<MemRef<2> *> extras = {});

  /// Reference sum of \p row of x and output \p col, without the bias in
  /// \p magnitude, the sum of absolute values.
  double reference(const MemRef<2> &x, int64_t row, int64_t col, double &magnitude) const;

  /// Describes x or y of \p m rows at \p data.
  MemRef<2> describeX(int64_t m, void *data) const;
  MemRef<2> describeY(int64_t m, void *data) const;
  /// Bytes from the first to the last element of \p m rows.
  size_t bytesX(int64_t m) const;
  size_t bytesY(int64_t m) const;

  LinearKernelSpec spec;
  ISA isa;
  std::unique_ptr<KernelJIT> jit;
  /// Weights [n, k] and bias as the kernel sees them.
  std::vector<float> weights, biases;
  std::unique_ptr<GuardedBuffer> packed, bias;
  std::mt19937 random;

private:
  int64_t stride(int64_t given, int64_t columns) const;
  void *function = nullptr;
};

/// Counts the basic blocks that multiply into at least \p minimum vectors, and
/// in those the vector accesses to the stack.
std::pair<int, int> countSpills(llvm::StringRef assembly, int minimum);

} // namespace mlir::et::cpu

#endif // ET_UNITTESTS_CONVERSION_ETTOCPU_LINEARTESTSUPPORT_H
