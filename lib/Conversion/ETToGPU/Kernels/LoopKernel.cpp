//===- LoopKernel.cpp - Builder of plain loops for GPUs -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   thread t:  (p0, p1, ...) = digits of t in the sizes of the parallel loops
//              acc = output[p...]
//              for each reduction loop: acc = body(inputs, acc)
//              output[p...] = acc
//
// Without reduction loops a thread takes `width` neighbours of the innermost
// loop where each operand has them side by side or does not depend on it.
//
//===----------------------------------------------------------------------===//

#include "et/Conversion/ETToGPU/LoopKernel.h"

#include "SIMT.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::et::gpu_kernels;

static constexpr int64_t kThreads = 256;

static bool isSmallFloat(Type type) {
  Type element = getElementTypeOrSelf(type);
  return element.isF16() || element.isBF16();
}

/// \p value as the body takes it.
static Value widen(SIMTKernel &kernel, Value value) {
  return isSmallFloat(value.getType()) ? kernel.toF32(value) : value;
}

/// \p value, of the body, as it is stored.
static Value narrow(SIMTKernel &kernel, Value value, Type elementType) {
  return isSmallFloat(elementType) ? kernel.fromF32(value, elementType) : value;
}

namespace {
/// How an operand depends on the loop whose iterations a thread takes several of.
enum class Access { None, Contiguous, Other };

class LoopKernelBuilder {
public:
  LoopKernelBuilder(const LoopKernelSpec &spec) : spec(spec) {}
  BuiltKernel build(OpBuilder &builder, Location loc, StringRef name);

private:
  bool isParallel(unsigned loop) const { return spec.iterators[loop] == utils::IteratorType::parallel; }
  Access getAccess(const LoopOperand &operand, unsigned loop) const;
  int64_t chooseWidth() const;
  void declareArguments(OpBuilder &builder);
  Value getSize(unsigned loop);
  Value getStride(unsigned operand, unsigned dim);
  Value emitExpr(AffineExpr expr);
  Value getOffset(unsigned operand, ValueRange position);
  Value getOffset(unsigned operand);
  SmallVector<Value> emitReductions(unsigned next, SmallVector<Value> accumulators);
  void emitElements();

  const LoopOperand &getOperand(unsigned i) const {
    return i < spec.inputs.size() ? spec.inputs[i] : spec.outputs[i - spec.inputs.size()];
  }
  unsigned getNumOperands() const { return spec.inputs.size() + spec.outputs.size(); }

  const LoopKernelSpec &spec;
  BuiltKernel built;
  SIMTKernel *kernel = nullptr;
  int64_t width = 1;
  /// Innermost parallel loop.
  std::optional<unsigned> inner;
  /// Argument of each dynamic size, stride and scalar.
  DenseMap<unsigned, unsigned> sizeArguments;
  DenseMap<std::pair<unsigned, unsigned>, unsigned> strideArguments;
  SmallVector<unsigned> scalarArguments;
  SmallVector<Value> position, scalars;
  DenseMap<unsigned, Value> sizes;
  DenseMap<std::pair<unsigned, unsigned>, Value> strides;
};
} // namespace

Access LoopKernelBuilder::getAccess(const LoopOperand &operand, unsigned loop) const {
  if (!operand.map)
    return Access::None;
  Access access = Access::None;
  for (auto [dim, expr] : llvm::enumerate(operand.map.getResults())) {
    if (!expr.isFunctionOfDim(loop))
      continue;
    bool isLoop = expr == getAffineDimExpr(loop, expr.getContext());
    if (access != Access::None || !isLoop || operand.strides[dim] != 1)
      return Access::Other;
    access = Access::Contiguous;
  }
  return access;
}

