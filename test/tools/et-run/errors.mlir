// Each mistake: a message and a non-zero exit, never an abort (`not` fails on one).

// RUN: rm -rf %t && split-file %s %t
// RUN: %python %S/Inputs/bad_arrays.py %t

// RUN: not et-run %t/missing.mlir 2>&1 | FileCheck %s --check-prefix=MISSING
// RUN: not et-run %t/model.mlir --input %t/missing.npy --dim n=2 2>&1 | FileCheck %s --check-prefix=NOFILE
// RUN: not et-run %t/model.mlir --input %t 2>&1 | FileCheck %s --check-prefix=FOLDER
// RUN: not et-run %t/model.mlir 2>&1 | FileCheck %s --check-prefix=NODIM
// RUN: not et-run %t/model.mlir --dim n=2 --dim m=3 2>&1 | FileCheck %s --check-prefix=OTHERDIM
// RUN: not et-run %t/model.mlir --dim n=two 2>&1 | FileCheck %s --check-prefix=BADDIM
// RUN: not et-run %t/model.mlir --dim n=-2 2>&1 | FileCheck %s --check-prefix=BADDIM
// RUN: not et-run %t/model.mlir --dim n=2 --dim n=2 2>&1 | FileCheck %s --check-prefix=TWICEDIM
// RUN: not et-run %t/model.mlir --dim n=4611686018427387904 2>&1 | FileCheck %s --check-prefix=HUGE
// RUN: not et-run %t/model.mlir --input %t/rank.npy 2>&1 | FileCheck %s --check-prefix=RANK
// RUN: not et-run %t/model.mlir --input %t/shape.npy 2>&1 | FileCheck %s --check-prefix=SHAPE
// RUN: not et-run %t/model.mlir --input %t/f8.npy 2>&1 | FileCheck %s --check-prefix=TYPE
// RUN: not et-run %t/bf16.mlir --input %t/u2.npy 2>&1 | FileCheck %s --check-prefix=BF16
// RUN: not et-run %t/model.mlir --input %t/good.npy --input %t/good.npy 2>&1 | FileCheck %s --check-prefix=MANY
// RUN: not et-run %t/model.mlir --input x=%t/good.npy --input x=%t/good.npy 2>&1 | FileCheck %s --check-prefix=TWICE
// RUN: not et-run %t/model.mlir --input z=%t/good.npy 2>&1 | FileCheck %s --check-prefix=NAME
// RUN: not et-run %t/model.mlir --input %t/good.npy --output %t/none/y.npy 2>&1 | FileCheck %s --check-prefix=OUTPUT
// RUN: not et-run %t/model.mlir --input %t/good.npy --output a.npy --output b.npy 2>&1 | FileCheck %s --check-prefix=OUTPUTS
// RUN: not et-run %t/model.mlir --input %t/good.npy --dim n=3 2>&1 | FileCheck %s --check-prefix=CLASH
// RUN: not et-run %t/two.mlir --input %t/good.npy --input %t/three.npy 2>&1 | FileCheck %s --check-prefix=DIMS
// RUN: not et-run %t/model.mlir --input %t/fortran.npy 2>&1 | FileCheck %s --check-prefix=FORTRAN
// RUN: not et-run %t/model.mlir --input %t/big_endian.npy 2>&1 | FileCheck %s --check-prefix=ENDIAN
// RUN: not et-run %t/model.mlir --input %t/object.npy 2>&1 | FileCheck %s --check-prefix=OBJECT
// RUN: not et-run %t/model.mlir --input %t/record.npy 2>&1 | FileCheck %s --check-prefix=RECORD
// RUN: not et-run %t/model.mlir --input %t/truncated.npy 2>&1 | FileCheck %s --check-prefix=SHORT
// RUN: not et-run %t/model.mlir --input %t/trailing.npy 2>&1 | FileCheck %s --check-prefix=LONG
// RUN: not et-run %t/model.mlir --input %t/header.npy 2>&1 | FileCheck %s --check-prefix=HEADER
// RUN: not et-run %t/model.mlir --input %t/garbage.npy 2>&1 | FileCheck %s --check-prefix=GARBAGE
// RUN: not et-run %t/model.mlir --input %t/version.npy 2>&1 | FileCheck %s --check-prefix=FORMAT
// RUN: not et-run %t/model.mlir --input %t/overflow.npy 2>&1 | FileCheck %s --check-prefix=OVERFLOW
// RUN: not et-run %t/model.mlir --input %t/good.npy --isa=sse9 2>&1 | FileCheck %s --check-prefix=ISA
// RUN: not et-run %t/model.mlir --input %t/good.npy --num-threads=many 2>&1 | FileCheck %s --check-prefix=NUMBER
// RUN: not et-run %t/model.mlir --input %t/good.npy --benchmark=many 2>&1 | FileCheck %s --check-prefix=NUMBER
// RUN: not et-run %t/nan.mlir --input %t/good.npy 2>&1 | FileCheck %s --check-prefix=NAN
// RUN: et-run %t/nan.mlir --input %t/good.npy --allow-non-finite | FileCheck %s --check-prefix=ALLOWED
// RUN: not et-run %t/id.mlir --input %t/ids.npy 2>&1 | FileCheck %s --check-prefix=ID
// RUN: not et-run %t/resource.mlir 2>&1 | FileCheck %s --check-prefix=RESOURCE

