#===- pruner.py - Prunes a model while any training loop trains it -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""The pruner.

    pruner = Pruner(model, "attention-aware", ratio=0.8, schedule=Gradual(0, 1000, every=50))
    pruner.attach(optimizer)
    ...                              # the training loop as it is
    record = pruner.finalize()       # plain dense tensors with zeros

Attached to an optimizer, it acts around each of its steps: before, it shows gradients to the score, adds the regulariser's and
masks them; after, it prunes where the schedule says so, and puts zeros back where weight decay, momentum or anything else
moved a pruned weight. Parameters stay what they are: nothing is wrapped, so checkpoints keep their names.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch

from .errors import CheckpointError, PruneError
from .pattern_map import resolve
from .patterns import Pattern, PatternLike
from .record import describe
from .regularizers import Regularizer, Target
from .schedules import OneShot, Schedule
from .scores import Score, make_score
from .selection import SELECTIONS, Candidate, check_ratio, select

FORMAT = 1


class Pruner:
    """Prunes the weights of a model to a ratio.

    Args:
        model: the model that is being trained.
        patterns: "attention-aware", "attention-aware-merged", one pattern for all ("tile:16x16", "rows", "columns",
            "irregular"), or a mapping from roles, parameter names or globs to patterns.
        ratio: share of each matrix's blocks (global selection: of all weights) that is pruned in the end.
        schedule: when: `OneShot` or `Gradual`.
        score: "magnitude", "movement", "fisher", or an object with their methods.
        regularizer: `GroupLasso` or `ADMM`, active until the schedule ends.
        selection: "matrix", "balanced" or "global".
        floor: global selection: the share of its blocks that each matrix keeps at least.
        prune_bias: prune the bias of a pruned row too, so that the feature is zero and can be left out.
    """

    def __init__(self, model: torch.nn.Module, patterns: str | Pattern | Mapping[str, PatternLike | None], ratio: float, *,
                 schedule: Schedule | None = None, score: str | Score = "magnitude", regularizer: Regularizer | None = None,
                 selection: str = "matrix", floor: float = 0.0, prune_bias: bool = True) -> None:
        self.model, self.ratio = model, check_ratio(ratio)
        self.schedule = schedule if schedule is not None else OneShot()
        self.score, self.regularizer = make_score(score), regularizer
        if selection not in SELECTIONS:
            raise PruneError(f"expected a selection of {', '.join(SELECTIONS)}, but got '{selection}'")
        if floor and selection != "global":
            raise PruneError(f"expected no floor with selection '{selection}', but got {floor}; a floor is for 'global'")
        self.selection, self.floor = selection, floor
        self.patterns = resolve(model, patterns)
        if not self.patterns:
            raise PruneError("expected at least one weight to prune, but every one is dense in the given patterns")
        parameters = dict(model.named_parameters())
        self.targets = [self._target(name, parameters[name]) for name in self.patterns]
        self._biases = {t.name: bias for t in self.targets if prune_bias and t.pattern.kind == "rows"
                        and (bias := parameters.get(_bias_name(t.name))) is not None}
        self.step = 0
        self.current_ratio = 0.0
        self.history: list[dict[str, Any]] = []
        self.kept = {t.name: torch.ones(t.pattern.grid(_shape(t)), dtype=torch.bool, device=t.weight.device) for t in self.targets}
        self._sizes = {t.name: t.pattern.sizes(_shape(t)).to(t.weight.device) for t in self.targets}
        self._masks: dict[str, torch.Tensor] = {}
        self._hooks: list[Any] = []
        self._finished = False
        if self.regularizer:
            self.regularizer.bind(self.targets, self._project)

    def _target(self, name: str, parameter: torch.nn.Parameter) -> Target:
        if parameter.dim() != 2 or not parameter.is_floating_point() or not parameter.numel():
            raise PruneError(f"expected '{name}' to be a matrix of floating-point weights, but it has shape {tuple(parameter.shape)} "
                             f"and type {parameter.dtype}; leave it out of the patterns")
        return Target(name, parameter, self.patterns[name])

    # ---- around a step -----------------------------------------------------------------------------------------------

    def attach(self, optimizer: torch.optim.Optimizer) -> Pruner:
        """Acts around every step of this optimizer. With several optimizers, attach to the one that steps last."""
        if self._hooks:
            raise PruneError("expected a pruner that is not attached, but it is; call detach() first")
        held = {id(p) for group in optimizer.param_groups for p in group["params"]}
        for target in self.targets:
            if id(target.weight) not in held and target.weight.requires_grad:
                raise PruneError(f"expected the optimizer to train '{target.name}', but it does not hold it; "
                                 "build the optimizer from the parameters of the same model")
        self._hooks = [optimizer.register_step_pre_hook(lambda opt, *_: self.before_step(_scale_of(opt))),
                       optimizer.register_step_post_hook(lambda *_: self.after_step())]
        return self

    def detach(self) -> None:
        """Leaves the optimizer alone from now on."""
        for hook in self._hooks:
            hook.remove()
        self._hooks = []

    @torch.no_grad()
    def before_step(self, gradient_scale: float = 1.0) -> None:
        """To be called between backward and the optimizer's step; `attach` does it.

        `gradient_scale` is what gradients are multiplied with at this moment: 1, unless a GradScaler leaves it to the optimizer.
        """
        self.observe_gradients(gradient_scale)
        tensors = [(p.grad, m) for p, m in self._masked() if p.grad is not None]
        _multiply([g for g, _ in tensors], [m for _, m in tensors])

    @torch.no_grad()
    def observe_gradients(self, gradient_scale: float = 1.0) -> None:
        """The first half of `before_step`: all but the masks, for those who apply masks themselves."""
        self._check_open()
        for target in self.targets:
            if target.weight.grad is not None and target.weight.grad.is_sparse:
                raise PruneError(f"expected a dense gradient of '{target.name}', but it is sparse; create the embedding with sparse=False")
        if self.step == 0 and self.schedule.due(0) and not self.history:
            self.prune()
        active = self.step < self.schedule.end
        if not active or (self.regularizer is None and not self.score.needs_gradients):
            return
        for target in self.targets:
            gradient = target.weight.grad
            if gradient is None:
                continue
            true = gradient if gradient_scale == 1.0 else gradient / gradient_scale
            self.score.observe(target.name, target.pattern, target.weight, true)
            if self.regularizer:
                gradient.add_(self.regularizer.gradient(target).to(gradient.dtype), alpha=gradient_scale)

    @torch.no_grad()
    def after_step(self) -> None:
        """To be called after the optimizer's step; `attach` does it."""
        self.advance()
        self._apply()

    @torch.no_grad()
    def advance(self) -> bool:
        """The first half of `after_step`: counts the step, and chooses new masks where they are due. True if it did."""
        self._check_open()
        self.step += 1
        if self.regularizer and self.step < self.schedule.end:
            self.regularizer.after_step(self.step)
        due = self.schedule.due(self.step)
        if due:
            self._choose(self.schedule.ratio(self.step, self.ratio))
        return due

    def observe(self, metric: float) -> None:
        """Tells the regulariser a validation metric (higher is better); group lasso stops raising its factor by it."""
        if not math.isfinite(metric):
            raise PruneError(f"expected a finite metric, but got {metric}")
        if self.regularizer:
            self.regularizer.observe(metric)

    def penalty(self) -> torch.Tensor:
        """The value of the regulariser, for reports; its gradient is added by `before_step`."""
        return self.regularizer.penalty() if self.regularizer else torch.zeros(())

    # ---- masks -------------------------------------------------------------------------------------------------------

    @torch.no_grad()
    def prune(self, ratio: float | None = None) -> None:
        """Prunes now, whatever the schedule says: to the given ratio, else to the final one."""
        self._check_open()
        ratio = self.ratio if ratio is None else check_ratio(ratio)
        if ratio < self.current_ratio:
            raise PruneError(f"expected a ratio of at least {self.current_ratio}, to which the weights are pruned already, but got {ratio}")
        self._choose(ratio)
        self._apply()

    def _choose(self, ratio: float) -> None:
        scores = {t.name: self.score.values(t.name, t.pattern, t.weight) for t in self.targets}
        self.kept = self._select(scores, ratio, self.score.size_power, self.kept)
        self._masks = {}
        self.current_ratio = ratio
        self.history.append({"step": self.step, "ratio": ratio, "reached": self.reached()})

    def _select(self, scores: Mapping[str, torch.Tensor], ratio: float, size_power: float,
                kept: Mapping[str, torch.Tensor] | None) -> dict[str, torch.Tensor]:
        candidates = []
        for t in self.targets:
            values, sizes = scores[t.name], self._sizes[t.name].to(t.weight.device)
            if self.selection == "global":
                values = values / sizes.to(values.dtype) ** size_power
            if kept is not None and torch.isfinite(values).all():
                values = values.masked_fill(~kept[t.name], -math.inf)
            candidates.append(Candidate(t.name, values, sizes, t.pattern.parts(_shape(t))))
        return dict(zip(scores, select(candidates, ratio, self.selection, self.floor)))

    def _project(self, values: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Which weights would stay at the final ratio if the weights were these: what ADMM projects with."""
        norms = {t.name: t.pattern.norms(values[t.name]) for t in self.targets}
        kept = self._select(norms, self.ratio, 0.5, None)
        return {t.name: t.pattern.expand(kept[t.name], _shape(t)) for t in self.targets}

    def masks(self) -> dict[str, torch.Tensor]:
        """True where a weight is kept, by parameter name; biases of pruned rows are among them."""
        masks = {t.name: t.pattern.expand(self.kept[t.name], _shape(t)).clone() for t in self.targets}
        masks.update({_bias_name(name): self.kept[name][:, 0].clone() for name in self._biases})
        return masks

    def _masked(self) -> list[tuple[torch.nn.Parameter, torch.Tensor]]:
        """Parameters that hold pruned weights, and masks of their type."""
        if self.current_ratio == 0:
            return []
        if not self._masks:
            self._masks = {t.name: t.pattern.expand(self.kept[t.name], _shape(t)).to(t.weight.dtype).contiguous() for t in self.targets}
            self._masks.update({_bias_name(name): self.kept[name][:, 0].to(bias.dtype) for name, bias in self._biases.items()})
        pairs = [(t.weight, self._masks[t.name]) for t in self.targets]
        return pairs + [(bias, self._masks[_bias_name(name)]) for name, bias in self._biases.items()]

    def _apply(self) -> None:
        pairs = self._masked()
        _multiply([p.data for p, _ in pairs], [m for _, m in pairs])

    def reached(self) -> float:
        """The share of the weights under patterns that is pruned."""
        # One sum, so that a GPU is waited for once.
        pruned = torch.stack([(self._sizes[t.name].to(t.weight.device) * ~self.kept[t.name]).sum() for t in self.targets]).sum()
        return int(pruned) / sum(t.weight.numel() for t in self.targets)

    # ---- the end, and going on ---------------------------------------------------------------------------------------

    @torch.no_grad()
    def finalize(self) -> dict[str, Any]:
        """Detaches, makes every pruned weight exactly zero, and returns the record of what was done."""
        self._check_open()
        if self.step < self.schedule.end and self.current_ratio < self.ratio:
            raise PruneError(f"expected {self.schedule.end} steps before finalize, but got {self.step}; train on, or call prune() first")
        if self.current_ratio < self.ratio:
            self.prune()
        self.detach()
        masks, parameters = self.masks(), dict(self.model.named_parameters())
        for name, mask in masks.items():
            # Not a product: that would leave -0.0, and NaN where a pruned weight is infinite.
            parameters[name].data.masked_fill_(~mask, 0.0)
        for target in self.targets:
            if not torch.isfinite(target.weight).all():
                raise PruneError(f"expected finite weights, but '{target.name}' holds NaN or infinity; has the training diverged?")
        record = describe(self)
        self._finished = True
        return record

    def _check_open(self) -> None:
        if self._finished:
            raise PruneError("expected a pruner that is in use, but finalize() has been called; make a new one")

    def state_dict(self) -> dict[str, Any]:
        """Everything that `load_state_dict` needs to go on as if nothing had happened. Holds plain types and tensors only."""
        return {"format": FORMAT, "step": self.step, "ratio": self.ratio, "current_ratio": self.current_ratio,
                "patterns": {name: str(pattern) for name, pattern in self.patterns.items()},
                "kept": {name: kept.clone() for name, kept in self.kept.items()}, "history": list(self.history),
                "score": {"name": self.score.name, "state": self.score.state_dict()},
                "regularizer": {"name": self.regularizer.name, "state": self.regularizer.state_dict()} if self.regularizer else None}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from a state. The weights come back with the model's own state; the rest must be as it was."""
        if state.get("format") != FORMAT:
            raise CheckpointError(f"expected a pruner's state of format {FORMAT}, but got {state.get('format')}")
        mine = {name: str(pattern) for name, pattern in self.patterns.items()}
        for name in mine.keys() | state["patterns"].keys():
            if mine.get(name) != state["patterns"].get(name):
                raise CheckpointError(f"expected '{name}' with pattern {mine.get(name, 'dense')}, but the state has it with "
                                      f"{state['patterns'].get(name, 'dense')}; make the pruner with the same patterns")
        regularizer = self.regularizer.name if self.regularizer else None
        theirs = state["regularizer"]["name"] if state["regularizer"] else None
        for what, expected, found in (("ratio", self.ratio, state["ratio"]), ("score", self.score.name, state["score"]["name"]),
                                      ("regularizer", regularizer, theirs)):
            if expected != found:
                raise CheckpointError(f"expected a state with {what} {expected}, but it has {found}; make the pruner with the same {what}")
        for t in self.targets:
            if state["kept"][t.name].shape != self.kept[t.name].shape:
                raise CheckpointError(f"expected masks of {tuple(self.kept[t.name].shape)} blocks for '{t.name}', but the state has "
                                      f"{tuple(state['kept'][t.name].shape)}; is it of another model?")
        self.kept = {t.name: state["kept"][t.name].to(t.weight.device, copy=True) for t in self.targets}
        self.step, self.current_ratio, self.history = state["step"], state["current_ratio"], list(state["history"])
        self._masks = {}
        self.score.load_state_dict(state["score"]["state"])
        if self.regularizer:
            self.regularizer.load_state_dict(state["regularizer"]["state"])


def _shape(target: Target) -> tuple[int, int]:
    return target.weight.shape[0], target.weight.shape[1]


def _bias_name(weight: str) -> str:
    return weight.rpartition("weight")[0] + "bias"


def _scale_of(optimizer: torch.optim.Optimizer) -> float:
    """Fused optimizers unscale a GradScaler's gradients themselves, after their pre-hooks."""
    scale = getattr(optimizer, "grad_scale", None)
    return 1.0 if scale is None else float(scale)


def _multiply(tensors: list[torch.Tensor], masks: list[torch.Tensor]) -> None:
    """In place and all at once: on a GPU, a launch per matrix would take longer than the work."""
    if tensors:
        torch._foreach_mul_(tensors, masks)
