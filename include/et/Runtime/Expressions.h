//===- Expressions.h - Evaluates the sizes of a program ---------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef ET_RUNTIME_EXPRESSIONS_H
#define ET_RUNTIME_EXPRESSIONS_H

#include "et/Runtime/Error.h"
#include "et/Runtime/Program.h"

#include <optional>
#include <string>
#include <vector>

namespace mlir::et::runtime {

/// \p lhs \p kind \p rhs, nothing when it overflows 64 bits or divides by less than 1.
std::optional<int64_t> evaluate(ExprKind kind, int64_t lhs, int64_t rhs);

/// What the expressions of a program are worth for one set of symbols. An expression that cannot be computed is an
/// error only for who asks for it: other plans may need it.
class Evaluation {
public:
  Evaluation(const Program &program, std::vector<int64_t> symbols);

  /// The value of \p expr, nothing when it cannot be computed.
  std::optional<int64_t> find(Expr expr) const { return values[expr.index]; }

  /// The value of \p expr; \p what says what it is, for the error.
  Result<int64_t> get(Expr expr, const std::string &what) const;

  /// The value of \p expr, which must lie in \p min .. \p max.
  Result<int64_t> get(Expr expr, int64_t min, int64_t max, const std::string &what) const;

  /// The sizes of \p tensor, none negative; \p what names it.
  Result<std::vector<int64_t>> getShape(const Tensor &tensor, const std::string &what) const;

  const std::vector<int64_t> &getSymbols() const { return symbols; }

  /// The symbols with their values, for messages: `batch = 2, sequence = 128`.
  std::string describeSymbols() const;

private:
  const Program &program;
  std::vector<int64_t> symbols;
  std::vector<std::optional<int64_t>> values;
};

/// A tensor of the caller. The shape belongs to the caller too.
struct TensorView {
  void *data = nullptr;
  const int64_t *shape = nullptr;
  size_t rank = 0;
};

/// \p shape for messages: `[2, 128]`.
std::string describeShape(const int64_t *shape, size_t rank);

/// Name, sizes and element type of \p tensor, for messages: `'ids' [batch, 128] i64`.
std::string describe(const Program &program, const Tensor &tensor);

/// Bytes of a tensor; nothing when that overflows.
std::optional<int64_t> getNumBytes(ElementType type, const std::vector<int64_t> &shape);

/// The symbols' values that \p inputs give, after their ranks, sizes and all constraints have been checked.
Result<std::vector<int64_t>> bindSymbols(const Program &program, const std::vector<TensorView> &inputs);

} // namespace mlir::et::runtime

#endif // ET_RUNTIME_EXPRESSIONS_H
