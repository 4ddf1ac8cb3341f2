#===- explore.py - Follows every path of a program -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Runs a program again and again, each time with sizes that answer one question the other way.

Each run writes down the conditions it relied on. For each condition the compiler says whether sizes exist that meet all conditions before it and not
it: then they are tried. A run that raises has found a demand that can fail, one that goes on is another path. A condition that can never fail, given
those before it, needs no run. When none is left, every path has been seen.
"""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import sympy

from .shapes import Arguments
from .simplify import simplify
from .size_env import Guard, Variable
from .solve import Answer, Question, decide, nonlinear, relevant
from .trace import Failure, Trace, run

_PRIMES = (3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47)
# How often one line may be asked for the exact value of a size, such as by range(size), before its other values are left out.
_SPECIALISATIONS = 4


@dataclass
class Fault:
    """A demand that failed: in which run, and what PyTorch raised when it was run with those very integers."""

    trace: Trace
    failure: Failure
    demand: sympy.Basic | None
    conditions: list[Guard]


@dataclass
class Open:
    """A condition that nothing is known about."""

    trace: Trace
    guard: Guard
    reason: str
    prefix: list[Guard]


@dataclass
class Exploration:
    """All runs, and what came of them."""

    traces: list[Trace] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    open: list[Open] = field(default_factory=list)
    unreachable: list[tuple[list[Guard], Guard]] = field(default_factory=list)
    never: set[tuple[str, ...]] = field(default_factory=set)
    runs: int = 0
    questions: int = 0
    # After what it was stopped, where not all paths were followed.
    stopped: str = ""
    seconds: float = 0.0


def first_values(arguments: Arguments) -> dict[str, int]:
    """Different primes, so that no two sizes are equal by chance."""
    values: dict[str, int] = {}
    for dimension, prime in zip(arguments.dimensions.values(), itertools.cycle(_PRIMES)):
        value = prime if prime >= dimension.min else dimension.min + len(values)
        values[dimension.name] = value if dimension.max is None else min(value, dimension.max)
    return values


def negated(expr: sympy.Basic) -> sympy.Basic:
    return sympy.Not(expr)


class Explorer:
    """See above."""

    def __init__(self, program: Callable[..., Any], arguments: Arguments, max_runs: int, max_seconds: float) -> None:
        self.program = program
        self.arguments = arguments
        self.max_runs = max_runs
        self.max_seconds = max_seconds
        self.found = Exploration()
        # Priority, order, sizes, how many conditions were asked about, the demand these sizes should fail, the conditions before it.
        self.queue: list[tuple[int, int, dict[str, int], int, Guard | None, list[Guard]]] = []
        self.count = itertools.count()
        self.asked: set[tuple[Any, ...]] = set()
        self.answers: dict[tuple[Any, ...], Answer] = {}
        self.taken: set[tuple[str, ...]] = set()
        self.specialised: dict[tuple[Any, ...], list[sympy.Basic]] = {}

    def explore(self) -> Exploration:
        begin = time.perf_counter()
        self._push(0, first_values(self.arguments), 0, None, [])
        while self.queue:
            spent = time.perf_counter() - begin
            if self.found.runs >= self.max_runs or spent > self.max_seconds:
                self.found.stopped = f"{self.found.runs} runs" if spent <= self.max_seconds else f"{spent:.0f} seconds"
                break
            _, _, values, bound, demand, prefix = heapq.heappop(self.queue)
            if demand is not None and self._fails_at_once(values, demand, prefix):
                continue
            trace = self._run(values)
            self._visit(trace, bound, prefix)
        self.found.seconds = time.perf_counter() - begin
        return self.found

    def _push(self, priority: int, values: dict[str, int], bound: int, demand: Guard | None, prefix: list[Guard]) -> None:
        heapq.heappush(self.queue, (priority, next(self.count), values, bound, demand, prefix))

    def _run(self, values: dict[str, int], symbolic: bool = True) -> Trace:
        self.found.runs += symbolic
        return run(self.program, self.arguments, values, symbolic)

    def _fails_at_once(self, values: dict[str, int], demand: Guard, prefix: list[Guard]) -> bool:
        """Tries sizes that a demand must refuse, with plain integers: that is quick, and it is PyTorch's own answer."""
        plain = self._run(values, symbolic=False)
        failure = plain.failure
        if failure is None or failure.limit or (failure.place.stack, failure.place.modules) != (demand.place.stack, demand.place.modules):
            return False
        self._fault(plain, plain.failure, demand.expr, prefix)
        return True

    def _fault(self, trace: Trace, failure: Failure, demand: sympy.Basic | None, conditions: list[Guard]) -> None:
        self.found.faults.append(Fault(trace, failure, demand, conditions))

    def _visit(self, trace: Trace, bound: int, prefix: list[Guard]) -> None:
        key = tuple(str(guard.expr) for guard in trace.record.guards)
        if (key, bool(trace.failure)) in self.taken:
            return
        self.taken.add((key, bool(trace.failure)))
        self.found.traces.append(trace)
        if trace.failure:
            self._failed(trace, {str(guard.expr) for guard in prefix})
        self._ask(trace, bound)

    def _failed(self, trace: Trace, passed: set[str]) -> None:
        failure = trace.failure
        assert failure is not None
        guards = trace.record.guards
        if failure.limit:
            self.found.open.append(Open(trace, Guard(sympy.true, failure.place, failure.step), f"{failure.kind}: {failure.message}", list(guards)))
            return
        plain = self._run(trace.values, symbolic=False)
        if plain.failure is None or plain.failure.limit:
            reason = f"PyTorch raises it on symbolic sizes only: {failure}"
            self.found.open.append(Open(trace, Guard(sympy.true, failure.place, failure.step), reason, list(guards)))
            return
        # What this operator asked, but for what it was also told in the run that passed it.
        last = [guard for guard in guards if guard.step == failure.step and str(guard.expr) not in passed and not guard.branch]
        demand = sympy.Or(*(negated(guard.expr) for guard in last)) if last else None
        rest = [guard for guard in guards if all(guard is not other for other in last)]
        self._fault(plain, replace(plain.failure, step=failure.step), demand, rest)

    def _ask(self, trace: Trace, bound: int) -> None:
        guards = trace.record.guards
        variables = trace.record.variables
        places: list[int] = []
        questions: list[Question] = []
        for place in range(bound, len(guards)):
            guard = guards[place]
            if guard.implied:
                continue
            before = frozenset(str(g.expr) for g in guards[:place])
            if (before, str(guard.expr)) in self.asked:
                continue
            self.asked.add((before, str(guard.expr)))
            given = relevant([g.expr for g in guards[:place]], guard.expr)
            if guard.specialises:
                # One more value, not one of those that were followed already.
                values = self.specialised.setdefault((before, str(guard.place.innermost)), [])
                values.append(guard.expr)
                given += [negated(expr) for expr in values[:-1]]
                if len(values) > _SPECIALISATIONS and not self._last_value(trace, given, guard):
                    reason = f"only {_SPECIALISATIONS} values of this size were followed, which the program needs as a number"
                    self.found.open.append(Open(trace, guard, reason, list(guards[:place])))
                    continue
            places.append(place)
            demand = simplify(guard.expr) if nonlinear(guard.expr) else guard.expr
            if demand == sympy.true:
                places.pop()
                continue
            questions.append(Question(variables, [simplify(e) if nonlinear(e) else e for e in given], demand, trace.values))
        for place, answer in zip(places, self._decide(questions)):
            self._answered(trace, guards[place], place, answer)

    def _decide(self, questions: list[Question]) -> list[Answer]:
        """Asks what was not asked before; sizes that play no part in a question keep their values."""
        keys = [(frozenset(map(str, question.given)), str(question.demand)) for question in questions]
        fresh = {key: question for key, question in zip(keys, questions) if key not in self.answers}
        self.found.questions += len(fresh)
        self.answers.update(zip(fresh, decide(list(fresh.values())) if fresh else []))
        answers = []
        for key, question in zip(keys, questions):
            answer = self.answers[key]
            if answer.example is not None:
                free = {symbol for expr in (*question.given, question.demand) for symbol in expr.free_symbols}
                names = {variable.name for variable in question.variables if variable.symbol in free}
                answer = Answer("example", {**question.values, **{name: answer.example[name] for name in names}})
            answers.append(answer)
        return answers

    def _last_value(self, trace: Trace, given: list[sympy.Basic], guard: Guard) -> bool:
        """Whether no other value is left."""
        [answer] = self._decide([Question(trace.record.variables, given, guard.expr, trace.values)])
        return answer.verdict == "never"

    def _answered(self, trace: Trace, guard: Guard, place: int, answer: Answer) -> None:
        prefix = trace.record.guards[:place]
        if answer.verdict == "example":
            assert answer.example is not None
            values = {name: value for name, value in answer.example.items()}
            priority = 0 if guard.demand else 1 if guard.branch else 2 if not nonlinear(guard.expr) else 3
            met = trace.failure is None or guard.step != trace.failure.step
            self._push(priority, values, place if guard.specialises else place + 1, guard if guard.demand and met else None, list(prefix))
        elif answer.verdict == "undecided":
            self.found.open.append(Open(trace, guard, answer.reason, list(prefix)))
        elif guard.branch and not guard.specialises:
            self.found.unreachable.append((list(prefix), guard))


def unknowns(expr: sympy.Basic | None, variables: list[Variable]) -> list[Variable]:
    """The variables of `expr` that depend on data."""
    return [variable for variable in variables if variable.unknown and expr is not None and variable.symbol in expr.free_symbols]
