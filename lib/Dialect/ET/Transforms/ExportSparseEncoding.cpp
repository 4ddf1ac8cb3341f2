//===- ExportSparseEncoding.cpp - et tiles as upstream BSR weights -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The reverse of ImportSparseEncoding.cpp, for tools that read sparse_tensor:
// after --et-decompose, upstream's sparsifier can take the module from here.
//
//===----------------------------------------------------------------------===//

#include "SparseEncodingUtils.h"

#include "et/Dialect/ET/IR/ET.h"
#include "et/Dialect/ET/Transforms/Passes.h"

#include "mlir/Dialect/SparseTensor/IR/SparseTensor.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace mlir::et {
#define GEN_PASS_DEF_EXPORTSPARSEENCODINGPASS
#include "et/Dialect/ET/Transforms/Passes.h.inc"
} // namespace mlir::et

using namespace mlir;
using namespace mlir::et;
using sparse_tensor::LevelFormat;
using sparse_tensor::LevelType;
using sparse_tensor::SparseTensorEncodingAttr;

/// The type with an upstream encoding that says what \p type says, or null and the reason why there is none.
static std::pair<RankedTensorType, std::string> exportType(RankedTensorType type) {
  MLIRContext *context = type.getContext();
  AffineExpr i = getAffineDimExpr(0, context), j = getAffineDimExpr(1, context);
  LevelType dense(LevelFormat::Dense), compressed(LevelFormat::Compressed);
  if (isa<RowsAttr, ColumnsAttr>(type.getEncoding())) {
    bool isRows = isa<RowsAttr>(type.getEncoding());
    AffineMap map = AffineMap::get(2, 0, {isRows ? i : j, isRows ? j : i}, context);
    auto encoding = SparseTensorEncodingAttr::get(context, {compressed, dense}, map);
    return {RankedTensorType::get(type.getShape(), type.getElementType(), encoding), ""};
  }
  auto tile = dyn_cast<TileAttr>(type.getEncoding());
  if (!tile)
    return {RankedTensorType(), "sparse_tensor has no form for this encoding"};
  AffineMap map = AffineMap::get(
      2, 0, {i.floorDiv(tile.getRows()), j.floorDiv(tile.getColumns()), i % tile.getRows(), j % tile.getColumns()},
      context);
  auto encoding = SparseTensorEncodingAttr::get(context, {dense, compressed, dense, dense}, map);
  return {RankedTensorType::get(type.getShape(), type.getElementType(), encoding), ""};
}

namespace {
struct ExportSparseEncodingPass final : public et::impl::ExportSparseEncodingPassBase<ExportSparseEncodingPass> {
  using ExportSparseEncodingPassBase::ExportSparseEncodingPassBase;

  void runOnOperation() override {
    auto isEncoded = [](RankedTensorType type) {
      return type.getEncoding() && isa<ETDialect>(type.getEncoding().getDialect());
    };
    if (failed(convertEncodings(getOperation(), isEncoded, exportType)))
      return signalPassFailure();
    // A cast that changes the encoding is a conversion of storage there.
    getOperation()->walk([](tensor::CastOp op) {
      if (!sparse_tensor::getSparseTensorEncoding(op.getType()) &&
          !sparse_tensor::getSparseTensorEncoding(op.getSource().getType()))
        return;
      OpBuilder builder(op);
      op.replaceAllUsesWith(
          sparse_tensor::ConvertOp::create(builder, op.getLoc(), op.getType(), op.getSource()).getResult());
      op.erase();
    });
  }
};
} // namespace
