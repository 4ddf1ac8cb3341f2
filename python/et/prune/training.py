#===- training.py - Fine-tunes, prunes and retrains a text model -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""One run of `python -m et.prune`: dense fine-tuning, training while pruning, retraining with masks.

    dense      the model learns the task; its result is the teacher, where there is distillation
    prune      regularised or gradual, as the method has it; at its end the ratio is reached
    retrain    what is left learns to make up for what is gone

After each epoch everything that the rest depends on goes into one checkpoint: a run that goes on from it ends with the same
weights as one that was never stopped.
"""

from __future__ import annotations

import copy
import json
import math
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from . import metrics
from .distillation import Distiller
from .errors import CheckpointError
from .pruner import Pruner
from .record import sparsity
from .settings import Settings, make_pruner
from .text_models import Encoded, TextModel, order

class Progress(Protocol):
    """Who is told how far a run is."""

    def begin(self, phase: str, epoch: int, epochs: int, batches: int) -> None:
        """An epoch starts."""

    def step(self, loss: float) -> None:
        """A batch is done."""

    def end(self, phase: str, entry: Mapping[str, Any]) -> None:
        """An epoch is done."""


def make_optimizer(model: torch.nn.Module, settings: Settings) -> torch.optim.Optimizer:
    """AdamW; biases and norms do not decay."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    decays = [p for p in parameters if p.dim() >= 2]
    others = [p for p in parameters if p.dim() < 2]
    return torch.optim.AdamW([{"params": decays, "weight_decay": settings.weight_decay}, {"params": others, "weight_decay": 0.0}], lr=settings.lr)


def rate(step: int, steps: int, warmup: float) -> float:
    """The share of the learning rate at a step: up over the warm-up, then down to zero."""
    rising = warmup * steps
    return (step + 1) / rising if step + 1 < rising else min(1.0, (steps - step) / max(1.0, steps - rising))


