#===- capture.py - From Dynamo's graph to operators of ATen -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Traces the graph that Dynamo found into ATen operators, with linear, attention, layer_norm and the like whole, as the
importer likes them. Operators without a rule are decomposed if PyTorch knows how."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Sequence

import torch
import torch.fx.traceback
from torch._guards import TracingContext
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.fx.experimental.proxy_tensor import make_fx

from ..importer.registry import find

#: How often decompositions may show further operators to decompose.
_ROUNDS = 4
_PART = re.compile(r"\._(?:modules|parameters|buffers)\['((?:[^'\\]|\\.)*)'\]|\.([A-Za-z_]\w*)")


@dataclass(frozen=True)
class Input:
    """One input of a graph."""

    name: str
    example: Any
    is_weight: bool
    source: str


@dataclass
class Captured:
    """A graph of ATen operators with its inputs; `fake_mode` made the tensors in its metadata."""

    graph_module: torch.fx.GraphModule
    inputs: tuple[Input, ...]
    fake_mode: FakeTensorMode


def placeholders(graph_module: torch.fx.GraphModule) -> list[torch.fx.Node]:
    return [node for node in graph_module.graph.nodes if node.op == "placeholder"]


def source_name(node: torch.fx.Node) -> str:
    """Where Dynamo took an input from, as it writes it: L['self']._modules['encoder']..."""
    source = getattr(node, "_dynamo_source", None) or getattr(node.meta.get("grapharg"), "source", None)
    if source is None:
        return ""
    return source.name if isinstance(source.name, str) else source.name()


def is_weight(example: Any) -> bool:
    """Parameters, and buffers of modules, which Dynamo marks as tensors that stay where they are."""
    return isinstance(example, torch.nn.Parameter) or (
        isinstance(example, torch.Tensor) and getattr(example, "_dynamo_static_input_type", None) is not None)


def inputs_of(graph_module: torch.fx.GraphModule, examples: Sequence[Any]) -> tuple[Input, ...]:
    found, taken = [], set()
    for node, example in zip(placeholders(graph_module), examples):
        source = source_name(node)
        weight = is_weight(example)
        name = _parameter_name(source) if weight else node.name
        while not name or name in taken:
            name = f"{name or node.name}_"
        taken.add(name)
        found.append(Input(name, example, weight, source))
    return tuple(found)


def _parameter_name(source: str) -> str:
    """The name of a parameter as its module's state_dict has it."""
    at = source.find("]")
    parts = [a or b for a, b in _PART.findall(source[at + 1:])] if at >= 0 else []
    return ".".join(parts)


def capture(graph_module: torch.fx.GraphModule, examples: Sequence[Any]) -> Captured:
    """Traces without gradients. Raises whatever PyTorch raises for what cannot be traced."""
    context = TracingContext.try_get()
    fake_mode = context.fake_mode if context is not None and context.fake_mode is not None else FakeTensorMode()
    fakes = [_fake(example, fake_mode, context) for example in examples]
    inputs = inputs_of(graph_module, examples)
    traced = _trace(graph_module, fakes, fake_mode, {})
    for _ in range(_ROUNDS):
        table = _decompositions(traced)
        if not table:
            break
        traced = _trace(traced, fakes, fake_mode, table)
    _strip(traced)
    return Captured(traced, inputs, fake_mode)


def _fake(example: Any, mode: FakeTensorMode, context: TracingContext | None) -> Any:
    if not isinstance(example, torch.Tensor) or isinstance(example, FakeTensor):
        return example
    symbolic = context.tensor_to_context.get(example) if context is not None else None
    if symbolic is None:
        return mode.from_tensor(example, static_shapes=True)
    return mode.from_tensor(example, symbolic_context=symbolic, source=symbolic.tensor_source)


def _trace(graph_module: torch.fx.GraphModule, fakes: Sequence[Any], mode: FakeTensorMode, table: Any) -> torch.fx.GraphModule:
    def run(*arguments: Any) -> Any:
        return torch.fx.Interpreter(graph_module).run(*arguments)

    with mode, torch.no_grad(), torch.fx.traceback.preserve_node_meta():
        return make_fx(run, pre_dispatch=True, decomposition_table=table, _allow_non_fake_inputs=True)(*fakes)


def _decompositions(graph_module: torch.fx.GraphModule) -> dict[Any, Any]:
    """PyTorch's decompositions of the operators that have no rule."""
    unknown = {node.target for node in graph_module.graph.nodes
               if isinstance(node.target, torch._ops.OpOverload) and find(node.target) is None
               and isinstance(node.meta.get("val"), (torch.Tensor, list, tuple))}
    if not unknown:
        return {}
    known = torch.export.default_decompositions()
    return {operator: known[operator] for operator in unknown if operator in known}


def _strip(graph_module: torch.fx.GraphModule) -> None:
    """Gradients are off around the graph, so that switching them within it means nothing."""
    for node in list(graph_module.graph.nodes):
        if node.op == "call_function" and getattr(node.target, "__name__", "") == "_set_grad_enabled" and not node.users:
            graph_module.graph.erase_node(node)
    graph_module.graph.eliminate_dead_code()
    graph_module.recompile()
