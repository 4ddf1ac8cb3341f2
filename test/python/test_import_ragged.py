#===- test_import_ragged.py - Attention over packed sequences -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""torch.nn.attention.varlen becomes et.attention with offsets, and a packed encoder runs without padding."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.attention.varlen import varlen_attn

import et
from importing import compare, import_function, operations, verify

HEADS, SIZE = 4, 16
DYNAMIC = ({0: "tokens"}, {0: "sequences"})
#: Offsets of one program: sequences of all lengths, none among them.
BATCHES = ([0, 5, 5, 20], [0, 1, 2], [0, 70], [0, 3, 40, 41, 90, 90])


class Ragged(nn.Module):
    """Self-attention of packed hidden states."""

    def __init__(self, kv_heads: int = HEADS, window: tuple[int, int] = (-1, -1), scale: float | None = None) -> None:
        super().__init__()
        self.kv_heads, self.window, self.scale = kv_heads, window, scale
        self.query, self.out = nn.Linear(32, HEADS * SIZE), nn.Linear(HEADS * SIZE, 32)
        self.key, self.value = (nn.Linear(32, kv_heads * SIZE) for _ in range(2))

    def heads(self, x: torch.Tensor) -> list[torch.Tensor]:
        return [linear(x).view(x.shape[0], linear.out_features // SIZE, SIZE) for linear in (self.query, self.key, self.value)]

    def forward(self, x: torch.Tensor, offsets: torch.Tensor) -> torch.Tensor:
        y = varlen_attn(*self.heads(x), offsets, offsets, 512, 512, window_size=self.window, scale=self.scale,
                        enable_gqa=self.kv_heads != HEADS)
        return self.out(y.reshape(x.shape[0], HEADS * SIZE)) + x

    def padded(self, x: torch.Tensor, offsets: list[int]) -> torch.Tensor:
        """The same, sequence by sequence."""
        parts = []
        for begin, end in zip(offsets, offsets[1:]):
            part, size = x[begin:end], end - begin
            q, k, v = (t.transpose(0, 1) for t in self.heads(part))
            i, j = torch.arange(size).unsqueeze(1), torch.arange(size).unsqueeze(0)
            left, right = self.window
            keep = ((j >= i - left) | (left < 0)) & ((j <= i + right) | (right < 0))
            y = F.scaled_dot_product_attention(q, k, v, attn_mask=keep, scale=self.scale, enable_gqa=True)
            parts.append(self.out(y.transpose(0, 1).reshape(size, HEADS * SIZE)) + part)
        return torch.cat(parts)


def inputs(offsets: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randn(offsets[-1], 32), torch.tensor(offsets, dtype=torch.int32)


CASES = {
    "plain": {}, "scale": {"scale": 0.5}, "grouped heads": {"kv_heads": 2}, "one key head": {"kv_heads": 1},
    "causal": {"window": (-1, 0)}, "window": {"window": (3, 2)}, "left window": {"window": (4, 0)},
}


@pytest.mark.parametrize("name", CASES)
def test_packed_sequences(name: str, tool) -> None:
    torch.manual_seed(0)
    module = Ragged(**CASES[name]).eval()
    imported = import_function(module, inputs(BATCHES[0]), DYNAMIC)
    assert operations(imported.text)["et.attention"] == 1
    assert "offsets(" in imported.text and "key_offsets(" not in imported.text
    verify(imported.text, tool)
    program = et.compile(imported)
    for offsets in BATCHES:
        x, starts = inputs(offsets)
        with torch.no_grad():
            expected = module.padded(x, offsets)
        compare(imported, [expected], (x, starts), tolerance=2e-6, wide=False)
        assert torch.allclose(program.program(x, starts)[0], expected, atol=2e-5)


def test_keys_with_offsets_of_their_own(tool) -> None:
    class Cross(nn.Module):
        def forward(self, q, k, v, offsets, key_offsets):
            return varlen_attn(q, k, v, offsets, key_offsets, 99, 99, window_size=(-1, 0))

    torch.manual_seed(0)
    q, k, v = torch.randn(12, HEADS, SIZE), torch.randn(19, HEADS, SIZE), torch.randn(19, HEADS, SIZE)
    offsets, key_offsets = [0, 4, 4, 12], [0, 9, 10, 19]
    arguments = (q, k, v, torch.tensor(offsets, dtype=torch.int32), torch.tensor(key_offsets, dtype=torch.int32))
    imported = import_function(Cross(), arguments)
    assert "key_offsets(" in imported.text and "#et.mask<causal, lower_right>" in imported.text
    verify(imported.text, tool)
    expected = torch.zeros(12, HEADS, SIZE)
    for i, j, a, b in zip(offsets, offsets[1:], key_offsets, key_offsets[1:]):
        rows, keys = torch.arange(j - i).unsqueeze(1), torch.arange(b - a).unsqueeze(0)
        part = [t.transpose(0, 1) for t in (q[i:j], k[a:b], v[a:b])]
        keep = keys <= rows + (b - a) - (j - i)
        expected[i:j] = F.scaled_dot_product_attention(*part, attn_mask=keep).transpose(0, 1)
    compare(imported, [expected], arguments, tolerance=2e-6, wide=False)
    assert torch.allclose(et.compile(imported).program(*arguments)[0], expected, atol=2e-5)


def test_no_window_over_keys_of_their_own() -> None:
    with pytest.raises(et.ImportError_, match="a window over keys with offsets of their own"):
        import_function(lambda q, k, o, p: varlen_attn(q, k, k, o, p, 9, 9, window_size=(2, 2)),
                        (torch.randn(4, 2, 8), torch.randn(6, 2, 8), torch.tensor([0, 4], dtype=torch.int32),
                         torch.tensor([0, 6], dtype=torch.int32)))


def test_no_keys_in_pages() -> None:
    with pytest.raises(et.ImportError_, match="fewer of them than the offsets say"):
        import_function(lambda q, o, used: varlen_attn(q, q, q, o, o, 9, 9, seqused_k=used),
                        (torch.randn(4, 2, 8), torch.tensor([0, 4], dtype=torch.int32), torch.tensor([3], dtype=torch.int32)))


def test_no_single_token() -> None:
    # A dimension of size 1 is no axis: there is nothing that offsets could divide.
    with pytest.raises(et.ImportError_, match="tokens are no single dimension"):
        import_function(lambda q, o: varlen_attn(q, q, q, o, o, 9, 9),
                        (torch.randn(1, 2, 8), torch.tensor([0, 1], dtype=torch.int32)))
