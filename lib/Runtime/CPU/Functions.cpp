//===- Functions.cpp - What machine code of a program may call -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ObjectCode.h"
#include "OpenMP.h"
#include "et/Support/Float16.h"

#include <cmath>
#include <cstring>
#include <unordered_map>

using namespace mlir::et;
using namespace mlir::et::runtime;

//===----------------------------------------------------------------------===//
// 16-bit floats
//===----------------------------------------------------------------------===//

// Compilers pass both formats in a vector register, as they do _Float16.
static _Float16 toRegister(uint16_t bits) {
  _Float16 value;
  std::memcpy(&value, &bits, sizeof(bits));
  return value;
}

static float extendHalf(_Float16 value) {
  uint16_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return static_cast<float>(decodeFloat16(kHalf, bits));
}
static _Float16 truncateFloat(float value) { return toRegister(encodeFloat16(kHalf, value)); }
static _Float16 truncateDouble(double value) { return toRegister(encodeFloat16(kHalf, value)); }
static _Float16 truncateFloatToBF16(float value) { return toRegister(encodeFloat16(kBFloat, value)); }
static _Float16 truncateDoubleToBF16(double value) { return toRegister(encodeFloat16(kBFloat, value)); }

//===----------------------------------------------------------------------===//
// The table
//===----------------------------------------------------------------------===//

template <typename T> static T power(T base, int exponent) { return std::pow(base, static_cast<T>(exponent)); }

namespace {
using Table = std::unordered_map<std::string_view, void *>;

/// Adds functions of one type, of which C++ has more than one by a name.
template <typename Function> struct Adder {
  Table &table;
  Adder &operator()(const char *name, Function *function) {
    table[name] = reinterpret_cast<void *>(function);
    return *this;
  }
};
} // namespace

static Table makeTable() {
  Table table;
#define ET_ADD(name) (#name, ::name)
  // clang-format off
#define ET_UNARY(X) \
  X(acos) X(acosh) X(asin) X(asinh) X(atan) X(atanh) X(cbrt) X(ceil) X(cos) X(cosh) X(erf) X(erfc) X(exp) X(exp2) \
  X(expm1) X(fabs) X(floor) X(log) X(log10) X(log1p) X(log2) X(nearbyint) X(rint) X(round) X(sin) X(sinh) X(sqrt) \
  X(tan) X(tanh) X(trunc)
// clang-format on
#define ET_BINARY(X) X(atan2) X(fmax) X(fmin) X(fmod) X(pow)
#define ET_DOUBLE(name) (#name, ::name)
#define ET_FLOAT(name) (#name "f", ::name##f)
  Adder<float(float)>{table} ET_UNARY(ET_FLOAT);
  Adder<double(double)>{table} ET_UNARY(ET_DOUBLE);
  Adder<float(float, float)>{table} ET_BINARY(ET_FLOAT);
  Adder<double(double, double)>{table} ET_BINARY(ET_DOUBLE);
#undef ET_FLOAT
#undef ET_DOUBLE
#undef ET_BINARY
#undef ET_UNARY
  Adder<float(float, float, float)>{table} ET_ADD(fmaf);
  Adder<double(double, double, double)>{table} ET_ADD(fma);
  Adder<float(float, int)>{table} ET_ADD(ldexpf)("__powisf2", power<float>);
  Adder<double(double, int)>{table} ET_ADD(ldexp)("__powidf2", power<double>);
  Adder<void(float, float *, float *)>{table} ET_ADD(sincosf);
  Adder<void(double, double *, double *)>{table} ET_ADD(sincos);
  // Not every C library that we are built with has these two.
  Adder<float(float)>{table}("roundevenf", ::rintf);
  Adder<double(double)>{table}("roundeven", ::rint);
  Adder<void *(void *, const void *, size_t)>{table} ET_ADD(memcpy) ET_ADD(memmove);
  Adder<void *(void *, int, size_t)>{table} ET_ADD(memset);
  Adder<int(const void *, const void *, size_t)>{table} ET_ADD(memcmp);
#undef ET_ADD
  Adder<float(_Float16)>{table}("__extendhfsf2", extendHalf);
  Adder<_Float16(float)>{table}("__truncsfhf2", truncateFloat)("__truncsfbf2", truncateFloatToBF16);
  Adder<_Float16(double)>{table}("__truncdfhf2", truncateDouble)("__truncdfbf2", truncateDoubleToBF16);
  return table;
}

void *mlir::et::runtime::findFunction(std::string_view name) {
  static const Table table = makeTable();
  auto found = table.find(name);
  return found == table.end() ? OpenMP::get().find(name) : found->second;
}
