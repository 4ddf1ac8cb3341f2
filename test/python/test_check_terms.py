#===- test_check_terms.py - Conditions on sizes, as terms -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Conditions of PyTorch become terms of the compiler, and the compiler answers about them."""

import importlib

import pytest
import sympy
from torch.utils._sympy import functions as F

check = importlib.import_module("et.check")
program, simplify, solve, terms = (importlib.import_module(f"et.check.{name}") for name in ("program", "simplify", "solve", "terms"))
Variable = importlib.import_module("et.check.size_env").Variable

A, B = sympy.symbols("a b", positive=True, integer=True)
FREE = sympy.Symbol("free", integer=True)
SIZES = [Variable("a", A, 1, None), Variable("b", B, 1, 64)]


def ask(demand, *given, values=None):
    [answer] = solve.decide([solve.Question(SIZES, given, demand, values or {"a": 3, "b": 5})])
    return answer


@pytest.mark.parametrize("demand, given", [
    (A >= 1, []),
    (sympy.Eq(F.Mod(A, 4), 0), [sympy.Eq(F.Mod(A, 8), 0)]),
    (sympy.Le(F.FloorDiv(A - 1, 2) * 2, A), []),
    (sympy.Ne(A, B), [A > 64]),
    (sympy.Or(sympy.Eq(A, 1), A > 1), []),
    (F.CeilDiv(A, 2) >= F.FloorDiv(A, 2), []),
    (sympy.Ge(F.Max(A, B), B), []),
    (A < 20, [sympy.Lt(A, F.Min(B, 20))]),
    (sympy.Ne(F.PythonMod(A, 2), 5), []),
])
def test_never_fails(demand, given):
    assert ask(demand, *given).verdict == "never"


@pytest.mark.parametrize("demand, given", [
    (sympy.Eq(F.Mod(A, 4), 0), []),
    (sympy.Eq(F.FloorDiv(A, 2) * 2, A), []),
    (sympy.Ne(A, 1000), []),
    (sympy.Or(sympy.Eq(A, B), sympy.Eq(B, 1)), [A > 5]),
    (sympy.Not(sympy.Eq(A, B + 2)), []),
    (sympy.Eq(F.TruncToInt(F.ToFloat(A) * 0.5) * 2, A), []),
    (F.FloorToInt(F.IntTrueDiv(A, sympy.Integer(3))) < 30, []),
    (sympy.Ne(A * B, 35), []),
])
def test_example_breaks_the_demand_and_keeps_what_is_given(demand, given):
    answer = ask(demand, *given)
    assert answer.verdict == "example"
    values = {A: answer.example["a"], B: answer.example["b"]}
    assert demand.subs(values) == sympy.false or not bool(demand.xreplace({k: sympy.Integer(v) for k, v in values.items()}))
    assert all(bool(expr.xreplace({k: sympy.Integer(v) for k, v in values.items()})) for expr in given) and values[B] <= 64


def test_what_is_no_condition_on_integers_is_undecided():
    answer = ask(sympy.Lt(sympy.sqrt(A), 3))
    assert answer.verdict == "undecided" and answer.reason == "the condition is not one on integers"


def test_product_without_example_is_undecided_with_the_compilers_reason():
    answer = ask(sympy.Ne(A * A, 2 * B * B + 100003))
    assert answer.verdict == "undecided" and answer.reason


def test_fractions_that_are_not_exact_are_not_expressed():
    with pytest.raises(terms.Inexpressible):
        terms.Builder(terms.PythonBackend()).size(F.TruncToInt(F.ToFloat(A) * 0.1234567))


@pytest.mark.parametrize("before, after", [
    (sympy.Eq(A * B, A), sympy.Eq(B - 1, 0)),
    (sympy.Lt(A * B, 4 * A), sympy.Lt(B - 4, 0)),
    (sympy.Gt(4 * A - A * B, 0), sympy.Gt(4 - B, 0)),
    (sympy.Eq(F.Mod(32 * F.FloorDiv(B, 10) - 32, 8 * F.FloorDiv(B, 10) - 8), 0), sympy.true),
    (sympy.Or(sympy.Eq(A * B, A), A > 5), sympy.Or(sympy.Eq(B - 1, 0), A > 5)),
])
def test_common_factors_are_taken_out(before, after):
    assert simplify.simplify(before) == after


@pytest.mark.parametrize("expr", [sympy.Eq(FREE * B, FREE), sympy.Eq(F.Mod(A, A * B), 0), sympy.Eq(F.Mod(A * 3, B), 0), sympy.Lt(A, B), sympy.Eq(A * B, 35)])
def test_what_may_be_zero_or_negative_stays(expr):
    assert simplify.simplify(expr) == expr


def test_text_of_mlir_is_quoted():
    assert program.quoted('a "b" \\ \n é') == '"a \\22b\\22 \\5C \\0A \\C3\\A9"'


def test_conditions_that_share_no_size_are_left_out():
    c = sympy.Symbol("c", positive=True, integer=True)
    assert solve.relevant([A > B, c > 2, B > 3], A > 9) == [A > B, B > 3]


def test_reasons_name_no_place_in_the_question():
    demand = {"reason": "it divides by a size at -:10", "example": {}}
    answer = solve._answer(None, [{"verdict": "valid"}, {"verdict": "undecidable", "demand": demand}])
    assert (answer.verdict, answer.reason) == ("undecided", "it divides by a size")
