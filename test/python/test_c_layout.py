#===- test_c_layout.py - Structures of the C API -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""test/CAPI/layout.c has every structure, field and enumerator of include/et-c, and Python's structures have that layout."""

import ctypes as C
import re
from pathlib import Path

import pytest

from et import binding, capi, runtime
from et.check import library

ROOT = Path(__file__).resolve().parents[2]
LAYOUT = (ROOT / "test/CAPI/layout.c").read_text()
OFFSETS = {(s, f): int(n) for s, f, n in re.findall(r"^AT\((\w+), (\w+), (\d+)\);", LAYOUT, re.MULTILINE)}
SIZES = {s: int(n) for s, n in re.findall(r"^SIZE\((\w+), (\d+)\);", LAYOUT, re.MULTILINE)}
VALUES = set(re.findall(r"^VALUE\((\w+), ", LAYOUT, re.MULTILINE))


def public(header: str) -> tuple[list[tuple[str, str]], list[str]]:
    """The fields of each structure in the text of a header, and its enumerators."""
    text = re.sub(r"//.*", "", header)
    fields = [(name, re.search(r"(\w+)(?:\[\w+\])?$", declarator.strip())[1])
              for body, name in re.findall(r"^typedef struct \w+ \{(.*?)^\} (\w+);", text, re.MULTILINE | re.DOTALL)
              for declaration in body.split(";") if declaration.strip() for declarator in declaration.split(",")]
    values = [value for body in re.findall(r"typedef enum \w+ \{(.*?)\}", text, re.DOTALL) for value in re.findall(r"(\w+) = \d+", body)]
    return fields, values


FIELDS, ENUMERATORS = public("\n".join(h.read_text() for h in sorted((ROOT / "include/et-c").glob("*.h"))))


def test_every_field_has_its_place_written_down():
    assert len(FIELDS) > 30 and sorted(FIELDS) == sorted(OFFSETS)


def test_every_structure_has_its_size_written_down():
    assert {s for s, _ in FIELDS} == set(SIZES)


def test_every_enumerator_has_its_value_written_down():
    assert len(ENUMERATORS) > 15 and sorted(ENUMERATORS) == sorted(VALUES)


def test_a_new_field_or_enumerator_is_found():
    fields, values = public("typedef enum EtA { ET_A = 0, ET_B = 1 } EtA;\n/// Text; int no;\ntypedef struct EtS {\n  uint32_t grid[3];\n"
                            "  int a, b; ///< c;\n  const char *const *names;\n} EtS;\ntypedef struct EtTImpl *EtT;\n")
    assert fields == [("EtS", "grid"), ("EtS", "a"), ("EtS", "b"), ("EtS", "names")] and values == ["ET_A", "ET_B"]


STRUCTURES = {
    "EtTensor": binding.Tensor, "EtResource": capi.Resource, "EtCompileOptions": capi.CompileOptions, "EtCheckOptions": library._Options,
    "EtExecutableOptions": runtime._Options, "EtExecutableStatistics": runtime._Statistics, "EtHostLaunchInfo": runtime._LaunchInfo,
    "EtHostKernel": runtime._HostKernel,
}


@pytest.mark.parametrize("name", sorted(SIZES))
def test_the_structure_of_python_has_the_layout_of_c(name):
    structure = STRUCTURES[name]
    offsets = {re.sub(r"_(\w)", lambda m: m[1].upper(), field): getattr(structure, field).offset for field, *_ in structure._fields_}
    assert offsets == {f: n for (s, f), n in OFFSETS.items() if s == name}
    assert C.sizeof(structure) == SIZES[name]
