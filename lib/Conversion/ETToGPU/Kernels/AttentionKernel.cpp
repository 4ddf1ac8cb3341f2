//===- AttentionKernel.cpp - Arguments and launches of attention kernels -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What all schedules share outside of the loop over keys: parameters, tensor maps,
// and the way from the number of a block to batch indices and rows.
//
// Parameters: tensor maps of query, key, value and output (wgmma) or pointers to them
// (the others); pointers to mask and lengths; then the integers of MapVector `integers`.
// A stride or size that is constant when compiling is no parameter.
//
// A tensor map is (column, row, batch dimensions from the last to the first); those
// that the operand does not have, as heads that share keys, are left out. Columns
// behind the head and rows behind the sequence read as zero and are not written, so
// neither size needs padding.
//
//===----------------------------------------------------------------------===//

#include "AttentionEmitter.h"

using namespace mlir;
using namespace mlir::et;
using namespace mlir::et::gpu_kernels;

//===----------------------------------------------------------------------===//
// Layout
//===----------------------------------------------------------------------===//

// The narrowest pattern that holds a row: no more than a power of two is wasted on small heads.
AttentionPanels::AttentionPanels(int64_t headSize)
    : headSize(headSize), swizzle(headSize <= 16   ? 32
                                  : headSize <= 32 ? 64
                                                   : 128) {}

AttentionLayout::AttentionLayout(const AttentionKernelSpec &spec, const AttentionSchedule &schedule, bool isScores)
    : k(spec.headSizeK), v(spec.headSizeV / schedule.valueSplits) {
  constexpr int64_t kTileAlignment = 1024;
  if (schedule.family == AttentionSchedule::Simt) {
    queryBytes = schedule.rowsPerBlock() * spec.headSizeK * 4;
    sequenceAt = llvm::alignTo(queryBytes, kSequenceBytes);
    total = spec.offsets ? sequenceAt + kSequenceBytes : queryBytes;
    return;
  }
  const bool partial = schedule.family == AttentionSchedule::Partial;
  if (partial || schedule.family == AttentionSchedule::Mma) {
    // Rows of a multiple of 16 halves and 16 bytes more, so that the eight rows of a matrix start in different banks.
    auto rowBytes = [](int64_t headSize) { return llvm::alignTo(headSize, 16) * 2 + 16; };
    if (!partial || isScores) {
      queryBytes = 64 * rowBytes(spec.headSizeK);
      keyBytes = schedule.keyBlock * rowBytes(spec.headSizeK);
    }
    if (!isScores)
      valueBytes = schedule.keyBlock * rowBytes(spec.headSizeV);
  } else {
    queryBytes = llvm::alignTo(std::max(k.bytes(64), v.bytes(64)), kTileAlignment);
    keyBytes = llvm::alignTo(k.bytes(schedule.keyBlock), kTileAlignment);
    valueBytes = llvm::alignTo(v.bytes(schedule.keyBlock), kTileAlignment);
  }
  queryAt = 0;
  // A tile's output leaves while the queries of the next one come in.
  const bool persistent = schedule.family == AttentionSchedule::WgmmaPingPong;
  outputAt = persistent ? schedule.warpgroups * queryBytes : 0;
  keyAt = outputAt + schedule.warpgroups * queryBytes;
  // A block of the first kernel of Partial takes one block of keys.
  const int64_t stages = isScores ? 1 : schedule.stages;
  valueAt = keyAt + stages * keyBytes;
  barrierAt = valueAt + stages * valueBytes;
  int64_t barriers = 0;
  if (schedule.family == AttentionSchedule::Wgmma)
    barriers = 1 + 3 * schedule.stages;
  else if (persistent)
    barriers = 4 * schedule.stages + 2;
  total = barrierAt + 8 * barriers;
  sequenceAt = llvm::alignTo(total, kSequenceBytes);
  if (spec.offsets)
    total = sequenceAt + kSequenceBytes;
}

int64_t gpu_kernels::attentionSharedBytes(const AttentionKernelSpec &spec, const AttentionSchedule &schedule) {
  int64_t bytes = AttentionLayout(spec, schedule).total;
  if (schedule.family == AttentionSchedule::Partial)
    bytes = std::max(bytes, AttentionLayout(spec, schedule, /*isScores=*/true).total);
  return bytes;
}

