//===- LinearLaunch.cpp - Kernels for linear layers and what is fused behind them -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The region of a linear launch is et.linear, then element-wise ops on its
// result, then perhaps a norm. Element-wise ops and the residual of the norm run
// on each vector of sums before it is stored; the norm runs on rows as they are
// complete, while they are in cache.
//
//===----------------------------------------------------------------------===//

#include "LaunchKernels.h"

#include "et/Conversion/ETToCPU/HalfFloat.h"
#include "et/Conversion/ETToCPU/LinearKernel.h"
#include "et/Conversion/ETToCPU/NormKernel.h"
#include "et/Conversion/ETToCPU/VectorMath.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::cpu;

namespace {
/// Builds the kernel of one linear launch.
class LinearLaunchBuilder {
public:
  LinearLaunchBuilder(LaunchOp launch, const ISA &isa)
      : launch(launch), isa(isa), linear(cast<LinearOp>(getRoot(launch))) {}

  FailureOr<LaunchKernel> build(OpBuilder &builder, StringRef name);

private:
  /// Position of \p value, a region argument, in the extra operands; added when new.
  unsigned getExtra(Value value, bool asRows = false);
  MemRefType getExtraType(Value value, bool asRows) const;
  Value emitEpilogue(OpBuilder &builder, Location loc, const LinearEpilogueArgs &args);
  Value loadExtra(OpBuilder &builder, Location loc, const LinearEpilogueArgs &args, Value value, AffineMap map);
  void emitNorm(OpBuilder &builder, Location loc, const LinearRowPhaseArgs &args);

  LaunchOp launch;
  ISA isa;
  LinearOp linear;
  /// Ops on the result of the layer, in order, and the norm behind them.
  SmallVector<Operation *> epilogue;
  Operation *norm = nullptr;
  LinearKernelSpec spec;
  /// Region arguments that are handed to the epilogue and the norm.
  SmallVector<Value> extras;
  /// Extra that receives the sum of a norm with two results, if any.
  std::optional<unsigned> sumExtra;
};
} // namespace

unsigned LinearLaunchBuilder::getExtra(Value value, bool asRows) {
  auto found = llvm::find(extras, value);
  if (found == extras.end()) {
    extras.push_back(value);
    spec.extraTypes.push_back(getExtraType(value, asRows));
    return extras.size() - 1;
  }
  return found - extras.begin();
}

/// Scalars stay; vectors stay unless \p asRows; all else is rows x columns with any distance between rows.
MemRefType LinearLaunchBuilder::getExtraType(Value value, bool asRows) const {
  auto type = cast<RankedTensorType>(value.getType());
  auto strided = [&](ArrayRef<int64_t> shape, ArrayRef<int64_t> strides) {
    return MemRefType::get(shape, type.getElementType(),
                           StridedLayoutAttr::get(value.getContext(), ShapedType::kDynamic, strides));
  };
  if (type.getRank() == 0)
    return strided({}, {});
  if (type.getRank() == 1 && !asRows)
    return strided(type.getShape(), {1});
  return strided({ShapedType::kDynamic, type.getShape().back()}, {ShapedType::kDynamic, 1});
}

/// Element of \p value, an operand of an epilogue op with indexing map \p map, for each lane.
Value LinearLaunchBuilder::loadExtra(OpBuilder &builder, Location loc, const LinearEpilogueArgs &args, Value value,
                                     AffineMap map) {
  Value extra = args.extras[getExtra(value)];
  int64_t rank = cast<RankedTensorType>(linear.getResult().getType()).getRank();
  if (map.getNumResults() == 0)
    return extendToF32(builder, loc, memref::LoadOp::create(builder, loc, extra, ValueRange{}), isa);
  bool columns = cast<AffineDimExpr>(map.getResults().back()).getPosition() == rank - 1;
  assert(columns && "an operand of rows only is refused when launches are scheduled");
  (void)columns;
  return loadLinearExtra(builder, loc, args, extra, isa);
}

Value LinearLaunchBuilder::emitEpilogue(OpBuilder &builder, Location loc, const LinearEpilogueArgs &args) {
  DenseMap<Value, Value> vectors{{linear.getResult(), args.acc}};
  AffineMap identity = AffineMap::getMultiDimIdentityMap(linear.getResult().getType().getRank(), builder.getContext());
  for (Operation *op : epilogue) {
    if (auto gelu = dyn_cast<GeluOp>(op)) {
      vectors[gelu.getResult()] =
          emitMath(builder, loc, getGeluFunction(gelu.getApproximate()), vectors.lookup(gelu.getInput()), isa);
      continue;
    }
    auto generic = cast<linalg::GenericOp>(op);
    SmallVector<Value> arguments;
    for (OpOperand *input : generic.getDpsInputOperands()) {
      Value value = vectors.lookup(input->get());
      if (!value)
        value = loadExtra(builder, loc, args, input->get(), generic.getMatchingIndexingMap(input));
      // The body is written for the element type; between ops of the kernel values are f32.
      arguments.push_back(truncateFromF32(builder, loc, value, getElementTypeOrSelf(input->get().getType()), isa));
    }
    // The destination is not read; any value does.
    arguments.push_back(args.acc);
    std::string reason;
    FailureOr<SmallVector<Value>> results = vectorizeBlock(builder, *generic.getBody(), arguments, isa, reason);
    assert(succeeded(results) && "an epilogue that does not vectorise is refused when launches are formed");
    vectors[generic.getResult(0)] = extendToF32(builder, loc, broadcastToLanes(builder, loc, (*results)[0], isa), isa);
  }
  Value last = epilogue.empty() ? Value(linear.getResult()) : epilogue.back()->getResult(0);
  Value result = vectors.lookup(last);
  if (!norm)
    return result;
  // What the norm normalises is the sum with its residual, on whichever side the layer stands.
  auto layerNorm = dyn_cast<LayerNormOp>(norm);
  auto rmsNorm = dyn_cast<RmsNormOp>(norm);
  Value input = layerNorm ? layerNorm.getInput() : rmsNorm.getInput();
  Value residual = layerNorm ? layerNorm.getResidual() : rmsNorm.getResidual();
  if (!residual)
    return result;
  Value other = residual == last ? input : residual;
  Value addend = other == last ? result : loadExtra(builder, loc, args, other, identity);
  return arith::AddFOp::create(builder, loc, result, addend);
}

