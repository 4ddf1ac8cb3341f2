#===- evaluate.py - Value of an expression, by torch -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Evaluates an expression over a grid of axes with torch: folds constants at import and serves as reference in tests."""

from __future__ import annotations

import math
from typing import Callable, Mapping, Sequence

import sympy
import torch

from . import expr as E
from .dims import Size, is_static
from .emitter import FROM_DTYPE

_UNARY: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "neg": torch.neg, "abs": torch.abs, "exp": torch.exp, "log": torch.log, "sqrt": torch.sqrt, "rsqrt": torch.rsqrt,
    "tanh": torch.tanh, "erf": torch.erf, "sin": torch.sin, "cos": torch.cos, "floor": torch.floor, "ceil": torch.ceil,
    "round": torch.round, "sigmoid": torch.sigmoid, "log1p": torch.log1p, "expm1": torch.expm1, "log2": torch.log2,
    "exp2": torch.exp2, "trunc": torch.trunc,
}
_BINARY: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "add": torch.add, "sub": torch.sub, "mul": torch.mul, "div": torch.div, "max": torch.maximum, "min": torch.minimum,
    "pow": torch.pow, "and": torch.bitwise_and, "or": torch.bitwise_or, "xor": torch.bitwise_xor, "eq": torch.eq,
    "ne": torch.ne, "lt": torch.lt, "le": torch.le, "gt": torch.gt, "ge": torch.ge, "rem": torch.fmod,
    "floordiv": lambda a, b: torch.div(a, b, rounding_mode="floor"),
    "truncdiv": lambda a, b: torch.div(a, b, rounding_mode="trunc"),
}


def size_value(size: Size, symbols: Mapping[sympy.Symbol, int]) -> int:
    """The number that a size stands for."""
    return size if is_static(size) else int(size.subs(symbols))


def evaluate(e: E.Expr, axes: Sequence[E.Axis], lookup: Callable[[E.Expr], torch.Tensor],
             symbols: Mapping[sympy.Symbol, int] | None = None, wide: bool = False) -> torch.Tensor:
    """The value of `e` at every point of `axes`; `lookup` gives the tensor of a base. `wide` computes floats in f64."""
    symbols = symbols or {}
    grid = list(axes)
    for x in E.walk(e):
        if x.op == "reduce":
            grid.extend(x.attr[1])
    position = {axis: i for i, axis in enumerate(grid)}
    rank = len(grid)

    def torch_dtype(dtype: str) -> torch.dtype:
        return torch.float64 if wide and E.is_float(dtype) else FROM_DTYPE[dtype]

    def along(axis: E.Axis) -> torch.Tensor:
        shape = [1] * rank
        shape[position[axis]] = -1
        return torch.arange(size_value(axis.size, symbols)).reshape(shape)

    values: dict[int, torch.Tensor] = {}
    for x in E.walk(e):
        args = [values[id(a)] for a in x.args]
        if x.op == "const":
            value = torch.tensor(x.attr, dtype=torch_dtype(x.dtype))
        elif x.op == "size":
            value = torch.tensor(size_value(x.attr, symbols))
        elif x.op == "index":
            value = along(x.attr)
        elif x.op == "lin":
            value = args[0]
            for size, part in zip(x.attr[1:], args[1:]):
                value = value * size_value(size, symbols) + part
        elif x.op == "load":
            tensor = lookup(x.attr)
            value = tensor[tuple(args)] if args else tensor
            value = value.to(torch_dtype(x.dtype))
        elif x.op == "select":
            value = torch.where(args[0], args[1], args[2])
        elif x.op == "not":
            value = torch.logical_not(args[0]) if x.dtype == "i1" else torch.bitwise_not(args[0])
        elif x.op == "cast":
            value = args[0].to(torch_dtype(x.dtype))
        elif x.op == "reduce":
            kind, reduced = x.attr
            dims = [position[a] for a in reduced]
            shape = torch.broadcast_shapes(args[0].shape, *(
                tuple(size_value(a.size, symbols) if i == position[a] else 1 for i in range(rank)) for a in reduced))
            value = _reduce(kind, args[0].expand(shape), dims)
        elif x.op in E.SOFTMAXES:
            (dim,) = (position[a] for a in x.attr)
            value = torch.softmax(args[0], dim)
            if x.op == "safe_softmax":
                value = torch.where((args[0] == -math.inf).all(dim, keepdim=True), torch.zeros_like(value), value)
        elif x.op in _UNARY:
            value = _UNARY[x.op](args[0])
        else:
            value = _BINARY[x.op](*args)
        values[id(x)] = value
    value = values[id(e)]
    shape = [size_value(a.size, symbols) for a in axes]
    value = value.reshape([1] * (rank - value.dim()) + list(value.shape))
    for dim in reversed(range(len(axes), rank)):
        value = value.squeeze(dim)
    return value.expand(shape).to(torch_dtype(e.dtype))


def _reduce(kind: str, x: torch.Tensor, dims: Sequence[int]) -> torch.Tensor:
    if kind == "sum":
        return x.any(dims, True) if x.dtype == torch.bool else x.sum(dims, True, dtype=x.dtype)
    if kind in ("max", "any"):
        return x.amax(dims, True) if x.dtype != torch.bool else x.any(dims, True)
    if kind in ("min", "all"):
        return x.amin(dims, True) if x.dtype != torch.bool else x.all(dims, True)
    for dim in dims:
        x = x.prod(dim, True)
    return x
