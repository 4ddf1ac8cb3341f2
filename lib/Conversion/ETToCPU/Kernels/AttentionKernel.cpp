//===- AttentionKernel.cpp - Builder of fused attention kernels -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Everything is computed transposed, with queries in the lanes of vectors:
//
//   for each group of blocks of queries (a task)    Q^T in scratch, scaled
//     for each block of keys                        K, V converted if they are half
//       for each block of queries of the group      online softmax:
//         S^T = K Q^T       tiles of keys x queries
//         S^T += mask       only where there is one
//         P^T = 2^(S^T - max), sum
//         O^T = O^T * 2^(old max - max) + V^T P^T   tiles of v x queries
//     O = (O^T / sum)^T
//
// K and V enter as broadcast scalars, so they can be read in place whatever their
// strides, and maximum and sum are plain vector operations with no reduction
// across lanes. Q and O are transposed in registers, once per task. Keys need no
// padding; a block of queries is filled up to whole vectors by repeating the
// last row.
//
// A ragged batch is taken sequence by sequence, and the tasks of all of them are dealt
// out in turns. Rows behind the last sequence are one more, without keys.
//
// Scores are kept in units of log2(e), so that the exponential is 2^x; where a
// float mask or a score callback needs the natural unit, the factor is applied
// to the difference to the maximum instead (log2(e) * -3.4e38 would overflow).
//
//===----------------------------------------------------------------------===//

#include "AttentionEmitter.h"

using namespace mlir;
using namespace mlir::et::cpu;

//===----------------------------------------------------------------------===//
// Operands
//===----------------------------------------------------------------------===//

Value AttentionEmitter::batchOffset(const FlatMemRef &flat, const AttentionOperand &operand) {
  Value offset = flat.offset;
  for (auto [pos, dim] : llvm::enumerate(operand.dims))
    if (dim < spec.numBatchDims)
      offset = add(offset, mul(batch[dim], flat.strides[pos]));
  return offset;
}

/// The stride along an iteration dimension; 0 if the operand does not have it.
Value AttentionEmitter::stride(const FlatMemRef &flat, const AttentionOperand &operand, unsigned dim) {
  const auto *it = llvm::find(operand.dims, dim);
  return it == operand.dims.end() ? idx(0) : flat.strides[it - operand.dims.begin()];
}

Value AttentionEmitter::size(const FlatMemRef &flat, const AttentionOperand &operand, unsigned dim) {
  return flat.sizes[llvm::find(operand.dims, dim) - operand.dims.begin()];
}

//===----------------------------------------------------------------------===//
// Keys
//===----------------------------------------------------------------------===//

/// The keys that lengths and the structure leave to the task.
AttentionEmitter::KeyRange AttentionEmitter::keyLimits() {
  KeyRange keys{idx(0), sizeN};
  if (spec.lengths) {
    Value length = load(lengths.mem, batchOffset(lengths, *spec.lengths));
    length = arith::IndexCastOp::create(*this, getLoc(), getIndexType(), length);
    length = min(max(length, idx(0)), sizeN);
    if (spec.leftPadding)
      keys.begin = sub(sizeN, length);
    else
      keys.end = length;
  }
  Value endRow = add(groupRow, groupRows);
  if (spec.structure == AttentionStructure::Causal)
    keys.end = min(keys.end, endRow);
  else if (spec.structure == AttentionStructure::CausalLowerRight)
    keys.end = min(keys.end, add(endRow, sub(sizeN, sizeM)));
  return keys;
}

