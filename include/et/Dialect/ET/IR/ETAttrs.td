//===- ETAttrs.td - Attributes and enums of the et dialect -*- tablegen -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef ET_DIALECT_ET_IR_ETATTRS_TD
#define ET_DIALECT_ET_IR_ETATTRS_TD

include "et/Dialect/ET/IR/ETDialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/TensorEncoding.td"

class ET_Attr<string name, string attrMnemonic, list<Trait> traits = []> : AttrDef<ET_Dialect, name, traits> {
  let mnemonic = attrMnemonic;
}

//===----------------------------------------------------------------------===//
// Enums
//===----------------------------------------------------------------------===//

def ET_MaskKind : I32EnumAttr<"MaskKind", "which keys a query may attend to, as structure", [
    I32EnumAttrCase<"None", 0, "none">,
    I32EnumAttrCase<"Causal", 1, "causal">,
    I32EnumAttrCase<"Window", 2, "window">,
  ]> {
  let cppNamespace = "::mlir::et";
  let genSpecializedAttr = 0;
}

def ET_PaddingSide : I32EnumAttr<"PaddingSide", "side of a sequence on which its padding stands", [
    I32EnumAttrCase<"Right", 0, "right">,
    I32EnumAttrCase<"Left", 1, "left">,
  ]> {
  let cppNamespace = "::mlir::et";
  let genSpecializedAttr = 0;
}
def ET_PaddingSideAttr : EnumAttr<ET_Dialect, ET_PaddingSide, "padding"> {
  let assemblyFormat = "`<` $value `>`";
}

def ET_GeluKind : I32EnumAttr<"GeluKind", "form in which GELU is computed", [
    I32EnumAttrCase<"Erf", 0, "erf">,
    I32EnumAttrCase<"Tanh", 1, "tanh">,
    I32EnumAttrCase<"Sigmoid", 2, "sigmoid">,
  ]> {
  let cppNamespace = "::mlir::et";
  let genSpecializedAttr = 0;
}
def ET_GeluKindAttr : EnumAttr<ET_Dialect, ET_GeluKind, "gelu"> {
  let assemblyFormat = "`<` $value `>`";
}

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

def ET_MaskAttr : ET_Attr<"Mask", "mask"> {
  let summary = "structure of an attention mask";
  let description = [{
    Says which keys `j` a query row `i` may attend to, without a mask tensor:

    - `#et.mask<none>`: all.
    - `#et.mask<causal>`: `j <= i` (aligned at the top left, as PyTorch's `is_causal`).
    - `#et.mask<causal, lower_right>`: `j <= i + n - m` for `m` queries and `n` keys.
    - `#et.mask<window, left = 64, right = 64, global = 1>`: `i - left <= j <= i + right`, or `i < global`, or
      `j < global`. `left` and `right` may be `-1` for no bound on that side.

    Constraints:
    - (C1) `left` and `right` are at least -1, `global` is not negative.
    - (C2) only a window has `left`, `right` or `global`; only a causal mask has `lower_right`.
  }];
  let parameters = (ins
    "MaskKind":$kind,
    DefaultValuedParameter<"bool", "false">:$lowerRight,
    DefaultValuedParameter<"int64_t", "-1">:$left,
    DefaultValuedParameter<"int64_t", "-1">:$right,
    DefaultValuedParameter<"int64_t", "0">:$global);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let builders = [
    AttrBuilder<(ins "MaskKind":$kind), [{ return $_get($_ctxt, kind, false, -1, -1, 0); }]>,
  ];
  // Lets ops give a default for it: the default is the attribute itself.
  let constBuilderCall = "$0";
}

def ET_TileAttr : ET_Attr<"Tile", "tile", [DeclareAttrInterfaceMethods<VerifiableTensorEncoding>]> {
  let summary = "weight stored as the tiles of it that are not zero";
  let description = [{
    Encoding of a two-dimensional weight `[N, K]` of which only tiles of `rows x columns` elements are stored; all
    others are zero. A tile grid that does not divide the weight is padded with zeros at the bottom and the right.

    Example: `tensor<3072x768xf16, #et.tile<16x16>>`.

    Constraints:
    - (C1) both tile sizes are positive and fit in 31 bits.
    - (C2) the tensor is two-dimensional and static.
    - (C3) the element type is a float or an integer.
  }];
  let parameters = (ins "int64_t":$rows, "int64_t":$columns);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Number of tiles that cover \p size elements along the rows (dimension 0) or columns (dimension 1).
    int64_t getNumTiles(unsigned dim, int64_t size) const {
      int64_t tile = dim == 0 ? getRows() : getColumns();
      return llvm::divideCeil(size, tile);
    }
  }];
}

class ET_WholeAttr<string name, string attrMnemonic, string what, string dim, string example>
    : ET_Attr<name, attrMnemonic, [DeclareAttrInterfaceMethods<VerifiableTensorEncoding>]> {
  let summary = "weight of which whole " # what # " may be zero";
  let description = "Encoding of a two-dimensional weight `[N, K]` of which whole " # what # " (" # dim # ") may be zero. "
    # "Which of them are is not part of the type: the constant says it. `--et-condense-weights` makes a smaller dense "
    # "weight of those that are left.\n\n"
    # "Example: `" # example # "`.\n\n"
    # "Constraints:\n"
    # "- (C1) the tensor is two-dimensional and static.\n"
    # "- (C2) the element type is a float or an integer.\n";
  let assemblyFormat = "";
}

