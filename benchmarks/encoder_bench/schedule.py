#===- schedule.py - Who runs when -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Prepares all contenders of a model, then lets them run in turns.

One round visits every point; at a point every contender that is ready runs one burst, in an order that moves on by one each
round, and the FMA loop runs one. Before a point's bursts the harness waits for other load to go away, for a while; before
each burst it waits for the previous pool to park.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from encoder_bench import contenders
from encoder_bench.points import ModelSpec, Point
from encoder_bench.pool import WorkerFailed, WorkerProcess
from encoder_bench.processors import wait_for_quiet
from encoder_bench.worker import REFERENCE
from interleave import percentile, wait_until_parked

PREPARE_TIMEOUT = 1800.0
BURST_TIMEOUT = 300.0
MEASURED = "measured"


@dataclass(frozen=True)
class Options:
    """How to measure."""

    threads: int
    cpus: list[int]
    rounds: int
    iterations: int
    warmup: int
    quiet: float
    seed: int
    nice: int
    contenders: list[str]


@dataclass
class Entry:
    """One contender at one point."""

    status: str = MEASURED
    settings: str = ""
    tried: dict[str, str] = field(default_factory=dict)
    prepare_seconds: float = 0.0
    error: float = float("nan")
    rounds: list[list[int]] = field(default_factory=list)
    involuntary: list[int] = field(default_factory=list)

    @property
    def measured(self) -> bool:
        """Whether it ran to the end."""
        return self.status == MEASURED and bool(self.rounds)


@dataclass
class PointResult:
    """Everything that was seen at one point. `quiet` says for each round whether the machine was."""

    spec: ModelSpec
    point: Point
    reference_error: float = float("nan")
    iterations: int = 0
    peak: list[float] = field(default_factory=list)
    peak_status: str = MEASURED
    quiet: list[bool] = field(default_factory=list)
    entries: dict[str, Entry] = field(default_factory=dict)

    @property
    def ready(self) -> list[str]:
        """The contenders that have not failed."""
        return [name for name, entry in self.entries.items() if entry.status == MEASURED]


class Progress:
    """What the harness tells while it works. This one tells nothing."""

    def begin(self, what: str, total: int) -> None:
        """A phase of `total` steps begins."""

    def step(self, what: str) -> None:
        """A step is about to begin."""


Start = Callable[[dict[str, Any], Path], WorkerProcess]


class Session:
    """The workers of one model."""

    def __init__(self, spec: ModelSpec, points: Sequence[Point], options: Options, folder: Path, progress: Progress,
                 start: Start = WorkerProcess) -> None:
        self.spec, self.options, self.folder, self.progress, self._start = spec, options, folder, progress, start
        self.results = [
            PointResult(spec, point, entries={name: Entry() for name in options.contenders}) for point in points
        ]
        self.workers: dict[str, WorkerProcess] = {}

    def start(self, name: str) -> WorkerProcess:
        """Starts the worker of a contender, or of the reference or the peak."""
        folder = self.folder / f"{self.spec.name}-{name}"
        folder.mkdir(parents=True, exist_ok=True)
        options = self.options
        config = {"contender": name, "model": self.spec.name, "threads": options.threads, "cpus": options.cpus,
                  "seed": options.seed, "nice": options.nice, "shared": str(self.folder), "folder": str(folder)}
        self.workers[name] = self._start(config, folder / "log.txt")
        return self.workers[name]

    def stop(self) -> None:
        """Ends all workers."""
        for worker in self.workers.values():
            worker.stop()
        self.workers.clear()

    def prepare(self) -> None:
        """Computes the reference, then lets each contender compile and choose its settings, one after the other."""
        self.progress.begin(f"{self.spec.title}: prepare", 1 + len(self.options.contenders) * len(self.results))
        self.progress.step("PyTorch f64")
        reference = self.start(REFERENCE)
        names = [str(result.point) for result in self.results]
        errors = reference.ask(PREPARE_TIMEOUT, do="reference", points=names)["errors"]
        for result in self.results:
            result.reference_error = errors[str(result.point)]
        self.workers.pop(REFERENCE).stop()
        for name in self.options.contenders:
            self.prepare_contender(name)

    def prepare_contender(self, name: str) -> None:
        """Prepares every point; what fails is noted and not asked again."""
        worker = self.start(name)
        for result in self.results:
            entry = result.entries[name]
            self.progress.step(f"{contenders.CONTENDERS[name].title} {result.point}")
            try:
                answer = worker.ask(PREPARE_TIMEOUT, do="prepare", point=str(result.point))
            except WorkerFailed as failure:
                entry.status = str(failure)
                continue
            entry.settings, entry.tried = answer["settings"], answer["tried"]
            entry.prepare_seconds, entry.error = answer["seconds"], answer["error"]
        wait_until_parked(worker.pid)

    def measure(self) -> None:
        """Runs all rounds."""
        self.progress.begin(f"{self.spec.title}: measure", self.options.rounds * len(self.results))
        self.start(contenders.PEAK)
        for result in self.results:
            result.iterations = self.affordable_iterations(result)
        for number in range(self.options.rounds):
            for result in self.results:
                self.progress.step(f"round {number + 1}, {result.point}")
                result.quiet.append(wait_for_quiet(self.options.cpus, self.options.quiet))
                self.peak(result)
                ready = result.ready
                shift = number % max(1, len(ready))
                for name in ready[shift:] + ready[:shift]:
                    self.burst(result, name)

    def affordable_iterations(self, result: PointResult, seconds: float = 1.0) -> int:
        """Returns how many iterations every contender makes in a burst: fewer where the slowest would take too long."""
        slowest = 0.0
        for name in result.ready:
            try:
                answer = self.workers[name].ask(BURST_TIMEOUT, do="burst", point=str(result.point), warmup=1, iterations=3)
            except WorkerFailed as failure:
                result.entries[name].status = str(failure)
            else:
                slowest = max(slowest, percentile(answer["ns"], 50) / 1e9)
                wait_until_parked(self.workers[name].pid)
        return max(3, min(self.options.iterations, int(seconds / slowest))) if slowest else self.options.iterations

    def burst(self, result: PointResult, name: str) -> None:
        """Lets one contender run one burst."""
        entry, worker = result.entries[name], self.workers[name]
        try:
            answer = worker.ask(BURST_TIMEOUT, do="burst", point=str(result.point), warmup=self.options.warmup,
                                iterations=result.iterations)
        except WorkerFailed as failure:
            entry.status = str(failure)
            return
        entry.rounds.append(answer["ns"])
        entry.involuntary.append(answer["involuntary"])
        wait_until_parked(worker.pid)

    def peak(self, result: PointResult) -> None:
        """Measures the FMA peak once; a machine where that fails has none in its table."""
        if result.peak_status != MEASURED:
            return
        try:
            result.peak += self.workers[contenders.PEAK].ask(BURST_TIMEOUT, do="peak", warmup=1, iterations=2)["gflops"]
        except WorkerFailed as failure:
            result.peak_status = str(failure)


def measure_model(spec: ModelSpec, points: Sequence[Point], options: Options, folder: Path, progress: Progress) -> list[PointResult]:
    """Measures all contenders of one model and returns the results by point."""
    session = Session(spec, points, options, folder, progress)
    try:
        session.prepare()
        session.measure()
    finally:
        session.stop()
    return session.results
