#===- dims.py - Sizes that are integers or symbolic expressions -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""A size is a Python int, or a sympy expression in the symbols of torch.export.

Helpers convert what torch hands out, compare, multiply and divide. Sizes stay ints as long as they can: sympy is only
touched where a dimension really is dynamic, which keeps the import fast.
"""

from __future__ import annotations

from typing import Iterable, Union

import sympy
import torch

Size = Union[int, sympy.Expr]


def size_of(value: object) -> Size:
    """Converts an int, a torch.SymInt or a sympy expression."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int):
        return value
    if isinstance(value, torch.SymInt):
        expr = value.node.expr
        return int(expr) if expr.is_Integer else expr
    if isinstance(value, sympy.Expr):
        return int(value) if value.is_Integer else value
    raise TypeError(f"expected a size, but got {type(value).__name__}")


def is_static(size: Size) -> bool:
    return isinstance(size, int)


def same(a: Size, b: Size) -> bool:
    """True when the two sizes are provably equal."""
    if a is b or a == b:
        return True
    if isinstance(a, int) or isinstance(b, int):
        return False
    return sympy.expand(a - b) == 0


def product(sizes: Iterable[Size]) -> Size:
    result: Size = 1
    for size in sizes:
        if isinstance(result, int) and isinstance(size, int):
            result = result * size
        elif result == 1:
            result = size
        elif size != 1:
            result = size_of(sympy.Integer(result) * size if isinstance(result, int) else result * size)
    return result


def add(a: Size, b: Size) -> Size:
    if isinstance(a, int) and isinstance(b, int):
        return a + b
    return size_of(sympy.sympify(a) + b)


def divide(a: Size, b: Size) -> Size | None:
    """The quotient a / b when it is provably an integer, else None."""
    if isinstance(a, int) and isinstance(b, int):
        return a // b if b and a % b == 0 else None
    if b == 1:
        return a
    if same(a, b):
        return 1
    quotient = sympy.cancel(sympy.sympify(a) / b)
    if quotient.is_Integer:
        return int(quotient)
    numerator, denominator = quotient.as_numer_denom()
    # A sum of integer multiples of integer symbols is an integer; anything with a denominator is not proven to be one.
    return quotient if denominator == 1 and numerator.is_integer else None
