#===- scores.py - What a block is worth -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Scores of blocks: the higher, the later a block is pruned.

    magnitude   the l2 norm of the block
    movement    how far training moves the block away from zero: the sum over steps of -w * dL/dw
    fisher      what the loss would rise by if the block were zero, to second order: the sum over steps of (sum of w * dL/dw)^2

Movement and Fisher are gathered from the gradients of ordinary training steps, and only for blocks that are still there: the
gradient of a pruned block is masked.
"""

from __future__ import annotations

from typing import Any, Protocol

import torch

from .errors import PruneError
from .patterns import Pattern

SCORES = ("magnitude", "movement", "fisher")


class Score(Protocol):
    """What the pruner asks of a score."""

    name: str
    #: Scores grow with this power of the number of weights in a block; "global" selection divides it out.
    size_power: float
    needs_gradients: bool

    def observe(self, name: str, pattern: Pattern, weight: torch.Tensor, gradient: torch.Tensor) -> None:
        """Sees weight and gradient before each optimizer step."""

    def values(self, name: str, pattern: Pattern, weight: torch.Tensor) -> torch.Tensor:
        """The score of each block."""

    def state_dict(self) -> dict[str, Any]:
        """What has been gathered."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from there."""


class Magnitude:
    """The l2 norm."""

    name = "magnitude"
    size_power = 0.5
    needs_gradients = False

    def observe(self, name: str, pattern: Pattern, weight: torch.Tensor, gradient: torch.Tensor) -> None:
        """Needs no gradient."""

    def values(self, name: str, pattern: Pattern, weight: torch.Tensor) -> torch.Tensor:
        """As in Score."""
        return pattern.norms(weight)

    def state_dict(self) -> dict[str, Any]:
        """Nothing is gathered."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Nothing was gathered."""


class Gathered:
    """Movement and Fisher: a sum over steps for each block."""

    size_power = 1.0
    needs_gradients = True

    def __init__(self, name: str) -> None:
        self.name = name
        self._sums: dict[str, torch.Tensor] = {}

    def observe(self, name: str, pattern: Pattern, weight: torch.Tensor, gradient: torch.Tensor) -> None:
        """As in Score."""
        product = pattern.sums(weight.float() * gradient.float())
        term = -product if self.name == "movement" else product * product
        if name in self._sums:
            self._sums[name] = self._sums[name].to(term.device) + term
        else:
            self._sums[name] = term.clone()

    def values(self, name: str, pattern: Pattern, weight: torch.Tensor) -> torch.Tensor:
        """As in Score."""
        if name not in self._sums:
            raise PruneError(f"expected gradients of '{name}' before {self.name} scores are used, but no step has been observed; "
                             "begin pruning after some steps, with OneShot(at=...) or Gradual(begin=...)")
        return self._sums[name].to(weight.device)

    def state_dict(self) -> dict[str, Any]:
        """The sums by weight."""
        return {name: value.clone() for name, value in self._sums.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes the sums over."""
        self._sums = {name: value.clone() for name, value in state.items()}


def make_score(score: str | Score) -> Score:
    """A score by name, or the one given."""
    if not isinstance(score, str):
        return score
    if score not in SCORES:
        raise PruneError(f"expected a score of {', '.join(SCORES)}, but got '{score}'")
    return Magnitude() if score == "magnitude" else Gathered(score)
