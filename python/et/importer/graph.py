#===- graph.py - From an exported program to a module -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""The driver of the importer: walks the graph of torch.export once and applies the import rules.

The graph is taken as torch.export gives it, with linear, attention, layer_norm and the like whole. An operator without a
rule is decomposed if PyTorch knows how; what is left is reported in one go. Operators that change a tensor in place are
taken as functions where nothing else sees the change; otherwise the graph is functionalised first.
"""

from __future__ import annotations

import math
import operator
import os
import re
from dataclasses import dataclass, field
from typing import Any, Iterable, Mapping, Protocol, Sequence

import sympy
import torch
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind, OutputKind
from torch.utils._sympy.value_ranges import bound_sympy

from .. import errors
from . import expr as E
from . import attention, ops_conv, ops_elementwise, ops_index, ops_nn, ops_reduce, ops_view, patterns  # noqa: F401  (rules)
from .decomposed import safe_softmaxes
from .dims import Size, is_static, size_of
from .emitter import INLINE_BYTES, TORCH_DTYPES, Emitter
from .ir import Base, Result, Value
from .lower import Lowering
from .printer import Printer, quote
from .registry import Context, Unsupported, find, target_name
from .report import Report

_IGNORED = {
    "aten._assert_tensor_metadata.default", "aten._assert_scalar.default", "aten._assert_async.msg",
    "aten.sym_constrain_range.default", "aten.sym_constrain_range_for_size.default",
}
_VIEWS = {
    "view", "reshape", "transpose", "permute", "t", "unsqueeze", "squeeze", "expand", "expand_as", "flatten", "select", "slice",
    "narrow", "split", "chunk", "unbind", "contiguous", "alias", "detach", "view_as", "unflatten", "to", "dropout", "type_as",
    "getitem", "split_with_sizes", "movedim", "swapaxes", "_unsafe_view", "reshape_as",
}
_TORCH_DIR = os.path.dirname(torch.__file__) + os.sep
_FRAME = re.compile(r'File "([^"]+)", line (\d+)')


@dataclass(frozen=True)
class TensorSpec:
    """What one input or output of a program looks like."""

    name: str
    dtype: str
    shape: tuple[int | str, ...]  # a name stands for a dynamic dimension


@dataclass
class ImportedModule:
    """A module in the text form of the compiler, with its weights and what is needed to call it."""

    text: str
    weights: dict[str, torch.Tensor]
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    report: Report
    ranges: dict[str, tuple[int, int | None]]
    out_spec: Any = field(repr=False, default=None)
    in_spec: Any = field(repr=False, default=None)
    output_positions: tuple[Any, ...] = field(repr=False, default=())
    emitter: Emitter | None = field(repr=False, default=None)
    results: tuple[Result, ...] = field(repr=False, default=())

    def unflatten(self, outputs: Sequence[Any]) -> Any:
        """Puts the outputs of a run into the structure that the module returns."""
        if self.out_spec is None:
            return tuple(outputs)
        leaves = [outputs[p] if isinstance(p, int) else p[0] for p in self.output_positions]
        return torch.utils._pytree.tree_unflatten(leaves, self.out_spec)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the text to `path` and the weights, if any, beside it as safetensors."""
        with open(path, "w", encoding="utf-8") as file:
            file.write(self.text)
        if self.weights:
            from safetensors.torch import save_file

            # safetensors refuses tensors that share memory.
            save_file({n: t.detach().contiguous().clone() for n, t in self.weights.items()},
                      os.path.splitext(os.fspath(path))[0] + ".safetensors")


class Captured(Protocol):
    """What the importer reads of an exported program."""

    graph_module: torch.fx.GraphModule
    graph_signature: Any
    state_dict: Mapping[str, torch.Tensor]
    constants: Mapping[str, Any]
    range_constraints: Mapping[sympy.Symbol, Any]
    module_call_graph: Sequence[Any]


def import_program(program: ExportedProgram, *, dim_names: Mapping[sympy.Symbol, str] | None = None,
                   check_finite: bool = True, masked_rows: str = "exact",
                   input_names: Sequence[str] = (), output_names: Sequence[str] = ()) -> ImportedModule:
    """Imports an exported program.

    `dim_names` names the symbols of dynamic dimensions, `input_names` and `output_names` the inputs and outputs in order, by
    default as torch.export does. `masked_rows="ignore"` promises that rows of attention whose keys
    are all masked do not matter, so that additive masks can become boolean ones.
    """
    if masked_rows not in ("exact", "ignore"):
        raise ValueError(f"expected masked_rows to be 'exact' or 'ignore', but got {masked_rows!r}")
    return import_captured(_normalise(program), dim_names=dim_names, check_finite=check_finite, masked_rows=masked_rows,
                           input_names=input_names, output_names=output_names)


