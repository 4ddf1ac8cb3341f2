#===- points.py - What is measured -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""The models, the sizes they run at, and the floating-point work that takes.

Imports nothing heavy: the parent process, which must not have thread pools, uses it too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class ModelSpec:
    """The sizes of a BERT-like encoder, and where its weights come from."""

    name: str
    title: str
    layers: int
    hidden: int
    heads: int
    intermediate: int
    weights: str


@dataclass(frozen=True, order=True)
class Point:
    """One size of the input."""

    batch: int
    sequence: int

    def __str__(self) -> str:
        return f"{self.batch}x{self.sequence}"


MODELS = {
    spec.name: spec
    for spec in (
        ModelSpec("minilm", "MiniLM-L6", 6, 384, 12, 1536, "all-MiniLM-L6-v2"),
        ModelSpec("bert-base", "BERT-base", 12, 768, 12, 3072, "random, seed 0"),
    )
}

POINTS = {
    "minilm": [Point(1, 16), Point(1, 64), Point(1, 128), Point(1, 256), Point(8, 128)],
    "bert-base": [Point(1, 128)],
}

MAX_SEQUENCE = 512  # rows of the position tables


def parse_point(text: str) -> Point:
    """Reads BATCHxSEQUENCE."""
    match = re.fullmatch(r"(\d+)x(\d+)", text)
    if not match:
        raise ValueError(f"expected BATCHxSEQUENCE such as 8x128, but got '{text}'")
    point = Point(int(match[1]), int(match[2]))
    if point.batch < 1 or not 1 <= point.sequence <= MAX_SEQUENCE:
        raise ValueError(f"expected a batch of at least 1 and a sequence from 1 to {MAX_SEQUENCE}, but got '{text}'")
    return point


def linear_flops(spec: ModelSpec, point: Point) -> float:
    """Multiplications and additions of the linear layers: query, key, value, output, and the two of the feed-forward."""
    tokens = point.batch * point.sequence
    return 2.0 * spec.layers * tokens * (4 * spec.hidden * spec.hidden + 2 * spec.hidden * spec.intermediate)


def attention_flops(spec: ModelSpec, point: Point) -> float:
    """Multiplications and additions of the two products of attention, without the softmax."""
    return 2.0 * spec.layers * point.batch * 2 * point.sequence * point.sequence * spec.hidden


def flops(spec: ModelSpec, point: Point) -> float:
    """The work counted for GFLOP/s; norms, softmax, GELU and the embedding are extra that nobody is credited for."""
    return linear_flops(spec, point) + attention_flops(spec, point)
