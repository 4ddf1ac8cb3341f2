//===- LoopLaunch.cpp - GPU kernels for element-wise ops and other loops -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Takes a launch of one linalg.generic, of one et.gelu, or of nothing but copies.
// Sizes and scalars in front of the op become arguments or are computed by every
// thread. Refuses several ops: what one leaves to the next has no buffer.
//
//===----------------------------------------------------------------------===//

#include "LaunchKernels.h"

#include "et/Conversion/ETToCPU/LaunchRows.h"
#include "et/Conversion/ETToGPU/LoopKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::gpu_kernels;

static bool isSmallFloat(Type type) { return type.isF16() || type.isBF16(); }

namespace {
class LoopLaunchBuilder {
public:
  LoopLaunchBuilder(LaunchOp launch, const nvidia::SM &sm) : launch(launch) {
    spec.programmatic = sm.hasProgrammaticLaunch;
  }
  FailureOr<LaunchKernel> build(OpBuilder &builder, StringRef name);

private:
  LogicalResult readGeneric(linalg::GenericOp generic);
  void readIdentity(unsigned input, unsigned output);
  LogicalResult readScalars(Operation *root);
  LogicalResult readSizes(linalg::GenericOp generic);
  unsigned addInput(unsigned operand, AffineMap map);
  void addOutput(unsigned operand, AffineMap map, bool isRead);
  LoopOperand getOperand(unsigned operand, AffineMap map) const;
  void setStrides();
  SmallVector<Value> emitBody(OpBuilder &b, Location loc, linalg::GenericOp generic, const LoopBodyArgs &args);

  LaunchOp launch;
  LoopKernelSpec spec;
  LaunchKernel kernel;
  SmallVector<unsigned> inputs, outputs;
  /// Scalars of the launch's region that come from outside, and what they are.
  SmallVector<std::pair<Value, LaunchSize>> scalars;
  /// Pure ops in front of the root that every thread computes.
  SmallVector<Operation *> prologue;
  /// Input of the kernel for each tensor that the body reads at positions of its own.
  DenseMap<Value, unsigned> gathered;
  DenseMap<Value, unsigned> directScalars;
};
} // namespace

LoopOperand LoopLaunchBuilder::getOperand(unsigned operand, AffineMap map) const {
  Value memref = launch->getOperand(operand);
  Layout layout = getLayout(memref);
  LoopOperand result;
  result.elementType = cast<MemRefType>(memref.getType()).getElementType();
  result.map = map;
  result.strides = layout.strides;
  result.strideDivisors = layout.divisors;
  result.offsetDivisor = layout.offsetDivisor;
  return result;
}

unsigned LoopLaunchBuilder::addInput(unsigned operand, AffineMap map) {
  spec.inputs.push_back(getOperand(operand, map));
  inputs.push_back(operand);
  return inputs.size() - 1;
}

void LoopLaunchBuilder::addOutput(unsigned operand, AffineMap map, bool isRead) {
  spec.outputs.push_back(getOperand(operand, map));
  spec.readsOutput.push_back(isRead);
  outputs.push_back(operand);
}

/// Describes the copy of \p input, or what an element-wise op makes of it, to \p output.
void LoopLaunchBuilder::readIdentity(unsigned input, unsigned output) {
  auto type = cast<MemRefType>(launch->getOperand(output).getType());
  AffineMap identity = AffineMap::getMultiDimIdentityMap(type.getRank(), launch.getContext());
  spec.sizes.assign(type.getShape().begin(), type.getShape().end());
  spec.iterators.assign(type.getRank(), utils::IteratorType::parallel);
  for (auto [dim, size] : llvm::enumerate(spec.sizes))
    if (ShapedType::isDynamic(size))
      kernel.sizes.push_back({LaunchSize::Dim, output, static_cast<unsigned>(dim)});
  addInput(input, identity);
  addOutput(output, identity, /*isRead=*/false);
}