def import_captured(program: Captured, *, dim_names: Mapping[sympy.Symbol, str] | None = None, check_finite: bool = True,
                    masked_rows: str = "exact", quiet: bool = False, input_names: Sequence[str] = (),
                    output_names: Sequence[str] = ()) -> ImportedModule:
    """Imports a graph in which every operator has a rule and nothing changes a tensor that others see. A quiet report logs
    nothing that was missed as a warning."""
    E.reset()
    try:
        return _Importer(program, dict(dim_names or {}), check_finite, masked_rows == "ignore", Report(quiet=quiet),
                         tuple(input_names), tuple(output_names)).run()
    finally:
        E.reset()


# ---------------------------------------------------------------------------------------------------------------------
# Preparing the graph
# ---------------------------------------------------------------------------------------------------------------------


def _graphs(module: torch.fx.GraphModule) -> Iterable[torch.fx.GraphModule]:
    yield module
    for child in module.children():
        if isinstance(child, torch.fx.GraphModule):
            yield from _graphs(child)


def _normalise(program: ExportedProgram) -> ExportedProgram:
    """Decomposes operators without a rule, and in-place operators whose effect is seen elsewhere."""
    for _ in range(4):
        unknown: set[Any] = set()
        mutates = False
        for graph_module in _graphs(program.graph_module):
            positions = {node: i for i, node in enumerate(graph_module.graph.nodes)}
            for node in graph_module.graph.nodes:
                if node.op != "call_function" or not isinstance(node.target, torch._ops.OpOverload):
                    continue
                if _mutates(node):
                    if find(node.target) is None or not _mutation_is_local(node, positions):
                        mutates = True
                elif find(node.target) is None and str(node.target) not in _IGNORED and _is_tensor_node(node):
                    unknown.add(node.target)
        table = {}
        if unknown:
            known = torch.export.default_decompositions()
            table = {op: known[op] for op in unknown if op in known}
        if not table and not mutates:
            break
        program = program.run_decompositions(table)
    return program


def _is_tensor_node(node: torch.fx.Node) -> bool:
    value = node.meta.get("val")
    return isinstance(value, torch.Tensor) or isinstance(value, (list, tuple))


def _mutates(node: torch.fx.Node) -> bool:
    return node.target._schema.is_mutable


def _short_name(node: torch.fx.Node) -> str:
    name = target_name(node.target)
    return name.split(".")[1] if "." in name else name


def _mutation_is_local(node: torch.fx.Node, positions: Mapping[torch.fx.Node, int]) -> bool:
    """True when nothing but later readers of the very tensor sees an in-place change."""
    target = node.args[0]
    here = positions[node]
    if not isinstance(target, torch.fx.Node) or target.op == "placeholder":
        return False
    source = target
    while source.op == "call_function" and (_short_name(source) in _VIEWS or
                                            (source is not target and _short_name(source).endswith("_"))):
        parent = source.args[0]
        if not isinstance(parent, torch.fx.Node) or parent.op == "placeholder":
            return False
        if any(positions.get(u, -1) > here for u in parent.users if u is not source):
            return False
        source = parent
    stack = [u for u in target.users if positions.get(u, -1) < here and u.op == "call_function" and _short_name(u) in _VIEWS]
    while stack:
        view = stack.pop()
        if any(positions.get(u, -1) > here for u in view.users):
            return False
        stack.extend(u for u in view.users if _short_name(u) in _VIEWS)
    return True


# ---------------------------------------------------------------------------------------------------------------------
# The import
# ---------------------------------------------------------------------------------------------------------------------


