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
// or, where whole outputs or inputs are zero, @w.rows : tensor<1536x384xf32, #et.rows>
// or @w.columns : tensor<1536x384xf32, #et.columns>, whichever costs least.
//
// One pass over a weight marks, for each group of outputs, the columns that have
// an element other than zero; every tile size is counted from these marks. The
// weight itself is not changed or copied: the new one has the same sources.
//
//===----------------------------------------------------------------------===//

#include "SparsityCosts.h"

#include "et/Dialect/ET/IR/ET.h"
#include "et/Dialect/ET/IR/WeightData.h"
#include "et/Dialect/ET/Transforms/Passes.h"
#include "et/Dialect/ET/Transforms/WeightValues.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Remarks.h"
#include "llvm/Support/FormatVariadic.h"

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

/// Rows of an input of which nothing is known.
static constexpr int64_t kManyRows = 4096;

namespace {
/// Where a weight has elements other than zero.
struct NonZeros {
  /// Rows of a group, and whether a column of it has one: [group][column].
  int64_t groupRows = 1;
  int64_t rows = 0, columns = 0;
  std::vector<uint32_t> used;
  int64_t numZeros = 0, numUsedRows = 0;

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
      numUsedRows += zeros != columns;
    }
  }

  int64_t countColumns() const {
    int64_t kept = 0, groups = llvm::divideCeil(rows, groupRows);
    for (int64_t column = 0; column < columns; ++column) {
      bool any = false;
      for (int64_t group = 0; group < groups && !any; ++group)
        any = used[group * columns + column] != 0;
      kept += any;
    }
    return kept;
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

/// What a weight looks like in tiles of one size, or without its zero rows or columns.
struct Candidate {
  Attribute encoding;
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
  LayerCosts getCosts(LinearOp layer, WeightOp weight) const;
  FailureOr<Candidate> choose(WeightOp weight, const LayerCosts &costs, NonZeros &nonZeros) const;
  void encode(LinearOp layer, WeightOp weight, Attribute encoding, SymbolTable &symbols);

  /// What is tried, in order.
  SmallVector<Attribute> candidates;
  /// Encoded weights by what they were made of, and their encoding.
  DenseMap<std::pair<Operation *, Attribute>, WeightOp> encoded;
};
} // namespace

LogicalResult EncodeSparsityPass::parseTiles() {
  candidates.clear();
  encoded.clear();
  if (multiple == 0)
    return getOperation().emitError("expected option multiple of --et-encode-sparsity to be positive, but got 0");
  for (StringRef text : tiles) {
    if (text == "rows" || text == "columns") {
      candidates.push_back(text == "rows" ? Attribute(RowsAttr::get(&getContext()))
                                          : Attribute(ColumnsAttr::get(&getContext())));
      continue;
    }
    auto [first, second] = text.split('x');
    int64_t rows = 0, columns = 0;
    constexpr int64_t largest = std::numeric_limits<int32_t>::max();
    if (first.getAsInteger(10, rows) || second.getAsInteger(10, columns) || rows <= 0 || columns <= 0 ||
        rows > largest || columns > largest)
      return getOperation().emitError("expected tiles to be sizes such as 64x16, rows or columns, but got '")
             << text << "'";
    candidates.push_back(TileAttr::get(&getContext(), rows, columns));
  }
  if (candidates.empty()) {
    for (auto [rows, columns] : getDefaultTiles(kernels))
      candidates.push_back(TileAttr::get(&getContext(), rows, columns));
    candidates.push_back(RowsAttr::get(&getContext()));
    candidates.push_back(ColumnsAttr::get(&getContext()));
  }
  return success();
}

static bool isElementwiseGeneric(Operation *op) {
  auto generic = dyn_cast<linalg::GenericOp>(op);
  return generic && generic.getNumResults() == 1 && generic.getNumParallelLoops() == generic.getNumLoops();
}

