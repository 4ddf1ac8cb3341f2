#===- test_rows_columns.py - Weights without whole rows or columns -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Layers pruned by rows or columns in plain PyTorch whose neighbours cannot shrink: found, right, smaller, and less work."""

from __future__ import annotations

import copy
import re

import pytest
import torch
import torch.nn.functional as F

import et
from et.explain.program_file import read_program
from et.program import compile_text


class Block(torch.nn.Module):
    """Reads and writes the residual stream, as the layers of an encoder do: neither side of it can shrink."""

    def __init__(self, size: int, hidden: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.up, self.down, self.norm = torch.nn.Linear(size, hidden), torch.nn.Linear(hidden, size), torch.nn.LayerNorm(size)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(x + self.down(F.gelu(self.up(x))))


def prune(layer: torch.nn.Linear, dim: int, kept: int) -> None:
    """Zeroes all but `kept` rows (`dim` 0) or columns (`dim` 1), at random."""
    size = layer.weight.shape[dim]
    gone = torch.randperm(size, generator=torch.Generator().manual_seed(kept))[: size - kept]
    layer.weight.data.index_fill_(dim, gone, 0)


def build(size: int, hidden: int, columns: int | None, rows: int | None, dtype: torch.dtype = torch.float32) -> Block:
    module = Block(size, hidden).eval().requires_grad_(False)
    if columns is not None:
        prune(module.up, 1, columns)
    if rows is not None:
        prune(module.down, 0, rows)
    return module.to(dtype)


def compiled(module: Block, **options: object):
    weight = module.up.weight
    example = torch.zeros(2, 3, weight.shape[1], dtype=weight.dtype)
    return et.compile(module, (example,), dynamic_shapes=({0: "batch", 1: "sequence"},), **options)


def said(program, name: str) -> str:
    return "\n".join(remark for remark in program.remarks if name in remark)


def check(module: Block, program, tolerance: float = 4) -> None:
    exact = copy.deepcopy(module).double()
    size, dtype = module.up.weight.shape[1], module.up.weight.dtype
    for batch, length in ((1, 1), (1, 16), (3, 13), (2, 128)):
        x = torch.randn(batch, length, size, generator=torch.Generator().manual_seed(length)).to(dtype)
        want = exact(x.double())
        theirs = (module(x).double() - want).abs().max()
        assert (program(x).double() - want).abs().max() <= tolerance * theirs + 1e-6


# Primes, all zero, one left, and nearly all.
@pytest.mark.parametrize("size, hidden, columns, rows", [
    (256, 1000, 96, 64), (211, 997, 97, 53), (256, 1000, 1, 1), (256, 1000, 0, 0), (96, 640, None, 24)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_numbers(tmp_path, size: int, hidden: int, columns: int | None, rows: int, dtype: torch.dtype) -> None:
    module = build(size, hidden, columns, rows, dtype)
    program = compiled(module, threads=2)
    check(module, program)
    # Next to nothing fits in tiles of 16 outputs.
    assert bool(said(program, "WeightCondensed")) == (rows > 1) and said(program, "WeightEncoded")
    # The same numbers through a file.
    program.save(tmp_path / "program.etp")
    loaded = et.load(tmp_path / "program.etp", threads=1)
    x = torch.randn(3, 5, size).to(dtype)
    torch.testing.assert_close(loaded(x)[0], program(x))


#: A layer whose weight has an encoding from the start, which is taken whether it pays or not.
GIVEN = """
func.func @main(%x: tensor<?x?x{k}x{t}>) -> tensor<?x?x{n}x{t}> {{
  %c = arith.constant dense_resource<w> : tensor<{n}x{k}x{t}>
  %b = arith.constant dense_resource<b> : tensor<{n}xf32>
  %w = tensor.cast %c : tensor<{n}x{k}x{t}> to tensor<{n}x{k}x{t}, {encoding}>
  %y = et.linear %x, %w bias(%b : tensor<{n}xf32>) : (tensor<?x?x{k}x{t}>, tensor<{n}x{k}x{t}, {encoding}>) -> tensor<?x?x{n}x{t}>
  return %y : tensor<?x?x{n}x{t}>
}}
"""


@pytest.mark.parametrize("n, k", [(97, 211), (64, 128), (17, 19), (16, 16), (1, 33), (33, 1)])
@pytest.mark.parametrize("encoding", ["rows", "columns"])
@pytest.mark.parametrize("kept", [0, 1, 0.5, 1.0])
@pytest.mark.parametrize("dtype, text", [(torch.float32, "f32"), (torch.float16, "f16"), (torch.bfloat16, "bf16")])
def test_given_encodings(n: int, k: int, encoding: str, kept: float, dtype: torch.dtype, text: str) -> None:
    generator = torch.Generator().manual_seed(n * k)
    layer = torch.nn.Linear(k, n).requires_grad_(False)
    dim = 0 if encoding == "rows" else 1
    total = layer.weight.shape[dim]
    prune(layer, dim, int(kept * total) if isinstance(kept, float) else min(kept, total))
    weight = layer.weight.data.to(dtype)
    source = GIVEN.format(n=n, k=k, t=text, encoding=f"#et.{encoding}")
    program = compile_text(source, {"w": weight, "b": layer.bias.data}, threads=2)
    for shape in ((1, 1), (2, 7), (3, 40)):
        x = torch.randn(*shape, k, generator=generator).to(dtype)
        want = x.double() @ weight.double().T + layer.bias.double()
        (result,) = program(x)
        # A rounding of the result and, of sums in f32, less than 1e-5.
        assert ((result.double() - want).abs() <= want.abs() * torch.finfo(dtype).eps + 2e-5).all()


def test_found_and_less_work(tmp_path) -> None:
    dense, pruned = build(256, 1024, None, None), build(256, 1024, 64, 64)
    before, after = compiled(dense), compiled(pruned)
    assert not said(before, "WeightEncoded") and not said(before, "WeightStaysDense")
    assert re.search(r"keeps 64 of 256 rows \(25.0 %\)", said(after, "WeightEncoded"))
    # A column is what is left of tiles of 64 x 1, which the CPU reads without a gather.
    assert re.search(r"keeps 1024 of 4096 tiles of 64x1 \(25.0 %\)", said(after, "WeightEncoded"))
    sizes = []
    for program in (before, after):
        program.save(tmp_path / "program.etp")
        sizes.append((tmp_path / "program.etp").stat().st_size)
    # Both weights have 1 MiB, of which a quarter is left.
    assert sizes[0] - sizes[1] > 1_400_000


def layers(program) -> list[tuple[int, int]]:
    """Outputs and inputs of the linear layers that a program for a GPU runs."""
    found = re.findall(r"linear of (\d+) outputs and (\d+) inputs", said(program, "Schedule"))
    return sorted({(int(outputs), int(inputs)) for outputs, inputs in found})


@pytest.mark.parametrize("target", ["cuda:sm_80", "cuda:sm_90a"])
@pytest.mark.parametrize("fold_norms", [False, True])
def test_gpu_plans_less_work(tmp_path, target: str, fold_norms: bool) -> None:
    dense, pruned = (build(1024, 4096, *kept, torch.float16) for kept in ((None, None), (200, 200)))
    before, after = compiled(dense, target=target, fold_norms=fold_norms), compiled(pruned, target=target, fold_norms=fold_norms)
    assert layers(before) == [(1024, 4096), (4096, 1024)]
    assert layers(after) == [(256, 4096), (4096, 256)]
    assert "keeps 200 of 1024 columns" in said(after, "WeightEncoded") and "keeps 200 of 1024 rows" in said(after, "WeightEncoded")
    before.save(tmp_path / "dense.etp")
    after.save(tmp_path / "pruned.etp")
    stored = [sum(weight.size for weight in read_program(tmp_path / f"{name}.etp").weights) for name in ("dense", "pruned")]
    assert stored[1] < 0.3 * stored[0]


def test_gpu_takes_f32(tmp_path) -> None:
    program = compiled(build(1024, 4096, 200, 200), target="cuda:sm_90a")
    assert layers(program) == [(256, 4096), (4096, 256)]


@pytest.mark.parametrize("rows, pays", [(None, True), (4096, True), (128, False), (1, False)])
def test_few_rows_stay_dense(rows: int | None, pays: bool) -> None:
    program = compiled(build(768, 3072, 256, 256, torch.float16), target="cuda:sm_90a", expected_rows=rows)
    assert bool(said(program, "WeightEncoded")) == pays
    if not pays:
        assert "of its 768 columns left and the rest gathered in front of it, the layer would take" in said(program, "WeightStaysDense")


@pytest.mark.parametrize("rows, pays", [(None, True), (513, True), (512, False), (128, False)])
def test_squares_need_many_rows(rows: int | None, pays: bool) -> None:
    """The kernel of squares was made for many rows: with few a small weight is faster dense, whatever of it is zero."""
    module = torch.nn.Linear(1536, 1536).half().eval().requires_grad_(False)
    kept = torch.rand(96, 96, generator=torch.Generator().manual_seed(0)) >= 0.9
    module.weight.data *= kept.repeat_interleave(16, 0).repeat_interleave(16, 1)
    program = et.compile(module, (torch.zeros(2, 1536, dtype=torch.float16),), dynamic_shapes=({0: "rows"},), target="cuda:sm_90a",
                         expected_rows=rows)
    assert bool(said(program, "tiles of 16x16 (")) == pays
    assert bool(said(program, "WeightStaysDense")) != pays


def test_static_sizes_are_known() -> None:
    module = build(768, 3072, 256, 256, torch.float16)
    few, many = (et.compile(module, (torch.zeros(1, rows, 768, dtype=torch.float16),), target="cuda:sm_90a") for rows in (32, 4096))
    assert not said(few, "WeightEncoded") and said(many, "WeightEncoded")


@pytest.mark.parametrize("rows", [0, -1, 1 << 31])
def test_other_rows_are_refused(rows: int) -> None:
    with pytest.raises(ValueError, match="expected expected_rows to be None or a number of rows from 1 to"):
        compiled(build(64, 64, None, None), target="cuda:sm_90a", expected_rows=rows)


def test_few_zeros_stay_dense() -> None:
    program = compiled(build(256, 1024, 250, 250))
    assert not said(program, "WeightEncoded") and not said(program, "WeightStaysDense")


def test_explain_says_what_is_left(tmp_path) -> None:
    module = build(256, 1024, None, 64)
    found = et.explain(module, torch.randn(2, 3, 256), dynamic_shapes={"x": {0: "batch", 1: "sequence"}}, threads=1, rounds=1,
                       output=tmp_path / "page.html")
    up, down = (next(w for w in found.weights if w.parameters == (f"{name}.weight",)) for name in ("up", "down"))
    assert up.path == "dense" and down.path == "smaller"
    assert down.shape == (256, 1024) and (down.layout.outputs, down.layout.inputs) == (64, 1024)
    assert down.predicted_share < 0.5 and (down.picture.kept, down.picture.total) == (64, 256)
    assert {remark.name for remark in down.remarks} == {"WeightEncoded", "WeightCondensed"}
    assert "keeps 64 of 256 rows" in (tmp_path / "page.html").read_text()
