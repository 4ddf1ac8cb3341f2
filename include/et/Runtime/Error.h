//===- Error.h - What went wrong, without exceptions ------------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The runtime returns errors as values: a message that says what was expected,
// what was found and what to do. Without LLVM there is no llvm::Expected.
//
//===----------------------------------------------------------------------===//

#ifndef ET_RUNTIME_ERROR_H
#define ET_RUNTIME_ERROR_H

#include <cassert>
#include <optional>
#include <string>
#include <utility>

namespace mlir::et::runtime {

/// A failure with its message, or success. True when it is a failure, so that `if (Error error = f()) return error;`
/// reads naturally.
class [[nodiscard]] Error {
public:
  static Error success() { return Error(); }
  explicit Error(std::string message) : message(std::move(message)) {}

  explicit operator bool() const { return message.has_value(); }
  const std::string &getMessage() const {
    assert(message && "success has no message");
    return *message;
  }

private:
  Error() = default;
  std::optional<std::string> message;
};

/// A value, or why there is none.
template <typename T> class [[nodiscard]] Result {
public:
  Result(T value) : value(std::move(value)), error(Error::success()) {}
  Result(Error error) : error(std::move(error)) { assert(this->error && "a result without a value needs an error"); }

  explicit operator bool() const { return value.has_value(); }
  T &operator*() { return *value; }
  const T &operator*() const { return *value; }
  T *operator->() { return &*value; }
  const T *operator->() const { return &*value; }
  const Error &getError() const { return error; }

private:
  std::optional<T> value;
  Error error;
};

} // namespace mlir::et::runtime

#endif // ET_RUNTIME_ERROR_H
