#===- test_sparse_linear.py - Pruned encoders, compiled -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Models pruned in plain PyTorch: zero tiles are found, results agree with the dense kernel, and files are smaller."""

from __future__ import annotations

import copy

import pytest
import torch
import transformers as T

import et

SIZES = {0: "batch", 1: "sequence"}


def prune(module: torch.nn.Module, rows: int, columns: int, share: float, seed: int = 0) -> None:
    """Zeroes `share` of the tiles of every linear layer, at random."""
    generator = torch.Generator().manual_seed(seed)
    for layer in module.modules():
        if isinstance(layer, torch.nn.Linear):
            n, k = layer.weight.shape
            keep = torch.rand(-(-n // rows), -(-k // columns), generator=generator) >= share
            keep = keep.repeat_interleave(rows, 0).repeat_interleave(columns, 1)
            layer.weight.data *= keep[:n, :k]


class Encoder(torch.nn.Module):
    """One tensor in, one out."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.bert = T.BertModel(T.BertConfig(
            vocab_size=100, hidden_size=192, num_hidden_layers=2, num_attention_heads=6, intermediate_size=768,
            max_position_embeddings=160,
        ), add_pooling_layer=False)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        return self.bert(input_ids, attention_mask).last_hidden_state


def compile_encoder(module: torch.nn.Module, **options: object) -> et.Program:
    example = torch.ones(2, 8, dtype=torch.int64), torch.ones(2, 8, dtype=torch.int64)
    return et.compile(module, example, dynamic_shapes={"input_ids": SIZES, "attention_mask": SIZES}, threads=2, **options)


def encoded(program: et.Program) -> list[str]:
    return [remark for remark in program.remarks if "WeightEncoded" in remark]


@pytest.fixture(scope="module")
def dense() -> tuple[Encoder, et.Program]:
    module = Encoder().eval().requires_grad_(False)
    return module, compile_encoder(module)


def test_dense_model_is_left_alone(dense: tuple[Encoder, et.Program]) -> None:
    _, program = dense
    assert not [remark for remark in program.remarks if "et-encode-sparsity" in remark]
    assert b"sparse_panels" not in program.emit("planned")


@pytest.mark.parametrize("rows, columns, share", [(64, 16, 0.8), (16, 16, 0.8), (32, 1, 0.9), (16, 4, 0.9)])
def test_pruned_encoder(dense: tuple[Encoder, et.Program], tmp_path, rows: int, columns: int, share: float) -> None:
    module = copy.deepcopy(dense[0])
    prune(module, rows, columns, share)
    program = compile_encoder(module)
    # Query, key and value are one layer, output, and two of the feed-forward layer: in each of two layers.
    assert len(encoded(program)) == 8
    # The same function with nothing that is zero: the smallest numbers stand in for zeros.
    full = copy.deepcopy(module)
    for layer in full.modules():
        if isinstance(layer, torch.nn.Linear):
            layer.weight.data[layer.weight == 0] = 1e-30
    kernel = compile_encoder(full)
    assert not encoded(kernel)
    exact = copy.deepcopy(module).double()
    for batch, length in ((1, 1), (1, 16), (3, 13), (2, 128)):
        generator = torch.Generator().manual_seed(length)
        ids = torch.randint(0, 100, (batch, length), generator=generator)
        mask = torch.ones_like(ids)
        want = exact(ids, mask)
        ours, with_dense_kernel = program(ids, mask).double(), kernel(ids, mask).double()
        theirs = (module(ids, mask).double() - want).abs().max()
        assert (ours - want).abs().max() <= 4 * theirs + 1e-6
        assert (ours - with_dense_kernel).abs().max() <= 8 * theirs + 1e-6
    small, large = tmp_path / "pruned.etp", tmp_path / "full.etp"
    program.save(small)
    kernel.save(large)
    # 0.9 million weights are in linear layers, of which a fifth is left.
    assert small.stat().st_size < large.stat().st_size - 2_000_000
    loaded = et.load(small, threads=2)
    ids = torch.arange(48).reshape(2, 24)
    assert torch.equal(loaded(ids, torch.ones_like(ids))[0], program(ids, torch.ones_like(ids)))


def test_unstructured_zeros_stay_dense(dense: tuple[Encoder, et.Program]) -> None:
    module = copy.deepcopy(dense[0])
    prune(module, 1, 1, 0.5)
    program = compile_encoder(module)
    assert not encoded(program)
    declined = [remark for remark in program.remarks if "WeightStaysDense" in remark]
    assert len(declined) == 8 and all("50 % of its elements are zero" in remark for remark in declined)


@pytest.mark.parametrize("isa", ["baseline", "avx2", "avx512"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_every_level_and_half_precision(isa: str, dtype: torch.dtype) -> None:
    torch.manual_seed(1)
    module = torch.nn.Sequential(torch.nn.Linear(70, 150), torch.nn.GELU(), torch.nn.Linear(150, 40)).eval().requires_grad_(False)
    prune(module, 32, 4, 0.7)
    module = module.to(dtype)
    try:
        program = et.compile(module, (torch.zeros(3, 70, dtype=dtype),), dynamic_shapes=({0: "rows"},), isa=isa)
    except et.Error as error:
        pytest.skip(str(error))
    assert len(encoded(program)) == 2
    exact = copy.deepcopy(module).double()
    for rows in (1, 7, 100):
        x = torch.randn(rows, 70, dtype=dtype)
        want = exact(x.double())
        step = torch.finfo(dtype).eps
        assert (program(x).double() - want).abs().max() <= 4 * step * max(1.0, float(want.abs().max()))
