//===- Reserved.h - Options of later versions -------------------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Structures of the C API have room for later fields, so that their sizes stay.
// An option that this version does not know is refused, not ignored. Needs no
// LLVM.
//
//===----------------------------------------------------------------------===//

#ifndef ET_LIB_CAPI_RESERVED_H
#define ET_LIB_CAPI_RESERVED_H

#include <cstddef>
#include <optional>
#include <string>

namespace mlir::et {

/// What to say of \p reserved, the room in a structure of type \p type, if there is something in it.
template <typename WordT, size_t N>
std::optional<std::string> findReserved(const WordT (&reserved)[N], const char *type, const char *version) {
  for (size_t i = 0; i < N; ++i)
    if (reserved[i] != 0)
      return "expected reserved[" + std::to_string(i) + "] of " + type + " to be 0, but got " +
             std::to_string(reserved[i]) + ": call its Init function first; an option that version " + version +
             " of the library does not have needs a later library";
  return std::nullopt;
}

} // namespace mlir::et

#endif // ET_LIB_CAPI_RESERVED_H
