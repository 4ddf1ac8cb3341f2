#===- test_package.py - find_package(ET) from another project -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Installs the build, builds examples/embedding and small projects with nothing but what was installed, and runs what comes out."""

from __future__ import annotations

import math
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "embedding"
SECONDS = 600


def run(*command: str | Path, fails: bool = False) -> str:
    """What a command printed, on both streams."""
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=SECONDS)
    assert (done.returncode != 0) == fails, f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def prefix(build_dir, tmp_path_factory) -> Path:
    """Where the package is installed."""
    folder = tmp_path_factory.mktemp("prefix")
    run("cmake", "--install", build_dir, "--prefix", folder)
    return folder


def configure(source: Path, build: Path, *options: str, fails: bool = False) -> str:
    return run("cmake", "-S", source, "-B", build, "-G", "Ninja", *options, fails=fails)


def project(folder: Path, text: str, **files: str) -> Path:
    """A project whose CMakeLists.txt says \\p text behind its first lines."""
    folder.mkdir()
    (folder / "CMakeLists.txt").write_text(f"cmake_minimum_required(VERSION 3.20)\nproject(Test LANGUAGES C CXX)\n{text}")
    for name, content in files.items():
        (folder / name.replace("_", ".")).write_text(content)
    return folder


@pytest.fixture(scope="module")
def example(prefix, tmp_path_factory) -> Path:
    """The build folder of examples/embedding."""
    folder = tmp_path_factory.mktemp("embedding")
    configure(EXAMPLE, folder, f"-DCMAKE_PREFIX_PATH={prefix}")
    run("cmake", "--build", folder)
    return folder


def layer(rows: int) -> np.ndarray:
    """What examples/embedding/layer.mlir computes of 0, 1/8, ..., in float64, with GELU in the form of tanh."""
    text = (EXAMPLE / "layer.mlir").read_text()
    w1, b1, w2 = (np.array(eval(dense)) for dense in re.findall(r"dense<(.*?)>", text))
    h = np.arange(rows * 4).reshape(rows, 4) / 8 @ w1.T + b1
    return (h / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (h + 0.044715 * h**3)))) @ w2.T


def numbers(text: str) -> np.ndarray:
    return np.array([float(line) for line in text.split()]).reshape(-1, 3)


def test_a_compiler_of_another_project_runs_and_saves(example, tmp_path):
    saved = tmp_path / "layer.etp"
    np.testing.assert_allclose(numbers(run(example / "my-compiler", EXAMPLE / "layer.mlir", saved)), layer(3), rtol=1e-5, atol=1e-6)
    for rows in (1, 2, 7, 130):
        np.testing.assert_allclose(numbers(run(example / "my-app", saved, str(rows))), layer(rows), rtol=1e-5, atol=1e-6)


def test_an_optimizer_of_another_project_has_both_kinds_of_passes(example, tmp_path):
    text = run(example / "my-opt", "--approximate-gelu", "--et-plan-cpu=isa=baseline", EXAMPLE / "layer.mlir")
    assert "et.launch" in text and "#et.gelu<tanh>" in text
    assert "gpu.module" in run(example / "my-opt", "--et-to-gpu=chip=sm_80", EXAMPLE / "layer.mlir")
    assert "Unknown command line argument '--linalg-fuse-elementwise-ops'" in run(
        example / "my-opt", "--linalg-fuse-elementwise-ops", EXAMPLE / "layer.mlir", fails=True)


def test_the_application_needs_no_llvm(example):
    needed = run("ldd", example / "my-app")
    assert "libETRuntime.so" in needed and "LLVM" not in needed and "MLIR" not in needed


def test_errors_reach_the_user(example, tmp_path):
    broken = tmp_path / "broken.mlir"
    broken.write_text(EXAMPLE.joinpath("layer.mlir").read_text().replace("tensor<3x5xf32>)", "tensor<3x4xf32>)"))
    assert "error: " in run(example / "my-compiler", broken, tmp_path / "x.etp", fails=True)
    assert "cannot open" in run(example / "my-app", tmp_path / "x.etp", "1", fails=True)


def test_the_package_names_no_folder_of_the_build(prefix, build_dir):
    for path in prefix.glob("lib/cmake/ET/*.cmake"):
        for folder in (ROOT, build_dir.resolve()):
            assert str(folder) not in path.read_text(), path
    assert not list(prefix.rglob("CMakeFiles"))


def test_every_installed_header_and_tablegen_file_is_whole(prefix):
    """What a header includes of the project is installed too."""
    include = prefix / "include"
    for path in [*include.rglob("*.h"), *include.rglob("*.td")]:
        for name in re.findall(r'^(?:#)?include "(et(?:-c)?/[^"]+)"', path.read_text(), re.MULTILINE):
            assert (include / name).exists(), f"{path.relative_to(include)} includes {name}"


