#===- test_prune_docs.py - The examples of docs/Pruning.md run -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Runs the examples of docs/Pruning.md that are marked as such, one after the other, on a tiny model."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch

import model_zoo

PAGE = Path(__file__).resolve().parents[2] / "docs" / "Pruning.md"


def test_the_examples_run(tmp_path):
    blocks = re.findall(r"<!-- run -->\n```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(blocks) == 6
    model = model_zoo.head("sequence classification").train()
    inputs = model_zoo.inputs("text")
    names: dict[str, Any] = {
        "torch": torch, "model": model, "optimizer": torch.optim.AdamW(model.parameters(), 1e-3), "folder": tmp_path,
        "batches": [{**inputs, "labels": torch.tensor([0, 1, 2])} for _ in range(44)]}
    for index, block in enumerate(blocks):
        if index == 1:  # the page's second example goes on in a loop that is under way
            exec("pruner = Pruner(model, 'attention-aware', ratio=0.8, schedule=Gradual(0, 40, every=4))", names)
        exec(block, names)
        if index == 0:
            assert names["record"]["reached"] > 0.7 and (tmp_path / "model.safetensors").is_file()


def test_the_page_names_every_option_value():
    from et.prune.scores import SCORES
    from et.prune.selection import SELECTIONS

    page = PAGE.read_text()
    for name in (*SCORES, *SELECTIONS, "attention-aware-merged", "irregular"):
        assert f"`{name}`" in page
