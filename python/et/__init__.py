#===- __init__.py - E.T. for Python -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""E.T. compiles transformer models.

    import et
    program = et.compile(model, (), {"input_ids": ids, "attention_mask": mask},
                         dynamic_shapes={"input_ids": {0: "batch", 1: "sequence"},
                                         "attention_mask": {0: "batch", 1: "sequence"}})
    hidden = program(ids, mask)

`et.compile("model.onnx")` takes an ONNX file as well. `et.load` runs a program that was compiled before, from its file. `et.export_mlir` stops after the import and gives the
module as text, with its weights beside it. `et.prune` prunes a model while it is trained. `et.explain` writes a page that says what
the compiler did with each weight, why, and where the time goes. `et.check` says which sizes break a model, before it runs.
"""

from . import errors, prune
from .api import compile, export_mlir
from .check import CheckError, ShapeError, check
from .errors import (CompileError, Error, ExportError, ImportError_, NonFiniteWeightError, OnnxError, RunError,
                     UnsupportedOperatorError)
from .explain import ExplainError, explain
from .importer import ImportedModule, Remark, Report, TensorSpec
from .interface import Program
from .runtime import LoadError, SavedProgram, load

__all__ = [
    "CheckError", "CompileError", "Error", "ExplainError", "ExportError", "ImportError_", "ImportedModule", "LoadError", "NonFiniteWeightError",
    "OnnxError", "Program", "Remark", "Report", "RunError", "SavedProgram", "ShapeError", "TensorSpec", "UnsupportedOperatorError", "check", "compile", "errors",
    "explain", "export_mlir", "load", "prune",
]
