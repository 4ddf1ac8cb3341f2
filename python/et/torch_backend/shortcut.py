#===- shortcut.py - From a call straight to its program -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Calls of a module that is one program go straight to the program.

Before each call, Dynamo checks hundreds of guards on the module and hands over all of its weights, which takes longer than some
programs run. What these guards look at is watched here instead (watch.py): attributes of the module and of all that it holds,
its classes, the globals that its code reads, its weights; and PyTorch's modes. After a call that went through Dynamo, with
nothing compiled, nothing changed and nothing but this one program run, the same call may take the shortcut: the same shapes and
types, with all that is watched as it was. Any difference leads back through Dynamo.
"""

from __future__ import annotations

import inspect
import logging
import re
import threading
import types
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable, Mapping, Sequence

import torch
from torch._dynamo import eval_frame
from torch._dynamo.eval_frame import OptimizedModule
from torch.utils._pytree import tree_flatten, tree_unflatten
from torch.utils.hooks import RemovableHandle

from . import record
from .watch import Unwatchable, Watch

if TYPE_CHECKING:
    from .backend import Session

logger = logging.getLogger("et.torch_backend")

#: Calls whose ways are kept.
_KEPT = 1024
#: After so many changes of what is watched, it is looked at anew only after as many more calls, then twice as many, ...
_PATIENCE = 4
_GLOBAL = re.compile(r"^G\['((?:[^'\\]|\\.)+)'\](?:\.(\w+))?")
_SIMPLE = (bool, int, float, str, type(None))


@dataclass(frozen=True)
class Origin:
    """What a graph's code reads beside the module: names of globals, by the dictionary that they are in."""

    code: types.CodeType
    has_effects: bool
    #: Objects that the code writes to and leaves with what they held.
    restored: tuple[Any, ...]
    globals: tuple[tuple[dict[str, Any], str], ...]


def read_origin() -> Origin | None:
    """What Dynamo knows, while it calls the backend, of what the code around a graph reads and changes; None where that cannot be
    found out."""
    from torch._dynamo.symbolic_convert import InstructionTranslator

    try:
        return _read_origin(InstructionTranslator.current_tx())
    except Exception:  # not called by Dynamo, or by one that is another inside
        logger.debug("no shortcut: what Dynamo knows was not found", exc_info=True)
        return None


def _read_origin(frame: Any) -> Origin:
    names: dict[tuple[int, str], tuple[dict[str, Any], str]] = {}
    for guard in frame.output.guards:
        found = _GLOBAL.match(guard.name)
        if found is None:
            continue
        scope, name, attribute = frame.f_globals, found[1], found[2]
        if name not in scope and name in frame.output.installed_globals:
            continue
        value = scope.get(name)
        if isinstance(value, types.ModuleType) and attribute is not None:
            scope, name = vars(value), attribute
        names[id(scope), name] = (scope, name)
    return Origin(frame.f_code, *_effects(frame), tuple(names.values()))


def _effects(frame: Any) -> tuple[bool, tuple[Any, ...]]:
    """Whether the code changes objects that were there before, and those that it leaves as they were. What it makes anew, and the
    dictionary of its own keyword arguments, is nobody else's."""
    from torch._dynamo.variables.base import AttributeMutationExisting, AttributeMutationNew, ValueMutationNew

    effects = frame.output.side_effects
    if effects.tensor_hooks or effects.save_for_backward:
        return True, ()
    code = frame.f_code
    own = None
    if code.co_flags & inspect.CO_VARKEYWORDS:
        own = code.co_varnames[code.co_argcount + code.co_kwonlyargcount + bool(code.co_flags & inspect.CO_VARARGS)]
    restored = []
    for variable in effects.id_to_variable.values():
        kind = variable.mutation_type
        if not effects.is_modified(variable) or isinstance(kind, (AttributeMutationNew, ValueMutationNew)):
            continue
        if own is not None and getattr(variable.source, "local_name", None) == own:
            continue
        value = getattr(variable, "value", None)
        stores = effects.store_attr_mutations.get(variable)
        if not isinstance(kind, AttributeMutationExisting) or not stores or not isinstance(getattr(value, "__dict__", None), dict):
            return True, ()
        if not all(new.is_python_constant() and value.__dict__.get(name, value) is new.as_python_constant()
                   for name, new in stores.items()):
            return True, ()
        restored.append(value)
    return False, tuple(restored)


# ---------------------------------------------------------------------------------------------------------------------
# What happened during a call
# ---------------------------------------------------------------------------------------------------------------------

_local = threading.local()


@dataclass
class Run:
    """One graph that ran."""

    session: "Session"
    arguments: Sequence[Any]
    results: Sequence[torch.Tensor]


