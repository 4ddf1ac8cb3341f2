#===- attention.py - Attention as one operation -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Builds et.attention, from the fused call of PyTorch and from its parts.

The parts are matched on the expression

    sum_n softmax_n( scale * sum_k Q[.., m, k] K[.., n, k] + masks ) * V[.., n, v]

whatever operators spelt it: matmul, bmm, baddbmm, einsum; views between them; the scale on either side or on the scores,
multiplied or divided; casts around the softmax; key heads that several query heads share. The proof is that the softmax
runs over the axis that the second product sums over, that the scores are one contraction of a factor with m and a factor
with n, and that everything else is a scale or a mask. Scores or probabilities that something else reads have been computed
before they get here, so they never match.

What almost matches is emitted plainly, with a remark that says why.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Sequence

from . import expr as E
from .dims import is_static, same
from .ir import Base, Result, Value
from .lower import Lowering, load_axes, raiser
from .masks import MaskParts, conjunction, is_masking, split_addition, structure_of
from .patterns import build_product, split_factors


@dataclass(eq=False)
class AttentionSpec:
    """One attention that is not emitted yet; all expressions are in the same axes."""

    query: E.Expr
    key: E.Expr
    value: E.Expr
    batch: list[E.Axis]
    m: E.Axis | None
    n: E.Axis
    k: E.Axis
    v: E.Axis
    scale: float
    structure: str = ""
    mask: E.Expr | None = None
    score: tuple[E.Expr, E.Expr] | None = None  # placeholder of the score, and what becomes of it
    # Of a ragged batch, whose sequences lie one behind the other: the only axis, and where each sequence starts on it.
    offsets: tuple[E.Axis, E.Expr] | None = None
    key_offsets: tuple[E.Axis, E.Expr] | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def result_axes(self) -> tuple[E.Axis, ...]:
        return (*self.batch, *((self.m,) if self.m is not None else ()), self.v)


class Refused(Exception):
    """This is not provably attention; the text says why."""


@raiser
def raise_attention(lowering: Lowering, e: E.Expr, order: Sequence[E.Axis] | None) -> E.Expr | None:
    if e.op == "attention":
        return emit_attention(lowering, e.attr, order)
    if e.op != "reduce" or e.attr[0] != "sum":
        return None
    probabilities = [p for p in map(_strip_casts, E.factors(e.args[0])) if p.op in E.SOFTMAXES]
    if not probabilities:
        return None
    try:
        spec = match(lowering, e, order)
    except Refused as refused:
        lowering.report.add("missed", "attention", f"not fused: {refused}", lowering.emitter.loc)
        lowering.explained.update(probabilities)
        return None
    return emit_attention(lowering, spec, order)


def _strip_casts(e: E.Expr) -> E.Expr:
    while e.op == "cast" and E.is_float(e.dtype) and E.is_float(e.args[0].dtype):
        e = e.args[0]
    return e


# ---------------------------------------------------------------------------------------------------------------------
# Matching
# ---------------------------------------------------------------------------------------------------------------------


