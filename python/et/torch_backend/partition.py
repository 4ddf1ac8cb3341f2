#===- partition.py - Which nodes run compiled, and in which order -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Splits a captured graph into stages: what runs eagerly, then one part that is compiled, then what needs that, and so on.

All nodes that can be compiled and are ready in a stage make one part, however far apart they stand in the program: a part
never waits for itself. What changes tensors in place is a border, for order matters around it.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass, field
from typing import Any, Mapping, Sequence

import sympy
import torch

from ..importer.dims import is_static, size_of
from ..importer.graph import _VIEWS, _mutates
from .support import WORTH, add_foreign, is_elsewhere, is_random, is_size, short_name, tensors_of


@dataclass
class Part:
    """Nodes that become one program, with what they take and what others take of them."""

    stage: int
    nodes: list[torch.fx.Node]
    inputs: list[torch.fx.Node] = field(default_factory=list)
    outputs: list[torch.fx.Node] = field(default_factory=list)
    #: Dimensions whose size no input shows, with the node that computes it.
    carriers: dict[sympy.Symbol, torch.fx.Node] = field(default_factory=dict)


@dataclass
class Plan:
    """Parts by stage, and the nodes that run eagerly in each stage, in the order of the program."""

    parts: dict[int, Part]
    eager: dict[int, list[torch.fx.Node]]


def split(graph: torch.fx.Graph, refused: dict[torch.fx.Node, str], device: torch.device) -> Plan:
    """The plan for a graph. Parts that hold no work worth a program are added to `refused`, and results on other devices."""
    while True:
        plan = _split(graph, refused)
        elsewhere = [n for part in plan.parts.values() for n in part.outputs if is_elsewhere(n, device)]
        if not elsewhere:
            return plan
        refused.update((n, f"its result is to be on {tensors_of(n)[0].device}, but the program is on {device}") for n in elsewhere)
        add_foreign(graph.nodes, refused, device)


def _split(graph: torch.fx.Graph, refused: dict[torch.fx.Node, str]) -> Plan:
    while True:
        stages = _stages(graph, refused)
        parts: dict[int, list[torch.fx.Node]] = {}
        for node, stage in stages.items():
            if _can_compile(node, refused):
                parts.setdefault(stage, []).append(node)
        small = [nodes for nodes in parts.values() if not any(short_name(n) in WORTH for n in nodes)]
        if not small:
            break
        for nodes in small:
            refused.update(dict.fromkeys(nodes, "holds no work that is worth a program"))
    plan = Plan({stage: Part(stage, nodes) for stage, nodes in parts.items()}, {})
    owner = {node: part for part in plan.parts.values() for node in part.nodes}
    _connect(graph, plan, owner, stages)
    return plan


def _can_compile(node: torch.fx.Node, refused: Mapping[torch.fx.Node, str]) -> bool:
    return node.op == "call_function" and not is_size(node) and node not in refused


def _stages(graph: torch.fx.Graph, refused: Mapping[torch.fx.Node, str]) -> dict[torch.fx.Node, int]:
    stages: dict[torch.fx.Node, int] = {}
    latest = border = 0
    for node in graph.nodes:
        if node.op == "output":
            continue
        compiled = _can_compile(node, refused)
        stage = border
        for source in node.all_input_nodes:
            if compiled and is_size(source):
                continue  # a program reads sizes off its inputs
            later = not compiled and _can_compile(source, refused)
            stage = max(stage, stages[source] + later)
        if not compiled and node.op == "call_function" and has_effect(node):
            # After all that stands before it, and before all that stands behind.
            stage = max(stage, latest + any(_can_compile(n, refused) and s == latest for n, s in stages.items()))
            border = stage
        stages[node] = stage
        latest = max(latest, stage)
    return stages


def has_effect(node: torch.fx.Node) -> bool:
    """True for what must run even if nobody reads its result, or must not be moved."""
    if node.op != "call_function" or is_size(node):
        return False
    if isinstance(node.target, torch._ops.OpOverload):
        return _mutates(node) or is_random(node) or node.is_impure()
    return node.target is not operator.getitem and isinstance(node.target, torch._ops.HigherOrderOperator)


