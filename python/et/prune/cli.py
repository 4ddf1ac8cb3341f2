#===- cli.py - The command line of et.prune -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Fine-tunes a text model on a TSV or CSV file, prunes it while it trains, and writes it as a folder of safetensors.

    python -m et.prune --model minilm-l6 --train train.tsv --dev dev.tsv --output out --ratio 0.8

The task (classification, or similarity of two texts) and the columns are found from the file, or named. The output is a model
folder that transformers loads and E.T. compiles; record.json there says what was done and how well each step did.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import importlib.metadata
import os
import shlex
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from .. import errors
from . import metrics
from .errors import PruneError
from .selection import SELECTIONS, check_ratio
from .settings import METHODS, PATTERNS, Settings
from .text_models import PACKAGES, Encoded, load_model, model_folder, takes_types
from .tables import choose_columns, choose_task, examples, read_table
from .training import Run


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Reads the command line."""
    d = Settings()
    parser = argparse.ArgumentParser(prog="python -m et.prune", description=__doc__.splitlines()[0])
    data = parser.add_argument_group("model and data")
    data.add_argument("--model", required=True,
                      help=f"a folder (config.json, model.safetensors, tokenizer.json), {', '.join(PACKAGES)}, or package:NAME/FOLDER")
    data.add_argument("--train", required=True, type=Path, metavar="FILE", help="training data: .csv, or anything else with tabs")
    data.add_argument("--dev", required=True, type=Path, metavar="FILE", help="validation data of the same form")
    data.add_argument("--output", required=True, type=Path, metavar="FOLDER", help="where the pruned model, its record and the checkpoint go")
    data.add_argument("--task", choices=("auto", "classification", "similarity"), default="auto", help="default: from the labels")
    data.add_argument("--text-columns", nargs="+", default=[], metavar="COLUMN", help="one or two, by name or number from 1 (default: found)")
    data.add_argument("--label-column", metavar="COLUMN", help="by name or number from 1 (default: found)")
    data.add_argument("--header", choices=("auto", "yes", "no"), default="auto",
                      help="whether the first row names the columns (default: %(default)s)")
    data.add_argument("--max-tokens", type=int, default=128, help="longer texts are cut (default: %(default)s)")
    prune = parser.add_argument_group("pruning")
    prune.add_argument("--ratio", type=float, default=d.ratio, help="share of the blocks that is pruned (default: %(default)s)")
    prune.add_argument("--pattern", choices=PATTERNS, default=d.pattern, help="default: %(default)s")
    prune.add_argument("--tile", default=d.tile, metavar="RxC", help="size of tiles (default: %(default)s)")
    prune.add_argument("--override", action="append", default=[], metavar="WHICH=PATTERN",
                       help="another pattern for a role or a glob over parameter names, such as value=tile:16x16 or '*.layer.0.*=dense'")
    prune.add_argument("--method", choices=METHODS, default=d.method,
                       help="how blocks are chosen, gradually for fisher, magnitude and movement (default: %(default)s)")
    prune.add_argument("--selection", choices=SELECTIONS, default=d.selection, help="default: per %(default)s")
    prune.add_argument("--no-distill", dest="distill", action="store_false", help="do not learn from the dense model")
    prune.add_argument("--temperature", type=float, default=d.temperature, help="of distillation (default: %(default)s)")
    prune.add_argument("--hidden-weight", type=float, default=d.hidden_weight, help="of hidden states in distillation (default: %(default)s)")
    prune.add_argument("--lam", type=float, default=d.lam, help="group lasso: factor of the penalty (default: %(default)s)")
    prune.add_argument("--raise-factor", type=float, default=d.raise_factor,
                       help="group lasso: growth of lam at milestones while accuracy holds (default: %(default)s)")
    prune.add_argument("--milestones", type=int, nargs="*", default=[], metavar="EPOCH",
                       help="group lasso: epochs after which to reweight (default: three, at equal distances)")
    prune.add_argument("--max-drop", type=float, default=d.max_drop,
                       help="group lasso: lam stops rising when the metric is this far below the dense one (default: %(default)s)")
    prune.add_argument("--rho", type=float, default=d.rho, help="ADMM: factor of the penalty (default: %(default)s)")
    prune.add_argument("--prunings", type=int, default=d.prunings, help="gradual: steps of the ratio (default: %(default)s)")
    train = parser.add_argument_group("training")
    train.add_argument("--dense-epochs", type=int, default=d.dense_epochs,
                       help="fine-tuning before pruning; 0 if the model is fine-tuned (default: %(default)s)")
    train.add_argument("--prune-epochs", type=int, default=d.prune_epochs, help="default: %(default)s")
    train.add_argument("--retrain-epochs", type=int, default=d.retrain_epochs, help="default: %(default)s")
    train.add_argument("--lr", type=float, default=d.lr, help="of dense fine-tuning (default: %(default)s)")
    train.add_argument("--prune-lr", type=float, default=d.prune_lr, help="of pruning and retraining (default: %(default)s)")
    train.add_argument("--batch-size", type=int, default=d.batch_size, help="default: %(default)s")
    train.add_argument("--weight-decay", type=float, default=d.weight_decay, help="default: %(default)s")
    train.add_argument("--warmup", type=float, default=d.warmup, help="share of a phase's steps (default: %(default)s)")
    train.add_argument("--seed", type=int, default=d.seed, help="the same seed gives the same result (default: %(default)s)")
    train.add_argument("--device", default="auto", help="cpu, cuda, cuda:1 (default: a GPU if there is one)")
    train.add_argument("--precision", choices=("auto", "f32", "bf16"), default="auto", help="default: bf16 on a GPU, else f32")
    train.add_argument("--threads", type=int, help="CPU threads (default: PyTorch's)")
    train.add_argument("--resume", action="store_true", help="go on from the checkpoint in --output")
    options = parser.parse_args(arguments)
    for name, above in (("lr", 0.0), ("prune_lr", 0.0), ("temperature", 0.0)):
        if not getattr(options, name) > above:
            parser.error(f"--{name.replace('_', '-')} must be above {above:g}, but is {getattr(options, name)}")
    for name, least in (("max_tokens", 8), ("threads", 1), ("seed", 0), ("hidden_weight", 0), ("weight_decay", 0), ("warmup", 0)):
        value = getattr(options, name)
        if value is not None and value < least:
            parser.error(f"--{name.replace('_', '-')} must be at least {least}, but is {value}")
    return options


class Bars:
    """Progress bars on a terminal; a line per epoch everywhere."""

    def __init__(self, console: Console) -> None:
        self.console = console
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[loss]}"),
                   TimeElapsedColumn(), TimeRemainingColumn())
        self.bars = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self.task: Any = None

    def begin(self, phase: str, epoch: int, epochs: int, batches: int) -> None:
        """As in training.Progress."""
        if self.task is not None:
            self.bars.remove_task(self.task)
        self.task = self.bars.add_task(f"{phase} {epoch + 1}/{epochs}", total=batches, loss="")

    def step(self, loss: float) -> None:
        """As in training.Progress."""
        shown = {"loss": f"loss {loss:.4f}"} if loss == loss else {}
        self.bars.update(self.task, advance=1, **shown)

    def end(self, phase: str, entry: Mapping[str, Any]) -> None:
        """As in training.Progress."""
        found = "  ".join(f"{name} {value:.4f}" for name, value in entry["metrics"].items())
        self.console.print(f"{phase:8} epoch {entry['epoch']}  loss {entry['loss']:.4f}  {found}  pruned {entry['reached']:.1%}  {entry['seconds']:.1f} s",
                           highlight=False)


def choose_device(name: str) -> torch.device:
    """The device by name; "auto" takes a GPU if there is one."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise PruneError(f"expected --device to be cpu, cuda or cuda:N, but got '{name}'") from None
    if device.type not in ("cpu", "cuda"):
        raise PruneError(f"expected --device to be cpu, cuda or cuda:N, but got '{name}'")
    if device.type == "cuda" and not torch.cuda.is_available():
        raise PruneError(f"expected a GPU for --device {name}, but PyTorch sees none; use --device cpu")
    return device


