#===- embedding.py - Batches, similarity and rank correlation -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""The arithmetic of the demo, free of models: batches by length, closest pairs, Spearman's rank correlation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

Array = np.ndarray


@dataclass(frozen=True)
class Batch:
    """Padded token ids of a few sentences, their mask, and where each belongs."""

    rows: list[int]
    input_ids: Array
    attention_mask: Array

    @property
    def shape(self) -> tuple[int, int]:
        """Sentences and tokens per sentence."""
        return self.input_ids.shape[0], self.input_ids.shape[1]


def make_batches(token_ids: Sequence[Sequence[int]], batch_size: int, pad_id: int = 0) -> list[Batch]:
    """Groups sentences of like length, so that little is padding; each batch pads to its own longest."""
    if batch_size < 1:
        raise ValueError(f"expected a batch size of at least 1, but got {batch_size}")
    for row, ids in enumerate(token_ids):
        if not ids:
            raise ValueError(f"sentence {row} has no tokens")
    order = sorted(range(len(token_ids)), key=lambda row: len(token_ids[row]))
    batches = []
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        width = max(len(token_ids[row]) for row in rows)
        ids = np.full((len(rows), width), pad_id, np.int64)
        mask = np.zeros((len(rows), width), np.int64)
        for position, row in enumerate(rows):
            length = len(token_ids[row])
            ids[position, :length] = token_ids[row]
            mask[position, :length] = 1
        batches.append(Batch(rows, ids, mask))
    return batches


def embed(
    function: Callable[[Array, Array], Array],
    batches: Sequence[Batch],
    on_batch: Callable[[Batch], None] = lambda batch: None,
) -> Array:
    """Runs `function` on each batch and puts the embeddings back into the order of the sentences."""
    rows = sum(len(batch.rows) for batch in batches)
    result: Array | None = None
    for batch in batches:
        part = np.asarray(function(batch.input_ids, batch.attention_mask))
        if part.ndim != 2 or part.shape[0] != len(batch.rows):
            raise ValueError(f"expected one embedding for each of {len(batch.rows)} sentences, but got shape {part.shape}")
        if result is None:
            result = np.empty((rows, part.shape[1]), part.dtype)
        result[batch.rows] = part
        on_batch(batch)
    if result is None:
        raise ValueError("expected at least one batch")
    return result


def closest_pairs(vectors: Array, count: int, block: int = 1024) -> list[tuple[float, int, int]]:
    """Returns the `count` most alike pairs (similarity, i, j) with i < j, most alike first.

    `vectors` has rows of length one. Works block by block: the full matrix of a large data set would not fit.
    """
    best: list[tuple[float, int, int]] = []
    if count < 1:
        return best
    for start in range(0, len(vectors), block):
        similarity = vectors[start : start + block] @ vectors[start:].T
        rows, columns = np.triu_indices(similarity.shape[0], 1, similarity.shape[1])
        values = similarity[rows, columns]
        if len(values) > count:
            keep = np.argpartition(-values, count - 1)[:count]
            rows, columns, values = rows[keep], columns[keep], values[keep]
        best += [(float(v), start + int(i), start + int(j)) for v, i, j in zip(values, rows, columns)]
        best = sorted(best, key=lambda item: (-item[0], item[1], item[2]))[:count]
    return best


def pair_similarity(vectors: Array, pairs: Sequence[tuple[int, int]]) -> Array:
    """Returns the cosine of each pair; `vectors` has rows of length one."""
    first, second = np.array(pairs, np.int64).reshape(-1, 2).T
    return np.einsum("ij,ij->i", vectors[first], vectors[second])


def ranks(values: Array) -> Array:
    """Returns ranks from 1; equal values share the mean of theirs."""
    values = np.asarray(values, np.float64)
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return ((last - counts + 1 + last) / 2)[inverse]


def spearman(first: Array, second: Array) -> float:
    """Returns Spearman's rank correlation, with ties."""
    if len(first) != len(second) or len(first) < 2:
        raise ValueError(f"expected two lists of one length of at least 2, but got {len(first)} and {len(second)}")
    x, y = ranks(first), ranks(second)
    x, y = x - x.mean(), y - y.mean()
    norm = float(np.sqrt((x @ x) * (y @ y)))
    if norm == 0:
        raise ValueError("rank correlation with a constant is not defined")
    return float(x @ y) / norm
