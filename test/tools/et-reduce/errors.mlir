// RUN: et-reduce --help | FileCheck %s --check-prefix=HELP
// RUN: et-reduce --version | FileCheck %s --check-prefix=VERSION
// RUN: not et-reduce %t.missing.mlir 2>&1 | FileCheck %s --check-prefix=MISSING
// RUN: not et-reduce %s --reduction-tree='traversal-mode=0 test=%S/Inputs/has-gelu.sh' 2>&1 | FileCheck %s --check-prefix=DULL
// RUN: not et-reduce %s --reduction-tree='traversal-mode=0 test=%t.missing.sh' 2>&1 | FileCheck %s --check-prefix=SCRIPT
// RUN: not et-reduce %S/../Inputs/truncated.mlir.txt 2>&1 | FileCheck %s --check-prefix=BAD

// HELP:    USAGE: et-reduce [options] <input file>
// VERSION: E.T. {{[0-9.]+}} (LLVM 22.1
// MISSING: cannot open input file '{{.*}}missing.mlir': No such file or directory
// DULL:    the test script did not call the input interesting
// SCRIPT:  Error running interestingness test: {{.*}}No such file or directory
// BAD:     error: expected
func.func @no_gelu(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  return %x : tensor<?x8xf32>
}
