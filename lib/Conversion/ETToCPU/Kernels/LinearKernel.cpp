//===- LinearKernel.cpp - Builder of dense and sparse linear CPU kernels -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The loop nest is described in LinearKernel.h. Two decisions keep the code
// small although any row count has to work:
//
//   * A register tile is a loop over k with all accumulators in registers, once
//     per row count 1..mr. Rows are dealt out evenly (13 rows are 7 + 6, not
//     8 + 4 + 1), so large inputs run at nearly full speed whatever M is.
//   * A tile leaves its sums in a small buffer on the stack. One shared loop over
//     the rows of that buffer adds the bias, applies the epilogue, masks the N
//     tail and converts to the type of y. It costs under one percent, and the
//     epilogue is emitted once or twice instead of 24 times per row count.
//
// While a panel of w is in use, the lines of the next one are prefetched,
// evenly spread over the tiles of the current one: a panel is used several
// times from L2, but its first use would run at the speed of L3 or memory.
//
//===----------------------------------------------------------------------===//

#include "LinearOperands.h"

#include "et/Conversion/ETToCPU/HalfFloat.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/OpenMP/OpenMPDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::et::cpu;

/// From this many rows per thread on, threads take rows instead of panels: then
/// the results of a thread stay in its own cache for the next operation, and
/// reading all of w in each thread costs nothing because it is prefetched.
static constexpr int64_t kMinRowsPerThread = 32;

static constexpr int64_t kCacheLineBytes = 64;

/// Products that are added up in one chain. The rounding error of a chain of n sums grows as sqrt(n): chains of this
/// length, added up in turn, keep it near that of the libraries (a chain of 3072 has four times as much), and reading
/// and writing the sums in L1 between them takes 1 to 2 % of the time.
static constexpr int64_t kLongestSum = 192;

namespace {
/// One block of K, or the kept columns of a panel: [begin, end), and whether it
/// is the first and the last one. The flags are null when K is a single block.
struct KBlock {
  Value begin, end;
  Value isFirst, isLast;
};

/// One register tile: `rows` rows from `row` on times one panel.
struct Tile {
  Value panel, row, rows;
  /// First address to prefetch, and bytes per k.
  Value prefetch, prefetchStep;
};

/// Emits the body of one kernel.
class LinearEmitter {
public:
  LinearEmitter(OpBuilder &builder, Location loc, const LinearKernelSpec &spec, const ISA &isa)
      : b(loc, builder), spec(spec), isa(isa) {
    lanes = isa.vectorLanes(b.getF32Type());
    vectors = spec.tiling.nr / lanes;
    panels = llvm::divideCeil(spec.n, spec.tiling.nr);
    vecType = VectorType::get({lanes}, b.getF32Type());
    // Partial sums pass through y, so y must hold them without rounding.
    kBlocked = !spec.sparse && spec.tiling.kc < spec.k && spec.yType.isF32();
  }

  func::FuncOp emit(StringRef name);

private:
  void emitRowBlock(Value begin, Value rows, Value byRows, Value isLastBlock);
  void emitTiles(Value blockBegin, Value rows, Value byRows, Value isLastBlock, const KBlock &kBlock);
  void emitTile(const Tile &tile, const KBlock &kBlock);
  void emitRegisterTile(int64_t rows, const Tile &tile, const KBlock &kBlock);
  void emitPrefetch(Value address, int64_t rows);
  void emitStep(Value panel, ValueRange rowIndices, Value position, MutableArrayRef<Value> acc);
  void emitStores(const Tile &tile, const KBlock &kBlock);
  void emitStoreLoop(const Tile &tile, const KBlock &kBlock, bool isLast, bool masked);

