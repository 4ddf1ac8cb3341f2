//===- AttentionEmitter.h - Parts of attention kernels -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The emitter behind buildAttentionKernel(). AttentionKernel.cpp divides the
// work, AttentionRows.cpp moves rows of operands, AttentionScores.cpp computes.
//
//===----------------------------------------------------------------------===//

#ifndef ET_LIB_CONVERSION_ETTOCPU_KERNELS_ATTENTIONEMITTER_H
#define ET_LIB_CONVERSION_ETTOCPU_KERNELS_ATTENTIONEMITTER_H

#include "AttentionTiling.h"
#include "KernelBuilder.h"
#include "et/Conversion/ETToCPU/AttentionKernel.h"
#include "et/Conversion/ETToCPU/VectorMath.h"

#include <limits>

namespace mlir::et::cpu {

class AttentionEmitter : public KernelBuilder {
public:
  AttentionEmitter(OpBuilder &builder, Location loc, const AttentionKernelSpec &spec, const ISA &isa)
      : KernelBuilder(builder, loc, isa), spec(spec), tiling(spec, isa),
        natural(spec.score || (spec.mask && !spec.mask->elementType.isInteger(8))) {}

  void emitKernel(Block *entry);

private:
  static constexpr double kLog2e = 1.44269504088896340736;
  static constexpr double kInf = std::numeric_limits<double>::infinity();

  /// A matrix of f32 that is read element by element.
  struct Matrix {
    Value mem, base, rowStride, colStride;
  };
  /// Keys [begin, end).
  struct KeyRange {
    Value begin, end;
  };
  /// One block of queries: rows [firstRow, firstRow + numRows), numRows at most
  /// tiling.queries.
  struct QueryBlock {
    Value number, firstRow, numRows;
    /// Number of vectors that hold rows.
    Value numVectors;
  };

  const AttentionKernelSpec &spec;
  const AttentionTiling tiling;
  /// Whether scores are in natural units instead of log2(e).
  const bool natural;

  FlatMemRef query, key, value, mask, lengths, offsets, keyOffsets, output;
  Value scratch;
  Value sizeM, sizeN;
  /// First row and key of the sequence at hand, whose sizes are sizeM and sizeN; null for one sequence per batch index.
  Value firstQuery, firstKey;

  // Of the current task.
  SmallVector<Value> batch;
  Value groupRow, groupRows, groupBlocks;
  Value queryBase, keyBase, valueBase, maskBase, outputBase;
  /// Whether the mask of the block of keys at hand changes any score; may be null.
  Value keysMasked;
  /// Whether the range of keys at hand is that of the global keys; may be null.
  Value inGlobalKeys;

  // AttentionKernel.cpp
  KeyRange sequenceRange(const FlatMemRef &flat, Value sequence, Value numSequences, Value size);
  Value batchOffset(const FlatMemRef &flat, const AttentionOperand &operand);
  Value stride(const FlatMemRef &flat, const AttentionOperand &operand, unsigned dim);
  Value size(const FlatMemRef &flat, const AttentionOperand &operand, unsigned dim);
  void forEachBlock(llvm::function_ref<void(const QueryBlock &)> body);
  KeyRange keyLimits();
  KeyRange blockLimits(const QueryBlock &block);
  KeyRange trimMasked(KeyRange keys);
  void emitKeyRange(KeyRange keys);
  void emitTask(Value task, Value numGroups, Value blocksPerGroup);
  void emitSequences(Value tid, Value nth, Value numBatches);

  // AttentionRows.cpp
  void copyRow(const FlatMemRef &src, Value base, Value elemStride, int64_t count, Value dstBase,
               std::optional<double> factor);
  void storeRow(Value srcBase, int64_t count, Value base, Value elemStride);
  void loadQueries(const QueryBlock &block);
  void storeOutput(const QueryBlock &block);
  Matrix packRows(const FlatMemRef &src, Value base, Value rowStride, Value elemStride, int64_t count, int64_t start,
                  int64_t padded, Value numKeys);
  Value maskToF32(Value value);
  Value stagePerKeyMask(Value begin, Value numKeys);
  void stageFullMask(const QueryBlock &block, Value begin, Value numKeys);

  // AttentionScores.cpp
  SmallVector<Value> scoreTile(const QueryBlock &block, int64_t vectors, int64_t keys, const Matrix &k, Value firstKey,
                               ValueRange maxima);
  void computeScores(const QueryBlock &block, int64_t vectors, const Matrix &k, Value numKeys);
  Value maskNeeded(const QueryBlock &block, Value begin, Value numKeys);
  void applyMasks(const QueryBlock &block, Value begin, Value numKeys, Value maskStart);
  void softmax(const QueryBlock &block, Value numKeys);
  void accumulate(const QueryBlock &block, int64_t vectors, const Matrix &v, Value numKeys);
  void emitQueryBlock(const QueryBlock &block, const Matrix &k, const Matrix &v, Value begin, Value numKeys,
                      Value skipped);

  Value exp2(Value x) {
    if (natural)
      x = mulf(x, splat(kLog2e));
    return emitExp2Softmax(*this, getLoc(), x, isa);
  }
  Value loadScratch(Value at) { return loadVector(scratch, at, lanes()); }
  void storeScratch(Value vector, Value at) { storeVector(vector, scratch, at, lanes()); }
  /// Index of element [row][column] of a scratch array with \p width columns.
  Value at(int64_t array, Value row, int64_t width, int64_t column = 0) { return add(mul(row, width), array + column); }
};

} // namespace mlir::et::cpu

#endif // ET_LIB_CONVERSION_ETTOCPU_KERNELS_ATTENTIONEMITTER_H
