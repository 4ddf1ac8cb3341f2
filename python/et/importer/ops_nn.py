#===- ops_nn.py - Linear layers, products, norms, attention -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Operators with weights, and attention.

Products stay sums of products until something reads them, so that a product with a constant becomes et.linear with its bias,
and scores become part of an attention.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Hashable, Sequence

from . import expr as E
from .attention import AttentionSpec, Refused, finish_mask
from .dims import Size, divide, is_static, product, same
from .ir import Value
from .lower import load_axes
from .masks import MaskParts
from .ops_reduce import mean_value
from .patterns import constant_data, emit_norm
from .registry import Context, Unsupported, register
from .views import Unifier, contract, derive, flatten, reshape, unify_elementwise


# ---------------------------------------------------------------------------------------------------------------------
# Products
# ---------------------------------------------------------------------------------------------------------------------


@register("aten.linear")
def linear(ctx: Context, x: Value, weight: Value, bias: Value | None = None) -> Value:
    labels: list[Hashable] = list(range(x.rank - 1))
    if constant_data(weight.body):
        x = _rows(ctx, x)
    result = contract(ctx.lowering, [(x, [*labels, "k"]), (weight, (["n", "k"] if weight.rank == 2 else ["k"]))],
                      [*labels, "n"] if weight.rank == 2 else labels)
    return result if bias is None else _plus(ctx, result, bias)


def _rows(ctx: Context, x: Value) -> Value:
    """The input of a product with a weight, which is read row by row, in memory in that order."""
    if x.body.heavy:
        ctx.lowering.realise(x, x.axes)
    if x.body.op != "load":
        return x
    order = [a for arg in x.body.args for a in load_axes(arg)]
    groups = [dim for dim in x.dims[:-1] if len(dim) > 1 and all(a in order for a in dim)]
    places = [[order.index(a) for a in dim] for dim in groups]
    # Windows of an image, one behind the other: copied once here, not by each that reads the projections.
    apart = any(later != earlier + 1 for group in places for earlier, later in zip(group, group[1:]))
    # The pixels of an image are one axis to an attention over them; to merge them costs nothing.
    pixels = any(len(dim) > 2 or sum(is_static(a.size) for a in dim) > 1 for dim in groups)
    return flatten(ctx.lowering, x) if apart or pixels else x


def _plus(ctx: Context, x: Value, bias: Value) -> Value:
    dims, (a, b) = unify_elementwise(ctx.lowering, [x, bias])
    return Value(dims, E.add(a, E.cast(b, a.dtype)))


@register("aten.matmul", "aten.mm", "aten.bmm", "aten.mv", "aten.dot")
def matmul(ctx: Context, a: Value, b: Value) -> Value:
    left = [("m",), "k"] if a.rank > 1 else ["k"]
    right = ["k", ("n",)] if b.rank > 1 else ["k"]
    batch = max(a.rank, b.rank, 2) - 2
    if constant_data(b.body):
        a = _rows(ctx, a)
    la = [*range(batch - (a.rank - len(left)), batch), *left]
    lb = [*range(batch - (b.rank - len(right)), batch), *right]
    output = [*range(batch)] + ([("m",)] if a.rank > 1 else []) + ([("n",)] if b.rank > 1 else [])
    return contract(ctx.lowering, [(a, la), (b, lb)], output)


def _scaled(x: Value, factor: float) -> Value:
    return Value(x.dims, E.mul(x.body, E.const(factor, x.dtype)))


@register("aten.addmm", "aten.baddbmm", "aten.addbmm_")
def addmm(ctx: Context, bias: Value, a: Value, b: Value, *, beta: float = 1, alpha: float = 1) -> Value:
    result = matmul(ctx, a, b)
    if alpha != 1:
        result = _scaled(result, alpha)
    if beta == 0:  # then the bias is not even read: it may hold NaN
        return result
    dims, (x, y) = unify_elementwise(ctx.lowering, [result, bias])
    return Value(dims, E.add(x, E.mul(y, E.const(beta, y.dtype))))


