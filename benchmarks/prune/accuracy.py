#===- accuracy.py - Accuracy of pruned encoders by pattern and ratio -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Fine-tunes encoders densely, prunes each with every pattern at every ratio, and writes tables of their accuracy.

    python benchmarks/prune/accuracy.py --data DATA --output RESULTS
    python benchmarks/prune/accuracy.py --data DATA --output RESULTS --models minilm-l6 bge-small=FOLDER --minutes 8

All jobs of one model, data set and seed are trained as one stack (stacked.py). A call does as much as fits into --minutes and can
be called again with the same output: finished jobs are not repeated, and a stack goes on from its last epoch if --work is
still there. RESULTS gets accuracy.json and accuracy.md; with --masks, a folder gets the kept blocks of every job, from which sizes
and latencies can be measured elsewhere.
"""

from __future__ import annotations

import argparse
import copy
import datetime
import json
import os
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "python")]

import numpy as np  # noqa: E402
import torch  # noqa: E402
from accuracy_report import markdown  # noqa: E402
from data_sets import DATA_SETS, DataSet  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: E402
from rich.text import Text  # noqa: E402
from stacked import Resident, Stack  # noqa: E402

import et  # noqa: E402
from et.prune import Distiller, Pruner  # noqa: E402
from et.prune import metrics as scoring  # noqa: E402
from et.prune.settings import Settings, make_pruner  # noqa: E402
from et.prune.text_models import Encoded, TextModel, load_model, model_folder, order, takes_types  # noqa: E402
from et.prune.training import rate, write_json  # noqa: E402

PATTERNS = ("irregular", "columns", "rows", "tile", "attention-aware")
RATIOS = (0.3, 0.5, 0.7, 0.8, 0.9)


class OutOfTime(Exception):
    """The call's minutes are over; what was done is saved."""


@dataclass(frozen=True)
class Job:
    """One cell of a table."""

    pattern: str
    ratio: float

    @property
    def key(self) -> str:
        """Its name in the results."""
        return f"{self.pattern}@{self.ratio:g}"


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(prog="accuracy.py", description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, type=Path, metavar="FOLDER", help="the folder of data sets (sst2, mrpc, stsb)")
    parser.add_argument("--output", required=True, type=Path, metavar="FOLDER", help="where the results go, and are found again")
    parser.add_argument("--work", type=Path, metavar="FOLDER", help="dense models and checkpoints (default: OUTPUT/work)")
    parser.add_argument("--masks", type=Path, metavar="FOLDER", help="write the kept blocks of every job there")
    parser.add_argument("--models", nargs="+", default=["minilm-l6"], metavar="NAME[=FOLDER]", help="default: %(default)s")
    parser.add_argument("--tasks", nargs="+", choices=DATA_SETS, default=list(DATA_SETS), help="default: all")
    parser.add_argument("--patterns", nargs="+", default=list(PATTERNS), metavar="PATTERN", help="may name a tile: tile:64x16 (default: %(default)s)")
    parser.add_argument("--ratios", nargs="+", type=float, default=list(RATIOS), help="default: %(default)s")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2], help="default: %(default)s")
    parser.add_argument("--method", default="fisher", choices=("fisher", "magnitude", "movement", "group-lasso", "admm"), help="default: %(default)s")
    parser.add_argument("--observe-every", type=int, default=4, help="fisher and movement: steps between looks at the gradients (default: %(default)s)")
    parser.add_argument("--selection", default="matrix", choices=("matrix", "balanced", "global"), help="default: %(default)s")
    parser.add_argument("--no-distill", dest="distill", action="store_false", help="do not learn from the dense model")
    parser.add_argument("--hidden-weight", type=float, default=1.0, help="of hidden states in distillation (default: %(default)s)")
    parser.add_argument("--lr", type=float, default=5e-5, help="of dense fine-tuning (default: %(default)s)")
    parser.add_argument("--prune-lr", type=float, default=1e-4, help="of pruning and retraining (default: %(default)s)")
    parser.add_argument("--batch-size", type=int, default=32, help="default: %(default)s")
    parser.add_argument("--prunings", type=int, default=20, help="steps of the ratio (default: %(default)s)")
    parser.add_argument("--epochs", nargs=3, type=int, metavar=("DENSE", "PRUNE", "RETRAIN"), help="default: each data set's own")
    parser.add_argument("--train-embeddings", action="store_true", help="train word embeddings while pruning, too (slower)")
    parser.add_argument("--max-tokens", type=int, default=128, help="default: %(default)s")
    parser.add_argument("--stack", type=int, default=25, help="most jobs trained at once (default: %(default)s)")
    parser.add_argument("--minutes", type=float, default=8.0, help="stop before this (default: %(default)s)")
    parser.add_argument("--limit", type=int, help="use only so many rows of each data set, to try the script")
    parser.add_argument("--device", default="auto", help="default: a GPU if there is one")
    parser.add_argument("--precision", choices=("auto", "f32", "bf16"), default="auto", help="default: bf16 on a GPU, else f32")
    options = parser.parse_args(arguments)
    for name, least in (("batch_size", 1), ("prunings", 1), ("stack", 1), ("observe_every", 1), ("max_tokens", 8), ("limit", 4)):
        value = getattr(options, name)
        if value is not None and value < least:
            parser.error(f"--{name.replace('_', '-')} must be at least {least}, but is {value}")
    if options.epochs and (options.epochs[0] < 0 or options.epochs[1] < 1 or options.epochs[2] < 0):
        parser.error(f"--epochs must be at least 0 1 0, but is {' '.join(map(str, options.epochs))}")
    if not options.minutes > 0:
        parser.error(f"--minutes must be above 0, but is {options.minutes:g}")
    if any(not 0 < ratio < 1 for ratio in options.ratios):
        parser.error("--ratios must be between 0 and 1, such as 0.5 0.8")
    options.work = options.work or options.output / "work"
    return options