  Value index(int64_t value) { return arith::ConstantIndexOp::create(b, value); }
  int64_t getWeightBytes() const { return spec.wType.getIntOrFloatBitWidth() / 8; }
  Value add(Value x, Value y) { return arith::AddIOp::create(b, x, y); }
  Value sub(Value x, Value y) { return arith::SubIOp::create(b, x, y); }
  Value mul(Value x, Value y) { return arith::MulIOp::create(b, x, y); }
  Value div(Value x, Value y) { return arith::DivUIOp::create(b, x, y); }
  Value ceilDiv(Value x, Value y) { return div(add(x, sub(y, index(1))), y); }
  Value min(Value x, Value y) { return arith::MinUIOp::create(b, x, y); }
  Value max(Value x, Value y) { return arith::MaxUIOp::create(b, x, y); }
  Value select(Value cond, Value x, Value y) { return arith::SelectOp::create(b, cond, x, y); }
  /// The first of \p total items that part \p part of \p parts takes.
  Value share(Value total, Value part, Value parts) { return div(mul(total, part), parts); }
  Value compare(arith::CmpIPredicate predicate, Value x, Value y) { return arith::CmpIOp::create(b, predicate, x, y); }
  /// Tells LLVM not to unroll \p loop: its body already has as many independent
  /// chains as there are registers, and more copies only cost compile time.
  void keepRolled(scf::ForOp loop) {
    auto unroll = LLVM::LoopUnrollAttr::get(b.getContext(), b.getBoolAttr(true), {}, {}, {}, {}, {}, {});
    loop->setAttr("llvm.loop_annotation", LLVM::LoopAnnotationAttr::get(b.getContext(), {}, {}, {}, unroll, {}, {}, {},
                                                                        {}, {}, {}, {}, {}, {}, {}, {}));
  }
  /// Emits a loop whose body gets the induction variable.
  void loop(Value begin, Value end, Value step, llvm::function_ref<void(Value)> body) {
    auto forOp = scf::ForOp::create(b, begin, end, step);
    keepRolled(forOp);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(forOp.getBody());
    body(forOp.getInductionVar());
  }

  ImplicitLocOpBuilder b;
  const LinearKernelSpec &spec;
  const ISA &isa;
  int64_t lanes = 0, vectors = 0, panels = 0;
  VectorType vecType;
  bool kBlocked = false;

  // Arguments of the function.
  Value tid, nth, x, w, bias, y;
  ValueRange extras;
  /// The parts of w when it is sparse.
  SparseWeightView kept;
  /// Addresses of the values of w and of where this thread starts in the weight of the kernel
  /// after this one, null if unknown.
  Value wAddress, nextAddress;
  /// The sums of one tile, memref<mr x nr x f32> on the stack.
  Value sums;
};
} // namespace

//===----------------------------------------------------------------------===//
// Register tile
//===----------------------------------------------------------------------===//

void LinearEmitter::emitPrefetch(Value address, int64_t rows) {
  // A low tile has panels to itself and is bound by memory; there the hardware
  // prefetcher does better when it is not held up by as many requests again.
  int64_t covered = 2 * rows <= spec.tiling.mr ? 1 : spec.tiling.nr * getWeightBytes();
  auto pointer = LLVM::LLVMPointerType::get(b.getContext());
  for (int64_t line = 0; line < covered; line += kCacheLineBytes) {
    Value word = arith::IndexCastOp::create(b, b.getI64Type(), add(address, index(line)));
    // To L2 (hint 2): L1 is full of the panel in use.
    LLVM::Prefetch::create(b, LLVM::IntToPtrOp::create(b, pointer, word), /*rw=*/0, /*hint=*/2, /*cache=*/1);
  }
}

void LinearEmitter::emitStep(Value panel, ValueRange rowIndices, Value position, MutableArrayRef<Value> acc) {
  Value k = spec.sparse ? kept.loadColumn(b, position) : position;
  SmallVector<Value> weights;
  for (int64_t j = 0; j < vectors; ++j) {
    SmallVector<Value, 3> indices = {position, index(j * lanes)};
    if (!spec.sparse)
      indices.insert(indices.begin(), panel);
    Value value = vector::LoadOp::create(b, vecType.clone(spec.wType), spec.sparse ? kept.getValues() : w, indices);
    weights.push_back(extendToF32(b, b.getLoc(), value, isa));
  }
  for (auto [i, rowIndex] : llvm::enumerate(rowIndices)) {
    Value scalar = memref::LoadOp::create(b, x, ValueRange{rowIndex, k});
    Value row = vector::BroadcastOp::create(b, vecType, extendToF32(b, b.getLoc(), scalar, isa));
    for (int64_t j = 0; j < vectors; ++j) {
      Value &sum = acc[i * vectors + j];
      if (isa.fma) {
        sum = vector::FMAOp::create(b, row, weights[j], sum);
        continue;
      }
      Value product = arith::MulFOp::create(b, row, weights[j]);
      sum = arith::AddFOp::create(b, sum, product);
    }
  }
}