/// Elements that a thread takes at once.
int64_t LoopKernelBuilder::chooseWidth() const {
  if (!inner || ShapedType::isDynamic(spec.sizes[*inner]) ||
      llvm::any_of(spec.iterators, [](auto iterator) { return iterator != utils::IteratorType::parallel; }))
    return 1;
  int64_t largest = 1;
  for (unsigned i = 0; i < getNumOperands(); ++i)
    if (getOperand(i).map)
      largest = std::max<int64_t>(largest, llvm::divideCeil(getOperand(i).elementType.getIntOrFloatBitWidth(), 8));
  int64_t best = kVectorBytes / largest;
  auto fits = [&](int64_t count) {
    if (spec.sizes[*inner] % count != 0)
      return false;
    for (unsigned i = 0; i < getNumOperands(); ++i) {
      const LoopOperand &operand = getOperand(i);
      Access access = getAccess(operand, *inner);
      if (access == Access::Other)
        return false;
      if (access == Access::None)
        continue;
      // Every other dimension must keep the address aligned.
      if (operand.offsetDivisor % count != 0)
        return false;
      for (auto [stride, divisor] : llvm::zip(operand.strides, operand.strideDivisors))
        if (stride != 1 && (ShapedType::isDynamic(stride) ? divisor : stride) % count != 0)
          return false;
      for (auto [dim, expr] : llvm::enumerate(operand.map.getResults()))
        if (operand.strides[dim] == 1 && !expr.isFunctionOfDim(*inner) &&
            expr != getAffineConstantExpr(0, expr.getContext()))
          return false;
    }
    return true;
  };
  while (best > 1 && !fits(best))
    best /= 2;
  return best;
}

void LoopKernelBuilder::declareArguments(OpBuilder &builder) {
  AffineExpr zero = builder.getAffineConstantExpr(0), one = builder.getAffineConstantExpr(1), total = one;
  for (unsigned i = 0; i < getNumOperands(); ++i)
    built.addPointer(i, zero);
  unsigned numSymbols = 0;
  auto addSymbol = [&] {
    built.addI32(builder.getAffineSymbolExpr(numSymbols++));
    return built.arguments.size() - 1;
  };
  for (auto [loop, size] : llvm::enumerate(spec.sizes)) {
    AffineExpr expr = builder.getAffineConstantExpr(size);
    if (ShapedType::isDynamic(size)) {
      sizeArguments[loop] = addSymbol();
      expr = builder.getAffineSymbolExpr(numSymbols - 1);
    }
    if (!isParallel(loop))
      continue;
    if (inner == loop)
      expr = builder.getAffineConstantExpr(size).floorDiv(width);
    if (inner == loop && ShapedType::isDynamic(size))
      expr = builder.getAffineSymbolExpr(numSymbols - 1);
    total = total * expr;
  }
  for (unsigned i = 0; i < getNumOperands(); ++i)
    for (auto [dim, stride] : llvm::enumerate(getOperand(i).strides))
      if (ShapedType::isDynamic(stride))
        strideArguments[{i, dim}] = addSymbol();
  for (unsigned i = 0; i < spec.numScalars; ++i)
    scalarArguments.push_back(addSymbol());
  built.threads = kThreads;
  built.programmatic = spec.programmatic;
  built.grid = {total.ceilDiv(kThreads), one, one};
}

Value LoopKernelBuilder::getSize(unsigned loop) {
  Value &size = sizes[loop];
  if (!size)
    size = ShapedType::isDynamic(spec.sizes[loop]) ? kernel->size(sizeArguments[loop])
                                                   : kernel->constant(spec.sizes[loop]);
  return size;
}

Value LoopKernelBuilder::getStride(unsigned operand, unsigned dim) {
  int64_t stride = getOperand(operand).strides[dim];
  return ShapedType::isDynamic(stride) ? strides.lookup({operand, dim}) : kernel->constant(stride);
}

/// The value of \p expr at the current position.
Value LoopKernelBuilder::emitExpr(AffineExpr expr) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return kernel->constant(constant.getValue());
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return position[dim.getPosition()];
  auto binary = cast<AffineBinaryOpExpr>(expr);
  Value lhs = emitExpr(binary.getLHS()), rhs = emitExpr(binary.getRHS());
  switch (binary.getKind()) {
  case AffineExprKind::Add:
    return kernel->add(lhs, rhs);
  case AffineExprKind::Mul:
    return kernel->mul(lhs, rhs);
  case AffineExprKind::FloorDiv:
    return kernel->div(lhs, rhs);
  case AffineExprKind::Mod:
    return kernel->rem(lhs, rhs);
  default:
    // Positions are not negative.
    return kernel->div(kernel->add(lhs, kernel->add(rhs, kernel->constant(-1))), rhs);
  }
}

