#===- test_onnx_errors.py - What is refused of ONNX files, and how -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Each error names the file, the node or the tensor, what was found there, and the way out; all nodes are named at once."""

from __future__ import annotations

import math
import os
import pathlib
import re
import subprocess
import sys
from typing import Any, Callable

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper

import et
from et.importer.reference import run
from et.onnx import UnsupportedNodeError
from et.onnx.registry import MICROSOFT
from onnx_models import model, save, tensor

X = {"x": (np.float32, ["b", "s", 8])}
W = np.random.default_rng(1).standard_normal((8, 4)).astype(np.float32)


def node(operator: str, *inputs: str, out: str = "y", name: str = "here", **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(operator, list(inputs), [out], name=name, **attributes)


def relu(**options: Any) -> onnx.ModelProto:
    return model([node("Relu", "x")], X, ["y"], **options)


def refused(proto: onnx.ModelProto, folder: pathlib.Path, message: str, **options: Any) -> et.OnnxError:
    """The error of an import, which is of the package and matches `message`."""
    with pytest.raises(et.OnnxError, match=message) as caught:
        et.export_mlir(save(proto, folder), **options)
    return caught.value


# ---------------------------------------------------------------------------------------------------------------------
# Files
# ---------------------------------------------------------------------------------------------------------------------


def test_missing_file(tmp_path: pathlib.Path) -> None:
    with pytest.raises(et.OnnxError, match=r"cannot find '.*none\.onnx'; expected the path of an ONNX file"):
        et.compile(tmp_path / "none.onnx")


@pytest.mark.parametrize("contents", [b"", b"\x00\x01 no model", b"PK\x03\x04" * 50])
def test_another_kind_of_file(contents: bytes, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(contents)
    with pytest.raises(et.OnnxError, match="expected an ONNX file"):
        et.export_mlir(path)


def test_truncated_file(tmp_path: pathlib.Path) -> None:
    whole = relu().SerializeToString()
    for length in range(0, len(whole), 7):
        path = tmp_path / "model.onnx"
        path.write_bytes(whole[:length])
        with pytest.raises(et.OnnxError):
            et.export_mlir(path)


@pytest.mark.parametrize("opset, other", [(12, 13), (24, 23)])
def test_opset_out_of_range(opset: int, other: int, tmp_path: pathlib.Path) -> None:
    refused(relu(opset=opset), tmp_path, rf"expected opset 13 to 23, but '.*' has opset {opset}; export it with opset_version={other}")


@pytest.mark.parametrize("kind", [TensorProto.UINT8, TensorProto.STRING, TensorProto.COMPLEX64])
def test_type_of_an_input(kind: int, tmp_path: pathlib.Path) -> None:
    proto = model([node("Identity", "x")], {"x": (kind, [2])}, ["y"])
    refused(proto, tmp_path, f"expected input 'x' to have a type among float, .* but got {TensorProto.DataType.Name(kind).lower()}; convert it")


def test_type_of_a_weight(tmp_path: pathlib.Path) -> None:
    refused(model([node("Identity", "w")], X, ["y"], {"w": np.zeros(3, np.uint8)}), tmp_path, "expected tensor 'w' to have a type among .* but got uint8")


def test_type_of_a_cast(tmp_path: pathlib.Path) -> None:
    refused(model([node("Cast", "x", to=TensorProto.UINT8)], X, ["y"]), tmp_path, "expected what node 'here' with output 'y' makes .* but got uint8")


def test_input_that_is_no_tensor(tmp_path: pathlib.Path) -> None:
    proto = relu()
    proto.graph.input[0].CopyFrom(helper.make_tensor_sequence_value_info("x", TensorProto.FLOAT, [2]))
    refused(proto, tmp_path, "expected input 'x' to be a tensor, but it is sequence; export a model that takes tensors only")


def test_input_without_a_shape(tmp_path: pathlib.Path) -> None:
    refused(model([node("Relu", "x")], {"x": (np.float32, None)}, ["y"]), tmp_path, "expected input 'x' to have a shape")


def test_weight_that_is_too_short(tmp_path: pathlib.Path) -> None:
    proto = model([node("MatMul", "x", "w")], X, ["y"], {"w": W})
    proto.graph.initializer[0].raw_data = b"\0" * 12
    refused(proto, tmp_path, "expected tensor 'w' to hold 32 elements")


def test_weight_that_is_not_finite(tmp_path: pathlib.Path) -> None:
    bad = W.copy()
    bad[1, 1] = math.nan
    path = save(model([node("MatMul", "x", "w")], X, ["y"], {"w": bad}), tmp_path)
    with pytest.raises(et.NonFiniteWeightError, match="'w'"):
        et.export_mlir(path)
    assert "w" in et.export_mlir(path, check_finite=False).weights


def test_sparse_weights(tmp_path: pathlib.Path) -> None:
    """A sparse weight is taken, with positions in either form, and refused where a position is outside."""
    for positions, good in ((np.array([3, 30]), True), (np.array([[0, 3], [7, 2]]), True), (np.array([3, 32]), False), (np.array([-1, 3]), False)):
        proto = model([node("MatMul", "x", "w")], X, ["y"])
        values, indices = tensor("w", np.array([2.0, 3.0], np.float32)), tensor("i", positions)
        proto.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [8, 4]))
        if not good:
            refused(proto, tmp_path, "expected the positions of sparse tensor 'w' below 32")
            continue
        weight = torch.zeros(8, 4)
        weight[0, 3], weight[7, 2] = 2.0, 3.0
        x = torch.randn(2, 3, 8)
        torch.testing.assert_close(run(et.export_mlir(save(proto, tmp_path)), [x], wide=False)[0], x @ weight)


