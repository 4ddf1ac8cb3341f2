//===- Dialect.cpp - C API: the dialect, its attributes and types -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "et-c/Dialect.h"

#include "et/Compiler/Register.h"
#include "et/Dialect/ET/IR/ET.h"

#include "mlir/CAPI/IR.h"
#include "mlir/CAPI/Registration.h"
#include "mlir/IR/Diagnostics.h"

#include <cstring>

using namespace mlir;
using namespace mlir::et;

MLIR_DEFINE_CAPI_DIALECT_REGISTRATION(ET, et, ETDialect)

void etRegisterDialects(MlirDialectRegistry registry) { registerCompilerDialects(*unwrap(registry)); }

/// The attribute of kind AttrT with \p parameters; null, and a diagnostic, where they are wrong. The dialect is loaded
/// if it was not: no attribute can be made without it.
template <typename AttrT, typename... ParameterTs>
static MlirAttribute getChecked(MlirContext context, ParameterTs... parameters) {
  MLIRContext *ctx = unwrap(context);
  ctx->loadDialect<ETDialect>();
  return wrap(Attribute(AttrT::getChecked([ctx] { return emitError(UnknownLoc::get(ctx)); }, ctx, parameters...)));
}

/// The attribute of kind AttrT, whose \p parameters cannot be wrong.
template <typename AttrT, typename... ParameterTs>
static MlirAttribute getUnchecked(MlirContext context, ParameterTs... parameters) {
  unwrap(context)->loadDialect<ETDialect>();
  return wrap(Attribute(AttrT::get(unwrap(context), parameters...)));
}

/// The enumerator of EnumT that \p given names, or nothing and a diagnostic. A program in C may give any number, which
/// C++ may not read as an enumerator: its bytes are read.
template <typename EnumT, typename GivenT>
static std::optional<EnumT> getEnum(MlirContext context, const GivenT &given, StringRef what,
                                    std::optional<EnumT> (*symbolize)(uint32_t)) {
  static_assert(sizeof(GivenT) == sizeof(int32_t));
  int32_t value;
  std::memcpy(&value, &given, sizeof(value));
  std::optional<EnumT> symbol = value < 0 ? std::nullopt : symbolize(value);
  if (!symbol)
    emitError(UnknownLoc::get(unwrap(context))) << "expected " << what << ", but got " << value;
  return symbol;
}

template <typename AttrT> static AttrT get(MlirAttribute attr) { return cast<AttrT>(unwrap(attr)); }

//===----------------------------------------------------------------------===//
// Encodings of weights
//===----------------------------------------------------------------------===//

bool etAttributeIsATile(MlirAttribute attr) { return isa_and_present<TileAttr>(unwrap(attr)); }
MlirAttribute etTileAttrGet(MlirContext context, int64_t rows, int64_t columns) {
  return getChecked<TileAttr>(context, rows, columns);
}
int64_t etTileAttrGetRows(MlirAttribute attr) { return get<TileAttr>(attr).getRows(); }
int64_t etTileAttrGetColumns(MlirAttribute attr) { return get<TileAttr>(attr).getColumns(); }
MlirTypeID etTileAttrGetTypeID() { return wrap(TileAttr::getTypeID()); }

bool etAttributeIsARows(MlirAttribute attr) { return isa_and_present<RowsAttr>(unwrap(attr)); }
MlirAttribute etRowsAttrGet(MlirContext context) { return getUnchecked<RowsAttr>(context); }
MlirTypeID etRowsAttrGetTypeID() { return wrap(RowsAttr::getTypeID()); }

bool etAttributeIsAColumns(MlirAttribute attr) { return isa_and_present<ColumnsAttr>(unwrap(attr)); }
MlirAttribute etColumnsAttrGet(MlirContext context) { return getUnchecked<ColumnsAttr>(context); }
MlirTypeID etColumnsAttrGetTypeID() { return wrap(ColumnsAttr::getTypeID()); }

bool etAttributeIsAPanels(MlirAttribute attr) { return isa_and_present<PanelsAttr>(unwrap(attr)); }
MlirAttribute etPanelsAttrGet(MlirContext context, int64_t width) { return getChecked<PanelsAttr>(context, width); }
int64_t etPanelsAttrGetWidth(MlirAttribute attr) { return get<PanelsAttr>(attr).getWidth(); }
MlirTypeID etPanelsAttrGetTypeID() { return wrap(PanelsAttr::getTypeID()); }

bool etAttributeIsASparsePanels(MlirAttribute attr) { return isa_and_present<SparsePanelsAttr>(unwrap(attr)); }
MlirAttribute etSparsePanelsAttrGet(MlirContext context, int64_t width, int64_t kept) {
  return getChecked<SparsePanelsAttr>(context, width, kept);
}
int64_t etSparsePanelsAttrGetWidth(MlirAttribute attr) { return get<SparsePanelsAttr>(attr).getWidth(); }
int64_t etSparsePanelsAttrGetKept(MlirAttribute attr) { return get<SparsePanelsAttr>(attr).getKept(); }
MlirTypeID etSparsePanelsAttrGetTypeID() { return wrap(SparsePanelsAttr::getTypeID()); }

