#===- runner.py - Runs the parts of a graph and what is between them -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Makes one function of the programs of a graph, and of the operators that run eagerly between them."""

from __future__ import annotations

import operator
from typing import Any, Callable, Mapping, Sequence

import torch

from .build import Built, memory_order
from .call import Call
from .capture import Captured, placeholders
from .partition import Part, Plan
from .support import is_size

#: Runs a graph: takes its arguments, returns its results.
Runner = Callable[[Sequence[Any]], Any]


class _Program(torch.nn.Module):
    """A program as a node of a graph."""

    def __init__(self, call: Call) -> None:
        super().__init__()
        self._call = call

    def forward(self, *tensors: torch.Tensor) -> list[torch.Tensor]:
        return self._call(tensors)


def assemble(plan: Plan, captured: Captured, built: Mapping[int, tuple[Built, float]], device: torch.device) -> Runner:
    """A function of the parts of a plan and of what runs eagerly between them."""
    graph = torch.fx.Graph()
    copies: dict[torch.fx.Node, torch.fx.Node] = {}
    source = captured.graph_module.graph
    for node in source.nodes:
        if node.op == "placeholder":
            copies[node] = graph.placeholder(node.name)
    root = torch.nn.Module()
    for name, value in captured.graph_module.named_children():
        setattr(root, name, value)
    for node in source.nodes:
        if node.op == "get_attr" and "." not in str(node.target):
            value = getattr(captured.graph_module, str(node.target))
            if not isinstance(value, torch.nn.Module):
                setattr(root, str(node.target), value)
    for stage in sorted({*plan.parts, *plan.eager}):
        for node in plan.eager.get(stage, ()):
            copies[node] = graph.node_copy(node, copies.__getitem__)
        part = plan.parts.get(stage)
        if part is None:
            continue
        name = f"program_{stage}"
        setattr(root, name, _Program(built[stage][0].call))
        arguments = [copies[n] for n in _tensor_inputs(part, captured)]
        arguments += [graph.call_function(torch.ops.aten.empty.memory_format, ([copies[n]],),
                                          {"dtype": torch.int8, "device": device}) for n in part.carriers.values()]
        result = graph.call_module(name, tuple(arguments))
        for i, node in enumerate(part.outputs):
            copies[node] = graph.call_function(operator.getitem, (result, i))
            order = memory_order(node.meta["val"])
            if order is not None:
                inverse = [order.index(d) for d in range(len(order))]
                copies[node] = graph.call_function(torch.ops.aten.permute.default, (copies[node], inverse))
    output = next(n for n in source.nodes if n.op == "output")
    graph.output(torch.fx.node.map_arg(output.args[0], copies.__getitem__))
    forward = torch.fx.GraphModule(root, graph).forward

    def run(arguments: Sequence[Any]) -> Any:
        with torch.no_grad():
            return forward(*arguments)

    return run


def _tensor_inputs(part: Part, captured: Captured) -> list[torch.fx.Node]:
    """The inputs of a part that its program takes: no weights, sizes and constants."""
    entries = dict(zip(placeholders(captured.graph_module), captured.inputs))
    return [n for n in part.inputs if not is_size(n) and n.op != "get_attr" and not (n in entries and entries[n].is_weight)]


#: What calls a program, the arguments of the graph that it takes, and which of its results the graph returns.
Direct = tuple[Call, list[int], list[int]]


def whole(plan: Plan, captured: Captured, built: Mapping[int, tuple[Built, float]]) -> Direct | None:
    """How to call a graph that is one program and nothing else; None for others."""
    if len(plan.parts) != 1 or any(plan.eager.values()):
        return None
    part = next(iter(plan.parts.values()))
    if part.carriers or any(memory_order(n.meta["val"]) is not None for n in part.outputs):
        return None
    position = {n: i for i, n in enumerate(placeholders(captured.graph_module))}
    taken = _tensor_inputs(part, captured)
    output = next(n for n in captured.graph_module.graph.nodes if n.op == "output")
    returned = output.args[0]
    if not isinstance(returned, (list, tuple)) or any(n not in position for n in taken) or any(n not in part.outputs for n in returned):
        return None
    call = next(iter(built.values()))[0].call
    return call, [position[n] for n in taken], [part.outputs.index(n) for n in returned]


def straight(direct: Direct) -> Runner:
    """A function for a graph that is one program."""
    call, take, give = direct
    if give == list(range(len(give))):
        return lambda arguments: call([arguments[i] for i in take])

    def run(arguments: Sequence[Any]) -> Any:
        results = call([arguments[i] for i in take])
        return [results[i] for i in give]

    return run
