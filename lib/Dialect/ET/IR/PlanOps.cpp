//===- PlanOps.cpp - Verifiers of the ops of the planned level -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "et/Dialect/ET/IR/ET.h"

#include "mlir/IR/OpImplementation.h"

using namespace mlir;
using namespace mlir::et;

//===----------------------------------------------------------------------===//
// LaunchOp
//===----------------------------------------------------------------------===//

/// True when a region argument of type \p argument may stand for an operand of type \p operand.
static bool mayStandFor(Type argument, Type operand) {
  auto operandShape = dyn_cast<ShapedType>(operand);
  if (!operandShape)
    return argument == operand;
  auto tensor = dyn_cast<RankedTensorType>(argument);
  if (!tensor)
    return false;
  // An encoding says how the logical shape is stored: in another shape, or as bytes.
  bool sameElements = tensor.getElementType() == operandShape.getElementType();
  if (tensor.getEncoding())
    return sameElements || operandShape.getElementType().isInteger(8);
  return sameElements && succeeded(verifyCompatibleShape(tensor, operandShape));
}

LogicalResult LaunchOp::verify() {
  Block &body = getBody().front();
  // launch_c1
  if (body.getNumArguments() != getNumOperands())
    return emitOpError("expected one region argument per input and output, ")
           << getNumOperands() << ", but got " << body.getNumArguments();
  for (auto [i, argument, operand] : llvm::enumerate(body.getArguments(), getOperands()))
    if (!mayStandFor(argument.getType(), operand.getType()))
      return emitOpError("expected region argument ")
             << i << " to be a tensor of the shape and element type of its operand, " << operand.getType()
             << ", but got " << argument.getType();
  // launch_c3
  bool tensors = llvm::all_of(getOutputs().getTypes(), llvm::IsaPred<TensorType>);
  bool buffers = llvm::all_of(getOutputs().getTypes(), llvm::IsaPred<MemRefType>);
  if (!tensors && !buffers)
    return emitOpError("expected outputs to be all tensors or all memrefs");
  if (tensors ? getResultTypes() != getOutputs().getTypes() : !getResults().empty())
    return emitOpError("expected one result per output tensor, of its type, and none for memrefs");
  return success();
}

/// Runs once the ops inside the region are verified, so that it ends in et.yield.
LogicalResult LaunchOp::verifyRegions() {
  Block &body = getBody().front();
  // launch_c2
  YieldOp yield = getYield();
  if (yield.getNumOperands() != getOutputs().size())
    return emitOpError("expected the region to yield one value per output, ")
           << getOutputs().size() << ", but it yields " << yield.getNumOperands();
  for (auto [i, value] : llvm::enumerate(yield.getValues())) {
    Type expected = body.getArgument(getInputs().size() + i).getType();
    if (value.getType() != expected)
      return emitOpError("expected the region to yield ")
             << expected << " for output " << i << ", but it yields " << value.getType();
  }
  return success();
}

YieldOp LaunchOp::getYield() { return cast<YieldOp>(getBody().front().getTerminator()); }

bool LaunchOp::readsOutput(unsigned i) {
  BlockArgument argument = getBodyArgument(getInputs().size() + i);
  return llvm::any_of(argument.getUses(), [](OpOperand &use) {
    auto linalgOp = dyn_cast<linalg::LinalgOp>(use.getOwner());
    // Asking for the size of an output, or writing over it, does not read it.
    return !(linalgOp && !linalgOp.payloadUsesValueFromOperand(&use)) &&
           use.getOwner()->getName().getStringRef() != "tensor.dim";
  });
}