/// The keys that the structure leaves to one block of queries.
AttentionEmitter::KeyRange AttentionEmitter::blockLimits(const QueryBlock &block) {
  KeyRange keys{idx(0), sizeN};
  Value endRow = add(block.firstRow, block.numRows);
  switch (spec.structure) {
  case AttentionStructure::None:
    break;
  case AttentionStructure::Causal:
    keys.end = endRow;
    break;
  case AttentionStructure::CausalLowerRight:
    keys.end = add(endRow, sub(sizeN, sizeM));
    break;
  case AttentionStructure::Window:
    keys.begin = sub(block.firstRow, idx(spec.windowLeft));
    keys.end = add(endRow, spec.windowRight);
    if (spec.windowGlobal) {
      Value all = lor(inGlobalKeys, lt(block.firstRow, idx(spec.windowGlobal)));
      keys.begin = select(all, idx(0), keys.begin);
      keys.end = select(all, sizeN, keys.end);
    }
    break;
  }
  return keys;
}

/// Drops keys at both ends that a bool mask excludes for all queries, which is
/// what padding looks like.
AttentionEmitter::KeyRange AttentionEmitter::trimMasked(KeyRange keys) {
  Value strideN = stride(mask, *spec.mask, spec.dimN());
  Type elt = spec.mask->elementType;
  auto scan = [&](Value start, llvm::function_ref<Value(Value)> inside, llvm::function_ref<Value(Value)> element,
                  int64_t step) {
    auto op = scf::WhileOp::create(*this, getLoc(), TypeRange(getIndexType()), ValueRange(start));
    OpBuilder::InsertionGuard guard(*this);
    Block *before = createBlock(&op.getBefore(), {}, {getIndexType()}, {getLoc()});
    Value n = before->getArgument(0);
    Value more = ifElse(
        inside(n), TypeRange(getI1Type()),
        [&]() -> SmallVector<Value> {
          Value v = load(mask.mem, add(maskBase, mul(element(n), strideN)));
          Value zero = arith::ConstantOp::create(*this, getLoc(), getZeroAttr(elt));
          return {eq(v, zero)};
        },
        [&]() -> SmallVector<Value> { return {arith::ConstantOp::create(*this, getLoc(), getBoolAttr(false))}; })[0];
    scf::ConditionOp::create(*this, getLoc(), more, n);
    Block *after = createBlock(&op.getAfter(), {}, {getIndexType()}, {getLoc()});
    Value next = add(after->getArgument(0), step);
    scf::YieldOp::create(*this, getLoc(), next);
    return op.getResult(0);
  };
  keys.end = scan(keys.end, [&](Value n) { return lt(keys.begin, n); }, [&](Value n) { return sub(n, idx(1)); }, -1);
  keys.begin = scan(keys.begin, [&](Value n) { return lt(n, keys.end); }, [&](Value n) { return n; }, 1);
  return keys;
}

/// Takes all blocks of queries of the group over \p keys.
void AttentionEmitter::emitKeyRange(KeyRange keys) {
  // Blocks of equal size, so that the last one is not tiny.
  Value length = max(sub(keys.end, keys.begin), idx(0));
  Value blocks = max(ceilDiv(length, idx(tiling.keyBlock)), idx(1));
  Value most = ceilDiv(length, blocks);
  most = max(mul(ceilDiv(most, idx(tiling.keyTile)), tiling.keyTile), idx(tiling.keyTile));
  Value keyStride = stride(key, spec.key, spec.dimN());
  Value valueStride = stride(value, spec.value, spec.dimN());
  loop(keys.begin, keys.end, most, [&](Value begin) {
    Value numKeys = min(most, sub(keys.end, begin));
    Matrix k = packRows(key, add(keyBase, mul(begin, keyStride)), keyStride, stride(key, spec.key, spec.dimK()),
                        spec.headSizeK, tiling.keyAt, tiling.paddedK, numKeys);
    Matrix v =
        packRows(value, add(valueBase, mul(begin, valueStride)), valueStride, stride(value, spec.value, spec.dimV()),
                 spec.headSizeV, tiling.valueAt, tiling.paddedV, numKeys);
    if (tiling.maskKind == MaskKind::PerKey)
      keysMasked = stagePerKeyMask(begin, numKeys);
    forEachBlock([&](const QueryBlock &block) {
      if (spec.structure == AttentionStructure::None) {
        emitQueryBlock(block, k, v, begin, numKeys, idx(0));
        return;
      }
      KeyRange own = blockLimits(block);
      own.begin = max(own.begin, begin);
      own.end = min(own.end, add(begin, numKeys));
      ifThen(lt(own.begin, own.end), [&] {
        Value skipped = sub(own.begin, begin);
        auto from = [&](Matrix matrix) {
          matrix.base = add(matrix.base, mul(skipped, matrix.rowStride));
          return matrix;
        };
        emitQueryBlock(block, from(k), from(v), own.begin, sub(own.end, own.begin), skipped);
      });
    });
  });
}