Value LoopKernelBuilder::getOffset(unsigned operand, ValueRange at) {
  Value offset = kernel->constant(0);
  for (auto [dim, index] : llvm::enumerate(at))
    offset = kernel->add(offset, kernel->mul(index, getStride(operand, dim)));
  return offset;
}

/// Offset of the element of \p operand at the current position.
Value LoopKernelBuilder::getOffset(unsigned operand) {
  SmallVector<Value> at;
  for (AffineExpr expr : getOperand(operand).map.getResults())
    at.push_back(emitExpr(expr));
  return getOffset(operand, at);
}

/// Emits the reduction loops from loop \p next on, and the body inside.
SmallVector<Value> LoopKernelBuilder::emitReductions(unsigned next, SmallVector<Value> accumulators) {
  ImplicitLocOpBuilder &b = kernel->builder();
  while (next < spec.sizes.size() && isParallel(next))
    ++next;
  if (next == spec.sizes.size()) {
    LoopBodyArgs args;
    for (auto [i, input] : llvm::enumerate(spec.inputs))
      if (input.map)
        args.elements.push_back(widen(*kernel, kernel->load(input.elementType, kernel->argument(i), getOffset(i))));
    llvm::append_range(args.elements, accumulators);
    args.position = position;
    args.scalars = scalars;
    args.load = [&](OpBuilder &at, unsigned operand, ValueRange index) {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPoint(at.getInsertionBlock(), at.getInsertionPoint());
      return widen(*kernel,
                   kernel->load(getOperand(operand).elementType, kernel->argument(operand), getOffset(operand, index)));
    };
    return spec.body(b, b.getLoc(), args);
  }
  auto loop = scf::ForOp::create(b, kernel->constant(0), getSize(next), kernel->constant(1), accumulators);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  position[next] = loop.getInductionVar();
  SmallVector<Value> results = emitReductions(next + 1, llvm::to_vector_of<Value>(loop.getRegionIterArgs()));
  // A loop without results comes with its terminator.
  if (!results.empty())
    scf::YieldOp::create(b, results);
  return llvm::to_vector_of<Value>(loop.getResults());
}

/// Emits what one thread does, with `position` at its first element.
void LoopKernelBuilder::emitElements() {
  ImplicitLocOpBuilder &b = kernel->builder();
  unsigned numInputs = spec.inputs.size();
  if (width == 1) {
    SmallVector<Value> accumulators;
    for (auto [i, output] : llvm::enumerate(spec.outputs)) {
      unsigned operand = numInputs + i;
      if (spec.readsOutput[i])
        accumulators.push_back(
            widen(*kernel, kernel->load(output.elementType, kernel->argument(operand), getOffset(operand))));
      else
        accumulators.push_back(
            LLVM::PoisonOp::create(b, isSmallFloat(output.elementType) ? b.getF32Type() : output.elementType));
    }
    SmallVector<Value> results = emitReductions(0, accumulators);
    for (auto [i, result] : llvm::enumerate(results))
      kernel->store(narrow(*kernel, result, spec.outputs[i].elementType), kernel->argument(numInputs + i),
                    getOffset(numInputs + i));
    return;
  }
  auto loadPiece = [&](unsigned operand) {
    Type type = getOperand(operand).elementType;
    int64_t bytes = width * llvm::divideCeil(type.getIntOrFloatBitWidth(), 8);
    bool isVector = getAccess(getOperand(operand), *inner) == Access::Contiguous;
    return widen(*kernel, kernel->load(type, kernel->argument(operand), getOffset(operand), isVector ? width : 0,
                                       isVector ? bytes : 0));
  };
  SmallVector<Value> pieces, results;
  for (auto [i, input] : llvm::enumerate(spec.inputs))
    if (input.map)
      pieces.push_back(loadPiece(i));
  for (auto [i, output] : llvm::enumerate(spec.outputs)) {
    auto type = VectorType::get({width}, isSmallFloat(output.elementType) ? b.getF32Type() : output.elementType);
    Value empty = LLVM::PoisonOp::create(b, type);
    pieces.push_back(spec.readsOutput[i] ? loadPiece(numInputs + i) : empty);
    results.push_back(empty);
  }
  Value first = position[*inner];
  for (int64_t lane = 0; lane < width; ++lane) {
    position[*inner] = kernel->add(first, kernel->constant(lane));
    Value index = kernel->constant32(lane);
    LoopBodyArgs args;
    for (Value piece : pieces)
      args.elements.push_back(
          isa<VectorType>(piece.getType()) ? LLVM::ExtractElementOp::create(b, piece, index).getResult() : piece);
    args.position = position;
    args.scalars = scalars;
    args.load = [&](OpBuilder &at, unsigned operand, ValueRange where) {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPoint(at.getInsertionBlock(), at.getInsertionPoint());
      return widen(*kernel,
                   kernel->load(getOperand(operand).elementType, kernel->argument(operand), getOffset(operand, where)));
    };
    for (auto [result, value] : llvm::zip(results, spec.body(b, b.getLoc(), args)))
      result = LLVM::InsertElementOp::create(b, result, value, index);
  }
  position[*inner] = first;
  for (auto [i, result] : llvm::enumerate(results)) {
    int64_t bytes = width * llvm::divideCeil(spec.outputs[i].elementType.getIntOrFloatBitWidth(), 8);
    kernel->store(narrow(*kernel, result, spec.outputs[i].elementType), kernel->argument(numInputs + i),
                  getOffset(numInputs + i), bytes);
  }
}

