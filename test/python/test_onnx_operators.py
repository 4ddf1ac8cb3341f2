#===- test_onnx_operators.py - Each operator of ONNX that is imported -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Every rule against the reference implementation of the onnx package, or against PyTorch for what it does not know."""

from __future__ import annotations

import pathlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

import et
from et.importer.reference import run
from et.onnx.registry import MICROSOFT, operators, table
from importing import operations
from onnx_models import model, save, tensor

RANDOM = np.random.default_rng(5)


def floats(*shape: int) -> np.ndarray:
    return RANDOM.standard_normal(shape).astype(np.float32)


#: Inputs of the models; the first dimensions of x, y and i vary.
INPUTS = {
    "x": (np.float32, ["b", "s", 8]), "y": (np.float32, ["b", "s", 8]), "positive": (np.float32, ["b", "s", 8]),
    "i": (np.int64, ["b", "s"]), "j": (np.int64, ["b", "s"]), "p": (bool, ["b", "s"]), "q": (bool, ["b", "s"]),
    "image": (np.float32, ["b", 3, 8, 8]), "square": (np.float32, [6, 6]), "heads": (np.float32, ["b", 4, "s", 8]),
}
WEIGHTS = {
    "w": floats(8, 6), "w_t": floats(6, 8), "bias": floats(6), "gamma": floats(8), "beta": floats(8), "table": floats(10, 8),
    "kernel": floats(5, 3, 2, 2), "kernel_grouped": floats(6, 1, 2, 2), "kernel_bias": floats(5), "mean": floats(3), "variance": np.abs(floats(3)) + 0.5, "scale3": floats(3),
    "shift3": floats(3), "one": np.float32(1.5), "low": np.float32(-0.5), "three": np.int64(3), "axis_1": np.array([1]), "axis_0": np.array([0]),
    "axis_last": np.array([-1]), "zero": np.int64(0), "unit": np.int64(1), "positions": np.array([2, 0, -1]), "two": np.array([2, 2, 4]),
    "ends": np.array([7]), "starts": np.array([1]), "steps": np.array([2]), "pads": np.array([0, 1, 0, 0, 0, 2]), "repeats": np.array([1, 2, 1]),
    "flat": np.array([0, -1]), "split": np.array([5, 3]), "pairs": np.array([[0, 1], [1, 0]]), "from_the_end": np.array([[-1, 0, -6, 5, 2, -2]]), "elements": np.arange(18).reshape(6, 3) % 6,
    "values": np.array([0.0, 2.0], np.float32), "sizes": np.array([2, 3]), "cosines": floats(50, 4), "sines": floats(50, 4),
    "cast_like": np.array([1], np.int32), "grown": np.array([1, 1, 8]), "order": np.array([1, -1, 8]), "ones": np.ones((1, 2), np.float32),
    "tall": np.array([0, 0, 2, 4]), "k_1": np.int64(1), "n10": np.int64(10), "minus": np.array([-1]), "far": np.array([-(1 << 40)]),
}


@dataclass
class Case:
    """One node; `opset` is the first whose models hold it, and `last` the last."""

    operator: str
    inputs: list[str]
    attributes: dict[str, Any] = field(default_factory=dict)
    outputs: int = 1
    opset: int = 13
    last: int = 23


def case(operator: str, *inputs: str, outputs: int = 1, opset: int = 13, last: int = 23, **attributes: Any) -> Case:
    return Case(operator, list(inputs), attributes, outputs, opset, last)