LayerCosts EncodeSparsityPass::getCosts(LinearOp layer, WeightOp weight) const {
  LayerCosts costs;
  costs.kernels = kernels;
  costs.outputs = weight.getTensorType().getDimSize(0);
  costs.inputs = weight.getTensorType().getDimSize(1);
  costs.elementBytes = getElementSize(weight.getTensorType().getElementType());
  ArrayRef<int64_t> leading = layer.getInput().getType().getShape().drop_back();
  costs.tokens = expectedRows ? expectedRows.getValue() : kManyRows;
  if (!ShapedType::isDynamicShape(leading))
    costs.tokens = ShapedType::getNumElements(leading);
  // One elementwise op that reads the result is fused with the scatter; what comes behind it no longer with the layer.
  Value value = layer.getResult();
  for (Operation *user : value.getUsers())
    for (Value operand : user->getOperands())
      costs.lostInFront |= isElementwiseGeneric(user) && operand.getDefiningOp<NormStatsOp>();
  if (value.hasOneUse() && isElementwiseGeneric(*value.user_begin()))
    value = value.user_begin()->getResult(0);
  for (Operation *user : value.getUsers()) {
    bool isNorm = kernels == SparseKernels::CPU && isa<LayerNormOp, RmsNormOp>(user);
    bool isEpilogue = value.hasOneUse() && (isa<GeluOp>(user) || isElementwiseGeneric(user));
    costs.lostBehind += isNorm || isEpilogue || isa<ChunkStatsOp>(user);
  }
  return costs;
}

/// Counts what \p weight keeps with each of the candidates and returns the cheapest; one without an encoding when none
/// leaves anything out.
FailureOr<Candidate> EncodeSparsityPass::choose(WeightOp weight, const LayerCosts &costs, NonZeros &nonZeros) const {
  FailureOr<RawElements> raw = getRawElements(weight);
  if (failed(raw))
    return failure();
  RankedTensorType type = weight.getTensorType();
  nonZeros.rows = type.getDimSize(0);
  nonZeros.columns = type.getDimSize(1);
  nonZeros.groupRows = 0;
  for (Attribute candidate : candidates)
    if (auto tile = dyn_cast<TileAttr>(candidate))
      nonZeros.groupRows = std::gcd(nonZeros.groupRows, tile.getRows());
  if (nonZeros.groupRows == 0)
    nonZeros.groupRows = nonZeros.rows;
  if (type.getElementType().isF32())
    nonZeros.find(reinterpret_cast<const uint32_t *>(raw->data), 0x7fffffffu);
  else
    nonZeros.find(reinterpret_cast<const uint16_t *>(raw->data), uint16_t(0x7fff));
  Candidate best;
  for (Attribute encoding : candidates) {
    Candidate candidate;
    candidate.encoding = encoding;
    if (auto tile = dyn_cast<TileAttr>(encoding)) {
      if (kernels != SparseKernels::CPU && type.getElementType().isF32())
        continue;
      candidate.kept = nonZeros.countTiles(tile);
      candidate.total = tile.getNumTiles(0, nonZeros.rows) * tile.getNumTiles(1, nonZeros.columns);
      candidate.cost = costs.getTiles(tile, candidate.kept, candidate.total);
    } else {
      bool isRows = isa<RowsAttr>(encoding);
      candidate.kept = isRows ? nonZeros.numUsedRows : nonZeros.countColumns();
      candidate.total = isRows ? nonZeros.rows : nonZeros.columns;
      int64_t stored = llvm::alignTo(std::max<int64_t>(candidate.kept, 1), multiple.getValue());
      if (stored >= candidate.total)
        continue;
      candidate.cost = isRows ? costs.getRows(stored) : costs.getColumns(stored);
    }
    if (!best.encoding || candidate.cost < kWorthFinerTiles * best.cost)
      best = candidate;
  }
  return best;
}

