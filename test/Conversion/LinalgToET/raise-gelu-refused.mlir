// Near-misses stay as they are, and say why.
// RUN: et-opt %s --et-raise-gelu --split-input-file --verify-diagnostics --remarks-filter-missed=et-raise-gelu | FileCheck %s

// 1/2 instead of 1/sqrt(2).
// CHECK-LABEL: func.func @no_raise_erf_of_other_factor(
// CHECK-NOT: et.gelu
func.func @no_raise_erf_of_other_factor(%x: tensor<2x4x32xf32>) -> (tensor<2x4x32xf32>) {
  %c1 = arith.constant 1.0 : f32
  %c0 = arith.constant 0.5 : f32
  %e1 = tensor.empty() : tensor<2x4x32xf32>
  // expected-remark @below {{the argument of erf is not x / sqrt(2)}}
  %t2 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m, d)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x : tensor<2x4x32xf32>) outs(%e1 : tensor<2x4x32xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %u = arith.mulf %x0, %c0 : f32
    %e = math.erf %u : f32
    %p = arith.addf %e, %c1 : f32
    %h = arith.mulf %x0, %c0 : f32
    %r = arith.mulf %h, %p : f32
    linalg.yield %r : f32
  } -> tensor<2x4x32xf32>
  return %t2 : tensor<2x4x32xf32>
}

// -----

// 0.7071 is another function.
// CHECK-LABEL: func.func @no_raise_erf_of_nearly_sqrt(
// CHECK-NOT: et.gelu
func.func @no_raise_erf_of_nearly_sqrt(%x: tensor<2x4x32xf32>) -> (tensor<2x4x32xf32>) {
  %c2 = arith.constant 1.0 : f32
  %c1 = arith.constant 0.5 : f32
  %c0 = arith.constant 0.7071 : f32
  %e1 = tensor.empty() : tensor<2x4x32xf32>
  // expected-remark @below {{the argument of erf is not x / sqrt(2)}}
  %t2 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m, d)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x : tensor<2x4x32xf32>) outs(%e1 : tensor<2x4x32xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %u = arith.mulf %x0, %c0 : f32
    %e = math.erf %u : f32
    %p = arith.addf %e, %c2 : f32
    %h = arith.mulf %x0, %c1 : f32
    %r = arith.mulf %h, %p : f32
    linalg.yield %r : f32
  } -> tensor<2x4x32xf32>
  return %t2 : tensor<2x4x32xf32>
}

// -----

// 0.0447 instead of 0.044715.
// CHECK-LABEL: func.func @no_raise_tanh_other_cubic(
// CHECK-NOT: et.gelu
func.func @no_raise_tanh_other_cubic(%x: tensor<2x4x32xf32>) -> (tensor<2x4x32xf32>) {
  %c3 = arith.constant 1.0 : f32
  %c2 = arith.constant 0.5 : f32
  %c1 = arith.constant 0.0447 : f32
  %c0 = arith.constant 0.797884583 : f32
  %e1 = tensor.empty() : tensor<2x4x32xf32>
  // expected-remark @below {{the argument of tanh is not}}
  %t2 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m, d)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x : tensor<2x4x32xf32>) outs(%e1 : tensor<2x4x32xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %s = arith.mulf %x0, %x0 : f32
    %c = arith.mulf %s, %x0 : f32
    %kc = arith.mulf %c, %c1 : f32
    %i = arith.addf %x0, %kc : f32
    %u = arith.mulf %i, %c0 : f32
    %e = math.tanh %u : f32
    %p = arith.addf %e, %c3 : f32
    %h = arith.mulf %x0, %c2 : f32
    %r = arith.mulf %h, %p : f32
    linalg.yield %r : f32
  } -> tensor<2x4x32xf32>
  return %t2 : tensor<2x4x32xf32>
}

// -----

// torch-mlir's constant needs an option.
// CHECK-LABEL: func.func @no_raise_torch_mlir_tanh(
// CHECK-NOT: et.gelu
func.func @no_raise_torch_mlir_tanh(%x: tensor<2x4x32xf32>) -> (tensor<2x4x32xf32>) {
  %c3 = arith.constant 1.0 : f32
  %c2 = arith.constant 0.5 : f32
  %c1 = arith.constant 0.044715 : f32
  %c0 = arith.constant 0.797724 : f32
  %e1 = tensor.empty() : tensor<2x4x32xf32>
  // expected-remark @below {{allow-torch-mlir-tanh}}
  %t2 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m, d)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x : tensor<2x4x32xf32>) outs(%e1 : tensor<2x4x32xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %s = arith.mulf %x0, %x0 : f32
    %c = arith.mulf %s, %x0 : f32
    %kc = arith.mulf %c, %c1 : f32
    %i = arith.addf %x0, %kc : f32
    %u = arith.mulf %i, %c0 : f32
    %e = math.tanh %u : f32
    %p = arith.addf %e, %c3 : f32
    %h = arith.mulf %x0, %c2 : f32
    %r = arith.mulf %h, %p : f32
    linalg.yield %r : f32
  } -> tensor<2x4x32xf32>
  return %t2 : tensor<2x4x32xf32>
}

