//===- Tensor.h - C API: tensors of the caller -*- C -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What et-c/Compile.h and et-c/Runtime.h share.
//
//===----------------------------------------------------------------------===//

#ifndef ET_C_TENSOR_H
#define ET_C_TENSOR_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define ET_CAPI_EXPORTED __attribute__((visibility("default")))
#else
#define ET_CAPI_EXPORTED
#endif

/// Element types of inputs and outputs.
typedef enum EtElementType {
  ET_F16 = 0,
  ET_BF16 = 1,
  ET_F32 = 2,
  ET_F64 = 3,
  ET_BOOL = 4,
  ET_I8 = 5,
  ET_I16 = 6,
  ET_I32 = 7,
  ET_I64 = 8
} EtElementType;

/// A tensor of the caller: row-major, contiguous.
typedef struct EtTensor {
  void *data;
  EtElementType elementType;
  const int64_t *shape;
  size_t rank;
} EtTensor;

#endif // ET_C_TENSOR_H
