// Near-misses stay as they are, and say why.
// RUN: et-opt %s --et-raise-attention --split-input-file --verify-diagnostics --remarks-filter-missed=et-raise-attention | FileCheck %s

// The product is added to itself, inside a tanh.
// CHECK-LABEL: func.func @no_raise_product_twice(
// CHECK-NOT:   et.attention
func.func @no_raise_product_twice(%q: tensor<2x4x16xf32>, %k: tensor<2x6x16xf32>, %v: tensor<2x6x8xf32>) -> (tensor<2x4x8xf32>) {
  %c1 = arith.constant 0xFF800000 : f32
  %c0 = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<2x4x6xf32>
  %f2 = linalg.fill ins(%c0 : f32) outs(%e1 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %t3 = linalg.contract indexing_maps = [affine_map<(b, m, n, k) -> (b, m, k)>, affine_map<(b, m, n, k) -> (b, n, k)>, affine_map<(b, m, n, k) -> (b, m, n)>]
      ins(%q, %k : tensor<2x4x16xf32>, tensor<2x6x16xf32>) outs(%f2 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %e4 = tensor.empty() : tensor<2x4x6xf32>
  %t5 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t3 : tensor<2x4x6xf32>) outs(%e4 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = math.tanh %x0 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e6 = tensor.empty() : tensor<2x4x6xf32>
  %t7 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t3, %t5 : tensor<2x4x6xf32>, tensor<2x4x6xf32>) outs(%e6 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.addf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e8 = tensor.empty() : tensor<2x4xf32>
  %f9 = linalg.fill ins(%c1 : f32) outs(%e8 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t10 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%t7 : tensor<2x4x6xf32>) outs(%f9 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.maximumf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e11 = tensor.empty() : tensor<2x4x6xf32>
  %t12 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t7, %t10 : tensor<2x4x6xf32>, tensor<2x4xf32>) outs(%e11 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.subf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e13 = tensor.empty() : tensor<2x4x6xf32>
  %t14 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t12 : tensor<2x4x6xf32>) outs(%e13 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = math.exp %x0 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e15 = tensor.empty() : tensor<2x4xf32>
  %f16 = linalg.fill ins(%c0 : f32) outs(%e15 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t17 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%t14 : tensor<2x4x6xf32>) outs(%f16 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.addf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e18 = tensor.empty() : tensor<2x4x6xf32>
  %t19 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t14, %t17 : tensor<2x4x6xf32>, tensor<2x4xf32>) outs(%e18 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.divf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e20 = tensor.empty() : tensor<2x4x8xf32>
  %f21 = linalg.fill ins(%c0 : f32) outs(%e20 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  // expected-remark @below {{what is added to the scores is not the element of a tensor}}
  %t22 = linalg.contract indexing_maps = [affine_map<(b, m, v, n) -> (b, m, n)>, affine_map<(b, m, v, n) -> (b, n, v)>, affine_map<(b, m, v, n) -> (b, m, v)>]
      ins(%t19, %v : tensor<2x4x6xf32>, tensor<2x6x8xf32>) outs(%f21 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  return %t22 : tensor<2x4x8xf32>
}

// -----

// The softmax runs over the queries.
// CHECK-LABEL: func.func @no_raise_softmax_over_queries(
// CHECK-NOT:   et.attention
func.func @no_raise_softmax_over_queries(%q: tensor<2x4x16xf32>, %k: tensor<2x6x16xf32>, %v: tensor<2x6x8xf32>) -> (tensor<2x4x8xf32>) {
  %c1 = arith.constant 0xFF800000 : f32
  %c0 = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<2x4x6xf32>
  %f2 = linalg.fill ins(%c0 : f32) outs(%e1 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %t3 = linalg.contract indexing_maps = [affine_map<(b, m, n, k) -> (b, m, k)>, affine_map<(b, m, n, k) -> (b, n, k)>, affine_map<(b, m, n, k) -> (b, m, n)>]
      ins(%q, %k : tensor<2x4x16xf32>, tensor<2x6x16xf32>) outs(%f2 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %e4 = tensor.empty() : tensor<2x6xf32>
  %f5 = linalg.fill ins(%c1 : f32) outs(%e4 : tensor<2x6xf32>) -> tensor<2x6xf32>
  %t6 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, n)>], iterator_types = ["parallel", "reduction", "parallel"]}
      ins(%t3 : tensor<2x4x6xf32>) outs(%f5 : tensor<2x6xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.maximumf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x6xf32>
  %e7 = tensor.empty() : tensor<2x4x6xf32>
  %t8 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, n)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t3, %t6 : tensor<2x4x6xf32>, tensor<2x6xf32>) outs(%e7 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.subf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e9 = tensor.empty() : tensor<2x4x6xf32>
  %t10 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t8 : tensor<2x4x6xf32>) outs(%e9 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = math.exp %x0 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e11 = tensor.empty() : tensor<2x6xf32>
  %f12 = linalg.fill ins(%c0 : f32) outs(%e11 : tensor<2x6xf32>) -> tensor<2x6xf32>
  %t13 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, n)>], iterator_types = ["parallel", "reduction", "parallel"]}
      ins(%t10 : tensor<2x4x6xf32>) outs(%f12 : tensor<2x6xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.addf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x6xf32>
  %e14 = tensor.empty() : tensor<2x4x6xf32>
  %t15 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, n)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t10, %t13 : tensor<2x4x6xf32>, tensor<2x6xf32>) outs(%e14 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.divf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e16 = tensor.empty() : tensor<2x4x8xf32>
  %f17 = linalg.fill ins(%c0 : f32) outs(%e16 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  // expected-remark @below {{sums over another dimension than the keys}}
  %t18 = linalg.contract indexing_maps = [affine_map<(b, m, v, n) -> (b, m, n)>, affine_map<(b, m, v, n) -> (b, n, v)>, affine_map<(b, m, v, n) -> (b, m, v)>]
      ins(%t15, %v : tensor<2x4x6xf32>, tensor<2x6x8xf32>) outs(%f17 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  return %t18 : tensor<2x4x8xf32>
}

// -----

// The maximum is over the queries, the sum over the keys.
// CHECK-LABEL: func.func @no_raise_maximum_over_queries(
// CHECK-NOT:   et.attention
func.func @no_raise_maximum_over_queries(%q: tensor<2x4x16xf32>, %k: tensor<2x6x16xf32>, %v: tensor<2x6x8xf32>) -> (tensor<2x4x8xf32>) {
  %c1 = arith.constant 0xFF800000 : f32
  %c0 = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<2x4x6xf32>
  %f2 = linalg.fill ins(%c0 : f32) outs(%e1 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %t3 = linalg.contract indexing_maps = [affine_map<(b, m, n, k) -> (b, m, k)>, affine_map<(b, m, n, k) -> (b, n, k)>, affine_map<(b, m, n, k) -> (b, m, n)>]
      ins(%q, %k : tensor<2x4x16xf32>, tensor<2x6x16xf32>) outs(%f2 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %e4 = tensor.empty() : tensor<2x6xf32>
  %f5 = linalg.fill ins(%c1 : f32) outs(%e4 : tensor<2x6xf32>) -> tensor<2x6xf32>
  %t6 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, n)>], iterator_types = ["parallel", "reduction", "parallel"]}
      ins(%t3 : tensor<2x4x6xf32>) outs(%f5 : tensor<2x6xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.maximumf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x6xf32>
  %e7 = tensor.empty() : tensor<2x4x6xf32>
  %t8 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, n)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t3, %t6 : tensor<2x4x6xf32>, tensor<2x6xf32>) outs(%e7 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.subf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e9 = tensor.empty() : tensor<2x4x6xf32>
  %t10 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t8 : tensor<2x4x6xf32>) outs(%e9 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = math.exp %x0 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e11 = tensor.empty() : tensor<2x4xf32>
  %f12 = linalg.fill ins(%c0 : f32) outs(%e11 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t13 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%t10 : tensor<2x4x6xf32>) outs(%f12 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.addf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e14 = tensor.empty() : tensor<2x4x6xf32>
  %t15 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t10, %t13 : tensor<2x4x6xf32>, tensor<2x4xf32>) outs(%e14 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.divf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e16 = tensor.empty() : tensor<2x4x8xf32>
  %f17 = linalg.fill ins(%c0 : f32) outs(%e16 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  // expected-remark @below {{the maximum runs over another dimension than the keys}}
  %t18 = linalg.contract indexing_maps = [affine_map<(b, m, v, n) -> (b, m, n)>, affine_map<(b, m, v, n) -> (b, n, v)>, affine_map<(b, m, v, n) -> (b, m, v)>]
      ins(%t15, %v : tensor<2x4x6xf32>, tensor<2x6x8xf32>) outs(%f17 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  return %t18 : tensor<2x4x8xf32>
}

// -----

// The divisor sums exponentials that nothing was subtracted from.
// CHECK-LABEL: func.func @no_raise_sum_of_other_exponentials(
// CHECK-NOT:   et.attention
func.func @no_raise_sum_of_other_exponentials(%q: tensor<2x4x16xf32>, %k: tensor<2x6x16xf32>, %v: tensor<2x6x8xf32>) -> (tensor<2x4x8xf32>) {
  %c1 = arith.constant 0xFF800000 : f32
  %c0 = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<2x4x6xf32>
  %f2 = linalg.fill ins(%c0 : f32) outs(%e1 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %t3 = linalg.contract indexing_maps = [affine_map<(b, m, n, k) -> (b, m, k)>, affine_map<(b, m, n, k) -> (b, n, k)>, affine_map<(b, m, n, k) -> (b, m, n)>]
      ins(%q, %k : tensor<2x4x16xf32>, tensor<2x6x16xf32>) outs(%f2 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %e4 = tensor.empty() : tensor<2x4xf32>
  %f5 = linalg.fill ins(%c1 : f32) outs(%e4 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t6 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%t3 : tensor<2x4x6xf32>) outs(%f5 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.maximumf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e7 = tensor.empty() : tensor<2x4x6xf32>
  %t8 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t3, %t6 : tensor<2x4x6xf32>, tensor<2x4xf32>) outs(%e7 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.subf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e9 = tensor.empty() : tensor<2x4x6xf32>
  %t10 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t8 : tensor<2x4x6xf32>) outs(%e9 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = math.exp %x0 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e11 = tensor.empty() : tensor<2x4x6xf32>
  %t12 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t3 : tensor<2x4x6xf32>) outs(%e11 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = math.exp %x0 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e13 = tensor.empty() : tensor<2x4xf32>
  %f14 = linalg.fill ins(%c0 : f32) outs(%e13 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t15 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%t12 : tensor<2x4x6xf32>) outs(%f14 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.addf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e16 = tensor.empty() : tensor<2x4x6xf32>
  %t17 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t10, %t15 : tensor<2x4x6xf32>, tensor<2x4xf32>) outs(%e16 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.divf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e18 = tensor.empty() : tensor<2x4x8xf32>
  %f19 = linalg.fill ins(%c0 : f32) outs(%e18 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  // expected-remark @below {{the divisor is not the sum of the same exponentials}}
  %t20 = linalg.contract indexing_maps = [affine_map<(b, m, v, n) -> (b, m, n)>, affine_map<(b, m, v, n) -> (b, n, v)>, affine_map<(b, m, v, n) -> (b, m, v)>]
      ins(%t17, %v : tensor<2x4x6xf32>, tensor<2x6x8xf32>) outs(%f19 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  return %t20 : tensor<2x4x8xf32>
}

// -----

// The maximum is that of the scores before the scale.
// CHECK-LABEL: func.func @no_raise_maximum_of_other_scores(
// CHECK-NOT:   et.attention
func.func @no_raise_maximum_of_other_scores(%q: tensor<2x4x16xf32>, %k: tensor<2x6x16xf32>, %v: tensor<2x6x8xf32>) -> (tensor<2x4x8xf32>) {
  %c2 = arith.constant 0xFF800000 : f32
  %c1 = arith.constant 0.25 : f32
  %c0 = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<2x4x6xf32>
  %f2 = linalg.fill ins(%c0 : f32) outs(%e1 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %t3 = linalg.contract indexing_maps = [affine_map<(b, m, n, k) -> (b, m, k)>, affine_map<(b, m, n, k) -> (b, n, k)>, affine_map<(b, m, n, k) -> (b, m, n)>]
      ins(%q, %k : tensor<2x4x16xf32>, tensor<2x6x16xf32>) outs(%f2 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %e4 = tensor.empty() : tensor<2x4x6xf32>
  %t5 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t3 : tensor<2x4x6xf32>) outs(%e4 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.mulf %x0, %c1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e6 = tensor.empty() : tensor<2x4xf32>
  %f7 = linalg.fill ins(%c2 : f32) outs(%e6 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t8 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%t3 : tensor<2x4x6xf32>) outs(%f7 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.maximumf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e9 = tensor.empty() : tensor<2x4x6xf32>
  %t10 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t5, %t8 : tensor<2x4x6xf32>, tensor<2x4xf32>) outs(%e9 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.subf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e11 = tensor.empty() : tensor<2x4x6xf32>
  %t12 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t10 : tensor<2x4x6xf32>) outs(%e11 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = math.exp %x0 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e13 = tensor.empty() : tensor<2x4xf32>
  %f14 = linalg.fill ins(%c0 : f32) outs(%e13 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t15 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%t12 : tensor<2x4x6xf32>) outs(%f14 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.addf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e16 = tensor.empty() : tensor<2x4x6xf32>
  %t17 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t12, %t15 : tensor<2x4x6xf32>, tensor<2x4xf32>) outs(%e16 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.divf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e18 = tensor.empty() : tensor<2x4x8xf32>
  %f19 = linalg.fill ins(%c0 : f32) outs(%e18 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  // expected-remark @below {{the maximum that is subtracted is not that of the scores}}
  %t20 = linalg.contract indexing_maps = [affine_map<(b, m, v, n) -> (b, m, n)>, affine_map<(b, m, v, n) -> (b, n, v)>, affine_map<(b, m, v, n) -> (b, m, v)>]
      ins(%t17, %v : tensor<2x4x6xf32>, tensor<2x6x8xf32>) outs(%f19 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  return %t20 : tensor<2x4x8xf32>
}

// -----

// The maximum starts from zero.
// CHECK-LABEL: func.func @no_raise_maximum_from_zero(
// CHECK-NOT:   et.attention
func.func @no_raise_maximum_from_zero(%q: tensor<2x4x16xf32>, %k: tensor<2x6x16xf32>, %v: tensor<2x6x8xf32>) -> (tensor<2x4x8xf32>) {
  %c0 = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<2x4x6xf32>
  %f2 = linalg.fill ins(%c0 : f32) outs(%e1 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %t3 = linalg.contract indexing_maps = [affine_map<(b, m, n, k) -> (b, m, k)>, affine_map<(b, m, n, k) -> (b, n, k)>, affine_map<(b, m, n, k) -> (b, m, n)>]
      ins(%q, %k : tensor<2x4x16xf32>, tensor<2x6x16xf32>) outs(%f2 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %e4 = tensor.empty() : tensor<2x4xf32>
  %f5 = linalg.fill ins(%c0 : f32) outs(%e4 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t6 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%t3 : tensor<2x4x6xf32>) outs(%f5 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.maximumf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e7 = tensor.empty() : tensor<2x4x6xf32>
  %t8 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t3, %t6 : tensor<2x4x6xf32>, tensor<2x4xf32>) outs(%e7 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.subf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e9 = tensor.empty() : tensor<2x4x6xf32>
  %t10 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t8 : tensor<2x4x6xf32>) outs(%e9 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = math.exp %x0 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e11 = tensor.empty() : tensor<2x4xf32>
  %f12 = linalg.fill ins(%c0 : f32) outs(%e11 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t13 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%t10 : tensor<2x4x6xf32>) outs(%f12 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.addf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e14 = tensor.empty() : tensor<2x4x6xf32>
  %t15 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t10, %t13 : tensor<2x4x6xf32>, tensor<2x4xf32>) outs(%e14 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.divf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e16 = tensor.empty() : tensor<2x4x8xf32>
  %f17 = linalg.fill ins(%c0 : f32) outs(%e16 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  // expected-remark @below {{starts from another value than its neutral one}}
  %t18 = linalg.contract indexing_maps = [affine_map<(b, m, v, n) -> (b, m, n)>, affine_map<(b, m, v, n) -> (b, n, v)>, affine_map<(b, m, v, n) -> (b, m, v)>]
      ins(%t15, %v : tensor<2x4x6xf32>, tensor<2x6x8xf32>) outs(%f17 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  return %t18 : tensor<2x4x8xf32>
}

// -----

// The sum starts from one (softmax with an extra zero score).
// CHECK-LABEL: func.func @no_raise_sum_from_one(
// CHECK-NOT:   et.attention
func.func @no_raise_sum_from_one(%q: tensor<2x4x16xf32>, %k: tensor<2x6x16xf32>, %v: tensor<2x6x8xf32>) -> (tensor<2x4x8xf32>) {
  %c2 = arith.constant 1.0 : f32
  %c1 = arith.constant 0xFF800000 : f32
  %c0 = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<2x4x6xf32>
  %f2 = linalg.fill ins(%c0 : f32) outs(%e1 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %t3 = linalg.contract indexing_maps = [affine_map<(b, m, n, k) -> (b, m, k)>, affine_map<(b, m, n, k) -> (b, n, k)>, affine_map<(b, m, n, k) -> (b, m, n)>]
      ins(%q, %k : tensor<2x4x16xf32>, tensor<2x6x16xf32>) outs(%f2 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %e4 = tensor.empty() : tensor<2x4xf32>
  %f5 = linalg.fill ins(%c1 : f32) outs(%e4 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t6 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%t3 : tensor<2x4x6xf32>) outs(%f5 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.maximumf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e7 = tensor.empty() : tensor<2x4x6xf32>
  %t8 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t3, %t6 : tensor<2x4x6xf32>, tensor<2x4xf32>) outs(%e7 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.subf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e9 = tensor.empty() : tensor<2x4x6xf32>
  %t10 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t8 : tensor<2x4x6xf32>) outs(%e9 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = math.exp %x0 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e11 = tensor.empty() : tensor<2x4xf32>
  %f12 = linalg.fill ins(%c2 : f32) outs(%e11 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t13 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%t10 : tensor<2x4x6xf32>) outs(%f12 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.addf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e14 = tensor.empty() : tensor<2x4x6xf32>
  %t15 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t10, %t13 : tensor<2x4x6xf32>, tensor<2x4xf32>) outs(%e14 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.divf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e16 = tensor.empty() : tensor<2x4x8xf32>
  %f17 = linalg.fill ins(%c0 : f32) outs(%e16 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  // expected-remark @below {{by something else than the reciprocal sum}}
  %t18 = linalg.contract indexing_maps = [affine_map<(b, m, v, n) -> (b, m, n)>, affine_map<(b, m, v, n) -> (b, n, v)>, affine_map<(b, m, v, n) -> (b, m, v)>]
      ins(%t15, %v : tensor<2x4x6xf32>, tensor<2x6x8xf32>) outs(%f17 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  return %t18 : tensor<2x4x8xf32>
}

// -----

// Exponentials without their sum.
// CHECK-LABEL: func.func @no_raise_never_divided(
// CHECK-NOT:   et.attention
func.func @no_raise_never_divided(%q: tensor<2x4x16xf32>, %k: tensor<2x6x16xf32>, %v: tensor<2x6x8xf32>) -> (tensor<2x4x8xf32>) {
  %c1 = arith.constant 0xFF800000 : f32
  %c0 = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<2x4x6xf32>
  %f2 = linalg.fill ins(%c0 : f32) outs(%e1 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %t3 = linalg.contract indexing_maps = [affine_map<(b, m, n, k) -> (b, m, k)>, affine_map<(b, m, n, k) -> (b, n, k)>, affine_map<(b, m, n, k) -> (b, m, n)>]
      ins(%q, %k : tensor<2x4x16xf32>, tensor<2x6x16xf32>) outs(%f2 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %e4 = tensor.empty() : tensor<2x4xf32>
  %f5 = linalg.fill ins(%c1 : f32) outs(%e4 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t6 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%t3 : tensor<2x4x6xf32>) outs(%f5 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.maximumf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e7 = tensor.empty() : tensor<2x4x6xf32>
  %t8 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t3, %t6 : tensor<2x4x6xf32>, tensor<2x4xf32>) outs(%e7 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.subf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e9 = tensor.empty() : tensor<2x4x6xf32>
  %t10 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t8 : tensor<2x4x6xf32>) outs(%e9 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = math.exp %x0 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e11 = tensor.empty() : tensor<2x4xf32>
  %f12 = linalg.fill ins(%c0 : f32) outs(%e11 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t13 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%t10 : tensor<2x4x6xf32>) outs(%f12 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.addf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e14 = tensor.empty() : tensor<2x4x8xf32>
  %f15 = linalg.fill ins(%c0 : f32) outs(%e14 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  // expected-remark @below {{exponentials are never divided by their sum}}
  %t16 = linalg.contract indexing_maps = [affine_map<(b, m, v, n) -> (b, m, n)>, affine_map<(b, m, v, n) -> (b, n, v)>, affine_map<(b, m, v, n) -> (b, m, v)>]
      ins(%t10, %v : tensor<2x4x6xf32>, tensor<2x6x8xf32>) outs(%f15 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  return %t16 : tensor<2x4x8xf32>
}

// -----

// The scale multiplies the probabilities.
// CHECK-LABEL: func.func @no_raise_scale_after_softmax(
// CHECK-NOT:   et.attention
func.func @no_raise_scale_after_softmax(%q: tensor<2x4x16xf32>, %k: tensor<2x6x16xf32>, %v: tensor<2x6x8xf32>) -> (tensor<2x4x8xf32>) {
  %c2 = arith.constant 0.25 : f32
  %c1 = arith.constant 0xFF800000 : f32
  %c0 = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<2x4x6xf32>
  %f2 = linalg.fill ins(%c0 : f32) outs(%e1 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %t3 = linalg.contract indexing_maps = [affine_map<(b, m, n, k) -> (b, m, k)>, affine_map<(b, m, n, k) -> (b, n, k)>, affine_map<(b, m, n, k) -> (b, m, n)>]
      ins(%q, %k : tensor<2x4x16xf32>, tensor<2x6x16xf32>) outs(%f2 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %e4 = tensor.empty() : tensor<2x4xf32>
  %f5 = linalg.fill ins(%c1 : f32) outs(%e4 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t6 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%t3 : tensor<2x4x6xf32>) outs(%f5 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.maximumf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e7 = tensor.empty() : tensor<2x4x6xf32>
  %t8 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t3, %t6 : tensor<2x4x6xf32>, tensor<2x4xf32>) outs(%e7 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.subf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e9 = tensor.empty() : tensor<2x4x6xf32>
  %t10 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t8 : tensor<2x4x6xf32>) outs(%e9 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = math.exp %x0 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e11 = tensor.empty() : tensor<2x4xf32>
  %f12 = linalg.fill ins(%c0 : f32) outs(%e11 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t13 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%t10 : tensor<2x4x6xf32>) outs(%f12 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.addf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e14 = tensor.empty() : tensor<2x4x6xf32>
  %t15 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t10, %t13 : tensor<2x4x6xf32>, tensor<2x4xf32>) outs(%e14 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.divf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e16 = tensor.empty() : tensor<2x4x6xf32>
  %t17 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t15 : tensor<2x4x6xf32>) outs(%e16 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.mulf %x0, %c2 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e18 = tensor.empty() : tensor<2x4x8xf32>
  %f19 = linalg.fill ins(%c0 : f32) outs(%e18 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  // expected-remark @below {{the probabilities are scaled by 0.25}}
  %t20 = linalg.contract indexing_maps = [affine_map<(b, m, v, n) -> (b, m, n)>, affine_map<(b, m, v, n) -> (b, n, v)>, affine_map<(b, m, v, n) -> (b, m, v)>]
      ins(%t17, %v : tensor<2x4x6xf32>, tensor<2x6x8xf32>) outs(%f19 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  return %t20 : tensor<2x4x8xf32>
}

// -----

// A mask multiplies the probabilities.
// CHECK-LABEL: func.func @no_raise_mask_multiplied_after_softmax(
// CHECK-NOT:   et.attention
func.func @no_raise_mask_multiplied_after_softmax(%q: tensor<2x4x16xf32>, %k: tensor<2x6x16xf32>, %v: tensor<2x6x8xf32>, %mask: tensor<2x4x6xf32>) -> (tensor<2x4x8xf32>) {
  %c1 = arith.constant 0xFF800000 : f32
  %c0 = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<2x4x6xf32>
  %f2 = linalg.fill ins(%c0 : f32) outs(%e1 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %t3 = linalg.contract indexing_maps = [affine_map<(b, m, n, k) -> (b, m, k)>, affine_map<(b, m, n, k) -> (b, n, k)>, affine_map<(b, m, n, k) -> (b, m, n)>]
      ins(%q, %k : tensor<2x4x16xf32>, tensor<2x6x16xf32>) outs(%f2 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %e4 = tensor.empty() : tensor<2x4xf32>
  %f5 = linalg.fill ins(%c1 : f32) outs(%e4 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t6 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%t3 : tensor<2x4x6xf32>) outs(%f5 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.maximumf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e7 = tensor.empty() : tensor<2x4x6xf32>
  %t8 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t3, %t6 : tensor<2x4x6xf32>, tensor<2x4xf32>) outs(%e7 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.subf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e9 = tensor.empty() : tensor<2x4x6xf32>
  %t10 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t8 : tensor<2x4x6xf32>) outs(%e9 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = math.exp %x0 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e11 = tensor.empty() : tensor<2x4xf32>
  %f12 = linalg.fill ins(%c0 : f32) outs(%e11 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t13 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%t10 : tensor<2x4x6xf32>) outs(%f12 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.addf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e14 = tensor.empty() : tensor<2x4x6xf32>
  %t15 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t10, %t13 : tensor<2x4x6xf32>, tensor<2x4xf32>) outs(%e14 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.divf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e16 = tensor.empty() : tensor<2x4x6xf32>
  %t17 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t15, %mask : tensor<2x4x6xf32>, tensor<2x4x6xf32>) outs(%e16 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.mulf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e18 = tensor.empty() : tensor<2x4x8xf32>
  %f19 = linalg.fill ins(%c0 : f32) outs(%e18 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  // expected-remark @below {{multiplied by something else than the value}}
  %t20 = linalg.contract indexing_maps = [affine_map<(b, m, v, n) -> (b, m, n)>, affine_map<(b, m, v, n) -> (b, n, v)>, affine_map<(b, m, v, n) -> (b, m, v)>]
      ins(%t17, %v : tensor<2x4x6xf32>, tensor<2x6x8xf32>) outs(%f19 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  return %t20 : tensor<2x4x8xf32>
}

// -----

// A mask is added to the probabilities.
// CHECK-LABEL: func.func @no_raise_mask_added_after_softmax(
// CHECK-NOT:   et.attention
func.func @no_raise_mask_added_after_softmax(%q: tensor<2x4x16xf32>, %k: tensor<2x6x16xf32>, %v: tensor<2x6x8xf32>, %mask: tensor<2x4x6xf32>) -> (tensor<2x4x8xf32>) {
  %c1 = arith.constant 0xFF800000 : f32
  %c0 = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<2x4x6xf32>
  %f2 = linalg.fill ins(%c0 : f32) outs(%e1 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %t3 = linalg.contract indexing_maps = [affine_map<(b, m, n, k) -> (b, m, k)>, affine_map<(b, m, n, k) -> (b, n, k)>, affine_map<(b, m, n, k) -> (b, m, n)>]
      ins(%q, %k : tensor<2x4x16xf32>, tensor<2x6x16xf32>) outs(%f2 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %e4 = tensor.empty() : tensor<2x4xf32>
  %f5 = linalg.fill ins(%c1 : f32) outs(%e4 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t6 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%t3 : tensor<2x4x6xf32>) outs(%f5 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.maximumf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e7 = tensor.empty() : tensor<2x4x6xf32>
  %t8 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t3, %t6 : tensor<2x4x6xf32>, tensor<2x4xf32>) outs(%e7 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.subf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e9 = tensor.empty() : tensor<2x4x6xf32>
  %t10 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t8 : tensor<2x4x6xf32>) outs(%e9 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = math.exp %x0 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e11 = tensor.empty() : tensor<2x4xf32>
  %f12 = linalg.fill ins(%c0 : f32) outs(%e11 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t13 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%t10 : tensor<2x4x6xf32>) outs(%f12 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.addf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e14 = tensor.empty() : tensor<2x4x6xf32>
  %t15 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t10, %t13 : tensor<2x4x6xf32>, tensor<2x4xf32>) outs(%e14 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.divf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e16 = tensor.empty() : tensor<2x4x6xf32>
  %t17 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t15, %mask : tensor<2x4x6xf32>, tensor<2x4x6xf32>) outs(%e16 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.addf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e18 = tensor.empty() : tensor<2x4x8xf32>
  %f19 = linalg.fill ins(%c0 : f32) outs(%e18 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  // expected-remark @below {{something is added to the probabilities}}
  %t20 = linalg.contract indexing_maps = [affine_map<(b, m, v, n) -> (b, m, n)>, affine_map<(b, m, v, n) -> (b, n, v)>, affine_map<(b, m, v, n) -> (b, m, v)>]
      ins(%t17, %v : tensor<2x4x6xf32>, tensor<2x6x8xf32>) outs(%f19 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  return %t20 : tensor<2x4x8xf32>
}

// -----

// A select clears probabilities.
// CHECK-LABEL: func.func @no_raise_mask_selected_after_softmax(
// CHECK-NOT:   et.attention
func.func @no_raise_mask_selected_after_softmax(%q: tensor<2x4x16xf32>, %k: tensor<2x6x16xf32>, %v: tensor<2x6x8xf32>, %mask: tensor<2x4x6xi1>) -> (tensor<2x4x8xf32>) {
  %c1 = arith.constant 0xFF800000 : f32
  %c0 = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<2x4x6xf32>
  %f2 = linalg.fill ins(%c0 : f32) outs(%e1 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %t3 = linalg.contract indexing_maps = [affine_map<(b, m, n, k) -> (b, m, k)>, affine_map<(b, m, n, k) -> (b, n, k)>, affine_map<(b, m, n, k) -> (b, m, n)>]
      ins(%q, %k : tensor<2x4x16xf32>, tensor<2x6x16xf32>) outs(%f2 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %e4 = tensor.empty() : tensor<2x4xf32>
  %f5 = linalg.fill ins(%c1 : f32) outs(%e4 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t6 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%t3 : tensor<2x4x6xf32>) outs(%f5 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.maximumf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e7 = tensor.empty() : tensor<2x4x6xf32>
  %t8 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t3, %t6 : tensor<2x4x6xf32>, tensor<2x4xf32>) outs(%e7 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.subf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e9 = tensor.empty() : tensor<2x4x6xf32>
  %t10 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t8 : tensor<2x4x6xf32>) outs(%e9 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = math.exp %x0 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e11 = tensor.empty() : tensor<2x4xf32>
  %f12 = linalg.fill ins(%c0 : f32) outs(%e11 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t13 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%t10 : tensor<2x4x6xf32>) outs(%f12 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.addf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e14 = tensor.empty() : tensor<2x4x6xf32>
  %t15 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t10, %t13 : tensor<2x4x6xf32>, tensor<2x4xf32>) outs(%e14 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.divf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e16 = tensor.empty() : tensor<2x4x6xf32>
  %t17 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%mask, %t15 : tensor<2x4x6xi1>, tensor<2x4x6xf32>) outs(%e16 : tensor<2x4x6xf32>) {
  ^bb0(%x0: i1, %x1: f32, %acc: f32):
    %r = arith.select %x0, %x1, %c0 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e18 = tensor.empty() : tensor<2x4x8xf32>
  %f19 = linalg.fill ins(%c0 : f32) outs(%e18 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  // expected-remark @below {{a select changes the probabilities}}
  %t20 = linalg.contract indexing_maps = [affine_map<(b, m, v, n) -> (b, m, n)>, affine_map<(b, m, v, n) -> (b, n, v)>, affine_map<(b, m, v, n) -> (b, m, v)>]
      ins(%t17, %v : tensor<2x4x6xf32>, tensor<2x6x8xf32>) outs(%f19 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  return %t20 : tensor<2x4x8xf32>
}

// -----

// The scores are returned as well.
// CHECK-LABEL: func.func @no_raise_scores_returned(
// CHECK-NOT:   et.attention
func.func @no_raise_scores_returned(%q: tensor<2x4x16xf32>, %k: tensor<2x6x16xf32>, %v: tensor<2x6x8xf32>) -> (tensor<2x4x8xf32>, tensor<2x4x6xf32>) {
  %c1 = arith.constant 0xFF800000 : f32
  %c0 = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<2x4x6xf32>
  %f2 = linalg.fill ins(%c0 : f32) outs(%e1 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %t3 = linalg.contract indexing_maps = [affine_map<(b, m, n, k) -> (b, m, k)>, affine_map<(b, m, n, k) -> (b, n, k)>, affine_map<(b, m, n, k) -> (b, m, n)>]
      ins(%q, %k : tensor<2x4x16xf32>, tensor<2x6x16xf32>) outs(%f2 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %e4 = tensor.empty() : tensor<2x4xf32>
  %f5 = linalg.fill ins(%c1 : f32) outs(%e4 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t6 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%t3 : tensor<2x4x6xf32>) outs(%f5 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.maximumf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e7 = tensor.empty() : tensor<2x4x6xf32>
  %t8 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t3, %t6 : tensor<2x4x6xf32>, tensor<2x4xf32>) outs(%e7 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.subf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e9 = tensor.empty() : tensor<2x4x6xf32>
  %t10 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t8 : tensor<2x4x6xf32>) outs(%e9 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = math.exp %x0 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e11 = tensor.empty() : tensor<2x4xf32>
  %f12 = linalg.fill ins(%c0 : f32) outs(%e11 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t13 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%t10 : tensor<2x4x6xf32>) outs(%f12 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.addf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e14 = tensor.empty() : tensor<2x4x6xf32>
  %t15 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t10, %t13 : tensor<2x4x6xf32>, tensor<2x4xf32>) outs(%e14 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.divf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e16 = tensor.empty() : tensor<2x4x8xf32>
  %f17 = linalg.fill ins(%c0 : f32) outs(%e16 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  // expected-remark @below {{also used by 'func.return'}}
  %t18 = linalg.contract indexing_maps = [affine_map<(b, m, v, n) -> (b, m, n)>, affine_map<(b, m, v, n) -> (b, n, v)>, affine_map<(b, m, v, n) -> (b, m, v)>]
      ins(%t15, %v : tensor<2x4x6xf32>, tensor<2x6x8xf32>) outs(%f17 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  return %t18, %t3 : tensor<2x4x8xf32>, tensor<2x4x6xf32>
}

// -----

// The probabilities are returned as well.
// CHECK-LABEL: func.func @no_raise_probabilities_returned(
// CHECK-NOT:   et.attention
func.func @no_raise_probabilities_returned(%q: tensor<2x4x16xf32>, %k: tensor<2x6x16xf32>, %v: tensor<2x6x8xf32>) -> (tensor<2x4x8xf32>, tensor<2x4x6xf32>) {
  %c1 = arith.constant 0xFF800000 : f32
  %c0 = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<2x4x6xf32>
  %f2 = linalg.fill ins(%c0 : f32) outs(%e1 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %t3 = linalg.contract indexing_maps = [affine_map<(b, m, n, k) -> (b, m, k)>, affine_map<(b, m, n, k) -> (b, n, k)>, affine_map<(b, m, n, k) -> (b, m, n)>]
      ins(%q, %k : tensor<2x4x16xf32>, tensor<2x6x16xf32>) outs(%f2 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %e4 = tensor.empty() : tensor<2x4xf32>
  %f5 = linalg.fill ins(%c1 : f32) outs(%e4 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t6 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%t3 : tensor<2x4x6xf32>) outs(%f5 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.maximumf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e7 = tensor.empty() : tensor<2x4x6xf32>
  %t8 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t3, %t6 : tensor<2x4x6xf32>, tensor<2x4xf32>) outs(%e7 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.subf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e9 = tensor.empty() : tensor<2x4x6xf32>
  %t10 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t8 : tensor<2x4x6xf32>) outs(%e9 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = math.exp %x0 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e11 = tensor.empty() : tensor<2x4xf32>
  %f12 = linalg.fill ins(%c0 : f32) outs(%e11 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t13 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%t10 : tensor<2x4x6xf32>) outs(%f12 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.addf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e14 = tensor.empty() : tensor<2x4x6xf32>
  %t15 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t10, %t13 : tensor<2x4x6xf32>, tensor<2x4xf32>) outs(%e14 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.divf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e16 = tensor.empty() : tensor<2x4x8xf32>
  %f17 = linalg.fill ins(%c0 : f32) outs(%e16 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  // expected-remark @below {{also used by 'func.return'}}
  %t18 = linalg.contract indexing_maps = [affine_map<(b, m, v, n) -> (b, m, n)>, affine_map<(b, m, v, n) -> (b, n, v)>, affine_map<(b, m, v, n) -> (b, m, v)>]
      ins(%t15, %v : tensor<2x4x6xf32>, tensor<2x6x8xf32>) outs(%f17 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  return %t18, %t15 : tensor<2x4x8xf32>, tensor<2x4x6xf32>
}

// -----

// One softmax feeds two products with values.
// CHECK-LABEL: func.func @no_raise_scores_used_twice(
// CHECK-NOT:   et.attention
func.func @no_raise_scores_used_twice(%q: tensor<2x4x16xf32>, %k: tensor<2x6x16xf32>, %v: tensor<2x6x8xf32>, %w: tensor<2x6x8xf32>) -> (tensor<2x4x8xf32>, tensor<2x4x8xf32>) {
  %c1 = arith.constant 0xFF800000 : f32
  %c0 = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<2x4x6xf32>
  %f2 = linalg.fill ins(%c0 : f32) outs(%e1 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %t3 = linalg.contract indexing_maps = [affine_map<(b, m, n, k) -> (b, m, k)>, affine_map<(b, m, n, k) -> (b, n, k)>, affine_map<(b, m, n, k) -> (b, m, n)>]
      ins(%q, %k : tensor<2x4x16xf32>, tensor<2x6x16xf32>) outs(%f2 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %e4 = tensor.empty() : tensor<2x4xf32>
  %f5 = linalg.fill ins(%c1 : f32) outs(%e4 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t6 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%t3 : tensor<2x4x6xf32>) outs(%f5 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.maximumf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e7 = tensor.empty() : tensor<2x4x6xf32>
  %t8 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t3, %t6 : tensor<2x4x6xf32>, tensor<2x4xf32>) outs(%e7 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.subf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e9 = tensor.empty() : tensor<2x4x6xf32>
  %t10 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t8 : tensor<2x4x6xf32>) outs(%e9 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = math.exp %x0 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e11 = tensor.empty() : tensor<2x4xf32>
  %f12 = linalg.fill ins(%c0 : f32) outs(%e11 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t13 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%t10 : tensor<2x4x6xf32>) outs(%f12 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.addf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e14 = tensor.empty() : tensor<2x4x6xf32>
  %t15 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t10, %t13 : tensor<2x4x6xf32>, tensor<2x4xf32>) outs(%e14 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.divf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e16 = tensor.empty() : tensor<2x4x8xf32>
  %f17 = linalg.fill ins(%c0 : f32) outs(%e16 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  // expected-remark @below {{also used by 'func.return'}}
  %t18 = linalg.contract indexing_maps = [affine_map<(b, m, v, n) -> (b, m, n)>, affine_map<(b, m, v, n) -> (b, n, v)>, affine_map<(b, m, v, n) -> (b, m, v)>]
      ins(%t15, %v : tensor<2x4x6xf32>, tensor<2x6x8xf32>) outs(%f17 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  %e19 = tensor.empty() : tensor<2x4x8xf32>
  %f20 = linalg.fill ins(%c0 : f32) outs(%e19 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  // expected-remark @below {{also used by 'func.return'}}
  %t21 = linalg.contract indexing_maps = [affine_map<(b, m, v, n) -> (b, m, n)>, affine_map<(b, m, v, n) -> (b, n, v)>, affine_map<(b, m, v, n) -> (b, m, v)>]
      ins(%t15, %w : tensor<2x4x6xf32>, tensor<2x6x8xf32>) outs(%f20 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  return %t18, %t21 : tensor<2x4x8xf32>, tensor<2x4x8xf32>
}

// -----

// -10000 is no -inf: a fully masked row would change.
// CHECK-LABEL: func.func @no_raise_small_finite_mask(
// CHECK-NOT:   et.attention
func.func @no_raise_small_finite_mask(%q: tensor<2x4x16xf32>, %k: tensor<2x6x16xf32>, %v: tensor<2x6x8xf32>, %mask: tensor<2x6xi1>) -> (tensor<2x4x8xf32>) {
  %c2 = arith.constant 0xFF800000 : f32
  %c1 = arith.constant -1.0e+04 : f32
  %c0 = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<2x4x6xf32>
  %f2 = linalg.fill ins(%c0 : f32) outs(%e1 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %t3 = linalg.contract indexing_maps = [affine_map<(b, m, n, k) -> (b, m, k)>, affine_map<(b, m, n, k) -> (b, n, k)>, affine_map<(b, m, n, k) -> (b, m, n)>]
      ins(%q, %k : tensor<2x4x16xf32>, tensor<2x6x16xf32>) outs(%f2 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %e4 = tensor.empty() : tensor<2x4x6xf32>
  %t5 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, n)>, affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%mask, %t3 : tensor<2x6xi1>, tensor<2x4x6xf32>) outs(%e4 : tensor<2x4x6xf32>) {
  ^bb0(%x0: i1, %x1: f32, %acc: f32):
    %r = arith.select %x0, %x1, %c1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e6 = tensor.empty() : tensor<2x4xf32>
  %f7 = linalg.fill ins(%c2 : f32) outs(%e6 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t8 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%t5 : tensor<2x4x6xf32>) outs(%f7 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.maximumf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e9 = tensor.empty() : tensor<2x4x6xf32>
  %t10 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t5, %t8 : tensor<2x4x6xf32>, tensor<2x4xf32>) outs(%e9 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.subf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e11 = tensor.empty() : tensor<2x4x6xf32>
  %t12 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t10 : tensor<2x4x6xf32>) outs(%e11 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = math.exp %x0 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e13 = tensor.empty() : tensor<2x4xf32>
  %f14 = linalg.fill ins(%c0 : f32) outs(%e13 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t15 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%t12 : tensor<2x4x6xf32>) outs(%f14 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.addf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e16 = tensor.empty() : tensor<2x4x6xf32>
  %t17 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t12, %t15 : tensor<2x4x6xf32>, tensor<2x4xf32>) outs(%e16 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.divf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e18 = tensor.empty() : tensor<2x4x8xf32>
  %f19 = linalg.fill ins(%c0 : f32) outs(%e18 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  // expected-remark @below {{masked scores are replaced by -10000}}
  %t20 = linalg.contract indexing_maps = [affine_map<(b, m, v, n) -> (b, m, n)>, affine_map<(b, m, v, n) -> (b, n, v)>, affine_map<(b, m, v, n) -> (b, m, v)>]
      ins(%t17, %v : tensor<2x4x6xf32>, tensor<2x6x8xf32>) outs(%f19 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  return %t20 : tensor<2x4x8xf32>
}

// -----

// Masked scores become +inf.
// CHECK-LABEL: func.func @no_raise_positive_mask(
// CHECK-NOT:   et.attention
func.func @no_raise_positive_mask(%q: tensor<2x4x16xf32>, %k: tensor<2x6x16xf32>, %v: tensor<2x6x8xf32>, %mask: tensor<2x6xi1>) -> (tensor<2x4x8xf32>) {
  %c2 = arith.constant 0xFF800000 : f32
  %c1 = arith.constant 0x7F800000 : f32
  %c0 = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<2x4x6xf32>
  %f2 = linalg.fill ins(%c0 : f32) outs(%e1 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %t3 = linalg.contract indexing_maps = [affine_map<(b, m, n, k) -> (b, m, k)>, affine_map<(b, m, n, k) -> (b, n, k)>, affine_map<(b, m, n, k) -> (b, m, n)>]
      ins(%q, %k : tensor<2x4x16xf32>, tensor<2x6x16xf32>) outs(%f2 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %e4 = tensor.empty() : tensor<2x4x6xf32>
  %t5 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, n)>, affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%mask, %t3 : tensor<2x6xi1>, tensor<2x4x6xf32>) outs(%e4 : tensor<2x4x6xf32>) {
  ^bb0(%x0: i1, %x1: f32, %acc: f32):
    %r = arith.select %x0, %x1, %c1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e6 = tensor.empty() : tensor<2x4xf32>
  %f7 = linalg.fill ins(%c2 : f32) outs(%e6 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t8 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%t5 : tensor<2x4x6xf32>) outs(%f7 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.maximumf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e9 = tensor.empty() : tensor<2x4x6xf32>
  %t10 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t5, %t8 : tensor<2x4x6xf32>, tensor<2x4xf32>) outs(%e9 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.subf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e11 = tensor.empty() : tensor<2x4x6xf32>
  %t12 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t10 : tensor<2x4x6xf32>) outs(%e11 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = math.exp %x0 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e13 = tensor.empty() : tensor<2x4xf32>
  %f14 = linalg.fill ins(%c0 : f32) outs(%e13 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t15 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%t12 : tensor<2x4x6xf32>) outs(%f14 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.addf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e16 = tensor.empty() : tensor<2x4x6xf32>
  %t17 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t12, %t15 : tensor<2x4x6xf32>, tensor<2x4xf32>) outs(%e16 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.divf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e18 = tensor.empty() : tensor<2x4x8xf32>
  %f19 = linalg.fill ins(%c0 : f32) outs(%e18 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  // expected-remark @below {{masked scores are replaced by}}
  %t20 = linalg.contract indexing_maps = [affine_map<(b, m, v, n) -> (b, m, n)>, affine_map<(b, m, v, n) -> (b, n, v)>, affine_map<(b, m, v, n) -> (b, m, v)>]
      ins(%t17, %v : tensor<2x4x6xf32>, tensor<2x6x8xf32>) outs(%f19 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  return %t20 : tensor<2x4x8xf32>
}

// -----

// Soft-capped scores.
// CHECK-LABEL: func.func @no_raise_tanh_scores(
// CHECK-NOT:   et.attention
func.func @no_raise_tanh_scores(%q: tensor<2x4x16xf32>, %k: tensor<2x6x16xf32>, %v: tensor<2x6x8xf32>) -> (tensor<2x4x8xf32>) {
  %c1 = arith.constant 0xFF800000 : f32
  %c0 = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<2x4x6xf32>
  %f2 = linalg.fill ins(%c0 : f32) outs(%e1 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %t3 = linalg.contract indexing_maps = [affine_map<(b, m, n, k) -> (b, m, k)>, affine_map<(b, m, n, k) -> (b, n, k)>, affine_map<(b, m, n, k) -> (b, m, n)>]
      ins(%q, %k : tensor<2x4x16xf32>, tensor<2x6x16xf32>) outs(%f2 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %e4 = tensor.empty() : tensor<2x4x6xf32>
  %t5 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t3 : tensor<2x4x6xf32>) outs(%e4 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = math.tanh %x0 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e6 = tensor.empty() : tensor<2x4xf32>
  %f7 = linalg.fill ins(%c1 : f32) outs(%e6 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t8 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%t5 : tensor<2x4x6xf32>) outs(%f7 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.maximumf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e9 = tensor.empty() : tensor<2x4x6xf32>
  %t10 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t5, %t8 : tensor<2x4x6xf32>, tensor<2x4xf32>) outs(%e9 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.subf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e11 = tensor.empty() : tensor<2x4x6xf32>
  %t12 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t10 : tensor<2x4x6xf32>) outs(%e11 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = math.exp %x0 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e13 = tensor.empty() : tensor<2x4xf32>
  %f14 = linalg.fill ins(%c0 : f32) outs(%e13 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t15 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%t12 : tensor<2x4x6xf32>) outs(%f14 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.addf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e16 = tensor.empty() : tensor<2x4x6xf32>
  %t17 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t12, %t15 : tensor<2x4x6xf32>, tensor<2x4xf32>) outs(%e16 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.divf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e18 = tensor.empty() : tensor<2x4x8xf32>
  %f19 = linalg.fill ins(%c0 : f32) outs(%e18 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  // expected-remark @below {{the score is not linear in a product}}
  %t20 = linalg.contract indexing_maps = [affine_map<(b, m, v, n) -> (b, m, n)>, affine_map<(b, m, v, n) -> (b, n, v)>, affine_map<(b, m, v, n) -> (b, m, v)>]
      ins(%t17, %v : tensor<2x4x6xf32>, tensor<2x6x8xf32>) outs(%f19 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  return %t20 : tensor<2x4x8xf32>
}

// -----

// The scale is a tensor.
// CHECK-LABEL: func.func @no_raise_scale_per_query(
// CHECK-NOT:   et.attention
func.func @no_raise_scale_per_query(%q: tensor<2x4x16xf32>, %k: tensor<2x6x16xf32>, %v: tensor<2x6x8xf32>, %t: tensor<2x4xf32>) -> (tensor<2x4x8xf32>) {
  %c1 = arith.constant 0xFF800000 : f32
  %c0 = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<2x4x6xf32>
  %f2 = linalg.fill ins(%c0 : f32) outs(%e1 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %t3 = linalg.contract indexing_maps = [affine_map<(b, m, n, k) -> (b, m, k)>, affine_map<(b, m, n, k) -> (b, n, k)>, affine_map<(b, m, n, k) -> (b, m, n)>]
      ins(%q, %k : tensor<2x4x16xf32>, tensor<2x6x16xf32>) outs(%f2 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %e4 = tensor.empty() : tensor<2x4x6xf32>
  %t5 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t3, %t : tensor<2x4x6xf32>, tensor<2x4xf32>) outs(%e4 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.mulf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e6 = tensor.empty() : tensor<2x4xf32>
  %f7 = linalg.fill ins(%c1 : f32) outs(%e6 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t8 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%t5 : tensor<2x4x6xf32>) outs(%f7 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.maximumf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e9 = tensor.empty() : tensor<2x4x6xf32>
  %t10 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t5, %t8 : tensor<2x4x6xf32>, tensor<2x4xf32>) outs(%e9 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.subf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e11 = tensor.empty() : tensor<2x4x6xf32>
  %t12 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t10 : tensor<2x4x6xf32>) outs(%e11 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = math.exp %x0 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e13 = tensor.empty() : tensor<2x4xf32>
  %f14 = linalg.fill ins(%c0 : f32) outs(%e13 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t15 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%t12 : tensor<2x4x6xf32>) outs(%f14 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.addf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e16 = tensor.empty() : tensor<2x4x6xf32>
  %t17 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t12, %t15 : tensor<2x4x6xf32>, tensor<2x4xf32>) outs(%e16 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.divf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e18 = tensor.empty() : tensor<2x4x8xf32>
  %f19 = linalg.fill ins(%c0 : f32) outs(%e18 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  // expected-remark @below {{the scale of the scores is not a constant}}
  %t20 = linalg.contract indexing_maps = [affine_map<(b, m, v, n) -> (b, m, n)>, affine_map<(b, m, v, n) -> (b, n, v)>, affine_map<(b, m, v, n) -> (b, m, v)>]
      ins(%t17, %v : tensor<2x4x6xf32>, tensor<2x6x8xf32>) outs(%f19 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  return %t20 : tensor<2x4x8xf32>
}

// -----

// The probabilities of an f32 attention are rounded to f16.
// CHECK-LABEL: func.func @no_raise_rounded_in_the_middle(
// CHECK-NOT:   et.attention
func.func @no_raise_rounded_in_the_middle(%q: tensor<2x4x16xf32>, %k: tensor<2x6x16xf32>, %v: tensor<2x6x8xf32>) -> (tensor<2x4x8xf32>) {
  %c1 = arith.constant 0xFF800000 : f32
  %c0 = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<2x4x6xf32>
  %f2 = linalg.fill ins(%c0 : f32) outs(%e1 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %t3 = linalg.contract indexing_maps = [affine_map<(b, m, n, k) -> (b, m, k)>, affine_map<(b, m, n, k) -> (b, n, k)>, affine_map<(b, m, n, k) -> (b, m, n)>]
      ins(%q, %k : tensor<2x4x16xf32>, tensor<2x6x16xf32>) outs(%f2 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %e4 = tensor.empty() : tensor<2x4xf32>
  %f5 = linalg.fill ins(%c1 : f32) outs(%e4 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t6 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%t3 : tensor<2x4x6xf32>) outs(%f5 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.maximumf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e7 = tensor.empty() : tensor<2x4x6xf32>
  %t8 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t3, %t6 : tensor<2x4x6xf32>, tensor<2x4xf32>) outs(%e7 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.subf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e9 = tensor.empty() : tensor<2x4x6xf32>
  %t10 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t8 : tensor<2x4x6xf32>) outs(%e9 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = math.exp %x0 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e11 = tensor.empty() : tensor<2x4xf32>
  %f12 = linalg.fill ins(%c0 : f32) outs(%e11 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t13 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%t10 : tensor<2x4x6xf32>) outs(%f12 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.addf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e14 = tensor.empty() : tensor<2x4x6xf32>
  %t15 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t10, %t13 : tensor<2x4x6xf32>, tensor<2x4xf32>) outs(%e14 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.divf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e16 = tensor.empty() : tensor<2x4x6xf16>
  %t17 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t15 : tensor<2x4x6xf32>) outs(%e16 : tensor<2x4x6xf16>) {
  ^bb0(%x0: f32, %acc: f16):
    %r = arith.truncf %x0 : f32 to f16
    linalg.yield %r : f16
  } -> tensor<2x4x6xf16>
  %e18 = tensor.empty() : tensor<2x4x6xf32>
  %t19 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t17 : tensor<2x4x6xf16>) outs(%e18 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f16, %acc: f32):
    %r = arith.extf %x0 : f16 to f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e20 = tensor.empty() : tensor<2x4x8xf32>
  %f21 = linalg.fill ins(%c0 : f32) outs(%e20 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  // expected-remark @below {{a value in the middle is rounded to 16 bits}}
  %t22 = linalg.contract indexing_maps = [affine_map<(b, m, v, n) -> (b, m, n)>, affine_map<(b, m, v, n) -> (b, n, v)>, affine_map<(b, m, v, n) -> (b, m, v)>]
      ins(%t19, %v : tensor<2x4x6xf32>, tensor<2x6x8xf32>) outs(%f21 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  return %t22 : tensor<2x4x8xf32>
}

// -----

// Only the first four of six keys have values.
// CHECK-LABEL: func.func @no_raise_values_of_other_length(
// CHECK-NOT:   et.attention
func.func @no_raise_values_of_other_length(%q: tensor<2x4x16xf32>, %k: tensor<2x6x16xf32>, %v: tensor<2x4x8xf32>) -> (tensor<2x4x8xf32>) {
  %c1 = arith.constant 0xFF800000 : f32
  %c0 = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<2x4x6xf32>
  %f2 = linalg.fill ins(%c0 : f32) outs(%e1 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %t3 = linalg.contract indexing_maps = [affine_map<(b, m, n, k) -> (b, m, k)>, affine_map<(b, m, n, k) -> (b, n, k)>, affine_map<(b, m, n, k) -> (b, m, n)>]
      ins(%q, %k : tensor<2x4x16xf32>, tensor<2x6x16xf32>) outs(%f2 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %e4 = tensor.empty() : tensor<2x4xf32>
  %f5 = linalg.fill ins(%c1 : f32) outs(%e4 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t6 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%t3 : tensor<2x4x6xf32>) outs(%f5 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.maximumf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e7 = tensor.empty() : tensor<2x4x6xf32>
  %t8 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t3, %t6 : tensor<2x4x6xf32>, tensor<2x4xf32>) outs(%e7 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.subf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e9 = tensor.empty() : tensor<2x4x6xf32>
  %t10 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t8 : tensor<2x4x6xf32>) outs(%e9 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = math.exp %x0 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e11 = tensor.empty() : tensor<2x4xf32>
  %f12 = linalg.fill ins(%c0 : f32) outs(%e11 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t13 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%t10 : tensor<2x4x6xf32>) outs(%f12 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.addf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e14 = tensor.empty() : tensor<2x4x6xf32>
  %t15 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t10, %t13 : tensor<2x4x6xf32>, tensor<2x4xf32>) outs(%e14 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.divf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %t16 = tensor.extract_slice %t15[0, 0, 0] [2, 4, 4] [1, 1, 1] : tensor<2x4x6xf32> to tensor<2x4x4xf32>
  %e17 = tensor.empty() : tensor<2x4x8xf32>
  %f18 = linalg.fill ins(%c0 : f32) outs(%e17 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  // expected-remark @below {{pass through 'tensor.extract_slice'}}
  %t19 = linalg.contract indexing_maps = [affine_map<(b, m, v, s) -> (b, m, s)>, affine_map<(b, m, v, s) -> (b, s, v)>, affine_map<(b, m, v, s) -> (b, m, v)>]
      ins(%t16, %v : tensor<2x4x4xf32>, tensor<2x4x8xf32>) outs(%f18 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  return %t19 : tensor<2x4x8xf32>
}

// -----

// Each key has a query of its own.
// CHECK-LABEL: func.func @no_raise_query_varies_along_keys(
// CHECK-NOT:   et.attention
func.func @no_raise_query_varies_along_keys(%q: tensor<2x4x6x16xf32>, %k: tensor<2x6x16xf32>, %v: tensor<2x6x8xf32>) -> (tensor<2x4x8xf32>) {
  %c1 = arith.constant 0xFF800000 : f32
  %c0 = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<2x4x6xf32>
  %f2 = linalg.fill ins(%c0 : f32) outs(%e1 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %t3 = linalg.contract indexing_maps = [affine_map<(b, m, n, k) -> (b, m, n, k)>, affine_map<(b, m, n, k) -> (b, n, k)>, affine_map<(b, m, n, k) -> (b, m, n)>]
      ins(%q, %k : tensor<2x4x6x16xf32>, tensor<2x6x16xf32>) outs(%f2 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %e4 = tensor.empty() : tensor<2x4xf32>
  %f5 = linalg.fill ins(%c1 : f32) outs(%e4 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t6 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%t3 : tensor<2x4x6xf32>) outs(%f5 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.maximumf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e7 = tensor.empty() : tensor<2x4x6xf32>
  %t8 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t3, %t6 : tensor<2x4x6xf32>, tensor<2x4xf32>) outs(%e7 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.subf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e9 = tensor.empty() : tensor<2x4x6xf32>
  %t10 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t8 : tensor<2x4x6xf32>) outs(%e9 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = math.exp %x0 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e11 = tensor.empty() : tensor<2x4xf32>
  %f12 = linalg.fill ins(%c0 : f32) outs(%e11 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t13 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%t10 : tensor<2x4x6xf32>) outs(%f12 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.addf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e14 = tensor.empty() : tensor<2x4x6xf32>
  %t15 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t10, %t13 : tensor<2x4x6xf32>, tensor<2x4xf32>) outs(%e14 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.divf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e16 = tensor.empty() : tensor<2x4x8xf32>
  %f17 = linalg.fill ins(%c0 : f32) outs(%e16 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  // expected-remark @below {{both operands of the first product vary}}
  %t18 = linalg.contract indexing_maps = [affine_map<(b, m, v, n) -> (b, m, n)>, affine_map<(b, m, v, n) -> (b, n, v)>, affine_map<(b, m, v, n) -> (b, m, v)>]
      ins(%t15, %v : tensor<2x4x6xf32>, tensor<2x6x8xf32>) outs(%f17 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  return %t18 : tensor<2x4x8xf32>
}

// -----

// Each query has values of its own.
// CHECK-LABEL: func.func @no_raise_value_per_query(
// CHECK-NOT:   et.attention
func.func @no_raise_value_per_query(%q: tensor<2x4x16xf32>, %k: tensor<2x6x16xf32>, %v: tensor<2x2x6x8xf32>) -> (tensor<2x4x2x8xf32>) {
  %c1 = arith.constant 0xFF800000 : f32
  %c0 = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<2x4x6xf32>
  %f2 = linalg.fill ins(%c0 : f32) outs(%e1 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %t3 = linalg.contract indexing_maps = [affine_map<(b, m, n, k) -> (b, m, k)>, affine_map<(b, m, n, k) -> (b, n, k)>, affine_map<(b, m, n, k) -> (b, m, n)>]
      ins(%q, %k : tensor<2x4x16xf32>, tensor<2x6x16xf32>) outs(%f2 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %e4 = tensor.empty() : tensor<2x4xf32>
  %f5 = linalg.fill ins(%c1 : f32) outs(%e4 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t6 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%t3 : tensor<2x4x6xf32>) outs(%f5 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.maximumf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e7 = tensor.empty() : tensor<2x4x6xf32>
  %t8 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t3, %t6 : tensor<2x4x6xf32>, tensor<2x4xf32>) outs(%e7 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.subf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e9 = tensor.empty() : tensor<2x4x6xf32>
  %t10 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t8 : tensor<2x4x6xf32>) outs(%e9 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = math.exp %x0 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e11 = tensor.empty() : tensor<2x4xf32>
  %f12 = linalg.fill ins(%c0 : f32) outs(%e11 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t13 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%t10 : tensor<2x4x6xf32>) outs(%f12 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.addf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e14 = tensor.empty() : tensor<2x4x6xf32>
  %t15 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t10, %t13 : tensor<2x4x6xf32>, tensor<2x4xf32>) outs(%e14 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.divf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e16 = tensor.empty() : tensor<2x4x2x8xf32>
  %f17 = linalg.fill ins(%c0 : f32) outs(%e16 : tensor<2x4x2x8xf32>) -> tensor<2x4x2x8xf32>
  // expected-remark @below {{expected the head size alone}}
  %t18 = linalg.contract indexing_maps = [affine_map<(b, m, g, v, n) -> (b, m, n)>, affine_map<(b, m, g, v, n) -> (b, g, n, v)>, affine_map<(b, m, g, v, n) -> (b, m, g, v)>]
      ins(%t15, %v : tensor<2x4x6xf32>, tensor<2x2x6x8xf32>) outs(%f17 : tensor<2x4x2x8xf32>) -> tensor<2x4x2x8xf32>
  return %t18 : tensor<2x4x2x8xf32>
}

// -----

// Rows are cleared where a given flag says so.
// CHECK-LABEL: func.func @no_raise_other_rows_cleared(
// CHECK-NOT:   et.attention
func.func @no_raise_other_rows_cleared(%q: tensor<2x4x16xf32>, %k: tensor<2x6x16xf32>, %v: tensor<2x6x8xf32>, %flag: tensor<2x4xi1>) -> (tensor<2x4x8xf32>) {
  %c1 = arith.constant 0xFF800000 : f32
  %c0 = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<2x4x6xf32>
  %f2 = linalg.fill ins(%c0 : f32) outs(%e1 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %t3 = linalg.contract indexing_maps = [affine_map<(b, m, n, k) -> (b, m, k)>, affine_map<(b, m, n, k) -> (b, n, k)>, affine_map<(b, m, n, k) -> (b, m, n)>]
      ins(%q, %k : tensor<2x4x16xf32>, tensor<2x6x16xf32>) outs(%f2 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %e4 = tensor.empty() : tensor<2x4xf32>
  %f5 = linalg.fill ins(%c1 : f32) outs(%e4 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t6 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%t3 : tensor<2x4x6xf32>) outs(%f5 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.maximumf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e7 = tensor.empty() : tensor<2x4x6xf32>
  %t8 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t3, %t6 : tensor<2x4x6xf32>, tensor<2x4xf32>) outs(%e7 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.subf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e9 = tensor.empty() : tensor<2x4x6xf32>
  %t10 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t8 : tensor<2x4x6xf32>) outs(%e9 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = math.exp %x0 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e11 = tensor.empty() : tensor<2x4xf32>
  %f12 = linalg.fill ins(%c0 : f32) outs(%e11 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t13 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%t10 : tensor<2x4x6xf32>) outs(%f12 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.addf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e14 = tensor.empty() : tensor<2x4x6xf32>
  %t15 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t10, %t13 : tensor<2x4x6xf32>, tensor<2x4xf32>) outs(%e14 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.divf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e16 = tensor.empty() : tensor<2x4x6xf32>
  %t17 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m)>, affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%flag, %t15 : tensor<2x4xi1>, tensor<2x4x6xf32>) outs(%e16 : tensor<2x4x6xf32>) {
  ^bb0(%x0: i1, %x1: f32, %acc: f32):
    %r = arith.select %x0, %c0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e18 = tensor.empty() : tensor<2x4x8xf32>
  %f19 = linalg.fill ins(%c0 : f32) outs(%e18 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  // expected-remark @below {{a select changes the probabilities}}
  %t20 = linalg.contract indexing_maps = [affine_map<(b, m, v, n) -> (b, m, n)>, affine_map<(b, m, v, n) -> (b, n, v)>, affine_map<(b, m, v, n) -> (b, m, v)>]
      ins(%t17, %v : tensor<2x4x6xf32>, tensor<2x6x8xf32>) outs(%f19 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  return %t20 : tensor<2x4x8xf32>
}

// -----

// f32 query and key, f16 result.
// CHECK-LABEL: func.func @no_raise_mixed_types(
// CHECK-NOT:   et.attention
func.func @no_raise_mixed_types(%q: tensor<2x4x16xf32>, %k: tensor<2x6x16xf32>, %v: tensor<2x6x8xf16>) -> (tensor<2x4x8xf16>) {
  %c2 = arith.constant 0.0 : f16
  %c1 = arith.constant 0xFF800000 : f32
  %c0 = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<2x4x6xf32>
  %f2 = linalg.fill ins(%c0 : f32) outs(%e1 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %t3 = linalg.contract indexing_maps = [affine_map<(b, m, n, k) -> (b, m, k)>, affine_map<(b, m, n, k) -> (b, n, k)>, affine_map<(b, m, n, k) -> (b, m, n)>]
      ins(%q, %k : tensor<2x4x16xf32>, tensor<2x6x16xf32>) outs(%f2 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %e4 = tensor.empty() : tensor<2x4xf32>
  %f5 = linalg.fill ins(%c1 : f32) outs(%e4 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t6 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%t3 : tensor<2x4x6xf32>) outs(%f5 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.maximumf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e7 = tensor.empty() : tensor<2x4x6xf32>
  %t8 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t3, %t6 : tensor<2x4x6xf32>, tensor<2x4xf32>) outs(%e7 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.subf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e9 = tensor.empty() : tensor<2x4x6xf32>
  %t10 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t8 : tensor<2x4x6xf32>) outs(%e9 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = math.exp %x0 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e11 = tensor.empty() : tensor<2x4xf32>
  %f12 = linalg.fill ins(%c0 : f32) outs(%e11 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t13 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%t10 : tensor<2x4x6xf32>) outs(%f12 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.addf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e14 = tensor.empty() : tensor<2x4x6xf32>
  %t15 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t10, %t13 : tensor<2x4x6xf32>, tensor<2x4xf32>) outs(%e14 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.divf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e16 = tensor.empty() : tensor<2x4x6xf16>
  %t17 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t15 : tensor<2x4x6xf32>) outs(%e16 : tensor<2x4x6xf16>) {
  ^bb0(%x0: f32, %acc: f16):
    %r = arith.truncf %x0 : f32 to f16
    linalg.yield %r : f16
  } -> tensor<2x4x6xf16>
  %e18 = tensor.empty() : tensor<2x4x8xf16>
  %f19 = linalg.fill ins(%c2 : f16) outs(%e18 : tensor<2x4x8xf16>) -> tensor<2x4x8xf16>
  // expected-remark @below {{the query is f32, but the result is f16}}
  %t20 = linalg.contract indexing_maps = [affine_map<(b, m, v, n) -> (b, m, n)>, affine_map<(b, m, v, n) -> (b, n, v)>, affine_map<(b, m, v, n) -> (b, m, v)>]
      ins(%t17, %v : tensor<2x4x6xf16>, tensor<2x6x8xf16>) outs(%f19 : tensor<2x4x8xf16>) -> tensor<2x4x8xf16>
  return %t20 : tensor<2x4x8xf16>
}
