//===- Signature.cpp - Names, types and sizes of what a program takes and yields -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "et/Compiler/Signature.h"

#include "et/Dialect/ET/IR/ET.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

using namespace mlir;
using namespace mlir::et;

StringRef et::stringifyElementType(ElementType type) {
  static constexpr StringRef names[] = {"f16", "bf16", "f32", "f64", "bool", "i8", "i16", "i32", "i64"};
  return names[static_cast<unsigned>(type)];
}

int64_t et::getElementSize(ElementType type) {
  static constexpr int64_t sizes[] = {2, 2, 4, 8, 1, 1, 2, 4, 8};
  return sizes[static_cast<unsigned>(type)];
}

/// The element type of a program for \p type; nothing when programs do not take it.
static std::optional<ElementType> getElementType(Type type) {
  if (type.isF16())
    return ElementType::F16;
  if (type.isBF16())
    return ElementType::BF16;
  if (type.isF32())
    return ElementType::F32;
  if (type.isF64())
    return ElementType::F64;
  if (type.isInteger(1))
    return ElementType::Bool;
  if (type.isInteger(8))
    return ElementType::I8;
  if (type.isInteger(16))
    return ElementType::I16;
  if (type.isInteger(32))
    return ElementType::I32;
  if (type.isInteger(64))
    return ElementType::I64;
  return std::nullopt;
}

std::string TensorSignature::describe() const {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << "'" << name << "' [";
  llvm::interleave(
      llvm::zip(shape, dims), os,
      [&](auto pair) {
        auto [size, dim] = pair;
        if (!ShapedType::isDynamic(size))
          os << size;
        else
          os << (dim.empty() ? "?" : dim);
      },
      ", ");
  os << "] " << stringifyElementType(elementType);
  return text;
}

FailureOr<func::FuncOp> et::findEntry(ModuleOp module, StringRef name) {
  func::FuncOp entry;
  for (auto function : module.getOps<func::FuncOp>()) {
    if (function.isExternal() || function.isPrivate())
      continue;
    if (!name.empty()) {
      if (function.getName() == name)
        return function;
      continue;
    }
    if (entry)
      return function.emitError("expected one public function, but there are several; name the one to compile");
    entry = function;
  }
  if (entry)
    return entry;
  if (!name.empty())
    return module.emitError("expected a public function named '") << name << "', but there is none";
  return module.emitError("expected a public function with a body, but there is none");
}

/// Reads the type of one argument or result.
static LogicalResult readType(func::FuncOp entry, Type type, StringRef what, TensorSignature &tensor) {
  auto ranked = dyn_cast<RankedTensorType>(type);
  std::optional<ElementType> element = ranked ? getElementType(ranked.getElementType()) : std::nullopt;
  if (!element || ranked.getEncoding())
    return entry.emitError("expected ")
           << what << " to be a ranked tensor of f16, bf16, f32, f64, i1, i8, i16, i32 or i64 without an encoding, "
           << "but got " << type;
  tensor.elementType = *element;
  tensor.shape.assign(ranked.getShape().begin(), ranked.getShape().end());
  tensor.dims.assign(tensor.shape.size(), "");
  tensor.minSizes.assign(tensor.shape.size(), 0);
  return success();
}

FailureOr<ProgramSignature> et::getSignature(func::FuncOp entry) {
  ProgramSignature signature;
  signature.entry = entry.getName().str();
  for (auto [i, type] : llvm::enumerate(entry.getArgumentTypes())) {
    TensorSignature &input = signature.inputs.emplace_back();
    if (failed(readType(entry, type, ("argument " + Twine(i)).str(), input)))
      return failure();
    auto name = entry.getArgAttrOfType<StringAttr>(i, ETDialect::getNameAttrName());
    input.name = name ? name.str() : "input" + std::to_string(i);
    if (auto dims = entry.getArgAttrOfType<ArrayAttr>(i, ETDialect::getDimsAttrName()))
      for (auto [dim, dimName] : llvm::enumerate(dims.getAsRange<StringAttr>()))
        if (ShapedType::isDynamic(input.shape[dim]))
          input.dims[dim] = dimName.str();
    if (auto sizes = entry.getArgAttrOfType<DenseI64ArrayAttr>(i, ETDialect::getMinSizesAttrName()))
      llvm::copy(sizes.asArrayRef(), input.minSizes.begin());
  }
  for (auto [i, type] : llvm::enumerate(entry.getResultTypes())) {
    TensorSignature &output = signature.outputs.emplace_back();
    if (failed(readType(entry, type, ("result " + Twine(i)).str(), output)))
      return failure();
    auto name = entry.getResultAttrOfType<StringAttr>(i, ETDialect::getNameAttrName());
    output.name = name ? name.str() : "output" + std::to_string(i);
  }
  return signature;
}
