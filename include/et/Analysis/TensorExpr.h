//===- TensorExpr.h - Tensor programs as scalar expressions -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Reads linalg-on-tensors as mathematics: "element (i, j) of this tensor" is a
// scalar expression over other tensors' elements. Transposes, reshapes and
// broadcasts vanish into the indices, so two programs that compute the same
// thing in different shapes become the same expression. A pass that raises
// matches on these and never on the ops that happened to write them.
//
// An index is a list of variables, outermost first: collapsing two dimensions
// joins lists, expanding one cuts its list, and cutting inside a variable
// splits that variable for good, everywhere it stands.
//
//===----------------------------------------------------------------------===//

#ifndef ET_ANALYSIS_TENSOREXPR_H
#define ET_ANALYSIS_TENSOREXPR_H

#include "mlir/IR/Value.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/EquivalenceClasses.h"
#include "llvm/ADT/SmallVector.h"

#include <deque>
#include <optional>

namespace mlir::et {

/// Which dimensions of the tensors below an op have the same size. Equality comes from the ops: a loop of a linalg op
/// runs over one size, whatever its operands' types say.
class DimSizes {
public:
  explicit DimSizes(Operation *root);

  /// Size of dimension \p dim of \p tensor: the number itself, or a negative name; equal names mean equal sizes.
  int64_t get(Value tensor, int64_t dim) const;

private:
  unsigned key(Value value, int64_t dim);
  void join(unsigned a, unsigned b);
  void join(Value a, int64_t aDim, Value b, int64_t bDim) { join(key(a, aDim), key(b, bDim)); }
  void visit(Operation *op);

  DenseMap<std::pair<Value, int64_t>, unsigned> keys;
  std::vector<unsigned> parent;
  std::vector<int64_t> known;
};

/// A variable that runs over [0, size). Split variables refer to their parts, outermost first.
struct Var {
  int64_t size;
  SmallVector<Var *, 2> parts;
};

/// One index of an element: variables outermost first, or a constant. A dimension of size one has neither.
struct Index {
  SmallVector<Var *, 2> vars;
  std::optional<int64_t> constant;
};

/// How a reduction combines its elements.
enum class Combiner { Sum, Product, Max, Min, And, Or };

/// A scalar expression. Nodes live in the TensorExprs that made them.
struct Expr {
  enum class Kind {
    Constant, ///< `number`
    Load,     ///< element `indices` of the tensor `value`
    Scalar,   ///< the scalar SSA value `value`
    Index,    ///< value of the index `indices[0]`
    Op,       ///< `name` applied to `operands`
    Reduce,   ///< `combiner` over `bound` of `operands[0]`, starting from `operands[1]`
  };
  Expr(Kind kind, Type type) : kind(kind), type(type) {}

  Kind kind;
  Type type;
  double number = 0;
  Value value;
  SmallVector<Index, 4> indices;
  StringRef name;
  int64_t predicate = 0;
  Combiner combiner = Combiner::Sum;
  SmallVector<Var *, 2> bound;
  SmallVector<Expr *, 2> operands;

  bool isConstant(double x) const { return kind == Kind::Constant && number == x; }
  bool isOp(StringRef n) const { return kind == Kind::Op && name == n; }
};

/// Variables renamed by an equality or a substitution.
using VarMap = DenseMap<Var *, Var *>;

/// Builds and compares the expressions of one function.
class TensorExprs {
public:
  explicit TensorExprs(const DimSizes &sizes) : sizes(sizes) {}

  Var *makeVar(int64_t size);
  /// One fresh variable per dimension of \p tensor that is not of size one.
  SmallVector<Index, 4> makeIndices(Value tensor);
  /// Element \p indices of \p tensor, seen through reshapes, transposes and broadcasts.
  Expr *load(Value tensor, ArrayRef<Index> indices);
  /// What a load's producer computes, or null when that is not an expression.
  Expr *define(Expr *load);
  Expr *makeConstant(double number, Type type);
  Expr *makeOp(StringRef name, Type type, ArrayRef<Expr *> operands, int64_t predicate = 0);
  Expr *makeReduce(Combiner combiner, ArrayRef<Var *> bound, Expr *body, Expr *init);

  /// \p expr with variables renamed.
  Expr *rename(Expr *expr, const VarMap &names);
  /// True if both are the same expression once \p names renames variables of \p b.
  bool equal(Expr *a, Expr *b, const VarMap &names, unsigned depth = 6);
  bool equal(Expr *a, Expr *b) { return equal(a, b, VarMap()); }
  bool dependsOn(Expr *expr, Var *var);

  /// The variables of \p index, split ones replaced by their parts.
  static SmallVector<Var *, 4> resolve(const Index &index);
  static SmallVector<Var *, 4> resolve(ArrayRef<Var *> vars);
  const DimSizes &getSizes() const { return sizes; }

  /// Splits variables of \p names so that both sides of each pair have the same parts, and pairs those.
  void splitAlike(VarMap &names);

  Expr *makeScalar(Value value);
  Expr *makeIndexValue(const Index &index, Type type);

private:
  bool cut(const Index &index, ArrayRef<int64_t> targets, SmallVectorImpl<Index> &result);
  Expr *defineNew(Expr *load);
  Expr *fold(StringRef name, Type type, ArrayRef<Expr *> operands, int64_t predicate);
  Expr *make(Expr expr);

  const DimSizes &sizes;
  std::deque<Var> vars;
  std::deque<Expr> nodes;
  DenseMap<Expr *, Expr *> definitions;
};

} // namespace mlir::et

#endif // ET_ANALYSIS_TENSOREXPR_H
