//===- KernelTestUtils.h - Buffers, descriptors, references -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What the tests of the kernel builders share: strided arrays of any of the
// kernels' element types that read and write as double, with guard bytes around
// them, descriptors of any rank for the C interface, and error measures.
//
//===----------------------------------------------------------------------===//

#ifndef ET_UNITTESTS_CONVERSION_ETTOCPU_KERNELTESTUTILS_H
#define ET_UNITTESTS_CONVERSION_ETTOCPU_KERNELTESTUTILS_H

#include "KernelJIT.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/SmallVector.h"

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <random>
#include <vector>

namespace mlir::et::cpu {

enum class DType { F32, F16, BF16, I8, I32, I64 };

inline int64_t byteSize(DType type) {
  switch (type) {
  case DType::F32:
  case DType::I32:
    return 4;
  case DType::F16:
  case DType::BF16:
    return 2;
  case DType::I8:
    return 1;
  case DType::I64:
    return 8;
  }
  return 0;
}

inline Type toMLIR(MLIRContext *context, DType type) {
  switch (type) {
  case DType::F32:
    return Float32Type::get(context);
  case DType::F16:
    return Float16Type::get(context);
  case DType::BF16:
    return BFloat16Type::get(context);
  case DType::I8:
    return IntegerType::get(context, 8);
  case DType::I32:
    return IntegerType::get(context, 32);
  case DType::I64:
    return IntegerType::get(context, 64);
  }
  return {};
}

inline const llvm::fltSemantics &semantics(DType type) {
  return type == DType::F16 ? llvm::APFloat::IEEEhalf() : llvm::APFloat::BFloat();
}

/// A strided array. Its memory ends at the last element, followed by guard bytes
/// that check() compares.
class Array {
public:
  Array() = default;
  /// \p order lists the dimensions from outermost to innermost in memory.
  Array(DType type, std::vector<int64_t> sizes, std::vector<int> order = {}, int64_t padding = 0)
      : type(type), sizes(std::move(sizes)) {
    const int rank = this->sizes.size();
    if (order.empty())
      for (int i = 0; i < rank; ++i)
        order.push_back(i);
    strides.resize(rank);
    int64_t extent = 1;
    for (int i = rank - 1; i >= 0; --i) {
      strides[order[i]] = extent;
      extent *= this->sizes[order[i]];
      if (i == rank - 1)
        extent += padding;
    }
    int64_t last = 0;
    bool empty = false;
    for (int i = 0; i < rank; ++i) {
      last += (this->sizes[i] - 1) * strides[i];
      empty |= this->sizes[i] == 0;
    }
    bytes.assign((empty ? 0 : last + 1) * byteSize(type) + 2 * guard, 0xA5);
  }

  double get(int64_t index) const {
    const uint8_t *p = data() + index * byteSize(type);
    switch (type) {
    case DType::F32: {
      float v;
      memcpy(&v, p, 4);
      return v;
    }
    case DType::F16:
    case DType::BF16: {
      uint16_t word;
      memcpy(&word, p, 2);
      llvm::APFloat v(semantics(type), llvm::APInt(16, word));
      return v.convertToDouble();
    }
    case DType::I8:
      return static_cast<int8_t>(*p);
    case DType::I32: {
      int32_t v;
      memcpy(&v, p, 4);
      return v;
    }
    case DType::I64: {
      int64_t v;
      memcpy(&v, p, 8);
      return v;
    }
    }
    return 0;
  }

  void set(int64_t index, double value) {
    uint8_t *p = data() + index * byteSize(type);
    switch (type) {
    case DType::F32: {
      float v = value;
      memcpy(p, &v, 4);
      break;
    }
    case DType::F16:
    case DType::BF16: {
      llvm::APFloat v(value);
      bool lossy;
      v.convert(semantics(type), llvm::APFloat::rmNearestTiesToEven, &lossy);
      uint16_t word = v.bitcastToAPInt().getZExtValue();
      memcpy(p, &word, 2);
      break;
    }
    case DType::I8:
      *p = static_cast<int8_t>(value);
      break;
    case DType::I32: {
      int32_t v = value;
      memcpy(p, &v, 4);
      break;
    }
    case DType::I64: {
      int64_t v = value;
      memcpy(p, &v, 8);
      break;
    }
    }
  }

  int64_t offsetOf(llvm::ArrayRef<int64_t> index) const {
    int64_t offset = 0;
    for (size_t i = 0; i < sizes.size(); ++i)
      offset += index[i] * strides[i];
    return offset;
  }
  double at(llvm::ArrayRef<int64_t> index) const { return get(offsetOf(index)); }

