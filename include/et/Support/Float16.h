//===- Float16.h - 16-bit floats as numbers -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef ET_SUPPORT_FLOAT16_H
#define ET_SUPPORT_FLOAT16_H

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace mlir::et {

/// A format of one sign bit, an exponent and a mantissa.
struct Float16Format {
  int exponentBits, mantissaBits;
};
constexpr Float16Format kHalf = {5, 10}, kBFloat = {8, 7};

/// Bits of \p value in \p format, rounded to nearest, ties to even.
inline uint16_t encodeFloat16(Float16Format format, double value) {
  const int bias = (1 << (format.exponentBits - 1)) - 1;
  const uint32_t infinity = ((1u << format.exponentBits) - 1) << format.mantissaBits;
  uint32_t sign = std::signbit(value) ? 1u << (format.exponentBits + format.mantissaBits) : 0;
  double magnitude = std::fabs(value);
  if (std::isnan(value))
    return sign | infinity | (1u << (format.mantissaBits - 1));
  if (magnitude == 0)
    return sign;
  if (std::isinf(value))
    return sign | infinity;
  // Below the smallest normal number the spacing stays the same. A carry out of the mantissa lands in the exponent.
  int exponent = std::max(std::ilogb(magnitude), 1 - bias);
  double units = std::nearbyint(std::ldexp(magnitude, format.mantissaBits - exponent));
  double bits = units + std::ldexp(static_cast<double>(exponent + bias - 1), format.mantissaBits);
  return sign | static_cast<uint32_t>(std::min<double>(bits, infinity));
}

/// The number that \p bits are in \p format.
inline double decodeFloat16(Float16Format format, uint16_t bits) {
  const int bias = (1 << (format.exponentBits - 1)) - 1;
  int exponent = (bits >> format.mantissaBits) & ((1 << format.exponentBits) - 1);
  int mantissa = bits & ((1 << format.mantissaBits) - 1);
  double sign = bits >> (format.exponentBits + format.mantissaBits) ? -1 : 1;
  if (exponent == (1 << format.exponentBits) - 1)
    return mantissa ? NAN : sign * INFINITY;
  if (exponent == 0)
    return sign * std::ldexp(mantissa, 1 - bias - format.mantissaBits);
  return sign * std::ldexp(mantissa + (1 << format.mantissaBits), exponent - bias - format.mantissaBits);
}

} // namespace mlir::et

#endif // ET_SUPPORT_FLOAT16_H
