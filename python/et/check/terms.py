#===- terms.py - Sizes and conditions of PyTorch as terms -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Walks sympy expressions of torch's symbolic sizes and builds them with a backend: the text of a size program, or Python.

What a backend cannot hold (floats that are no fractions, square roots) raises Inexpressible; the condition is then unknown to the solver.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Callable, Protocol

import sympy
from torch.utils._sympy import functions as F


class Inexpressible(Exception):
    """A term that has no counterpart on integers."""


class Backend(Protocol):
    """Builds terms; each call returns what stands for the value."""

    def constant(self, value: int) -> Any: ...
    def symbol(self, symbol: sympy.Symbol) -> Any: ...
    def binary(self, op: str, a: Any, b: Any) -> Any: ...
    def compare(self, op: str, a: Any, b: Any) -> Any: ...
    def logic(self, op: str, a: Any, b: Any) -> Any: ...
    def boolean(self, value: bool) -> Any: ...


_COMPARISONS = {sympy.Eq: "eq", sympy.Ne: "ne", sympy.Lt: "slt", sympy.Le: "sle", sympy.Gt: "sgt", sympy.Ge: "sge"}


def _fold(op: str, items: list[Any], build: Callable[[str, Any, Any], Any]) -> Any:
    result = items[0]
    for item in items[1:]:
        result = build(op, result, item)
    return result


def _scaled(expr: sympy.Expr) -> tuple[sympy.Expr, int]:
    """A real expression as (integer expression, positive divisor)."""
    if isinstance(expr, F.ToFloat):
        return expr.args[0], 1
    if isinstance(expr, (F.IntTrueDiv, F.FloatTrueDiv)):
        (top, under), (bottom, over) = _scaled(expr.args[0]), _scaled(expr.args[1])
        if not bottom.is_Integer or int(bottom) <= 0:
            raise Inexpressible(str(expr))
        return top * over, under * int(bottom)
    if isinstance(expr, (sympy.Float, sympy.Rational)):
        fraction = Fraction(float(expr)).limit_denominator(4096) if isinstance(expr, sympy.Float) else Fraction(int(expr.p), int(expr.q))
        if isinstance(expr, sympy.Float) and float(fraction) != float(expr):
            raise Inexpressible(str(expr))
        return sympy.Integer(fraction.numerator), fraction.denominator
    if expr.is_integer:
        return expr, 1
    if isinstance(expr, sympy.Mul):
        top, bottom = sympy.Integer(1), 1
        for arg in expr.args:
            a, b = _scaled(arg)
            top, bottom = top * a, bottom * b
        return top, bottom
    if isinstance(expr, sympy.Add):
        parts = [_scaled(arg) for arg in expr.args]
        bottom = 1
        for _, b in parts:
            bottom = bottom * b // sympy.igcd(bottom, b)
        return sympy.Add(*(a * (bottom // b) for a, b in parts)), int(bottom)
    raise Inexpressible(str(expr))


class Builder:
    """Builds a condition or a size with `backend`."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend

    def condition(self, expr: sympy.Basic) -> Any:
        build = self.backend
        if expr in (sympy.true, sympy.false):
            return build.boolean(expr == sympy.true)
        if isinstance(expr, sympy.Not):
            return build.logic("xor", self.condition(expr.args[0]), build.boolean(True))
        if isinstance(expr, (sympy.And, sympy.Or)):
            op = "and" if isinstance(expr, sympy.And) else "or"
            return _fold(op, [self.condition(arg) for arg in sorted(expr.args, key=str)], build.logic)
        for kind, op in _COMPARISONS.items():
            if isinstance(expr, kind):
                (left, over), (right, under) = _scaled(expr.lhs), _scaled(expr.rhs)
                return build.compare(op, self.size(left * under), self.size(right * over))
        raise Inexpressible(str(expr))

    def size(self, expr: sympy.Expr) -> Any:
        build = self.backend
        if expr.is_Integer:
            return build.constant(int(expr))
        if expr.is_Symbol:
            return build.symbol(expr)
        if isinstance(expr, (sympy.Add, sympy.Mul)):
            if not all(arg.is_integer for arg in expr.args):
                raise Inexpressible(str(expr))
            return _fold("add" if isinstance(expr, sympy.Add) else "mul", [self.size(arg) for arg in expr.args], build.binary)
        if isinstance(expr, (F.Max, F.Min, sympy.Max, sympy.Min)):
            op = "max" if isinstance(expr, (F.Max, sympy.Max)) else "min"
            return _fold(op, [self.size(arg) for arg in sorted(expr.args, key=str)], build.binary)
        if isinstance(expr, F.FloorDiv):
            return build.binary("floordiv", *map(self.size, expr.args))
        if isinstance(expr, F.CeilDiv):
            return build.binary("ceildiv", *map(self.size, expr.args))
        if isinstance(expr, (F.Mod, sympy.Mod)):
            return build.binary("rem", *map(self.size, expr.args))
        if isinstance(expr, F.PythonMod):
            value, modulus = map(self.size, expr.args)
            whole = build.binary("mul", build.binary("floordiv", value, modulus), modulus)
            return build.binary("sub", value, whole)
        if isinstance(expr, F.ModularIndexing):
            value, divisor, modulus = map(self.size, expr.args)
            return build.binary("rem", build.binary("floordiv", value, divisor), modulus)
        if isinstance(expr, (F.PowByNatural, sympy.Pow)):
            base, exponent = expr.args
            if exponent.is_Integer and 0 < int(exponent) <= 8:
                return _fold("mul", [self.size(base)] * int(exponent), build.binary)
        if isinstance(expr, (F.FloorToInt, F.TruncToInt, F.CeilToInt)):
            # Sizes are not negative, so cutting off rounds down.
            top, bottom = _scaled(expr.args[0])
            return build.binary("ceildiv" if isinstance(expr, F.CeilToInt) else "floordiv", self.size(top), build.constant(bottom))
        if isinstance(expr, F.Identity):
            return self.size(expr.args[0])
        raise Inexpressible(str(expr))


class PythonBackend:
    """Terms as Python source over the names of symbols."""

    _FORMS = {"add": "({} + {})", "sub": "({} - {})", "mul": "({} * {})", "floordiv": "({} // {})", "ceildiv": "(-(-{} // {}))",
              "rem": "({} % {})", "max": "max({}, {})", "min": "min({}, {})", "eq": "({} == {})", "ne": "({} != {})", "slt": "({} < {})",
              "sle": "({} <= {})", "sgt": "({} > {})", "sge": "({} >= {})", "and": "({} and {})", "or": "({} or {})", "xor": "({} != {})"}

    def constant(self, value: int) -> str:
        return str(value)

    def symbol(self, symbol: sympy.Symbol) -> str:
        return str(symbol)

    def boolean(self, value: bool) -> str:
        return str(value)

    def binary(self, op: str, a: str, b: str) -> str:
        return self._FORMS[op].format(a, b)

    compare = logic = binary