# ---------------------------------------------------------------------------------------------------------------------
# External data
# ---------------------------------------------------------------------------------------------------------------------


def external(folder: pathlib.Path, **entries: str) -> onnx.ModelProto:
    """A model whose weight lies in w.bin, behind 16 other bytes."""
    proto = model([node("MatMul", "x", "w")], X, ["y"], {"w": W})
    weight = proto.graph.initializer[0]
    (folder / "w.bin").write_bytes(b"\1" * 16 + W.tobytes())
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    for key, value in {"location": "w.bin", "offset": "16", "length": "128", **entries}.items():
        if value is not None:
            weight.external_data.add(key=key, value=value)
    return proto


@pytest.mark.parametrize("length", ["128", None])
def test_external_data_at_an_offset(length: str | None, tmp_path: pathlib.Path) -> None:
    imported = et.export_mlir(save(external(tmp_path, length=length), tmp_path))
    assert torch.equal(imported.weights["w"], torch.from_numpy(W).t())


def test_external_data_that_is_missing(tmp_path: pathlib.Path) -> None:
    proto = external(tmp_path)
    (tmp_path / "w.bin").unlink()
    refused(proto, tmp_path, r"cannot find '.*w\.bin' with the data of tensor 'w'; it belongs beside the model: copy both")


@pytest.mark.parametrize("location", ["../w.bin", "/etc/hostname", "inner/../../w.bin", "", "."])
def test_external_data_outside_the_folder(location: str, tmp_path: pathlib.Path) -> None:
    inner = tmp_path / "model"
    inner.mkdir()
    (tmp_path / "w.bin").write_bytes(bytes(200))
    refused(external(inner, location=location), inner, f"expected the data of tensor 'w' in the folder of the model, but its location is '{location}'")


def test_external_data_behind_a_link(tmp_path: pathlib.Path) -> None:
    inner = tmp_path / "model"
    inner.mkdir()
    proto = external(inner, location="link.bin")
    (tmp_path / "secret.bin").write_bytes(bytes(200))
    (inner / "link.bin").symlink_to(tmp_path / "secret.bin")
    refused(proto, inner, "expected the data of tensor 'w' in the folder of the model")


