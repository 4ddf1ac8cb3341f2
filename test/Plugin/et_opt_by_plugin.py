#!/usr/bin/env python3
#===- et_opt_by_plugin.py - et-opt's command lines, run by mlir-opt -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Stands in for et-opt in the regression tests: runs a stock mlir-opt that loads ETPlugin.so, and et-opt itself, on the same
input, and fails where the two print or return something else. What mlir-opt printed goes on to the test.

    et_opt_by_plugin.py --et-opt=FILE --mlir-opt=FILE --plugin=FILE -- ARGUMENTS OF et-opt

mlir-opt reads its command line before it loads plugins, so passes given as options become a --pass-pipeline. The defaults
that et-opt adds to the command line (et-opt.cpp) are added here.
"""

import argparse
import difflib
import os
import subprocess
import sys

DIFFERENT = 90  # no exit status of either tool, and `not` takes it for a failure that it was not told of


def pass_names(mlir_opt: list[str]) -> set[str]:
    """The passes that mlir-opt knows with the plugin. It lists no pipelines."""
    lines = subprocess.run([*mlir_opt, "--list-passes"], capture_output=True, text=True, check=True).stdout.splitlines()
    return {line.split()[0].removeprefix("--") for line in lines if line.strip().startswith("--")}


def translate(arguments: list[str], names: set[str]) -> list[str]:
    """et-opt's command line for mlir-opt: passes as one pipeline in their order, everything else as it is."""
    passes, rest = [], []
    for argument in arguments:
        name, _, options = argument.lstrip("-").partition("=")
        if argument.startswith("-") and (name in names or name.startswith("et-")):
            passes.append(f"{name}{{{options}}}" if options else name)
        else:
            rest.append(argument)
    given = {argument.lstrip("-").partition("=")[0] for argument in rest if argument.startswith("-")}
    if "mlir-print-op-on-diagnostic" not in given:
        rest.append("--mlir-print-op-on-diagnostic=false")
    if any(name.startswith("remark") for name in given):
        rest.append("--mlir-disable-threading=true")
    if passes:
        rest.append(f"--pass-pipeline=builtin.module({','.join(passes)})")
    return rest


def split_output(arguments: list[str]) -> tuple[list[str], str | None]:
    """The arguments without `-o FILE`, and FILE."""
    if "-o" not in arguments:
        return arguments, None
    at = arguments.index("-o")
    return arguments[:at] + arguments[at + 2 :], arguments[at + 1]


def run(command: list[str], output: str | None, data: bytes | None) -> tuple[int, bytes, bytes, bytes]:
    """The exit status, both streams and the bytes of \\p output."""
    result = subprocess.run([*command, *(["-o", output] if output else [])], input=data, capture_output=True)
    written = b""
    if output and output != os.devnull and os.path.exists(output):
        with open(output, "rb") as file:
            written = file.read()
    return result.returncode, result.stdout, result.stderr, written


def report(name: str, theirs: bytes, ours: bytes) -> None:
    print(f"{name}: mlir-opt with the plugin differs from et-opt", file=sys.stderr)
    lines = [text.decode(errors="replace").splitlines() for text in (theirs, ours)]
    for line in list(difflib.unified_diff(*lines, "et-opt", "mlir-opt", lineterm=""))[:40]:
        print(line, file=sys.stderr)


def main() -> int:
    at = sys.argv.index("--")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("et-opt", "mlir-opt", "plugin"):
        parser.add_argument(f"--{name}", required=True, metavar="FILE")
    options = parser.parse_args(sys.argv[1:at])
    arguments, output = split_output(sys.argv[at + 1 :])

    mlir_opt = [options.mlir_opt, f"--load-dialect-plugin={options.plugin}", f"--load-pass-plugin={options.plugin}"]
    files = [argument for argument in arguments if not argument.startswith("-")]
    data = None if files else sys.stdin.buffer.read()
    names = pass_names(mlir_opt)

    theirs = run([options.et_opt, *arguments], output, data)
    ours = run([*mlir_opt, *translate(arguments, names)], output, data)
    same = True
    for name, their, our in zip(("exit status", "output", "errors", "file"), theirs, ours):
        if their != our:
            same = False
            report(name, *(text if isinstance(text, bytes) else str(text).encode() for text in (their, our)))
    if not same:
        return DIFFERENT
    sys.stdout.buffer.write(ours[1])
    sys.stderr.buffer.write(ours[2])
    return ours[0]


if __name__ == "__main__":
    sys.exit(main())