CASES = [
    *(case(name, "x") for name in ("Abs", "Neg", "Exp", "Erf", "Sin", "Cos", "Tanh", "Sigmoid", "Relu", "Softplus", "Softsign", "Floor", "Ceil",
                                   "Round", "Sign", "IsNaN", "IsInf", "Identity", "Elu", "HardSigmoid", "LeakyRelu", "Dropout")),
    case("HardSwish", "x", opset=14), case("Mish", "x", opset=18), case("LeakyRelu", "x", alpha=0.3), case("Elu", "x", alpha=0.5),
    *(case(name, "positive") for name in ("Sqrt", "Reciprocal", "Log")),
    case("Gelu", "x", opset=20), case("Gelu", "x", opset=20, approximate="tanh"), case("Clip", "x", "low", "one"), case("Clip", "x", "", "one"),
    case("Clip", "x"), case("Cast", "x", to=TensorProto.INT64), case("Cast", "i", to=TensorProto.BOOL), case("CastLike", "x", "cast_like", opset=15),
    *(case(name, "x", "y") for name in ("Add", "Sub", "Mul", "Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Max", "Min", "Sum", "Mean")),
    *(case(name, "x", "one") for name in ("Add", "Sub", "Mul", "Div", "Less", "Max")), *(case(name, "one", "x") for name in ("Sub", "Div", "Greater", "Pow")),
    case("Div", "x", "positive"), case("Div", "i", "j"), case("Div", "i", "three"), case("Mod", "i", "three"), case("Equal", "i", "three"),
    case("Pow", "positive", "y"), case("Pow", "x", "three"), case("Add", "x", "gamma"), case("PRelu", "x", "gamma", opset=16),
    *(case(name, "p", "q") for name in ("And", "Or", "Xor", "Equal")), case("Not", "p"),
    *(case(name, "i", "j", opset=18) for name in ("BitwiseAnd", "BitwiseOr", "BitwiseXor")), case("BitwiseNot", "i", opset=18),
    case("Where", "p", "i", "j"), case("Where", "p", "i", "three"), case("Where", "p", "unit", "three"),
    case("Shape", "x"), case("Shape", "x", opset=15, start=-1), case("Size", "x"), case("Transpose", "x"), case("Transpose", "x", perm=[1, 2, 0]),
    case("Reshape", "x", "flat"), case("Reshape", "x", "tall"), case("Flatten", "x", axis=2), case("Flatten", "x", axis=-1),
    case("Unsqueeze", "x", "axis_1"), case("Unsqueeze", "x", "axis_last"), case("Expand", "gamma", "grown"),
    case("Tile", "x", "repeats"), case("Concat", "x", "y", axis=1), case("Concat", "x", "y", axis=-1), case("Split", "x", "split", axis=2, outputs=2),
    case("Split", "x", axis=-1, outputs=4, last=17), case("Split", "x", axis=-1, outputs=3, num_outputs=3, opset=18),
    case("Slice", "x", "starts", "ends", "axis_last", "steps"), case("Slice", "square", "minus", "far", "axis_0", "minus"),
    case("Pad", "x", "pads"), case("Pad", "x", "pads", "one"), case("Gather", "table", "i"), case("Gather", "x", "positions", axis=2),
    case("Gather", "x", "three", axis=-1), case("Gather", "x", "i_small", axis=2), case("GatherElements", "square", "elements", axis=1),
    case("GatherElements", "square", "from_the_end", axis=0),
    case("GatherND", "square", "pairs"), case("Trilu", "square"), case("Trilu", "square", "k_1", upper=0, opset=14), case("CumSum", "x", "unit"),
    case("EyeLike", "square"), case("EyeLike", "square", dtype=TensorProto.INT64), case("OneHot", "i", "n10", "values"),
    case("Range", "zero", "three", "unit"), case("ConstantOfShape", "sizes"), case("ConstantOfShape", "two", value=tensor("", np.array([7]))),
    case("Constant", value=tensor("", np.arange(3.0))), case("Constant", value_int=4), case("Constant", value_floats=[1.5, 2.5]),
    case("ReduceSum", "x", "axis_1"), case("ReduceSum", "x", keepdims=0), case("ReduceSum", "i", "axis_1", keepdims=0),
    case("ReduceSum", "x", noop_with_empty_axes=1),
    *(case(name, "x", axes=[-1], last=17) for name in ("ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceSumSquare",
                                                       "ReduceLogSumExp")),
    *(case(name, "x", "axis_last", opset=18) for name in ("ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2",
                                                          "ReduceSumSquare", "ReduceLogSumExp")),
    case("ReduceLogSum", "positive", "axis_last", opset=18), case("ReduceMean", "x", keepdims=0),
    case("Softmax", "x"), case("Softmax", "x", axis=1), case("LogSoftmax", "x"), case("ArgMax", "x", axis=-1), case("ArgMax", "x", axis=1, keepdims=0),
    case("ArgMin", "x", axis=2), case("GlobalAveragePool", "image"), case("AveragePool", "image", kernel_shape=[2, 2], strides=[2, 2]),
    case("MatMul", "x", "w"), case("MatMul", "square", "square"), case("Gemm", "square", "bias_square", "bias"), case("Gemm", "rows", "w_t", "bias", transB=1),
    case("Gemm", "rows", "w", "bias", alpha=0.5, beta=2.0), case("Gemm", "square", "square", transA=1), case("Einsum", "x", "w", equation="bsh,ho->bso"),
    case("Conv", "image", "kernel"), case("Conv", "image", "kernel", "kernel_bias", strides=[2, 2]), case("Conv", "image", "kernel", pads=[1, 0, 0, 1]),
    case("Conv", "image", "kernel_grouped", group=3),
    case("Conv", "image", "kernel", auto_pad="VALID", dilations=[2, 1], kernel_shape=[2, 2]),
    case("LayerNormalization", "x", "gamma", "beta", opset=17), case("LayerNormalization", "x", "gamma", opset=17, epsilon=1e-3),
    case("RMSNormalization", "x", "gamma", opset=23), case("BatchNormalization", "image", "scale3", "shift3", "mean", "variance", opset=15),
    case("Attention", "heads", "heads", "heads", opset=23), case("Attention", "heads", "heads", "heads", opset=23, is_causal=1, scale=0.2),
    case("Attention", "x", "y", "x", opset=23, q_num_heads=2, kv_num_heads=2), case("Attention", "x", "y", "x", "", opset=23, q_num_heads=4, kv_num_heads=4),
    case("RotaryEmbedding", "heads", "cosines", "sines", "i", opset=23),
    case("RotaryEmbedding", "heads", "cosines", "sines", "i", opset=23, interleaved=1),
]
#: What case inputs are made of that are not inputs of the models themselves.
MADE = [
    helper.make_node("Mod", ["i", "three"], ["i_small"]), helper.make_node("Reshape", ["x", "rows_shape"], ["rows"]),
    helper.make_node("MatMul", ["square", "square"], ["bias_square"]),
]
EXTRA = {"rows_shape": np.array([-1, 8])}


