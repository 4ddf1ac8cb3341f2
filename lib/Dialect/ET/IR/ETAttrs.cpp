//===- ETAttrs.cpp - Parsing, printing and verifying et attributes -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The mask and tile attributes have syntax of their own:
//
//   #et.mask<causal, lower_right>   #et.mask<window, left = 64, right = 64>
//   #et.tile<16x16>
//
//===----------------------------------------------------------------------===//

#include "et/Dialect/ET/IR/ET.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/TypeSwitch.h"

#include <limits>

using namespace mlir;
using namespace mlir::et;

#include "et/Dialect/ET/IR/ETEnums.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "et/Dialect/ET/IR/ETAttrs.cpp.inc"

void ETDialect::registerAttributes() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "et/Dialect/ET/IR/ETAttrs.cpp.inc"
      >();
}

//===----------------------------------------------------------------------===//
// MaskAttr
//===----------------------------------------------------------------------===//

Attribute MaskAttr::parse(AsmParser &parser, Type) {
  SMLoc loc = parser.getCurrentLocation();
  StringRef keyword;
  if (parser.parseLess() || parser.parseKeyword(&keyword))
    return {};
  std::optional<MaskKind> kind = symbolizeMaskKind(keyword);
  if (!kind) {
    parser.emitError(loc) << "expected none, causal or window as the kind of mask, but got '" << keyword << "'";
    return {};
  }
  llvm::StringSet<> seen;
  bool lowerRight = false;
  int64_t left = -1, right = -1, global = 0;
  while (succeeded(parser.parseOptionalComma())) {
    SMLoc optionLoc = parser.getCurrentLocation();
    StringRef option;
    if (parser.parseKeyword(&option))
      return {};
    if (!seen.insert(option).second) {
      parser.emitError(optionLoc) << "expected '" << option << "' once";
      return {};
    }
    if (option == "lower_right") {
      lowerRight = true;
      continue;
    }
    int64_t *bound = option == "left" ? &left : option == "right" ? &right : option == "global" ? &global : nullptr;
    if (!bound) {
      parser.emitError(optionLoc) << "expected lower_right, left, right or global, but got '" << option << "'";
      return {};
    }
    if (parser.parseEqual() || parser.parseInteger(*bound))
      return {};
  }
  if (parser.parseGreater())
    return {};
  return parser.getChecked<MaskAttr>(loc, parser.getContext(), *kind, lowerRight, left, right, global);
}

void MaskAttr::print(AsmPrinter &printer) const {
  printer << '<' << stringifyMaskKind(getKind());
  if (getLowerRight())
    printer << ", lower_right";
  if (getLeft() != -1)
    printer << ", left = " << getLeft();
  if (getRight() != -1)
    printer << ", right = " << getRight();
  if (getGlobal() != 0)
    printer << ", global = " << getGlobal();
  printer << '>';
}

LogicalResult MaskAttr::verify(function_ref<InFlightDiagnostic()> emitError, MaskKind kind, bool lowerRight,
                               int64_t left, int64_t right, int64_t global) {
  // mask_c1
  if (left < -1 || right < -1)
    return emitError() << "expected left and right of a mask to be at least -1, but got " << left << " and " << right;
  if (global < 0)
    return emitError() << "expected global of a mask not to be negative, but got " << global;
  // mask_c2
  if (kind != MaskKind::Window && (left != -1 || right != -1 || global != 0))
    return emitError() << "expected left, right and global on a window mask only, but the mask is "
                       << stringifyMaskKind(kind);
  if (kind != MaskKind::Causal && lowerRight)
    return emitError() << "expected lower_right on a causal mask only, but the mask is " << stringifyMaskKind(kind);
  return success();
}

//===----------------------------------------------------------------------===//
// Encodings
//===----------------------------------------------------------------------===//

/// A shape as in a tensor type, for diagnostics.
static std::string stringifyShape(ArrayRef<int64_t> shape) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << '[';
  llvm::interleaveComma(shape, os, [&](int64_t size) {
    if (ShapedType::isDynamic(size))
      os << '?';
    else
      os << size;
  });
  os << ']';
  return text;
}

//===----------------------------------------------------------------------===//
// TileAttr
//===----------------------------------------------------------------------===//

