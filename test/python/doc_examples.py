#===- doc_examples.py - Find and run the examples of a page -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Reads the fenced blocks of a page of docs/ and runs them in order, as a reader would, in a folder of their own.

| block | what happens |
| --- | --- |
| `python` | runs; blocks of one page share their names |
| `sh` | runs in bash, with the built tools first on PATH; must exit with 0 |
| `mlir` | is parsed and verified by et-opt |
| `c`, `cpp` | is compiled (syntax only) with the headers of the project and of MLIR |
| `json` | is parsed |
| `{name}` | is a directive of the site, no example |
| any other | is text: needs a marker |

A comment in front of a block, which readers do not see, is its marker:

    <!-- output -->                 what the block in front of it printed; "..." stands for anything
    <!-- output, numbers vary -->   the same, where a number stands for any number
    <!-- file NAME -->              is written to NAME as well, for blocks behind it
    <!-- fails -->                  a block of `sh` that must exit with another status than 0
    <!-- not run: REASON -->        is not an example that can run here, or not an example

What a page takes for granted stands in comments `<!-- setup python` or `<!-- setup sh`, which run where they stand.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 120

BLOCK = re.compile(
    r"^<!-- setup (?P<setup>\w+)\n(?P<given>.*?)^-->$"
    r"|^(?:<!-- (?P<marker>[^\n]*?) -->\n)?^(?P<fence>```+)(?P<language>[^\n]*)\n(?P<code>.*?)^(?P=fence)$",
    re.DOTALL | re.MULTILINE)
MARKER = re.compile(r"(?P<output>output)(?P<vary>, numbers vary)?|file (?P<file>[\w./-]+)|(?P<fails>fails)|not run: (?P<reason>.+)")


class ExampleError(Exception):
    """A block that cannot be read, did not run, or printed something else; the text names the page and the line."""


@dataclasses.dataclass
class Block:
    """A block of a page; `reason` says why it is not run, `output` that it is what the last one printed."""

    page: str
    line: int
    language: str
    code: str
    reason: str = ""
    output: bool = False
    numbers_vary: bool = False
    fails: bool = False
    file: str = ""
    setup: bool = False

    def error(self, text: str) -> ExampleError:
        return ExampleError(f"{self.page}:{self.line}: {text}")


def read(page: str, text: str) -> list[Block]:
    """The blocks of a page. One that is neither run nor compared, and does not say why, is an error."""
    blocks: list[Block] = []
    for match in BLOCK.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        if (match["language"] or "").startswith("{"):
            continue  # a directive of the site
        if match["setup"]:
            block = Block(page, line, match["setup"], match["given"], setup=True)
            if block.language not in ("python", "sh"):
                raise block.error(f"expected a setup in python or sh, but got {block.language!r}")
        else:
            block = Block(page, line, match["language"].strip(), match["code"])
            mark(block, match["marker"])
            if block.output and (not blocks or blocks[-1].reason):
                raise block.error("expected a block that runs in front of an output")
        blocks.append(block)
    # A marker that the expression above did not take belongs to nothing.
    taken = sum(1 for b in blocks if b.reason or b.output or b.fails or b.file)
    found = re.findall(r"^<!-- (?:output|file|fails|not run)\b.*$", text, re.MULTILINE)
    if len(found) != taken:
        raise ExampleError(f"{page}: expected each marker right in front of a block, but {len(found) - taken} are not")
    return blocks


def mark(block: Block, marker: str | None) -> None:
    """Takes the comment in front of a block in."""
    if marker is None or not re.match(r"output|file|fails|not run", marker):
        if block.language not in RUNNERS:
            raise block.error(f"expected a block of {', '.join(RUNNERS)}, or a comment in front of it: <!-- output --> or <!-- not run: REASON -->")
        return
    match = MARKER.fullmatch(marker)
    if not match:
        raise block.error(f"expected output, 'output, numbers vary', 'file NAME', fails or 'not run: REASON', but got '{marker}'")
    block.output, block.numbers_vary, block.fails = bool(match["output"]), bool(match["vary"]), bool(match["fails"])
    block.file, block.reason = match["file"] or "", match["reason"] or ""
    if block.fails and block.language != "sh":
        raise block.error(f"expected only a block of sh to fail, but this is {block.language or 'text'}")


