#===- trace.py - Runs a program once with given sizes -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""One run of a program on fake tensors whose sizes are symbols with values, and what it asked."""

from __future__ import annotations

import contextlib
import copy
import logging
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch._dispatch.python import enable_python_dispatcher
from torch._subclasses.fake_tensor import (DataDependentOutputException, DynamicOutputShapeException, FakeTensorMode,
                                           UnsupportedOperatorException)
from torch.fx.experimental.symbolic_shapes import GuardOnDataDependentSymNode

from .places import Place, module_names, of_error
from .shapes import Arguments, Multiple, TensorShape
from .size_env import Recorder, SizeEnv
from .watch import Functions, Watch

_OUR_LIMITS = (DataDependentOutputException, DynamicOutputShapeException, UnsupportedOperatorException, GuardOnDataDependentSymNode,
               NotImplementedError, RecursionError)
_OUR_LIMIT_WORDS = ("faketensor", "fake tensor", "tensor subclass", "symint", "symbolic", "data dependent", "data-dependent")


@dataclass
class Failure:
    """An exception of the program."""

    kind: str
    message: str
    place: Place
    step: int
    # What cannot be followed on fake tensors, as opposed to a fault of the program.
    limit: bool

    def __str__(self) -> str:
        return f"{self.kind}: {self.message}"


@dataclass
class Trace:
    """A run: the sizes it was made with, what it asked, how it ended."""

    values: dict[str, int]
    record: Recorder
    failure: Failure | None


def modules_of(program: Any) -> list[torch.nn.Module]:
    """The modules that a program uses: itself, or those its closure, its arguments bound by partial and its globals hold."""
    if isinstance(program, torch.nn.Module):
        return [program]
    found: list[torch.nn.Module] = []
    seen: set[int] = set()

    def add(value: Any) -> None:
        if id(value) in seen:
            return
        seen.add(id(value))
        if isinstance(value, torch.nn.Module):
            found.append(value)
        elif hasattr(value, "func") and hasattr(value, "keywords"):
            for item in (value.func, *value.args, *value.keywords.values()):
                add(item)
        elif hasattr(value, "__code__"):
            for cell in value.__closure__ or ():
                with contextlib.suppress(ValueError):
                    add(cell.cell_contents)
            for name in value.__code__.co_names:
                item = value.__globals__.get(name)
                if isinstance(item, torch.nn.Module) or getattr(item, "__module__", None) == value.__module__ and hasattr(item, "__code__"):
                    add(item)
        elif hasattr(value, "__func__"):
            add(value.__func__)
            add(value.__self__)

    add(program)
    return found


@contextlib.contextmanager
def _unchanged(roots: list[torch.nn.Module]) -> Iterator[None]:
    """What the program keeps in its modules (caches, statistics, gradients) must not be fake afterwards."""
    kept: list[tuple[Any, Any]] = []
    for root in roots:
        for module in root.modules():
            # Buffers, parameters and hooks are dictionaries in there.
            tables = [module.__dict__, *(value for value in module.__dict__.values() if isinstance(value, (dict, list, set)))]
            kept += [(table, copy.copy(table)) for table in tables]
    buffers = [(buffer, buffer.clone()) for root in roots for buffer in root.buffers()]
    grads = [(p, p.grad) for root in roots for p in root.parameters()]
    state = torch.random.get_rng_state()
    try:
        yield
    finally:
        for table, before in kept:
            table.clear()
            (table.extend if isinstance(table, list) else table.update)(before)
        with torch.no_grad():
            for buffer, value in buffers:
                buffer.copy_(value)
        for parameter, grad in grads:
            parameter.grad = grad
        torch.random.set_rng_state(state)


def _tensor(shape: TensorShape, size: Callable[[int | Multiple], Any]) -> torch.Tensor:
    sizes = [size(s) for s in shape.sizes]
    return torch.empty(sizes, dtype=shape.dtype)


def _make(value: Any, size: Callable[[int | Multiple], Any]) -> Any:
    if isinstance(value, TensorShape):
        return _tensor(value, size)
    if isinstance(value, Multiple):
        return size(value)
    if isinstance(value, list):
        return [_make(item, size) for item in value]
    if isinstance(value, dict):
        return {key: _make(item, size) for key, item in value.items()}
    return value


def _message(error: BaseException) -> str:
    text = str(error).strip()
    return text.splitlines()[0] if text else "(no message)"


def _is_limit(error: BaseException) -> bool:
    text = str(error).lower()
    return isinstance(error, _OUR_LIMITS) or any(word in text for word in _OUR_LIMIT_WORDS)


def _call_program(program: Callable[..., Any], positional: list[Any], named: dict[str, Any]) -> None:
    """Stacks are read up to here."""
    program(*positional, **named)


def run(program: Callable[..., Any], arguments: Arguments, values: dict[str, int], symbolic: bool = True) -> Trace:
    """Runs `program`; sizes are symbols with `values`, or, not symbolic, those integers themselves."""
    roots = modules_of(program)
    record = Recorder(dict(values), module_names(roots))
    env = SizeEnv(record)
    symbols = {name: env.new_symbol(name, d.min, d.max, values.get(name, max(d.min, 2)))
               for name, d in arguments.dimensions.items()}

    def size(item: int | Multiple) -> Any:
        if isinstance(item, int):
            return item
        if symbolic:
            return env.size(symbols[item.name] * item.factor + item.offset)
        return record.values[item.name] * item.factor + item.offset

    logging_before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    mode = FakeTensorMode(shape_env=env, allow_non_fake_inputs=True)
    # Few operators of a run are alike, and finding out costs more than running them.
    mode.cache_enabled = False
    grad = not isinstance(program, torch.nn.Module) or program.training
    failure: Failure | None = None
    try:
        with warnings.catch_warnings(), _unchanged(roots), torch.set_grad_enabled(grad and torch.is_grad_enabled()), mode, \
                enable_python_dispatcher():
            warnings.simplefilter("ignore")
            positional, named = _make(arguments.positional, size), _make(arguments.named, size)
            record.guards.clear()
            with Watch(record), Functions(record):
                try:
                    _call_program(program, positional, named)
                except Exception as error:
                    failure = Failure(type(error).__name__, _message(error), of_error(error, record.names), record.step, _is_limit(error))
                    # The frames hold fake tensors.
                    error.__traceback__ = None
    finally:
        logging.disable(logging_before)
    return Trace(dict(record.values), record, failure)