bool etAttributeIsAStrips(MlirAttribute attr) { return isa_and_present<StripsAttr>(unwrap(attr)); }
MlirAttribute etStripsAttrGet(MlirContext context, int64_t rows, int64_t columns, int64_t kept) {
  return getChecked<StripsAttr>(context, rows, columns, kept);
}
int64_t etStripsAttrGetRows(MlirAttribute attr) { return get<StripsAttr>(attr).getRows(); }
int64_t etStripsAttrGetColumns(MlirAttribute attr) { return get<StripsAttr>(attr).getColumns(); }
int64_t etStripsAttrGetKept(MlirAttribute attr) { return get<StripsAttr>(attr).getKept(); }
MlirTypeID etStripsAttrGetTypeID() { return wrap(StripsAttr::getTypeID()); }

//===----------------------------------------------------------------------===//
// Attributes of ops
//===----------------------------------------------------------------------===//

// The enumerators of C have the values of those of the dialect.
static_assert(int(MaskKind::None) == ET_MASK_NONE && int(MaskKind::Causal) == ET_MASK_CAUSAL &&
              int(MaskKind::Window) == ET_MASK_WINDOW && getMaxEnumValForMaskKind() == ET_MASK_WINDOW);
static_assert(int(PaddingSide::Right) == ET_PADDING_RIGHT && int(PaddingSide::Left) == ET_PADDING_LEFT &&
              getMaxEnumValForPaddingSide() == ET_PADDING_LEFT);
static_assert(int(GeluKind::Erf) == ET_GELU_ERF && int(GeluKind::Tanh) == ET_GELU_TANH &&
              int(GeluKind::Sigmoid) == ET_GELU_SIGMOID && getMaxEnumValForGeluKind() == ET_GELU_SIGMOID);

bool etAttributeIsAMask(MlirAttribute attr) { return isa_and_present<MaskAttr>(unwrap(attr)); }
MlirAttribute etMaskAttrGet(MlirContext context, EtMaskKind kind, bool lowerRight, int64_t left, int64_t right,
                            int64_t global) {
  std::optional<MaskKind> symbol = getEnum(context, kind, "a kind of mask of 0 to 2", symbolizeMaskKind);
  return symbol ? getChecked<MaskAttr>(context, *symbol, lowerRight, left, right, global) : wrap(Attribute());
}
EtMaskKind etMaskAttrGetKind(MlirAttribute attr) { return static_cast<EtMaskKind>(get<MaskAttr>(attr).getKind()); }
bool etMaskAttrGetLowerRight(MlirAttribute attr) { return get<MaskAttr>(attr).getLowerRight(); }
int64_t etMaskAttrGetLeft(MlirAttribute attr) { return get<MaskAttr>(attr).getLeft(); }
int64_t etMaskAttrGetRight(MlirAttribute attr) { return get<MaskAttr>(attr).getRight(); }
int64_t etMaskAttrGetGlobal(MlirAttribute attr) { return get<MaskAttr>(attr).getGlobal(); }
MlirTypeID etMaskAttrGetTypeID() { return wrap(MaskAttr::getTypeID()); }

bool etAttributeIsAPaddingSide(MlirAttribute attr) { return isa_and_present<PaddingSideAttr>(unwrap(attr)); }
MlirAttribute etPaddingSideAttrGet(MlirContext context, EtPaddingSide side) {
  std::optional<PaddingSide> symbol = getEnum(context, side, "a side of padding of 0 or 1", symbolizePaddingSide);
  return symbol ? getUnchecked<PaddingSideAttr>(context, *symbol) : wrap(Attribute());
}
EtPaddingSide etPaddingSideAttrGetValue(MlirAttribute attr) {
  return static_cast<EtPaddingSide>(get<PaddingSideAttr>(attr).getValue());
}
MlirTypeID etPaddingSideAttrGetTypeID() { return wrap(PaddingSideAttr::getTypeID()); }

bool etAttributeIsAGeluKind(MlirAttribute attr) { return isa_and_present<GeluKindAttr>(unwrap(attr)); }
MlirAttribute etGeluKindAttrGet(MlirContext context, EtGeluKind kind) {
  std::optional<GeluKind> symbol = getEnum(context, kind, "a form of GELU of 0 to 2", symbolizeGeluKind);
  return symbol ? getUnchecked<GeluKindAttr>(context, *symbol) : wrap(Attribute());
}
EtGeluKind etGeluKindAttrGetValue(MlirAttribute attr) {
  return static_cast<EtGeluKind>(get<GeluKindAttr>(attr).getValue());
}
MlirTypeID etGeluKindAttrGetTypeID() { return wrap(GeluKindAttr::getTypeID()); }

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

bool etTypeIsATensorMap(MlirType type) { return isa_and_present<TensorMapType>(unwrap(type)); }
MlirType etTensorMapTypeGet(MlirContext context) {
  unwrap(context)->loadDialect<ETDialect>();
  return wrap(Type(TensorMapType::get(unwrap(context))));
}
MlirTypeID etTensorMapTypeGetTypeID() { return wrap(TensorMapType::getTypeID()); }