void LaunchOp::getEffects(SmallVectorImpl<MemoryEffects::EffectInstance> &effects) {
  if (!hasBufferOperands())
    return;
  for (OpOperand &operand : getInputsMutable())
    if (isa<MemRefType>(operand.get().getType()))
      effects.emplace_back(MemoryEffects::Read::get(), &operand, SideEffects::DefaultResource::get());
  for (auto [i, operand] : llvm::enumerate(getOutputsMutable())) {
    if (readsOutput(i))
      effects.emplace_back(MemoryEffects::Read::get(), &operand, SideEffects::DefaultResource::get());
    effects.emplace_back(MemoryEffects::Write::get(), &operand, SideEffects::DefaultResource::get());
  }
}

//===----------------------------------------------------------------------===//
// WeightOp
//===----------------------------------------------------------------------===//

LogicalResult WeightOp::verify() {
  // weight_c1
  if (std::optional<uint64_t> offset = getOffset(); offset && (static_cast<int64_t>(*offset) < 0 || *offset % 64 != 0))
    return emitOpError("expected offset to be a multiple of 64 and not negative, but got ")
           << static_cast<int64_t>(*offset);
  // weight_c2
  RankedTensorType type = getTensorType();
  int64_t rows = 0;
  // Packing may widen: no processor without conversions multiplies f16 fast.
  auto agrees = [&](Type element) {
    return element == type.getElementType() || (isa_and_nonnull<PanelsAttr, SparsePanelsAttr>(type.getEncoding()) &&
                                                element.isF16() && type.getElementType().isF32());
  };
  for (Attribute source : getSources()) {
    auto elements = dyn_cast<ElementsAttr>(source);
    auto sourceType = elements ? dyn_cast<RankedTensorType>(elements.getShapedType()) : RankedTensorType();
    if (!sourceType || !agrees(sourceType.getElementType()) || sourceType.getRank() != type.getRank() ||
        (type.getRank() > 0 && sourceType.getShape().drop_front() != type.getShape().drop_front()))
      return emitOpError("expected every source to hold elements that join to ") << type;
    rows += type.getRank() > 0 ? sourceType.getDimSize(0) : 1;
  }
  if (rows != (type.getRank() > 0 ? type.getDimSize(0) : 1))
    return emitOpError("expected the first dimensions of the sources to add up to that of ")
           << type << ", but they add up to " << rows;
  return success();
}

MemRefType WeightOp::getStorageType() {
  RankedTensorType type = getTensorType();
  if (auto panels = dyn_cast_or_null<PanelsAttr>(type.getEncoding()))
    return MemRefType::get(panels.getStorageShape(type.getShape()), type.getElementType());
  if (auto panels = dyn_cast_or_null<SparsePanelsAttr>(type.getEncoding())) {
    int64_t elementBytes = llvm::divideCeil(type.getElementTypeBitWidth(), 8);
    return MemRefType::get(panels.getStorageBytes(type.getShape(), elementBytes), IntegerType::get(getContext(), 8));
  }
  if (auto strips = dyn_cast_or_null<StripsAttr>(type.getEncoding()))
    return MemRefType::get(strips.getLayout(type.getShape()).storageBytes(), IntegerType::get(getContext(), 8));
  return MemRefType::get(type.getShape(), type.getElementType());
}

int64_t WeightOp::getStorageSize() {
  MemRefType storage = getStorageType();
  // i1 is stored as a byte, as everywhere in memrefs.
  return storage.getNumElements() * llvm::divideCeil(storage.getElementTypeBitWidth(), 8);
}

//===----------------------------------------------------------------------===//
// WeightRefOp
//===----------------------------------------------------------------------===//

LogicalResult WeightRefOp::verifySymbolUses(SymbolTableCollection &symbols) {
  // weight_ref_c1
  auto weight = symbols.lookupNearestSymbolFrom<WeightOp>(*this, getWeightAttr());
  if (!weight)
    return emitOpError("expected ") << getWeightAttr() << " to name an et.weight";
  // weight_ref_c2
  if (getResult().getType() != weight.getTensorType() && getResult().getType() != weight.getStorageType())
    return emitOpError("expected a result of type ")
           << weight.getTensorType() << " or " << weight.getStorageType() << ", but got " << getResult().getType();
  return success();
}

