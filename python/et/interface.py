#===- interface.py - What a compiled program looks like from Python -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""The protocol that `et.compile` returns, whatever runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from .importer import Report, TensorSpec


@runtime_checkable
class Program(Protocol):
    """A compiled module. Calling it runs the module; one program may be called from one thread at a time."""

    @property
    def inputs(self) -> tuple["TensorSpec", ...]:
        """Name, type and shape of each input; a name in a shape is a dynamic dimension."""

    @property
    def outputs(self) -> tuple["TensorSpec", ...]:
        """Name, type and shape of each output."""

    @property
    def report(self) -> "Report":
        """What the importer fused and what it declined, with reasons."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Runs the program.

        Takes torch tensors or numpy arrays, by position in the order of `inputs` or by name. Returns what the module
        returned, with torch tensors, or numpy arrays if all inputs were numpy arrays.
        """
