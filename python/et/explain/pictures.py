#===- pictures.py - The pattern of a weight as a small image -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Draws the pattern of a weight: one cell per tile, the stronger its colour the more of it is not zero.

The cell is one colour, as opaque as the tile is full, so the picture fits light and dark pages.
"""

from __future__ import annotations

import base64
import io

import numpy as np

from .errors import ExplainError

#: Longest side of a picture, in pixels.
LONGEST = 144
#: Shortest side: a weight of one output is still seen.
SHORTEST = 8
#: Seen on white and on nearly black.
_COLOUR = (59, 130, 246)


def draw(cells: np.ndarray, shape: tuple[int, int]) -> tuple[str, int, int]:
    """A picture of the densities of the tiles of a weight of `shape`: its data URI, width and height. Inputs go to the right,
    outputs down; of weights with more tiles than pixels, neighbouring tiles are averaged."""
    try:
        from PIL import Image
    except ModuleNotFoundError as error:
        raise ExplainError("et.explain needs the package pillow; install the packages of requirements/runtime.txt") from error
    height, width = shape
    scale = LONGEST / max(height, width)
    size = max(SHORTEST, round(width * scale)), max(SHORTEST, round(height * scale))
    # A tile that holds anything stays visible beside empty ones.
    alpha = np.where(cells > 0, 40 + 215 * np.sqrt(np.clip(cells, 0, 1)), 0).round().astype(np.uint8)
    image = Image.fromarray(alpha, "L")
    is_small = image.width <= size[0] and image.height <= size[1]
    image = image.resize(size, Image.Resampling.NEAREST if is_small else Image.Resampling.BOX)
    coloured = Image.new("RGBA", size, (*_COLOUR, 0))
    coloured.putalpha(image)
    data = io.BytesIO()
    coloured.save(data, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(data.getvalue()).decode(), *size
