#===- remarks.py - What the compiler says of weights -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Reads the compiler's remarks. One is a line of text:

    [Passed] WeightEncoded | Category:et-encode-sparsity | @"bert.py":335:0 | Reason="keeps 2 of 8 tiles of 64x16 (25.0 %): ...", Weight=a|b

Entries are in the order of their keys, so names of weights stand at the end, and whatever they hold is not taken for anything
else. A remark on two layers, one behind the other, names both: Weight and WeightBehind.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_ENCODED = re.compile(r"keeps (\d+) of (\d+) tiles of (\d+)x(\d+) \(.*?\): about ([\d.]+) of the dense kernel's time")
_STAYS = re.compile(r"(\d+) % of its elements are zero, but \d+ % of its tiles of (\d+)x(\d+) are not, "
                    r"with which a sparse kernel would take ([\d.]+) times as long")
_WHOLE = re.compile(r"keeps (\d+) of (\d+) (rows|columns) \(.*?\): about ([\d.]+) of the dense kernel's time")
_CONDENSED = re.compile(r"stores (\d+) of (\d+) (rows|columns);")
_REMOVED = re.compile(r"removed (\d+) of (\d+) features between two linear layers")


@dataclass(frozen=True)
class Remark:
    """One remark, taken apart. `text` is the compiler's, without the place in the source."""

    kind: str
    name: str
    text: str
    suggestion: str = ""
    location: str = ""
    #: What the remark is about, as the compiler names it.
    weights: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """The remark and what it suggests, verbatim, as two sentences."""
        stop = "" if self.text.endswith((".", "!", "?")) else "."
        return f"{self.text}{stop} Suggestion: {self.suggestion}" if self.suggestion else self.text

    @property
    def encoded(self) -> tuple[int, int, int, int, float] | None:
        """Of a weight that was encoded: tiles kept, tiles, outputs and inputs of a tile, share of the dense kernel's time."""
        found = _ENCODED.search(self.text) if self.name == "WeightEncoded" else None
        return (*map(int, found.groups()[:4]), float(found[5])) if found else None

    @property
    def whole(self) -> tuple[int, int, str, float] | None:
        """Of a weight without its zero rows or columns: those kept, all, which of both, and the share of the dense kernel's time."""
        found = _WHOLE.search(self.text) if self.name == "WeightEncoded" else None
        return (int(found[1]), int(found[2]), found[3], float(found[4])) if found else None

    @property
    def condensed(self) -> tuple[int, int, str] | None:
        """Of such a weight: rows or columns stored, of how many, and which of both."""
        found = _CONDENSED.search(self.text) if self.name == "WeightCondensed" else None
        return (int(found[1]), int(found[2]), found[3]) if found else None

    @property
    def stays(self) -> tuple[int, int, int, float] | None:
        """Of a pruned weight that stays dense: percent of zeros, outputs and inputs of the best tile, and the time with it."""
        found = _STAYS.search(self.text) if self.name == "WeightStaysDense" else None
        return (*map(int, found.groups()[:3]), float(found[4])) if found else None

    @property
    def removed(self) -> tuple[int, int] | None:
        """Of a pair of layers that lost features between them: how many, of how many."""
        found = _REMOVED.search(self.text) if self.name == "FeaturesRemoved" else None
        return (int(found[1]), int(found[2])) if found else None

    @property
    def smaller(self) -> bool:
        """Whether features or heads went, or rows or columns that were zero, so that layers are smaller."""
        return self.name in ("WeightCondensed", "FeaturesRemoved", "ValuesNarrowed", "ScoresNarrowed", "HeadsRemoved")


def _unquote(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text


def parse(line: str) -> Remark:
    """Takes a line apart; what is not in the usual form is kept as text."""
    head = re.match(r"\[(\w+)\] ([^|]*?) \| ?(?:Category:\S+ \| ?)?", line)
    if not head:
        return Remark("", "", line.strip())
    rest, weights = line[head.end():].strip(), ()
    if found := re.search(r", Weight=(.*?)(?:, WeightBehind=(.*))?$", rest, re.DOTALL):
        rest, weights = rest[:found.start()], tuple(_unquote(name) for name in found.groups() if name)
    suggestion = ""
    if found := re.search(r", Suggestion=(.*)$", rest, re.DOTALL):
        rest, suggestion = rest[:found.start()], _unquote(found[1])
    location = ""
    if found := re.match(r'@"(.*?)":(\d+):(\d+)', rest):
        rest, location = rest[found.end():].removeprefix(" | "), f"{found[1]}:{found[2]}"
    if found := re.match(r"(?:Reason|Remark)=(.*)$", rest, re.DOTALL):
        rest = _unquote(found[1])
    return Remark(head[1].lower(), head[2], rest, suggestion, location, weights)


def parse_all(lines: Iterable[str]) -> tuple[Remark, ...]:
    """All remarks of a compilation, in order."""
    return tuple(map(parse, lines))