@register("aten.einsum")
def einsum(ctx: Context, equation: str, tensors: Sequence[Value], path: Any = None) -> Value:
    equation = equation.replace(" ", "")
    if "..." in equation:
        used = set(equation)
        spare = [c for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if c not in used]
        inputs, _, output = equation.partition("->")
        ranks = [t.rank - len(s.replace("...", "")) for s, t in zip(inputs.split(","), tensors)]
        most = max(r for r, s in zip(ranks, inputs.split(",")) if "..." in s)
        dots = "".join(spare[:most])
        inputs = ",".join(s.replace("...", dots[most - r:]) for s, r in zip(inputs.split(","), ranks))
        equation = inputs + ("->" + output.replace("...", dots) if output or "->" in equation else "")
    inputs, arrow, output = equation.partition("->")
    if not arrow:
        letters = inputs.replace(",", "")
        output = "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    operands = inputs.split(",")
    if any(len(set(s)) != len(s) for s in operands):
        raise Unsupported("a diagonal in einsum")
    return contract(ctx.lowering, list(zip(tensors, map(list, operands))), list(output))


# ---------------------------------------------------------------------------------------------------------------------
# Norms
# ---------------------------------------------------------------------------------------------------------------------


def _norm(ctx: Context, kind: str, x: Value, shape: Sequence[Size], gamma: Value | None, beta: Value | None,
          eps: float) -> Value:
    lowering = ctx.lowering
    count = len(shape)
    if not all(map(is_static, shape)):
        raise Unsupported("expected a normalised shape that is static")
    operands = [v for v in (gamma, beta) if v is not None]
    original = x.shape
    if count != 1 or len(x.dims[-1]) > 1:
        x = reshape(lowering, x, (*x.shape[:x.rank - count], product(shape)))
        operands = [flatten(lowering, reshape(lowering, v, (product(shape),))) for v in operands]
    lowering.realise(x, None)
    if len(x.dims[-1]) != 1:
        x = flatten(lowering, x)
    if not x.dims[-1]:
        raise Unsupported("expected more than one element to normalise over")
    (axis,) = x.dims[-1]
    exprs = iter([E.substitute(v.body, {v.dims[0][0]: E.index(axis)}) if v.dims[0] else v.body for v in operands])
    g = next(exprs) if gamma is not None else None
    b = next(exprs) if beta is not None else None
    body = emit_norm(lowering, kind, x.body, axis, g, b, eps, [a for a in x.axes if a in x.body.free])
    result = Value(x.dims, body)
    return reshape(lowering, result, original) if count != 1 else result


@register("aten.layer_norm")
def layer_norm(ctx: Context, x: Value, shape: Sequence[Size], weight: Value | None = None, bias: Value | None = None,
               eps: float = 1e-5, cudnn_enable: bool = True) -> Value:
    return _norm(ctx, "layer_norm", x, shape, weight, bias, eps)


@register("aten.native_layer_norm")
def native_layer_norm(ctx: Context, x: Value, shape: Sequence[Size], weight: Value | None, bias: Value | None,
                      eps: float) -> list[Value | None]:
    ctx.meta = ctx.meta[0]
    return [_norm(ctx, "layer_norm", x, shape, weight, bias, eps), None, None]


@register("aten.rms_norm")
def rms_norm(ctx: Context, x: Value, shape: Sequence[Size], weight: Value | None = None, eps: float | None = None) -> Value:
    import torch

    from .emitter import FROM_DTYPE

    return _norm(ctx, "rms_norm", x, shape, weight, None, torch.finfo(FROM_DTYPE[x.dtype]).eps if eps is None else eps)