void LinearEmitter::emitRegisterTile(int64_t rows, const Tile &tile, const KBlock &kBlock) {
  SmallVector<Value> rowIndices;
  for (int64_t i = 0; i < rows; ++i)
    rowIndices.push_back(add(tile.row, index(i)));
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(vecType));
  /// Sums over [begin, end), from zero; the last value carried is where to prefetch.
  auto accumulate = [&](Value begin, Value end, Value prefetch) {
    SmallVector<Value> init(rows * vectors, zero);
    init.push_back(prefetch);
    auto forOp = scf::ForOp::create(b, begin, end, index(1), init);
    keepRolled(forOp);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(forOp.getBody());
    SmallVector<Value> carried(forOp.getRegionIterArgs());
    Value address = carried.pop_back_val();
    emitPrefetch(address, rows);
    emitStep(tile.panel, rowIndices, forOp.getInductionVar(), carried);
    carried.push_back(add(address, tile.prefetchStep));
    scf::YieldOp::create(b, carried);
    return forOp;
  };
  auto store = [&](ValueRange tileSums) {
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = 0; j < vectors; ++j)
        vector::StoreOp::create(b, tileSums[i * vectors + j], sums, ValueRange{index(i), index(j * lanes)});
  };

  int64_t depth = kBlocked ? spec.tiling.kc : spec.k;
  if (depth <= kLongestSum)
    return store(accumulate(kBlock.begin, kBlock.end, tile.prefetch).getResults());

  int64_t length = llvm::divideCeil(depth, llvm::divideCeil(depth, kLongestSum));
  Value end = kBlock.end;
  // Of few kept columns one part is all there is: it is stored as it is. A panel that keeps none has one empty part.
  if (spec.sparse)
    end = max(end, add(kBlock.begin, index(1)));
  else
    store(SmallVector<Value>(rows * vectors, zero));
  auto parts = scf::ForOp::create(b, kBlock.begin, end, index(length), ValueRange{tile.prefetch});
  keepRolled(parts);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(parts.getBody());
  Value begin = parts.getInductionVar();
  scf::ForOp part = accumulate(begin, min(add(begin, index(length)), kBlock.end), parts.getRegionIterArg(0));
  auto addPart = [&] {
    SmallVector<Value> total;
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = 0; j < vectors; ++j) {
        Value before = vector::LoadOp::create(b, vecType, sums, ValueRange{index(i), index(j * lanes)});
        total.push_back(arith::AddFOp::create(b, before, part.getResult(i * vectors + j)));
      }
    store(total);
  };
  if (spec.sparse) {
    Value isFirst = compare(arith::CmpIPredicate::eq, begin, kBlock.begin);
    auto ifOp = scf::IfOp::create(b, isFirst, /*withElseRegion=*/true);
    OpBuilder::InsertionGuard ifGuard(b);
    b.setInsertionPointToStart(ifOp.thenBlock());
    store(part.getResults());
    b.setInsertionPointToStart(ifOp.elseBlock());
    addPart();
  } else {
    addPart();
  }
  scf::YieldOp::create(b, part.getResults().take_back());
}

//===----------------------------------------------------------------------===//
// From the sums of a tile to y
//===----------------------------------------------------------------------===//

