#===- page.py - The page -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Writes an explanation as one HTML file, with everything in it and without scripts. Jinja escapes whatever it is given."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from .errors import ExplainError
from .explanation import Explanation, StepRow
from .formats import operations, percent, size, time
from .remarks import Remark

try:
    import jinja2
    import markupsafe
except ModuleNotFoundError as error:
    raise ExplainError("et.explain needs the package jinja2; install the packages of requirements/runtime.txt") from error

#: In the order in which the bar of a run shows them, with their titles.
KINDS = {"sparse": "linear, sparse", "dense": "linear, dense", "attention": "attention", "embedding": "embedding", "other": "other"}


def join_names(names: Sequence[str]) -> str:
    """Several parameters as one name: `layer.0.{query, key, value}.weight`."""
    parts = [name.split(".") for name in names]
    if len(names) == 1 or any(len(p) != len(parts[0]) for p in parts):
        return ", ".join(names)
    differing = [i for i in range(len(parts[0])) if len({p[i] for p in parts}) > 1]
    if len(differing) != 1:
        return ", ".join(names)
    at = differing[0]
    return ".".join([*parts[0][:at], "{" + ", ".join(p[at] for p in parts) + "}", *parts[0][at + 1:]])


def breakable(name: str) -> markupsafe.Markup:
    """A name that may be broken behind its dots."""
    return markupsafe.Markup("<wbr>").join(part + "." for part in name.split(".")[:-1]) + markupsafe.Markup("<wbr>") + name.split(".")[-1]


def by_kind(steps: Iterable[StepRow]) -> list[tuple[str, str, float, int]]:
    """Kind, title, time and number of steps, of the kinds that take time."""
    rows = list(steps)
    sums = [(kind, title, sum(s.us or 0.0 for s in rows if s.kind == kind), sum(s.kind == kind for s in rows))
            for kind, title in KINDS.items()]
    return [row for row in sums if row[2] > 0]


def group_remarks(remarks: Iterable[Remark]) -> list[tuple[Remark, int, list[str]]]:
    """Remarks that say the same, once: with how often, and where."""
    groups: dict[tuple[str, str, str], list[Remark]] = {}
    for remark in remarks:
        groups.setdefault((remark.kind, remark.name, remark.sentence), []).append(remark)
    return [(same[0], len(same), list(dict.fromkeys(r.location for r in same if r.location))) for same in groups.values()]


def environment() -> jinja2.Environment:
    """Where the templates of pages are, and what they may use."""
    made = jinja2.Environment(loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True,
                              undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made.filters.update(time=time, size=size, operations=operations, percent=percent, join_names=join_names, breakable=breakable)
    return made


def render(found: Explanation) -> str:
    """The page as text."""
    longest = max((s.us or 0.0 for s in found.steps), default=0.0)
    elements = sum(w.shape[0] * w.shape[1] for w in found.weights if w.zeros is not None)
    zeros = sum(w.zeros * w.shape[0] * w.shape[1] for w in found.weights if w.zeros is not None)
    return environment().get_template("page.html").render(
        e=found, kinds=by_kind(found.steps), kind_titles=KINDS, longest=longest, remarks=group_remarks(found.remarks),
        zeros=zeros / elements if elements else None, indices={w.name: i for i, w in enumerate(found.weights, 1)},
        curve_svg=markupsafe.Markup(found.curve_svg))


def write(found: Explanation, path: Path) -> None:
    """Writes the page; the file appears when it is complete."""
    write_text(render(found), path)


def write_text(text: str, path: Path) -> None:
    """Writes a file that appears when it is complete."""
    try:
        with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=path.name, delete=False, encoding="utf-8") as file:
            file.write(text)
        os.chmod(file.name, 0o644)
        os.replace(file.name, path)
    except OSError as error:
        raise ExplainError(f"the page '{path}' cannot be written: {error.strerror}") from error
