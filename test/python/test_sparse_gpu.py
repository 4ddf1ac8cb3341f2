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
from et.explain.program_file import read_program


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


def stored(program, tmp_path) -> dict[str, int]:
    """The bytes of each weight, by its name."""
    program.save(tmp_path / "stored.etp")
    return {weight.name: weight.size for weight in read_program(tmp_path / "stored.etp").weights}


def test_bf16_is_stored_as_f16_is(tmp_path):
    half, brain = (stored(compiled(layer(0.8).to(dtype)), tmp_path) for dtype in (torch.float16, torch.bfloat16))
    assert half == brain and any(name.endswith(".strips") for name in brain)
    said_of_both = {said(compiled(layer(0.8).to(dtype)), "WeightEncoded") for dtype in (torch.float16, torch.bfloat16)}
    assert len(said_of_both) == 1 and "keeps 51 of 256 tiles of 64x64" in said_of_both.pop()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("row, column", [(0, 0), (7, 3), (15, 15)])
def test_one_tile_that_is_left_is_all_that_is_stored(tmp_path, dtype, row, column):
    module = torch.nn.Linear(1024, 1024).to(dtype).eval().requires_grad_(False)
    kept = torch.zeros_like(module.weight)
    kept[64 * row : 64 * row + 64, 64 * column : 64 * column + 64] = 1
    module.weight.data *= kept
    program = compiled(module)
    assert "keeps 1 of 256 tiles of 64x64" in said(program, "WeightEncoded")
    bytes_of = stored(program, tmp_path)
    strips = next(size for name, size in bytes_of.items() if name.endswith(".strips"))
    # A block of threads takes two strips of 64 outputs: what one of them keeps, the other may hold as well.
    assert 64 * 64 * 2 <= strips <= 2 * 64 * 64 * 2
    assert sum(bytes_of.values()) < 32 << 10


def test_a_weight_of_one_tile_stays_dense(tmp_path):
    """There is nothing to leave out of a full one; one of zeros has nothing else, and compiles as well."""
    for share, outputs, inputs in ((0.0, 64, 64), (0.0, 16, 16)):
        assert not said(compiled(layer(share, 64, 64, outputs, inputs)), "WeightEncoded")
    for outputs, inputs in ((64, 64), (16, 16)):
        program = compiled(layer(1.0, 64, 64, outputs, inputs))
        assert size(program, tmp_path) > 0


@pytest.mark.parametrize("form", ["torch", "safetensors"])
def test_a_checkpoint_that_knows_nothing_of_us(tmp_path, form):
    """Pruned and saved with PyTorch, loaded into a plain module: zeros are all that says it was pruned."""
    pruned = layer(0.8)
    if form == "torch":
        torch.save(pruned.state_dict(), tmp_path / "model.pt")
        state = torch.load(tmp_path / "model.pt", weights_only=True)
    else:
        safetensors = pytest.importorskip("safetensors.torch")
        safetensors.save_file(pruned.state_dict(), tmp_path / "model.safetensors")
        state = safetensors.load_file(tmp_path / "model.safetensors")
    module = torch.nn.Linear(1024, 1024).half().eval().requires_grad_(False)
    before = said(compiled(module), "WeightEncoded")
    module.load_state_dict(state)
    program = compiled(module)
    assert not before and "keeps 51 of 256 tiles of 64x64" in said(program, "WeightEncoded")
    assert stored(program, tmp_path) == stored(compiled(pruned), tmp_path)


def test_a_checkpoint_whose_zeros_became_small_stays_dense():
    """Fine-tuned without masks, pruned weights are not zero any more."""
    module = layer(0.8)
    module.weight.data += torch.full_like(module.weight, 2.0**-14)
    program = compiled(module)
    assert not said(program, "WeightEncoded") and not said(program, "WeightStaysDense")


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
