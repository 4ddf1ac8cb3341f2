#===- report.py - What et.check found -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""The answer of et.check: one entry per path, and per fault of a path."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .errors import ShapeError
from .places import Frame

VERDICTS = ("invalid", "undecidable", "valid", "unreachable")


@dataclass
class Note:
    """What a kernel would like, which no program has to meet."""

    message: str
    place: str


@dataclass
class Path:
    """One way through the program, and whether every size it may meet is good.

    `conditions` are the branches that lead to it. Of an invalid path, `demand` is what failed, `example` are sizes that break it, `every_size` says that
    all do, `error` is what PyTorch raises on them, `frame` is the line at fault, `stack` the calls that lead there, outermost first, and `modules`
    the modules it runs in. Of an undecidable one, `reason` says why.
    """

    verdict: str
    conditions: tuple[str, ...] = ()
    demand: str = ""
    example: dict[str, int] = field(default_factory=dict)
    every_size: bool = False
    error: str = ""
    reason: str = ""
    frame: Frame | None = None
    stack: tuple[Frame, ...] = ()
    modules: tuple[str, ...] = ()

    def __str__(self) -> str:
        lines = []
        on = f" when {' and '.join(self.conditions)}" if self.conditions else ""
        if self.verdict == "invalid":
            sizes = ", ".join(f"{name}={value}" for name, value in self.example.items())
            which = "for every size" + (f", such as {sizes}" if sizes else "") if self.every_size else f"for {sizes}" if sizes else ""
            lines.append(f"invalid {which}{on}")
        else:
            lines.append(f"{self.verdict}{on}")
        if self.frame and self.verdict != "valid":
            lines.append(f"  at {self.frame} in {self.frame.function}: {self.frame.source}")
        if self.modules and self.verdict != "valid":
            lines.append(f"  in module {self.modules[-1]}")
        for label, text in (("demand", self.demand), ("PyTorch", self.error), ("because", self.reason)):
            if text:
                lines.append(f"  {label}: {text}")
        outer = [frame for frame in self.stack if frame != self.frame]
        if outer and self.verdict == "invalid":
            lines.append("  called from " + ", ".join(map(str, reversed(outer))))
        return "\n".join(lines)


@dataclass
class Report:
    """All paths. `program` is what the compiler was asked, as MLIR: one function per path that runs through."""

    paths: list[Path] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    program: str = ""
    runs: int = 0
    seconds: float = 0.0

    @property
    def verdict(self) -> str:
        """The worst verdict: invalid, undecidable, or valid."""
        found = {path.verdict for path in self.paths}
        return next((verdict for verdict in VERDICTS if verdict in found), "valid")

    @property
    def ok(self) -> bool:
        """No size was found that breaks the program. Something may be undecidable."""
        return self.verdict != "invalid"

    def of(self, verdict: str) -> list[Path]:
        """The paths with that verdict."""
        return [path for path in self.paths if path.verdict == verdict]

    @property
    def invalid(self) -> list[Path]:
        return self.of("invalid")

    def raise_if_invalid(self) -> None:
        """Raises ShapeError where a size breaks the program."""
        if not self.ok:
            raise ShapeError(self)

    def to_json(self) -> dict[str, Any]:
        """What a program reads."""

        def frame(f: Frame) -> dict[str, Any]:
            return {"file": f.file, "line": f.line, "function": f.function, "source": f.source}

        return {"verdict": self.verdict, "seconds": self.seconds, "runs": self.runs, "remarks": self.remarks,
                "notes": [{"message": n.message, "place": n.place} for n in self.notes],
                "paths": [{"verdict": p.verdict, "conditions": list(p.conditions), "demand": p.demand, "example": p.example, "every_size": p.every_size,
                           "error": p.error, "reason": p.reason, "at": frame(p.frame) if p.frame else None, "stack": [frame(f) for f in p.stack],
                           "modules": list(p.modules)} for p in self.paths]}

    def __str__(self) -> str:
        order = sorted(self.paths, key=lambda path: VERDICTS.index(path.verdict))
        counts = ", ".join(f"{len(self.of(verdict))} {verdict}" for verdict in VERDICTS if self.of(verdict))
        lines = [f"{self.verdict}: {_plural(len(self.paths), 'path')} ({counts}), {_plural(self.runs, 'run')}, {self.seconds:.1f} s"]
        lines += [str(path) for path in order]
        lines += [f"note: {note.message} ({note.place})" for note in self.notes]
        lines += [f"remark: {remark}" for remark in self.remarks]
        return "\n".join(lines)


def _plural(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