Attribute TileAttr::parse(AsmParser &parser, Type) {
  SMLoc loc = parser.getCurrentLocation();
  SmallVector<int64_t> sizes;
  if (parser.parseLess() || parser.parseDimensionList(sizes, /*allowDynamic=*/false, /*withTrailingX=*/false) ||
      parser.parseGreater())
    return {};
  if (sizes.size() != 2) {
    parser.emitError(loc) << "expected a tile of two sizes, as in <16x16>, but got " << sizes.size();
    return {};
  }
  return parser.getChecked<TileAttr>(loc, parser.getContext(), sizes[0], sizes[1]);
}

void TileAttr::print(AsmPrinter &printer) const { printer << '<' << getRows() << 'x' << getColumns() << '>'; }

LogicalResult TileAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t rows, int64_t columns) {
  // tile_c1
  if (rows <= 0 || columns <= 0 || rows > std::numeric_limits<int32_t>::max() ||
      columns > std::numeric_limits<int32_t>::max())
    return emitError() << "expected tile sizes to be positive and to fit in 31 bits, but got " << rows << "x"
                       << columns;
  return success();
}

LogicalResult TileAttr::verifyEncoding(ArrayRef<int64_t> shape, Type elementType,
                                       function_ref<InFlightDiagnostic()> emitError) const {
  // tile_c2
  if (shape.size() != 2 || ShapedType::isDynamicShape(shape))
    return emitError() << "expected a tensor with the encoding " << *this
                       << " to be two-dimensional and static, but its shape is " << stringifyShape(shape);
  // tile_c3
  if (!elementType.isIntOrFloat())
    return emitError() << "expected float or integer elements with the encoding " << *this << ", but got "
                       << elementType;
  return success();
}

//===----------------------------------------------------------------------===//
// RowsAttr, ColumnsAttr
//===----------------------------------------------------------------------===//

/// Verifies a tensor whose encoding \p encoding says that whole rows or columns may be zero.
static LogicalResult verifyWhole(Attribute encoding, ArrayRef<int64_t> shape, Type elementType,
                                 function_ref<InFlightDiagnostic()> emitError) {
  // rows_c1, columns_c1
  if (shape.size() != 2 || ShapedType::isDynamicShape(shape))
    return emitError() << "expected a tensor with the encoding " << encoding
                       << " to be two-dimensional and static, but its shape is " << stringifyShape(shape);
  // rows_c2, columns_c2
  if (!elementType.isIntOrFloat())
    return emitError() << "expected float or integer elements with the encoding " << encoding << ", but got "
                       << elementType;
  return success();
}

LogicalResult RowsAttr::verifyEncoding(ArrayRef<int64_t> shape, Type elementType,
                                       function_ref<InFlightDiagnostic()> emitError) const {
  return verifyWhole(*this, shape, elementType, emitError);
}

LogicalResult ColumnsAttr::verifyEncoding(ArrayRef<int64_t> shape, Type elementType,
                                          function_ref<InFlightDiagnostic()> emitError) const {
  return verifyWhole(*this, shape, elementType, emitError);
}

//===----------------------------------------------------------------------===//
// PanelsAttr
//===----------------------------------------------------------------------===//

LogicalResult PanelsAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t width) {
  // panels_c1
  if (width <= 0 || width > std::numeric_limits<int32_t>::max())
    return emitError() << "expected the width of panels to be positive and to fit in 31 bits, but got " << width;
  return success();
}

LogicalResult PanelsAttr::verifyEncoding(ArrayRef<int64_t> shape, Type elementType,
                                         function_ref<InFlightDiagnostic()> emitError) const {
  // panels_c2
  if (shape.size() != 2 || ShapedType::isDynamicShape(shape))
    return emitError() << "expected a tensor with the encoding " << *this
                       << " to be two-dimensional and static, but its shape is " << stringifyShape(shape);
  return success();
}

//===----------------------------------------------------------------------===//
// SparsePanelsAttr
//===----------------------------------------------------------------------===//

LogicalResult SparsePanelsAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t width, int64_t kept) {
  // sparse_panels_c1
  constexpr int64_t largest = std::numeric_limits<int32_t>::max();
  if (width <= 0 || width > largest || kept < 0 || kept > largest)
    return emitError() << "expected a positive width and a number of kept columns that is not negative, both of 31 "
                          "bits, but got "
                       << width << " and " << kept;
  return success();
}