@pytest.mark.parametrize("entries", [{"length": "64"}, {"offset": "-4"}, {"offset": "far"}])
def test_external_data_of_wrong_extent(entries: dict[str, str], tmp_path: pathlib.Path) -> None:
    refused(external(tmp_path, **entries), tmp_path, "expected 128 bytes for tensor 'w', but the model names offset")


def test_external_data_that_is_truncated(tmp_path: pathlib.Path) -> None:
    refused(external(tmp_path, offset="100"), tmp_path, "expected 228 bytes in .* for tensor 'w', but it has 144; the file is truncated")


# ---------------------------------------------------------------------------------------------------------------------
# Nodes
# ---------------------------------------------------------------------------------------------------------------------


def test_all_unknown_operators_are_named_at_once(tmp_path: pathlib.Path) -> None:
    nodes = [helper.make_node("TopK", ["x", "k"], ["a", "b"], name="/encoder/TopK"), node("Relu", "a", out="c"),
             node("NonZero", "c", out="d", name=""), node("Det", "x", out="e", name="/head/Det"), node("Special", "x", out="f", domain="my.own")]
    proto = model(nodes, X, ["d", "e", "f"], {"k": np.array([2])}, domains={"my.own": 3})
    error = refused(proto, tmp_path, r"cannot import 4 nodes of .*model\.onnx")
    assert isinstance(error, UnsupportedNodeError) and isinstance(error, et.UnsupportedOperatorError)
    assert [(o.operator, o.node, o.output) for o in error.operators] == [
        ("TopK", "/encoder/TopK", "a"), ("NonZero", "", "d"), ("Det", "/head/Det", "e"), ("Special", "here", "f")]
    text = str(error)
    for part in ("TopK (ai.onnx, opset 18): no import rule", "node '/encoder/TopK' with output 'a'", "a node without a name with output 'd'",
                 "Special (my.own, opset 3)", "docs/Onnx.md", "et.onnx.registry.operator"):
        assert part in text


def test_many_nodes_of_one_operator(tmp_path: pathlib.Path) -> None:
    nodes = [node("Det", "x", out=f"y{i}", name=f"det {i}") for i in range(11)]
    error = refused(model(nodes, X, ["y0"]), tmp_path, "and 3 more of them")
    assert len(error.operators) == 11


@pytest.mark.parametrize("operator, advice", [
    ("DynamicQuantizeLinear", "the model is quantised: import the float model"), ("Loop", "control flow that depends on data"),
    ("SequenceConstruct", "sequences and optionals cannot be imported"),
])
def test_kinds_of_models_that_are_not_taken(operator: str, advice: str, tmp_path: pathlib.Path) -> None:
    error = refused(model([node(operator, "x")], X, ["y"]), tmp_path, advice)
    assert "docs/Onnx.md" not in str(error)


def test_unknown_operators_in_branches(tmp_path: pathlib.Path) -> None:
    error = refused(branching(node("Det", "x", out="t", name="inside"), "yes"), tmp_path, "cannot import 1 node")
    assert error.operators[0].node == "inside"


@pytest.mark.parametrize("made, reason", [
    (node("Relu", "x", alpha=1.0), "its attribute 'alpha' is not supported"),
    (node("Softmax", "x", axis=1, name="s", beta=2), "its attribute 'beta' is not supported"),
    (node("CumSum", "x", "k", reverse=1), "expected its attribute 'reverse' to be 0, but got 1"),
    (node("Conv", "x", "w", auto_pad="SAME_UPPER"), "expected its attribute 'auto_pad' to be 'NOTSET' or 'VALID', but got 'SAME_UPPER'"),
    (node("Concat", "x", "x"), "it lacks the attribute 'axis'"), (node("Relu", "x", "x"), "its input 1 is not supported"),
    (node("MatMul", "x"), "it lacks the input 'b'"), (node("MatMul", "", "x"), "it lacks the input 'a'"),
])
def test_uses_that_a_rule_does_not_take(made: onnx.NodeProto, reason: str, tmp_path: pathlib.Path) -> None:
    error = refused(model([made], X, ["y"], {"w": W, "k": np.int64(1)}), tmp_path, re.escape(reason))
    assert f"node '{made.name}' with output 'y'" in str(error)


