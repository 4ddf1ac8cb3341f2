#===- graphs_page.py - The page on what runs compiled -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Writes what became of a module or function under torch.compile(backend="et") as one self-contained page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .page import environment, write_text

if TYPE_CHECKING:
    from ..torch_backend.describe import Report


def _counted(operators: tuple[tuple[str, int], ...]) -> str:
    return ", ".join(name if count == 1 else f"{count} {name}" for name, count in operators)


def write(report: "Report", path: Path, title: str | None) -> None:
    """Writes the page; the file appears when it is complete."""
    templates = environment()
    templates.filters["counted"] = _counted
    write_text(templates.get_template("graphs.html").render(r=report, title=title or report.name), path)
