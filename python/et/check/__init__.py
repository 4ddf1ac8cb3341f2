#===- __init__.py - Does a program fit every size -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""`et.check` follows every path of a PyTorch program whose sizes are names, and says which sizes break it.

    report = et.check(model, {"x": ("batch", 3, "height", "width")}, min={"height": 32, "width": 32})
    print(report)
    report.raise_if_invalid()

From the command line: `python -m et check FILE.py:OBJECT --shape x=batch,3,224,224`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from .errors import CheckError, ShapeError

if TYPE_CHECKING:
    from .report import Report

__all__ = ["CheckError", "ShapeError", "check"]


def check(module_or_function: Callable[..., Any], shapes: Any, *, min: Mapping[str, int] | None = None, max: Mapping[str, int] | None = None,
          max_runs: int = 64, max_seconds: float = 60.0) -> "Report":
    """Says of each path of a program whether every size is good, and if not, which one breaks it, where and why.

    Nothing is computed: the program runs on tensors without data, as often as it has paths and demands that can fail. What it does to its modules is
    undone.

    Args:
        module_or_function: a module, or any function on tensors, such as one step of a training loop.
        shapes: the arguments: a dictionary by name, or a sequence. A shape is a tuple of integers, names ("batch"), multiples of names ("32*height")
            and Dim of torch.export; equal names are equal sizes. A dtype may end it; without one it is that of the module's weights.
            A name alone stands for an integer argument; None, numbers and tensors are taken as they are; lists and dictionaries of all these may be nested.
        min: the smallest values of named sizes, by name; 1 unless said.
        max: their largest values.
        max_runs, max_seconds: when to stop; what is left then is undecidable.

    Raises CheckError where the call itself is wrong. A program that is not valid is no exception: see `Report`.
    """
    from . import shapes as reader
    from .explore import Explorer
    from .summarise import summarise

    if not callable(module_or_function):
        raise CheckError(f"expected a module or a function to check, but got {type(module_or_function).__name__}")
    if not isinstance(max_runs, int) or isinstance(max_runs, bool) or max_runs < 1:
        raise CheckError(f"expected max_runs to be an integer of at least 1, but got {max_runs!r}")
    if not isinstance(max_seconds, (int, float)) or isinstance(max_seconds, bool) or not max_seconds > 0:
        raise CheckError(f"expected max_seconds to be a number above 0, but got {max_seconds!r}")
    arguments = reader.read(module_or_function, shapes, min, max)
    return summarise(Explorer(module_or_function, arguments, max_runs, max_seconds).explore())