/// Sorts the ops in front of \p root into sizes, constants and scalar arithmetic.
LogicalResult LoopLaunchBuilder::readScalars(Operation *root) {
  for (BlockArgument argument : launch.getBody().getArguments()) {
    if (isa<RankedTensorType>(argument.getType()))
      continue;
    if (!argument.getType().isIntOrIndex() || argument.getType().isInteger(1))
      return launch.emitOpError("has no GPU kernel: it takes a scalar of type ")
             << argument.getType() << "; expected integers that sizes determine";
    scalars.push_back({argument, {LaunchSize::Scalar, argument.getArgNumber()}});
  }
  for (Operation &op : launch.getBody().front().without_terminator()) {
    if (&op == root || isa<tensor::EmptyOp>(op))
      continue;
    if (auto dim = dyn_cast<tensor::DimOp>(op)) {
      auto source = dyn_cast<BlockArgument>(dim.getSource());
      std::optional<int64_t> index = dim.getConstantIndex();
      if (!source || !index)
        return launch.emitOpError("has no GPU kernel: it asks for the size of a value that has no buffer");
      scalars.push_back({dim.getResult(), {LaunchSize::Dim, source.getArgNumber(), static_cast<unsigned>(*index)}});
      continue;
    }
    if (!isMemoryEffectFree(&op) || llvm::any_of(op.getResultTypes(), llvm::IsaPred<ShapedType>))
      return launch.emitOpError("has no GPU kernel: it holds '")
             << op.getName() << "' beside '" << (root ? root->getName().getStringRef() : StringRef("a copy"))
             << "'; expected one op, sizes and scalars";
    prologue.push_back(&op);
  }
  spec.numScalars = scalars.size();
  return success();
}

/// Finds an operand that tells the size of each loop.
LogicalResult LoopLaunchBuilder::readSizes(linalg::GenericOp generic) {
  spec.sizes = generic.getStaticLoopRanges();
  spec.iterators = generic.getIteratorTypesArray();
  for (auto [loop, size] : llvm::enumerate(spec.sizes)) {
    if (!ShapedType::isDynamic(size))
      continue;
    std::optional<LaunchSize> found;
    for (OpOperand &operand : generic->getOpOperands()) {
      auto argument = dyn_cast<BlockArgument>(operand.get());
      if (!argument || argument.getOwner() != &launch.getBody().front())
        continue;
      for (auto [dim, expr] : llvm::enumerate(generic.getMatchingIndexingMap(&operand).getResults()))
        if (!found && expr == getAffineDimExpr(loop, launch.getContext()))
          found = LaunchSize{LaunchSize::Dim, argument.getArgNumber(), static_cast<unsigned>(dim)};
    }
    if (!found)
      return launch.emitOpError("has no GPU kernel: no operand tells the size of loop ") << loop;
    kernel.sizes.push_back(*found);
  }
  return success();
}

LogicalResult LoopLaunchBuilder::readGeneric(linalg::GenericOp generic) {
  // Elements of 16-bit floats are f32 in a kernel.
  WalkResult bits = generic.walk([](arith::BitcastOp op) {
    bool isSmall = isSmallFloat(op.getIn().getType()) || isSmallFloat(op.getType());
    return isSmall ? WalkResult::interrupt() : WalkResult::advance();
  });
  if (bits.wasInterrupted())
    return launch.emitOpError("has no GPU kernel: it takes 16-bit floats for integers, and kernels compute in f32");
  if (failed(readSizes(generic)))
    return failure();
  for (auto [i, input] : llvm::enumerate(generic.getDpsInputOperands())) {
    if (!isa<RankedTensorType>(input->get().getType())) {
      directScalars[generic.getMatchingBlockArgument(input)] = i;
      continue;
    }
    auto argument = dyn_cast<BlockArgument>(input->get());
    if (!argument)
      return launch.emitOpError("has no GPU kernel: '")
             << generic->getName() << "' reads an intermediate result that has no buffer";
    addInput(argument.getArgNumber(), generic.getMatchingIndexingMap(input));
  }
  generic.walk([&](tensor::ExtractOp extract) {
    auto source = dyn_cast<BlockArgument>(extract.getTensor());
    if (source && source.getOwner() == &launch.getBody().front() && !gathered.contains(source))
      gathered[source] = addInput(source.getArgNumber(), AffineMap());
  });
  unsigned numInputs = launch.getInputs().size();
  for (OpResult result : generic->getResults()) {
    OpOperand *init = generic.getDpsInitOperand(result.getResultNumber());
    auto argument = dyn_cast<BlockArgument>(init->get());
    if (!argument || argument.getArgNumber() < numInputs ||
        launch.getYield().getValues()[argument.getArgNumber() - numInputs] != result)
      return launch.emitOpError("has no GPU kernel: result ")
             << result.getResultNumber() << " of '" << generic->getName() << "' is not computed in an output";
    addOutput(argument.getArgNumber(), generic.getMatchingIndexingMap(init), generic.payloadUsesValueFromOperand(init));
  }
  return success();
}