def expression(expected: str, numbers_vary: bool) -> re.Pattern[str]:
    """What an output has to match. White space counts as one space, as pages wrap long lines, and as none beside "..."."""
    words = []
    for part in re.split(r"( ?\.\.\. ?)", " ".join(expected.split())):
        if part.strip() == "...":
            words.append(r"(?:.*?)")
        elif numbers_vary:
            words.append(r"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?".join(map(re.escape, re.split(r"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?", part))))
        else:
            words.append(re.escape(part))
    return re.compile("".join(words))


@dataclasses.dataclass
class Page:
    """Where the blocks of one page run."""

    folder: Path
    build: Path
    names: dict[str, Any] = dataclasses.field(default_factory=lambda: {"__name__": "__main__"})
    printed: str = ""

    def run(self, block: Block) -> None:
        """Runs a block, or compares it with what the last one printed."""
        if block.reason:
            return
        if block.output:
            if not expression(block.code, block.numbers_vary).fullmatch(" ".join(self.printed.split())):
                raise block.error(f"expected the output\n{block.code}but got\n{self.printed}")
            return
        if block.file:
            path = self.folder / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.code)
            if block.language not in RUNNERS:
                return
        try:
            self.printed = RUNNERS[block.language](self, block)
        except ExampleError:
            raise
        except Exception as failure:
            raise block.error(f"{type(failure).__name__}: {failure}") from failure

    def python(self, block: Block) -> str:
        text = io.StringIO()
        if block.file:  # a module for other blocks to import
            sys.modules.pop(Path(block.file).stem, None)
            compile(block.code, block.file, "exec")
            return ""
        with contextlib.redirect_stdout(text):
            # Lines count from the page's, so that a traceback shows where.
            exec(compile("\n" * block.line + block.code, f"{block.page}", "exec"), self.names)
        return text.getvalue()

    def shell(self, block: Block) -> str:
        env = {**os.environ, "ET_BUILD_DIR": str(self.build), "PYTHONPATH": str(ROOT / "python"), "COLUMNS": "120",
               "LLVM_PREFIX": str(Path(self.cached("MLIR_DIR")).parents[2]), "ET_SOURCE": str(ROOT),
               "PATH": os.pathsep.join([str(self.build / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]])}
        return self.command(block, ["bash", "-euo", "pipefail", "-c", block.code], env=env)

    def mlir(self, block: Block) -> str:
        return self.command(block, [str(self.build / "bin" / "et-opt"), "-o", os.devnull], input=block.code)

    def compiled(self, block: Block) -> str:
        language, standard = {"c": ("c", "c99"), "cpp": ("c++", "c++17")}[block.language]
        # What blocks in front of it generated comes before what the build generated.
        folders = [self.folder / "include", ROOT / "include", self.build / "include", Path(self.cached("MLIR_DIR")).parents[2] / "include"]
        return self.command(block, [self.cached("CMAKE_CXX_COMPILER"), f"-std={standard}", "-fsyntax-only", "-w", *(f"-I{f}" for f in folders),
                                    "-x", language, "-"], input=block.code)

    def cached(self, name: str) -> str:
        """What the build folder was configured with."""
        cache = (self.build / "CMakeCache.txt").read_text()
        return re.search(rf"^{name}:\w+=(.*)$", cache, re.MULTILINE)[1]

    def json(self, block: Block) -> str:
        json.loads(block.code)
        return ""

    def command(self, block: Block, arguments: list[str], **options: Any) -> str:
        if "input" not in options:
            options["stdin"] = subprocess.DEVNULL
        done = subprocess.run(arguments, cwd=self.folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=SECONDS, **options)
        if (done.returncode != 0) != block.fails:
            raise block.error(f"expected {'an error' if block.fails else 'success'}, but the exit status is {done.returncode}:\n{done.stdout}")
        return done.stdout


RUNNERS: dict[str, Callable[[Page, Block], str]] = {
    "python": Page.python, "sh": Page.shell, "mlir": Page.mlir, "c": Page.compiled, "cpp": Page.compiled, "json": Page.json}