def values(batch: int, length: int) -> dict[str, np.ndarray]:
    """Inputs, which the reference implementation and the import both get."""
    sizes = {"b": batch, "s": length}
    result: dict[str, np.ndarray] = {}
    for name, (dtype, shape) in INPUTS.items():
        made = [sizes.get(str(s), s) for s in shape]
        if dtype is np.float32:
            result[name] = floats(*made)
        else:
            result[name] = RANDOM.integers(0, 2, made).astype(bool) if dtype is bool else RANDOM.integers(1, 10, made)
    result["positive"] = np.abs(result["positive"]) + 0.1
    result["j"][0, 0] = -3
    return result


def grouped(opset: int) -> tuple[onnx.ModelProto, list[tuple[Case, str]]]:
    """One model with all cases of an opset: reading and tracing one is much quicker than one for each."""
    cases = [c for c in CASES if c.opset <= opset <= c.last]
    nodes, named = list(MADE), []
    for number, c in enumerate(cases):
        outputs = [f"{c.operator}_{number}_{k}" for k in range(c.outputs)]
        nodes.append(helper.make_node(c.operator, c.inputs, outputs, name=f"{c.operator} {number}", **c.attributes))
        named += [(c, name) for name in outputs]
    return model(nodes, INPUTS, [name for _, name in named], {**WEIGHTS, **EXTRA}, opset=opset), named


def same(got: torch.Tensor, wanted: np.ndarray, what: str) -> None:
    expected = torch.from_numpy(np.array(wanted))
    assert got.shape == expected.shape, what
    if expected.is_floating_point():
        torch.testing.assert_close(got, expected.to(got.dtype), rtol=2e-5, atol=2e-5, msg=lambda text: f"{what}: {text}")
    else:
        assert torch.equal(got, expected.to(got.dtype)), f"{what}: expected {expected}, but got {got}"


