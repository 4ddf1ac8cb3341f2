#===- test_setup.py - scripts/setup.sh where nothing is missing -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Runs setup.sh in a checkout of its own, with every package there: what it does to the environment, and what it refuses."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "setup.sh"
FILES = sorted(path.name for path in (ROOT / "requirements").glob("*.txt"))


@pytest.fixture
def checkout(tmp_path) -> Path:
    root = tmp_path / "et"
    (root / "scripts").mkdir(parents=True)
    shutil.copy(SCRIPT, root / "scripts")
    (root / "requirements").mkdir()
    for name in FILES:
        (root / "requirements" / name).write_text("# nothing\n")
    (root / "python" / "et").mkdir(parents=True)
    (root / "python" / "et" / "__init__.py").write_text("compile = 'the real one'\n")
    # An environment whose pip is asked for nothing, and a dpkg that knows everything.
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", root / ".venv"], check=True)
    site = next((root / ".venv" / "lib").glob("python*")) / "site-packages"
    (site / "pip.py").write_text("import sys; sys.exit(0)\n")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "dpkg-query").write_text('#!/bin/sh\nshift 2\nfor name; do echo "$name installed"; done\n')
    (tmp_path / "bin" / "dpkg-query").chmod(0o755)
    return root


def setup(checkout: Path, *sets: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PATH": f"{checkout.parent / 'bin'}:{os.environ['PATH']}"}
    return subprocess.run([checkout / "scripts" / "setup.sh", *sets], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)


def imported(checkout: Path, folder: Path) -> str:
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([checkout / ".venv" / "bin" / "python", "-c", "import et; print(et.compile)"], cwd=folder, env=env,
                          capture_output=True, text=True, timeout=60)
    return done.stdout.strip() or done.stderr.splitlines()[-1]


def test_the_environment_knows_the_checkout(checkout, tmp_path):
    assert "No module named 'et'" in imported(checkout, checkout)
    assert "has no attribute 'compile'" in imported(checkout, tmp_path)  # the checkout is a folder called et
    done = setup(checkout, "docs")
    assert done.returncode == 0, done.stderr
    for folder in (checkout, tmp_path, Path("/")):
        assert imported(checkout, folder) == "the real one"


def test_a_second_call_does_nothing(checkout):
    assert setup(checkout, "docs").stdout == "setup: installing Python packages: requirements/docs.txt\n"
    stamps = {p: p.stat().st_mtime_ns for p in (checkout / ".venv").glob("**/et-*")}
    assert len(stamps) == 2
    done = setup(checkout, "docs")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert stamps == {p: p.stat().st_mtime_ns for p in (checkout / ".venv").glob("**/et-*")}


def test_a_set_that_there_is_not_is_refused(checkout):
    done = setup(checkout, "doc")
    assert done.returncode == 1
    head, sets = done.stderr.strip().split("; the sets are ")
    assert head == "setup: error: no requirements/doc.txt"
    assert sorted(sets.replace(" and ", ", ").split(", ")) == [Path(name).stem for name in FILES if name != "weights.txt"]
