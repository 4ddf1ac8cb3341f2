//===- ETPlanOps.td - Ops of the planned level ------------*- tablegen -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef ET_DIALECT_ET_IR_ETPLANOPS_TD
#define ET_DIALECT_ET_IR_ETPLANOPS_TD

include "et/Dialect/ET/IR/ETAttentionOps.td"
include "et/Dialect/ET/IR/ETTypes.td"
include "mlir/IR/OpAsmInterface.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/DestinationStyleOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def ET_LaunchOp : ET_Op<"launch", [
    AttrSizedOperandSegments, IsolatedFromAbove, SingleBlockImplicitTerminator<"::mlir::et::YieldOp">,
    DestinationStyleOpInterface,
    DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "A group of ops that runs as one kernel";
  let description = [{
    What one kernel computes. The region says it in terms of tensors, whether the operands are tensors (before
    bufferization) or memrefs (after it): its arguments are the inputs and then the outputs, and it yields the new
    contents of the outputs. Launches run in order; printing a planned function shows what will run.

    - `kernel`: a label for people; launches with equal regions, operand types and schedules share one kernel.
    - `inputs`: tensors or memrefs, and scalars.
    - `outputs`: where results go; an output whose region argument is unused is not read.
    - `schedule`: how the kernel is built for its target; absent before planning.

    Constraints:
    - (C1) the region has one argument per input and output, a tensor of the same shape and element type; an argument
      whose type has an encoding may have any storage shape, and bytes as its storage.
    - (C2) the region yields one value per output, of the type of the output's region argument.
    - (C3) either all outputs are tensors and there is one result per output of its type, or all are memrefs and there
      are no results.

    (* example: test/Dialect/ET/doc/launch.mlir *)
  }];
  let arguments = (ins StrAttr:$kernel, Variadic<AnyType>:$inputs, Variadic<AnyShaped>:$outputs,
                       OptionalAttr<DictionaryAttr>:$schedule);
  let regions = (region SizedRegion<1>:$body);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    $kernel (`schedule` $schedule^)? `ins` `(` ($inputs^ `:` type($inputs))? `)`
    `outs` `(` $outputs `:` type($outputs) `)` $body attr-dict (`->` type($results)^)?
  }];
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    MutableOperandRange getDpsInitsMutable() { return getOutputsMutable(); }
    YieldOp getYield();
    /// The region argument that stands for operand number \p i (inputs, then outputs).
    BlockArgument getBodyArgument(unsigned i) { return getBody().getArgument(i); }
    /// True when the region reads what output \p i holds before the launch.
    bool readsOutput(unsigned i);
    bool hasBufferOperands() { return getResults().empty(); }
  }];
}

