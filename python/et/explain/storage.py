#===- storage.py - How weights are stored, and which elements are zero -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Names and contents of weights in a program.

A name says where a weight comes from and how it is stored: `a|b|c` are the parameters a, b and c, one under the other,
which are read as one; `_pruned` lost features, `.tiles` was found to be zero in tiles, `.panels` is packed for the CPU's kernels,
and `.strips` for tensor cores; `.dense` is one whose tiles no kernel takes. A weight `[outputs, inputs]` is stored

    dense panels    [panels][inputs][width], outputs past the last are zero
    sparse panels   i32 starts[panels + 1], i32 columns[kept], from the next multiple of 64 bytes on values [kept][width]
    strips          i32 order[strips], i32 starts[strips + 1], u16 masks[strips][blocks], units (et/Dialect/ET/IR/Strips.h)
    row-major       [outputs][inputs]
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from .program_file import ProgramFile, StoredWeight

_SUFFIXES = (".panels", ".strips", ".dense", ".kept", ".rows", ".columns", ".tiles", "_pruned")
_ITEM_BYTES = {"f16": 2, "bf16": 2, "f32": 4, "f64": 8}
#: Storage of sparse panels: the values are f32, and begin at a multiple of this.
_VALUE_BYTES, _VALUES_AT = 4, 64
#: Strips: outputs of a strip, inputs of a block and of a unit, and alignments of masks and of units.
_STRIP_OUTPUTS, _BLOCK_INPUTS, _UNIT_INPUTS, _MASKS_AT, _UNITS_AT = 64, 64, 16, 16, 128


def compiled_name(name: str) -> str:
    """The name that remarks use of the weight that the program stores as `name`."""
    for suffix in _SUFFIXES[:-1]:
        name = name.removesuffix(suffix)
    return name


def parameters(name: str, known: Collection[str] = ()) -> tuple[str, ...]:
    """The parameters that the program's weight `name` is made of. `known` are those of the model: a name that is among them is
    not taken apart any further."""
    while True:
        parts = tuple(name.split("|"))
        if name in known:
            return (name,)
        if all(part in known for part in parts):
            return parts
        shorter = next((name.removesuffix(s) for s in _SUFFIXES if name.endswith(s)), name)
        if len(parts) > 1 and shorter == name:
            # Each part lost features of its own before they were joined.
            own = tuple(parameters(part, known) for part in parts)
            return tuple(p for part in own for p in part)
        if shorter == name:
            # A second weight of one name has a number behind it.
            shorter = re.sub(r"_\d+$", "", name) if known else name
        if shorter == name or not shorter:
            return parts
        name = shorter


@dataclass(frozen=True)
class Layout:
    """How a weight is stored: the kind, the outputs of a panel, and what is left of it."""

    kind: str
    outputs: int
    inputs: int
    width: int = 0
    #: Sparse panels and strips: columns of panels, or units, that are stored, and of how many.
    kept: int = 0
    columns: int = 0
    #: Whether `inputs` is all that is known: the last input that is kept.
    at_least: bool = False

    @property
    def title(self) -> str:
        """For people."""
        return {"sparse": f"sparse panels of {self.width} outputs", "strips": f"strips of units of {self.width} by {_UNIT_INPUTS}", "dense": f"dense panels of {self.width} outputs",
                "plain": "dense, row by row"}[self.kind]


