#===- simplify.py - Conditions that multiply sizes -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Takes common factors out of conditions that multiply sizes, so that the compiler can decide more of them.

    batch * sequence == batch              is   sequence == 1, as no size here is below 1
    (32 * n - 32) % (8 * n - 8) == 0       is   0 == 0

Only factors that are sizes of at least 1 are taken out of a comparison.
"""

from __future__ import annotations

import functools

import sympy
from torch.utils._sympy import functions as F

_ROUNDED = (F.FloorDiv, F.CeilDiv, F.Mod, F.PythonMod, F.Max, F.Min, F.ModularIndexing)


@functools.lru_cache(4096)
def simplify(expr: sympy.Basic) -> sympy.Basic:
    """An equal condition, linear where it can be."""
    if isinstance(expr, (sympy.And, sympy.Or, sympy.Not)):
        return expr.func(*map(simplify, expr.args))
    if not isinstance(expr, sympy.core.relational.Relational) or not (expr.lhs.is_integer and expr.rhs.is_integer):
        return expr
    left, right = _divided(expr.lhs), _divided(expr.rhs)
    names = {node: sympy.Dummy(integer=True) for node in (left - right).atoms(*_ROUNDED)}
    back = {name: node for node, name in names.items()}
    factors = sympy.factor_list((left - right).xreplace(names))
    if not isinstance(factors[0], sympy.Integer) or factors[0] == 0:
        return expr.func(left, right)
    # The sign of the constant factor counts; a size of at least 1 does not.
    rest = sympy.Integer(1 if factors[0] > 0 else -1)
    dropped = False
    for factor, power in factors[1]:
        if factor.is_Symbol and factor.is_positive:
            dropped = True
        else:
            rest *= factor**power
    return expr.func(sympy.expand(rest).xreplace(back), 0) if dropped else expr.func(left, right)


def _divided(expr: sympy.Expr) -> sympy.Expr:
    """Remainders that are zero for all sizes, as such."""
    zero = {}
    for node in expr.atoms(F.Mod, F.PythonMod):
        value, modulus = node.args
        names = {part: sympy.Dummy(integer=True) for part in (value + modulus).atoms(*_ROUNDED)}
        quotient = sympy.cancel(value.xreplace(names) / modulus.xreplace(names))
        top, bottom = quotient.as_numer_denom()
        if bottom == 1 and top.is_integer:
            zero[node] = sympy.Integer(0)
    return expr.xreplace(zero) if zero else expr
