#===- solve.py - Asks the compiler about sizes -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Can a condition fail, given others? The compiler decides with integer sets; where it cannot, a search over small sizes may still find an example."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sympy

from .library import check_sizes
from .program import Clause, Function, module
from .size_env import Variable
from .terms import Builder, Inexpressible, PythonBackend

_SMALL = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 15, 16, 17, 19, 20, 24, 28, 30, 31, 32, 33, 48, 50, 63, 64, 65, 96, 100, 127, 128, 129, 224, 256, 512, 513)
_TRIES = 4000


@dataclass
class Question:
    """Can `demand` be false where all `given` hold? `values` satisfy `given`."""

    variables: Sequence[Variable]
    given: Sequence[sympy.Basic]
    demand: sympy.Basic
    values: dict[str, int]


@dataclass
class Answer:
    """Never, by an example, or undecided for a reason."""

    verdict: str  # "never", "example", "undecided"
    example: dict[str, int] | None = None
    reason: str = ""


def nonlinear(expr: sympy.Basic) -> bool:
    """Multiplies sizes, or divides by one."""
    from torch.utils._sympy import functions as F

    for node in sympy.preorder_traversal(expr):
        if isinstance(node, sympy.Mul) and sum(bool(arg.free_symbols) for arg in node.args) > 1:
            return True
        if isinstance(node, (F.FloorDiv, F.Mod, F.PythonMod, F.CeilDiv, F.ModularIndexing)) and any(arg.free_symbols for arg in node.args[1:]):
            return True
        if isinstance(node, (sympy.Pow, F.PowByNatural)) and node.free_symbols:
            return True
    return False


def relevant(given: Sequence[sympy.Basic], demand: sympy.Basic) -> list[sympy.Basic]:
    """Those of `given` that share sizes with the demand, directly or through others."""
    symbols = set(demand.free_symbols)
    chosen: set[int] = set()
    grown = True
    while grown:
        grown = False
        for place, expr in enumerate(given):
            if place not in chosen and expr.free_symbols & symbols:
                chosen.add(place)
                grown |= not expr.free_symbols <= symbols
                symbols |= expr.free_symbols
    return [given[place] for place in sorted(chosen)]


def _compiled(question: Question) -> Callable[..., bool] | None:
    builder = Builder(PythonBackend())
    given = []
    for expr in question.given:
        try:
            given.append(builder.condition(expr))
        except Inexpressible:
            continue
    try:
        demand = builder.condition(question.demand)
    except Inexpressible:
        return None
    names = ", ".join(str(variable.symbol) for variable in question.variables)
    # The source is made of operators, numbers and the names of symbols only.
    return eval(f"lambda {names}: {' and '.join(given) or 'True'} and not {demand}", {"max": max, "min": min})


def _candidates(question: Question) -> Iterator[dict[str, int]]:
    free = {symbol for expr in (*question.given, question.demand) for symbol in expr.free_symbols}
    varied = [variable for variable in question.variables if variable.symbol in free]
    choices = []
    for variable in varied:
        low = variable.low if variable.low is not None else 0
        pool = [*(value for value in _SMALL if value >= low), *(low + extra for extra in range(4)), *range(max(low, 1) * 2, max(low, 1) * 2 + 2)]
        choices.append([value for value in dict.fromkeys(pool) if variable.high is None or value <= variable.high])
    for variable, pool in zip(varied, choices):
        for value in pool:
            yield {**question.values, variable.name: value}
    for value in range(1, 520):
        # Pictures are square more often than not.
        equal = {**question.values, **{variable.name: value for variable in varied}}
        if all((v.low is None or value >= v.low) and (v.high is None or value <= v.high) for v in varied):
            yield equal
    for values in itertools.islice(itertools.product(*(pool[:16] for pool in choices)), _TRIES):
        yield {**question.values, **{variable.name: value for variable, value in zip(varied, values)}}


def search(question: Question) -> dict[str, int] | None:
    """An example among small sizes."""
    breaks = _compiled(question)
    if breaks is None:
        return None
    for values in _candidates(question):
        try:
            if breaks(*(values[variable.name] for variable in question.variables)):
                return values
        except ZeroDivisionError:
            continue
    return None


def decide(questions: Sequence[Question]) -> list[Answer]:
    """Answers all questions with one call of the compiler."""
    functions: list[Function] = []
    asked: dict[int, str] = {}
    answers = [Answer("undecided", reason="the condition is not one on integers") for _ in questions]
    for place, question in enumerate(questions):
        free = {symbol for expr in (*question.given, question.demand) for symbol in expr.free_symbols}
        function = Function(f"q{place}", [variable for variable in question.variables if variable.symbol in free])
        try:
            for expr in question.given:
                # Leaving a condition out only allows more sizes: "never" stays right, and an example is tried anyway.
                if not nonlinear(expr):
                    try:
                        function.add(Clause(expr))
                    except Inexpressible:
                        continue
            function.add(Clause(question.demand, kind="demand"))
        except Inexpressible:
            continue
        functions.append(function)
        asked[place] = f"q{place}"
    if functions:
        verdicts = check_sizes(module(functions))
        for place, name in asked.items():
            answers[place] = _answer(questions[place], verdicts[name])
    for answer, question in zip(answers, questions):
        if answer.verdict == "undecided":
            found = search(question)
            if found:
                answer.verdict, answer.example = "example", found
    return answers


def _answer(question: Question, paths: Sequence[dict[str, Any]]) -> Answer:
    for path in paths:
        if path["verdict"] == "invalid":
            return Answer("example", {**question.values, **path["demand"]["example"]})
    for path in paths:
        if path["verdict"] == "undecidable":
            # A place in the text of the question tells nobody anything.
            reason = path["demand"].get("reason", "the compiler cannot decide it")
            return Answer("undecided", reason=re.sub(r" at -:\d+", "", reason))
    return Answer("never")
