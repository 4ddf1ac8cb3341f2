//===- Dialect.h - C API: the dialect, its attributes and types -*- C -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// For programs that hold MLIR themselves, through MLIR's C API (mlir-c/*.h), whose
// functions and types are named mlir and Mlir. libETCAPI has MLIR's core C API
// inside: contexts and modules made with it are what functions here take.
//
// Functions that make an attribute check its parameters: with wrong ones they emit
// a diagnostic in the context, at an unknown location, and return a null attribute.
// The docs of each attribute say what is wrong. Getters expect an attribute of
// their kind.
//
//===----------------------------------------------------------------------===//

#ifndef ET_C_DIALECT_H
#define ET_C_DIALECT_H

#include "et-c/Tensor.h"

#include "mlir-c/IR.h"

#ifdef __cplusplus
extern "C" {
#endif

/// The handle of the dialect, mlirGetDialectHandle__et__(). It registers the dialect alone; passes need
/// etRegisterDialects.
MLIR_DECLARE_CAPI_DIALECT_REGISTRATION(ET, et);

/// Adds the dialect to \p registry, and the upstream dialects, interfaces and translations that its passes need.
ET_CAPI_EXPORTED void etRegisterDialects(MlirDialectRegistry registry);

//===----------------------------------------------------------------------===//
// Encodings of weights
//===----------------------------------------------------------------------===//

/// `#et.tile<rows x columns>`: the tiles that are not zero are stored.
ET_CAPI_EXPORTED bool etAttributeIsATile(MlirAttribute attr);
ET_CAPI_EXPORTED MlirAttribute etTileAttrGet(MlirContext context, int64_t rows, int64_t columns);
ET_CAPI_EXPORTED int64_t etTileAttrGetRows(MlirAttribute attr);
ET_CAPI_EXPORTED int64_t etTileAttrGetColumns(MlirAttribute attr);
ET_CAPI_EXPORTED MlirTypeID etTileAttrGetTypeID(void);

/// `#et.rows` and `#et.columns`: whole rows or columns may be zero.
ET_CAPI_EXPORTED bool etAttributeIsARows(MlirAttribute attr);
ET_CAPI_EXPORTED MlirAttribute etRowsAttrGet(MlirContext context);
ET_CAPI_EXPORTED MlirTypeID etRowsAttrGetTypeID(void);
ET_CAPI_EXPORTED bool etAttributeIsAColumns(MlirAttribute attr);
ET_CAPI_EXPORTED MlirAttribute etColumnsAttrGet(MlirContext context);
ET_CAPI_EXPORTED MlirTypeID etColumnsAttrGetTypeID(void);

/// `#et.panels<width>`: a dense weight as CPU kernels read it.
ET_CAPI_EXPORTED bool etAttributeIsAPanels(MlirAttribute attr);
ET_CAPI_EXPORTED MlirAttribute etPanelsAttrGet(MlirContext context, int64_t width);
ET_CAPI_EXPORTED int64_t etPanelsAttrGetWidth(MlirAttribute attr);
ET_CAPI_EXPORTED MlirTypeID etPanelsAttrGetTypeID(void);

/// `#et.sparse_panels<width, kept = N>`: a sparse weight as CPU kernels read it.
ET_CAPI_EXPORTED bool etAttributeIsASparsePanels(MlirAttribute attr);
ET_CAPI_EXPORTED MlirAttribute etSparsePanelsAttrGet(MlirContext context, int64_t width, int64_t kept);
ET_CAPI_EXPORTED int64_t etSparsePanelsAttrGetWidth(MlirAttribute attr);
ET_CAPI_EXPORTED int64_t etSparsePanelsAttrGetKept(MlirAttribute attr);
ET_CAPI_EXPORTED MlirTypeID etSparsePanelsAttrGetTypeID(void);

/// `#et.strips<rows x columns, kept = N>`: a sparse weight as tensor cores read it.
ET_CAPI_EXPORTED bool etAttributeIsAStrips(MlirAttribute attr);
ET_CAPI_EXPORTED MlirAttribute etStripsAttrGet(MlirContext context, int64_t rows, int64_t columns, int64_t kept);
ET_CAPI_EXPORTED int64_t etStripsAttrGetRows(MlirAttribute attr);
ET_CAPI_EXPORTED int64_t etStripsAttrGetColumns(MlirAttribute attr);
ET_CAPI_EXPORTED int64_t etStripsAttrGetKept(MlirAttribute attr);
ET_CAPI_EXPORTED MlirTypeID etStripsAttrGetTypeID(void);

//===----------------------------------------------------------------------===//
// Attributes of ops
//===----------------------------------------------------------------------===//

/// Which keys a query may attend to, as structure.
typedef enum EtMaskKind { ET_MASK_NONE = 0, ET_MASK_CAUSAL = 1, ET_MASK_WINDOW = 2 } EtMaskKind;

/// `#et.mask<kind, ...>`. \p lowerRight is of causal masks; \p left, \p right (-1: no bound) and \p global of windows,
/// others take -1, -1 and 0.
ET_CAPI_EXPORTED bool etAttributeIsAMask(MlirAttribute attr);
ET_CAPI_EXPORTED MlirAttribute etMaskAttrGet(MlirContext context, EtMaskKind kind, bool lowerRight, int64_t left,
                                             int64_t right, int64_t global);
ET_CAPI_EXPORTED EtMaskKind etMaskAttrGetKind(MlirAttribute attr);
ET_CAPI_EXPORTED bool etMaskAttrGetLowerRight(MlirAttribute attr);
ET_CAPI_EXPORTED int64_t etMaskAttrGetLeft(MlirAttribute attr);
ET_CAPI_EXPORTED int64_t etMaskAttrGetRight(MlirAttribute attr);
ET_CAPI_EXPORTED int64_t etMaskAttrGetGlobal(MlirAttribute attr);
ET_CAPI_EXPORTED MlirTypeID etMaskAttrGetTypeID(void);

/// Side of a sequence on which its padding stands.
typedef enum EtPaddingSide { ET_PADDING_RIGHT = 0, ET_PADDING_LEFT = 1 } EtPaddingSide;

/// `#et.padding<side>`.
ET_CAPI_EXPORTED bool etAttributeIsAPaddingSide(MlirAttribute attr);
ET_CAPI_EXPORTED MlirAttribute etPaddingSideAttrGet(MlirContext context, EtPaddingSide side);
ET_CAPI_EXPORTED EtPaddingSide etPaddingSideAttrGetValue(MlirAttribute attr);
ET_CAPI_EXPORTED MlirTypeID etPaddingSideAttrGetTypeID(void);

/// Form in which GELU is computed.
typedef enum EtGeluKind { ET_GELU_ERF = 0, ET_GELU_TANH = 1, ET_GELU_SIGMOID = 2 } EtGeluKind;

/// `#et.gelu<form>`.
ET_CAPI_EXPORTED bool etAttributeIsAGeluKind(MlirAttribute attr);
ET_CAPI_EXPORTED MlirAttribute etGeluKindAttrGet(MlirContext context, EtGeluKind kind);
ET_CAPI_EXPORTED EtGeluKind etGeluKindAttrGetValue(MlirAttribute attr);
ET_CAPI_EXPORTED MlirTypeID etGeluKindAttrGetTypeID(void);

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

/// `!et.tensor_map`: how the copy engine of a GPU reads boxes of a tensor.
ET_CAPI_EXPORTED bool etTypeIsATensorMap(MlirType type);
ET_CAPI_EXPORTED MlirType etTensorMapTypeGet(MlirContext context);
ET_CAPI_EXPORTED MlirTypeID etTensorMapTypeGetTypeID(void);

#ifdef __cplusplus
}
#endif

#endif // ET_C_DIALECT_H
