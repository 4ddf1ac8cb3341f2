#===- ir.py - The operations of a module under construction -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""A function body as a list of operations, before it is printed.

Operations stay objects until the end, so that an operation nobody uses is never printed, and so that a result can be
replaced by another one (an addition by the second result of the normalisation that absorbed it).
"""

from __future__ import annotations

from typing import Any, Iterator, Sequence

import torch

from . import expr as E
from .dims import Size, is_static, product


class Result:
    """A value of the IR: a tensor when `shape` is a tuple, a scalar when it is None."""

    __slots__ = ("op", "shape", "dtype", "hint", "reads", "_forward")

    def __init__(self, shape: tuple[Size, ...] | None, dtype: str, hint: str = "") -> None:
        self.op: Op | None = None
        self.shape = shape
        self.dtype = dtype
        self.hint = hint
        self.reads = 0  # operations emitted so far that read this value
        self._forward: Result | None = None

    @property
    def type(self) -> str:
        if self.shape is None:
            return self.dtype
        return "tensor<" + "".join(f"{s if is_static(s) else '?'}x" for s in self.shape) + self.dtype + ">"

    def forward_to(self, other: "Result") -> None:
        self._forward = other

    def resolve(self) -> "Result":
        result = self
        while result._forward is not None:
            result = result._forward
        return result


class Op:
    """One operation; `name` selects how it is printed and how the reference evaluates it."""

    __slots__ = ("name", "operands", "attrs", "results", "loc")

    def __init__(
        self, name: str, operands: Sequence[Result], attrs: dict[str, Any], results: Sequence[Result], loc: str
    ) -> None:
        self.name = name
        self.operands = list(operands)
        self.attrs = attrs
        self.results = list(results)
        self.loc = loc
        for result in results:
            result.op = self

    def inputs(self) -> Iterator[Result]:
        """All values the operation reads, resolved."""
        for operand in self.operands:
            yield operand.resolve()


class Base:
    """A tensor in the IR that expressions load from."""

    __slots__ = ("result", "shape", "dtype", "constant", "name", "lower", "upper", "contraction", "__weakref__")

    def __init__(self, result: Result | None, shape: Sequence[Size], dtype: str, constant: torch.Tensor | None = None,
                 name: str = "") -> None:
        self.result = result
        self.shape = tuple(shape)
        self.dtype = dtype
        self.constant = constant
        self.name = name
        #: Bounds of the elements of an integer tensor, where known: lower <= x < upper.
        self.lower: float = float("-inf")
        self.upper: Size | None = None
        self.contraction = False  # computed as a product of two activations, as attention scores are

    def __repr__(self) -> str:
        return self.name or f"base{id(self) % 9973}"

    def whole(self, axes: Sequence[E.Axis]) -> E.Expr:
        """The element at `axes`, one axis per dimension."""
        return E.load(self, tuple(E.index(a) for a in axes))


class Value:
    """A tensor of the program: what each logical dimension stands for, and its element.

    A dimension is a tuple of axes, row-major; () is a dimension of size 1. An axis that the body does not mention is a
    broadcast. `users` is the number of operators of the graph that read the value.
    """

    __slots__ = ("dims", "body", "users")

    def __init__(self, dims: Sequence[tuple[E.Axis, ...]], body: E.Expr, users: int = 1) -> None:
        self.dims: E.Dims = tuple(dims)
        self.body = body
        self.users = users

    @property
    def shape(self) -> tuple[Size, ...]:
        return tuple(product(a.size for a in dim) for dim in self.dims)

    @property
    def rank(self) -> int:
        return len(self.dims)

    @property
    def dtype(self) -> str:
        return self.body.dtype

    @property
    def axes(self) -> tuple[E.Axis, ...]:
        return tuple(a for dim in self.dims for a in dim)

    def __repr__(self) -> str:
        return f"Value({list(self.dims)}, {self.body!r})"
