#===- stats.py - Percentiles, ratios and verdicts -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""What is said about the measured times. Plain functions of plain numbers, so that they can be tested.

A round of one contender at one point is a burst: a list of nanoseconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from interleave import percentile

Rounds = Sequence[Sequence[int]]


@dataclass(frozen=True)
class Summary:
    """The times of one contender at one point, in milliseconds."""

    median: float
    p10: float
    p90: float
    samples: int


@dataclass(frozen=True)
class Comparison:
    """How much faster one contender is than another: above 1 it is faster. `rounds` has one ratio for each round."""

    other: str
    median: float
    p10: float
    rounds: list[float]

    @property
    def typical_round(self) -> float:
        """The median of the ratios of the rounds: the figure that other load disturbs least."""
        return percentile(self.rounds, 50)

    @property
    def rounds_won(self) -> float:
        """The share of rounds in which it was at least as fast."""
        return sum(ratio >= 1 for ratio in self.rounds) / len(self.rounds)


def summarize(rounds: Rounds) -> Summary:
    """Returns the summary over all bursts together."""
    times = [time / 1e6 for burst in rounds for time in burst]
    if not times:
        raise ValueError("expected at least one time")
    return Summary(percentile(times, 50), percentile(times, 10), percentile(times, 90), len(times))


def best(summaries: Mapping[str, Summary], among: Sequence[str]) -> str | None:
    """Returns the contender of `among` with the least median, or None if none of them was measured."""
    measured = [name for name in among if name in summaries]
    return min(measured, key=lambda name: summaries[name].median) if measured else None


def compare(times: Mapping[str, Rounds], one: str, other: str) -> Comparison:
    """Compares contender `one` with `other`, round by round."""
    ours, theirs = times[one], times[other]
    if len(ours) != len(theirs):
        raise ValueError(f"expected as many rounds of '{one}' as of '{other}', but got {len(ours)} and {len(theirs)}")
    ratios = [percentile(b, 50) / percentile(a, 50) for a, b in zip(ours, theirs)]
    mine, their = summarize(ours), summarize(theirs)
    return Comparison(other, their.median / mine.median, their.p10 / mine.p10, ratios)


def gflops(flops: float, milliseconds: float) -> float:
    """Returns the rate in GFLOP/s."""
    if milliseconds <= 0:
        raise ValueError(f"expected a positive time, but got {milliseconds} ms")
    return flops / milliseconds / 1e6


def error_verdict(error: float, reference_error: float, limit: float = 1e-3) -> str:
    """Says what an error means. `reference_error` is PyTorch f32's own, both against f64; hidden states are of size 1 to 10."""
    if not error < limit:  # a NaN is not below it either
        return "wrong"
    return "as f32" if error <= 2 * reference_error else "looser"