void LinearEmitter::emitStoreLoop(const Tile &tile, const KBlock &kBlock, bool isLast, bool masked) {
  Location loc = b.getLoc();
  SmallVector<Value> columns, masks, biases;
  Value firstColumn = mul(tile.panel, index(spec.tiling.nr));
  for (int64_t j = 0; j < vectors; ++j) {
    Value column = add(firstColumn, index(j * lanes));
    Value mask;
    if (masked) {
      // A vector entirely right of y gets an empty mask, and column 0 so that
      // no address is computed outside of the operands.
      Value left = arith::MaxSIOp::create(b, sub(index(spec.n), column), index(0));
      mask = vector::CreateMaskOp::create(b, VectorType::get({lanes}, b.getI1Type()), left);
      Value inside = compare(arith::CmpIPredicate::ult, column, index(spec.n));
      column = select(inside, column, index(0));
    }
    columns.push_back(column);
    masks.push_back(mask);
    if (!isLast || !spec.biasType)
      continue;
    Value value = loadVector(b, vecType.clone(spec.biasType), bias, column, mask);
    biases.push_back(extendToF32(b, loc, value, isa));
  }

  loop(index(0), tile.rows, index(1), [&](Value i) {
    Value row = add(tile.row, i);
    for (int64_t j = 0; j < vectors; ++j) {
      Value acc = vector::LoadOp::create(b, vecType, sums, ValueRange{i, index(j * lanes)});
      SmallVector<Value, 2> indices = {row, columns[j]};
      if (kBlock.isFirst) {
        // Earlier blocks of K left their sums in y, which then is f32.
        Value before = loadVector(b, vecType, y, indices, masks[j]);
        Value zero = arith::ConstantOp::create(b, b.getZeroAttr(vecType));
        acc = arith::AddFOp::create(b, acc, select(kBlock.isFirst, zero, before));
      }
      if (isLast) {
        if (spec.biasType)
          acc = arith::AddFOp::create(b, acc, biases[j]);
        if (spec.epilogue)
          acc = spec.epilogue(b, loc, {acc, row, columns[j], masks[j], extras});
        acc = truncateFromF32(b, loc, acc, spec.yType, isa);
      }
      storeVector(b, acc, y, indices, masks[j]);
    }
  });
}

