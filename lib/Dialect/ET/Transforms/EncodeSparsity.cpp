//===- EncodeSparsity.cpp - Find the zero tiles of weights -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   %w = et.weight_ref @w : tensor<1536x384xf32>           // dense, most tiles zero
//   %y = et.linear %x, %w
// becomes
//   %w = et.weight_ref @w.tiles : tensor<1536x384xf32, #et.tile<64x16>>
//   %y = et.linear %x, %w
//
// One pass over a weight marks, for each group of outputs, the columns that have
// an element other than zero; every tile size is counted from these marks. The
// weight itself is not changed or copied: the new one has the same sources.
//
//===----------------------------------------------------------------------===//

#include "et/Dialect/ET/IR/ET.h"
#include "et/Dialect/ET/IR/WeightData.h"
#include "et/Dialect/ET/Transforms/Passes.h"
#include "et/Dialect/ET/Transforms/WeightValues.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Remarks.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>
#include <numeric>

#define DEBUG_TYPE "et-encode-sparsity"

namespace mlir::et {
#define GEN_PASS_DEF_ENCODESPARSITYPASS
#include "et/Dialect/ET/Transforms/Passes.h.inc"
} // namespace mlir::et

using namespace mlir;
using namespace mlir::et;

/// Tile sizes that are tried when none are given, as rows and columns. Of sizes that cost about the same the first is
/// taken: coarse tiles say more about a weight to whoever reads it.
static ArrayRef<std::pair<int64_t, int64_t>> getDefaultTiles(SparseKernels kernels) {
  static constexpr std::pair<int64_t, int64_t> kCPU[] = {{64, 16}, {32, 16}, {16, 16}, {64, 1},
                                                         {32, 1},  {16, 4},  {16, 1}};
  static constexpr std::pair<int64_t, int64_t> kWgmma[] = {{64, 64}, {64, 32}, {64, 16}, {16, 16}};
  static constexpr std::pair<int64_t, int64_t> kMma[] = {{16, 16}};
  if (kernels == SparseKernels::CPU)
    return kCPU;
  return kernels == SparseKernels::Wgmma ? ArrayRef(kWgmma) : ArrayRef(kMma);
}

/// A finer tile has to save so much over a coarser one.
static constexpr double kWorthFinerTiles = 0.95;

/// Sparse kernels have to take at most so much of the time of the dense one.
static constexpr double kPays = 0.9;

/// Weights with fewer zeros than this were not pruned: nothing is said about them.
static constexpr double kPruned = 0.2;

/// Time of a CPU kernel for \p kept tiles as a share of the dense one's, for a weight of \p rows x \p columns. Each
/// element of the input that is loaded feeds as many products as a tile has rows, so narrow tiles are bound by loads;
/// and what is multiplied is vectors of 16 outputs.
static double getCPUCost(TileAttr tile, int64_t kept, int64_t rows, int64_t columns) {
  int64_t height = tile.getRows(), width = std::min(tile.getColumns(), columns);
  double rate = height % 64 == 0 ? 0.9 : height % 32 == 0 || height % 48 == 0 ? 0.85 : 0.65;
  return double(kept) * llvm::alignTo(height, 16) * width / rate / double(llvm::alignTo(rows, 16) * columns);
}

/// The same of a GPU kernel with thousands of rows, when \p kept of the tiles are left, at random: a fit to
/// measurements (benchmarks/gpu/sparse.py). Loading lists and storing the result take their time whatever is left of
/// the weight: a share of the dense kernel's that falls with the number of products for each of them. Slabs of 64
/// outputs are multiplied at nearly the dense kernel's rate, but a block of 64 inputs is loaded where one of two
/// neighbouring strips has anything of it, and narrow tiles cost branches. Squares of 16 need more loads for each
/// product, and older instructions.
static double getGPUCost(TileAttr tile, double kept, int64_t rows, int64_t columns) {
  double fixed = std::min(0.45, 0.01 + 130.0 / rows + 130.0 / columns);
  if (tile.getRows() % 64 != 0)
    return fixed + 0.17 + 2.6 * kept;
  double width = std::min<int64_t>(tile.getColumns(), 64);
  double loaded = 1 - std::pow(1 - kept, 2 * 64 / width);
  return fixed + (width < 64 ? 1.35 : 1) * (0.78 * kept + 0.27 * loaded);
}

namespace {
/// Where a weight has elements other than zero.
struct NonZeros {
  /// Rows of a group, and whether a column of it has one: [group][column].
  int64_t groupRows = 1;
  int64_t rows = 0, columns = 0;
  std::vector<uint32_t> used;
  int64_t numZeros = 0;

