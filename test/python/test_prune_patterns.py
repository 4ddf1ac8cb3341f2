#===- test_prune_patterns.py - Blocks of weights against plain loops -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Patterns against brute force on awkward sizes, and what is refused."""

from __future__ import annotations

import math

import pytest
import torch

from et.prune import PruneError, columns, irregular, rows, tile
from et.prune.patterns import Pattern

SHAPES = [(1, 1), (1, 7), (7, 1), (13, 17), (16, 16), (17, 31), (32, 48), (48, 16), (5, 64)]
PATTERNS = [tile(16, 16), tile(64, 16), tile(1, 4), tile(4, 1), tile(3, 5), tile(100, 100), rows(), columns(), irregular()]


def blocks(pattern: Pattern, shape: tuple[int, int]) -> dict[tuple[int, int], list[tuple[int, int]]]:
    """The weights of each block, by a definition that knows no padding."""
    height, width = {"rows": (1, shape[1]), "columns": (shape[0], 1)}.get(pattern.kind, (pattern.height, pattern.width))
    result: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for i in range(shape[0]):
        for j in range(shape[1]):
            result.setdefault((i // height, j // width), []).append((i, j))
    return result


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("pattern", PATTERNS, ids=str)
def test_grid_sizes_norms_and_masks_agree_with_loops(pattern, shape):
    weight = torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    expected = blocks(pattern, shape)
    down, across = pattern.grid(shape)
    assert set(expected) == {(i, j) for i in range(down) for j in range(across)}
    norms, sums, sizes = pattern.norms(weight), pattern.sums(weight), pattern.sizes(shape)
    for place, members in expected.items():
        values = [float(weight[m]) for m in members]
        assert sizes[place] == len(members)
        assert float(norms[place]) == pytest.approx(math.sqrt(sum(v * v for v in values)), rel=1e-12)
        assert float(sums[place]) == pytest.approx(sum(values), rel=1e-9, abs=1e-12)
    keep = torch.rand(down, across, generator=torch.Generator().manual_seed(1)) > 0.5
    mask = pattern.expand(keep, shape)
    assert mask.shape == weight.shape
    for place, members in expected.items():
        assert all(bool(mask[m]) == bool(keep[place]) for m in members)


@pytest.mark.parametrize("pattern", PATTERNS, ids=str)
def test_the_name_of_a_pattern_is_read_back(pattern):
    assert Pattern.parse(str(pattern)) == pattern


def test_a_tile_needs_no_prefix():
    assert Pattern.parse("64x16") == tile(64, 16)


def test_norms_of_half_precision_do_not_overflow():
    weight = torch.full((16, 16), 300.0, dtype=torch.float16)  # a square is 9e4, beyond f16
    assert float(tile(16, 16).norms(weight)) == pytest.approx(4800.0)


def test_sums_are_differentiable():
    weight = torch.randn(5, 7, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda w: tile(2, 3).squares(w), (weight,))


@pytest.mark.parametrize("text", ["tiles:16x16", "16x", "x16", "16x16x16", "row", "", "tile:-1x4", "Rows"])
def test_an_unknown_pattern_is_refused(text):
    with pytest.raises(PruneError, match=f"expected a pattern 'tile:RxC' .* but got '{text}'"):
        Pattern.parse(text)


@pytest.mark.parametrize("height,width,what", [(0, 16, "height"), (16, 0, "width"), (-1, 1, "height")])
def test_an_empty_tile_is_refused(height, width, what):
    with pytest.raises(PruneError, match=f"tile {what} of at least 1"):
        tile(height, width)


def test_no_segments_are_refused():
    with pytest.raises(PruneError, match="at least 1 segment of rows, but got 0"):
        rows(0)


def test_expand_refuses_the_wrong_number_of_blocks():
    with pytest.raises(PruneError, match="each of 2x2 blocks of pattern tile:16x16 on a weight of 17x31, but got 1x2"):
        tile(16, 16).expand(torch.ones(1, 2, dtype=torch.bool), (17, 31))


def test_parts_of_balancing():
    assert tile(16, 16).parts((33, 64)) == 3
    assert irregular().parts((5, 7)) == 5
    assert columns().parts((5, 7)) == 1
    assert rows(4).parts((8, 3)) == 4
    assert rows(4).parts((9, 3)) == 1  # no equal parts
