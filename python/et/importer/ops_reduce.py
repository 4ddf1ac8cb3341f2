#===- ops_reduce.py - Reductions, softmax, scans -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Operators that combine elements along axes. They stay expressions, so that norms and attention can be recognised."""

from __future__ import annotations

import math
from typing import Any, Sequence

from . import expr as E
from .dims import is_static, product, same
from .ir import Base, Value
from .registry import Context, Unsupported, normalize_dim, register, target_name
from .views import derive, flatten


def _dims(x: Value, dim: Any) -> list[int]:
    if dim is None or (isinstance(dim, (list, tuple)) and not dim):
        return list(range(x.rank))
    return sorted({normalize_dim(d, x.rank) for d in ([dim] if isinstance(dim, int) else dim)}) if x.rank else []


def _reduced(x: Value, dims: Sequence[int], keepdim: bool) -> list[tuple[E.Axis, ...]]:
    if keepdim:
        return [() if d in dims else dim for d, dim in enumerate(x.dims)]
    return [dim for d, dim in enumerate(x.dims) if d not in dims]


def reduce_dims(ctx: Context, kind: str, x: Value, dims: Sequence[int], keepdim: bool, body: E.Expr | None = None) -> Value:
    """Reduces `body`, by default the element of x, over some dimensions of x."""
    body = ctx.lowering.read(x) if body is None else body
    axes = [a for d in dims for a in x.dims[d]]
    constant = [a for a in axes if a not in body.free]
    body = E.reduce(kind, [a for a in axes if a in body.free], body)
    if constant and kind == "sum":
        body = E.mul(body, E.cast(E.size(product(a.size for a in constant)), body.dtype))
    elif constant and kind == "prod":
        raise Unsupported("a product over a broadcast dimension")
    return Value(tuple(_reduced(x, dims, keepdim)), body)


