#===- schedules.py - When how much is pruned -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Ratio schedules: at once, or gradually.

Steps are optimizer steps that have been completed. A schedule says at which of them masks are computed anew, and for
which ratio.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from .errors import PruneError


class Schedule(Protocol):
    """What the pruner asks of a schedule."""

    @property
    def end(self) -> int:
        """The step at which the final ratio is reached; from then on the masks stay."""

    def due(self, step: int) -> bool:
        """Whether masks are computed after `step` steps."""

    def ratio(self, step: int, final: float) -> float:
        """The ratio to reach after `step` steps when `final` is wanted in the end."""


@dataclass(frozen=True)
class OneShot:
    """Everything after `at` steps: after a regularised training, or at once (0)."""

    at: int = 0

    def __post_init__(self) -> None:
        if self.at < 0:
            raise PruneError(f"expected one-shot pruning after at least 0 steps, but got {self.at}")

    @property
    def end(self) -> int:
        """As in Schedule."""
        return self.at

    def due(self, step: int) -> bool:
        """As in Schedule."""
        return step == self.at

    def ratio(self, step: int, final: float) -> float:
        """As in Schedule."""
        return final if step >= self.at else 0.0


@dataclass(frozen=True)
class Gradual:
    """From 0 at `begin` to the final ratio at `end`, every `every` steps: final * (1 - (1 - t)^power).

    With power 3 most goes early, while there is much that the model does not need; power 1 is linear.
    """

    begin: int
    end: int
    every: int = 1
    power: float = 3.0

    def __post_init__(self) -> None:
        if self.begin < 0:
            raise PruneError(f"expected gradual pruning to begin after at least 0 steps, but got {self.begin}")
        if self.end <= self.begin:
            raise PruneError(f"expected gradual pruning to end after it begins at step {self.begin}, but got {self.end}")
        if self.every < 1:
            raise PruneError(f"expected at least 1 step between prunings, but got {self.every}")
        if not self.power > 0:
            raise PruneError(f"expected a power above 0, but got {self.power}")

    def due(self, step: int) -> bool:
        """As in Schedule; the end is always due."""
        return step == self.end or (self.begin < step < self.end and (step - self.begin) % self.every == 0)

    def ratio(self, step: int, final: float) -> float:
        """As in Schedule."""
        if step >= self.end:
            return final
        progress = max(0.0, (step - self.begin) / (self.end - self.begin))
        return final * (1.0 - (1.0 - progress) ** self.power)
