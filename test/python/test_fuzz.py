#===- test_fuzz.py - Random modules against float64 -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Compiles random chains of ops and compares each result with numpy in float64 (test/fuzz).

Each group of cases is compiled as one module, for one instruction set level in turn; every fourth group also through the
compiler's own decomposition, which is thereby tested against numpy. A failure prints a command that shows it again.

ET_FUZZ_CASES=N runs N cases (default 192), ET_FUZZ_SEED=N starts at another seed, ET_FUZZ_ISA=all takes every level for
every group.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "fuzz"))

import check  # noqa: E402

GROUP = 8
CASES = int(os.environ.get("ET_FUZZ_CASES", "192"))
SEED = int(os.environ.get("ET_FUZZ_SEED", "0"))
LEVELS = check.host_levels()


@pytest.mark.parametrize("start", range(SEED, SEED + CASES, GROUP))
def test_kernels(start: int) -> None:
    seeds = list(range(start, min(start + GROUP, SEED + CASES)))
    levels = LEVELS if os.environ.get("ET_FUZZ_ISA") == "all" else [LEVELS[start // GROUP % len(LEVELS)]]
    for isa in levels:
        wrong = check.check(seeds, isa)
        assert not wrong, "\n" + "\n".join(wrong)


@pytest.mark.parametrize("start", range(SEED, SEED + CASES, 4 * GROUP))
def test_decomposition(start: int) -> None:
    wrong = check.check(list(range(start, min(start + GROUP, SEED + CASES))), LEVELS[-1], decomposed=True, draws=2)
    assert not wrong, "\n" + "\n".join(wrong)


def test_reference_detects_an_error() -> None:
    """A result that is off by more than its bound is reported, and one within it is not."""
    case = check.Case(1)
    env, _ = case.make_inputs(0)
    expected = case.evaluate(env)[0]
    dtype = case.results[0].dtype
    assert check.compare(expected.value + 0.9 * expected.error, expected, dtype) == ""
    assert "got" in check.compare(expected.value + 3 * expected.error, expected, dtype)
    assert "shape" in check.compare(expected.value[..., :1], expected, dtype)


def test_cases_are_reproducible() -> None:
    assert check.generate.module([check.Case(7)]) == check.generate.module([check.Case(7)])
