#===- report.py - What the importer did and declined, with reasons -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""A list of remarks: each fusion that was taken, and each near miss with its reason and a way out."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Iterator, Literal

logger = logging.getLogger("et.importer")

Kind = Literal["passed", "missed", "note"]


@dataclass(frozen=True)
class Remark:
    """One thing worth knowing about the import."""

    kind: Kind
    subject: str
    message: str
    location: str = ""

    def __str__(self) -> str:
        at = f"{self.location}: " if self.location else ""
        return f"{at}{self.kind}: {self.subject}: {self.message}"


@dataclass
class Report:
    """The remarks of one import, in program order."""

    remarks: list[Remark] = field(default_factory=list)
    #: Log near misses for debugging only.
    quiet: bool = field(default=False, repr=False, compare=False)

    def add(self, kind: Kind, subject: str, message: str, location: str = "") -> None:
        remark = Remark(kind, subject, message, location)
        if remark in self.remarks:
            return
        self.remarks.append(remark)
        logger.log(logging.WARNING if kind == "missed" and not self.quiet else logging.DEBUG, "%s", remark)

    def select(self, kind: Kind, subject: str | None = None) -> list[Remark]:
        return [r for r in self.remarks if r.kind == kind and (subject is None or r.subject == subject)]

    @property
    def missed(self) -> list[Remark]:
        return self.select("missed")

    def __iter__(self) -> Iterator[Remark]:
        return iter(self.remarks)

    def __len__(self) -> int:
        return len(self.remarks)

    def __str__(self) -> str:
        return "\n".join(map(str, self.remarks))
