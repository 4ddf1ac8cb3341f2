#===- test_fuzz.py - Random modules against float64 -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Compiles random chains of ops and compares each result with numpy in float64 (test/fuzz).

Each batch of cases runs in a process of its own, so that a crash fails one test and names its seeds. Levels of the
instruction set take turns; some batches also go through the compiler's own decomposition, which is thereby tested
against numpy. A failure prints a command that shows it again.

ET_FUZZ_CASES=N runs N cases (default 288), ET_FUZZ_SEED=N starts at another seed, ET_FUZZ_ISA=all takes every level for
every case.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

FUZZ = Path(__file__).resolve().parent.parent / "fuzz"
sys.path.insert(0, str(FUZZ))

import check  # noqa: E402

BATCH = 24
CASES = int(os.environ.get("ET_FUZZ_CASES", "288"))
SEED = int(os.environ.get("ET_FUZZ_SEED", "0"))
LEVELS = check.host_levels()


def run_batch(start: int, count: int, *options: str) -> None:
    """Runs cases [start, start + count); after a crash one by one, to name the case."""
    seeds = f"{start}:{start + count}"
    command = [sys.executable, str(FUZZ / "check.py"), seeds, *options]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode < 0:
        single = [s for s in range(start, start + count)
                  if subprocess.run([*command[:2], str(s), *options], capture_output=True).returncode < 0]
        pytest.fail(f"crash (signal {-run.returncode}) with seeds {single or seeds}: {' '.join(command)}\n{run.stderr[-2000:]}")
    assert run.returncode == 0, f"\n{run.stdout[-6000:]}{run.stderr[-2000:]}"
    assert f"{count} cases, 0 wrong results" in run.stdout


@pytest.mark.parametrize("start", range(SEED, SEED + CASES, BATCH))
def test_kernels(start: int) -> None:
    levels = LEVELS if os.environ.get("ET_FUZZ_ISA") == "all" else [LEVELS[start // BATCH % len(LEVELS)]]
    run_batch(start, min(BATCH, SEED + CASES - start), *(option for level in levels for option in ("--isa", level)))


@pytest.mark.parametrize("start", range(SEED, SEED + CASES, 6 * BATCH))
def test_decomposition(start: int) -> None:
    run_batch(start, BATCH, "--decompose", "--isa", LEVELS[-1], "--draws", "2")


# A window without a left bound; slices with uneven rows; a score region with constants from outside; the sum of a norm of
# vectors behind a layer; an exponential that overflows.
@pytest.mark.parametrize("seed", [8, 40, 41, 694, 728])
def test_cases_that_once_failed(seed: int) -> None:
    run_batch(seed, 1)


def test_reference_detects_an_error() -> None:
    """A result that is off by more than its bound is reported, and one within it is not."""
    case = check.Case(1)
    env, _ = case.make_inputs(0)
    expected = case.evaluate(env)[0]
    dtype = case.results[0].dtype
    assert check.compare(expected.value + 0.9 * expected.error, expected, dtype) == ""
    assert "got" in check.compare(expected.value + 3 * expected.error, expected, dtype)
    assert "shape" in check.compare(expected.value[..., :0], expected, dtype)


def test_a_wrong_program_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole way from a program that computes something else to the message that names the seed."""
    import et.program

    original = et.program.compile_text
    monkeypatch.setattr(et.program, "compile_text", lambda text, isa: original(text.replace("arith.addf", "arith.subf"), isa=isa))
    seed = next(s for s in range(100) if any(step.startswith("addf") for step in check.Case(s).summary))
    wrong = check.check([seed], LEVELS[-1])
    assert wrong and wrong[0].startswith(f"seed {seed}, result") and f"check.py {seed}" in wrong[0]


def test_cases_are_reproducible() -> None:
    assert check.generate.module([check.Case(7)]) == check.generate.module([check.Case(7)])