@pytest.mark.parametrize("opset", [13, 17, 18, 20, 21, 23])
def test_operators(opset: int, tmp_path: pathlib.Path) -> None:
    proto, named = grouped(opset)
    imported = et.export_mlir(save(proto, tmp_path))
    reference = ReferenceEvaluator(proto)
    for batch, length in ((3, 5), (1, 2)):
        fed = values(batch, length)
        wanted = reference.run(None, fed)
        got = imported.unflatten(run(imported, [torch.from_numpy(fed[s.name]) for s in imported.inputs], wide=False))
        for (c, name), expected in zip(named, wanted):
            value = got[name]
            same(torch.as_tensor(value), np.asarray(expected), f"{c} at opset {opset}")


def test_squeeze_and_known_shapes(tmp_path: pathlib.Path) -> None:
    """The arithmetic on shapes that exporters write: it becomes sizes, and nothing is computed."""
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"]), helper.make_node("Gather", ["shape", "zero"], ["b"]),
        helper.make_node("Slice", ["shape", "starts", "two_"], ["s_"]), helper.make_node("Squeeze", ["s_"], ["s"]),
        helper.make_node("Unsqueeze", ["b", "axis_0"], ["b_"]), helper.make_node("Mul", ["s", "four"], ["s4"]),
        helper.make_node("Div", ["s4", "two"], ["s2"]), helper.make_node("Sub", ["s2", "s"], ["same_s"]),
        helper.make_node("Unsqueeze", ["same_s", "axis_0"], ["same_s_"]), helper.make_node("Concat", ["b_", "same_s_", "heads", "minus"], ["target"], axis=0),
        helper.make_node("Shape", ["target"], ["rank"]), helper.make_node("ConstantOfShape", ["rank"], ["all_ones"], value=tensor("", np.array([1]))),
        helper.make_node("Mul", ["all_ones", "minus"], ["all_minus"]), helper.make_node("Equal", ["target", "all_minus"], ["free"]),
        helper.make_node("Where", ["free", "all_ones", "target"], ["chosen"]), helper.make_node("Expand", ["small", "chosen"], ["grown"]),
        helper.make_node("Reshape", ["x", "target"], ["parts"]), helper.make_node("ReduceProd", ["shape"], ["count"], keepdims=0),
        helper.make_node("Cast", ["count"], ["count32"], to=TensorProto.INT32), helper.make_node("Min", ["b", "s"], ["least"]),
        helper.make_node("Less", ["zero", "three"], ["yes"]), helper.make_node("Not", ["yes"], ["no"]),
        helper.make_node("Range", ["zero", "s", "one"], ["count_up"]), helper.make_node("Add", ["parts", "grown"], ["y"]),
    ]
    weights = {"zero": np.int64(0), "one": np.int64(1), "three": np.int64(3), "starts": np.array([1]), "two_": np.array([2]), "axis_0": np.array([0]),
               "four": np.int64(4), "two": np.int64(2), "heads": np.array([2]), "minus": np.array([-1]), "small": floats(1, 1, 2, 1)}
    proto = model(nodes, {"x": (np.float32, ["b", "s", 8])}, ["y", "count32", "no", "count_up", "least"], weights)
    imported = et.export_mlir(save(proto, tmp_path))
    x = floats(3, 4, 8)
    got = imported.unflatten(run(imported, [torch.from_numpy(x)], wide=False))
    for name, expected in zip(got, ReferenceEvaluator(proto).run(None, {"x": x})):
        same(torch.as_tensor(got[name]), np.asarray(expected), name)
    # One for the sum; the others fill in sizes where a tensor was asked for.
    assert operations(imported.text)["linalg.generic"] <= 5


def contrib(op: str, inputs: dict[str, tuple[Any, list[Any]]], weights: dict[str, np.ndarray], order: list[str], outputs: int = 1,
            **attributes: Any) -> onnx.ModelProto:
    names = [f"out_{k}" for k in range(outputs)]
    node = helper.make_node(op, order, names, domain=MICROSOFT, **attributes)
    return model([node], inputs, [n for n in names if n], weights, opset=17, domains={MICROSOFT: 1})


