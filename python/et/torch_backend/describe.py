#===- describe.py - Says what ran where -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""The report on a compiled module or function: as text, as data, and as a page."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import record
from .origin import context_of


@dataclass(frozen=True)
class Report:
    """What became of the graphs of one module or function."""

    name: str
    graphs: tuple[record.Graph, ...]
    #: Where `et.explain` wrote its page.
    path: Path | None = None

    @property
    def flops(self) -> int:
        """Operations of all graphs, at the sizes that they were compiled with: multiplications and additions of matrices."""
        return sum(g.flops for g in self.graphs)

    @property
    def share(self) -> float:
        """The share of these that runs compiled; without any, the share of the graphs."""
        if self.flops:
            return sum(g.compiled_flops for g in self.graphs) / self.flops
        return sum(bool(g.compiled) for g in self.graphs) / len(self.graphs) if self.graphs else 0.0

    @property
    def programs_compiled(self) -> int:
        return sum(g.programs_compiled for g in self.graphs)

    @property
    def graph_breaks(self) -> int:
        """How often PyTorch went back to Python within the function."""
        return sum(bool(g.ended_by) for g in self.graphs)

    def to_json(self) -> str:
        graphs = [{**dataclasses.asdict(dataclasses.replace(g, origin=None, programs=[])), "flops": g.flops, "compiled_flops": g.compiled_flops}
                  for g in self.graphs]
        return json.dumps({"name": self.name, "share": self.share, "flops": self.flops, "programs_compiled": self.programs_compiled,
                           "graph_breaks": self.graph_breaks, "graphs": graphs}, indent=2)

    def __str__(self) -> str:
        if not self.graphs:
            return f"{self.name}: nothing was compiled yet; call it first"
        lines = [f"{self.name}: {_percent(self.share)} of {_amount(self.flops)} run compiled, in "
                 f"{_plural(sum(len(g.compiled) for g in self.graphs), 'program')} of {_plural(len(self.graphs), 'graph')}"]
        if self.graph_breaks:
            lines[0] += f"; PyTorch went back to Python {_plural(self.graph_breaks, 'time')}"
        for i, graph in enumerate(self.graphs):
            lines += ["", *_describe(i, graph)]
        return "\n".join(lines)


def make(compiled: Any) -> Report:
    if compiled is None:
        return Report("all graphs", tuple(record.graphs()))
    context = context_of(compiled)
    if context is None:
        raise TypeError(f"expected what torch.compile(..., backend=\"et\") returned, but got {type(compiled).__name__}")
    module = getattr(compiled, "_orig_mod", compiled)
    name = getattr(module, "__qualname__", None) or type(module).__name__
    return Report(name, tuple(record.graphs(context)))


def _percent(share: float) -> str:
    text = f"{100 * share:.1f}"
    return f"{text.removesuffix('.0')} %"


def _amount(flops: int) -> str:
    for unit, scale in (("T", 10 ** 12), ("G", 10 ** 9), ("M", 10 ** 6), ("k", 10 ** 3)):
        if flops >= scale:
            return f"{flops / scale:.3g} {unit}FLOP"
    return f"{flops} FLOP"


def _plural(count: int, what: str) -> str:
    return f"{count} {what}" + ("" if count == 1 else "s")


def _operators(counts: tuple[tuple[str, int], ...]) -> str:
    shown = ", ".join(name if n == 1 else f"{n} {name}" for name, n in counts[:8])
    return shown + (f" and {len(counts) - 8} more kinds" if len(counts) > 8 else "")


def _describe(i: int, graph: record.Graph) -> list[str]:
    lines = [f"graph {i}: {graph.function} ({graph.location}), {_plural(graph.calls + graph.shortcuts, 'call')}"]
    if graph.shortcuts:
        lines[0] += f", {graph.shortcuts} of them without PyTorch's guards"
    if graph.refused:
        lines.append(f"  eager, all of it: {graph.refused.splitlines()[0]}")
    for part in graph.compiled:
        share = f"{_percent(part.flops / graph.flops)} of its operations" if graph.flops else "no multiplication of matrices"
        lines.append(f"  compiled for {part.target} in {part.seconds:.1f} s, {share}: {_operators(part.operators)}")
    for part in graph.eager if not graph.refused else ():
        at = f" at {part.location}" if part.location else ""
        lines.append(f"  eager, {_amount(part.flops)}: {_operators(part.operators)}{at}: {part.reason}")
    if graph.updates:
        lines.append(f"  compiled again {_plural(graph.updates, 'time')}, for its weights changed")
    if graph.ended_by:
        lines.append(f"  ends at {graph.ended_at}: {graph.ended_by.splitlines()[0]}")
    return lines