FailureOr<LaunchKernel> LinearLaunchBuilder::build(OpBuilder &builder, StringRef name) {
  // Follow the result of the layer through the region.
  Value current = linear.getResult();
  // Asking for a size is no use of the values.
  auto getUser = [](Value value) -> Operation * {
    auto users =
        llvm::make_filter_range(value.getUsers(), [](Operation *user) { return !llvm::isa<tensor::DimOp>(user); });
    return llvm::hasSingleElement(users) ? *users.begin() : nullptr;
  };
  while (Operation *user = norm ? nullptr : getUser(current)) {
    if (llvm::isa<YieldOp>(user))
      break;
    if (llvm::isa<LayerNormOp, RmsNormOp>(user)) {
      norm = user;
      break;
    }
    epilogue.push_back(user);
    current = user->getResult(0);
  }

  DictionaryAttr schedule = launch.getScheduleAttr();
  auto get = [&](StringRef key) { return schedule.getAs<IntegerAttr>(key).getInt(); };
  spec.tiling = {get("mr"), get("nr"), get("kc"), get("mc")};
  spec.n = linear.getNumOutputs();
  spec.k = linear.getNumInputs();
  spec.xType = linear.getInput().getType().getElementType();
  // Tiles name what the weight may consist of; what it stores is the kept columns of panels.
  spec.sparse = isa_and_nonnull<TileAttr>(linear.getWeight().getType().getEncoding());
  spec.wType = linear.getWeight().getType().getElementType();
  spec.yType = cast<RankedTensorType>(launch.getYield().getValues()[0].getType()).getElementType();
  if (linear.getBias())
    spec.biasType = linear.getBias().getType().getElementType();

  LaunchKernel kernel;
  unsigned numInputs = launch.getInputs().size();
  auto operandOf = [](Value value) { return cast<BlockArgument>(value).getArgNumber(); };
  kernel.operands = {operandOf(linear.getInput()), operandOf(linear.getWeight())};
  if (linear.getBias())
    kernel.operands.push_back(operandOf(linear.getBias()));

  // Rows of the input may be further apart than their length when it is a slice.
  auto inputType = cast<MemRefType>(launch->getOperand(operandOf(linear.getInput())).getType());
  if (!inputType.getLayout().isIdentity())
    spec.xStride = ShapedType::kDynamic;

  for (Operation *op : epilogue)
    if (auto generic = dyn_cast<linalg::GenericOp>(op))
      for (Value input : generic.getDpsInputs())
        if (llvm::isa<BlockArgument>(input))
          getExtra(input);
  if (norm) {
    for (Value operand : norm->getOperands())
      if (llvm::isa<BlockArgument>(operand))
        getExtra(operand);
    spec.rowPhase = [this](OpBuilder &b, Location loc, const LinearRowPhaseArgs &args) { emitNorm(b, loc, args); };
  }
  // Which output is the main one, and which the sum.
  unsigned mainOutput = 0;
  for (auto [i, value] : llvm::enumerate(launch.getYield().getValues())) {
    BlockArgument argument = launch.getBodyArgument(numInputs + i);
    if (norm && value == norm->getResult(0)) {
      mainOutput = i;
    } else if (norm && norm->getNumResults() > 1 && value == norm->getResult(1)) {
      sumExtra = getExtra(argument, /*asRows=*/true);
    }
  }
  for (Value extra : extras)
    kernel.operands.push_back(operandOf(extra));
  kernel.operands.push_back(numInputs + mainOutput);
  if (!epilogue.empty() || norm)
    spec.epilogue = [this](OpBuilder &b, Location loc, const LinearEpilogueArgs &args) {
      return emitEpilogue(b, loc, args);
    };
  kernel.function = buildLinearKernel(builder, launch.getLoc(), name, spec, isa);
  return kernel;
}

void LinearLaunchBuilder::emitNorm(OpBuilder &builder, Location loc, const LinearRowPhaseArgs &args) {
  NormRowsSpec rows;
  rows.size = spec.n;
  auto extraOf = [&](Value value) { return value ? args.extras[getExtra(value)] : Value(); };
  NormOperands operands;
  operands.x = operands.y = args.y;
  if (auto layerNorm = dyn_cast<LayerNormOp>(norm)) {
    rows.eps = layerNorm.getEps().convertToFloat();
    operands.gamma = extraOf(layerNorm.getGamma());
    operands.beta = extraOf(layerNorm.getBeta());
  } else {
    auto rmsNorm = cast<RmsNormOp>(norm);
    rows.rms = true;
    rows.eps = rmsNorm.getEps().convertToFloat();
    operands.gamma = extraOf(rmsNorm.getGamma());
  }
  if (sumExtra)
    operands.sum = args.extras[*sumExtra];
  emitNormRows(builder, loc, rows, args.begin, args.end, operands, isa);
}

FailureOr<LaunchKernel> cpu::buildLinearLaunch(OpBuilder &builder, LaunchOp launch, StringRef name, const ISA &isa) {
  return LinearLaunchBuilder(launch, isa).build(builder, name);
}
