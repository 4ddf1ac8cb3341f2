#===- errors.py - What can be wrong with an ONNX file -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Exceptions of the ONNX importer. Each names the file, what was found there, and a way out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

from ..errors import OnnxError, UnsupportedOperator, UnsupportedOperatorError

#: How many nodes of one operator a message lists; `operators` holds all of them.
LISTED = 8

QUANTIZED = {
    "QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "QLinearMatMul", "QLinearConv", "QLinearAdd", "MatMulInteger",
    "ConvInteger", "MatMulNBits", "QAttention", "QGemm", "DynamicQuantizeMatMul", "MatMulIntegerToFloat", "QEmbedLayerNormalization",
}
CONTROL_FLOW = {"If", "Loop", "Scan"}
SEQUENCES = {
    "SequenceConstruct", "SequenceEmpty", "SequenceInsert", "SequenceErase", "SequenceAt", "SequenceLength", "SequenceMap",
    "SplitToSequence", "ConcatFromSequence", "Optional", "OptionalGetElement", "OptionalHasElement",
}


@dataclass(frozen=True)
class UnsupportedNode(UnsupportedOperator):
    """One node that cannot be imported: `operator` is its type, and `location` what a person looks for in the file."""

    domain: str = ""
    opset: int = 0
    node: str = ""
    output: str = ""

    @property
    def title(self) -> str:
        return f"{self.operator} ({self.domain or 'ai.onnx'}, opset {self.opset})" if self.opset else self.operator

    def __str__(self) -> str:
        return f"{self.title} at {self.location}: {self.reason}"


def describe(node: str, output: str) -> str:
    """How messages name a node."""
    named = f"node '{node}'" if node else "a node without a name"
    return f"{named} with output '{output}'"


def _advice(operators: set[str]) -> list[str]:
    lines = []
    if operators & QUANTIZED:
        lines.append("the model is quantised: import the float model that it was made from")
    if operators & CONTROL_FLOW:
        lines.append("control flow that depends on data cannot be imported: export the model with torch.onnx.export(..., dynamo=True), "
                     "which unrolls it, or without the part that needs it")
    if operators & SEQUENCES:
        lines.append("sequences and optionals cannot be imported: export a model that takes and returns tensors only")
    if operators - QUANTIZED - CONTROL_FLOW - SEQUENCES:
        lines.append("docs/Onnx.md lists the operators that are taken: export the model without the part that needs others, cut it there with "
                     "onnx.utils.extract_model, or add a rule with et.onnx.registry.operator")
    return lines


class UnsupportedNodeError(OnnxError, UnsupportedOperatorError):
    """The file has nodes that cannot be imported; all of them are listed in `operators`."""

    def __init__(self, path: str, nodes: Sequence[UnsupportedNode]) -> None:
        self.operators = tuple(nodes)
        groups: dict[tuple[str, str], list[UnsupportedNode]] = {}
        for entry in self.operators:
            groups.setdefault((entry.title, entry.reason), []).append(entry)
        lines = [f"cannot import {len(nodes)} node{'s' if len(nodes) != 1 else ''} of {path}:"]
        for (title, reason), entries in groups.items():
            lines.append(f"  - {title}: {reason}")
            lines.extend(f"      {entry.location}" for entry in entries[:LISTED])
            if len(entries) > LISTED:
                lines.append(f"      and {len(entries) - LISTED} more of them")
        lines.extend(_advice({entry.operator for entry in self.operators}))
        Exception.__init__(self, "\n".join(lines))