def test_output_that_a_rule_does_not_make(tmp_path: pathlib.Path) -> None:
    made = helper.make_node("LayerNormalization", ["x", "g"], ["y", "mean"], name="norm")
    weights = {"g": np.ones(8, np.float32)}
    et.export_mlir(save(model([made], X, ["y"], weights), tmp_path))
    error = refused(model([made], X, ["y", "mean"], weights), tmp_path, r"its output 1 \('mean'\) is not supported, but something reads it")
    assert "node 'norm'" in str(error)


def test_several_uses_are_named_at_once(tmp_path: pathlib.Path) -> None:
    nodes = [node("Relu", "x", out="a", name="one", alpha=1.0), node("Mod", "a", "a", name="two", fmod=1)]
    error = refused(model(nodes, X, ["y"]), tmp_path, "cannot import 2 nodes")
    assert {o.node for o in error.operators} == {"one", "two"}


def test_what_the_importer_refuses_is_named_as_a_node(tmp_path: pathlib.Path) -> None:
    """Some uses are refused only by the importer of PyTorch's graphs, which knows nothing of nodes."""
    made = node("AveragePool", "x", kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2], name="/pool/AveragePool")
    error = refused(model([node("Relu", "x", out="r"), made], {"x": (np.float32, ["b", 3, "h", 8])}, ["y", "r"]), tmp_path, "cannot import 1 node")
    assert [(o.operator, o.node, o.output) for o in error.operators] == [("AveragePool", "/pool/AveragePool", "y")]


@pytest.mark.parametrize("nodes, message", [
    ([node("Cast", "x", out="i", to=TensorProto.INT64, name=""), node("Reshape", "x", "i", name="data")], "its input 'sizes' depends on what the inputs"),
    ([node("Squeeze", "x", "axis")], "expected dimension 1 to have size 1, but it has"),
    ([node("Unsqueeze", "x", "far")], "expected an axis of 4 dimensions, but got 9"),
    ([node("Dropout", "x", "", "yes")], "dropout is active; export the model in eval mode"),
    ([node("LayerNormalization", "x", "g", axis=1)], "expected fixed sizes from dimension 1 on"),
    ([node("Slice", "x", "axis", "far", "axis", "minus")], "expected steps from 1 on, or -1 over a whole dimension, but got -2"),
    ([node("Div", "seven", "zero", out="z", name=""), node("Reshape", "x", "z")], "its inputs are known, and Div of them is not"),
    ([node("Range", "zero", "pair", "seven")], "expected its input 'limit' to be one number, but it has 2"),
    ([node("Constant")], "it has no value"),
    ([node("MultiHeadAttention", "x", "", "", num_heads=2, domain=MICROSOFT)], "it lacks the input 'key'"),
    ([node("Attention", "x", "w24", num_heads=3, domain=MICROSOFT)], "multiple of 3 heads"),
])
def test_reasons_that_show_while_tracing(nodes: list[onnx.NodeProto], message: str, tmp_path: pathlib.Path) -> None:
    weights = {"axis": np.array([1]), "far": np.array([9]), "yes": np.array(True), "g": np.ones(8, np.float32), "minus": np.array([-2]),
               "seven": np.int64(7), "zero": np.int64(0), "pair": np.array([1, 2]), "w24": np.ones((8, 24), np.float32)}
    error = refused(model(nodes, X, ["y"], weights, domains={MICROSOFT: 1}), tmp_path, message)
    assert "with output '" in str(error)


# ---------------------------------------------------------------------------------------------------------------------
# Branches
# ---------------------------------------------------------------------------------------------------------------------


