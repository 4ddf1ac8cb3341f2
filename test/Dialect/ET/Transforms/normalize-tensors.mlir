// RUN: et-opt %s --pass-pipeline='builtin.module(func.func(et-normalize-tensors))' --split-input-file | FileCheck %s

#id = affine_map<(d0, d1) -> (d0, d1)>

// CHECK-LABEL: func.func @softmax
// CHECK-NOT:   linalg.softmax
// CHECK-COUNT-3: linalg.generic
// CHECK-NOT:   linalg.softmax
func.func @softmax(%x: tensor<?x8xf32>, %e: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %y = linalg.softmax dimension(1) ins(%x : tensor<?x8xf32>) outs(%e : tensor<?x8xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// Both parts are written into one tensor.
// CHECK-LABEL: func.func @concat
// CHECK-NOT:   tensor.concat
// CHECK-COUNT-2: tensor.insert_slice
func.func @concat(%x: tensor<?x8xf32>, %y: tensor<?x4xf32>) -> tensor<?x12xf32> {
  %z = tensor.concat dim(1) %x, %y : (tensor<?x8xf32>, tensor<?x4xf32>) -> tensor<?x12xf32>
  return %z : tensor<?x12xf32>
}

// CHECK-LABEL: func.func @pad
// CHECK-NOT:   tensor.pad
// CHECK:       linalg.generic
// CHECK:       tensor.insert_slice
func.func @pad(%x: tensor<4x8xf32>) -> tensor<6x8xf32> {
  %zero = arith.constant 0.0 : f32
  %y = tensor.pad %x low[1, 0] high[1, 0] {
  ^bb0(%i: index, %j: index):
    tensor.yield %zero : f32
  } : tensor<4x8xf32> to tensor<6x8xf32>
  return %y : tensor<6x8xf32>
}

// arith on tensors becomes linalg, and a chain of it one op.
// CHECK-LABEL: func.func @elementwise_chain
// CHECK-COUNT-1: linalg.generic
// CHECK:         arith.addf
// CHECK:         math.tanh
// CHECK-NOT:   linalg.generic
func.func @elementwise_chain(%x: tensor<?x8xf32>, %y: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %0 = arith.addf %x, %y : tensor<?x8xf32>
  %1 = math.tanh %0 : tensor<?x8xf32>
  return %1 : tensor<?x8xf32>
}

// A result with two users would be computed twice.
// CHECK-LABEL: func.func @no_fuse_two_users
// CHECK-COUNT-3: linalg.generic
func.func @no_fuse_two_users(%x: tensor<?x8xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>) {
  %0 = math.exp %x : tensor<?x8xf32>
  %1 = math.tanh %0 : tensor<?x8xf32>
  %2 = math.sqrt %0 : tensor<?x8xf32>
  return %1, %2 : tensor<?x8xf32>, tensor<?x8xf32>
}

// What generates a tensor becomes an op that writes one.
// CHECK-LABEL: func.func @generate
// CHECK-NOT:   tensor.generate
// CHECK:       linalg.generic
func.func @generate(%n: tensor<?xi64>) -> tensor<?xindex> {
  %c0 = arith.constant 0 : index
  %d = tensor.dim %n, %c0 : tensor<?xi64>
  %y = tensor.generate %d {
  ^bb0(%i: index):
    tensor.yield %i : index
  } : tensor<?xindex>
  return %y : tensor<?xindex>
}

// CHECK-LABEL: func.func @named_op
// CHECK:       linalg.generic {{.*}} iterator_types = ["parallel", "parallel", "reduction"]
func.func @named_op(%a: tensor<?x4xf32>, %b: tensor<4x8xf32>, %c: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %y = linalg.matmul ins(%a, %b : tensor<?x4xf32>, tensor<4x8xf32>) outs(%c : tensor<?x8xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// Ops of et stay, and so do views.
// CHECK-LABEL: func.func @no_change
// CHECK-NEXT:  et.gelu
// CHECK-NEXT:  tensor.collapse_shape
// CHECK-NEXT:  return
func.func @no_change(%x: tensor<2x8xf32>) -> tensor<16xf32> {
  %0 = et.gelu %x : tensor<2x8xf32>
  %1 = tensor.collapse_shape %0 [[0, 1]] : tensor<2x8xf32> into tensor<16xf32>
  return %1 : tensor<16xf32>
}

// CHECK-LABEL: func.func @empty_function
// CHECK-NEXT:  return
func.func @empty_function() {
  return
}
