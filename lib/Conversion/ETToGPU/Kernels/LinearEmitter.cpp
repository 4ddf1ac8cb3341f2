//===- LinearEmitter.cpp - What the linear kernels have in common -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LinearEmitter.h"

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::gpu_kernels;
using nvidia::NVVMBuilder;

static int64_t byteSize(Type type) { return type.getIntOrFloatBitWidth() / 8; }

//===----------------------------------------------------------------------===//
// Parameters
//===----------------------------------------------------------------------===//

static LaunchExpr strideExpr(LaunchExpr symbol, int64_t stride, int64_t contiguous) {
  if (stride == ShapedType::kDynamic)
    return symbol;
  return getAffineConstantExpr(stride ? stride : contiguous, symbol.getContext());
}
LaunchExpr LinearEmitter::xStrideExpr() { return strideExpr(symbol(kSymbolXStride), spec.xStride, spec.k); }
LaunchExpr LinearEmitter::yStrideExpr() { return strideExpr(symbol(kSymbolYStride), spec.yStride, spec.n); }

void LinearEmitter::declareMap(TensorMapSpec map) {
  kernel.addMap(std::move(map));
  parameterTypes.push_back(b.tensorMapPtr());
}
void LinearEmitter::declarePointer(unsigned operand) {
  kernel.addPointer(operand, constant(0));
  parameterTypes.push_back(b.globalPtr());
}
void LinearEmitter::declareI32(LaunchExpr value) {
  kernel.addI32(value);
  parameterTypes.push_back(b.getI32Type());
}

void LinearEmitter::declareCommon(bool yByPointer) {
  declareI32(symbol(kSymbolRows));
  if (yByPointer) {
    declarePointer(spec.outputOperand());
    if (spec.yStride == ShapedType::kDynamic)
      declareI32(symbol(kSymbolYStride));
  }
  if (spec.biasType)
    declarePointer(spec.biasOperand());
  for (auto [i, extra] : llvm::enumerate(spec.extras)) {
    declarePointer(spec.extraOperand(i));
    if (extra.kind == LinearExtra::Matrix)
      declareI32(symbol(kSymbolExtraStride + i));
  }
}

void LinearEmitter::createKernel(StringRef name, int64_t threads, int64_t minBlocks) {
  kernel.threads = threads;
  kernel.clusterSize = schedule.splitK * schedule.cluster;
  kernel.function = b.createKernel(name, parameterTypes, {threads, minBlocks, kernel.clusterSize});
}

void LinearEmitter::takeCommon(bool yByPointer) {
  rows = takeParameter();
  lastRow = b.sub(rows, 1);
  if (yByPointer) {
    y = takeParameter();
    yStride = spec.yStride == ShapedType::kDynamic ? takeParameter() : b.i32(spec.yStride ? spec.yStride : spec.n);
  }
  if (spec.biasType)
    bias = takeParameter();
  for (const LinearExtra &extra : spec.extras) {
    extras.push_back(takeParameter());
    extraStrides.push_back(extra.kind == LinearExtra::Matrix ? takeParameter() : Value());
  }
}

//===----------------------------------------------------------------------===//
// Loads
//===----------------------------------------------------------------------===//

/// Two neighbouring elements at \p pointer, aligned to the pair: one packed register, or two f32.
static SmallVector<Value, 2> loadPair(NVVMBuilder &b, Value pointer, Type elt, bool invariant) {
  auto load = [&](Type type, int64_t align) {
    return invariant ? b.loadInvariant(type, pointer, align) : b.load(type, pointer, align);
  };
  if (!elt.isF32())
    return {load(b.getI32Type(), 4)};
  Value pair = load(VectorType::get({2}, elt), 8);
  return {LLVM::ExtractElementOp::create(b, pair, b.i32(0)), LLVM::ExtractElementOp::create(b, pair, b.i32(1))};
}

static std::pair<Value, Value> unpackPair(NVVMBuilder &b, ArrayRef<Value> pair, Type elt) {
  if (pair.size() == 1)
    return b.unpack(pair[0], elt);
  return {pair[0], pair[1]};
}

BiasPair LinearEmitter::loadBias(Value col) {
  if (!bias)
    return {};
  return loadPair(b, b.element(bias, col, spec.biasType), spec.biasType, /*invariant=*/true);
}
Value LinearEmitter::loadBiasElement(Value col) {
  return b.toF32(b.loadInvariant(spec.biasType, b.element(bias, col, spec.biasType)));
}

