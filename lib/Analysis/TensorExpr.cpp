//===- TensorExpr.cpp - Tensor programs as scalar expressions -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Variables, indices and expressions, and when two of them are equal.
//
//===----------------------------------------------------------------------===//

#include "et/Analysis/TensorExpr.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <cmath>

using namespace mlir;
using namespace mlir::et;

//===----------------------------------------------------------------------===//
// Variables and indices
//===----------------------------------------------------------------------===//

Var *TensorExprs::makeVar(int64_t size) {
  vars.push_back(Var{size, {}});
  return &vars.back();
}

SmallVector<Var *, 4> TensorExprs::resolve(ArrayRef<Var *> vars) {
  SmallVector<Var *, 4> result;
  for (Var *var : vars) {
    if (var->parts.empty())
      result.push_back(var);
    else
      llvm::append_range(result, resolve(var->parts));
  }
  return result;
}

SmallVector<Var *, 4> TensorExprs::resolve(const Index &index) { return resolve(ArrayRef<Var *>(index.vars)); }

SmallVector<Index, 4> TensorExprs::makeIndices(Value tensor) {
  SmallVector<Index, 4> indices;
  for (int64_t dim = 0, rank = cast<RankedTensorType>(tensor.getType()).getRank(); dim < rank; ++dim) {
    Index index;
    if (int64_t size = sizes.get(tensor, dim); size != 1)
      index.vars.push_back(makeVar(size));
    indices.push_back(std::move(index));
  }
  return indices;
}

/// Cuts \p index, which runs over the product of \p targets, into one index per target.
bool TensorExprs::cut(const Index &index, ArrayRef<int64_t> targets, SmallVectorImpl<Index> &result) {
  result.assign(targets.size(), Index());
  SmallVector<unsigned> open;
  for (auto [i, size] : llvm::enumerate(targets))
    if (size != 1)
      open.push_back(i);
  if (index.constant) {
    if (open.size() > 1 && *index.constant != 0)
      return false;
    for (unsigned i : open)
      result[i].constant = index.constant;
    return true;
  }
  SmallVector<Var *, 4> atoms = resolve(index);
  if (open.empty())
    return atoms.empty();
  // A whole variable splits into just the targets; nothing has to be proved.
  if (atoms.size() == 1 && open.size() > 1) {
    for (unsigned i : open) {
      Var *part = makeVar(targets[i]);
      atoms[0]->parts.push_back(part);
      result[i].vars.push_back(part);
    }
    return true;
  }
  // Otherwise take from the right what static sizes determine, then from the left; one target may take the rest.
  while (open.size() > 1) {
    unsigned i = open.back();
    int64_t want = targets[i];
    if (atoms.empty())
      return false;
    if (atoms.back()->size == want) {
      result[i].vars.insert(result[i].vars.begin(), atoms.pop_back_val());
      open.pop_back();
      continue;
    }
    if (want < 0)
      break;
    int64_t have = 1;
    while (have < want && !atoms.empty()) {
      Var *atom = atoms.back();
      int64_t need = want / have;
      if (want % have != 0)
        return false;
      if (atom->size > need || atom->size < 0) {
        // Modulo `need` only this variable counts, provided the ones left of it step by a multiple of it.
        if (atom->size > 0 ? atom->size % need != 0 : atoms.size() > 1)
          return false;
        Var *inner = makeVar(need);
        Var *outer =
            makeVar(atom->size > 0 ? atom->size / need : -(int64_t(1) << 40) - static_cast<int64_t>(vars.size()));
        atom->parts = {outer, inner};
        atoms.back() = outer;
        atom = inner;
      } else {
        atoms.pop_back();
      }
      have *= atom->size;
      result[i].vars.insert(result[i].vars.begin(), atom);
    }
    if (have != want)
      return false;
    open.pop_back();
  }
  size_t first = 0, next = 0;
  while (open.size() - first > 1) {
    if (next >= atoms.size() || atoms[next]->size != targets[open[first]])
      return false;
    result[open[first++]].vars.push_back(atoms[next++]);
  }
  for (; next < atoms.size(); ++next)
    result[open[first]].vars.push_back(atoms[next]);
  return !result[open[first]].vars.empty();
}

//===----------------------------------------------------------------------===//
// Nodes
//===----------------------------------------------------------------------===//

Expr *TensorExprs::make(Expr expr) {
  nodes.push_back(std::move(expr));
  return &nodes.back();
}

Expr *TensorExprs::makeConstant(double number, Type type) {
  Expr expr(Expr::Kind::Constant, type);
  expr.number = number;
  return make(std::move(expr));
}

/// Arithmetic on constants, as front ends leave it around corrections and guards that are fixed.
Expr *TensorExprs::fold(StringRef name, Type type, ArrayRef<Expr *> operands, int64_t predicate) {
  auto isConstant = [&](unsigned i) { return operands[i]->kind == Expr::Kind::Constant; };
  if (name == "arith.select" && isConstant(0))
    return operands[operands[0]->number != 0 ? 1 : 2];
  if (operands.size() != 2 || !isConstant(0) || !isConstant(1))
    return nullptr;
  double a = operands[0]->number, b = operands[1]->number;
  if (name == "arith.addf")
    return makeConstant(a + b, type);
  if (name == "arith.subf")
    return makeConstant(a - b, type);
  if (name == "arith.mulf")
    return makeConstant(a * b, type);
  if (name == "arith.divf" && b != 0)
    return makeConstant(a / b, type);
  using P = arith::CmpFPredicate;
  if (name == "arith.cmpf" && static_cast<P>(predicate) == P::OGT)
    return makeConstant(a > b, type);
  return nullptr;
}

