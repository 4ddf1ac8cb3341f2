#===- test_onnx_patterns.py - Norms, GELU and attention written out in ONNX -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Below opset 17 there is no LayerNormalization, and below 20 no Gelu: exporters write them out, each in its way. All of these are
found, and what only looks like them is not, with the reason."""

from __future__ import annotations

import math
import pathlib
from typing import Any, Sequence

import numpy as np
import onnx
import pytest
import torch
from onnx import helper
from onnx.reference import ReferenceEvaluator

import et
from et.importer.reference import run
from importing import operations
from onnx_models import model, save

RANDOM = np.random.default_rng(7)
WIDTH = 8


def floats(*shape: int) -> np.ndarray:
    return RANDOM.standard_normal(shape).astype(np.float32)


GAMMA, BETA = floats(WIDTH), floats(WIDTH)


class Graph:
    """Writes nodes one behind the other; each call returns the name of what it computes."""

    def __init__(self, opset: int = 13, dtype: type = np.float32) -> None:
        self.opset, self.dtype = opset, dtype
        self.nodes: list[onnx.NodeProto] = []
        self.weights: dict[str, Any] = {}
        self.scores = self.probabilities = ""

    def number(self, value: Any) -> str:
        name = f"constant_{len(self.weights)}"
        self.weights[name] = np.asarray(value, value.dtype if isinstance(value, np.ndarray) and value.dtype == np.int64 else self.dtype)
        return name

    def __getattr__(self, operator: str) -> Any:
        def node(*inputs: Any, **attributes: Any) -> str:
            names = [i if isinstance(i, str) else self.number(i) for i in inputs]
            output = f"{operator}_{len(self.nodes)}"
            self.nodes.append(helper.make_node(operator, names, [output], name=output, **attributes))
            return output

        return node

    def mean(self, x: str, axis: int = -1) -> str:
        if self.opset < 18:
            return self.ReduceMean(x, axes=[axis])
        return self.ReduceMean(x, np.array([axis]))


def imported(graph: Graph, outputs: str | Sequence[str], folder: pathlib.Path, shape: Sequence[Any] = ("b", "s", WIDTH)) -> et.ImportedModule:
    outputs = [outputs] if isinstance(outputs, str) else list(outputs)
    proto = model(graph.nodes, {"x": (graph.dtype, shape)}, outputs, graph.weights, opset=graph.opset)
    return et.export_mlir(save(proto, folder))


def relative(got: torch.Tensor, expected: torch.Tensor) -> float:
    return ((got.double() - expected).abs().max() / expected.abs().max()).item()


def in_numpy(proto: onnx.ModelProto, x: torch.Tensor) -> list[torch.Tensor]:
    return [torch.from_numpy(np.asarray(v)).double() for v in ReferenceEvaluator(proto).run(None, {"x": x.numpy()})]


X = torch.from_numpy(floats(3, 5, WIDTH)) * 2 + 0.5


def reference_layer_norm(x: torch.Tensor, gamma: Any = GAMMA, beta: Any = BETA, eps: float = 1e-5) -> torch.Tensor:
    x = x.double()
    centred = x - x.mean(-1, keepdim=True)
    return centred / (centred.square().mean(-1, keepdim=True) + eps).sqrt() * torch.as_tensor(gamma).double() + torch.as_tensor(beta).double()


# -- layer norm -------------------------------------------------------------------------------------------------------


def variance(g: Graph, centred: str) -> str:
    return g.mean(g.Pow(centred, 2.0))


def plain(g: Graph, x: str) -> str:
    """As PyTorch's older exporter writes it."""
    centred = g.Sub(x, g.mean(x))
    return g.Add(g.Mul(g.Div(centred, g.Sqrt(g.Add(variance(g, centred), 1e-5))), GAMMA), BETA)


def squared(g: Graph, x: str) -> str:
    centred = g.Sub(x, g.mean(x))
    return g.Add(g.Mul(g.Div(centred, g.Sqrt(g.Add(1e-5, g.mean(g.Mul(centred, centred))))), GAMMA), BETA)


def two_subtractions(g: Graph, x: str) -> str:
    """As Keras and PyTorch 1.x write it."""
    mean = g.mean(x)
    return g.Add(BETA, g.Mul(GAMMA, g.Div(g.Sub(x, mean), g.Sqrt(g.Add(variance(g, g.Sub(x, mean)), 1e-5)))))


def reciprocal(g: Graph, x: str) -> str:
    centred = g.Sub(x, g.mean(x))
    factor = g.Mul(g.Reciprocal(g.Sqrt(g.Add(variance(g, centred), 1e-5))), GAMMA)
    return g.Add(g.Mul(centred, factor), BETA)


