#===- masks.py - What an attention mask says, from its expression -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Splits a mask into structure and data.

A mask arrives as conditions ("may attend", i1) and additions (floats) in terms of the query axis m and the key axis n.
Conditions that only compare positions become `#et.mask<causal>` or `#et.mask<window, ...>`; the others stay a mask
operand with just the axes they depend on, so that a padding mask is `[batch, keys]` however often it was expanded.

Additive masks. PyTorch adds the smallest finite float to keys that are masked. A row with all keys masked is then
uniform over all keys, whereas et.attention yields zeros for a row with nothing to attend to. So such an addition stays an
addition, except where each row provably has a key (a causal or window mask alone, where a query may see itself), or where
the caller says that rows without keys do not matter.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Sequence

import sympy

from . import expr as E
from .dims import Size, same

#: Added to a score of ordinary size, anything below this absorbs the score completely (float32).
ABSORBING = -1e37


@dataclass
class MaskParts:
    """A mask, taken apart."""

    conditions: list[E.Expr] = field(default_factory=list)
    additions: list[E.Expr] = field(default_factory=list)


@dataclass
class Structure:
    """Bounds on n - m: -left <= n - m <= right, None for no bound."""

    left: int | None = None
    right: int | None = None
    lower_right: bool = False

    @property
    def text(self) -> str:
        """What stands between the angle brackets of #et.mask."""
        if self.lower_right:
            return "causal, lower_right"
        if self.left is None and self.right is None:
            return ""
        if self.left is None and self.right == 0:
            return "causal"
        left = -1 if self.left is None else self.left
        right = -1 if self.right is None else self.right
        return f"window, left = {left}, right = {right}"


def linear_form(e: E.Expr) -> tuple[dict[E.Axis, int], Size] | None:
    """(factor per axis, rest) of an integer expression that is linear in index variables and sizes."""
    if e.op == "const":
        return {}, e.attr
    if e.op == "size":
        return {}, e.attr
    if e.op == "index":
        return {e.attr: 1}, 0
    if e.op == "neg":
        inner = linear_form(e.args[0])
        return inner and ({a: -c for a, c in inner[0].items()}, -inner[1])
    if e.op in ("add", "sub"):
        a, b = linear_form(e.args[0]), linear_form(e.args[1])
        if a is None or b is None:
            return None
        sign = 1 if e.op == "add" else -1
        factors = dict(a[0])
        for axis, factor in b[0].items():
            factors[axis] = factors.get(axis, 0) + sign * factor
        return {x: f for x, f in factors.items() if f}, a[1] + sign * b[1]
    if e.op == "mul" and e.args[1].op == "const":
        inner = linear_form(e.args[0])
        factor = e.args[1].attr
        return inner and ({a: c * factor for a, c in inner[0].items()}, inner[1] * factor)
    if e.op == "cast" and not E.is_float(e.dtype) and not E.is_float(e.args[0].dtype) and e.args[0].dtype != "i1":
        return linear_form(e.args[0])
    return None


def read_condition(c: E.Expr, m: E.Axis | None, n: E.Axis) -> Structure | None:
    """The bounds a comparison of positions puts on n - m."""
    if m is None or c.op not in ("le", "lt", "ge", "gt"):
        return None
    a, b = c.args
    if a.op == "abs":
        inner = linear_form(a.args[0])
        if inner is None or b.op != "const" or inner[1] != 0 or c.op not in ("le", "lt"):
            return None
        width = b.attr - (c.op == "lt")
        if inner[0] in ({m: 1, n: -1}, {m: -1, n: 1}) and width >= 0:
            return Structure(width, width)
        return None
    form = linear_form(E.op("sub", "i64", E.cast(a, "i64"), E.cast(b, "i64")))
    if form is None:
        return None
    factors, rest = form
    op = c.op
    if factors == {m: 1, n: -1}:  # written with m first: turn it around
        factors, rest = {m: -1, n: 1}, -rest
        op = {"le": "ge", "lt": "gt", "ge": "le", "gt": "lt"}[op]
    if factors != {m: -1, n: 1}:
        return None
    if not isinstance(rest, int):
        # n - m + rest <= 0 with rest = (rows - keys) is causal aligned at the bottom right.
        aligned = op == "le" and same(sympy.sympify(rest), sympy.sympify(m.size) - n.size)
        return Structure(right=0, lower_right=True) if aligned else None
    if op in ("le", "lt"):  # n - m <= -rest
        right = -rest - (op == "lt")
        return Structure(right=right) if right >= 0 else None
    left = rest - (op == "gt")  # n - m >= -rest
    return Structure(left=left) if left >= 0 else None


