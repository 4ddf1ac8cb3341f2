#===- processors.py - Which processors, and whether they are free -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Divides the machine: one thread per core for the contenders, and quiet before each burst."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

TOPOLOGY = Path("/sys/devices/system/cpu")


def parse_cpus(text: str) -> list[int]:
    """Reads a list of processors such as `0,2-3`."""
    result: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise ValueError(f"expected processors such as 0,2-3, but got '{text}'")
        numbers = range(int(first), int(last or first) + 1)
        if not numbers:
            raise ValueError(f"expected an ascending range of processors, but got '{part.strip()}'")
        result += numbers
    if len(set(result)) != len(result):
        raise ValueError(f"expected each processor once, but got '{text}'")
    return result


def one_per_core(cpus: Iterable[int], topology: Path = TOPOLOGY) -> list[int]:
    """Returns the first processor of each physical core: a second thread on a core shares its FMA units."""
    chosen: dict[str, int] = {}
    for cpu in sorted(cpus):
        try:
            core = (topology / f"cpu{cpu}" / "topology" / "thread_siblings_list").read_text().strip()
        except OSError:
            core = str(cpu)
        chosen.setdefault(core, cpu)
    return list(chosen.values())


def choose_cpus(threads: int, wanted: str | None) -> list[int]:
    """Returns `threads` processors this process may use: those of `wanted`, else one on each of the first cores."""
    allowed = os.sched_getaffinity(0)
    cpus = parse_cpus(wanted) if wanted else one_per_core(allowed)
    if missing := [cpu for cpu in cpus if cpu not in allowed]:
        raise ValueError(f"processors {missing} are not available to this process; it may use {sorted(allowed)}")
    if len(cpus) < threads:
        raise ValueError(f"{threads} threads need {threads} cores, but only {len(cpus)} are available; use --threads {len(cpus)}")
    return cpus[:threads]


def busy_time(cpus: Iterable[int], stat: Path = Path("/proc/stat")) -> int:
    """Returns the clock ticks for which the processors were not idle, counting what the hypervisor took away."""
    wanted = {f"cpu{cpu}" for cpu in cpus}
    total = 0
    for line in stat.read_text().splitlines():
        name, *numbers = line.split()
        if name in wanted:
            user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, numbers[:8])
            total += user + nice + system + irq + softirq + steal
    return total


def wait_for_quiet(
    cpus: list[int],
    limit: float,
    window: float = 0.1,
    share: float = 0.1,
    busy: Callable[[list[int]], int] = busy_time,
    sleep: Callable[[float], None] = time.sleep,
) -> bool:
    """Waits up to `limit` seconds until the processors are less than `share` busy for `window` seconds.

    Returns whether they were. A limit of 0 looks away: other load then falls on all contenders alike, by chance.
    """
    ticks = window * os.sysconf("SC_CLK_TCK") * len(cpus)
    waited = 0.0
    while waited < limit:
        before = busy(cpus)
        sleep(window)
        waited += window
        if busy(cpus) - before <= share * ticks:
            return True
    return limit == 0


@contextmanager
def priority(nice: int, process: Path = Path("/proc/self")) -> Iterator[None]:
    """Runs the body with this process at niceness `nice`, and puts it back to 0 after it; 0 does nothing.

    Linux keeps a niceness for each thread, and pools have theirs long before the first burst, hence the loop. Where sessions
    are scheduled as groups, only the group's niceness counts against other sessions; a worker leads a session of its own.
    """

    def set_all(value: int) -> None:
        for task in (process / "task").iterdir():
            try:
                os.setpriority(os.PRIO_PROCESS, int(task.name), value)
            except ProcessLookupError:  # a thread that has just ended
                continue
        try:
            (process / "autogroup").write_text(str(value))
        except OSError:  # this kernel has no such groups
            pass

    if not nice:
        yield
        return
    set_all(nice)
    try:
        yield
    finally:
        set_all(0)