def ET_WeightOp : ET_Op<"weight", [Symbol]> {
  let summary = "A constant in the weights section of a program";
  let description = [{
    Names a constant. `sources` are the constants it is made of, joined along their first dimension; `type` says how
    they are stored: without an encoding as they are, with `#et.panels<48>` or `#et.sparse_panels<64, kept = 921>`
    packed for the kernel that reads them.
    `offset` is where it stands in the weights section, in bytes; it is absent before planning.

    Constraints:
    - (C1) `offset` is a multiple of 64 and not negative.
    - (C2) every source is an elements attribute of the element type of `type` whose shape agrees with `type` beyond the
      first dimension, and their first dimensions add up to that of `type`. Panels of f32 may hold sources of f16.

    (* example: test/Dialect/ET/doc/weight.mlir *)
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<AnyRankedTensor>:$type, ArrayAttr:$sources,
                       OptionalAttr<I64Attr>:$offset, OptionalAttr<StrAttr>:$sym_visibility);
  let assemblyFormat = "$sym_name `:` $type (`at` $offset^)? `from` $sources attr-dict";
  let hasVerifier = 1;
  let builders = [OpBuilder<(ins "StringRef":$name, "RankedTensorType":$type, "ArrayAttr":$sources), [{
    build($_builder, $_state, name, type, sources, /*offset=*/nullptr, $_builder.getStringAttr("private"));
  }]>];
  let extraClassDeclaration = [{
    RankedTensorType getTensorType() { return llvm::cast<RankedTensorType>(getType()); }
    /// Shape and layout of its bytes in the weights section.
    MemRefType getStorageType();
    /// Number of bytes it takes there.
    int64_t getStorageSize();
  }];
}

def ET_WeightRefOp : ET_Op<"weight_ref", [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "The value of an et.weight";
  let description = [{
    A tensor of the type of the weight it names, or, after bufferization, a memref of its storage.

    Constraints:
    - (C1) `weight` names an `et.weight`.
    - (C2) the result is a tensor of the type of the weight, or a memref of its storage type.

    (* example: test/Dialect/ET/doc/weight.mlir *)
  }];
  let arguments = (ins FlatSymbolRefAttr:$weight);
  let results = (outs AnyTypeOf<[AnyRankedTensor, AnyMemRef]>:$result);
  let assemblyFormat = "$weight attr-dict `:` type($result)";
}

def ET_TensorMapOp : ET_Op<"tensor_map", [Pure]> {
  let summary = "A tensor map over a view";
  let description = [{
    Says how kernels copy boxes of `view` between global and shared memory. Elements outside of the view read as zero and
    are not written.

    - `view`: the tensor, one to five dimensions.
    - `box`: elements of each dimension that one copy moves.
    - `swizzle`: bytes of the pattern in which the box lies in shared memory; 0 for none.

    Constraints:
    - (C1) `view` has one to five dimensions and elements of f16, bf16 or f32.
    - (C2) its innermost dimension has no gaps, and other strides, where they are static, are multiples of 16 bytes.
    - (C3) `box` has one size per dimension, each from 1 to 256; the innermost is a multiple of 16 bytes.
    - (C4) `swizzle` is 0, 32, 64 or 128, and unless it is 0, the innermost size of `box` is at most that many bytes.

    (* example: test/Dialect/ET/doc/tensor_map.mlir *)
  }];
  let arguments = (ins AnyStridedMemRef:$view, DenseI64ArrayAttr:$box, DefaultValuedAttr<I64Attr, "0">:$swizzle);
  let results = (outs ET_TensorMapType:$result);
  let assemblyFormat = "$view `box` $box (`swizzle` $swizzle^)? attr-dict `:` type($view)";
  let hasVerifier = 1;
}

def ET_WorkOp : ET_Op<"work"> {
  let summary = "What the next launch has to do";
  let description = [{
    Stands in front of a launch of a kernel, and says what the launch moves and computes at least, as functions of sizes.
    Nothing runs differently for it: saved programs keep it for profiles.

    - `bytes`: of all that the launch reads and writes, once each.
    - `flops`: operations of its products, with two per multiply-add; absent where nobody counted. Sequences that lengths
      cut short count in full.
    - `tensor`: whether tensor cores could do the products.

    Constraints:
    - (C1) `bytes` and `flops`, where they are constant, are not negative.

    (* example: test/Dialect/ET/doc/work.mlir *)
  }];
  let arguments = (ins Index:$bytes, Optional<Index>:$flops, UnitAttr:$tensor);
  let assemblyFormat = "`bytes` $bytes (`flops` $flops^)? (`tensor` $tensor^)? attr-dict";
  let hasVerifier = 1;
}

def ET_PrefetchOp : ET_Op<"prefetch"> {
  let summary = "What the next launch asks for ahead of time";
  let description = [{
    Stands in front of a launch of a kernel, whose blocks ask memory for `views`, each a part of them, before they wait
    for the launches in front: so that the L2 cache holds them when a later launch reads them. Nothing is computed
    differently for it, and a kernel that cannot ask does without.

    - `views`: bytes of the weights.
    - `rows`: the size that decides, and `most` the largest with which the launch asks: with many rows, weights hide
      behind the work on rows.

    Constraints:
    - (C1) there is a view, and each is bytes in one row, a static multiple of 16 of them, without gaps.
    - (C2) `most` is positive.

    (* example: test/Dialect/ET/doc/prefetch.mlir *)
  }];
  let arguments = (ins Variadic<AnyMemRef>:$views, Index:$rows, I64Attr:$most);
  let assemblyFormat = "$views `rows` $rows `most` $most attr-dict `:` type($views)";
  let hasVerifier = 1;
}

#endif // ET_DIALECT_ET_IR_ETPLANOPS_TD
