//===- ETAttentionOps.td - Attention -*- tablegen -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef ET_DIALECT_ET_IR_ETATTENTIONOPS_TD
#define ET_DIALECT_ET_IR_ETATTENTIONOPS_TD

include "et/Dialect/ET/IR/ETAttrs.td"
include "et/Dialect/ET/IR/ETTypeConstraints.td"
include "mlir/Dialect/Linalg/IR/LinalgInterfaces.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def ET_AttentionOp : ET_Op<"attention", [
    AttrSizedOperandSegments, Pure,
    DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>,
    DeclareOpInterfaceMethods<AggregatedOpInterface, ["decomposeOperation"]>,
    ET_TilingInterface]> {
  let summary = "Scaled dot-product attention";
  let description = [{
    Computes `softmax(mask(score(scale * Q K^T))) V` row by row. The iteration domain is `(batch..., m, n, k, v)`: any
    number of batch dimensions, then four dimensions with fixed roles: `m` query rows, `n` keys, `k` head size of query
    and key, `v` head size of value. Any layout is one op: `indexing_maps` has one projected permutation per operand,
    in the order query, key, value, mask (if any), lengths (if any), result. Grouped heads are key and value maps that
    leave out a batch dimension.

    Sequences of different lengths need no padding: with `offsets`, `m` and `n` run over the tokens of all sequences one
    behind the other, `offsets` holds where each sequence starts and, last, where the last one ends, and a row attends
    keys of its own sequence only.

    - `query`: uses all batch dimensions, `m` and `k`.
    - `key`: `n`, `k` and a subset of the batch dimensions; `value`: `n`, `v` and a subset.
    - `mask`: any subset of the batch dimensions, `m` and `n`. `i1`: true where a query may attend; float: added to the
      scaled score.
    - `lengths`: a subset of the batch dimensions; number of valid keys of each sequence, at the left of it when
      `padding` is `right`, at the right when it is `left`.
    - `offsets`: one more than there are sequences; starts with 0 and does not decrease. Sequence `i` is rows
      `offsets[i]` to `offsets[i + 1]` (exclusive), and keys by the same or by `key_offsets` where there are any.
      Structure and the indices `m` and `n` of a score region count from the start of the sequence. It has no map.
    - `scale`: 1 / sqrt(size of `k`) when absent.
    - `accumulator`: f32 when absent, f64 for f64 elements.
    - `structure`: mask as structure, see `#et.mask`.
    - `score`: region `(score, batch indices..., m index, n index) -> score`, applied to the scaled score before masks.

    Constraints:
    - (C1) `query`, `key`, `value` and the result have the same element type.
    - (C2) there is one indexing map per operand but offsets, and one for the result, each a projected permutation of one domain of
      at least four dimensions, with as many results as its operand has dimensions.
    - (C3) each map uses exactly the dimensions its role allows, as listed above.
    - (C4) sizes of one dimension agree in all operands that have it.
    - (C5) head sizes (`k`, `v`) are static and positive.
    - (C6) `accumulator` is f32 or f64, and no narrower than the element type.
    - (C7) `scale` is finite.
    - (C8) `score` takes the accumulator type and one index per batch dimension, `m` and `n`, and yields the
      accumulator type; the ops in it have no side effects.
    - (C9) `padding` is `left` only when there are `lengths`.
    - (C10) `offsets` and `key_offsets` have one dimension, of at least one element and of the same size in both.
    - (C11) there are `key_offsets` only with `offsets`, and with these neither `mask` nor `lengths`.
    - (C12) with `offsets` but without `key_offsets`, `m` and `n` have one size.

    A row that has nothing to attend to (all keys masked, no keys, or behind the last offset) yields zeros. Offsets
    that decrease or leave the tokens give rows that are not specified; memory is safe. A NaN in a score makes its row NaN.

    (* example: test/Dialect/ET/doc/attention.mlir *)
  }];
  let arguments = (ins
    ET_FloatTensor:$query, ET_FloatTensor:$key, ET_FloatTensor:$value,
    Optional<ET_MaskTensor>:$mask, Optional<ET_IntegerTensor>:$lengths,
    Optional<ET_IntegerTensor>:$offsets, Optional<ET_IntegerTensor>:$key_offsets,
    AffineMapArrayAttr:$indexing_maps,
    OptionalAttr<F32Attr>:$scale,
    OptionalAttr<TypeAttr>:$accumulator,
    DefaultValuedAttr<ET_MaskAttr, "::mlir::et::MaskAttr::get($_builder.getContext(), ::mlir::et::MaskKind::None)">:$structure,
    DefaultValuedAttr<ET_PaddingSideAttr, "::mlir::et::PaddingSide::Right">:$padding);
  let regions = (region MaxSizedRegion<1>:$score);
  let results = (outs ET_FloatTensor:$result);
  let assemblyFormat = [{
    `query` `(` $query `:` type($query) `)` `key` `(` $key `:` type($key) `)` `value` `(` $value `:` type($value) `)`
    (`mask` `(` $mask^ `:` type($mask) `)`)? (`lengths` `(` $lengths^ `:` type($lengths) `)`)?
    (`offsets` `(` $offsets^ `:` type($offsets) `)`)? (`key_offsets` `(` $key_offsets^ `:` type($key_offsets) `)`)?
    attr-dict (`score` $score^)? `->` type($result)
  }];
  let hasCanonicalizer = 1;
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    /// Number of dimensions of the iteration domain, and of the batch dimensions in front.
    unsigned getNumDomainDims() { return llvm::cast<AffineMapAttr>(getIndexingMaps()[0]).getValue().getNumDims(); }
    unsigned getNumBatchDims() { return getNumDomainDims() - 4; }
    /// Positions of the four dimensions with fixed roles.
    unsigned getMDim() { return getNumDomainDims() - 4; }
    unsigned getNDim() { return getNumDomainDims() - 3; }
    unsigned getKDim() { return getNumDomainDims() - 2; }
    unsigned getVDim() { return getNumDomainDims() - 1; }

    AffineMap getQueryMap() { return getMap(0); }
    AffineMap getKeyMap() { return getMap(1); }
    AffineMap getValueMap() { return getMap(2); }
    /// Map of the mask or of the lengths; a null map when the operand is absent.
    AffineMap getMaskMap() { return getMask() ? getMap(3) : AffineMap(); }
    AffineMap getLengthsMap() { return getLengths() ? getMap(getMask() ? 4 : 3) : AffineMap(); }
    /// Number of operands that have a map: all but offsets, which come last.
    unsigned getNumMappedOperands() { return getIndexingMaps().size() - 1; }
    /// Where the keys of each sequence start; null when the batch is not ragged.
    Value getOffsetsOfKeys() { return getKeyOffsets() ? Value(getKeyOffsets()) : Value(getOffsets()); }
    AffineMap getResultMap() { return getMap(getIndexingMaps().size() - 1); }
    AffineMap getMap(unsigned i) { return llvm::cast<AffineMapAttr>(getIndexingMaps()[i]).getValue(); }

    /// Static size of domain dimension \p dim, or ShapedType::kDynamic.
    int64_t getStaticDimSize(unsigned dim);
    /// Size of domain dimension \p dim: its static size, or the size of an operand that has the dimension.
    OpFoldResult getDimSize(OpBuilder &builder, unsigned dim);
    /// The scale in force: the attribute, or 1 / sqrt(size of k).
    float getScaleValue();
    /// The accumulator type in force: the attribute, or f32 (f64 when the elements are f64).
    FloatType getAccumulatorType();
  }];
}

def ET_YieldOp : ET_Op<"yield", [Pure, ReturnLike, Terminator, ParentOneOf<["AttentionOp", "LaunchOp"]>]> {
  let summary = "Terminator of an et region";
  let description = [{
    Yields the values of the region of an `et` op that has one.
    (* example: test/Dialect/ET/doc/attention.mlir *)
  }];
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "attr-dict ($values^ `:` type($values))?";
  let builders = [OpBuilder<(ins), [{ /* nothing to do */ }]>];
}

#endif // ET_DIALECT_ET_IR_ETATTENTIONOPS_TD
