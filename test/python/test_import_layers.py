#===- test_import_layers.py - Linear layers, norms, gelu, convolutions -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Layers become one operation however they are spelt, and near misses stay what they are."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from importing import check, verify

torch.manual_seed(0)
K, N = 12, 20
X = torch.randn(2, 5, K)
W, BIAS = torch.nn.Parameter(torch.randn(N, K)), torch.nn.Parameter(torch.randn(N))
WT = torch.nn.Parameter(torch.randn(K, N))
BATCHED = {"x": {0: "batch", 1: "rows"}}


class Spelling(torch.nn.Module):
    """A function of an input and parameters."""

    def __init__(self, function, **parameters: torch.Tensor) -> None:
        super().__init__()
        self.function = function
        for name, value in parameters.items():
            setattr(self, name, torch.nn.Parameter(value.detach().clone()))

    def forward(self, x: torch.Tensor):
        return self.function(self, x)


LINEARS = {
    "linear": lambda s, x: F.linear(x, s.w, s.b),
    "linear without bias": lambda s, x: F.linear(x, s.w),
    "matmul with a transpose": lambda s, x: x @ s.w.t() + s.b,
    "bias first": lambda s, x: s.b + x @ s.w.T,
    "matmul": lambda s, x: x @ s.wt,
    "matmul and add": lambda s, x: torch.matmul(x, s.wt) + s.b,
    "addmm": lambda s, x: torch.addmm(s.b, x.view(-1, K), s.wt).view(2, 5, N),
    "mm": lambda s, x: torch.mm(x.view(-1, K), s.wt).view(2, 5, N) + s.b,
    "einsum": lambda s, x: torch.einsum("bsk,nk->bsn", x, s.w) + s.b,
    "einsum, transposed": lambda s, x: torch.einsum("kn,bsk->bsn", s.wt, x),
    "weight from the left": lambda s, x: (s.w @ x.mT).mT + s.b,
    "weight permuted": lambda s, x: x @ s.w.permute(1, 0),
    "scaled weight": lambda s, x: F.linear(x, s.w * 2.0, s.b),
    "masked weight": lambda s, x: F.linear(x, s.w * (s.w > 0), s.b),
    "input permuted back": lambda s, x: F.linear(x.transpose(0, 1).contiguous().transpose(0, 1), s.w, s.b),
}


@pytest.mark.parametrize("name", LINEARS)
def test_linear(name: str, tool) -> None:
    module = Spelling(LINEARS[name], w=W, b=BIAS, wt=WT)
    imported = check(module, X, expect={"et.linear": 1, "linalg.generic": 0}, tolerance=5e-6)
    verify(imported.text, tool)


def test_conv1d_of_transformers() -> None:
    from transformers.pytorch_utils import Conv1D

    check(Conv1D(N, K).eval(), X, expect={"et.linear": 1, "linalg.generic": 0}, dynamic=BATCHED, tolerance=5e-6)


def test_linear_over_two_dimensions() -> None:
    check(Spelling(lambda s, x: torch.einsum("bhd,nhd->bn", x, s.w.view(N, 3, 4)), w=W), torch.randn(2, 3, 4),
          expect={"et.linear": 1, "linalg.generic": 0}, tolerance=5e-6)


def test_linear_to_two_dimensions() -> None:
    check(Spelling(lambda s, x: torch.einsum("bk,hdk->bhd", x, s.w.view(4, 5, K)), w=W), torch.randn(2, K), tolerance=5e-6)


def test_products_of_activations_are_not_linear() -> None:
    check(lambda a, b: a @ b.mT, X, torch.randn(2, 7, K), expect={"et.linear": 0, "linalg.generic": 1}, tolerance=5e-6)


def test_bias_over_rows_is_not_a_bias() -> None:
    module = Spelling(lambda s, x: x @ s.wt + s.r, wt=WT, r=torch.randn(5, N))
    imported = check(module, X, expect={"et.linear": 1, "linalg.generic": 1}, tolerance=5e-6)
    assert "bias(" not in imported.text


def test_result_that_others_read_is_computed_once() -> None:
    def function(s, x):
        y = F.linear(x, s.w, s.b)
        return y * 2, y + 1

    check(Spelling(function, w=W, b=BIAS), X, expect={"et.linear": 1}, tolerance=5e-6)


# -- norms ------------------------------------------------------------------------------------------------------------


def rms(x: torch.Tensor, eps: float = 1e-6) -> torch.Tensor:
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps)


RMS = {
    "t5": lambda s, x: s.g * rms(x),
    "llama": lambda s, x: s.g * rms(x.float()).to(x.dtype),
    "without gamma": lambda s, x: rms(x),
    "divided": lambda s, x: x / torch.sqrt((x * x).mean(-1, keepdim=True) + 1e-6) * s.g,
    "gemma": lambda s, x: rms(x) * (1.0 + s.g),
    "fused": lambda s, x: F.rms_norm(x, (K,), s.g, 1e-6),
}


