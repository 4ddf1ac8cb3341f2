//===- Flops.cpp - Count the arithmetic of a model --------------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Lets the compiler work out the sizes: the copy of the function returns, in
// place of its results, the sizes of every product in it; with the sizes of the
// inputs put in they fold to constants.
//
//===----------------------------------------------------------------------===//

#include "et/Dialect/ET/IR/ET.h"
#include "et/Tools/RunModel.h"

#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace mlir::et;

/// Sizes whose product, times \p factor, is the number of operations of one op.
struct Product {
  double factor;
  unsigned firstSize, numSizes;
};

/// Appends the sizes of the multiply-adds of \p op to \p sizes.
static void addProducts(Operation *op, OpBuilder &builder, SmallVectorImpl<Value> &sizes,
                        SmallVectorImpl<Product> &products) {
  auto add = [&](double factor, ArrayRef<OpFoldResult> factors) {
    products.push_back({factor, static_cast<unsigned>(sizes.size()), static_cast<unsigned>(factors.size())});
    for (OpFoldResult size : factors)
      sizes.push_back(getValueOrCreateConstantIndexOp(builder, op->getLoc(), size));
  };
  if (auto linear = dyn_cast<LinearOp>(op)) {
    SmallVector<OpFoldResult> factors = tensor::getMixedSizes(builder, op->getLoc(), linear.getInput());
    factors.push_back(builder.getIndexAttr(linear.getNumOutputs()));
    return add(2, factors);
  }
  if (auto attention = dyn_cast<AttentionOp>(op)) {
    // Scores, and the sum of values: the same domain but for its last two dimensions.
    for (unsigned dropped : {attention.getVDim(), attention.getKDim()}) {
      SmallVector<OpFoldResult> factors;
      for (unsigned dim = 0; dim < attention.getNumDomainDims(); ++dim)
        if (dim != dropped)
          factors.push_back(attention.getDimSize(builder, dim));
      add(2, factors);
    }
    return;
  }
  auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
  if (linalgOp && (linalg::isaContractionOpInterface(linalgOp) || linalg::isaConvolutionOpInterface(linalgOp))) {
    SmallVector<OpFoldResult> factors;
    for (Range range : linalgOp.createLoopRanges(builder, op->getLoc()))
      factors.push_back(range.size);
    add(2, factors);
  }
}

std::optional<double> et::countFlops(ModuleOp module, StringRef entry, ArrayRef<SmallVector<int64_t>> inputs) {
  // Failure to count is no error of the user's.
  ScopedDiagnosticHandler quiet(module.getContext(), [](Diagnostic &) { return success(); });
  OwningOpRef<ModuleOp> copy = module.clone();
  auto function = copy->lookupSymbol<func::FuncOp>(entry);
  if (!function || !function.getBody().hasOneBlock())
    return std::nullopt;
  Block &body = function.getBody().front();
  auto returnOp = cast<func::ReturnOp>(body.getTerminator());
  OpBuilder builder(returnOp);
  SmallVector<Value> sizes;
  SmallVector<Product> products;
  for (Operation &op : llvm::make_early_inc_range(body.without_terminator()))
    addProducts(&op, builder, sizes, products);
  func::ReturnOp::create(builder, returnOp.getLoc(), sizes);
  returnOp.erase();
  function.setFunctionType(builder.getFunctionType(function.getArgumentTypes(), ValueRange(sizes).getTypes()));
  function.removeResAttrsAttr();

  PassManager pm(copy->getContext());
  pm.addPass(memref::createResolveRankedShapeTypeResultDimsPass());
  pm.addPass(memref::createResolveShapedTypeResultDimsPass());
  pm.addPass(createCanonicalizerPass());
  if (failed(pm.run(*copy)))
    return std::nullopt;
  function.walk([&](tensor::DimOp dim) {
    auto argument = dyn_cast<BlockArgument>(dim.getSource());
    std::optional<int64_t> index = dim.getConstantIndex();
    if (!argument || argument.getOwner() != &body || !index)
      return;
    OpBuilder at(dim);
    dim.replaceAllUsesWith(
        arith::ConstantIndexOp::create(at, dim.getLoc(), inputs[argument.getArgNumber()][*index]).getResult());
  });
  PassManager fold(copy->getContext());
  fold.addPass(createCanonicalizerPass());
  if (failed(fold.run(*copy)))
    return std::nullopt;

  Operation *terminator = function.getBody().front().getTerminator();
  double flops = 0;
  for (const Product &product : products) {
    double count = product.factor;
    for (Value size : terminator->getOperands().slice(product.firstSize, product.numSizes)) {
      std::optional<int64_t> constant = getConstantIntValue(size);
      if (!constant)
        return std::nullopt;
      count *= *constant;
    }
    flops += count;
  }
  return flops;
}
