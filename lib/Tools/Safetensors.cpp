//===- Safetensors.cpp - Weights from a safetensors file --------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A file is the length of its header in eight little-endian bytes, the header
//
//   {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...}
//
// and the bytes of all tensors, which offsets count from the end of the header,
// without gaps and without overlap.
//
//===----------------------------------------------------------------------===//

#include "et/Tools/Safetensors.h"

#include "et/Compiler/Resources.h"

#include "mlir/IR/AsmState.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/InterleavedRange.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::et;

static llvm::Error makeError(const Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

static llvm::Error makeError(StringRef name, const Twine &message) {
  return makeError("tensor '" + name + "' " + message);
}

/// Bytes of an element of type \p dtype; 0 for a type that does not exist.
static int64_t getElementSize(StringRef dtype) {
  return llvm::StringSwitch<int64_t>(dtype)
      .Cases({"F64", "I64", "U64"}, 8)
      .Cases({"F32", "I32", "U32"}, 4)
      .Cases({"F16", "BF16", "I16", "U16"}, 2)
      .Cases({"I8", "U8", "BOOL", "F8_E4M3", "F8_E5M2"}, 1)
      .Default(0);
}

/// Name of \p type in a safetensors file; empty for types they do not have.
static StringRef getDtype(Type type) {
  if (type.isF64())
    return "F64";
  if (type.isF32())
    return "F32";
  if (type.isF16())
    return "F16";
  if (type.isBF16())
    return "BF16";
  if (type.isInteger(1))
    return "BOOL";
  if (type.isInteger(8))
    return "I8";
  if (type.isInteger(16))
    return "I16";
  if (type.isInteger(32))
    return "I32";
  if (type.isInteger(64))
    return "I64";
  return "";
}

/// Reads one entry of the header; \p begin and \p end get its offsets.
static llvm::Error parseTensor(StringRef name, const llvm::json::Value &value, StringRef data, SafeTensor &tensor,
                               int64_t &begin, int64_t &end) {
  const llvm::json::Object *entry = value.getAsObject();
  std::optional<StringRef> dtype = entry ? entry->getString("dtype") : std::nullopt;
  const llvm::json::Array *shape = entry ? entry->getArray("shape") : nullptr;
  const llvm::json::Array *offsets = entry ? entry->getArray("data_offsets") : nullptr;
  if (!dtype || !shape || !offsets || offsets->size() != 2)
    return makeError(name, "lacks dtype, shape or two data_offsets");
  tensor.dtype = dtype->str();
  int64_t bytes = getElementSize(*dtype);
  if (bytes == 0)
    return makeError(name, "has the unknown dtype '" + *dtype + "'");
  for (const llvm::json::Value &size : *shape) {
    tensor.shape.push_back(size.getAsInteger().value_or(-1));
    if (tensor.shape.back() < 0)
      return makeError(name, "has a size that is not a number, or negative");
    if (llvm::MulOverflow(bytes, tensor.shape.back(), bytes))
      return makeError(name, "has more elements than fit in memory");
  }
  begin = (*offsets)[0].getAsInteger().value_or(-1);
  end = (*offsets)[1].getAsInteger().value_or(-1);
  if (begin < 0 || end < begin || static_cast<uint64_t>(end) > data.size())
    return makeError(name, "expects data at [" + Twine(begin) + ", " + Twine(end) + "), but the file has " +
                               Twine(data.size()) + " bytes of data; it is truncated or damaged");
  if (end - begin != bytes)
    return makeError(name,
                     "has " + Twine(end - begin) + " bytes of data, but its dtype and shape need " + Twine(bytes));
  tensor.data = data.slice(begin, end);
  return llvm::Error::success();
}

llvm::Expected<llvm::StringMap<SafeTensor>> et::parseSafetensors(StringRef contents) {
  if (contents.size() < 8)
    return makeError("the file is too short to be a safetensors file");
  uint64_t length = llvm::support::endian::read64le(contents.data());
  if (length > contents.size() - 8)
    return makeError("expected a header of " + Twine(length) + " bytes, but the file has " +
                     Twine(contents.size() - 8) + "; it is truncated or not a safetensors file");
  StringRef data = contents.drop_front(8 + length);
  llvm::Expected<llvm::json::Value> json = llvm::json::parse(contents.substr(8, length));
  if (!json)
    return makeError("its header is not JSON: " + llvm::toString(json.takeError()));
  const llvm::json::Object *header = json->getAsObject();
  if (!header)
    return makeError("its header is not a JSON object");

  llvm::StringMap<SafeTensor> tensors;
  struct Extent {
    int64_t begin, end;
    StringRef name;
  };
  SmallVector<Extent> extents;
  for (const auto &[key, value] : *header) {
    StringRef name = key;
    if (name == "__metadata__")
      continue;
    Extent extent{0, 0, name};
    if (llvm::Error error = parseTensor(name, value, data, tensors[name], extent.begin, extent.end))
      return error;
    extents.push_back(extent);
  }
  llvm::sort(extents,
             [](const Extent &a, const Extent &b) { return std::tie(a.begin, a.end) < std::tie(b.begin, b.end); });
  int64_t at = 0;
  for (const Extent &extent : extents) {
    if (extent.begin < at)
      return makeError(extent.name, "overlaps with another");
    if (extent.begin > at)
      return makeError(extent.name, "follows a gap of " + Twine(extent.begin - at) + " bytes that belong to no tensor");
    at = extent.end;
  }
  if (static_cast<uint64_t>(at) != data.size())
    return makeError("the last " + Twine(data.size() - at) + " bytes belong to no tensor");
  return tensors;
}

llvm::Error et::attachSafetensors(ModuleOp module, StringRef contents) {
  llvm::Expected<llvm::StringMap<SafeTensor>> tensors = parseSafetensors(contents);
  if (!tensors)
    return tensors.takeError();
  SmallVector<DenseResourceElementsAttr> resources;
  module.walk([&](Operation *op) {
    op->getAttrDictionary().walk([&](DenseResourceElementsAttr attr) { resources.push_back(attr); });
  });
  for (DenseResourceElementsAttr resource : resources) {
    StringRef name = resource.getRawHandle().getKey();
    if (resource.getRawHandle().getBlob())
      continue;
    auto found = tensors->find(name);
    if (found == tensors->end())
      return makeError("the module needs tensor '" + name + "', which the file lacks");
    const SafeTensor &tensor = found->second;
    ShapedType type = resource.getShapedType();
    StringRef dtype = getDtype(type.getElementType());
    std::string expected, got;
    llvm::raw_string_ostream(expected) << dtype << " [" << llvm::interleaved(type.getShape()) << "]";
    llvm::raw_string_ostream(got) << tensor.dtype << " [" << llvm::interleaved(tensor.shape) << "]";
    if (dtype != tensor.dtype || type.getShape() != ArrayRef(tensor.shape))
      return makeError("expected tensor '" + name + "' to be " + expected + ", but got " + got);
    attachResource(*module.getContext(), name, ArrayRef(tensor.data.data(), tensor.data.size()));
  }
  return llvm::Error::success();
}