def ET_RowsAttr : ET_WholeAttr<"Rows", "rows", "rows", "outputs", "tensor<768x3072xf16, #et.rows>">;
def ET_ColumnsAttr : ET_WholeAttr<"Columns", "columns", "columns", "inputs", "tensor<3072x768xf16, #et.columns>">;

def ET_PanelsAttr : ET_Attr<"Panels", "panels", [DeclareAttrInterfaceMethods<VerifiableTensorEncoding>]> {
  let summary = "dense weight stored as panels of output features";
  let description = [{
    Encoding of a dense two-dimensional weight `[N, K]` stored as `[ceil(N / width)][K][width]`: for each group of
    `width` output features, input feature by input feature. Features past `N` are zero. The CPU micro-kernels read
    weights in this form; the compiler packs them.

    Example: `tensor<1536x384xf32, #et.panels<48>>`.

    Constraints:
    - (C1) the width is positive and fits in 31 bits.
    - (C2) the tensor is two-dimensional and static.
  }];
  let parameters = (ins "int64_t":$width);
  let assemblyFormat = "`<` $width `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Storage shape of a weight of logical shape \p shape.
    SmallVector<int64_t> getStorageShape(ArrayRef<int64_t> shape) const {
      return {(shape[0] + getWidth() - 1) / getWidth(), shape[1], getWidth()};
    }
  }];
}

def ET_SparsePanelsAttr
    : ET_Attr<"SparsePanels", "sparse_panels", [DeclareAttrInterfaceMethods<VerifiableTensorEncoding>]> {
  let summary = "sparse weight stored as the columns of panels that are not zero";
  let description = [{
    Encoding of a two-dimensional weight `[N, K]` of which only some columns of each panel of `width` output features are
    stored; all others are zero. `kept` is their number, over all panels. Storage is bytes:

    - i32 `starts[ceil(N / width) + 1]`: how many columns are stored in front of each panel, and `kept`;
    - i32 `columns[kept]`: the input features they belong to, ascending within a panel;
    - from the next multiple of 64 bytes on, the values, `[kept][width]` elements. Features past `N` are zero.

    The CPU micro-kernels read weights of `#et.tile` in this form; the compiler packs them.

    Example: `tensor<1536x384xf32, #et.sparse_panels<64, kept = 921>>`.

    Constraints:
    - (C1) the width is positive, `kept` is not negative, and both fit in 31 bits.
    - (C2) the tensor is two-dimensional and static.
    - (C3) `kept` is at most the number of columns of all panels.
  }];
  let parameters = (ins "int64_t":$width, "int64_t":$kept);
  let assemblyFormat = "`<` $width `,` `kept` `=` $kept `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Number of panels of a weight of logical shape \p shape.
    int64_t getNumPanels(ArrayRef<int64_t> shape) const { return llvm::divideCeil(shape[0], getWidth()); }
    /// Where the values start, in bytes, in the storage of a weight of logical shape \p shape.
    int64_t getValuesOffset(ArrayRef<int64_t> shape) const {
      return llvm::alignTo((getNumPanels(shape) + 1 + getKept()) * sizeof(int32_t), 64);
    }
    /// Bytes of storage of a weight of logical shape \p shape whose elements have \p elementBytes.
    int64_t getStorageBytes(ArrayRef<int64_t> shape, int64_t elementBytes) const {
      return getValuesOffset(shape) + getKept() * getWidth() * elementBytes;
    }
    /// How many columns are kept by a weight of logical type \p type in panels of \p width whose storage is \p bytes.
    static int64_t getKeptOfStorage(RankedTensorType type, int64_t width, int64_t bytes);
  }];
}

def ET_StripsAttr : ET_Attr<"Strips", "strips", [DeclareAttrInterfaceMethods<VerifiableTensorEncoding>]> {
  let summary = "sparse weight stored as the tiles that tensor cores read";
  let description = [{
    Encoding of a two-dimensional weight `[N, K]` of which only some units are stored, all others are zero: slabs of 64
    outputs by 16 inputs, where `rows` is 64, or squares of 16 by 16, where it is 16. Units that stand next to each other
    in aligned groups of `columns` inputs are stored together or not at all. `kept` is the number of units. Storage is
    bytes, as `Strips.h` describes: the order of strips of 64 outputs, where the units of each start, which units of
    each 64 inputs there are, and the units as `wgmma` or `mma.sync` reads them.

    The GPU kernels read weights of `#et.tile` in this form; the compiler packs them.

    Example: `tensor<3072x768xf16, #et.strips<64x64, kept = 460>>`.

    Constraints:
    - (C1) the rows are 64 or 16, the columns 64, 32 or 16, and `kept` is not negative and fits in 31 bits.
    - (C2) the tensor is two-dimensional and static.
    - (C3) the element type is f16 or bf16.
    - (C4) `kept` is at most the number of all units.
  }];
  let parameters = (ins "int64_t":$rows, "int64_t":$columns, "int64_t":$kept);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// What lies where in the storage of a weight of logical shape \p shape.
    StripsLayout getLayout(ArrayRef<int64_t> shape) const { return {shape[0], shape[1], getRows(), getKept()}; }
  }];
}

#endif // ET_DIALECT_ET_IR_ETATTRS_TD
