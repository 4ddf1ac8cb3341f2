#===- ops_view.py - Views, copies, concatenation -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Operators that move elements. Only concatenation and padding emit operations; the rest are changes of axes."""

from __future__ import annotations

import math
from typing import Any, Sequence

from . import expr as E
from .dims import Size, add, is_static, product, same, size_of
from .ir import Base, Value
from .lower import load_axes
from .masks import linear_form
from .registry import Context, Unsupported, normalize_dim, register
from .views import Unifier, derive, expand, index_dim, permute, reshape, select_dim, single_axis, slice_dim, source

_END = (1 << 62)


@register("aten.view", "aten.reshape", "aten._unsafe_view", "aten.view_as", "aten.reshape_as", "aten.flatten",
          "aten.unflatten", "aten._reshape_alias", "aten.ravel", "aten._reshape_copy", "aten.view_copy")
def reshape_rule(ctx: Context, x: Value, *args: Any, **kwargs: Any) -> Value:
    return reshape(ctx.lowering, x, ctx.shape)


@register("aten.as_strided", "aten.as_strided_copy")
def as_strided(ctx: Context, x: Value, size: Sequence[Size], stride: Sequence[Size], offset: Size | None = None) -> Value:
    meta = ctx.node.args[0].meta["val"]
    expected: Size = 1
    whole = same(product(x.shape), product(ctx.shape)) and meta.is_contiguous() and (offset is None or same(offset, 0))
    for extent, step in reversed(list(zip(ctx.shape, stride))):
        whole = whole and (same(extent, 1) or same(size_of(step), expected))
        expected = product((expected, extent))
    if not whole:
        raise Unsupported("strides that are not those of a whole tensor")
    return reshape(ctx.lowering, x, ctx.shape)


@register("aten.transpose.int", "aten.swapaxes", "aten.swapdims", "aten.transpose_")
def transpose(ctx: Context, x: Value, a: int, b: int) -> Value:
    order = list(range(x.rank))
    if x.rank:
        a, b = normalize_dim(a, x.rank), normalize_dim(b, x.rank)
        order[a], order[b] = order[b], order[a]
    return permute(x, order)


@register("aten.t", "aten.numpy_T", "aten.mT", "aten.adjoint", "aten.matrix_H")
def matrix_transpose(ctx: Context, x: Value) -> Value:
    return transpose(ctx, x, -1, -2) if x.rank >= 2 else derive(x, x.dims)


@register("aten.permute", "aten.permute_copy")
def permute_rule(ctx: Context, x: Value, order: Sequence[int]) -> Value:
    return permute(x, [normalize_dim(d, x.rank) for d in order])


@register("aten.movedim.int", "aten.movedim.intlist")
def movedim(ctx: Context, x: Value, source_dims: Any, target_dims: Any) -> Value:
    sources = [normalize_dim(d, x.rank) for d in ([source_dims] if isinstance(source_dims, int) else source_dims)]
    targets = [normalize_dim(d, x.rank) for d in ([target_dims] if isinstance(target_dims, int) else target_dims)]
    rest = [d for d in range(x.rank) if d not in sources]
    order: list[int] = []
    for position in range(x.rank):
        order.append(sources[targets.index(position)] if position in targets else rest.pop(0))
    return permute(x, order)


@register("aten.unsqueeze", "aten.unsqueeze_")
def unsqueeze(ctx: Context, x: Value, dim: int) -> Value:
    dims = list(x.dims)
    dims.insert(dim + x.rank + 1 if dim < 0 else dim, ())
    return derive(x, dims)


@register("aten.squeeze", "aten.squeeze_")
def squeeze(ctx: Context, x: Value, dim: Any = None) -> Value:
    if dim is None:
        chosen = set(range(x.rank))
    else:
        chosen = {normalize_dim(d, x.rank) for d in ([dim] if isinstance(dim, int) else dim)}
    return derive(x, [d for i, d in enumerate(x.dims) if d or i not in chosen])


@register("aten.expand", "aten.expand_as", "aten.broadcast_to", "aten.expand_copy")
def expand_rule(ctx: Context, x: Value, *args: Any, **kwargs: Any) -> Value:
    return expand(x, ctx.shape)


@register("aten.contiguous", "aten.clone", "aten.alias", "aten.detach", "aten.lift_fresh_copy", "aten.lift_fresh",
          "aten.detach_", "aten.positive", "aten.conj", "aten.resolve_conj", "aten.resolve_neg", "aten.view.dtype")
