#===- storage.py - How weights are stored, and which elements are zero -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Names and contents of weights in a program.

A name says where a weight comes from and how it is stored: `a|b|c` are the parameters a, b and c, one under the other,
which are read as one; `_pruned` lost features, `.tiles` was found to be zero in tiles, and `.panels` is packed for the CPU's
kernels. A weight `[outputs, inputs]` is stored

    dense panels    [panels][inputs][width], outputs past the last are zero
    sparse panels   i32 starts[panels + 1], i32 columns[kept], from the next multiple of 64 bytes on values [kept][width]
    row-major       [outputs][inputs]
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from .program_file import ProgramFile, StoredWeight

_SUFFIXES = (".panels", ".tiles", "_pruned")
_ITEM_BYTES = {"f16": 2, "bf16": 2, "f32": 4, "f64": 8}
#: Storage of sparse panels: the values are f32, and begin at a multiple of this.
_VALUE_BYTES, _VALUES_AT = 4, 64


def compiled_name(name: str) -> str:
    """The name that remarks use of the weight that the program stores as `name`."""
    for suffix in (".panels", ".tiles"):
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
    #: Sparse panels: columns of panels that are stored, and of how many.
    kept: int = 0
    columns: int = 0
    #: Whether `inputs` is all that is known: the last input that is kept.
    at_least: bool = False

    @property
    def title(self) -> str:
        """For people."""
        return {"sparse": f"sparse panels of {self.width} outputs", "dense": f"dense panels of {self.width} outputs",
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


def layout(program: ProgramFile, weight: StoredWeight, lengths: Sequence[int]) -> Layout | None:
    """How a weight of a linear layer is stored; None for what is none. `lengths` are those of the vectors (bias, norm) that its
    step reads: panels are filled up, so one of them says how many outputs there are."""

    def outputs(panels: int, width: int) -> int:
        return next((n for n in lengths if (panels - 1) * width < n <= panels * width), panels * width)

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
    """Which elements of a stored weight are not zero, as booleans `[outputs, inputs]`."""
    raw = program.bytes_of(weight)
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
