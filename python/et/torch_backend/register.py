#===- register.py - Tells PyTorch of the backend -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Registers the backend under the name "et" when `torch._dynamo` is there; loading that takes a second, so that it is not loaded
for this. Where the package is installed, its entry point in the group `torch_dynamo_backends` does the same without importing it.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import sys
from types import ModuleType
from typing import Any, Sequence

_REGISTRY = "torch._dynamo.backends.registry"


def entry(graph_module: Any, examples: Sequence[Any], **arguments: Any) -> Any:
    """The backend; what it needs is imported when it is called first."""
    from .backend import compile_graph

    return compile_graph(graph_module, examples, **arguments)


entry.__name__ = "et"


def register() -> None:
    """Makes `torch.compile(..., backend="et")` work, now or as soon as somebody imports `torch._dynamo`."""
    registry = sys.modules.get(_REGISTRY)
    if registry is not None and hasattr(registry, "register_backend"):
        _register(registry)
    elif not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


def _register(registry: ModuleType) -> None:
    if registry._COMPILER_FNS.get("et") is None:
        registry.register_backend(entry, name="et")


class _Finder(importlib.abc.MetaPathFinder):
    """Waits for the registry of backends, lets it be loaded as ever, and registers the backend in it."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        if name != _REGISTRY:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader)
        return spec


class _Loader(importlib.abc.Loader):
    def __init__(self, loader: Any) -> None:
        self._loader = loader

    def create_module(self, spec: Any) -> Any:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        _register(module)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)
