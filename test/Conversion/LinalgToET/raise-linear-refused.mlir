// Near-misses stay as they are, and say why.
// RUN: et-opt %s --et-raise-linear --split-input-file --verify-diagnostics --remarks-filter-missed=et-raise-linear | FileCheck %s

// The product's operands are scaled inside the op.
// CHECK-LABEL: func.func @no_raise_scaled_product(
// CHECK-NOT: et.linear
func.func @no_raise_scaled_product(%x: tensor<4x32xf32>, %w: tensor<12x32xf32>) -> (tensor<4x12xf32>) {
  %c1 = arith.constant 0.0 : f32
  %c0 = arith.constant 0.5 : f32
  %e1 = tensor.empty() : tensor<4x12xf32>
  %f2 = linalg.fill ins(%c1 : f32) outs(%e1 : tensor<4x12xf32>) -> tensor<4x12xf32>
  // expected-remark @below {{the product is scaled by 0.5}}
  %t3 = linalg.generic {indexing_maps = [affine_map<(m, o, d) -> (m, d)>, affine_map<(m, o, d) -> (o, d)>, affine_map<(m, o, d) -> (m, o)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<4x32xf32>, tensor<12x32xf32>) outs(%f2 : tensor<4x12xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %p = arith.mulf %x0, %x1 : f32
    %s = arith.mulf %p, %c0 : f32
    %r = arith.addf %acc, %s : f32
    linalg.yield %r : f32
  } -> tensor<4x12xf32>
  return %t3 : tensor<4x12xf32>
}

// -----

// The product accumulates into another activation.
// CHECK-LABEL: func.func @no_raise_accumulates_into_activation(
// CHECK-NOT: et.linear
func.func @no_raise_accumulates_into_activation(%x: tensor<4x32xf32>, %w: tensor<12x32xf32>, %y: tensor<4x12xf32>) -> (tensor<4x12xf32>) {
  // expected-remark @below {{what is added to the product does not vary along the output features alone}}
  %t1 = linalg.contract indexing_maps = [affine_map<(m, o, d) -> (m, d)>, affine_map<(m, o, d) -> (o, d)>, affine_map<(m, o, d) -> (m, o)>] ins(%x, %w : tensor<4x32xf32>, tensor<12x32xf32>) outs(%y : tensor<4x12xf32>) -> tensor<4x12xf32>
  return %t1 : tensor<4x12xf32>
}

// -----

// The weight is computed.
// CHECK-LABEL: func.func @no_raise_computed_weight(
// CHECK-NOT: et.linear
func.func @no_raise_computed_weight(%x: tensor<4x32xf32>, %w: tensor<12x32xf32>) -> (tensor<4x12xf32>) {
  %c0 = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<12x32xf32>
  %t2 = linalg.generic {indexing_maps = [affine_map<(o, d) -> (o, d)>, affine_map<(o, d) -> (o, d)>], iterator_types = ["parallel", "parallel"]}
      ins(%w : tensor<12x32xf32>) outs(%e1 : tensor<12x32xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = math.absf %x0 : f32
    linalg.yield %r : f32
  } -> tensor<12x32xf32>
  %e3 = tensor.empty() : tensor<4x12xf32>
  %f4 = linalg.fill ins(%c0 : f32) outs(%e3 : tensor<4x12xf32>) -> tensor<4x12xf32>
  // expected-remark @below {{the weight is computed}}
  %t5 = linalg.contract indexing_maps = [affine_map<(m, o, d) -> (m, d)>, affine_map<(m, o, d) -> (o, d)>, affine_map<(m, o, d) -> (m, o)>]
      ins(%x, %t2 : tensor<4x32xf32>, tensor<12x32xf32>) outs(%f4 : tensor<4x12xf32>) -> tensor<4x12xf32>
  return %t5 : tensor<4x12xf32>
}

// -----

// The weight has a dynamic size.
// CHECK-LABEL: func.func @no_raise_dynamic_weight(
// CHECK-NOT: et.linear
func.func @no_raise_dynamic_weight(%x: tensor<4x32xf32>, %w: tensor<?x32xf32>) -> (tensor<4x?xf32>) {
  %c0 = arith.constant 0 : index
  %z = arith.constant 0.0 : f32
  %n = tensor.dim %w, %c0 : tensor<?x32xf32>
  %e = tensor.empty(%n) : tensor<4x?xf32>
  %f = linalg.fill ins(%z : f32) outs(%e : tensor<4x?xf32>) -> tensor<4x?xf32>
  // expected-remark @below {{the weight has a dynamic size}}
  %y = linalg.contract indexing_maps = [affine_map<(m, o, d) -> (m, d)>, affine_map<(m, o, d) -> (o, d)>, affine_map<(m, o, d) -> (m, o)>] ins(%x, %w : tensor<4x32xf32>, tensor<?x32xf32>) outs(%f : tensor<4x?xf32>) -> tensor<4x?xf32>
  return %y : tensor<4x?xf32>
}

// -----

// Each batch has a weight of its own: no linear layer, and no near-miss.
// CHECK-LABEL: func.func @no_raise_batched_weight(
// CHECK-NOT: et.linear
func.func @no_raise_batched_weight(%x: tensor<2x4x32xf32>, %w: tensor<2x12x32xf32>) -> (tensor<2x4x12xf32>) {
  %c0 = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<2x4x12xf32>
  %f2 = linalg.fill ins(%c0 : f32) outs(%e1 : tensor<2x4x12xf32>) -> tensor<2x4x12xf32>
  %t3 = linalg.contract indexing_maps = [affine_map<(b, m, o, d) -> (b, m, d)>, affine_map<(b, m, o, d) -> (b, o, d)>, affine_map<(b, m, o, d) -> (b, m, o)>]
      ins(%x, %w : tensor<2x4x32xf32>, tensor<2x12x32xf32>) outs(%f2 : tensor<2x4x12xf32>) -> tensor<2x4x12xf32>
  return %t3 : tensor<2x4x12xf32>
}

// -----

// A maximum over products is no product.
// CHECK-LABEL: func.func @no_raise_maximum_of_products(
// CHECK-NOT: et.linear
func.func @no_raise_maximum_of_products(%x: tensor<4x32xf32>, %w: tensor<12x32xf32>) -> (tensor<4x12xf32>) {
  %c0 = arith.constant 0xFF800000 : f32
  %e1 = tensor.empty() : tensor<4x12xf32>
  %f2 = linalg.fill ins(%c0 : f32) outs(%e1 : tensor<4x12xf32>) -> tensor<4x12xf32>
  %t3 = linalg.generic {indexing_maps = [affine_map<(m, o, d) -> (m, d)>, affine_map<(m, o, d) -> (o, d)>, affine_map<(m, o, d) -> (m, o)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<4x32xf32>, tensor<12x32xf32>) outs(%f2 : tensor<4x12xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %p = arith.mulf %x0, %x1 : f32
    %r = arith.maximumf %acc, %p : f32
    linalg.yield %r : f32
  } -> tensor<4x12xf32>
  return %t3 : tensor<4x12xf32>
}

// -----

// f32 operands, f16 result.
// CHECK-LABEL: func.func @no_raise_wider_input(
// CHECK-NOT: et.linear
func.func @no_raise_wider_input(%x: tensor<4x32xf32>, %w: tensor<12x32xf32>) -> (tensor<4x12xf16>) {
  %c0 = arith.constant 0.0 : f16
  %e1 = tensor.empty() : tensor<4x12xf16>
  %f2 = linalg.fill ins(%c0 : f16) outs(%e1 : tensor<4x12xf16>) -> tensor<4x12xf16>
  // expected-remark @below {{the input is f32, but the result is f16}}
  %t3 = linalg.generic {indexing_maps = [affine_map<(m, o, d) -> (m, d)>, affine_map<(m, o, d) -> (o, d)>, affine_map<(m, o, d) -> (m, o)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<4x32xf32>, tensor<12x32xf32>) outs(%f2 : tensor<4x12xf16>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f16):
    %p = arith.mulf %x0, %x1 : f32
    %s = arith.truncf %p : f32 to f16
    %r = arith.addf %acc, %s : f16
    linalg.yield %r : f16
  } -> tensor<4x12xf16>
  return %t3 : tensor<4x12xf16>
}
