//===- SparseEncodingUtils.cpp - Change the encodings of weights -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// An encoding is part of a type, so a weight changes it everywhere at once:
// where it is made (an argument, a constant, a conversion), where it is passed
// on (calls, returns), and where it is used (et.linear). Everything is checked
// before anything changes.
//
//===----------------------------------------------------------------------===//

#include "SparseEncodingUtils.h"

#include "et/Dialect/ET/IR/ET.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SparseTensor/IR/SparseTensor.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/AttrTypeSubElements.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/Interfaces/CallInterfaces.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

using namespace mlir;
using namespace mlir::et;

/// True when \p op says the same of a tensor whatever encoding it has.
static bool passesWeightsOn(Operation *op) {
  return isa<LinearOp, arith::ConstantOp, tensor::CastOp, sparse_tensor::ConvertOp, CallOpInterface,
             FunctionOpInterface>(op) ||
         op->hasTrait<OpTrait::ReturnLike>();
}

LogicalResult
et::convertEncodings(Operation *root, llvm::function_ref<bool(RankedTensorType)> isSource,
                     llvm::function_ref<std::pair<RankedTensorType, std::string>(RankedTensorType)> convert) {
  auto isSourceType = [&](Type type) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    return tensor && isSource(tensor);
  };
  auto check = [&](Operation *op, Type type) -> LogicalResult {
    if (!isSourceType(type))
      return success();
    if (!passesWeightsOn(op))
      return op->emitOpError("expected only et.linear, constants, conversions, calls and returns to touch an encoded "
                             "weight, but this op has a value of type ")
             << type;
    if (auto constant = dyn_cast<arith::ConstantOp>(op);
        constant && !isa<DenseElementsAttr, DenseResourceElementsAttr>(constant.getValue()))
      return op->emitOpError("expected the value of an encoded weight to be dense or a resource");
    auto [converted, reason] = convert(cast<RankedTensorType>(type));
    if (!converted)
      return op->emitOpError("cannot convert ") << type << ": " << reason;
    return success();
  };
  WalkResult walk = root->walk([&](Operation *op) {
    for (Type type :
         llvm::concat<const Type>(llvm::to_vector(op->getOperandTypes()), llvm::to_vector(op->getResultTypes())))
      if (failed(check(op, type)))
        return WalkResult::interrupt();
    for (Region &region : op->getRegions())
      for (Block &block : region)
        for (Type type : block.getArgumentTypes())
          if (failed(check(op, type)))
            return WalkResult::interrupt();
    // A declaration has a type and no block.
    if (auto function = dyn_cast<FunctionOpInterface>(op))
      for (Type type : llvm::concat<const Type>(function.getArgumentTypes(), function.getResultTypes()))
        if (failed(check(op, type)))
          return WalkResult::interrupt();
    return WalkResult::advance();
  });
  if (walk.wasInterrupted())
    return failure();

  AttrTypeReplacer replacer;
  auto replaceType = [&](Type type) -> Type {
    return isSourceType(type) ? Type(convert(cast<RankedTensorType>(type)).first) : type;
  };
  replacer.addReplacement([&](RankedTensorType type) -> std::optional<Type> {
    if (!isSource(type))
      return std::nullopt;
    return replaceType(type);
  });
  replacer.addReplacement([&](DenseElementsAttr value) -> std::optional<Attribute> {
    if (!isSourceType(value.getType()))
      return std::nullopt;
    return value.reshape(cast<ShapedType>(replaceType(value.getType())));
  });
  replacer.addReplacement([&](DenseResourceElementsAttr value) -> std::optional<Attribute> {
    if (!isSourceType(value.getType()))
      return std::nullopt;
    return DenseResourceElementsAttr::get(cast<ShapedType>(replaceType(value.getType())), value.getRawHandle());
  });
  replacer.recursivelyReplaceElementsIn(root, /*replaceAttrs=*/true, /*replaceLocs=*/false, /*replaceTypes=*/true);
  return success();
}
