#===- errors.py - What can be wrong with a call of et.check -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Exceptions of et.check: about the call itself, and, if asked for, about a program that is not valid."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import Error

if TYPE_CHECKING:
    from .report import Report


class CheckError(Error):
    """The program or its shapes cannot be used; says what was expected."""


class ShapeError(Error):
    """Some sizes break the program; raised by `Report.raise_if_invalid`. `report` holds the paths."""

    def __init__(self, report: "Report") -> None:
        self.report = report
        super().__init__(str(report))