def base_of_view(node: torch.fx.Node) -> torch.fx.Node:
    """The node whose memory a chain of views shows."""
    while node.op == "call_function" and (node.target is operator.getitem or short_name(node) in _VIEWS) and node.args and \
            isinstance(node.args[0], torch.fx.Node):
        node = node.args[0]
    return node


def _connect(graph: torch.fx.Graph, plan: Plan, owner: Mapping[torch.fx.Node, Part], stages: Mapping[torch.fx.Node, int]) -> None:
    """Finds what each part takes and gives, and which eager nodes are needed at all."""
    needed: set[torch.fx.Node] = set()
    reached: set[int] = set()
    wanted = [n for n in graph.nodes if n.op == "call_function" and n not in owner and has_effect(n)]
    output = next(n for n in graph.nodes if n.op == "output")
    returned = set(output.all_input_nodes)
    wanted += output.all_input_nodes

    def want(node: torch.fx.Node) -> None:
        part = owner.get(node)
        if part is None:
            if node not in needed:
                needed.add(node)
                wanted.extend(node.all_input_nodes)
            return
        # A view of what the caller holds, or of another result, has to share its memory.
        base = base_of_view(node)
        if base is not node and (owner.get(base) is not part or base in returned or _has_other_view(node, base, returned)):
            for link in _links(node, base):
                needed.add(link)
                wanted.extend(a for a in link.all_input_nodes if a is not base and a not in needed)
            wanted.append(base)
            return
        if node not in part.outputs:
            part.outputs.append(node)
        if part.stage not in reached:
            reached.add(part.stage)
            _find_inputs(graph, part, owner)
            wanted.extend(n for n in part.inputs if not is_size(n))
            wanted.extend(part.carriers.values())

    while wanted:
        want(wanted.pop())
    for stage in [s for s in plan.parts if s not in reached]:
        del plan.parts[stage]
    position = {node: i for i, node in enumerate(graph.nodes)}
    for part in plan.parts.values():
        part.outputs.sort(key=position.__getitem__)
    for node in graph.nodes:
        if node in needed and node.op != "placeholder":
            stage = stages[node] + (1 if node in owner else 0)
            if node not in owner:
                stage = max([stage, *(stages[a] + 1 for a in node.all_input_nodes if a in needed and a in owner)])
            plan.eager.setdefault(stage, []).append(node)


def _links(node: torch.fx.Node, base: torch.fx.Node) -> list[torch.fx.Node]:
    links = []
    while node is not base:
        links.append(node)
        node = node.args[0]
    return links


def _has_other_view(node: torch.fx.Node, base: torch.fx.Node, returned: set[torch.fx.Node]) -> bool:
    return any(other is not node and base_of_view(other) is base for other in returned)


def _find_inputs(graph: torch.fx.Graph, part: Part, owner: Mapping[torch.fx.Node, Part]) -> None:
    seen: set[torch.fx.Node] = set()
    for node in part.nodes:
        for source in node.all_input_nodes:
            if owner.get(source) is not part and source not in seen:
                seen.add(source)
                part.inputs.append(source)
    shown: set[sympy.Symbol] = set()
    for node in part.inputs:
        for tensor in tensors_of(node):
            sizes = [s for s in map(size_of, tensor.shape) if not is_static(s)]
            shown.update(s for s in sizes if isinstance(s, sympy.Symbol))
    for node in (*part.nodes, *part.inputs):
        for symbol in sorted(_symbols(node.meta.get("val")) - shown - set(part.carriers), key=str):
            source = _size_node(graph, symbol, owner)
            if source is not None:
                part.carriers[symbol] = source


def _symbols(value: Any) -> set[sympy.Symbol]:
    found: set[sympy.Symbol] = set()
    for leaf in torch.utils._pytree.tree_leaves(value):
        sizes: Sequence[Any] = leaf.shape if isinstance(leaf, torch.Tensor) else [leaf] if isinstance(leaf, torch.SymInt) else []
        for size in map(size_of, sizes):
            if not is_static(size):
                found |= size.free_symbols
    return found


def _size_node(graph: torch.fx.Graph, symbol: sympy.Symbol, owner: Mapping[torch.fx.Node, Part]) -> torch.fx.Node | None:
    for node in graph.nodes:
        value = node.meta.get("val")
        if isinstance(value, torch.SymInt) and size_of(value) == symbol and not any(a in owner for a in node.all_input_nodes):
            return node
    return None
