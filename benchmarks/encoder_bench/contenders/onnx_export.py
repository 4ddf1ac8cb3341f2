#===- onnx_export.py - Writes a model as ONNX -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Exports with the TorchScript-based exporter and eager attention.

Of the four combinations of exporter and attention, this is the one whose graph ONNX Runtime's optimizer recognises: it
fuses the embedding, all attentions, the norms and the GELUs. The others leave attention in pieces.
"""

from __future__ import annotations

import logging
import warnings
from pathlib import Path

import torch

from encoder_bench import models
from encoder_bench.points import ModelSpec

OPSET = 18


def export(spec: ModelSpec, path: Path) -> Path:
    """Writes `spec` with dynamic batch and sequence to `path`."""
    example = torch.ones(2, 8, dtype=torch.int64), torch.ones(2, 8, dtype=torch.int64)
    sizes = {0: "batch", 1: "sequence"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        torch.onnx.export(
            models.build(spec, "eager"), example, str(path), dynamo=False, external_data=False, opset_version=OPSET,
            input_names=["input_ids", "attention_mask"], output_names=["last_hidden_state"],
            dynamic_axes={"input_ids": sizes, "attention_mask": sizes, "last_hidden_state": sizes},
        )
    return path