def identity(ctx: Context, x: Value, *args: Any, **kwargs: Any) -> Value:
    if x.dtype != ctx.dtype:
        raise Unsupported("a view as another type is not a conversion")
    return Value(x.dims, x.body)


@register("aten.dropout", "aten.dropout_", "aten.alpha_dropout", "aten.feature_dropout")
def dropout(ctx: Context, x: Value, p: float, train: bool) -> Value:
    if train and p > 0:
        raise Unsupported("dropout is active; call module.eval() before compiling")
    return Value(x.dims, x.body)


@register("aten.native_dropout")
def native_dropout(ctx: Context, x: Value, p: float, train: bool | None) -> list[Any]:
    if train and p > 0:
        raise Unsupported("dropout is active; call module.eval() before compiling")
    return [Value(x.dims, x.body), None]


# ---------------------------------------------------------------------------------------------------------------------
# Parts
# ---------------------------------------------------------------------------------------------------------------------


@register("aten.select.int", "aten.select_copy")
def select(ctx: Context, x: Value, dim: int, position: Size) -> Value:
    dim = normalize_dim(dim, x.rank)
    if is_static(position) and position < 0:
        position = add(x.shape[dim], position)
    return select_dim(ctx.lowering, x, dim, position)


@register("aten.slice", "aten.slice_copy")
def slice_rule(ctx: Context, x: Value, dim: int = 0, start: Size | None = None, end: Size | None = None,
               step: int = 1) -> Value:
    dim = normalize_dim(dim, x.rank)
    return slice_dim(ctx.lowering, x, dim, _start(start, x.shape[dim]), ctx.shape[dim], step)


def _start(start: Size | None, extent: Size) -> Size:
    """Where a slice starts, counted from the front."""
    start = 0 if start is None else start
    if is_static(start) and start < 0:
        start = max(0, extent + start) if is_static(extent) else add(extent, start)
    return min(start, extent) if is_static(start) and is_static(extent) else start


@register("aten.narrow")
def narrow(ctx: Context, x: Value, dim: int, start: Size, length: Size) -> Value:
    return slice_rule(ctx, x, dim, start)


@register("aten.unbind")
def unbind(ctx: Context, x: Value, dim: int = 0) -> list[Value]:
    dim = normalize_dim(dim, x.rank)
    extent = x.shape[dim]
    assert is_static(extent)
    _share(x, extent)
    return [select_dim(ctx.lowering, x, dim, i) for i in range(extent)]


@register("aten.split", "aten.split_with_sizes", "aten.chunk", "aten.split_copy", "aten.split_with_sizes_copy",
          "aten.tensor_split")
def split(ctx: Context, x: Value, sizes: Any, dim: int = 0) -> list[Value]:
    dim = normalize_dim(dim, x.rank)
    _share(x, len(ctx.meta))
    parts: list[Value] = []
    start: Size = 0
    for position in range(len(ctx.meta)):
        size = ctx.shape_of(position)[dim]
        parts.append(slice_dim(ctx.lowering, x, dim, start, size))
        start = add(start, size)
    return parts


def _share(x: Value, parts: int) -> None:
    """Several parts of a value are several readers of it."""
    if parts > 1:
        x.users = max(x.users, 2)


@register("aten.flip")
def flip(ctx: Context, x: Value, dims: Sequence[int]) -> Value:
    for dim in dims:
        dim = normalize_dim(dim, x.rank)
        if not x.dims[dim]:
            continue
        axis = E.Axis(x.shape[dim])
        position = E.op("sub", "i64", E.op("sub", "i64", E.size(axis.size), E.const(1, "i64")), E.index(axis))
        x = index_dim(ctx.lowering, x, dim, lambda _: position, [(axis,)])
    return derive(x, x.dims)


# ---------------------------------------------------------------------------------------------------------------------
# Repetition
# ---------------------------------------------------------------------------------------------------------------------


@register("aten.repeat", "aten.tile")
def repeat(ctx: Context, x: Value, repeats: Sequence[Size]) -> Value:
    missing = len(repeats) - x.rank
    dims = [()] * missing + list(x.dims)
    return derive(x, [((E.Axis(r),) if not same(r, 1) else ()) + d for r, d in zip(repeats, dims)])


@register("aten.repeat_interleave.self_int")
def repeat_interleave(ctx: Context, x: Value, repeats: Size, dim: int | None = None, output_size: Any = None) -> Value:
    if dim is None:
        x = reshape(ctx.lowering, x, (product(x.shape),))
        dim = 0
    dim = normalize_dim(dim, x.rank)
    extra = (E.Axis(repeats),) if not same(repeats, 1) else ()
    return derive(x, [d + extra if i == dim else d for i, d in enumerate(x.dims)])


