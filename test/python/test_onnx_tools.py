#===- test_onnx_tools.py - ONNX files on the command line -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""`python -m et.onnx` and `et-compile model.onnx`: what they make, and what they say where they cannot."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import tempfile
from typing import Callable

import numpy as np
import pytest
import torch
from onnx import helper

import et
from conftest import ROOT
from et.onnx import cli
from et.onnx.registry import operators
from onnx_models import model, save

W = np.random.default_rng(2).standard_normal((8, 300)).astype(np.float32)
X = {"x": (np.float32, ["batch", 5, 8])}


@pytest.fixture
def path(tmp_path: pathlib.Path) -> pathlib.Path:
    """A model with a weight that is too large to stand in the module's text."""
    return save(model([helper.make_node("MatMul", ["x", "w"], ["y"], name="/proj/MatMul")], X, ["y"], {"w": W}), tmp_path)


def expected(x: torch.Tensor) -> torch.Tensor:
    return x @ torch.from_numpy(W)


# ---------------------------------------------------------------------------------------------------------------------
# python -m et.onnx
# ---------------------------------------------------------------------------------------------------------------------


def test_module_and_weights_are_written(path: pathlib.Path, tool: Callable[[str], str]) -> None:
    output = path.with_suffix(".mlir")
    assert cli.main([str(path), "-o", str(output), "--dim", "batch=3"]) == 0
    text = output.read_text()
    assert "tensor<3x5x8xf32>" in text and "model.onnx:/proj/MatMul" in text, "the location of an operation is its node"
    done = subprocess.run([tool("et-compile"), str(output), "--weights", str(output.with_suffix(".safetensors")), "--emit=et"], capture_output=True, text=True)
    assert done.returncode == 0 and "et.linear" in done.stdout, done.stderr


