#===- importing.py - What the tests of the importer share -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Imports a module or function and compares what the operations mean with what PyTorch computes."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from typing import Any, Callable, Sequence

import torch

import et
from et.importer.reference import run

# The tests share a machine with compilers; threads that wait for each other cost more than they bring.
torch.set_num_threads(1)


class _Function(torch.nn.Module):
    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *args: Any) -> Any:
        return self.function(*args)


def import_function(function: Callable[..., Any], args: Sequence[Any], dynamic: Any = None, **options: Any) -> et.ImportedModule:
    """Imports a module, or a function of tensors."""
    module = function if isinstance(function, torch.nn.Module) else _Function(function)
    return et.export_mlir(module.eval(), tuple(args), None, dynamic, **options)


def operations(text: str) -> Counter[str]:
    """How often each operation occurs."""
    return Counter(re.findall(r"(?:^|= )\s*((?:et|linalg|tensor)\.[a-z_]+)", text, re.MULTILINE))


def leaves(x: Any) -> list[torch.Tensor]:
    return [t for t in torch.utils._pytree.tree_leaves(x) if isinstance(t, torch.Tensor)]


def widen(x: Any) -> Any:
    return torch.utils._pytree.tree_map(
        lambda t: t.double() if isinstance(t, torch.Tensor) and t.is_floating_point() else t, x)


def compare(imported: et.ImportedModule, expected: Sequence[torch.Tensor], inputs: Sequence[torch.Tensor], *,
            tolerance: float, wide: bool = True) -> None:
    """The reference interpretation against expected outputs, relative to their size."""
    got = run(imported, inputs, wide=wide)
    assert len(got) == len(expected)
    for g, e in zip(got, expected):
        assert g.shape == e.shape
        if not e.is_floating_point():
            assert torch.equal(g, e)
            continue
        assert torch.equal(torch.isnan(g), torch.isnan(e)), "NaN in other places"
        g, e = torch.nan_to_num(g.double()), torch.nan_to_num(e.double())
        if e.numel():
            error = ((g - e).abs().max() / e.abs().max().clamp_min(1.0)).item()
            assert error <= tolerance, f"relative error {error}"


def check(function: Callable[..., Any], *args: torch.Tensor, dynamic: Any = None, expect: dict[str, int] | None = None,
          others: Sequence[Sequence[torch.Tensor]] = (), tolerance: float = 1e-6, **options: Any) -> et.ImportedModule:
    """Imports `function` and compares it with PyTorch in float32, for `args` and for `others`.

    `expect` gives the number of some operations; an operation that is missing there is not checked.
    """
    imported = import_function(function, args, dynamic, **options)
    for inputs in (args, *others):
        with torch.no_grad():
            expected = leaves(function(*inputs))
        compare(imported, expected, inputs, tolerance=max(tolerance, 2e-6), wide=False)
    found = operations(imported.text)
    for name, count in (expect or {}).items():
        assert found[name] == count, f"expected {count} {name}, but got {found[name]}:\n{imported.text}"
    return imported


def verify(text: str, tool: Callable[[str], str], *passes: str) -> str:
    """The text after et-opt, which verifies it."""
    done = subprocess.run([tool("et-opt"), "-", *(passes or ("--canonicalize", "--cse"))], input=text, capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stderr[:3000]
    return done.stdout
