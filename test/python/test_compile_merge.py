#===- test_compile_merge.py - Merged projections, compiled -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Attention of one head, whose projections of value and output the compiler merges, against float64."""

from __future__ import annotations

import pytest
import torch

import et


class Attention(torch.nn.Module):
    def __init__(self, heads: int, bias: bool) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = torch.nn.ModuleList(torch.nn.Linear(48, 48, bias=bias) for _ in range(3))
        self.output = torch.nn.Linear(48, 48, bias=bias)

    def forward(self, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        batch, length, width = hidden.shape
        q, k, v = (layer(hidden).view(batch, length, self.heads, -1).transpose(1, 2) for layer in self.qkv)
        z = torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask[:, None, None, :])
        return self.output(z.transpose(1, 2).reshape(batch, length, width))


@pytest.mark.parametrize("heads, bias", [(1, True), (1, False), (3, True)])
def test_merged_projections(heads: int, bias: bool) -> None:
    torch.manual_seed(heads)
    model = Attention(heads, bias).eval().requires_grad_(False)
    example = (torch.zeros(2, 7, 48), torch.ones(2, 7, dtype=torch.bool))
    compiled = et.compile(model, example, dynamic_shapes=({0: "batch", 1: "length"}, {0: "batch", 1: "length"}))
    merged = [remark for remark in compiled.remarks if "merged the projections of value and output" in remark]
    assert len(merged) == (1 if heads == 1 else 0)
    assert heads == 1 or [remark for remark in compiled.remarks if "projections of value and output stay apart" in remark]
    exact = Attention(heads, bias).eval().requires_grad_(False)
    exact.load_state_dict(model.state_dict())
    exact = exact.double()
    for batch, length in ((1, 1), (3, 13), (2, 129)):
        hidden = torch.randn(batch, length, 48)
        mask = torch.rand(batch, length) > 0.3
        mask[:, 0] = True
        want = exact(hidden.double(), mask)
        theirs = (model(hidden, mask).double() - want).abs().max()
        ours = (compiled(hidden, mask).double() - want).abs().max()
        assert ours <= 2 * theirs + 1e-7
