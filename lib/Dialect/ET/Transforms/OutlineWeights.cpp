//===- OutlineWeights.cpp - Turn tensor constants into weights -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   %w = arith.constant dense_resource<q> : tensor<384x384xf32>
// becomes
//   et.weight @q : tensor<384x384xf32> from [dense_resource<q> : ...]
//   %w = et.weight_ref @q : tensor<384x384xf32>
//
// Constants with equal values (uniqued attributes) share one weight.
//
//===----------------------------------------------------------------------===//

#include "et/Dialect/ET/IR/ET.h"
#include "et/Dialect/ET/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"

namespace mlir::et {
#define GEN_PASS_DEF_OUTLINEWEIGHTSPASS
#include "et/Dialect/ET/Transforms/Passes.h.inc"
} // namespace mlir::et

using namespace mlir;
using namespace mlir::et;

namespace {
struct OutlineWeightsPass final : et::impl::OutlineWeightsPassBase<OutlineWeightsPass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    SymbolTable symbols(module);
    OpBuilder builder(module.getBodyRegion());
    DenseMap<Attribute, WeightOp> weights;
    SmallVector<arith::ConstantOp> constants;
    module.walk([&](arith::ConstantOp op) {
      // Constants inside the region of another op belong to its computation.
      if (isa<RankedTensorType>(op.getType()) && isa<FunctionOpInterface>(op->getParentOp()))
        constants.push_back(op);
    });
    for (arith::ConstantOp op : constants) {
      auto type = cast<RankedTensorType>(op.getType());
      WeightOp &weight = weights[op.getValue()];
      if (!weight) {
        std::string name = "constant";
        if (auto resource = dyn_cast<DenseResourceElementsAttr>(op.getValue()))
          name = resource.getRawHandle().getKey().str();
        builder.setInsertionPointToStart(module.getBody());
        weight = WeightOp::create(builder, op.getLoc(), name, type, builder.getArrayAttr({op.getValue()}));
        symbols.insert(weight);
        ++numWeights;
      }
      builder.setInsertionPoint(op);
      auto ref = WeightRefOp::create(builder, op.getLoc(), type, FlatSymbolRefAttr::get(weight.getSymNameAttr()));
      op.replaceAllUsesWith(ref.getResult());
      op.erase();
    }
  }
};
} // namespace
