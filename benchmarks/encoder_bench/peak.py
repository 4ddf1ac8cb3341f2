#===- peak.py - The machine's own limit -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Compiles fma_peak.c and runs it: the rate that no contender can pass, measured in the same rotation."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent / "fma_peak.c"
COMPILERS = ("clang-22", "clang", "gcc", "cc")
FLAGS = ("-O3", "-march=native", "-ffp-contract=fast", "-shared", "-fPIC", "-pthread")
SECONDS = 0.02


class PeakError(RuntimeError):
    """The peak cannot be measured here; the text says why."""


def compile_peak(folder: Path, compilers: tuple[str, ...] = COMPILERS) -> Path:
    """Compiles fma_peak.c into `folder` with the first compiler that is there."""
    compiler = next(filter(None, map(shutil.which, compilers)), None)
    if compiler is None:
        raise PeakError(f"no C compiler found (looked for {', '.join(compilers)})")
    library = folder / "fma_peak.so"
    result = subprocess.run([compiler, *FLAGS, str(SOURCE), "-o", str(library)], capture_output=True, text=True, check=False)
    if result.returncode:
        raise PeakError(f"{Path(compiler).name} failed: {' '.join(result.stderr.split())[:300]}")
    return library


class Peak:
    """Measures GFLOP/s of multiply-adds on registers, one thread on each of `cpus`."""

    def __init__(self, library: Path, cpus: list[int]) -> None:
        self.function = ctypes.CDLL(str(library)).etFmaPeak
        self.function.restype = ctypes.c_double
        self.function.argtypes = [ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.c_long]
        self.cpus = (ctypes.c_int * len(cpus))(*cpus)
        # A first run, long enough to reach the clock it will hold, says how many steps fill the time wanted.
        steps = 1_000_000
        rate = self.run(steps)
        self.steps = max(1000, int(steps * SECONDS * rate / self.work(steps)))

    def work(self, steps: int) -> float:
        """Returns the GFLOP of `steps` steps, as fma_peak.c counts them, for the widest vectors."""
        return 2.0 * 16 * 12 * steps * len(self.cpus) / 1e9

    def run(self, steps: int) -> float:
        """Returns GFLOP/s."""
        rate = self.function(len(self.cpus), self.cpus, steps)
        if rate <= 0:
            raise PeakError("a thread of the FMA loop could not be started")
        return rate

    def measure(self, warmup: int, iterations: int) -> list[float]:
        """Returns the rates of `iterations` runs after `warmup` runs."""
        for _ in range(warmup):
            self.run(self.steps)
        return [self.run(self.steps) for _ in range(iterations)]
