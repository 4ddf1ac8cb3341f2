#===- selection.py - Which blocks go at a ratio -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Chooses the blocks that are pruned: per matrix, balanced within a matrix, or over all matrices.

The count is exact, with ties broken by position, so that equal scores cannot prune more than was asked for (taking all below
a percentile would):

    matrix     of n blocks, the min(round(ratio * n), n - 1) with the lowest scores
    balanced   as many in total, and the same number, to within one, in each row of tiles (or head)
    global     over all matrices, in the order of score per weight, the blocks that come nearest to ratio * weights

No matrix ever loses its last block: a layer of zeros cannot learn its way back. Blocks that are pruned already have a score
of minus infinity, so a growing ratio only ever adds to them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from .errors import PruneError

SELECTIONS = ("matrix", "balanced", "global")


@dataclass(frozen=True)
class Candidate:
    """The blocks of one matrix: their scores and sizes on its grid, and the parts that balancing keeps equal."""

    name: str
    scores: torch.Tensor
    sizes: torch.Tensor
    parts: int = 1


def check_ratio(ratio: float) -> float:
    """Returns `ratio` if it is one."""
    if not 0 <= ratio < 1:
        raise PruneError(f"expected a ratio from 0 to below 1 (0.8 prunes 80 %), but got {ratio}")
    return float(ratio)


def count(ratio: float, blocks: int) -> int:
    """How many of `blocks` are pruned at `ratio`: the nearest number, halves up, but never all."""
    # 1e-9 absorbs the rounding of products such as 0.29 * 50, which is below 14.5 in binary.
    return max(0, min(math.floor(ratio * blocks + 0.5 + 1e-9), blocks - 1))


def select(candidates: Sequence[Candidate], ratio: float, selection: str = "matrix", floor: float = 0.0) -> list[torch.Tensor]:
    """Returns for each candidate which blocks are kept, as a boolean grid.

    Args:
        candidates: scores and sizes of each matrix. For "global", scores are compared as they are: per weight.
        ratio: share of the blocks ("global": of the weights) to prune.
        selection: "matrix", "balanced" or "global".
        floor: "global" only: the share of its blocks that every matrix keeps at least.
    """
    check_ratio(ratio)
    if selection not in SELECTIONS:
        raise PruneError(f"expected a selection of {', '.join(SELECTIONS)}, but got '{selection}'")
    if not 0 <= floor < 1:
        raise PruneError(f"expected a floor from 0 to below 1, but got {floor}")
    if floor and selection != "global":
        raise PruneError(f"expected no floor with selection '{selection}', but got {floor}; a floor is for 'global'")
    for candidate in candidates:
        if torch.isnan(candidate.scores).any() or torch.isposinf(candidate.scores).any():
            raise PruneError(f"expected finite scores of '{candidate.name}', but some are NaN or infinite; has the training diverged?")
    if selection == "global":
        return _global(candidates, ratio, floor)
    choose = _matrix if selection == "matrix" else _balanced
    return [choose(candidate, ratio) for candidate in candidates]


def _keep(scores: torch.Tensor, pruned: torch.Tensor) -> torch.Tensor:
    keep = torch.ones(scores.numel(), dtype=torch.bool, device=scores.device)
    keep[pruned] = False
    return keep.reshape(scores.shape)


def _matrix(candidate: Candidate, ratio: float) -> torch.Tensor:
    order = torch.argsort(candidate.scores.flatten(), stable=True)
    return _keep(candidate.scores, order[: count(ratio, order.numel())])


def _balanced(candidate: Candidate, ratio: float) -> torch.Tensor:
    """Each part loses `base` blocks; what remains of the count is taken where the next block costs least."""
    scores = candidate.scores.reshape(candidate.parts, -1)
    parts, blocks = scores.shape
    base, rest = divmod(count(ratio, scores.numel()), parts) if parts else (0, 0)
    ordered, order = torch.sort(scores, dim=1, stable=True)
    keep = torch.ones_like(scores, dtype=torch.bool)
    keep.scatter_(1, order[:, :base], False)
    if rest:
        where = torch.argsort(ordered[:, base], stable=True)[:rest]
        keep[where, order[where, base]] = False
    return keep.reshape(candidate.scores.shape)


def _global(candidates: Sequence[Candidate], ratio: float, floor: float) -> list[torch.Tensor]:
    if not candidates:
        return []
    flat = []
    for candidate in candidates:
        scores = candidate.scores.flatten().to(torch.float64)
        kept = max(1, math.ceil(floor * scores.numel() - 1e-9)) if scores.numel() else 0
        protected = torch.argsort(scores, stable=True)[scores.numel() - kept :]
        flat.append(scores.index_fill(0, protected, math.inf))
    scores = torch.cat(flat)
    sizes = torch.cat([candidate.sizes.flatten() for candidate in candidates]).to(scores.device)
    order = torch.argsort(scores, stable=True)
    order = order[: int((scores < math.inf).sum())]
    sums = torch.cat([sizes.new_zeros(1), sizes[order].cumsum(0)])
    target = ratio * int(sizes.sum())
    distance = (sums.to(torch.float64) - target).abs()
    chosen = int(torch.argmin(distance))
    if chosen == order.numel() and target - float(sums[-1]) > float(sizes.max()):
        raise PruneError(f"expected a ratio of at most {float(sums[-1]) / int(sizes.sum()):.4f}, which is all that a floor of {floor} leaves, "
                         f"but got {ratio}; lower the floor")
    keep = _keep(scores, order[:chosen])
    parts = keep.split([candidate.scores.numel() for candidate in candidates])
    return [part.reshape(candidate.scores.shape) for part, candidate in zip(parts, candidates)]
