#===- __init__.py - The commands that the wheel puts on the path -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Commands on the path: `et`, and the tools written in C++, whose mains are functions of the package's library.

A package of its own, so that a tool does not wait for PyTorch, which `import et` loads.
"""

from __future__ import annotations

import ctypes as C
import importlib.util
import os
import signal
import sys
from pathlib import Path

__all__ = ["et", "find_package", "run_program", "tool"]


def find_package() -> Path:
    """The folder of the package `et`, which is not imported."""
    spec = importlib.util.find_spec("et")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("error: cannot find the package 'et', which holds the tools; install it with: pip install et-compiler")
    return Path(next(iter(spec.submodule_search_locations)))


def et() -> int:
    """`et COMMAND`, the same as `python -m et COMMAND`."""
    from et.__main__ import main

    return main()


def tool() -> int:
    """The C++ tool by whose name this process was called."""
    library = find_package() / "lib" / "libETCAPI.so"
    if not library.exists():
        raise SystemExit(f"error: cannot find {library}, which holds the tools; install the wheel of et-compiler again, "
                         "or in a checkout call the tool in build/bin")
    try:
        main = C.CDLL(str(library)).etToolMain
    except (OSError, AttributeError) as error:
        raise SystemExit(f"error: cannot take the tools from {library}: {error}; install the wheel of et-compiler again") from error
    # Python would act on it only after the tool's end.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    arguments = [os.fsencode(argument) for argument in (Path(sys.argv[0]).name, *sys.argv[1:])]
    return int(main(len(arguments), (C.c_char_p * (len(arguments) + 1))(*arguments, None)))


def run_program() -> int:
    """et-run-program, an executable without LLVM, takes the place of this process."""
    path = find_package() / "bin" / "et-run-program"
    if not os.access(path, os.X_OK):
        raise SystemExit(f"error: cannot find {path}, or it may not be executed; install the wheel of et-compiler again")
    os.execv(path, [str(path), *sys.argv[1:]])