// -----

// 1.7 instead of 1.702.
// CHECK-LABEL: func.func @no_raise_sigmoid_of_other_factor(
// CHECK-NOT: et.gelu
func.func @no_raise_sigmoid_of_other_factor(%x: tensor<2x4x32xf32>) -> (tensor<2x4x32xf32>) {
  %c1 = arith.constant 1.0 : f32
  %c0 = arith.constant -1.7 : f32
  %e1 = tensor.empty() : tensor<2x4x32xf32>
  // expected-remark @below {{the argument of the sigmoid is 1.70 x, expected 1.702 x}}
  %t2 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m, d)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x : tensor<2x4x32xf32>) outs(%e1 : tensor<2x4x32xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %u = arith.mulf %x0, %c0 : f32
    %e = math.exp %u : f32
    %p = arith.addf %e, %c1 : f32
    %r = arith.divf %x0, %p : f32
    linalg.yield %r : f32
  } -> tensor<2x4x32xf32>
  return %t2 : tensor<2x4x32xf32>
}

// -----

// SiLU is no near-miss.
// CHECK-LABEL: func.func @no_raise_silu(
// CHECK-NOT: et.gelu
func.func @no_raise_silu(%x: tensor<2x4x32xf32>) -> (tensor<2x4x32xf32>) {
  %c1 = arith.constant 1.0 : f32
  %c0 = arith.constant -1.0 : f32
  %e1 = tensor.empty() : tensor<2x4x32xf32>
  %t2 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m, d)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x : tensor<2x4x32xf32>) outs(%e1 : tensor<2x4x32xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %u = arith.mulf %x0, %c0 : f32
    %e = math.exp %u : f32
    %p = arith.addf %e, %c1 : f32
    %r = arith.divf %x0, %p : f32
    linalg.yield %r : f32
  } -> tensor<2x4x32xf32>
  return %t2 : tensor<2x4x32xf32>
}

// -----

// 1 - erf is another function.
// CHECK-LABEL: func.func @no_raise_one_minus(
// CHECK-NOT: et.gelu
func.func @no_raise_one_minus(%x: tensor<2x4x32xf32>) -> (tensor<2x4x32xf32>) {
  %c2 = arith.constant 2.0 : f32
  %c1 = arith.constant 0.5 : f32
  %c0 = arith.constant 0.707106769 : f32
  %e1 = tensor.empty() : tensor<2x4x32xf32>
  %t2 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m, d)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x : tensor<2x4x32xf32>) outs(%e1 : tensor<2x4x32xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %u = arith.mulf %x0, %c0 : f32
    %e = math.erf %u : f32
    %p = arith.addf %e, %c2 : f32
    %h = arith.mulf %x0, %c1 : f32
    %r = arith.mulf %h, %p : f32
    linalg.yield %r : f32
  } -> tensor<2x4x32xf32>
  return %t2 : tensor<2x4x32xf32>
}

// -----

// Another tensor multiplies the error function.
// CHECK-LABEL: func.func @no_raise_other_factor_outside(
// CHECK-NOT: et.gelu
func.func @no_raise_other_factor_outside(%x: tensor<2x4x32xf32>, %y: tensor<2x4x32xf32>) -> (tensor<2x4x32xf32>) {
  %c2 = arith.constant 1.0 : f32
  %c1 = arith.constant 0.5 : f32
  %c0 = arith.constant 0.707106769 : f32
  %e1 = tensor.empty() : tensor<2x4x32xf32>
  // expected-remark @below {{the argument of erf is not x / sqrt(2)}}
  %t2 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m, d)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x, %y : tensor<2x4x32xf32>, tensor<2x4x32xf32>) outs(%e1 : tensor<2x4x32xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %u = arith.mulf %x0, %c0 : f32
    %e = math.erf %u : f32
    %p = arith.addf %e, %c2 : f32
    %h = arith.mulf %x1, %c1 : f32
    %r = arith.mulf %h, %p : f32
    linalg.yield %r : f32
  } -> tensor<2x4x32xf32>
  return %t2 : tensor<2x4x32xf32>
}
