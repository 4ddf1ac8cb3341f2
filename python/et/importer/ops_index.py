#===- ops_index.py - Creation, gathers, embeddings -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Tensors made from nothing, and tensors read at positions that are data.

Positions that are provably in range are read directly. Others are brought into range before they are read: PyTorch reports
a position out of range, a compiled program must at least never read outside a tensor. Embeddings keep the check: et.embedding
makes the run fail.
"""

from __future__ import annotations

from typing import Any, Sequence

from . import expr as E
from .dims import Size, is_static, product, same
from .ir import Base, Value
from .registry import Context, Unsupported, normalize_dim, register
from .views import Unifier, derive, flatten, index_dim, single_axis, source


# ---------------------------------------------------------------------------------------------------------------------
# Creation
# ---------------------------------------------------------------------------------------------------------------------


@register("aten.arange")
def arange(ctx: Context, *args: Any, **kwargs: Any) -> Value:
    args = tuple(a for a in args if not isinstance(a, str))
    start, step = 0, 1
    if len(args) >= 2:
        start = args[0]
    if len(args) >= 3:
        step = args[2]
    (extent,) = ctx.shape
    if same(extent, 1):
        return Value(((),), ctx.scalar(start, ctx.dtype))
    axis = E.Axis(extent)
    if isinstance(step, float) or isinstance(start, float):
        position = E.cast(E.index(axis), ctx.dtype)
        body = E.add(E.mul(position, E.const(step, ctx.dtype)), E.const(start, ctx.dtype))
    else:
        body = E.cast(E.add(E.mul(E.index(axis), E.size(step)), E.size(start)), ctx.dtype)
    return Value(((axis,),), body)


@register("aten.full", "aten.full_like", "aten.new_full")
def full(ctx: Context, first: Any, *args: Any, **kwargs: Any) -> Value:
    value = kwargs.get("fill_value", args[-1] if args else None)
    if value is None:
        value = args[0]
    return ctx.constant(value, ctx.shape, ctx.dtype)


@register("aten.zeros", "aten.zeros_like", "aten.new_zeros", "aten.zero", "aten.zero_")
def zeros(ctx: Context, *args: Any, **kwargs: Any) -> Value:
    return ctx.constant(0, ctx.shape, ctx.dtype)


@register("aten.ones", "aten.ones_like", "aten.new_ones")
def ones(ctx: Context, *args: Any, **kwargs: Any) -> Value:
    return ctx.constant(1, ctx.shape, ctx.dtype)


@register("aten.empty.memory_format", "aten.empty_like", "aten.new_empty")
def empty(ctx: Context, *args: Any, **kwargs: Any) -> Value:
    return ctx.constant(0, ctx.shape, ctx.dtype)  # any content is allowed


@register("aten.scalar_tensor")
def scalar_tensor(ctx: Context, value: Any, *args: Any, **kwargs: Any) -> Value:
    return ctx.constant(value, (), ctx.dtype)


@register("aten.fill.Scalar", "aten.fill_.Scalar")
def fill(ctx: Context, x: Value, value: Any) -> Value:
    return ctx.constant(value, ctx.shape, ctx.dtype)


@register("aten.copy", "aten.copy_")
def copy(ctx: Context, target: Value, x: Value, non_blocking: bool = False) -> Value:
    from .views import expand

    return expand(ctx.cast(x, ctx.dtype), ctx.shape)


def _position(dim: tuple[E.Axis, ...]) -> E.Expr:
    return E.lin([a.size for a in dim], [E.index(a) for a in dim])


def _triangle(ctx: Context, x: Value, diagonal: int, upper: bool) -> Value:
    dims = x.dims
    rows, columns = _position(dims[-2]), _position(dims[-1])
    distance = E.op("sub", "i64", columns, rows)
    keep = E.op("ge" if upper else "le", "i1", distance, E.const(diagonal, "i64"))
    body = ctx.lowering.read(x)
    return Value(dims, E.op("select", body.dtype, keep, body, E.const(0, body.dtype)))


@register("aten.tril", "aten.tril_")
def tril(ctx: Context, x: Value, diagonal: int = 0) -> Value:
    return _triangle(ctx, x, diagonal, False)


@register("aten.triu", "aten.triu_")
def triu(ctx: Context, x: Value, diagonal: int = 0) -> Value:
    return _triangle(ctx, x, diagonal, True)


@register("aten.eye")
def eye(ctx: Context, *args: Any, **kwargs: Any) -> Value:
    rows, columns = (E.Axis(s) for s in ctx.shape)
    return Value(((rows,), (columns,)), E.cast(E.op("eq", "i1", E.index(rows), E.index(columns)), ctx.dtype))


# ---------------------------------------------------------------------------------------------------------------------
# Gathers
# ---------------------------------------------------------------------------------------------------------------------


def in_range(position: E.Expr, extent: Size, wrap: bool) -> E.Expr:
    """`position`, made valid for a dimension of size `extent` unless it provably is."""
    position = E.cast(position, "i64")
    if E.lower_bound(position) < 0 and wrap:
        negative = E.op("lt", "i1", position, E.const(0, "i64"))
        position = E.op("select", "i64", negative, E.add(position, E.size(extent)), position)
    if E.lower_bound(position) < 0:
        position = E.op("max", "i64", position, E.const(0, "i64"))
    if not E.upper_below(position, extent):
        position = E.op("min", "i64", position, E.op("sub", "i64", E.size(extent), E.const(1, "i64")))
    return position


@register("aten.index.Tensor", "aten._unsafe_index.Tensor")
def index(ctx: Context, x: Value, indices: Sequence[Value | None]) -> Value:
    lowering = ctx.lowering
    chosen = [d for d, i in enumerate(indices) if i is not None]
    if any(indices[d].dtype == "i1" for d in chosen):
        raise Unsupported("a boolean mask as index has a result of unknown size")
    x = source(lowering, x)
    if any(len(x.dims[d]) > 1 for d in chosen) or x.body.heavy:
        x = flatten(lowering, x)
    rank = max(indices[d].rank for d in chosen)
    unifier = Unifier(lowering)
    for d in chosen:
        value = indices[d]
        # Positions are data of their own; an expression on top of them stays in place.
        unifier.add(value, range(rank - value.rank, rank))
    positions = {d: unifier.expr(i) for i, d in enumerate(chosen)}
    broadcast = [unifier.dim(r) for r in range(rank)]
    extents = x.shape
    # The axes of the indices must not be mistaken for axes of x that stay.
    used = {a for dim in broadcast for a in dim}
    renaming = {a: E.index(E.Axis(a.size)) for d, dim in enumerate(x.dims) if d not in chosen for a in dim if a in used}
    mapping: dict[E.Axis, E.Expr] = dict(renaming)
    for d in chosen:
        if x.dims[d]:
            mapping[x.dims[d][0]] = in_range(positions[d], extents[d], True)
    from .views import substituted

    body = substituted(lowering, x, mapping)
    kept = [tuple(renaming[a].attr if a in renaming else a for a in dim) for dim in x.dims]
    adjacent = chosen == list(range(chosen[0], chosen[-1] + 1))
    where = chosen[0] if adjacent else 0
    dims = [dim for d, dim in enumerate(kept) if d not in chosen]
    dims[where:where] = broadcast
    return Value(tuple(dims), body)


@register("aten.index_select")
def index_select(ctx: Context, x: Value, dim: int, positions: Value) -> Value:
    indices: list[Value | None] = [None] * x.rank
    indices[normalize_dim(dim, x.rank)] = positions
    return index(ctx, x, indices)


@register("aten.gather", "aten.take_along_dim")
def gather(ctx: Context, x: Value, dim: int, positions: Value, sparse_grad: bool = False) -> Value:
    lowering = ctx.lowering
    dim = normalize_dim(dim, x.rank)
    x = single_axis(lowering, source(lowering, x), dim)
    # A dimension of x may be longer than that of the positions: then its leading part is read.
    labels = [d for d in range(x.rank)]
    for d in range(x.rank):
        if d != dim and not same(x.shape[d], positions.shape[d]) and not same(x.shape[d], 1):
            from .views import slice_dim

            x = slice_dim(lowering, x, d, 0, positions.shape[d])
    unifier = Unifier(lowering)
    unifier.add(positions, labels)
    unifier.add(x, [("source",) if d == dim else d for d in labels])
    position, body = unifier.expr(0), unifier.expr(1)
    old = unifier.dim(("source",))
    if old:
        value = Value((*(unifier.dim(d) for d in labels), old), body)
        from .views import substituted

        body = substituted(lowering, value, {old[0]: in_range(position, x.shape[dim], False)})
    return Value(tuple(unifier.dim(d) for d in labels), body)


@register("aten.embedding")
def embedding(ctx: Context, table: Value, ids: Value, *args: Any, **kwargs: Any) -> Value:
    lowering = ctx.lowering
    table = flatten(lowering, table) if any(len(d) > 1 for d in table.dims) else table
    rows, columns = table.dims
    extent, width = table.shape
    lowering.read(ids)
    position = ids.body
    feature = tuple(E.Axis(a.size) for a in columns)
    if not position.free <= set(ids.axes):
        raise AssertionError("ids depend on axes they do not have")
    constant = lowering.fold(position, list(position.free)) is not None
    direct = not rows or (E.lower_bound(position) >= 0 and E.upper_below(position, extent))
    if direct and (constant or all(x.op != "load" for x in E.walk(position))):
        # Rows at known positions, a slice of the table as a rule: no check and no gather.
        mapping = {a: E.index(f) for a, f in zip(columns, feature)}
        if rows:
            mapping[rows[0]] = position
        return Value((*ids.dims, feature), E.substitute(lowering.realise(table), mapping))
    # Positions that repeat along an axis are looked up once.
    dims = tuple((a,) for a in ids.axes if a in position.free)
    compact = Value(dims, position if position.dtype in ("i32", "i64") else E.cast(position, "i64"), ids.users)
    id_tensor = lowering.tensor(compact)
    if ids.body is position and compact.body.dtype == position.dtype and any(x.op == "load" for x in E.walk(position)):
        ids.body = compact.body  # a formula says more than a load, to a causal mask for instance
    table_tensor = lowering.tensor(table)
    result = lowering.emitter.embedding(id_tensor, table_tensor)
    base = Base(result, result.shape, result.dtype)
    if not feature:
        body = E.load(base, (*(E.index(d[0]) for d in dims), E.const(0, "i64")))
    else:
        body = base.whole([*(d[0] for d in dims), feature[0]])
    return Value((*ids.dims, feature), body)


# ---------------------------------------------------------------------------------------------------------------------
# Scatters
# ---------------------------------------------------------------------------------------------------------------------


@register("aten.index_put", "aten.index_put_", "aten._unsafe_index_put")
def index_put(ctx: Context, x: Value, indices: Sequence[Value | None], values: Value, accumulate: bool = False) -> Value:
    """Each element asks whether a position names it; there is no scatter, so every position must be decidable so."""
    lowering = ctx.lowering
    if accumulate:
        raise Unsupported("positions whose values are added up (accumulate=True)")
    chosen = [d for d, i in enumerate(indices) if i is not None]
    values = ctx.cast(values, ctx.dtype)
    if any(indices[d].dtype == "i1" for d in chosen):
        return _masked_put(ctx, x, indices, values, chosen)
    x = flatten(lowering, x) if any(len(d) > 1 for d in x.dims) else x
    old = lowering.read(x)
    rank = max(indices[d].rank for d in chosen)
    unifier = Unifier(lowering)
    for d in chosen:
        unifier.add(indices[d], range(rank - indices[d].rank, rank))
    adjacent = chosen == list(range(chosen[0], chosen[-1] + 1))
    rest = [("kept", d) for d in range(x.rank) if d not in chosen]
    where = chosen[0] if adjacent else 0
    labels = [*rest[:where], *range(rank), *rest[where:]]
    unifier.add(values, labels[len(labels) - values.rank:])
    positions = [unifier.expr(i) for i in range(len(chosen))]
    new = unifier.expr(len(chosen))
    over = [a for r in range(rank) for a in unifier.dim(r)]
    # The other dimensions of the values are those of x.
    mapping = {a: E.index(x.dims[d][0]) for _, d in rest for a in unifier.dim(("kept", d))}
    new = E.substitute(new, mapping)
    hit: E.Expr = E.const(True, "i1")
    solved: dict[E.Axis, E.Expr] = {}
    for d, position in zip(chosen, positions):
        here = E.index(x.dims[d][0]) if x.dims[d] else E.const(0, "i64")
        extent = x.shape[d]
        if position.op == "index" and position.attr in over and position.attr not in solved and \
                same(position.attr.size, extent):
            solved[position.attr] = here  # an arange names each position once
            continue
        position = E.cast(position, "i64")
        if E.lower_bound(position) < 0:
            negative = E.op("lt", "i1", position, E.const(0, "i64"))
            position = E.op("select", "i64", negative, E.add(position, E.size(extent)), position)
        hit = E.op("and", "i1", hit, E.op("eq", "i1", position, here))
    hit, new = E.substitute(hit, solved), E.substitute(new, solved)
    left = [a for a in over if a not in solved]
    if any(a in new.free for a in left):
        raise Unsupported("values that differ between positions that may be equal")
    if left and hit.op == "const":
        left = []
    hit = E.reduce("any", left, hit)
    return Value(x.dims, E.op("select", old.dtype, hit, new, old))


def _masked_put(ctx: Context, x: Value, indices: Sequence[Value | None], values: Value, chosen: Sequence[int]) -> Value:
    from .ops_elementwise import where

    mask = indices[chosen[0]]
    if len(chosen) != 1 or mask.dtype != "i1":
        raise Unsupported("a boolean mask beside other indices")
    if values.axes:
        raise Unsupported("several values at the places of a boolean mask, of which there may be any number")
    first = chosen[0]
    mask = derive(mask, (*mask.dims, *[()] * (x.rank - first - mask.rank)))
    value = Value((), values.body)
    return where(ctx, mask, value, x)
