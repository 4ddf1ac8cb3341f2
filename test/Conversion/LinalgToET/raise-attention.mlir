// Every way to write attention that is known from other compilers becomes one op. The second run checks the numbers.
// RUN: et-opt %s --et-raise-attention --canonicalize | FileCheck %s
// RUN: %python %S/Inputs/compare.py %s --opt=et-opt --runner="%run_main" --lower="%upstream_to_llvm" --raise-with=--et-raise-attention

// Scores, softmax, values; nothing else.
// CHECK-LABEL: func.func @raise_plain(
// CHECK: et.attention query(%{{.*}} : tensor<2x4x16xf32>)
// CHECK-SAME: scale = 1.000000e+00
// CHECK-NOT: linalg
func.func @raise_plain(%q: tensor<2x4x16xf32>, %k: tensor<2x6x16xf32>, %v: tensor<2x6x8xf32>) -> (tensor<2x4x8xf32>) {
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
  %t18 = linalg.contract indexing_maps = [affine_map<(b, m, v, n) -> (b, m, n)>, affine_map<(b, m, v, n) -> (b, n, v)>, affine_map<(b, m, v, n) -> (b, m, v)>]
      ins(%t15, %v : tensor<2x4x6xf32>, tensor<2x6x8xf32>) outs(%f17 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  return %t18 : tensor<2x4x8xf32>
}

// The scale multiplies the scores.
// CHECK-LABEL: func.func @raise_scaled_scores(
// CHECK: et.attention
// CHECK-SAME: scale = 2.500000e-01
func.func @raise_scaled_scores(%q: tensor<2x4x16xf32>, %k: tensor<2x6x16xf32>, %v: tensor<2x6x8xf32>) -> (tensor<2x4x8xf32>) {
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
  %t20 = linalg.contract indexing_maps = [affine_map<(b, m, v, n) -> (b, m, n)>, affine_map<(b, m, v, n) -> (b, n, v)>, affine_map<(b, m, v, n) -> (b, m, v)>]
      ins(%t17, %v : tensor<2x4x6xf32>, tensor<2x6x8xf32>) outs(%f19 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  return %t20 : tensor<2x4x8xf32>
}

// The scores are divided instead.
// CHECK-LABEL: func.func @raise_divided_scores(
// CHECK: et.attention
// CHECK-SAME: scale = 2.500000e-01
func.func @raise_divided_scores(%q: tensor<2x4x16xf32>, %k: tensor<2x6x16xf32>, %v: tensor<2x6x8xf32>) -> (tensor<2x4x8xf32>) {
  %c2 = arith.constant 0xFF800000 : f32
  %c1 = arith.constant 4.0 : f32
  %c0 = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<2x4x6xf32>
  %f2 = linalg.fill ins(%c0 : f32) outs(%e1 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %t3 = linalg.contract indexing_maps = [affine_map<(b, m, n, k) -> (b, m, k)>, affine_map<(b, m, n, k) -> (b, n, k)>, affine_map<(b, m, n, k) -> (b, m, n)>]
      ins(%q, %k : tensor<2x4x16xf32>, tensor<2x6x16xf32>) outs(%f2 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %e4 = tensor.empty() : tensor<2x4x6xf32>
  %t5 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t3 : tensor<2x4x6xf32>) outs(%e4 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.divf %x0, %c1 : f32
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
  %t20 = linalg.contract indexing_maps = [affine_map<(b, m, v, n) -> (b, m, n)>, affine_map<(b, m, v, n) -> (b, n, v)>, affine_map<(b, m, v, n) -> (b, m, v)>]
      ins(%t17, %v : tensor<2x4x6xf32>, tensor<2x6x8xf32>) outs(%f19 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  return %t20 : tensor<2x4x8xf32>
}

// The scale is on the query.
// CHECK-LABEL: func.func @raise_scaled_query(
// CHECK: et.attention query(%arg0 
// CHECK-SAME: scale = 2.500000e-01
func.func @raise_scaled_query(%q: tensor<2x4x16xf32>, %k: tensor<2x6x16xf32>, %v: tensor<2x6x8xf32>) -> (tensor<2x4x8xf32>) {
  %c2 = arith.constant 0xFF800000 : f32
  %c1 = arith.constant 0.0 : f32
  %c0 = arith.constant 0.25 : f32
  %e1 = tensor.empty() : tensor<2x4x16xf32>
  %t2 = linalg.generic {indexing_maps = [affine_map<(b, m, k) -> (b, m, k)>, affine_map<(b, m, k) -> (b, m, k)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%q : tensor<2x4x16xf32>) outs(%e1 : tensor<2x4x16xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.mulf %x0, %c0 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x16xf32>
  %e3 = tensor.empty() : tensor<2x4x6xf32>
  %f4 = linalg.fill ins(%c1 : f32) outs(%e3 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %t5 = linalg.contract indexing_maps = [affine_map<(b, m, n, k) -> (b, m, k)>, affine_map<(b, m, n, k) -> (b, n, k)>, affine_map<(b, m, n, k) -> (b, m, n)>]
      ins(%t2, %k : tensor<2x4x16xf32>, tensor<2x6x16xf32>) outs(%f4 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
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
  %f14 = linalg.fill ins(%c1 : f32) outs(%e13 : tensor<2x4xf32>) -> tensor<2x4xf32>
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
  %f19 = linalg.fill ins(%c1 : f32) outs(%e18 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  %t20 = linalg.contract indexing_maps = [affine_map<(b, m, v, n) -> (b, m, n)>, affine_map<(b, m, v, n) -> (b, n, v)>, affine_map<(b, m, v, n) -> (b, m, v)>]
      ins(%t17, %v : tensor<2x4x6xf32>, tensor<2x6x8xf32>) outs(%f19 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  return %t20 : tensor<2x4x8xf32>
}

// The scale is on the key.
// CHECK-LABEL: func.func @raise_scaled_key(
// CHECK: et.attention
// CHECK-SAME: key(%arg1 
// CHECK-SAME: scale = 2.500000e-01
func.func @raise_scaled_key(%q: tensor<2x4x16xf32>, %k: tensor<2x6x16xf32>, %v: tensor<2x6x8xf32>) -> (tensor<2x4x8xf32>) {
  %c2 = arith.constant 0xFF800000 : f32
  %c1 = arith.constant 0.0 : f32
  %c0 = arith.constant 0.25 : f32
  %e1 = tensor.empty() : tensor<2x6x16xf32>
  %t2 = linalg.generic {indexing_maps = [affine_map<(b, n, k) -> (b, n, k)>, affine_map<(b, n, k) -> (b, n, k)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%k : tensor<2x6x16xf32>) outs(%e1 : tensor<2x6x16xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.mulf %x0, %c0 : f32
    linalg.yield %r : f32
  } -> tensor<2x6x16xf32>
  %e3 = tensor.empty() : tensor<2x4x6xf32>
  %f4 = linalg.fill ins(%c1 : f32) outs(%e3 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %t5 = linalg.contract indexing_maps = [affine_map<(b, m, n, k) -> (b, m, k)>, affine_map<(b, m, n, k) -> (b, n, k)>, affine_map<(b, m, n, k) -> (b, m, n)>]
      ins(%q, %t2 : tensor<2x4x16xf32>, tensor<2x6x16xf32>) outs(%f4 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
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
  %f14 = linalg.fill ins(%c1 : f32) outs(%e13 : tensor<2x4xf32>) -> tensor<2x4xf32>
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
  %f19 = linalg.fill ins(%c1 : f32) outs(%e18 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  %t20 = linalg.contract indexing_maps = [affine_map<(b, m, v, n) -> (b, m, n)>, affine_map<(b, m, v, n) -> (b, n, v)>, affine_map<(b, m, v, n) -> (b, m, v)>]
      ins(%t17, %v : tensor<2x4x6xf32>, tensor<2x6x8xf32>) outs(%f19 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  return %t20 : tensor<2x4x8xf32>
}

// Its square root is on both.
// CHECK-LABEL: func.func @raise_root_of_scale_on_both(
// CHECK: et.attention
// CHECK-SAME: scale = 2.500000e-01
func.func @raise_root_of_scale_on_both(%q: tensor<2x4x16xf32>, %k: tensor<2x6x16xf32>, %v: tensor<2x6x8xf32>) -> (tensor<2x4x8xf32>) {
  %c2 = arith.constant 0xFF800000 : f32
  %c1 = arith.constant 0.0 : f32
  %c0 = arith.constant 0.5 : f32
  %e1 = tensor.empty() : tensor<2x4x16xf32>
  %t2 = linalg.generic {indexing_maps = [affine_map<(b, m, k) -> (b, m, k)>, affine_map<(b, m, k) -> (b, m, k)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%q : tensor<2x4x16xf32>) outs(%e1 : tensor<2x4x16xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.mulf %x0, %c0 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x16xf32>
  %e3 = tensor.empty() : tensor<2x6x16xf32>
  %t4 = linalg.generic {indexing_maps = [affine_map<(b, n, k) -> (b, n, k)>, affine_map<(b, n, k) -> (b, n, k)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%k : tensor<2x6x16xf32>) outs(%e3 : tensor<2x6x16xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.mulf %x0, %c0 : f32
    linalg.yield %r : f32
  } -> tensor<2x6x16xf32>
  %e5 = tensor.empty() : tensor<2x4x6xf32>
  %f6 = linalg.fill ins(%c1 : f32) outs(%e5 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %t7 = linalg.contract indexing_maps = [affine_map<(b, m, n, k) -> (b, m, k)>, affine_map<(b, m, n, k) -> (b, n, k)>, affine_map<(b, m, n, k) -> (b, m, n)>]
      ins(%t2, %t4 : tensor<2x4x16xf32>, tensor<2x6x16xf32>) outs(%f6 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %e8 = tensor.empty() : tensor<2x4xf32>
  %f9 = linalg.fill ins(%c2 : f32) outs(%e8 : tensor<2x4xf32>) -> tensor<2x4xf32>
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
  %f16 = linalg.fill ins(%c1 : f32) outs(%e15 : tensor<2x4xf32>) -> tensor<2x4xf32>
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
  %f21 = linalg.fill ins(%c1 : f32) outs(%e20 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  %t22 = linalg.contract indexing_maps = [affine_map<(b, m, v, n) -> (b, m, n)>, affine_map<(b, m, v, n) -> (b, n, v)>, affine_map<(b, m, v, n) -> (b, m, v)>]
      ins(%t19, %v : tensor<2x4x6xf32>, tensor<2x6x8xf32>) outs(%f21 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  return %t22 : tensor<2x4x8xf32>
}

// The key is transposed before the product, the result after it.
// CHECK-LABEL: func.func @raise_transposed_key(
// CHECK: et.attention
// CHECK-SAME: key(%arg1 : tensor<2x6x16xf32>)
// CHECK-NOT: linalg
func.func @raise_transposed_key(%q: tensor<2x4x16xf32>, %k: tensor<2x6x16xf32>, %v: tensor<2x6x8xf32>) -> (tensor<4x2x8xf32>) {
  %c1 = arith.constant 0xFF800000 : f32
  %c0 = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<2x16x6xf32>
  %t2 = linalg.transpose ins(%k : tensor<2x6x16xf32>) outs(%e1 : tensor<2x16x6xf32>) permutation = [0, 2, 1]
  %e3 = tensor.empty() : tensor<2x4x6xf32>
  %f4 = linalg.fill ins(%c0 : f32) outs(%e3 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %t5 = linalg.contract indexing_maps = [affine_map<(b, m, n, k) -> (b, m, k)>, affine_map<(b, m, n, k) -> (b, k, n)>, affine_map<(b, m, n, k) -> (b, m, n)>]
      ins(%q, %t2 : tensor<2x4x16xf32>, tensor<2x16x6xf32>) outs(%f4 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
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
  %t20 = linalg.contract indexing_maps = [affine_map<(b, m, v, n) -> (b, m, n)>, affine_map<(b, m, v, n) -> (b, n, v)>, affine_map<(b, m, v, n) -> (b, m, v)>]
      ins(%t17, %v : tensor<2x4x6xf32>, tensor<2x6x8xf32>) outs(%f19 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  %e21 = tensor.empty() : tensor<4x2x8xf32>
  %t22 = linalg.transpose ins(%t20 : tensor<2x4x8xf32>) outs(%e21 : tensor<4x2x8xf32>) permutation = [1, 0, 2]
  return %t22 : tensor<4x2x8xf32>
}

// The scores are stored as keys by queries, the softmax runs over their first dimension.
// CHECK-LABEL: func.func @raise_transposed_scores(
// CHECK: et.attention
// CHECK-NOT: linalg
func.func @raise_transposed_scores(%q: tensor<2x4x16xf32>, %k: tensor<2x6x16xf32>, %v: tensor<2x6x8xf32>) -> (tensor<2x4x8xf32>) {
  %c1 = arith.constant 0xFF800000 : f32
  %c0 = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<2x6x4xf32>
  %f2 = linalg.fill ins(%c0 : f32) outs(%e1 : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  %t3 = linalg.contract indexing_maps = [affine_map<(b, n, m, k) -> (b, m, k)>, affine_map<(b, n, m, k) -> (b, n, k)>, affine_map<(b, n, m, k) -> (b, n, m)>]
      ins(%q, %k : tensor<2x4x16xf32>, tensor<2x6x16xf32>) outs(%f2 : tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  %e4 = tensor.empty() : tensor<2x4xf32>
  %f5 = linalg.fill ins(%c1 : f32) outs(%e4 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t6 = linalg.generic {indexing_maps = [affine_map<(b, n, m) -> (b, n, m)>, affine_map<(b, n, m) -> (b, m)>], iterator_types = ["parallel", "reduction", "parallel"]}
      ins(%t3 : tensor<2x6x4xf32>) outs(%f5 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.maximumf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e7 = tensor.empty() : tensor<2x6x4xf32>
  %t8 = linalg.generic {indexing_maps = [affine_map<(b, n, m) -> (b, n, m)>, affine_map<(b, n, m) -> (b, m)>, affine_map<(b, n, m) -> (b, n, m)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t3, %t6 : tensor<2x6x4xf32>, tensor<2x4xf32>) outs(%e7 : tensor<2x6x4xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.subf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x6x4xf32>
  %e9 = tensor.empty() : tensor<2x6x4xf32>
  %t10 = linalg.generic {indexing_maps = [affine_map<(b, n, m) -> (b, n, m)>, affine_map<(b, n, m) -> (b, n, m)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t8 : tensor<2x6x4xf32>) outs(%e9 : tensor<2x6x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = math.exp %x0 : f32
    linalg.yield %r : f32
  } -> tensor<2x6x4xf32>
  %e11 = tensor.empty() : tensor<2x4xf32>
  %f12 = linalg.fill ins(%c0 : f32) outs(%e11 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t13 = linalg.generic {indexing_maps = [affine_map<(b, n, m) -> (b, n, m)>, affine_map<(b, n, m) -> (b, m)>], iterator_types = ["parallel", "reduction", "parallel"]}
      ins(%t10 : tensor<2x6x4xf32>) outs(%f12 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.addf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e14 = tensor.empty() : tensor<2x6x4xf32>
  %t15 = linalg.generic {indexing_maps = [affine_map<(b, n, m) -> (b, n, m)>, affine_map<(b, n, m) -> (b, m)>, affine_map<(b, n, m) -> (b, n, m)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t10, %t13 : tensor<2x6x4xf32>, tensor<2x4xf32>) outs(%e14 : tensor<2x6x4xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.divf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x6x4xf32>
  %e16 = tensor.empty() : tensor<2x4x8xf32>
  %f17 = linalg.fill ins(%c0 : f32) outs(%e16 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  %t18 = linalg.contract indexing_maps = [affine_map<(b, m, v, n) -> (b, n, m)>, affine_map<(b, m, v, n) -> (b, n, v)>, affine_map<(b, m, v, n) -> (b, m, v)>]
      ins(%t15, %v : tensor<2x6x4xf32>, tensor<2x6x8xf32>) outs(%f17 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  return %t18 : tensor<2x4x8xf32>
}

// exp2, with log2(e) folded into the scale.
// CHECK-LABEL: func.func @raise_exp2(
// CHECK: et.attention
// CHECK-SAME: scale = 2.500000e-01
func.func @raise_exp2(%q: tensor<2x4x16xf32>, %k: tensor<2x6x16xf32>, %v: tensor<2x6x8xf32>) -> (tensor<2x4x8xf32>) {
  %c2 = arith.constant 0xFF800000 : f32
  %c1 = arith.constant 0.360673760 : f32
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
    %r = math.exp2 %x0 : f32
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
  %t20 = linalg.contract indexing_maps = [affine_map<(b, m, v, n) -> (b, m, n)>, affine_map<(b, m, v, n) -> (b, n, v)>, affine_map<(b, m, v, n) -> (b, m, v)>]
      ins(%t17, %v : tensor<2x4x6xf32>, tensor<2x6x8xf32>) outs(%f19 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  return %t20 : tensor<2x4x8xf32>
}

// The probabilities are multiplied by the reciprocal of the sum.
// CHECK-LABEL: func.func @raise_reciprocal(
// CHECK: et.attention
// CHECK-NOT: linalg
func.func @raise_reciprocal(%q: tensor<2x4x16xf32>, %k: tensor<2x6x16xf32>, %v: tensor<2x6x8xf32>) -> (tensor<2x4x8xf32>) {
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
  %f12 = linalg.fill ins(%c0 : f32) outs(%e11 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t13 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%t10 : tensor<2x4x6xf32>) outs(%f12 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.addf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e14 = tensor.empty() : tensor<2x4xf32>
  %t15 = linalg.generic {indexing_maps = [affine_map<(b, m) -> (b, m)>, affine_map<(b, m) -> (b, m)>], iterator_types = ["parallel", "parallel"]}
      ins(%t13 : tensor<2x4xf32>) outs(%e14 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.divf %c2, %x0 : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e16 = tensor.empty() : tensor<2x4x6xf32>
  %t17 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t10, %t15 : tensor<2x4x6xf32>, tensor<2x4xf32>) outs(%e16 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.mulf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e18 = tensor.empty() : tensor<2x4x8xf32>
  %f19 = linalg.fill ins(%c0 : f32) outs(%e18 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  %t20 = linalg.contract indexing_maps = [affine_map<(b, m, v, n) -> (b, m, n)>, affine_map<(b, m, v, n) -> (b, n, v)>, affine_map<(b, m, v, n) -> (b, m, v)>]
      ins(%t17, %v : tensor<2x4x6xf32>, tensor<2x6x8xf32>) outs(%f19 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  return %t20 : tensor<2x4x8xf32>
}

// The division stands behind the product with the values.
// CHECK-LABEL: func.func @raise_divided_after_values(
// CHECK: et.attention
// CHECK-NOT: linalg
func.func @raise_divided_after_values(%q: tensor<2x4x16xf32>, %k: tensor<2x6x16xf32>, %v: tensor<2x6x8xf32>) -> (tensor<2x4x8xf32>) {
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
  %t16 = linalg.contract indexing_maps = [affine_map<(b, m, v, n) -> (b, m, n)>, affine_map<(b, m, v, n) -> (b, n, v)>, affine_map<(b, m, v, n) -> (b, m, v)>]
      ins(%t10, %v : tensor<2x4x6xf32>, tensor<2x6x8xf32>) outs(%f15 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  %e17 = tensor.empty() : tensor<2x4x8xf32>
  %t18 = linalg.generic {indexing_maps = [affine_map<(b, m, v) -> (b, m, v)>, affine_map<(b, m, v) -> (b, m)>, affine_map<(b, m, v) -> (b, m, v)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t16, %t13 : tensor<2x4x8xf32>, tensor<2x4xf32>) outs(%e17 : tensor<2x4x8xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.divf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x8xf32>
  return %t18 : tensor<2x4x8xf32>
}

// Nothing is subtracted: the same formula, which et.attention computes without overflow.
// CHECK-LABEL: func.func @raise_without_maximum(
// CHECK: et.attention
// CHECK-NOT: linalg
func.func @raise_without_maximum(%q: tensor<2x4x16xf32>, %k: tensor<2x6x16xf32>, %v: tensor<2x6x8xf32>) -> (tensor<2x4x8xf32>) {
  %c0 = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<2x4x6xf32>
  %f2 = linalg.fill ins(%c0 : f32) outs(%e1 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %t3 = linalg.contract indexing_maps = [affine_map<(b, m, n, k) -> (b, m, k)>, affine_map<(b, m, n, k) -> (b, n, k)>, affine_map<(b, m, n, k) -> (b, m, n)>]
      ins(%q, %k : tensor<2x4x16xf32>, tensor<2x6x16xf32>) outs(%f2 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %e4 = tensor.empty() : tensor<2x4x6xf32>
  %t5 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t3 : tensor<2x4x6xf32>) outs(%e4 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = math.exp %x0 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e6 = tensor.empty() : tensor<2x4xf32>
  %f7 = linalg.fill ins(%c0 : f32) outs(%e6 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t8 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%t5 : tensor<2x4x6xf32>) outs(%f7 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.addf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e9 = tensor.empty() : tensor<2x4x6xf32>
  %t10 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t5, %t8 : tensor<2x4x6xf32>, tensor<2x4xf32>) outs(%e9 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.divf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e11 = tensor.empty() : tensor<2x4x8xf32>
  %f12 = linalg.fill ins(%c0 : f32) outs(%e11 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  %t13 = linalg.contract indexing_maps = [affine_map<(b, m, v, n) -> (b, m, n)>, affine_map<(b, m, v, n) -> (b, n, v)>, affine_map<(b, m, v, n) -> (b, m, v)>]
      ins(%t10, %v : tensor<2x4x6xf32>, tensor<2x6x8xf32>) outs(%f12 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  return %t13 : tensor<2x4x8xf32>
}

// The maximum starts from the lowest number instead of -inf.
// CHECK-LABEL: func.func @raise_lowest_number(
// CHECK: et.attention
// CHECK-NOT: linalg
func.func @raise_lowest_number(%q: tensor<2x4x16xf32>, %k: tensor<2x6x16xf32>, %v: tensor<2x6x8xf32>) -> (tensor<2x4x8xf32>) {
  %c1 = arith.constant -3.40282347E+38 : f32
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
  %t18 = linalg.contract indexing_maps = [affine_map<(b, m, v, n) -> (b, m, n)>, affine_map<(b, m, v, n) -> (b, n, v)>, affine_map<(b, m, v, n) -> (b, m, v)>]
      ins(%t15, %v : tensor<2x4x6xf32>, tensor<2x6x8xf32>) outs(%f17 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  return %t18 : tensor<2x4x8xf32>
}

// The scale and the exponential are recomputed in each op that needs them.
// CHECK-LABEL: func.func @raise_fused(
// CHECK: et.attention
// CHECK-SAME: scale = 2.500000e-01
// CHECK-NOT: linalg
func.func @raise_fused(%q: tensor<2x4x16xf32>, %k: tensor<2x6x16xf32>, %v: tensor<2x6x8xf32>) -> (tensor<2x4x8xf32>) {
  %c2 = arith.constant 0xFF800000 : f32
  %c1 = arith.constant 0.25 : f32
  %c0 = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<2x4x6xf32>
  %f2 = linalg.fill ins(%c0 : f32) outs(%e1 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %t3 = linalg.contract indexing_maps = [affine_map<(b, m, n, k) -> (b, m, k)>, affine_map<(b, m, n, k) -> (b, n, k)>, affine_map<(b, m, n, k) -> (b, m, n)>]
      ins(%q, %k : tensor<2x4x16xf32>, tensor<2x6x16xf32>) outs(%f2 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %e4 = tensor.empty() : tensor<2x4xf32>
  %f5 = linalg.fill ins(%c2 : f32) outs(%e4 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t6 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%t3 : tensor<2x4x6xf32>) outs(%f5 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %y = arith.mulf %x0, %c1 : f32
    %r = arith.maximumf %acc, %y : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e7 = tensor.empty() : tensor<2x4xf32>
  %f8 = linalg.fill ins(%c0 : f32) outs(%e7 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t9 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>, affine_map<(b, m, n) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%t3, %t6 : tensor<2x4x6xf32>, tensor<2x4xf32>) outs(%f8 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %y = arith.mulf %x0, %c1 : f32
    %z = arith.subf %y, %x1 : f32
    %w = math.exp %z : f32
    %r = arith.addf %w, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e10 = tensor.empty() : tensor<2x4x8xf32>
  %f11 = linalg.fill ins(%c0 : f32) outs(%e10 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  %t12 = linalg.generic {indexing_maps = [affine_map<(b, m, v, n) -> (b, m, n)>, affine_map<(b, m, v, n) -> (b, m)>, affine_map<(b, m, v, n) -> (b, m)>, affine_map<(b, m, v, n) -> (b, n, v)>, affine_map<(b, m, v, n) -> (b, m, v)>], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%t3, %t6, %t9, %v : tensor<2x4x6xf32>, tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x6x8xf32>) outs(%f11 : tensor<2x4x8xf32>) {
  ^bb0(%x0: f32, %x1: f32, %x2: f32, %x3: f32, %acc: f32):
    %y = arith.mulf %x0, %c1 : f32
    %z = arith.subf %y, %x1 : f32
    %w = math.exp %z : f32
    %p = arith.divf %w, %x2 : f32
    %a = arith.mulf %p, %x3 : f32
    %r = arith.addf %a, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4x8xf32>
  return %t12 : tensor<2x4x8xf32>
}

// A mask is added to the scaled scores.
// CHECK-LABEL: func.func @raise_added_mask(
// CHECK: et.attention
// CHECK-SAME: mask(%arg3 : tensor<2x6xf32>)
// CHECK-SAME: scale = 2.500000e-01
func.func @raise_added_mask(%q: tensor<2x4x16xf32>, %k: tensor<2x6x16xf32>, %v: tensor<2x6x8xf32>, %mask: tensor<2x6xf32>) -> (tensor<2x4x8xf32>) {
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
  %e6 = tensor.empty() : tensor<2x4x6xf32>
  %t7 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, n)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t5, %mask : tensor<2x4x6xf32>, tensor<2x6xf32>) outs(%e6 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.addf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e8 = tensor.empty() : tensor<2x4xf32>
  %f9 = linalg.fill ins(%c2 : f32) outs(%e8 : tensor<2x4xf32>) -> tensor<2x4xf32>
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
  %t22 = linalg.contract indexing_maps = [affine_map<(b, m, v, n) -> (b, m, n)>, affine_map<(b, m, v, n) -> (b, n, v)>, affine_map<(b, m, v, n) -> (b, m, v)>]
      ins(%t19, %v : tensor<2x4x6xf32>, tensor<2x6x8xf32>) outs(%f21 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  return %t22 : tensor<2x4x8xf32>
}

// The mask is added before the scale, so it is scaled as well.
// CHECK-LABEL: func.func @raise_mask_before_scale(
// CHECK: %[[MASK:.*]] = linalg.generic
// CHECK: arith.mulf %{{.*}}, %cst
// CHECK: et.attention
// CHECK-SAME: mask(%[[MASK]] : tensor<2x6xf32>)
// CHECK-SAME: scale = 2.500000e-01
func.func @raise_mask_before_scale(%q: tensor<2x4x16xf32>, %k: tensor<2x6x16xf32>, %v: tensor<2x6x8xf32>, %mask: tensor<2x6xf32>) -> (tensor<2x4x8xf32>) {
  %c2 = arith.constant 0xFF800000 : f32
  %c1 = arith.constant 0.25 : f32
  %c0 = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<2x4x6xf32>
  %f2 = linalg.fill ins(%c0 : f32) outs(%e1 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %t3 = linalg.contract indexing_maps = [affine_map<(b, m, n, k) -> (b, m, k)>, affine_map<(b, m, n, k) -> (b, n, k)>, affine_map<(b, m, n, k) -> (b, m, n)>]
      ins(%q, %k : tensor<2x4x16xf32>, tensor<2x6x16xf32>) outs(%f2 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %e4 = tensor.empty() : tensor<2x4x6xf32>
  %t5 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, n)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t3, %mask : tensor<2x4x6xf32>, tensor<2x6xf32>) outs(%e4 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.addf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e6 = tensor.empty() : tensor<2x4x6xf32>
  %t7 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t5 : tensor<2x4x6xf32>) outs(%e6 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.mulf %x0, %c1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e8 = tensor.empty() : tensor<2x4xf32>
  %f9 = linalg.fill ins(%c2 : f32) outs(%e8 : tensor<2x4xf32>) -> tensor<2x4xf32>
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
  %t22 = linalg.contract indexing_maps = [affine_map<(b, m, v, n) -> (b, m, n)>, affine_map<(b, m, v, n) -> (b, n, v)>, affine_map<(b, m, v, n) -> (b, m, v)>]
      ins(%t19, %v : tensor<2x4x6xf32>, tensor<2x6x8xf32>) outs(%f21 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  return %t22 : tensor<2x4x8xf32>
}

// Where the mask is false the score is -inf.
// CHECK-LABEL: func.func @raise_boolean_mask(
// CHECK: et.attention
// CHECK-SAME: mask(%arg3 : tensor<2x6xi1>)
func.func @raise_boolean_mask(%q: tensor<2x4x16xf32>, %k: tensor<2x6x16xf32>, %v: tensor<2x6x8xf32>, %mask: tensor<2x6xi1>) -> (tensor<2x4x8xf32>) {
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
  %e6 = tensor.empty() : tensor<2x4x6xf32>
  %t7 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, n)>, affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%mask, %t5 : tensor<2x6xi1>, tensor<2x4x6xf32>) outs(%e6 : tensor<2x4x6xf32>) {
  ^bb0(%x0: i1, %x1: f32, %acc: f32):
    %r = arith.select %x0, %x1, %c2 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e8 = tensor.empty() : tensor<2x4xf32>
  %f9 = linalg.fill ins(%c2 : f32) outs(%e8 : tensor<2x4xf32>) -> tensor<2x4xf32>
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
  %t22 = linalg.contract indexing_maps = [affine_map<(b, m, v, n) -> (b, m, n)>, affine_map<(b, m, v, n) -> (b, n, v)>, affine_map<(b, m, v, n) -> (b, m, v)>]
      ins(%t19, %v : tensor<2x4x6xf32>, tensor<2x6x8xf32>) outs(%f21 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  return %t22 : tensor<2x4x8xf32>
}

// The select stands before the scale.
// CHECK-LABEL: func.func @raise_boolean_mask_before_scale(
// CHECK: et.attention
// CHECK-SAME: mask(%arg3 : tensor<2x4x6xi1>)
// CHECK-SAME: scale = 2.500000e-01
func.func @raise_boolean_mask_before_scale(%q: tensor<2x4x16xf32>, %k: tensor<2x6x16xf32>, %v: tensor<2x6x8xf32>, %mask: tensor<2x4x6xi1>) -> (tensor<2x4x8xf32>) {
  %c2 = arith.constant 0.25 : f32
  %c1 = arith.constant 0xFF800000 : f32
  %c0 = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<2x4x6xf32>
  %f2 = linalg.fill ins(%c0 : f32) outs(%e1 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %t3 = linalg.contract indexing_maps = [affine_map<(b, m, n, k) -> (b, m, k)>, affine_map<(b, m, n, k) -> (b, n, k)>, affine_map<(b, m, n, k) -> (b, m, n)>]
      ins(%q, %k : tensor<2x4x16xf32>, tensor<2x6x16xf32>) outs(%f2 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %e4 = tensor.empty() : tensor<2x4x6xf32>
  %t5 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%mask, %t3 : tensor<2x4x6xi1>, tensor<2x4x6xf32>) outs(%e4 : tensor<2x4x6xf32>) {
  ^bb0(%x0: i1, %x1: f32, %acc: f32):
    %r = arith.select %x0, %x1, %c1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e6 = tensor.empty() : tensor<2x4x6xf32>
  %t7 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t5 : tensor<2x4x6xf32>) outs(%e6 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.mulf %x0, %c2 : f32
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
  %t22 = linalg.contract indexing_maps = [affine_map<(b, m, v, n) -> (b, m, n)>, affine_map<(b, m, v, n) -> (b, n, v)>, affine_map<(b, m, v, n) -> (b, m, v)>]
      ins(%t19, %v : tensor<2x4x6xf32>, tensor<2x6x8xf32>) outs(%f21 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  return %t22 : tensor<2x4x8xf32>
}

// True masks out, as in masked_fill.
// CHECK-LABEL: func.func @raise_masked_fill(
// CHECK: %[[MASK:.*]] = linalg.generic
// CHECK: arith.xori
// CHECK: et.attention
// CHECK-SAME: mask(%[[MASK]] : tensor<2x6xi1>)
func.func @raise_masked_fill(%q: tensor<2x4x16xf32>, %k: tensor<2x6x16xf32>, %v: tensor<2x6x8xf32>, %mask: tensor<2x6xi1>) -> (tensor<2x4x8xf32>) {
  %c1 = arith.constant 0xFF800000 : f32
  %c0 = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<2x4x6xf32>
  %f2 = linalg.fill ins(%c0 : f32) outs(%e1 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %t3 = linalg.contract indexing_maps = [affine_map<(b, m, n, k) -> (b, m, k)>, affine_map<(b, m, n, k) -> (b, n, k)>, affine_map<(b, m, n, k) -> (b, m, n)>]
      ins(%q, %k : tensor<2x4x16xf32>, tensor<2x6x16xf32>) outs(%f2 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %e4 = tensor.empty() : tensor<2x4x6xf32>
  %t5 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, n)>, affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%mask, %t3 : tensor<2x6xi1>, tensor<2x4x6xf32>) outs(%e4 : tensor<2x4x6xf32>) {
  ^bb0(%x0: i1, %x1: f32, %acc: f32):
    %r = arith.select %x0, %c1, %x1 : f32
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
  %t20 = linalg.contract indexing_maps = [affine_map<(b, m, v, n) -> (b, m, n)>, affine_map<(b, m, v, n) -> (b, n, v)>, affine_map<(b, m, v, n) -> (b, m, v)>]
      ins(%t17, %v : tensor<2x4x6xf32>, tensor<2x6x8xf32>) outs(%f19 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  return %t20 : tensor<2x4x8xf32>
}

// A constant that swallows any score becomes a float mask that is added.
// CHECK-LABEL: func.func @raise_large_finite_mask(
// CHECK: %[[MASK:.*]] = linalg.generic
// CHECK: arith.select %{{.*}}, %cst{{.*}}, %cst
// CHECK: et.attention
// CHECK-SAME: mask(%[[MASK]] : tensor<2x6xf32>)
func.func @raise_large_finite_mask(%q: tensor<2x4x16xf32>, %k: tensor<2x6x16xf32>, %v: tensor<2x6x8xf32>, %mask: tensor<2x6xi1>) -> (tensor<2x4x8xf32>) {
  %c2 = arith.constant 0xFF800000 : f32
  %c1 = arith.constant -1.0e+09 : f32
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
  %t20 = linalg.contract indexing_maps = [affine_map<(b, m, v, n) -> (b, m, n)>, affine_map<(b, m, v, n) -> (b, n, v)>, affine_map<(b, m, v, n) -> (b, m, v)>]
      ins(%t17, %v : tensor<2x4x6xf32>, tensor<2x6x8xf32>) outs(%f19 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  return %t20 : tensor<2x4x8xf32>
}

// A float mask and a boolean one become one float mask.
// CHECK-LABEL: func.func @raise_two_masks(
// CHECK: %[[MASK:.*]] = linalg.generic
// CHECK: arith.select
// CHECK: et.attention
// CHECK-SAME: mask(%[[MASK]] : tensor<2x4x6xf32>)
func.func @raise_two_masks(%q: tensor<2x4x16xf32>, %k: tensor<2x6x16xf32>, %v: tensor<2x6x8xf32>, %bias: tensor<4x6xf32>, %mask: tensor<2x6xi1>) -> (tensor<2x4x8xf32>) {
  %c1 = arith.constant 0xFF800000 : f32
  %c0 = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<2x4x6xf32>
  %f2 = linalg.fill ins(%c0 : f32) outs(%e1 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %t3 = linalg.contract indexing_maps = [affine_map<(b, m, n, k) -> (b, m, k)>, affine_map<(b, m, n, k) -> (b, n, k)>, affine_map<(b, m, n, k) -> (b, m, n)>]
      ins(%q, %k : tensor<2x4x16xf32>, tensor<2x6x16xf32>) outs(%f2 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %e4 = tensor.empty() : tensor<2x4x6xf32>
  %t5 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (m, n)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t3, %bias : tensor<2x4x6xf32>, tensor<4x6xf32>) outs(%e4 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.addf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e6 = tensor.empty() : tensor<2x4x6xf32>
  %t7 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, n)>, affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%mask, %t5 : tensor<2x6xi1>, tensor<2x4x6xf32>) outs(%e6 : tensor<2x4x6xf32>) {
  ^bb0(%x0: i1, %x1: f32, %acc: f32):
    %r = arith.select %x0, %x1, %c1 : f32
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
  %t22 = linalg.contract indexing_maps = [affine_map<(b, m, v, n) -> (b, m, n)>, affine_map<(b, m, v, n) -> (b, n, v)>, affine_map<(b, m, v, n) -> (b, m, v)>]
      ins(%t19, %v : tensor<2x4x6xf32>, tensor<2x6x8xf32>) outs(%f21 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  return %t22 : tensor<2x4x8xf32>
}

// Key index at most query index: structure, not a tensor.
// CHECK-LABEL: func.func @raise_causal(
// CHECK: et.attention
// CHECK-NOT: mask(
// CHECK-SAME: structure = #et.mask<causal>
// CHECK-NOT: linalg
func.func @raise_causal(%q: tensor<2x4x16xf32>, %k: tensor<2x6x16xf32>, %v: tensor<2x6x8xf32>) -> (tensor<2x4x8xf32>) {
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
    %i = linalg.index 1 : index
    %j = linalg.index 2 : index
    %keep = arith.cmpi ule, %j, %i : index
    %r = arith.select %keep, %x0, %c1 : f32
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
  %t20 = linalg.contract indexing_maps = [affine_map<(b, m, v, n) -> (b, m, n)>, affine_map<(b, m, v, n) -> (b, n, v)>, affine_map<(b, m, v, n) -> (b, m, v)>]
      ins(%t17, %v : tensor<2x4x6xf32>, tensor<2x6x8xf32>) outs(%f19 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  return %t20 : tensor<2x4x8xf32>
}

// No row of a causal mask is empty, so a large constant is as good as -inf.
// CHECK-LABEL: func.func @raise_finite_causal(
// CHECK: et.attention
// CHECK-SAME: structure = #et.mask<causal>
func.func @raise_finite_causal(%q: tensor<2x4x16xf32>, %k: tensor<2x6x16xf32>, %v: tensor<2x6x8xf32>) -> (tensor<2x4x8xf32>) {
  %c2 = arith.constant 0xFF800000 : f32
  %c1 = arith.constant -1.0e+30 : f32
  %c0 = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<2x4x6xf32>
  %f2 = linalg.fill ins(%c0 : f32) outs(%e1 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %t3 = linalg.contract indexing_maps = [affine_map<(b, m, n, k) -> (b, m, k)>, affine_map<(b, m, n, k) -> (b, n, k)>, affine_map<(b, m, n, k) -> (b, m, n)>]
      ins(%q, %k : tensor<2x4x16xf32>, tensor<2x6x16xf32>) outs(%f2 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %e4 = tensor.empty() : tensor<2x4x6xf32>
  %t5 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t3 : tensor<2x4x6xf32>) outs(%e4 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %i = linalg.index 1 : index
    %j = linalg.index 2 : index
    %hide = arith.cmpi sgt, %j, %i : index
    %r = arith.select %hide, %c1, %x0 : f32
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
  %t20 = linalg.contract indexing_maps = [affine_map<(b, m, v, n) -> (b, m, n)>, affine_map<(b, m, v, n) -> (b, n, v)>, affine_map<(b, m, v, n) -> (b, m, v)>]
      ins(%t17, %v : tensor<2x4x6xf32>, tensor<2x6x8xf32>) outs(%f19 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  return %t20 : tensor<2x4x8xf32>
}

// f16 operands; scores and softmax in f32.
// CHECK-LABEL: func.func @raise_f16_with_f32_softmax(
// CHECK: et.attention query(%arg0 : tensor<2x4x16xf16>)
// CHECK-SAME: -> tensor<2x4x8xf16>
func.func @raise_f16_with_f32_softmax(%q: tensor<2x4x16xf16>, %k: tensor<2x6x16xf16>, %v: tensor<2x6x8xf16>) -> (tensor<2x4x8xf16>) {
  %c2 = arith.constant 0.0 : f32
  %c1 = arith.constant 0xFF800000 : f32
  %c0 = arith.constant 0.0 : f16
  %e1 = tensor.empty() : tensor<2x4x6xf16>
  %f2 = linalg.fill ins(%c0 : f16) outs(%e1 : tensor<2x4x6xf16>) -> tensor<2x4x6xf16>
  %t3 = linalg.contract indexing_maps = [affine_map<(b, m, n, k) -> (b, m, k)>, affine_map<(b, m, n, k) -> (b, n, k)>, affine_map<(b, m, n, k) -> (b, m, n)>]
      ins(%q, %k : tensor<2x4x16xf16>, tensor<2x6x16xf16>) outs(%f2 : tensor<2x4x6xf16>) -> tensor<2x4x6xf16>
  %e4 = tensor.empty() : tensor<2x4x6xf32>
  %t5 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t3 : tensor<2x4x6xf16>) outs(%e4 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f16, %acc: f32):
    %r = arith.extf %x0 : f16 to f32
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
  %f14 = linalg.fill ins(%c2 : f32) outs(%e13 : tensor<2x4xf32>) -> tensor<2x4xf32>
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
  %e18 = tensor.empty() : tensor<2x4x6xf16>
  %t19 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t17 : tensor<2x4x6xf32>) outs(%e18 : tensor<2x4x6xf16>) {
  ^bb0(%x0: f32, %acc: f16):
    %r = arith.truncf %x0 : f32 to f16
    linalg.yield %r : f16
  } -> tensor<2x4x6xf16>
  %e20 = tensor.empty() : tensor<2x4x8xf16>
  %f21 = linalg.fill ins(%c0 : f16) outs(%e20 : tensor<2x4x8xf16>) -> tensor<2x4x8xf16>
  %t22 = linalg.contract indexing_maps = [affine_map<(b, m, v, n) -> (b, m, n)>, affine_map<(b, m, v, n) -> (b, n, v)>, affine_map<(b, m, v, n) -> (b, m, v)>]
      ins(%t19, %v : tensor<2x4x6xf16>, tensor<2x6x8xf16>) outs(%f21 : tensor<2x4x8xf16>) -> tensor<2x4x8xf16>
  return %t22 : tensor<2x4x8xf16>
}

// f16 operands widened first; one rounding at the end.
// CHECK-LABEL: func.func @raise_f16_operands_widened(
// CHECK: et.attention query(%arg0 : tensor<2x4x16xf16>)
// CHECK-SAME: -> tensor<2x4x8xf16>
func.func @raise_f16_operands_widened(%q: tensor<2x4x16xf16>, %k: tensor<2x6x16xf16>, %v: tensor<2x6x8xf16>) -> (tensor<2x4x8xf16>) {
  %c1 = arith.constant 0xFF800000 : f32
  %c0 = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<2x4x16xf32>
  %t2 = linalg.generic {indexing_maps = [affine_map<(b, m, k) -> (b, m, k)>, affine_map<(b, m, k) -> (b, m, k)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%q : tensor<2x4x16xf16>) outs(%e1 : tensor<2x4x16xf32>) {
  ^bb0(%x0: f16, %acc: f32):
    %r = arith.extf %x0 : f16 to f32
    linalg.yield %r : f32
  } -> tensor<2x4x16xf32>
  %e3 = tensor.empty() : tensor<2x6x16xf32>
  %t4 = linalg.generic {indexing_maps = [affine_map<(b, n, k) -> (b, n, k)>, affine_map<(b, n, k) -> (b, n, k)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%k : tensor<2x6x16xf16>) outs(%e3 : tensor<2x6x16xf32>) {
  ^bb0(%x0: f16, %acc: f32):
    %r = arith.extf %x0 : f16 to f32
    linalg.yield %r : f32
  } -> tensor<2x6x16xf32>
  %e5 = tensor.empty() : tensor<2x6x8xf32>
  %t6 = linalg.generic {indexing_maps = [affine_map<(b, n, v) -> (b, n, v)>, affine_map<(b, n, v) -> (b, n, v)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%v : tensor<2x6x8xf16>) outs(%e5 : tensor<2x6x8xf32>) {
  ^bb0(%x0: f16, %acc: f32):
    %r = arith.extf %x0 : f16 to f32
    linalg.yield %r : f32
  } -> tensor<2x6x8xf32>
  %e7 = tensor.empty() : tensor<2x4x6xf32>
  %f8 = linalg.fill ins(%c0 : f32) outs(%e7 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %t9 = linalg.contract indexing_maps = [affine_map<(b, m, n, k) -> (b, m, k)>, affine_map<(b, m, n, k) -> (b, n, k)>, affine_map<(b, m, n, k) -> (b, m, n)>]
      ins(%t2, %t4 : tensor<2x4x16xf32>, tensor<2x6x16xf32>) outs(%f8 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %e10 = tensor.empty() : tensor<2x4xf32>
  %f11 = linalg.fill ins(%c1 : f32) outs(%e10 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t12 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%t9 : tensor<2x4x6xf32>) outs(%f11 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.maximumf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e13 = tensor.empty() : tensor<2x4x6xf32>
  %t14 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t9, %t12 : tensor<2x4x6xf32>, tensor<2x4xf32>) outs(%e13 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.subf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e15 = tensor.empty() : tensor<2x4x6xf32>
  %t16 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t14 : tensor<2x4x6xf32>) outs(%e15 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = math.exp %x0 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e17 = tensor.empty() : tensor<2x4xf32>
  %f18 = linalg.fill ins(%c0 : f32) outs(%e17 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t19 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%t16 : tensor<2x4x6xf32>) outs(%f18 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.addf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e20 = tensor.empty() : tensor<2x4x6xf32>
  %t21 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t16, %t19 : tensor<2x4x6xf32>, tensor<2x4xf32>) outs(%e20 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.divf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e22 = tensor.empty() : tensor<2x4x8xf32>
  %f23 = linalg.fill ins(%c0 : f32) outs(%e22 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  %t24 = linalg.contract indexing_maps = [affine_map<(b, m, v, n) -> (b, m, n)>, affine_map<(b, m, v, n) -> (b, n, v)>, affine_map<(b, m, v, n) -> (b, m, v)>]
      ins(%t21, %t6 : tensor<2x4x6xf32>, tensor<2x6x8xf32>) outs(%f23 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  %e25 = tensor.empty() : tensor<2x4x8xf16>
  %t26 = linalg.generic {indexing_maps = [affine_map<(b, m, v) -> (b, m, v)>, affine_map<(b, m, v) -> (b, m, v)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t24 : tensor<2x4x8xf32>) outs(%e25 : tensor<2x4x8xf16>) {
  ^bb0(%x0: f32, %acc: f16):
    %r = arith.truncf %x0 : f32 to f16
    linalg.yield %r : f16
  } -> tensor<2x4x8xf16>
  return %t26 : tensor<2x4x8xf16>
}

// [batch, sequence, head, size] without a transpose.
// CHECK-LABEL: func.func @raise_heads_inside(
// CHECK: et.attention
// CHECK-NOT: linalg
func.func @raise_heads_inside(%q: tensor<2x4x3x16xf32>, %k: tensor<2x6x3x16xf32>, %v: tensor<2x6x3x8xf32>) -> (tensor<2x4x3x8xf32>) {
  %c1 = arith.constant 0xFF800000 : f32
  %c0 = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<2x3x4x6xf32>
  %f2 = linalg.fill ins(%c0 : f32) outs(%e1 : tensor<2x3x4x6xf32>) -> tensor<2x3x4x6xf32>
  %t3 = linalg.contract indexing_maps = [affine_map<(b, h, m, n, k) -> (b, m, h, k)>, affine_map<(b, h, m, n, k) -> (b, n, h, k)>, affine_map<(b, h, m, n, k) -> (b, h, m, n)>]
      ins(%q, %k : tensor<2x4x3x16xf32>, tensor<2x6x3x16xf32>) outs(%f2 : tensor<2x3x4x6xf32>) -> tensor<2x3x4x6xf32>
  %e4 = tensor.empty() : tensor<2x3x4xf32>
  %f5 = linalg.fill ins(%c1 : f32) outs(%e4 : tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  %t6 = linalg.generic {indexing_maps = [affine_map<(b, h, m, n) -> (b, h, m, n)>, affine_map<(b, h, m, n) -> (b, h, m)>], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%t3 : tensor<2x3x4x6xf32>) outs(%f5 : tensor<2x3x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.maximumf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x3x4xf32>
  %e7 = tensor.empty() : tensor<2x3x4x6xf32>
  %t8 = linalg.generic {indexing_maps = [affine_map<(b, h, m, n) -> (b, h, m, n)>, affine_map<(b, h, m, n) -> (b, h, m)>, affine_map<(b, h, m, n) -> (b, h, m, n)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%t3, %t6 : tensor<2x3x4x6xf32>, tensor<2x3x4xf32>) outs(%e7 : tensor<2x3x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.subf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x3x4x6xf32>
  %e9 = tensor.empty() : tensor<2x3x4x6xf32>
  %t10 = linalg.generic {indexing_maps = [affine_map<(b, h, m, n) -> (b, h, m, n)>, affine_map<(b, h, m, n) -> (b, h, m, n)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%t8 : tensor<2x3x4x6xf32>) outs(%e9 : tensor<2x3x4x6xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = math.exp %x0 : f32
    linalg.yield %r : f32
  } -> tensor<2x3x4x6xf32>
  %e11 = tensor.empty() : tensor<2x3x4xf32>
  %f12 = linalg.fill ins(%c0 : f32) outs(%e11 : tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  %t13 = linalg.generic {indexing_maps = [affine_map<(b, h, m, n) -> (b, h, m, n)>, affine_map<(b, h, m, n) -> (b, h, m)>], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%t10 : tensor<2x3x4x6xf32>) outs(%f12 : tensor<2x3x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.addf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x3x4xf32>
  %e14 = tensor.empty() : tensor<2x3x4x6xf32>
  %t15 = linalg.generic {indexing_maps = [affine_map<(b, h, m, n) -> (b, h, m, n)>, affine_map<(b, h, m, n) -> (b, h, m)>, affine_map<(b, h, m, n) -> (b, h, m, n)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%t10, %t13 : tensor<2x3x4x6xf32>, tensor<2x3x4xf32>) outs(%e14 : tensor<2x3x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.divf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x3x4x6xf32>
  %e16 = tensor.empty() : tensor<2x4x3x8xf32>
  %f17 = linalg.fill ins(%c0 : f32) outs(%e16 : tensor<2x4x3x8xf32>) -> tensor<2x4x3x8xf32>
  %t18 = linalg.contract indexing_maps = [affine_map<(b, m, h, v, n) -> (b, h, m, n)>, affine_map<(b, m, h, v, n) -> (b, n, h, v)>, affine_map<(b, m, h, v, n) -> (b, m, h, v)>]
      ins(%t15, %v : tensor<2x3x4x6xf32>, tensor<2x6x3x8xf32>) outs(%f17 : tensor<2x4x3x8xf32>) -> tensor<2x4x3x8xf32>
  return %t18 : tensor<2x4x3x8xf32>
}

// All heads share key and value.
// CHECK-LABEL: func.func @raise_multi_query(
// CHECK: et.attention
// CHECK-SAME: key(%arg1 : tensor<2x6x16xf32>)
// CHECK-NOT: linalg
func.func @raise_multi_query(%q: tensor<2x4x3x16xf32>, %k: tensor<2x6x16xf32>, %v: tensor<2x6x8xf32>) -> (tensor<2x4x3x8xf32>) {
  %c1 = arith.constant 0xFF800000 : f32
  %c0 = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<2x3x4x6xf32>
  %f2 = linalg.fill ins(%c0 : f32) outs(%e1 : tensor<2x3x4x6xf32>) -> tensor<2x3x4x6xf32>
  %t3 = linalg.contract indexing_maps = [affine_map<(b, h, m, n, k) -> (b, m, h, k)>, affine_map<(b, h, m, n, k) -> (b, n, k)>, affine_map<(b, h, m, n, k) -> (b, h, m, n)>]
      ins(%q, %k : tensor<2x4x3x16xf32>, tensor<2x6x16xf32>) outs(%f2 : tensor<2x3x4x6xf32>) -> tensor<2x3x4x6xf32>
  %e4 = tensor.empty() : tensor<2x3x4xf32>
  %f5 = linalg.fill ins(%c1 : f32) outs(%e4 : tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  %t6 = linalg.generic {indexing_maps = [affine_map<(b, h, m, n) -> (b, h, m, n)>, affine_map<(b, h, m, n) -> (b, h, m)>], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%t3 : tensor<2x3x4x6xf32>) outs(%f5 : tensor<2x3x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.maximumf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x3x4xf32>
  %e7 = tensor.empty() : tensor<2x3x4x6xf32>
  %t8 = linalg.generic {indexing_maps = [affine_map<(b, h, m, n) -> (b, h, m, n)>, affine_map<(b, h, m, n) -> (b, h, m)>, affine_map<(b, h, m, n) -> (b, h, m, n)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%t3, %t6 : tensor<2x3x4x6xf32>, tensor<2x3x4xf32>) outs(%e7 : tensor<2x3x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.subf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x3x4x6xf32>
  %e9 = tensor.empty() : tensor<2x3x4x6xf32>
  %t10 = linalg.generic {indexing_maps = [affine_map<(b, h, m, n) -> (b, h, m, n)>, affine_map<(b, h, m, n) -> (b, h, m, n)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%t8 : tensor<2x3x4x6xf32>) outs(%e9 : tensor<2x3x4x6xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = math.exp %x0 : f32
    linalg.yield %r : f32
  } -> tensor<2x3x4x6xf32>
  %e11 = tensor.empty() : tensor<2x3x4xf32>
  %f12 = linalg.fill ins(%c0 : f32) outs(%e11 : tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  %t13 = linalg.generic {indexing_maps = [affine_map<(b, h, m, n) -> (b, h, m, n)>, affine_map<(b, h, m, n) -> (b, h, m)>], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%t10 : tensor<2x3x4x6xf32>) outs(%f12 : tensor<2x3x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.addf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x3x4xf32>
  %e14 = tensor.empty() : tensor<2x3x4x6xf32>
  %t15 = linalg.generic {indexing_maps = [affine_map<(b, h, m, n) -> (b, h, m, n)>, affine_map<(b, h, m, n) -> (b, h, m)>, affine_map<(b, h, m, n) -> (b, h, m, n)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%t10, %t13 : tensor<2x3x4x6xf32>, tensor<2x3x4xf32>) outs(%e14 : tensor<2x3x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.divf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x3x4x6xf32>
  %e16 = tensor.empty() : tensor<2x4x3x8xf32>
  %f17 = linalg.fill ins(%c0 : f32) outs(%e16 : tensor<2x4x3x8xf32>) -> tensor<2x4x3x8xf32>
  %t18 = linalg.contract indexing_maps = [affine_map<(b, m, h, v, n) -> (b, h, m, n)>, affine_map<(b, m, h, v, n) -> (b, n, v)>, affine_map<(b, m, h, v, n) -> (b, m, h, v)>]
      ins(%t15, %v : tensor<2x3x4x6xf32>, tensor<2x6x8xf32>) outs(%f17 : tensor<2x4x3x8xf32>) -> tensor<2x4x3x8xf32>
  return %t18 : tensor<2x4x3x8xf32>
}

// One query without a row dimension gets one.
// CHECK-LABEL: func.func @raise_single_query(
// CHECK: %[[Q:.*]] = tensor.expand_shape %arg0
// CHECK: et.attention query(%[[Q]] : tensor<2x16x1xf32>)
// CHECK-NOT: linalg
func.func @raise_single_query(%q: tensor<2x16xf32>, %k: tensor<2x6x16xf32>, %v: tensor<2x6x8xf32>) -> (tensor<2x8xf32>) {
  %c1 = arith.constant 0xFF800000 : f32
  %c0 = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<2x6xf32>
  %f2 = linalg.fill ins(%c0 : f32) outs(%e1 : tensor<2x6xf32>) -> tensor<2x6xf32>
  %t3 = linalg.contract indexing_maps = [affine_map<(b, n, k) -> (b, k)>, affine_map<(b, n, k) -> (b, n, k)>, affine_map<(b, n, k) -> (b, n)>]
      ins(%q, %k : tensor<2x16xf32>, tensor<2x6x16xf32>) outs(%f2 : tensor<2x6xf32>) -> tensor<2x6xf32>
  %e4 = tensor.empty() : tensor<2xf32>
  %f5 = linalg.fill ins(%c1 : f32) outs(%e4 : tensor<2xf32>) -> tensor<2xf32>
  %t6 = linalg.generic {indexing_maps = [affine_map<(b, n) -> (b, n)>, affine_map<(b, n) -> (b)>], iterator_types = ["parallel", "reduction"]}
      ins(%t3 : tensor<2x6xf32>) outs(%f5 : tensor<2xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.maximumf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2xf32>
  %e7 = tensor.empty() : tensor<2x6xf32>
  %t8 = linalg.generic {indexing_maps = [affine_map<(b, n) -> (b, n)>, affine_map<(b, n) -> (b)>, affine_map<(b, n) -> (b, n)>], iterator_types = ["parallel", "parallel"]}
      ins(%t3, %t6 : tensor<2x6xf32>, tensor<2xf32>) outs(%e7 : tensor<2x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.subf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x6xf32>
  %e9 = tensor.empty() : tensor<2x6xf32>
  %t10 = linalg.generic {indexing_maps = [affine_map<(b, n) -> (b, n)>, affine_map<(b, n) -> (b, n)>], iterator_types = ["parallel", "parallel"]}
      ins(%t8 : tensor<2x6xf32>) outs(%e9 : tensor<2x6xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = math.exp %x0 : f32
    linalg.yield %r : f32
  } -> tensor<2x6xf32>
  %e11 = tensor.empty() : tensor<2xf32>
  %f12 = linalg.fill ins(%c0 : f32) outs(%e11 : tensor<2xf32>) -> tensor<2xf32>
  %t13 = linalg.generic {indexing_maps = [affine_map<(b, n) -> (b, n)>, affine_map<(b, n) -> (b)>], iterator_types = ["parallel", "reduction"]}
      ins(%t10 : tensor<2x6xf32>) outs(%f12 : tensor<2xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.addf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2xf32>
  %e14 = tensor.empty() : tensor<2x6xf32>
  %t15 = linalg.generic {indexing_maps = [affine_map<(b, n) -> (b, n)>, affine_map<(b, n) -> (b)>, affine_map<(b, n) -> (b, n)>], iterator_types = ["parallel", "parallel"]}
      ins(%t10, %t13 : tensor<2x6xf32>, tensor<2xf32>) outs(%e14 : tensor<2x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.divf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x6xf32>
  %e16 = tensor.empty() : tensor<2x8xf32>
  %f17 = linalg.fill ins(%c0 : f32) outs(%e16 : tensor<2x8xf32>) -> tensor<2x8xf32>
  %t18 = linalg.contract indexing_maps = [affine_map<(b, v, n) -> (b, n)>, affine_map<(b, v, n) -> (b, n, v)>, affine_map<(b, v, n) -> (b, v)>]
      ins(%t15, %v : tensor<2x6xf32>, tensor<2x6x8xf32>) outs(%f17 : tensor<2x8xf32>) -> tensor<2x8xf32>
  return %t18 : tensor<2x8xf32>
}

// The key's head dimension runs over rows of its second dimension: odd, but its map says so.
// CHECK-LABEL: func.func @raise_permuted_key(
// CHECK: et.attention
// CHECK-SAME: key(%arg1 : tensor<2x3x6x16xf32>)
// CHECK-NOT: linalg
func.func @raise_permuted_key(%q: tensor<2x4x3x16xf32>, %k: tensor<2x3x6x16xf32>, %v: tensor<2x6x3x8xf32>) -> (tensor<2x4x3x8xf32>) {
  %c1 = arith.constant 0xFF800000 : f32
  %c0 = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<2x3x4x6xf32>
  %f2 = linalg.fill ins(%c0 : f32) outs(%e1 : tensor<2x3x4x6xf32>) -> tensor<2x3x4x6xf32>
  %t3 = linalg.contract indexing_maps = [affine_map<(b, h, m, n, k) -> (b, m, h, k)>, affine_map<(b, h, m, n, k) -> (b, h, n, k)>, affine_map<(b, h, m, n, k) -> (b, h, m, n)>]
      ins(%q, %k : tensor<2x4x3x16xf32>, tensor<2x3x6x16xf32>) outs(%f2 : tensor<2x3x4x6xf32>) -> tensor<2x3x4x6xf32>
  %e4 = tensor.empty() : tensor<2x3x4xf32>
  %f5 = linalg.fill ins(%c1 : f32) outs(%e4 : tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  %t6 = linalg.generic {indexing_maps = [affine_map<(b, h, m, n) -> (b, h, m, n)>, affine_map<(b, h, m, n) -> (b, h, m)>], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%t3 : tensor<2x3x4x6xf32>) outs(%f5 : tensor<2x3x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.maximumf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x3x4xf32>
  %e7 = tensor.empty() : tensor<2x3x4x6xf32>
  %t8 = linalg.generic {indexing_maps = [affine_map<(b, h, m, n) -> (b, h, m, n)>, affine_map<(b, h, m, n) -> (b, h, m)>, affine_map<(b, h, m, n) -> (b, h, m, n)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%t3, %t6 : tensor<2x3x4x6xf32>, tensor<2x3x4xf32>) outs(%e7 : tensor<2x3x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.subf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x3x4x6xf32>
  %e9 = tensor.empty() : tensor<2x3x4x6xf32>
  %t10 = linalg.generic {indexing_maps = [affine_map<(b, h, m, n) -> (b, h, m, n)>, affine_map<(b, h, m, n) -> (b, h, m, n)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%t8 : tensor<2x3x4x6xf32>) outs(%e9 : tensor<2x3x4x6xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = math.exp %x0 : f32
    linalg.yield %r : f32
  } -> tensor<2x3x4x6xf32>
  %e11 = tensor.empty() : tensor<2x3x4xf32>
  %f12 = linalg.fill ins(%c0 : f32) outs(%e11 : tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  %t13 = linalg.generic {indexing_maps = [affine_map<(b, h, m, n) -> (b, h, m, n)>, affine_map<(b, h, m, n) -> (b, h, m)>], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%t10 : tensor<2x3x4x6xf32>) outs(%f12 : tensor<2x3x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.addf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x3x4xf32>
  %e14 = tensor.empty() : tensor<2x3x4x6xf32>
  %t15 = linalg.generic {indexing_maps = [affine_map<(b, h, m, n) -> (b, h, m, n)>, affine_map<(b, h, m, n) -> (b, h, m)>, affine_map<(b, h, m, n) -> (b, h, m, n)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%t10, %t13 : tensor<2x3x4x6xf32>, tensor<2x3x4xf32>) outs(%e14 : tensor<2x3x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.divf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x3x4x6xf32>
  %e16 = tensor.empty() : tensor<2x4x3x8xf32>
  %f17 = linalg.fill ins(%c0 : f32) outs(%e16 : tensor<2x4x3x8xf32>) -> tensor<2x4x3x8xf32>
  %t18 = linalg.contract indexing_maps = [affine_map<(b, m, h, v, n) -> (b, h, m, n)>, affine_map<(b, m, h, v, n) -> (b, n, h, v)>, affine_map<(b, m, h, v, n) -> (b, m, h, v)>]
      ins(%t15, %v : tensor<2x3x4x6xf32>, tensor<2x6x3x8xf32>) outs(%f17 : tensor<2x4x3x8xf32>) -> tensor<2x4x3x8xf32>
  return %t18 : tensor<2x4x3x8xf32>
}

// Content and position scores are added: one of the products is a mask to the other.
// CHECK-LABEL: func.func @raise_second_product_as_mask(
// CHECK: %[[MASK:.*]] = linalg.contract
// CHECK: et.attention
// CHECK-SAME: mask(%[[MASK]] : tensor<2x4x6xf32>)
func.func @raise_second_product_as_mask(%q: tensor<2x4x16xf32>, %k: tensor<2x6x16xf32>, %v: tensor<2x6x8xf32>, %pos: tensor<2x6x16xf32>) -> (tensor<2x4x8xf32>) {
  %c1 = arith.constant 0xFF800000 : f32
  %c0 = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<2x4x6xf32>
  %f2 = linalg.fill ins(%c0 : f32) outs(%e1 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %t3 = linalg.contract indexing_maps = [affine_map<(b, m, n, k) -> (b, m, k)>, affine_map<(b, m, n, k) -> (b, n, k)>, affine_map<(b, m, n, k) -> (b, m, n)>]
      ins(%q, %k : tensor<2x4x16xf32>, tensor<2x6x16xf32>) outs(%f2 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %e4 = tensor.empty() : tensor<2x4x6xf32>
  %f5 = linalg.fill ins(%c0 : f32) outs(%e4 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %t6 = linalg.contract indexing_maps = [affine_map<(b, m, n, k) -> (b, m, k)>, affine_map<(b, m, n, k) -> (b, n, k)>, affine_map<(b, m, n, k) -> (b, m, n)>]
      ins(%q, %pos : tensor<2x4x16xf32>, tensor<2x6x16xf32>) outs(%f5 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %e7 = tensor.empty() : tensor<2x4x6xf32>
  %t8 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t3, %t6 : tensor<2x4x6xf32>, tensor<2x4x6xf32>) outs(%e7 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.addf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e9 = tensor.empty() : tensor<2x4xf32>
  %f10 = linalg.fill ins(%c1 : f32) outs(%e9 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t11 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%t8 : tensor<2x4x6xf32>) outs(%f10 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.maximumf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e12 = tensor.empty() : tensor<2x4x6xf32>
  %t13 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t8, %t11 : tensor<2x4x6xf32>, tensor<2x4xf32>) outs(%e12 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.subf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e14 = tensor.empty() : tensor<2x4x6xf32>
  %t15 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t13 : tensor<2x4x6xf32>) outs(%e14 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = math.exp %x0 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e16 = tensor.empty() : tensor<2x4xf32>
  %f17 = linalg.fill ins(%c0 : f32) outs(%e16 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t18 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%t15 : tensor<2x4x6xf32>) outs(%f17 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.addf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e19 = tensor.empty() : tensor<2x4x6xf32>
  %t20 = linalg.generic {indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>, affine_map<(b, m, n) -> (b, m)>, affine_map<(b, m, n) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t15, %t18 : tensor<2x4x6xf32>, tensor<2x4xf32>) outs(%e19 : tensor<2x4x6xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.divf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %e21 = tensor.empty() : tensor<2x4x8xf32>
  %f22 = linalg.fill ins(%c0 : f32) outs(%e21 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  %t23 = linalg.contract indexing_maps = [affine_map<(b, m, v, n) -> (b, m, n)>, affine_map<(b, m, v, n) -> (b, n, v)>, affine_map<(b, m, v, n) -> (b, m, v)>]
      ins(%t20, %v : tensor<2x4x6xf32>, tensor<2x6x8xf32>) outs(%f22 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  return %t23 : tensor<2x4x8xf32>
}
