// Every kind of output, from text and from bytecode, from a file and from stdin.

// RUN: et-compile %s --emit=et | FileCheck %s --check-prefix=ET
// RUN: et-compile %s | FileCheck %s --check-prefix=PLANNED
// RUN: et-compile --emit=planned < %s | FileCheck %s --check-prefix=PLANNED
// RUN: et-compile %s --emit=llvm | FileCheck %s --check-prefix=LLVM
// RUN: et-compile %s --emit=llvm-ir --isa=avx2 | FileCheck %s --check-prefixes=IR,IR-AVX2
// RUN: et-compile %s --emit=asm --isa=avx512 | FileCheck %s --check-prefix=AVX512
// RUN: et-compile %s --emit=asm --isa=avx2 | FileCheck %s --check-prefix=AVX2
// RUN: et-compile %s --emit=asm --isa=baseline | FileCheck %s --check-prefix=BASE
// RUN: et-compile %s --emit=obj -o %t.o && llvm-nm %t.o | FileCheck %s --check-prefix=OBJ
// RUN: et-compile %s --emit=bytecode -o %t.mlirbc && et-compile %t.mlirbc --emit=et | FileCheck %s --check-prefix=ET
// RUN: et-compile %s --emit=et --mlir-print-ir-after=canonicalize -o %t.et 2>&1 | FileCheck %s --check-prefix=AFTER
// RUN: et-compile %s --emit=planned --mlir-timing -o %t.planned 2>&1 | FileCheck %s --check-prefix=TIMING

// ET-LABEL: func.func @forward
// ET:       et.linear
// ET:       et.gelu

// PLANNED-LABEL: func.func @forward.sizes
// PLANNED-LABEL: func.func @forward(
// PLANNED:       et.launch "linear+gelu" schedule

// LLVM-LABEL: llvm.func @forward(
// LLVM:       omp.parallel

// IR-LABEL:   define {{.*}}@forward(
// IR:         __kmpc_fork_call
// IR-AVX2:    fmuladd.v8f32

// AVX512:     vfmadd{{.*}}%zmm
// AVX2-NOT:   %zmm
// AVX2:       vfmadd{{.*}}%ymm
// AVX2-NOT:   %zmm
// BASE-NOT:   vfmadd
// BASE:       mulps {{.*}}%xmm
// BASE-NOT:   %ymm

// OBJ-DAG:    T forward{{$}}
// OBJ-DAG:    T forward.sizes{{$}}

// AFTER:      IR Dump After Canonicalizer
// TIMING:     Execution time report

module {
  func.func @forward(%x: tensor<?x64xf32>) -> tensor<?x96xf32> {
    %w = arith.constant dense<0.5> : tensor<96x64xf32>
    %h = et.linear %x, %w : (tensor<?x64xf32>, tensor<96x64xf32>) -> tensor<?x96xf32>
    %y = et.gelu %h : tensor<?x96xf32>
    return %y : tensor<?x96xf32>
  }
}
