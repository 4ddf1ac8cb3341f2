// RUN: et-opt --help | FileCheck %s --check-prefix=HELP
// RUN: et-opt --version | FileCheck %s --check-prefix=VERSION
// RUN: et-opt --show-dialects | FileCheck %s --check-prefix=DIALECTS
// RUN: et-opt < %s | FileCheck %s
// RUN: et-opt %s -o %t && FileCheck %s < %t
// RUN: et-opt %s --emit-bytecode | et-opt | FileCheck %s

// HELP:      OVERVIEW: E.T. optimizer driver
// HELP:      Available Dialects: {{.*}} et,
// HELP:      USAGE: et-opt [options] <input file>
// libLLVM's own options work, but are not shown.
// HELP-NOT:  --aarch64
// HELP-NOT:  --polly
// HELP:      --pass-pipeline=
// VERSION:   E.T. {{[0-9.]+}} (LLVM 22.1
// DIALECTS:  et

// CHECK-LABEL: func.func @gelu
// CHECK:       et.gelu
func.func @gelu(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %y = et.gelu %x : tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
