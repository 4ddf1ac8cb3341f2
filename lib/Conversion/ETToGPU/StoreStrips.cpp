//===- StoreStrips.cpp - Store sparse weights as GPU kernels read them -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Runs while launches still have tensors: the storage of a weight follows from its
// encoding when tensors get buffers. The region of a launch keeps tiles, those of the
// kernel, and does not say how many there are: layers of one shape share a kernel.
//
//===----------------------------------------------------------------------===//

#include "et/Conversion/ETToCPU/LaunchRows.h"
#include "et/Conversion/ETToGPU/Passes.h"
#include "et/Dialect/ET/IR/ET.h"
#include "et/Dialect/ET/IR/WeightData.h"
#include "et/Target/NVIDIA/SM.h"

#include "mlir/IR/Remarks.h"

#define DEBUG_TYPE "et-store-strips"

namespace mlir::et {
#define GEN_PASS_DEF_STORESTRIPSPASS
#include "et/Conversion/ETToGPU/Passes.h.inc"
} // namespace mlir::et

using namespace mlir;
using namespace mlir::et;

namespace {
struct StoreStripsPass final : et::impl::StoreStripsPassBase<StoreStripsPass> {
  using Base::Base;

  void runOnOperation() override {
    FailureOr<nvidia::SM> sm = nvidia::SM::get(getOperation(), chip);
    if (failed(sm))
      return signalPassFailure();
    stored.clear();
    SymbolTable symbols(getOperation());
    WalkResult result = getOperation().walk([&](LaunchOp launch) {
      auto linear = dyn_cast_or_null<LinearOp>(cpu::getRoot(launch));
      if (!linear || !isa_and_nonnull<TileAttr>(linear.getWeight().getType().getEncoding()))
        return WalkResult::advance();
      return failed(store(launch, linear, *sm, symbols)) ? WalkResult::interrupt() : WalkResult::advance();
    });
    if (result.wasInterrupted())
      signalPassFailure();
  }

private:
  LogicalResult store(LaunchOp launch, LinearOp linear, const nvidia::SM &sm, SymbolTable &symbols);
  FailureOr<WeightOp> getStored(WeightOp weight, int64_t unitRows, StringRef suffix, SymbolTable &symbols);

  /// By weight and rows of its units; 0 for the dense weight.
  DenseMap<std::pair<Operation *, int64_t>, WeightOp> stored;
};
} // namespace

/// Rows of the units that \p sm multiplies of tiles of \p rows rows.
static int64_t getUnitRows(int64_t rows, const nvidia::SM &sm) {
  return sm.hasWgmma && rows % StripsLayout::kStripRows == 0 ? StripsLayout::kStripRows : 16;
}

/// \p weight in units of \p unitRows rows, or dense where that is 0.
FailureOr<WeightOp> StoreStripsPass::getStored(WeightOp weight, int64_t unitRows, StringRef suffix,
                                               SymbolTable &symbols) {
  WeightOp &result = stored[{weight, unitRows}];
  if (result)
    return result;
  RankedTensorType type = weight.getTensorType().dropEncoding();
  if (unitRows) {
    FailureOr<RawElements> raw = getRawElements(weight);
    if (failed(raw))
      return failure();
    StripsPattern pattern =
        findStrips(reinterpret_cast<const uint16_t *>(raw->data), type.getDimSize(0), type.getDimSize(1), unitRows);
    type = type.cloneWithEncoding(StripsAttr::get(&getContext(), unitRows, pattern.tileColumns(), pattern.layout.kept));
  }
  OpBuilder builder(weight);
  result = WeightOp::create(builder, weight.getLoc(), (weight.getSymName() + suffix).str(), type, weight.getSources());
  symbols.insert(result);
  return result;
}

LogicalResult StoreStripsPass::store(LaunchOp launch, LinearOp linear, const nvidia::SM &sm, SymbolTable &symbols) {
  unsigned number = cast<BlockArgument>(linear.getWeight()).getArgNumber();
  auto ref = launch.getInputs()[number].getDefiningOp<WeightRefOp>();
  if (!ref)
    return launch.emitOpError("expected the weight of its linear layer to be an et.weight_ref; run "
                              "--et-outline-weights first");
  auto weight = symbols.lookup<WeightOp>(ref.getWeight());
  RankedTensorType type = weight.getTensorType();
  Type element = type.getElementType();
  auto tile = cast<TileAttr>(linear.getWeight().getType().getEncoding());
  int64_t unitRows = element.isF16() || element.isBF16() ? getUnitRows(tile.getRows(), sm) : 0;
  if (!unitRows)
    remark::missed(launch.getLoc(), remark::RemarkOpts::name("TilesStoredDense").category(DEBUG_TYPE))
        << remark::reason("the weight is stored dense: tensor cores multiply sparse weights of f16 and bf16 only")
        << remark::suggest("convert the model to half precision");
  FailureOr<WeightOp> replaced = getStored(weight, unitRows, unitRows ? ".strips" : ".dense", symbols);
  if (failed(replaced))
    return failure();
  RankedTensorType storedType = replaced->getTensorType();
  OpBuilder builder(launch);
  auto storedRef =
      WeightRefOp::create(builder, ref.getLoc(), storedType, FlatSymbolRefAttr::get(replaced->getSymNameAttr()));
  launch->setOperand(number, storedRef.getResult());
  Type inside = storedType;
  if (auto strips = dyn_cast_or_null<StripsAttr>(storedType.getEncoding()))
    inside = storedType.cloneWithEncoding(TileAttr::get(&getContext(), strips.getRows(), strips.getColumns()));
  launch.getBodyArgument(number).setType(inside);
  if (ref.use_empty())
    ref.erase();
  ++numStored;
  return success();
}
