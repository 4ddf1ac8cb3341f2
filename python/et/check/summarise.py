#===- summarise.py - From runs to paths -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Turns what an exploration found into the report: runs that took the same branches of the user's program are one path."""

from __future__ import annotations

import re
from collections.abc import Sequence

import sympy

from .explore import Exploration, Fault, Open, unknowns
from .program import Clause, Function, module
from .report import Note, Path, Report
from .size_env import Guard, Variable
from .solve import Question, decide, nonlinear
from .terms import Inexpressible
from .trace import Failure, Trace

_SIGNS = {sympy.Eq: "==", sympy.Ne: "!=", sympy.Lt: "<", sympy.Le: "<=", sympy.Gt: ">", sympy.Ge: ">="}
Key = tuple[tuple[str, str], ...]


def _named(expr: sympy.Basic, variables: Sequence[Variable]) -> str:
    """A condition in the names of the user."""
    names = {variable.symbol: sympy.Symbol(variable.name, integer=True) for variable in variables}
    return _text(expr.xreplace(names))


def _text(expr: sympy.Basic) -> str:
    if isinstance(expr, (sympy.And, sympy.Or)):
        return (" and " if isinstance(expr, sympy.And) else " or ").join(sorted(_text(arg) for arg in expr.args))
    if isinstance(expr, sympy.Not):
        return f"not ({_text(expr.args[0])})"
    for kind, sign in _SIGNS.items():
        if isinstance(expr, kind):
            return f"{expr.lhs} {sign} {expr.rhs}"
    return str(expr)


def _key(guards: Sequence[Guard]) -> Key:
    return tuple((str(guard.place.innermost), str(guard.expr)) for guard in guards if guard.branch)


def _conditions(guards: Sequence[Guard], variables: Sequence[Variable]) -> tuple[str, ...]:
    found = []
    for guard in guards:
        if guard.branch:
            data = unknowns(guard.expr, list(variables))
            if data and (data[0].low, data[0].high) == (0, 1):
                taken = "taken" if guard.expr == sympy.Eq(data[0].symbol, 1) else "not taken"
                found.append(f"the branch on a value at {guard.place} is {taken}")
            else:
                found.append(f"{_named(guard.expr, variables)} ({guard.place})")
    return tuple(found)


def _example(trace: Trace) -> dict[str, int]:
    return {variable.name: trace.values[variable.name] for variable in trace.record.variables if not variable.unknown}


def _always(fault: Fault, passed: Sequence[Key], found: Exploration) -> bool:
    where = (fault.failure.place.frame, fault.failure.place.modules, fault.failure.step)
    if found.stopped or any((item.guard.place.frame, item.guard.place.modules, item.guard.step) == where for item in found.open):
        return False
    key = _key(fault.conditions)
    return not any(other[:len(key)] == key for other in passed)


def _same(failure: Failure) -> tuple[str, ...]:
    return (failure.kind, str(failure.place), *failure.place.modules, re.sub(r"\d+", "#", failure.message))


def _fault(fault: Fault, passed: Sequence[Key], found: Exploration) -> Path:
    failure, variables = fault.failure, fault.trace.record.variables
    for variables_of in (trace.record.variables for trace in found.traces):
        if len(variables_of) > len(variables):
            variables = variables_of
    data = unknowns(fault.demand, variables)
    path = Path("invalid", _conditions(fault.conditions, variables), example=_example(fault.trace), error=str(failure), frame=failure.place.frame,
                stack=failure.place.stack, modules=failure.place.modules)
    if fault.demand is not None:
        path.demand = _named(fault.demand, variables)
    if data:
        path.verdict = "undecidable"
        path.reason = f"it depends on a value that only a run gives, from {data[0].place}"
        return path
    path.every_size = _always(fault, passed, found)
    return path


def _open(item: Open) -> Path:
    variables = item.trace.record.variables
    place = item.guard.place
    demand = "" if item.guard.expr == sympy.true else _named(item.guard.expr, variables)
    return Path("undecidable", _conditions(item.prefix, variables), demand=demand, reason=item.reason, frame=place.frame, stack=place.stack,
                modules=place.modules)


