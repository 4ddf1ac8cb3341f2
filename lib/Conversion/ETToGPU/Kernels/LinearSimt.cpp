//===- LinearSimt.cpp - Linear kernels for any types and sizes -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The path that takes everything: element by element into shared memory as f32,
// tiles of 64 x 64 by 256 threads with 4 x 4 sums each. Elements behind an end are
// read from the last valid place and replaced by zero. Of a weight in strips a block
// has one strip, and a step of its loop one slab: it counts the units in front of it.
//
//===----------------------------------------------------------------------===//

#include "LinearEmitter.h"

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::gpu_kernels;
using namespace mlir::et::nvidia;

namespace {
constexpr int64_t kThreads = 256, kTile = 64, kBlockK = 16, kPerThread = 4;
/// A row of shared memory holds one input of all 64 rows, and 4 more so that stores hit different banks.
constexpr int64_t kPitch = kTile + 4;

class SimtEmitter : public LinearEmitter {
public:
  SimtEmitter(OpBuilder &builder, Location loc, const LinearKernelSpec &spec, const LinearSchedule &schedule,
              const SM &sm)
      : LinearEmitter(builder, loc, spec, schedule, sm) {}
  BuiltKernel build(StringRef name);

private:
  /// Reads a tile of \p count rows from \p first on, [kTile][kBlockK], into \p target as [kBlockK][kPitch].
  void copyTile(Value base, Value stride, Value first, Value count, Value k0, Type elt, Value target);
  /// The same of slab \p k0 of the strip at \p place of a weight in strips, of which \p unit is the first unit of the
  /// slab or behind it. Returns the first unit of the next slab.
  Value copySlab(Value base, Value place, Value unit, Value k0, Value target);
  Value sharedElement(Value tile, Value k, Value row) {
    return b.element(tile, b.add(b.mul(k, kPitch), row), b.getF32Type());
  }
  Value thread, shared;
};
} // namespace

void SimtEmitter::copyTile(Value base, Value stride, Value first, Value count, Value k0, Type elt, Value target) {
  for (int64_t i = 0; i < kTile * kBlockK / kThreads; ++i) {
    Value index = b.add(thread, i * kThreads);
    Value k = b.rem(index, kBlockK), row = b.div(index, kBlockK);
    Value globalRow = b.add(first, row), globalK = b.add(k0, k);
    Value exists = b.land(b.lt(globalRow, count), b.lt(globalK, spec.k));
    Value pointer =
        elementPointer(base, b.min(globalRow, b.sub(count, 1)), stride, b.min(globalK, b.i32(spec.k - 1)), elt);
    Value value = b.select(exists, b.toF32(b.load(elt, pointer)), b.f32(0.0));
    b.store(value, sharedElement(target, k, row));
  }
}

Value SimtEmitter::copySlab(Value base, Value place, Value unit, Value k0, Value target) {
  const StripsLayout &layout = spec.strips->layout;
  Type i16 = b.getI16Type(), i32 = b.getI32Type(), i64 = b.getI64Type();
  int64_t panels = StripsLayout::kStripRows / layout.unitRows;
  Value number = b.add(b.mul(place, layout.maskStride()), b.div(k0, StripsLayout::kBlockColumns));
  Value mask = b.zext(b.load(i16, b.element(b.offset(base, layout.masksOffset()), number, i16)), i32);
  Value firstBit = b.mul(b.rem(b.div(k0, kBlockK), StripsLayout::kBlockColumns / kBlockK), panels);
  Value bits = b.band(LLVM::LShrOp::create(b, mask, firstBit), (1 << panels) - 1);
  auto countBits = [&](Value value) -> Value { return LLVM::CtPopOp::create(b, i32, value); };
  for (int64_t i = 0; i < kTile * kBlockK / kThreads; ++i) {
    Value index = b.add(thread, i * kThreads);
    Value k = b.rem(index, kBlockK), row = b.div(index, kBlockK);
    Value panelBit = LLVM::ShlOp::create(b, b.i32(1), b.div(row, layout.unitRows));
    Value exists = b.ne(b.band(bits, panelBit), 0);
    Value stored = b.add(unit, countBits(b.band(bits, b.sub(panelBit, 1))));
    Value half = b.div(k, 8), inside = b.rem(k, 8), element;
    if (panels == 1) {
      element = b.add(b.mul(b.add(b.mul(half, 8), b.div(row, 8)), 64), b.add(b.mul(b.rem(row, 8), 8), inside));
    } else {
      Value r = b.rem(row, layout.unitRows);
      Value lane = b.add(b.mul(b.rem(r, 8), 4), b.div(inside, 2));
      Value word = b.add(b.mul(half, 2), b.div(r, 8));
      element = b.add(b.add(b.mul(lane, 8), b.mul(word, 2)), b.rem(inside, 2));
    }
    // What is not stored is read from the start, which is always there.
    Value bytes = b.add(b.add(b.mul(b.zext(stored, i64), layout.unitBytes()), b.zext(b.mul(element, 2), i64)),
                        layout.unitsOffset());
    Value pointer = b.offset(base, b.select(exists, bytes, b.i64(0)));
    b.store(b.select(exists, b.toF32(b.load(spec.wType, pointer)), b.f32(0.0)), sharedElement(target, k, row));
  }
  return b.add(unit, countBits(bits));
}