LogicalResult SparsePanelsAttr::verifyEncoding(ArrayRef<int64_t> shape, Type elementType,
                                               function_ref<InFlightDiagnostic()> emitError) const {
  // sparse_panels_c2
  if (shape.size() != 2 || ShapedType::isDynamicShape(shape))
    return emitError() << "expected a tensor with the encoding " << *this
                       << " to be two-dimensional and static, but its shape is " << stringifyShape(shape);
  // sparse_panels_c3
  if (int64_t columns = getNumPanels(shape) * shape[1]; getKept() > columns)
    return emitError() << "expected at most " << columns << " kept columns, all that a tensor of shape "
                       << stringifyShape(shape) << " has in panels of " << getWidth() << ", but got " << getKept();
  return success();
}

int64_t SparsePanelsAttr::getKeptOfStorage(RankedTensorType type, int64_t width, int64_t bytes) {
  int64_t elementBytes = llvm::divideCeil(type.getElementTypeBitWidth(), 8);
  auto getBytes = [&](int64_t kept) {
    return get(type.getContext(), width, kept).getStorageBytes(type.getShape(), elementBytes);
  };
  // But for what aligns the values, which is less than a column or two, storage grows in proportion.
  int64_t kept = std::max<int64_t>(0, bytes - getBytes(0)) / (width * elementBytes + int64_t(sizeof(int32_t)));
  while (kept > 0 && getBytes(kept) > bytes)
    --kept;
  while (getBytes(kept + 1) <= bytes)
    ++kept;
  return kept;
}

//===----------------------------------------------------------------------===//
// StripsAttr
//===----------------------------------------------------------------------===//

Attribute StripsAttr::parse(AsmParser &parser, Type) {
  SMLoc loc = parser.getCurrentLocation();
  SmallVector<int64_t> sizes;
  int64_t kept = 0;
  if (parser.parseLess() || parser.parseDimensionList(sizes, /*allowDynamic=*/false, /*withTrailingX=*/false) ||
      parser.parseComma() || parser.parseKeyword("kept") || parser.parseEqual() || parser.parseInteger(kept) ||
      parser.parseGreater())
    return {};
  if (sizes.size() != 2) {
    parser.emitError(loc) << "expected units of two sizes, as in <64x16, kept = 9>, but got " << sizes.size();
    return {};
  }
  return parser.getChecked<StripsAttr>(loc, parser.getContext(), sizes[0], sizes[1], kept);
}

void StripsAttr::print(AsmPrinter &printer) const {
  printer << '<' << getRows() << 'x' << getColumns() << ", kept = " << getKept() << '>';
}

LogicalResult StripsAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t rows, int64_t columns,
                                 int64_t kept) {
  // strips_c1
  if ((rows != 64 && rows != 16) || (columns != 64 && columns != 32 && columns != 16))
    return emitError() << "expected units of 64 or 16 rows and 64, 32 or 16 columns, but got " << rows << "x"
                       << columns;
  if (kept < 0 || kept > std::numeric_limits<int32_t>::max())
    return emitError() << "expected a number of kept units that is not negative and fits in 31 bits, but got " << kept;
  return success();
}

LogicalResult StripsAttr::verifyEncoding(ArrayRef<int64_t> shape, Type elementType,
                                         function_ref<InFlightDiagnostic()> emitError) const {
  // strips_c2
  if (shape.size() != 2 || ShapedType::isDynamicShape(shape))
    return emitError() << "expected a tensor with the encoding " << *this
                       << " to be two-dimensional and static, but its shape is " << stringifyShape(shape);
  // strips_c3
  if (!elementType.isF16() && !elementType.isBF16())
    return emitError() << "expected f16 or bf16 elements with the encoding " << *this << ", but got " << elementType;
  // strips_c4
  StripsLayout layout = getLayout(shape);
  if (int64_t units = layout.numStrips() * layout.numBlocks() * layout.unitsPerBlock(); getKept() > units)
    return emitError() << "expected at most " << units << " kept units, all that a tensor of shape "
                       << stringifyShape(shape) << " has, but got " << getKept();
  return success();
}