def branching(then: onnx.NodeProto, condition: str) -> onnx.ModelProto:
    """If the last size of x is 8 (`yes`), or by what x holds (`data`), `then`; else the negative."""
    other = helper.make_graph([node("Neg", "x", out="e")], "else", [], [helper.make_empty_tensor_value_info("e")])
    weights = [tensor("inner_w", np.eye(8, dtype=np.float32) * 3)]
    first = helper.make_graph([then], "then", [], [helper.make_empty_tensor_value_info("t")], weights)
    nodes = [
        helper.make_node("Shape", ["x"], ["last"], start=-1), helper.make_node("Equal", ["last", "eight"], ["yes"]),
        helper.make_node("Not", ["yes"], ["no"]), helper.make_node("ReduceMax", ["x"], ["most"], keepdims=0),
        helper.make_node("Greater", ["most", "zero"], ["data"]), helper.make_node("If", [condition], ["y"], name="choice", then_branch=first, else_branch=other),
    ]
    return model(nodes, X, ["y"], {"eight": np.array([8]), "zero": np.float32(0)})


@pytest.mark.parametrize("condition, factor", [("yes", 3.0), ("no", -1.0)])
def test_branch_by_a_size(condition: str, factor: float, tmp_path: pathlib.Path) -> None:
    imported = et.export_mlir(save(branching(node("MatMul", "x", "inner_w", out="t"), condition), tmp_path))
    x = torch.randn(2, 3, 8)
    torch.testing.assert_close(run(imported, [x], wide=False)[0], x * factor)


def test_branch_by_data(tmp_path: pathlib.Path) -> None:
    error = refused(branching(node("Relu", "x", out="t"), "data"), tmp_path, "its input 'condition' depends on what the inputs of the model hold")
    assert "control flow that depends on data" in str(error) and error.operators[0].node == "choice"


# ---------------------------------------------------------------------------------------------------------------------
# Sizes
# ---------------------------------------------------------------------------------------------------------------------


def test_sizes_that_do_not_fit_name_the_node_and_the_way_out(tmp_path: pathlib.Path) -> None:
    proto = model([node("Add", "x", "z", name="/embeddings/Add")], {"x": (np.float32, ["b", "s", 8]), "z": (np.float32, ["b", "t", 8])}, ["y"])
    error = refused(proto, tmp_path, "cannot import Add at node '/embeddings/Add' with output 'y'")
    assert "'s' = " in str(error) and "give those that are equal one name, with dynamic_shapes=" in str(error)
    same = et.export_mlir(save(proto, tmp_path), dynamic_shapes={"z": {1: "s"}})
    assert [s.shape for s in same.inputs] == [("b", "s", 8)] * 2


def test_dimension_that_must_be_fixed(tmp_path: pathlib.Path) -> None:
    weights = {"places": np.ones((1, 6, 8), np.float32)}
    proto = model([node("Add", "x", "places", name="add")], X, ["y"], weights)
    error = refused(proto, tmp_path, "cannot import Add at node 'add'")
    assert "fix those that cannot vary" in str(error)
    assert et.export_mlir(save(proto, tmp_path), dynamic_shapes={"x": {1: 6}}).inputs[0].shape == ("b", 6, 8)


def test_dimensions_without_a_name(tmp_path: pathlib.Path) -> None:
    path = save(model([node("Relu", "x")], {"x": (np.float32, [None, "s", 8])}, ["y"]), tmp_path)
    assert et.export_mlir(path).inputs[0].shape == ("x_0", "s", 8)


@pytest.mark.parametrize("call, message", [
    (lambda p: et.export_mlir(p, dynamic_shapes={"z": {0: "b"}}), "expected names of inputs, but 'z' is none; the inputs are 'x'"),
    (lambda p: et.export_mlir(p, kwargs={"z": torch.zeros(1)}), "'z' is none"),
    (lambda p: et.export_mlir(p, (torch.zeros(1), torch.zeros(1))), "expected at most 1 inputs, but got 2"),
    (lambda p: et.export_mlir(p, (torch.zeros(1, 8),)), "expected 3 dimensions of 'x', but the example has 2"),
    (lambda p: et.export_mlir(p, dynamic_shapes={"x": {3: "b"}}), "expected a dimension of 'x' below 3, but got 3"),
    (lambda p: et.export_mlir(p, dynamic_shapes={"x": {2: "h"}}), "expected size 8 for dimension 2 of 'x', as the file has it, but got 'h'"),
    (lambda p: et.onnx.import_onnx(p, dims={"t": 3}), "expected names of dimensions, but 't' is none; the file names 'b', 's'"),
    (lambda p: et.onnx.import_onnx(p, dims={"s": 0}), "expected a size of at least 1 for dimension 's', but got 0"),
])
def test_sizes_that_are_asked_for(call: Callable[[pathlib.Path], Any], message: str, tmp_path: pathlib.Path) -> None:
    with pytest.raises(ValueError, match=message):
        call(save(relu(), tmp_path))