// MISSING:  cannot open input file '{{.*}}missing.mlir'
// NOFILE:   cannot open '{{.*}}missing.npy': No such file or directory
// FOLDER:   cannot open '{{.*}}': Is a directory
// NODIM:    the size of dimension 0 of input 'x' [n, 4] f32 is not known; give it with --dim n=N, or give the input with --input
// OTHERDIM: no input has a dynamic dimension 'm', whose size --dim gives
// BADDIM:   expected --dim to be name=size, but got 'n=
// TWICEDIM: expected the size of dimension 'n' once
// HUGE:     more elements than fit in memory
// RANK:     expected input 'x' [n, 4] f32 to have 2 dimensions, but its shape is [4]
// SHAPE:    expected dimension 1 of input 'x' [n, 4] f32 to be 4, but its shape is [2, 5]
// TYPE:     expected input 'x' [n, 4] f32 to be stored as numpy type 'f4', but '{{.*}}f8.npy' holds 'f8'; convert it with .astype('f4')
// BF16:     holds 'u2'; numpy has no bf16, whose bits would pass for numbers: give f32, which is rounded
// MANY:     expected at most 1 inputs, but got
// TWICE:    expected input 'x' once
// NAME:     expected --input to name one of 'x', but got 'z=
// OUTPUT:   cannot write '{{.*}}y.npy': No such file or directory
// OUTPUTS:  expected at most 1 outputs, but got 'b.npy' too
// CLASH:    expected dimension 'n' to be 3 by --dim, but '{{.*}}good.npy' has shape [2, 4]
// DIMS:     expected dimension 'n' to be the same in inputs 'x' and 'y', but got 2 and 3
// FORTRAN:  cannot read '{{.*}}fortran.npy': its elements are in column-major order; save it with numpy.ascontiguousarray(array)
// ENDIAN:   its elements are big-endian; save it with .astype('<f4')
// OBJECT:   its elements are of numpy type '|O'
// RECORD:   its elements are structures; expected numbers
// SHORT:    expected 32 bytes of data by its header, but got 31
// LONG:     expected 32 bytes of data by its header, but got 33
// HEADER:   it ends within its header
// GARBAGE:  it is not a .npy file
// FORMAT:   expected format version 1.0, 2.0 or 3.0, but got 9.0
// OVERFLOW: its shape has more elements than fit in memory
// ISA:      expected isa to be baseline, avx2, avx512 or native, but got 'sse9'
// NUMBER:   'many' value invalid for uint argument
// NAN:      holds a value that is not finite at [1, 2]; repair the weight, or allow values that are not finite
// ALLOWED:  output 'output0' [2, 2] f32
// ID:       index 7 is out of range of the embedding table it selects from
// RESOURCE: has no data: nothing was given for the resource 'w'

//--- model.mlir
func.func @f(%x: tensor<?x4xf32> {et.name = "x", et.dims = ["n", ""]}) -> tensor<?x4xf32> {
  %y = et.gelu %x : tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}
//--- bf16.mlir
func.func @f(%x: tensor<?x4xbf16> {et.name = "x", et.dims = ["n", ""]}) -> tensor<?x4xbf16> {
  %y = et.gelu %x : tensor<?x4xbf16>
  return %y : tensor<?x4xbf16>
}
//--- two.mlir
func.func @f(%x: tensor<?x4xf32> {et.name = "x", et.dims = ["n", ""]}, %y: tensor<?x4xf32> {et.name = "y", et.dims = ["n", ""]}) -> tensor<?x4xf32> {
  %z = arith.addf %x, %y : tensor<?x4xf32>
  return %z : tensor<?x4xf32>
}
//--- nan.mlir
func.func @f(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
  %w = arith.constant dense<[[1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 0x7FC00000, 4.0]]> : tensor<2x4xf32>
  %y = et.linear %x, %w : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}
//--- id.mlir
func.func @f(%x: tensor<?xi64>) -> tensor<?x4xf32> {
  %t = arith.constant dense<1.0> : tensor<7x4xf32>
  %y = et.embedding %x, %t : (tensor<?xi64>, tensor<7x4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}
//--- resource.mlir
func.func @f() -> tensor<2xf32> {
  %w = arith.constant dense_resource<w> : tensor<2xf32>
  return %w : tensor<2xf32>
}
