//===- Expressions.cpp - Evaluates the sizes of a program -------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "et/Runtime/Expressions.h"

#include <algorithm>

using namespace mlir::et::runtime;

const char *mlir::et::runtime::getName(ElementType type) {
  static const char *const names[] = {"f16", "bf16", "f32", "f64", "bool", "i8", "i16", "i32", "i64"};
  return names[static_cast<unsigned>(type)];
}

int64_t mlir::et::runtime::getSize(ElementType type) {
  static const int64_t sizes[] = {2, 2, 4, 8, 1, 1, 2, 4, 8};
  return sizes[static_cast<unsigned>(type)];
}

std::optional<int64_t> mlir::et::runtime::evaluate(ExprKind kind, int64_t lhs, int64_t rhs) {
  int64_t value;
  bool divides = kind == ExprKind::FloorDiv || kind == ExprKind::CeilDiv || kind == ExprKind::Mod;
  if (divides && rhs < 1)
    return std::nullopt;
  switch (kind) {
  case ExprKind::Constant:
  case ExprKind::Symbol:
    return std::nullopt;
  case ExprKind::Add:
    return __builtin_add_overflow(lhs, rhs, &value) ? std::nullopt : std::optional(value);
  case ExprKind::Sub:
    return __builtin_sub_overflow(lhs, rhs, &value) ? std::nullopt : std::optional(value);
  case ExprKind::Mul:
    return __builtin_mul_overflow(lhs, rhs, &value) ? std::nullopt : std::optional(value);
  case ExprKind::FloorDiv:
    return lhs / rhs - (lhs % rhs < 0);
  case ExprKind::CeilDiv:
    return lhs / rhs + (lhs % rhs > 0);
  case ExprKind::Mod:
    return lhs % rhs + (lhs % rhs < 0 ? rhs : 0);
  case ExprKind::Min:
    return std::min(lhs, rhs);
  case ExprKind::Max:
    return std::max(lhs, rhs);
  }
  return std::nullopt;
}

Evaluation::Evaluation(const Program &program, std::vector<int64_t> symbols)
    : program(program), symbols(std::move(symbols)) {
  values.reserve(program.expressions.size());
  for (const ExprNode &node : program.expressions) {
    if (node.kind == ExprKind::Constant)
      values.push_back(node.value);
    else if (node.kind == ExprKind::Symbol)
      values.push_back(this->symbols[node.lhs]);
    else if (values[node.lhs] && values[node.rhs])
      values.push_back(evaluate(node.kind, *values[node.lhs], *values[node.rhs]));
    else
      values.push_back(std::nullopt);
  }
}

std::string Evaluation::describeSymbols() const {
  std::string text;
  for (size_t i = 0; i < symbols.size(); ++i)
    text += (i ? ", " : "") + program.symbols[i].name + " = " + std::to_string(symbols[i]);
  return text.empty() ? "no dynamic sizes" : text;
}

Result<int64_t> Evaluation::get(Expr expr, const std::string &what) const {
  if (std::optional<int64_t> value = values[expr.index])
    return *value;
  return Error(what + " cannot be computed with " + describeSymbols() +
               ": it overflows 64 bits or divides by a number below 1");
}

Result<int64_t> Evaluation::get(Expr expr, int64_t min, int64_t max, const std::string &what) const {
  Result<int64_t> value = get(expr, what);
  if (value && (*value < min || *value > max))
    return Error("expected " + what + " to be from " + std::to_string(min) + " to " + std::to_string(max) +
                 ", but with " + describeSymbols() + " it is " + std::to_string(*value));
  return value;
}

Result<std::vector<int64_t>> Evaluation::getShape(const Tensor &tensor, const std::string &what) const {
  std::vector<int64_t> shape;
  shape.reserve(tensor.shape.size());
  for (size_t i = 0; i < tensor.shape.size(); ++i) {
    if (std::optional<int64_t> value = find(tensor.shape[i]); value && *value >= 0) {
      shape.push_back(*value);
      continue;
    }
    Result<int64_t> size = get(tensor.shape[i], 0, std::numeric_limits<int64_t>::max(),
                               "dimension " + std::to_string(i) + " of " + what + " '" + tensor.name + "'");
    if (!size)
      return size.getError();
    shape.push_back(*size);
  }
  return shape;
}

//===----------------------------------------------------------------------===//
// Tensors
//===----------------------------------------------------------------------===//