//===----------------------------------------------------------------------===//
// Arguments
//===----------------------------------------------------------------------===//

LaunchExpr AttentionEmitter::stride(const AttentionOperand &operand, unsigned dim) {
  const auto *it = llvm::find(operand.dims, dim);
  return it == operand.dims.end() ? getAffineConstantExpr(0) : operand.strides[it - operand.dims.begin()];
}

TensorMapSpec AttentionEmitter::tensorMap(unsigned number, const AttentionOperand &operand, unsigned rowDim,
                                          unsigned columnDim, const AttentionPanels &panels, int64_t rows) {
  TensorMapSpec map;
  map.operand = number;
  map.elementType = operand.elementType;
  map.sizes = {getAffineConstantExpr(columnDim == spec.dimV() ? spec.headSizeV : spec.headSizeK), sizeExpr(rowDim)};
  map.strides = {stride(operand, rowDim)};
  map.box = {panels.columns(), rows};
  for (unsigned dim = spec.numBatchDims; dim-- > 0;)
    if (llvm::is_contained(operand.dims, dim)) {
      map.sizes.push_back(sizeExpr(dim));
      map.strides.push_back(stride(operand, dim));
      map.box.push_back(1);
    }
  map.offset = getAffineConstantExpr(0);
  map.swizzle = panels.swizzle;
  return map;
}

SmallVector<Value> AttentionEmitter::coordinates(const AttentionOperand &operand, int64_t column, Value row) {
  if (spec.offsets)
    row = add(row, llvm::is_contained(operand.dims, spec.dimM()) ? firstQuery : firstKey);
  // Queries and keys have all columns, values and output those of the block.
  const bool isPart = firstColumn && llvm::is_contained(operand.dims, spec.dimV());
  SmallVector<Value> coords{isPart ? add(firstColumn, column) : i32(column), row};
  for (unsigned dim = spec.numBatchDims; dim-- > 0;)
    if (llvm::is_contained(operand.dims, dim))
      coords.push_back(batch[dim]);
  return coords;
}

void AttentionEmitter::createArguments(StringRef name) {
  SmallVector<Type> types;
  SmallVector<unsigned> pointerNumbers;
  SmallVector<const AttentionOperand *> pointerOperands;
  auto addPointer = [&](unsigned number, const AttentionOperand &operand) {
    pointerNumbers.push_back(number);
    pointerOperands.push_back(&operand);
    kernel.addPointer(number, getAffineConstantExpr(0));
    types.push_back(globalPtr());
  };
  if (schedule.usesWgmma()) {
    kernel.addMap(tensorMap(kAttentionQuery, spec.query, spec.dimM(), spec.dimK(), layout.k, 64));
    kernel.addMap(tensorMap(kAttentionKey, spec.key, spec.dimN(), spec.dimK(), layout.k, schedule.keyBlock));
    kernel.addMap(tensorMap(kAttentionValue, spec.value, spec.dimN(), spec.dimV(), layout.v, schedule.keyBlock));
    kernel.addMap(tensorMap(kAttentionOutput, spec.output, spec.dimM(), spec.dimV(), layout.v, 64));
    types.append(4, tensorMapPtr());
    // Tiles that end inside of a box.
    if (spec.offsets)
      addPointer(kAttentionOutput, spec.output);
  } else {
    if (!isPartial() || isScores) {
      addPointer(kAttentionQuery, spec.query);
      addPointer(kAttentionKey, spec.key);
    }
    if (!isScores) {
      addPointer(kAttentionValue, spec.value);
      addPointer(kAttentionOutput, spec.output);
    }
  }
  if (spec.mask && !isScores)
    addPointer(kAttentionMask, *spec.mask);
  if (spec.lengths)
    addPointer(kAttentionLengths, *spec.lengths);
  SmallVector<LaunchExpr> offsetIntegers;
  auto addOffsets = [&](unsigned number, LaunchExpr stride) {
    pointerNumbers.push_back(number);
    kernel.addPointer(number, getAffineConstantExpr(0));
    types.push_back(globalPtr());
    offsetIntegers.push_back(stride);
  };
  if (spec.offsets) {
    offsetIntegers.push_back(spec.numOffsets);
    addOffsets(kAttentionOffsets, spec.offsetStride);
  }
  if (spec.keyOffsets)
    addOffsets(kAttentionKeyOffsets, spec.keyOffsetStride);
  if (isPartial()) {
    pointerNumbers.push_back(kAttentionScores);
    kernel.addPointer(kAttentionScores, getAffineConstantExpr(0));
    types.push_back(globalPtr());
  }

  // Integers: each expression once.
  auto addInteger = [&](LaunchExpr expr) {
    if (isa<AffineConstantExpr>(expr) || !integers.insert({expr, Value()}).second)
      return;
    kernel.addI32(expr);
    types.push_back(getI32Type());
  };
  for (unsigned dim = 0; dim < spec.numBatchDims + 2; ++dim)
    addInteger(sizeExpr(dim));
  for (const AttentionOperand *operand : pointerOperands)
    for (LaunchExpr expr : operand->strides)
      addInteger(expr);
  for (LaunchExpr expr : offsetIntegers)
    addInteger(expr);

  kernel.threads = nvidia::kWarpgroupSize * schedule.warpgroups;
  if (schedule.family == AttentionSchedule::WgmmaPingPong)
    kernel.threads += nvidia::kWarpgroupSize;
  kernel.sharedBytes = layout.total;
  kernel.programmatic = sm.hasProgrammaticLaunch;
  kernel.function = createKernel(name, types, {kernel.threads, schedule.blocksPerSM, 1});

  auto argument = kernel.function.getBody().front().args_begin();
  if (schedule.usesWgmma())
    for (int64_t i = 0; i < 4; ++i)
      mapValues.push_back(*argument++);
  for (unsigned number : pointerNumbers)
    pointers[number] = *argument++;
  for (auto &[expr, value] : integers)
    value = *argument++;
  sizeM = size(spec.dimM());
  sizeN = size(spec.dimN());
}

