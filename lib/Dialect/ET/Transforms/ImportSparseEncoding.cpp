//===- ImportSparseEncoding.cpp - Upstream BSR weights as et tiles -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Upstream says "block sparse rows" with a map and the formats of its levels:
//
//   #sparse_tensor.encoding<{map = (i, j) -> (i floordiv R : dense, j floordiv C : compressed,
//                                             i mod R : dense, j mod C : dense)}>
//
// which is #et.tile<RxC>. Whole rows or columns that are stored or not are
//
//   (i, j) -> (i : compressed, j : dense)      (i, j) -> (j : compressed, i : dense)
//
// which are #et.rows and #et.columns. Any other sparse encoding is refused, with
// what about it is not BSR.
//
//===----------------------------------------------------------------------===//

#include "SparseEncodingUtils.h"

#include "et/Dialect/ET/IR/ET.h"
#include "et/Dialect/ET/Transforms/Passes.h"

#include "mlir/Dialect/SparseTensor/IR/SparseTensor.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace mlir::et {
#define GEN_PASS_DEF_IMPORTSPARSEENCODINGPASS
#include "et/Dialect/ET/Transforms/Passes.h.inc"
} // namespace mlir::et

using namespace mlir;
using namespace mlir::et;
using sparse_tensor::LevelFormat;
using sparse_tensor::SparseTensorEncodingAttr;

/// The type with an et encoding that says what \p type says, or null and the reason why there is none.
static std::pair<RankedTensorType, std::string> importType(RankedTensorType type) {
  auto encoding = cast<SparseTensorEncodingAttr>(type.getEncoding());
  auto refuse = [](const char *reason) { return std::pair<RankedTensorType, std::string>(RankedTensorType(), reason); };
  if (type.getRank() != 2 || !type.hasStaticShape())
    return refuse("the weight is not two-dimensional and static");
  if (encoding.isSlice())
    return refuse("the encoding describes a slice");
  if (encoding.getExplicitVal() || encoding.getImplicitVal())
    return refuse("the encoding gives stored or missing elements a fixed value");
  ArrayRef<sparse_tensor::LevelType> levels = encoding.getLvlTypes();
  MLIRContext *context = type.getContext();
  AffineExpr i = getAffineDimExpr(0, context), j = getAffineDimExpr(1, context);
  AffineMap map = encoding.getDimToLvl();
  auto encode = [&](Attribute et) {
    return std::pair<RankedTensorType, std::string>(RankedTensorType::get(type.getShape(), type.getElementType(), et),
                                                    "");
  };
  if (levels.size() == 2 && levels[0] == sparse_tensor::LevelType(LevelFormat::Compressed) &&
      levels[1].isa<LevelFormat::Dense>()) {
    // No map is the identity.
    if (!map || map == AffineMap::get(2, 0, {i, j}, context))
      return encode(RowsAttr::get(context));
    if (map == AffineMap::get(2, 0, {j, i}, context))
      return encode(ColumnsAttr::get(context));
  }
  if (levels.size() != 4)
    return refuse("BSR has four levels, two over blocks and two inside a block");
  if (!levels[0].isa<LevelFormat::Dense>() || levels[1] != sparse_tensor::LevelType(LevelFormat::Compressed) ||
      !levels[2].isa<LevelFormat::Dense>() || !levels[3].isa<LevelFormat::Dense>())
    return refuse("the levels of BSR are dense, compressed, dense, dense");

  auto blockSize = [&](unsigned level) -> int64_t {
    auto divide = dyn_cast<AffineBinaryOpExpr>(map.getResult(level));
    auto size = divide ? dyn_cast<AffineConstantExpr>(divide.getRHS()) : AffineConstantExpr();
    return size ? size.getValue() : 0;
  };
  int64_t rows = blockSize(0), columns = blockSize(1);
  if (rows <= 0 || columns <= 0 ||
      map != AffineMap::get(2, 0, {i.floorDiv(rows), j.floorDiv(columns), i % rows, j % columns}, context))
    return refuse("the map of BSR is (i, j) -> (i floordiv R, j floordiv C, i mod R, j mod C)");
  auto ignore = [&] { return emitError(UnknownLoc::get(context)); };
  if (rows > std::numeric_limits<int32_t>::max() || columns > std::numeric_limits<int32_t>::max())
    return refuse("a block size does not fit in 31 bits");
  return encode(TileAttr::getChecked(ignore, context, rows, columns));
}

namespace {
struct ImportSparseEncodingPass final : public et::impl::ImportSparseEncodingPassBase<ImportSparseEncodingPass> {
  using ImportSparseEncodingPassBase::ImportSparseEncodingPassBase;

  void runOnOperation() override {
    auto isSparse = [](RankedTensorType type) { return isa_and_nonnull<SparseTensorEncodingAttr>(type.getEncoding()); };
    if (failed(convertEncodings(getOperation(), isSparse, importType)))
      return signalPassFailure();
    // What converted between dense and BSR is a cast now: the value is the same.
    getOperation()->walk([](sparse_tensor::ConvertOp op) {
      OpBuilder builder(op);
      op.replaceAllUsesWith(tensor::CastOp::create(builder, op.getLoc(), op.getType(), op.getSource()).getResult());
      op.erase();
    });
  }
};
} // namespace
