#===- errors.py - What can go wrong, as exceptions -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Exceptions of the et package. Each says what was expected, what was found, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping, Sequence


class Error(Exception):
    """Base class of everything this package raises on purpose."""


class ExportError(Error):
    """torch.export could not capture the module."""


class ImportError_(Error):
    """The exported graph holds something the importer cannot represent."""


class OnnxError(ImportError_):
    """An ONNX file cannot be read or imported."""


class CompileError(Error):
    """The compiler refused the module; the text is its diagnostics."""


class RunError(Error):
    """A run failed: inputs of the wrong shape or type, or a check in the program."""


@dataclass(frozen=True)
class UnsupportedOperator:
    """One operator of the graph that has no import rule."""

    operator: str
    module_path: str
    location: str
    reason: str = "no import rule"

    def __str__(self) -> str:
        where = f" in module '{self.module_path}'" if self.module_path else ""
        at = f" at {self.location}" if self.location else ""
        return f"{self.operator}{where}{at}: {self.reason}"


class UnsupportedOperatorError(ImportError_):
    """The graph uses operators that cannot be imported; all of them are listed in `operators`, and the names of their nodes with
    the reasons in `nodes`."""

    def __init__(self, operators: Sequence[UnsupportedOperator], nodes: Mapping[str, str] | None = None) -> None:
        self.operators = tuple(operators)
        self.nodes = dict(nodes or {})
        grouped: dict[tuple[str, str], list[UnsupportedOperator]] = {}
        for entry in self.operators:
            grouped.setdefault((entry.operator, entry.reason), []).append(entry)
        lines = [f"cannot import {len(grouped)} operator{'s' if len(grouped) != 1 else ''} of this module:"]
        for entries in grouped.values():
            lines.append(f"  - {entries[0]}")
            if len(entries) > 1:
                lines.append(f"    and in {len(entries) - 1} more place{'s' if len(entries) > 2 else ''}")
        lines.append(
            "rewrite these calls with operators that are supported, compile the submodules that do not use them, or "
            "add a rule with et.importer.registry.register"
        )
        super().__init__("\n".join(lines))


class NonFiniteWeightError(ImportError_):
    """A weight holds NaN or infinity."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        listed = ", ".join(f"'{n}'" for n in self.names[:8]) + (", ..." if len(self.names) > 8 else "")
        super().__init__(
            f"expected finite weights, but got NaN or infinity in {listed}; "
            "repair the checkpoint, or pass check_finite=False to import it as it is"
        )