def note(session: "Session", arguments: Sequence[Any], results: Any) -> None:
    """Tells a call that is being watched of a graph that ran."""
    runs = getattr(_local, "runs", None)
    if runs is not None:
        runs.append(Run(session, arguments, results))


# ---------------------------------------------------------------------------------------------------------------------
# The shortcut
# ---------------------------------------------------------------------------------------------------------------------


def install(module: OptimizedModule) -> None:
    """Puts a shortcut in front of a compiled module, once."""
    if isinstance(module.forward, types.FunctionType):
        module.forward = Shortcut(module, module.forward)


@dataclass
class _Way:
    """How a call goes to its program: where its tensors are, and what its results become."""

    session: "Session"
    call: Callable[[Sequence[torch.Tensor]], list[torch.Tensor]]
    tensors: tuple[int | str, ...]
    results: Callable[[list[torch.Tensor]], Any]
    #: The call returns before the work is done.
    waits_for_nobody: bool


class Shortcut:
    """Stands in for the forward of a compiled module."""

    def __init__(self, module: OptimizedModule, forward: Callable[..., Any]) -> None:
        self._forward = forward
        self._module = module._orig_mod
        self._context = module.dynamo_ctx
        self._ways: dict[Any, _Way] = {}
        self._watch: Watch | None = None
        self._globals: list[tuple[dict[str, Any], str, Any]] = []
        self._modes: Any = None
        self._changes = 0
        self._wait = 0
        #: Look at each global by itself, for their modules change others all the time.
        self._one_by_one = False
        #: Why there is none, once that is known for good.
        self.refused = ""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._ways:
            key = _key(args, kwargs)
            way = self._ways.get(key)
            if way is not None and (way.waits_for_nobody or self._is_as_before()):
                results = way.call([args[p] if type(p) is int else kwargs[p] for p in way.tensors])
                # A GPU is at work by now: looking takes no time of it. What it computes is thrown away if something changed.
                if not way.waits_for_nobody or self._is_as_before():
                    way.session.graph.shortcuts += 1
                    return way.results(results)
        elif self.refused:
            return self._forward(*args, **kwargs)
        return self._learn(args, kwargs)

    def _is_as_before(self) -> bool:
        if _modes() == self._modes and not self._watch.changed() and all([d.get(n) is v for d, n, v in self._globals]):
            return True
        self._ways.clear()
        self._watch = None
        self._changes += 1
        if self._changes >= _PATIENCE:
            self._wait = 1 << min(self._changes - _PATIENCE, 16)
        return False

    def _learn(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Goes through Dynamo, and looks whether the same call needs to do so again."""
        if self._wait > 0:
            self._wait -= 1
            return self._forward(*args, **kwargs)
        graphs = len(record.graphs(self._context))
        key = _key(args, kwargs)
        try:
            if key is not None and graphs and self._watch is None:
                self._look()
        except Unwatchable as reason:
            self._refuse(str(reason))
        watch = self._watch
        _local.runs = runs = []
        try:
            result = self._forward(*args, **kwargs)
        finally:
            _local.runs = None
        if watch is not None and key is not None and watch is self._watch and len(record.graphs(self._context)) == graphs:
            reason = self._add(key, args, kwargs, runs, result)
            if reason:
                logger.debug("no shortcut: %s", reason)
        return result

    def _refuse(self, reason: str) -> None:
        self.refused = reason
        self._ways.clear()
        for graph in record.graphs(self._context):
            graph.shortcut = f"none: {reason}"

    def _look(self) -> None:
        """Notes how everything is that calls depend on. Raises Unwatchable where that is not possible."""
        watch = Watch()
        watch.tensors([*self._module.parameters(), *self._module.buffers()])
        found: list[tuple[dict[str, Any], str, Any]] = []
        for graph in record.graphs(self._context):
            origin = graph.origin
            if origin is None:
                raise Unwatchable("Dynamo did not say what its guards look at")
            for value in origin.restored:
                watch.leave(value)
                found += [(value.__dict__, name, held) for name, held in value.__dict__.items()]
            for scope, name in origin.globals:
                value = scope.get(name)
                if self._one_by_one or scope.get("__name__") == "__main__":
                    found.append((scope, name, value))
                else:
                    watch.dictionary(scope)
                if not isinstance(value, (type, types.FunctionType, types.ModuleType)):
                    watch.objects([value])
        watch.objects([self._module])
        watch.take()
        self._watch, self._globals, self._modes = watch, found, _modes()

    def _add(self, key: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], runs: list[Run], result: Any) -> str:
        """Adds a way for calls like this one; or says why there is none."""
        graphs = record.graphs(self._context)
        code = getattr(self._module.forward, "__code__", None)
        for graph in graphs:
            if graph.ended_by or graph.refused or graph.origin is None:
                self._refuse("PyTorch goes back to Python in between, or parts run eagerly")
                return self.refused
            if graph.origin.has_effects:
                self._refuse("the code changes objects of Python")
                return self.refused
            if graph.origin.code is not code:
                self._refuse("what is compiled is not the module's forward itself")
                return self.refused
        if self._module._forward_hooks or self._module._forward_pre_hooks:
            return "the module has hooks"
        if len(runs) != 1 or not self._is_as_before():
            self._one_by_one = True
            return "something changed during the call"
        run = runs[0]
        direct = run.session.direct
        if direct is None:
            self._refuse("the graph is not one program")
            return self.refused
        call, positions, order = direct
        tensors = [run.arguments[p] for p in positions]
        places = [_place(tensor, args, kwargs) for tensor in tensors]
        if any(place is None for place in places):
            return "the program takes tensors that are not arguments"
        leaves, spec = tree_flatten(result)
        found: list[Any] = []
        for leaf in leaves:
            at = next((i for i, tensor in enumerate(run.results) if tensor is leaf), None)
            if at is None and not isinstance(leaf, _SIMPLE):
                return f"a result of type {type(leaf).__name__} comes from elsewhere"
            found.append((order[at], None) if at is not None else (None, leaf))
        if len(self._ways) >= _KEPT:
            self._ways.clear()
        self._ways[key] = _Way(run.session, call, tuple(places), _results(result, found, spec),
                               run.session.device.type == "cuda")
        run.session.graph.shortcut = f"taken, {len(self._watch)} words watched"
        return ""


def _place(tensor: torch.Tensor, args: Sequence[Any], kwargs: Mapping[str, Any]) -> int | str | None:
    for i, value in enumerate(args):
        if value is tensor:
            return i
    return next((name for name, value in kwargs.items() if value is tensor), None)


def _results(result: Any, leaves: Sequence[tuple[int | None, Any]], spec: Any) -> Callable[[list[torch.Tensor]], Any]:
    """What puts results of a program into what the module returns."""
    places = [i for i, _ in leaves]
    if isinstance(result, torch.Tensor):
        place = places[0]
        return lambda results: results[place]
    if type(result) in (tuple, list) and len(result) == len(places) and None not in places:
        kind = type(result)
        return lambda results: kind([results[i] for i in places])
    constants = [value for _, value in leaves]
    if isinstance(result, OrderedDict) and len(result) == len(leaves) and \
            all(any(held is value for value in result.values()) or isinstance(held, _SIMPLE) for held in vars(result).values()):
        return _records(result, leaves)
    return lambda results: tree_unflatten([results[i] if i is not None else c for i, c in zip(places, constants)], spec)


def _records(result: OrderedDict[str, Any], leaves: Sequence[tuple[int | None, Any]]) -> Callable[[list[torch.Tensor]], Any]:
    """The same for what models of transformers return: dictionaries whose items are attributes as well. Making one the way its
    class does takes longer than all else."""
    kind = type(result)
    items = [(name, place, constant) for name, (place, constant) in zip(result, leaves)]
    at = {id(value): i for i, value in enumerate(result.values())}
    attributes = [(name, at.get(id(held)), held) for name, held in vars(result).items()]
    # Values stand for themselves among attributes where they are no results.
    attributes = [(name, None if i is None else leaves[i][0], held if i is None else leaves[i][1]) for name, i, held in attributes]

    def make(results: list[torch.Tensor]) -> Any:
        made = kind.__new__(kind)
        for name, place, constant in items:
            OrderedDict.__setitem__(made, name, results[place] if place is not None else constant)
        made.__dict__.update([(name, results[place] if place is not None else constant) for name, place, constant in attributes])
        return made

    return make


def _key(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What has to be equal for two calls to go the same way; None when that cannot be told."""
    parts: list[Any] = [len(args)]
    tensors: list[Any] = []
    for value in (*args, *kwargs.values()) if kwargs else args:
        if type(value) is torch.Tensor:
            if any([value is other for other in tensors]):
                return None  # Dynamo looks at which arguments are one
            tensors.append(value)
            parts.append((value.shape, value.dtype, value.device, value.is_contiguous(), value.requires_grad))
        elif type(value) in _SIMPLE:
            parts.append((type(value), value))
        else:
            return None
    return (*parts, *kwargs)


def _modes() -> Any:
    """What of PyTorch's state decides how a call goes."""
    return (torch.is_grad_enabled(), torch.is_inference_mode_enabled(), torch._C._is_any_autocast_enabled(),
            torch._C._len_torch_function_stack(), torch._C._len_torch_dispatch_stack(), eval_frame._stance.stance,
            torch.get_default_dtype(), RemovableHandle.next_id)