def parse_overrides(items: Sequence[str]) -> dict[str, str | None]:
    """Reads WHICH=PATTERN; `dense` takes a weight out."""
    result: dict[str, str | None] = {}
    for item in items:
        which, equals, pattern = item.partition("=")
        if not equals or not which or not pattern:
            raise PruneError(f"expected --override WHICH=PATTERN, such as value=tile:16x16 or query=dense, but got '{item}'")
        result[which] = None if pattern == "dense" else pattern
    return result


@contextlib.contextmanager
def deterministic() -> Iterator[None]:
    """Asks PyTorch for kernels that give the same sums every time, and lets it say nothing where it has none."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*deterministic.*")
        torch.use_deterministic_algorithms(True, warn_only=True)
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(before[0], warn_only=before[1])


def checksum(path: Path) -> str:
    """What tells one version of a file from another."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def prepare(options: argparse.Namespace, console: Console, words: Sequence[str]) -> tuple[Run, Bars]:
    """Everything up to the first step."""
    check_ratio(options.ratio)
    device = choose_device(options.device)
    precision = options.precision if options.precision != "auto" else ("bf16" if device.type == "cuda" else "f32")
    chosen = {name: getattr(options, name) for name in Settings.__dataclass_fields__ if hasattr(options, name)}
    chosen.update(precision=precision, milestones=tuple(options.milestones), overrides=parse_overrides(options.override))
    settings = Settings(**chosen)
    if not options.resume and (options.output / "checkpoint.pt").exists():
        raise PruneError(f"expected an output folder without a run, but {options.output} has a checkpoint; say --resume to go on, or name another")
    folder = model_folder(options.model)
    train = read_table(options.train, options.header)
    columns = choose_columns(train, options.text_columns, options.label_column)
    task = choose_task(train, columns, options.task)
    dev = read_table(options.dev, options.header)
    if len(dev.names) != len(train.names):
        raise PruneError(f"expected {options.dev} to have {len(train.names)} columns as {options.train}, but it has {len(dev.names)}")
    training, validation = examples(train, columns, task), examples(dev, columns, task)
    torch.manual_seed(settings.seed)  # the head of a classifier is random
    model = load_model(folder, task)
    sets = [Encoded(folder, e.texts, e.labels, task, options.max_tokens, takes_types(model.backbone)) for e in (training, validation)]
    facts = {
        "command": shlex.join(["python", "-m", "et.prune", *words]),
        "versions": {name: importlib.metadata.version(name) for name in ("torch", "transformers", "tokenizers")}, "model": options.model,
        "task": {"kind": task.kind, "classes": list(task.classes), "low": task.low, "high": task.high}, "max_tokens": options.max_tokens,
        "data": {"train": {"file": options.train.name, "rows": len(training), "sha256": checksum(options.train)},
                 "dev": {"file": options.dev.name, "rows": len(validation), "sha256": checksum(options.dev)},
                 "texts": [train.names[i] for i in columns.texts], "label": train.names[columns.label]},
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
    }
    what = f"{task.kind} of {', '.join(facts['data']['texts'])} by {facts['data']['label']}"
    console.print(f"{what}: {len(training)} rows to train, {len(validation)} to validate, on {facts['device']} in {precision}", highlight=False)
    bars = Bars(console)
    return Run(settings, model, folder, *sets, options.output, device, bars, facts), bars