RUNTIME = """
#include "et/Runtime/LoadedProgram.h"
#include <cstdio>
int main(int, char **argv) {
  auto program = mlir::et::runtime::LoadedProgram::load(argv[1]);
  std::puts(program ? "loaded" : program.getError().getMessage().c_str());
}
"""
DIALECT = """
#include "et-c/Dialect.h"
#include "et-c/Passes.h"
#include <stdio.h>
int main(void) {
  MlirContext context = mlirContextCreate();
  MlirAttribute tile = etTileAttrGet(context, 16, 8);
  etRegisterPasses();
  printf("%d", (int)etTileAttrGetColumns(tile));
  mlirContextDestroy(context);
  return 0;
}
"""
C_API = """
#include "et-c/Compile.h"
#include <stdio.h>
int main(void) {
  EtCompileOptions options;
  EtProgram program;
  const char *text = "func.func @f(%x: tensor<?xf32>) -> tensor<?xf32> { return %x : tensor<4xf32> }";
  etCompileOptionsInit(&options);
  EtError error = etCompile(text, 80, NULL, 0, &options, NULL, NULL, &program);
  puts(etVersion());
  puts(etErrorGetMessage(error));
  etErrorDestroy(error);
  return 0;
}
"""
INIT_ALL = """
#include "et/InitAll.h"
#include "mlir/IR/DialectRegistry.h"
#include <cstdio>
int main() {
  mlir::DialectRegistry registry;
  mlir::et::registerAllDialects(registry);
  mlir::et::registerAllPasses();
  for (llvm::StringRef name : registry.getDialectNames())
    std::puts(name.data());
}
"""


def test_the_runtime_is_found_without_mlir(prefix, tmp_path):
    source = project(tmp_path / "source", "find_package(ET REQUIRED COMPONENTS Runtime)\nadd_executable(app main.cpp)\n"
                     "target_link_libraries(app PRIVATE ET::Runtime)\nif(TARGET ET::Compiler OR TARGET MLIR)\n  message(FATAL_ERROR more)\nendif()\n",
                     main_cpp=RUNTIME)
    configure(source, tmp_path / "build", f"-DET_DIR={prefix}/lib/cmake/ET", "-DCMAKE_DISABLE_FIND_PACKAGE_MLIR=ON")
    run("cmake", "--build", tmp_path / "build")
    assert "cannot open" in run(tmp_path / "build" / "app", tmp_path / "none.etp")
    assert "LLVM" not in run("ldd", tmp_path / "build" / "app")


def test_a_program_in_c_has_the_dialect_and_mlir_from_one_library(prefix, tmp_path):
    source = project(tmp_path / "source", "find_package(ET REQUIRED)\nadd_executable(c main.c)\ntarget_link_libraries(c PRIVATE ET::CAPI)\n"
                     "set_target_properties(c PROPERTIES C_STANDARD 99)\n", main_c=DIALECT)
    configure(source, tmp_path / "build", f"-DCMAKE_PREFIX_PATH={prefix}")
    run("cmake", "--build", tmp_path / "build")
    assert run(tmp_path / "build" / "c") == "8"


def test_the_build_folder_is_a_package_too(build_dir, tmp_path):
    """The C API, everything of upstream, and the plugin, from the build folder."""
    source = project(tmp_path / "source", "find_package(ET REQUIRED)\nadd_executable(c main.c)\ntarget_link_libraries(c PRIVATE ET::CAPI)\n"
                     "add_executable(upstream all.cpp)\ntarget_link_libraries(upstream PRIVATE ET::InitAll)\n"
                     'file(GENERATE OUTPUT plugin.txt CONTENT "$<TARGET_FILE:ET::Plugin>")\n', main_c=C_API, all_cpp=INIT_ALL)
    configure(source, tmp_path / "build", f"-DET_DIR={build_dir.resolve()}")
    run("cmake", "--build", tmp_path / "build")
    version, error = run(tmp_path / "build" / "c").splitlines()[:2]
    assert re.match(r"0\.\d+", version) and "expects different type" in error
    assert {"et", "tosa", "amdgpu"} <= set(run(tmp_path / "build" / "upstream").split())
    assert Path((tmp_path / "build" / "plugin.txt").read_text()).samefile(build_dir / "lib" / "ETPlugin.so")


@pytest.mark.parametrize("line, options, message", [
    ("find_package(ET REQUIRED COMPONENTS Trainer)", [], "no component 'Trainer'; it has Runtime and Compiler"),
    ("find_package(ET 9.0 REQUIRED)", [], 'requested version "9.0"'),
    ("find_package(ET REQUIRED)", ["-DCMAKE_DISABLE_FIND_PACKAGE_MLIR=ON"], "MLIR"),
])
def test_what_is_not_there_is_said(prefix, tmp_path, line, options, message):
    text = configure(project(tmp_path / "source", line + "\n"), tmp_path / "build", f"-DCMAKE_PREFIX_PATH={prefix}", *options, fails=True)
    assert message in " ".join(text.split())


def test_optional_components_do_not_fail(prefix, tmp_path):
    source = project(tmp_path / "source", "find_package(ET REQUIRED COMPONENTS Runtime OPTIONAL_COMPONENTS Trainer)\n"
                     'message(STATUS "trainer: ${ET_Trainer_FOUND} runtime: ${ET_Runtime_FOUND}")\n')
    assert "trainer: FALSE runtime: TRUE" in configure(source, tmp_path / "build", f"-DCMAKE_PREFIX_PATH={prefix}")


def test_make_tools_asks_for_targets_that_there_are(build_dir):
    command = run("make", "-n", "-C", ROOT, "tools", "SETUP=no", f"BUILD={build_dir.resolve()}").split("ninja ")[1].splitlines()[0].split()
    targets = [word for word in command[command.index("-C") + 2:] if not word.startswith("-")]
    known = run("ninja", "-C", build_dir, "-t", "targets", "all")
    assert len(targets) > 8 and not [t for t in targets if f"\n{t}: phony" not in known and f"/{t}: " not in known]