Value AttentionEmitter::integer(LaunchExpr expr) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return i32(constant.getValue());
  Value value = integers.lookup(expr);
  assert(value && "an integer that is no parameter");
  return value;
}

Value AttentionEmitter::strided(const AttentionOperand &operand, unsigned dim, Value index) {
  LaunchExpr expr = stride(operand, dim);
  if (expr == getAffineConstantExpr(0))
    return i64(0);
  Value wide = sext(index, getI64Type());
  return expr == getAffineConstantExpr(1) ? wide : mul(wide, sext(integer(expr), getI64Type()));
}

Value AttentionEmitter::batchOffset(const AttentionOperand &operand) {
  Value result = i64(0);
  for (unsigned dim = 0; dim < spec.numBatchDims; ++dim)
    if (llvm::is_contained(operand.dims, dim))
      result = add(result, strided(operand, dim, batch[dim]));
  if (spec.offsets) {
    const bool hasM = llvm::is_contained(operand.dims, spec.dimM());
    result = add(result, strided(operand, hasM ? spec.dimM() : spec.dimN(), hasM ? firstQuery : firstKey));
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Blocks
//===----------------------------------------------------------------------===//

LaunchExpr AttentionEmitter::blocksPerBatch() {
  LaunchExpr rowBlocks = sizeExpr(spec.dimM()).ceilDiv(schedule.rowsPerBlock());
  if (isScores)
    return rowBlocks * sizeExpr(spec.dimN()).ceilDiv(schedule.keyBlock);
  return rowBlocks * schedule.valueSplits;
}

// One division per block is a part of the time of a short sequence, so up to two batch dimensions come as coordinates
// of the grid.
void AttentionEmitter::setGrid() {
  LaunchExpr one = getAffineConstantExpr(1);
  kernel.grid = {getAffineConstantExpr(schedule.valueSplits), one, one};
  if (schedule.family == AttentionSchedule::WgmmaPingPong) {
    kernel.grid[0] = getAffineConstantExpr(sm.numSMs);
    return;
  }
  if (spec.offsets) {
    for (unsigned dim = 0; dim < spec.numBatchDims; ++dim)
      kernel.grid[0] = kernel.grid[0] * sizeExpr(dim);
    // Each sequence has at most one tile that is not full, and so have the rows behind the last one. Without rows or
    // offsets there is no launch.
    LaunchExpr rows = sizeExpr(spec.dimM());
    constexpr int64_t kLarge = int64_t(1) << 31;
    kernel.grid[0] = kernel.grid[0] * rows.ceilDiv(kLarge) * spec.numOffsets.ceilDiv(kLarge);
    kernel.grid[1] = rows.ceilDiv(schedule.rowsPerBlock()) + spec.numOffsets;
    return;
  }
  kernel.grid[0] = blocksPerBatch();
  if (spec.numBatchDims == 1) {
    kernel.grid[0] = kernel.grid[0] * sizeExpr(0);
    return;
  }
  for (unsigned dim = 0; dim < spec.numBatchDims; ++dim) {
    LaunchExpr &blocks = kernel.grid[dim + 1 == spec.numBatchDims ? 1 : 2];
    blocks = blocks * sizeExpr(dim);
  }
}

void AttentionEmitter::decodeBatch(Value number, unsigned dims) {
  for (unsigned dim = dims; dim-- > 0;) {
    if (dim == 0) {
      batch[0] = number;
      return;
    }
    Value next = div(number, size(dim));
    batch[dim] = sub(number, mul(next, size(dim)));
    number = next;
  }
}

Value AttentionEmitter::decodeTile(Value tile, Value rowBlocks) {
  Value number = div(tile, rowBlocks);
  decodeBatch(number, spec.numBatchDims);
  return sub(tile, mul(number, rowBlocks));
}

Value AttentionEmitter::decodeSplit() {
  Value number = blockId(0);
  if (schedule.valueSplits == 1)
    return number;
  Value tile = div(number, schedule.valueSplits);
  firstColumn = mul(sub(number, mul(tile, schedule.valueSplits)), layout.v.headSize);
  return tile;
}

Value AttentionEmitter::decodeBlock() {
  batch.assign(spec.numBatchDims, Value());
  Value number = decodeSplit();
  if (spec.numBatchDims == 1) {
    Value rowBlocks = ceilDiv(sizeM, schedule.rowsPerBlock());
    return decodeTile(number, isScores ? mul(rowBlocks, ceilDiv(sizeN, schedule.keyBlock)) : rowBlocks);
  }
  if (spec.numBatchDims > 1) {
    batch.back() = blockId(1);
    decodeBatch(blockId(2), spec.numBatchDims - 1);
  }
  return number;
}

//===----------------------------------------------------------------------===//
// Entry points
//===----------------------------------------------------------------------===//

BuiltKernel AttentionEmitter::emitKernel(StringRef name) {
  createArguments(name);
  setGrid();
  thread = threadId();
  lane = laneId();
  // Known to be the same in all lanes: what branches on it stays uniform.
  warpgroup = uniform(shr(thread, 7));
  warp = band(shr(thread, 5), 3);
  switch (schedule.family) {
  case AttentionSchedule::Wgmma:
    emitWgmma();
    break;
  case AttentionSchedule::WgmmaPingPong:
    emitPingPong();
    break;
  case AttentionSchedule::Mma:
    emitMma();
    break;
  case AttentionSchedule::Simt:
    emitSimt();
    break;
  case AttentionSchedule::Partial:
    if (isScores)
      emitScores();
    else
      emitMma();
    break;
  }
  return kernel;
}

BuiltKernel gpu_kernels::buildAttentionKernel(OpBuilder &builder, Location loc, StringRef name,
                                              const AttentionKernelSpec &spec, const AttentionSchedule &schedule,
                                              const nvidia::SM &sm) {
  assert(!verifyAttentionSpec(spec) && "expected a specification that verifies");
  assert(!verifyAttentionSchedule(spec, schedule, sm) && "expected a schedule that verifies");
  OpBuilder::InsertionGuard guard(builder);
  return AttentionEmitter(builder, loc, sm, spec, schedule).emitKernel(name);
}

BuiltKernel gpu_kernels::buildAttentionScoresKernel(OpBuilder &builder, Location loc, StringRef name,
                                                    const AttentionKernelSpec &spec, const AttentionSchedule &schedule,
                                                    const nvidia::SM &sm) {
  assert(!verifyAttentionSpec(spec) && "expected a specification that verifies");
  assert(schedule.family == AttentionSchedule::Partial && !verifyAttentionSchedule(spec, schedule, sm) &&
         "expected a schedule of two kernels that verifies");
  OpBuilder::InsertionGuard guard(builder);
  return AttentionEmitter(builder, loc, sm, spec, schedule, /*isScores=*/true).emitKernel(name);
}
