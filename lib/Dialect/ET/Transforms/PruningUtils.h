//===- PruningUtils.h - What the parts of --et-propagate-pruning share -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The values of a linear layer, the elementwise ops behind it, and the smaller
// weights that pruned layers get.
//
//===----------------------------------------------------------------------===//

#ifndef ET_LIB_DIALECT_ET_TRANSFORMS_PRUNINGUTILS_H
#define ET_LIB_DIALECT_ET_TRANSFORMS_PRUNINGUTILS_H

#include "et/Dialect/ET/IR/WeightData.h"
#include "et/Dialect/ET/Transforms/WeightValues.h"

#include "llvm/ADT/STLFunctionalExtras.h"

#include <map>
#include <optional>

namespace mlir::et {

/// Whether \p op maps each element of its one tensor alone.
bool isElementwise(Operation *op);

/// What \p ops, all of them elementwise, make of \p value; nothing where that is not known when compiling.
std::optional<double> evaluateElementwise(ArrayRef<Operation *> ops, double value);

/// Clones of \p ops, all of them elementwise and one reading the other, in their places; the first one reads \p value,
/// whose shape the others take over. Returns the last result.
Value cloneElementwise(ArrayRef<Operation *> ops, Value value);

/// Numbers of the rows of the matrix \p raw of \p type, of f32, f16 or bf16, that are not zero, ascending; or of the
/// columns when \p byColumn.
SmallVector<int32_t> findUsedFeatures(const RawElements &raw, RankedTensorType type, bool byColumn);

/// Whether a row of the weight of \p layer is zero, or a column when \p byColumn. Reads the weight without a copy of
/// it: most models were not pruned. False where that cannot be told.
bool hasZeroFeatures(LinearOp layer, bool byColumn, SymbolTable &symbols);

/// The values of a layer as f32; no bias is empty.
struct LayerValues {
  std::vector<float> weight, bias;
};

/// Reads weight and bias of \p layer. On failure \p reason says why they cannot be read.
FailureOr<LayerValues> readLayer(LinearOp layer, SymbolTable &symbols, std::string &reason);

/// The name of the weight of \p layer; empty when it is not outlined.
std::string getWeightName(LinearOp layer, SymbolTable &symbols);

/// Makes the weights of pruned layers. Layers that shared a weight share the smaller one, if they lose the same.
class PrunedWeights {
public:
  explicit PrunedWeights(SymbolTable &symbols) : symbols(symbols) {}

  SymbolTable &getSymbols() { return symbols; }

  /// A weight of \p values, of \p shape and \p element, in place of \p old, which may be null; a reference to it in
  /// front of \p layer.
  Value create(LinearOp layer, Value old, ArrayRef<int64_t> shape, ArrayRef<float> values, Type element);

private:
  SymbolTable &symbols;
  /// By name of the old one and by a hash of its bytes.
  std::multimap<std::pair<std::string, uint64_t>, WeightOp> made;
};

/// Removes heads and features of heads that were pruned around \p attention: those of value and output, and those of
/// query and key; heads keep a multiple of \p multiple. Reports why features stay when \p report is set. Returns how
/// many features are gone; \p attention is erased when it is not zero.
int64_t pruneAttention(AttentionOp attention, PrunedWeights &weights, int64_t multiple, bool report);

} // namespace mlir::et

#endif // ET_LIB_DIALECT_ET_TRANSFORMS_PRUNINGUTILS_H
