//===- ETBytecode.cpp - Versioned bytecode of the et dialect -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A module in bytecode carries the version of the dialect that wrote it. An
// older version is read and upgraded, a newer one is refused: it may hold what
// this version cannot understand. Attributes have a binary form of their own;
// one without it is written as text, which MLIR does by itself.
//
// A change to the dialect that an old reader cannot take raises the minor
// version, and upgradeFromVersion learns to read what came before.
//
//===----------------------------------------------------------------------===//

#include "ETBytecode.h"

#include "et/Dialect/ET/IR/ET.h"

#include "mlir/Bytecode/BytecodeImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

#include <limits>

using namespace mlir;
using namespace mlir::et;

namespace {
/// The version of the dialect that wrote a file.
struct ETDialectVersion final : public DialectVersion {
  ETDialectVersion(uint64_t major, uint64_t minor) : major(major), minor(minor) {}
  uint64_t major, minor;
};

/// The version this code writes.
constexpr uint64_t currentMajor = 1, currentMinor = 0;

/// Codes of attributes in bytecode. They never change and are never used again for something else.
enum AttrCode : uint64_t {
  MaskCode = 0,
  TileCode = 1,
  PaddingSideCode = 2,
  GeluKindCode = 3,
  PanelsCode = 4,
  // 5 and 6 are reserved.
  SparsePanelsCode = 7,
  StripsCode = 8,
  RowsCode = 9,
  ColumnsCode = 10
};

struct ETBytecodeInterface final : public BytecodeDialectInterface {
  ETBytecodeInterface(Dialect *dialect) : BytecodeDialectInterface(dialect) {}

  void writeVersion(DialectBytecodeWriter &writer) const override {
    writer.writeVarInt(currentMajor);
    writer.writeVarInt(currentMinor);
  }

  std::unique_ptr<DialectVersion> readVersion(DialectBytecodeReader &reader) const override {
    uint64_t major, minor;
    if (failed(reader.readVarInt(major)) || failed(reader.readVarInt(minor)))
      return nullptr;
    if (std::pair(major, minor) > std::pair(currentMajor, currentMinor)) {
      reader.emitError() << "expected version " << currentMajor << '.' << currentMinor
                         << " of the et dialect or an older one, but the file was written by version " << major << '.'
                         << minor << "; read it with a newer E.T.";
      return nullptr;
    }
    return std::make_unique<ETDialectVersion>(major, minor);
  }

  /// Version 1.0 is the first: there is nothing older to upgrade.
  LogicalResult upgradeFromVersion(Operation *, const DialectVersion &) const override { return success(); }

  LogicalResult writeAttribute(Attribute attribute, DialectBytecodeWriter &writer) const override {
    return TypeSwitch<Attribute, LogicalResult>(attribute)
        .Case([&](MaskAttr mask) {
          writer.writeVarInt(MaskCode);
          writer.writeVarInt(static_cast<uint64_t>(mask.getKind()));
          writer.writeVarInt(mask.getLowerRight());
          writer.writeSignedVarInt(mask.getLeft());
          writer.writeSignedVarInt(mask.getRight());
          writer.writeSignedVarInt(mask.getGlobal());
          return success();
        })
        .Case([&](TileAttr tile) {
          writer.writeVarInt(TileCode);
          writer.writeSignedVarInt(tile.getRows());
          writer.writeSignedVarInt(tile.getColumns());
          return success();
        })
        .Case([&](PaddingSideAttr side) {
          writer.writeVarInt(PaddingSideCode);
          writer.writeVarInt(static_cast<uint64_t>(side.getValue()));
          return success();
        })
        .Case([&](GeluKindAttr kind) {
          writer.writeVarInt(GeluKindCode);
          writer.writeVarInt(static_cast<uint64_t>(kind.getValue()));
          return success();
        })
        .Case([&](PanelsAttr panels) {
          writer.writeVarInt(PanelsCode);
          writer.writeSignedVarInt(panels.getWidth());
          return success();
        })
        .Case([&](SparsePanelsAttr panels) {
          writer.writeVarInt(SparsePanelsCode);
          writer.writeSignedVarInt(panels.getWidth());
          writer.writeSignedVarInt(panels.getKept());
          return success();
        })
        .Case([&](StripsAttr strips) {
          writer.writeVarInt(StripsCode);
          writer.writeSignedVarInt(strips.getRows());
          writer.writeSignedVarInt(strips.getColumns());
          writer.writeSignedVarInt(strips.getKept());
          return success();
        })
        .Case([&](RowsAttr) {
          writer.writeVarInt(RowsCode);
          return success();
        })
        .Case([&](ColumnsAttr) {
          writer.writeVarInt(ColumnsCode);
          return success();
        })
        .Default([](Attribute) { return failure(); });
  }

