#===- watch.py - Sees changes of objects by words of memory -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Sees that Python objects and tensors changed, for a nanosecond each: CPython numbers the changes of a dictionary, PyTorch those
of a tensor, and both numbers are words in memory.

Where these words are is found by trying, on objects made for it, and only believed when several attempts agree; where nothing is
found (another CPython, another PyTorch) nothing is watched, and callers do without.
"""

from __future__ import annotations

import ctypes as C
import enum
import functools
import os
import types
from dataclasses import dataclass
from typing import Any, Callable, Iterable

import torch

from ..runtime import library

#: Objects that are looked at before giving up.
_LIMIT = 50_000
_PLAIN = (bool, int, float, complex, str, bytes, type(None), type(Ellipsis), type, types.FunctionType, types.BuiltinFunctionType,
          types.MethodType, types.ModuleType, torch.dtype, torch.device, torch.Size, torch.layout, torch.memory_format, enum.Enum,
          functools.partial, range, slice)


#: Attributes of modules that PyTorch numbers together: empty ones are watched by `RemovableHandle.next_id`.
_HOOKS = ("_hooks", "_hooks_with_kwargs", "_hooks_always_called", "_non_persistent_buffers_set")


class Unwatchable(Exception):
    """Something that would have to be watched cannot be; the text says what."""


@dataclass(frozen=True)
class _Layout:
    """Offsets of words in bytes: of a dictionary, of a tensor's implementation, of its counter, and of its storage."""

    dict_version: int
    counter: int
    version: int
    storage: int
    data: int
    mapping: int


class _Memory:
    """Reads this process's memory without falling over what is not mapped."""

    def __init__(self) -> None:
        self._file = os.open("/proc/self/mem", os.O_RDONLY)

    def word(self, address: int) -> int | None:
        try:
            found = os.pread(self._file, 8, address)
        except (OSError, OverflowError):
            return None
        return int.from_bytes(found, "little") if len(found) == 8 else None

    def close(self) -> None:
        os.close(self._file)


@functools.cache
def layout() -> _Layout | None:
    """Where the words are; None where that is not known."""
    try:
        memory = _Memory()
    except OSError:
        return None
    try:
        version = _dict_version(memory)
        tensor = _tensor_words(memory)
        mapping = _mapping(memory)
    finally:
        memory.close()
    return _Layout(version, *tensor, mapping) if version is not None and tensor is not None and mapping is not None else None


def _dict_version(memory: _Memory) -> int | None:
    """The word of a dictionary that changes with each of its changes, however they are made, and with nothing else."""

    class Sample:
        pass

    def write(sample: Any, value: Any) -> None:
        sample.value = value

    found = set(range(0, 48, 8))
    sample = Sample()
    for _ in range(64):  # the interpreter writes attributes in another way once it has seen them often
        write(sample, 0)
    attributes = sample.__dict__
    plain: dict[str, Any] = {"value": 0}
    for i in range(16):
        before = {o: (memory.word(id(attributes) + o), memory.word(id(plain) + o)) for o in found}
        write(sample, i + 1000)
        plain["value"] = i + 1000
        after = {o: (memory.word(id(attributes) + o), memory.word(id(plain) + o)) for o in found}
        assert (sample.value, plain["value"]) == (i + 1000, i + 1000)
        still = {o: (memory.word(id(attributes) + o), memory.word(id(plain) + o)) for o in found}
        found = {o for o in found if before[o][0] != after[o][0] and before[o][1] != after[o][1] and still[o] == after[o]}
    return found.pop() if len(found) == 1 else None


def _tensor_words(memory: _Memory) -> tuple[int, int, int, int] | None:
    if not hasattr(torch.Tensor, "_cdata"):
        return None
    places: list[set[tuple[int, int]]] = []
    storages: list[set[int]] = []
    datas: list[set[int]] = []
    for writes in (137, 58, 201):
        tensor = torch.zeros(7)
        for _ in range(writes):
            tensor.add_(1)
        storage = tensor.untyped_storage()
        storages.append({o for o in range(0, 128, 8) if memory.word(tensor._cdata + o) == storage._cdata})
        datas.append({o for o in range(0, 128, 8) if memory.word(storage._cdata + o) == tensor.data_ptr()})
        found = set()
        for at in range(0, 256, 8):
            address = memory.word(tensor._cdata + at)
            for o in range(0, 64, 8) if address is not None and address > 4096 else ():
                word = memory.word(address + o)
                if word is not None and word & 0xFFFFFFFF == writes:
                    found.add((at, o))
        places.append(found)
    both = set.intersection(*places)
    storage_at, data_at = set.intersection(*storages), set.intersection(*datas)
    if len(both) != 1 or len(storage_at) != 1 or not data_at:
        return None
    counter, version = both.pop()
    return counter, version, storage_at.pop(), min(data_at)


