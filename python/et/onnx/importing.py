#===- importing.py - From an ONNX file to a module of the et dialect -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Reads a file, traces it with torch.export under the sizes that it names, and hands that to the importer of PyTorch graphs."""

from __future__ import annotations

import os
from typing import Any, Mapping, Sequence

import sympy
import torch
from torch.fx.traceback import preserve_node_meta

from ..errors import UnsupportedOperatorError
from ..importer import ImportedModule, import_program
from ..importer.dims import is_static, size_of
from .errors import OnnxError, UnsupportedNode, UnsupportedNodeError
from .module import TRACED, OnnxGraph
from .reader import Input, Model, read_model, unsupported_node

#: Sizes that stand for dynamic ones while tracing: unlike each other, and unlike the sizes of weights as far as possible.
_EXAMPLES = (5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43)

#: For each input a mapping or sequence: a name, a fixed size or a torch.export.Dim for each dimension it is about.
Shapes = Any


def import_onnx(path: str | os.PathLike[str], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None,
                dynamic_shapes: Shapes = None, *, dims: Mapping[str, int] | None = None, masked_rows: str = "exact",
                check_finite: bool = True) -> ImportedModule:
    """Imports an ONNX file: its text in the et dialect, and its weights by name.

    Args:
        path: the file; external data lies beside it.
        args, kwargs: example inputs; where they are given, their sizes are those of the dimensions that are not dynamic.
        dynamic_shapes: sizes other than those in the file, by input and dimension: a number fixes one, a name makes it dynamic.
        dims: fixed sizes of dimensions by their names in the file.
        masked_rows, check_finite: as for `et.compile`.
    """
    model = read_model(path)
    shapes = _shapes(model, dict(kwargs or {}), tuple(args), dynamic_shapes, dict(dims or {}))
    graph = OnnxGraph(model)
    examples, symbols = _examples(model, shapes, graph)
    program = _trace(graph, examples, symbols, shapes)
    names = _dim_names(program, shapes)
    try:
        return import_program(program, dim_names=names, masked_rows=masked_rows, check_finite=check_finite,
                              input_names=[i.name for i in model.inputs], output_names=model.graph.outputs)
    except UnsupportedOperatorError as error:
        raise UnsupportedNodeError(str(model.path), _nodes_of(error, graph, model)) from error


# ---------------------------------------------------------------------------------------------------------------------
# Sizes
# ---------------------------------------------------------------------------------------------------------------------


def _shapes(model: Model, kwargs: dict[str, Any], args: tuple[Any, ...], dynamic_shapes: Shapes, dims: dict[str, int]
            ) -> list[list[int | str]]:
    """The sizes of each input: numbers, or names of dynamic dimensions."""
    names = [i.name for i in model.inputs]
    known = ", ".join(f"'{n}'" for n in names)
    if len(args) > len(names):
        raise ValueError(f"expected at most {len(names)} inputs, but got {len(args)}; the inputs are {known}")
    given = {**dict(zip(names, args)), **kwargs}
    if isinstance(dynamic_shapes, (tuple, list)):
        dynamic_shapes = dict(zip(names, dynamic_shapes))
    for name in (*given, *(dynamic_shapes or {})):
        if name not in names:
            raise ValueError(f"expected names of inputs, but '{name}' is none; the inputs are {known}")
    in_file = {_name(i, d) for i in model.inputs for d, size in enumerate(i.shape) if not isinstance(size, int)}
    for name, size in dims.items():
        if name not in in_file:
            listed = ", ".join(f"'{d}'" for d in sorted(in_file)) or "none"
            raise ValueError(f"expected names of dimensions, but '{name}' is none; the file names {listed}")
        if size < 1:
            raise ValueError(f"expected a size of at least 1 for dimension '{name}', but got {size}")
    return [_shape(i, given.get(i.name), (dynamic_shapes or {}).get(i.name), dims, dynamic_shapes is not None) for i in model.inputs]


def _name(spec: Input, d: int) -> int | str:
    """The size of a dimension, or its name; one without a name gets that of its input."""
    size = spec.shape[d]
    return f"{spec.name}_{d}" if size is None else size


def _shape(spec: Input, example: Any, wanted: Any, dims: dict[str, int], chosen: bool) -> list[int | str]:
    asked = dict(wanted) if isinstance(wanted, Mapping) else dict(enumerate(wanted or ()))
    for d in asked:
        if not 0 <= d < len(spec.shape):
            raise ValueError(f"expected a dimension of '{spec.name}' below {len(spec.shape)}, but got {d}")
    if example is not None and len(example.shape) != len(spec.shape):
        raise ValueError(f"expected {len(spec.shape)} dimensions of '{spec.name}', but the example has {len(example.shape)}")
    result: list[int | str] = []
    for d, size in enumerate(spec.shape):
        have = _name(spec, d)
        have = dims.get(have, have) if isinstance(have, str) else have
        ask = asked.get(d)
        ask = getattr(ask, "__name__", ask)
        if ask is None and chosen and example is not None and isinstance(have, str):
            ask = int(example.shape[d])  # as torch.export: what is not dynamic is as the example has it
        if ask is not None and not isinstance(ask, (int, str)):
            ask = None  # Dim.DYNAMIC and the like: what the file says
        if isinstance(size, int) and ask is not None and ask != size:
            raise ValueError(f"expected size {size} for dimension {d} of '{spec.name}', as the file has it, but got {ask!r}; export the "
                             "model with this dimension dynamic")
        result.append(have if ask is None else ask)
    return result