  Attribute readAttribute(DialectBytecodeReader &reader) const override {
    auto emitError = [&] { return reader.emitError(); };
    uint64_t code;
    if (failed(reader.readVarInt(code)))
      return {};
    switch (code) {
    case MaskCode: {
      FailureOr<MaskKind> kind = readEnum<MaskKind>(reader, symbolizeMaskKind, "mask");
      uint64_t lowerRight;
      int64_t left, right, global;
      if (failed(kind) || failed(reader.readVarInt(lowerRight)) || failed(reader.readSignedVarInt(left)) ||
          failed(reader.readSignedVarInt(right)) || failed(reader.readSignedVarInt(global)))
        return {};
      return MaskAttr::getChecked(emitError, getContext(), *kind, lowerRight != 0, left, right, global);
    }
    case TileCode: {
      int64_t rows, columns;
      if (failed(reader.readSignedVarInt(rows)) || failed(reader.readSignedVarInt(columns)))
        return {};
      return TileAttr::getChecked(emitError, getContext(), rows, columns);
    }
    case PaddingSideCode: {
      FailureOr<PaddingSide> side = readEnum<PaddingSide>(reader, symbolizePaddingSide, "padding side");
      return succeeded(side) ? PaddingSideAttr::get(getContext(), *side) : PaddingSideAttr();
    }
    case GeluKindCode: {
      FailureOr<GeluKind> kind = readEnum<GeluKind>(reader, symbolizeGeluKind, "gelu kind");
      return succeeded(kind) ? GeluKindAttr::get(getContext(), *kind) : GeluKindAttr();
    }
    case PanelsCode: {
      int64_t width;
      if (failed(reader.readSignedVarInt(width)))
        return {};
      return PanelsAttr::getChecked(emitError, getContext(), width);
    }
    case SparsePanelsCode: {
      int64_t width, kept;
      if (failed(reader.readSignedVarInt(width)) || failed(reader.readSignedVarInt(kept)))
        return {};
      return SparsePanelsAttr::getChecked(emitError, getContext(), width, kept);
    }
    case StripsCode: {
      int64_t rows, columns, kept;
      if (failed(reader.readSignedVarInt(rows)) || failed(reader.readSignedVarInt(columns)) ||
          failed(reader.readSignedVarInt(kept)))
        return {};
      return StripsAttr::getChecked(emitError, getContext(), rows, columns, kept);
    }
    case RowsCode:
      return RowsAttr::get(getContext());
    case ColumnsCode:
      return ColumnsAttr::get(getContext());
    default:
      reader.emitError() << "expected the code of an et attribute, but got " << code;
      return {};
    }
  }

private:
  /// Reads an enum, \p what for people, whose values \p symbolize knows.
  template <typename Enum>
  static FailureOr<Enum> readEnum(DialectBytecodeReader &reader, std::optional<Enum> (*symbolize)(uint32_t),
                                  StringRef what) {
    uint64_t value;
    if (failed(reader.readVarInt(value)))
      return failure();
    if (value <= std::numeric_limits<uint32_t>::max())
      if (std::optional<Enum> symbol = symbolize(static_cast<uint32_t>(value)))
        return *symbol;
    reader.emitError() << "expected a known " << what << ", but got code " << value;
    return failure();
  }
};
} // namespace

void et::addBytecodeInterface(ETDialect &dialect) { dialect.addInterfaces<ETBytecodeInterface>(); }
