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
  if (spec.rowStats) {
    declarePointer(spec.xChunksOperand());
    declarePointer(spec.rowScaleOperand());
    if (spec.rowStats->centred)
      declarePointer(spec.rowMeanOperand());
  }
  if (spec.yChunks)
    declarePointer(spec.yChunksOperand());
}

void LinearEmitter::createKernel(StringRef name, int64_t threads, int64_t minBlocks) {
  kernel.threads = threads;
  // Warps of a block share K in SparseMma, and blocks of a cluster in the others.
  bool splitsBlocks = schedule.kind != LinearSchedule::SparseMma;
  kernel.clusterSize = (splitsBlocks ? schedule.splitK : 1) * schedule.cluster;
  kernel.function = b.createKernel(name, parameterTypes, {threads, minBlocks, kernel.clusterSize});
}

std::pair<Value, Value> LinearEmitter::walkTiles(Value tile, Value tilesM, int64_t tilesN, int64_t span,
                                                 bool backAndForth) {
  Value group = b.div(tile, span * tilesN);
  Value first = b.mul(group, span);
  Value height = b.min(b.sub(tilesM, first), b.i32(span));
  Value rest = b.sub(tile, b.mul(group, span * tilesN));
  Value n = b.div(rest, height);
  Value m = b.add(first, b.sub(rest, b.mul(n, height)));
  if (backAndForth) {
    Value left = b.sub(b.ceilDiv(tilesM, span), group);
    n = b.select(b.eq(b.band(left, 1), 0), b.sub(b.i32(tilesN - 1), n), n);
  }
  return {m, n};
}

