#===- cli.py - The command line of et.check -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Says which sizes break a module or function of a Python file.

    python -m et check model.py:net --shape x=batch,3,height,width --min height=32 --min width=32

OBJECT is a module, a function, or a class that is made without arguments. A size is a number, a name, or a multiple of a name such as
32*height; a type may follow: ids=batch,sequence:int64. The exit status is 1 where a size breaks it, and 2 where the question is wrong.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from .. import errors
from . import check
from .errors import CheckError


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Reads the command line."""
    first, _, rest = __doc__.partition("\n\n")
    parser = argparse.ArgumentParser(prog="python -m et check", description=first, epilog=rest, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", metavar="FILE.py:OBJECT", help="what to check")
    parser.add_argument("--shape", action="append", default=[], metavar="NAME=SIZE,SIZE,...[:DTYPE]", help="sizes of an argument; once for each")
    parser.add_argument("--min", action="append", default=[], metavar="NAME=N", help="smallest value of a named size (default: 1)")
    parser.add_argument("--max", action="append", default=[], metavar="NAME=N", help="largest value of a named size")
    parser.add_argument("--max-runs", type=int, default=64, metavar="N", help="after how many runs to stop (default: %(default)s)")
    parser.add_argument("--max-seconds", type=float, default=60.0, metavar="N", help="after how many seconds to stop (default: %(default)s)")
    parser.add_argument("--emit", choices=("text", "json", "mlir"), default="text",
                        help="what to print: the report, the same as JSON, or what the compiler was asked (default: %(default)s)")
    return parser.parse_args(arguments)


def parse_shape(item: str) -> tuple[str, tuple[Any, ...]]:
    """Reads NAME=SIZE,SIZE,...[:DTYPE]."""
    name, equals, rest = item.partition("=")
    text, colon, dtype_name = rest.partition(":")
    if not equals or not name:
        raise CheckError(f"expected --shape NAME=SIZE,SIZE,... such as x=batch,3,224,224, but got '{item}'")
    sizes: list[Any] = [int(size) if size.strip().isdecimal() else size.strip() for size in text.split(",")] if text.strip() else []
    if colon:
        dtype = getattr(torch, dtype_name, None)
        if not isinstance(dtype, torch.dtype):
            raise CheckError(f"expected a type of PyTorch such as int64 after ':', but got '{dtype_name}' in --shape {item}")
        sizes.append(dtype)
    return name, tuple(sizes)


def parse_bounds(option: str, items: Sequence[str]) -> dict[str, int]:
    """Reads NAME=N."""
    bounds = {}
    for item in items:
        name, equals, value = item.partition("=")
        if not equals or not name or not value.isdecimal():
            raise CheckError(f"expected {option} NAME=N, such as batch=2, but got '{item}'")
        bounds[name] = int(value)
    return bounds


def load(program: str) -> Any:
    """The object that FILE.py:OBJECT names."""
    file, colon, name = program.rpartition(":")
    path = Path(file)
    if not colon or not name:
        raise CheckError(f"expected FILE.py:OBJECT, such as model.py:net, but got '{program}'")
    spec = importlib.util.spec_from_file_location(path.stem, path) if path.is_file() else None
    if spec is None or spec.loader is None:
        raise CheckError(f"expected a Python file, but there is no '{file}'")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    sys.path.insert(0, str(path.parent))
    spec.loader.exec_module(module)
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            raise CheckError(f"expected '{name}' in {file}, but it has no '{part}'")
        found = getattr(found, part)
    return found() if isinstance(found, type) else found


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs; what a user can put right is one line without a traceback."""
    options = parse_arguments(arguments)
    try:
        shapes = dict(parse_shape(item) for item in options.shape)
        report = check(load(options.program), shapes, min=parse_bounds("--min", options.min), max=parse_bounds("--max", options.max),
                       max_runs=options.max_runs, max_seconds=options.max_seconds)
    except errors.Error as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    text = json.dumps(report.to_json(), indent=2) if options.emit == "json" else report.program if options.emit == "mlir" else str(report)
    print(text.rstrip("\n"))
    return 0 if report.ok else 1