def report(record: Mapping[str, Any], console: Console, output: Path) -> None:
    """Prints dense beside pruned."""
    table = Table(title=f"{record['settings']['pattern']}, {record['pruning']['reached']:.1%} of the weights under patterns pruned", title_justify="left")
    table.add_column("model")
    for name in record["result"]["metrics"]:
        table.add_column(name, justify="right")
    for name, found in (("dense", record["dense"]["metrics"]), ("pruned", record["result"]["metrics"])):
        table.add_row(name, *(f"{value:.4f}" for value in found.values()))
    console.print(table)
    main = metrics.main_metric(record["task"]["kind"])
    loss = record["dense"]["metrics"][main] - record["result"]["metrics"][main]
    console.print(f"{main}: {100 * loss:+.2f} points lost; written: {output}", highlight=False)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs; what a user can put right is one line without a traceback."""
    options = parse_arguments(arguments)
    console = Console()
    try:
        if options.threads:
            torch.set_num_threads(options.threads)
        with deterministic():
            run, bars = prepare(options, console, sys.argv[1:] if arguments is None else arguments)
            with bars.bars:
                record = run.run(resume=options.resume)
        report(record, console, options.output)
    except errors.Error as error:
        Console(stderr=True, soft_wrap=True).print("[bold red]error:[/]", Text(str(error)))
        return 1
    except KeyboardInterrupt:
        Console(stderr=True).print("stopped; go on from the last epoch with --resume")
        return 130
    return 0