def test_too_many_dynamic_dimensions(tmp_path: pathlib.Path) -> None:
    inputs = {f"x{i}": (np.float32, [f"a{i}", f"b{i}", f"c{i}"]) for i in range(5)}
    proto = model([node("Relu", f"x{i}", out=f"y{i}", name="") for i in range(5)], inputs, [f"y{i}" for i in range(5)])
    refused(proto, tmp_path, "expected at most 12 dynamic dimensions, but .* has 15; fix some with dynamic_shapes")


# ---------------------------------------------------------------------------------------------------------------------
# Others
# ---------------------------------------------------------------------------------------------------------------------


def test_functions_of_the_file_are_inlined(tmp_path: pathlib.Path) -> None:
    body = [helper.make_node("Relu", ["a"], ["r"]), helper.make_node("Add", ["r", "a"], ["b"])]
    twice = helper.make_function("local", "Twice", ["a"], ["b"], body, [helper.make_opsetid("", 18)])
    proto = model([node("Twice", "x", domain="local")], X, ["y"], domains={"local": 1}, functions=[twice])
    x = torch.randn(2, 3, 8)
    torch.testing.assert_close(run(et.export_mlir(save(proto, tmp_path)), [x], wide=False)[0], x.relu() + x)


def test_a_weight_that_is_an_output_as_well(tmp_path: pathlib.Path) -> None:
    proto = model([node("MatMul", "x", "w")], X, ["y", "w"], {"w": W})
    x = torch.randn(2, 3, 8)
    product, weight = run(et.export_mlir(save(proto, tmp_path)), [x], wide=False)
    torch.testing.assert_close(product, x @ torch.from_numpy(W))
    assert torch.equal(weight, torch.from_numpy(W))


def test_names_that_python_would_not_take(tmp_path: pathlib.Path) -> None:
    """Inputs, outputs and weights are called as in the file, whatever that is; also as what a module has."""
    names = ["model.forward", "training", "a.b", "a", "onnx::MatMul_7", "w/with \"quotes\"", "forward.x"]
    nodes = [node("MatMul", "input.1" if i == 0 else f"h{i}", name, out=f"h{i + 1}", name="") for i, name in enumerate(names)]
    weights = {name: (np.eye(8) * (i + 1)).astype(np.float32) for i, name in enumerate(names)}
    proto = model(nodes, {"input.1": (np.float32, ["batch size", "s", 8])}, [f"h{len(names)}"], weights)
    imported = et.export_mlir(save(proto, tmp_path))
    assert imported.inputs[0].name == "input.1" and imported.inputs[0].shape[0] == "batch size"
    x = torch.randn(2, 3, 8)
    torch.testing.assert_close(run(imported, [x], wide=False)[0], x * math.factorial(len(names)))
    assert et.compile(imported)(x)[f"h{len(names)}"].shape == x.shape


def test_without_the_package(tmp_path: pathlib.Path) -> None:
    script = "import sys; sys.modules['onnx'] = None\nimport et\ntry: et.compile('x.onnx')\nexcept et.OnnxError as e: print(e)"
    here = str(pathlib.Path(et.__file__).parents[1])
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": here})
    assert done.stdout.strip() == "ONNX files need the package onnx; install it with: pip install -r requirements/onnx.txt"