Value LinearEmitter::elementPointer(Value base, Value row, Value stride, Value col, Type elt) {
  // Rows times stride may pass 2^31 elements.
  Type i64 = b.getI64Type();
  Value start = b.element(base, b.mul(b.zext(row, i64), b.zext(stride, i64)), elt);
  return b.element(start, b.zext(col, i64), elt);
}

std::pair<Value, Value> gpu_kernels::loadLinearExtra(NVVMBuilder &b, const LinearEpilogueArgs &args, unsigned index) {
  if (index < args.loaded.size() && args.loaded[index].first)
    return args.loaded[index];
  const LinearExtra &extra = args.extraSpecs[index];
  Type elt = extra.elementType, i64 = b.getI64Type();
  Value base = args.extras[index];
  // Not invariant: with a programmatic launch the kernel before may still be writing it when this one starts.
  if (extra.kind == LinearExtra::Scalar) {
    Value value = b.toF32(b.load(elt, base));
    return {value, value};
  }
  if (extra.kind == LinearExtra::Matrix)
    base = b.element(base, b.mul(b.zext(args.row, i64), b.zext(args.extraStrides[index], i64)), elt);
  if (!args.colHi && extra.pairAligned)
    return unpackPair(b, loadPair(b, b.element(base, b.zext(args.col, i64), elt), elt, /*invariant=*/false), elt);
  Value hi = args.colHi ? args.colHi : b.add(args.col, 1);
  auto load = [&](Value col) { return b.toF32(b.load(elt, b.element(base, b.zext(col, i64), elt))); };
  return {load(args.col), load(hi)};
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

std::pair<Value, Value> LinearEmitter::finish(Value lo, Value hi, const BiasPair &biasPair, Value row, Value col,
                                              Value colHi) {
  if (!biasPair.empty()) {
    auto [biasLo, biasHi] = unpackPair(b, biasPair, spec.biasType);
    lo = b.addf(lo, biasLo);
    hi = b.addf(hi, biasHi);
  }
  if (!spec.epilogue)
    return {lo, hi};
  return spec.epilogue(b, {lo, hi, row, col, colHi, extras, extraStrides, spec.extras});
}

void LinearEmitter::storePair(Value lo, Value hi, Value row, Value col) {
  Value pointer = elementPointer(y, row, yStride, col, spec.yType);
  if (!spec.yType.isF32()) {
    b.store(b.pack(lo, hi, spec.yType), pointer, 4);
    return;
  }
  auto type = VectorType::get({2}, spec.yType);
  Value pair = LLVM::UndefOp::create(b, type);
  pair = LLVM::InsertElementOp::create(b, pair, lo, b.i32(0));
  pair = LLVM::InsertElementOp::create(b, pair, hi, b.i32(1));
  b.store(pair, pointer, 2 * byteSize(spec.yType));
}

SmallVector<BiasPair> LinearEmitter::loadFragmentBias(int64_t groups, Value col) {
  col = laneColumn(col);
  SmallVector<BiasPair> biases;
  for (int64_t g = 0; g < groups; ++g)
    biases.push_back(loadBias(clampColumn(b.add(col, 8 * g))));
  return biases;
}

void LinearEmitter::storeFragments(ValueRange acc, ArrayRef<BiasPair> biases, Value row, Value col) {
  row = b.add(row, b.shr(b.laneId(), 2));
  col = laneColumn(col);
  unsigned groups = acc.size() / 4;
  for (unsigned half = 0; half < 2; ++half) {
    Value r = b.add(row, 8 * half);
    b.ifThen(b.lt(r, rows), [&] {
      SmallVector<std::pair<Value, Value>> results;
      for (unsigned g = 0; g < groups; ++g)
        results.push_back(
            finish(acc[4 * g + 2 * half], acc[4 * g + 2 * half + 1], biases[g], r, clampColumn(b.add(col, 8 * g))));
      for (unsigned g = 0; g < groups; ++g) {
        Value c = b.add(col, 8 * g);
        auto store = [&, g = g] { storePair(results[g].first, results[g].second, r, c); };
        if (spec.n % schedule.tileN)
          b.ifThen(b.lt(c, spec.n), store);
        else
          store();
      }
    });
  }
}
