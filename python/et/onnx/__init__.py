#===- __init__.py - Models in ONNX files -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Imports ONNX files: `et.compile("model.onnx")`, or `python -m et.onnx model.onnx -o model.mlir`.

Nothing here is imported before it is asked for: it needs the package onnx.
"""

from .errors import OnnxError

try:
    import onnx as _onnx  # noqa: F401
except ImportError as error:
    raise OnnxError("ONNX files need the package onnx; install it with: pip install -r requirements/onnx.txt") from error

from .errors import UnsupportedNode, UnsupportedNodeError
from .importing import import_onnx
from .reader import inspect_model

__all__ = ["OnnxError", "UnsupportedNode", "UnsupportedNodeError", "import_onnx", "inspect_model"]
