#===- settings.py - What decides the result of a run -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""The settings of a run of `python -m et.prune`, and the pruner they mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch

from .errors import PruneError
from .pattern_map import attention_aware, uniform
from .pruner import Pruner
from .regularizers import ADMM, GroupLasso, Regularizer
from .schedules import Gradual, OneShot, Schedule

METHODS = ("fisher", "magnitude", "movement", "group-lasso", "admm", "one-shot")
PATTERNS = ("attention-aware", "attention-aware-merged", "tile", "rows", "columns", "irregular")


@dataclass(frozen=True)
class Settings:
    """Everything that decides the result of a run, beside model and data."""

    pattern: str = "attention-aware"
    tile: str = "16x16"
    ratio: float = 0.5
    method: str = "fisher"
    selection: str = "matrix"
    overrides: Mapping[str, str | None] = field(default_factory=dict)
    dense_epochs: int = 3
    prune_epochs: int = 4
    retrain_epochs: int = 4
    lr: float = 5e-5
    prune_lr: float = 5e-5
    batch_size: int = 32
    weight_decay: float = 0.01
    warmup: float = 0.06
    lam: float = 1e-4
    raise_factor: float = 2.0
    max_drop: float = 0.01
    #: Epochs of the pruning phase; empty: three, at equal distances, so that some are reached however short it is.
    milestones: tuple[int, ...] = ()
    rho: float = 1e-3
    prunings: int = 40
    distill: bool = True
    temperature: float = 2.0
    hidden_weight: float = 1.0
    precision: str = "f32"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise PruneError(f"expected a method of {', '.join(METHODS)}, but got '{self.method}'")
        if self.pattern not in PATTERNS:
            raise PruneError(f"expected a pattern of {', '.join(PATTERNS)}, but got '{self.pattern}'")
        for name, least in (("dense_epochs", 0), ("prune_epochs", 0), ("retrain_epochs", 0), ("batch_size", 1), ("prunings", 1)):
            if getattr(self, name) < least:
                raise PruneError(f"expected --{name.replace('_', '-')} to be at least {least}, but got {getattr(self, name)}")
        late = [epoch for epoch in self.milestones if epoch >= self.prune_epochs]
        if late and self.method == "group-lasso":
            raise PruneError(f"expected milestones before pruning ends after {self.prune_epochs} epochs, but got {late[0]}; "
                             "it would never be reached: give more --prune-epochs, or leave out --milestones")
        if self.prune_epochs == 0 and self.method != "one-shot":
            raise PruneError(f"expected at least 1 epoch of pruning with method '{self.method}', but got 0; only 'one-shot' needs none")


def make_pruner(model: torch.nn.Module, settings: Settings, steps_per_epoch: int) -> Pruner:
    """The pruner of a run."""
    steps = settings.prune_epochs * steps_per_epoch
    if settings.pattern.startswith("attention-aware"):
        patterns = attention_aware(model, settings.tile, settings.pattern.endswith("merged"), settings.overrides)
    else:
        patterns = uniform(model, f"tile:{settings.tile}" if settings.pattern == "tile" else settings.pattern, settings.overrides)
    regularizer: Regularizer | None = None
    # Gradual pruning begins after a tenth of its phase, when scores have seen some batches, and ends with a tenth left, to settle.
    schedule: Schedule = Gradual(steps // 10, max(steps // 10 + 1, steps - steps // 10), max(1, steps // settings.prunings)) if steps else OneShot()
    if settings.method == "group-lasso":
        milestones = [epoch * steps_per_epoch for epoch in settings.milestones] or sorted({steps * part // 4 for part in (1, 2, 3)} - {0})
        regularizer = GroupLasso(settings.lam, milestones, raise_factor=settings.raise_factor, max_drop=settings.max_drop)
        schedule = OneShot(steps)
    elif settings.method == "admm":
        regularizer, schedule = ADMM(settings.rho, steps_per_epoch), OneShot(steps)
    elif settings.method == "one-shot":
        schedule = OneShot()
    score = settings.method if settings.method in ("movement", "fisher") else "magnitude"
    return Pruner(model, dict(patterns), settings.ratio, schedule=schedule, score=score, regularizer=regularizer, selection=settings.selection)
