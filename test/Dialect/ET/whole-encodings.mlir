// #et.rows and #et.columns in text and bytecode, and what they mean without a kernel: the dense weight.
// RUN: et-opt %s | FileCheck %s
// RUN: et-opt %s | et-opt --emit-bytecode | et-opt | FileCheck %s
// RUN: et-opt %s --et-decompose | FileCheck %s --check-prefix=LINALG

// CHECK-LABEL:  func.func @layers
// CHECK-SAME:   tensor<8x4xf32, #et.rows>
// CHECK-SAME:   tensor<8x4xf16, #et.columns>
// CHECK:        et.linear {{.*}} : (tensor<?x4xf32>, tensor<8x4xf32, #et.rows>) -> tensor<?x8xf32>
// CHECK:        et.linear {{.*}} : (tensor<?x4xf16>, tensor<8x4xf16, #et.columns>) -> tensor<?x8xf16>
// LINALG-LABEL: func.func @layers
// LINALG:       linalg.generic {{.*}} ins(%{{.*}}, %{{.*}} : tensor<?x4xf32>, tensor<8x4xf32, #et.rows>)
// LINALG:       linalg.generic {{.*}} ins(%{{.*}}, %{{.*}} : tensor<?x4xf16>, tensor<8x4xf16, #et.columns>)
func.func @layers(%x: tensor<?x4xf32>, %u: tensor<?x4xf16>, %w: tensor<8x4xf32, #et.rows>, %v: tensor<8x4xf16, #et.columns>)
    -> (tensor<?x8xf32>, tensor<?x8xf16>) {
  %y = et.linear %x, %w : (tensor<?x4xf32>, tensor<8x4xf32, #et.rows>) -> tensor<?x8xf32>
  %z = et.linear %u, %v : (tensor<?x4xf16>, tensor<8x4xf16, #et.columns>) -> tensor<?x8xf16>
  return %y, %z : tensor<?x8xf32>, tensor<?x8xf16>
}

// CHECK:        et.weight @rows : tensor<2x2xf32, #et.rows>
// CHECK:        et.weight @columns : tensor<2x2xi8, #et.columns>
et.weight @rows : tensor<2x2xf32, #et.rows> from [dense<[[1.0, 2.0], [0.0, 0.0]]> : tensor<2x2xf32>]
et.weight @columns : tensor<2x2xi8, #et.columns> from [dense<[[1, 0], [2, 0]]> : tensor<2x2xi8>]