void LinearEmitter::emitStores(const Tile &tile, const KBlock &kBlock) {
  auto emitForPosition = [&](bool isLast) {
    int64_t fullPanels = spec.n / spec.tiling.nr;
    if (fullPanels == panels)
      return emitStoreLoop(tile, kBlock, isLast, /*masked=*/false);
    if (fullPanels == 0)
      return emitStoreLoop(tile, kBlock, isLast, /*masked=*/true);
    Value full = compare(arith::CmpIPredicate::ult, tile.panel, index(fullPanels));
    auto ifOp = scf::IfOp::create(b, full, /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(ifOp.thenBlock());
    emitStoreLoop(tile, kBlock, isLast, /*masked=*/false);
    b.setInsertionPointToStart(ifOp.elseBlock());
    emitStoreLoop(tile, kBlock, isLast, /*masked=*/true);
  };
  if (!kBlock.isLast)
    return emitForPosition(/*isLast=*/true);
  auto ifOp = scf::IfOp::create(b, kBlock.isLast, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(ifOp.thenBlock());
  emitForPosition(/*isLast=*/true);
  b.setInsertionPointToStart(ifOp.elseBlock());
  emitForPosition(/*isLast=*/false);
}

//===----------------------------------------------------------------------===//
// Loops around the tile
//===----------------------------------------------------------------------===//

void LinearEmitter::emitTile(const Tile &tile, const KBlock &kBlock) {
  int64_t mr = spec.tiling.mr;
  SmallVector<int64_t> cases;
  for (int64_t rows = 1; rows < mr; ++rows)
    cases.push_back(rows);
  auto switchOp = scf::IndexSwitchOp::create(b, TypeRange(), tile.rows, cases, cases.size());
  auto fill = [&](Region &region, int64_t rows) {
    OpBuilder::InsertionGuard guard(b);
    b.createBlock(&region);
    emitRegisterTile(rows, tile, kBlock);
    scf::YieldOp::create(b);
  };
  fill(switchOp.getDefaultRegion(), mr);
  for (auto [rows, region] : llvm::zip_equal(cases, switchOp.getCaseRegions()))
    fill(region, rows);
  emitStores(tile, kBlock);
}

void LinearEmitter::emitTiles(Value blockBegin, Value rows, Value byRows, Value isLastBlock, const KBlock &kBlock) {
  // Units of work are (panel, tile) pairs, panel by panel.
  Value tiles = ceilDiv(rows, index(spec.tiling.mr));
  Value units = mul(index(panels), tiles);
  auto firstUnit = [&](Value part) {
    return spec.sparse ? kept.findFirstUnit(b, index(panels), tiles, part, nth) : share(units, part, nth);
  };
  Value begin = select(byRows, index(0), firstUnit(tid));
  Value end = select(byRows, units, firstUnit(add(tid, index(1))));

  // The tiles of a panel share the prefetch of the panel after it: `step` bytes
  // per k each. Behind its last panel a thread continues where it will read next:
  // at its first panel, or in the weight of the next kernel.
  const int64_t rowBytes = spec.tiling.nr * getWeightBytes();
  Value step = ceilDiv(index(rowBytes), tiles);
  auto panelAddress = [&](Value panel, Value k) {
    Value position = spec.sparse ? kept.loadStart(b, panel) : add(mul(panel, index(spec.k)), k);
    return add(wAddress, mul(position, index(rowBytes)));
  };
  Value lastPanel = div(sub(end, index(1)), tiles);
  Value afterEnd = index(0);
  if (kBlock.isLast)
    afterEnd = select(kBlock.isLast, index(0), kBlock.end);
  Value afterLast = panelAddress(div(begin, tiles), afterEnd);
  if (nextAddress) {
    Value leaves = isLastBlock;
    if (kBlock.isLast)
      leaves = arith::AndIOp::create(b, leaves, kBlock.isLast);
    afterLast = select(leaves, nextAddress, afterLast);
  }

  loop(begin, end, index(1), [&](Value unit) {
    Tile tile;
    tile.panel = div(unit, tiles);
    Value number = sub(unit, mul(tile.panel, tiles));
    Value tileBegin = share(rows, number, tiles);
    Value tileEnd = share(rows, add(number, index(1)), tiles);
    tile.row = add(blockBegin, tileBegin);
    tile.rows = sub(tileEnd, tileBegin);

    KBlock block = kBlock;
    if (spec.sparse) {
      block.begin = kept.loadStart(b, tile.panel);
      block.end = kept.loadStart(b, add(tile.panel, index(1)));
    }
    Value depth = sub(block.end, block.begin);
    Value lastStart = mul(depth, sub(index(rowBytes), step));
    Value isLastPanel = compare(arith::CmpIPredicate::eq, tile.panel, lastPanel);
    Value start = select(isLastPanel, afterLast, panelAddress(add(tile.panel, index(1)), kBlock.begin));
    tile.prefetch = add(start, min(mul(mul(number, step), depth), lastStart));
    tile.prefetchStep = step;
    emitTile(tile, block);
  });
}

void LinearEmitter::emitRowBlock(Value begin, Value rows, Value byRows, Value isLastBlock) {
  if (!kBlocked)
    return emitTiles(begin, rows, byRows, isLastBlock, {index(0), index(spec.k), Value(), Value()});
  loop(index(0), index(spec.k), index(spec.tiling.kc), [&](Value k) {
    Value end = min(add(k, index(spec.tiling.kc)), index(spec.k));
    Value isFirst = compare(arith::CmpIPredicate::eq, k, index(0));
    Value isLast = compare(arith::CmpIPredicate::eq, end, index(spec.k));
    emitTiles(begin, rows, byRows, isLastBlock, {k, end, isFirst, isLast});
  });
}

func::FuncOp LinearEmitter::emit(StringRef name) {
  SmallVector<Type> types = {b.getIndexType(), b.getIndexType(), getLinearInputType(spec), getLinearWeightType(spec)};
  if (spec.biasType)
    types.push_back(getLinearBiasType(spec));
  types.append(spec.extraTypes.begin(), spec.extraTypes.end());
  if (spec.nextWeightType)
    types.push_back(spec.nextWeightType);
  types.push_back(getLinearOutputType(spec));
  auto func = func::FuncOp::create(b, name, b.getFunctionType(types, {}));

  OpBuilder::InsertionGuard guard(b);
  Block *entry = func.addEntryBlock();
  b.setInsertionPointToStart(entry);
  tid = entry->getArgument(0);
  nth = entry->getArgument(1);
  x = entry->getArgument(2);
  w = entry->getArgument(3);
  if (spec.biasType)
    bias = entry->getArgument(4);
  extras = ValueRange(entry->getArguments()).slice(spec.biasType ? 5 : 4, spec.extraTypes.size());
  Value next;
  if (spec.nextWeightType)
    next = entry->getArguments().drop_back().back();
  y = entry->getArguments().back();

  sums = memref::AllocaOp::create(b, MemRefType::get({spec.tiling.mr, spec.tiling.nr}, b.getF32Type()),
                                  b.getI64IntegerAttr(kCacheLineBytes));
  wAddress = memref::ExtractAlignedPointerAsIndexOp::create(b, w);
  if (spec.sparse) {
    kept = SparseWeightView(b, spec, w);
    wAddress = add(wAddress, kept.getValuesOffset());
  }

  Value m = memref::DimOp::create(b, x, index(0));
  Value byRows = compare(arith::CmpIPredicate::uge, m, mul(nth, index(kMinRowsPerThread)));
  if (spec.nextWeightType) {
    Value start = memref::ExtractAlignedPointerAsIndexOp::create(b, next);
    int64_t bytes = spec.nextWeightType.getNumElements() * (spec.nextWeightType.getElementTypeBitWidth() / 8);
    nextAddress = add(start, select(byRows, index(0), share(index(bytes), tid, nth)));
  }
  Value begin = select(byRows, share(m, tid, nth), index(0));
  Value end = select(byRows, share(m, add(tid, index(1)), nth), m);
  // Blocks of equal height instead of a small last one. With no rows at all
  // the height must still not be zero.
  Value total = sub(end, begin);
  Value blocks = max(ceilDiv(total, index(spec.tiling.mc)), index(1));
  Value height = max(ceilDiv(total, blocks), index(1));
  loop(begin, end, height, [&](Value block) {
    Value rows = min(height, sub(end, block));
    Value isLastBlock = compare(arith::CmpIPredicate::uge, add(block, height), end);
    emitRowBlock(block, rows, byRows, isLastBlock);
    if (!spec.rowPhase)
      return;
    // Threads that took panels have to wait for each other and then share the
    // rows; a thread that took rows goes on with what it has just computed.
    Value byPanels = arith::XOrIOp::create(b, byRows, arith::ConstantIntOp::create(b, 1, 1));
    auto ifOp = scf::IfOp::create(b, byPanels, /*withElseRegion=*/false);
    {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(ifOp.thenBlock());
      if (spec.barrier)
        spec.barrier(b, b.getLoc());
      else
        omp::BarrierOp::create(b);
    }
    Value first = select(byRows, index(0), share(rows, tid, nth));
    Value last = select(byRows, rows, share(rows, add(tid, index(1)), nth));
    spec.rowPhase(b, b.getLoc(), {add(block, first), add(block, last), y, extras});
  });
  func::ReturnOp::create(b);
  return func;
}

func::FuncOp et::cpu::buildLinearKernel(OpBuilder &builder, Location loc, StringRef name, const LinearKernelSpec &spec,
                                        const ISA &isa) {
  assert(spec.n > 0 && spec.k > 0 && "expected at least one output and input");
  assert(spec.tiling.nr % isa.vectorLanes(builder.getF32Type()) == 0 && "expected whole vectors");
  return LinearEmitter(builder, loc, spec, isa).emit(name);
}
