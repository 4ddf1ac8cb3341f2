#===- test_compile_models.py - Encoders of the transformers package, compiled -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Compiled families against float64: the largest error is at most twice that of PyTorch in float32, at every size."""

from __future__ import annotations

import re

import pytest
import torch

import et
from et.importer.reference import run
from importing import leaves
from model_zoo import FAMILIES, HEADS, dynamic, head, inputs

CASES = [(name, attention) for name, family in FAMILIES.items() for attention in family.attentions]
# One program runs them all. Images have no length.
SIZES = ((3, 9), (1, 1), (2, 13), (1, 37), (5, 2), (2, 44))


def largest_errors(model: torch.nn.Module, compiled: et.CompiledModule, imported: et.ImportedModule, takes: str) -> list[tuple[float, float]]:
    """For each output of floats the largest error of the program and of PyTorch over all sizes."""
    worst: dict[int, tuple[float, float]] = {}
    for batch, length in SIZES:
        values = inputs(takes, batch, length, seed=batch * 100 + length)
        with torch.no_grad():
            single = leaves(model(**values))
        arguments = [values[spec.name] for spec in imported.inputs]
        got = compiled.program(*arguments)
        exact = run(imported, arguments, wide=True)
        assert len(got) == len(single) == len(exact)
        for i, (g, s, e) in enumerate(zip(got, single, exact)):
            assert g.shape == s.shape == e.shape
            if not e.is_floating_point():
                assert torch.equal(g, s)
                continue
            ours, theirs = worst.get(i, (0.0, 0.0))
            worst[i] = (max(ours, (g.double() - e).abs().max().item()), max(theirs, (s.double() - e).abs().max().item()))
    return list(worst.values())


def check_model(model: torch.nn.Module, takes: str) -> None:
    imported = et.export_mlir(model, (), inputs(takes), dynamic(takes))
    compiled = et.compile(imported)
    assert not [remark for remark in compiled.remarks if "plain loops" in remark]
    for ours, theirs in largest_errors(model, compiled, imported, takes):
        assert ours <= 2 * theirs


@pytest.mark.parametrize("name, attention", CASES)
def test_family(name: str, attention: str) -> None:
    family = FAMILIES[name]
    check_model(family.build(attention), family.takes)


@pytest.mark.parametrize("name", HEADS)
def test_head(name: str) -> None:
    check_model(head(name), "text")


def test_a_wrong_program_is_detected() -> None:
    """The check itself: a program with another epsilon fails it."""
    family = FAMILIES["bert"]
    model = family.build("sdpa")
    imported = et.export_mlir(model, (), inputs("text"), dynamic("text"))
    text = re.sub(r"eps = [0-9.e+-]+", "eps = 1.0e-03", imported.text)
    assert text != imported.text
    wrong = et.program.compile_text(text, imported.weights)
    errors = largest_errors(model, et.program.CompiledModule(imported, wrong), imported, "text")
    assert any(ours > 2 * theirs for ours, theirs in errors)