/// Numbers the dynamic strides, in the order in which kernels take them.
void LoopLaunchBuilder::setStrides() {
  kernel.operands = inputs;
  llvm::append_range(kernel.operands, outputs);
  for (auto [i, operand] : llvm::enumerate(kernel.operands)) {
    const LoopOperand &loop = i < inputs.size() ? spec.inputs[i] : spec.outputs[i - inputs.size()];
    for (auto [dim, stride] : llvm::enumerate(loop.strides))
      if (ShapedType::isDynamic(stride))
        kernel.sizes.push_back({LaunchSize::Stride, operand, static_cast<unsigned>(dim)});
  }
  for (auto &[value, size] : scalars)
    kernel.sizes.push_back(size);
}

/// Whether \p op, cloned from a payload, yields a 16-bit float, or converts between one and f32, which here are the
/// same.
static bool isWidened(Operation *op) {
  if (op->getNumResults() != 1)
    return false;
  Type type = op->getResult(0).getType();
  if (isa<arith::ExtFOp, arith::TruncFOp>(op))
    return op->getOperand(0).getType() == type || isSmallFloat(type);
  return isSmallFloat(type);
}

/// Lets \p op yield an f32. Returns what to use in its place, or null when that is itself.
static Value widen(Operation *op) {
  OpBuilder b(op);
  Type f32 = b.getF32Type();
  if (auto constant = dyn_cast<arith::ConstantOp>(op))
    return arith::ConstantOp::create(b, op->getLoc(),
                                     b.getF32FloatAttr(cast<FloatAttr>(constant.getValue()).getValueAsDouble()));
  if (isa<arith::ExtFOp, arith::TruncFOp>(op)) {
    Value operand = op->getOperand(0);
    if (operand.getType() == f32)
      return operand;
    // From f64.
    return arith::TruncFOp::create(b, op->getLoc(), f32, operand);
  }
  op->getResult(0).setType(f32);
  return nullptr;
}

/// Emits the payload of \p generic for one element, on f32 where it is written for 16-bit floats.
SmallVector<Value> LoopLaunchBuilder::emitBody(OpBuilder &b, Location loc, linalg::GenericOp generic,
                                               const LoopBodyArgs &args) {
  IRMapping mapping;
  auto convert = [&](Value integer, Type type) -> Value {
    if (type == integer.getType())
      return integer;
    if (type.isIndex() || integer.getType().isIndex())
      return arith::IndexCastOp::create(b, loc, type, integer);
    return arith::TruncIOp::create(b, loc, type, integer);
  };
  for (auto [scalar, value] : llvm::zip(scalars, args.scalars))
    mapping.map(scalar.first, convert(value, scalar.first.getType()));
  SmallVector<Operation *> prologueClones;
  for (Operation *op : prologue)
    prologueClones.push_back(b.clone(*op, mapping));
  unsigned next = 0;
  for (auto [argument, operand] : llvm::zip(generic.getBody()->getArguments(), generic->getOpOperands())) {
    auto direct = directScalars.find(argument);
    if (direct != directScalars.end())
      mapping.map(argument, mapping.lookup(operand.get()));
    else
      mapping.map(argument, args.elements[next++]);
  }
  // What is captured is f32 as well; operands come before what uses them.
  SmallVector<Operation *> cloned = prologueClones;
  for (Operation &op : generic.getBody()->without_terminator()) {
    Operation *clone = b.clone(op, mapping);
    clone->walk<WalkOrder::PreOrder>([&](Operation *inner) { cloned.push_back(inner); });
  }
  SmallVector<Value> results;
  for (Value yielded : generic.getBody()->getTerminator()->getOperands())
    results.push_back(mapping.lookupOrDefault(yielded));
  for (Operation *op : cloned) {
    OpBuilder at(op);
    Value replacement;
    if (auto index = dyn_cast<linalg::IndexOp>(op)) {
      replacement = arith::IndexCastOp::create(at, loc, at.getIndexType(), args.position[index.getDim()]);
    } else if (auto extract = dyn_cast<tensor::ExtractOp>(op)) {
      SmallVector<Value> position;
      for (Value index : extract.getIndices())
        position.push_back(arith::IndexCastOp::create(at, loc, at.getI64Type(), index));
      replacement = args.load(at, gathered.lookup(extract.getTensor()), position);
    }
    if (!replacement && isWidened(op))
      replacement = widen(op);
    if (!replacement)
      continue;
    for (Value &result : results)
      if (result == op->getResult(0))
        result = replacement;
    op->getResult(0).replaceAllUsesWith(replacement);
    op->erase();
  }
  return results;
}