def _examples(model: Model, shapes: list[list[int | str]], graph: OnnxGraph) -> tuple[list[torch.Tensor], dict[str, int]]:
    """Tensors to trace with, and the size of each name."""
    taken = {int(s) for t in graph.module.state_dict().values() for s in t.shape} | {s for shape in shapes for s in shape if isinstance(s, int)}
    names = list(dict.fromkeys(s for shape in shapes for s in shape if isinstance(s, str)))
    free = [s for s in _EXAMPLES if s not in taken] + [s for s in _EXAMPLES if s in taken]
    if len(names) > len(free):
        raise OnnxError(f"expected at most {len(free)} dynamic dimensions, but '{model.path}' has {len(names)}; fix some with dynamic_shapes")
    sizes = dict(zip(names, free))
    tensors = [torch.zeros([sizes[s] if isinstance(s, str) else s for s in shape], dtype=i.dtype) for i, shape in zip(model.inputs, shapes)]
    return tensors, sizes


def _trace(graph: OnnxGraph, examples: list[torch.Tensor], sizes: dict[str, int], shapes: list[list[int | str]]
           ) -> torch.export.ExportedProgram:
    specs = [{d: torch.export.Dim.DYNAMIC for d, s in enumerate(shape) if isinstance(s, str)} or None for shape in shapes]
    try:
        # Only then the operators of the graph know their nodes.
        with torch.no_grad(), preserve_node_meta():
            program = torch.export.export(graph.module, (examples,), dynamic_shapes=(specs,), strict=False)
    except UnsupportedNodeError:
        raise
    except OnnxError as failure:
        if not sizes:
            raise
        raise OnnxError(f"{failure}\n{_advice(sizes)}") from failure
    except Exception as failure:  # torch.export raises many types
        raise OnnxError(f"cannot trace '{graph.model.path}': {failure}\n{_advice(sizes)}") from failure
    for node in program.graph.nodes:
        position = (node.meta.get("custom") or {}).get(TRACED)
        # The importer reads locations where PyTorch has them.
        node.meta["stack_trace"] = "" if position is None else _frame(graph, position)
    return program


def _advice(sizes: dict[str, int]) -> str:
    if not sizes:
        return "no dimension was dynamic"
    listed = ", ".join(f"'{name}' = {size}" for name, size in sizes.items())
    return (f"dynamic dimensions were tried at {listed}: if the model does not work at any size, fix those that cannot vary, and give those that "
            "are equal one name, with dynamic_shapes={'input': {dimension: size or name}} (et.onnx: --dim NAME=SIZE)")


def _frame(graph: OnnxGraph, position: int) -> str:
    node = graph.traced[position]
    name = (node.name or next(filter(None, node.outputs), "")).replace('"', "'")
    return f'File "{graph.model.path.name}:{name}", line {position + 1}'


def _dim_names(program: torch.export.ExportedProgram, shapes: list[list[int | str]]) -> dict[sympy.Symbol, str]:
    """The name of each symbol of the traced program."""
    kinds = program.graph_signature.user_inputs
    nodes = {n.name: n for n in program.graph.nodes if n.op == "placeholder"}
    found: dict[sympy.Symbol, str] = {}
    for name, shape in zip(kinds, shapes):
        value = nodes[name].meta["val"]
        for size, wanted in zip(map(size_of, value.shape), shape):
            if isinstance(wanted, str) and not is_static(size) and isinstance(size, sympy.Symbol):
                found.setdefault(size, wanted)
    return found


# ---------------------------------------------------------------------------------------------------------------------
# Errors
# ---------------------------------------------------------------------------------------------------------------------


def _nodes_of(error: UnsupportedOperatorError, graph: OnnxGraph, model: Model) -> list[UnsupportedNode]:
    """The nodes of the file behind operators of PyTorch that the importer refused."""
    found = []
    for entry in error.operators:
        line = entry.location.rsplit(":", 2)[-2] if entry.location.count(":") >= 2 else ""
        if line.isdigit():
            found.append(unsupported_node(graph.traced[int(line) - 1], model.opsets, entry.reason))
        else:
            found.append(UnsupportedNode(entry.operator, "", entry.location, entry.reason))
    return found