@dataclass(frozen=True)
class Phase:
    """Some epochs with their own optimizer; `offset` keeps the orders of batches of phases apart."""

    epochs: int
    lr: float
    offset: int


class Bench:
    """One call of the script."""

    def __init__(self, options: argparse.Namespace, console: Console, words: Sequence[str]) -> None:
        self.options, self.console = options, console
        self.begin = time.monotonic()
        self.deadline = self.begin + 60 * options.minutes
        name = options.device if options.device != "auto" else ("cuda" if torch.cuda.is_available() else "cpu")
        self.device = torch.device(name)
        self.precision = options.precision if options.precision != "auto" else ("bf16" if self.device.type == "cuda" else "f32")
        self.models = dict((part.partition("=")[0], part.partition("=")[2] or part) for part in options.models)
        self.path = options.output / "accuracy.json"
        options.output.mkdir(parents=True, exist_ok=True)
        options.work.mkdir(parents=True, exist_ok=True)
        self.settings = {name: getattr(options, name) for name in (
            "method", "selection", "distill", "hidden_weight", "lr", "prune_lr", "batch_size", "prunings", "observe_every", "epochs",
            "train_embeddings", "max_tokens", "limit")}
        self.results: dict[str, Any] = {"settings": self.settings, "groups": {}, "calls": []}
        if self.path.is_file():
            self.results = json.loads(self.path.read_text())
            if self.results["settings"] != self.settings:
                changed = [k for k in self.settings if self.results["settings"].get(k) != self.settings[k]]
                raise et.prune.PruneError(f"expected {self.path} to be of the same settings, but {', '.join(changed)} changed; use another --output")
        gpu = torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else "cpu"
        self.call = {"command": shlex.join(["python", "benchmarks/prune/accuracy.py", *words]), "device": gpu, "torch": torch.__version__,
                     "date": datetime.date.today().isoformat(), "precision": self.precision, "seconds": 0.0, "jobs": 0}
        self.results["calls"].append(self.call)

    # ---- plan --------------------------------------------------------------------------------------------------------

    def run(self) -> bool:
        """Does what fits into the time. True when nothing is left to do."""
        try:
            for model in self.models:
                for task in self.options.tasks:
                    for seed in self.options.seeds:
                        self._group(model, DATA_SETS[task], seed)
        except OutOfTime:
            return False
        finally:
            self._write()
        return True

    def _write(self) -> None:
        self.call["seconds"] = round(time.monotonic() - self.begin, 1)
        write_json(self.path, self.results)
        (self.options.output / "accuracy.md").write_text(markdown(self.results))

    def _check_time(self, seconds: float) -> None:
        if time.monotonic() + seconds > self.deadline:
            raise OutOfTime

    def _group(self, model: str, data_set: DataSet, seed: int) -> None:
        key = f"{model}/{data_set.name}/{seed}"
        group = self.results["groups"].setdefault(key, {"model": model, "task": data_set.name, "metric": data_set.metric, "seed": seed,
                                                       "dense": None, "jobs": {}})
        jobs = [Job(p, r) for p in self.options.patterns for r in self.options.ratios]
        jobs = [job for job in jobs if job.key not in group["jobs"]]
        if not jobs:
            return
        self._check_time(0)
        folder = model_folder(self.models[model])
        task, train, dev = data_set.load(self.options.data)
        torch.manual_seed(seed)
        # Eager attention: under vmap it is two batched products, and sequences are short.
        dense = load_model(folder, task, "eager").to(self.device)
        limit = self.options.limit
        types = takes_types(dense.backbone)
        sets = [Resident(Encoded(folder, e.texts[:limit], e.labels[:limit], task, self.options.max_tokens, types), self.device) for e in (train, dev)]
        self._dense(key, group, dense, data_set, seed, sets)
        for start in range(0, len(jobs), self.options.stack):
            self._stack(key, group, dense, data_set, seed, sets, jobs[start : start + self.options.stack])

    # ---- phases ------------------------------------------------------------------------------------------------------

    def _dense(self, key: str, group: dict[str, Any], model: TextModel, data_set: DataSet, seed: int, sets: Sequence[Resident]) -> None:
        path = self.options.work / f"{key.replace('/', '-')}-dense.pt"
        if group["dense"] and path.is_file():
            model.load_state_dict(torch.load(path, map_location=self.device, weights_only=True))
            return
        begin = time.monotonic()
        stack = Stack(model, 1, freeze_embeddings=False)
        epochs = self.options.epochs[0] if self.options.epochs else data_set.dense_epochs
        self._train(f"{key} dense", stack, sets[0], [Phase(epochs, self.options.lr, 0)], seed, None, None)
        model.load_state_dict(stack.copies[0].state_dict())
        (found,) = self._metrics(stack, sets[1])
        group["dense"] = {"metrics": found, "epochs": epochs, "seconds": round(time.monotonic() - begin, 1)}
        torch.save(model.state_dict(), path)
        self._print(key, "dense", found, group["dense"]["seconds"])

    def _settings(self, job: Job, data_set: DataSet, seed: int) -> Settings:
        pattern, _, tile = job.pattern.partition(":")
        epochs = self.options.epochs or [data_set.dense_epochs, data_set.prune_epochs, data_set.retrain_epochs]
        return Settings(pattern=pattern, tile=tile or "16x16", ratio=job.ratio, method=self.options.method, selection=self.options.selection,
                        dense_epochs=epochs[0], prune_epochs=epochs[1], retrain_epochs=epochs[2], prunings=self.options.prunings, seed=seed)

    def _stack(self, key: str, group: dict[str, Any], dense: TextModel, data_set: DataSet, seed: int, sets: Sequence[Resident],
               jobs: list[Job]) -> None:
        begin = time.monotonic()
        distiller = Distiller(copy.deepcopy(dense), hidden=self.options.hidden_weight) if self.options.distill else None
        stack = Stack(dense, len(jobs), not self.options.train_embeddings, self.options.observe_every)
        settings = [self._settings(job, data_set, seed) for job in jobs]
        steps = len(order(sets[0].lengths, self.options.batch_size, seed, 0))
        stack.prune_with([make_pruner(model, s, steps) for model, s in zip(stack.copies, settings)])
        checkpoint = self.options.work / f"{key.replace('/', '-')}-{jobs[0].key.replace(':', '-')}-{len(jobs)}.pt"
        phases = [Phase(settings[0].prune_epochs, self.options.prune_lr, 100), Phase(settings[0].retrain_epochs, self.options.prune_lr, 200)]
        self._train(f"{key} x{len(jobs)}", stack, sets[0], phases, seed, distiller, checkpoint)
        seconds = round(time.monotonic() - begin, 1)
        for job, pruner, found in zip(jobs, stack.pruners, self._metrics(stack, sets[1])):
            # Each job keeps the metrics of the dense model it came from: that is trained anew where --work was lost between calls.
            group["jobs"][job.key] = {"pattern": job.pattern, "ratio": job.ratio, "reached": pruner.finalize()["reached"],
                                      "metrics": found, "dense": group["dense"]["metrics"]}
            self._print(key, job.key, found, seconds / len(jobs))
        if self.options.masks:
            self._write_masks(checkpoint.stem, jobs, stack.pruners)
        self.call["jobs"] += len(jobs)
        self._write()
        checkpoint.unlink(missing_ok=True)

    def _write_masks(self, name: str, jobs: Sequence[Job], pruners: Sequence[Pruner]) -> None:
        """A bit for each block, row by row of the grid; the grid's size follows from the pattern."""
        masks = {f"{job.key}/{weight.removeprefix('backbone.')}": np.packbits(kept.cpu().numpy())
                 for job, pruner in zip(jobs, pruners) for weight, kept in pruner.kept.items()}
        self.options.masks.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(self.options.masks / f"{name}.npz", **masks)

    def _train(self, what: str, stack: Stack, data: Resident, phases: Sequence[Phase], seed: int, distiller: Distiller | None,
               checkpoint: Path | None) -> None:
        """Phases one after the other, each with its own optimizer; from the checkpoint on, if there is one."""
        state = torch.load(checkpoint, map_location=self.device, weights_only=True) if checkpoint and checkpoint.is_file() else None
        start = tuple(state["position"]) if state else (0, 0)
        per_epoch = len(order(data.lengths, self.options.batch_size, seed, 0))
        seconds = 0.0
        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
        with Progress(*columns, console=self.console, transient=True, disable=not self.console.is_terminal) as bars:
            bar = bars.add_task(what, total=sum(phase.epochs for phase in phases) * per_epoch)
            for number, phase in enumerate(phases):
                optimizer = self._optimizer(stack, phase.lr)
                if state and number == start[0]:
                    stack.load_state_dict(state["stack"])
                    optimizer.load_state_dict(state["optimizer"])
                    torch.set_rng_state(state["random"].cpu())
                    if self.device.type == "cuda":
                        torch.cuda.set_rng_state(state["random_cuda"].cpu(), self.device)
                for epoch in range(phase.epochs):
                    if (number, epoch) < start:
                        bars.advance(bar, per_epoch)
                        continue
                    # The first epoch's time is not known: it may run over.
                    self._check_time(1.2 * seconds)
                    begin = time.monotonic()
                    self._epoch(stack, optimizer, data, phase, epoch, seed, distiller, lambda: bars.advance(bar))
                    seconds = time.monotonic() - begin
                    if checkpoint:
                        self._save(checkpoint, stack, optimizer, (number, epoch + 1))

    def _optimizer(self, stack: Stack, lr: float) -> torch.optim.Optimizer:
        weights = list(stack.weights.values())
        # With the dimension of copies in front, biases and norms are those with two.
        groups = [{"params": [w for w in weights if w.dim() > 2], "weight_decay": 0.01}, {"params": [w for w in weights if w.dim() <= 2], "weight_decay": 0.0}]
        return torch.optim.AdamW(groups, lr=lr, fused=self.device.type == "cuda")

    def _epoch(self, stack: Stack, optimizer: torch.optim.Optimizer, data: Resident, phase: Phase, epoch: int, seed: int,
               distiller: Distiller | None, on_step: Callable[[], None]) -> None:
        batches = order(data.lengths, self.options.batch_size, seed, phase.offset + epoch)
        stack.model.train()
        for index, rows in enumerate(batches):
            for group in optimizer.param_groups:
                group["lr"] = phase.lr * rate(epoch * len(batches) + index, phase.epochs * len(batches), 0.06)
            inputs, labels = data.batch(rows)
            stack.step(optimizer, inputs, labels, distiller, self.precision)
            on_step()
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def _save(self, path: Path, stack: Stack, optimizer: torch.optim.Optimizer, position: tuple[int, int]) -> None:
        cuda = torch.cuda.get_rng_state(self.device) if self.device.type == "cuda" else None
        state = {"position": position, "stack": stack.state_dict(), "optimizer": optimizer.state_dict(), "random": torch.get_rng_state(), "random_cuda": cuda}
        torch.save(state, path.with_suffix(".tmp"))
        os.replace(path.with_suffix(".tmp"), path)

    def _metrics(self, stack: Stack, data: Resident) -> list[dict[str, float]]:
        outputs = stack.outputs(data, 2 * self.options.batch_size, self.precision)
        gold, task = data.labels.cpu().numpy(), stack.model.task
        return [scoring.evaluate(task.kind, one, gold, len(task.classes)) for one in outputs]

    def _print(self, key: str, job: str, found: dict[str, float], seconds: float) -> None:
        text = "  ".join(f"{name} {value:.4f}" for name, value in found.items())
        self.console.print(f"{key:24} {job:24} {text}  {seconds:.1f} s", highlight=False)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs; the exit status is 0 also where time ran out: call again to go on."""
    options = parse_arguments(arguments)
    console = Console(soft_wrap=True)
    try:
        bench = Bench(options, console, sys.argv[1:] if arguments is None else arguments)
        done = bench.run()
    except et.Error as error:
        Console(stderr=True, soft_wrap=True).print("[bold red]error:[/]", Text(str(error)))
        return 1
    wanted = len(bench.models) * len(options.tasks) * len(options.seeds) * len(options.patterns) * len(options.ratios)
    finished = sum(len(group["jobs"]) for group in bench.results["groups"].values())
    state, then = ("done", "written") if done else ("out of time", "call again to go on")
    console.print(f"{state}: {finished} of {wanted} jobs; {then}: {options.output}", highlight=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
