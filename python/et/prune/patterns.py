#===- patterns.py - Which weights are pruned together -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""The patterns: tiles, rows, columns, single weights.

A weight is `[out, in]` as in torch.nn.Linear. Every pattern is a grid of blocks over it, which is all that the rest of the
package knows about a pattern:

    tile:RxC    blocks of R x C; a grid that does not divide the weight is padded with zeros at the bottom and the right
    rows        one block per output feature (1 x in)
    columns     one block per input feature (out x 1)
    irregular   one block per weight (1 x 1)

Padding never counts: neither in norms, for it is zero, nor in the number of weights that a block holds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Union

import torch

from .errors import PruneError

Shape = tuple[int, int]


@dataclass(frozen=True)
class Pattern:
    """A grid of blocks. Made by `tile`, `rows`, `columns`, `irregular` or `Pattern.parse`."""

    kind: str
    height: int = 1
    width: int = 1
    #: Rows only: parts of the weight (heads, say) that lose equally many rows under balanced selection.
    segments: int = 1

    @staticmethod
    def parse(text: PatternLike) -> Pattern:
        """Reads `tile:16x16` (or `16x16`), `rows`, `columns` or `irregular`; a pattern is returned as it is."""
        if isinstance(text, Pattern):
            return text
        simple = {"rows": rows, "columns": columns, "irregular": irregular}.get(text)
        if simple:
            return simple()
        match = re.fullmatch(r"(?:tile:)?(\d+)x(\d+)", text)
        if not match:
            raise PruneError(f"expected a pattern 'tile:RxC' (such as tile:16x16), 'rows', 'columns' or 'irregular', but got '{text}'")
        return tile(int(match[1]), int(match[2]))

    def __str__(self) -> str:
        return f"tile:{self.height}x{self.width}" if self.kind == "tile" else self.kind

    def block(self, shape: Shape) -> Shape:
        """Height and width of one block on a weight of this shape."""
        if self.kind == "rows":
            return 1, max(1, shape[1])
        if self.kind == "columns":
            return max(1, shape[0]), 1
        return self.height, self.width

    def grid(self, shape: Shape) -> Shape:
        """Blocks along each dimension of a weight."""
        height, width = self.block(shape)
        return -(-shape[0] // height), -(-shape[1] // width)

    def sums(self, values: torch.Tensor) -> torch.Tensor:
        """Sums `[out, in]` over each block: `[grid rows, grid columns]`. Differentiable."""
        shape = (values.shape[0], values.shape[1])
        (height, width), (down, across) = self.block(shape), self.grid(shape)
        if (height, width) == (1, 1):
            return values
        if self.kind in ("rows", "columns"):
            return values.sum(1 if self.kind == "rows" else 0, keepdim=True)
        bottom, right = down * height - shape[0], across * width - shape[1]
        if bottom or right:
            values = torch.nn.functional.pad(values, (0, right, 0, bottom))
        return values.reshape(down, height, across, width).sum((1, 3))

    def squares(self, weight: torch.Tensor) -> torch.Tensor:
        """Sums of squares of each block, in f32 at least: squares of f16 weights overflow or vanish."""
        wide = weight if weight.dtype == torch.float64 else weight.float()
        return self.sums(wide * wide)

    def norms(self, weight: torch.Tensor) -> torch.Tensor:
        """The l2 norm of each block."""
        return self.squares(weight).sqrt()

    def sizes(self, shape: Shape) -> torch.Tensor:
        """Weights in each block without padding, as int64."""
        (height, width), (down, across) = self.block(shape), self.grid(shape)
        tall = torch.full((down,), height, dtype=torch.int64)
        wide = torch.full((across,), width, dtype=torch.int64)
        if down and across:
            tall[-1] -= down * height - shape[0]
            wide[-1] -= across * width - shape[1]
        return tall[:, None] * wide[None, :]

    def expand(self, blocks: torch.Tensor, shape: Shape) -> torch.Tensor:
        """Repeats a value per block over the weights of the block: `[out, in]`."""
        if tuple(blocks.shape) != self.grid(shape):
            raise PruneError(f"expected a value for each of {'x'.join(map(str, self.grid(shape)))} blocks of pattern {self} on a weight of "
                             f"{shape[0]}x{shape[1]}, but got {'x'.join(map(str, blocks.shape))}")
        (height, width), (down, across) = self.block(shape), self.grid(shape)
        full = blocks[:, None, :, None].expand(down, height, across, width).reshape(down * height, across * width)
        return full[: shape[0], : shape[1]]

    def parts(self, shape: Shape) -> int:
        """Parts of the grid that balanced selection keeps equally full: tile rows, heads, or the whole."""
        down, _ = self.grid(shape)
        if self.kind == "rows":
            return self.segments if down % self.segments == 0 else 1
        return 1 if self.kind == "columns" else down


PatternLike = Union[Pattern, str]


def tile(height: int, width: int) -> Pattern:
    """Blocks of `height` output features and `width` input features."""
    for what, size in (("height", height), ("width", width)):
        if size < 1:
            raise PruneError(f"expected a tile {what} of at least 1, but got {size}")
    return Pattern("tile", height, width)


def rows(segments: int = 1) -> Pattern:
    """Whole output features, with their bias. `segments`: heads, for balanced selection."""
    if segments < 1:
        raise PruneError(f"expected at least 1 segment of rows, but got {segments}")
    return Pattern("rows", segments=segments)


def columns() -> Pattern:
    """Whole input features."""
    return Pattern("columns")


def irregular() -> Pattern:
    """Single weights."""
    return Pattern("irregular")
