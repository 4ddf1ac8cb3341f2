//===- WeightValues.cpp - Arithmetic on the values of weights -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "et/Dialect/ET/Transforms/WeightValues.h"

#include "mlir/IR/AsmState.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/DialectResourceBlobManager.h"

#include <cstring>

using namespace mlir;
using namespace mlir::et;

/// Weights of up to so many bytes are made as dense elements, which print in place; larger ones as resources.
static constexpr size_t kMaxDenseBytes = 16384;

static bool isReadable(Type type) { return type.isF16() || type.isBF16() || type.isF32(); }

//===----------------------------------------------------------------------===//
// 16-bit floats
//===----------------------------------------------------------------------===//

static float fromBits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}
static uint32_t toBits(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}

static float fromHalf(uint16_t half) {
  uint32_t sign = uint32_t(half & 0x8000) << 16, rest = half & 0x7fff;
  if (rest >= 0x7c00)
    return fromBits(sign | 0x7f800000 | (rest & 0x3ff) << 13);
  // Moved into place, the exponent is too small by 112; a multiplication puts that right, subnormals included.
  return fromBits(sign | toBits(fromBits(rest << 13) * 0x1p112f));
}

static uint16_t toHalf(float value) {
  uint32_t bits = toBits(value), rest = bits & 0x7fffffff;
  uint16_t sign = bits >> 16 & 0x8000;
  if (rest > 0x7f800000)
    return sign | 0x7e00;
  // 65520 and more round to infinity.
  if (rest >= 0x477ff000)
    return sign | 0x7c00;
  // Subnormals: adding 0.5 leaves the bits of value / 2^-24, rounded, at the end.
  if (rest < 0x38800000)
    return sign | static_cast<uint16_t>(toBits(fromBits(rest) + 0.5f) - toBits(0.5f));
  rest -= 112u << 23;
  return sign | static_cast<uint16_t>((rest + 0xfff + (rest >> 13 & 1)) >> 13);
}

static uint16_t toBFloat(float value) {
  uint32_t bits = toBits(value);
  if ((bits & 0x7fffffff) > 0x7f800000)
    return bits >> 16 | 0x40;
  return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

/// Writes \p values as \p type to \p target.
static void pack(Type type, ArrayRef<float> values, char *target) {
  if (type.isF32()) {
    std::memcpy(target, values.data(), values.size() * sizeof(float));
    return;
  }
  bool isHalf = type.isF16();
  for (size_t i = 0; i < values.size(); ++i) {
    uint16_t bits = isHalf ? toHalf(values[i]) : toBFloat(values[i]);
    std::memcpy(target + 2 * i, &bits, sizeof(bits));
  }
}

/// Appends \p count elements of \p type at \p source to \p values.
static void unpack(Type type, const char *source, size_t count, std::vector<float> &values) {
  size_t begin = values.size();
  values.resize(begin + count);
  if (type.isF32()) {
    std::memcpy(values.data() + begin, source, count * sizeof(float));
    return;
  }
  bool isHalf = type.isF16();
  for (size_t i = 0; i < count; ++i) {
    uint16_t bits;
    std::memcpy(&bits, source + 2 * i, sizeof(bits));
    values[begin + i] = isHalf ? fromHalf(bits) : fromBits(uint32_t(bits) << 16);
  }
}

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

WeightOp et::getOutlinedWeight(Value value, SymbolTable &symbols) {
  auto ref = value ? value.getDefiningOp<WeightRefOp>() : WeightRefOp();
  return ref ? symbols.lookup<WeightOp>(ref.getWeight()) : WeightOp();
}

FailureOr<std::vector<float>> et::readWeightValues(WeightOp weight, std::string &reason) {
  RankedTensorType type = weight.getTensorType();
  Type element = type.getElementType();
  if (type.getEncoding() || !isReadable(element)) {
    reason = "only dense weights of f16, bf16 and f32 are read";
    return failure();
  }
  std::vector<float> values;
  values.reserve(type.getNumElements());
  for (Attribute source : weight.getSources()) {
    auto sourceType = cast<RankedTensorType>(cast<ElementsAttr>(source).getShapedType());
    size_t count = sourceType.getNumElements(), size = element.getIntOrFloatBitWidth() / 8;
    if (auto resource = dyn_cast<DenseResourceElementsAttr>(source)) {
      AsmResourceBlob *blob = resource.getRawHandle().getBlob();
      if (!blob || blob->getData().size() != count * size) {
        reason = "the data of resource '" + resource.getRawHandle().getKey().str() + "' is not there when compiling";
        return failure();
      }
      unpack(element, blob->getData().data(), count, values);
      continue;
    }
    auto dense = dyn_cast<DenseElementsAttr>(source);
    if (!dense) {
      reason = "its elements are not dense";
      return failure();
    }
    if (!dense.isSplat()) {
      unpack(element, dense.getRawData().data(), count, values);
      continue;
    }
    // A splat is stored once.
    unpack(element, dense.getRawData().data(), std::min<size_t>(count, 1), values);
    if (count > 1)
      values.resize(values.size() + count - 1, values.back());
  }
  return values;
}

void et::roundWeightValues(Type type, MutableArrayRef<float> values) {
  if (type.isF32())
    return;
  bool isHalf = type.isF16();
  for (float &value : values)
    value = isHalf ? fromHalf(toHalf(value)) : fromBits(uint32_t(toBFloat(value)) << 16);
}

WeightOp et::createRawWeight(Location loc, StringRef name, RankedTensorType type, ArrayRef<char> bytes,
                             SymbolTable &symbols) {
  ElementsAttr elements;
  if (bytes.size() <= kMaxDenseBytes) {
    elements = DenseElementsAttr::getFromRawBuffer(type, bytes);
  } else {
    AsmResourceBlob blob = HeapAsmResourceBlob::allocateAndCopyWithAlign(bytes, /*align=*/64);
    elements = DenseResourceElementsAttr::get(type, name, std::move(blob));
  }
  OpBuilder builder = OpBuilder::atBlockBegin(&symbols.getOp()->getRegion(0).front());
  auto weight = WeightOp::create(builder, loc, name, type, builder.getArrayAttr({elements}));
  symbols.insert(weight);
  return weight;
}

Value et::createWeight(OpBuilder &builder, Location loc, StringRef name, RankedTensorType type, ArrayRef<float> values,
                       SymbolTable &symbols) {
  assert(isReadable(type.getElementType()) && !type.getEncoding() &&
         type.getNumElements() == static_cast<int64_t>(values.size()));
  std::vector<char> bytes(values.size() * type.getElementTypeBitWidth() / 8);
  pack(type.getElementType(), values, bytes.data());
  WeightOp weight = createRawWeight(loc, name, type, bytes, symbols);
  return WeightRefOp::create(builder, loc, type, FlatSymbolRefAttr::get(weight.getSymNameAttr()));
}
