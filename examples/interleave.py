#===- interleave.py - Time several contenders so that noise hits all alike -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Bursts in rotation, and thread pools that have come to rest before the next one starts.

A machine's speed moves while it is measured (frequency, neighbours). Contenders therefore take turns in short bursts, many
times over, instead of one after the other. Between two bursts the pool of the last one must stop spinning, or it would
take cores from the next: `wait_until_parked` reads how long the process's threads ran and waits for that to stand still.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path


def percentile(values: Sequence[float], percent: float) -> float:
    """Returns the `percent`-th percentile, linear between the two nearest values (as numpy's default)."""
    if not values:
        raise ValueError("percentile of no values")
    if not 0 <= percent <= 100:
        raise ValueError(f"expected a percentage between 0 and 100, but got {percent}")
    ordered = sorted(values)
    position = (len(ordered) - 1) * percent / 100
    below = int(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)


def thread_run_time(pid: int, tasks: Path = Path("/proc")) -> int:
    """Returns the nanoseconds that the threads of process `pid` have run so far, or -1 where Linux does not say."""
    total = 0
    try:
        for task in (tasks / str(pid) / "task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return -1
    return total


def wait_until_parked(pid: int, timeout: float = 1.0, interval: float = 0.012) -> bool:
    """Sleeps until process `pid` is idle: less than a tenth of `interval` seconds of CPU in an interval.

    Returns whether it came to rest within `timeout` seconds. Where the run time cannot be read, sleeps 0.25 s, which is
    longer than any pool we know spins.
    """
    deadline = time.monotonic() + timeout
    before = thread_run_time(pid)
    if before < 0:
        time.sleep(min(0.25, timeout))
        return True
    while time.monotonic() < deadline:
        time.sleep(interval)
        after = thread_run_time(pid)
        # Reading /proc costs this very process some time when it asks about itself.
        allowance = interval * 1e9 * (0.5 if pid == os.getpid() else 0.1)
        if after - before < allowance:
            return True
        before = after
    return False


def burst(function: Callable[[], object], warmup: int, iterations: int) -> list[int]:
    """Calls `function` `warmup` times, then `iterations` times, and returns the nanoseconds of each of the latter."""
    for _ in range(warmup):
        function()
    times = []
    enabled = gc.isenabled()
    gc.disable()
    try:
        for _ in range(iterations):
            start = time.perf_counter_ns()
            function()
            times.append(time.perf_counter_ns() - start)
    finally:
        if enabled:
            gc.enable()
    return times


def interleave(
    functions: dict[str, Callable[[], object]],
    rounds: int,
    iterations: int,
    warmup: int = 3,
    on_round: Callable[[], None] = lambda: None,
) -> dict[str, list[int]]:
    """Times functions of this process in rotation; the order moves on by one each round. Returns nanoseconds by name."""
    times: dict[str, list[int]] = {name: [] for name in functions}
    names = list(functions)
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            wait_until_parked(os.getpid())
            times[name] += burst(functions[name], warmup, iterations)
        on_round()
    return times
