#===- ops_elementwise.py - Operators that work on each element -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Arithmetic, comparisons, activations and casts: on tensors by torch, on known numbers by Python.

A known number beside a tensor stays a number, as it is where PyTorch code says `x * 0.5`: the importer then sees a constant.
"""

from __future__ import annotations

import math
import operator as py
from typing import TYPE_CHECKING, Any, Callable

import torch

from .registry import Number, Tensor, Unsupported, operator
from .values import Known, Value, combine, is_known, rank

if TYPE_CHECKING:
    from .module import Context


# ---------------------------------------------------------------------------------------------------------------------
# Numbers
# ---------------------------------------------------------------------------------------------------------------------


def truncated_quotient(a: Any, b: Any) -> Any:
    """What ONNX means by the quotient of integers."""
    if isinstance(a, float) or isinstance(b, float):
        return a / b if b else math.nan if not a or math.isnan(a) else math.copysign(math.inf, a) * math.copysign(1, b)
    quotient = abs(a) // abs(b)
    return quotient if (a >= 0) == (b > 0) else -quotient


def number_rule(name: str, function: Callable[..., Any], values: list[Known], dtype: torch.dtype | None = None) -> Known | None:
    """The known result of a function of known numbers, or None where it is of tensors: of floats that sizes became."""
    dtype = values[0].dtype if dtype is None else dtype
    if any(v.symbolic and v.dtype.is_floating_point for v in values):
        return None
    try:
        return combine(function, values, dtype)
    except (ArithmeticError, ValueError) as failure:
        raise Unsupported(f"its inputs are known, and {name} of them is not: {failure}") from failure


def operands(ctx: Context, *values: Value) -> list[Any]:
    """Tensors; known single numbers stay numbers where another operand gives the result its shape."""
    highest = max((rank(v) for v in values if not isinstance(v, Known)), default=-1)
    found: list[Any] = []
    for value in values:
        alone = isinstance(value, Known) and math.prod(value.shape) == 1 and rank(value) <= highest
        found.append(value.single if alone and value.dtype != torch.bool else ctx.tensor(value))
    return found


# ---------------------------------------------------------------------------------------------------------------------
# One operand
# ---------------------------------------------------------------------------------------------------------------------


def _unary(name: str, on_tensor: Callable[[Tensor], Tensor], on_number: Callable[[Any], Any] | None = None) -> None:
    @operator(name)
    def rule(ctx: Context, x: Value) -> Value:
        if isinstance(x, Known) and on_number is not None:
            known = number_rule(name, on_number, [x])
            if known is not None:
                return known
        return on_tensor(ctx.tensor(x))


for _name, _on_tensor, _on_number in (
        ("Abs", torch.abs, abs), ("Neg", torch.neg, py.neg), ("Sqrt", torch.sqrt, None), ("Reciprocal", torch.reciprocal, None),
        ("Exp", torch.exp, None), ("Log", torch.log, None), ("Erf", torch.erf, None), ("Sin", torch.sin, None),
        ("Cos", torch.cos, None), ("Tanh", torch.tanh, None), ("Sigmoid", torch.sigmoid, None), ("Relu", torch.relu, None),
        ("Softplus", torch.nn.functional.softplus, None), ("Softsign", torch.nn.functional.softsign, None),
        ("Mish", torch.nn.functional.mish, None), ("HardSwish", torch.nn.functional.hardswish, None),
        ("Floor", torch.floor, None), ("Ceil", torch.ceil, None), ("Round", torch.round, None), ("Sign", torch.sign, None),
        ("IsNaN", torch.isnan, None), ("BitwiseNot", torch.bitwise_not, None), ("Not", torch.logical_not, py.not_)):
    _unary(_name, _on_tensor, _on_number)


@operator("IsInf", only={"detect_positive": (1,), "detect_negative": (1,)})
def is_inf(ctx: Context, x: Tensor, *, detect_positive: int = 1, detect_negative: int = 1) -> Tensor:
    return torch.isinf(x)


@operator("Identity")
def identity(ctx: Context, x: Value) -> Value:
    return x


@operator("Dropout", ignored=("seed",), note="dropout that is active, and its mask")
def dropout(ctx: Context, x: Value, ratio: Value | None = None, training: Number | None = None) -> Value:
    if training:
        raise Unsupported("dropout is active; export the model in eval mode")
    return x


@operator("LeakyRelu")
def leaky_relu(ctx: Context, x: Tensor, *, alpha: float = 0.01) -> Tensor:
    return torch.nn.functional.leaky_relu(x, alpha)


@operator("Elu")
def elu(ctx: Context, x: Tensor, *, alpha: float = 1.0) -> Tensor:
    return torch.where(x > 0, x, alpha * (torch.exp(x) - 1))


@operator("HardSigmoid")
def hard_sigmoid(ctx: Context, x: Tensor, *, alpha: float = 0.2, beta: float = 0.5) -> Tensor:
    return torch.clamp(x * alpha + beta, 0.0, 1.0)


@operator("Gelu", only={"approximate": ("none", "tanh")})
def gelu(ctx: Context, x: Tensor, *, approximate: str = "none") -> Tensor:
    return torch.nn.functional.gelu(x, approximate=approximate)


@operator("Clip")
def clip(ctx: Context, x: Tensor, low: Number | None = None, high: Number | None = None) -> Tensor:
    return x if low is None and high is None else torch.clamp(x, low, high)


# ---------------------------------------------------------------------------------------------------------------------
# Types
# ---------------------------------------------------------------------------------------------------------------------


def cast_to(ctx: Context, x: Value, dtype: torch.dtype) -> Value:
    if x.dtype == dtype:
        return x
    if isinstance(x, Known) and not (x.symbolic and (dtype.is_floating_point or dtype == torch.bool)):
        # Not by torch: while a graph is traced, it would make a tensor of them.
        convert = py.pos if x.symbolic else bool if dtype == torch.bool else float if dtype.is_floating_point else int
        return combine(convert, [x], dtype)
    return ctx.tensor(x).to(dtype)


@operator("Cast", ignored=("saturate", "round_mode"), note="casts to and from strings and types of 8 and 4 bits other than `int8`")
def cast(ctx: Context, x: Value, *, to: int) -> Value:
    from .weights import dtype_of

    return cast_to(ctx, x, dtype_of(to, f"what {ctx.node.location} makes"))


@operator("CastLike", ignored=("saturate", "round_mode"))
def cast_like(ctx: Context, x: Value, like: Value) -> Value:
    return cast_to(ctx, x, like.dtype)


# ---------------------------------------------------------------------------------------------------------------------
# Several operands
# ---------------------------------------------------------------------------------------------------------------------


def _binary(name: str, on_tensors: Callable[[Any, Any], Tensor], on_numbers: Callable[[Any, Any], Any] | None = None,
            result: torch.dtype | None = None) -> None:
    @operator(name)
    def rule(ctx: Context, a: Value, b: Value) -> Value:
        if on_numbers is not None and isinstance(a, Known) and isinstance(b, Known):
            known = number_rule(name, on_numbers, [a, b], result)
            if known is not None:
                return known
        return on_tensors(*operands(ctx, a, b))


def divide(a: Any, b: Any) -> Tensor:
    floats = any(isinstance(x, torch.Tensor) and x.dtype.is_floating_point for x in (a, b))
    if floats:
        return a / b
    a, b = (x if isinstance(x, torch.Tensor) else torch.scalar_tensor(x, dtype=y.dtype) for x, y in ((a, b), (b, a)))
    return torch.div(a, b, rounding_mode="trunc")


def _logical(function: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Any, Any], Tensor]:
    return lambda a, b: function(torch.as_tensor(a), torch.as_tensor(b))


for _name, _on_tensors, _on_numbers, _result in (
        ("Add", py.add, py.add, None), ("Sub", py.sub, py.sub, None), ("Mul", py.mul, py.mul, None),
        ("Div", divide, truncated_quotient, None), ("Equal", torch.eq, py.eq, torch.bool),
        ("Less", py.lt, py.lt, torch.bool), ("LessOrEqual", py.le, py.le, torch.bool),
        ("Greater", py.gt, py.gt, torch.bool), ("GreaterOrEqual", py.ge, py.ge, torch.bool),
        ("And", _logical(torch.logical_and), lambda a, b: a and b, None),
        ("Or", _logical(torch.logical_or), lambda a, b: a or b, None),
        ("Xor", _logical(torch.logical_xor), py.xor, None), ("BitwiseAnd", py.and_, py.and_, None),
        ("BitwiseOr", py.or_, py.or_, None), ("BitwiseXor", py.xor, py.xor, None)):
    _binary(_name, _on_tensors, _on_numbers, _result)


@operator("Mod", only={"fmod": (0,)})
def mod(ctx: Context, a: Value, b: Value, *, fmod: int = 0) -> Value:
    if isinstance(a, Known) and isinstance(b, Known):
        known = number_rule("Mod", py.mod, [a, b])
        if known is not None:
            return known
    return torch.remainder(ctx.tensor(a), ctx.tensor(b))


@operator("Pow")
def power(ctx: Context, base: Value, exponent: Value) -> Tensor:
    a, b = operands(ctx, base, exponent)
    if isinstance(b, float) and b.is_integer():
        b = int(b)
    return torch.pow(a, b).to(base.dtype)


@operator("PRelu")
def prelu(ctx: Context, x: Tensor, slope: Tensor) -> Tensor:
    return torch.where(x < 0, x * slope, x)


def _fold_left(name: str, on_tensors: Callable[[Any, Any], Tensor], on_numbers: Callable[[Any, Any], Any]) -> None:
    @operator(name)
    def rule(ctx: Context, *xs: Value) -> Value:
        if is_known(*xs):
            result = xs[0]
            for x in xs[1:]:
                result = number_rule(name, on_numbers, [result, x])
                if result is None:
                    break
            if result is not None:
                return result
        total = ctx.tensor(xs[0])
        for x in xs[1:]:
            total = on_tensors(total, ctx.tensor(x))
        return total


_fold_left("Max", torch.maximum, lambda a, b: a if a > b else b)
_fold_left("Min", torch.minimum, lambda a, b: a if a < b else b)
_fold_left("Sum", py.add, py.add)


@operator("Mean")
def mean(ctx: Context, *xs: Tensor) -> Tensor:
    total = xs[0]
    for x in xs[1:]:
        total = total + x
    return total / len(xs)


@operator("Where")
def where(ctx: Context, condition: Value, yes: Value, no: Value) -> Value:
    if is_known(condition, yes, no):
        assert isinstance(condition, Known) and isinstance(yes, Known) and isinstance(no, Known)
        if not condition.symbolic:
            return combine(lambda c, a, b: a if c else b, [condition, yes, no], yes.dtype)
    safe = _safe_softmax(ctx, yes)
    if safe is not None:
        return safe
    # Two numbers would lose the type: the first becomes a tensor.
    test = ctx.tensor(condition)
    a, b = (v.single if isinstance(v, Known) and math.prod(v.shape) == 1 and v.dtype != torch.bool and rank(v) <= rank(condition)
            else ctx.tensor(v) for v in (yes, no))
    if not isinstance(a, torch.Tensor) and not isinstance(b, torch.Tensor):
        a = torch.scalar_tensor(a, dtype=yes.dtype)
        b = torch.scalar_tensor(b, dtype=yes.dtype)
    return torch.where(test, a, b)


def _safe_softmax(ctx: Context, yes: Value) -> Tensor | None:
    """The softmax of attention where a row without keys gives zeros: Where(IsNaN(softmax), 0, softmax), as PyTorch's
    exporters write scaled_dot_product_attention."""
    node = ctx.node
    test, softmax = (ctx.makers.get(node.inputs[i]) for i in (0, 2))
    if not isinstance(yes, Known) or any(v != 0 for v in yes.flat) or test is None or softmax is None:
        return None
    if test.operator != "IsNaN" or test.inputs[0] != node.inputs[2] or softmax.operator != "Softmax":
        return None
    return torch.ops.aten._safe_softmax.default(ctx.tensor(ctx.environment[softmax.inputs[0]]), softmax.attributes.get("axis", -1))
