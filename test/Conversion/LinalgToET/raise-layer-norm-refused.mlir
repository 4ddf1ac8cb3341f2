// Near-misses stay as they are, and say why.
// RUN: et-opt %s --et-raise-layer-norm --split-input-file --verify-diagnostics --remarks-filter-missed=et-raise-layer-norm | FileCheck %s

// The variance divides by D - 1.
// CHECK-LABEL: func.func @no_raise_bessel(
// CHECK-NOT: et.layer_norm
// CHECK-NOT: et.rms_norm
func.func @no_raise_bessel(%x: tensor<2x4x32xf32>, %gamma: tensor<32xf32>, %beta: tensor<32xf32>) -> (tensor<2x4x32xf32>) {
  %c3 = arith.constant 1.0e-5 : f32
  %c2 = arith.constant 31.0 : f32
  %c1 = arith.constant 32.0 : f32
  %c0 = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<2x4xf32>
  %f2 = linalg.fill ins(%c0 : f32) outs(%e1 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t3 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x : tensor<2x4x32xf32>) outs(%f2 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.addf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e4 = tensor.empty() : tensor<2x4xf32>
  %t5 = linalg.generic {indexing_maps = [affine_map<(b, m) -> (b, m)>, affine_map<(b, m) -> (b, m)>], iterator_types = ["parallel", "parallel"]}
      ins(%t3 : tensor<2x4xf32>) outs(%e4 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.divf %x0, %c1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e6 = tensor.empty() : tensor<2x4x32xf32>
  %t7 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m)>, affine_map<(b, m, d) -> (b, m, d)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x, %t5 : tensor<2x4x32xf32>, tensor<2x4xf32>) outs(%e6 : tensor<2x4x32xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.subf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x32xf32>
  %e8 = tensor.empty() : tensor<2x4x32xf32>
  %t9 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m, d)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t7, %t7 : tensor<2x4x32xf32>, tensor<2x4x32xf32>) outs(%e8 : tensor<2x4x32xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.mulf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x32xf32>
  %e10 = tensor.empty() : tensor<2x4xf32>
  %f11 = linalg.fill ins(%c0 : f32) outs(%e10 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t12 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%t9 : tensor<2x4x32xf32>) outs(%f11 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.addf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e13 = tensor.empty() : tensor<2x4xf32>
  %t14 = linalg.generic {indexing_maps = [affine_map<(b, m) -> (b, m)>, affine_map<(b, m) -> (b, m)>], iterator_types = ["parallel", "parallel"]}
      ins(%t12 : tensor<2x4xf32>) outs(%e13 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.divf %x0, %c2 : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e15 = tensor.empty() : tensor<2x4xf32>
  // expected-remark @below {{the variance divides by 31}}
  %t16 = linalg.generic {indexing_maps = [affine_map<(b, m) -> (b, m)>, affine_map<(b, m) -> (b, m)>], iterator_types = ["parallel", "parallel"]}
      ins(%t14 : tensor<2x4xf32>) outs(%e15 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %a = arith.addf %x0, %c3 : f32
    %r = math.rsqrt %a : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e17 = tensor.empty() : tensor<2x4x32xf32>
  %t18 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m)>, affine_map<(b, m, d) -> (b, m, d)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t7, %t16 : tensor<2x4x32xf32>, tensor<2x4xf32>) outs(%e17 : tensor<2x4x32xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.mulf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x32xf32>
  %e19 = tensor.empty() : tensor<2x4x32xf32>
  %t20 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (d)>, affine_map<(b, m, d) -> (b, m, d)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t18, %gamma : tensor<2x4x32xf32>, tensor<32xf32>) outs(%e19 : tensor<2x4x32xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.mulf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x32xf32>
  %e21 = tensor.empty() : tensor<2x4x32xf32>
  %t22 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (d)>, affine_map<(b, m, d) -> (b, m, d)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t20, %beta : tensor<2x4x32xf32>, tensor<32xf32>) outs(%e21 : tensor<2x4x32xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.addf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x32xf32>
  return %t22 : tensor<2x4x32xf32>
}

// -----

// The mean divides by 16.
// CHECK-LABEL: func.func @no_raise_wrong_mean_divisor(
// CHECK-NOT: et.layer_norm
// CHECK-NOT: et.rms_norm
func.func @no_raise_wrong_mean_divisor(%x: tensor<2x4x32xf32>, %gamma: tensor<32xf32>, %beta: tensor<32xf32>) -> (tensor<2x4x32xf32>) {
  %c3 = arith.constant 1.0e-5 : f32
  %c2 = arith.constant 32.0 : f32
  %c1 = arith.constant 16.0 : f32
  %c0 = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<2x4xf32>
  %f2 = linalg.fill ins(%c0 : f32) outs(%e1 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t3 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x : tensor<2x4x32xf32>) outs(%f2 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.addf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e4 = tensor.empty() : tensor<2x4xf32>
  %t5 = linalg.generic {indexing_maps = [affine_map<(b, m) -> (b, m)>, affine_map<(b, m) -> (b, m)>], iterator_types = ["parallel", "parallel"]}
      ins(%t3 : tensor<2x4xf32>) outs(%e4 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.divf %x0, %c1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e6 = tensor.empty() : tensor<2x4x32xf32>
  %t7 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m)>, affine_map<(b, m, d) -> (b, m, d)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x, %t5 : tensor<2x4x32xf32>, tensor<2x4xf32>) outs(%e6 : tensor<2x4x32xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.subf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x32xf32>
  %e8 = tensor.empty() : tensor<2x4x32xf32>
  %t9 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m, d)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x, %x : tensor<2x4x32xf32>, tensor<2x4x32xf32>) outs(%e8 : tensor<2x4x32xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.mulf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x32xf32>
  %e10 = tensor.empty() : tensor<2x4xf32>
  %f11 = linalg.fill ins(%c0 : f32) outs(%e10 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t12 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%t9 : tensor<2x4x32xf32>) outs(%f11 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.addf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e13 = tensor.empty() : tensor<2x4xf32>
  %t14 = linalg.generic {indexing_maps = [affine_map<(b, m) -> (b, m)>, affine_map<(b, m) -> (b, m)>], iterator_types = ["parallel", "parallel"]}
      ins(%t12 : tensor<2x4xf32>) outs(%e13 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.divf %x0, %c2 : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e15 = tensor.empty() : tensor<2x4xf32>
  %t16 = linalg.generic {indexing_maps = [affine_map<(b, m) -> (b, m)>, affine_map<(b, m) -> (b, m)>, affine_map<(b, m) -> (b, m)>], iterator_types = ["parallel", "parallel"]}
      ins(%t5, %t5 : tensor<2x4xf32>, tensor<2x4xf32>) outs(%e15 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.mulf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e17 = tensor.empty() : tensor<2x4xf32>
  %t18 = linalg.generic {indexing_maps = [affine_map<(b, m) -> (b, m)>, affine_map<(b, m) -> (b, m)>, affine_map<(b, m) -> (b, m)>], iterator_types = ["parallel", "parallel"]}
      ins(%t14, %t16 : tensor<2x4xf32>, tensor<2x4xf32>) outs(%e17 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.subf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e19 = tensor.empty() : tensor<2x4xf32>
  // expected-remark @below {{the variance is not that of the value}}
  %t20 = linalg.generic {indexing_maps = [affine_map<(b, m) -> (b, m)>, affine_map<(b, m) -> (b, m)>], iterator_types = ["parallel", "parallel"]}
      ins(%t18 : tensor<2x4xf32>) outs(%e19 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %a = arith.addf %x0, %c3 : f32
    %r = math.rsqrt %a : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e21 = tensor.empty() : tensor<2x4x32xf32>
  %t22 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m)>, affine_map<(b, m, d) -> (b, m, d)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t7, %t20 : tensor<2x4x32xf32>, tensor<2x4xf32>) outs(%e21 : tensor<2x4x32xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.mulf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x32xf32>
  %e23 = tensor.empty() : tensor<2x4x32xf32>
  %t24 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (d)>, affine_map<(b, m, d) -> (b, m, d)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t22, %gamma : tensor<2x4x32xf32>, tensor<32xf32>) outs(%e23 : tensor<2x4x32xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.mulf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x32xf32>
  %e25 = tensor.empty() : tensor<2x4x32xf32>
  %t26 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (d)>, affine_map<(b, m, d) -> (b, m, d)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t24, %beta : tensor<2x4x32xf32>, tensor<32xf32>) outs(%e25 : tensor<2x4x32xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.addf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x32xf32>
  return %t26 : tensor<2x4x32xf32>
}

// -----

// Epsilon is added to the standard deviation.
// CHECK-LABEL: func.func @no_raise_epsilon_outside(
// CHECK-NOT: et.layer_norm
// CHECK-NOT: et.rms_norm
func.func @no_raise_epsilon_outside(%x: tensor<2x4x32xf32>, %gamma: tensor<32xf32>, %beta: tensor<32xf32>) -> (tensor<2x4x32xf32>) {
  %c2 = arith.constant 1.0e-5 : f32
  %c1 = arith.constant 32.0 : f32
  %c0 = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<2x4xf32>
  %f2 = linalg.fill ins(%c0 : f32) outs(%e1 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t3 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x : tensor<2x4x32xf32>) outs(%f2 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.addf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e4 = tensor.empty() : tensor<2x4xf32>
  %t5 = linalg.generic {indexing_maps = [affine_map<(b, m) -> (b, m)>, affine_map<(b, m) -> (b, m)>], iterator_types = ["parallel", "parallel"]}
      ins(%t3 : tensor<2x4xf32>) outs(%e4 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.divf %x0, %c1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e6 = tensor.empty() : tensor<2x4x32xf32>
  %t7 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m)>, affine_map<(b, m, d) -> (b, m, d)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x, %t5 : tensor<2x4x32xf32>, tensor<2x4xf32>) outs(%e6 : tensor<2x4x32xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.subf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x32xf32>
  %e8 = tensor.empty() : tensor<2x4x32xf32>
  %t9 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m, d)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t7, %t7 : tensor<2x4x32xf32>, tensor<2x4x32xf32>) outs(%e8 : tensor<2x4x32xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.mulf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x32xf32>
  %e10 = tensor.empty() : tensor<2x4xf32>
  %f11 = linalg.fill ins(%c0 : f32) outs(%e10 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t12 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%t9 : tensor<2x4x32xf32>) outs(%f11 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.addf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e13 = tensor.empty() : tensor<2x4xf32>
  %t14 = linalg.generic {indexing_maps = [affine_map<(b, m) -> (b, m)>, affine_map<(b, m) -> (b, m)>], iterator_types = ["parallel", "parallel"]}
      ins(%t12 : tensor<2x4xf32>) outs(%e13 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.divf %x0, %c1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e15 = tensor.empty() : tensor<2x4xf32>
  // expected-remark @below {{epsilon is added outside the square root}}
  %t16 = linalg.generic {indexing_maps = [affine_map<(b, m) -> (b, m)>, affine_map<(b, m) -> (b, m)>], iterator_types = ["parallel", "parallel"]}
      ins(%t14 : tensor<2x4xf32>) outs(%e15 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = math.sqrt %x0 : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e17 = tensor.empty() : tensor<2x4xf32>
  %t18 = linalg.generic {indexing_maps = [affine_map<(b, m) -> (b, m)>, affine_map<(b, m) -> (b, m)>], iterator_types = ["parallel", "parallel"]}
      ins(%t16 : tensor<2x4xf32>) outs(%e17 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.addf %x0, %c2 : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e19 = tensor.empty() : tensor<2x4x32xf32>
  %t20 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m)>, affine_map<(b, m, d) -> (b, m, d)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t7, %t18 : tensor<2x4x32xf32>, tensor<2x4xf32>) outs(%e19 : tensor<2x4x32xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.divf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x32xf32>
  %e21 = tensor.empty() : tensor<2x4x32xf32>
  %t22 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (d)>, affine_map<(b, m, d) -> (b, m, d)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t20, %gamma : tensor<2x4x32xf32>, tensor<32xf32>) outs(%e21 : tensor<2x4x32xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.mulf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x32xf32>
  %e23 = tensor.empty() : tensor<2x4x32xf32>
  %t24 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (d)>, affine_map<(b, m, d) -> (b, m, d)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t22, %beta : tensor<2x4x32xf32>, tensor<32xf32>) outs(%e23 : tensor<2x4x32xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.addf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x32xf32>
  return %t24 : tensor<2x4x32xf32>
}

// -----

// Epsilon is negative.
// CHECK-LABEL: func.func @no_raise_negative_epsilon(
// CHECK-NOT: et.layer_norm
// CHECK-NOT: et.rms_norm
func.func @no_raise_negative_epsilon(%x: tensor<2x4x32xf32>, %gamma: tensor<32xf32>, %beta: tensor<32xf32>) -> (tensor<2x4x32xf32>) {
  %c2 = arith.constant -1.0e-5 : f32
  %c1 = arith.constant 32.0 : f32
  %c0 = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<2x4xf32>
  %f2 = linalg.fill ins(%c0 : f32) outs(%e1 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t3 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x : tensor<2x4x32xf32>) outs(%f2 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.addf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e4 = tensor.empty() : tensor<2x4xf32>
  %t5 = linalg.generic {indexing_maps = [affine_map<(b, m) -> (b, m)>, affine_map<(b, m) -> (b, m)>], iterator_types = ["parallel", "parallel"]}
      ins(%t3 : tensor<2x4xf32>) outs(%e4 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.divf %x0, %c1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e6 = tensor.empty() : tensor<2x4x32xf32>
  %t7 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m)>, affine_map<(b, m, d) -> (b, m, d)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x, %t5 : tensor<2x4x32xf32>, tensor<2x4xf32>) outs(%e6 : tensor<2x4x32xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.subf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x32xf32>
  %e8 = tensor.empty() : tensor<2x4x32xf32>
  %t9 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m, d)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t7, %t7 : tensor<2x4x32xf32>, tensor<2x4x32xf32>) outs(%e8 : tensor<2x4x32xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.mulf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x32xf32>
  %e10 = tensor.empty() : tensor<2x4xf32>
  %f11 = linalg.fill ins(%c0 : f32) outs(%e10 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t12 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%t9 : tensor<2x4x32xf32>) outs(%f11 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.addf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e13 = tensor.empty() : tensor<2x4xf32>
  %t14 = linalg.generic {indexing_maps = [affine_map<(b, m) -> (b, m)>, affine_map<(b, m) -> (b, m)>], iterator_types = ["parallel", "parallel"]}
      ins(%t12 : tensor<2x4xf32>) outs(%e13 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.divf %x0, %c1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e15 = tensor.empty() : tensor<2x4xf32>
  // expected-remark @below {{epsilon is -1.000000e-05}}
  %t16 = linalg.generic {indexing_maps = [affine_map<(b, m) -> (b, m)>, affine_map<(b, m) -> (b, m)>], iterator_types = ["parallel", "parallel"]}
      ins(%t14 : tensor<2x4xf32>) outs(%e15 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %a = arith.addf %x0, %c2 : f32
    %r = math.rsqrt %a : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e17 = tensor.empty() : tensor<2x4x32xf32>
  %t18 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m)>, affine_map<(b, m, d) -> (b, m, d)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t7, %t16 : tensor<2x4x32xf32>, tensor<2x4xf32>) outs(%e17 : tensor<2x4x32xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.mulf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x32xf32>
  %e19 = tensor.empty() : tensor<2x4x32xf32>
  %t20 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (d)>, affine_map<(b, m, d) -> (b, m, d)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t18, %gamma : tensor<2x4x32xf32>, tensor<32xf32>) outs(%e19 : tensor<2x4x32xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.mulf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x32xf32>
  %e21 = tensor.empty() : tensor<2x4x32xf32>
  %t22 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (d)>, affine_map<(b, m, d) -> (b, m, d)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t20, %beta : tensor<2x4x32xf32>, tensor<32xf32>) outs(%e21 : tensor<2x4x32xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.addf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x32xf32>
  return %t22 : tensor<2x4x32xf32>
}

// -----

// Normalised over the rows.
// CHECK-LABEL: func.func @no_raise_over_rows(
// CHECK-NOT: et.layer_norm
// CHECK-NOT: et.rms_norm
func.func @no_raise_over_rows(%x: tensor<2x32x4xf32>) -> (tensor<2x32x4xf32>) {
  %c2 = arith.constant 1.0e-5 : f32
  %c1 = arith.constant 32.0 : f32
  %c0 = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<2x4xf32>
  %f2 = linalg.fill ins(%c0 : f32) outs(%e1 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t3 = linalg.generic {indexing_maps = [affine_map<(b, d, m) -> (b, d, m)>, affine_map<(b, d, m) -> (b, m)>], iterator_types = ["parallel", "reduction", "parallel"]}
      ins(%x : tensor<2x32x4xf32>) outs(%f2 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.addf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e4 = tensor.empty() : tensor<2x4xf32>
  %t5 = linalg.generic {indexing_maps = [affine_map<(b, m) -> (b, m)>, affine_map<(b, m) -> (b, m)>], iterator_types = ["parallel", "parallel"]}
      ins(%t3 : tensor<2x4xf32>) outs(%e4 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.divf %x0, %c1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e6 = tensor.empty() : tensor<2x32x4xf32>
  %t7 = linalg.generic {indexing_maps = [affine_map<(b, d, m) -> (b, d, m)>, affine_map<(b, d, m) -> (b, m)>, affine_map<(b, d, m) -> (b, d, m)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x, %t5 : tensor<2x32x4xf32>, tensor<2x4xf32>) outs(%e6 : tensor<2x32x4xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.subf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x32x4xf32>
  %e8 = tensor.empty() : tensor<2x32x4xf32>
  %t9 = linalg.generic {indexing_maps = [affine_map<(b, d, m) -> (b, d, m)>, affine_map<(b, d, m) -> (b, d, m)>, affine_map<(b, d, m) -> (b, d, m)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t7, %t7 : tensor<2x32x4xf32>, tensor<2x32x4xf32>) outs(%e8 : tensor<2x32x4xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.mulf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x32x4xf32>
  %e10 = tensor.empty() : tensor<2x4xf32>
  %f11 = linalg.fill ins(%c0 : f32) outs(%e10 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t12 = linalg.generic {indexing_maps = [affine_map<(b, d, m) -> (b, d, m)>, affine_map<(b, d, m) -> (b, m)>], iterator_types = ["parallel", "reduction", "parallel"]}
      ins(%t9 : tensor<2x32x4xf32>) outs(%f11 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.addf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e13 = tensor.empty() : tensor<2x4xf32>
  %t14 = linalg.generic {indexing_maps = [affine_map<(b, m) -> (b, m)>, affine_map<(b, m) -> (b, m)>], iterator_types = ["parallel", "parallel"]}
      ins(%t12 : tensor<2x4xf32>) outs(%e13 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.divf %x0, %c1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e15 = tensor.empty() : tensor<2x4xf32>
  // expected-remark @below {{the normalised dimension is not the last}}
  %t16 = linalg.generic {indexing_maps = [affine_map<(b, m) -> (b, m)>, affine_map<(b, m) -> (b, m)>], iterator_types = ["parallel", "parallel"]}
      ins(%t14 : tensor<2x4xf32>) outs(%e15 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %a = arith.addf %x0, %c2 : f32
    %r = math.rsqrt %a : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e17 = tensor.empty() : tensor<2x32x4xf32>
  %t18 = linalg.generic {indexing_maps = [affine_map<(b, d, m) -> (b, d, m)>, affine_map<(b, d, m) -> (b, m)>, affine_map<(b, d, m) -> (b, d, m)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t7, %t16 : tensor<2x32x4xf32>, tensor<2x4xf32>) outs(%e17 : tensor<2x32x4xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.mulf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x32x4xf32>
  return %t18 : tensor<2x32x4xf32>
}

// -----

// Another tensor's mean is subtracted outside.
// CHECK-LABEL: func.func @no_raise_other_mean_subtracted(
// CHECK-NOT: et.layer_norm
// CHECK-NOT: et.rms_norm
func.func @no_raise_other_mean_subtracted(%x: tensor<2x4x32xf32>, %gamma: tensor<32xf32>, %beta: tensor<32xf32>, %y: tensor<2x4x32xf32>) -> (tensor<2x4x32xf32>) {
  %c2 = arith.constant 1.0e-5 : f32
  %c1 = arith.constant 32.0 : f32
  %c0 = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<2x4xf32>
  %f2 = linalg.fill ins(%c0 : f32) outs(%e1 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t3 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x : tensor<2x4x32xf32>) outs(%f2 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.addf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e4 = tensor.empty() : tensor<2x4xf32>
  %t5 = linalg.generic {indexing_maps = [affine_map<(b, m) -> (b, m)>, affine_map<(b, m) -> (b, m)>], iterator_types = ["parallel", "parallel"]}
      ins(%t3 : tensor<2x4xf32>) outs(%e4 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.divf %x0, %c1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e6 = tensor.empty() : tensor<2x4x32xf32>
  %t7 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m)>, affine_map<(b, m, d) -> (b, m, d)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x, %t5 : tensor<2x4x32xf32>, tensor<2x4xf32>) outs(%e6 : tensor<2x4x32xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.subf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x32xf32>
  %e8 = tensor.empty() : tensor<2x4x32xf32>
  %t9 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m, d)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t7, %t7 : tensor<2x4x32xf32>, tensor<2x4x32xf32>) outs(%e8 : tensor<2x4x32xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.mulf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x32xf32>
  %e10 = tensor.empty() : tensor<2x4xf32>
  %f11 = linalg.fill ins(%c0 : f32) outs(%e10 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t12 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%t9 : tensor<2x4x32xf32>) outs(%f11 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.addf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e13 = tensor.empty() : tensor<2x4xf32>
  %t14 = linalg.generic {indexing_maps = [affine_map<(b, m) -> (b, m)>, affine_map<(b, m) -> (b, m)>], iterator_types = ["parallel", "parallel"]}
      ins(%t12 : tensor<2x4xf32>) outs(%e13 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.divf %x0, %c1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e15 = tensor.empty() : tensor<2x4xf32>
  %f16 = linalg.fill ins(%c0 : f32) outs(%e15 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t17 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%y : tensor<2x4x32xf32>) outs(%f16 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.addf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e18 = tensor.empty() : tensor<2x4xf32>
  %t19 = linalg.generic {indexing_maps = [affine_map<(b, m) -> (b, m)>, affine_map<(b, m) -> (b, m)>], iterator_types = ["parallel", "parallel"]}
      ins(%t17 : tensor<2x4xf32>) outs(%e18 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.divf %x0, %c1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e20 = tensor.empty() : tensor<2x4x32xf32>
  %t21 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m)>, affine_map<(b, m, d) -> (b, m, d)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x, %t19 : tensor<2x4x32xf32>, tensor<2x4xf32>) outs(%e20 : tensor<2x4x32xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.subf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x32xf32>
  %e22 = tensor.empty() : tensor<2x4xf32>
  // expected-remark @below {{the mean that is subtracted is not that of the value}}
  %t23 = linalg.generic {indexing_maps = [affine_map<(b, m) -> (b, m)>, affine_map<(b, m) -> (b, m)>], iterator_types = ["parallel", "parallel"]}
      ins(%t14 : tensor<2x4xf32>) outs(%e22 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %a = arith.addf %x0, %c2 : f32
    %r = math.rsqrt %a : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e24 = tensor.empty() : tensor<2x4x32xf32>
  %t25 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m)>, affine_map<(b, m, d) -> (b, m, d)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t21, %t23 : tensor<2x4x32xf32>, tensor<2x4xf32>) outs(%e24 : tensor<2x4x32xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.mulf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x32xf32>
  %e26 = tensor.empty() : tensor<2x4x32xf32>
  %t27 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (d)>, affine_map<(b, m, d) -> (b, m, d)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t25, %gamma : tensor<2x4x32xf32>, tensor<32xf32>) outs(%e26 : tensor<2x4x32xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.mulf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x32xf32>
  %e28 = tensor.empty() : tensor<2x4x32xf32>
  %t29 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (d)>, affine_map<(b, m, d) -> (b, m, d)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t27, %beta : tensor<2x4x32xf32>, tensor<32xf32>) outs(%e28 : tensor<2x4x32xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.addf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x32xf32>
  return %t29 : tensor<2x4x32xf32>
}

// -----

// The mean of squares divides by 16.
// CHECK-LABEL: func.func @no_raise_rms_of_other_size(
// CHECK-NOT: et.layer_norm
// CHECK-NOT: et.rms_norm
func.func @no_raise_rms_of_other_size(%x: tensor<2x4x32xf32>) -> (tensor<2x4x32xf32>) {
  %c2 = arith.constant 1.0e-5 : f32
  %c1 = arith.constant 16.0 : f32
  %c0 = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<2x4x32xf32>
  %t2 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m, d)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x, %x : tensor<2x4x32xf32>, tensor<2x4x32xf32>) outs(%e1 : tensor<2x4x32xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.mulf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x32xf32>
  %e3 = tensor.empty() : tensor<2x4xf32>
  %f4 = linalg.fill ins(%c0 : f32) outs(%e3 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t5 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%t2 : tensor<2x4x32xf32>) outs(%f4 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.addf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e6 = tensor.empty() : tensor<2x4xf32>
  %t7 = linalg.generic {indexing_maps = [affine_map<(b, m) -> (b, m)>, affine_map<(b, m) -> (b, m)>], iterator_types = ["parallel", "parallel"]}
      ins(%t5 : tensor<2x4xf32>) outs(%e6 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.divf %x0, %c1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e8 = tensor.empty() : tensor<2x4xf32>
  // expected-remark @below {{the mean of squares divides by 16}}
  %t9 = linalg.generic {indexing_maps = [affine_map<(b, m) -> (b, m)>, affine_map<(b, m) -> (b, m)>], iterator_types = ["parallel", "parallel"]}
      ins(%t7 : tensor<2x4xf32>) outs(%e8 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %a = arith.addf %x0, %c2 : f32
    %r = math.rsqrt %a : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e10 = tensor.empty() : tensor<2x4x32xf32>
  %t11 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m)>, affine_map<(b, m, d) -> (b, m, d)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x, %t9 : tensor<2x4x32xf32>, tensor<2x4xf32>) outs(%e10 : tensor<2x4x32xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.mulf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x32xf32>
  return %t11 : tensor<2x4x32xf32>
}