def one_over_root(g: Graph, x: str) -> str:
    centred = g.Sub(x, g.mean(x))
    return g.Add(g.Mul(g.Mul(centred, g.Div(1.0, g.Sqrt(g.Add(variance(g, centred), 1e-5)))), GAMMA), BETA)


def power_of_a_half(g: Graph, x: str) -> str:
    centred = g.Sub(x, g.mean(x))
    return g.Add(g.Mul(g.Div(centred, g.Pow(g.Add(variance(g, centred), 1e-5), 0.5)), GAMMA), BETA)


LAYER = [plain, squared, two_subtractions, reciprocal, one_over_root, power_of_a_half]


@pytest.mark.parametrize("opset", [13, 16, 18])
@pytest.mark.parametrize("form", LAYER)
def test_layer_norm(form: Any, opset: int, tmp_path: pathlib.Path) -> None:
    g = Graph(opset)
    module = imported(g, form(g, "x"), tmp_path)
    found = operations(module.text)
    assert found["et.layer_norm"] == 1 and found["linalg.generic"] == 0 and not module.report.missed
    assert relative(run(module, [X], wide=False)[0], reference_layer_norm(X)) < 2e-6


def test_layer_norm_of_half_floats(tmp_path: pathlib.Path) -> None:
    """Sums are in float32, whatever the file says: the result is never worse than half precision can hold."""
    g = Graph(16, np.float16)
    module = imported(g, plain(g, "x"), tmp_path)
    assert operations(module.text)["et.layer_norm"] == 1
    half = X.half()
    got = run(module, [half], wide=False)[0]
    assert relative(got, reference_layer_norm(half, GAMMA.astype(np.float16), BETA.astype(np.float16))) < 2.0**-10


def test_layer_norm_of_a_sum_takes_it_as_its_residual(tmp_path: pathlib.Path) -> None:
    g = Graph()
    weight = g.number(floats(WIDTH, WIDTH))
    module = imported(g, plain(g, g.Add(g.MatMul("x", weight), "x")), tmp_path)
    found = operations(module.text)
    assert found["et.layer_norm"] == 1 and found["et.linear"] == 1 and found["linalg.generic"] == 0
    assert "residual(" in module.text


def test_two_layer_norms_in_a_row(tmp_path: pathlib.Path) -> None:
    g = Graph()
    module = imported(g, plain(g, squared(g, "x")), tmp_path)
    assert operations(module.text)["et.layer_norm"] == 2 and operations(module.text)["linalg.generic"] == 0
    assert relative(run(module, [X], wide=False)[0], reference_layer_norm(reference_layer_norm(X))) < 4e-6


def test_centred_value_that_is_an_output_too(tmp_path: pathlib.Path) -> None:
    """A second reader of the inner value gets it, and the norm stays whole."""
    g = Graph()
    centred = g.Sub("x", g.mean("x"))
    y = g.Div(centred, g.Sqrt(g.Add(variance(g, centred), 1e-5)))
    module = imported(g, [y, centred], tmp_path)
    assert operations(module.text)["et.layer_norm"] == 1
    got = run(module, [X], wide=False)
    assert relative(got[0], reference_layer_norm(X, np.ones(WIDTH), np.zeros(WIDTH))) < 2e-6
    assert relative(got[1], X.double() - X.double().mean(-1, keepdim=True)) < 1e-6


def other_axis(g: Graph, x: str) -> str:
    centred = g.Sub(x, g.mean(x, 1))
    return g.Add(g.Mul(g.Div(centred, g.Sqrt(g.Add(g.mean(g.Pow(centred, 2.0), 1), 1e-5))), GAMMA), BETA)


def epsilon_outside(g: Graph, x: str) -> str:
    centred = g.Sub(x, g.mean(x))
    return g.Add(g.Mul(g.Div(centred, g.Add(g.Sqrt(variance(g, centred)), 1e-5)), GAMMA), BETA)


def other_variance(g: Graph, x: str) -> str:
    return g.Mul(g.Div(g.Sub(x, g.mean(x)), g.Sqrt(g.Add(variance(g, x), 1e-5))), GAMMA)


def other_mean(g: Graph, x: str) -> str:
    centred = g.Sub(x, g.mean(g.Mul(x, x)))
    return g.Mul(g.Div(x, g.Sqrt(g.Add(variance(g, centred), 1e-5))), GAMMA)


def scale_of_rows(g: Graph, x: str) -> str:
    centred = g.Sub(x, g.mean(x))
    return g.Mul(g.Div(centred, g.Sqrt(g.Add(variance(g, centred), 1e-5))), floats(5, WIDTH))


