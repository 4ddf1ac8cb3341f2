#===- ops_shape.py - Operators about shapes and views -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Shapes, and what is done with them. Results of `Shape` are known numbers, and stay so as long as they can."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Sequence

import numpy as np
import torch

from .registry import ANY_OUTPUTS, Ints, Number, Tensor, Unsupported, operator
from .values import KNOWN_LIMIT, Known, Value, is_known, product, rank

if TYPE_CHECKING:
    from .module import Context
    from .reader import Graph

#: Ends of slices from here on mean "to the end".
_FAR = 1 << 31


def axis_of(axis: int, dims: int) -> int:
    """An axis counted from the front."""
    if not -dims <= axis < max(dims, 1):
        raise Unsupported(f"expected an axis of {dims} dimensions, but got {axis}")
    return axis + dims if axis < 0 else axis


# ---------------------------------------------------------------------------------------------------------------------
# Sizes
# ---------------------------------------------------------------------------------------------------------------------


@operator("Shape")
def shape(ctx: Context, x: Value, *, start: int = 0, end: int | None = None) -> Known:
    return Known.of(list(x.shape)[slice(start, end)], torch.int64)


@operator("Size")
def size(ctx: Context, x: Value) -> Known:
    return Known.of(product(x.shape), torch.int64)


@operator("Constant", note="strings")
def constant(ctx: Context, *, value: Tensor | Known | None = None, value_float: float | None = None, value_int: int | None = None,
             value_floats: Sequence[float] | None = None, value_ints: Sequence[int] | None = None,
             sparse_value: Tensor | None = None) -> Value:
    if value is not None:
        return value
    if sparse_value is not None:
        return sparse_value
    for given, dtype in ((value_float, torch.float32), (value_int, torch.int64), (value_floats, torch.float32),
                         (value_ints, torch.int64)):
        if given is not None:
            return Known.of(given, dtype)
    raise Unsupported("it has no value")


@operator("ConstantOfShape")
def constant_of_shape(ctx: Context, sizes: Ints, *, value: Known | None = None) -> Value:
    filling = Known.of(0.0, torch.float32) if value is None else value
    number = filling.single
    if len(sizes) <= 1 and all(isinstance(s, int) for s in sizes) and math.prod(sizes) <= KNOWN_LIMIT:
        return Known.of([number] * sizes[0] if sizes else number, filling.dtype)
    return torch.full(list(sizes), number, dtype=filling.dtype)


@operator("Range")
def arange(ctx: Context, start: Number, limit: Number, delta: Number) -> Tensor:
    dtype = ctx.environment[ctx.node.inputs[0]].dtype
    return torch.arange(start, limit, delta, dtype=dtype)


# ---------------------------------------------------------------------------------------------------------------------
# Views
# ---------------------------------------------------------------------------------------------------------------------


@operator("Reshape", only={"allowzero": (0, 1)})
def reshape(ctx: Context, x: Value, sizes: Ints, *, allowzero: int = 0) -> Value:
    wanted = [x.shape[i] if isinstance(s, int) and s == 0 and not allowzero else s for i, s in enumerate(sizes)]
    if isinstance(x, Known) and all(isinstance(s, int) for s in wanted):
        return Known(x.elements.reshape(wanted), x.dtype)
    return ctx.tensor(x).reshape(_inferred(x.shape, wanted))


def _inferred(have: Sequence[Any], wanted: list[Any]) -> list[Any]:
    """The sizes with -1 replaced, by leaving out those that both have: a product of them would be harder to read."""
    if wanted.count(-1) != 1:
        return wanted
    left = list(have)
    others: list[Any] = []
    for s in wanted:
        if isinstance(s, int) and s == -1:
            continue
        at = next((i for i, h in enumerate(left) if same_size(h, s)), None)
        left.pop(at) if at is not None else others.append(s)
    if not others:
        return [product(left) if isinstance(s, int) and s == -1 else s for s in wanted]
    return wanted


