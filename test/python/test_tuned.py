#===- test_tuned.py - Tuned schedules from Python -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Files that `tuned` names reach the compiler; what tables mean is checked by test/Conversion/ETToGPU/schedule-gpu-tuned.mlir."""

import json

import pytest
import torch

import et


def write_table(path, tile):
    entry = {"operation": "linear", "type": "f16", "n": 768, "k": 768, "rows": 128, "us": 1.0,
             "schedule": {"kind": "wgmma", "stages": 5, "tile": tile}}
    path.write_text(json.dumps({"format": "et-tuned", "version": 1, "chip": "sm_90a", "device": "one", "entries": [entry]}))
    return path


def compile_linear(tuned=()):
    return et.compile(torch.nn.Linear(768, 768).half().eval(), (torch.zeros(128, 768, dtype=torch.float16),), target="cuda:sm_90a",
                      tuned=tuned)


def origin(program):
    (remark,) = [remark for remark in program.remarks if "Schedule" in remark and "linear of 768 outputs" in remark]
    return remark


def test_a_table_comes_before_that_of_the_project(tmp_path):
    mine = write_table(tmp_path / "mine.json", [64, 96, 64])
    assert "mine.json" not in origin(compile_linear())
    for tuned in (mine, str(mine), [mine]):
        assert "wgmma 64x96x64 stages 5 exclusive" in origin(compile_linear(tuned))


def test_the_first_table_that_has_a_schedule_counts(tmp_path):
    first, second = write_table(tmp_path / "first.json", [64, 96, 64]), write_table(tmp_path / "second.json", [64, 32, 64])
    found = origin(compile_linear([first, second]))
    assert "64x96x64" in found and "first.json" in found


@pytest.mark.parametrize("text, message", [(None, "cannot read the tuned table '.*table.json'"), ("{", "table.json' is not JSON")])
def test_tables_that_cannot_be_read_are_refused(tmp_path, text, message):
    path = tmp_path / "table.json"
    if text:
        path.write_text(text)
    with pytest.raises(et.CompileError, match=message):
        compile_linear(path)