def test_inspect(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    nodes = [helper.make_node("Relu", ["x"], ["a"]), helper.make_node("Relu", ["a"], ["b"]), helper.make_node("Det", ["b"], ["y"])]
    proto = model(nodes, {"x": (np.float32, ["batch", None, 8])}, ["y"], opset=21)
    assert cli.main([str(save(proto, tmp_path)), "--inspect"]) == 0
    said = capsys.readouterr().out
    assert "opset ai.onnx 21" in said and "input   x: float32 [batch, x_1, 8]" in said and "output  y" in said
    assert "     2  Relu\n" in said and "     1  Det  (not taken)" in said


def test_table_of_operators(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--operators"]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert len(rows) == 2 + len(operators())
    assert "| `CumSum` | ai.onnx | `exclusive` other than `0`; `reverse` other than `0` |" in rows


def test_masked_rows_and_weights_that_are_not_finite(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = W.copy()
    bad[0, 0] = np.inf
    proto = model([helper.make_node("MatMul", ["x", "w"], ["y"])], X, ["y"], {"w": bad})
    arguments = [str(save(proto, tmp_path)), "-o", str(tmp_path / "m.mlir"), "--masked-rows", "ignore"]
    assert cli.main(arguments) == 1
    assert "error: expected finite weights, but got NaN or infinity in 'w'" in capsys.readouterr().err
    assert cli.main([*arguments, "--allow-non-finite"]) == 0


@pytest.mark.parametrize("dim, message", [
    ("batch", "expected --dim NAME=SIZE, such as sequence=128, but got 'batch'"), ("batch=many", "but got 'batch=many'"),
    ("=3", "but got '=3'"), ("rows=3", "expected names of dimensions, but 'rows' is none; the file names 'batch'"),
    ("batch=0", "expected a size of at least 1 for dimension 'batch', but got 0"),
])
def test_wrong_dimensions(dim: str, message: str, path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([str(path), "-o", str(path.with_suffix(".mlir")), "--dim", dim]) == 1
    assert message in capsys.readouterr().err
    assert not path.with_suffix(".mlir").exists()


@pytest.mark.parametrize("arguments", [[], ["model.onnx"], ["--inspect"], ["model.onnx", "-o", "x.mlir", "--inspect"], ["model.onnx", "-o", "x", "--masked-rows", "some"]])
def test_wrong_questions(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == 2 and "usage:" in capsys.readouterr().err


def test_output_that_cannot_be_written(path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([str(path), "-o", str(path.parent / "none" / "m.mlir")]) == 1
    assert "error: " in capsys.readouterr().err


# ---------------------------------------------------------------------------------------------------------------------
# et-compile
# ---------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def compile_(tool: Callable[[str], str], tmp_path: pathlib.Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs et-compile, with this Python unless told otherwise, and checks that it leaves no temporary file behind."""
    folder = tmp_path / "temporary"
    folder.mkdir()

    def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        variables = {**os.environ, "ET_PYTHON": sys.executable, "PYTHONPATH": str(ROOT / "python"), "TMPDIR": str(folder), **environment}
        done = subprocess.run([tool("et-compile"), *map(str, arguments)], capture_output=True, text=True, env=variables)
        assert not list(folder.glob("et-onnx*")), "a temporary folder is left"
        return done

    return run


def test_saved_program(path: pathlib.Path, compile_: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    program = path.with_suffix(".etp")
    done = compile_(path, "-o", program)
    assert done.returncode == 0, done.stderr
    x = torch.randn(4, 5, 8)
    torch.testing.assert_close(et.load(program)(x=x)[0], expected(x), rtol=1e-5, atol=1e-5)


def test_stdout_and_dimensions(path: pathlib.Path, compile_: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    done = compile_(path, "--emit=et", "--dim", "batch=3", "--masked-rows=ignore")
    assert done.returncode == 0, done.stderr
    assert "tensor<3x5x8xf32>" in done.stdout and "et.linear" in done.stdout


def script(folder: pathlib.Path, text: str) -> str:
    file = folder / "python-of-the-test"
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return str(file)


def test_python_that_is_missing(path: pathlib.Path, compile_: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    done = compile_(path, ET_PYTHON="no-such-python")
    assert done.returncode == 1 and not done.stdout
    assert "error: cannot find the Python 'no-such-python', which imports ONNX files: " in done.stderr and "name one with ET_PYTHON" in done.stderr


def test_python_without_the_packages(path: pathlib.Path, compile_: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    done = compile_(path, ET_PYTHON=script(path.parent, f'exec {sys.executable} -I -S "$@"'))
    assert done.returncode == 1 and not done.stdout
    assert "error: reading ONNX files takes the Python packages et, torch and onnx, but " in done.stderr
    assert "No module named 'torch'" in done.stderr and "-m pip install -r requirements/onnx.txt" in done.stderr
    assert "Traceback" not in done.stderr


def test_python_that_dies(path: pathlib.Path, compile_: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    done = compile_(path, ET_PYTHON=script(path.parent, "kill -9 $$"))
    assert done.returncode == 1 and f"error: cannot import '{path}': '" in done.stderr


@pytest.mark.parametrize("name, arguments, message", [
    ("none.onnx", [], "error: cannot find '"), ("none.ONNX", [], "error: cannot find '"),
    ("model.onnx", ["--dim", "rows=3"], "error: expected names of dimensions, but 'rows' is none; the file names 'batch'"),
    ("model.onnx", ["--masked-rows=some"], "argument --masked-rows: invalid choice: 'some'"),
    ("model.onnx", ["--weights", "w.safetensors"], "error: expected --weights with a module only, but '"),
    ("model.mlir", ["--dim", "batch=3"], "error: expected --dim and --masked-rows with an ONNX file only, but got '"),
    ("model.mlir", ["--masked-rows=exact"], "error: expected --dim and --masked-rows with an ONNX file only, but got '"),
    ("model.onnx", ["--isa=sse9", "--emit=asm"], "expected isa to be baseline"),
])
def test_mistakes(name: str, arguments: list[str], message: str, path: pathlib.Path, compile_: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    done = compile_(path.parent / name, *arguments, "-o", path.parent / "out.mlir")
    assert done.returncode == 1
    assert message in done.stderr, done.stderr
    assert "Traceback" not in done.stderr and not (path.parent / "out.mlir").exists()


def test_unsupported_node(tmp_path: pathlib.Path, compile_: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    proto = model([helper.make_node("Det", ["x"], ["y"], name="/head/Det")], X, ["y"])
    done = compile_(save(proto, tmp_path))
    assert done.returncode == 1 and "Det (ai.onnx, opset 18): no import rule" in done.stderr and "node '/head/Det'" in done.stderr


def test_temporary_folder_that_cannot_be_made(path: pathlib.Path, compile_: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        done = compile_(path, TMPDIR=f"{folder}/none")
    assert done.returncode == 1 and "error: cannot create a temporary folder for the import of '" in done.stderr
