// RUN: et-opt %s --et-raise-attention --canonicalize | FileCheck %s

// The softmax is one op.
// CHECK-LABEL: func.func @raise_softmax_op(
// CHECK: et.attention
// CHECK-NOT: linalg
func.func @raise_softmax_op(%q: tensor<2x4x16xf32>, %k: tensor<2x6x16xf32>, %v: tensor<2x6x8xf32>) -> (tensor<2x4x8xf32>) {
  %c0 = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<2x4x6xf32>
  %f2 = linalg.fill ins(%c0 : f32) outs(%e1 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %t3 = linalg.contract indexing_maps = [affine_map<(b, m, n, k) -> (b, m, k)>, affine_map<(b, m, n, k) -> (b, n, k)>, affine_map<(b, m, n, k) -> (b, m, n)>]
      ins(%q, %k : tensor<2x4x16xf32>, tensor<2x6x16xf32>) outs(%f2 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %e4 = tensor.empty() : tensor<2x4x6xf32>
  %t5 = linalg.softmax dimension(2) ins(%t3 : tensor<2x4x6xf32>) outs(%e4 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %e6 = tensor.empty() : tensor<2x4x8xf32>
  %f7 = linalg.fill ins(%c0 : f32) outs(%e6 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  %t8 = linalg.contract indexing_maps = [affine_map<(b, m, v, n) -> (b, m, n)>, affine_map<(b, m, v, n) -> (b, n, v)>, affine_map<(b, m, v, n) -> (b, m, v)>]
      ins(%t5, %v : tensor<2x4x6xf32>, tensor<2x6x8xf32>) outs(%f7 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  return %t8 : tensor<2x4x8xf32>
}
