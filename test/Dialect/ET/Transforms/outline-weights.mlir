// RUN: et-opt %s --et-outline-weights --split-input-file | FileCheck %s

// Equal constants share a weight, whatever they are of; the name of a resource is kept.
// CHECK-DAG:   et.weight @wq : tensor<4xf32> from [dense_resource<wq> : tensor<4xf32>]
// CHECK-DAG:   et.weight @[[ONE:constant[_0-9]*]] : tensor<4xf32> from [dense<1.000000e+00> : tensor<4xf32>]
// CHECK-DAG:   et.weight @[[IDS:constant[_0-9]*]] : tensor<2xi64> from [dense<[1, 2]> : tensor<2xi64>]
// CHECK-LABEL: func.func @outline_once
// CHECK-NOT:   arith.constant
// CHECK:       %[[A:.*]] = et.weight_ref @[[ONE]]
// CHECK:       %[[B:.*]] = et.weight_ref @[[ONE]]
// CHECK:       %[[C:.*]] = et.weight_ref @wq
// CHECK:       %[[D:.*]] = et.weight_ref @[[IDS]]
// CHECK:       return %[[A]], %[[B]], %[[C]], %[[D]]
func.func @outline_once() -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<2xi64>) {
  %a = arith.constant dense<1.0> : tensor<4xf32>
  %b = arith.constant dense<1.0> : tensor<4xf32>
  %c = arith.constant dense_resource<wq> : tensor<4xf32>
  %d = arith.constant dense<[1, 2]> : tensor<2xi64>
  return %a, %b, %c, %d : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<2xi64>
}

// -----

// Equal numbers of another type, shape or element type are other constants.
// CHECK-COUNT-3: et.weight @
// CHECK-LABEL: func.func @no_share_other_types
func.func @no_share_other_types() -> (tensor<4xf32>, tensor<2x2xf32>, tensor<4xf16>) {
  %a = arith.constant dense<1.0> : tensor<4xf32>
  %b = arith.constant dense<1.0> : tensor<2x2xf32>
  %c = arith.constant dense<1.0> : tensor<4xf16>
  return %a, %b, %c : tensor<4xf32>, tensor<2x2xf32>, tensor<4xf16>
}

// -----

// A name that is taken: the weight gets another.
// CHECK:       et.weight @[[W:wq_[0-9]+]] : tensor<4xf32>
// CHECK-LABEL: func.func @wq
// CHECK:       et.weight_ref @[[W]]
func.func @wq() -> tensor<4xf32> {
  %c = arith.constant dense_resource<wq> : tensor<4xf32>
  return %c : tensor<4xf32>
}

// -----

// Scalars, and vectors, are not weights.
// CHECK-NOT:   et.weight
// CHECK-LABEL: func.func @no_outline_scalars
// CHECK-COUNT-3: arith.constant
func.func @no_outline_scalars() -> (f32, index, vector<4xf32>) {
  %a = arith.constant 1.0 : f32
  %b = arith.constant 1 : index
  %c = arith.constant dense<1.0> : vector<4xf32>
  return %a, %b, %c : f32, index, vector<4xf32>
}

// -----

// A constant inside the region of another op is part of what that computes.
// CHECK-NOT:   et.weight
// CHECK-LABEL: func.func @no_outline_nested
func.func @no_outline_nested(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>], iterator_types = ["parallel"]} outs(%x : tensor<4xf32>) {
  ^bb0(%out: f32):
    %t = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
    %i = arith.constant 1 : index
    %v = tensor.extract %t[%i] : tensor<2xf32>
    linalg.yield %v : f32
  } -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

// CHECK-LABEL: func.func @empty_function
func.func @empty_function() {
  return
}