def _notes(traces: Sequence[Trace]) -> list[Note]:
    notes: dict[str, Note] = {}
    for trace in traces:
        asked = [(expr, text, place) for expr, text, place in trace.record.notes if text not in notes]
        symbolic = [Question(trace.record.variables, [], expr, trace.values) for expr, _, _ in asked if expr is not None]
        answers = iter(decide(symbolic) if symbolic else [])
        for expr, text, place in asked:
            if expr is None or next(answers).verdict != "never":
                notes[text] = Note(text, str(place))
    return list(notes.values())


def _program(traces: Sequence[Trace], faults: Sequence[Fault]) -> str:
    failing = {str(fault.demand) for fault in faults if fault.demand is not None}
    functions = []
    for number, trace in enumerate(traces):
        function = Function(f"path{number}", trace.record.variables, mark_unknown=True)
        for guard in (g for g in trace.record.guards if not g.implied):
            kind = "demand" if guard.demand or str(guard.expr) in failing else "branch"
            try:
                function.add(Clause(guard.expr, _named(guard.expr, trace.record.variables), guard.place, kind))
            except Inexpressible:
                continue
        for expr, text, place in trace.record.notes:
            if expr is not None:
                function.add(Clause(expr, text, place, "note"))
        functions.append(function)
    return module(functions)


def summarise(found: Exploration) -> Report:
    """The report of `found`."""
    passed = [trace for trace in found.traces if trace.failure is None]
    keys = [_key(trace.record.guards) for trace in passed]
    report = Report(runs=found.runs, seconds=found.seconds, program=_program(passed, found.faults))
    seen: dict[tuple[str, ...], Path] = {}
    broken: list[Key] = []
    for fault in found.faults:
        broken.append(_key(fault.conditions))
        path = _fault(fault, keys, found)
        known = seen.setdefault(_same(fault.failure), path)
        if known is path:
            report.paths.append(path)
        else:
            # The same demand, met again: what is said of it is what holds wherever it is met.
            known.every_size &= path.every_size
            if len(path.conditions) < len(known.conditions):
                known.conditions = path.conditions
            if known.verdict == "undecidable" and path.verdict == "invalid":
                report.paths[report.paths.index(known)] = seen[_same(fault.failure)] = path
    left_out = 0
    stated: set[tuple[str, str]] = set()
    for item in found.open:
        path = _open(item)
        if any(path.demand and path.demand == other.demand for other in report.paths):
            continue
        if not item.guard.demand and not item.guard.branch and item.guard.expr != sympy.true and nonlinear(item.guard.expr):
            left_out += 1
            continue
        if (path.demand, str(path.frame)) not in stated:
            stated.add((path.demand, str(path.frame)))
            report.paths.append(path)
    if left_out:
        report.remarks.append(f"{left_out} questions of PyTorch about memory layout multiply sizes and were tried on small sizes only")
    for key, trace in dict(zip(reversed(keys), reversed(passed))).items():
        # Where PyTorch replaced a size by a number, the program's own questions about it are not seen: a path with the same
        # answers and more of them says it all.
        longer = any(len(other) > len(key) and other[:len(key)] == key for other in (*keys, *broken))
        if not longer and not any(other == key[:len(other)] for other in broken):
            report.paths.append(Path("valid", _conditions(trace.record.guards, trace.record.variables)))
    for prefix, guard in found.unreachable:
        trace = next((t for t in found.traces if any(g is guard for g in t.record.guards)), None)
        if trace is not None and not unknowns(guard.expr, trace.record.variables):
            opposite = Guard(sympy.Not(guard.expr), guard.place, guard.step)
            report.paths.append(Path("unreachable", _conditions([*prefix, opposite], trace.record.variables), frame=guard.place.frame,
                                     stack=guard.place.stack, modules=guard.place.modules))
    if found.stopped:
        report.paths.append(Path("undecidable", reason=f"stopped after {found.stopped}; raise max_runs or max_seconds to follow the other paths"))
    for line in dict.fromkeys(str(g.place) for t in found.traces for g in t.record.guards if g.specialises):
        report.remarks.append(f"{line} asks for the exact value of a size; only a few values were followed")
    report.notes = _notes(passed)
    return report
