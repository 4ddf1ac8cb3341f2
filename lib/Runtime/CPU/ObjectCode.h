//===- ObjectCode.h - Machine code of a CPU, loaded -*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A small linker for the objects that the compiler writes: ELF, x86-64,
// relocatable. The system's loader takes shared libraries only, from files only,
// and trusts them; this one takes bytes, and checks every number before it
// follows it, so that a damaged or hostile object ends in a reason.
//
//===----------------------------------------------------------------------===//

#ifndef ET_LIB_RUNTIME_CPU_OBJECTCODE_H
#define ET_LIB_RUNTIME_CPU_OBJECTCODE_H

#include "et/Runtime/Error.h"

#include <cstdint>
#include <memory>
#include <string_view>
#include <unordered_map>

namespace mlir::et::runtime {

/// The code and constants of one object, in memory of their own. No memory is both writable and executable.
class ObjectCode {
public:
  ~ObjectCode();
  ObjectCode(const ObjectCode &) = delete;
  ObjectCode &operator=(const ObjectCode &) = delete;

  /// Loads the object \p bytes, which must stay where they are: names view into them. Functions that it calls are those
  /// of findFunction().
  static Result<std::unique_ptr<ObjectCode>> load(std::string_view bytes);

  /// The function named \p name, null when there is none.
  void *find(std::string_view name) const;

private:
  friend class ObjectLinker;
  ObjectCode() = default;

  char *memory = nullptr;
  size_t size = 0;
  std::unordered_map<std::string_view, void *> functions;
};

/// The function that code may call as \p name: the C library's for moving memory and for mathematics, conversions of
/// 16-bit floats that compilers' libraries lack, and the barrier of a team. Null when it is none of these.
void *findFunction(std::string_view name);

} // namespace mlir::et::runtime

#endif // ET_LIB_RUNTIME_CPU_OBJECTCODE_H
