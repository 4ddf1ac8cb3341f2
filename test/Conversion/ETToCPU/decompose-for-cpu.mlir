// RUN: et-opt %s --et-decompose-for-cpu --remarks-filter-missed=et-decompose-for-cpu --remark-policy=all 2>%t.err | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK < %t.err

#id = affine_map<(d0) -> (d0)>
et.weight @w : tensor<4x4xf32> from [dense<1.0> : tensor<4x4xf32>]
et.weight @d : tensor<4x4xf64> from [dense<1.0> : tensor<4x4xf64>]

// What a kernel takes stays.
// CHECK-LABEL: func.func @keep
// CHECK:       et.linear
// CHECK:       et.gelu
// CHECK:       et.layer_norm
func.func @keep(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %w = et.weight_ref @w : tensor<4x4xf32>
  %0 = et.linear %x, %w : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %1 = et.gelu %0 : tensor<?x4xf32>
  %2 = et.layer_norm %1 {eps = 1.0e-5 : f32} : tensor<?x4xf32> -> tensor<?x4xf32>
  return %2 : tensor<?x4xf32>
}

// REMARK-DAG: et.linear runs as plain loops: the weight is not a constant, so it cannot be packed when compiling
// CHECK-LABEL: func.func @weight_is_no_constant
// CHECK-NOT:   et.linear
// CHECK:       linalg.generic
func.func @weight_is_no_constant(%x: tensor<?x4xf32>, %w: tensor<4x4xf32>) -> tensor<?x4xf32> {
  %0 = et.linear %x, %w : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  return %0 : tensor<?x4xf32>
}

// REMARK-DAG: et.rms_norm runs as plain loops: kernels compute in f32, and the op in f64
// CHECK-LABEL: func.func @f64
// CHECK-NOT:   et.{{linear|rms_norm|gelu}}
func.func @f64(%x: tensor<?x4xf64>) -> tensor<?x4xf64> {
  %w = et.weight_ref @d : tensor<4x4xf64>
  %0 = et.linear %x, %w : (tensor<?x4xf64>, tensor<4x4xf64>) -> tensor<?x4xf64>
  %1 = et.rms_norm %0 {eps = 1.0e-5 : f32} : tensor<?x4xf64> -> tensor<?x4xf64>
  %2 = et.gelu %1 : tensor<?x4xf64>
  return %2 : tensor<?x4xf64>
}

// REMARK-DAG: et.layer_norm runs as plain loops: only the sum of the norm is used
// CHECK-LABEL: func.func @only_the_sum
// CHECK-NOT:   et.layer_norm
func.func @only_the_sum(%x: tensor<?x4xf32>, %r: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %0:2 = et.layer_norm %x residual(%r : tensor<?x4xf32>) {eps = 1.0e-5 : f32} : tensor<?x4xf32> -> tensor<?x4xf32>, tensor<?x4xf32>
  return %0#1 : tensor<?x4xf32>
}

// REMARK-DAG: et.layer_norm runs as plain loops: gamma and beta have different element types
// CHECK-LABEL: func.func @gamma_and_beta_of_two_types
// CHECK-NOT:   et.layer_norm
func.func @gamma_and_beta_of_two_types(%x: tensor<?x4xf16>, %g: tensor<4xf32>, %b: tensor<4xf16>) -> tensor<?x4xf16> {
  %0 = et.layer_norm %x gamma(%g : tensor<4xf32>) beta(%b : tensor<4xf16>) {eps = 1.0e-5 : f32} : tensor<?x4xf16> -> tensor<?x4xf16>
  return %0 : tensor<?x4xf16>
}

// Scalar code that has no vector form stays out of linear layers.
// CHECK-LABEL: func.func @mark_scalar_code
// CHECK:       linalg.generic {{.*}} attrs = {et.alone}
// CHECK:       linalg.generic
// CHECK-NOT:   et.alone
func.func @mark_scalar_code(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<4xf32>) outs(%x : tensor<4xf32>) {
  ^bb0(%a: f32, %o: f32):
    %r = math.atan %a : f32
    linalg.yield %r : f32
  } -> tensor<4xf32>
  %1 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%0 : tensor<4xf32>) outs(%x : tensor<4xf32>) {
  ^bb0(%a: f32, %o: f32):
    %r = math.tanh %a : f32
    linalg.yield %r : f32
  } -> tensor<4xf32>
  return %1 : tensor<4xf32>
}