@register("aten.group_norm")
def group_norm(ctx: Context, x: Value, groups: int, weight: Value | None = None, bias: Value | None = None,
               eps: float = 1e-5, cudnn_enabled: bool = True) -> Value:
    lowering = ctx.lowering
    lowering.realise(x)
    channels = x.shape[1]
    split = reshape(lowering, x, (x.shape[0], groups, divide(channels, groups), *x.shape[2:]))
    split.users = max(split.users, 2)
    dims = list(range(2, split.rank))
    wide = "f32" if x.dtype in ("f16", "bf16") else x.dtype
    # A signal is one long sum. Summed up one by one in float32 it is off by a hundred times what PyTorch is, which adds in
    # blocks. Each moment is read for every element: it is computed once.
    body = E.cast(split.body, "f64")
    centre = mean_value(ctx, split, dims, True, body)
    difference = E.op("sub", "f64", body, lowering.realise(centre))
    spread = mean_value(ctx, split, dims, True, E.mul(difference, difference))
    factor = Value(spread.dims, E.op("rsqrt", wide, E.add(E.cast(spread.body, wide), E.const(eps, wide))))
    # The mean is two floats: rounded to one, it would be off for every element alike.
    top = lowering.realise(Value(centre.dims, E.cast(centre.body, wide)))
    centred = E.op("sub", wide, E.cast(split.body, wide), top)
    if wide != "f64":
        rest = E.op("sub", "f64", centre.body, E.cast(top, "f64"))
        centred = E.op("sub", wide, centred, lowering.realise(Value(centre.dims, E.cast(rest, wide))))
    result = Value(split.dims, E.mul(centred, lowering.realise(factor)))
    result = reshape(lowering, result, x.shape)
    for value, name in ((weight, "mul"), (bias, "add")):
        if value is not None:
            column = derive(value, (*value.dims, *[()] * (x.rank - 2)))
            result = ctx.elementwise(lambda a, b, _name=name: E.op(_name, wide, a, b), result, column, dtype=wide)
    return ctx.cast(result, x.dtype)


@register("aten.native_group_norm")
def native_group_norm(ctx: Context, x: Value, weight: Value | None, bias: Value | None, rows: Size, channels: Size,
                      area: Size, groups: int, eps: float) -> list[Value | None]:
    ctx.meta = ctx.meta[0]
    return [group_norm(ctx, x, groups, weight, bias, eps), None, None]


@register("aten.batch_norm", "aten._native_batch_norm_legit_no_training")
def batch_norm(ctx: Context, x: Value, weight: Value | None, bias: Value | None, mean: Value, var: Value, *args: Any) -> Any:
    several = isinstance(ctx.meta, (tuple, list))
    training, eps = (False, args[1]) if several else (args[0], args[2])
    if training:
        raise Unsupported("batch norm in training mode; call module.eval() before compiling")
    column = lambda v: derive(v, (*v.dims, *[()] * (x.rank - 2)))
    dtype = x.dtype
    values = [x, column(mean), column(var)] + [column(v) for v in (weight, bias) if v is not None]
    dims, exprs = unify_elementwise(ctx.lowering, values)
    a, m, v, *rest = exprs
    factor = E.op("rsqrt", dtype, E.add(v, E.const(eps, dtype)))
    if weight is not None:
        factor = E.mul(factor, rest.pop(0))
    body = E.mul(E.op("sub", dtype, a, m), factor)
    result = Value(dims, E.add(body, rest.pop(0)) if bias is not None else body)
    return [result, None, None] if several else result


# ---------------------------------------------------------------------------------------------------------------------
# Attention
# ---------------------------------------------------------------------------------------------------------------------


@register("aten.scaled_dot_product_attention")
def sdpa(ctx: Context, q: Value, k: Value, v: Value, attn_mask: Value | None = None, dropout_p: float = 0.0,
         is_causal: bool = False, *, scale: float | None = None, enable_gqa: bool = False) -> Value:
    if dropout_p:
        raise Unsupported("attention dropout is active; call module.eval() before compiling")
    return attention(ctx, q, k, v, attn_mask, is_causal, scale, enable_gqa)


@register("aten._scaled_dot_product_flash_attention_for_cpu")
def flash(ctx: Context, q: Value, k: Value, v: Value, dropout_p: float = 0.0, is_causal: bool = False, *,
          attn_mask: Value | None = None, scale: float | None = None) -> list[Value | None]:
    return _parts(ctx, q, k, v, attn_mask, dropout_p, is_causal, scale)


@register("aten._scaled_dot_product_flash_attention")
def flash_gpu(ctx: Context, q: Value, k: Value, v: Value, dropout_p: float = 0.0, is_causal: bool = False,
              debug: bool = False, *, scale: float | None = None) -> list[Value | None]:
    return _parts(ctx, q, k, v, None, dropout_p, is_causal, scale)


