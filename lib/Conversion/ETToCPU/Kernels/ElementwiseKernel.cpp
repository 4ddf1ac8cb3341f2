//===- ElementwiseKernel.cpp - Builder of elementwise kernels -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The innermost loop runs over the last dimension of the first output. Outer
// dimensions join it as long as stepping over them is the same as going on along
// it, in every operand; what remains are "rows":
//
//   for each unit (row, piece of the row) of this thread
//     vectors                  where all operands step by 1 or not at all
//     vectors through buffers  for the rest of the row, and for other strides
//
// The buffers hold one vector per operand. They take the place of masks, which
// most element types do not have on most levels.
//
//===----------------------------------------------------------------------===//

#include "et/Conversion/ETToCPU/ElementwiseKernel.h"

#include "KernelBuilder.h"
#include "et/Conversion/ETToCPU/VectorMath.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"

using namespace mlir;
using namespace mlir::et::cpu;

/// Elements of a row that are one unit of work.
static constexpr int64_t kPiece = 4096;

namespace {
/// An operand while the kernel is emitted.
struct Access {
  FlatMemRef flat;
  /// Stride per iteration dimension; a constant 0 where it has none.
  SmallVector<Value> strides;
  bool hasInner = false;
  bool isBool = false;
  /// One vector of elements.
  Value buffer;
  /// Of the current row.
  Value base;
};

class ElementwiseEmitter : public KernelBuilder {
public:
  ElementwiseEmitter(OpBuilder &builder, Location loc, const ElementwiseKernelSpec &spec, const ISA &isa)
      : KernelBuilder(builder, loc, isa), spec(spec) {}

  void emitKernel(Block *entry);

private:
  const ElementwiseKernelSpec &spec;
  SmallVector<Access> accesses;
  SmallVector<Value> sizes;
  SmallVector<unsigned> order; // Dimensions, the innermost last.

  Access makeAccess(const ElementwiseOperand &operand, Value memref);
  void emitRow(ValueRange rowIndices, Value begin, Value end, Value unit);
  void emitVector(ValueRange rowIndices, Value at, Value count);
  Value fromMemory(const Access &access, Value value);
  Value toMemory(const Access &access, Value value);
};
} // namespace

Access ElementwiseEmitter::makeAccess(const ElementwiseOperand &operand, Value memref) {
  Access access;
  access.flat = flatten(memref);
  access.isBool = operand.elementType.isInteger(1);
  access.strides.assign(spec.numDims, idx(0));
  for (auto [pos, dim] : llvm::enumerate(operand.dims))
    if (dim != ElementwiseOperand::kBroadcast)
      access.strides[dim] = access.flat.strides[pos];
  if (spec.numDims)
    access.hasInner = llvm::is_contained(operand.dims, int64_t(order.back()));
  access.buffer = memref::AllocaOp::create(*this, getLoc(), MemRefType::get({lanes()}, access.flat.getElementType()));
  return access;
}

Value ElementwiseEmitter::fromMemory(const Access &access, Value value) {
  if (!access.isBool)
    return value;
  Value zero = arith::ConstantOp::create(*this, getLoc(), getZeroAttr(value.getType()));
  return arith::CmpIOp::create(*this, getLoc(), arith::CmpIPredicate::ne, value, zero);
}

Value ElementwiseEmitter::toMemory(const Access &access, Value value) {
  value = broadcastToLanes(*this, getLoc(), value, isa);
  if (!access.isBool)
    return value;
  return arith::ExtUIOp::create(*this, getLoc(), vecType(getI8Type()), value);
}

/// Computes lanes() elements from \p at on along the row; only \p count of them
/// exist, unless it is null.
void ElementwiseEmitter::emitVector(ValueRange rowIndices, Value at, Value count) {
  const unsigned numInputs = spec.inputs.size();
  SmallVector<Value> inputs;
  for (Access &access : MutableArrayRef(accesses).take_front(numInputs)) {
    Value value;
    if (!access.hasInner) {
      value = load(access.flat.mem, access.base);
    } else if (!count) {
      value = loadVector(access.flat.mem, add(access.base, at), lanes());
    } else {
      Value stride = access.strides[order.back()];
      loop(count, [&](Value i) {
        Value where = add(access.base, mul(add(at, i), stride));
        store(load(access.flat.mem, where), access.buffer, i);
      });
      value = loadVector(access.buffer, idx(0), lanes());
    }
    inputs.push_back(fromMemory(access, value));
  }
  SmallVector<Value> indices;
  if (spec.usesIndices) {
    indices.assign(rowIndices.begin(), rowIndices.end());
    SmallVector<int64_t> iota;
    for (int64_t i = 0; i < lanes(); ++i)
      iota.push_back(i);
    Value step = arith::ConstantOp::create(*this, getLoc(), DenseIntElementsAttr::get(vecType(getIndexType()), iota));
    if (spec.numDims)
      indices[order.back()] = add(broadcast(at), step);
  }
  SmallVector<Value> results = spec.body(*this, getLoc(), inputs, indices);
  for (auto [access, result] : llvm::zip_equal(MutableArrayRef(accesses).drop_front(numInputs), results)) {
    Value value = toMemory(access, result);
    if (!count) {
      storeVector(value, access.flat.mem, add(access.base, at), lanes());
      continue;
    }
    storeVector(value, access.buffer, idx(0), lanes());
    Value stride = spec.numDims ? access.strides[order.back()] : idx(0);
    loop(count, [&, &access = access](Value i) {
      Value where = add(access.base, mul(add(at, i), stride));
      store(load(access.buffer, i), access.flat.mem, where);
    });
  }
}

