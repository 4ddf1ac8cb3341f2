#===- patterns.py - Raises expressions to linear, norms and gelu -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Recognises, by their meaning, computations that are one operation of the et dialect.

  sum_k x[..., k] * w[n, k] (+ b[n])            -> et.linear, whatever the spelling and the layout of w
  x * rsqrt(mean(x * x) + eps) (* g)            -> et.rms_norm
  (x - mean(x)) * rsqrt(var(x) + eps) * g + b   -> et.layer_norm
  x / 2 * (1 + erf(x / sqrt 2)) and its kin     -> et.gelu

Nothing is assumed about how a product or a sum is nested. What is not proven is left alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Sequence

from . import expr as E
from .dims import is_static, same
from .ir import Base, Op, Result
from .lower import Lowering, load_axes, raiser, transparent, unit


def close(a: float, b: float, tolerance: float = 1e-6) -> bool:
    return abs(a - b) <= tolerance * max(abs(a), abs(b))


def split_factors(e: E.Expr) -> tuple[float, list[E.Expr]]:
    """The constant factor of a product, divisions by constants included, and its other factors."""
    scale, rest = 1.0, []
    stack = [e]
    while stack:
        x = stack.pop()
        if x.op == "mul":
            stack.extend(reversed(x.args))
        elif x.op == "div" and x.args[1].op == "const" and x.args[1].attr != 0:
            scale /= x.args[1].attr
            stack.append(x.args[0])
        elif x.op == "neg":
            scale = -scale
            stack.append(x.args[0])
        elif x.op == "const":
            scale *= x.attr
        else:
            rest.append(x)
    return scale, rest


def build_product(parts: Sequence[E.Expr], scale: float = 1.0) -> E.Expr:
    result = parts[0]
    for part in parts[1:]:
        result = E.mul(result, part)
    return E.mul(result, E.const(scale, result.dtype)) if scale != 1.0 else result


# ---------------------------------------------------------------------------------------------------------------------
# Linear
# ---------------------------------------------------------------------------------------------------------------------


def constant_data(e: E.Expr) -> bool:
    """True when the expression depends on data known at import only."""
    return all(x.op not in ("size", "attention") and (x.op != "load" or x.attr.constant is not None) for x in E.walk(e))


@dataclass(frozen=True)
class LinearMatch:
    """`sum_ks x * w + bias`."""

    x: E.Expr
    w: E.Expr
    bias: E.Expr | None
    ks: tuple[E.Axis, ...]
    n: E.Axis


def match_linear(e: E.Expr) -> LinearMatch | None:
    """A product with a constant weight, with or without a bias."""
    if e.op not in ("reduce", "add") or not E.is_float(e.dtype):
        return None
    contraction, bias = e, None
    if e.op == "add":
        contraction, bias = e.args if e.args[0].op == "reduce" else reversed(e.args)
    if contraction.op != "reduce" or contraction.attr[0] != "sum":
        return None
    ks = contraction.attr[1]
    weight = _weight_factor(contraction.args[0], ks)
    if weight is None:
        return None
    w, x, n = weight
    if bias is not None and (bias.free != {n} or not constant_data(bias)):
        return None
    if not x.activation or n in x.free or not set(ks) <= x.free:
        return None
    return LinearMatch(x, w, bias, ks, n)


unit(match_linear)


@raiser
def raise_linear(lowering: Lowering, e: E.Expr, order: Sequence[E.Axis] | None) -> E.Expr | None:
    found = match_linear(e)
    if found is None:
        return None
    return emit_linear(lowering, found.x, found.ks, found.w, found.n, found.bias, order)


def _weight_factor(body: E.Expr, ks: Sequence[E.Axis]) -> tuple[E.Expr, E.Expr, E.Axis] | None:
    """Splits a product into a constant weight over (n, k...) and the rest."""
    parts = E.factors(body)
    for candidate in parts:
        if not set(ks) <= candidate.free or not constant_data(candidate):
            continue
        outputs = [a for a in candidate.free if a not in ks]
        if len(outputs) != 1 or not all(is_static(a.size) for a in candidate.free):
            continue
        # Whatever else is known at import and has no other axes belongs to the weight: a scale, a pruning mask.
        known = [p for p in parts if p is candidate or (constant_data(p) and p.free <= candidate.free)]
        others = [p for p in parts if p not in known]
        if others:
            return build_product(known), build_product(others), outputs[0]
    return None


