// Each mistake: a message and a non-zero exit, never an abort (`not` fails on one), and no output file.

// RUN: rm -rf %t && split-file %s %t
// RUN: not et-compile %t/missing.mlir 2>&1 | FileCheck %s --check-prefix=MISSING
// RUN: not et-compile %t 2>&1 | FileCheck %s --check-prefix=FOLDER
// RUN: not et-compile %t/good.mlir --emit=gold 2>&1 | FileCheck %s --check-prefix=EMIT
// RUN: not et-compile %t/good.mlir --isa=sse9 2>&1 | FileCheck %s --check-prefix=ISA
// RUN: not et-compile %t/good.mlir --isa=sse9 --emit=asm 2>&1 | FileCheck %s --check-prefix=ISA
// RUN: not et-compile %t/good.mlir --entry=backward 2>&1 | FileCheck %s --check-prefix=ENTRY
// RUN: not et-compile %t/good.mlir --nothing 2>&1 | FileCheck %s --check-prefix=FLAG
// RUN: not et-compile %t/good.mlir -o %t/none/out.mlir 2>&1 | FileCheck %s --check-prefix=OUTPUT
// RUN: not et-compile %t/malformed.mlir -o %t/out.mlir 2>&1 | FileCheck %s --check-prefix=MALFORMED
// RUN: not ls %t/out.mlir
// RUN: not et-compile %t/mistyped.mlir 2>&1 | FileCheck %s --check-prefix=MISTYPED
// RUN: not et-compile %t/none.mlir 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not et-compile %t/several.mlir 2>&1 | FileCheck %s --check-prefix=SEVERAL
// RUN: et-compile %t/several.mlir --entry=b | FileCheck %s --check-prefix=CHOSEN
// RUN: not et-compile %t/flow.mlir 2>&1 | FileCheck %s --check-prefix=FLOW
// RUN: not et-compile %t/if.mlir 2>&1 | FileCheck %s --check-prefix=IF
// RUN: not et-compile %t/call.mlir 2>&1 | FileCheck %s --check-prefix=CALL
// RUN: not et-compile %t/index.mlir 2>&1 | FileCheck %s --check-prefix=INDEX
// RUN: not et-compile %t/unranked.mlir 2>&1 | FileCheck %s --check-prefix=UNRANKED
// RUN: not et-compile %t/scalar.mlir 2>&1 | FileCheck %s --check-prefix=SCALAR
// RUN: not et-compile %t/complex.mlir 2>&1 | FileCheck %s --check-prefix=COMPLEX
// RUN: not et-compile %t/encoded.mlir 2>&1 | FileCheck %s --check-prefix=ENCODED
// RUN: not et-compile %t/size.mlir -o %t/out.mlir 2>&1 | FileCheck %s --check-prefix=SIZE
// RUN: not ls %t/out.mlir
// RUN: not et-compile %t/foreign.mlir 2>&1 | FileCheck %s --check-prefix=FOREIGN
// RUN: not et-compile %t/good.mlir --weights %t/missing.safetensors 2>&1 | FileCheck %s --check-prefix=NOWEIGHTS
// RUN: head -c 160 %t/good.mlir > %t/cut.mlir
// RUN: not et-compile %t/cut.mlir 2>&1 | FileCheck %s --check-prefix=MALFORMED
// RUN: et-compile %t/good.mlir --emit=bytecode -o %t/good.mlirbc
// RUN: head -c 100 %t/good.mlirbc > %t/cut.mlirbc
// RUN: not et-compile %t/cut.mlirbc 2>&1 | FileCheck %s --check-prefix=BYTECODE

