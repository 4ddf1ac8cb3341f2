#===- test_partial_attention.py - Attention with its scores in memory -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""What `partial_attention` makes of a program for a GPU; what runs with how many keys is checked by unittests/Compiler."""

import pytest
import torch
from torch.nn import functional as F

import et


class Attention(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.scaled_dot_product_attention(x, x, x)


def compile_module(partial_attention, target="cuda:sm_90a", dtype=torch.float16):
    return et.compile(Attention().eval(), (torch.zeros(2, 3, 40, 64, dtype=dtype),), dynamic_shapes=({0: "b", 2: "s"},),
                      target=target, partial_attention=partial_attention)


def contents(program, path) -> bytes:
    program.save(path)
    return path.read_bytes()


def test_kernels_of_both_ways(tmp_path):
    never, always, many = (contents(compile_module(keys), tmp_path / f"{keys}.etp") for keys in (None, 0, 224))
    assert b"_scores" not in never
    # Of one schedule no kernel says where it begins.
    assert b"_scores" in always and b"_from" not in always
    assert b"_from225_scores" in many and b"_from0" in many


def test_other_programs_are_the_same(tmp_path):
    for target, dtype in (("cuda:sm_90a", torch.float32), ("cpu", torch.float16)):
        never, many = (contents(compile_module(keys, target, dtype), tmp_path / f"{target[:4]}{keys}.etp") for keys in (None, 224))
        assert b"_scores" not in many and len(never) == len(many)


@pytest.mark.parametrize("value", [-1, 1 << 31])
def test_other_values_are_refused(value):
    with pytest.raises(ValueError, match="expected partial_attention to be None or a number of keys up to"):
        compile_module(value)
