//===- ETTypes.td - Types of the et dialect ---------------*- tablegen -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef ET_DIALECT_ET_IR_ETTYPES_TD
#define ET_DIALECT_ET_IR_ETTYPES_TD

include "et/Dialect/ET/IR/ETDialect.td"
include "mlir/IR/AttrTypeBase.td"

def ET_TensorMapType : TypeDef<ET_Dialect, "TensorMap"> {
  let mnemonic = "tensor_map";
  let summary = "A tensor map of NVIDIA's tensor memory copies";
  let description = [{
    What a kernel needs to copy boxes of a tensor between global and shared memory. `et.tensor_map` makes one when a
    program starts to run; a kernel gets its 128 bytes by value.
  }];
}

#endif // ET_DIALECT_ET_IR_ETTYPES_TD
