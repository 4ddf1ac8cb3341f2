// Zero tiles are found without being asked for, and layers of one shape share a kernel whatever each of them keeps.
// RUN: et-opt %s --et-plan-cpu=isa=avx512 | FileCheck %s --check-prefix=PLAN
// RUN: et-opt %s --et-plan-cpu=isa=avx512 --et-convert-launches-to-cpu=steps | FileCheck %s --check-prefix=STEPS
// RUN: et-opt %s --et-to-cpu=isa=avx2 | FileCheck %s --check-prefix=LLVM
// RUN: et-compile %s -o %t.etp && et-run %t.etp --dim rows=3

// 2 panels, 2 and 4 columns of 64 outputs in f32, behind 3 starts and the columns.
// PLAN-DAG:   et.weight @[[A:.*]] : tensor<128x4xf32, #et.sparse_panels<64, kept = 4>> at {{[0-9]+}} from
// PLAN-DAG:   et.weight @[[B:.*]] : tensor<128x4xf32, #et.sparse_panels<64, kept = 0>> at {{[0-9]+}} from
// PLAN-DAG:   et.weight @[[D:.*]] : tensor<4x128xf32, #et.panels<16>> at {{[0-9]+}} from
// PLAN-LABEL: func.func @main
// PLAN:       memref.view {{.*}} to memref<1088xi8>
// PLAN:       et.launch "linear" schedule {isa = "avx512", kc = 4 : i64, mc = {{[0-9]+}} : i64, mr = 6 : i64, nr = 64 : i64} ins(%{{.*}}, %{{.*}} : memref<?x4xf32>, memref<1088xi8>)
// PLAN:       et.linear %{{.*}} : (tensor<?x4xf32>, tensor<128x4xf32, #et.tile<64x1>>) -> tensor<?x128xf32>
// PLAN:       et.launch "linear" schedule {isa = "avx512", {{.*}} nr = 16 : i64} ins(%{{.*}}, %{{.*}} : memref<?x128xf32>, memref<1x128x16xf32>)
// PLAN:       et.launch "linear" schedule {isa = "avx512", {{.*}} nr = 64 : i64} ins(%{{.*}}, %{{.*}} : memref<?x4xf32>, memref<64xi8>)

// What steps count follows what is kept: 2 * 4 columns * 64 outputs a row, in 1088 bytes, and nothing at all.
// STEPS-LABEL: func.func @main(
// STEPS:      arith.constant 1088 : index
// STEPS:      arith.addi
// STEPS:      arith.addi
// STEPS:      %[[C:.*]] = arith.constant 512 : index
// STEPS-NEXT: %[[FLOPS:.*]] = arith.muli %{{.*}}, %[[C]] : index
// STEPS-NEXT: et.work bytes %{{.*}} flops %[[FLOPS]]
// STEPS-NEXT: call @kernel0_linear.step
// STEPS:      %[[C:.*]] = arith.constant 1024 : index
// STEPS-NEXT: %[[FLOPS:.*]] = arith.muli %{{.*}}, %[[C]] : index
// STEPS-NEXT: et.work bytes %{{.*}} flops %[[FLOPS]]
// STEPS-NEXT: call @kernel1_linear.step
// STEPS:      et.work bytes %{{.*}} flops %c0
// STEPS-NEXT: call @kernel0_linear.step
// STEPS:      func.func private @kernel0_linear(%{{.*}}: index, %{{.*}}: index, %{{.*}}: memref<?x4xf32>, %{{.*}}: memref<?xi8>
// STEPS-NOT:  func.func private @{{.*}}(%{{.*}}: index, %{{.*}}: index, %{{.*}}: memref<?x4xf32>, %{{.*}}: memref<?xi8>

// LLVM:       llvm.func @main
#zero = dense<0.0> : tensor<64x4xf32>
#one = dense<1.0> : tensor<64x4xf32>
et.weight @a : tensor<128x4xf32> from [#one, #zero]
et.weight @b : tensor<128x4xf32> from [#zero, #zero]
et.weight @d : tensor<4x128xf32> from [dense<1.0> : tensor<4x128xf32>]
// The first result is asked for as well, so that its zero rows stay.
func.func @main(%x: tensor<?x4xf32> {et.dims = ["rows", ""]}) -> (tensor<?x128xf32>, tensor<?x128xf32>) {
  %a = et.weight_ref @a : tensor<128x4xf32>
  %b = et.weight_ref @b : tensor<128x4xf32>
  %d = et.weight_ref @d : tensor<4x128xf32>
  %0 = et.linear %x, %a : (tensor<?x4xf32>, tensor<128x4xf32>) -> tensor<?x128xf32>
  %1 = et.linear %0, %d : (tensor<?x128xf32>, tensor<4x128xf32>) -> tensor<?x4xf32>
  %2 = et.linear %1, %b : (tensor<?x4xf32>, tensor<128x4xf32>) -> tensor<?x128xf32>
  return %2, %0 : tensor<?x128xf32>, tensor<?x128xf32>
}