def structure_of(conditions: Sequence[E.Expr], m: E.Axis | None, n: E.Axis) -> tuple[Structure, list[E.Expr]]:
    """The structure that some conditions amount to, and the other conditions."""
    total = Structure()
    others: list[E.Expr] = []
    for condition in [x for c in conditions for x in E.conjuncts(c)]:
        found = read_condition(condition, m, n)
        if found is None or (found.lower_right and (total.left, total.right) != (None, None)) or total.lower_right:
            if condition.op != "const" or not condition.attr:
                others.append(condition)
            continue
        total.lower_right = found.lower_right
        if found.left is not None:
            total.left = found.left if total.left is None else min(total.left, found.left)
        if found.right is not None:
            total.right = found.right if total.right is None else min(total.right, found.right)
    return total, list(dict.fromkeys(others))


def every_row_has_a_key(conditions: Sequence[E.Expr], m: E.Axis | None, n: E.Axis) -> bool:
    """True when conditions on positions alone always allow n = m, and there are as many keys as rows."""
    if m is None or not same(m.size, n.size):
        return False
    structure, others = structure_of(conditions, m, n)
    return not others and not structure.lower_right


def is_masking(value: float) -> bool:
    return value <= ABSORBING


def split_addition(e: E.Expr, parts: MaskParts, m: E.Axis | None, n: E.Axis, ignore_empty_rows: bool,
                   notes: list[str]) -> None:
    """Adds one addition to the scores to `parts`, as a condition where that means the same."""
    for term in E.terms(e):
        inner = term
        while inner.op == "cast" and E.is_float(inner.args[0].dtype):
            inner = inner.args[0]
        found = _as_select(inner)
        if found is None:
            if not (term.op == "const" and term.attr == 0):
                parts.additions.append(term)
            continue
        condition, value, masked = found
        exact = masked == -math.inf or ignore_empty_rows or every_row_has_a_key([condition], m, n)
        if exact:
            parts.conditions.append(condition)
            if not (value.op == "const" and value.attr == 0):
                split_addition(value, parts, m, n, ignore_empty_rows, notes)
            continue
        if condition.free <= {m} if m is not None else not condition.free:
            parts.additions.append(term)  # masks whole rows: all keys alike
            continue
        if value.op == "const" and value.attr == 0:
            notes.append("an additive mask stays a float operand, since a row whose keys are all masked is uniform in "
                         "PyTorch; masked_rows='ignore' makes it a boolean mask")
        parts.additions.append(term)


def _as_select(e: E.Expr) -> tuple[E.Expr, E.Expr, float] | None:
    """(condition, value where true, masking constant) of an addition that masks where the condition is false."""
    if e.op == "select":
        cond, yes, no = e.args
        if no.op == "const" and is_masking(no.attr):
            return cond, yes, no.attr
        if yes.op == "const" and is_masking(yes.attr):
            return E.op("not", "i1", cond), no, yes.attr
        return None
    # (1 - mask) * min: mask as a number, 1 where a query may attend.
    if e.op == "mul" and e.args[1].op == "const" and is_masking(e.args[1].attr):
        inner = e.args[0]
        if inner.op == "cast" and inner.args[0].dtype == "i1":
            return E.op("not", "i1", inner.args[0]), E.const(0, e.dtype), e.args[1].attr
        if inner.op == "sub" and inner.args[0].op == "const" and inner.args[0].attr == 1 and \
                inner.args[1].op == "cast" and inner.args[1].args[0].dtype == "i1":
            return inner.args[1].args[0], E.const(0, e.dtype), e.args[1].attr
    return None


def conjunction(conditions: Sequence[E.Expr]) -> E.Expr | None:
    result: E.Expr | None = None
    for condition in conditions:
        result = condition if result is None else E.op("and", "i1", result, condition)
    return result
