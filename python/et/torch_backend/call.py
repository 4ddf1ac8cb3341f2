#===- call.py - Runs a program on the tensors of a call -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Runs programs with as little as possible between PyTorch and the program: what a set of shapes needs is prepared once."""

from __future__ import annotations

import ctypes as C
import threading
from typing import Any, Callable, Protocol, Sequence

import torch

from .. import capi
from ..binding import ELEMENT_TYPES, Tensor, compute_shapes, torch_types
from ..errors import RunError
from ..program import Program
from ..runtime import SavedProgram
from ..runtime import _check as _check_runtime

#: Sets of shapes whose preparations are kept.
_KEPT = 1024
_CODES = {name: code for code, name in enumerate(ELEMENT_TYPES)}
#: Words of 8 bytes from one Tensor to the next.
_STRIDE = C.sizeof(Tensor) // 8


class Call(Protocol):
    """A program that takes a list of tensors, and returns one."""

    def __call__(self, tensors: Sequence[torch.Tensor]) -> list[torch.Tensor]: ...


class _Prepared:
    """Arguments for one set of shapes, in which only addresses change."""

    def __init__(self, dtypes: Sequence[torch.dtype], shapes: Sequence[tuple[int, ...]]) -> None:
        names = {dtype: name for name, dtype in torch_types().items()}
        self.count = len(shapes)
        self.array = (Tensor * max(self.count, 1))()
        self.addresses = (C.c_int64 * (_STRIDE * max(self.count, 1))).from_buffer(self.array)
        self._alive = []
        for item, dtype, shape in zip(self.array, dtypes, shapes):
            sizes = (C.c_int64 * max(len(shape), 1))(*shape)
            self._alive.append(sizes)
            item.element_type, item.shape, item.rank = _CODES[names[dtype]], sizes, len(shape)


class _Base:
    """What programs for all devices do alike. One call runs at a time; others wait."""

    #: Bits of an address that have to be zero.
    _misaligned = 0

    def __init__(self, inputs: Sequence[torch.dtype], outputs: Sequence[torch.dtype], ranks: Sequence[int],
                 device: torch.device) -> None:
        self._inputs, self._outputs, self._ranks, self._device = list(inputs), list(outputs), list(ranks), device
        self._prepared: dict[tuple[torch.Size, ...], tuple[_Prepared, _Prepared, list[tuple[tuple[int, ...], torch.dtype]]]] = {}
        self._lock = threading.Lock()

    def __call__(self, tensors: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        with self._lock:
            key = tuple([tensor.shape for tensor in tensors])
            known = self._prepared.get(key)
            if known is None:
                self._check(tensors)
                known = self._prepare(key)
            given, results, shapes = known
            addresses = given.addresses
            at = 0
            alive = None
            for tensor in tensors:
                address = tensor.data_ptr()
                if not tensor.is_contiguous() or address & self._misaligned:
                    tensor = tensor.clone(memory_format=torch.contiguous_format)
                    alive = [*(alive or ()), tensor]
                    address = tensor.data_ptr()
                addresses[at] = address
                at += _STRIDE
            made = []
            addresses = results.addresses
            at = 0
            for shape, dtype in shapes:
                tensor = torch.empty(shape, dtype=dtype, device=self._device)
                addresses[at] = tensor.data_ptr()
                at += _STRIDE
                made.append(tensor)
            self._run(given, results)
            return made

    def _prepare(self, key: tuple[torch.Size, ...]) -> Any:
        given = _Prepared(self._inputs, key)
        shapes = compute_shapes(self._ranks, lambda flat: self._compute_shapes(given, flat))
        results = _Prepared(self._outputs, shapes)
        if len(self._prepared) >= _KEPT:
            self._prepared.clear()
        self._prepared[key] = known = (given, results, list(zip(shapes, self._outputs)))
        return known

    def _check(self, tensors: Sequence[torch.Tensor]) -> None:
        for i, tensor in enumerate(tensors):
            if tensor.device != self._device or tensor.dtype != self._inputs[i]:
                raise RunError(f"expected input {i} of a program to be {self._inputs[i]} on {self._device}, but got {tensor.dtype} on "
                               f"{tensor.device}")

    def _compute_shapes(self, given: _Prepared, flat: Any) -> None:
        raise NotImplementedError

    def _run(self, given: _Prepared, results: _Prepared) -> None:
        raise NotImplementedError


class HostCall(_Base):
    """A program that was compiled in this process, for its processors."""

    def __init__(self, program: Program) -> None:
        super().__init__([s.dtype for s in program.inputs], [s.dtype for s in program.outputs],
                         [len(s.shape) for s in program.outputs], torch.device("cpu"))
        self.program = program
        self._function = capi.library().etProgramRun

    def _compute_shapes(self, given: _Prepared, flat: Any) -> None:
        capi.check(capi.library().etProgramComputeShapes(self.program._handle, given.array, given.count, flat), RunError)

    def _run(self, given: _Prepared, results: _Prepared) -> None:
        error = self._function(self.program._handle, given.array, given.count, results.array, results.count)
        if error:
            capi.check(error, RunError)


class DeviceCall(_Base):
    """A program on a GPU. A call returns when its work is in PyTorch's current stream."""

    _misaligned = 15

    def __init__(self, program: SavedProgram) -> None:
        types = torch_types()
        kind, ordinal = program.device.kind, program.device.ordinal
        super().__init__([types[s.dtype] for s in program.inputs], [types[s.dtype] for s in program.outputs],
                         [len(s.shape) for s in program.outputs],
                         torch.device(kind, ordinal) if kind == "cuda" else torch.device("cpu"))
        self.program = program
        self._function = program._lib.etExecutableRun
        self._stream: Callable[[], int | None] = _current_stream(ordinal) if kind == "cuda" else lambda: None

    def _compute_shapes(self, given: _Prepared, flat: Any) -> None:
        _check_runtime(self.program._lib.etExecutableComputeShapes(self.program._handle, given.array, given.count, flat), RunError)

    def _run(self, given: _Prepared, results: _Prepared) -> None:
        error = self._function(self.program._handle, given.array, given.count, results.array, results.count, self._stream())
        if error:
            _check_runtime(error, RunError)


def _current_stream(ordinal: int) -> Callable[[], int]:
    raw = getattr(torch._C, "_cuda_getCurrentRawStream", None)
    if raw is not None:
        return lambda: raw(ordinal)
    return lambda: torch.cuda.current_stream(ordinal).cuda_stream
