//===- Strips.h - Storage of weights as the tiles that tensor cores read -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A weight [n, k] of f16 or bf16 is cut into strips of 64 outputs, and a strip into
// blocks of 64 inputs. Of a block only units that have an element other than zero are
// stored: slabs of 64 outputs by 16 inputs, operands of one wgmma, or squares of 16 by
// 16, operands of mma.sync. Rows and columns past the weight are zero.
//
//   i32 order[strips]           the strips in the order in which a kernel takes them, and in which all that follows
//                               stands: the longest first, and next to each other those with most blocks in common
//   i32 starts[strips + 1]      the number of units stored in front of each strip; then all of them
//   u16 masks[strips][blocks]   which units of a block are stored; rows padded to a multiple of eight. Bit i stands
//                               for slab i, and bit 4 i + p for the square of slab i whose outputs are 16 p .. 16 p +
//                               15
//   units[kept]                 from the next multiple of 128 bytes on: strip by strip, in a strip block by block, in
//                               a block by ascending bit
//
// A slab is stored as a wgmma reads it without a swizzle: 16 matrices of 8 outputs by 8 inputs, 128 bytes each, first
// the eight of the lower inputs. A square is stored as mma.sync m16n8k16 wants it as operand A: lane l has the 16 bytes
// from 16 l on, inputs 2 (l % 4) and the next of output l / 4, of output l / 4 + 8, then the same of inputs eight
// further on.
//
//===----------------------------------------------------------------------===//

#ifndef ET_DIALECT_ET_IR_STRIPS_H
#define ET_DIALECT_ET_IR_STRIPS_H

#include <cstdint>
#include <vector>

namespace mlir::et {

/// Where what lies in the storage of a weight in strips.
struct StripsLayout {
  /// Outputs of a strip, inputs of a block and of a slab.
  static constexpr int64_t kStripRows = 64, kBlockColumns = 64, kSlabColumns = 16;

  /// Outputs and inputs of the weight.
  int64_t n = 0, k = 0;
  /// Rows of a unit: 64 for slabs, 16 for squares.
  int64_t unitRows = 64;
  /// How many units are stored.
  int64_t kept = 0;

  int64_t numStrips() const { return (n + kStripRows - 1) / kStripRows; }
  int64_t numBlocks() const { return (k + kBlockColumns - 1) / kBlockColumns; }
  int64_t unitBytes() const { return unitRows * kSlabColumns * 2; }
  int64_t unitsPerBlock() const { return kStripRows / unitRows * (kBlockColumns / kSlabColumns); }
  int64_t maskStride() const { return (numBlocks() + 7) / 8 * 8; }
  /// In bytes from the start of the storage. Masks start at a multiple of 16, units at one of 128.
  int64_t startsOffset() const { return numStrips() * 4; }
  int64_t masksOffset() const { return (startsOffset() + (numStrips() + 1) * 4 + 15) / 16 * 16; }
  int64_t unitsOffset() const { return (masksOffset() + numStrips() * maskStride() * 2 + 127) / 128 * 128; }
  int64_t storageBytes() const { return unitsOffset() + kept * unitBytes(); }
};

/// Which units of a weight are other than zero.
struct StripsPattern {
  /// `kept` counts the bits of `masks`.
  StripsLayout layout;
  /// [strip][block], without padding.
  std::vector<uint16_t> masks;

  uint16_t mask(int64_t strip, int64_t block) const { return masks[strip * layout.numBlocks() + block]; }
  /// Inputs of the widest aligned tiles, 64, 32 or 16, of which all units or none are stored. What reaches past the
  /// last input is not.
  int64_t tileColumns() const;
  /// Blocks of which each pair of neighbours in \p order has a unit, over all pairs; the last may be alone.
  int64_t countSharedBlocks(const std::vector<int32_t> &order) const;
};

/// Finds the units of \p data, a row-major [n, k] weight of 16-bit floats. Zeros of either sign are zero.
StripsPattern findStrips(const uint16_t *data, int64_t n, int64_t k, int64_t unitRows);

/// The strips of \p pattern, in the order in which a kernel takes them.
std::vector<int32_t> orderStrips(const StripsPattern &pattern);

/// Writes the units of \p data that \p pattern has to \p target, which has pattern.layout.storageBytes() bytes.
void packStrips(const uint16_t *data, const StripsPattern &pattern, char *target);

} // namespace mlir::et

#endif // ET_DIALECT_ET_IR_STRIPS_H
