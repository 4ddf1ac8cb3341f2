"""Configuration of the regression tests: one shell test per .mlir file, checked with FileCheck."""

import glob
import os
import shlex
import sys

import lit.formats
from lit.llvm import llvm_config
from lit.llvm.subst import ToolSubst

config.name = "E.T."
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir"]
config.excludes = ["Inputs", "doc", "python"]
et_bin_dir = config.et_bin_dir

# --param opt=mlir-opt: a stock mlir-opt with the plugin stands where the tests say et-opt, and both have to agree.
if lit_config.params.get("opt", "et-opt") == "mlir-opt":
    here = os.path.join(os.path.dirname(__file__), "Plugin")
    sys.path.insert(0, here)
    from format import TestsOfEtOpt

    config.name = "E.T. in mlir-opt"
    config.test_format = TestsOfEtOpt(execute_external=False)
    config.et_obj_root = os.path.join(config.et_obj_root, "Plugin")
    et_bin_dir = os.path.join(config.et_obj_root, "bin")
    os.makedirs(et_bin_dir, exist_ok=True)
    with open(os.path.join(et_bin_dir, "et-opt"), "w", encoding="utf-8") as script:
        command = [config.python, os.path.join(here, "et_opt_by_plugin.py"), f"--et-opt={config.et_bin_dir}/et-opt",
                   f"--mlir-opt={config.llvm_tools_dir}/mlir-opt", f"--plugin={config.et_lib_dir}/ETPlugin.so", "--"]
        script.write(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n')
    os.chmod(script.name, 0o755)
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = config.et_obj_root

llvm_config.with_system_environment(["HOME", "TMP", "TEMP", "CUDA_HOME"])
llvm_config.use_default_substitutions()
llvm_config.add_tool_substitutions(
    [
        ToolSubst(name, unresolved="ignore")
        for name in ("et-bench", "et-opt", "et-compile", "et-run", "et-run-program", "et-reduce", "et-lsp-server", "mlir-opt", "mlir-translate",
                     "split-file", "llvm-nm")
    ],
    [et_bin_dir, config.et_bin_dir, config.llvm_tools_dir],
)
config.substitutions.append(("%et_opt", os.path.join(et_bin_dir, "et-opt")))
config.substitutions.append(("%et_plugin", os.path.join(config.et_lib_dir, "ETPlugin.so")))
config.substitutions.append(("%python", config.python))
config.substitutions.append(("%et_src", config.et_src_dir))

# What the user measured changes no test.
config.environment["XDG_CACHE_HOME"] = os.path.join(config.et_obj_root, "test", "cache")

if config.et_static:
    config.available_features.add("static")

# Where the compiler looks for ptxas, in its order; tests that assemble kernels need one.
venv = os.path.dirname(os.path.dirname(config.python))
folders = os.environ.get("PATH", "").split(os.pathsep) + sorted(glob.glob("/usr/local/cuda*/bin")) + glob.glob(
    os.path.join(venv, "lib", "python3*", "site-packages", "nvidia", "*", "bin"))
ptxas = os.environ.get("ET_PTXAS") or next(
    (path for path in (os.path.join(folder, "ptxas") for folder in folders) if os.access(path, os.X_OK)), None)
if ptxas:
    config.available_features.add("ptxas")
    config.environment["ET_PTXAS"] = ptxas

# What takes the result of --et-decompose to LLVM with upstream passes alone, and runs it.
config.substitutions.append(
    (
        "%upstream_to_llvm",
        "--canonicalize --one-shot-bufferize=bufferize-function-boundaries --convert-linalg-to-loops "
        "--convert-math-to-libm --expand-strided-metadata --lower-affine --convert-scf-to-cf --convert-to-llvm "
        "--reconcile-unrealized-casts",
    )
)
runner_libs = [os.path.join(config.llvm_lib_dir, f"lib{name}.so") for name in ("mlir_runner_utils", "mlir_c_runner_utils")]
config.substitutions.append(
    ("%run_main", os.path.join(config.llvm_tools_dir, "mlir-runner") + " -e main --entry-point-result=void --shared-libs=" + ",".join(runner_libs))
)
