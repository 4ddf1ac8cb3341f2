#===- module.py - An ONNX graph as a PyTorch module -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""A module that runs the nodes of a file one after the other, so that torch.export can trace them.

What depends on weights alone is computed once, when the module is made, whatever the exporter left to be folded. Weights that
are left are parameters and buffers under their names in the file, or those of the modules that they come from.
"""

from __future__ import annotations

import re
from typing import Any, Iterable, Sequence

import torch
from torch.fx.traceback import annotate

from . import ops_contrib, ops_elementwise, ops_index, ops_nn, ops_reduce, ops_shape  # noqa: F401  (rules)
from .errors import OnnxError, UnsupportedNodeError
from .reader import Graph, Model, Node, all_graphs, subgraphs, unsupported_node
from .registry import MICROSOFT, Unsupported, find
from .values import KNOWN_LIMIT, Known, Value, Weight, knowable

#: A node of weights alone is computed at import when its result has at most this many elements, or as many as its inputs.
FOLD_LIMIT = 1 << 22
#: The key under which an operator of the traced graph holds the position, in `OnnxGraph.traced`, of its node.
TRACED = "onnx"
#: Names that exporters make up for weights that they have transposed or folded.
_MADE_UP = re.compile(r"(onnx::|_?val_)\w*$")


class Context:
    """What a rule may use: the node, and its inputs in the form that it wants."""

    def __init__(self, owner: "OnnxGraph") -> None:
        self._owner = owner
        self.node: Node
        self.environment: dict[str, Value] = {}
        #: The nodes that made values, for rules that look at what their inputs are made of.
        self.makers: dict[str, Node] = {}
        self.folding = True

    @property
    def opset(self) -> int:
        return self._owner.model.opsets[""]

    def tensor(self, value: Value) -> torch.Tensor:
        """A value as a tensor."""
        if isinstance(value, Known):
            return value.tensor()
        if isinstance(value, Weight):
            return value.tensor if self.folding else self._owner.weight(value)
        return value

    def ints(self, value: Value, name: str = "") -> list[Any]:
        """The elements of known integers."""
        if isinstance(value, Weight):
            raise Unsupported(f"expected its input '{name}' to be up to {KNOWN_LIMIT} numbers in one dimension, but its shape is {list(value.shape)}")
        if not isinstance(value, Known):
            raise Unsupported(f"its input '{name}' depends on what the inputs of the model hold, not on their shapes alone")
        return value.flat

    def number(self, value: Value, name: str = "") -> Any:
        """The only element of a known value."""
        elements = self.ints(value, name)
        if len(elements) != 1:
            raise Unsupported(f"expected its input '{name}' to be one number, but it has {len(elements)}")
        return elements[0]

    def linear(self, x: torch.Tensor, weight: Weight) -> torch.Tensor:
        """The product with a matrix of weights."""
        if not self.folding and weight.name in self._owner.transposed:
            return torch.nn.functional.linear(x, self._owner.weight(weight))
        return torch.matmul(x, self.tensor(weight))

    def run(self, graph: Graph) -> list[Value]:
        """The outputs of the graph in an attribute."""
        node = self.node
        self._owner.run(graph, self)
        self.node = node
        return [self.environment[name] for name in graph.outputs]

    def converted(self, wanted: str, name: str, value: Value | None) -> Any:
        if value is None or wanted == "Value":
            return value
        return {"Tensor": lambda v, _: self.tensor(v), "Ints": self.ints, "Number": self.number}[wanted](value, name)


class OnnxModule(torch.nn.Module):
    """Takes the inputs of a file in order, and returns its outputs by name. Its parameters and buffers are called as in the
    file, so it has no attributes of its own beside one."""

    def __init__(self, graph: "OnnxGraph") -> None:
        super().__init__()
        self._graph = graph
        self.eval()

    def forward(self, inputs: Sequence[torch.Tensor]) -> dict[str, torch.Tensor]:
        return self._graph.trace(inputs)


class OnnxGraph:
    """The nodes of a file, and the module that runs them."""

    def __init__(self, model: Model) -> None:
        self.model = model
        #: Weights that are kept transposed, as torch's linear layers have them.
        self.transposed: set[str] = set()
        #: The nodes in the order in which they were traced.
        self.traced: list[Node] = []
        self._attributes: dict[str, tuple[torch.nn.Module, str]] = {}
        # Names are unique in a file: those of graphs in attributes can stand beside the others.
        self._constants: dict[str, Value] = {n: _constant(n, t) for g in all_graphs(model.graph) for n, t in g.constants.items()}
        self._nodes = self._fold()
        self.module = OnnxModule(self)
        self._name_weights()

    # -- what is done before tracing ----------------------------------------------------------------------------------

    def _fold(self) -> tuple[Node, ...]:
        """Computes nodes of constants alone; the others, as far as an output depends on them."""
        context = Context(self)
        context.environment = dict(self._constants)
        left = []
        with torch.no_grad():
            inner = [n for g in all_graphs(self.model.graph) if g is not self.model.graph for n in g.nodes if n.operator == "Constant"]
            for node in (*inner, *self.model.graph.nodes):
                if any(subgraphs(node)) or not all(n in self._constants for n in node.inputs if n):
                    left.append(node)
                    continue
                results = self.evaluate(node, context)
                limit = max([FOLD_LIMIT, *(self._constants[n].shape.numel() for n in node.inputs
                                           if isinstance(self._constants.get(n), Weight))])
                if any(isinstance(r, torch.Tensor) and r.numel() > limit for r in results):
                    left.append(node)
                    continue
                for name, value in zip(node.outputs, results):
                    if name:
                        made = _constant(name, value.contiguous()) if isinstance(value, torch.Tensor) else value
                        self._constants[name] = context.environment[name] = made
        wanted = set(self.model.graph.outputs)
        live = []
        for node in reversed(left):
            if wanted & set(node.outputs):
                live.append(node)
                wanted |= set(_reads(node))
        self._constants = {n: c for n, c in self._constants.items() if n in wanted}
        return tuple(reversed(live))

    def _name_weights(self) -> None:
        """Makes parameters and buffers of the weights that nodes read."""
        names: dict[int, list[str]] = {}  # tied weights are one object under several names
        for name, value in self._constants.items():
            if isinstance(value, Weight):
                names.setdefault(id(value), []).append(name)
        readers: dict[str, list[tuple[Node, int]]] = {}
        for node in (n for top in self._nodes for n in _with_inner(top)):
            for position, name in enumerate(node.inputs):
                readers.setdefault(name, []).append((node, position))
        returned = {name for graph in all_graphs(self.model.graph) for name in graph.outputs}
        for group in names.values():
            weight = self._constants[group[0]]
            assert isinstance(weight, Weight)
            uses = [use for name in group for use in readers.get(name, [])]
            weight.name = self._better_name(group[0], uses)
            tensor = weight.tensor
            multiplies = uses and all(_multiplies(n, p) for n, p in uses) and not returned & set(group)
            if multiplies and tensor.dim() == 2 and tensor.dtype.is_floating_point:
                self.transposed.add(weight.name)
                tensor = tensor.t().contiguous()
            self._register(weight.name, tensor)

    def _better_name(self, name: str, uses: Sequence[tuple[Node, int]]) -> str:
        """The name of a weight: where an exporter made it up, that of the module whose product reads it."""
        if _MADE_UP.match(name) and len(uses) == 1 and _multiplies(*uses[0]) and uses[0][0].scope:
            better = f"{uses[0][0].scope}.weight"
            if better not in self._attributes and better not in self._constants:
                return better
        return name

    def _register(self, name: str, tensor: torch.Tensor) -> None:
        """A parameter or buffer; dots in its name make modules, as they do in PyTorch, unless they lead nowhere."""
        owner: torch.nn.Module = self.module
        *path, last = name.split(".")
        fits = all(path) and bool(last)
        for part in path if fits else ():
            child = getattr(owner, part, None)
            if child is None:
                child = torch.nn.Module()
                owner.add_module(part, child)
            if not isinstance(child, torch.nn.Module):
                fits = False
                break
            owner = child
        if not fits or hasattr(owner, last):
            owner, last = self.module, f"weight {len(self._attributes)} {name}".replace(".", "_")
        if tensor.dtype.is_floating_point and tensor.dim():
            owner.register_parameter(last, torch.nn.Parameter(tensor, requires_grad=False))
        else:
            owner.register_buffer(last, tensor)
        self._attributes[name] = (owner, last)

    # -- running ------------------------------------------------------------------------------------------------------

    def weight(self, weight: Weight) -> torch.Tensor:
        """The parameter or buffer of a weight."""
        owner, name = self._attributes[weight.name]
        return getattr(owner, name)

    def evaluate(self, node: Node, context: Context) -> tuple[Any, ...]:
        """The outputs of one node."""
        rule = find(node.domain, node.operator)
        assert rule is not None
        context.node = node
        values = [context.environment[name] if name else None for name in node.inputs]
        try:
            inputs = [context.converted(rule.wants[min(i, len(rule.wants) - 1)], rule.inputs[min(i, len(rule.inputs) - 1)], value)
                      for i, value in enumerate(values)]
            attributes = {n: v for n, v in node.attributes.items() if n in rule.attributes}
            results = rule.rule(context, *inputs, **attributes)
        except Unsupported as reason:
            raise UnsupportedNodeError(str(self.model.path), [unsupported_node(node, self.model.opsets, str(reason))]) from reason
        except OnnxError:
            raise
        except Exception as failure:  # torch raises many types; what matters is where
            raise OnnxError(f"cannot import {node.operator} at {node.location} of {self.model.path}, whose inputs have "
                            f"{_shapes(node, values)}: {failure}") from failure
        return results if isinstance(results, (tuple, list)) else (results,)

    def run(self, graph: Graph, context: Context, nodes: Iterable[Node] | None = None) -> None:
        """Runs nodes in the environment of the context."""
        for node in graph.nodes if nodes is None else nodes:
            if all(name in self._constants for name in node.outputs):
                continue
            self.traced.append(node)
            with annotate({TRACED: len(self.traced) - 1}):
                results = self.evaluate(node, context)
            for name, value in zip(node.outputs, results):
                if name:
                    context.environment[name] = value
                    context.makers[name] = node

    def trace(self, inputs: Sequence[torch.Tensor]) -> dict[str, torch.Tensor]:
        """What the module does when it is called."""
        context = Context(self)
        self.traced.clear()
        context.folding = False
        context.environment = {**self._constants, **{i.name: x for i, x in zip(self.model.inputs, inputs)}}
        self.run(self.model.graph, context, self._nodes)
        return {name: context.tensor(context.environment[name]) for name in self.model.graph.outputs}


def _with_inner(node: Node) -> Iterable[Node]:
    """A node and those of the graphs in its attributes."""
    yield node
    for graph in subgraphs(node):
        for inner in graph.nodes:
            yield from _with_inner(inner)


def _reads(node: Node) -> Iterable[str]:
    """The names that a node reads, those of its graphs among them."""
    yield from filter(None, node.inputs)
    for graph in subgraphs(node):
        yield from graph.outputs
        for inner in graph.nodes:
            yield from _reads(inner)


def _constant(name: str, tensor: torch.Tensor) -> Value:
    return Known.from_tensor(tensor) if knowable(tensor) else Weight(name, tensor)


def _multiplies(node: Node, position: int) -> bool:
    """Whether an input is the right operand of a product that is not transposed."""
    plain = node.operator == "MatMul" or (node.operator in ("Gemm", "FusedGemm", "FusedMatMul") and not node.attributes.get("transB", 0))
    return position == 1 and (plain or (node.operator, node.domain) == ("Attention", MICROSOFT))


def _shapes(node: Node, values: Sequence[Value | None]) -> str:
    listed = [f"'{n}' {list(v.shape)}" for n, v in zip(node.inputs, values) if v is not None]
    return "the shapes " + ", ".join(listed) if listed else "no shapes"