/// Makes \p layer read \p weight with \p encoding.
void EncodeSparsityPass::encode(LinearOp layer, WeightOp weight, Attribute encoding, SymbolTable &symbols) {
  RankedTensorType type = weight.getTensorType().cloneWithEncoding(encoding);
  WeightOp &sparse = encoded[{weight, encoding}];
  if (!sparse) {
    StringRef suffix = isa<RowsAttr>(encoding) ? ".rows" : isa<ColumnsAttr>(encoding) ? ".columns" : ".tiles";
    OpBuilder builder(weight);
    sparse =
        WeightOp::create(builder, weight.getLoc(), (weight.getSymName() + suffix).str(), type, weight.getSources());
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

/// What \p candidate keeps, for people.
static std::string describe(const Candidate &candidate) {
  std::string percent = llvm::formatv("{0:f1}", 100.0 * candidate.kept / candidate.total).str();
  if (auto tile = dyn_cast<TileAttr>(candidate.encoding))
    return llvm::formatv("keeps {0} of {1} tiles of {2}x{3} ({4} %)", candidate.kept, candidate.total, tile.getRows(),
                         tile.getColumns(), percent);
  return llvm::formatv("keeps {0} of {1} {2} ({3} %)", candidate.kept, candidate.total,
                       isa<RowsAttr>(candidate.encoding) ? "rows" : "columns", percent);
}

/// Why \p best does not pay for a weight of which \p zeros are zero.
static std::string explainDense(const Candidate &best, double zeros) {
  if (auto tile = dyn_cast<TileAttr>(best.encoding))
    return llvm::formatv(
        "{0:f0} % of its elements are zero, but {1:f0} % of its tiles of {2}x{3} are not, with which a "
        "sparse kernel would take {4:f2} times as long",
        100 * zeros, 100.0 * best.kept / best.total, tile.getRows(), tile.getColumns(), best.cost);
  bool isRows = isa<RowsAttr>(best.encoding);
  return llvm::formatv(
      "{0:f0} % of its elements are zero, but with {1} of its {2} {3} left and the rest {4}, the layer "
      "would take {5:f2} times as long",
      100 * zeros, best.kept, best.total, isRows ? "rows" : "columns",
      isRows ? "put back behind it" : "gathered in front of it", best.cost);
}

LogicalResult EncodeSparsityPass::visit(LinearOp layer, SymbolTable &symbols) {
  // What --et-import-sparse-encoding leaves of a conversion from dense.
  Value value = layer.getWeight();
  Attribute given = layer.getWeight().getType().getEncoding();
  if (!isa_and_nonnull<TileAttr, RowsAttr, ColumnsAttr>(given))
    given = nullptr;
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
  if (layer.getWeight().getType().getEncoding() || weight.getTensorType().getNumElements() == 0 ||
      !(element.isF32() || element.isF16() || element.isBF16()) || !hasData(weight))
    return success();
  NonZeros nonZeros;
  FailureOr<Candidate> best = choose(weight, getCosts(layer, weight), nonZeros);
  if (failed(best))
    return failure();
  double zeros = double(nonZeros.numZeros) / weight.getTensorType().getNumElements();
  if (!best->encoding || (!force && best->cost > kPays)) {
    bool hasNoTiles = kernels != SparseKernels::CPU && element.isF32();
    std::string reason = hasNoTiles ? "tensor cores multiply sparse weights of f16 and bf16 only" : "";
    if (best->encoding)
      reason += (hasNoTiles ? "; " : "") + explainDense(*best, zeros);
    else if (!hasNoTiles)
      reason = llvm::formatv("{0:f0} % of its elements are zero, but too few whole rows or columns", 100 * zeros);
    if (zeros >= kPruned)
      declined(reason);
    return success();
  }
  remark::passed(layer.getLoc(), remark::RemarkOpts::name("WeightEncoded").category(DEBUG_TYPE))
      << remark::reason("{0}: about {1} of the dense kernel's time", describe(*best),
                        llvm::formatv("{0:f2}", best->cost).str())
      << remark::metric("Weight", weight.getSymName().str());
  encode(layer, weight, best->encoding, symbols);
  ++numEncoded;
  return success();
}