  template <typename Bits> void find(const Bits *data, Bits magnitude) {
    used.assign(llvm::divideCeil(rows, groupRows) * columns, 0);
    for (int64_t row = 0; row < rows; ++row) {
      const Bits *from = data + row * columns;
      uint32_t *to = used.data() + row / groupRows * columns;
      int64_t zeros = 0;
      // Zeros of either sign add nothing.
      for (int64_t i = 0; i < columns; ++i) {
        uint32_t bits = from[i] & magnitude;
        to[i] |= bits;
        zeros += bits == 0;
      }
      numZeros += zeros;
    }
  }

  /// Number of tiles of \p tile that have an element other than zero.
  int64_t countTiles(TileAttr tile) const {
    int64_t step = tile.getRows() / groupRows, groups = llvm::divideCeil(rows, groupRows), kept = 0;
    for (int64_t group = 0; group < groups; group += step)
      for (int64_t column = 0; column < columns; column += tile.getColumns()) {
        bool any = false;
        for (int64_t i = group; i < std::min(group + step, groups) && !any; ++i)
          for (int64_t j = column; j < std::min(column + tile.getColumns(), columns) && !any; ++j)
            any = used[i * columns + j] != 0;
        kept += any;
      }
    return kept;
  }
};

/// What a weight looks like in tiles of one size.
struct Candidate {
  TileAttr tile;
  int64_t kept = 0, total = 0;
  /// Time as a share of the dense kernel's.
  double cost = 0;
};

struct EncodeSparsityPass final : et::impl::EncodeSparsityPassBase<EncodeSparsityPass> {
  using Base::Base;

  void runOnOperation() override {
    if (failed(parseTiles()))
      return signalPassFailure();
    SymbolTable symbols(getOperation());
    SmallVector<LinearOp> layers;
    getOperation().walk([&](LinearOp op) { layers.push_back(op); });
    for (LinearOp layer : layers)
      if (failed(visit(layer, symbols)))
        return signalPassFailure();
  }

private:
  LogicalResult parseTiles();
  LogicalResult visit(LinearOp layer, SymbolTable &symbols);
  FailureOr<Candidate> choose(WeightOp weight, NonZeros &nonZeros) const;
  void encode(LinearOp layer, WeightOp weight, TileAttr tile, SymbolTable &symbols);

  SmallVector<TileAttr> candidates;
  /// Encoded weights by what they were made of, and their tile.
  DenseMap<std::pair<Operation *, Attribute>, WeightOp> encoded;
};
} // namespace

LogicalResult EncodeSparsityPass::parseTiles() {
  candidates.clear();
  encoded.clear();
  for (StringRef text : tiles) {
    auto [first, second] = text.split('x');
    int64_t rows = 0, columns = 0;
    constexpr int64_t largest = std::numeric_limits<int32_t>::max();
    if (first.getAsInteger(10, rows) || second.getAsInteger(10, columns) || rows <= 0 || columns <= 0 ||
        rows > largest || columns > largest)
      return getOperation().emitError("expected tiles to be sizes such as 64x16, but got '") << text << "'";
    candidates.push_back(TileAttr::get(&getContext(), rows, columns));
  }
  if (candidates.empty())
    for (auto [rows, columns] : getDefaultTiles(kernels))
      candidates.push_back(TileAttr::get(&getContext(), rows, columns));
  return success();
}

/// Counts what \p weight keeps in each of the tile sizes and returns the cheapest.
FailureOr<Candidate> EncodeSparsityPass::choose(WeightOp weight, NonZeros &nonZeros) const {
  FailureOr<RawElements> raw = getRawElements(weight);
  if (failed(raw))
    return failure();
  RankedTensorType type = weight.getTensorType();
  nonZeros.rows = type.getDimSize(0);
  nonZeros.columns = type.getDimSize(1);
  nonZeros.groupRows = 0;
  for (TileAttr tile : candidates)
    nonZeros.groupRows = std::gcd(nonZeros.groupRows, tile.getRows());
  if (type.getElementType().isF32())
    nonZeros.find(reinterpret_cast<const uint32_t *>(raw->data), 0x7fffffffu);
  else
    nonZeros.find(reinterpret_cast<const uint16_t *>(raw->data), uint16_t(0x7fff));
  Candidate best;
  for (TileAttr tile : candidates) {
    Candidate candidate;
    candidate.tile = tile;
    candidate.kept = nonZeros.countTiles(tile);
    candidate.total = tile.getNumTiles(0, nonZeros.rows) * tile.getNumTiles(1, nonZeros.columns);
    candidate.cost = kernels == SparseKernels::CPU
                         ? getCPUCost(tile, candidate.kept, nonZeros.rows, nonZeros.columns)
                         : getGPUCost(tile, double(candidate.kept) / candidate.total, nonZeros.rows, nonZeros.columns);
    if (!best.tile || candidate.cost < kWorthFinerTiles * best.cost)
      best = candidate;
  }
  return best;
}

