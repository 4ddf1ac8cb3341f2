//===- WeightData.cpp - The bytes of weights -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "et/Dialect/ET/IR/WeightData.h"

#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/Support/MathExtras.h"

#include <cstring>

using namespace mlir;
using namespace mlir::et;

int64_t et::getElementSize(Type type) { return llvm::divideCeil(type.getIntOrFloatBitWidth(), 8); }

FailureOr<RawElements> et::getRawElements(WeightOp weight, Attribute source) {
  RawElements raw;
  auto type = cast<RankedTensorType>(cast<ElementsAttr>(source).getShapedType());
  int64_t elementSize = getElementSize(type.getElementType());
  int64_t numBytes = type.getNumElements() * elementSize;
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(source)) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    if (!blob)
      return weight.emitOpError("has no data: nothing was given for the resource '")
             << resource.getRawHandle().getKey() << "'";
    if (static_cast<int64_t>(blob->getData().size()) != numBytes)
      return weight.emitOpError("expected ")
             << numBytes << " bytes of data for the resource '" << resource.getRawHandle().getKey() << "' of type "
             << type << ", but got " << blob->getData().size();
    raw.data = blob->getData().data();
    return raw;
  }
  auto dense = dyn_cast<DenseElementsAttr>(source);
  if (!dense)
    return weight.emitOpError("expected dense elements, but got ") << source;
  // Splats are stored once, and booleans as bits.
  if (!dense.isSplat() && !type.getElementType().isInteger(1)) {
    raw.data = dense.getRawData().data();
    return raw;
  }
  raw.owned = std::make_unique<char[]>(std::max<int64_t>(numBytes, 1));
  raw.data = raw.owned.get();
  if (type.getElementType().isInteger(1)) {
    for (auto [i, value] : llvm::enumerate(dense.getValues<bool>()))
      raw.owned[i] = value;
  } else {
    for (int64_t i = 0; i < type.getNumElements(); ++i)
      std::memcpy(raw.owned.get() + i * elementSize, dense.getRawData().data(), elementSize);
  }
  return raw;
}

FailureOr<RawElements> et::getRawElements(WeightOp weight) {
  ArrayAttr sources = weight.getSources();
  if (sources.size() == 1)
    return getRawElements(weight, sources[0]);
  RankedTensorType type = weight.getTensorType();
  RawElements joined;
  int64_t position = 0;
  for (Attribute source : sources) {
    FailureOr<RawElements> raw = getRawElements(weight, source);
    if (failed(raw))
      return failure();
    auto sourceType = cast<RankedTensorType>(cast<ElementsAttr>(source).getShapedType());
    int64_t elementSize = getElementSize(sourceType.getElementType());
    if (!joined.owned)
      joined.owned = std::make_unique<char[]>(std::max<int64_t>(type.getNumElements() * elementSize, 1));
    std::memcpy(joined.owned.get() + position, raw->data, sourceType.getNumElements() * elementSize);
    position += sourceType.getNumElements() * elementSize;
  }
  joined.data = joined.owned.get();
  return joined;
}

bool et::hasData(WeightOp weight) {
  return llvm::all_of(weight.getSources(), [](Attribute source) {
    if (auto resource = dyn_cast<DenseResourceElementsAttr>(source))
      return resource.getRawHandle().getBlob() != nullptr;
    return isa<DenseElementsAttr>(source);
  });
}