//===----------------------------------------------------------------------===//
// Tasks
//===----------------------------------------------------------------------===//

/// Emits a loop over the blocks of queries of the group.
void AttentionEmitter::forEachBlock(llvm::function_ref<void(const QueryBlock &)> body) {
  loop(groupBlocks, [&](Value number) {
    QueryBlock block;
    block.number = number;
    Value done = mul(number, tiling.queries);
    block.firstRow = add(groupRow, done);
    block.numRows = min(idx(tiling.queries), sub(groupRows, done));
    block.numVectors = ceilDiv(block.numRows, idx(lanes()));
    body(block);
  });
}

/// Task number -> batch indices and group of blocks of queries.
void AttentionEmitter::emitTask(Value task, Value numGroups, Value blocksPerGroup) {
  Value rest = div(task, numGroups);
  Value rowsPerGroup = mul(blocksPerGroup, tiling.queries);
  groupRow = mul(sub(task, mul(rest, numGroups)), rowsPerGroup);
  groupRows = min(rowsPerGroup, sub(sizeM, groupRow));
  groupBlocks = ceilDiv(groupRows, idx(tiling.queries));
  batch.assign(spec.numBatchDims, Value());
  for (unsigned dim = spec.numBatchDims; dim-- > 0;) {
    Value extent = size(output, spec.output, dim);
    Value next = div(rest, extent);
    batch[dim] = sub(rest, mul(next, extent));
    rest = next;
  }
  queryBase = batchOffset(query, spec.query);
  keyBase = batchOffset(key, spec.key);
  valueBase = batchOffset(value, spec.value);
  outputBase = batchOffset(output, spec.output);
  if (spec.mask)
    maskBase = batchOffset(mask, *spec.mask);
  if (spec.offsets) {
    queryBase = add(queryBase, mul(firstQuery, stride(query, spec.query, spec.dimM())));
    outputBase = add(outputBase, mul(firstQuery, stride(output, spec.output, spec.dimM())));
    keyBase = add(keyBase, mul(firstKey, stride(key, spec.key, spec.dimN())));
    valueBase = add(valueBase, mul(firstKey, stride(value, spec.value, spec.dimN())));
  }

  forEachBlock([&](const QueryBlock &block) {
    loadQueries(block);
    Value start = at(tiling.outputAt, block.number, tiling.paddedV * tiling.queries);
    loop(idx(0), idx(spec.headSizeV * tiling.queries), idx(lanes()),
         [&](Value i) { storeScratch(splat(0.0), add(start, i)); });
    for (int64_t v = 0; v < tiling.vectors; ++v) {
      Value state = add(mul(block.number, tiling.queries), v * lanes());
      storeScratch(splat(-kInf), add(state, tiling.maximumAt));
      storeScratch(splat(0.0), add(state, tiling.sumAt));
    }
  });

  KeyRange keys = keyLimits();
  if (tiling.maskKind == MaskKind::PerKey && spec.mask->elementType.isInteger(8))
    keys = trimMasked(keys);
  if (spec.structure != AttentionStructure::Window) {
    emitKeyRange(keys);
  } else {
    Value first = sub(groupRow, idx(spec.windowLeft));
    Value last = add(add(groupRow, groupRows), spec.windowRight);
    if (!spec.windowGlobal) {
      emitKeyRange({max(keys.begin, first), min(keys.end, last)});
    } else {
      // First the global keys, then those after them that are in the window, or
      // all if there is a global row.
      Value global = idx(spec.windowGlobal);
      Value all = lt(groupRow, global);
      first = max(select(all, idx(0), first), global);
      last = select(all, sizeN, last);
      loop(idx(2), [&](Value range) {
        inGlobalKeys = eq(range, idx(0));
        Value begin = select(inGlobalKeys, idx(0), first);
        Value end = select(inGlobalKeys, global, last);
        emitKeyRange({max(keys.begin, begin), min(keys.end, end)});
      });
    }
  }
  forEachBlock([&](const QueryBlock &block) { storeOutput(block); });
}

