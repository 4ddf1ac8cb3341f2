#===- regularizers.py - Training that makes blocks small before they are pruned -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Regularisers: reweighted group lasso and ADMM.

Both add to the gradient of each weight, until the schedule of the pruner ends; what is pruned then is small already.

    group lasso   + lam * sum of beta_g * |W_g|        beta_g = 1 / (|W_g| + epsilon), anew at milestones only
    ADMM          + rho / 2 * |W - Z + U|^2             Z = keep the best blocks of W + U;  U += W - Z

The gradient is added when the optimizer steps, not through the loss, so that the user's loop needs no change, clipping leaves
it alone, and mixed precision cannot round it away. `penalty` gives the value, and autograd of it the same gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Protocol

import torch

from .errors import PruneError
from .patterns import Pattern


@dataclass(frozen=True)
class Target:
    """A weight that is pruned, and its pattern."""

    name: str
    weight: torch.nn.Parameter
    pattern: Pattern


#: Which blocks of each target would be kept for weights of these values.
Project = Callable[[Mapping[str, torch.Tensor]], Mapping[str, torch.Tensor]]


class Regularizer(Protocol):
    """What the pruner asks of a regulariser."""

    name: str

    def bind(self, targets: Sequence[Target], project: Project) -> None:
        """Starts on these weights."""

    def gradient(self, target: Target) -> torch.Tensor:
        """What is added to the gradient of a weight."""

    def penalty(self) -> torch.Tensor:
        """The value of the term, differentiable."""

    def after_step(self, step: int) -> None:
        """After `step` optimizer steps."""

    def observe(self, metric: float) -> None:
        """Sees a validation metric; higher is better."""

    def state_dict(self) -> dict[str, Any]:
        """Everything that changes."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from there."""


class GroupLasso:
    """Reweighted group lasso.

    Args:
        lam: the factor; or factors by parameter name or glob, the first that matches.
        milestones: steps after which beta is computed anew from the weights. Between them it is constant.
        epsilon: keeps beta finite.
        raise_factor: at each milestone lam grows by this factor, as long as the last metric that was observed is at most
            `max_drop` below the first: lam stops rising for good when accuracy begins to fall.
        max_drop: see above; in the units of the metric.
    """

    name = "group-lasso"

    def __init__(self, lam: float | Mapping[str, float] = 1e-4, milestones: Sequence[int] = (), epsilon: float = 1e-3,
                 raise_factor: float = 1.0, max_drop: float = 0.01) -> None:
        values = lam.values() if isinstance(lam, Mapping) else [lam]
        if not all(value >= 0 for value in values):
            raise PruneError(f"expected factors of group lasso of at least 0, but got {lam}")
        if not epsilon > 0:
            raise PruneError(f"expected an epsilon above 0, but got {epsilon}; a block of zeros would have an infinite factor")
        if raise_factor < 1:
            raise PruneError(f"expected raise_factor to be at least 1, but got {raise_factor}")
        if max_drop < 0:
            raise PruneError(f"expected max_drop to be at least 0, but got {max_drop}")
        if any(step < 1 for step in milestones) or list(milestones) != sorted(set(milestones)):
            raise PruneError(f"expected milestones that rise from step 1 on, but got {list(milestones)}")
        self.lam, self.milestones, self.epsilon = lam, tuple(milestones), epsilon
        self.raise_factor, self.max_drop = raise_factor, max_drop
        self.scale, self.rising = 1.0, raise_factor > 1
        self.first_metric: float | None = None
        self.last_metric: float | None = None
        self._targets: list[Target] = []
        self._beta: dict[str, torch.Tensor] = {}

    def bind(self, targets: Sequence[Target], project: Project) -> None:
        """As in Regularizer."""
        self._targets = list(targets)
        self._lam = {target.name: self._factor(target.name) for target in targets}
        self._reweight()

    def _factor(self, name: str) -> float:
        if not isinstance(self.lam, Mapping):
            return self.lam
        for glob, value in self.lam.items():
            if fnmatchcase(name, glob):
                return value
        raise PruneError(f"expected a factor of group lasso for '{name}', but none of {', '.join(self.lam)} matches; add '*'")

    @torch.no_grad()
    def _reweight(self) -> None:
        self._beta = {t.name: 1.0 / (t.pattern.norms(t.weight) + self.epsilon) for t in self._targets}

    @torch.no_grad()
    def gradient(self, target: Target) -> torch.Tensor:
        """`lam * beta * W / |W|`, and zero for a block of zeros, where 0 is a subgradient."""
        norms = target.pattern.norms(target.weight)
        factor = self.scale * self._lam[target.name] * self._beta[target.name] / norms
        factor = torch.where(norms > 0, factor, torch.zeros_like(factor))
        shape = (target.weight.shape[0], target.weight.shape[1])
        return target.pattern.expand(factor, shape) * target.weight

    def penalty(self) -> torch.Tensor:
        """As in Regularizer."""
        total = torch.zeros((), device=self._targets[0].weight.device if self._targets else None)
        for target in self._targets:
            # The clamp stops the gradient of the root at zero, which is infinite.
            norms = target.pattern.squares(target.weight).clamp(min=1e-30).sqrt()
            total = total + self.scale * self._lam[target.name] * (self._beta[target.name] * norms).sum()
        return total

    def after_step(self, step: int) -> None:
        """As in Regularizer."""
        if step not in self.milestones:
            return
        if self.rising and self.first_metric is not None and self.last_metric is not None:
            if self.last_metric < self.first_metric - self.max_drop:
                self.rising = False
        if self.rising:
            self.scale *= self.raise_factor
        self._reweight()

    def observe(self, metric: float) -> None:
        """As in Regularizer."""
        self.first_metric = metric if self.first_metric is None else self.first_metric
        self.last_metric = metric

    def state_dict(self) -> dict[str, Any]:
        """As in Regularizer."""
        return {"beta": {n: b.clone() for n, b in self._beta.items()}, "scale": self.scale, "rising": self.rising,
                "first_metric": self.first_metric, "last_metric": self.last_metric}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """As in Regularizer."""
        for target in self._targets:
            self._beta[target.name] = state["beta"][target.name].to(target.weight.device, copy=True)
        self.scale, self.rising = state["scale"], state["rising"]
        self.first_metric, self.last_metric = state["first_metric"], state["last_metric"]


