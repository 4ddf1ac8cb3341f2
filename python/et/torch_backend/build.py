#===- build.py - From a part of a graph to a program -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Imports a part and compiles it. What was compiled before, from the same text and weights, is not compiled again."""

from __future__ import annotations

import re
import tempfile
import weakref
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Mapping

import sympy
import torch
from torch.export.graph_signature import (InputKind, InputSpec, OutputKind, OutputSpec, SymIntArgument,
                                          TensorArgument)

from ..importer.graph import ImportedModule, import_captured
from ..program import compile_saved, compile_text
from .call import Call, DeviceCall, HostCall
from .capture import Captured, Input, placeholders
from .options import Options
from .partition import Part
from .support import hint, is_size

#: Programs by what they were made of, as long as somebody uses them.
_programs: "weakref.WeakValueDictionary[Any, Built]" = weakref.WeakValueDictionary()


@dataclass(eq=False)
class Built:
    """A part that was compiled."""

    call: Call
    imported: ImportedModule
    remarks: tuple[str, ...]
    target: str
    #: The weights that were compiled into it: while they live, no other tensor has their addresses.
    weights: tuple[torch.Tensor, ...]


def target_of(options: Options, device: torch.device) -> str:
    """What to compile for."""
    if options.target != "auto":
        return options.target
    if device.type != "cuda":
        return "cpu"
    major, minor = torch.cuda.get_device_capability(device)
    return f"cuda:sm_{major}{minor}{'a' if major >= 9 else ''}"


def build(part: Part, captured: Captured, options: Options, device: torch.device, states: Mapping[str, Any]) -> tuple[Built, bool]:
    """Compiles a part, unless it was; says whether it was. `states` names the contents of the weights.

    Raises UnsupportedOperatorError, which names nodes, CompileError, and what else importing and compiling raise.
    """
    inputs = {node: entry for node, entry in zip(placeholders(captured.graph_module), captured.inputs)}
    program, names = _program(part, captured, inputs)
    imported = import_captured(program, masked_rows=options.masked_rows, check_finite=options.check_finite, quiet=True)
    target = target_of(options, device)
    alive = tuple(entry.example for entry in captured.inputs if entry.is_weight and entry.name in names)
    key = (imported.text, target, options, torch.get_num_threads(), str(device), tuple((name, states[name]) for name in names))
    known = _programs.get(key)
    if known is not None:
        return known, False
    if target == "cpu":
        compiled = compile_text(imported.text, imported.weights, isa=options.isa, threads=options.threads or torch.get_num_threads(),
                                allow_non_finite=not options.check_finite)
        built = Built(HostCall(compiled), imported, compiled.remarks, target, alive)
    else:
        contents, remarks = compile_saved(imported.text, imported.weights, target=target, isa=options.isa,
                                          allow_non_finite=not options.check_finite, fold_norms=options.fold_norms,
                                          expected_rows=options.expected_rows)
        built = Built(_load(contents, device), imported, remarks, target, alive)
    _programs[key] = built
    return built, True


def _load(contents: bytes, device: torch.device) -> Call:
    from ..runtime import Device, load

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "part.etp"
        path.write_bytes(contents)
        # A file that is mapped may lose its name.
        return DeviceCall(load(path, Device.cuda(device.index or 0)))


