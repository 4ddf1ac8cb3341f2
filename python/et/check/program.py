#===- program.py - Size programs: what the compiler decides -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Writes conditions on sizes as MLIR: one function per path or question, sizes as `index` arguments, demands as `cf.assert`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sympy

from .places import Place
from .size_env import Variable
from .terms import Builder, Inexpressible

_ARITH = {"add": "addi", "sub": "subi", "mul": "muli", "floordiv": "floordivsi", "ceildiv": "ceildivsi", "rem": "remsi", "max": "maxsi", "min": "minsi"}


def quoted(text: str) -> str:
    """A string of MLIR."""
    escapes = {'"': '\\22', "\\": "\\5C", "\n": "\\0A"}
    return '"' + "".join(escapes.get(c, c if " " <= c <= "~" else "".join(f"\\{b:02X}" for b in c.encode())) for c in text) + '"'


def location(place: Place | None) -> str:
    """The stack of a place: the line at fault, called at the lines before it."""
    frames = place.stack if place else ()
    if not frames:
        return "loc(unknown)"
    locations = [f"{quoted(frame.file)}:{frame.line}:1" for frame in reversed(frames)]
    text = locations[-1]
    for entry in reversed(locations[:-1]):
        text = f"callsite({entry} at {text})"
    return f"loc({text})"


@dataclass
class Clause:
    """A condition of a size program: a branch that was taken, a demand, or a kernel's wish."""

    expr: sympy.Basic
    message: str = ""
    place: Place | None = None
    kind: str = "branch"  # or "demand", "note"


class Function:
    """The text of one path. Regions are only opened, never left, so each value is written once."""

    def __init__(self, name: str, variables: Sequence[Variable], mark_unknown: bool = False) -> None:
        self.lines: list[str] = []
        self.depth = 1
        self.values: dict[Any, str] = {}
        self.arguments = {variable.symbol: f"%{variable.name}" for variable in variables}
        arguments = []
        for variable in variables:
            attributes = [f"et.dim = {quoted(variable.name)}"]
            if mark_unknown and variable.unknown:
                attributes.append("et.unknown")
            low = variable.low if variable.low is not None else -(1 << 31)
            attributes.append(f"et.min = {low} : i64")
            if variable.high is not None:
                attributes.append(f"et.max = {variable.high} : i64")
            arguments.append(f"%{variable.name}: index {{{', '.join(attributes)}}}")
        self.head = f"func.func @{name}({', '.join(arguments)}) {{"

    def _emit(self, text: str) -> None:
        self.lines.append("  " * self.depth + text)

    def _value(self, text: str) -> str:
        if text not in self.values:
            self.values[text] = f"%{len(self.values)}"
            self._emit(f"{self.values[text]} = {text}")
        return self.values[text]

    def constant(self, value: int) -> str:
        return self._value(f"arith.constant {value} : index")

    def boolean(self, value: bool) -> str:
        return self._value(f"arith.constant {'true' if value else 'false'}")

    def symbol(self, symbol: sympy.Symbol) -> str:
        if symbol not in self.arguments:
            raise Inexpressible(str(symbol))
        return self.arguments[symbol]

    def binary(self, op: str, a: str, b: str) -> str:
        return self._value(f"arith.{_ARITH[op]} {a}, {b} : index")

    def compare(self, op: str, a: str, b: str) -> str:
        return self._value(f"arith.cmpi {op}, {a}, {b} : index")

    def logic(self, op: str, a: str, b: str) -> str:
        return self._value(f"arith.{op}i {a}, {b} : i1")

    def add(self, clause: Clause) -> None:
        """Raises Inexpressible; what was written until then is harmless."""
        value = Builder(self).condition(clause.expr)
        if clause.kind == "branch":
            self._emit(f"scf.if {value} {{")
            self.depth += 1
            return
        note = " {et.note}" if clause.kind == "note" else ""
        self._emit(f"cf.assert {value}, {quoted(clause.message or str(clause.expr))}{note} {location(clause.place)}")

    def text(self) -> str:
        closing = ["  " * depth + "}" for depth in range(self.depth - 1, 0, -1)]
        return "\n".join([self.head, *self.lines, *closing, "  return", "}"])


def module(functions: Sequence[Function]) -> str:
    """The text of a size program."""
    return "module {\n" + "\n".join(function.text() for function in functions) + "\n}\n"