# ---------------------------------------------------------------------------------------------------------------------
# Joins
# ---------------------------------------------------------------------------------------------------------------------


@register("aten.cat", "aten.concat", "aten.concatenate")
def cat(ctx: Context, tensors: Sequence[Value], dim: int = 0) -> Value:
    rank = len(ctx.shape)
    # Empty tensors of one dimension may stand among others, a left-over of old PyTorch.
    tensors = [t for t in tensors if not (t.rank == 1 and rank != 1)]
    return join(ctx, [ctx.cast(t, ctx.dtype) for t in tensors], normalize_dim(dim, rank), ctx.shape)


def join(ctx: Context, tensors: Sequence[Value], dim: int, shape: Sequence[Size] | None = None) -> Value:
    """Tensors of one type one behind the other; `shape` is that of the result, where it is known."""
    lowering = ctx.lowering
    tensors = [t for t in tensors if not same(t.shape[dim], 0)] or list(tensors[:1])
    if len(tensors) == 1:
        return derive(tensors[0], tensors[0].dims)
    formula = _continued(tensors, dim)
    if formula is not None:
        return formula
    rank = tensors[0].rank
    if shape is None:
        shape = list(tensors[0].shape)
        for other in tensors[1:]:
            shape[dim] = add(shape[dim], other.shape[dim])
    unifier = Unifier(lowering)
    for i, tensor in enumerate(tensors):
        unifier.add(tensor, [("cat", i) if d == dim else d for d in range(rank)])
    exprs = [unifier.expr(i) for i in range(len(tensors))]
    outer = [unifier.dim(d) for d in range(rank)]
    # All parts take the layout of the first one that is in memory, the joined dimension in the place it has there.
    order: list[Any] | None = None
    for i, e in enumerate(exprs):
        forced = lowering.force(e) if e.op == "load" else e
        mine = unifier.dim(("cat", i))
        if order is None and forced.op == "load" and len(mine) == 1:
            axes = [a for arg in lowering.prepare(forced).args for a in load_axes(arg)]
            if set(axes) == {*mine, *(a for d in outer for a in d)}:
                order = ["cat" if a is mine[0] else a for a in axes]
    if order is None:
        order = [x for d in range(rank) for x in (["cat"] if d == dim else outer[d])]
    results = []
    for i, e in enumerate(exprs):
        mine = unifier.dim(("cat", i))
        wanted = [a for x in order for a in (mine if x == "cat" else (x,))]
        forced = lowering.force(e, wanted)
        results.append(lowering.layout(forced, tuple(mine if x == "cat" else (x,) for x in order)))
    joined = E.Axis(shape[dim])
    axes = [joined if x == "cat" else x for x in order]
    result = lowering.emitter.concat(order.index("cat"), results, [a.size for a in axes])
    base = Base(result, result.shape, result.dtype)
    dims = [(joined,) if d == dim else outer[d] for d in range(rank)]
    return Value(tuple(dims), base.whole(axes))


def _continued(tensors: Sequence[Value], dim: int) -> Value | None:
    """Positions that go on counting where those before them end, as one formula."""
    forms = []
    for tensor in tensors:
        form = linear_form(tensor.body) if tensor.dtype in E.INTS and tensor.dtype != "i1" else None
        if form is None or len(tensor.dims[dim]) > 1:
            return None
        along = tensor.dims[dim][0] if tensor.dims[dim] else None
        # The same in other dimensions: there, only what does not depend on them can be compared without renaming axes.
        if any(a is not along for a in form[0]):
            return None
        forms.append((form[0].get(along, 0), form[1], along))
    steps = {step for step, _, along in forms if along is not None}
    if len(steps) != 1:
        return None
    (step,) = steps
    expected = forms[0][1]
    total: Size = 0
    for (_, start, _), tensor in zip(forms, tensors):
        if not same(start, expected):
            return None
        expected = add(expected, product((step, tensor.shape[dim]))) if step else expected
        total = add(total, tensor.shape[dim])
    axis = E.Axis(total)
    dtype = tensors[0].dtype
    body = E.cast(E.add(E.mul(E.index(axis), E.const(step, "i64")), E.size(forms[0][1])), dtype)
    widest = max(tensors, key=lambda t: len(t.axes))
    return Value(tuple((axis,) if d == dim else x for d, x in enumerate(widest.dims)), body)


