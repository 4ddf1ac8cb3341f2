// RUN: et-compile --help | FileCheck %s --check-prefix=HELP
// RUN: et-compile --version | FileCheck %s --check-prefix=VERSION
// RUN: et-compile %s --remarks 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: et-compile %s -o %t.none 2>&1 | count 0

// HELP:     OVERVIEW: E.T. compiler
// HELP-NOT: --polly
// HELP:     --emit=
// VERSION:  E.T. {{[0-9.]+}} (LLVM 22.1
// REMARK:   et.gelu runs as plain loops: kernels compute in f32, and the op in f64

func.func @f(%x: tensor<4xf64>) -> tensor<4xf64> {
  %y = et.gelu %x : tensor<4xf64>
  return %y : tensor<4xf64>
}
