#===- record.py - What ran where, and why -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""What the backend did with each graph: data for reports, kept as long as the graph."""

from __future__ import annotations

import weakref
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Mapping


@dataclass(frozen=True)
class Eager:
    """Operators that run as PyTorch wrote them, for one reason at one place."""

    operators: tuple[tuple[str, int], ...]
    reason: str
    location: str
    flops: int


@dataclass(frozen=True)
class Compiled:
    """One part that runs as a program."""

    target: str
    operators: tuple[tuple[str, int], ...]
    flops: int
    seconds: float
    #: What the importer said of it, and the compiler.
    notes: tuple[str, ...]
    remarks: tuple[str, ...]


@dataclass(eq=False)
class Graph:
    """One graph that Dynamo found, between two places where it had to go back to Python."""

    function: str
    location: str
    #: Why the graph ends where it does; empty when it ends with the function.
    ended_by: str = ""
    ended_at: str = ""
    compiled: list[Compiled] = field(default_factory=list)
    eager: list[Eager] = field(default_factory=list)
    #: Why all of the graph runs eagerly, if it does.
    refused: str = ""
    sizes: Mapping[str, str] = field(default_factory=dict)
    programs_compiled: int = 0
    programs_reused: int = 0
    updates: int = 0
    #: Calls through Dynamo, and calls that went straight to the program; what is known of the latter.
    calls: int = 0
    shortcuts: int = 0
    shortcut: str = ""
    origin: Any = field(default=None, repr=False)
    #: What calls the programs, in the order of `compiled`.
    programs: list[Any] = field(default_factory=list, repr=False)

    @property
    def flops(self) -> int:
        return sum(p.flops for p in self.compiled) + sum(e.flops for e in self.eager)

    @property
    def compiled_flops(self) -> int:
        return sum(p.flops for p in self.compiled)


#: All graphs by the compiled module or function that they belong to (its Dynamo context), in the order of compilation.
_graphs: "weakref.WeakKeyDictionary[Any, list[Graph]]" = weakref.WeakKeyDictionary()
_homeless: list[Graph] = []


def add(graph: Graph, owner: Any) -> None:
    if owner is None:
        _homeless.append(graph)
    else:
        _graphs.setdefault(owner, []).append(graph)


def graphs(owner: Any = None) -> list[Graph]:
    """Graphs of a compiled module or function, or all of them."""
    if owner is not None:
        return list(_graphs.get(owner, ()))
    return [graph for found in (*_graphs.values(), _homeless) for graph in found]


def reset() -> None:
    """Forgets all graphs."""
    _graphs.clear()
    _homeless.clear()


def count(names: Any) -> tuple[tuple[str, int], ...]:
    return tuple(Counter(names).most_common())
