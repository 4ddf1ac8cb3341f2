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
import threading
import time
import warnings
from dataclasses import dataclass, replace
from typing import Any, Callable, Mapping, Sequence

import torch
from torch._dynamo.exc import RestartAnalysis

from ..errors import CompileError, UnsupportedOperatorError
from . import dynamic, options as option_parser, partition, record, shortcut, support
from .build import Built, build, nodes_at_fault
from .capture import Captured, capture, inputs_of, placeholders
from .options import OptionError, Options
from .origin import find_origin, place_of
from .runner import Direct, Runner, assemble, straight, whole
from .weights import Watch

logger = logging.getLogger("et.torch_backend")

#: How often a graph is split anew because a part of it could not be compiled.
_ATTEMPTS = 24
#: How reasons start that are errors of a whole part.
_FAILED = "not compiled: "
#: Modules that share a graph and keep programs of their own, beside the last one.
_VARIANTS = 255


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
        warnings.warn(f"a graph of '{graph.function}' runs eagerly: {reason.splitlines()[0]}; et.explain(model) says more",
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


@dataclass(eq=False)
class Variant:
    """A graph with the weights of one module: modules of one class share their graphs."""

    watch: Watch
    captured: Captured
    runner: Runner | None = None
    #: Where the graph is one program: what calls it, the arguments that it takes, and which of its results are returned.
    direct: Direct | None = None


class Session:
    """One graph, from its capture to calls of it."""

    def __init__(self, graph_module: torch.fx.GraphModule, examples: Sequence[Any], options: Options, device: torch.device,
                 graph: record.Graph) -> None:
        self.original = graph_module
        self.options = options
        self.device = device
        self.graph = graph
        self._weights = [i for i, entry in enumerate(inputs_of(graph_module, examples)) if entry.is_weight]
        self._now = Variant(Watch(self._weights, examples), capture(graph_module, examples))
        self._others: list[Variant] = []
        self._updates_left = options.updates
        self._lock = threading.RLock()

    def start(self) -> Callable[..., Any]:
        self.graph.sizes = _sizes(self._now.captured)
        self._compile(self._now)
        return self.call

    @property
    def direct(self) -> Direct | None:
        """How to call the graph with the weights that it ran with last, where it is one program."""
        return self._now.direct

    def call(self, *arguments: Any) -> Any:
        """Runs the graph; with weights that were not seen before, after it was compiled with them."""
        variant = self._now
        if variant.watch.changed(arguments):
            variant = self._choose(arguments)
        if variant.runner is None:
            return self.original.forward(*arguments)
        self.graph.calls += 1
        results = variant.runner(arguments)
        shortcut.note(self, arguments, results)
        return results

    def _choose(self, arguments: Sequence[Any]) -> Variant:
        """The variant for the weights of `arguments`."""
        with self._lock:
            for variant in (self._now, *self._others):
                if not variant.watch.changed(arguments):
                    break
            else:
                variant = self._update(arguments)
            if variant is not self._now:
                self._others = [v for v in (self._now, *self._others) if v is not variant][:_VARIANTS]
                self._now = variant
            return variant

    # -- compiling ----------------------------------------------------------------------------------------------------

    def _compile(self, variant: Variant) -> None:
        graph = variant.captured.graph_module.graph
        refused = support.refusals(graph.nodes, self.device)
        for _ in range(_ATTEMPTS):
            plan = partition.split(graph, refused, self.device)
            if not plan.parts:
                break
            built = self._build(plan, variant.captured, refused)
            if built is not None:
                variant.direct = whole(plan, variant.captured, built)
                variant.runner = straight(variant.direct) if variant.direct else assemble(plan, variant.captured, built, self.device)
                self._describe(plan, variant.captured, built, refused)
                return
        why = sorted({reason for reason in refused.values() if not reason.startswith("holds no work")})
        if not why:
            raise NoWork("it holds no work that is worth a program")
        raise Refused("; ".join(why))

    def _build(self, plan: partition.Plan, captured: Captured, refused: dict[torch.fx.Node, str]
               ) -> dict[int, tuple[Built, float]] | None:
        """Compiles all parts. None, with more in `refused`, when one of them could not be."""
        states = {entry.name: (entry.example.data_ptr(), -1 if entry.example.is_inference() else entry.example._version)
                  for entry in captured.inputs if entry.is_weight}
        built: dict[int, tuple[Built, float]] = {}
        for stage, part in plan.parts.items():
            start = time.perf_counter()
            try:
                made, is_new = build(part, captured, self.options, self.device, states)
            except UnsupportedOperatorError as error:
                by_name = {node.name: node for node in part.nodes}
                known = {by_name[name]: reason for name, reason in error.nodes.items() if name in by_name}
                refused.update(known or dict.fromkeys(part.nodes, str(error)))
                support.add_foreign(captured.graph_module.graph.nodes, refused, self.device)
                return None
            except Exception as error:  # a part that cannot be compiled is no reason to fail
                logger.debug("a part was not compiled", exc_info=True)
                nodes = nodes_at_fault(part, str(error)) if isinstance(error, CompileError) else []
                refused.update(dict.fromkeys(nodes or part.nodes, f"{_FAILED}{type(error).__name__}: {_first_line(error)}"))
                support.add_foreign(captured.graph_module.graph.nodes, refused, self.device)
                return None
            built[stage] = (made, time.perf_counter() - start)
            self.graph.programs_compiled += is_new
            self.graph.programs_reused += not is_new
        return built

    def _update(self, arguments: Sequence[Any]) -> Variant:
        """Compiles with the weights of `arguments`; a variant without a runner when weights changed too often."""
        known = next((v for v in (self._now, *self._others) if not v.watch.is_other(arguments)), None)
        before = (known or self._now).captured
        inputs = tuple(entry if not entry.is_weight else replace(entry, example=arguments[i]) for i, entry in enumerate(before.inputs))
        variant = Variant(Watch(self._weights, arguments), replace(before, inputs=inputs))
        if known is not None:
            names = [inputs[i].name for i in known.watch.changed(arguments)]
            self._others = [v for v in self._others if v is not known]
            if self._updates_left <= 0:
                if known.runner is not None:
                    self._give_up(f"its weights changed more than {self.options.updates} times, the last time '{names[0]}'")
                return variant
            self._updates_left -= 1
            self.graph.updates += 1
            logger.info("'%s' and %d other weights of '%s' changed; compiling again", names[0], len(names) - 1, self.graph.function)
        try:
            self.graph.compiled.clear()
            self.graph.eager.clear()
            self.graph.programs.clear()
            self._compile(variant)
        except Exception as failure:
            self._give_up(f"with the weights that changed: {type(failure).__name__}: {failure}")
        return variant

    def _give_up(self, reason: str) -> None:
        _eagerly(self.original, self.graph, reason)

    # -- describing ---------------------------------------------------------------------------------------------------

    def _describe(self, plan: partition.Plan, captured: Captured, built: Mapping[int, tuple[Built, float]],
                  refused: Mapping[torch.fx.Node, str]) -> None:
        mode = captured.fake_mode
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
    return {entry.source or entry.name: f"[{', '.join(map(str, node.meta['val'].shape))}]"
            for node, entry in zip(placeholders(captured.graph_module), captured.inputs)
            if not entry.is_weight and isinstance(node.meta.get("val"), torch.Tensor)}