std::string mlir::et::runtime::describeShape(const int64_t *shape, size_t rank) {
  std::string text = "[";
  for (size_t i = 0; i < rank; ++i)
    text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

std::string mlir::et::runtime::describe(const Program &program, const Tensor &tensor) {
  std::string text = "'" + tensor.name + "' [";
  for (size_t i = 0; i < tensor.shape.size(); ++i) {
    const ExprNode &node = program.expressions[tensor.shape[i].index];
    text += i ? ", " : "";
    if (node.kind == ExprKind::Constant)
      text += std::to_string(node.value);
    else if (node.kind == ExprKind::Symbol)
      text += program.symbols[node.lhs].name;
    else
      text += "?";
  }
  return text + "] " + getName(tensor.type);
}

std::optional<int64_t> mlir::et::runtime::getNumBytes(ElementType type, const std::vector<int64_t> &shape) {
  // A size of 0 makes the product 0 whatever the others are.
  if (std::find(shape.begin(), shape.end(), 0) != shape.end())
    return 0;
  int64_t bytes = getSize(type);
  for (int64_t size : shape)
    if (__builtin_mul_overflow(bytes, size, &bytes))
      return std::nullopt;
  return bytes;
}

/// Checks \p value against what \p symbol allows.
static Error checkSymbol(const Symbol &symbol, int64_t value, const Tensor &tensor, size_t dim) {
  std::string place = " (dimension " + std::to_string(dim) + " of input '" + tensor.name + "')";
  if (value < symbol.min || value > symbol.max) {
    std::string bounds = symbol.max == std::numeric_limits<int64_t>::max()
                             ? "at least " + std::to_string(symbol.min)
                             : "from " + std::to_string(symbol.min) + " to " + std::to_string(symbol.max);
    return Error("expected dimension '" + symbol.name + "'" + place + " to be " + bounds + ", but got " +
                 std::to_string(value));
  }
  if (value % symbol.multiple != 0)
    return Error("expected dimension '" + symbol.name + "'" + place + " to be a multiple of " +
                 std::to_string(symbol.multiple) + ", but got " + std::to_string(value));
  return Error::success();
}

Result<std::vector<int64_t>> mlir::et::runtime::bindSymbols(const Program &program,
                                                            const std::vector<TensorView> &inputs) {
  if (inputs.size() != program.inputs.size())
    return Error("expected " + std::to_string(program.inputs.size()) + " inputs, but got " +
                 std::to_string(inputs.size()));
  std::vector<int64_t> symbols(program.symbols.size(), 0);
  // The input that gave a symbol its value.
  std::vector<const Tensor *> origins(program.symbols.size(), nullptr);
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Tensor &tensor = program.inputs[i];
    const TensorView &input = inputs[i];
    if (input.rank != tensor.shape.size())
      return Error("expected input " + describe(program, tensor) + " to have " + std::to_string(tensor.shape.size()) +
                   " dimensions, but its shape is " + describeShape(input.shape, input.rank));
    for (size_t dim = 0; dim < input.rank; ++dim) {
      const ExprNode &node = program.expressions[tensor.shape[dim].index];
      int64_t size = input.shape[dim];
      if (size < 0)
        return Error("expected sizes of input '" + tensor.name + "' not to be negative, but its shape is " +
                     describeShape(input.shape, input.rank));
      if (node.kind != ExprKind::Symbol)
        continue;
      if (const Tensor *origin = origins[node.lhs]) {
        if (symbols[node.lhs] != size)
          return Error("expected dimension '" + program.symbols[node.lhs].name + "' to be the same in inputs '" +
                       origin->name + "' and '" + tensor.name + "', but got " + std::to_string(symbols[node.lhs]) +
                       " and " + std::to_string(size));
        continue;
      }
      if (Error error = checkSymbol(program.symbols[node.lhs], size, tensor, dim))
        return error;
      symbols[node.lhs] = size;
      origins[node.lhs] = &tensor;
    }
  }

  Evaluation evaluation(program, symbols);
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Tensor &tensor = program.inputs[i];
    Result<std::vector<int64_t>> shape = evaluation.getShape(tensor, "input");
    if (!shape)
      return shape.getError();
    for (size_t dim = 0; dim < shape->size(); ++dim)
      if ((*shape)[dim] != inputs[i].shape[dim])
        return Error("expected dimension " + std::to_string(dim) + " of input " + describe(program, tensor) +
                     " to be " + std::to_string((*shape)[dim]) + ", but its shape is " +
                     describeShape(inputs[i].shape, inputs[i].rank));
  }
  for (const Constraint &constraint : program.constraints) {
    Result<int64_t> value = evaluation.get(constraint.value, "a condition of the program");
    if (!value)
      return value.getError();
    if (*value < constraint.min || *value > constraint.max)
      return Error(constraint.message + " (with " + evaluation.describeSymbols() + ")");
  }
  return symbols;
}
