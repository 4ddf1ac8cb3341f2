//===- Weights.cpp - The weights section of a program -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "et/Compiler/Weights.h"

#include "et/Conversion/ETToCPU/LinearKernel.h"
#include "et/Dialect/ET/IR/Strips.h"
#include "et/Dialect/ET/IR/WeightData.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/MathExtras.h"

#include <cstring>

using namespace mlir;
using namespace mlir::et;

/// Position of the first element of \p data that is not finite; -1 when all are.
template <typename Bits> static int64_t findNonFinite(const char *data, int64_t count, Bits exponentMask) {
  const Bits *values = reinterpret_cast<const Bits *>(data);
  // Blocks, so that the common case is one pass of vector code.
  constexpr int64_t block = 4096;
  for (int64_t begin = 0; begin < count; begin += block) {
    int64_t end = std::min(count, begin + block);
    bool found = false;
    for (int64_t i = begin; i < end; ++i)
      found |= (values[i] & exponentMask) == exponentMask;
    for (int64_t i = begin; found && i < end; ++i)
      if ((values[i] & exponentMask) == exponentMask)
        return i;
  }
  return -1;
}

static int64_t findNonFinite(const char *data, int64_t count, Type type) {
  if (type.isF32())
    return findNonFinite<uint32_t>(data, count, 0x7f800000u);
  if (type.isF16())
    return findNonFinite<uint16_t>(data, count, 0x7c00u);
  if (type.isBF16())
    return findNonFinite<uint16_t>(data, count, 0x7f80u);
  if (type.isF64())
    return findNonFinite<uint64_t>(data, count, 0x7ff0000000000000u);
  return -1;
}

/// Fails, with an error on \p weight, if an element of \p source at \p data is not finite.
static LogicalResult checkFinite(WeightOp weight, const char *data, RankedTensorType source) {
  int64_t at = findNonFinite(data, source.getNumElements(), source.getElementType());
  if (at < 0)
    return success();
  return weight.emitOpError("holds a value that is not finite at [")
         << at / source.getDimSize(1) << ", " << at % source.getDimSize(1)
         << "]; repair the weight, or allow values that are not finite";
}

/// Writes the kept columns of \p weight to \p target.
static LogicalResult writeSparsePanels(WeightOp weight, SparsePanelsAttr panels, char *target,
                                       const WeightsOptions &options) {
  FailureOr<RawElements> raw = getRawElements(weight);
  if (failed(raw))
    return failure();
  RankedTensorType type = weight.getTensorType();
  Type element = cast<ElementsAttr>(weight.getSources()[0]).getElementType();
  if (!options.allowNonFinite &&
      failed(checkFinite(weight, raw->data, RankedTensorType::get(type.getShape(), element))))
    return failure();
  int64_t n = type.getDimSize(0), k = type.getDimSize(1);
  cpu::KeptColumns columns = cpu::findKeptColumns(raw->data, element, n, k, panels.getWidth());
  if (columns.size() != panels.getKept())
    return weight.emitOpError("expected ")
           << panels.getKept() << " columns of panels that are not zero, but its data has " << columns.size();
  cpu::packKeptColumns(raw->data, element, columns, n, k, target, type.getElementType(),
                       panels.getValuesOffset(type.getShape()));
  return success();
}

/// Writes the units of \p weight that are not zero to \p target.
static LogicalResult writeStrips(WeightOp weight, StripsAttr strips, char *target, const WeightsOptions &options) {
  FailureOr<RawElements> raw = getRawElements(weight);
  if (failed(raw))
    return failure();
  RankedTensorType type = weight.getTensorType();
  if (!options.allowNonFinite && failed(checkFinite(weight, raw->data, type)))
    return failure();
  const auto *data = reinterpret_cast<const uint16_t *>(raw->data);
  StripsPattern pattern = findStrips(data, type.getDimSize(0), type.getDimSize(1), strips.getRows());
  if (pattern.layout.kept != strips.getKept())
    return weight.emitOpError("expected ")
           << strips.getKept() << " units that are not zero, but its data has " << pattern.layout.kept;
  packStrips(data, pattern, target);
  return success();
}

/// Writes \p weight to \p target.
static LogicalResult writeWeight(WeightOp weight, char *target, const WeightsOptions &options) {
  RankedTensorType type = weight.getTensorType();
  if (auto sparse = dyn_cast_or_null<SparsePanelsAttr>(type.getEncoding()))
    return writeSparsePanels(weight, sparse, target, options);
  if (auto strips = dyn_cast_or_null<StripsAttr>(type.getEncoding()))
    return writeStrips(weight, strips, target, options);
  auto panels = dyn_cast_or_null<PanelsAttr>(type.getEncoding());
  // What is decomposed reads tiles, rows and columns as the dense tensor they stand for.
  if (type.getEncoding() && !panels && !isa<TileAttr, RowsAttr, ColumnsAttr>(type.getEncoding()))
    return weight.emitOpError("has an encoding that cannot be stored: ") << type.getEncoding();
  int64_t rows = 0;
  // Sources that do not start at a panel are joined first.
  std::unique_ptr<char[]> joined;
  bool aligned = true;
  if (panels) {
    int64_t row = 0;
    for (Attribute source : weight.getSources()) {
      aligned &= row % panels.getWidth() == 0;
      row += cast<ElementsAttr>(source).getShapedType().getDimSize(0);
    }
  }
  for (Attribute source : weight.getSources()) {
    FailureOr<RawElements> raw = getRawElements(weight, source);
    if (failed(raw))
      return failure();
    auto sourceType = cast<RankedTensorType>(cast<ElementsAttr>(source).getShapedType());
    Type element = sourceType.getElementType();
    int64_t numBytes = sourceType.getNumElements() * getElementSize(element);
    if (panels && !options.allowNonFinite && failed(checkFinite(weight, raw->data, sourceType)))
      return failure();
    if (!panels) {
      std::memcpy(target, raw->data, numBytes);
      target += numBytes;
      continue;
    }
    cpu::LinearTiling tiling;
    tiling.nr = panels.getWidth();
    int64_t n = sourceType.getDimSize(0), k = sourceType.getDimSize(1);
    if (aligned) {
      cpu::packLinearWeight(raw->data, element, tiling, n, k, target, type.getElementType(), options.threads);
      target += cpu::getPackedLinearWeightSize(tiling, n, k, type.getElementType());
      continue;
    }
    if (!joined)
      joined = std::make_unique<char[]>(type.getNumElements() * getElementSize(element));
    std::memcpy(joined.get() + rows * k * getElementSize(element), raw->data, numBytes);
    rows += n;
    if (rows == type.getDimSize(0))
      cpu::packLinearWeight(joined.get(), element, tiling, rows, k, target, type.getElementType(), options.threads);
  }
  return success();
}

FailureOr<WeightsSection> et::buildWeights(ModuleOp module, const WeightsOptions &options) {
  size_t size = 0;
  for (auto weight : module.getOps<WeightOp>()) {
    if (!weight.getOffset())
      return weight.emitOpError("has no offset; run --et-plan-memory first");
    size = std::max<size_t>(size, *weight.getOffset() + weight.getStorageSize());
  }
  runtime::Result<WeightsSection> section = WeightsSection::allocate(size);
  if (!section)
    return module.emitError("no memory for ") << size << " bytes of weights";
  for (auto weight : module.getOps<WeightOp>())
    if (failed(writeWeight(weight, section->data() + *weight.getOffset(), options)))
      return failure();
  return std::move(*section);
}
