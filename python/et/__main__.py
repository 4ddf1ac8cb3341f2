#===- __main__.py - python -m et -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""`python -m et COMMAND`: the command lines of this package."""

import importlib
import sys

COMMANDS = ("check", "doctor", "explain", "onnx", "prune")


def main() -> int:
    """Hands the other arguments to `python -m et.COMMAND`."""
    command = sys.argv[1] if len(sys.argv) > 1 else "no command"
    if command in ("-h", "--help"):
        print(f"usage: python -m et {{{','.join(COMMANDS)}}} ...\n       python -m et --version")
        return 0
    if command == "--version":
        from .doctor.about import describe

        print(describe())
        return 0
    if command not in COMMANDS:
        print(f"error: expected a command ({', '.join(COMMANDS)}), but got {command}", file=sys.stderr)
        return 2
    return importlib.import_module(f"et.{command}.cli").main(sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