BuiltKernel SimtEmitter::build(StringRef name) {
  declarePointer(0);
  declarePointer(1);
  if (spec.xStride == ShapedType::kDynamic)
    declareI32(symbol(kSymbolXStride));
  declareCommon(/*yByPointer=*/true);
  createKernel(name, kThreads, /*minBlocks=*/1);
  Value x = takeParameter(), w = takeParameter();
  Value xStride = spec.xStride == ShapedType::kDynamic ? takeParameter() : b.i32(spec.xStride ? spec.xStride : spec.k);
  takeCommon(/*yByPointer=*/true);
  if (b.sm.hasProgrammaticLaunch) {
    b.launchNext();
    b.waitForPrevious();
  }

  thread = b.threadId();
  shared = b.sharedMemory();
  Value xTile = shared, wTile = b.offset(shared, kBlockK * kPitch * 4);
  Value place = b.blockId(0);
  // Strips stand in an order of their own.
  Value strip = spec.strips ? b.load(b.getI32Type(), b.element(w, place, b.getI32Type())) : place;
  Value m = b.mul(b.blockId(1), kTile), n = b.mul(strip, kTile);
  Value rowInTile = b.mul(b.div(thread, kTile / kPerThread), kPerThread);
  Value colInTile = b.mul(b.rem(thread, kTile / kPerThread), kPerThread);

  // Carried: the sums, and of a weight in strips the next unit.
  SmallVector<Value> init(kPerThread * kPerThread, b.f32(0.0));
  if (spec.strips) {
    Value starts = b.offset(w, spec.strips->layout.startsOffset());
    init.push_back(b.load(b.getI32Type(), b.element(starts, place, b.getI32Type())));
  }
  SmallVector<Value> sums = b.loop(b.i32(0), b.i32(spec.k), b.i32(kBlockK), init, [&](Value k0, ValueRange carried) {
    SmallVector<Value> acc(carried);
    copyTile(x, xStride, m, rows, k0, spec.xType, xTile);
    if (spec.strips)
      acc.back() = copySlab(w, place, acc.back(), k0, wTile);
    else
      copyTile(w, b.i32(spec.k), n, b.i32(spec.n), k0, spec.wType, wTile);
    b.syncThreads();
    for (int64_t k = 0; k < kBlockK; ++k) {
      auto type = VectorType::get({kPerThread}, b.getF32Type());
      Value xs = b.load(type, sharedElement(xTile, b.i32(k), rowInTile), 16);
      Value ws = b.load(type, sharedElement(wTile, b.i32(k), colInTile), 16);
      auto lane = [&](Value vector, int64_t i) { return LLVM::ExtractElementOp::create(b, vector, b.i32(i)); };
      for (int64_t i = 0; i < kPerThread; ++i)
        for (int64_t j = 0; j < kPerThread; ++j)
          acc[i * kPerThread + j] = b.fma(lane(xs, i), lane(ws, j), acc[i * kPerThread + j]);
    }
    b.syncThreads();
    return acc;
  });

  for (int64_t i = 0; i < kPerThread; ++i) {
    Value row = b.add(b.add(m, rowInTile), i), exists = b.lt(row, rows);
    // The four threads of a quad have the same row.
    LinearRow epilogueRow = loadRow(clampRow(row));
    finishRow(epilogueRow, b.land(exists, b.eq(b.add(n, colInTile), 0)));
    b.ifThen(exists, [&] {
      for (int64_t j = 0; j < kPerThread; j += 2) {
        // Columns one by one: N may be odd.
        Value lo = b.add(b.add(n, colInTile), j), hi = b.add(lo, 1);
        Value last = b.i32(spec.n - 1), loIn = b.min(lo, last), hiIn = b.min(hi, last);
        Value sumLo = sums[i * kPerThread + j], sumHi = sums[i * kPerThread + j + 1];
        if (bias) {
          sumLo = b.addf(sumLo, loadBiasElement(loIn));
          sumHi = b.addf(sumHi, loadBiasElement(hiIn));
        }
        auto results = finish(sumLo, sumHi, {}, epilogueRow, loIn, hiIn);
        for (auto [col, value] : {std::pair(lo, results.first), std::pair(hi, results.second)})
          b.ifThen(b.lt(col, spec.n), [&, col = col, value = value] {
            b.store(b.fromF32(value, spec.yType), elementPointer(y, row, yStride, col, spec.yType));
          });
      }
    });
  }

  kernel.grid = {constant(ceilDiv(spec.n, kTile)), symbol(kSymbolRows).ceilDiv(kTile), constant(1)};
  kernel.sharedBytes = getLinearSharedBytes(spec, schedule);
  kernel.programmatic = b.sm.hasProgrammaticLaunch;
  return std::move(kernel);
}

BuiltKernel gpu_kernels::buildSimtLinear(OpBuilder &builder, Location loc, StringRef name, const LinearKernelSpec &spec,
                                         const LinearSchedule &schedule, const SM &sm) {
  return SimtEmitter(builder, loc, spec, schedule, sm).build(name);
}
