#===- library.py - The compiler's answers about sizes -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Calls etCheckShapes of include/et-c/Check.h."""

from __future__ import annotations

import ctypes as C
import json
from typing import Any

from .. import capi
from .errors import CheckError

# Nearly all questions take a millisecond; what takes long is tried on small sizes instead.
_MILLISECONDS = 1000


class _Options(C.Structure):
    _fields_ = [("max_paths", C.c_int64), ("time_limit", C.c_int64), ("reserved", C.c_uint64 * 6)]


def check_sizes(text: str) -> dict[str, list[dict[str, Any]]]:
    """The paths of each function of a size program, by its name."""
    lib = capi.library()
    options, output, size = _Options(), C.c_void_p(), C.c_size_t()
    lib.etCheckOptionsInit(C.byref(options))
    options.time_limit = _MILLISECONDS
    source = text.encode()
    capi.check(lib.etCheckShapes(source, len(source), C.byref(options), C.byref(output), C.byref(size)), CheckError)
    try:
        report = json.loads(C.string_at(output.value, size.value))
    finally:
        lib.etStringDestroy(output)
    # A path that was left out is one that is not decided.
    left_out = {"verdict": "undecidable", "demand": {"reason": "the condition has too many cases"}}
    return {function["name"]: [*function["paths"], *([] if function["complete"] else [left_out])] for function in report["functions"]}