// MISSING:   cannot open input file '{{.*}}missing.mlir': No such file or directory
// FOLDER:    cannot open input file '{{.*}}': Is a directory
// EMIT:      expected --emit to be bytecode, et, planned, llvm, llvm-ir, asm, obj, gpu, ptx, cubin or program, but got 'gold'
// ISA:       expected isa to be baseline, avx2, avx512 or native, but got 'sse9'
// ENTRY:     expected a public function named 'backward', but there is none
// FLAG:      Unknown command line argument '--nothing'
// OUTPUT:    cannot write '{{.*}}out.mlir': No such file or directory
// MALFORMED: error: expected
// MISTYPED:  mistyped.mlir:2:{{[0-9]+}}: error: 'et.linear' op expected the last dimension of input to be 5
// NONE:      expected a public function with a body, but there is none
// SEVERAL:   expected one public function, but there are several; name the one to compile
// CHOSEN-NOT: func.func @a
// CHOSEN:    func.func @b
// FLOW:      expected a function of one block; control flow cannot be planned
// IF:        'scf.if' op yields a tensor but is not an op that can be launched
// CALL:      'func.call' op yields a tensor but is not an op that can be launched
// INDEX:     expected argument 0 to be a ranked tensor of f16, bf16, f32, f64, i1, i8, i16, i32 or i64 without an encoding, but got 'tensor<4xindex>'
// UNRANKED:  expected argument 0 to be a ranked tensor {{.*}} but got 'tensor<*xf32>'
// SCALAR:    expected argument 1 to be a ranked tensor {{.*}} but got 'f32'
// COMPLEX:   expected result 0 to be a ranked tensor
// ENCODED:   expected argument 0 to be a ranked tensor {{.*}} without an encoding
// SIZE:      computes a size from data; expected sizes to depend on the sizes of the arguments only
// FOREIGN:   torch
// NOWEIGHTS: cannot open '{{.*}}missing.safetensors': No such file or directory
// BYTECODE:  error:

//--- good.mlir
func.func @f(%x: tensor<?x4xf32>) -> tensor<?x8xf32> {
  %w = arith.constant dense<0.5> : tensor<8x4xf32>
  %y = et.linear %x, %w : (tensor<?x4xf32>, tensor<8x4xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
//--- malformed.mlir
func.func @f(%x: tensor<?x4xf32> -> {
//--- mistyped.mlir
func.func @f(%x: tensor<?x4xf32>, %w: tensor<8x5xf32>) -> tensor<?x8xf32> {
  %y = et.linear %x, %w : (tensor<?x4xf32>, tensor<8x5xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
//--- none.mlir
func.func private @f()
//--- several.mlir
func.func @a(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}
func.func @b(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}
//--- flow.mlir
func.func @f(%x: tensor<4xf32>, %b: tensor<i1>) -> tensor<4xf32> {
  %c = tensor.extract %b[] : tensor<i1>
  cf.cond_br %c, ^a, ^b
^a:
  return %x : tensor<4xf32>
^b:
  %y = et.gelu %x : tensor<4xf32>
  return %y : tensor<4xf32>
}
//--- if.mlir
func.func @f(%x: tensor<4xf32>, %b: tensor<i1>) -> tensor<4xf32> {
  %c = tensor.extract %b[] : tensor<i1>
  %r = scf.if %c -> tensor<4xf32> {
    scf.yield %x : tensor<4xf32>
  } else {
    %y = et.gelu %x : tensor<4xf32>
    scf.yield %y : tensor<4xf32>
  }
  return %r : tensor<4xf32>
}
//--- call.mlir
func.func private @g(%x: tensor<4xf32>) -> tensor<4xf32>
func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = func.call @g(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}
//--- index.mlir
func.func @f(%x: tensor<4xindex>) -> tensor<4xindex> {
  return %x : tensor<4xindex>
}
//--- unranked.mlir
func.func @f(%x: tensor<*xf32>) -> tensor<*xf32> {
  return %x : tensor<*xf32>
}
//--- scalar.mlir
func.func @f(%x: tensor<4xf32>, %s: f32) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}
//--- complex.mlir
func.func @f() -> tensor<1xcomplex<f32>> {
  %s = arith.constant dense<(1.0, 2.0)> : tensor<1xcomplex<f32>>
  return %s : tensor<1xcomplex<f32>>
}
//--- encoded.mlir
func.func @f(%x: tensor<16x16xf32, #et.tile<16x16>>) -> tensor<4xf32> {
  %y = arith.constant dense<1.0> : tensor<4xf32>
  return %y : tensor<4xf32>
}
//--- size.mlir
func.func @f(%n: tensor<i64>) -> tensor<?xf32> {
  %v = tensor.extract %n[] : tensor<i64>
  %i = arith.index_cast %v : i64 to index
  %e = tensor.empty(%i) : tensor<?xf32>
  %zero = arith.constant 0.0 : f32
  %y = linalg.fill ins(%zero : f32) outs(%e : tensor<?xf32>) -> tensor<?xf32>
  return %y : tensor<?xf32>
}
//--- foreign.mlir
func.func @f(%x: !torch.tensor) {
  return
}