class _Importer:
    def __init__(self, program: Captured, dim_names: dict[sympy.Symbol, str], check_finite: bool, ignore_empty_rows: bool,
                 report: Report, input_names: tuple[str, ...], output_names: tuple[str, ...]) -> None:
        self.program = program
        self.input_names = input_names
        self.output_names = output_names
        self.dim_names = dim_names
        self.check_finite = check_finite
        self.emitter = Emitter()
        self.report = report
        self.lowering = Lowering(self.emitter, self.report, ignore_empty_rows)
        self.context = Context(self.lowering)
        self.unsupported: list[errors.UnsupportedOperator] = []
        self.refused: dict[str, str] = {}
        self.inputs: list[TensorSpec] = []
        self.constants: dict[tuple, Base] = {}
        self.locations: dict[str, str] = {}
        self.site_packages = os.path.dirname(os.path.dirname(torch.__file__)) + os.sep

    def run(self) -> ImportedModule:
        program = self.program
        graph_module = program.graph_module
        placeholders = [n for n in graph_module.graph.nodes if n.op == "placeholder"]
        self._name_dims(placeholders)
        arguments: list[Any] = []
        for node, spec in zip(placeholders, program.graph_signature.input_specs):
            arguments.append(self._input(node, spec))
        returned = self._graph(graph_module, arguments)
        if self.unsupported:
            raise errors.UnsupportedOperatorError(self.unsupported, self.refused)
        results: list[Result] = []
        specs: list[TensorSpec] = []
        positions: list[Any] = []
        names = self.output_names or _output_names(program)
        attrs: list[str] = []
        for i, (spec, value) in enumerate(zip(program.graph_signature.output_specs, returned)):
            if spec.kind != OutputKind.USER_OUTPUT:
                raise errors.ImportError_(
                    f"expected a module without side effects, but it changes '{spec.target}' ({spec.kind.name.lower()}); "
                    "compile a module whose forward only returns values")
            if not isinstance(value, Value):
                positions.append((value,))
                continue
            positions.append(len(results))
            self.emitter.loc = ""
            if value.dtype == "i1" and value.body.op == "cast":
                value = Value(value.dims, value.body)
            results.append(self.lowering.tensor(value))
            name = names[len(positions) - 1] if len(positions) <= len(names) else f"output{i}"
            specs.append(TensorSpec(name, value.dtype, self._shape_names(value.shape)))
            attrs.append(f"{{et.name = {quote(name)}}}")
        text = Printer(self.emitter).module(results, attrs)
        # A name as it is, or between quotes, where it may hold anything.
        used = set(re.findall(r'dense_resource<("(?:[^"\\]|\\.)*"|[^">]+)>', text))
        weights = {n: t for n, t in self.emitter.weights.items() if n in used or quote(n) in used}
        if self.check_finite:
            bad = [n for n, t in weights.items() if t.is_floating_point() and not _is_finite(t)]
            if bad:
                raise errors.NonFiniteWeightError(bad)
        signature = program.module_call_graph[0].signature
        return ImportedModule(text, weights, tuple(self.inputs), tuple(specs), self.report, self._ranges(),
                              signature.out_spec, signature.in_spec, tuple(positions), self.emitter, tuple(results))

    # -- inputs -------------------------------------------------------------------------------------------------------

    def _name_dims(self, placeholders: Sequence[torch.fx.Node]) -> None:
        """Gives every symbol a name that no other has."""
        taken = set(self.dim_names.values())
        for node in placeholders:
            value = node.meta.get("val")
            if not isinstance(value, torch.Tensor):
                continue
            for d, size in enumerate(map(size_of, value.shape)):
                if not is_static(size):
                    for symbol in sorted(size.free_symbols, key=str):
                        if symbol not in self.dim_names:
                            name = f"{node.target}_{d}"
                            while name in taken:
                                name += "_"
                            taken.add(name)
                            self.dim_names[symbol] = name

    def _dim_name(self, size: Size) -> int | str:
        if is_static(size):
            return size
        if isinstance(size, sympy.Symbol):
            return self.dim_names.get(size, str(size))
        return str(size.subs({s: sympy.Symbol(self.dim_names.get(s, str(s))) for s in size.free_symbols}))

    def _shape_names(self, shape: Sequence[Size]) -> tuple[int | str, ...]:
        return tuple(map(self._dim_name, shape))

    def _least(self, size: Size) -> int:
        """The smallest size of a dimension that the module was exported for, or 0 where every size will do."""
        if is_static(size) or not size.free_symbols <= self.program.range_constraints.keys():
            return 0
        known = {s: self.program.range_constraints[s] for s in size.free_symbols}
        if all(not b.lower.is_number or b.lower <= 2 for b in known.values()):
            return 0  # torch.export never goes below 2 by itself; the module here has no such bound
        lower = bound_sympy(size, known).lower
        return int(lower) if lower.is_number and lower.is_finite and lower > 0 else 0

    def _ranges(self) -> dict[str, tuple[int, int | None]]:
        """Smallest and largest size of each dynamic dimension."""
        ranges: dict[str, tuple[int, int | None]] = {}
        for symbol, bounds in self.program.range_constraints.items():
            if symbol in self.dim_names:
                low = int(bounds.lower) if bounds.lower.is_number and bounds.lower.is_finite else 0
                low = 0 if low <= 2 else low  # torch.export never goes below 2 by itself; the module here has no such bound
                high = int(bounds.upper) if getattr(bounds.upper, "is_Integer", False) and bounds.upper < (1 << 31) else None
                ranges[self.dim_names[symbol]] = (low, high)
        return ranges

    def _input(self, node: torch.fx.Node, spec: Any) -> Any:
        kind = spec.kind
        if kind == InputKind.USER_INPUT:
            value = node.meta.get("val")
            if not isinstance(value, torch.Tensor):
                return size_of(value) if isinstance(value, torch.SymInt) else value
            dtype = self._dtype(value, f"input '{node.target}'")
            shape = tuple(size_of(s) for s in value.shape)
            name = self.input_names[len(self.inputs)] if self.input_names else str(node.target)
            names = self._shape_names(shape)
            dims = ", ".join(quote(str(n)) for n in names)
            attrs = f"et.name = {quote(name)}, et.dims = [{dims}]"
            least = [self._least(s) for s in shape]
            if any(least):
                attrs += f", et.min_sizes = array<i64: {', '.join(map(str, least))}>"
            result = self.emitter.argument(name, shape, dtype, f"{{{attrs}}}")
            self.inputs.append(TensorSpec(name, dtype, names))
            base = Base(result, shape, dtype, name=name)
            axes = [(E.Axis(s),) if s != 1 else () for s in shape]
            body = E.load(base, tuple(E.index(a[0]) if a else E.const(0, "i64") for a in axes))
            return Value(axes, body)
        if kind in (InputKind.PARAMETER, InputKind.BUFFER, InputKind.CONSTANT_TENSOR):
            return self._constant(spec.target, self._data(spec), kind == InputKind.PARAMETER)
        raise errors.ImportError_(f"expected tensors as inputs, but '{node.target}' is {kind.name.lower()}")

    def _data(self, spec: Any) -> torch.Tensor:
        program = self.program
        if spec.target in program.state_dict:
            return program.state_dict[spec.target]
        return program.constants[spec.target]

    def _dtype(self, tensor: torch.Tensor, what: str) -> str:
        dtype = TORCH_DTYPES.get(tensor.dtype)
        if dtype is None:
            raise errors.ImportError_(f"expected a type among {', '.join(sorted(TORCH_DTYPES.values()))} for {what}, but got "
                                      f"{str(tensor.dtype).removeprefix('torch.')}; convert the module first")
        return dtype

    def _constant(self, name: str, tensor: torch.Tensor, parameter: bool) -> Value:
        tensor = tensor.detach()
        self._dtype(tensor, f"'{name}'")
        axes = [(E.Axis(s),) if s != 1 else () for s in tensor.shape]
        positions = tuple(E.index(a[0]) if a else E.const(0, "i64") for a in axes)
        if not tensor.is_floating_point() and tensor.numel():
            known = _known_integers(tensor, axes)
            if known is not None:
                return Value(axes, known)
        # Tied weights are one tensor under several names.
        key = (tensor.data_ptr(), tuple(tensor.shape), tensor.stride(), tensor.dtype) if tensor.numel() else (name,)
        base = self.constants.get(key)
        if base is None:
            small = not parameter and tensor.numel() * tensor.element_size() <= INLINE_BYTES
            base = self.constants[key] = self.lowering.constant(tensor, "" if small else name)
        body = E.load(base, positions)
        return Value(axes, E.cast(body, "i1") if tensor.dtype == torch.bool else body)

    # -- nodes --------------------------------------------------------------------------------------------------------

    def _graph(self, graph_module: torch.fx.GraphModule, arguments: Sequence[Any]) -> list[Any]:
        nodes = list(graph_module.graph.nodes)
        guarded = safe_softmaxes(nodes)
        live = _live(nodes, guarded)
        readers: dict[torch.fx.Node, int] = {}
        for node in live:
            for source in _sources(node, guarded):
                readers[source] = readers.get(source, 0) + 1
        values: dict[torch.fx.Node, Any] = {}
        supply = iter(arguments)
        for node in nodes:
            if node.op == "placeholder":
                value = next(supply)
                if isinstance(value, Value):
                    value.users = max(value.users, readers.get(node, 0))
                values[node] = value
            elif node.op == "output":
                flat, _ = torch.utils._pytree.tree_flatten(node.args[0])
                return [values[x] if isinstance(x, torch.fx.Node) else x for x in flat]
            elif node not in live:
                continue
            elif node.op == "get_attr":
                values[node] = self._attribute(graph_module, node)
            else:
                value = self._softmax(node, values, *guarded[node]) if node in guarded else self._call(node, values)
                if isinstance(value, Value):
                    value.users = max(readers.get(node, 0), 1)
                    if value.body.heavy:
                        self.lowering.origins.setdefault(value.body, self.emitter.loc)
                values[node] = value
        return []

    def _attribute(self, graph_module: torch.fx.GraphModule, node: torch.fx.Node) -> Any:
        value: Any = graph_module
        for part in str(node.target).split("."):
            value = getattr(value, part)
        return self._constant(str(node.target), value, False) if isinstance(value, torch.Tensor) else value

    def _softmax(self, node: torch.fx.Node, values: dict[torch.fx.Node, Any], scores: torch.fx.Node, dim: int) -> Any:
        """A softmax that PyTorch took apart."""
        self.emitter.loc = self._location(node)
        context = self.context
        context.meta, context.target, context.node = node.meta["val"], torch.ops.aten._safe_softmax.default, node
        self.lowering.read(values[scores])
        return find(context.target)(context, values[scores], dim)

    def _call(self, node: torch.fx.Node, values: dict[torch.fx.Node, Any]) -> Any:
        meta = node.meta.get("val")
        if isinstance(meta, (torch.SymInt, int)) and not isinstance(meta, bool):
            return size_of(meta)
        if isinstance(meta, (torch.SymBool, torch.SymFloat, bool, float)):
            return meta
        if node.target is operator.getitem:
            return values[node.args[0]][node.args[1]]
        self.emitter.loc = self._location(node)
        convert = lambda x: values[x] if isinstance(x, torch.fx.Node) else x
        args = torch.fx.node.map_arg(node.args, convert)
        kwargs = torch.fx.node.map_arg(node.kwargs, convert)
        kind = target_name(node.target)
        if kind in ("wrap_with_set_grad_enabled", "wrap_with_autocast"):
            at = next(i for i, a in enumerate(args) if isinstance(a, torch.fx.GraphModule))
            if kind == "wrap_with_autocast" and args[2 if len(args) > 2 else 0] is True:
                return self._refuse(node, meta, "autocast inside the module; convert the module to the type instead")
            return self._graph(args[at], args[at + 1:])
        rule = find(node.target)
        if rule is None:
            return self._refuse(node, meta, "no import rule")
        context = self.context
        context.meta, context.target, context.node = meta, node.target, node
        for operand in torch.utils._pytree.tree_leaves((args, kwargs)):
            if isinstance(operand, Value):
                self.lowering.read(operand)
        kwargs = {k: v for k, v in kwargs.items()
                  if k not in ("device", "layout", "pin_memory", "memory_format", "non_blocking", "copy")}
        try:
            result = rule(context, *args, **kwargs)
        except Unsupported as reason:
            return self._refuse(node, meta, str(reason))
        if isinstance(node.target, torch._ops.OpOverload) and _mutates(node):
            values[node.args[0]] = result  # later readers of the tensor see the new value
        return result

    def _refuse(self, node: torch.fx.Node, meta: Any, reason: str) -> Any:
        """Notes an operator that cannot be imported, and goes on with a stand-in so that all of them are found."""
        stack = node.meta.get("nn_module_stack") or {}
        path = next(reversed(stack.values()))[0] if stack else ""
        path = re.sub(r"^L\['self'\]\.?", "", path)
        entry = errors.UnsupportedOperator(target_name(node.target), path, self._location(node), reason)
        self.refused[node.name] = reason
        if entry not in self.unsupported:
            self.unsupported.append(entry)

        def stand_in(value: Any) -> Any:
            if not isinstance(value, torch.Tensor):
                return value
            shape = tuple(size_of(s) for s in value.shape)
            dtype = TORCH_DTYPES.get(value.dtype, "f32")
            axes = [(E.Axis(s),) if s != 1 else () for s in shape]
            base = Base(Result(shape, dtype), shape, dtype)
            return Value(axes, E.load(base, tuple(E.index(a[0]) if a else E.const(0, "i64") for a in axes)))

        return [stand_in(v) for v in meta] if isinstance(meta, (list, tuple)) else stand_in(meta)

    def _location(self, node: torch.fx.Node) -> str:
        trace = node.meta.get("stack_trace") or ""
        found = self.locations.get(trace)
        if found is None:
            frames = _FRAME.findall(trace)
            user = [f for f in frames if not f[0].startswith(_TORCH_DIR)] or frames
            found = ""
            if user:
                path, line = user[-1]
                path = path.removeprefix(self.site_packages)
                found = f"{quote(path)}:{line}:0"
            self.locations[trace] = found
        return found


