//===- ETOps.td - All ops of the et dialect -*- tablegen -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef ET_DIALECT_ET_IR_ETOPS_TD
#define ET_DIALECT_ET_IR_ETOPS_TD

include "et/Dialect/ET/IR/ETAttentionOps.td"
include "et/Dialect/ET/IR/ETLinearOps.td"
include "et/Dialect/ET/IR/ETNormOps.td"
include "et/Dialect/ET/IR/ETPlanOps.td"

#endif // ET_DIALECT_ET_IR_ETOPS_TD