def emit_linear(lowering: Lowering, x: E.Expr, ks: Sequence[E.Axis], w: E.Expr, n: E.Axis, bias: E.Expr | None,
                order: Sequence[E.Axis] | None) -> E.Expr:
    """et.linear for `sum_ks x * w + bias`, the output feature last."""
    leading = [a for a in order if a in x.free] if order is not None else None
    x = lowering.force(x, None if leading is None else [*leading, *ks])
    if leading is None:
        leading = [a for arg in x.args for a in load_axes(arg) if a not in ks]
    weight = lowering.layout(lowering.force(w, [n, *ks]), ((n,), tuple(ks)))
    offset = None if bias is None else lowering.layout(lowering.force(bias, [n]), ((n,),))
    source = lowering.layout(x, (*((a,) for a in leading), tuple(ks)))
    result = lowering.emitter.linear(source, weight, offset)
    return Base(result, result.shape, result.dtype).whole([*leading, n])


# ---------------------------------------------------------------------------------------------------------------------
# Norms
# ---------------------------------------------------------------------------------------------------------------------


def mean_of(e: E.Expr) -> tuple[E.Expr, E.Axis] | None:
    """(body, bound axis) when `e` is the mean of body over one axis of static size."""
    scale, parts = split_factors(e)
    if len(parts) != 1 or parts[0].op != "reduce":
        return None
    kind, axes = parts[0].attr
    if kind != "sum" or len(axes) != 1 or not is_static(axes[0].size) or not close(scale * axes[0].size, 1.0):
        return None
    return parts[0].args[0], axes[0]


def mean_square(e: E.Expr, x: E.Expr) -> E.Axis | None:
    """The axis of x when `e` is mean(x * x) over it."""
    found = mean_of(e)
    if found is None:
        return None
    body, bound = found
    for axis in x.free:
        if same(axis.size, bound.size):
            renamed = E.substitute(x, {axis: E.index(bound)}) if not _holds_attention(x) else None
            if renamed is not None and body is E.mul(renamed, renamed):
                return axis
    return None


def _holds_attention(e: E.Expr) -> bool:
    return any(x.op == "attention" for x in E.walk(e))


def _inverse_root(parts: Sequence[E.Expr]) -> tuple[E.Expr, float, list[E.Expr]] | None:
    """Finds the factor rsqrt(moment + eps) among `parts`: (moment, eps, the other factors)."""
    for i, part in enumerate(parts):
        if part.op != "rsqrt":
            continue
        inner = part.args[0]
        eps = 0.0
        if inner.op == "add" and inner.args[1].op == "const":
            inner, eps = inner.args[0], inner.args[1].attr
        if eps >= 0:
            return inner, eps, [p for j, p in enumerate(parts) if j != i]
    return None


def _norm_factors(e: E.Expr) -> tuple[float, list[E.Expr]]:
    """Factors of a normalisation, with a division by a square root written as a factor rsqrt."""
    scale, rest = 1.0, []
    stack = [e]
    while stack:
        x = stack.pop()
        if x.op == "div" and x.args[1].op == "sqrt":
            stack.append(x.args[0])
            rest.append(E.op("rsqrt", x.dtype, x.args[1].args[0]))
            continue
        if x.op == "mul":
            stack.extend(reversed(x.args))
            continue
        if x.op == "const":
            scale *= x.attr
            continue
        if x.op == "div" and x.args[0].op == "const" and x.args[0].attr == 1 and x.args[1].op == "sqrt":
            rest.append(E.op("rsqrt", x.dtype, x.args[1].args[0]))
            continue
        rest.append(x)
    return scale, rest


@dataclass(frozen=True)
class NormMatch:
    """A normalisation of x over `axis`."""

    kind: str
    x: E.Expr
    axis: E.Axis
    gamma: E.Expr | None
    beta: E.Expr | None
    eps: float


@transparent
def _is_centred(e: E.Expr) -> bool:
    """A mean over one axis, or what is left when it is taken away: exporters compute them once, and read them for the variance and
    for the quotient of a layer norm."""
    if e.op == "sub":
        found = mean_of(e.args[1])
        return found is not None and not e.args[0].heavy and _is_mean_over_some_axis(found, e.args[0])
    found = mean_of(e)
    return found is not None and not found[0].heavy


def _is_mean_over_some_axis(mean: tuple[E.Expr, E.Axis], x: E.Expr) -> bool:
    return any(_is_mean(mean, x, axis) for axis in x.free)


def _is_mean(mean: tuple[E.Expr, E.Axis], x: E.Expr, axis: E.Axis) -> bool:
    return same(mean[1].size, axis.size) and E.substitute(x, {axis: E.index(mean[1])}) is mean[0]


def match_norm(e: E.Expr) -> NormMatch | None:
    """A hand-written root mean square norm or layer norm."""
    found = _match_norm(e)
    return found if isinstance(found, NormMatch) else None