def doubled(g: Graph, x: str) -> str:
    centred = g.Sub(x, g.mean(x))
    return g.Mul(g.Div(centred, g.Sqrt(g.Add(variance(g, centred), 1e-5))), 2.0)


def no_root(g: Graph, x: str) -> str:
    centred = g.Sub(x, g.mean(x))
    return g.Mul(g.Div(centred, g.Add(variance(g, centred), 1e-5)), GAMMA)


def cubed(g: Graph, x: str) -> str:
    centred = g.Sub(x, g.mean(x))
    return g.Mul(g.Div(centred, g.Sqrt(g.Add(g.mean(g.Pow(centred, 4.0)), 1e-5))), GAMMA)


@pytest.mark.parametrize("form", [scale_of_rows, doubled])
def test_factors_that_are_no_scale_stand_behind_the_norm(form: Any, tmp_path: pathlib.Path) -> None:
    g = Graph()
    module = imported(g, form(g, "x"), tmp_path, ("b", 5, WIDTH))
    found = operations(module.text)
    assert found["et.layer_norm"] == 1 and found["linalg.generic"] == 1 and not module.report.missed
    assert relative(run(module, [X], wide=False)[0], in_numpy(onnx.load(tmp_path / "model.onnx"), X)[0]) < 5e-6


@pytest.mark.parametrize("form, reason", [
    (other_axis, "it runs over another dimension than the last one in memory"), (epsilon_outside, "epsilon is added to the root of the variance"),
    (other_variance, "the variance is not that of what it divides"), (other_mean, "the variance is not that of what it divides"),
    (no_root, None), (cubed, None),
])
def test_no_layer_norm(form: Any, reason: str | None, tmp_path: pathlib.Path) -> None:
    """What looks like a norm keeps its meaning, and the report says why it is none."""
    g = Graph()
    output = form(g, "x")
    module = imported(g, output, tmp_path, ("b", 5, WIDTH))
    found = operations(module.text)
    assert found["et.layer_norm"] == 0 and found["et.rms_norm"] == 0
    if reason is not None:
        assert any(reason in str(m) for m in module.report.missed), module.report.missed
    proto = onnx.load(tmp_path / "model.onnx")
    assert relative(run(module, [X], wide=False)[0], in_numpy(proto, X)[0]) < 5e-6


def test_no_layer_norm_when_the_variance_is_read(tmp_path: pathlib.Path) -> None:
    g = Graph()
    centred = g.Sub("x", g.mean("x"))
    spread = variance(g, centred)
    module = imported(g, [g.Mul(g.Div(centred, g.Sqrt(g.Add(spread, 1e-5))), GAMMA), spread], tmp_path)
    assert operations(module.text)["et.layer_norm"] == 0
    assert any("its variance is read by more than one operator" in str(m) for m in module.report.missed)
    assert relative(run(module, [X], wide=False)[0], reference_layer_norm(X, beta=np.zeros(WIDTH))) < 2e-6


# -- root mean square norm --------------------------------------------------------------------------------------------


def rms_divided(g: Graph, x: str) -> str:
    return g.Mul(GAMMA, g.Div(x, g.Sqrt(g.Add(g.mean(g.Pow(x, 2.0)), 1e-6))))


def rms_multiplied(g: Graph, x: str) -> str:
    """As T5 is exported."""
    return g.Mul(GAMMA, g.Mul(x, g.Div(1.0, g.Sqrt(g.Add(g.mean(g.Pow(x, 2.0)), 1e-6)))))


def rms_reciprocal(g: Graph, x: str) -> str:
    return g.Mul(g.Mul(x, g.Reciprocal(g.Sqrt(g.Add(g.mean(g.Mul(x, x)), 1e-6)))), GAMMA)


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize("form", [rms_divided, rms_multiplied, rms_reciprocal])
def test_rms_norm(form: Any, dtype: type, tmp_path: pathlib.Path) -> None:
    g = Graph(13, dtype)
    module = imported(g, form(g, "x"), tmp_path)
    assert operations(module.text)["et.rms_norm"] == 1 and operations(module.text)["linalg.generic"] == 0
    x = X.to(torch.from_numpy(np.zeros(1, dtype)).dtype)
    gamma = torch.from_numpy(GAMMA.astype(dtype)).double()
    expected = x.double() / (x.double().square().mean(-1, keepdim=True) + 1e-6).sqrt() * gamma
    assert relative(run(module, [x], wide=False)[0], expected) < (2e-6 if dtype == np.float32 else 2.0**-10)


