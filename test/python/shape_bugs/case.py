#===- case.py - One shape bug and its repair -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""A bug that people met, as a small program of our own, and the same program repaired."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

CASES: list["Case"] = []


@dataclass(frozen=True)
class Case:
    """`broken` and `fixed` build programs; `at` is a part of the line at fault, or the name of the module where there is no line."""

    name: str
    url: str
    broken: Callable[[], Callable[..., Any]]
    fixed: Callable[[], Callable[..., Any]]
    shapes: Any
    at: str
    fixed_shapes: Any = None
    min: dict[str, int] = field(default_factory=dict)
    max: dict[str, int] = field(default_factory=dict)
    every_size: bool = False

    def __post_init__(self) -> None:
        CASES.append(self)
