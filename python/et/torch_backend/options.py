#===- options.py - Options of the backend -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""What `torch.compile(..., backend="et", options={...})` takes."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Mapping

from ..errors import Error


class OptionError(Error, ValueError):
    """An option that the backend does not know, or a value that it does not take."""


@dataclass(frozen=True)
class Options:
    """Options of the backend; all but the last three are those of `et.compile`.

    threads: threads of a program for the CPU; by default as many as PyTorch uses when it is compiled.
    isa, masked_rows, check_finite, fold_norms, expected_rows: as for `et.compile`.
    target: "auto" compiles for the device that the tensors are on; or what `et.compile` takes.
    dynamic: "auto" compiles for any batch and length at once; "torch" leaves it to PyTorch, which compiles for the first sizes,
        and again when they change.
    updates: how often a program is compiled again because weights of its module changed; after that the part runs eagerly.
    shortcut: calls of a module that is one program go to the program without PyTorch's guards in between, where what these
        guards look at is watched otherwise.
    """

    threads: int | None = None
    isa: str = "native"
    masked_rows: str = "exact"
    check_finite: bool = True
    fold_norms: bool | str = False
    expected_rows: int | None = None
    target: str = "auto"
    dynamic: str = "auto"
    updates: int = 8
    shortcut: bool = True


_CHOICES = {"masked_rows": ("exact", "ignore"), "dynamic": ("auto", "torch"), "check_finite": (True, False),
            "shortcut": (True, False), "fold_norms": (True, False, "auto")}
_NUMBERS = {"threads": 1, "expected_rows": 1, "updates": 0}


def parse(options: Mapping[str, Any] | None) -> Options:
    """Checks options as the user gave them."""
    known = [field.name for field in dataclasses.fields(Options)]
    for name, value in (options or {}).items():
        if name not in known:
            raise OptionError(f"expected options of the backend 'et' among {', '.join(known)}, but got '{name}'")
        if name in _CHOICES and not any(value is c or (isinstance(c, str) and value == c) for c in _CHOICES[name]):
            raise OptionError(f"expected option '{name}' to be one of {', '.join(map(repr, _CHOICES[name]))}, but got {value!r}")
        if name in _NUMBERS and not (value is None and name != "updates") and (
                isinstance(value, bool) or not isinstance(value, int) or value < _NUMBERS[name]):
            raise OptionError(f"expected option '{name}' to be a whole number of at least {_NUMBERS[name]}, but got {value!r}")
        if name in ("isa", "target") and not isinstance(value, str):
            raise OptionError(f"expected option '{name}' to be text, but got {value!r}")
    chosen = Options(**(options or {}))
    if chosen.target not in ("auto", "cpu") and not chosen.target.startswith("cuda:sm_"):
        raise OptionError(f"expected option 'target' to be 'auto', 'cpu' or such as 'cuda:sm_90a', but got {chosen.target!r}")
    return chosen
