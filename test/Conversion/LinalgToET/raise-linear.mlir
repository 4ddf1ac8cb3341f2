// Products with a weight, in all layouts.
// RUN: et-opt %s --et-raise-linear --canonicalize --cse | FileCheck %s
// RUN: %python %S/Inputs/compare.py %s --opt=et-opt --runner="%run_main" --lower="%upstream_to_llvm" --raise-with=--et-raise-linear

// Weight as PyTorch stores it, bias added.
// CHECK-LABEL: func.func @raise_linear(
// CHECK: et.linear %arg0, %arg1 bias(%arg2 : tensor<12xf32>) : (tensor<2x4x32xf32>, tensor<12x32xf32>) -> tensor<2x4x12xf32>
// CHECK-NOT: linalg
func.func @raise_linear(%x: tensor<2x4x32xf32>, %w: tensor<12x32xf32>, %bias: tensor<12xf32>) -> (tensor<2x4x12xf32>) {
  %c0 = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<2x4x12xf32>
  %f2 = linalg.fill ins(%c0 : f32) outs(%e1 : tensor<2x4x12xf32>) -> tensor<2x4x12xf32>
  %t3 = linalg.contract indexing_maps = [affine_map<(b, m, o, d) -> (b, m, d)>, affine_map<(b, m, o, d) -> (o, d)>, affine_map<(b, m, o, d) -> (b, m, o)>]
      ins(%x, %w : tensor<2x4x32xf32>, tensor<12x32xf32>) outs(%f2 : tensor<2x4x12xf32>) -> tensor<2x4x12xf32>
  %e4 = tensor.empty() : tensor<2x4x12xf32>
  %t5 = linalg.generic {indexing_maps = [affine_map<(b, m, o) -> (b, m, o)>, affine_map<(b, m, o) -> (o)>, affine_map<(b, m, o) -> (b, m, o)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t3, %bias : tensor<2x4x12xf32>, tensor<12xf32>) outs(%e4 : tensor<2x4x12xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.addf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x12xf32>
  return %t5 : tensor<2x4x12xf32>
}

// No bias.
// CHECK-LABEL: func.func @raise_linear_without_bias(
// CHECK: et.linear %arg0, %arg1 :
// CHECK-NOT: linalg
func.func @raise_linear_without_bias(%x: tensor<2x4x32xf32>, %w: tensor<12x32xf32>) -> (tensor<2x4x12xf32>) {
  %c0 = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<2x4x12xf32>
  %f2 = linalg.fill ins(%c0 : f32) outs(%e1 : tensor<2x4x12xf32>) -> tensor<2x4x12xf32>
  %t3 = linalg.contract indexing_maps = [affine_map<(b, m, o, d) -> (b, m, d)>, affine_map<(b, m, o, d) -> (o, d)>, affine_map<(b, m, o, d) -> (b, m, o)>]
      ins(%x, %w : tensor<2x4x32xf32>, tensor<12x32xf32>) outs(%f2 : tensor<2x4x12xf32>) -> tensor<2x4x12xf32>
  return %t3 : tensor<2x4x12xf32>
}

// The weight is stored with the inputs first.
// CHECK-LABEL: func.func @raise_transposed_weight(
// CHECK: %[[W:.*]] = linalg.transpose ins(%arg1
// CHECK: et.linear %arg0, %[[W]]
func.func @raise_transposed_weight(%x: tensor<2x4x32xf32>, %w: tensor<32x12xf32>) -> (tensor<2x4x12xf32>) {
  %c0 = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<2x4x12xf32>
  %f2 = linalg.fill ins(%c0 : f32) outs(%e1 : tensor<2x4x12xf32>) -> tensor<2x4x12xf32>
  %t3 = linalg.contract indexing_maps = [affine_map<(b, m, o, d) -> (b, m, d)>, affine_map<(b, m, o, d) -> (d, o)>, affine_map<(b, m, o, d) -> (b, m, o)>]
      ins(%x, %w : tensor<2x4x32xf32>, tensor<32x12xf32>) outs(%f2 : tensor<2x4x12xf32>) -> tensor<2x4x12xf32>
  return %t3 : tensor<2x4x12xf32>
}

// torch-mlir broadcasts the weight over the batch.
// CHECK-LABEL: func.func @raise_broadcast_weight(
// CHECK: et.linear %arg0, %arg1 :
// CHECK-NOT: linalg
func.func @raise_broadcast_weight(%x: tensor<2x4x32xf32>, %w: tensor<12x32xf32>) -> (tensor<2x4x12xf32>) {
  %c0 = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<2x12x32xf32>
  %t2 = linalg.broadcast ins(%w : tensor<12x32xf32>) outs(%e1 : tensor<2x12x32xf32>) dimensions = [0]
  %e3 = tensor.empty() : tensor<2x4x12xf32>
  %f4 = linalg.fill ins(%c0 : f32) outs(%e3 : tensor<2x4x12xf32>) -> tensor<2x4x12xf32>
  %t5 = linalg.contract indexing_maps = [affine_map<(b, m, o, d) -> (b, m, d)>, affine_map<(b, m, o, d) -> (b, o, d)>, affine_map<(b, m, o, d) -> (b, m, o)>]
      ins(%x, %t2 : tensor<2x4x32xf32>, tensor<2x12x32xf32>) outs(%f4 : tensor<2x4x12xf32>) -> tensor<2x4x12xf32>
  return %t5 : tensor<2x4x12xf32>
}

// The product accumulates into the bias.
// CHECK-LABEL: func.func @raise_bias_as_start(
// CHECK: et.linear %arg0, %arg1 bias(%arg2 : tensor<12xf32>)
// CHECK-NOT: linalg
func.func @raise_bias_as_start(%x: tensor<4x32xf32>, %w: tensor<12x32xf32>, %bias: tensor<12xf32>) -> (tensor<4x12xf32>) {
  %e1 = tensor.empty() : tensor<4x12xf32>
  %t2 = linalg.broadcast ins(%bias : tensor<12xf32>) outs(%e1 : tensor<4x12xf32>) dimensions = [0]
  %t3 = linalg.contract indexing_maps = [affine_map<(m, o, d) -> (m, d)>, affine_map<(m, o, d) -> (o, d)>, affine_map<(m, o, d) -> (m, o)>] ins(%x, %w : tensor<4x32xf32>, tensor<12x32xf32>) outs(%t2 : tensor<4x12xf32>) -> tensor<4x12xf32>
  return %t3 : tensor<4x12xf32>
}

// Rows are flattened before the product and restored behind it.
// CHECK-LABEL: func.func @raise_flattened_rows(
// CHECK: et.linear %arg0, %arg1 : (tensor<2x4x32xf32>, tensor<12x32xf32>) -> tensor<2x4x12xf32>
// CHECK-NEXT: return
func.func @raise_flattened_rows(%x: tensor<2x4x32xf32>, %w: tensor<12x32xf32>) -> (tensor<2x4x12xf32>) {
  %c0 = arith.constant 0.0 : f32
  %t1 = tensor.collapse_shape %x [[0, 1], [2]] : tensor<2x4x32xf32> into tensor<8x32xf32>
  %e2 = tensor.empty() : tensor<8x12xf32>
  %f3 = linalg.fill ins(%c0 : f32) outs(%e2 : tensor<8x12xf32>) -> tensor<8x12xf32>
  %t4 = linalg.contract indexing_maps = [affine_map<(z, o, d) -> (z, d)>, affine_map<(z, o, d) -> (o, d)>, affine_map<(z, o, d) -> (z, o)>]
      ins(%t1, %w : tensor<8x32xf32>, tensor<12x32xf32>) outs(%f3 : tensor<8x12xf32>) -> tensor<8x12xf32>
  %t5 = tensor.expand_shape %t4 [[0, 1], [2]] output_shape [2, 4, 12] : tensor<8x12xf32> into tensor<2x4x12xf32>
  return %t5 : tensor<2x4x12xf32>
}

// A residual behind the product is not its bias.
// CHECK-LABEL: func.func @raise_then_residual(
// CHECK: et.linear %arg0, %arg1 :
// CHECK: arith.addf
func.func @raise_then_residual(%x: tensor<2x4x32xf32>, %w: tensor<12x32xf32>, %y: tensor<2x4x12xf32>) -> (tensor<2x4x12xf32>) {
  %c0 = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<2x4x12xf32>
  %f2 = linalg.fill ins(%c0 : f32) outs(%e1 : tensor<2x4x12xf32>) -> tensor<2x4x12xf32>
  %t3 = linalg.contract indexing_maps = [affine_map<(b, m, o, d) -> (b, m, d)>, affine_map<(b, m, o, d) -> (o, d)>, affine_map<(b, m, o, d) -> (b, m, o)>]
      ins(%x, %w : tensor<2x4x32xf32>, tensor<12x32xf32>) outs(%f2 : tensor<2x4x12xf32>) -> tensor<2x4x12xf32>
  %e4 = tensor.empty() : tensor<2x4x12xf32>
  %t5 = linalg.generic {indexing_maps = [affine_map<(b, m, o) -> (b, m, o)>, affine_map<(b, m, o) -> (b, m, o)>, affine_map<(b, m, o) -> (b, m, o)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t3, %y : tensor<2x4x12xf32>, tensor<2x4x12xf32>) outs(%e4 : tensor<2x4x12xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.addf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x12xf32>
  return %t5 : tensor<2x4x12xf32>
}