int64_t LinearEmitter::getCachedTiles(int64_t inputs, int64_t rows) {
  // Of 40 to 50 MiB, of which either half keeps copies of what the other has, and y takes its share. Few rows, so that
  // there are some groups and going back and forth evens out long strips.
  constexpr int64_t kBytes = 8 << 20, kRows = 1024;
  return std::max<int64_t>(1, std::min(kRows, kBytes / (inputs * 2)) / rows);
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
  if (spec.rowStats) {
    xChunks = takeParameter();
    scales = takeParameter();
    if (spec.rowStats->centred)
      means = takeParameter();
  }
  if (spec.yChunks)
    yChunks = takeParameter();
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

/// Whether \p extra is loaded pair by pair.
static bool isPair(const LinearExtra &extra) {
  return extra.pairAligned && (extra.kind == LinearExtra::Matrix || extra.kind == LinearExtra::Columns);
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
  const LinearExtra &extra = args.extraSpecs[index];
  Type elt = extra.elementType, i64 = b.getI64Type();
  Value base = args.extras[index];
  if (index < args.loaded.size() && !args.loaded[index].empty())
    return unpackPair(b, args.loaded[index], elt);
  if (index < args.rowExtras.size() && args.rowExtras[index])
    return {args.rowExtras[index], args.rowExtras[index]};
  // Not invariant: with a programmatic launch the kernel before may still be writing it when this one starts.
  if (extra.kind == LinearExtra::Scalar) {
    Value value = b.toF32(b.load(elt, base));
    return {value, value};
  }
  if (extra.kind == LinearExtra::Rows) {
    Value value = b.toF32(b.load(elt, b.element(base, b.zext(args.row, i64), elt)));
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

LinearRow LinearEmitter::loadRow(Value index) {
  LinearRow row;
  row.index = index;
  row.extras.resize(spec.extras.size());
  for (auto [i, extra] : llvm::enumerate(spec.extras))
    if (extra.kind == LinearExtra::Rows)
      row.extras[i] =
          b.toF32(b.load(extra.elementType, b.element(extras[i], b.zext(index, b.getI64Type()), extra.elementType)));
  if (spec.rowStats)
    loadChunks(row);
  return row;
}

std::pair<Value, Value> LinearEmitter::finish(Value lo, Value hi, const BiasPair &biasPair, const LinearRow &row,
                                              Value col, Value colHi, ArrayRef<LinearExtraPair> loaded) {
  if (!biasPair.empty()) {
    auto [biasLo, biasHi] = unpackPair(b, biasPair, spec.biasType);
    lo = b.addf(lo, biasLo);
    hi = b.addf(hi, biasHi);
  }
  if (!spec.epilogue)
    return {lo, hi};
  return spec.epilogue(
      b, {lo, hi, row.index, col, colHi, extras, extraStrides, spec.extras, row.extras, loaded, row.scale, row.mean});
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

int64_t LinearEmitter::countPairRegisters(int64_t pairs, int64_t rowsOfPairs) {
  int64_t needed = 0;
  for (const LinearExtra &extra : spec.extras)
    if (isPair(extra))
      needed += pairs * (extra.kind == LinearExtra::Matrix ? rowsOfPairs : 1) * (extra.elementType.isF32() ? 2 : 1);
  return needed;
}

SmallVector<LinearExtraPair> LinearEmitter::loadConstantPairs(Value col) {
  SmallVector<LinearExtraPair> pairs(spec.extras.size());
  for (auto [i, extra] : llvm::enumerate(spec.extras))
    if (isPair(extra) && extra.constant && extra.kind == LinearExtra::Columns)
      pairs[i] = loadPair(b, b.element(extras[i], col, extra.elementType), extra.elementType, /*invariant=*/true);
  return pairs;
}

SmallVector<LinearExtraPair> LinearEmitter::loadPairs(Value row, Value col, SmallVector<LinearExtraPair> known) {
  known.resize(spec.extras.size());
  for (auto [i, extra] : llvm::enumerate(spec.extras)) {
    if (!isPair(extra) || !known[i].empty())
      continue;
    Value start = extra.kind == LinearExtra::Matrix
                      ? elementPointer(extras[i], row, extraStrides[i], col, extra.elementType)
                      : b.element(extras[i], col, extra.elementType);
    known[i] = loadPair(b, start, extra.elementType, /*invariant=*/false);
  }
  return known;
}

SmallVector<SmallVector<LinearExtraPair>> LinearEmitter::loadFragmentConstants(int64_t groups, Value col) {
  col = laneColumn(col);
  SmallVector<SmallVector<LinearExtraPair>> pairs;
  for (int64_t g = 0; g < groups; ++g)
    pairs.push_back(loadConstantPairs(clampColumn(b.add(col, 8 * g))));
  return pairs;
}

FragmentInputs LinearEmitter::loadFragmentRows(Value row) {
  FragmentInputs inputs;
  row = b.add(row, b.shr(b.laneId(), 2));
  for (unsigned half = 0; half < 2; ++half)
    inputs.rows[half] = loadRow(clampRow(b.add(row, 8 * half)));
  return inputs;
}

void LinearEmitter::loadFragmentPairs(FragmentInputs &inputs, int64_t groups, Value col,
                                      ArrayRef<SmallVector<LinearExtraPair>> constants) {
  col = laneColumn(col);
  for (unsigned half = 0; half < 2; ++half) {
    inputs.extras[half].clear();
    for (int64_t g = 0; g < groups; ++g) {
      SmallVector<LinearExtraPair> known;
      if (half == 1) {
        // What has no rows is the same in both.
        known = inputs.extras[0][g];
        for (auto [pair, extra] : llvm::zip(known, spec.extras))
          if (extra.kind == LinearExtra::Matrix)
            pair.clear();
      } else if (!constants.empty()) {
        known = constants[g];
      }
      inputs.extras[half].push_back(
          loadPairs(inputs.rows[half].index, clampColumn(b.add(col, 8 * g)), std::move(known)));
    }
  }
}

void LinearEmitter::finishFragmentInputs(FragmentInputs &inputs, Value row, Value isFirstColumn) {
  row = b.add(row, b.shr(b.laneId(), 2));
  for (unsigned half = 0; half < 2; ++half)
    finishRow(inputs.rows[half], b.land(isFirstColumn, b.lt(b.add(row, 8 * half), rows)));
}

void LinearEmitter::storeFragments(ValueRange acc, ArrayRef<BiasPair> biases, Value row, Value col,
                                   const FragmentInputs *known) {
  FragmentInputs inputs;
  if (known) {
    inputs = *known;
  } else {
    inputs = loadFragmentRows(row);
    finishFragmentInputs(inputs, row, b.eq(col, 0));
  }
  row = b.add(row, b.shr(b.laneId(), 2));
  Value firstColumn = col;
  col = laneColumn(col);
  unsigned groups = acc.size() / 4;
  for (unsigned half = 0; half < 2; ++half) {
    Value r = b.add(row, 8 * half), inside = b.lt(r, rows);
    SmallVector<std::pair<Value, Value>> results;
    for (unsigned g = 0; g < groups; ++g) {
      ArrayRef<LinearExtraPair> loaded;
      if (!inputs.extras[half].empty())
        loaded = inputs.extras[half][g];
      results.push_back(finish(acc[4 * g + 2 * half], acc[4 * g + 2 * half + 1], biases[g], inputs.rows[half],
                               clampColumn(b.add(col, 8 * g)), /*colHi=*/{}, loaded));
    }
    b.ifThen(inside, [&] {
      for (unsigned g = 0; g < groups; ++g) {
        Value c = b.add(col, 8 * g);
        auto store = [&, g = g] { storePair(results[g].first, results[g].second, r, c); };
        if (spec.n % schedule.tileN)
          b.ifThen(b.lt(c, spec.n), store);
        else
          store();
      }
    });
    constexpr unsigned perChunk = kLinearChunkSize / 8;
    for (unsigned g = 0; spec.yChunks && g < groups; g += perChunk) {
      Value c = b.add(firstColumn, 8 * g);
      storeChunk(ArrayRef(results).slice(g, perChunk), /*lanes=*/4, r, c, b.land(inside, b.lt(c, spec.n)));
    }
  }
}
