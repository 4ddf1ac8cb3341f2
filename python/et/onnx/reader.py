#===- reader.py - ONNX files as nodes, inputs and weights -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Reads a file into plain Python: nodes with decoded attributes, inputs with their sizes, and weights as torch tensors."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Iterable, Iterator

import onnx
import onnx.inliner
import torch

from .errors import CONTROL_FLOW, QUANTIZED, SEQUENCES, OnnxError, UnsupportedNode, UnsupportedNodeError, describe

from .registry import DEFAULT_DOMAINS, Unsupported, find
from .values import Known, knowable
from .weights import decode, decode_sparse, dtype_of

#: Opsets of the default domain whose operators have the meaning that the rules give them.
FIRST_OPSET, LAST_OPSET = 13, 23


@dataclass(frozen=True)
class Node:
    """One node; names of inputs and outputs that are left out are empty."""

    operator: str
    domain: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]
    #: The module that the node comes from, such as "encoder.layer.0.attention", where the exporter noted it.
    scope: str = ""

    @property
    def location(self) -> str:
        return describe(self.name, next(filter(None, self.outputs), ""))


@dataclass(frozen=True)
class Graph:
    """Nodes in an order in which they can be computed, with constants by name."""

    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]
    constants: dict[str, torch.Tensor]


@dataclass(frozen=True)
class Input:
    """One input: a size that may vary is its name in the file, or None where it has none."""

    name: str
    dtype: torch.dtype
    shape: tuple[int | str | None, ...]


@dataclass(frozen=True)
class Model:
    """What a file holds."""

    path: Path
    opsets: dict[str, int]
    producer: str
    inputs: tuple[Input, ...]
    graph: Graph
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)


def _parse(path: Path) -> onnx.ModelProto:
    if not path.is_file():
        raise OnnxError(f"cannot find '{path}'; expected the path of an ONNX file")
    try:
        proto = onnx.load(path, load_external_data=False)
    except Exception as failure:  # protobuf raises a type of its own, which depends on its version
        raise OnnxError(f"expected an ONNX file, but '{path}' is not one, or it is truncated: {failure}") from failure
    if not proto.opset_import or not proto.graph.output:
        raise OnnxError(f"expected an ONNX file with a graph, but '{path}' has none; it is another kind of file, or truncated")
    return proto


def _check_opset(proto: onnx.ModelProto, path: Path) -> dict[str, int]:
    opsets = {"" if o.domain in DEFAULT_DOMAINS else o.domain: o.version for o in proto.opset_import}
    version = opsets.setdefault("", LAST_OPSET)
    if not FIRST_OPSET <= version <= LAST_OPSET:
        other = min(max(version, FIRST_OPSET), LAST_OPSET)
        raise OnnxError(f"expected opset {FIRST_OPSET} to {LAST_OPSET}, but '{path}' has opset {version}; export it with opset_version={other}, or "
                        f"convert it with onnx.version_converter.convert_version(model, {other})")
    return opsets


def _read_input(value: onnx.ValueInfoProto) -> Input:
    if not value.type.HasField("tensor_type"):
        kind = (value.type.WhichOneof("value") or "a value of unknown type").removesuffix("_type")
        raise OnnxError(f"expected input '{value.name}' to be a tensor, but it is {kind}; export a model that takes tensors only")
    tensor = value.type.tensor_type
    dtype = dtype_of(tensor.elem_type, f"input '{value.name}'")
    if not tensor.HasField("shape"):
        raise OnnxError(f"expected input '{value.name}' to have a shape, but the file says not even how many dimensions it has; export the "
                        "model with the shapes of its inputs")
    shape = [d.dim_value if d.HasField("dim_value") and d.dim_value > 0 else (d.dim_param or None) for d in tensor.shape.dim]
    return Input(value.name, dtype, tuple(shape))


def _scope(proto: onnx.NodeProto) -> str:
    """The module a node comes from: the newer exporter of PyTorch notes it beside the node, the older one in its name."""
    notes = {entry.key: entry.value for entry in proto.metadata_props}
    scopes = notes.get("pkg.torch.onnx.name_scopes", "").strip("[]").replace("'", "").split(", ")
    if len(scopes) > 1:
        return scopes[-2]
    return proto.name.strip("/").rpartition("/")[0].replace("/", ".") if proto.name.startswith("/") else ""


def _read_attribute(attribute: onnx.AttributeProto, folder: Path) -> Any:
    if attribute.type == onnx.AttributeProto.TENSOR:
        tensor = decode(attribute.t, folder)
        return Known.from_tensor(tensor) if knowable(tensor) else tensor
    if attribute.type == onnx.AttributeProto.SPARSE_TENSOR:
        return decode_sparse(attribute.sparse_tensor, folder)[1]
    if attribute.type == onnx.AttributeProto.GRAPH:
        return _read_graph(attribute.g, folder)
    value = onnx.helper.get_attribute_value(attribute)
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return list(value) if attribute.type >= onnx.AttributeProto.FLOATS else value


