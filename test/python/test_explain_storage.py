#===- test_explain_storage.py - Weights of saved programs, read back -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Sparse storage is packed here as its descriptions say, and read back; bytes that are none are taken for none."""

from __future__ import annotations

import numpy as np
import pytest

from et.explain.program_file import StoredWeight
from et.explain.storage import compiled_name, layout, parameters, stored_mask


class Bytes:
    """A program of one weight."""

    def __init__(self, raw: bytes) -> None:
        self.raw = np.frombuffer(raw, np.uint8)

    def bytes_of(self, weight: StoredWeight) -> np.ndarray:
        return self.raw


def padded(values: bytes, to: int) -> bytes:
    return values + bytes(-len(values) % to)


def pack_strips(mask: np.ndarray, rows: int) -> bytes:
    """As et/Dialect/ET/IR/Strips.h says; `mask` is of units of `rows` x 16."""
    units = np.repeat(mask, rows // 16, 0)  # squares of 16 x 16
    strips, blocks = -(-units.shape[0] // 4), -(-units.shape[1] // 4)
    full = np.zeros((strips * 4, blocks * 4), bool)
    full[: units.shape[0], : units.shape[1]] = units
    bits = np.zeros((strips, -(-blocks // 8) * 8), "<u2")
    for strip in range(strips):
        for block in range(blocks):
            square = full[4 * strip: 4 * strip + 4, 4 * block: 4 * block + 4]
            if rows == 64:
                bits[strip, block] = sum(1 << i for i in range(4) if square[:, i].any())
            else:
                bits[strip, block] = sum(1 << (4 * i + p) for i in range(4) for p in range(4) if square[p, i])
    # The last strip first.
    bits = bits[::-1]
    counts = [sum(int(word).bit_count() for word in row) for row in bits]
    head = np.array([*reversed(range(strips)), 0, *np.cumsum(counts)], "<i4").tobytes()
    return padded(padded(head, 16) + bits.tobytes(), 128) + b"\x01" * (sum(counts) * rows * 16 * 2)


def pack_panels(mask: np.ndarray, width: int) -> bytes:
    """As #et.sparse_panels says."""
    panels = -(-mask.shape[0] // width)
    full = np.zeros((panels * width, mask.shape[1]), bool)
    full[: mask.shape[0]] = mask
    columns = [np.flatnonzero(full[p * width: (p + 1) * width].any(0)) for p in range(panels)]
    head = np.array([0, *np.cumsum([len(c) for c in columns]), *np.concatenate(columns)], "<i4").tobytes()
    values = [full[p * width: (p + 1) * width][:, c].T.astype("<f4") for p, c in enumerate(columns)]
    return padded(head, 64) + b"".join(v.tobytes() for v in values)


def stored(name: str, raw: bytes) -> StoredWeight:
    return StoredWeight(name, "i8", (len(raw),), 0, len(raw))


@pytest.mark.parametrize("rows", [64, 16])
@pytest.mark.parametrize("shape", [(64, 64), (200, 520), (768, 3072), (64, 1040)])
@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
def test_strips_are_read_back(rows, shape, share):
    random = np.random.default_rng(rows + shape[1])
    units = random.random((-(-shape[0] // rows), -(-shape[1] // 16))) < share
    units[0, 0] = True
    raw = pack_strips(units, rows)
    weight = stored("w.tiles.strips", raw)
    form = layout(Bytes(raw), weight, [shape[0]])
    assert (form.kind, form.width, form.outputs) == ("strips", rows, shape[0]) and form.at_least
    last = int(np.flatnonzero(units.any(0))[-1]) + 1
    assert form.inputs == 16 * last
    exact = np.repeat(np.repeat(units, rows, 0), 16, 1)[: shape[0], : form.inputs]
    assert np.array_equal(stored_mask(Bytes(raw), weight, form), exact)
    # Of the last strip all squares are stored that the slab has.
    assert form.kept == units.sum()


@pytest.mark.parametrize("width", [16, 48, 64])
@pytest.mark.parametrize("shape", [(64, 64), (100, 70), (384, 1536)])
def test_sparse_panels_are_read_back(width, shape):
    random = np.random.default_rng(width)
    mask = np.repeat(np.repeat(random.random((-(-shape[0] // 16), shape[1] // 2)) < 0.2, 16, 0)[: shape[0]], 2, 1)
    mask[0, -1] = True
    raw = pack_panels(mask, width)
    weight = stored("w.tiles.panels", raw)
    form = layout(Bytes(raw), weight, [shape[0]])
    assert (form.kind, form.width, form.outputs, form.inputs) == ("sparse", width, *shape)
    assert np.array_equal(stored_mask(Bytes(raw), weight, form), mask)


@pytest.mark.parametrize("name", ["w.tiles.panels", "w.tiles.strips"])
@pytest.mark.parametrize("raw", [b"", b"\0" * 8, b"\xff" * 640, bytes(range(256)) * 4, b"\0" * 4096])
def test_bytes_of_another_kind_are_none(name, raw):
    assert layout(Bytes(raw), stored(name, raw), [64]) is None


@pytest.mark.parametrize("change", ["longer", "shorter", "mask", "order"])
def test_strips_whose_parts_disagree_are_none(change):
    raw = bytearray(pack_strips(np.eye(12, 40, dtype=bool), 16))
    if change == "longer":
        raw += b"\1" * 128
    elif change == "shorter":
        del raw[-64:]
    elif change == "mask":
        raw[32] ^= 1  # behind order, starts and padding of three strips
    else:
        raw[0] = raw[4]
    assert layout(Bytes(bytes(raw)), stored("w.tiles.strips", bytes(raw)), [192]) is None


def test_names_of_stored_weights():
    assert compiled_name("a|b.tiles.strips") == compiled_name("a|b.tiles.dense") == compiled_name("a|b.tiles.panels") == "a|b"
    assert parameters("a.weight_pruned.tiles.strips", {"a.weight"}) == ("a.weight",)
    assert compiled_name("a|b.rows.kept.panels") == compiled_name("a|b.columns.kept") == compiled_name("a|b.rows") == "a|b"
    assert parameters("a.weight_pruned.rows.kept.panels", {"a.weight"}) == ("a.weight",)
    assert compiled_name("strips") == "strips"
