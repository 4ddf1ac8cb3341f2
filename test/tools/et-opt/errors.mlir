// Each mistake on the command line or in the input: a message and a non-zero exit, never an abort (`not` fails on one).

// RUN: not et-opt %t.missing.mlir 2>&1 | FileCheck %s --check-prefix=MISSING
// RUN: not et-opt %S 2>&1 | FileCheck %s --check-prefix=FOLDER
// RUN: not et-opt --et-nothing %s 2>&1 | FileCheck %s --check-prefix=FLAG
// RUN: not et-opt --pass-pipeline='builtin.module(et-nothing)' %s 2>&1 | FileCheck %s --check-prefix=PASS
// RUN: not et-opt %s -o %t.missing/out.mlir 2>&1 | FileCheck %s --check-prefix=OUTPUT
// RUN: not et-opt %S/../Inputs/truncated.mlir.txt 2>&1 | FileCheck %s --check-prefix=TRUNCATED
// RUN: et-opt %s --emit-bytecode -o %t.mlirbc && head -c 100 %t.mlirbc > %t.cut.mlirbc
// RUN: not et-opt %t.cut.mlirbc 2>&1 | FileCheck %s --check-prefix=BYTECODE
// RUN: not et-opt %S/../Inputs/mismatch.mlir.txt 2>&1 | FileCheck %s --check-prefix=SHORT
// RUN: not et-opt --mlir-print-op-on-diagnostic=true %S/../Inputs/mismatch.mlir.txt 2>&1 | FileCheck %s --check-prefix=LONG

// MISSING:   cannot open input file '{{.*}}missing.mlir': No such file or directory
// FOLDER:    cannot open input file '{{.*}}et-opt': Is a directory
// FLAG:      Unknown command line argument '--et-nothing'
// PASS:      'et-nothing' does not refer to a registered pass or pass pipeline
// OUTPUT:    cannot open output file '{{.*}}out.mlir': No such file or directory
// TRUNCATED: truncated.mlir.txt:2:{{[0-9]+}}: error: expected
// BYTECODE:  error:

// The op is printed with a diagnostic only when asked for.
// SHORT:     mismatch.mlir.txt:2:{{[0-9]+}}: error: 'et.linear' op
// SHORT-NOT: see current operation
// LONG:      see current operation

func.func @gelu(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %y = et.gelu %x : tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
