#===- test_check_symbols.py - The list of the C API's functions -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""What test/CAPI/check_symbols.py says of functions that are missing, new, or not of the C API."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[1] / "CAPI" / "check_symbols.py"
LIST = "libETCAPI.so etCompile\nlibETCAPI.so etVersion\n"


def check(tmp_path, symbols: str, library: str = "libETCAPI.so", **env: str) -> tuple[int, str]:
    nm = tmp_path / "nm"
    nm.write_text("#!/bin/sh\nprintf '" + symbols.replace(" ", "\\n") + "'\n")
    nm.chmod(0o755)
    known = tmp_path / "symbols.txt"
    if not known.exists():
        known.write_text(LIST)
    done = subprocess.run([sys.executable, SCRIPT, nm, known, f"/lib/{library}"], env={**os.environ, **env}, capture_output=True, text=True)
    return done.returncode, done.stdout


@pytest.mark.parametrize("symbols, message", [
    ("etCompile", "missing, which breaks programs that use it: libETCAPI.so etVersion"),
    ("etCompile etVersion etNew", "new, ET_UPDATE_SYMBOLS=1 writes it down: libETCAPI.so etNew"),
    ("etCompile etVersion mlirCreateETNewPass", "new, ET_UPDATE_SYMBOLS=1 writes it down: libETCAPI.so mlirCreateETNewPass"),
    ("etCompile etVersion _ZN4mlir2et7compileEv", "not part of the C API: libETCAPI.so _ZN4mlir2et7compileEv"),
])
def test_a_difference_is_said(tmp_path, symbols, message):
    status, text = check(tmp_path, symbols)
    assert status == 1 and text.splitlines() == [message]


def test_mlir_is_in_one_library_only(tmp_path):
    assert check(tmp_path, "etCompile etVersion mlirContextCreate") == (0, "2 functions\n")
    status, text = check(tmp_path, "mlirContextCreate", "libETRuntime.so")
    assert status == 1 and "not part of the C API: libETRuntime.so mlirContextCreate" in text


def test_the_list_is_written_anew_on_request(tmp_path):
    assert check(tmp_path, "etVersion etCompile etNew", ET_UPDATE_SYMBOLS="1")[0] == 0
    assert (tmp_path / "symbols.txt").read_text().splitlines() == [f"libETCAPI.so et{n}" for n in ("Compile", "New", "Version")]
