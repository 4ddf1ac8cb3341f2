#===- check_symbols.py - The functions of the C API, as released -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Compares what the libraries of the C API export with a list.

    check_symbols.py LLVM-NM LIST LIBRARY...

The list has a line `LIBRARY FUNCTION` each, sorted. MLIR's own functions (mlir..., but for those of our dialect and passes) are
not in it. ET_UPDATE_SYMBOLS=1 writes the list anew: new functions are for that; one that is missing breaks programs which
use it, and needs a new major version.
"""

import os
import pathlib
import re
import subprocess
import sys

OURS = re.compile(r"et[A-Z]|mlir(Create|Register)ET|mlirGetDialectHandle__et__$")


def exported(nm: str, library: str) -> list[str]:
    text = subprocess.run([nm, "--dynamic", "--defined-only", "--format=just-symbols", library], capture_output=True, text=True, check=True).stdout
    return [name.partition("@")[0] for name in text.split()]


def main() -> int:
    nm, path, *libraries = sys.argv[1:]
    found, other = set(), []
    for library in libraries:
        name = pathlib.Path(library).name
        for symbol in exported(nm, library):
            if OURS.match(symbol):
                found.add(f"{name} {symbol}")
            elif not (name == "libETCAPI.so" and symbol.startswith("mlir")):
                other.append(f"{name} {symbol}")
    if os.environ.get("ET_UPDATE_SYMBOLS"):
        pathlib.Path(path).write_text("".join(f"{line}\n" for line in sorted(found)))
    known = set(pathlib.Path(path).read_text().splitlines())
    problems = [f"missing, which breaks programs that use it: {line}" for line in sorted(known - found)]
    problems += [f"new, ET_UPDATE_SYMBOLS=1 writes it down: {line}" for line in sorted(found - known)]
    problems += [f"not part of the C API: {line}" for line in sorted(other)]
    print("\n".join(problems) or f"{len(found)} functions")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
