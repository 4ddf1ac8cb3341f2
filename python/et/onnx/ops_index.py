#===- ops_index.py - Operators that look elements up -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Gathers, triangles and running sums."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from .ops_shape import axis_of, same_size
from .registry import Number, Tensor, Unsupported, operator
from .values import Known, Value, Weight, rank

if TYPE_CHECKING:
    from .module import Context


@operator("Gather")
def gather(ctx: Context, x: Value, indices: Value, *, axis: int = 0) -> Value:
    axis = axis_of(axis, rank(x))
    if isinstance(indices, Known) and not indices.symbolic:
        if isinstance(x, Known):
            return Known(x.elements.take(indices.elements.astype(int), axis), x.dtype)
        if not indices.shape:
            return ctx.tensor(x).select(axis, indices.single)
    joined = _joined(ctx) if axis == 0 else None
    if joined is not None:
        return joined
    tensor, positions = ctx.tensor(x), ctx.tensor(indices)
    if axis == 0 and isinstance(x, Weight) and rank(x) == 2 and x.dtype.is_floating_point:
        return torch.nn.functional.embedding(positions, tensor)
    whole: tuple[Any, ...] = (slice(None),) * axis
    return tensor[(*whole, positions)]


def _joined(ctx: Context) -> Tensor | None:
    """x[i, j], which PyTorch's older exporter writes as Gather(Flatten(x), i * columns + j): taken apart again where j counts
    up to the columns, so that a mask that is looked up at positions stays a function of them."""
    flat, total = (ctx.makers.get(name) for name in ctx.node.inputs)
    if flat is None or total is None or flat.operator != "Flatten" or flat.attributes.get("axis", 1) != 2 or total.operator != "Add":
        return None
    x = ctx.tensor(ctx.environment[flat.inputs[0]])
    for column, product in (total.inputs, reversed(total.inputs)):
        scaled = ctx.makers.get(product)
        if scaled is None or scaled.operator != "Mul" or not _counts_up_to(ctx, column, x.shape[1]):
            continue
        for row, factor in (scaled.inputs, reversed(scaled.inputs)):
            columns = ctx.environment[factor]
            if isinstance(columns, Known) and len(columns.flat) == 1 and same_size(columns.single, x.shape[1]):
                found = x[ctx.tensor(ctx.environment[row]), ctx.tensor(ctx.environment[column])]
                return found.unsqueeze(-1) if x.dim() == 2 else found.flatten(found.dim() - (x.dim() - 2))
    return None


def _counts_up_to(ctx: Context, name: str, limit: Any) -> bool:
    """Whether a value is 0, 1, ... up to `limit`, in some dimension."""
    node = ctx.makers.get(name)
    while node is not None and node.operator in ("Unsqueeze", "Cast", "Identity"):
        node = ctx.makers.get(node.inputs[0])
    if node is None or node.operator != "Range":
        return False
    start, end, step = (ctx.environment[n] for n in node.inputs)
    return isinstance(end, Known) and same_size(end.single, limit) and all(
        isinstance(v, Known) and isinstance(v.single, int) and v.single == wanted for v, wanted in ((start, 0), (step, 1)))


@operator("GatherElements")
def gather_elements(ctx: Context, x: Tensor, indices: Tensor, *, axis: int = 0) -> Tensor:
    # Not torch.gather, which takes no positions that count from the end.
    axis = axis_of(axis, x.dim())
    counted = (torch.arange(n).reshape([-1 if d == e else 1 for e in range(x.dim())]) for d, n in enumerate(indices.shape))
    return x[tuple(indices if d == axis else c for d, c in enumerate(counted))]


@operator("GatherND", only={"batch_dims": (0,)})
def gather_nd(ctx: Context, x: Tensor, indices: Value, *, batch_dims: int = 0) -> Tensor:
    return x[tuple(_columns(ctx, indices))]


def _columns(ctx: Context, indices: Value) -> list[Tensor]:
    """The positions in each dimension. Exporters join them, one behind the other: then the parts are taken as they are, so
    that a mask that is looked up at positions stays a function of positions."""
    count = indices.shape[-1]
    if not isinstance(count, int):
        raise Unsupported(f"expected a fixed number of positions in 'indices', but got {count}")
    node = ctx.makers.get(ctx.node.inputs[1])
    if node is not None and node.operator == "Concat" and node.attributes["axis"] in (-1, rank(indices) - 1):
        parts = [ctx.environment[name] for name in node.inputs]
        if all(isinstance(p.shape[-1], int) and p.shape[-1] == 1 for p in parts):
            return [ctx.tensor(p).squeeze(-1) for p in parts]
    tensor = ctx.tensor(indices)
    return [tensor.select(-1, i) for i in range(count)]


@operator("Trilu")
def trilu(ctx: Context, x: Tensor, diagonal: Number | None = None, *, upper: int = 1) -> Tensor:
    diagonal = 0 if diagonal is None else diagonal
    return torch.triu(x, diagonal) if upper else torch.tril(x, diagonal)


@operator("CumSum", only={"exclusive": (0,), "reverse": (0,)})
def cumsum(ctx: Context, x: Tensor, axis: Number, *, exclusive: int = 0, reverse: int = 0) -> Tensor:
    return torch.cumsum(x, axis, dtype=x.dtype)


@operator("EyeLike", only={"k": (0,)})
def eye_like(ctx: Context, x: Value, *, dtype: int | None = None, k: int = 0) -> Tensor:
    from .weights import dtype_of

    rows, columns = x.shape
    return torch.eye(rows, columns, dtype=x.dtype if dtype is None else dtype_of(dtype, f"what {ctx.node.location} makes"))


@operator("OneHot", only={"axis": (-1,)})
def one_hot(ctx: Context, indices: Tensor, depth: Number, values: Tensor, *, axis: int = -1) -> Tensor:
    classes = torch.arange(depth)
    # Positions from -depth to -1 count from the end.
    hit = torch.remainder(indices.to(torch.int64), depth).unsqueeze(-1) == classes
    inside = ((indices >= -depth) & (indices < depth)).unsqueeze(-1)
    return torch.where(hit & inside, values[1], values[0])
