//===- SparsityCosts.cpp - When sparse weights pay --------------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SparsityCosts.h"

#include <algorithm>
#include <cmath>

using namespace mlir;
using namespace mlir::et;

//===----------------------------------------------------------------------===//
// CPUs
//===----------------------------------------------------------------------===//

/// Products that a core makes in the time in which it gathers an element of the input, and in which it puts an element
/// of the result in its place: both are loops of single elements. Measured with 128 rows, 384 to 3072 inputs and
/// outputs and half of either left, on AVX-512: 0.54 to 0.58 of the dense time with columns, 0.54 to 0.62 with rows.
static constexpr double kGather = 30, kScatter = 40;
/// The share of time that the input takes that comes from memory once more, and the result.
static constexpr double kReadAgain = 0.06, kWriteAgain = 0.025;

/// Time of a CPU kernel for \p kept tiles as a share of the dense one's, for a weight of \p rows x \p columns. Each
/// element of the input that is loaded feeds as many products as a tile has rows, so narrow tiles are bound by loads;
/// and what is multiplied is vectors of 16 outputs.
static double getCPUTiles(TileAttr tile, int64_t kept, int64_t rows, int64_t columns) {
  int64_t height = tile.getRows(), width = std::min(tile.getColumns(), columns);
  double rate = height % 64 == 0 ? 0.9 : height % 32 == 0 || height % 48 == 0 ? 0.85 : 0.65;
  return double(kept) * llvm::alignTo(height, 16) * width / rate / double(llvm::alignTo(rows, 16) * columns);
}

//===----------------------------------------------------------------------===//
// GPUs
//===----------------------------------------------------------------------===//

/// Inputs of up to so many rows are few: dense kernels then wait for weights, and a launch counts.
static constexpr int64_t kFewRows = 512;

/// Seconds that a launch takes beside its work when others come right before and after it.
static constexpr double kLaunch = 2e-6;

/// The share of a GPU kernel with thousands of rows, when \p kept of the tiles are left, at random: a fit to
/// measurements (benchmarks/gpu/sparse.py). Loading lists and storing the result take their time whatever is left of
/// the weight: a share of the dense kernel's that falls with the number of products for each of them. Slabs of 64
/// outputs are multiplied at nearly the dense kernel's rate, but a block of 64 inputs is loaded where one of two
/// neighbouring strips has anything of it, and narrow tiles cost branches. Squares of 16 need more loads for each
/// product, and older instructions.
static double getManyRowsTiles(TileAttr tile, double kept, int64_t rows, int64_t columns) {
  double fixed = std::min(0.45, 0.01 + 130.0 / rows + 130.0 / columns);
  if (tile.getRows() % 64 != 0)
    return fixed + 0.17 + 2.6 * kept;
  double width = std::min<int64_t>(tile.getColumns(), 64);
  double loaded = 1 - std::pow(1 - kept, 2 * 64 / width);
  return fixed + (width < 64 ? 1.35 : 1) * (0.78 * kept + 0.27 * loaded);
}

/// The same with few rows. Dense kernels for few rows split K and leave little to save: slabs pay from half of the
/// weight on, and squares, whose kernel was made for many rows, only where the weight is large.
static double getFewRowsTiles(TileAttr tile, double kept, int64_t rows, int64_t columns) {
  if (tile.getRows() % 64 == 0)
    return 0.5 + (tile.getColumns() < 64 ? 1.35 : 1) * 1.1 * kept;
  return 0.55 + 0.4 * std::min(1.0, 3.5e6 / (double(rows) * columns)) + 1.6 * kept;
}

/// Seconds of a dense layer: products on tensor cores (of f32 without), or the weight through memory.
double LayerCosts::getGPULinear(int64_t outputs, int64_t inputs) const {
  bool isHopper = kernels == SparseKernels::Wgmma;
  double rate = elementBytes > 2 ? (isHopper ? 40e12 : 15e12) : (isHopper ? 680e12 : 220e12);
  double products = 2.0 * tokens * outputs * inputs / rate;
  double loads = double(outputs) * inputs * elementBytes / (isHopper ? 3.5e12 : 1.5e12);
  return kLaunch + std::max(products, loads);
}

/// Seconds of \p count launches that move \p elements in all.
double LayerCosts::getGPULaunches(unsigned count, double elements) const {
  return count * kLaunch + elements * elementBytes / (kernels == SparseKernels::Wgmma ? 3.5e12 : 1.5e12);
}

//===----------------------------------------------------------------------===//
// All targets
//===----------------------------------------------------------------------===//

double LayerCosts::getTiles(TileAttr tile, int64_t kept, int64_t total) const {
  if (kernels == SparseKernels::CPU)
    return getCPUTiles(tile, kept, outputs, inputs);
  return (tokens <= kFewRows ? getFewRowsTiles : getManyRowsTiles)(tile, double(kept) / total, outputs, inputs);
}

double LayerCosts::getColumns(int64_t kept) const {
  double share = double(kept) / inputs;
  if (kernels == SparseKernels::CPU)
    return share * (1 + kReadAgain + kGather / outputs);
  double gather = getGPULaunches(1 + lostInFront, double(tokens) * (inputs + kept));
  return (gather + getGPULinear(outputs, kept)) / getGPULinear(outputs, inputs);
}

double LayerCosts::getRows(int64_t kept) const {
  if (kernels == SparseKernels::CPU)
    return double(llvm::alignTo(kept, 16)) / llvm::alignTo(outputs, 16) +
           (1 + lostBehind) * (kWriteAgain + kScatter / inputs);
  double scatter = getGPULaunches(1 + lostBehind, double(tokens) * (kept + (1 + 2.0 * lostBehind) * outputs));
  return (scatter + getGPULinear(kept, inputs)) / getGPULinear(outputs, inputs);
}
