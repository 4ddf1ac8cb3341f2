#===- shapes.py - Reads the argument shapes of et.check -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""The sizes of the arguments: integers, names, multiples of names, and what torch.export calls Dim.

    {"x": ("batch", 3, "height", "width")}                 by the name of the argument
    [("batch", 3, 224, 224), ("batch", torch.int64)]       in order; a dtype may end a shape
    {"x": (Dim("batch", min=2, max=64), "32*height")}      equal names are equal sizes

An argument may also be a tensor (its sizes are kept), a name alone (an integer argument of that size), None, a bool, an int or a float, and
lists or dictionaries of all these: a tuple is a shape, a list holds several arguments.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Callable

import torch

from .errors import CheckError

_NAME = re.compile(r"(?:(\d+)\s*\*\s*)?([A-Za-z_][A-Za-z_0-9]*)")
LARGEST = 1 << 31


@dataclass
class Dimension:
    """A named size and what is known of it."""

    name: str
    min: int = 1
    max: int | None = None


@dataclass(frozen=True)
class Multiple:
    """`factor` times a named size, plus `offset`."""

    name: str
    factor: int = 1
    offset: int = 0

    def __str__(self) -> str:
        text = self.name if self.factor == 1 else f"{self.factor}*{self.name}"
        return text if not self.offset else f"{text}{self.offset:+d}"


@dataclass(frozen=True)
class TensorShape:
    """A tensor argument: its sizes and type."""

    sizes: tuple[int | Multiple, ...]
    dtype: torch.dtype


@dataclass
class Arguments:
    """Arguments as they are given to the program, with TensorShape and Multiple where tensors and sizes go."""

    positional: list[Any] = field(default_factory=list)
    named: dict[str, Any] = field(default_factory=dict)
    dimensions: dict[str, Dimension] = field(default_factory=dict)


class _Reader:
    def __init__(self, dtype: torch.dtype) -> None:
        self.dtype = dtype
        self.dimensions: dict[str, Dimension] = {}

    def size(self, value: Any, where: str) -> int | Multiple:
        if isinstance(value, bool):
            raise CheckError(f"expected a size of {where} to be an integer or a name, but got {value}")
        if isinstance(value, int):
            if not 0 <= value < LARGEST:
                raise CheckError(f"expected a size of {where} between 0 and {LARGEST - 1}, but got {value}")
            return value
        if isinstance(value, str):
            match = _NAME.fullmatch(value.strip())
            if not match:
                raise CheckError(f"expected a size of {where} to be a name such as 'batch', or '32*height', but got '{value}'")
            factor = int(match[1] or 1)
            if factor < 1:
                raise CheckError(f"expected the factor of a size of {where} to be at least 1, but got '{value}'")
            self.dimensions.setdefault(match[2], Dimension(match[2]))
            return Multiple(match[2], factor)
        return self.export_dim(value, where)

    def export_dim(self, value: Any, where: str) -> Multiple:
        root = getattr(value, "root", None)
        base = root if root is not None else value
        name, low, high = getattr(base, "__name__", None), getattr(base, "min", None), getattr(base, "max", None)
        if type(base).__module__ != "torch.export.dynamic_shapes" or not name or not isinstance(low, int):
            raise CheckError(f"expected a size of {where} to be an integer, a name or a Dim of torch.export, but got {value!r} of type "
                             f"{type(value).__name__}")
        high = high if isinstance(high, int) and high < LARGEST else None
        # A Dim says 0 where the user said nothing.
        dimension = Dimension(name, max(low, 1), high)
        known = self.dimensions.get(name)
        if known and (known.min, known.max) not in ((1, None), (dimension.min, dimension.max)):
            raise CheckError(f"expected one range of the size '{name}', but got {known.min} to {known.max} and {dimension.min} to {dimension.max}")
        self.dimensions[name] = dimension
        if root is None:
            return Multiple(name)
        offset = value.fn(0)
        return Multiple(name, value.fn(1) - offset, offset)

    def shape(self, value: Sequence[Any], where: str) -> TensorShape:
        dtype = self.dtype
        if value and isinstance(value[-1], torch.dtype):
            value, dtype = value[:-1], value[-1]
        return TensorShape(tuple(self.size(size, where) for size in value), dtype)

    def argument(self, value: Any, where: str) -> Any:
        if isinstance(value, torch.Tensor):
            return TensorShape(tuple(value.shape), value.dtype)
        if isinstance(value, tuple):
            return self.shape(value, where)
        if isinstance(value, list):
            return [self.argument(item, f"{where}[{place}]") for place, item in enumerate(value)]
        if isinstance(value, Mapping):
            return {key: self.argument(item, f"{where}[{key!r}]") for key, item in value.items()}
        if isinstance(value, str):
            return self.size(value, where)
        if value is None or isinstance(value, (bool, int, float, torch.dtype, torch.device)):
            return value
        raise CheckError(f"expected {where} to be a tuple of sizes, a tensor, a number, None, or a list or dictionary of these, but got "
                         f"{type(value).__name__}; bind other arguments with functools.partial or a lambda")


def _bind(function: Callable[..., Any], arguments: Arguments) -> None:
    target = function.forward if isinstance(function, torch.nn.Module) else function
    try:
        signature = inspect.signature(target)
    except (TypeError, ValueError):
        return
    try:
        signature.bind(*arguments.positional, **arguments.named)
    except TypeError as error:
        takes = ", ".join(signature.parameters)
        raise CheckError(f"expected shapes for the arguments ({takes}), but {error}") from error


def read(function: Callable[..., Any], shapes: Any, minimum: Mapping[str, int] | None, maximum: Mapping[str, int] | None) -> Arguments:
    """Reads `shapes` for a call of `function`; raises CheckError."""
    dtype = torch.get_default_dtype()
    if isinstance(function, torch.nn.Module):
        dtype = next((p.dtype for p in function.parameters() if p.dtype.is_floating_point), dtype)
    reader = _Reader(dtype)
    found = Arguments()
    if isinstance(shapes, Mapping):
        for name, value in shapes.items():
            if not isinstance(name, str):
                raise CheckError(f"expected the names of arguments as keys of shapes, but got {name!r}")
            found.named[name] = reader.argument(value, f"'{name}'")
    elif isinstance(shapes, (list, tuple)):
        items = [shapes] if isinstance(shapes, tuple) and any(isinstance(s, (int, str)) for s in shapes) else shapes
        found.positional = [reader.argument(value, f"argument {place}") for place, value in enumerate(items)]
    else:
        raise CheckError(f"expected shapes to be a dictionary by argument name or a sequence of shapes, but got {type(shapes).__name__}")
    found.dimensions = reader.dimensions
    for what, bounds in (("min", minimum), ("max", maximum)):
        for name, bound in (bounds or {}).items():
            if name not in found.dimensions:
                known = ", ".join(f"'{n}'" for n in found.dimensions) or "none"
                raise CheckError(f"expected {what} to bound a size that shapes names ({known}), but got '{name}'")
            if not isinstance(bound, int) or isinstance(bound, bool) or bound < 0:
                raise CheckError(f"expected {what} of '{name}' to be an integer of at least 0, but got {bound!r}")
            setattr(found.dimensions[name], what, bound)
    for dimension in found.dimensions.values():
        if dimension.max is not None and dimension.max < dimension.min:
            raise CheckError(f"expected min of '{dimension.name}' to be at most its max, but got {dimension.min} and {dimension.max}")
    _bind(function, found)
    return found