/// Rows or keys of \p sequence, of \p size in all. No range leaves the tokens, whatever the offsets say.
AttentionEmitter::KeyRange AttentionEmitter::sequenceRange(const FlatMemRef &flat, Value sequence, Value numSequences,
                                                           Value size) {
  auto read = [&](Value index) {
    Value offset = load(flat.mem, add(flat.offset, mul(index, flat.strides[0])));
    return arith::IndexCastOp::create(*this, getLoc(), getIndexType(), offset).getResult();
  };
  Value begin = select(eq(sequence, idx(0)), idx(0), min(max(read(sequence), idx(0)), size));
  Value next = read(min(add(sequence, 1), numSequences));
  Value end = select(eq(sequence, numSequences), size, min(max(next, begin), size));
  return {begin, end};
}

/// The tasks of a ragged batch that thread \p tid of \p nth takes.
void AttentionEmitter::emitSequences(Value tid, Value nth, Value numBatches) {
  Value numSequences = sub(offsets.sizes[0], idx(1));
  Value allRows = sizeM, allKeys = sizeN;
  // Carried: the thread whose turn it is, counted from this one.
  loop(idx(0), add(numSequences, 1), idx(1), tid, [&](Value sequence, ValueRange in) -> SmallVector<Value> {
    KeyRange rows = sequenceRange(offsets, sequence, numSequences, allRows);
    KeyRange keys = sequenceRange(spec.keyOffsets ? keyOffsets : offsets, sequence, numSequences, allKeys);
    firstQuery = rows.begin;
    firstKey = keys.begin;
    sizeM = sub(rows.end, rows.begin);
    // Rows behind the last sequence have no keys.
    sizeN = select(eq(sequence, numSequences), idx(0), sub(keys.end, keys.begin));
    Value numBlocks = ceilDiv(sizeM, idx(tiling.queries));
    // A few tasks for each thread; with one sequence that is all there is.
    Value blocksPerGroup = min(max(div(mul(numBatches, numBlocks), mul(nth, 4)), idx(1)), idx(tiling.groupBlocks));
    blocksPerGroup = select(eq(nth, idx(1)), idx(tiling.groupBlocks), blocksPerGroup);
    Value numGroups = ceilDiv(numBlocks, blocksPerGroup);
    Value numTasks = mul(numBatches, numGroups);
    blocksPerGroup = ceilDiv(numBlocks, max(numGroups, idx(1)));
    loop(in[0], numTasks, nth, [&](Value task) { emitTask(task, numGroups, blocksPerGroup); });
    // The next sequence starts with the thread behind the last one that had a task.
    Value turn = rem(sub(add(in[0], mul(nth, numTasks)), numTasks), nth);
    return {turn};
  });
}