/// Makes \p layer read \p weight with the encoding \p tile.
void EncodeSparsityPass::encode(LinearOp layer, WeightOp weight, TileAttr tile, SymbolTable &symbols) {
  RankedTensorType type = weight.getTensorType().cloneWithEncoding(tile);
  WeightOp &sparse = encoded[{weight, tile}];
  if (!sparse) {
    OpBuilder builder(weight);
    sparse =
        WeightOp::create(builder, weight.getLoc(), (weight.getSymName() + ".tiles").str(), type, weight.getSources());
    symbols.insert(sparse);
  }
  OpBuilder builder(layer);
  Value old = layer.getWeight();
  auto ref = WeightRefOp::create(builder, old.getLoc(), type, FlatSymbolRefAttr::get(sparse.getSymNameAttr()));
  layer.getWeightMutable().assign(ref.getResult());
  // A conversion goes before what it converts.
  for (Operation *op = old.getDefiningOp(); op && op->use_empty();) {
    Operation *source = op->getNumOperands() ? op->getOperand(0).getDefiningOp() : nullptr;
    op->erase();
    op = source;
  }
}

LogicalResult EncodeSparsityPass::visit(LinearOp layer, SymbolTable &symbols) {
  // What --et-import-sparse-encoding leaves of a conversion from dense.
  Value value = layer.getWeight();
  auto given = dyn_cast_or_null<TileAttr>(layer.getWeight().getType().getEncoding());
  if (auto cast = value.getDefiningOp<tensor::CastOp>(); cast && given)
    value = cast.getSource();
  WeightOp weight = getOutlinedWeight(value, symbols);
  if (!weight || weight.getTensorType().getEncoding())
    return success();
  if (given) {
    encode(layer, weight, given, symbols);
    return success();
  }
  auto declined = [&](const std::string &reason) {
    remark::missed(layer.getLoc(), remark::RemarkOpts::name("WeightStaysDense").category(DEBUG_TYPE))
        << remark::reason("the weight stays dense: {0}", reason)
        << remark::suggest("prune whole tiles of 64 outputs by {0} inputs", kernels == SparseKernels::Wgmma ? 64 : 16)
        << remark::metric("Weight", weight.getSymName().str());
  };
  Type element = weight.getTensorType().getElementType();
  bool isTensorCoreType = element.isF16() || element.isBF16();
  if (layer.getWeight().getType().getEncoding() || weight.getTensorType().getNumElements() == 0 ||
      !(element.isF32() || element.isF16() || element.isBF16()) || !hasData(weight))
    return success();
  NonZeros nonZeros;
  FailureOr<Candidate> best = choose(weight, nonZeros);
  if (failed(best))
    return failure();
  double zeros = double(nonZeros.numZeros) / weight.getTensorType().getNumElements();
  double kept = 100.0 * best->kept / best->total;
  if (kernels != SparseKernels::CPU && !isTensorCoreType) {
    if (zeros >= kPruned)
      declined("tensor cores multiply sparse weights of f16 and bf16 only");
    return success();
  }
  if (!force && best->cost > kPays) {
    if (zeros >= kPruned)
      declined(
          llvm::formatv("{0:f0} % of its elements are zero, but {1:f0} % of its tiles of {2}x{3} are not, with which "
                        "a sparse kernel would take {4:f2} times as long",
                        100 * zeros, kept, best->tile.getRows(), best->tile.getColumns(), best->cost));
    return success();
  }
  remark::passed(layer.getLoc(), remark::RemarkOpts::name("WeightEncoded").category(DEBUG_TYPE))
      << remark::reason("keeps {0} of {1} tiles of {2}x{3} ({4} %): about {5} of the dense kernel's time", best->kept,
                        best->total, best->tile.getRows(), best->tile.getColumns(), llvm::formatv("{0:f1}", kept).str(),
                        llvm::formatv("{0:f2}", best->cost).str())
      << remark::metric("Weight", weight.getSymName().str());
  encode(layer, weight, best->tile, symbols);
  ++numEncoded;
  return success();
}