def _match_norm(e: E.Expr) -> NormMatch | str | None:
    """A norm; or why what looks like one is none; or None."""
    if e.op not in ("mul", "div", "add") or not e.binder or not E.is_float(e.dtype):
        return None
    beta = None
    main = e
    if e.op == "add":
        sides = [(e.args[0], e.args[1]), (e.args[1], e.args[0])]
        picked = next(((m, b) for m, b in sides if m.binder and not b.activation and len(b.free) == 1), None)
        if picked is None:
            return None
        main, beta = picked
    scale, parts = _norm_factors(main)
    found = _inverse_root(parts)
    if found is None:
        outside = any(p.op == "div" and p.args[1].op == "add" and p.args[1].args[0].op == "sqrt" and _is_variance(p.args[1].args[0].args[0])
                      for p in parts)
        return "epsilon is added to the root of the variance, not to the variance" if outside else None
    moment, eps, others = found
    data = [p for p in others if p.activation]
    gamma = [p for p in others if not p.activation]
    if not _is_variance(moment) or len(data) != 1:
        return None  # where a gate multiplies a norm, the rest is matched by itself
    x = data[0]
    if mean_of(moment) is None:
        return "its variance is read by more than one operator"
    axis = mean_square(moment, x)
    if axis is None:
        return "the variance is not that of what it divides"
    # x - mean(x) is what a layer norm divides; a root mean square norm divides x itself.
    kind = "rms_norm"
    if x.op == "sub":
        mean = mean_of(x.args[1])
        if mean is not None and _is_mean(mean, x.args[0], axis):
            kind, x = "layer_norm", x.args[0]
    if x.op == "load" and axis not in load_axes(x.args[-1]):
        return "it runs over another dimension than the last one in memory"
    varies = any(g.free - {axis} for g in gamma) or (beta is not None and beta.free != {axis})
    if scale != 1.0 or varies or not all(map(constant_data, gamma + ([beta] if beta is not None else []))):
        return None  # nothing is lost: the rest, without these factors, is matched by itself
    if kind == "rms_norm" and beta is not None:
        return None  # without its shift, the rest is matched by itself
    return NormMatch(kind, x, axis, build_product(gamma) if gamma else None, beta, eps)


def _is_variance(e: E.Expr) -> bool:
    """Whether `e` is a mean of squares, computed already or not."""
    found = mean_of(e)
    if found is not None:
        return found[0].op == "mul" and found[0].args[0] is found[0].args[1]
    parts = split_factors(e)[1]
    return len(parts) == 1 and parts[0].op == "load" and parts[0].attr.contraction


unit(match_norm)


@raiser
def raise_norm(lowering: Lowering, e: E.Expr, order: Sequence[E.Axis] | None) -> E.Expr | None:
    found = _match_norm(e)
    if isinstance(found, str):
        lowering.report.add("missed", "norm", f"not fused: {found}", lowering.emitter.loc)
    if not isinstance(found, NormMatch):
        return None
    return emit_norm(lowering, found.kind, found.x, found.axis, found.gamma, found.beta, found.eps, order)


def emit_norm(lowering: Lowering, kind: str, x: E.Expr, axis: E.Axis, gamma: E.Expr | None, beta: E.Expr | None,
              eps: float, order: Sequence[E.Axis] | None) -> E.Expr:
    """A norm over `axis`, which lies last; a fresh addition before it becomes its residual."""
    forced = lowering.force(x, None if order is None else [a for a in order if a is not axis] + [axis])
    present = [a for arg in forced.args for a in load_axes(arg)]
    leading = [a for a in present if a is not axis]
    source = lowering.layout(forced, (*((a,) for a in leading), (axis,)))
    # A gamma that does not depend on the position, or is missing, stays a factor of 1.
    tensors = []
    for operand in (gamma, beta):
        if operand is None:
            tensors.append(None)
        else:
            tensors.append(lowering.layout(lowering.force(operand, [axis]), ((axis,),)))
    op = lowering.emitter.norm(kind, source, tensors[0], tensors[1], eps)
    absorb_residual(lowering, op, source)
    result = op.results[0]
    return Base(result, result.shape, result.dtype).whole([*leading, axis])