@torch.no_grad()
def evaluate(model: TextModel, data: Encoded, batch_size: int, device: torch.device, precision: str) -> dict[str, float]:
    """Metrics on a data set."""
    model.eval()
    outputs: list[np.ndarray] = [np.empty(0)] * len(data)
    rows = sorted(range(len(data)), key=lambda row: data.lengths[row])
    for start in range(0, len(rows), 2 * batch_size):
        part = rows[start : start + 2 * batch_size]
        batch, _ = data.batch(part, device)
        with autocast(device, precision):
            logits = model(**batch).logits.float().cpu().numpy()
        for row, value in zip(part, logits):
            outputs[row] = value
    return metrics.evaluate(model.task.kind, np.stack(outputs), data.labels.numpy(), len(model.task.classes))


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """bf16 where asked for. It has the range of f32, so gradients need no scaling."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")


class Run:
    """A run in a folder, which holds record.json, checkpoint.pt, dense/ and at the end the pruned model."""

    def __init__(self, settings: Settings, model: TextModel, source: Path, train: Encoded, dev: Encoded, output: Path,
                 device: torch.device, progress: Progress, facts: Mapping[str, Any]) -> None:
        self.settings, self.model, self.source, self.train_data, self.dev = settings, model.to(device), source, train, dev
        self.output, self.device, self.progress = output, device, progress
        self.steps_per_epoch = len(order(train.lengths, settings.batch_size, 0, 0))
        self.pruner: Pruner | None = None
        self.distiller: Distiller | None = None
        self.optimizer: torch.optim.Optimizer | None = None
        plain = {**asdict(settings), "overrides": dict(settings.overrides), "milestones": list(settings.milestones)}
        self.record: dict[str, Any] = {**facts, "settings": plain, "phases": []}
        self.phases = [("dense", settings.dense_epochs), ("prune", settings.prune_epochs), ("retrain", settings.retrain_epochs)]
        self.position = [0, 0]

    # ---- the whole ---------------------------------------------------------------------------------------------------

    def run(self, resume: bool = False, after_epoch: Callable[[], None] = lambda: None) -> dict[str, Any]:
        """Does what is left to do, and returns the record. `after_epoch` runs after each checkpoint."""
        self.output.mkdir(parents=True, exist_ok=True)
        if resume:
            self._load()
        else:
            torch.manual_seed(self.settings.seed)
        while self.position[0] < len(self.phases):
            phase, epochs = self.phases[self.position[0]]
            if self.position[1] == 0:
                self._enter(phase)
            while self.position[1] < epochs:
                entry = self._epoch(phase, self.position[1], epochs)
                self.record["phases"][-1]["epochs"].append(entry)
                self.position[1] += 1
                self._save()
                self.progress.end(phase, entry)
                after_epoch()
            self._leave(phase)
            self.position = [self.position[0] + 1, 0]
        return self._finish()

    def _enter(self, phase: str) -> None:
        self.record["phases"].append({"name": phase, "epochs": []})
        if phase == "prune":
            self._prepare_pruning()
        self.optimizer = make_optimizer(self.model, self.settings)
        if self.pruner:
            self.pruner.detach()
            self.pruner.attach(self.optimizer)
            if self.settings.method == "one-shot" and phase == "prune":
                self.pruner.prune()

    def _prepare_pruning(self) -> None:
        if self.settings.distill:
            self.distiller = Distiller(copy.deepcopy(self.model), hidden=self.settings.hidden_weight, temperature=self.settings.temperature)
        self.pruner = make_pruner(self.model.backbone, self.settings, self.steps_per_epoch)
        dense = self.record.get("dense", {}).get("metrics")
        if dense:
            self.pruner.observe(dense[metrics.main_metric(self.model.task.kind)])

    def _leave(self, phase: str) -> None:
        if phase == "dense":
            found = evaluate(self.model, self.dev, self.settings.batch_size, self.device, self.settings.precision)
            self.record["dense"] = {"metrics": found}
            self.model.save(self.output / "dense", self.source)

    def _finish(self) -> dict[str, Any]:
        assert self.pruner is not None
        self.record["pruning"] = self.pruner.finalize()
        found = evaluate(self.model, self.dev, self.settings.batch_size, self.device, self.settings.precision)
        self.record["result"] = {"metrics": found, "sparsity": sparsity(self.model.backbone)}
        self.model.save(self.output, self.source)
        write_json(self.output / "record.json", self.record)
        return self.record

    # ---- an epoch ----------------------------------------------------------------------------------------------------

    def _epoch(self, phase: str, epoch: int, epochs: int) -> dict[str, Any]:
        assert self.optimizer is not None
        begin, total = time.monotonic(), epochs * self.steps_per_epoch
        # A different order in each phase: the seed counts epochs from the start of the run.
        before = sum(length for _, length in self.phases[: self.position[0]])
        batches = order(self.train_data.lengths, self.settings.batch_size, self.settings.seed, before + epoch)
        peak = self.settings.lr if phase == "dense" else self.settings.prune_lr
        losses = torch.zeros((), device=self.device)
        self.progress.begin(phase, epoch, epochs, len(batches))
        self.model.train()
        for index, rows in enumerate(batches):
            for group in self.optimizer.param_groups:
                group["lr"] = peak * rate(epoch * self.steps_per_epoch + index, total, self.settings.warmup)
            loss = self._step(rows)
            losses += loss
            # Reading a loss waits for the GPU, so not every one is read.
            self.progress.step(float(loss) if self.device.type == "cpu" or index % 20 == 0 else math.nan)
        found = evaluate(self.model, self.dev, self.settings.batch_size, self.device, self.settings.precision)
        if self.pruner and phase == "prune":
            self.pruner.observe(found[metrics.main_metric(self.model.task.kind)])
        return {"epoch": epoch + 1, "loss": float(losses) / len(batches), "metrics": found, "seconds": round(time.monotonic() - begin, 3),
                "reached": self.pruner.reached() if self.pruner else 0.0}

    def _step(self, rows: list[int]) -> torch.Tensor:
        assert self.optimizer is not None
        batch, labels = self.train_data.batch(rows, self.device)
        hidden = self.distiller is not None and self.distiller.hidden > 0
        with autocast(self.device, self.settings.precision):
            outputs = self.model(**batch, output_hidden_states=hidden)
            loss = self.model.loss(outputs, labels)
            if self.distiller:
                loss = loss + self.distiller(outputs, **batch)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        return loss.detach()

    # ---- checkpoints -------------------------------------------------------------------------------------------------

    def _save(self) -> None:
        assert self.optimizer is not None
        state = {"position": list(self.position), "record": json.dumps(self.record), "model": self.model.state_dict(),
                 "optimizer": self.optimizer.state_dict(), "pruner": self.pruner.state_dict() if self.pruner else None,
                 "teacher": self.distiller.teacher.state_dict() if self.distiller else None, "random": torch.get_rng_state(),
                 "random_cuda": torch.cuda.get_rng_state(self.device) if self.device.type == "cuda" else None}
        path = self.output / "checkpoint.pt"
        torch.save(state, path.with_suffix(".tmp"))
        os.replace(path.with_suffix(".tmp"), path)  # a reader finds the old one or the new one, never half of one
        write_json(self.output / "record.json", self.record)

    def _load(self) -> None:
        path = self.output / "checkpoint.pt"
        if not path.is_file():
            raise CheckpointError(f"expected a checkpoint to go on from, but there is no {path}; leave out --resume to start anew")
        try:
            state = torch.load(path, map_location=self.device, weights_only=True)
            record = json.loads(state["record"])
        except Exception as error:  # torch.load raises many types
            raise CheckpointError(f"cannot read {path}: {error}; delete it and start anew") from error
        for name, mine in self.record.items():
            if name not in ("phases", "command", "versions") and record.get(name) != json.loads(json.dumps(mine)):
                raise CheckpointError(f"expected {path} to be of a run with the same {name}, but it is not: {_difference(record.get(name), mine)}; "
                                      "use the same options and data, or leave out --resume")
        self.record, self.position = record, list(state["position"])
        self.model.load_state_dict(state["model"])
        phase = self.phases[self.position[0]][0]
        if phase != "dense":
            self._prepare_pruning()
            assert self.pruner is not None
            if self.distiller:
                self.distiller.teacher.load_state_dict(state["teacher"])
            self.pruner.load_state_dict(state["pruner"])
        self.optimizer = make_optimizer(self.model, self.settings)
        self.optimizer.load_state_dict(state["optimizer"])
        if self.pruner:
            self.pruner.attach(self.optimizer)
        torch.set_rng_state(state["random"].cpu())
        if self.device.type == "cuda" and state["random_cuda"] is not None:
            torch.cuda.set_rng_state(state["random_cuda"].cpu(), self.device)


def _difference(theirs: Any, mine: Any) -> str:
    if isinstance(theirs, dict) and isinstance(mine, Mapping):
        parts = [f"{key} is {theirs.get(key)!r} there and {value!r} here" for key, value in mine.items() if theirs.get(key) != value]
        return ", ".join(parts) or "other fields"
    return f"{theirs!r} there and {mine!r} here"


def write_json(path: Path, value: Any) -> None:
    """Writes at once or not at all."""
    text = json.dumps(value, indent=1, allow_nan=False) + "\n"
    path.with_suffix(".json.tmp").write_text(text)
    os.replace(path.with_suffix(".json.tmp"), path)
