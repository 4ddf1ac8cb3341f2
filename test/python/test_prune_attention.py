#===- test_prune_attention.py - Pruned heads and values, compiled -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Values and heads pruned in plain PyTorch are left out around attention: results agree with float64, and programs shrink."""

from __future__ import annotations

import copy
from typing import Iterator

import pytest
import torch
import torch.nn.functional as F

import et
from et.prune import Pruner
from model_zoo import FAMILIES, dynamic, inputs
from test_compile_models import largest_errors
from test_sparse_linear import Encoder, compile_encoder

HEADS, SIZE = 6, 32


@pytest.fixture(scope="module")
def dense() -> Encoder:
    module = Encoder().eval().requires_grad_(False)
    generator = torch.Generator().manual_seed(1)
    for attention, output in layers(module):
        # Biases of a new model are zero, which hides mistakes.
        for layer in (attention.query, attention.key, attention.value, output):
            layer.bias.data = torch.randn(layer.bias.shape, generator=generator)
    return module


def layers(module: torch.nn.Module) -> Iterator[tuple[torch.nn.Module, torch.nn.Linear]]:
    for layer in module.bert.encoder.layer:
        yield layer.attention.self, layer.attention.output.dense


def zero_rows(layer: torch.nn.Linear, rows: torch.Tensor | list[int], bias: bool = True) -> None:
    layer.weight.data[rows] = 0
    if bias:
        layer.bias.data[rows] = 0


def said(program: et.Program, name: str) -> list[str]:
    return [remark for remark in program.remarks if name in remark and "et-propagate-pruning" in remark]