def _read_graph(graph: onnx.GraphProto, folder: Path) -> Graph:
    constants = {t.name: decode(t, folder) for t in graph.initializer}
    constants.update(decode_sparse(t, folder) for t in graph.sparse_initializer)
    nodes = [Node(n.op_type, "" if n.domain in DEFAULT_DOMAINS else n.domain, n.name, tuple(n.input), tuple(n.output),
                  {a.name: _read_attribute(a, folder) for a in n.attribute}, _scope(n)) for n in graph.node]
    return Graph(tuple(nodes), tuple(o.name for o in graph.output), constants)


def subgraphs(node: Node) -> Iterator[Graph]:
    return (v for v in node.attributes.values() if isinstance(v, Graph))


def all_graphs(graph: Graph) -> Iterator[Graph]:
    """A graph and those in attributes of its nodes."""
    yield graph
    for node in graph.nodes:
        for inner in subgraphs(node):
            yield from all_graphs(inner)


def _all_protos(graph: onnx.GraphProto) -> Iterable[onnx.NodeProto]:
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                yield from _all_protos(attribute.g)


def unsupported_node(node: Node | onnx.NodeProto, opsets: dict[str, int], reason: str) -> UnsupportedNode:
    """An entry of an error about a node."""
    name, outputs = (node.operator, node.outputs) if isinstance(node, Node) else (node.op_type, node.output)
    domain = "" if node.domain in DEFAULT_DOMAINS else node.domain
    output = next(filter(None, outputs), "")
    return UnsupportedNode(name, "", describe(node.name, output), reason, domain, opsets.get(domain, 1), node.name, output)


def _refuse_unknown(proto: onnx.ModelProto, path: Path, opsets: dict[str, int]) -> None:
    """Operators without a rule, before any data is decoded: those of quantised models have types that none could hold."""
    found = []
    for node in _all_protos(proto.graph):
        if find(node.domain, node.op_type) is not None:
            continue
        kinds = ((QUANTIZED, "it computes on quantised numbers"), (CONTROL_FLOW, "control flow"), (SEQUENCES, "it is not about tensors"))
        reason = next((text for names, text in kinds if node.op_type in names), "no import rule")
        found.append(unsupported_node(node, opsets, reason))
    if found:
        raise UnsupportedNodeError(str(path), found)


def _refuse_uses(graph: Graph, path: Path, opsets: dict[str, int]) -> None:
    """Nodes that their rules do not take."""
    graphs = list(all_graphs(graph))
    nodes = [node for g in graphs for node in g.nodes]
    used = {name for node in nodes for name in node.inputs} | {name for g in graphs for name in g.outputs}
    found = []
    for node in nodes:
        rule = find(node.domain, node.operator)
        assert rule is not None
        found.extend(unsupported_node(node, opsets, reason) for reason in rule.refusals(node, used.__contains__))
    if found:
        raise UnsupportedNodeError(str(path), found)


def count_operators(proto: onnx.ModelProto) -> Counter[tuple[str, str]]:
    """How often each operator occurs, by domain and name."""
    return Counter(("" if n.domain in DEFAULT_DOMAINS else n.domain, n.op_type) for n in _all_protos(proto.graph))


def _load(path: Path) -> tuple[onnx.ModelProto, dict[str, int]]:
    proto = _parse(path)
    opsets = _check_opset(proto, path)
    if proto.functions:
        proto = onnx.inliner.inline_local_functions(proto)
    return proto, opsets


def _inputs(proto: onnx.ModelProto) -> tuple[Input, ...]:
    given = {t.name for t in proto.graph.initializer} | {t.values.name for t in proto.graph.sparse_initializer}
    return tuple(_read_input(v) for v in proto.graph.input if v.name not in given)


def _producer(proto: onnx.ModelProto) -> str:
    return f"{proto.producer_name} {proto.producer_version}".strip()


def inspect_model(path: str | os.PathLike[str]) -> Model:
    """What a file holds, without its weights and whether its operators can be imported or not."""
    path = Path(path)
    proto, opsets = _load(path)
    graph = Graph((), tuple(o.name for o in proto.graph.output), {})
    return Model(path, opsets, _producer(proto), _inputs(proto), graph, count_operators(proto))


def read_model(path: str | os.PathLike[str]) -> Model:
    """Reads a file, and refuses it where a node has no rule."""
    path = Path(path)
    proto, opsets = _load(path)
    _refuse_unknown(proto, path, opsets)
    inputs = _inputs(proto)
    graph = _read_graph(proto.graph, path.parent)
    _refuse_uses(graph, path, opsets)
    return Model(path, opsets, _producer(proto), inputs, graph, count_operators(proto))


__all__ = ["Graph", "Input", "Model", "Node", "Unsupported", "inspect_model", "read_model", "unsupported_node"]
