#===- test_golden_bytecode.py - The golden files have everything -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Tests that each op, attribute and type of the dialect stands in a golden file. That they are read is lit's to test."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
IR = ROOT / "include" / "et" / "Dialect" / "ET" / "IR"
GOLDEN = sorted((ROOT / "test" / "Compatibility").glob("v*/*.mlir"))
OPS = ["et." + name for path in sorted(IR.glob("*.td")) for name in re.findall(r"^def ET_\w+Op : ET_Op<\"(\w+)\"", path.read_text(), re.MULTILINE)]
ATTRIBUTES = ["#et." + name for name in re.findall(
    r"^def ET_\w+Attr\s*: (?:ET_(?:Whole)?Attr<\"\w+\"|EnumAttr<ET_Dialect, \w+), \"(\w+)\"", (IR / "ETAttrs.td").read_text(), re.MULTILINE)]


def test_the_lists_are_those_of_the_dialect():
    assert {"et.attention", "et.launch", "et.work"} <= set(OPS) and {"#et.tile", "#et.rows", "#et.gelu"} <= set(ATTRIBUTES)


@pytest.mark.parametrize("name", [*OPS, *ATTRIBUTES, "!et.tensor_map"])
def test_a_golden_file_has_it(name):
    """What is new goes into a golden file of the next release: those that there are stay as they are."""
    assert any(re.search(rf"(?<![\w.]){re.escape(name)}\b", path.read_text()) for path in GOLDEN), name


@pytest.mark.parametrize("path", GOLDEN, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_each_text_has_its_bytecode(path):
    assert path.with_suffix(".mlirbc").read_bytes()[:4] == b"ML\xefR"
