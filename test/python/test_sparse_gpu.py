#===- test_sparse_gpu.py - Pruned weights in programs for GPUs -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""What of a pruned model a program for a GPU stores, and what stays dense and why. No GPU: numbers are checked by scripts/gpu.sh."""

from __future__ import annotations

import pytest
import torch

import et


def layer(share: float, rows: int = 64, columns: int = 64, outputs: int = 1024, inputs: int = 1024) -> torch.nn.Linear:
    """A layer of plain PyTorch in f16, a share of the tiles of its weight zero."""
    module = torch.nn.Linear(inputs, outputs).half().eval().requires_grad_(False)
    generator = torch.Generator().manual_seed(3)
    kept = torch.ones(-(-outputs // rows) * -(-inputs // columns), dtype=torch.bool)
    kept[torch.randperm(kept.numel(), generator=generator)[: round(share * kept.numel())]] = False
    mask = kept.reshape(-(-outputs // rows), -1).repeat_interleave(rows, 0).repeat_interleave(columns, 1)
    module.weight.data *= mask[:outputs, :inputs]
    return module


def compiled(module: torch.nn.Module, target: str = "cuda:sm_90a"):
    example = torch.zeros(2, next(module.parameters()).shape[-1], dtype=next(module.parameters()).dtype)
    return et.compile(module, (example,), dynamic_shapes=({0: "rows"},), target=target)


def size(program, tmp_path) -> int:
    program.save(tmp_path / "program.etp")
    return (tmp_path / "program.etp").stat().st_size


def said(program, name: str) -> str:
    return " ".join(remark for remark in program.remarks if name in remark)


def test_zero_tiles_are_not_stored(tmp_path):
    dense = compiled(layer(0.0))
    sparse = compiled(layer(0.8))
    # 2 MiB of weights; code of the kernels is in both.
    assert 1.4e6 < size(dense, tmp_path) - size(sparse, tmp_path) < 1.9e6
    assert "keeps 51 of 256 tiles of 64x64" in said(sparse, "WeightEncoded")
    assert "sparse " in said(sparse, "Schedule") and not said(dense, "WeightEncoded")


@pytest.mark.parametrize("target", ["cuda:sm_80", "cuda:sm_90a"])
def test_squares_take_mma(tmp_path, target):
    program = compiled(layer(0.97, 16, 16, 4096, 1024), target)
    assert "tiles of 16x16" in said(program, "WeightEncoded") and "sparse_mma" in said(program, "Schedule")
    assert size(program, tmp_path) < 4e6


def test_what_does_not_pay_stays_dense():
    for module, reason in ((layer(0.3), "tiles of 64x64 are not"), (layer(0.8).float(), "f16 and bf16 only")):
        program = compiled(module)
        assert reason in said(program, "WeightStaysDense") and not said(program, "WeightEncoded")


@pytest.mark.parametrize("share, outputs, inputs", [(1.0, 512, 512), (0.0, 64, 64), (0.9, 200, 1048)])
def test_awkward_weights_compile(share, outputs, inputs):
    module = layer(share, 64, 16, outputs, inputs)
    program = compiled(module)
    assert bool(said(program, "WeightEncoded")) == (share > 0)


def test_one_program_for_a_cpu_and_a_gpu(tmp_path):
    module = layer(0.8).eval()
    program = compiled(module, "cpu,cuda:sm_90a")
    path = tmp_path / "both.etp"
    program.save(path)
    x = torch.randn(5, 1024).half()
    y = et.load(path, "cpu")(x)[0]
    exact = module.double()(x.double())
    assert (torch.as_tensor(y).double() - exact).abs().max() < 4e-3 * exact.abs().max()
