#===- test_prune_docs.py - docs/Pruning.md is complete -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""docs/Pruning.md names what there is. Its examples run in test_docs_examples.py."""

from __future__ import annotations

from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "Pruning.md"


def test_the_page_names_every_option_value():
    from et.prune.scores import SCORES
    from et.prune.selection import SELECTIONS

    page = PAGE.read_text()
    for name in (*SCORES, *SELECTIONS, "attention-aware-merged", "irregular"):
        assert f"`{name}`" in page