class ADMM:
    """Alternating direction method of multipliers: the weights are pulled to the nearest pruned ones.

    Args:
        rho: how hard.
        every: steps between updates of Z and U (an epoch, say).
    """

    name = "admm"

    def __init__(self, rho: float = 1e-3, every: int = 100) -> None:
        if rho <= 0:
            raise PruneError(f"expected rho to be above 0, but got {rho}")
        if every < 1:
            raise PruneError(f"expected at least 1 step between updates of ADMM, but got {every}")
        self.rho, self.every = rho, every
        self._targets: list[Target] = []
        self._z: dict[str, torch.Tensor] = {}
        self._u: dict[str, torch.Tensor] = {}

    def bind(self, targets: Sequence[Target], project: Project) -> None:
        """Z is the projection of the weights, U is zero."""
        self._targets, self._project = list(targets), project
        self._u = {t.name: torch.zeros_like(_wide(t.weight)) for t in targets}
        self._update_z()

    @torch.no_grad()
    def _update_z(self) -> None:
        sums = {t.name: _wide(t.weight) + self._u[t.name] for t in self._targets}
        masks = self._project(sums)
        self._z = {name: torch.where(masks[name], value, torch.zeros_like(value)) for name, value in sums.items()}

    @torch.no_grad()
    def gradient(self, target: Target) -> torch.Tensor:
        """rho * (W - Z + U)."""
        return self.rho * (_wide(target.weight) - self._z[target.name] + self._u[target.name])

    def penalty(self) -> torch.Tensor:
        """As in Regularizer."""
        total = torch.zeros((), device=self._targets[0].weight.device if self._targets else None)
        for t in self._targets:
            total = total + self.rho / 2 * (_wide(t.weight) - self._z[t.name] + self._u[t.name]).square().sum()
        return total

    @torch.no_grad()
    def after_step(self, step: int) -> None:
        """As in Regularizer."""
        if step % self.every:
            return
        self._update_z()
        for t in self._targets:
            self._u[t.name] += _wide(t.weight) - self._z[t.name]

    def observe(self, metric: float) -> None:
        """Metrics do not matter here."""

    def state_dict(self) -> dict[str, Any]:
        """As in Regularizer."""
        return {"z": {n: v.clone() for n, v in self._z.items()}, "u": {n: v.clone() for n, v in self._u.items()}}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """As in Regularizer."""
        for t in self._targets:
            self._z[t.name] = state["z"][t.name].to(t.weight.device, copy=True)
            self._u[t.name] = state["u"][t.name].to(t.weight.device, copy=True)


def _wide(weight: torch.Tensor) -> torch.Tensor:
    """f32 at least: sums of many small terms would be lost in half precision."""
    return weight if weight.dtype == torch.float64 else weight.float()
