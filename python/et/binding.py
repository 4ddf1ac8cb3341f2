#===- binding.py - What the two C libraries share in Python -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Binds include/et-c/Tensor.h, finds libraries, and turns their errors into exceptions. Knows PyTorch by name only."""

from __future__ import annotations

import ctypes as C
import functools
import os
from pathlib import Path
from typing import Any, Callable, Mapping, Sequence

from .errors import Error, RunError

ELEMENT_TYPES = ("f16", "bf16", "f32", "f64", "bool", "i8", "i16", "i32", "i64")

#: Functions of a library: the type of the result, and those of the arguments.
Signatures = Mapping[str, tuple[object, list[object]]]


class Tensor(C.Structure):
    _fields_ = [("data", C.c_void_p), ("element_type", C.c_int), ("shape", C.POINTER(C.c_int64)), ("rank", C.c_size_t)]


class LibraryError(Error):
    """A library of this package was not found, or is not the one it needs."""


def candidates(name: str, variable: str) -> list[Path]:
    """Where the library `name` may be: named by the environment's `variable`, in the folder that ET_BUILD_DIR names, in the
    package, or in the build folder beside it."""
    if variable in os.environ:
        return [Path(os.environ[variable])]
    here = Path(__file__).resolve().parent
    paths = [here / "lib" / name, here.parent.parent / "build" / "lib" / name]
    if "ET_BUILD_DIR" in os.environ:
        paths.insert(0, Path(os.environ["ET_BUILD_DIR"]) / "lib" / name)
    return paths


def open_library(paths: Sequence[Path], what: str, signatures: Signatures) -> C.CDLL:
    """The first library of `paths` that exists; `what` says in messages which it is."""
    path = next((p for p in paths if p.exists()), None)
    if path is None:
        tried = ", ".join(str(p) for p in paths)
        raise LibraryError(f"cannot find the {what}'s library (tried {tried}); build it with 'make build'")
    try:
        lib = C.CDLL(str(path))
    except OSError as error:
        raise LibraryError(f"cannot load {path}: {error}") from error
    for name, (result, arguments) in signatures.items():
        try:
            function = getattr(lib, name)
        except AttributeError as error:
            raise LibraryError(f"{path} lacks {name}: it is of another version than this package; rebuild it") from error
        function.restype = result
        function.argtypes = arguments
    return lib


def take_message(error: int, get_message: Callable[[int], bytes], destroy: Callable[[int], None]) -> str:
    """The text of `error`, which is destroyed."""
    message = get_message(error).decode(errors="replace")
    destroy(error)
    return message


def collect_inputs(names: Sequence[str], positions: Mapping[str, int], args: Sequence[Any], kwargs: Mapping[str, Any]
                   ) -> list[Any]:
    """The inputs called `names`, given in order or by name, in order. `positions` are those of the names."""
    values: list[Any] = list(args) + [None] * (len(names) - len(args))
    if len(args) > len(names):
        raise RunError(f"expected {len(names)} inputs, but got {len(args)}")
    for name, value in kwargs.items():
        position = positions.get(name)
        if position is None:
            raise RunError(f"expected inputs {', '.join(map(repr, names))}, but got '{name}'")
        if values[position] is not None:
            raise RunError(f"expected input '{name}' once, but got it by position and by name")
        values[position] = value
    for name, value in zip(names, values):
        if value is None:
            raise RunError(f"expected input '{name}', but got none")
    return values


def compute_shapes(ranks: Sequence[int], compute: Callable[[Any], None]) -> list[tuple[int, ...]]:
    """Shapes of tensors of `ranks`, whose sizes `compute` stores one behind the other."""
    flat = (C.c_int64 * max(sum(ranks), 1))()
    compute(flat)
    shapes, start = [], 0
    for rank in ranks:
        shapes.append(tuple(flat[start:start + rank]))
        start += rank
    return shapes


@functools.cache
def torch_types() -> dict[str, Any]:
    """PyTorch's types by our names."""
    import torch

    return {"f16": torch.float16, "bf16": torch.bfloat16, "f32": torch.float32, "f64": torch.float64, "bool": torch.bool,
            "i8": torch.int8, "i16": torch.int16, "i32": torch.int32, "i64": torch.int64}


@functools.cache
def names_of_torch_types() -> dict[Any, str]:
    return {dtype: name for name, dtype in torch_types().items()}