def match(lowering: Lowering, e: E.Expr, order: Sequence[E.Axis] | None = None) -> AttentionSpec:
    """The attention that a sum of products is, or Refused."""
    summed = e.attr[1]
    parts = E.factors(e.args[0])
    probabilities = [p for p in parts if _strip_casts(p).op in E.SOFTMAXES]
    if len(probabilities) != 1:
        raise Refused(f"expected one softmax in the product with the values, but got {len(probabilities)}")
    probability = _strip_casts(probabilities[0])
    if set(probability.attr) != set(summed):
        raise Refused("the softmax runs over another axis than the product with the values sums over")
    if len(summed) != 1:
        raise Refused("the keys span several axes")
    n = summed[0]
    factor, values = split_factors(build_product([p for p in parts if p is not probabilities[0]] or
                                                 [E.const(1.0, e.dtype)]))
    if factor != 1.0 or not values:
        raise Refused("the probabilities are scaled after the softmax")
    value = build_product(values)
    if n not in value.free:
        raise Refused("the values do not depend on the key position")

    parts_of_mask = MaskParts()
    contraction, scale, score = read_scores(probability.args[0], n, parts_of_mask)
    (k,) = contraction.attr[1] if len(contraction.attr[1]) == 1 else (None,)
    if k is None:
        raise Refused("the head size spans several axes")
    constant, operands = split_factors(contraction.args[0])
    scale *= constant
    keys = [o for o in operands if n in o.free]
    queries = [o for o in operands if n not in o.free]
    if not keys or not queries or not any(k in o.free for o in keys) or not any(k in o.free for o in queries):
        raise Refused("the scores are not a product of queries and keys")
    query, key = build_product(queries), build_product(keys)
    if query.free & {n} or not scale > -math.inf:
        raise Refused("the queries depend on the key position")

    scores_free = probability.free
    features = [a for a in value.free if a not in scores_free]
    if len(features) != 1:
        raise Refused(f"expected the values to have one axis that the scores lack, but got {len(features)}")
    v = features[0]
    kv_axes = (key.free | value.free) - {n, k, v}
    mask_free = frozenset(a for c in (*parts_of_mask.conditions, *parts_of_mask.additions) for a in c.free)
    m = pick_rows(query, kv_axes | {k}, parts_of_mask, n, order)
    batch_set = (query.free | key.free | value.free | mask_free) - {m, n, k, v}
    batch = [a for a in _order_of(query, key, value) if a in batch_set]
    batch += [a for a in batch_set if a not in batch]
    if m is not None and m in kv_axes:
        raise Refused("the keys or values depend on the query row")
    for what, axis in (("query and key", k), ("value", v)):
        if not is_static(axis.size):
            raise Refused(f"the head size of {what} is dynamic")
    spec = AttentionSpec(query, key, value, batch, m, n, k, v, scale, score=score)
    finish_mask(lowering, spec, parts_of_mask)
    return spec


def read_scores(e: E.Expr, n: E.Axis, mask: MaskParts) -> tuple[E.Expr, float, tuple[E.Expr, E.Expr] | None]:
    """(contraction, scale, score function) of a score expression; its masks go to `mask`."""
    e = _strip_casts(e)
    if e.op == "reduce" and e.attr[0] == "sum":
        return e, 1.0, None
    if e.op in ("mul", "div") and e.args[1].op == "const":
        factor = e.args[1].attr if e.op == "mul" else 1.0 / e.args[1].attr
        before = len(mask.additions), len(mask.conditions)
        contraction, scale, score = read_scores(e.args[0], n, mask)
        if score is not None:
            raise Refused("the scores are scaled after another function of them")
        if len(mask.conditions) != before[1] and factor <= 0:
            raise Refused("the scores are masked before they are negated")
        for i in range(before[0], len(mask.additions)):
            mask.additions[i] = E.mul(mask.additions[i], E.const(factor, mask.additions[i].dtype))
        return contraction, scale * factor, None
    if e.op in ("mul", "div"):
        sides = [a for a in e.args if _holds_scores(a, n)]
        if len(sides) == 1 and not (e.op == "div" and sides[0] is e.args[1]):
            other = e.args[0] if sides[0] is e.args[1] else e.args[1]
            if n not in other.free and not mask.additions:
                # A scale that is data, for instance a temperature per head, goes to the queries.
                contraction, scale, score = read_scores(sides[0], n, mask)
                if score is None and not mask.additions and not mask.conditions:
                    other = E.op("div", other.dtype, E.const(1.0, other.dtype), other) if e.op == "div" else other
                    body = E.mul(contraction.args[0], other)
                    return E._intern("reduce", body.dtype, (body,), contraction.attr), scale, None
        raise Refused("the scores are multiplied with something that is not a scale")
    if e.op in ("add", "sub"):
        a, b = e.args
        inside = [_holds_scores(x, n) for x in e.args]
        if all(inside):
            raise Refused("the scores are a sum of two products")
        if e.op == "sub" and inside[1]:
            raise Refused("the scores are subtracted from something")
        scores, other = (a, b) if inside[0] else (b, a)
        result = read_scores(scores, n, mask)
        mask.additions.append(E.op("neg", other.dtype, other) if e.op == "sub" else other)
        return result
    if e.op == "select":
        cond, yes, no = e.args
        if _holds_scores(cond, n):
            raise Refused("the mask depends on the scores")
        for scores, fill, keep in ((yes, no, cond), (no, yes, E.op("not", "i1", cond))):
            if fill.op == "const" and is_masking(fill.attr) and _holds_scores(scores, n):
                result = read_scores(scores, n, mask)
                zero = E.const(0.0, fill.dtype)
                mask.additions.append(E.op("select", fill.dtype, keep, zero, fill))
                return result
        raise Refused("the scores are replaced by values that do not mask them")
    inner = [a for a in e.args if _holds_scores(a, n)]
    if e.op == "tanh" and len(inner) == 1:
        contraction, scale, score = read_scores(inner[0], n, mask)
        raise Refused("the scores pass through tanh")
    if not inner and any(x.op == "load" and x.attr.contraction for x in E.walk(e)):
        raise Refused("the scores before the softmax are read by more than one operator")
    if not inner:
        raise Refused("no product of queries and keys was found under the softmax")
    raise Refused(f"the scores pass through '{e.op}'")