@register("aten._scaled_dot_product_efficient_attention", "aten._scaled_dot_product_cudnn_attention")
def efficient(ctx: Context, q: Value, k: Value, v: Value, bias: Value | None, log_sums: bool, dropout_p: float = 0.0,
              is_causal: bool = False, debug: bool = False, *, scale: float | None = None) -> list[Value | None]:
    return _parts(ctx, q, k, v, bias, dropout_p, is_causal, scale)


@register("aten._scaled_dot_product_fused_attention_overrideable")
def overrideable(ctx: Context, q: Value, k: Value, v: Value, bias: Value | None = None, dropout_p: float = 0.0,
                 is_causal: bool = False, debug: bool = False, *, scale: float | None = None) -> list[Value | None]:
    return _parts(ctx, q, k, v, bias, dropout_p, is_causal, scale)


def _parts(ctx: Context, q: Value, k: Value, v: Value, mask: Value | None, dropout_p: float, is_causal: bool,
           scale: float | None) -> list[Value | None]:
    """The first of several results; the others serve the backward pass."""
    several = len(ctx.meta)
    ctx.meta = ctx.meta[0]
    grouped = not same(q.shape[-3], k.shape[-3])
    return [sdpa(ctx, q, k, v, mask, dropout_p, is_causal, scale=scale, enable_gqa=grouped)] + [None] * (several - 1)


@register("torch_attn._varlen_attn")
def varlen(ctx: Context, q: Value, k: Value, v: Value, offsets: Value, key_offsets: Value | None, longest: Any,
           longest_keys: Any, is_causal: bool = False, scale: float | None = None,
           window_size: Sequence[int] | None = None, enable_gqa: bool = False, used: Value | None = None,
           block_table: Value | None = None, num_splits: int | None = None) -> list[Value | None]:
    """torch.nn.attention.varlen.varlen_attn: [tokens, heads, head size], and where each sequence starts."""
    if used is not None or block_table is not None:
        raise Unsupported("keys in pages, or fewer of them than the offsets say")
    ctx.meta = ctx.meta[0]
    left, right = window_size or (-1, -1)
    # Flash attention counts from the end of the keys, which is their start where both have the same offsets.
    own = key_offsets is not None and key_offsets.body is not offsets.body
    structure = ""
    if (left, right) == (-1, 0) or is_causal:
        structure = "causal, lower_right" if own else "causal"
    elif (left, right) != (-1, -1):
        if own:
            raise Unsupported("a window over keys with offsets of their own")
        structure = f"window, left = {left}, right = {right}"
    heads_first = lambda x: derive(x, (x.dims[1], x.dims[0], x.dims[2]))
    result = attention(ctx, heads_first(q), heads_first(k), heads_first(v), None, False, scale, enable_gqa,
                       Ragged(offsets, key_offsets if own else None, structure))
    return [derive(result, (result.dims[1], result.dims[0], result.dims[2])), None, None]


@dataclass
class Ragged:
    """Where the sequences of a ragged batch start, and the structure of the mask within each."""

    offsets: Value
    key_offsets: Value | None
    structure: str


