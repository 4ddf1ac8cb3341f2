#===- cli.py - The command line of et.onnx -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Imports an ONNX file, or says what it holds.

    python -m et.onnx model.onnx -o model.mlir
    python -m et.onnx model.onnx --inspect

With -o the weights are written beside the module, as model.safetensors. et-compile does all of it: et-compile model.onnx -o model.etp.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from .. import errors
from .errors import OnnxError
from .importing import import_onnx
from .reader import Model, inspect_model
from .registry import find, table


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Reads the command line."""
    first, _, rest = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(prog="python -m et.onnx", description=first, epilog=rest, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", metavar="FILE.onnx", nargs="?", help="the model; its external data lies beside it")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("-o", dest="output", metavar="FILE.mlir", help="where to write the module")
    what.add_argument("--inspect", action="store_true", help="print inputs, outputs, opsets and operators, and which of them are not taken")
    what.add_argument("--operators", action="store_true", help="print the operators that are taken, as a table")
    parser.add_argument("--dim", action="append", default=[], metavar="NAME=SIZE", help="fix a dynamic dimension; once for each")
    parser.add_argument("--masked-rows", choices=("exact", "ignore"), default="exact",
                        help="ignore: rows of attention whose keys are all masked do not matter, which is faster (default: %(default)s)")
    parser.add_argument("--allow-non-finite", action="store_true", help="take weights that hold NaN or infinity")
    options = parser.parse_args(arguments)
    if options.model is None and not options.operators:
        parser.error("expected the path of an ONNX file")
    return options


def parse_dims(items: Sequence[str]) -> dict[str, int]:
    """Reads NAME=SIZE."""
    dims = {}
    for item in items:
        name, equals, size = item.rpartition("=")
        if not equals or not name or not size.isdecimal():
            raise OnnxError(f"expected --dim NAME=SIZE, such as sequence=128, but got '{item}'")
        dims[name] = int(size)
    return dims


def describe(model: Model) -> str:
    """What a file holds, as text."""
    opsets = ", ".join(f"{domain or 'ai.onnx'} {version}" for domain, version in sorted(model.opsets.items()))
    lines = [f"{model.path}: opset {opsets}" + (f", made by {model.producer}" if model.producer else "")]
    for value in model.inputs:
        sizes = ", ".join(f"{value.name}_{d}" if size is None else str(size) for d, size in enumerate(value.shape))
        lines.append(f"  input   {value.name}: {str(value.dtype).removeprefix('torch.')} [{sizes}]")
    lines += [f"  output  {name}" for name in model.graph.outputs]
    for (domain, name), count in sorted(model.counts.items(), key=lambda item: (-item[1], item[0])):
        title = f"{domain}:{name}" if domain else name
        lines.append(f"  {count:6d}  {title}" + ("" if find(domain, name) else "  (not taken)"))
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs; what a user can put right is a message without a traceback."""
    options = parse_arguments(arguments)
    try:
        if options.operators:
            print(table())
        elif options.inspect:
            print(describe(inspect_model(options.model)))
        else:
            imported = import_onnx(options.model, dims=parse_dims(options.dim), masked_rows=options.masked_rows,
                                   check_finite=not options.allow_non_finite)
            imported.save(options.output)
    except (errors.Error, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0