Expr *TensorExprs::makeOp(StringRef name, Type type, ArrayRef<Expr *> operands, int64_t predicate) {
  // Conversions of constants are constants: what they round is within the tolerance constants are compared with.
  if (operands.size() == 1 && operands[0]->kind == Expr::Kind::Constant &&
      llvm::is_contained(
          {"arith.extf", "arith.truncf", "arith.sitofp", "arith.uitofp", "arith.index_cast", "arith.extsi"}, name))
    return makeConstant(operands[0]->number, type);
  if (Expr *folded = fold(name, type, operands, predicate))
    return folded;
  Expr expr(Expr::Kind::Op, type);
  expr.name = name;
  expr.operands.assign(operands.begin(), operands.end());
  expr.predicate = predicate;
  return make(std::move(expr));
}

Expr *TensorExprs::makeReduce(Combiner combiner, ArrayRef<Var *> bound, Expr *body, Expr *init) {
  Expr expr(Expr::Kind::Reduce, body->type);
  expr.combiner = combiner;
  expr.bound.assign(bound.begin(), bound.end());
  expr.operands = {body, init};
  return make(std::move(expr));
}

//===----------------------------------------------------------------------===//
// Renaming and equality
//===----------------------------------------------------------------------===//

static SmallVector<Var *, 4> renameVars(ArrayRef<Var *> vars, const VarMap &names) {
  SmallVector<Var *, 4> result;
  for (Var *var : vars) {
    Var *renamed = var;
    if (Var *other = names.lookup(var))
      renamed = other;
    else if (!var->parts.empty()) {
      llvm::append_range(result, renameVars(var->parts, names));
      continue;
    }
    llvm::append_range(result, TensorExprs::resolve(ArrayRef<Var *>(renamed)));
  }
  return result;
}

void TensorExprs::splitAlike(VarMap &names) {
  bool changed = true;
  while (changed) {
    changed = false;
    SmallVector<std::pair<Var *, Var *>> pairs(names.begin(), names.end());
    for (auto [from, to] : pairs) {
      if (from->parts.empty() && to->parts.empty())
        continue;
      Var *whole = from->parts.empty() ? from : to, *cutVar = from->parts.empty() ? to : from;
      if (whole->parts.empty())
        for (Var *part : cutVar->parts)
          whole->parts.push_back(makeVar(part->size));
      if (from->parts.size() != to->parts.size())
        continue;
      for (auto [a, b] : llvm::zip(from->parts, to->parts))
        changed |= names.try_emplace(a, b).second;
    }
  }
}

Expr *TensorExprs::rename(Expr *expr, const VarMap &names) {
  if (names.empty())
    return expr;
  Expr copy = *expr;
  for (Index &index : copy.indices) {
    SmallVector<Var *, 4> renamed = renameVars(index.vars, names);
    index.vars.assign(renamed.begin(), renamed.end());
  }
  for (Expr *&operand : copy.operands)
    operand = rename(operand, names);
  return make(std::move(copy));
}

bool TensorExprs::dependsOn(Expr *expr, Var *var) {
  SmallVector<Var *, 4> parts = resolve(ArrayRef<Var *>(var));
  for (const Index &index : expr->indices)
    for (Var *used : resolve(index))
      if (llvm::is_contained(parts, used))
        return true;
  return llvm::any_of(expr->operands, [&](Expr *operand) { return dependsOn(operand, var); });
}

bool TensorExprs::equal(Expr *a, Expr *b, const VarMap &names, unsigned depth) {
  if (a == b && names.empty())
    return true;
  if (depth == 0)
    return false;
  auto sameIndices = [&] {
    if (a->indices.size() != b->indices.size())
      return false;
    for (auto [x, y] : llvm::zip(a->indices, b->indices))
      if (x.constant != y.constant || resolve(x) != renameVars(y.vars, names))
        return false;
    return true;
  };
  if (a->kind == Expr::Kind::Load || b->kind == Expr::Kind::Load) {
    if (a->kind == b->kind && a->value == b->value)
      return sameIndices();
    // Two tensors computed alike hold the same elements.
    Expr *openA = a->kind == Expr::Kind::Load ? define(a) : a;
    Expr *openB = b->kind == Expr::Kind::Load ? define(b) : b;
    return openA && openB && equal(openA, openB, names, depth - 1);
  }
  if (a->kind != b->kind || a->operands.size() != b->operands.size())
    return false;
  switch (a->kind) {
  case Expr::Kind::Constant:
    return a->number == b->number;
  case Expr::Kind::Scalar:
    return a->value == b->value;
  case Expr::Kind::Index:
    return sameIndices();
  case Expr::Kind::Reduce: {
    SmallVector<Var *, 4> boundA = resolve(a->bound), boundB = resolve(b->bound);
    if (a->combiner != b->combiner || boundA.size() != boundB.size())
      return false;
    VarMap inner = names;
    for (auto [x, y] : llvm::zip(boundA, boundB)) {
      if (x->size != y->size)
        return false;
      inner[y] = x;
    }
    return equal(a->operands[0], b->operands[0], inner, depth) && equal(a->operands[1], b->operands[1], names, depth);
  }
  case Expr::Kind::Op: {
    if (a->name != b->name || a->predicate != b->predicate || a->type != b->type)
      return false;
    return llvm::all_of(llvm::zip(a->operands, b->operands),
                        [&](auto pair) { return equal(std::get<0>(pair), std::get<1>(pair), names, depth); });
  }
  case Expr::Kind::Load:
    break;
  }
  return false;
}