def _mapping(memory: _Memory) -> int | None:
    """Where the view of a class's attributes points to their dictionary."""

    class Sample:
        value = 1

    view = Sample.__dict__
    names = set(view)
    for at in range(16, 40, 8):
        address = memory.word(id(view) + at)
        if address and memory.word(address + 8) == id(dict) and set(C.cast(C.c_void_p(address), C.py_object).value) == names:
            return at
    return None


class Watch:
    """Objects and tensors as they are now."""

    def __init__(self) -> None:
        found = layout()
        if found is None:
            raise Unwatchable("this Python or PyTorch does not number its changes where they are looked for")
        self._layout = found
        self._addresses: list[int] = []
        self._lists: list[tuple[list[Any], tuple[Any, ...]]] = []
        self._sets: list[tuple[Any, frozenset[Any]]] = []
        self._alive: list[Any] = []
        self._seen: set[int] = set()
        self._dictionaries: set[int] = set()
        self._find: Callable[..., int] = lambda *_: 0

    def __len__(self) -> int:
        return len(self._addresses)

    def tensors(self, tensors: Iterable[torch.Tensor]) -> None:
        """Watches what tensors hold, as far as PyTorch counts it, and where."""
        layout = self._layout
        for tensor in tensors:
            if id(tensor) in self._seen:
                continue
            self._see(tensor)
            implementation, storage = tensor._cdata, tensor.untyped_storage()
            counter = C.c_uint64.from_address(implementation + layout.counter).value
            self._addresses += [implementation + layout.storage, storage._cdata + layout.data]
            if not tensor.is_inference():
                self._addresses += [implementation + layout.counter, counter + layout.version]
                self._alive.append(tensor.detach())  # shares the counter
            self._alive.append(storage)

    def objects(self, roots: Iterable[Any]) -> None:
        """Watches everything that is reached from `roots`: attributes of modules and of other objects, dictionaries, lists, and
        the classes of modules. Tensors are for `tensors`."""
        stack = list(roots)
        while stack:
            value = stack.pop()
            if isinstance(value, _PLAIN) or isinstance(value, torch.Tensor) or id(value) in self._seen:
                continue
            self._see(value)
            if len(self._seen) > _LIMIT:
                raise Unwatchable(f"more than {_LIMIT} objects")
            if isinstance(value, dict):
                self.dictionary(value)
                stack.extend(dict.values(value))
            elif isinstance(value, list):
                self._lists.append((value, tuple(value)))
                stack.extend(value)
            elif isinstance(value, tuple):
                stack.extend(value)
            elif isinstance(value, (set, frozenset)):
                self._sets.append((value, frozenset(value)))
            else:
                self._object(value, stack)

    def _object(self, value: Any, stack: list[Any]) -> None:
        attributes = getattr(value, "__dict__", None)
        is_module = isinstance(value, torch.nn.Module)
        if isinstance(attributes, dict):
            self.dictionary(attributes)
            stack.extend(v for name, v in attributes.items() if v or not (is_module and name.endswith(_HOOKS)))
        if is_module:
            for kind in type(value).__mro__:
                if kind is torch.nn.Module:
                    break
                self._class(kind)

    def _class(self, kind: type) -> None:
        if id(kind) in self._seen:
            return
        self._see(kind)
        view = kind.__dict__
        address = C.c_uint64.from_address(id(view) + self._layout.mapping).value
        self._addresses.append(address + self._layout.dict_version)

    def leave(self, value: Any) -> None:
        """Does not watch an object, should it be reached."""
        self._see(value)

    def dictionary(self, value: dict[Any, Any]) -> None:
        """Watches which values a dictionary holds, but not these."""
        if id(value) not in self._dictionaries:
            self._dictionaries.add(id(value))
            self._alive.append(value)
            self._addresses.append(id(value) + self._layout.dict_version)

    def _see(self, value: Any) -> None:
        self._seen.add(id(value))
        self._alive.append(value)

    def take(self) -> None:
        """From now on, things are to be as they are now."""
        # In the order of memory, neighbours come with each other.
        self._addresses = sorted(set(self._addresses))
        count = len(self._addresses)
        self._words = (C.c_void_p * max(count, 1))(*self._addresses)
        self._expected = (C.c_uint64 * max(count, 1))(*(C.c_uint64.from_address(a).value for a in self._addresses))
        # Nothing of Python happens in the call, so that it keeps the lock of the interpreter.
        prototype = C.PYFUNCTYPE(C.c_size_t, C.c_void_p, C.c_void_p, C.c_size_t)
        function = prototype(C.cast(library().etFindChangedWord, C.c_void_p).value)
        words, expected = C.addressof(self._words), C.addressof(self._expected)
        self._find = lambda: function(words, expected, count)
        self._count = count

    def changed(self) -> bool:
        """True when anything is not as it was."""
        if self._find() != self._count:
            return True
        for now, before in self._lists:
            if len(now) != len(before) or any(a is not b for a, b in zip(now, before)):
                return True
        return any(now != then for now, then in self._sets)