def _is_finite(tensor: torch.Tensor) -> bool:
    """True when no element is NaN or infinite; a finite sum proves it in one fast pass."""
    if tensor.dtype in (torch.float32, torch.float64) and tensor.is_contiguous():
        total = float(tensor.detach().numpy().sum())
    else:
        total = tensor.sum(dtype=torch.float32).item()
    return math.isfinite(total) or bool(torch.isfinite(tensor).all())


def _sources(node: torch.fx.Node, guarded: Mapping[torch.fx.Node, tuple[torch.fx.Node, int]]) -> list[torch.fx.Node]:
    """The nodes that a node reads."""
    return [guarded[node][0]] if node in guarded else node.all_input_nodes


def _live(nodes: Sequence[torch.fx.Node],
          guarded: Mapping[torch.fx.Node, tuple[torch.fx.Node, int]]) -> set[torch.fx.Node]:
    """Nodes that an output depends on, and in-place operators on them."""
    live: set[torch.fx.Node] = set()
    mutators: dict[torch.fx.Node, list[torch.fx.Node]] = {}
    for node in nodes:
        if node.op == "call_function" and isinstance(node.target, torch._ops.OpOverload) and _mutates(node) and node.args:
            if isinstance(node.args[0], torch.fx.Node):
                mutators.setdefault(node.args[0], []).append(node)
    stack = [n for n in nodes if n.op == "output"]
    while stack:
        node = stack.pop()
        if node in live:
            continue
        live.add(node)
        stack.extend(_sources(node, guarded))
        stack.extend(mutators.get(node, ()))
    return live