/// Emits GELU of \p x, an f32.
static Value emitGelu(OpBuilder &b, Location loc, GeluKind kind, Value x) {
  auto constant = [&](double value) { return arith::ConstantOp::create(b, loc, b.getF32FloatAttr(value)).getResult(); };
  auto mul = [&](Value l, Value r) { return arith::MulFOp::create(b, loc, l, r).getResult(); };
  auto add = [&](Value l, Value r) { return arith::AddFOp::create(b, loc, l, r).getResult(); };
  if (kind == GeluKind::Sigmoid) {
    Value power = math::ExpOp::create(b, loc, mul(x, constant(-1.702)));
    return arith::DivFOp::create(b, loc, x, add(constant(1), power));
  }
  Value function;
  if (kind == GeluKind::Erf) {
    function = math::ErfOp::create(b, loc, mul(x, constant(0.70710678118654752)));
  } else {
    Value cube = mul(mul(x, x), mul(x, constant(0.044715)));
    function = math::TanhOp::create(b, loc, mul(add(x, cube), constant(0.79788456080286536)));
  }
  return mul(mul(x, constant(0.5)), add(constant(1), function));
}

FailureOr<LaunchKernel> LoopLaunchBuilder::build(OpBuilder &builder, StringRef name) {
  Operation *root = cpu::getRoot(launch);
  if (failed(readScalars(root)))
    return failure();
  unsigned output = launch.getInputs().size();
  if (auto generic = dyn_cast_or_null<linalg::GenericOp>(root)) {
    if (failed(readGeneric(generic)))
      return failure();
    spec.body = [this, generic](OpBuilder &b, Location loc, const LoopBodyArgs &args) {
      return emitBody(b, loc, generic, args);
    };
  } else if (auto gelu = dyn_cast_or_null<GeluOp>(root)) {
    readIdentity(cast<BlockArgument>(gelu.getInput()).getArgNumber(), output);
    spec.body = [kind = gelu.getApproximate()](OpBuilder &b, Location loc, const LoopBodyArgs &args) {
      return SmallVector<Value>{emitGelu(b, loc, kind, args.elements[0])};
    };
  } else {
    auto values = launch.getYield().getValues();
    auto input = values.size() == 1 ? dyn_cast<BlockArgument>(values[0]) : BlockArgument();
    if (root || !input)
      return launch.emitOpError("has no GPU kernel: ")
             << (root ? "'" + root->getName().getStringRef().str() + "' has none" : "it yields several copies");
    readIdentity(input.getArgNumber(), output);
    spec.body = [](OpBuilder &, Location, const LoopBodyArgs &args) { return SmallVector<Value>{args.elements[0]}; };
  }
  setStrides();
  std::string reason;
  FailureOr<BuiltKernel> built = buildLoopKernel(builder, launch.getLoc(), name, spec, reason);
  if (failed(built))
    return launch.emitOpError("has no GPU kernel: GPUs have no form of '") << reason << "'";
  kernel.kernel = *built;
  return kernel;
}

FailureOr<LaunchKernel> gpu_kernels::buildLoopLaunch(OpBuilder &builder, LaunchOp launch, StringRef name,
                                                     const nvidia::SM &sm) {
  return LoopLaunchBuilder(launch, sm).build(builder, name);
}