def _sparse(raw: np.ndarray) -> tuple[int, np.ndarray, np.ndarray] | None:
    """Width, starts and columns of sparse panels, from sizes that agree; None when none does, or several do."""
    words = raw[: raw.size // 4 * 4].view("<i4")
    if words.size < 2 or words[0] != 0:
        return None
    falls = np.flatnonzero(np.diff(words) < 0)
    found = []
    for panels in range(1, int(falls[0]) + 1 if falls.size else words.size):
        kept = int(words[panels])
        begin = -(-4 * (panels + 1 + kept) // _VALUES_AT) * _VALUES_AT
        if kept <= 0 or begin >= raw.size or (raw.size - begin) % (kept * _VALUE_BYTES):
            continue
        width = (raw.size - begin) // (kept * _VALUE_BYTES)
        starts, columns = words[: panels + 1], words[panels + 1: panels + 1 + kept]
        # Within a panel columns ascend; where the next panel begins they may fall.
        steps = np.diff(columns.astype(np.int64))
        inside = np.ones(max(kept - 1, 0), bool)
        firsts = starts[1:-1][(starts[1:-1] > 0) & (starts[1:-1] < kept)]
        inside[firsts - 1] = False
        if width % 16 == 0 and columns.min() >= 0 and (steps[inside] > 0).all():
            found.append((width, starts, columns))
    return found[0] if len(found) == 1 else None


def _align(value: int, to: int) -> int:
    return -(-value // to) * to


def _strips(raw: np.ndarray) -> tuple[int, np.ndarray] | None:
    """Outputs of a unit, and the masks [strips][blocks] of strips, from sizes that agree; None when none does, or several do."""
    words = raw[: raw.size // 4 * 4].view("<i4")
    found = []
    for strips in range(1, words.size // 2):
        if strips * 4 > raw.size or words[:strips].max() < strips - 1:
            continue
        if words[:strips].max() >= words.size:
            break
        starts = words[strips: 2 * strips + 1].astype(np.int64)
        if starts[0] != 0 or (np.diff(starts) < 0).any() or not np.array_equal(np.sort(words[:strips]), np.arange(strips)):
            continue
        kept, begin = int(starts[-1]), _align(4 * (2 * strips + 1), _MASKS_AT)
        for rows in (_STRIP_OUTPUTS, _UNIT_INPUTS):
            units = raw.size - kept * rows * _UNIT_INPUTS * 2
            for stride in range(8, max(0, units - begin) // (2 * strips) + 1, 8):
                if _align(begin + 2 * strips * stride, _UNITS_AT) != units:
                    continue
                masks = raw[begin: begin + 2 * strips * stride].view("<u2").reshape(strips, stride)
                bits = np.unpackbits(np.ascontiguousarray(masks).view(np.uint8), bitorder="little").reshape(strips, stride, 16)
                if np.array_equal(bits.sum((1, 2)), np.diff(starts)):
                    # A longer row may fit as well, into the padding in front of the units; it only adds zeros.
                    # What a strip has stands at its place in the order.
                    ordered = np.empty(bits.shape, dtype=bool)
                    ordered[words[:strips]] = bits
                    found.append((rows, ordered))
                    break
    return found[0] if len(found) == 1 else None


def _strips_mask(rows: int, bits: np.ndarray) -> np.ndarray:
    """Which elements lie in units that are stored."""
    strips, blocks, _ = bits.shape
    if rows == _STRIP_OUTPUTS:
        # Bit i stands for slab i, all outputs of 16 inputs.
        units = np.repeat(bits[:, :, None, :4], 4, 2)
    else:
        # Bit 4 i + p stands for the square of slab i whose outputs are 16 p .. 16 p + 15.
        units = bits.reshape(strips, blocks, 4, 4).transpose(0, 1, 3, 2)
    units = units.transpose(0, 2, 1, 3).reshape(strips * 4, blocks * 4)
    return np.repeat(np.repeat(units, 16, 0), 16, 1)


def layout(program: ProgramFile, weight: StoredWeight, lengths: Sequence[int]) -> Layout | None:
    """How a weight of a linear layer is stored; None for what is none. `lengths` are those of the vectors (bias, norm) that its
    step reads: panels are filled up, so one of them says how many outputs there are."""

    def outputs(panels: int, width: int) -> int:
        return next((n for n in lengths if (panels - 1) * width < n <= panels * width), panels * width)

    if weight.name.endswith(".strips") and len(weight.shape) == 1:
        strips = _strips(program.bytes_of(weight))
        if not strips:
            return None
        mask = _strips_mask(*strips)
        inputs = int(np.flatnonzero(mask.any(0))[-1]) + 1 if mask.any() else 0
        count = mask.shape[0] // _STRIP_OUTPUTS
        return Layout("strips", outputs(count, _STRIP_OUTPUTS), inputs, strips[0], int(strips[1].sum()),
                      count * (_STRIP_OUTPUTS // strips[0]) * -(-inputs // _UNIT_INPUTS), True)
    if ".tiles" in weight.name and weight.name.endswith(".panels") or \
            weight.dtype == "i8" and len(weight.shape) == 1 and weight.name.endswith(".panels"):
        found = _sparse(program.bytes_of(weight))
        if not found:
            return None
        width, starts, columns = found
        inputs = int(columns.max()) + 1
        return Layout("sparse", outputs(len(starts) - 1, width), inputs, width, len(columns), (len(starts) - 1) * inputs, True)
    if weight.name.endswith(".panels") and len(weight.shape) == 3:
        panels, inputs, width = weight.shape
        return Layout("dense", outputs(panels, width), inputs, width)
    if len(weight.shape) == 2 and weight.dtype in _ITEM_BYTES:
        return Layout("plain", *weight.shape)
    return None


def stored_mask(program: ProgramFile, weight: StoredWeight, form: Layout) -> np.ndarray:
    """Which elements of a stored weight are not zero, as booleans `[outputs, inputs]`; of strips, which lie in units that are
    stored."""
    raw = program.bytes_of(weight)
    if form.kind == "strips":
        units = _strips(raw)
        assert units, "layout() has read it"
        return _strips_mask(*units)[: form.outputs, : form.inputs]
    if form.kind == "sparse":
        found = _sparse(raw)
        assert found, "layout() has read it"
        width, starts, columns = found
        mask = np.zeros((len(starts) - 1, form.inputs, width), bool)
        begin = -(-4 * (len(starts) + len(columns)) // _VALUES_AT) * _VALUES_AT
        values = np.frombuffer(raw[begin:].tobytes(), "<f4").reshape(len(columns), width)
        panel_of = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        mask[panel_of, columns] = values != 0
    else:
        # Of the bits of a float all but the sign say whether it is zero.
        size = _ITEM_BYTES[weight.dtype]
        bits = np.frombuffer(raw.tobytes(), f"<u{size}").reshape(weight.shape)
        mask = (bits & np.array((1 << (8 * size - 1)) - 1, bits.dtype)) != 0
    if form.kind != "plain":
        mask = mask.transpose(0, 2, 1).reshape(-1, form.inputs)
    return mask[: form.outputs]


def densities(mask: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """The share of elements other than zero in each tile of `rows` x `columns`; padding of the last tiles does not count."""
    n, k = mask.shape
    down, across = -(-n // rows), -(-k // columns)
    padded = np.zeros((down * rows, across * columns), np.float64)
    padded[:n, :k] = mask
    sums = padded.reshape(down, rows, across, columns).sum((1, 3))
    tall = np.minimum(rows, n - rows * np.arange(down))
    wide = np.minimum(columns, k - columns * np.arange(across))
    return sums / np.outer(tall, wide)
