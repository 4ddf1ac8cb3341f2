"""Configuration of the regression tests: one shell test per .mlir file, checked with FileCheck."""

import os

import lit.formats
from lit.llvm import llvm_config
from lit.llvm.subst import ToolSubst

config.name = "E.T."
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir"]
config.excludes = ["Inputs", "doc", "python"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = config.et_obj_root

llvm_config.with_system_environment(["HOME", "TMP", "TEMP", "CUDA_HOME"])
llvm_config.use_default_substitutions()
llvm_config.add_tool_substitutions(
    [
        ToolSubst(name, unresolved="ignore")
        for name in ("et-opt", "et-compile", "et-run", "et-reduce", "et-lsp-server", "mlir-opt", "mlir-translate")
    ],
    [config.et_bin_dir, config.llvm_tools_dir],
)
config.substitutions.append(("%python", config.python))
config.substitutions.append(("%et_src", config.et_src_dir))