def _holds_scores(e: E.Expr, n: E.Axis) -> bool:
    return any(x.op == "reduce" and x.attr[0] == "sum" and n in x.free and x.activation for x in E.walk(e))


def _order_of(*exprs: E.Expr) -> list[E.Axis]:
    seen: list[E.Axis] = []
    for e in exprs:
        for x in E.walk(e):
            if x.op == "index" and x.attr not in seen:
                seen.append(x.attr)
    return seen


def pick_rows(query: E.Expr, taken: frozenset[E.Axis] | set[E.Axis], mask: MaskParts, n: E.Axis,
              order: Sequence[E.Axis] | None) -> E.Axis | None:
    """The query axis among those that keys and values lack; any choice is correct, the best one gives long rows."""
    candidates = [a for a in _order_of(query) if a in query.free and a not in taken]
    if not candidates:
        return None
    if len(candidates) > 1:
        for condition in (*mask.conditions, *mask.additions):
            for x in E.walk(condition):
                if x.op in E.COMPARISONS and n in x.free:
                    compared = [a for a in candidates if a in x.free]
                    if len(compared) == 1:
                        return compared[0]
        dynamic = [a for a in candidates if not is_static(a.size)]
        candidates = dynamic or candidates
        candidates.sort(key=lambda a: (same(a.size, n.size), a.size if is_static(a.size) else 0), reverse=True)
    return candidates[0]


def finish_mask(lowering: Lowering, spec: AttentionSpec, parts: MaskParts) -> None:
    """Decides what of the masks is structure and what is an operand."""
    final = MaskParts(list(parts.conditions))
    for addition in parts.additions:
        split_addition(addition, final, spec.m, spec.n, lowering.ignore_empty_rows, spec.notes)
    structure, conditions = structure_of(final.conditions, spec.m, spec.n)
    spec.structure = structure.text
    condition = conjunction(conditions)
    addition = None
    for term in final.additions:
        term = E.cast(term, "f32") if term.dtype in ("f16", "bf16") else term
        addition = term if addition is None else E.add(addition, term)
    if addition is None:
        spec.mask = condition
    elif condition is None:
        spec.mask = addition
    else:
        spec.mask = E.op("select", addition.dtype, condition, addition, E.const(-math.inf, addition.dtype))
    allowed = {*spec.batch, spec.m, spec.n}
    if spec.mask is not None and spec.mask.free - allowed:
        raise Refused("the mask depends on the head size")
    if spec.mask is not None and not spec.mask.free:
        spec.mask = None if spec.mask.op == "const" and spec.mask.dtype == "i1" and spec.mask.attr else spec.mask


# ---------------------------------------------------------------------------------------------------------------------
# Emission
# ---------------------------------------------------------------------------------------------------------------------


