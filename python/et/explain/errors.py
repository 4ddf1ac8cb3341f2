#===- errors.py - What can go wrong while explaining -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Exceptions of et.explain. Each says what was expected, what was found, and what to do about it."""

from __future__ import annotations

from ..errors import Error


class ExplainError(Error, ValueError):
    """An argument does not fit, a file is missing or damaged, or a tool that is needed is not there."""


class CurveError(ExplainError):
    """A file of accuracies is missing or not in the form that was expected."""
