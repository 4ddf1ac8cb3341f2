#===- test_import_docs.py - The list of operators -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""docs/Importing.md lists the operators that have a rule, and the families that the tests build."""

from __future__ import annotations

import re

from conftest import ROOT

from et.importer import import_program  # noqa: F401  (registers the rules)
from et.importer.registry import _rules

TEXT = (ROOT / "docs" / "Importing.md").read_text()


def is_variant(name: str) -> bool:
    """In place, or a copy of a view: listed with the operator itself."""
    return bool(re.search(r"[a-z0-9]_$|_copy$|^__i\w+__$", name))


def test_operators_are_listed() -> None:
    listed = re.findall(r"[\w.]+", " ".join(re.findall(r"```text\n(.*?)```", TEXT, re.DOTALL)))
    rules = {".".join(name.split(".")[:2]).removeprefix("aten.") for name in _rules}
    assert set(listed) == {name for name in rules if not is_variant(name)}
    assert len(listed) == len(set(listed)) + len({"max", "min"})  # two overloads in two places each