def absorb_residual(lowering: Lowering, norm: Op, x: Result) -> None:
    """Makes the addition that computes the input of a norm the residual of the norm.

    Only when nothing emitted so far reads the sum: later readers get the second result instead.
    """
    add = x.op
    if add is None or add.name != "generic" or x.reads != 1 or add.attrs["reduced"]:
        return
    body = add.attrs["body"]
    if body.op != "add" or any(a.op != "load" for a in body.args):
        return
    axes = [E.index(a) for a in add.attrs["axes"]]
    if any(list(a.args) != axes for a in body.args) or body.args[0] is body.args[1]:
        return
    a, b = (arg.attr.result.resolve() for arg in body.args)
    if a.type != x.type or b.type != x.type:
        return
    if a.op is not None and b.op is not None and b.op.name == "et.linear" and a.op.name != "et.linear":
        a, b = b, a
    norm.operands[0] = a
    norm.operands.append(b)
    norm.attrs["residual"] = True
    a.reads += 1
    b.reads += 1
    x.forward_to(norm.results[1])


# ---------------------------------------------------------------------------------------------------------------------
# GELU
# ---------------------------------------------------------------------------------------------------------------------


def polynomial(e: E.Expr, x: E.Expr) -> dict[int, float] | None:
    """Coefficients of `e` as a polynomial in `x`, or None."""
    if e is x:
        return {1: 1.0}
    if e.op == "const":
        return {0: e.attr}
    if e.op in ("add", "sub", "mul"):
        a, b = polynomial(e.args[0], x), polynomial(e.args[1], x)
        if a is None or b is None:
            return None
        result: dict[int, float] = {}
        if e.op == "mul":
            for i, p in a.items():
                for j, q in b.items():
                    result[i + j] = result.get(i + j, 0.0) + p * q
        else:
            result = dict(a)
            for j, q in b.items():
                result[j] = result.get(j, 0.0) + (q if e.op == "add" else -q)
        return result if max(result) <= 4 else None
    if e.op == "div" and e.args[1].op == "const" and e.args[1].attr != 0:
        a = polynomial(e.args[0], x)
        return a and {i: p / e.args[1].attr for i, p in a.items()}
    if e.op == "neg":
        a = polynomial(e.args[0], x)
        return a and {i: -p for i, p in a.items()}
    return None


#: How far coefficients of a polynomial may lie from those of a formula: two roundings, of the constants and of their product.
_ROUNDED = {"f16": 2.0**-10, "bf16": 2.0**-7}


def _is(p: dict[int, float] | None, expected: dict[int, float], dtype: str) -> bool:
    if p is None:
        return False
    p = {i: c for i, c in p.items() if c != 0}
    return p.keys() == expected.keys() and all(close(p[i], expected[i], _ROUNDED.get(dtype, 2e-6)) for i in expected)


_TANH = math.sqrt(2.0 / math.pi)


def match_gelu(e: E.Expr) -> tuple[str, E.Expr] | None:
    """(kind, x) when `e` is a gelu of x."""
    if e.op not in ("mul", "div") or not e.activation or not E.is_float(e.dtype):
        return None
    scale, parts = split_factors(e)
    if len(parts) != 2:
        return None
    for gate, x in (parts, reversed(parts)):
        if gate.op == "sigmoid" and close(scale, 1.0) and _is(polynomial(gate.args[0], x), {1: 1.702}, e.dtype):
            return "sigmoid", x
        if gate.op != "add" or gate.args[1].op != "const":
            continue
        # (1 + f) / 2, or with the half already inside: f / 2 + 1 / 2.
        half, inner = split_factors(gate.args[0])
        if len(inner) != 1 or not close(half, gate.args[1].attr) or not close(scale * half, 0.5):
            continue
        f = inner[0]
        if f.op == "erf" and _is(polynomial(f.args[0], x), {1: math.sqrt(0.5)}, e.dtype):
            return "erf", x
        if f.op == "tanh" and _is(polynomial(f.args[0], x), {1: _TANH, 3: _TANH * 0.044715}, e.dtype):
            return "tanh", x
    return None


unit(match_gelu)


@raiser
def raise_gelu(lowering: Lowering, e: E.Expr, order: Sequence[E.Axis] | None) -> E.Expr | None:
    found = match_gelu(e)
    return None if found is None else emit_gelu(lowering, found[0], found[1], order)


def emit_gelu(lowering: Lowering, kind: str, x: E.Expr, order: Sequence[E.Axis] | None) -> E.Expr:
    """et.gelu in the layout that x has, or gets."""
    forced = lowering.force(x, order)
    axes = [a for arg in forced.args for a in load_axes(arg)]
    if any(arg.op != "index" for arg in forced.args):
        source = lowering.layout(forced, tuple((a,) for a in axes))
    else:
        source = lowering.result(forced.attr)
    result = lowering.emitter.gelu(source, kind)
    return Base(result, result.shape, result.dtype).whole(axes)