def emit_attention(lowering: Lowering, spec: AttentionSpec, order: Sequence[E.Axis] | None) -> E.Expr:
    emitter = lowering.emitter
    operands: dict[str, Result] = {}
    layouts: list[list[E.Axis | None]] = []

    def operand(role: str, e: E.Expr, needed: Sequence[E.Axis]) -> list[E.Axis | None]:
        """Adds an operand that has at least the needed axes."""
        loaded = lowering.prepare(lowering.force(e))
        axes: list[E.Axis | None] = [a for arg in loaded.args for a in load_axes(arg)]
        lacking = [a for a in needed if a not in axes]
        if lacking:
            want = [a for a in axes if a not in lacking]
            want = [a for a in spec.batch if a in lacking] + want + [a for a in needed if a in lacking and a not in spec.batch]
            operands[role] = lowering.compute(loaded, want)
            return want
        operands[role] = lowering.layout(loaded, tuple((a,) for a in axes))
        return axes

    q_axes = operand("query", spec.query, [*spec.batch, *((spec.m,) if spec.m else ()), spec.k])
    k_axes = operand("key", spec.key, [spec.n, spec.k])
    v_axes = operand("value", spec.value, [spec.n, spec.v])
    if spec.m is None:
        # One query row: give it a dimension of size 1 beside the keys' position.
        at = q_axes.index(spec.k)
        groups = [(a,) for a in q_axes]
        target = groups[:at] + [()] + groups[at:]
        operands["query"] = lowering.reshape(operands["query"], groups, target)
        q_axes = q_axes[:at] + [None] + q_axes[at:]
    layouts = [q_axes, k_axes, v_axes]
    if spec.mask is not None:
        # Rows of keys lie together, so that a kernel reads the mask as it reads the scores.
        order_of_mask = [a for a in (*spec.batch, spec.m, spec.n) if a is not None and a in spec.mask.free]
        loaded = lowering.force(spec.mask, order_of_mask)
        present = [a for arg in loaded.args for a in load_axes(arg)]
        if present[-1:] == order_of_mask[-1:]:
            order_of_mask = present
        operands["mask"] = lowering.layout(loaded, tuple((a,) for a in order_of_mask))
        layouts.append(order_of_mask)
    for role, offsets in (("offsets", spec.offsets), ("key_offsets", spec.key_offsets)):
        if offsets is not None:
            # They have no map.
            axis, start = offsets
            operands[role] = lowering.compute(lowering.force(start), [axis])
    result_axes: list[E.Axis | None]
    if order is not None and set(order) >= set(spec.result_axes):
        result_axes = [a for a in order if a in spec.result_axes]
        if spec.m is None:
            result_axes.insert(result_axes.index(spec.v), None)
    else:
        result_axes = [spec.v if a is spec.k else a for a in q_axes]
    layouts.append(result_axes)
    count = len(spec.batch)
    position: dict[E.Axis | None, int] = {a: i for i, a in enumerate(spec.batch)}
    position.update({spec.m: count, spec.n: count + 1, spec.k: count + 2, spec.v: count + 3})
    maps = [[position[a] for a in axes] for axes in layouts]
    shape = [1 if a is None else a.size for a in result_axes]
    result = emitter.attention(operands, maps, count + 4, shape, spec.scale, spec.structure)
    base = Base(result, shape, result.dtype)
    what = [f"structure {spec.structure}"] if spec.structure else []
    if spec.offsets is not None:
        what.append("ragged sequences")
    if spec.mask is not None:
        dims = ", ".join(_role(a, spec) for a in layouts[3])
        what.append(f"{operands['mask'].dtype} mask over ({dims})")
    lowering.report.add("passed", "attention", "fused" + (f" with {' and '.join(what)}" if what else ""), emitter.loc)
    for note in spec.notes:
        lowering.report.add("note", "attention", note, emitter.loc)
    return E.load(base, tuple(E.const(0, "i64") if a is None else E.index(a) for a in result_axes))


def _role(axis: E.Axis | None, spec: AttentionSpec) -> str:
    if axis is spec.m:
        return "rows"
    if axis is spec.n:
        return "keys"
    return f"batch {spec.batch.index(axis)}"