def rms_of_sums(g: Graph, x: str) -> str:
    return g.Mul(GAMMA, g.Div(x, g.Sqrt(g.Add(g.ReduceSum(g.Pow(x, 2.0), np.array([-1])), 1e-6))))


def rms_epsilon_outside(g: Graph, x: str) -> str:
    return g.Mul(GAMMA, g.Div(x, g.Add(g.Sqrt(g.mean(g.Pow(x, 2.0))), 1e-6)))


def rms_over_rows(g: Graph, x: str) -> str:
    return g.Mul(GAMMA, g.Div(x, g.Sqrt(g.Add(g.mean(g.Pow(x, 2.0), 1), 1e-6))))


@pytest.mark.parametrize("form", [rms_of_sums, rms_epsilon_outside, rms_over_rows])
def test_no_rms_norm(form: Any, tmp_path: pathlib.Path) -> None:
    g = Graph()
    module = imported(g, form(g, "x"), tmp_path, ("b", 5, WIDTH))
    assert operations(module.text)["et.rms_norm"] == 0
    assert relative(run(module, [X], wide=False)[0], in_numpy(onnx.load(tmp_path / "model.onnx"), X)[0]) < 5e-6


# -- GELU -------------------------------------------------------------------------------------------------------------

ROOT = math.sqrt(2.0)
TANH = math.sqrt(2.0 / math.pi)


def erf_divided(g: Graph, x: str) -> str:
    return g.Mul(g.Mul(x, g.Add(g.Erf(g.Div(x, ROOT)), 1.0)), 0.5)


def erf_multiplied(g: Graph, x: str) -> str:
    return g.Mul(g.Mul(0.5, x), g.Add(1.0, g.Erf(g.Mul(x, 1.0 / ROOT))))


def erf_half_inside(g: Graph, x: str) -> str:
    return g.Mul(x, g.Mul(g.Add(g.Erf(g.Div(x, ROOT)), 1.0), 0.5))


def tanh_power(g: Graph, x: str) -> str:
    inner = g.Mul(g.Add(x, g.Mul(g.Pow(x, 3.0), 0.044715)), TANH)
    return g.Mul(g.Mul(x, 0.5), g.Add(g.Tanh(inner), 1.0))


def tanh_factored(g: Graph, x: str) -> str:
    inner = g.Mul(g.Mul(x, TANH), g.Add(g.Mul(g.Mul(x, x), 0.044715), 1.0))
    return g.Mul(0.5, g.Mul(x, g.Add(1.0, g.Tanh(inner))))


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize("form", [erf_divided, erf_multiplied, erf_half_inside, tanh_power, tanh_factored])
def test_gelu(form: Any, dtype: type, tmp_path: pathlib.Path) -> None:
    """In half precision the constants are rounded, and are the same ones all the same."""
    g = Graph(13, dtype)
    module = imported(g, form(g, "x"), tmp_path)
    assert operations(module.text)["et.gelu"] == 1 and operations(module.text)["linalg.generic"] == 0
    x = X.to(torch.from_numpy(np.zeros(1, dtype)).dtype)
    expected = torch.nn.functional.gelu(x.double(), approximate="tanh" if "tanh" in form.__name__ else "none")
    assert relative(run(module, [x], wide=False)[0], expected) < (1e-6 if dtype == np.float32 else 2.0**-11)


def erf_of_another_root(g: Graph, x: str) -> str:
    return g.Mul(g.Mul(x, g.Add(g.Erf(g.Div(x, 1.5)), 1.0)), 0.5)


def erf_without_half(g: Graph, x: str) -> str:
    return g.Mul(x, g.Add(g.Erf(g.Div(x, ROOT)), 1.0))


def erf_of_something_else(g: Graph, x: str) -> str:
    return g.Mul(g.Mul(g.Abs(x), g.Add(g.Erf(g.Div(x, ROOT)), 1.0)), 0.5)


def tanh_of_a_square(g: Graph, x: str) -> str:
    inner = g.Mul(g.Add(x, g.Mul(g.Pow(x, 2.0), 0.044715)), TANH)
    return g.Mul(g.Mul(x, 0.5), g.Add(g.Tanh(inner), 1.0))


def tanh_of_other_numbers(g: Graph, x: str) -> str:
    inner = g.Mul(g.Add(x, g.Mul(g.Pow(x, 3.0), 0.05)), TANH)
    return g.Mul(g.Mul(x, 0.5), g.Add(g.Tanh(inner), 1.0))


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize("form", [erf_of_another_root, erf_without_half, erf_of_something_else, tanh_of_a_square, tanh_of_other_numbers])
def test_no_gelu(form: Any, dtype: type, tmp_path: pathlib.Path) -> None:
    g = Graph(13, dtype)
    assert operations(imported(g, form(g, "x"), tmp_path).text)["et.gelu"] == 0


