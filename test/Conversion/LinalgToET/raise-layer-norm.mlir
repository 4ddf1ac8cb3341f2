// All forms of layer and RMS normalisation.
// RUN: et-opt %s --et-raise-layer-norm --canonicalize --cse | FileCheck %s
// RUN: %python %S/Inputs/compare.py %s --opt=et-opt --runner="%run_main" --lower="%upstream_to_llvm" --raise-with=--et-raise-layer-norm

// Mean of squared differences.
// CHECK-LABEL: func.func @raise_layer_norm(
// CHECK: et.layer_norm %arg0 gamma(%arg1 : tensor<32xf32>) beta(%arg2 : tensor<32xf32>) {eps = 9.99999974E-6 : f32}
// CHECK-NOT: linalg
func.func @raise_layer_norm(%x: tensor<2x4x32xf32>, %gamma: tensor<32xf32>, %beta: tensor<32xf32>) -> (tensor<2x4x32xf32>) {
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

// Divided by the square root.
// CHECK-LABEL: func.func @raise_layer_norm_by_sqrt(
// CHECK: et.layer_norm %arg0 gamma(%arg1 : tensor<32xf32>) beta(%arg2 : tensor<32xf32>) {eps = 9.99999974E-6 : f32}
// CHECK-NOT: linalg
func.func @raise_layer_norm_by_sqrt(%x: tensor<2x4x32xf32>, %gamma: tensor<32xf32>, %beta: tensor<32xf32>) -> (tensor<2x4x32xf32>) {
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
  %t16 = linalg.generic {indexing_maps = [affine_map<(b, m) -> (b, m)>, affine_map<(b, m) -> (b, m)>], iterator_types = ["parallel", "parallel"]}
      ins(%t14 : tensor<2x4xf32>) outs(%e15 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %a = arith.addf %x0, %c2 : f32
    %r = math.sqrt %a : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e17 = tensor.empty() : tensor<2x4x32xf32>
  %t18 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m)>, affine_map<(b, m, d) -> (b, m, d)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t7, %t16 : tensor<2x4x32xf32>, tensor<2x4xf32>) outs(%e17 : tensor<2x4x32xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.divf %x0, %x1 : f32
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

// Variance as the mean of squares less the square of the mean.
// CHECK-LABEL: func.func @raise_layer_norm_difference_of_means(
// CHECK: et.layer_norm %arg0 gamma(%arg1 : tensor<32xf32>) beta(%arg2 : tensor<32xf32>) {eps = 9.99999974E-6 : f32}
// CHECK-NOT: linalg
func.func @raise_layer_norm_difference_of_means(%x: tensor<2x4x32xf32>, %gamma: tensor<32xf32>, %beta: tensor<32xf32>) -> (tensor<2x4x32xf32>) {
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
  %t7 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m, d)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x, %x : tensor<2x4x32xf32>, tensor<2x4x32xf32>) outs(%e6 : tensor<2x4x32xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.mulf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x32xf32>
  %e8 = tensor.empty() : tensor<2x4xf32>
  %f9 = linalg.fill ins(%c0 : f32) outs(%e8 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t10 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%t7 : tensor<2x4x32xf32>) outs(%f9 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.addf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e11 = tensor.empty() : tensor<2x4xf32>
  %t12 = linalg.generic {indexing_maps = [affine_map<(b, m) -> (b, m)>, affine_map<(b, m) -> (b, m)>], iterator_types = ["parallel", "parallel"]}
      ins(%t10 : tensor<2x4xf32>) outs(%e11 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.divf %x0, %c1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e13 = tensor.empty() : tensor<2x4xf32>
  %t14 = linalg.generic {indexing_maps = [affine_map<(b, m) -> (b, m)>, affine_map<(b, m) -> (b, m)>, affine_map<(b, m) -> (b, m)>], iterator_types = ["parallel", "parallel"]}
      ins(%t5, %t5 : tensor<2x4xf32>, tensor<2x4xf32>) outs(%e13 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.mulf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e15 = tensor.empty() : tensor<2x4xf32>
  %t16 = linalg.generic {indexing_maps = [affine_map<(b, m) -> (b, m)>, affine_map<(b, m) -> (b, m)>, affine_map<(b, m) -> (b, m)>], iterator_types = ["parallel", "parallel"]}
      ins(%t12, %t14 : tensor<2x4xf32>, tensor<2x4xf32>) outs(%e15 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.subf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e17 = tensor.empty() : tensor<2x4x32xf32>
  %t18 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m)>, affine_map<(b, m, d) -> (b, m, d)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x, %t5 : tensor<2x4x32xf32>, tensor<2x4xf32>) outs(%e17 : tensor<2x4x32xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.subf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x32xf32>
  %e19 = tensor.empty() : tensor<2x4xf32>
  %t20 = linalg.generic {indexing_maps = [affine_map<(b, m) -> (b, m)>, affine_map<(b, m) -> (b, m)>], iterator_types = ["parallel", "parallel"]}
      ins(%t16 : tensor<2x4xf32>) outs(%e19 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %a = arith.addf %x0, %c2 : f32
    %r = math.rsqrt %a : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e21 = tensor.empty() : tensor<2x4x32xf32>
  %t22 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m)>, affine_map<(b, m, d) -> (b, m, d)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t18, %t20 : tensor<2x4x32xf32>, tensor<2x4xf32>) outs(%e21 : tensor<2x4x32xf32>) {
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

// Keras: x * (root * gamma) + (beta - mean * (root * gamma)).
// CHECK-LABEL: func.func @raise_layer_norm_folded_scale(
// CHECK: et.layer_norm %arg0 gamma(%arg1 : tensor<32xf32>) beta(%arg2 : tensor<32xf32>) {eps = 9.99999974E-6 : f32}
// CHECK-NOT: linalg
func.func @raise_layer_norm_folded_scale(%x: tensor<2x4x32xf32>, %gamma: tensor<32xf32>, %beta: tensor<32xf32>) -> (tensor<2x4x32xf32>) {
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
  %t16 = linalg.generic {indexing_maps = [affine_map<(b, m) -> (b, m)>, affine_map<(b, m) -> (b, m)>], iterator_types = ["parallel", "parallel"]}
      ins(%t14 : tensor<2x4xf32>) outs(%e15 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %a = arith.addf %x0, %c2 : f32
    %r = math.rsqrt %a : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e17 = tensor.empty() : tensor<2x4x32xf32>
  %t18 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m)>, affine_map<(b, m, d) -> (d)>, affine_map<(b, m, d) -> (b, m, d)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t16, %gamma : tensor<2x4xf32>, tensor<32xf32>) outs(%e17 : tensor<2x4x32xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.mulf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x32xf32>
  %e19 = tensor.empty() : tensor<2x4x32xf32>
  %t20 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m, d)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x, %t18 : tensor<2x4x32xf32>, tensor<2x4x32xf32>) outs(%e19 : tensor<2x4x32xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.mulf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x32xf32>
  %e21 = tensor.empty() : tensor<2x4x32xf32>
  %t22 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m)>, affine_map<(b, m, d) -> (b, m, d)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t18, %t5 : tensor<2x4x32xf32>, tensor<2x4xf32>) outs(%e21 : tensor<2x4x32xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.mulf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x32xf32>
  %e23 = tensor.empty() : tensor<2x4x32xf32>
  %t24 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (d)>, affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m, d)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%beta, %t22 : tensor<32xf32>, tensor<2x4x32xf32>) outs(%e23 : tensor<2x4x32xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.subf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x32xf32>
  %e25 = tensor.empty() : tensor<2x4x32xf32>
  %t26 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m, d)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t20, %t24 : tensor<2x4x32xf32>, tensor<2x4x32xf32>) outs(%e25 : tensor<2x4x32xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.addf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x32xf32>
  return %t26 : tensor<2x4x32xf32>
}

// No scale, no shift.
// CHECK-LABEL: func.func @raise_layer_norm_plain(
// CHECK: et.layer_norm %arg0 {eps
// CHECK-NOT: linalg
func.func @raise_layer_norm_plain(%x: tensor<2x4x32xf32>) -> (tensor<2x4x32xf32>) {
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
  return %t18 : tensor<2x4x32xf32>
}

// The residual behind it is not part of it.
// CHECK-LABEL: func.func @raise_layer_norm_before_residual(
// CHECK: et.layer_norm %arg0
// CHECK: arith.addf
func.func @raise_layer_norm_before_residual(%x: tensor<2x4x32xf32>, %gamma: tensor<32xf32>, %beta: tensor<32xf32>, %y: tensor<2x4x32xf32>) -> (tensor<2x4x32xf32>) {
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
  %e23 = tensor.empty() : tensor<2x4x32xf32>
  %t24 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m, d)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t22, %y : tensor<2x4x32xf32>, tensor<2x4x32xf32>) outs(%e23 : tensor<2x4x32xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.addf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x32xf32>
  return %t24 : tensor<2x4x32xf32>
}

