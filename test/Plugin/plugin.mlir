// A stock mlir-opt with the plugin: the dialect, passes with their options, and pipelines. That it does what et-opt does is
// seen by running all tests with it (test/lit.cfg.py, opt=mlir-opt).
// UNSUPPORTED: static

// RUN: mlir-opt %s --load-dialect-plugin=%et_plugin | FileCheck %s --check-prefix=IR
// RUN: mlir-opt %s --load-dialect-plugin=%et_plugin --load-pass-plugin=%et_plugin \
// RUN:   --pass-pipeline='builtin.module(func.func(canonicalize,et-decompose),cse)' | FileCheck %s --check-prefix=PASS
// RUN: mlir-opt %s --load-dialect-plugin=%et_plugin --load-pass-plugin=%et_plugin \
// RUN:   --pass-pipeline='builtin.module(et-to-gpu{chip=sm_80})' | FileCheck %s --check-prefix=GPU
// RUN: mlir-opt --load-dialect-plugin=%et_plugin --show-dialects | FileCheck %s --check-prefix=DIALECTS
// RUN: mlir-opt --load-pass-plugin=%et_plugin --list-passes | FileCheck %s --check-prefix=PASSES

// IR:       et.gelu
// PASS-NOT: et.gelu
// PASS:     linalg.generic
// GPU:      gpu.module
// DIALECTS: Available Dialects: {{.*}},et,
// PASSES:   --et-plan-memory {{.*}}Lay out weights

// Without the plugin, and where its passes are asked for before it is loaded.
// RUN: not mlir-opt %s 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not mlir-opt %s --load-pass-plugin=%et_plugin --pass-pipeline='builtin.module(et-decompose)' 2>&1 | FileCheck %s --check-prefix=DIALECT
// RUN: not mlir-opt %s --load-dialect-plugin=%et_plugin --load-pass-plugin=%et_plugin --et-decompose 2>&1 | FileCheck %s --check-prefix=FLAG
// RUN: not mlir-opt %s --load-dialect-plugin=%et_plugin --pass-pipeline='builtin.module(et-decompose)' 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// RUN: not mlir-opt %s --load-dialect-plugin=%t.none.so 2>&1 | FileCheck %s --check-prefix=MISSING

// NONE:    Dialect `et' not found
// DIALECT: Dialect `et' not found
// FLAG:    Unknown command line argument '--et-decompose'
// UNKNOWN: 'et-decompose' does not refer to a registered pass or pass pipeline
// MISSING: Failed to load dialect plugin

// The comparison itself: it sees another status, another output, and other errors.
// RUN: not %python %S/et_opt_by_plugin.py --et-opt=/bin/cat --mlir-opt=mlir-opt --plugin=%et_plugin -- %s 2>&1 | FileCheck %s --check-prefix=OTHER
// OTHER: output: mlir-opt with the plugin differs from et-opt

func.func @gelu(%x: tensor<?x8xf16>) -> tensor<?x8xf16> {
  %y = et.gelu %x : tensor<?x8xf16>
  return %y : tensor<?x8xf16>
}
