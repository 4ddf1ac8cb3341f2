#===- size_env.py - Symbolic sizes that tell what is asked of them -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""A ShapeEnv of PyTorch whose symbols all have values, and which writes down each question that the program asks about them.

PyTorch answers by the values, so a run takes one path. A value that depends on data (`.item()`, nonzero) becomes one more symbol, an unknown, whose
value can be chosen like that of a size; a float that depends on data is compared by a choice of 0 or 1.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import sympy
import torch
from torch.fx.experimental.sym_node import SymNode
from torch.fx.experimental.symbolic_shapes import ShapeEnv
from torch.utils._sympy.numbers import int_oo
from torch.utils._sympy.symbol import SymT, make_symbol
from torch.utils._sympy.value_ranges import ValueRanges

from .places import Place, here


@dataclass
class Guard:
    """A condition that held in a run: a branch that was taken or a demand that was met."""

    expr: sympy.Basic
    place: Place
    step: int
    specialises: bool = False
    #: It follows from what was asked before, so there is no other answer; but the user's program asks, so it tells paths apart.
    implied: bool = False

    @property
    def demand(self) -> bool:
        """PyTorch says that it must hold."""
        return self.place.demand

    @property
    def branch(self) -> bool:
        """The user's program asks: an `if`, or the number of turns of a loop."""
        return self.place.direct and not self.place.demand


@dataclass
class Variable:
    """A symbol of a run."""

    name: str
    symbol: sympy.Symbol
    low: int | None
    high: int | None
    unknown: bool = False
    place: Place | None = None


@dataclass
class Recorder:
    """What one run leaves behind."""

    values: dict[str, int]
    names: dict[int, str] = field(default_factory=dict)
    variables: list[Variable] = field(default_factory=list)
    guards: list[Guard] = field(default_factory=list)
    notes: list[tuple[sympy.Basic, str, Place]] = field(default_factory=list)
    step: int = 0


class SizeEnv(ShapeEnv):
    """See above."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__(specialize_zero_one=False, duck_shape=False)
        self.recorder = recorder

    def new_symbol(self, name: str, low: int | None, high: int | None, default: int, unknown: bool = False) -> sympy.Symbol:
        """A symbol with the value that this run is to take for it."""
        record = self.recorder
        symbol = make_symbol(SymT.SIZE, len(record.variables), integer=True, **({"positive": True} if low is not None and low > 0 else
                                                                               {"nonnegative": True} if low == 0 else {}))
        value = record.values.setdefault(name, default)
        self.backed_var_to_val[symbol] = sympy.Integer(value)
        self.var_to_sources[symbol] = []
        self.var_to_range[symbol] = ValueRanges(-int_oo if low is None else low, int_oo if high is None else high)
        sloc = self._get_sloc()
        from torch.fx.experimental.symbolic_shapes import ValueRangesSLoc

        self.var_to_range_sloc[symbol] = ValueRangesSLoc(sloc, sloc)
        record.variables.append(Variable(name, symbol, low, high, unknown, here(record.names) if unknown else None))
        return symbol

    def size(self, symbol: sympy.Expr) -> torch.SymInt:
        return torch.SymInt(SymNode(symbol, self, int, int(symbol.xreplace(self.backed_var_to_val))))

    def _unknown(self, low: int | None, high: int | None, default: int) -> sympy.Symbol:
        count = sum(variable.unknown for variable in self.recorder.variables)
        return self.new_symbol(f"unknown{count}", low, high, default, unknown=True)

    def create_unbacked_symint(self, source: Any = None) -> torch.SymInt:
        return self.size(self._unknown(None, None, 2))

    def create_unbacked_symbool(self) -> torch.SymBool:
        symbol = self._unknown(0, 1, 1)
        return torch.SymBool(SymNode(sympy.Eq(symbol, 1), self, bool, self.recorder.values[self.recorder.variables[-1].name] == 1))

    def _constrain_range_for_size(self, a: sympy.Symbol, min: int | None = None, max: int | None = None) -> None:
        # Bounds that PyTorch knows of a number of elements; none of them is a question of the program.
        for variable in self.recorder.variables:
            if variable.unknown and variable.symbol == a:
                variable.low = 1 if min is None or min == 0 else min
                variable.high = None if max in (None, int_oo) else max
                self.var_to_range[a] = ValueRanges(variable.low, int_oo if variable.high is None else variable.high)

    def _constrain_range(self, a: sympy.Expr, min: int, max: int) -> None:
        return

    def _choose(self, expr: sympy.Basic, hint: Any) -> Any:
        """Decides a question about a float that depends on data."""
        if not getattr(expr, "is_Boolean", False) and not isinstance(expr, (sympy.logic.boolalg.Boolean, sympy.core.relational.Relational)):
            return sympy.Float(0.5)
        symbol = self._unknown(0, 1, 1)
        variable = self.recorder.variables[-1]
        taken = self.recorder.values[variable.name] == 1
        place = replace(here(self.recorder.names), direct=True)
        self.recorder.guards.append(Guard(sympy.Eq(symbol, int(taken)), place, self.recorder.step))
        return sympy.true if taken else sympy.false

    def evaluate_expr(self, orig_expr: sympy.Basic, hint: Any = None, fx_node: Any = None, size_oblivious: bool = False,
                      fallback_value: bool | None = None, *, forcing_spec: bool = False) -> sympy.Basic:
        if any(symbol not in self.backed_var_to_val for symbol in orig_expr.free_symbols):
            return self._choose(orig_expr, hint)
        count = len(self.guards)
        value = super().evaluate_expr(orig_expr, hint, fx_node, size_oblivious, fallback_value, forcing_spec=forcing_spec)
        for guard in self.guards[count:]:
            specialises = value not in (sympy.true, sympy.false)
            place = here(self.recorder.names)
            if any(v.symbol in guard.expr.free_symbols and v.unknown and (v.low, v.high) == (0, 1) for v in self.recorder.variables):
                # `if (x > 0).any()` asks through C++.
                place = replace(place, direct=True)
            self.recorder.guards.append(Guard(guard.expr, place, self.recorder.step, specialises))
        if len(self.guards) == count and value in (sympy.true, sympy.false) and orig_expr.free_symbols:
            guard = Guard(orig_expr if value == sympy.true else sympy.Not(orig_expr), here(self.recorder.names), self.recorder.step, implied=True)
            if guard.branch:
                self.recorder.guards.append(guard)
        return value