void AttentionEmitter::emitKernel(Block *entry) {
  auto arg = entry->getArguments().begin();
  Value tid = *arg++, nth = *arg++;
  query = flatten(*arg++);
  key = flatten(*arg++);
  value = flatten(*arg++);
  if (spec.mask)
    mask = flatten(*arg++);
  if (spec.lengths)
    lengths = flatten(*arg++);
  if (spec.offsets)
    offsets = flatten(*arg++);
  if (spec.keyOffsets)
    keyOffsets = flatten(*arg++);
  output = flatten(*arg++);
  Value allScratch = *arg++;
  auto scratchType = MemRefType::get({ShapedType::kDynamic}, getF32Type(),
                                     StridedLayoutAttr::get(getContext(), ShapedType::kDynamic, {1}));
  scratch = memref::SubViewOp::create(
      *this, getLoc(), scratchType, allScratch, ArrayRef<OpFoldResult>{OpFoldResult(mul(tid, tiling.total))},
      ArrayRef<OpFoldResult>{OpFoldResult(idx(tiling.total))}, ArrayRef<OpFoldResult>{OpFoldResult(getIndexAttr(1))});

  sizeM = size(output, spec.output, spec.dimM());
  sizeN = size(key, spec.key, spec.dimN());
  Value numBlocks = ceilDiv(sizeM, idx(tiling.queries));
  Value numBatches = idx(1);
  for (unsigned dim = 0; dim < spec.numBatchDims; ++dim)
    numBatches = mul(numBatches, size(output, spec.output, dim));
  if (spec.offsets) {
    emitSequences(tid, nth, numBatches);
    return;
  }
  // Groups as large as possible that leave each thread a few tasks, so that the
  // threads end at about the same time.
  constexpr int64_t tasksPerThread = 4;
  Value blocksPerGroup = div(mul(numBatches, numBlocks), mul(nth, tasksPerThread));
  blocksPerGroup =
      select(eq(nth, idx(1)), idx(tiling.groupBlocks), min(max(blocksPerGroup, idx(1)), idx(tiling.groupBlocks)));
  Value numGroups = ceilDiv(numBlocks, blocksPerGroup);
  Value numTasks = mul(numBatches, numGroups);
  blocksPerGroup = ceilDiv(numBlocks, max(numGroups, idx(1)));

  const bool causal =
      spec.structure == AttentionStructure::Causal || spec.structure == AttentionStructure::CausalLowerRight;
  if (!causal) {
    // Neighbouring tasks share keys and values: they stay on one thread.
    Value begin = div(mul(numTasks, tid), nth);
    Value end = div(mul(numTasks, add(tid, 1)), nth);
    loop(begin, end, idx(1), [&](Value task) { emitTask(task, numGroups, blocksPerGroup); });
    return;
  }
  // Later blocks cost more: deal them out in turns of alternating direction.
  loop(ceilDiv(numTasks, nth), [&](Value turn) {
    Value odd = eq(rem(turn, idx(2)), idx(1));
    Value mine = select(odd, sub(sub(nth, idx(1)), tid), tid);
    Value task = add(mul(turn, nth), mine);
    ifThen(lt(task, numTasks), [&] { emitTask(task, numGroups, blocksPerGroup); });
  });
}

//===----------------------------------------------------------------------===//
// Entry points
//===----------------------------------------------------------------------===//

SmallVector<Type> et::cpu::attentionArgTypes(OpBuilder &builder, const AttentionKernelSpec &spec) {
  auto memref = [](const AttentionOperand &operand) {
    return getStridedMemRefType(operand.dims.size(), operand.elementType);
  };
  SmallVector<Type> types(2, builder.getIndexType());
  types.append({memref(spec.query), memref(spec.key), memref(spec.value)});
  if (spec.mask)
    types.push_back(memref(*spec.mask));
  if (spec.lengths)
    types.push_back(memref(*spec.lengths));
  for (Type type : {spec.offsets, spec.keyOffsets})
    if (type)
      types.push_back(getStridedMemRefType(1, type));
  types.push_back(memref(spec.output));
  types.push_back(MemRefType::get({ShapedType::kDynamic}, builder.getF32Type()));
  return types;
}

func::FuncOp et::cpu::buildAttentionKernel(OpBuilder &builder, Location loc, StringRef name,
                                           const AttentionKernelSpec &spec, const ISA &isa) {
  assert(!verifyAttentionSpec(spec) && "expected a specification that verifies");
  func::FuncOp func = createKernelFunction(builder, loc, name, attentionArgTypes(builder, spec));
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(&func.front());
  AttentionEmitter(builder, loc, spec, isa).emitKernel(&func.front());
  return func;
}