def _program(part: Part, captured: Captured, inputs: Mapping[torch.fx.Node, Input]) -> tuple[Any, tuple[str, ...]]:
    """The part as the importer takes a program of torch.export, and the names of its weights."""
    graph = torch.fx.Graph()
    copies: dict[torch.fx.Node, torch.fx.Node] = {}
    specs: list[InputSpec] = []
    state: dict[str, torch.Tensor] = {}
    taken: set[str] = set()

    def placeholder(name: str, value: Any, spec: InputSpec) -> torch.fx.Node:
        node = graph.placeholder(name)
        node.meta["val"] = value
        specs.append(spec)
        return node

    # Nodes keep their names, by which the importer speaks of them: inputs give way.
    names = {node.name for node in part.nodes}
    for source in part.inputs:
        value = source.meta.get("val")
        entry = inputs.get(source)
        if source.op == "get_attr":
            copies[source] = graph.node_copy(source, copies.__getitem__)
        elif is_size(source):
            copies[source] = placeholder(source.name, value, InputSpec(InputKind.USER_INPUT, SymIntArgument(source.name), None))
        elif entry is not None and entry.is_weight:
            state[entry.name] = entry.example.detach().cpu()
            kind = InputKind.PARAMETER if isinstance(entry.example, torch.nn.Parameter) else InputKind.BUFFER
            persistent = None if kind == InputKind.PARAMETER else True
            copies[source] = placeholder(source.name, value, InputSpec(kind, TensorArgument(source.name), entry.name, persistent))
        else:
            copies[source] = placeholder(source.name, value, InputSpec(InputKind.USER_INPUT, TensorArgument(source.name), None))
        taken.add(source.name)
    for symbol, source in part.carriers.items():
        name = f"{symbol}_size"
        while name in taken or name in names:
            name += "_"
        with captured.fake_mode:
            value = torch.empty(source.meta["val"], dtype=torch.int8)
        placeholder(name, value, InputSpec(InputKind.USER_INPUT, TensorArgument(name), None))
    for node in part.nodes:
        copies[node] = graph.node_copy(node, copies.__getitem__)
    for node in part.outputs:
        order = memory_order(node.meta["val"])
        if order is not None:
            copies[node] = graph.call_function(torch.ops.aten.permute.default, (copies[node], order))
            with captured.fake_mode:
                copies[node].meta["val"] = node.meta["val"].permute(order)
    graph.output(tuple(copies[node] for node in part.outputs))
    module = torch.fx.GraphModule(captured.graph_module, graph)
    for source in part.inputs:
        if source.op == "get_attr":
            _to_host(module, str(source.target))
    outputs = [OutputSpec(OutputKind.USER_OUTPUT, TensorArgument(copies[node].name), None) for node in part.outputs]
    entry = SimpleNamespace(signature=SimpleNamespace(out_spec=None, in_spec=None))
    shape_env = captured.fake_mode.shape_env
    ranges: dict[sympy.Symbol, Any] = dict(shape_env.var_to_range) if shape_env is not None else {}
    weights = tuple(inputs[n].name for n in part.inputs if n in inputs and inputs[n].is_weight)
    return SimpleNamespace(graph_module=module, graph_signature=SimpleNamespace(input_specs=specs, output_specs=outputs),
                           state_dict=state, constants={}, range_constraints=ranges, module_call_graph=[entry]), weights


def _to_host(module: torch.fx.GraphModule, name: str) -> None:
    """Moves a constant to where the importer reads it."""
    *path, last = name.split(".")
    owner: Any = module
    for step in path:
        owner = getattr(owner, step)
    value = getattr(owner, last)
    if isinstance(value, torch.Tensor) and value.device.type != "cpu":
        # The attribute may be a buffer, which is replaced as one.
        setattr(owner, last, value.detach().cpu())


def memory_order(tensor: torch.Tensor) -> list[int] | None:
    """The order in which the dimensions of a result lie in memory where PyTorch has them: None for the order that they have
    anyway. What is no dense block of memory in PyTorch is one here."""
    if tensor.dim() < 2:
        return None
    sizes, strides = [hint(s) for s in tensor.shape], [hint(s) for s in tensor.stride()]
    order = sorted(range(tensor.dim()), key=lambda d: (-strides[d], -sizes[d], d))
    expected = 1
    for d in reversed(order):
        if sizes[d] != 1 and strides[d] != expected:
            return None
        expected *= sizes[d]
    return None if order == sorted(order) or 0 in sizes else order


_PLACE = re.compile(r'loc\("([^"]+)":(\d+)|(?:^|\s|")([^\s":]+\.py)"?:(\d+)', re.MULTILINE)


def nodes_at_fault(part: Part, message: str) -> list[torch.fx.Node]:
    """The nodes of a part whose lines the compiler names in `message`."""
    places = {(a or b, int(n or m)) for a, n, b, m in _PLACE.findall(message)}
    found = []
    for node in part.nodes:
        trace = node.meta.get("stack_trace") or ""
        if any(f'{path}", line {line},' in trace for path, line in places):
            found.append(node)
    return found