BuiltKernel LoopKernelBuilder::build(OpBuilder &builder, Location loc, StringRef name) {
  for (unsigned loop = 0; loop < spec.sizes.size(); ++loop)
    if (isParallel(loop))
      inner = loop;
  width = chooseWidth();
  declareArguments(builder);
  SIMTKernel simt(builder, loc, name, built);
  kernel = &simt;
  ImplicitLocOpBuilder &b = simt.builder();

  // What all threads compute, before the guard.
  for (auto [key, argument] : strideArguments)
    strides[key] = simt.size(argument);
  for (unsigned argument : scalarArguments)
    scalars.push_back(simt.size(argument));
  for (unsigned loop = 0; loop < spec.sizes.size(); ++loop)
    (void)getSize(loop);
  Value thread = simt.add(simt.mul(simt.blockId(), simt.constant(kThreads)), simt.threadId());
  Value total = simt.constant(1);
  SmallVector<unsigned> parallel;
  for (unsigned loop = 0; loop < spec.sizes.size(); ++loop)
    if (isParallel(loop)) {
      parallel.push_back(loop);
      Value steps = inner == loop && width > 1 ? simt.constant(spec.sizes[loop] / width) : getSize(loop);
      total = simt.mul(total, steps);
    }
  simt.waitForPredecessors();
  position.assign(spec.sizes.size(), Value());
  simt.when(simt.less(thread, total), [&] {
    Value rest = thread;
    for (unsigned loop : llvm::reverse(parallel)) {
      if (loop == parallel.front()) {
        position[loop] = rest;
      } else {
        Value steps = inner == loop && width > 1 ? simt.constant(spec.sizes[loop] / width) : getSize(loop);
        position[loop] = simt.rem(rest, steps);
        rest = simt.div(rest, steps);
      }
      if (inner == loop && width > 1)
        position[loop] = simt.mul(position[loop], simt.constant(width));
    }
    emitElements();
  });
  simt.finish();
  (void)b;
  return built;
}

FailureOr<BuiltKernel> et::gpu_kernels::buildLoopKernel(OpBuilder &builder, Location loc, StringRef name,
                                                        const LoopKernelSpec &spec, std::string &reason) {
  BuiltKernel built = LoopKernelBuilder(spec).build(builder, loc, name);
  if (std::optional<std::string> rest = legalizeScalarMath(built.function)) {
    reason = *rest;
    built.function.erase();
    return failure();
  }
  return built;
}