@pytest.mark.parametrize("name", RMS)
def test_rms_norm(name: str, tool) -> None:
    imported = check(Spelling(RMS[name], g=torch.randn(K)), X, dynamic=BATCHED, tolerance=5e-6,
                     expect={"et.rms_norm": 1, "linalg.generic": 0})
    verify(imported.text, tool)


def centred(x: torch.Tensor, square, eps: float = 1e-5) -> torch.Tensor:
    """A layer norm as ONNX has it below opset 17: what is centred is read twice."""
    d = x - x.mean(-1, keepdim=True)
    return d / torch.sqrt(square(d).mean(-1, keepdim=True) + eps)


LAYER = {
    "fused": lambda s, x: F.layer_norm(x, (K,), s.g, s.b),
    "no affine": lambda s, x: F.layer_norm(x, (K,)),
    "var": lambda s, x: (x - x.mean(-1, keepdim=True)) * torch.rsqrt(x.var(-1, keepdim=True, unbiased=False) + 1e-5) * s.g + s.b,
    "centred": lambda s, x: centred(x, lambda d: torch.pow(d, 2)) * s.g + s.b,
    "centred, squared": lambda s, x: s.b + s.g * centred(x, lambda d: d * d),
    "centred, no affine": lambda s, x: centred(x, torch.square),
    "divided": lambda s, x: (x - x.mean(-1, keepdim=True)) / (x.var(-1, keepdim=True, correction=0) + 1e-5).sqrt() * s.g + s.b,
}


@pytest.mark.parametrize("name", LAYER)
def test_layer_norm(name: str) -> None:
    check(Spelling(LAYER[name], g=torch.randn(K), b=torch.randn(K)), X, dynamic=BATCHED, tolerance=5e-6,
          expect={"et.layer_norm": 1, "linalg.generic": 0})


def test_layer_norm_over_two_dimensions() -> None:
    check(Spelling(lambda s, x: F.layer_norm(x, (5, K), s.g, s.b), g=torch.randn(5, K), b=torch.randn(5, K)), X,
          expect={"et.layer_norm": 1}, tolerance=5e-6)


@pytest.mark.parametrize("function", [
    lambda s, x: x * torch.rsqrt(x.pow(2).mean(1, keepdim=True) + 1e-6) * s.g,  # another axis for gamma
    lambda s, x: s.g * x * torch.rsqrt(x.pow(2).sum(-1, keepdim=True) + 1e-6),  # no mean
    lambda s, x: s.g * x * torch.rsqrt((x + 1).pow(2).mean(-1, keepdim=True) + 1e-6),  # another square
    lambda s, x: s.g * x * torch.rsqrt(x.abs().mean(-1, keepdim=True) + 1e-6),  # no square
])
def test_no_fuse_rms_norm(function) -> None:
    check(Spelling(function, g=torch.randn(K)), X, expect={"et.rms_norm": 0}, tolerance=5e-6)


@pytest.mark.parametrize("function", [
    lambda s, x: (x - x.mean(1, keepdim=True)) / torch.sqrt((x - x.mean(1, keepdim=True)).pow(2).mean(-1, keepdim=True) + 1e-5),  # two axes
    lambda s, x: centred(x, lambda d: d.abs()),  # no variance
    lambda s, x: (x - x.sum(-1, keepdim=True)) / torch.sqrt((x - x.mean(-1, keepdim=True)).pow(2).mean(-1, keepdim=True) + 1e-5),  # no mean
    lambda s, x: (x - x.mean(-1, keepdim=True)) / (torch.sqrt((x - x.mean(-1, keepdim=True)).pow(2).mean(-1, keepdim=True)) + 1e-5),  # eps behind
    lambda s, x: (x - x.abs().mean(-1, keepdim=True)) / torch.sqrt((x - x.mean(-1, keepdim=True)).pow(2).mean(-1, keepdim=True) + 1e-5),
])
def test_no_fuse_centred(function) -> None:
    check(Spelling(function), X, expect={"et.layer_norm": 0}, tolerance=5e-6)


def test_what_is_centred_may_be_read_by_others() -> None:
    """The norm is one operation all the same, and what is centred is computed for who else reads it."""
    def function(s, x):
        y = F.linear(x, s.w)
        d = y - y.mean(-1, keepdim=True)
        return d / torch.sqrt((d * d).mean(-1, keepdim=True) + 1e-5) * s.g + s.b, d.exp(), d

    check(Spelling(function, w=torch.randn(K, K), g=torch.randn(K), b=torch.randn(K)), X, dynamic=BATCHED, tolerance=5e-6,
          expect={"et.layer_norm": 1, "et.linear": 1})


def test_no_fuse_layer_norm_with_unbiased_variance() -> None:
    check(Spelling(lambda s, x: (x - x.mean(-1, keepdim=True)) * torch.rsqrt(x.var(-1, keepdim=True) + 1e-5) * s.g, g=torch.randn(K)),
          X, expect={"et.layer_norm": 0, "et.rms_norm": 0}, tolerance=5e-6)


def test_residual_is_absorbed() -> None:
    imported = check(lambda x, y: F.layer_norm(x + y, (K,)), X, torch.randn_like(X), expect={"linalg.generic": 0})
    assert "residual(" in imported.text and ":2 =" not in imported.text