X = torch.from_numpy(floats(2, 5, 8))
SKIP = torch.from_numpy(floats(2, 5, 8))
W3 = floats(8, 24)
B3 = floats(24)
G, B = floats(8), floats(8)
IDS = torch.tensor([[1, 2, 3, 4, 5], [5, 4, 3, 0, 0]], dtype=torch.int32)
MASK = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]], dtype=torch.int32)
TABLE, PLACES, KINDS = floats(10, 8), floats(12, 8), floats(2, 8)
HIDDEN = (np.float32, ["b", "s", 8])
LN = torch.nn.functional.layer_norm


def heads(t: torch.Tensor, n: int) -> torch.Tensor:
    return t.reshape(*t.shape[:2], n, -1).transpose(1, 2)


def attended(x: torch.Tensor, added: torch.Tensor | None, causal: bool = False) -> torch.Tensor:
    """What ONNX Runtime documents for its Attention: no operator of PyTorch for it."""
    q, k, v = (heads(t, 2) for t in (x @ torch.from_numpy(W3) + torch.from_numpy(B3)).split(8, -1))
    scores = q @ k.transpose(-1, -2) / 2.0
    scores = scores if added is None else scores + added
    scores = scores.masked_fill(torch.ones(5, 5).triu(1).bool(), -torch.inf) if causal else scores
    return (scores.softmax(-1) @ v).transpose(1, 2).reshape(x.shape)


