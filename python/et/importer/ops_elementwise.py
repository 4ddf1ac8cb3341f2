#===- ops_elementwise.py - Arithmetic, comparisons, casts -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Operators that compute each element from the elements in the same place. None of them emits anything."""

from __future__ import annotations

import math
from typing import Any

import torch

from . import expr as E
from .dims import is_static, same
from .emitter import TORCH_DTYPES
from .ir import Value
from .masks import linear_form
from .ops_view import join
from .patterns import emit_gelu
from .registry import Context, Unsupported, normalize_dim, register
from .views import slice_dim

_UNARY_FLOAT = ("exp", "log", "sqrt", "rsqrt", "tanh", "erf", "sin", "cos", "sigmoid", "log1p", "expm1", "log2", "exp2")
_UNARY_SAME = ("floor", "ceil", "round", "trunc")


def _register_unary() -> None:
    for name in _UNARY_FLOAT + _UNARY_SAME:
        def rule(ctx: Context, x: Value, _name: str = name, **kwargs: Any) -> Value:
            if _name in _UNARY_SAME and not E.is_float(x.dtype):
                return Value(x.dims, x.body)
            return ctx.op(_name, x)

        register(f"aten.{name}.default", f"aten.{name}_.default")(rule)
    for name in ("eq", "ne", "lt", "le", "gt", "ge"):
        def compare(ctx: Context, a: Any, b: Any, _name: str = name) -> Value:
            dtype = ctx.promote(a, b)
            return ctx.elementwise(lambda x, y: E.op(_name, "i1", x, y), a, b, dtype=dtype)

        register(f"aten.{name}.Tensor", f"aten.{name}.Scalar")(compare)


_register_unary()


@register("aten.add.Tensor", "aten.add.Scalar", "aten.add_.Tensor", "aten.add_.Scalar")
def add(ctx: Context, a: Any, b: Any, alpha: Any = 1) -> Value:
    if alpha != 1:
        return ctx.elementwise(lambda x, y: E.add(x, E.mul(y, E.const(alpha, y.dtype))), a, b)
    return ctx.op("or" if ctx.dtype == "i1" else "add", a, b)


@register("aten.sub.Tensor", "aten.sub.Scalar", "aten.sub_.Tensor", "aten.sub_.Scalar")
def sub(ctx: Context, a: Any, b: Any, alpha: Any = 1) -> Value:
    if alpha != 1:
        return ctx.elementwise(lambda x, y: E.op("sub", x.dtype, x, E.mul(y, E.const(alpha, y.dtype))), a, b)
    return ctx.elementwise(difference, a, b)


def difference(x: E.Expr, y: E.Expr) -> E.Expr:
    """x - y, which is a constant where both are positions that lie a fixed way apart."""
    if x.dtype in E.INTS:
        a, b = linear_form(x), linear_form(y)
        if a is not None and b is not None and a[0] == b[0] and same(a[1], b[1]):
            return E.const(0, x.dtype)
        if a is not None and b is not None and a[0] == b[0] and is_static(a[1]) and is_static(b[1]):
            return E.const(a[1] - b[1], x.dtype)
    return E.op("sub", x.dtype, x, y)


@register("aten.diff")
def diff(ctx: Context, x: Value, n: int = 1, dim: int = -1, prepend: Value | None = None,
         append: Value | None = None) -> Value:
    if n != 1:
        raise Unsupported(f"expected differences of order 1, but got {n}")
    dim = normalize_dim(dim, x.rank)
    parts = [p for p in (prepend, x, append) if p is not None]
    x = join(ctx, [ctx.cast(p, x.dtype) for p in parts], dim) if len(parts) > 1 else x
    x.users = max(x.users, 2)
    size = ctx.shape[dim]
    later, earlier = slice_dim(ctx.lowering, x, dim, 1, size), slice_dim(ctx.lowering, x, dim, 0, size)
    if x.dtype == "i1":
        return ctx.op("xor", later, earlier)
    return ctx.elementwise(difference, later, earlier)


@register("aten.rsub.Tensor", "aten.rsub.Scalar")
def rsub(ctx: Context, a: Any, b: Any, alpha: Any = 1) -> Value:
    return sub(ctx, b, a, alpha)


@register("aten.mul.Tensor", "aten.mul.Scalar", "aten.mul_.Tensor", "aten.mul_.Scalar")
def mul(ctx: Context, a: Any, b: Any) -> Value:
    return ctx.op("and" if ctx.dtype == "i1" else "mul", a, b)


@register("aten.div.Tensor", "aten.div.Scalar", "aten.true_divide.Tensor", "aten.div_.Tensor", "aten.div_.Scalar")
def div(ctx: Context, a: Any, b: Any) -> Value:
    return ctx.op("div", a, b)


