#===- places.py - Where in the user's program something happened -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Finds the user's line in a Python stack: the frames that are neither PyTorch's nor ours, and the modules they run in."""

from __future__ import annotations

import linecache
import os
import sys
import types
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch

_TORCH = os.path.dirname(torch.__file__) + os.sep
_OURS = os.path.dirname(__file__) + os.sep
_INSTALLED = (os.sep + "site-packages" + os.sep, os.sep + "dist-packages" + os.sep)
# The functions of PyTorch that state a demand.
_DEMANDS = ("expect_true", "_check_with", "_check")
# What Python calls for `if size > 5` and range(size), in contrast to what an operator asks.
_ASKED_BY_PYTHON = ("__bool__", "__int__", "__index__", "__float__")


@dataclass(frozen=True)
class Frame:
    """A line of the user's program."""

    file: str
    line: int
    function: str

    @property
    def source(self) -> str:
        return linecache.getline(self.file, self.line).strip()

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True)
class Place:
    """Where a question was asked: the stack, outermost first, and the modules it runs in."""

    stack: tuple[Frame, ...] = ()
    modules: tuple[str, ...] = ()
    direct: bool = False
    demand: bool = False

    @property
    def frame(self) -> Frame | None:
        """The line at fault: the innermost of the user, or of an installed package where it is all there is."""
        own = [frame for frame in self.stack if not any(part in frame.file for part in _INSTALLED)]
        return (own or list(self.stack) or [None])[-1]

    @property
    def innermost(self) -> Frame | None:
        return self.stack[-1] if self.stack else None

    def __str__(self) -> str:
        if self.frame:
            return str(self.frame)
        return f"module '{self.modules[-1]}'" if self.modules else "the program"


def _place(frames: Iterator[tuple[types.FrameType, int]], names: dict[int, str]) -> Place:
    """From frames, innermost first, up to where this package calls the program."""
    stack: list[Frame] = []
    modules: list[str] = []
    direct, foreign, demand = False, False, False
    for frame, line in frames:
        code = frame.f_code
        file = code.co_filename
        if file.startswith(_OURS):
            if code.co_name == "_call_program":
                break
            continue
        if file.startswith(_TORCH):
            if not stack:
                demand |= code.co_name in _DEMANDS
                if code.co_name in _ASKED_BY_PYTHON and os.path.basename(file) == "__init__.py":
                    direct = True
                elif direct:
                    foreign = True
            if code.co_name == "_call_impl":
                name = names.get(id(frame.f_locals.get("self")))
                if name:
                    modules.append(name)
            continue
        if file.startswith("<") and not linecache.getline(file, line):
            continue
        stack.append(Frame(file, line, code.co_name))
    return Place(tuple(reversed(stack)), tuple(reversed(modules)), direct and not foreign, demand)


def here(names: dict[int, str]) -> Place:
    """The place that asks right now."""

    def frames() -> Iterator[tuple[types.FrameType, int]]:
        frame = sys._getframe(2)
        while frame is not None:
            yield frame, frame.f_lineno
            frame = frame.f_back

    return _place(frames(), names)


def of_error(error: BaseException, names: dict[int, str]) -> Place:
    """The place that raised `error`."""
    found: list[tuple[types.FrameType, int]] = []
    step = error.__traceback__
    while step is not None:
        found.append((step.tb_frame, step.tb_lineno))
        step = step.tb_next
    # Frames of ours that lead to the program come first; behind the program they are only our watchers.
    return _place(iter(reversed(found)), names)


def module_names(roots: Iterable[torch.nn.Module]) -> dict[int, str]:
    """Names of the modules among `roots`, by identity."""
    names: dict[int, str] = {}
    for root in roots:
        for name, module in root.named_modules():
            names.setdefault(id(module), name or type(root).__name__)
    return names