def attention(ctx: Context, q: Value, k: Value, v: Value, mask: Value | None, causal: bool, scale: float | None,
              grouped: bool, ragged: Ragged | None = None) -> Value:
    lowering = ctx.lowering
    if not all(map(is_static, (q.shape[-1], v.shape[-1]))):
        raise Unsupported("expected static head sizes")
    factor = 1.0 / math.sqrt(q.shape[-1]) if scale is None else float(scale)
    # m, n, k and v are one axis each.
    q, k, v = (x if all(len(d) == 1 or not d for d in x.dims[-2:]) else flatten(lowering, x) for x in (q, k, v))
    batch = max(x.rank for x in (q, k, v)) - 2
    label = lambda x, *last: [*range(batch - (x.rank - 2), batch), *last]
    groups: Size | None = None
    if grouped:
        groups = divide(q.shape[-3], k.shape[-3])
        if groups is None:
            raise Unsupported("the number of query heads is not a multiple of the number of key heads")
    unifier = Unifier(lowering)
    if groups is not None and not same(groups, 1):
        heads = (k.shape[-3], groups)
        q = reshape(lowering, q, (*q.shape[:-3], *heads, *q.shape[-2:]))
        k, v = (derive(x, (*x.dims[:-2], (), *x.dims[-2:])) for x in (k, v))
        if mask is not None and mask.rank >= 3:
            if mask.dims[-3]:
                mask = reshape(lowering, mask, (*mask.shape[:-3], *heads, *mask.shape[-2:]))
            else:
                mask = derive(mask, (*mask.dims[:-2], (), *mask.dims[-2:]))
        batch += 1
    unifier.add(q, label(q, "m", "k"))
    unifier.add(k, label(k, "n", "k"))
    unifier.add(v, label(v, "n", "v"))
    if mask is not None:
        unifier.add(mask, label(mask, "m", "n"))
    query, key, value = (unifier.expr(i) for i in range(3))
    mask_expr = unifier.expr(3) if mask is not None else None
    m, n, head, feature = (unifier.dim(x) for x in ("m", "n", "k", "v"))
    dims = [unifier.dim(b) for b in range(batch)]
    if len(m) > 1 or len(n) != 1 or len(head) != 1 or len(feature) != 1:
        if ragged is not None:
            raise Unsupported("ragged sequences whose tokens are no single dimension of a size other than 1")
        return _plain(ctx, q, k, v, mask, causal, factor)
    exprs = (query, key, value) + ((mask_expr,) if mask_expr is not None else ())
    free = frozenset(a for e in exprs for a in e.free)
    present = [a for dim in dims for a in dim if a in free]
    row = m[0] if m and m[0] in free else None
    spec = AttentionSpec(query, key, value, present, row, n[0], head[0], feature[0], factor)
    parts = MaskParts()
    if causal and m:
        if row is None:
            raise Unsupported("causal attention of queries that are all equal")
        parts.conditions.append(E.op("le", "i1", E.index(n[0]), E.index(row)))
    elif causal:
        parts.conditions.append(E.op("le", "i1", E.index(n[0]), E.const(0, "i64")))
    if mask_expr is not None:
        if mask_expr.dtype == "i1":
            parts.conditions.append(mask_expr)
        else:
            parts.additions.append(mask_expr)
    finish_mask(lowering, spec, parts)
    if ragged is not None:
        starts = [None if x is None else (x.dims[0][0], x.body) for x in (ragged.offsets, ragged.key_offsets)]
        spec.offsets, spec.key_offsets = starts
        spec.structure = ragged.structure
    result_dims = [*dims, m, feature]
    if groups is not None and not same(groups, 1):
        result_dims[batch - 2:batch] = [dims[batch - 2] + dims[batch - 1]]
    return Value(tuple(result_dims), E.attention(spec, query.dtype))


def _plain(ctx: Context, q: Value, k: Value, v: Value, mask: Value | None, causal: bool, scale: float) -> Value:
    """Attention spelt out, for operands that et.attention has no form for."""
    ctx.lowering.report.add("missed", "attention", "not fused: there is one key only, or rows span several axes",
                            ctx.lowering.emitter.loc)
    scores = _scaled(matmul(ctx, q, derive(k, (*k.dims[:-2], k.dims[-1], k.dims[-2]))), scale)
    body = scores.body
    if mask is not None:
        dims, (body, other) = unify_elementwise(ctx.lowering, [scores, mask])
        if other.dtype == "i1":
            body = E.op("select", body.dtype, other, body, E.const(-math.inf, body.dtype))
        else:
            body = E.add(body, other)
        scores = Value(dims, body)
    if causal:
        keep = E.op("le", "i1", E.lin([a.size for a in scores.dims[-1]], [E.index(a) for a in scores.dims[-1]]),
                    E.lin([a.size for a in scores.dims[-2]], [E.index(a) for a in scores.dims[-2]]))
        scores = Value(scores.dims, E.op("select", body.dtype, keep, body, E.const(-math.inf, body.dtype)))
    axes = scores.dims[-1]
    ctx.lowering.realise(scores)
    probabilities = Value(scores.dims, E.softmax(axes, scores.body)) if axes else \
        Value(scores.dims, E.const(1.0, scores.dtype))
    return matmul(ctx, probabilities, v)
