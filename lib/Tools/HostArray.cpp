//===- HostArray.cpp - Tensors of files and their elements ------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "HostArray.h"

#include "et/Runtime/Expressions.h"
#include "et/Support/Float16.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <new>

using namespace mlir::et;
using namespace mlir::et::runtime;

template <typename T> static T loadAs(const char *at) {
  T value;
  std::memcpy(&value, at, sizeof(value));
  return value;
}

double mlir::et::loadElement(ElementType type, const char *at) {
  switch (type) {
  case ElementType::F16:
    return decodeFloat16(kHalf, loadAs<uint16_t>(at));
  case ElementType::BF16:
    return decodeFloat16(kBFloat, loadAs<uint16_t>(at));
  case ElementType::F32:
    return loadAs<float>(at);
  case ElementType::F64:
    return loadAs<double>(at);
  case ElementType::Bool:
  case ElementType::I8:
    return loadAs<int8_t>(at);
  case ElementType::I16:
    return loadAs<int16_t>(at);
  case ElementType::I32:
    return loadAs<int32_t>(at);
  case ElementType::I64:
    return static_cast<double>(loadAs<int64_t>(at));
  }
  return 0;
}

void mlir::et::storeElement(ElementType type, char *at, double value) {
  auto store = [&](auto converted) { std::memcpy(at, &converted, sizeof(converted)); };
  switch (type) {
  case ElementType::F16:
    return store(encodeFloat16(kHalf, value));
  case ElementType::BF16:
    return store(encodeFloat16(kBFloat, value));
  case ElementType::F32:
    return store(static_cast<float>(value));
  case ElementType::F64:
    return store(value);
  case ElementType::Bool:
  case ElementType::I8:
    return store(static_cast<int8_t>(value));
  case ElementType::I16:
    return store(static_cast<int16_t>(value));
  case ElementType::I32:
    return store(static_cast<int32_t>(value));
  case ElementType::I64:
    return store(static_cast<int64_t>(value));
  }
}

const char *mlir::et::getNpyType(ElementType type) {
  static const char *const names[] = {"f2", "f4", "f4", "f8", "b1", "i1", "i2", "i4", "i8"};
  return names[static_cast<unsigned>(type)];
}

Result<HostArray> HostArray::allocate(ElementType type, const std::vector<int64_t> &shape) {
  HostArray array;
  array.shape = shape;
  std::optional<int64_t> bytes = getNumBytes(type, shape);
  if (!bytes)
    return Error("a tensor of shape " + describeShape(shape.data(), shape.size()) +
                 " has more elements than fit in memory");
  array.numBytes = *bytes;
  array.data.reset(new (std::nothrow) char[std::max<size_t>(array.numBytes, 1)]());
  if (!array.data)
    return Error("there is no memory for a tensor of shape " + describeShape(shape.data(), shape.size()));
  return array;
}