# -- attention --------------------------------------------------------------------------------------------------------

HEADS = 2


def split(g: Graph, x: str) -> str:
    return g.Transpose(g.Reshape(x, np.array([0, 0, HEADS, WIDTH // HEADS])), perm=[0, 2, 1, 3])


def attention(g: Graph, where: str = "scores", how: str = "Div", mask: str = "", axis: int = -1) -> str:
    """Self attention whose scale stands at the query, the key, both, or the scores, as a factor or as a divisor."""
    query, key, value = (split(g, g.MatMul("x", PROJECTIONS[i])) for i in range(3))
    key = g.Transpose(key, perm=[0, 1, 3, 2])
    root = math.sqrt(WIDTH // HEADS)
    scaled = lambda v, by: g.Div(v, by) if how == "Div" else g.Mul(v, 1.0 / by)
    if where == "both":
        query, key = scaled(query, math.sqrt(root)), scaled(key, math.sqrt(root))
    query = scaled(query, root) if where == "query" else query
    key = scaled(key, root) if where == "key" else key
    scores = g.MatMul(query, key)
    scores = scaled(scores, root) if where == "scores" else scores
    if mask:
        keep = KEEP[:, None, None, :]
        if mask == "Add":
            scores = g.Add(scores, np.where(keep, 0.0, -10000.0))
        elif mask == "Where":
            g.weights["keep"] = keep
            scores = g.Where("keep", scores, np.finfo(np.float32).min)
        else:
            g.weights["gone"] = ~keep
            scores = g.Where("gone", -np.inf, scores)
    g.scores = scores
    g.probabilities = g.Softmax(scores, axis=axis)
    context = g.Transpose(g.MatMul(g.probabilities, value), perm=[0, 2, 1, 3])
    return g.Reshape(context, np.array([0, 0, WIDTH]))


PROJECTIONS = [floats(WIDTH, WIDTH) / 3 for _ in range(3)]
KEEP = np.array([[True] * 5, [True] * 3 + [False] * 2, [False, True, True, True, False]])


@pytest.mark.parametrize("mask", ["", "Add", "Where", "Where, swapped"])
@pytest.mark.parametrize("how", ["Div", "Mul"])
@pytest.mark.parametrize("where", ["query", "key", "both", "scores"])
def test_attention(where: str, how: str, mask: str, tmp_path: pathlib.Path) -> None:
    g = Graph()
    module = imported(g, attention(g, where, how, mask), tmp_path, (3, 5, WIDTH) if mask else ("b", "s", WIDTH))
    found = operations(module.text)
    assert found["et.attention"] == 1 and found["linalg.softmax"] == 0 and not module.report.missed
    query, key, value = ((X.double() @ torch.from_numpy(w).double()).reshape(3, 5, HEADS, -1).transpose(1, 2) for w in PROJECTIONS)
    keep = torch.from_numpy(KEEP)[:, None, None, :] if mask else None
    expected = torch.nn.functional.scaled_dot_product_attention(query, key, value, keep).transpose(1, 2).reshape(3, 5, WIDTH)
    assert relative(run(module, [X], wide=False)[0], expected) < 2e-6


@pytest.mark.parametrize("axis", [-2, 1])
def test_no_attention_over_another_axis(axis: int, tmp_path: pathlib.Path) -> None:
    g = Graph()
    module = imported(g, attention(g, axis=axis), tmp_path)
    assert operations(module.text)["et.attention"] == 0 and module.report.missed
    assert relative(run(module, [X], wide=False)[0], in_numpy(onnx.load(tmp_path / "model.onnx"), X)[0]) < 5e-6


@pytest.mark.parametrize("inner, reason", [("scores", "the scores before the softmax are read by more than one operator"),
                                           ("probabilities", "the probabilities are read by 2 operators")])
def test_no_attention_when_inner_values_are_read(inner: str, reason: str, tmp_path: pathlib.Path) -> None:
    g = Graph()
    output = attention(g)
    module = imported(g, [output, getattr(g, inner)], tmp_path)
    assert operations(module.text)["et.attention"] == 0
    assert any(reason in str(m) for m in module.report.missed), module.report.missed
    for got, expected in zip(run(module, [X], wide=False), in_numpy(onnx.load(tmp_path / "model.onnx"), X)):
        assert relative(got, expected) < 5e-6