@register("aten.sum")
def sum_rule(ctx: Context, x: Value, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Value:
    return reduce_dims(ctx, "sum", ctx.cast(x, ctx.dtype), _dims(x, dim), keepdim)


def mean_value(ctx: Context, x: Value, dims: Sequence[int], keepdim: bool, body: E.Expr | None = None) -> Value:
    total = reduce_dims(ctx, "sum", x, dims, keepdim, body)
    count = E.cast(E.size(product(a.size for d in dims for a in x.dims[d])), total.dtype)
    return Value(total.dims, E.op("div", total.dtype, total.body, count))


@register("aten.mean")
def mean(ctx: Context, x: Value, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Value:
    return mean_value(ctx, ctx.cast(x, ctx.dtype), _dims(x, dim), keepdim)


def _variance(ctx: Context, x: Value, dim: Any, correction: float, keepdim: bool) -> Value:
    dims = _dims(x, dim)
    if x.body.heavy:
        ctx.lowering.realise(x)
    centre = mean_value(ctx, x, dims, True)
    difference = E.op("sub", x.dtype, x.body, centre.body)
    count = product(a.size for d in dims for a in x.dims[d])
    total = reduce_dims(ctx, "sum", x, dims, keepdim, E.mul(difference, difference))
    divisor = E.cast(E.size(count), x.dtype)
    if correction:
        divisor = E.op("sub", x.dtype, divisor, E.const(correction, x.dtype))
    return Value(total.dims, E.op("div", x.dtype, total.body, divisor))


def _correction(args: tuple[Any, ...], kwargs: dict[str, Any]) -> float:
    if "correction" in kwargs:
        return 1 if kwargs["correction"] is None else kwargs["correction"]
    return 1 if kwargs.get("unbiased", args[0] if args else True) else 0


@register("aten.var.dim", "aten.var.correction", "aten.var.default")
def var(ctx: Context, x: Value, dim: Any = None, *args: Any, keepdim: bool = False, **kwargs: Any) -> Value:
    if isinstance(dim, bool):
        dim, args = None, (dim,)
    return _variance(ctx, x, dim, _correction(args, kwargs), args[1] if len(args) > 1 else keepdim)


@register("aten.std.dim", "aten.std.correction", "aten.std.default")
def std(ctx: Context, x: Value, dim: Any = None, *args: Any, keepdim: bool = False, **kwargs: Any) -> Value:
    value = var(ctx, x, dim, *args, keepdim=keepdim, **kwargs)
    return Value(value.dims, E.op("sqrt", value.dtype, value.body))


@register("aten.amax", "aten.max.default")
def amax(ctx: Context, x: Value, dim: Any = None, keepdim: bool = False) -> Value:
    return reduce_dims(ctx, "max", x, _dims(x, dim), keepdim)


@register("aten.amin", "aten.min.default")
def amin(ctx: Context, x: Value, dim: Any = None, keepdim: bool = False) -> Value:
    return reduce_dims(ctx, "min", x, _dims(x, dim), keepdim)


@register("aten.prod.dim_int", "aten.prod.default")
def prod(ctx: Context, x: Value, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Value:
    return reduce_dims(ctx, "prod", ctx.cast(x, ctx.dtype), _dims(x, dim), keepdim)


@register("aten.any")
def any_rule(ctx: Context, x: Value, dim: Any = None, keepdim: bool = False) -> Value:
    return reduce_dims(ctx, "any", ctx.cast(x, "i1"), _dims(x, dim), keepdim)


@register("aten.all")
def all_rule(ctx: Context, x: Value, dim: Any = None, keepdim: bool = False) -> Value:
    return reduce_dims(ctx, "all", ctx.cast(x, "i1"), _dims(x, dim), keepdim)


def _argument(ctx: Context, kind: str, x: Value, dim: int | None, keepdim: bool) -> Value:
    lowering = ctx.lowering
    if dim is None:
        x = flatten(lowering, x)
        whole = E.Axis(product(x.shape))
        tensor = lowering.reshape(lowering.tensor(x), list(x.dims), [x.axes])
        result = lowering.emitter.argument_reduction(kind, tensor, 0)
        base = Base(result, (), "i64")
        base.lower, base.upper = 0, whole.size
        return Value(((),) * x.rank if keepdim else (), E.load(base, ()))
    dim = normalize_dim(dim, x.rank)
    extent = x.shape[dim]
    if x.dtype == "i1":
        x = ctx.cast(x, "i64")
    x = flatten(lowering, x) if any(len(d) > 1 for d in x.dims) else x
    tensor = lowering.tensor(x)
    result = lowering.emitter.argument_reduction(kind, tensor, dim)
    base = Base(result, result.shape, "i64")
    base.lower, base.upper = 0, extent
    rest = [d for i, d in enumerate(x.dims) if i != dim]
    body = E.load(base, tuple(E.index(d[0]) if d else E.const(0, "i64") for d in rest))
    return Value(tuple(_reduced(x, [dim], keepdim)), body)


@register("aten.argmax")
def argmax(ctx: Context, x: Value, dim: int | None = None, keepdim: bool = False) -> Value:
    return _argument(ctx, "argmax", x, dim, keepdim)


@register("aten.argmin")
def argmin(ctx: Context, x: Value, dim: int | None = None, keepdim: bool = False) -> Value:
    return _argument(ctx, "argmin", x, dim, keepdim)


@register("aten.max.dim")
def max_dim(ctx: Context, x: Value, dim: int, keepdim: bool = False) -> list[Value]:
    ctx.lowering.realise(x)
    return [reduce_dims(ctx, "max", x, _dims(x, dim), keepdim), _argument(ctx, "argmax", x, dim, keepdim)]


@register("aten.min.dim")
def min_dim(ctx: Context, x: Value, dim: int, keepdim: bool = False) -> list[Value]:
    ctx.lowering.realise(x)
    return [reduce_dims(ctx, "min", x, _dims(x, dim), keepdim), _argument(ctx, "argmin", x, dim, keepdim)]


# ---------------------------------------------------------------------------------------------------------------------
# Softmax
# ---------------------------------------------------------------------------------------------------------------------


@register("aten.softmax", "aten._softmax", "aten._safe_softmax")
def softmax(ctx: Context, x: Value, dim: int, *args: Any, **kwargs: Any) -> Value:
    x = ctx.cast(x, ctx.dtype)
    axes = x.dims[normalize_dim(dim, x.rank)]
    body = ctx.lowering.read(x)
    if not axes:
        return Value(x.dims, E.const(1.0, ctx.dtype))
    if any(a not in body.free for a in axes):  # equal along the dimension
        if any(a in body.free for a in axes):
            raise Unsupported("a softmax over a dimension that is partly a broadcast")
        count = E.cast(E.size(product(a.size for a in axes)), ctx.dtype)
        return Value(x.dims, E.op("div", ctx.dtype, E.const(1.0, ctx.dtype), count))
    return Value(x.dims, E.softmax(axes, body, "_safe" in target_name(ctx.target)))


@register("aten.log_softmax", "aten._log_softmax")
def log_softmax(ctx: Context, x: Value, dim: int, *args: Any, **kwargs: Any) -> Value:
    x = ctx.cast(x, ctx.dtype)
    ctx.lowering.realise(x)
    dims = [normalize_dim(dim, x.rank)]
    body, dtype = x.body, x.dtype
    top = reduce_dims(ctx, "max", x, dims, True).body
    shifted = E.op("sub", dtype, body, top)
    total = reduce_dims(ctx, "sum", x, dims, True, E.op("exp", dtype, shifted)).body
    return Value(x.dims, E.op("sub", dtype, shifted, E.op("log", dtype, total)))


@register("aten.logsumexp")
def logsumexp(ctx: Context, x: Value, dim: Any, keepdim: bool = False) -> Value:
    ctx.lowering.realise(x)
    dims = _dims(x, dim)
    dtype = x.dtype
    top = reduce_dims(ctx, "max", x, dims, True).body
    total = reduce_dims(ctx, "sum", x, dims, keepdim, E.op("exp", dtype, E.op("sub", dtype, x.body, top)))
    return Value(total.dims, E.add(E.op("log", dtype, total.body), top))


# ---------------------------------------------------------------------------------------------------------------------
# Norms of vectors, scans
# ---------------------------------------------------------------------------------------------------------------------


@register("aten.linalg_vector_norm", "aten.norm.ScalarOpt_dim", "aten.norm.Scalar", "aten.norm.ScalarOpt_dim_dtype")
def vector_norm(ctx: Context, x: Value, order: Any = 2, dim: Any = None, keepdim: bool = False, **kwargs: Any) -> Value:
    x = ctx.cast(x, ctx.dtype)
    order = 2 if order is None else order
    body, dtype = ctx.lowering.read(x), ctx.dtype
    dims = _dims(x, dim)
    if order == 2:
        total = reduce_dims(ctx, "sum", x, dims, keepdim, E.mul(body, body))
        return Value(total.dims, E.op("sqrt", dtype, total.body))
    if order == 1:
        return reduce_dims(ctx, "sum", x, dims, keepdim, E.op("abs", dtype, body))
    if order == math.inf:
        return reduce_dims(ctx, "max", x, dims, keepdim, E.op("abs", dtype, body))
    raise Unsupported(f"expected a norm of order 1, 2 or inf, but got {order}")


@register("aten._weight_norm")
def weight_norm(ctx: Context, v: Value, g: Value, dim: int = 0) -> Value:
    """v with norm g for each position of a dimension; -1 stands for the norm of all of it."""
    v, g = ctx.cast(v, ctx.dtype), ctx.cast(g, ctx.dtype)
    body = ctx.lowering.read(v)
    others = [d for d in range(v.rank) if dim == -1 or d != normalize_dim(dim, v.rank)]
    total = reduce_dims(ctx, "sum", v, others, True, E.mul(body, body))
    norm = Value(total.dims, E.op("sqrt", ctx.dtype, total.body))
    factor = ctx.op("div", g, norm)
    return ctx.op("mul", v, factor)


@register("aten._weight_norm_interface")
def weight_norm_interface(ctx: Context, v: Value, g: Value, dim: int = 0) -> list[Value | None]:
    ctx.meta = ctx.meta[0]
    return [weight_norm(ctx, v, g, dim), None]


@register("aten.cumsum")
def cumsum(ctx: Context, x: Value, dim: int, *, dtype: Any = None) -> Value:
    x = ctx.cast(x, ctx.dtype)
    if not x.rank:
        return x
    dim = normalize_dim(dim, x.rank)
    formula = not any(e.op in ("load", "reduce", "attention", *E.SOFTMAXES) for e in E.walk(x.body))
    if not formula:
        ctx.lowering.realise(x)
    x = flatten(ctx.lowering, x) if len(x.dims[dim]) > 1 else x
    if not x.dims[dim]:
        return derive(x, x.dims)
    (axis,) = x.dims[dim]
    if x.dtype in E.INTS and x.body.op == "const":
        return Value(x.dims, E.mul(E.cast(E.add(E.index(axis), E.const(1, "i64")), x.dtype), x.body))
    upto = E.Axis(axis.size)
    body = E.substitute(x.body, {axis: E.index(upto)})
    seen = E.op("le", "i1", E.index(upto), E.index(axis))
    body = E.op("select", body.dtype, seen, body, E.const(0, body.dtype))
    return Value(x.dims, E.reduce("sum", [upto], body))
