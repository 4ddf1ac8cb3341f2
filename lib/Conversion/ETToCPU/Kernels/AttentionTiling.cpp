//===- AttentionTiling.cpp - Block sizes of attention kernels -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Chooses block sizes, and checks what a specification asks for.
//
// A register tile is `vectors` x `keyTile` accumulators plus one vector of
// queries each and one broadcast. Two vectors of queries already make the tile
// bound by arithmetic, and keep short sequences from being padded to more.
//
// One block's Q^T, O^T and P^T should stay within the L1 cache. Where K or V have
// to be converted to f32, several blocks of queries share the converted block, as
// many as stay within the L2 cache together with it. Read in place, K and V gain
// nothing from that, and Q^T and O^T would leave the L1 cache.
//
//===----------------------------------------------------------------------===//

#include "AttentionTiling.h"

#include "et/Conversion/AttentionSpec.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::et::cpu;

AttentionTiling::AttentionTiling(const AttentionKernelSpec &spec, const ISA &isa) {
  lanes = isa.vectorBits / 32;
  vectors = 2;
  queries = vectors * lanes;
  keyTile = isa.numVectorRegs >= 32 ? 8 : 4;
  valueTile = keyTile;
  paddedK = llvm::alignTo(spec.headSizeK, lanes);
  paddedV = llvm::alignTo(spec.headSizeV, lanes);
  keyBlock = std::max(paddedK, paddedV) <= 256 ? 128 : 64;
  const bool packKey = !spec.key.elementType.isF32();
  const bool packValue = !spec.value.elementType.isF32();
  groupBlocks = 1;
  if (packKey || packValue)
    groupBlocks = std::clamp<int64_t>(32 * 1024 / (queries * (paddedK + paddedV)), 1, 128 / queries);
  if (!spec.mask)
    maskKind = MaskKind::None;
  else
    maskKind = llvm::is_contained(spec.mask->dims, spec.dimM()) ? MaskKind::Full : MaskKind::PerKey;

  int64_t at = 0;
  auto take = [&](int64_t elements) {
    int64_t start = at;
    at = llvm::alignTo(at + elements, 16);
    return start;
  };
  queryAt = take(groupBlocks * paddedK * queries);
  outputAt = take(groupBlocks * paddedV * queries);
  scoreAt = take(keyBlock * queries);
  maximumAt = take(groupBlocks * queries);
  sumAt = take(groupBlocks * queries);
  factorAt = take(queries);
  maskAt = take(maskKind == MaskKind::None ? 0 : maskKind == MaskKind::PerKey ? keyBlock : keyBlock * queries);
  stageStride = std::max(paddedK, paddedV);
  stageAt = take(lanes * stageStride);
  keyAt = take(packKey ? keyBlock * paddedK : 0);
  valueAt = take(packValue ? keyBlock * paddedV : 0);
  total = at;
}

int64_t et::cpu::attentionScratchBytes(const AttentionKernelSpec &spec, const ISA &isa) {
  return AttentionTiling(spec, isa).total * 4;
}

std::optional<std::string> et::cpu::verifyAttentionSpec(const AttentionKernelSpec &spec) {
  auto check = [&](StringRef name, const AttentionOperand &operand, ArrayRef<unsigned> required,
                   ArrayRef<unsigned> allowed) -> std::optional<std::string> {
    llvm::SmallDenseSet<unsigned> seen;
    for (unsigned dim : operand.dims) {
      if (dim >= spec.numBatchDims && !llvm::is_contained(required, dim) && !llvm::is_contained(allowed, dim))
        return ("expected no iteration dimension " + Twine(dim) + " in " + name).str();
      if (!seen.insert(dim).second)
        return ("expected each dimension once in " + name + ", but " + Twine(dim) + " is repeated").str();
    }
    for (unsigned dim : required)
      if (!seen.contains(dim))
        return ("expected " + name + " to use iteration dimension " + Twine(dim)).str();
    return std::nullopt;
  };
  auto isFloat = [](Type type) { return type.isF32() || type.isF16() || type.isBF16(); };
  const unsigned m = spec.dimM(), n = spec.dimN();
  if (auto error = check("query", spec.query, {m, spec.dimK()}, {}))
    return error;
  if (auto error = check("key", spec.key, {n, spec.dimK()}, {}))
    return error;
  if (auto error = check("value", spec.value, {n, spec.dimV()}, {}))
    return error;
  SmallVector<unsigned> all{m, spec.dimV()};
  for (unsigned dim = 0; dim < spec.numBatchDims; ++dim)
    all.push_back(dim);
  if (auto error = check("output", spec.output, all, {}))
    return error;
  for (const AttentionOperand *operand : {&spec.query, &spec.key, &spec.value, &spec.output})
    if (!isFloat(operand->elementType))
      return "expected query, key, value and output of f32, f16 or bf16";
  if (spec.mask) {
    if (auto error = check("mask", *spec.mask, {}, {m, n}))
      return error;
    if (!isFloat(spec.mask->elementType) && !spec.mask->elementType.isInteger(8))
      return "expected a mask of i8, f32, f16 or bf16";
  }
  if (spec.lengths)
    if (auto error = check("lengths", *spec.lengths, {}, {}))
      return error;
  if (auto error = verifyAttentionSequences(spec))
    return error;
  return verifyAttentionSizes(spec);
}
