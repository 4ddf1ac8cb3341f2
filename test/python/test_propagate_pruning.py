#===- test_propagate_pruning.py - Pruned neurons, compiled -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Neurons pruned in plain PyTorch are left out: results agree with float64, weights shrink, everything else stays."""

from __future__ import annotations

import copy

import pytest
import torch

import et
from test_sparse_linear import Encoder, compile_encoder

WIDTH = 768


def feed_forward(module: torch.nn.Module) -> list[tuple[torch.nn.Linear, torch.nn.Linear]]:
    return [(layer.intermediate.dense, layer.output.dense) for layer in module.bert.encoder.layer]


def prune_neurons(module: torch.nn.Module, share: float, how: str, seed: int = 0) -> int:
    """Zeroes `share` of the neurons of each feed-forward layer, by their row, with or without bias, or by their column.
    Returns how many are left."""
    generator = torch.Generator().manual_seed(seed)
    for one, two in feed_forward(module):
        gone = torch.randperm(WIDTH, generator=generator)[:round(share * WIDTH)]
        if how == "columns":
            two.weight.data[:, gone] = 0
            continue
        one.weight.data[gone] = 0
        one.bias.data[gone] = 0 if how == "rows" else torch.randn(len(gone), generator=generator)
    return WIDTH - round(share * WIDTH)


def removed(program: et.Program) -> list[str]:
    return [remark for remark in program.remarks if "FeaturesRemoved" in remark]


@pytest.fixture(scope="module")
def dense() -> Encoder:
    return Encoder().eval().requires_grad_(False)


def test_dense_model_is_left_alone(dense: Encoder) -> None:
    program = compile_encoder(dense)
    assert not [remark for remark in program.remarks if "et-propagate-pruning" in remark]
    assert b"_pruned" not in program.emit("planned")


@pytest.mark.parametrize("how", ["rows", "constants", "columns"])
@pytest.mark.parametrize("share", [0.25, 0.9, 1.0])
def test_pruned_neurons(dense: Encoder, tmp_path, how: str, share: float) -> None:
    module = copy.deepcopy(dense)
    left = prune_neurons(module, share, how)
    # One vector of neurons at least is left, and whole vectors are.
    left = max(16, -(-left // 16) * 16)
    program = compile_encoder(module)
    assert len(removed(program)) == 2 and all(f"removed {WIDTH - left} of {WIDTH} features" in r for r in removed(program))
    planned = program.emit("planned").decode()
    assert f"tensor<{left}x192xf32" in planned and f"tensor<{WIDTH}x192xf32" not in planned
    exact = copy.deepcopy(module).double()
    for batch, length in ((1, 1), (3, 13), (2, 128)):
        ids = torch.randint(0, 100, (batch, length), generator=torch.Generator().manual_seed(length))
        mask = torch.ones_like(ids)
        want = exact(ids, mask)
        theirs = (module(ids, mask).double() - want).abs().max()
        assert (program(ids, mask).double() - want).abs().max() <= 2 * theirs + 1e-6
    small, large = tmp_path / "pruned.etp", tmp_path / "dense.etp"
    program.save(small)
    compile_encoder(dense).save(large)
    # Two weights of 192 inputs or outputs in each of two layers, f32.
    assert small.stat().st_size < large.stat().st_size - 0.9 * (WIDTH - left) * 192 * 4 * 4


def test_values_that_are_not_finite_stay(dense: Encoder) -> None:
    module = copy.deepcopy(dense)
    prune_neurons(module, 0.5, "rows")
    for _, two in feed_forward(module):
        two.weight.data[0] = float("inf")
    program = compile_encoder(module, check_finite=False)
    # 0 * inf is not 0: PyTorch's result is NaN wherever a pruned neuron meets it.
    assert not removed(program)
    ids = torch.arange(8).reshape(1, 8)
    assert torch.equal(program(ids, torch.ones_like(ids)).isnan(), module(ids, torch.ones_like(ids)).isnan())


@pytest.mark.parametrize("activation, shrinks", [(torch.nn.ReLU(), True), (torch.nn.Identity(), True), (torch.nn.Softmax(-1), False)])
def test_other_activations(activation: torch.nn.Module, shrinks: bool) -> None:
    torch.manual_seed(2)
    module = torch.nn.Sequential(torch.nn.Linear(40, 96), activation, torch.nn.Linear(96, 24)).eval().requires_grad_(False)
    module[0].weight.data[::2] = 0
    program = et.compile(module, (torch.zeros(3, 40),), dynamic_shapes=({0: "rows"},))
    assert len(removed(program)) == shrinks
    exact = copy.deepcopy(module).double()
    for rows in (1, 7, 100):
        x = 10 * torch.randn(rows, 40)
        want = exact(x.double())
        theirs = (module(x).double() - want).abs().max()
        assert (program(x).double() - want).abs().max() <= 4 * theirs + 1e-6


def test_for_a_gpu_whole_blocks_are_left() -> None:
    torch.manual_seed(3)
    module = torch.nn.Sequential(torch.nn.Linear(64, 256), torch.nn.GELU(), torch.nn.Linear(256, 64)).eval().requires_grad_(False)
    module[0].weight.data[100:] = 0
    imported = et.export_mlir(module.half(), (torch.zeros(3, 64).half(),), dynamic_shapes=({0: "rows"},))
    compiled = et.compile(imported, target="cuda:sm_90a")
    assert any("removed 128 of 256 features" in remark for remark in compiled.remarks)
    assert "tensor<128x64xf16" in compiled.emit("planned").decode()