def same_size(a: Any, b: Any) -> bool:
    """Whether two sizes are the same number or the same expression; never asks what a dynamic size is."""
    if isinstance(a, torch.SymInt) and isinstance(b, torch.SymInt):
        return bool(a.node.expr == b.node.expr)
    return isinstance(a, int) and isinstance(b, int) and a == b


@operator("Flatten")
def flatten(ctx: Context, x: Tensor, *, axis: int = 1) -> Tensor:
    axis = axis_of(axis, x.dim()) if axis != x.dim() else axis
    return x.reshape(product(x.shape[:axis]), product(x.shape[axis:]))


@operator("Squeeze")
def squeeze(ctx: Context, x: Value, axes: Ints | None = None) -> Value:
    dims = rank(x)
    chosen = [d for d in range(dims) if x.shape[d] == 1] if axes is None else [axis_of(a, dims) for a in axes]
    wrong = [d for d in chosen if not (isinstance(x.shape[d], int) and x.shape[d] == 1)]
    if wrong:
        raise Unsupported(f"expected dimension {wrong[0]} to have size 1, but it has {x.shape[wrong[0]]}")
    if isinstance(x, Known):
        return Known(x.elements.reshape([s for d, s in enumerate(x.shape) if d not in chosen]), x.dtype)
    result = ctx.tensor(x)
    for d in sorted(chosen, reverse=True):
        result = result.squeeze(d)
    return result


@operator("Unsqueeze")
def unsqueeze(ctx: Context, x: Value, axes: Ints) -> Value:
    dims = rank(x) + len(axes)
    chosen = sorted(axis_of(a, dims) for a in axes)
    if isinstance(x, Known):
        return Known(np.expand_dims(x.elements, tuple(chosen)), x.dtype)
    result = ctx.tensor(x)
    for d in chosen:
        result = result.unsqueeze(d)
    return result


@operator("Transpose")
def transpose(ctx: Context, x: Value, *, perm: Sequence[int] | None = None) -> Value:
    order = list(reversed(range(rank(x)))) if perm is None else list(perm)
    if isinstance(x, Known):
        return Known(x.elements.transpose(order), x.dtype)
    return ctx.tensor(x).permute(order)


@operator("Expand")
def expand(ctx: Context, x: Value, sizes: Ints) -> Value:
    if isinstance(x, Known) and all(isinstance(s, int) for s in sizes) and math.prod(sizes) <= KNOWN_LIMIT:
        return Known(np.broadcast_to(x.elements, np.broadcast_shapes(x.shape, tuple(sizes))), x.dtype)
    tensor = ctx.tensor(x)
    missing = max(len(sizes) - tensor.dim(), 0)
    have = [1] * missing + list(tensor.shape)
    wanted = [1] * (len(have) - len(sizes)) + list(sizes)
    return tensor.expand([h if isinstance(w, int) and w == 1 else w for h, w in zip(have, wanted)])


@operator("Tile")
def tile(ctx: Context, x: Value, repeats: Ints) -> Value:
    if isinstance(x, Known) and all(isinstance(r, int) for r in repeats):
        return Known(np.tile(x.elements, tuple(repeats)), x.dtype)
    tensor = ctx.tensor(x)
    # Repeating what has one element along a dimension is a view.
    if all(h == 1 or (isinstance(r, int) and r == 1) for h, r in zip(tensor.shape, repeats) if isinstance(h, int)) and \
            all(isinstance(h, int) or (isinstance(r, int) and r == 1) for h, r in zip(tensor.shape, repeats)):
        return tensor.expand([r if isinstance(h, int) and h == 1 else h for h, r in zip(tensor.shape, repeats)])
    return tensor.repeat(list(repeats))


# ---------------------------------------------------------------------------------------------------------------------
# Parts
# ---------------------------------------------------------------------------------------------------------------------


