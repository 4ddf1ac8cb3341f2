//===- SoftFloat.cpp - 16-bit floats for generated code -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SoftFloat.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/APInt.h"

#include <cstdint>
#include <cstring>

using namespace mlir;
using llvm::APFloat;

static uint16_t getBits(_Float16 value) {
  uint16_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}

static _Float16 getHalf(uint16_t bits) {
  _Float16 value;
  std::memcpy(&value, &bits, sizeof(bits));
  return value;
}

/// Rounds \p value to a 16-bit format, to nearest even.
static uint16_t round(APFloat value, const llvm::fltSemantics &semantics) {
  bool losesInfo;
  value.convert(semantics, APFloat::rmNearestTiesToEven, &losesInfo);
  return value.bitcastToAPInt().getZExtValue();
}

static float extendHalf(_Float16 value) {
  APFloat wide(APFloat::IEEEhalf(), llvm::APInt(16, getBits(value)));
  bool losesInfo;
  wide.convert(APFloat::IEEEsingle(), APFloat::rmNearestTiesToEven, &losesInfo);
  return wide.convertToFloat();
}

static _Float16 truncateFloat(float value) { return getHalf(round(APFloat(value), APFloat::IEEEhalf())); }
static _Float16 truncateDouble(double value) { return getHalf(round(APFloat(value), APFloat::IEEEhalf())); }
// bf16 travels in the same register as f16.
static _Float16 truncateFloatToBF16(float value) { return getHalf(round(APFloat(value), APFloat::BFloat())); }
static _Float16 truncateDoubleToBF16(double value) { return getHalf(round(APFloat(value), APFloat::BFloat())); }

ArrayRef<std::pair<const char *, void *>> et::getSoftFloatFunctions() {
  static const std::pair<const char *, void *> functions[] = {
      {"__extendhfsf2", reinterpret_cast<void *>(&extendHalf)},
      {"__truncsfhf2", reinterpret_cast<void *>(&truncateFloat)},
      {"__truncdfhf2", reinterpret_cast<void *>(&truncateDouble)},
      {"__truncsfbf2", reinterpret_cast<void *>(&truncateFloatToBF16)},
      {"__truncdfbf2", reinterpret_cast<void *>(&truncateDoubleToBF16)},
  };
  return functions;
}
