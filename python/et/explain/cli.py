#===- cli.py - The command line of et.explain -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Writes one HTML page that says what a saved program holds, how each weight is stored, and how long each step takes.

    python -m et.explain model.etp --shape batch=1 sequence=128 -o report.html

Without sizes or inputs nothing is run, and the page has no times. What the compiler said of a weight is not in the file: call
et.explain in Python with the model for that.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.text import Text

from .. import errors
from . import explain
from .errors import ExplainError
from .formats import size, time


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Reads the command line."""
    first, _, rest = __doc__.partition("\n\n")
    parser = argparse.ArgumentParser(prog="python -m et.explain", description=first, epilog=rest,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=Path, metavar="PROGRAM.etp", help="a saved program, from et-compile or program.save(path)")
    parser.add_argument("-o", "--output", type=Path, default=Path("report.html"), metavar="FILE", help="the page (default: %(default)s)")
    parser.add_argument("--title", help="heading of the page (default: the name of the file)")
    run = parser.add_argument_group("what it is run on")
    run.add_argument("--shape", nargs="+", action="extend", default=[], metavar="NAME=SIZE",
                     help="sizes of the dynamic dimensions; inputs without a file are made: ones for integers, random numbers for floats")
    run.add_argument("--input", action="append", default=[], metavar="[NAME=]FILE.npy", help="array of an input: in order, or by its name")
    run.add_argument("--device", help="cpu, cuda or cuda:1 (default: a GPU when the program has a plan for one, else the CPU)")
    run.add_argument("--threads", type=int, metavar="N", help="threads on a CPU (default: one per processor)")
    run.add_argument("--rounds", type=int, default=3, metavar="N", help="how often the steps are measured; the quickest run counts (default: %(default)s)")
    run.add_argument("--profile", type=Path, metavar="FILE.json",
                     help="times of a run elsewhere, which et-run-program --profile-json wrote; nothing is run here")
    run.add_argument("--no-measure", dest="measure", action="store_false", help="do not run the program")
    curve = parser.add_argument_group("accuracy-latency curve")
    curve.add_argument("--curve", action="append", default=[], metavar="RECORD.json[=PROGRAM.etp]",
                       help="a record of et.prune with the program compiled from that model, or an accuracy.json whose jobs hold "
                            "latency_ms; may be given several times")
    return parser.parse_args(arguments)


def parse_shape(items: Sequence[str]) -> dict[str, int]:
    """Reads NAME=SIZE."""
    sizes: dict[str, int] = {}
    for item in items:
        name, equals, size_text = item.rpartition("=")
        if not equals or not name or not size_text.isascii() or not size_text.isdecimal():
            raise ExplainError(f"expected --shape NAME=SIZE, such as batch=1, but got '{item}'")
        if name in sizes:
            raise ExplainError(f"expected the size of '{name}' once, but --shape gives it twice")
        sizes[name] = int(size_text)
    return sizes


def read_inputs(items: Sequence[str]) -> tuple[list[np.ndarray], dict[str, np.ndarray]]:
    """Reads [NAME=]FILE.npy: arrays in order, and by name."""
    given: list[np.ndarray] = []
    named: dict[str, np.ndarray] = {}
    for item in items:
        name, equals, path = item.partition("=")
        path = path if equals else item
        try:
            array = np.load(path, allow_pickle=False)
        except OSError as error:
            raise ExplainError(f"expected an array (.npy) for --input, but '{path}' cannot be read: {error.strerror or error}") from error
        except ValueError as error:
            raise ExplainError(f"expected an array (.npy) for --input, but '{path}' is none: {error}") from error
        if not isinstance(array, np.ndarray):
            raise ExplainError(f"expected an array (.npy) for --input, but '{path}' holds several")
        if equals:
            named[name] = array
        else:
            given.append(array)
    return given, named


def parse_curve(items: Sequence[str]) -> list[Any] | None:
    """Reads RECORD.json[=PROGRAM.etp]."""
    pairs = [item.partition("=") for item in items]
    return [(record, program) if equals else record for record, equals, program in pairs] or None


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs; what a user can put right is one line without a traceback."""
    options = parse_arguments(arguments)
    try:
        given, named = read_inputs(options.input)
        sizes = parse_shape(options.shape)
        found = explain(options.program, *given, *([named] if named else []), *([sizes] if sizes else []), output=options.output,
                        title=options.title, threads=options.threads, device=options.device, curve=parse_curve(options.curve), profile=options.profile,
                        measure=options.measure, rounds=options.rounds)
    except errors.Error as error:
        Console(stderr=True, soft_wrap=True).print("[bold red]error:[/]", Text(str(error)))
        return 1
    except KeyboardInterrupt:
        return 130
    taken = f"{time(found.us)} a run" if found.us is not None else "not measured"
    Console(soft_wrap=True).print(Text(f"{found.target}: {len(found.steps)} steps, {len(found.weights)} linear weights, {size(found.weight_bytes)} of "
                                       f"weights, {taken}; written: {options.output}"))
    return 0
