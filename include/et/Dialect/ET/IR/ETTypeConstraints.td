//===- ETTypeConstraints.td - Operand types of the et dialect -*- tablegen -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef ET_DIALECT_ET_IR_ETTYPECONSTRAINTS_TD
#define ET_DIALECT_ET_IR_ETTYPECONSTRAINTS_TD

include "mlir/IR/CommonTypeConstraints.td"

// Storage types of activations and weights. f64 is there for the reference.
def ET_Float : AnyTypeOf<[F16, BF16, F32, F64], "f16, bf16, f32 or f64">;
def ET_Integer : AnyTypeOf<[I32, I64], "i32 or i64">;

// Only weights have encodings: elsewhere one would say nothing that a lowering could honour.
def ET_NoEncoding : CPred<"!::llvm::cast<::mlir::RankedTensorType>($_self).getEncoding()">;
class ET_DenseTensor<list<Type> elements> : RankedTensorOf<elements, [ET_NoEncoding], "ranked tensor without encoding">;
def ET_FloatTensor : ET_DenseTensor<[ET_Float]>;
def ET_IntegerTensor : ET_DenseTensor<[ET_Integer]>;
def ET_MaskTensor : ET_DenseTensor<[I1, F16, BF16, F32, F64]>;
def ET_WeightTensor : RankedTensorOf<[ET_Float]>;

#endif // ET_DIALECT_ET_IR_ETTYPECONSTRAINTS_TD
