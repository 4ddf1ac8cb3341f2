#===- weights.py - Sees that weights changed -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Programs hold weights as they were when they were compiled. What is here sees that a module's weights are others by now.

PyTorch counts changes of a tensor in place: what optimizers, load_state_dict and any operator under no_grad write. Other
memory, or another tensor, shows by its address. What writes past PyTorch, into `.data` or through NumPy, shows in neither, as it
does not to autograd.
"""

from __future__ import annotations

from operator import attrgetter
from typing import Any, Sequence

import torch

_version = attrgetter("_version")
_address = torch.Tensor.data_ptr


def state(tensors: Sequence[torch.Tensor]) -> tuple[list[int], list[int]]:
    """What changes when tensors change: how often each was written, and where it is."""
    return list(map(_count, tensors)), list(map(_address, tensors))


def _count(tensor: torch.Tensor) -> int:
    return -1 if tensor.is_inference() else tensor._version


class Watch:
    """The weights of a graph as they were compiled."""

    def __init__(self, positions: Sequence[int], arguments: Sequence[Any]) -> None:
        self.positions = tuple(positions)
        tensors = [arguments[i] for i in self.positions]
        self._versions, self._addresses = state(tensors)
        self._counted = not any(map(torch.Tensor.is_inference, tensors))
        # What lives keeps its address to itself.
        self._alive = tensors

    def changed(self, arguments: Sequence[Any]) -> list[int]:
        """The positions of weights that are not what they were; mostly none."""
        tensors = [arguments[i] for i in self.positions]
        if list(map(_address, tensors)) == self._addresses and (
                not self._counted or list(map(_version, tensors)) == self._versions):
            return []
        versions, addresses = state(tensors)
        return [p for p, v, w, a, b in zip(self.positions, versions, self._versions, addresses, self._addresses) if v != w or a != b]

    def is_other(self, arguments: Sequence[Any]) -> bool:
        """True when none of the weights is where it was: they are those of another module."""
        return not any(arguments[p].data_ptr() == a for p, a in zip(self.positions, self._addresses))
