#===- test_prune_selection.py - Which blocks go: exact counts, ties, balance, budget -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Selection against sorting by hand: counts, ties, balance, the global budget, growing ratios, and what is refused."""

from __future__ import annotations

import math

import pytest
import torch

from et.prune import PruneError
from et.prune.selection import Candidate, count, select


def scores(shape: tuple[int, int], seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def candidate(values: torch.Tensor, parts: int = 1, sizes: torch.Tensor | None = None) -> Candidate:
    return Candidate("w", values, torch.ones(values.shape, dtype=torch.int64) if sizes is None else sizes, parts)


@pytest.mark.parametrize("ratio,blocks,expected", [
    (0.0, 10, 0), (0.7, 10, 7), (0.29, 50, 15), (0.5, 3, 2), (0.5, 1, 0), (0.99, 2, 1), (0.999, 1000, 999), (0.9999, 1000, 999), (0.3, 0, 0),
    (0.1, 5, 1), (0.09, 5, 0), (1 / 3, 3, 1),
])
def test_the_count_is_the_nearest_number_and_never_all(ratio, blocks, expected):
    assert count(ratio, blocks) == expected


@pytest.mark.parametrize("shape", [(1, 1), (1, 13), (7, 1), (5, 7), (4, 4)])
@pytest.mark.parametrize("ratio", [0.0, 0.1, 0.5, 0.77, 0.95])
def test_matrix_prunes_exactly_the_lowest(shape, ratio):
    values = scores(shape)
    (keep,) = select([candidate(values)], ratio)
    number = count(ratio, values.numel())
    assert int((~keep).sum()) == number
    if number:
        assert values[~keep].max() <= values[keep].min()


def test_ties_are_broken_by_position_and_the_count_stays_exact():
    (keep,) = select([candidate(torch.zeros(4, 4))], 0.5)
    assert keep.flatten().tolist() == [False] * 8 + [True] * 8


@pytest.mark.parametrize("shape", [(1, 5), (3, 7), (8, 8), (5, 1), (13, 11)])
@pytest.mark.parametrize("ratio", [0.0, 0.2, 0.5, 0.8, 0.97])
def test_balanced_takes_as_many_in_total_and_the_same_of_each_row(shape, ratio):
    values = scores(shape, 3)
    (keep,) = select([candidate(values, parts=shape[0])], ratio, "balanced")
    gone = (~keep).sum(1)
    assert int(gone.sum()) == count(ratio, values.numel())
    assert int(gone.max() - gone.min()) <= 1
    for row in range(shape[0]):
        if 0 < gone[row] < shape[1]:
            assert values[row][~keep[row]].max() <= values[row][keep[row]].min()


@pytest.mark.parametrize("selection", ["matrix", "balanced", "global"])
def test_a_growing_ratio_only_adds(selection):
    values = scores((6, 9), 5)
    before = torch.ones(6, 9, dtype=torch.bool)
    for step, ratio in enumerate((0.1, 0.3, 0.31, 0.6, 0.9)):
        fresh = scores((6, 9), 100 + step).masked_fill(~before, -math.inf)
        (keep,) = select([candidate(fresh, parts=6)], ratio, selection)
        assert not (keep & ~before).any()
        before = keep
    assert int((~before).sum()) == count(0.9, values.numel())


def test_global_meets_the_budget_over_matrices_of_different_blocks():
    first, second = scores((5, 5), 1), scores((20, 1), 2)
    sizes = torch.full((5, 5), 16), torch.full((20, 1), 7)
    total = 25 * 16 + 20 * 7
    for ratio in (0.1, 0.45, 0.8):
        kept = select([candidate(first, sizes=sizes[0]), candidate(second, sizes=sizes[1])], ratio, "global")
        gone = sum(int((s * ~k).sum()) for s, k in zip(sizes, kept))
        assert abs(gone - ratio * total) <= 8  # half of the largest block
        pruned = torch.cat([first[~kept[0]], second[~kept[1]]])
        left = torch.cat([first[kept[0]], second[kept[1]]])
        assert pruned.max() <= left.min()


def test_global_leaves_every_matrix_a_block_and_the_floor():
    low, high = torch.full((4, 4), 0.1), torch.full((4, 4), 9.0)
    kept = select([candidate(low), candidate(high)], 0.5, "global")
    assert int(kept[0].sum()) == 1
    kept = select([candidate(low), candidate(high)], 0.5, "global", floor=0.25)
    assert [int(k.sum()) for k in kept] == [4, 12]


def test_global_refuses_what_the_floor_forbids():
    with pytest.raises(PruneError, match=r"ratio of at most 0\.5000, .* floor of 0\.5 leaves, but got 0\.9; lower the floor"):
        select([candidate(scores((4, 4)))], 0.9, "global", floor=0.5)


def test_no_candidates_are_no_masks():
    assert select([], 0.5, "global") == [] == select([], 0.5)


@pytest.mark.parametrize("ratio", [-0.1, 1.0, 1.5, 80, float("nan")])
def test_a_wrong_ratio_is_refused(ratio):
    with pytest.raises(PruneError, match="expected a ratio from 0 to below 1"):
        select([candidate(scores((2, 2)))], ratio)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("selection", ["matrix", "balanced", "global"])
def test_scores_that_are_not_finite_name_the_weight(bad, selection):
    values = scores((3, 3))
    values[1, 1] = bad
    with pytest.raises(PruneError, match="finite scores of 'w', but some are NaN or infinite"):
        select([candidate(values, 3)], 0.5, selection)


def test_an_unknown_selection_is_refused():
    with pytest.raises(PruneError, match="expected a selection of matrix, balanced, global, but got 'best'"):
        select([], 0.5, "best")


def test_a_floor_without_global_is_refused():
    with pytest.raises(PruneError, match="no floor with selection 'matrix', but got 0.1"):
        select([], 0.5, "matrix", 0.1)


@pytest.mark.parametrize("floor", [-0.1, 1.0])
def test_a_wrong_floor_is_refused(floor):
    with pytest.raises(PruneError, match="floor from 0 to below 1"):
        select([], 0.5, "global", floor)
