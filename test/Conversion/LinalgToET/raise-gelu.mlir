// All forms of GELU, in one op or in many.
// RUN: et-opt %s --et-raise-gelu --canonicalize --cse | FileCheck %s
// RUN: %python %S/Inputs/compare.py %s --opt=et-opt --runner="%run_main" --lower="%upstream_to_llvm" --raise-with=--et-raise-gelu

// The exact form in one op.
// CHECK-LABEL: func.func @raise_erf(
// CHECK: et.gelu %arg0 : 
// CHECK-NOT: linalg
func.func @raise_erf(%x: tensor<2x4x32xf32>) -> (tensor<2x4x32xf32>) {
  %c2 = arith.constant 1.0 : f32
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

// x / sqrt(2), each step an op of its own.
// CHECK-LABEL: func.func @raise_erf_of_quotient(
// CHECK: et.gelu %arg0 : 
// CHECK-NOT: linalg
func.func @raise_erf_of_quotient(%x: tensor<2x4x32xf32>) -> (tensor<2x4x32xf32>) {
  %c2 = arith.constant 0.5 : f32
  %c1 = arith.constant 1.0 : f32
  %c0 = arith.constant 1.41421354 : f32
  %e1 = tensor.empty() : tensor<2x4x32xf32>
  %t2 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m, d)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x : tensor<2x4x32xf32>) outs(%e1 : tensor<2x4x32xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.divf %x0, %c0 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x32xf32>
  %e3 = tensor.empty() : tensor<2x4x32xf32>
  %t4 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m, d)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t2 : tensor<2x4x32xf32>) outs(%e3 : tensor<2x4x32xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = math.erf %x0 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x32xf32>
  %e5 = tensor.empty() : tensor<2x4x32xf32>
  %t6 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m, d)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t4 : tensor<2x4x32xf32>) outs(%e5 : tensor<2x4x32xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.addf %x0, %c1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x32xf32>
  %e7 = tensor.empty() : tensor<2x4x32xf32>
  %t8 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m, d)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x, %t6 : tensor<2x4x32xf32>, tensor<2x4x32xf32>) outs(%e7 : tensor<2x4x32xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.mulf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x32xf32>
  %e9 = tensor.empty() : tensor<2x4x32xf32>
  %t10 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m, d)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t8 : tensor<2x4x32xf32>) outs(%e9 : tensor<2x4x32xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %r = arith.mulf %x0, %c2 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x32xf32>
  return %t10 : tensor<2x4x32xf32>
}

// JAX's form: half x times erfc(-x / sqrt(2)).
// CHECK-LABEL: func.func @raise_erfc(
// CHECK: et.gelu %arg0 : 
// CHECK-NOT: linalg
func.func @raise_erfc(%x: tensor<2x4x32xf32>) -> (tensor<2x4x32xf32>) {
  %c1 = arith.constant 0.5 : f32
  %c0 = arith.constant -0.707106769 : f32
  %e1 = tensor.empty() : tensor<2x4x32xf32>
  %t2 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m, d)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x : tensor<2x4x32xf32>) outs(%e1 : tensor<2x4x32xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %u = arith.mulf %x0, %c0 : f32
    %e = math.erfc %u : f32
    %h = arith.mulf %x0, %c1 : f32
    %r = arith.mulf %h, %e : f32
    linalg.yield %r : f32
  } -> tensor<2x4x32xf32>
  return %t2 : tensor<2x4x32xf32>
}

// The tanh form.
// CHECK-LABEL: func.func @raise_tanh(
// CHECK: et.gelu %arg0 {approximate = #et.gelu<tanh>}
// CHECK-NOT: linalg
func.func @raise_tanh(%x: tensor<2x4x32xf32>) -> (tensor<2x4x32xf32>) {
  %c3 = arith.constant 1.0 : f32
  %c2 = arith.constant 0.5 : f32
  %c1 = arith.constant 0.044715 : f32
  %c0 = arith.constant 0.797884583 : f32
  %e1 = tensor.empty() : tensor<2x4x32xf32>
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

// tanh written as a logistic function of twice the argument.
// CHECK-LABEL: func.func @raise_tanh_as_sigmoid(
// CHECK: et.gelu %arg0 {approximate = #et.gelu<tanh>}
// CHECK-NOT: linalg
func.func @raise_tanh_as_sigmoid(%x: tensor<2x4x32xf32>) -> (tensor<2x4x32xf32>) {
  %c2 = arith.constant 1.0 : f32
  %c1 = arith.constant 0.044715 : f32
  %c0 = arith.constant -1.59576917 : f32
  %e1 = tensor.empty() : tensor<2x4x32xf32>
  %t2 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m, d)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x : tensor<2x4x32xf32>) outs(%e1 : tensor<2x4x32xf32>) {
  ^bb0(%x0: f32, %acc: f32):
    %s = arith.mulf %x0, %x0 : f32
    %c = arith.mulf %s, %x0 : f32
    %kc = arith.mulf %c, %c1 : f32
    %i = arith.addf %x0, %kc : f32
    %u = arith.mulf %i, %c0 : f32
    %e = math.exp %u : f32
    %p = arith.addf %e, %c2 : f32
    %r = arith.divf %x0, %p : f32
    linalg.yield %r : f32
  } -> tensor<2x4x32xf32>
  return %t2 : tensor<2x4x32xf32>
}

// x * sigmoid(1.702 x).
// CHECK-LABEL: func.func @raise_sigmoid(
// CHECK: et.gelu %arg0 {approximate = #et.gelu<sigmoid>}
// CHECK-NOT: linalg
func.func @raise_sigmoid(%x: tensor<2x4x32xf32>) -> (tensor<2x4x32xf32>) {
  %c1 = arith.constant 1.0 : f32
  %c0 = arith.constant -1.702 : f32
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

// What follows GELU is not part of it.
// CHECK-LABEL: func.func @raise_then_residual(
// CHECK: et.gelu %arg0
// CHECK: arith.addf
func.func @raise_then_residual(%x: tensor<2x4x32xf32>, %y: tensor<2x4x32xf32>) -> (tensor<2x4x32xf32>) {
  %c2 = arith.constant 1.0 : f32
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
  %e3 = tensor.empty() : tensor<2x4x32xf32>
  %t4 = linalg.generic {indexing_maps = [affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m, d)>, affine_map<(b, m, d) -> (b, m, d)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t2, %y : tensor<2x4x32xf32>, tensor<2x4x32xf32>) outs(%e3 : tensor<2x4x32xf32>) {
  ^bb0(%x0: f32, %x1: f32, %acc: f32):
    %r = arith.addf %x0, %x1 : f32
    linalg.yield %r : f32
  } -> tensor<2x4x32xf32>
  return %t4 : tensor<2x4x32xf32>
}
