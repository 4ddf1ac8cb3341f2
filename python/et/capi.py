#===- capi.py - The compiler's C API through ctypes -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Binds include/et-c/Compile.h and Check.h. Nothing here knows PyTorch; `program.py` builds on it."""

from __future__ import annotations

import ctypes as C
import functools
from typing import Callable

from .binding import ELEMENT_TYPES, LibraryError, Tensor, candidates, open_library, take_message

__all__ = ["CompileOptions", "ELEMENT_TYPES", "LibraryError", "Remark", "Resource", "Tensor", "check", "library"]

Remark = C.CFUNCTYPE(None, C.c_char_p, C.c_void_p)


class Resource(C.Structure):
    _fields_ = [("name", C.c_char_p), ("data", C.c_void_p), ("size", C.c_size_t)]


class CompileOptions(C.Structure):
    _fields_ = [("isa", C.c_char_p), ("entry", C.c_char_p), ("threads", C.c_uint32), ("allow_non_finite", C.c_int),
                ("target", C.c_char_p), ("fold_norms", C.c_int), ("partial_attention_from", C.c_int64),
                ("tuned", C.POINTER(C.c_char_p)), ("num_tuned", C.c_size_t),
                ("expected_rows", C.c_uint32), ("transform_library", C.c_char_p), ("reserved", C.c_uint64 * 6)]


@functools.cache
def library() -> C.CDLL:
    """The compiler, loaded once."""
    void_p, size_t, char_p = C.c_void_p, C.c_size_t, C.c_char_p
    signatures: dict[str, tuple[object, list[object]]] = {
        "etVersion": (char_p, []),
        "etErrorGetMessage": (char_p, [void_p]),
        "etErrorDestroy": (None, [void_p]),
        "etCompileOptionsInit": (None, [C.POINTER(CompileOptions)]),
        "etCompile": (void_p, [char_p, size_t, C.POINTER(Resource), size_t, C.POINTER(CompileOptions), Remark, void_p,
                               C.POINTER(void_p)]),
        "etEmit": (void_p, [char_p, size_t, C.POINTER(Resource), size_t, C.POINTER(CompileOptions), char_p,
                            C.POINTER(void_p), C.POINTER(size_t)]),
        "etCompileSaved": (void_p, [char_p, size_t, C.POINTER(Resource), size_t, C.POINTER(CompileOptions), Remark, void_p,
                                    C.POINTER(void_p), C.POINTER(size_t)]),
        "etWriteBytecode": (void_p, [char_p, size_t, C.POINTER(Resource), size_t, char_p]),
        "etStringDestroy": (None, [void_p]),
        "etCheckOptionsInit": (None, [void_p]),
        "etCheckShapes": (void_p, [char_p, size_t, void_p, C.POINTER(void_p), C.POINTER(size_t)]),
        "etProgramDestroy": (None, [void_p]),
        "etProgramGetNumInputs": (size_t, [void_p]),
        "etProgramGetNumOutputs": (size_t, [void_p]),
        "etProgramGetInputDimName": (char_p, [void_p, size_t, size_t]),
        "etProgramGetWeightsSize": (size_t, [void_p]),
        "etProgramGetArenaSize": (size_t, [void_p]),
        "etProgramSetThreads": (void_p, [void_p, C.c_uint32]),
        "etProgramSave": (void_p, [void_p, char_p]),
        "etProgramComputeShapes": (void_p, [void_p, C.POINTER(Tensor), size_t, C.POINTER(C.c_int64)]),
        "etProgramRun": (void_p, [void_p, C.POINTER(Tensor), size_t, C.POINTER(Tensor), size_t]),
    }
    for side in ("Input", "Output"):
        signatures[f"etProgramGet{side}Name"] = (char_p, [void_p, size_t])
        signatures[f"etProgramGet{side}Type"] = (C.c_int, [void_p, size_t])
        signatures[f"etProgramGet{side}Rank"] = (size_t, [void_p, size_t])
        signatures[f"etProgramGet{side}Shape"] = (C.POINTER(C.c_int64), [void_p, size_t])
    return open_library(candidates("libETCAPI.so", "ET_LIBRARY"), "compiler", signatures)


def check(error: int | None, exception: Callable[[str], Exception]) -> None:
    """Raises `exception` with the message of `error`, which is destroyed, unless it is null."""
    if not error:
        return
    lib = library()
    raise exception(take_message(error, lib.etErrorGetMessage, lib.etErrorDestroy))