//===----------------------------------------------------------------------===//
// TensorMapOp
//===----------------------------------------------------------------------===//

LogicalResult TensorMapOp::verify() {
  // What cuTensorMapEncodeTiled takes.
  constexpr int64_t maxRank = 5, maxBox = 256, grain = 16;
  // tensor_map_c1
  auto type = cast<MemRefType>(getView().getType());
  Type element = type.getElementType();
  if (type.getRank() < 1 || type.getRank() > maxRank || !(element.isF16() || element.isBF16() || element.isF32()))
    return emitOpError("expected a view of one to five dimensions with elements of f16, bf16 or f32, but got ") << type;
  int64_t elementBytes = element.getIntOrFloatBitWidth() / 8;
  // tensor_map_c2
  SmallVector<int64_t> strides;
  int64_t offset;
  if (failed(type.getStridesAndOffset(strides, offset)) || strides.back() != 1)
    return emitOpError("expected the innermost dimension of the view to have no gaps, but its type is ") << type;
  for (int64_t stride : ArrayRef(strides).drop_back())
    if (!ShapedType::isDynamic(stride) && stride * elementBytes % grain != 0)
      return emitOpError("expected strides that are multiples of ")
             << grain << " bytes, but one is " << stride * elementBytes;
  // tensor_map_c3
  ArrayRef<int64_t> box = getBox();
  if (static_cast<int64_t>(box.size()) != type.getRank())
    return emitOpError("expected one size of the box per dimension of the view, ")
           << type.getRank() << ", but got " << box.size();
  for (int64_t size : box)
    if (size < 1 || size > maxBox)
      return emitOpError("expected sizes of the box to be from 1 to ") << maxBox << ", but got " << size;
  int64_t rowBytes = box.back() * elementBytes;
  if (rowBytes % grain != 0)
    return emitOpError("expected the innermost size of the box to be a multiple of ")
           << grain << " bytes, but it is " << rowBytes;
  // tensor_map_c4
  int64_t swizzle = getSwizzle();
  if (!llvm::is_contained({0, 32, 64, 128}, swizzle))
    return emitOpError("expected swizzle to be 0, 32, 64 or 128, but got ") << swizzle;
  if (swizzle && rowBytes > swizzle)
    return emitOpError("expected the innermost size of the box to be at most the ")
           << swizzle << " bytes of the swizzle, but it is " << rowBytes;
  return success();
}

//===----------------------------------------------------------------------===//
// WorkOp
//===----------------------------------------------------------------------===//

LogicalResult WorkOp::verify() {
  // work_c1
  for (auto [value, name] : {std::pair(getBytes(), "bytes"), std::pair(getFlops(), "flops")})
    if (std::optional<int64_t> constant = value ? getConstantIntValue(value) : std::nullopt; constant && *constant < 0)
      return emitOpError("expected ") << name << " not to be negative, but got " << *constant;
  return success();
}

//===----------------------------------------------------------------------===//
// PrefetchOp
//===----------------------------------------------------------------------===//

LogicalResult PrefetchOp::verify() {
  // prefetch_c1
  if (getViews().empty())
    return emitOpError("expected a view to prefetch, but got none");
  constexpr int64_t kGrain = 16;
  for (auto [i, value] : llvm::enumerate(getViews().getTypes())) {
    auto type = cast<MemRefType>(value);
    if (type.getRank() != 1 || !type.getElementType().isInteger(8) || !type.getLayout().isIdentity() ||
        type.isDynamicDim(0) || type.getDimSize(0) % kGrain != 0)
      return emitOpError("expected view ")
             << i << " to be a row of bytes, a static multiple of " << kGrain << " of them, but got " << type;
  }
  // prefetch_c2
  if (int64_t most = getMost(); most <= 0)
    return emitOpError("expected a positive number of rows at most, but got ") << most;
  return success();
}