def test_residual_sum_that_is_read_later() -> None:
    def function(x, y):
        s = x + y
        return F.layer_norm(s, (K,)), s * 2

    imported = check(function, X, torch.randn_like(X))
    assert "residual(" in imported.text and ":2 = et.layer_norm" in imported.text


def test_residual_of_a_hand_written_norm() -> None:
    def function(s, x):
        y = x + F.linear(x, s.w)
        return s.g * rms(y) + y

    imported = check(Spelling(function, w=torch.randn(K, K), g=torch.randn(K)), X, tolerance=5e-6, expect={"et.rms_norm": 1})
    assert "residual(" in imported.text


def test_sum_read_before_the_norm_is_not_absorbed() -> None:
    def function(x, y):
        s = x + y
        return F.gelu(s), F.layer_norm(s, (K,))

    imported = check(function, X, torch.randn_like(X), tolerance=5e-6)
    assert "residual(" not in imported.text


def test_broadcast_sum_is_not_a_residual() -> None:
    imported = check(lambda x, y: F.layer_norm(x + y, (K,)), X, torch.randn(5, K))
    assert "residual(" not in imported.text


# -- gelu -------------------------------------------------------------------------------------------------------------

GELUS = {
    "fused": ("erf", lambda x: F.gelu(x)),
    "fused tanh": ("tanh", lambda x: F.gelu(x, approximate="tanh")),
    "erf": ("erf", lambda x: x * 0.5 * (1.0 + torch.erf(x / math.sqrt(2.0)))),
    "erf, multiplied": ("erf", lambda x: 0.5 * (x * (torch.erf(x * 0.7071067811865476) + 1))),
    "tanh": ("tanh", lambda x: 0.5 * x * (1.0 + torch.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * torch.pow(x, 3.0))))),
    "tanh, factored": ("tanh", lambda x: x * 0.5 * (1.0 + torch.tanh(x * 0.7978845608 * (1.0 + 0.044715 * x * x)))),
    "quick": ("sigmoid", lambda x: x * torch.sigmoid(1.702 * x)),
    "half inside": ("erf", lambda x: x * (0.5 + 0.5 * torch.erf(x / math.sqrt(2.0)))),
}


@pytest.mark.parametrize("name", GELUS)
def test_gelu(name: str, tool) -> None:
    kind, function = GELUS[name]
    imported = check(function, X, expect={"et.gelu": 1, "linalg.generic": 0})
    assert f"#et.gelu<{kind}>" in imported.text
    verify(imported.text, tool)


@pytest.mark.parametrize("function", [
    lambda x: x * 0.5 * (1.0 + torch.erf(x)),
    lambda x: x * torch.sigmoid(x),
    lambda x: x * torch.sigmoid(1.7 * x),
    lambda x: 0.5 * x * (1.0 + torch.tanh(0.79 * (x + 0.044715 * x ** 3))),
    lambda x: x * 0.5 * (1.1 + torch.erf(x / math.sqrt(2.0))),
])
def test_no_fuse_gelu(function) -> None:
    check(function, X, expect={"et.gelu": 0})


@pytest.mark.parametrize("name", ["tanh", "erf"])
def test_gated_gelu_is_found_inside_a_product(name: str) -> None:
    function = GELUS[name][1]
    check(lambda x, y: function(x) * y, X, torch.randn_like(X), expect={"et.gelu": 1})


# -- convolutions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [dict(stride=4), dict(stride=2, padding=1), dict(padding=2), dict(padding="same"),
                                     dict(dilation=2), dict(stride=3)])
def test_conv2d_is_linear(options: dict, tool) -> None:
    module = torch.nn.Conv2d(3, 6, 4 if options.get("stride") == 4 else 3, **options)
    imported = check(module.eval(), torch.randn(2, 3, 16, 16), dynamic={"input": {0: "batch"}}, expect={"et.linear": 1},
                     others=[[torch.randn(1, 3, 16, 16)]], tolerance=5e-6)
    verify(imported.text, tool)


@pytest.mark.parametrize("options", [dict(padding=1), dict(stride=2, padding=1), dict(kernel_size=4, stride=4), dict(kernel_size=1)])
def test_conv1d_is_linear(options: dict) -> None:
    module = torch.nn.Conv1d(5, 6, **{"kernel_size": 3, **options})
    check(module.eval(), torch.randn(2, 5, 16), dynamic={"input": {0: "batch"}}, expect={"et.linear": 1}, tolerance=5e-6)


@pytest.mark.parametrize("name", ["<b>", 'say "so"', "back\\slash", "a, b|c", "é"])
def test_parameters_of_any_name_keep_their_values(name: str, tool) -> None:
    module = torch.nn.Sequential()
    module.add_module(name, torch.nn.Linear(4, 6))
    imported = check(module.eval(), torch.randn(2, 4), expect={"et.linear": 1})
    assert set(imported.weights) == {f"{name}.weight", f"{name}.bias"}
    verify(imported.text, tool)
