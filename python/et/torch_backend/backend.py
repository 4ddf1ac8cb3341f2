#===- backend.py - What Dynamo calls -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""The backend: takes a graph of Dynamo, compiles what can be compiled, and returns what runs it.

Whatever happens here, the program goes on: what is not compiled runs as PyTorch wrote it, and the record says why.
"""

from __future__ import annotations

import logging
import time
import warnings
from typing import Any, Callable, Mapping, Sequence

import torch
from torch._dynamo.exc import RestartAnalysis

from ..errors import CompileError, UnsupportedOperatorError
from . import dynamic, options as option_parser, partition, record, shortcut, support
from .build import Built, build, nodes_at_fault
from .capture import Captured, capture, inputs_of
from .options import OptionError, Options
from .origin import find_origin, place_of
from .runner import Direct, Runner, assemble, straight, whole
from .weights import Watch

logger = logging.getLogger("et.torch_backend")

#: How often a graph is split anew because a part of it could not be compiled.
_ATTEMPTS = 24
#: How reasons start that are errors of a whole part.
_FAILED = "not compiled: "


class Refused(Exception):
    """A graph that runs eagerly as a whole; the text says why."""


class NoWork(Refused):
    """A graph that is as well off running eagerly."""


def compile_graph(graph_module: torch.fx.GraphModule, examples: Sequence[Any], *, options: Mapping[str, Any] | None = None,
                  mode: str | None = None) -> Callable[..., Any]:
    """The backend as Dynamo calls it: `torch.compile(model, backend="et", options={...})`."""
    chosen = option_parser.parse(options)
    if mode is not None:
        warnings.warn(f"the backend 'et' has no modes: mode={mode!r} changes nothing", stacklevel=2)
    origin = find_origin()
    graph = record.Graph(origin.function, origin.location, origin.ended_by, origin.ended_at, origin=shortcut.read_origin())
    try:
        device = _check(graph_module, examples)
        if chosen.dynamic == "auto":
            dynamic.request(graph_module, examples)
        run = Session(graph_module, examples, chosen, device, graph).start()
    except (RestartAnalysis, OptionError):
        raise
    except Refused as reason:
        run = _eagerly(graph_module, graph, str(reason), warn=not isinstance(reason, NoWork))
    except Exception as failure:
        logger.debug("a graph was not compiled", exc_info=True)
        run = _eagerly(graph_module, graph, f"{type(failure).__name__}: {failure}")
    record.add(graph, origin.owner)
    if chosen.shortcut and origin.module is not None:
        shortcut.install(origin.module)
    return run


def _eagerly(graph_module: torch.fx.GraphModule, graph: record.Graph, reason: str, warn: bool = True) -> Callable[..., Any]:
    graph.refused = reason
    graph.compiled.clear()
    graph.programs.clear()
    graph.eager[:] = [record.Eager(record.count(_name(n) for n in graph_module.graph.nodes if n.op.startswith("call_")), reason, "", 0)]
    if warn:
        warnings.warn(f"a graph of '{graph.function}' runs eagerly: {reason.splitlines()[0]}; et.torch_backend.report(model) says more",
                      stacklevel=2)
    return graph_module.forward


def _name(node: torch.fx.Node) -> str:
    return node.target if isinstance(node.target, str) else getattr(node.target, "__name__", str(node.target))


def _check(graph_module: torch.fx.GraphModule, examples: Sequence[Any]) -> torch.device:
    """The device of a graph. Raises Refused for what programs cannot be."""
    tensors = [e for e in examples if isinstance(e, torch.Tensor)]
    if torch.is_grad_enabled() and any(t.requires_grad for t in tensors):
        raise Refused("gradients may be asked for, but programs have none; call the model under torch.no_grad() or "
                      "torch.inference_mode()")
    for kind in ("cpu", "cuda"):
        if torch.is_autocast_enabled(kind):
            raise Refused(f"autocast is on for {kind}; convert the model with .to({torch.get_autocast_dtype(kind)}) instead")
    devices = {t.device for t in tensors if t.dim() > 0}
    if len(devices) > 1:
        raise Refused(f"tensors are on several devices: {', '.join(sorted(map(str, devices)))}")
    device = next(iter(devices), torch.device("cpu"))
    if device.type not in ("cpu", "cuda"):
        raise Refused(f"tensors are on {device}, but programs run on the CPU and on CUDA devices")
    return device


class Session:
    """One graph, from its capture to calls of it."""

    def __init__(self, graph_module: torch.fx.GraphModule, examples: Sequence[Any], options: Options, device: torch.device,
                 graph: record.Graph) -> None:
        self.original = graph_module
        self.options = options
        self.device = device
        self.graph = graph
        inputs = inputs_of(graph_module, examples)
        self.watch = Watch([i for i, entry in enumerate(inputs) if entry.is_weight], examples)
        self.captured = capture(graph_module, examples)
        self.plan: partition.Plan | None = None
        self.runner: Runner | None = None
        #: Where the graph is one program: what calls it, the arguments that it takes, and which of its results are returned.
        self.direct: Direct | None = None
        self._updates_left = options.updates

    def start(self) -> Callable[..., Any]:
        self.graph.sizes = _sizes(self.captured)
        self._compile()
        return self.call

    def call(self, *arguments: Any) -> Any:
        """Runs the graph; with other weights than before, after it was compiled with them."""
        if self.watch.changed(arguments):
            self._update(arguments)
        if self.runner is None:
            return self.original.forward(*arguments)
        self.graph.calls += 1
        results = self.runner(arguments)
        shortcut.note(self, arguments, results)
        return results

    # -- compiling ----------------------------------------------------------------------------------------------------

    def _compile(self) -> None:
        graph = self.captured.graph_module.graph
        refused = support.refusals(graph.nodes, self.device)
        for _ in range(_ATTEMPTS):
            plan = partition.split(graph, refused, self.device)
            if not plan.parts:
                break
            built = self._build(plan, refused)
            if built is not None:
                self.plan = plan
                self.direct = whole(plan, self.captured, built)
                self.runner = straight(self.direct) if self.direct else assemble(plan, self.captured, built, self.device)
                self._describe(plan, built, refused)
                return
        why = sorted({reason for reason in refused.values() if not reason.startswith("holds no work")})
        if not why:
            raise NoWork("it holds no work that is worth a program")
        raise Refused("; ".join(why))

    def _build(self, plan: partition.Plan, refused: dict[torch.fx.Node, str]) -> dict[int, tuple[Built, float]] | None:
        """Compiles all parts. None, with more in `refused`, when one of them could not be."""
        states = self._states()
        built: dict[int, tuple[Built, float]] = {}
        for stage, part in plan.parts.items():
            start = time.perf_counter()
            try:
                made, is_new = build(part, self.captured, self.options, self.device, states)
            except UnsupportedOperatorError as error:
                by_name = {node.name: node for node in part.nodes}
                known = {by_name[name]: reason for name, reason in error.nodes.items() if name in by_name}
                refused.update(known or dict.fromkeys(part.nodes, str(error)))
                support.add_foreign(self.captured.graph_module.graph.nodes, refused, self.device)
                return None
            except Exception as error:  # a part that cannot be compiled is no reason to fail
                logger.debug("a part was not compiled", exc_info=True)
                nodes = nodes_at_fault(part, str(error)) if isinstance(error, CompileError) else []
                refused.update(dict.fromkeys(nodes or part.nodes, f"{_FAILED}{type(error).__name__}: {_first_line(error)}"))
                support.add_foreign(self.captured.graph_module.graph.nodes, refused, self.device)
                return None
            built[stage] = (made, time.perf_counter() - start)
            self.graph.programs_compiled += is_new
            self.graph.programs_reused += not is_new
        return built

    def _states(self) -> dict[str, Any]:
        return {entry.name: (entry.example.data_ptr(), -1 if entry.example.is_inference() else entry.example._version)
                for entry in self.captured.inputs if entry.is_weight}

    def _update(self, arguments: Sequence[Any]) -> None:
        """Compiles with the weights of `arguments`, or gives up when that happened too often."""
        names = [self.captured.inputs[i].name for i in self.watch.changed(arguments)]
        if self.runner is None:
            return
        if self._updates_left <= 0:
            self._give_up(f"its weights changed more than {self.options.updates} times, the last time '{names[0]}'")
            return
        self._updates_left -= 1
        self.graph.updates += 1
        logger.info("'%s' and %d other weights of '%s' changed; compiling again", names[0], len(names) - 1, self.graph.function)
        inputs = tuple(entry if not entry.is_weight else type(entry)(entry.name, arguments[i], True, entry.source)
                       for i, entry in enumerate(self.captured.inputs))
        self.captured = Captured(self.captured.graph_module, inputs, self.captured.fake_mode)
        self.watch.take(arguments)
        try:
            self.graph.compiled.clear()
            self.graph.eager.clear()
            self.graph.programs.clear()
            self._compile()
        except Exception as failure:
            self._give_up(f"with the weights that changed: {type(failure).__name__}: {failure}")

    def _give_up(self, reason: str) -> None:
        self.runner = self.direct = None
        _eagerly(self.original, self.graph, reason)

    # -- describing ---------------------------------------------------------------------------------------------------

    def _describe(self, plan: partition.Plan, built: Mapping[int, tuple[Built, float]], refused: Mapping[torch.fx.Node, str]) -> None:
        mode = self.captured.fake_mode
        for stage, part in plan.parts.items():
            made, seconds = built[stage]
            self.graph.programs.append(made.call)
            self.graph.compiled.append(record.Compiled(
                made.target, record.count(map(support.short_name, part.nodes)), sum(support.flops(n, mode) for n in part.nodes),
                seconds, tuple(map(str, made.imported.report.remarks)), made.remarks))
        groups: dict[tuple[str, str], list[torch.fx.Node]] = {}
        for nodes in plan.eager.values():
            for node in nodes:
                if node.op == "call_function" and not support.is_size(node):
                    reason = refused.get(node, "is a view of what the caller has, or of another result")
                    # One error of the compiler is one reason for all that it takes with it.
                    place = "" if reason.startswith(_FAILED) else place_of(node)
                    groups.setdefault((reason, place), []).append(node)
        for (reason, place), nodes in groups.items():
            self.graph.eager.append(record.Eager(record.count(map(support.short_name, nodes)), reason, place,
                                                 sum(support.flops(n, mode) for n in nodes)))


def _first_line(error: Exception) -> str:
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)


def _sizes(captured: Captured) -> dict[str, str]:
    """The shape of each input that is no weight."""
    nodes = [n for n in captured.graph_module.graph.nodes if n.op == "placeholder"]
    return {entry.source or entry.name: f"[{', '.join(map(str, node.meta['val'].shape))}]"
            for node, entry in zip(nodes, captured.inputs)
            if not entry.is_weight and isinstance(node.meta.get("val"), torch.Tensor)}
