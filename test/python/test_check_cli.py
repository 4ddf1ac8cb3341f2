#===- test_check_cli.py - python -m et check -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""The command line of et.check."""

import json
import os
import subprocess
import sys

import pytest

from et.check.cli import main, parse_shape
from et.errors import Error

PROGRAM = """
import torch

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = torch.nn.Linear(16, 2)

    def forward(self, x):
        return self.fc(x.view(-1, 16))

net = Net()

def tokens(ids):
    return torch.nn.functional.one_hot(ids, 3).view(-1, 3)
"""


@pytest.fixture
def program(tmp_path):
    path = tmp_path / "program_to_check.py"
    path.write_text(PROGRAM)
    return path


def test_invalid_program_exits_with_1(program, capsys):
    assert main([f"{program}:net", "--shape", "x=batch,8"]) == 1
    text = capsys.readouterr().out
    assert "invalid for batch=" in text and "return self.fc(x.view(-1, 16))" in text


@pytest.mark.parametrize("name", ["net", "Net"])
def test_valid_program_exits_with_0(program, name, capsys):
    assert main([f"{program}:{name}", "--shape", "x=batch,16"]) == 0
    assert capsys.readouterr().out.startswith("valid")


def test_bounds_multiples_and_types(program, capsys):
    assert main([f"{program}:net", "--shape", "x=2*batch,8"]) == 0
    assert main([f"{program}:net", "--shape", "x=batch,8", "--min", "batch=4", "--max", "batch=4"]) == 0
    assert main([f"{program}:tokens", "--shape", "ids=batch:int64"]) == 0
    capsys.readouterr()


def test_json_and_mlir(program, capsys):
    assert main([f"{program}:net", "--shape", "x=batch,8", "--emit", "json"]) == 1
    assert json.loads(capsys.readouterr().out)["verdict"] == "invalid"
    assert main([f"{program}:net", "--shape", "x=batch,16", "--emit", "mlir"]) == 0
    assert "func.func @path0" in capsys.readouterr().out


@pytest.mark.parametrize("arguments, message", [
    (["PROGRAM", "--shape", "x=batch,8"], "expected FILE.py:OBJECT, such as model.py:net"),
    (["missing.py:net"], "expected a Python file, but there is no 'missing.py'"),
    (["PROGRAM:nets"], "expected 'nets' in"),
    (["PROGRAM:net", "--shape", "x"], "expected --shape NAME=SIZE,SIZE,... such as x=batch,3,224,224, but got 'x'"),
    (["PROGRAM:net", "--shape", "x=batch,8:int65"], "expected a type of PyTorch such as int64 after ':', but got 'int65'"),
    (["PROGRAM:net", "--shape", "x=batch,8", "--min", "batch"], "expected --min NAME=N, such as batch=2, but got 'batch'"),
    (["PROGRAM:net", "--shape", "x=batch,8", "--max", "batch=few"], "expected --max NAME=N, such as batch=2, but got 'batch=few'"),
    (["PROGRAM:net", "--shape", "y=batch,8"], "expected shapes for the arguments (x), but"),
])
def test_wrong_questions_exit_with_2(program, arguments, message, capsys):
    assert main([argument.replace("PROGRAM", str(program) if ":" in argument else "program") for argument in arguments]) == 2
    assert message in capsys.readouterr().err


def test_scalar_shape():
    assert parse_shape("x=") == ("x", ())
    with pytest.raises(Error):
        parse_shape("=3")


def test_one_command_line_for_all(program):
    def run(*arguments):
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        return subprocess.run([sys.executable, "-m", "et", *arguments], capture_output=True, text=True, env=environment)

    assert run("--help").stdout.startswith("usage: python -m et {check,doctor,explain,onnx,prune}")
    wrong = run("chek")
    assert wrong.returncode == 2 and "expected a command (check, doctor, explain, onnx, prune), but got chek" in wrong.stderr
    assert "but got no command" in run().stderr
    assert "FILE.py:OBJECT" in run("check", "--help").stdout
