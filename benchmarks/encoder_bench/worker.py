#===- worker.py - One contender in a process of its own -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""The child process: prepares points and runs bursts on request, and sleeps otherwise.

Speaks JSON, one object a line: the first line on standard input is the configuration, every further one a request, each
answered by one line on what was standard output. Whatever libraries print goes to standard error, a log the parent keeps.

    {"do": "reference", "points": ["1x16"]}                    -> {"errors": {"1x16": 1e-6}}, arrays in the folder
    {"do": "prepare", "point": "1x16"}                         -> {"settings": ..., "tried": ..., "seconds": ..., "error": ...}
    {"do": "burst", "point": "1x16", "warmup": 3, "iterations": 10} -> {"ns": [...], "involuntary": 0}
    {"do": "peak", ...}                                        -> {"gflops": [...]}

A request that fails answers {"failed": reason} and leaves the worker alive.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

REFERENCE = "reference"


def expected_file(folder: Path, model: str, point: str) -> Path:
    """Returns where the reference worker leaves the f64 result of a point."""
    return folder / f"{model}-{point}.npy"


class Worker:
    """The state behind the requests. Heavy imports happen in its methods, after the process was pinned."""

    def __init__(self, config: dict[str, Any]) -> None:
        from encoder_bench.points import MODELS

        self.contender = config["contender"]
        self.spec = MODELS[config["model"]]
        self.threads: int = config["threads"]
        self.cpus: list[int] = config["cpus"]
        self.seed: int = config["seed"]
        self.nice: int = config["nice"]
        self.shared = Path(config["shared"])
        self.folder = Path(config["folder"])
        self.calls: dict[str, Any] = {}
        self.implementation: Any = None
        self.fma: Any = None

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Carries out one request."""
        actions = {"reference": self.reference, "prepare": self.prepare, "burst": self.burst, "peak": self.peak}
        action = actions.get(request.pop("do", None))
        if action is None:
            raise ValueError(f"expected one of {', '.join(actions)}")
        return action(**request)

    def reference(self, points: list[str]) -> dict[str, Any]:
        """Computes the f64 results, and how far PyTorch f32 is from them."""
        import numpy as np

        from encoder_bench import models
        from encoder_bench.points import parse_point

        errors = {}
        for point in points:
            exact, errors[point] = models.reference(self.spec, parse_point(point), self.seed)
            np.save(expected_file(self.shared, self.spec.name, point), exact)
        return {"errors": errors}

    def prepare(self, point: str) -> dict[str, Any]:
        """Compiles for `point`, keeps the fastest settings, and compares the result with the reference."""
        import numpy as np

        from encoder_bench import contenders, models
        from encoder_bench.contender import Context, select
        from encoder_bench.points import parse_point
        from encoder_bench.processors import priority

        start = time.monotonic()
        if self.implementation is None:
            context = Context(self.spec, self.threads, self.cpus, self.folder)
            self.implementation = contenders.load(self.contender)(context)
        ids, mask = models.make_inputs(parse_point(point), self.seed)
        prepared = select(self.implementation.variants(parse_point(point), ids, mask), timing=priority(self.nice))
        expected = np.load(expected_file(self.shared, self.spec.name, point))
        result = np.asarray(prepared.call())
        if result.shape != expected.shape:
            raise ValueError(f"expected a result of shape {expected.shape}, but got {result.shape}")
        self.calls[point] = prepared.call
        return {
            "settings": prepared.settings,
            "tried": prepared.tried,
            "seconds": time.monotonic() - start,
            "error": float(np.abs(result.astype(np.float64) - expected).max()),
        }

    def burst(self, point: str, warmup: int, iterations: int) -> dict[str, Any]:
        """Runs a prepared point."""
        from encoder_bench.processors import priority
        from interleave import burst

        if point not in self.calls:
            raise ValueError(f"point {point} was not prepared")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw
        with priority(self.nice):
            times = burst(self.calls[point], warmup, iterations)
        after = resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw
        return {"ns": times, "involuntary": after - before}

    def peak(self, warmup: int, iterations: int) -> dict[str, Any]:
        """Measures the FMA peak."""
        from encoder_bench.peak import Peak, compile_peak
        from encoder_bench.processors import priority

        if self.fma is None:
            self.fma = Peak(compile_peak(self.folder), self.cpus)
        with priority(self.nice):
            return {"gflops": self.fma.measure(warmup, iterations)}


def main() -> None:
    """Serves requests until standard input ends."""
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print must not mix with answers
    config = json.loads(sys.stdin.readline())
    os.sched_setaffinity(0, config["cpus"])
    worker = Worker(config)
    for line in sys.stdin:
        try:
            answer = worker.answer(json.loads(line))
        except Exception as error:  # the parent puts the reason into the table
            import traceback

            traceback.print_exc()
            text = " ".join(f"{type(error).__name__}: {error}".split())
            answer = {"failed": text[:500]}
        channel.write(json.dumps(answer) + "\n")
        channel.flush()


if __name__ == "__main__":
    main()
