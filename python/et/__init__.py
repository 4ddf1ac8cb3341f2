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

from importlib.util import find_spec as _find_spec

from . import errors

# Without PyTorch the package still says what is missing: python -m et doctor.
if _find_spec("torch") is not None:
    from . import prune, torch_backend
    from .api import compile, export_mlir
    from .check import CheckError, ShapeError, check
    from .errors import (CompileError, Error, ExportError, ImportError_, NonFiniteWeightError, OnnxError, RunError,
                         UnsupportedOperatorError)
    from .explain import ExplainError, explain
    from .importer import ImportedModule, Remark, Report, TensorSpec
    from .interface import Program
    from .runtime import LoadError, SavedProgram, load

    torch_backend.register()
else:
    def __getattr__(name: str) -> object:
        if name in __all__:
            raise AttributeError(f"et.{name} needs PyTorch, which is not installed; install it with: pip install torch "
                                 "(python -m et doctor says what else is missing)")
        raise AttributeError(f"module 'et' has no attribute '{name}'")

__all__ = [
    "CheckError", "CompileError", "Error", "ExplainError", "ExportError", "ImportError_", "ImportedModule", "LoadError", "NonFiniteWeightError",
    "OnnxError", "Program", "Remark", "Report", "RunError", "SavedProgram", "ShapeError", "TensorSpec", "UnsupportedOperatorError", "check", "compile",
    "errors", "explain", "export_mlir", "load", "prune", "torch_backend",
]
