#===- encoders.py - Times encoders beside the peers installed here -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
#!/usr/bin/env python3
"""Times E.T. beside PyTorch eager, torch.compile, ONNX Runtime and OpenVINO on the same encoders, threads and precision.

Writes results/DATE-MACHINE-encoders.json, .md and .png. See README.md in this folder for how the times are taken.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import shlex
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

BENCHMARKS = Path(__file__).resolve().parent
sys.path[:0] = [str(BENCHMARKS), str(BENCHMARKS.parent / "examples")]

from rich.console import Console  # noqa: E402
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn  # noqa: E402

from encoder_bench import machine, plot, report  # noqa: E402
from encoder_bench.contenders import CONTENDERS  # noqa: E402
from encoder_bench.points import MODELS, POINTS, Point, parse_point  # noqa: E402
from encoder_bench.pool import WorkerFailed  # noqa: E402
from encoder_bench.processors import choose_cpus  # noqa: E402
from encoder_bench import schedule  # noqa: E402


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Reads the command line."""

    def point(text: str) -> Point:
        try:
            return parse_point(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    parser = argparse.ArgumentParser(prog="encoders.py", description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS), help="which models (default: all)")
    parser.add_argument("--points", nargs="+", type=point, metavar="BATCHxSEQUENCE", help="sizes for every model (default: those of each model)")
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, default=list(CONTENDERS), help="who takes part (default: all)")
    parser.add_argument("--threads", type=int, default=2, help="threads of each contender (default: %(default)s)")
    parser.add_argument("--cpus", help="processors to pin to, such as 0,2-3 (default: one on each of the first cores)")
    parser.add_argument("--rounds", type=int, default=20, help="rounds of bursts (default: %(default)s)")
    parser.add_argument("--iterations", type=int, default=10, help="timed runs in a burst, at most (default: %(default)s)")
    parser.add_argument("--warmup", type=int, default=3, help="runs before them (default: %(default)s)")
    parser.add_argument("--quiet", type=float, default=2.0, metavar="SECONDS",
                        help="wait at most this long before each point's bursts for other load to go away; 0 does not look (default: %(default)s)")
    parser.add_argument("--nice", type=int, default=0, metavar="N",
                        help="niceness of the contenders while they run; negative, as root, where other load cannot be stopped (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the token ids (default: %(default)s)")
    parser.add_argument("--output", type=Path, default=BENCHMARKS / "results", metavar="FOLDER", help="where the results go (default: benchmarks/results)")
    parser.add_argument("--name", help="what the results are called (default: DATE-MACHINE-encoders)")
    options = parser.parse_args(arguments)
    for name, least in (("threads", 1), ("rounds", 1), ("iterations", 1), ("warmup", 0), ("quiet", 0), ("seed", 0)):
        if getattr(options, name) < least:
            parser.error(f"--{name} must be at least {least}, but is {getattr(options, name)}")
    if not -20 <= options.nice <= 19:
        parser.error(f"--nice must be from -20 to 19, but is {options.nice}")
    if options.nice < 0 and os.geteuid() != 0:
        parser.error("a negative --nice needs root")
    try:
        options.processors = choose_cpus(options.threads, options.cpus)
    except ValueError as error:
        parser.error(str(error))
    return options


class Bars(schedule.Progress):
    """Progress on the terminal, or a line per phase in a log. Drawn only between bursts: a drawing thread would disturb."""

    def __init__(self, console: Console) -> None:
        self.console = console
        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn()
        self.progress = Progress(*columns, console=console, auto_refresh=False, disable=not console.is_terminal)
        self.phase, self.task = "", None

    def begin(self, what: str, total: int) -> None:
        """Starts a new bar and fills the last."""
        self.finish()
        self.phase, self.task = what, self.progress.add_task(what, total=total, completed=-1)
        if not self.console.is_terminal:
            self.console.print(what)

    def step(self, what: str) -> None:
        """Moves on."""
        self.progress.update(self.task, advance=1, description=f"{self.phase}: {what}", refresh=True)

    def finish(self) -> None:
        """Fills the current bar."""
        if self.task is not None:
            self.progress.update(self.task, completed=self.progress.tasks[-1].total, description=self.phase, refresh=True)


def write(record: dict[str, Any], folder: Path, name: str, console: Console) -> str:
    """Writes the record, the picture and the page, and returns the page."""
    titles = {model: f"{spec.title} ({spec.weights})" for model, spec in MODELS.items()}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(record, indent=1) + "\n")
    picture: str | None = f"{name}.png"
    try:
        plot.draw(record, {model: spec.title for model, spec in MODELS.items()}, folder / picture)
    except (ImportError, ValueError) as error:
        console.print(f"no picture: {error}")
        picture = None
    page = report.markdown(record, titles, picture)
    (folder / f"{name}.md").write_text(page)
    return page


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and reports. The exit status is 1 where a contender that was asked for could not be measured."""
    options = parse_arguments(arguments)
    console = Console(stderr=False)
    description = machine.describe(options.threads, options.processors)
    date = datetime.date.today().isoformat()
    settings = schedule.Options(options.threads, options.processors, options.rounds, options.iterations, options.warmup,
                                options.quiet, options.seed, options.nice, list(dict.fromkeys(options.contenders)))
    words = ["benchmarks/encoders.py", *map(str, sys.argv[1:] if arguments is None else arguments)]
    shown = {"threads": options.threads, "rounds": options.rounds, "iterations": options.iterations, "warmup": options.warmup,
             "quiet": options.quiet, "nice": options.nice, "seed": options.seed}
    name = options.name or f"{date}-{machine.slug(description)}-encoders"
    results: list[schedule.PointResult] = []
    bars = Bars(console)
    with tempfile.TemporaryDirectory(prefix="et-bench-") as folder, bars.progress:
        for model in dict.fromkeys(options.models):
            points = sorted(set(options.points)) if options.points else POINTS[model]
            try:
                results += schedule.measure_model(MODELS[model], points, settings, Path(folder), bars)
            except WorkerFailed as failure:
                console.print(f"[bold red]error:[/] the reference for {model} could not be computed: {failure}")
                return 1
            bars.finish()
            # After each model: what was measured is kept even if the next one is interrupted.
            page = write(report.make_record(results, description, machine.versions(), shlex.join(words), date, shown),
                         options.output, name, console)
    console.print(page, markup=False, highlight=False, soft_wrap=True)
    console.print(f"written: {options.output / name}.json and .md")
    return int(any(not entry.measured for result in results for entry in result.entries.values()))


if __name__ == "__main__":
    sys.exit(main())
