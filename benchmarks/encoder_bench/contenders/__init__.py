#===- __init__.py - The contenders by name -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Who takes part. The table names modules instead of classes: only a worker imports its own contender's libraries."""

from __future__ import annotations

import importlib
from dataclasses import dataclass

ET = "et"
PEAK = "fma-peak"


@dataclass(frozen=True)
class Entry:
    """The title in tables, and where the class is."""

    title: str
    module: str
    class_name: str


CONTENDERS = {
    ET: Entry("E.T.", "et_contender", "ETContender"),
    "torch": Entry("PyTorch eager", "torch_peers", "TorchEager"),
    "torch-compile": Entry("torch.compile", "torch_peers", "TorchCompile"),
    "onnxruntime": Entry("ONNX Runtime", "onnxruntime_peer", "OnnxRuntime"),
    "openvino": Entry("OpenVINO", "openvino_peer", "OpenVino"),
}
PEERS = [name for name in CONTENDERS if name != ET]


def load(name: str) -> type:
    """Imports and returns the class of contender `name`."""
    entry = CONTENDERS[name]
    return getattr(importlib.import_module(f"{__name__}.{entry.module}"), entry.class_name)
