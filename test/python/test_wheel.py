#===- test_wheel.py - Packing the wheel -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""The logic of scripts/wheel.py and et_tools, with small libraries in place of the compiler's: `make wheel-test` has the real ones."""

import importlib.util
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
spec = importlib.util.spec_from_file_location("wheel_script", ROOT / "scripts/wheel.py")
wheel_script = importlib.util.module_from_spec(spec)
spec.loader.exec_module(wheel_script)

SOURCE = """
#include <stdio.h>
int etToolMain(int argc, char **argv) {
  for (int i = 0; i < argc; ++i) puts(argv[i]);
  fflush(stdout);
  return argc == 1 ? 3 : 0;
}
"""


def compile_library(path: Path, source: str = SOURCE, *flags: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cc", "-x", "c", "-", "-shared", "-fPIC", "-o", str(path), *flags], input=source, text=True, check=True)


def make_build(folder: Path, static: str = "ON") -> Path:
    compile_library(folder / "lib/wheel/libETCAPI.so")
    compile_library(folder / "lib/libETRuntime.so")
    (folder / "bin").mkdir()
    subprocess.run(["cc", "-x", "c", "-", "-o", str(folder / "bin/et-run-program")], text=True, check=True,
                   input='#include <stdio.h>\nint main(int n, char **v) { puts(n > 1 ? v[1] : "none"); return 5; }')
    (folder / "CMakeCache.txt").write_text(f"ET_STATIC:BOOL={static}\n")
    return folder


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    """The same wheel, made twice: from other folders, under another umask."""
    found = []
    for umask in (0o022, 0o077):
        folder = tmp_path_factory.mktemp("wheel")
        build = make_build(folder / "build")
        before = os.umask(umask)
        try:
            found.append(wheel_script.build_wheel(build, folder / "dist"))
        finally:
            os.umask(before)
    return found


@pytest.fixture(scope="module")
def installed(wheels, tmp_path_factory):
    """Environment variables and folder of commands of an environment that holds the wheel."""
    folder = tmp_path_factory.mktemp("venv")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    subprocess.run([folder / "bin/python", "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", wheels[0]], check=True)
    return folder / "bin"


def run(path, *arguments):
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "ET_BUILD_DIR")}
    return subprocess.run([path, *arguments], capture_output=True, text=True, env=environment, cwd="/")


def test_two_builds_give_the_same_bytes(wheels):
    assert wheels[0].read_bytes() == wheels[1].read_bytes()


def test_the_wheel_has_what_it_needs_and_an_honest_tag(wheels):
    assert re.fullmatch(r"et_compiler-.*-py3-none-manylinux_2_\d+_x86_64\.whl", wheels[0].name)
    names = zipfile.ZipFile(wheels[0]).namelist()
    for name in ("et/py.typed", "et/build.json", "et/lib/libETCAPI.so", "et/lib/libETRuntime.so", "et/lib/libomp.so.5",
                 "et/lib/libzstd.so.1", "et/bin/et-run-program", "et/explain/templates/page.html", "et_tools/__init__.py"):
        assert name in names
    assert not [name for name in names if "__pycache__" in name or name.startswith(("test", "tests"))]


def test_a_wheel_of_the_shared_flavour_is_not_called_manylinux(tmp_path):
    assert "-linux_x86_64.whl" in wheel_script.build_wheel(make_build(tmp_path / "build", "OFF"), tmp_path / "dist").name


def test_versions_agree():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert f"project(ET VERSION {project['version']} " in (ROOT / "CMakeLists.txt").read_text()


def test_sources_are_those_of_python_3_10():
    import ast

    for path in (ROOT / "python").rglob("*.py"):
        ast.parse(path.read_text(), str(path), feature_version=(3, 10))


def test_a_tool_gets_its_name_and_arguments_and_gives_its_status(installed):
    done = run(installed / "et-opt", "a b", "--c")
    assert (done.stdout.split("\n")[:3], done.returncode) == (["et-opt", "a b", "--c"], 0)
    assert run(installed / "et-lsp-server").returncode == 3
    done = run(installed / "et-run-program", "x")
    assert (done.stdout, done.returncode) == ("x\n", 5)


def test_a_broken_installation_is_said(installed, tmp_path):
    library = next(installed.parent.glob("lib/python*/site-packages/et/lib/libETCAPI.so"))
    program = library.parent.parent / "bin/et-run-program"
    kept = library.read_bytes()
    try:
        library.write_bytes(b"no library")
        assert "cannot take the tools from" in run(installed / "et-opt").stderr
        library.unlink()
        done = run(installed / "et-opt")
        assert "cannot find" in done.stderr and done.returncode == 1
        program.chmod(0o644)
        assert "may not be executed" in run(installed / "et-run-program").stderr
    finally:
        library.write_bytes(kept)
        program.chmod(0o755)


def test_a_folder_that_is_no_build_is_refused(tmp_path):
    with pytest.raises(wheel_script.WheelError, match="expected a build folder"):
        wheel_script.build_wheel(tmp_path, tmp_path / "dist")


def test_a_build_without_the_library_is_refused(tmp_path):
    build = make_build(tmp_path / "build")
    (build / "lib/wheel/libETCAPI.so").unlink()
    with pytest.raises(wheel_script.WheelError, match="ninja -C .* ETToolbox"):
        wheel_script.build_wheel(build, tmp_path / "dist")


def test_a_library_that_not_every_machine_has_is_refused(tmp_path):
    build = make_build(tmp_path / "build")
    compile_library(tmp_path / "libother.so")
    compile_library(build / "lib/libETRuntime.so", SOURCE, "-Wl,--no-as-needed", f"-L{tmp_path}", "-lother")
    with pytest.raises(wheel_script.WheelError, match="would need libother.so"):
        wheel_script.build_wheel(build, tmp_path / "dist")


def test_a_wheel_over_the_limit_ends_with_status_1(tmp_path):
    build = make_build(tmp_path / "build")
    done = subprocess.run([sys.executable, ROOT / "scripts/wheel.py", build, "--output", tmp_path / "dist", "--limit", "0.01"],
                          capture_output=True, text=True)
    assert done.returncode == 1 and "expected at most 0.01 MB" in done.stderr


def test_the_script_of_installation_refuses_what_is_no_file(tmp_path):
    done = subprocess.run([ROOT / "scripts/wheel_test.sh", tmp_path / "none.whl"], capture_output=True, text=True)
    assert done.returncode == 2 and "expected a wheel" in done.stderr