@register("aten.div.Tensor_mode", "aten.div.Scalar_mode")
def div_mode(ctx: Context, a: Any, b: Any, rounding_mode: str | None = None) -> Value:
    if rounding_mode is None:
        return div(ctx, a, b)
    if E.is_float(ctx.dtype):
        name = {"floor": "floor", "trunc": "trunc"}[rounding_mode]
        return ctx.elementwise(lambda x, y: E.op(name, x.dtype, E.op("div", x.dtype, x, y)), a, b)
    return ctx.op("floordiv" if rounding_mode == "floor" else "truncdiv", a, b)


@register("aten.floor_divide")
def floor_divide(ctx: Context, a: Any, b: Any) -> Value:
    return div_mode(ctx, a, b, "floor")


@register("aten.remainder.Scalar", "aten.remainder.Tensor")
def remainder(ctx: Context, a: Any, b: Any) -> Value:
    def function(x: E.Expr, y: E.Expr) -> E.Expr:
        if E.is_float(x.dtype):
            quotient = E.op("floor", x.dtype, E.op("div", x.dtype, x, y))
        else:
            quotient = E.op("floordiv", x.dtype, x, y)
        return E.op("sub", x.dtype, x, E.mul(quotient, y))

    return ctx.elementwise(function, a, b)


@register("aten.fmod.Scalar", "aten.fmod.Tensor")
def fmod(ctx: Context, a: Any, b: Any) -> Value:
    return ctx.op("rem", a, b)


@register("aten.pow.Tensor_Scalar", "aten.pow.Tensor_Tensor", "aten.pow.Scalar")
def power(ctx: Context, a: Any, b: Any) -> Value:
    if not E.is_float(ctx.dtype) and not (isinstance(b, int) and 0 <= b <= 3):
        raise Unsupported("expected floats, or an integer exponent from 1 to 3")
    return ctx.op("pow", a, b)


@register("aten.square")
def square(ctx: Context, x: Value) -> Value:
    return ctx.elementwise(lambda a: E.mul(a, a), x)


@register("aten.reciprocal")
def reciprocal(ctx: Context, x: Value) -> Value:
    return ctx.elementwise(lambda a: E.op("div", a.dtype, E.const(1.0, a.dtype), a), x)


@register("aten.neg", "aten.neg_")
def neg(ctx: Context, x: Value) -> Value:
    return ctx.op("neg", x)


@register("aten.abs", "aten.abs_")
def absolute(ctx: Context, x: Value) -> Value:
    return ctx.op("abs", x)


@register("aten.sign", "aten.sign_")
def sign(ctx: Context, x: Value) -> Value:
    """NaN, which is neither above nor below zero, has no sign: 0, as in PyTorch."""
    one, zero, minus = (E.const(v if not E.is_float(x.dtype) else float(v), x.dtype) for v in (1, 0, -1))
    return ctx.elementwise(lambda a: E.op("select", x.dtype, E.op("gt", "i1", a, zero), one,
                                          E.op("select", x.dtype, E.op("lt", "i1", a, zero), minus, zero)), x, dtype=x.dtype)


@register("aten.maximum", "aten.max.other")
def maximum(ctx: Context, a: Value, b: Value) -> Value:
    return ctx.op("max", a, b)


@register("aten.minimum", "aten.min.other")
def minimum(ctx: Context, a: Value, b: Value) -> Value:
    return ctx.op("min", a, b)


@register("aten.clamp", "aten.clamp_", "aten.clip")
def clamp(ctx: Context, x: Value, low: Any = None, high: Any = None, *, min: Any = None, max: Any = None) -> Value:
    low, high = (min if low is None else low), (max if high is None else high)
    result = Value(x.dims, ctx.lowering.read(x))
    if low is not None:
        result = ctx.op("max", result, low)
    return ctx.op("min", result, high) if high is not None else result


@register("aten.clamp_min", "aten.clamp_min_")
def clamp_min(ctx: Context, x: Value, low: Any) -> Value:
    return ctx.op("max", x, low)


@register("aten.clamp_max", "aten.clamp_max_")
def clamp_max(ctx: Context, x: Value, high: Any) -> Value:
    return ctx.op("min", x, high)


@register("aten.relu", "aten.relu_")
def relu(ctx: Context, x: Value) -> Value:
    return ctx.op("max", x, 0)


@register("aten.leaky_relu", "aten.leaky_relu_")
def leaky_relu(ctx: Context, x: Value, slope: float = 0.01) -> Value:
    return ctx.elementwise(lambda a: E.op("select", a.dtype, E.op("gt", "i1", a, E.const(0, a.dtype)), a,
                                          E.mul(a, E.const(slope, a.dtype))), x)


@register("aten.silu", "aten.silu_")
def silu(ctx: Context, x: Value) -> Value:
    return ctx.elementwise(lambda a: E.mul(a, E.op("sigmoid", a.dtype, a)), x)