@operator("Concat")
def concat(ctx: Context, *xs: Value, axis: int) -> Value:
    if is_known(*xs):
        return Known(np.concatenate([x.elements for x in xs if isinstance(x, Known)], axis), xs[0].dtype)
    return torch.cat([ctx.tensor(x) for x in xs], axis)


@operator("Split", outputs=ANY_OUTPUTS)
def split(ctx: Context, x: Value, sizes: Ints | None = None, *, axis: int = 0, num_outputs: int | None = None) -> tuple[Value, ...]:
    axis = axis_of(axis, rank(x))
    count = len(ctx.node.outputs)
    if sizes is None:
        whole = x.shape[axis]
        chunk = (whole + count - 1) // count
        sizes = [chunk] * (count - 1) + [whole - chunk * (count - 1)]
    if isinstance(x, Known):
        return tuple(Known(part, x.dtype) for part in np.split(x.elements, np.cumsum(sizes[:-1]), axis))
    return tuple(torch.split(ctx.tensor(x), list(sizes), axis))


@operator("Slice")
def slice_(ctx: Context, x: Value, starts: Ints, ends: Ints, axes: Ints | None = None, steps: Ints | None = None) -> Value:
    dims = rank(x)
    axes = list(range(len(starts))) if axes is None else [axis_of(a, dims) for a in axes]
    steps = [1] * len(starts) if steps is None else steps
    if any(not isinstance(s, int) for s in steps):
        raise Unsupported("expected steps that do not depend on the shapes of inputs")
    ends = [None if isinstance(e, int) and e >= _FAR and t > 0 else e for e, t in zip(ends, steps)]
    chosen = [slice(None)] * dims
    for axis, start, end, step in zip(axes, starts, ends, steps):
        chosen[axis] = slice(start, end, step)
    if isinstance(x, Known) and all(isinstance(v, int) or v is None for s in chosen for v in (s.start, s.stop)):
        return Known(x.elements[tuple(chosen)], x.dtype)
    tensor = ctx.tensor(x)
    for axis in axes:
        part = chosen[axis]
        if part.step == -1 and part.start == -1 and isinstance(part.stop, int) and part.stop <= -_FAR:
            tensor = tensor.flip(axis)
        elif part.step < 0:
            raise Unsupported(f"expected steps from 1 on, or -1 over a whole dimension, but got {part.step}")
        elif (part.start, part.stop, part.step) != (0, None, 1):
            whole = (slice(None),) * axis
            tensor = tensor[(*whole, part)]
    return tensor


@operator("Pad", only={"mode": ("constant",)})
def pad(ctx: Context, x: Tensor, pads: Ints, value: Number | None = None, axes: Ints | None = None, *, mode: str = "constant") -> Tensor:
    chosen = range(x.dim()) if axes is None else [axis_of(a, x.dim()) for a in axes]
    amounts: list[Any] = [0] * (2 * x.dim())
    for i, d in enumerate(chosen):
        # torch counts dimensions from the last one.
        amounts[2 * (x.dim() - 1 - d)], amounts[2 * (x.dim() - 1 - d) + 1] = pads[i], pads[i + len(pads) // 2]
    while amounts and isinstance(amounts[-1], int) and isinstance(amounts[-2], int) and amounts[-1] == amounts[-2] == 0:
        del amounts[-2:]
    return torch.nn.functional.pad(x, amounts, value=0 if value is None else value) if amounts else x


# ---------------------------------------------------------------------------------------------------------------------
# Control flow
# ---------------------------------------------------------------------------------------------------------------------


@operator("If", outputs=ANY_OUTPUTS, note="conditions that depend on what the inputs hold")
def if_(ctx: Context, condition: Number, *, then_branch: Graph, else_branch: Graph) -> list[Value]:
    """Exporters ask for sizes with it, such as whether a dimension that is to be dropped has size 1."""
    return ctx.run(then_branch if condition else else_branch)