/// Elements [begin, end) of a row. \p unit is whether operands can be loaded and
/// stored as vectors.
void ElementwiseEmitter::emitRow(ValueRange rowIndices, Value begin, Value end, Value unit) {
  Value whole = mul(div(sub(end, begin), lanes()), lanes());
  Value middle = select(unit, add(begin, whole), begin);
  loop(begin, middle, idx(lanes()), [&](Value at) { emitVector(rowIndices, at, Value()); });
  loop(middle, end, idx(lanes()), [&](Value at) { emitVector(rowIndices, at, min(idx(lanes()), sub(end, at))); });
}

void ElementwiseEmitter::emitKernel(Block *entry) {
  // The innermost dimension is the one that is contiguous in the first output.
  const unsigned numDims = spec.numDims;
  if (numDims) {
    unsigned inner = spec.outputs.front().dims.back();
    for (unsigned dim = 0; dim < numDims; ++dim)
      if (dim != inner)
        order.push_back(dim);
    order.push_back(inner);
  }
  auto arg = entry->getArguments().begin();
  Value tid = *arg++, nth = *arg++;
  for (const ElementwiseOperand &operand : spec.inputs)
    accesses.push_back(makeAccess(operand, *arg++));
  for (const ElementwiseOperand &operand : spec.outputs)
    accesses.push_back(makeAccess(operand, *arg++));
  const Access &first = accesses[spec.inputs.size()];
  sizes.resize(numDims);
  for (auto [pos, dim] : llvm::enumerate(spec.outputs.front().dims))
    sizes[dim] = first.flat.sizes[pos];

  // How far outer dimensions join the innermost one.
  Value length = numDims ? sizes[order.back()] : idx(1);
  Value rows = idx(1);
  Value joined = arith::ConstantOp::create(*this, getLoc(), getBoolAttr(!spec.usesIndices));
  SmallVector<Value> rowSizes(numDims);
  for (unsigned pos = numDims; pos-- > 0;) {
    unsigned dim = order[pos];
    if (pos + 1 == numDims) {
      rowSizes[dim] = idx(1);
      continue;
    }
    Value same;
    for (const Access &access : accesses) {
      Value step = mul(access.strides[order.back()], length);
      Value equal = eq(access.strides[dim], step);
      same = same ? land(same, equal) : equal;
    }
    joined = land(joined, lor(same, eq(sizes[dim], idx(1))));
    length = select(joined, mul(length, sizes[dim]), length);
    rowSizes[dim] = select(joined, idx(1), sizes[dim]);
    rows = mul(rows, rowSizes[dim]);
  }
  Value unit = arith::ConstantOp::create(*this, getLoc(), getBoolAttr(true));
  for (const Access &access : accesses)
    if (access.hasInner)
      unit = land(unit, eq(access.strides[order.back()], idx(1)));
  if (!numDims)
    unit = arith::ConstantOp::create(*this, getLoc(), getBoolAttr(false));

  Value pieces = ceilDiv(length, idx(kPiece));
  Value units = mul(rows, pieces);
  Value begin = div(mul(units, tid), nth);
  Value end = div(mul(units, add(tid, 1)), nth);
  loop(begin, end, idx(1), [&](Value task) {
    Value rest = div(task, pieces);
    Value from = mul(sub(task, mul(rest, pieces)), kPiece);
    Value to = min(add(from, kPiece), length);
    SmallVector<Value> indices(numDims, idx(0));
    for (unsigned pos = numDims; pos-- > 0;) {
      unsigned dim = order[pos];
      if (pos + 1 == numDims)
        continue;
      Value next = div(rest, rowSizes[dim]);
      indices[dim] = sub(rest, mul(next, rowSizes[dim]));
      rest = next;
    }
    for (Access &access : accesses) {
      access.base = access.flat.offset;
      for (unsigned dim = 0; dim < numDims; ++dim)
        if (dim != order.back())
          access.base = add(access.base, mul(indices[dim], access.strides[dim]));
    }
    emitRow(indices, from, to, unit);
  });
}

//===----------------------------------------------------------------------===//
// Specifications
//===----------------------------------------------------------------------===//

