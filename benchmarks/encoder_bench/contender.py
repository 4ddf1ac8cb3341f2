#===- contender.py - What a contender is -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""The interface between the worker and a contender, and the choice among a contender's settings.

A contender prepares a point and returns a call without arguments. Where it is not known beforehand which of its settings is
best on this machine, it offers several, and the worker keeps the fastest: each peer is measured at its best.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from encoder_bench.points import ModelSpec, Point
from interleave import interleave, percentile

Call = Callable[[], np.ndarray]


class ContenderError(RuntimeError):
    """A contender cannot run here; the text says why, and goes into the table."""


@dataclass(frozen=True)
class Context:
    """What every contender of one model shares. `folder` is scratch space of this process."""

    spec: ModelSpec
    threads: int
    cpus: list[int]
    folder: Path


class Contender(Protocol):
    """One way to run a model. Made once for each process."""

    def __init__(self, context: Context) -> None:
        """Imports what it needs; raises ContenderError where that is missing."""

    def variants(self, point: Point, ids: np.ndarray, mask: np.ndarray) -> dict[str, Callable[[], Call]]:
        """Returns for each setting worth trying a function that builds the call. The call computes from `ids` and `mask`."""


@dataclass(frozen=True)
class Prepared:
    """The call that was kept, the name of its settings, and the milliseconds or the failure of each that was tried."""

    call: Call
    settings: str
    tried: dict[str, str]


def select(
    variants: dict[str, Callable[[], Call]],
    rounds: int = 5,
    iterations: int = 4,
    timing: AbstractContextManager[None] = nullcontext(),
) -> Prepared:
    """Builds every variant and keeps the fastest, timed inside `timing`; those that fail are noted."""
    calls: dict[str, Call] = {}
    tried: dict[str, str] = {}
    for name, build in variants.items():
        try:
            call = build()
            call()
        except Exception as error:  # a peer may raise anything; the reason goes into the results
            tried[name] = f"failed: {shorten(error)}"
        else:
            calls[name] = call
    if not calls:
        raise ContenderError("; ".join(f"{name}: {why}" for name, why in tried.items()) or "no settings to try")
    if len(calls) == 1:
        settings = next(iter(calls))
    else:
        with timing:
            times = interleave(calls, rounds, iterations, warmup=2)
        # The fast end decides: other load only ever adds time.
        scores = {name: percentile(values, 20) / 1e6 for name, values in times.items()}
        tried.update({name: f"{score:.3f} ms" for name, score in scores.items()})
        settings = min(scores, key=lambda name: scores[name])
    return Prepared(calls[settings], settings, tried)


def shorten(error: BaseException, limit: int = 300) -> str:
    """Returns an error on one line of at most `limit` characters."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return text if len(text) <= limit else text[: limit - 3] + "..."
