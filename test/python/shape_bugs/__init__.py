#===- __init__.py - Shape bugs of public threads -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Shape bugs that people asked about in public, each with the thread; the programs are our own."""

from . import images, splits, text, training
from .case import CASES, Case

__all__ = ["CASES", "Case", "images", "splits", "text", "training"]
