// Arguments smaller than `et.min_sizes` are refused by programs that run at once and by saved ones, which are loaded without the
// compiler: what was compiled for seven or more would read beyond the end of fewer.

// RUN: et-compile %s -o %t.etp
// RUN: et-run-program %t.etp --describe | FileCheck %s --check-prefix=DESCRIBE
// RUN: et-run-program %t.etp --dim b=2 --dim s=7 --dim t=3 | FileCheck %s --check-prefix=RUNS
// RUN: et-run %s --dim b=0 --dim s=7 --dim t=3 | FileCheck %s --check-prefix=EMPTY
// RUN: not et-run-program %t.etp --dim b=2 --dim s=6 --dim t=3 2>&1 | FileCheck %s --check-prefix=SHORT
// RUN: not et-run %s --dim b=2 --dim s=6 --dim t=3 2>&1 | FileCheck %s --check-prefix=SHORT
// RUN: not et-run-program %t.etp --dim b=2 --dim s=0 --dim t=3 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not et-run-program %t.etp --dim b=2 --dim s=9 --dim t=1 2>&1 | FileCheck %s --check-prefix=OTHER
// RUN: not et-run %s --dim b=2 --dim s=9 --dim t=1 2>&1 | FileCheck %s --check-prefix=OTHER
// RUN: env ET_PTXAS=%t/none et-compile %s --target=cuda:sm_90a -o %t.gpu.etp
// RUN: et-run-program %t.gpu.etp --describe | FileCheck %s --check-prefix=DESCRIBE

// DESCRIBE:      size b: at least 0
// DESCRIBE-NEXT: size s: at least 7
// DESCRIBE-NEXT: size t: at least 2
// RUNS:  output 'part' [2, 6] f32
// EMPTY: output 'part' [0, 6] f32
// SHORT: expected dimension 's' (dimension 1 of input 'x') to be at least 7, but got 6
// NONE:  expected dimension 's' (dimension 1 of input 'x') to be at least 7, but got 0
// OTHER: expected dimension 't' (dimension 1 of input 'y') to be at least 2, but got 1

// The greater of both needs of `s` holds.
func.func @middle(%x: tensor<?x?xf32> {et.name = "x", et.dims = ["b", "s"], et.min_sizes = array<i64: 0, 3>},
                  %y: tensor<?x?xf32> {et.name = "y", et.dims = ["s", "t"], et.min_sizes = array<i64: 7, 2>})
    -> (tensor<?x6xf32> {et.name = "part"}) {
  %c0 = arith.constant 0 : index
  %b = tensor.dim %x, %c0 : tensor<?x?xf32>
  %part = tensor.extract_slice %x[0, 1] [%b, 6] [1, 1] : tensor<?x?xf32> to tensor<?x6xf32>
  return %part : tensor<?x6xf32>
}