@register("aten.softplus")
def softplus(ctx: Context, x: Value, beta: float = 1.0, threshold: float = 20.0) -> Value:
    def function(a: E.Expr) -> E.Expr:
        scaled = E.mul(a, E.const(beta, a.dtype))
        soft = E.op("div", a.dtype, E.op("log1p", a.dtype, E.op("exp", a.dtype, scaled)), E.const(beta, a.dtype))
        return E.op("select", a.dtype, E.op("gt", "i1", scaled, E.const(threshold, a.dtype)), a, soft)

    return ctx.elementwise(function, x)


@register("aten.gelu", "aten.gelu_")
def gelu(ctx: Context, x: Value, approximate: str = "none") -> Value:
    kind = {"none": "erf", "tanh": "tanh"}[approximate]
    return Value(x.dims, emit_gelu(ctx.lowering, kind, ctx.lowering.realise(x), None))


@register("aten.logical_not", "aten.bitwise_not")
def logical_not(ctx: Context, x: Value) -> Value:
    return ctx.op("not", x)


def _logical(name: str) -> Any:
    def rule(ctx: Context, a: Any, b: Any) -> Value:
        return ctx.op(name, a, b)

    return rule


for _name in ("and", "or", "xor"):
    register(f"aten.logical_{_name}", f"aten.bitwise_{_name}.Tensor", f"aten.bitwise_{_name}.Scalar",
             f"aten.__{_name}__.Tensor", f"aten.__{_name}__.Scalar", f"aten.bitwise_{_name}_.Tensor",
             f"aten.__i{_name}__.Tensor")(_logical(_name))


@register("aten.isnan")
def isnan(ctx: Context, x: Value) -> Value:
    return ctx.elementwise(lambda a: E._intern("ne", "i1", (a, a)), x, dtype=x.dtype)


@register("aten.isinf", "aten.isfinite")
def isinf(ctx: Context, x: Value) -> Value:
    """Compares the magnitude with infinity: equal, or less, which NaN is not."""
    if not E.is_float(x.dtype):
        return ctx.constant("isfinite" in str(ctx.target), x.shape, "i1")
    compare = "lt" if "isfinite" in str(ctx.target) else "eq"
    return ctx.elementwise(lambda a: E.op(compare, "i1", E.op("abs", x.dtype, a), E.const(math.inf, x.dtype)), x, dtype=x.dtype)


@register("aten.where.self", "aten.where.ScalarOther", "aten.where.ScalarSelf", "aten.where.Scalar")
def where(ctx: Context, condition: Value, yes: Any, no: Any) -> Value:
    from .views import unify_elementwise

    dtype = ctx.dtype
    operands = [condition, yes, no]
    dims, exprs = unify_elementwise(ctx.lowering, [o for o in operands if isinstance(o, Value)])
    supply = iter(exprs)
    args = [next(supply) if isinstance(o, Value) else ctx.scalar(o, dtype) for o in operands]
    return Value(dims, E.op("select", dtype, E.cast(args[0], "i1"), E.cast(args[1], dtype), E.cast(args[2], dtype)))


@register("aten.masked_fill", "aten.masked_fill_")
def masked_fill(ctx: Context, x: Value, mask: Value, value: Any) -> Value:
    return where(ctx, mask, value, x)


@register("aten.to.dtype", "aten.to.device", "aten.to.dtype_layout", "aten.to.other", "aten._to_copy", "aten.type_as",
          "aten.to.prim_Device", "aten.to.prim_dtype", "prims.convert_element_type")
def convert(ctx: Context, x: Value, *args: Any, **kwargs: Any) -> Value:
    # The exporter knows the type of the result; where it is does not matter here.
    return ctx.cast(x, ctx.dtype)


@register("aten.hardtanh")
def hardtanh(ctx: Context, x: Value, low: float = -1.0, high: float = 1.0) -> Value:
    return clamp(ctx, x, low, high)


@register("aten.nan_to_num")
def nan_to_num(ctx: Context, x: Value, nan: float | None = None, posinf: float | None = None,
               neginf: float | None = None) -> Value:
    info = torch.finfo({v: k for k, v in TORCH_DTYPES.items()}[ctx.dtype])
    high, low = (info.max if posinf is None else posinf), (info.min if neginf is None else neginf)

    def function(a: E.Expr) -> E.Expr:
        d = a.dtype
        result = E.op("select", d, E.op("eq", "i1", a, E.const(math.inf, d)), E.const(high, d), a)
        result = E.op("select", d, E.op("eq", "i1", a, E.const(-math.inf, d)), E.const(low, d), result)
        return E.op("select", d, E._intern("ne", "i1", (a, a)), E.const(nan or 0.0, d), result)

    return ctx.elementwise(function, x)
