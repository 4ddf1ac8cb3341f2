#===- __init__.py - The PyTorch importer -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Reads torch.export graphs and builds modules of the et dialect, as text."""

from .graph import ImportedModule, TensorSpec, import_program
from .report import Remark, Report

__all__ = ["ImportedModule", "Remark", "Report", "TensorSpec", "import_program"]
