#===- program_file.py - What a saved program says of itself -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Reads the description of a saved program (.etp): its weights, and the steps of each plan with the weights that they read.

    u32 size | FlatBuffer (lib/Runtime/Program.fbs) | weights at multiples of 4096 | trailer

The runtime loads the file first, which checks all of it: what is read here afterwards is known to be whole and in range.
"""

from __future__ import annotations

import ctypes as C
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, TypeVar

import numpy as np

from ..binding import ELEMENT_TYPES, take_message
from ..runtime import LoadError, library
from .errors import ExplainError

try:
    from flatbuffers import number_types as N
    from flatbuffers.table import Table
except ModuleNotFoundError as error:
    raise ExplainError("et.explain needs the package flatbuffers; install the packages of requirements/runtime.txt") from error

#: Weights lie behind the description, from a multiple of this on.
_PAGE = 4096
#: ExprKind, BufferKind and ArgumentKind of Program.fbs.
_CONSTANT, _SYMBOL = 0, 1
_BUFFER_WEIGHT = 2
_POINTER, _TENSOR_MAP = 0, 4

T = TypeVar("T")


@dataclass(frozen=True)
class StoredWeight:
    """A constant of the program: what it is called and where its bytes are."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    offset: int
    size: int


@dataclass(frozen=True)
class Step:
    """One kernel launch: what it computes, its function, and the weights it reads (indices)."""

    name: str
    kernel: str
    weights: tuple[int, ...]


@dataclass(frozen=True)
class Plan:
    """The steps of one target, such as x86-64-v4 or sm_90a."""

    target: str
    is_gpu: bool
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Input:
    """An input: a dynamic size is the name of its dimension."""

    name: str
    dtype: str
    shape: tuple[int | str, ...]


@dataclass(frozen=True)
class ProgramFile:
    """A saved program without its code."""

    path: Path
    name: str
    producer: str
    file_bytes: int
    code_bytes: int
    inputs: tuple[Input, ...]
    weights: tuple[StoredWeight, ...]
    plans: tuple[Plan, ...]
    weights_offset: int

    def bytes_of(self, weight: StoredWeight) -> np.ndarray:
        """The stored bytes of a weight, mapped."""
        return np.memmap(self.path, np.uint8, "r", self.weights_offset + weight.offset, (weight.size,)) if weight.size \
            else np.zeros(0, np.uint8)

    @property
    def dims(self) -> tuple[str, ...]:
        """The names of the dynamic dimensions, in the order of the inputs."""
        return tuple(dict.fromkeys(size for spec in self.inputs for size in spec.shape if isinstance(size, str)))


def _number(table: Table, field: int, flags: type, default: int = 0) -> int:
    offset = table.Offset(4 + 2 * field)
    return table.Get(flags, offset + table.Pos) if offset else default


def _string(table: Table, field: int) -> str:
    offset = table.Offset(4 + 2 * field)
    return table.String(offset + table.Pos).decode(errors="replace") if offset else ""


def _vector(table: Table, field: int, read: Callable[[int], T], size: int) -> list[T]:
    """The elements of a vector, each `size` bytes, made by `read` of where it is."""
    offset = table.Offset(4 + 2 * field)
    if not offset:
        return []
    begin = table.Vector(offset)
    return [read(begin + size * i) for i in range(table.VectorLen(offset))]


def _tables(table: Table, field: int) -> list[Table]:
    return _vector(table, field, lambda at: Table(table.Bytes, table.Indirect(at)), 4)


def _shapes(root: Table) -> Callable[[Table], tuple[int | str, ...]]:
    """Reads the shape of an input, whose sizes are constants or symbols."""
    symbols = [_string(symbol, 0) for symbol in _tables(root, 5)]
    nodes = _vector(root, 4, lambda at: struct.unpack_from("<qIIB", root.Bytes, at), 24)

    def read(tensor: Table) -> tuple[int | str, ...]:
        name, sizes = _string(tensor, 0), []
        for dim, index in enumerate(_vector(tensor, 2, lambda at: tensor.Get(N.Uint32Flags, at), 4)):
            value, lhs, _, kind = nodes[index]
            sizes.append(value if kind == _CONSTANT else symbols[lhs] if kind == _SYMBOL else f"{name}.{dim}")
        return tuple(sizes)

    return read


def _plan(table: Table) -> Plan:
    def buffer_weight(at: int) -> int | None:
        index, kind = struct.unpack_from("<IB", table.Bytes, at)
        return index if kind == _BUFFER_WEIGHT else None

    maps = []
    for tensor_map in _tables(table, 4):
        offset = tensor_map.Offset(4)
        maps.append(buffer_weight(tensor_map.Pos + offset) if offset else None)
    steps = []
    for launch in _tables(table, 5):
        def weight_of(at: int) -> int | None:
            (which,), kind = struct.unpack_from("<I", table.Bytes, at + 16), table.Bytes[at + 20]
            return buffer_weight(at) if kind == _POINTER else maps[which] if kind == _TENSOR_MAP else None

        used = [index for index in _vector(launch, 8, weight_of, 24) if index is not None]
        steps.append(Step(_string(launch, 0), _string(launch, 2), tuple(dict.fromkeys(used))))
    return Plan(_string(table, 1), _number(table, 0, N.Uint8Flags) == 1, tuple(steps))


def read_program(path: str | os.PathLike[str]) -> ProgramFile:
    """Reads the program `path`. Raises ExplainError when there is no such file or when it is not whole."""
    path = Path(path)
    if not path.is_file():
        raise ExplainError(f"expected a saved program (.etp), but there is no file '{path}'; write one with program.save(path)")
    handle = C.c_void_p()
    failure = library().etSavedProgramLoad(os.fsencode(path), 1, C.byref(handle))
    if failure:
        text = take_message(failure, library().etRuntimeErrorGetMessage, library().etRuntimeErrorDestroy)
        raise ExplainError(f"expected a saved program (.etp), but '{path}' cannot be loaded: {text}") from LoadError(text)
    library().etSavedProgramDestroy(handle)
    with path.open("rb") as file:
        (size,) = struct.unpack("<I", file.read(4))
        description = file.read(size)
    root = Table(description, struct.unpack_from("<I", description)[0])
    shape = _shapes(root)
    inputs = tuple(Input(_string(t, 0), ELEMENT_TYPES[_number(t, 1, N.Uint8Flags)], shape(t)) for t in _tables(root, 7))
    weights = tuple(StoredWeight(
        _string(t, 0), ELEMENT_TYPES[_number(t, 1, N.Uint8Flags)],
        tuple(_vector(t, 2, lambda at: t.Get(N.Int64Flags, at), 8)), _number(t, 3, N.Uint64Flags), _number(t, 4, N.Uint64Flags))
        for t in _tables(root, 9))
    code = sum(t.VectorLen(t.Offset(8)) for t in _tables(root, 11))
    return ProgramFile(path, _string(root, 3), _string(root, 2), path.stat().st_size, code, inputs, weights,
                       tuple(_plan(t) for t in _tables(root, 13)), -(-(4 + size) // _PAGE) * _PAGE)