def check(module: torch.nn.Module, program: et.Program) -> None:
    """Against float64, with as much error as PyTorch's f32; padding included."""
    exact = copy.deepcopy(module).double()
    for batch, length in ((1, 1), (3, 13), (2, 128)):
        ids = torch.randint(0, 100, (batch, length), generator=torch.Generator().manual_seed(length))
        mask = torch.ones_like(ids)
        mask[-1, length // 2 + 1:] = 0
        want = exact(ids, mask)
        theirs = (module(ids, mask).double() - want).abs().max()
        assert (program(ids, mask).double() - want).abs().max() <= 2 * theirs + 1e-6


def size(program: et.Program, path) -> int:
    program.save(path)
    return path.stat().st_size


@pytest.mark.parametrize("selection", ["balanced", "matrix"])
@pytest.mark.parametrize("ratio", [0.5, 0.8])
def test_attention_aware_pattern(dense: Encoder, tmp_path, selection: str, ratio: float) -> None:
    module = copy.deepcopy(dense).requires_grad_(True)
    Pruner(module, "attention-aware", ratio=ratio, selection=selection).prune()
    module.requires_grad_(False)
    program = compile_encoder(module)
    kept = [max(1, max(int((a.value.weight.reshape(HEADS, SIZE, -1) != 0).any(2).sum(1)[h]) for h in range(HEADS))) for a, _ in layers(module)]
    kept = [min(SIZE, -(-k // 8) * 8) for k in kept]
    assert len(said(program, "ValuesNarrowed")) == sum(k < SIZE for k in kept)
    if selection == "balanced":
        assert max(kept) <= -(-(1 - ratio) * SIZE // 8) * 8
    check(module, program)
    assert size(program, tmp_path / "pruned.etp") < size(compile_encoder(dense), tmp_path / "dense.etp")


def test_values_take_less_memory(dense: Encoder, tmp_path) -> None:
    module = copy.deepcopy(dense)
    for attention, _ in layers(module):
        zero_rows(attention.value, [i for i in range(HEADS * SIZE) if i % SIZE >= 8])
    program = compile_encoder(module)
    planned = program.emit("planned").decode()
    # Query, key and value are one layer.
    assert f"tensor<{HEADS * (2 * SIZE + 8)}x192xf32" in planned and f"tensor<192x{HEADS * 8}xf32" in planned
    gone = 2 * 2 * HEADS * (SIZE - 8) * 192 * 4
    assert size(compile_encoder(dense), tmp_path / "dense.etp") - size(program, tmp_path / "pruned.etp") > 0.9 * gone
    check(module, program)


def test_a_bias_stays_where_rows_are_masked(dense: Encoder) -> None:
    module = copy.deepcopy(dense)
    for attention, _ in layers(module):
        zero_rows(attention.value, [i for i in range(HEADS * SIZE) if i % SIZE >= 8], bias=False)
    program = compile_encoder(module)
    assert not said(program, "ValuesNarrowed") and "its mask may leave a row nothing to attend to" in said(program, "HeadsStay")[0]
    check(module, program)


@pytest.mark.parametrize("how", ["values", "output"])
def test_heads(dense: Encoder, tmp_path, how: str) -> None:
    module = copy.deepcopy(dense)
    for attention, output in layers(module):
        rows = [i for i in range(HEADS * SIZE) if i // SIZE in (0, 2, 3, 5)]
        if how == "values":
            zero_rows(attention.value, rows)
        else:
            output.weight.data[:, rows] = 0
    program = compile_encoder(module)
    assert len(said(program, "HeadsRemoved")) == 2 and "removed 4 of 6 heads" in said(program, "HeadsRemoved")[0]
    assert f"tensor<{3 * 2 * SIZE}x192xf32" in program.emit("planned").decode()
    check(module, program)
    assert size(program, tmp_path / "pruned.etp") < size(compile_encoder(dense), tmp_path / "dense.etp") - 2 * 4 * 4 * SIZE * 192 * 4 * 0.9


def test_scores(dense: Encoder) -> None:
    module = copy.deepcopy(dense)
    for attention, _ in layers(module):
        zero_rows(attention.query, [i for i in range(HEADS * SIZE) if i % SIZE < 4])
        zero_rows(attention.key, [i for i in range(HEADS * SIZE) if i % SIZE >= 20])
    program = compile_encoder(module)
    assert len(said(program, "ScoresNarrowed")) == 2 and "keep 16 of 32 features" in said(program, "ScoresNarrowed")[0]
    check(module, program)


def test_everything(dense: Encoder) -> None:
    module = copy.deepcopy(dense)
    for attention, _ in layers(module):
        zero_rows(attention.value, slice(None))
    check(module, compile_encoder(module))


def test_dense_model_is_left_alone(dense: Encoder) -> None:
    assert not [remark for remark in compile_encoder(dense).remarks if "et-propagate-pruning" in remark]


class Grouped(torch.nn.Module):
    """Attention in which two queries share a key and a value."""

    def __init__(self, causal: bool) -> None:
        super().__init__()
        torch.manual_seed(4)
        self.causal = causal
        self.q, self.k, self.v = (torch.nn.Linear(64, n) for n in (8 * 16, 4 * 16, 4 * 16))
        self.o = torch.nn.Linear(8 * 16, 64)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, length, _ = x.shape
        q, k, v = (layer(x).view(batch, length, -1, 16).transpose(1, 2) for layer in (self.q, self.k, self.v))
        z = F.scaled_dot_product_attention(q, k, v, is_causal=self.causal, enable_gqa=True)
        return self.o(z.transpose(1, 2).reshape(batch, length, -1))


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("how", ["constants", "groups"])
def test_grouped_heads(causal: bool, how: str) -> None:
    module = Grouped(causal).eval().requires_grad_(False)
    gone = [i for i in range(64) if i % 16 >= 8] if how == "constants" else list(range(16, 48))
    # No row is empty, so that biases are folded.
    zero_rows(module.v, gone, bias=False)
    program = et.compile(module, (torch.zeros(2, 8, 64),), dynamic_shapes=({0: "batch", 1: "length"},), threads=2)
    assert said(program, "ValuesNarrowed" if how == "constants" else "HeadsRemoved")
    exact = copy.deepcopy(module).double()
    for length in (1, 7, 100):
        x = torch.randn(3, length, 64, generator=torch.Generator().manual_seed(length))
        want = exact(x.double())
        theirs = (module(x).double() - want).abs().max()
        assert (program(x).double() - want).abs().max() <= 4 * theirs + 1e-6


@pytest.mark.parametrize("family", ["distilbert", "t5", "albert", "vit", "whisper", "modernbert"])
def test_other_families(family: str) -> None:
    """A head goes where it can: not where a mask tells heads apart, nor where one layer makes query, key and value."""
    kind = FAMILIES[family]
    module = kind.build("sdpa").requires_grad_(False)
    for name, layer in module.named_modules():
        if isinstance(layer, torch.nn.Linear) and (last := name.split(".")[-1]) in ("v_lin", "v", "value", "v_proj", "Wqkv"):
            rows = slice(64, 72) if last == "Wqkv" else slice(0, 8)
            layer.weight.data[rows] = 0
            if layer.bias is not None:
                layer.bias.data[rows] = 0
    imported = et.export_mlir(module, (), inputs(kind.takes), dynamic(kind.takes))
    compiled = et.compile(imported)
    stays = {"t5": "its mask differs from head to head", "modernbert": "its value is not the result of a linear layer"}.get(family)
    removed = [remark for remark in compiled.remarks if "removed 1 of 4 heads" in remark]
    assert len(removed) == (0 if stays else 2)
    assert not stays or any(stays in remark for remark in compiled.remarks)
    for ours, theirs in largest_errors(module, compiled, imported, kind.takes):
        assert ours <= 2 * theirs


def test_explained(dense: Encoder, tmp_path) -> None:
    module = copy.deepcopy(dense)
    for attention, _ in layers(module):
        zero_rows(attention.value, [i for i in range(HEADS * SIZE) if i % SIZE >= 8 or i // SIZE in (0, 3)])
    ids = torch.ones(2, 8, dtype=torch.int64)
    found = et.explain(module, ids, ids, output=tmp_path / "page.html")
    joined, output = found.weights[:2]
    # Four heads are left, with 8 values in each.
    assert joined.path == "smaller" and joined.predicted_share == pytest.approx(4 * (2 * SIZE + 8) / (3 * 192))
    assert output.path == "smaller" and output.predicted_share == pytest.approx(4 * 8 / 192)
    assert {"HeadsRemoved", "ValuesNarrowed"} <= {remark.name for remark in joined.remarks} & {remark.name for remark in output.remarks}
    # Compared with a program that leaves nothing out.
    assert joined.dense_us and output.dense_us


@pytest.mark.parametrize("target", ["cuda:sm_80", "cuda:sm_90a"])
def test_for_a_gpu(dense: Encoder, tmp_path, target: str) -> None:
    module = copy.deepcopy(dense).half()
    for attention, _ in layers(module):
        # 11 features of each head are left.
        zero_rows(attention.value, [i for i in range(HEADS * SIZE) if i % SIZE >= 11])
    program = compile_encoder(module, target=target)
    assert "keep 16 of 32 features" in said(program, "ValuesNarrowed")[0]
    planned = program.emit("planned").decode()
    assert f"tensor<{HEADS * (2 * SIZE + 16)}x192xf16" in planned and f"tensor<192x{HEADS * 16}xf16" in planned
    # Tensor cores, as for the dense model.
    assert not [remark for remark in program.remarks if "without tensor cores" in remark]
    assert size(program, tmp_path / "pruned.etp") < size(compile_encoder(dense_half(dense), target=target), tmp_path / "dense.etp")


def dense_half(dense: Encoder) -> Encoder:
    return copy.deepcopy(dense).half()
