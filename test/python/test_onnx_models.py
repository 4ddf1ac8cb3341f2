#===- test_onnx_models.py - Encoders that PyTorch's exporters wrote to ONNX files -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Each family, exported by both exporters at several opsets, imports with its attention whole and gives PyTorch's answers."""

from __future__ import annotations

import pathlib

import numpy as np
import pytest
import torch

import et
from importing import compare, leaves, operations, verify
from model_zoo import FAMILIES, dynamic, head, inputs
from onnx_models import ByName, export, family, randomised

#: Family, attention, opset; the older exporter ends at 20.
OLDER = [
    ("bert", "sdpa", 17), ("bert-relu", "sdpa", 14), ("distilbert", "eager", 13), ("roberta", "sdpa", 18), ("albert", "sdpa", 17),
    ("electra", "sdpa", 20), ("mpnet", "eager", 17), ("t5", "sdpa", 17), ("t5-gated", "sdpa", 18), ("modernbert", "sdpa", 17),
    ("clip-text", "sdpa", 17), ("clip-vision", "eager", 16), ("vit", "sdpa", 19), ("deit", "sdpa", 17), ("whisper", "eager", 20),
]
NEWER = [("bert", "sdpa", 18), ("distilbert", "eager", 21), ("t5", "eager", 23), ("modernbert", "sdpa", 23), ("whisper", "sdpa", 20),
         ("vit", "sdpa", 23)]
CASES = [(*case, False) for case in OLDER] + [(*case, True) for case in NEWER]


def exported(name: str, attention: str, opset: int, dynamo: bool, folder: pathlib.Path, **options: bool) -> tuple[ByName, pathlib.Path]:
    takes = FAMILIES[name].takes
    values = inputs(takes)
    module = family(name, attention, list(values))
    return module, export(module, values, dynamic(takes), folder / f"{name}.onnx", opset, dynamo, **options)


def check(module: torch.nn.Module, imported: et.ImportedModule, takes: str) -> None:
    for batch, length in ((3, 9), (1, 1), (2, 13)):
        values = inputs(takes, batch, length, seed=batch)
        with torch.no_grad():
            expected = leaves(module(*values.values()))
        compare(imported, expected, [values[s.name] for s in imported.inputs], tolerance=5e-6, wide=False)


def test_every_family_is_here() -> None:
    later = {"gpt2", "distilgpt2", "qwen2", "qwen2-window", "donut", "segformer", "wav2vec2", "wav2vec2-norms", "timesformer"}
    assert {name for name, *_ in OLDER} == set(FAMILIES) - later
    assert {opset for _, _, opset, _ in CASES} >= {17, 18, 20, 21, 23}


@pytest.mark.parametrize("name, attention, opset, dynamo", CASES)
def test_family(name: str, attention: str, opset: int, dynamo: bool, tmp_path: pathlib.Path, tool) -> None:
    module, path = exported(name, attention, opset, dynamo, tmp_path)
    imported = et.export_mlir(path)
    found = operations(imported.text)
    assert found["et.attention"] == FAMILIES[name].layers
    assert found["linalg.softmax"] == 0
    assert not imported.report.missed
    if FAMILIES[name].takes == "text":
        assert [s.name for s in imported.inputs] == ["input_ids", "attention_mask"]
        assert imported.inputs[0].shape == ("batch", "sequence")
    check(module, imported, FAMILIES[name].takes)
    verify(imported.text, tool)


@pytest.mark.parametrize("name, opset", [("bert", 17), ("t5", 17), ("bert", 14), ("vit", 14), ("clip-text", 14)])
def test_import_is_that_of_the_module(name: str, opset: int, tmp_path: pathlib.Path) -> None:
    """Nothing is computed that the import of the module itself does not compute: shapes stay sizes, masks functions, and norms that
    an opset has no operator for are norms."""
    module, path = exported(name, "sdpa", opset, False, tmp_path)
    takes = FAMILIES[name].takes
    direct = operations(et.export_mlir(module, (), dict(zip(("first", "second"), inputs(takes).values())),
                                       dict(zip(("first", "second"), dynamic(takes).values()))).text)
    found = operations(et.export_mlir(path).text)
    for operation in ("et.linear", "et.layer_norm", "et.rms_norm", "et.gelu", "et.attention", "et.embedding", "linalg.generic"):
        assert found[operation] <= direct[operation], operation


@pytest.mark.parametrize("dynamo", [False, True])
def test_weights_have_the_names_of_their_modules(dynamo: bool, tmp_path: pathlib.Path) -> None:
    """Exporters transpose weights and make names up for them; the import puts both right."""
    module, path = exported("distilbert", "sdpa", 18, dynamo, tmp_path)
    imported = et.export_mlir(path)
    assert imported.weights
    for name, weight in imported.weights.items():
        assert torch.equal(weight, module.state_dict()[name])


def test_compiled_program_takes_and_returns_names(tmp_path: pathlib.Path) -> None:
    module, path = exported("bert", "sdpa", 17, False, tmp_path)
    program = et.compile(str(path), threads=1)
    assert program.outputs[0].shape == ("batch", "sequence", 32)
    for batch, length in ((2, 7), (1, 1), (3, 30)):
        values = inputs("text", batch, length, seed=length)
        with torch.no_grad():
            expected = leaves(module(*values.values()))
        got = program(**values)
        assert list(got) == [s.name for s in program.outputs]
        for g, e in zip(got.values(), expected):
            torch.testing.assert_close(g, e, rtol=1e-5, atol=1e-5)
    arrays = program(**{name: value.numpy() for name, value in values.items()})
    assert all(isinstance(a, np.ndarray) for a in arrays.values())


def test_external_data(tmp_path: pathlib.Path) -> None:
    module, path = exported("clip-vision", "sdpa", 20, True, tmp_path, external=True)
    assert list(tmp_path.glob("*.data")), "the exporter wrote no external data"
    check(module, et.export_mlir(path), "image")


def test_head_with_fixed_sizes(tmp_path: pathlib.Path) -> None:
    """Sizes of the file may be fixed, or given other names, by the caller."""
    values = inputs("text", 2, 6)
    module = ByName(randomised(head("sequence classification")), list(values)).eval()
    path = export(module, values, dynamic("text"), tmp_path / "head.onnx", 17, False)
    fixed = et.export_mlir(path, dynamic_shapes={name: {0: "rows", 1: 6} for name in values})
    assert [s.shape for s in fixed.inputs] == [("rows", 6)] * 2
    for batch in (1, 2, 5):
        values = inputs("text", batch, 6, seed=batch)
        with torch.no_grad():
            expected = leaves(module(*values.values()))
        compare(fixed, expected, list(values.values()), tolerance=5e-6, wide=False)
    other = et.export_mlir(path, kwargs=values, dynamic_shapes={name: {0: "batch"} for name in values})
    assert [s.shape for s in other.inputs] == [("batch", 6)] * 2, "what is not dynamic is as the example has it"