def rms(x: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.rms_norm(x, (8,), torch.from_numpy(G), 1e-6)


BIAS4 = (1 - MASK.float())[:, None, None, :] * -10000.0
LENGTHS = torch.tensor([5, 3], dtype=torch.int32)
t = torch.from_numpy
CONTRIB = {
    "Attention": ({"x": HIDDEN}, {"w": W3, "b": B3}, ["x", "w", "b"], dict(num_heads=2), [X], [attended(X, None)]),
    "Attention, mask": ({"x": HIDDEN, "m": (np.int32, ["b", "s"])}, {"w": W3, "b": B3}, ["x", "w", "b", "m"], dict(num_heads=2), [X, MASK],
                        [attended(X, BIAS4)]),
    "Attention, lengths": ({"x": HIDDEN, "m": (np.int32, ["b"])}, {"w": W3, "b": B3}, ["x", "w", "b", "m"], dict(num_heads=2), [X, LENGTHS],
                           [attended(X, BIAS4)]),
    "Attention, causal": ({"x": HIDDEN}, {"w": W3, "b": B3}, ["x", "w", "b"], dict(num_heads=2, unidirectional=1), [X], [attended(X, None, True)]),
    "MultiHeadAttention": ({"q": HIDDEN, "k": HIDDEN, "m": (np.int32, ["b", "s"])}, {"b": np.zeros(24, np.float32)}, ["q", "k", "q", "b", "m"],
                           dict(num_heads=2), [X, SKIP, MASK],
                           [((heads(X, 2) @ heads(SKIP, 2).mT / 2.0 + BIAS4).softmax(-1) @ heads(X, 2)).transpose(1, 2).reshape(2, 5, 8)]),
    "SkipLayerNormalization": ({"x": HIDDEN, "s": HIDDEN}, {"g": G, "b": B}, ["x", "s", "g", "b"], dict(epsilon=1e-5), [X, SKIP],
                               [LN(X + SKIP, (8,), t(G), t(B), 1e-5)]),
    "SkipSimplifiedLayerNormalization": ({"x": HIDDEN, "s": HIDDEN}, {"g": G, "b": B}, ["x", "s", "g", "b"], dict(epsilon=1e-6), [X, SKIP],
                                         [rms(X + SKIP + t(B))]),
    "EmbedLayerNormalization": ({"i": (np.int32, ["b", "s"]), "m": (np.int32, ["b", "s"])}, {"t": TABLE, "p": PLACES, "k": KINDS, "g": G, "b": B},
                                ["i", "", "t", "p", "", "g", "b", "m"], dict(epsilon=1e-5), [IDS, MASK],
                                [LN(t(TABLE)[IDS.long()] + t(PLACES)[:5], (8,), t(G), t(B), 1e-5), LENGTHS]),
    "EmbedLayerNormalization, segments": ({"i": (np.int32, ["b", "s"]), "m": (np.int32, ["b", "s"])},
                                          {"t": TABLE, "p": PLACES, "k": KINDS, "g": G, "b": B}, ["i", "m", "t", "p", "k", "g", "b"],
                                          dict(epsilon=1e-5), [IDS, MASK],
                                          [LN(t(TABLE)[IDS.long()] + t(PLACES)[:5] + t(KINDS)[MASK.long()], (8,), t(G), t(B), 1e-5),
                                           torch.zeros(2, dtype=torch.int32)]),
    "BiasGelu": ({"x": HIDDEN}, {"b": B}, ["x", "b"], {}, [X], [torch.nn.functional.gelu(X + t(B))]),
    "FastGelu": ({"x": HIDDEN}, {"b": B}, ["x", "b"], {}, [X], [torch.nn.functional.gelu(X + t(B), approximate="tanh")]),
    "Gelu": ({"x": HIDDEN}, {}, ["x"], {}, [X], [torch.nn.functional.gelu(X)]),
    "QuickGelu": ({"x": HIDDEN}, {}, ["x"], dict(alpha=1.5), [X], [X * torch.sigmoid(1.5 * X)]),
    "FusedMatMul": ({"x": HIDDEN, "s": HIDDEN}, {}, ["x", "s"], dict(transB=1, alpha=0.5), [X, SKIP], [X @ SKIP.mT * 0.5]),
    "FusedGemm": ({"x": (np.float32, ["b", 8])}, {"w": W3, "b": B3}, ["x", "w", "b"], dict(activation="Tanh", alpha=0.5), [X[:, 0]],
                  [torch.tanh(X[:, 0] @ t(W3) * 0.5 + t(B3))]),
    "FusedGemm, plain": ({"x": (np.float32, ["b", 8])}, {"w": W3.T.copy()}, ["x", "w"], dict(transB=1), [X[:, 0]], [X[:, 0] @ t(W3)]),
    "FusedMatMul, weight": ({"x": HIDDEN}, {"w": W3}, ["x", "w"], dict(alpha=2.0), [X], [X @ t(W3) * 2.0]),
}


@pytest.mark.parametrize("name", CONTRIB)
def test_operators_of_onnx_runtime(name: str, tmp_path: pathlib.Path) -> None:
    inputs, weights, order, attributes, fed, expected = CONTRIB[name]
    used = {n: w for n, w in weights.items() if n in order}
    proto = contrib(name.split(",")[0], inputs, used, order, len(expected), **attributes)
    imported = et.export_mlir(save(proto, tmp_path))
    got = run(imported, fed, wide=False)
    for g, e in zip(got, expected, strict=True):
        same(g, e.numpy(), name)
    if "Attention" in name:
        assert operations(imported.text)["et.attention"] == 1
    if "LayerNormalization" in name and "Simplified" not in name:
        assert operations(imported.text)["et.layer_norm"] == 1


def test_output_3_of_skip_layer_norm_is_the_sum(tmp_path: pathlib.Path) -> None:
    node = helper.make_node("SkipLayerNormalization", ["x", "s", "g"], ["y", "", "", "sum"], domain=MICROSOFT)
    proto = model([node], {"x": HIDDEN, "s": HIDDEN}, ["y", "sum"], {"g": G}, domains={MICROSOFT: 1})
    imported = et.export_mlir(save(proto, tmp_path))
    same(run(imported, [X, SKIP], wide=False)[1], (X + SKIP).numpy(), "sum")


def test_every_operator_has_a_case() -> None:
    tested = {("", c.operator) for c in CASES} | {(MICROSOFT, name.split(",")[0]) for name in CONTRIB}
    tested |= {("", "Squeeze"), ("", "If"), ("", "SimplifiedLayerNormalization")}  # in tests of their own, or a name of another
    assert {(o.domain, o.name) for o in operators()} == tested


def test_the_table_of_the_documentation() -> None:
    page = (pathlib.Path(__file__).parents[2] / "docs" / "Onnx.md").read_text()
    assert table() in page, "write what 'python -m et onnx --operators' prints into docs/Onnx.md"
