#===- et_site.py - What the site needs beside plain Sphinx -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""An extension of Sphinx, so that the pages in the repository stay plain Markdown.

- The navigation (nav.py) joins docs/index.md while it is read.
- Pages that mlir-tblgen writes get a title, and lose what only its own site understands.
- Links that show the name of a page's file show its title.
- Code in `mlir` is coloured, and indented examples in docstrings are code.
- build/site/index.html leads to the first page.
"""

from __future__ import annotations

import pathlib
import re
from typing import Any

from nav import NAV
from pygments.lexer import RegexLexer, bygroups
from pygments.token import Comment, Keyword, Name, Number, Operator, Punctuation, String, Text

INDEX = "docs/index"
RESULTS = "benchmarks/results/*"
# mlir-tblgen begins its pages of passes at the third level, for another page to include.
TITLES = {
    "docs/reference/ETPasses": "Passes on tensors and plans",
    "docs/reference/LinalgToETPasses": "Passes from linalg to et",
    "docs/reference/ETToCPUPasses": "Passes to CPUs",
    "docs/reference/ETToGPUPasses": "Passes to GPUs",
    "docs/reference/ETTransformOps": "Transform ops",
    "docs/reference/ETTransformPasses": "Passes of scripts",
}
# A link whose text is the name of the file: a reader of the site sees the title of the page instead.
NAMED_LINK = re.compile(r"\[(?:[\w-]+/)*\w+\.md\]\(([\w./#-]+\.md(?:#[\w-]+)?)\)")


class MLIRLexer(RegexLexer):
    """MLIR as far as colours go."""

    name = "MLIR"
    aliases = ["mlir"]
    tokens = {
        "root": [
            (r"\s+", Text),
            (r"//.*", Comment.Single),
            (r'"(?:[^"\\]|\\.)*"', String),
            (r"%[\w$.-]+(?:#\d+)?", Name.Variable),
            (r"@[\w$.-]+", Name.Function),
            (r"\^[\w$.-]+", Name.Label),
            (r"[#!][\w$.]+", Name.Class),
            # The sizes of a shaped type stand before its element type: 4x?xf32.
            (r"(\b(?:tensor|memref|vector)\b)(<)", bygroups(Keyword.Type, Punctuation)),
            (r"(?:(?:\d+|\?|\*|\[\d+\])x)+(?=[a-z!])", Number),
            (r"\b(?:[su]?i\d+|bf16|f\d\w*|index|none)\b", Keyword.Type),
            (r"\b[a-z_]\w*\.[\w.]+", Name.Builtin),
            (r"\b(?:module|func|return|affine_map|affine_set|dense|dense_resource|loc|true|false|unit)\b", Keyword),
            (r"-?\b\d+(?:\.\d*)?(?:[eE][-+]?\d+)?\b|\b0x[0-9A-Fa-f]+\b", Number),
            (r"->|::|==|>=|<=", Operator),
            (r"\w+", Name),
            (r".", Punctuation),
        ],
    }


def toctrees(pages: list[str]) -> str:
    """The navigation as directives; `pages` are those that exist."""
    # Their titles say what was measured, but not when and on what; their names do.
    results = sorted((f"{pathlib.PurePath(p).name} <{p}>" for p in pages if p.startswith(RESULTS[:-1])), reverse=True)
    text = ""
    for caption, entries in NAV.items():
        lines = [line for entry in entries for line in (results if entry == RESULTS else [entry])]
        # From the root, since the page that holds them is in docs/.
        rooted = [re.sub(r"^(.*<)?(?=[^<]+>?$)", lambda m: (m[1] or "") + "/", line, count=1) for line in lines]
        text += "\n".join(["\n```{toctree}", ":hidden:", f":caption: {caption}", "", *rooted, "```\n"])
    return text


def generated(page: str, text: str) -> str:
    """A page of mlir-tblgen as one that stands for itself."""
    text = text.replace("\n[TOC]\n", "\n")
    if page not in TITLES:
        return text
    # One level up, but for lines in code; and passes are named as they are written on a command line.
    parts = re.split(r"(^```.*?^```)", text, flags=re.DOTALL | re.MULTILINE)
    parts[::2] = [re.sub(r"^##(#+ )", r"#\1", part, flags=re.MULTILINE) for part in parts[::2]]
    return f"# {TITLES[page]}\n\n" + "".join(parts).replace("\n## `-et", "\n## `--et")


def read_page(app: Any, page: str, source: list[str]) -> None:
    source[0] = NAMED_LINK.sub(r"[](\1)", source[0])
    if page == INDEX:
        source[0] += toctrees(sorted(app.env.found_docs))
    elif page.startswith("docs/reference/"):
        source[0] = generated(page, source[0])


def read_docstring(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Indented examples in docstrings of modules are code, without the marks of reStructuredText."""
    if what == "module":
        for i in range(len(lines) - 1, 0, -1):
            if lines[i].startswith("    ") and not lines[i - 1].strip():
                lines[i:i] = [".. code-block:: python", ""]


def write_entry(app: Any, failure: Exception | None) -> None:
    """The root of the pages is the repository, so the first one is not where browsers look."""
    if failure is None and app.builder.format == "html":
        target = f"{INDEX}.html"
        pathlib.Path(app.outdir, "index.html").write_text(
            f'<!doctype html><meta charset="utf-8"><title>E.T.</title><meta http-equiv="refresh" content="0; url={target}">'
            f'<a href="{target}">E.T.</a>\n')


def setup(app: Any) -> dict[str, Any]:
    app.add_lexer("mlir", MLIRLexer)
    app.connect("source-read", read_page)
    app.connect("autodoc-process-docstring", read_docstring)
    app.connect("build-finished", write_entry)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
