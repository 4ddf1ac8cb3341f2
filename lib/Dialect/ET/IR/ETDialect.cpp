//===- ETDialect.cpp - Registration and argument attributes of the et dialect -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Registers the ops and attributes, and verifies the discardable attributes
// that the dialect gives a meaning to on function arguments and results:
// `et.name`, `et.dims` and `et.min_sizes`.
//
//===----------------------------------------------------------------------===//

#include "ETBytecode.h"

#include "et/Dialect/ET/IR/ET.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

using namespace mlir;
using namespace mlir::et;

#include "et/Dialect/ET/IR/ETDialect.cpp.inc"

void ETDialect::initialize() {
  registerAttributes();
  registerTypes();
  addOperations<
#define GET_OP_LIST
#include "et/Dialect/ET/IR/ETOps.cpp.inc"
      >();
  addBytecodeInterface(*this);
}

/// Verifies an attribute of a size: `et.dim`, its name, `et.min`, `et.max`, `et.multiple_of` or `et.unknown`.
static LogicalResult verifySizeAttribute(Operation *op, StringRef what, Type type, NamedAttribute attribute) {
  StringRef name = attribute.getName();
  if (!type.isIntOrIndex())
    return op->emitError() << "expected '" << name << "' on a size, but " << what << " has the type " << type;
  if (name == ETDialect::getDimAttrName() && !isa<StringAttr>(attribute.getValue()))
    return op->emitError() << "expected '" << name << "' of " << what << " to be a string, but got "
                           << attribute.getValue();
  auto number = dyn_cast<IntegerAttr>(attribute.getValue());
  if (name != ETDialect::getDimAttrName() && name != ETDialect::getUnknownAttrName() &&
      (!number || !number.getValue().isSignedIntN(64)))
    return op->emitError() << "expected '" << name << "' of " << what << " to be an integer, but got "
                           << attribute.getValue();
  if (name == ETDialect::getMultipleOfAttrName() && number.getValue().getSExtValue() < 1)
    return op->emitError() << "expected '" << name << "' of " << what << " to be positive, but got "
                           << attribute.getValue();
  return success();
}

/// Verifies `et.min_sizes`: what no program could meet is refused here, where the text is at hand.
static LogicalResult verifyMinSizes(Operation *op, StringRef what, Type type, NamedAttribute attribute) {
  auto sizes = dyn_cast<DenseI64ArrayAttr>(attribute.getValue());
  if (!sizes)
    return op->emitError() << "expected 'et.min_sizes' of " << what << " to be an array of i64, but got "
                           << attribute.getValue();
  auto shaped = dyn_cast<ShapedType>(type);
  if (!shaped || !shaped.hasRank() || shaped.getRank() != sizes.size())
    return op->emitError() << "expected 'et.min_sizes' of " << what << " to have one size per dimension of " << type
                           << ", but it has " << sizes.size();
  for (auto [dim, least, size] : llvm::enumerate(sizes.asArrayRef(), shaped.getShape())) {
    if (least < 0)
      return op->emitError() << "expected 'et.min_sizes' of " << what << " not to be negative, but dimension " << dim
                             << " has " << Twine(least);
    if (!ShapedType::isDynamic(size) && least > size)
      return op->emitError() << "expected 'et.min_sizes' of " << what << " to be met by its type, but dimension " << dim
                             << " of " << type << " is smaller than " << Twine(least);
  }
  return success();
}

/// Verifies an attribute of an argument or result of type \p type.
static LogicalResult verifyValueAttribute(Operation *op, StringRef what, Type type, NamedAttribute attribute) {
  if (attribute.getName() == ETDialect::getNameAttrName()) {
    if (isa<StringAttr>(attribute.getValue()))
      return success();
    return op->emitError() << "expected '" << attribute.getName().getValue() << "' of " << what
                           << " to be a string, but got " << attribute.getValue();
  }
  if (llvm::is_contained({ETDialect::getDimAttrName(), ETDialect::getMinAttrName(), ETDialect::getMaxAttrName(),
                          ETDialect::getMultipleOfAttrName(), ETDialect::getUnknownAttrName()},
                         attribute.getName().getValue()))
    return verifySizeAttribute(op, what, type, attribute);
  if (attribute.getName() == ETDialect::getMinSizesAttrName())
    return verifyMinSizes(op, what, type, attribute);
  if (attribute.getName() != ETDialect::getDimsAttrName())
    return op->emitError() << "expected 'et.name', 'et.dims' or 'et.min_sizes' on " << what << ", but got '"
                           << attribute.getName().getValue() << "'";
  auto names = dyn_cast<ArrayAttr>(attribute.getValue());
  if (!names || !llvm::all_of(names, llvm::IsaPred<StringAttr>))
    return op->emitError() << "expected 'et.dims' of " << what << " to be a list of strings, but got "
                           << attribute.getValue();
  auto shaped = dyn_cast<ShapedType>(type);
  if (!shaped || !shaped.hasRank() || shaped.getRank() != static_cast<int64_t>(names.size()))
    return op->emitError() << "expected 'et.dims' of " << what << " to name every dimension of " << type
                           << ", but it has " << names.size() << " names";
  return success();
}

LogicalResult ETDialect::verifyRegionArgAttribute(Operation *op, unsigned, unsigned argIndex,
                                                  NamedAttribute attribute) {
  auto function = dyn_cast<FunctionOpInterface>(op);
  if (!function)
    return op->emitError() << "expected '" << attribute.getName().getValue() << "' on a function argument only";
  return verifyValueAttribute(op, ("argument " + Twine(argIndex)).str(), function.getArgumentTypes()[argIndex],
                              attribute);
}

LogicalResult ETDialect::verifyRegionResultAttribute(Operation *op, unsigned, unsigned resultIndex,
                                                     NamedAttribute attribute) {
  auto function = dyn_cast<FunctionOpInterface>(op);
  if (!function)
    return op->emitError() << "expected '" << attribute.getName().getValue() << "' on a function result only";
  return verifyValueAttribute(op, ("result " + Twine(resultIndex)).str(), function.getResultTypes()[resultIndex],
                              attribute);
}

#define GET_OP_CLASSES
#include "et/Dialect/ET/IR/ETOps.cpp.inc"