// Mean of squares, scale.
// CHECK-LABEL: func.func @raise_rms_norm(
// CHECK: et.rms_norm %arg0 gamma(%arg1 : tensor<32xf32>) {eps = 9.99999974E-6 : f32}
// CHECK-NOT: linalg
func.func @raise_rms_norm(%x: tensor<2x4x32xf32>, %gamma: tensor<32xf32>) -> (tensor<2x4x32xf32>) {
  %c2 = arith.constant 1.0e-5 : f32
  %c1 = arith.constant 32.0 : f32
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
  %e12 = tensor.empty() : tensor<2x4x32xf32>
  %t13 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (d)>, affine_map<(b, m, d) -> (b, m, d)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t11, %gamma : tensor<2x4x32xf32>, tensor<32xf32>) outs(%e12 : tensor<2x4x32xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.mulf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x32xf32>
  return %t13 : tensor<2x4x32xf32>
}

// Statistics in f32, rounded before the scale.
// CHECK-LABEL: func.func @raise_rms_norm_f16(
// CHECK: et.rms_norm %arg0 gamma(%arg1 : tensor<32xf16>)
// CHECK-NOT: linalg
func.func @raise_rms_norm_f16(%x: tensor<2x4x32xf16>, %gamma: tensor<32xf16>) -> (tensor<2x4x32xf16>) {
  %c2 = arith.constant 1.0e-5 : f32
  %c1 = arith.constant 32.0 : f32
  %c0 = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<2x4x32xf32>
  %t2 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m, d)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x : tensor<2x4x32xf16>) outs(%e1 : tensor<2x4x32xf32>) {
  ^bb0(%x0: f16, %acc: f32):
    %r = arith.extf %x0 : f16 to f32
    linalg.yield %r : f32
  } -> tensor<2x4x32xf32>
  %e3 = tensor.empty() : tensor<2x4x32xf32>
  %t4 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m, d)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t2, %t2 : tensor<2x4x32xf32>, tensor<2x4x32xf32>) outs(%e3 : tensor<2x4x32xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.mulf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x32xf32>
  %e5 = tensor.empty() : tensor<2x4xf32>
  %f6 = linalg.fill ins(%c0 : f32) outs(%e5 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %t7 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%t4 : tensor<2x4x32xf32>) outs(%f6 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.addf %x0, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e8 = tensor.empty() : tensor<2x4xf32>
  %t9 = linalg.generic {indexing_maps = [affine_map<(b, m) -> (b, m)>, affine_map<(b, m) -> (b, m)>], iterator_types = ["parallel", "parallel"]}
      ins(%t7 : tensor<2x4xf32>) outs(%e8 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.divf %x0, %c1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e10 = tensor.empty() : tensor<2x4xf32>
  %t11 = linalg.generic {indexing_maps = [affine_map<(b, m) -> (b, m)>, affine_map<(b, m) -> (b, m)>], iterator_types = ["parallel", "parallel"]}
      ins(%t9 : tensor<2x4xf32>) outs(%e10 : tensor<2x4xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %a = arith.addf %x0, %c2 : f32
    %r = math.rsqrt %a : f32
    linalg.yield %r : f32
  } -> tensor<2x4xf32>
  %e12 = tensor.empty() : tensor<2x4x32xf32>
  %t13 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m)>, affine_map<(b, m, d) -> (b, m, d)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t2, %t11 : tensor<2x4x32xf32>, tensor<2x4xf32>) outs(%e12 : tensor<2x4x32xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.mulf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x32xf32>
  %e14 = tensor.empty() : tensor<2x4x32xf16>
  %t15 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m, d)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t13 : tensor<2x4x32xf32>) outs(%e14 : tensor<2x4x32xf16>) {
  ^bb0(%x0: f32, %acc: f16):
    %r = arith.truncf %x0 : f32 to f16
    linalg.yield %r : f16
  } -> tensor<2x4x32xf16>
  %e16 = tensor.empty() : tensor<2x4x32xf16>
  %t17 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (d)>, affine_map<(b, m, d) -> (b, m, d)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t15, %gamma : tensor<2x4x32xf16>, tensor<32xf16>) outs(%e16 : tensor<2x4x32xf16>) {
  ^bb0(%x0: f16, %x1: f16, %acc: f16):
    %r = arith.mulf %x0, %x1 : f16
    linalg.yield %r : f16
  } -> tensor<2x4x32xf16>
  return %t17 : tensor<2x4x32xf16>
}

// A scale that varies along the rows stands behind the op.
// CHECK-LABEL: func.func @raise_before_scale_per_row(
// CHECK: et.layer_norm %arg0 {eps
// CHECK: arith.mulf
func.func @raise_before_scale_per_row(%x: tensor<2x4x32xf32>, %gamma: tensor<4x32xf32>) -> (tensor<2x4x32xf32>) {
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
  %t20 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (m, d)>, affine_map<(b, m, d) -> (b, m, d)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t18, %gamma : tensor<2x4x32xf32>, tensor<4x32xf32>) outs(%e19 : tensor<2x4x32xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.mulf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x32xf32>
  return %t20 : tensor<2x4x32xf32>
}