def _known_integers(tensor: torch.Tensor, axes: Sequence[tuple[E.Axis, ...]]) -> E.Expr | None:
    """The elements of an integer constant as a formula, when they are all equal or count up along a dimension."""
    dtype = TORCH_DTYPES[tensor.dtype]
    first = tensor.reshape(-1)[0]
    if bool((tensor == first).all()):
        return E.const(first.item(), dtype)
    if tensor.dtype == torch.bool:
        return None
    for d, size in enumerate(tensor.shape):
        if size > 1:
            shape = [1] * tensor.dim()
            shape[d] = size
            if bool((tensor == first + torch.arange(size, dtype=tensor.dtype).reshape(shape)).all()):
                return E.cast(E.add(E.index(axes[d][0]), E.const(first.item(), "i64")), dtype)
    return None


def _output_names(program: ExportedProgram) -> list[str]:
    """A name for each output, from the fields of the structure the module returns."""
    spec = program.module_call_graph[0].signature.out_spec
    count = len(program.graph_signature.output_specs)
    if spec is None:
        return [f"output{i}" for i in range(count)]
    try:
        structure = torch.utils._pytree.tree_unflatten(list(range(spec.num_leaves)), spec)
        paths, _ = torch.utils._pytree.tree_flatten_with_path(structure)
    except (TypeError, ValueError, NotImplementedError):
        return [f"output{i}" for i in range(count)]
    names = []
    for path, _ in paths:
        parts = []
        for key in path:
            part = getattr(key, "key", getattr(key, "name", getattr(key, "idx", None)))
            parts.append(str(part))
        name = "_".join(parts)
        names.append(f"output{name}" if name.isdigit() or not name else name)
    return names if len(names) == count else [f"output{i}" for i in range(count)]
