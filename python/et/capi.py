#===- capi.py - The compiler's C API through ctypes -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Binds include/et-c/Compile.h. Nothing here knows PyTorch; `program.py` builds on it."""

from __future__ import annotations

import ctypes as C
import functools
import os
from pathlib import Path
from typing import Callable

from .errors import Error

ELEMENT_TYPES = ("f16", "bf16", "f32", "f64", "bool", "i8", "i16", "i32", "i64")

Remark = C.CFUNCTYPE(None, C.c_char_p, C.c_void_p)


class Resource(C.Structure):
    _fields_ = [("name", C.c_char_p), ("data", C.c_void_p), ("size", C.c_size_t)]


class CompileOptions(C.Structure):
    _fields_ = [("isa", C.c_char_p), ("entry", C.c_char_p), ("threads", C.c_uint32), ("allow_non_finite", C.c_int),
                ("target", C.c_char_p)]


class Tensor(C.Structure):
    _fields_ = [("data", C.c_void_p), ("element_type", C.c_int), ("shape", C.POINTER(C.c_int64)), ("rank", C.c_size_t)]


class LibraryError(Error):
    """The compiler's library was not found, or is not the one this package needs."""


def _candidates() -> list[Path]:
    """Where libETCAPI.so may be: named by ET_LIBRARY or ET_BUILD_DIR, in the package, or in the build folder beside it."""
    here = Path(__file__).resolve().parent
    paths = []
    if "ET_LIBRARY" in os.environ:
        return [Path(os.environ["ET_LIBRARY"])]
    if "ET_BUILD_DIR" in os.environ:
        paths.append(Path(os.environ["ET_BUILD_DIR"]) / "lib" / "libETCAPI.so")
    paths.append(here / "lib" / "libETCAPI.so")
    paths.append(here.parent.parent / "build" / "lib" / "libETCAPI.so")
    return paths


@functools.cache
def library() -> C.CDLL:
    """The compiler, loaded once."""
    paths = _candidates()
    path = next((p for p in paths if p.exists()), None)
    if path is None:
        tried = ", ".join(str(p) for p in paths)
        raise LibraryError(f"cannot find the compiler's library (tried {tried}); build it with 'make build'")
    try:
        lib = C.CDLL(str(path))
    except OSError as error:
        raise LibraryError(f"cannot load {path}: {error}") from error
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
        "etProgramDestroy": (None, [void_p]),
        "etProgramGetNumInputs": (size_t, [void_p]),
        "etProgramGetNumOutputs": (size_t, [void_p]),
        "etProgramGetInputDimName": (char_p, [void_p, size_t, size_t]),
        "etProgramGetWeightsSize": (size_t, [void_p]),
        "etProgramGetArenaSize": (size_t, [void_p]),
        "etProgramSetThreads": (None, [void_p, C.c_uint32]),
        "etProgramComputeShapes": (void_p, [void_p, C.POINTER(Tensor), size_t, C.POINTER(C.c_int64)]),
        "etProgramRun": (void_p, [void_p, C.POINTER(Tensor), size_t, C.POINTER(Tensor), size_t]),
    }
    for side in ("Input", "Output"):
        signatures[f"etProgramGet{side}Name"] = (char_p, [void_p, size_t])
        signatures[f"etProgramGet{side}Type"] = (C.c_int, [void_p, size_t])
        signatures[f"etProgramGet{side}Rank"] = (size_t, [void_p, size_t])
        signatures[f"etProgramGet{side}Shape"] = (C.POINTER(C.c_int64), [void_p, size_t])
    for name, (result, arguments) in signatures.items():
        try:
            function = getattr(lib, name)
        except AttributeError as error:
            raise LibraryError(f"{path} lacks {name}: it is of another version than this package; rebuild it") from error
        function.restype = result
        function.argtypes = arguments
    return lib


def check(error: int | None, exception: Callable[[str], Exception]) -> None:
    """Raises `exception` with the message of `error`, which is destroyed, unless it is null."""
    if not error:
        return
    lib = library()
    message = lib.etErrorGetMessage(error).decode(errors="replace")
    lib.etErrorDestroy(error)
    raise exception(message)