  /// Calls \p fn with every index in turn.
  void forEach(llvm::function_ref<void(llvm::ArrayRef<int64_t>)> fn) const {
    for (int64_t size : sizes)
      if (!size)
        return;
    std::vector<int64_t> index(sizes.size(), 0);
    while (true) {
      fn(index);
      int i = static_cast<int>(sizes.size()) - 1;
      for (; i >= 0 && ++index[i] == sizes[i]; --i)
        index[i] = 0;
      if (i < 0)
        return;
    }
  }
  void fill(llvm::function_ref<double()> fn) {
    forEach([&](llvm::ArrayRef<int64_t> index) { set(offsetOf(index), fn()); });
  }
  void fillNormal(std::mt19937 &rng, double deviation = 1.0) {
    std::normal_distribution<double> normal(0.0, deviation);
    fill([&] { return normal(rng); });
  }

  /// Whether nobody wrote outside of the array.
  bool guardsIntact() const {
    for (int64_t i = 0; i < guard; ++i)
      if (bytes[i] != 0xA5 || bytes[bytes.size() - 1 - i] != 0xA5)
        return false;
    return true;
  }

  uint8_t *data() { return bytes.data() + guard; }
  const uint8_t *data() const { return bytes.data() + guard; }

  /// The words of a memref descriptor.
  std::vector<int64_t> descriptor() {
    std::vector<int64_t> words;
    words.push_back(reinterpret_cast<int64_t>(data()));
    words.push_back(reinterpret_cast<int64_t>(data()));
    words.push_back(0);
    words.insert(words.end(), sizes.begin(), sizes.end());
    words.insert(words.end(), strides.begin(), strides.end());
    return words;
  }

  DType type = DType::F32;
  std::vector<int64_t> sizes, strides;

private:
  static constexpr int64_t guard = 256;
  std::vector<uint8_t> bytes;
};

/// Calls a kernel (the C interface) for each of \p threads in turn.
inline void callKernel(void *symbol, llvm::ArrayRef<Array *> arrays, int64_t threads) {
  std::vector<std::vector<int64_t>> words;
  void *p[12] = {};
  for (Array *array : arrays)
    words.push_back(array->descriptor());
  for (size_t i = 0; i < words.size(); ++i)
    p[i] = words[i].data();
  // The calling convention ignores arguments beyond those of the callee.
  using Fn = void (*)(int64_t, int64_t, void *, void *, void *, void *, void *, void *, void *, void *, void *, void *,
                      void *, void *);
  for (int64_t tid = 0; tid < threads; ++tid)
    reinterpret_cast<Fn>(symbol)(tid, threads, p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7], p[8], p[9], p[10],
                                 p[11]);
}

/// The functions that \p assembly calls outside of the wrapper that is the C
/// interface of a kernel.
inline std::string libraryCalls(llvm::StringRef assembly) {
  std::string calls;
  bool wrapper = false;
  while (!assembly.empty()) {
    auto [line, rest] = assembly.split('\n');
    assembly = rest;
    if (line.ends_with(":") && !line.starts_with("."))
      wrapper = line.starts_with("_mlir_ciface_");
    if (!wrapper && line.trim().starts_with("call"))
      calls += line.trim().str() + "\n";
  }
  return calls;
}

/// The instruction set levels this machine runs.
inline std::vector<ISALevel> testableLevels() {
  std::vector<ISALevel> levels;
  for (ISALevel level : {ISALevel::Baseline, ISALevel::AVX2, ISALevel::AVX512})
    if (level <= ISA::host())
      levels.push_back(level);
  return levels;
}

/// Distance in units in the last place of the f32 nearest to \p expected.
inline double ulpError(double actual, double expected) {
  if (std::isnan(actual) || std::isnan(expected))
    return std::isnan(actual) == std::isnan(expected) ? 0 : INFINITY;
  float nearest = static_cast<float>(expected);
  if (std::isinf(nearest) || std::isinf(actual))
    return actual == nearest ? 0 : INFINITY;
  int exponent;
  std::frexp(nearest, &exponent);
  double ulp = std::ldexp(1.0, std::max(exponent - 24, -149));
  return std::abs(actual - expected) / ulp;
}

} // namespace mlir::et::cpu

#endif // ET_UNITTESTS_CONVERSION_ETTOCPU_KERNELTESTUTILS_H
