//===- ETDialect.td - The et dialect and the base of its ops -*- tablegen -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef ET_DIALECT_ET_IR_ETDIALECT_TD
#define ET_DIALECT_ET_IR_ETDIALECT_TD

include "mlir/IR/OpBase.td"
include "mlir/Interfaces/TilingInterface.td"

def ET_Dialect : Dialect {
  let name = "et";
  let cppNamespace = "::mlir::et";
  let summary = "Transformer models: attention as a primitive, sparsity as part of the type";
  let description = [{
    The `et` dialect says what a transformer model computes, on ranked tensors: attention with its mask as structure,
    linear layers whose weight type says how the weight is stored and what in it is zero, normalisations, and
    embeddings. What upstream dialects already say well (element-wise arithmetic, reshapes, slices, reductions) is left
    to them: `linalg`, `tensor`, `arith` and `math` stand beside `et` in every module.

    Batch and sequence sizes are dynamic; hidden sizes are static.
  }];
  let useDefaultAttributePrinterParser = 1;
  let useDefaultTypePrinterParser = 1;
  let hasRegionArgAttrVerify = 1;
  let hasRegionResultAttrVerify = 1;
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect", "::mlir::math::MathDialect",
    "::mlir::tensor::TensorDialect", "::mlir::affine::AffineDialect", "::mlir::scf::SCFDialect",
  ];
  let extraClassDeclaration = [{
    /// Name of the argument or result attribute that carries the user's name for it.
    static StringRef getNameAttrName() { return "et.name"; }
    /// Name of the argument attribute that names each dimension; equal names mean equal sizes.
    static StringRef getDimsAttrName() { return "et.dims"; }
    /// Name of the argument attribute that gives the smallest size of each dimension: programs refuse smaller ones.
    static StringRef getMinSizesAttrName() { return "et.min_sizes"; }
    /// Of an argument that is a size: its name, its least and greatest value, what divides it, and that it is only
    /// known when the program runs.
    static StringRef getDimAttrName() { return "et.dim"; }
    static StringRef getMinAttrName() { return "et.min"; }
    static StringRef getMaxAttrName() { return "et.max"; }
    static StringRef getMultipleOfAttrName() { return "et.multiple_of"; }
    static StringRef getUnknownAttrName() { return "et.unknown"; }
    /// Of a `cf.assert` that is a wish, not a demand.
    static StringRef getNoteAttrName() { return "et.note"; }

    void registerAttributes();
    void registerTypes();
  }];
}

class ET_Op<string mnemonic, list<Trait> traits = []> : Op<ET_Dialect, mnemonic, traits>;

// Tiling as every op that computes implements it.
def ET_TilingInterface : DeclareOpInterfaceMethods<TilingInterface, [
    "getLoopIteratorTypes", "getIterationDomain", "getTiledImplementation", "getResultTilePosition",
    "generateResultTileValue", "getIterationDomainTileFromResultTile"]>;

#endif // ET_DIALECT_ET_IR_ETDIALECT_TD