std::optional<std::string> et::cpu::verifyElementwiseSpec(const ElementwiseKernelSpec &spec) {
  auto checkType = [](Type type) {
    return type.isF32() || type.isF64() || type.isF16() || type.isBF16() || type.isInteger(1) || type.isInteger(8) ||
           type.isInteger(16) || type.isInteger(32) || type.isInteger(64);
  };
  if (spec.outputs.empty())
    return "expected at least one output";
  for (bool output : {false, true}) {
    const char *kind = output ? "output " : "input ";
    ArrayRef<ElementwiseOperand> operands = output ? spec.outputs : spec.inputs;
    for (size_t number = 0; number < operands.size(); ++number) {
      const ElementwiseOperand &operand = operands[number];
      auto error = [&](const Twine &text) { return (Twine("expected ") + kind + Twine(number) + " " + text).str(); };
      if (!checkType(operand.elementType))
        return error("to hold floats or integers of 1, 8, 16, 32 or 64 bits");
      SmallVector<bool> seen(spec.numDims, false);
      for (int64_t dim : operand.dims) {
        if (dim == ElementwiseOperand::kBroadcast && !output)
          continue;
        if (dim < 0 || dim >= int64_t(spec.numDims))
          return error("to use iteration dimensions below " + Twine(spec.numDims) + ", but got " + Twine(dim));
        if (seen[dim])
          return error("to use iteration dimension " + Twine(dim) + " once");
        seen[dim] = true;
      }
      if (output && operand.dims.size() != spec.numDims)
        return error("to use every iteration dimension; reductions are not "
                     "elementwise");
    }
  }
  return std::nullopt;
}

FailureOr<ElementwiseKernelSpec> et::cpu::getElementwiseSpec(Block &block, ArrayRef<AffineMap> maps, unsigned numInputs,
                                                             const ISA &isa, std::string &reason) {
  ElementwiseKernelSpec spec;
  spec.numDims = maps.front().getNumDims();
  for (auto [number, map] : llvm::enumerate(maps)) {
    ElementwiseOperand operand;
    operand.elementType = block.getArgument(number).getType();
    for (AffineExpr expr : map.getResults()) {
      if (auto dim = dyn_cast<AffineDimExpr>(expr)) {
        operand.dims.push_back(dim.getPosition());
      } else if (auto zero = dyn_cast<AffineConstantExpr>(expr); zero && zero.getValue() == 0) {
        operand.dims.push_back(ElementwiseOperand::kBroadcast);
      } else {
        reason = "expected indexing maps of plain dimensions and zeros";
        return failure();
      }
    }
    (number < numInputs ? spec.inputs : spec.outputs).push_back(std::move(operand));
  }
  if (auto error = verifyElementwiseSpec(spec)) {
    reason = *error;
    return failure();
  }
  for (unsigned i = numInputs; i < block.getNumArguments(); ++i)
    if (!block.getArgument(i).use_empty()) {
      reason = "the body reads the previous value of an output";
      return failure();
    }
  block.walk([&](linalg::IndexOp) { spec.usesIndices = true; });
  if (auto why = whyNotVectorizable(block, llvm::IsaPred<linalg::IndexOp>)) {
    reason = *why;
    return failure();
  }
  spec.body = [&block, numInputs, isa](OpBuilder &b, Location loc, ValueRange inputs,
                                       ValueRange indices) -> SmallVector<Value> {
    SmallVector<Value> args(inputs);
    // Outputs are never read; any value of the right kind will do.
    for (unsigned i = numInputs; i < block.getNumArguments(); ++i)
      args.push_back(Value());
    std::string why;
    auto results = vectorizeBlock(b, block, args, isa, why, [&](Operation *op) -> Value {
      if (auto index = dyn_cast<linalg::IndexOp>(op))
        return indices[index.getDim()];
      return {};
    });
    assert(succeeded(results) && "checked above");
    return *results;
  };
  return spec;
}

SmallVector<Type> et::cpu::elementwiseArgTypes(OpBuilder &builder, const ElementwiseKernelSpec &spec) {
  SmallVector<Type> types(2, builder.getIndexType());
  for (const auto *operands : {&spec.inputs, &spec.outputs})
    for (const ElementwiseOperand &operand : *operands) {
      Type elt = operand.elementType;
      if (elt.isInteger(1))
        elt = builder.getI8Type();
      types.push_back(getStridedMemRefType(operand.dims.size(), elt));
    }
  return types;
}

func::FuncOp et::cpu::buildElementwiseKernel(OpBuilder &builder, Location loc, StringRef name,
                                             const ElementwiseKernelSpec &spec, const ISA &isa) {
  assert(!verifyElementwiseSpec(spec) && "expected a specification that verifies");
  func::FuncOp func = createKernelFunction(builder, loc, name, elementwiseArgTypes(builder, spec));
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(&func.front());
  ElementwiseEmitter(builder, loc, spec, isa).emitKernel(&func.front());
  return func;
}