@register("aten.roll")
def roll(ctx: Context, x: Value, shifts: Any, dims: Any = ()) -> Value:
    shifts = [shifts] if isinstance(shifts, int) or not isinstance(shifts, (list, tuple)) else list(shifts)
    dims = [dims] if isinstance(dims, int) else list(dims)
    if not dims:  # over all elements, whatever the shape
        flat = _rolled(ctx, reshape(ctx.lowering, x, (product(x.shape),)), 0, shifts[0])
        return reshape(ctx.lowering, flat, ctx.shape)
    for dim, shift in zip(dims, shifts):
        x = _rolled(ctx, x, normalize_dim(dim, x.rank), shift)
    return x


def _rolled(ctx: Context, x: Value, dim: int, shift: Size) -> Value:
    extent = x.shape[dim]
    if not is_static(shift):
        raise Unsupported("expected a shift that is a constant")
    if is_static(extent):
        shift = shift % extent if extent else 0
    if shift == 0 or not x.dims[dim]:
        return derive(x, x.dims)
    _share(x, 2)
    if not is_static(extent):
        # The size may be below the shift.
        x = single_axis(ctx.lowering, x, dim)
        axis = E.Axis(extent)
        moved = E.op("sub", "i64", E.index(axis), E.const(shift, "i64"))
        turns = E.mul(E.op("floordiv", "i64", moved, E.size(extent)), E.size(extent))
        position = E.op("sub", "i64", moved, turns)
        return index_dim(ctx.lowering, x, dim, lambda _: position, [(axis,)])
    head = slice_dim(ctx.lowering, x, dim, extent - shift, shift)
    tail = slice_dim(ctx.lowering, x, dim, 0, extent - shift)
    return join(ctx, [head, tail], dim, x.shape)


@register("aten.slice_scatter")
def slice_scatter(ctx: Context, x: Value, source: Value, dim: int = 0, start: Size | None = None, end: Size | None = None,
                  step: int = 1) -> Value:
    if step != 1:
        raise Unsupported(f"expected a slice of neighbours, but got a step of {step}")
    dim = normalize_dim(dim, x.rank)
    extent, length = x.shape[dim], source.shape[dim]
    start = _start(start, extent)
    stop = add(start, length)
    _share(x, 2)
    before = slice_dim(ctx.lowering, x, dim, 0, start)
    after = slice_dim(ctx.lowering, x, dim, stop, add(extent, product((-1, stop))))
    return join(ctx, [before, ctx.cast(source, x.dtype), after], dim, x.shape)


@register("aten.select_scatter")
def select_scatter(ctx: Context, x: Value, source: Value, dim: int, position: Size) -> Value:
    dim = normalize_dim(dim, x.rank)
    row = derive(source, (*source.dims[:dim], (), *source.dims[dim:]))
    return slice_scatter(ctx, x, row, dim, position)


@register("aten.stack")
def stack(ctx: Context, tensors: Sequence[Value], dim: int = 0) -> Value:
    dim = normalize_dim(dim, tensors[0].rank + 1)
    return cat(ctx, [derive(t, (*t.dims[:dim], (), *t.dims[dim:])) for t in tensors], dim)


@register("aten.pad", "aten.constant_pad_nd")
def pad(ctx: Context, x: Value, amounts: Sequence[Size], *args: Any) -> Value:
    if args and isinstance(args[0], str):
        if args[0] != "constant":
            raise Unsupported(f"padding mode '{args[0]}' is not supported, only 'constant'")
        args = args[1:]
    value = args[0] if args and args[0] is not None else 0
    if any(not is_static(a) or a < 0 for a in amounts):
        raise Unsupported("expected padding amounts that are constants and not negative")
    if not any(amounts):
        return derive(x, x.dims)
    lowering = ctx.lowering
    low, high = [0] * x.rank, [0] * x.rank
    for i in range(len(amounts) // 2):
        low[x.rank - 1 - i], high[x.rank - 1 - i] = amounts[2 * i], amounts[2 * i + 1]
    source_ = lowering.tensor(x)
    shape = ctx.shape
    literal = float(value) if E.is_float(x.dtype) else int(value)
    result = lowering.emitter.pad(source_, low, high, literal, shape)
    dims = tuple((E.Axis(s),) if not same(s, 1) else () for s in shape)
    base = Base(result, shape, result.dtype)
    return Value(dims, E.load(base, tuple(E.index(d[0]) if d else E.const(0, "i64") for d in dims)))
