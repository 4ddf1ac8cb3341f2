// Arrays in and out, compared by numpy; inputs in order or by name; random inputs of known sizes and seed.

// RUN: rm -rf %t && mkdir %t
// RUN: %python %S/Inputs/arrays.py %t write
// RUN: et-run %s --input %t/x.npy --input %t/b.npy --output %t/y.npy --num-threads 2 | FileCheck %s --check-prefix=FILES
// RUN: %python %S/Inputs/arrays.py %t check y.npy
// RUN: et-run %s --input b=%t/b.npy --input %t/x.npy -o y=%t/z.npy --isa=baseline
// RUN: %python %S/Inputs/arrays.py %t check z.npy
// RUN: et-compile %s --emit=bytecode -o %t/model.mlirbc
// RUN: et-run %t/model.mlirbc --input %t/x.npy --input %t/b.npy --output %t/y2.npy
// RUN: %python %S/Inputs/arrays.py %t check y2.npy
// RUN: et-run --input %t/x.npy --input %t/b.npy < %s | FileCheck %s --check-prefix=FILES
// RUN: et-run %s --dim rows=3 --seed 7 | FileCheck %s --check-prefix=RANDOM
// RUN: et-run %s --dim rows=3 --seed 7 > %t/one
// RUN: et-run %s --dim x.0=3 --seed 7 --dim b.0=3 > %t/two
// RUN: diff %t/one %t/two
// RUN: et-run %s --dim rows=0 | FileCheck %s --check-prefix=EMPTY
// RUN: et-run %s --dim rows=3 --benchmark=3 --num-threads 1 | FileCheck %s --check-prefix=BENCH
// RUN: et-run --help | FileCheck %s --check-prefix=HELP
// RUN: et-run --version | FileCheck %s --check-prefix=VERSION

// FILES-NOT: random
// FILES:   output 'y' [5, 3] f32: min {{.*}}, max {{.*}}, mean
// RANDOM:  random inputs with --seed=7: 'x' [3, 4], 'b' [3, 3]
// RANDOM:  output 'y' [3, 3] f32
// EMPTY:   output 'y' [0, 3] f32
// BENCH:   3 calls on 1 threads: min {{[0-9.]+}} ms, median {{[0-9.]+}} ms, p90 {{[0-9.]+}} ms, {{[0-9.]+}} GFLOP/s (7.2e-05 MFLOP per call)
// HELP:    OVERVIEW: E.T. runner
// HELP:    --benchmark
// VERSION: E.T. {{[0-9.]+}} (LLVM 22.1

func.func @forward(%x: tensor<?x4xf32> {et.name = "x", et.dims = ["rows", ""]}, %b: tensor<?x3xf32> {et.name = "b", et.dims = ["rows", ""]})
    -> (tensor<?x3xf32> {et.name = "y"}) {
  %w = arith.constant dense<[[1.0, 2.0, 3.0, 4.0], [0.5, 0.25, 0.125, -1.0], [0.0, 1.0, 0.0, -1.0]]> : tensor<3x4xf32>
  %h = et.linear %x, %w : (tensor<?x4xf32>, tensor<3x4xf32>) -> tensor<?x3xf32>
  %y = arith.addf %h, %b : tensor<?x3xf32>
  return %y : tensor<?x3xf32>
}
